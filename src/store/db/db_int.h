/* SPDX-License-Identifier: Apache-2.0 */
/* db_int: what the two backends and the front of db share. Only files of db/ include it. */
#pragma once
#include "base/arena.h"
#include "base/vec.h"
#include "base/err.h"
#include "store/db/db.h"

enum {
	DB_TIMEOUT_DEFAULT_MS = 30000,
	DB_RESULT_MAX = 256 << 20, /* bytes of one statement's result */
};

struct db_item {
	const struct sql *sql;
	const struct db_value *params;
	size_t n;
	int64_t expect;
	struct db_rows *rows; /* in the batch's arena, after a successful commit */
};
struct db_after {
	void (*fn)(void *);
	void *arg;
};
struct db_batch {
	struct arena *mem;
	VEC(struct db_item) items;
	VEC(struct db_after) afters;
};

/* What a backend offers. All run in a fiber; parameters are checked before. */
struct db_backend {
	void (*close)(struct db *);
	status (*read)(struct db *, struct arena *, const struct db_item *, struct db_rows **out);
	status (*commit)(struct db *, struct db_batch *);
	status (*prepare)(struct db *, const struct sql *);
	status (*script)(struct db *, struct str text);
	status (*migrate)(struct db *, bool plan, struct migrate_report *);
};

/* The first member of each backend's own struct. */
struct db {
	const struct db_backend *backend;
	struct db_stats stats;
	int64_t timeout_ms;
};
status sqlite_open(const struct db_options *, struct db **out) NODISCARD;
status postgres_open(const struct db_options *, struct db **out) NODISCARD;

/* Fails with ERR_STALE when the rows of a statement are not those expected. */
status db_expect(const struct db_item *, const struct db_rows *) NODISCARD;

/* --- migrate.c: the part that is the same for both; fns talk to one locked connection --- */
struct migrate_ops {
	/* One statement without parameters; rows may be NULL. */
	status (*query)(void *conn, struct arena *, const char *sql, struct db_rows **rows);
	/* Text of several statements. */
	status (*script)(void *conn, const char *text);
	bool postgres;
};
status migrate_run(const struct migrate_ops *, void *conn, bool plan, struct migrate_report *) NODISCARD;
/* The part of a migration's text that is for one of the two. */
struct str migrate_text(struct arena *, const char *text, bool postgres);

/* --- ptrmap.c: pointer to pointer, for prepared statements --- */
struct ptr_entry {
	const void *key;
	void *value;
};
struct ptr_map {
	struct ptr_entry *slots;
	size_t cap, count;
};
void *ptr_get(const struct ptr_map *, const void *key);
void ptr_set(struct ptr_map *, const void *key, void *value);
void ptr_free(struct ptr_map *);
