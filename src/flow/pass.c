/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass: what iteration and loop have in common: running their inner graph once (an element, a
 * round), announcing it, and adding up what it used and wrote. Runs in the container's fiber or in
 * fibers below it. Must not know what the passes are for.
 */
#include "base/err.h"
#include "flow/run.h"

enum { BREATH_MS = 4, LOOKUP_DEPTH_MAX = 100 };

/* --- where to begin --- */

static const struct graph_node *marked_start(const struct node_run *nr)
{
	bool iteration = node_type_is_iteration(nr->node);
	const struct flow_graph *g = nr->engine->graph;
	for (size_t i = 0; i < g->node_count; i++) {
		const struct graph_node *n = &g->nodes[i];
		if (str_eq(iteration ? n->iteration_id : n->loop_id, nr->node->id) &&
		    json_get_bool(n->data, iteration ? S("isIterationStart") : S("isLoopStart"), false))
			return n;
	}
	return NULL;
}

status pass_root(struct node_run *nr, uint32_t *root)
{
	const char *kind = node_type_is_iteration(nr->node) ? "iteration" : "loop";
	struct str id = json_get_str(nr->data, S("start_node_id"));
	const struct graph_node *n = id.len ? graph_find(nr->engine->graph, id) : marked_start(nr);
	if (!id.len && !n)
		return node_fail(nr, "", "field start_node_id in %s %.*s not found", kind, STR(nr->node->id));
	if (!n)
		return node_fail(nr, "", "start_node_id in %s %.*s: there is no node %.*s", kind,
				 STR(nr->node->id), STR(id));
	if ((int64_t)nr->engine->depth >= nr->flow->depth_max)
		return node_fail(nr, "", "%s %.*s: containers may lie in each other at most %d deep", kind,
				 STR(nr->node->id), (int)nr->flow->depth_max);
	*root = n->index;
	return 0;
}

/* --- one pass --- */

static void enter(struct node_run *nr, struct engine *sub, const struct pass *p)
{
	struct engine *parent = nr->engine;
	engine_init(sub, parent->run, p->mem, p->pool, p->root);
	sub->parent = parent;
	sub->container = nr->node;
	sub->depth = parent->depth + 1;
	sub->round = p->round;
	sub->iteration_id = parent->iteration_id;
	sub->loop_id = parent->loop_id;
	if (node_type_is_iteration(nr->node))
		sub->iteration_id = nr->node->id;
	else
		sub->loop_id = nr->node->id;
	sub->held = p->held ? p->held : parent->held;
	sub->moot = p->moot ? p->moot : parent->moot;
	sub->scope = arena_printf(p->mem, "%.*s%s%u:%lld", STR(parent->scope), parent->scope.len ? "/" : "",
				  (unsigned)nr->node->index, (long long)p->round);
	sub->past = past_scope(parent->run, sub->scope);
	/* Clients have seen some of it: what comes now is no block any more. */
	if (p->held && sub->past && !past_reshow(sub))
		p->held->through = true;
}

status pass_run(struct node_run *nr, struct engine *sub, const struct pass *p)
{
	struct flow_run *run = nr->engine->run;
	int64_t starts = run->starts;
	enter(nr, sub, p);
	if (sub->past && past_replay(sub))
		return -1;
	if (engine_loop(sub))
		return -1;
	forms_moot_below(sub);
	/* A pass over nothing costs a step, or a loop of such passes would never reach a limit. */
	if (run->starts == starts && !sub->past)
		run->starts++;
	engine_check_limits(sub);
	if (run->stop || run->aborted.len)
		return err_set(ERR_CANCELLED, "the run ends");
	return 0;
}

status pass_breathe(struct node_run *nr)
{
	struct flow_run *run = nr->engine->run;
	if (journal_breathe(run))
		return -1;
	if (rt_now() - run->breath_ns > BREATH_MS * 1000000) {
		if (fiber_yield())
			return -1;
		run->breath_ns = rt_now();
	}
	if (run->stop || run->aborted.len)
		return err_set(ERR_CANCELLED, "the run ends");
	return 0;
}

/* --- what clients hear of it --- */

void pass_started(struct node_run *nr, int64_t length)
{
	struct execution *x = nr->execution;
	x->announced = true;
	if (!x->past || !x->past->inputs || past_reshow(nr->engine))
		event_container_started(x, length);
}

void pass_next(struct node_run *nr, int64_t index)
{
	const struct past_node *past = nr->execution->past;
	if (!past || past->next < index || past_reshow(nr->engine))
		event_container_next(nr->execution, index);
}

const struct json *pass_past_inputs(const struct node_run *nr)
{
	return nr->execution->past ? nr->execution->past->inputs : NULL;
}

/* --- sums --- */

void pass_add(struct node_run *nr, struct pass_total *t, const struct engine *sub)
{
	struct node_result one = { .tokens = sub->sums.tokens, .resources = sub->sums.resources,
				   .usage = sub->sums.has_usage ? &sub->sums.usage : NULL };
	engine_add_result(nr->mem, &t->sums, &one);
	for (size_t i = 0; i < sub->written.len; i++)
		engine_note_write(nr->mem, &t->written, sub->written.at[i]);
}

void pass_set_result(struct node_run *nr, const struct pass_total *t)
{
	struct arena *mem = nr->mem;
	struct node_result *r = nr->result;
	const struct model_usage *u = t->sums.has_usage ? &t->sums.usage : NULL;
	struct json *m = json_obj(mem);
	r->tokens = t->sums.tokens;
	if (u) {
		struct model_usage *sum = arena_new(mem, struct model_usage);
		*sum = *u;
		r->usage = sum;
	}
	r->resources = t->sums.resources;
	json_set_int(mem, m, S("total_tokens"), t->sums.tokens);
	json_set_str(mem, m, S("total_price"), u && u->total_price.len ? u->total_price : S("0.0"));
	json_set_str(mem, m, S("currency"), u && u->currency.len ? u->currency : S("USD"));
	r->metadata = m;
}

void pass_note_value(struct node_run *nr, struct str node, struct str name)
{
	const struct var *v = pool_find(nr->pool, node, name);
	struct json *w = json_arr(nr->mem);
	if (!v)
		return;
	if (!nr->result->writes)
		nr->result->writes = json_arr(nr->mem);
	json_push_str(nr->mem, w, node);
	json_push_str(nr->mem, w, name);
	json_push(nr->mem, w, &v->value);
	json_push_str(nr->mem, w, var_type_name(v->type));
	json_push(nr->mem, nr->result->writes, w);
}

bool pass_inside(const struct flow_graph *g, const struct graph_node *container, const struct graph_node *n)
{
	for (int depth = 0; n && depth <= LOOKUP_DEPTH_MAX; depth++) {
		struct str around = n->loop_id.len ? n->loop_id : n->iteration_id;
		if (str_eq(n->loop_id, container->id) || str_eq(n->iteration_id, container->id))
			return true;
		n = around.len ? graph_find(g, around) : NULL;
	}
	return false;
}
