/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime: what the model role serves, in the form of OpenAI's API: embeddings of the bundled model
 * and chat completions of `quote`. Shapes only; the work is in engine and quote.
 */
#include "model/model_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "model/engine.h"
#include "model/quote.h"
#include "net/http.h"

#define EMBED_NAME "multilingual-e5-small"
#define QUOTE_NAME "quote"
/* Clients of this protocol do not expect pings, and answers take seconds at most. */
enum { PING_MS = 3600000, EMBED_INPUTS_MAX = 2048 };

struct model_runtime {
	struct engine *engine;
};

status model_runtime_open(const struct model_runtime_options *o, struct model_runtime **out)
{
	struct model_runtime *r = calloc(1, sizeof(*r));
	ASSERT(r);
	if (embedder_open(o->weights, o->unload_after_ms, &r->engine)) {
		free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void model_runtime_close(struct model_runtime *r)
{
	if (!r)
		return;
	embedder_close(r->engine);
	free(r);
}

static status reply_json(struct http *h, int code, const struct json *v)
{
	return http_reply(h, code, S("application/json"), json_text(h->mem, v, JSON_COMPACT));
}

static status reply_error(struct http *h)
{
	const struct err *e = err_last();
	int code = err_http(e);
	struct json *o = json_obj(h->mem), *inner = json_set(h->mem, o, S("error"), json_obj(h->mem));
	json_set_str(h->mem, inner, S("message"), arena_str(h->mem, err_text()));
	json_set_str(h->mem, inner, S("type"),
		     code < 500 ? S("invalid_request_error") : S("server_error"));
	json_set_str(h->mem, inner, S("code"), arena_str(h->mem, err_slug(e)));
	return reply_json(h, code, o);
}

static status body_json(struct http *h, struct json **out)
{
	struct str body;
	if (http_body(h, &body) || json_parse(h->mem, body, out))
		return -1;
	return json_is(*out, JSON_OBJ) ? 0 : err_set(ERR_INVALID, "the body must be a JSON object");
}

/* --- embeddings --- */

static status read_input(struct arena *mem, const struct json *input, struct str **texts, size_t *n)
{
	if (json_is(input, JSON_STR)) {
		*texts = arena_new(mem, struct str);
		**texts = json_as_str(input, S(""));
		*n = 1;
		return 0;
	}
	if (!json_is(input, JSON_ARR) || !input->len || input->len > EMBED_INPUTS_MAX)
		return err_set(ERR_INVALID, "input: must be a text or an array of 1 to %d texts",
			       EMBED_INPUTS_MAX);
	*n = 0;
	*texts = arena_array(mem, struct str, input->len);
	json_each(input, it)
	{
		if (!json_is(it, JSON_STR))
			return err_set(ERR_INVALID, "input: every item must be a text");
		(*texts)[(*n)++] = json_as_str(it, S(""));
	}
	return 0;
}

static struct json *vector_json(struct arena *mem, const float *v, bool base64)
{
	if (base64) /* little-endian floats; both processors that we support are */
		return json_str(mem, enc_base64(mem, str_of((const char *)v, ENGINE_DIMS * sizeof(float))));
	struct buf b = buf_make(mem, 0);
	buf_putc(&b, '[');
	for (size_t i = 0; i < ENGINE_DIMS; i++)
		buf_printf(&b, "%s%.9g", i ? "," : "", (double)v[i]);
	buf_putc(&b, ']');
	return json_raw(mem, buf_str(&b));
}

static status embeddings(struct http *h, struct model_runtime *r)
{
	struct arena *mem = h->mem;
	struct json *q;
	struct str *texts = NULL;
	size_t n = 0;
	float *vectors;
	int64_t tokens;
	if (body_json(h, &q) || read_input(mem, json_get(q, S("input")), &texts, &n))
		return -1;
	struct str model = json_get_str(q, S("model")), format = json_get_str(q, S("encoding_format"));
	struct str type = json_get_str(q, S("input_type"));
	if (model.len && !str_eq(model, S(EMBED_NAME)))
		return err_set(ERR_NOT_FOUND, "model \"%.*s\" does not exist here; embeddings come from "
			       EMBED_NAME, (int)MIN(model.len, 100), model.at);
	bool base64 = str_eq(format, S("base64"));
	if (format.len && !base64 && !str_eq(format, S("float")))
		return err_set(ERR_INVALID, "encoding_format: must be float or base64");
	bool query = str_eq(type, S("query"));
	if (type.len && !query && !str_eq(type, S("passage")))
		return err_set(ERR_INVALID, "input_type: must be query or passage");
	if (embedder_embed(r->engine, mem, texts, n, query, &vectors, &tokens))
		return -1;
	struct json *o = json_obj(mem), *usage = json_obj(mem);
	json_set_str(mem, o, S("object"), S("list"));
	struct json *data = json_set(mem, o, S("data"), json_arr(mem));
	for (size_t i = 0; i < n; i++) {
		struct json *item = json_push(mem, data, json_obj(mem));
		json_set_str(mem, item, S("object"), S("embedding"));
		json_set_int(mem, item, S("index"), (int64_t)i);
		json_set(mem, item, S("embedding"),
			 vector_json(mem, vectors + i * ENGINE_DIMS, base64));
	}
	json_set_str(mem, o, S("model"), S(EMBED_NAME));
	json_set_int(mem, usage, S("prompt_tokens"), tokens);
	json_set_int(mem, usage, S("total_tokens"), tokens);
	json_set(mem, o, S("usage"), usage);
	return reply_json(h, 200, o);
}

/* --- chat --- */

struct answer {
	struct http *h;
	struct str id;
	int64_t created, prompt_tokens;
	bool stream, usage, began;
	struct buf text;
};

static struct json *usage_json(const struct answer *a)
{
	struct arena *mem = a->h->mem;
	struct json *u = json_obj(mem);
	int64_t completion = usage_estimate(buf_str(&a->text));
	json_set_int(mem, u, S("prompt_tokens"), a->prompt_tokens);
	json_set_int(mem, u, S("completion_tokens"), completion);
	json_set_int(mem, u, S("total_tokens"), a->prompt_tokens + completion);
	return u;
}

static struct json *frame(const struct answer *a, struct str object)
{
	struct arena *mem = a->h->mem;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), a->id);
	json_set_str(mem, o, S("object"), object);
	json_set_int(mem, o, S("created"), a->created);
	json_set_str(mem, o, S("model"), S(QUOTE_NAME));
	return o;
}

static struct json *choice(const struct answer *a, struct json *o)
{
	struct arena *mem = a->h->mem;
	struct json *choices = json_set(mem, o, S("choices"), json_arr(mem));
	struct json *c = json_push(mem, choices, json_obj(mem));
	json_set_int(mem, c, S("index"), 0);
	return c;
}

static status send_chunk(struct answer *a, struct str piece, struct str finish)
{
	struct arena *mem = a->h->mem;
	struct json *o = frame(a, S("chat.completion.chunk")), *c = choice(a, o);
	struct json *delta = json_set(mem, c, S("delta"), json_obj(mem));
	if (!a->began && sse_begin(a->h, PING_MS))
		return -1;
	if (!a->began)
		json_set_str(mem, delta, S("role"), S("assistant"));
	a->began = true;
	if (!finish.len)
		json_set_str(mem, delta, S("content"), piece);
	json_set_str_or_null(mem, c, S("finish_reason"), finish.len ? finish : (struct str){ 0 });
	return sse_data(a->h, S(""), json_text(mem, o, JSON_COMPACT));
}

static status on_piece(void *arg, struct str piece)
{
	struct answer *a = arg;
	buf_put(&a->text, piece);
	return a->stream ? send_chunk(a, piece, S("")) : 0;
}

static status end_stream(struct answer *a)
{
	if (send_chunk(a, S(""), S("stop")))
		return -1;
	if (a->usage) {
		struct json *o = frame(a, S("chat.completion.chunk"));
		json_set(a->h->mem, o, S("choices"), json_arr(a->h->mem));
		json_set(a->h->mem, o, S("usage"), usage_json(a));
		if (sse_data(a->h, S(""), json_text(a->h->mem, o, JSON_COMPACT)))
			return -1;
	}
	return sse_data(a->h, S(""), S("[DONE]")) ? -1 : sse_end(a->h);
}

static status reply_whole(struct answer *a)
{
	struct arena *mem = a->h->mem;
	struct json *o = frame(a, S("chat.completion")), *c = choice(a, o);
	struct json *m = json_set(mem, c, S("message"), json_obj(mem));
	json_set_str(mem, m, S("role"), S("assistant"));
	json_set_str(mem, m, S("content"), buf_str(&a->text));
	json_set_str(mem, c, S("finish_reason"), S("stop"));
	json_set(mem, o, S("usage"), usage_json(a));
	return reply_json(a->h, 200, o);
}

static status chat(struct http *h, struct model_runtime *r)
{
	struct json *q;
	if (body_json(h, &q))
		return -1;
	struct str model = json_get_str(q, S("model"));
	const struct json *messages = json_get(q, S("messages"));
	if (!str_eq(model, S(QUOTE_NAME)))
		return err_set(ERR_NOT_FOUND, "model \"%.*s\" does not exist here; the bundled model "
			       "is " QUOTE_NAME, (int)MIN(model.len, 100), model.at);
	if (!json_is(messages, JSON_ARR) || !messages->len)
		return err_set(ERR_INVALID, "messages: must be an array with at least one message");
	struct answer a = { .h = h, .created = clock_s(), .text = buf_make(h->mem, 0) };
	a.id = arena_printf(h->mem, "chatcmpl-%.*s", STR(id_uuid(h->mem)));
	a.stream = json_get_bool(q, S("stream"), false);
	a.usage = json_as_bool(json_path(q, "stream_options.include_usage"), false);
	a.prompt_tokens = usage_estimate_messages(messages);
	struct quote_task t = quote_task_of(h->mem, messages);
	if (quote_answer(r->engine, h->mem, &t, on_piece, &a))
		return -1;
	return a.stream ? end_stream(&a) : reply_whole(&a);
}

/* --- the rest --- */

static status list_models(struct http *h, struct model_runtime *r)
{
	static const char *const names[] = { EMBED_NAME, QUOTE_NAME };
	struct arena *mem = h->mem;
	struct json *o = json_obj(mem);
	(void)r;
	json_set_str(mem, o, S("object"), S("list"));
	struct json *data = json_set(mem, o, S("data"), json_arr(mem));
	for (size_t i = 0; i < countof(names); i++) {
		struct json *m = json_push(mem, data, json_obj(mem));
		json_set_str(mem, m, S("id"), str_c(names[i]));
		json_set_str(mem, m, S("object"), S("model"));
		json_set_int(mem, m, S("created"), 0);
		json_set_str(mem, m, S("owned_by"), S("tatara"));
	}
	return reply_json(h, 200, o);
}

static status health(struct http *h, struct model_runtime *r)
{
	struct json *o = json_obj(h->mem);
	(void)r;
	json_set_str(h->mem, o, S("status"), S("ok"));
	return reply_json(h, 200, o);
}

/* Ready without loaded weights: they are loaded when first asked for. */
static status ready(struct http *h, struct model_runtime *r)
{
	struct json *o = json_obj(h->mem);
	struct engine_stats s;
	if (embedder_check(r->engine))
		return -1;
	embedder_stats_get(r->engine, &s);
	json_set_str(h->mem, o, S("status"), S("ok"));
	json_set_bool(h->mem, o, S("loaded"), s.loaded);
	json_set_str(h->mem, o, S("arithmetic"), str_c(embedder_arithmetic()));
	return reply_json(h, 200, o);
}

static const struct {
	enum http_method method;
	const char *path;
	status (*fn)(struct http *, struct model_runtime *);
} runtime_routes[] = {
	{ HTTP_POST, "/v1/embeddings", embeddings },
	{ HTTP_POST, "/v1/chat/completions", chat },
	{ HTTP_GET, "/v1/models", list_models },
	{ HTTP_GET, "/health", health },
	{ HTTP_GET, "/ready", ready },
};

status model_runtime_handle(struct http *h, void *runtime)
{
	bool path_known = false;
	for (size_t i = 0; i < countof(runtime_routes); i++) {
		if (!str_eq(h->path, str_c(runtime_routes[i].path)))
			continue;
		path_known = true;
		if (h->method != runtime_routes[i].method)
			continue;
		if (!runtime_routes[i].fn(h, runtime))
			return 0;
		if (err_code() == ERR_CANCELLED || http_started(h))
			return -1;
		return reply_error(h);
	}
	if (path_known)
		(void)err_set(ERR_METHOD, "this path is called with another method");
	else
		(void)err_set(ERR_NOT_FOUND, "%.*s does not exist here", (int)MIN(h->path.len, 200),
			      h->path.at);
	return reply_error(h);
}
