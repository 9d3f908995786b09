/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger: what starts runs of a published workflow from outside: webhooks and schedules, and
 * triggers of plugins, which are kept but never fire. One row a trigger node, made and removed by
 * publishing. See workflow.md 7.20 to 7.22.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct apps;
struct arena;
struct db_batch;
struct json;

enum { TRIGGER_WEBHOOKS_MAX = 5, TRIGGER_SCHEDULES_MAX = 1, TRIGGER_WEBHOOK_ID_LEN = 24 };

struct trigger {
	struct str id, tenant_id, app_id, node_id, type, title, provider;
	struct str webhook_id; /* webhooks */
	bool enabled;
	int64_t next_ms; /* schedules: when it fires next, 0 = never */
	int64_t created_ms, updated_ms;
};

/* Adds to the batch that publishes what brings the rows in step with this graph. ERR_INVALID names
 * the node: too many triggers, a schedule that cannot be read. */
status triggers_publish(struct apps *, struct arena *, struct db_batch *, struct str tenant_id, struct str app_id, const struct json *graph) NODISCARD;
status trigger_list(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct trigger **out, size_t *n) NODISCARD;
/* The trigger of a webhook's address; ERR_NOT_FOUND. */
status trigger_webhook(struct apps *, struct arena *, struct str webhook_id, struct trigger **out) NODISCARD;
/* The webhook of a node. One that is only in the draft gets its address now, so that it can be tried;
 * ERR_NOT_FOUND when neither draft nor published version has such a node. */
status trigger_webhook_of(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct str node_id, struct trigger **out) NODISCARD;
status trigger_enable(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct str id, bool on, struct trigger **out) NODISCARD;

/* --- schedules --- */
/* Those whose time has come, at most `most`. */
status trigger_due(struct apps *, struct arena *, int64_t now_ms, int64_t most, struct trigger **out, size_t *n) NODISCARD;
/* When the node with this data fires next after a time; 0 = never again. ERR_INVALID. */
status trigger_next(struct arena *, const struct json *data, int64_t after_ms, int64_t *out) NODISCARD;
/* Adds to the batch that stores the run: this time is done (a second one of it fails with
 * ERR_CONFLICT or ERR_STALE), the next one is next_ms. run_id empty: the time is passed over. */
void trigger_fire(struct db_batch *, const struct trigger *, int64_t next_ms, struct str run_id);
/* Forgets fires from before. */
status trigger_forget(struct apps *, int64_t before_ms) NODISCARD;

/* The data of a trigger node of a graph, or NULL. */
const struct json *trigger_node(const struct json *graph, struct str node_id, struct str type);
