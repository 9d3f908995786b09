/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: an app file becomes an app with a draft (workflow.md 1.1 to 1.7). Nothing of the file is
 * lost: keys that we do not know are kept beside the app and come back with the export. A file that
 * cannot be imported is a result with a reason, not a failure of the call.
 */
#include "app/app_int.h"
#include "app/report_int.h"
#include "sql_app.h"

enum { SMALL_FILE = 64 << 10 }; /* read and looked over in place */

struct import {
	struct apps *a;
	struct arena *mem;
	const struct import_request *req;
	struct import_result *out;
	struct json *file, *app;
	struct str version;
	struct app *target; /* NULL = a new app */
	enum dsl_verdict verdict;
	bool confirmed;
};

struct parse_job {
	struct arena *mem;
	struct str text;
	struct json *out;
};

static status parse_file(void *p)
{
	struct parse_job *j = p;
	struct str t = str_trim(j->text);
	struct json *v;
	/* The raw answer of the export call: {"data": "<the YAML text>"}. */
	if (str_starts(t, S("{")) && json_parse(j->mem, t, &v) == 0 && json_is(v, JSON_OBJ) &&
	    json_is(json_get(v, S("data")), JSON_STR) && !json_get(v, S("app")))
		j->text = json_get_str(v, S("data"));
	return yaml_parse(j->mem, j->text, &j->out);
}

static const char *python_type(const struct json *v)
{
	switch (v->type) {
	case JSON_INT:
		return "int";
	case JSON_FLOAT:
		return "float";
	case JSON_BOOL:
		return "bool";
	case JSON_ARR:
		return "list";
	case JSON_OBJ:
		return "dict";
	default:
		return "NoneType";
	}
}

static bool falsy(const struct json *v)
{
	if (!v || v->type == JSON_NULL)
		return true;
	if (v->type == JSON_STR || v->type == JSON_ARR || v->type == JSON_OBJ)
		return v->len == 0;
	return (v->type == JSON_BOOL && !v->boolean) || (v->type == JSON_INT && !v->integer);
}

static status read_version(struct import *i)
{
	const struct json *v = json_get(i->file, S("version"));
	if (!falsy(v) && v->type != JSON_STR)
		return err_set(ERR_INVALID, "Invalid version type, expected str, got <class '%s'>",
			       python_type(v));
	i->version = falsy(v) ? S("0.1.0") : json_as_str(v, S(""));
	return dsl_compare(i->version, &i->verdict);
}

static status read_file(struct import *i)
{
	struct parse_job job = { .mem = i->mem, .text = i->req->yaml };
	if (i->req->yaml.len > DSL_SIZE_MAX)
		return err_set(ERR_INVALID, "File size exceeds the limit of 10MB");
	/* A short text is read faster than a thread is woken. */
	if (i->req->yaml.len > SMALL_FILE ? pool_call(parse_file, &job) : parse_file(&job)) {
		struct err cause;
		err_save(&cause);
		return err_set(ERR_INVALID, "Invalid YAML format: %s", cause.text);
	}
	i->file = job.out;
	if (!json_is(i->file, JSON_OBJ))
		return err_set(ERR_INVALID, "Invalid YAML format: content must be a mapping");
	if (read_version(i))
		return -1;
	i->app = json_get(i->file, S("app"));
	if (falsy(i->app) || i->app->type != JSON_OBJ)
		return err_set(ERR_INVALID, "Missing app data in YAML content");
	return 0;
}

/* A mode that apps can have. */
static status known_mode(const struct json *app, struct str *mode)
{
	struct str m = json_get_str(app, S("mode"));
	if (!m.len)
		return err_set(ERR_INVALID, "loss app mode");
	if (str_eq(m, S("channel")) || str_eq(m, S("rag-pipeline")))
		return err_set(ERR_INVALID, "Invalid app mode");
	if (!app_mode_valid(m))
		return err_set(ERR_INVALID, "'%.*s' is not a valid AppMode", STR(str_sub(m, 0, 60)));
	*mode = m;
	return 0;
}

/* What apps of this mode cannot be made without. */
static status check_block(const struct json *file, struct str mode)
{
	bool graph = app_mode_is_graph(mode);
	const struct json *block = json_get(file, graph ? S("workflow") : S("model_config"));
	if (!falsy(block) && block->type == JSON_OBJ)
		return 0;
	return err_set(ERR_INVALID, "Missing %s app", graph ? "workflow data for workflow/advanced chat"
							    : "model_config for chat/agent-chat/completion");
}

status dsl_read(struct arena *mem, struct str yaml, struct dsl_file *out)
{
	struct import_request req = { .yaml = yaml };
	struct import i = { .mem = mem, .req = &req };
	struct str mode;
	if (read_file(&i) || known_mode(i.app, &mode) || check_block(i.file, mode))
		return -1;
	*out = (struct dsl_file){ i.file, i.version, i.verdict };
	return 0;
}

static status find_target(struct import *i)
{
	if (!i->req->app_id.len)
		return 0;
	if (app_get(i->a, i->mem, i->req->tenant_id, i->req->app_id, &i->target))
		return err_code() == ERR_NOT_FOUND ? err_set(ERR_INVALID, "App not found") : -1;
	if (!app_mode_is_graph(i->target->mode))
		return err_set(ERR_INVALID, "Only workflow or advanced chat apps can be overwritten");
	return 0;
}

static status check_mode(struct import *i, struct str *mode)
{
	struct str m;
	if (known_mode(i->app, &m) || check_block(i->file, m))
		return -1;
	if (i->target && !str_eq(m, i->target->mode))
		return err_set(ERR_INVALID, "The app has mode %.*s, the file has mode %.*s",
			       STR(i->target->mode), STR(m));
	*mode = m;
	return 0;
}

static bool one_of(struct str name, const struct str *list, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (str_eq(name, list[k]))
			return true;
	return false;
}

static struct json *unknown_keys(struct arena *mem, const struct json *obj, const struct str *known,
				 size_t n)
{
	struct json *out = json_obj(mem);
	json_each_member(obj, m)
		if (!one_of(m->name, known, n))
			json_set(mem, out, m->name, &m->value);
	return out;
}

static const struct str file_keys[] = { S_INIT("version"), S_INIT("kind"), S_INIT("app"),
					S_INIT("dependencies"), S_INIT("workflow"),
					S_INIT("model_config") };
static const struct str app_keys[] = { S_INIT("name"), S_INIT("mode"), S_INIT("icon"),
				       S_INIT("icon_type"), S_INIT("icon_background"),
				       S_INIT("description"), S_INIT("use_icon_as_answer_icon") };
static const struct str workflow_keys[] = { S_INIT("graph"), S_INIT("features"),
					    S_INIT("environment_variables"),
					    S_INIT("conversation_variables") };

static struct json *dsl_of(struct import *i)
{
	struct json *d = json_obj(i->mem);
	json_set(i->mem, d, S("top"), unknown_keys(i->mem, i->file, file_keys, countof(file_keys)));
	json_set(i->mem, d, S("app"), unknown_keys(i->mem, i->app, app_keys, countof(app_keys)));
	const struct json *deps = json_get(i->file, S("dependencies"));
	if (json_is(deps, JSON_ARR))
		json_set(i->mem, d, S("dependencies"), deps);
	return d;
}

static struct str icon_type_of(struct str given)
{
	return str_eq(given, S("image")) || str_eq(given, S("link")) ? given : S("emoji");
}

/* The call's own values win over the file's. */
static void describe(struct import *i, struct str mode, struct app_new *n)
{
	const struct import_request *r = i->req;
	n->mode = mode;
	n->name = r->name.len ? r->name : json_get_str(i->app, S("name"));
	n->description = r->description.len ? r->description
					    : json_get_str(i->app, S("description"));
	n->icon_type = icon_type_of(r->icon_type.len ? r->icon_type
						     : json_get_str(i->app, S("icon_type")));
	n->icon = r->icon.len ? r->icon : json_get_str(i->app, S("icon"));
	if (!n->icon.len && str_eq(n->icon_type, S("emoji")))
		n->icon = S("\xF0\x9F\xA4\x96"); /* the robot */
	n->icon_background = r->icon_background.len ? r->icon_background
						    : json_get_str(i->app, S("icon_background"));
	if (!n->icon_background.len)
		n->icon_background = S("#FFFFFF");
	n->created_by = r->account_id;
}

static status draft_into(struct import *i, struct db_batch *b, struct str app_id)
{
	const struct json *block = json_get(i->file, S("workflow"));
	struct workflow w = { .tenant_id = i->req->tenant_id, .app_id = app_id }, *before = NULL;
	w.graph = json_get(block, S("graph"));
	w.features = json_get(block, S("features"));
	if (!json_is(w.graph, JSON_OBJ))
		w.graph = json_obj(i->mem);
	if (!json_is(w.features, JSON_OBJ))
		w.features = json_obj(i->mem);
	w.environment_variables = json_get(block, S("environment_variables"));
	w.conversation_variables = json_get(block, S("conversation_variables"));
	if (!w.environment_variables)
		w.environment_variables = json_arr(i->mem);
	if (!w.conversation_variables)
		w.conversation_variables = json_arr(i->mem);
	w.extra = unknown_keys(i->mem, block, workflow_keys, countof(workflow_keys));
	if (i->target && workflow_draft(i->a, i->mem, w.tenant_id, app_id, &before)) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		before = NULL;
	}
	return workflow_draft_into(i->a, i->mem, b, &w, before, i->req->account_id);
}

static status overwrite_into(struct import *i, struct db_batch *b, const struct app_new *n)
{
	struct app *t = i->target;
	DB_ADD(b, &sql_app_app_update, 1, db_text(t->tenant_id), db_text(t->id), db_text(n->name),
	       db_text(n->description), db_text(n->icon_type), db_text(n->icon),
	       db_text(n->icon_background), db_int(t->enable_site), db_int(t->enable_api),
	       db_int(json_get_bool(i->app, S("use_icon_as_answer_icon"), false)),
	       db_int(t->max_active_requests), account_or_null(i->req->account_id),
	       db_int(clock_ms()));
	DB_ADD(b, &sql_app_app_set_dsl, 1, db_text(t->tenant_id), db_text(t->id),
	       db_text(json_compact(i->mem, dsl_of(i))));
	return 0;
}

static status write_app(struct import *i)
{
	struct app_new n = { 0 };
	struct str mode, id = i->target ? i->target->id : id_uuid(i->mem);
	if (check_mode(i, &mode))
		return -1;
	describe(i, mode, &n);
	if (utf8_count(n.name) > 255)
		return err_set(ERR_INVALID, "the name of the app has more than 255 characters");
	struct db_batch *b = db_batch_open(i->mem);
	if (!app_mode_is_graph(mode))
		n.model_config = app_full_model_config(i->mem, json_get(i->file, S("model_config")));
	if (i->target) {
		if (overwrite_into(i, b, &n))
			return -1;
	} else {
		app_add_into(i->mem, b, &n, i->req->tenant_id, id, dsl_of(i),
			     json_get_bool(i->app, S("use_icon_as_answer_icon"), false));
	}
	if (app_mode_is_graph(mode) && draft_into(i, b, id))
		return -1;
	if (db_commit(i->a->db, b))
		return err_code() == ERR_STALE
			       ? err_set(ERR_INVALID, "the app was changed at the same time; try again")
			       : -1;
	app_forget(i->a, id);
	i->out->app_id = id;
	i->out->app_mode = mode;
	return 0;
}

/* The request waits under the import's id until it is confirmed. */
static status hold(struct import *i)
{
	const struct import_request *r = i->req;
	struct json *v = json_obj(i->mem);
	json_set_str(i->mem, v, S("yaml"), r->yaml);
	json_set_str(i->mem, v, S("name"), r->name);
	json_set_str(i->mem, v, S("description"), r->description);
	json_set_str(i->mem, v, S("icon_type"), r->icon_type);
	json_set_str(i->mem, v, S("icon"), r->icon);
	json_set_str(i->mem, v, S("icon_background"), r->icon_background);
	json_set_str(i->mem, v, S("app_id"), r->app_id);
	int64_t now = clock_ms();
	struct db_batch *b = db_batch_open(i->mem);
	DB_ADD(b, &sql_app_import_remove_old, DB_ANY, db_int(now));
	DB_ADD(b, &sql_app_import_add, 1, db_text(i->out->id), db_text(r->tenant_id),
	       db_text(r->account_id.at ? r->account_id : S("")),
	       db_text(json_compact(i->mem, v)), db_int(now + IMPORT_HOLD_MS));
	return db_commit(i->a->db, b);
}

/* As reading the file: a large one is looked over on a thread. */
static status look_over(void *p)
{
	struct import *i = p;
	i->out->report = dsl_report(i->mem, i->file);
	return 0;
}

static status report_on(struct import *i)
{
	if ((i->req->yaml.len > SMALL_FILE ? pool_call(look_over, i) : look_over(i)) ||
	    report_own_tools(i->a->tools, i->mem, i->req->tenant_id, i->file, i->out->report))
		return -1;
	i->out->warnings = dsl_warnings(i->mem, i->out->report);
	return 0;
}

static status import_steps(struct import *i)
{
	if (read_file(i) || find_target(i))
		return -1;
	if (i->verdict == DSL_ASK && !i->confirmed) {
		i->out->status = S("pending");
		i->out->imported_dsl_version = i->version;
		return hold(i);
	}
	if (write_app(i))
		return -1;
	/* A confirmed file was warned about already. */
	i->out->status = i->verdict == DSL_WARN ? S("completed-with-warnings") : S("completed");
	i->out->imported_dsl_version = i->version;
	return report_on(i);
}

static bool is_the_files_fault(enum err_code c)
{
	return c == ERR_INVALID || c == ERR_BAD_REQUEST || c == ERR_TOO_LARGE || c == ERR_LIMIT;
}

static status import_run(struct import *i)
{
	i->out->current_dsl_version = S(DSL_VERSION);
	i->out->imported_dsl_version = i->out->error = S("");
	i->out->warnings = i->out->report = json_arr(i->mem);
	if (import_steps(i) == 0)
		return 0;
	if (!is_the_files_fault(err_code()))
		return -1;
	i->out->status = S("failed");
	i->out->error = arena_str(i->mem, err_text());
	i->out->imported_dsl_version = S("");
	i->out->app_id = i->out->app_mode = (struct str){ 0 };
	return 0;
}

status app_import(struct apps *a, struct arena *mem, const struct import_request *req,
		  struct import_result *out)
{
	struct import_result r = { .id = id_uuid(mem) };
	struct import i = { .a = a, .mem = mem, .req = req, .out = &r };
	if (import_run(&i))
		return -1;
	*out = r;
	return 0;
}

status app_import_confirm(struct apps *a, struct arena *mem, struct str tenant_id,
			  struct str account_id, struct str import_id, struct import_result *out)
{
	struct import_result r = { .id = import_id };
	struct db_rows *rows;
	struct json *v;
	if (DB_READ(a->db, mem, &sql_app_import_get, &rows, db_text(tenant_id), db_text(import_id),
		    db_int(clock_ms())))
		return -1;
	if (!rows->count) {
		r.status = S("failed");
		r.current_dsl_version = S(DSL_VERSION);
		r.imported_dsl_version = S("");
		r.error = S("Import information expired or does not exist");
		r.warnings = r.report = json_arr(mem);
		*out = r;
		return 0;
	}
	if (json_stored(mem, db_str_at(rows, 0, 0), &v))
		return -1;
	struct import_request req = {
		.yaml = json_get_str(v, S("yaml")),
		.name = json_get_str(v, S("name")),
		.description = json_get_str(v, S("description")),
		.icon_type = json_get_str(v, S("icon_type")),
		.icon = json_get_str(v, S("icon")),
		.icon_background = json_get_str(v, S("icon_background")),
		.app_id = json_get_str(v, S("app_id")),
		.tenant_id = tenant_id,
		.account_id = account_id,
	};
	/* First away with it, so that two confirmations make one app. */
	if (DB_WRITE(a->db, mem, &sql_app_import_remove, 1, NULL, db_text(tenant_id),
		     db_text(import_id)))
		return err_code() == ERR_STALE
			       ? app_import_confirm(a, mem, tenant_id, account_id, S(""), out)
			       : -1;
	struct import i = { .a = a, .mem = mem, .req = &req, .out = &r, .confirmed = true };
	if (import_run(&i))
		return -1;
	*out = r;
	return 0;
}
