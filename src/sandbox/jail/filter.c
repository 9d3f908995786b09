/* SPDX-License-Identifier: Apache-2.0 */
/* filter: see filter.h. The table is the contract; docs/operations/sandbox.md explains it. */
#include "sandbox/jail/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sandbox/wire.h"

#define ROW(name, who, rule) { #name, __NR_##name, who, rule },
#define OLD(name, number, who, rule) { #name, number, who, rule },

const struct filter_row filter_rows[] = {
	ROW(mmap, FOR_BOTH, RULE_MMAP)
	ROW(mprotect, FOR_BOTH, RULE_MAP)
	ROW(openat, FOR_BOTH, RULE_OPENAT)
	ROW(ioctl, FOR_BOTH, RULE_IOCTL)
	ROW(fcntl, FOR_BOTH, RULE_FCNTL)
	ROW(clone, FOR_BOTH, RULE_CLONE)
	ROW(clone3, FOR_BOTH, RULE_ENOSYS)
	ROW(kill, FOR_BOTH, RULE_SELF)
	ROW(tgkill, FOR_BOTH, RULE_SELF)
	ROW(prctl, FOR_BOTH, RULE_PRCTL)
	ROW(prlimit64, FOR_BOTH, RULE_PRLIMIT)
	ROW(socketpair, FOR_BOTH, RULE_SOCKETPAIR)
	ROW(sendto, FOR_BOTH, RULE_SENDTO)
	ROW(sendmsg, FOR_BOTH, RULE_SENDMSG)
	ROW(setsockopt, FOR_BOTH, RULE_SETSOCKOPT)
	ROW(socket, FOR_BOTH, RULE_SOCKET)
	ROW(connect, FOR_BOTH, RULE_CONNECT)
	/* descriptors */
	ROW(read, FOR_BOTH, RULE_ALLOW)
	ROW(write, FOR_BOTH, RULE_ALLOW)
	ROW(readv, FOR_BOTH, RULE_ALLOW)
	ROW(writev, FOR_BOTH, RULE_ALLOW)
	ROW(pread64, FOR_BOTH, RULE_ALLOW)
	ROW(pwrite64, FOR_BOTH, RULE_ALLOW)
	ROW(preadv, FOR_BOTH, RULE_ALLOW)
	ROW(lseek, FOR_BOTH, RULE_ALLOW)
	ROW(close, FOR_BOTH, RULE_ALLOW)
	ROW(close_range, FOR_BOTH, RULE_ALLOW)
	ROW(dup, FOR_BOTH, RULE_DUP)
	ROW(dup3, FOR_BOTH, RULE_DUP2)
	ROW(pipe2, FOR_BOTH, RULE_ALLOW)
	/* looking at files */
	ROW(newfstatat, FOR_BOTH, RULE_ALLOW)
	ROW(fstat, FOR_BOTH, RULE_ALLOW)
	ROW(statx, FOR_BOTH, RULE_ALLOW)
	ROW(readlinkat, FOR_BOTH, RULE_ALLOW)
	ROW(getdents64, FOR_BOTH, RULE_ALLOW)
	ROW(faccessat, FOR_BOTH, RULE_ALLOW)
	ROW(faccessat2, FOR_BOTH, RULE_ALLOW)
	ROW(getcwd, FOR_BOTH, RULE_ALLOW)
	/* memory */
	ROW(munmap, FOR_BOTH, RULE_ALLOW)
	ROW(mremap, FOR_BOTH, RULE_ALLOW)
	ROW(madvise, FOR_BOTH, RULE_ALLOW)
	ROW(brk, FOR_BOTH, RULE_ALLOW)
	ROW(mincore, FOR_BOTH, RULE_ALLOW)
	ROW(msync, FOR_BOTH, RULE_ALLOW)
	ROW(membarrier, FOR_BOTH, RULE_ALLOW)
	ROW(pkey_mprotect, FOR_NODE, RULE_ALLOW)
	ROW(pkey_alloc, FOR_NODE, RULE_ALLOW)
	ROW(pkey_free, FOR_NODE, RULE_ALLOW)
	/* threads */
	ROW(futex, FOR_BOTH, RULE_ALLOW)
	ROW(set_robust_list, FOR_BOTH, RULE_ALLOW)
	ROW(get_robust_list, FOR_BOTH, RULE_REFUSE)
	ROW(rseq, FOR_BOTH, RULE_ALLOW)
	ROW(sched_yield, FOR_BOTH, RULE_ALLOW)
	ROW(sched_getaffinity, FOR_BOTH, RULE_ALLOW)
	ROW(getcpu, FOR_BOTH, RULE_ALLOW)
	ROW(gettid, FOR_BOTH, RULE_ALLOW)
	ROW(getpid, FOR_BOTH, RULE_ALLOW)
	ROW(getppid, FOR_BOTH, RULE_ALLOW)
	ROW(set_tid_address, FOR_BOTH, RULE_ALLOW)
	ROW(exit, FOR_BOTH, RULE_ALLOW)
	ROW(exit_group, FOR_BOTH, RULE_ALLOW)
	ROW(restart_syscall, FOR_BOTH, RULE_ALLOW)
	/* signals of this process */
	ROW(rt_sigaction, FOR_BOTH, RULE_ALLOW)
	ROW(rt_sigprocmask, FOR_BOTH, RULE_ALLOW)
	ROW(rt_sigreturn, FOR_BOTH, RULE_ALLOW)
	ROW(rt_sigpending, FOR_BOTH, RULE_ALLOW)
	ROW(rt_sigsuspend, FOR_BOTH, RULE_ALLOW)
	ROW(rt_sigtimedwait, FOR_BOTH, RULE_ALLOW)
	ROW(sigaltstack, FOR_BOTH, RULE_ALLOW)
	ROW(setitimer, FOR_BOTH, RULE_ALLOW)
	ROW(getitimer, FOR_BOTH, RULE_ALLOW)
	/* time and chance */
	ROW(clock_gettime, FOR_BOTH, RULE_ALLOW)
	ROW(clock_getres, FOR_BOTH, RULE_ALLOW)
	ROW(clock_nanosleep, FOR_BOTH, RULE_ALLOW)
	ROW(nanosleep, FOR_BOTH, RULE_ALLOW)
	ROW(gettimeofday, FOR_BOTH, RULE_ALLOW)
	ROW(times, FOR_BOTH, RULE_ALLOW)
	ROW(getrusage, FOR_BOTH, RULE_ALLOW)
	ROW(sysinfo, FOR_BOTH, RULE_ALLOW)
	ROW(timerfd_create, FOR_BOTH, RULE_ALLOW)
	ROW(timerfd_settime, FOR_BOTH, RULE_ALLOW)
	ROW(timerfd_gettime, FOR_BOTH, RULE_ALLOW)
	ROW(getrandom, FOR_BOTH, RULE_ALLOW)
	/* waiting */
	ROW(epoll_create1, FOR_BOTH, RULE_ALLOW)
	ROW(epoll_ctl, FOR_BOTH, RULE_ALLOW)
	ROW(epoll_pwait, FOR_BOTH, RULE_ALLOW)
	ROW(epoll_pwait2, FOR_BOTH, RULE_ALLOW)
	ROW(ppoll, FOR_BOTH, RULE_ALLOW)
	ROW(pselect6, FOR_BOTH, RULE_ALLOW)
	ROW(eventfd2, FOR_BOTH, RULE_ALLOW)
	/* who am I */
	ROW(uname, FOR_BOTH, RULE_ALLOW)
	ROW(getuid, FOR_BOTH, RULE_ALLOW)
	ROW(geteuid, FOR_BOTH, RULE_ALLOW)
	ROW(getgid, FOR_BOTH, RULE_ALLOW)
	ROW(getegid, FOR_BOTH, RULE_ALLOW)
	ROW(getgroups, FOR_BOTH, RULE_ALLOW)
	ROW(getresuid, FOR_BOTH, RULE_ALLOW)
	ROW(getresgid, FOR_BOTH, RULE_ALLOW)
	ROW(getpgid, FOR_BOTH, RULE_ALLOW)
	ROW(getsid, FOR_BOTH, RULE_ALLOW)
	ROW(capget, FOR_NODE, RULE_ALLOW)
#ifdef __NR_getrlimit
	ROW(getrlimit, FOR_BOTH, RULE_ALLOW)
	ROW(setrlimit, FOR_BOTH, RULE_REFUSE)
#endif
	/* sockets that exist */
	ROW(recvfrom, FOR_BOTH, RULE_ALLOW)
	ROW(recvmsg, FOR_BOTH, RULE_ALLOW)
	ROW(getsockopt, FOR_BOTH, RULE_ALLOW)
	ROW(getsockname, FOR_BOTH, RULE_ALLOW)
	ROW(getpeername, FOR_BOTH, RULE_ALLOW)
	ROW(shutdown, FOR_BOTH, RULE_ALLOW)
	/* libraries ask, and do without */
	ROW(statfs, FOR_BOTH, RULE_ENOSYS)
	ROW(fstatfs, FOR_BOTH, RULE_ENOSYS)
	ROW(openat2, FOR_BOTH, RULE_ENOSYS)
	/* what changes files */
	ROW(ftruncate, FOR_BOTH, RULE_SCRATCH)
	ROW(fsync, FOR_BOTH, RULE_SCRATCH)
	ROW(fdatasync, FOR_BOTH, RULE_SCRATCH)
	ROW(fallocate, FOR_BOTH, RULE_SCRATCH)
	ROW(mkdirat, FOR_BOTH, RULE_SCRATCH)
	ROW(unlinkat, FOR_BOTH, RULE_SCRATCH)
	ROW(renameat2, FOR_BOTH, RULE_SCRATCH)
	ROW(flock, FOR_BOTH, RULE_SCRATCH)
	ROW(truncate, FOR_BOTH, RULE_SCRATCH)
	ROW(symlinkat, FOR_BOTH, RULE_REFUSE)
	ROW(linkat, FOR_BOTH, RULE_REFUSE)
	ROW(mknodat, FOR_BOTH, RULE_REFUSE)
	ROW(fchmod, FOR_BOTH, RULE_SCRATCH)
	ROW(fchmodat, FOR_BOTH, RULE_SCRATCH)
	ROW(fchown, FOR_BOTH, RULE_REFUSE)
	ROW(fchownat, FOR_BOTH, RULE_REFUSE)
	ROW(utimensat, FOR_BOTH, RULE_SCRATCH)
	ROW(umask, FOR_BOTH, RULE_REFUSE)
	ROW(chdir, FOR_BOTH, RULE_REFUSE)
	ROW(fchdir, FOR_BOTH, RULE_REFUSE)
	ROW(name_to_handle_at, FOR_BOTH, RULE_REFUSE)
	ROW(fadvise64, FOR_BOTH, RULE_REFUSE) /* drops what others have in the page cache */
	/* refused softly; listed so that nobody adds them by accident */
	ROW(bind, FOR_BOTH, RULE_REFUSE)
	ROW(listen, FOR_BOTH, RULE_REFUSE)
	ROW(accept, FOR_BOTH, RULE_REFUSE)
	ROW(accept4, FOR_BOTH, RULE_REFUSE)
	ROW(sendmmsg, FOR_BOTH, RULE_REFUSE)
	ROW(recvmmsg, FOR_BOTH, RULE_REFUSE)
	ROW(setuid, FOR_BOTH, RULE_REFUSE)
	ROW(setgid, FOR_BOTH, RULE_REFUSE)
	ROW(setreuid, FOR_BOTH, RULE_REFUSE)
	ROW(setregid, FOR_BOTH, RULE_REFUSE)
	ROW(setresuid, FOR_BOTH, RULE_REFUSE)
	ROW(setresgid, FOR_BOTH, RULE_REFUSE)
	ROW(setfsuid, FOR_BOTH, RULE_REFUSE)
	ROW(setfsgid, FOR_BOTH, RULE_REFUSE)
	ROW(setgroups, FOR_BOTH, RULE_REFUSE)
	ROW(setsid, FOR_BOTH, RULE_REFUSE)
	ROW(setpgid, FOR_BOTH, RULE_REFUSE)
	ROW(capset, FOR_BOTH, RULE_REFUSE)
	ROW(personality, FOR_BOTH, RULE_REFUSE)
	ROW(splice, FOR_BOTH, RULE_REFUSE)
	ROW(tee, FOR_BOTH, RULE_REFUSE)
	ROW(vmsplice, FOR_BOTH, RULE_REFUSE)
	ROW(memfd_create, FOR_BOTH, RULE_REFUSE)
	ROW(memfd_secret, FOR_BOTH, RULE_REFUSE)
	ROW(shmget, FOR_BOTH, RULE_REFUSE)
	ROW(shmat, FOR_BOTH, RULE_REFUSE)
	ROW(shmctl, FOR_BOTH, RULE_REFUSE)
	ROW(semget, FOR_BOTH, RULE_REFUSE)
	ROW(semop, FOR_BOTH, RULE_REFUSE)
	ROW(msgget, FOR_BOTH, RULE_REFUSE)
	ROW(msgsnd, FOR_BOTH, RULE_REFUSE)
	ROW(mq_open, FOR_BOTH, RULE_REFUSE)
	ROW(mq_unlink, FOR_BOTH, RULE_REFUSE)
	ROW(mbind, FOR_BOTH, RULE_REFUSE)
	ROW(set_mempolicy, FOR_BOTH, RULE_REFUSE)
	ROW(migrate_pages, FOR_BOTH, RULE_REFUSE)
	ROW(move_pages, FOR_BOTH, RULE_REFUSE)
	ROW(setpriority, FOR_BOTH, RULE_REFUSE)
	ROW(sched_setscheduler, FOR_BOTH, RULE_REFUSE)
	ROW(sched_setparam, FOR_BOTH, RULE_REFUSE)
	ROW(sched_setattr, FOR_BOTH, RULE_REFUSE)
	ROW(sched_setaffinity, FOR_BOTH, RULE_REFUSE)
	ROW(ioprio_set, FOR_BOTH, RULE_REFUSE)
	ROW(inotify_init1, FOR_BOTH, RULE_REFUSE)
	ROW(timer_create, FOR_BOTH, RULE_REFUSE)
	ROW(signalfd4, FOR_BOTH, RULE_REFUSE)
	ROW(mlock, FOR_BOTH, RULE_REFUSE)
	ROW(mlockall, FOR_BOTH, RULE_REFUSE)
	ROW(wait4, FOR_BOTH, RULE_REFUSE)
	ROW(waitid, FOR_BOTH, RULE_REFUSE)
	/* never */
	ROW(execve, FOR_BOTH, RULE_KILL)
	ROW(execveat, FOR_BOTH, RULE_KILL)
	ROW(ptrace, FOR_BOTH, RULE_KILL)
	ROW(process_vm_readv, FOR_BOTH, RULE_KILL)
	ROW(process_vm_writev, FOR_BOTH, RULE_KILL)
	ROW(process_madvise, FOR_BOTH, RULE_KILL)
	ROW(process_mrelease, FOR_BOTH, RULE_KILL)
	ROW(kcmp, FOR_BOTH, RULE_KILL)
	ROW(pidfd_open, FOR_BOTH, RULE_KILL)
	ROW(pidfd_getfd, FOR_BOTH, RULE_KILL)
	ROW(pidfd_send_signal, FOR_BOTH, RULE_KILL)
	ROW(tkill, FOR_BOTH, RULE_KILL)
	ROW(rt_sigqueueinfo, FOR_BOTH, RULE_KILL)
	ROW(rt_tgsigqueueinfo, FOR_BOTH, RULE_KILL)
	ROW(mount, FOR_BOTH, RULE_KILL)
	ROW(umount2, FOR_BOTH, RULE_KILL)
	ROW(pivot_root, FOR_BOTH, RULE_KILL)
	ROW(fsopen, FOR_BOTH, RULE_KILL)
	ROW(fsmount, FOR_BOTH, RULE_KILL)
	ROW(fsconfig, FOR_BOTH, RULE_KILL)
	ROW(fspick, FOR_BOTH, RULE_KILL)
	ROW(move_mount, FOR_BOTH, RULE_KILL)
	ROW(open_tree, FOR_BOTH, RULE_KILL)
	ROW(mount_setattr, FOR_BOTH, RULE_KILL)
	ROW(chroot, FOR_BOTH, RULE_KILL)
	ROW(unshare, FOR_BOTH, RULE_KILL)
	ROW(setns, FOR_BOTH, RULE_KILL)
	ROW(io_uring_setup, FOR_BOTH, RULE_KILL)
	ROW(io_uring_enter, FOR_BOTH, RULE_KILL)
	ROW(io_uring_register, FOR_BOTH, RULE_KILL)
	ROW(io_setup, FOR_BOTH, RULE_KILL)
	ROW(io_submit, FOR_BOTH, RULE_KILL)
	ROW(bpf, FOR_BOTH, RULE_KILL)
	ROW(perf_event_open, FOR_BOTH, RULE_KILL)
	ROW(userfaultfd, FOR_BOTH, RULE_KILL)
	ROW(keyctl, FOR_BOTH, RULE_KILL)
	ROW(add_key, FOR_BOTH, RULE_KILL)
	ROW(request_key, FOR_BOTH, RULE_KILL)
	ROW(kexec_load, FOR_BOTH, RULE_KILL)
	ROW(kexec_file_load, FOR_BOTH, RULE_KILL)
	ROW(init_module, FOR_BOTH, RULE_KILL)
	ROW(finit_module, FOR_BOTH, RULE_KILL)
	ROW(delete_module, FOR_BOTH, RULE_KILL)
	ROW(reboot, FOR_BOTH, RULE_KILL)
	ROW(swapon, FOR_BOTH, RULE_KILL)
	ROW(swapoff, FOR_BOTH, RULE_KILL)
	ROW(acct, FOR_BOTH, RULE_KILL)
	ROW(quotactl, FOR_BOTH, RULE_KILL)
	ROW(quotactl_fd, FOR_BOTH, RULE_KILL)
	ROW(syslog, FOR_BOTH, RULE_KILL)
	ROW(settimeofday, FOR_BOTH, RULE_KILL)
	ROW(clock_settime, FOR_BOTH, RULE_KILL)
	ROW(clock_adjtime, FOR_BOTH, RULE_KILL)
	ROW(adjtimex, FOR_BOTH, RULE_KILL)
	ROW(sethostname, FOR_BOTH, RULE_KILL)
	ROW(setdomainname, FOR_BOTH, RULE_KILL)
	ROW(open_by_handle_at, FOR_BOTH, RULE_KILL)
	ROW(fanotify_init, FOR_BOTH, RULE_KILL)
	ROW(fanotify_mark, FOR_BOTH, RULE_KILL)
	ROW(landlock_create_ruleset, FOR_BOTH, RULE_KILL)
	ROW(landlock_restrict_self, FOR_BOTH, RULE_KILL)
	ROW(seccomp, FOR_BOTH, RULE_KILL)
	ROW(vhangup, FOR_BOTH, RULE_KILL)
	ROW(lookup_dcookie, FOR_BOTH, RULE_KILL)
	ROW(nfsservctl, FOR_BOTH, RULE_KILL)
#ifdef __x86_64__
	/* The old calls that arm64 never had. */
	ROW(open, FOR_BOTH, RULE_OPEN)
	ROW(stat, FOR_BOTH, RULE_ALLOW)
	ROW(lstat, FOR_BOTH, RULE_ALLOW)
	ROW(access, FOR_BOTH, RULE_ALLOW)
	ROW(readlink, FOR_BOTH, RULE_ALLOW)
	ROW(poll, FOR_BOTH, RULE_ALLOW)
	ROW(select, FOR_BOTH, RULE_ALLOW)
	ROW(epoll_create, FOR_BOTH, RULE_ALLOW)
	ROW(epoll_wait, FOR_BOTH, RULE_ALLOW)
	ROW(eventfd, FOR_BOTH, RULE_ALLOW)
	ROW(pipe, FOR_BOTH, RULE_ALLOW)
	ROW(dup2, FOR_BOTH, RULE_DUP2)
	ROW(time, FOR_BOTH, RULE_ALLOW)
	ROW(alarm, FOR_BOTH, RULE_ALLOW)
	ROW(pause, FOR_BOTH, RULE_ALLOW)
	ROW(getpgrp, FOR_BOTH, RULE_ALLOW)
	ROW(arch_prctl, FOR_BOTH, RULE_ENOSYS)
	ROW(getdents, FOR_BOTH, RULE_REFUSE)
	ROW(mkdir, FOR_BOTH, RULE_SCRATCH)
	ROW(rmdir, FOR_BOTH, RULE_SCRATCH)
	ROW(unlink, FOR_BOTH, RULE_SCRATCH)
	ROW(rename, FOR_BOTH, RULE_SCRATCH)
	ROW(renameat, FOR_BOTH, RULE_SCRATCH)
	ROW(creat, FOR_BOTH, RULE_REFUSE)
	ROW(link, FOR_BOTH, RULE_REFUSE)
	ROW(symlink, FOR_BOTH, RULE_REFUSE)
	ROW(mknod, FOR_BOTH, RULE_REFUSE)
	ROW(chmod, FOR_BOTH, RULE_SCRATCH)
	ROW(chown, FOR_BOTH, RULE_REFUSE)
	ROW(lchown, FOR_BOTH, RULE_REFUSE)
	ROW(utime, FOR_BOTH, RULE_SCRATCH)
	ROW(utimes, FOR_BOTH, RULE_SCRATCH)
	ROW(futimesat, FOR_BOTH, RULE_REFUSE)
	ROW(inotify_init, FOR_BOTH, RULE_REFUSE)
	ROW(signalfd, FOR_BOTH, RULE_REFUSE)
	ROW(fork, FOR_BOTH, RULE_REFUSE)
	ROW(vfork, FOR_BOTH, RULE_REFUSE)
	ROW(iopl, FOR_BOTH, RULE_KILL)
	ROW(ioperm, FOR_BOTH, RULE_KILL)
	ROW(modify_ldt, FOR_BOTH, RULE_KILL)
	ROW(create_module, FOR_BOTH, RULE_KILL)
	ROW(uselib, FOR_BOTH, RULE_KILL)
	ROW(_sysctl, FOR_BOTH, RULE_KILL)
#endif
	/* Newer than the headers of the build. */
	OLD(fchmodat2, 452, FOR_BOTH, RULE_SCRATCH)
	OLD(statmount, 457, FOR_BOTH, RULE_KILL)
	OLD(listmount, 458, FOR_BOTH, RULE_KILL)
	OLD(open_tree_attr, 467, FOR_BOTH, RULE_KILL)
};
const size_t filter_rows_len = sizeof(filter_rows) / sizeof(filter_rows[0]);

const struct filter_row *filter_find(uint32_t number)
{
	for (size_t i = 0; i < filter_rows_len; i++)
		if (filter_rows[i].number == number)
			return &filter_rows[i];
	return NULL;
}

const struct filter_row *filter_find_name(const char *name, size_t len)
{
	for (size_t i = 0; i < filter_rows_len; i++)
		if (strlen(filter_rows[i].name) == len && !memcmp(filter_rows[i].name, name, len))
			return &filter_rows[i];
	return NULL;
}

/* --- the program --- */

#if defined(__x86_64__)
enum { THIS_ARCH = (int)AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { THIS_ARCH = (int)AUDIT_ARCH_AARCH64 };
#else
#error "write the table of system calls of this architecture first"
#endif

/* Flags of open that write or make something. */
enum { OPEN_WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY) };
/* Every CLONE_NEW* bit, and CLONE_PTRACE, CLONE_PARENT, CLONE_UNTRACED. */
enum { CLONE_BANNED = (int)0x7e828000u | CLONE_PTRACE };
enum { FASTOPEN = 0x20000000 };

struct maker {
	const struct filter_options *options;
	struct sock_filter *out;
	size_t len, max;
};

static void put(struct maker *m, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (m->len < m->max)
		m->out[m->len] = (struct sock_filter){ code, yes, no, k };
	m->len++;
}

static void load(struct maker *m, size_t offset)
{
	put(m, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static size_t low(int argument) /* little endian, as all that this runs on */
{
	return offsetof(struct seccomp_data, args) + 8 * (size_t)argument;
}

static void ret(struct maker *m, uint32_t action)
{
	put(m, BPF_RET | BPF_K, action, 0, 0);
}

static uint32_t action_refuse(const struct maker *m)
{
	return m->options->flags & ORDER_NOTIFY ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | EPERM;
}

/* Behind a filter of the container that refuses the same call, only this one's death is heard. */
static uint32_t action_kill(const struct maker *m)
{
	return (m->options->flags & (ORDER_NOTIFY | ORDER_KILL)) == ORDER_NOTIFY ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_KILL_PROCESS;
}

/* Where the launcher makes the sockets it is asked, else the kernel does it. */
static uint32_t action_broker(const struct maker *m)
{
	uint32_t both = ORDER_BROKER | ORDER_NETWORK;
	return (m->options->flags & both) == both ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
}

/* Allows when the loaded word is one of the values; what follows runs otherwise. */
static void allow_values(struct maker *m, const uint32_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(m, BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1);
		ret(m, SECCOMP_RET_ALLOW);
	}
}

static void body_open(struct maker *m, int flags_argument)
{
	if (!(m->options->flags & ORDER_SCRATCH)) {
		load(m, low(flags_argument));
		put(m, BPF_JMP | BPF_JSET | BPF_K, OPEN_WRITES, 0, 1);
		ret(m, action_refuse(m));
	}
	ret(m, SECCOMP_RET_ALLOW);
}

static void body_map(struct maker *m)
{
	if (!(m->options->flags & ORDER_NODE)) {
		load(m, low(2));
		put(m, BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC, 0, 0);
		put(m, BPF_JMP | BPF_JEQ | BPF_K, PROT_WRITE | PROT_EXEC, 0, 1);
		ret(m, SECCOMP_RET_ERRNO | EACCES);
	}
	ret(m, SECCOMP_RET_ALLOW);
}

/* Pages of the machine's huge pool are in no figure of a process: nobody would see them go. */
static void body_mmap(struct maker *m)
{
	load(m, low(3));
	put(m, BPF_JMP | BPF_JSET | BPF_K, MAP_HUGETLB, 0, 1);
	ret(m, SECCOMP_RET_ERRNO | ENOMEM);
	body_map(m);
}

static void body_clone(struct maker *m)
{
	/* Without CLONE_FILES a thread has descriptors of its own, and the limit on them is none. */
	uint32_t thread = CLONE_VM | CLONE_THREAD | CLONE_FILES | CLONE_FS;
	load(m, low(0));
	put(m, BPF_JMP | BPF_JSET | BPF_K, (uint32_t)CLONE_BANNED, 0, 1);
	ret(m, action_refuse(m));
	put(m, BPF_ALU | BPF_AND | BPF_K, thread, 0, 0);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, thread, 1, 0);
	ret(m, action_refuse(m));
	ret(m, m->options->flags & ORDER_COUNT_THREADS ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
}

static void body_self(struct maker *m)
{
	load(m, low(0));
	allow_values(m, &m->options->pid, 1);
	ret(m, action_refuse(m));
}

/* What concerns the descriptor alone. Owners of signals, leases, larger pipes, hints and locks are of the
 * file: other runs have it too, and could be told something by it. A scratch folder needs locks. */
static void body_fcntl(struct maker *m)
{
	static const uint32_t allowed[] = { F_GETFD, F_SETFD, F_GETFL, F_SETFL, 1032 /* F_GETPIPE_SZ */ };
	static const uint32_t duplicates[] = { F_DUPFD, F_DUPFD_CLOEXEC };
	static const uint32_t locks[] = { F_GETLK, F_SETLK, F_SETLKW, 36 /* F_OFD_GETLK */, 37 /* SETLK */,
					  38 /* SETLKW */ };
	load(m, low(1));
	allow_values(m, allowed, sizeof(allowed) / sizeof(allowed[0]));
	for (size_t i = 0; i < sizeof(duplicates) / sizeof(duplicates[0]); i++) {
		put(m, BPF_JMP | BPF_JEQ | BPF_K, duplicates[i], 0, 1);
		ret(m, action_broker(m));
	}
	if (m->options->flags & ORDER_SCRATCH)
		allow_values(m, locks, sizeof(locks) / sizeof(locks[0]));
	ret(m, action_refuse(m));
}

static void body_ioctl(struct maker *m)
{
	static const uint32_t allowed[] = { 0x541b /* FIONREAD */, 0x5421 /* FIONBIO */,
					    0x5451 /* FIOCLEX */, 0x5450 /* FIONCLEX */,
					    0x5401 /* TCGETS */, 0x5413 /* TIOCGWINSZ */ };
	load(m, low(1));
	allow_values(m, allowed, sizeof(allowed) / sizeof(allowed[0]));
	ret(m, SECCOMP_RET_ERRNO | ENOTTY);
}

static void body_prctl(struct maker *m)
{
	static const uint32_t allowed[] = { 15 /* PR_SET_NAME */, 16 /* PR_GET_NAME */,
					    0x53564d41 /* PR_SET_VMA */ };
	load(m, low(0));
	allow_values(m, allowed, sizeof(allowed) / sizeof(allowed[0]));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 22 /* PR_SET_SECCOMP */, 0, 1);
	ret(m, action_kill(m));
	ret(m, action_refuse(m));
}

/* Reading the limits of this process. */
static void body_prlimit(struct maker *m)
{
	load(m, low(2));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(m, action_refuse(m));
	load(m, low(2) + 4);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(m, action_refuse(m));
	load(m, low(0));
	allow_values(m, &(const uint32_t){ 0 }, 1);
	allow_values(m, &m->options->pid, 1);
	ret(m, action_refuse(m));
}

/* A datagram pair could address any unix socket by its name. */
static void body_socketpair(struct maker *m)
{
	load(m, low(0));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
	ret(m, action_refuse(m));
	load(m, low(1));
	put(m, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
	ret(m, action_refuse(m));
	ret(m, SECCOMP_RET_ALLOW);
}

/* MSG_FASTOPEN connects to the address in the message: connect would be passed by. */
static void refuse_fastopen(struct maker *m, int flags_argument)
{
	load(m, low(flags_argument));
	put(m, BPF_JMP | BPF_JSET | BPF_K, FASTOPEN, 0, 1);
	ret(m, action_refuse(m));
}

static void body_sendto(struct maker *m)
{
	refuse_fastopen(m, 3);
	load(m, low(4));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(m, action_refuse(m));
	load(m, low(4) + 4);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(m, action_refuse(m));
	ret(m, SECCOMP_RET_ALLOW);
}

static void body_sendmsg(struct maker *m)
{
	refuse_fastopen(m, 2);
	ret(m, SECCOMP_RET_ALLOW);
}

/* No filters, no upper-layer protocols, nothing that steers packets. Sizes of buffers are hints that are
 * not taken: what lies in them is in no figure of the process. */
static void body_setsockopt(struct maker *m)
{
	static const uint32_t socket_level[] = { SO_REUSEADDR, SO_KEEPALIVE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO,
						 SO_OOBINLINE };
	static const uint32_t ignored[] = { SO_SNDBUF, SO_RCVBUF };
	static const uint32_t tcp_level[] = { 1 /* NODELAY */, 4 /* KEEPIDLE */, 5 /* KEEPINTVL */,
					      6 /* KEEPCNT */, 12 /* QUICKACK */,
					      18 /* USER_TIMEOUT */ };
	size_t n = sizeof(socket_level) / sizeof(socket_level[0]), none = sizeof(ignored) / sizeof(ignored[0]);
	load(m, low(1));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, SOL_SOCKET, 0, (uint8_t)(2 * (n + none) + 2));
	load(m, low(2));
	allow_values(m, socket_level, n);
	for (size_t i = 0; i < none; i++) {
		put(m, BPF_JMP | BPF_JEQ | BPF_K, ignored[i], 0, 1);
		ret(m, SECCOMP_RET_ERRNO | 0);
	}
	ret(m, SECCOMP_RET_ERRNO | ENOPROTOOPT);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 6 /* TCP */, 1, 0);
	ret(m, SECCOMP_RET_ERRNO | ENOPROTOOPT);
	load(m, low(2));
	allow_values(m, tcp_level, sizeof(tcp_level) / sizeof(tcp_level[0]));
	ret(m, SECCOMP_RET_ERRNO | ENOPROTOOPT);
}

/* TCP over IPv4, which leads to the proxy and nowhere else. */
static void body_socket(struct maker *m)
{
	if (!(m->options->flags & ORDER_NETWORK)) {
		ret(m, action_refuse(m));
		return;
	}
	load(m, low(0));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
	ret(m, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	load(m, low(1));
	put(m, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
	ret(m, SECCOMP_RET_ERRNO | EACCES);
	load(m, low(2));
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
	put(m, BPF_JMP | BPF_JEQ | BPF_K, 6 /* TCP */, 1, 0);
	ret(m, SECCOMP_RET_ERRNO | EACCES);
	ret(m, action_broker(m));
}

static void body_connect(struct maker *m)
{
	ret(m, m->options->flags & ORDER_NETWORK ? action_broker(m) : action_refuse(m));
}

static void body(struct maker *m, enum filter_rule rule)
{
	switch (rule) {
	case RULE_ALLOW: ret(m, SECCOMP_RET_ALLOW); break;
	case RULE_KILL: ret(m, action_kill(m)); break;
	case RULE_REFUSE: ret(m, action_refuse(m)); break;
	case RULE_ENOSYS: ret(m, SECCOMP_RET_ERRNO | ENOSYS); break;
	case RULE_OPEN: body_open(m, 1); break;
	case RULE_OPENAT: body_open(m, 2); break;
	case RULE_MAP: body_map(m); break;
	case RULE_MMAP: body_mmap(m); break;
	case RULE_CLONE: body_clone(m); break;
	case RULE_SELF: body_self(m); break;
	case RULE_FCNTL: body_fcntl(m); break;
	case RULE_IOCTL: body_ioctl(m); break;
	case RULE_PRCTL: body_prctl(m); break;
	case RULE_PRLIMIT: body_prlimit(m); break;
	case RULE_SOCKETPAIR: body_socketpair(m); break;
	case RULE_SENDTO: body_sendto(m); break;
	case RULE_SENDMSG: body_sendmsg(m); break;
	case RULE_SETSOCKOPT: body_setsockopt(m); break;
	case RULE_SOCKET: body_socket(m); break;
	case RULE_CONNECT: body_connect(m); break;
	case RULE_DUP:
	case RULE_DUP2: ret(m, action_broker(m)); break;
	case RULE_SCRATCH:
		ret(m, m->options->flags & ORDER_SCRATCH ? SECCOMP_RET_ALLOW : action_refuse(m));
		break;
	}
}

/* "if (number == n) { body }": the jump over the body is set when its length is known. */
static void put_row(struct maker *m, uint32_t number, enum filter_rule rule)
{
	size_t at = m->len;
	put(m, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
	body(m, rule);
	if (at < m->max)
		m->out[at].jf = (uint8_t)(m->len - at - 1);
	/* A body may have loaded an argument, but it always returns: the number is still there. */
}

static bool in_extra(const struct filter_options *o, uint32_t number)
{
	for (size_t i = 0; i < o->extra_len; i++)
		if (o->extra[i] == number)
			return true;
	return false;
}

/* What a number gets in the end: the table, the settings, and who runs. */
static enum filter_rule rule_of(const struct filter_options *o, const struct filter_row *r)
{
	int who = o->flags & ORDER_NODE ? FOR_NODE : FOR_PYTHON;
	enum filter_rule rule = r->who & who ? r->rule : RULE_REFUSE;
	/* The never-list stays, and so do checks of arguments. */
	return rule == RULE_REFUSE && in_extra(o, r->number) ? RULE_ALLOW : rule;
}

enum { BLOCK_ROWS = 16 };

/* The rows from `at` on whose numbers follow each other: one jump leads past them all. The kernel runs
 * the program for every number once when it is installed, so its length counts for each run. */
static void put_block(struct maker *m, const uint16_t *order, size_t at, size_t end)
{
	if (end < filter_rows_len)
		put(m, BPF_JMP | BPF_JGE | BPF_K, filter_rows[order[end]].number, 0, 1);
	size_t jump = m->len;
	if (end < filter_rows_len)
		put(m, BPF_JMP | BPF_JA, 0, 0, 0);
	for (size_t i = at; i < end; i++)
		put_row(m, filter_rows[order[i]].number, rule_of(m->options, &filter_rows[order[i]]));
	if (end < filter_rows_len && jump < m->max)
		m->out[jump].k = (uint32_t)(m->len - jump - 1);
}

static void sort_rows(uint16_t *order)
{
	for (size_t i = 0; i < filter_rows_len; i++) {
		size_t to = i;
		for (; to && filter_rows[order[to - 1]].number > filter_rows[i].number; to--)
			order[to] = order[to - 1];
		order[to] = (uint16_t)i;
	}
}

size_t filter_build(const struct filter_options *o, struct sock_filter *out, size_t max)
{
	struct maker m = { .options = o, .out = out, .max = max };
	uint16_t order[sizeof(filter_rows) / sizeof(filter_rows[0])];
	sort_rows(order);
	load(&m, offsetof(struct seccomp_data, arch));
	put(&m, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)THIS_ARCH, 1, 0);
	ret(&m, SECCOMP_RET_KILL_PROCESS);
	load(&m, offsetof(struct seccomp_data, nr));
	/* x32 numbers have bit 30; nothing real is as high on any architecture. */
	put(&m, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	ret(&m, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < o->extra_len; i++)
		if (!filter_find(o->extra[i]))
			put_row(&m, o->extra[i], RULE_ALLOW);
	for (size_t i = 0; i < filter_rows_len; i += BLOCK_ROWS)
		put_block(&m, order, i, i + BLOCK_ROWS < filter_rows_len ? i + BLOCK_ROWS : filter_rows_len);
	ret(&m, action_refuse(&m));
	return m.len <= max ? m.len : 0;
}
