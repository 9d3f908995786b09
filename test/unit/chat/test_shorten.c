/* SPDX-License-Identifier: Apache-2.0 */
/* Display limits of values: what fits is the same object, what does not is cut where it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/shorten.h"
#include "base/arena.h"

static const struct shorten_limits small = { .string_chars = 6, .array_items = 3, .total_bytes = 80 };

static const struct {
	const char *in, *want;
	bool cut;
} cases[] = {
	{ "null", "null", false },
	{ "\"123456\"", "\"123456\"", false },
	{ "\"1234567\"", "\"123...\"", true },
	/* six characters of three bytes each fit; the seventh is cut, on a whole character */
	{ "\"\u3042\u3042\u3042\u3042\u3042\u3042\"", "\"\u3042\u3042\u3042\u3042\u3042\u3042\"", false },
	{ "\"\u3042\u3042\u3042\u3042\u3042\u3042\u3042\"", "\"\u3042\u3042\u3042\u3042\u3042...\"", true },
	{ "[1,2,3]", "[1,2,3]", false },
	{ "[1,2,3,4]", "[1,2,3]", true },
	{ "{\"a\":[1,2,3,4],\"b\":\"x\"}", "{\"a\":[1,2,3],\"b\":\"x\"}", true },
	{ "{\"a\":{\"b\":[\"1234567\"]}}", "{\"a\":{\"b\":[\"123...\"]}}", true },
	/* members past the total are left out */
	{ "{\"a\":\"123456\",\"b\":\"123456\",\"c\":\"123456\",\"d\":\"123456\",\"e\":\"123456\",\"f\":\"123456\",\"g\":\"1\"}",
	  "{\"a\":\"123456\",\"b\":\"123456\",\"c\":\"123456\",\"d\":\"123456\",\"e\":\"123456\",\"f\":\"123456\"}", true },
};

static void values_are_cut_at_their_limits(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *v;
		bool cut = false;
		print_message("case %zu: %s\n", i, cases[i].in);
		assert_int_equal(json_parse(mem.p, str_c(cases[i].in), &v), 0);
		const struct json *out = shorten_value(mem.p, v, &small, &cut);
		assert_string_equal(arena_cstr(mem.p, json_text(mem.p, out, JSON_COMPACT)), cases[i].want);
		assert_int_equal(cut, cases[i].cut);
		if (!cut)
			assert_ptr_equal(out, v);
	}
}

static void a_node_says_which_part_was_cut(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct str text = S("{\"inputs\":{\"a\":1},\"inputs_truncated\":false,\"process_data\":null,"
			    "\"outputs\":{\"r\":[1,2,3,4]},\"outputs_truncated\":false,\"title\":\"a long title\"}");
	assert_int_equal(json_parse(mem.p, text, &v), 0);
	shorten_node(mem.p, v, &small);
	assert_string_equal(arena_cstr(mem.p, json_text(mem.p, v, JSON_COMPACT)),
			    "{\"inputs\":{\"a\":1},\"inputs_truncated\":false,\"process_data\":null,"
			    "\"outputs\":{\"r\":[1,2,3]},\"outputs_truncated\":true,\"title\":\"a long title\"}");
}

static void short_texts_are_not_even_looked_at(void **unused)
{
	(void)unused;
	static const struct shorten_limits usual = { 100000, 1000, 1024000 };
	assert_false(shorten_may(&usual, 2000)); /* a thousand items take more */
	assert_true(shorten_may(&usual, 2001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_cut_at_their_limits),
		cmocka_unit_test(a_node_says_which_part_was_cut),
		cmocka_unit_test(short_texts_are_not_even_looked_at),
	};
	return cmocka_run_group_tests_name("shorten", tests, NULL, NULL);
}
