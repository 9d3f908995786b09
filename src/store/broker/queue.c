/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue: durable jobs in table jobs.
 *
 *   push -> waits (0) -> take: runs (1), leased -> done: the row goes
 *              ^                 |  |
 *              +-- fail, delay --+  +-- fail or lease over at attempts_max --> dead (2) -> revive
 *
 * A job whose lease ran out is taken again like one that waits. A taker looks (a read), takes (a
 * write, one statement), and otherwise sleeps until a push wakes it or the back-off is over.
 */
#include <string.h>
#include "base/id.h"
#include "store/broker/broker_int.h"

enum { ATTEMPTS_DEFAULT = 3, POLL_MAX_MS = 1000, PEEK_MAX = 8, TOKEN_LEN = 22 };
enum { JOB_WAITS = 0, JOB_RUNS = 1, JOB_DEAD = 2 };

/* --- in --- */

struct wake {
	struct broker *b;
	struct str topic;
};

static void wake_takers(void *arg)
{
	struct wake *w = arg;
	topic_deliver(w->b, w->topic, S(""));
	if (!w->b->postgres)
		topic_send(w->b, w->topic, S(""));
}

status queue_add(struct broker *b, struct arena *mem, struct db_batch *batch, struct str queue,
		 struct str payload, const struct job_options *o, struct str *id)
{
	static const struct job_options none = { 0 };
	if (!o)
		o = &none;
	if (!queue.len || queue.len > TOPIC_MAX - 6 || str_find_char(queue, '\n') != SIZE_MAX)
		return err_set(ERR_INVALID, "a queue's name has 1 to %d bytes", TOPIC_MAX - 6);
	int64_t now = clock_ms(), due = now;
	if (o->delay_ms > 0)
		due = end_of_life(o->delay_ms);
	struct str name = id_uuid7(mem);
	DB_ADD(batch, &sql_broker_job_insert, DB_ANY, db_text(name), db_text(queue),
	       o->key.len ? db_text(o->key) : db_null(), db_text(payload), db_int(o->priority),
	       db_int(due), db_int(o->attempts_max > 0 ? o->attempts_max : ATTEMPTS_DEFAULT), db_int(now));
	struct wake *w = arena_new(mem, struct wake);
	*w = (struct wake){ b, arena_printf(mem, "queue:%.*s", STR(queue)) };
	/* NOTIFY is part of the transaction: heard exactly when the job can be seen. */
	if (b->postgres)
		DB_ADD(batch, &sql_broker_notify, DB_ANY,
		       db_text(topic_packed(b, mem, w->topic, S(""))));
	db_batch_after(batch, wake_takers, w);
	if (id)
		*id = name;
	return 0;
}

status queue_push(struct broker *b, struct arena *mem, struct str queue, struct str payload,
		  const struct job_options *o, struct str *id)
{
	struct db_batch *batch = db_batch_open(mem);
	if (queue_add(b, mem, batch, queue, payload, o, id))
		return -1;
	return db_commit(b->db, batch);
}

/* --- out --- */

/* Which queue has the best due job? queue->at == NULL: none. */
static status peek(struct broker *b, struct arena *mem, const struct str *queues, size_t n,
		   struct str *queue)
{
	struct db_value params[1 + PEEK_MAX];
	struct db_rows *rows;
	params[0] = db_int(clock_ms());
	for (size_t i = 0; i < PEEK_MAX; i++)
		params[1 + i] = db_text(i < n ? queues[i] : S(""));
	if (db_read(b->db, mem, &sql_broker_job_peek, params, countof(params), &rows))
		return -1;
	*queue = rows->count ? db_str_at(rows, 0, 0) : (struct str){ 0 };
	return 0;
}

/* Takes from one queue; *out stays NULL when another was faster. */
static status take_from(struct broker *b, struct arena *mem, struct str queue, int64_t lease_ms,
			struct job **out)
{
	struct str lease = id_token(mem, TOKEN_LEN);
	struct db_rows *rows;
	int64_t now = clock_ms();
	if (DB_WRITE(b->db, mem, &sql_broker_job_take, DB_ANY, &rows, db_text(queue), db_int(now),
		     db_text(lease), db_int(end_of_life(MAX(lease_ms, 1)))))
		return -1;
	if (!rows->count || db_int_at(rows, 0, 4) == JOB_DEAD)
		return 0;
	struct job *j = arena_new(mem, struct job);
	*j = (struct job){
		.id = db_str_at(rows, 0, 0),
		.queue = arena_str(mem, queue),
		.payload = db_str_at(rows, 0, 1),
		.lease = lease,
		.attempt = (int)db_int_at(rows, 0, 2),
		.enqueued_ms = db_int_at(rows, 0, 3),
	};
	*out = j;
	return 0;
}

/* One look at all queues. The scratch arena keeps long polls from growing the caller's. */
static status try_take(struct broker *b, struct arena *mem, const struct str *queues, size_t n,
		       int64_t lease_ms, struct job **out)
{
	*out = NULL;
	for (size_t at = 0; at < n;) {
		AUTO(arena) scratch = { arena_open(0) };
		size_t some = MIN(n - at, PEEK_MAX);
		struct str queue;
		if (peek(b, scratch.p, queues + at, some, &queue))
			return -1;
		if (!queue.at)
			at += some;
		else if (take_from(b, mem, queue, lease_ms, out) || *out)
			return *out ? 0 : -1;
		/* else: another was faster, or a dead one was put aside: look again */
	}
	return 0;
}

/* Sleeps until a push or for the back-off. Fails only at the fiber's own end. */
static status wait_for_push(struct broker *b, uint64_t seen, int64_t *poll_ms)
{
	if (b->pushed_seq != seen) {
		*poll_ms = b->poll_ms;
		return 0;
	}
	deadline until = deadline_in_ms(*poll_ms);
	if (!event_wait(&b->pushed, until)) {
		*poll_ms = b->poll_ms;
		return 0;
	}
	if (err_code() != ERR_TIMEOUT || rt_now() >= deadline_current())
		return -1;
	err_clear();
	*poll_ms = MIN(*poll_ms * 2, MAX(b->poll_ms, POLL_MAX_MS));
	return 0;
}

status queue_take(struct broker *b, struct arena *mem, const struct str *queues, size_t n,
		  int64_t lease_ms, struct job **out)
{
	int64_t poll_ms = b->poll_ms;
	for (;;) {
		uint64_t seen = b->pushed_seq;
		struct job *j;
		if (try_take(b, mem, queues, n, lease_ms, &j))
			return -1;
		if (j) {
			*out = j;
			return 0;
		}
		if (wait_for_push(b, seen, &poll_ms))
			return -1;
	}
}

/* --- the holder --- */

status queue_extend(struct broker *b, const struct job *j, int64_t lease_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_job_extend, 1, NULL, db_text(j->id), db_text(j->lease),
			db_int(end_of_life(MAX(lease_ms, 1))));
}

status queue_done(struct broker *b, const struct job *j)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_job_done, 1, NULL, db_text(j->id), db_text(j->lease));
}

status queue_fail(struct broker *b, const struct job *j, struct str why, int64_t delay_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	int64_t due = delay_ms > 0 ? end_of_life(delay_ms) : clock_ms();
	/* Another job with the same key may begin to wait at the same moment: once more then. */
	for (int attempt = 0;; attempt++) {
		status rc = DB_WRITE(b->db, mem.p, &sql_broker_job_fail, 1, NULL, db_text(j->id),
				     db_text(j->lease), db_text(why), db_int(due));
		if (!rc || err_code() != ERR_CONFLICT || attempt)
			return rc;
	}
}

/* --- looking after --- */

status queue_stats_get(struct broker *b, struct str queue, struct queue_stats *out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	int64_t now = clock_ms();
	if (DB_READ(b->db, mem.p, &sql_broker_job_stats, &rows, db_text(queue), db_int(now)))
		return -1;
	*out = (struct queue_stats){
		.waiting = db_int_at(rows, 0, 0),
		.running = db_int_at(rows, 0, 1),
		.delayed = db_int_at(rows, 0, 2),
		.dead = db_int_at(rows, 0, 3),
		.oldest_ms = db_null_at(rows, 0, 4) ? 0 : MAX(now - db_int_at(rows, 0, 4), 0),
	};
	return 0;
}

status queue_revive(struct broker *b, struct str queue, int64_t *n)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_WRITE(b->db, mem.p, &sql_broker_job_revive, DB_ANY, &rows, db_text(queue),
		     db_int(clock_ms())))
		return -1;
	*n = rows->changed;
	struct wake w = { b, arena_printf(mem.p, "queue:%.*s", STR(queue)) };
	wake_takers(&w);
	return 0;
}
