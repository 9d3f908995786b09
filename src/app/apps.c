/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apps: the rows of apps, and the cache through which every API call reads them. A cached app is
 * shared and read-only; callers get a shallow copy, so that they may change fields of their own.
 */
#include "app/app_int.h"
#include "sql_app.h"

#include <string.h>

status apps_open(const struct apps_options *o, struct apps **out)
{
	struct arena *mem = arena_open(0);
	struct apps *a = arena_new(mem, struct apps);
	a->mem = mem;
	a->db = o->db;
	a->config = o->config;
	a->client = o->client;
	if (o->seal_key)
		memcpy(a->seal_key, o->seal_key, sizeof(a->seal_key));
	a->by_id = recent_open(1024, APP_CACHE_MS);
	a->by_code = recent_open(1024, APP_CACHE_MS);
	a->published = recent_open(512, 10 * 60 * 1000);
	*out = a;
	return 0;
}

void apps_use_tools(struct apps *a, struct tools *tools)
{
	a->tools = tools;
}

void apps_close(struct apps *a)
{
	if (!a)
		return;
	recent_close(a->by_id);
	recent_close(a->by_code);
	recent_close(a->published);
	arena_close(a->mem);
}

struct str json_compact(struct arena *mem, const struct json *v)
{
	return json_text(mem, v, JSON_COMPACT);
}

struct str json_compact_or(struct arena *mem, const struct json *v, struct str otherwise)
{
	return v ? json_text(mem, v, JSON_COMPACT) : otherwise;
}

status json_stored(struct arena *mem, struct str text, struct json **out)
{
	if (json_parse(mem, text, out))
		return err_wrap("a stored document does not read");
	return 0;
}

static bool same_app(const void *value, const void *arg)
{
	const struct app *a = value;
	const struct str *id = arg;
	return str_eq(a->id, *id);
}

void app_forget(struct apps *a, struct str app_id)
{
	recent_drop(a->by_id, app_id);
	recent_drop_if(a->by_code, same_app, &app_id);
}

/* app_columns: the order in app_get.sql and its siblings. */
static status app_from_row(struct arena *mem, const struct db_rows *r, size_t i, struct app *a)
{
	a->id = db_str_at(r, i, 0);
	a->tenant_id = db_str_at(r, i, 1);
	a->name = db_str_at(r, i, 2);
	a->description = db_str_at(r, i, 3);
	a->mode = db_str_at(r, i, 4);
	a->icon_type = db_str_at(r, i, 5);
	a->icon = db_str_at(r, i, 6);
	a->icon_background = db_str_at(r, i, 7);
	a->workflow_id = db_str_at(r, i, 8);
	a->created_by = db_str_at(r, i, 9);
	a->updated_by = db_str_at(r, i, 10);
	a->enable_site = db_int_at(r, i, 11) != 0;
	a->enable_api = db_int_at(r, i, 12) != 0;
	a->use_icon_as_answer_icon = db_int_at(r, i, 13) != 0;
	a->max_active_requests = db_int_at(r, i, 14);
	a->created_ms = db_int_at(r, i, 15);
	a->updated_ms = db_int_at(r, i, 16);
	a->model_config_id = db_str_at(r, i, 18);
	a->version = db_int_at(r, i, 19);
	a->site_code = db_str_at(r, i, 20);
	a->workflow_created_by = db_str_at(r, i, 21);
	a->workflow_updated_by = db_str_at(r, i, 22);
	a->workflow_created_ms = db_int_at(r, i, 23);
	a->workflow_updated_ms = db_int_at(r, i, 24);
	if (db_null_at(r, i, 17))
		return 0;
	return json_stored(mem, db_str_at(r, i, 17), &a->model_config);
}

static status app_load(struct apps *a, struct arena *mem, struct recent *cache, struct str key,
		       const struct sql *sql, const struct db_value *params, size_t n,
		       const struct app **out)
{
	uint64_t epoch = recent_epoch(cache);
	AUTO(arena) own = { arena_open(4096) };
	struct db_rows *rows;
	if (db_read(a->db, own.p, sql, params, n, &rows))
		return -1;
	if (!rows->count)
		return err_public(ERR_NOT_FOUND, "app_not_found", 404, "App not found.");
	struct app *app = arena_new(own.p, struct app);
	if (app_from_row(own.p, rows, 0, app))
		return -1;
	recent_put(cache, mem, key, epoch, take(own.p), app);
	*out = app;
	return 0;
}

static struct app *app_copy(struct arena *mem, const struct app *from)
{
	struct app *a = arena_new(mem, struct app);
	*a = *from;
	return a;
}

status app_get(struct apps *a, struct arena *mem, struct str tenant_id, struct str id,
	       struct app **out)
{
	const struct app *app = recent_get(a->by_id, mem, id);
	const struct db_value p[] = { db_text(tenant_id), db_text(id) };
	if (!app && app_load(a, mem, a->by_id, id, &sql_app_app_get, p, 2, &app))
		return -1;
	if (!str_eq(app->tenant_id, tenant_id))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404, "App not found.");
	*out = app_copy(mem, app);
	return 0;
}

status app_by_site_code(struct apps *a, struct arena *mem, struct str code, struct app **out)
{
	const struct app *app = recent_get(a->by_code, mem, code);
	const struct db_value p = db_text(code);
	if (!app && app_load(a, mem, a->by_code, code, &sql_app_app_by_code, &p, 1, &app))
		return -1;
	*out = app_copy(mem, app);
	return 0;
}

static struct str like_pattern(struct arena *mem, struct str text)
{
	struct buf b = buf_make(mem, 0);
	buf_putc(&b, '%');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '%' || c == '_' || c == '!')
			buf_putc(&b, '!');
		buf_putc(&b, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
	buf_putc(&b, '%');
	return buf_str(&b);
}

status app_list(struct apps *a, struct arena *mem, struct str tenant_id, const struct app_list *q,
		struct app **out, size_t *n, int64_t *total)
{
	int64_t page = MAX(q->page, 1), limit = q->limit > 0 ? q->limit : 20;
	struct db_value p[] = {
		db_text(tenant_id),
		db_text(q->mode.len ? q->mode : S("")),
		db_text(q->name.len ? like_pattern(mem, q->name) : S("")),
		db_text(q->created_by.len ? q->created_by : S("")),
		db_int(limit),
		db_int((page - 1) * limit),
	};
	struct db_rows *rows, *count;
	if (db_read(a->db, mem, &sql_app_app_count, p, 4, &count) ||
	    db_read(a->db, mem, &sql_app_app_list, p, 6, &rows))
		return -1;
	struct app *list = arena_array(mem, struct app, rows->count);
	for (size_t i = 0; i < rows->count; i++)
		if (app_from_row(mem, rows, i, &list[i]))
			return -1;
	*out = list;
	*n = rows->count;
	*total = db_int_at(count, 0, 0);
	return 0;
}

static struct str or_else(struct str v, struct str otherwise)
{
	return v.len ? v : otherwise;
}

void app_add_into(struct arena *mem, struct db_batch *b, const struct app_new *in,
		  struct str tenant_id, struct str id, const struct json *dsl, bool use_icon)
{
	int64_t now = clock_ms();
	struct str icon_type = or_else(in->icon_type, S("emoji"));
	struct str background = or_else(in->icon_background, S("#FFFFFF"));
	struct str icon = in->icon.at ? in->icon : S("");
	bool easy = in->model_config != NULL;
	DB_ADD(b, &sql_app_app_add, 1, db_text(id), db_text(tenant_id),
	       db_text(in->name.at ? in->name : S("")),
	       db_text(in->description.at ? in->description : S("")), db_text(in->mode),
	       db_text(icon_type), db_text(icon), db_text(background),
	       easy ? db_text(json_compact(mem, in->model_config)) : db_null(),
	       easy ? db_text(id_uuid(mem)) : db_null(),
	       db_text(json_compact_or(mem, dsl, S("{}"))), db_int(use_icon),
	       account_or_null(in->created_by), db_int(now));
	DB_ADD(b, &sql_app_site_add, 1, db_text(id), db_text(tenant_id), db_text(id_token(mem, 16)),
	       db_text(in->name.at ? in->name : S("")), db_text(icon_type), db_text(icon),
	       db_text(background), db_text(S("en-US")), db_int(now));
}

status app_create(struct apps *a, struct arena *mem, struct str tenant_id, const struct app_new *in,
		  struct app **out)
{
	if (!app_mode_valid(in->mode))
		return err_set(ERR_INVALID, "mode must be chat, agent-chat, advanced-chat, workflow or "
					    "completion, not '%.*s'",
			       STR(str_sub(in->mode, 0, 40)));
	if (!in->name.len || utf8_count(in->name) > 255)
		return err_set(ERR_INVALID, "name must have 1 to 255 characters");
	if (utf8_count(in->description) > 400)
		return err_set(ERR_INVALID, "description must have at most 400 characters");
	struct app_new n = *in;
	if (app_mode_is_graph(in->mode))
		n.model_config = NULL;
	else if (in->model_config)
		n.model_config = app_full_model_config(mem, in->model_config);
	else
		n.model_config = app_default_model_config(mem, in->mode, S(""), S(""));
	struct str id = id_uuid(mem);
	struct db_batch *b = db_batch_open(mem);
	app_add_into(mem, b, &n, tenant_id, id, NULL, false);
	if (db_commit(a->db, b))
		return -1;
	return app_get(a, mem, tenant_id, id, out);
}

static status gone(void)
{
	return err_code() == ERR_STALE
		       ? err_public(ERR_NOT_FOUND, "app_not_found", 404, "App not found.")
		       : -1;
}

status app_update(struct apps *a, struct arena *mem, const struct app *in)
{
	if (!in->name.len || utf8_count(in->name) > 255)
		return err_set(ERR_INVALID, "name must have 1 to 255 characters");
	if (utf8_count(in->description) > 400)
		return err_set(ERR_INVALID, "description must have at most 400 characters");
	if (DB_WRITE(a->db, mem, &sql_app_app_update, 1, NULL, db_text(in->tenant_id),
		     db_text(in->id), db_text(in->name),
		     db_text(in->description.at ? in->description : S("")),
		     db_text(or_else(in->icon_type, S("emoji"))),
		     db_text(in->icon.at ? in->icon : S("")),
		     db_text(in->icon_background.at ? in->icon_background : S("")),
		     db_int(in->enable_site), db_int(in->enable_api),
		     db_int(in->use_icon_as_answer_icon), db_int(MAX(in->max_active_requests, 0)),
		     account_or_null(in->updated_by), db_int(clock_ms())))
		return gone();
	app_forget(a, in->id);
	return 0;
}

status app_set_model_config(struct apps *a, struct arena *mem, struct str tenant_id,
			    struct str app_id, const struct json *config, struct str account_id)
{
	struct app *app;
	if (app_get(a, mem, tenant_id, app_id, &app))
		return -1;
	if (app_mode_is_graph(app->mode))
		return err_set(ERR_INVALID, "an app of mode %.*s has a workflow, not a model config",
			       STR(app->mode));
	if (!json_is(config, JSON_OBJ))
		return err_set(ERR_INVALID, "the model config must be an object");
	if (DB_WRITE(a->db, mem, &sql_app_app_set_config, 1, NULL, db_text(tenant_id),
		     db_text(app_id),
		     db_text(json_compact(mem, app_full_model_config(mem, config))),
		     db_text(id_uuid(mem)), account_or_null(account_id), db_int(clock_ms())))
		return gone();
	app_forget(a, app_id);
	return 0;
}

status app_remove(struct apps *a, struct arena *mem, struct str tenant_id, struct str id)
{
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_app_app_remove, 1, db_text(tenant_id), db_text(id));
	DB_ADD(b, &sql_app_app_remove_workflows, DB_ANY, db_text(tenant_id), db_text(id));
	DB_ADD(b, &sql_app_app_remove_site, DB_ANY, db_text(tenant_id), db_text(id));
	DB_ADD(b, &sql_app_trigger_remove_app, DB_ANY, db_text(tenant_id), db_text(id));
	DB_ADD(b, &sql_app_draft_remove_app, DB_ANY, db_text(tenant_id), db_text(id));
	DB_ADD(b, &sql_app_draft_node_remove_app, DB_ANY, db_text(tenant_id), db_text(id));
	if (db_commit(a->db, b))
		return gone();
	app_forget(a, id);
	return 0;
}
