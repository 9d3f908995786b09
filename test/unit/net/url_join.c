/* SPDX-License-Identifier: Apache-2.0 */
/* Where Location headers lead; wanted values as RFC 3986 section 5.4, without its dot segments. */
#include "test/unit/net/cmocka_all.h"
#include "base/arena.h"
#include "net/url.h"

static const struct {
	const char *base, *ref, *want;
} rows[] = {
	{ "http://a/b/c/d;p?q", "http://x/y", "http://x/y" },
	{ "http://a/b/c/d;p?q", "ftp:x", "ftp:x" },
	{ "http://a/b/c/d;p?q", "//g:81/x", "http://g:81/x" },
	{ "https://a/b/c/d;p?q", "//g", "https://g" },
	{ "http://a/b/c/d;p?q", "/g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "g", "http://a/b/c/g" },
	{ "http://a/b/c/d;p?q", "./g", "http://a/b/c/./g" },
	{ "http://a/b/c/d;p?q", "../g", "http://a/b/c/../g" },
	{ "http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y" },
	{ "http://a/b/c/d;p?q/r", "g?y#s", "http://a/b/c/g?y#s" },
	{ "http://a/b/c/d;p?q#f", "", "http://a/b/c/d;p?q" },
	{ "http://a/b/c/d;p?q#f", "#s", "http://a/b/c/d;p?q#s" },
	{ "http://a", "g", "http://a/g" },
	{ "http://a?q", "g", "http://a/g" },
	{ "http://a?q", "?y", "http://a/?y" },
	{ "http://u:p@a:8/b", "/g:x", "http://u:p@a:8/g:x" },
	{ "http://a/b", "g/h:x", "http://a/g/h:x" },
};

static void references_are_joined(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(rows); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str got = url_join(mem.p, str_c(rows[i].base), str_c(rows[i].ref));
		if (!str_eq(got, str_c(rows[i].want)))
			fail_msg("%s + %s: want %s got %.*s", rows[i].base, rows[i].ref, rows[i].want, STR(got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(references_are_joined) };
	return cmocka_run_group_tests_name("url_join", tests, NULL, NULL);
}
