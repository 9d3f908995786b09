/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name: titles of conversations and follow-up questions, both asked from the workspace's default
 * model. Neither may fail a turn: without a model there is a plain fallback.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "chat/chat_int.h"
#include "model/model.h"
#include "sql_chat.h"

enum {
	QUERY_NAME_MAX = 20, /* characters shown until there is a title */
	FALLBACK_MAX = 50,
	FALLBACK_KEEP = 47,
	TITLE_MAX = 75,
	NAME_QUERY_MAX = 2000, /* a title needs no more of the query */
	NAME_TIMEOUT_MS = 60000,
	STORE_TRIES = 8, /* of 20 ms, 40 ms, ... : five seconds */
	STORE_PAUSE_MS = 20,
	SUGGESTIONS_MAX = 3,
};

static const char name_prompt[] =
	"Write a concise chat title for a conversation that starts with the message below. Use the "
	"language of the message, at most ten words, no quotation marks. Answer with one JSON "
	"object and nothing else: {\"Your Output\": \"<the title>\"}\n\nMessage:\n";

static const char suggest_prompt[] =
	"Predict the three most likely questions that the human will ask next. Use the language of "
	"the assistant's last answer; keep each under 20 words. Answer with a JSON array of three "
	"texts and nothing else.";

static struct str cut_chars(struct arena *mem, struct str t, size_t max, size_t keep,
			    const char *tail)
{
	if (utf8_count(t) <= max)
		return t;
	return arena_printf(mem, "%.*s%s", STR(str_sub(t, 0, utf8_prefix(t, keep))), tail);
}

struct str name_of_query(struct arena *mem, struct str query)
{
	return cut_chars(mem, query, QUERY_NAME_MAX, QUERY_NAME_MAX, "\xe2\x80\xa6");
}

/* The outermost {...} or [...] of a text, so that fences and chatter around it do not matter. */
static struct json *find_json(struct arena *mem, struct str text, char open, char close)
{
	size_t from = str_find_char(text, open), to = str_rfind_char(text, close);
	struct json *v;
	if (from == SIZE_MAX || to == SIZE_MAX || to < from ||
	    json_parse(mem, str_sub(text, from, to - from + 1), &v))
		return NULL;
	return v;
}

struct str name_parse(struct arena *mem, struct str answer, struct str query)
{
	struct json *v = find_json(mem, answer, '{', '}');
	struct str name = str_trim(json_get_str(v, S("Your Output")));
	if (!name.len)
		name = str_trim(json_get_str(v, S("title")));
	if (!name.len && !v) {
		/* A model that ignores the form still answers with a title on one line. */
		struct str rest = str_trim(answer);
		name = str_trim(str_cut(&rest, '\n'));
	}
	if (!name.len)
		return cut_chars(mem, query, FALLBACK_MAX, FALLBACK_KEEP, "...");
	return cut_chars(mem, name, TITLE_MAX, TITLE_MAX, "...");
}

struct json *suggestions_parse(struct arena *mem, struct str answer)
{
	struct json *out = json_arr(mem);
	struct json *v = find_json(mem, answer, '[', ']');
	json_each(v, q) {
		struct str text = str_trim(json_as_str(q, S("")));
		if (text.len && json_len(out) < SUGGESTIONS_MAX)
			json_push_str(mem, out, text);
	}
	return out;
}

static status ask(struct chats *c, struct arena *mem, struct str tenant_id,
		  const struct json *messages, double temperature, struct str *out)
{
	struct json *parameters = json_obj(mem);
	json_set_float(mem, parameters, S("temperature"), temperature);
	json_set_int(mem, parameters, S("max_tokens"), 256);
	struct model_request q = {
		.tenant_id = tenant_id, .messages = messages, .parameters = parameters};
	struct model_answer *a;
	if (models_chat(c->models, mem, &q, NULL, NULL, &a))
		return -1;
	*out = a->text;
	return 0;
}

static struct json *one_message(struct arena *mem, struct str text)
{
	struct json *messages = json_arr(mem), *m = json_obj(mem);
	json_set_str(mem, m, S("role"), S("user"));
	json_set_str(mem, m, S("content"), text);
	json_push(mem, messages, m);
	return messages;
}

/* The title of a query; the fallback when the model cannot be had. Fails only when cancelled. */
static status make_name(struct chats *c, struct arena *mem, struct str tenant_id, struct str query,
			struct str *name)
{
	struct str text = arena_printf(mem, "%s%.*s", name_prompt,
				       STR(str_sub(query, 0, utf8_prefix(query, NAME_QUERY_MAX))));
	struct str answer = {0};
	if (ask(c, mem, tenant_id, one_message(mem, text), 1.0, &answer) &&
	    err_code() == ERR_CANCELLED)
		return -1;
	*name = name_parse(mem, answer, query);
	return 0;
}

struct name_job {
	struct arena *mem;
	struct chats *chats;
	struct str tenant_id, conversation_id, query;
};

/* The first answer is shown before the conversation is stored: its row may come a moment later. */
static status store_name(const struct name_job *j, struct str name)
{
	int64_t pause = STORE_PAUSE_MS;
	for (int i = 0; i < STORE_TRIES; i++, pause *= 2) {
		struct db_rows *rows;
		if (DB_WRITE(j->chats->db, j->mem, &sql_chat_conversation_auto_name, DB_ANY, &rows,
			     db_text(j->tenant_id), db_text(j->conversation_id), db_text(name)))
			return -1;
		if (rows->count)
			return 0;
		if (fiber_sleep_ms(pause))
			return -1;
	}
	return 0; /* somebody has named it */
}

static status name_fiber(void *arg)
{
	struct name_job *j = arg;
	AUTO(arena) owner = {j->mem};
	/* What was inherited from the request ends with it. */
	*fiber_log_context() = (struct log_context){.tenant_id = j->tenant_id};
	fiber_set_local(NULL);
	deadline saved = deadline_push(deadline_in_ms(NAME_TIMEOUT_MS));
	struct str name;
	status failed =
		make_name(j->chats, owner.p, j->tenant_id, j->query, &name) || store_name(j, name);
	deadline_pop(saved);
	if (failed && err_code() != ERR_CANCELLED)
		log_err(LOG_WARN, "a conversation keeps its first words as name");
	return 0;
}

void name_later(struct chats *c, struct str tenant_id, struct str conversation_id, struct str query)
{
	struct arena *mem = arena_open(0);
	struct name_job *j = arena_new(mem, struct name_job);
	*j = (struct name_job){mem, c, arena_str(mem, tenant_id), arena_str(mem, conversation_id),
			       arena_str(mem, query)};
	if (group_spawn(c->naming, "chat-name", name_fiber, j)) {
		log_err(LOG_WARN, "no fiber to name a conversation");
		arena_close(mem);
	}
}

status conversation_generate_name(struct chats *c, struct arena *mem, const struct chat_scope *s,
				  struct str id, struct conversation **out)
{
	struct conversation *conv;
	struct message *first;
	size_t n;
	bool more;
	if (conversation_get(c, mem, s, id, &conv))
		return -1;
	/* The newest page holds the first message unless the conversation is very long; then the
	 * oldest of the page names it as well. */
	if (message_list(c, mem, s->tenant_id, s->app_id, id, (struct str){0}, 100, &first, &n,
			 &more))
		return -1;
	if (!n)
		return err_set(ERR_NOT_FOUND, "Message Not Exists.");
	struct str name;
	if (make_name(c, mem, s->tenant_id, first[0].query, &name))
		return -1;
	return conversation_rename(c, mem, s, id, name, out);
}

status chat_suggest(struct chats *c, struct arena *mem, const struct chat_scope *s,
		    const struct message *m, struct json **out)
{
	struct memory_options o = {.tenant_id = s->tenant_id,
				   .conversation_id = m->conversation_id,
				   .except_message_id = S(""),
				   .max = 6,
				   .tokens = 3000};
	struct json *history;
	if (memory_load(c, mem, &o, &history))
		return -1;
	struct json *ask_for = one_message(mem, str_c(suggest_prompt));
	json_push(mem, history, json_at(ask_for, 0));
	struct str answer = {0};
	if (ask(c, mem, s->tenant_id, history, 0.0, &answer)) {
		if (err_code() == ERR_CANCELLED)
			return -1;
		log_err(LOG_WARN, "no follow-up questions");
	}
	*out = suggestions_parse(mem, answer);
	return 0;
}
