/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_run: one node of a draft on its own. What it reads comes from the request, else from what
 * runs of the draft have left (app/draft.h); it leaves its values the same way.
 */
#include "api/console/console.h"

#include "api/stream.h"
#include "app/draft.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/shorten.h"
#include "chat/chat.h"
#include "flow/file.h"
#include "flow/flow.h"

static void unref_graph(void *graph)
{
	flow_graph_unref(graph);
}

/* One node, its draft and what is asked of it. */
struct single {
	struct str id, type;
	const struct json *data;
	struct workflow *workflow;
	struct json *graph; /* of the node alone */
	struct flow_graph *compiled;
	const struct json *inputs;
	struct json *files; /* file objects, or NULL */
	struct str query;
};

/* --- reading --- */

static status load_node(struct call *c, struct single *s)
{
	s->id = c->param[1];
	if (workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &s->workflow) ||
	    flow_graph_single(c->mem, s->workflow->graph, s->id, &s->graph))
		return -1;
	json_each(json_get(s->graph, S("nodes")),
		  node) if (str_eq(json_get_str(node, S("id")), s->id)) s->data =
		json_get(node, S("data"));
	s->type = json_get_str(s->data, S("type"));
	return 0;
}

static status read_body(struct call *c, struct single *s)
{
	const struct json *mappings;
	struct file_rules any = {0};
	if (call_body(c) || take_text(c, S("query"), SIZE_MAX, &s->query))
		return -1;
	s->inputs = json_get(c->body, S("inputs"));
	mappings = json_get(c->body, S("files"));
	if (!s->inputs || s->inputs->type == JSON_NULL)
		s->inputs = json_obj(c->mem);
	if (!json_is(s->inputs, JSON_OBJ))
		return err_set(ERR_INVALID, "inputs: Input should be a valid dictionary");
	if (mappings && !json_is(mappings, JSON_ARR) && !json_is(mappings, JSON_NULL))
		return err_set(ERR_INVALID, "files: Input should be a valid list");
	return json_len(mappings) ? files_from_input(c->s->flow, c->mem, c->app->tenant_id,
						     mappings, &any, &s->files)
				  : 0;
}

/* Runs with what the node waits for, or with nothing around it. */
static status check_type(struct single *s, struct str want)
{
	bool container = str_eq(s->type, S("iteration")) || str_eq(s->type, S("loop"));
	if (want.len && !str_eq(s->type, want))
		return err_set(ERR_INVALID, "node %.*s is of type %.*s, not %.*s", STR(s->id),
			       STR(s->type), STR(want));
	if (!want.len && container)
		return err_set(ERR_INVALID,
			       "node %.*s: run it at workflows/draft/%.*s/nodes/%.*s/run",
			       STR(s->id), STR(s->type), STR(s->id));
	if (str_eq(s->type, S("human-input")) || str_eq(s->type, S("iteration-start")) ||
	    str_eq(s->type, S("loop-start")))
		return err_set(ERR_INVALID, "node %.*s: a node of type %.*s cannot run on its own",
			       STR(s->id), STR(s->type));
	return 0;
}

/* --- values --- */

static bool is_mapping(const struct json *v)
{
	return json_is(v, JSON_OBJ) && json_get_str(v, S("type")).len &&
	       json_get_str(v, S("transfer_method")).len;
}

/* Descriptions of files become files, in the inputs themselves. */
static status read_files(struct call *c, struct single *s)
{
	struct json *out = json_obj(c->mem), *files;
	struct file_rules any = {0};
	json_each_member(s->inputs, m)
	{
		bool one = is_mapping(&m->value),
		     many = json_is(&m->value, JSON_ARR) && is_mapping(json_at(&m->value, 0));
		struct json *list = json_arr(c->mem);
		json_set(c->mem, out, m->name, &m->value);
		if (!one && !many)
			continue;
		if (one)
			json_push(c->mem, list, &m->value);
		if (files_from_input(c->s->flow, c->mem, c->app->tenant_id, one ? list : &m->value,
				     &any, &files))
			return -1;
		json_set(c->mem, out, m->name, one ? json_at(files, 0) : files);
	}
	s->inputs = out;
	return 0;
}

/* A start node gives out what it gets; all others look for what they read. */
static status fill(struct call *c, struct single *s, struct flow_start *start)
{
	struct draft_owner owner = {c->app->tenant_id, c->app->id, c->account->id};
	struct draft_start from = {
		.workflow = s->workflow, .single = s->graph, .node_id = s->id, .inputs = s->inputs};
	struct json *checked, *variables;
	if (str_eq(s->type, S("start"))) {
		if (flow_check_inputs(c->s->flow, c->mem, c->app->tenant_id,
				      flow_graph_variables(s->compiled), s->inputs, &checked))
			return -1;
		start->inputs = checked;
		return 0;
	}
	if (str_starts(s->type, S("trigger-"))) {
		start->inputs = s->inputs;
		return 0;
	}
	if (read_files(c, s))
		return -1;
	from.inputs = s->inputs;
	start->inputs = json_obj(c->mem);
	if (draft_variables(c->s->apps, c->mem, &owner, &from, &variables))
		return -1;
	start->variables = variables;
	return 0;
}

/* --- running --- */

static status start_single(struct call *c, struct single *s, struct flow_start *start)
{
	struct json *extra, *person;
	struct str started, run_id = id_uuid7(c->mem);
	if (flow_graph_load(c->s->flow, S(""), s->graph, &s->compiled))
		return -1;
	arena_defer(c->mem, unref_graph, s->compiled);
	if (console_run_extra(c, &extra, &person))
		return -1;
	struct chat_system sys = {.user = c->account->id,
				  .app_id = c->app->id,
				  .workflow_id = s->workflow->id,
				  .run_id = run_id,
				  .files = s->files,
				  .query = s->query};
	*start = (struct flow_start){
		.info = {.run_id = run_id,
			 .task_id = id_uuid(c->mem),
			 .tenant_id = c->app->tenant_id,
			 .app_id = c->app->id,
			 .workflow_id = s->workflow->id,
			 .app_mode = c->app->mode,
			 .from = S(FLOW_SINGLE_STEP),
			 .created_by = c->account->id,
			 .by_account = true,
			 .user = c->account->id,
			 .extra = extra,
			 .created_ms = clock_ms()},
		.graph = s->compiled,
		.root = s->id,
		.system = chat_system_json(c->mem, &sys),
		.environment = s->workflow->environment_variables,
		.conversation = s->workflow->conversation_variables,
	};
	return fill(c, s, start) || flow_run_start(c->s->flow, c->mem, start, &started) ? -1 : 0;
}

/* Members by name and no empty process data: as recorded. */
static status reply_execution(struct call *c, const struct flow_info *info, struct json *node)
{
	static const struct str parts[] = {S_INIT("inputs"), S_INIT("process_data"),
					   S_INIT("outputs")};
	struct json *out;
	for (size_t i = 0; i < countof(parts); i++) {
		const struct json *v = json_get(node, parts[i]);
		if (json_is(v, JSON_OBJ))
			json_set(c->mem, node, parts[i], json_by_name(c->mem, v));
	}
	if (!json_len(json_get(node, S("process_data"))))
		json_set_null(c->mem, node, S("process_data"));
	json_set_int(c->mem, node, S("index"), 1);
	return console_node_json(c, info, node, &out) || reply_json(c, 200, out) ? -1 : 0;
}

/* The row of the node itself, not those of its retries. */
static struct json *row_of(const struct json *nodes, struct str node_id)
{
	json_each(nodes, node)
	{
		bool retry = str_eq(json_get_str(node, S("status")), S("retry"));
		if (!retry && str_eq(json_get_str(node, S("node_id")), node_id))
			return node;
	}
	return NULL;
}

static status run_and_reply(struct call *c, struct single *s)
{
	struct flow_start start;
	struct flow_result *result;
	struct json *nodes;
	if (start_single(c, s, &start) ||
	    flow_run_wait(c->s->flow, c->mem, start.info.run_id, &result, deadline_current()) ||
	    flow_run_nodes(c->s->flow, c->mem, c->app->tenant_id, start.info.run_id, &nodes))
		return -1;
	struct json *node = row_of(nodes, s->id);
	if (!node)
		return err_set(ERR_INVALID, "node %.*s did not run: %.*s", STR(s->id),
			       STR(result->error.len ? result->error : result->status));
	return reply_execution(c, &start.info, node);
}

status console_node_run(struct call *c)
{
	struct single s = { 0 };
	if (need_graph_app(c) || read_body(c, &s) || load_node(c, &s) || check_type(&s, S("")))
		return -1;
	return run_and_reply(c, &s);
}

/* As console_node_run, with what comes to the trigger; a schedule need not be waited for. */
status console_trigger_node_run(struct call *c)
{
	struct single s = { 0 };
	struct json *inputs = json_obj(c->mem);
	if (need_graph_app(c) || load_node(c, &s))
		return -1;
	if (!str_eq(s.type, S("trigger-schedule")) &&
	    console_trigger_poll(c, s.workflow, s.id, &inputs))
		return -1;
	s.inputs = inputs;
	return inputs ? run_and_reply(c, &s) : console_trigger_waiting(c);
}

static status run_container(struct call *c, struct str type)
{
	struct single s = {0};
	struct flow_start start;
	struct str mode =
		str_has(c->http->path, S("/advanced-chat/")) ? S("advanced-chat") : S("workflow");
	if (need_graph_app(c))
		return -1;
	if (!str_eq(c->app->mode, mode))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'%.*s'}.", STR(mode));
	if (read_body(c, &s) || load_node(c, &s) || check_type(&s, type) ||
	    start_single(c, &s, &start))
		return -1;
	struct stream_run run = stream_of_run(&start.info, STREAM_DEBUG);
	run.mode = S("workflow"); /* there is no conversation around it */
	return stream_reply(c, &run, true);
}

status console_iteration_run(struct call *c)
{
	return run_container(c, S("iteration"));
}

status console_loop_run(struct call *c)
{
	return run_container(c, S("loop"));
}

status console_node_last_run(struct call *c)
{
	struct workflow *w;
	struct str run_id, execution_id;
	struct flow_record *r;
	struct json *node;
	if (need_graph_app(c) ||
	    workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, &w) ||
	    draft_last_run(c->s->apps, c->mem, c->app->tenant_id, c->app->id, c->param[1], &run_id,
			   &execution_id) ||
	    flow_run_get(c->s->flow, c->mem, c->app->tenant_id, c->app->id, run_id, &r) ||
	    flow_run_node(c->s->flow, c->mem, c->app->tenant_id, run_id, execution_id, &node))
		return -1;
	return reply_execution(c, &r->info, node);
}

/* --- for our pages --- */

static struct json *want_json(struct call *c, const struct draft_want *w)
{
	struct json *row = json_obj(c->mem), *selector = json_arr(c->mem);
	struct shorten_limits limits = shorten_limits_of(c->s->config);
	bool cut = false;
	for (size_t k = 0; k < w->n; k++)
		json_push_str(c->mem, selector, w->parts[k]);
	json_set_str(c->mem, row, S("key"), w->key);
	json_set_str(c->mem, row, S("node_id"), w->node_id);
	json_set_str(c->mem, row, S("field"), w->field);
	json_set_str(c->mem, row, S("label"), w->label);
	json_set(c->mem, row, S("selector"), selector);
	json_set_bool(c->mem, row, S("required"), w->needed);
	json_set_bool(c->mem, row, S("known"), w->known != NULL);
	json_set(c->mem, row, S("value"), shorten_value(c->mem, w->known, &limits, &cut));
	json_set_bool(c->mem, row, S("value_truncated"), cut);
	return row;
}

/* What a node reads and what of it is there, so that a page can ask for the rest. */
status console_node_inputs(struct call *c)
{
	struct single s = { 0 };
	struct draft_want *list;
	size_t n;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	if (need_graph_app(c) || load_node(c, &s) ||
	    draft_wants(c->mem, s.workflow->graph, s.graph, &list, &n))
		return -1;
	struct draft_owner owner = { c->app->tenant_id, c->app->id, c->account->id };
	struct draft_start from = { .workflow = s.workflow, .single = s.graph, .node_id = s.id };
	if (draft_known(c->s->apps, c->mem, &owner, &from, list, n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (list[i].n)
			json_push(c->mem, rows, want_json(c, &list[i]));
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}
