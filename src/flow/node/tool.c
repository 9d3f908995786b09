/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool: one call of a tool (workflow.md 7.18): parameters from the node's data and the pool, the
 * tool's messages to outputs text, files, json and the variables that it names.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "flow/flow.h"
#include "flow/node/tool.h"
#include "flow/run.h"

status node_tool_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_get_str(n->data, S("tool_name")).len)
		return err_set(ERR_INVALID, "tool_name: is required");
	return 0;
}

struct json *node_tool_extras(struct flow *f, struct arena *mem, const struct json *data)
{
	struct str provider = json_get_str(data, S("provider_id"));
	struct json *o = json_obj(mem);
	size_t slash = str_rfind_char(provider, '/');
	if (!str_eq(json_get_str(data, S("provider_type")), S("builtin")))
		return o;
	provider = slash == SIZE_MAX ? provider : str_skip(provider, slash + 1);
	struct str base = f->options.config ? config_str(f->options.config, CONFIG_CONSOLE_API_URL) : S("");
	while (str_ends(base, S("/")))
		base.len--;
	json_set_str(mem, o, S("icon"),
		     arena_printf(mem, "%.*s/console/api/workspaces/current/tool-provider/builtin/%.*s/icon",
				  STR(base), STR(provider)));
	return o;
}

/* Given back or lost, while nothing ended the node itself. */
static bool moves(const void *caller)
{
	const struct node_run *nr = caller;
	const struct flow_run *run = nr->engine->run;
	for (const struct engine *e = nr->engine; e; e = e->parent)
		if (e->error.len)
			return false;
	return !run->stop && !run->aborted.len && (run->lost || run->flow->draining);
}

struct tool_scope node_tool_scope(const struct node_run *run)
{
	return (struct tool_scope){
		.tenant_id = run->info->tenant_id,
		.app_id = run->info->app_id,
		.user = run->info->user,
		.created_by = run->info->created_by,
		.conversation_id = run->info->conversation_id,
		.by_account = run->info->by_account,
		.depth = json_get_int(run->info->extra, S("depth"), 0),
		.call_id = arena_printf(run->mem, "%.*s:%lld", STR(run->execution->id), (long long)run->attempt),
		.moves = moves,
		.caller = run,
	};
}

static struct json *remote_file(struct node_run *run, const struct tool_file *f)
{
	struct json *o = json_obj(run->mem);
	size_t dot = str_rfind_char(f->name, '.');
	struct str ext = dot == SIZE_MAX ? S("") : str_skip(f->name, dot);
	json_set_str(run->mem, o, S("dify_model_identity"), S("__dify__file__"));
	json_set_null(run->mem, o, S("id"));
	json_set_str(run->mem, o, S("tenant_id"), run->info->tenant_id);
	json_set_str(run->mem, o, S("type"), file_type_of(ext));
	json_set_str(run->mem, o, S("transfer_method"), S("remote_url"));
	json_set_str(run->mem, o, S("remote_url"), f->url);
	json_set_null(run->mem, o, S("related_id"));
	json_set_str(run->mem, o, S("filename"), f->name);
	json_set_str(run->mem, o, S("extension"), ext);
	json_set_str(run->mem, o, S("mime_type"), f->mime_type);
	json_set_int(run->mem, o, S("size"), -1);
	json_set_str(run->mem, o, S("url"), f->url);
	return o;
}

status node_tool_files(struct node_run *run, const struct tool_result *r, struct json **out)
{
	struct json *files = json_arr(run->mem);
	for (size_t i = 0; i < r->file_count; i++) {
		const struct tool_file *f = &r->files[i];
		struct file_new n = { .tenant_id = run->info->tenant_id, .app_id = run->info->app_id,
				      .name = f->name, .mime_type = f->mime_type, .bytes = f->bytes,
				      .created_by = run->info->created_by, .by_account = run->info->by_account };
		struct json *o;
		if (f->url.len)
			o = remote_file(run, f);
		else if (file_save(run->flow, run->mem, &n, &o))
			return -1;
		json_push(run->mem, files, o);
	}
	*out = files;
	return 0;
}

/* --- parameters --- */

static const struct tool_param *param_find(const struct tool *t, struct str name)
{
	for (size_t i = 0; i < t->param_count; i++)
		if (str_eq(t->params[i].name, name))
			return &t->params[i];
	return NULL;
}

/* mixed and constant are templates; a constant may be any plain value, which prints as Python does. */
static struct str template_of(struct arena *mem, const struct json *value)
{
	struct var v = { .value = value ? *value : (struct json){ 0 } };
	v.type = var_infer(&v.value);
	return value ? var_text(mem, &v, VAR_TEXT) : S("");
}

struct arguments {
	struct json *given; /* for the tool */
	struct json *shown; /* for events */
};

static status take_variable(struct node_run *run, const struct tool_param *p, const struct json *selector,
			    struct arguments *a)
{
	struct arena *mem = run->mem;
	struct var v;
	if (!pool_get_json(run->pool, selector, &v)) {
		if (p->required)
			return node_fail(run, "ToolParameterError", "Variable %.*s does not exist",
					 STR(selector_python(mem, selector)));
		return 0;
	}
	json_set(mem, a->given, p->name, &v.value);
	bool plain = v.value.type == JSON_STR || var_is_array(v.type) || v.value.type == JSON_OBJ;
	json_set(mem, a->shown, p->name, plain ? &v.value : json_str(mem, var_text(mem, &v, VAR_LOG)));
	return 0;
}

static status take_one(struct node_run *run, const struct tool *t, const struct json_member *m,
		       struct arguments *a)
{
	struct arena *mem = run->mem;
	const struct tool_param *p = param_find(t, m->name);
	const struct json *input = &m->value, *value = json_get(input, S("value"));
	struct str type = json_get_str(input, S("type"));
	if (!p) {
		json_set_null(mem, a->shown, m->name);
		return 0;
	}
	/* Bare values, as old files have them, are read as templates. */
	if (!json_is(input, JSON_OBJ) || !json_get(input, S("type")))
		value = input;
	else if (str_eq(type, S("variable")))
		return take_variable(run, p, value, a);
	if (!value || value->type == JSON_NULL)
		return 0;
	struct template parsed;
	struct buf text = buf_make(mem, 0), log = buf_make(mem, 0);
	template_parse(mem, template_of(mem, value), &parsed);
	template_render(&text, &parsed, run->pool, VAR_TEXT);
	template_render(&log, &parsed, run->pool, VAR_LOG);
	bool as_is = value->type != JSON_STR;
	json_set(mem, a->given, m->name, as_is ? value : json_str(mem, buf_str(&text)));
	json_set_str(mem, a->shown, m->name, buf_str(&log));
	return 0;
}

static status read_arguments(struct node_run *run, const struct tool *t, struct arguments *a)
{
	a->given = json_obj(run->mem);
	a->shown = json_obj(run->mem);
	json_each_member(json_get(run->data, S("tool_parameters")), m)
		if (take_one(run, t, m, a))
			return -1;
	run->result->inputs = a->shown;
	/* Settings of the author: no inputs of the run. */
	struct arguments set = { json_obj(run->mem), json_obj(run->mem) };
	json_each_member(json_get(run->data, S("tool_configurations")), m)
		if (take_one(run, t, m, &set))
			return -1;
	json_each_member(set.given, m)
		if (!json_get(a->given, m->name))
			json_set(run->mem, a->given, m->name, &m->value);
	return 0;
}

/* --- outputs --- */

static void set_metadata(struct node_run *run)
{
	static const struct str names[] = { S_INIT("provider_type"), S_INIT("provider_id"),
					    S_INIT("plugin_unique_identifier") };
	struct json *meta = json_obj(run->mem), *info = json_obj(run->mem);
	for (size_t i = 0; i < countof(names); i++)
		json_set(run->mem, info, names[i], json_get(run->data, names[i]));
	json_set(run->mem, meta, S("tool_info"), info);
	run->result->metadata = meta;
}

static status put_outputs(struct node_run *run, const struct tool_result *r)
{
	struct arena *mem = run->mem;
	struct json *list = r->json;
	if (!json_len(list)) {
		struct json *none = json_obj(mem);
		json_set(mem, none, S("data"), json_arr(mem));
		list = json_arr(mem);
		json_push(mem, list, none);
	}
	struct json *files;
	if (node_tool_files(run, r, &files))
		return -1;
	struct str text = r->text;
	json_each(files, f) {
		text = arena_printf(mem, "%.*sLink: %.*s\n", STR(text), STR(json_get_str(f, S("url"))));
	}
	if (text.len)
		node_emit(run, S("text"), text, false);
	node_emit(run, S("text"), S(""), true);
	node_output(run, S("text"), json_str(mem, text));
	node_output(run, S("files"), files);
	node_output(run, S("json"), list);
	json_each_member(r->variables, v) {
		if (!str_eq(v->name, S("text")) && !str_eq(v->name, S("files")) && !str_eq(v->name, S("json")))
			node_output(run, v->name, &v->value);
	}
	return 0;
}

status node_tool_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct tools *tools = run->flow->options.tools;
	struct tool_scope scope = node_tool_scope(run);
	struct tool_ref ref = { json_get_str(run->data, S("provider_type")),
				json_get_str(run->data, S("provider_id")),
				json_get_str(run->data, S("tool_name")) };
	struct tool *tool;
	struct arguments args;
	struct tool_result result;
	set_metadata(run);
	if (!tools)
		return node_fail(run, "ToolNodeError", "Failed to get tool runtime: this process runs no tools");
	if (tool_find(tools, mem, &scope, &ref, &tool)) {
		if (err_code() == ERR_CANCELLED)
			return -1;
		return node_fail(run, "ToolNodeError", "Failed to get tool runtime: %.*s", STR(err_text()));
	}
	if (read_arguments(run, tool, &args))
		return -1;
	/* A run of its own is found again by the id of this execution: the journal must have it first. */
	if (str_eq(ref.provider_type, S("workflow")) && journal_secure(run->engine))
		return -1;
	if (tool_invoke(tools, mem, &scope, tool, args.given, &result)) {
		if (err_code() == ERR_CANCELLED)
			return -1;
		struct str name = json_get_str(run->data, S("provider_name"));
		return node_fail(run, "ToolInvokeError", "Failed to invoke tool %.*s: %.*s",
				 STR(name.len ? name : ref.provider_id), STR(err_text()));
	}
	return put_outputs(run, &result);
}
