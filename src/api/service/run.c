/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: starts chat turns, completions and workflow runs, and stops them. A run belongs to the
 * server: when the client leaves, it goes on and its answer is stored.
 */
#include "account/account.h"
#include "api/service/limit.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/file.h"

enum { WAIT_MAX_S = 3600 };

/* What every run request has. */
struct run_body {
	const struct json *inputs, *files;
	struct str query, conversation_id, parent_id, workflow_id;
	bool streaming, auto_name;
	bool queued; /* response_mode async: a worker runs it, the answer is its address */
};

static status read_inputs(struct call *c, struct run_body *b)
{
	b->inputs = json_get(c->body, S("inputs"));
	if (!b->inputs)
		return err_set(ERR_INVALID, "inputs: Field required");
	if (b->inputs->type != JSON_OBJ)
		return err_set(ERR_INVALID, "inputs: Input should be a valid dictionary");
	b->files = json_get(c->body, S("files"));
	if (b->files && b->files->type != JSON_ARR && b->files->type != JSON_NULL)
		return err_set(ERR_INVALID, "files: Input should be a valid list");
	return 0;
}

static status read_response_mode(struct call *c, struct run_body *b)
{
	struct str mode;
	if (body_text(c, S("response_mode"), &mode))
		return -1;
	b->streaming = str_eq(mode, S("streaming"));
	if (mode.at && !b->streaming && !str_eq(mode, S("blocking")))
		return err_set(ERR_INVALID,
			       "response_mode: Input should be 'blocking' or 'streaming'");
	return 0;
}

/* Workflows can be left to a worker as well. */
static status read_workflow_mode(struct call *c, struct run_body *b)
{
	struct str mode;
	if (body_text(c, S("response_mode"), &mode))
		return -1;
	b->queued = str_eq(mode, S("async"));
	return b->queued ? 0 : read_response_mode(c, b);
}

static status read_chat_ids(struct call *c, struct run_body *b)
{
	if (body_text(c, S("conversation_id"), &b->conversation_id) ||
	    body_text(c, S("workflow_id"), &b->workflow_id) ||
	    body_text(c, S("parent_message_id"), &b->parent_id))
		return -1;
	b->conversation_id = str_trim(b->conversation_id);
	if (b->conversation_id.len && !id_is_uuid(b->conversation_id))
		return err_set(ERR_INVALID, "conversation_id must be a valid UUID");
	if (b->parent_id.len && !id_is_uuid(b->parent_id))
		return err_set(ERR_INVALID, "parent_message_id must be a valid UUID");
	if (!from_site(c))
		b->parent_id = S(CHAT_PARENT_TIME);
	else if (!b->parent_id.len)
		b->parent_id = (struct str){0};
	b->auto_name = json_get_bool(c->body, S("auto_generate_name"), !from_site(c));
	return 0;
}

static status check_active(struct call *c)
{
	return limit_running(c->s, c->app);
}

static status published(struct call *c, struct workflow **out)
{
	if (!c->app->workflow_id.len)
		return err_set(ERR_INVALID, "Workflow not published");
	if (!workflow_published(c->s->apps, c->mem, c->app, out))
		return 0;
	return err_code() == ERR_NOT_FOUND ? err_set(ERR_INVALID, "Workflow not published") : -1;
}

static status by_id(struct call *c, struct str id, struct workflow **out)
{
	if (!id_is_uuid(id))
		return err_set(ERR_BAD_REQUEST, "Invalid workflow_id format: '%.*s'. ",
			       STR(str_sub(id, 0, 100)));
	if (workflow_by_id(c->s->apps, c->mem, c->app->tenant_id, c->app->id, id, out))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_NOT_FOUND, "Workflow not found with id: %.*s", STR(id))
			       : -1;
	if (str_eq((*out)->version, S("draft")))
		return err_set(ERR_BAD_REQUEST,
			       "Cannot use draft workflow version. Workflow ID: %.*s. Please use a "
			       "published workflow version or leave workflow_id empty.",
			       STR(id));
	return 0;
}

static void unref_graph(void *graph)
{
	flow_graph_unref(graph);
}

static status load_workflow(struct call *c, struct str id, struct workflow **wf,
			    struct flow_graph **graph)
{
	if (id.len ? by_id(c, id, wf) : published(c, wf))
		return -1;
	struct str key = arena_printf(c->mem, "%.*s:%.*s", STR((*wf)->id), STR((*wf)->hash));
	if (flow_graph_load(c->s->flow, key, (*wf)->graph, graph))
		return -1;
	arena_defer(c->mem, unref_graph, *graph);
	return 0;
}

static struct chat_request request_of(struct call *c, const struct run_body *b)
{
	return (struct chat_request){
		.scope = call_scope(c),
		.mode = c->app->mode,
		.from = call_from(c),
		.query = b->query,
		.inputs = b->inputs,
		.files = b->files,
		.conversation_id = b->conversation_id,
		.parent_message_id = b->parent_id,
		.auto_name = b->auto_name,
		.config = c->app->model_config,
	};
}

/* Where the run can be asked for: 202 for runs that a worker does, and for callers that said how
 * long they wait. */
static status reply_accepted(struct call *c, const struct flow_info *i, struct str state)
{
	struct arena *mem = c->mem;
	struct json *body = json_obj(mem), *data = json_obj(mem);
	struct str base = from_site(c) ? S("/api") : S("/v1");
	struct str run = arena_printf(mem, "%.*s/workflows/run/%.*s", STR(base), STR(i->run_id));
	struct str events = arena_printf(mem, "%.*s/workflow/%.*s/events", STR(base), STR(i->run_id));
	json_set_str(mem, data, S("id"), i->run_id);
	json_set_str(mem, data, S("workflow_id"), i->workflow_id);
	json_set_str(mem, data, S("status"), state);
	json_set_int(mem, data, S("created_at"), i->created_ms / 1000);
	json_set_str(mem, body, S("task_id"), i->task_id);
	json_set_str(mem, body, S("workflow_run_id"), i->run_id);
	if (i->message_id.len) {
		json_set_str(mem, body, S("message_id"), i->message_id);
		json_set_str(mem, body, S("conversation_id"), i->conversation_id);
	}
	json_set(mem, body, S("data"), data);
	json_set_str(mem, body, S("run_url"), run);
	json_set_str(mem, body, S("events_url"), events);
	http_add_header(c->http, S("Location"), run);
	return reply_run(c, 202, body);
}

/* Prefer: wait=N (RFC 7240): seconds; -1 = as long as it takes. */
static int64_t preferred_wait(struct call *c)
{
	struct str rest = http_header(c->http, S("Prefer"));
	while (rest.len) {
		struct str one = str_trim(str_cut(&rest, ','));
		int64_t n;
		if (str_eq_nocase(one, S("respond-async")))
			return 0;
		if (str_starts(one, S("wait=")) && !str_to_i64(str_skip(one, 5), &n) && n >= 0)
			return MIN(n, WAIT_MAX_S);
	}
	return -1;
}

static status reply_within(struct call *c, const struct flow_info *i, const struct stream_run *run,
			   int64_t seconds)
{
	struct flow_result *res;
	struct json *body;
	deadline until = deadline_in_ms(seconds * 1000);
	if (flow_run_wait(c->s->flow, c->mem, run->run_id, &res, until)) {
		if (err_code() != ERR_TIMEOUT || rt_now() < until)
			return -1;
		return reply_accepted(c, i, S("running"));
	}
	return stream_blocking_body(c->mem, run, res, &body) ? -1 : reply_run(c, 200, body);
}

static status turn_and_reply(struct call *c, const struct chat_request *q, bool streaming)
{
	struct chat_turn *turn;
	if (chat_turn(c->s->chats, c->mem, q, &turn))
		return -1;
	struct stream_run run = stream_of_turn(turn, call_form(c));
	int64_t wait = preferred_wait(c);
	/* Only graphs have an address where the run can be asked for later. */
	if (wait < 0 || streaming || turn->direct.at || !q->workflow_id.len || from_site(c))
		return stream_reply(c, &run, streaming);
	struct flow_info i = {.run_id = turn->run_id,
			      .task_id = turn->task_id,
			      .workflow_id = q->workflow_id,
			      .message_id = turn->message_id,
			      .conversation_id = turn->conversation_id,
			      .created_ms = turn->created_ms};
	return reply_within(c, &i, &run, wait);
}

/* Parts of the request that only chats have. */
static status read_chat(struct call *c, struct run_body *b)
{
	const struct json *query = json_get(c->body, S("query"));
	if (!query)
		return err_set(ERR_INVALID, "query: Field required");
	if (query->type != JSON_STR)
		return err_set(ERR_INVALID, "query: Input should be a valid string");
	b->query = json_as_str(query, S(""));
	return read_inputs(c, b) || read_response_mode(c, b) || read_chat_ids(c, b) ? -1 : 0;
}

status run_chat(struct call *c)
{
	struct run_body b = {0};
	if (need_body_user(c, true) || need_chat_app(c) || read_chat(c, &b))
		return -1;
	if (str_eq(c->app->mode, S("agent-chat")) && !b.streaming)
		return err_set(ERR_INVALID, "Agent Chat App does not support blocking mode");
	struct chat_request q = request_of(c, &b);
	if (!str_eq(c->app->mode, S("advanced-chat")))
		return check_active(c) ? -1 : turn_and_reply(c, &q, b.streaming);
	struct workflow *wf;
	if (load_workflow(c, b.workflow_id, &wf, &q.graph) || check_active(c))
		return -1;
	q.workflow_id = wf->id;
	q.version = wf->version;
	q.config = wf->features;
	q.environment = wf->environment_variables;
	q.conversation = wf->conversation_variables;
	return turn_and_reply(c, &q, b.streaming);
}

status run_completion(struct call *c)
{
	struct run_body b = {0};
	if (need_body_user(c, true) || need_completion_app(c) || read_inputs(c, &b) ||
	    body_text(c, S("query"), &b.query) || read_response_mode(c, &b) || check_active(c))
		return -1;
	b.parent_id = S(CHAT_PARENT_TIME);
	struct chat_request q = request_of(c, &b);
	if (!q.query.at)
		q.query = S("");
	return turn_and_reply(c, &q, b.streaming);
}

status run_more_like_this(struct call *c, const struct message *m, bool streaming)
{
	if (!json_get_bool(json_get(c->app->model_config, S("more_like_this")), S("enabled"),
			   false))
		return err_public(
			ERR_DENIED, "app_more_like_this_disabled", 403,
			"The 'More like this' feature is disabled. Please refresh your page.");
	struct run_body b = {
		.inputs = m->inputs, .query = m->query, .parent_id = S(CHAT_PARENT_TIME)};
	struct chat_request q = request_of(c, &b);
	return check_active(c) ? -1 : turn_and_reply(c, &q, streaming);
}

/* The run of a workflow app: checked inputs and files, then flow has it. */
static status start_workflow(struct call *c, const struct workflow *wf, struct flow_graph *graph,
			     const struct run_body *b, struct flow_start *start)
{
	struct json *inputs, *files = NULL, *extra = json_obj(c->mem);
	struct file_rules rules;
	if (flow_check_inputs(c->s->flow, c->mem, c->app->tenant_id, flow_graph_variables(graph),
			      b->inputs, &inputs))
		return -1;
	if (chat_check_mappings(b->files))
		return -1;
	if (json_len(b->files) && chat_file_rules(wf->features, &rules) &&
	    files_from_input(c->s->flow, c->mem, c->app->tenant_id, b->files, &rules, &files))
		return -1;
	json_set_str(c->mem, extra, S("from"), call_from(c));
	json_set_str(c->mem, extra, S("version"), wf->version);
	struct str user = c->end_user->session_id, run_id = id_uuid7(c->mem);
	struct chat_system sys = {.user = user,
				  .app_id = c->app->id,
				  .workflow_id = wf->id,
				  .run_id = run_id,
				  .files = files};
	*start = (struct flow_start){
		.info = {.run_id = run_id,
			 .task_id = id_uuid7(c->mem),
			 .tenant_id = c->app->tenant_id,
			 .app_id = c->app->id,
			 .workflow_id = wf->id,
			 .app_mode = c->app->mode,
			 .from = S("app-run"),
			 .created_by = c->end_user->id,
			 .user = user,
			 .extra = extra,
			 .created_ms = clock_ms()},
		.graph = graph,
		.inputs = inputs,
		.system = chat_system_json(c->mem, &sys),
		.environment = wf->environment_variables,
		.queued = b->queued,
	};
	struct str started;
	return flow_run_start(c->s->flow, c->mem, start, &started);
}

status run_workflow(struct call *c, struct str workflow_id)
{
	struct run_body b = {0};
	struct workflow *wf;
	struct flow_graph *graph;
	struct flow_start start;
	if (need_body_user(c, true) || need_workflow_app(c) || read_inputs(c, &b) ||
	    read_workflow_mode(c, &b) || load_workflow(c, workflow_id, &wf, &graph) ||
	    (b.queued ? limit_waiting(c->s, c->app) : check_active(c)) ||
	    start_workflow(c, wf, graph, &b, &start))
		return -1;
	if (b.queued)
		return reply_accepted(c, &start.info, S("scheduled"));
	struct stream_run run = stream_of_run(&start.info, call_form(c));
	run.speech = chat_speech(wf->features);
	int64_t wait = preferred_wait(c);
	if (wait >= 0 && !b.streaming && !from_site(c))
		return reply_within(c, &start.info, &run, wait);
	return stream_reply(c, &run, b.streaming || from_site(c));
}

/* --- stops: succeed for unknown tasks too --- */

status run_stop_chat(struct call *c)
{
	if (need_body_user(c, true) || need_chat_app(c) ||
	    flow_stop(c->s->flow, c->app->id, c->param[0], c->end_user->session_id))
		return -1;
	return reply_ok(c);
}

status run_stop_completion(struct call *c)
{
	if (need_body_user(c, true) || need_completion_app(c) ||
	    flow_stop(c->s->flow, c->app->id, c->param[0], c->end_user->session_id))
		return -1;
	return reply_ok(c);
}

status run_stop_workflow(struct call *c)
{
	/* A key stops any run of its app; a visitor of the page only the own ones. */
	if (need_body_user(c, true) || need_workflow_app(c) ||
	    flow_stop(c->s->flow, c->app->id, c->param[0],
		      from_site(c) ? c->end_user->session_id : (struct str){0}))
		return -1;
	return reply_ok(c);
}
