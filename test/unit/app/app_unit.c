/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of app files, model configs, hashes, warnings: no database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/app_int.h"

static const struct {
	const char *version;
	int want; /* -1: no version */
} versions[] = {
	{ "0.5.0", DSL_SAME }, { "0.6.0", DSL_SAME }, { "0.5", DSL_SAME },  { "v0.5.1", DSL_SAME },
	{ "0.4.9", DSL_WARN }, { "0.1.0", DSL_WARN }, { "0.6.1", DSL_ASK }, { "0.9.0", DSL_ASK },
	{ "1.0.0", DSL_ASK },  { "abc", -1 },	      { "", -1 },	    { "0.", -1 },
	{ "0.5.x", -1 },       { "-1.0", -1 },	      { "0..5", -1 },
	{ "99999999999999999999.0", -1 },
};

static void versions_compare_as_numbers(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(versions); i++) {
		enum dsl_verdict got = DSL_SAME;
		print_message("case %zu: %s\n", i, versions[i].version);
		status st = dsl_compare(str_c(versions[i].version), &got);
		assert_int_equal(st, versions[i].want < 0 ? -1 : 0);
		if (!st)
			assert_int_equal(got, versions[i].want);
	}
}

static void model_configs_are_completed(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *given;
	assert_int_equal(json_parse(mem.p, S("{\"mine\":1,\"pre_prompt\":\"x\"}"), &given), 0);
	struct json *full = app_full_model_config(mem.p, given);
	assert_true(str_eq(json_get_str(full, S("pre_prompt")), S("x")));
	assert_int_equal(json_get_int(full, S("mine"), 0), 1);
	assert_int_equal(json_len(full), 21);
	assert_true(json_equal(app_full_model_config(mem.p, full), full));
	struct json *completion = app_default_model_config(mem.p, S("completion"), S("p"), S("m"));
	assert_true(str_eq(json_get_str(completion, S("pre_prompt")), S("{{query}}")));
	assert_int_equal(json_len(json_get(completion, S("user_input_form"))), 1);
	assert_null(app_default_model_config(mem.p, S("workflow"), S(""), S("")));
}

static void warnings_name_what_cannot_run(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *file;
	assert_int_equal(json_parse(mem.p,
				    S("{\"workflow\":{\"graph\":{\"nodes\":["
				      "{\"id\":\"1\",\"data\":{\"type\":\"start\",\"title\":\"S\"}},"
				      "{\"id\":\"2\",\"data\":{\"type\":\"datasource\",\"title\":\"T\"}},"
				      "{\"id\":\"3\",\"data\":{\"type\":\"llm\",\"title\":\"L\","
				      "\"prompt_template\":[],\"context\":{\"enabled\":false},\"model\":"
				      "{\"provider\":\"no/such/vendor\",\"name\":\"m\"}}},"
				      "{\"id\":\"4\",\"data\":{\"type\":\"llm\",\"title\":\"K\","
				      "\"prompt_template\":[],\"context\":{\"enabled\":false},\"model\":"
				      "{\"provider\":\"langgenius/openai/openai\",\"name\":\"m\"}}}]}}}"),
				    &file),
			 0);
	struct json *w = dsl_warnings(mem.p, dsl_report(mem.p, file));
	assert_int_equal(json_len(w), 2); /* start and llm run */
	assert_true(str_has(json_as_str(json_at(w, 0), S("")), S("node 'T' (datasource)")));
	assert_true(str_has(json_as_str(json_at(w, 1), S("")), S("no/such/vendor")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_compare_as_numbers),
		cmocka_unit_test(model_configs_are_completed),
		cmocka_unit_test(warnings_name_what_cannot_run),
	};
	return cmocka_run_group_tests_name("app units", tests, NULL, NULL);
}
