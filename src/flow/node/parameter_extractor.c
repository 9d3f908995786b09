/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parameter-extractor: a model takes named values out of a text (workflow.md 7.15): by a function
 * call where the model can do that and the node says so, else as JSON in its reply. Whatever the
 * model says, the node succeeds; __is_success and __reason tell how it went.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/node/extractor.h"
#include "flow/node/llm.h"
#include "flow/node/prompt.h"
#include "flow/run.h"

static const struct str reserved[] = {S_INIT("__reason"), S_INIT("__is_success"),
				      S_INIT("__usage")};

status node_extractor_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("model")), JSON_OBJ))
		return err_set(ERR_INVALID, "model: is required");
	json_each(json_get(n->data, S("parameters")), p)
	{
		struct str name = json_get_str(p, S("name"));
		if (!name.len)
			return err_set(ERR_INVALID, "parameters: a parameter has no name");
		for (size_t i = 0; i < countof(reserved); i++)
			if (str_eq(name, reserved[i]))
				return err_set(ERR_INVALID, "parameters: the name %.*s is reserved",
					       STR(name));
	}
	return 0;
}

/* --- prompts --- */

struct ask {
	struct node_run *run;
	struct prompt p;
	struct str query, instruction, history;
	struct json *schema, *parts, *files;
	const struct json *function; /* NULL: in prompt mode */
};

static const struct {
	const char *text, *schema, *values;
} examples[] = {
	{"Two tickets to Lima, please.",
	 "{\"type\": \"object\", \"properties\": {\"destination\": {\"description\": \"Where to\", "
	 "\"type\": \"string\"}, \"tickets\": {\"description\": \"How many\", \"type\": "
	 "\"number\"}}, "
	 "\"required\": [\"destination\"]}",
	 "{\"destination\": \"Lima\", \"tickets\": 2}"},
	{"I could eat a plum cake now.",
	 "{\"type\": \"object\", \"properties\": {\"food\": {\"description\": \"What is wanted\", "
	 "\"type\": \"string\"}}, \"required\": [\"food\"]}",
	 "{\"food\": \"plum cake\"}"},
};

static void push_text(struct ask *a, struct str role, struct str text)
{
	prompt_push(a->run, &a->p, role, json_str(a->run->mem, text));
}

static struct str system_text(struct ask *a)
{
	const char *how = a->function ? "For each request call the function `" EXTRACTOR_TOOL
					"` once, with the values that the "
					"text gives. Leave out what the text does not say. When "
					"several values fit a list, give all "
					"of them."
				      : "Answer each request with one JSON object that follows the "
					"given structure, and with nothing "
					"else. Leave out what the text does not say. When several "
					"values fit a list, give all of "
					"them.";
	return arena_printf(
		a->run->mem,
		"You take values out of texts.\n\n%s\n\nThe conversation so "
		"far:\n<histories>\n%.*s\n"
		"</histories>\n\nRules of the author, to be followed:\n<instruction>\n%.*s\n"
		"</instruction>\n",
		how, STR(a->history), STR(a->instruction));
}

static struct str request_text(struct ask *a, struct str schema, struct str text)
{
	return arena_printf(
		a->run->mem,
		"The structure of the values:\n<structure>\n%.*s\n</structure>\n\nThe text:\n"
		"<text>\n%.*s\n</text>\n",
		STR(schema), STR(text));
}

static struct json *example_call(struct arena *mem, size_t i)
{
	struct json *list = json_arr(mem), *call = json_obj(mem), *f = json_obj(mem);
	json_set_str(mem, call, S("id"), arena_printf(mem, "call_example_%d", (int)i + 1));
	json_set_str(mem, call, S("type"), S("function"));
	json_set_str(mem, f, S("name"), S(EXTRACTOR_TOOL));
	json_set_str(mem, f, S("arguments"), str_c(examples[i].values));
	json_set(mem, call, S("function"), f);
	json_push(mem, list, call);
	return list;
}

static void push_example(struct ask *a, size_t i)
{
	struct arena *mem = a->run->mem;
	push_text(a, S("user"),
		  request_text(a, str_c(examples[i].schema), str_c(examples[i].text)));
	if (!a->function) {
		push_text(a, S("assistant"), str_c(examples[i].values));
		return;
	}
	struct json *calls = example_call(mem, i);
	push_text(a, S("assistant"), S(""));
	json_set(mem, json_at(a->p.messages, a->p.messages->len - 1), S("tool_calls"), calls);
	push_text(a, S("tool"), S("Taken over."));
	json_set(mem, json_at(a->p.messages, a->p.messages->len - 1), S("tool_call_id"),
		 json_get(json_at(calls, 0), S("id")));
	push_text(a, S("assistant"), S("The values were taken over."));
}

static void push_request(struct ask *a)
{
	struct arena *mem = a->run->mem;
	struct str text = request_text(a, json_text(mem, a->schema, JSON_SPACED), a->query);
	if (!a->parts->len) {
		push_text(a, S("user"), text);
		return;
	}
	struct json *part = json_obj(mem);
	json_set_str(mem, part, S("type"), S("text"));
	json_set_str(mem, part, S("text"), text);
	json_push(mem, a->parts, part);
	prompt_push(a->run, &a->p, S("user"), a->parts);
}

/* A completion model gets the request alone, behind the rules. */
static void build_completion(struct ask *a)
{
	struct arena *mem = a->run->mem;
	struct str request = request_text(a, json_text(mem, a->schema, JSON_SPACED), a->query);
	push_text(a, S("user"),
		  arena_printf(mem, "%.*s\n%.*s\nJSON:\n", STR(system_text(a)), STR(request)));
	a->p.completion = true;
}

static void build(struct ask *a)
{
	if (str_eq(json_get_str(json_get(a->run->data, S("model")), S("mode")), S("completion"))) {
		build_completion(a);
	} else {
		push_text(a, S("system"), system_text(a));
		for (size_t i = 0; i < countof(examples); i++)
			push_example(a, i);
		push_request(a);
	}
	prompt_show(a->run, &a->p);
}

/* --- inputs --- */

static struct json *shown_parameters(struct arena *mem, const struct json *parameters)
{
	struct json *list = json_arr(mem);
	json_each(parameters, p)
	{
		struct json *o = json_obj(mem);
		json_set(mem, o, S("name"), json_get(p, S("name")));
		json_set(mem, o, S("type"), json_get(p, S("type")));
		json_set(mem, o, S("options"), json_get(p, S("options")));
		json_set_str(mem, o, S("description"), json_get_str(p, S("description")));
		json_set_bool(mem, o, S("required"), json_get_bool(p, S("required"), false));
		json_push(mem, list, o);
	}
	return list;
}

static status read_inputs(struct ask *a)
{
	struct node_run *run = a->run;
	struct arena *mem = run->mem;
	struct var v;
	struct json *history;
	const struct json *parameters = json_get(run->data, S("parameters"));
	if (pool_get_json(run->pool, json_get(run->data, S("query")), &v))
		a->query = var_text(mem, &v, VAR_TEXT);
	a->instruction =
		template_text(mem, json_get_str(run->data, S("instruction")), run->pool, VAR_TEXT);
	a->schema = extractor_schema(mem, parameters);
	a->p.messages = json_arr(mem);
	if (prompt_vision(run, &a->p, &a->parts, &a->files) || prompt_history(run, &a->p, &history))
		return -1;
	a->history = prompt_history_text(run, history);
	node_input(run, S("query"), json_str(mem, a->query));
	node_input(run, S("files"), a->files);
	node_input(run, S("parameters"), shown_parameters(mem, parameters));
	node_input(run, S("instruction"), json_str(mem, a->instruction));
	return 0;
}

/* --- result --- */

static const struct json *function_json(struct arena *mem, const struct json *schema)
{
	struct json *f = json_obj(mem);
	json_set_str(mem, f, S("name"), S(EXTRACTOR_TOOL));
	json_set_str(mem, f, S("description"), S("Takes over the values that the text gives."));
	json_set(mem, f, S("parameters"), schema);
	return f;
}

static struct json *tools_json(struct arena *mem, const struct json *function)
{
	struct json *list = json_arr(mem), *t = json_obj(mem);
	json_set_str(mem, t, S("type"), S("function"));
	json_set(mem, t, S("function"), function);
	json_push(mem, list, t);
	return list;
}

static void show_process(struct ask *a, const struct model_request *q, const struct model_answer *m,
			 const struct json *call)
{
	struct arena *mem = a->run->mem;
	struct json *o = json_obj(mem), *none = json_obj(mem);
	json_set_str(mem, o, S("model_mode"), a->p.completion ? S("completion") : S("chat"));
	json_set(mem, o, S("prompts"), a->p.shown);
	json_set(mem, o, S("usage"), model_usage_json(mem, &m->usage));
	json_set(mem, o, S("function"), a->function ? a->function : none);
	json_set(mem, o, S("tool_call"), call);
	json_set_str(mem, o, S("model_provider"), q->provider.len ? q->provider : m->provider);
	json_set_str(mem, o, S("model_name"), q->name.len ? q->name : m->name);
	json_set_str(mem, o, S("llm_text"), m->text);
	a->run->result->process = o;
}

/* The arguments of the first call, else JSON in the text; NULL = the reply holds nothing. */
static struct json *values_of(struct arena *mem, const struct json *call, struct str text)
{
	struct json *v = NULL;
	struct str thoughts;
	if (call)
		v = extractor_find_json(
			mem, json_get_str(json_get(call, S("function")), S("arguments")));
	return v ? v : extractor_find_json(mem, prompt_split_thoughts(mem, text, &thoughts));
}

static void put_outputs(struct ask *a, const struct model_answer *m, const struct json *values)
{
	struct arena *mem = a->run->mem;
	const struct json *parameters = json_get(a->run->data, S("parameters"));
	struct str why =
		values ? extractor_complaint(mem, parameters, values)
		       : S("The model's reply held no usable result; empty values were used.");
	node_output(a->run, S("__is_success"), json_int(mem, why.at ? 0 : 1));
	node_output(a->run, S("__reason"), why.at ? json_str(mem, why) : json_null(mem));
	node_output(a->run, S("__usage"), model_usage_json(mem, &m->usage));
	json_each_member(extractor_normalise(mem, parameters, values), v)
		node_output(a->run, v->name, &v->value);
}

status node_extractor_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	const struct json *model = json_get(run->data, S("model"));
	struct model_features features = {0};
	struct ask a = {.run = run, .p = {.features = &features}};
	struct model_answer *m;
	struct model_request q = {
		.tenant_id = run->info->tenant_id,
		.provider = json_get_str(model, S("provider")),
		.name = json_get_str(model, S("name")),
		.parameters = json_get(model, S("completion_params")),
		.user = run->info->user,
	};
	if (models_features(run->flow->options.models, mem, q.tenant_id, q.provider, q.name,
			    &features))
		return llm_failed(run);
	if (read_inputs(&a))
		return -1;
	if (features.tools && !str_eq(json_get_str(run->data, S("reasoning_mode")), S("prompt")) &&
	    !str_eq(json_get_str(model, S("mode")), S("completion"))) {
		a.function = function_json(mem, a.schema);
		q.tools = tools_json(mem, a.function);
	}
	build(&a);
	q.messages = a.p.messages;
	q.completion = a.p.completion;
	if (models_chat(run->flow->options.models, mem, &q, llm_quiet, run, &m))
		return llm_failed(run);
	m->usage.first_token = -1; /* nothing was shown before the end */
	llm_usage(run, &m->usage);
	const struct json *call = json_at(m->tool_calls, 0);
	show_process(&a, &q, m, call);
	put_outputs(&a, m, values_of(mem, call, m->text));
	return 0;
}
