/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: background work. Executes queued runs, makes the vectors of annotations, fires schedules,
 * ends forms whose time is over, takes over runs whose process died (flow_service) and keeps the
 * database small. Any number of workers share it: what must happen once is a job with a lease, a
 * conditional update, or under a lock.
 */
#include "role/role.h"

#include "api/service/limit.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "chat/annotation.h"
#include "flow/flow.h"
#include "role/maintain.h"
#include "role/schedule.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum {
	JOB_LEASE_MS = 60 * 1000,
	LIMIT_WAIT_MS = 1000, /* a run whose app is at its limit goes back for so long */
	AGAIN_MS = 2000,      /* after a failure, such as a database that is away */
	FORMS_EVERY_MS = 2000,
	SCHEDULES_EVERY_MS = 1000,
};

struct worker {
	struct services *s;
	struct group *group; /* all fibers below; ends before the services do */
	struct scheduler scheduler;
};

/* --- queued runs --- */

/* The run may be gone, begun or stopped: then there is nothing to do. */
static status begin_run(struct worker *w, struct arena *mem, struct str run_id)
{
	struct str tenant, app_id;
	struct app *app;
	if (flow_run_owner(w->s->flow, mem, run_id, &tenant, &app_id))
		return err_code() == ERR_STALE ? 0 : -1;
	if (app_get(w->s->apps, mem, tenant, app_id, &app)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear(); /* the app was deleted meanwhile: what was accepted is done all the
				same */
	} else if (limit_running(w->s, app)) {
		return -1;
	}
	if (flow_run_begin(w->s->flow, run_id) && err_code() != ERR_STALE)
		return -1;
	return 0;
}

static status work_once(struct worker *w, size_t most)
{
	AUTO(arena) mem = { arena_open(0) };
	static const struct str queues[] = { S_INIT(FLOW_QUEUE) };
	struct job *job;
	if (flow_wait_room(w->s->flow, most, DEADLINE_NONE) ||
	    queue_take(w->s->broker, mem.p, queues, countof(queues), JOB_LEASE_MS, &job))
		return -1;
	if (begin_run(w, mem.p, job->payload) == 0)
		return queue_done(w->s->broker, job);
	struct err why;
	err_save(&why);
	bool limit = why.code == ERR_BUSY;
	if (queue_fail(w->s->broker, job, str_c(why.text), limit ? LIMIT_WAIT_MS : AGAIN_MS))
		return -1;
	return limit ? 0 : err_restore(&why);
}

static size_t most_runs(const struct config *c)
{
	static const enum config_key keys[] = { CONFIG_CELERY_WORKER_CONCURRENCY,
						CONFIG_CELERY_MAX_WORKERS,
						CONFIG_CELERY_WORKER_AMOUNT };
	/* The settings of other stacks count processes, so only what was set on purpose holds here.
	 */
	for (size_t i = 0; i < countof(keys); i++)
		if (config_is_set(c, keys[i]) && config_int(c, keys[i]) > 0)
			return (size_t)config_int(c, keys[i]);
	return (size_t)MAX(config_int(c, CONFIG_TATARA_WORKER_RUNS), 1);
}

/* Queues that this worker serves; nothing set = all. "workflow_based_app_execution" and the like
 * are names of other stacks for the same. */
static bool serves(const struct config *c, struct str queue)
{
	struct str list = config_str(c, CONFIG_CELERY_WORKER_QUEUES);
	if (!list.len)
		list = config_str(c, CONFIG_CELERY_QUEUES);
	bool any = false;
	while (list.len) {
		struct str one = str_trim(str_cut(&list, ','));
		any |= one.len > 0;
		if (str_starts(one, queue))
			return true;
	}
	return !any;
}

/* Runs one step again and again; a failure is logged once and waited out. */
static status repeat(const char *what, status (*step)(struct worker *), struct worker *w,
		     int64_t pause_ms)
{
	bool failing = false;
	for (;;) {
		status st = step(w);
		if (st && (err_code() == ERR_CANCELLED || fiber_cancelled()))
			return -1;
		if (st && !failing)
			log_err(LOG_WARN, "%s", what);
		failing = st != 0;
		int64_t ms = failing ? MAX(pause_ms, AGAIN_MS) : pause_ms;
		if (ms && fiber_sleep_ms(ms))
			return -1;
	}
}

static status runs_step(struct worker *w)
{
	return work_once(w, most_runs(w->s->config));
}

static status runs_fiber(void *arg)
{
	return repeat("queued runs", runs_step, arg, 0);
}

/* --- annotations --- */

static status annotations_step(struct worker *w)
{
	return annotation_work(w->s->chats);
}

static status annotations_fiber(void *arg)
{
	return repeat("annotations", annotations_step, arg, 0);
}

/* --- forms --- */

static status forms_step(struct worker *w)
{
	size_t n;
	return flow_forms_expire(w->s->flow, &n);
}

static status forms_fiber(void *arg)
{
	return repeat("forms", forms_step, arg, FORMS_EVERY_MS);
}

/* --- schedules --- */

static status schedules_step(struct worker *w)
{
	return scheduler_step(&w->scheduler, NULL);
}

static status schedules_fiber(void *arg)
{
	struct worker *w = arg;
	status st = repeat("schedules", schedules_step, w, SCHEDULES_EVERY_MS);
	scheduler_close(&w->scheduler);
	return st;
}

static status maintain_fiber(void *arg)
{
	struct worker *w = arg;
	return maintain_loop(w->s);
}

/* --- the role --- */

static status worker_open(struct role_process *r)
{
	struct worker *w = arena_new(r->mem, struct worker);
	*w = (struct worker){ .s = &r->services,
			      .group = group_open(DEADLINE_NONE),
			      .scheduler = { .s = &r->services } };
	r->state = w;
	if (group_spawn(w->group, "maintenance", maintain_fiber, w))
		return -1;
	if (config_bool(r->config, CONFIG_ENABLE_HUMAN_INPUT_TIMEOUT_TASK) &&
	    group_spawn(w->group, "forms", forms_fiber, w))
		return -1;
	if (config_bool(r->config, CONFIG_ENABLE_WORKFLOW_SCHEDULE_POLLER_TASK) &&
	    group_spawn(w->group, "schedules", schedules_fiber, w))
		return -1;
	/* Where annotations are part of "dataset". */
	bool annotations = serves(r->config, S(ANNOTATION_QUEUE)) || serves(r->config, S("dataset"));
	if (annotations && group_spawn(w->group, "annotations", annotations_fiber, w))
		return -1;
	return serves(r->config, S(FLOW_QUEUE))
		       ? group_spawn(w->group, "queued-runs", runs_fiber, w)
		       : 0;
}

static status worker_ready(struct role_process *r)
{
	return db_ping(r->services.db);
}

static void worker_drain(struct role_process *r, deadline until)
{
	struct worker *w = r->state;
	/* Nothing new, then what runs. */
	group_close(take(w->group));
	flow_drain(r->services.flow, until);
}

static void worker_close(struct role_process *r)
{
	struct worker *w = r->state;
	if (w)
		group_close(take(w->group));
}

const struct role_type role_worker = {
	.name = "worker",
	.help = "background work: queued and unfinished runs, annotations, schedules, time-outs of "
		"forms, retention",
	.replaces = "worker, worker_beat",
	.listen = "127.0.0.1:5004",
	.open = worker_open,
	.ready = worker_ready,
	.drain = worker_drain,
	.close = worker_close,
	.needs_services = true,
	.needs_flow = true,
};
