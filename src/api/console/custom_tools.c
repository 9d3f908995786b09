/* SPDX-License-Identifier: Apache-2.0 */
/* custom_tools: imported APIs and workflows as tools: add, change, look at, try, remove. */
#include "api/console/console.h"

#include "flow/flow.h"
#include "net/client.h"
#include "tool/openapi.h"
#include "tool/tool.h"

enum { NAME_MAX_CHARS = 255, TEXT_MAX_CHARS = 5000 };

static struct tool_scope own_scope(struct call *c)
{
	return (struct tool_scope){.tenant_id = c->account->tenant_id,
				   .user = c->account->id,
				   .created_by = c->account->id,
				   .by_account = true};
}

/* A member of a given type; another one or none becomes an empty value. */
static struct json *member(struct call *c, const char *name, enum json_type type)
{
	struct json *v = json_get(c->body, str_c(name));
	if (v && v->type == type)
		return json_copy(c->mem, v);
	return type == JSON_ARR ? json_arr(c->mem) : json_obj(c->mem);
}

/* --- imported APIs --- */

static status read_api(struct call *c, struct tool_api *a)
{
	*a = (struct tool_api){0};
	a->description = a->privacy_policy = a->disclaimer = S("");
	if (need_text(c, S("schema"), 1, OPENAPI_TEXT_MAX, &a->schema) ||
	    take_text(c, S("description"), TEXT_MAX_CHARS, &a->description) ||
	    take_text(c, S("privacy_policy"), TEXT_MAX_CHARS, &a->privacy_policy) ||
	    take_text(c, S("custom_disclaimer"), TEXT_MAX_CHARS, &a->disclaimer))
		return -1;
	a->icon = member(c, "icon", JSON_OBJ);
	a->credentials = member(c, "credentials", JSON_OBJ);
	a->labels = member(c, "labels", JSON_ARR);
	return 0;
}

/* Absent texts are stored as empty ones. */
static struct str text_or_empty(struct str s)
{
	return s.at ? s : S("");
}

static status save_api(struct call *c, struct tool_api *a)
{
	struct str id;
	a->description = text_or_empty(a->description);
	a->privacy_policy = text_or_empty(a->privacy_policy);
	a->disclaimer = text_or_empty(a->disclaimer);
	if (tool_api_save(c->s->tools, c->mem, c->account->tenant_id, c->account->id, a, &id))
		return -1;
	return reply_ok(c);
}

status console_api_tool_add(struct call *c)
{
	struct tool_api a;
	if (call_body(c) || read_api(c, &a) ||
	    need_text(c, S("provider"), 1, NAME_MAX_CHARS, &a.name))
		return -1;
	return save_api(c, &a);
}

static status find_api(struct call *c, struct str name, struct tool_api **out)
{
	if (!name.len)
		return err_set(ERR_INVALID, "provider: Field required");
	if (tool_api_get(c->s->tools, c->mem, c->account->tenant_id, name, out) == 0)
		return 0;
	if (err_code() != ERR_NOT_FOUND)
		return -1;
	return err_set(ERR_INVALID, "you have not added provider %.*s", STR(str_sub(name, 0, 100)));
}

status console_api_tool_update(struct call *c)
{
	struct tool_api a, *old;
	struct str name = S("");
	if (call_body(c) || take_text(c, S("original_provider"), NAME_MAX_CHARS, &name) ||
	    find_api(c, name, &old) || read_api(c, &a))
		return -1;
	a.id = old->id;
	a.name = old->name;
	return take_text(c, S("provider"), NAME_MAX_CHARS, &a.name) ? -1 : save_api(c, &a);
}

status console_api_tool_remove(struct call *c)
{
	struct tool_api *a;
	struct str name = S("");
	if (call_body(c) || take_text(c, S("provider"), NAME_MAX_CHARS, &name) ||
	    find_api(c, name, &a) ||
	    tool_api_remove(c->s->tools, c->mem, c->account->tenant_id, a->id))
		return -1;
	return reply_ok(c);
}

status console_api_tool_get(struct call *c)
{
	struct tool_api *a;
	struct json *o = json_obj(c->mem);
	if (find_api(c, http_query(c->http, S("provider")), &a))
		return -1;
	json_set_str(c->mem, o, S("schema_type"), a->kind);
	json_set_str(c->mem, o, S("schema"), a->schema);
	json_set(c->mem, o, S("tools"), tool_api_tools(c->s->tools, c->mem, a));
	json_set(c->mem, o, S("icon"), a->icon);
	json_set_str(c->mem, o, S("description"), a->description);
	json_set(c->mem, o, S("credentials"), tool_api_mask(c->mem, a->credentials));
	json_set_str(c->mem, o, S("privacy_policy"), a->privacy_policy);
	json_set_str(c->mem, o, S("custom_disclaimer"), a->disclaimer);
	json_set(c->mem, o, S("labels"), a->labels);
	return reply_json(c, 200, o);
}

status console_api_tool_tools(struct call *c)
{
	struct tool_api *a;
	if (find_api(c, http_query(c->http, S("provider")), &a))
		return -1;
	return reply_json(c, 200, tool_api_tools(c->s->tools, c->mem, a));
}

/* What a schema holds, before it is stored. */
status console_api_tool_schema(struct call *c)
{
	struct str text, kind;
	struct json *operations, *o = json_obj(c->mem);
	if (call_body(c) || need_text(c, S("schema"), 1, OPENAPI_TEXT_MAX, &text) ||
	    openapi_read(c->mem, text, &operations, &kind))
		return -1;
	json_each(operations, op)
	{
		json_set(c->mem, op, S("operation_id"), json_get(op, S("name")));
		json_set(c->mem, op, S("summary"), json_get(op, S("description")));
		json_set(c->mem, op, S("server_url"), json_get(op, S("url")));
	}
	json_set_str(c->mem, o, S("schema_type"), kind);
	json_set(c->mem, o, S("parameters_schema"), operations);
	json_set(c->mem, o, S("credentials_schema"), json_arr(c->mem));
	json_set(c->mem, o, S("warning"), json_obj(c->mem));
	return reply_json(c, 200, o);
}

status console_api_tool_remote(struct call *c)
{
	struct client_request r = {.url = http_query(c->http, S("url")),
				   .guarded = true,
				   .redirects_max = 5,
				   .response_max = OPENAPI_TEXT_MAX,
				   .connect_ms = 5000,
				   .read_ms = 10000};
	struct client_response *reply;
	struct json *o = json_obj(c->mem);
	if (!str_starts(r.url, S("http://")) && !str_starts(r.url, S("https://")))
		return err_set(ERR_INVALID,
			       "url: an address that begins with http:// or https:// is required");
	if (client_fetch_again(c->s->client, c->mem, &r, &reply))
		return err_code() == ERR_CANCELLED ? -1
						   : err_set(ERR_INVALID, "%.*s", STR(err_text()));
	if (reply->status != 200 || !utf8_valid(reply->body))
		return err_set(ERR_INVALID, "The address answered %d and no schema", reply->status);
	json_set_str(c->mem, o, S("schema"), reply->body);
	return reply_json(c, 200, o);
}

/* One real call with what stands in the form. */
status console_api_tool_try(struct call *c)
{
	struct tool_api a, *stored = NULL;
	struct str tool, name = S(""), text;
	struct json *operations, *o = json_obj(c->mem);
	struct tool_scope scope = own_scope(c);
	if (call_body(c) || need_text(c, S("tool_name"), 1, NAME_MAX_CHARS, &tool) ||
	    read_api(c, &a) || take_text(c, S("provider_name"), NAME_MAX_CHARS, &name) ||
	    openapi_read(c->mem, a.schema, &operations, &a.kind))
		return -1;
	a.operations = operations;
	a.name = name;
	/* A form that shows a stored provider has its key masked. */
	if (name.len &&
	    tool_api_get(c->s->tools, c->mem, c->account->tenant_id, name, &stored) == 0 &&
	    json_equal(a.credentials, tool_api_mask(c->mem, stored->credentials)))
		a.credentials = stored->credentials;
	err_clear();
	if (tool_api_try(c->s->tools, c->mem, &scope, &a, tool, member(c, "parameters", JSON_OBJ),
			 &text)) {
		if (err_code() == ERR_CANCELLED)
			return -1;
		json_set_str(c->mem, o, S("error"), err_text());
	} else {
		json_set_str(c->mem, o, S("result"), text);
	}
	return reply_json(c, 200, o);
}

/* --- workflows --- */

/* What the start form says of a parameter: the author's list has names, forms and texts only. */
static const struct json *form_row(const struct json *rows, struct str name)
{
	json_each(rows, r) if (str_eq(json_get_str(r, S("variable")), name)) return r;
	return NULL;
}

static struct str type_of_form(const struct json *row)
{
	static const struct {
		struct str form, type;
	} types[] = {
		{S_INIT("number"),      S_INIT("number") },
                {S_INIT("select"),      S_INIT("select") },
		{S_INIT("checkbox"),    S_INIT("boolean")},
                {S_INIT("file"),        S_INIT("file")   },
		{S_INIT("file-list"),   S_INIT("files")  },
                {S_INIT("json_object"), S_INIT("object") }
        };
	for (size_t i = 0; i < countof(types); i++)
		if (str_eq(json_get_str(row, S("type")), types[i].form))
			return types[i].type;
	return S("string");
}

static status read_parameters(struct call *c, const struct json *rows, struct json **out)
{
	struct json *list = json_arr(c->mem);
	json_each(member(c, "parameters", JSON_ARR), p)
	{
		struct json *o = json_obj(c->mem);
		struct str name = json_get_str(p, S("name")), form = json_get_str(p, S("form"));
		const struct json *row = form_row(rows, name);
		if (!row)
			return err_set(ERR_INVALID,
				       "parameter %.*s is not an input of the workflow",
				       STR(str_sub(name, 0, 60)));
		json_set_str(c->mem, o, S("name"), name);
		json_set_str(c->mem, o, S("description"), json_get_str(p, S("description")));
		json_set_str(c->mem, o, S("form"), str_eq(form, S("form")) ? form : S("llm"));
		json_set_str(c->mem, o, S("type"), type_of_form(row));
		json_set_bool(c->mem, o, S("required"), json_get_bool(row, S("required"), false));
		json_set(c->mem, o, S("options"), json_get(row, S("options")));
		json_push(c->mem, list, o);
	}
	json_each(rows, row) if (json_get_bool(row, S("required"), false))
	{
		bool found = false;
		json_each(list, p) found |=
			str_eq(json_get_str(p, S("name")), json_get_str(row, S("variable")));
		if (!found)
			return err_set(ERR_INVALID,
				       "the workflow's input %.*s is required, so it must be a "
				       "parameter",
				       STR(json_get_str(row, S("variable"))));
	}
	*out = list;
	return 0;
}

static const struct json *start_rows(const struct workflow *wf)
{
	json_each(json_get(wf->graph, S("nodes")), n)
	{
		const struct json *data = json_get(n, S("data"));
		if (str_eq(json_get_str(data, S("type")), S("start")))
			return json_get(data, S("variables"));
	}
	return NULL;
}

static status published(struct call *c, struct str app_id, struct workflow **wf)
{
	struct app *app;
	if (app_get(c->s->apps, c->mem, c->account->tenant_id, app_id, &app))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_INVALID, "App %.*s not found", STR(app_id))
			       : -1;
	if (!str_eq(app->mode, S("workflow")))
		return err_set(ERR_INVALID, "Only workflow apps can be tools");
	if (!app->workflow_id.len || workflow_published(c->s->apps, c->mem, app, wf))
		return err_set(ERR_INVALID, "Workflow not found for app %.*s: publish it first",
			       STR(app_id));
	return 0;
}

static status read_workflow(struct call *c, const struct workflow *wf, struct tool_workflow *w)
{
	w->description = w->privacy_policy = S("");
	if (need_text(c, S("name"), 1, 64, &w->name) ||
	    need_text(c, S("label"), 1, NAME_MAX_CHARS, &w->label) ||
	    take_text(c, S("description"), TEXT_MAX_CHARS, &w->description) ||
	    take_text(c, S("privacy_policy"), TEXT_MAX_CHARS, &w->privacy_policy) ||
	    read_parameters(c, start_rows(wf), &w->parameters))
		return -1;
	w->description = text_or_empty(w->description);
	w->privacy_policy = text_or_empty(w->privacy_policy);
	w->icon = member(c, "icon", JSON_OBJ);
	w->labels = member(c, "labels", JSON_ARR);
	w->version = wf->version;
	return 0;
}

static status save_workflow(struct call *c, struct tool_workflow *w)
{
	struct workflow *wf;
	struct str id;
	if (published(c, w->app_id, &wf) || read_workflow(c, wf, w) ||
	    tool_workflow_save(c->s->tools, c->mem, c->account->tenant_id, c->account->id, w, &id))
		return -1;
	return reply_ok(c);
}

status console_workflow_tool_add(struct call *c)
{
	struct tool_workflow w = {0};
	if (call_body(c) || need_text(c, S("workflow_app_id"), 36, 36, &w.app_id))
		return -1;
	return save_workflow(c, &w);
}

static status find_workflow(struct call *c, struct str id, struct tool_workflow **out)
{
	if (tool_workflow_get(c->s->tools, c->mem, c->account->tenant_id, id, out) == 0)
		return 0;
	return err_code() == ERR_NOT_FOUND ? err_set(ERR_INVALID, "Tool not found") : -1;
}

status console_workflow_tool_update(struct call *c)
{
	struct tool_workflow *old, w = {0};
	struct str id;
	if (call_body(c) || need_text(c, S("workflow_tool_id"), 1, 36, &id) ||
	    find_workflow(c, id, &old))
		return -1;
	w.id = old->id;
	w.app_id = old->app_id;
	return save_workflow(c, &w);
}

status console_workflow_tool_remove(struct call *c)
{
	struct tool_workflow *w;
	struct str id;
	if (call_body(c) || need_text(c, S("workflow_tool_id"), 1, 36, &id) ||
	    find_workflow(c, id, &w) ||
	    tool_workflow_remove(c->s->tools, c->mem, c->account->tenant_id, w->id))
		return -1;
	return reply_ok(c);
}

status console_workflow_tool_get(struct call *c)
{
	struct tool_workflow *w;
	struct workflow *wf = NULL;
	struct json *o = json_obj(c->mem);
	struct str id = http_query(c->http, S("workflow_tool_id"));
	if (!id.len)
		id = http_query(c->http, S("workflow_app_id"));
	if (!id.len)
		return err_set(ERR_INVALID, "incorrect workflow_tool_id or workflow_app_id");
	if (find_workflow(c, id, &w))
		return -1;
	if (published(c, w->app_id, &wf))
		err_clear();
	json_set_str(c->mem, o, S("name"), w->name);
	json_set_str(c->mem, o, S("label"), w->label);
	json_set_str(c->mem, o, S("workflow_tool_id"), w->id);
	json_set_str(c->mem, o, S("workflow_app_id"), w->app_id);
	json_set(c->mem, o, S("icon"), w->icon);
	json_set_str(c->mem, o, S("description"), w->description);
	json_set(c->mem, o, S("parameters"), w->parameters);
	json_set(c->mem, o, S("output_schema"), json_obj(c->mem));
	json_set(c->mem, o, S("tool"), json_at(tool_workflow_tools(c->s->tools, c->mem, w), 0));
	json_set_bool(c->mem, o, S("synced"), wf && str_eq(wf->version, w->version));
	json_set_str(c->mem, o, S("privacy_policy"), w->privacy_policy);
	return reply_json(c, 200, o);
}

status console_workflow_tool_tools(struct call *c)
{
	struct tool_workflow *w;
	if (find_workflow(c, http_query(c->http, S("workflow_tool_id")), &w))
		return -1;
	return reply_json(c, 200, tool_workflow_tools(c->s->tools, c->mem, w));
}
