/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: the helper library as an add-on of Node (boot.js calls it). Three ways, named by boot.js:
 *
 *   enter    a process started for one program waits for its order and jails itself
 *   serve    a process that is forked for every program (docs/decisions/0016-forking-node.md)
 *   attempt  one fork outside of any jail: the launcher asks so whether this Node can be forked
 *
 * What becomes of Node's helper threads is in threads.c. Built without Node's headers: the few functions
 * it calls are declared here, and a Node without one of them is not forked.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/jail/threads.h"
#include "sandbox/jail/zygote.h"

enum { CONTROL_FD = 3, FDS_END = OWN_FDS_END + CHILDREN_MAX + 64, TRIAL_SECONDS = 10 };

typedef void *(*callback)(void *env, void *info);
int napi_create_function(void *env, const char *name, size_t len, callback, void *data, void **out) WEAK;
int napi_set_named_property(void *env, void *object, const char *name, void *value) WEAK;
int napi_get_cb_info(void *env, void *info, size_t *argc, void **argv, void **self, void **data) WEAK;
int napi_get_value_int32(void *env, void *value, int32_t *out) WEAK;
int napi_create_int32(void *env, int32_t value, void **out) WEAK;
int napi_create_uint32(void *env, uint32_t value, void **out) WEAK;
int napi_get_uv_event_loop(void *env, void **loop) WEAK;
int uv_loop_fork(void *loop) WEAK;

PUBLIC void *napi_register_module_v1(void *env, void *exports);

static struct {
	void *loop; /* Node's event loop */
	int32_t turn; /* forks so far */
	bool started[FDS_END]; /* descriptors that Node had open before the first order */
	struct {
		dev_t dev;
		ino_t ino;
	} fd[FDS_END]; /* what they all were just before a fork; ino 0 = nothing */
} own;

/* --- around a fork --- */

static void before_fork(void)
{
	struct stat s;
	own.turn++;
	for (int i = OWN_FDS_END; i < FDS_END; i++) {
		bool open = fstat(i, &s) == 0;
		own.fd[i].ino = open ? s.st_ino : 0;
		own.fd[i].dev = open ? s.st_dev : 0;
	}
}

/*
 * Descriptors that Node opened at its start (its loops' epoll, wake-up and signal pipes) are shared
 * with the zygote and all its children. Node's own loop gets new ones here; of the others only the
 * number stays, for an eventfd of this child's, since Node writes to one of them when it ends. What was
 * not there before the fork is new: libuv's lock for signals, a pipe.
 */
static int drop_fds(void)
{
	struct stat s;
	int instead = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	threads_forked();
	if (instead < 0)
		return -1;
	for (int i = OWN_FDS_END; i < FDS_END; i++) {
		if (i == instead || fstat(i, &s) < 0)
			continue;
		bool same = s.st_ino == own.fd[i].ino && s.st_dev == own.fd[i].dev;
		if (!same && S_ISFIFO(s.st_mode))
			continue;
		if (same && own.started[i] ? dup2(instead, i) < 0 : close(i) < 0)
			return -1;
	}
	if (close(instead) < 0 || syscall(SYS_close_range, (unsigned)FDS_END, ~0u, 0u) < 0)
		return -1;
	return uv_loop_fork(own.loop) ? -1 : 0;
}

/* False: this Node cannot be forked. */
static bool begin(void)
{
	if (!own.loop || !uv_loop_fork || !threads_park())
		return false;
	before_fork();
	for (int i = OWN_FDS_END; i < FDS_END; i++)
		own.started[i] = own.fd[i].ino != 0;
	return true;
}

/* --- what boot.js calls --- */

static void *number(void *env, int32_t value)
{
	void *out = NULL;
	(void)napi_create_int32(env, value, &out);
	return out;
}

static int32_t argument(void *env, void *info)
{
	void *given = NULL;
	size_t count = 1;
	int32_t value = 1;
	if (napi_get_cb_info(env, info, &count, &given, NULL, NULL) == 0 && count)
		(void)napi_get_value_int32(env, given, &value);
	return value;
}

/* Identity and files were settled before this process started. */
static void *enter(void *env, void *info)
{
	struct order o;
	int fds[ORDER_FD_COUNT];
	(void)info;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	long n = zygote_receive(CONTROL_FD, &o, fds);
	if (n <= 0)
		_exit(n < 0 ? EXIT_BROKEN : 0);
	/* The code takes the place of the socket; other numbers are in use by Node itself. */
	int status = fds[ORDER_FD_STATUS];
	fds[ORDER_FD_STATUS] = -1;
	if (dup2(fds[ORDER_FD_CODE], RUN_FD_CODE) < 0)
		_exit(EXIT_BROKEN);
	zygote_close(fds);
	if (harden_limits(&o) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || harden_filter(&o, status) < 0)
		_exit(EXIT_BROKEN);
	return number(env, (int32_t)o.flags);
}

/* Comes back in every child, with the flags of its order. */
static void *serve(void *env, void *info)
{
	static const struct zygote_hooks hooks = { .before = before_fork, .drop_fds = drop_fds,
						   .keep_handlers = true };
	struct order o;
	(void)info;
	if (!begin())
		_exit(EXIT_BROKEN);
	zygote_serve(CONTROL_FD, &o, &hooks);
	return number(env, (int32_t)o.flags);
}

/* -1 in the child; in the parent how it ended, as waitpid says, or -2. */
static void *attempt(void *env, void *info)
{
	int how = -2;
	(void)info;
	alarm(TRIAL_SECONDS);
	if (!begin())
		return number(env, -2);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(TRIAL_SECONDS);
		if (drop_fds() < 0 || dup2(1, 2) < 0) /* errors are to be seen, too */
			_exit(EXIT_BROKEN);
		return number(env, -1);
	}
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return number(env, how);
}

static void *own_pid(void *env, void *info)
{
	(void)info;
	return number(env, getpid());
}

static void *turn(void *env, void *info)
{
	(void)info;
	return number(env, own.turn);
}

static void *chance(void *env, void *info)
{
	uint32_t value;
	void *out = NULL;
	(void)info;
	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		_exit(EXIT_BROKEN);
	(void)napi_create_uint32(env, value, &out);
	return out;
}

/* A pipe that something can be written to and nobody reads; its other end stays open. */
static void *new_pipe(void *env, void *info)
{
	int ends[2];
	(void)info;
	if (pipe2(ends, O_CLOEXEC) < 0)
		_exit(EXIT_BROKEN);
	return number(env, ends[1]);
}

static void *note(void *env, void *info)
{
	threads_note_exit(argument(env, info));
	return NULL;
}

static void *leave(void *env, void *info)
{
	_exit(argument(env, info));
}

void *napi_register_module_v1(void *env, void *exports)
{
	static const struct {
		const char *name;
		callback fn;
	} functions[] = { { "enter", enter }, { "serve", serve },   { "attempt", attempt },
			  { "pid", own_pid }, { "turn", turn },	    { "chance", chance },
			  { "pipe", new_pipe }, { "note", note },   { "leave", leave } };
	static bool loaded;
	if (loaded) /* by a program: in a Worker there is a way to */
		_exit(EXIT_BROKEN);
	loaded = true;
	if (napi_get_uv_event_loop && napi_get_uv_event_loop(env, &own.loop))
		own.loop = NULL;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *value;
		if (napi_create_function(env, functions[i].name, (size_t)-1, functions[i].fn, NULL, &value) ||
		    napi_set_named_property(env, exports, functions[i].name, value))
			_exit(EXIT_BROKEN);
	}
	return exports;
}
