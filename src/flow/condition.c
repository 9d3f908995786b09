/* SPDX-License-Identifier: Apache-2.0 */
/* condition: operators as a table, files by attribute. See condition.h. */
#include "flow/condition.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"

typedef status (*operator_fn)(const struct var *, const struct json *expected, bool *holds);

static struct str as_text(const struct json *v)
{
	return json_as_str(v, S(""));
}

static bool is_empty(const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !v->boolean;
	case JSON_INT:
		return v->integer == 0;
	case JSON_FLOAT:
		return v->number == 0;
	default:
		return v->len == 0;
	}
}

static bool element_equal(const struct json *item, const struct json *e)
{
	/* A text never equals a number, nor 1 the boolean true. */
	bool numbers = (item->type == JSON_INT || item->type == JSON_FLOAT) &&
		       (e->type == JSON_INT || e->type == JSON_FLOAT);
	return (item->type == e->type || numbers) && json_equal(item, e);
}

static bool array_has(const struct json *array, const struct json *e)
{
	json_each(array, item)
		if (element_equal(item, e))
			return true;
	return false;
}

static status on_contains(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (is_empty(&v->value))
		return 0;
	if (v->value.type == JSON_STR) {
		if (!json_is(e, JSON_STR))
			return err_set(ERR_INVALID, "Expected value must be a string");
		*holds = str_has(as_text(&v->value), as_text(e));
	} else if (v->value.type == JSON_ARR) {
		*holds = e && array_has(&v->value, e);
	} else {
		return err_set(ERR_INVALID, "Invalid actual value type: string or array");
	}
	return 0;
}

static status on_not_contains(const struct var *v, const struct json *e, bool *holds)
{
	if (on_contains(v, e, holds))
		return -1;
	*holds = !*holds;
	return 0;
}

static status need_texts(const struct var *v, const struct json *e)
{
	if (v->value.type != JSON_STR)
		return err_set(ERR_INVALID, "Invalid actual value type: string");
	if (!json_is(e, JSON_STR))
		return err_set(ERR_INVALID, "Expected value must be a string");
	return 0;
}

static status on_start_with(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (is_empty(&v->value))
		return 0;
	if (need_texts(v, e))
		return -1;
	*holds = str_starts(as_text(&v->value), as_text(e));
	return 0;
}

static status on_end_with(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (is_empty(&v->value))
		return 0;
	if (need_texts(v, e))
		return -1;
	*holds = str_ends(as_text(&v->value), as_text(e));
	return 0;
}

static status equal_values(const struct var *v, const struct json *e, bool *same)
{
	if (v->value.type != JSON_STR && v->value.type != JSON_BOOL)
		return err_set(ERR_INVALID, "Invalid actual value type: string or boolean");
	if (!e || e->type != v->value.type) {
		*same = false;
		return 0;
	}
	*same = json_equal(&v->value, e);
	return 0;
}

static status on_is(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	return v->value.type == JSON_NULL ? 0 : equal_values(v, e, holds);
}

static status on_is_not(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (v->value.type == JSON_NULL)
		return 0;
	if (equal_values(v, e, holds))
		return -1;
	*holds = !*holds;
	return 0;
}

static status on_empty(const struct var *v, const struct json *e, bool *holds)
{
	(void)e;
	*holds = is_empty(&v->value);
	return 0;
}

static status on_not_empty(const struct var *v, const struct json *e, bool *holds)
{
	(void)e;
	*holds = !is_empty(&v->value);
	return 0;
}

/* Both sides as numbers. whole: an integer on the left wants an integer on the right. */
static status numbers(const struct var *v, const struct json *e, double *x, double *y)
{
	if (v->value.type == JSON_BOOL)
		*x = v->value.boolean;
	else if (v->value.type == JSON_INT || v->value.type == JSON_FLOAT)
		*x = json_as_double(&v->value, 0);
	else
		return err_set(ERR_INVALID, "Invalid actual value type: number");
	if (json_is(e, JSON_INT) || json_is(e, JSON_FLOAT)) {
		*y = json_as_double(e, 0);
		if (v->value.type == JSON_INT)
			*y = trunc(*y);
		return 0;
	}
	if (json_is(e, JSON_BOOL)) {
		*y = e->boolean;
		return 0;
	}
	struct str text = str_trim(as_text(e));
	int64_t whole;
	if (v->value.type == JSON_FLOAT ? str_to_double(text, y) : str_to_i64(text, &whole))
		return err_set(ERR_INVALID, "Cannot convert '%.*s' to number", STR(as_text(e)));
	if (v->value.type != JSON_FLOAT)
		*y = (double)whole;
	return 0;
}

static status on_equal(const struct var *v, const struct json *e, bool *holds)
{
	double x, y;
	*holds = false;
	if (v->value.type == JSON_NULL)
		return 0;
	if (numbers(v, e, &x, &y))
		return -1;
	*holds = x == y;
	return 0;
}

static status on_not_equal(const struct var *v, const struct json *e, bool *holds)
{
	double x, y;
	*holds = false;
	if (v->value.type == JSON_NULL)
		return 0;
	if (numbers(v, e, &x, &y))
		return -1;
	*holds = x != y;
	return 0;
}

/* -1, 0, 1 in *order; *known false for null. Ordering converts texts as they read: 1.5 is fine. */
static status order(const struct var *v, const struct json *e, int *out, bool *known)
{
	double x, y;
	*known = v->value.type != JSON_NULL;
	if (!*known)
		return 0;
	if (v->value.type != JSON_INT && v->value.type != JSON_FLOAT)
		return err_set(ERR_INVALID, "Invalid actual value type: number");
	x = json_as_double(&v->value, 0);
	if (json_is(e, JSON_INT) || json_is(e, JSON_FLOAT))
		y = json_as_double(e, 0);
	else if (str_to_double(str_trim(as_text(e)), &y))
		return err_set(ERR_INVALID, "Cannot convert '%.*s' to number", STR(as_text(e)));
	*out = x < y ? -1 : x > y ? 1 : 0;
	return 0;
}

#define ORDER_OPERATOR(fn, test)                                                                   \
	static status fn(const struct var *v, const struct json *e, bool *holds)                   \
	{                                                                                          \
		int c = 0;                                                                         \
		bool known;                                                                        \
		if (order(v, e, &c, &known))                                                       \
			return -1;                                                                 \
		*holds = known && (c test 0);                                                      \
		return 0;                                                                          \
	}
ORDER_OPERATOR(on_greater, >)
ORDER_OPERATOR(on_less, <)
ORDER_OPERATOR(on_at_least, >=)
ORDER_OPERATOR(on_at_most, <=)

static status on_null(const struct var *v, const struct json *e, bool *holds)
{
	(void)e;
	*holds = v->value.type == JSON_NULL;
	return 0;
}

static status on_not_null(const struct var *v, const struct json *e, bool *holds)
{
	(void)e;
	*holds = v->value.type != JSON_NULL;
	return 0;
}

static status on_in(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (is_empty(&v->value))
		return 0;
	if (!json_is(e, JSON_ARR))
		return err_set(ERR_INVALID, "Invalid expected value type: array");
	*holds = array_has(e, &v->value);
	return 0;
}

static status on_not_in(const struct var *v, const struct json *e, bool *holds)
{
	if (is_empty(&v->value)) {
		*holds = true;
		return 0;
	}
	if (on_in(v, e, holds))
		return -1;
	*holds = !*holds;
	return 0;
}

static status on_all_of(const struct var *v, const struct json *e, bool *holds)
{
	*holds = false;
	if (is_empty(&v->value))
		return 0;
	if (!json_is(e, JSON_ARR))
		return err_set(ERR_INVALID, "Invalid expected value type: array");
	*holds = true;
	json_each(e, item)
		if (!array_has(&v->value, item))
			*holds = false;
	return 0;
}

static const struct {
	struct str name;
	operator_fn fn;
	bool negative; /* over several files: all must hold instead of any */
} operators[] = {
	{ S_INIT("contains"), on_contains, false },
	{ S_INIT("not contains"), on_not_contains, true },
	{ S_INIT("start with"), on_start_with, false },
	{ S_INIT("end with"), on_end_with, false },
	{ S_INIT("is"), on_is, false },
	{ S_INIT("is not"), on_is_not, true },
	{ S_INIT("empty"), on_empty, false },
	{ S_INIT("not empty"), on_not_empty, true },
	{ S_INIT("="), on_equal, false },
	{ S_INIT("\xe2\x89\xa0"), on_not_equal, true }, /* U+2260 */
	{ S_INIT(">"), on_greater, false },
	{ S_INIT("<"), on_less, false },
	{ S_INIT("\xe2\x89\xa5"), on_at_least, false }, /* U+2265 */
	{ S_INIT("\xe2\x89\xa4"), on_at_most, false },	/* U+2264 */
	{ S_INIT("null"), on_null, false },
	{ S_INIT("not null"), on_not_null, true },
	{ S_INIT("in"), on_in, false },
	{ S_INIT("not in"), on_not_in, true },
	{ S_INIT("all of"), on_all_of, false },
	{ S_INIT("exists"), on_not_null, false },
	{ S_INIT("not exists"), on_null, true },
};

static int find_operator(struct str op)
{
	for (size_t i = 0; i < countof(operators); i++)
		if (str_eq(operators[i].name, op))
			return (int)i;
	return -1;
}

status condition_check(const struct json *condition)
{
	struct str op = json_get_str(condition, S("comparison_operator"));
	if (find_operator(op) < 0)
		return err_set(ERR_INVALID, "comparison_operator: unknown operator '%.*s'", STR(op));
	return 0;
}

/* Boolean variables are compared with what the text says as JSON: true, false, 1, 0. */
static status boolean_expected(struct arena *mem, const struct json *e, const struct json **out)
{
	struct json *parsed;
	if (!json_is(e, JSON_STR))
		return 0;
	struct str text = str_trim(as_text(e));
	if (json_parse(mem, text, &parsed)) {
		bool b;
		if (str_to_bool(text, &b))
			return err_set(ERR_INVALID, "Cannot convert '%.*s' to boolean", STR(text));
		parsed = json_bool(mem, b);
	}
	*out = json_bool(mem, !is_empty(parsed));
	return 0;
}

status condition_compare(struct arena *mem, struct str op, const struct var *value,
			 const struct json *expected, bool *holds)
{
	int i = find_operator(op);
	if (i < 0)
		return err_set(ERR_INVALID, "Unsupported operator: %.*s", STR(op));
	if (value->type == VAR_BOOLEAN && boolean_expected(mem, expected, &expected))
		return -1;
	if (value->type == VAR_ARRAY_BOOLEAN && json_is(expected, JSON_STR) &&
	    boolean_expected(mem, expected, &expected))
		return -1;
	return operators[i].fn(value, expected, holds);
}

/* --- files by attribute --- */

static struct json *with_dot(struct arena *mem, const struct json *e)
{
	struct str s = as_text(e);
	return json_str(mem, str_starts(s, S(".")) ? s : arena_printf(mem, ".%.*s", STR(s)));
}

static const struct json *attribute_expected(struct arena *mem, struct str key, const struct json *e)
{
	if (!str_eq(key, S("extension")))
		return e;
	if (json_is(e, JSON_STR))
		return with_dot(mem, e);
	struct json *list = json_arr(mem);
	if (!json_is(e, JSON_ARR))
		return e;
	json_each(e, item) json_push(mem, list, with_dot(mem, item));
	return list;
}

static status test_files(struct arena *mem, const struct pool *pool, const struct json *files,
			 const struct json *sub, bool *holds)
{
	struct str key = json_get_str(sub, S("key")), op = json_get_str(sub, S("comparison_operator"));
	const struct json *e = json_get(sub, S("value"));
	int i = find_operator(op);
	if (i < 0)
		return err_set(ERR_INVALID, "Unsupported operator: %.*s", STR(op));
	if (json_is(e, JSON_STR))
		e = json_str(mem, template_text(mem, as_text(e), pool, VAR_TEXT));
	e = attribute_expected(mem, key, e);
	bool all = operators[i].negative;
	*holds = all;
	json_each(files, file) {
		struct str name = str_eq(key, S("name")) ? S("filename") : key;
		const struct json *a = json_get(file, name);
		struct var v = { .value = a ? *a : (struct json){ .type = JSON_NULL } };
		bool one;
		v.type = var_infer(&v.value);
		if (condition_compare(mem, op, &v, e, &one))
			return -1;
		if (one != all) {
			*holds = one;
			return 0;
		}
	}
	return 0;
}

static status file_conditions(struct arena *mem, const struct pool *pool, const struct json *files,
			      const struct json *sub, bool *holds)
{
	bool all = !str_eq_nocase(json_get_str(sub, S("logical_operator")), S("or"));
	*holds = all;
	json_each(json_get(sub, S("conditions")), one) {
		bool result = false;
		if (test_files(mem, pool, files, one, &result))
			return -1;
		if (result != all) {
			*holds = result;
			return 0;
		}
	}
	return 0;
}

/* --- lists --- */

static status one_condition(struct arena *mem, const struct pool *pool, const struct json *cond,
			    bool *holds, struct condition_trace *trace)
{
	struct var v;
	const struct json *selector = json_get(cond, S("variable_selector"));
	const struct json *e = json_get(cond, S("value")), *sub = json_get(cond, S("sub_variable_condition"));
	struct str op = json_get_str(cond, S("comparison_operator"));
	if (!pool_get_json(pool, selector, &v))
		return err_set(ERR_INVALID, "Variable %.*s not found", STR(selector_python(mem, selector)));
	bool by_file = v.type == VAR_ARRAY_FILE && json_is(sub, JSON_OBJ) &&
		       (str_eq(op, S("contains")) || str_eq(op, S("not contains")) || str_eq(op, S("all of")));
	if (!by_file && json_is(e, JSON_STR))
		e = json_str(mem, template_text(mem, as_text(e), pool, VAR_TEXT));
	status st = by_file ? file_conditions(mem, pool, &v.value, sub, holds) :
			      condition_compare(mem, op, &v, e, holds);
	struct json *row = json_obj(mem);
	json_set(mem, row, S("actual_value"), &v.value);
	json_set(mem, row, S("expected_value"), e);
	json_set_str(mem, row, S("comparison_operator"), op);
	json_push(mem, trace->shown, row);
	if (st == 0)
		json_push(mem, trace->results, json_bool(mem, *holds));
	return st;
}

status condition_list(struct arena *mem, const struct pool *pool, const struct json *conditions, bool all,
		      bool *holds, struct condition_trace *trace)
{
	*holds = all;
	json_each(conditions, cond) {
		if (one_condition(mem, pool, cond, holds, trace))
			return -1;
		if (*holds != all)
			return 0;
	}
	return 0;
}
