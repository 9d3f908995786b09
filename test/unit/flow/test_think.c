/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/think.h"

static const struct {
	const char *in, *want;
} cases[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "<think>a</think>b", "b" },
	{ "<think>\nI ponder.\n</think>\n\nThe answer is 42.", "The answer is 42." },
	{ " \n<think>a < b </thin </think> b </think>", "b </think>" },
	{ "<thin", "<thin" },
	{ "<thinking>x", "<thinking>x" },
	{ "a <think>b</think>", "a <think>b</think>" },
	{ "<think>never closed", "" },
	{ "  leading blanks stay", "  leading blanks stay" },
	{ "                                        many", "                                        many" },
};

/* Every text cut into pieces of every size gives the same. */
static void thoughts_are_dropped_however_they_are_cut(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str in = str_c(cases[i].in);
		for (size_t size = 1; size <= in.len + 1; size++) {
			AUTO(arena) mem = { arena_open(0) };
			struct think_filter f = { 0 };
			struct buf out = buf_make(mem.p, 0);
			for (size_t at = 0; at < in.len; at += size)
				buf_put(&out, think_filter_feed(mem.p, &f, str_sub(in, at, size)));
			buf_put(&out, think_filter_end(&f));
			print_message("case %zu, pieces of %zu: %s\n", i, size, cases[i].in);
			assert_true(str_eq(buf_str(&out), str_c(cases[i].want)));
		}
	}
}

static const struct {
	const char *in, *answer, *thoughts;
	int closed;
} splits[] = {
	{ "plain", "plain", "", 0 },
	{ "", "", "", 0 },
	{ "<think>\nI ponder.\n</think>\n\nThe answer is 42.", "The answer is 42.", "I ponder.", 1 },
	{ "a<THINK x=\"1\">b</Think>c<think>d</think>e", "ace", "b\nd", 2 },
	{ "<think\tkind='a'\n>b</think>c", "c", "b", 1 },
	{ "one\n<think>x</think>\n\n\n\ntwo", "one\n\ntwo", "x", 1 },
	{ "one\n <think>x</think>two", "one\n two", "x", 1 },
	{ " \n a  \n\n\n b \n", "a  \n\n b", "", 0 },
	{ "<think>  two  words \n\n\n three </think>", "", "two  words \n\n\n three", 1 },
	{ "<think>\n\n</think>\n\nno thought", "no thought", "", 1 },
	{ "<think></think><think>b</think><think> </think><think>c</think>", "", "b\nc", 4 },
	{ "a<think>never closed", "a", "never closed", 1 },
	{ "a<think>closed in part</thi", "a", "closed in part</thi", 1 },
	{ "<think>a < b <</think>c", "c", "a < b <", 1 },
	{ "<<think>a</think>", "<", "a", 1 },
	{ "<thinking>x</thinking>", "<thinking>x</thinking>", "", 0 },
	{ "</think>a < b > c<think", "</think>a < b > c<think", "", 0 },
	{ "<think about <b>it</b>", "<think about <b>it</b>", "", 0 },
	{ "\xe6\x80\x9d<think>\xe8\x80\x83</think>\xe7\xad\x94", "\xe6\x80\x9d\xe7\xad\x94", "\xe8\x80\x83", 1 },
};

struct parts {
	struct buf answer, thoughts;
	int closed;
};

static void take_part(void *ctx, enum think_kind kind, struct str text)
{
	struct parts *p = ctx;
	assert_true(kind == THINK_CLOSED ? !text.len : text.len);
	buf_put(kind == THINK_ANSWER ? &p->answer : &p->thoughts, text);
	p->closed += kind == THINK_CLOSED;
}

static void thoughts_and_answer_are_told_apart_however_they_are_cut(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(splits); i++) {
		struct str in = str_c(splits[i].in);
		for (size_t size = 1; size <= in.len + 1; size++) {
			AUTO(arena) mem = { arena_open(0) };
			struct parts p = { buf_make(mem.p, 0), buf_make(mem.p, 0), 0 };
			struct think_split s = think_split_make(mem.p, take_part, &p);
			for (size_t at = 0; at < in.len; at += size)
				think_split_feed(&s, str_sub(in, at, size));
			think_split_end(&s);
			print_message("split %zu, pieces of %zu: %s\n", i, size, splits[i].in);
			assert_true(str_eq(buf_str(&p.answer), str_c(splits[i].answer)));
			assert_true(str_eq(buf_str(&p.thoughts), str_c(splits[i].thoughts)));
			assert_int_equal(p.closed, splits[i].closed);
		}
	}
}

/* A thought is shown while it comes: the piece that holds it gives it out. */
static void thoughts_do_not_wait(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct parts p = { buf_make(mem.p, 0), buf_make(mem.p, 0), 0 };
	struct think_split s = think_split_make(mem.p, take_part, &p);
	think_split_feed(&s, S("<think>one"));
	assert_true(str_eq(buf_str(&p.thoughts), S("one")));
	think_split_feed(&s, S(" two</think>three"));
	assert_true(str_eq(buf_str(&p.thoughts), S("one two")));
	assert_true(str_eq(buf_str(&p.answer), S("three")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(thoughts_are_dropped_however_they_are_cut),
					     cmocka_unit_test(thoughts_and_answer_are_told_apart_however_they_are_cut),
					     cmocka_unit_test(thoughts_do_not_wait) };
	return cmocka_run_group_tests_name("think", tests, NULL, NULL);
}
