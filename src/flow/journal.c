/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: the events of a run, in memory for followers of this process and in batches in the
 * database. Texts are shown at once and stored soon after; events that say that something is done
 * are shown only after their batch is committed. A row holds several events, one a line:
 *
 *   {"s":7,"t":"node_finished","m":1764000000000,"n":<bytes of d>,"d":{...},"r":{...}}
 *
 * The first batch of a run also holds its row and its graph, the last one the row's end state, so
 * that a short run is a single batch. Each later batch carries the fence of the holder and fails as
 * a whole when another process has taken the run.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { ROW_BYTES = 64 << 10 };
enum { GRAPH_FRESH_MS = 3600 * 1000 };
enum { CHUNK_WAIT_MS = 50, CHUNK_WAIT_MAX_MS = 1000, RUNS_AT_FULL_RATE = 200, STORED_GRAPHS_MAX = 4096 };

static const struct {
	struct str name;
	bool commit_first; /* shown only after its batch is committed */
} event_rows[FLOW_EVENT_COUNT] = {
	[FLOW_WORKFLOW_STARTED] = { S_INIT("workflow_started"), true },
	[FLOW_WORKFLOW_FINISHED] = { S_INIT("workflow_finished"), true },
	[FLOW_WORKFLOW_PAUSED] = { S_INIT("workflow_paused"), true },
	[FLOW_NODE_STARTED] = { S_INIT("node_started"), false },
	[FLOW_NODE_FINISHED] = { S_INIT("node_finished"), true },
	[FLOW_NODE_RETRY] = { S_INIT("node_retry"), true },
	[FLOW_ITERATION_STARTED] = { S_INIT("iteration_started"), false },
	[FLOW_ITERATION_NEXT] = { S_INIT("iteration_next"), false },
	[FLOW_ITERATION_COMPLETED] = { S_INIT("iteration_completed"), true },
	[FLOW_LOOP_STARTED] = { S_INIT("loop_started"), false },
	[FLOW_LOOP_NEXT] = { S_INIT("loop_next"), false },
	[FLOW_LOOP_COMPLETED] = { S_INIT("loop_completed"), true },
	[FLOW_CHUNK] = { S_INIT("text_chunk"), false },
	[FLOW_REPLACE] = { S_INIT("text_replace"), false },
	[FLOW_REASONING] = { S_INIT("reasoning_chunk"), false },
	[FLOW_AGENT_LOG] = { S_INIT("agent_log"), false },
	[FLOW_AGENT_THOUGHT] = { S_INIT("agent_thought"), false },
	[FLOW_MESSAGE_FILE] = { S_INIT("message_file"), false },
	[FLOW_CHECKPOINT] = { S_INIT("checkpoint"), true },
	[FLOW_FORM_REQUIRED] = { S_INIT("human_input_required"), true },
	[FLOW_FORM_FILLED] = { S_INIT("human_input_form_filled"), true },
	[FLOW_FORM_TIMEOUT] = { S_INIT("human_input_form_timeout"), true },
	[FLOW_RECORD] = { S_INIT("record"), false },
};

struct str flow_event_name(enum flow_event_type t)
{
	return event_rows[t].name;
}

bool event_needs_commit(enum flow_event_type t)
{
	return event_rows[t].commit_first;
}

bool flow_event_parse(struct str name, enum flow_event_type *out)
{
	for (size_t i = 0; i < FLOW_EVENT_COUNT; i++)
		if (str_eq(event_rows[i].name, name)) {
			*out = (enum flow_event_type)i;
			return true;
		}
	return false;
}

bool journal_due(const struct flow_run *run, deadline *due)
{
	if (run->committed == run->last && !run->done_waits)
		return false;
	if (run->done_waits || !run->stored)
		return true;
	/* With very many runs at once the database gets fewer and larger batches. */
	int64_t runs = (int64_t)run->flow->active, wait = CHUNK_WAIT_MS;
	if (runs > RUNS_AT_FULL_RATE)
		wait = MIN(CHUNK_WAIT_MS * runs / RUNS_AT_FULL_RATE, CHUNK_WAIT_MAX_MS);
	deadline at = run->chunk_since + wait * 1000000;
	if (rt_now() >= at)
		return true;
	*due = MIN(*due, at);
	return false;
}

/* --- to the database --- */

void journal_line(struct buf *b, int64_t seq, const struct run_event *e)
{
	buf_puts(b, "{\"s\":");
	buf_int(b, seq);
	buf_puts(b, ",\"t\":\"");
	buf_put(b, event_rows[e->type].name);
	buf_puts(b, "\",\"m\":");
	buf_int(b, e->time_ms);
	buf_puts(b, ",\"n\":");
	buf_int(b, (int64_t)e->data.len);
	buf_puts(b, ",\"d\":");
	buf_put(b, e->data);
	if (e->replay.len) {
		buf_puts(b, ",\"r\":");
		buf_put(b, e->replay);
	}
	if (e->scope.len) {
		buf_puts(b, ",\"p\":");
		json_write_string(b, e->scope, JSON_COMPACT);
	}
	buf_puts(b, "}\n");
}

/* The texts of the row's end, NULL while running. */
struct row_end {
	struct str status, error, outputs, result;
};

static struct row_end row_end(struct flow_run *run, struct arena *mem)
{
	const struct flow_result *r = &run->result;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("answer"), r->answer);
	json_set(mem, o, S("files"), r->files);
	json_set(mem, o, S("usage"), r->usage);
	json_set(mem, o, S("resources"), r->resources);
	if (r->error_slug.len)
		json_set_str(mem, o, S("slug"), r->error_slug);
	if (r->error_http)
		json_set_int(mem, o, S("http"), r->error_http);
	struct row_end e = { .status = r->status, .result = json_text(mem, o, JSON_COMPACT) };
	if (r->error.len)
		e.error = r->error;
	if (r->outputs && (r->outputs->len || !r->error.len))
		e.outputs = json_text(mem, r->outputs, JSON_COMPACT);
	return e;
}

static struct str version_of(const struct flow_info *i)
{
	struct str v = json_get_str(i->extra, S("version"));
	return v.len ? v : S("draft");
}

static struct db_value text(struct str s)
{
	return db_text(s.at ? s : S(""));
}

/* Known to be there, and said to be in use not long ago: see purge.c. */
static bool graph_is_stored(struct flow *f, const struct flow_graph *g)
{
	const int64_t *at = map_get(&f->stored_graphs, g->hash);
	return at && clock_ms() - *at < GRAPH_FRESH_MS && clock_ms() >= *at;
}

static void add_row(struct flow_run *run, struct arena *mem, struct db_batch *batch, bool final)
{
	const struct flow_info *i = &run->info;
	const struct flow_result *r = &run->result;
	struct row_end e = { .status = run->queued ? S("scheduled") : S("running") };
	if (final)
		e = row_end(run, mem);
	if (!graph_is_stored(run->flow, run->graph))
		DB_ADD(batch, &sql_flow_graph_add, DB_ANY, db_text(run->graph->hash),
		    db_text(run->graph->text), db_int(clock_ms()));
	DB_ADD(batch, &sql_flow_run_add, DB_ANY, db_text(i->run_id), db_text(i->task_id), text(i->tenant_id),
	    text(i->app_id), text(i->workflow_id), text(i->app_mode), text(i->from),
	    text(i->created_by), db_int(i->by_account), text(i->user), text(i->conversation_id),
	    text(i->message_id), db_text(version_of(i)),
	    db_text(i->extra ? json_text(mem, i->extra, JSON_COMPACT) : S("{}")),
	    db_text(run->graph->hash), db_text(json_text(mem, run->inputs, JSON_COMPACT)),
	    text(run->start_text), db_text(e.status), db_text_or_null(e.error),
	    db_text_or_null(e.outputs), db_text_or_null(e.result), db_float(r->elapsed),
	    db_int(r->total_tokens), db_int(r->total_steps), db_int(r->exceptions),
	    db_int(i->created_ms), db_int(r->finished_ms), db_text(run->queued ? S("") : run->flow->owner),
	    db_int(run->queued ? 0 : clock_ms() + run->flow->lease_ms));
}

static void add_end(struct flow_run *run, struct arena *mem, struct db_batch *batch)
{
	const struct flow_result *r = &run->result;
	struct row_end e = row_end(run, mem);
	DB_ADD(batch, &sql_flow_run_finish, 1, db_text(run->info.run_id), db_int(run->fence),
	    db_text(e.status), db_text_or_null(e.error), db_text_or_null(e.outputs),
	    db_text_or_null(e.result), db_float(r->elapsed), db_int(r->total_tokens),
	    db_int(r->total_steps), db_int(r->exceptions), db_int(r->finished_ms));
}

static void add_pause(struct flow_run *run, struct arena *mem, struct db_batch *batch)
{
	const struct flow_result *r = &run->result;
	struct json *o = json_obj(mem);
	json_set(mem, o, S("pause"), r->pause);
	DB_ADD(batch, &sql_flow_run_pause, 1, db_text(run->info.run_id), db_int(run->fence),
	    db_int(run->answers), db_float(r->elapsed), db_int(r->total_tokens), db_int(r->total_steps),
	    db_int(r->exceptions), db_text(json_text(mem, o, JSON_COMPACT)));
}

static void add_rows(struct flow_run *run, struct db_batch *batch, int64_t first, int64_t last, struct str lines)
{
	if (run->stored)
		DB_ADD(batch, &sql_flow_journal_add, 1, db_text(run->info.run_id), db_int(first),
		    db_int(last), db_text(lines), db_int(run->fence));
	else
		DB_ADD(batch, &sql_flow_journal_first, DB_ANY, db_text(run->info.run_id), db_int(first),
		    db_int(last), db_text(lines));
}

/* Rows of bounded size, so that who reads some of them has bounded work. */
static void add_lines(struct flow_run *run, struct arena *mem, struct db_batch *batch, int64_t last)
{
	for (int64_t seq = run->committed + 1, end; seq <= last; seq = end) {
		size_t bytes = 0;
		for (end = seq; end <= last && (end == seq || bytes < ROW_BYTES); end++)
			bytes += journal_bytes(journal_event(run, end)) + 96;
		struct buf lines = buf_make(mem, bytes + bytes / 4 + 1024);
		(void)buf_reserve(&lines, bytes);
		for (int64_t i = seq; i < end; i++)
			journal_line(&lines, i, journal_event(run, i));
		add_rows(run, batch, seq, end - 1, buf_str(&lines));
	}
}

/* The batch with what the layer above stores at the end of a run in it. */
static status add_finished(struct flow_run *run, struct arena *mem, struct db_batch **batch)
{
	const struct flow_hooks *h = &run->flow->options.hooks;
	if (!h->finished || run->hook_failed || run->replay ||
	    h->finished(h->ctx, mem, &run->info, &run->result, *batch) == 0)
		return 0;
	if (err_retryable(err_last()))
		return -1;
	/* The run is over whatever the hook says: end it rather than hang its followers; this
	 * fiber is the one that ends the error. */
	log_err(LOG_ERROR, "end of run %.*s", STR(run->info.run_id));
	run->hook_failed = true;
	*batch = db_batch_open(mem);
	return 0;
}

/* Only graphs that are used again are worth a place: an easy chat makes one for each turn. */
static void graph_stored(struct flow_run *run)
{
	struct flow *f = run->flow;
	if (!run->graph->key.len || graph_is_stored(f, run->graph))
		return;
	int64_t *known = map_get(&f->stored_graphs, run->graph->hash);
	if (known) {
		*known = clock_ms();
		return;
	}
	if (f->stored_graphs.count >= STORED_GRAPHS_MAX) {
		map_free(&f->stored_graphs);
		f->stored_graphs = map_make(NULL);
		arena_reset(f->stored_mem);
	}
	known = arena_new(f->stored_mem, int64_t);
	*known = clock_ms();
	map_set(&f->stored_graphs, arena_str(f->stored_mem, run->graph->hash), known);
}

static status commit_once(struct flow_run *run, bool final)
{
	AUTO(arena) mem = { arena_open(0) };
	journal_record_held(run, mem.p);
	int64_t last = run->last;
	size_t bytes = run->waiting_bytes;
	struct db_batch *batch = db_batch_open(mem.p);
	bool was_stored = run->stored;
	if (!final && was_stored && last == run->committed && !run->pausing && !run->forms_new.len &&
	    !run->forms_moot.len) {
		run->done_waits = false;
		run->chunk_since = 0;
		return 0;
	}
	if (final && add_finished(run, mem.p, &batch))
		return -1;
	if ((final || run->pausing) && drafts_store(run, mem.p, batch))
		return -1;
	if (!was_stored && run->with)
		db_batch_join(batch, run->with);
	if (!was_stored)
		add_row(run, mem.p, batch, final);
	if (last > run->committed)
		add_lines(run, mem.p, batch, last);
	struct forms_count forms = forms_store(run, mem.p, batch);
	if (final && was_stored)
		add_end(run, mem.p, batch);
	if (final && (run->forms.count || run->forms_new.len))
		DB_ADD(batch, &sql_flow_form_close, DB_ANY, db_text(run->info.run_id), db_int(clock_ms()));
	if (run->pausing)
		add_pause(run, mem.p, batch);
	/* Events that come while this waits belong to the next batch. */
	run->done_waits = false;
	run->chunk_since = 0;
	if (db_commit(run->flow->options.db, batch)) {
		run->done_waits = true;
		return -1;
	}
	if (!was_stored) {
		graph_stored(run);
		run->with = NULL;
		run->start_text = S("");
		arena_close(take(run->first_mem));
		run->stored = true;
	}
	run->committed = last;
	run->waiting_bytes -= bytes;
	forms_stored(run, forms);
	return 0;
}

status journal_store_queued(struct flow_run *run, struct arena *mem, struct db_batch *batch)
{
	if (run->with)
		db_batch_join(batch, run->with);
	add_row(run, mem, batch, false);
	if (db_commit(run->flow->options.db, batch))
		return -1;
	graph_stored(run);
	return 0;
}

/* After a commit: everything up to it, and the texts right behind it. */
static void show_committed(struct flow_run *run)
{
	int64_t seq = MAX(run->committed, run->shown);
	while (seq < run->last && !event_needs_commit(journal_event(run, seq + 1)->type))
		seq++;
	journal_show(run, seq);
	journal_drop_old(run);
	event_wake_all(&run->changed);
}

enum { COMMIT_TRIES = 6 };

status journal_commit(struct flow_run *run, bool final)
{
	/* A cancelled run gives up between two batches, never in the middle of one. */
	struct shield s = shield_begin(60000);
	int64_t pause = 20;
	status st = -1;
	for (int i = 0; i < COMMIT_TRIES; i++) {
		st = commit_once(run, final);
		if (st && final && !err_retryable(err_last()) && err_code() != ERR_STALE &&
		    run->flow->options.hooks.finished && !run->hook_failed) {
			/* What the hook added may be what cannot be stored: once more without it. */
			log_err(LOG_ERROR, "end of run %.*s", STR(run->info.run_id));
			run->hook_failed = true;
			continue;
		}
		if (st == 0 || !err_retryable(err_last()) || err_code() == ERR_STALE)
			break;
		struct err why;
		err_save(&why);
		if (i + 1 < COMMIT_TRIES && fiber_sleep_ms(pause))
			break;
		err_restore(&why);
		pause *= 4;
	}
	if (st == 0) {
		show_committed(run);
		if (run->watched) {
			struct str topic = arena_printf(run->mem, "flow.run.%.*s", STR(run->info.run_id));
			if (topic_publish(run->flow->options.broker, topic, S("")))
				err_clear(); /* a hint only: followers look by themselves as well */
		}
	} else if (err_code() == ERR_STALE && !run->pausing) {
		run->lost = true;
	}
	shield_end(s);
	return st;
}

/* --- from the database --- */

static struct str keep(struct arena *mem, struct str s)
{
	return s.len ? arena_str(mem, s) : S("");
}

/* tmp: for the parsed line; what stays is copied into mem or lies in the line. */
static status parse_line(struct arena *mem, struct arena *tmp, struct str line, struct stored_event *out)
{
	struct json *o;
	if (json_parse(tmp, line, &o))
		return err_wrap("journal line");
	out->seq = json_get_int(o, S("s"), 0);
	out->event.time_ms = json_get_int(o, S("m"), 0);
	size_t len = (size_t)json_get_int(o, S("n"), 0), at = str_find(line, S(",\"d\":"));
	if (!flow_event_parse(json_get_str(o, S("t")), &out->event.type) || at == SIZE_MAX ||
	    at + 5 + len > line.len)
		return err_set(ERR_INTERNAL, "journal line of an unknown form");
	out->event.data = str_sub(line, at + 5, len);
	out->event.scope = keep(mem, json_get_str(o, S("p")));
	const struct json *d = json_get(o, S("d"));
	if (out->event.type == FLOW_CHUNK || out->event.type == FLOW_REPLACE)
		out->event.text = arena_str(mem, json_get_str(d, S("text")));
	if (out->event.type == FLOW_CHUNK)
		out->event.selector =
			json_text(mem, json_get(d, S("from_variable_selector")), JSON_COMPACT);
	const struct json *r = json_get(o, S("r"));
	if (r)
		out->event.replay = json_text(mem, r, JSON_COMPACT);
	return 0;
}

status journal_open_record(struct arena *mem, const struct run_event *record, struct run_event *out)
{
	AUTO(arena) tmp = { arena_open(0) };
	struct stored_event inner = { 0 };
	if (parse_line(mem, tmp.p, record->data, &inner))
		return -1;
	*out = inner.event;
	return 0;
}

status journal_read(struct flow *f, struct arena *mem, struct str run_id, int64_t after_seq,
		    struct stored_event **out, size_t *n)
{
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem, &sql_flow_journal_read, &rows, db_text(run_id),
		    db_int(after_seq)))
		return -1;
	AUTO(arena) tmp = { arena_open(0) };
	VEC(struct stored_event) list = { 0 };
	for (size_t i = 0; i < rows->count; i++) {
		struct str rest = db_str_at(rows, i, 2);
		while (rest.len) {
			struct stored_event e = { 0 };
			struct str line = str_cut(&rest, '\n');
			if (!line.len)
				continue;
			arena_reset(tmp.p);
			if (parse_line(mem, tmp.p, line, &e))
				return -1;
			if (e.seq > after_seq)
				vec_push(mem, &list, e);
		}
	}
	*out = list.at;
	*n = list.len;
	return 0;
}
