/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation: the rows of annotations, their hits and their settings. A change of a question drops
 * its vector in the same batch, so that nothing answers for words that are gone, and asks a worker
 * for the new one.
 */
#include "chat/annotation_int.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/id.h"
#include "sql_chat.h"
#include "store/broker/broker.h"

enum { SYNC_ATTEMPTS = 5 };

#define OF_APP(tenant, app) db_text(tenant), db_text(app)

static status none(void)
{
	return err_set(ERR_NOT_FOUND, "Annotation not found");
}

static void read_row(const struct db_rows *r, size_t i, struct annotation *out)
{
	*out = (struct annotation){
		.id = db_str_at(r, i, 0),
		.conversation_id = db_str_at(r, i, 1),
		.message_id = db_str_at(r, i, 2),
		.question = db_str_at(r, i, 3),
		.content = db_str_at(r, i, 4),
		.account_id = db_str_at(r, i, 5),
		.hit_count = db_int_at(r, i, 6),
		.created_ms = db_int_at(r, i, 7),
	};
}

static void read_rows(struct arena *mem, const struct db_rows *r, struct annotation **out, size_t *n)
{
	struct annotation *list = arena_array(mem, struct annotation, r->count + 1);
	for (size_t i = 0; i < r->count; i++)
		read_row(r, i, &list[i]);
	*out = list;
	*n = r->count;
}

status annotation_count(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			int64_t *out)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_annotation_count, &r, OF_APP(tenant_id, app_id)))
		return -1;
	*out = db_int_at(r, 0, 0);
	return 0;
}

/* A page past the end has no rows that could tell the total; without a keyword it is counted. */
status annotation_list(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		       const struct annotation_page *p, struct annotation **out, size_t *n,
		       int64_t *total)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_annotation_list, &r, OF_APP(tenant_id, app_id),
		    db_text(chat_like(mem, p->keyword)), db_int(p->limit),
		    db_int((p->page - 1) * p->limit)))
		return -1;
	int64_t count = db_int_at(r, 0, 8);
	if (!r->count && p->page > 1 && !p->keyword.len &&
	    annotation_count(c, mem, tenant_id, app_id, &count))
		return -1;
	*total = count;
	read_rows(mem, r, out, n);
	return 0;
}

status annotation_next(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		       const struct annotation *after, int64_t most, struct annotation **out,
		       size_t *n)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_annotation_next, &r, OF_APP(tenant_id, app_id),
		    db_int(after ? after->created_ms : INT64_MAX),
		    db_text(after ? after->id : S("")), db_int(most)))
		return -1;
	read_rows(mem, r, out, n);
	return 0;
}

status annotation_get(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct str id, struct annotation **out)
{
	struct db_rows *r;
	struct annotation *list;
	size_t n;
	if (DB_READ(c->db, mem, &sql_chat_annotation_get, &r, OF_APP(tenant_id, app_id),
		    db_text(id)))
		return -1;
	if (!r->count)
		return none();
	read_rows(mem, r, &list, &n);
	*out = list;
	return 0;
}

/* --- changes --- */

static void touch(struct db_batch *b, struct str tenant_id, struct str app_id)
{
	DB_ADD(b, &sql_chat_annotation_setting_touch, DB_ANY, OF_APP(tenant_id, app_id));
}

/* Whether replies are on is the worker's to look at: they may be switched on at this moment. */
status annotation_batch_sync(struct chats *c, struct arena *mem, struct db_batch *b,
			     struct str tenant_id, struct str app_id)
{
	struct job_options o = {.attempts_max = SYNC_ATTEMPTS};
	struct str payload = arena_printf(mem, "%.*s %.*s", STR(tenant_id), STR(app_id));
	return queue_add(c->broker, mem, b, S(ANNOTATION_QUEUE), payload, &o, NULL);
}

size_t annotation_batch_add(struct arena *mem, struct db_batch *b, const struct annotation_new *a,
			    struct str conversation_id, int64_t now)
{
	bool of_message = a->message_id.len > 0;
	struct str absent = {0};
	if (of_message)
		DB_ADD(b, &sql_chat_annotation_vector_forget_message, DB_ANY,
		       OF_APP(a->tenant_id, a->app_id), db_text(a->message_id));
	return DB_ADD(b, &sql_chat_annotation_add, 1, db_text(id_uuid7(mem)),
		      OF_APP(a->tenant_id, a->app_id),
		      db_text_or_null(of_message ? conversation_id : absent),
		      db_text_or_null(of_message ? a->message_id : absent), db_text(a->question),
		      db_text(a->content), db_text(a->account_id), db_int(now));
}

void annotation_batch_room(struct chats *c, struct db_batch *b, struct str tenant_id,
			   struct str app_id, int64_t n)
{
	DB_ADD(b, &sql_chat_annotation_room, 1, OF_APP(tenant_id, app_id), db_int(n),
	       db_int(config_int(c->config, CONFIG_TATARA_ANNOTATIONS_MAX)));
}

static status store_new(struct chats *c, struct arena *mem, const struct annotation_new *a,
			struct str conversation_id, struct str *id)
{
	struct db_batch *b = db_batch_open(mem);
	annotation_batch_room(c, b, a->tenant_id, a->app_id, 1);
	size_t at = annotation_batch_add(mem, b, a, conversation_id, clock_ms());
	touch(b, a->tenant_id, a->app_id);
	if (annotation_batch_sync(c, mem, b, a->tenant_id, a->app_id))
		return -1;
	if (db_commit(c->db, b))
		return err_code() == ERR_STALE
			       ? err_set(ERR_LIMIT, "The app has %lld annotations, and may not have "
						    "more (TATARA_ANNOTATIONS_MAX).",
					 (long long)config_int(c->config,
							       CONFIG_TATARA_ANNOTATIONS_MAX))
			       : -1;
	*id = db_str_at(db_batch_rows(b, at), 0, 0);
	return 0;
}

status annotation_add(struct chats *c, struct arena *mem, const struct annotation_new *given,
		      struct annotation **out)
{
	struct annotation_new a = *given;
	struct str conversation_id = {0}, id;
	if (a.message_id.len) {
		struct message *m;
		if (message_of_app(c, mem, a.tenant_id, a.app_id, a.message_id, &m))
			return -1;
		conversation_id = m->conversation_id;
		if (!a.question.len)
			a.question = m->query;
	}
	if (!a.question.len)
		return err_set(ERR_INVALID, "'question' is required when 'message_id' is not provided");
	if (store_new(c, mem, &a, conversation_id, &id))
		return -1;
	return annotation_get(c, mem, a.tenant_id, a.app_id, id, out);
}

status annotation_update(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			 const struct annotation *a, struct annotation **out)
{
	struct annotation *old;
	if (annotation_get(c, mem, tenant_id, app_id, a->id, &old))
		return -1;
	struct str question = a->question.at ? a->question : old->question;
	struct str content = a->content.at ? a->content : old->content;
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_chat_annotation_vector_forget, DB_ANY, OF_APP(tenant_id, app_id),
	       db_text(a->id), db_text(question));
	DB_ADD(b, &sql_chat_annotation_update, 1, OF_APP(tenant_id, app_id), db_text(a->id),
	       db_text(question), db_text(content), db_int(clock_ms()));
	if (!str_eq(question, old->question)) {
		touch(b, tenant_id, app_id);
		if (annotation_batch_sync(c, mem, b, tenant_id, app_id))
			return -1;
	}
	if (db_commit(c->db, b))
		return err_code() == ERR_STALE ? none() : -1;
	return annotation_get(c, mem, tenant_id, app_id, a->id, out);
}

status annotation_remove(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
			 const struct str *ids, size_t n)
{
	struct db_batch *b = db_batch_open(mem);
	size_t *at = arena_array(mem, size_t, n + 1);
	for (size_t i = 0; i < n; i++) {
		at[i] = DB_ADD(b, &sql_chat_annotation_remove, DB_ANY, OF_APP(tenant_id, app_id),
			       db_text(ids[i]));
		DB_ADD(b, &sql_chat_annotation_vector_remove, DB_ANY, OF_APP(tenant_id, app_id),
		       db_text(ids[i]));
		DB_ADD(b, &sql_chat_annotation_hit_remove, DB_ANY, OF_APP(tenant_id, app_id),
		       db_text(ids[i]));
	}
	touch(b, tenant_id, app_id);
	if (db_commit(c->db, b))
		return -1;
	int64_t removed = 0;
	for (size_t i = 0; i < n; i++)
		removed += db_batch_rows(b, at[i])->changed;
	return removed ? 0 : none();
}

status annotation_clear(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id)
{
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_chat_annotation_clear, DB_ANY, OF_APP(tenant_id, app_id));
	DB_ADD(b, &sql_chat_annotation_vector_clear, DB_ANY, OF_APP(tenant_id, app_id));
	DB_ADD(b, &sql_chat_annotation_hit_clear, DB_ANY, OF_APP(tenant_id, app_id));
	touch(b, tenant_id, app_id);
	return db_commit(c->db, b);
}

/* --- hits --- */

static void read_hits(struct arena *mem, const struct db_rows *r, struct annotation_hit **out,
		      size_t *n)
{
	struct annotation_hit *list = arena_array(mem, struct annotation_hit, r->count + 1);
	for (size_t i = 0; i < r->count; i++)
		list[i] = (struct annotation_hit){
			.id = db_str_at(r, i, 0),
			.annotation_id = db_str_at(r, i, 1),
			.message_id = db_str_at(r, i, 2),
			.source = db_str_at(r, i, 3),
			.question = db_str_at(r, i, 4),
			.annotation_question = db_str_at(r, i, 5),
			.annotation_content = db_str_at(r, i, 6),
			.annotation_account_id = db_str_at(r, i, 7),
			.score = db_float_at(r, i, 8),
			.created_ms = db_int_at(r, i, 9),
		};
	*out = list;
	*n = r->count;
}

status annotation_hits(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		       struct str annotation_id, const struct annotation_page *p,
		       struct annotation_hit **out, size_t *n, int64_t *total)
{
	struct db_rows *r;
	struct annotation *a;
	if (annotation_get(c, mem, tenant_id, app_id, annotation_id, &a) ||
	    DB_READ(c->db, mem, &sql_chat_annotation_hit_list, &r, OF_APP(tenant_id, app_id),
		    db_text(annotation_id), db_int(p->limit), db_int((p->page - 1) * p->limit)))
		return -1;
	*total = r->count ? db_int_at(r, 0, 10) : p->page > 1 ? a->hit_count : 0;
	read_hits(mem, r, out, n);
	return 0;
}

status annotation_marks_get(struct chats *c, struct arena *mem, struct str tenant_id,
			    struct str app_id, struct str conversation_id,
			    struct annotation_marks *out)
{
	struct db_rows *made, *hits;
	if (DB_READ(c->db, mem, &sql_chat_annotation_of_conversation, &made,
		    OF_APP(tenant_id, app_id), db_text(conversation_id)) ||
	    DB_READ(c->db, mem, &sql_chat_annotation_hit_of_conversation, &hits,
		    OF_APP(tenant_id, app_id), db_text(conversation_id)))
		return -1;
	struct annotation_marks m;
	read_rows(mem, made, &m.made, &m.made_count);
	read_hits(mem, hits, &m.hits, &m.hit_count);
	*out = m;
	return 0;
}

/* --- settings --- */

status annotation_setting_get(struct chats *c, struct arena *mem, struct str tenant_id,
			      struct str app_id, struct annotation_setting **out)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_annotation_setting_get, &r, OF_APP(tenant_id, app_id)))
		return -1;
	if (!r->count) {
		*out = NULL;
		return 0;
	}
	struct annotation_setting *s = arena_new(mem, struct annotation_setting);
	*s = (struct annotation_setting){
		.id = db_str_at(r, 0, 0),
		.enabled = db_int_at(r, 0, 1) != 0,
		.score_threshold = db_float_at(r, 0, 2),
		.provider = db_str_at(r, 0, 3),
		.model = db_str_at(r, 0, 4),
		.version = db_int_at(r, 0, 5),
	};
	*out = s;
	return 0;
}

status annotation_threshold_set(struct chats *c, struct arena *mem, struct str tenant_id,
				struct str app_id, struct str id, double score_threshold)
{
	if (DB_WRITE(c->db, mem, &sql_chat_annotation_setting_threshold, 1, NULL,
		     OF_APP(tenant_id, app_id), db_text(id), db_float(score_threshold),
		     db_int(clock_ms())))
		return err_code() == ERR_STALE
			       ? err_set(ERR_NOT_FOUND, "Annotation settings not found")
			       : -1;
	return 0;
}
