/* SPDX-License-Identifier: Apache-2.0 */
/* The db interface, the same cases on both backends: `db_test sqlite`, `db_test postgres`. */
#include "store_test.h"
#include <sys/stat.h>

static bool use_postgres;

#define SQL(var, text_lite, text_pg, count)                                                        \
	static const struct sql var = { #var, text_lite, text_pg, count }

SQL(thing_add, "INSERT INTO things (id, n, f, t, b) VALUES (?1, ?2, ?3, ?4, ?5)",
    "INSERT INTO things (id, n, f, t, b) VALUES ($1, $2, $3, $4, $5)", 5);
SQL(thing_get, "SELECT id, n, f, t, b FROM things WHERE id = ?1",
    "SELECT id, n, f, t, b FROM things WHERE id = $1", 1);
SQL(thing_bump, "UPDATE things SET n = n + ?2 WHERE id = ?1",
    "UPDATE things SET n = n + $2 WHERE id = $1", 2);
SQL(thing_bump_returning, "UPDATE things SET n = n + ?2 WHERE id = ?1 RETURNING n",
    "UPDATE things SET n = n + $2 WHERE id = $1 RETURNING n", 2);
SQL(thing_count, "SELECT count(*), sum(n), avg(n) FROM things",
    "SELECT count(*), sum(n), avg(n) FROM things", 0);
SQL(child_add, "INSERT INTO children (id, thing) VALUES (?1, ?2)",
    "INSERT INTO children (id, thing) VALUES ($1, $2)", 2);
SQL(slow, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000) "
	  "SELECT count(*) FROM c",
    "SELECT pg_sleep(100)", 0);
SQL(wrong, "SELECT nothing FROM nowhere", "SELECT nothing FROM nowhere", 0);

static status open_db(struct db_options o, struct db **out)
{
	CHECK_OK(test_db(dir, use_postgres, o, out));
	if (use_postgres)
		CHECK_OK(db_script(*out, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public")));
	CHECK_OK(db_script(*out, S("CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n BIGINT, "
				   "f DOUBLE PRECISION, t TEXT, b BYTEA);"
				   "CREATE TABLE children (id TEXT NOT NULL PRIMARY KEY, thing TEXT "
				   "NOT NULL REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED)")));
	return 0;
}

static status add(struct db *db, const char *id, int64_t n)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(db, mem.p, &thing_add, 1, NULL, db_text(str_c(id)), db_int(n), db_float(0),
			db_null(), db_null());
}

static status number_of(struct db *db, const char *id, int64_t *out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(db, mem.p, &thing_get, &rows, db_text(str_c(id))))
		return -1;
	*out = rows->count ? db_int_at(rows, 0, 1) : -1;
	return 0;
}

/* --- values --- */

static status values_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_db((struct db_options){ 0 }, &db.p));
	static const struct {
		int64_t n;
		double f;
		struct str t, b;
	} cases[] = {
		{ 0, 0, S_INIT(""), S_INIT("") },
		{ INT64_MAX, 1.7976931348623157e308, S_INIT("\xe8\xb8\x8f\xe9\x9e\xb4"), S_INIT("\0\x01\xff\\x") },
		{ INT64_MIN, 5e-324, S_INIT("'; DROP TABLE things; --"), S_INIT("\x00") },
		{ -1, 0.1, S_INIT("$1 ?1 {a,b} \\ \" \n\t"), S_INIT("plain") },
		{ 1, -2.5, { NULL, 0 }, { NULL, 0 } },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct str id = arena_printf(mem.p, "v%zu", i);
		struct db_rows *rows;
		CHECK_OK(DB_WRITE(db.p, mem.p, &thing_add, 1, &rows, db_text(id), db_int(cases[i].n),
				  db_float(cases[i].f), db_text(cases[i].t), db_blob(cases[i].b)));
		CHECK(rows->changed == 1);
		CHECK_OK(DB_READ(db.p, mem.p, &thing_get, &rows, db_text(id)));
		CHECK(rows->count == 1 && rows->columns == 5 && rows->changed == 0);
		CHECK(rows->cells[1].type == DB_INT && db_int_at(rows, 0, 1) == cases[i].n);
		CHECK(rows->cells[2].type == DB_FLOAT && db_float_at(rows, 0, 2) == cases[i].f);
		CHECK(rows->cells[3].type == DB_TEXT && str_eq(db_str_at(rows, 0, 3), cases[i].t));
		CHECK(rows->cells[4].type == DB_BLOB && str_eq(db_str_at(rows, 0, 4), cases[i].b));
	}
	/* NULLs, absent rows, out of range */
	struct db_rows *rows;
	CHECK_OK(DB_WRITE(db.p, mem.p, &thing_add, 1, NULL, db_text(S("null")), db_null(), db_null(),
			  db_text_or_null((struct str){ 0 }), db_null()));
	CHECK_OK(DB_READ(db.p, mem.p, &thing_get, &rows, db_text(S("null"))));
	for (size_t i = 1; i < 5; i++)
		CHECK(db_null_at(rows, 0, i) && db_int_at(rows, 0, i) == 0 && db_str_at(rows, 0, i).len == 0);
	CHECK(db_null_at(rows, 0, 5) && db_null_at(rows, 1, 0));
	CHECK_OK(DB_READ(db.p, mem.p, &thing_get, &rows, db_text(S("absent"))));
	CHECK(rows->count == 0);
	/* a text of a megabyte, both ways */
	char *big = arena_text(mem.p, 1 << 20);
	memset(big, 'x', 1 << 20);
	CHECK_OK(DB_WRITE(db.p, mem.p, &thing_add, 1, NULL, db_text(S("big")), db_int(1), db_float(1),
			  db_text(str_of(big, 1 << 20)), db_blob(str_of(big, 1 << 20))));
	CHECK_OK(DB_READ(db.p, mem.p, &thing_get, &rows, db_text(S("big"))));
	CHECK(str_eq(db_str_at(rows, 0, 3), str_of(big, 1 << 20)));
	CHECK(str_eq(db_str_at(rows, 0, 4), str_of(big, 1 << 20)));
	CHECK_ERR(DB_WRITE(db.p, mem.p, &thing_add, 1, NULL, db_text(S("a\0b")), db_int(1), db_null(),
			   db_null(), db_null()), ERR_INVALID);
	/* aggregates have the same types on both */
	CHECK_OK(DB_WRITE(db.p, mem.p, &thing_bump, DB_ANY, NULL, db_text(S("none")), db_int(1)));
	CHECK_OK(db_script(db.p, S("DELETE FROM things")));
	CHECK_OK(add(db.p, "a", 3));
	CHECK_OK(add(db.p, "b", 4));
	CHECK_OK(db_read(db.p, mem.p, &thing_count, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == 2 && rows->cells[1].type == DB_INT && db_int_at(rows, 0, 1) == 7);
	CHECK(db_float_at(rows, 0, 2) == 3.5);
	return 0;
}

/* --- batches --- */

static int after_calls;
static void count_after(void *arg)
{
	(void)arg;
	after_calls++;
}

static status batches_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_db((struct db_options){ 0 }, &db.p));
	CHECK_OK(add(db.p, "a", 1));
	int64_t n;
	/* all of it, with results by index */
	struct db_batch *b = db_batch_open(mem.p);
	DB_ADD(b, &thing_bump, 1, db_text(S("a")), db_int(10));
	size_t at = DB_ADD(b, &thing_bump_returning, 1, db_text(S("a")), db_int(100));
	DB_ADD(b, &thing_add, DB_ANY, db_text(S("b")), db_int(2), db_null(), db_null(), db_null());
	DB_ADD(b, &thing_add, DB_ANY, db_text(S("c")), db_int(3), db_null(), db_null(), db_null());
	db_batch_after(b, count_after, NULL);
	after_calls = 0;
	CHECK_OK(db_commit(db.p, b));
	CHECK(after_calls == 1 && db_int_at(db_batch_rows(b, at), 0, 0) == 111);
	CHECK(db_batch_rows(b, 0)->changed == 1);
	/* A copy lives on without its builder's memory, and can be repeated. */
	struct arena *gone = arena_open(0);
	b = db_batch_open(gone);
	DB_ADD(b, &thing_bump, 1, db_text(arena_str(gone, S("b"))), db_int(5));
	struct db_batch *kept = db_batch_copy(mem.p, b);
	arena_close(gone);
	for (int i = 0; i < 2; i++) {
		b = db_batch_open(mem.p);
		db_batch_join(b, kept);
		DB_ADD(b, &thing_bump, 1, db_text(S("b")), db_int(1));
		CHECK_OK(db_commit(db.p, b));
	}
	CHECK_OK(number_of(db.p, "b", &n));
	CHECK(n == 2 + 2 * 6);
	CHECK_OK(db_script(db.p, S("UPDATE things SET n = 2 WHERE id = 'b'")));
	/* expect undoes all */
	b = db_batch_open(mem.p);
	DB_ADD(b, &thing_bump, 1, db_text(S("a")), db_int(1000));
	DB_ADD(b, &thing_bump, 1, db_text(S("absent")), db_int(1));
	db_batch_after(b, count_after, NULL);
	CHECK_ERR(db_commit(db.p, b), ERR_STALE);
	CHECK(after_calls == 1);
	CHECK_OK(number_of(db.p, "a", &n));
	CHECK(n == 111);
	CHECK_ERR(DB_WRITE(db.p, mem.p, &thing_bump_returning, 1, NULL, db_text(S("absent")), db_int(1)),
		  ERR_STALE);
	/* a unique key undoes all, and its name is in the text */
	b = db_batch_open(mem.p);
	DB_ADD(b, &thing_bump, DB_ANY, db_text(S("a")), db_int(1000));
	DB_ADD(b, &thing_add, DB_ANY, db_text(S("b")), db_int(2), db_null(), db_null(), db_null());
	DB_ADD(b, &thing_bump, DB_ANY, db_text(S("a")), db_int(1000));
	CHECK_ERR(db_commit(db.p, b), ERR_CONFLICT);
	CHECK(str_has(err_text(), S("things")));
	CHECK_ERR(add(db.p, "b", 2), ERR_CONFLICT);
	CHECK_OK(number_of(db.p, "a", &n));
	CHECK(n == 111);
	/* a constraint that is looked at by the COMMIT */
	CHECK_ERR(DB_WRITE(db.p, mem.p, &child_add, 1, NULL, db_text(S("k")), db_text(S("nobody"))),
		  ERR_CONFLICT);
	b = db_batch_open(mem.p);
	DB_ADD(b, &child_add, DB_ANY, db_text(S("k")), db_text(S("nobody")));
	DB_ADD(b, &thing_bump, DB_ANY, db_text(S("a")), db_int(1000));
	CHECK_ERR(db_commit(db.p, b), ERR_CONFLICT);
	/* bugs of ours */
	CHECK_ERR(db_write(db.p, mem.p, &thing_bump, NULL, 0, DB_ANY, NULL), ERR_INTERNAL);
	CHECK_ERR(db_write(db.p, mem.p, &wrong, NULL, 0, DB_ANY, NULL), ERR_INTERNAL);
	struct db_rows *rows;
	CHECK_ERR(db_read(db.p, mem.p, &wrong, NULL, 0, &rows), ERR_INTERNAL);
	/* text put together at run time */
	struct sql made = { NULL, "SELECT n + ?1 FROM things WHERE id = 'a'",
			    "SELECT n + $1 FROM things WHERE id = 'a'", 1 };
	CHECK_OK(DB_READ(db.p, mem.p, &made, &rows, db_int(5)));
	CHECK(db_int_at(rows, 0, 0) == 116);
	CHECK_OK(number_of(db.p, "a", &n));
	CHECK(n == 111);
	b = db_batch_open(mem.p); /* nothing to do */
	CHECK_OK(db_commit(db.p, b));
	CHECK_OK(db_ping(db.p));
	return 0;
}

/* --- many fibers: one failing batch must not hurt the others of its group --- */

enum { FIBERS = 64, ROUNDS = 40 };
struct crowd {
	struct db *db;
	int number;
	int *conflicts;
};

static status crowd_fiber(void *arg)
{
	struct crowd *c = arg;
	for (int i = 0; i < ROUNDS; i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct db_batch *b = db_batch_open(mem.p);
		DB_ADD(b, &thing_bump, 1, db_text(S("sum")), db_int(1));
		bool bad = (i + c->number) % 5 == 0;
		bool late = (i + c->number) % 10 == 0;
		struct str id = arena_printf(mem.p, "%d-%d", c->number, i);
		if (bad && late)
			DB_ADD(b, &child_add, 1, db_text(id), db_text(S("nobody")));
		else
			DB_ADD(b, &thing_add, DB_ANY, db_text(bad ? S("sum") : id), db_int(0), db_null(),
			       db_null(), db_null());
		status rc = db_commit(c->db, b);
		CHECK(rc == (bad ? -1 : 0));
		CHECK(!bad || err_code() == ERR_CONFLICT);
		*c->conflicts += bad;
	}
	return 0;
}

static status crowd_all(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_db((struct db_options){ 0 }, &db.p));
	CHECK_OK(add(db.p, "sum", 0));
	int conflicts = 0;
	struct crowd crowd[FIBERS];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < FIBERS; i++) {
		crowd[i] = (struct crowd){ db.p, i, &conflicts };
		CHECK_OK(group_spawn(g.p, "crowd", crowd_fiber, &crowd[i]));
	}
	CHECK_OK(group_wait(g.p));
	int64_t n;
	CHECK_OK(number_of(db.p, "sum", &n));
	CHECK(conflicts > 0 && n == FIBERS * ROUNDS - conflicts);
	struct db_rows *rows;
	CHECK_OK(db_read(db.p, mem.p, &thing_count, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == n + 1);
	struct db_stats stats;
	db_stats_get(db.p, &stats);
	print_message("%d batches, %d failed, %llu commits\n", FIBERS * ROUNDS, conflicts,
		      (unsigned long long)stats.commits);
	return 0;
}

/* --- time --- */

static status slow_fiber(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	return db_read(arg, mem.p, &slow, NULL, 0, &rows);
}

static status write_fiber(void *arg)
{
	return add(arg, "late", 1);
}

static status time_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	struct db_options o = { .statement_timeout_ms = 300, .connections = 2 };
	CHECK_OK(open_db(o, &db.p));
	int64_t from = rt_now();
	CHECK_ERR(slow_fiber(db.p), ERR_TIMEOUT);
	CHECK(rt_now() - from < 60000000000); /* of 100 s */
	/* the caller's deadline */
	deadline saved = deadline_push(deadline_in_ms(50));
	from = rt_now();
	CHECK_ERR(slow_fiber(db.p), ERR_TIMEOUT);
	deadline_pop(saved);
	CHECK(rt_now() - from < 60000000000);
	/* cancelling */
	{
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		CHECK_OK(group_spawn(g.p, "slow", slow_fiber, db.p));
		CHECK_OK(fiber_sleep_ms(50));
		group_cancel(g.p);
		CHECK_ERR(group_wait(g.p), ERR_CANCELLED);
	}
	/* a write that is on its way when its fiber is cancelled tells the truth */
	{
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		CHECK_OK(group_spawn(g.p, "write", write_fiber, db.p));
		CHECK_OK(fiber_yield());
		group_cancel(g.p);
		status rc = group_wait(g.p);
		int64_t n;
		CHECK_OK(fiber_sleep_ms(50));
		CHECK_OK(number_of(db.p, "late", &n));
		CHECK(rc == 0 ? n == 1 : n == -1);
	}
	CHECK_OK(db_ping(db.p));
	return 0;
}

/* --- schema --- */

static status migrate_one(void *arg)
{
	struct migrate_report r;
	return db_migrate(arg, false, &r);
}

/* Several processes start at once on an empty database: each migration happens once. */
static status migrate_together(void *arg)
{
	(void)arg;
	AUTO(db) first = { NULL };
	AUTO(db) second = { NULL };
	AUTO(db) third = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct db_options o = { 0 };
	CHECK_OK(test_db(dir, use_postgres, o, &first.p));
	CHECK_OK(test_db(dir, use_postgres, o, &second.p));
	CHECK_OK(test_db(dir, use_postgres, o, &third.p));
	if (use_postgres)
		CHECK_OK(db_script(first.p, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public")));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK_OK(group_spawn(g.p, "one", migrate_one, first.p));
	CHECK_OK(group_spawn(g.p, "two", migrate_one, second.p));
	CHECK_OK(group_spawn(g.p, "three", migrate_one, third.p));
	CHECK_OK(group_wait(g.p));
	static const struct sql rows_sql = { "rows", "SELECT count(*) FROM schema_migrations",
					     "SELECT count(*) FROM schema_migrations", 0 };
	struct db_rows *rows;
	CHECK_OK(db_read(second.p, mem.p, &rows_sql, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == (int64_t)migrations_len);
	return 0;
}

static status migrate_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	CHECK_OK(test_db(dir, use_postgres, (struct db_options){ 0 }, &db.p));
	if (use_postgres)
		CHECK_OK(db_script(db.p, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public")));
	struct migrate_report r;
	int last = migrations[migrations_len - 1].number;
	CHECK_OK(db_migrate(db.p, true, &r));
	CHECK(r.from == 0 && r.to == last && r.pending == (int)migrations_len);
	CHECK_OK(db_migrate(db.p, true, &r));
	CHECK(r.pending == (int)migrations_len); /* nothing was written */
	CHECK_OK(db_migrate(db.p, false, &r));
	CHECK(r.from == 0 && r.to == last && r.pending == 0);
	CHECK_OK(db_migrate(db.p, false, &r));
	CHECK(r.from == last && r.to == last);
	CHECK_OK(db_prepare_all(db.p));
	CHECK(sql_all_len > 0);
	CHECK_OK(db_script(db.p, S("UPDATE schema_migrations SET checksum = 'changed' WHERE number = 1")));
	CHECK_ERR(db_migrate(db.p, false, &r), ERR_STALE);
	CHECK(str_has(err_text(), S("0001_broker was changed")));
	CHECK_OK(db_script(db.p, S("DELETE FROM schema_migrations WHERE number = 1;"
				   "INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 1)")));
	CHECK_ERR(db_migrate(db.p, true, &r), ERR_STALE);
	CHECK(str_has(err_text(), S("9999")));
	/* a migration that fails leaves nothing: table jobs is there already */
	CHECK_OK(db_script(db.p, S("DELETE FROM schema_migrations; DROP TABLE counters")));
	CHECK(db_migrate(db.p, false, &r) == -1);
	CHECK(db_script(db.p, S("SELECT 1 FROM counters")) == -1);
	CHECK_OK(db_ping(db.p));
	return 0;
}

/* --- SQLite's log --- */

static int64_t size_of(const char *suffix)
{
	char path[512];
	struct stat st;
	snprintf(path, sizeof(path), "%s/test.db%s", dir, suffix);
	return stat(path, &st) ? -1 : st.st_size;
}

enum { LOG_ROWS = 1500, LOG_ROW = 64 << 10, LOG_BYTES = 8 << 20, LOG_MOST = 48 << 20 };

/* Under steady writing the log goes into the file meanwhile and begins anew, and all is there after
 * opening again. */
static status log_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_db((struct db_options){ .sqlite_log_bytes = LOG_BYTES }, &db.p));
	char *big = arena_text(mem.p, LOG_ROW);
	memset(big, 'x', LOG_ROW);
	for (int i = 0; i < LOG_ROWS; i++) {
		AUTO(arena) one = { arena_open(0) };
		CHECK_OK(DB_WRITE(db.p, one.p, &thing_add, 1, NULL,
				  db_text(arena_printf(one.p, "r%d", i)), db_int(1), db_null(),
				  db_text(str_of(big, LOG_ROW)), db_null()));
	}
	CHECK(size_of("-wal") < LOG_MOST);
	/* The keeper may still be at it. */
	for (int i = 0; i < 2400 && size_of("") < (16 << 20); i++)
		CHECK_OK(fiber_sleep_ms(50));
	CHECK(size_of("") >= (16 << 20));
	db_close(take(db.p));
	CHECK(size_of("-wal") == -1);
	CHECK(size_of("") > (int64_t)LOG_ROWS * LOG_ROW);
	CHECK_OK(test_db(dir, use_postgres, (struct db_options){ 0 }, &db.p));
	struct db_rows *rows;
	CHECK_OK(db_read(db.p, mem.p, &thing_count, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == LOG_ROWS);
	return 0;
}

static void long_log(void **state)
{
	(void)state;
	if (use_postgres)
		return;
	run_fiber(log_fiber, NULL);
}

static void values(void **state)
{
	(void)state;
	run_fiber(values_fiber, NULL);
}
static void batches(void **state)
{
	(void)state;
	run_fiber(batches_fiber, NULL);
}
static void crowds(void **state)
{
	(void)state;
	run_fiber(crowd_all, NULL);
}
static void times(void **state)
{
	(void)state;
	run_fiber(time_fiber, NULL);
}
static void schema(void **state)
{
	(void)state;
	run_fiber(migrate_fiber, NULL);
}

static void schema_together(void **state)
{
	(void)state;
	run_fiber(migrate_together, NULL);
}

int main(int argc, char **argv)
{
	use_postgres = argc > 1 && strcmp(argv[1], "postgres") == 0;
	if (use_postgres && !under_pg_run("TATARA_TEST_PG"))
		return 77;
	const struct CMUnitTest tests[] = { ROW(values), ROW(batches), ROW(crowds), ROW(times),
					    ROW(schema), ROW(schema_together), ROW(long_log) };
	return cmocka_run_group_tests_name(use_postgres ? "db postgres" : "db sqlite", tests, NULL, NULL);
}
