/* SPDX-License-Identifier: Apache-2.0 */
/* multipart bodies and event streams, fed in pieces of every size. */
#include "base/arena.h"
#include "base/err.h"
#include "net/stream_int.h"
#include "test/unit/net/cmocka_all.h"

struct feed {
	struct str in;
	size_t step;
};

static status feed_read(void *arg, char *at, size_t cap, size_t *n)
{
	struct feed *f = arg;
	*n = MIN(MIN(cap, f->step), f->in.len);
	memcpy(at, f->in.at, *n);
	f->in = str_skip(f->in, *n);
	return 0;
}

static status feed_piece(void *arg, struct str *piece)
{
	struct feed *f = arg;
	*piece = str_sub(f->in, 0, f->step);
	f->in = str_skip(f->in, piece->len);
	return 0;
}

#define CT "multipart/form-data; boundary=B"
#define CD "Content-Disposition: form-data; "
/* want: each part as name|filename|type|data; and ";"; "!" at the end = refused */
static const struct {
	const char *type, *in, *want;
} multiparts[] = {
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--B--\r\n", "a|-|-|1;" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--B--", "a|-|-|1;" },
	{ CT, "pre\r\namble\r\n--B\r\n" CD "name=a\r\n\r\n1\r\n--B--\r\nepilogue", "a|-|-|1;" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--B\r\n" CD "name=\"b\"\r\n\r\n2\r\n--B--\r\n", "a|-|-|1;b|-|-|2;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\na\r\n\r\n\r\n--B--\r\n", "f|x.txt|text/plain|\r\na\r\n\r\n;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"\"\r\n\r\n\r\n--B--\r\n", "f||-|;" },
	{ CT, "--B\r\n" CD "name=\"f\"\r\n\r\n--B--\r\n", "f|-|-|;" },
	{ CT, "--B\r\n" CD "name=\"f\"\r\n\r\n--B-\r\n--B--\r\n", "f|-|-|;!" },
	{ CT, "--B \t \r\n" CD "name=\"f\"\r\n\r\n1\r\n--B \r\n" CD "name=\"g\"\r\n\r\n2\r\n--B--\r\n", "f|-|-|1;g|-|-|2;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"C:\\dir\\x.txt\"\r\n\r\n1\r\n--B--\r\n", "f|C:\\dir\\x.txt|-|1;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"a\\\"b;c.txt\"\r\n\r\n1\r\n--B--\r\n", "f|a\"b;c.txt|-|1;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"x\"; filename*=UTF-8''%e3%81%82.txt\r\n\r\n1\r\n--B--\r\n", "f|\xe3\x81\x82.txt|-|1;" },
	{ CT, "--B\r\n" CD "name=\"f\"; filename=\"x\"; filename*=latin1''%e3.txt\r\n\r\n1\r\n--B--\r\n", "f|x|-|1;" },
	{ CT, "--B\r\ncontent-type:text/x\r\ncontent-disposition:Form-Data;NAME=a\r\n\r\n1\r\n--B--\r\n", "a|-|text/x|1;" },
	{ CT, "--B\r\n" CD "name=\"f\"\r\n\r\nx\r\n--\r\n-B\r\n--A\r\n\r\n--B--\r\n", "f|-|-|x\r\n--\r\n-B\r\n--A\r\n;" },
	{ CT, "--B--\r\n", "" },
	{ "multipart/form-data; charset=x; boundary=\"a b\"", "--a b\r\n" CD "name=a\r\n\r\n1\r\n--a b--", "a|-|-|1;" },
	/* refused */
	{ CT, "", "!" },
	{ CT, "no boundary at all", "!" },
	{ CT, "--B", "!" },
	{ CT, "--B\r\n", "!" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1", "a|-|-|!" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--", "a|-|-|!" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--B", "a|-|-|1;!" },
	{ CT, "--B\r\n" CD "name=\"a\"\r\n\r\n1\r\n--Bx\r\n", "a|-|-|1;!" },
	{ CT, "--B\n" CD "name=\"a\"\n\n1\n--B--\n", "!" },
	{ CT, "--B\r\n\r\n1\r\n--B--\r\n", "!" },
	{ CT, "--B\r\nX: y\r\n\r\n1\r\n--B--\r\n", "!" },
	{ CT, "--B\r\n" CD "filename=\"a\"\r\n\r\n1\r\n--B--\r\n", "!" },
	{ CT, "--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--\r\n", "!" },
	{ CT, "--B\r\n" CD "name=\"a\r\n\r\n1\r\n--B--\r\n", "!" },
	{ CT, "--B\r\nno colon\r\n\r\n1\r\n--B--\r\n", "!" },
	{ "multipart/form-data", "--B--", "!" },
	{ "multipart/form-data; boundary=", "--B--", "!" },
	{ "multipart/mixed; boundary=B", "--B--", "!" },
	{ "text/plain", "--B--", "!" },
	{ "", "--B--", "!" },
};

static void show_or(struct buf *out, struct str s)
{
	if (s.at)
		buf_put(out, s);
	else
		buf_putc(out, '-');
	buf_putc(out, '|');
}

static status read_parts(struct arena *mem, const char *type, struct feed *f, struct buf *out)
{
	struct multipart *m;
	if (multipart_open_source(mem, str_c(type), feed_read, f, &m))
		return -1;
	for (;;) {
		struct part *p;
		struct str text;
		if (multipart_next(m, &p))
			return -1;
		if (!p)
			return 0;
		buf_put(out, p->name);
		buf_putc(out, '|');
		show_or(out, p->filename);
		show_or(out, p->has_type ? p->type : str_of(NULL, 0));
		if (multipart_text(m, 1 << 20, &text))
			return -1;
		buf_put(out, text);
		buf_putc(out, ';');
	}
}

static void multipart_bodies(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(multiparts); i++)
		for (size_t step = 1; step <= 1000; step += step < 9 ? 1 : 300) {
			AUTO(arena) mem = { arena_open(0) };
			struct feed f = { str_c(multiparts[i].in), step };
			struct buf out = buf_make(mem.p, 0);
			if (read_parts(mem.p, multiparts[i].type, &f, &out))
				buf_putc(&out, '!');
			if (!str_eq(buf_str(&out), str_c(multiparts[i].want)))
				fail_msg("case %zu step %zu: %s\ngot  %.*s\nwant %s", i, step,
					 multiparts[i].in, STR(buf_str(&out)), multiparts[i].want);
		}
}

static void multipart_limits(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct buf in = buf_make(mem.p, 0), out = buf_make(mem.p, 0);
	for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
		buf_puts(&in, "--B\r\n" CD "name=a\r\n\r\n1\r\n");
	buf_puts(&in, "--B--");
	struct feed f = { buf_str(&in), 1000 };
	assert_int_equal(read_parts(mem.p, CT, &f, &out), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
	buf_clear(&in);
	buf_puts(&in, "--B\r\nX: ");
	for (int i = 0; i < MULTIPART_HEAD_MAX; i++)
		buf_putc(&in, 'x');
	buf_puts(&in, "\r\n\r\n1\r\n--B--");
	f = (struct feed){ buf_str(&in), 1000 };
	assert_int_equal(read_parts(mem.p, CT, &f, &out), -1);
	/* a field larger than its reader wants, and a skipped one */
	buf_clear(&in);
	buf_puts(&in, "--B\r\n" CD "name=a\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_puts(&in, "\r\n-");
	buf_puts(&in, "\r\n--B\r\n" CD "name=b\r\n\r\n2\r\n--B--");
	struct multipart *m;
	struct part *p;
	struct str text;
	f = (struct feed){ buf_str(&in), 777 };
	assert_int_equal(multipart_open_source(mem.p, S(CT), feed_read, &f, &m), 0);
	assert_int_equal(multipart_next(m, &p), 0);
	assert_int_equal(multipart_text(m, 1000, &text), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
	assert_int_equal(multipart_next(m, &p), 0);
	assert_true(p && str_eq(p->name, S("b")));
	assert_int_equal(multipart_text(m, 1000, &text), 0);
	assert_true(str_eq(text, S("2")));
}

/* want: event|id|data; each */
static const struct {
	const char *in, *want;
} streams[] = {
	{ "data: a\n\n", "||a;" },
	{ "data: a\r\n\r\ndata:b\r\rdata: c\n\n", "||a;||b;||c;" },
	{ "data: a\ndata: b\n\n", "||a\nb;" },
	{ "data:\ndata:\n\n", "||\n;" },
	{ "data\n\n", "" },
	{ "event: x\nid: 7\ndata: a\n\ndata: b\n\n", "x|7|a;|7|b;" },
	{ "event: ping\n\ndata: a\n\n", "||a;" },
	{ ": comment\n\ndata: a\n\n", "||a;" },
	{ "\xef\xbb\xbf" "data: a\n\n", "||a;" },
	{ "data: \xef\xbb\xbf" "a\n\n", "||\xef\xbb\xbf" "a;" },
	{ "data:  two\n\n", "|| two;" },
	{ "retry: 10\nfoo: bar\ndata: a\n\n", "||a;" },
	{ "data: a\n", "||a;" },
	{ "data: [DONE]", "||[DONE];" },
	{ "data: a\n\ndata: b", "||a;||b;" },
	{ "", "" },
	{ "\n\n\n", "" },
	{ "Data: a\n\n", "" },
	{ "data: {\"a\":\"b:c\"}\n\n", "||{\"a\":\"b:c\"};" },
};

static void event_streams(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(streams); i++)
		for (size_t step = 1; step < 5; step++) {
			AUTO(arena) mem = { arena_open(0) };
			struct feed f = { str_c(streams[i].in), step };
			struct buf out = buf_make(mem.p, 0);
			struct sse_reader *r = sse_reader_open_source(mem.p, feed_piece, &f, 100);
			for (bool end = false; !end;) {
				struct sse_event e;
				assert_int_equal(sse_reader_next(r, &e, &end), 0);
				if (!end)
					buf_printf(&out, "%.*s|%.*s|%.*s;", STR(e.event), STR(e.id),
						   STR(e.data));
			}
			if (!str_eq(buf_str(&out), str_c(streams[i].want)))
				fail_msg("step %zu: %s: got %.*s", step, streams[i].in,
					 STR(buf_str(&out)));
		}
}

static void event_size_is_limited(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct sse_event e;
	bool end;
	struct feed f = { S("data: 0123456789\ndata: 0123456789\n\n"), 7 };
	struct sse_reader *r = sse_reader_open_source(mem.p, feed_piece, &f, 18);
	assert_int_equal(sse_reader_next(r, &e, &end), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
	f = (struct feed){ S(":0123456789012345678901234567890123456789\n\n"), 7 };
	r = sse_reader_open_source(mem.p, feed_piece, &f, 18);
	assert_int_equal(sse_reader_next(r, &e, &end), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multipart_bodies), cmocka_unit_test(multipart_limits),
		cmocka_unit_test(event_streams), cmocka_unit_test(event_size_is_limited),
	};
	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
