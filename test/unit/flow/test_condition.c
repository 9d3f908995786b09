/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of if-else (workflow.md 7.6), short circuit, files by attribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/condition.h"

#define NE "\xe2\x89\xa0"
#define GE "\xe2\x89\xa5"
#define LE "\xe2\x89\xa4"
static const struct {
	const char *value, *op, *expected;
	int want; /* 1, 0, -1 = error */
} rows[] = {
	{ "\"abc\"", "contains", "\"b\"", 1 }, { "\"abc\"", "contains", "\"x\"", 0 },
	{ "\"\"", "contains", "\"b\"", 0 }, { "null", "contains", "\"b\"", 0 },
	{ "[\"a\",\"b\"]", "contains", "\"b\"", 1 }, { "[\"ab\"]", "contains", "\"b\"", 0 },
	{ "[1,2]", "contains", "\"1\"", 0 }, { "5", "contains", "\"5\"", -1 },
	{ "\"abc\"", "not contains", "\"x\"", 1 }, { "\"\"", "not contains", "\"b\"", 1 },
	{ "[]", "not contains", "\"b\"", 1 }, { "[\"b\"]", "not contains", "\"b\"", 0 },
	{ "\"abc\"", "start with", "\"ab\"", 1 }, { "\"\"", "start with", "\"\"", 0 },
	{ "5", "start with", "\"5\"", -1 }, { "\"abc\"", "end with", "\"bc\"", 1 },
	{ "null", "end with", "\"x\"", 0 }, { "\"a\"", "is", "\"a\"", 1 }, { "\"a\"", "is", "\"A\"", 0 },
	{ "null", "is", "\"a\"", 0 }, { "null", "is not", "\"a\"", 0 }, { "\"a\"", "is not", "\"b\"", 1 },
	{ "true", "is", "\"true\"", 1 }, { "true", "is", "\"false\"", 0 }, { "false", "is not", "\"true\"", 1 },
	{ "true", "is", "true", 1 }, { "3", "is", "\"3\"", -1 }, { "\"\"", "empty", "\"\"", 1 },
	{ "[]", "empty", "null", 1 }, { "{}", "empty", "null", 1 }, { "null", "empty", "null", 1 },
	{ "0", "empty", "null", 1 }, { "false", "empty", "null", 1 }, { "1", "empty", "null", 0 },
	{ "0.0", "not empty", "null", 0 }, { "[0]", "not empty", "null", 1 }, { "3", "=", "\"3\"", 1 },
	{ "3", "=", "\"4\"", 0 }, { "3", "=", "\"3.0\"", -1 }, { "3.0", "=", "\"3\"", 1 },
	{ "1.5", "=", "\"1.5\"", 1 }, { "1", "=", "\"1.5\"", -1 }, { "null", "=", "\"1\"", 0 },
	{ "null", NE, "\"1\"", 0 }, { "3", NE, "\"4\"", 1 }, { "\"3\"", "=", "\"3\"", -1 },
	{ "7", ">", "\"5\"", 1 }, { "5", ">", "\"5\"", 0 }, { "5", GE, "\"5\"", 1 }, { "4", LE, "\"5\"", 1 },
	{ "6", "<", "\"5\"", 0 }, { "null", "<", "\"5\"", 0 }, { "2", ">", "\"1.5\"", 1 },
	{ "2", ">", "\"x\"", -1 }, { "\"2\"", ">", "\"1\"", -1 }, { "null", "null", "null", 1 },
	{ "0", "null", "null", 0 }, { "null", "not null", "null", 0 }, { "\"a\"", "in", "[\"a\",\"b\"]", 1 },
	{ "\"c\"", "in", "[\"a\"]", 0 }, { "\"\"", "in", "[\"\"]", 0 }, { "\"a\"", "in", "\"abc\"", -1 },
	{ "\"\"", "not in", "[\"a\"]", 1 }, { "\"c\"", "not in", "[\"a\"]", 1 },
	{ "[\"a\",\"b\"]", "all of", "[\"a\"]", 1 }, { "[\"a\"]", "all of", "[\"a\",\"b\"]", 0 },
	{ "[]", "all of", "[]", 0 }, { "\"x\"", "exists", "null", 1 }, { "null", "exists", "null", 0 },
	{ "null", "not exists", "null", 1 }, { "[true,false]", "contains", "\"true\"", 1 },
	{ "1", "unknown", "1", -1 },
};

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static void operators_compare(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct var v = { .value = *parse(mem.p, rows[i].value) };
		bool holds = false;
		v.type = var_infer(&v.value);
		status st = condition_compare(mem.p, str_c(rows[i].op), &v, parse(mem.p, rows[i].expected), &holds);
		int got = st ? -1 : holds;
		if (got != rows[i].want)
			print_error("case %zu: %s %s %s: got %d\n", i, rows[i].value, rows[i].op, rows[i].expected, got);
		assert_int_equal(got, rows[i].want);
	}
}

#define C(node, name, op, value) "{\"variable_selector\":[\"" node "\",\"" name "\"],\"comparison_operator\":\"" op "\",\"value\":" value "}"
#define SUB(op, logic, subs) "{\"variable_selector\":[\"n\",\"files\"],\"comparison_operator\":\"" op "\",\"sub_variable_condition\":{\"logical_operator\":\"" logic "\",\"conditions\":[" subs "]}}"
#define K(key, op, value) "{\"key\":\"" key "\",\"comparison_operator\":\"" op "\",\"value\":" value "}"
static const struct {
	const char *list;
	bool all;
	int want, looked_at;
} lists[] = {
	{ "[" C("n", "a", "=", "\"1\"") "," C("n", "b", "is", "\"x\"") "]", true, 1, 2 },
	{ "[" C("n", "a", "=", "\"2\"") "," C("n", "gone", "is", "\"x\"") "]", true, 0, 1 }, /* short circuit */
	{ "[" C("n", "a", "=", "\"1\"") "," C("n", "gone", "is", "\"x\"") "]", false, 1, 1 },
	{ "[" C("n", "a", "=", "\"1\"") "," C("n", "gone", "is", "\"x\"") "]", true, -1, 1 },
	{ "[" C("n", "b", "is", "\"{{#n.copy#}}\"") "]", true, 1, 1 }, /* expected texts are templates */
	{ "[]", true, 1, 0 },
	{ "[" SUB("contains", "and", K("type", "in", "[\"image\"]")) "]", true, 1, 1 },
	{ "[" SUB("contains", "and", K("extension", "is", "\"png\"")) "]", true, 1, 1 },
	{ "[" SUB("not contains", "and", K("extension", "is not", "\"png\"")) "]", true, 0, 1 },
	{ "[" SUB("contains", "and", K("size", ">", "\"100\"")) "]", true, 0, 1 },
	{ "[" SUB("contains", "or", K("size", ">", "\"100\"") "," K("name", "contains", "\"d.t\"")) "]", true, 1, 1 },
	{ "[" C("n", "files", "not empty", "\"\"") "]", true, 1, 1 },
};

static void lists_decide(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool p;
	(void)state;
	pool_init(&p, mem.p);
	pool_set(&p, S("n"), S("a"), json_int(mem.p, 1), VAR_INFER);
	pool_set(&p, S("n"), S("b"), json_str(mem.p, S("x")), VAR_INFER);
	pool_set(&p, S("n"), S("copy"), json_str(mem.p, S("x")), VAR_INFER);
	pool_set(&p, S("n"), S("files"), parse(mem.p, "[{\"dify_model_identity\":\"__dify__file__\",\"type\":\"image\",\"extension\":\".png\",\"filename\":\"i.png\",\"size\":5},{\"dify_model_identity\":\"__dify__file__\",\"type\":\"document\",\"extension\":\".txt\",\"filename\":\"d.txt\",\"size\":9}]"), VAR_INFER);
	for (size_t i = 0; i < countof(lists); i++) {
		struct condition_trace t = { json_arr(mem.p), json_arr(mem.p) };
		bool holds = false;
		status st = condition_list(mem.p, &p, parse(mem.p, lists[i].list), lists[i].all, &holds, &t);
		print_message("case %zu\n", i);
		assert_int_equal(st ? -1 : holds, lists[i].want);
		assert_int_equal(t.results->len, lists[i].looked_at);
		if (st)
			assert_true(str_eq(err_text(), S("Variable ['n', 'gone'] not found")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(operators_compare), cmocka_unit_test(lists_decide) };
	return cmocka_run_group_tests_name("flow_condition", tests, NULL, NULL);
}
