/* SPDX-License-Identifier: Apache-2.0 */
/* repair: a forgiving reader by recursive descent with a depth limit. See repair.h. */
#include "flow/repair.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { DEPTH_MAX = 64 };

struct reader {
	struct arena *mem;
	struct str s;
	size_t i;
	int depth;
};

static bool more(const struct reader *r)
{
	return r->i < r->s.len;
}

static char peek(const struct reader *r)
{
	return more(r) ? r->s.at[r->i] : '\0';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_line(struct reader *r)
{
	while (more(r) && peek(r) != '\n')
		r->i++;
}

/* White space and comments. */
static void skip(struct reader *r)
{
	for (;;) {
		struct str rest = str_skip(r->s, r->i);
		if (more(r) && blank(peek(r))) {
			r->i++;
		} else if (str_starts(rest, S("//"))) {
			skip_line(r);
		} else if (str_starts(rest, S("/*"))) {
			size_t end = str_find(rest, S("*/"));
			r->i += end == SIZE_MAX ? rest.len : end + 2;
		} else {
			return;
		}
	}
}

static struct json *value(struct reader *r);

/* Length in bytes of the quote mark at i: ' " or a curly one, else 0. */
static size_t quote_len(const struct reader *r, size_t i, uint32_t *mark)
{
	if (i >= r->s.len)
		return 0;
	size_t k = i;
	uint32_t c = utf8_next(r->s, &k);
	bool curly = c == 0x201C || c == 0x201D || c == 0x2018 || c == 0x2019;
	*mark = c;
	return c == '"' || c == '\'' || curly ? k - i : 0;
}

static uint32_t closing(uint32_t mark)
{
	return mark == 0x201C ? 0x201D : mark == 0x2018 ? 0x2019 : mark;
}

static int hex4(struct str s)
{
	int v = 0;
	for (size_t i = 0; i < 4; i++) {
		char c = i < s.len ? s.at[i] : 'x';
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static void put_code(struct buf *b, uint32_t code)
{
	char out[4];
	size_t n = utf8_put(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
	buf_put(b, str_of(out, n));
}

static void escape(struct reader *r, struct buf *b)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = peek(r);
	int code = c == 'u' ? hex4(str_skip(r->s, r->i + 1)) : -1;
	if (code >= 0) {
		r->i += 5;
		int low = code >= 0xD800 && code < 0xDC00 && str_starts(str_skip(r->s, r->i), S("\\u")) ?
				  hex4(str_skip(r->s, r->i + 2)) : -1;
		if (low >= 0xDC00 && low < 0xE000) {
			r->i += 6;
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		}
		put_code(b, (uint32_t)code);
		return;
	}
	if (!more(r))
		return;
	r->i++;
	for (size_t k = 0; k < sizeof(from) - 1; k++)
		if (from[k] == c)
			c = to[k];
	buf_putc(b, c);
}

/* A quote mark ends the text when what follows could follow a text. */
static bool ends_text(const struct reader *r, size_t after)
{
	while (after < r->s.len && blank(r->s.at[after]))
		after++;
	if (after >= r->s.len)
		return true;
	char c = r->s.at[after];
	return c == ',' || c == ':' || c == '}' || c == ']' || c == '/' || c == '"' || c == '\'' || c == '`';
}

static struct json *quoted(struct reader *r)
{
	uint32_t mark, c;
	r->i += quote_len(r, r->i, &mark);
	uint32_t end = closing(mark);
	struct buf b = buf_make(r->mem, 0);
	while (more(r)) {
		size_t n = quote_len(r, r->i, &c);
		if (n && c == end && ends_text(r, r->i + n)) {
			r->i += n;
			break;
		}
		if (peek(r) == '\\') {
			r->i++;
			escape(r, &b);
		} else {
			buf_putc(&b, peek(r));
			r->i++;
		}
	}
	return json_str(r->mem, buf_str(&b));
}

static bool ends_word(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ':' || c == '\n' || c == '"' || c == '{' || c == '[';
}

/* A comment behind a bare word; without the blank it is part of an address. */
static bool comment_here(const struct reader *r)
{
	struct str rest = str_skip(r->s, r->i);
	return r->i && blank(r->s.at[r->i - 1]) && (str_starts(rest, S("//")) || str_starts(rest, S("/*")));
}

/* true, None, 12, .5, or any bare text up to the next mark. */
static struct json *word(struct reader *r)
{
	size_t from = r->i;
	while (more(r) && !ends_word(peek(r)) && !comment_here(r))
		r->i++;
	struct str w = str_trim(str_sub(r->s, from, r->i - from));
	int64_t n;
	double d;
	if (str_eq_nocase(w, S("true")))
		return json_bool(r->mem, true);
	if (str_eq_nocase(w, S("false")))
		return json_bool(r->mem, false);
	if (!w.len || str_eq_nocase(w, S("null")) || str_eq_nocase(w, S("none")) ||
	    str_eq_nocase(w, S("undefined")) || str_eq_nocase(w, S("nan")))
		return json_null(r->mem);
	if (str_to_i64(w, &n) == 0)
		return json_int(r->mem, n);
	if (str_to_double(w, &d) == 0)
		return json_float(r->mem, d);
	return json_str(r->mem, w);
}

static struct str name_of(struct reader *r)
{
	uint32_t mark;
	if (quote_len(r, r->i, &mark))
		return json_as_str(quoted(r), S(""));
	size_t from = r->i;
	while (more(r) && !ends_word(peek(r)))
		r->i++;
	return str_trim(str_sub(r->s, from, r->i - from));
}

static struct json *object(struct reader *r)
{
	struct json *o = json_obj(r->mem);
	r->i++;
	for (;;) {
		skip(r);
		if (!more(r) || peek(r) == ']')
			return o; /* a closing bracket of the wrong kind belongs further out */
		if (peek(r) == '}') {
			r->i++;
			return o;
		}
		if (peek(r) == ',' || peek(r) == ':') {
			r->i++;
			continue;
		}
		size_t before = r->i;
		struct str name = name_of(r);
		skip(r);
		struct json *v = NULL;
		if (peek(r) == ':') {
			r->i++;
			skip(r);
			v = value(r);
		}
		if (r->i == before)
			r->i++; /* something that is neither: step over it */
		else if (name.len || v)
			json_set(r->mem, o, name, v);
	}
}

static struct json *array(struct reader *r)
{
	struct json *a = json_arr(r->mem);
	r->i++;
	for (;;) {
		skip(r);
		if (!more(r) || peek(r) == '}')
			return a;
		if (peek(r) == ']') {
			r->i++;
			return a;
		}
		if (peek(r) == ',') {
			r->i++;
			continue;
		}
		size_t before = r->i;
		struct json *v = value(r);
		if (r->i == before)
			r->i++;
		else
			json_push(r->mem, a, v);
	}
}

static struct json *value(struct reader *r)
{
	uint32_t mark;
	struct json *v;
	skip(r);
	if (r->depth >= DEPTH_MAX) {
		r->i = r->s.len;
		return json_null(r->mem);
	}
	r->depth++;
	if (peek(r) == '{')
		v = object(r);
	else if (peek(r) == '[')
		v = array(r);
	else if (quote_len(r, r->i, &mark))
		v = quoted(r);
	else if (peek(r) == '}' || peek(r) == ']' || peek(r) == ',')
		v = json_null(r->mem);
	else
		v = word(r);
	r->depth--;
	return v;
}

/* What stands between fences, when there are some. */
static struct str unfence(struct str s)
{
	size_t open = str_find(s, S("```"));
	if (open == SIZE_MAX || str_find_char(str_sub(s, 0, open), '{') != SIZE_MAX)
		return s;
	struct str in = str_skip(s, open + 3);
	size_t line = str_find_char(in, '\n');
	size_t brace = str_find_char(in, '{'), bracket = str_find_char(in, '[');
	if (line != SIZE_MAX && line < MIN(brace, bracket))
		in = str_skip(in, line + 1);
	return in;
}

status json_repair(struct arena *mem, struct str text, struct json **out)
{
	struct str s = str_trim(text);
	if (json_parse(mem, s, out) == 0)
		return 0;
	s = unfence(s);
	size_t brace = str_find_char(s, '{'), bracket = str_find_char(s, '[');
	size_t from = MIN(brace, bracket);
	if (from == SIZE_MAX)
		return err_set(ERR_INVALID, "no JSON object or array in the text");
	struct reader r = { .mem = mem, .s = s, .i = from };
	*out = value(&r);
	err_clear();
	return 0;
}
