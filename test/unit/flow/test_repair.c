/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as models write it, and JSON Schema checks of inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "flow/repair.h"
#include "flow/schema.h"

static const struct {
	const char *in, *want; /* NULL: nothing to build from */
} repairs[] = {
	{ "{\"a\": 1}", "{\"a\":1}" },
	{ "```json\n{\"a\": 1}\n```", "{\"a\":1}" },
	{ "Sure! Here it is:\n```\n{\"a\": [1, 2,]}\n```\nBye", "{\"a\":[1,2]}" },
	{ "{'a': 'it', \"b\": True, \"c\": None}", "{\"a\":\"it\",\"b\":true,\"c\":null}" },
	{ "{\"a\": 1,}", "{\"a\":1}" },
	{ "{\"a\": 1 \"b\": 2}", "{\"a\":1,\"b\":2}" },
	{ "{\"a\": {\"b\": [1, 2", "{\"a\":{\"b\":[1,2]}}" },
	{ "{a: b, c: 1.5}", "{\"a\":\"b\",\"c\":1.5}" },
	{ "{\"a\": \"he said \"hi\" to me\"}", "{\"a\":\"he said \\\"hi\\\" to me\"}" },
	{ "{\"a\": 1 // one\n, /* two */ \"b\": 2}", "{\"a\":1,\"b\":2}" },
	{ "text {\"a\": \"x\\u00e9\\ud83d\\ude42\", } more", "{\"a\":\"x\xc3\xa9\xf0\x9f\x99\x82\"}" },
	{ "{\"a\": \"line\nbreak\"}", "{\"a\":\"line\\nbreak\"}" },
	{ "[{\"a\": 1}, {\"b\": 2}", "[{\"a\":1},{\"b\":2}]" },
	{ "{\"a\": \"open", "{\"a\":\"open\"}" },
	{ "this is no json", NULL },
	{ "", NULL },
};

static void broken_json_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(repairs); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *v;
		status st = json_repair(mem.p, str_c(repairs[i].in), &v);
		struct str got = st ? S("error") : json_text(mem.p, v, JSON_COMPACT);
		if (st ? repairs[i].want != NULL : !repairs[i].want || !str_eq(got, str_c(repairs[i].want)))
			print_error("case %zu: %s\n got %.*s\n", i, repairs[i].in, STR(got));
		assert_int_equal(st, repairs[i].want ? 0 : -1);
		if (repairs[i].want)
			assert_true(str_eq(got, str_c(repairs[i].want)));
	}
}

static const struct {
	const char *schema, *value, *why; /* NULL: good */
} checks[] = {
	{ "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\"}}}", "{\"k\":\"x\"}", "'x' is not of type 'integer'" },
	{ "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\"}}}", "{\"k\":2.0}", NULL },
	{ "{\"type\":[\"string\",\"null\"]}", "1", "1 is not of type 'string', 'null'" },
	{ "{\"required\":[\"a\"]}", "{}", "'a' is a required property" },
	{ "{\"additionalProperties\":false,\"properties\":{}}", "{\"z\":1}", "Additional properties are not allowed ('z' was unexpected)" },
	{ "{\"enum\":[1,\"a\"]}", "\"b\"", "'b' is not one of [1, 'a']" },
	{ "{\"const\":5}", "6", "5 was expected" },
	{ "{\"minimum\":3}", "2", "2 is less than the minimum of 3" },
	{ "{\"exclusiveMaximum\":3}", "3", "3 is greater than or equal to the maximum of 3" },
	{ "{\"items\":{\"type\":\"string\"},\"maxItems\":1}", "[1]", "1 is not of type 'string'" },
	{ "{\"maxItems\":1}", "[1,2]", "[1, 2] is too long" },
	{ "{\"minLength\":2}", "\"\xc3\xa9\"", "'\xc3\xa9' is too short" },
	{ "{\"uniqueItems\":true}", "[1,1]", "[1, 1] has non-unique elements" },
	{ "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1", "1 is not valid under any of the given schemas" },
	{ "{\"not\":{\"type\":\"string\"}}", "1", NULL },
	{ "{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":1}}", "\"\"", "'' should be non-empty" },
	{ "true", "1", NULL },
	{ "{\"unknown\":1}", "1", NULL },
};

static void schemas_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(checks); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *schema, *value;
		struct str why;
		assert_int_equal(json_parse(mem.p, str_c(checks[i].schema), &schema), 0);
		assert_int_equal(json_parse(mem.p, str_c(checks[i].value), &value), 0);
		bool good = schema_check(mem.p, schema, value, &why);
		print_message("case %zu: %.*s\n", i, STR(good ? S("good") : why));
		assert_int_equal(good, checks[i].why == NULL);
		if (!good)
			assert_true(str_eq(why, str_c(checks[i].why)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(broken_json_is_read), cmocka_unit_test(schemas_are_checked) };
	return cmocka_run_group_tests_name("flow_repair", tests, NULL, NULL);
}
