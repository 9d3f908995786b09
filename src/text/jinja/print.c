/* SPDX-License-Identifier: Apache-2.0 */
/* print: str(), repr() and JSON of values. What prints an address in Python is not printed here. */
#include <math.h>

#include "base/json.h"
#include "text/jinja/jinja_int.h"

static status repr_items(struct render *r, struct buf *b, const struct list *l)
{
	for (size_t i = 0; i < l->len; i++) {
		if (i)
			buf_puts(b, ", ");
		if (val_repr(r, b, l->at[i]))
			return -1;
	}
	return 0;
}

static status repr_dict(struct render *r, struct buf *b, const struct dict *d, bool keys, bool values)
{
	bool first = true;
	if (jinja_step(r, (d->tail - d->head) / 16))
		return -1;
	for (size_t i = d->head; i < d->tail; i++) {
		if (!d->at[i].live)
			continue;
		if (!first)
			buf_puts(b, ", ");
		first = false;
		if ((keys && val_repr(r, b, d->at[i].key)))
			return -1;
		if (keys && values)
			buf_puts(b, ": ");
		if (values && val_repr(r, b, d->at[i].value))
			return -1;
	}
	return 0;
}

static status repr_view(struct render *r, struct buf *b, struct value v)
{
	struct value list;
	buf_printf(b, "%s([", val_type_name(v));
	if (val_to_list(r, v, &list) || repr_items(r, b, list.list))
		return -1;
	buf_puts(b, "])");
	return 0;
}

static void repr_text(struct buf *b, struct str s)
{
	struct json j = { .type = JSON_STR, .len = (uint32_t)s.len, .text = s.at ? s.at : "" };
	json_write_python(b, &j);
}

static status repr_function(struct buf *b, struct value v)
{
	static const struct {
		const char *name, *shown;
	} classes[] = { { "range", "range" },
			{ "dict", "dict" },
			{ "cycler", "jinja2.utils.Cycler" },
			{ "joiner", "jinja2.utils.Joiner" },
			{ "namespace", "jinja2.utils.Namespace" } };
	for (size_t i = 0; i < countof(classes); i++)
		if (str_eq(str_c(classes[i].name), str_c(v.function->name))) {
			buf_printf(b, "<class '%s'>", classes[i].shown);
			return 0;
		}
	return jinja_unsupported("printing a function");
}

static status repr_loop(struct render *r, struct buf *b, struct loop_state *l)
{
	int64_t length;
	if (jinja_loop_length(r, l, &length))
		return -1;
	buf_printf(b, "<LoopContext %lld/%lld>", (long long)l->index0 + 1, (long long)length);
	return 0;
}

static status repr_range(struct buf *b, const struct range *g)
{
	buf_printf(b, "range(%lld, %lld", (long long)g->start, (long long)g->stop);
	if (g->step != 1)
		buf_printf(b, ", %lld", (long long)g->step);
	buf_putc(b, ')');
	return 0;
}

static status repr_nested(struct render *r, struct buf *b, struct value v)
{
	switch (v.type) {
	case V_LIST:
	case V_TUPLE:
		buf_putc(b, v.type == V_LIST ? '[' : '(');
		if (repr_items(r, b, v.list))
			return -1;
		buf_put(b, v.type == V_LIST ? S("]") : v.list->len == 1 ? S(",)") : S(")"));
		return 0;
	case V_DICT:
	case V_NAMESPACE:
		buf_put(b, v.type == V_DICT ? S("{") : S("<Namespace {"));
		if (repr_dict(r, b, v.dict, true, true))
			return -1;
		buf_put(b, v.type == V_DICT ? S("}") : S("}>"));
		return 0;
	case V_VIEW:
		return repr_view(r, b, v);
	case V_RANGE:
		return repr_range(b, v.range);
	case V_LOOP:
		return repr_loop(r, b, v.loop);
	case V_MACRO:
		if (v.macro->anonymous)
			buf_puts(b, "<Macro anonymous>");
		else
			buf_printf(b, "<Macro '%.*s'>", STR(v.macro->name));
		return 0;
	case V_FUNCTION:
		return repr_function(b, v);
	default:
		return jinja_unsupported("printing a %s", val_short_name(v));
	}
}

status val_repr(struct render *r, struct buf *b, struct value v)
{
	if (jinja_step(r, 1))
		return -1;
	if (v.type == V_UNDEFINED) {
		buf_puts(b, "Undefined");
		return 0;
	}
	if (v.type == V_STR) {
		if (v.safe)
			buf_puts(b, "Markup(");
		repr_text(b, v.text);
		if (v.safe)
			buf_putc(b, ')');
		return jinja_step(r, v.text.len / 64);
	}
	if (v.type < V_STR)
		return val_print(r, b, v);
	/* A list that holds itself ends here too. */
	if (r->depth + 50 > r->limits->depth_max)
		return jinja_unsupported("printing values nested this deep");
	r->depth++;
	if (repr_nested(r, b, v))
		return -1;
	r->depth--;
	return 0;
}

status val_print(struct render *r, struct buf *b, struct value v)
{
	switch (v.type) {
	case V_MISSING:
	case V_UNDEFINED:
		return 0;
	case V_NONE:
		buf_puts(b, "None");
		return 0;
	case V_BOOL:
		buf_put(b, v.boolean ? S("True") : S("False"));
		return 0;
	case V_INT:
		buf_int(b, v.integer);
		return 0;
	case V_FLOAT:
		json_write_float(b, v.number);
		return 0;
	case V_STR:
		buf_put(b, v.text);
		return jinja_step(r, v.text.len / 64);
	default:
		return val_repr(r, b, v);
	}
}

static status done(struct render *r, struct buf *b, struct str *out)
{
	struct value v;
	if (jinja_done(r, b, &v))
		return -1;
	*out = v.text;
	return 0;
}

status val_str_of(struct render *r, struct value v, struct str *out)
{
	struct buf b;
	if (v.type == V_STR) {
		*out = v.text;
		return 0;
	}
	b = jinja_buf(r);
	return val_print(r, &b, v) || done(r, &b, out) ? -1 : 0;
}

status val_repr_of(struct render *r, struct value v, struct str *out)
{
	struct buf b = jinja_buf(r);
	return val_repr(r, &b, v) || done(r, &b, out) ? -1 : 0;
}

/* --- JSON --- */

struct json_out {
	struct render *r;
	struct buf *b;
	int indent;
};

static status json_value(struct json_out *j, struct value v, int level);

/* ASCII only, and nothing that means something to HTML. */
static void put_json_text(struct json_out *j, struct str s)
{
	struct buf plain = buf_make(j->r->mem, 0);
	json_write_string(&plain, s, JSON_ASCII);
	for (size_t i = 0; i < plain.len; i++) {
		char c = plain.at[i];
		if (c == '<' || c == '>' || c == '&' || c == '\'')
			buf_printf(j->b, "\\u%04x", (unsigned)c);
		else
			buf_putc(j->b, c);
	}
}

static void json_number(struct json_out *j, double n)
{
	if (isnan(n))
		buf_puts(j->b, "NaN");
	else if (isinf(n))
		buf_put(j->b, n > 0 ? S("Infinity") : S("-Infinity"));
	else
		json_write_float(j->b, n);
}

static void json_break(struct json_out *j, int level)
{
	if (j->indent < 0)
		return;
	buf_putc(j->b, '\n');
	for (int64_t i = 0; i < (int64_t)j->indent * level; i++)
		buf_putc(j->b, ' ');
}

static status json_list(struct json_out *j, const struct list *l, int level)
{
	buf_putc(j->b, '[');
	for (size_t i = 0; i < l->len; i++) {
		if (i)
			buf_put(j->b, j->indent < 0 ? S(", ") : S(","));
		json_break(j, level + 1);
		if (json_value(j, l->at[i], level + 1))
			return -1;
	}
	if (l->len)
		json_break(j, level);
	buf_putc(j->b, ']');
	return 0;
}

static status json_key(struct json_out *j, struct value key)
{
	struct buf b = buf_make(j->r->mem, 0);
	struct json_out inner = { j->r, &b, -1 };
	if (key.type == V_STR) {
		put_json_text(j, key.text);
		return 0;
	}
	if (key.type == V_TUPLE || key.type == V_UNDEFINED)
		return jinja_fail(j->r, "TypeError", "keys must be str, int, float, bool or None, not %s",
				  val_short_name(key));
	if (json_value(&inner, key, 0))
		return -1;
	put_json_text(j, buf_str(&b));
	return 0;
}

/* The members by their keys: Python compares those as they are. */
static status json_sorted(struct render *r, const struct dict *d, struct value *out)
{
	struct value keys = val_new_list(r, V_LIST);
	if (jinja_step(r, (d->tail - d->head) / 16))
		return -1;
	for (size_t i = d->head; i < d->tail; i++) {
		if (!d->at[i].live)
			continue;
		if (val_push(r, keys.list, d->at[i].key))
			return -1;
	}
	*out = keys;
	return op_sort(r, keys.list, NULL, 0);
}

static status json_dict(struct json_out *j, const struct dict *d, int level)
{
	struct value keys, *v;
	if (json_sorted(j->r, d, &keys))
		return -1;
	buf_putc(j->b, '{');
	for (size_t i = 0; i < keys.list->len; i++) {
		if (i)
			buf_put(j->b, j->indent < 0 ? S(", ") : S(","));
		json_break(j, level + 1);
		if (json_key(j, keys.list->at[i]))
			return -1;
		buf_puts(j->b, ": ");
		if (val_get(j->r, d, keys.list->at[i], &v) || json_value(j, *v, level + 1))
			return -1;
	}
	if (keys.list->len)
		json_break(j, level);
	buf_putc(j->b, '}');
	return 0;
}

static status json_nested(struct json_out *j, struct value v, int level)
{
	if (j->r->depth + 50 > j->r->limits->depth_max)
		return jinja_unsupported("tojson of values nested this deep");
	j->r->depth++;
	if (v.type == V_DICT ? json_dict(j, v.dict, level) : json_list(j, v.list, level))
		return -1;
	j->r->depth--;
	return 0;
}

static status json_value(struct json_out *j, struct value v, int level)
{
	if (jinja_step(j->r, 1))
		return -1;
	switch (v.type) {
	case V_NONE:
		buf_puts(j->b, "null");
		return 0;
	case V_BOOL:
		buf_put(j->b, v.boolean ? S("true") : S("false"));
		return 0;
	case V_INT:
		buf_int(j->b, v.integer);
		return 0;
	case V_FLOAT:
		json_number(j, v.number);
		return 0;
	case V_STR:
		put_json_text(j, v.text);
		return jinja_step(j->r, v.text.len / 64);
	case V_LIST:
	case V_TUPLE:
	case V_DICT:
		return json_nested(j, v, level);
	default:
		return jinja_fail(j->r, "TypeError", "Object of type %s is not JSON serializable",
				  val_short_name(v));
	}
}

status val_write_json(struct render *r, struct buf *b, struct value v, int indent)
{
	struct json_out j = { r, b, indent };
	return json_value(&j, v, 0);
}
