/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks: what flow asks of this folder while a run goes on and when it ends, and the metadata that
 * both the stored message and the answers to clients show.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "chat/chat_int.h"
#include "model/model.h"
#include "sql_chat.h"

static bool is_chatflow(struct str mode)
{
	return str_eq(mode, S("advanced-chat"));
}

/* Counts and prices when nothing was called, or when an easy app was stopped before its vendor
 * told them; clients read the forms of zero as recorded. */
static struct json *zero_usage(struct arena *mem, const char *unit, const char *price,
			       double latency)
{
	struct json *u = json_obj(mem);
	json_set_int(mem, u, S("prompt_tokens"), 0);
	json_set_str(mem, u, S("prompt_unit_price"), str_c(unit));
	json_set_str(mem, u, S("prompt_price_unit"), str_c(unit));
	json_set_str(mem, u, S("prompt_price"), str_c(price));
	json_set_int(mem, u, S("completion_tokens"), 0);
	json_set_str(mem, u, S("completion_unit_price"), str_c(unit));
	json_set_str(mem, u, S("completion_price_unit"), str_c(unit));
	json_set_str(mem, u, S("completion_price"), str_c(price));
	json_set_int(mem, u, S("total_tokens"), 0);
	json_set_str(mem, u, S("total_price"), str_c(price));
	json_set_str(mem, u, S("currency"), S("USD"));
	json_set_float(mem, u, S("latency"), latency);
	json_set_null(mem, u, S("time_to_first_token"));
	json_set_null(mem, u, S("time_to_generate"));
	return u;
}

static struct json *usage_of(struct arena *mem, struct str mode, const struct flow_result *r)
{
	double elapsed = r ? r->elapsed : 0;
	struct json *u;
	if (r && json_is(r->usage, JSON_OBJ))
		u = json_copy(mem, r->usage);
	else if (r && str_eq(r->status, S("stopped")) && !is_chatflow(mode))
		u = zero_usage(mem, "0", "0E-7", elapsed);
	else
		u = zero_usage(mem, "0.0", "0.0", elapsed);
	if (!is_chatflow(mode)) {
		json_set_null(mem, u, S("time_to_first_token"));
		json_set_null(mem, u, S("time_to_generate"));
	} else if (!r || !json_is(r->usage, JSON_OBJ)) {
		/* Nothing was generated: the whole answer came at the end. */
		json_set_float(mem, u, S("time_to_first_token"), elapsed);
		json_set_float(mem, u, S("time_to_generate"), 0.0);
	}
	return u;
}

struct json *chat_metadata(struct arena *mem, struct str mode, const struct flow_result *r)
{
	struct json *m = json_obj(mem), *none = json_arr(mem);
	json_set_null(mem, m, S("annotation_reply"));
	json_set(mem, m, S("retriever_resources"),
		 r && json_is(r->resources, JSON_ARR) ? r->resources : none);
	json_set(mem, m, S("usage"), usage_of(mem, mode, r));
	return m;
}

static struct str price_of(const struct json *usage, struct str name, struct str fallback)
{
	struct str v = json_get_str(usage, name);
	return v.len ? v : fallback;
}

/* The text to keep: trimmed as stored answers are, or what replaces a forbidden one. */
static struct str kept_answer(struct arena *mem, const struct flow_info *info,
			      const struct flow_result *r)
{
	struct chat_moderation *m =
		moderation_from_json(mem, json_get(info->extra, S("moderation")));
	struct str replaced = chat_moderate_output(mem, m, r->answer);
	if (replaced.at)
		return replaced;
	struct str answer = is_chatflow(info->app_mode) ? r->answer : str_trim(r->answer);
	/* What an agent streams holds its thoughts, too. */
	struct str final = json_get_str(r->outputs, S("answer"));
	if (str_eq(info->app_mode, S("agent-chat")) && final.len)
		answer = str_trim(final);
	return answer.at ? answer : S("");
}

status chat_finished(void *ctx, struct arena *mem, const struct flow_info *info,
		     const struct flow_result *r, struct db_batch *b)
{
	(void)ctx;
	if (!info->message_id.len)
		return 0;
	struct json *metadata = chat_metadata(mem, info->app_mode, r);
	const struct json *usage = json_get(metadata, S("usage"));
	bool failed = str_eq(r->status, S("failed"));
	DB_ADD(b, &sql_chat_message_finish, DB_ANY, db_text(info->tenant_id),
	       db_text(info->message_id), db_text(kept_answer(mem, info, r)),
	       db_text(failed ? S("error") : S("normal")),
	       db_text_or_null(failed ? r->error : (struct str){0}),
	       db_int(json_get_int(usage, S("prompt_tokens"), 0)),
	       db_int(json_get_int(usage, S("completion_tokens"), 0)),
	       db_text(price_of(usage, S("total_price"), S("0"))),
	       db_text(price_of(usage, S("currency"), S("USD"))),
	       db_float(json_as_double(json_get(usage, S("latency")), r->elapsed)),
	       db_text(json_text(mem, metadata, JSON_COMPACT)),
	       db_int(r->finished_ms ? r->finished_ms : clock_ms()),
	       db_text_or_null(json_len(r->thoughts) ? json_text(mem, r->thoughts, JSON_COMPACT)
						     : (struct str){0}));
	DB_ADD(b, &sql_chat_conversation_touch, DB_ANY, db_text(info->tenant_id),
	       db_text(info->conversation_id),
	       db_int(r->finished_ms ? r->finished_ms : clock_ms()));
	return 0;
}

static status history(void *ctx, struct arena *mem, const struct flow_info *info, size_t max,
		      struct json **out)
{
	if (!info->conversation_id.len) {
		*out = json_arr(mem);
		return 0;
	}
	struct memory_options o = {.tenant_id = info->tenant_id,
				   .conversation_id = info->conversation_id,
				   .except_message_id = info->message_id,
				   .max = max};
	return memory_load(ctx, mem, &o, out);
}

static status save_variables(void *ctx, struct arena *mem, const struct flow_info *info,
			     const struct json *changed)
{
	struct chats *c = ctx;
	if (!info->conversation_id.len || !json_len(changed))
		return 0;
	struct db_batch *b = db_batch_open(mem);
	json_each_member(changed, m)
		DB_ADD(b, &sql_chat_variable_save, DB_ANY, db_text(info->tenant_id),
		       db_text(info->app_id), db_text(info->conversation_id), db_text(m->name),
		       db_text(json_text(mem, &m->value, JSON_COMPACT)), db_int(clock_ms()));
	return db_commit(c->db, b);
}

struct flow_hooks chat_hooks(struct chats *c)
{
	return (struct flow_hooks){.ctx = c,
				   .history = history,
				   .save_variables = save_variables,
				   .finished = chat_finished};
}
