/* SPDX-License-Identifier: Apache-2.0 */
/* document_eml: messages (RFC 5322, MIME) and HTML without its tags. See document.h. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/mime.h"
#include "text/charset.h"
#include "text/document.h"

enum { PARTS_DEEP = 8, PARTS_MAX = 1000, ENTITY_MAX = 10 };

/* --- parts --- */

struct part {
	struct str head, body;
};

/* The line at the start of s, without its end; *len includes the end. */
static struct str first_line(struct str s, size_t *len)
{
	size_t n = MIN(str_find_char(s, '\n'), s.len);
	*len = n + (n < s.len);
	return str_sub(s, 0, n && s.at[n - 1] == '\r' ? n - 1 : n);
}

static struct part split_head(struct str s)
{
	struct str rest = s;
	for (size_t n; rest.len; rest = str_skip(rest, n)) {
		struct str line = first_line(rest, &n);
		if (!line.len)
			return (struct part){ str_sub(s, 0, s.len - rest.len), str_skip(rest, n) };
	}
	return (struct part){ s, S("") };
}

/* A field's value, folded lines joined; "" when absent. */
static struct str field(struct arena *mem, struct str head, struct str name)
{
	struct buf value = buf_make(mem, 64 << 10);
	bool found = false;
	for (size_t n; head.len; head = str_skip(head, n)) {
		struct str line = first_line(head, &n);
		bool folded = line.len && (line.at[0] == ' ' || line.at[0] == '\t');
		if (found && !folded)
			break;
		if (found) {
			buf_putc(&value, ' ');
			buf_put(&value, str_trim(line));
			continue;
		}
		struct str rest = line, key = str_cut(&rest, ':');
		if (!folded && rest.at && str_eq_nocase(str_trim(key), name)) {
			found = true;
			buf_put(&value, str_trim(rest));
		}
	}
	return value.len ? buf_str(&value) : S("");
}

/* --- transfer encodings --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of blanks and a line end at the start of s, 0 when something else stands there. */
static size_t soft_end(struct str s)
{
	size_t n = 0;
	while (n < s.len && (s.at[n] == ' ' || s.at[n] == '\t' || s.at[n] == '\r'))
		n++;
	return n < s.len && s.at[n] == '\n' ? n + 1 : 0;
}

static struct str quoted_printable(struct arena *mem, struct str s)
{
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] != '=') {
			buf_putc(&b, s.at[i]);
			continue;
		}
		struct str rest = str_skip(s, i + 1);
		size_t end = soft_end(rest);
		if (end) {
			i += end;
		} else if (rest.len >= 2 && hex(rest.at[0]) >= 0 && hex(rest.at[1]) >= 0) {
			buf_putc(&b, (char)(hex(rest.at[0]) * 16 + hex(rest.at[1])));
			i += 2;
		} else {
			buf_putc(&b, '=');
		}
	}
	return buf_str(&b);
}

static struct str base64_lines(struct arena *mem, struct str s)
{
	struct buf b = buf_make(mem, 0);
	struct str out;
	for (size_t i = 0; i < s.len; i++)
		if (!strchr(" \t\r\n", s.at[i]))
			buf_putc(&b, s.at[i]);
	if (dec_base64(mem, buf_str(&b), &out)) {
		err_clear();
		return S("");
	}
	return out;
}

static struct str decoded(struct arena *mem, const struct part *p)
{
	struct str how = field(mem, p->head, S("content-transfer-encoding"));
	if (str_eq_nocase(how, S("base64")))
		return base64_lines(mem, p->body);
	return str_eq_nocase(how, S("quoted-printable")) ? quoted_printable(mem, p->body) : p->body;
}

/* --- HTML --- */

static const struct {
	struct str name, text;
} entities[] = {
	{ S_INIT("amp"), S_INIT("&") },	  { S_INIT("lt"), S_INIT("<") },	      { S_INIT("gt"), S_INIT(">") },
	{ S_INIT("quot"), S_INIT("\"") }, { S_INIT("apos"), S_INIT("'") },	      { S_INIT("nbsp"), S_INIT(" ") },
	{ S_INIT("copy"), S_INIT("\xc2\xa9") }, { S_INIT("hellip"), S_INIT("\xe2\x80\xa6") },
	{ S_INIT("ndash"), S_INIT("\xe2\x80\x93") }, { S_INIT("mdash"), S_INIT("\xe2\x80\x94") },
	{ S_INIT("lsquo"), S_INIT("\xe2\x80\x98") }, { S_INIT("rsquo"), S_INIT("\xe2\x80\x99") },
	{ S_INIT("ldquo"), S_INIT("\xe2\x80\x9c") }, { S_INIT("rdquo"), S_INIT("\xe2\x80\x9d") },
};

static size_t put_number(struct buf *b, struct str digits, size_t len)
{
	bool sixteen = digits.len && (digits.at[0] | 32) == 'x';
	uint32_t code = 0;
	char out[4];
	for (size_t i = sixteen; i < digits.len; i++) {
		int d = hex(digits.at[i]);
		if (d < 0 || (!sixteen && d > 9))
			return 0;
		code = MIN(code * (sixteen ? 16 : 10) + (uint32_t)d, 0x110000u);
	}
	bool fine = code && code < 0x110000 && !(code >= 0xD800 && code < 0xE000) &&
		    digits.len > sixteen;
	buf_put(b, fine ? str_of(out, utf8_put(out, code)) : S("\xEF\xBF\xBD"));
	return len;
}

/* The reference at the start of s (a '&'): how many bytes it took, 0 = none. */
static size_t put_entity(struct buf *b, struct str s)
{
	size_t end = str_find_char(str_sub(s, 0, ENTITY_MAX + 2), ';');
	if (end == SIZE_MAX || end < 2)
		return 0;
	struct str name = str_sub(s, 1, end - 1);
	if (name.at[0] == '#')
		return put_number(b, str_skip(name, 1), end + 1);
	for (size_t i = 0; i < countof(entities); i++)
		if (str_eq(entities[i].name, name)) {
			buf_put(b, entities[i].text);
			return end + 1;
		}
	return 0;
}

static struct str tag_name(struct str tag)
{
	size_t from = tag.len && tag.at[0] == '/', n = from;
	while (n < tag.len && (((tag.at[n] | 32) >= 'a' && (tag.at[n] | 32) <= 'z') ||
			       (tag.at[n] >= '0' && tag.at[n] <= '9')))
		n++;
	return str_sub(tag, from, n - from);
}

static bool one_of(struct str name, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(list[i], name))
			return true;
	return false;
}

/* Bytes up to and with the end tag of an element whose content is no text. */
static size_t skip_element(struct str s, struct str name)
{
	for (size_t i = 0; i + name.len + 2 <= s.len; i++)
		if (s.at[i] == '<' && s.at[i + 1] == '/' &&
		    str_eq_nocase(str_sub(s, i + 2, name.len), name))
			return i + MIN(str_find_char(str_skip(s, i), '>'), s.len - i - 1) + 1;
	return s.len;
}

static size_t take_tag(struct buf *b, struct str s)
{
	static const struct str hidden[] = { S_INIT("script"), S_INIT("style"), S_INIT("title"), S_INIT("head") };
	static const struct str blocks[] = {
		S_INIT("p"), S_INIT("div"), S_INIT("br"), S_INIT("tr"), S_INIT("li"), S_INIT("h1"), S_INIT("h2"),
		S_INIT("h3"), S_INIT("h4"), S_INIT("h5"), S_INIT("h6"), S_INIT("table"), S_INIT("blockquote"),
		S_INIT("ul"), S_INIT("ol"), S_INIT("pre"), S_INIT("hr"), S_INIT("section"), S_INIT("article"),
	};
	if (str_starts(s, S("<!--"))) {
		size_t end = str_find(s, S("-->"));
		return end == SIZE_MAX ? s.len : end + 3;
	}
	size_t close = str_find_char(s, '>');
	if (close == SIZE_MAX)
		return s.len;
	struct str tag = str_sub(s, 1, close - 1), name = tag_name(tag);
	if (!name.len && !(tag.len && (tag.at[0] == '!' || tag.at[0] == '?' || tag.at[0] == '/'))) {
		buf_putc(b, '<'); /* a sign in a text */
		return 1;
	}
	if (one_of(name, blocks, countof(blocks)) && b->len && b->at[b->len - 1] != '\n')
		buf_putc(b, '\n');
	bool opens = tag.len && tag.at[0] != '/';
	if (opens && one_of(name, hidden, countof(hidden)))
		return close + 1 + skip_element(str_skip(s, close + 1), name);
	return close + 1;
}

struct str document_untag(struct arena *mem, struct str html)
{
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < html.len;) {
		char c = html.at[i];
		struct str rest = str_skip(html, i);
		size_t taken = c == '<' ? take_tag(&b, rest) : c == '&' ? put_entity(&b, rest) : 0;
		if (taken) {
			i += taken;
			continue;
		}
		bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
		char last = b.len ? b.at[b.len - 1] : '\n';
		if (!blank)
			buf_putc(&b, c);
		else if (last != ' ' && last != '\n')
			buf_putc(&b, ' ');
		i++;
	}
	return str_trim(buf_str(&b));
}

/* --- messages --- */

struct walk {
	struct arena *mem;
	size_t max;
	int parts;
	struct str plain, html; /* the first of each */
	bool has_plain, has_html;
};

static status take_leaf(struct walk *w, const struct part *p, struct str type)
{
	struct str disposition = field(w->mem, p->head, S("content-disposition"));
	bool html = str_eq_nocase(mime_bare(type), S("text/html"));
	bool plain = !type.len || str_eq_nocase(mime_bare(type), S("text/plain"));
	if (str_eq_nocase(mime_bare(disposition), S("attachment")) || (!html && !plain))
		return 0;
	if (html ? w->has_html : w->has_plain)
		return 0;
	*(html ? &w->has_html : &w->has_plain) = true;
	return charset_decode(w->mem, decoded(w->mem, p), mime_param(type, S("charset")), w->max,
			      html ? &w->html : &w->plain);
}

static status walk_part(struct walk *w, struct str bytes, int depth);

/* Lines "--boundary" separate the parts, "--boundary--" ends them. */
static status walk_parts(struct walk *w, struct str body, struct str boundary, int depth)
{
	size_t from = SIZE_MAX;
	struct str rest = body;
	for (size_t n; rest.len; rest = str_skip(rest, n)) {
		struct str line = first_line(rest, &n);
		size_t at = body.len - rest.len;
		bool mark = str_starts(line, S("--")) && str_starts(str_skip(line, 2), boundary);
		struct str tail = mark ? str_trim(str_skip(line, 2 + boundary.len)) : S("x");
		if (tail.len && !str_eq(tail, S("--")))
			continue;
		if (from != SIZE_MAX && walk_part(w, str_sub(body, from, at - from), depth))
			return -1;
		if (tail.len)
			return 0;
		from = at + n;
	}
	return from == SIZE_MAX ? 0 : walk_part(w, str_skip(body, from), depth);
}

static status walk_part(struct walk *w, struct str bytes, int depth)
{
	struct part p = split_head(bytes);
	struct str type = field(w->mem, p.head, S("content-type"));
	struct str boundary = mime_param(type, S("boundary"));
	if (depth > PARTS_DEEP || ++w->parts > PARTS_MAX)
		return err_set(ERR_TOO_LARGE, "The message has too many parts");
	if (str_eq_nocase(str_sub(type, 0, 10), S("multipart/")))
		return boundary.len ? walk_parts(w, p.body, boundary, depth + 1) : 0;
	if (str_eq_nocase(mime_bare(type), S("message/rfc822")))
		return walk_part(w, p.body, depth + 1);
	return take_leaf(w, &p, type);
}

status document_eml(struct arena *mem, struct str bytes, size_t text_max, struct str *out)
{
	struct walk w = { .mem = mem, .max = text_max };
	if (walk_part(&w, bytes, 0))
		return -1;
	*out = w.has_plain ? str_trim(w.plain) : w.has_html ? document_untag(mem, w.html) : S("");
	return 0;
}
