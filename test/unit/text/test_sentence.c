/* SPDX-License-Identifier: Apache-2.0 */
/* Sentence ends in three languages, and where each sentence stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "text/sentence.h"

/* Sentences are joined with "|" to compare. */
static const struct {
	const char *in, *want;
} cases[] = {
	{ "", "" },
	{ "   \n\n ", "" },
	{ "One. Two! Three? Four", "One.|Two!|Three?|Four" },
	{ "Version 3.5 is out. Get it.", "Version 3.5 is out.|Get it." },
	{ "Use e.g. this one, i.e. that. Done.", "Use e.g. this one, i.e. that.|Done." },
	{ "Dr. Smith met J. Doe. They left.", "Dr. Smith met J. Doe.|They left." },
	{ "He said \"Stop.\" Then he ran.", "He said \"Stop.\"|Then he ran." },
	{ "Open http://a.example/x.html now. Then wait.", "Open http://a.example/x.html now.|Then wait." },
	{ "Wrapped over\ntwo lines. Next.", "Wrapped over\ntwo lines.|Next." },
	{ "\u3053\u308c\u306f\u672c\u3067\u3059\u3002\u307b\u3093\u3068\u3046\uff1f\u306f\u3044\uff01",
	  "\u3053\u308c\u306f\u672c\u3067\u3059\u3002|\u307b\u3093\u3068\u3046\uff1f|\u306f\u3044\uff01" },
	{ "\u5f7c\u306f\u300c\u884c\u304f\u3002\u6765\u3044\u3002\u300d\u3068\u8a00\u3063\u305f\u3002\u7d42\u308f\u308a\u3002",
	  "\u5f7c\u306f\u300c\u884c\u304f\u3002\u6765\u3044\u3002\u300d\u3068\u8a00\u3063\u305f\u3002|\u7d42\u308f\u308a\u3002" },
	{ "\u4eca\u5929\u5929\u6c14\u597d\u3002\u6211\u4eec\u8d70\u5427\u3002",
	  "\u4eca\u5929\u5929\u6c14\u597d\u3002|\u6211\u4eec\u8d70\u5427\u3002" },
	{ "- one\n- two, it\n  goes on\n- three", "one|two, it\ngoes on|three" },
	{ "1. first\n2. second", "first|second" },
	{ "# T\n\n## H\n\nBody one. Body two.\n\n---\n\nLast", "Body one.|Body two.|Last" },
	{ "Before.\n```sh\nls. Then\nrm\n```\nAfter.", "Before.|ls. Then\nrm|After." },
	{ "> Quoted text. More.", "Quoted text.|More." },
	{ "| a | b |\n|---|---|\n| c | d |", "| a | b ||| c | d |" },
	{ "\xff\xfe. ok", "\xff\xfe. ok" }, /* broken bytes go through; lower case goes on */
};

static struct str squeeze(struct arena *mem, struct str s)
{
	/* continuation lines of items keep their indentation in the slice */
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < s.len; i++)
		if (!(s.at[i] == ' ' && i && (s.at[i - 1] == '\n' || s.at[i - 1] == ' ')))
			buf_putc(&b, s.at[i]);
	return buf_str(&b);
}

static void texts_split(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		struct arena *mem = arena_open(0);
		struct sentence *list;
		struct buf got = buf_make(mem, 0);
		size_t n = sentence_split(mem, str_c(cases[i].in), &list);
		for (size_t k = 0; k < n; k++) {
			if (k)
				buf_putc(&got, '|');
			buf_put(&got, squeeze(mem, list[k].text));
			/* the offset leads back to the text */
			assert_memory_equal(cases[i].in + list[k].offset, list[k].text.at, list[k].text.len);
		}
		if (!str_eq(buf_str(&got), str_c(cases[i].want)))
			fail_msg("case %zu: got \"%.*s\", want \"%s\"", i, STR(buf_str(&got)),
				 cases[i].want);
		arena_close(mem);
	}
}

static void places_are_kept(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct sentence *s;
	struct str text = S("Intro.\n# Book\nA. B is here.\n## Chapter\nC here.\n\nD here.\n# Other\nE.");
	size_t n = sentence_split(mem, text, &s);
	assert_int_equal(n, 5);
	assert_int_equal(s[0].title.len, 0);
	assert_true(str_eq(s[1].title, S("Book")));
	assert_int_equal(s[1].heading.len, 0);
	assert_true(str_eq(s[2].title, S("Book")));
	assert_true(str_eq(s[2].heading, S("Chapter")));
	assert_int_equal(s[2].section, s[3].section);
	assert_int_not_equal(s[2].paragraph, s[3].paragraph);
	assert_true(str_eq(s[4].title, S("Other")));
	assert_int_equal(s[4].heading.len, 0);
	assert_int_not_equal(s[4].section, s[3].section);
	arena_close(mem);
}

static void long_sentences_are_cut_at_characters(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	enum { COUNT = 3000 };
	char *text = arena_text(mem, COUNT * 3);
	for (size_t i = 0; i < COUNT; i++)
		memcpy(text + i * 3, "\u3042", 3);
	struct sentence *s;
	size_t n = sentence_split(mem, str_of(text, COUNT * 3), &s), sum = 0;
	assert_true(n > 1);
	for (size_t i = 0; i < n; i++) {
		assert_true(s[i].text.len <= SENTENCE_LEN_MAX);
		assert_true(utf8_valid(s[i].text));
		sum += s[i].text.len;
	}
	assert_int_equal(sum, COUNT * 3);
	arena_close(mem);
}

static void scripts_are_told_apart(void **unused)
{
	(void)unused;
	assert_int_equal(script_of(S("How do I start?")), SCRIPT_LATIN);
	assert_int_equal(script_of(S("Tatara \u3068\u306f\u4f55\u3067\u3059\u304b")), SCRIPT_JAPANESE);
	assert_int_equal(script_of(S("\u5982\u4f55\u5907\u4efd\u6570\u636e\uff1f")), SCRIPT_CHINESE);
	assert_int_equal(script_of(S("")), SCRIPT_LATIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_split),
		cmocka_unit_test(places_are_kept),
		cmocka_unit_test(long_sentences_are_cut_at_characters),
		cmocka_unit_test(scripts_are_told_apart),
	};
	return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
