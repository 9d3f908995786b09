/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook: /triggers/webhook/{id} and /triggers/webhook-debug/{id}. The address is the right to
 * call. Accepted means stored: the answer does not wait for the run, which a worker does. The debug
 * address gives the call to editors that listen; when none does it runs the draft, at once.
 */
#include "api/trigger/trigger.h"
#include "app/app.h"
#include "app/trigger.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

enum { DEADLINE_MS = 60000, STATUS_LOW = 200, STATUS_HIGH = 599 };

static status find_workflow(struct call *c, const struct trigger *t, bool debug,
			    struct workflow **w)
{
	if (app_get(c->s->apps, c->mem, t->tenant_id, t->app_id, &c->app) ||
	    (debug ? workflow_draft(c->s->apps, c->mem, t->tenant_id, t->app_id, w)
		   : workflow_published(c->s->apps, c->mem, c->app, w))) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		return err_set(ERR_NOT_FOUND, "Workflow not found for app %.*s", STR(t->app_id));
	}
	return 0;
}

static status find_node(struct call *c, bool debug, struct trigger **t, struct workflow **w,
			const struct json **node)
{
	if (trigger_webhook(c->s->apps, c->mem, c->param[0], t))
		return -1;
	if (!debug && !(*t)->enabled)
		return err_set(ERR_NOT_FOUND, "Webhook trigger is disabled for webhook %.*s",
			       STR(c->param[0]));
	if (find_workflow(c, *t, debug, w))
		return -1;
	*node = trigger_node((*w)->graph, (*t)->node_id, S("trigger-webhook"));
	return *node ? 0 : err_set(ERR_NOT_FOUND, "Webhook not found: %.*s", STR(c->param[0]));
}

static struct json *inputs_of(struct arena *mem, const struct json *data)
{
	struct json *o = json_obj(mem);
	json_set(mem, o, S("webhook_data"), data);
	json_set(mem, o, S("webhook_headers"), json_get(data, S("headers")));
	json_set(mem, o, S("webhook_query_params"), json_get(data, S("query_params")));
	json_set(mem, o, S("webhook_body"), json_get(data, S("body")));
	return o;
}

/* Failures have a form of their own here; those of routing (404, 413, 429) have the usual one. */
static status answer_failure(struct call *c, int code, const char *error)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("error"), str_c(error));
	json_set_str(c->mem, o, S("message"), arena_str(c->mem, err_text()));
	return reply_plain(c, code, o);
}

static status call_webhook(struct call *c, bool debug)
{
	struct trigger *t;
	struct workflow *w;
	const struct json *node;
	struct json *data;
	if (find_node(c, debug, &t, &w, &node))
		return -1;
	if (webhook_read(c, node, &data))
		return err_code() == ERR_INVALID ? answer_failure(c, 400, "Bad Request") : -1;
	struct triggered start = { .app = c->app,
				   .workflow = w,
				   .node_id = t->node_id,
				   .from = S("webhook"),
				   .inputs = inputs_of(c->mem, data),
				   .debug = debug };
	size_t listeners = 0;
	if (debug && trigger_deliver(c->s, c->mem, t->app_id, t->node_id, start.inputs, &listeners))
		return -1;
	if (!listeners && triggered_start(c->s, c->mem, &start)) {
		if (err_code() != ERR_INVALID)
			return -1;
		log_err(LOG_WARN, "webhook %.*s", STR(c->param[0]));
		return answer_failure(c, 500, "Internal server error");
	}
	int64_t code = json_get_int(node, S("status_code"), 200);
	if (code < STATUS_LOW || code > STATUS_HIGH)
		code = 200;
	return reply_plain(c, (int)code, webhook_answer(c->mem, node));
}

static status webhook(struct call *c)
{
	return call_webhook(c, false);
}

static status webhook_debug(struct call *c)
{
	return call_webhook(c, true);
}

#define ROW(method, path, handler)                                  \
	{                                                           \
		method, path, AUTH_NONE, DEADLINE_MS, 0, handler, 0 \
	}
#define ALL(path, handler)                                                                         \
	ROW(HTTP_GET, path, handler), ROW(HTTP_POST, path, handler), ROW(HTTP_PUT, path, handler), \
		ROW(HTTP_PATCH, path, handler), ROW(HTTP_DELETE, path, handler),                   \
		ROW(HTTP_OPTIONS, path, handler)
static const struct route routes[] = {
	ALL("/triggers/webhook/{webhook_id}", webhook),
	ALL("/triggers/webhook-debug/{webhook_id}", webhook_debug),
};
const struct route_table trigger_routes = { "trigger", routes, countof(routes) };
