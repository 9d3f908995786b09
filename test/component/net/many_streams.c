/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten thousand open event streams on one process, then idle keep-alive connections: memory for
 * each, and that every stream still gets its pings. The clients are a process of their own, since
 * each side needs its descriptors. With fewer descriptors allowed it opens fewer.
 */
#include "test/component/net/talk.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef __SANITIZE_ADDRESS__ /* every object is larger there: this only shows that it works */
enum { WANT = 1000, PER_STREAM_MAX = 1 << 20, PER_IDLE_MAX = 1 << 20, SPARE_FDS = 200 };
#else
enum { WANT = 10000, PER_STREAM_MAX = 20 << 10, PER_IDLE_MAX = 16 << 10, SPARE_FDS = 200 };
#endif

static status handle(struct http *q, void *ctx)
{
	struct str body;
	(void)ctx;
	if (str_eq(q->path, S("/idle")))
		return http_reply(q, 200, S("text/plain"), S("ok"));
	if (http_body(q, &body) || sse_begin(q, 1000) ||
	    sse_data(q, S(""), S("{\"event\":\"workflow_started\"}")))
		return -1;
	return fiber_sleep_ms(600000); /* waits for its model */
}

/* Proportional share in bytes. */
static long share(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb * 1024;
}

static int open_streams(uint16_t port, int n, const char *request, const char *want, int *fds)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	static char in[4096];
	for (int i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&a, sizeof a) ||
		    send(fds[i], request, strlen(request), MSG_NOSIGNAL) < 0)
			return 10;
		size_t len = 0;
		do {
			ssize_t got = recv(fds[i], in + len, sizeof in - 1 - len, 0);
			if (got <= 0)
				return 11;
			len += (size_t)got;
			in[len] = 0;
		} while (!strstr(in, want));
	}
	return 0;
}

static bool two_pings(const char *in)
{
	const char *first = strstr(in, "event: ping");
	return first && strstr(first + 1, "event: ping");
}

/* The other process: opens all, tells, counts pings until told to end. */
static int clients(uint16_t port, int n, int tell, int hear)
{
	static int fds[WANT];
	static char in[4096];
	static const char post[] = "POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n"
				   "Authorization: Bearer app-0123456789\r\nUser-Agent: test\r\n\r\n%300s";
	char request[1024], go;
	snprintf(request, sizeof request, post, "{}");
	int rc = open_streams(port, n, request, "workflow_started", fds);
	if (rc || write(tell, "1", 1) != 1 || read(hear, &go, 1) != 1)
		return rc ? rc : 12;
	for (int i = 0; i < n; i++) { /* each gets at least two pings */
		size_t len = 0;
		do {
			ssize_t got = recv(fds[i], in + len, sizeof in - 1 - len, 0);
			if (got <= 0)
				return 13;
			len += (size_t)got;
			in[len] = 0;
		} while (!two_pings(in));
		close(fds[i]);
	}
	rc = open_streams(port, n, "GET /idle HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\nok", fds);
	if (rc || write(tell, "2", 1) != 1 || read(hear, &go, 1) != 1)
		return rc ? rc : 15;
	return 0;
}

static int pipe_to[2], pipe_from[2], wanted;
static pid_t child;

static bool await_child(struct http_server *s, size_t connections)
{
	char word;
	struct http_stats st = { 0 };
	if (fd_wait(pipe_from[0], WAIT_READ, deadline_in_ms(5 * PATIENCE_MS)) ||
	    read(pipe_from[0], &word, 1) != 1)
		return false;
	for (int i = 0; i < PATIENCE_MS / 50; i++) {
		http_server_stats(s, &st);
		if (st.connections == connections || fiber_sleep_ms(50))
			break;
	}
	CHECK(st.connections == connections);
	return true;
}

/* Bytes for each once stacks below waiting fibers are given back, which takes a second or more. */
static long settled(long before, long most)
{
	long each = 0;
	for (int i = 0; i < PATIENCE_MS / 500 && !fiber_sleep_ms(i ? 500 : 1500); i++) {
		each = (share() - before) / wanted;
		if (each < most)
			break;
	}
	return each;
}

static status serve_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct http_server *s;
	int fd;
	uint16_t *port = arg;
	CHECK(!listen_open(S("127.0.0.1:0"), &fd));
	*port = talk_port(mem.p, fd);
	CHECK(!http_serve(&(struct http_options){ .handler = handle }, &fd, 1, &s));
	child = fork();
	if (!child) {
		close(fd);
		_exit(clients(*port, wanted, pipe_from[1], pipe_to[0]));
	}
	close(pipe_from[1]);
	long before = share();
	CHECK(await_child(s, (size_t)wanted));
	long each = settled(before, PER_STREAM_MAX);
	printf("%d open event streams: %ld bytes each\n", wanted, each);
	CHECK(each < PER_STREAM_MAX);
	CHECK(write(pipe_to[1], "g", 1) == 1);
	CHECK(await_child(s, (size_t)wanted));
	each = settled(before, PER_IDLE_MAX);
	printf("%d idle connections: %ld bytes each\n", wanted, each);
	CHECK(each < PER_IDLE_MAX);
	CHECK(write(pipe_to[1], "g", 1) == 1);
	http_server_close(s);
	return 0;
}

static void streams_are_cheap(void **unused)
{
	struct rlimit r;
	uint16_t port = 0;
	int code = -1;
	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = r.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	wanted = (int)MIN(r.rlim_cur - SPARE_FDS, (rlim_t)WANT);
	assert_int_equal(pipe2(pipe_to, O_CLOEXEC) | pipe2(pipe_from, O_CLOEXEC), 0);
	talk_failed = 0;
	assert_int_equal(rt_run(&(struct rt_options){ .stall_ms = -1 }, serve_main, &port), 0);
	assert_int_equal(waitpid(child, &code, 0), child);
	assert_int_equal(WEXITSTATUS(code), 0);
	assert_int_equal(talk_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(streams_are_cheap) };
	return cmocka_run_group_tests_name("many_streams", tests, NULL, NULL);
}
