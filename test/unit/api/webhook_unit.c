/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent to webhooks: pairs of queries and forms, values by their declared types, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "api/trigger/trigger.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

static void pairs(void **state)
{
	static const char *const cases[][2] = {
		{ "", "{}" },
		{ "a=1", "{\"a\":\"1\"}" },
		{ "a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}" },
		{ "a=1&a=2", "{\"a\":\"1\"}" },
		{ "a", "{\"a\":\"\"}" },
		{ "a=&=b&&c", "{\"a\":\"\",\"c\":\"\"}" },
		{ "a=b=c", "{\"a\":\"b=c\"}" },
		{ "a%20b=c+d%2B", "{\"a b\":\"c d+\"}" },
		{ "a=%zz", "{\"a\":\"%zz\"}" },
		{ "a=%ff&b=1", "{\"b\":\"1\"}" }, /* no UTF-8: left out */
		{ "k=%E3%81%9F", "{\"k\":\"\xE3\x81\x9F\"}" },
	};
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(cases); i++) {
		print_message("case %zu: %s\n", i, cases[i][0]);
		struct json *o = webhook_pairs(mem.p, str_c(cases[i][0]));
		assert_string_equal(arena_cstr(mem.p, json_text(mem.p, o, JSON_COMPACT)), cases[i][1]);
	}
}

static const struct {
	const char *text, *type, *value, *error;
} conversions[] = {
	{ "x", "string", "\"x\"", NULL },
	{ "x", "", "\"x\"", NULL },
	{ "5", "number", "5", NULL },
	{ "-5.0", "number", "-5", NULL },
	{ "2.5", "number", "2.5", NULL },
	{ " 7 ", "number", "7", NULL },
	{ "1e3", "number", "1000", NULL },
	{ "1e300", "number", "1e+300", NULL },
	{ "true", "boolean", "true", NULL },
	{ "NO", "boolean", "false", NULL },
	{ "1", "boolean", "true", NULL },
	{ "0", "boolean", "false", NULL },
	{ "", "number", NULL, "Parameter 'p' validation failed: Cannot convert '' to number" },
	{ "nan", "number", NULL, "Parameter 'p' validation failed: Cannot convert 'nan' to number" },
	{ "1e999", "number", NULL, "Parameter 'p' validation failed: Cannot convert '1e999' to number" },
	{ "five", "number", NULL, "Parameter 'p' validation failed: Cannot convert 'five' to number" },
	{ "on", "boolean", NULL, "Parameter 'p' validation failed: Cannot convert 'on' to boolean" },
	{ "", "boolean", NULL, "Parameter 'p' validation failed: Cannot convert '' to boolean" },
	{ "{}", "object", NULL, "Parameter 'p' validation failed: Unsupported type 'object' for form data parameter 'p'" },
};

static void converts(void **state)
{
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(conversions); i++) {
		struct json *out;
		print_message("case %zu: '%s' as %s\n", i, conversions[i].text, conversions[i].type);
		status st = webhook_convert(mem.p, S("p"), str_c(conversions[i].text), str_c(conversions[i].type), &out);
		assert_int_equal(st, conversions[i].error ? -1 : 0);
		struct str got = st ? err_text() : json_text(mem.p, out, JSON_COMPACT);
		assert_string_equal(arena_cstr(mem.p, got), conversions[i].error ? conversions[i].error : conversions[i].value);
	}
}

static const struct {
	const char *value, *type, *error;
} checks[] = {
	{ "\"x\"", "string", NULL },
	{ "1", "number", NULL },
	{ "1.5", "number", NULL },
	{ "true", "boolean", NULL },
	{ "{}", "object", NULL },
	{ "[]", "array[string]", NULL },
	{ "[1,\"x\",null]", "array[any]", NULL },
	{ "[1]", "array", NULL },
	{ "[1,2.5]", "array[number]", NULL },
	{ "5", "something", NULL },
	{ "null", "string", "Expected string, got NoneType" },
	{ "true", "number", "Expected number, got bool" },
	{ "1", "boolean", "Expected boolean, got int" },
	{ "\"1\"", "number", "Expected number, got str" },
	{ "[]", "object", "Expected object, got list" },
	{ "{}", "array[string]", "Expected array of strings, got dict" },
	{ "[1]", "array[string]", "Expected array of strings, got list" },
	{ "[{},1]", "array[object]", "Expected array of objects, got list" },
	{ "1.5", "string", "Expected string, got float" },
};

static void checks_values(void **state)
{
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(checks); i++) {
		struct json *v;
		print_message("case %zu: %s as %s\n", i, checks[i].value, checks[i].type);
		assert_int_equal(json_parse(mem.p, str_c(checks[i].value), &v), 0);
		assert_int_equal(webhook_check(mem.p, S("p"), v, str_c(checks[i].type)), checks[i].error ? -1 : 0);
		if (checks[i].error)
			assert_string_equal(arena_cstr(mem.p, err_text()),
					    arena_cstr(mem.p, arena_printf(mem.p, "Parameter 'p' validation failed: %s", checks[i].error)));
	}
}

static void answers(void **state)
{
	static const char *const cases[][2] = {
		{ "", "{\"status\":\"success\",\"message\":\"Webhook processed successfully\"}" },
		{ "  ", "{\"status\":\"success\",\"message\":\"Webhook processed successfully\"}" },
		{ "{\"a\":[1]}", "{\"a\":[1]}" },
		{ " [1, 2]", "[1,2]" },
		{ "{broken", "{\"message\":\"{broken\"}" },
		{ "thanks", "{\"message\":\"thanks\"}" },
		{ "5", "{\"message\":\"5\"}" },
	};
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(cases); i++) {
		struct json *node = json_obj(mem.p);
		print_message("case %zu: %s\n", i, cases[i][0]);
		json_set_str(mem.p, node, S("response_body"), str_c(cases[i][0]));
		assert_string_equal(arena_cstr(mem.p, json_text(mem.p, webhook_answer(mem.p, node), JSON_COMPACT)), cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs), cmocka_unit_test(converts), cmocka_unit_test(checks_values),
		cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
