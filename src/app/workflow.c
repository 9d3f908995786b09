/* SPDX-License-Identifier: Apache-2.0 */
/* workflow: the draft of an app and its published versions. A version never changes but its name. */
#include "app/app_int.h"
#include "app/trigger.h"
#include "sql_app.h"

struct str workflow_hash(struct arena *mem, const struct json *graph, const struct json *features)
{
	struct json *v = json_obj(mem);
	json_set(mem, v, S("graph"), graph);
	json_set(mem, v, S("features"), features);
	return crypt_sha256_hex(mem, json_text(mem, v, JSON_COMPACT | JSON_SORTED));
}

/* workflow_columns: the order in workflow_draft.sql and its siblings. */
static status from_row(const struct apps *a, struct arena *mem, const struct db_rows *r, size_t i,
		       struct workflow *w)
{
	struct json *environment;
	w->id = db_str_at(r, i, 0);
	w->tenant_id = db_str_at(r, i, 1);
	w->app_id = db_str_at(r, i, 2);
	w->version = db_str_at(r, i, 3);
	w->hash = db_str_at(r, i, 9);
	w->marked_name = db_str_at(r, i, 10);
	w->marked_comment = db_str_at(r, i, 11);
	w->created_by = db_str_at(r, i, 12);
	w->updated_by = db_str_at(r, i, 13);
	w->created_ms = db_int_at(r, i, 14);
	w->updated_ms = db_int_at(r, i, 15);
	if (json_stored(mem, db_str_at(r, i, 4), &w->graph) ||
	    json_stored(mem, db_str_at(r, i, 5), &w->features) ||
	    json_stored(mem, db_str_at(r, i, 6), &environment) ||
	    json_stored(mem, db_str_at(r, i, 7), &w->conversation_variables) ||
	    json_stored(mem, db_str_at(r, i, 8), &w->extra))
		return -1;
	w->environment_variables = variables_open(a, mem, environment);
	return 0;
}

status workflow_draft(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct workflow **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_workflow_draft, &rows, db_text(tenant_id), db_text(app_id)))
		return -1;
	if (!rows->count)
		return err_public(ERR_NOT_FOUND, "draft_workflow_not_exist", 404,
				  "Draft workflow need to be initialized.");
	*out = arena_new(mem, struct workflow);
	return from_row(a, mem, rows, 0, *out);
}

static struct db_value json_value(struct arena *mem, const struct json *v, struct str otherwise)
{
	return db_text(json_compact_or(mem, v, otherwise));
}

status workflow_draft_into(struct apps *a, struct arena *mem, struct db_batch *b,
			   const struct workflow *w, const struct workflow *before,
			   struct str account_id)
{
	const struct json *graph = w->graph ? w->graph : before ? before->graph : json_obj(mem);
	const struct json *features = w->features ? w->features
				      : before	 ? before->features
						  : json_obj(mem);
	const struct json *env = w->environment_variables, *conv = w->conversation_variables;
	struct json *environment = NULL, *conversation = NULL;
	if (!json_is(graph, JSON_OBJ) || !json_is(features, JSON_OBJ))
		return err_set(ERR_INVALID, "graph and features must be objects");
	if (!env && before)
		env = before->environment_variables;
	if (!conv && before)
		conv = before->conversation_variables;
	if (variables_check(mem, env, S("env"), &environment) ||
	    variables_check(mem, conv, S("conversation"), &conversation))
		return -1;
	environment = variables_seal(a, mem, environment,
				     before ? before->environment_variables : NULL);
	struct str hash = workflow_hash(mem, graph, features);
	int64_t now = clock_ms();
	if (before)
		DB_ADD(b, &sql_app_workflow_save, 1, db_text(w->tenant_id), db_text(w->app_id),
		       db_text(hash), db_text(before->hash), json_value(mem, graph, S("{}")),
		       json_value(mem, features, S("{}")), json_value(mem, environment, S("[]")),
		       json_value(mem, conversation, S("[]")),
		       w->extra ? json_value(mem, w->extra, S("{}")) : db_null(),
		       account_or_null(account_id), db_int(now));
	else
		DB_ADD(b, &sql_app_workflow_add, 1, db_text(id_uuid(mem)), db_text(w->tenant_id),
		       db_text(w->app_id), db_text(S("draft")), json_value(mem, graph, S("{}")),
		       json_value(mem, features, S("{}")), json_value(mem, environment, S("[]")),
		       json_value(mem, conversation, S("[]")), json_value(mem, w->extra, S("{}")),
		       db_text(hash), db_text(S("")), db_text(S("")), account_or_null(account_id),
		       db_int(now));
	return 0;
}

static status not_sync(void)
{
	return err_public(ERR_CONFLICT, "draft_workflow_not_sync", 409,
			  "Workflow graph might have been modified, please refresh and resubmit.");
}

static status graph_app(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
			struct app **app)
{
	if (app_get(a, mem, tenant_id, app_id, app))
		return -1;
	if (!app_mode_is_graph((*app)->mode))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'advanced-chat', "
				  "'workflow'}.");
	return 0;
}

status workflow_save_draft(struct apps *a, struct arena *mem, struct str tenant_id,
			   struct str app_id, const struct workflow *in, struct str hash,
			   struct str account_id, struct workflow **out)
{
	struct app *app;
	struct workflow *before = NULL, w = *in;
	if (graph_app(a, mem, tenant_id, app_id, &app))
		return -1;
	if (workflow_draft(a, mem, tenant_id, app_id, &before)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		before = NULL;
	}
	if (before && !str_eq(before->hash, hash))
		return not_sync();
	w.tenant_id = tenant_id;
	w.app_id = app_id;
	struct db_batch *b = db_batch_open(mem);
	if (workflow_draft_into(a, mem, b, &w, before, account_id))
		return -1;
	DB_ADD(b, &sql_app_app_touch, 1, db_text(tenant_id), db_text(app_id));
	if (db_commit(a->db, b))
		return err_code() == ERR_STALE || err_code() == ERR_CONFLICT ? not_sync() : -1;
	app_forget(a, app_id);
	return workflow_draft(a, mem, tenant_id, app_id, out);
}

/* 2026-01-02 03:04:05.678000, as versions have always been named. */
static struct str version_text(struct arena *mem, int64_t ms)
{
	struct str iso = clock_iso(mem, ms); /* 2026-01-02T03:04:05.678Z */
	return arena_printf(mem, "%.*s %.*s000", STR(str_sub(iso, 0, 10)), STR(str_sub(iso, 11, 12)));
}

status workflow_publish(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
			struct str name, struct str comment, struct str account_id,
			struct workflow **out)
{
	struct app *app;
	struct workflow *d;
	if (utf8_count(name) > 20)
		return err_set(ERR_INVALID, "marked_name must have at most 20 characters");
	if (utf8_count(comment) > 100)
		return err_set(ERR_INVALID, "marked_comment must have at most 100 characters");
	if (graph_app(a, mem, tenant_id, app_id, &app))
		return -1;
	if (workflow_draft(a, mem, tenant_id, app_id, &d))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_INVALID, "No valid workflow found.")
			       : -1;
	struct str id = id_uuid(mem);
	/* Versions sort by time, also two of one moment. */
	int64_t now = MAX(clock_ms(), app->workflow_created_ms + 1);
	struct json *env = variables_seal(a, mem, d->environment_variables, NULL);
	struct db_batch *b = db_batch_open(mem);
	DB_ADD(b, &sql_app_workflow_add, 1, db_text(id), db_text(tenant_id), db_text(app_id),
	       db_text(version_text(mem, now)), json_value(mem, d->graph, S("{}")),
	       json_value(mem, d->features, S("{}")), json_value(mem, env, S("[]")),
	       json_value(mem, d->conversation_variables, S("[]")),
	       json_value(mem, d->extra, S("{}")), db_text(d->hash), db_text(name.at ? name : S("")),
	       db_text(comment.at ? comment : S("")), account_or_null(account_id), db_int(now));
	DB_ADD(b, &sql_app_app_set_workflow, 1, db_text(tenant_id), db_text(app_id), db_text(id),
	       db_int(now));
	if (triggers_publish(a, mem, b, tenant_id, app_id, d->graph) || db_commit(a->db, b))
		return -1;
	app_forget(a, app_id);
	return workflow_by_id(a, mem, tenant_id, app_id, id, out);
}

status workflow_by_id(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
		      struct str id, struct workflow **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_workflow_get, &rows, db_text(tenant_id), db_text(app_id),
		    db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "Workflow with ID %.*s not found", STR(id));
	*out = arena_new(mem, struct workflow);
	return from_row(a, mem, rows, 0, *out);
}

status workflow_published(struct apps *a, struct arena *mem, const struct app *app,
			  struct workflow **out)
{
	if (!app->workflow_id.len)
		return err_set(ERR_NOT_FOUND, "Workflow not published");
	const struct workflow *w = recent_get(a->published, mem, app->workflow_id);
	if (!w) {
		uint64_t epoch = recent_epoch(a->published);
		AUTO(arena) own = { arena_open(4096) };
		struct workflow *fresh;
		if (workflow_by_id(a, own.p, app->tenant_id, app->id, app->workflow_id, &fresh))
			return -1;
		recent_put(a->published, mem, app->workflow_id, epoch, take(own.p), fresh);
		w = fresh;
	}
	if (!str_eq(w->tenant_id, app->tenant_id) || !str_eq(w->app_id, app->id))
		return err_set(ERR_NOT_FOUND, "Workflow not published");
	*out = arena_new(mem, struct workflow);
	**out = *w;
	return 0;
}

status workflow_versions(struct apps *a, struct arena *mem, struct str tenant_id, struct str app_id,
			 bool named, int64_t page, int64_t limit, struct workflow **out, size_t *n,
			 bool *more)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_workflow_list, &rows, db_text(tenant_id), db_text(app_id),
		    db_int(named), db_int(limit + 1), db_int((MAX(page, 1) - 1) * limit)))
		return -1;
	size_t count = MIN(rows->count, (size_t)limit);
	struct workflow *list = arena_array(mem, struct workflow, count);
	for (size_t i = 0; i < count; i++)
		if (from_row(a, mem, rows, i, &list[i]))
			return -1;
	*out = list;
	*n = count;
	*more = rows->count > count;
	return 0;
}

status workflow_mark(struct apps *a, struct str tenant_id, struct str app_id, struct str id,
		     struct str name, struct str comment, struct str account_id)
{
	AUTO(arena) mem = { arena_open(0) };
	if (utf8_count(name) > 20)
		return err_set(ERR_INVALID, "marked_name must have at most 20 characters");
	if (utf8_count(comment) > 100)
		return err_set(ERR_INVALID, "marked_comment must have at most 100 characters");
	if (DB_WRITE(a->db, mem.p, &sql_app_workflow_mark, 1, NULL, db_text(tenant_id),
		     db_text(app_id), db_text(id), db_text_or_null(name), db_text_or_null(comment),
		     account_or_null(account_id), db_int(clock_ms())))
		return err_code() == ERR_STALE
			       ? err_set(ERR_NOT_FOUND, "Workflow with ID %.*s not found", STR(id))
			       : -1;
	recent_drop(a->published, id);
	return 0;
}

status workflow_remove(struct apps *a, struct str tenant_id, struct str app_id, struct str id)
{
	AUTO(arena) mem = { arena_open(0) };
	struct workflow *w;
	if (workflow_by_id(a, mem.p, tenant_id, app_id, id, &w))
		return -1;
	if (str_eq(w->version, S("draft")))
		return err_set(ERR_BAD_REQUEST, "Cannot delete draft workflow versions");
	if (DB_WRITE(a->db, mem.p, &sql_app_workflow_remove, 1, NULL, db_text(tenant_id),
		     db_text(app_id), db_text(id)))
		return err_code() == ERR_STALE
			       ? err_set(ERR_BAD_REQUEST,
					 "Cannot delete workflow that is currently in use by app "
					 "'%.*s'",
					 STR(app_id))
			       : -1;
	recent_drop(a->published, id);
	return 0;
}
