/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of cmocka's interface that the tests of base and rt use, for machines whose cmocka is
 * not at hand (the arm64 run under an emulator). A failed assertion ends the program.
 */
#pragma once
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*fn)(void **);
	int (*up)(void **), (*down)(void **);
};

#define cmocka_unit_test(f) { #f, f, NULL, NULL }
#define cmocka_unit_test_setup_teardown(f, up, down) { #f, f, up, down }
#define shim_assert(cond)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)
#define assert_true(x) shim_assert(x)
#define assert_false(x) shim_assert(!(x))
#define assert_null(x) shim_assert((x) == NULL)
#define assert_non_null(x) shim_assert((x) != NULL)
#define assert_int_equal(a, b) shim_assert((intmax_t)(a) == (intmax_t)(b))
#define assert_int_not_equal(a, b) shim_assert((intmax_t)(a) != (intmax_t)(b))
#define assert_ptr_equal(a, b) shim_assert((const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) shim_assert((const void *)(a) != (const void *)(b))
#define assert_string_equal(a, b) shim_assert(!strcmp((a), (b)))
#define assert_string_not_equal(a, b) shim_assert(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, n) shim_assert(!memcmp((a), (b), (n)))
#define assert_in_range(v, lo, hi) shim_assert((v) >= (lo) && (v) <= (hi))
#define assert_float_equal(a, b, eps) shim_assert((a) - (b) <= (eps) && (b) - (a) <= (eps))
#define assert_return_code(rc, err) shim_assert((rc) >= 0)
#define fail() shim_assert(!"fail")
#define fail_msg(...)                                                                              \
	do {                                                                                       \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fail();                                                                            \
	} while (0)
#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) fprintf(stderr, __VA_ARGS__)
#define skip() return

static inline int shim_run(const char *group, const struct CMUnitTest *tests, size_t n,
			   int (*up)(void **), int (*down)(void **))
{
	void *state = NULL;
	if (up && up(&state))
		return 1;
	for (size_t i = 0; i < n; i++) {
		printf("[ RUN      ] %s\n", tests[i].name);
		fflush(stdout);
		if (tests[i].up && tests[i].up(&state))
			return 1;
		tests[i].fn(&state);
		if (tests[i].down && tests[i].down(&state))
			return 1;
	}
	if (down && down(&state))
		return 1;
	printf("[  PASSED  ] %zu test(s) in %s.\n", n, group);
	return 0;
}
#define cmocka_run_group_tests_name(name, tests, up, down)                                         \
	shim_run((name), (tests), sizeof(tests) / sizeof((tests)[0]), (up), (down))
#define cmocka_run_group_tests(tests, up, down)                                                    \
	cmocka_run_group_tests_name(#tests, tests, up, down)
