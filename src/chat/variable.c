/* SPDX-License-Identifier: Apache-2.0 */
/*
 * variable: what a chatflow remembers of a conversation. The definitions belong to the workflow; a
 * conversation has its own values from its first turn on.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "chat/chat_int.h"
#include "sql_chat.h"

/* integer and float are shown as number. */
static struct str shown_type(struct str t)
{
	return str_eq(t, S("integer")) || str_eq(t, S("float")) ? S("number") : t;
}

static struct json *value_of(struct arena *mem, struct str text)
{
	struct json *v;
	return json_parse(mem, text, &v) ? json_null(mem) : v;
}

static void read_row(struct arena *mem, const struct db_rows *r, size_t i,
		     struct chat_variable *out)
{
	*out = (struct chat_variable){
		.id = db_str_at(r, i, 0),
		.name = db_str_at(r, i, 1),
		.value_type = shown_type(db_str_at(r, i, 2)),
		.value = value_of(mem, db_str_at(r, i, 3)),
		.description = db_str_at(r, i, 4),
		.created_ms = db_int_at(r, i, 5),
		.updated_ms = db_int_at(r, i, 6),
	};
}

status variable_list(struct chats *c, struct arena *mem, const struct chat_scope *s,
		     struct str conversation_id, struct chat_variable **out, size_t *n)
{
	struct conversation *conv;
	if (conversation_get(c, mem, s, conversation_id, &conv))
		return -1;
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_variable_list, &rows, CHAT_OWNER(s), db_text(conv->id)))
		return -1;
	*n = rows->count;
	*out = arena_array(mem, struct chat_variable, *n + 1);
	for (size_t i = 0; i < *n; i++)
		read_row(mem, rows, i, &(*out)[i]);
	return 0;
}

static struct str scalar_type(const struct json *v)
{
	static const struct str names[] = {
		[JSON_NULL] = S_INIT("none"),  [JSON_BOOL] = S_INIT("boolean"),
		[JSON_INT] = S_INIT("number"), [JSON_FLOAT] = S_INIT("number"),
		[JSON_STR] = S_INIT("string"), [JSON_ARR] = S_INIT("array"),
		[JSON_OBJ] = S_INIT("object"), [JSON_RAW] = S_INIT("none"),
	};
	return names[v->type];
}

/* The type of an untyped value (workflow.md 4.1), as the errors name it. */
static struct str type_of(struct arena *mem, const struct json *v)
{
	if (v->type != JSON_ARR)
		return scalar_type(v);
	struct str element = {0};
	json_each(v, e) {
		struct str t = scalar_type(e);
		if (element.at && !str_eq(element, t))
			return S("array[any]");
		element = t;
	}
	if (!element.at || str_eq(element, S("array")) || str_eq(element, S("none")))
		return S("array[any]");
	return arena_printf(mem, "array[%.*s]", STR(element));
}

static bool fits(struct str expected, const struct json *v, struct str got)
{
	if (str_eq(expected, got))
		return true;
	bool array = str_starts(expected, S("array"));
	return array && v->type == JSON_ARR && (!json_len(v) || str_eq(expected, S("array[any]")));
}

status variable_set(struct chats *c, struct arena *mem, const struct chat_scope *s,
		    struct str conversation_id, struct str id, const struct json *value,
		    struct chat_variable *out)
{
	struct chat_variable *all, *v = NULL;
	size_t n;
	if (variable_list(c, mem, s, conversation_id, &all, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_eq(all[i].id, id))
			v = &all[i];
	if (!v)
		return err_set(ERR_NOT_FOUND, "Conversation Variable Not Exists.");
	struct str got = type_of(mem, value);
	if (!fits(v->value_type, value, got))
		return err_set(ERR_BAD_REQUEST,
			       "Type mismatch: variable '%.*s' expects %.*s, but got %.*s type",
			       STR(v->name), STR(v->value_type), STR(got));
	if (json_is(v->value, JSON_INT) && value->type == JSON_FLOAT)
		return err_set(ERR_INVALID, "not supported value type integer");
	v->updated_ms = clock_ms();
	v->value = json_copy(mem, value);
	if (DB_WRITE(c->db, mem, &sql_chat_variable_set, 1, NULL, CHAT_OWNER(s),
		     db_text(conversation_id), db_text(id),
		     db_text(json_text(mem, value, JSON_COMPACT)), db_int(v->updated_ms)))
		return -1;
	*out = *v;
	return 0;
}

static void add_row(struct arena *mem, struct db_batch *b, const struct chat_scope *s,
		    struct str conversation_id, const struct json *d, struct str id,
		    int64_t position, int64_t now)
{
	struct json none = {.type = JSON_NULL};
	const struct json *value = json_get(d, S("value"));
	struct str description = json_get_str(d, S("description"));
	DB_ADD(b, &sql_chat_variable_add, DB_ANY, db_text(conversation_id), db_text(id),
	       CHAT_OWNER(s), db_text(json_get_str(d, S("name"))),
	       db_text(json_get_str(d, S("value_type"))),
	       db_text(json_text(mem, value ? value : &none, JSON_COMPACT)),
	       db_text(description.at ? description : S("")), db_int(position), db_int(now));
}

struct json *variable_define(struct arena *mem, struct db_batch *b, const struct chat_scope *s,
			     struct str conversation_id, const struct json *definitions,
			     int64_t now)
{
	struct json *out = json_arr(mem);
	int64_t position = 0;
	json_each(definitions, d) {
		struct str id = json_get_str(d, S("id"));
		if (!id.len)
			id = id_uuid(mem);
		add_row(mem, b, s, conversation_id, d, id, position++, now);
		struct json *v = json_obj(mem);
		json_set_str(mem, v, S("id"), id);
		json_set(mem, v, S("name"), json_get(d, S("name")));
		json_set(mem, v, S("value_type"), json_get(d, S("value_type")));
		json_set(mem, v, S("value"), json_get(d, S("value")));
		json_push(mem, out, v);
	}
	return out;
}

/* The row of a definition, by name: ids change when an app file is imported again. */
static bool stored_value(struct arena *mem, const struct db_rows *rows, struct str name,
			 struct json *into)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (!str_eq(db_str_at(rows, i, 1), name))
			continue;
		json_set_str(mem, into, S("id"), db_str_at(rows, i, 0));
		json_set(mem, into, S("value"), value_of(mem, db_str_at(rows, i, 3)));
		return true;
	}
	return false;
}

status variable_prepare(struct chats *c, struct arena *mem, const struct chat_scope *s,
			struct str conversation_id, const struct json *definitions,
			struct json **out)
{
	if (!json_len(definitions)) {
		*out = json_arr(mem);
		return 0;
	}
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_variable_list, &rows, CHAT_OWNER(s),
		    db_text(conversation_id)))
		return -1;
	struct db_batch *b = db_batch_open(mem);
	struct json *all = variable_define(mem, b, s, conversation_id, definitions, clock_ms());
	bool missing = false;
	json_each(all, v)
		if (!stored_value(mem, rows, json_get_str(v, S("name")), v))
			missing = true;
	if (missing && db_commit(c->db, b))
		return -1;
	*out = all;
	return 0;
}
