/* SPDX-License-Identifier: Apache-2.0 */
/* tool: the table of kinds, casting of arguments, and the forms in which models and people see
 * tools. */
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tool/tool_int.h"

/* --- kinds --- */

static status no_plugin(struct tools *t, struct arena *mem, const struct tool_scope *s,
			const struct tool_ref *ref, struct tool **out)
{
	(void)t, (void)mem, (void)s, (void)out;
	return err_set(ERR_NOT_FOUND,
		       "the tool %.*s of plugin %.*s cannot run here: this server runs no plugins. "
		       "Use a built-in "
		       "tool, or import the service's OpenAPI description as a custom tool",
		       STR(ref->name), STR(ref->provider_id));
}

static status no_dataset(struct tools *t, struct arena *mem, const struct tool_scope *s,
			 const struct tool_ref *ref, struct tool **out)
{
	(void)t, (void)mem, (void)s, (void)out;
	return err_set(ERR_NOT_FOUND,
		       "the tool %.*s searches a knowledge base, which this server does not have "
		       "yet",
		       STR(ref->name));
}

static const struct tool_kind plugin = {"plugin", no_plugin, NULL, NULL};
static const struct tool_kind dataset = {"dataset-retrieval", no_dataset, NULL, NULL};
static const struct tool_kind *const kinds[] = {&tool_builtin, &tool_api, &tool_workflow,
						&tool_mcp,     &plugin,   &dataset};

static const struct tool_kind *kind_find(struct str name)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_eq(str_c(kinds[i]->name), name))
			return kinds[i];
	return NULL;
}

status tools_open(const struct tools_options *o, struct tools **out)
{
	struct arena *mem = arena_open(0);
	struct tools *t = arena_new(mem, struct tools);
	t->mem = mem;
	t->o = *o;
	*out = t;
	return 0;
}

void tools_close(struct tools *t)
{
	if (t)
		arena_close(t->mem);
}

status tool_find(struct tools *t, struct arena *mem, const struct tool_scope *s,
		 const struct tool_ref *ref, struct tool **out)
{
	const struct tool_kind *k = kind_find(ref->provider_type);
	if (!k)
		return err_set(ERR_NOT_FOUND, "unknown kind of tool '%.*s'",
			       STR(ref->provider_type));
	return k->find(t, mem, s, ref, out);
}

status tools_list(struct tools *t, struct arena *mem, const struct tool_scope *s, struct str kind,
		  bool with_tools, struct json **out)
{
	const struct tool_kind *k = kind_find(kind);
	*out = json_arr(mem);
	return k && k->list ? k->list(t, mem, s, with_tools, *out) : 0;
}

/* --- types --- */

static const struct {
	const char *name, *schema;
} types[TOOL_TYPE_COUNT] = {
	[TOOL_STRING] = {"string",       "string" },
	[TOOL_NUMBER] = {"number",       "number" },
	[TOOL_BOOLEAN] = {"boolean",      "boolean"},
	[TOOL_SELECT] = {"select",       "string" },
	[TOOL_SECRET] = {"secret-input", "string" },
	[TOOL_FILE] = {"file",         NULL     },
	[TOOL_FILES] = {"files",        NULL     },
	[TOOL_OBJECT] = {"object",       "object" },
	[TOOL_ARRAY] = {"array",        "array"  },
	[TOOL_ANY] = {"any",          "string" },
};

struct str tool_type_name(enum tool_type t)
{
	return str_c(types[t].name);
}

enum tool_type tool_type_parse(struct str s)
{
	for (int i = 0; i < TOOL_TYPE_COUNT; i++)
		if (str_eq(s, str_c(types[i].name)))
			return (enum tool_type)i;
	if (str_eq(s, S("integer")))
		return TOOL_NUMBER;
	if (str_eq(s, S("bool")) || str_eq(s, S("checkbox")))
		return TOOL_BOOLEAN;
	return str_eq(s, S("system-files")) ? TOOL_FILES : TOOL_STRING;
}

/* --- casting --- */

static status bad_value(const struct tool_param *p, const char *want)
{
	return err_set(ERR_INVALID, "The tool parameter %.*s must be %s", STR(p->name), want);
}

/* What people and models write where a text is wanted. */
static struct json *as_text(struct arena *mem, const struct json *v)
{
	struct buf b = buf_make(mem, 0);
	if (v->type == JSON_STR)
		return json_str(mem, json_as_str(v, S("")));
	if (v->type == JSON_NULL)
		return json_str(mem, S(""));
	if (v->type == JSON_FLOAT)
		json_write_float(&b, v->number);
	else if (v->type == JSON_BOOL)
		buf_put(&b, v->boolean ? S("true") : S("false"));
	else
		json_write(&b, v, JSON_COMPACT);
	return json_str(mem, buf_str(&b));
}

static status as_number(struct arena *mem, const struct tool_param *p, const struct json *v,
			struct json **out)
{
	int64_t whole;
	double real;
	struct str text = str_trim(json_as_str(v, S("")));
	if (v->type == JSON_INT || v->type == JSON_FLOAT) {
		*out = json_copy(mem, v);
	} else if (v->type == JSON_STR && !text.len) {
		*out = json_null(mem);
	} else if (str_to_i64(text, &whole) == 0) {
		*out = json_int(mem, whole);
	} else if (str_to_double(text, &real) == 0 && isfinite(real)) {
		*out = json_float(mem, real);
	} else {
		return bad_value(p, "a number");
	}
	return 0;
}

static struct json *as_bool(struct arena *mem, const struct json *v)
{
	static const struct str no[] = {S_INIT(""), S_INIT("false"), S_INIT("no"), S_INIT("n"),
					S_INIT("0")};
	if (v->type != JSON_STR)
		return json_bool(mem, v->type == JSON_BOOL
					      ? v->boolean
					      : json_as_double(v, json_len(v) ? 1 : 0) != 0);
	struct str text = str_trim(json_as_str(v, S("")));
	for (size_t i = 0; i < countof(no); i++)
		if (str_eq_nocase(text, no[i]))
			return json_bool(mem, false);
	return json_bool(mem, true);
}

/* An object or array, perhaps as JSON text. */
static status as_tree(struct arena *mem, const struct tool_param *p, const struct json *v,
		      struct json **out)
{
	enum json_type want = p->type == TOOL_OBJECT ? JSON_OBJ : JSON_ARR;
	struct json *parsed = NULL;
	if (v->type == want) {
		*out = json_copy(mem, v);
		return 0;
	}
	if (v->type == JSON_STR && json_parse(mem, json_as_str(v, S("")), &parsed) == 0 &&
	    parsed->type == want) {
		*out = parsed;
		return 0;
	}
	if (want == JSON_OBJ)
		return bad_value(p, "an object");
	*out = json_arr(mem);
	json_push(mem, *out, v);
	return 0;
}

static status as_option(const struct tool_param *p, struct json *text, struct json **out)
{
	json_each(p->options, o) if (json_equal(o, text))
	{
		*out = text;
		return 0;
	}
	if (!json_len(p->options)) {
		*out = text;
		return 0;
	}
	return err_set(ERR_INVALID, "The tool parameter %.*s has no choice '%.*s'", STR(p->name),
		       STR(str_sub(json_as_str(text, S("")), 0, 60)));
}

status tool_cast(struct arena *mem, const struct tool_param *p, const struct json *v,
		 struct json **out)
{
	if (!v || v->type == JSON_NULL) {
		*out = json_null(mem);
		return 0;
	}
	switch (p->type) {
	case TOOL_STRING:
	case TOOL_SECRET:
		*out = as_text(mem, v);
		return 0;
	case TOOL_SELECT:
		return as_option(p, as_text(mem, v), out);
	case TOOL_NUMBER:
		return as_number(mem, p, v, out);
	case TOOL_BOOLEAN:
		*out = as_bool(mem, v);
		return 0;
	case TOOL_OBJECT:
	case TOOL_ARRAY:
		return as_tree(mem, p, v, out);
	case TOOL_FILE:
		*out = json_copy(mem, json_is(v, JSON_ARR) && v->len ? &v->items[0] : v);
		return 0;
	case TOOL_FILES:
		*out = json_arr(mem);
		if (v->type != JSON_ARR)
			json_push(mem, *out, v);
		else
			*out = json_copy(mem, v);
		return 0;
	case TOOL_ANY:
	case TOOL_TYPE_COUNT:
		break;
	}
	*out = json_copy(mem, v);
	return 0;
}

/* An empty text means "not given", as forms send it. */
static bool given(const struct json *v)
{
	return v && v->type != JSON_NULL && !(v->type == JSON_STR && !v->len);
}

status tool_invoke(struct tools *t, struct arena *mem, const struct tool_scope *s,
		   const struct tool *tool, const struct json *args, struct tool_result *out)
{
	struct json *cast = json_obj(mem);
	for (size_t i = 0; i < tool->param_count; i++) {
		const struct tool_param *p = &tool->params[i];
		const struct json *v = json_get(args, p->name);
		struct json *value;
		if (!given(v) && p->fallback)
			v = p->fallback;
		if (!given(v) && p->required)
			return err_set(ERR_INVALID, "tool parameter %.*s not found in tool config",
				       STR(p->name));
		if (tool_cast(mem, p, v, &value))
			return -1;
		json_set(mem, cast, p->name, value);
	}
	*out = (struct tool_result){.json = json_arr(mem), .variables = json_obj(mem)};
	return tool->kind->invoke(t, mem, s, tool, cast, out);
}

/* --- results --- */

void tool_say(struct arena *mem, struct tool_result *r, struct str text)
{
	r->text = r->text.len ? arena_printf(mem, "%.*s%.*s", STR(r->text), STR(text)) : text;
}

void tool_say_json(struct arena *mem, struct tool_result *r, const struct json *v)
{
	json_push(mem, r->json, v);
}

struct str tool_result_text(struct arena *mem, const struct tool_result *r)
{
	struct buf b = buf_make(mem, TOOL_TEXT_MAX);
	buf_put(&b, r->text);
	for (size_t i = 0; i < r->file_count; i++) {
		const struct tool_file *f = &r->files[i];
		if (b.len)
			buf_putc(&b, '\n');
		if (f->url.len)
			buf_printf(&b, "result link: %.*s. please tell user to check it.",
				   STR(f->url));
		else
			buf_printf(&b, "The file %.*s was made and is shown to the user already.",
				   STR(f->name));
	}
	/* Most tools say the same as text and as JSON: once is enough for a model. */
	if (!b.len)
		json_each(r->json, item)
		{
			if (b.len)
				buf_putc(&b, '\n');
			json_write(&b, item, JSON_COMPACT);
		}
	return buf_str(&b);
}

/* --- how others see a tool --- */

struct json *tool_label_json(struct arena *mem, struct str en, struct str zh, struct str ja)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("zh_Hans"), zh.len ? zh : en);
	json_set_str(mem, o, S("en_US"), en);
	json_set_str(mem, o, S("pt_BR"), en);
	json_set_str(mem, o, S("ja_JP"), ja.len ? ja : en);
	return o;
}

static struct json *param_schema(struct arena *mem, const struct tool_param *p)
{
	struct json *o = json_is(p->schema, JSON_OBJ) ? json_copy(mem, p->schema) : json_obj(mem);
	if (!json_get(o, S("type")) && !p->schema)
		json_set_str(mem, o, S("type"), str_c(types[p->type].schema));
	if (p->type == TOOL_ARRAY && !json_get(o, S("items")))
		json_set(mem, o, S("items"), json_obj(mem));
	if (!json_get(o, S("description")))
		json_set_str(mem, o, S("description"), p->description);
	if (json_len(p->options))
		json_set(mem, o, S("enum"), p->options);
	return o;
}

struct json *tool_function(struct arena *mem, const struct tool *t, struct str name,
			   const struct json *fixed)
{
	struct json *o = json_obj(mem), *f = json_obj(mem), *schema = json_obj(mem);
	struct json *properties = json_obj(mem), *required = json_arr(mem);
	for (size_t i = 0; i < t->param_count; i++) {
		const struct tool_param *p = &t->params[i];
		/* Files are no business of a model: it cannot write one down. */
		if (p->by_author || !types[p->type].schema || json_get(fixed, p->name))
			continue;
		json_set(mem, properties, p->name, param_schema(mem, p));
		if (p->required)
			json_push_str(mem, required, p->name);
	}
	json_set_str(mem, schema, S("type"), S("object"));
	json_set(mem, schema, S("properties"), properties);
	json_set(mem, schema, S("required"), required);
	json_set_str(mem, f, S("name"), name);
	json_set_str(mem, f, S("description"), t->description);
	json_set(mem, f, S("parameters"), schema);
	json_set_str(mem, o, S("type"), S("function"));
	json_set(mem, o, S("function"), f);
	return o;
}

static struct json *param_json(struct arena *mem, const struct tool_param *p)
{
	struct json *o = json_obj(mem), *options = json_arr(mem);
	json_set_str(mem, o, S("name"), p->name);
	json_set(mem, o, S("label"),
		 tool_label_json(mem, p->label.len ? p->label : p->name, p->zh, p->ja));
	json_set_null(mem, o, S("placeholder"));
	json_set_null(mem, o, S("scope"));
	json_set_null(mem, o, S("auto_generate"));
	json_set_null(mem, o, S("template"));
	json_set_bool(mem, o, S("required"), p->required);
	json_set(mem, o, S("default"), p->fallback);
	json_set_null(mem, o, S("min"));
	json_set_null(mem, o, S("max"));
	json_set_null(mem, o, S("precision"));
	json_each(p->options, v)
	{
		struct json *row = json_obj(mem);
		struct str text = json_as_str(v, S(""));
		json_set(mem, row, S("value"), v);
		json_set(mem, row, S("label"), tool_label_json(mem, text, S(""), S("")));
		json_set_null(mem, row, S("icon"));
		json_push(mem, options, row);
	}
	json_set(mem, o, S("options"), options);
	json_set_str(mem, o, S("type"), tool_type_name(p->type));
	json_set(mem, o, S("human_description"),
		 tool_label_json(mem, p->description, S(""), S("")));
	json_set_str(mem, o, S("form"), p->by_author ? S("form") : S("llm"));
	json_set_str_or_null(mem, o, S("llm_description"),
			     p->by_author ? (struct str){0} : p->description);
	return o;
}

struct json *tool_json(struct arena *mem, const struct tool *t, const struct json *tags)
{
	struct json *o = json_obj(mem), *params = json_arr(mem);
	json_set_str(mem, o, S("author"), S("Tatara"));
	json_set_str(mem, o, S("name"), t->name);
	json_set(mem, o, S("label"), tool_label_json(mem, t->label, t->zh, t->ja));
	json_set(mem, o, S("description"), tool_label_json(mem, t->description, S(""), S("")));
	for (size_t i = 0; i < t->param_count; i++)
		json_push(mem, params, param_json(mem, &t->params[i]));
	json_set(mem, o, S("parameters"), params);
	json_set(mem, o, S("labels"), tags);
	json_set(mem, o, S("output_schema"), json_obj(mem));
	return o;
}

struct json *tool_stored(struct arena *mem, struct str text, enum json_type want)
{
	struct json *v;
	if (json_parse(mem, text, &v) == 0 && v->type == want)
		return v;
	err_clear();
	return want == JSON_ARR ? json_arr(mem) : json_obj(mem);
}

struct json *tool_provider_json(struct arena *mem, struct str id, struct str name, struct str type,
				struct str label, struct str description)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), id);
	json_set_str(mem, o, S("author"), S("Tatara"));
	json_set_str(mem, o, S("name"), name);
	json_set_null(mem, o, S("plugin_id"));
	json_set_str(mem, o, S("plugin_unique_identifier"), S(""));
	json_set(mem, o, S("description"), tool_label_json(mem, description, S(""), S("")));
	json_set_str(mem, o, S("icon"), S(""));
	json_set_str(mem, o, S("icon_dark"), S(""));
	json_set(mem, o, S("label"), tool_label_json(mem, label, S(""), S("")));
	json_set_str(mem, o, S("type"), type);
	json_set(mem, o, S("team_credentials"), json_obj(mem));
	json_set_bool(mem, o, S("is_team_authorization"), true);
	json_set_bool(mem, o, S("allow_delete"), !str_eq(type, S("builtin")));
	json_set(mem, o, S("tools"), json_arr(mem));
	json_set(mem, o, S("labels"), json_arr(mem));
	return o;
}
