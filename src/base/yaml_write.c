/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_write: our tree as block style YAML. Texts that would read back as something else get
 * quotes; texts of several lines become literal blocks where every byte survives that; lines are
 * never folded. Not libyaml's emitter, which escapes everything past U+FFFF.
 */
#include "base/yaml.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/yaml_int.h"

#include <math.h>
#include <string.h>

/* A name on one line with its ":" may have 1024 characters. */
enum { WRITE_DEPTH_MAX = 500, NAME_MAX_BYTES = 1000 };

struct writer {
	struct arena *mem;
	struct buf out;
};

static struct str mended(struct arena *mem, struct str s)
{
	if (utf8_valid(s))
		return s.at ? s : S("");
	struct buf b = buf_make(mem, SIZE_MAX / 4);
	for (size_t i = 0; i < s.len;) {
		char c[4];
		size_t n = utf8_put(c, utf8_next(s, &i));
		buf_put(&b, str_of(c, n));
	}
	return buf_str(&b);
}

/* What must be escaped; a tab and a line break are asked for apart. */
static bool is_special(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0x2028 ||
	       c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

static bool has_special(struct str s)
{
	for (size_t i = 0; i < s.len;)
		if (is_special(utf8_next(s, &i)))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Blanks at the end of a line and in front of the first one do not survive everywhere. */
static bool fits_literal(struct str s)
{
	if (!str_has(s, S("\n")) || is_blank(s.at[0]) || s.at[0] == '\n' ||
	    is_blank(s.at[s.len - 1]) || str_ends(s, S("\n\n")))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (s.at[i] == '\n' && is_blank(s.at[i - 1]))
			return false;
	return !has_special(s);
}

/* A plain scalar that would not be a text, here or to another reader. */
static bool means_more(struct str s)
{
	struct json v;
	double d;
	if (yaml_resolve(s, &v) != YAML_KIND_STR)
		return true;
	/* Numbers of YAML 1.2 (1e3, 0o17), and what only begins like a number: some choke on 0x_. */
	size_t sign = s.at[0] == '-' || s.at[0] == '+';
	return (s.len > sign && s.at[sign] == '0') || str_to_double(s, &d) == 0;
}

static bool fits_plain(struct str s)
{
	if (!s.len || means_more(s) || is_blank(s.at[0]) || is_blank(s.at[s.len - 1]) ||
	    strchr("?:,[]{}#&*!|>'\"%@`", s.at[0]) || str_starts(s, S("...")))
		return false;
	if (s.at[0] == '-' && (s.len == 1 || is_blank(s.at[1]) || str_starts(s, S("---"))))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == ':' && (i + 1 == s.len || is_blank(s.at[i + 1])))
			return false;
		if (s.at[i] == '#' && is_blank(s.at[i - 1]))
			return false;
	}
	return true;
}

static void put_escaped(struct buf *b, struct str s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.len;) {
		size_t start = i;
		uint32_t c = utf8_next(s, &i);
		if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\t')
			buf_puts(b, "\\t");
		else if (c == '\r')
			buf_puts(b, "\\r");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", (int)c);
		else if (is_special(c))
			buf_printf(b, c <= 0xFF ? "\\x%02X" : "\\u%04X", c);
		else
			buf_put(b, str_of(s.at + start, i - start));
	}
	buf_putc(b, '"');
}

static void put_single(struct buf *b, struct str s)
{
	buf_putc(b, '\'');
	while (s.at) {
		buf_put(b, str_cut(&s, '\''));
		if (s.at)
			buf_puts(b, "''");
	}
	buf_putc(b, '\'');
}

static void put_blanks(struct buf *b, int n)
{
	while (n-- > 0)
		buf_putc(b, ' ');
}

static void put_literal(struct buf *b, struct str s, int indent)
{
	bool closed = str_ends(s, S("\n"));
	buf_put(b, closed ? S("|") : S("|-"));
	if (closed)
		s.len--;
	while (s.at) {
		struct str line = str_cut(&s, '\n');
		buf_putc(b, '\n');
		if (line.len)
			put_blanks(b, indent);
		buf_put(b, line);
	}
}

/* On one line, whatever is in it. */
static void put_line(struct buf *b, struct str s)
{
	if (str_has(s, S("\n")) || str_has(s, S("\t")) || has_special(s))
		put_escaped(b, s);
	else if (fits_plain(s))
		buf_put(b, s);
	else
		put_single(b, s);
}

static void put_float(struct writer *w, double v)
{
	if (isnan(v) || isinf(v)) {
		buf_put(&w->out, isnan(v) ? S(".nan") : v < 0 ? S("-.inf") : S(".inf"));
		return;
	}
	struct buf b = buf_make(w->mem, 0);
	json_write_float(&b, v);
	struct str s = buf_str(&b);
	size_t e = str_find_char(s, 'e');
	/* 1e+16 would read back as a text: a float needs its point. */
	buf_put(&w->out, str_sub(s, 0, e));
	if (e != SIZE_MAX && str_find_char(s, '.') == SIZE_MAX)
		buf_puts(&w->out, ".0");
	buf_put(&w->out, str_skip(s, e));
}

/* A JSON_RAW value as a tree, or as a text when it is no JSON. */
static struct json unpacked(struct writer *w, const struct json *v)
{
	struct json *tree, text = *v;
	struct err *saved = arena_new(w->mem, struct err);
	err_save(saved);
	if (json_parse(w->mem, str_of(v->text, v->len), &tree) == 0)
		return *tree;
	(void)err_restore(saved);
	text.type = JSON_STR;
	return text;
}

/*
 * Where a value stands: after "name:", after "- " (or ": " of a long name), or alone. `indent` is
 * that of its own lines when it is a container.
 */
enum where { AFTER_NAME, AFTER_DASH, ALONE };

static void put_value(struct writer *w, const struct json *v, enum where where, int indent,
		      int depth);

static void put_member(struct writer *w, const struct json_member *m, int indent, int depth)
{
	struct buf name = buf_make(w->mem, SIZE_MAX / 4);
	put_line(&name, mended(w->mem, m->name));
	if (name.len <= NAME_MAX_BYTES) {
		buf_put(&w->out, buf_str(&name));
		buf_putc(&w->out, ':');
		put_value(w, &m->value, AFTER_NAME, indent, depth);
		return;
	}
	buf_puts(&w->out, "? ");
	buf_put(&w->out, buf_str(&name));
	buf_putc(&w->out, '\n');
	put_blanks(&w->out, indent);
	buf_putc(&w->out, ':');
	put_value(w, &m->value, AFTER_DASH, indent, depth);
}

/* The lines of a container; the first one goes on where the caller stopped. */
static void put_container(struct writer *w, const struct json *v, int indent, int depth)
{
	for (uint32_t i = 0; i < v->len; i++) {
		if (i) {
			buf_putc(&w->out, '\n');
			put_blanks(&w->out, indent);
		}
		if (v->type == JSON_OBJ) {
			put_member(w, &v->members[i], indent, depth + 1);
		} else {
			buf_putc(&w->out, '-');
			put_value(w, &v->items[i], AFTER_DASH, indent, depth + 1);
		}
	}
}

static void put_value(struct writer *w, const struct json *given, enum where where, int indent,
		      int depth)
{
	struct json v = given->type == JSON_RAW ? unpacked(w, given) : *given;
	bool container = (v.type == JSON_ARR || v.type == JSON_OBJ) && v.len;
	struct str s;
	if (depth > WRITE_DEPTH_MAX) {
		v = (struct json){ .type = JSON_NULL };
		container = false;
	}
	if (container && where == AFTER_NAME) {
		/* Lists stand as deep as the name, objects two blanks deeper. */
		int inner = v.type == JSON_OBJ ? indent + 2 : indent;
		buf_putc(&w->out, '\n');
		put_blanks(&w->out, inner);
		put_container(w, &v, inner, depth);
		return;
	}
	if (where != ALONE)
		buf_putc(&w->out, ' ');
	switch (v.type) {
	case JSON_NULL:
	case JSON_RAW:
		buf_puts(&w->out, "null");
		break;
	case JSON_BOOL:
		buf_put(&w->out, v.boolean ? S("true") : S("false"));
		break;
	case JSON_INT:
		buf_int(&w->out, v.integer);
		break;
	case JSON_FLOAT:
		put_float(w, v.number);
		break;
	case JSON_STR:
		s = mended(w->mem, str_of(v.text, v.len));
		if (fits_literal(s))
			put_literal(&w->out, s, indent + 2);
		else
			put_line(&w->out, s);
		break;
	case JSON_ARR:
	case JSON_OBJ:
		if (container)
			put_container(w, &v, where == ALONE ? indent : indent + 2, depth);
		else
			buf_put(&w->out, v.type == JSON_ARR ? S("[]") : S("{}"));
		break;
	}
}

struct str yaml_text(struct arena *mem, const struct json *v)
{
	static const struct json none = { .type = JSON_NULL };
	struct writer w = { mem, buf_make(mem, SIZE_MAX / 4) };
	put_value(&w, v ? v : &none, ALONE, 0, 0);
	buf_putc(&w.out, '\n');
	return buf_str(&w.out);
}
