/* SPDX-License-Identifier: Apache-2.0 */
/*
 * purge: finished runs do not stay for ever. The oldest go, with journal and forms, in small
 * batches that leave the writer free for others. Runs that are not finished stay, however old.
 * Graphs go a day after the last run that refers to them: a process writes a graph that it knows to
 * be there at least once an hour, so none is taken from a run that is being stored.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/db/db.h"

enum { BATCH = 200, DAY_MS = 24 * 3600 * 1000 };

/* One batch; *n runs went. */
static status by_age(struct flow *f, struct arena *mem, int64_t before, int64_t *n)
{
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_flow_purge_journal, DB_ANY, db_int(before), db_int(BATCH));
	DB_ADD(b, &sql_flow_purge_forms, DB_ANY, db_int(before), db_int(BATCH));
	size_t runs = DB_ADD(b, &sql_flow_purge_runs, DB_ANY, db_int(before), db_int(BATCH));
	if (db_commit(f->options.db, b))
		return -1;
	*n = db_batch_rows(b, runs)->changed;
	return 0;
}

static status by_count(struct flow *f, struct arena *mem, struct str tenant, struct str app,
		       int64_t newest, int64_t *n)
{
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_flow_purge_app_journal, DB_ANY, db_text(tenant), db_text(app),
	       db_int(newest), db_int(BATCH));
	DB_ADD(b, &sql_flow_purge_app_forms, DB_ANY, db_text(tenant), db_text(app), db_int(newest),
	       db_int(BATCH));
	size_t runs = DB_ADD(b, &sql_flow_purge_app_runs, DB_ANY, db_text(tenant), db_text(app),
			     db_int(newest), db_int(BATCH));
	if (db_commit(f->options.db, b))
		return -1;
	*n = db_batch_rows(b, runs)->changed;
	return 0;
}

static status purge_app(struct flow *f, struct str tenant, struct str app, int64_t keep,
			int64_t *total)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem.p, &sql_flow_purge_app_from, &rows, db_text(tenant),
		    db_text(app), db_int(keep)))
		return -1;
	if (!rows->count)
		return 0;
	int64_t newest = db_int_at(rows, 0, 0);
	for (int64_t n = BATCH; n == BATCH;) {
		AUTO(arena) step = { arena_open(0) };
		if (by_count(f, step.p, tenant, app, newest, &n))
			return -1;
		*total += n;
	}
	return 0;
}

static status graphs(struct flow *f)
{
	int64_t before = clock_ms() - DAY_MS;
	for (int64_t n = BATCH; n == BATCH;) {
		AUTO(arena) step = { arena_open(0) };
		struct db_batch *b = db_batch_open(step.p);
		size_t at = DB_ADD(b, &sql_flow_purge_graphs, DB_ANY, db_int(before), db_int(BATCH));
		if (db_commit(f->options.db, b))
			return -1;
		n = db_batch_rows(b, at)->changed;
	}
	return 0;
}

static status per_app_counts(struct flow *f, int64_t per_app, int64_t *removed)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *apps;
	if (per_app <= 0)
		return 0;
	if (DB_READ(f->options.db, mem.p, &sql_flow_purge_app_list, &apps, db_int(per_app)))
		return -1;
	for (size_t i = 0; i < apps->count; i++)
		if (purge_app(f, db_str_at(apps, i, 0), db_str_at(apps, i, 1), per_app, removed))
			return -1;
	return 0;
}

status flow_purge(struct flow *f, int64_t days, int64_t per_app, int64_t *removed)
{
	*removed = 0;
	int64_t before = clock_ms() - days * DAY_MS;
	for (int64_t n = BATCH; days > 0 && n == BATCH;) {
		AUTO(arena) step = { arena_open(0) };
		if (by_age(f, step.p, before, &n))
			return -1;
		*removed += n;
	}
	return per_app_counts(f, per_app, removed) || graphs(f) ? -1 : 0;
}
