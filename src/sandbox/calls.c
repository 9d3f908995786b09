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

#include "sandbox/jail/filter.h"

enum { CONNECT_MS = 200 };

void calls_init(struct calls *b, uint32_t threads_max, uint16_t port)
{
	*b = (struct calls){ .listener = -1, .threads_max = threads_max, .port = port };
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
	b->listener = -1;
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

static int free_slot(struct calls *b, int theirs)
{
	int found = -1;
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++) {
		if (b->socket[i].theirs == theirs)
			drop_socket(b, i); /* the run has closed it: the number is used again */
		if (b->socket[i].ours < 0 && found < 0)
			found = i;
	}
	return found;
}

/* Makes the socket here and puts it into the run. */
static int make_socket(struct calls *b, const struct seccomp_notif *n)
{
	int type = (int)n->data.args[1];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (type & SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -errno;
	struct seccomp_notif_addfd add = { .id = n->id, .srcfd = (uint32_t)fd,
					   .newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0 };
	int theirs = ioctl(b->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	int slot = theirs < 0 ? -1 : free_slot(b, theirs);
	if (theirs < 0 || slot < 0) {
		close(fd);
		return theirs < 0 ? -errno : -EMFILE;
	}
	b->socket[slot].theirs = theirs;
	b->socket[slot].ours = fd;
	return theirs;
}

/* The relay is ours and on this machine: it takes the connection at once or not at all. */
static int connect_relay(int fd, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int flags = fcntl(fd, F_GETFL), why = 0;
	socklen_t len = sizeof(why);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		why = errno;
		if (why == EINPROGRESS)
			why = poll(&p, 1, CONNECT_MS) > 0 ? 0 : ETIMEDOUT;
		if (!why)
			(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len);
	}
	(void)fcntl(fd, F_SETFL, flags);
	return -why;
}

static int connect_socket(struct calls *b, const struct seccomp_notif *n)
{
	int theirs = (int)n->data.args[0];
	for (int i = 0; i < CALLS_SOCKETS_MAX; i++) {
		if (b->socket[i].theirs != theirs)
			continue;
		int r = b->port ? connect_relay(b->socket[i].ours, b->port) : -ENETUNREACH;
		drop_socket(b, i); /* the run's own copy lives on */
		return r;
	}
	return -EISCONN;
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
	if (rule == RULE_SOCKET && n.data.args[0] == AF_INET && b->sockets++ < UINT32_MAX && b->port)
		return reply(b, n.id, make_socket(b, &n), false);
	if (rule == RULE_CONNECT && b->port)
		return reply(b, n.id, connect_socket(b, &n), false);
	/* The flags are in registers: what was checked is what the kernel runs. */
	const uint64_t thread = 0x10000 | 0x700; /* CLONE_THREAD, and VM, FS, FILES */
	if (rule == RULE_CLONE && (n.data.args[0] & thread) == thread && !(n.data.args[0] & 0x7e82a000)) {
		bool room = threads_of(b->pid) < b->threads_max;
		return reply(b, n.id, -EAGAIN, room);
	}
	note_refused(b, n.data.nr);
	return reply(b, n.id, -EPERM, false);
}
