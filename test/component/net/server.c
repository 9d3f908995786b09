/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets: framing, slow and leaving clients, limits, streams, drain. */
#include "test/component/net/talk.h"
#include "base/json.h"
#include <fcntl.h>

struct seen {
	int cancelled, closed, timeout, finished, waiting;
	bool go; /* those that wait may go on */
	size_t body;
};

struct stage {
	struct arena *mem;
	struct http_server *server;
	uint16_t port;
	struct seen seen;
	uint64_t answered; /* before the drain began */
};

static void note_failure(struct seen *s)
{
	s->cancelled += err_code() == ERR_CANCELLED;
	s->closed += err_code() == ERR_CLOSED;
	s->timeout += err_code() == ERR_TIMEOUT;
}

/* Until the test says so: a time would be over too soon on a busy machine, or too late. */
static status wait_to_go(struct seen *s)
{
	s->waiting++;
	while (!s->go)
		if (fiber_sleep_ms(5))
			return -1;
	return 0;
}

static status handle_events(struct http *q, struct seen *s)
{
	if (sse_begin(q, 200) || sse_data(q, S("7"), S("{\"n\":1}")))
		return -1;
	if (wait_to_go(s))
		return -1;
	return sse_data(q, S(""), S("{\"n\":2}")) ? -1 : sse_end(q);
}

static status handle_parts(struct http *q)
{
	struct multipart *m;
	struct part *p;
	struct buf out = buf_make(q->mem, 0);
	if (multipart_open(q, &m))
		return -1;
	for (;;) {
		char piece[1000];
		size_t n, total = 0;
		if (multipart_next(m, &p))
			return -1;
		if (!p)
			return http_reply(q, 200, S("text/plain"), buf_str(&out));
		do {
			if (multipart_read(m, piece, sizeof piece, &n))
				return -1;
			total += n;
		} while (n);
		buf_printf(&out, "%.*s=%zu;", STR(p->name), total);
	}
}

static status handle_flood(struct http *q)
{
	static char piece[50000];
	if (http_begin(q, 200, S("text/plain")))
		return -1;
	for (int i = 0; i < 2000; i++)
		if (http_write(q, str_of(piece, sizeof piece)))
			return -1;
	return 0;
}

static status handle_count(struct http *q, struct seen *s)
{
	char piece[2000];
	size_t n;
	do {
		if (http_body_read(q, piece, sizeof piece, &n))
			return -1;
		s->body += n;
	} while (n);
	return http_reply(q, 200, S("text/plain"), arena_printf(q->mem, "%zu", s->body));
}

static status dispatch(struct http *q, struct seen *s)
{
	struct str body;
	if (str_eq(q->path, S("/echo"))) {
		http_add_header(q, S("X-Test"), S("a\r\nInjected: b"));
		return http_body(q, &body) ? -1 : http_reply(q, 200, S("text/plain"), body);
	}
	if (str_eq(q->path, S("/count")))
		return handle_count(q, s);
	if (str_eq(q->path, S("/ignore"))) /* leaves the body unread */
		return http_reply(q, 200, S("text/plain"), S("ok"));
	if (str_eq(q->path, S("/wait")) || str_eq(q->path, S("/keep"))) {
		q->keep_on_disconnect = str_eq(q->path, S("/keep"));
		if (wait_to_go(s))
			return -1;
		return http_reply(q, 200, S("text/plain"), S("waited"));
	}
	if (str_eq(q->path, S("/events")))
		return handle_events(q, s);
	if (str_eq(q->path, S("/parts")))
		return handle_parts(q);
	if (str_eq(q->path, S("/flood")))
		return handle_flood(q);
	if (str_eq(q->path, S("/stream"))) {
		if (http_begin(q, 200, S("text/plain")) || http_write(q, S("one")) ||
		    http_write(q, S("two")) || http_flush(q) || http_write(q, S("three")))
			return -1;
		return 0; /* the server ends it */
	}
	if (str_eq(q->path, S("/file"))) {
		AUTO(fd) f = { open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
		return http_reply_fd(q, 200, S("application/x"), f.n, 1, 3);
	}
	if (str_eq(q->path, S("/silent")))
		return 0;
	return err_set(ERR_NOT_FOUND, "no \"%.*s\" here", STR(q->path));
}

static status handle(struct http *q, void *ctx)
{
	struct stage *s = ctx;
	if (dispatch(q, &s->seen)) {
		note_failure(&s->seen);
		return -1;
	}
	s->seen.finished++;
	return 0;
}

static const struct {
	const char *in;
	const char *want[4];
	size_t answers;
} cases[] = {
	{ "GET /silent HTTP/1.1\r\nHost: a\r\n\r\n", { "500", "internal_server_error" }, 1 },
	{ "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", { "HTTP/1.1 404 Not Found\r\n", "\"not_found\"", "no \\\"/none\\\" here" }, 1 },
	{ "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", { "\r\n\r\nabc", "X-Test: a  Injected: b\r\n", "Content-Length: 3" }, 1 },
	{ "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: x\r\n\r\n", { "\r\n\r\nabcde" }, 1 },
	{ "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", { "HTTP/1.1 400", "Connection: close" }, 1 },
	{ "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", { "HTTP/1.1 413", "Connection: close" }, 1 },
	{ "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n", { "Content-Length: 0\r\n", "404" }, 2 },
	{ "GET /echo HTTP/1.0\r\n\r\n", { "Connection: close" }, 1 },
	{ "GET /stream HTTP/1.0\r\n\r\n", { "Connection: close", "\r\n\r\nonetwothree" }, 1 },
	{ "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", { "Transfer-Encoding: chunked", "6\r\nonetwo\r\n5\r\nthree\r\n0\r\n\r\n" }, 1 },
	{ "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n", { "Transfer-Encoding: chunked\r\n" }, 1 },
	{ "GET /file HTTP/1.1\r\nHost: a\r\n\r\n", { "Content-Length: 3\r\n", "\r\n\r\nELF" }, 1 },
	{ "GET /x HTTP/1.1\nHost: a\n\n", { "HTTP/1.1 400", "Connection: close" }, 1 },
	{ "GET /x HTTP/2.0\r\n\r\n", { "HTTP/1.1 505" }, 1 },
	{ "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", { "HTTP/1.1 400", "Connection: close" }, 1 },
	{ "\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", { "HTTP/1.1 200" }, 1 },
	{ "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", { "\r\n\r\nok" }, 2 },
	{ "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", { "\r\n\r\nok", "Connection: close" }, 1 },
	{ "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello", { "\r\n\r\nhello" }, 1 },
	{ "POST /parts HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 66\r\n\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n\r\n--B--\r\n", { "a=7;" }, 1 },
	{ "POST /parts HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", { "HTTP/1.1 415" }, 1 },
	{ "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n", { "Connection: close" }, 1 },
};

static void test_exchanges(struct stage *s)
{
	for (size_t i = 0; i < countof(cases); i++) {
		int fd = talk_open(s->port);
		CHECK(talk_send(fd, str_c(cases[i].in)));
		shutdown(fd, SHUT_WR); /* the server must still answer all of it */
		struct str got = talk_read(s->mem, fd, NULL, PATIENCE_MS);
		int before = talk_failed;
		for (int k = 0; k < 4 && cases[i].want[k]; k++)
			CHECK(str_has(got, str_c(cases[i].want[k])));
		CHECK(talk_count(got, "HTTP/1.1 ") == cases[i].answers);
		CHECK(!str_has(got, S("\r\nInjected")));
		if (before != talk_failed)
			printf("exchange %zu: %s\ngot: %.*s\n", i, cases[i].in, STR(got));
		talk_close(fd);
	}
}

static void test_pipelining(struct stage *s)
{
	enum { N = 500 };
	struct buf b = buf_make(s->mem, 0);
	for (int i = 0; i < N; i++)
		buf_printf(&b, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n<%06d>", i);
	int fd = talk_open(s->port);
	CHECK(talk_send(fd, buf_str(&b)));
	struct str got = talk_read(s->mem, fd, "<000499>", PATIENCE_MS);
	for (int i = 0; i < N; i++) {
		struct str want = arena_printf(s->mem, "<%06d>", i);
		size_t at = str_find(got, want);
		CHECK(at != SIZE_MAX);
		got = str_skip(got, at == SIZE_MAX ? 0 : at);
	}
	/* An answer must not wait for a slow request behind it. */
	CHECK(talk_send(fd, S("GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(str_has(talk_read(s->mem, fd, "404", PATIENCE_MS), S("404")));
	s->seen.go = true;
	CHECK(str_has(talk_read(s->mem, fd, "waited", PATIENCE_MS), S("waited")));
	talk_close(fd);
}

static void test_slow_clients(struct stage *s)
{
	int head = talk_open(s->port), body = talk_open(s->port), idle = talk_open(s->port);
	CHECK(talk_send(head, S("GET / HT")));
	CHECK(talk_send(body, S("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")));
	CHECK(str_has(talk_read(s->mem, head, NULL, PATIENCE_MS), S("HTTP/1.1 408")));
	CHECK(str_has(talk_read(s->mem, body, NULL, PATIENCE_MS), S("HTTP/1.1 408")));
	int64_t began = rt_now();
	CHECK(talk_read(s->mem, idle, NULL, PATIENCE_MS).len == 0);
	CHECK(rt_now() - began < (int64_t)PATIENCE_MS * 500000); /* closed by its idle time-out */
	talk_close(head);
	talk_close(body);
	talk_close(idle);
	/* A client that never reads: the handler is stopped, and memory stays flat. */
	s->seen = (struct seen){ 0 };
	long before = talk_resident();
	int deaf = talk_open(s->port);
	CHECK(talk_send(deaf, S("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_await(&s->seen.timeout, 1));
	CHECK(talk_resident() - before < FLAT_KB);
	talk_close(deaf);
}

static void test_leaving_clients(struct stage *s)
{
	s->seen = (struct seen){ 0 };
	int gone = talk_open(s->port), half = talk_open(s->port), kept = talk_open(s->port);
	CHECK(talk_send(gone, S("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_send(half, S("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_send(kept, S("GET /keep HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_await(&s->seen.waiting, 3));
	talk_reset(gone);
	shutdown(half, SHUT_WR);
	talk_reset(kept);
	CHECK(talk_await(&s->seen.cancelled, 1)); /* only the reset one, and while it waits */
	CHECK(!fiber_sleep_ms(50));
	s->seen.go = true;
	CHECK(str_has(talk_read(s->mem, half, NULL, PATIENCE_MS), S("waited")));
	CHECK(talk_await(&s->seen.closed, 1)); /* went on, then could not answer */
	CHECK(s->seen.finished == 1 && s->seen.cancelled == 1);
	talk_close(half);
	/* An event stream whose client closes in the orderly way is found out by a ping. */
	s->seen = (struct seen){ 0 };
	int stream = talk_open(s->port);
	CHECK(talk_send(stream, S("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_read(s->mem, stream, "{\"n\":1}", PATIENCE_MS).len);
	talk_close(stream);
	CHECK(talk_await(&s->seen.cancelled, 1));
}

static void test_events(struct stage *s)
{
	int fd = talk_open(s->port);
	CHECK(talk_send(fd, S("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")));
	struct str first = talk_read(s->mem, fd, "event: ping\n\n\r\n", PATIENCE_MS);
	struct str second = talk_read(s->mem, fd, "event: ping\n\n\r\n", PATIENCE_MS);
	s->seen.go = true; /* two pings came meanwhile */
	struct str rest = talk_read(s->mem, fd, "\r\n0\r\n\r\n", PATIENCE_MS);
	struct str got = arena_printf(s->mem, "%.*s%.*s%.*s", STR(first), STR(second), STR(rest));
	CHECK(str_has(got, S("Content-Type: text/event-stream; charset=utf-8\r\n")));
	CHECK(str_has(got, S("Cache-Control: no-cache\r\n")));
	CHECK(str_has(got, S("X-Accel-Buffering: no\r\n")));
	CHECK(str_has(got, S("\r\n15\r\nid: 7\ndata: {\"n\":1}\n\n\r\n")));
	CHECK(str_has(got, S("\r\nf\r\ndata: {\"n\":2}\n\n\r\n0\r\n\r\n")));
	CHECK(talk_count(got, "d\r\nevent: ping\n\n\r\n") >= 2);
	talk_close(fd);
}

/* A sender of a gigabyte, in chunks or with a length. */
static struct str upload(struct stage *s, bool chunked)
{
	static char piece[65536 + 2];
	uint64_t sent = 0;
	int fd = talk_open(s->port);
	struct str head = chunked ? S("Transfer-Encoding: chunked") : S("Content-Length: 1073741824");
	talk_send(fd, arena_printf(s->mem, "POST /count HTTP/1.1\r\nHost: a\r\n%.*s\r\n\r\n", STR(head)));
	memcpy(piece + 65536, "\r\n", 2);
	while (sent < (1u << 30)) {
		if (chunked && !talk_send(fd, S("10000\r\n")))
			break;
		if (!talk_send(fd, str_of(piece, chunked ? sizeof piece : 65536)))
			break;
		sent += 65536;
	}
	struct str got = talk_read(s->mem, fd, NULL, PATIENCE_MS);
	talk_close(fd);
	return got;
}

static void test_uploads(struct stage *s)
{
	long before = talk_resident();
	s->seen = (struct seen){ 0 };
	for (int chunked = 0; chunked < 2; chunked++) {
		CHECK(str_has(upload(s, chunked), S("HTTP/1.1 413")));
		CHECK(s->seen.body <= 1 << 20); /* the limit of this server */
	}
	CHECK(talk_resident() - before < FLAT_KB);
}

/* Lets those that wait go on once the server drains: it takes no new connection then. */
static status go_when_draining(void *arg)
{
	struct stage *s = arg;
	for (;;) {
		int fd = talk_open(s->port);
		bool taken = talk_send(fd, S("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) &&
			     talk_read(s->mem, fd, NULL, PATIENCE_MS).len;
		talk_close(fd);
		if (!taken)
			break;
		s->answered++;
	}
	s->seen.go = true;
	return 0;
}

static void test_drain(struct stage *s)
{
	int idle = talk_open(s->port), busy = talk_open(s->port);
	CHECK(talk_send(busy, S("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")));
	CHECK(talk_await(&s->seen.waiting, 1));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "go", go_when_draining, s));
	int64_t began = rt_now();
	http_server_drain(s->server, deadline_in_ms(PATIENCE_MS));
	CHECK(rt_now() - began < (int64_t)PATIENCE_MS * 500000);
	CHECK(!group_wait(g.p));
	struct str got = talk_read(s->mem, busy, NULL, PATIENCE_MS);
	CHECK(str_has(got, S("waited")) && str_has(got, S("Connection: close")));
	CHECK(talk_read(s->mem, idle, NULL, PATIENCE_MS).len == 0);
	int late = talk_open(s->port);
	CHECK(!talk_send(late, S("GET / HTTP/1.1\r\n\r\n")) || !talk_read(s->mem, late, NULL, 500).len);
	struct http_stats st;
	http_server_stats(s->server, &st);
	CHECK(st.connections == 0 && st.active == 0 && st.requests == 1 + s->answered);
	talk_close(idle);
	talk_close(busy);
	talk_close(late);
}

static status stage_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct stage s = { .mem = mem.p };
	int fd;
	if (listen_open(S("127.0.0.1:0"), &fd))
		return -1;
	s.port = talk_port(mem.p, fd);
	/* Where clients are not slow on purpose, a stall of the machine must not make them so. */
	int64_t short_ms = arg == (void *)test_slow_clients ? 300 : PATIENCE_MS;
	struct http_options o = { .handler = handle, .ctx = &s, .body_limit = 1 << 20,
				  .header_timeout_ms = short_ms, .body_timeout_ms = short_ms,
				  .idle_timeout_ms = MAX(short_ms, 2000), .write_timeout_ms = short_ms };
	if (http_serve(&o, &fd, 1, &s.server))
		return -1;
	((void (*)(struct stage *))arg)(&s);
	http_server_close(s.server);
	return 0;
}

STAGE(exchanges)
STAGE(pipelining)
STAGE(slow_clients)
STAGE(leaving_clients)
STAGE(events)
STAGE(uploads)
STAGE(drain)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges), cmocka_unit_test(pipelining),
		cmocka_unit_test(slow_clients), cmocka_unit_test(leaving_clients),
		cmocka_unit_test(events), cmocka_unit_test(uploads), cmocka_unit_test(drain),
	};
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
