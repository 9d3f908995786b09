/* SPDX-License-Identifier: Apache-2.0 */
/* extractor: schema, checks and normalisation of extracted parameters. See extractor.h. */
#include "flow/node/extractor.h"

#include "base/arena.h"
#include "base/err.h"
#include "flow/repair.h"

enum kind { TEXT, NUMBER, BOOLEAN, OBJECT, ARRAY };
static const struct {
	struct str name;
	enum kind kind, items; /* items: of arrays */
} kinds[] = {
	{S_INIT("string"),         TEXT,    TEXT   },
	{S_INIT("select"),         TEXT,    TEXT   },
	{S_INIT("secret"),         TEXT,    TEXT   },
	{S_INIT("number"),         NUMBER,  TEXT   },
	{S_INIT("boolean"),        BOOLEAN, TEXT   },
	{S_INIT("bool"),           BOOLEAN, TEXT   },
	{S_INIT("array[string]"),  ARRAY,   TEXT   },
	{S_INIT("array[number]"),  ARRAY,   NUMBER },
	{S_INIT("array[boolean]"), ARRAY,   BOOLEAN},
	{S_INIT("array[object]"),  ARRAY,   OBJECT },
};
static const char *const schema_names[] = {"string", "number", "boolean", "object", "array"};

static size_t kind_of(const struct json *parameter)
{
	struct str type = json_get_str(parameter, S("type"));
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_eq(kinds[i].name, type))
			return i;
	return 0;
}

static struct str name_of(const struct json *parameter)
{
	return json_get_str(parameter, S("name"));
}

/* --- the schema --- */

static struct json *property(struct arena *mem, const struct json *p)
{
	struct json *o = json_obj(mem);
	size_t k = kind_of(p);
	json_set_str(mem, o, S("description"), json_get_str(p, S("description")));
	json_set_str(mem, o, S("type"), str_c(schema_names[kinds[k].kind]));
	if (kinds[k].kind == ARRAY) {
		struct json *items = json_obj(mem);
		json_set_str(mem, items, S("type"), str_c(schema_names[kinds[k].items]));
		json_set(mem, o, S("items"), items);
	}
	if (str_eq(json_get_str(p, S("type")), S("select")) && json_len(json_get(p, S("options"))))
		json_set(mem, o, S("enum"), json_get(p, S("options")));
	return o;
}

struct json *extractor_schema(struct arena *mem, const struct json *parameters)
{
	struct json *o = json_obj(mem), *properties = json_obj(mem), *required = json_arr(mem);
	json_each(parameters, p)
	{
		json_set(mem, properties, name_of(p), property(mem, p));
		if (json_get_bool(p, S("required"), false))
			json_push_str(mem, required, name_of(p));
	}
	json_set_str(mem, o, S("type"), S("object"));
	json_set(mem, o, S("properties"), properties);
	json_set(mem, o, S("required"), required);
	return o;
}

/* --- finding JSON in a reply --- */

/* Length of the bracketed text that begins here, 0 when it is never closed. */
static size_t balanced(struct str s)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else
				quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* Models sometimes wrap the one object in a list. */
static struct json *as_object(struct json *v)
{
	if (json_is(v, JSON_ARR))
		v = json_at(v, 0);
	return json_is(v, JSON_OBJ) ? v : NULL;
}

struct json *extractor_find_json(struct arena *mem, struct str text)
{
	enum { STARTS_MAX = 64 }; /* a reply full of brackets must not cost its square */
	size_t starts = 0, first = SIZE_MAX;
	for (size_t i = 0; i < text.len && starts < STARTS_MAX; i++) {
		struct json *v;
		if (text.at[i] != '{' && text.at[i] != '[')
			continue;
		starts++;
		if (first == SIZE_MAX)
			first = i;
		size_t n = balanced(str_skip(text, i));
		if (!n)
			continue;
		if (json_parse(mem, str_sub(text, i, n), &v) == 0 && as_object(v))
			return as_object(v);
		err_clear();
	}
	struct json *v;
	if (first != SIZE_MAX && json_repair(mem, str_skip(text, first), &v) == 0)
		return as_object(v);
	err_clear();
	return NULL;
}

/* --- checks --- */

static bool fits(enum kind k, const struct json *v)
{
	switch (k) {
	case TEXT:
		return json_is(v, JSON_STR);
	case NUMBER:
		return json_is(v, JSON_INT) || json_is(v, JSON_FLOAT);
	case BOOLEAN:
		return json_is(v, JSON_BOOL);
	case OBJECT:
		return json_is(v, JSON_OBJ);
	case ARRAY:
		return json_is(v, JSON_ARR);
	}
	return false;
}

static bool is_option(const struct json *parameter, const struct json *v)
{
	const struct json *options = json_get(parameter, S("options"));
	if (!json_len(options))
		return true;
	json_each(options, o) if (json_equal(o, v)) return true;
	return false;
}

static struct str complain_of(struct arena *mem, const struct json *p, const struct json *v)
{
	size_t k = kind_of(p);
	bool required = json_get_bool(p, S("required"), false);
	if (!v || v->type == JSON_NULL)
		return required ? arena_printf(mem, "Parameter %.*s is required", STR(name_of(p)))
				: (struct str){0};
	if (!fits(kinds[k].kind, v))
		return arena_printf(mem, "Invalid value for parameter %.*s: expected %.*s",
				    STR(name_of(p)), STR(kinds[k].name));
	if (str_eq(json_get_str(p, S("type")), S("select")) && !is_option(p, v))
		return arena_printf(mem, "Invalid `select` value for parameter %.*s",
				    STR(name_of(p)));
	json_each(v, item) if (kinds[k].kind == ARRAY &&
			       !fits(kinds[k].items,
				     item)) return arena_printf(mem,
								"Invalid value in parameter %.*s: "
								"expected %.*s",
								STR(name_of(p)),
								STR(kinds[k].name));
	return (struct str){0};
}

struct str extractor_complaint(struct arena *mem, const struct json *parameters,
			       const struct json *values)
{
	if (json_len(parameters) != json_len(values))
		return S("Invalid number of parameters");
	json_each(parameters, p)
	{
		struct str why = complain_of(mem, p, json_get(values, name_of(p)));
		if (why.at)
			return why;
	}
	return (struct str){0};
}

/* --- values of the right type --- */

/* A number, or a text that is one; NULL for anything else. */
static struct json *number_of(struct arena *mem, struct json *v)
{
	int64_t whole;
	double real;
	if (fits(NUMBER, v))
		return v;
	struct str text = str_trim(json_as_str(v, S("")));
	if (!text.len)
		return NULL;
	if (str_to_i64(text, &whole) == 0)
		return json_int(mem, whole);
	if (str_to_double(text, &real) == 0)
		return json_float(mem, real);
	err_clear();
	return NULL;
}

static struct json *converted(struct arena *mem, enum kind k, struct json *v)
{
	if (k == NUMBER)
		return number_of(mem, v);
	if (k == BOOLEAN && json_is(v, JSON_INT))
		return json_bool(mem, json_as_int(v, 0) != 0);
	return fits(k, v) ? v : NULL;
}

static struct json *empty_of(struct arena *mem, enum kind k)
{
	switch (k) {
	case NUMBER:
		return json_int(mem, 0);
	case BOOLEAN:
		return json_bool(mem, false);
	case ARRAY:
		return json_arr(mem);
	case OBJECT:
		return json_obj(mem);
	case TEXT:
		break;
	}
	return json_str(mem, S(""));
}

static struct json *value_of(struct arena *mem, size_t k, struct json *given)
{
	if (kinds[k].kind != ARRAY) {
		struct json *v = converted(mem, kinds[k].kind, given);
		return v ? v : empty_of(mem, kinds[k].kind);
	}
	struct json *list = json_arr(mem);
	json_each(given, item)
	{
		struct json *v = converted(mem, kinds[k].items, item);
		if (v)
			json_push(mem, list, v);
	}
	return list;
}

struct json *extractor_normalise(struct arena *mem, const struct json *parameters,
				 const struct json *values)
{
	struct json *o = json_obj(mem);
	json_each(parameters, p) json_set(mem, o, name_of(p),
					  value_of(mem, kind_of(p), json_get(values, name_of(p))));
	return o;
}
