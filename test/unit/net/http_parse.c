/* SPDX-License-Identifier: Apache-2.0 */
/* Heads, chunks and paths: what is read, and above all what is refused. */
#include "base/arena.h"
#include "base/err.h"
#include "net/http_parse.h"
#include "test/unit/net/cmocka_all.h"

#define H "Host: a\r\n"

/* want: 0 = read, 1 = more needed, else the status that refuses. */
static const struct {
	const char *in;
	size_t len; /* 0 = strlen */
	int want;
	const char *path;
	int64_t body;
	bool keep;
} heads[] = {
	/* plain */
	{ "GET / HTTP/1.1\r\n" H "\r\n", 0, 0, "/", 0, true },
	{ "GET /a/b?x=1 HTTP/1.1\r\n" H "\r\n", 0, 0, "/a/b", 0, true },
	{ "POST /v1 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", 0, 0, "/v1", 5, true },
	{ "POST /v1 HTTP/1.1\r\n" H "content-LENGTH:\t5 \t\r\n\r\n", 0, 0, "/v1", 5, true },
	{ "POST /v1 HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0, 0, "/v1", 0, true },
	{ "POST /v1 HTTP/1.1\r\n" H "Content-Length: 00005\r\n\r\n", 0, 0, "/v1", 5, true },
	{ "POST /v1 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0, 0, "/v1", -1, true },
	{ "POST /v1 HTTP/1.1\r\n" H "transfer-encoding: Chunked\r\n\r\n", 0, 0, "/v1", -1, true },
	{ "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 0, 0, "/", 0, false },
	{ "GET / HTTP/1.1\r\n" H "Connection: foo, CLOSE\r\n\r\n", 0, 0, "/", 0, false },
	{ "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.0\r\n\r\n", 0, 0, "/", 0, false },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", 0, 0, "/", 0, false },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, 0, "*", 0, true },
	{ "GET http://a/x HTTP/1.1\r\n" H "\r\n", 0, 0, "/x", 0, true },
	{ "GET HTTP://a:80 HTTP/1.1\r\n" H "\r\n", 0, 0, "/", 0, true },
	{ "GET http://a?q HTTP/1.1\r\n" H "\r\n", 0, 0, "/", 0, true },
	{ "GET https://[::1]:8/x HTTP/1.1\r\n" H "\r\n", 0, 0, "/x", 0, true },
	{ "PROPFIND /x HTTP/1.1\r\n" H "\r\n", 0, 0, "/x", 0, true },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.1\r\n" H "X: \xc3\xa4\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.1\r\n" H "X:\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET / HTTP/1.1\r\n" H "X: a:b \"c\"\r\n\r\n", 0, 0, "/", 0, true },
	{ "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 0, 0, "/\xc3\xa4", 0, true },
	{ "GET /a|b{c} HTTP/1.1\r\n" H "\r\n", 0, 0, "/a|b{c}", 0, true },
	{ "PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", 0, 0, "/", 1, true },
	/* not complete yet */
	{ "G", 0, 1, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n", 0, 1, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n", 0, 1, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r", 0, 1, "", 0, 0 },
	{ "GET / HTTP/1.1\r", 0, 1, "", 0, 0 },
	/* two framings, or one that two servers read in two ways */
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5, 6\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5.0\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: \"5\"\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Content-Length : 5\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H " Transfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 501, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b" "chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "X: y\r\n\tfolded\r\n\r\n", 0, 400, "", 0, 0 },
	{ "POST / HTTP/1.1\r\n" H "X:\r\n \r\n\r\n", 0, 400, "", 0, 0 },
	/* bare CR, bare LF, NUL, other controls */
	{ "GET / HTTP/1.1\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\n\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\n", 0, 400, "", 0, 0 },
	{ "\nGET / HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: a\rTransfer-Encoding: chunked\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \0b\r\n\r\n", 34, 400, "", 0, 0 },
	{ "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n", 29, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET /\x01 HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /\x7f HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	/* request line */
	{ "GET  / HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /  HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /\tHTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1 \r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ " GET / HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /a b HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /#x HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET /\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET  HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "G@T / HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "G(T / HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "\x16\x03\x01\x02", 0, 400, "", 0, 0 }, /* a TLS hello */
	{ "GET * HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET x HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET a:80 HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET http:///x HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "CONNECT a:443 HTTP/1.1\r\n" H "\r\n", 0, 501, "", 0, 0 },
	{ "ABCDEFGHIJABCDEFGHIJABCDEFGHIJABCD / HTTP/1.1\r\n" H "\r\n", 0, 501, "", 0, 0 },
	{ "GET / HTTP/2.0\r\n" H "\r\n", 0, 505, "", 0, 0 },
	{ "PRI * HTTP/2.0\r\n\r\n", 0, 505, "", 0, 0 },
	{ "GET / HTTP/0.9\r\n" H "\r\n", 0, 505, "", 0, 0 },
	{ "GET / HTTP/1.2\r\n" H "\r\n", 0, 505, "", 0, 0 },
	{ "GET / http/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.10\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1,1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/11.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	{ "GET / ICY/1.1\r\n" H "\r\n", 0, 400, "", 0, 0 },
	/* Host and fields */
	{ "GET / HTTP/1.1\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "nocolon\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H ": x\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "a b: x\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "a\xc3\xa4: x\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "a(b): x\r\n\r\n", 0, 400, "", 0, 0 },
	{ "GET / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 0, 417, "", 0, 0 },
	{ "\r\n", 0, 400, "", 0, 0 },
};

/* The whole way, with the input arriving in steps of `step` bytes. */
static int parse(struct str in, size_t step, struct http_head *h, struct http_header *rows)
{
	struct http_scan scan = { 0 };
	for (size_t n = MIN(step, in.len);; n = MIN(n + step, in.len)) {
		int r = http_scan(&scan, in.at, n, 4096);
		if (r == HTTP_SCAN_FOUND)
			return http_parse_head(in.at, scan.head_len, rows, 32, h);
		if (r != HTTP_SCAN_MORE)
			return r;
		if (n == in.len)
			return 1;
	}
}

static void heads_are_read_or_refused(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(heads); i++) {
		struct str in = { heads[i].in, heads[i].len ? heads[i].len : strlen(heads[i].in) };
		for (size_t step = 1; step <= 4096; step *= 64) {
			struct http_header rows[32];
			struct http_head h = { 0 };
			int got = parse(in, step, &h, rows);
			if (got != heads[i].want)
				print_message("case %zu, step %zu: %s\n", i, step, heads[i].in);
			assert_int_equal(got, heads[i].want);
			if (got)
				continue;
			assert_int_equal(h.path.len, strlen(heads[i].path));
			assert_memory_equal(h.path.at, heads[i].path, h.path.len);
			assert_int_equal(h.body_length, heads[i].body);
			assert_int_equal(h.keep_alive, heads[i].keep);
		}
	}
	assert_true(countof(heads) > 100);
}

static void limits_hold(void **unused)
{
	(void)unused;
	static char big[5000];
	struct http_header rows[32];
	struct http_head h;
	memset(big, 'a', sizeof big);
	memcpy(big, "GET /", 5);
	assert_int_equal(parse(str_of(big, sizeof big), 100, &h, rows), 414);
	memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
	assert_int_equal(parse(str_of(big, sizeof big), 100, &h, rows), 431);
	size_t n = 16;
	for (int i = 0; i < 40; i++, n += 6)
		memcpy(big + n, "X: y\r\n", 6);
	memcpy(big + n, "\r\n", 2);
	assert_int_equal(parse(str_of(big, n + 2), 100, &h, rows), 431);
}

static const struct {
	const char *in, *out; /* NULL = refused */
} paths[] = {
	{ "/", "/" }, { "/a", "/a" }, { "/a/", "/a/" }, { "/a//b", "/a//b" }, { "/.", "/" },
	{ "/./a", "/a" }, { "/a/.", "/a/" }, { "/a/./b", "/a/b" }, { "/..", "/" },
	{ "/../../etc", "/etc" }, { "/a/..", "/" }, { "/a/../b", "/b" }, { "/a/b/../c", "/a/c" },
	{ "/a/b/..", "/a/" }, { "/%2e%2e/x", "/x" }, { "/a/%2E./b", "/b" }, { "/%41%42", "/AB" },
	{ "/a%20b", "/a b" }, { "/%E3%81%82", "/\xe3\x81\x82" }, { "/a%2Fb", "/a%2Fb" },
	{ "/a%2fb%20c/d%20e", "/a%2fb%20c/d e" }, { "/..%2f..", "/..%2f.." },
	{ "/%00", NULL }, { "/a%", NULL }, { "/a%4", NULL }, { "/a%zz", NULL }, { "/%%41", NULL },
	{ "/...", "/..." }, { "/.a", "/.a" }, { "/a..", "/a.." }, { "/%25%32%46", "/%2F" },
	{ "/a/../..", "/" }, { "/a%5cb", "/a\\b" },
};

static void paths_are_cleaned(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(paths); i++) {
		struct str out = { 0 };
		bool ok = http_path_clean(mem.p, str_c(paths[i].in), &out);
		if (ok != (paths[i].out != NULL) || (ok && !str_eq(out, str_c(paths[i].out))))
			fail_msg("%s: got %.*s", paths[i].in, STR(out));
	}
}

static const struct {
	const char *in;
	int want; /* HTTP_CHUNKS_END, HTTP_CHUNKS_MORE or a status */
	const char *data, *rest;
} chunked[] = {
	{ "0\r\n\r\n", 2, "", "" },
	{ "5\r\nhello\r\n0\r\n\r\n", 2, "hello", "" },
	{ "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\nGET", 2, "hello!", "GET" },
	{ "A\r\n0123456789\r\n0\r\n\r\n", 2, "0123456789", "" },
	{ "a\r\n0123456789\r\n0\r\n\r\n", 2, "0123456789", "" },
	{ "0000a\r\n0123456789\r\n000\r\n\r\n", 2, "0123456789", "" },
	{ "1 ;x\r\na\r\n0\r\n\r\n", 2, "a", "" },
	{ "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\nrest", 2, "a", "rest" },
	{ "1\r\na\r\n0;ext=\"q\"\r\n\r\n", 2, "a", "" },
	{ "5\r\nhel", 0, "hel", "" },
	{ "5", 0, "", "" },
	{ "0\r\n", 0, "", "" },
	{ "0\r\nX: y\r\n", 0, "", "" },
	{ "5\nhello\r\n0\r\n\r\n", 400, "", "" },
	{ "5\r\nhello\n0\r\n\r\n", 400, "hello", "" },
	{ "5\r\nhelloX\r\n0\r\n\r\n", 400, "hello", "" },
	{ "5\r\nhello\r0\r\n\r\n", 400, "hello", "" },
	{ "\r\n", 400, "", "" },
	{ "x\r\n", 400, "", "" },
	{ "-1\r\n", 400, "", "" },
	{ "+1\r\na\r\n", 400, "", "" },
	{ "0x1\r\na\r\n", 400, "", "" },
	{ " 1\r\na\r\n", 400, "", "" },
	{ "1 \r\na\r\n", 400, "", "" },
	{ "1 a\r\na\r\n", 400, "", "" },
	{ "1_0\r\na\r\n", 400, "", "" },
	{ "1;a\nb\r\na\r\n", 400, "", "" },
	{ "1;a\rb\r\na\r\n", 400, "", "" },
	{ "ffffffffffffffff\r\n", 400, "", "" },
	{ "10000000000000000\r\n", 400, "", "" },
	{ "0000000000000001\r\na", 400, "", "" },
	{ "0\r\n\n", 400, "", "" },
	{ "0\r\n X: y\r\n\r\n", 400, "", "" },
	{ "0\r\nX y\r\n\r\n", 400, "", "" },
	{ "0\r\nX: y\n\r\n", 400, "", "" },
	{ "0\r\n: y\r\n\r\n", 400, "", "" },
	{ "0\r\n\rX", 400, "", "" },
};

static int dechunk(struct str in, size_t step, struct buf *out, struct str *rest)
{
	struct http_chunks k = { 0 };
	int got = HTTP_CHUNKS_MORE;
	while (in.len && got != HTTP_CHUNKS_END && got < 400) {
		size_t used = 0;
		struct str data = { 0 };
		got = http_chunks_next(&k, in.at, MIN(step, in.len), &used, &data);
		if (got == HTTP_CHUNKS_DATA)
			buf_put(out, data);
		in = str_skip(in, used);
	}
	*rest = in;
	return got == HTTP_CHUNKS_DATA ? HTTP_CHUNKS_MORE : got;
}

static void chunks_are_read_or_refused(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(chunked); i++)
		for (size_t step = 1; step <= 1000; step *= 10) {
			struct buf out = buf_make(mem.p, 0);
			struct str rest;
			int got = dechunk(str_c(chunked[i].in), step, &out, &rest);
			if (got != chunked[i].want || !str_eq(buf_str(&out), str_c(chunked[i].data)))
				fail_msg("step %zu: %s: %d", step, chunked[i].in, got);
			if (got == HTTP_CHUNKS_END)
				assert_true(str_eq(rest, str_c(chunked[i].rest)));
		}
}

static void chunk_extras_are_limited(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct str rest;
	struct buf in = buf_make(mem.p, 0), out = buf_make(mem.p, 0);
	buf_puts(&in, "1;");
	for (int i = 0; i < HTTP_CHUNKS_EXTRA_MAX; i++)
		buf_putc(&in, 'x');
	buf_puts(&in, "\r\n");
	assert_int_equal(dechunk(buf_str(&in), 100, &out, &rest), 400);
	buf_clear(&in);
	buf_puts(&in, "0\r\n");
	for (int i = 0; i < HTTP_CHUNKS_EXTRA_MAX; i++)
		buf_puts(&in, "X: y\r\n");
	assert_int_equal(dechunk(buf_str(&in), 100, &out, &rest), 431);
	/* extensions of many small chunks count together */
	buf_clear(&in);
	for (int i = 0; i < HTTP_CHUNKS_EXTRA_MAX; i++)
		buf_puts(&in, "1;x\r\na\r\n");
	assert_int_equal(dechunk(buf_str(&in), 100, &out, &rest), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_read_or_refused), cmocka_unit_test(limits_hold),
		cmocka_unit_test(paths_are_cleaned), cmocka_unit_test(chunks_are_read_or_refused),
		cmocka_unit_test(chunk_extras_are_limited),
	};
	return cmocka_run_group_tests_name("http_parse", tests, NULL, NULL);
}
