/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm: one call of a language model (workflow.md 7.4), and model-call, the same without a template:
 * easy apps bring finished messages. Texts stream as they come.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/node/llm.h"
#include "flow/node/prompt.h"
#include "flow/node/think.h"
#include "flow/repair.h"
#include "flow/run.h"
#include "model/model.h"

status node_llm_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	const struct json *t = json_get(n->data, S("prompt_template"));
	if (!json_is(json_get(n->data, S("model")), JSON_OBJ))
		return err_set(ERR_INVALID, "model: is required");
	if (!t || (t->type != JSON_ARR && t->type != JSON_OBJ))
		return err_set(ERR_INVALID, "prompt_template: is required");
	struct str format = json_get_str(n->data, S("reasoning_format"));
	if (format.len && !str_eq(format, S("tagged")) && !str_eq(format, S("separated")))
		return err_set(ERR_INVALID, "reasoning_format: unknown value '%.*s'", STR(format));
	return 0;
}

static status sink(void *arg, struct str piece)
{
	struct node_run *run = arg;
	if (run->engine->over || run->engine->run->stop)
		return err_set(ERR_CANCELLED, "Stopped by user.");
	node_emit(run, S("text"), piece, false);
	return 0;
}

/* Separated: thoughts go their own way, the answer keeps its place among the texts. */
struct split_sink {
	struct node_run *run;
	struct think_split split;
	struct buf answer, thoughts;
	size_t told; /* bytes of thoughts in blocks that are closed */
};

static void split_part(void *ctx, enum think_kind kind, struct str text)
{
	struct split_sink *s = ctx;
	if (kind == THINK_ANSWER) {
		buf_put(&s->answer, text);
		node_emit(s->run, S("text"), text, false);
	} else if (kind == THINK_THOUGHT) {
		buf_put(&s->thoughts, text);
		node_reasoning(s->run, text, false);
	} else if (s->thoughts.len > s->told) {
		s->told = s->thoughts.len;
		node_reasoning(s->run, S(""), true);
	}
}

static status split_sink(void *arg, struct str piece)
{
	struct split_sink *s = arg;
	if (s->run->engine->over || s->run->engine->run->stop)
		return err_set(ERR_CANCELLED, "Stopped by user.");
	think_split_feed(&s->split, piece);
	return 0;
}

status llm_quiet(void *arg, struct str piece)
{
	const struct node_run *run = arg;
	(void)piece;
	if (run->engine->over || run->engine->run->stop)
		return err_set(ERR_CANCELLED, "Stopped by user.");
	return 0;
}

/* The class names that workflows test. */
status llm_failed(struct node_run *run)
{
	struct node_result *r = run->result;
	enum err_code code = err_code();
	struct str slug = err_slug(err_last());
	r->error = arena_str(run->mem, err_text());
	r->error_slug = arena_str(run->mem, slug);
	r->error_http = err_http(err_last());
	if (code == ERR_NOT_FOUND || str_eq(slug, S("model_currently_not_support")))
		r->error_type = S("ModelNotExistError");
	else if (str_eq(slug, S("provider_not_initialize")))
		r->error_type = S("ProviderTokenNotInitError");
	else if (code == ERR_BUSY)
		r->error_type = S("RateLimitExceeded");
	else
		r->error_type = S("PluginInvokeError");
	return -1;
}

void llm_usage(struct node_run *run, const struct model_usage *u)
{
	struct arena *mem = run->mem;
	struct json *meta = json_obj(mem);
	run->result->usage = u;
	run->result->tokens = u->total_tokens;
	json_set_int(mem, meta, S("total_tokens"), u->total_tokens);
	json_set_str(mem, meta, S("total_price"), u->total_price);
	json_set_str(mem, meta, S("currency"), u->currency);
	run->result->metadata = meta;
}

static void set_process(struct node_run *run, const struct json *shown, bool completion,
			const struct model_request *q, const struct model_answer *a)
{
	struct arena *mem = run->mem;
	struct json *p = json_obj(mem);
	json_set_str(mem, p, S("model_mode"), completion ? S("completion") : S("chat"));
	json_set(mem, p, S("prompts"), shown);
	json_set(mem, p, S("usage"), model_usage_json(mem, &a->usage));
	json_set_str(mem, p, S("finish_reason"), a->finish_reason);
	json_set_str(mem, p, S("model_provider"), q->provider.len ? q->provider : a->provider);
	json_set_str(mem, p, S("model_name"), q->name.len ? q->name : a->name);
	run->result->process = p;
}

/* --- structured output --- */

/* Models are asked for texts where the schema says boolean: several refuse the type. */
static void booleans_to_text(struct arena *mem, struct json *schema, int depth)
{
	if (depth > JSON_DEPTH_MAX)
		return;
	if (str_eq(json_get_str(schema, S("type")), S("boolean")))
		json_set_str(mem, schema, S("type"), S("string"));
	json_each_member(schema, m) booleans_to_text(mem, &m->value, depth + 1);
	json_each(schema, item) booleans_to_text(mem, item, depth + 1);
}

static struct json *schema_of(struct node_run *run)
{
	const struct json *s = json_get(json_get(run->data, S("structured_output")), S("schema"));
	struct json *copy;
	if (!json_get_bool(run->data, S("structured_output_enabled"), false) || !json_is(s, JSON_OBJ))
		return NULL;
	copy = json_copy(run->mem, s);
	booleans_to_text(run->mem, copy, 0);
	return copy;
}

static status set_structured(struct node_run *run, struct str text)
{
	struct json *v;
	const struct json *found = NULL;
	struct str thoughts;
	text = prompt_split_thoughts(run->mem, text, &thoughts);
	if (json_repair(run->mem, text, &v) == 0) {
		if (v->type == JSON_OBJ)
			found = v;
		json_each(v, item)
			if (!found && item->type == JSON_OBJ)
				found = item;
	}
	if (!found)
		return node_fail(run, "LLMNodeError", "Failed to parse structured output: %.*s", STR(text));
	node_output(run, S("structured_output"), found);
	return 0;
}

/* --- exec --- */

status node_llm_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	const struct json *model = json_get(run->data, S("model"));
	struct model_features features = { 0 };
	struct prompt p = { .features = &features };
	struct json *schema = schema_of(run);
	struct model_answer *a;
	struct model_request q = {
		.tenant_id = run->info->tenant_id,
		.provider = json_get_str(model, S("provider")),
		.name = json_get_str(model, S("name")),
		.parameters = json_get(model, S("completion_params")),
		.user = run->info->user,
	};
	if (models_features(run->flow->options.models, mem, q.tenant_id, q.provider, q.name, &features))
		return llm_failed(run);
	if (node_prompt_build(run, &p))
		return -1;
	if (schema && features.schema)
		q.schema = schema;
	else if (schema)
		prompt_add_schema(mem, &p, schema);
	q.messages = p.messages;
	q.completion = p.completion;
	bool separated = str_eq(json_get_str(run->data, S("reasoning_format")), S("separated"));
	struct split_sink s = { .run = run, .answer = buf_make(mem, 0), .thoughts = buf_make(mem, 0) };
	s.split = think_split_make(mem, split_part, &s);
	if (models_chat(run->flow->options.models, mem, &q, separated ? split_sink : sink,
			separated ? (void *)&s : run, &a))
		return llm_failed(run);
	if (separated)
		think_split_end(&s.split);
	node_emit(run, S("text"), S(""), true);
	struct str text = separated ? buf_str(&s.answer) : a->text;
	struct str thoughts = buf_str(&s.thoughts);
	llm_usage(run, &a->usage);
	set_process(run, p.shown, p.completion, &q, a);
	node_output(run, S("text"), json_str(mem, text));
	node_output(run, S("reasoning_content"), json_str(mem, thoughts));
	node_output(run, S("usage"), model_usage_json(mem, &a->usage));
	node_output(run, S("finish_reason"), json_str(mem, a->finish_reason));
	return schema ? set_structured(run, a->text) : 0;
}

/* Easy apps show what a reasoning model says after its thoughts (golden/streams/chat_think). */
struct call_sink {
	struct node_run *run;
	struct think_filter filter;
};

static status think_sink(void *arg, struct str piece)
{
	struct call_sink *s = arg;
	if (s->run->engine->over || s->run->engine->run->stop)
		return err_set(ERR_CANCELLED, "Stopped by user.");
	struct str shown = think_filter_feed(s->run->mem, &s->filter, piece);
	if (shown.len)
		node_emit(s->run, S("text"), shown, false);
	return 0;
}

status node_model_call_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct model_answer *a;
	/* All easy apps share one graph; runs of earlier versions have the call in their own. */
	const struct json *call = run->engine->run->call ? run->engine->run->call : run->data;
	struct model_request q = {
		.tenant_id = run->info->tenant_id,
		.provider = json_get_str(call, S("provider")),
		.name = json_get_str(call, S("name")),
		.messages = json_get(call, S("messages")),
		.parameters = json_get(call, S("parameters")),
		.user = run->info->user,
		.completion = str_eq(json_get_str(call, S("mode")), S("completion")),
	};
	if (str_eq(json_get_str(call, S("mode")), S("agent")))
		return node_agent_call_exec(run, call);
	if (!json_len(q.messages))
		return node_fail(run, "NoPromptFoundError", "model-call: messages is empty");
	struct call_sink shown = { .run = run };
	if (models_chat(run->flow->options.models, mem, &q, think_sink, &shown, &a))
		return llm_failed(run);
	struct str rest = think_filter_end(&shown.filter);
	if (rest.len)
		node_emit(run, S("text"), rest, false);
	node_emit(run, S("text"), S(""), true);
	llm_usage(run, &a->usage);
	struct think_filter whole = { 0 };
	struct str text = think_filter_feed(mem, &whole, a->text);
	if (!text.len)
		text = think_filter_end(&whole);
	node_output(run, S("text"), json_str(mem, text));
	node_output(run, S("usage"), model_usage_json(mem, &a->usage));
	node_output(run, S("finish_reason"), json_str(mem, a->finish_reason));
	return 0;
}
