/* SPDX-License-Identifier: Apache-2.0 */
/* charset: marks, declared names, guesses, what fits nothing. Wanted texts are Python's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/charset.h"

static const struct {
	struct str bytes;
	const char *declared, *want;
} rows[] = {
	{ S_INIT(""), "", "" },
	{ S_INIT("plain"), "", "plain" },
	{ S_INIT("caf\xc3\xa9"), "iso-8859-1", "caf\xc3\xa9" }, /* UTF-8 is UTF-8, whatever it is called */
	{ S_INIT("caf\xe9"), "iso-8859-1", "caf\xc3\xa9" },
	{ S_INIT("caf\xe9"), "ISO-8859-1//TRANSLIT", "caf\xc3\xa9" }, /* no such name: a guess */
	{ S_INIT("\xEF\xBB\xBFx"), "", "x" },
	{ S_INIT("\xEF\xBB\xBFx\xff"), "", "x\xEF\xBF\xBD" },
	{ S_INIT("\xFF\xFEh\0i\0"), "", "hi" },
	{ S_INIT("\xFE\xFF\0h\0i"), "utf-8", "hi" },
	{ S_INIT("\xFF\xFE\0\0h\0\0\0"), "", "h" },
	{ S_INIT("\x93\xfa\x96\x7b\x8c\xea\x82\xf0\x8f\x91\x82\xad\x81\x42\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96\x7b\x8c\xea\x82\xc5\x82\xb7\x81\x42"), "",
	  "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x82\x92\xe6\x9b\xb8\xe3\x81\x8f\xe3\x80\x82\xe3\x81\x93\xe3\x82\x8c\xe3\x81\xaf\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82" },
	{ S_INIT("\xd6\xd0\xce\xc4"), "gb2312", "\xe4\xb8\xad\xe6\x96\x87" },
	{ S_INIT("a\0b"), "", "a" }, /* compared as a C string: the NUL is kept */
	{ S_INIT("\xc3"), "", "\xc3\x83" },
	{ S_INIT("\xEF\xBB\xBF\xf6\x9d\x9c\xbe"), "", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" }, /* beyond Unicode */
};

static void bytes_become_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out;
		assert_int_equal(charset_decode(mem.p, rows[i].bytes, str_c(rows[i].declared), 0, &out), 0);
		print_message("case %zu: %.*s\n", i, STR(out));
		assert_true(utf8_valid(out));
		if (i != 12)
			assert_true(str_eq(out, str_c(rows[i].want)));
		else
			assert_true(str_eq(out, S("a\0b")));
	}
}

static void limits(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	(void)state;
	assert_int_equal(charset_decode(mem.p, S("abcdef"), S(""), 5, &out), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
	assert_int_equal(charset_decode(mem.p, S("\xe9\xe9\xe9"), S("latin1"), 5, &out), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
	assert_int_equal(charset_decode(mem.p, S("\xe9\xe9"), S("latin1"), 5, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bytes_become_text), cmocka_unit_test(limits) };
	return cmocka_run_group_tests_name("text_charset", tests, NULL, NULL);
}
