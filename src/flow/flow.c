/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow: opening and closing, the cache of compiled graphs, and the service of a process: it keeps
 * the leases of its runs alive, hears of stops and followers elsewhere, and takes over what a dead
 * process left.
 */
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "flow/recover.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { LEASE_MS = 15000, GRAPHS_MAX = 512 };

status flow_open(const struct flow_options *options, struct flow **out)
{
	struct arena *mem = arena_open(0);
	struct flow *f = arena_new(mem, struct flow);
	f->options = *options;
	f->mem = mem;
	f->owner = arena_printf(mem, "%.*s:%.*s", STR(options->process_name), STR(id_token(mem, 12)));
	f->by_id = map_make(NULL);
	f->by_task = map_make(NULL);
	f->graphs = map_make(NULL);
	f->stored_graphs = map_make(NULL);
	f->stored_mem = arena_open(0);
	list_init(&f->recent);
	f->lease_ms = options->lease_ms ? options->lease_ms : LEASE_MS;
	f->parallel_max = options->config ?
				  config_int(options->config, CONFIG_TATARA_ITERATION_PARALLEL_MAX) : 100;
	f->depth_max = options->config ? config_int(options->config, CONFIG_TATARA_CONTAINER_DEPTH_MAX) : 10;
	f->rounds_max = options->config ? config_int(options->config, CONFIG_LOOP_NODE_MAX_COUNT) : 100;
	f->steps_max = options->config ?
			       config_int(options->config, CONFIG_WORKFLOW_MAX_EXECUTION_STEPS) : 500;
	f->time_max_s = options->config ?
				config_int(options->config, CONFIG_WORKFLOW_MAX_EXECUTION_TIME) : 1200;
	f->runs = group_open(DEADLINE_NONE);
	*out = f;
	return 0;
}

void flow_drain(struct flow *f, deadline until)
{
	f->draining = true;
	while (f->active && rt_now() < until && !fiber_cancelled())
		if (fiber_sleep_ms(10))
			break;
	group_cancel(f->runs);
}

/* Its fibers use what is closed after flow. */
static void end_service(struct flow *f)
{
	struct shield s = shield_begin(60000);
	if (f->service)
		group_cancel(f->service);
	while (f->service && event_wait(&f->service_over, deadline_current()) == 0)
		;
	shield_end(s);
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	f->draining = true;
	group_close(take(f->runs));
	end_service(f);
	struct list *l;
	while ((l = list_pop(&f->recent)))
		run_unref(container_of(l, struct flow_run, recent));
	map_each(&f->graphs, e) flow_graph_unref(e->value);
	map_free(&f->graphs);
	map_free(&f->by_id);
	map_free(&f->by_task);
	map_free(&f->stored_graphs);
	arena_close(f->stored_mem);
	arena_close(f->mem);
}

/* --- graphs --- */

static void drop_oldest_graph(struct flow *f)
{
	map_each(&f->graphs, e) {
		struct flow_graph *g = e->value;
		(void)map_remove(&f->graphs, e->key);
		flow_graph_unref(g);
		return;
	}
}

status flow_graph_load(struct flow *f, struct str key, const struct json *graph, struct flow_graph **out)
{
	struct flow_graph *g = key.len ? map_get(&f->graphs, key) : NULL;
	if (!g) {
		if (graph_compile(key, graph, &g))
			return -1;
		if (key.len) {
			if (f->graphs.count >= GRAPHS_MAX)
				drop_oldest_graph(f);
			map_set(&f->graphs, g->key, graph_ref(g));
		}
		*out = g;
		return 0;
	}
	*out = graph_ref(g);
	return 0;
}

static int64_t elsewhere(struct flow *f, const struct sql *sql, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem.p, sql, &rows, db_text(id), db_text(f->owner)) == 0)
		return db_int_at(rows, 0, 0);
	err_clear(); /* a limit that counts only this process is better than none */
	return 0;
}

int64_t flow_active(struct flow *f, struct str app_id)
{
	int64_t n = 0;
	map_each(&f->by_id, e) {
		const struct flow_run *run = e->value;
		n += !run->over && str_eq(run->info.app_id, app_id);
	}
	return n + elsewhere(f, &sql_flow_active_elsewhere, app_id);
}

int64_t flow_active_tenant(struct flow *f, struct str tenant_id)
{
	int64_t n = 0;
	map_each(&f->by_id, e) {
		const struct flow_run *run = e->value;
		n += !run->over && str_eq(run->info.tenant_id, tenant_id);
	}
	return n + elsewhere(f, &sql_flow_active_tenant, tenant_id);
}

int64_t flow_waiting(struct flow *f, struct str app_id, int64_t most)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(f->options.db, mem.p, &sql_flow_waiting, &rows, db_text(app_id), db_int(most)) == 0)
		return db_int_at(rows, 0, 0);
	err_clear(); /* what follows finds the same failure and says it */
	return 0;
}

status flow_wait_room(struct flow *f, size_t most, deadline until)
{
	while (f->active >= most)
		if (event_wait(&f->room, until))
			return -1;
	return 0;
}

/* --- service --- */

static void stop_run(struct flow_run *run)
{
	run->stop = true;
	if (run->top) {
		run->top->poked = true;
		event_wake_all(&run->top->wake);
	}
}

/* One statement keeps all leases of this process and brings the stop flags. */
static status keep_leases(struct flow *f)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (!f->active)
		return 0;
	if (DB_WRITE(f->options.db, mem.p, &sql_flow_lease_extend, DB_ANY, &rows, db_text(f->owner),
		     db_int(clock_ms() + f->lease_ms)))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct flow_run *run = run_find(f, db_str_at(rows, i, 0));
		if (run && db_int_at(rows, i, 1))
			stop_run(run);
		if (run && db_int_at(rows, i, 2) > run->answers)
			run_answered(run);
	}
	return 0;
}

static status lease_fiber(void *p)
{
	struct flow *f = p;
	for (;;) {
		if (fiber_sleep_ms(MAX(f->lease_ms / 4, 100)))
			return -1;
		if (keep_leases(f)) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			log_err(LOG_WARN, "leases of runs were not extended");
		}
		if (!f->draining && recover_expired(f)) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			log_err(LOG_WARN, "looking for runs of dead processes");
		}
	}
}

static status listen_fiber(void *p, struct str topic, void (*on_message)(struct flow *, struct str))
{
	struct flow *f = p;
	AUTO(topic_sub) sub = { NULL };
	if (!f->options.broker)
		return 0;
	if (topic_subscribe(f->options.broker, topic, &sub.p))
		return -1;
	for (;;) {
		AUTO(arena) mem = { arena_open(0) };
		struct str payload;
		if (topic_next(sub.p, mem.p, &payload, DEADLINE_NONE))
			return -1;
		on_message(f, payload);
	}
}

static void on_stop(struct flow *f, struct str task_id)
{
	/* The sender has checked app and user, and set the flag that a lost message leaves behind. */
	struct flow_run *run = map_get(&f->by_task, task_id);
	if (run && !run->over)
		stop_run(run);
}

static void on_watch(struct flow *f, struct str run_id)
{
	struct flow_run *run = run_find(f, run_id);
	if (run)
		run->watched = true;
}

static void on_answer(struct flow *f, struct str run_id)
{
	struct flow_run *run = run_find(f, run_id);
	if (run)
		run_answered(run);
}

static status answer_fiber(void *p)
{
	return listen_fiber(p, S("flow.answer"), on_answer);
}

static status stop_fiber(void *p)
{
	return listen_fiber(p, S("flow.stop"), on_stop);
}

static status watch_fiber(void *p)
{
	return listen_fiber(p, S("flow.watch"), on_watch);
}

status flow_service(void *p)
{
	struct flow *f = p;
	if (f->draining)
		return 0;
	f->service = group_open(DEADLINE_NONE);
	status st = 0;
	if (group_spawn(f->service, "flow-stop", stop_fiber, p) ||
	    group_spawn(f->service, "flow-watch", watch_fiber, p) ||
	    group_spawn(f->service, "flow-answer", answer_fiber, p) ||
	    group_spawn(f->service, "flow-leases", lease_fiber, p))
		st = -1;
	if (st == 0)
		st = group_wait(f->service);
	struct err why;
	err_save(&why);
	group_close(f->service);
	f->service = NULL;
	event_wake_all(&f->service_over);
	return st ? err_restore(&why) : 0;
}
