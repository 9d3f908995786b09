/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_reply: the nearest annotation in place of a model's answer (workflow.md 8.4). Both sides
 * are questions, so both are embedded as such: the same words have the score 1.
 */
#include "chat/annotation_int.h"

#include "account/account.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "model/model.h"
#include "sql_chat.h"

enum { EMBED_MS = 10000 };
/* Floats of a model differ in their last bits from call to call: 1.0 must find the same words. */
#define SCORE_SLACK 1e-5

static status find_near(struct chats *c, struct arena *mem, const struct chat_scope *s,
			const struct annotation_setting *set, struct str query,
			struct annotation_near *out)
{
	float *vector;
	size_t dims;
	deadline saved = deadline_push(deadline_in_ms(EMBED_MS));
	status st = models_embed(c->models, mem, s->tenant_id, set->provider, set->model, &query, 1,
				 true, &vector, &dims, NULL) ||
				    annotation_nearest(c, mem, s->tenant_id, s->app_id, set, vector,
						       dims, out)
			    ? -1
			    : 0;
	deadline_pop(saved);
	return st;
}

static status answer_of(struct chats *c, struct arena *mem, const struct chat_scope *s,
			const struct annotation_near *near, struct annotation_answer **out)
{
	struct annotation *a;
	struct str name = S(""), email;
	if (annotation_get(c, mem, s->tenant_id, s->app_id, near->id, &a)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		err_clear(); /* removed at this moment */
		return 0;
	}
	if (c->accounts && account_name_of(c->accounts, mem, a->account_id, &name, &email))
		return -1;
	*out = arena_new(mem, struct annotation_answer);
	**out = (struct annotation_answer){.annotation = *a, .account_name = name, .score = near->score};
	return 0;
}

status annotation_find(struct chats *c, struct arena *mem, const struct chat_scope *s,
		       struct str query, struct annotation_answer **out)
{
	struct annotation_setting *set;
	struct annotation_near near = {0};
	*out = NULL;
	if (annotation_setting_get(c, mem, s->tenant_id, s->app_id, &set))
		return -1;
	if (!set || !set->enabled || !query.len)
		return 0;
	if (find_near(c, mem, s, set, query, &near)) {
		if (fiber_cancelled())
			return -1;
		log_err(LOG_WARN, "the model answers: no annotation could be looked for");
		return 0;
	}
	if (!near.id.at || near.score + SCORE_SLACK < set->score_threshold)
		return 0;
	return answer_of(c, mem, s, &near, out);
}

struct json *annotation_json(struct arena *mem, const struct annotation_answer *a)
{
	struct json *o = json_obj(mem), *account = json_obj(mem);
	json_set_str(mem, account, S("id"), a->annotation.account_id);
	json_set_str(mem, account, S("name"), a->account_name);
	json_set_str(mem, o, S("id"), a->annotation.id);
	json_set(mem, o, S("account"), account);
	return o;
}

void annotation_batch_hit(struct arena *mem, struct db_batch *b, const struct chat_request *q,
			  const struct annotation_answer *a, const struct chat_turn *t, int64_t now)
{
	const struct annotation *n = &a->annotation;
	bool from_console = str_eq(q->from, S("debugger"));
	DB_ADD(b, &sql_chat_annotation_hit_add, DB_ANY, db_text(id_uuid7(mem)),
	       CHAT_OWNER(&q->scope), db_text(n->id), db_text(t->conversation_id),
	       db_text(t->message_id), db_text(from_console ? S("console") : S("api")),
	       db_float(a->score), db_text(q->query), db_text(n->question), db_text(n->content),
	       db_text(n->account_id), db_int(now));
	DB_ADD(b, &sql_chat_annotation_count_hit, DB_ANY, CHAT_OWNER(&q->scope), db_text(n->id));
}
