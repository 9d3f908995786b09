/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int message_send(int fd, const void *data, size_t len, const int *fds, size_t count)
{
	char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)] = { 0 };
	struct iovec part = { .iov_base = (void *)(size_t)data, .iov_len = len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count) {
		m.msg_control = space;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	ssize_t n;
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

ssize_t message_receive(int fd, void *data, size_t len, int *fds, size_t *count)
{
	char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	struct iovec part = { .iov_base = data, .iov_len = len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
			    .msg_controllen = sizeof(space) };
	size_t room = *count;
	ssize_t n;
	int got[MESSAGE_FDS_MAX], bad = 0;
	*count = 0;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c)) {
		size_t have = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || have > MESSAGE_FDS_MAX)
			continue;
		memcpy(got, CMSG_DATA(c), have * sizeof(int));
		for (size_t i = 0; i < have; i++) {
			if (*count < room)
				fds[(*count)++] = got[i];
			else
				bad = !close(got[i]) || 1;
		}
	}
	if (!bad && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	for (size_t i = 0; i < *count; i++)
		close(fds[i]);
	*count = 0;
	errno = EBADMSG;
	return -1;
}
