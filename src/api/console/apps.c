/* SPDX-License-Identifier: Apache-2.0 */
/* apps: list, create, change, copy, remove; app files in and out. */
#include "api/console/models.h"
#include "base/id.h"

status console_apps(struct call *c)
{
	struct app_list q = { .mode = http_query(c->http, S("mode")),
			      .name = http_query(c->http, S("name")) };
	struct app *list;
	size_t n;
	int64_t total;
	if (need_page(c, 20, &q.page, &q.limit))
		return -1;
	if (str_eq(q.mode, S("all")))
		q.mode = S("");
	if (str_eq(http_query(c->http, S("is_created_by_me")), S("true")))
		q.created_by = c->account->id;
	if (app_list(c->s->apps, c->mem, c->account->tenant_id, &q, &list, &n, &total))
		return -1;
	struct json *o = page_json(c->mem, q.page, q.limit, total), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row;
		if (app_row_json(c, &list[i], &row))
			return -1;
		json_push(c->mem, rows, row);
	}
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

static status first_config(struct call *c, struct str mode, struct json **out)
{
	struct str provider = S(""), name = S("");
	if (!app_mode_is_graph(mode) && c->s->models &&
	    models_default_get(c->s->models, c->mem, c->account->tenant_id, MODEL_LLM, &provider,
			       &name))
		return -1;
	/* The long name, so that the app's file means the same elsewhere. */
	*out = app_default_model_config(c->mem, mode,
					provider.len ? provider_full(c->mem, provider) : provider, name);
	return 0;
}

static status read_new(struct call *c, struct app_new *n)
{
	if (call_body(c) || need_text(c, S("name"), 1, 255, &n->name) ||
	    need_text(c, S("mode"), 1, 40, &n->mode) ||
	    take_text(c, S("description"), 400, &n->description) ||
	    take_text(c, S("icon_type"), 20, &n->icon_type) ||
	    take_text(c, S("icon"), 255, &n->icon) ||
	    take_text(c, S("icon_background"), 255, &n->icon_background))
		return -1;
	if (!app_mode_valid(n->mode))
		return err_set(ERR_INVALID, "mode: Input should be 'chat', 'agent-chat', "
					    "'advanced-chat', 'workflow' or 'completion'");
	return 0;
}

status console_app_create(struct call *c)
{
	struct app_new n = { .created_by = c->account->id };
	struct json *config;
	if (read_new(c, &n) || first_config(c, n.mode, &config))
		return -1;
	n.model_config = config;
	if (app_create(c->s->apps, c->mem, c->account->tenant_id, &n, &c->app))
		return -1;
	return reply_json(c, 201, app_json(c, c->app));
}

static status reply_detail(struct call *c, int code)
{
	struct json *o;
	return app_detail_json(c, c->app, &o) ? -1 : reply_json(c, code, o);
}

status console_app_get(struct call *c)
{
	return need_app(c) ? -1 : reply_detail(c, 200);
}

static status save_app(struct call *c)
{
	c->app->updated_by = c->account->id;
	if (app_update(c->s->apps, c->mem, c->app))
		return -1;
	return need_app(c);
}

status console_app_update(struct call *c)
{
	if (need_app(c) || call_body(c) || need_text(c, S("name"), 1, 255, &c->app->name) ||
	    take_text(c, S("description"), 400, &c->app->description) ||
	    take_text(c, S("icon_type"), 20, &c->app->icon_type) ||
	    take_text(c, S("icon"), 255, &c->app->icon) ||
	    take_text(c, S("icon_background"), 255, &c->app->icon_background) ||
	    take_bool(c, S("use_icon_as_answer_icon"), &c->app->use_icon_as_answer_icon))
		return -1;
	const struct json *limit = json_get(c->body, S("max_active_requests"));
	if (limit && limit->type == JSON_INT)
		c->app->max_active_requests = limit->integer;
	return save_app(c) ? -1 : reply_detail(c, 200);
}

status console_app_remove(struct call *c)
{
	if (need_app(c) || app_remove(c->s->apps, c->mem, c->account->tenant_id, c->app->id) ||
	    key_remove_app(c->s->accounts, c->account->tenant_id, c->app->id))
		return -1;
	return reply_empty(c, 204);
}

status console_app_name(struct call *c)
{
	if (need_app(c) || call_body(c) || need_text(c, S("name"), 1, 255, &c->app->name) ||
	    save_app(c))
		return -1;
	return reply_json(c, 200, app_json(c, c->app));
}

status console_app_icon(struct call *c)
{
	if (need_app(c) || call_body(c) || take_text(c, S("icon_type"), 20, &c->app->icon_type) ||
	    take_text(c, S("icon"), 255, &c->app->icon) ||
	    take_text(c, S("icon_background"), 255, &c->app->icon_background) || save_app(c))
		return -1;
	return reply_json(c, 200, app_json(c, c->app));
}

static status switch_app(struct call *c, struct str name, bool *flag)
{
	const struct json *v;
	if (call_body(c))
		return -1;
	v = json_get(c->body, name);
	if (!json_is(v, JSON_BOOL))
		return err_set(ERR_INVALID, "%.*s: Input should be a valid boolean", STR(name));
	*flag = v->boolean;
	return save_app(c) ? -1 : reply_json(c, 200, app_json(c, c->app));
}

status console_app_site_enable(struct call *c)
{
	return need_app(c) ? -1 : switch_app(c, S("enable_site"), &c->app->enable_site);
}

status console_app_api_enable(struct call *c)
{
	return need_app(c) ? -1 : switch_app(c, S("enable_api"), &c->app->enable_api);
}

/* --- app files --- */

static status import_json(struct call *c, const struct import_result *r)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), r->id);
	json_set_str(c->mem, o, S("status"), r->status);
	put_text(c->mem, o, S("app_id"), r->app_id);
	put_text(c->mem, o, S("app_mode"), r->app_mode);
	json_set_str(c->mem, o, S("current_dsl_version"), r->current_dsl_version);
	json_set_str(c->mem, o, S("imported_dsl_version"), r->imported_dsl_version);
	json_set_str(c->mem, o, S("error"), r->error);
	if (json_len(r->warnings))
		json_set(c->mem, o, S("warnings"), r->warnings);
	if (json_len(r->warnings))
		json_set(c->mem, o, S("report"), r->report);
	int code = str_eq(r->status, S("failed"))    ? 400
		   : str_eq(r->status, S("pending")) ? 202
						     : 200;
	return reply_json(c, code, o);
}

static status import_failed(struct call *c, struct str why)
{
	struct import_result r = { .id = id_uuid(c->mem),
				   .status = S("failed"),
				   .current_dsl_version = S(DSL_VERSION),
				   .imported_dsl_version = S(""),
				   .error = why };
	return import_json(c, &r);
}

status console_app_import(struct call *c)
{
	struct import_request r = { .tenant_id = c->account->tenant_id,
				    .account_id = c->account->id };
	struct import_result result;
	struct str mode, url = S("");
	r.yaml = S("");
	if (call_body(c) || need_text(c, S("mode"), 0, 40, &mode) ||
	    take_text(c, S("yaml_content"), SIZE_MAX, &r.yaml) ||
	    take_text(c, S("yaml_url"), 4000, &url) || take_text(c, S("name"), 255, &r.name) ||
	    take_text(c, S("description"), 400, &r.description) ||
	    take_text(c, S("icon_type"), 20, &r.icon_type) || take_text(c, S("icon"), 255, &r.icon) ||
	    take_text(c, S("icon_background"), 255, &r.icon_background) ||
	    take_text(c, S("app_id"), 64, &r.app_id))
		return -1;
	bool by_url = str_eq(mode, S("yaml-url"));
	if (!by_url && !str_eq(mode, S("yaml-content")))
		return err_set(ERR_INVALID, "Invalid import_mode: %.*s", STR(mode));
	if (by_url && !url.len)
		return import_failed(c, S("yaml_url is required when import_mode is yaml-url"));
	if (!by_url && !r.yaml.len)
		return import_failed(c,
				     S("yaml_content is required when import_mode is yaml-content"));
	if (by_url && app_import_fetch(c->s->apps, c->mem, url, &r.yaml))
		return err_code() == ERR_INVALID ? import_failed(c, arena_str(c->mem, err_text()))
						 : -1;
	if (app_import(c->s->apps, c->mem, &r, &result))
		return -1;
	return import_json(c, &result);
}

status console_app_confirm(struct call *c)
{
	struct import_result result;
	if (app_import_confirm(c->s->apps, c->mem, c->account->tenant_id, c->account->id,
			       c->param[0], &result))
		return -1;
	return import_json(c, &result);
}

/* Plugins are never a reason to stop: what cannot run is told by `warnings` of the import. */
status console_app_dependencies(struct call *c)
{
	if (need_app(c))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set(c->mem, o, S("leaked_dependencies"), json_arr(c->mem));
	return reply_json(c, 200, o);
}

status console_app_export(struct call *c)
{
	struct str yaml;
	bool secrets = str_eq(http_query(c->http, S("include_secret")), S("true"));
	if (need_app(c) ||
	    app_export(c->s->apps, c->mem, c->account->tenant_id, c->app->id, secrets, &yaml))
		return -1;
	return reply_pair(c, 200, NULL, NULL, "data", yaml);
}

status console_app_copy(struct call *c)
{
	struct import_request r = { .tenant_id = c->account->tenant_id,
				    .account_id = c->account->id };
	struct import_result result;
	if (need_app(c) || call_body(c) || take_text(c, S("name"), 255, &r.name) ||
	    take_text(c, S("description"), 400, &r.description) ||
	    take_text(c, S("icon_type"), 20, &r.icon_type) || take_text(c, S("icon"), 255, &r.icon) ||
	    take_text(c, S("icon_background"), 255, &r.icon_background) ||
	    app_export(c->s->apps, c->mem, r.tenant_id, c->app->id, true, &r.yaml) ||
	    app_import(c->s->apps, c->mem, &r, &result))
		return -1;
	if (!result.app_id.len)
		return err_set(ERR_INVALID, "the app cannot be copied: %.*s", STR(result.error));
	if (app_get(c->s->apps, c->mem, r.tenant_id, result.app_id, &c->app))
		return -1;
	return reply_detail(c, 201);
}
