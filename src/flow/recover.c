/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover: a run whose lease is over is taken by one process (conditional update, the fence grows),
 * rebuilt by replaying its journal through the same pool, schedule and coordinator, and continued.
 * Nodes whose end is in the journal are not run again. A node that was running is run again with
 * its old id; text that clients have is swallowed when it comes out equal. A node that must not run
 * twice ends the run as failed with "interrupted".
 */
#include "flow/recover.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/db/db.h"

struct recovery {
	struct flow_run *run;
	struct stored_event *events;
	size_t count;
	int64_t paused_at, paused_ms; /* time that the run was in no process does not count */
	struct str final_error; /* not empty: a node had failed for good or must not run twice */
};

/* --- loading --- */

static status read_start(struct flow_run *run, struct str text)
{
	struct json *o;
	struct str plain;
	if (json_parse(run->mem, text, &o))
		return -1;
	run->start_text = text;
	run->conversation = json_get(o, S("conversation"));
	run->root = json_get_str(o, S("root"));
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

static status load_run(struct flow_run *run, struct str id, int64_t fence, struct recovery *r)
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
	    json_parse(mem, db_str_at(rows, 0, 17), &graph) || read_start(run, db_str_at(rows, 0, 14)))
		return -1;
	run->info.extra = extra;
	if (flow_graph_load(run->flow, db_str_at(rows, 0, 12), graph, &run->graph) || forms_load(run))
		return -1;
	for (int64_t after = 0;;) {
		struct stored_event *page, *all;
		size_t n;
		if (journal_read(run->flow, mem, id, after, &page, &n))
			return -1;
		if (!n)
			return 0;
		all = arena_array(mem, struct stored_event, r->count + n);
		for (size_t i = 0; i < r->count; i++)
			all[i] = r->events[i];
		for (size_t i = 0; i < n; i++)
			all[r->count + i] = page[i];
		r->events = all;
		r->count += n;
		after = page[n - 1].seq;
	}
}

/* --- replaying --- */

/* Text that clients have already, over all events. */
static void collect_text(struct recovery *r)
{
	struct buf b = buf_make(r->run->mem, 0);
	for (size_t i = 0; i < r->count; i++) {
		const struct run_event *e = &r->events[i].event;
		if (e->type == FLOW_REPLACE)
			buf_clear(&b);
		if (e->type == FLOW_REPLACE || e->type == FLOW_CHUNK)
			buf_put(&b, e->text);
	}
	r->run->known = buf_str(&b);
}

static struct model_usage *read_usage(struct arena *mem, const struct json *u)
{
	if (!json_is(u, JSON_OBJ))
		return NULL;
	struct model_usage *out = arena_new(mem, struct model_usage);
	out->prompt_tokens = json_get_int(u, S("prompt_tokens"), 0);
	out->completion_tokens = json_get_int(u, S("completion_tokens"), 0);
	out->total_tokens = json_get_int(u, S("total_tokens"), 0);
	out->prompt_unit_price = json_get_str(u, S("prompt_unit_price"));
	out->completion_unit_price = json_get_str(u, S("completion_unit_price"));
	out->price_unit = json_get_str(u, S("prompt_price_unit"));
	out->prompt_price = json_get_str(u, S("prompt_price"));
	out->completion_price = json_get_str(u, S("completion_price"));
	out->total_price = json_get_str(u, S("total_price"));
	out->currency = json_get_str(u, S("currency"));
	out->latency = json_as_double(json_get(u, S("latency")), 0);
	out->first_token = json_as_double(json_get(u, S("time_to_first_token")), -1);
	out->generate = json_as_double(json_get(u, S("time_to_generate")), 0);
	return out;
}

/* What the node's own stream had said, so that the coordinator gives it out in its turn. */
static void replay_stream(struct engine *e, const struct graph_node *n, const struct json *outputs,
			  bool exception)
{
	const struct json *text = json_get(outputs, S("text"));
	struct str parts[2] = { n->id, S("text") };
	if (n->row && n->row->flags & NODE_STREAM && json_is(text, JSON_STR) && !exception) {
		coordinator_chunk(&e->coordinator, parts, 2, json_as_str(text, S("")), false);
		coordinator_chunk(&e->coordinator, parts, 2, S(""), true);
	}
}

static void replay_writes(struct engine *e, const struct json *writes)
{
	json_each(writes, w)
		pool_set(e->pool, json_as_str(json_at(w, 0), S("")), json_as_str(json_at(w, 1), S("")),
			 json_at(w, 2), var_type_parse(json_as_str(json_at(w, 3), S(""))));
}

static status replay_finished(struct recovery *r, struct engine *e, const struct run_event *ev)
{
	struct flow_run *run = r->run;
	struct json *d, *more = NULL;
	if (json_parse(run->mem, ev->data, &d) ||
	    (ev->replay.len && json_parse(run->mem, ev->replay, &more)))
		return -1;
	struct str state = json_get_str(d, S("status")), id = json_get_str(d, S("node_id"));
	const struct graph_node *n = graph_find(run->graph, id);
	if (!n)
		return err_set(ERR_INTERNAL, "journal names an unknown node %.*s", STR(id));
	(void)map_remove(&run->resumed, id);
	if (str_eq(state, S("failed"))) {
		run->exceptions++;
		r->final_error = json_get_str(d, S("error"));
		return 0;
	}
	bool exception = str_eq(state, S("exception"));
	run->exceptions += exception;
	struct node_result res = {
		.outputs = json_get(d, S("outputs")),
		.handle = json_get_str(more, S("handle")),
		.tokens = json_get_int(more, S("tokens"), 0),
		.usage = read_usage(run->mem, json_get(more, S("usage"))),
		.resources = json_get(more, S("resources")),
		.writes = json_get(more, S("writes")),
	};
	replay_stream(e, n, res.outputs, exception);
	replay_writes(e, res.writes);
	return engine_replay(e, n, &res, exception);
}

static status replay_started(struct recovery *r, const struct run_event *ev, bool retry)
{
	struct flow_run *run = r->run;
	struct json *d;
	if (json_parse(run->mem, ev->data, &d))
		return -1;
	run->starts++;
	if (json_is(json_get(d, S("iteration_id")), JSON_STR) || json_is(json_get(d, S("loop_id")), JSON_STR))
		return 0;
	run->steps++;
	run->exceptions += retry;
	struct resumed_node *n = arena_new(run->mem, struct resumed_node);
	n->exec_id = json_get_str(d, S("id"));
	n->attempt = json_get_int(d, S("retry_index"), 0);
	n->started_ms = json_get_int(d, S("created_at"), 0) * 1000;
	map_set(&run->resumed, json_get_str(d, S("node_id")), n);
	return 0;
}

/* Events from inside a container: the container runs again as a whole. */
static bool inner(const struct json *d)
{
	return json_is(json_get(d, S("iteration_id")), JSON_STR) ||
	       json_is(json_get(d, S("loop_id")), JSON_STR);
}

static status replay_form_told(struct recovery *r, const struct run_event *ev)
{
	struct json *d;
	if (json_parse(r->run->mem, ev->data, &d))
		return -1;
	struct resumed_node *n = map_get(&r->run->resumed, json_get_str(d, S("node_id")));
	if (n)
		n->form_told = true;
	return 0;
}

static void replay_pause(struct recovery *r, const struct run_event *ev)
{
	if (ev->type == FLOW_WORKFLOW_PAUSED) {
		r->paused_at = ev->time_ms;
	} else if (r->paused_at) {
		r->paused_ms += ev->time_ms - r->paused_at;
		r->paused_at = 0;
	}
}

static status replay_event(struct recovery *r, struct engine *e, const struct run_event *ev)
{
	struct json *d;
	switch (ev->type) {
	case FLOW_WORKFLOW_STARTED:
	case FLOW_WORKFLOW_PAUSED:
		replay_pause(r, ev);
		return 0;
	case FLOW_FORM_FILLED:
	case FLOW_FORM_TIMEOUT:
		return replay_form_told(r, ev);
	case FLOW_NODE_STARTED:
		return replay_started(r, ev, false);
	case FLOW_NODE_RETRY:
		return replay_started(r, ev, true);
	case FLOW_NODE_FINISHED:
		if (json_parse(r->run->mem, ev->data, &d))
			return -1;
		return inner(d) ? 0 : replay_finished(r, e, ev);
	default:
		return 0;
	}
}

static status replay_all(struct recovery *r, struct engine *e)
{
	struct flow_run *run = r->run;
	if (r->count)
		run->base = run->committed = run->shown = r->events[r->count - 1].seq;
	collect_text(r);
	run->replaying = true;
	for (size_t i = 0; i < r->count; i++)
		if (replay_event(r, e, &r->events[i].event))
			return -1;
	run->replaying = false;
	run->resumption = r->paused_at != 0;
	if (r->paused_at)
		r->paused_ms += clock_ms() - r->paused_at;
	/* A run that was queued begins only now. */
	if (r->count)
		run->elapsed_before_ms = MAX(clock_ms() - run->info.created_ms - r->paused_ms, 0);
	map_each(&run->resumed, en) {
		const struct graph_node *n = graph_find(run->graph, en->key);
		if (n && n->row && n->row->flags & NODE_ONCE)
			r->final_error = S("interrupted");
	}
	if (r->final_error.len) {
		e->over = true;
		e->error = r->final_error;
	}
	return 0;
}

status run_prepare_resumed(struct flow_run *run, struct engine *e)
{
	return replay_all(run->recovery, e);
}

/* --- taking over --- */

/* The run is ours now; the fence has grown. */
static status go_on(struct flow *f, struct str id, int64_t fence)
{
	struct flow_run *run = run_new(f);
	struct recovery *r = arena_new(run->mem, struct recovery);
	r->run = run;
	run->recovery = r;
	if (load_run(run, arena_str(run->mem, id), fence, r)) {
		run_unref(run);
		return -1;
	}
	if (r->count)
		log_info("run %.*s goes on after event %lld", STR(id),
			 (long long)r->events[r->count - 1].seq);
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
