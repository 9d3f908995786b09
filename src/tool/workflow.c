/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workflow: workflow apps that may be called as tools: their records, and calls through the hook
 * that role/ fills. What the run gives out is text (JSON), JSON and variables at once.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "sql_tool.h"
#include "store/db/db.h"
#include "tool/tool_int.h"

static void read_row(struct arena *mem, const struct db_rows *r, size_t i,
		     struct tool_workflow *out)
{
	*out = (struct tool_workflow){
		.id = db_str_at(r, i, 0),
		.app_id = db_str_at(r, i, 1),
		.name = db_str_at(r, i, 2),
		.label = db_str_at(r, i, 3),
		.icon = tool_stored(mem, db_str_at(r, i, 4), JSON_OBJ),
		.description = db_str_at(r, i, 5),
		.parameters = tool_stored(mem, db_str_at(r, i, 6), JSON_ARR),
		.privacy_policy = db_str_at(r, i, 7),
		.labels = tool_stored(mem, db_str_at(r, i, 8), JSON_ARR),
		.version = db_str_at(r, i, 9),
	};
}

status tool_workflow_get(struct tools *t, struct arena *mem, struct str tenant, struct str id,
			 struct tool_workflow **out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_workflow_get, &rows, db_text(tenant), db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "there is no workflow tool %.*s",
			       STR(str_sub(id, 0, 60)));
	*out = arena_new(mem, struct tool_workflow);
	read_row(mem, rows, 0, *out);
	return 0;
}

status tool_workflow_remove(struct tools *t, struct arena *mem, struct str tenant, struct str id)
{
	return DB_WRITE(t->o.db, mem, &sql_tool_workflow_remove, DB_ANY, NULL, db_text(tenant),
			db_text(id));
}

static bool valid_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return s.len > 0 && s.len <= 64;
}

status tool_workflow_save(struct tools *t, struct arena *mem, struct str tenant, struct str account,
			  const struct tool_workflow *w, struct str *id)
{
	struct db_rows *rows;
	struct str icon = json_text(mem, w->icon, JSON_COMPACT),
		   labels = json_text(mem, w->labels, JSON_COMPACT);
	struct str parameters = json_text(mem, w->parameters, JSON_COMPACT);
	if (!valid_name(w->name))
		return err_set(ERR_INVALID, "name: letters, digits and _ only, 1 to 64 of them");
	*id = w->id.len ? w->id : id_uuid(mem);
	if (w->id.len)
		return DB_WRITE(t->o.db, mem, &sql_tool_workflow_update, 1, NULL, db_text(tenant),
				db_text(w->id), db_text(w->name), db_text(w->label), db_text(icon),
				db_text(w->description), db_text(parameters),
				db_text(w->privacy_policy), db_text(labels), db_text(w->version),
				db_int(clock_ms()));
	if (DB_WRITE(t->o.db, mem, &sql_tool_workflow_add, DB_ANY, &rows, db_text(*id),
		     db_text(tenant), db_text(w->app_id), db_text(w->name), db_text(w->label),
		     db_text(icon), db_text(w->description), db_text(parameters),
		     db_text(w->privacy_policy), db_text(labels), db_text(w->version),
		     db_text(account), db_int(clock_ms())))
		return -1;
	if (rows->changed)
		return 0;
	return err_set(ERR_INVALID, "Tool with name %.*s or app_id %.*s already exists",
		       STR(w->name), STR(w->app_id));
}

/* --- as tools --- */

static struct tool *tool_of(struct arena *mem, const struct tool_workflow *w)
{
	struct tool *t = arena_new(mem, struct tool);
	struct tool_param *params =
		arena_array(mem, struct tool_param, json_len(w->parameters) + 1);
	*t = (struct tool){.provider_type = S("workflow"),
			   .provider_id = w->id,
			   .provider_name = w->name,
			   .name = w->name,
			   .label = w->label,
			   .description = w->description,
			   .params = params,
			   .kind = &tool_workflow,
			   .own = w};
	json_each(w->parameters, p) params[t->param_count++] = (struct tool_param){
		.name = json_get_str(p, S("name")),
		.label = json_get_str(p, S("name")),
		.type = tool_type_parse(json_get_str(p, S("type"))),
		.required = json_get_bool(p, S("required"), false),
		.by_author = str_eq(json_get_str(p, S("form")), S("form")),
		.description = json_get_str(p, S("description")),
		.options = json_len(json_get(p, S("options"))) ? json_get(p, S("options")) : NULL,
	};
	return t;
}

struct json *tool_workflow_tools(struct tools *t, struct arena *mem, const struct tool_workflow *w)
{
	struct json *list = json_arr(mem);
	(void)t;
	json_push(mem, list, tool_json(mem, tool_of(mem, w), w->labels));
	return list;
}

static status find(struct tools *t, struct arena *mem, const struct tool_scope *s,
		   const struct tool_ref *ref, struct tool **out)
{
	struct tool_workflow *w;
	if (tool_workflow_get(t, mem, s->tenant_id, ref->provider_id, &w))
		return -1;
	*out = tool_of(mem, w);
	return 0;
}

static status list(struct tools *t, struct arena *mem, const struct tool_scope *s, bool with_tools,
		   struct json *out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_workflow_list, &rows, db_text(s->tenant_id)))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct tool_workflow *w = arena_new(mem, struct tool_workflow);
		read_row(mem, rows, i, w);
		struct json *o = tool_provider_json(mem, w->id, w->name, S("workflow"), w->label,
						    w->description);
		json_set(mem, o, S("icon"), w->icon);
		if (with_tools)
			json_set(mem, o, S("tools"), tool_workflow_tools(t, mem, w));
		json_set(mem, o, S("labels"), w->labels);
		json_set_str(mem, o, S("workflow_app_id"), w->app_id);
		json_push(mem, out, o);
	}
	return 0;
}

static status invoke(struct tools *t, struct arena *mem, const struct tool_scope *s,
		     const struct tool *tool, const struct json *args, struct tool_result *out)
{
	const struct tool_workflow *w = tool->own;
	const struct tool_hooks *h = &t->o.hooks;
	struct json *outputs = NULL;
	if (s->depth >= TOOL_DEPTH_MAX)
		return err_set(ERR_INVALID, "Max workflow call depth %d reached.", TOOL_DEPTH_MAX);
	if (!h->run_workflow)
		return err_set(ERR_UNAVAILABLE, "this process runs no workflows");
	if (h->run_workflow(h->ctx, mem, s, w->app_id, args, &outputs))
		return -1;
	if (!outputs)
		outputs = json_obj(mem);
	tool_say(mem, out, json_text(mem, outputs, JSON_SPACED));
	tool_say_json(mem, out, outputs);
	json_each_member(outputs, m) if (!str_eq(m->name, S("text")) &&
					 !str_eq(m->name, S("json")) &&
					 !str_eq(m->name, S("files")))
		json_set(mem, out->variables, m->name, &m->value);
	return 0;
}

const struct tool_kind tool_workflow = {"workflow", find, invoke, list};
