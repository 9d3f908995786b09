/* SPDX-License-Identifier: Apache-2.0 */
/* filter_text: filters that make texts. */
#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

#include <string.h>

status filter_soft(struct render *r, struct value v, struct value *out)
{
	struct str s;
	if (v.type == V_STR) {
		*out = v;
		return 0;
	}
	if (val_str_of(r, v, &s))
		return -1;
	*out = val_str(s);
	return 0;
}

static status wrong(const char *name)
{
	return jinja_unsupported("these arguments of the filter '%s'", name);
}

static bool int_arg(struct value v, int64_t fallback, int64_t *out)
{
	*out = fallback;
	if (!val_given(v))
		return true;
	*out = val_is_int(v) ? val_integer(v) : 0;
	return val_is_int(v);
}

status filter_center(struct render *r, struct value *v, struct value *out)
{
	int64_t width;
	if (!int_arg(v[1], 80, &width))
		return wrong("center");
	if (filter_soft(r, v[0], &v[0]) || text_pad(r, v[0].text, (struct padding){ width, ' ', PAD_CENTER }, out))
		return -1;
	out->safe = v[0].safe;
	return 0;
}

status filter_trim(struct render *r, struct value *v, struct value *out)
{
	struct str chars = str_of(NULL, 0);
	if (val_given(v[1]) && v[1].type != V_NONE) {
		if (v[1].type != V_STR)
			return wrong("trim");
		chars = v[1].text.at ? v[1].text : S("");
	}
	if (filter_soft(r, v[0], &v[0]))
		return -1;
	*out = v[0];
	out->text = text_strip(v[0].text, chars, true, true);
	return jinja_step(r, v[0].text.len / 16);
}

/* Words begin after white space, a dash or an opening bracket: other rules than str.title(). */
status filter_title(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct str s;
	bool begin = true;
	if (val_str_of(r, v[0], &s))
		return -1;
	if (str_has(s, S("\xCE\xA3")))
		return jinja_unsupported("lower case of a sigma");
	for (size_t i = 0; i < s.len;) {
		uint32_t c = utf8_next(s, &i);
		bool between = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' ||
			       unicode_is(UNICODE_SPACE, c);
		unicode_put_case(&b, begin && !between ? UNICODE_TO_UPPER : UNICODE_TO_LOWER, c);
		begin = between;
	}
	return jinja_done(r, &b, out);
}

status filter_replace(struct render *r, struct value *v, struct value *out)
{
	struct replacement p;
	struct str s;
	if (val_given(v[3]) && v[3].type == V_NONE)
		v[3] = (struct value){ V_MISSING };
	if (!int_arg(v[3], -1, &p.count))
		return wrong("replace");
	if (val_str_of(r, v[0], &s) || val_str_of(r, v[1], &p.what) || val_str_of(r, v[2], &p.by))
		return -1;
	return text_replace(r, s, p, out);
}

status filter_truncate(struct render *r, struct value *v, struct value *out)
{
	int64_t n, length, leeway;
	struct str end = S("..."), s = v[0].text, head;
	if (val_given(v[4]) && v[4].type == V_NONE)
		v[4] = (struct value){ V_MISSING };
	if (v[1].type == V_BOOL || !int_arg(v[1], 255, &length) || !int_arg(v[4], 5, &leeway) ||
	    (val_given(v[3]) && v[3].type != V_STR))
		return wrong("truncate");
	if (val_given(v[3]))
		end = v[3].text;
	int64_t end_len = (int64_t)utf8_count(end);
	if (length < end_len)
		return jinja_fail(r, "AssertionError", "expected length >= %lld, got %lld", (long long)end_len,
				  (long long)length);
	if (leeway < 0)
		return jinja_fail(r, "AssertionError", "expected leeway >= 0, got %lld", (long long)leeway);
	if (val_length(r, v[0], &n))
		return -1;
	if (n <= length + leeway) {
		*out = v[0];
		return 0;
	}
	if (v[0].type != V_STR || v[0].safe)
		return wrong("truncate");
	head = str_sub(s, 0, text_offset(s, (size_t)(length - end_len)));
	if (!filter_flag(v[2], false)) {
		size_t blank = str_rfind_char(head, ' ');
		head = blank == SIZE_MAX ? head : str_sub(head, 0, blank);
	}
	*out = val_str(arena_printf(r->mem, "%.*s%.*s", STR(head), STR(end)));
	return jinja_charge(r, head.len);
}

/* What stands in front of each line: a text, or so many blanks. */
static status indent_lead(struct render *r, struct value v, struct buf *lead)
{
	int64_t width;
	if (v.type == V_STR) {
		buf_put(lead, v.text);
		return 0;
	}
	if (v.type == V_UNDEFINED)
		return val_fail_undefined(r, v);
	if (val_given(v) && !val_is_int(v))
		return jinja_fail(r, "TypeError", "can't multiply sequence by non-int of type '%s'",
				  val_short_name(v));
	if (!int_arg(v, 4, &width) || width > 100000)
		return wrong("indent");
	for (int64_t i = 0; i < width; i++)
		buf_putc(lead, ' ');
	return 0;
}

status filter_indent(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r), lead = jinja_buf(r);
	struct value lines;
	bool first = filter_flag(v[2], false), blank = filter_flag(v[3], false);
	if (indent_lead(r, v[1], &lead))
		return -1;
	if (v[0].type == V_UNDEFINED)
		return val_fail_undefined(r, v[0]);
	if (v[0].type != V_STR)
		return v[0].type == V_LIST || v[0].type == V_TUPLE
			       ? wrong("indent")
			       : jinja_fail(r, "TypeError", "unsupported operand type(s) for +=: '%s' and 'str'",
					    val_short_name(v[0]));
	/* A line break is added first: an empty text has one line, a last break one more. */
	struct str s = arena_printf(r->mem, "%.*s\n", STR(v[0].text));
	if (jinja_charge(r, s.len) || text_lines(r, s, false, &lines))
		return -1;
	for (size_t i = 0; i < lines.list->len; i++) {
		struct str line = lines.list->at[i].text;
		if (i)
			buf_putc(&b, '\n');
		if (i ? blank || line.len > 0 : first)
			buf_put(&b, buf_str(&lead));
		buf_put(&b, line);
	}
	if (jinja_done(r, &b, out))
		return -1;
	out->safe = v[0].safe;
	return 0;
}

status filter_wordcount(struct render *r, struct value *v, struct value *out)
{
	struct str s;
	int64_t n = 0;
	bool inside = false;
	if (val_str_of(r, v[0], &s))
		return -1;
	for (size_t i = 0; i < s.len;) {
		uint32_t c = utf8_next(s, &i);
		bool word = c == '_' || unicode_is_alnum(c);
		n += word && !inside;
		inside = word;
	}
	*out = val_int(n);
	return jinja_step(r, s.len / 16);
}

status filter_format(struct render *r, struct args *a, struct value *out)
{
	struct value values = val_new_list(r, V_TUPLE);
	if (a->len > 1 && a->named_len)
		return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
				  "can't handle positional and keyword arguments at the same time");
	if (a->at[0].type == V_STR && a->at[0].safe)
		return jinja_unsupported("formatting with a Markup");
	if (filter_soft(r, a->at[0], &a->at[0]))
		return -1;
	if (a->named_len) {
		values = val_new_dict(r);
		for (size_t i = 0; i < a->named_len; i++)
			if (val_set(r, values.dict, val_str(a->named[i].name), a->named[i].value))
				return -1;
	}
	for (size_t i = 1; i < a->len; i++)
		if (val_push(r, values.list, a->at[i]))
			return -1;
	return jinja_format_percent(r, a->at[0].text, values, out);
}

static status float_of(struct render *r, struct value v, double *out)
{
	struct str shown;
	if (v.type == V_UNDEFINED)
		return val_fail_undefined(r, v);
	if (val_is_number(v)) {
		*out = val_double(v);
		return 0;
	}
	if (v.type != V_STR)
		return jinja_fail(r, "TypeError",
				  "float() argument must be a string or a real number, not '%s'",
				  val_short_name(v));
	if (!str_is_ascii(v.text))
		return wrong("float");
	if (text_to_float(v.text, out))
		return 0;
	return val_repr_of(r, v, &shown) ? -1
					 : jinja_fail(r, "ValueError", "could not convert string to float: %.*s",
						      STR(shown));
}

status filter_filesizeformat(struct render *r, struct value *v, struct value *out)
{
	static const char letters[] = "kMGTPEZY";
	bool binary = filter_flag(v[1], false);
	double bytes, base = binary ? 1024 : 1000, unit = base;
	if (float_of(r, v[0], &bytes))
		return -1;
	if (!(bytes > -1e18 && bytes < 1e30))
		return wrong("filesizeformat");
	if (bytes == 1) {
		*out = val_str(S("1 Byte"));
		return 0;
	}
	if (bytes < base) {
		*out = val_str(arena_printf(r->mem, "%lld Bytes", (long long)bytes));
		return 0;
	}
	for (size_t i = 0; i < countof(letters) - 1; i++) {
		char letter = binary && letters[i] == 'k' ? 'K' : letters[i];
		unit *= base;
		if (bytes < unit || i == countof(letters) - 2) {
			*out = val_str(arena_printf(r->mem, "%.1f %c%s", base * bytes / unit, letter,
						    binary ? "iB" : "B"));
			return 0;
		}
	}
	return 0;
}

/* --- HTML and addresses --- */

static void skip_marked(struct buf *b, struct str s, struct str open, struct str close)
{
	for (;;) {
		size_t at = str_find(s, open);
		struct str rest = at == SIZE_MAX ? S("") : str_skip(s, at + open.len);
		size_t end = at == SIZE_MAX ? SIZE_MAX : str_find(rest, close);
		if (end == SIZE_MAX)
			break;
		buf_put(b, str_sub(s, 0, at));
		s = str_skip(rest, end + close.len);
	}
	buf_put(b, s);
}

/* Few entities: the others need a table of two thousand. */
static status unescape(struct render *r, struct str s, struct value *out)
{
	static const char *const known[][2] = { { "&amp;", "&" }, { "&lt;", "<" },  { "&gt;", ">" },
						{ "&#39;", "'" }, { "&#34;", "\"" }, { "&quot;", "\"" } };
	struct buf b = jinja_buf(r);
	for (size_t i = 0, k; i < s.len;) {
		if (s.at[i] != '&') {
			buf_putc(&b, s.at[i++]);
			continue;
		}
		for (k = 0; k < countof(known); k++)
			if (str_starts(str_skip(s, i), str_c(known[k][0])))
				break;
		size_t next = i + 1;
		bool name = next < s.len && (s.at[next] == '#' || unicode_is_alnum((unsigned char)s.at[next]));
		if (k == countof(known) && name)
			return jinja_unsupported("HTML entities in striptags");
		buf_put(&b, k < countof(known) ? str_c(known[k][1]) : S("&"));
		i += k < countof(known) ? strlen(known[k][0]) : 1;
	}
	return jinja_done(r, &b, out);
}

status filter_striptags(struct render *r, struct value *v, struct value *out)
{
	struct buf once = jinja_buf(r), twice = jinja_buf(r), words = jinja_buf(r);
	struct str s;
	bool gap = false;
	if (val_str_of(r, v[0], &s))
		return -1;
	skip_marked(&once, s, S("<!--"), S("-->"));
	skip_marked(&twice, buf_str(&once), S("<"), S(">"));
	s = buf_str(&twice);
	for (size_t i = 0; i < s.len;) {
		size_t from = i;
		if (unicode_is(UNICODE_SPACE, utf8_next(s, &i))) {
			gap = words.len > 0;
			continue;
		}
		if (gap)
			buf_putc(&words, ' ');
		gap = false;
		buf_put(&words, str_sub(s, from, i - from));
	}
	return jinja_step(r, s.len / 8) || unescape(r, buf_str(&words), out) ? -1 : 0;
}

status filter_xmlattr(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct value key, text;
	if (v[0].type == V_UNDEFINED)
		return val_fail_undefined(r, v[0]);
	if (v[0].type != V_DICT)
		return wrong("xmlattr");
	for (size_t i = 0; i < v[0].dict->len; i++) {
		const struct dict_entry *e = &v[0].dict->at[i];
		if (!e->live || e->value.type == V_NONE || e->value.type == V_UNDEFINED)
			continue;
		if (e->key.type != V_STR)
			return wrong("xmlattr");
		for (size_t k = 0; k < e->key.text.len; k++)
			if (strchr(" \t\n\r\f\v/>=", e->key.text.at[k]))
				return wrong("xmlattr");
		if (text_escape(r, e->key, &key) || text_escape(r, e->value, &text))
			return -1;
		if (b.len || filter_flag(v[1], true))
			buf_putc(&b, ' ');
		buf_put(&b, key.text);
		buf_puts(&b, "=\"");
		buf_put(&b, text.text);
		buf_putc(&b, '"');
	}
	return jinja_done(r, &b, out);
}

static status quote(struct render *r, struct buf *b, struct value v, bool query)
{
	struct str s;
	if (val_str_of(r, v, &s))
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			     (c && strchr("_.-~", c)) || (c == '/' && !query);
		if (plain)
			buf_putc(b, c);
		else if (c == ' ' && query)
			buf_putc(b, '+');
		else
			buf_printf(b, "%%%02X", (unsigned)(unsigned char)c);
	}
	return jinja_step(r, s.len / 16);
}

status filter_urlencode(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct value in = v[0], item, pair;
	struct cursor c;
	bool got;
	if (in.type == V_STR || !val_iterable(in))
		return quote(r, &b, in, false) || jinja_done(r, &b, out) ? -1 : 0;
	if (in.type == V_DICT)
		in = (struct value){ .type = V_VIEW, .view = VIEW_ITEMS, .dict = in.dict };
	if (val_iterate(r, in, &c))
		return -1;
	for (;;) {
		if (val_next(r, &c, &item, &got))
			return -1;
		if (!got)
			return jinja_done(r, &b, out);
		if (!val_iterable(item) || val_to_list(r, item, &pair) || pair.list->len != 2)
			return wrong("urlencode");
		if (b.len)
			buf_putc(&b, '&');
		if (quote(r, &b, pair.list->at[0], true))
			return -1;
		buf_putc(&b, '=');
		if (quote(r, &b, pair.list->at[1], true))
			return -1;
	}
}

/* --- wrapping --- */

struct wrap {
	struct render *r;
	struct buf *out;
	struct str separator;
	int64_t width;
	bool break_words, any;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t chunk_len(struct str s)
{
	size_t n = 0;
	while (n < s.len && is_blank(s.at[n]) == is_blank(s.at[0]))
		n++;
	return n;
}

/* Words and blanks of one line, as textwrap puts them on lines of at most `width`. */
static status wrap_line(struct wrap *w, struct str s)
{
	bool first = true;
	while (s.len) {
		size_t n = chunk_len(s), used = 0, kept = 0;
		int64_t columns = 0;
		if (is_blank(s.at[0]) && !first) {
			s = str_skip(s, n);
			continue;
		}
		struct str line = s;
		while (used < line.len) {
			struct str rest = str_skip(line, used);
			int64_t wide;
			n = chunk_len(rest);
			wide = (int64_t)utf8_count(str_sub(rest, 0, n));
			if (columns + wide > w->width) {
				bool cut = wide > w->width && !is_blank(rest.at[0]);
				if (wide > w->width && is_blank(rest.at[0]))
					return wrong("wordwrap");
				if (cut && w->break_words)
					n = text_offset(rest, (size_t)(w->width - columns));
				if (cut && !n) /* textwrap drops an empty piece instead of the blank */
					kept = used;
				if (!cut || (!w->break_words && columns))
					break;
				used += n;
				kept = n ? used : kept;
				break;
			}
			columns += wide;
			used += n;
			if (!is_blank(rest.at[0]))
				kept = used;
		}
		if (kept) {
			if (w->any)
				buf_put(w->out, w->separator);
			buf_put(w->out, str_sub(line, 0, kept));
			w->any = true;
			first = false;
		}
		if (jinja_step(w->r, used / 16 + 1))
			return -1;
		s = str_skip(line, used);
	}
	return 0;
}

status filter_wordwrap(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct value lines;
	struct wrap w = { .r = r, .out = &b, .separator = S("\n"), .break_words = filter_flag(v[2], true) };
	if (!int_arg(v[1], 79, &w.width) || w.width < 1 || v[0].type != V_STR || v[0].safe ||
	    (val_given(v[3]) && v[3].type != V_STR && v[3].type != V_NONE))
		return wrong("wordwrap");
	if (v[3].type == V_STR)
		w.separator = v[3].text;
	/* Where words with dashes may be cut is a long story. */
	if (str_find_char(v[0].text, '-') != SIZE_MAX || !str_is_ascii(v[0].text))
		return wrong("wordwrap");
	if (text_lines(r, v[0].text, false, &lines))
		return -1;
	for (size_t i = 0; i < lines.list->len; i++) {
		if (i)
			buf_put(&b, w.separator);
		w.any = false;
		if (wrap_line(&w, lines.list->at[i].text))
			return -1;
	}
	return jinja_done(r, &b, out);
}

/* What fits on one line is its repr() but for the order of dicts. */
static bool pretty_plain(struct value v, int depth)
{
	if (v.type < V_LIST)
		return true;
	if ((v.type != V_LIST && v.type != V_TUPLE) || depth > 20)
		return v.type == V_DICT && v.dict->count < 2 && !v.dict->count;
	for (size_t i = 0; i < v.list->len; i++)
		if (!pretty_plain(v.list->at[i], depth + 1))
			return false;
	return true;
}

status filter_pprint(struct render *r, struct value *v, struct value *out)
{
	struct str s;
	if (!pretty_plain(v[0], 0))
		return jinja_unsupported("pprint of dicts");
	if (val_repr_of(r, v[0], &s))
		return -1;
	if (s.len > 79)
		return jinja_unsupported("pprint of more than a line");
	*out = val_str(s);
	return 0;
}
