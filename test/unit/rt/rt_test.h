/* SPDX-License-Identifier: Apache-2.0 */
/* What the rt tests share. CHECK works inside a fiber, where cmocka's jump out of the stack of a
 * failed assertion would not. */
#pragma once
#include "base/err.h"
#include "rt/rt.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #cond, \
				err_last()->text);                                                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Each test is one fiber under a virtual clock; the seed shuffles who runs first. */
static inline void run_with(fiber_fn fn, void *arg, uint64_t seed)
{
	struct rt_options opt = { .virtual_clock = true, .seed = seed, .stall_ms = -1 };
	CHECK(rt_run(&opt, fn, arg) == 0);
}
static inline void run(fiber_fn fn)
{
	run_with(fn, NULL, 0);
	for (uint64_t seed = 1; seed <= 5; seed++)
		run_with(fn, NULL, seed * 7919);
}
#define RT_TEST(name)                                                                              \
	static status name##_fiber(void *arg);                                                     \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void)unused;                                                                      \
		run(name##_fiber);                                                                 \
	}                                                                                          \
	static status name##_fiber(void *arg)
