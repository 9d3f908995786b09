/* SPDX-License-Identifier: Apache-2.0 */
/* trigger: what the files of this folder share, and the start of triggered runs for role/. */
#pragma once
#include "api/api.h"

struct arena;
struct app;
struct db_batch;
struct workflow;

/* --- start.c --- */
struct triggered {
	const struct app *app;
	const struct workflow *workflow;
	struct str node_id; /* the trigger node: the run begins there */
	struct str from;    /* webhook, schedule */
	const struct json *inputs;
	struct str run_id;	     /* made when empty */
	const struct db_batch *with; /* stored with the run or not at all; may be NULL */
	bool debug;		     /* a draft: runs at once, in this process */
};
/* Stores the run for a worker. ERR_BUSY past TATARA_QUEUE_MAX, ERR_INVALID for a broken graph. */
status triggered_start(struct services *, struct arena *, const struct triggered *) NODISCARD;

/* --- request.c --- */
/* Reads the call into {method, headers, query_params, body, files}, checked against the node's data.
 * Files are kept only when all fits. ERR_INVALID says what does not fit; ERR_TOO_LARGE past
 * WEBHOOK_REQUEST_BODY_MAX_SIZE. */
status webhook_read(struct call *, const struct json *node, struct json **out) NODISCARD;
/* The value that a text of a form stands for, by the declared type: string, number, boolean. */
status webhook_convert(struct arena *, struct str name, struct str text, struct str type, struct json **out) NODISCARD;
/* A JSON value fits the declared type. */
status webhook_check(struct arena *, struct str name, const struct json *value, struct str type) NODISCARD;
/* "a=1&b=%20" to an object of texts; of several with one name the first. */
struct json *webhook_pairs(struct arena *, struct str text);
/* What the sender gets: the node's response_body in its three forms. */
struct json *webhook_answer(struct arena *, const struct json *node);

/* --- listen.c: trying the triggers of a draft --- */
enum { TRIGGER_LISTEN_MS = 5 * 60 * 1000 }; /* who has not asked for so long does not listen any more */
struct trigger_listener {
	struct str app_id, node_id, account_id;
};
/* Takes what has come for this listener; *inputs NULL: nothing yet, and from now on it listens. */
status trigger_listen(struct services *, struct arena *, const struct trigger_listener *, struct json **inputs) NODISCARD;
/* Gives inputs to all who listen to the node; *n = how many. */
status trigger_deliver(struct services *, struct arena *, struct str app_id, struct str node_id, const struct json *inputs, size_t *n) NODISCARD;
/* The first question fixes the time, next_ms; *due once it has come. */
status trigger_wait_until(struct services *, struct arena *, const struct trigger_listener *, int64_t next_ms, bool *due) NODISCARD;
