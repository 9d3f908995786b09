/* SPDX-License-Identifier: Apache-2.0 */
/* tool_int: what the files of this folder share. Only this folder includes it. */
#pragma once
#include "tool/tool.h"

struct tools {
	struct arena *mem;
	struct tools_options o;
};

/* One kind of provider. */
struct tool_kind {
	const char *name; /* provider_type of app files */
	status (*find)(struct tools *, struct arena *, const struct tool_scope *, const struct tool_ref *,
		       struct tool **out);
	status (*invoke)(struct tools *, struct arena *, const struct tool_scope *, const struct tool *,
			 const struct json *args, struct tool_result *);
	status (*list)(struct tools *, struct arena *, const struct tool_scope *, bool with_tools,
		       struct json *out); /* NULL: has none to list */
};
extern const struct tool_kind tool_builtin, tool_api, tool_workflow, tool_mcp;
/* Stored JSON text; broken = an empty value of the type. */
struct json *tool_stored(struct arena *, struct str text, enum json_type);
/* Head of a provider in the console API's form; `tools` and what follows is the caller's. */
struct json *tool_provider_json(struct arena *, struct str id, struct str name, struct str type,
				struct str label, struct str description);

/* The result of an MCP tool as ours: texts, JSON, files; an error result is a failure. */
status mcp_read_result(struct arena *, const struct json *result, struct tool_result *out) NODISCARD;

/* --- results --- */
/* Appends to the text. */
void tool_say(struct arena *, struct tool_result *, struct str text);
void tool_say_json(struct arena *, struct tool_result *, const struct json *);

/* A tool in the console API's form. */
struct json *tool_json(struct arena *, const struct tool *, const struct json *tags);

/* --- built-in tools: builtin.c has the table, one file a provider --- */
struct builtin_call {
	struct tools *tools;
	struct arena *mem;
	const struct tool_scope *scope;
	const struct json *args; /* cast, defaults filled in; every parameter is there, null when unset */
	struct tool_result *result;
};
typedef status (*builtin_fn)(struct builtin_call *);
struct builtin_param {
	const char *name;
	enum tool_type type;
	bool required, by_author;
	const char *label, *description;
	const char *fallback; /* JSON text, or NULL */
	const char *options;  /* JSON text of an array, or NULL */
};
enum { BUILTIN_PARAMS_MAX = 8 };
struct builtin_tool {
	const char *provider, *name;
	const char *label, *zh, *ja;
	const char *description;
	builtin_fn run;
	struct builtin_param params[BUILTIN_PARAMS_MAX];
};
status builtin_current_time(struct builtin_call *), builtin_timezone_conversion(struct builtin_call *),
	builtin_weekday(struct builtin_call *), builtin_localtime_to_timestamp(struct builtin_call *),
	builtin_timestamp_to_localtime(struct builtin_call *);
status builtin_json_parse(struct builtin_call *), builtin_json_insert(struct builtin_call *),
	builtin_json_replace(struct builtin_call *), builtin_json_delete(struct builtin_call *);
status builtin_webscraper(struct builtin_call *), builtin_eval_expression(struct builtin_call *),
	builtin_simple_code(struct builtin_call *);
