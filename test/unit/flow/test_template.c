/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template-transform and jinja2 prompts, as far as they need no engine: what a template sees, its
 * failures. The limit, threads and the sandbox: test/e2e/test_template.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/node/node.h"

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static const char file[] = "{\"dify_model_identity\":\"__dify__file__\",\"filename\":\"a.txt\",\"size\":3}";

static void fill(struct arena *mem, struct pool *p)
{
	pool_init(p, mem);
	pool_set(p, S("v"), S("text"), json_str(mem, S("hi")), VAR_STRING);
	pool_set(p, S("v"), S("n"), json_int(mem, 7), VAR_NUMBER);
	pool_set(p, S("v"), S("f"), json_float(mem, 2), VAR_NUMBER);
	pool_set(p, S("v"), S("list"), parse(mem, "[\"a\",\"b\"]"), VAR_ARRAY_STRING);
	pool_set(p, S("v"), S("o"), parse(mem, "{\"k\":[1,null]}"), VAR_OBJECT);
	pool_set(p, S("v"), S("file"), parse(mem, file), VAR_FILE);
	pool_set(p, S("v"), S("none"), json_null(mem), VAR_NONE);
}

#define ONE(name) "[{\"variable\":\"x\",\"value_selector\":[\"v\",\"" name "\"]}]"

static const struct {
	const char *template, *variables, *want; /* want "!..." = a failure */
} cases[] = {
	{ "plain", "[]", "plain" },
	{ "{{ x }}", ONE("text"), "hi" },
	{ "{{ x }}", ONE("n"), "7" },
	{ "{{ x }}", ONE("f"), "2.0" },
	{ "{% for i in x %}{{ loop.index }}{{ i|upper }}{% endfor %}", ONE("list"), "1A2B" },
	{ "{{ x.k[0] }}{{ x }}", ONE("o"), "1{'k': [1, None]}" },
	{ "{{ x.filename }}{{ x['size'] }}", ONE("file"), "a.txt3" },
	{ "{{ x }}|{{ x is none }}", ONE("none"), "None|True" },
	{ "{{ x }}|{{ x is none }}", ONE("gone"), "None|True" },
	{ "[{{ y }}]", ONE("text"), "[]" },
	{ "{{ v }}", ONE("text"), "" },
	{ "{{#v.text#}}", ONE("text"), "!jinja2.exceptions.TemplateSyntaxError: unexpected char '#' at 2 (line 1)" },
	{ "{{ x.y.z }}", ONE("o"), "!jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'y' (line 1)" },
	{ "{{ x + 1 }}", ONE("text"), "!TypeError: can only concatenate str (not \"int\") to str (line 1)" },
	{ "{{ x.__class__ }}", ONE("text"), "!The template needs the sandbox for the attribute '__class__', and this "
					     "server has none (CODE_EXECUTION_ENDPOINT)" },
};

static status run_template(struct arena *mem, struct pool *p, const char *template, const char *variables,
			   struct node_result *result)
{
	struct json *data = json_obj(mem);
	json_set_str(mem, data, S("template"), str_c(template));
	json_set(mem, data, S("variables"), parse(mem, variables));
	struct graph_node n = { .id = S("x"), .data = data };
	struct node_run run = { .mem = mem, .node = &n, .data = data, .pool = p, .result = result };
	assert_int_equal(node_template_check(mem, &n), 0);
	return node_template_exec(&run);
}

static void templates(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		struct node_result r = { 0 };
		fill(mem.p, &p);
		print_message("case %zu: %s\n", i, cases[i].template);
		status st = run_template(mem.p, &p, cases[i].template, cases[i].variables, &r);
		if (cases[i].want[0] == '!') {
			assert_int_equal(st, -1);
			assert_string_equal(arena_cstr(mem.p, r.error), cases[i].want + 1);
			assert_true(str_eq(r.error_type, S("CodeExecutionError")));
		} else {
			assert_int_equal(st, 0);
			struct str have = json_get_str(r.outputs, S("output"));
			assert_string_equal(arena_cstr(mem.p, have), cases[i].want);
		}
	}
}

static void inputs_are_shown(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool p;
	struct node_result r = { 0 };
	(void)unused;
	fill(mem.p, &p);
	assert_int_equal(run_template(mem.p, &p, "", ONE("gone"), &r), 0);
	struct str shown = json_text(mem.p, r.inputs, JSON_COMPACT);
	assert_string_equal(arena_cstr(mem.p, shown), "{\"x\":null}");
}

static void bad_nodes_are_refused(void **unused)
{
	static const char *const rows[][2] = {
		{ "{}", "template: must be a text" },
		{ "{\"template\":5}", "template: must be a text" },
		{ "{\"template\":\"\",\"variables\":{}}", "variables: must be an array" },
	};
	(void)unused;
	for (size_t i = 0; i < countof(rows); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct graph_node n = { .id = S("x"), .data = parse(mem.p, rows[i][0]) };
		print_message("case %zu: %s\n", i, rows[i][0]);
		assert_int_equal(node_template_check(mem.p, &n), -1);
		assert_string_equal(arena_cstr(mem.p, err_text()), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates),
		cmocka_unit_test(inputs_are_shown),
		cmocka_unit_test(bad_nodes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
