/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os: what a process asks of its system beside descriptors: child processes, signals, and a
 * watchdog that names the fiber that stalls or crashes. All waits are rt's: they end at the
 * fiber's deadline or by cancellation.
 */
#pragma once
#include "rt/rt.h"

/* --- child processes --- */
struct proc;
struct proc_options {
	const char *const *argv;
	const char *const *envp; /* NULL = ours */
	const char *cwd;	 /* NULL = ours */
	int stdin_fd, stdout_fd, stderr_fd; /* -1 = /dev/null; own fd is given, not closed */
	const int *keep_fds; /* these stay open under numbers 3, 4, ... in this order */
	size_t keep_count;
	bool new_session; /* then proc_kill and proc_close reach the whole session's group */
};
status proc_spawn(const struct proc_options *, struct proc **out) NODISCARD;
int proc_pid(const struct proc *);
/* exit code 0..255, or 128 + signal. */
status proc_wait(struct proc *, deadline, int *code) NODISCARD;
void proc_kill(struct proc *, int sig);
void proc_close(struct proc *); /* kills with SIGKILL when still running, reaps, frees */
DEFINE_AUTO(proc, struct proc, proc_close)

/* --- signals, in place of handlers --- */
/* Blocks them for this thread and those it starts; once, before rt_run or in its first fiber. */
void signals_hold(const int *signals, size_t n);
status signal_wait(int *sig, deadline) NODISCARD;

/* --- the watchdog --- */
/*
 * For rt_options.watcher. Logs a backtrace when a fiber runs for stall_ms without waiting (-1: not
 * that), and says on stderr which fiber crashed or overflowed its stack. Takes SIGURG, SIGSEGV and
 * SIGBUS while the loop is open; one loop per process may be watched.
 */
extern const struct rt_watcher os_watcher;

/* --- giving rights away --- */
/*
 * For a process that from now on only talks on sockets: root becomes nobody, no new privileges, no
 * core dump, and (seccomp, where the kernel has it) no other program or process, no file opened for
 * writing. Threads may still start. For good. Call it when all sockets and logs are open.
 */
status os_confine(void) NODISCARD;
