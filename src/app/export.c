/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: an app as an app file. Keys are written in the order in which they came, unknown ones
 * included; what belongs to one workspace only (secrets, credentials, webhook addresses) is left
 * out unless asked for.
 */
#include "app/app_int.h"
#include "sql_app.h"

static void add_rest(struct arena *mem, struct json *out, const struct json *rest)
{
	json_each_member(rest, m)
		if (!json_get(out, m->name))
			json_set(mem, out, m->name, &m->value);
}

static void put_app(struct arena *mem, struct json *root, const struct app *app,
		    const struct json *rest)
{
	bool image = str_eq(app->icon_type, S("image"));
	struct json *o = json_set(mem, root, S("app"), json_obj(mem));
	json_set_str(mem, o, S("description"), app->description);
	json_set_str(mem, o, S("icon"), app->icon);
	json_set_str(mem, o, S("icon_background"), image ? S("#FFEAD5") : app->icon_background);
	if (!str_eq(app->icon_type, S("emoji")))
		json_set_str(mem, o, S("icon_type"), app->icon_type);
	json_set_str(mem, o, S("mode"), app->mode);
	json_set_str(mem, o, S("name"), app->name);
	json_set_bool(mem, o, S("use_icon_as_answer_icon"), app->use_icon_as_answer_icon);
	add_rest(mem, o, rest);
}

static void drop_tool_credentials(struct json *tools)
{
	json_each(tools, t)
		json_remove(t, S("credential_id"));
}

/* One node's data without what only this workspace has. */
static void strip_node(struct arena *mem, struct json *data)
{
	struct str type = json_get_str(data, S("type"));
	if (str_eq(type, S("tool")))
		json_remove(data, S("credential_id"));
	if (str_eq(type, S("agent")))
		drop_tool_credentials(json_path(data, "agent_parameters.tools.value"));
	if (str_eq(type, S("trigger-plugin")) && json_get(data, S("subscription_id")))
		json_set_str(mem, data, S("subscription_id"), S(""));
	if (str_eq(type, S("trigger-webhook"))) {
		if (json_get(data, S("webhook_url")))
			json_set_str(mem, data, S("webhook_url"), S(""));
		if (json_get(data, S("webhook_debug_url")))
			json_set_str(mem, data, S("webhook_debug_url"), S(""));
	}
}

static struct json *strip_graph(struct arena *mem, const struct json *graph)
{
	struct json *g = json_copy(mem, graph);
	json_each(json_get(g, S("nodes")), node)
		strip_node(mem, json_get(node, S("data")));
	return g;
}

static struct json *hide_secrets(struct arena *mem, const struct json *list)
{
	struct json *out = json_copy(mem, list);
	json_each(out, v)
		if (str_eq(json_get_str(v, S("value_type")), S("secret")))
			json_set_str(mem, v, S("value"), S(""));
	return out;
}

static void put_workflow(struct arena *mem, struct json *root, const struct workflow *w,
			 bool secrets)
{
	struct json *o = json_set(mem, root, S("workflow"), json_obj(mem));
	json_set(mem, o, S("conversation_variables"), w->conversation_variables);
	json_set(mem, o, S("environment_variables"),
		 secrets ? w->environment_variables : hide_secrets(mem, w->environment_variables));
	json_set(mem, o, S("features"), w->features);
	json_set(mem, o, S("graph"), secrets ? w->graph : strip_graph(mem, w->graph));
	add_rest(mem, o, w->extra);
	if (!json_get(o, S("rag_pipeline_variables")))
		json_set(mem, o, S("rag_pipeline_variables"), json_arr(mem));
}

static const struct json *config_for_export(struct arena *mem, const struct json *config,
					    bool secrets)
{
	if (secrets)
		return config;
	struct json *c = json_copy(mem, config);
	drop_tool_credentials(json_path(c, "agent_mode.tools"));
	return c;
}

status app_export(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		  bool secrets, struct str *yaml)
{
	struct app *app;
	struct workflow *w;
	struct db_rows *rows;
	struct json *dsl, *root = json_obj(mem);
	if (app_get(a, mem, tenant_id, app_id, &app) ||
	    DB_READ(a->db, mem, &sql_app_app_dsl, &rows, db_text(tenant_id), db_text(app_id)) ||
	    json_stored(mem, db_str_at(rows, 0, 0), &dsl))
		return -1;
	put_app(mem, root, app, json_get(dsl, S("app")));
	const struct json *deps = json_get(dsl, S("dependencies"));
	json_set(mem, root, S("dependencies"), deps ? deps : json_arr(mem));
	json_set_str(mem, root, S("kind"), S("app"));
	if (!app_mode_is_graph(app->mode))
		json_set(mem, root, S("model_config"),
			 config_for_export(mem, app->model_config, secrets));
	json_set_str(mem, root, S("version"), S(DSL_VERSION));
	if (app_mode_is_graph(app->mode)) {
		if (workflow_draft(a, mem, tenant_id, app_id, &w))
			return err_code() == ERR_NOT_FOUND
				       ? err_set(ERR_INVALID, "Missing draft workflow "
							      "configuration, please check.")
				       : -1;
		put_workflow(mem, root, w, secrets);
	}
	add_rest(mem, root, json_get(dsl, S("top")));
	*yaml = yaml_text(mem, root);
	return 0;
}
