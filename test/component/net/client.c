/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client against our own server, a TLS server with a CA made here, a small proxy, and the
 * guard.
 */
#include "test/component/net/talk.h"
#include "net/client.h"
#include "net/guard.h"
#include "os/os.h"
#include <signal.h>

struct stage {
	struct arena *mem;
	struct http_server *server;
	struct client *client;
	uint16_t port;
	int cancelled;
};

static status answer_echo(struct http *q)
{
	struct str body;
	if (http_body(q, &body))
		return -1;
	struct str agent = http_header(q, S("X-Mine"));
	http_add_header(q, S("X-Method"), q->method_text);
	http_add_header(q, S("X-Type"), http_header(q, S("Content-Type")));
	http_add_header(q, S("X-Back"), agent);
	http_add_header(q, S("X-Framing"), q->body_length < 0 ? S("chunked") : S("length"));
	return http_reply(q, 200, S("text/plain"), body);
}

static status answer_redirect(struct http *q, struct str to)
{
	http_add_header(q, S("Location"), to);
	return http_reply(q, 302, S(""), S("moved"));
}

static status handle(struct http *q, void *ctx)
{
	struct stage *s = ctx;
	static char piece[65536];
	if (str_eq(q->path, S("/echo")))
		return answer_echo(q);
	if (str_eq(q->path, S("/redirect")))
		return answer_redirect(q, S("/echo"));
	if (str_eq(q->path, S("/away")))
		return answer_redirect(q, arena_printf(q->mem, "http://127.0.0.2:%u/echo", s->port));
	if (str_eq(q->path, S("/loop")))
		return answer_redirect(q, S("/loop"));
	if (str_eq(q->path, S("/file-scheme")))
		return answer_redirect(q, S("file:///etc/passwd"));
	if (str_eq(q->path, S("/sleep"))) {
		status rc = fiber_sleep_ms(600000);
		s->cancelled += rc && err_code() == ERR_CANCELLED;
		return rc ? rc : http_reply(q, 200, S(""), S(""));
	}
	if (str_eq(q->path, S("/events"))) {
		if (sse_begin(q, 0))
			return -1;
		for (int i = 0; i < 100; i++)
			if (sse_data(q, S(""), arena_printf(q->mem, "{\"i\":%d}", i)))
				return -1;
		return sse_end(q);
	}
	if (http_begin(q, 200, S("text/plain")))
		return -1;
	for (int i = 0; i < 1024; i++) /* 64 MiB */
		if (http_write(q, str_of(piece, sizeof piece)))
			return -1;
	return 0;
}

static struct str url(struct stage *s, const char *path)
{
	return arena_printf(s->mem, "http://127.0.0.1:%u%s", s->port, path);
}

static bool fetch(struct stage *s, const struct client_request *r, struct client_response **a)
{
	return !client_fetch(s->client, s->mem, r, a);
}

static void test_methods(struct stage *s)
{
	static const struct {
		enum http_method method;
		const char *text, *body, *want;
	} rows[] = {
		{ HTTP_GET, "", "", "GET" },	  { HTTP_POST, "", "", "POST" },
		{ HTTP_POST, "", "abc", "POST" }, { HTTP_PUT, "", "abc", "PUT" },
		{ HTTP_PATCH, "", "x", "PATCH" }, { HTTP_DELETE, "", "", "DELETE" },
		{ HTTP_DELETE, "", "b", "DELETE" }, { HTTP_HEAD, "", "", "HEAD" },
		{ HTTP_OPTIONS, "", "", "OPTIONS" }, { HTTP_GET, "REPORT", "", "REPORT" },
		{ HTTP_GET, "", "body", "GET" }, { HTTP_PUT, "", "", "PUT" },
	};
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < countof(rows); i++) {
			struct client_response *a = NULL;
			struct http_header h[] = { { S("X-Mine"), S("yes") } };
			struct client_request r = { .method = rows[i].method, .url = url(s, "/echo"),
						    .method_text = str_c(rows[i].text),
						    .body = str_c(rows[i].body), .headers = h,
						    .header_count = 1 };
			CHECK(fetch(s, &r, &a));
			if (!a)
				continue;
			CHECK(a->status == 200);
			CHECK(str_eq(client_header(a, S("x-method")), str_c(rows[i].want)));
			CHECK(str_eq(client_header(a, S("x-back")), S("yes")));
			CHECK(!client_header(a, S("x-type")).len); /* nothing of curl's own */
			CHECK(str_eq(a->body, str_c(rows[i].body)));
			CHECK(a->total_us > 0);
		}
	struct http_stats st;
	http_server_stats(s->server, &st);
	CHECK(st.connections == 1); /* reused */
	struct http_header evil[] = { { S("X"), S("a\r\nInjected: b") } };
	struct client_response *a;
	struct client_request r = { .url = url(s, "/echo"), .headers = evil, .header_count = 1 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_INVALID);
	r = (struct client_request){ .url = S("file:///etc/passwd") };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_INVALID);
	r = (struct client_request){ .url = S("http://127.0.0.1:1/") };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_UPSTREAM);
}

struct source {
	int left;
};

static status source_read(void *arg, char *at, size_t cap, size_t *n)
{
	struct source *s = arg;
	CHECK(!fiber_sleep_ms(1)); /* it may wait */
	*n = s->left-- > 0 ? MIN(cap, (size_t)1000) : 0;
	memset(at, 'u', *n);
	return 0;
}

static status source_fail(void *arg, char *at, size_t cap, size_t *n)
{
	(void)arg, (void)at, (void)cap, (void)n;
	return err_set(ERR_IO, "the disk is gone");
}

static void test_uploads(struct stage *s)
{
	struct client_response *a = NULL;
	for (int chunked = 0; chunked < 2; chunked++) {
		struct source src = { 50 };
		struct client_request r = { .method = HTTP_POST, .url = url(s, "/echo"),
					    .body_read = source_read, .body_arg = &src,
					    .body_length = chunked ? -1 : 50000 };
		CHECK(fetch(s, &r, &a));
		CHECK(a && a->body.len == 50000);
		CHECK(a && str_eq(client_header(a, S("x-framing")),
				  chunked ? S("chunked") : S("length")));
	}
	struct client_request r = { .method = HTTP_POST, .url = url(s, "/echo"),
				    .body_read = source_fail, .body_length = -1 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_IO);
}

static void test_limits(struct stage *s)
{
	struct client_response *a;
	struct client_request r = { .url = url(s, "/flood"), .response_max = 1 << 20 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_TOO_LARGE);
	r = (struct client_request){ .url = url(s, "/sleep"), .total_ms = 100 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_TIMEOUT);
	r = (struct client_request){ .url = url(s, "/sleep"), .read_ms = 100 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_TIMEOUT);
	CHECK(!fiber_sleep_ms(50));
	r = (struct client_request){ .url = url(s, "/redirect") };
	CHECK(fetch(s, &r, &a) && a->status == 302 && str_eq(a->body, S("moved")));
	r.redirects_max = 3;
	CHECK(fetch(s, &r, &a) && a->status == 200 && str_ends(a->url, S("/echo")));
	r.url = url(s, "/loop");
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_UPSTREAM);
	r.url = url(s, "/file-scheme");
	CHECK(!fetch(s, &r, &a) && err_code() != ERR_NONE);
	r.url = url(s, "/echo"); /* curl leaves its handle unusable there; it must not be kept */
	CHECK(fetch(s, &r, &a) && a->status == 200);
}

static status fetch_sleep(void *arg)
{
	struct stage *s = arg;
	struct client_response *a;
	AUTO(arena) mem = { arena_open(0) };
	struct client_request r = { .url = url(s, "/sleep") };
	return client_fetch(s->client, mem.p, &r, &a);
}

static void test_streams(struct stage *s)
{
	struct client_request r = { .url = url(s, "/events") };
	struct client_stream *t = NULL;
	CHECK(!client_stream_open(s->client, s->mem, &r, &t));
	if (!t)
		return;
	CHECK(client_stream_head(t)->status == 200);
	struct sse_reader *reader = sse_reader_open(s->mem, t, 0);
	struct sse_event e;
	bool end = false;
	int n = 0;
	for (; !end; n++) {
		CHECK(!sse_reader_next(reader, &e, &end));
		if (!end)
			CHECK(str_eq(e.data, arena_printf(s->mem, "{\"i\":%d}", n)));
	}
	CHECK(n == 101);
	client_stream_close(t);
	/* 64 MiB to a reader that takes its time: the sender waits, nothing piles up. */
	r.url = url(s, "/flood");
	static char piece[100000];
	long before = talk_resident();
	size_t total = 0, got;
	CHECK(!client_stream_open(s->client, s->mem, &r, &t));
	CHECK(!fiber_sleep_ms(300));
	CHECK(talk_resident() - before < FLAT_KB);
	do {
		CHECK(!client_stream_read(t, piece, sizeof piece, &got));
		total += got;
	} while (got);
	CHECK(total == 64 << 20);
	CHECK(talk_resident() - before < FLAT_KB);
	client_stream_close(t);
	/* Leaving early, and being cancelled, end the exchange on the server. */
	CHECK(!client_stream_open(s->client, s->mem, &r, &t));
	client_stream_close(t);
	struct group *g = group_open(DEADLINE_NONE);
	CHECK(!group_spawn(g, "fetch", fetch_sleep, s));
	CHECK(!fiber_sleep_ms(100));
	int64_t began = rt_now();
	group_close(g);
	CHECK(rt_now() - began < (int64_t)PATIENCE_MS * 1000000); /* of ten minutes */
}

static void test_unix_sockets(struct stage *s)
{
	int fd;
	struct str path = arena_printf(s->mem, "/tmp/net-test-%d.sock", (int)getpid());
	struct http_server *server;
	struct http_options o = { .handler = handle, .ctx = s };
	CHECK(!listen_open(arena_printf(s->mem, "unix:%.*s", STR(path)), &fd));
	CHECK(!http_serve(&o, &fd, 1, &server));
	struct client_response *a = NULL;
	struct client_request r = { .url = S("http://api/echo"), .unix_socket = path,
				    .method = HTTP_POST, .body = S("x") };
	CHECK(fetch(s, &r, &a) && str_eq(a->body, S("x")));
	/* On a unix socket leaving is seen at once. */
	r = (struct client_request){ .url = S("http://api/sleep"), .unix_socket = path,
				     .total_ms = 100 };
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_TIMEOUT);
	CHECK(talk_await(&s->cancelled, 1));
	int again;
	CHECK(listen_open(arena_printf(s->mem, "unix:%.*s", STR(path)), &again));
	CHECK(err_code() == ERR_CONFLICT);
	http_server_close(server);
	CHECK(!listen_open(arena_printf(s->mem, "unix:%.*s", STR(path)), &again)); /* stale: taken */
	close(again);
	unlink(arena_cstr(s->mem, path));
}

static struct client *guarded_client(struct stage *s, const char *allow, struct guard **g)
{
	struct client *c = NULL;
	CHECK(!guard_open(&(struct guard_options){ .allow_addresses = str_c(allow) }, g));
	CHECK(!client_open(&(struct client_options){ .guard = *g }, &c));
	(void)s;
	return c;
}

static void test_guard(struct stage *s)
{
	struct guard *g;
	struct client_response *a;
	AUTO(client) strict = { guarded_client(s, "", &g) };
	struct client_request r = { .url = url(s, "/echo"), .guarded = true };
	/* An unguarded connection to the same place is there, and must not be used. */
	struct client_request free_r = { .url = url(s, "/echo") };
	CHECK(!client_fetch(strict.p, s->mem, &free_r, &a));
	static const char *const hosts[] = { "127.0.0.1", "localhost", "0.0.0.0", "2130706433",
					     "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]",
					     "169.254.169.254", "[fd00:ec2::254]" };
	for (size_t i = 0; i < countof(hosts); i++) {
		r.url = arena_printf(s->mem, "http://%s:%u/echo", hosts[i], s->port);
		bool ok = !client_fetch(strict.p, s->mem, &r, &a);
		if (ok || err_code() != ERR_DENIED)
			printf("%s: %d %s\n", hosts[i], ok, err_last()->text);
		CHECK(!ok && err_code() == ERR_DENIED);
	}
	struct guard *h;
	AUTO(client) some = { guarded_client(s, "127.0.0.1", &h) };
	r = (struct client_request){ .url = url(s, "/redirect"), .guarded = true, .redirects_max = 5 };
	CHECK(!client_fetch(some.p, s->mem, &r, &a) && a->status == 200);
	r.url = url(s, "/away"); /* 127.0.0.2 is not in the list */
	CHECK(client_fetch(some.p, s->mem, &r, &a) && err_code() == ERR_DENIED);
	client_close(take(strict.p));
	client_close(take(some.p));
	guard_close(g);
	guard_close(h);
}

/* A proxy that knows one word for each kind of request. */
static status proxy_main(void *arg)
{
	int listening = *(int *)arg;
	AUTO(arena) mem = { arena_open(0) };
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (fd_wait(listening, WAIT_READ, DEADLINE_NONE))
				return 0;
			continue;
		}
		struct str got = talk_read(mem.p, fd, "\r\n\r\n", PATIENCE_MS);
		if (str_starts(got, S("GET http://10.1.2.3/x HTTP/1.1\r\n")))
			talk_send(fd, S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
					"Connection: close\r\n\r\nproxy"));
		else
			talk_send(fd, S("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
					"Connection: close\r\n\r\n"));
		talk_close(fd);
	}
}

static void test_proxy(struct stage *s)
{
	int fd;
	CHECK(!listen_open(S("127.0.0.1:0"), &fd));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "proxy", proxy_main, &fd));
	AUTO(client) c = { NULL };
	struct client_options o = { .proxy = arena_printf(s->mem, "http://127.0.0.1:%u",
							  talk_port(s->mem, fd)) };
	CHECK(!client_open(&o, &c.p));
	struct client_response *a = NULL;
	struct client_request r = { .url = S("http://10.1.2.3/x"), .guarded = true };
	CHECK(!client_fetch(c.p, s->mem, &r, &a) && str_eq(a->body, S("proxy")));
	r.url = S("https://10.1.2.3/x");
	CHECK(client_fetch(c.p, s->mem, &r, &a) && err_code() == ERR_DENIED);
	r = (struct client_request){ .url = url(s, "/echo"), .method = HTTP_POST, .body = S("d") };
	CHECK(!client_fetch(c.p, s->mem, &r, &a) && str_eq(a->body, S("d"))); /* not by the proxy */
	group_close(take(g.p));
	talk_close(fd);
}

static const char make_certificates[] =
	"set -e; cd \"$0\"; "
	"openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 "
	"-subj /CN=test-ca -addext basicConstraints=critical,CA:TRUE 2>/dev/null; "
	"openssl req -newkey rsa:2048 -nodes -keyout s.key -out s.csr -subj /CN=localhost 2>/dev/null; "
	"printf 'subjectAltName=DNS:localhost' > ext; "
	"openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out s.pem "
	"-extfile ext 2>/dev/null";

static bool run_shell(const char *script, const char *arg)
{
	const char *const argv[] = { "/bin/sh", "-c", script, arg, NULL };
	AUTO(proc) p = { NULL };
	int code = -1;
	CHECK(!proc_spawn(&(struct proc_options){ .argv = argv, .stdin_fd = -1, .stdout_fd = -1,
						  .stderr_fd = -1 }, &p.p));
	CHECK(!proc_wait(p.p, deadline_in_ms(PATIENCE_MS), &code));
	return code == 0;
}

static void test_tls(struct stage *s)
{
	char dir[] = "/tmp/net-tls-XXXXXX";
	CHECK(mkdtemp(dir) != NULL);
	CHECK(run_shell(make_certificates, dir));
	int fd;
	CHECK(!listen_open(S("127.0.0.1:0"), &fd));
	uint16_t port = talk_port(s->mem, fd);
	talk_close(fd); /* its number is free now, most likely for long enough */
	char accept_arg[16], key[64], cert[64];
	snprintf(accept_arg, sizeof accept_arg, "%u", port);
	snprintf(key, sizeof key, "%s/s.key", dir);
	snprintf(cert, sizeof cert, "%s/s.pem", dir);
	const char *const argv[] = { "/usr/bin/openssl", "s_server", "-quiet", "-www", "-accept",
				     accept_arg, "-key", key, "-cert", cert, NULL };
	AUTO(proc) p = { NULL };
	CHECK(!proc_spawn(&(struct proc_options){ .argv = argv, .stdin_fd = -1, .stdout_fd = -1,
						  .stderr_fd = -1 }, &p.p));
	AUTO(client) trusting = { NULL };
	struct client_options o = { .ca_file = arena_printf(s->mem, "%s/ca.pem", dir) };
	CHECK(!client_open(&o, &trusting.p));
	struct client_response *a = NULL;
	struct client_request r = { .url = arena_printf(s->mem, "https://localhost:%u/", port) };
	status rc = -1;
	for (int i = 0; i < 2400 && rc; i++) { /* until it listens */
		rc = client_fetch(trusting.p, s->mem, &r, &a);
		CHECK(!fiber_sleep_ms(50));
	}
	CHECK(!rc && a->status == 200 && str_has(a->body, S("TLS")));
	CHECK(!fetch(s, &r, &a) && err_code() == ERR_UPSTREAM); /* not this CA */
	r.insecure = true;
	CHECK(fetch(s, &r, &a) && a->status == 200);
	r = (struct client_request){ .url = arena_printf(s->mem, "https://127.0.0.1:%u/", port) };
	CHECK(client_fetch(trusting.p, s->mem, &r, &a) && err_code() == ERR_UPSTREAM); /* name */
	proc_kill(p.p, SIGTERM);
	CHECK(run_shell("rm -r \"$0\"", dir));
}

/* More open streams to one host than a lane takes: all of them end whole, and so does what follows. */
static void test_lanes(struct stage *s)
{
	enum { STREAMS = 600 };
	struct client_stream **t = arena_array(s->mem, struct client_stream *, STREAMS);
	struct client_request r = { .url = url(s, "/events") };
	struct client_response *a;
	AUTO(client) c = { NULL };
	size_t first = 0;
	CHECK(!client_open(&(struct client_options){ .connections_per_host = 5000 }, &c.p));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < STREAMS; i++)
			CHECK(!client_stream_open(c.p, s->mem, &r, &t[i]));
		for (int i = 0; i < STREAMS; i++) {
			struct str piece = S("");
			size_t got = 0;
			do {
				CHECK(!client_stream_piece(t[i], &piece));
				got += piece.len;
			} while (piece.len);
			first = first ? first : got;
			CHECK(got == first && got > 1000);
			client_stream_close(t[i]);
		}
	}
	r.url = url(s, "/echo");
	CHECK(!client_fetch(c.p, s->mem, &r, &a) && a->status == 200);
}

static status stage_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct stage s = { .mem = mem.p };
	int fd;
	if (listen_open(S("127.0.0.1:0"), &fd))
		return -1;
	s.port = talk_port(mem.p, fd);
	struct http_options o = { .handler = handle, .ctx = &s };
	if (http_serve(&o, &fd, 1, &s.server) ||
	    client_open(&(struct client_options){ 0 }, &s.client))
		return -1;
	((void (*)(struct stage *))arg)(&s);
	client_close(s.client);
	http_server_close(s.server);
	return 0;
}

STAGE(methods)
STAGE(uploads)
STAGE(limits)
STAGE(streams)
STAGE(unix_sockets)
STAGE(guard)
STAGE(proxy)
STAGE(tls)
STAGE(lanes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods), cmocka_unit_test(uploads), cmocka_unit_test(limits),
		cmocka_unit_test(streams), cmocka_unit_test(unix_sockets),    cmocka_unit_test(guard),
		cmocka_unit_test(proxy),   cmocka_unit_test(tls),	     cmocka_unit_test(lanes),
	};
	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
