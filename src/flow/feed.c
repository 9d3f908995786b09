/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed: follows a run's events from any place on: from memory when the run is in this process, else
 * from the journal, looking again when a message of the holder says so or after a moment.
 */
#include "base/clock.h"
#include "base/err.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { LOOK_AGAIN_MS = 250, FEED_ARENA = 512 };

struct flow_feed {
	struct flow *flow;
	struct arena *mem;
	struct str run_id;
	int64_t seq; /* of the last event given out */
	struct flow_run *run; /* of this process, with a reference; NULL = from the database */
	bool ended, through_pauses;

	/* from the database */
	struct arena *page;
	struct stored_event *events;
	size_t count, next;
	struct topic_sub *sub;
};

static void watch(struct flow_feed *feed)
{
	struct str topic = arena_printf(feed->mem, "flow.run.%.*s", STR(feed->run_id));
	if (!feed->flow->options.broker)
		return;
	if (topic_subscribe(feed->flow->options.broker, topic, &feed->sub) ||
	    topic_publish(feed->flow->options.broker, S("flow.watch"), feed->run_id))
		err_clear(); /* hints only */
}

static status exists(struct flow *f, struct arena *mem, struct str run_id, struct db_rows **rows)
{
	if (DB_READ(f->options.db, mem, &sql_flow_run_state, rows, db_text(run_id)))
		return -1;
	if (!(*rows)->count)
		return err_set(ERR_NOT_FOUND, "Workflow run not found");
	return 0;
}

status flow_follow(struct flow *f, struct str run_id, int64_t after_seq, struct flow_feed **out)
{
	struct flow_run *run = run_find(f, run_id);
	AUTO(arena) mem = { arena_open(FEED_ARENA) };
	if (!run) {
		AUTO(arena) tmp = { arena_open(0) };
		struct db_rows *rows;
		if (exists(f, tmp.p, run_id, &rows))
			return -1;
	}
	struct flow_feed *feed = arena_new(mem.p, struct flow_feed);
	feed->flow = f;
	feed->run_id = arena_str(mem.p, run_id);
	feed->seq = after_seq;
	/* A run that was taken over has its earlier events in the journal only. */
	if (run && after_seq >= run->base) {
		run->refs++;
		feed->run = run;
	}
	feed->mem = take(mem.p);
	*out = feed;
	return 0;
}

void flow_feed_through_pauses(struct flow_feed *feed)
{
	feed->through_pauses = true;
}

static void give(struct flow_event *out, struct arena *mem, int64_t seq, const struct run_event *e)
{
	*out = (struct flow_event){ .seq = seq, .type = e->type, .time_ms = e->time_ms };
	out->data = arena_str(mem, e->data);
	out->text = e->text.at ? arena_str(mem, e->text) : S("");
	out->selector = e->selector.at ? arena_str(mem, e->selector) : S("");
}

/* *done = false when the run went elsewhere and the database is to be asked. */
static status next_here(struct flow_feed *feed, struct arena *mem, struct flow_event *out, bool *end,
			deadline until, bool *done)
{
	struct flow_run *run = feed->run;
	*done = true;
	for (;;) {
		/* Too slow: what comes next has left memory. */
		bool behind = feed->seq < run->base;
		if (!behind && feed->seq < run->shown) {
			const struct run_event *e = journal_event(run, ++feed->seq);
			if (e->type == FLOW_RECORD || e->type == FLOW_CHECKPOINT)
				continue;
			give(out, mem, feed->seq, e);
			return 0;
		}
		if (!behind && (run->over || (run->paused && !feed->through_pauses))) {
			*end = true;
			return 0;
		}
		if (behind || run->lost || run->gone || run->store_failed || run->paused) {
			*done = false;
			feed->run = NULL;
			run_unref(run);
			return 0;
		}
		if (event_wait(&run->changed, until))
			return -1;
	}
}

static status load_page(struct flow_feed *feed)
{
	arena_close(feed->page);
	feed->page = arena_open(0);
	feed->next = feed->count = 0;
	return journal_read(feed->flow, feed->page, feed->run_id, feed->seq, &feed->events, &feed->count);
}

static status look_later(struct flow_feed *feed, deadline until)
{
	deadline again = MIN(until, deadline_in_ms(LOOK_AGAIN_MS));
	AUTO(arena) mem = { arena_open(0) };
	struct str ignored;
	if (!feed->sub)
		watch(feed);
	status st = feed->sub ? topic_next(feed->sub, mem.p, &ignored, again) :
				fiber_sleep_ms(MAX(again - rt_now(), 0) / 1000000);
	if (st && err_code() == ERR_TIMEOUT && again < until)
		return 0;
	return st;
}

/* The run is here and what comes next is in memory: after a slow follower has caught up. */
static bool attach(struct flow_feed *feed)
{
	struct flow_run *run = run_find(feed->flow, feed->run_id);
	if (!run || run->lost || run->gone || run->store_failed || feed->seq < run->base)
		return false;
	run->refs++;
	feed->run = run;
	return true;
}

/* *again: the rest is in memory. */
static status next_stored(struct flow_feed *feed, struct arena *mem, struct flow_event *out, bool *end,
			  deadline until, bool *again)
{
	for (;;) {
		if (feed->next < feed->count) {
			const struct stored_event *e = &feed->events[feed->next++];
			feed->seq = e->seq;
			if (e->event.type == FLOW_RECORD || e->event.type == FLOW_CHECKPOINT)
				continue;
			give(out, mem, e->seq, &e->event);
			feed->ended = e->event.type == FLOW_WORKFLOW_FINISHED;
			return 0;
		}
		if (feed->ended) {
			*end = true;
			return 0;
		}
		if ((*again = attach(feed)))
			return 0;
		AUTO(arena) tmp = { arena_open(0) };
		struct db_rows *rows;
		if (exists(feed->flow, tmp.p, feed->run_id, &rows))
			return -1;
		struct str state = db_str_at(rows, 0, 0);
		bool running = str_eq(state, S("running")) || str_eq(state, S("scheduled")) ||
			       (str_eq(state, S("paused")) && feed->through_pauses);
		if (load_page(feed))
			return -1;
		if (feed->count)
			continue;
		if (!running)
			feed->ended = true;
		else if (look_later(feed, until))
			return -1;
	}
}

status flow_feed_next(struct flow_feed *feed, struct arena *mem, struct flow_event *out, bool *end,
		      deadline until)
{
	*end = false;
	for (bool again = true; again;) {
		bool done = false;
		again = false;
		if (feed->run && next_here(feed, mem, out, end, until, &done))
			return -1;
		if (!done && next_stored(feed, mem, out, end, until, &again))
			return -1;
	}
	return 0;
}

void flow_feed_close(struct flow_feed *feed)
{
	if (!feed)
		return;
	run_unref(feed->run);
	topic_close(feed->sub);
	arena_close(feed->page);
	arena_close(feed->mem);
}

/* --- waiting for the end --- */

static struct str copy(struct arena *mem, struct str s)
{
	return s.len ? arena_str(mem, s) : S("");
}

static struct flow_result *copy_result(struct arena *mem, const struct flow_result *from)
{
	struct flow_result *r = arena_new(mem, struct flow_result);
	*r = *from;
	r->status = copy(mem, from->status);
	r->error = copy(mem, from->error);
	r->error_slug = copy(mem, from->error_slug);
	r->answer = copy(mem, from->answer);
	r->outputs = from->outputs ? json_copy(mem, from->outputs) : json_obj(mem);
	r->files = from->files ? json_copy(mem, from->files) : json_arr(mem);
	r->usage = from->usage ? json_copy(mem, from->usage) : NULL;
	r->pause = from->pause ? json_copy(mem, from->pause) : NULL;
	r->resources = from->resources ? json_copy(mem, from->resources) : json_arr(mem);
	return r;
}

static status stored_result(struct flow *f, struct arena *mem, struct str run_id, struct flow_result **out)
{
	struct db_rows *rows;
	struct json *outputs = json_obj(mem), *more = json_obj(mem);
	if (exists(f, mem, run_id, &rows))
		return -1;
	if ((!db_null_at(rows, 0, 2) && json_parse(mem, db_str_at(rows, 0, 2), &outputs)) ||
	    (!db_null_at(rows, 0, 3) && json_parse(mem, db_str_at(rows, 0, 3), &more)))
		return err_wrap("result of run %.*s", STR(run_id));
	struct flow_result r = {
		.status = db_str_at(rows, 0, 0),
		.error = db_str_at(rows, 0, 1),
		.outputs = outputs,
		.answer = json_get_str(more, S("answer")),
		.files = json_get(more, S("files")),
		.resources = json_get(more, S("resources")),
		.error_slug = json_get_str(more, S("slug")),
		.error_http = (int)json_get_int(more, S("http"), 0),
		.elapsed = db_float_at(rows, 0, 4),
		.total_tokens = db_int_at(rows, 0, 5),
		.total_steps = db_int_at(rows, 0, 6),
		.exceptions = db_int_at(rows, 0, 7),
		.finished_ms = db_int_at(rows, 0, 8),
	};
	const struct json *usage = json_get(more, S("usage"));
	r.usage = json_is(usage, JSON_OBJ) ? usage : NULL;
	if (str_eq(r.status, S("paused")))
		r.pause = json_get(more, S("pause"));
	*out = copy_result(mem, &r);
	return 0;
}

status flow_run_wait(struct flow *f, struct arena *mem, struct str run_id, struct flow_result **out,
		     deadline until)
{
	struct flow_run *run = run_find(f, run_id);
	AUTO(flow_feed) feed = { NULL };
	if (run) {
		run->refs++;
		status st = 0;
		while (st == 0 && !run->over && !run->paused && !run->lost && !run->gone && !run->store_failed)
			st = event_wait(&run->changed, until);
		if (st == 0 && (run->over || run->paused)) {
			*out = copy_result(mem, &run->result);
			run_unref(run);
			return 0;
		}
		run_unref(run);
		if (st)
			return -1;
	}
	/* Elsewhere: the last event is the sign. Earlier ones are skipped over. */
	if (flow_follow(f, run_id, run ? 0 : INT64_MAX / 2, &feed.p))
		return -1;
	for (bool end = false; !end;) {
		AUTO(arena) tmp = { arena_open(0) };
		struct flow_event e;
		if (flow_feed_next(feed.p, tmp.p, &e, &end, until))
			return -1;
	}
	return stored_result(f, mem, run_id, out);
}
