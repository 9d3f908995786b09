/* SPDX-License-Identifier: Apache-2.0 */
/* message: one struct with descriptors over a SOCK_SEQPACKET pair. Plain system calls. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

enum { MESSAGE_FDS_MAX = 8 };
/* 0, or -1 with errno; EAGAIN when the pair is non-blocking and full. */
int message_send(int fd, const void *data, size_t len, const int *fds, size_t count);
/* Bytes, 0 at the end, -1 with errno. *count: room for descriptors, then how many came (close on
 * exec). More than there is room for are closed, and the message fails with EBADMSG. */
ssize_t message_receive(int fd, void *data, size_t len, int *fds, size_t *count);
