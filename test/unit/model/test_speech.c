/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "model/speech.h"

static const struct {
	const char *text, *want; /* pieces, "|" between them */
	size_t most;
} cases[] = {
	{ "", "", 100 },
	{ "One short text", "One short text", 100 },
	{ "A sentence with some words. And the next.", "A sentence with some words.| And the next.", 100 },
	{ "Yes. No. Well, that is a longer one. End", "Yes. No. Well, that is a longer one.| End", 100 },
	{ "It costs 3.14 or 2.71 a piece! Really? I think so.", "It costs 3.14 or 2.71 a piece!| Really? I think so.", 100 },
	{ "What is it?! Nobody knows that.", "What is it?! Nobody knows that.", 100 },
	{ "1. The first point\n2. The second point\n", "1. The first point\n|2. The second point\n", 100 },
	{ "\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89\xe5\x9b\x9b\xe4\xba\x94\xe5\x85\xad\xe3\x80\x82\xe4\xb8\x83\xe5\x85\xab\xef\xbc\x81",
	  "\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89\xe5\x9b\x9b\xe4\xba\x94\xe5\x85\xad\xe3\x80\x82|\xe4\xb8\x83\xe5\x85\xab\xef\xbc\x81", 100 },
	{ "words without an end that are too many for it", "words without an end that are| too many for it", 30 },
	{ "onewordthatneverendsandnobodycansay", "onewordthatneverendsandnob|odycansay", 26 },
	{ "\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89\xe5\x9b\x9b\xe4\xba\x94\xe5\x85\xad\xe4\xb8\x83\xe5\x85\xab",
	  "\xe4\xb8\x80\xe4\xba\x8c\xe4\xb8\x89|\xe5\x9b\x9b\xe4\xba\x94\xe5\x85\xad|\xe4\xb8\x83\xe5\x85\xab", 10 },
};

/* A text that comes in pieces of this size, spoken as soon as it can be. */
static struct str spoken(struct arena *mem, struct str in, size_t most, size_t size)
{
	struct buf out = buf_make(mem, 0);
	size_t said = 0, here = 0;
	while (said < in.len) {
		here = MIN(here + size, in.len);
		size_t n = speech_cut(str_sub(in, said, here - said), most, here == in.len);
		assert_true(n <= most && n <= here - said);
		assert_true(n || here < in.len);
		if (!n)
			continue;
		if (said)
			buf_putc(&out, '|');
		buf_put(&out, str_sub(in, said, n));
		said += n;
	}
	return buf_str(&out);
}

static void texts_are_cut_however_they_come(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str in = str_c(cases[i].text);
		for (size_t size = 1; size <= in.len + 1; size++) {
			AUTO(arena) mem = { arena_open(0) };
			struct str got = spoken(mem.p, in, cases[i].most, size);
			print_message("case %zu, pieces of %zu: %.*s\n", i, size, STR(got));
			assert_true(str_eq(got, str_c(cases[i].want)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_are_cut_however_they_come) };
	return cmocka_run_group_tests_name("speech", tests, NULL, NULL);
}
