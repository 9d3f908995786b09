/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_conn: a connection with its statement cache, the run of one statement, and what SQLite's
 * result codes mean. Runs on db's own threads, so it must not call rt.
 */
#include "store/db/sqlite_int.h"
#include <errno.h>
#include <string.h>
#include <time.h>

int64_t lite_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- errors --- */

static enum err_code code_of(struct lite_conn *c, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		/* A missing parent row is the user's conflict too; the others are bugs of ours. */
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
				       rc == SQLITE_CONSTRAINT_ROWID ||
				       rc == SQLITE_CONSTRAINT_FOREIGNKEY ?
			       ERR_CONFLICT :
			       ERR_INTERNAL;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: {
		int sys = sqlite3_system_errno(c->db);
		return sys == ENOSPC || sys == EDQUOT || sys == EFBIG ? ERR_FULL : ERR_IO;
	}
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_UNAVAILABLE;
	case SQLITE_INTERRUPT:
		return ERR_TIMEOUT;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_IO;
	default:
		return ERR_INTERNAL;
	}
}

static status fail(struct lite_conn *c, int rc)
{
	enum err_code code = code_of(c, rc);
	switch (code) {
	case ERR_CONFLICT:
		return err_set(code, "%s", sqlite3_errmsg(c->db));
	case ERR_FULL:
		err_set(code, "the disk of the database is full");
		break;
	case ERR_UNAVAILABLE:
		err_set(code, "the database is locked by another process");
		break;
	case ERR_TIMEOUT:
		err_set(code, "the query took too long");
		break;
	case ERR_TOO_LARGE:
		err_set(code, "the text is too large for the database");
		break;
	default:
		err_set(code, "the database failed");
	}
	err_detail("sqlite %d: %s, errno %d", rc, sqlite3_errmsg(c->db), sqlite3_system_errno(c->db));
	return -1;
}

/* --- opening --- */

/* Another process holds the lock: short naps, as its transactions are short. */
static int on_busy(void *arg, int tries)
{
	struct lite_conn *c = arg;
	int64_t end = c->stop_at ? c->stop_at : INT64_MAX;
	if (tries > LITE_BUSY_MS || lite_now() > end)
		return 0;
	long us = tries < 20 ? 100 + tries * 50 : 1000;
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
	return 1;
}

static int on_progress(void *arg)
{
	struct lite_conn *c = arg;
	if (c->stop && atomic_load_explicit(c->stop, memory_order_relaxed))
		return 1;
	return c->stop_at && lite_now() > c->stop_at;
}

static status prepare_own(struct lite_conn *c, const char *text, sqlite3_stmt **out)
{
	int rc = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	return rc == SQLITE_OK ? 0 : fail(c, rc);
}

static status set_up(struct lite_conn *c, bool sync_full)
{
	if (lite_script(c, "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
			   "PRAGMA journal_size_limit=335544320; PRAGMA trusted_schema=OFF"))
		return -1;
	if (lite_script(c, sync_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"))
		return -1;
	if (c->reader)
		return lite_script(c, "PRAGMA query_only=1; PRAGMA cache_size=-4096");
	if (lite_script(c, "PRAGMA cache_size=-8192"))
		return -1;
	/* IMMEDIATE: with several processes a late upgrade of a read lock could not wait. */
	return prepare_own(c, "BEGIN IMMEDIATE", &c->begin) || prepare_own(c, "COMMIT", &c->commit) ||
			       prepare_own(c, "ROLLBACK", &c->rollback) ||
			       prepare_own(c, "SAVEPOINT batch", &c->save) ||
			       prepare_own(c, "RELEASE batch", &c->release) ||
			       prepare_own(c, "ROLLBACK TO batch", &c->undo) ?
		       -1 :
		       0;
}

status lite_open(struct lite_conn *c, const char *path, bool reader, bool sync_full)
{
	*c = (struct lite_conn){ .reader = reader };
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
	if (rc != SQLITE_OK) {
		enum err_code code = c->db ? code_of(c, rc) : ERR_IO;
		err_set(code, "cannot open the database file");
		err_detail("%s: %s", path, c->db ? sqlite3_errmsg(c->db) : "no memory");
		lite_close(c);
		return -1;
	}
	sqlite3_busy_handler(c->db, on_busy, c);
	sqlite3_progress_handler(c->db, 2000, on_progress, c);
	if (set_up(c, sync_full)) {
		err_detail("%s", path);
		lite_close(c);
		return -1;
	}
	return 0;
}

void lite_close(struct lite_conn *c)
{
	sqlite3_stmt *own[] = { c->begin, c->commit, c->rollback, c->save, c->release, c->undo };
	for (size_t i = 0; i < countof(own); i++)
		sqlite3_finalize(own[i]);
	for (size_t i = 0; i < c->cache.cap; i++)
		sqlite3_finalize(c->cache.slots[i].value);
	ptr_free(&c->cache);
	sqlite3_close(c->db);
	*c = (struct lite_conn){ 0 };
}

/* --- statements --- */

status lite_prepare(struct lite_conn *c, const struct sql *sql, sqlite3_stmt **out)
{
	*out = sql->name ? ptr_get(&c->cache, sql) : NULL;
	if (*out)
		return 0;
	int rc = sqlite3_prepare_v3(c->db, sql->sqlite, -1, sql->name ? SQLITE_PREPARE_PERSISTENT : 0,
				    out, NULL);
	if (rc != SQLITE_OK)
		return fail(c, rc);
	if (sqlite3_bind_parameter_count(*out) != sql->params) {
		int has = sqlite3_bind_parameter_count(*out);
		sqlite3_finalize(*out);
		return err_set(ERR_INTERNAL, "the statement has %d parameters, not %d", has, sql->params);
	}
	if (sql->name)
		ptr_set(&c->cache, sql, *out);
	return 0;
}

static int bind_one(sqlite3_stmt *s, int at, const struct db_value *v)
{
	/* A NULL address would bind NULL. */
	const char *text = v->type >= DB_TEXT && v->text.at ? v->text.at : "";
	switch (v->type) {
	case DB_NULL:
		return sqlite3_bind_null(s, at);
	case DB_INT:
		return sqlite3_bind_int64(s, at, v->integer);
	case DB_FLOAT:
		return sqlite3_bind_double(s, at, v->number);
	case DB_TEXT:
		return sqlite3_bind_text64(s, at, text, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB:
		return sqlite3_bind_blob64(s, at, text, v->text.len, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static struct db_value column_of(sqlite3_stmt *s, int i, struct arena *mem, size_t *bytes)
{
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		return db_int(sqlite3_column_int64(s, i));
	case SQLITE_FLOAT:
		return db_float(sqlite3_column_double(s, i));
	case SQLITE_TEXT: {
		const char *at = (const char *)sqlite3_column_text(s, i);
		size_t len = (size_t)sqlite3_column_bytes(s, i);
		*bytes += len;
		return db_text(arena_str(mem, str_of(at, len)));
	}
	case SQLITE_BLOB: {
		const char *at = sqlite3_column_blob(s, i);
		size_t len = (size_t)sqlite3_column_bytes(s, i);
		*bytes += len;
		return db_blob(arena_str(mem, str_of(at ? at : "", len)));
	}
	default:
		return db_null();
	}
}

static status collect(struct lite_conn *c, struct arena *mem, sqlite3_stmt *s, struct db_rows *rows)
{
	size_t cap = 0, bytes = 0;
	rows->columns = (size_t)sqlite3_column_count(s);
	for (;;) {
		int rc = sqlite3_step(s);
		if (rc == SQLITE_DONE)
			return 0;
		if (rc != SQLITE_ROW)
			return fail(c, rc);
		size_t width = rows->columns * sizeof(struct db_value);
		if (rows->count == cap) {
			size_t more = cap ? cap * 2 : 1;
			rows->cells = arena_grow(mem, rows->cells, cap * width, size_mul(more, width));
			cap = more;
		}
		for (size_t i = 0; i < rows->columns; i++)
			rows->cells[rows->count * rows->columns + i] = column_of(s, (int)i, mem, &bytes);
		rows->count++;
		bytes += width;
		if (bytes > DB_RESULT_MAX)
			return err_set(ERR_TOO_LARGE, "the result is larger than %d MiB",
				       DB_RESULT_MAX >> 20);
	}
}

status lite_run(struct lite_conn *c, struct arena *mem, const struct db_item *it,
		struct db_rows **out)
{
	sqlite3_stmt *s;
	if (lite_prepare(c, it->sql, &s))
		return -1;
	int rc = SQLITE_OK;
	for (size_t i = 0; i < it->n && rc == SQLITE_OK; i++)
		rc = bind_one(s, (int)i + 1, &it->params[i]);
	struct db_rows *rows = arena_new(mem, struct db_rows);
	status ok = rc == SQLITE_OK ? collect(c, mem, s, rows) : fail(c, rc);
	if (!sqlite3_stmt_readonly(s))
		rows->changed = sqlite3_changes64(c->db);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	if (!it->sql->name)
		sqlite3_finalize(s);
	if (ok)
		return -1;
	*out = rows;
	return 0;
}

status lite_step(struct lite_conn *c, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);
	status ok = rc == SQLITE_DONE ? 0 : fail(c, rc);
	sqlite3_reset(s);
	return ok;
}

status lite_script(struct lite_conn *c, const char *text)
{
	int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(c, rc);
}
