/* SPDX-License-Identifier: Apache-2.0 */
/* harden: see harden.h. Any failure is the end of the process: the caller exits with 125. */
#include "sandbox/jail/harden.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/jail/filter.h"
#include "sandbox/jail/wall.h"
#include "sandbox/message.h"

enum { STACK_BYTES = 8 << 20, NODE_FILES = 256, CAP_NUMBER_MAX = 63, SCRATCH_INODES = 64, SCRATCH_INODES_MB = 64 };

static int limit(int what, uint64_t value)
{
	struct rlimit l = { .rlim_cur = value, .rlim_max = value };
	return setrlimit((__rlimit_resource_t)what, &l);
}

int harden_limits(const struct order *o)
{
	int node = (o->flags & ORDER_NODE) != 0;
	/* Node reserves address space by the gigabyte, so only what it fills counts. */
	int bad = limit(node ? RLIMIT_DATA : RLIMIT_AS, node ? o->memory * 4 : o->memory);
	bad |= limit(RLIMIT_CPU, o->cpu_seconds);
	/* A full folder says so; the limit is for files that claim a size without filling it. */
	bad |= limit(RLIMIT_FSIZE, o->scratch_mb ? (uint64_t)(o->scratch_mb + 1) << 20 : 0);
	bad |= limit(RLIMIT_NOFILE, node ? NODE_FILES : o->files);
	/* In a user namespace of its own the limit counts from inside only: harden_identity sets it. */
	if (!(o->flags & ORDER_COUNT_THREADS) && (o->flags & ORDER_FRESH || !(o->flags & ORDER_USERNS)))
		bad |= limit(RLIMIT_NPROC, o->threads);
	bad |= limit(RLIMIT_CORE, 0);
	bad |= limit(RLIMIT_MEMLOCK, 0);
	bad |= limit(RLIMIT_MSGQUEUE, 0);
	bad |= limit(RLIMIT_NICE, 0);
	bad |= limit(RLIMIT_RTPRIO, 0);
	bad |= limit(RLIMIT_SIGPENDING, 64);
	bad |= limit(RLIMIT_STACK, STACK_BYTES);
	return bad ? -1 : 0;
}

int harden_scratch(const struct order *o)
{
	char options[128];
	int port = o->flags & ORDER_NETWORK && !(o->flags & ORDER_BROKER) ? JAIL_PROXY_PORT : 0;
	if (!(o->flags & ORDER_SCRATCH))
		return 0;
	int n = snprintf(options, sizeof(options), "mode=0700,size=%um,nr_inodes=%u", o->scratch_mb,
			 o->scratch_mb * SCRATCH_INODES_MB + SCRATCH_INODES);
	if (o->flags & ORDER_SETID)
		(void)snprintf(options + n, sizeof(options) - (size_t)n, ",uid=%u,gid=%u", o->uid, o->gid);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return -1;
	if (!wall_abi())
		return 0;
	int rules = wall_open(port);
	if (rules < 0 || wall_allow(rules, "/", WALL_FOLDER) < 0 || wall_allow(rules, "/tmp", WALL_SCRATCH) < 0 ||
	    wall_close_in(rules) < 0)
		return -1;
	close(rules);
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &head, none);
}

int harden_identity(const struct order *o)
{
	/* Only a process that may change its bounding set has one worth dropping. */
	for (int c = 0; c <= CAP_NUMBER_MAX && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0; c++)
		;
	/* A user namespace of its own: the kernel counts this run's threads apart from others', and
	 * our uid outside has no meaning inside. */
	if (o->flags & ORDER_USERNS &&
	    (unshare(CLONE_NEWUSER) < 0 || (!(o->flags & ORDER_FRESH) && limit(RLIMIT_NPROC, o->threads) < 0)))
		return -1;
	if (o->flags & ORDER_SETID &&
	    (setgroups(0, NULL) < 0 || setresgid(o->gid, o->gid, o->gid) < 0 ||
	     setresuid(o->uid, o->uid, o->uid) < 0))
		return -1;
	if (drop_capabilities() < 0)
		return -1;
	/* A change of identity clears the signal for the parent's death: so it is set after it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	/* Believe nothing: what must be gone is asked for again. */
	if (o->flags & ORDER_SETID && (setresuid(0, 0, 0) == 0 || geteuid() != o->uid || getgid() != o->gid))
		return -1;
	return 0;
}

/* One byte says that the run is jailed; the listener of refused calls goes with it. */
static int tell(int status, int listener)
{
	char byte = 'J';
	int r = message_send(status, &byte, 1, &listener, listener >= 0);
	if (listener >= 0)
		close(listener);
	close(status);
	return r;
}

int harden_filter(const struct order *o, int status)
{
	/* Too large for a stack; a process comes here once. */
	static struct sock_filter code[FILTER_MAX];
	struct filter_options options = { .flags = o->flags,
					  .pid = (uint32_t)getpid(),
					  .extra = o->extra,
					  .extra_len = o->extra_len };
	struct sock_fprog program = { .filter = code };
	program.len = (unsigned short)filter_build(&options, code, FILTER_MAX);
	if (!program.len)
		return -1;
	unsigned flags = SECCOMP_FILTER_FLAG_TSYNC;
	if (o->flags & ORDER_NOTIFY)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	long got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (got < 0 || (!(o->flags & ORDER_NOTIFY) && got > 0))
		return -1;
	return tell(status, o->flags & ORDER_NOTIFY ? (int)got : -1);
}

int harden_sweep(const struct order *o)
{
	if (setgroups(0, NULL) < 0 || setresgid(o->gid, o->gid, o->gid) < 0 ||
	    setresuid(o->uid, o->uid, o->uid) < 0)
		return -1;
	return kill(-1, SIGKILL) == 0 || errno == ESRCH ? 0 : -1;
}
