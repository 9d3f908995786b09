/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk: what the component tests of net share: raw clients on fibers and checks that may fail
 * inside a fiber (cmocka's jump out of it must not happen there).
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "net/http.h"
#include "rt/rt.h"
#include "test/unit/net/cmocka_all.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* How much more memory may be resident after something large went by. The address sanitizer keeps
 * what is freed. */
#ifdef __SANITIZE_ADDRESS__
enum { FLAT_KB = 400 << 10 };
#else
enum { FLAT_KB = 4096 };
#endif

/* How long a test waits for what must come: only something broken takes so long. */
enum { PATIENCE_MS = 120000 };

static int talk_failed;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			talk_failed++;                                                             \
			printf("%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #cond,          \
			       err_last()->text);                                                  \
		}                                                                                  \
	} while (0)

/* The cmocka test `name`: test_name(struct stage *) on the stage that the file's stage_main sets. */
#define STAGE(name)                                                                                \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void)unused;                                                                      \
		talk_failed = 0;                                                                   \
		assert_int_equal(rt_run(&(struct rt_options){ .stall_ms = -1 }, stage_main,        \
					(void *)test_##name), 0);                                  \
		assert_int_equal(talk_failed, 0);                                                  \
	}

/* Connects to 127.0.0.1:port. */
static inline int talk_open(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno == EINPROGRESS)
		CHECK(!fd_wait(fd, WAIT_WRITE, deadline_in_ms(PATIENCE_MS)));
	return fd;
}

/* False when the peer takes no more. */
static inline bool talk_send(int fd, struct str s)
{
	while (s.len) {
		ssize_t n = send(fd, s.at, s.len, MSG_NOSIGNAL);
		if (n >= 0)
			s = str_skip(s, (size_t)n);
		else if (errno != EAGAIN || fd_wait(fd, WAIT_WRITE, deadline_in_ms(PATIENCE_MS)))
			return false;
	}
	return true;
}

/* Reads until `until` has come (NULL: until the end), or ms are over. What came, NUL behind. */
static inline struct str talk_read(struct arena *mem, int fd, const char *until, int64_t ms)
{
	struct buf b = buf_make(mem, 0);
	deadline end = deadline_in_ms(ms);
	for (;;) {
		if (until && str_has(buf_str(&b), str_c(until)))
			break;
		char *at = buf_reserve(&b, 65536);
		ssize_t n = recv(fd, at, 65536, 0);
		if (n > 0)
			b.len += (size_t)n;
		else if (!n || errno != EAGAIN || fd_wait(fd, WAIT_READ, end))
			break;
	}
	struct str out = buf_str(&b);
	buf_putc(&b, 0);
	return str_of(b.at, out.len);
}

static inline void talk_close(int fd)
{
	fd_forget(fd);
	close(fd);
}

/* Until the number has come so far. False: it never did. */
static inline bool talk_await(const int *number, int want)
{
	for (int i = 0; i < PATIENCE_MS / 10 && *number < want; i++)
		if (fiber_sleep_ms(10))
			return false;
	return *number == want;
}

/* Ends with a reset instead of an orderly end. */
static inline void talk_reset(int fd)
{
	struct linger l = { 1, 0 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	talk_close(fd);
}

static inline size_t talk_count(struct str s, const char *what)
{
	size_t n = 0, at, len = strlen(what);
	for (; (at = str_find(s, str_c(what))) != SIZE_MAX; n++)
		s = str_skip(s, at + len);
	return n;
}

/* Resident kilobytes of this process. */
static inline long talk_resident(void)
{
	long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static inline uint16_t talk_port(struct arena *mem, int fd)
{
	struct str name = listen_name(mem, fd);
	int64_t port = 0;
	CHECK(!str_to_i64(str_skip(name, str_rfind_char(name, ':') + 1), &port));
	return (uint16_t)port;
}
