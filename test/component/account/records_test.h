/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records_test: an empty database with all migrations, for the tests of account, app and api.
 * CHECK is for fibers, where cmocka's asserts cannot be used (they jump between stacks).
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
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "rt/rt.h"
#include "store/broker/broker.h"
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

DEFINE_AUTO(broker, struct broker, broker_close)

static bool use_postgres;
static char test_dir[64];

static inline void test_dir_make(void)
{
	snprintf(test_dir, sizeof(test_dir), "/tmp/tatara-test.XXXXXX");
	if (!mkdtemp(test_dir))
		abort();
}

static inline void test_dir_remove(void)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
	if (system(command))
		abort();
}

/* TATARA_TEST_PG with an empty schema, or a fresh SQLite file. */
static inline status records_open(struct db **db, struct broker **broker)
{
	static int n;
	char path[128];
	struct migrate_report r;
	struct db_options o = { 0 };
	snprintf(path, sizeof(path), "%s/%d.db", test_dir, n++);
	if (use_postgres)
		o.postgres = str_c(getenv("TATARA_TEST_PG"));
	else
		o.sqlite_path = str_c(path);
	CHECK_OK(db_open(&o, db));
	if (use_postgres)
		CHECK_OK(db_script(*db, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public")));
	CHECK_OK(db_migrate(*db, false, &r));
	char run[160];
	snprintf(run, sizeof(run), "%s/run", test_dir);
	struct broker_options b = { *db, str_c(run) };
	return broker_open(&b, broker);
}

static inline void run_fiber(fiber_fn fn)
{
	struct rt_options o = { 0 };
	if (rt_run(&o, fn, NULL)) {
		fprintf(stderr, "%s: %s; %s\n", err_name(err_code()), err_last()->text,
			err_last()->detail);
		fail();
	}
}

/* First argument: sqlite or postgres. */
static inline void test_arguments(int argc, char **argv)
{
	crypt_init();
	use_postgres = argc > 1 && !strcmp(argv[1], "postgres");
	if (use_postgres && !getenv("TATARA_TEST_PG")) {
		fprintf(stderr, "TATARA_TEST_PG is not set\n");
		exit(2);
	}
	test_dir_make();
	atexit(test_dir_remove);
}
