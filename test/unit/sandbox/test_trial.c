/* SPDX-License-Identifier: Apache-2.0 */
/* What the trial of a Node prints decides whether it is forked for every program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "sandbox/root.h"

#define FAILS "x.js:1\nthrow\n\nError: a program that fails\n    at f\n"
#define GOOD "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 bb\n" FAILS "ends 0 0 256"

static const struct {
	const char *said, *why; /* NULL = it is forked */
} rows[] = {
	{ GOOD, NULL },
	{ "20.20.2\n/usr/bin/node\nends -2 -2 -2", "lacks" },
	{ "20.20.2\n/usr/bin/node\nends 11 11 11", "did not run" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n" FAILS "ends 0 139 256", "did not run" },
	{ "20.20.2\n/usr/bin/node\n3 0.5 aa\n2 0.25 bb\n" FAILS "ends 0 0 256", "did not run" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.5 aa\n" FAILS "ends 0 0 256", "same random" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.5 bb\n" FAILS "ends 0 0 256", "same random" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 aa\n" FAILS "ends 0 0 256", "same random" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 bb\nends 0 0 256", "does not tell" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 bb\n" FAILS "ends 0 0 6", "do not end" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 bb\n" FAILS "ends 0 0 256 0", "do not end" },
	{ "20.20.2\n/usr/bin/node\n2 0.5 aa\n2 0.25 bb\n" FAILS, "do not end" },
	{ "20.20.2\n/usr/bin/node", "did not run" },
	{ "", "did not run" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str version, path;
		const char *why = root_read_trial(str_c(rows[i].said), &version, &path);
		bool right = !why == !rows[i].why && (!why || str_has(str_c(why), str_c(rows[i].why)));
		if (!right)
			fail_msg("%s\n-> %s", rows[i].said, why ? why : "forked");
		if (*rows[i].said)
			assert_true(str_eq(version, S("20.20.2")) && str_eq(path, S("/usr/bin/node")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
