/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover: a run whose lease is over is taken by one process (conditional update, the fence grows),
 * rebuilt by replaying its journal (past.c) and continued.
 */
#include "flow/recover.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/replay.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/db/db.h"

/* --- loading --- */

status run_read_start(struct flow_run *run, struct str text)
{
	struct json *o;
	struct str plain;
	if (json_parse(run->mem, text, &o))
		return -1;
	run->start_text = text;
	run->conversation = json_get(o, S("conversation"));
	run->root = json_get_str(o, S("root"));
	run->call = json_get(o, S("call"));
	run->variables = json_get(o, S("variables"));
	if (replay_read_plan(run, json_get(o, S("replay"))))
		return -1;
	const struct json *sealed = json_get(o, S("environment"));
	if (!sealed)
		return 0;
	if (!run->flow->options.seal_key)
		return err_set(ERR_INTERNAL, "no key to open the environment of a run");
	if (crypt_open(run->mem, run->flow->options.seal_key, json_as_str(sealed, S("")), &plain) ||
	    json_parse(run->mem, plain, &o))
		return -1;
	run->environment = o;
	return 0;
}

static status load_run(struct flow_run *run, struct str id, int64_t fence)
{
	struct arena *mem = run->mem;
	struct db_rows *rows;
	struct json *extra, *graph;
	if (DB_READ(run->flow->options.db, mem, &sql_flow_run_load, &rows, db_text(id), db_int(fence)))
		return -1;
	if (!rows->count)
		return err_set(ERR_STALE, "run %.*s was taken by another process", STR(id));
	run->info = (struct flow_info){
		.run_id = id,
		.task_id = db_str_at(rows, 0, 0), .tenant_id = db_str_at(rows, 0, 1),
		.app_id = db_str_at(rows, 0, 2), .workflow_id = db_str_at(rows, 0, 3),
		.app_mode = db_str_at(rows, 0, 4), .from = db_str_at(rows, 0, 5),
		.created_by = db_str_at(rows, 0, 6), .by_account = db_int_at(rows, 0, 7) != 0,
		.user = db_str_at(rows, 0, 8), .conversation_id = db_str_at(rows, 0, 9),
		.message_id = db_str_at(rows, 0, 10), .created_ms = db_int_at(rows, 0, 15),
	};
	run->fence = fence;
	run->stored = true;
	run->stop = db_int_at(rows, 0, 16) != 0;
	run->answers = db_int_at(rows, 0, 18);
	if (json_parse(mem, db_str_at(rows, 0, 11), &extra) ||
	    json_parse(mem, db_str_at(rows, 0, 13), &run->inputs) ||
	    json_parse(mem, db_str_at(rows, 0, 17), &graph) || run_read_start(run, db_str_at(rows, 0, 14)))
		return -1;
	run->info.extra = extra;
	if (flow_graph_load(run->flow, db_str_at(rows, 0, 12), graph, &run->graph) || forms_load(run))
		return -1;
	return 0;
}

static status load_events(struct flow_run *run, struct stored_event **out, size_t *n)
{
	VEC(struct stored_event) all = { 0 };
	for (int64_t after = 0;;) {
		struct stored_event *page;
		size_t got;
		if (journal_read(run->flow, run->mem, run->info.run_id, after, &page, &got))
			return -1;
		if (!got)
			break;
		for (size_t i = 0; i < got; i++)
			vec_push(run->mem, &all, page[i]);
		after = page[got - 1].seq;
	}
	*out = all.at;
	*n = all.len;
	return 0;
}

/* --- taking over --- */

/* The run is ours now; the fence has grown. */
static status go_on(struct flow *f, struct str id, int64_t fence)
{
	struct flow_run *run = run_new(f);
	struct stored_event *events;
	size_t n;
	if (load_run(run, arena_str(run->mem, id), fence) || load_events(run, &events, &n) ||
	    past_load(run, events, n)) {
		run_unref(run);
		return -1;
	}
	if (n)
		log_info("run %.*s goes on after event %lld", STR(id), (long long)run->last);
	return run_spawn(run);
}

static status take_over(struct flow *f, struct str id, int64_t fence)
{
	AUTO(arena) mem = { arena_open(0) };
	if (DB_WRITE(f->options.db, mem.p, &sql_flow_lease_take, 1, NULL, db_text(id), db_int(fence),
		     db_int(clock_ms()), db_text(f->owner), db_int(clock_ms() + f->lease_ms)))
		return -1;
	return go_on(f, id, fence + 1);
}

static status fence_of(struct flow *f, struct arena *mem, struct str id, struct str state, int64_t *fence)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_run_fence, &rows, db_text(id)))
		return -1;
	if (!rows->count || !str_eq(db_str_at(rows, 0, 1), state))
		return err_set(ERR_STALE, "run %.*s is not %.*s", STR(id), STR(state));
	*fence = db_int_at(rows, 0, 0);
	return 0;
}

status recover_run(struct flow *f, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	int64_t fence;
	return fence_of(f, mem.p, id, S("running"), &fence) || take_over(f, id, fence) ? -1 : 0;
}

status flow_run_owner(struct flow *f, struct arena *mem, struct str id, struct str *tenant_id,
		      struct str *app_id)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_run_fence, &rows, db_text(id)))
		return -1;
	if (!rows->count || !str_eq(db_str_at(rows, 0, 1), S("scheduled")))
		return err_set(ERR_STALE, "run %.*s does not wait any more", STR(id));
	*tenant_id = db_str_at(rows, 0, 2);
	*app_id = db_str_at(rows, 0, 3);
	return 0;
}

status flow_run_begin(struct flow *f, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	int64_t fence;
	if (f->draining)
		return err_set(ERR_UNAVAILABLE, "The server is stopping");
	if (fence_of(f, mem.p, id, S("scheduled"), &fence) ||
	    DB_WRITE(f->options.db, mem.p, &sql_flow_run_begin, 1, NULL, db_text(id), db_int(fence),
		     db_text(f->owner), db_int(clock_ms() + f->lease_ms)))
		return -1;
	return go_on(f, id, fence + 1);
}

status recover_expired(struct flow *f)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem.p, &sql_flow_lease_expired, &rows, db_int(clock_ms())))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct str id = db_str_at(rows, i, 0);
		/* Ours, but late: our own fiber holds it still and extends its lease in a moment. */
		struct flow_run *own = run_find(f, id);
		if (own && !own->gone && !own->lost)
			continue;
		if (take_over(f, id, db_int_at(rows, i, 1))) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			if (err_code() != ERR_STALE) /* another process was quicker */
				log_err(LOG_ERROR, "taking over run %.*s", STR(id));
		}
	}
	return 0;
}
