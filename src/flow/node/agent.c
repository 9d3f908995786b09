/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: a model with tools inside a workflow (workflow.md 7.19). The strategies function_calling
 * and ReAct are built in; others come with plugins and are refused by name. Each round and what
 * happens in it is an agent_log entry.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "flow/flow.h"
#include "flow/node/agent_run.h"
#include "flow/node/llm.h"
#include "flow/node/prompt.h"
#include "flow/node/tool.h"
#include "flow/run.h"

status node_agent_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("agent_parameters")), JSON_OBJ))
		return err_set(ERR_INVALID, "agent_parameters: is required");
	return 0;
}

/* --- parameters: {type, value} --- */

static struct json *resolve(struct node_run *run, const struct json *input)
{
	struct arena *mem = run->mem;
	const struct json *value = json_get(input, S("value"));
	struct var v;
	if (!json_is(input, JSON_OBJ) || !json_get(input, S("value")))
		return json_is(input, JSON_OBJ) || !input ? json_null(mem) : json_copy(mem, input);
	if (str_eq(json_get_str(input, S("type")), S("variable")))
		return pool_get_json(run->pool, value, &v) ? json_copy(mem, &v.value)
							   : json_null(mem);
	if (value->type != JSON_STR)
		return json_copy(mem, value);
	return json_str(mem, template_text(mem, json_as_str(value, S("")), run->pool, VAR_TEXT));
}

static struct json *parameter(struct node_run *run, const char *name)
{
	return resolve(run, json_get(json_get(run->data, S("agent_parameters")), str_c(name)));
}

static struct str text_parameter(struct node_run *run, const char *name)
{
	struct json *v = parameter(run, name);
	return json_is(v, JSON_STR) || json_is(v, JSON_NULL) ? json_as_str(v, S(""))
							     : json_text(run->mem, v, JSON_SPACED);
}

static int64_t iterations(struct node_run *run)
{
	static const char *const names[] = {"maximum_iterations", "max_iterations",
					    "max_iteration"};
	for (size_t i = 0; i < countof(names); i++) {
		struct json *v = parameter(run, names[i]);
		int64_t n;
		if (json_is(v, JSON_INT))
			return json_as_int(v, 0);
		if (json_is(v, JSON_FLOAT))
			return (int64_t)v->number;
		if (json_is(v, JSON_STR) && str_to_i64(str_trim(json_as_str(v, S(""))), &n) == 0)
			return n;
		err_clear();
	}
	return 5;
}

/* --- tools --- */

/* settings {k: {value}} of the author, and parameters {k: {auto, value}} that are not left to the
 * model. */
static struct json *fixed_of(struct node_run *run, const struct json *item)
{
	struct json *o = json_obj(run->mem);
	json_each_member(json_get(item, S("settings")), m)
	{
		const struct json *v = json_get(&m->value, S("value"));
		struct json *value =
			json_get(v, S("type")) ? resolve(run, v) : resolve(run, &m->value);
		if (value->type != JSON_NULL)
			json_set(run->mem, o, m->name, value);
	}
	json_each_member(json_get(item, S("parameters")), m)
	{
		const struct json *automatic = json_get(&m->value, S("auto"));
		const struct json *v = json_get(&m->value, S("value"));
		bool left = automatic &&
			    (json_as_bool(automatic, false) || json_as_int(automatic, 0) == 1);
		if (!left && v && v->type != JSON_NULL)
			json_set(run->mem, o, m->name,
				 json_get(v, S("type")) ? resolve(run, v)
							: resolve(run, &m->value));
	}
	return o;
}

static status add_tools(struct agent_run *a)
{
	struct node_run *run = a->run;
	struct tool_scope scope = node_tool_scope(run);
	struct json *list = parameter(run, "tools");
	json_each(list, item)
	{
		struct str provider = json_get_str(item, S("provider_name"));
		struct tool_ref ref = {json_get_str(item, S("type")),
				       provider.len ? provider
						    : json_get_str(item, S("provider_id")),
				       json_get_str(item, S("tool_name"))};
		if (!ref.provider_type.len)
			ref.provider_type = json_get_str(item, S("provider_type"));
		if (!ref.provider_type.len)
			ref.provider_type = S("builtin");
		if (!json_get_bool(item, S("enabled"), true) || !ref.name.len)
			continue;
		if (agent_tool_add(run->flow->options.tools, run->mem, &a->agent.list, &scope, &ref,
				   fixed_of(run, item),
				   json_get_str(json_get(item, S("extra")), S("description"))))
			return -1;
	}
	return 0;
}

/* --- the log --- */

struct entry {
	struct str id, label, parent, error;
	const char *state; /* start success error */
	struct json *data, *metadata;
};

static struct json *entry_json(struct arena *mem, const struct entry *e)
{
	struct json *o = json_obj(mem), *none = json_obj(mem);
	json_set_str(mem, o, S("id"), e->id);
	json_set_str(mem, o, S("label"), e->label);
	json_set_str_or_null(mem, o, S("parent_id"), e->parent.len ? e->parent : (struct str){0});
	json_set_str_or_null(mem, o, S("error"), e->error.len ? e->error : (struct str){0});
	json_set_str(mem, o, S("status"), str_c(e->state));
	json_set(mem, o, S("data"), e->data ? e->data : none);
	json_set(mem, o, S("metadata"), e->metadata ? e->metadata : none);
	return o;
}

static struct json *times(struct arena *mem, const struct agent_step *s, double seconds,
			  struct str provider)
{
	struct json *o = json_obj(mem);
	json_set_float(mem, o, S("started_at"), (double)s->created_ms / 1e3);
	json_set_float(mem, o, S("finished_at"), (double)s->created_ms / 1e3 + seconds);
	json_set_float(mem, o, S("elapsed_time"), seconds);
	json_set_str(mem, o, S("provider"), provider);
	return o;
}

static void put_usage(struct arena *mem, struct json *o, const struct model_usage *u)
{
	json_set_str(mem, o, S("total_price"), u->total_price.len ? u->total_price : S("0"));
	json_set_str(mem, o, S("currency"), u->currency.len ? u->currency : S("USD"));
	json_set_int(mem, o, S("total_tokens"), u->total_tokens);
}

static struct json *round_entry(struct agent_run *a, const struct agent_step *s, bool done)
{
	struct arena *mem = a->run->mem;
	struct entry e = {.id = s->id,
			  .state = done ? "success" : "start",
			  .label = arena_printf(mem, "ROUND %lld", (long long)s->position)};
	if (!done)
		return entry_json(mem, &e);
	struct json *output = json_obj(mem);
	double seconds = s->usage.latency;
	for (size_t i = 0; i < s->call_count; i++)
		seconds += s->calls[i].seconds;
	e.data = json_obj(mem);
	json_set_str(mem, output, S("llm_response"), s->raw);
	json_set(mem, output, S("tool_responses"), agent_outputs_json(mem, s));
	json_set(mem, e.data, S("output"), output);
	e.metadata = times(mem, s, seconds, a->agent.provider);
	put_usage(mem, e.metadata, &s->usage);
	return entry_json(mem, &e);
}

static struct json *model_entry(struct agent_run *a, const struct agent_step *s, bool done)
{
	struct arena *mem = a->run->mem;
	struct entry e = {.id = arena_printf(mem, "%.*s-model", STR(s->id)),
			  .parent = s->id,
			  .state = done ? "success" : "start",
			  .label = arena_printf(mem, "%.*s Thought", STR(a->agent.model))};
	if (!done)
		return entry_json(mem, &e);
	e.data = json_obj(mem);
	json_set_str(mem, e.data, S("output"), s->raw);
	json_set(mem, e.data, S("tool_input"), agent_inputs_json(mem, s, false));
	e.metadata = times(mem, s, s->usage.latency, a->agent.provider);
	put_usage(mem, e.metadata, &s->usage);
	return entry_json(mem, &e);
}

static struct json *call_entry(struct agent_run *a, const struct agent_step *s, size_t i)
{
	struct arena *mem = a->run->mem;
	const struct agent_call *c = &s->calls[i];
	struct entry e = {.id = arena_printf(mem, "%.*s-%zu", STR(s->id), i),
			  .parent = s->id,
			  .state = !c->done    ? "start"
				   : c->failed ? "error"
					       : "success",
			  .label = arena_printf(mem, "CALL %.*s", STR(c->name))};
	struct json *output = json_obj(mem);
	e.data = json_obj(mem);
	json_set_str(mem, output, S("tool_call_name"), c->name);
	json_set(mem, output, S("tool_call_input"), c->given ? c->given : c->args);
	if (c->done)
		json_set_str(mem, output, S("tool_response"), c->observation);
	json_set(mem, e.data, S("output"), output);
	if (c->failed)
		e.error = c->observation;
	e.metadata = times(mem, s, c->seconds,
			   c->tool && c->tool->tool ? c->tool->tool->provider_name : S(""));
	return entry_json(mem, &e);
}

static size_t last_done(const struct agent_step *s)
{
	size_t last = 0;
	for (size_t i = 0; i < s->call_count; i++)
		if (s->calls[i].done)
			last = i;
	return last;
}

static void show(struct agent_run *a, enum agent_moment m, const struct agent_step *s, bool resumed)
{
	if (resumed && m != AGENT_DONE)
		return;
	switch (m) {
	case AGENT_SPEAKS:
		node_log(a->run, round_entry(a, s, false));
		node_log(a->run, model_entry(a, s, false));
		return;
	case AGENT_ASKED:
		node_log(a->run, model_entry(a, s, true));
		return;
	case AGENT_CALLED:
		node_log(a->run, call_entry(a, s, last_done(s)));
		return;
	case AGENT_DONE:
		node_log(a->run, round_entry(a, s, true));
		return;
	}
}

/* --- result --- */

/* One item per entry of the log in its last form, then what the strategy says itself. */
static struct json *json_output(struct agent_run *a)
{
	struct arena *mem = a->run->mem;
	struct json *list = json_arr(mem), *own = json_obj(mem), *meta = json_obj(mem);
	for (size_t i = 0; i < a->result.step_count; i++) {
		const struct agent_step *s = &a->result.steps[i];
		json_push(mem, list, round_entry(a, s, true));
		json_push(mem, list, model_entry(a, s, true));
		for (size_t k = 0; k < s->call_count; k++)
			json_push(mem, list, call_entry(a, s, k));
	}
	put_usage(mem, meta, &a->result.usage);
	json_set(mem, own, S("execution_metadata"), meta);
	json_push(mem, list, own);
	return list;
}

static void put_outputs(struct agent_run *a)
{
	struct arena *mem = a->run->mem;
	struct json *info = json_obj(mem);
	json_set(mem, info, S("agent_strategy"), json_get(a->run->data, S("agent_strategy_name")));
	json_set_null(mem, info, S("icon"));
	json_set(mem, a->run->result->metadata, S("tool_info"), info);
	node_output(a->run, S("text"), json_str(mem, a->result.text));
	node_output(a->run, S("usage"), model_usage_json(mem, &a->result.usage));
	node_output(a->run, S("files"), a->files);
	node_output(a->run, S("json"), json_output(a));
}

/* --- exec --- */

static bool strategy_of(struct node_run *run, bool *react)
{
	struct str name = json_get_str(run->data, S("agent_strategy_name"));
	*react = str_eq_nocase(name, S("react")) || str_eq_nocase(name, S("cot"));
	return *react || str_eq_nocase(name, S("function_calling")) ||
	       str_eq_nocase(name, S("function_call"));
}

/* What the strategy was given, for people: the model without its parameters, no secrets of tools.
 */
static void show_inputs(struct node_run *run, const struct agent *a, struct str query)
{
	struct json *tools = json_arr(run->mem);
	node_input(run, S("instruction"), json_str(run->mem, a->instruction));
	node_input(run, S("query"), json_str(run->mem, query));
	node_input(run, S("maximum_iterations"), json_int(run->mem, a->steps_max));
	node_input(run, S("model"), json_str(run->mem, a->model));
	for (size_t i = 0; i < a->list.len; i++)
		json_push_str(run->mem, tools, a->list.at[i].name);
	node_input(run, S("tools"), tools);
}

static status read_settings(struct agent_run *a, struct str *query)
{
	struct node_run *run = a->run;
	struct json *model = parameter(run, "model"), *history;
	struct model_features features;
	struct prompt p = {.features = &features, .messages = json_arr(run->mem)};
	a->agent.provider = json_get_str(model, S("provider"));
	a->agent.model = json_get_str(model, S("model"));
	if (!a->agent.model.len)
		a->agent.model = json_get_str(model, S("name"));
	a->agent.parameters = json_get(model, S("completion_params"));
	a->agent.instruction = text_parameter(run, "instruction");
	a->agent.steps_max = iterations(run);
	*query = text_parameter(run, "query");
	struct str context = text_parameter(run, "context");
	if (context.len)
		a->agent.instruction = arena_printf(run->mem, "%.*s\n\nWhat is known so far:\n%.*s",
						    STR(a->agent.instruction), STR(context));
	a->agent.question = json_str(run->mem, *query);
	if (agent_run_model(a, &features))
		return -1;
	if (prompt_history(run, &p, &history))
		return -1;
	a->agent.history = history;
	return add_tools(a);
}

status node_agent_exec(struct node_run *run)
{
	struct agent_run a = {.run = run, .show = show};
	struct str query;
	if (!run->flow->options.tools)
		return node_fail(run, "AgentNodeError", "this process runs no tools");
	if (!strategy_of(run, &a.agent.react))
		return node_fail(run, "AgentNodeError",
				 "The agent strategy %.*s of %.*s comes with a plugin, which this "
				 "server does not run. "
				 "Choose function_calling or ReAct.",
				 STR(json_get_str(run->data, S("agent_strategy_name"))),
				 STR(json_get_str(run->data, S("agent_strategy_provider_name"))));
	if (read_settings(&a, &query))
		return -1;
	show_inputs(run, &a.agent, query);
	if (agent_run_start(&a))
		return -1;
	put_outputs(&a);
	return 0;
}
