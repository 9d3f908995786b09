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
		cmocka_unit_test(every_code_has_a_name_and_a_status),
	};
	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
