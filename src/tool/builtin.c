/* SPDX-License-Identifier: Apache-2.0 */
/* builtin: the table of built-in providers and tools. To add a tool: a function and a row. */
#include "base/arena.h"
#include "base/err.h"
#include "tool/tool_int.h"

struct builtin_provider {
	const char *name, *label, *zh, *ja, *description, *tag;
};
static const struct builtin_provider providers[] = {
	{ "time", "Current Time", "\u65f6\u95f4", "\u6642\u523b", "Tells and converts times.", "utilities" },
	{ "webscraper", "Web page reader", "\u7f51\u9875\u9605\u8bfb",
	  "\u30a6\u30a7\u30d6\u30da\u30fc\u30b8\u8aad\u307f\u53d6\u308a", "Reads the text of web pages.",
	  "productivity" },
	{ "json_process", "JSON", "JSON", "JSON", "Takes JSON apart and changes it.", "utilities" },
	{ "maths", "Calculator", "\u8ba1\u7b97\u5668", "\u96fb\u5353", "Evaluates arithmetic expressions.",
	  "utilities" },
	{ "code", "Code", "\u4ee3\u7801", "\u30b3\u30fc\u30c9", "Runs a piece of code in the sandbox.",
	  "productivity" },
};

#define ZONE_TEXT "A time zone by its name in the tz database, such as Asia/Tokyo or UTC."
#define TEXT(name, required, label, text) { name, TOOL_STRING, required, false, label, text, NULL, NULL }
#define SET(name, required, label, text, dflt) { name, TOOL_STRING, required, true, label, text, dflt, NULL }
#define PATH_TEXT "A path such as $.items[0].name."
#define FLAG(name, label, text, dflt) { name, TOOL_BOOLEAN, false, true, label, text, dflt, NULL }
#define NUMBER(name, label, text) { name, TOOL_NUMBER, true, false, label, text, NULL, NULL }

static const struct builtin_tool tools[] = {
	{ "time", "current_time", "Current Time",
	  "\u83b7\u53d6\u5f53\u524d\u65f6\u95f4", "", "Tells the current time.",
	  builtin_current_time,
	  { SET("format", false, "Format", "How to print the time, in strftime's directives.",
		"\"%Y-%m-%d %H:%M:%S\""),
	    SET("timezone", false, "Timezone", ZONE_TEXT, "\"UTC\"") } },
	{ "time", "timezone_conversion", "Convert time zones", "\u65f6\u533a\u8f6c\u6362",
	  "\u6642\u5dee\u3092\u5909\u63db", "Converts a time from one time zone to another.",
	  builtin_timezone_conversion,
	  { TEXT("current_time", true, "Time", "The time to convert, as 2024-01-31 23:59:00."),
	    TEXT("current_timezone", true, "From", ZONE_TEXT), TEXT("target_timezone", true, "To", ZONE_TEXT) } },
	{ "time", "weekday", "Weekday", "\u661f\u671f\u51e0", "\u66dc\u65e5",
	  "Tells the day of the week of a date.", builtin_weekday,
	  { NUMBER("year", "Year", "The year, such as 2024."), NUMBER("month", "Month", "The month, 1 to 12."),
	    NUMBER("day", "Day", "The day of the month, 1 to 31.") } },
	{ "time", "localtime_to_timestamp", "Local time to timestamp",
	  "\u672c\u5730\u65f6\u95f4\u8f6c\u65f6\u95f4\u6233",
	  "\u6642\u523b\u3092\u30bf\u30a4\u30e0\u30b9\u30bf\u30f3\u30d7\u306b",
	  "Converts a local time to seconds since 1970.", builtin_localtime_to_timestamp,
	  { TEXT("localtime", true, "Local time", "The time, as 2024-01-31 23:59:00."),
	    SET("timezone", false, "Timezone", ZONE_TEXT, "\"Asia/Shanghai\"") } },
	{ "time", "timestamp_to_localtime", "Timestamp to local time",
	  "\u65f6\u95f4\u6233\u8f6c\u672c\u5730\u65f6\u95f4",
	  "\u30bf\u30a4\u30e0\u30b9\u30bf\u30f3\u30d7\u3092\u6642\u523b\u306b",
	  "Converts seconds since 1970 to a local time.", builtin_timestamp_to_localtime,
	  { NUMBER("timestamp", "Timestamp", "Seconds since 1970-01-01 00:00 UTC."),
	    SET("timezone", false, "Timezone", ZONE_TEXT, "\"Asia/Shanghai\"") } },
	{ "webscraper", "webscraper", "Read a web page", "\u8bfb\u53d6\u7f51\u9875",
	  "\u30a6\u30a7\u30d6\u30da\u30fc\u30b8\u3092\u8aad\u3080", "Reads the text of a web page.",
	  builtin_webscraper,
	  { TEXT("url", true, "URL", "The address of the page, with http:// or https://."),
	    SET("user_agent", false, "User agent", "What the request says it comes from.", NULL) } },
	{ "json_process", "parse", "Take values out of JSON", "\u89e3\u6790 JSON",
	  "JSON \u304b\u3089\u5024\u3092\u53d6\u308a\u51fa\u3059", "Takes the values at a path out of a JSON text.",
	  builtin_json_parse,
	  { TEXT("content", true, "JSON", "The JSON text."), TEXT("json_filter", true, "Path", PATH_TEXT),
	    FLAG("ensure_ascii", "ASCII only", "Write other letters as escapes.", "true") } },
	{ "json_process", "insert", "Insert into JSON", "\u63d2\u5165 JSON", "JSON \u306b\u633f\u5165",
	  "Adds a value at a path of a JSON text.", builtin_json_insert,
	  { TEXT("content", true, "JSON", "The JSON text."), TEXT("query", true, "Path", PATH_TEXT),
	    TEXT("new_value", true, "Value", "The value to add."),
	    FLAG("value_decode", "Value is JSON", "Read the value as JSON instead of as text.", "false"),
	    FLAG("create_path", "Create the path", "Make members that are missing.", "false"),
	    { "index", TOOL_NUMBER, false, true, "Index", "Where in a list; at its end without.", NULL, NULL },
	    FLAG("ensure_ascii", "ASCII only", "Write other letters as escapes.", "true") } },
	{ "json_process", "replace", "Replace in JSON", "\u66ff\u6362 JSON", "JSON \u3092\u7f6e\u63db",
	  "Replaces values, parts of texts or names at a path of a JSON text.", builtin_json_replace,
	  { TEXT("content", true, "JSON", "The JSON text."), TEXT("query", true, "Path", PATH_TEXT),
	    TEXT("replace_value", true, "Value", "What takes its place."),
	    { "replace_model", TOOL_SELECT, true, true, "What", "The whole value, a part of it or the name.",
	      "\"value\"", "[\"value\",\"pattern\",\"key\"]" },
	    TEXT("replace_pattern", false, "Part", "With pattern: the part of the text to replace."),
	    FLAG("value_decode", "Value is JSON", "Read the value as JSON instead of as text.", "false"),
	    FLAG("ensure_ascii", "ASCII only", "Write other letters as escapes.", "true") } },
	{ "json_process", "delete", "Delete from JSON", "\u5220\u9664 JSON", "JSON \u304b\u3089\u524a\u9664",
	  "Removes what is at a path of a JSON text.", builtin_json_delete,
	  { TEXT("content", true, "JSON", "The JSON text."), TEXT("query", true, "Path", PATH_TEXT),
	    FLAG("ensure_ascii", "ASCII only", "Write other letters as escapes.", "true") } },
	{ "maths", "eval_expression", "Evaluate an expression", "\u8ba1\u7b97", "\u8a08\u7b97\u3059\u308b",
	  "Evaluates an arithmetic expression, such as (1 + 2) * sqrt(16).", builtin_eval_expression,
	  { TEXT("expression", true, "Expression", "Numbers, + - * / // % **, brackets, pi, e, sqrt, sin, log, "
						   "min, max and the like.") } },
	{ "code", "simple_code", "Run code", "\u8fd0\u884c\u4ee3\u7801", "\u30b3\u30fc\u30c9\u3092\u5b9f\u884c",
	  "Runs a program and gives out what it prints.", builtin_simple_code,
	  { { "language", TOOL_SELECT, true, false, "Language", "python3 or javascript.", "\"python3\"",
	      "[\"python3\",\"javascript\"]" },
	    TEXT("code", true, "Code", "The program; it prints its result.") } },
};

static const struct builtin_provider *provider_find(struct str name)
{
	for (size_t i = 0; i < countof(providers); i++)
		if (str_eq(str_c(providers[i].name), name))
			return &providers[i];
	return NULL;
}

static const struct json *constant(struct arena *mem, const char *text)
{
	struct json *v = NULL;
	bool is_json = !text || json_parse(mem, str_c(text), &v) == 0;
	ASSERT(is_json);
	return v;
}

static struct tool *tool_of(struct tools *t, struct arena *mem, const struct builtin_tool *b)
{
	struct tool *o = arena_new(mem, struct tool);
	struct tool_param *params = arena_array(mem, struct tool_param, BUILTIN_PARAMS_MAX);
	*o = (struct tool){
		.provider_type = S("builtin"), .provider_id = str_c(b->provider),
		.provider_name = str_c(b->provider), .name = str_c(b->name), .label = str_c(b->label),
		.zh = str_c(b->zh), .ja = str_c(b->ja), .description = str_c(b->description),
		.params = params, .kind = &tool_builtin, .own = b,
	};
	o->icon = arena_printf(mem, "%.*s/console/api/workspaces/current/tool-provider/builtin/%s/icon",
			       STR(t->o.public_url), b->provider);
	for (size_t i = 0; i < BUILTIN_PARAMS_MAX && b->params[i].name; i++) {
		const struct builtin_param *p = &b->params[i];
		params[o->param_count++] = (struct tool_param){
			.name = str_c(p->name), .type = p->type, .required = p->required,
			.by_author = p->by_author, .label = str_c(p->label),
			.description = str_c(p->description), .fallback = constant(mem, p->fallback),
			.options = constant(mem, p->options),
		};
	}
	return o;
}

/* App files name providers as "time" or "langgenius/time/time". */
static struct str last_part(struct str id)
{
	size_t slash = str_rfind_char(id, '/');
	return slash == SIZE_MAX ? id : str_skip(id, slash + 1);
}

static const struct builtin_tool *tool_named(const struct tool_ref *ref)
{
	struct str provider = last_part(ref->provider_id);
	for (size_t i = 0; i < countof(tools); i++)
		if (str_eq(str_c(tools[i].provider), provider) && str_eq(str_c(tools[i].name), ref->name))
			return &tools[i];
	return NULL;
}

bool tool_is_builtin(const struct tool_ref *ref)
{
	return tool_named(ref) != NULL;
}

static status find(struct tools *t, struct arena *mem, const struct tool_scope *s, const struct tool_ref *ref,
		   struct tool **out)
{
	struct str provider = last_part(ref->provider_id);
	const struct builtin_tool *b = tool_named(ref);
	(void)s;
	if (b) {
		*out = tool_of(t, mem, b);
		return 0;
	}
	if (provider_find(provider))
		return err_set(ERR_NOT_FOUND, "the built-in provider %.*s has no tool %.*s", STR(provider),
			       STR(ref->name));
	return err_set(ERR_NOT_FOUND, "there is no built-in provider %.*s (tool %.*s): if it is a plugin, this "
				      "server does not run it", STR(ref->provider_id), STR(ref->name));
}

static status invoke(struct tools *t, struct arena *mem, const struct tool_scope *s, const struct tool *tool,
		     const struct json *args, struct tool_result *out)
{
	const struct builtin_tool *b = tool->own;
	struct builtin_call c = { .tools = t, .mem = mem, .scope = s, .args = args, .result = out };
	return b->run(&c);
}

static struct json *provider_json(struct tools *t, struct arena *mem, const struct builtin_provider *p,
				  bool with_tools)
{
	struct json *list = json_arr(mem), *tags = json_arr(mem);
	struct str name = str_c(p->name);
	struct json *o = tool_provider_json(mem, name, name, S("builtin"), str_c(p->label), str_c(p->description));
	json_set(mem, o, S("label"), tool_label_json(mem, str_c(p->label), str_c(p->zh), str_c(p->ja)));
	json_set_str(mem, o, S("icon"),
		     arena_printf(mem, "%.*s/console/api/workspaces/current/tool-provider/builtin/%s/icon",
				  STR(t->o.public_url), p->name));
	json_push_str(mem, tags, str_c(p->tag));
	for (size_t i = 0; with_tools && i < countof(tools); i++)
		if (str_eq(str_c(tools[i].provider), name))
			json_push(mem, list, tool_json(mem, tool_of(t, mem, &tools[i]), tags));
	json_set(mem, o, S("tools"), list);
	json_set(mem, o, S("labels"), tags);
	return o;
}

static status list(struct tools *t, struct arena *mem, const struct tool_scope *s, bool with_tools,
		   struct json *out)
{
	(void)s;
	for (size_t i = 0; i < countof(providers); i++)
		json_push(mem, out, provider_json(t, mem, &providers[i], with_tools));
	return 0;
}

const struct tool_kind tool_builtin = { "builtin", find, invoke, list };
