/* SPDX-License-Identifier: Apache-2.0 */
/* start: stores a run that a trigger asked for. */
#include "account/account.h"
#include "api/service/limit.h"
#include "api/trigger/trigger.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/chat.h"
#include "flow/flow.h"

static void unref_graph(void *graph)
{
	flow_graph_unref(graph);
}

static status load_graph(struct services *s, struct arena *mem, const struct workflow *w,
			 bool debug, struct flow_graph **graph)
{
	struct str key = debug ? S("") : arena_printf(mem, "%.*s:%.*s", STR(w->id), STR(w->hash));
	if (flow_graph_load(s->flow, key, w->graph, graph))
		return -1;
	arena_defer(mem, unref_graph, *graph);
	return 0;
}

/* What logs show of the trigger. */
static struct json *trigger_metadata(struct arena *mem, const struct workflow *w, struct str node_id)
{
	struct json *o = json_obj(mem);
	json_each(json_get(w->graph, S("nodes")), node)
	{
		const struct json *data = json_get(node, S("data"));
		if (!str_eq(json_get_str(node, S("id")), node_id))
			continue;
		struct str provider = json_get_str(data, S("provider_name"));
		if (!provider.len)
			provider = json_get_str(data, S("provider_id"));
		json_set_str(mem, o, S("type"), json_get_str(data, S("type")));
		json_set_str(mem, o, S("node_id"), node_id);
		json_set_str(mem, o, S("title"), json_get_str(data, S("title")));
		json_set_str_or_null(mem, o, S("provider"), provider.len ? provider : (struct str){ 0 });
	}
	return o;
}

status triggered_start(struct services *s, struct arena *mem, const struct triggered *t)
{
	const struct app *app = t->app;
	const struct workflow *w = t->workflow;
	struct flow_graph *graph;
	struct end_user *user;
	struct str run_id = t->run_id.len ? t->run_id : id_uuid7(mem), started;
	struct json *extra = json_obj(mem);
	if ((t->debug ? limit_running(s, app) : limit_waiting(s, app)) ||
	    load_graph(s, mem, w, t->debug, &graph) ||
	    end_user_get(s->accounts, mem, app->tenant_id, app->id, S("trigger"), S(""), &user))
		return -1;
	json_set_str(mem, extra, S("from"), t->from);
	json_set_str(mem, extra, S("version"), w->version);
	json_set(mem, extra, S("trigger"), trigger_metadata(mem, w, t->node_id));
	struct chat_system sys = {
		.user = user->session_id, .app_id = app->id, .workflow_id = w->id, .run_id = run_id
	};
	struct flow_start start = {
		.info = { .run_id = run_id,
			  .task_id = id_uuid7(mem),
			  .tenant_id = app->tenant_id,
			  .app_id = app->id,
			  .workflow_id = w->id,
			  .app_mode = app->mode,
			  .from = t->debug ? S("debugging") : S("app-run"),
			  .created_by = user->id,
			  .user = user->session_id,
			  .extra = extra,
			  .created_ms = clock_ms() },
		.graph = graph,
		.inputs = t->inputs,
		.system = chat_system_json(mem, &sys),
		.environment = w->environment_variables,
		.root = t->node_id,
		.queued = !t->debug,
		.with = t->with,
	};
	return flow_run_start(s->flow, mem, &start, &started);
}
