/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zygote: see zygote.h. It waits for orders, forks, and returns only in the child, which is jailed by
 * then. Python calls it through jail_serve; Node's side is in node.c.
 *
 * Built without Python's headers: the three functions it calls are declared here.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/jail/zygote.h"
#include "sandbox/message.h"

void PyOS_BeforeFork(void) WEAK;
void PyOS_AfterFork_Parent(void) WEAK;
void PyOS_AfterFork_Child(void) WEAK;

PUBLIC int jail_serve(int control, struct order *out);

enum { SORT_BYTES = 100 << 10 };

struct zygote {
	const struct zygote_hooks *hooks;
	int control;
	int count; /* of children; `watch[0]` is the control socket */
	struct pollfd watch[CHILDREN_MAX + 1];
	struct {
		pid_t pid;
		uint64_t id;
	} child[CHILDREN_MAX + 1];
};

/* The launcher reads all the time; when it is gone, so are we. */
static void send_report(int control, const struct zygote_report *r, int pidfd)
{
	(void)message_send(control, r, sizeof(*r), &pidfd, pidfd >= 0);
}

long zygote_receive(int control, struct order *o, int fds[ORDER_FD_COUNT])
{
	size_t count = ORDER_FD_COUNT;
	for (int i = 0; i < ORDER_FD_COUNT; i++)
		fds[i] = -1;
	ssize_t n = message_receive(control, o, sizeof(*o), fds, &count);
	return n > 0 && !order_is_sound(o, n) ? -1 : n;
}

void zygote_close(int fds[ORDER_FD_COUNT])
{
	for (int i = 0; i < ORDER_FD_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* --- the child --- */

/* An empty input of this run alone: flags of a file that all runs share would tell one of another. */
static int open_nothing(void)
{
	int ends[2];
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || pipe2(ends, O_CLOEXEC) < 0)
		return fd;
	close(ends[1]);
	return ends[0];
}

/* Its own descriptors, under fixed numbers. */
static int keep_fds(const int fds[ORDER_FD_COUNT])
{
	const int target[] = { [ORDER_FD_CODE] = RUN_FD_CODE, [ORDER_FD_OUT] = 1,
			       [ORDER_FD_ERR] = 2, [ORDER_FD_STATUS] = RUN_FD_STATUS };
	int high[4];
	for (int i = 0; i < 4; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
		if (high[i] < 0)
			return -1;
	}
	for (int i = 0; i < 4; i++)
		if (dup2(high[i], target[i]) < 0 || close(high[i]) < 0)
			return -1;
	int nothing = open_nothing();
	return dup2(nothing, 0) < 0 || close(nothing) < 0 ? -1 : 0;
}

/* Signals that Python itself does not use become the default again. */
static void reset_signals(bool keep_handlers)
{
	sigset_t none;
	struct itimerval never = { 0 };
	for (int s = 1; s < 32 && !keep_handlers; s++)
		if (s != SIGPIPE && s != SIGINT && s != SIGXFSZ)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
}

static int become_run(const struct zygote *z, const struct order *o, const int fds[ORDER_FD_COUNT], pid_t parent)
{
	/* The network that this run may see, while there is the right to choose one. */
	if (fds[ORDER_FD_NETNS] >= 0 && setns(fds[ORDER_FD_NETNS], CLONE_NEWNET) < 0)
		return -1;
	bool apart = fds[ORDER_FD_PIDNS] >= 0;
	if (keep_fds(fds) < 0 || z->hooks->drop_fds() < 0)
		return -1;
	setsid();
	reset_signals(z->hooks->keep_handlers);
	umask(077);
	if (harden_scratch(o) < 0 || harden_limits(o) < 0 || harden_identity(o) < 0)
		return -1;
	/* Gone before its end could be told to us; in a space of its own a run has no parent, and
	 * ends with the space. */
	if (!apart && getppid() != parent)
		return -1;
	return harden_filter(o, RUN_FD_STATUS);
}

/* --- the parent --- */

static void add_child(struct zygote *z, pid_t pid, uint64_t id)
{
	struct zygote_report r = { .magic = WIRE_MAGIC, .event = ZYGOTE_STARTED, .id = id, .pid = pid };
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	z->count++;
	z->watch[z->count] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	z->child[z->count].pid = pid;
	z->child[z->count].id = id;
	send_report(z->control, &r, pidfd);
}

static void end_child(struct zygote *z, int i)
{
	struct rusage use = { 0 };
	struct zygote_report r = { .magic = WIRE_MAGIC, .event = ZYGOTE_ENDED, .id = z->child[i].id };
	if (wait4(z->child[i].pid, &r.wait_status, WNOHANG, &use) == 0)
		return;
	r.pid = z->child[i].pid;
	r.cpu_us = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
	r.peak_kb = use.ru_maxrss;
	close(z->watch[i].fd);
	z->watch[i] = z->watch[z->count];
	z->child[i] = z->child[z->count];
	z->count--;
	send_report(z->control, &r, -1);
}

static void call(void (*hook)(void))
{
	if (hook)
		hook();
}

/* 1 in the child, 0 in the parent. */
static int start_run(struct zygote *z, struct order *o, int fds[ORDER_FD_COUNT])
{
	struct zygote_report failed = { .magic = WIRE_MAGIC, .event = ZYGOTE_FAILED, .id = o->id };
	pid_t pid = -1;
	/* Children are made in the process namespace of this run, whose first process is ours. */
	int there = fds[ORDER_FD_PIDNS] < 0 || setns(fds[ORDER_FD_PIDNS], CLONE_NEWPID) == 0;
	if (there && z->count < CHILDREN_MAX) {
		pid_t self = getpid();
		call(z->hooks->before);
		pid = fork();
		if (pid == 0) {
			if (become_run(z, o, fds, self) < 0)
				_exit(EXIT_BROKEN);
			call(z->hooks->child);
			return 1;
		}
		call(z->hooks->parent);
	}
	zygote_close(fds);
	if (pid > 0)
		add_child(z, pid, o->id);
	else
		send_report(z->control, &failed, -1);
	return 0;
}

static int drop_segments(struct dl_phdr_info *object, size_t size, void *unused)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	(void)size;
	(void)unused;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		/* What can be written may differ from the file. */
		if (p->p_type != PT_LOAD || p->p_flags & PF_W)
			continue;
		uintptr_t from = (object->dlpi_addr + p->p_vaddr + page - 1) & ~(page - 1);
		uintptr_t to = (object->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(page - 1);
		if (from < to)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void zygote_trim(void)
{
	malloc_trim(0);
	/* It leaves free pieces unsorted; sorting them is one copied page each, which no child shall pay. */
	void *sorted = malloc(SORT_BYTES);
	free(sorted);
	(void)dl_iterate_phdr(drop_segments, NULL);
}

void zygote_serve(int control, struct order *out, const struct zygote_hooks *hooks)
{
	static struct zygote z;
	struct zygote_report ready = { .magic = WIRE_MAGIC, .event = ZYGOTE_READY, .pid = getpid() };
	int fds[ORDER_FD_COUNT];
	mallopt(M_ARENA_MAX, 1);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	zygote_trim();
	z.hooks = hooks;
	z.control = control;
	z.watch[0] = (struct pollfd){ .fd = control, .events = POLLIN };
	send_report(control, &ready, -1);
	while (z.watch[0].fd >= 0 || z.count) {
		if (poll(z.watch, (nfds_t)z.count + 1, -1) < 0 && errno != EINTR)
			_exit(EXIT_BROKEN);
		for (int i = z.count; i > 0; i--)
			if (z.watch[i].revents)
				end_child(&z, i);
		if (!z.watch[0].revents)
			continue;
		long n = zygote_receive(control, out, fds);
		if (n <= 0) {
			zygote_close(fds);
			if (n < 0)
				_exit(EXIT_BROKEN);
			z.watch[0].fd = -1;
		} else if (start_run(&z, out, fds)) {
			return;
		}
	}
	_exit(0);
}

/* --- Python --- */

static int close_rest(void)
{
	return (int)syscall(SYS_close_range, (unsigned)OWN_FDS_END, ~0u, 0u);
}

int jail_serve(int control, struct order *out)
{
	static const struct zygote_hooks hooks = { .before = PyOS_BeforeFork, .parent = PyOS_AfterFork_Parent,
						   .drop_fds = close_rest, .child = PyOS_AfterFork_Child };
	zygote_serve(control, out, &hooks);
	return 1;
}
