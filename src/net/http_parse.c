/* SPDX-License-Identifier: Apache-2.0 */
/* http_parse: see the header. RFC numbers name the rule that a check enforces. */
#include "net/http_parse.h"
#include "base/arena.h"
#include <string.h>

/* Character classes, RFC 9110 section 5.6.2 and 5.5, RFC 3986. */
enum { C_TOKEN = 1, C_VALUE = 2, C_TARGET = 4, C_HOST = 8, C_DIGIT = 16 };
#define AL (C_TOKEN | C_VALUE | C_TARGET | C_HOST)
#define DG (AL | C_DIGIT)
#define TK (C_TOKEN | C_VALUE | C_TARGET)
#define TH (C_TOKEN | C_VALUE | C_TARGET | C_HOST)
#define VT (C_VALUE | C_TARGET)
#define VH (C_VALUE | C_TARGET | C_HOST)
#define V_ C_VALUE
static const uint8_t class_of[256] = {
	['\t'] = V_, [' '] = V_,
	['!'] = TH, ['"'] = VT, ['#'] = TK & ~C_TARGET, ['$'] = TH, ['%'] = TH, ['&'] = TH,
	['\''] = TH, ['('] = VT, [')'] = VT, ['*'] = TH, ['+'] = TH, [','] = VT, ['-'] = TH,
	['.'] = TH, ['/'] = VT, ['0' ... '9'] = DG, [':'] = VH, [';'] = VH, ['<'] = VT,
	['='] = VH, ['>'] = VT, ['?'] = VT, ['@'] = VT, ['A' ... 'Z'] = AL, ['['] = VH,
	['\\'] = VT, [']'] = VH, ['^'] = TK, ['_'] = TH, ['`'] = TK, ['a' ... 'z'] = AL,
	['{'] = VT, ['|'] = TK, ['}'] = VT, ['~'] = TH, [0x80 ... 0xff] = VT,
};

static inline bool is(char c, unsigned what)
{
	return class_of[(unsigned char)c] & what;
}

static bool all(struct str s, unsigned what)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is(s.at[i], what))
			return false;
	return true;
}

bool http_is_token(struct str s)
{
	return s.len && all(s, C_TOKEN);
}

bool http_list_has(struct str list, struct str token)
{
	while (list.len) {
		struct str item = str_trim(str_cut(&list, ','));
		if (str_eq_nocase(item, token))
			return true;
	}
	return false;
}

int http_scan(struct http_scan *s, const char *at, size_t len, size_t limit)
{
	if (len && !is(at[0], C_TOKEN))
		return 400;
	size_t end = MIN(len, limit);
	while (s->seen < end) {
		const char *nl = memchr(at + s->seen, '\n', end - s->seen);
		if (!nl) {
			s->seen = end;
			break;
		}
		size_t pos = (size_t)(nl - at);
		if (!pos || at[pos - 1] != '\r')
			return 400; /* RFC 9112 2.2: a bare LF may split requests elsewhere */
		s->seen = pos + 1;
		if (pos - 1 == s->line_start) {
			s->head_len = pos + 1;
			return HTTP_SCAN_FOUND;
		}
		s->lines++;
		s->line_start = pos + 1;
	}
	if (len >= limit)
		return s->lines ? 431 : 414;
	return HTTP_SCAN_MORE;
}

/* --- request line --- */

static const struct {
	struct str name;
	enum http_method method;
} methods[] = {
	{ S_INIT("GET"), HTTP_GET },	   { S_INIT("POST"), HTTP_POST },
	{ S_INIT("HEAD"), HTTP_HEAD },	   { S_INIT("PUT"), HTTP_PUT },
	{ S_INIT("PATCH"), HTTP_PATCH },   { S_INIT("DELETE"), HTTP_DELETE },
	{ S_INIT("OPTIONS"), HTTP_OPTIONS },
};
enum { METHOD_LEN_MAX = 32 };

struct str http_method_name(enum http_method m)
{
	for (size_t i = 0; i < countof(methods); i++)
		if (methods[i].method == m)
			return methods[i].name;
	return S("");
}

static enum http_method method_of(struct str s)
{
	for (size_t i = 0; i < countof(methods); i++)
		if (s.len == methods[i].name.len && !memcmp(s.at, methods[i].name.at, s.len))
			return methods[i].method;
	return HTTP_OTHER;
}

static bool host_ok(struct str s)
{
	return all(s, C_HOST);
}

static void split_query(struct http_head *h, struct str s)
{
	size_t q = str_find_char(s, '?');
	h->path = q == SIZE_MAX ? s : str_sub(s, 0, q);
	h->query = q == SIZE_MAX ? S("") : str_skip(s, q + 1);
}

/* RFC 9112 section 3.2: origin, absolute and asterisk form; authority form is for proxies. */
static int parse_target(struct http_head *h)
{
	struct str t = h->target;
	if (t.at[0] == '/') {
		split_query(h, t);
		return 0;
	}
	if (t.len == 1 && t.at[0] == '*') {
		h->path = t;
		h->query = S("");
		return h->method == HTTP_OPTIONS ? 0 : 400;
	}
	size_t skip = str_eq_nocase(str_sub(t, 0, 7), S("http://"))    ? 7
		      : str_eq_nocase(str_sub(t, 0, 8), S("https://")) ? 8
								       : 0;
	if (!skip)
		return 400;
	t = str_skip(t, skip);
	size_t n = 0;
	while (n < t.len && t.at[n] != '/' && t.at[n] != '?')
		n++;
	h->host = str_sub(t, 0, n);
	if (!n || !host_ok(h->host))
		return 400;
	split_query(h, str_skip(t, n));
	if (!h->path.len)
		h->path = S("/");
	return 0;
}

static int parse_request_line(struct str line, struct http_head *h)
{
	size_t sp = str_find_char(line, ' ');
	if (sp == SIZE_MAX)
		return 400;
	h->method_text = str_sub(line, 0, sp);
	if (!http_is_token(h->method_text))
		return 400;
	if (sp > METHOD_LEN_MAX)
		return 501;
	h->method = method_of(h->method_text);
	line = str_skip(line, sp + 1);
	sp = str_find_char(line, ' ');
	if (sp == SIZE_MAX || !sp)
		return 400;
	h->target = str_sub(line, 0, sp);
	struct str version = str_skip(line, sp + 1);
	if (version.len != 8 || memcmp(version.at, "HTTP/", 5) || !is(version.at[5], C_DIGIT) ||
	    version.at[6] != '.' || !is(version.at[7], C_DIGIT))
		return 400;
	if (version.at[5] != '1' || version.at[7] > '1')
		return 505;
	h->http10 = version.at[7] == '0';
	return all(h->target, C_TARGET) ? 0 : 400;
}

static int parse_server_line(struct str line, struct http_head *h)
{
	int bad = parse_request_line(line, h);
	if (!bad && str_eq(h->method_text, S("CONNECT")))
		bad = 501;
	return bad ? bad : parse_target(h);
}

/* "HTTP/1.1 200 OK"; the number goes where a request keeps its method, the reason is the target. */
static int parse_status_line(struct str line, struct http_head *h)
{
	if (line.len < 12 || memcmp(line.at, "HTTP/1.", 7) || line.at[8] != ' ' ||
	    (line.at[7] != '0' && line.at[7] != '1') || (line.len > 12 && line.at[12] != ' '))
		return 400;
	h->http10 = line.at[7] == '0';
	h->method_text = str_sub(line, 9, 3);
	h->target = str_trim(str_skip(line, 12));
	if (!all(h->method_text, C_DIGIT) || line.at[9] == '0' || !all(h->target, C_VALUE))
		return 400;
	return 0;
}

/* --- header fields --- */

/* What must be counted while the fields go by. */
struct seen {
	int host, length, coding;
	struct str expect, te;
	bool close, keep;
};

static bool parse_length(struct str s, int64_t *out)
{
	if (!s.len || s.len > 18)
		return false;
	int64_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!is(s.at[i], C_DIGIT))
			return false;
		n = n * 10 + (s.at[i] - '0');
	}
	*out = n;
	return true;
}

static int note_field(struct http_head *h, struct seen *s, struct str name, struct str value)
{
	switch (name.len) {
	case 4:
		if (!str_eq_nocase(name, S("host")))
			break;
		if (s->host++ || !host_ok(value))
			return 400;
		if (!h->host.len)
			h->host = value;
		break;
	case 6:
		if (str_eq_nocase(name, S("expect")))
			s->expect = value;
		break;
	case 10:
		if (!str_eq_nocase(name, S("connection")))
			break;
		s->close |= http_list_has(value, S("close"));
		s->keep |= http_list_has(value, S("keep-alive"));
		break;
	case 14:
		if (!str_eq_nocase(name, S("content-length")))
			break;
		if (s->length++ || !parse_length(value, &h->body_length))
			return 400; /* twice is refused even when equal */
		break;
	case 17:
		if (!str_eq_nocase(name, S("transfer-encoding")))
			break;
		if (s->coding++)
			return 400;
		s->te = value;
		break;
	}
	return 0;
}

/* RFC 9112 section 6.1: chunked alone is what we do; it must be last and once. */
static int check_coding(struct http_head *h, const struct seen *s)
{
	if (h->http10 || s->length)
		return 400;
	if (str_eq_nocase(s->te, S("chunked"))) {
		h->body_length = -1;
		return 0;
	}
	size_t comma = str_rfind_char(s->te, ',');
	if (comma == SIZE_MAX)
		return 400;
	struct str last = str_trim(str_skip(s->te, comma + 1));
	if (!str_eq_nocase(last, S("chunked")) ||
	    http_list_has(str_sub(s->te, 0, comma), S("chunked")))
		return 400;
	return 501; /* a coding before chunked that we do not undo */
}

static int parse_field(struct str line, struct http_header *out)
{
	size_t i = 0;
	while (i < line.len && is(line.at[i], C_TOKEN))
		i++;
	/* Also catches obsolete folding (a leading blank) and a blank before the colon. */
	if (!i || i == line.len || line.at[i] != ':')
		return 400;
	out->name = str_sub(line, 0, i);
	size_t from = i + 1, to = line.len;
	while (from < to && (line.at[from] == ' ' || line.at[from] == '\t'))
		from++;
	while (to > from && (line.at[to - 1] == ' ' || line.at[to - 1] == '\t'))
		to--;
	out->value = str_of(line.at + from, to - from);
	return all(out->value, C_VALUE) ? 0 : 400;
}

/* Lines of a head: the first by `first`, the others as fields. */
static int parse_lines(const char *at, size_t len, int (*first)(struct str, struct http_head *),
		       struct http_header *headers, size_t headers_max, struct http_head *h,
		       struct seen *s)
{
	const char *end = at + len;
	bool begun = false;
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		if (!nl || nl == at || nl[-1] != '\r')
			return 400;
		struct str line = { at, (size_t)(nl - at) - 1 };
		at = nl + 1;
		if (!line.len) /* the empty line must be the last */
			break;
		int bad;
		if (!begun) {
			bad = first(line, h);
			begun = true;
		} else if (h->header_count == headers_max) {
			bad = 431;
		} else {
			struct http_header *f = &headers[h->header_count++];
			bad = parse_field(line, f);
			if (!bad)
				bad = note_field(h, s, f->name, f->value);
		}
		if (bad)
			return bad;
	}
	return begun && at == end ? 0 : 400;
}

static int finish_head(struct http_head *h, const struct seen *s)
{
	if (s->coding) {
		int bad = check_coding(h, s);
		if (bad)
			return bad;
	}
	if (!h->http10 && !s->host)
		return 400;
	h->keep_alive = h->http10 ? s->keep && !s->close : !s->close;
	if (s->expect.len && !h->http10) {
		if (!str_eq_nocase(s->expect, S("100-continue")))
			return 417;
		h->expect_continue = h->body_length != 0;
	}
	return 0;
}

static int parse_request(const char *at, size_t len, int (*first)(struct str, struct http_head *),
			 struct http_header *headers, size_t headers_max, struct http_head *out)
{
	struct http_head h = { 0 };
	struct seen s = { 0 };
	int bad = parse_lines(at, len, first, headers, headers_max, &h, &s);
	if (!bad)
		bad = finish_head(&h, &s);
	if (!bad)
		*out = h;
	return bad;
}

int http_parse_head(const char *at, size_t len, struct http_header *headers, size_t headers_max,
		    struct http_head *out)
{
	return parse_request(at, len, parse_server_line, headers, headers_max, out);
}

int http_parse_proxy_head(const char *at, size_t len, struct http_header *headers,
			  size_t headers_max, struct http_head *out)
{
	return parse_request(at, len, parse_request_line, headers, headers_max, out);
}

int http_parse_answer(const char *at, size_t len, struct http_header *headers, size_t headers_max,
		      struct http_answer *out)
{
	struct http_head h = { 0 };
	struct seen s = { 0 };
	if (parse_lines(at, len, parse_status_line, headers, headers_max, &h, &s) ||
	    (s.coding && check_coding(&h, &s)))
		return 400;
	const char *d = h.method_text.at;
	*out = (struct http_answer){
		.status = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'),
		.reason = h.target,
		.http10 = h.http10,
		.keep_alive = h.http10 ? s.keep && !s.close : !s.close,
		.body_length = s.coding ? -1 : s.length ? h.body_length : -2,
		.header_count = h.header_count,
	};
	return 0;
}

/* --- path --- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decodes one segment to `to`; SIZE_MAX for a broken or NUL escape. */
static size_t decode_segment(char *to, struct str seg)
{
	size_t n = 0;
	bool slash = false;
	for (size_t i = 0; i < seg.len; i++) {
		if (seg.at[i] != '%') {
			to[n++] = seg.at[i];
			continue;
		}
		int hi = i + 2 < seg.len ? hex(seg.at[i + 1]) : -1;
		int lo = i + 2 < seg.len ? hex(seg.at[i + 2]) : -1;
		if (hi < 0 || lo < 0 || !(hi | lo))
			return SIZE_MAX;
		char c = (char)(hi << 4 | lo);
		slash |= c == '/';
		to[n++] = c;
		i += 2;
	}
	if (slash) {
		memcpy(to, seg.at, seg.len);
		n = seg.len;
	}
	return n;
}

bool http_path_clean(struct arena *mem, struct str raw, struct str *out)
{
	/* Nearly always nothing is to be done: no escape, no segment that starts with a dot. */
	if (!memchr(raw.at, '%', raw.len) && !str_has(raw, S("/."))) {
		*out = raw;
		return true;
	}
	char *to = arena_text(mem, raw.len + 1);
	size_t n = 0;
	struct str rest = str_skip(raw, 1);
	for (bool more = true; more;) {
		size_t cut = str_find_char(rest, '/');
		struct str seg = cut == SIZE_MAX ? rest : str_sub(rest, 0, cut);
		more = cut != SIZE_MAX;
		rest = more ? str_skip(rest, cut + 1) : S("");
		to[n] = '/';
		size_t len = decode_segment(to + n + 1, seg);
		if (len == SIZE_MAX)
			return false;
		bool one = len == 1 && to[n + 1] == '.';
		bool two = len == 2 && to[n + 1] == '.' && to[n + 2] == '.';
		if (two)
			while (n && to[--n] != '/')
				;
		if (!one && !two)
			n += 1 + len;
		else if (!more)
			to[n++] = '/';
	}
	if (!n)
		to[n++] = '/';
	*out = str_of(to, n);
	return true;
}

/* --- chunked body --- */

/*
 *  SIZE -> (EXT) -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE ...
 *                      | size 0
 *                      v
 *                   LINE_START -> NAME -> VALUE -> LINE_LF -> LINE_START ... -> END_LF -> END
 */
enum {
	K_SIZE, K_EXT_BLANK, K_EXT, K_SIZE_LF, K_DATA, K_DATA_CR, K_DATA_LF, K_LINE_START, K_NAME,
	K_VALUE, K_LINE_LF, K_END_LF, K_END
};

static int step_size(struct http_chunks *k, char c)
{
	int v = hex(c);
	if (v >= 0) {
		if (++k->digits > 15) /* stays below 2^60 */
			return 400;
		k->left = k->left << 4 | (unsigned)v;
		return 0;
	}
	if (!k->digits)
		return 400;
	if (c == '\r')
		k->state = K_SIZE_LF;
	else if (c == ';')
		k->state = K_EXT;
	else if (c == ' ' || c == '\t')
		k->state = K_EXT_BLANK;
	else
		return 400;
	return 0;
}

static int step_ext(struct http_chunks *k, char c)
{
	if (++k->extra > HTTP_CHUNKS_EXTRA_MAX || ++k->ext > HTTP_CHUNKS_EXT_MAX)
		return 400;
	if (k->state == K_EXT_BLANK) { /* only before a semicolon */
		if (c == ';')
			k->state = K_EXT;
		return c == ';' || c == ' ' || c == '\t' ? 0 : 400;
	}
	if (c == '\r')
		k->state = K_SIZE_LF;
	else if (!is(c, C_VALUE))
		return 400;
	return 0;
}

static int step_trailer(struct http_chunks *k, char c)
{
	if (++k->extra > HTTP_CHUNKS_EXTRA_MAX)
		return 431;
	switch (k->state) {
	case K_LINE_START:
		k->state = c == '\r' ? K_END_LF : K_NAME;
		return c == '\r' || is(c, C_TOKEN) ? 0 : 400;
	case K_NAME:
		if (c == ':')
			k->state = K_VALUE;
		return c == ':' || is(c, C_TOKEN) ? 0 : 400;
	case K_VALUE:
		if (c == '\r')
			k->state = K_LINE_LF;
		return c == '\r' || is(c, C_VALUE) ? 0 : 400;
	default: /* K_LINE_LF */
		k->state = K_LINE_START;
		return c == '\n' ? 0 : 400;
	}
}

static int step(struct http_chunks *k, char c)
{
	switch (k->state) {
	case K_SIZE:
		return step_size(k, c);
	case K_EXT_BLANK:
	case K_EXT:
		return step_ext(k, c);
	case K_SIZE_LF:
		k->state = k->left ? K_DATA : K_LINE_START;
		return c == '\n' ? 0 : 400;
	case K_DATA_CR:
		k->state = K_DATA_LF;
		return c == '\r' ? 0 : 400;
	case K_DATA_LF:
		k->state = K_SIZE;
		k->digits = 0;
		k->ext = 0;
		return c == '\n' ? 0 : 400;
	case K_END_LF:
		k->state = K_END;
		return c == '\n' ? 0 : 400;
	default:
		return step_trailer(k, c);
	}
}

int http_chunks_next(struct http_chunks *k, const char *at, size_t len, size_t *used,
		     struct str *data)
{
	size_t i = 0;
	*used = 0;
	while (k->state != K_END) {
		if (i == len) {
			*used = i;
			return HTTP_CHUNKS_MORE;
		}
		if (k->state == K_DATA) {
			size_t n = MIN(k->left, len - i);
			*data = str_of(at + i, n);
			k->left -= n;
			if (!k->left)
				k->state = K_DATA_CR;
			*used = i + n;
			return HTTP_CHUNKS_DATA;
		}
		int bad = step(k, at[i++]);
		if (bad)
			return bad;
	}
	*used = i;
	return HTTP_CHUNKS_END;
}
