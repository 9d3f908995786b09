/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule: one worker holds the lease and looks every second for triggers whose time has come. A
 * time fires once even when two hold it for a moment: with the run, in one transaction, the trigger
 * moves to its next time and a row for (app, node, time) is written; whoever comes second fails.
 *
 * After a time without workers each schedule fires once for all that it missed, unless the latest
 * of it is older than TATARA_SCHEDULE_CATCH_UP_MINUTES: then it is passed over.
 */
#include "role/schedule.h"

#include "api/trigger/trigger.h"
#include "app/app.h"
#include "app/trigger.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { LEASE_MS = 10000, EXTEND_MS = 3000, MINUTE_MS = 60000 };

static status keep_lease(struct scheduler *x)
{
	int64_t now = clock_ms();
	if (x->lease) {
		if (now < x->extend_ms)
			return 0;
		x->extend_ms = now + EXTEND_MS;
		if (broker_lock_extend(x->s->broker, x->lease, LEASE_MS) == 0)
			return 0;
		x->lease = NULL;
		if (err_code() != ERR_STALE)
			return -1;
	}
	arena_close(x->mem);
	x->mem = arena_open(0);
	if (broker_lock_take(x->s->broker, x->mem, S("scheduler"), LEASE_MS, &x->lease)) {
		x->lease = NULL;
		return err_code() == ERR_BUSY ? 0 : -1;
	}
	x->extend_ms = now + EXTEND_MS;
	return 0;
}

/* Who came second has nothing to do. */
static bool already_done(void)
{
	return err_code() == ERR_STALE || err_code() == ERR_CONFLICT;
}

/* Moves on without a run. */
static status pass_over(struct scheduler *x, struct arena *mem, const struct trigger *t,
			int64_t next)
{
	struct db_batch *b = db_batch_open(mem);
	trigger_fire(b, t, next, S(""));
	return db_commit(x->s->db, b) && !already_done() ? -1 : 0;
}

/* The published version of the trigger's app and the data of its node; *data NULL: there is none.
 */
static status find_node(struct scheduler *x, struct arena *mem, const struct trigger *t,
			struct app **app, struct workflow **w, const struct json **data)
{
	*data = NULL;
	if (app_get(x->s->apps, mem, t->tenant_id, t->app_id, app) ||
	    workflow_published(x->s->apps, mem, *app, w)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear();
		return 0;
	}
	*data = trigger_node((*w)->graph, t->node_id, S("trigger-schedule"));
	return 0;
}

/* The latest time that was missed, which is the one that fires. */
static status latest(struct arena *mem, const struct json *data, int64_t from, int64_t now,
		     int64_t *out, int64_t *next)
{
	*out = from;
	/* A short step at first: most schedules have missed nothing. */
	if (trigger_next(mem, data, from, next))
		return -1;
	if (*next && *next <= now) {
		int64_t at = now - MINUTE_MS;
		for (int64_t back = MINUTE_MS; at > from; at = now - back) {
			int64_t found;
			if (trigger_next(mem, data, at, &found))
				return -1;
			if (found && found <= now) {
				*out = found;
				break;
			}
			back *= 2;
		}
	}
	return trigger_next(mem, data, now, next);
}

static status fire(struct scheduler *x, const struct trigger *t, int64_t now, bool *fired)
{
	AUTO(arena) mem = { arena_open(0) };
	struct app *app;
	struct workflow *w;
	const struct json *data;
	int64_t late = config_int(x->s->config, CONFIG_TATARA_SCHEDULE_CATCH_UP_MINUTES), next, at;
	if (find_node(x, mem.p, t, &app, &w, &data))
		return -1;
	if (!data)
		return pass_over(x, mem.p, t, 0);
	if (latest(mem.p, data, t->next_ms, now, &at, &next)) {
		log_err(LOG_WARN, "schedule of app %.*s", STR(t->app_id));
		return pass_over(x, mem.p, t, 0);
	}
	if (late > 0 && now - at > late * MINUTE_MS) {
		log_info("schedule of app %.*s passes over what it missed", STR(t->app_id));
		return pass_over(x, mem.p, t, next);
	}
	struct triggered start = { .app = app,
				   .workflow = w,
				   .node_id = t->node_id,
				   .from = S("schedule"),
				   .inputs = json_obj(mem.p),
				   .run_id = id_uuid7(mem.p) };
	struct db_batch *b = db_batch_open(mem.p);
	trigger_fire(b, t, next, start.run_id);
	start.with = b;
	if (triggered_start(x->s, mem.p, &start)) {
		if (already_done())
			return 0;
		if (err_code() != ERR_INVALID && err_code() != ERR_BUSY)
			return -1;
		/* A graph that cannot run, or too many runs that wait: this time is lost, not all.
		 */
		log_err(LOG_WARN, "schedule of app %.*s", STR(t->app_id));
		return pass_over(x, mem.p, t, next);
	}
	*fired = true;
	return 0;
}

status scheduler_step(struct scheduler *x, int64_t *fired)
{
	AUTO(arena) mem = { arena_open(0) };
	struct trigger *due;
	size_t n;
	int64_t now = clock_ms(),
		most = config_int(x->s->config, CONFIG_WORKFLOW_SCHEDULE_POLLER_BATCH_SIZE);
	if (fired)
		*fired = 0;
	if (keep_lease(x))
		return -1;
	if (!x->lease)
		return 0;
	if (trigger_due(x->s->apps, mem.p, now, most > 0 ? most : 100, &due, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool done = false;
		if (fire(x, &due[i], now, &done))
			return -1;
		if (fired)
			*fired += done;
	}
	return 0;
}

void scheduler_close(struct scheduler *x)
{
	struct shield shield = shield_begin(2000);
	if (x->lease && broker_lock_give(x->s->broker, x->lease))
		err_clear(); /* it runs out by itself */
	shield_end(shield);
	x->lease = NULL;
	arena_close(take(x->mem));
}
