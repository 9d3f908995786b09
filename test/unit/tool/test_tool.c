/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in tools by their answers, casting of arguments, times as texts, how models see a tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "os/zone.h"
#include "rt/rt.h"
#include "tool/time_text.h"
#include "tool/tool.h"

/* --- built-in tools --- */

#define TEN(x) x x x x x x x x x x
#define DEEP TEN("((((((((((((")

static const struct {
	const char *provider, *tool, *args;
	const char *text; /* of the answer, or NULL: */
	const char *error; /* how the failure begins; after a star: what it holds */
} calls[] = {
	{ "time", "weekday", "{\"year\":2024,\"month\":2,\"day\":29}", "February 29, 2024 is Thursday.", NULL },
	{ "time", "weekday", "{\"year\":\"2024\",\"month\":\"2\",\"day\":\"30\"}",
	  "Invalid date: Year 2024, Month 2, Day 30.", NULL },
	{ "time", "weekday", "{\"year\":2024,\"month\":2}", NULL, "tool parameter day not found in tool config" },
	{ "time", "weekday", "{\"year\":\"soon\",\"month\":2,\"day\":1}", NULL,
	  "The tool parameter year must be a number" },
	{ "langgenius/time/time", "weekday", "{\"year\":1,\"month\":1,\"day\":1}", "January 1, 1 is Monday.", NULL },
	{ "time", "current_time", "{\"format\":\"%%\"}", "%", NULL },
	{ "time", "current_time", "{\"timezone\":\"Mars/Base\"}", "Invalid timezone: Mars/Base", NULL },
	{ "time", "timezone_conversion",
	  "{\"current_time\":\"2024-07-01 12:00:00\",\"current_timezone\":\"Europe/Oslo\",\"target_timezone\":\"Asia/Tokyo\"}",
	  "2024-07-01 19:00:00", NULL },
	{ "time", "timezone_conversion",
	  "{\"current_time\":\"noon\",\"current_timezone\":\"Europe/Oslo\",\"target_timezone\":\"Asia/Tokyo\"}",
	  "Invalid datetime and timezone: noon,Europe/Oslo,Asia/Tokyo", NULL },
	{ "time", "localtime_to_timestamp", "{\"localtime\":\"2024-01-01 00:00:00\",\"timezone\":\"Asia/Tokyo\"}",
	  "1704034800", NULL },
	{ "time", "localtime_to_timestamp", "{\"localtime\":\"2024-01-01 00:00:00\"}", "1704038400", NULL },
	{ "time", "localtime_to_timestamp", "{\"localtime\":\"2024-13-01 00:00:00\"}",
	  "Invalid localtime: 2024-13-01 00:00:00", NULL },
	{ "time", "timestamp_to_localtime", "{\"timestamp\":1704034800,\"timezone\":\"Asia/Tokyo\"}",
	  "2024-01-01 00:00:00", NULL },
	{ "time", "timestamp_to_localtime", "{\"timestamp\":1e300}", "Invalid timestamp", NULL },
	{ "time", "teatime", "{}", NULL, "the built-in provider time has no tool teatime" },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$.a.b[2].c\"}", "x", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"a.b[*]\"}", "[1, 2, {\"c\": \"x\"}]", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$..c\"}", "x", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$.a.b[-1]\"}", "{\"c\": \"x\"}", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$['\xc3\xa9""']\"}", "y", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$.none\"}", "", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$\",\"ensure_ascii\":false}", "{\"a\": {\"b\": [1, 2, {\"c\": \"x\"}]}, \"\xc3\xa9""\": \"y\"}", NULL },
	{ "json_process", "parse", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"json_filter\":\"$.a[\"}", NULL, "The JSON path '$.a[' is wrong at character 4" },
	{ "json_process", "parse", "{\"content\":\"{\",\"json_filter\":\"$\"}", NULL, "Invalid content: JSON line 1" },
	{ "json_process", "delete", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"query\":\"$.a.b[0]\"}", "{\"a\": {\"b\": [2, {\"c\": \"x\"}]}, \"\\u00e9\": \"y\"}", NULL },
	{ "json_process", "delete", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"query\":\"$.a.b[*]\"}", "{\"a\": {\"b\": []}, \"\\u00e9\": \"y\"}", NULL },
	{ "json_process", "delete", "{\"content\":\"{\\\"a\\\":{\\\"b\\\":[1,2,{\\\"c\\\":\\\"x\\\"}]},\\\"\xc3\xa9""\\\":\\\"y\\\"}\",\"query\":\"$.a\"}", "{\"\\u00e9\": \"y\"}", NULL },
	{ "json_process", "insert", "{\"content\":\"{\\\"l\\\":[1,2]}\",\"query\":\"$.l\",\"new_value\":\"3\",\"value_decode\":true}", "{\"l\": [1, 2, 3]}", NULL },
	{ "json_process", "insert", "{\"content\":\"{\\\"l\\\":[1,2]}\",\"query\":\"$.l\",\"new_value\":\"0\",\"value_decode\":true,\"index\":0}", "{\"l\": [0, 1, 2]}", NULL },
	{ "json_process", "insert", "{\"content\":\"{}\",\"query\":\"$.x.y\",\"new_value\":\"v\",\"create_path\":true}", "{\"x\": {\"y\": \"v\"}}", NULL },
	{ "json_process", "insert", "{\"content\":\"{}\",\"query\":\"$.x.y\",\"new_value\":\"v\"}", NULL, "The query finds nothing" },
	{ "json_process", "replace", "{\"content\":\"{\\\"a\\\":\\\"xyx\\\"}\",\"query\":\"$.a\",\"replace_value\":\"z\"}", "{\"a\": \"z\"}", NULL },
	{ "json_process", "replace", "{\"content\":\"{\\\"a\\\":\\\"xyx\\\"}\",\"query\":\"$.a\",\"replace_value\":\"z\",\"replace_model\":\"pattern\",\"replace_pattern\":\"x\"}", "{\"a\": \"zyz\"}", NULL },
	{ "json_process", "replace", "{\"content\":\"{\\\"a\\\":1,\\\"c\\\":2}\",\"query\":\"$.a\",\"replace_value\":\"b\",\"replace_model\":\"key\"}", "{\"b\": 1, \"c\": 2}", NULL },
	{ "json_process", "replace", "{\"content\":\"{\\\"a\\\":1}\",\"query\":\"$.a\",\"replace_value\":\"x\",\"replace_model\":\"magic\"}", NULL, "The tool parameter replace_model has no choice 'magic'" },
	{ "maths", "eval_expression", "{\"expression\":\"1+2*3\"}", "7", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"(1+2)*3\"}", "9", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"7/2\"}", "3.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"6/2\"}", "3.0", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"7//2\"}", "3", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"-7//2\"}", "-4", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"-7%3\"}", "2", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"7%-3\"}", "-2", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"7.5%2\"}", "1.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"2**10\"}", "1024", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"2**-1\"}", "0.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"2**0.5\"}", "1.4142135623730951", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"-2**2\"}", "-4", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"2**3**2\"}", "512", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"2^3\"}", "8", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"9223372036854775807+1\"}", "9.223372036854776e+18", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"10**30\"}", "1e+30", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"--3\"}", "3", NULL },
	{ "maths", "eval_expression", "{\"expression\":\" 1 +\\n2 \"}", "3", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"sqrt(16)\"}", "4.0", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"abs(-3)\"}", "3", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"abs(-2.5)\"}", "2.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"round(2.5)\"}", "2", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"floor(-1.5)\"}", "-2", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"max(1,2.5,2)\"}", "2.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"min(3)\"}", "3", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"pow(2,3)\"}", "8", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"pi\"}", "3.141592653589793", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"sin(0)\"}", "0.0", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"1e3\"}", "1000.0", NULL },
	{ "maths", "eval_expression", "{\"expression\":\".5\"}", "0.5", NULL },
	{ "maths", "eval_expression", "{\"expression\":\"1/0\"}", NULL, "*division by zero" },
	{ "maths", "eval_expression", "{\"expression\":\"1+\"}", NULL, "*something is missing" },
	{ "maths", "eval_expression", "{\"expression\":\"1 2\"}", NULL, "*the expression ended before" },
	{ "maths", "eval_expression", "{\"expression\":\"(1\"}", NULL, "*a closing bracket is missing" },
	{ "maths", "eval_expression", "{\"expression\":\"f(1)\"}", NULL, "*there is no such function" },
	{ "maths", "eval_expression", "{\"expression\":\"x\"}", NULL, "*an unknown name" },
	{ "maths", "eval_expression", "{\"expression\":\"sqrt(-1)\"}", NULL, "*the result is no number" },
	{ "maths", "eval_expression", "{\"expression\":\"1..2\"}", NULL, "*no number" },
	{ "maths", "eval_expression", "{\"expression\":\"$\"}", NULL, "*an unexpected sign" },
	{ "maths", "eval_expression", "{\"expression\":\"sqrt(1,2)\"}", NULL, "*the function takes one value" },
	{ "maths", "eval_expression", "{\"expression\":\"" DEEP "1\"}", NULL, "*nested too deeply" },
	{ "webscraper", "webscraper", "{\"url\":\"ftp://x\"}", NULL, "this process makes no requests" },
	{ "code", "simple_code", "{\"code\":\"print(1)\"}", NULL, "this process runs no code" },
	{ "nobody/google/google", "search", "{}", NULL, "there is no built-in provider nobody/google/google" },
};

static status one_call(struct arena *mem, struct tools *t, size_t i, struct str *answer)
{
	struct tool_scope scope = { .tenant_id = S("t1") };
	struct tool_ref ref = { S("builtin"), str_c(calls[i].provider), str_c(calls[i].tool) };
	struct tool *tool;
	struct tool_result result;
	struct json *args;
	if (tool_find(t, mem, &scope, &ref, &tool) || json_parse(mem, str_c(calls[i].args), &args) ||
	    tool_invoke(t, mem, &scope, tool, args, &result))
		return -1;
	*answer = tool_result_text(mem, &result);
	return 0;
}

static status calls_main(void *arg)
{
	int *bad = arg;
	struct tools *t;
	struct tools_options o = { 0 };
	if (tools_open(&o, &t))
		return -1;
	for (size_t i = 0; i < countof(calls); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str answer = S("");
		bool failed = one_call(mem.p, t, i, &answer) != 0;
		struct str got = failed ? err_text() : answer;
		/* "*": somewhere in the text. */
		bool ok = failed ? calls[i].error && (calls[i].error[0] == '*' ?
							      str_has(got, str_c(calls[i].error + 1)) :
							      str_starts(got, str_c(calls[i].error))) :
				   calls[i].text && str_eq(got, str_c(calls[i].text));
		if (ok)
			continue;
		print_error("%s %s: %.*s\n", calls[i].tool, calls[i].args, STR(got));
		++*bad;
	}
	tools_close(t);
	return 0;
}

static void builtin_tools_answer(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, calls_main, &bad), 0);
	assert_int_equal(bad, 0);
}

/* --- casting --- */

static const struct {
	const char *type, *value;
	const char *want; /* NULL: refused */
} casts[] = {
	{ "string", "\"a\"", "\"a\"" }, { "string", "5", "\"5\"" }, { "string", "1.5", "\"1.5\"" },
	{ "string", "null", "null" }, { "string", "{\"a\":1}", "\"{\\\"a\\\":1}\"" },
	{ "number", "\"5\"", "5" }, { "number", "\"5.5\"", "5.5" }, { "number", "\" 7 \"", "7" },
	{ "number", "\"\"", "null" }, { "number", "\"x\"", NULL }, { "number", "true", NULL },
	{ "boolean", "\"true\"", "true" }, { "boolean", "\"No\"", "false" }, { "boolean", "\"\"", "false" },
	{ "boolean", "0", "false" }, { "boolean", "2", "true" }, { "boolean", "\"maybe\"", "true" },
	{ "object", "\"{\\\"a\\\":1}\"", "{\"a\":1}" }, { "object", "\"[1]\"", NULL }, { "object", "{}", "{}" },
	{ "array", "\"[1,2]\"", "[1,2]" }, { "array", "\"x\"", "[\"x\"]" }, { "array", "[1]", "[1]" },
	{ "file", "[{\"a\":1},{\"b\":2}]", "{\"a\":1}" }, { "files", "{\"a\":1}", "[{\"a\":1}]" },
	{ "select", "\"b\"", "\"b\"" }, { "select", "\"c\"", NULL }, { "any", "[1]", "[1]" },
};

static void values_are_cast(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(casts); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *v, *out = NULL, *options;
		assert_int_equal(json_parse(mem.p, str_c(casts[i].value), &v), 0);
		assert_int_equal(json_parse(mem.p, S("[\"a\",\"b\"]"), &options), 0);
		struct tool_param p = { .name = S("p"), .type = tool_type_parse(str_c(casts[i].type)),
					.options = options };
		bool failed = tool_cast(mem.p, &p, v, &out) != 0;
		struct str got = failed ? S("refused") : json_text(mem.p, out, JSON_COMPACT);
		if (str_eq(got, casts[i].want ? str_c(casts[i].want) : S("refused")))
			continue;
		print_error("%s %s: %.*s\n", casts[i].type, casts[i].value, STR(got));
		bad++;
	}
	assert_int_equal(bad, 0);
}

/* --- times as texts --- */

static const struct {
	const char *format, *want;
} formats[] = {
	{ "%Y-%m-%d %H:%M:%S", "2024-02-05 13:04:09" }, { "%y %j %U %W %w %u", "24 036 05 06 1 1" },
	{ "%A %a %B %b %d", "Monday Mon February Feb 05" }, { "%I:%M %p", "01:04 PM" },
	{ "%c|%x|%X|%D|%T|%F|%R", "Mon Feb 05 13:04:09 2024|02/05/24|13:04:09|02/05/24|13:04:09|2024-02-05|13:04" },
	{ "%z %Z %f %%", "-0330 NST 000000 %" }, { "%Q%", "%Q%" }, { "", "" },
};

static const struct {
	const char *text, *format, *want; /* NULL: does not fit */
} parses[] = {
	{ "2024-02-05 13:04:09", "%Y-%m-%d %H:%M:%S", "2024-02-05 13:04:09" },
	{ " 2024-2-5  3:4:9 ", "%Y-%m-%d %H:%M:%S", "2024-02-05 03:04:09" },
	{ "2024-02-30 00:00:00", "%Y-%m-%d %H:%M:%S", NULL }, { "2024-02-05", "%Y-%m-%d %H:%M:%S", NULL },
	{ "2024-02-05 13:04:09Z", "%Y-%m-%d %H:%M:%S", NULL }, { "Feb 5 2024 01:04 pm", "%b %d %Y %I:%M %p", "2024-02-05 13:04:00" },
	{ "12:00 AM", "%I:%M %p", "1900-01-01 00:00:00" }, { "13:00 AM", "%I:%M %p", NULL },
	{ "Monday, 05 February 24", "%A, %d %B %y", "2024-02-05 00:00:00" }, { "", "%Y", NULL }, { "5", "%q", NULL },
	{ "2024-02-05T13:04", "%FT%R", "2024-02-05 13:04:00" },
};

static void times_print_and_parse(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct civil c = civil_of(1707138249), out;
	struct time_zone_text z = { -12600, S("NST") };
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(formats); i++) {
		struct str got = time_format(mem.p, str_c(formats[i].format), &c, &z);
		if (!str_eq(got, str_c(formats[i].want)))
			print_error("%s: %.*s\n", formats[i].format, STR(got)), bad++;
	}
	for (size_t i = 0; i < countof(parses); i++) {
		struct str got = S("refused"), want = parses[i].want ? str_c(parses[i].want) : S("refused");
		if (time_parse(str_c(parses[i].text), str_c(parses[i].format), &out) == 0)
			got = time_format(mem.p, S("%Y-%m-%d %H:%M:%S"), &out, NULL);
		if (!str_eq(got, want))
			print_error("%s by %s: %.*s\n", parses[i].text, parses[i].format, STR(got)), bad++;
	}
	assert_int_equal(bad, 0);
}

/* --- what a model is told --- */

static void models_see_open_parameters(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	(void)state;
	struct tool_param params[] = {
		{ .name = S("q"), .type = TOOL_STRING, .required = true, .description = S("what") },
		{ .name = S("n"), .type = TOOL_NUMBER, .description = S("many") },
		{ .name = S("key"), .type = TOOL_STRING, .by_author = true },
		{ .name = S("set"), .type = TOOL_STRING, .required = true },
		{ .name = S("file"), .type = TOOL_FILE, .required = true },
	};
	struct tool t = { .name = S("find"), .description = S("Finds."), .params = params,
			  .param_count = countof(params) };
	struct json *fixed = json_obj(mem.p);
	json_set_str(mem.p, fixed, S("set"), S("x"));
	struct str got = json_text(mem.p, tool_function(mem.p, &t, S("find_1"), fixed), JSON_COMPACT);
	assert_string_equal(arena_cstr(mem.p, got),
			    "{\"type\":\"function\",\"function\":{\"name\":\"find_1\",\"description\":\"Finds.\","
			    "\"parameters\":{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\","
			    "\"description\":\"what\"},\"n\":{\"type\":\"number\",\"description\":\"many\"}},"
			    "\"required\":[\"q\"]}}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(builtin_tools_answer), cmocka_unit_test(values_are_cast),
					    cmocka_unit_test(times_print_and_parse),
					    cmocka_unit_test(models_see_open_parameters) };
	return cmocka_run_group_tests_name("tool", tests, NULL, NULL);
}
