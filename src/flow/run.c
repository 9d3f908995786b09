/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: from start to end of a run: its identity and variables, its dispatcher's main function, its
 * result, stop and wait. A run belongs to the server: the caller that started it may go away.
 */
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "flow/recover.h"
#include "flow/replay.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { RUN_MEM = 4 << 10, FIRST_MEM = 1 << 10 };

struct flow_run *run_new(struct flow *f)
{
	struct arena *mem = arena_open(RUN_MEM);
	struct flow_run *run = arena_new(mem, struct flow_run);
	run->flow = f;
	run->mem = mem;
	run->refs = 1;
	run->fence = 1;
	list_init(&run->recent);
	list_init(&run->held);
	list_init(&run->asking);
	run->scratch = buf_make(NULL, 0);
	run->more = buf_make(NULL, 0);
	run->answer = buf_make(NULL, 0);
	run->forms = map_make(mem);
	run->started_ns = rt_now();
	return run;
}

void run_unref(struct flow_run *run)
{
	if (!run || --run->refs)
		return;
	buf_free(&run->scratch);
	buf_free(&run->more);
	journal_close(run);
	buf_free(&run->answer);
	arena_close(run->first_mem);
	flow_graph_unref(run->graph);
	arena_close(run->mem);
}

struct flow_run *run_find(struct flow *f, struct str run_id)
{
	return map_get(&f->by_id, run_id);
}

/* --- runs of this process --- */

enum { RECENT_MAX = 256, QUEUE_ATTEMPTS = 1000 };

static void enlist(struct flow_run *run)
{
	map_set(&run->flow->by_id, run->info.run_id, run);
	map_set(&run->flow->by_task, run->info.task_id, run);
	run->flow->active++;
	run->refs++;
}

static void delist(struct flow_run *run)
{
	struct flow *f = run->flow;
	if (map_get(&f->by_id, run->info.run_id) == run)
		(void)map_remove(&f->by_id, run->info.run_id);
	if (map_get(&f->by_task, run->info.task_id) == run)
		(void)map_remove(&f->by_task, run->info.task_id);
	list_remove(&run->recent);
	run_unref(run);
}

/* Ended runs stay readable in memory for a while: their followers may only now begin. */
static void retire(struct flow_run *run)
{
	struct flow *f = run->flow;
	f->active--;
	event_wake_all(&f->room);
	if (!run->over) {
		delist(run);
		return;
	}
	list_push(&f->recent, &run->recent);
	if (++f->recent_count > RECENT_MAX) {
		f->recent_count--;
		delist(container_of(f->recent.next, struct flow_run, recent));
	}
}

/* --- variables (4.3) --- */

/* The order in which recorded answers show them. */
static const struct str system_names[] = {
	S_INIT("files"), S_INIT("user_id"), S_INIT("app_id"), S_INIT("workflow_id"),
	S_INIT("workflow_run_id"), S_INIT("query"), S_INIT("conversation_id"),
	S_INIT("dialogue_count"), S_INIT("timestamp"),
};

static struct json *system_default(struct flow_run *run, struct str name)
{
	struct arena *mem = run->mem;
	const struct flow_info *i = &run->info;
	if (str_eq(name, S("files")))
		return json_arr(mem);
	if (str_eq(name, S("user_id")))
		return json_str(mem, i->user);
	if (str_eq(name, S("app_id")))
		return json_str(mem, i->app_id);
	if (str_eq(name, S("workflow_id")))
		return json_str(mem, i->workflow_id);
	if (str_eq(name, S("workflow_run_id")))
		return json_str(mem, i->run_id);
	if (str_eq(name, S("conversation_id")) && i->conversation_id.len)
		return json_str(mem, i->conversation_id);
	if (str_eq(name, S("timestamp")) && str_eq(i->app_mode, S("workflow")))
		return json_int(mem, i->created_ms / 1000);
	return NULL;
}

static void add_system(struct flow_run *run, struct str name, const struct json *value)
{
	struct str full = arena_printf(run->mem, "sys.%.*s", STR(name));
	json_set(run->mem, run->inputs, full, value);
}

static void make_inputs(struct flow_run *run, const struct json *inputs, const struct json *system)
{
	struct arena *mem = run->mem;
	run->inputs = json_obj_room(mem, json_len(inputs) + json_len(system) + countof(system_names));
	json_each_member(inputs, m)
		json_set(mem, run->inputs, arena_str(mem, m->name), json_copy(mem, &m->value));
	for (size_t i = 0; i < countof(system_names); i++) {
		const struct json *given = json_get(system, system_names[i]);
		struct json *value = given ? json_copy(mem, given) : system_default(run, system_names[i]);
		if (value)
			add_system(run, system_names[i], value);
	}
	json_each_member(system, m) {
		struct str full = arena_printf(mem, "sys.%.*s", STR(m->name));
		if (!json_get(run->inputs, full))
			json_set(mem, run->inputs, full, json_copy(mem, &m->value));
	}
}

void run_fill_pool(struct flow_run *run, struct pool *pool)
{
	json_each_member(run->inputs, m)
		if (str_starts(m->name, S("sys.")))
			pool_set(pool, S("sys"), str_skip(m->name, 4), &m->value, VAR_INFER);
	json_each(run->environment, v)
		pool_set(pool, S("env"), json_get_str(v, S("name")), json_get(v, S("value")),
			 var_type_parse(json_get_str(v, S("value_type"))));
	json_each(run->conversation, v)
		pool_set(pool, S("conversation"), json_get_str(v, S("name")), json_get(v, S("value")),
			 var_type_parse(json_get_str(v, S("value_type"))));
	json_each(run->variables, v)
		pool_set(pool, json_as_str(json_at(v, 0), S("")), json_as_str(json_at(v, 1), S("")), json_at(v, 2),
			 var_type_parse(json_as_str(json_at(v, 3), S(""))));
}

/* --- start --- */

static struct str keep(struct arena *mem, struct str s)
{
	return s.len ? arena_str(mem, s) : S("");
}

static void copy_info(struct flow_run *run, const struct flow_info *from)
{
	struct arena *mem = run->mem;
	struct flow_info *i = &run->info;
	*i = *from;
	i->run_id = from->run_id.len ? arena_str(mem, from->run_id) : id_uuid7(mem);
	i->task_id = from->task_id.len ? arena_str(mem, from->task_id) : id_uuid(mem);
	i->tenant_id = keep(mem, from->tenant_id);
	i->app_id = keep(mem, from->app_id);
	i->workflow_id = keep(mem, from->workflow_id);
	i->app_mode = keep(mem, from->app_mode);
	i->from = keep(mem, from->from);
	i->created_by = keep(mem, from->created_by);
	i->user = keep(mem, from->user);
	i->conversation_id = keep(mem, from->conversation_id);
	i->message_id = keep(mem, from->message_id);
	i->extra = from->extra ? json_copy(mem, from->extra) : json_obj(mem);
	if (!i->created_ms)
		i->created_ms = clock_ms();
}

/* What recovery needs besides the inputs. Environment values may be secrets: sealed. */
static struct str start_text(struct flow_run *run, struct arena *mem)
{
	struct json *o = json_obj(mem);
	if (json_len(run->conversation))
		json_set(mem, o, S("conversation"), run->conversation);
	if (run->root.len)
		json_set_str(mem, o, S("root"), run->root);
	if (run->replay)
		json_set(mem, o, S("replay"), replay_plan_json(mem, run->replay));
	if (json_len(run->environment) && run->flow->options.seal_key) {
		struct str plain = json_text(mem, run->environment, JSON_COMPACT);
		json_set_str(mem, o, S("environment"), crypt_seal(mem, run->flow->options.seal_key, plain));
	}
	if (run->call)
		json_set(mem, o, S("call"), run->call);
	if (json_len(run->variables))
		json_set(mem, o, S("variables"), run->variables);
	return json_text(mem, o, JSON_COMPACT);
}

status run_spawn(struct flow_run *run)
{
	enlist(run);
	if (group_spawn(run->flow->runs, "flow-run", run_main, run) == 0)
		return 0;
	run->flow->active--;
	delist(run);
	run_unref(run);
	return -1;
}

static struct flow_run *make_run(struct flow *f, const struct flow_start *start)
{
	struct flow_run *run = run_new(f);
	copy_info(run, &start->info);
	run->graph = graph_ref(start->graph);
	run->root = keep(run->mem, start->root);
	run->queued = start->queued;
	run->environment = start->environment ? json_copy(run->mem, start->environment) : NULL;
	run->conversation = start->conversation ? json_copy(run->mem, start->conversation) : NULL;
	run->call = start->call ? json_copy(run->mem, start->call) : NULL;
	run->variables = start->variables ? json_copy(run->mem, start->variables) : NULL;
	run->texts_first = start->texts_first;
	make_inputs(run, start->inputs, start->system);
	run->first_mem = arena_open(FIRST_MEM);
	run->start_text = start_text(run, run->first_mem);
	if (start->with)
		run->with = db_batch_copy(run->first_mem, start->with);
	return run;
}

/* Row and job in one transaction: a worker finds both or neither. */
static status store_queued(struct flow_run *run, struct arena *mem, struct str *run_id)
{
	struct flow *f = run->flow;
	struct db_batch *batch = db_batch_open(mem);
	struct job_options o = { .attempts_max = QUEUE_ATTEMPTS };
	if (queue_add(f->options.broker, mem, batch, S(FLOW_QUEUE), run->info.run_id, &o, NULL) ||
	    journal_store_queued(run, mem, batch))
		return -1;
	*run_id = arena_str(mem, run->info.run_id);
	return 0;
}

status flow_run_start(struct flow *f, struct arena *mem, const struct flow_start *start,
		      struct str *run_id)
{
	if (f->draining)
		return err_set(ERR_UNAVAILABLE, "The server is stopping");
	if (start->root.len && !graph_find(start->graph, start->root))
		return err_set(ERR_INVALID, "the workflow has no node %.*s", STR(start->root));
	struct flow_run *run = make_run(f, start);
	status st = 0;
	if (run->queued) {
		st = store_queued(run, mem, run_id);
		run_unref(run);
		return st;
	}
	return run_start_stored(run, mem, run_id);
}

void run_set_caller(struct flow_run *run, const struct flow_info *who)
{
	struct flow_info *i = &run->info;
	i->from = keep(run->mem, who->from);
	i->created_by = keep(run->mem, who->created_by);
	i->by_account = who->by_account;
	i->extra = who->extra ? json_copy(run->mem, who->extra) : json_obj(run->mem);
	i->created_ms = clock_ms();
	run->start_text = start_text(run, run->mem);
}

status run_start_stored(struct flow_run *run, struct arena *mem, struct str *run_id)
{
	status st = 0;
	run->refs++; /* ours, while waiting for the first commit */
	if (run_spawn(run)) {
		run_unref(run);
		return -1;
	}
	/* The row exists before the caller names the run to anybody, unless a text is there to be shown
	 * sooner than the disk has answered. A caller that is cancelled here leaves a run behind that
	 * goes on, as a disconnected client would a moment later. */
	while (!run->stored && !run->store_failed && !run->shown && st == 0)
		st = event_wait(&run->changed, deadline_current());
	if (run->store_failed)
		st = err_restore(run->failure);
	if (st == 0)
		*run_id = arena_str(mem, run->info.run_id);
	run_unref(run);
	return st;
}

void run_keep_thought(struct flow_run *run, const struct json *row, const struct json *more)
{
	struct json *kept = json_copy(run->mem, row);
	struct str id = json_get_str(row, S("id"));
	json_each_member(more, m) json_set(run->mem, kept, m->name, json_copy(run->mem, &m->value));
	if (!run->thoughts)
		run->thoughts = json_arr(run->mem);
	json_each(run->thoughts, t)
		if (str_eq(json_get_str(t, S("id")), id)) {
			*t = *kept;
			return;
		}
	json_push(run->mem, run->thoughts, kept);
}

/* --- the dispatcher's fiber --- */

static void make_result(struct flow_run *run, struct engine *e)
{
	struct flow_result *r = &run->result;
	struct arena *mem = run->mem;
	r->status = run->pausing       ? S("paused") :
		    run->stop	       ? S("stopped") :
		    e->error.len       ? S("failed") :
		    run->exceptions > 0 ? S("partial-succeeded") : S("succeeded");
	r->error = run->stop ? S("Stopped by user.") : e->error;
	r->error_slug = run->stop ? S("") : e->error_slug;
	r->error_http = run->stop ? 0 : e->error_http;
	r->outputs = e->outputs;
	r->answer = arena_str(mem, buf_str(&run->answer));
	r->files = event_files(mem, e->outputs);
	r->usage = e->sums.has_usage ? model_usage_json(mem, &e->sums.usage) : NULL;
	r->resources = e->sums.resources ? e->sums.resources : json_arr(mem);
	r->thoughts = run->thoughts;
	r->elapsed = (double)(rt_now() - run->started_ns) / 1e9 + (double)run->elapsed_before_ms / 1e3;
	r->total_tokens = e->sums.tokens;
	r->total_steps = run->steps;
	r->exceptions = run->exceptions;
	r->finished_ms = run->pausing ? 0 : clock_ms();
}

/* Nothing is left but forms. The run leaves this process, unless somebody answered meanwhile: then
 * nothing was stored and nothing was shown. */
static status pause_run(struct flow_run *run, struct engine *e)
{
	struct json *nodes, *reasons, *pause = json_obj(run->mem);
	run->pausing = true;
	make_result(run, e);
	form_reasons(run, &nodes, &reasons);
	json_set(run->mem, pause, S("paused_nodes"), nodes);
	json_set(run->mem, pause, S("reasons"), reasons);
	run->result.pause = pause;
	event_workflow_paused(run, nodes, reasons);
	if (journal_commit(run, false) == 0) {
		run->paused = true;
		return 0;
	}
	run->pausing = false;
	run->result.pause = NULL;
	if (err_code() != ERR_STALE)
		return -1;
	journal_take_back(run);
	run->answered = true;
	err_clear();
	return 0;
}

/* Until the run is over, paused or given away. */
static status run_engine(struct flow_run *run, struct engine *e)
{
	for (;;) {
		if (engine_loop(e))
			return -1;
		if (e->over || run->stop || run->aborted.len || list_empty(&run->asking))
			return 0;
		if (pause_run(run, e))
			return -1;
		if (run->paused)
			return 0;
	}
}

static status finish(struct flow_run *run, struct engine *e)
{
	make_result(run, e);
	event_workflow_finished(run);
	if (journal_commit(run, true))
		return -1;
	run->over = true;
	return 0;
}

/* A fresh run, one that a worker begins, one that goes on after a crash or after a pause. */
static status prepare(struct flow_run *run, struct engine *e)
{
	if (run->replay && run->past && replay_load(run))
		return -1;
	if (run->past && past_replay(e))
		return -1;
	if (!run->past || run->resumption || !run->committed)
		event_workflow_started(run);
	return 0;
}

static void give_back(struct flow_run *run)
{
	AUTO(arena) mem = { arena_open(0) };
	struct shield s = shield_begin(5000);
	run->gone = true;
	if (run->stored && !run->lost &&
	    DB_WRITE(run->flow->options.db, mem.p, &sql_flow_lease_give, DB_ANY, NULL,
		     db_text(run->info.run_id), db_int(run->fence)))
		err_clear(); /* the lease runs out by itself */
	shield_end(s);
}

status run_main(void *p)
{
	struct flow_run *run = p;
	struct engine engine, *e = &engine;
	struct pool pool;
	struct log_context *log = fiber_log_context();
	if (log)
		*log = (struct log_context){ .run_id = run->info.run_id,
					     .tenant_id = run->info.tenant_id };
	pool_init(&pool, run->mem);
	run_fill_pool(run, &pool);
	const struct graph_node *root = run->root.len ? graph_find(run->graph, run->root) : NULL;
	engine_init(e, run, run->mem, &pool, root ? root->index : run->graph->root);
	e->past = past_scope(run, S(""));
	run->top = e;
	status st = prepare(run, e);
	/* A journal that cannot be replayed never will be: the run ends here. */
	if (st && !err_retryable(err_last()) && err_code() != ERR_CANCELLED) {
		e->over = true;
		e->error = arena_str(run->mem, err_text());
		st = 0;
	}
	if (st == 0)
		st = run_engine(run, e);
	engine_close(e);
	if (st == 0 && !run->paused)
		st = finish(run, e);
	run->top = NULL;
	if (st && !run->stored) {
		run->failure = arena_new(run->mem, struct err);
		err_save(run->failure);
		if (run->shown) /* the one who started it has gone on: nobody else will say it */
			log_err(LOG_ERROR, "run %.*s could not be stored", STR(run->info.run_id));
		run->store_failed = true;
	} else if (st && !run->over && !run->paused) {
		if (!run->lost && err_code() != ERR_CANCELLED)
			log_err(LOG_ERROR, "run %.*s stands still", STR(run->info.run_id));
		give_back(run);
	}
	event_wake_all(&run->changed);
	retire(run);
	run_unref(run);
	return 0;
}

/* --- stop --- */

static bool stop_here(struct flow *f, struct str app_id, struct str task_id, struct str user)
{
	struct flow_run *run = map_get(&f->by_task, task_id);
	if (!run || run->over)
		return false;
	if (!str_eq(run->info.app_id, app_id) || (user.len && !str_eq(run->info.user, user)))
		return true;
	run->stop = true;
	if (run->top) {
		run->top->poked = true;
		event_wake_all(&run->top->wake);
	}
	return true;
}

status flow_stop(struct flow *f, struct str app_id, struct str task_id, struct str user)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (stop_here(f, app_id, task_id, user))
		return 0;
	if (DB_WRITE(f->options.db, mem.p, &sql_flow_stop_ask, DB_ANY, &rows, db_text(app_id),
		     db_text(task_id), db_text(user.at ? user : S(""))))
		return -1;
	if (!rows->count)
		return 0;
	/* A paused or queued run has no holder: it ends here, or where somebody looks for such runs. */
	if (!db_int_at(rows, 0, 1) && !f->draining && recover_run(f, db_str_at(rows, 0, 0)) == 0)
		return 0;
	/* The flag is what counts; the message makes its holder look at once. */
	if (topic_publish(f->options.broker, S("flow.stop"), task_id))
		err_clear();
	return 0;
}
