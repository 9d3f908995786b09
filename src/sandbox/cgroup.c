/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup: see cgroup.h. Every file is named by the kernel's documentation of cgroup v2. */
#include "sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { SMALL = 512, NAME_BYTES = CGROUP_PATH_MAX + 96, SPARE_THREADS = 16 };
#define LEAF "run-"

static int write_small(const char *path, const char *text)
{
	AUTO(fd) f = { open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) };
	return f.n < 0 || write(f.n, text, strlen(text)) != (ssize_t)strlen(text) ? -1 : 0;
}

static bool read_small(const char *path, char out[SMALL])
{
	AUTO(fd) f = { open(path, O_RDONLY | O_CLOEXEC) };
	ssize_t n = f.n < 0 ? -1 : read(f.n, out, SMALL - 1);
	out[n > 0 ? n : 0] = 0;
	return n >= 0;
}

static void leaf_path(const struct cgroup *g, uint64_t run, const char *file, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, "%s/" LEAF "%" PRIu64 "%s%s", g->path, run, *file ? "/" : "", file);
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\n' || !at[n]))
			return true;
	return false;
}

static void remove_leftovers(const struct cgroup *g)
{
	char path[NAME_BYTES + 256];
	DIR *d = opendir(g->path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (!strncmp(e->d_name, LEAF, strlen(LEAF))) {
			snprintf(path, sizeof(path), "%s/%s", g->path, e->d_name);
			(void)rmdir(path);
		}
	if (d)
		closedir(d);
}

status cgroup_open(struct cgroup *g, const char *path, uint64_t memory, uint32_t threads)
{
	char name[NAME_BYTES], have[SMALL];
	*g = (struct cgroup){ .memory = memory, .threads = threads };
	if (!*path)
		return 0;
	snprintf(name, sizeof(name), "%s/cgroup.controllers", path);
	if (!read_small(name, have))
		return err_set(ERR_UNAVAILABLE, "SANDBOX_CGROUP: %s is no control group of version 2", path);
	if (!has_word(have, "memory") || !has_word(have, "pids"))
		return err_set(ERR_UNAVAILABLE, "SANDBOX_CGROUP: %s has no memory and pids (only: %s)", path, have);
	snprintf(name, sizeof(name), "%s/cgroup.subtree_control", path);
	if (write_small(name, "+memory +pids") < 0)
		return err_set(ERR_UNAVAILABLE, "SANDBOX_CGROUP: %s cannot be divided: %s (it must be ours to write, and hold no "
						"process)", path, strerror(errno));
	snprintf(g->path, sizeof(g->path), "%s", path);
	remove_leftovers(g);
	return 0;
}

static status set(const struct cgroup *g, uint64_t run, const char *file, uint64_t value)
{
	char name[NAME_BYTES], text[32];
	leaf_path(g, run, file, name);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return write_small(name, text) < 0 ? err_errno("write %s", name) : 0;
}

status cgroup_enter(struct cgroup *g, uint64_t run, pid_t pid)
{
	char name[NAME_BYTES];
	if (!*g->path)
		return 0;
	leaf_path(g, run, "", name);
	if (mkdir(name, 0755) < 0)
		return err_errno("make %s", name);
	if (set(g, run, "memory.max", g->memory) || set(g, run, "memory.oom.group", 1) ||
	    set(g, run, "pids.max", (uint64_t)g->threads + SPARE_THREADS))
		return -1;
	/* Without swap there is no such file, and nothing to limit. */
	if (set(g, run, "memory.swap.max", 0))
		err_clear();
	if (set(g, run, "cgroup.procs", (uint64_t)pid)) {
		if (errno != ESRCH)
			return -1;
		err_clear();
	}
	return 0;
}

bool cgroup_out_of_memory(const struct cgroup *g, uint64_t run)
{
	char name[NAME_BYTES], text[SMALL];
	leaf_path(g, run, "memory.events", name);
	if (!*g->path || !read_small(name, text))
		return false;
	const char *at = strstr(text, "oom_kill ");
	return at && at[9] >= '1' && at[9] <= '9';
}

static bool remove_leaf(const struct cgroup *g, uint64_t run)
{
	char name[NAME_BYTES];
	leaf_path(g, run, "", name);
	return rmdir(name) == 0 || errno == ENOENT;
}

void cgroup_leave(struct cgroup *g, uint64_t run)
{
	if (!*g->path)
		return;
	/* Kernels before 5.14 lack it; the run has been killed by its pid anyway. */
	if (set(g, run, "cgroup.kill", 1))
		err_clear();
	/* A process that has just been reaped may still be counted for a moment. */
	if (!remove_leaf(g, run) && g->left_count < CGROUP_LEFT_MAX)
		g->left[g->left_count++] = run;
}

void cgroup_sweep(struct cgroup *g)
{
	for (size_t i = g->left_count; i-- > 0;)
		if (remove_leaf(g, g->left[i]))
			g->left[i] = g->left[--g->left_count];
}
