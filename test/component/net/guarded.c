/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that users direct, in process: one look-up a request, the connection to what was
 * checked, each redirect judged again. The name server is ours and answers badly.
 */
#include "test/component/net/talk.h"
#include "net/client.h"
#include "net/dns_message.h"
#include "net/guard.h"

/* How the server answers a name. %: the count of A questions for it so far decides. */
struct zone {
	const char *name, *first, *later; /* IPv4; NULL = no record; "-" = silence, "t" = truncated */
	const char *v6;
	const char *alias;
	int asked; /* A questions */
};

struct stage {
	struct arena *mem;
	struct http_server *server;
	struct guard_cache *cache;
	struct guard *guard;
	struct client *client;
	uint16_t port, dns_port;
	int dns_fd, tcp_fd, hits, tcp_asked, hurry_ms;
	struct zone *zone;
	size_t zones;
	char seen_auth[64], seen_method[16], seen_host[64];
};

static struct zone zones[] = {
	{ .name = "site.example.com", .first = "127.0.0.1", .later = "127.0.0.1" },
	{ .name = "rebind.example.com", .first = "127.0.0.1", .later = "10.0.0.1" },
	{ .name = "mixed.example.com", .first = "127.0.0.1", .later = "127.0.0.1", .v6 = "fd00::1" },
	{ .name = "private.example.com", .first = "10.9.9.9", .later = "10.9.9.9" },
	{ .name = "silent.example.com", .first = "-", .later = "-" },
	{ .name = "big.example.com", .first = "t", .later = "t" },
	{ .name = "alias.example.com", .alias = "db.internal" },
	{ .name = "hop.example.com", .alias = "site.example.com" },
};

/* --- the name server --- */

static struct zone *zone_of(struct stage *s, struct str name)
{
	for (size_t i = 0; i < s->zones; i++)
		if (str_eq(str_c(s->zone[i].name), name))
			return &s->zone[i];
	return NULL;
}

static size_t put_label_name(uint8_t *at, const char *name)
{
	size_t n = 0;
	struct str rest = str_c(name);
	while (rest.len) {
		struct str label = str_cut(&rest, '.');
		at[n++] = (uint8_t)label.len;
		memcpy(at + n, label.at, label.len);
		n += label.len;
	}
	at[n++] = 0;
	return n;
}

static size_t put_record(uint8_t *at, int type, const void *data, size_t len)
{
	const uint8_t head[] = { 0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 0, 0, (uint8_t)len };
	memcpy(at, head, sizeof head);
	memcpy(at + sizeof head, data, len);
	return sizeof head + len;
}

/* Turns the question at `at` into its answer; 0 = none. */
static size_t answer_dns(struct stage *s, uint8_t *at, size_t len, bool tcp)
{
	char name[256] = "";
	size_t pos = 12, n = 0;
	while (pos < len && at[pos]) {
		if (n)
			name[n++] = '.';
		memcpy(name + n, at + pos + 1, at[pos]);
		n += at[pos];
		pos += 1 + (size_t)at[pos];
	}
	pos++;
	bool v6 = at[pos + 1] == DNS_AAAA;
	size_t end = pos + 4;
	struct zone *z = zone_of(s, str_of(name, n));
	at[2] = 0x81;
	at[3] = z ? 0x80 : 0x83;
	if (!z)
		return end;
	z->asked += !v6;
	const char *text = v6 ? z->v6 : z->asked > 1 ? z->later : z->first;
	if (z->first && z->first[0] == '-')
		return 0;
	if (z->first && z->first[0] == 't') {
		s->tcp_asked += tcp;
		at[2] |= tcp ? 0 : 2;
		text = v6 ? NULL : "127.0.0.1";
		if (!tcp)
			return end;
	}
	unsigned char raw[256];
	if (z->alias) {
		size_t m = put_label_name(raw, z->alias);
		at[7] = 1;
		return end + put_record(at + end, 5, raw, m);
	}
	if (!text || inet_pton(v6 ? AF_INET6 : AF_INET, text, raw) != 1)
		return end;
	at[7] = 1;
	return end + put_record(at + end, v6 ? 28 : 1, raw, v6 ? 16 : 4);
}

static status dns_main(void *arg)
{
	struct stage *s = arg;
	for (;;) {
		uint8_t text[2048];
		struct sockaddr_in from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(s->dns_fd, text, 512, 0, (struct sockaddr *)&from, &len);
		if (n < 0) {
			if (fd_wait(s->dns_fd, WAIT_READ, DEADLINE_NONE))
				return 0;
			continue;
		}
		size_t m = answer_dns(s, text, (size_t)n, false);
		if (m)
			(void)!sendto(s->dns_fd, text, m, 0, (struct sockaddr *)&from, len);
	}
}

static status dns_tcp_main(void *arg)
{
	struct stage *s = arg;
	for (;;) {
		uint8_t text[2048];
		int fd = accept4(s->tcp_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (fd_wait(s->tcp_fd, WAIT_READ, DEADLINE_NONE))
				return 0;
			continue;
		}
		ssize_t n;
		while ((n = recv(fd, text, 512, 0)) < 0 && errno == EAGAIN)
			if (fd_wait(fd, WAIT_READ, deadline_in_ms(PATIENCE_MS)))
				break;
		if (n > 14) {
			size_t m = answer_dns(s, text + 2, (size_t)n - 2, true);
			text[0] = (uint8_t)(m >> 8);
			text[1] = (uint8_t)m;
			talk_send(fd, str_of((const char *)text, m + 2));
		}
		talk_close(fd);
	}
}

/* --- the site --- */

static void keep(char *to, size_t cap, struct str v)
{
	snprintf(to, cap, "%.*s", STR(v));
}

static status handle(struct http *q, void *ctx)
{
	struct stage *s = ctx;
	struct str to = http_query(q, S("to"));
	s->hits++;
	keep(s->seen_auth, sizeof s->seen_auth, http_header(q, S("Authorization")));
	keep(s->seen_host, sizeof s->seen_host, http_header(q, S("Host")));
	keep(s->seen_method, sizeof s->seen_method, q->method_text);
	if (!to.len)
		return http_reply(q, 200, S("text/plain"), S("here"));
	http_add_header(q, S("Location"), to);
	bool keeps = str_eq(q->path, S("/307"));
	return http_reply(q, keeps ? 307 : 302, S(""), S("moved"));
}

/* --- cases --- */

static struct str at_name(struct stage *s, const char *name, const char *path)
{
	return arena_printf(s->mem, "http://%s:%u%s", name, s->port, path);
}

static status get(struct stage *s, struct str url, int redirects, struct client_response **a)
{
	bool silent = str_has(url, S("silent.")); /* nothing else is to end by a time */
	struct http_header h[] = { { S("Authorization"), S("Bearer secret") } };
	struct client_request r = { .url = url, .guarded = true, .redirects_max = redirects,
				    .headers = h, .header_count = 1, .connect_ms = silent ? 400 : PATIENCE_MS };
	return client_fetch(s->client, s->mem, &r, a);
}

static void test_names(struct stage *s)
{
	struct client_response *a = NULL;
	CHECK(!get(s, at_name(s, "site.example.com", "/"), 0, &a) && a->status == 200);
	CHECK(!strncmp(s->seen_host, "site.example.com:", 17));
	CHECK(zone_of(s, S("site.example.com"))->asked == 1);
	/* One more request: the record lives 0 seconds, so it is asked for again. */
	CHECK(!get(s, at_name(s, "SITE.example.com.", "/"), 0, &a) && a->status == 200);
	CHECK(zone_of(s, S("site.example.com"))->asked == 2);
	CHECK(!get(s, at_name(s, "hop.example.com", "/"), 0, &a) && a->status == 200);
	CHECK(!get(s, at_name(s, "big.example.com", "/"), 0, &a) && a->status == 200);
	CHECK(s->tcp_asked >= 1);
	int hits = s->hits;
	CHECK(get(s, at_name(s, "mixed.example.com", "/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(get(s, at_name(s, "private.example.com", "/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(!str_has(err_text(), S("10.9.9.9")));
	CHECK(get(s, at_name(s, "alias.example.com", "/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(get(s, at_name(s, "nothing.example.com", "/"), 0, &a) && err_code() == ERR_UPSTREAM);
	CHECK(get(s, at_name(s, "silent.example.com", "/"), 0, &a) && err_code() == ERR_TIMEOUT);
	CHECK(get(s, at_name(s, "redis", "/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(get(s, S("http://site.example.com:6379/"), 0, &a) && err_code() == ERR_UPSTREAM);
	CHECK(get(s, S("http://site.example.com:22/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(s->hits == hits);
	/* Digits of another script are no digits. */
	CHECK(get(s, S("http://\xef\xbc\x91\xef\xbc\x90.0.0.1/"), 0, &a) && err_code() == ERR_INVALID);
	CHECK(get(s, S("http://127.1/"), 0, &a) && err_code() == ERR_DENIED);
	/* A user name is no host. */
	CHECK(!get(s, at_name(s, "10.0.0.1@site.example.com", "/"), 0, &a) && a->status == 200);
	CHECK(get(s, at_name(s, "site.example.com@10.0.0.1", "/"), 0, &a) && err_code() == ERR_DENIED);
}

static void test_rebinding(struct stage *s)
{
	struct client_response *a = NULL;
	struct zone *z = zone_of(s, S("rebind.example.com"));
	CHECK(!get(s, at_name(s, "rebind.example.com", "/"), 0, &a) && a->status == 200);
	CHECK(z->asked == 1);
	/* The second answer is private: refused, though a connection of the first is still open. */
	int hits = s->hits;
	CHECK(get(s, at_name(s, "rebind.example.com", "/"), 0, &a) && err_code() == ERR_DENIED);
	CHECK(z->asked == 2 && s->hits == hits);
}

static int looked_up, timed_out;

static status look_up_main(void *arg)
{
	struct stage *s = arg;
	AUTO(arena) mem = { arena_open(0) };
	struct client_response *a;
	struct client_request r = { .url = at_name(s, "site.example.com", "/"), .guarded = true };
	looked_up += !client_fetch(s->client, mem.p, &r, &a);
	return 0;
}

/* One that has little time, and one that has all there is. */
static status wait_main(void *arg)
{
	struct target t;
	struct guard_decision *d;
	struct stage *s = arg;
	AUTO(arena) mem = { arena_open(0) };
	d = arena_new(mem.p, struct guard_decision);
	CHECK(!target_host(S("silent.example.com"), 80, &t));
	deadline before = deadline_push(deadline_in_ms(s->hurry_ms ? s->hurry_ms : 60000));
	s->hurry_ms = 0;
	CHECK(guard_decide(s->guard, &t, false, d) && d->code == GUARD_DNS_TIMEOUT);
	timed_out++;
	deadline_pop(before);
	return 0;
}

static void test_one_question_for_all(struct stage *s)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	looked_up = timed_out = 0;
	for (int i = 0; i < 20; i++)
		CHECK(!group_spawn(g.p, "look up", look_up_main, s));
	CHECK(!group_wait(g.p));
	CHECK(looked_up == 20 && zone_of(s, S("site.example.com"))->asked == 1);
	/* The first has no time to wait for the end; whoever came after it asks anew, together. */
	struct zone *z = zone_of(s, S("silent.example.com"));
	s->hurry_ms = 100;
	AUTO(group) h = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 10; i++)
		CHECK(!group_spawn(h.p, "wait", wait_main, s));
	CHECK(!group_wait(h.p));
	CHECK(timed_out == 10);
	/* 1 of the first; at most the two rounds of one whole look-up of the others. */
	CHECK(z->asked >= 2 && z->asked <= 3);
}

static void test_redirects(struct stage *s)
{
	struct client_response *a = NULL;
	struct str url = at_name(s, "site.example.com", "/?to=/second");
	CHECK(!get(s, url, 3, &a) && a->status == 200 && str_ends(a->url, S("/second")));
	CHECK(!strcmp(s->seen_auth, "Bearer secret"));
	CHECK(!get(s, url, 0, &a) && a->status == 302);
	/* Another host gets no credentials. */
	url = arena_printf(s->mem, "%.*s?to=http://hop.example.com:%u/",
			   STR(at_name(s, "site.example.com", "/")), s->port);
	CHECK(!get(s, url, 3, &a) && a->status == 200 && !s->seen_auth[0]);
	static const char *const bad[] = { "http://169.254.169.254/latest/", "http://10.9.9.9/",
					   "http://private.example.com/", "http://127.1/",
					   "http://localhost/", "http://[::1]/", "http://redis:6379/" };
	for (size_t i = 0; i < countof(bad); i++) {
		url = arena_printf(s->mem, "%.*s?to=%s", STR(at_name(s, "site.example.com", "/")), bad[i]);
		CHECK(get(s, url, 3, &a) && err_code() == ERR_DENIED);
	}
	url = arena_printf(s->mem, "%.*s?to=file:///etc/passwd",
			   STR(at_name(s, "site.example.com", "/")));
	CHECK(get(s, url, 3, &a));
	url = arena_printf(s->mem, "%.*s?to=/%%3Fto=/", STR(at_name(s, "site.example.com", "/")));
	struct client_request r = { .url = at_name(s, "site.example.com", "/?to=/x"), .guarded = true,
				    .redirects_max = 1, .method = HTTP_POST, .body = S("data") };
	CHECK(!client_fetch(s->client, s->mem, &r, &a) && !strcmp(s->seen_method, "GET"));
	r.url = at_name(s, "site.example.com", "/307?to=/x");
	CHECK(!client_fetch(s->client, s->mem, &r, &a) && !strcmp(s->seen_method, "POST"));
	r.redirects_max = 2;
	r.url = at_name(s, "site.example.com", "/?to=/%3Fto=%2F%253Fto=%252Fx");
	CHECK(!client_fetch(s->client, s->mem, &r, &a) || err_code() == ERR_UPSTREAM);
	AUTO(client_stream) t = { NULL };
	r = (struct client_request){ .url = at_name(s, "site.example.com", "/?to=/x"), .guarded = true,
				     .redirects_max = 1 };
	CHECK(!client_stream_open(s->client, s->mem, &r, &t.p));
	CHECK(t.p && client_stream_head(t.p)->status == 200);
}

/* --- set-up --- */

static uint16_t open_dns(struct stage *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	CHECK(!listen_open(S("127.0.0.1:0"), &s->tcp_fd));
	uint16_t port = talk_port(s->mem, s->tcp_fd);
	a.sin_port = htons(port);
	s->dns_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(!bind(s->dns_fd, (struct sockaddr *)&a, sizeof a));
	return port;
}

static status stage_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct stage s = { .mem = mem.p, .zone = zones, .zones = countof(zones) };
	int fd;
	for (size_t i = 0; i < s.zones; i++)
		zones[i].asked = 0;
	if (listen_open(S("127.0.0.1:0"), &fd))
		return -1;
	s.port = talk_port(mem.p, fd);
	s.dns_port = open_dns(&s);
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "dns", dns_main, &s) && !group_spawn(g.p, "dns tcp", dns_tcp_main, &s));
	struct http_options o = { .handler = handle, .ctx = &s };
	struct guard_cache_options c = { .servers = arena_printf(mem.p, "127.0.0.1:%u", s.dns_port) };
	if (guard_cache_open(&c, &s.cache))
		return -1;
	struct guard_options go = { .allow_addresses = S("127.0.0.1"), .cache = s.cache };
	if (http_serve(&o, &fd, 1, &s.server) || guard_open(&go, &s.guard) ||
	    client_open(&(struct client_options){ .guard = s.guard }, &s.client))
		return -1;
	((void (*)(struct stage *))arg)(&s);
	client_close(s.client);
	http_server_close(s.server);
	group_close(take(g.p));
	talk_close(s.dns_fd);
	talk_close(s.tcp_fd);
	guard_close(s.guard);
	guard_cache_close(s.cache);
	return 0;
}

STAGE(names)
STAGE(rebinding)
STAGE(redirects)
STAGE(one_question_for_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(rebinding),
		cmocka_unit_test(redirects),
		cmocka_unit_test(one_question_for_all),
	};
	return cmocka_run_group_tests_name("guarded", tests, NULL, NULL);
}
