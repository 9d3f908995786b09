/* SPDX-License-Identifier: Apache-2.0 */
/* What a code node accepts as its result: types, limits, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/node/code_output.h"
#include "flow/node/node.h"

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	if (json_parse(mem, str_c(text), &v))
		print_error("%s\n", text);
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

#define OUT(type) "{\"x\":{\"type\":\"" type "\",\"children\":null}}"
#define TREE "{\"o\":{\"type\":\"object\",\"children\":{\"k\":{\"type\":\"string\"},\"l\":{\"type\":\"array[object]\",\"children\":{\"n\":{\"type\":\"number\"}}}}}}"
#define V "OutputValidationError: "

static const struct {
	const char *outputs, *result, *want; /* want: JSON, or "!class: text" */
} cases[] = {
	{ OUT("string"), "{\"x\":\"a\\u0000b\"}", "{\"x\":\"ab\"}" },
	{ OUT("string"), "{\"x\":null}", "{\"x\":null}" },
	{ OUT("string"), "{\"x\":1}", "!" V "Output x must be a string, got int instead" },
	{ OUT("string"), "{\"x\":true}", "!" V "Output x must be a string, got bool instead" },
	{ OUT("string"), "{\"x\":\"12345678901\"}", "!" V "The length of output variable `x` must be less than 10 characters" },
	{ OUT("string"), "{\"x\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", "{\"x\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}" },
	{ OUT("string"), "{}", "!" V "Output x is missing." },
	{ OUT("string"), "{\"x\":\"a\",\"y\":1}", "!CodeNodeError: Not all output parameters are validated." },
	{ "{}", "{}", "{}" },
	{ "{}", "{\"y\":1}", "!CodeNodeError: Not all output parameters are validated." },
	{ OUT("number"), "{\"x\":true}", "{\"x\":1}" },
	{ OUT("number"), "{\"x\":false}", "{\"x\":0}" },
	{ OUT("number"), "{\"x\":2.5}", "{\"x\":2.5}" },
	{ OUT("number"), "{\"x\":\"2\"}", "!" V "Output x is not a number, got <class 'str'> instead." },
	{ OUT("number"), "{\"x\":9223372036854775807}", "{\"x\":9223372036854775807}" },
	{ OUT("number"), "{\"x\":9223372036854775808}", "!" V "Output variable `x` is out of range, it must be between -9223372036854775808 and 9223372036854775807." },
	{ OUT("number"), "{\"x\":-9223372036854775808}", "{\"x\":-9223372036854775808}" },
	{ OUT("number"), "{\"x\":1e300}", "!" V "Output variable `x` is out of range, it must be between -9223372036854775808 and 9223372036854775807." },
	{ OUT("number"), "{\"x\":1e-20}", "{\"x\":1e-20}" },
	{ OUT("number"), "{\"x\":1e-21}", "!" V "Output variable `x` has too high precision, it must be less than 20 digits." },
	{ OUT("number"), "{\"x\":1.5e-20}", "!" V "Output variable `x` has too high precision, it must be less than 20 digits." },
	{ OUT("boolean"), "{\"x\":true}", "{\"x\":true}" },
	{ OUT("boolean"), "{\"x\":null}", "{\"x\":null}" },
	{ OUT("object"), "{\"x\":{\"a\":[1,2.5,null,true],\"b\":\"\"}}", "{\"x\":{\"a\":[1,2.5,null,true],\"b\":\"\"}}" },
	{ OUT("object"), "{\"x\":[]}", "!" V "Output x is not an object, got <class 'list'> instead." },
	{ OUT("object"), "{\"x\":{\"k\":[1,\"x\"]}}", "!" V "Output .x.k is not a valid array. make sure all elements are of the same type." },
	{ OUT("object"), "{\"x\":{\"k\":[[1],[2]]}}", "{\"x\":{\"k\":[[1],[2]]}}" },
	{ OUT("object"), "{\"x\":{\"k\":[null,1,\"x\"]}}", "{\"x\":{\"k\":[null,1,\"x\"]}}" }, /* only a first element that is something decides */
	{ OUT("object"), "{\"x\":{\"k\":[{\"a\":\"12345678901\"}]}}", "!" V "The length of output variable `.x.k[0].a` must be less than 10 characters" },
	{ OUT("object"), "{\"x\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}}", "{\"x\":{\"a\":{\"b\":{\"c\":{\"d\":1}}}}}" },
	{ OUT("object"), "{\"x\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}}", "!DepthLimitError: Depth limit 5 reached, object too deep." },
	{ OUT("array[string]"), "{\"x\":[\"a\",null]}", "{\"x\":[\"a\",null]}" },
	{ OUT("array[string]"), "{\"x\":[\"a\",1]}", "!" V "Output x[1] must be a string, got int instead" },
	{ OUT("array[string]"), "{\"x\":\"a\"}", "!" V "Output x is not an array, got <class 'str'> instead." },
	{ OUT("array[string]"), "{\"x\":[\"\",\"\",\"\",\"\"]}", "!" V "The length of output variable `x` must be less than 3 elements." },
	{ OUT("array[number]"), "{\"x\":[1,2.5,true]}", "{\"x\":[1,2.5,1]}" },
	{ OUT("array[number]"), "{\"x\":[1,null]}", "!" V "The element at index 1 of output variable `x` must be a number." },
	{ OUT("array[number]"), "{\"x\":[1,2,3,4,5]}", "!" V "The length of output variable `x` must be less than 4 elements." },
	{ OUT("array[object]"), "{\"x\":[{\"a\":1},null]}", "{\"x\":[{\"a\":1},null]}" },
	{ OUT("array[object]"), "{\"x\":[{},5]}", "!" V "Output x[1] is not an object, got <class 'int'> instead at index 1." },
	{ OUT("array[object]"), "{\"x\":[{},{},{}]}", "!" V "The length of output variable `x` must be less than 2 elements." },
	{ OUT("array[boolean]"), "{\"x\":[true,null,false]}", "{\"x\":[true,null,false]}" },
	{ OUT("array[boolean]"), "{\"x\":[true,1]}", "!" V "Output x[1] is not a boolean, got <class 'int'> instead." },
	{ OUT("array[string]"), "{\"x\":null}", "{\"x\":null}" },
	{ TREE, "{\"o\":{\"l\":[{\"n\":1}],\"k\":\"v\"}}", "{\"o\":{\"k\":\"v\",\"l\":[{\"n\":1}]}}" },
	{ TREE, "{\"o\":{\"l\":[{\"n\":\"x\"}],\"k\":\"v\"}}", "!" V "Output .o.l[0].n is not a number, got <class 'str'> instead." },
	{ TREE, "{\"o\":{\"k\":\"v\"}}", "!" V "Output .o.l is missing." },
	{ TREE, "{\"o\":{\"k\":\"v\",\"l\":null,\"z\":1}}", "!CodeNodeError: Not all output parameters are validated." },
};

static void results(void **state)
{
	const struct code_limits limits = { INT64_MAX, INT64_MIN, 5, 20, 10, 3, 2, 4 };
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct node_result r = { 0 };
		struct node_run run = { .mem = mem.p, .result = &r };
		struct json *out = NULL;
		assert_int_equal(code_output_declared(parse(mem.p, cases[i].outputs)), 0);
		status st = code_output_check(&run, &limits, parse(mem.p, cases[i].outputs), parse(mem.p, cases[i].result), &out);
		struct str got = st ? arena_printf(mem.p, "!%.*s: %.*s", STR(r.error_type), STR(r.error)) :
				      json_text(mem.p, out, JSON_COMPACT);
		print_message("case %zu: %s -> %.*s\n", i, cases[i].result, STR(got));
		assert_true(str_eq(got, str_c(cases[i].want)));
	}
}

static const struct {
	const char *outputs, *want;
} declarations[] = {
	{ "[]", "outputs: must be an object" },
	{ "{\"x\":{\"type\":\"text\"}}", "outputs.x.type: must be one of" },
	{ "{\"x\":5}", "outputs.x.type: must be one of" },
	{ "{\"x\":{\"type\":\"object\",\"children\":{\"y\":{\"type\":\"file\"}}}}", "outputs.y.type: must be one of" },
};

static void wrong_declarations(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(declarations); i++) {
		AUTO(arena) mem = { arena_open(0) };
		assert_int_equal(code_output_declared(parse(mem.p, declarations[i].outputs)), -1);
		print_message("%s: %.*s\n", declarations[i].outputs, STR(err_text()));
		assert_true(str_starts(err_text(), str_c(declarations[i].want)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(results), cmocka_unit_test(wrong_declarations) };
	return cmocka_run_group_tests_name("flow_code_output", tests, NULL, NULL);
}
