/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine: gives away what a process does not need once its sockets are open. What an attacker who
 * took it over could do is then what it does anyway: talk on sockets and read world-readable files.
 */
#include "os/os.h"
#include "base/err.h"
#include "base/sanitize.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534 };

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

/* The sanitizers' own threads and processes are made with the calls below. */
#if defined(OUR_ARCH) && !SANITIZE_ADDRESS && !SANITIZE_THREAD
#define WITH_FILTER 1
#else
#define WITH_FILTER 0
#endif

#if WITH_FILTER
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARG_LOW(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(why) RETURN(SECCOMP_RET_ERRNO | (why))
/* One call, refused. */
#define NEVER(nr)                                                                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), REFUSE(EPERM)
/* One call, refused unless `bits` of argument n are all clear (JSET takes the jump when any is set). */
#define NEVER_WITH(nr, n, bits)                                                                    \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 4), ARG_LOW(n),                                \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), REFUSE(EPERM),                  \
		RETURN(SECCOMP_RET_ALLOW)

static status install_filter(void)
{
	static struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS), /* another table of calls */
		LOAD(nr),
#if defined(__x86_64__)
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
		RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
		/* No other program, no other process; a new thread is one of ours. */
		NEVER(SYS_execve),
		NEVER(SYS_execveat),
#ifdef SYS_fork
		NEVER(SYS_fork),
		NEVER(SYS_vfork),
#endif
		/* The C library asks for clone instead; its flags can be looked at. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		REFUSE(ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
		ARG_LOW(0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
		REFUSE(EPERM),
		RETURN(SECCOMP_RET_ALLOW),
		/* Nothing of other processes, nothing of the kernel. */
		NEVER(SYS_ptrace),
		NEVER(SYS_process_vm_readv),
		NEVER(SYS_process_vm_writev),
		NEVER(SYS_bpf),
		NEVER(SYS_io_uring_setup),
		NEVER(SYS_userfaultfd),
		NEVER(SYS_perf_event_open),
		NEVER(SYS_unshare),
		NEVER(SYS_setns),
		NEVER(SYS_mount),
		NEVER(SYS_memfd_create),
		/* Files: reading only. */
		NEVER_WITH(SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
#ifdef SYS_open
		NEVER_WITH(SYS_open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
		NEVER(SYS_creat),
		NEVER(SYS_unlink),
		NEVER(SYS_rename),
		NEVER(SYS_mkdir),
		NEVER(SYS_symlink),
		NEVER(SYS_link),
		NEVER(SYS_chmod),
#endif
		NEVER(SYS_openat2),
		NEVER(SYS_unlinkat),
		NEVER(SYS_renameat2),
		NEVER(SYS_mkdirat),
		NEVER(SYS_symlinkat),
		NEVER(SYS_linkat),
		NEVER(SYS_fchmodat),
		NEVER(SYS_truncate),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = countof(code), .filter = code };
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		return err_errno("confine: seccomp");
	return 0;
}
#else
static status install_filter(void)
{
	return 0;
}
#endif

static status drop_user(void)
{
	int parent_death = 0;
	if (geteuid() != 0)
		return 0;
	(void)prctl(PR_GET_PDEATHSIG, &parent_death);
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return err_errno("confine: become nobody");
	/* A change of user takes it away. */
	if (parent_death && prctl(PR_SET_PDEATHSIG, parent_death))
		return err_errno("confine: prctl");
	return 0;
}

status os_confine(void)
{
	struct rlimit none = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &none);
	if (drop_user())
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0))
		return err_errno("confine: prctl");
	return install_filter();
}
