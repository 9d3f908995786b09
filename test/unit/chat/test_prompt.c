/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of chat: prompts, moderation, names, suggestions, the thread of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "chat/chat_int.h"
#include "chat/prompt.h"
#include "flow/file.h"

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static void assert_text(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		print_message("got:  %.*s\nwant: %s\n", STR(got), want);
	assert_true(str_eq(got, str_c(want)));
}

static const struct {
	const char *text, *values, *want;
} fill_cases[] = {
	{ "You are a bot for {{city}}.", "{\"city\":\"Bergen\"}", "You are a bot for Bergen." },
	{ "You are a bot for {{city}}.", "{\"city\":null}", "You are a bot for None." },
	{ "{{nope}} {{city}}", "{\"city\":\"x\"}", "{nope} x" },
	{ "{{ city }}", "{\"city\":\"x\"}", "{{ city }}" },
	{ "{{1a}}{{}}", "{}", "{{1a}}{{}}" },
	{ "a{{n}}b{{t}}c{{f}}", "{\"n\":1,\"t\":true,\"f\":1.0}", "a1bTruec1.0" },
	{ "{{a}}", "{\"a\":\"{{b}}\",\"b\":\"secret\"}", "{b}" },
	{ "{{#context#}}", "{\"#context#\":\"not from inputs\"}", "{#context#}" },
	{ "x<|im_start|>y<|z", "{}", "xy<|z" },
	{ "<|a\n|>", "{}", "<|a\n|>" },
	{ "{{a_name_that_is_longer_than_thirty_letters}}", "{}", "{{a_name_that_is_longer_than_thirty_letters}}" },
	{ "{{", "{}", "{{" },
	{ "{{a", "{}", "{{a" },
	{ "{{{a}}}", "{\"a\":\"1\"}", "{1}" },
	{ "{{a}}{{a}}", "{\"a\":\"1\"}", "11" },
	{ "", "{}", "" },
};

static void placeholders_are_filled_once(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(fill_cases); i++) {
		print_message("case %zu: %s\n", i, fill_cases[i].text);
		assert_text(prompt_fill(mem.p, str_c(fill_cases[i].text), parse(mem.p, fill_cases[i].values), NULL), fill_cases[i].want);
	}
}

#define CHAT_MODEL "\"model\":{\"mode\":\"chat\"},"
#define TEXT_MODEL "\"model\":{\"mode\":\"completion\"},"
static const char history[] = "[{\"role\":\"user\",\"content\":\"q1\"},{\"role\":\"assistant\",\"content\":\"a1\"}]";
/* The first six are the recorded ones: the model counted exactly these words. */
static const struct {
	const char *config, *inputs, *query, *history, *images;
	bool completion_app;
	const char *want, *stop;
} build_cases[] = {
	{ "{" CHAT_MODEL "\"pre_prompt\":\"You are a bot for {{city}}.\"}", "{\"city\":\"Bergen\"}", "Hello there", NULL, NULL, false,
	  "[{\"role\":\"system\",\"content\":\"You are a bot for Bergen.\\n\"},{\"role\":\"user\",\"content\":\"Hello there\"}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"You are a bot for {{city}}.\"}", "{\"city\":null}", "hello", NULL, NULL, false,
	  "[{\"role\":\"system\",\"content\":\"You are a bot for None.\\n\"},{\"role\":\"user\",\"content\":\"hello\"}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"Translate: {{text}}\"}", "{\"text\":\"hello\"}", "", NULL, NULL, true,
	  "[{\"role\":\"user\",\"content\":\"Translate: hello\\n\"}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"Translate: {{text}}\"}", "{\"text\":\"hello\"}", "q", NULL, NULL, true,
	  "[{\"role\":\"system\",\"content\":\"Translate: hello\\n\"},{\"role\":\"user\",\"content\":\"q\"}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"You are a bot.\"}", "{}", "what is it", NULL,
	  "[{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}}]", false,
	  "[{\"role\":\"system\",\"content\":\"You are a bot.\\n\"},{\"role\":\"user\",\"content\":["
	  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}},{\"type\":\"text\",\"text\":\"what is it\"}]}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"You are a bot.\"}", "{}", "second turn", history, NULL, false,
	  "[{\"role\":\"system\",\"content\":\"You are a bot.\\n\"},{\"role\":\"user\",\"content\":\"q1\"},"
	  "{\"role\":\"assistant\",\"content\":\"a1\"},{\"role\":\"user\",\"content\":\"second turn\"}]", NULL },
	{ "{" CHAT_MODEL "\"pre_prompt\":\"\"}", "{}", "hi", NULL, NULL, false, "[{\"role\":\"user\",\"content\":\"hi\"}]", NULL },
	{ "{" CHAT_MODEL "\"prompt_type\":\"advanced\",\"chat_prompt_config\":{\"prompt\":[{\"role\":\"system\",\"text\":\"\"},"
	  "{\"role\":\"system\",\"text\":\"s {{a}}\"},{\"role\":\"user\",\"text\":\"u {{#query#}}\"},{\"role\":\"assistant\",\"text\":\"ok\"}]}}",
	  "{\"a\":\"1\"}", "q", history, NULL, false,
	  "[{\"role\":\"system\",\"content\":\"s 1\"},{\"role\":\"user\",\"content\":\"u q\"},{\"role\":\"assistant\",\"content\":\"ok\"},"
	  "{\"role\":\"user\",\"content\":\"q1\"},{\"role\":\"assistant\",\"content\":\"a1\"},{\"role\":\"user\",\"content\":\"q\"}]", NULL },
	{ "{" TEXT_MODEL "\"pre_prompt\":\"P {{a}}\"}", "{\"a\":\"1\"}", "q", NULL, NULL, true,
	  "[{\"role\":\"user\",\"content\":\"P 1\\nq\"}]", NULL },
	{ "{" TEXT_MODEL "\"pre_prompt\":\"P\"}", "{}", "q", NULL, NULL, false,
	  "[{\"role\":\"user\",\"content\":\"P\\n\\nHuman: q\\n\\nAssistant: \"}]", "[\"\\nHuman:\",\"</histories>\"]" },
	{ "{" TEXT_MODEL "\"prompt_type\":\"advanced\",\"completion_prompt_config\":{\"prompt\":{\"text\":\"{{#histories#}}|{{#query#}}|{{#context#}}\"},"
	  "\"conversation_histories_role\":{\"user_prefix\":\"U\",\"assistant_prefix\":\"A\"}}}", "{}", "q", history, NULL, false,
	  "[{\"role\":\"user\",\"content\":\"U: q1\\nA: a1|q|\"}]", NULL },
};

static void prompts_are_as_recorded(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(build_cases); i++) {
		struct prompt_in in = { .config = parse(mem.p, build_cases[i].config), .inputs = parse(mem.p, build_cases[i].inputs),
					.query = str_c(build_cases[i].query), .chat_app = !build_cases[i].completion_app };
		in.history = build_cases[i].history ? parse(mem.p, build_cases[i].history) : NULL;
		in.images = build_cases[i].images ? parse(mem.p, build_cases[i].images) : NULL;
		struct prompt_out out;
		print_message("case %zu\n", i);
		assert_int_equal(prompt_build(mem.p, &in, &out), 0);
		assert_text(json_text(mem.p, out.messages, JSON_COMPACT), build_cases[i].want);
		assert_int_equal(out.stop != NULL, build_cases[i].stop != NULL);
		if (out.stop)
			assert_text(json_text(mem.p, out.stop, JSON_COMPACT), build_cases[i].stop);
	}
}

static void a_prompt_without_anything_fails(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct prompt_in in = { .config = parse(mem.p, "{\"prompt_type\":\"advanced\"}"), .inputs = json_obj(mem.p), .query = S("") };
	struct prompt_out out;
	assert_int_equal(prompt_build(mem.p, &in, &out), -1);
	assert_int_equal(err_code(), ERR_INVALID);
}

static const struct {
	const char *answer, *query, *want;
} name_cases[] = {
	{ "{\"Language Type\": \"English\", \"Your Reasoning\": \"r\", \"Your Output\": \"Mock title\"}", "q", "Mock title" },
	{ "```json\n{\"Your Output\": \" A \"}\n```", "q", "A" },
	{ "{\"title\": \"T\"}", "q", "T" },
	{ "A plain title\nand more", "q", "A plain title" },
	{ "", "short", "short" },
	{ "{\"x\": 1}", "short", "short" },
	{ "", "123456789 123456789 123456789 123456789 123456789 ", "123456789 123456789 123456789 123456789 123456789 " },
	{ "", "123456789 123456789 123456789 123456789 123456789 1", "123456789 123456789 123456789 123456789 1234567..." },
};

static void titles_are_found(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(name_cases); i++) {
		print_message("case %zu\n", i);
		assert_text(name_parse(mem.p, str_c(name_cases[i].answer), str_c(name_cases[i].query)), name_cases[i].want);
	}
	assert_text(name_of_query(mem.p, S("twenty characters 20")), "twenty characters 20");
	assert_text(name_of_query(mem.p, S("twenty-one characters")), "twenty-one character\xe2\x80\xa6");
	/* characters, not bytes */
	assert_text(name_of_query(mem.p, S("\xc3\x9c\xc3\x9c\xc3\x9c")), "\xc3\x9c\xc3\x9c\xc3\x9c");
}

static const struct {
	const char *answer, *want;
} suggest_cases[] = {
	{ "[\"First question?\", \"Second question?\", \"Third question?\"]", "[\"First question?\",\"Second question?\",\"Third question?\"]" },
	{ "Here: ```[\"a\", 1, \" \", \"b\"]```", "[\"a\",\"b\"]" },
	{ "[\"1\",\"2\",\"3\",\"4\"]", "[\"1\",\"2\",\"3\"]" },
	{ "no list", "[]" },
	{ "[broken", "[]" },
	{ "]x[", "[]" },
};

static void suggestions_are_found(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(suggest_cases); i++)
		assert_text(json_text(mem.p, suggestions_parse(mem.p, str_c(suggest_cases[i].answer)), JSON_COMPACT), suggest_cases[i].want);
}

static void words_are_moderated(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *config = parse(mem.p, "{\"sensitive_word_avoidance\":{\"enabled\":true,\"type\":\"keywords\",\"config\":{"
					   "\"keywords\":\"Forbidden\\n\\nsecret\",\"inputs_config\":{\"enabled\":true,\"preset_response\":\"no in\"},"
					   "\"outputs_config\":{\"enabled\":true,\"preset_response\":\"no out\"}}}}");
	struct chat_moderation *m = moderation_load(mem.p, config);
	struct json *inputs = parse(mem.p, "{\"a\":\"fine\",\"n\":7}"), *bad = parse(mem.p, "{\"a\":\"a SECRET thing\"}");
	assert_non_null(m);
	assert_text(moderation_input(mem.p, m, inputs, S("this is forbIdden")), "no in");
	assert_text(moderation_input(mem.p, m, bad, S("fine")), "no in");
	assert_null(moderation_input(mem.p, m, inputs, S("fine")).at);
	assert_text(chat_moderate_output(mem.p, m, S("a forbidden word")), "no out");
	assert_null(chat_moderate_output(mem.p, m, S("a word")).at);
	m = moderation_from_json(mem.p, moderation_json(mem.p, m));
	assert_text(chat_moderate_output(mem.p, m, S("a forbidden word")), "no out");
	assert_null(chat_moderate_output(mem.p, NULL, S("forbidden")).at);
	config = parse(mem.p, "{\"sensitive_word_avoidance\":{\"enabled\":false,\"type\":\"keywords\"}}");
	assert_null(moderation_load(mem.p, config));
	config = parse(mem.p, "{\"sensitive_word_avoidance\":{\"enabled\":true,\"type\":\"keywords\",\"config\":{\"keywords\":\"x\","
			      "\"outputs_config\":{\"enabled\":false,\"preset_response\":\"p\"}}}}");
	m = moderation_load(mem.p, config);
	assert_null(chat_moderate_output(mem.p, m, S("x")).at);
	assert_null(moderation_input(mem.p, m, inputs, S("x")).at);
}

#define TIME { CHAT_PARENT_TIME, sizeof(CHAT_PARENT_TIME) - 1 }
static void the_thread_follows_parents(void **unused)
{
	(void)unused;
	/* newest first; all in the order of time */
	struct memory_row linear[] = { { .id = S_INIT("3"), .parent = TIME }, { .id = S_INIT("2"), .parent = TIME },
				       { .id = S_INIT("1"), .parent = TIME } };
	memory_thread(linear, 3);
	assert_true(linear[0].in_thread && linear[1].in_thread && linear[2].in_thread);
	/* 3 was asked again after 1, so 2 does not count */
	struct memory_row branch[] = { { .id = S_INIT("3"), .parent = S_INIT("1") }, { .id = S_INIT("2"), .parent = S_INIT("1") },
				       { .id = S_INIT("1") } };
	memory_thread(branch, 3);
	assert_true(branch[0].in_thread && !branch[1].in_thread && branch[2].in_thread);
	/* no parent: a thread of its own */
	struct memory_row alone[] = { { .id = S_INIT("2") }, { .id = S_INIT("1") } };
	memory_thread(alone, 2);
	assert_true(alone[0].in_thread && !alone[1].in_thread);
	memory_thread(NULL, 0);
}

static void old_messages_are_cut(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	static const struct {
		int64_t tokens;
		size_t left;
	} cases[] = { { 100, 4 }, { 4, 4 }, { 3, 3 }, { 1, 1 }, { 0, 1 } };
	for (size_t i = 0; i < countof(cases); i++) {
		struct json *m = parse(mem.p, "[{\"content\":\"aaaa\"},{\"content\":\"bbbb\"},{\"content\":\"cccc\"},{\"content\":\"dddd\"}]");
		memory_cut(m, cases[i].tokens);
		assert_int_equal(json_len(m), cases[i].left);
		assert_text(json_get_str(json_at(m, cases[i].left - 1), S("content")), "dddd");
	}
	assert_int_equal(memory_tokens(S("abcde")), 2);
	assert_int_equal(memory_tokens(S("\xe8\xb8\x8f\xe9\x9e\xb4")), 2);
	assert_int_equal(memory_tokens(S("")), 0);
}

static void forms_become_variables(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *config = parse(mem.p, "{\"opening_statement\":\"Hi from {{city}}\",\"user_input_form\":[{\"text-input\":{\"variable\":\"city\","
					   "\"default\":\"Oslo\",\"max_length\":48}},{\"external_data_tool\":{\"variable\":\"x\"}}]}");
	assert_text(json_text(mem.p, chat_form_variables(mem.p, config), JSON_COMPACT),
		    "[{\"variable\":\"city\",\"max_length\":48,\"type\":\"text-input\"}]");
	assert_text(chat_introduction(mem.p, config, parse(mem.p, "{\"city\":null}")), "Hi from ");
	assert_text(chat_introduction(mem.p, config, parse(mem.p, "{\"city\":\"Oslo\"}")), "Hi from Oslo");
	assert_text(chat_introduction(mem.p, json_obj(mem.p), json_obj(mem.p)), "");
}

static void file_rules_come_from_either_form(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct file_rules r;
	assert_false(chat_file_rules(parse(mem.p, "{\"file_upload\":{\"enabled\":false,\"image\":{\"enabled\":false}}}"), &r));
	assert_false(chat_file_rules(NULL, &r));
	assert_true(chat_file_rules(parse(mem.p, "{\"file_upload\":{\"image\":{\"enabled\":true,\"number_limits\":2,\"transfer_methods\":[\"remote_url\"]}}}"), &r));
	assert_int_equal(r.number_limit, 2);
	assert_int_equal(json_len(r.methods), 1);
	assert_true(chat_file_rules(parse(mem.p, "{\"file_upload\":{\"enabled\":true,\"number_limits\":5,\"allowed_file_types\":[\"image\"]}}"), &r));
	assert_int_equal(r.number_limit, 5);
	assert_int_equal(json_len(r.types), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_filled_once), cmocka_unit_test(prompts_are_as_recorded),
		cmocka_unit_test(a_prompt_without_anything_fails), cmocka_unit_test(titles_are_found),
		cmocka_unit_test(suggestions_are_found), cmocka_unit_test(words_are_moderated),
		cmocka_unit_test(the_thread_follows_parents), cmocka_unit_test(old_messages_are_cut),
		cmocka_unit_test(forms_become_variables), cmocka_unit_test(file_rules_come_from_either_form),
	};
	return cmocka_run_group_tests_name("chat prompt", tests, NULL, NULL);
}
