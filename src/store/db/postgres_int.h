/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_int: one connection (postgres_conn.c), the run of statements over it
 * (postgres_batch.c), and the pool (postgres.c).
 */
#pragma once
#include <libpq-fe.h>
#include "base/list.h"
#include "store/db/db_int.h"

enum { PG_CONNECT_MS = 10000, PG_POOL_DEFAULT = 10, PG_POOL_MAX = 500 };

struct pg_conn {
	struct list link;
	PGconn *pq;
	int fd;
	struct ptr_map prepared; /* struct sql to its number on this connection */
	uintptr_t names;
	bool broken;  /* of no use any more: close it */
	bool stale;   /* a cached plan or name is: a fresh connection may do */
	bool unknown; /* the end of a transaction was sent, and no answer came */
};

/* Connects without blocking the loop; names are resolved on the thread pool. */
status pg_connect(struct str conninfo, int64_t timeout_ms, struct pg_conn **out) NODISCARD;
void pg_close(struct pg_conn *);
/* Has the server closed an idle connection? */
bool pg_alive(struct pg_conn *);
/* Sends what is buffered while taking in what comes. */
status pg_flush(struct pg_conn *) NODISCARD;
/* The next result, NULL at the end of a command's results. */
status pg_result(struct pg_conn *, PGresult **out) NODISCARD;
/* The connection is lost: ERR_UNAVAILABLE. */
status pg_lost(struct pg_conn *);
/* Sets the error that a failed result tells. */
status pg_error(struct pg_conn *, const PGresult *);
/* Several statements by the simple protocol, outside the pipeline. */
status pg_script(struct pg_conn *, const char *text) NODISCARD;

/* One statement for itself; rows in mem. */
status pg_run_one(struct pg_conn *, struct arena *mem, const struct db_item *, struct db_rows **out) NODISCARD;
status pg_run_batch(struct pg_conn *, struct db_batch *) NODISCARD;
status pg_prepare(struct pg_conn *, const struct sql *) NODISCARD;
