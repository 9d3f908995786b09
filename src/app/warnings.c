/* SPDX-License-Identifier: Apache-2.0 */
/* warnings: what of an app file cannot run here, said when it is imported and not only at a run. */
#include "app/app_int.h"

#include "flow/node/node.h"
#include "model/model.h"

/* Why, where there is more to say than that the engine has no such node. */
static const struct {
	struct str type;
	const char *why;
} reasons[] = {
	{ S_INIT("tool"), "tools of plugins are not available" },
	{ S_INIT("knowledge-retrieval"), "there are no knowledge bases in this version" },
	{ S_INIT("knowledge-index"), "there are no knowledge bases in this version" },
	{ S_INIT("datasource"), "there are no knowledge bases in this version" },
	{ S_INIT("trigger-webhook"), "triggers do not start runs in this version" },
	{ S_INIT("trigger-schedule"), "triggers do not start runs in this version" },
	{ S_INIT("trigger-plugin"), "triggers of plugins are not available" },
};

/* The engine's own table decides, so that the warning is gone when the node comes. */
static const char *why_not(struct str type)
{
	if (!type.len || node_type_find(type, S("")))
		return NULL; /* notes on the canvas have no type */
	for (size_t i = 0; i < countof(reasons); i++)
		if (str_eq(type, reasons[i].type))
			return reasons[i].why;
	return "nodes of this type cannot run in this version";
}

static struct str model_provider(const struct json *owner)
{
	return json_get_str(json_get(owner, S("model")), S("provider"));
}

static void warn_model(struct arena *mem, struct json *out, const struct json *owner,
		       struct str where)
{
	struct str p = model_provider(owner);
	if (p.len && !provider_resolve(p).at)
		json_push_str(mem, out,
			      arena_printf(mem, "%.*s: the model provider '%.*s' is not known here; "
						"choose another model",
					   STR(where), STR(p)));
}

static void warn_node(struct arena *mem, struct json *out, const struct json *node)
{
	const struct json *data = json_get(node, S("data"));
	struct str type = json_get_str(data, S("type")), title = json_get_str(data, S("title"));
	struct str where = arena_printf(mem, "node '%.*s'",
					STR(title.len ? title : json_get_str(node, S("id"))));
	const char *why = why_not(type);
	if (why)
		json_push_str(mem, out,
			      arena_printf(mem, "%.*s (%.*s): %s", STR(where), STR(type), why));
	warn_model(mem, out, data, where);
}

struct json *dsl_warnings(struct arena *mem, const struct json *file)
{
	struct json *out = json_arr(mem);
	json_each(json_get(json_get(json_get(file, S("workflow")), S("graph")), S("nodes")), node)
		warn_node(mem, out, node);
	const struct json *config = json_get(file, S("model_config"));
	if (!json_is(config, JSON_OBJ))
		return out;
	warn_model(mem, out, config, S("model"));
	json_each(json_path(config, "agent_mode.tools"), tool)
		if (json_get(tool, S("provider_id")) &&
		    !str_eq(json_get_str(tool, S("provider_type")), S("builtin")))
			json_push_str(mem, out,
				      arena_printf(mem, "tool '%.*s': tools of plugins are not "
							"available",
						   STR(json_get_str(tool, S("tool_name")))));
	if (json_len(json_path(config, "dataset_configs.datasets.datasets")))
		json_push_str(mem, out,
			      S("knowledge: there are no knowledge bases in this version"));
	return out;
}
