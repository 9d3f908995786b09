/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: runs a graph (workflow.md section 3). One dispatcher fiber handles results in order;
 * node bodies run in fibers of their own unless their type never waits. Everything here runs on
 * one loop, so what happens between two waits is atomic with respect to other events.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/replay.h"
#include "flow/run.h"

/* --- text to clients --- */

static void emit_text(void *ctx, uint32_t node, const struct str *parts, size_t n, struct str text)
{
	struct engine *e = ctx;
	(void)node;
	if (e->past)
		past_text(e, parts, n, text);
	else
		event_chunk(e, parts, n, text);
}

void node_emit(struct node_run *nr, struct str name, struct str piece, bool last)
{
	struct engine *e = nr->engine;
	struct str parts[2] = { nr->node->id, name };
	if (!e->over && !e->run->stop)
		coordinator_chunk(&e->coordinator, parts, 2, piece, last);
}

void node_reasoning(struct node_run *nr, struct str piece, bool final)
{
	struct execution *x = nr->execution;
	if (nr->engine->over || nr->engine->run->stop)
		return;
	if (x->past && x->attempt == x->past->attempt)
		past_reasoning(x, piece, final);
	else
		event_reasoning(x, piece, final);
}

/* --- what nodes leave for followers and for recovery --- */

void node_log(struct node_run *nr, const struct json *entry)
{
	event_agent_log(nr->execution, entry);
}

void node_thought(struct node_run *nr, const struct json *row, const struct json *more)
{
	run_keep_thought(nr->engine->run, row, more);
	event_thought(nr->execution, row, more);
}

void node_message_file(struct node_run *nr, const struct json *file)
{
	event_message_file(nr->execution, file);
}

status node_checkpoint(struct node_run *nr, const struct json *state)
{
	event_checkpoint(nr->execution, state);
	return journal_secure(nr->engine);
}

/* --- life of an engine --- */

void engine_init(struct engine *e, struct flow_run *run, struct arena *mem, struct pool *pool,
		 uint32_t root)
{
	*e = (struct engine){ .run = run, .graph = run->graph, .mem = mem, .pool = pool };
	list_init(&e->finished);
	list_init(&e->waiting);
	list_init(&e->asking);
	schedule_init(&e->schedule, mem, e->graph, root);
	coordinator_init(&e->coordinator, mem, e->graph, root, &e->schedule, pool, emit_text, e);
	e->outputs = json_obj(mem);
}

static void free_execution(void *p)
{
	struct arena *mem = p;
	arena_close(mem);
}

/* From here on it moves, not when its fiber gets its turn: nobody must believe meanwhile that the
 * whole run waits for people. */
static void stir(struct engine *e)
{
	e->run->moving += e->asleep;
	e->asleep = false;
}

static void poke(struct engine *e)
{
	stir(e);
	e->poked = true;
	event_wake_all(&e->wake);
}

void engine_rest(struct flow_run *run)
{
	ASSERT(run->moving > 0);
	if (--run->moving == 0 && run->top)
		poke(run->top);
}

void engine_wake_asking(struct flow_run *run)
{
	list_each(&run->asking, l) poke(container_of(l, struct engine, asking));
}

/* The dispatcher that may commit sits at the top; it must hear of events below as well. */
static void poke_all(struct engine *e)
{
	for (; e; e = e->parent)
		poke(e);
}

void engine_close(struct engine *e)
{
	e->over = true;
	group_close(take(e->group));
	list_remove(&e->asking);
}

/* --- running one node --- */

static void take_error(struct execution *x)
{
	const struct err *last = err_last();
	struct node_result *r = &x->result;
	if (!r->error.len)
		r->error = arena_str(x->mem, err_text());
	if (!r->error_type.at)
		r->error_type = S("WorkflowNodeError");
	if (!r->error_slug.len)
		r->error_slug = arena_str(x->mem, err_slug(last));
	if (!r->error_http)
		r->error_http = err_http(last);
	x->failed = true;
}

static status run_body(struct execution *x)
{
	x->result = (struct node_result){ 0 };
	x->failed = false;
	x->run.attempt = x->attempt;
	if (!x->node->row)
		return node_fail(&x->run, "WorkflowNodeError",
				 "Node type %.*s cannot be run by this server yet", STR(x->node->type));
	status st;
	if (x->engine->run->replay && replay_answers(x, &st))
		return st;
	return x->node->row->exec(&x->run);
}

static bool may_retry(const struct execution *x)
{
	const struct graph_node *n = x->node;
	return n->row && n->row->flags & NODE_RETRY && n->retry.enabled && x->attempt < n->retry.max;
}

/* The body with its retries; other nodes go on while it waits between two. */
static void attempt_all(struct execution *x)
{
	struct flow_run *run = x->engine->run;
	while (run_body(x)) {
		take_error(x);
		if (err_code() == ERR_CANCELLED || !may_retry(x))
			return;
		x->attempt++;
		run->exceptions += !x->engine->parent;
		event_node_finished(x, FLOW_NODE_RETRY, S("retry"), x->result.error, x->attempt);
		poke_all(x->engine);
		if (fiber_sleep_ms(x->node->retry.interval_ms)) {
			take_error(x);
			return;
		}
		run->starts++;
		run->steps += !x->engine->parent;
	}
}

/* What must not run twice begins only when the journal says that it has begun. */
static status execution_main(void *p)
{
	struct execution *x = p;
	if (x->node->once && journal_secure(x->engine))
		take_error(x);
	else
		attempt_all(x);
	struct flow_run *run = x->engine->run;
	x->engine->executing--;
	list_push(&x->engine->finished, &x->link);
	poke(x->engine);
	engine_rest(run);
	return 0;
}

enum { EXECUTION_MEM = 2 << 10 };

static struct execution *execution_new(struct engine *e, const struct graph_node *n, bool own_mem)
{
	struct arena *mem = e->mem;
	if (own_mem) {
		mem = arena_open(EXECUTION_MEM);
		arena_defer(e->mem, free_execution, mem);
	}
	struct execution *x = arena_new(mem, struct execution);
	x->engine = e;
	x->node = n;
	x->mem = mem;
	x->own_mem = own_mem;
	x->started_ms = clock_ms();
	x->started_ns = rt_now();
	x->run = (struct node_run){ .mem = mem, .node = n, .data = n->data, .pool = e->pool,
				    .flow = e->run->flow, .info = &e->run->info, .inputs = e->run->inputs,
				    .result = &x->result, .engine = e, .execution = x };
	x->run.form = form_find(e->run, e->scope, n->id);
	return x;
}

static bool is_container(const struct graph_node *n)
{
	return n->row && n->row->kind == NODE_CONTAINER;
}

/* A node that had started before a crash keeps its id; its start was counted and shown. */
static void announce(struct execution *x)
{
	struct engine *e = x->engine;
	bool silent = x->node->row && x->node->row->flags & NODE_SILENT;
	struct past_node *old = x->past = past_take_node(e, x->node);
	if (old) {
		x->id = old->exec_id;
		x->attempt = old->attempt;
		x->started_ms = old->started_ms;
		x->worked_ms = old->worked_ms;
		x->form_told = old->form_told;
		x->run.checkpoints = old->checkpoints;
		return;
	}
	x->id = id_uuid(x->mem);
	if (silent)
		return;
	e->run->starts++;
	e->run->steps += !e->parent;
	if (!is_container(x->node))
		event_node_started(x);
}

/* --- handling a result (3.3, 3.4) --- */

static void on_edge(void *ctx, uint32_t edge)
{
	struct engine *e = ctx;
	coordinator_edge(&e->coordinator, edge);
}

void engine_merge_outputs(struct arena *mem, struct json *into, const struct json *outputs)
{
	json_each_member(outputs, m) {
		struct json *have = json_get(into, m->name);
		if (have && str_eq(m->name, S("answer")) && have->type == JSON_STR &&
		    m->value.type == JSON_STR) {
			struct str joined = arena_printf(mem, "%.*s%.*s", STR(json_as_str(have, S(""))),
							 STR(json_as_str(&m->value, S(""))));
			json_set_str(mem, into, m->name, joined);
		} else {
			json_set(mem, into, m->name, &m->value);
		}
	}
}

static struct str same_or_copy(struct arena *mem, struct str old, struct str now)
{
	return !now.len || str_eq(old, now) ? old : arena_str(mem, now);
}

/* Sums outlive the memory of what is added to them. */
static void add_usage(struct arena *mem, struct sums *s, const struct model_usage *from)
{
	struct model_usage u = *from, *sum = &s->usage;
	u.prompt_unit_price = same_or_copy(mem, sum->prompt_unit_price, from->prompt_unit_price);
	u.completion_unit_price = same_or_copy(mem, sum->completion_unit_price, from->completion_unit_price);
	u.price_unit = same_or_copy(mem, sum->price_unit, from->price_unit);
	u.currency = same_or_copy(mem, sum->currency, from->currency);
	u.prompt_price = same_or_copy(mem, sum->prompt_price, from->prompt_price);
	u.completion_price = same_or_copy(mem, sum->completion_price, from->completion_price);
	u.total_price = same_or_copy(mem, sum->total_price, from->total_price);
	model_usage_add(mem, sum, &u);
	s->has_usage = true;
}

void engine_add_result(struct arena *mem, struct sums *s, const struct node_result *r)
{
	s->tokens += r->tokens;
	if (r->usage)
		add_usage(mem, s, r->usage);
	json_each(r->resources, item) {
		if (!s->resources)
			s->resources = json_arr(mem);
		json_push(mem, s->resources, json_copy(mem, item));
	}
}

void engine_note_write(struct arena *mem, struct write_list *list, struct written w)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq(list->at[i].node, w.node) && str_eq(list->at[i].name, w.name))
			return;
	vec_push(mem, list, ((struct written){ arena_str(mem, w.node), arena_str(mem, w.name) }));
}

/* An empty list does not tell of what; a node that filters one says so in its data. */
static enum var_type output_type(const struct graph_node *n, const struct json *value)
{
	if (!json_is(value, JSON_ARR) || value->len || !str_eq(n->type, S("list-operator")))
		return VAR_INFER;
	return var_type_parse(json_get_str(n->data, S("var_type")));
}

status engine_apply(struct engine *e, const struct graph_node *n, struct node_result *r, bool exception)
{
	json_each_member(r->outputs, m) pool_set(e->pool, n->id, m->name, &m->value, output_type(n, &m->value));
	/* What is inside a container has counted when it happened, unless this is a replay. */
	for (struct engine *up = e; up && (!is_container(n) || e->replaying); up = up->parent)
		engine_add_result(up->mem, &up->sums, r);
	if (e->parent)
		json_each(r->writes, w)
			engine_note_write(e->mem, &e->written,
					  (struct written){ json_as_str(json_at(w, 0), S("")),
							    json_as_str(json_at(w, 1), S("")) });
	engine_merge_outputs(e->mem, e->outputs, r->merge);
	e->loop_ends |= n->row && n->row->flags & NODE_ENDS_LOOP;
	coordinator_done(&e->coordinator, n->index, !exception);
	/* Default values stand for what the node would have given: every way on is open. */
	if (n->kind == NODE_BRANCH && !(exception && n->strategy == STRATEGY_DEFAULT_VALUE)) {
		/* A plain node whose strategy made it a branch goes on along "source". */
		struct str handle = exception ? S("fail-branch") : r->handle;
		if (!handle.len && n->row && n->row->kind != NODE_BRANCH)
			handle = S("source");
		if (schedule_done(&e->schedule, n->index, true, handle, on_edge, e))
			return -1;
	} else if (schedule_done(&e->schedule, n->index, false, S(""), on_edge, e)) {
		return -1;
	}
	if (n->row && n->row->kind == NODE_RESPONSE)
		engine_merge_outputs(e->mem, e->outputs, r->outputs);
	return 0;
}

/* Start markers leave nothing in the journal: they run again. */
static status pass_markers(struct engine *e)
{
	while (e->schedule.head < e->schedule.ready.len) {
		const struct graph_node *n = &e->graph->nodes[e->schedule.ready.at[e->schedule.head]];
		struct node_result none = { 0 };
		if (!n->row || !(n->row->flags & NODE_SILENT))
			return 0;
		e->schedule.head++;
		if (engine_apply(e, n, &none, false))
			return -1;
	}
	return 0;
}

status engine_replay(struct engine *e, const struct graph_node *n, struct node_result *r, bool exception)
{
	if (pass_markers(e))
		return -1;
	if (!schedule_take(&e->schedule, n->index))
		return err_set(ERR_INTERNAL, "node %.*s finished before it could start", STR(n->id));
	return engine_apply(e, n, r, exception);
}

void engine_end_with(struct engine *e, const struct node_result *r)
{
	e->over = true;
	e->error = r->error.len ? r->error : S("Unknown error");
	e->error_type = r->error_type;
	e->error_slug = r->error_slug;
	e->error_http = r->error_http;
}

/* What came with the run (its conversation's variables) must be there before it is changed. The top
 * engine commits; engines below wait for it. */
static status wait_stored(struct engine *e)
{
	struct flow_run *run = e->run;
	if (!run->stored && !e->parent)
		return journal_commit(run, false);
	while (!run->stored && !run->lost)
		if (event_wait(&run->changed, deadline_current()))
			return -1;
	return run->lost ? err_set(ERR_CANCELLED, "the run is held elsewhere") : 0;
}

/* Conversation variables that the node changed become durable before it counts as finished. */
static status save_writes(struct execution *x)
{
	struct flow *f = x->run.flow;
	struct json *changed = json_obj(x->mem);
	json_each(x->result.writes, w)
		if (str_eq(json_as_str(json_at(w, 0), S("")), S("conversation")))
			json_set(x->mem, changed, json_as_str(json_at(w, 1), S("")), json_at(w, 2));
	if (!changed->len || !f->options.hooks.save_variables || is_container(x->node) ||
	    x->engine->run->replay)
		return 0; /* what a container changed was saved by the nodes in it */
	if (wait_stored(x->engine))
		return -1;
	return f->options.hooks.save_variables(f->options.hooks.ctx, x->mem, x->run.info, changed);
}

static void fail(struct execution *x)
{
	if (is_container(x->node))
		event_container_completed(x, S("failed"));
	else
		event_node_finished(x, FLOW_NODE_FINISHED, S("failed"), x->result.error, 0);
	engine_end_with(x->engine, &x->result);
}

static void on_success(struct execution *x)
{
	struct engine *e = x->engine;
	bool container = is_container(x->node);
	/* The end of a container is seen before the text that waited for it. */
	if (container)
		event_container_completed(x, S("succeeded"));
	if (engine_apply(e, x->node, &x->result, false)) {
		take_error(x);
		e->run->exceptions += !e->parent;
		if (container)
			engine_end_with(e, &x->result);
		else
			fail(x);
		return;
	}
	if (!container && !(x->node->row->flags & NODE_SILENT))
		event_node_finished(x, FLOW_NODE_FINISHED, S("succeeded"), S(""), 0);
}

void engine_use_strategy(const struct graph_node *n, struct node_result *r, struct arena *mem)
{
	bool defaults = n->strategy == STRATEGY_DEFAULT_VALUE;
	r->outputs = json_obj(mem);
	if (defaults)
		json_each_member(n->defaults, m) json_set(mem, r->outputs, m->name, &m->value);
	json_set_str(mem, r->outputs, S("error_message"), r->error);
	json_set_str(mem, r->outputs, S("error_type"), r->error_type);
	if (!r->metadata)
		r->metadata = json_obj(mem);
	json_set_str(mem, r->metadata, S("error_strategy"),
		     defaults ? S("default-value") : S("fail-branch"));
	r->handle = defaults ? S("") : S("fail-branch");
}

static void on_failure(struct execution *x)
{
	struct engine *e = x->engine;
	const struct graph_node *n = x->node;
	struct node_result *r = &x->result;
	bool container = is_container(n);
	e->run->exceptions += !e->parent;
	if (n->strategy == STRATEGY_NONE) {
		/* What a model was asked before the failure is paid. */
		for (struct engine *up = e; up && !container; up = up->parent)
			engine_add_result(up->mem, &up->sums, r);
		if (container)
			engine_merge_outputs(e->mem, e->outputs, r->merge);
		fail(x);
		return;
	}
	/* A container shows how far it came; the strategy's outputs are for the variables only. */
	if (container)
		event_container_completed(x, S("exception"));
	engine_use_strategy(n, r, x->mem);
	if (!container) {
		r->tokens = 0;
		r->usage = NULL;
	}
	if (engine_apply(e, n, r, true)) {
		take_error(x);
		engine_end_with(e, r);
	}
	if (!container)
		event_node_finished(x, FLOW_NODE_FINISHED, S("exception"), S("Unknown error"), 0);
}

/* Every engine of the run sees the text at its next turn. */
static void abort_run(struct engine *e, struct str why)
{
	e->run->aborted = why;
	poke_all(e);
}

void engine_check_limits(struct engine *e)
{
	struct flow_run *run = e->run;
	double elapsed = (double)(rt_now() - run->started_ns) / 1e9 + (double)run->elapsed_before_ms / 1e3;
	if (e->over || run->aborted.len)
		return;
	if (run->starts > run->flow->steps_max)
		abort_run(e, arena_printf(run->mem, "Aborted: Maximum execution steps exceeded: %lld > %lld",
					  (long long)run->starts, (long long)run->flow->steps_max));
	else if (elapsed > (double)run->flow->time_max_s)
		abort_run(e, arena_printf(run->mem, "Aborted: Maximum execution time exceeded: %.2fs > %llds",
					  elapsed, (long long)run->flow->time_max_s));
}

static status handle(struct execution *x)
{
	/* A body that was cut short because this process gives the run back has not failed. */
	if (fiber_cancelled())
		return err_set(ERR_CANCELLED, "the run is given back");
	if (!x->failed && x->result.form) {
		form_wait(x);
		return 0;
	}
	if (!x->failed && x->run.form)
		form_tell(x);
	if (!x->failed && x->result.writes && save_writes(x)) {
		if (err_code() == ERR_CANCELLED)
			return -1;
		take_error(x);
	}
	if (x->failed)
		on_failure(x);
	else
		on_success(x);
	if (!x->engine->parent)
		run_note_ended(x->engine->run, x->node, x->id, &x->result, x->engine->over);
	engine_check_limits(x->engine);
	poke_all(x->engine->parent);
	return 0;
}

/* --- the dispatcher --- */

static status start_node(struct engine *e, const struct graph_node *n)
{
	bool inline_node = !n->row || n->row->flags & NODE_INLINE;
	struct execution *x = execution_new(e, n, !inline_node);
	e->ran |= !(n->row && n->row->flags & NODE_SILENT);
	announce(x);
	if (inline_node) {
		attempt_all(x);
		return handle(x);
	}
	if (!e->group)
		e->group = group_open(DEADLINE_NONE);
	e->executing++;
	e->run->moving++;
	if (group_spawn(e->group, "flow-node", execution_main, x)) {
		e->executing--;
		e->run->moving--;
		take_error(x);
		return handle(x);
	}
	return 0;
}

static bool ended(const struct engine *e)
{
	return e->over || e->run->stop || e->run->aborted.len;
}

static status handle_finished(struct engine *e)
{
	struct list *l;
	while (!ended(e) && (l = list_pop(&e->finished)))
		if (handle(container_of(l, struct execution, link)))
			return -1;
	return 0;
}

/* Nodes whose forms are settled run again, now to their end. */
static status run_answered_nodes(struct engine *e)
{
	list_each(&e->waiting, l) {
		struct execution *x = container_of(l, struct execution, link);
		const struct flow_form *form = form_find(e->run, e->scope, x->node->id);
		if (e->over || !form || form->state == FORM_WAITING)
			continue;
		form_leave(x);
		x->run.form = form;
		attempt_all(x);
		if (handle(x))
			return -1;
	}
	return 0;
}

/* The iteration around has failed for all: whatever people answer, nobody will look at it. */
static status withdraw(struct engine *e)
{
	list_each(&e->waiting, l) {
		struct execution *x = container_of(l, struct execution, link);
		if (e->over)
			break;
		form_moot(x);
		form_leave(x);
		(void)node_fail(&x->run, "WorkflowNodeError",
				"Nobody needs to answer any more: another element of the iteration has failed");
		take_error(x);
		if (handle(x))
			return -1;
	}
	return 0;
}

static status handle_answers(struct engine *e)
{
	struct flow_run *run = e->run;
	if (!e->parent && run->answered) {
		run->answered = false;
		if (forms_reload(run))
			return -1;
		run->reloads++;
		engine_wake_asking(run);
	}
	if (e->moot && *e->moot)
		return withdraw(e);
	if (e->reloads == run->reloads)
		return 0;
	e->reloads = run->reloads;
	return run_answered_nodes(e);
}

/* Waits until something happens. The top engine writes the journal first when that is due. */
static status wait_for_work(struct engine *e)
{
	struct flow_run *run = e->run;
	int64_t left = run->flow->time_max_s * 1000 - run->elapsed_before_ms;
	deadline until = run->started_ns + left * 1000000 + 1000000;
	if (!e->parent && journal_due(run, &until))
		return journal_commit(run, false);
	buf_free(&run->scratch); /* a model may take minutes */
	buf_free(&run->more);
	if (e->parent) {
		e->asleep = true;
		engine_rest(run);
	}
	status st = event_wait(&e->wake, until);
	stir(e);
	if (st) {
		if (err_code() != ERR_TIMEOUT || deadline_current() <= rt_now())
			return -1;
		err_clear();
		engine_check_limits(e);
	}
	return 0;
}

/* At the top: nothing runs any more, or all that is left waits for people, at whatever depth. */
static bool all_rests(const struct engine *e)
{
	const struct flow_run *run = e->run;
	return !run->moving && (!e->executing || !list_empty(&run->asking));
}

status engine_loop(struct engine *e)
{
	uint32_t node;
	while (!ended(e)) {
		e->poked = false;
		if (handle_finished(e) || handle_answers(e))
			return -1;
		if (ended(e))
			break;
		if (schedule_next(&e->schedule, &node)) {
			if (start_node(e, &e->graph->nodes[node]))
				return -1;
			continue;
		}
		if (e->poked || !list_empty(&e->finished))
			continue;
		if (e->parent ? !e->executing && list_empty(&e->waiting) : all_rests(e))
			break;
		if (wait_for_work(e))
			return -1;
	}
	if (!e->parent && e->run->aborted.len && !e->error.len)
		e->error = e->run->aborted;
	return 0;
}
