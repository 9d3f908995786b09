/* SPDX-License-Identifier: Apache-2.0 */
/*
 * past: going on with a run from its journal. Events are filed by scope: the run itself, each
 * element of an iteration, each round of a loop. An engine that opens in a scope with a past
 * replays it through the same pool, schedule and coordinator as the first time:
 *
 *   node finished      applied, never run again (containers too, with all that was in them)
 *   node only started  runs again, with its old id; a type that must not run twice ends the run
 *   text               what clients have is swallowed when it comes again; what differs replaces it
 *
 * What a parallel iteration had kept back lies in FLOW_RECORDs. If its element's block was shown,
 * they are of no use; if not, the replay gives the events out again, into the block.
 */
#include "flow/past_int.h"

#include "base/clock.h"
#include "base/err.h"

/* --- filing --- */

struct scope_past *past_scope_of(struct past *p, struct str path)
{
	struct scope_past *s = map_get(&p->scopes, path);
	if (!s) {
		s = arena_new(p->mem, struct scope_past);
		s->nodes = map_make(p->mem);
		map_set(&p->scopes, path, s);
	}
	return s;
}

struct scope_past *past_scope(const struct flow_run *run, struct str scope)
{
	return run->past ? map_get(&run->past->scopes, scope) : NULL;
}

static bool is_completed(const struct run_event *e)
{
	return e->type == FLOW_ITERATION_COMPLETED || e->type == FLOW_LOOP_COMPLETED;
}

/* Length of the path's next part from `from` on, without the round: "3:0/5:1", 4 -> up to "3:0/5". */
static size_t container_end(struct str path, size_t from)
{
	while (from < path.len && path.at[from] != ':')
		from++;
	return from;
}

static size_t part_end(struct str path, size_t from)
{
	while (from < path.len && path.at[from] != '/')
		from++;
	return from;
}

static struct str container_key(struct past *p, struct str scope, const struct graph_node *n)
{
	return arena_printf(p->mem, "%.*s%s%u", STR(scope), scope.len ? "/" : "", (unsigned)n->index);
}

struct str past_acting_scope(const struct past *p, struct str path, bool *verbatim)
{
	*verbatim = false;
	for (size_t from = 0; from < path.len;) {
		size_t end = container_end(path, from);
		if (map_has(&p->ended, str_sub(path, 0, end))) {
			*verbatim = true;
			return str_sub(path, 0, from ? from - 1 : 0);
		}
		from = part_end(path, end) + 1;
	}
	return path;
}

static void mark_shown(struct past *p, struct str path)
{
	for (size_t end = 0;; end++) {
		end = part_end(path, end);
		past_scope_of(p, str_sub(path, 0, end))->shown = true;
		if (end >= path.len)
			return;
	}
}

/* One event of the journal, opened: a record as what is in it. */
struct opened {
	struct run_event event;
	bool record, only;
};

static status open_event(struct flow_run *run, const struct run_event *e, struct opened *out)
{
	*out = (struct opened){ .event = *e };
	if (e->type != FLOW_RECORD)
		return 0;
	out->record = true;
	out->only = str_has(e->replay, S("only"));
	if (journal_open_record(run->mem, e, &out->event))
		return -1;
	out->event.scope = e->scope;
	return 0;
}

static status note_ended(struct past *p, struct flow_run *run, const struct opened *o)
{
	struct json *d;
	if (!is_completed(&o->event) && !o->only)
		return 0;
	if (json_parse(run->mem, o->event.data, &d))
		return -1;
	const struct graph_node *n = graph_find(run->graph, json_get_str(d, S("node_id")));
	if (!n)
		return err_set(ERR_INTERNAL, "journal names an unknown node");
	struct str key = container_key(p, o->event.scope, n);
	map_set(&p->ended, key, p);
	return 0;
}

/* --- loading --- */

static void file_event(struct past *p, const struct opened *o)
{
	struct past_event pe = { .event = o->event, .record = o->record && !o->only, .only = o->only };
	struct str path = past_acting_scope(p, o->event.scope, &pe.verbatim);
	/* Its own end is the acting scope's business, not that of the container. */
	vec_push(p->mem, &past_scope_of(p, path)->events, pe);
}

static void note_pause(struct past *p, const struct run_event *e)
{
	struct pause *last = p->pauses.len ? vec_last(&p->pauses) : NULL;
	if (e->type == FLOW_WORKFLOW_PAUSED)
		vec_push(p->mem, &p->pauses, ((struct pause){ e->time_ms, 0 }));
	else if (e->type == FLOW_WORKFLOW_STARTED && last && !last->to)
		last->to = e->time_ms;
}

/* Milliseconds from then to the moment of loading, without pauses. */
static int64_t worked_since(const struct past *p, int64_t from)
{
	int64_t ms = p->loaded_ms - from;
	for (size_t i = 0; i < p->pauses.len; i++) {
		const struct pause *pause = &p->pauses.at[i];
		if (pause->from >= from)
			ms -= (pause->to ? pause->to : p->loaded_ms) - pause->from;
	}
	return MAX(ms, 0);
}

int64_t past_worked_ms(const struct engine *e)
{
	const struct past *p = e->run->past;
	if (!e->past || !e->past->first_ms)
		return 0;
	int64_t since = worked_since(p, e->past->first_ms);
	return e->ran ? since : since - worked_since(p, e->past->last_ms);
}

/* The event counts for its scope and for those around it. */
static void note_time(struct past *p, struct str path, int64_t ms)
{
	for (size_t end = 0;; end++) {
		end = part_end(path, end);
		struct scope_past *s = past_scope_of(p, str_sub(path, 0, end));
		if (!s->first_ms || ms < s->first_ms)
			s->first_ms = ms;
		s->last_ms = MAX(s->last_ms, ms);
		if (end >= path.len)
			return;
	}
}

static void set_clock(struct past *p, struct flow_run *run)
{
	run->resumption = p->pauses.len && !vec_last(&p->pauses)->to;
	run->elapsed_before_ms = worked_since(p, run->info.created_ms);
}

static status find_interrupted(struct past *p, struct flow_run *run);

status past_load(struct flow_run *run, const struct stored_event *events, size_t n)
{
	struct past *p = arena_new(run->mem, struct past);
	struct opened *all = arena_array(run->mem, struct opened, n);
	p->mem = run->mem;
	p->loaded_ms = clock_ms();
	p->scopes = map_make(run->mem);
	p->ended = map_make(run->mem);
	(void)past_scope_of(p, S(""));
	for (size_t i = 0; i < n; i++)
		if (open_event(run, &events[i].event, &all[i]) || note_ended(p, run, &all[i]))
			return -1;
	for (size_t i = 0; i < n; i++) {
		if (!all[i].record)
			mark_shown(p, all[i].event.scope);
		if (!all[i].record && past_add_text(p, run, &all[i].event))
			return -1;
		note_pause(p, &all[i].event);
		note_time(p, all[i].event.scope, all[i].event.time_ms);
		file_event(p, &all[i]);
	}
	run->past = p;
	/* A run that was queued begins only now. */
	if (!n)
		return 0;
	run->base = run->last = run->committed = run->shown = events[n - 1].seq;
	set_clock(p, run);
	return find_interrupted(p, run);
}

/* --- replaying --- */

struct model_usage *past_usage(struct arena *mem, const struct json *u)
{
	if (!json_is(u, JSON_OBJ))
		return NULL;
	struct model_usage *out = arena_new(mem, struct model_usage);
	model_usage_read(u, out);
	return out;
}

/* What the node's own stream had said, so that the coordinator gives it out in its turn. */
static void replay_stream(struct engine *e, const struct graph_node *n, const struct json *text, bool exception)
{
	struct str parts[2] = { n->id, S("text") };
	if (n->row && n->row->flags & NODE_STREAM && json_is(text, JSON_STR) && !exception) {
		coordinator_chunk(&e->coordinator, parts, 2, json_as_str(text, S("")), false);
		coordinator_chunk(&e->coordinator, parts, 2, S(""), true);
	}
}

static void replay_writes(struct engine *e, const struct json *writes)
{
	json_each(writes, w)
		pool_set(e->pool, json_as_str(json_at(w, 0), S("")), json_as_str(json_at(w, 1), S("")),
			 json_at(w, 2), var_type_parse(json_as_str(json_at(w, 3), S(""))));
}

static struct past_node *started(struct engine *e, struct str id)
{
	struct past_node *n = map_get(&e->past->nodes, id);
	if (!n) {
		n = arena_new(e->mem, struct past_node);
		n->next = -1;
		map_set(&e->past->nodes, id, n);
		e->run->starts++;
		e->run->steps += !e->parent;
	}
	return n;
}

/* d: the event's data; more: what only the journal says. */
struct ending {
	const struct graph_node *node;
	const struct json *d, *more;
	bool container;
};

static struct node_result result_of(struct engine *e, const struct ending *end)
{
	return (struct node_result){
		.outputs = json_get(end->d, S("outputs")),
		.handle = json_get_str(end->more, S("handle")),
		.error = json_get_str(end->more, S("error")),
		.error_type = S(""),
		.tokens = json_get_int(end->more, S("tokens"), 0),
		.usage = past_usage(e->mem, json_get(end->more, S("usage"))),
		.resources = json_get(end->more, S("resources")),
		.writes = json_get(end->more, S("writes")),
		.merge = json_get(end->more, S("merge")),
	};
}

static status replay_end(struct engine *e, const struct ending *end)
{
	struct node_result r = result_of(e, end);
	struct str state = json_get_str(end->container ? end->more : end->d,
					end->container ? S("state") : S("status"));
	bool exception = str_eq(state, S("exception"));
	struct str id = json_get_str(end->container ? end->more : end->d, end->container ? S("x") : S("id"));
	(void)started(e, end->node->id);
	(void)map_remove(&e->past->nodes, end->node->id);
	if (str_eq(state, S("failed"))) {
		if (!r.error.len)
			r.error = json_get_str(end->d, S("error"));
		e->run->exceptions += !e->parent;
		engine_merge_outputs(e->mem, e->outputs, r.merge);
		engine_end_with(e, &r);
		if (!e->parent)
			run_note_ended(e->run, end->node, id, &r, true);
		return 0;
	}
	e->run->exceptions += exception && !e->parent;
	if (end->container && exception)
		engine_use_strategy(end->node, &r, e->mem);
	const struct json *streamed = json_get(end->more, S("streamed"));
	replay_stream(e, end->node, streamed ? streamed : json_get(r.outputs, S("text")), exception);
	replay_writes(e, r.writes);
	if (!e->parent)
		run_note_ended(e->run, end->node, id, &r, false);
	return engine_replay(e, end->node, &r, exception);
}

static status read_ending(struct engine *e, const struct run_event *ev, struct ending *out)
{
	struct json *d, *more = NULL;
	if (json_parse(e->mem, ev->data, &d) || (ev->replay.len && json_parse(e->mem, ev->replay, &more)))
		return -1;
	struct str id = json_get_str(d, S("node_id"));
	*out = (struct ending){ .node = graph_find(e->graph, id), .d = d, .more = more };
	if (!out->node)
		return err_set(ERR_INTERNAL, "journal names an unknown node %.*s", STR(id));
	out->container = out->node->row && out->node->row->kind == NODE_CONTAINER;
	return 0;
}

static status replay_start(struct engine *e, const struct run_event *ev)
{
	struct json *d, *more = NULL;
	if (json_parse(e->mem, ev->data, &d) || (ev->replay.len && json_parse(e->mem, ev->replay, &more)))
		return -1;
	struct past_node *n = started(e, json_get_str(d, S("node_id")));
	bool container = ev->type != FLOW_NODE_STARTED && ev->type != FLOW_NODE_RETRY;
	n->exec_id = json_get_str(container ? more : d, container ? S("x") : S("id"));
	n->started_ms = json_get_int(d, S("created_at"), 0) * 1000;
	if (ev->type != FLOW_NODE_RETRY)
		n->worked_ms = worked_since(e->run->past, ev->time_ms);
	if (container)
		n->inputs = json_get(d, S("inputs"));
	if (ev->type == FLOW_NODE_RETRY) {
		n->attempt = json_get_int(d, S("retry_index"), 0);
		buf_clear(&n->reasoning);
		e->run->starts++;
		e->run->steps += !e->parent;
		e->run->exceptions += !e->parent;
	}
	return 0;
}

static status replay_next(struct engine *e, const struct run_event *ev)
{
	struct json *d;
	if (json_parse(e->mem, ev->data, &d))
		return -1;
	struct past_node *n = started(e, json_get_str(d, S("node_id")));
	n->next = MAX(n->next, json_get_int(d, S("index"), -1));
	return 0;
}

bool past_reshow(const struct engine *e)
{
	return e->past && e->held && !e->past->shown;
}

/* What was kept back goes into the block again, except what a container that goes on says itself
 * and text, which the replay gives out. */
static void show_again(struct engine *e, const struct past_event *pe, bool ended)
{
	enum flow_event_type t = pe->event.type;
	bool of_container = t == FLOW_ITERATION_STARTED || t == FLOW_ITERATION_NEXT ||
			    t == FLOW_LOOP_STARTED || t == FLOW_LOOP_NEXT;
	if (!past_reshow(e) || pe->only || (!pe->verbatim && (t == FLOW_CHUNK || (of_container && !ended))))
		return;
	held_again(e->held, &pe->event);
}

static bool container_ended(struct engine *e, const struct run_event *ev)
{
	struct json *d;
	if (json_parse(e->mem, ev->data, &d))
		return false;
	const struct graph_node *n = graph_find(e->graph, json_get_str(d, S("node_id")));
	return n && map_has(&e->run->past->ended, container_key(e->run->past, e->scope, n));
}

static status replay_form_told(struct engine *e, const struct run_event *ev)
{
	struct json *d;
	if (json_parse(e->mem, ev->data, &d))
		return -1;
	struct past_node *n = map_get(&e->past->nodes, json_get_str(d, S("node_id")));
	if (n)
		n->form_told = true;
	return 0;
}

static status replay_checkpoint(struct engine *e, const struct run_event *ev)
{
	struct json *d, *state;
	if (json_parse(e->mem, ev->data, &d) || json_parse(e->mem, ev->replay, &state))
		return -1;
	struct past_node *n = map_get(&e->past->nodes, json_get_str(d, S("node_id")));
	if (n && !n->checkpoints)
		n->checkpoints = json_arr(e->mem);
	if (n)
		json_push(e->mem, n->checkpoints, state);
	return 0;
}

static status replay_thought(struct engine *e, const struct run_event *ev)
{
	struct json *row, *more = NULL;
	if (json_parse(e->mem, ev->data, &row) || (ev->replay.len && json_parse(e->mem, ev->replay, &more)))
		return -1;
	run_keep_thought(e->run, row, more);
	return 0;
}

static status replay_reasoning(struct engine *e, const struct run_event *ev)
{
	struct json *d;
	if (json_parse(e->mem, ev->data, &d))
		return -1;
	struct past_node *n = map_get(&e->past->nodes, json_get_str(d, S("node_id")));
	if (!n)
		return 0;
	if (!n->reasoning.mem)
		n->reasoning = buf_make(e->mem, 0);
	buf_put(&n->reasoning, json_get_str(d, S("reasoning")));
	n->reasoning_final = json_get_bool(d, S("is_final"), false);
	return 0;
}

static status replay_event(struct engine *e, const struct past_event *pe)
{
	struct ending end;
	const struct run_event *ev = &pe->event;
	switch (ev->type) {
	case FLOW_ITERATION_STARTED:
	case FLOW_LOOP_STARTED:
		show_again(e, pe, container_ended(e, ev));
		return replay_start(e, ev);
	case FLOW_NODE_STARTED:
	case FLOW_NODE_RETRY:
		show_again(e, pe, false);
		return replay_start(e, ev);
	case FLOW_FORM_FILLED:
	case FLOW_FORM_TIMEOUT:
		return replay_form_told(e, ev);
	case FLOW_CHECKPOINT:
		return replay_checkpoint(e, ev);
	case FLOW_REASONING:
		show_again(e, pe, false);
		return replay_reasoning(e, ev);
	case FLOW_AGENT_THOUGHT:
		return replay_thought(e, ev);
	case FLOW_ITERATION_NEXT:
	case FLOW_LOOP_NEXT:
		show_again(e, pe, container_ended(e, ev));
		return replay_next(e, ev);
	case FLOW_ITERATION_COMPLETED:
	case FLOW_LOOP_COMPLETED:
		show_again(e, pe, true);
		return read_ending(e, ev, &end) ? -1 : replay_end(e, &end);
	case FLOW_NODE_FINISHED:
		if (read_ending(e, ev, &end) || replay_end(e, &end))
			return -1;
		/* After the text that it let out. */
		show_again(e, pe, false);
		return 0;
	default:
		show_again(e, pe, false);
		return 0;
	}
}

/* The events of a container that has ended count as steps for the limit, and may have to be shown. */
static void replay_verbatim(struct engine *e, const struct past_event *pe)
{
	enum flow_event_type t = pe->event.type;
	e->run->starts += t == FLOW_NODE_STARTED || t == FLOW_NODE_RETRY || is_completed(&pe->event);
	show_again(e, pe, true);
}

status past_replay(struct engine *e)
{
	struct scope_past *s = e->past;
	bool shown = s->shown || !e->held;
	e->replaying = true;
	status st = 0;
	for (size_t i = 0; st == 0 && i < s->events.len; i++) {
		const struct past_event *pe = &s->events.at[i];
		/* Shown blocks hold what their records held. */
		if (pe->record && shown)
			continue;
		if (pe->verbatim)
			replay_verbatim(e, pe);
		else
			st = replay_event(e, pe);
	}
	e->replaying = false;
	if (st == 0 && !e->parent && e->run->past->interrupted.len) {
		e->over = true;
		e->error = arena_printf(e->mem,
					"interrupted: node %.*s was running when its process ended, and it must not run twice",
					STR(e->run->past->interrupted));
	}
	return st;
}

struct past_node *past_take_node(struct engine *e, const struct graph_node *n)
{
	return e->past ? map_remove(&e->past->nodes, n->id) : NULL;
}

/* A node that must not run twice and whose start is in the journal without its end. */
static status find_interrupted(struct past *p, struct flow_run *run)
{
	map_each(&p->scopes, en) {
		const struct scope_past *s = en->value;
		struct map open = map_make(run->mem);
		for (size_t i = 0; run->graph->once_only && i < s->events.len; i++) {
			const struct run_event *ev = &s->events.at[i].event;
			struct json *d;
			if (s->events.at[i].verbatim ||
			    (ev->type != FLOW_NODE_STARTED && ev->type != FLOW_NODE_FINISHED))
				continue;
			if (json_parse(run->mem, ev->data, &d))
				return -1;
			struct str id = json_get_str(d, S("node_id"));
			const struct graph_node *n = graph_find(run->graph, id);
			if (n && n->once && ev->type == FLOW_NODE_STARTED)
				map_set(&open, n->id, p);
			else if (n)
				(void)map_remove(&open, n->id);
		}
		map_each(&open, o) p->interrupted = o->key;
	}
	return 0;
}
