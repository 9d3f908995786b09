/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate: brings a schema to the newest version that this binary knows. The caller holds a lock
 * on one connection; this file compares schema_migrations with the compiled-in list and runs what
 * is missing, each in a transaction with its row. Runs on the writer thread (SQLite) or in a
 * fiber (PostgreSQL) and knows neither.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "store/db/db_int.h"
#include <inttypes.h>
#include <string.h>

static const char table_sql[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT NOT NULL PRIMARY KEY, "
	"name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/*
 * A line "-- [sqlite]" or "-- [postgres]" starts a part for one of the two, "-- [all]" ends it.
 */
struct str migrate_text(struct arena *mem, const char *text, bool postgres)
{
	struct buf out = buf_make(mem, 0);
	struct str rest = str_c(text);
	bool on = true;
	while (rest.len) {
		size_t end = str_find_char(rest, '\n');
		size_t n = end == SIZE_MAX ? rest.len : end + 1;
		struct str line = str_trim(str_sub(rest, 0, n));
		if (str_eq(line, S("-- [sqlite]")))
			on = !postgres;
		else if (str_eq(line, S("-- [postgres]")))
			on = postgres;
		else if (str_eq(line, S("-- [all]")))
			on = true;
		else if (on)
			buf_put(&out, str_sub(rest, 0, n));
		rest = str_skip(rest, n);
	}
	return buf_str(&out);
}

static const struct migration *find(int64_t number)
{
	for (size_t i = 0; i < migrations_len; i++)
		if (migrations[i].number == number)
			return &migrations[i];
	return NULL;
}

/* Every row must be one of ours, unchanged. */
static status check_applied(const struct db_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		int64_t number = db_int_at(rows, i, 0);
		const struct migration *m = find(number);
		if (!m)
			return err_set(ERR_STALE,
				       "the database has schema version %" PRId64 " (%.*s), which this "
				       "release does not know: install a newer release", number,
				       STR(db_str_at(rows, i, 1)));
		if (!str_eq(str_c(m->checksum), db_str_at(rows, i, 2)))
			return err_set(ERR_STALE,
				       "migration %04d_%s was changed after it was applied (checksum "
				       "%.8s, applied %.8s)", m->number, m->name, m->checksum,
				       db_str_at(rows, i, 2).at);
	}
	return 0;
}

static bool is_applied(const struct db_rows *rows, int number)
{
	for (size_t i = 0; i < rows->count; i++)
		if (db_int_at(rows, i, 0) == number)
			return true;
	return false;
}

static status apply(const struct migrate_ops *ops, void *conn, const struct migration *m)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = migrate_text(mem.p, m->text, ops->postgres);
	/* name and checksum come from the build: no quoting needed */
	struct str row = arena_printf(mem.p, "INSERT INTO schema_migrations (number, name, checksum, "
				      "applied_at) VALUES (%d, '%s', '%s', %" PRId64 ")",
				      m->number, m->name, m->checksum, clock_ms());
	if (ops->script(conn, ops->postgres ? "BEGIN" : "BEGIN EXCLUSIVE"))
		return -1;
	/* Another process may have been first: SQLite's lock is this transaction. */
	struct db_rows *there;
	struct str again = arena_printf(mem.p, "SELECT 1 FROM schema_migrations WHERE number = %d",
					m->number);
	if (!ops->query(conn, mem.p, again.at, &there) && there->count)
		return ops->script(conn, "ROLLBACK");
	if (ops->script(conn, arena_cstr(mem.p, text)) || ops->script(conn, row.at) ||
	    ops->script(conn, "COMMIT")) {
		err_wrap("migration %04d_%s", m->number, m->name);
		struct err *saved = arena_new(mem.p, struct err);
		err_save(saved);
		(void)ops->script(conn, "ROLLBACK");
		return err_restore(saved);
	}
	return 0;
}

static status applied_rows(const struct migrate_ops *ops, void *conn, struct arena *mem,
			   struct db_rows **out)
{
	struct db_rows *there;
	if (ops->query(conn, mem,
		       ops->postgres ? "SELECT 1 FROM pg_class WHERE oid = to_regclass('schema_migrations')" :
				       "SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'",
		       &there))
		return -1;
	if (!there->count) {
		*out = there;
		return 0;
	}
	return ops->query(conn, mem, "SELECT number, name, checksum FROM schema_migrations ORDER BY number",
			  out);
}

status migrate_run(const struct migrate_ops *ops, void *conn, bool plan, struct migrate_report *r)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	*r = (struct migrate_report){ 0 };
	if (applied_rows(ops, conn, mem.p, &rows) || check_applied(rows))
		return -1;
	if (rows->count)
		r->from = (int)db_int_at(rows, rows->count - 1, 0);
	r->to = r->from;
	if (!plan && ops->script(conn, table_sql))
		return -1;
	for (size_t i = 0; i < migrations_len; i++) {
		if (is_applied(rows, migrations[i].number))
			continue;
		if (plan) {
			r->pending++;
		} else if (apply(ops, conn, &migrations[i])) {
			return -1;
		}
		r->to = MAX(r->to, migrations[i].number);
	}
	return 0;
}
