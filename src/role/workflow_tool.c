/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workflow_tool: a workflow that calls another as a tool: the inner one is a run of its own, one
 * level deeper, which ends with its caller.
 */
#include "role/workflow_tool.h"

#include "api/api.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "flow/flow.h"
#include "rt/rt.h"

static void unref_graph(void *graph)
{
	flow_graph_unref(graph);
}

static status load(struct services *s, struct arena *mem, const struct tool_scope *scope,
		   struct str app_id, struct workflow **wf, struct flow_graph **graph)
{
	struct app *app;
	if (app_get(s->apps, mem, scope->tenant_id, app_id, &app))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_NOT_FOUND, "the app of this tool is gone")
			       : -1;
	if (!str_eq(app->mode, S("workflow")))
		return err_set(ERR_INVALID, "the app %.*s is no workflow", STR(app->name));
	if (!app->workflow_id.len || workflow_published(s->apps, mem, app, wf))
		return err_set(ERR_NOT_FOUND, "the workflow %.*s is not published", STR(app->name));
	struct str key = arena_printf(mem, "%.*s:%.*s", STR((*wf)->id), STR((*wf)->hash));
	if (flow_graph_load(s->flow, key, (*wf)->graph, graph))
		return -1;
	arena_defer(mem, unref_graph, *graph);
	return 0;
}

/* What a form would send for a value that was not given. */
static struct json *given(struct arena *mem, const struct json *args)
{
	struct json *o = json_obj(mem);
	json_each_member(args, m) if (m->value.type != JSON_NULL)
		json_set(mem, o, m->name, &m->value);
	return o;
}

/* One call of one execution of a node is one run, however often the call has to be repeated. */
static struct str run_id_of(struct arena *mem, const struct tool_scope *scope)
{
	if (!scope->call_id.len)
		return id_uuid7(mem);
	return id_uuid_of(mem, arena_printf(mem, "workflow-tool:%.*s", STR(scope->call_id)));
}

static struct flow_info info_of(struct arena *mem, const struct tool_scope *scope,
				struct str app_id, const struct workflow *wf)
{
	struct json *extra = json_obj(mem);
	json_set_int(mem, extra, S("depth"), scope->depth + 1);
	json_set_str(mem, extra, S("version"), wf->version);
	json_set_str(mem, extra, S("from"), S("workflow-tool"));
	return (struct flow_info){
		.run_id = run_id_of(mem, scope),
		.task_id = id_uuid7(mem),
		.tenant_id = scope->tenant_id,
		.app_id = app_id,
		.workflow_id = wf->id,
		.app_mode = S("workflow"),
		.from = S("app-run"),
		.created_by = scope->created_by,
		.by_account = scope->by_account,
		.user = scope->user,
		.extra = extra,
	};
}

/* The caller ends: what it had started must not go on, unless the caller does elsewhere. */
static void stop(struct services *s, const struct tool_scope *scope, const struct flow_info *info)
{
	struct shield shield;
	struct err why;
	if (scope->moves && scope->moves(scope->caller))
		return;
	shield = shield_begin(5000);
	err_save(&why);
	if (flow_stop(s->flow, info->app_id, info->task_id, (struct str){0}))
		err_clear();
	shield_end(shield);
	(void)err_restore(&why);
}

/* The run that this call had started before its process died; *found = false: none. */
static status find_run(struct services *s, struct arena *mem, const struct tool_scope *scope,
		       struct str app_id, struct flow_info *info, bool *found)
{
	struct flow_record *row;
	*found = false;
	if (!scope->call_id.len)
		return 0;
	if (flow_run_get(s->flow, mem, scope->tenant_id, app_id, run_id_of(mem, scope), &row)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear();
		return 0;
	}
	*info = row->info;
	*found = true;
	return 0;
}

static status start_run(struct services *s, struct arena *mem, const struct tool_scope *scope,
			struct str app_id, const struct json *args, struct flow_info *info)
{
	struct workflow *wf;
	struct flow_graph *graph;
	struct json *inputs;
	struct str run_id;
	if (load(s, mem, scope, app_id, &wf, &graph) ||
	    flow_check_inputs(s->flow, mem, scope->tenant_id, flow_graph_variables(graph),
			      given(mem, args), &inputs))
		return -1;
	*info = info_of(mem, scope, app_id, wf);
	struct flow_start start = {.info = *info,
				   .graph = graph,
				   .inputs = inputs,
				   .environment = wf->environment_variables};
	return flow_run_start(s->flow, mem, &start, &run_id);
}

static status run_workflow(void *ctx, struct arena *mem, const struct tool_scope *scope,
			   struct str app_id, const struct json *args, struct json **outputs)
{
	struct services *s = ctx;
	struct flow_info info;
	struct flow_result *r;
	bool found;
	if (find_run(s, mem, scope, app_id, &info, &found) ||
	    (!found && start_run(s, mem, scope, app_id, args, &info)))
		return -1;
	if (flow_run_wait(s->flow, mem, info.run_id, &r, deadline_current())) {
		stop(s, scope, &info);
		return -1;
	}
	if (str_eq(r->status, S("failed")) || str_eq(r->status, S("stopped")))
		return err_set(ERR_INVALID, "%.*s",
			       STR(r->error.len ? r->error : S("the workflow was stopped")));
	if (str_eq(r->status, S("paused"))) {
		stop(s, scope, &info);
		return err_set(ERR_INVALID, "the workflow waits for a person, which a tool cannot");
	}
	*outputs = json_is(r->outputs, JSON_OBJ) ? json_copy(mem, r->outputs) : json_obj(mem);
	return 0;
}

struct tool_hooks workflow_tool_hooks(struct services *s)
{
	return (struct tool_hooks){.ctx = s, .run_workflow = run_workflow};
}
