/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_int: one connection to a SQLite file, used by one thread at a time. */
#pragma once
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include "store/db/db_int.h"

enum { LITE_BUSY_MS = 10000 };

struct lite_conn {
	sqlite3 *db;
	struct ptr_map cache; /* struct sql to sqlite3_stmt */
	bool reader;
	int64_t stop_at;	  /* the running statement's end, monotonic ns; 0 = none */
	const atomic_bool *stop;  /* or earlier, when this becomes true; may be NULL */
	sqlite3_stmt *begin, *commit, *rollback, *save, *release, *undo;
};

status lite_open(struct lite_conn *, const char *path, bool reader, bool sync_full) NODISCARD;
void lite_close(struct lite_conn *);
/* Runs one statement; rows go to mem (also the texts). */
status lite_run(struct lite_conn *, struct arena *mem, const struct db_item *, struct db_rows **out) NODISCARD;
/* Finds or makes the prepared statement. */
status lite_prepare(struct lite_conn *, const struct sql *, sqlite3_stmt **out) NODISCARD;
/* One of begin, commit, ... above. */
status lite_step(struct lite_conn *, sqlite3_stmt *) NODISCARD;
/* Several statements without rows. */
status lite_script(struct lite_conn *, const char *text) NODISCARD;
int64_t lite_now(void);

/* --- sqlite_keep.c --- */
struct lite_keeper {
	pthread_t thread;
	pthread_mutex_t mutex; /* guards wanted, busy, stopping */
	pthread_cond_t more, idle;
	const char *path;
	bool running, wanted, busy, stopping;
	atomic_bool done; /* a checkpoint of the keeper has ended since the writer last looked */
	int reset_pages;
	int asked_at;	  /* length of the log when the keeper was last woken; writer thread only */
};
void keeper_init(struct lite_keeper *);
/* From now on the log of this writer connection is kept short; path must live on. */
void keeper_start(struct lite_keeper *, const char *path, sqlite3 *writer, size_t log_bytes);
/* The writer thread must have ended. */
void keeper_stop(struct lite_keeper *);
