/* SPDX-License-Identifier: Apache-2.0 */
/* chat_int: what the files of this folder share. */
#pragma once
#include "base/json.h"
#include "chat/chat.h"
#include "store/db/db.h"

struct chats {
	struct arena *mem;
	struct db *db;
	struct broker *broker;
	struct models *models;
	const struct config *config;
	struct accounts *accounts;
	struct annotation_cache *annotations; /* vectors in memory */
	struct flow *flow;
	struct group *naming; /* fibers that name conversations */
	struct flow_graph *easy_graph; /* of all easy apps; NULL until the first turn */
};

/* Stored JSON text back to a tree; a broken or empty text gives an empty object or array. */
struct json *chat_json(struct arena *, struct str text, enum json_type expect);
/* LIKE pattern of a keyword: anywhere, ASCII letters in lower case, % and _ match any text. */
struct str chat_like(struct arena *, struct str keyword);
#define CHAT_OWNER(scope) db_text((scope)->tenant_id), db_text((scope)->app_id)
#define CHAT_USER(scope)  db_text((scope)->user.id), db_int((scope)->user.by_account)

enum { MESSAGE_COLUMNS = 28 };
/* Row of one of the message statements. */
void message_read(struct arena *, const struct db_rows *, size_t row, struct message *);

/* --- memory.c --- */
struct memory_options {
	struct str tenant_id, conversation_id, except_message_id;
	size_t max;      /* messages, not turns */
	int64_t tokens;  /* budget, 0 = none */
	bool with_files; /* images of earlier turns too */
};
/* Earlier turns in OpenAI form, oldest first. */
status memory_load(struct chats *, struct arena *, const struct memory_options *,
		   struct json **out) NODISCARD;
/* A row of the thread, newest first; parent.at == NULL: the start of a thread. */
struct memory_row {
	struct str id, parent, query, answer;
	bool in_thread;
};
/* Marks the rows on the thread of the newest one. */
void memory_thread(struct memory_row *rows, size_t n);
/* Drops the oldest messages until the rest fits; one stays. */
void memory_cut(struct json *messages, int64_t tokens);
/* An estimate: no tokenizer of the vendor is at hand. */
int64_t memory_tokens(struct str text);

/* --- moderate.c --- */
struct chat_moderation {
	struct json *words;                     /* array of lower-case texts */
	struct str input_preset, output_preset; /* at == NULL: that side is off */
};
/* NULL when the config has no keyword moderation. */
struct chat_moderation *moderation_load(struct arena *, const struct json *config);
struct json *moderation_json(struct arena *, const struct chat_moderation *);
struct chat_moderation *moderation_from_json(struct arena *, const struct json *);
/* The preset when a word is found in the inputs or the query. */
struct str moderation_input(struct arena *, const struct chat_moderation *,
			    const struct json *inputs, struct str query);

/* --- name.c --- */
/* First 20 characters and an ellipsis. */
struct str name_of_query(struct arena *, struct str query);
/* What a model's answer to the naming prompt says, or the query's first 47 characters. */
struct str name_parse(struct arena *, struct str answer, struct str query);
/* The questions of a model's answer: a JSON array anywhere in the text. */
struct json *suggestions_parse(struct arena *, struct str answer);
/* Names the conversation in a fiber of its own. */
void name_later(struct chats *, struct str tenant_id, struct str conversation_id, struct str query);

/* --- agent.c --- */
/* What an agent app's model-call node is given, from the app's config and the messages of the prompt. */
struct json *agent_call(struct arena *, const struct json *config, const struct json *messages,
			const struct json *parameters);

/* --- hooks.c, variable.c --- */
status chat_finished(void *ctx, struct arena *, const struct flow_info *,
		     const struct flow_result *, struct db_batch *) NODISCARD;
/* Inserts missing definitions and returns all with their current values. */
status variable_prepare(struct chats *, struct arena *, const struct chat_scope *,
			struct str conversation_id, const struct json *definitions,
			struct json **out) NODISCARD;
/* The same without reading: what a new conversation has; rows are added to the batch. */
struct json *variable_define(struct arena *, struct db_batch *, const struct chat_scope *,
			     struct str conversation_id, const struct json *definitions,
			     int64_t now);
