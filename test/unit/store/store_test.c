/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of store that need no loop: dialects of a migration, the pointer map, cells of results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/arena.h"
#include "store/db/db_int.h"

static const struct {
	const char *text, *sqlite, *postgres;
} dialects[] = {
	{ "A;\nB;", "A;\nB;", "A;\nB;" },
	{ "A;\n-- [sqlite]\nB;\n-- [postgres]\nC;\n-- [all]\nD;\n", "A;\nB;\nD;\n", "A;\nC;\nD;\n" },
	{ "  -- [postgres]  \nC;", "", "C;" },
	{ "-- [other]\nA;\n", "-- [other]\nA;\n", "-- [other]\nA;\n" },
	{ "", "", "" },
};

static void migration_has_parts_for_one_database(void **state)
{
	(void)state;
	struct arena *mem = arena_open(0);
	for (size_t i = 0; i < countof(dialects); i++) {
		print_message("case %zu\n", i);
		assert_true(str_eq(migrate_text(mem, dialects[i].text, false), str_c(dialects[i].sqlite)));
		assert_true(str_eq(migrate_text(mem, dialects[i].text, true), str_c(dialects[i].postgres)));
	}
	arena_close(mem);
}

static void pointer_map_keeps_all(void **state)
{
	(void)state;
	static char keys[5000][16];
	struct ptr_map m = { 0 };
	assert_null(ptr_get(&m, keys[0]));
	for (size_t i = 0; i < countof(keys); i++)
		ptr_set(&m, keys[i], keys[countof(keys) - 1 - i]);
	for (size_t i = 0; i < countof(keys); i++)
		assert_ptr_equal(ptr_get(&m, keys[i]), keys[countof(keys) - 1 - i]);
	assert_int_equal(m.count, countof(keys));
	ptr_set(&m, keys[7], NULL);
	assert_null(ptr_get(&m, keys[7]));
	assert_int_equal(m.count, countof(keys));
	ptr_free(&m);
}

static void cells_are_safe_to_read(void **state)
{
	(void)state;
	struct db_value cells[] = { db_int(-3), db_float(2.75), db_text(S("t")), db_null(), db_float(1e300),
				    db_blob(S("b")) };
	struct db_rows r = { .count = 2, .columns = 3, .cells = cells };
	assert_int_equal(db_int_at(&r, 0, 0), -3);
	assert_true(db_float_at(&r, 0, 0) == -3.0);
	assert_int_equal(db_int_at(&r, 0, 1), 2);
	assert_true(str_eq(db_str_at(&r, 0, 2), S("t")));
	assert_int_equal(db_int_at(&r, 0, 2), 0);
	assert_true(db_null_at(&r, 1, 0));
	assert_int_equal(db_int_at(&r, 1, 1), 0); /* no integer holds it */
	assert_true(str_eq(db_str_at(&r, 1, 2), S("b")));
	assert_int_equal(db_str_at(&r, 0, 0).len, 0);
	assert_true(db_null_at(&r, 2, 0) && db_null_at(&r, 0, 3));
}

static void tables_are_whole(void **state)
{
	(void)state;
	assert_true(sql_all_len > 0 && migrations_len > 0);
	for (size_t i = 0; i < sql_all_len; i++)
		assert_true(sql_all[i]->name && sql_all[i]->sqlite && sql_all[i]->postgres);
	for (size_t i = 1; i < migrations_len; i++)
		assert_true(migrations[i - 1].number < migrations[i].number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migration_has_parts_for_one_database),
		cmocka_unit_test(pointer_map_keeps_all),
		cmocka_unit_test(cells_are_safe_to_read),
		cmocka_unit_test(tables_are_whole),
	};
	return cmocka_run_group_tests_name("store parts", tests, NULL, NULL);
}
