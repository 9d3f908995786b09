/* SPDX-License-Identifier: Apache-2.0 */
/* ReAct answers: what is shown and which action is found, however the text is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "tool/react.h"

static const struct {
	const char *text, *shown;
	const char *action, *input; /* NULL: no action; input as JSON */
} cases[] = {
	{ "Thought: I need the time.\nAction:\n```\n{\"action\": \"current_time\", \"action_input\": {\"timezone\": \"UTC\"}}\n```\n",
	  " I need the time.\n\n\n", "current_time", "{\"timezone\":\"UTC\"}" },
	{ "Thought: I know.\nAction:\n```json\n{\"action\": \"Final Answer\", \"action_input\": \"It is {1}.\"}\n```", " I know.\n\n",
	  "Final Answer", "\"It is {1}.\"" },
	{ "THOUGHT: a\nACTION: {\"action\": \"x\", \"action_input\": \"\"}", " a\n ", "x", "\"\"" },
	{ "plain answer, no action: none", "plain answer, no action: none", NULL, NULL },
	{ "see `code` and ``two``", "see `code` and ``two``", NULL, NULL },
	{ "```python\nprint({})\n```\nthat", "```python\nprint({})\n```\nthat", NULL, NULL },
	{ "{\"a\": 1} is no action", "{\"a\": 1} is no action", NULL, NULL },
	{ "{\"action\": \"x\"} lacks an input", "{\"action\": \"x\"} lacks an input", NULL, NULL },
	{ "[{\"action\": \"x\", \"action_input\": 1}]", "[", "x", "1" },
	{ "{\"action\": \"a\", \"action_input\": 1} ```\nx``` `y`", "\n", "a", "1" },
	{ "```\n[{\"action\": \"x\", \"action_input\": 1}]\n```", "", "x", "1" },
	{ "{\"action\": \"a\", \"action_input\": \"}\\\"{\"}", "", "a", "\"}\\\"{\"" },
	{ "{\"action\": \"a\", \"action_input\": 1}\nObservation: made up\n{\"action\": \"b\", \"action_input\": 2}", "\n\n", "a", "1" },
	{ "{\"tool_name\": \"a\", \"tool_input\": {}}", "", "a", "{}" },
	{ "```\n{\"action\": \"cut\", \"action_input\": 3", "```\n{\"action\": \"cut\", \"action_input\": 3", NULL, NULL },
	{ "half ``", "half ``", NULL, NULL }, { "act", "act", NULL, NULL }, { "thought", "thought", NULL, NULL },
	{ "  Thought: x", "   x", NULL, NULL }, { "", "", NULL, NULL },
	{ "\xe3\x81\x84\xe3\x81\xbe\n{\"action\": \"\xe6\x99\x82\", \"action_input\": \"\xe5\x88\xbb\"}",
	  "\xe3\x81\x84\xe3\x81\xbe\n", "\xe6\x99\x82", "\"\xe5\x88\xbb\"" },
};

static int one(size_t i, size_t piece)
{
	AUTO(arena) mem = { arena_open(0) };
	struct react r;
	struct buf shown = buf_make(mem.p, 0);
	struct str text = str_c(cases[i].text);
	react_init(&r, mem.p);
	for (; text.len; text = str_skip(text, piece))
		buf_put(&shown, react_feed(&r, str_sub(text, 0, piece)));
	buf_put(&shown, react_end(&r));
	struct str input = r.has_action ? json_text(mem.p, r.input, JSON_COMPACT) : S("");
	bool ok = str_eq(buf_str(&shown), str_c(cases[i].shown)) && r.has_action == (cases[i].action != NULL) &&
		  str_eq(r.action, str_c(cases[i].action)) && str_eq(input, str_c(cases[i].input)) &&
		  str_eq(buf_str(&r.thought), str_c(cases[i].shown));
	if (!ok)
		print_error("case %zu, pieces of %zu: shown '%.*s' action '%.*s' %.*s\n", i, piece,
			    STR(buf_str(&shown)), STR(r.action), STR(input));
	return !ok;
}

static void answers_are_read(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t piece = 1; piece < 12; piece++)
			bad += one(i, piece);
	assert_int_equal(bad, 0);
}

static void final_answers_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *action;
		bool final;
	} names[] = { { "Final Answer", true }, { "final_answer", true }, { "FinalAnswer", true }, { "answer", false },
		      { "search", false } };
	for (size_t i = 0; i < countof(names); i++) {
		struct react r = { .has_action = true, .action = str_c(names[i].action) };
		assert_int_equal(react_is_final(&r), names[i].final);
	}
	assert_true(react_is_final(&(struct react){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers_are_read),
					    cmocka_unit_test(final_answers_are_known) };
	return cmocka_run_group_tests_name("tool_react", tests, NULL, NULL);
}
