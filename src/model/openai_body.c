/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openai_body: requests in the form of OpenAI's chat API from what app files say. Parameters of
 * app files pass through under their own names, but for those that mean something else there.
 */
#include "model/model_int.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* OpenAI's reasoning models refuse max_tokens. */
static bool reasoning_name(struct str name)
{
	static const char *const starts[] = { "o1", "o3", "o4", "gpt-5" };
	for (size_t i = 0; i < countof(starts); i++)
		if (str_starts(name, str_c(starts[i])))
			return true;
	return false;
}

static void put_schema(struct arena *mem, struct json *body, const struct json *schema)
{
	/* {"name","schema"} as the console of the replaced server stores it, or the bare schema */
	const struct json *inner = json_get(schema, S("schema"));
	bool wrapped = json_is(inner, JSON_OBJ);
	struct json *form = json_obj(mem), *named = json_obj(mem);
	struct str name = wrapped ? json_get_str(schema, S("name")) : S("");
	json_set_str(mem, named, S("name"), name.len ? name : S("answer"));
	json_set(mem, named, S("schema"), wrapped ? inner : schema);
	const struct json *closed = json_get(wrapped ? inner : schema, S("additionalProperties"));
	const struct json *strict = wrapped ? json_get(schema, S("strict")) : NULL;
	/* strict mode is only legal for closed schemas */
	if (strict)
		json_set(mem, named, S("strict"), strict);
	else if (json_is(closed, JSON_BOOL) && !closed->boolean)
		json_set_bool(mem, named, S("strict"), true);
	json_set_str(mem, form, S("type"), S("json_schema"));
	json_set(mem, form, S("json_schema"), named);
	json_set(mem, body, S("response_format"), form);
}

/* "response_format" is a word in app files and an object on the wire. */
static void put_format(struct arena *mem, struct json *body, const struct json *params)
{
	const struct json *f = json_get(params, S("response_format"));
	if (json_is(f, JSON_OBJ)) {
		json_set(mem, body, S("response_format"), f);
		return;
	}
	struct str word = json_as_str(f, S(""));
	if (str_eq_nocase(word, S("json_schema"))) {
		const struct json *s = json_get(params, S("json_schema"));
		struct json *parsed = NULL;
		if (json_is(s, JSON_STR) && json_parse(mem, json_as_str(s, S("")), &parsed))
			err_clear();
		if (json_is(s, JSON_OBJ) || json_is(parsed, JSON_OBJ))
			put_schema(mem, body, parsed ? parsed : s);
		return;
	}
	if (str_eq_nocase(word, S("json_object")) || str_eq_nocase(word, S("json")))
		word = S("json_object");
	else if (!str_eq(word, S("text")))
		return;
	struct json *form = json_obj(mem);
	json_set_str(mem, form, S("type"), word);
	json_set(mem, body, S("response_format"), form);
}

static void put_stop(struct arena *mem, struct json *body, const struct json *stop)
{
	struct json *list = json_arr(mem);
	if (json_is(stop, JSON_STR) && stop->len)
		json_push(mem, list, stop);
	json_each(stop, it)
		if (json_is(it, JSON_STR) && it->len)
			json_push(mem, list, it);
	if (list->len)
		json_set(mem, body, S("stop"), list);
}

static void put_thinking(struct arena *mem, struct json *body, const struct json *on)
{
	struct json *kwargs = json_obj(mem);
	json_set(mem, kwargs, S("enable_thinking"), on);
	json_set(mem, kwargs, S("thinking"), on);
	json_set(mem, body, S("chat_template_kwargs"), kwargs);
}

static void put_parameters(struct arena *mem, const struct target *t, struct json *body,
			   const struct json *params)
{
	static const char *const ours[] = { "model", "messages", "prompt", "stream", "stream_options",
					    "tools", "n", "json_schema" };
	json_each_member(params, p)
	{
		bool skip = p->value.type == JSON_NULL;
		for (size_t i = 0; i < countof(ours); i++)
			skip |= str_eq(p->name, str_c(ours[i]));
		if (skip)
			continue;
		if (str_eq(p->name, S("response_format")))
			put_format(mem, body, params);
		else if (str_eq(p->name, S("stop")))
			put_stop(mem, body, &p->value);
		else if (str_eq(p->name, S("enable_thinking")) && p->value.type == JSON_BOOL &&
			 !t->provider->dialect.names_reasoning)
			put_thinking(mem, body, &p->value);
		else if (str_eq(p->name, S("max_tokens")) && t->provider->dialect.names_reasoning &&
			 reasoning_name(t->upstream))
			json_set(mem, body, S("max_completion_tokens"), &p->value);
		else
			json_set(mem, body, p->name, &p->value);
	}
}

struct str openai_chat_body(struct arena *mem, const struct target *t, const struct model_request *q,
			    bool usage_option)
{
	struct json *body = json_obj(mem);
	json_set_str(mem, body, S("model"), t->upstream);
	if (q->completion)
		json_set_str(mem, body, S("prompt"),
			     json_get_str(json_at(q->messages, 0), S("content")));
	else
		json_set(mem, body, S("messages"), q->messages);
	json_set_bool(mem, body, S("stream"), true);
	if (usage_option) {
		struct json *o = json_obj(mem);
		json_set_bool(mem, o, S("include_usage"), true);
		json_set(mem, body, S("stream_options"), o);
	}
	put_parameters(mem, t, body, q->parameters);
	if (json_len(q->tools) && !q->completion)
		json_set(mem, body, S("tools"), q->tools);
	if (q->schema)
		put_schema(mem, body, q->schema);
	if (q->user.len)
		json_set_str(mem, body, S("user"), q->user);
	return json_text(mem, body, JSON_COMPACT);
}
