/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method_str: the methods of str. Rows without a function exist in Python and go to the real
 * package, as do arguments of other kinds than these expect.
 */
#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

bool method_str(const struct args *a, size_t i, struct str *out)
{
	if (i >= a->len || a->at[i].type != V_STR || a->at[i].safe)
		return false;
	*out = a->at[i].text.at ? a->at[i].text : S("");
	return true;
}

bool method_int(const struct args *a, size_t i, int64_t fallback, int64_t *out)
{
	*out = fallback;
	if (i >= a->len || a->at[i].type == V_MISSING)
		return true;
	if (!val_is_int(a->at[i]))
		return false;
	*out = val_integer(a->at[i]);
	return true;
}

status method_refuse(const char *name)
{
	return jinja_unsupported("these arguments of '%s'", name);
}

/* --- case --- */

#define CASE_METHOD(name, how)                                                                     \
	static status name(struct render *r, struct value self, struct args *a, struct value *out) \
	{                                                                                          \
		(void)a;                                                                           \
		return text_case(r, self.text, how, out);                                          \
	}
CASE_METHOD(str_upper, TEXT_UPPER)
CASE_METHOD(str_lower, TEXT_LOWER)
CASE_METHOD(str_title, TEXT_TITLE)
CASE_METHOD(str_capitalize, TEXT_CAPITALIZE)
CASE_METHOD(str_swapcase, TEXT_SWAP)

static status str_casefold(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	if (!str_is_ascii(self.text))
		return jinja_unsupported("casefold() beyond ASCII");
	return text_case(r, self.text, TEXT_LOWER, out);
}

/* --- strip --- */

static status strip(struct value self, struct args *a, bool left, bool right, struct value *out)
{
	struct str chars = str_of(NULL, 0);
	if (a->len && a->at[0].type != V_NONE && !method_str(a, 0, &chars))
		return method_refuse("strip");
	*out = val_str(text_strip(self.text, chars, left, right));
	return 0;
}

static status str_strip(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_step(r, self.text.len / 16) || strip(self, a, true, true, out) ? -1 : 0;
}

static status str_lstrip(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_step(r, self.text.len / 16) || strip(self, a, true, false, out) ? -1 : 0;
}

static status str_rstrip(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_step(r, self.text.len / 16) || strip(self, a, false, true, out) ? -1 : 0;
}

/* --- split and join --- */

static status split_space(struct render *r, struct str s, int64_t most, bool right, struct list *to)
{
	for (;;) {
		s = text_strip(s, str_of(NULL, 0), !right, right);
		if (!s.len)
			return 0;
		if (most-- == 0)
			break;
		size_t at = right ? s.len : 0, from = at;
		while (right ? at > 0 : at < s.len) {
			from = at;
			if (unicode_is(UNICODE_SPACE, right ? unicode_before(s, &at) : utf8_next(s, &at)))
				break;
			from = at;
		}
		struct str word = right ? str_skip(s, from) : str_sub(s, 0, from);
		if (val_push(r, to, val_str(word)) || jinja_step(r, word.len / 16 + 1))
			return -1;
		s = right ? str_sub(s, 0, from) : str_skip(s, from);
	}
	/* The rest keeps the white space at its far end. */
	return val_push(r, to, val_str(s));
}

static size_t rfind(struct str s, struct str what)
{
	for (size_t at = s.len - what.len + 1; s.len >= what.len && at-- > 0;)
		if (str_starts(str_skip(s, at), what))
			return at;
	return SIZE_MAX;
}

static status split_by(struct render *r, struct str s, struct str sep, int64_t most, struct list *to)
{
	for (size_t at; most-- != 0 && (at = str_find(s, sep)) != SIZE_MAX; s = str_skip(s, at + sep.len))
		if (val_push(r, to, val_str(str_sub(s, 0, at))) || jinja_step(r, at / 16 + 1))
			return -1;
	return val_push(r, to, val_str(s));
}

static status rsplit_by(struct render *r, struct str s, struct str sep, int64_t most, struct list *to)
{
	for (size_t at; most-- != 0 && (at = rfind(s, sep)) != SIZE_MAX; s = str_sub(s, 0, at))
		if (val_push(r, to, val_str(str_skip(s, at + sep.len))) || jinja_step(r, s.len / 16 + 1))
			return -1;
	return val_push(r, to, val_str(s));
}

static status split(struct render *r, struct value self, struct args *a, bool right, struct value *out)
{
	struct value list = val_new_list(r, V_LIST);
	struct str sep = S("");
	int64_t most;
	bool space = !a->len || a->at[0].type == V_NONE || a->at[0].type == V_MISSING;
	status st;
	if ((!space && !method_str(a, 0, &sep)) || !method_int(a, 1, -1, &most))
		return method_refuse("split");
	if (!space && !sep.len)
		return jinja_fail(r, "ValueError", "empty separator");
	if (space)
		st = split_space(r, self.text, most, right, list.list);
	else
		st = right ? rsplit_by(r, self.text, sep, most, list.list)
			   : split_by(r, self.text, sep, most, list.list);
	for (size_t i = 0, n = list.list->len; right && i < n / 2; i++) {
		struct value v = list.list->at[i];
		list.list->at[i] = list.list->at[n - 1 - i];
		list.list->at[n - 1 - i] = v;
	}
	*out = list;
	return st;
}

static status str_split(struct render *r, struct value self, struct args *a, struct value *out)
{
	return split(r, self, a, false, out);
}

static status str_rsplit(struct render *r, struct value self, struct args *a, struct value *out)
{
	return split(r, self, a, true, out);
}

static status str_splitlines(struct render *r, struct value self, struct args *a, struct value *out)
{
	if (a->len && val_given(a->at[0]) && !val_is_int(a->at[0]))
		return jinja_fail(r, "TypeError", "'%s' object cannot be interpreted as an integer",
				  val_short_name(a->at[0]));
	return text_lines(r, self.text, a->len && val_truth(a->at[0]), out);
}

static status str_join(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct cursor c;
	struct value v;
	bool got;
	if (!val_iterable(a->at[0]))
		return jinja_fail(r, "TypeError", "can only join an iterable");
	if (val_iterate(r, a->at[0], &c))
		return -1;
	for (size_t i = 0;; i++) {
		if (val_next(r, &c, &v, &got))
			return -1;
		if (!got)
			return jinja_done(r, &b, out);
		if (v.type != V_STR)
			return jinja_fail(r, "TypeError", "sequence item %zu: expected str instance, %s found", i,
					  val_short_name(v));
		if (i)
			buf_put(&b, self.text);
		buf_put(&b, v.text);
	}
}

static status partition(struct render *r, struct value self, struct args *a, bool right, struct value *out)
{
	struct value t = val_new_list(r, V_TUPLE);
	struct str sep, s = self.text, parts[3];
	if (!method_str(a, 0, &sep))
		return method_refuse("partition");
	if (!sep.len)
		return jinja_fail(r, "ValueError", "empty separator");
	size_t at = right ? rfind(s, sep) : str_find(s, sep);
	if (at == SIZE_MAX) {
		parts[0] = right ? S("") : s;
		parts[1] = S("");
		parts[2] = right ? s : S("");
	} else {
		parts[0] = str_sub(s, 0, at);
		parts[1] = sep;
		parts[2] = str_skip(s, at + sep.len);
	}
	for (int i = 0; i < 3; i++)
		if (val_push(r, t.list, val_str(parts[i])))
			return -1;
	*out = t;
	return jinja_step(r, s.len / 16);
}

static status str_partition(struct render *r, struct value self, struct args *a, struct value *out)
{
	return partition(r, self, a, false, out);
}

static status str_rpartition(struct render *r, struct value self, struct args *a, struct value *out)
{
	return partition(r, self, a, true, out);
}

/* --- find --- */

/* As in slices, None is no bound. */
static bool bound(const struct args *a, size_t i, int64_t fallback, int64_t *out)
{
	*out = fallback;
	return (i < a->len && a->at[i].type == V_NONE) || method_int(a, i, fallback, out);
}

/* text[start:end] for the arguments behind the first. */
struct window {
	struct str text;
	int64_t offset; /* where it begins */
	bool outside;	/* nothing is found there, not even an empty text */
};

static bool window(struct str s, const struct args *a, struct window *out)
{
	int64_t n = (int64_t)utf8_count(s), start, end;
	if (!bound(a, 1, 0, &start) || !bound(a, 2, n, &end))
		return false;
	if (start < 0)
		start = MAX(start + n, 0);
	if (end < 0)
		end = MAX(end + n, 0);
	end = MIN(end, n);
	out->outside = start > n || start > end;
	out->offset = start;
	struct str rest = out->outside ? S("") : str_skip(s, text_offset(s, (size_t)start));
	out->text = out->outside ? rest : str_sub(rest, 0, text_offset(rest, (size_t)(end - start)));
	return true;
}

static status find(struct render *r, struct value self, struct args *a, bool right, struct value *out)
{
	struct window in;
	struct str what;
	if (!method_str(a, 0, &what) || !window(self.text, a, &in))
		return method_refuse("find");
	size_t at = in.outside ? SIZE_MAX : right ? rfind(in.text, what) : str_find(in.text, what);
	*out = val_int(at == SIZE_MAX ? -1 : in.offset + (int64_t)utf8_count(str_sub(in.text, 0, at)));
	return jinja_step(r, self.text.len / 16);
}

static status str_find_method(struct render *r, struct value self, struct args *a, struct value *out)
{
	return find(r, self, a, false, out);
}

static status str_rfind(struct render *r, struct value self, struct args *a, struct value *out)
{
	return find(r, self, a, true, out);
}

static status index_or_fail(struct render *r, struct value self, struct args *a, bool right,
			    struct value *out)
{
	if (find(r, self, a, right, out))
		return -1;
	return out->integer < 0 ? jinja_fail(r, "ValueError", "substring not found") : 0;
}

static status str_index(struct render *r, struct value self, struct args *a, struct value *out)
{
	return index_or_fail(r, self, a, false, out);
}

static status str_rindex(struct render *r, struct value self, struct args *a, struct value *out)
{
	return index_or_fail(r, self, a, true, out);
}

static status str_count(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct window in;
	struct str what;
	int64_t n = 0;
	if (!method_str(a, 0, &what) || !window(self.text, a, &in))
		return method_refuse("count");
	if (!in.outside && !what.len)
		n = (int64_t)utf8_count(in.text) + 1;
	for (size_t at; !in.outside && what.len && (at = str_find(in.text, what)) != SIZE_MAX; n++)
		in.text = str_skip(in.text, at + what.len);
	*out = val_int(n);
	return jinja_step(r, self.text.len / 16);
}

static status affix(struct value self, struct args *a, bool end, struct value *out)
{
	struct window in;
	struct str what;
	bool yes = false;
	struct args one = *a;
	if (!window(self.text, a, &in))
		return method_refuse("startswith");
	if (a->at[0].type == V_TUPLE) {
		one.at = a->at[0].list->at;
		one.len = a->at[0].list->len;
	} else {
		one.len = 1;
	}
	for (size_t i = 0; i < one.len && !yes; i++) {
		if (!method_str(&one, i, &what))
			return method_refuse("startswith");
		yes = !in.outside && (end ? str_ends(in.text, what) : str_starts(in.text, what));
	}
	*out = val_bool(yes);
	return 0;
}

static status str_startswith(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_step(r, self.text.len / 64) || affix(self, a, false, out) ? -1 : 0;
}

static status str_endswith(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_step(r, self.text.len / 64) || affix(self, a, true, out) ? -1 : 0;
}

/* --- change --- */

static status str_replace(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct replacement p;
	if (!method_str(a, 0, &p.what) || !method_str(a, 1, &p.by) || !method_int(a, 2, -1, &p.count))
		return method_refuse("replace");
	return text_replace(r, self.text, p, out);
}

static status str_removeprefix(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct str what;
	(void)r;
	if (!method_str(a, 0, &what))
		return method_refuse("removeprefix");
	*out = val_str(str_starts(self.text, what) ? str_skip(self.text, what.len) : self.text);
	return 0;
}

static status str_removesuffix(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct str what, s = self.text;
	(void)r;
	if (!method_str(a, 0, &what))
		return method_refuse("removesuffix");
	*out = val_str(str_ends(s, what) ? str_sub(s, 0, s.len - what.len) : s);
	return 0;
}

static status pad(struct render *r, struct value self, struct args *a, int how, struct value *out)
{
	struct str fill = S(" ");
	struct padding p = { .where = how };
	size_t at = 0;
	if (a->len < 1 || !val_is_int(a->at[0]) || !method_int(a, 0, 0, &p.width) ||
	    (a->len > 1 && (!method_str(a, 1, &fill) || utf8_count(fill) != 1)))
		return method_refuse("center");
	p.fill = utf8_next(fill, &at);
	return text_pad(r, self.text, p, out);
}

static status str_center(struct render *r, struct value self, struct args *a, struct value *out)
{
	return pad(r, self, a, PAD_CENTER, out);
}

static status str_ljust(struct render *r, struct value self, struct args *a, struct value *out)
{
	return pad(r, self, a, PAD_RIGHT, out);
}

static status str_rjust(struct render *r, struct value self, struct args *a, struct value *out)
{
	return pad(r, self, a, PAD_LEFT, out);
}

static status str_zfill(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct str s = self.text;
	struct value digits;
	int64_t width;
	if (!val_is_int(a->at[0]) || !method_int(a, 0, 0, &width))
		return method_refuse("zfill");
	bool sign = s.len && (s.at[0] == '-' || s.at[0] == '+');
	if (!sign)
		return text_pad(r, s, (struct padding){ width, '0', PAD_LEFT }, out);
	if (text_pad(r, str_skip(s, 1), (struct padding){ width - 1, '0', PAD_LEFT }, &digits))
		return -1;
	*out = val_str(arena_printf(r->mem, "%c%.*s", s.at[0], STR(digits.text)));
	return 0;
}

static status str_expandtabs(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct buf b = jinja_buf(r);
	int64_t tab, column = 0;
	if (!method_int(a, 0, 8, &tab) || tab > 1000)
		return method_refuse("expandtabs");
	for (size_t i = 0; i < self.text.len;) {
		size_t from = i;
		uint32_t c = utf8_next(self.text, &i);
		if (c == '\t') {
			for (int64_t n = tab > 0 ? tab - column % tab : 0; n > 0; n--, column++)
				buf_putc(&b, ' ');
			continue;
		}
		buf_put(&b, str_sub(self.text, from, i - from));
		column = c == '\n' || c == '\r' ? 0 : column + 1;
	}
	return jinja_done(r, &b, out);
}

/* --- questions --- */

/* All characters are so, and there is one. */
static struct value all_are(struct str s, bool (*is)(uint32_t))
{
	for (size_t i = 0; i < s.len;)
		if (!is(utf8_next(s, &i)))
			return val_bool(false);
	return val_bool(s.len > 0);
}

static bool is_alpha(uint32_t c)
{
	return unicode_is(UNICODE_ALPHA, c);
}

static bool is_digit(uint32_t c)
{
	return unicode_is(UNICODE_DIGIT, c);
}

static bool is_decimal(uint32_t c)
{
	return unicode_is(UNICODE_DECIMAL, c);
}

static bool is_numeric(uint32_t c)
{
	return unicode_is(UNICODE_NUMERIC, c);
}

static bool is_space(uint32_t c)
{
	return unicode_is(UNICODE_SPACE, c);
}

#define ALL_METHOD(name, is)                                                                       \
	static status name(struct render *r, struct value self, struct args *a, struct value *out) \
	{                                                                                          \
		(void)a;                                                                           \
		*out = all_are(self.text, is);                                                     \
		return jinja_step(r, self.text.len / 16);                                          \
	}
ALL_METHOD(str_isalpha, is_alpha)
ALL_METHOD(str_isdigit, is_digit)
ALL_METHOD(str_isdecimal, is_decimal)
ALL_METHOD(str_isnumeric, is_numeric)
ALL_METHOD(str_isspace, is_space)
ALL_METHOD(str_isalnum, unicode_is_alnum)

static status str_isascii(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = val_bool(str_is_ascii(self.text));
	return jinja_step(r, self.text.len / 64);
}

/* Some cased characters, and none of the other case. */
static struct value all_cased(struct str s, enum unicode_kind want, enum unicode_kind other)
{
	bool any = false;
	for (size_t i = 0; i < s.len;) {
		uint32_t c = utf8_next(s, &i);
		if (unicode_is(other, c) || unicode_is(UNICODE_TITLE, c))
			return val_bool(false);
		any |= unicode_is(want, c);
	}
	return val_bool(any);
}

static status str_islower(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = all_cased(self.text, UNICODE_LOWER, UNICODE_UPPER);
	return jinja_step(r, self.text.len / 16);
}

static status str_isupper(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = all_cased(self.text, UNICODE_UPPER, UNICODE_LOWER);
	return jinja_step(r, self.text.len / 16);
}

static status str_istitle(struct render *r, struct value self, struct args *a, struct value *out)
{
	bool any = false, cased = false, ok = true;
	(void)a;
	for (size_t i = 0; i < self.text.len && ok;) {
		uint32_t c = utf8_next(self.text, &i);
		bool big = unicode_is(UNICODE_UPPER, c) || unicode_is(UNICODE_TITLE, c);
		bool small = unicode_is(UNICODE_LOWER, c);
		ok = !(big && cased) && !(small && !cased);
		cased = big || small;
		any |= cased;
	}
	*out = val_bool(any && ok);
	return jinja_step(r, self.text.len / 16);
}

static status str_isidentifier(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	if (!str_is_ascii(self.text))
		return jinja_unsupported("isidentifier() beyond ASCII");
	bool ok = self.text.len > 0 && !is_digit((unsigned char)self.text.at[0]);
	for (size_t i = 0; i < self.text.len; i++)
		ok = ok && unicode_is(UNICODE_NAME, (unsigned char)self.text.at[i]);
	*out = val_bool(ok);
	return 0;
}

static status str_format(struct render *r, struct value self, struct args *a, struct value *out)
{
	return jinja_format_braces(r, self.text, a, out);
}

const struct method_row jinja_str_methods[] = {
	{ "upper", str_upper, 0, 0, NULL, MARKUP_STAYS },
	{ "lower", str_lower, 0, 0, NULL, MARKUP_STAYS },
	{ "title", str_title, 0, 0, NULL, MARKUP_STAYS },
	{ "capitalize", str_capitalize, 0, 0, NULL, MARKUP_STAYS },
	{ "swapcase", str_swapcase, 0, 0, NULL, MARKUP_STAYS },
	{ "casefold", str_casefold, 0, 0, NULL, MARKUP_NOT },
	{ "strip", str_strip, 0, 1, NULL, MARKUP_STAYS },
	{ "lstrip", str_lstrip, 0, 1, NULL, MARKUP_STAYS },
	{ "rstrip", str_rstrip, 0, 1, NULL, MARKUP_STAYS },
	{ "split", str_split, 0, 2, "sep= maxsplit=", MARKUP_NOT },
	{ "rsplit", str_rsplit, 0, 2, "sep= maxsplit=", MARKUP_NOT },
	{ "splitlines", str_splitlines, 0, 1, "keepends=", MARKUP_NOT },
	{ "join", str_join, 1, 1, NULL, MARKUP_NOT },
	{ "partition", str_partition, 1, 1, NULL, MARKUP_NOT },
	{ "rpartition", str_rpartition, 1, 1, NULL, MARKUP_NOT },
	{ "find", str_find_method, 1, 3, NULL, MARKUP_PLAIN },
	{ "rfind", str_rfind, 1, 3, NULL, MARKUP_PLAIN },
	{ "index", str_index, 1, 3, NULL, MARKUP_PLAIN },
	{ "rindex", str_rindex, 1, 3, NULL, MARKUP_PLAIN },
	{ "count", str_count, 1, 3, NULL, MARKUP_PLAIN },
	{ "startswith", str_startswith, 1, 3, NULL, MARKUP_PLAIN },
	{ "endswith", str_endswith, 1, 3, NULL, MARKUP_PLAIN },
	{ "replace", str_replace, 2, 3, NULL, MARKUP_NOT },
	{ "removeprefix", str_removeprefix, 1, 1, NULL, MARKUP_NOT },
	{ "removesuffix", str_removesuffix, 1, 1, NULL, MARKUP_NOT },
	{ "center", str_center, 1, 2, NULL, MARKUP_NOT },
	{ "ljust", str_ljust, 1, 2, NULL, MARKUP_NOT },
	{ "rjust", str_rjust, 1, 2, NULL, MARKUP_NOT },
	{ "zfill", str_zfill, 1, 1, NULL, MARKUP_STAYS },
	{ "expandtabs", str_expandtabs, 0, 1, "tabsize=", MARKUP_STAYS },
	{ "isalpha", str_isalpha, 0, 0, NULL, MARKUP_PLAIN },
	{ "isalnum", str_isalnum, 0, 0, NULL, MARKUP_PLAIN },
	{ "isdigit", str_isdigit, 0, 0, NULL, MARKUP_PLAIN },
	{ "isdecimal", str_isdecimal, 0, 0, NULL, MARKUP_PLAIN },
	{ "isnumeric", str_isnumeric, 0, 0, NULL, MARKUP_PLAIN },
	{ "isspace", str_isspace, 0, 0, NULL, MARKUP_PLAIN },
	{ "isascii", str_isascii, 0, 0, NULL, MARKUP_PLAIN },
	{ "islower", str_islower, 0, 0, NULL, MARKUP_PLAIN },
	{ "isupper", str_isupper, 0, 0, NULL, MARKUP_PLAIN },
	{ "istitle", str_istitle, 0, 0, NULL, MARKUP_PLAIN },
	{ "isidentifier", str_isidentifier, 0, 0, NULL, MARKUP_PLAIN },
	{ "format", str_format, 0, -1, NULL, MARKUP_NOT },
	{ .name = "isprintable" },
	{ .name = "format_map" },
	{ .name = "encode" },
	{ .name = "maketrans" },
	{ .name = "translate" },
	{ .name = "striptags" }, /* of a Markup, as are those below */
	{ .name = "unescape" },
	{ .name = "escape" },
	{ .name = NULL },
};
