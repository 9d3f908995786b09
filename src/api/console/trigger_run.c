/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_run: the editor tries a draft that begins with a trigger. It asks again and again until
 * the webhook's debug address was called or the schedule's time has come; that answer is the run.
 */
#include "api/console/console.h"

#include "api/trigger/trigger.h"
#include "app/trigger.h"
#include "base/clock.h"

enum { RETRY_MS = 2000, NODES_MAX = 100 };

static status need_workflow_app(struct call *c)
{
	if (need_graph_app(c))
		return -1;
	if (!str_eq(c->app->mode, S("workflow")))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'workflow'}.");
	return 0;
}

static const struct json *node_data(const struct workflow *w, struct str id)
{
	json_each(json_get(w->graph, S("nodes")), node) if (str_eq(json_get_str(node, S("id")), id))
		return json_get(node, S("data"));
	return NULL;
}

static status poll_schedule(struct call *c, const struct trigger_listener *l,
			    const struct json *data, struct json **inputs)
{
	int64_t next;
	bool due;
	if (trigger_next(c->mem, data, clock_ms(), &next))
		return -1;
	if (!next)
		return err_set(ERR_INVALID, "node %.*s: this schedule never fires again",
			       STR(l->node_id));
	if (trigger_wait_until(c->s, c->mem, l, next, &due))
		return -1;
	*inputs = due ? json_obj(c->mem) : NULL;
	return 0;
}

status console_trigger_poll(struct call *c, const struct workflow *w, struct str node_id,
			    struct json **inputs)
{
	const struct json *data = node_data(w, node_id);
	struct str type = json_get_str(data, S("type"));
	struct trigger_listener l = { c->app->id, node_id, c->account->id };
	if (!data)
		return err_set(ERR_NOT_FOUND, "the workflow has no node %.*s",
			       STR(str_sub(node_id, 0, 100)));
	if (str_eq(type, S("trigger-webhook")))
		return trigger_listen(c->s, c->mem, &l, inputs);
	if (str_eq(type, S("trigger-schedule")))
		return poll_schedule(c, &l, data, inputs);
	return err_set(ERR_INVALID, "node %.*s: a node of type %.*s cannot be listened to",
		       STR(node_id), STR(type));
}

status console_trigger_waiting(struct call *c)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("status"), S("waiting"));
	json_set_int(c->mem, o, S("retry_in"), RETRY_MS);
	return reply_json(c, 200, o);
}

static status run_first(struct call *c, const struct str *ids, size_t n)
{
	struct workflow *w;
	struct json *inputs = NULL;
	size_t i;
	if (workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &w))
		return -1;
	for (i = 0; i < n && !inputs; i++)
		if (console_trigger_poll(c, w, ids[i], &inputs))
			return -1;
	return inputs ? console_draft_run_from(c, w, ids[i - 1], inputs)
		      : console_trigger_waiting(c);
}

status console_trigger_run(struct call *c)
{
	struct str id;
	if (need_workflow_app(c) || call_body(c) || need_text(c, S("node_id"), 1, 255, &id))
		return -1;
	return run_first(c, &id, 1);
}

status console_trigger_run_all(struct call *c)
{
	if (need_workflow_app(c) || call_body(c))
		return -1;
	const struct json *list = json_get(c->body, S("node_ids"));
	if (!json_is(list, JSON_ARR) || !list->len || list->len > NODES_MAX)
		return err_set(ERR_INVALID, "node_ids: Input should be a list of 1 to %d texts",
			       NODES_MAX);
	struct str *ids = arena_array(c->mem, struct str, list->len);
	for (size_t i = 0; i < list->len; i++)
		ids[i] = json_as_str(&list->items[i], S(""));
	return run_first(c, ids, list->len);
}
