/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/calls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/core.h"
#include "sandbox/jail/filter.h"

enum {
	CONNECT_MS = 200,
	STALLS_MAX = 3,		 /* connections that were waited for in vain: the launcher has more to do */
	STRANGERS_MAX = 16,	 /* connections of others to a listener that lives for one call */
	BUFFER_BYTES = 128 << 10, /* the kernel's memory for one connection is nobody's */
};

void calls_init(struct calls *b, uint32_t threads_max, bool network)
{
	*b = (struct calls){ .listener = -1, .threads_max = threads_max, .network = network, .connected = -1 };
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++)
		b->socket[i].theirs = b->socket[i].ours = -1;
}

static void drop_socket(struct calls *b, int i)
{
	if (b->socket[i].ours >= 0)
		close(b->socket[i].ours);
	b->socket[i].ours = b->socket[i].theirs = -1;
}

void calls_close(struct calls *b)
{
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++)
		drop_socket(b, i);
	if (b->listener >= 0)
		close(b->listener);
	if (b->connected >= 0)
		close(b->connected);
	b->listener = b->connected = -1;
}

bool calls_are_slow(const struct calls *b)
{
	return b->answered >= (b->refused > CALLS_FAST ? CALLS_PER_TICK : CALLS_PER_TICK_MAX);
}

void calls_tick(struct calls *b)
{
	b->answered = 0;
}

static void name_of(int number, char out[WIRE_NAME_MAX])
{
	const struct filter_row *r = filter_find((uint32_t)number);
	if (r)
		snprintf(out, WIRE_NAME_MAX, "%s", r->name);
	else
		snprintf(out, WIRE_NAME_MAX, "number %d", number);
}

/* Each name once, the first few. */
static void note_refused(struct calls *b, int number)
{
	char name[WIRE_NAME_MAX];
	name_of(number, name);
	b->refused++;
	for (uint32_t i = 0; i < b->names; i++)
		if (!strcmp(b->name[i], name))
			return;
	if (b->names < WIRE_REFUSED_MAX)
		memcpy(b->name[b->names++], name, sizeof(name));
}

/* --- the network --- */

static int find_socket(const struct calls *b, int theirs)
{
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++)
		if (b->socket[i].ours >= 0 && b->socket[i].theirs == theirs)
			return i;
	return -1;
}

static int free_slot(const struct calls *b)
{
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++)
		if (b->socket[i].ours < 0)
			return i;
	return -1;
}

/* The run's number means this open file from now on; what had it before has been closed. */
static void keep_socket(struct calls *b, int theirs, int ours)
{
	int slot = find_socket(b, theirs);
	if (slot >= 0)
		drop_socket(b, slot);
	slot = free_slot(b);
	if (slot < 0) {
		close(ours);
		return;
	}
	b->socket[slot].theirs = theirs;
	b->socket[slot].ours = ours;
}

/* Puts ours into the run, and keeps it, or closes it. */
static int give_socket(struct calls *b, const struct seccomp_notif *n, int ours, bool cloexec)
{
	struct seccomp_notif_addfd add = { .id = n->id, .srcfd = (uint32_t)ours, .newfd_flags = cloexec ? O_CLOEXEC : 0 };
	int theirs = ioctl(b->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (theirs < 0) {
		int why = errno;
		close(ours);
		return -why;
	}
	keep_socket(b, theirs, ours);
	return theirs;
}

static void limit_buffers(int fd)
{
	int bytes = BUFFER_BYTES;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int make_socket(struct calls *b, const struct seccomp_notif *n)
{
	int type = (int)n->data.args[1];
	if (free_slot(b) < 0)
		return -EMFILE;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (type & SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -errno;
	limit_buffers(fd);
	return give_socket(b, n, fd, (type & SOCK_CLOEXEC) != 0);
}

/* A number more for a socket that we hold: we put it in, and so know it. What else is duplicated goes on: only
 * registers were looked at. (fcntl's least number is not looked at: no library asks for one.) */
static int duplicate(struct calls *b, const struct seccomp_notif *n, bool cloexec, bool *go_on)
{
	int slot = find_socket(b, (int)n->data.args[0]);
	*go_on = slot < 0;
	if (*go_on)
		return 0;
	int fd = free_slot(b) < 0 ? -1 : fcntl(b->socket[slot].ours, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -EMFILE : give_socket(b, n, fd, cloexec);
}

/* dup2 says the new number itself. Should it fail then, the entry is for a number that nobody uses. */
static void note_duplicate(struct calls *b, const struct seccomp_notif *n)
{
	int from = (int)n->data.args[0], to = (int)n->data.args[1];
	int slot = find_socket(b, from), old = find_socket(b, to);
	if (from == to)
		return;
	if (old >= 0)
		drop_socket(b, old);
	int fd = slot < 0 ? -1 : fcntl(b->socket[slot].ours, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		keep_socket(b, to, fd);
}

/* The connection of this socket and of no other, though anybody on the machine may connect meanwhile. */
static int accept_own(int listener, int fd)
{
	struct sockaddr_in own = { 0 }, peer = { 0 };
	socklen_t len = sizeof(own);
	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return -1;
	for (int i = 0; i < STRANGERS_MAX; i++) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		len = sizeof(peer);
		int got = poll(&p, 1, CONNECT_MS) < 1 ? -1
			  : accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (got < 0 || (peer.sin_port == own.sin_port && peer.sin_addr.s_addr == own.sin_addr.s_addr))
			return got;
		close(got);
	}
	return -1;
}

/* Connects the socket to ourselves; the other end is for the front. It is there at once or not at all. */
static int connect_here(int fd, int *other)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	AUTO(fd) l = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (l.n < 0)
		return -errno;
	limit_buffers(l.n);
	if (bind(l.n, (struct sockaddr *)&a, len) < 0 || listen(l.n, STRANGERS_MAX) < 0 ||
	    getsockname(l.n, (struct sockaddr *)&a, &len) < 0)
		return -errno;
	int flags = fcntl(fd, F_GETFL), why = 0;
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS)
		why = errno;
	if (!why && (*other = accept_own(l.n, fd)) < 0)
		why = ETIMEDOUT;
	/* Told so, the kernel takes the connection for finished, and refuses the next one. */
	if (!why)
		(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
	(void)fcntl(fd, F_SETFL, flags);
	return -why;
}

static int connect_socket(struct calls *b, const struct seccomp_notif *n)
{
	int slot = find_socket(b, (int)n->data.args[0]);
	if (slot < 0)
		return -EISCONN;
	if (b->stalls >= STALLS_MAX)
		return -ENETUNREACH;
	int r = connect_here(b->socket[slot].ours, &b->connected);
	drop_socket(b, slot); /* the run's own copy lives on */
	b->stalls += r == -ETIMEDOUT;
	return r;
}

/* --- threads, where the kernel cannot count them --- */

static uint32_t threads_of(pid_t pid)
{
	char path[64], text[2048];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return UINT32_MAX;
	text[n] = 0;
	const char *at = strstr(text, "\nThreads:");
	return at ? (uint32_t)strtoul(at + 9, NULL, 10) : UINT32_MAX;
}

static bool reply(const struct calls *b, uint64_t id, int64_t value, bool go_on)
{
	struct seccomp_notif_resp r = { .id = id };
	if (go_on)
		r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		r.error = (int32_t)value;
	else
		r.val = value;
	/* A call that was taken back meanwhile is nobody's loss. */
	(void)ioctl(b->listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
	return true;
}

/* What a run with network asks for. False: it is something else. */
static bool answer_network(struct calls *b, const struct seccomp_notif *n, enum filter_rule rule)
{
	bool fcntl_dup = rule == RULE_FCNTL && (n->data.args[1] == F_DUPFD || n->data.args[1] == F_DUPFD_CLOEXEC);
	bool go_on = false;
	int64_t value = 0;
	if (rule == RULE_SOCKET && n->data.args[0] == AF_INET) {
		value = make_socket(b, n);
	} else if (rule == RULE_CONNECT) {
		value = connect_socket(b, n);
	} else if (rule == RULE_DUP || fcntl_dup) {
		value = duplicate(b, n, fcntl_dup && n->data.args[1] == F_DUPFD_CLOEXEC, &go_on);
	} else if (rule == RULE_DUP2) {
		note_duplicate(b, n);
		go_on = true;
	} else {
		return false;
	}
	return reply(b, n->id, value, go_on);
}

bool calls_answer(struct calls *b)
{
	struct seccomp_notif n = { 0 };
	if (ioctl(b->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
		return true;
	b->answered++;
	const struct filter_row *row = filter_find((uint32_t)n.data.nr);
	enum filter_rule rule = row ? row->rule : RULE_REFUSE;
	bool seccomp_by_prctl = rule == RULE_PRCTL && n.data.args[0] == 22;
	if (rule == RULE_KILL || seccomp_by_prctl) {
		/* No answer: the call waits until the process is gone. */
		name_of(n.data.nr, b->killed_by);
		return false;
	}
	if (b->network && answer_network(b, &n, rule))
		return true;
	/* The flags are in registers: what was checked is what the kernel runs. */
	const uint64_t thread = 0x10000 | 0x700; /* CLONE_THREAD, and VM, FS, FILES */
	if (rule == RULE_CLONE && (n.data.args[0] & thread) == thread && !(n.data.args[0] & 0x7e82a000)) {
		bool room = threads_of(b->pid) < b->threads_max;
		return reply(b, n.id, -EAGAIN, room);
	}
	note_refused(b, n.data.nr);
	return reply(b, n.id, -EPERM, false);
}
