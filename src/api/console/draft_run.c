/* SPDX-License-Identifier: Apache-2.0 */
/* draft_run: runs from the editor: drafts of workflows and chatflows, configs of easy apps. */
#include "api/console/console.h"

#include "api/stream.h"
#include "base/clock.h"
#include "base/id.h"
#include "chat/chat.h"
#include "flow/file.h"
#include "flow/flow.h"

static void unref_graph(void *graph)
{
	flow_graph_unref(graph);
}

static status load_draft(struct call *c, struct workflow **w, struct flow_graph **graph)
{
	if (workflow_draft(c->s->apps, c->mem, c->account->tenant_id, c->app->id, w) ||
	    flow_graph_load(c->s->flow, S(""), (*w)->graph, graph))
		return -1;
	arena_defer(c->mem, unref_graph, *graph);
	return 0;
}

/* What a run keeps of who started it. */
status console_run_extra(struct call *c, struct json **extra, struct json **person)
{
	if (person_json(c, c->account->id, person))
		return -1;
	*extra = json_obj(c->mem);
	json_set_str(c->mem, *extra, S("from"), S("debugger"));
	json_set(c->mem, *extra, S("created_by"), *person);
	return 0;
}

static status read_run(struct call *c, const struct json **inputs, const struct json **files)
{
	*inputs = json_get(c->body, S("inputs"));
	*files = json_get(c->body, S("files"));
	if (!*inputs)
		return err_set(ERR_INVALID, "inputs: Field required");
	if (!json_is(*inputs, JSON_OBJ))
		return err_set(ERR_INVALID, "inputs: Input should be a valid dictionary");
	if (*files && !json_is(*files, JSON_ARR) && !json_is(*files, JSON_NULL))
		return err_set(ERR_INVALID, "files: Input should be a valid list");
	return 0;
}

static status start_draft(struct call *c, const struct workflow *w, struct flow_graph *graph,
			  struct flow_start *start)
{
	struct json *extra, *person;
	struct str started;
	if (console_run_extra(c, &extra, &person))
		return -1;
	struct flow_info *i = &start->info;
	i->task_id = id_uuid(c->mem);
	i->tenant_id = c->app->tenant_id;
	i->app_id = c->app->id;
	i->workflow_id = w->id;
	i->app_mode = c->app->mode;
	i->from = S("debugging");
	i->created_by = i->user = c->account->id;
	i->by_account = true;
	i->extra = extra;
	i->created_ms = clock_ms();
	start->graph = graph;
	start->environment = w->environment_variables;
	return flow_run_start(c->s->flow, c->mem, start, &started);
}

static struct json *draft_system(struct call *c, const struct workflow *w, struct str run_id,
				 const struct json *files)
{
	struct chat_system sys = { .user = c->account->id, .app_id = c->app->id,
				   .workflow_id = w->id, .run_id = run_id, .files = files };
	return chat_system_json(c->mem, &sys);
}

/* From the form: checked inputs and files. */
static status start_form(struct call *c, const struct workflow *w, struct flow_graph *graph,
			 struct flow_start *start)
{
	const struct json *given, *mappings;
	struct json *inputs, *files = NULL;
	struct file_rules rules;
	struct str run_id = id_uuid7(c->mem);
	if (read_run(c, &given, &mappings) ||
	    flow_check_inputs(c->s->flow, c->mem, c->app->tenant_id, flow_graph_variables(graph), given,
			      &inputs))
		return -1;
	if (json_len(mappings) && chat_file_rules(w->features, &rules) &&
	    files_from_input(c->s->flow, c->mem, c->app->tenant_id, mappings, &rules, &files))
		return -1;
	*start = (struct flow_start){ .info = { .run_id = run_id }, .inputs = inputs,
				      .system = draft_system(c, w, run_id, files) };
	return start_draft(c, w, graph, start);
}

status console_draft_run(struct call *c)
{
	struct workflow *w;
	struct flow_graph *graph;
	struct flow_start start;
	if (need_graph_app(c) || call_body(c))
		return -1;
	if (!str_eq(c->app->mode, S("workflow")))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'workflow'}.");
	if (load_draft(c, &w, &graph) || start_form(c, w, graph, &start))
		return -1;
	struct stream_run run = stream_of_run(&start.info, STREAM_DEBUG);
	run.speech = chat_speech(w->features);
	return stream_reply(c, &run, true);
}

status console_draft_run_from(struct call *c, struct workflow *w, struct str node_id,
			      const struct json *inputs)
{
	struct flow_graph *graph;
	struct str run_id = id_uuid7(c->mem);
	struct flow_start start = { .info = { .run_id = run_id }, .inputs = inputs, .root = node_id,
				    .system = draft_system(c, w, run_id, NULL) };
	if (flow_graph_load(c->s->flow, S(""), w->graph, &graph))
		return -1;
	arena_defer(c->mem, unref_graph, graph);
	if (start_draft(c, w, graph, &start))
		return -1;
	struct stream_run run = stream_of_run(&start.info, STREAM_DEBUG);
	return stream_reply(c, &run, true);
}

static struct chat_scope own_scope(struct call *c)
{
	return (struct chat_scope){
		.tenant_id = c->app->tenant_id, .app_id = c->app->id,
		.user = { .id = c->account->id, .by_account = true, .session = c->account->id },
	};
}

static status read_ids(struct call *c, struct chat_request *q)
{
	if (take_text(c, S("conversation_id"), 64, &q->conversation_id) ||
	    take_text(c, S("parent_message_id"), 64, &q->parent_message_id))
		return -1;
	q->conversation_id = str_trim(q->conversation_id);
	if (q->conversation_id.len && !id_is_uuid(q->conversation_id))
		return err_set(ERR_INVALID, "conversation_id must be a valid UUID");
	if (q->parent_message_id.len && !id_is_uuid(q->parent_message_id))
		return err_set(ERR_INVALID, "parent_message_id must be a valid UUID");
	if (!q->parent_message_id.len)
		q->parent_message_id = (struct str){ 0 };
	return 0;
}

static status turn(struct call *c, const struct chat_request *q, bool streaming)
{
	struct chat_turn *t;
	if (chat_turn(c->s->chats, c->mem, q, &t))
		return -1;
	struct stream_run run = stream_of_turn(t, STREAM_DEBUG);
	return stream_reply(c, &run, streaming);
}

status console_draft_chat(struct call *c)
{
	struct workflow *w;
	struct json *extra, *person;
	struct str query = { 0 };
	if (need_graph_app(c) || call_body(c))
		return -1;
	if (!str_eq(c->app->mode, S("advanced-chat")))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'advanced-chat'}.");
	if (take_text(c, S("query"), SIZE_MAX, &query))
		return -1;
	if (!query.at)
		return err_set(ERR_INVALID, "query is required");
	struct chat_request q = { .scope = own_scope(c), .mode = c->app->mode,
				  .from = S("debugger"), .query = query };
	if (read_run(c, &q.inputs, &q.files) || read_ids(c, &q) || load_draft(c, &w, &q.graph) ||
	    console_run_extra(c, &extra, &person))
		return -1;
	q.config = w->features;
	q.workflow_id = w->id;
	q.environment = w->environment_variables;
	q.conversation = w->conversation_variables;
	q.created_by = person;
	return turn(c, &q, true);
}

/* The config of the form on the screen wins over what is stored. */
static status debug_easy(struct call *c, bool completion)
{
	struct str mode = S("streaming"), query = { 0 };
	if (need_app(c) || call_body(c))
		return -1;
	bool right = completion ? str_eq(c->app->mode, S("completion"))
				: str_eq(c->app->mode, S("chat")) ||
					  str_eq(c->app->mode, S("agent-chat"));
	if (!right)
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: %s.",
				  completion ? "{'completion'}" : "{'agent-chat', 'chat'}");
	if (take_text(c, S("response_mode"), 20, &mode) || take_text(c, S("query"), SIZE_MAX, &query))
		return -1;
	if (!query.at && !completion)
		return err_set(ERR_INVALID, "query: Field required");
	const struct json *config = json_get(c->body, S("model_config"));
	if (!json_is(config, JSON_OBJ))
		return err_set(ERR_INVALID, "model_config: Field required");
	struct chat_request q = { .scope = own_scope(c), .mode = c->app->mode,
				  .from = S("debugger"), .query = query.at ? query : S(""),
				  .fixed_config = true,
				  .config = app_full_model_config(c->mem, config) };
	if (read_run(c, &q.inputs, &q.files) || read_ids(c, &q))
		return -1;
	if (str_eq(c->app->mode, S("agent-chat")) && str_eq(mode, S("blocking")))
		return err_set(ERR_INVALID, "Agent Chat App does not support blocking mode");
	return turn(c, &q, !str_eq(mode, S("blocking")));
}

status console_debug_chat(struct call *c)
{
	return debug_easy(c, false);
}

status console_debug_completion(struct call *c)
{
	return debug_easy(c, true);
}

status console_stop(struct call *c)
{
	if (need_app(c) || flow_stop(c->s->flow, c->app->id, c->param[1], (struct str){ 0 }))
		return -1;
	return reply_ok(c);
}
