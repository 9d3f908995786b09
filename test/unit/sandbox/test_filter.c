/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls against what the kernel does with the program made from it: every
 * number is called in a child behind the filter. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/core.h"
#include "sandbox/jail/filter.h"
#include "sandbox/wire.h"

static struct sock_filter program[FILTER_MAX];

static void install(uint32_t flags, const uint16_t *extra, size_t extra_len)
{
	struct filter_options o = { .flags = flags, .pid = (uint32_t)getpid(), .extra = extra, .extra_len = extra_len };
	struct sock_fprog p = { .filter = program };
	p.len = (unsigned short)filter_build(&o, program, FILTER_MAX);
	if (!p.len || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p))
		_exit(99);
}

/* errno of the call behind the filter (0 = it went through), or -signal. */
static int call(uint32_t flags, long number, const long a[6])
{
	int how, pipes[2];
	if (pipe(pipes))
		return -1000;
	pid_t pid = fork();
	if (pid == 0) {
		int e;
		alarm(60);
		signal(SIGILL, SIG_DFL); /* cmocka catches them */
		signal(SIGSEGV, SIG_DFL);
		install(flags, NULL, 0);
		e = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
		if (write(pipes[1], &e, sizeof(e)) != sizeof(e))
			_exit(98);
		_exit(0);
	}
	close(pipes[1]);
	int e = -1000;
	ssize_t n = read(pipes[0], &e, sizeof(e));
	close(pipes[0]);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(how))
		return -WTERMSIG(how);
	return n == sizeof(e) ? e : -1000;
}

/* Calls that end or stop the caller, whatever their arguments are. */
static bool stops(long n)
{
	static const long list[] = { SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_restart_syscall,
				     SYS_rt_sigtimedwait, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_close_range,
				     SYS_ppoll, SYS_pselect6, SYS_rseq, SYS_set_robust_list, SYS_set_tid_address,
				     SYS_sigaltstack, SYS_rt_sigaction, SYS_rt_sigprocmask,
#ifdef SYS_pause
				     SYS_pause, SYS_alarm, SYS_select, SYS_poll,
				     335, 336, /* uretprobe, uprobe: the kernel lets them past every filter
						* and ends the caller when they are not its own */
#endif
	};
	for (size_t i = 0; i < countof(list); i++)
		if (list[i] == n)
			return true;
	return false;
}

static bool fits(enum filter_rule rule, int got, uint32_t flags)
{
	switch (rule) {
	case RULE_ALLOW: return got >= 0 && got != EPERM;
	case RULE_KILL: return got == -SIGSYS;
	case RULE_REFUSE: return got == EPERM;
	case RULE_ENOSYS: return got == ENOSYS;
	case RULE_SCRATCH: return flags & ORDER_SCRATCH ? got >= 0 && got != EPERM : got == EPERM;
	default: return got >= 0; /* rules on arguments: their own table below */
	}
}

static void every_number(void **state)
{
	static const uint32_t profiles[] = { 0, ORDER_NETWORK, ORDER_NODE, ORDER_NODE | ORDER_NETWORK, ORDER_SCRATCH };
	static const long bad[6] = { -1, -1, -1, -1, -1, -1 };
	(void)state;
	for (size_t p = 0; p < countof(profiles); p++) {
		int who = profiles[p] & ORDER_NODE ? FOR_NODE : FOR_PYTHON;
		for (long n = 0; n < FILTER_NUMBER_MAX; n++) {
			const struct filter_row *r = filter_find((uint32_t)n);
			enum filter_rule rule = !r ? RULE_REFUSE : r->who & who ? r->rule : RULE_REFUSE;
			if (stops(n) || rule == RULE_PRCTL)
				continue;
			int got = call(profiles[p], n, bad);
			if (!fits(rule, got, profiles[p]))
				fail_msg("profile %x: call %ld (%s), rule %d: got %d", profiles[p], n, r ? r->name : "?", rule, got);
		}
	}
}

static void rules_on_arguments(void **state)
{
	static const char here[] = "/";
	static int pair[2];
	static const struct {
		uint32_t flags;
		long number, a[6];
		int want; /* errno, 0, or -signal; -1 = anything but EPERM */
	} cases[] = {
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_RDONLY | O_DIRECTORY }, 0 },
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_WRONLY }, EPERM },
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_RDWR }, EPERM },
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_CREAT }, EPERM },
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_TRUNC }, EPERM },
		{ 0, SYS_openat, { AT_FDCWD, (long)here, O_TMPFILE }, EPERM },
		{ ORDER_SCRATCH, SYS_openat, { AT_FDCWD, (long)here, O_WRONLY }, EISDIR },
		{ 0, SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, 0 },
		{ 0, SYS_mmap, { 0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, EACCES },
		{ ORDER_NODE, SYS_mmap, { 0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, 0 },
		{ 0, SYS_mmap, { 0, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0 }, ENOMEM },
		{ ORDER_NODE, SYS_mmap, { 0, 2 << 20, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0 }, ENOMEM },
		{ 0, SYS_clone, { SIGCHLD }, EPERM },
		{ 0, SYS_clone, { CLONE_VM | CLONE_VFORK | SIGCHLD }, EPERM },
		{ 0, SYS_clone, { CLONE_THREAD | CLONE_VM | CLONE_NEWUSER | CLONE_SIGHAND }, EPERM },
		{ 0, SYS_clone, { CLONE_THREAD | CLONE_VM | CLONE_PARENT | CLONE_SIGHAND }, EPERM },
		{ 0, SYS_clone, { CLONE_THREAD | CLONE_VM | CLONE_FS | CLONE_SIGHAND }, EPERM },
		{ 0, SYS_clone, { CLONE_THREAD | CLONE_VM | CLONE_FILES | CLONE_SIGHAND }, EPERM },
		{ 0, SYS_clone, { CLONE_THREAD | CLONE_VM | CLONE_FILES | CLONE_FS }, EINVAL }, /* passed on: needs CLONE_SIGHAND */
		{ 0, SYS_kill, { 1, 0 }, EPERM },
		{ 0, SYS_kill, { -1, 0 }, EPERM },
		{ 0, SYS_kill, { 0, 0 }, EPERM },
		{ 0, SYS_tgkill, { 1, 1, 0 }, EPERM },
		{ 0, SYS_fcntl, { 1, F_SETOWN, 1 }, EPERM },
		{ 0, SYS_fcntl, { 1, F_SETSIG, 9 }, EPERM },
		{ 0, SYS_fcntl, { 1, F_SETPIPE_SZ, 1 << 20 }, EPERM },
		{ 0, SYS_fcntl, { 1, F_GETFL }, 0 },
		{ 0, SYS_fcntl, { 1, F_SETFD, FD_CLOEXEC }, 0 },
		{ 0, SYS_fcntl, { -1, F_DUPFD, 0 }, EBADF },
		{ 0, SYS_fcntl, { -1, F_SETLK, 0 }, EPERM },
		{ 0, SYS_fcntl, { -1, F_GETLK, 0 }, EPERM },
		{ 0, SYS_fcntl, { -1, 37 /* F_OFD_SETLK */, 0 }, EPERM },
		{ 0, SYS_fcntl, { -1, 1036 /* F_SET_RW_HINT */, 0 }, EPERM },
		{ ORDER_SCRATCH, SYS_fcntl, { -1, F_SETLK, 0 }, EBADF },
		{ ORDER_SCRATCH, SYS_fcntl, { -1, F_SETLEASE, 0 }, EPERM },
		{ 0, SYS_fadvise64, { -1, 0, 0, 4 }, EPERM },
		{ 0, SYS_ioctl, { 1, 0x5412 /* TIOCSTI */, (long)here }, ENOTTY },
		{ 0, SYS_ioctl, { 1, 0x8901 /* FIOSETOWN */, (long)here }, ENOTTY },
		{ 0, SYS_prctl, { PR_GET_NAME, 0 }, EFAULT },
		{ 0, SYS_prctl, { PR_SET_PDEATHSIG, 9 }, EPERM },
		{ 0, SYS_prctl, { PR_SET_DUMPABLE, 1 }, EPERM },
		{ 0, SYS_prctl, { PR_SET_SECCOMP, 2 }, -SIGSYS },
		{ 0, SYS_prlimit64, { 0, 7, 0, 0 }, 0 },
		{ 0, SYS_prlimit64, { 1, 7, 0, 0 }, EPERM },
		{ 0, SYS_prlimit64, { 0, 7, (long)here, 0 }, EPERM },
		{ 0, SYS_prlimit64, { 0, 7, 1L << 40, 0 }, EPERM },
		{ 0, SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, (long)pair }, 0 },
		{ 0, SYS_socketpair, { AF_UNIX, SOCK_DGRAM, 0, (long)pair }, EPERM },
		{ 0, SYS_socketpair, { AF_UNIX, SOCK_SEQPACKET, 0, (long)pair }, EPERM },
		{ 0, SYS_socketpair, { AF_INET, SOCK_STREAM, 0, (long)pair }, EPERM },
		{ 0, SYS_socket, { AF_INET, SOCK_STREAM, 0 }, EPERM },
		{ 0, SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, EPERM },
		{ ORDER_NETWORK, SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0 }, 0 },
		{ ORDER_NETWORK, SYS_socket, { AF_INET, SOCK_DGRAM, 0 }, EACCES },
		{ ORDER_NETWORK, SYS_socket, { AF_INET, SOCK_RAW, 1 }, EACCES },
		{ ORDER_NETWORK, SYS_socket, { AF_INET, SOCK_STREAM, 262 /* MPTCP */ }, EACCES },
		{ ORDER_NETWORK, SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, EAFNOSUPPORT },
		{ ORDER_NETWORK, SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, EAFNOSUPPORT },
		{ ORDER_NETWORK, SYS_socket, { AF_INET6, SOCK_STREAM, 0 }, EAFNOSUPPORT },
		{ ORDER_NETWORK, SYS_connect, { -1, 0, 0 }, EBADF },
		{ 0, SYS_connect, { -1, 0, 0 }, EPERM },
		{ 0, SYS_sendto, { -1, 0, 0, 0, 0, 0 }, EBADF },
		{ 0, SYS_sendto, { -1, 0, 0, 0, (long)here, 2 }, EPERM },
		{ 0, SYS_sendto, { -1, 0, 0, 0, 1L << 40, 2 }, EPERM },
		{ ORDER_NETWORK, SYS_sendto, { -1, 0, 0, MSG_FASTOPEN, 0, 0 }, EPERM },
		{ ORDER_NETWORK, SYS_sendmsg, { -1, 0, MSG_FASTOPEN }, EPERM },
		{ ORDER_NETWORK, SYS_sendmsg, { -1, 0, 0 }, EBADF },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, SOL_SOCKET, SO_KEEPALIVE, 0, 0 }, EBADF },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, SOL_SOCKET, SO_SNDBUF, 0, 0 }, 0 }, /* not taken */
		{ ORDER_NETWORK, SYS_setsockopt, { -1, SOL_SOCKET, SO_RCVBUF, 0, 0 }, 0 },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, SOL_SOCKET, SO_SNDBUFFORCE, 0, 0 }, ENOPROTOOPT },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, SOL_SOCKET, SO_ATTACH_FILTER, 0, 0 }, ENOPROTOOPT },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, 6, 1, 0, 0 }, EBADF },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, 6, 31 /* TCP_ULP */, 0, 0 }, ENOPROTOOPT },
		{ ORDER_NETWORK, SYS_setsockopt, { -1, 0, 2, 0, 0 }, ENOPROTOOPT },
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		int got = call(cases[i].flags, cases[i].number, cases[i].a);
		if (got != cases[i].want)
			fail_msg("case %zu: call %ld(%ld, %ld, %ld): got %d, want %d", i, cases[i].number, cases[i].a[0],
				 cases[i].a[1], cases[i].a[2], got, cases[i].want);
	}
}

#ifdef __x86_64__
/* Numbers with the x32 bit, and the 32-bit entry, are another table: none of it is for a run. */
static void other_tables_kill(void **state)
{
	static const long none[6] = { 0 };
	int how;
	(void)state;
	assert_int_equal(call(0, 0x40000000L | SYS_getpid, none), -SIGSYS);
	pid_t pid = fork();
	if (pid == 0) {
		long r;
		install(0, NULL, 0);
		__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
		_exit(r > 0 ? 1 : 2);
	}
	waitpid(pid, &how, 0);
	assert_true(WIFSIGNALED(how));
	assert_true(WTERMSIG(how) == SIGSYS || WTERMSIG(how) == SIGSEGV); /* SEGV: kernel without that entry */
}
#endif

/* What the settings add is allowed; what may never be added stays. */
static void additions(void **state)
{
	static const uint16_t extra[] = { SYS_umask, SYS_ptrace, 599 };
	struct filter_options o = { .extra = extra, .extra_len = countof(extra) };
	int how;
	(void)state;
	assert_true(filter_build(&o, program, FILTER_MAX) > 0);
	assert_int_equal(filter_build(&o, program, 100), 0);
	pid_t pid = fork();
	if (pid == 0) {
		install(0, extra, countof(extra));
		if (syscall(SYS_umask, 022) < 0 || syscall(599) != -1 || errno != ENOSYS)
			_exit(1);
		syscall(SYS_ptrace, 0, 0, 0, 0);
		_exit(2);
	}
	waitpid(pid, &how, 0);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGSYS);
}

/* Each number once, each name once; the program has room to grow. */
static void table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < filter_rows_len; i++) {
		const struct filter_row *r = &filter_rows[i];
		if (filter_find(r->number) != r || filter_find_name(r->name, strlen(r->name)) != r)
			fail_msg("%s is twice in the table", r->name);
		if (r->number >= FILTER_NUMBER_MAX || strlen(r->name) >= WIRE_NAME_MAX)
			fail_msg("%s does not fit", r->name);
	}
	for (uint32_t flags = 0; flags < 4096; flags++) {
		struct filter_options o = { .flags = flags, .pid = 7 };
		size_t n = filter_build(&o, program, FILTER_MAX);
		if (!n || n > FILTER_MAX - 2 * WIRE_EXTRA_MAX)
			fail_msg("flags %x: %zu instructions", flags, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),     cmocka_unit_test(every_number),
		cmocka_unit_test(rules_on_arguments), cmocka_unit_test(additions),
#ifdef __x86_64__
		cmocka_unit_test(other_tables_kill),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
