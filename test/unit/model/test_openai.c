/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's protocol without a server: bodies that are sent, streams that are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/model_int.h"

#define C(content) "{\"choices\":[{\"delta\":{\"content\":\"" content "\"}}]}"
#define R(text)	   "{\"choices\":[{\"delta\":{\"reasoning_content\":\"" text "\"}}]}"
#define END	   "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"
#define CALL(in)   "{\"choices\":[{\"delta\":{\"tool_calls\":[" in "]}}]}"

static const struct {
	const char *about;
	const char *events[8];
	const char *text, *reasoning, *finish, *calls; /* calls: JSON or NULL */
	int64_t prompt, completion;		       /* -1: no usage */
	const char *error;			       /* the vendor's, part of it */
} streams[] = {
	{ "text and usage in its own event",
	  { C("Hel"), C("lo"), END, "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}", "[DONE]" },
	  "Hello", "", "stop", NULL, 3, 2, NULL },
	{ "usage null until the end",
	  { "{\"usage\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", END },
	  "a", "", "stop", NULL, -1, 0, NULL },
	{ "reasoning, then text", { R("I "), R("think"), C("So"), C("."), END },
	  "<think>\nI think\n</think>So.", "I think", "stop", NULL, -1, 0, NULL },
	{ "the other name of reasoning",
	  { "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\",\"content\":\"\"}}]}", C("x"), END },
	  "<think>\nhm\n</think>x", "hm", "stop", NULL, -1, 0, NULL },
	{ "reasoning to the end", { R("hm"), END }, "<think>\nhm\n</think>", "hm", "stop", NULL, -1, 0, NULL },
	{ "content as parts (Mistral)",
	  { "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"p\"}]}}]}", END },
	  "p", "", "stop", NULL, -1, 0, NULL },
	{ "a tool call in pieces",
	  { CALL("{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}"),
	    CALL("{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}"),
	    CALL("{\"index\":0,\"function\":{\"arguments\":\"1}\"}}"), END },
	  "", "", "stop",
	  "[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]",
	  -1, 0, NULL },
	{ "two whole calls, both with index 0",
	  { CALL("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}"),
	    CALL("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{\"x\":1}}}") },
	  "", "", "",
	  "[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	  "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"x\\\":1}\"}}]",
	  -1, 0, NULL },
	{ "calls without an index",
	  { CALL("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}"),
	    CALL("{\"function\":{\"arguments\":\"}\"}}") },
	  "", "", "",
	  "[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]",
	  -1, 0, NULL },
	{ "plain completion", { "{\"choices\":[{\"text\":\"abc\",\"finish_reason\":\"length\"}]}" },
	  "abc", "", "length", NULL, -1, 0, NULL },
	{ "a whole answer",
	  { "{\"choices\":[{\"message\":{\"content\":\"w\"},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}" },
	  "w", "", "stop", NULL, 1, 1, NULL },
	{ "an error in the stream", { C("a"), "{\"error\":{\"message\":\"overloaded\"}}" },
	  "a", "", "", NULL, -1, 0, "overloaded" },
};

static void streams_are_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(streams); i++) {
		struct arena *mem = arena_open(0);
		struct openai_reader r;
		struct str error = { 0 };
		print_message("case %zu: %s\n", i, streams[i].about);
		openai_reader_init(&r, mem, NULL, NULL);
		for (size_t k = 0; k < countof(streams[i].events) && streams[i].events[k]; k++)
			assert_int_equal(
				openai_reader_event(&r, mem, str_c(streams[i].events[k]), &error), 0);
		if (streams[i].error)
			assert_true(str_has(error, str_c(streams[i].error)));
		assert_int_equal(openai_reader_end(&r), 0);
		assert_true(str_eq(buf_str(r.text), str_c(streams[i].text)));
		assert_true(str_eq(buf_str(r.reasoning), str_c(streams[i].reasoning)));
		assert_true(str_eq(r.finish_reason, str_c(streams[i].finish)));
		assert_int_equal(r.has_usage, streams[i].prompt >= 0);
		if (r.has_usage) {
			assert_int_equal(r.prompt_tokens, streams[i].prompt);
			assert_int_equal(r.completion_tokens, streams[i].completion);
		}
		struct str calls = r.tool_calls ? json_text(mem, r.tool_calls, 0) : S("");
		assert_true(str_eq(calls, str_c(streams[i].calls)));
		arena_close(mem);
	}
}

static void no_json_is_an_error(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct openai_reader r;
	struct str error;
	openai_reader_init(&r, mem, NULL, NULL);
	assert_int_equal(openai_reader_event(&r, mem, S("<html>"), &error), -1);
	arena_close(mem);
}

static const struct {
	const char *provider, *model, *params, *want[4], *never; /* parts of the body */
} bodies[] = {
	{ "openai_api_compatible", "m", "{\"temperature\":0.5,\"max_tokens\":7,\"seed\":null}",
	  { "\"temperature\":0.5", "\"max_tokens\":7", "\"stream\":true", "\"include_usage\":true" }, "seed" },
	{ "openai", "o3-mini", "{\"max_tokens\":7}", { "\"max_completion_tokens\":7" }, "\"max_tokens\"" },
	{ "openai", "gpt-4o", "{\"max_tokens\":7}", { "\"max_tokens\":7" }, "max_completion_tokens" },
	{ "ollama", "m", "{\"response_format\":\"json_object\"}", { "{\"type\":\"json_object\"}" }, NULL },
	{ "ollama", "m",
	  "{\"response_format\":\"json_schema\",\"json_schema\":\"{\\\"name\\\":\\\"n\\\",\\\"schema\\\":"
	  "{\\\"type\\\":\\\"object\\\",\\\"additionalProperties\\\":false}}\"}",
	  { "\"type\":\"json_schema\"", "\"name\":\"n\"", "\"strict\":true" }, NULL },
	{ "ollama", "m", "{\"response_format\":\"\",\"stop\":[]}", { NULL }, "response_format" },
	{ "ollama", "m", "{\"stop\":[\"a\",\"\",3]}", { "\"stop\":[\"a\"]" }, NULL },
	{ "ollama", "m", "{\"stop\":\"x\",\"stream\":false,\"model\":\"evil\"}",
	  { "\"stop\":[\"x\"]", "\"stream\":true", "\"model\":\"m\"" }, "evil" },
	{ "vllm", "m", "{\"enable_thinking\":false}",
	  { "\"chat_template_kwargs\":{\"enable_thinking\":false,\"thinking\":false}" }, NULL },
};

static void bodies_say_what_app_files_mean(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(bodies); i++) {
		struct arena *mem = arena_open(0);
		struct json *params;
		print_message("case %zu: %s\n", i, bodies[i].params);
		assert_int_equal(json_parse(mem, str_c(bodies[i].params), &params), 0);
		struct target t = { .provider = provider_find(str_c(bodies[i].provider)) };
		t.upstream = t.name = str_c(bodies[i].model);
		struct model_request q = { .messages = json_arr(mem), .parameters = params };
		struct str body = openai_chat_body(mem, &t, &q, true);
		for (size_t k = 0; k < countof(bodies[i].want) && bodies[i].want[k]; k++)
			if (!str_has(body, str_c(bodies[i].want[k])))
				fail_msg("%.*s lacks %s", STR(body), bodies[i].want[k]);
		if (bodies[i].never && str_has(body, str_c(bodies[i].never)))
			fail_msg("%.*s has %s", STR(body), bodies[i].never);
		arena_close(mem);
	}
}

static void completion_sends_a_prompt(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct json *messages;
	assert_int_equal(json_parse(mem, S("[{\"role\":\"user\",\"content\":\"Once\"}]"), &messages), 0);
	struct target t = { .provider = provider_find(S("vllm")), .upstream = S("m") };
	struct model_request q = { .messages = messages, .completion = true };
	struct str body = openai_chat_body(mem, &t, &q, false);
	assert_true(str_eq(body, S("{\"model\":\"m\",\"prompt\":\"Once\",\"stream\":true}")));
	arena_close(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_read),
		cmocka_unit_test(no_json_is_an_error),
		cmocka_unit_test(bodies_say_what_app_files_mean),
		cmocka_unit_test(completion_sends_a_prompt),
	};
	return cmocka_run_group_tests_name("openai", tests, NULL, NULL);
}
