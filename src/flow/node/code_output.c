/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/node/code_output.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/node.h"

#define INVALID "OutputValidationError"

struct check {
	struct node_run *run;
	const struct code_limits *l;
};

/* A value's name in messages: "prefix.name" or "prefix.name[3]". */
struct place {
	struct str prefix, dot, name;
	int64_t index; /* -1 = none */
};

static struct str place_text(const struct check *c, const struct place *p)
{
	struct buf b = buf_make(c->run->mem, 0);
	buf_put(&b, p->prefix);
	buf_put(&b, p->dot);
	buf_put(&b, p->name);
	if (p->index >= 0)
		buf_printf(&b, "[%lld]", (long long)p->index);
	return buf_str(&b);
}
#define PLACE(c, p) STR(place_text((c), (p)))

static const char *python_type(const struct json *v)
{
	static const char *const names[] = {"NoneType", "bool", "int",  "float",
					    "str",      "list", "dict", "str"};
	return names[v->type];
}

static bool is_number(const struct json *v)
{
	return v->type == JSON_INT || v->type == JSON_FLOAT;
}

/* --- single values --- */

static status check_string(const struct check *c, const struct place *p, const struct json *v,
			   struct json *out)
{
	struct str s = json_as_str(v, S(""));
	if (utf8_count(s) > (size_t)c->l->string_length)
		return node_fail(
			c->run, INVALID,
			"The length of output variable `%.*s` must be less than %lld characters",
			PLACE(c, p), (long long)c->l->string_length);
	*out = *v;
	if (!memchr(s.at ? s.at : "", 0, s.len))
		return 0;
	char *at = arena_text(c->run->mem, s.len);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i])
			at[n++] = s.at[i];
	out->text = at;
	out->len = (uint32_t)n;
	return 0;
}

/* Digits behind the point of the shortest text, without trailing zeros. */
static int64_t decimals(double d)
{
	char text[64];
	struct buf b = { .at = text, .cap = sizeof(text), .max = sizeof(text) };
	json_write_float(&b, d);
	struct str s = buf_str(&b), mantissa = s, exponent = { 0 };
	int64_t e = 0;
	size_t at = str_find_char(s, 'e');
	if (at != SIZE_MAX) {
		mantissa = str_sub(s, 0, at);
		exponent = str_skip(s, at + (s.at[at + 1] == '+' ? 2 : 1));
		(void)!str_to_i64(exponent, &e);
	}
	size_t point = str_find_char(mantissa, '.');
	size_t digits = point == SIZE_MAX ? 0 : mantissa.len - point - 1;
	while (digits && mantissa.at[point + digits] == '0')
		digits--;
	return (int64_t)digits - e;
}

static status check_number(const struct check *c, const struct place *p, const struct json *v)
{
	/* long double holds every int64: 2^63 is more than the largest of them. */
	long double n = v->type == JSON_INT ? (long double)v->integer : (long double)v->number;
	if (!(n <= (long double)c->l->number_max && n >= (long double)c->l->number_min))
		return node_fail(
			c->run, INVALID,
			"Output variable `%.*s` is out of range, it must be between %lld and %lld.",
			PLACE(c, p), (long long)c->l->number_min, (long long)c->l->number_max);
	if (v->type == JSON_FLOAT && decimals(v->number) > c->l->precision)
		return node_fail(c->run, INVALID,
				 "Output variable `%.*s` has too high precision, it must be less "
				 "than %lld digits.",
				 PLACE(c, p), (long long)c->l->precision);
	return 0;
}

/* Numbers may be booleans: they become 1 and 0. */
static status take_number(const struct check *c, const struct place *p, const struct json *v,
			  struct json *out)
{
	*out = *v;
	if (v->type == JSON_BOOL) {
		*out = (struct json){ .type = JSON_INT, .integer = v->boolean };
		return 0;
	}
	if (!is_number(v))
		return p->index >= 0
			       ? node_fail(c->run, INVALID,
					   "The element at index %lld of output variable "
					   "`%.*s%.*s%.*s` must be "
					   "a number.",
					   (long long)p->index, STR(p->prefix), STR(p->dot),
					   STR(p->name))
			       : node_fail(c->run, INVALID,
					   "Output %.*s is not a number, got <class '%s'> instead.",
					   PLACE(c, p), python_type(v));
	return check_number(c, p, v);
}

static status take_string(const struct check *c, const struct place *p, const struct json *v,
			  struct json *out)
{
	if (v->type != JSON_STR)
		return node_fail(c->run, INVALID, "Output %.*s must be a string, got %s instead",
				 PLACE(c, p), python_type(v));
	return check_string(c, p, v, out);
}

static status take_boolean(const struct check *c, const struct place *p, const struct json *v,
			   struct json *out)
{
	if (v->type != JSON_BOOL && p->index >= 0)
		return node_fail(c->run, INVALID,
				 "Output %.*s is not a boolean, got <class '%s'> instead.",
				 PLACE(c, p), python_type(v));
	*out = *v; /* a single one is not looked at, as recorded servers do */
	return 0;
}

/* --- objects of any shape --- */

static status take_free(const struct check *c, struct str prefix, int64_t depth,
			const struct json *from, struct json *out);

static bool all_of(const struct json *list,
		   bool (*fits)(const struct json *, const struct json *first))
{
	json_each(list, item)
		if (item->type != JSON_NULL && !fits(item, list->items))
			return false;
	return true;
}

static bool same_kind(const struct json *v, const struct json *first)
{
	bool numbers = is_number(first) || first->type == JSON_BOOL;
	return numbers ? is_number(v) || v->type == JSON_BOOL : v->type == first->type;
}

static status free_list(const struct check *c, struct str prefix, const struct json_member *m,
			int64_t depth, struct json *out);

static status free_value(const struct check *c, const struct place *p, int64_t depth,
			 const struct json *v, struct json *out)
{
	*out = *v;
	if (v->type == JSON_STR)
		return check_string(c, p, v, out);
	if (is_number(v))
		return check_number(c, p, v);
	if (v->type == JSON_OBJ)
		return take_free(c, place_text(c, p), depth + 1, v, out);
	return 0;
}

static status free_list(const struct check *c, struct str prefix, const struct json_member *m,
			int64_t depth, struct json *out)
{
	const struct json *list = &m->value;
	struct place p = { prefix, prefix.len ? S(".") : S(""), m->name, -1 };
	*out = *json_arr(c->run->mem);
	if (list->len && list->items[0].type != JSON_NULL && !all_of(list, same_kind))
		return node_fail(
			c->run, INVALID,
			"Output %.*s.%.*s is not a valid array. make sure all elements are of the "
			"same type.",
			STR(prefix), STR(m->name));
	json_each(list, item) {
		struct json one;
		p.index++;
		if (item->type == JSON_ARR) {
			/* A list in a list is looked at as the member of an object would be. */
			struct json_member inner = { S(""), *item };
			if (depth + 1 > c->l->depth)
				return node_fail(c->run, "DepthLimitError",
						 "Depth limit %lld reached, object too deep.",
						 (long long)c->l->depth);
			if (free_list(c, place_text(c, &p), &inner, depth + 1, &one))
				return -1;
		} else if (free_value(c, &p, depth, item, &one)) {
			return -1;
		}
		json_push(c->run->mem, out, &one);
	}
	return 0;
}

static status take_free(const struct check *c, struct str prefix, int64_t depth,
			const struct json *from, struct json *out)
{
	if (depth > c->l->depth)
		return node_fail(c->run, "DepthLimitError",
				 "Depth limit %lld reached, object too deep.",
				 (long long)c->l->depth);
	*out = *json_obj(c->run->mem);
	json_each_member(from, m) {
		struct place p = { prefix, prefix.len ? S(".") : S(""), m->name, -1 };
		struct json v;
		if (m->value.type == JSON_ARR ? free_list(c, prefix, m, depth, &v)
					      : free_value(c, &p, depth, &m->value, &v))
			return -1;
		json_set(c->run->mem, out, m->name, &v);
	}
	return 0;
}

/* --- declared values --- */

static status take_declared(const struct check *c, struct str prefix, int64_t depth,
			    const struct json *outputs, const struct json *from, struct json *out);

static status take_object(const struct check *c, const struct place *p, int64_t depth,
			  const struct json *row, const struct json *v, struct json *out)
{
	struct str prefix = place_text(c, p);
	if (v->type != JSON_OBJ)
		return p->index >= 0
			       ? node_fail(c->run, INVALID,
					   "Output %.*s is not an object, got <class '%s'> instead "
					   "at index %lld.",
					   STR(prefix), python_type(v), (long long)p->index)
			       : node_fail(
					 c->run, INVALID,
					 "Output %.*s is not an object, got <class '%s'> instead.",
					 STR(prefix), python_type(v));
	/* Nested names begin with a point when their object is not in a list. */
	if (p->index < 0 && !p->prefix.len)
		prefix = arena_printf(c->run->mem, ".%.*s", STR(prefix));
	const struct json *children = json_get(row, S("children"));
	if (json_is(children, JSON_OBJ))
		return take_declared(c, prefix, depth + 1, children, v, out);
	return take_free(c, prefix, depth + 1, v, out);
}

typedef status (*take_one)(const struct check *, const struct place *, const struct json *,
			   struct json *);
static const struct output_type {
	struct str name;
	bool list;
	take_one one;	 /* NULL: an object */
	size_t limit;	 /* offset in code_limits of the number of items; 0 = none */
	bool null_items; /* may be null */
} types[] = {
	{ S_INIT("string"), false, take_string, 0, false },
	{ S_INIT("number"), false, take_number, 0, false },
	{ S_INIT("boolean"), false, take_boolean, 0, false },
	{ S_INIT("object"), false, NULL, 0, false },
	{ S_INIT("array[string]"), true, take_string, offsetof(struct code_limits, string_array), true },
	{ S_INIT("array[number]"), true, take_number, offsetof(struct code_limits, number_array), false },
	{ S_INIT("array[object]"), true, NULL, offsetof(struct code_limits, object_array), true },
	{ S_INIT("array[boolean]"), true, take_boolean, 0, true },
};

static const struct output_type *type_find(struct str name)
{
	for (size_t i = 0; i < countof(types); i++)
		if (str_eq(types[i].name, name))
			return &types[i];
	return NULL;
}

static status take_list(const struct check *c, const struct output_type *t, struct place p,
			int64_t depth, const struct json_member *row_and_value[2], struct json *out)
{
	const struct json *list = &row_and_value[1]->value;
	struct json *made = json_arr(c->run->mem);
	if (list->type != JSON_ARR)
		return node_fail(c->run, INVALID,
				 "Output %.*s is not an array, got <class '%s'> instead.",
				 PLACE(c, &p), python_type(list));
	int64_t max = 0;
	if (t->limit)
		memcpy(&max, (const char *)c->l + t->limit, sizeof(max));
	if (t->limit && (int64_t)list->len > max)
		return node_fail(
			c->run, INVALID,
			"The length of output variable `%.*s` must be less than %lld elements.",
			PLACE(c, &p), (long long)max);
	json_each(list, item) {
		struct json v = { .type = JSON_NULL };
		p.index++;
		bool null = item->type == JSON_NULL && t->null_items;
		if (!null &&
		    (t->one ? t->one(c, &p, item, &v)
			    : take_object(c, &p, depth, &row_and_value[0]->value, item, &v)))
			return -1;
		json_push(c->run->mem, made, &v);
	}
	*out = *made;
	return 0;
}

static status take_declared(const struct check *c, struct str prefix, int64_t depth,
			    const struct json *outputs, const struct json *from, struct json *out)
{
	if (depth > c->l->depth)
		return node_fail(c->run, "DepthLimitError",
				 "Depth limit %lld reached, object too deep.",
				 (long long)c->l->depth);
	struct json *made = json_obj(c->run->mem);
	json_each_member(outputs, row) {
		struct place p = { prefix, prefix.len ? S(".") : S(""), row->name, -1 };
		const struct json *given = json_get(from, row->name);
		const struct output_type *t = type_find(json_get_str(&row->value, S("type")));
		struct json v = { .type = JSON_NULL };
		if (!given)
			return node_fail(c->run, INVALID, "Output %.*s is missing.", PLACE(c, &p));
		struct json_member value = { row->name, *given };
		const struct json_member *both[2] = { row, &value };
		if (given->type != JSON_NULL &&
		    (t->list ? take_list(c, t, p, depth, both, &v) :
		     t->one  ? t->one(c, &p, given, &v) :
			       take_object(c, &p, depth, &row->value, given, &v)))
			return -1;
		json_set(c->run->mem, made, row->name, &v);
	}
	if (made->len != from->len)
		return node_fail(c->run, "CodeNodeError",
				 "Not all output parameters are validated.");
	*out = *made;
	return 0;
}

status code_output_check(struct node_run *run, const struct code_limits *limits,
			 const struct json *outputs, const struct json *result, struct json **out)
{
	struct check c = { run, limits };
	struct json *made = json_obj(run->mem);
	if (take_declared(&c, S(""), 1, outputs, result, made))
		return -1;
	*out = made;
	return 0;
}

static status declared(const struct json *outputs, int depth)
{
	if (depth > 32)
		return err_set(ERR_INVALID, "outputs: nested too deep");
	json_each_member(outputs, row) {
		const struct json *children = json_get(&row->value, S("children"));
		if (!type_find(json_get_str(&row->value, S("type"))))
			return err_set(ERR_INVALID,
				       "outputs.%.*s.type: must be one of string, number, "
				       "object, boolean, array[string], array[number], "
				       "array[object], array[boolean]",
				       STR(row->name));
		if (json_is(children, JSON_OBJ) && declared(children, depth + 1))
			return -1;
	}
	return 0;
}

status code_output_declared(const struct json *outputs)
{
	if (!json_is(outputs, JSON_OBJ))
		return err_set(ERR_INVALID, "outputs: must be an object");
	return declared(outputs, 0);
}
