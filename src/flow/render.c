/* SPDX-License-Identifier: Apache-2.0 */
/* render: a variable as text, markdown or log text (workflow.md 4.5). See pool.h. */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/pool.h"

static void render_file(struct buf *b, const struct json *file)
{
	if (str_eq(json_get_str(file, S("type")), S("image")))
		buf_putc(b, '!');
	buf_putc(b, '[');
	buf_put(b, json_get_str(file, S("filename")));
	buf_puts(b, "](");
	buf_put(b, json_get_str(file, S("url")));
	buf_putc(b, ')');
}

/* str() of an element: texts without quotes, everything else as a Python literal. */
static void render_item(struct buf *b, const struct json *item)
{
	if (item->type == JSON_STR)
		buf_put(b, json_as_str(item, S("")));
	else
		json_write_python(b, item);
}

static void render_array(struct buf *b, const struct var *v, enum var_form form)
{
	if (v->value.type != JSON_ARR || !v->value.len)
		return;
	if (form != VAR_MARKDOWN) {
		if (v->type == VAR_ARRAY_FILE)
			return;
		if (v->type == VAR_ARRAY_STRING)
			json_write(b, &v->value, JSON_SPACED);
		else
			json_write_python(b, &v->value);
		return;
	}
	for (size_t i = 0; i < v->value.len; i++) {
		const struct json *item = &v->value.items[i];
		if (i)
			buf_putc(b, '\n');
		if (v->type == VAR_ARRAY_FILE) {
			render_file(b, item);
		} else {
			buf_puts(b, "- ");
			render_item(b, item);
		}
	}
}

static void render_secret(struct buf *b, struct str text)
{
	if (text.len <= 8) {
		buf_puts(b, "********************");
		return;
	}
	buf_put(b, str_sub(text, 0, 6));
	buf_puts(b, "************");
	buf_put(b, str_skip(text, text.len - 2));
}

static void render_scalar(struct buf *b, const struct json *v)
{
	switch (v->type) {
	case JSON_STR:
		buf_put(b, json_as_str(v, S("")));
		break;
	case JSON_INT:
		buf_int(b, v->integer);
		break;
	case JSON_FLOAT:
		json_write_float(b, v->number);
		break;
	case JSON_BOOL:
		if (v->boolean)
			buf_puts(b, "True");
		else
			buf_puts(b, "False");
		break;
	default:
		break;
	}
}

void var_render(struct buf *b, const struct var *v, enum var_form form)
{
	if (v->value.type == JSON_ARR) {
		render_array(b, v, form);
	} else if (v->type == VAR_FILE) {
		if (form == VAR_MARKDOWN)
			render_file(b, &v->value);
	} else if (v->value.type == JSON_OBJ) {
		json_write(b, &v->value, form == VAR_TEXT ? JSON_SPACED : JSON_INDENT2);
	} else if (v->type == VAR_SECRET && form == VAR_LOG && v->value.type == JSON_STR) {
		render_secret(b, json_as_str(&v->value, S("")));
	} else {
		render_scalar(b, &v->value);
	}
}

struct str var_text(struct arena *mem, const struct var *v, enum var_form form)
{
	if (v->value.type == JSON_STR && !(v->type == VAR_SECRET && form == VAR_LOG))
		return json_as_str(&v->value, S(""));
	struct buf b = buf_make(mem, 0);
	var_render(&b, v, form);
	return buf_str(&b);
}
