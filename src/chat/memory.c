/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory: what the model is told of the conversation so far. Messages form a tree when an answer
 * was asked for again; only the thread of the newest message counts.
 */
#include "base/arena.h"
#include "base/err.h"
#include "chat/chat_int.h"
#include "flow/file.h"
#include "sql_chat.h"

enum { ROWS_MAX = 500, CHARS_A_TOKEN = 4 };

int64_t memory_tokens(struct str text)
{
	int64_t ascii = 0, other = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char ch = (unsigned char)text.at[i];
		if (ch < 0x80)
			ascii++;
		else if (ch >= 0xc0)
			other++;
	}
	return (ascii + CHARS_A_TOKEN - 1) / CHARS_A_TOKEN + other;
}

void memory_thread(struct memory_row *rows, size_t n)
{
	struct str wanted = {0};
	for (size_t i = 0; i < n; i++) {
		struct memory_row *r = &rows[i];
		if (wanted.at && !str_eq(wanted, S(CHAT_PARENT_TIME)) && !str_eq(wanted, r->id))
			continue;
		r->in_thread = true;
		if (!r->parent.at)
			return;
		wanted = r->parent;
	}
}

static int64_t message_tokens(const struct json *m)
{
	const struct json *content = json_get(m, S("content"));
	if (json_is(content, JSON_STR))
		return memory_tokens(json_as_str(content, S("")));
	int64_t sum = 0;
	json_each(content, part)
		sum += memory_tokens(json_get_str(part, S("text")));
	return sum;
}

void memory_cut(struct json *messages, int64_t tokens)
{
	int64_t sum = 0;
	json_each(messages, m)
		sum += message_tokens(m);
	size_t drop = 0;
	while (sum > tokens && drop + 1 < json_len(messages))
		sum -= message_tokens(json_at(messages, drop++));
	if (!drop)
		return;
	messages->len -= (uint32_t)drop;
	for (uint32_t i = 0; i < messages->len; i++)
		messages->items[i] = messages->items[i + drop];
}

/* The user's part of a turn: with images of its own when the model sees them. */
static status user_content(struct chats *c, struct arena *mem, const struct memory_row *r,
			   const struct json *files, struct json **out)
{
	struct json *parts = json_arr(mem);
	json_each(files, file) {
		if (!str_eq(json_get_str(file, S("type")), S("image")))
			continue;
		struct str url;
		if (file_for_model(c->flow, mem, file, &url)) {
			/* A file that is gone must not end the conversation. */
			if (err_code() == ERR_CANCELLED || err_code() == ERR_TIMEOUT)
				return -1;
			continue;
		}
		struct json *image = json_obj(mem), *part = json_obj(mem);
		json_set_str(mem, image, S("url"), url);
		json_set_str(mem, part, S("type"), S("image_url"));
		json_set(mem, part, S("image_url"), image);
		json_push(mem, parts, part);
	}
	if (!json_len(parts)) {
		*out = json_str(mem, r->query);
		return 0;
	}
	struct json *text = json_obj(mem);
	json_set_str(mem, text, S("type"), S("text"));
	json_set_str(mem, text, S("text"), r->query);
	json_push(mem, parts, text);
	*out = parts;
	return 0;
}

static void push(struct arena *mem, struct json *messages, struct str role,
		 const struct json *content)
{
	struct json *m = json_obj(mem);
	json_set_str(mem, m, S("role"), role);
	json_set(mem, m, S("content"), content);
	json_push(mem, messages, m);
}

/* Row of the statement to a row of the thread. */
static struct memory_row read_row(const struct db_rows *rows, size_t i)
{
	return (struct memory_row){
		.id = db_str_at(rows, i, 0),
		.parent = db_null_at(rows, i, 1) ? (struct str){0} : db_str_at(rows, i, 1),
		.query = db_str_at(rows, i, 2),
		.answer = db_str_at(rows, i, 3),
	};
}

static status write_turns(struct chats *c, struct arena *mem, const struct memory_options *o,
			  const struct db_rows *rows, const struct memory_row *thread,
			  struct json *out)
{
	for (size_t i = rows->count; i-- > 0;) {
		/* A turn that failed has nothing to remember, and vendors refuse empty answers. */
		if (!thread[i].in_thread || !thread[i].answer.len)
			continue;
		const struct json *files =
			o->with_files ? chat_json(mem, db_str_at(rows, i, 4), JSON_ARR) : NULL;
		struct json *user;
		if (user_content(c, mem, &thread[i], files, &user))
			return -1;
		push(mem, out, S("user"), user);
		push(mem, out, S("assistant"), json_str(mem, thread[i].answer));
	}
	return 0;
}

status memory_load(struct chats *c, struct arena *mem, const struct memory_options *o,
		   struct json **out)
{
	struct json *messages = json_arr(mem);
	size_t max = o->max ? MIN(o->max, (size_t)ROWS_MAX) : ROWS_MAX;
	struct db_rows *rows;
	if (DB_READ(c->db, mem, &sql_chat_message_thread, &rows, db_text(o->tenant_id),
		    db_text(o->conversation_id), db_text(o->except_message_id), db_int(ROWS_MAX)))
		return -1;
	struct memory_row *thread = arena_array(mem, struct memory_row, rows->count + 1);
	for (size_t i = 0; i < rows->count; i++)
		thread[i] = read_row(rows, i);
	memory_thread(thread, rows->count);
	if (write_turns(c, mem, o, rows, thread, messages))
		return -1;
	if (json_len(messages) > max) {
		size_t drop = json_len(messages) - max;
		messages->len -= (uint32_t)drop;
		for (uint32_t i = 0; i < messages->len; i++)
			messages->items[i] = messages->items[i + drop];
	}
	if (o->tokens)
		memory_cut(messages, o->tokens);
	*out = messages;
	return 0;
}
