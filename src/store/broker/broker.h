/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker: durable queues, publish/subscribe between processes, locks, counters. The local backend
 * keeps all but the messages in the database; messages go over unix sockets in the data directory
 * (SQLite) or LISTEN/NOTIFY (PostgreSQL) and are hints only: whoever needs certainty reads the
 * journal or the queue. A job is never lost and never held by two at once while its lease lives.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct db;
struct db_batch;
struct broker;

struct broker_options {
	struct db *db;
	struct str run_dir; /* for the message sockets; created 0700 */
	int64_t poll_ms;    /* how long who waits for a job trusts in being woken, at first; 0 = 50 ms */
};
status broker_open(const struct broker_options *, struct broker **out) NODISCARD;
void broker_close(struct broker *);

/* --- queues --- */
struct job_options {
	int64_t delay_ms;
	int attempts_max; /* 0 = 3; past it the job is a dead letter */
	int priority;	  /* higher first */
	struct str key;	  /* not empty: a job of this queue with the same key that waits is not doubled */
};
struct job {
	struct str id, queue, payload, lease; /* lease: token of this holder */
	int attempt;			      /* from 1 */
	int64_t enqueued_ms;
};
/* Into the caller's batch, so that the job exists exactly when the batch does. *id is set at once. */
status queue_add(struct broker *, struct arena *, struct db_batch *, struct str queue, struct str payload, const struct job_options *, struct str *id) NODISCARD;
status queue_push(struct broker *, struct arena *, struct str queue, struct str payload, const struct job_options *, struct str *id) NODISCARD;
/* Waits until a job of one of the queues can be had (until the deadline: ERR_TIMEOUT). */
status queue_take(struct broker *, struct arena *, const struct str *queues, size_t n, int64_t lease_ms, struct job **out) NODISCARD;
/* ERR_STALE when the lease was lost. */
status queue_extend(struct broker *, const struct job *, int64_t lease_ms) NODISCARD;
status queue_done(struct broker *, const struct job *) NODISCARD;
/* Back to the queue after delay_ms, or dead at attempts_max. why is kept with the job. */
status queue_fail(struct broker *, const struct job *, struct str why, int64_t delay_ms) NODISCARD;
struct queue_stats {
	int64_t waiting, running, delayed, dead, oldest_ms;
};
status queue_stats_get(struct broker *, struct str queue, struct queue_stats *) NODISCARD;
/* Dead letters back to life; *n = how many. */
status queue_revive(struct broker *, struct str queue, int64_t *n) NODISCARD;

/* --- messages --- */
status topic_publish(struct broker *, struct str topic, struct str payload) NODISCARD;
struct topic_sub;
/* Bounded; the oldest message is dropped when the reader is slow (they are hints). */
status topic_subscribe(struct broker *, struct str topic, struct topic_sub **out) NODISCARD;
status topic_next(struct topic_sub *, struct arena *, struct str *payload, deadline) NODISCARD;
void topic_close(struct topic_sub *);
DEFINE_AUTO(topic_sub, struct topic_sub, topic_close)

/* --- locks: by name, with a time to live and a fencing number --- */
struct broker_lock {
	struct str name, token;
	int64_t fence;
};
/* ERR_BUSY when held by another. */
status broker_lock_take(struct broker *, struct arena *, struct str name, int64_t ttl_ms, struct broker_lock **out) NODISCARD;
status broker_lock_extend(struct broker *, const struct broker_lock *, int64_t ttl_ms) NODISCARD; /* ERR_STALE: lost */
status broker_lock_give(struct broker *, const struct broker_lock *) NODISCARD;

/* --- counters with expiry, and small values --- */
/* Adds, creating with the given life when absent or expired; *out = new value. */
status counter_add(struct broker *, struct str name, int64_t delta, int64_t ttl_ms, int64_t *out) NODISCARD;
status counter_get(struct broker *, struct str name, int64_t *out) NODISCARD; /* 0 when absent */
status counter_reset(struct broker *, struct str name) NODISCARD;
status value_set(struct broker *, struct str name, struct str value, int64_t ttl_ms) NODISCARD;
status value_get(struct broker *, struct arena *, struct str name, struct str *out) NODISCARD; /* at == NULL: absent */
status value_remove(struct broker *, struct str name) NODISCARD;
