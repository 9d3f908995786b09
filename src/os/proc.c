/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc: child processes by posix_spawn. A child gets exactly the descriptors it is given, default
 * signals and an empty mask. Its end is seen through a pidfd, or by asking now and then where the
 * kernel or an emulator has none.
 */
#include "base/err.h"
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEEP_MAX = 64, KILL_WAIT_MS = 5000, ASK_MS = 10 };

extern char **environ;

struct proc {
	pid_t pid;
	int pidfd; /* -1: none */
	bool session, done;
	int code;
};

/* The fds of the child, at numbers above all targets, so that no dup2 overwrites a later source. */
struct fd_plan {
	int from[3 + KEEP_MAX];
	size_t n;
};

static void plan_drop(struct fd_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->from[i] >= 0)
			close(p->from[i]);
}

static status plan_make(const struct proc_options *o, struct fd_plan *p)
{
	int want[3] = { o->stdin_fd, o->stdout_fd, o->stderr_fd };
	size_t total = 3 + o->keep_count;
	for (p->n = 0; p->n < total; p->n++) {
		int fd = p->n < 3 ? want[p->n] : o->keep_fds[p->n - 3];
		p->from[p->n] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, (int)total);
		if (fd >= 0 && p->from[p->n] < 0)
			return err_errno("pass descriptor %d", fd);
	}
	return 0;
}

static int add_actions(posix_spawn_file_actions_t *a, const struct proc_options *o,
		       const struct fd_plan *p)
{
	int e = 0;
	for (size_t i = 0; i < p->n && !e; i++)
		if (p->from[i] >= 0)
			e = posix_spawn_file_actions_adddup2(a, p->from[i], (int)i);
		else
			e = posix_spawn_file_actions_addopen(a, (int)i, "/dev/null", O_RDWR, 0);
	if (!e)
		e = posix_spawn_file_actions_addclosefrom_np(a, (int)p->n);
	if (!e && o->cwd)
		e = posix_spawn_file_actions_addchdir_np(a, o->cwd);
	return e;
}

static int add_attributes(posix_spawnattr_t *a, const struct proc_options *o)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int e = posix_spawnattr_setsigmask(a, &none);
	if (!e)
		e = posix_spawnattr_setsigdefault(a, &all);
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	if (o->new_session)
		flags |= POSIX_SPAWN_SETSID;
	return e ? e : posix_spawnattr_setflags(a, (short)flags);
}

/* posix_spawn's number: 0 or an errno. */
static int spawn(const struct proc_options *o, const struct fd_plan *plan, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int e = posix_spawn_file_actions_init(&actions);
	if (e)
		return e;
	e = posix_spawnattr_init(&attributes);
	if (!e) {
		e = add_actions(&actions, o, plan);
		if (!e)
			e = add_attributes(&attributes, o);
		if (!e)
			e = posix_spawnp(pid, o->argv[0], &actions, &attributes,
					 (char *const *)(uintptr_t)o->argv,
					 o->envp ? (char *const *)(uintptr_t)o->envp : environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return e;
}

status proc_spawn(const struct proc_options *o, struct proc **out)
{
	struct fd_plan plan = { .n = 0 };
	pid_t pid = -1;
	ASSERT(o->keep_count <= KEEP_MAX);
	status result = plan_make(o, &plan);
	if (!result) {
		errno = spawn(o, &plan, &pid);
		if (errno)
			result = err_errno("start %s", o->argv[0]);
	}
	plan_drop(&plan);
	if (result)
		return -1;
	struct proc *p = mem_zero(sizeof *p);
	p->pid = pid;
	p->session = o->new_session;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p->pidfd >= 0)
		(void)fcntl(p->pidfd, F_SETFD, FD_CLOEXEC);
	loop_outside(1);
	*out = p;
	return 0;
}

int proc_pid(const struct proc *p)
{
	return p->pid;
}

static bool reap(struct proc *p)
{
	int how;
	if (p->done)
		return true;
	pid_t pid = waitpid(p->pid, &how, WNOHANG);
	if (pid != p->pid && !(pid < 0 && errno == ECHILD))
		return false;
	p->done = true;
	loop_outside(-1);
	if (pid < 0)
		p->code = 255; /* somebody else took its status */
	else
		p->code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
	return true;
}

static status wait_a_little(struct proc *p, deadline until)
{
	if (p->pidfd >= 0)
		return fd_wait(p->pidfd, WAIT_READ, until);
	if (until <= rt_now())
		return err_set(ERR_TIMEOUT, "timed out");
	return fiber_sleep_ms(ASK_MS);
}

status proc_wait(struct proc *p, deadline until, int *code)
{
	if (fiber_cancelled())
		return err_set(ERR_CANCELLED, "cancelled");
	while (!reap(p))
		if (wait_a_little(p, until))
			return -1;
	*code = p->code;
	return 0;
}

void proc_kill(struct proc *p, int sig)
{
	/* Without the status taken, the number is still this process's. */
	if (!reap(p))
		(void)kill(p->session ? -p->pid : p->pid, sig);
}

void proc_close(struct proc *p)
{
	if (!p)
		return;
	if (!p->done) {
		proc_kill(p, SIGKILL);
		struct shield s = shield_begin(KILL_WAIT_MS);
		int code;
		if (proc_wait(p, DEADLINE_NONE, &code) && !p->done)
			loop_outside(-1); /* stuck in the kernel: a zombie until we end */
		shield_end(s);
	}
	if (p->pidfd >= 0) {
		fd_forget(p->pidfd);
		close(p->pidfd);
	}
	free(p);
}
