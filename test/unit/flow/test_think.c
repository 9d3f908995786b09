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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(thoughts_are_dropped_however_they_are_cut) };
	return cmocka_run_group_tests_name("think", tests, NULL, NULL);
}
