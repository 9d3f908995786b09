/* SPDX-License-Identifier: Apache-2.0 */
/* test: what the unit tests of base share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Compares and prints both texts on a difference. */
#define assert_str(have, want)                                                                     \
	do {                                                                                       \
		struct str have_ = (have), want_ = str_c(want);                                    \
		if (!str_eq(have_, want_))                                                         \
			fail_msg("have <%.*s>, want <%.*s>", STR(have_), STR(want_));              \
	} while (0)
#define assert_fails(expr, code)                                                                   \
	do {                                                                                       \
		assert_int_equal((expr), -1);                                                      \
		assert_string_equal(err_name(err_code()), err_name(code));                         \
	} while (0)
