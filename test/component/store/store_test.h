/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_test: what the component tests of store share. Checks inside fibers must not use cmocka's
 * asserts (they jump between stacks): CHECK prints, and fails the fiber, which fails rt_run.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "rt/rt.h"
#include "store/db/db.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (last error %s: %s; %s)\n", __FILE__, __LINE__, \
				#cond, err_name(err_code()), err_last()->text, err_last()->detail); \
			return err_set(ERR_INTERNAL, "check failed");                              \
		}                                                                                  \
	} while (0)
#define CHECK_OK(call) CHECK((call) == 0)
#define CHECK_ERR(call, want) CHECK((call) == -1 && err_code() == (want))

/* A temporary directory, removed by dir_remove. */
static inline char *dir_make(void)
{
	char *path = strdup("/tmp/tatara-test.XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void dir_remove(char *path)
{
	char command[512];
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
	free(path);
}

/* The directory of the running test; ROW(fn) makes one for each test and removes it. */
static char *dir;

static inline int each_setup(void **state)
{
	(void)state;
	dir = dir_make();
	return 0;
}

static inline int each_teardown(void **state)
{
	(void)state;
	dir_remove(dir);
	return 0;
}
#define ROW(fn) cmocka_unit_test_setup_teardown(fn, each_setup, each_teardown)

/* Is the variable there that tools/pg-run sets? If not, main says so and ends with 77: skipped. */
static inline bool under_pg_run(const char *variable)
{
	if (getenv(variable))
		return true;
	fprintf(stderr, "no %s: run under tools/pg-run\n", variable);
	return false;
}

/* PostgreSQL when use_postgres, with an empty schema; else SQLite in dir. */
static inline status test_db(const char *in, bool use_postgres, struct db_options o, struct db **out)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/test.db", in);
	if (use_postgres)
		o.postgres = str_c(getenv("TATARA_TEST_PG"));
	else
		o.sqlite_path = str_c(path);
	return db_open(&o, out);
}

/* Runs a fiber as a cmocka test. */
static inline void run_fiber(fiber_fn fn, void *arg)
{
	struct rt_options o = { 0 };
	if (rt_run(&o, fn, arg)) {
		fprintf(stderr, "%s: %s; %s\n", err_name(err_code()), err_last()->text,
			err_last()->detail);
		fail();
	}
}
