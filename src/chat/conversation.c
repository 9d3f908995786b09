/* SPDX-License-Identifier: Apache-2.0 */
/* conversation: rows of conversations; who may see them. Also opens the folder's state. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "chat/annotation_int.h"
#include "chat/chat_int.h"
#include "sql_chat.h"

enum { COLUMNS = 15 };

status chats_open(const struct chats_options *o, struct chats **out)
{
	struct arena *mem = arena_open(0);
	struct chats *c = arena_new(mem, struct chats);
	*c = (struct chats){.mem = mem,
			    .db = o->db,
			    .broker = o->broker,
			    .models = o->models,
			    .config = o->config,
			    .accounts = o->accounts,
			    .annotations = annotation_cache_open(),
			    .naming = group_open(DEADLINE_NONE)};
	*out = c;
	return 0;
}

void chats_attach(struct chats *c, struct flow *flow)
{
	c->flow = flow;
}

void chats_close(struct chats *c)
{
	if (!c)
		return;
	group_close(c->naming);
	flow_graph_unref(c->easy_graph);
	annotation_cache_close(c->annotations);
	arena_close(c->mem);
}

struct json *chat_json(struct arena *mem, struct str text, enum json_type expect)
{
	struct json *v;
	if (text.len && !json_parse(mem, text, &v) && json_is(v, expect))
		return v;
	return expect == JSON_ARR ? json_arr(mem) : json_obj(mem);
}

static void read_row(struct arena *mem, const struct db_rows *r, size_t i, struct conversation *out)
{
	*out = (struct conversation){
		.id = db_str_at(r, i, 0),
		.tenant_id = db_str_at(r, i, 1),
		.app_id = db_str_at(r, i, 2),
		.mode = db_str_at(r, i, 3),
		.name = db_str_at(r, i, 4),
		.introduction = db_str_at(r, i, 5),
		.inputs = chat_json(mem, db_str_at(r, i, 6), JSON_OBJ),
		.config = db_null_at(r, i, 7) ? NULL : chat_json(mem, db_str_at(r, i, 7), JSON_OBJ),
		.invoke_from = db_str_at(r, i, 8),
		.created_by = db_str_at(r, i, 9),
		.by_account = db_int_at(r, i, 10) != 0,
		.dialogue_count = db_int_at(r, i, 11),
		.pinned_ms = db_int_at(r, i, 12),
		.created_ms = db_int_at(r, i, 13),
		.updated_ms = db_int_at(r, i, 14),
	};
}

static status first_row(struct arena *mem, const struct db_rows *rows, struct conversation **out)
{
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Conversation Not Exists.");
	struct conversation *conv = arena_new(mem, struct conversation);
	read_row(mem, rows, 0, conv);
	*out = conv;
	return 0;
}

status conversation_get(struct chats *c, struct arena *mem, const struct chat_scope *s,
			struct str id, struct conversation **out)
{
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_conversation_get, &rows, CHAT_OWNER(s), db_text(id),
		    CHAT_USER(s)))
		return -1;
	return first_row(mem, rows, out);
}

status conversation_of_app(struct chats *c, struct arena *mem, struct str tenant_id,
			   struct str app_id, struct str id, struct conversation **out)
{
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_conversation_of_app, &rows, db_text(tenant_id),
		    db_text(app_id), db_text(id)))
		return -1;
	return first_row(mem, rows, out);
}

/* Where the page starts: after the last one seen, or at the very end of the order. */
static status page_start(struct chats *c, struct arena *mem, const struct chat_scope *s,
			 const struct conversation_page *p, int64_t *key, struct str *id)
{
	if (!p->last_id.len) {
		*key = p->ascending ? -1 : INT64_MAX;
		*id = S("");
		return 0;
	}
	struct conversation *last;
	if (conversation_get(c, mem, s, p->last_id, &last)) {
		if (err_code() == ERR_NOT_FOUND)
			return err_set(ERR_NOT_FOUND, "Last Conversation Not Exists.");
		return -1;
	}
	*key = p->by_created ? last->created_ms : last->updated_ms;
	*id = last->id;
	return 0;
}

status conversation_list(struct chats *c, struct arena *mem, const struct chat_scope *s,
			 const struct conversation_page *p, struct conversation **out, size_t *n,
			 bool *more)
{
	int64_t key = 0;
	struct str id = {0};
	if (page_start(c, mem, s, p, &key, &id))
		return -1;
	const struct sql *sql =
		p->ascending ? &sql_chat_conversation_list_up : &sql_chat_conversation_list_down;
	struct db_rows *rows;
	if (DB_READ(c->db, mem, sql, &rows, CHAT_OWNER(s), CHAT_USER(s), db_int(p->by_created),
		    db_int(key), db_text(id), db_int(p->pinned), db_int(p->limit + 1)))
		return -1;
	*n = MIN(rows->count, (size_t)p->limit);
	*more = rows->count > *n;
	*out = arena_array(mem, struct conversation, *n + 1);
	for (size_t i = 0; i < *n; i++)
		read_row(mem, rows, i, &(*out)[i]);
	return 0;
}

/* A write that must have hit the owner's row. */
static status changed(status failed)
{
	if (failed && err_code() == ERR_STALE)
		return err_set(ERR_NOT_FOUND, "Conversation Not Exists.");
	return failed;
}

status conversation_rename(struct chats *c, struct arena *mem, const struct chat_scope *s,
			   struct str id, struct str name, struct conversation **out)
{
	if (changed(DB_WRITE(c->db, mem, &sql_chat_conversation_rename, 1, NULL, CHAT_OWNER(s),
			     db_text(id), CHAT_USER(s), db_text(name), db_int(clock_ms()))))
		return -1;
	return conversation_get(c, mem, s, id, out);
}

status conversation_pin(struct chats *c, struct arena *mem, const struct chat_scope *s,
			struct str id, bool pinned)
{
	return changed(DB_WRITE(c->db, mem, &sql_chat_conversation_pin, 1, NULL, CHAT_OWNER(s),
				db_text(id), CHAT_USER(s), db_int(pinned ? clock_ms() : 0)));
}

status conversation_remove(struct chats *c, struct arena *mem, const struct chat_scope *s,
			   struct str id)
{
	return changed(DB_WRITE(c->db, mem, &sql_chat_conversation_remove, 1, NULL, CHAT_OWNER(s),
				db_text(id), CHAT_USER(s), db_int(clock_ms())));
}

struct str chat_like(struct arena *mem, struct str keyword)
{
	if (!keyword.len)
		return S("");
	struct buf b = buf_make(mem, 0);
	buf_putc(&b, '%');
	for (size_t i = 0; i < keyword.len; i++)
		buf_putc(&b, keyword.at[i] >= 'A' && keyword.at[i] <= 'Z'
				     ? (char)(keyword.at[i] + 32)
				     : keyword.at[i]);
	buf_putc(&b, '%');
	return buf_str(&b);
}

status conversation_logs(struct chats *c, struct arena *mem, struct str tenant_id,
			 struct str app_id, const struct conversation_log_page *p,
			 struct conversation_log **out, size_t *n, int64_t *total)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_conversation_log, &r, db_text(tenant_id), db_text(app_id),
		    db_int(p->completion), db_text(chat_like(mem, p->keyword)),
		    db_int(p->from_ms), db_int(p->until_ms ? p->until_ms : INT64_MAX),
		    db_int(p->limit), db_int((p->page - 1) * p->limit), db_int(p->annotated)))
		return -1;
	*n = r->count;
	*total = r->count ? db_int_at(r, 0, COLUMNS + 10) : 0;
	*out = arena_array(mem, struct conversation_log, *n + 1);
	for (size_t i = 0; i < *n; i++) {
		struct conversation_log *l = &(*out)[i];
		read_row(mem, r, i, &l->conversation);
		l->messages = db_int_at(r, i, COLUMNS);
		l->user_likes = db_int_at(r, i, COLUMNS + 1);
		l->user_dislikes = db_int_at(r, i, COLUMNS + 2);
		l->admin_likes = db_int_at(r, i, COLUMNS + 3);
		l->admin_dislikes = db_int_at(r, i, COLUMNS + 4);
		l->summary = db_str_at(r, i, COLUMNS + 5);
		l->runs_succeeded = db_int_at(r, i, COLUMNS + 6);
		l->runs_failed = db_int_at(r, i, COLUMNS + 7);
		l->runs_partial = db_int_at(r, i, COLUMNS + 8);
		l->annotations = db_int_at(r, i, COLUMNS + 9);
	}
	return 0;
}
