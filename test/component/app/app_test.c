/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps, drafts, versions, sites and app files on both databases. The files of TATARA_SHARED
 * (corpus/ and golden/apps/) must come back from an export as they went in.
 */
#include <dirent.h>

#include "../account/records_test.h"
#include "app/app.h"
#include "app/draft.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/yaml.h"
#include "flow/flow.h"

DEFINE_AUTO(apps, struct apps, apps_close)

struct world {
	struct auto_db db;
	struct auto_broker broker;
	struct auto_apps apps;
	struct auto_arena mem;
	struct str tenant, other, account;
};

static void world_close(struct world *w)
{
	auto_apps_cleanup(&w->apps);
	auto_broker_cleanup(&w->broker);
	auto_db_cleanup(&w->db);
	auto_arena_cleanup(&w->mem);
}
#define WORLD(w) __attribute__((cleanup(world_close))) struct world w = { 0 }

static status world_open(struct world *w)
{
	static const unsigned char key[CRYPT_KEY_LEN] = { 1, 2, 3 };
	w->mem.p = arena_open(0);
	CHECK_OK(records_open(&w->db.p, &w->broker.p));
	struct apps_options o = { .db = w->db.p, .seal_key = key };
	w->tenant = id_uuid(w->mem.p);
	w->other = id_uuid(w->mem.p);
	w->account = id_uuid(w->mem.p);
	return apps_open(&o, &w->apps.p);
}

static status make(struct world *w, const char *name, const char *mode, struct app **out)
{
	struct app_new n = { .name = str_c(name), .mode = str_c(mode), .created_by = w->account };
	return app_create(w->apps.p, w->mem.p, w->tenant, &n, out);
}

static status rows_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct app *chat, *flow, *list, *x;
	size_t n;
	int64_t total;
	CHECK_OK(world_open(&w));
	struct apps *p = w.apps.p;
	CHECK_OK(make(&w, "My chat 50%", "chat", &chat));
	CHECK_OK(make(&w, "flow", "workflow", &flow));
	CHECK_ERR(make(&w, "x", "channel", &x), ERR_INVALID);
	CHECK_ERR(make(&w, "", "chat", &x), ERR_INVALID);
	CHECK(chat->model_config && chat->model_config_id.len && chat->site_code.len == 16);
	CHECK(!flow->model_config && !flow->workflow_id.len && flow->enable_api && flow->enable_site);
	struct app_list q = { .page = 1, .limit = 1 };
	CHECK_OK(app_list(p, w.mem.p, w.tenant, &q, &list, &n, &total));
	CHECK(n == 1 && total == 2);
	q = (struct app_list){ .name = S("50%"), .page = 1, .limit = 10 };
	CHECK_OK(app_list(p, w.mem.p, w.tenant, &q, &list, &n, &total));
	CHECK(n == 1 && total == 1 && str_eq(list[0].id, chat->id));
	q.name = S("5_%"); /* no pattern */
	CHECK_OK(app_list(p, w.mem.p, w.tenant, &q, &list, &n, &total));
	CHECK(n == 0);
	q = (struct app_list){ .mode = S("workflow"), .page = 1, .limit = 10 };
	CHECK_OK(app_list(p, w.mem.p, w.tenant, &q, &list, &n, &total));
	CHECK(n == 1 && str_eq(list[0].id, flow->id));
	/* A change is seen at once by the process that made it. */
	CHECK_OK(app_get(p, w.mem.p, w.tenant, chat->id, &x));
	int64_t version = x->version;
	x->name = S("renamed");
	x->enable_api = false;
	CHECK_OK(app_update(p, w.mem.p, x));
	CHECK_OK(app_get(p, w.mem.p, w.tenant, chat->id, &x));
	CHECK(str_eq(x->name, S("renamed")) && !x->enable_api && x->version > version);
	CHECK_OK(app_by_site_code(p, w.mem.p, chat->site_code, &x));
	CHECK(str_eq(x->id, chat->id));
	struct str code;
	CHECK_OK(site_reset_code(p, w.mem.p, chat->id, &code));
	CHECK_ERR(app_by_site_code(p, w.mem.p, chat->site_code, &x), ERR_NOT_FOUND);
	CHECK_OK(app_by_site_code(p, w.mem.p, code, &x));
	/* Another workspace finds nothing, cached or not. */
	CHECK_ERR(app_get(p, w.mem.p, w.other, chat->id, &x), ERR_NOT_FOUND);
	CHECK_ERR(app_remove(p, w.mem.p, w.other, chat->id), ERR_NOT_FOUND);
	CHECK_ERR(app_set_model_config(p, w.mem.p, w.other, chat->id, chat->model_config, S("")),
		  ERR_NOT_FOUND);
	struct app stolen = *chat;
	stolen.tenant_id = w.other;
	CHECK_ERR(app_update(p, w.mem.p, &stolen), ERR_NOT_FOUND);
	struct str yaml;
	CHECK_ERR(app_export(p, w.mem.p, w.other, chat->id, true, &yaml), ERR_NOT_FOUND);
	CHECK_OK(app_list(p, w.mem.p, w.other, &(struct app_list){ .page = 1 }, &list, &n, &total));
	CHECK(n == 0 && total == 0);
	CHECK_OK(app_remove(p, w.mem.p, w.tenant, chat->id));
	CHECK_ERR(app_get(p, w.mem.p, w.tenant, chat->id, &x), ERR_NOT_FOUND);
	CHECK_ERR(app_by_site_code(p, w.mem.p, code, &x), ERR_NOT_FOUND);
	return 0;
}

static struct json *js(struct world *w, const char *text)
{
	struct json *v;
	return json_parse(w->mem.p, str_c(text), &v) ? NULL : v;
}

static const char *const environment =
	"[{\"id\":\"e1\",\"name\":\"R\",\"value_type\":\"string\",\"value\":\"north\"},"
	"{\"id\":\"e2\",\"name\":\"T\",\"value_type\":\"secret\",\"value\":\"s3cr3t\"}]";

static status drafts_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct app *app, *chat;
	struct workflow *d, *again, *v1, *v2, *x;
	CHECK_OK(world_open(&w));
	struct apps *p = w.apps.p;
	CHECK_OK(make(&w, "flow", "workflow", &app));
	CHECK_OK(make(&w, "chat", "chat", &chat));
	CHECK_ERR(workflow_draft(p, w.mem.p, w.tenant, app->id, &d), ERR_NOT_FOUND);
	CHECK(str_eq(err_slug(err_last()), S("draft_workflow_not_exist")));
	CHECK_ERR(workflow_publish(p, w.mem.p, w.tenant, app->id, S(""), S(""), w.account, &x),
		  ERR_INVALID);
	struct workflow in = { .graph = js(&w, "{\"nodes\":[],\"edges\":[],\"mine\":1.0}"),
			       .features = js(&w, "{}"),
			       .environment_variables = js(&w, environment) };
	CHECK_ERR(workflow_save_draft(p, w.mem.p, w.tenant, chat->id, &in, S(""), w.account, &d),
		  ERR_NOT_FOUND);
	CHECK_OK(workflow_save_draft(p, w.mem.p, w.tenant, app->id, &in, S(""), w.account, &d));
	CHECK(json_equal(d->graph, in.graph) && d->hash.len == 64);
	CHECK(str_eq(json_get_str(json_at(d->environment_variables, 1), S("value")), S("s3cr3t")));
	/* Sealed in the table. */
	struct db_rows *rows;
	static const struct sql raw = { .name = NULL,
					.sqlite = "SELECT environment_variables FROM workflows",
					.postgres = "SELECT environment_variables FROM workflows" };
	CHECK_OK(db_read(w.db.p, w.mem.p, &raw, NULL, 0, &rows));
	CHECK(rows->count == 1 && !str_has(db_str_at(rows, 0, 0), S("s3cr3t")));
	/* Without the hash, or with an old one, nothing is written. */
	CHECK_ERR(workflow_save_draft(p, w.mem.p, w.tenant, app->id, &in, S(""), w.account, &x),
		  ERR_CONFLICT);
	CHECK(str_eq(err_slug(err_last()), S("draft_workflow_not_sync")));
	struct workflow change = { .graph = js(&w, "{\"nodes\":[{\"id\":\"a\"}],\"edges\":[]}"),
				   .features = js(&w, "{}"),
				   .environment_variables = json_copy(w.mem.p, in.environment_variables) };
	json_set_str(w.mem.p, json_at(change.environment_variables, 1), S("value"),
		     S(WORKFLOW_SECRET_KEEP));
	CHECK_OK(workflow_save_draft(p, w.mem.p, w.tenant, app->id, &change, d->hash, w.account,
				     &again));
	CHECK(!str_eq(again->hash, d->hash) && str_eq(again->id, d->id));
	CHECK(str_eq(json_get_str(json_at(again->environment_variables, 1), S("value")), S("s3cr3t")));
	CHECK_ERR(workflow_save_draft(p, w.mem.p, w.tenant, app->id, &change, d->hash, w.account, &x),
		  ERR_CONFLICT);
	CHECK(str_eq(workflow_hash(w.mem.p, js(&w, "{\"a\":1,\"b\":2}"), js(&w, "{}")),
		     workflow_hash(w.mem.p, js(&w, "{\"b\":2,\"a\":1}"), js(&w, "{}"))));
	/* Versions. */
	CHECK_OK(workflow_publish(p, w.mem.p, w.tenant, app->id, S(""), S(""), w.account, &v1));
	CHECK_OK(fiber_sleep_ms(3));
	CHECK_OK(workflow_publish(p, w.mem.p, w.tenant, app->id, S("v2"), S("c"), w.account, &v2));
	CHECK_ERR(workflow_publish(p, w.mem.p, w.tenant, app->id, S("xxxxxxxxxxxxxxxxxxxxx"), S(""),
				   w.account, &x),
		  ERR_INVALID);
	CHECK_OK(app_get(p, w.mem.p, w.tenant, app->id, &app));
	CHECK(str_eq(app->workflow_id, v2->id) && str_eq(app->workflow_created_by, w.account));
	CHECK_OK(workflow_published(p, w.mem.p, app, &x));
	CHECK(str_eq(x->id, v2->id) && json_equal(x->graph, again->graph));
	CHECK(str_eq(json_get_str(json_at(x->environment_variables, 1), S("value")), S("s3cr3t")));
	struct workflow *list;
	size_t n;
	bool more;
	CHECK_OK(workflow_versions(p, w.mem.p, w.tenant, app->id, false, 1, 2, &list, &n, &more));
	CHECK(n == 2 && more && str_eq(list[0].version, S("draft")) && str_eq(list[1].id, v2->id));
	CHECK_OK(workflow_versions(p, w.mem.p, w.tenant, app->id, true, 1, 10, &list, &n, &more));
	CHECK(n == 1 && !more);
	CHECK_OK(workflow_mark(p, w.tenant, app->id, v1->id, S("first"), S("c"), w.account));
	CHECK_ERR(workflow_mark(p, w.tenant, app->id, d->id, S("x"), S(""), w.account), ERR_NOT_FOUND);
	CHECK_ERR(workflow_remove(p, w.tenant, app->id, v2->id), ERR_BAD_REQUEST);
	CHECK_ERR(workflow_remove(p, w.tenant, app->id, d->id), ERR_BAD_REQUEST);
	CHECK_OK(workflow_remove(p, w.tenant, app->id, v1->id));
	/* Across workspaces. */
	CHECK_ERR(workflow_by_id(p, w.mem.p, w.other, app->id, v2->id, &x), ERR_NOT_FOUND);
	CHECK_ERR(workflow_draft(p, w.mem.p, w.other, app->id, &x), ERR_NOT_FOUND);
	CHECK_ERR(workflow_mark(p, w.other, app->id, v2->id, S("x"), S(""), w.account), ERR_NOT_FOUND);
	CHECK_ERR(workflow_publish(p, w.mem.p, w.other, app->id, S(""), S(""), w.account, &x),
		  ERR_NOT_FOUND);
	struct app foreign = *app;
	foreign.tenant_id = w.other;
	CHECK_ERR(workflow_published(p, w.mem.p, &foreign, &x), ERR_NOT_FOUND);
	return 0;
}

/* --- app files --- */

#define HEAD "app:\n  name: n\n  mode: workflow\n"
#define BODY "workflow:\n  graph: {nodes: [], edges: []}\n  features: {}\n"
static const struct {
	const char *yaml, *status, *error;
} cases[] = {
	{ "version: 0.5.0\nkind: app\n" HEAD BODY, "completed", "" },
	{ "version: 0.6.0\n" HEAD BODY, "completed", "" },
	{ "version: 0.1.0\n" HEAD BODY, "completed-with-warnings", "" },
	{ HEAD BODY, "completed-with-warnings", "" },
	{ "version: 0.9.0\n" HEAD BODY, "pending", "" },
	{ "version: 1.0.0\n" HEAD BODY, "pending", "" },
	{ "version: 0.5.0\nkind: other\n" HEAD BODY, "completed", "" },
	{ "version: 0.5\n" HEAD BODY, "failed",
	  "Invalid version type, expected str, got <class 'float'>" },
	{ "version: abc\n" HEAD BODY, "failed", "Invalid version: 'abc'" },
	{ "- 1", "failed", "Invalid YAML format: content must be a mapping" },
	{ "kind: app\nversion: 0.5.0\n", "failed", "Missing app data in YAML content" },
	{ "version: 0.5.0\napp: {name: n}\n" BODY, "failed", "loss app mode" },
	{ "version: 0.5.0\napp: {mode: zzz}\n" BODY, "failed", "'zzz' is not a valid AppMode" },
	{ "version: 0.5.0\napp: {mode: rag-pipeline}\n" BODY, "failed", "Invalid app mode" },
	{ "version: 0.5.0\n" HEAD, "failed",
	  "Missing workflow data for workflow/advanced chat app" },
	{ "version: 0.5.0\napp: {mode: chat}\n", "failed",
	  "Missing model_config for chat/agent-chat/completion app" },
	{ "version: 0.5.0\n" HEAD BODY "  conversation_variables: [{name: a, value_type: string}]\n",
	  "failed", "missing value" },
	{ "{\"data\": \"version: 0.5.0\\napp: {name: \\ud83d\\ude00, mode: workflow}\\n"
	  "workflow: {graph: {}, features: {}}\\n\"}",
	  "completed", "" },
};

static struct import_request request(struct world *w, struct str yaml)
{
	return (struct import_request){ .yaml = yaml, .tenant_id = w->tenant, .account_id = w->account };
}

static status import_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	CHECK_OK(world_open(&w));
	struct import_result r;
	struct app *app;
	for (size_t i = 0; i < countof(cases); i++) {
		struct import_request q = request(&w, str_c(cases[i].yaml));
		CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
		if (!str_eq(r.status, str_c(cases[i].status)) || !str_eq(r.error, str_c(cases[i].error)))
			fprintf(stderr, "case %zu: %.*s: %.*s\n", i, STR(r.status), STR(r.error));
		CHECK(str_eq(r.status, str_c(cases[i].status)));
		CHECK(str_eq(r.error, str_c(cases[i].error)));
		CHECK((r.app_id.len > 0) == str_starts(r.status, S("completed")));
	}
	CHECK_OK(app_get(w.apps.p, w.mem.p, w.tenant, r.app_id, &app));
	CHECK(str_eq(app->name, S("\xF0\x9F\x98\x80")));
	struct import_request bad = request(&w, S("{{{"));
	CHECK_OK(app_import(w.apps.p, w.mem.p, &bad, &r));
	CHECK(str_eq(r.status, S("failed")) && str_starts(r.error, S("Invalid YAML format: ")));
	char *big = malloc((10 << 20) + 1);
	memset(big, 'x', (10 << 20) + 1);
	struct import_request large = request(&w, str_of(big, (10 << 20) + 1));
	status st = app_import(w.apps.p, w.mem.p, &large, &r);
	free(big);
	CHECK_OK(st);
	CHECK(str_eq(r.status, S("failed")) && str_eq(r.error, S("File size exceeds the limit of 10MB")));
	return 0;
}

static status confirm_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	CHECK_OK(world_open(&w));
	struct import_result r, again;
	struct import_request q = request(&w, S("version: 0.9.0\n" HEAD BODY));
	q.name = S("chosen");
	CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
	CHECK(str_eq(r.status, S("pending")) && str_eq(r.imported_dsl_version, S("0.9.0")));
	CHECK_OK(app_import_confirm(w.apps.p, w.mem.p, w.other, w.account, r.id, &again));
	CHECK(str_eq(again.status, S("failed")));
	CHECK_OK(app_import_confirm(w.apps.p, w.mem.p, w.tenant, w.account, r.id, &again));
	CHECK(str_eq(again.status, S("completed")) && str_eq(again.id, r.id));
	struct app *app;
	CHECK_OK(app_get(w.apps.p, w.mem.p, w.tenant, again.app_id, &app));
	CHECK(str_eq(app->name, S("chosen")));
	CHECK_OK(app_import_confirm(w.apps.p, w.mem.p, w.tenant, w.account, r.id, &again));
	CHECK(str_eq(again.error, S("Import information expired or does not exist")));
	/* Overwriting: workflow modes only, and only what exists. */
	struct app *chat;
	CHECK_OK(make(&w, "chat", "chat", &chat));
	q = request(&w, S("version: 0.5.0\n" HEAD BODY));
	q.app_id = chat->id;
	CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
	CHECK(str_eq(r.error, S("Only workflow or advanced chat apps can be overwritten")));
	q.app_id = id_uuid(w.mem.p);
	CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
	CHECK(str_eq(r.error, S("App not found")));
	q.app_id = app->id;
	CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
	CHECK(str_eq(r.status, S("completed")) && str_eq(r.app_id, app->id));
	CHECK_OK(app_get(w.apps.p, w.mem.p, w.tenant, app->id, &app));
	CHECK(str_eq(app->name, S("n")));
	return 0;
}

static status read_whole(struct world *w, const char *path, struct str *out)
{
	FILE *f = fopen(path, "rb");
	CHECK(f);
	struct buf b = buf_make(w->mem.p, 0);
	char piece[1024];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_put(&b, str_of(piece, n));
	fclose(f);
	*out = buf_str(&b);
	return 0;
}

/* Members of want that got lacks or has otherwise; keys we fill in may be more. */
static bool holds(const struct json *got, const struct json *want)
{
	if (json_is(want, JSON_OBJ)) {
		json_each_member(want, m)
			if (!json_get(got, m->name) || !holds(json_get(got, m->name), &m->value))
				return fprintf(stderr, "differs: %.*s\n", STR(m->name)), false;
		return json_is(got, JSON_OBJ);
	}
	if (json_is(want, JSON_ARR)) {
		for (size_t i = 0; i < json_len(want); i++)
			if (i >= json_len(got) || !holds(json_at(got, i), json_at(want, i)))
				return false;
		return json_len(got) == json_len(want);
	}
	return json_equal(got, want);
}

/* Same members in the same order, all the way down. */
static bool same_order(struct arena *mem, const struct json *a, const struct json *b)
{
	return str_eq(json_text(mem, a, JSON_COMPACT), json_text(mem, b, JSON_COMPACT));
}

static status round_trip(struct world *w, const char *path)
{
	struct str text, first, second;
	struct json *file, *out;
	struct import_result r;
	CHECK_OK(read_whole(w, path, &text));
	CHECK_OK(yaml_parse(w->mem.p, text, &file));
	struct import_request q = request(w, text);
	CHECK_OK(app_import(w->apps.p, w->mem.p, &q, &r));
	CHECK(str_starts(r.status, S("completed")));
	CHECK_OK(app_export(w->apps.p, w->mem.p, w->tenant, r.app_id, true, &first));
	CHECK_OK(yaml_parse(w->mem.p, first, &out));
	const struct json *graph = json_path(file, "workflow.graph");
	if (graph)
		CHECK(same_order(w->mem.p, json_path(out, "workflow.graph"), graph));
	json_each_member(file, m) {
		if (str_eq(m->name, S("version")) || str_eq(m->name, S("kind")) ||
		    (str_eq(m->name, S("model_config")) && graph) || m->value.type == JSON_NULL)
			continue;
		CHECK(holds(json_get(out, m->name), &m->value));
	}
	q = request(w, first);
	CHECK_OK(app_import(w->apps.p, w->mem.p, &q, &r));
	CHECK(str_eq(r.status, S("completed")));
	CHECK_OK(app_export(w->apps.p, w->mem.p, w->tenant, r.app_id, true, &second));
	CHECK(str_eq(first, second));
	return 0;
}

static status corpus_dir(struct world *w, const char *sub, size_t *files)
{
	char path[600];
	const char *shared = getenv("TATARA_SHARED");
	snprintf(path, sizeof(path), "%s/%s", shared ? shared : "../shared", sub);
	DIR *d = opendir(path);
	if (!d && !shared)
		return 0;
	CHECK(d);
	status st = 0;
	for (struct dirent *e; !st && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		char file[900];
		if (n < 5 || strcmp(e->d_name + n - 4, ".yml") != 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		st = round_trip(w, file);
		if (st)
			fprintf(stderr, "in %s\n", file);
		(*files)++;
	}
	closedir(d);
	return st;
}

static status corpus_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	size_t files = 0;
	CHECK_OK(world_open(&w));
	CHECK_OK(corpus_dir(&w, "corpus", &files));
	CHECK_OK(corpus_dir(&w, "golden/apps", &files));
	fprintf(stderr, "%zu app files went round\n", files);
	CHECK(files > 40 || !getenv("TATARA_SHARED"));
	return 0;
}

static const char *const strange =
	"version: 0.5.0\nkind: app\nmy_top: {z: 1, a: [yes, ~]}\n"
	"app: {name: n, mode: workflow, my_app: 2, icon: \"\\U0001F525\", icon_background: '#000000'}\n"
	"dependencies: [{type: marketplace, value: {marketplace_plugin_unique_identifier: a/b:1@c}}]\n"
	"workflow:\n  my_flow: 3\n  features: {my_feature: {b: 1, a: 2}}\n"
	"  environment_variables: [{id: e, name: T, value_type: secret, value: top, my_env: 4}]\n"
	"  conversation_variables: [{id: c, name: C, value_type: object, value: {z: 1, a: 2}}]\n"
	"  graph:\n    edges: []\n    viewport: {x: -1.5, y: 0, zoom: 0.25}\n"
	"    nodes: [{id: '1', position: {x: 1.25, y: 2}, data: {type: tool, title: T, my: {q: 5},"
	" credential_id: secret-id}}, {id: note, type: custom-note, data: {text: hello}}]\n";

static status unknown_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	struct import_result r;
	struct str yaml, open_yaml;
	struct json *v;
	CHECK_OK(world_open(&w));
	struct import_request q = request(&w, str_c(strange));
	CHECK_OK(app_import(w.apps.p, w.mem.p, &q, &r));
	/* No tool is named, and it would be a plugin's. */
	CHECK(str_eq(r.status, S("completed")) && json_len(r.warnings) == 2);
	CHECK_OK(app_export(w.apps.p, w.mem.p, w.tenant, r.app_id, false, &yaml));
	CHECK_OK(yaml_parse(w.mem.p, yaml, &v));
	CHECK(json_as_int(json_path(v, "my_top.z"), 0) == 1);
	CHECK(json_as_int(json_path(v, "app.my_app"), 0) == 2);
	CHECK(str_eq(json_get_str(json_get(v, S("app")), S("icon")), S("\xF0\x9F\x94\xA5")));
	CHECK(json_as_int(json_path(v, "workflow.my_flow"), 0) == 3);
	CHECK(json_as_int(json_path(v, "workflow.features.my_feature.a"), 0) == 2);
	CHECK(json_len(json_get(v, S("dependencies"))) == 1);
	const struct json *env = json_at(json_path(v, "workflow.environment_variables"), 0);
	CHECK(json_as_int(json_get(env, S("my_env")), 0) == 4);
	CHECK(json_is(json_get(env, S("value")), JSON_STR) && !json_get_str(env, S("value")).len);
	const struct json *node = json_at(json_path(v, "workflow.graph.nodes"), 0);
	CHECK(json_as_int(json_path(json_get(node, S("data")), "my.q"), 0) == 5);
	CHECK(!json_get(json_get(node, S("data")), S("credential_id")));
	CHECK(json_as_double(json_path(v, "workflow.graph.viewport.zoom"), 0) == 0.25);
	CHECK_OK(app_export(w.apps.p, w.mem.p, w.tenant, r.app_id, true, &open_yaml));
	CHECK(str_has(open_yaml, S("secret-id")) && str_has(open_yaml, S("top")));
	return 0;
}

/* --- what runs of drafts leave --- */

static status save_run(struct world *w, struct apps *p, const struct draft_owner *o, const char *nodes)
{
	struct flow_info info = { .run_id = id_uuid7(w->mem.p), .tenant_id = o->tenant_id, .app_id = o->app_id,
				  .created_by = o->account_id, .by_account = true };
	struct db_batch *b = db_batch_open(w->mem.p);
	CHECK_OK(draft_save(p, w->mem.p, &info, js(w, nodes), b));
	/* The batch may be built again when it could not be stored. */
	CHECK_OK(draft_save(p, w->mem.p, &info, js(w, nodes), b));
	CHECK_OK(db_commit(w->db.p, b));
	for (int64_t now = clock_ms(); clock_ms() == now;) /* runs are ordered by milliseconds */
		CHECK_OK(fiber_sleep_ms(1));
	return 0;
}

static status names_are(struct world *w, struct apps *p, const struct draft_owner *o, const char *want)
{
	struct draft_variable *list;
	struct buf got = buf_make(w->mem.p, 0);
	size_t n;
	int64_t total;
	CHECK_OK(draft_list(p, w->mem.p, o, 1, 100, &list, &n, &total));
	CHECK((int64_t)n == total);
	for (size_t i = 0; i < n; i++)
		buf_printf(&got, "%s%.*s.%.*s:%.*s%s%s", i ? " " : "", STR(list[i].node_id), STR(list[i].name),
			   STR(list[i].value_type), list[i].editable ? "" : "-", list[i].whole_bytes ? "~" : "");
	if (!str_eq(buf_str(&got), str_c(want)))
		fprintf(stderr, "want %s\ngot  %.*s\n", want, STR(buf_str(&got)));
	CHECK(str_eq(buf_str(&got), str_c(want)));
	return 0;
}

#define RUN_NODE(id, type, failed, outputs)                                                        \
	"{\"node_id\":\"" id "\",\"node_type\":\"" type "\",\"execution_id\":\"x-" id              \
	"\",\"failed\":" failed ",\"outputs\":" outputs ",\"written\":{\"c\":[1]}}"

static status left_fiber(void *arg)
{
	(void)arg;
	WORLD(w);
	CHECK_OK(world_open(&w));
	static const char *const env[] = { "WORKFLOW_VARIABLE_TRUNCATION_STRING_LENGTH=10",
					   "TATARA_DRAFT_VARIABLES_MAX=7", "MAX_VARIABLE_SIZE=60", NULL };
	struct config *config;
	CHECK_OK(config_load(w.mem.p, env, (struct str){ 0 }, &config));
	struct apps_options options = { .db = w.db.p, .config = config };
	AUTO(apps) opened = { NULL };
	CHECK_OK(apps_open(&options, &opened.p));
	struct apps *p = opened.p;
	struct app *app;
	CHECK_OK(make(&w, "flow", "workflow", &app));
	struct draft_owner mine = { w.tenant, app->id, w.account }, theirs = { w.tenant, app->id, id_uuid(w.mem.p) },
			   other = { w.other, app->id, w.account };
	struct draft_variable *v, *list;
	struct str run, execution, name, text;
	size_t n;
	int64_t gone;
	CHECK_ERR(draft_last_run(p, w.mem.p, w.tenant, app->id, S("s"), &run, &execution), ERR_NOT_FOUND);
	CHECK_OK(save_run(&w, p, &mine, "[" RUN_NODE("s", "start", "false", "{\"sys.query\":\"q\",\"sys.app_id\":\"i\",\"b\":1.5,\"a\":null}") "]"));
	CHECK_OK(names_are(&w, p, &mine, "sys.query:string sys.app_id:string- s.b:number s.a:none conversation.c:array[number]"));
	CHECK_OK(save_run(&w, p, &mine, "[" RUN_NODE("l", "llm", "false", "{\"text\":\"0123456789abc\",\"finish_reason\":\"stop\"}") ","
						RUN_NODE("f", "code", "true", "{\"x\":1}") "]"));
	/* The latest first; what is too much of the oldest goes. */
	CHECK_OK(names_are(&w, p, &mine, "l.text:string-~ conversation.c:array[number] sys.query:string sys.app_id:string- s.b:number s.a:none"));
	CHECK_OK(draft_last_run(p, w.mem.p, w.tenant, app->id, S("f"), &run, &execution));
	CHECK(str_eq(execution, S("x-f")));
	CHECK_ERR(draft_last_run(p, w.mem.p, w.other, app->id, S("f"), &run, &execution), ERR_NOT_FOUND);
	CHECK_OK(save_run(&w, p, &mine, "[" RUN_NODE("as", "assigner", "false", "{\"y\":1}") ","
						RUN_NODE("e", "end", "false", "{\"r\":{\"k\":[]}}") "]"));
	CHECK_OK(names_are(&w, p, &mine, "e.r:object conversation.c:array[number] as.__dummy__:none- l.text:string-~ sys.query:string sys.app_id:string- s.b:number"));
	/* Shown cut, used whole. */
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("l"), false, &list, &n));
	CHECK(n == 1 && list[0].whole_bytes == 13 && list[0].length == -1 && !list[0].edited);
	CHECK(str_eq(json_as_str(list[0].value, S("")), S("0123456...")));
	CHECK_OK(draft_whole(p, w.mem.p, list[0].id, &name, &text));
	CHECK(str_eq(name, S("l-text.txt")) && str_eq(text, S("0123456789abc")));
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("l"), true, &list, &n));
	CHECK(str_eq(json_as_str(list[0].value, S("")), S("0123456789abc")));
	/* Changing: types, sizes, names. */
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("s"), false, &list, &n));
	v = &list[0];
	CHECK_ERR(draft_whole(p, w.mem.p, v->id, &name, &text), ERR_NOT_FOUND);
	CHECK_ERR(draft_set(p, w.mem.p, &mine, v, S(""), js(&w, "\"x\""), true), ERR_INVALID);
	CHECK_OK(draft_set(p, w.mem.p, &mine, v, S("z"), js(&w, "4"), true));
	CHECK(v->edited && json_as_int(v->value, 0) == 4 && str_eq(v->name, S("z")));
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("e"), false, &list, &n));
	CHECK_ERR(draft_set(p, w.mem.p, &mine, &list[0], S(""), js(&w, "{\"k\":\"0123456789012345678901234567890123456789012345678901234567890\"}"), true), ERR_INVALID);
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("sys"), false, &list, &n));
	CHECK_ERR(draft_set(p, w.mem.p, &mine, &list[0], S("app_id"), NULL, true), ERR_INVALID);
	/* Neither another person nor another workspace has any of it. */
	const struct draft_owner *strangers[] = { &theirs, &other };
	for (size_t i = 0; i < countof(strangers); i++) {
		struct draft_variable copy = *v, *x;
		CHECK_OK(names_are(&w, p, strangers[i], ""));
		CHECK_ERR(draft_get(p, w.mem.p, strangers[i], v->id, &x), ERR_NOT_FOUND);
		CHECK_ERR(draft_set(p, w.mem.p, strangers[i], &copy, S("q"), NULL, true), ERR_NOT_FOUND);
		CHECK_OK(draft_remove(p, w.mem.p, strangers[i], v->id, S("")));
		CHECK_OK(draft_remove(p, w.mem.p, strangers[i], S(""), S("")));
	}
	CHECK_OK(draft_get(p, w.mem.p, &mine, v->id, &v));
	/* A first value of a conversation variable does not replace a later one. */
	struct workflow flow = { .conversation_variables = js(&w, "[{\"name\":\"c\",\"value_type\":\"array[number]\",\"value\":[]},{\"name\":\"d\",\"value_type\":\"string\",\"value\":\"v\",\"description\":\"w\"}]") };
	CHECK_OK(draft_remove(p, w.mem.p, &mine, S(""), S("sys")));
	CHECK_OK(draft_fill_conversation(p, w.mem.p, &mine, &flow));
	CHECK_OK(draft_of_node(p, w.mem.p, &mine, S("conversation"), false, &list, &n));
	CHECK(n == 2 && str_eq(list[0].name, S("d")) && str_eq(list[0].description, S("w")) && json_len(list[1].value) == 1);
	/* Time and the end of the app. */
	CHECK_OK(draft_forget(p, clock_ms() - 60000, &gone));
	CHECK(gone == 0);
	CHECK_OK(save_run(&w, p, &theirs, "[" RUN_NODE("s", "start", "false", "{}") "]"));
	CHECK_OK(names_are(&w, p, &theirs, "s.__dummy__:none- conversation.c:array[number]"));
	CHECK_OK(draft_forget(p, clock_ms() + 60000, &gone));
	CHECK(gone >= 4);
	CHECK_OK(names_are(&w, p, &mine, ""));
	CHECK_ERR(draft_last_run(p, w.mem.p, w.tenant, app->id, S("f"), &run, &execution), ERR_NOT_FOUND);
	CHECK_OK(save_run(&w, p, &mine, "[" RUN_NODE("s", "start", "false", "{}") "]"));
	CHECK_OK(app_remove(p, w.mem.p, w.tenant, app->id));
	CHECK_OK(names_are(&w, p, &mine, ""));
	CHECK_ERR(draft_last_run(p, w.mem.p, w.tenant, app->id, S("s"), &run, &execution), ERR_NOT_FOUND);
	return 0;
}

#define TEST(name)                                                                                 \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void)unused;                                                                      \
		run_fiber(name##_fiber);                                                           \
	}
TEST(rows)
TEST(drafts)
TEST(import)
TEST(confirm)
TEST(corpus)
TEST(unknown)
TEST(left)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),	   cmocka_unit_test(drafts), cmocka_unit_test(import),
		cmocka_unit_test(confirm), cmocka_unit_test(corpus), cmocka_unit_test(unknown),
		cmocka_unit_test(left),
	};
	test_arguments(argc, argv);
	return cmocka_run_group_tests_name("app", tests, NULL, NULL);
}
