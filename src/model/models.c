/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models: the calls that the layers above make: find the target, hand it to its protocol, and
 * check a set-up by one small real call whose failure becomes advice.
 */
#include "model/model_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"

enum { EMBED_TEXTS_MAX = 100000, RERANK_TEXTS_MAX = 2000, CHECK_MS = 60000 };

static struct str setting(struct arena *mem, const struct config *c, enum config_key key)
{
	return c ? arena_str(mem, str_trim(config_str(c, key))) : S("");
}

status models_open(const struct models_options *o, struct models **out)
{
	struct models *m = calloc(1, sizeof(*m));
	ASSERT(m);
	m->mem = arena_open(0);
	m->db = o->db;
	m->client = o->client;
	m->config = o->config;
	if (o->seal_key)
		memcpy(m->seal_key, o->seal_key, CRYPT_KEY_LEN);
	m->model_socket = arena_str(m->mem, o->model_socket);
	m->default_url = setting(m->mem, o->config, CONFIG_TATARA_DEFAULT_MODEL_BASE_URL);
	m->default_name = setting(m->mem, o->config, CONFIG_TATARA_DEFAULT_MODEL_NAME);
	m->default_key = setting(m->mem, o->config, CONFIG_TATARA_DEFAULT_MODEL_API_KEY);
	m->cache = record_cache_open();
	*out = m;
	return 0;
}

void models_close(struct models *m)
{
	if (!m)
		return;
	record_cache_close(m->cache);
	arena_close(m->mem);
	memset(m->seal_key, 0, sizeof m->seal_key);
	free(m);
}

status models_chat(struct models *m, struct arena *mem, const struct model_request *q,
		   model_sink sink, void *arg, struct model_answer **out)
{
	struct target t;
	struct call_failure f = { 0 };
	if (target_find(m, mem, q->tenant_id, q->provider, q->name, MODEL_LLM, &t))
		return -1;
	struct model_request copy = *q;
	/* a model set up for plain completions says so in its record */
	if (str_eq(json_get_str(t.settings, S("mode")), S("completion")) && json_len(q->messages) == 1)
		copy.completion = true;
	struct model_answer *a = arena_new(mem, struct model_answer);
	if (t.provider->protocol->chat(m, mem, &t, &copy, sink, arg, a, &f))
		return -1;
	a->provider = t.provider_id;
	a->name = t.name;
	*out = a;
	return 0;
}

/* true/false, or the words that the console of the replaced server stores. */
static bool able(const struct json *settings, const char *name, const char *old_name,
		 const char *old_word, bool fallback)
{
	const struct json *v = json_get(settings, str_c(name));
	if (json_is(v, JSON_BOOL))
		return v->boolean;
	v = json_get(settings, str_c(old_name));
	if (!json_is(v, JSON_STR) || !v->len)
		return fallback;
	return str_starts(json_as_str(v, S("")), str_c(old_word));
}

static int64_t int_setting(const struct json *settings, struct str name)
{
	const struct json *v = json_get(settings, name);
	int64_t n = json_as_int(v, 0);
	if (json_is(v, JSON_STR) && str_to_i64(str_trim(json_as_str(v, S(""))), &n))
		return 0;
	return MAX(n, 0);
}

status models_features(struct models *m, struct arena *mem, struct str tenant_id,
		       struct str provider, struct str name, struct model_features *out)
{
	struct target t;
	if (target_find(m, mem, tenant_id, provider, name, MODEL_LLM, &t))
		return -1;
	const struct dialect *d = &t.provider->dialect;
	struct model_features f = { 0 };
	f.vision = able(t.settings, "vision", "vision_support", "support", d->knows_vision);
	/* "tool_call" and "function_call" can, "no_call" cannot */
	f.tools = able(t.settings, "tools", "function_calling_type", "tool_call", d->knows_tools) ||
		  able(t.settings, "tools", "function_calling_type", "function_call", d->knows_tools);
	f.schema = able(t.settings, "schema", "structured_output_support", "supported",
			d->knows_schema);
	f.quotes_only = str_eq(t.provider_id, S("tatara"));
	f.context_size = int_setting(t.settings, S("context_size"));
	*out = f;
	return 0;
}

status models_embed(struct models *m, struct arena *mem, struct str tenant_id, struct str provider,
		    struct str name, const struct str *texts, size_t n, bool query, float **out,
		    size_t *dims, struct model_usage *usage)
{
	struct target t;
	struct call_failure f = { 0 };
	int64_t tokens, start = rt_now();
	if (!n || n > EMBED_TEXTS_MAX)
		return err_set(ERR_INVALID, "1 to %d texts can be embedded at once", EMBED_TEXTS_MAX);
	if (target_find(m, mem, tenant_id, provider, name, MODEL_EMBEDDING, &t))
		return -1;
	if (t.provider->protocol->embed(m, mem, &t, texts, n, query, out, dims, &tokens, &f))
		return -1;
	if (!usage)
		return 0;
	*usage = (struct model_usage){ .prompt_tokens = tokens, .total_tokens = tokens };
	usage->first_token = -1;
	usage->latency = (double)(rt_now() - start) / 1e9;
	usage_price(mem, usage, t.settings);
	return 0;
}

status models_rerank(struct models *m, struct arena *mem, struct str tenant_id, struct str provider,
		     struct str name, struct str query, const struct str *texts, size_t n,
		     size_t top_n, struct model_rank **out, size_t *out_n)
{
	struct target t;
	struct call_failure f = { 0 };
	if (!n || n > RERANK_TEXTS_MAX)
		return err_set(ERR_INVALID, "1 to %d texts can be ranked at once", RERANK_TEXTS_MAX);
	if (target_find(m, mem, tenant_id, provider, name, MODEL_RERANK, &t))
		return -1;
	top_n = top_n ? MIN(top_n, n) : n;
	return t.provider->protocol->rerank(m, mem, &t, query, texts, n, top_n, out, out_n, &f);
}

/* --- check --- */

static status first_piece(void *arg, struct str piece)
{
	*(bool *)arg = true;
	return err_set(ERR_CLOSED, "enough");
}

static status check_call(struct models *m, struct arena *mem, const struct target *t,
			 struct call_failure *f)
{
	const struct protocol *p = t->provider->protocol;
	struct str texts[] = { S("hello") };
	if (t->type == MODEL_EMBEDDING) {
		float *v;
		size_t dims;
		int64_t tokens;
		return p->embed(m, mem, t, texts, 1, true, &v, &dims, &tokens, f);
	}
	if (t->type == MODEL_RERANK) {
		struct model_rank *ranks;
		size_t n;
		return p->rerank(m, mem, t, S("hello"), texts, 1, 1, &ranks, &n, f);
	}
	if (t->type == MODEL_SPEECH2TEXT) {
		struct model_sound sound = { .bytes = silent_wav(mem), .filename = S("check.wav"),
					     .type = S("audio/wav") };
		struct str text;
		return p->transcribe(m, mem, t, &sound, &text, f);
	}
	if (t->type == MODEL_TTS) {
		struct str *voices;
		size_t n;
		bool spoken = false;
		target_voices(mem, t, &voices, &n);
		status st = p->speak(m, mem, t, S("Hello."), n ? voices[0] : S(""), first_piece, &spoken, f);
		return spoken ? 0 : st;
	}
	struct json *messages = json_arr(mem), *msg = json_push(mem, messages, json_obj(mem));
	json_set_str(mem, msg, S("role"), S("user"));
	json_set_str(mem, msg, S("content"), S("Say hi."));
	struct json *params = json_obj(mem);
	json_set_int(mem, params, S("max_tokens"), 16);
	struct model_request q = { .messages = messages, .parameters = params };
	q.completion = str_eq(json_get_str(t->settings, S("mode")), S("completion"));
	struct model_answer a;
	bool answered = false;
	/* one piece is proof enough; the rest is not paid for */
	status st = p->chat(m, mem, t, &q, first_piece, &answered, &a, f);
	return answered ? 0 : st;
}

static bool is_local(struct str url)
{
	return str_has(url, S("://localhost")) || str_has(url, S("://127.")) || str_has(url, S("[::1]"));
}

static status advise(struct models *m, struct arena *mem, const struct target *t, int http)
{
	if (err_code() == ERR_CANCELLED)
		return -1;
	struct str why = arena_str(mem, err_text());
	struct str offered = S("");
	why = str_sub(why, 0, utf8_prefix(why, 400));
	if (http == 401 || http == 403)
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "%.*s. The key was not accepted: check that it is complete, not "
				  "expired, and belongs to this server.", STR(why));
	if (http == 404 || http == 400) {
		bool listed = !t->provider->protocol->names(m, mem, t, &offered) && offered.len;
		if (listed)
			return err_public(ERR_INVALID, "invalid_param", 400,
					  "%.*s. Check the model's name; this server offers: %.*s",
					  STR(why), STR(offered));
	}
	if (http == 404)
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "%.*s. Check the address: it usually ends with /v1, for example "
				  "http://127.0.0.1:11434/v1 for Ollama.", STR(why));
	if (http == 429)
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "%.*s. The server limits this key: check its quota or billing, or try "
				  "again later.", STR(why));
	if (!http)
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "%.*s. Check that the server runs and that the address is right%s.",
				  STR(why), is_local(t->base_url)
					  ? "; from inside a container, localhost is the container: use "
					    "host.docker.internal or the machine's address" : "");
	return err_public(ERR_INVALID, "invalid_param", 400, "%.*s", STR(why));
}

status models_check(struct models *m, struct arena *mem, const struct model_set *s)
{
	struct target t;
	struct call_failure f = { 0 };
	if (target_of_set(m, mem, s, &t))
		return -1;
	if (t.provider->info.needs_key && !t.api_key.len)
		return err_set(ERR_INVALID, "%s needs a key: get one at %s", t.provider->info.label_en,
			       t.provider->info.help_url);
	deadline saved = deadline_push(deadline_in_ms(CHECK_MS));
	status st = check_call(m, mem, &t, &f);
	deadline_pop(saved);
	return st ? advise(m, mem, &t, f.http) : 0;
}
