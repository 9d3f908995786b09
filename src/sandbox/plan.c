/* SPDX-License-Identifier: Apache-2.0 */
/* plan: what of the machine belongs into a jail. Asks the interpreters themselves. */
#include "sandbox/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "sandbox/wire.h"

enum { ANSWER_MAX = 16 << 10, NODE_MAJOR_MIN = 20, FILES_MAX = 4000, DEPTH_MAX = 12 };

struct planner {
	struct root_plan *plan;
	struct map seen;	/* by path in the jail */
	struct map libraries;	/* ELF files that were looked at */
	size_t files;
};

/* What a trusted program prints; "" with *out.at set when it prints nothing. */
static status ask(struct arena *mem, const char *const *argv, const char *preload, struct str *out)
{
	const char *env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", preload, NULL };
	int ends[2], how;
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno("pipe");
	posix_spawn_file_actions_t a;
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, ends[1], 1);
	posix_spawn_file_actions_addopen(&a, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&a, 3);
	errno = posix_spawn(&pid, argv[0], &a, NULL, (char *const *)(uintptr_t)argv,
			    (char *const *)(uintptr_t)env);
	posix_spawn_file_actions_destroy(&a);
	close(ends[1]);
	AUTO(fd) from = { ends[0] };
	if (errno)
		return err_set(ERR_NOT_FOUND, "cannot start %s: %s", argv[0], strerror(errno));
	char *at = arena_text(mem, ANSWER_MAX);
	size_t len = 0;
	ssize_t n;
	while ((n = read(from.n, at + len, ANSWER_MAX - len)) > 0)
		len += (size_t)n;
	if (waitpid(pid, &how, 0) != pid || !WIFEXITED(how) || WEXITSTATUS(how))
		return err_set(ERR_UNAVAILABLE, "%s does not run", argv[0]);
	*out = str_trim(str_of(at, len));
	return 0;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Folders resolved, the last part kept: the name under which programs look for it. */
static const char *settle(struct arena *mem, const char *path)
{
	struct str s = str_c(path);
	size_t slash = str_rfind_char(s, '/');
	if (slash == SIZE_MAX || slash == 0)
		return path;
	char *dir = realpath(arena_cstr(mem, str_sub(s, 0, slash)), NULL);
	const char *out = dir ? arena_printf(mem, "%s%.*s", dir, STR(str_skip(s, slash))).at : path;
	free(dir);
	return out;
}

static void add(struct planner *p, enum root_kind kind, const char *path, const char *source)
{
	struct arena *mem = p->plan->mem;
	if (map_has(&p->seen, str_c(path)))
		return;
	struct str key = arena_str(mem, str_c(path));
	map_set(&p->seen, key, p);
	struct root_item item = { kind, key.at, arena_str(mem, str_c(source)).at };
	vec_push(mem, &p->plan->items, item);
}

/* Whether a folder that is in the plan holds the path already. */
static bool covered(const struct planner *p, const char *path)
{
	for (size_t i = 0; i < p->plan->items.len; i++) {
		const struct root_item *it = &p->plan->items.at[i];
		size_t n = strlen(it->path);
		if (it->kind == ROOT_DIR && !strncmp(path, it->path, n) && path[n] == '/')
			return true;
	}
	return false;
}

static void add_dir(struct planner *p, const char *path)
{
	struct stat st;
	char *real = realpath(path, NULL);
	if (real && stat(real, &st) == 0 && S_ISDIR(st.st_mode) && !covered(p, real))
		add(p, ROOT_DIR, real, real);
	free(real);
}

static void add_file(struct planner *p, const char *path)
{
	const char *at = settle(p->plan->mem, path);
	char *real = realpath(path, NULL);
	if (real && !covered(p, at))
		add(p, ROOT_FILE, at, real);
	free(real);
}

/* An ELF file's libraries, and theirs. */
static status add_libraries(struct planner *p, const char *file, int depth)
{
	struct arena *mem = p->plan->mem;
	path_list needed = { 0 };
	const char *at = settle(mem, file);
	if (depth > DEPTH_MAX || map_has(&p->libraries, str_c(at)))
		return 0;
	map_set(&p->libraries, arena_str(mem, str_c(at)), p);
	if (elf_needed(mem, file, &needed))
		return 0; /* what cannot be read is not needed by what runs here */
	for (size_t i = 0; i < needed.len; i++) {
		add_file(p, needed.at[i]);
		if (add_libraries(p, needed.at[i], depth + 1))
			return -1;
	}
	return 0;
}

/* Every extension module under a folder. */
static status scan(struct planner *p, const char *dir, int depth)
{
	DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d)) && p->files < FILES_MAX;) {
		const char *path = arena_printf(p->plan->mem, "%s/%s", dir, e->d_name).at;
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR) {
			if (scan(p, path, depth + 1))
				break;
		} else if (strstr(e->d_name, ".so")) {
			p->files++;
			if (add_libraries(p, path, 0))
				break;
		}
	}
	closedir(d);
	return 0;
}

static status plan_python(struct planner *p, const char *python)
{
	static const char script[] =
		"import sys, sysconfig, site, os\n"
		"print('%d.%d.%d' % sys.version_info[:3]); print(os.path.realpath(sys.executable))\n"
		"print(sysconfig.get_path('stdlib')); print(sysconfig.get_path('platstdlib'))\n"
		"print(':'.join(p for p in site.getsitepackages() if os.path.isdir(p)))\n";
	struct arena *mem = p->plan->mem;
	struct str said;
	const char *argv[] = { python, "-I", "-c", script, NULL };
	if (ask(mem, argv, NULL, &said))
		return -1;
	p->plan->python_version = arena_str(mem, str_cut(&said, '\n')).at;
	p->plan->python = arena_str(mem, str_cut(&said, '\n')).at;
	const char *library = arena_str(mem, str_cut(&said, '\n')).at;
	const char *platform = arena_str(mem, str_cut(&said, '\n')).at;
	p->plan->site = arena_str(mem, said).at;
	if (!*p->plan->python || !*library)
		return err_set(ERR_UNAVAILABLE, "%s does not tell where its library is", python);
	add_file(p, p->plan->python);
	add_dir(p, library);
	add_dir(p, platform);
	for (struct str rest = said; rest.len;)
		add_dir(p, arena_cstr(mem, str_cut(&rest, ':')));
	if (add_libraries(p, p->plan->python, 0))
		return -1;
	for (size_t i = 0, n = p->plan->items.len; i < n; i++)
		if (p->plan->items.at[i].kind == ROOT_DIR && scan(p, p->plan->items.at[i].source, 0))
			return -1;
	return 0;
}

/* Whether one of the words is the same in both. */
static bool same_word(struct str a, struct str b)
{
	while (a.len || b.len)
		if (str_eq(str_cut(&a, ' '), str_cut(&b, ' ')))
			return true;
	return false;
}

const char *root_read_trial(struct str said, struct str *version, struct str *path)
{
	struct str first, second;
	*version = str_cut(&said, '\n');
	*path = str_cut(&said, '\n');
	first = str_cut(&said, '\n');
	second = str_cut(&said, '\n');
	if (str_starts(first, S("ends -2")))
		return "it lacks functions that forking needs";
	if (!str_starts(first, S("2 ")) || !str_starts(second, S("2 ")))
		return "a forked program did not run";
	if (same_word(str_skip(first, 2), str_skip(second, 2)))
		return "two forked programs drew the same random numbers";
	if (!str_has(said, S("Error: a program that fails")))
		return "a forked program that fails does not tell why";
	return str_ends(said, S("\nends 0 0 256")) ? NULL : "forked programs do not end as they should";
}

/* One start tells both: what this Node is, and whether it can be forked. Fails when it cannot even start so. */
static status try_node(struct arena *mem, const char *node, const char *helpers, struct str *version,
		       struct str *path, const char **why_no_fork)
{
	const char *argv[] = { node, JAIL_NODE_FORK_FLAGS, arena_printf(mem, "%s/boot.js", helpers).at, "try", NULL };
	struct str said;
	if (ask(mem, argv, arena_printf(mem, "LD_PRELOAD=%s/jail.so", helpers).at, &said))
		return -1;
	const char *why = root_read_trial(said, version, path);
	*why_no_fork = why ? why : "";
	return path->len ? 0 : err_set(ERR_UNAVAILABLE, "%s says nothing", node);
}

static status plan_node(struct planner *p, const char *node, const char *helpers)
{
	static const char *const folders[] = { "/usr/share/nodejs", "/usr/lib/nodejs", "/usr/share/node_modules",
					       "/usr/local/lib/node_modules", "/usr/lib/node_modules" };
	struct arena *mem = p->plan->mem;
	struct str said, version, path;
	int64_t major;
	const char *argv[] = { node, "-p", "process.versions.node + '\\n' + fs.realpathSync(process.execPath)", NULL };
	if (!try_node(mem, node, helpers, &version, &path, &p->plan->why_no_fork)) {
		p->plan->node_forks = !*p->plan->why_no_fork;
	} else {
		p->plan->why_no_fork = "this Node does not know the options for it";
		if (ask(mem, argv, NULL, &said))
			return -1;
		version = str_cut(&said, '\n');
		path = said;
	}
	struct str rest = version;
	if (str_to_i64(str_cut(&rest, '.'), &major))
		return err_set(ERR_UNAVAILABLE, "%s does not tell its version", node);
	if (major < NODE_MAJOR_MIN)
		return err_set(ERR_UNAVAILABLE, "%s is version %.*s; JavaScript needs Node.js %d or later", node,
			       STR(version), NODE_MAJOR_MIN);
	p->plan->node_version = arena_str(mem, version).at;
	p->plan->node = arena_str(mem, path).at;
	add_file(p, p->plan->node);
	p->plan->node_path = "";
	for (size_t i = 0; i < countof(folders); i++) {
		if (!exists(folders[i]))
			continue;
		add_dir(p, folders[i]);
		p->plan->node_path = arena_printf(mem, "%s%s%s", p->plan->node_path, *p->plan->node_path ? ":" : "",
						  folders[i]).at;
	}
	return add_libraries(p, p->plan->node, 0);
}

/* NODEJS_PATH, the usual places, and what `make setup` may have fetched beside a checkout. */
static void find_node(struct planner *p, const char *set, const char *helpers)
{
	struct arena *mem = p->plan->mem;
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct str dir = str_of(exe, n > 0 ? (size_t)n : 0);
	dir.len = dir.len ? str_rfind_char(dir, '/') : 0;
	const char *places[] = { set, "/usr/bin/node", "/usr/local/bin/node",
				 arena_printf(mem, "%.*s/../.cache/node/bin/node", STR(dir)).at };
	p->plan->why_no_node = "Node.js is not installed; set NODEJS_PATH";
	for (size_t i = 0; i < countof(places) && !p->plan->node; i++) {
		if (!*places[i] || !exists(places[i]))
			continue;
		if (plan_node(p, places[i], helpers))
			p->plan->why_no_node = arena_str(mem, err_text()).at;
	}
}

/* Data that both interpreters read, and top folders that are links on this machine. */
static void plan_common(struct planner *p)
{
	static const char *const dirs[] = {
		"/usr/share/zoneinfo", "/etc/ssl/certs", "/usr/share/ca-certificates",
		"/usr/lib/locale/C.utf8", "/usr/lib/ssl", "/usr/lib/x86_64-linux-gnu/ossl-modules",
		"/usr/lib/aarch64-linux-gnu/ossl-modules",
	};
	static const char *const files[] = {
		"/etc/ssl/openssl.cnf", "/etc/ld.so.cache", "/lib/x86_64-linux-gnu/libgcc_s.so.1",
		"/lib/aarch64-linux-gnu/libgcc_s.so.1", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/aarch64-linux-gnu/libstdc++.so.6",
	};
	static const char *const links[] = { "/lib", "/lib64", "/bin" };
	char target[256];
	for (size_t i = 0; i < countof(links); i++) {
		ssize_t n = readlink(links[i], target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			add(p, ROOT_LINK, links[i], target);
		}
	}
	for (size_t i = 0; i < countof(dirs); i++)
		add_dir(p, dirs[i]);
	for (size_t i = 0; i < countof(files); i++)
		if (exists(files[i]))
			add_file(p, files[i]);
}

status root_plan_make(struct arena *mem, const struct launcher_settings *s, const char *helpers, struct root_plan *out)
{
	*out = (struct root_plan){ .mem = mem, .why_no_fork = "there is no Node.js" };
	struct planner p = { .plan = out, .seen = map_make(mem), .libraries = map_make(mem) };
	plan_common(&p);
	if (plan_python(&p, *s->python_path ? s->python_path : "/usr/bin/python3"))
		return -1;
	find_node(&p, s->nodejs_path, helpers);
	return 0;
}
