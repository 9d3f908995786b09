/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the inner graph again and again until a condition holds, a loop-end node is reached or the
 * count is used up (workflow.md 5.2). Rounds share the variables around the loop: each round works
 * on a snapshot, and what it wrote goes back when it ends, so that its memory can go.
 */
#include "base/arena.h"
#include "base/err.h"
#include "flow/condition.h"
#include "flow/run.h"

struct loop {
	struct node_run *run;
	int64_t count;
	uint32_t root;
	const struct json *variables;
	struct json *outputs, *durations, *values; /* values: {"0": {label: value}} */
	struct pass_total total;
	struct str reason; /* empty: goes on */
	bool last;	   /* what inner nodes gave out in this round stays */
	bool next;	   /* neither broken nor ended: clients hear of a next round, also of one too many */
	bool failed;
};

static int64_t count_of(const struct json *data)
{
	const struct json *v = json_get(data, S("loop_count"));
	int64_t n = json_as_int(v, -1);
	if (json_is(v, JSON_STR) && str_to_i64(str_trim(json_as_str(v, S(""))), &n))
		n = -1;
	return n;
}

status node_loop_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (count_of(n->data) < 0)
		return err_set(ERR_INVALID, "loop_count: must be a number");
	json_each(json_get(n->data, S("break_conditions")), c)
		if (condition_check(c))
			return err_set(err_code(), "break_conditions: %.*s", STR(err_text()));
	json_each(json_get(n->data, S("loop_variables")), v) {
		if (!json_get_str(v, S("label")).len)
			return err_set(ERR_INVALID, "loop_variables: a variable has no label");
		if (var_type_parse(json_get_str(v, S("var_type"))) == VAR_INFER)
			return err_set(ERR_INVALID, "loop_variables: %.*s: unknown type '%.*s'",
				       STR(json_get_str(v, S("label"))), STR(json_get_str(v, S("var_type"))));
	}
	return 0;
}

/* --- loop variables --- */

static bool fits(enum var_type declared, const struct json *v)
{
	enum var_type t = var_infer(v);
	switch (declared) {
	case VAR_NUMBER:
		return t == VAR_INTEGER || t == VAR_FLOAT;
	case VAR_STRING:
	case VAR_BOOLEAN:
	case VAR_OBJECT:
		return t == declared;
	default:
		return !var_is_array(declared) || v->type == JSON_ARR;
	}
}

static status bad_value(struct loop *l, const struct json *row)
{
	return node_fail(l->run, "", "Invalid value for loop variable %.*s",
			 STR(json_get_str(row, S("label"))));
}

/* A text may stand for a value of another type: "1", "[1, 2]", "{}". */
static status constant(struct loop *l, const struct json *row, enum var_type type, const struct json **out)
{
	const struct json *v = json_get(row, S("value"));
	struct json *parsed;
	if (var_is_array(type) && (!v || v->type == JSON_NULL || (v->type == JSON_STR && !v->len))) {
		*out = json_arr(l->run->mem);
		return 0;
	}
	if (json_is(v, JSON_STR) && !fits(type, v)) {
		if (json_parse(l->run->mem, json_as_str(v, S("")), &parsed))
			return bad_value(l, row);
		v = parsed;
	}
	if (!v || !fits(type, v))
		return bad_value(l, row);
	*out = v;
	return 0;
}

/* *out is what the variable begins with. After a crash that is what it had begun with. */
static status first_value(struct loop *l, const struct json *row, struct var *out)
{
	const struct json *past = json_get(pass_past_inputs(l->run), json_get_str(row, S("label")));
	const struct json *value = NULL;
	out->type = var_type_parse(json_get_str(row, S("var_type")));
	if (past) {
		out->value = *past;
		return 0;
	}
	if (str_eq(json_get_str(row, S("value_type")), S("variable"))) {
		if (!pool_get_json(l->run->pool, json_get(row, S("value")), out))
			return bad_value(l, row);
		return 0;
	}
	if (constant(l, row, out->type, &value))
		return -1;
	out->value = *value;
	return 0;
}

static status set_variables(struct loop *l)
{
	struct node_run *run = l->run;
	struct json *count = json_int(run->mem, l->count);
	node_input(run, S("loop_count"), count);
	json_each(l->variables, row) {
		struct str label = json_get_str(row, S("label"));
		struct var v;
		if (first_value(l, row, &v))
			return -1;
		pool_set(run->pool, run->node->id, label, &v.value, v.type);
		node_input(run, label, &v.value);
	}
	return 0;
}

/* --- rounds --- */

static bool of_loop(struct loop *l, struct str id)
{
	const struct graph_node *n = graph_find(l->run->engine->graph, id);
	return n && pass_inside(l->run->engine->graph, l->run->node, n);
}

/* Inner values are forgotten at the next round: only the last ones need to come out. */
static bool wants(void *ctx, struct str node)
{
	struct loop *l = ctx;
	return l->last || !of_loop(l, node);
}

static void forget_inner(struct loop *l, struct pool *pool)
{
	const struct flow_graph *g = l->run->engine->graph;
	for (size_t i = 0; i < g->node_count; i++)
		if (pass_inside(g, l->run->node, &g->nodes[i]))
			pool_remove_node(pool, g->nodes[i].id);
}

/* The loop's variables after a round: its outputs so far, and a line of the metadata. */
static void note_round(struct loop *l, const struct engine *sub, int64_t round, int64_t started)
{
	struct arena *mem = l->run->mem;
	struct str index = arena_printf(mem, "%lld", (long long)round);
	struct json *values = json_obj(mem);
	json_each(l->variables, row) {
		struct str label = json_get_str(row, S("label"));
		const struct var *v = pool_find(sub->pool, l->run->node->id, label);
		json_set(mem, values, label, v ? json_copy(mem, &v->value) : NULL);
	}
	json_set(mem, l->values, index, values);
	double s = (double)(rt_now() - started) / 1e9 + (double)past_worked_ms(sub) / 1e3;
	json_set_float(mem, l->durations, index, s);
	l->outputs = json_obj(mem);
	json_each_member(values, m) json_set(mem, l->outputs, m->name, &m->value);
	json_set_int(mem, l->outputs, S("loop_round"), round + 1);
}

static void fail_with(struct loop *l, struct str text, const struct engine *sub)
{
	struct node_result *r = l->run->result;
	l->failed = l->last = true;
	l->reason = S("error");
	r->error = arena_str(l->run->mem, text);
	r->error_type = S("");
	if (sub) {
		r->error_slug = arena_str(l->run->mem, sub->error_slug);
		r->error_http = sub->error_http;
	}
}

static bool condition_holds(struct loop *l, const struct pool *pool, bool *failed)
{
	const struct json *list = json_get(l->run->data, S("break_conditions"));
	bool all = !str_eq_nocase(json_get_str(l->run->data, S("logical_operator")), S("or")), holds = false;
	*failed = false;
	if (!json_len(list))
		return false;
	struct condition_trace trace = { json_arr(l->run->mem), json_arr(l->run->mem) };
	*failed = condition_list(l->run->mem, pool, list, all, &holds, &trace) != 0;
	return !*failed && holds;
}

/* After a round: does the loop end, and why? */
static void decide(struct loop *l, const struct engine *sub, int64_t round)
{
	bool failed = false;
	l->next = false;
	if (sub->loop_ends)
		l->reason = S("loop_completed");
	else if (condition_holds(l, sub->pool, &failed))
		l->reason = S("loop_break");
	else
		l->next = !failed;
	if (l->next && round + 1 == l->count)
		l->reason = S("loop_completed");
	if (failed)
		fail_with(l, err_text(), NULL);
	l->last = l->reason.len != 0;
}

static void merge(struct loop *l, const struct engine *sub)
{
	struct arena *mem = l->run->mem;
	if (!json_len(sub->outputs))
		return;
	if (!l->run->result->merge)
		l->run->result->merge = json_obj(mem);
	engine_merge_outputs(mem, l->run->result->merge, json_copy(mem, sub->outputs));
}

static status one_round(struct loop *l, int64_t round)
{
	AUTO(arena) mem = { arena_open(0) };
	struct node_run *run = l->run;
	struct pool pool;
	struct engine sub;
	int64_t started = rt_now();
	pool_snapshot(&pool, mem.p, run->pool);
	forget_inner(l, &pool);
	struct pass pass = { .mem = mem.p, .pool = &pool, .root = l->root, .round = round };
	status st = pass_run(run, &sub, &pass);
	/* Not on the stack: with the engine a frame would become too large. */
	struct err *why = st ? arena_new(mem.p, struct err) : NULL;
	if (st)
		err_save(why);
	engine_close(&sub);
	if (st)
		return err_restore(why);
	pass_add(run, &l->total, &sub);
	merge(l, &sub);
	if (sub.error.len) {
		fail_with(l, sub.error, &sub);
	} else {
		note_round(l, &sub, round, started);
		decide(l, &sub, round);
	}
	pool_write_back(run->pool, &pool, false, wants, l);
	return 0;
}

static status run_rounds(struct loop *l)
{
	bool failed;
	/* A condition that cannot be judged yet is none here. */
	l->reason = condition_holds(l, l->run->pool, &failed) ? S("loop_break") : S("");
	if (l->reason.len)
		l->count = 0;
	for (int64_t i = 0; i < l->count && !l->reason.len; i++) {
		if (i >= l->run->flow->rounds_max) {
			fail_with(l, arena_printf(l->run->mem,
						  "loop %.*s: stopped after %lld rounds, as many as LOOP_NODE_MAX_COUNT allows",
						  STR(l->run->node->id), (long long)i), NULL);
			return 0;
		}
		if (one_round(l, i) || pass_breathe(l->run))
			return -1;
		if (l->next)
			pass_next(l->run, i + 1);
	}
	if (!l->reason.len)
		l->reason = S("loop_completed");
	return 0;
}

/* For recovery: everything around the loop that is not as it was before it. */
static void note_writes(struct loop *l)
{
	struct node_run *run = l->run;
	const struct flow_graph *g = run->engine->graph;
	struct write_list *all = &l->total.written;
	json_each(l->variables, row)
		engine_note_write(run->mem, all,
				  (struct written){ run->node->id, json_get_str(row, S("label")) });
	for (size_t i = 0; i < g->node_count; i++)
		if (pass_inside(g, run->node, &g->nodes[i]))
			json_each_member(pool_node_json(run->pool, run->mem, g->nodes[i].id), m)
				engine_note_write(run->mem, all, (struct written){ g->nodes[i].id, m->name });
	for (size_t i = 0; i < all->len; i++)
		pass_note_value(run, all->at[i].node, all->at[i].name);
}

status node_loop_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct loop l = { .run = run, .count = count_of(run->data), .outputs = json_obj(mem),
			  .durations = json_obj(mem), .values = json_obj(mem),
			  .variables = json_get(run->data, S("loop_variables")) };
	if (pass_root(run, &l.root) || set_variables(&l))
		return -1;
	pass_started(run, l.count);
	if (run_rounds(&l))
		return -1;
	if (!l.failed)
		run->result->outputs = l.outputs;
	run->result->steps = l.count;
	pass_set_result(run, &l.total);
	json_set_str(mem, run->result->metadata, S("completed_reason"), l.reason);
	json_set(mem, run->result->metadata, S("loop_duration_map"), l.durations);
	json_set(mem, run->result->metadata, S("loop_variable_map"), l.values);
	note_writes(&l);
	return l.failed ? err_set(ERR_INVALID, "%.*s", STR(run->result->error)) : 0;
}
