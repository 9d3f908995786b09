/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/replay.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/recover.h"
#include "flow/run.h"
#include "sql_flow.h"
#include "store/db/db.h"

/* One recorded end of a node: data of its event, and what only the journal says. */
struct answer {
	struct str data, more;
};

struct replay {
	struct flow_replay plan;
	struct map answers; /* "<scope>|<node>" -> struct answer */
	bool *fresh;	    /* by node: asked anew */
};

/* --- the plan --- */

struct json *replay_plan_json(struct arena *mem, const struct replay *r)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("run"), r->plan.run_id);
	json_set_str(mem, o, S("from"), r->plan.from);
	json_set_str(mem, o, S("model"), r->plan.model);
	json_set_str(mem, o, S("provider"), r->plan.provider);
	json_set_bool(mem, o, S("live"), r->plan.live);
	return o;
}

status replay_read_plan(struct flow_run *run, const struct json *o)
{
	if (!o)
		return 0;
	struct replay *r = run->replay = arena_new(run->mem, struct replay);
	r->plan = (struct flow_replay){
		.run_id = arena_str(run->mem, json_get_str(o, S("run"))),
		.from = arena_str(run->mem, json_get_str(o, S("from"))),
		.model = arena_str(run->mem, json_get_str(o, S("model"))),
		.provider = arena_str(run->mem, json_get_str(o, S("provider"))),
		.live = json_get_bool(o, S("live"), false),
	};
	return 0;
}

/* --- which nodes are asked anew --- */

static void mark_after(const struct flow_graph *g, bool *fresh, const struct graph_node *first)
{
	bool more = true;
	fresh[first->index] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < g->edge_count; i++) {
			const struct graph_edge *e = &g->edges[i];
			if (fresh[e->source] && !fresh[e->target])
				more = fresh[e->target] = true;
		}
	}
}

/* In a container everything may come after everything: the next round begins at its start. */
static void mark_inside(const struct flow_graph *g, bool *fresh)
{
	for (size_t c = 0; c < g->node_count; c++) {
		const struct graph_node *box = &g->nodes[c];
		if (!box->row || box->row->kind != NODE_CONTAINER || !fresh[c])
			continue;
		for (size_t i = 0; i < g->node_count; i++)
			if (!fresh[i] && pass_inside(g, box, &g->nodes[i]))
				fresh[i] = true;
	}
}

static status mark_fresh(struct flow_run *run)
{
	struct replay *r = run->replay;
	const struct flow_graph *g = run->graph;
	r->fresh = arena_array(run->mem, bool, g->node_count);
	if (!r->plan.from.len)
		return 0;
	const struct graph_node *from = graph_find(g, r->plan.from);
	if (!from)
		return err_set(ERR_INVALID, "The run has no node %.*s", STR(r->plan.from));
	mark_after(g, r->fresh, from);
	for (size_t c = 0; c < g->node_count; c++) {
		const struct graph_node *box = &g->nodes[c];
		if (box->row && box->row->kind == NODE_CONTAINER && pass_inside(g, box, from))
			mark_after(g, r->fresh, box);
	}
	mark_inside(g, r->fresh);
	return 0;
}

/* --- the recorded answers --- */

static bool is_outside(const struct graph_node *n)
{
	return n && n->row && n->row->flags & NODE_OUTSIDE;
}

static struct str key_of(struct arena *mem, struct str scope, struct str node)
{
	return arena_printf(mem, "%.*s|%.*s", STR(scope), STR(node));
}

static status take_event(struct flow_run *run, struct arena *tmp, const struct run_event *from)
{
	struct run_event e = *from;
	struct json *d;
	if (e.type == FLOW_RECORD && journal_open_record(tmp, from, &e))
		return -1;
	if (e.type != FLOW_NODE_FINISHED)
		return 0;
	if (json_parse(tmp, e.data, &d))
		return -1;
	struct str node = json_get_str(d, S("node_id"));
	if (!is_outside(graph_find(run->graph, node)))
		return 0;
	struct answer *a = arena_new(run->mem, struct answer);
	*a = (struct answer){ arena_str(run->mem, e.data), arena_str(run->mem, e.replay) };
	map_set(&run->replay->answers, key_of(run->mem, from->scope, node), a);
	return 0;
}

status replay_load(struct flow_run *run)
{
	struct replay *r = run->replay;
	r->answers = map_make(run->mem);
	if (mark_fresh(run))
		return -1;
	int64_t after = 0;
	for (;;) {
		AUTO(arena) tmp = { arena_open(0) };
		struct stored_event *events;
		size_t n;
		if (journal_read(run->flow, tmp.p, r->plan.run_id, after, &events, &n))
			return -1;
		if (!n)
			break;
		for (size_t i = 0; i < n; i++)
			if (take_event(run, tmp.p, &events[i].event))
				return -1;
		after = events[n - 1].seq;
	}
	if (!after)
		return err_set(ERR_NOT_FOUND, "The journal of run %.*s is gone: it is kept for "
					      "TATARA_RUN_RETENTION_DAYS", STR(r->plan.run_id));
	return 0;
}

/* --- answering --- */

/* What the strategy had put in place of the answer tells how the node had failed. */
static status fail_again(struct execution *x, const struct json *d, const struct json *more)
{
	struct node_result *r = &x->result;
	const struct json *outputs = json_get(d, S("outputs"));
	struct str text = json_get_str(more, S("error"));
	r->error_type = json_get_str(outputs, S("error_type"));
	r->error = text.len ? text : json_get_str(outputs, S("error_message"));
	if (!r->error.len)
		r->error = json_get_str(d, S("error"));
	return err_set(ERR_UPSTREAM, "%.*s", STR(r->error));
}

static status give_again(struct execution *x, const struct answer *a)
{
	struct arena *mem = x->mem;
	struct node_result *r = &x->result;
	struct json *d, *more = NULL;
	if (json_parse(mem, a->data, &d) || (a->more.len && json_parse(mem, a->more, &more)))
		return -1;
	const struct json *state = json_get(d, S("status"));
	r->inputs = json_get(d, S("inputs"));
	r->process = json_get(d, S("process_data"));
	if (!str_eq(json_as_str(state, S("")), S("succeeded")))
		return fail_again(x, d, more);
	r->outputs = json_get(d, S("outputs"));
	r->handle = json_get_str(more, S("handle"));
	r->tokens = json_get_int(more, S("tokens"), 0);
	r->usage = past_usage(mem, json_get(more, S("usage")));
	r->resources = json_get(more, S("resources"));
	r->writes = json_get(more, S("writes"));
	struct str text = json_get_str(r->outputs, S("text"));
	struct str thoughts = json_get_str(r->outputs, S("reasoning_content"));
	if (thoughts.len) {
		node_reasoning(&x->run, thoughts, false);
		node_reasoning(&x->run, S(""), true);
	}
	if (x->node->row->flags & NODE_STREAM) {
		node_emit(&x->run, S("text"), text, false);
		node_emit(&x->run, S("text"), S(""), true);
	}
	return 0;
}

/* The names under which node types keep their model: {provider, name} or {provider, model}. */
static bool set_model(struct arena *mem, struct json *data, struct str member, const struct flow_replay *p)
{
	const struct json *old = json_get(data, member);
	if (!json_is(old, JSON_OBJ))
		return false;
	struct json *m = json_copy(mem, old);
	json_set_str(mem, m, json_get(m, S("name")) ? S("name") : S("model"), p->model);
	if (p->provider.len)
		json_set_str(mem, m, S("provider"), p->provider);
	json_set(mem, data, member, m);
	return true;
}

/* Easy apps keep what they ask in the run, not in their graph, which they share. */
static void use_in_call(struct execution *x, const struct flow_replay *p)
{
	struct flow_run *run = x->engine->run;
	struct json *call = json_copy(run->mem, run->call ? run->call : x->node->data);
	json_set_str(run->mem, call, S("name"), p->model);
	if (p->provider.len)
		json_set_str(run->mem, call, S("provider"), p->provider);
	run->call = call;
}

/* false: this node asks no model. */
static bool use_model(struct execution *x, const struct flow_replay *p)
{
	if (str_eq(x->node->type, S("model-call"))) {
		use_in_call(x, p);
		return true;
	}
	struct json *data = json_copy(x->mem, x->node->data);
	struct json *agent = json_path(data, "agent_parameters.model");
	if (!set_model(x->mem, data, S("model"), p) && !(agent && set_model(x->mem, agent, S("value"), p)))
		return false;
	x->run.data = data;
	return true;
}

bool replay_answers(struct execution *x, status *st)
{
	struct replay *r = x->engine->run->replay;
	if (!is_outside(x->node))
		return false;
	if (r->plan.model.len && use_model(x, &r->plan))
		return false;
	if (r->fresh[x->node->index])
		return false;
	const struct answer *a = map_get(&r->answers, key_of(x->mem, x->engine->scope, x->node->id));
	if (!a && r->plan.live)
		return false;
	*st = a ? give_again(x, a) :
		  node_fail(&x->run, "ReplayError", "Run %.*s has no answer recorded for this node; start "
			    "from a node before it, or allow live calls", STR(r->plan.run_id));
	return true;
}

/* --- starting one --- */

static status load_source(struct flow_run *run, struct str tenant, struct str source)
{
	struct arena *mem = run->mem;
	struct db_rows *rows;
	struct json *graph;
	if (DB_READ(run->flow->options.db, mem, &sql_flow_replay_source, &rows, db_text(tenant), db_text(source)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Workflow run not found");
	run->info = (struct flow_info){
		.run_id = id_uuid7(mem), .task_id = id_uuid(mem), .tenant_id = db_str_at(rows, 0, 0),
		.app_id = db_str_at(rows, 0, 1), .workflow_id = db_str_at(rows, 0, 2),
		.app_mode = db_str_at(rows, 0, 3), .user = db_str_at(rows, 0, 4),
		.conversation_id = db_str_at(rows, 0, 5), .message_id = S(""),
	};
	if (json_parse(mem, db_str_at(rows, 0, 7), &run->inputs) ||
	    json_parse(mem, db_str_at(rows, 0, 9), &graph) ||
	    run_read_start(run, db_str_at(rows, 0, 8)))
		return -1;
	return flow_graph_load(run->flow, db_str_at(rows, 0, 6), graph, &run->graph);
}

status flow_run_replay(struct flow *f, struct arena *mem, const struct flow_info *who,
		       const struct flow_replay *plan, struct str *run_id)
{
	if (f->draining)
		return err_set(ERR_UNAVAILABLE, "The server is stopping");
	struct flow_run *run = run_new(f);
	struct replay r = { .plan = *plan };
	if (load_source(run, who->tenant_id, plan->run_id) ||
	    (who->app_id.len && !str_eq(who->app_id, run->info.app_id) &&
	     err_set(ERR_NOT_FOUND, "Workflow run not found")) ||
	    replay_read_plan(run, replay_plan_json(run->mem, &r)) || replay_load(run)) {
		run_unref(run);
		return -1;
	}
	run_set_caller(run, who);
	return run_start_stored(run, mem, run_id);
}
