/* SPDX-License-Identifier: Apache-2.0 */
/* packages: see packages.h. FOLDER/v123/ holds what one update made, FOLDER/current leads to it. */
#include "sandbox/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "os/os.h"
#include "sandbox/front.h"

enum {
	INSTALL_MS = 900000, /* one update */
	OUTPUT_MAX = 256 << 10,
	FILE_MAX = 256 << 10,
	SAID_LINES = 6,
	TREE_FDS = 16,
};

/* One update: what it works with, for the steps on threads too. */
struct update {
	struct arena *mem;
	struct sandbox *s;
	struct str folder, target, text, stamp;
	bool same;
};

static struct str folder_of(struct sandbox *s, struct arena *mem)
{
	struct str work = s->options.work_dir;
	if (s->hello.tier == TIER_CONTAINER)
		return arena_printf(mem, "%.*s/root" JAIL_PACKAGES, STR(work));
	return arena_printf(mem, "%.*s/packages", STR(work));
}

struct str packages_folder(struct sandbox *s, struct arena *mem)
{
	if (!s->options.launcher.packages || !s->up)
		return S("");
	struct str folder = folder_of(s, mem);
	return arena_printf(mem, "%.*s/current", STR(folder));
}

/* --- blocking steps --- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void remove_tree(struct arena *mem, struct str path)
{
	(void)nftw(arena_cstr(mem, path), remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

static struct str read_small(struct arena *mem, const char *path)
{
	AUTO(fd) f = { open(path, O_RDONLY | O_CLOEXEC) };
	char *at = arena_text(mem, FILE_MAX);
	ssize_t n = f.n < 0 ? 0 : read(f.n, at, FILE_MAX);
	return str_of(at, n > 0 ? (size_t)n : 0);
}

/* Whether any line asks for something. */
static bool is_empty(struct str text)
{
	while (text.len) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.len && line.at[0] != '#')
			return false;
	}
	return true;
}

static status begin(void *arg)
{
	struct update *u = arg;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	u->text = read_small(u->mem, arena_cstr(u->mem, u->s->options.requirements));
	u->stamp = crypt_sha256_hex(u->mem, arena_printf(u->mem, "%s\n%.*s", u->s->hello.python_version, STR(u->text)));
	u->target = arena_printf(u->mem, "%.*s/v%lld%03ld", STR(u->folder), (long long)t.tv_sec, t.tv_nsec / 1000000);
	const char *mark = arena_printf(u->mem, "%.*s/current/.requirements", STR(u->folder)).at;
	u->same = str_eq(read_small(u->mem, mark), u->stamp) ||
		  (access(mark, F_OK) < 0 && is_empty(u->text));
	return 0;
}

static status make_target(void *arg)
{
	struct update *u = arg;
	const char *tmp = arena_printf(u->mem, "%.*s/tmp", STR(u->folder)).at;
	remove_tree(u->mem, str_c(tmp));
	/* Runs are other users: whatever the mask is. */
	if (mkdir(arena_cstr(u->mem, u->target), 0755) < 0 || chmod(arena_cstr(u->mem, u->target), 0755) < 0 || mkdir(tmp, 0700) < 0)
		return err_errno("make %.*s", STR(u->target));
	return 0;
}

static status put_mark(struct update *u)
{
	AUTO(fd) f = { open(arena_printf(u->mem, "%.*s/.requirements", STR(u->target)).at, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) };
	if (f.n < 0 || write(f.n, u->stamp.at, u->stamp.len) != (ssize_t)u->stamp.len)
		return err_errno("write to %.*s", STR(u->target));
	return 0;
}

/* All but the new folder and the one before it, which interpreters that end soon may still read. */
static void remove_old(struct update *u, struct str before)
{
	struct str now = str_skip(u->target, u->folder.len + 1);
	DIR *d = opendir(arena_cstr(u->mem, u->folder));
	for (struct dirent *e; d && (e = readdir(d));) {
		struct str name = str_c(e->d_name);
		bool ours = name.at[0] == 'v' || str_eq(name, S("tmp"));
		if (ours && !str_eq(name, now) && !str_eq(name, before))
			remove_tree(u->mem, arena_printf(u->mem, "%.*s/%s", STR(u->folder), e->d_name));
	}
	if (d)
		closedir(d);
}

static status put_in_place(void *arg)
{
	struct update *u = arg;
	char before[64] = "";
	const char *link = arena_printf(u->mem, "%.*s/current", STR(u->folder)).at;
	const char *next = arena_printf(u->mem, "%.*s/next", STR(u->folder)).at;
	ssize_t n = readlink(link, before, sizeof(before) - 1);
	if (put_mark(u))
		return -1;
	(void)unlink(next);
	if (symlink(u->target.at + u->folder.len + 1, next) < 0 || rename(next, link) < 0)
		return err_errno("make %s", link);
	remove_old(u, str_of(before, n > 0 ? (size_t)n : 0));
	return 0;
}

static status throw_away(void *arg)
{
	struct update *u = arg;
	remove_tree(u->mem, u->target);
	return 0;
}

/* --- pip --- */

static status read_output(int fd, struct buf *b, deadline until)
{
	char piece[512];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EAGAIN) {
			if (fd_wait(fd, WAIT_READ, until))
				return -1;
			continue;
		}
		if (n <= 0)
			return 0;
		if (b->len + (size_t)n <= OUTPUT_MAX)
			buf_put(b, str_of(piece, (size_t)n));
	}
}

/* Its last lines, notices left out: what it says about the failure comes last. */
static struct str last_words(struct arena *mem, struct str all)
{
	struct str lines[SAID_LINES] = { { 0 } };
	struct buf b = buf_make(mem, OUTPUT_MAX + 64);
	while (all.len) {
		struct str line = str_trim(str_cut(&all, '\n'));
		if (!line.len || str_starts(line, S("Looking in")) || str_starts(line, S("[notice]")))
			continue;
		memmove(lines, lines + 1, sizeof(lines) - sizeof(lines[0]));
		lines[SAID_LINES - 1] = line;
	}
	for (size_t i = 0; i < SAID_LINES; i++)
		if (lines[i].len)
			buf_printf(&b, "%s%.*s", b.len ? "; " : "", STR(lines[i]));
	return buf_str(&b);
}

static status run_pip(struct update *u)
{
	const struct sandbox_options *o = &u->s->options;
	struct arena *mem = u->mem;
	int ends[2], code;
	deadline until = deadline_in_ms(INSTALL_MS);
	bool proxied = str_starts(o->proxy, S("http"));
	const char *env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", arena_printf(mem, "HOME=%.*s/tmp", STR(u->folder)).at,
			      arena_printf(mem, "TMPDIR=%.*s/tmp", STR(u->folder)).at,
			      proxied ? arena_printf(mem, "HTTP_PROXY=%.*s", STR(o->proxy)).at : NULL,
			      proxied ? arena_printf(mem, "HTTPS_PROXY=%.*s", STR(o->proxy)).at : NULL, NULL };
	const char *argv[] = { arena_cstr(mem, o->self), "sandbox-install", o->launcher.python_path, arena_cstr(mem, o->requirements),
			       arena_cstr(mem, u->target), o->pip_index.len ? arena_cstr(mem, o->pip_index) : NULL, NULL };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno("pipe");
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	struct proc_options p = { .argv = argv, .envp = env, .cwd = "/", .stdin_fd = -1, .stdout_fd = ends[1], .stderr_fd = ends[1],
				  .new_session = true };
	AUTO(proc) pip = { NULL };
	struct buf b = buf_make(mem, OUTPUT_MAX);
	status r = proc_spawn(&p, &pip.p);
	close(ends[1]);
	r = r || read_output(ends[0], &b, until) || proc_wait(pip.p, until, &code) ? -1 : 0;
	fd_forget(ends[0]);
	close(ends[0]);
	if (r)
		return err_code() == ERR_TIMEOUT ? err_set(ERR_TIMEOUT, "pip was not ready after %d s", INSTALL_MS / 1000) : -1;
	if (code)
		return err_set(ERR_INVALID, "pip: %.*s", STR(last_words(mem, buf_str(&b))));
	return 0;
}

static status install(struct update *u)
{
	if (pool_call(make_target, u))
		return -1;
	if ((!is_empty(u->text) && run_pip(u)) || pool_call(put_in_place, u)) {
		struct err why;
		err_save(&why);
		struct shield sh = shield_begin(INSTALL_MS);
		if (pool_call(throw_away, u))
			log_err(LOG_WARN, "what was half installed");
		shield_end(sh);
		return err_restore(&why);
	}
	return u->s->up ? front_reload(u->s) : 0;
}

static status one_round(struct sandbox *s, bool force)
{
	struct packages *p = &s->packages;
	AUTO(arena) mem = { arena_open(0) };
	struct update u = { .mem = mem.p, .s = s, .folder = folder_of(s, mem.p) };
	if (pool_call(begin, &u))
		return -1;
	if (u.same && !force)
		return 0;
	p->state = PACKAGES_RUNNING;
	log_info("installing the packages of %.*s", STR(s->options.requirements));
	if (!install(&u)) {
		p->state = PACKAGES_DONE;
		p->said[0] = 0;
		log_info("packages are installed");
		return 0;
	}
	if (err_code() == ERR_CANCELLED)
		return -1;
	p->state = PACKAGES_FAILED;
	snprintf(p->said, sizeof(p->said), "%.*s", STR(err_text()));
	log_err(LOG_WARN, "packages of the sandbox are as they were");
	return 0;
}

status packages_keep(void *arg)
{
	struct sandbox *s = arg;
	struct packages *p = &s->packages;
	int64_t every = s->options.update_interval_s * 1000;
	bool force = false;
	while (!s->closing) {
		while (!s->up && !s->closing)
			if (event_wait(&s->changed, DEADLINE_NONE))
				return 0;
		if (one_round(s, force))
			return 0;
		force = false;
		p->rounds++;
		event_wake_all(&p->ended);
		while (!p->wanted && !s->closing && !force)
			if (event_wait(&p->work, every ? deadline_in_ms(every) : DEADLINE_NONE)) {
				if (err_code() != ERR_TIMEOUT)
					return 0;
				force = true;
			}
		force |= p->wanted;
		p->wanted = false;
	}
	return 0;
}

status packages_update(struct sandbox *s)
{
	struct packages *p = &s->packages;
	/* One that runs may have read the file before it was changed: the next one counts. */
	uint64_t until = p->rounds + (p->state == PACKAGES_RUNNING || !p->rounds ? 2 : 1);
	p->wanted = true;
	event_wake_all(&p->work);
	while (p->rounds < until)
		if (event_wait(&p->ended, deadline_in_ms(2 * INSTALL_MS)))
			return -1;
	return p->state == PACKAGES_FAILED ? err_set(ERR_UPSTREAM, "%s", p->said) : 0;
}

struct json *packages_report(struct sandbox *s, struct arena *mem)
{
	static const char *const names[] = { "never", "running", "done", "failed" };
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("state"), str_c(names[s->packages.state]));
	json_set_str(mem, o, S("message"), arena_str(mem, str_c(s->packages.said)));
	return o;
}
