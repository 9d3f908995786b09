/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_tools: tools that the file names and that are not here. Built-in ones are known to everybody;
 * imported APIs and workflows are the workspace's, so only an import can look for those.
 */
#include "app/report_int.h"

#include "app/app.h"
#include "tool/tool.h"

struct named_tool {
	struct report_node node; /* id and title only; id empty: of the app */
	struct tool_ref ref;
};
typedef status (*on_tool)(void *ctx, const struct named_tool *);

static status visit(const struct json *data, const struct report_node *node, on_tool fn, void *ctx)
{
	struct named_tool t = { .ref = { json_get_str(data, S("provider_type")), json_get_str(data, S("provider_id")),
					 json_get_str(data, S("tool_name")) } };
	if (!t.ref.provider_type.len)
		t.ref.provider_type = json_get_str(data, S("type"));
	if (!t.ref.provider_id.len || str_eq(json_get_str(data, S("type")), S("builtin")))
		t.ref.provider_id = json_get_str(data, S("provider_name")).len ? json_get_str(data, S("provider_name")) :
										 t.ref.provider_id;
	if (node)
		t.node = *node;
	bool on = json_get_bool(data, S("enabled"), true);
	return on && t.ref.name.len && t.ref.provider_id.len ? fn(ctx, &t) : 0;
}

/* Tool nodes, tools of agent nodes, tools of agent apps. */
static status each_tool(const struct json *file, on_tool fn, void *ctx)
{
	json_each(json_path(file, "workflow.graph.nodes"), from) {
		const struct json *data = json_get(from, S("data"));
		struct report_node n = { .id = json_get_str(from, S("id")), .title = json_get_str(data, S("title")) };
		if (str_eq(json_get_str(data, S("type")), S("tool")) && visit(data, &n, fn, ctx))
			return -1;
		if (!str_eq(json_get_str(data, S("type")), S("agent")))
			continue;
		json_each(json_path(data, "agent_parameters.tools.value"), tool)
			if (visit(tool, &n, fn, ctx))
				return -1;
	}
	json_each(json_path(file, "model_config.agent_mode.tools"), tool)
		if (visit(tool, NULL, fn, ctx))
			return -1;
	return 0;
}

static void add(struct report *r, const struct named_tool *t, struct str why)
{
	const struct report_node *n = t->node.id.len ? &t->node : NULL;
	report_add(r, REPORT_WARNING, "no-tool", n, S("tool_name"), "%s%.*s%s%.*s", n ? "node '" : "",
		   STR(!n ? S("") : n->title.len ? n->title : n->id), n ? "': " : "", STR(why));
}

/* --- built in --- */

static status look_builtin(void *ctx, const struct named_tool *t)
{
	struct report *r = ctx;
	if (str_eq(t->ref.provider_type, S("builtin")) && !tool_is_builtin(&t->ref))
		add(r, t, arena_printf(r->mem, "there is no built-in tool '%.*s' of '%.*s' here", STR(t->ref.name),
				       STR(t->ref.provider_id)));
	return 0;
}

void report_tools(struct report *r)
{
	(void)each_tool(r->file, look_builtin, r);
}

/* --- of the workspace --- */

struct look {
	struct report *report;
	struct tools *tools;
	struct tool_scope scope;
};

static status look_own(void *ctx, const struct named_tool *t)
{
	struct look *l = ctx;
	struct arena *mem = l->report->mem;
	struct tool *found;
	if (!str_eq(t->ref.provider_type, S("api")) && !str_eq(t->ref.provider_type, S("workflow")))
		return 0;
	if (tool_find(l->tools, mem, &l->scope, &t->ref, &found) == 0)
		return 0;
	if (err_code() != ERR_NOT_FOUND)
		return -1;
	struct str why = arena_str(mem, err_text());
	err_clear();
	add(l->report, t, arena_printf(mem, "%.*s: add it to this workspace and choose it again", STR(why)));
	return 0;
}

status report_own_tools(struct tools *tools, struct arena *mem, struct str tenant_id, const struct json *file,
			struct json *out)
{
	struct report r = { .mem = mem, .out = out, .file = file };
	struct look l = { .report = &r, .tools = tools, .scope = { .tenant_id = tenant_id } };
	return tools ? each_tool(file, look_own, &l) : 0;
}
