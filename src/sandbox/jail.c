/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: see jail.h. Read from top to bottom: what a namespace jail is made of, then how a process
 * goes into a jail of each tier. After its last step nothing of the service is left in a process:
 * no descriptor, no environment, no right but what the zygote needs to give each run less.
 */
#include "sandbox/jail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "sandbox/jail/harden.h"
#include "sandbox/message.h"
#include "sandbox/probe.h"

/* The heap gets a fourth of a run's memory: buffers and code lie outside of it. */
enum { EXIT_BROKEN = 125, LISTEN_BACKLOG = 512, NODE_HEAP_PART = 4 };

/* --- namespaces --- */

static status write_text(const char *path, const char *text)
{
	AUTO(fd) f = { open(path, O_WRONLY | O_CLOEXEC) };
	if (f.n < 0 || write(f.n, text, strlen(text)) != (ssize_t)strlen(text))
		return err_errno("write %s", path);
	return 0;
}

/* An ordinary user becomes root of a namespace that owns nothing but what it makes itself. */
static status enter_user_space(void)
{
	char uid[64], gid[64];
	snprintf(uid, sizeof(uid), "0 %u 1", geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return err_errno("make a user namespace");
	if (write_text("/proc/self/setgroups", "deny") || write_text("/proc/self/uid_map", uid) ||
	    write_text("/proc/self/gid_map", gid))
		return -1;
	return 0;
}

/* A network of nothing but its loop-back. */
static status bring_up_loopback(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	AUTO(fd) control = { socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	return control.n < 0 || ioctl(control.n, SIOCSIFFLAGS, &up) < 0 ? err_errno("bring the loop-back up") : 0;
}

/* The one address that a run with network can reach where the launcher is no broker: the front relays it. */
static status open_proxy_listener(int *out)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(JAIL_PROXY_PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO(fd) s = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (s.n < 0 || bind(s.n, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s.n, LISTEN_BACKLOG) < 0)
		return err_errno("listen for runs");
	*out = s.n;
	s.n = -1;
	return 0;
}

enum { SPACE_MOUNT, SPACE_IPC, SPACE_UTS, SPACE_EMPTY_NET, SPACE_PROXY_NET, SPACE_LISTENER, SPACE_COUNT };

static status open_space(const char *name, int *out)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	*out = open(path, O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_errno("open %s", path) : 0;
}

/* Makes every namespace and the root; runs in a child, which hands over descriptors and ends. */
static status make_spaces(const struct jail *j, const char *place, int fds[SPACE_COUNT])
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		return err_errno("make namespaces");
	/* Nothing that is mounted here may appear outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno("make mounts private");
	if (sethostname("sandbox", 7) < 0 || root_mount(j->plan, j->settings, place))
		return -1;
	if (open_space("mnt", &fds[SPACE_MOUNT]) || open_space("ipc", &fds[SPACE_IPC]) ||
	    open_space("uts", &fds[SPACE_UTS]) || open_space("net", &fds[SPACE_EMPTY_NET]))
		return -1;
	/* A second network, in which the loop-back is up: for the launcher, which connects runs from there, or
	 * for the runs themselves. */
	if (unshare(CLONE_NEWNET) < 0)
		return err_errno("make a network namespace");
	if (open_space("net", &fds[SPACE_PROXY_NET]) || bring_up_loopback() || open_proxy_listener(&fds[SPACE_LISTENER]))
		return -1;
	/* The old root is stacked under the new one, then let go: no path leads to it any more. */
	if (chdir(place) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return err_errno("change the root");
	return 0;
}

static status open_namespaces(struct jail *j, const char *place)
{
	int ends[2], fds[SPACE_COUNT], how;
	char why[WIRE_TEXT_MAX] = "";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno("socketpair");
	pid_t pid = fork();
	if (pid == 0) {
		bool bad = make_spaces(j, place, fds);
		if (bad)
			snprintf(why, sizeof(why), "%.*s", STR(err_text()));
		(void)message_send(ends[1], why, sizeof(why), fds, bad ? 0 : SPACE_COUNT);
		_exit(bad ? EXIT_BROKEN : 0);
	}
	close(ends[1]);
	size_t got = SPACE_COUNT;
	ssize_t n = pid < 0 ? -1 : message_receive(ends[0], why, sizeof(why), fds, &got);
	close(ends[0]);
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(why) || got != SPACE_COUNT)
		return err_set(ERR_UNAVAILABLE, "cannot build the jail: %.*s", (int)sizeof(why) - 1, n > 0 ? why : "no answer");
	j->mount_ns = fds[SPACE_MOUNT];
	j->ipc_ns = fds[SPACE_IPC];
	j->uts_ns = fds[SPACE_UTS];
	j->empty_net = fds[SPACE_EMPTY_NET];
	j->proxy_net = fds[SPACE_PROXY_NET];
	j->listener = fds[SPACE_LISTENER];
	if (!j->broker)
		return 0;
	/* Nobody listens for runs then, and no socket that one gets has ever been in a network of the machine. */
	close(j->listener);
	j->listener = -1;
	return setns(j->proxy_net, CLONE_NEWNET) < 0 ? err_errno("enter the network of the runs") : 0;
}

static status open_folder(struct jail *j, struct arena *mem)
{
	j->helpers = JAIL_DIR;
	if (!*j->settings->rootfs) {
		j->root = arena_printf(mem, "%s/root", j->settings->work_dir).at;
		return root_copy(j->plan, j->root);
	}
	j->root = j->settings->rootfs;
	const char *folder = arena_printf(mem, "%s" JAIL_DIR, j->root).at;
	if (root_write_helpers(folder))
		return err_wrap("write the helpers into SANDBOX_ROOTFS");
	return 0;
}

status jail_open(struct jail *j, const struct launcher_settings *s, const struct root_plan *plan,
		 const struct probe *p)
{
	struct arena *mem = plan->mem;
	const char *place = arena_printf(mem, "%s/place", s->work_dir).at;
	*j = (struct jail){ .settings = s, .plan = plan, .tier = p->tier, .notify = p->have[PROBE_NOTIFY],
			    .uid_base = p->uid_base, .mount_ns = -1, .listener = -1, .proxy_net = -1,
			    .empty_net = -1, .helpers = JAIL_DIR, .root = "/" };
	j->packages = p->tier == TIER_MINIMAL ? arena_printf(mem, "%s/packages", s->work_dir).at : JAIL_PACKAGES;
	j->site = s->packages ? arena_printf(mem, "%s/current:%s", j->packages, plan->site).at : plan->site;
	j->own_ids = p->root && p->have[PROBE_SETUID] && p->tier != TIER_MINIMAL;
	j->broker = p->tier != TIER_NAMESPACE || j->notify;
	j->filtered = p->filtered;
	if (pipe2(j->life, O_CLOEXEC) < 0)
		return err_errno("pipe");
	if (s->scratch_mb && p->tier != TIER_NAMESPACE)
		return err_set(ERR_UNAVAILABLE, "SANDBOX_SCRATCH_MB needs the namespace tier, and this machine gives the %s "
						"tier: set it to 0", tier_name(p->tier));
	if (p->tier == TIER_NAMESPACE) {
		j->user_space = !p->root;
		if (j->user_space && enter_user_space())
			return -1;
		return open_namespaces(j, place);
	}
	if (p->tier == TIER_CONTAINER)
		return open_folder(j, mem);
	j->helpers = arena_printf(mem, "%s/helpers", s->work_dir).at;
	return root_write_helpers(j->helpers);
}

uint32_t jail_order_flags(const struct jail *j)
{
	uint32_t flags = 0;
	if (j->notify)
		flags |= ORDER_NOTIFY;
	if (j->broker)
		flags |= ORDER_BROKER;
	if (j->filtered)
		flags |= ORDER_KILL;
	if (j->settings->scratch_mb)
		flags |= ORDER_SCRATCH;
	if (j->own_ids)
		flags |= ORDER_SETID;
	else if (j->user_space)
		flags |= ORDER_USERNS;
	else
		flags |= ORDER_COUNT_THREADS;
	return flags;
}

/* --- one process namespace a run --- */

/* Its first process: without it a run would be the first, and could not even kill itself. It ends with
 * the launcher, which alone holds the other end of the pipe. */
static _Noreturn void wait_for_launcher(const struct jail *j)
{
	struct order nobody = { .flags = 0 };
	char byte;
	if (dup2(j->life[0], 0) < 0)
		_exit(EXIT_BROKEN);
	(void)syscall(SYS_close_range, 1u, ~0u, 0u);
	if (harden_identity(&nobody) < 0)
		_exit(EXIT_BROKEN);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/*
 * A child of ours in another process namespace: `space`, or with -1 a new one, whose descriptor goes
 * to *made. Through a process that goes there and does not come back, since who is no root would not
 * be let back. Returns as fork does.
 */
static pid_t fork_into(int space, int *made)
{
	int ends[2], how;
	pid_t pid = -1;
	size_t count = space < 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t guide = fork();
	if (guide == 0) {
		int fd = -1;
		if (space < 0 ? unshare(CLONE_NEWPID) : setns(space, CLONE_NEWPID))
			_exit(EXIT_BROKEN);
		pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
		if (pid == 0)
			return 0;
		if (pid > 0 && space < 0)
			fd = open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC);
		(void)message_send(ends[1], &pid, sizeof(pid), &fd, fd >= 0);
		_exit(0);
	}
	close(ends[1]);
	if (guide < 0 || message_receive(ends[0], &pid, sizeof(pid), made, &count) != sizeof(pid))
		pid = -1;
	close(ends[0]);
	while (guide > 0 && waitpid(guide, &how, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && space < 0 && !count) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
			;
		pid = -1;
	}
	return pid;
}

int jail_process_space(const struct jail *j, pid_t *init)
{
	int fd = -1;
	*init = 0;
	if (j->tier != TIER_NAMESPACE)
		return -1;
	pid_t pid = fork_into(-1, &fd);
	if (pid == 0)
		wait_for_launcher(j);
	if (pid < 0)
		return -1;
	*init = pid;
	return fd;
}

/* --- going in --- */

/* Numbers 0 to 2 and `control` as 3; everything else is closed without looking. */
static status settle_fds(int in, int out, int err, int control)
{
	const int want[4] = { in, out, err, control };
	int high[4];
	for (int i = 0; i < 4; i++)
		if ((high[i] = fcntl(want[i], F_DUPFD, 16)) < 0)
			return err_errno("descriptors");
	for (int i = 0; i < 4; i++)
		if (dup2(high[i], i) < 0)
			return err_errno("descriptors");
	return syscall(SYS_close_range, 4u, ~0u, 0u) < 0 ? err_errno("close descriptors") : 0;
}

/* Into the namespaces or the root folder, and behind landlock. */
static status enter(const struct jail *j, bool network)
{
	bool outside = network && !j->broker;
	int port = outside ? JAIL_PROXY_PORT : 0;
	if (j->tier == TIER_NAMESPACE) {
		if (setns(outside ? j->proxy_net : j->empty_net, CLONE_NEWNET) < 0 ||
		    setns(j->ipc_ns, CLONE_NEWIPC) < 0 || setns(j->uts_ns, CLONE_NEWUTS) < 0 ||
		    setns(j->mount_ns, CLONE_NEWNS) < 0)
			return err_errno("enter the namespaces");
	} else if (j->tier == TIER_CONTAINER) {
		/* No descriptor of a folder is left that leads out: settle_fds closes them all. */
		if (chroot(j->root) < 0)
			return err_errno("chroot");
	}
	if (chdir("/") < 0)
		return err_errno("chdir");
	/* Behind landlock nothing can be mounted: a run that gets a scratch folder goes behind it afterwards. */
	if (j->settings->scratch_mb)
		return 0;
	return root_restrict(j->tier == TIER_MINIMAL ? j->plan : NULL, j->helpers, j->packages, port);
}

/* The zygote may change uid, drop rights and choose namespaces for its children. CAP_KILL: the signal of
 * its death reaches them only if it might have sent it itself. */
static void keep_zygote_rights(const struct jail *j)
{
	for (int c = 0; c <= 63; c++) {
		bool keep = c == CAP_SETUID || c == CAP_SETGID || c == CAP_SETPCAP || c == CAP_KILL ||
			    (c == CAP_SYS_ADMIN && j->tier == TIER_NAMESPACE);
		if (!keep)
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	}
}

static _Noreturn void zygote_child(const struct jail *j, int control, const char *const *argv,
				   const char *const *env)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	umask(022);
	/* Where the launcher is no broker it can give a run the other network. */
	if (enter(j, true) || settle_fds(null, null, 2, control) || dup2(0, RUN_FD_STATUS) < 0) {
		dprintf(2, "sandbox: zygote: %.*s\n", STR(err_text()));
		_exit(EXIT_BROKEN);
	}
	keep_zygote_rights(j);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	dprintf(2, "sandbox: start %s: %s\n", argv[0], strerror(errno));
	_exit(EXIT_BROKEN);
}

static status start_zygote(const struct jail *j, int control, const char *const *argv, const char *const *env,
			   pid_t *out)
{
	pid_t pid = fork();
	if (pid == 0)
		zygote_child(j, control, argv, env);
	if (pid < 0)
		return err_errno("start a zygote");
	*out = pid;
	return 0;
}

static status start_python_zygote(const struct jail *j, int control, bool data, pid_t *out)
{
	static const char *const env[] = {
		"PATH=/usr/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/", "PYTHONUTF8=1",
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONSAFEPATH=1", "PYTHONNOUSERSITE=1",
		"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", NULL,
	};
	char script[WIRE_TEXT_MAX];
	snprintf(script, sizeof(script), "%s/zygote.py", j->helpers);
	const char *argv[] = { j->plan->python, "-I", "-S", "-B", "-X", "utf8", script, "3", j->settings->preload,
			       j->site, data ? "data" : "plain", NULL };
	return start_zygote(j, control, argv, env, out);
}

/* V8 gets no helper threads: a child would not have them. */
static status start_node_zygote(const struct jail *j, int control, pid_t *out)
{
	char script[WIRE_TEXT_MAX], library[WIRE_TEXT_MAX + 16], modules[WIRE_TEXT_MAX + 16], heap[64];
	snprintf(script, sizeof(script), "%s/boot.js", j->helpers);
	snprintf(library, sizeof(library), "LD_PRELOAD=%s/jail.so", j->helpers);
	snprintf(modules, sizeof(modules), "NODE_PATH=%s", j->plan->node_path);
	snprintf(heap, sizeof(heap), "--max-old-space-size=%u", j->settings->memory_mb / NODE_HEAP_PART);
	const char *env[] = { "PATH=/usr/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/",
			      "UV_THREADPOOL_SIZE=2", "UV_USE_IO_URING=0", modules, library, NULL };
	const char *argv[] = { j->plan->node, JAIL_NODE_FORK_FLAGS, heap, script, "fork", NULL };
	return start_zygote(j, control, argv, env, out);
}

status jail_start_zygote(const struct jail *j, int control, enum zygote_kind kind, pid_t *out)
{
	if (kind == ZYGOTE_NODE)
		return start_node_zygote(j, control, out);
	return start_python_zygote(j, control, kind == ZYGOTE_DATA, out);
}

static _Noreturn void node_child(const struct jail *j, const struct order *o, const int fds[3], const char *const *argv)
{
	static const char proxy[] = "http://127.0.0.1:3128";
	char path[WIRE_TEXT_MAX], names[4][64];
	const char *env[16] = { "PATH=/usr/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/",
				"UV_THREADPOOL_SIZE=2", "UV_USE_IO_URING=0", path };
	static const char *const variables[] = { "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy" };
	snprintf(path, sizeof(path), "NODE_PATH=%s", j->plan->node_path);
	for (size_t i = 0; i < countof(variables) && o->flags & ORDER_NETWORK; i++) {
		snprintf(names[i], sizeof(names[i]), "%s=%s", variables[i], proxy);
		env[8 + i] = names[i];
	}
	if (o->flags & ORDER_NETWORK)
		env[12] = "NODE_USE_ENV_PROXY=1";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	umask(077);
	if (enter(j, (o->flags & ORDER_NETWORK) != 0) || settle_fds(null, fds[1], fds[2], fds[0])) {
		dprintf(2, "sandbox: node: %.*s\n", STR(err_text()));
		_exit(EXIT_BROKEN);
	}
	if (harden_scratch(o) < 0 || harden_identity(o) < 0)
		_exit(EXIT_BROKEN);
	execve(j->plan->node, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	_exit(EXIT_BROKEN);
}

status jail_start_node(const struct jail *j, const struct order *o, const int fds[3], int pidns, pid_t *out)
{
	char script[WIRE_TEXT_MAX], heap[64];
	snprintf(script, sizeof(script), "%s/boot.js", j->helpers);
	snprintf(heap, sizeof(heap), "--max-old-space-size=%llu", (unsigned long long)((o->memory >> 20) / NODE_HEAP_PART));
	const char *argv[] = { "node", heap, "--no-warnings", script, NULL };
	int none;
	pid_t pid = pidns >= 0 ? fork_into(pidns, &none) : fork();
	if (pid == 0)
		node_child(j, o, fds, argv);
	if (pid < 0)
		return err_errno("start node");
	*out = pid;
	return 0;
}
