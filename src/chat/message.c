/* SPDX-License-Identifier: Apache-2.0 */
/* message: rows of messages, feedback on them, files in them, and the saved ones. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/chat_int.h"
#include "flow/file.h"
#include "sql_chat.h"

static struct str text_or_none(const struct db_rows *r, size_t i, size_t column)
{
	return db_null_at(r, i, column) ? (struct str){0} : db_str_at(r, i, column);
}

void message_read(struct arena *mem, const struct db_rows *r, size_t i, struct message *out)
{
	*out = (struct message){
		.id = db_str_at(r, i, 0),
		.tenant_id = db_str_at(r, i, 1),
		.app_id = db_str_at(r, i, 2),
		.conversation_id = db_str_at(r, i, 3),
		.mode = db_str_at(r, i, 4),
		.inputs = chat_json(mem, db_str_at(r, i, 5), JSON_OBJ),
		.query = db_str_at(r, i, 6),
		.prompt = chat_json(mem, db_str_at(r, i, 7), JSON_ARR),
		.answer = db_str_at(r, i, 8),
		.status = db_str_at(r, i, 9),
		.error = text_or_none(r, i, 10),
		.message_tokens = db_int_at(r, i, 11),
		.answer_tokens = db_int_at(r, i, 12),
		.total_price = db_str_at(r, i, 13),
		.currency = db_str_at(r, i, 14),
		.latency = db_float_at(r, i, 15),
		.metadata = chat_json(mem, db_str_at(r, i, 16), JSON_OBJ),
		.files = chat_json(mem, db_str_at(r, i, 17), JSON_ARR),
		.parent_message_id = text_or_none(r, i, 18),
		.workflow_run_id = text_or_none(r, i, 19),
		.invoke_from = db_str_at(r, i, 20),
		.created_by = db_str_at(r, i, 21),
		.by_account = db_int_at(r, i, 22) != 0,
		.created_ms = db_int_at(r, i, 23),
		.rating = text_or_none(r, i, 24),
		.feedback_content = text_or_none(r, i, 25),
		.admin_rating = text_or_none(r, i, 26),
		.thoughts = chat_json(mem, db_str_at(r, i, 27), JSON_ARR),
	};
}

static status first_row(struct arena *mem, const struct db_rows *rows, struct message **out)
{
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Message Not Exists.");
	struct message *m = arena_new(mem, struct message);
	message_read(mem, rows, 0, m);
	*out = m;
	return 0;
}

status message_get(struct chats *c, struct arena *mem, const struct chat_scope *s, struct str id,
		   struct message **out)
{
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_message_get, &rows, CHAT_OWNER(s), db_text(id),
		    CHAT_USER(s)))
		return -1;
	return first_row(mem, rows, out);
}

status message_of_app(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct str id, struct message **out)
{
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_message_of_app, &rows, db_text(tenant_id),
		    db_text(app_id), db_text(id)))
		return -1;
	return first_row(mem, rows, out);
}

status message_list(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		    struct str conversation_id, struct str first_id, int64_t limit,
		    struct message **out, size_t *n, bool *more)
{
	int64_t before = INT64_MAX;
	if (first_id.len) {
		struct message *first = NULL;
		if (message_of_app(c, mem, tenant_id, app_id, first_id, &first) &&
		    err_code() != ERR_NOT_FOUND)
			return -1;
		if (!first || !str_eq(first->conversation_id, conversation_id))
			return err_set(ERR_NOT_FOUND, "First Message Not Exists.");
		before = first->created_ms;
	}
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_message_list, &rows, db_text(tenant_id), db_text(app_id),
		    db_text(conversation_id), db_int(before),
		    db_text(first_id.len ? first_id : S("")), db_int(limit + 1)))
		return -1;
	*n = MIN(rows->count, (size_t)limit);
	*more = rows->count > *n;
	*out = arena_array(mem, struct message, *n + 1);
	for (size_t i = 0; i < *n; i++)
		message_read(mem, rows, *n - 1 - i, &(*out)[i]);
	return 0;
}

status message_uses_file(struct chats *c, struct arena *mem, struct str tenant_id,
			 struct str app_id, struct str upload_id, bool *ours, bool *others)
{
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_message_file_apps, &rows, db_text(tenant_id),
		    db_text(upload_id)))
		return -1;
	*ours = *others = false;
	for (size_t i = 0; i < rows->count; i++)
		*(str_eq(db_str_at(rows, i, 0), app_id) ? ours : others) = true;
	return 0;
}

struct json *message_file_json(struct chats *c, struct arena *mem, const struct json *file)
{
	const struct json *fresh = file_fresh(c->flow, mem, file);
	struct json *out = json_obj(mem);
	bool local = str_eq(json_get_str(fresh, S("transfer_method")), S("local_file"));
	json_set(mem, out, S("id"),
		 json_get(fresh, S("message_file_id")) ? json_get(fresh, S("message_file_id"))
						       : json_get(fresh, S("id")));
	json_set(mem, out, S("filename"), json_get(fresh, S("filename")));
	json_set(mem, out, S("type"), json_get(fresh, S("type")));
	json_set(mem, out, S("url"), json_get(fresh, S("url")));
	json_set(mem, out, S("mime_type"), json_get(fresh, S("mime_type")));
	json_set(mem, out, S("size"), json_get(fresh, S("size")));
	json_set(mem, out, S("transfer_method"), json_get(fresh, S("transfer_method")));
	json_set_str(mem, out, S("belongs_to"), S("user"));
	json_set(mem, out, S("upload_file_id"), local ? json_get(fresh, S("related_id")) : NULL);
	return out;
}

status feedback_set(struct chats *c, struct arena *mem, const struct chat_scope *s,
		    const struct message *m, struct str rating, struct str content, bool admin)
{
	struct str source = admin ? S("admin") : S("user");
	struct str old = admin ? m->admin_rating : m->rating;
	if (!rating.len && !old.at)
		return err_set(ERR_INVALID, "rating cannot be None when feedback not exists");
	if (!rating.len)
		return DB_WRITE(c->db, mem, &sql_chat_feedback_remove, DB_ANY, NULL, CHAT_OWNER(s),
				db_text(m->id), db_text(source));
	return DB_WRITE(c->db, mem, &sql_chat_feedback_set, DB_ANY, NULL, db_text(id_uuid7(mem)),
			CHAT_OWNER(s), db_text(m->conversation_id), db_text(m->id), db_text(rating),
			db_text_or_null(content), db_text(source), db_text(s->user.id),
			db_int(clock_ms()));
}

status feedback_list(struct chats *c, struct arena *mem, struct str tenant_id, struct str app_id,
		     int64_t page, int64_t limit, struct feedback **out, size_t *n)
{
	struct db_rows *r;
	if (DB_READ(c->db, mem, &sql_chat_feedback_list, &r, db_text(tenant_id), db_text(app_id),
		    db_int(limit), db_int((page - 1) * limit)))
		return -1;
	*n = r->count;
	*out = arena_array(mem, struct feedback, *n + 1);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = (struct feedback){
			.id = db_str_at(r, i, 0),
			.conversation_id = db_str_at(r, i, 1),
			.message_id = db_str_at(r, i, 2),
			.rating = db_str_at(r, i, 3),
			.content = text_or_none(r, i, 4),
			.from_source = db_str_at(r, i, 5),
			.created_by = db_str_at(r, i, 6),
			.created_ms = db_int_at(r, i, 7),
			.updated_ms = db_int_at(r, i, 8),
		};
	return 0;
}

status saved_add(struct chats *c, struct arena *mem, const struct chat_scope *s,
		 struct str message_id)
{
	struct message *m;
	if (message_get(c, mem, s, message_id, &m))
		return -1;
	return DB_WRITE(c->db, mem, &sql_chat_saved_add, DB_ANY, NULL, CHAT_OWNER(s),
			db_text(m->id), db_text(s->user.id), db_int(clock_ms()));
}

status saved_remove(struct chats *c, struct arena *mem, const struct chat_scope *s,
		    struct str message_id)
{
	return DB_WRITE(c->db, mem, &sql_chat_saved_remove, DB_ANY, NULL, CHAT_OWNER(s),
			db_text(message_id), db_text(s->user.id));
}

/* All of an owner at once: people save few; the page is cut here, after the last one seen. */
status saved_list(struct chats *c, struct arena *mem, const struct chat_scope *s,
		  struct str last_id, int64_t limit, struct message **out, size_t *n, bool *more)
{
	enum { SAVED_MAX = 1000 };
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_saved_list, &rows, CHAT_OWNER(s), db_text(s->user.id),
		    db_int(INT64_MAX), db_text(S("")), db_int(SAVED_MAX)))
		return -1;
	size_t from = 0;
	if (last_id.len) {
		while (from < rows->count && !str_eq(db_str_at(rows, from, 0), last_id))
			from++;
		if (from == rows->count)
			return err_set(ERR_NOT_FOUND, "Last Message Not Exists.");
		from++;
	}
	*n = MIN(rows->count - from, (size_t)limit);
	*more = rows->count - from > *n;
	*out = arena_array(mem, struct message, *n + 1);
	for (size_t i = 0; i < *n; i++)
		message_read(mem, rows, from + i, &(*out)[i]);
	return 0;
}
