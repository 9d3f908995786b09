/* SPDX-License-Identifier: Apache-2.0 */
/* broker_int: what the files of broker/ share. */
#pragma once
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "store/broker/broker.h"
#include "store/db/db.h"
#include "sql_broker.h"

enum {
	INSTANCE_LEN = 24,
	SOCKET_NAME_MAX = 64,
	TOPIC_MAX = 255,
	MESSAGE_MAX = 60000,	   /* a datagram: topic, newline, payload */
	MESSAGE_MAX_POSTGRES = 7999, /* NOTIFY: instance, topic and payload */
	SUB_MAX = 256,		   /* messages kept for one slow reader */
	SWEEP_EVERY = 512,	   /* writes of counters and values */
};

struct broker {
	struct db *db;
	bool postgres;
	char instance[INSTANCE_LEN + 1]; /* who sent it: LISTEN hears its own messages too */
	struct list subs;
	/* Any queue of ours or another process got a job: seq tells what a taker missed. */
	struct event pushed;
	uint64_t pushed_seq;
	int64_t poll_ms; /* how long a taker waits for a push at first */
	struct group *receiver;
	int dir, sock; /* SQLite: message sockets */
	char sock_name[SOCKET_NAME_MAX];
	unsigned writes;
};

/* --- topic.c --- */
status topics_open(struct broker *, struct str run_dir) NODISCARD;
void topics_close(struct broker *);
/* To this process at once, without waiting. */
void topic_deliver(struct broker *, struct str topic, struct str payload);
/* To the others, never waiting (SQLite only). What cannot be sent is dropped. */
void topic_send(struct broker *, struct str topic, struct str payload);
/* The payload of a NOTIFY. */
struct str topic_packed(struct broker *, struct arena *, struct str topic, struct str payload);

/* now + ttl; 0 or less lives for ever. */
static inline int64_t end_of_life(int64_t ttl_ms)
{
	int64_t end;
	if (ttl_ms <= 0 || __builtin_add_overflow(clock_ms(), ttl_ms, &end))
		return INT64_MAX;
	return end;
}
