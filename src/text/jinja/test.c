/* SPDX-License-Identifier: Apache-2.0 */
/* test: the tests behind `is`. */
#include "text/jinja/jinja_int.h"

static status answer(struct value *out, bool yes)
{
	*out = val_bool(yes);
	return 0;
}

#define TEST(name, condition)                                                                      \
	static status test_##name(struct render *r, struct value *v, struct value *out)            \
	{                                                                                          \
		(void)r;                                                                           \
		return answer(out, condition);                                                     \
	}
TEST(defined, v[0].type != V_UNDEFINED)
TEST(undefined, v[0].type == V_UNDEFINED)
TEST(none, v[0].type == V_NONE)
TEST(boolean, v[0].type == V_BOOL)
TEST(false, v[0].type == V_BOOL && !v[0].boolean)
TEST(true, v[0].type == V_BOOL && v[0].boolean)
TEST(integer, v[0].type == V_INT)
TEST(float, v[0].type == V_FLOAT)
TEST(string, v[0].type == V_STR)
TEST(mapping, v[0].type == V_DICT)
TEST(number, val_is_number(v[0]))
TEST(iterable, val_iterable(v[0]))
TEST(escaped, v[0].type == V_STR && v[0].safe)
TEST(callable, v[0].type == V_MACRO || v[0].type == V_METHOD || v[0].type == V_FUNCTION ||
		       v[0].type == V_JOINER || v[0].type == V_LOOP || v[0].type == V_UNDEFINED)
TEST(sequence, v[0].type == V_STR || v[0].type == V_LIST || v[0].type == V_TUPLE ||
		       v[0].type == V_DICT || v[0].type == V_RANGE || v[0].type == V_UNDEFINED)

/* Is it a key of the table of filters or tests? */
static status test_filter(struct render *r, struct value *v, struct value *out)
{
	uint64_t hash;
	return val_hash(r, v[0], &hash)
		       ? -1
		       : answer(out, v[0].type == V_STR && jinja_find_filter(v[0].text) != NULL);
}

static status test_test(struct render *r, struct value *v, struct value *out)
{
	uint64_t hash;
	return val_hash(r, v[0], &hash)
		       ? -1
		       : answer(out, v[0].type == V_STR && jinja_find_test(v[0].text) != NULL);
}

/* value % divisor == rest */
static status divides(struct render *r, struct value a, struct value divisor, int64_t rest,
		      struct value *out)
{
	struct value m;
	if (op_binary(r, OP_MOD, a, divisor, &m))
		return -1;
	return answer(out, val_equal(r, m, val_int(rest)));
}

static status test_odd(struct render *r, struct value *v, struct value *out)
{
	return divides(r, v[0], val_int(2), 1, out);
}

static status test_even(struct render *r, struct value *v, struct value *out)
{
	return divides(r, v[0], val_int(2), 0, out);
}

static status test_divisibleby(struct render *r, struct value *v, struct value *out)
{
	return divides(r, v[0], v[1], 0, out);
}

static status cased(struct render *r, struct value v, const char *method, struct value *out)
{
	struct args none = { 0 };
	struct value self = val_none();
	if (val_str_of(r, v, &self.text))
		return -1;
	self.type = V_STR;
	return jinja_find_method(self, str_c(method))->fn(r, self, &none, out);
}

static status test_lower(struct render *r, struct value *v, struct value *out)
{
	return cased(r, v[0], "islower", out);
}

static status test_upper(struct render *r, struct value *v, struct value *out)
{
	return cased(r, v[0], "isupper", out);
}

/* Whether two equal texts or large numbers are one object depends on the interpreter. */
static status test_sameas(struct render *r, struct value *v, struct value *out)
{
	bool small = v[0].type == V_INT && v[0].integer >= -5 && v[0].integer <= 256;
	bool unsure = (v[0].type == V_STR || v[0].type == V_INT || v[0].type == V_FLOAT) && !small;
	if (v[0].type == v[1].type && unsure && val_equal(r, v[0], v[1]))
		return jinja_unsupported("sameas of equal texts or numbers");
	if (v[0].type == V_TUPLE && v[1].type == V_TUPLE && !v[0].list->len && !v[1].list->len)
		return jinja_unsupported("sameas of empty tuples");
	return answer(out, val_same(v[0], v[1]));
}

static status test_in(struct render *r, struct value *v, struct value *out)
{
	bool yes;
	return op_contains(r, v[0], v[1], &yes) ? -1 : answer(out, yes);
}

#define COMPARISON(name, op)                                                                       \
	static status test_##name(struct render *r, struct value *v, struct value *out)            \
	{                                                                                          \
		bool yes;                                                                          \
		return op_compare(r, op, v[0], v[1], &yes) ? -1 : answer(out, yes);                \
	}
COMPARISON(eq, OP_EQ)
COMPARISON(ne, OP_NE)
COMPARISON(gt, OP_GT)
COMPARISON(ge, OP_GE)
COMPARISON(lt, OP_LT)
COMPARISON(le, OP_LE)

const struct function jinja_tests[] = {
	{ "odd", "value", test_odd, NULL },
	{ "even", "value", test_even, NULL },
	{ "divisibleby", "value num", test_divisibleby, NULL },
	{ "defined", "value", test_defined, NULL },
	{ "undefined", "value", test_undefined, NULL },
	{ "filter", "value", test_filter, NULL },
	{ "test", "value", test_test, NULL },
	{ "none", "value", test_none, NULL },
	{ "boolean", "value", test_boolean, NULL },
	{ "false", "value", test_false, NULL },
	{ "true", "value", test_true, NULL },
	{ "integer", "value", test_integer, NULL },
	{ "float", "value", test_float, NULL },
	{ "lower", "value", test_lower, NULL },
	{ "upper", "value", test_upper, NULL },
	{ "string", "value", test_string, NULL },
	{ "mapping", "value", test_mapping, NULL },
	{ "number", "value", test_number, NULL },
	{ "sequence", "value", test_sequence, NULL },
	{ "iterable", "value", test_iterable, NULL },
	{ "callable", "0", test_callable, NULL },
	{ "sameas", "value other", test_sameas, NULL },
	{ "escaped", "value", test_escaped, NULL },
	{ "in", "value seq", test_in, NULL },
	{ "==", "0 1", test_eq, NULL },
	{ "eq", "0 1", test_eq, NULL },
	{ "equalto", "0 1", test_eq, NULL },
	{ "!=", "0 1", test_ne, NULL },
	{ "ne", "0 1", test_ne, NULL },
	{ ">", "0 1", test_gt, NULL },
	{ "gt", "0 1", test_gt, NULL },
	{ "greaterthan", "0 1", test_gt, NULL },
	{ "ge", "0 1", test_ge, NULL },
	{ ">=", "0 1", test_ge, NULL },
	{ "<", "0 1", test_lt, NULL },
	{ "lt", "0 1", test_lt, NULL },
	{ "lessthan", "0 1", test_lt, NULL },
	{ "<=", "0 1", test_le, NULL },
	{ "le", "0 1", test_le, NULL },
	{ NULL, NULL, NULL, NULL },
};
