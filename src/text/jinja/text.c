/* SPDX-License-Identifier: Apache-2.0 */
/* text: what Python does with texts, for methods and filters. Positions are code points. */
#include <math.h>
#include <string.h>

#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

status text_escape(struct render *r, struct value v, struct value *out)
{
	struct str s;
	if (v.type == V_STR && v.safe) {
		*out = v;
		return 0;
	}
	if (val_str_of(r, v, &s))
		return -1;
	struct buf b = jinja_buf(r);
	for (size_t i = 0; i < s.len; i++) {
		switch (s.at[i]) {
		case '&':
			buf_puts(&b, "&amp;");
			break;
		case '<':
			buf_puts(&b, "&lt;");
			break;
		case '>':
			buf_puts(&b, "&gt;");
			break;
		case '\'':
			buf_puts(&b, "&#39;");
			break;
		case '"':
			buf_puts(&b, "&#34;");
			break;
		default:
			buf_putc(&b, s.at[i]);
		}
	}
	if (jinja_done(r, &b, out))
		return -1;
	out->safe = true;
	return 0;
}

status text_case(struct render *r, struct str s, int how, struct value *out)
{
	struct buf b = jinja_buf(r);
	bool cased = false;
	if (how != TEXT_UPPER && str_has(s, S("\xCE\xA3")))
		return jinja_unsupported("lower case of a sigma");
	for (size_t i = 0; i < s.len;) {
		bool first = i == 0;
		uint32_t c = utf8_next(s, &i);
		enum unicode_case to = UNICODE_TO_LOWER;
		if (how == TEXT_UPPER)
			to = UNICODE_TO_UPPER;
		else if (how == TEXT_SWAP && unicode_is(UNICODE_LOWER, c))
			to = UNICODE_TO_UPPER;
		else if ((how == TEXT_CAPITALIZE && first) || (how == TEXT_TITLE && !cased))
			to = UNICODE_TO_TITLE;
		if (how == TEXT_SWAP && !unicode_is(UNICODE_LOWER, c) && !unicode_is(UNICODE_UPPER, c)) {
			char bytes[4];
			buf_put(&b, str_of(bytes, utf8_put(bytes, c)));
		} else {
			unicode_put_case(&b, to, c);
		}
		cased = unicode_is_cased(c);
	}
	return jinja_done(r, &b, out);
}

size_t text_offset(struct str s, size_t n)
{
	return utf8_prefix(s, n);
}

static bool in_set(struct str chars, uint32_t c)
{
	for (size_t i = 0; i < chars.len;)
		if (utf8_next(chars, &i) == c)
			return true;
	return false;
}

struct str text_strip(struct str s, struct str chars, bool left, bool right)
{
	if (!chars.at) {
		if (left)
			s = unicode_trim_left(s);
		return right ? unicode_trim_right(s) : s;
	}
	for (size_t i = 0; left && s.len; i = 0) {
		if (!in_set(chars, utf8_next(s, &i)))
			break;
		s = str_skip(s, i);
	}
	for (size_t end = s.len; right && s.len; end = s.len) {
		if (!in_set(chars, unicode_before(s, &end)))
			break;
		s.len = end;
	}
	return s;
}

status text_replace(struct render *r, struct str s, struct replacement what, struct value *out)
{
	struct buf b = jinja_buf(r);
	int64_t count = what.count < 0 ? INT64_MAX : what.count;
	if (jinja_step(r, s.len / 16 + 1))
		return -1;
	if (!what.what.len) { /* between all characters, and at both ends */
		size_t i = 0;
		while (count-- > 0) {
			size_t from = i;
			buf_put(&b, what.by);
			if (i == s.len)
				break;
			utf8_next(s, &i);
			buf_put(&b, str_sub(s, from, i - from));
		}
		buf_put(&b, str_skip(s, i));
		return jinja_done(r, &b, out);
	}
	for (size_t at; count-- > 0 && !b.overflow && (at = str_find(s, what.what)) != SIZE_MAX;) {
		buf_put(&b, str_sub(s, 0, at));
		buf_put(&b, what.by);
		s = str_skip(s, at + what.what.len);
	}
	buf_put(&b, s);
	return jinja_done(r, &b, out);
}

/* The length of a line break here, 0 when there is none. */
static size_t line_break(struct str s, size_t at)
{
	size_t next = at;
	uint32_t c = utf8_next(s, &next);
	if (c == '\r' && next < s.len && s.at[next] == '\n')
		return 2;
	bool yes = (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
		   c == 0x2029;
	return yes ? next - at : 0;
}

status text_lines(struct render *r, struct str s, bool keep_ends, struct value *out)
{
	struct value list = val_new_list(r, V_LIST);
	size_t start = 0;
	if (jinja_step(r, s.len / 16))
		return -1;
	for (size_t i = 0; i < s.len;) {
		size_t n = line_break(s, i);
		if (!n) {
			utf8_next(s, &i);
			continue;
		}
		if (val_push(r, list.list, val_str(str_sub(s, start, i - start + (keep_ends ? n : 0)))))
			return -1;
		start = i += n;
	}
	if (start < s.len && val_push(r, list.list, val_str(str_skip(s, start))))
		return -1;
	*out = list;
	return 0;
}

/* --- numbers --- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* Takes the sign and a prefix that fits the base. */
static struct str number_body(struct str s, int *base, bool *minus, bool *ok)
{
	*minus = s.len && s.at[0] == '-';
	if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
		s = str_skip(s, 1);
	int prefix = 0;
	if (s.len > 1 && s.at[0] == '0') {
		char c = (char)(s.at[1] | 0x20);
		prefix = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
	}
	if (prefix && (*base == prefix || *base == 0)) {
		*base = prefix;
		s = str_skip(s, 2);
		if (s.len && s.at[0] == '_')
			s = str_skip(s, 1);
	} else if (*base == 0) {
		*base = 10;
		for (size_t i = 0; s.len && s.at[0] == '0' && i < s.len; i++)
			if (s.at[i] != '0' && s.at[i] != '_')
				*ok = false; /* 010 */
	}
	return s;
}

status text_to_int(struct render *r, struct str s, int base, struct value *out, bool *ok)
{
	bool minus, over = false;
	int64_t n = 0;
	(void)r;
	*ok = false;
	if (!str_is_ascii(s))
		return jinja_unsupported("int() of a text that is not ASCII");
	s = text_strip(s, str_of(NULL, 0), true, true);
	*ok = true;
	s = number_body(s, &base, &minus, ok);
	*ok = *ok && s.len > 0;
	for (size_t i = 0; i < s.len && *ok; i++) {
		if (s.at[i] == '_') {
			*ok = i > 0 && i + 1 < s.len && s.at[i + 1] != '_';
			continue;
		}
		int d = digit_of(s.at[i]);
		*ok = d < base;
		over |= *ok && (__builtin_mul_overflow(n, base, &n) ||
				(minus ? __builtin_sub_overflow(n, d, &n) : __builtin_add_overflow(n, d, &n)));
	}
	if (*ok && over)
		return jinja_unsupported("integers beyond 64 bits");
	*out = val_int(n);
	return 0;
}

bool text_to_float(struct str s, double *out)
{
	char plain[400];
	size_t n = 0;
	s = text_strip(s, str_of(NULL, 0), true, true);
	if (!s.len || s.len >= sizeof(plain))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool digits = i > 0 && i + 1 < s.len && digit_of(s.at[i - 1]) < 10 && digit_of(s.at[i + 1]) < 10;
		if (c == '_' && !digits)
			return false;
		if (c != '_')
			plain[n++] = c;
	}
	struct str text = str_of(plain, n), rest = text;
	if (rest.len && (rest.at[0] == '-' || rest.at[0] == '+'))
		rest = str_skip(rest, 1);
	bool minus = text.at[0] == '-';
	if (str_eq_nocase(rest, S("inf")) || str_eq_nocase(rest, S("infinity"))) {
		*out = minus ? -INFINITY : INFINITY;
		return true;
	}
	if (str_eq_nocase(rest, S("nan"))) {
		*out = NAN;
		return true;
	}
	if (!rest.len || (digit_of(rest.at[0]) > 9 && rest.at[0] != '.'))
		return false;
	for (size_t i = 0; i < rest.len; i++)
		if (!strchr("0123456789.eE+-", rest.at[i]))
			return false;
	/* The number reader may want digits on both sides of the point. */
	char full[420];
	size_t k = 0;
	for (size_t i = 0; i < rest.len; i++) {
		bool point = rest.at[i] == '.';
		if (point && (i == 0 || digit_of(rest.at[i - 1]) > 9)) {
			if (i + 1 >= rest.len || digit_of(rest.at[i + 1]) > 9)
				return false;
			full[k++] = '0';
		}
		full[k++] = rest.at[i];
		if (point && (i + 1 == rest.len || digit_of(rest.at[i + 1]) > 9))
			full[k++] = '0';
		if (k + 3 > sizeof(full))
			return false;
	}
	if (str_to_double(str_of(full, k), out)) {
		err_clear();
		return false;
	}
	*out = minus ? -*out : *out;
	return true;
}

/* --- padding --- */

status text_pad(struct render *r, struct str s, struct padding p, struct value *out)
{
	struct buf b;
	char bytes[4];
	struct str one = str_of(bytes, utf8_put(bytes, p.fill));
	int64_t len = (int64_t)utf8_count(s), pad = p.width - len;
	if (pad <= 0) {
		*out = val_str(s);
		return 0;
	}
	if (pad > (int64_t)r->limits->output_max)
		return err_set(ERR_TOO_LARGE, "a text of the template is longer than %zu bytes",
			       r->limits->output_max);
	int64_t left = p.where == PAD_LEFT ? pad : p.where == PAD_RIGHT ? 0 : pad / 2 + (pad & p.width & 1);
	b = jinja_buf(r);
	for (int64_t i = 0; i < left; i++)
		buf_put(&b, one);
	buf_put(&b, s);
	for (int64_t i = left; i < pad; i++)
		buf_put(&b, one);
	return jinja_done(r, &b, out);
}
