/* SPDX-License-Identifier: Apache-2.0 */
/* str and UTF-8. */
#include <stdio.h>

#include "test.h"

static void comparing_and_searching(void **unused)
{
	struct str none = { NULL, 0 };
	assert_true(str_eq(none, S("")));
	assert_true(str_eq_nocase(S("aBc-1"), S("AbC-1")));
	assert_false(str_eq_nocase(S("@"), S("`")));
	assert_true(str_cmp(S("a"), S("b")) < 0);
	assert_true(str_cmp(S("ab"), S("a")) > 0);
	assert_true(str_cmp(S("\xff"), S("a")) > 0);
	assert_int_equal(str_cmp(none, S("")), 0);
	assert_true(str_starts(S("abc"), S("ab")) && !str_starts(S("a"), S("ab")));
	assert_true(str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")));
	assert_true(str_starts(none, none) && str_ends(none, none));
	assert_int_equal(str_find(S("hello"), S("lo")), 3);
	assert_int_equal(str_find(S("hello"), S("")), 0);
	assert_true(str_find(S("lo"), S("hello")) == SIZE_MAX);
	assert_int_equal(str_find_char(S("hello"), 'l'), 2);
	assert_int_equal(str_rfind_char(S("hello"), 'l'), 3);
	assert_true(str_find_char(none, 'l') == SIZE_MAX);
	assert_true(str_has(S("abc"), S("b")) && !str_has(none, S("b")));
	assert_true(str_eq_secret(S("abc"), S("abc")));
	assert_false(str_eq_secret(S("abc"), S("abd")));
	assert_false(str_eq_secret(S("abc"), S("ab")));
	assert_true(str_hash(S("abc")) == str_hash(str_c("abc")));
	assert_true(str_hash(S("abc")) != str_hash(S("abd")));
	assert_true(str_hash(S("12345678")) != str_hash(S("123456780")));
}

static void cutting(void **unused)
{
	assert_str(str_sub(S("abcdef"), 2, 3), "cde");
	assert_str(str_sub(S("abc"), 2, 30), "c");
	assert_str(str_sub(S("abc"), 20, 3), "");
	assert_str(str_skip(S("abc"), 9), "");
	assert_str(str_trim(S(" \t\r\n a b \v\f")), "a b");
	assert_str(str_trim(S("  ")), "");
	struct str rest = S("a,,b");
	assert_str(str_cut(&rest, ','), "a");
	assert_str(str_cut(&rest, ','), "");
	assert_non_null(rest.at);
	assert_str(str_cut(&rest, ','), "b");
	assert_null(rest.at);
	rest = S("a,");
	str_cut(&rest, ',');
	assert_non_null(rest.at);
	assert_int_equal(rest.len, 0);
}

static void numbers_are_whole_slices(void **unused)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} rows[] = {
		{ "0", true, 0 }, { "-1", true, -1 }, { "+7", true, 7 },
		{ "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 },
		{ "-9223372036854775808", true, INT64_MIN }, { "-9223372036854775809", false, 0 },
		{ "99999999999999999999", false, 0 }, { "", false, 0 }, { "-", false, 0 },
		{ " 1", false, 0 }, { "1 ", false, 0 }, { "1.0", false, 0 }, { "0x1", false, 0 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		int64_t v = 42;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_int_equal(str_to_i64(str_c(rows[i].in), &v), rows[i].ok ? 0 : -1);
		assert_true(v == (rows[i].ok ? rows[i].want : 42));
	}
	uint64_t u;
	assert_int_equal(str_to_u64(S("18446744073709551615"), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_fails(str_to_u64(S("18446744073709551616"), &u), ERR_INVALID);
	assert_fails(str_to_u64(S("-1"), &u), ERR_INVALID);
}

static void doubles_and_booleans(void **unused)
{
	static const struct {
		const char *in;
		bool ok;
		double want;
	} rows[] = {
		{ "1", true, 1 }, { "-1.5", true, -1.5 }, { ".5", true, .5 }, { "5.", true, 5 },
		{ "1e3", true, 1000 }, { "1E-3", true, .001 }, { "+2.5e+2", true, 250 },
		{ "0.1", true, 0.1 }, { "", false, 0 }, { ".", false, 0 }, { "e1", false, 0 },
		{ "1e", false, 0 }, { "1e+", false, 0 }, { "inf", false, 0 }, { "nan", false, 0 },
		{ "0x10", false, 0 }, { "1,5", false, 0 }, { "1 ", false, 0 }, { "--1", false, 0 },
		{ "1.7976931348623157e308", true, 1.7976931348623157e308 },
		{ "0.1000000000000000055511151231257827021181583404541015625000000000000000000",
		  true, 0.1 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		double v = 42;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_int_equal(str_to_double(str_c(rows[i].in), &v), rows[i].ok ? 0 : -1);
		assert_true(v == (rows[i].ok ? rows[i].want : 42));
	}
	static const char *const yes[] = { "true", "TRUE", "1", "Yes", "on" };
	static const char *const no[] = { "false", "0", "NO", "off" };
	static const char *const bad[] = { "", "2", "t", "yess", " true" };
	bool b;
	for (size_t i = 0; i < countof(yes); i++)
		assert_true(str_to_bool(str_c(yes[i]), &b) == 0 && b);
	for (size_t i = 0; i < countof(no); i++)
		assert_true(str_to_bool(str_c(no[i]), &b) == 0 && !b);
	for (size_t i = 0; i < countof(bad); i++)
		assert_fails(str_to_bool(str_c(bad[i]), &b), ERR_INVALID);
}

static void utf8_follows_rfc_3629(void **unused)
{
	static const struct {
		const char *in;
		bool valid;
		size_t count;
	} rows[] = {
		{ "", true, 0 }, { "plain ascii text", true, 16 }, { "\xC3\xA9", true, 1 },
		{ "\xE3\x81\x82\xE3\x81\x84", true, 2 }, { "\xF0\x9F\x98\x80", true, 1 },
		{ "\xF4\x8F\xBF\xBF", true, 1 }, { "\xEF\xBF\xBF", true, 1 },
		{ "\x80", false, 0 }, { "\xC0\x80", false, 0 }, { "\xC1\xBF", false, 0 },
		{ "\xE0\x9F\xBF", false, 0 }, { "\xED\xA0\x80", false, 0 },
		{ "\xED\x9F\xBF", true, 1 }, { "\xEE\x80\x80", true, 1 },
		{ "\xF0\x8F\xBF\xBF", false, 0 }, { "\xF4\x90\x80\x80", false, 0 },
		{ "\xF5\x80\x80\x80", false, 0 }, { "\xE3\x81", false, 0 }, { "\xFF", false, 0 },
		{ "12345678\xC3", false, 0 }, { "1234567\xC3\xA9""1234567890", true, 18 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct str s = str_c(rows[i].in);
		print_message("case %zu\n", i);
		assert_int_equal(utf8_valid(s), rows[i].valid);
		if (rows[i].valid)
			assert_int_equal(utf8_count(s), rows[i].count);
	}
	struct str s = S("a\xC3\xA9\xE3\x81\x82z");
	assert_int_equal(utf8_prefix(s, 0), 0);
	assert_int_equal(utf8_prefix(s, 2), 3);
	assert_int_equal(utf8_prefix(s, 3), 6);
	assert_int_equal(utf8_prefix(s, 99), 7);
	size_t i = 0;
	assert_int_equal(utf8_next(s, &i), 'a');
	assert_int_equal(utf8_next(s, &i), 0xE9);
	assert_int_equal(utf8_next(s, &i), 0x3042);
	assert_int_equal(i, 6);
	i = 0;
	assert_int_equal(utf8_next(S("\xE3\x81"), &i), 0xFFFD);
	assert_int_equal(i, 1);
	for (uint32_t c = 0; c <= 0x110000; c++) {
		char out[4];
		size_t n = utf8_put(out, c);
		bool scalar = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
		i = 0;
		if (utf8_next(str_of(out, n), &i) != (scalar ? c : 0xFFFD) || i != n)
			fail_msg("U+%X", c);
	}
}

static void lines_end_in_any_way(void **unused)
{
	(void)unused;
	static const struct {
		const char *text, *joined;
	} cases[] = {
		{ "", "" },	      { "a", "[a]" },		{ "a\n", "[a]" },
		{ "a\r\nb", "[a][b]" }, { "a\rb\n\nc", "[a][b][][c]" }, { "\n\r", "[][]" },
		{ "\r\n", "[]" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct str rest = str_c(cases[i].text), line;
		char got[64] = "";
		size_t n = 0;
		print_message("case %zu\n", i);
		while (str_next_line(&rest, &line))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s]", STR(line));
		assert_string_equal(got, cases[i].joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing_and_searching),
		cmocka_unit_test(cutting),
		cmocka_unit_test(numbers_are_whole_slices),
		cmocka_unit_test(lines_end_in_any_way),
		cmocka_unit_test(doubles_and_booleans),
		cmocka_unit_test(utf8_follows_rfc_3629),
	};
	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
