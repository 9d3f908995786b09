/* SPDX-License-Identifier: Apache-2.0 */
/* schema: one function a keyword, a table of them. See schema.h. */
#include "flow/schema.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"

enum { DEPTH_MAX = 64 };

struct check {
	struct arena *mem;
	struct str why;
	int depth;
};
typedef bool (*keyword_fn)(struct check *, const struct json *schema, const struct json *arg,
			   const struct json *value);

static bool check(struct check *, const struct json *schema, const struct json *value);

static struct str shown(struct check *c, const struct json *v)
{
	struct buf b = buf_make(c->mem, 0);
	json_write_python(&b, v);
	return buf_str(&b);
}

static bool say(struct check *c, const struct json *value, const char *what, struct str arg)
{
	c->why = arena_printf(c->mem, "%.*s %s%.*s", STR(shown(c, value)), what, STR(arg));
	return false;
}

static bool is_number(const struct json *v)
{
	return v->type == JSON_INT || v->type == JSON_FLOAT;
}

static bool has_type(const struct json *v, struct str type)
{
	if (str_eq(type, S("integer")))
		return v->type == JSON_INT || (v->type == JSON_FLOAT && floor(v->number) == v->number);
	if (str_eq(type, S("number")))
		return is_number(v);
	if (str_eq(type, S("string")))
		return v->type == JSON_STR;
	if (str_eq(type, S("boolean")))
		return v->type == JSON_BOOL;
	if (str_eq(type, S("object")))
		return v->type == JSON_OBJ;
	if (str_eq(type, S("array")))
		return v->type == JSON_ARR;
	return !str_eq(type, S("null")) || v->type == JSON_NULL;
}

static bool on_type(struct check *c, const struct json *schema, const struct json *arg, const struct json *v)
{
	(void)schema;
	if (arg->type == JSON_STR)
		return has_type(v, json_as_str(arg, S(""))) ||
		       say(c, v, "is not of type ", shown(c, arg));
	struct buf names = buf_make(c->mem, 0);
	json_each(arg, t) {
		if (has_type(v, json_as_str(t, S(""))))
			return true;
		if (names.len)
			buf_puts(&names, ", ");
		json_write_python(&names, t);
	}
	return say(c, v, "is not of type ", buf_str(&names));
}

static bool on_enum(struct check *c, const struct json *schema, const struct json *arg, const struct json *v)
{
	(void)schema;
	json_each(arg, item)
		if (item->type == v->type && json_equal(item, v))
			return true;
	return say(c, v, "is not one of ", shown(c, arg));
}

static bool on_const(struct check *c, const struct json *schema, const struct json *arg, const struct json *v)
{
	(void)schema;
	if (json_equal(arg, v))
		return true;
	c->why = arena_printf(c->mem, "%.*s was expected", STR(shown(c, arg)));
	return false;
}

static bool on_properties(struct check *c, const struct json *schema, const struct json *arg,
			  const struct json *v)
{
	(void)schema;
	json_each_member(arg, m) {
		const struct json *have = json_get(v, m->name);
		if (have && !check(c, &m->value, have))
			return false;
	}
	return true;
}

static bool on_required(struct check *c, const struct json *schema, const struct json *arg,
			const struct json *v)
{
	(void)schema;
	if (v->type != JSON_OBJ)
		return true;
	json_each(arg, name)
		if (!json_get(v, json_as_str(name, S("")))) {
			c->why = arena_printf(c->mem, "%.*s is a required property", STR(shown(c, name)));
			return false;
		}
	return true;
}

static bool on_additional(struct check *c, const struct json *schema, const struct json *arg,
			  const struct json *v)
{
	const struct json *known = json_get(schema, S("properties"));
	if (json_get(schema, S("patternProperties")))
		return true;
	json_each_member(v, m) {
		if (json_get(known, m->name))
			continue;
		if (arg->type == JSON_OBJ && !check(c, arg, &m->value))
			return false;
		if (arg->type != JSON_BOOL || arg->boolean)
			continue;
		struct json name = { .type = JSON_STR, .text = m->name.at, .len = (uint32_t)m->name.len };
		c->why = arena_printf(c->mem,
				      "Additional properties are not allowed (%.*s was unexpected)",
				      STR(shown(c, &name)));
		return false;
	}
	return true;
}

static bool on_items(struct check *c, const struct json *schema, const struct json *arg, const struct json *v)
{
	size_t i = 0;
	(void)schema;
	json_each(v, item) {
		const struct json *s = arg->type == JSON_ARR ? json_at(arg, i++) : arg;
		if (s && !check(c, s, item))
			return false;
	}
	return true;
}

enum bound { MINIMUM, MAXIMUM, ABOVE, BELOW };

static bool bound(struct check *c, const struct json *arg, const struct json *v, enum bound b)
{
	static const char *const texts[] = { "is less than the minimum of ", "is greater than the maximum of ",
					     "is less than or equal to the minimum of ",
					     "is greater than or equal to the maximum of " };
	if (!is_number(v) || !is_number(arg))
		return true;
	double x = json_as_double(v, 0), y = json_as_double(arg, 0);
	bool good = b == MINIMUM ? x >= y : b == MAXIMUM ? x <= y : b == ABOVE ? x > y : x < y;
	return good || say(c, v, texts[b], shown(c, arg));
}

static bool on_minimum(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return bound(c, arg, v, MINIMUM);
}
static bool on_maximum(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return bound(c, arg, v, MAXIMUM);
}
static bool on_above(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return bound(c, arg, v, ABOVE);
}
static bool on_below(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return bound(c, arg, v, BELOW);
}

static bool on_multiple(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	double d = json_as_double(arg, 0);
	if (!is_number(v) || d <= 0)
		return true;
	double q = json_as_double(v, 0) / d;
	return floor(q) == q || say(c, v, "is not a multiple of ", shown(c, arg));
}

static bool size_between(struct check *c, const struct json *arg, const struct json *v, enum json_type type,
			 bool least)
{
	if (v->type != type || arg->type != JSON_INT)
		return true;
	size_t n = type == JSON_STR ? utf8_count(json_as_str(v, S(""))) : v->len;
	if (least)
		return (int64_t)n >= arg->integer ||
		       say(c, v, type == JSON_OBJ ? "does not have enough properties" :
			   arg->integer == 1	  ? "should be non-empty" : "is too short", S(""));
	return (int64_t)n <= arg->integer ||
	       say(c, v, type == JSON_OBJ ? "has too many properties" : "is too long", S(""));
}

#define SIZE_KEYWORD(fn, type, least)                                                              \
	static bool fn(struct check *c, const struct json *s, const struct json *arg,              \
		       const struct json *v)                                                       \
	{                                                                                          \
		(void)s;                                                                           \
		return size_between(c, arg, v, type, least);                                       \
	}
SIZE_KEYWORD(on_min_length, JSON_STR, true)
SIZE_KEYWORD(on_max_length, JSON_STR, false)
SIZE_KEYWORD(on_min_items, JSON_ARR, true)
SIZE_KEYWORD(on_max_items, JSON_ARR, false)
SIZE_KEYWORD(on_min_properties, JSON_OBJ, true)
SIZE_KEYWORD(on_max_properties, JSON_OBJ, false)

static bool on_unique(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	if (v->type != JSON_ARR || !json_as_bool(arg, false) || v->len > 10000)
		return true;
	for (size_t i = 0; i < v->len; i++)
		for (size_t k = 0; k < i; k++)
			if (json_equal(&v->items[i], &v->items[k]))
				return say(c, v, "has non-unique elements", S(""));
	return true;
}

static size_t matching(struct check *c, const struct json *list, const struct json *v)
{
	size_t n = 0;
	json_each(list, s) n += check(c, s, v);
	return n;
}

static bool on_all(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	json_each(arg, item)
		if (!check(c, item, v))
			return false;
	return true;
}
static bool on_any(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return matching(c, arg, v) > 0 ||
	       say(c, v, "is not valid under any of the given schemas", S(""));
}
static bool on_one(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	size_t n = matching(c, arg, v);
	return n == 1 || say(c, v, n ? "is valid under each of " : "is not valid under any of the given schemas",
			     n ? shown(c, arg) : S(""));
}
static bool on_not(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	(void)s;
	return !check(c, arg, v) || say(c, v, "should not be valid under ", shown(c, arg));
}
static bool on_if(struct check *c, const struct json *s, const struct json *arg, const struct json *v)
{
	const struct json *next = json_get(s, check(c, arg, v) ? S("then") : S("else"));
	return !next || check(c, next, v);
}

static const struct {
	struct str name;
	keyword_fn fn;
} keywords[] = {
	{ S_INIT("type"), on_type },
	{ S_INIT("enum"), on_enum },
	{ S_INIT("const"), on_const },
	{ S_INIT("properties"), on_properties },
	{ S_INIT("required"), on_required },
	{ S_INIT("additionalProperties"), on_additional },
	{ S_INIT("items"), on_items },
	{ S_INIT("minimum"), on_minimum },
	{ S_INIT("maximum"), on_maximum },
	{ S_INIT("exclusiveMinimum"), on_above },
	{ S_INIT("exclusiveMaximum"), on_below },
	{ S_INIT("multipleOf"), on_multiple },
	{ S_INIT("minLength"), on_min_length },
	{ S_INIT("maxLength"), on_max_length },
	{ S_INIT("minItems"), on_min_items },
	{ S_INIT("maxItems"), on_max_items },
	{ S_INIT("minProperties"), on_min_properties },
	{ S_INIT("maxProperties"), on_max_properties },
	{ S_INIT("uniqueItems"), on_unique },
	{ S_INIT("allOf"), on_all },
	{ S_INIT("anyOf"), on_any },
	{ S_INIT("oneOf"), on_one },
	{ S_INIT("not"), on_not },
	{ S_INIT("if"), on_if },
};

/* Depth is bounded: the trees come from the JSON reader, which bounds them as well. */
static bool check(struct check *c, const struct json *schema, const struct json *value)
{
	bool good = true;
	if (json_is(schema, JSON_BOOL) && !schema->boolean)
		return say(c, value, "is not allowed", S(""));
	if (!json_is(schema, JSON_OBJ) || c->depth >= DEPTH_MAX)
		return true;
	c->depth++;
	for (size_t i = 0; good && i < countof(keywords); i++) {
		const struct json *arg = json_get(schema, keywords[i].name);
		good = !arg || keywords[i].fn(c, schema, arg, value);
	}
	c->depth--;
	return good;
}

bool schema_check(struct arena *mem, const struct json *schema, const struct json *value, struct str *why)
{
	struct check c = { .mem = mem };
	bool good = check(&c, schema, value);
	*why = c.why;
	return good;
}
