/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_call: the body of agent apps (workflow.md 8.3). chat/ makes the call; each step is a
 * thought, a row that clients see again whenever it changes.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/node/agent_run.h"
#include "flow/node/llm.h"
#include "flow/node/tool.h"
#include "flow/run.h"

static struct str names_of(struct arena *mem, const struct agent_step *s)
{
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < s->call_count; i++)
		buf_printf(&b, "%s%.*s", i ? ";" : "", STR(s->calls[i].name));
	return b.at ? buf_str(&b) : S("");
}

static struct json *labels_of(struct arena *mem, const struct agent_step *s)
{
	struct json *o = json_obj(mem);
	for (size_t i = 0; i < s->call_count; i++) {
		const struct tool *t = s->calls[i].tool ? s->calls[i].tool->tool : NULL;
		struct str label = t ? t->label : s->calls[i].name;
		json_set(mem, o, s->calls[i].name,
			 tool_label_json(mem, label, t ? t->zh : S(""), t ? t->ja : S("")));
	}
	return o;
}

/* The recorded server adds to a thought each time it saves it, so a ReAct step says its text twice,
 * and the last one ends with the answer. */
static struct str thought_of(struct arena *mem, const struct agent_run *a,
			     const struct agent_step *s, bool done)
{
	if (!a->agent.react || !done)
		return s->thought.at ? s->thought : S("");
	struct str more = s->final ? s->answer : s->thought;
	if (s->final && str_eq(s->answer, s->thought))
		return s->thought;
	return arena_printf(mem, "%.*s%.*s", STR(s->thought), STR(more));
}

static struct str input_of(struct arena *mem, const struct agent_run *a, const struct agent_step *s,
			   bool done)
{
	if (s->call_count)
		return json_text(mem, agent_inputs_json(mem, s, a->agent.react && done),
				 JSON_SPACED);
	if (!a->agent.react || !done)
		return S("");
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("Final Answer"), s->answer);
	return json_text(mem, o, JSON_SPACED);
}

static struct json *row_of(const struct agent_run *a, const struct agent_step *s, bool done)
{
	struct arena *mem = a->run->mem;
	struct json *o = json_obj(mem), *files = json_arr(mem);
	json_set_str(mem, o, S("id"), s->id);
	json_set_int(mem, o, S("position"), s->position);
	json_set_str(mem, o, S("thought"), thought_of(mem, a, s, done));
	json_set_str(mem, o, S("observation"),
		     done && s->call_count ? json_text(mem, agent_outputs_json(mem, s), JSON_SPACED)
					   : S(""));
	json_set_str(mem, o, S("tool"), names_of(mem, s));
	json_set(mem, o, S("tool_labels"), labels_of(mem, s));
	json_set_str(mem, o, S("tool_input"), s->asked ? input_of(mem, a, s, done) : S(""));
	json_set(mem, o, S("message_files"), files);
	return o;
}

/* What the log of the console shows besides. */
static struct json *more_of(const struct agent_run *a, const struct agent_step *s)
{
	struct arena *mem = a->run->mem;
	struct json *o = json_obj(mem), *calls = json_arr(mem);
	json_set_int(mem, o, S("created_at"), s->created_ms / 1000);
	json_set_int(mem, o, S("tokens"), s->usage.total_tokens);
	for (size_t i = 0; i < s->call_count; i++) {
		const struct agent_call *c = &s->calls[i];
		struct json *row = json_obj(mem);
		json_set_str(mem, row, S("name"), c->name);
		json_set_bool(mem, row, S("failed"), c->failed);
		json_set_float(mem, row, S("seconds"), c->seconds);
		json_set_str(mem, row, S("icon"),
			     c->tool && c->tool->tool ? c->tool->tool->icon : S(""));
		json_set(mem, row, S("input"), c->args);
		json_set_str(mem, row, S("output"), c->observation);
		json_push(mem, calls, row);
	}
	json_set(mem, o, S("calls"), calls);
	return o;
}

static bool shown_already(struct node_run *run, const struct json *row)
{
	json_each(run->engine->run->thoughts,
		  t) if (str_eq(json_get_str(t, S("id")), json_get_str(row, S("id"))) &&
			 str_eq(json_get_str(t, S("observation")),
				json_get_str(row, S("observation"))) &&
			 str_eq(json_get_str(t, S("thought")),
				json_get_str(row, S("thought")))) return true;
	return false;
}

static void show_files(struct agent_run *a, size_t from)
{
	struct arena *mem = a->run->mem;
	for (size_t i = from; i < json_len(a->files); i++) {
		const struct json *f = json_at(a->files, i);
		struct json *o = json_obj(mem);
		json_set_str(mem, o, S("id"), a->run->info->message_id);
		json_set(mem, o, S("type"), json_get(f, S("type")));
		json_set_str(mem, o, S("belongs_to"), S("assistant"));
		json_set(mem, o, S("url"), json_get(f, S("url")));
		node_message_file(a->run, o);
	}
}

static size_t file_count(const struct agent_step *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->call_count; i++)
		n += s->calls[i].file_count;
	return n;
}

static void show(struct agent_run *a, enum agent_moment m, const struct agent_step *s, bool resumed)
{
	bool done = m == AGENT_DONE;
	if (m == AGENT_CALLED || (m == AGENT_ASKED && s->final) || (resumed && !done))
		return;
	struct json *row = row_of(a, s, done);
	if (done && a->run->checkpoints && shown_already(a->run, row))
		return;
	if (done && file_count(s))
		show_files(a, json_len(a->files) - MIN(file_count(s), json_len(a->files)));
	node_thought(a->run, row, more_of(a, s));
}

/* Settings that the author made for a tool, without the ones left to the model. */
static struct json *fixed_of(struct arena *mem, const struct json *item)
{
	struct json *o = json_obj(mem);
	json_each_member(json_get(item, S("tool_parameters")),
			 m) if (m->value.type != JSON_NULL &&
				!(m->value.type == JSON_STR && !m->value.len))
		json_set(mem, o, m->name, &m->value);
	return o;
}

/* Only what the author sets in a form is fixed; the rest belongs to the model, whatever the file
 * says. */
static void keep_author_values(struct agent_tool *t, struct arena *mem)
{
	struct json *kept = json_obj(mem);
	for (size_t i = 0; t->tool && i < t->tool->param_count; i++) {
		const struct tool_param *p = &t->tool->params[i];
		const struct json *v = json_get(t->fixed, p->name);
		if (p->by_author && (v || p->fallback))
			json_set(mem, kept, p->name, v ? v : p->fallback);
	}
	t->fixed = kept;
	if (t->tool)
		t->function = tool_function(mem, t->tool, t->name, kept);
}

static status add_tools(struct agent_run *a, const struct json *list)
{
	struct node_run *run = a->run;
	struct tool_scope scope = node_tool_scope(run);
	json_each(list, item)
	{
		struct tool_ref ref = {json_get_str(item, S("provider_type")),
				       json_get_str(item, S("provider_id")),
				       json_get_str(item, S("tool_name"))};
		/* Old files name a knowledge base by a member `dataset`. */
		if (!json_get_bool(item, S("enabled"), true) || !ref.name.len)
			continue;
		if (agent_tool_add(run->flow->options.tools, run->mem, &a->agent.list, &scope, &ref,
				   fixed_of(run->mem, item), S("")))
			return -1;
		keep_author_values(&a->agent.list.at[a->agent.list.len - 1], run->mem);
	}
	return 0;
}

status node_agent_call_exec(struct node_run *run, const struct json *call)
{
	struct model_features features;
	struct agent_run a = {.run = run, .show = show};
	if (!run->flow->options.tools)
		return node_fail(run, "AgentNodeError", "this process runs no tools");
	a.agent.provider = json_get_str(call, S("provider"));
	a.agent.model = json_get_str(call, S("name"));
	a.agent.parameters = json_get(call, S("parameters"));
	a.agent.history = json_get(call, S("history"));
	a.agent.instruction = json_get_str(call, S("instruction"));
	a.agent.question = json_get(call, S("question"));
	a.agent.steps_max = json_get_int(call, S("max_iteration"), 10);
	if (agent_run_model(&a, &features))
		return -1;
	if (add_tools(&a, json_get(call, S("tools"))) || agent_run_start(&a))
		return -1;
	/* The stored answer of the message; the stream holds the thoughts, too. */
	node_output(run, S("text"), json_str(run->mem, a.result.text));
	node_output(run, S("usage"), model_usage_json(run->mem, &a.result.usage));
	return 0;
}
