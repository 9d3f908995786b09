/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: records on SQLite or PostgreSQL behind one interface. There are reads, and there are atomic
 * batches of statements; no interactive transactions: a batch is one round trip on PostgreSQL and
 * one entry of a group commit on SQLite, and cannot be left open. Conditions go into the SQL and
 * into `expect`. Statements come from .sql files (one each), compiled in by tools/sql.py as
 * `extern const struct sql sql_<folder>_<name>`; parameters are $1, $2, ... in both dialects;
 * `name.pg.sql` beside `name.sql` overrides it for PostgreSQL.
 *
 * Parameters that are TEXT must not contain NUL bytes (ERR_INVALID): PostgreSQL cannot store them.
 *
 * Types used in schemas, same in both: TEXT, BIGINT, DOUBLE PRECISION, BYTEA. Ids are TEXT (UUID),
 * times are BIGINT milliseconds since 1970, booleans BIGINT 0/1, JSON is TEXT.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;

/* Lives as long as the program: connections remember what they prepared by its address. A statement
 * that is put together at run time has name NULL: it is prepared, run and forgotten. */
struct sql {
	const char *name;     /* "account/find_by_email" */
	const char *sqlite;
	const char *postgres;
	int params;
};
extern const struct sql *const sql_all[];
extern const size_t sql_all_len;

enum db_type { DB_NULL, DB_INT, DB_FLOAT, DB_TEXT, DB_BLOB };
struct db_value {
	enum db_type type;
	union {
		int64_t integer;
		double number;
		struct str text; /* TEXT and BLOB */
	};
};
static inline struct db_value db_int(int64_t v)
{
	return (struct db_value){ .type = DB_INT, .integer = v };
}
static inline struct db_value db_float(double v)
{
	return (struct db_value){ .type = DB_FLOAT, .number = v };
}
static inline struct db_value db_text(struct str v)
{
	return (struct db_value){ .type = DB_TEXT, .text = v };
}
/* NULL when at == NULL. */
static inline struct db_value db_text_or_null(struct str v)
{
	return v.at ? db_text(v) : (struct db_value){ .type = DB_NULL };
}
static inline struct db_value db_blob(struct str v)
{
	return (struct db_value){ .type = DB_BLOB, .text = v };
}
static inline struct db_value db_null(void)
{
	return (struct db_value){ .type = DB_NULL };
}

struct db_rows {
	size_t count, columns;
	struct db_value *cells; /* row-major, in the arena given */
	int64_t changed;	/* rows written by INSERT, UPDATE, DELETE */
};
/* Out of range or NULL: "" / 0. */
struct str db_str_at(const struct db_rows *, size_t row, size_t column);
int64_t db_int_at(const struct db_rows *, size_t row, size_t column);
double db_float_at(const struct db_rows *, size_t row, size_t column);
bool db_null_at(const struct db_rows *, size_t row, size_t column);

struct db;
struct db_options {
	struct str sqlite_path;	   /* used when postgres is empty */
	struct str postgres;	   /* libpq connection string */
	int connections;	   /* PostgreSQL pool size, 0 = 10; SQLite readers, 0 = 2 */
	bool sqlite_sync_full;	   /* fsync each group commit; false: a power cut (not a crash of ours) may lose the last moments */
	size_t sqlite_log_bytes;     /* the write-ahead log begins anew at about this; 0 = 256 MiB */
	int64_t statement_timeout_ms; /* 0 = 30,000 */
};
/* In a fiber; the db belongs to that loop. The server need not answer yet (PostgreSQL). */
status db_open(const struct db_options *, struct db **out) NODISCARD;
/* Nobody may wait in it any more. NULL is fine. */
void db_close(struct db *);
DEFINE_AUTO(db, struct db, db_close)
bool db_is_postgres(const struct db *);

/* One statement that only reads. */
status db_read(struct db *, struct arena *, const struct sql *, const struct db_value *params, size_t n, struct db_rows **out) NODISCARD;
#define DB_READ(db, mem, sql, out, ...) \
	db_read((db), (mem), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
		sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value), (out))

/* An atomic batch. Build with db_batch_add, send with db_commit: all or nothing. */
struct db_batch;
struct db_batch *db_batch_open(struct arena *);
enum { DB_ANY = -1 };
/* expect: rows that must be changed (or returned), else the whole batch is rolled back with
 * ERR_STALE; DB_ANY = no check. Returns the statement's index. Parameters are borrowed until commit. */
size_t db_batch_add(struct db_batch *, const struct sql *, const struct db_value *params, size_t n, int64_t expect);
#define DB_ADD(batch, sql, expect, ...) \
	db_batch_add((batch), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
		sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value), (expect))
/* Failures: ERR_STALE (expect), ERR_CONFLICT (unique key; text names the constraint), ERR_FULL
 * (disk), ERR_UNAVAILABLE (server away; not applied), ERR_IO. On success each statement's rows. */
status db_commit(struct db *, struct db_batch *) NODISCARD;
const struct db_rows *db_batch_rows(const struct db_batch *, size_t index);

/* fn(arg) runs in the committing fiber after the batch was applied; it must not fail nor wait. */
void db_batch_after(struct db_batch *, void (*fn)(void *), void *arg);
size_t db_batch_len(const struct db_batch *);
/* The statements of a batch with all their texts, in mem: for a commit by somebody who outlives the
 * one who built them. What was to be called after the commit stays behind. */
struct db_batch *db_batch_copy(struct arena *mem, const struct db_batch *);
/* Adds the statements of `from`; parameters are borrowed until commit. */
void db_batch_join(struct db_batch *, const struct db_batch *from);

/* One statement as its own batch. rows may be NULL. */
status db_write(struct db *, struct arena *, const struct sql *, const struct db_value *params, size_t n, int64_t expect, struct db_rows **rows) NODISCARD;
#define DB_WRITE(db, mem, sql, expect, rows, ...) \
	db_write((db), (mem), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
		sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value), (expect), (rows))

/* --- schema --- */
struct migration {
	int number;
	const char *name, *text, *checksum;
};
extern const struct migration migrations[];
extern const size_t migrations_len;
struct migrate_report {
	int from, to, pending;
};
/* Under a lock, each in a transaction, checksum kept. A schema newer than ours is refused with
 * ERR_STALE. plan only: nothing is written, report->pending tells. */
status db_migrate(struct db *, bool plan, struct migrate_report *) NODISCARD;
status db_ping(struct db *) NODISCARD;
struct db_stats {
	uint64_t reads, batches, commits, statements, errors, reconnects;
	size_t queue; /* batches waiting */
};
void db_stats_get(const struct db *, struct db_stats *);
/* Prepares every statement of sql_all; the first that fails is the error. For tests and doctor. */
status db_prepare_all(struct db *) NODISCARD;
/* Runs text of several statements, for tests and tools only. */
status db_script(struct db *, struct str text) NODISCARD;
