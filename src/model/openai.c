/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openai: the protocol that nearly every model server speaks: chat and plain completions as
 * streams, embeddings, and the rerank call that came to be its neighbour.
 */
#include "model/model_int.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "net/client.h"

static status bad_answer(const struct target *t, const char *what)
{
	return err_public(ERR_INVALID, "invalid_param", 400, "Model %.*s: the server's answer %s",
			  STR(t->name), what);
}

/* Takes the events of an open stream until its end. */
static status read_events(struct arena *mem, const struct target *t, struct client_stream *s,
			  struct openai_reader *r)
{
	struct sse_reader *events = sse_reader_open(mem, s, MODEL_EVENT_MAX);
	struct sse_event e;
	bool end = false;
	while (true) {
		struct str refused;
		if (sse_reader_next(events, &e, &end))
			return upstream_broken(t);
		if (end)
			break;
		/* Of one event: while a slow model thinks, nothing is held. */
		AUTO(arena) scratch = { arena_open(2 << 10) };
		status st = openai_reader_event(r, scratch.p, e.data, &refused);
		if (st && err_code() == ERR_INVALID && !err_last()->slug[0])
			return bad_answer(t, "is not in the form of OpenAI's protocol");
		if (st)
			return -1;
		if (refused.len)
			return upstream_refused(t, client_stream_head(s)->status, refused, mem);
		if (str_eq(str_trim(e.data), S("[DONE]")))
			break;
	}
	return r->done || r->any ? 0 : bad_answer(t, "ended before it began");
}

/* A server that does not stream answers with the whole message. */
static status read_whole(struct arena *mem, const struct target *t, struct client_stream *s,
			 struct openai_reader *r)
{
	struct buf b = buf_make(mem, MODEL_ANSWER_MAX);
	struct str refused;
	while (true) {
		size_t n = 0;
		char *at = buf_reserve(&b, 16384);
		if (!at)
			return bad_answer(t, "is too long");
		if (client_stream_read(s, at, 16384, &n))
			return upstream_broken(t);
		if (!n)
			break;
		b.len += n;
	}
	if (openai_reader_event(r, mem, buf_str(&b), &refused))
		return err_code() == ERR_INVALID ? bad_answer(t, "is no JSON") : -1;
	if (refused.len)
		return upstream_refused(t, client_stream_head(s)->status, refused, mem);
	return 0;
}

/* 400 because of an option that older servers do not know. */
static bool refused_option(const struct call_failure *f)
{
	return (f->http == 400 || f->http == 422) && str_has(err_text(), S("stream_options"));
}

static status open_chat(struct models *m, struct arena *mem, const struct target *t,
			const struct model_request *q, struct call_failure *f,
			struct client_stream **out)
{
	struct upstream u = { .models = m, .target = t, .failure = f };
	u.path = q->completion ? S("/completions") : S("/chat/completions");
	u.body = openai_chat_body(mem, t, q, t->provider->dialect.usage_option);
	if (!upstream_open(mem, &u, out))
		return 0;
	if (!t->provider->dialect.usage_option || !refused_option(f))
		return -1;
	u.body = openai_chat_body(mem, t, q, false);
	return upstream_open(mem, &u, out);
}

struct timed_sink {
	model_sink sink;
	void *arg;
	int64_t first_ns;
};

static status timed(void *arg, struct str piece)
{
	struct timed_sink *s = arg;
	if (!s->first_ns)
		s->first_ns = rt_now();
	return s->sink ? s->sink(s->arg, piece) : 0;
}

static void fill_usage(struct arena *mem, const struct target *t, const struct model_request *q,
		       const struct openai_reader *r, struct model_usage *u)
{
	u->prompt_tokens = r->prompt_tokens;
	u->completion_tokens = r->completion_tokens;
	u->total_tokens = r->total_tokens;
	if (!r->has_usage) {
		u->estimated = true;
		u->prompt_tokens = usage_estimate_messages(q->messages);
		u->completion_tokens = usage_estimate(buf_str(r->text));
		for (size_t i = 0; i < r->call_count; i++)
			u->completion_tokens += usage_estimate(buf_str(r->calls[i].arguments));
		u->total_tokens = u->prompt_tokens + u->completion_tokens;
	}
	usage_price(mem, u, t->settings);
}

static status chat(struct models *m, struct arena *mem, const struct target *t,
		   const struct model_request *q, model_sink sink, void *arg, struct model_answer *a,
		   struct call_failure *f)
{
	struct timed_sink ts = { sink, arg, 0 };
	struct openai_reader r;
	int64_t start = rt_now();
	for (int tries = 1;; tries++) {
		AUTO(client_stream) s = { NULL };
		openai_reader_init(&r, mem, timed, &ts);
		if (open_chat(m, mem, t, q, f, &s.p))
			return -1;
		struct str type = client_header(client_stream_head(s.p), S("content-type"));
		bool whole = str_starts(type, S("application/json"));
		status st = whole ? read_whole(mem, t, s.p, &r) : read_events(mem, t, s.p, &r);
		if (!st)
			break;
		/* a stream that broke before its first piece has cost nobody anything */
		bool again = !r.any && !r.call_count && err_code() == ERR_INVALID && !r.done &&
			     str_has(err_text(), S("cannot be reached"));
		if (!again || !upstream_again(tries, 0, 0))
			return -1;
	}
	if (openai_reader_end(&r))
		return -1;
	int64_t end = rt_now();
	a->text = buf_str(r.text);
	a->reasoning = buf_str(r.reasoning);
	a->finish_reason = r.finish_reason;
	a->tool_calls = r.tool_calls;
	fill_usage(mem, t, q, &r, &a->usage);
	a->usage.latency = (double)(end - start) / 1e9;
	a->usage.first_token = ts.first_ns ? (double)(ts.first_ns - start) / 1e9 : -1;
	a->usage.generate = ts.first_ns ? (double)(end - ts.first_ns) / 1e9 : 0;
	return 0;
}

/* --- embeddings --- */

static int64_t batch_size(const struct target *t)
{
	const struct json *v = json_get(t->settings, S("max_chunks"));
	int64_t n = json_as_int(v, 0);
	if (json_is(v, JSON_STR) && str_to_i64(json_as_str(v, S("")), &n))
		n = 0; /* the console stores texts; a wrong one counts as absent */
	return n > 0 ? MIN(n, 2048) : MODEL_EMBED_BATCH;
}

static struct str embed_body(struct arena *mem, const struct target *t, const struct str *texts,
			     size_t n, bool query)
{
	struct json *body = json_obj(mem), *input = json_arr(mem);
	struct str prefix = json_get_str(t->settings, query ? S("query_prefix") : S("passage_prefix"));
	for (size_t i = 0; i < n; i++)
		json_push_str(mem, input,
			      prefix.len ? arena_printf(mem, "%.*s%.*s", STR(prefix), STR(texts[i]))
					 : texts[i]);
	json_set_str(mem, body, S("model"), t->upstream);
	json_set(mem, body, S("input"), input);
	json_set_str(mem, body, S("encoding_format"), S("float"));
	if (t->provider->dialect.input_type)
		json_set_str(mem, body, S("input_type"), query ? S("query") : S("passage"));
	return json_text(mem, body, JSON_COMPACT);
}

/* Scales to length one; false for a vector without length or with a value that is no number. */
static bool normalise(float *v, size_t dims)
{
	double sum = 0;
	for (size_t i = 0; i < dims; i++)
		sum += (double)v[i] * v[i];
	if (!isfinite(sum) || sum <= 0)
		return false;
	double scale = 1 / sqrt(sum);
	for (size_t i = 0; i < dims; i++)
		v[i] = (float)(v[i] * scale);
	return true;
}

static status read_vectors(struct arena *mem, const struct target *t, const struct json *answer,
			   size_t n, float **out, size_t *dims, bool *seen)
{
	json_each(json_get(answer, S("data")), item)
	{
		const struct json *v = json_get(item, S("embedding"));
		int64_t index = json_get_int(item, S("index"), -1);
		size_t len = json_is(v, JSON_ARR) ? v->len : 0;
		if (index < 0 || (size_t)index >= n || !len || len > MODEL_EMBED_DIMS_MAX)
			return bad_answer(t, "has a wrong index or no embedding");
		if (*dims && len != *dims)
			return bad_answer(t, "has embeddings of different lengths");
		if (!*out)
			*out = arena_array(mem, float, size_mul(n, len));
		*dims = len;
		float *row = *out + (size_t)index * len;
		for (size_t i = 0; i < len; i++)
			row[i] = (float)json_as_double(json_at(v, i), NAN);
		if (!normalise(row, len))
			return bad_answer(t, "has an embedding that is no vector");
		seen[index] = true;
	}
	for (size_t i = 0; i < n; i++)
		if (!seen[i])
			return bad_answer(t, "lacks an embedding");
	return 0;
}

static status embed(struct models *m, struct arena *mem, const struct target *t,
		    const struct str *texts, size_t n, bool query, float **out, size_t *dims,
		    int64_t *tokens, struct call_failure *f)
{
	size_t step = (size_t)batch_size(t);
	float *all = NULL;
	*dims = 0;
	*tokens = 0;
	for (size_t i = 0; i < n; i += step) {
		AUTO(arena) tmp = { arena_open(0) };
		size_t count = MIN(step, n - i), had = *dims;
		float *part = NULL;
		struct json *answer;
		struct upstream u = { .models = m, .target = t, .failure = f };
		u.path = S("/embeddings");
		u.body = embed_body(tmp.p, t, texts + i, count, query);
		bool *seen = arena_array(tmp.p, bool, count);
		if (upstream_json(tmp.p, &u, &answer) ||
		    read_vectors(tmp.p, t, answer, count, &part, dims, seen))
			return -1;
		if (had && had != *dims)
			return bad_answer(t, "changed the length of its embeddings");
		if (!all)
			all = arena_array(mem, float, size_mul(n, *dims));
		for (size_t k = 0; k < count * *dims; k++)
			all[i * *dims + k] = part[k];
		int64_t used = json_as_int(json_path(answer, "usage.prompt_tokens"), -1);
		for (size_t k = 0; used < 0 && k < count; k++)
			*tokens += usage_estimate(texts[i + k]);
		*tokens += MAX(used, 0);
	}
	*out = all;
	return 0;
}

/* --- rerank --- */

static status rerank(struct models *m, struct arena *mem, const struct target *t, struct str query,
		     const struct str *texts, size_t n, size_t top_n, struct model_rank **out,
		     size_t *out_n, struct call_failure *f)
{
	struct json *body = json_obj(mem), *documents = json_arr(mem), *answer;
	for (size_t i = 0; i < n; i++)
		json_push_str(mem, documents, texts[i]);
	json_set_str(mem, body, S("model"), t->upstream);
	json_set_str(mem, body, S("query"), query);
	json_set(mem, body, S("documents"), documents);
	json_set_int(mem, body, S("top_n"), (int64_t)top_n);
	struct upstream u = { .models = m, .target = t, .path = S("/rerank"), .failure = f };
	u.body = json_text(mem, body, JSON_COMPACT);
	if (upstream_json(mem, &u, &answer))
		return -1;
	const struct json *results = json_get(answer, S("results"));
	if (!json_is(results, JSON_ARR))
		return bad_answer(t, "has no results");
	struct model_rank *list = arena_array(mem, struct model_rank, MAX(results->len, 1u));
	size_t count = 0;
	json_each(results, item)
	{
		int64_t index = json_get_int(item, S("index"), -1);
		double score = json_as_double(json_get(item, S("relevance_score")), NAN);
		if (index < 0 || (size_t)index >= n || isnan(score))
			return bad_answer(t, "has a wrong index or no score");
		size_t at = count++;
		for (; at && list[at - 1].score < score; at--)
			list[at] = list[at - 1];
		list[at] = (struct model_rank){ (size_t)index, score };
	}
	*out = list;
	*out_n = MIN(count, top_n);
	return 0;
}

static status names(struct models *m, struct arena *mem, const struct target *t, struct str *out)
{
	struct call_failure f = { 0 };
	struct json *answer;
	struct upstream u = { .models = m, .target = t, .path = S("/models"), .failure = &f };
	if (upstream_json(mem, &u, &answer))
		return -1;
	struct buf b = buf_make(mem, 600);
	json_each(json_get(answer, S("data")), item)
	{
		struct str id = json_get_str(item, S("id"));
		if (b.len + id.len > 300)
			break;
		buf_printf(&b, "%s%.*s", b.len ? ", " : "", STR(id));
	}
	*out = buf_str(&b);
	return 0;
}

const struct protocol protocol_openai = { chat, embed, rerank, openai_transcribe, openai_speak, names };
