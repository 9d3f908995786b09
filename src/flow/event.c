/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: the data object of each event as JSON text (workflow.md 9.3), keys in recorded order.
 * Printed once into the run's memory and shared by journal and followers; written by hand because
 * it is the hottest path of a run.
 */
#include "base/clock.h"
#include "flow/run.h"

static void key(struct buf *b, struct str name)
{
	if (b->at[b->len - 1] != '{')
		buf_putc(b, ',');
	buf_putc(b, '"');
	buf_put(b, name);
	buf_puts(b, "\":");
}

static void put_str(struct buf *b, struct str name, struct str value)
{
	key(b, name);
	json_write_string(b, value, JSON_COMPACT);
}

static void put_or_null(struct buf *b, struct str name, struct str value)
{
	key(b, name);
	if (value.len)
		json_write_string(b, value, JSON_COMPACT);
	else
		buf_puts(b, "null");
}

static void put_int(struct buf *b, struct str name, int64_t v)
{
	key(b, name);
	buf_int(b, v);
}

static void put_float(struct buf *b, struct str name, double v)
{
	key(b, name);
	json_write_float(b, v);
}

static void put_raw(struct buf *b, struct str name, struct str text)
{
	key(b, name);
	buf_put(b, text);
}

static void put_json(struct buf *b, struct str name, const struct json *v, struct str absent)
{
	key(b, name);
	if (v)
		json_write(b, v, JSON_COMPACT);
	else
		buf_put(b, absent);
}

static struct buf *begin(struct flow_run *run)
{
	buf_clear(&run->scratch);
	buf_putc(&run->scratch, '{');
	return &run->scratch;
}

/* Valid until the next event is begun: the journal copies it. */
static struct str finish(struct flow_run *run)
{
	buf_putc(&run->scratch, '}');
	return buf_str(&run->scratch);
}

static void append(struct flow_run *run, enum flow_event_type type)
{
	struct run_event e = { .type = type, .time_ms = clock_ms(), .data = finish(run) };
	journal_append(run, &e);
}

static void emit(struct execution *x, enum flow_event_type type, struct str replay)
{
	struct run_event e = { .type = type, .time_ms = clock_ms(), .data = finish(x->engine->run),
			       .replay = replay };
	journal_emit(x->engine, &e);
}

/* --- files among values --- */

struct json *event_files(struct arena *mem, const struct json *outputs)
{
	struct json *files = json_arr(mem);
	json_each_member(outputs, m) {
		if (var_is_file(&m->value))
			json_push(mem, files, &m->value);
		json_each(&m->value, item)
			if (var_is_file(item))
				json_push(mem, files, item);
	}
	return files;
}

/* --- run --- */

void event_workflow_started(struct flow_run *run)
{
	struct buf *b = begin(run);
	put_str(b, S("id"), run->info.run_id);
	put_str(b, S("workflow_id"), run->info.workflow_id);
	key(b, S("inputs"));
	buf_putc(b, '{');
	json_each_member(run->inputs, m) {
		if (str_eq(m->name, S("sys.conversation_id")) || str_eq(m->name, S("sys.timestamp")))
			continue;
		if (b->at[b->len - 1] != '{')
			buf_putc(b, ',');
		json_write_string(b, m->name, JSON_COMPACT);
		buf_putc(b, ':');
		json_write(b, &m->value, JSON_COMPACT);
	}
	buf_putc(b, '}');
	put_int(b, S("created_at"), run->info.created_ms / 1000);
	if (run->resumption)
		put_str(b, S("reason"), S("resumption"));
	append(run, FLOW_WORKFLOW_STARTED);
}

static void put_creator(struct flow_run *run, struct buf *b)
{
	struct arena *mem = run->mem;
	const struct json *given = json_get(run->info.extra, S("created_by"));
	if (json_is(given, JSON_OBJ)) {
		put_json(b, S("created_by"), given, S("null"));
		return;
	}
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), run->info.created_by);
	json_set_str(mem, o, run->info.by_account ? S("name") : S("user"), run->info.user);
	put_json(b, S("created_by"), o, S("null"));
}

void event_workflow_finished(struct flow_run *run)
{
	const struct flow_result *r = &run->result;
	struct buf *b = begin(run);
	put_str(b, S("id"), run->info.run_id);
	put_str(b, S("workflow_id"), run->info.workflow_id);
	put_str(b, S("status"), r->status);
	put_json(b, S("outputs"), r->outputs, S("{}"));
	put_or_null(b, S("error"), r->error);
	put_float(b, S("elapsed_time"), r->elapsed);
	put_int(b, S("total_tokens"), r->total_tokens);
	put_int(b, S("total_steps"), r->total_steps);
	put_creator(run, b);
	put_int(b, S("created_at"), run->info.created_ms / 1000);
	put_int(b, S("finished_at"), r->finished_ms / 1000);
	put_int(b, S("exceptions_count"), r->exceptions);
	put_json(b, S("files"), r->files, S("[]"));
	append(run, FLOW_WORKFLOW_FINISHED);
}

void event_workflow_paused(struct flow_run *run, const struct json *nodes, const struct json *reasons)
{
	const struct flow_result *r = &run->result;
	struct buf *b = begin(run);
	put_str(b, S("workflow_run_id"), run->info.run_id);
	put_json(b, S("paused_nodes"), nodes, S("[]"));
	put_json(b, S("outputs"), r->outputs, S("{}"));
	put_json(b, S("reasons"), reasons, S("[]"));
	put_str(b, S("status"), r->status);
	put_int(b, S("created_at"), run->info.created_ms / 1000);
	put_float(b, S("elapsed_time"), r->elapsed);
	put_int(b, S("total_tokens"), r->total_tokens);
	put_int(b, S("total_steps"), r->total_steps);
	append(run, FLOW_WORKFLOW_PAUSED);
}

void event_form(struct engine *engine, enum flow_event_type type, const struct json *data)
{
	struct buf *b = &engine->run->scratch;
	buf_clear(b);
	json_write(b, data, JSON_COMPACT);
	struct run_event e = { .type = type, .time_ms = clock_ms(), .data = buf_str(b) };
	journal_emit(engine, &e);
}

/* --- nodes --- */

static void put_node(struct buf *b, const struct execution *x)
{
	put_str(b, S("id"), x->id);
	put_str(b, S("node_id"), x->node->id);
	put_str(b, S("node_type"), x->node->type);
	put_str(b, S("title"), x->node->title);
	put_int(b, S("index"), 1);
	put_raw(b, S("predecessor_node_id"), S("null"));
}

double event_elapsed(const struct execution *x)
{
	return (double)(rt_now() - x->started_ns) / 1e9 + (double)x->worked_ms / 1e3;
}

static void put_container(struct buf *b, const struct execution *x)
{
	put_or_null(b, S("iteration_id"), x->engine->iteration_id);
	put_or_null(b, S("loop_id"), x->engine->loop_id);
}

static const struct json *extras_of(struct execution *x)
{
	const struct node_type *row = x->node->row;
	return row && row->extras ? row->extras(x->run.flow, x->mem, x->node->data) : NULL;
}

static const struct json *strategy_of(struct execution *x)
{
	struct str name = json_get_str(x->node->data, S("agent_strategy_name"));
	if (!str_eq(x->node->type, S("agent")))
		return NULL;
	struct json *o = json_obj(x->mem);
	json_set_str(x->mem, o, S("name"), name);
	json_set_null(x->mem, o, S("icon"));
	return o;
}

void event_node_started(struct execution *x)
{
	struct flow_run *run = x->engine->run;
	struct buf *b = begin(run);
	put_node(b, x);
	put_raw(b, S("inputs"), S("null"));
	put_raw(b, S("inputs_truncated"), S("false"));
	put_int(b, S("created_at"), x->started_ms / 1000);
	put_json(b, S("extras"), extras_of(x), S("{}"));
	put_container(b, x);
	put_json(b, S("agent_strategy"), strategy_of(x), S("null"));
	emit(x, FLOW_NODE_STARTED, S(""));
}

/* What another process needs to go on after this node without running it again. state: of
 * containers, whose event does not tell all. */
static struct str replay_text(struct execution *x, struct str state)
{
	struct flow_run *run = x->engine->run;
	const struct node_result *r = &x->result;
	bool container = state.len != 0;
	struct buf *b = &run->more;
	buf_clear(b);
	buf_putc(b, '{');
	if (container) {
		put_str(b, S("x"), x->id);
		put_str(b, S("state"), state);
	}
	if (container && r->merge)
		put_json(b, S("merge"), r->merge, S("{}"));
	if (r->handle.len)
		put_str(b, S("handle"), r->handle);
	if (r->error.len)
		put_str(b, S("error"), r->error);
	if (r->tokens)
		put_int(b, S("tokens"), r->tokens);
	if (r->usage)
		put_json(b, S("usage"), model_usage_json(x->mem, r->usage), S("null"));
	if (r->resources)
		put_json(b, S("resources"), r->resources, S("[]"));
	if (r->writes)
		put_json(b, S("writes"), r->writes, S("[]"));
	if (r->streamed.at)
		put_str(b, S("streamed"), r->streamed);
	if (b->len == 1)
		return S("");
	buf_putc(b, '}');
	return buf_str(b);
}

static void set_place(struct execution *x, struct json *m, const struct engine *e)
{
	bool iteration = node_type_is_iteration(e->container);
	struct str id = iteration ? S("iteration_id") : S("loop_id");
	if (json_get(m, id))
		return;
	json_set_str(x->mem, m, id, e->container->id);
	json_set_int(x->mem, m, iteration ? S("iteration_index") : S("loop_index"), e->round);
}

/* The metadata with the place in the containers around, or null. */
static const struct json *metadata_of(struct execution *x)
{
	struct json *m = x->result.metadata;
	if (x->engine->parent && !m)
		m = json_obj(x->mem);
	for (const struct engine *e = x->engine; e->parent; e = e->parent)
		set_place(x, m, e);
	return m && m->len ? m : NULL;
}

static void put_result(struct buf *b, struct execution *x, struct str state, struct str error)
{
	const struct node_result *r = &x->result;
	put_node(b, x);
	put_json(b, S("inputs"), r->inputs, S("{}"));
	put_raw(b, S("inputs_truncated"), S("false"));
	put_json(b, S("process_data"), r->process, S("{}"));
	put_raw(b, S("process_data_truncated"), S("false"));
	put_json(b, S("outputs"), r->outputs, S("{}"));
	put_raw(b, S("outputs_truncated"), S("false"));
	put_str(b, S("status"), state);
	put_or_null(b, S("error"), error);
	put_float(b, S("elapsed_time"), event_elapsed(x));
	put_json(b, S("execution_metadata"), metadata_of(x), S("null"));
	put_int(b, S("created_at"), x->started_ms / 1000);
	put_int(b, S("finished_at"), clock_s());
	put_json(b, S("files"), event_files(x->mem, r->outputs), S("[]"));
	put_container(b, x);
}

void event_node_finished(struct execution *x, enum flow_event_type type, struct str state,
			 struct str error, int64_t retry_index)
{
	struct flow_run *run = x->engine->run;
	struct str replay = type == FLOW_NODE_FINISHED ? replay_text(x, S("")) : S("");
	struct buf *b = begin(run);
	put_result(b, x, state, error);
	if (type == FLOW_NODE_RETRY)
		put_int(b, S("retry_index"), retry_index);
	emit(x, type, replay);
}

/* --- containers: their own events stand for those of the node --- */

static void put_container_head(struct buf *b, const struct execution *x)
{
	put_str(b, S("id"), x->node->id);
	put_str(b, S("node_id"), x->node->id);
	put_str(b, S("node_type"), x->node->type);
	put_str(b, S("title"), x->node->title);
}

static bool is_iteration(const struct execution *x)
{
	return node_type_is_iteration(x->node);
}

void event_container_started(struct execution *x, int64_t length)
{
	struct buf *b = begin(x->engine->run);
	put_container_head(b, x);
	put_int(b, S("created_at"), x->started_ms / 1000);
	put_raw(b, S("extras"), S("{}"));
	key(b, S("metadata"));
	buf_putc(b, '{');
	put_int(b, is_iteration(x) ? S("iteration_length") : S("loop_length"), length);
	buf_putc(b, '}');
	put_json(b, S("inputs"), x->result.inputs, S("{}"));
	put_raw(b, S("inputs_truncated"), S("false"));
	struct buf *more = &x->engine->run->more;
	buf_clear(more);
	buf_putc(more, '{');
	put_str(more, S("x"), x->id);
	buf_putc(more, '}');
	emit(x, is_iteration(x) ? FLOW_ITERATION_STARTED : FLOW_LOOP_STARTED, buf_str(more));
}

void event_container_next(struct execution *x, int64_t index)
{
	struct buf *b = begin(x->engine->run);
	put_container_head(b, x);
	put_int(b, S("index"), index);
	put_int(b, S("created_at"), clock_s());
	if (!is_iteration(x))
		put_raw(b, S("pre_loop_output"), S("{}"));
	put_raw(b, S("extras"), S("{}"));
	emit(x, is_iteration(x) ? FLOW_ITERATION_NEXT : FLOW_LOOP_NEXT, S(""));
}

/* Never announced (an empty list, a wrong setting): clients see nothing of it, the journal must. */
static void record_completed(struct execution *x, struct str state)
{
	struct flow_run *run = x->engine->run;
	struct str replay = replay_text(x, state);
	struct run_event inner = { .type = FLOW_NODE_FINISHED, .time_ms = clock_ms(), .replay = replay };
	struct buf *b = begin(run);
	put_result(b, x, state, x->result.error);
	inner.data = finish(run);
	journal_record(x->engine, &inner);
}

void event_container_completed(struct execution *x, struct str state)
{
	const struct node_result *r = &x->result;
	if (!x->announced) {
		record_completed(x, state);
		return;
	}
	struct str replay = replay_text(x, state);
	struct buf *b = begin(x->engine->run);
	put_container_head(b, x);
	put_json(b, S("outputs"), r->outputs, S("{}"));
	put_raw(b, S("outputs_truncated"), S("false"));
	put_int(b, S("created_at"), x->started_ms / 1000);
	put_raw(b, S("extras"), S("{}"));
	put_json(b, S("inputs"), r->inputs, S("{}"));
	put_raw(b, S("inputs_truncated"), S("false"));
	put_str(b, S("status"), str_eq(state, S("succeeded")) ? state : S("failed"));
	put_raw(b, S("error"), S("null"));
	put_float(b, S("elapsed_time"), event_elapsed(x));
	put_int(b, S("total_tokens"), json_get_int(r->metadata, S("total_tokens"), 0));
	put_json(b, S("execution_metadata"), r->metadata, S("{}"));
	put_int(b, S("finished_at"), clock_s());
	put_int(b, S("steps"), r->steps);
	emit(x, is_iteration(x) ? FLOW_ITERATION_COMPLETED : FLOW_LOOP_COMPLETED, replay);
}

/* --- text --- */

void event_chunk(struct engine *engine, const struct str *selector, size_t parts, struct str text)
{
	struct buf *b = begin(engine->run);
	struct run_event e = { .type = FLOW_CHUNK, .time_ms = clock_ms(), .text = text };
	put_str(b, S("text"), text);
	key(b, S("from_variable_selector"));
	size_t from = b->len;
	buf_putc(b, '[');
	for (size_t i = 0; i < parts; i++) {
		if (i)
			buf_putc(b, ',');
		json_write_string(b, selector[i], JSON_COMPACT);
	}
	buf_putc(b, ']');
	size_t len = b->len - from;
	e.data = finish(engine->run);
	e.selector = str_sub(e.data, from, len);
	journal_emit(engine, &e);
}

void event_replace(struct flow_run *run, struct str text, struct str replay)
{
	struct buf *b = begin(run);
	struct run_event e = { .type = FLOW_REPLACE, .time_ms = clock_ms(), .text = text, .replay = replay };
	put_str(b, S("text"), text);
	e.data = finish(run);
	journal_append(run, &e);
}

void event_reasoning(struct execution *x, struct str piece, bool final)
{
	struct buf *b = begin(x->engine->run);
	put_str(b, S("reasoning"), piece);
	put_str(b, S("node_id"), x->node->id);
	put_raw(b, S("is_final"), final ? S("true") : S("false"));
	emit(x, FLOW_REASONING, S(""));
}

/* --- agents --- */

void event_agent_log(struct execution *x, const struct json *entry)
{
	struct buf *b = begin(x->engine->run);
	put_str(b, S("node_execution_id"), x->node->id);
	json_each_member(entry, m) put_json(b, m->name, &m->value, S("null"));
	put_str(b, S("node_id"), x->node->id);
	emit(x, FLOW_AGENT_LOG, S(""));
}

static void emit_object(struct execution *x, enum flow_event_type type, const struct json *object,
			struct str replay)
{
	struct run_event e = { .type = type, .time_ms = clock_ms(), .replay = replay };
	e.data = json_text(x->mem, object, JSON_COMPACT);
	journal_emit(x->engine, &e);
}

void event_thought(struct execution *x, const struct json *row, const struct json *more)
{
	emit_object(x, FLOW_AGENT_THOUGHT, row, more ? json_text(x->mem, more, JSON_COMPACT) : S(""));
}

void event_message_file(struct execution *x, const struct json *file)
{
	emit_object(x, FLOW_MESSAGE_FILE, file, S(""));
}

void event_checkpoint(struct execution *x, const struct json *state)
{
	struct buf *b = begin(x->engine->run);
	put_str(b, S("id"), x->id);
	put_str(b, S("node_id"), x->node->id);
	emit(x, FLOW_CHECKPOINT, json_text(x->mem, state, JSON_COMPACT));
}
