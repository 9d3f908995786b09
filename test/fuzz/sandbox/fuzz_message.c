/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of the sandbox send each other. Input: how many descriptors come, how many are wanted, how many
 * bytes, then the message. No descriptor is lost or left over, whatever comes; an order that is taken can be obeyed.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/core.h"
#include "sandbox/jail/filter.h"
#include "sandbox/message.h"
#include "sandbox/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SENT_MAX = 12 };

/* The lowest free number: the same again when nothing was left open below. */
static int lowest_free(void)
{
	int fd = dup(0);
	ASSERT(fd >= 0);
	close(fd);
	return fd;
}

static void send_any(int fd, const uint8_t *data, size_t size, int count)
{
	char space[CMSG_SPACE(sizeof(int) * SENT_MAX)] = { 0 };
	int fds[SENT_MAX];
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	memset(fds, 0, sizeof(fds)); /* number 0, as often as wanted */
	if (count) {
		m.msg_control = space;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
	}
	ASSERT(sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)size);
}

static void obey(const struct order *o)
{
	static struct sock_filter program[FILTER_MAX];
	struct filter_options f = { .flags = o->flags, .pid = o->uid, .extra = o->extra, .extra_len = o->extra_len };
	ASSERT(filter_build(&f, program, FILTER_MAX) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2], fds[MESSAGE_FDS_MAX];
	union {
		struct order order;
		struct launcher_report report;
		char bytes[1024];
	} in;
	if (size < 4)
		return 0;
	int sent = data[0] % (SENT_MAX + 1);
	size_t room = data[1] % (MESSAGE_FDS_MAX + 1), count = room;
	/* Room for less than comes is what a process of another build has. */
	size_t len = data[2] & 1 ? sizeof(struct order) : data[2] & 2 ? sizeof(struct launcher_report) : data[2] + 1u;
	data += 3;
	size = MIN(size - 3, sizeof(in));
	ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	int before = lowest_free();
	send_any(ends[0], data, size, sent);
	ssize_t n = message_receive(ends[1], &in, len, fds, &count);
	if (n < 0) {
		ASSERT(count == 0 && (size > len || (size_t)sent > room));
	} else {
		ASSERT((size_t)n == size && size <= len && count == (size_t)sent && count <= room);
		ASSERT(!memcmp(&in, data, size));
		if (order_is_sound(&in.order, n))
			obey(&in.order);
	}
	for (size_t i = 0; i < count; i++) {
		ASSERT(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
		close(fds[i]);
	}
	ASSERT(lowest_free() == before);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
