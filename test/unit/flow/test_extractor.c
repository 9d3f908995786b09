/* SPDX-License-Identifier: Apache-2.0 */
/* parameter-extractor: where JSON is found in replies, what is complained about, what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "flow/node/extractor.h"

#define P(name, type, more) "{\"name\":\"" name "\",\"type\":\"" type "\",\"description\":\"d\"" more "}"
#define REQ ",\"required\":true"

static const struct {
	const char *parameters, *reply;
	const char *complaint; /* NULL: fits; "none": no JSON found */
	const char *values;
} cases[] = {
	{ "[" P("a", "string", REQ) "]", "{\"a\": \"x\"}", NULL, "{\"a\":\"x\"}" },
	{ "[" P("a", "string", REQ) "]", "Sure!\n```json\n{\"a\": \"x {y} \\\" z\"}\n```", NULL, "{\"a\":\"x {y} \\\" z\"}" },
	{ "[" P("a", "string", "") "]", "nothing here", "none", "{\"a\":\"\"}" },
	{ "[" P("a", "string", "") "]", "", "none", "{\"a\":\"\"}" },
	{ "[" P("a", "number", REQ) "]", "set {x} then {\"a\": 2}", NULL, "{\"a\":2}" },
	{ "[" P("a", "number", REQ) "]", "[{\"a\": 2.5}]", NULL, "{\"a\":2.5}" },
	{ "[" P("a", "number", REQ) "]", "{'a': 3,}", NULL, "{\"a\":3}" },
	{ "[" P("a", "number", REQ) "]", "{\"a\": 4", NULL, "{\"a\":4}" },
	{ "[" P("a", "number", REQ) "]", "{\"a\": \"5\"}", "Invalid value for parameter a: expected number", "{\"a\":5}" },
	{ "[" P("a", "number", REQ) "]", "{\"a\": \"1.5\"}", "Invalid value for parameter a: expected number", "{\"a\":1.5}" },
	{ "[" P("a", "number", REQ) "]", "{\"a\": \"two\"}", "Invalid value for parameter a: expected number", "{\"a\":0}" },
	{ "[" P("a", "number", REQ) "]", "{}", "Invalid number of parameters", "{\"a\":0}" },
	{ "[" P("a", "string", REQ) "," P("b", "bool", "") "]", "{\"a\":\"x\"}", "Invalid number of parameters",
	  "{\"a\":\"x\",\"b\":false}" },
	{ "[" P("a", "string", REQ) "," P("b", "string", "") "]", "{\"c\":\"x\",\"b\":\"y\"}", "Parameter a is required",
	  "{\"a\":\"\",\"b\":\"y\"}" },
	{ "[" P("a", "string", "") "]", "{\"a\": null}", NULL, "{\"a\":\"\"}" },
	{ "[" P("a", "string", "") "]", "{\"a\": 7}", "Invalid value for parameter a: expected string", "{\"a\":\"\"}" },
	{ "[" P("a", "boolean", "") "]", "{\"a\": true}", NULL, "{\"a\":true}" },
	{ "[" P("a", "bool", "") "]", "{\"a\": 1}", "Invalid value for parameter a: expected bool", "{\"a\":true}" },
	{ "[" P("a", "select", ",\"options\":[\"x\",\"y\"]") "]", "{\"a\": \"y\"}", NULL, "{\"a\":\"y\"}" },
	{ "[" P("a", "select", ",\"options\":[\"x\",\"y\"]") "]", "{\"a\": \"z\"}",
	  "Invalid `select` value for parameter a", "{\"a\":\"z\"}" },
	{ "[" P("a", "array[string]", "") "]", "{\"a\": [\"x\", 1, \"y\"]}",
	  "Invalid value in parameter a: expected array[string]", "{\"a\":[\"x\",\"y\"]}" },
	{ "[" P("a", "array[number]", "") "]", "{\"a\": [1, \"2\", 2.5]}",
	  "Invalid value in parameter a: expected array[number]", "{\"a\":[1,2,2.5]}" },
	{ "[" P("a", "array[object]", "") "]", "{\"a\": [{\"k\":1}]}", NULL, "{\"a\":[{\"k\":1}]}" },
	{ "[" P("a", "array[boolean]", "") "]", "{\"a\": \"no\"}", "Invalid value for parameter a: expected array[boolean]",
	  "{\"a\":[]}" },
};

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static void replies_are_read(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *parameters = parse(mem.p, cases[i].parameters);
		struct json *v = extractor_find_json(mem.p, str_c(cases[i].reply));
		struct str why = v ? extractor_complaint(mem.p, parameters, v) : S("none");
		struct str want = str_c(cases[i].complaint);
		struct str got = json_text(mem.p, extractor_normalise(mem.p, parameters, v), JSON_COMPACT);
		if (!str_eq(why, want) || !str_eq(got, str_c(cases[i].values))) {
			print_error("case %zu: %s -> %.*s, %.*s\n", i, cases[i].reply, STR(why), STR(got));
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void schemas_are_built(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	(void)state;
	struct json *p = parse(mem.p, "[" P("a", "select", REQ ",\"options\":[\"x\"]") "," P("b", "array[number]", "") "]");
	struct str got = json_text(mem.p, extractor_schema(mem.p, p), JSON_COMPACT);
	assert_string_equal(arena_cstr(mem.p, got),
			    "{\"type\":\"object\",\"properties\":{\"a\":{\"description\":\"d\",\"type\":\"string\","
			    "\"enum\":[\"x\"]},\"b\":{\"description\":\"d\",\"type\":\"array\",\"items\":{\"type\":"
			    "\"number\"}}},\"required\":[\"a\"]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(replies_are_read), cmocka_unit_test(schemas_are_built) };
	return cmocka_run_group_tests_name("flow_extractor", tests, NULL, NULL);
}
