/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long and how often requests that users direct are tried: a server that takes nothing, that
 * breaks off or is overloaded for a while, and a pool with few places.
 */
#include "test/component/net/talk.h"
#include "net/client.h"
#include "net/guard.h"

/* What the server does with the next requests, a letter each, the last one for ever: 2 answers 200,
 * 5 answers 500, b 503 (busy), c closes without a word, w waits until the test lets go. */
struct stage {
	struct arena *mem;
	struct guard *guard;
	struct client *client;
	struct client_limits limits;
	struct group *serving;
	uint16_t port;
	int fd;
	const char *script;
	int hits, accepted, inside, most;
	bool let_go;
	struct event changed;
};

/* --- the server --- */

struct visit {
	struct stage *s;
	int fd;
};

static char next_step(struct stage *s)
{
	char c = s->script[0];
	if (s->script[1])
		s->script++;
	return c;
}

static bool answer(struct stage *s, int fd, char step)
{
	s->inside++;
	s->most = MAX(s->most, s->inside);
	event_wake_all(&s->changed);
	while (step == 'w' && !s->let_go)
		if (event_wait(&s->changed, DEADLINE_NONE))
			return false;
	s->inside--;
	if (step == 'c')
		return false;
	const char *text = step == '5' ? "500 Broken" : step == 'b' ? "503 Busy" : "200 OK";
	return talk_send(fd, arena_printf(s->mem, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", text));
}

static status visit_main(void *arg)
{
	struct visit v = *(struct visit *)arg;
	char at[2048];
	size_t len = 0;
	while (!fd_wait(v.fd, WAIT_READ, DEADLINE_NONE)) {
		ssize_t n = recv(v.fd, at + len, sizeof at - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
		if (!str_has(str_of(at, len), S("\r\n\r\n")))
			continue;
		len = 0;
		v.s->hits++;
		if (!answer(v.s, v.fd, next_step(v.s)))
			break;
	}
	talk_close(v.fd);
	return 0;
}

static status accept_main(void *arg)
{
	struct stage *s = arg;
	while (!fd_wait(s->fd, WAIT_READ, DEADLINE_NONE)) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		s->accepted++;
		struct visit *v = arena_new(s->mem, struct visit);
		*v = (struct visit){ s, fd };
		if (group_spawn(s->serving, "visit", visit_main, v))
			return -1;
	}
	return 0;
}

/* A client with these limits. */
static void use(struct stage *s, struct client_limits l)
{
	client_close(s->client);
	s->client = NULL;
	s->hits = s->accepted = s->most = 0;
	CHECK(!client_open(&(struct client_options){ .guard = s->guard, .limits = l }, &s->client));
}

static struct str url(struct stage *s)
{
	return arena_printf(s->mem, "http://127.0.0.1:%u/", s->port);
}

/* --- cases --- */

static void test_retries(struct stage *s)
{
	static const struct {
		const char *script;
		enum http_method method;
		const char *body;
		int hits, status; /* 0 = fails, with the text below */
	} rows[] = {
		{ "2", HTTP_GET, "", 1, 200 },	   { "52", HTTP_GET, "", 2, 200 },
		{ "b2", HTTP_GET, "", 2, 200 },	   { "c2", HTTP_GET, "", 2, 200 },
		{ "5", HTTP_GET, "", 2, 0 },	   { "52", HTTP_PUT, "x", 2, 200 },
		{ "52", HTTP_POST, "x", 1, 500 }, /* it may have been acted on */
		{ "c2", HTTP_POST, "x", 1, 0 },	   { "b2", HTTP_POST, "x", 2, 200 },
		{ "c2", HTTP_PATCH, "x", 1, 0 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct client_response *a = NULL;
		struct client_request r = { .method = rows[i].method, .url = url(s), .guarded = true,
					    .body = str_c(rows[i].body) };
		s->script = rows[i].script;
		use(s, (struct client_limits){ .retries = 1 });
		bool ok = !client_fetch_again(s->client, s->mem, &r, &a);
		CHECK(ok == (rows[i].status > 0) && s->hits == rows[i].hits);
		if (ok)
			CHECK(a->status == rows[i].status);
		else if (rows[i].hits == 2)
			CHECK(err_code() == ERR_UPSTREAM &&
			      str_starts(err_text(), S("Reached maximum retries (1) for URL http://127.0.0.1:")));
	}
	/* Nobody there: nothing was acted on, whatever the method. None at all: the cause itself. */
	struct client_response *a;
	int fd;
	CHECK(!listen_open(S("127.0.0.1:0"), &fd));
	struct client_request r = { .method = HTTP_POST, .guarded = true, .body = S("x"),
				    .url = arena_printf(s->mem, "http://127.0.0.1:%u/", talk_port(s->mem, fd)) };
	talk_close(fd);
	CHECK(client_fetch_again(s->client, s->mem, &r, &a) && str_has(err_text(), S("retries (1)")));
	use(s, (struct client_limits){ 0 });
	CHECK(client_fetch_again(s->client, s->mem, &r, &a) && !str_has(err_text(), S("retries")));
	r.url = S("http://127.0.0.2/"); /* what the guard refuses is refused for good */
	use(s, (struct client_limits){ .retries = 1 });
	CHECK(client_fetch_again(s->client, s->mem, &r, &a) && err_code() == ERR_DENIED);
}

/* A listener whose queue takes the connection, and nobody who reads. */
static void test_writing(struct stage *s)
{
	int fd;
	struct client_response *a;
	CHECK(!listen_open(S("127.0.0.1:0"), &fd));
	struct str body = { arena_text(s->mem, 64 << 20), 64 << 20 };
	memset((char *)(uintptr_t)body.at, 'x', body.len);
	struct client_request r = { .method = HTTP_POST, .body = body, .guarded = true, .read_ms = 60000,
				    .write_ms = 200,
				    .url = arena_printf(s->mem, "http://127.0.0.1:%u/", talk_port(s->mem, fd)) };
	CHECK(client_fetch(s->client, s->mem, &r, &a) && err_code() == ERR_TIMEOUT);
	CHECK(str_has(err_text(), S("did not take the request")));
	/* The client's own limit, for those that say nothing; the small body is taken by the kernel,
	 * so that it is the answer that does not come. */
	use(s, (struct client_limits){ .write_ms = 200, .read_ms = 300 });
	r.read_ms = r.write_ms = 0;
	CHECK(client_fetch(s->client, s->mem, &r, &a) && str_has(err_text(), S("did not take the request")));
	r.body = S("small");
	CHECK(client_fetch(s->client, s->mem, &r, &a) && str_has(err_text(), S("did not answer")));
	talk_close(fd);
}

static status fetch_main(void *arg)
{
	struct stage *s = arg;
	struct client_response *a;
	struct client_request r = { .url = url(s), .guarded = true, .read_ms = 60000 };
	return client_fetch(s->client, s->mem, &r, &a);
}

static void test_places(struct stage *s)
{
	struct client_response *a;
	s->script = "w";
	use(s, (struct client_limits){ .connections = 2, .free_ms = 100 });
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 6; i++)
		CHECK(!group_spawn(g.p, "fetch", fetch_main, s));
	while (s->inside < 2)
		CHECK(!event_wait(&s->changed, deadline_in_ms(30000)));
	/* Who has times of its own waits for a place as long as it takes; who has none, a while. */
	struct client_request r = { .url = url(s), .guarded = true };
	CHECK(client_fetch(s->client, s->mem, &r, &a) && err_code() == ERR_TIMEOUT &&
	      str_has(err_text(), S("SSRF_POOL_MAX_CONNECTIONS=2")));
	r.read_ms = 60000;
	r.total_ms = 100;
	CHECK(client_fetch(s->client, s->mem, &r, &a) && err_code() == ERR_TIMEOUT);
	CHECK(s->hits == 2);
	s->let_go = true;
	event_wake_all(&s->changed);
	CHECK(!group_wait(g.p));
	CHECK(s->hits == 6 && s->most == 2);
	/* Requests of our own are not counted. */
	s->script = "2";
	r = (struct client_request){ .url = url(s) };
	CHECK(!client_fetch(s->client, s->mem, &r, &a));
}

static void test_keeping(struct stage *s)
{
	static const struct {
		struct client_limits limits;
		int pause_ms, accepted;
	} rows[] = {
		{ { .kept = 20, .kept_ms = 60000 }, 0, 1 },
		{ { .keep_none = true }, 0, 3 },
		{ { .kept = 20, .kept_ms = 1000 }, 2200, 3 }, /* older than that when the next comes */
	};
	s->script = "2";
	for (size_t i = 0; i < countof(rows); i++) {
		use(s, rows[i].limits);
		for (int k = 0; k < 3; k++) {
			struct client_response *a;
			struct client_request r = { .url = url(s), .guarded = true };
			CHECK(!client_fetch(s->client, s->mem, &r, &a));
			CHECK(k == 2 || !rows[i].pause_ms || !fiber_sleep_ms(rows[i].pause_ms));
		}
		CHECK(s->accepted == rows[i].accepted);
	}
}

/* --- set-up --- */

static status stage_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct stage s = { .mem = mem.p, .script = "2" };
	if (listen_open(S("127.0.0.1:0"), &s.fd))
		return -1;
	s.port = talk_port(mem.p, s.fd);
	s.serving = group_open(DEADLINE_NONE);
	CHECK(!group_spawn(s.serving, "accept", accept_main, &s));
	struct guard_options go = { .allow_addresses = S("127.0.0.1") };
	if (guard_open(&go, &s.guard))
		return -1;
	use(&s, (struct client_limits){ 0 });
	((void (*)(struct stage *))arg)(&s);
	client_close(s.client);
	group_close(s.serving);
	talk_close(s.fd);
	guard_close(s.guard);
	return 0;
}

STAGE(retries)
STAGE(writing)
STAGE(places)
STAGE(keeping)

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(retries), cmocka_unit_test(writing),
					    cmocka_unit_test(places), cmocka_unit_test(keeping) };
	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
