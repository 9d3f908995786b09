/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool: what nodes and agents may call: built-in tools, imported APIs, workflows. A kind of provider
 * is one row in a table (kinds in tool.c); a built-in tool is one row in builtin.c. Knows neither
 * nodes nor runs; a workflow as a tool is run through struct tool_hooks, which role/ fills.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;
struct client;
struct code_service;
struct config;
struct db;
struct tools;

/* Named limits. */
enum {
	TOOL_TEXT_MAX = 4 << 20,   /* text of one result */
	TOOL_FETCH_MAX = 10 << 20, /* bytes that a tool downloads */
	TOOL_DEPTH_MAX = 5,	   /* workflows that call each other as tools */
};

enum tool_type {
	TOOL_STRING, TOOL_NUMBER, TOOL_BOOLEAN, TOOL_SELECT, TOOL_SECRET, TOOL_FILE, TOOL_FILES,
	TOOL_OBJECT, TOOL_ARRAY, TOOL_ANY, TOOL_TYPE_COUNT
};
struct str tool_type_name(enum tool_type);
enum tool_type tool_type_parse(struct str); /* TOOL_STRING for an unknown name */

struct tool_param {
	struct str name;
	enum tool_type type;
	bool required;
	bool by_author;		 /* form "form": set in the app, not by a model */
	struct str label, zh, ja; /* zh, ja empty = as label */
	struct str description;	 /* for people and models */
	const struct json *fallback; /* default, or NULL */
	const struct json *options;  /* TOOL_SELECT: array of texts */
	const struct json *schema;   /* JSON schema of the value, or NULL = by type */
};

struct tool_kind;
struct tool {
	struct str provider_type, provider_id, provider_name, name;
	struct str label, zh, ja;
	struct str description;
	const struct tool_param *params;
	size_t param_count;
	struct str icon; /* address, or "" */
	const struct tool_kind *kind;
	const void *own; /* of its kind */
};

/* Who calls. Everything lives as long as the call. */
struct tool_scope {
	struct str tenant_id, app_id, user, created_by, conversation_id;
	bool by_account;
	int64_t depth; /* of workflows that run as tools: 0 at the top */
	/* Names this call, the same when it is repeated because its process died; empty: none. */
	struct str call_id;
	/* A cancelled call: does its caller go on in another process, which will ask for the rest?
	 * Then what the call has started stays. NULL: it does not. */
	bool (*moves)(const void *caller);
	const void *caller;
};
struct tool_ref {
	struct str provider_type, provider_id, name;
};

/* A file that a tool made; the caller stores it. */
struct tool_file {
	struct str bytes, name, mime_type;
	struct str url; /* instead of bytes */
};
struct tool_result {
	struct str text;	/* all texts, one after the other */
	struct json *json;	/* array of the tool's JSON messages */
	struct json *variables; /* named outputs */
	struct tool_file *files;
	size_t file_count;
};

/* What must call downwards. May be NULL. */
struct tool_hooks {
	void *ctx;
	/* Runs the published workflow of an app of the tenant and waits for its end; *outputs is an
	 * object in mem. A run that fails is a failure with its error text. A call that is repeated
	 * waits for the run that it had started the first time. */
	status (*run_workflow)(void *ctx, struct arena *, const struct tool_scope *, struct str app_id,
			       const struct json *inputs, struct json **outputs);
};

struct tools_options {
	struct db *db;
	struct client *client;
	struct code_service *code;
	const struct config *config;
	const unsigned char *seal_key; /* credentials of imported APIs */
	struct str public_url;	       /* of the console's API, for icons; "" = paths only */
	struct tool_hooks hooks;
};
status tools_open(const struct tools_options *, struct tools **out) NODISCARD;
void tools_close(struct tools *); /* NULL is fine */

/* Is there such a built-in tool? The provider may have a plugin's long name. */
bool tool_is_builtin(const struct tool_ref *);
/* ERR_NOT_FOUND with what is missing; kinds that cannot run here (plugins) say so. */
status tool_find(struct tools *, struct arena *, const struct tool_scope *, const struct tool_ref *,
		 struct tool **out) NODISCARD;
/* Casts arguments, checks the required ones, fills defaults, calls. Failures carry the tool's text. */
status tool_invoke(struct tools *, struct arena *, const struct tool_scope *, const struct tool *,
		   const struct json *args, struct tool_result *out) NODISCARD;
/* What the tool's text, JSON and files say to a model, as one text. */
struct str tool_result_text(struct arena *, const struct tool_result *);

/* {zh_Hans, en_US, pt_BR, ja_JP}, the texts that clients choose from. */
struct json *tool_label_json(struct arena *, struct str en, struct str zh, struct str ja);
/* A value as the parameter's type has it. ERR_INVALID with the parameter's name. value NULL = null. */
status tool_cast(struct arena *, const struct tool_param *, const struct json *value, struct json **out) NODISCARD;
/* The function that a model may call: {"type":"function","function":{..}} with the parameters that are
 * left to the model. `fixed`: names in this object are set already. */
struct json *tool_function(struct arena *, const struct tool *, struct str name, const struct json *fixed);
/* Providers with their tools, in the console API's form; kind "builtin", "api", "workflow", "mcp". */
status tools_list(struct tools *, struct arena *, const struct tool_scope *, struct str kind, bool with_tools,
		  struct json **out) NODISCARD;

/* --- imported APIs --- */
struct tool_api {
	struct str id, name, description, kind, schema; /* kind: "openapi" or "swagger" */
	struct json *icon;	  /* {background, content} */
	struct json *operations;  /* see openapi.h */
	struct json *credentials; /* {auth_type, api_key_header, api_key_header_prefix, api_key_value, ...} */
	struct str privacy_policy, disclaimer;
	struct json *labels; /* array of texts */
};
/* Reads the schema and stores; id empty = a new one, else that one. A credential given as
 * tool_api_mask shows it keeps its value. ERR_INVALID also for a name that is taken. */
status tool_api_save(struct tools *, struct arena *, struct str tenant_id, struct str account_id, struct tool_api *, struct str *id) NODISCARD;
/* By id or name; credentials in plain. ERR_NOT_FOUND also for another workspace's. */
status tool_api_get(struct tools *, struct arena *, struct str tenant_id, struct str id, struct tool_api **out) NODISCARD;
status tool_api_remove(struct tools *, struct arena *, struct str tenant_id, struct str id) NODISCARD;
/* Its operations as tools in the console's form. */
struct json *tool_api_tools(struct tools *, struct arena *, const struct tool_api *);
/* Credentials as people may see them. */
struct json *tool_api_mask(struct arena *, const struct json *credentials);
/* One call of an operation without storing anything; *text is the answer. */
status tool_api_try(struct tools *, struct arena *, const struct tool_scope *, const struct tool_api *, struct str operation, const struct json *args, struct str *text) NODISCARD;

/* --- servers of the Model Context Protocol --- */
struct tool_mcp {
	struct str id, name, identifier; /* identifier: how app files name it */
	struct str url;			 /* in plain; at NULL when saving = as before */
	struct json *icon;		 /* {type, background, content} or what the console gave */
	struct json *headers;		 /* {name: text} in plain */
	int64_t timeout_s, call_timeout_s; /* 0 = 30 and 300 */
	struct json *tools;		 /* as the server told */
	int64_t updated_ms;
};
/* Asks the server for its tools and stores; id empty = a new one, else that one. A header given as
 * tool_mcp_json masks it keeps its value. ERR_INVALID also for a name or identifier that is taken. */
status tool_mcp_save(struct tools *, struct arena *, struct str tenant_id, struct str account_id, struct tool_mcp *) NODISCARD;
/* By id or identifier. ERR_NOT_FOUND also for another workspace's. */
status tool_mcp_get(struct tools *, struct arena *, struct str tenant_id, struct str id, struct tool_mcp **out) NODISCARD;
status tool_mcp_remove(struct tools *, struct arena *, struct str tenant_id, struct str id) NODISCARD;
/* In the console's form: address and headers masked, with its tools. */
struct json *tool_mcp_json(struct arena *, const struct tool_mcp *, bool with_tools);

/* --- workflows as tools --- */
struct tool_workflow {
	struct str id, app_id, name, label, description, privacy_policy, version;
	struct json *icon;	 /* {background, content} */
	struct json *parameters; /* array of {name, description, form, type, required, options, default} */
	struct json *labels;
};
/* id empty = a new one. ERR_INVALID for a name or an app that has one already. */
status tool_workflow_save(struct tools *, struct arena *, struct str tenant_id, struct str account_id, const struct tool_workflow *, struct str *id) NODISCARD;
/* By its id or its app's. ERR_NOT_FOUND also for another workspace's. */
status tool_workflow_get(struct tools *, struct arena *, struct str tenant_id, struct str id, struct tool_workflow **out) NODISCARD;
status tool_workflow_remove(struct tools *, struct arena *, struct str tenant_id, struct str id) NODISCARD;
struct json *tool_workflow_tools(struct tools *, struct arena *, const struct tool_workflow *);
