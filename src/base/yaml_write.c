/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_write: our tree as block style YAML through libyaml's emitter. Texts that would read back
 * as something else get quotes; texts of several lines become literal blocks where every byte
 * survives that.
 */
#include "base/yaml.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/yaml_int.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

enum { WRITE_DEPTH_MAX = 500 };

struct writer {
	struct arena *mem;
	yaml_emitter_t emitter;
	struct buf out;
};

static int take_output(void *arg, unsigned char *bytes, size_t n)
{
	struct writer *w = arg;
	buf_put(&w->out, str_of((const char *)bytes, n));
	return 1;
}

static void emit(struct writer *w, yaml_event_t *e)
{
	/* What can fail is memory and broken UTF-8; the latter is mended before. */
	ASSERT(yaml_emitter_emit(&w->emitter, e));
}

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

static bool is_special(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || c == 0x2028 ||
	       c == 0x2029 || c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

/* Blanks at the end of a line and in front of the first one do not survive everywhere. */
static bool fits_literal(struct str s)
{
	bool several = false;
	if (!s.len || s.at[0] == ' ' || s.at[0] == '\n' || s.at[0] == '\t')
		return false;
	for (size_t i = 0; i < s.len;) {
		size_t start = i;
		uint32_t c = utf8_next(s, &i);
		if (is_special(c))
			return false;
		if (c != '\n')
			continue;
		several = true;
		if (s.at[start - 1] == ' ' || s.at[start - 1] == '\t')
			return false;
	}
	return several && s.at[s.len - 1] != ' ' && s.at[s.len - 1] != '\t';
}

static bool needs_quotes(struct str s)
{
	struct json v;
	double d;
	if (yaml_resolve(s, &v) != YAML_KIND_STR)
		return true;
	/* Numbers of YAML 1.2 (1e3, 0o17) are texts here but not to every reader, and some choke on
	 * what only begins like a number (0x_). */
	size_t sign = s.len && (s.at[0] == '-' || s.at[0] == '+');
	return (s.len > sign && s.at[sign] == '0') || str_to_double(s, &d) == 0;
}

static void put_scalar(struct writer *w, struct str s, yaml_scalar_style_t style, bool plain)
{
	yaml_event_t e;
	ASSERT(s.len <= INT32_MAX);
	ASSERT(yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)s.at, (int)s.len,
					    plain, 1, style));
	emit(w, &e);
}

static void put_text(struct writer *w, struct str text, bool name)
{
	struct str s = mended(w->mem, text);
	if (!name && fits_literal(s)) {
		put_scalar(w, s, YAML_LITERAL_SCALAR_STYLE, false);
		return;
	}
	/* Other line breaks are folded in quotes of the simple kind: hard to read, easy to spoil. */
	bool doubled = str_find_char(s, '\n') != SIZE_MAX;
	for (size_t i = 0; i < s.len && !doubled;)
		doubled = is_special(utf8_next(s, &i));
	if (doubled)
		put_scalar(w, s, YAML_DOUBLE_QUOTED_SCALAR_STYLE, false);
	else if (needs_quotes(s))
		put_scalar(w, s, YAML_SINGLE_QUOTED_SCALAR_STYLE, false);
	else
		put_scalar(w, s, YAML_PLAIN_SCALAR_STYLE, true);
}

static void put_plain(struct writer *w, struct str s)
{
	put_scalar(w, s, YAML_PLAIN_SCALAR_STYLE, true);
}

static void put_float(struct writer *w, double v)
{
	if (isnan(v) || isinf(v)) {
		put_plain(w, isnan(v) ? S(".nan") : v < 0 ? S("-.inf") : S(".inf"));
		return;
	}
	struct buf b = buf_make(w->mem, 0), fixed = buf_make(w->mem, 0);
	json_write_float(&b, v);
	struct str s = buf_str(&b);
	size_t e = str_find_char(s, 'e');
	if (e != SIZE_MAX && str_find_char(s, '.') == SIZE_MAX) {
		/* Without a point it would read back as a text. */
		buf_put(&fixed, str_sub(s, 0, e));
		buf_puts(&fixed, ".0");
		buf_put(&fixed, str_skip(s, e));
		s = buf_str(&fixed);
	}
	put_plain(w, s);
}

static void put_value(struct writer *w, const struct json *v, int depth);

static void put_container(struct writer *w, const struct json *v, int depth)
{
	yaml_event_t e;
	if (v->type == JSON_ARR) {
		ASSERT(yaml_sequence_start_event_initialize(&e, NULL, NULL, 1,
							    YAML_BLOCK_SEQUENCE_STYLE));
		emit(w, &e);
		json_each(v, item)
			put_value(w, item, depth + 1);
		ASSERT(yaml_sequence_end_event_initialize(&e));
	} else {
		ASSERT(yaml_mapping_start_event_initialize(&e, NULL, NULL, 1,
							   YAML_BLOCK_MAPPING_STYLE));
		emit(w, &e);
		json_each_member(v, m) {
			put_text(w, m->name, true);
			put_value(w, &m->value, depth + 1);
		}
		ASSERT(yaml_mapping_end_event_initialize(&e));
	}
	emit(w, &e);
}

static void put_raw(struct writer *w, const struct json *v, int depth)
{
	struct str text = str_of(v->text, v->len);
	struct json *tree;
	struct err saved;
	err_save(&saved);
	if (json_parse(w->mem, text, &tree)) {
		(void)err_restore(&saved);
		put_text(w, text, false);
	} else {
		put_value(w, tree, depth + 1);
	}
}

static void put_value(struct writer *w, const struct json *v, int depth)
{
	ASSERT(depth < WRITE_DEPTH_MAX);
	switch (v->type) {
	case JSON_NULL:
		put_plain(w, S("null"));
		break;
	case JSON_BOOL:
		put_plain(w, v->boolean ? S("true") : S("false"));
		break;
	case JSON_INT:
		put_plain(w, arena_printf(w->mem, "%lld", (long long)v->integer));
		break;
	case JSON_FLOAT:
		put_float(w, v->number);
		break;
	case JSON_STR:
		put_text(w, str_of(v->text, v->len), false);
		break;
	case JSON_RAW:
		put_raw(w, v, depth);
		break;
	case JSON_ARR:
	case JSON_OBJ:
		put_container(w, v, depth);
		break;
	}
}

struct str yaml_text(struct arena *mem, const struct json *v)
{
	static const struct json none = { .type = JSON_NULL };
	struct writer *w = arena_new(mem, struct writer);
	yaml_event_t e;
	w->mem = mem;
	w->out = buf_make(mem, SIZE_MAX / 4);
	ASSERT(yaml_emitter_initialize(&w->emitter));
	yaml_emitter_set_output(&w->emitter, take_output, w);
	yaml_emitter_set_unicode(&w->emitter, 1);
	yaml_emitter_set_width(&w->emitter, -1);
	ASSERT(yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
	emit(w, &e);
	ASSERT(yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
	emit(w, &e);
	put_value(w, v ? v : &none, 0);
	ASSERT(yaml_document_end_event_initialize(&e, 1));
	emit(w, &e);
	ASSERT(yaml_stream_end_event_initialize(&e));
	emit(w, &e);
	yaml_emitter_delete(&w->emitter);
	return buf_str(&w->out);
}
