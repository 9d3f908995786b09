/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that need no engine: assigners, aggregator; inputs of the start form; think blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/flow.h"
#include "flow/node/node.h"
#include "flow/node/prompt.h"

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	if (json_parse(mem, str_c(text), &v))
		print_error("%s\n", text);
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static void fill(struct arena *mem, struct pool *p)
{
	pool_init(p, mem);
	pool_set(p, S("conversation"), S("n"), json_int(mem, 4), VAR_NUMBER);
	pool_set(p, S("conversation"), S("t"), json_str(mem, S("x")), VAR_STRING);
	pool_set(p, S("conversation"), S("l"), parse(mem, "[\"a\",\"b\"]"), VAR_ARRAY_STRING);
	pool_set(p, S("conversation"), S("e"), json_arr(mem), VAR_ARRAY_NUMBER);
	pool_set(p, S("conversation"), S("o"), parse(mem, "{\"k\":1}"), VAR_OBJECT);
	pool_set(p, S("conversation"), S("b"), json_bool(mem, true), VAR_BOOLEAN);
	pool_set(p, S("c"), S("s"), json_str(mem, S("new")), VAR_INFER);
	pool_set(p, S("c"), S("i"), json_int(mem, 7), VAR_INFER);
	pool_set(p, S("c"), S("more"), parse(mem, "[\"c\",\"d\"]"), VAR_INFER);
	pool_set(p, S("c"), S("z"), json_null(mem), VAR_INFER);
}

static struct node_result result_of(struct arena *mem, struct pool *p, const char *data, status (*exec)(struct node_run *), status *st)
{
	struct graph_node n = { .id = S("x"), .version = S("2"), .data = parse(mem, data) };
	struct node_result r = { 0 };
	struct node_run run = { .mem = mem, .node = &n, .data = n.data, .pool = p, .result = &r };
	*st = exec(&run);
	return r;
}

#define V2(target, op, input, value) "{\"items\":[{\"variable_selector\":[\"conversation\",\"" target "\"],\"operation\":\"" op "\",\"input_type\":\"" input "\",\"value\":" value "}]}"
static const struct {
	const char *data, *name, *want; /* want NULL: an error with this text in name */
} second[] = {
	{ V2("n", "+=", "constant", "1"), "n", "5" },
	{ V2("n", "+=", "constant", "0.5"), "n", "4.5" },
	{ V2("n", "-=", "constant", "6"), "n", "-2" },
	{ V2("n", "*=", "constant", "3"), "n", "12" },
	{ V2("n", "/=", "constant", "8"), "n", "0.5" },
	{ V2("n", "/=", "constant", "0"), "Invalid input value", NULL },
	{ V2("n", "+=", "variable", "[\"c\",\"i\"]"), "Input type variable", NULL },
	{ V2("t", "+=", "constant", "1"), "Operation += is not supported for type string", NULL },
	{ V2("t", "over-write", "variable", "[\"c\",\"s\"]"), "t", "\"new\"" },
	{ V2("t", "over-write", "variable", "[\"c\",\"i\"]"), "Invalid input value", NULL },
	{ V2("t", "over-write", "variable", "[\"c\",\"z\"]"), "t", "\"x\"" }, /* none: skipped silently */
	{ V2("t", "over-write", "variable", "[\"c\",\"gone\"]"), "Variable ['c', 'gone'] not found", NULL },
	{ V2("t", "over-write", "constant", "\"{{#c.s#}}\""), "t", "\"{{#c.s#}}\"" },
	{ V2("t", "set", "constant", "\"y\""), "t", "\"y\"" },
	{ V2("o", "set", "constant", "\"{\\\"z\\\":[1]}\""), "o", "{\"z\":[1]}" },
	{ V2("o", "set", "constant", "\"nonsense\""), "Invalid input value", NULL },
	{ V2("b", "set", "constant", "false"), "b", "false" },
	{ V2("n", "clear", "", "null"), "n", "0" },
	{ V2("t", "clear", "", "null"), "t", "\"\"" },
	{ V2("o", "clear", "", "null"), "o", "{}" },
	{ V2("b", "clear", "", "null"), "b", "false" },
	{ V2("l", "clear", "", "null"), "l", "[]" },
	{ V2("l", "clear", "constant", "null"), "Input type constant", NULL },
	{ V2("l", "append", "variable", "[\"c\",\"s\"]"), "l", "[\"a\",\"b\",\"new\"]" },
	{ V2("e", "append", "variable", "[\"c\",\"s\"]"), "Invalid input value", NULL },
	{ V2("e", "append", "variable", "[\"c\",\"i\"]"), "e", "[7]" },
	{ V2("l", "append", "constant", "\"q\""), "Input type constant", NULL },
	{ V2("l", "extend", "variable", "[\"c\",\"more\"]"), "l", "[\"a\",\"b\",\"c\",\"d\"]" },
	{ V2("l", "remove-first", "variable", "null"), "l", "[\"b\"]" },
	{ V2("l", "remove-last", "variable", "null"), "l", "[\"a\"]" },
	{ V2("e", "remove-last", "variable", "null"), "e", "[]" },
	{ V2("n", "append", "variable", "[\"c\",\"i\"]"), "Operation append is not supported for type integer", NULL },
	{ V2("gone", "clear", "", "null"), "Variable ['conversation', 'gone'] not found", NULL },
};

static void assigner_second_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(second); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		status st;
		fill(mem.p, &p);
		struct node_result r = result_of(mem.p, &p, second[i].data, node_assigner_v2_exec, &st);
		print_message("case %zu: %s %.*s\n", i, second[i].data, STR(r.error));
		assert_int_equal(st, second[i].want ? 0 : -1);
		if (st) {
			assert_true(str_has(r.error, str_c(second[i].name)));
			continue;
		}
		struct str got = json_text(mem.p, &pool_find(&p, S("conversation"), str_c(second[i].name))->value, JSON_COMPACT);
		if (!str_eq(got, str_c(second[i].want)))
			print_error("got %.*s\n", STR(got));
		assert_true(str_eq(got, str_c(second[i].want)));
	}
}

static void earlier_writes_stay(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool p;
	status st;
	(void)state;
	fill(mem.p, &p);
	(void)result_of(mem.p, &p,
			"{\"items\":[{\"variable_selector\":[\"conversation\",\"n\"],\"operation\":\"+=\",\"input_type\":\"constant\",\"value\":1},{\"variable_selector\":[\"conversation\",\"t\"],\"operation\":\"+=\",\"input_type\":\"constant\",\"value\":1}]}",
			node_assigner_v2_exec, &st);
	assert_int_equal(st, -1);
	assert_int_equal(json_as_int(&pool_find(&p, S("conversation"), S("n"))->value, 0), 5);
}

#define V1(target, mode, node, name) "{\"assigned_variable_selector\":[\"conversation\",\"" target "\"],\"write_mode\":\"" mode "\",\"input_variable_selector\":[\"" node "\",\"" name "\"]}"
static const struct {
	const char *data, *name, *want;
} first[] = {
	{ V1("t", "over-write", "c", "s"), "t", "\"new\"" },
	{ V1("l", "append", "c", "s"), "l", "[\"a\",\"b\",\"new\"]" },
	{ V1("l", "clear", "c", "s"), "l", "[]" },
	{ V1("gone", "clear", "c", "s"), "assigned variable not found", NULL },
	{ V1("t", "over-write", "c", "gone"), "input value not found", NULL },
};

static void assigner_first_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(first); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		status st;
		fill(mem.p, &p);
		struct node_result r = result_of(mem.p, &p, first[i].data, node_assigner_v1_exec, &st);
		print_message("case %zu %.*s\n", i, STR(r.error));
		assert_int_equal(st, first[i].want ? 0 : -1);
		if (st)
			assert_true(str_eq(r.error, str_c(first[i].name)));
		else
			assert_true(str_eq(json_text(mem.p, &pool_find(&p, S("conversation"), str_c(first[i].name))->value, JSON_COMPACT), str_c(first[i].want)));
	}
}

static const struct {
	const char *data, *outputs, *inputs;
} aggregates[] = {
	{ "{\"variables\":[[\"gone\",\"x\"],[\"c\",\"i\"],[\"c\",\"s\"]]}", "{\"output\":7}", "{\"i\":7}" },
	{ "{\"variables\":[[\"c\",\"z\"],[\"c\",\"i\"]]}", "{\"output\":null}", "{\"z\":null}" }, /* none counts */
	{ "{\"variables\":[[\"gone\",\"x\"]]}", "{}", NULL },
	{ "{\"variables\":[[\"conversation\",\"o\",\"k\"]]}", "{\"output\":1}", "{\"o.k\":1}" },
	{ "{\"advanced_settings\":{\"group_enabled\":true,\"groups\":[{\"group_name\":\"g\",\"variables\":[[\"c\",\"s\"]]},{\"group_name\":\"h\",\"variables\":[[\"gone\",\"s\"]]}]}}", "{\"g\":{\"output\":\"new\"}}", "{\"s\":\"new\"}" },
};

static void aggregator_takes_the_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(aggregates); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		status st;
		fill(mem.p, &p);
		struct node_result r = result_of(mem.p, &p, aggregates[i].data, node_aggregator_exec, &st);
		print_message("case %zu\n", i);
		assert_int_equal(st, 0);
		assert_true(str_eq(json_text(mem.p, r.outputs, JSON_COMPACT), str_c(aggregates[i].outputs)));
		if (aggregates[i].inputs)
			assert_true(str_eq(json_text(mem.p, r.inputs, JSON_COMPACT), str_c(aggregates[i].inputs)));
	}
}

#define VAR(type, more) "[{\"variable\":\"v\",\"type\":\"" type "\"" more "}]"
static const struct {
	const char *variables, *given, *want; /* want: outputs, or the error's text after "!" */
} inputs[] = {
	{ VAR("text-input", ",\"required\":true"), "{}", "!v is required in input form" },
	{ VAR("text-input", ",\"required\":true"), "{\"v\":null}", "!v is required in input form" },
	{ VAR("text-input", ",\"required\":true"), "{\"v\":\"\"}", "{\"v\":\"\"}" },
	{ VAR("text-input", ",\"max_length\":5"), "{\"v\":\"abcdef\"}", "!v in input form must be less than 5 characters" },
	{ VAR("text-input", ",\"max_length\":5"), "{\"v\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\",\"other\":1}", "{\"v\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}" },
	{ VAR("text-input", ""), "{\"v\":5}", "!(type 'text-input') v in input form must be a string" },
	{ VAR("paragraph", ",\"default\":\"dflt\""), "{\"v\":null}", "{\"v\":\"dflt\"}" },
	{ VAR("paragraph", ""), "{}", "{\"v\":null}" },
	{ VAR("select", ",\"options\":[\"a\",\"b\"]"), "{\"v\":\"b\"}", "{\"v\":\"b\"}" },
	{ VAR("select", ",\"options\":[\"a\",\"b\"]"), "{\"v\":\"\"}", "!v in input form must be one of the following: ['a', 'b']" },
	{ VAR("number", ""), "{\"v\":\"3\"}", "{\"v\":3}" },
	{ VAR("number", ""), "{\"v\":\"3.0\"}", "{\"v\":3.0}" },
	{ VAR("number", ""), "{\"v\":2.5}", "{\"v\":2.5}" },
	{ VAR("number", ""), "{\"v\":\" \"}", "{\"v\":null}" },
	{ VAR("number", ""), "{\"v\":\"x\"}", "!v in input form must be a valid number" },
	{ VAR("number", ""), "{\"v\":[1]}", "!v in input form must be a valid number" },
	{ VAR("checkbox", ""), "{\"v\":\"yes\"}", "{\"v\":true}" },
	{ VAR("checkbox", ""), "{\"v\":0}", "{\"v\":false}" },
	{ VAR("checkbox", ""), "{\"v\":\"maybe\"}", "{\"v\":\"maybe\"}" },
	{ VAR("checkbox", ""), "{}", "{\"v\":null}" },
	{ VAR("json_object", ""), "{\"v\":{\"k\":1}}", "{\"v\":{\"k\":1}}" },
	{ VAR("json_object", ""), "{\"v\":\"{}\"}", "!v in input form must be a dict" },
	{ VAR("file", ""), "{\"v\":\"x\"}", "!v in input form must be a file" },
	{ VAR("file", ""), "{\"v\":[]}", "!v in input form must be a file" },
	{ VAR("file", ""), "{\"v\":\"\"}", "{\"v\":null}" },
	{ VAR("file-list", ""), "{\"v\":{}}", "!v in input form must be a list of files" },
	{ VAR("file-list", ""), "{\"v\":[]}", "{\"v\":[]}" },
	{ VAR("file-list", ""), "{\"v\":[{\"type\":\"image\"}]}", "{\"v\":[]}" }, /* no method: dropped */
	{ "[]", "{\"v\":1}", "{}" },
};

static void inputs_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(inputs); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *out;
		status st = flow_check_inputs(NULL, mem.p, S("t"), parse(mem.p, inputs[i].variables), parse(mem.p, inputs[i].given), &out);
		struct str got = st ? arena_printf(mem.p, "!%.*s", STR(err_text())) : json_text(mem.p, out, JSON_COMPACT);
		print_message("case %zu: %.*s\n", i, STR(got));
		assert_true(str_eq(got, str_c(inputs[i].want)));
		if (st)
			assert_int_equal(err_code(), ERR_INVALID);
	}
}

static const struct {
	const char *text, *rest, *thoughts;
} thinking[] = {
	{ "plain", "plain", "" },
	{ "<think>\nI ponder.\n</think>\n\nThe answer is 42.", "The answer is 42.", "I ponder." },
	{ "a<THINK x=\"1\">b</Think>c<think>d</think>e", "ace", "b\nd" },
	{ "a<think>open", "a", "open" },
	{ "one\n<think>x</think>\n\n\n\ntwo", "one\n\ntwo", "x" },
};

static void thoughts_are_split(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	(void)state;
	for (size_t i = 0; i < countof(thinking); i++) {
		struct str thoughts, rest = prompt_split_thoughts(mem.p, str_c(thinking[i].text), &thoughts);
		print_message("case %zu: %.*s\n", i, STR(rest));
		assert_true(str_eq(rest, str_c(thinking[i].rest)));
		assert_true(str_eq(thoughts, str_c(thinking[i].thoughts)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assigner_second_version), cmocka_unit_test(earlier_writes_stay),
		cmocka_unit_test(assigner_first_version), cmocka_unit_test(aggregator_takes_the_first),
		cmocka_unit_test(inputs_are_checked), cmocka_unit_test(thoughts_are_split),
	};
	return cmocka_run_group_tests_name("flow_nodes", tests, NULL, NULL);
}
