/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat: conversations, messages, memory, feedback, naming, follow-up questions; turns of chat,
 * completion and chatflow apps on top of flow. Knows apps only by what is passed in. Every read and
 * write names tenant and app; what belongs to another is ERR_NOT_FOUND.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "flow/flow.h"

struct accounts;
struct arena;
struct config;
struct db;
struct json;
struct models;
struct chats;

struct chats_options {
	struct db *db;
	struct broker *broker;
	struct models *models;
	const struct config *config;
	struct accounts *accounts; /* who wrote an annotation; NULL: nobody has a name */
};
/* Opens before flow (flow takes chat_hooks), then chats_attach gives it the engine. */
status chats_open(const struct chats_options *, struct chats **out) NODISCARD;
void chats_attach(struct chats *, struct flow *);
struct flow_hooks chat_hooks(struct chats *);
void chats_close(struct chats *);

/* Whose rows: an end user's or an account's. */
struct chat_user {
	struct str id;
	bool by_account;
	struct str session; /* what flow calls `user`: the caller's text, or the account's id */
};
/* Where a call is made. The texts are those of the records: service-api, web-app, debugger. */
struct chat_scope {
	struct str tenant_id, app_id;
	struct chat_user user;
};

/* --- conversations --- */
struct conversation {
	struct str id, tenant_id, app_id, mode, name, introduction, invoke_from, created_by;
	struct json *inputs; /* object */
	struct json *config; /* easy apps: the model_config it was started with, else NULL */
	bool by_account;
	int64_t dialogue_count, pinned_ms, created_ms, updated_ms;
};
/* "Conversation Not Exists." */
status conversation_get(struct chats *, struct arena *, const struct chat_scope *, struct str id, struct conversation **out) NODISCARD;
struct conversation_page {
	struct str last_id;
	bool by_created, ascending;
	int pinned; /* 0, 1, -1 = both */
	int64_t limit;
};
/* "Last Conversation Not Exists." for an unknown last_id. */
status conversation_list(struct chats *, struct arena *, const struct chat_scope *, const struct conversation_page *, struct conversation **out, size_t *n, bool *more) NODISCARD;
status conversation_rename(struct chats *, struct arena *, const struct chat_scope *, struct str id, struct str name, struct conversation **out) NODISCARD;
/* Asks the default model for a title of the first message. */
status conversation_generate_name(struct chats *, struct arena *, const struct chat_scope *, struct str id, struct conversation **out) NODISCARD;
status conversation_pin(struct chats *, struct arena *, const struct chat_scope *, struct str id, bool pinned) NODISCARD;
status conversation_remove(struct chats *, struct arena *, const struct chat_scope *, struct str id) NODISCARD;

/* For the console's logs: of any user of the app, debug runs left out. */
struct conversation_log {
	struct conversation conversation;
	int64_t messages, user_likes, user_dislikes, admin_likes, admin_dislikes;
	int64_t runs_succeeded, runs_failed, runs_partial; /* of a chatflow's turns */
	int64_t annotations; /* made of its messages */
	struct str summary; /* the first query */
};
struct conversation_log_page {
	bool completion;
	struct str keyword;
	int annotated; /* 0 = all, 1 = with annotations, 2 = without */
	int64_t from_ms, until_ms, page, limit; /* until 0 = now */
};
status conversation_logs(struct chats *, struct arena *, struct str tenant_id, struct str app_id, const struct conversation_log_page *, struct conversation_log **out, size_t *n, int64_t *total) NODISCARD;
status conversation_of_app(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str id, struct conversation **out) NODISCARD;

/* --- messages --- */
struct message {
	struct str id, tenant_id, app_id, conversation_id, mode, query, answer, status, error;
	struct str total_price, currency, parent_message_id, workflow_run_id, invoke_from, created_by;
	struct str rating, feedback_content, admin_rating; /* at == NULL: none */
	struct json *inputs, *prompt, *metadata, *files;
	struct json *thoughts; /* of an agent: array, see chat_thought_json */
	bool by_account;
	int64_t message_tokens, answer_tokens, created_ms;
	double latency;
};
/* "Message Not Exists." */
status message_get(struct chats *, struct arena *, const struct chat_scope *, struct str id, struct message **out) NODISCARD;
status message_of_app(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str id, struct message **out) NODISCARD;
/* The newest page before first_id (empty = the end), oldest first inside. The caller has checked
 * that the conversation is the user's. "First Message Not Exists." */
status message_list(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str conversation_id, struct str first_id, int64_t limit, struct message **out, size_t *n, bool *more) NODISCARD;
/* Whether a message of this app uses the upload (*ours), or one of another app of the tenant. */
status message_uses_file(struct chats *, struct arena *, struct str tenant_id, struct str app_id, struct str upload_id, bool *ours, bool *others) NODISCARD;
/* The entry of `message_files` in answers, with a fresh signed address. */
struct json *message_file_json(struct chats *, struct arena *, const struct json *file);

/* A thought as lists of messages show it. */
struct json *chat_thought_json(struct arena *, const struct message *, const struct json *thought);

/* rating empty = remove; failing with invalid_param when there is none. admin: from the console. */
status feedback_set(struct chats *, struct arena *, const struct chat_scope *, const struct message *, struct str rating, struct str content, bool admin) NODISCARD;
struct feedback {
	struct str id, conversation_id, message_id, rating, content, from_source, created_by;
	int64_t created_ms, updated_ms;
};
status feedback_list(struct chats *, struct arena *, struct str tenant_id, struct str app_id, int64_t page, int64_t limit, struct feedback **out, size_t *n) NODISCARD;

status saved_add(struct chats *, struct arena *, const struct chat_scope *, struct str message_id) NODISCARD;
status saved_remove(struct chats *, struct arena *, const struct chat_scope *, struct str message_id) NODISCARD;
status saved_list(struct chats *, struct arena *, const struct chat_scope *, struct str last_id, int64_t limit, struct message **out, size_t *n, bool *more) NODISCARD;

/* --- conversation variables --- */
struct chat_variable {
	struct str id, name, value_type, description;
	struct json *value;
	int64_t created_ms, updated_ms;
};
status variable_list(struct chats *, struct arena *, const struct chat_scope *, struct str conversation_id, struct chat_variable **out, size_t *n) NODISCARD;
/* "Conversation Variable Not Exists.", type mismatches as recorded. */
status variable_set(struct chats *, struct arena *, const struct chat_scope *, struct str conversation_id, struct str id, const struct json *value, struct chat_variable *out) NODISCARD;

/* --- turns --- */
/* What the Service API writes as the parent of every message: "the one before in time". */
#define CHAT_PARENT_TIME "00000000-0000-0000-0000-000000000000"
struct file_rules;
/* What a model_config or a workflow's features say of files with the message; false: none taken. */
bool chat_file_rules(const struct json *config, struct file_rules *out);
/* Every mapping of a request names a known way of transfer, or none. */
status chat_check_mappings(const struct json *mappings) NODISCARD;
/* `sys` of a run, in the order in which it is shown; query.at == NULL: a workflow without chat. */
struct chat_system {
	struct str user, app_id, workflow_id, run_id, query, conversation_id;
	const struct json *files;
	int64_t dialogue_count;
};
struct json *chat_system_json(struct arena *, const struct chat_system *);
struct chat_request {
	struct chat_scope scope;
	struct str mode;	   /* chat, agent-chat, completion, advanced-chat */
	struct str from;	   /* service-api, web-app, debugger */
	struct str query;
	const struct json *inputs; /* object, unchecked */
	const struct json *files;  /* array of mappings, or NULL */
	struct str conversation_id, parent_message_id;
	bool auto_name;
	bool fixed_config;	   /* config wins over what the conversation was started with (debug) */
	const struct json *config; /* easy apps: model_config; chatflow: the workflow's features */
	/* chatflow only */
	struct str workflow_id, version; /* version: shown in the log, "draft" or a time */
	struct flow_graph *graph;
	const struct json *environment;	 /* as flow_start takes it */
	const struct json *conversation; /* definitions of the conversation's variables */
	const struct json *created_by;	 /* for workflow_finished of accounts, or NULL */
};
/* What a turn became: how to follow it and how to show it. */
struct chat_turn {
	struct str mode, run_id, task_id, message_id, conversation_id;
	int64_t created_ms;
	struct str direct;	 /* at != NULL: no run; this text is the whole answer */
	struct json *annotation; /* what answered, as metadata shows it; or NULL */
	struct chat_moderation *moderation; /* output words, or NULL */
	const struct json *speech; /* text_to_speech of the app, when answers are to be spoken; else NULL */
};
/* The same of a model_config or of a workflow's features. */
const struct json *chat_speech(const struct json *config);
/* Checks, stores the message and starts its run. Nothing is stored when it fails. */
status chat_turn(struct chats *, struct arena *, const struct chat_request *, struct chat_turn **out) NODISCARD;

/* The text that replaces an answer with a forbidden word; at == NULL: nothing to replace. */
struct str chat_moderate_output(struct arena *, const struct chat_moderation *, struct str answer);
/* The `metadata` of message_end and of blocking answers. direct or failed runs: result NULL. */
struct json *chat_metadata(struct arena *, struct str mode, const struct flow_result *);

/* Up to three follow-up questions (texts); an empty array when the model gives none. */
status chat_suggest(struct chats *, struct arena *, const struct chat_scope *, const struct message *, struct json **out) NODISCARD;
/* The opening statement with the inputs filled in. */
struct str chat_introduction(struct arena *, const struct json *config, const struct json *inputs);
/* The rows {variable, type, ...} of an easy app's user_input_form; form defaults do not apply
 * (workflow.md 13), so they are left out. */
struct json *chat_form_variables(struct arena *, const struct json *config);
