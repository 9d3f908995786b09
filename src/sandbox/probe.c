/* SPDX-License-Identifier: Apache-2.0 */
/* probe: see probe.h. */
#include "sandbox/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/jail/wall.h"
#include "sandbox/wire.h"

enum { FALLBACK_UID = 20000 };

static const struct {
	const char *key; /* in SANDBOX_REQUIRE */
	const char *name, *gives, *missing;
} layers[PROBE_COUNT] = {
	[PROBE_USERNS] = { "userns", "user namespace", "namespaces without root",
			   "an ordinary user gets the minimal tier (sysctl user.max_user_namespaces, "
			   "kernel.unprivileged_userns_clone, or the container's filter)" },
	[PROBE_NAMESPACES] = { "namespaces", "namespaces", "runs see no process, network or message queue of the machine",
			       "the network and signals are held back by the system-call filter alone" },
	[PROBE_MOUNT] = { "mounts", "mounts", "a root of read-only mounts, nothing else exists",
			  "files are held back by chroot or landlock" },
	[PROBE_CHROOT] = { "chroot", "chroot", "a root folder of its own", "files are held back by landlock" },
	[PROBE_SETUID] = { "uid", "own uid", "every run is a user of its own",
			   "all runs share one user: the filter alone keeps them apart" },
	[PROBE_SECCOMP] = { "seccomp", "seccomp", "the table of system calls", "nothing is safe without it" },
	[PROBE_NOTIFY] = { "notify", "seccomp notification", "refused calls by name; network without a namespace",
			   "refused calls have no names; needs Linux 5.9" },
	[PROBE_LANDLOCK] = { "landlock", "landlock", "a second wall around files and ports",
			     "one layer less; the minimal tier is not possible (needs Linux 5.13)" },
	[PROBE_PIDFD] = { "pidfd", "pidfd", "processes are named without races", "needs Linux 5.3" },
	[PROBE_PROC] = { "proc", "/proc", "memory of runs is watched", "only the kernel's own limits hold" },
	[PROBE_FORK] = { "fork", "forked Node", "one Node is forked for every JavaScript program",
			 "each takes a Node process of its own, started ahead (SANDBOX_POOL_NODE)" },
};

/* Each returns 0 when the thing works; they run in a child that is thrown away. */

static int try_userns(const char *place)
{
	(void)place;
	return unshare(CLONE_NEWUSER);
}

static int try_namespaces(const char *place)
{
	(void)place;
	if (geteuid() != 0 && unshare(CLONE_NEWUSER) < 0)
		return -1;
	return unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
}

static int try_mount(const char *place)
{
	if (try_namespaces(place) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k");
}

static int try_chroot(const char *place)
{
	return chroot(place);
}

static int try_seccomp(const char *place)
{
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog program = { 1, &allow };
	(void)place;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* Putting a descriptor into a process came with 5.9. */
static bool kernel_at_least(int major, int minor)
{
	struct utsname u;
	int64_t have_major, have_minor;
	if (uname(&u) < 0)
		return false;
	struct str rest = str_c(u.release);
	if (str_to_i64(str_cut(&rest, '.'), &have_major))
		return false;
	struct str second = str_cut(&rest, '.');
	second.len = strspn(u.release + (second.at - u.release), "0123456789");
	if (str_to_i64(second, &have_minor))
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

static int try_notify(const char *place)
{
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog program = { 1, &allow };
	unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
			 SECCOMP_FILTER_FLAG_NEW_LISTENER;
	(void)place;
	if (!kernel_at_least(5, 9) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0 ? -1 : 0;
}

static int try_pidfd(const char *place)
{
	(void)place;
	return syscall(SYS_pidfd_open, getpid(), 0) < 0 ? -1 : 0;
}

static int try_proc(const char *place)
{
	(void)place;
	return access("/proc/self/statm", R_OK);
}

static int try_uid(uint32_t uid)
{
	return setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ? -1 : 0;
}

static int try_uid_wanted(const char *place)
{
	return try_uid((uint32_t)strtoul(place, NULL, 10));
}

static bool works(int (*fn)(const char *), const char *place)
{
	int how;
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn(place) == 0 ? 0 : 1);
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

void probe_run(struct probe *p, const char *place, uint32_t uid_base)
{
	static int (*const tries[PROBE_COUNT])(const char *) = {
		[PROBE_USERNS] = try_userns, [PROBE_NAMESPACES] = try_namespaces, [PROBE_MOUNT] = try_mount,
		[PROBE_CHROOT] = try_chroot, [PROBE_SECCOMP] = try_seccomp, [PROBE_NOTIFY] = try_notify,
		[PROBE_PIDFD] = try_pidfd, [PROBE_PROC] = try_proc,
	};
	*p = (struct probe){ .root = geteuid() == 0, .filtered = prctl(PR_GET_SECCOMP) == 2, .uid_base = uid_base };
	for (int i = 0; i < PROBE_COUNT; i++)
		if (tries[i])
			p->have[i] = works(tries[i], place);
	p->landlock_abi = wall_abi();
	p->have[PROBE_LANDLOCK] = p->landlock_abi > 0;
	/* A container may own only a part of the numbers. */
	for (uint32_t base = uid_base; !p->have[PROBE_SETUID]; base = FALLBACK_UID) {
		char number[16];
		snprintf(number, sizeof(number), "%u", base);
		p->have[PROBE_SETUID] = works(try_uid_wanted, number);
		p->uid_base = base;
		if (base == FALLBACK_UID)
			break;
	}
}

static bool tier_possible(const struct probe *p, int tier)
{
	bool broker = p->have[PROBE_SECCOMP] && p->have[PROBE_NOTIFY] && p->have[PROBE_PIDFD];
	switch (tier) {
	case TIER_NAMESPACE:
		return p->have[PROBE_SECCOMP] && p->have[PROBE_PIDFD] && p->have[PROBE_NAMESPACES] &&
		       p->have[PROBE_MOUNT] && (!p->root || p->have[PROBE_SETUID]);
	case TIER_CONTAINER: return broker && p->have[PROBE_CHROOT] && p->have[PROBE_SETUID];
	case TIER_MINIMAL: return broker && p->have[PROBE_LANDLOCK];
	default: return false;
	}
}

const char *tier_name(int tier)
{
	static const char *const names[] = { "none", "namespace", "container", "minimal" };
	return names[tier];
}

static void missing(const struct probe *p, int tier, struct buf *b)
{
	static const struct {
		int tier;
		enum probe_layer layer;
	} needs[] = { { TIER_NAMESPACE, PROBE_NAMESPACES }, { TIER_NAMESPACE, PROBE_MOUNT },
		      { TIER_CONTAINER, PROBE_CHROOT },	    { TIER_CONTAINER, PROBE_SETUID },
		      { TIER_CONTAINER, PROBE_NOTIFY },	    { TIER_MINIMAL, PROBE_LANDLOCK },
		      { TIER_MINIMAL, PROBE_NOTIFY } };
	const char *between = "";
	for (size_t i = 0; i < countof(needs); i++) {
		if (needs[i].tier != tier || p->have[needs[i].layer])
			continue;
		buf_printf(b, "%s%s", between, layers[needs[i].layer].name);
		between = ", ";
	}
	if (!p->have[PROBE_SECCOMP])
		buf_printf(b, "%s%s", between, layers[PROBE_SECCOMP].name);
}

/* --- what is required --- */

/* Whether runs of the tier stand behind the layer: it may be there and have no part in it. */
static bool tier_has(const struct probe *p, int tier, int layer)
{
	bool spaces = tier == TIER_NAMESPACE;
	switch (layer) {
	case PROBE_USERNS: return spaces && !p->root && p->have[layer];
	case PROBE_NAMESPACES:
	case PROBE_MOUNT: return spaces && p->have[layer];
	case PROBE_CHROOT: return tier == TIER_CONTAINER && p->have[layer];
	case PROBE_SETUID: return tier != TIER_MINIMAL && p->root && p->have[layer];
	default: return p->have[layer];
	}
}

static bool tier_has_group(const struct probe *p, int tier, uint32_t bit)
{
	if (bit == REQUIRE_FS)
		return tier_has(p, tier, PROBE_MOUNT) || tier_has(p, tier, PROBE_CHROOT) || p->have[PROBE_LANDLOCK];
	return tier_has(p, tier, PROBE_NAMESPACES) || p->have[PROBE_NOTIFY];
}

static const struct {
	const char *key;
	uint32_t bit;
} groups[] = { { "fs", REQUIRE_FS }, { "net", REQUIRE_NET } };

uint32_t probe_require_bit(struct str name)
{
	for (size_t i = 0; i < countof(groups); i++)
		if (str_eq(name, str_c(groups[i].key)))
			return groups[i].bit;
	for (uint32_t i = 0; i < PROBE_COUNT; i++)
		if (str_eq(name, str_c(layers[i].key)))
			return 1u << i;
	return 0;
}

void probe_require_names(struct buf *b)
{
	for (size_t i = 0; i < countof(groups); i++)
		buf_printf(b, "%s, ", groups[i].key);
	for (int i = 0; i < PROBE_COUNT; i++)
		buf_printf(b, "%s%s", i ? ", " : "", layers[i].key);
}

/* Names of what is required and not had; true when that is nothing. */
static bool satisfied(const struct probe *p, int tier, uint32_t require, struct buf *b)
{
	const char *between = "";
	for (size_t i = 0; i < countof(groups); i++)
		if (require & groups[i].bit && !tier_has_group(p, tier, groups[i].bit)) {
			buf_printf(b, "%s%s", between, groups[i].key);
			between = ", ";
		}
	for (int i = 0; i < PROBE_COUNT; i++)
		if (require & 1u << i && !tier_has(p, tier, i)) {
			buf_printf(b, "%s%s%s", between, layers[i].key, p->have[i] ? " (is there, but no part of this tier)" : "");
			between = ", ";
		}
	return !*between;
}

status probe_choose(struct probe *p, uint32_t isolation, uint32_t require)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 4096), lack = buf_make(mem.p, 4096);
	int best = TIER_NONE;
	p->tier = TIER_NONE;
	for (int t = TIER_NAMESPACE; t <= TIER_MINIMAL && !p->tier; t++) {
		if ((isolation && isolation != (uint32_t)t) || !tier_possible(p, t))
			continue;
		struct buf names = buf_make(mem.p, 4096);
		if (satisfied(p, t, require, &names))
			p->tier = t;
		else if (!best)
			lack = names;
		best = best ? best : t;
	}
	if (p->tier)
		return 0;
	if (best)
		return err_set(ERR_UNAVAILABLE, "SANDBOX_REQUIRE: the %s tier of this machine has no %.*s. `tatara sandbox "
						"--probe` explains.", tier_name(best), STR(buf_str(&lack)));
	for (int t = TIER_NAMESPACE; t <= TIER_MINIMAL; t++) {
		if (isolation && isolation != (uint32_t)t)
			continue;
		buf_printf(&b, "%s%s needs ", b.len ? "; " : "", tier_name(t));
		missing(p, t, &b);
	}
	return err_set(ERR_UNAVAILABLE, "this machine cannot hold user code safely: %.*s. "
					"`tatara sandbox --probe` explains.", STR(buf_str(&b)));
}

void probe_line(const struct probe *p, struct buf *b)
{
	buf_printf(b, "tier %s:", tier_name(p->tier));
	for (int i = 0; i < PROBE_COUNT; i++)
		buf_printf(b, "%s %s %s", i ? "," : "", layers[i].name, p->have[i] ? "yes" : "no");
}

void probe_print(const struct probe *p, FILE *out)
{
	fprintf(out, "%-22s %-12s %-4s %s\n", "layer", "named", "", "what it gives, or what is lost without it");
	for (int i = 0; i < PROBE_COUNT; i++)
		fprintf(out, "%-22s %-12s %-4s %s\n", layers[i].name, layers[i].key, p->have[i] ? "yes" : "no",
			p->have[i] ? layers[i].gives : layers[i].missing);
	fprintf(out, "\n%-22s %s%s\n", "running as", p->root ? "root" : "an ordinary user",
		p->filtered ? ", behind a container's filter of system calls" : "");
	for (int t = TIER_NAMESPACE; t <= TIER_MINIMAL; t++) {
		AUTO(arena) mem = { arena_open(0) };
		struct buf b = buf_make(mem.p, 4096);
		missing(p, t, &b);
		bool can = tier_possible(p, t);
		fprintf(out, "tier %-17s %s%s%.*s\n", tier_name(t), can ? "possible" : "not possible",
			!can && b.len ? ": needs " : "", can ? 0 : (int)b.len, b.at);
	}
	fprintf(out, "%-22s %s\n", "chosen", p->tier ? tier_name(p->tier) : "none: the sandbox refuses to start");
}
