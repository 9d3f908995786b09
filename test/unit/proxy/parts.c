/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the proxy that need no socket: TLS hellos, heads of answers, settings. */
#include "test/unit/net/cmocka_all.h"
#include "base/err.h"
#include "proxy/egress_int.h"
#include <stdio.h>

/* --- hellos --- */

struct bytes {
	uint8_t at[512];
	size_t len;
};

static void put(struct bytes *b, const void *at, size_t n)
{
	memcpy(b->at + b->len, at, n);
	b->len += n;
}

static void put_number(struct bytes *b, size_t v, int size)
{
	for (int i = size - 1; i >= 0; i--)
		b->at[b->len++] = (uint8_t)(v >> (8 * i));
}

/* A server_name extension; NULL leaves it out. */
static void put_name(struct bytes *b, const char *name)
{
	size_t n = strlen(name);
	put_number(b, 0, 2);
	put_number(b, n + 5, 2);
	put_number(b, n + 3, 2);
	put_number(b, 0, 1);
	put_number(b, n, 2);
	put(b, name, n);
}

static struct bytes hello_of(const char *name, const char *second)
{
	struct bytes ext = { 0 }, body = { 0 }, out = { 0 };
	static const uint8_t random[32];
	put_number(&ext, 43, 2); /* something else first */
	put_number(&ext, 3, 2);
	put(&ext, "\2\3\4", 3);
	if (name)
		put_name(&ext, name);
	if (second)
		put_name(&ext, second);
	put_number(&body, 0x0303, 2);
	put(&body, random, 32);
	put_number(&body, 0, 1);
	put_number(&body, 2, 2);
	put_number(&body, 0x1301, 2);
	put_number(&body, 1, 1);
	put_number(&body, 0, 1);
	put_number(&body, ext.len, 2);
	put(&body, ext.at, ext.len);
	put_number(&out, 22, 1);
	put_number(&out, 0x0301, 2);
	put_number(&out, body.len + 4, 2);
	put_number(&out, 1, 1);
	put_number(&out, body.len, 3);
	put(&out, body.at, body.len);
	return out;
}

static void hellos_are_read(void **unused)
{
	(void)unused;
	struct str name = { 0 };
	struct bytes b = hello_of("a.example.com", NULL);
	assert_int_equal(egress_hello_name(b.at, b.len, &name), HELLO_FOUND);
	assert_true(str_eq(name, S("a.example.com")));
	for (size_t cut = 0; cut < b.len; cut++)
		if (egress_hello_name(b.at, cut, &name) != HELLO_MORE)
			fail_msg("cut at %zu", cut);
	b = hello_of(NULL, NULL);
	assert_int_equal(egress_hello_name(b.at, b.len, &name), HELLO_NONE);
	b = hello_of("a.example.com", "b.example.com"); /* which one would the server take? */
	assert_int_equal(egress_hello_name(b.at, b.len, &name), HELLO_NONE);
	b = hello_of("", NULL);
	assert_int_equal(egress_hello_name(b.at, b.len, &name), HELLO_NONE);
	assert_int_equal(egress_hello_name((const uint8_t *)"GET / HTTP/1.1", 14, &name), HELLO_NONE);
	/* Every byte damaged: never a name that lies outside. */
	b = hello_of("a.example.com", NULL);
	for (size_t i = 0; i < b.len; i++) {
		struct bytes c = b;
		c.at[i] ^= 0xff;
		if (egress_hello_name(c.at, c.len, &name) == HELLO_FOUND &&
		    ((const uint8_t *)name.at < c.at || (const uint8_t *)name.at + name.len > c.at + c.len))
			fail_msg("byte %zu", i);
	}
}

/* --- answers of servers --- */

static const struct {
	const char *head;
	int status; /* 0 = refused */
	int64_t length;
	bool keep;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, 5, true },
	{ "HTTP/1.1 200\r\n\r\n", 200, -2, true },
	{ "HTTP/1.1 200 \r\n\r\n", 200, -2, true },
	{ "HTTP/1.0 200 OK\r\n\r\n", 200, -2, false },
	{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, 0, true },
	{ "HTTP/1.1 404 Not here\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", 404, -1, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0, 0, false },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 OK\nX: a\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 2000 OK\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 20 OK\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 099 OK\r\n\r\n", 0, 0, false },
	{ "HTTP/2.0 200 OK\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1200 OK\r\n\r\n", 0, 0, false },
	{ "ICY 200 OK\r\n\r\n", 0, 0, false },
	{ "HTTP/1.1 200 O\001K\r\n\r\n", 0, 0, false },
	{ "", 0, 0, false },
};

static void answers_are_read_or_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(answers); i++) {
		struct http_header fields[8];
		struct http_answer a = { 0 };
		int bad = http_parse_answer(answers[i].head, strlen(answers[i].head), fields, 8, &a);
		bool ok = bad ? !answers[i].status :
				a.status == answers[i].status && a.body_length == answers[i].length &&
					a.keep_alive == answers[i].keep;
		if (!ok)
			fail_msg("%s: %d, %d, length %lld", answers[i].head, bad, a.status,
				 (long long)a.body_length);
	}
}

static const struct {
	const char *line;
	bool ok;
} lines[] = {
	{ "CONNECT a.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n", true },
	{ "GET http://a.example.com/ HTTP/1.1\r\nHost: a\r\n\r\n", true },
	{ "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", true }, /* the target is the caller's to judge */
	{ "GET http://a.example.com/ HTTP/1.1\r\n\r\n", false },
	{ "GET http://a.example.com/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", false },
	{ "GET http://a.example.com/ HTTP/1.1\r\nHost: a/b\r\n\r\n", false },
	{ "GET http://a.example.com/ x HTTP/1.1\r\nHost: a\r\n\r\n", false },
	{ "PRI * HTTP/2.0\r\n\r\n", false },
};

static void proxy_heads_are_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(lines); i++) {
		struct http_header fields[8];
		struct http_head h;
		bool ok = !http_parse_proxy_head(lines[i].line, strlen(lines[i].line), fields, 8, &h);
		if (ok != lines[i].ok)
			fail_msg("%s", lines[i].line);
	}
}

/* --- requests, without a socket: rows of the bypass table that are about HTTP --- */

static const struct egress_limits limits = { .line = 8192, .header = 16384, .head = 65536,
					     .headers = 100, .body = 100000 };
#define TO_SITE "GET http://site.example.com/ HTTP/1.1\r\nHost: site.example.com\r\n"
#define POST_TO_SITE "POST http://site.example.com/ HTTP/1.1\r\nHost: site.example.com\r\n"

static const struct {
	const char *head;
	unsigned want;
} requests[] = {
	{ TO_SITE "\r\n", GUARD_OK },
	{ "CONNECT site.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_OK },
	{ "CONNECT site.example.com:443 HTTP/1.0\r\n\r\n", GUARD_OK },
	/* 23 */
	{ "CONNECT site.example.com HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT site.example.com:0 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT site.example.com:65536 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT site.example.com:+443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT site.example.com:0443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT u:p@site.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "CONNECT 127.1:443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_AMBIGUOUS_IP },
	{ "CONNECT [fe80::1%25eth0]:443 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	/* 26 */
	{ TO_SITE "Host: site.example.com\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/ HTTP/1.1\r\nHost: a/b\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/ HTTP/1.1\r\nHost: a b\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/ HTTP/1.1\r\nHost: u@a\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/ HTTP/1.1\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/ HTTP/1.0\r\n\r\n", GUARD_OK },
	/* 27 */
	{ POST_TO_SITE "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Content-Length: 4, 4\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Content-Length: +4\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Content-Length: 0x4\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Content-Length: 4 \r\n\r\n", GUARD_OK },
	{ POST_TO_SITE "Content-Length: 1000000000000000000\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: xchunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: chunked, identity\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: identity, chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: chunked, chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding:\r\n chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding : chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "Transfer-Encoding: \x0b" "chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE " Transfer-Encoding: chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ POST_TO_SITE "X: 1\rTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "POST http://site.example.com/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "POST http://site.example.com/ HTTP/1.0\r\n\r\n", EGRESS_LENGTH_REQUIRED },
	{ "POST http://site.example.com/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n", GUARD_OK },
	{ POST_TO_SITE "Content-Length: 100001\r\n\r\n", EGRESS_BODY_TOO_LARGE },
	{ POST_TO_SITE "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", GUARD_OK },
	{ POST_TO_SITE "Expect: 200-maybe\r\nContent-Length: 4\r\n\r\n", EGRESS_EXPECTATION },
	/* 31, 32 */
	{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET //site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET site.example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET cache_object://x/ HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET https://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET ws://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	{ "GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", GUARD_BAD_TARGET },
	/* 33 */
	{ "TRACE http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", EGRESS_METHOD },
	{ "connect site.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", EGRESS_METHOD },
	{ "get http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", EGRESS_METHOD },
	{ "CONNECT site.example.com:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "CONNECT site.example.com:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", GUARD_OK },
	{ "CONNECT site.example.com:443 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	  EGRESS_BAD_REQUEST },
	{ "PRI * HTTP/2.0\r\n\r\n", EGRESS_BAD_REQUEST },
	{ "GET http://site.example.com/\r\n\r\n", EGRESS_BAD_REQUEST },
	/* loops */
	{ TO_SITE "Via: 1.1 ssrf-proxy\r\n\r\n", EGRESS_LOOP },
	{ TO_SITE "Via: 1.0 other\r\nVia: 1.1 other, 1.1 ssrf-proxy (squid)\r\n\r\n", EGRESS_LOOP },
	{ "CONNECT site.example.com:443 HTTP/1.1\r\nHost: x\r\nVia: 1.1 0123456789abcdef\r\n\r\n", EGRESS_LOOP },
	{ TO_SITE "Via: 1.1 other\r\n\r\n", GUARD_OK },
};

/* As client.c does it, with the whole head at hand. */
static unsigned judge(struct egress *e, struct arena *mem, const char *head, struct egress_request *q)
{
	struct http_scan s = { 0 };
	size_t len = strlen(head);
	int found = http_scan(&s, head, len, e->o.limits.head);
	if (found != HTTP_SCAN_FOUND || s.head_len != len)
		return EGRESS_BAD_REQUEST;
	unsigned code = egress_head_read(e, mem, str_of(head, len), s.lines, q);
	return code ? code : egress_head_judge(e, q);
}

static void requests_are_judged(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(requests); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct egress e = { .o.limits = limits, .id = "0123456789abcdef" };
		static struct egress_request q;
		q = (struct egress_request){ 0 };
		unsigned got = judge(&e, mem.p, requests[i].head, &q);
		if (got != requests[i].want)
			fail_msg("%s: got %s, want %s", requests[i].head, egress_code_name(got),
				 egress_code_name(requests[i].want));
	}
}

/* What a server gets: `has` and `not` are looked for in the whole head, without case for `not`. */
static const struct {
	const char *head, *has, *not;
} sent[] = {
	/* 24 */
	{ "GET http://site.example.com/a?b HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
	  "GET /a?b HTTP/1.1\r\nHost: site.example.com\r\n", "169.254" },
	{ "GET http://SITE.example.com:8080 HTTP/1.1\r\nHost: x\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: site.example.com:8080\r\n", "host: x" },
	{ "GET http://site.example.com?q HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?q HTTP/1.1\r\n", "host: x" },
	{ "GET http://[2606:4700::1111]:81/ HTTP/1.1\r\nHost: x\r\n\r\n", "Host: [2606:4700::1111]:81\r\n", "host: x" },
	/* 30 */
	{ TO_SITE "Connection: host, authorization, cookie, x-gone\r\nAuthorization: a\r\nX-Gone: 1\r\n\r\n",
	  "\r\nAuthorization: a\r\n", "x-gone" },
	{ TO_SITE "Connection: cookie\r\nCookie: c\r\n\r\n", "\r\nCookie: c\r\n", "connection" },
	{ TO_SITE "Connection: via\r\nVia: 1.0 a\r\nVia: 1.1 b\r\n\r\n",
	  "\r\nVia: 1.0 a\r\nVia: 1.1 b\r\nVia: 1.1 ssrf-proxy\r\n", "connection" },
	{ TO_SITE "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
	  "\r\nSec-WebSocket-Version: 13\r\n", "upgrade" },
	{ TO_SITE "Proxy-Authorization: Basic eDp5\r\n\r\n", "Host: site", "proxy-auth" },
	{ TO_SITE "TE: trailers\r\nTrailer: X\r\nKeep-Alive: 5\r\n\r\n", "Host: site", "trailer" },
	{ TO_SITE "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\r\n", "Host: site",
	  "1.2.3.4" },
	{ TO_SITE "Metadata: true\r\nMetadata-Flavor: Google\r\nX-aws-ec2-metadata-token-ttl-seconds: 1\r\n\r\n",
	  "Host: site", "metadata" },
	{ TO_SITE "Metadata: other\r\n\r\n", "Metadata: other\r\n", "true" },
	/* framing is ours */
	{ POST_TO_SITE "Content-Length: 00004\r\n\r\n", "\r\nContent-Length: 4\r\n\r\n", "00004" },
	{ POST_TO_SITE "Transfer-Encoding: Chunked\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", "length" },
	{ POST_TO_SITE "\r\n", "\r\nContent-Length: 0\r\n\r\n", "chunked" },
	{ TO_SITE "Content-Length: 0\r\n\r\n", "Via: 1.1 ssrf-proxy\r\n\r\n", "content-length" },
	{ POST_TO_SITE "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", "Content-Length: 4\r\n", "expect" },
};

static bool has_nocase(struct str s, struct str part)
{
	for (size_t i = 0; i + part.len <= s.len; i++)
		if (str_eq_nocase(str_sub(s, i, part.len), part))
			return true;
	return false;
}

static void heads_are_written_anew(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(sent); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct egress e = { .o.limits = limits, .id = "0123456789abcdef" };
		static struct egress_request q;
		q = (struct egress_request){ 0 };
		assert_int_equal(judge(&e, mem.p, sent[i].head, &q), GUARD_OK);
		struct str out = egress_request_head(&e, mem.p, &q);
		if (!str_has(out, str_c(sent[i].has)) || has_nocase(out, str_c(sent[i].not)))
			fail_msg("%s: sent %.*s", sent[i].head, STR(out));
		struct http_header fields[32]; /* what another strict reader makes of it */
		struct http_head h;
		assert_int_equal(http_parse_head(out.at, out.len, fields, 32, &h), 0);
		assert_int_equal(h.body_length, q.h.body_length);
	}
}

static void a_parent_gets_the_address_and_our_sign_in(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct egress e = { .o.limits = limits, .id = "0123456789abcdef", .has_upstream = true,
			    .upstream_auth = S("Basic dTpw") };
	static struct egress_request q;
	assert_int_equal(judge(&e, mem.p, TO_SITE "Proxy-Authorization: Basic eDp5\r\n\r\n", &q), GUARD_OK);
	assert_true(net_addr_v4(S("93.184.216.34"), 80, &q.decision.at[0]));
	struct str out = egress_request_head(&e, mem.p, &q);
	assert_true(str_starts(out, S("GET http://93.184.216.34:80/ HTTP/1.1\r\nHost: site.example.com\r\n")));
	assert_true(str_has(out, S("\r\nProxy-Authorization: Basic dTpw\r\n")));
	assert_false(str_has(out, S("eDp5")));
	/* It may be of our kind: then the name that all bear would look like a loop. */
	assert_true(str_has(out, S("Via: 1.1 0123456789abcdef\r\n")) && !str_has(out, S("ssrf-proxy")));
}

/* What a client gets of an answer with these fields. */
static const struct {
	const char *request, *answer, *has, *not;
} answered[] = {
	{ TO_SITE "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: 1\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nX: 1\r\nVia: 1.1 ssrf-proxy\r\nContent-Length: 5\r\n\r\n", "squid" },
	{ TO_SITE "\r\n", "HTTP/1.1 200 OK\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\r\n",
	  "Transfer-Encoding: chunked\r\n", "mine" },
	{ TO_SITE "\r\n", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 204 No\r\n", "length" },
	{ TO_SITE "\r\n", "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", "Content-Length: 5\r\n", "chunked" },
	{ TO_SITE "\r\n", "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", "Via", "chunked" },
	{ TO_SITE "\r\n", "HTTP/1.1 403 No\r\nX-Proxy-Error: denied_name\r\nContent-Length: 0\r\n\r\n",
	  "HTTP/1.1 403 No\r\n", "proxy-error" },
	{ TO_SITE "\r\n", "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
	  "HTTP/1.1 407 No\r\n", "authenticate" },
	{ "HEAD http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", "Content-Length: 500\r\n", "chunked" },
	{ "GET http://site.example.com/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "Connection: keep-alive\r\n", "close" },
	{ TO_SITE "Connection: close\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	  "Connection: close\r\n", "keep-alive" },
};

static void answers_are_written_anew(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(answered); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct egress e = { .o.limits = limits };
		static struct egress_request q;
		struct http_header fields[8];
		struct egress_answer a = { .fields = fields };
		q = (struct egress_request){ 0 };
		assert_int_equal(judge(&e, mem.p, answered[i].request, &q), GUARD_OK);
		assert_int_equal(http_parse_answer(answered[i].answer, strlen(answered[i].answer), fields, 8, &a.h), 0);
		a.chunked = egress_answer_body(&q, &a.h) < 0 && !q.h.http10;
		struct str out = egress_answer_head(&e, mem.p, &q, &a);
		if (!str_has(out, str_c(answered[i].has)) || has_nocase(out, str_c(answered[i].not)))
			fail_msg("%s: got %.*s", answered[i].answer, STR(out));
	}
}

/* --- codes --- */

static void every_code_has_a_name_and_a_status(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < EGRESS_CODE_COUNT; i++) {
		if (i >= EGRESS_BAD_REQUEST || i < GUARD_CODE_COUNT)
			assert_non_null(egress_code_name(i));
		assert_in_range(egress_code_status(i), 200, 599);
	}
	for (unsigned i = 1; i < GUARD_CODE_COUNT; i++)
		assert_string_equal(egress_code_name(i), guard_code_name((enum guard_code)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hellos_are_read),
		cmocka_unit_test(answers_are_read_or_refused),
		cmocka_unit_test(proxy_heads_are_read),
		cmocka_unit_test(requests_are_judged),
		cmocka_unit_test(heads_are_written_anew),
		cmocka_unit_test(a_parent_gets_the_address_and_our_sign_in),
		cmocka_unit_test(answers_are_written_anew),
		cmocka_unit_test(every_code_has_a_name_and_a_status),
	};
	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
