/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console API against the recorded answers: each file's requests are sent in their order to a
 * whole server in this process, and each answer is compared member by member. `<name#1>` stands for
 * an id: seen first it is bound, then it must be the same. What we answer otherwise on purpose is in
 * the table `differs`, with the reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../chat/world.h"
#include "account/account.h"
#include "app/app.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "base/yaml.h"
#include "net/client.h"

#define UNKNOWN_ID "11111111-2222-4333-8444-555555555555"
#define PASSWORD "password1"
#define PASSWORD_BASE64 "cGFzc3dvcmQx"

struct replay {
	struct world *w;
	struct arena *mem;
	struct str url, cookie, csrf;
	struct map bound;
	const char *file;
	struct str name; /* of the case */
	int cases, bad;
};

/* Whole cases that are left out, or members that may differ: path "" = the whole case. */
static const struct {
	const char *file, *name, *path, *why;
} differs[] = {
	{ "apps", "list", "", "other apps are there" },
	{ "apps", "list by mode", "", "other apps are there" },
	{ "apps", "list: is_created_by_me", "", "other apps are there" },
	{ "apps", "list without login", "", "sent without cookies, tested apart" },
	{ "apps", "get bad uuid", "", "JSON 404 instead of HTML" },
	{ "apps", "trace", "", "no tracing" },
	{ "apps", "trace: enable without provider", "", "no tracing" },
	{ "apps", "trace-config, none", "", "no tracing" },
	{ "apps", "convert-to-workflow", "", "not offered" },
	{ "apps-import", "not YAML", ".error", "own words of the parser" },
	{ "apps-import", "yaml-url", "", "the stub is not there" },
	{ "apps-import", "yaml-url 404", "", "the stub is not there" },
	{ "apps-import", "unknown plugin dependency", ".warnings", "more than recorded" },
	{ "apps-import", "unknown plugin dependency", ".report", "more than recorded" },
	{ "apps-import", "export chat", ".data.dependencies", "model servers are no plugins" },
	{ "apps-import", "export cf_convvar", ".data.workflow.conversation_variables[0].value_type",
	  "stays as it was imported" },
	{ "apps-import", "export agent_fc", ".data.dependencies", "model servers are no plugins" },
	{ "workflow-draft", "sync without CSRF", "", "not exempt here" },
	{ "workflow-draft", "config", "", "JSON 404 instead of HTML" },
	{ "workflow-draft", "default block configs", "", "own set of blocks" },
	{ "workflow-draft", "get draft", ".environment_variables", "bound apart" },
	{ "workflow-draft", "draft of an app without draft", "", "the app has no name; tested with apps" },
	{ "workflow-runs", "list (debug runs)", ".retention", "says how long runs are kept" },
	{ "workflow-runs", "list: status", ".retention", "says how long runs are kept" },
	{ "workflow-runs", "advanced-chat runs", ".retention", "says how long runs are kept" },
	{ "workflow-runs", "list: triggered_from app-run", "", "no published run here" },
	{ "workflow-runs", "workflow-app-logs", "", "no published run here" },
	{ "workflow-runs", "workflow-app-logs detail=true", "", "no published run here" },
	{ "workflow-runs", "node executions with an exception", "", "no published run here" },
	{ "workflow-runs", "node executions of an iteration", "", "no published run here" },
	{ "workflow-runs", "node executions of a chatflow", "", "no published run here" },
	{ "model-credentials", "add: endpoint unreachable", ".message", "own words of the client" },
	{ "model-credentials", "add llm with tool calls and vision", "", "the model server is ours" },
	{ "model-credentials", "add plain llm", "", "the model server is ours" },
	{ "model-credentials", "add text-embedding", "", "the model server is ours" },
	{ "model-credentials", "add rerank", "", "the model server is ours" },
	{ "model-credentials", "add tts", "", "no speech" },
	{ "model-credentials", "add speech2text", "", "no speech" },
	{ "model-credentials", "add same model again, same name", "", "no name was given here" },
	{ "model-credentials", "get credentials of a model", "", "other settings" },
	{ "model-credentials", "models of the provider", "", "one model here" },
	{ "model-credentials", "parameter rules", "", "own help texts" },
	{ "model-credentials", "set default models", "", "one model here" },
	{ "model-credentials", "get default llm", ".data.provider.label", "own labels" },
	{ "model-credentials", "get default llm", ".data.provider.icon_small", "no icons" },
	{ "model-credentials", "get default llm", ".data.provider.supported_model_types",
	  "no speech" },
	{ "model-providers", "list", "", "all providers are shown, with own forms" },
	{ "model-providers", "list by type", "", "one model here" },
	{ "site-settings", "server (MCP), none", "", "no MCP server of apps" },
	{ "site-settings", "server create", "", "no MCP server of apps" },
	{ "site-settings", "server", "", "no MCP server of apps" },
	{ "account", "integrates", "", "no sign-in by others" },
	{ "account", "education", "", "not known" },
	{ "workspaces", "permission", "", "JSON 404 without suggestions" },
	{ "features", "features without login", "", "sent without cookies, tested apart" },
	{ "features", "unknown path", "", "JSON 404 instead of HTML" },
	{ "features", "spec/schema-definitions", "", "no knowledge pipelines" },
	{ "api-keys", "list", "", "no key was made before" },
	{ "api-keys", "create no 11", "", "needs ten keys; tested with accounts" },
	{ "api-keys", "dataset keys", "", "no key was made before" },
};

static const char *differs_why(const struct replay *r, const char *path)
{
	for (size_t i = 0; i < countof(differs); i++)
		if (!strcmp(differs[i].file, r->file) && str_eq(r->name, str_c(differs[i].name)) &&
		    !strcmp(differs[i].path, path))
			return differs[i].why;
	return NULL;
}

/* --- placeholders --- */

static struct str app_of(struct replay *r, struct str token)
{
	struct str name = str_sub(token, 8, token.len - 9); /* <app_id:NAME> */
	struct world_app a = world_app(r->w, str_eq(name, S("draft test"))
						      ? "wf_echo"
						      : arena_cstr(r->mem, name));
	if (!str_eq(name, S("draft test")))
		return a.id;
	struct app_new n = { .name = name, .mode = S("workflow"), .created_by = r->w->account_id };
	struct str yaml;
	struct import_result out;
	assert_int_equal(app_export(r->w->s.apps, r->mem, r->w->tenant_id, a.id, true, &yaml), 0);
	struct import_request q = { .yaml = yaml, .name = n.name, .tenant_id = r->w->tenant_id,
				    .account_id = r->w->account_id };
	assert_int_equal(app_import(r->w->s.apps, r->mem, &q, &out), 0);
	return out.app_id;
}

static struct str value_of(struct replay *r, struct str token)
{
	struct str *v = map_get(&r->bound, token);
	if (v)
		return *v;
	v = arena_new(r->mem, struct str);
	if (str_eq(token, S("<unknown_id>")))
		*v = S(UNKNOWN_ID);
	else if (str_eq(token, S("<tenant_id>")))
		*v = r->w->tenant_id;
	else if (str_eq(token, S("<account_id>")))
		*v = r->w->account_id;
	else if (str_starts(token, S("<app_id:")))
		*v = app_of(r, token);
	else
		return (struct str){ 0 };
	map_set(&r->bound, token, v);
	return *v;
}

static void bind(struct replay *r, struct str token, struct str value)
{
	struct str *v = arena_new(r->mem, struct str);
	*v = arena_str(r->mem, value);
	map_set(&r->bound, arena_str(r->mem, token), v);
}

/* Text with each known placeholder replaced. */
static struct str filled(struct replay *r, struct str text)
{
	struct buf b = buf_make(r->mem, 0);
	for (size_t at; (at = str_find_char(text, '<')) != SIZE_MAX;) {
		struct str rest = str_skip(text, at);
		size_t end = str_find_char(rest, '>');
		struct str token = str_sub(rest, 0, end == SIZE_MAX ? 0 : end + 1), v = { 0 };
		if (token.len && token.len < 60)
			v = value_of(r, token);
		buf_put(&b, str_sub(text, 0, at));
		buf_put(&b, v.at ? v : str_sub(rest, 0, 1));
		text = str_skip(rest, v.at ? token.len : 1);
	}
	buf_put(&b, text);
	return buf_str(&b);
}

/* --- comparing --- */

static void complain(struct replay *r, const char *path, const char *what, const struct json *want,
		     const struct json *got)
{
	struct str w = want ? json_text(r->mem, want, JSON_COMPACT) : S("(nothing)");
	struct str g = got ? json_text(r->mem, got, JSON_COMPACT) : S("(nothing)");
	print_message("%s / %.*s %s: %s\n   want %.*s\n   got  %.*s\n", r->file, STR(r->name), path,
		      what, STR(str_sub(w, 0, 300)), STR(str_sub(g, 0, 300)));
	r->bad++;
}

static bool is_token(struct str s)
{
	return s.len > 2 && s.at[0] == '<' && s.at[s.len - 1] == '>' &&
	       str_find_char(str_skip(s, 1), '<') == SIZE_MAX;
}

static bool number(const struct json *v)
{
	return json_is(v, JSON_INT) || json_is(v, JSON_FLOAT);
}

static void compare(struct replay *r, const char *path, const struct json *want,
		    const struct json *got);

/* App files: the same tree; we keep the order of keys, the recorded server sorted them. */
static void compare_file(struct replay *r, const char *path, struct str want, struct str got)
{
	struct json *w, *g;
	assert_int_equal(yaml_parse(r->mem, want, &w), 0);
	if (yaml_parse(r->mem, got, &g))
		complain(r, path, "no YAML", json_str(r->mem, want), json_str(r->mem, got));
	else
		compare(r, path, w, g);
}

static void compare_text(struct replay *r, const char *path, const struct json *want,
			 const struct json *got)
{
	struct str w = json_as_str(want, S("")), g = json_as_str(got, S(""));
	if (str_starts(w, S("app:\n")) && json_is(got, JSON_STR)) {
		compare_file(r, path, w, g);
		return;
	}
	if (str_starts(w, S("<int")) || str_starts(w, S("<float"))) {
		if (!number(got))
			complain(r, path, "must be a number", want, got);
		return;
	}
	if (!json_is(got, JSON_STR)) {
		complain(r, path, "must be a text", want, got);
		return;
	}
	if (is_token(w) && str_has(w, S("_id"))) {
		struct str known = value_of(r, w);
		if (!known.at)
			bind(r, w, g);
		else if (!str_eq(known, g))
			complain(r, path, "another id", want, got);
		return;
	}
	if (str_eq(w, S("<hash>"))) {
		bind(r, w, g);
		return;
	}
	/* Web-app codes are random. */
	size_t n = strlen(path);
	if (w.len == 16 && g.len == 16 && ((n >= 5 && !strcmp(path + n - 5, ".code")) ||
					   (n >= 13 && !strcmp(path + n - 13, ".access_token"))))
		return;
	/* Validation texts are the framework's; names and addresses are the recording's own. */
	bool free_text = str_has(w, S("<")) || str_has(w, S("validation error")) ||
			 str_has(w, S("You have requested this URI"));
	if (!free_text && !str_eq(w, g))
		complain(r, path, "another text", want, got);
}

static void compare_object(struct replay *r, const char *path, const struct json *want,
			   const struct json *got)
{
	char sub[200];
	json_each_member(want, m) {
		snprintf(sub, sizeof(sub), "%s.%.*s", path, STR(m->name));
		if (!json_get(got, m->name)) {
			if (!differs_why(r, sub))
				complain(r, sub, "is missing", &m->value, NULL);
		} else {
			compare(r, sub, &m->value, json_get(got, m->name));
		}
	}
	json_each_member(got, m) {
		snprintf(sub, sizeof(sub), "%s.%.*s", path, STR(m->name));
		if (!json_get(want, m->name) && !differs_why(r, sub))
			complain(r, sub, "is too much", NULL, &m->value);
	}
}

static void compare(struct replay *r, const char *path, const struct json *want,
		    const struct json *got)
{
	char sub[200];
	if (differs_why(r, path) || str_eq(json_as_str(want, S("")), S("<object left out>")))
		return;
	if (json_is(want, JSON_STR)) {
		compare_text(r, path, want, got);
	} else if (json_is(want, JSON_OBJ) && json_is(got, JSON_OBJ)) {
		compare_object(r, path, want, got);
	} else if (json_is(want, JSON_ARR) && json_is(got, JSON_ARR)) {
		for (size_t i = 0; i < json_len(want); i++) {
			snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
			if (str_has(json_as_str(json_at(want, i), S("")), S("left out>")))
				return;
			if (i < json_len(got))
				compare(r, sub, json_at(want, i), json_at(got, i));
		}
		if (json_len(want) != json_len(got))
			complain(r, path, "another number of items", want, got);
	} else if (!json_equal(want, got)) {
		complain(r, path, "another value", want, got);
	}
}

/* --- sending --- */

static const struct client_response *send(struct replay *r, struct str method, struct str path,
					  const struct json *body, struct str raw, bool cookies)
{
	struct http_header headers[4];
	size_t n = 0;
	if (cookies) {
		headers[n++] = (struct http_header){ S("Cookie"), r->cookie };
		headers[n++] = (struct http_header){ S("X-CSRF-Token"), r->csrf };
	}
	if (raw.len)
		headers[n++] = (struct http_header){ S("Content-Type"), S("text/plain") };
	if (body)
		headers[n++] = (struct http_header){ S("Content-Type"), S("application/json") };
	struct client_request q = {
		.method_text = method,
		.url = arena_printf(r->mem, "%.*s%.*s", STR(r->url), STR(path)),
		.headers = headers,
		.header_count = n,
		.body = body ? json_text(r->mem, body, JSON_COMPACT) : raw,
		.total_ms = 30000,
	};
	struct client_response *got;
	if (client_fetch(r->w->s.client, r->mem, &q, &got)) {
		print_message("%.*s %.*s: %.*s\n", STR(method), STR(path), STR(err_text()));
		fail();
	}
	return got;
}

static struct str set_cookie(const struct client_response *got, struct str name)
{
	for (size_t i = 0; i < got->header_count; i++) {
		struct str v = got->headers[i].value;
		if (str_eq(got->headers[i].name, S("set-cookie")) && str_starts(v, name) &&
		    v.at[name.len] == '=')
			return str_sub(v, name.len + 1, str_find_char(v, ';') - name.len - 1);
	}
	return S("");
}

static void sign_in(struct replay *r)
{
	struct json *body = json_obj(r->mem);
	json_set_str(r->mem, body, S("email"), S("a@example.com"));
	json_set_str(r->mem, body, S("password"), S(PASSWORD_BASE64));
	const struct client_response *got = send(r, S("POST"), S("/console/api/login"), body, S(""), false);
	assert_int_equal(got->status, 200);
	assert_true(str_eq(got->body, S("{\"result\":\"success\"}")));
	r->csrf = set_cookie(got, S("csrf_token"));
	r->cookie = arena_printf(r->mem, "access_token=%.*s; refresh_token=%.*s; csrf_token=%.*s",
				 STR(set_cookie(got, S("access_token"))),
				 STR(set_cookie(got, S("refresh_token"))), STR(r->csrf));
}

static struct json *body_of(struct replay *r, const struct json *request)
{
	const struct json *body = json_get(request, S("body"));
	struct json *v = NULL;
	if (!body)
		return NULL;
	struct str text = filled(r, json_text(r->mem, body, JSON_COMPACT));
	if (str_has(r->name, S("stale hash")))
		json_set_str(r->mem, (struct json *)body, S("hash"), S("stale"));
	else if (json_parse(r->mem, text, &v) == 0)
		return v;
	return json_copy(r->mem, body);
}

/* A body that was sent as plain text; the hash in it is the recorded draft's. */
static struct str raw_of(struct replay *r, const struct json *request)
{
	struct str raw = filled(r, json_get_str(request, S("body_raw"))), mark = S("\"hash\": \"");
	size_t at = str_find(raw, mark);
	struct str *hash = map_get(&r->bound, S("<hash>"));
	if (at == SIZE_MAX || !hash)
		return raw;
	return arena_printf(r->mem, "%.*s%.*s\"}", STR(str_sub(raw, 0, at + mark.len)), STR(*hash));
}

static void replay_case(struct replay *r, const struct json *c)
{
	const struct json *q = json_get(c, S("request")), *want = json_get(c, S("response"));
	struct json *got_body = NULL;
	r->name = json_get_str(c, S("case"));
	if (differs_why(r, ""))
		return;
	const struct client_response *got =
		send(r, json_get_str(q, S("method")), filled(r, json_get_str(q, S("path"))),
		     body_of(r, q), raw_of(r, q), true);
	r->cases++;
	if (got->status != (int)json_get_int(want, S("status"), 0)) {
		struct json *seen = json_str(r->mem, got->body);
		complain(r, "", "another status", json_get(want, S("status")), seen);
		return;
	}
	const struct json *body = json_get(want, S("body"));
	if (!body)
		return;
	if (json_parse(r->mem, got->body, &got_body))
		complain(r, "", "no JSON", body, json_str(r->mem, got->body));
	else
		compare(r, "", body, got_body);
}

static struct json *golden(struct replay *r, const char *file)
{
	const char *dir = getenv("TATARA_SHARED"), *source = getenv("TATARA_SOURCE");
	struct str path = dir ? arena_printf(r->mem, "%s/golden/console/%s.json", dir, file)
			      : arena_printf(r->mem, "%s/../shared/golden/console/%s.json",
					     source ? source : ".", file);
	FILE *f = fopen(arena_cstr(r->mem, path), "rb");
	struct buf b = buf_make(r->mem, 0);
	char piece[1024];
	struct json *v;
	assert_non_null(f);
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_put(&b, str_of(piece, n));
	fclose(f);
	assert_int_equal(json_parse(r->mem, buf_str(&b), &v), 0);
	/* The recording's people are called otherwise. */
	struct buf t = buf_make(r->mem, 0);
	json_write(&t, v, JSON_COMPACT);
	struct str rest = buf_str(&t), from = S("admin@example.com");
	struct buf out = buf_make(r->mem, 0);
	for (size_t at; (at = str_find(rest, from)) != SIZE_MAX; rest = str_skip(rest, at + from.len)) {
		buf_put(&out, str_sub(rest, 0, at));
		buf_puts(&out, "a@example.com");
	}
	buf_put(&out, rest);
	assert_int_equal(json_parse(r->mem, buf_str(&out), &v), 0);
	return v;
}

/* A run from the editor, as the recorded lists show them. */
static void debug_run(struct replay *r, const char *app, const char *path, const char *text)
{
	struct json *body;
	struct str url = arena_printf(r->mem, "/console/api/apps/%.*s/%s", STR(value_of(r, str_c(app))),
				      path);
	assert_int_equal(json_parse(r->mem, str_c(text), &body), 0);
	const struct client_response *got = send(r, S("POST"), url, body, S(""), true);
	assert_int_equal(got->status, 200);
	assert_true(str_has(got->body, S("\"event\":\"workflow_finished\"")));
	assert_true(str_has(got->body, S("\"email\":\"a@example.com\"")));
}

static void debug_runs(struct replay *r)
{
	debug_run(r, "<app_id:wf_ifelse>", "workflows/draft/run",
		  "{\"inputs\":{\"n\":7},\"files\":[]}");
	debug_run(r, "<app_id:cf_llm>", "advanced-chat/workflows/draft/run",
		  "{\"inputs\":{},\"query\":\"hi\",\"files\":[]}");
}

static struct json *call(struct replay *r, const char *method, const char *path, const char *text,
			 int want)
{
	struct json *body = NULL, *out = NULL;
	if (text)
		assert_int_equal(json_parse(r->mem, filled(r, str_c(text)), &body), 0);
	const struct client_response *got =
		send(r, str_c(method), filled(r, str_c(path)), body, S(""), true);
	if (got->status != want)
		print_message("%s %s: %d %.*s\n", method, path, got->status, STR(got->body));
	assert_int_equal(got->status, want);
	if (got->body.len)
		assert_int_equal(json_parse(r->mem, got->body, &out), 0);
	return out;
}

#define CREDENTIALS                                                                                \
	"/console/api/workspaces/current/model-providers/langgenius/openai_api_compatible/"          \
	"openai_api_compatible/models/credentials"

/* A model by the recorded forms, then by our own; the key never comes back. */
static void own_models(struct replay *r)
{
	bind(r, S("<model_url>"), r->w->model_url);
	const char *add = "{\"model\":\"second\",\"model_type\":\"llm\",\"name\":\"k1\",\"credentials\":{"
			  "\"endpoint_url\":\"<model_url>/v1\",\"api_key\":\"sk-very-secret-key\","
			  "\"context_size\":\"4096\",\"function_calling_type\":\"tool_call\"}}";
	call(r, "POST", CREDENTIALS, add, 201);
	assert_true(r->w->model_calls > 0);
	call(r, "POST", CREDENTIALS, add, 400);
	struct json *v = call(r, "GET", CREDENTIALS "?model=second&model_type=llm", NULL, 200);
	struct str shown = json_text(r->mem, v, JSON_COMPACT);
	assert_false(str_has(shown, S("very-secret")));
	assert_true(str_has(shown, S("\"api_key\":\"********************\"")));
	assert_true(str_has(shown, S("\"current_credential_name\":\"k1\"")));
	v = call(r, "GET", "/console/api/workspaces/current/models/model-types/llm", NULL, 200);
	shown = json_text(r->mem, v, JSON_COMPACT);
	assert_true(str_has(shown, S("\"context_size\":4096")));
	assert_true(str_has(shown, S("\"multi-tool-call\"")));
	call(r, "POST", "/console/api/workspaces/current/default-model",
	     "{\"model_settings\":[{\"model_type\":\"llm\",\"provider\":\"openai_api_compatible\","
	     "\"model\":\"second\"}]}", 200);
	v = call(r, "GET", "/console/api/workspaces/current/default-model?model_type=llm", NULL, 200);
	assert_true(str_eq(json_get_str(json_get(v, S("data")), S("model")), S("second")));
	v = call(r, "GET", "/console/api/tatara/models", NULL, 200);
	assert_true(json_len(json_get(v, S("data"))) >= 2 && json_len(json_get(v, S("providers"))) > 5);
	assert_false(str_has(json_text(r->mem, v, JSON_COMPACT), S("very-secret")));
	v = call(r, "POST", "/console/api/tatara/models",
		 "{\"name\":\"third\",\"base_url\":\"<model_url>/v1\",\"check\":true,\"default\":true}", 201);
	bind(r, S("<third_id>"), json_get_str(v, S("id")));
	call(r, "POST", "/console/api/tatara/models/check",
	     "{\"name\":\"x\",\"base_url\":\"http://127.0.0.1:9/v1\"}", 400);
	call(r, "DELETE", "/console/api/tatara/models/<third_id>", NULL, 204);
	call(r, "DELETE", CREDENTIALS, "{\"model\":\"second\",\"model_type\":\"llm\"}", 204);
	v = call(r, "GET", "/console/api/tatara/status", NULL, 200);
	assert_true(json_get_bool(json_get(v, S("database")), S("alive"), false));
}

/* Ten keys an app; a key is whole in the answer that made it and nowhere else. */
static void own_keys(struct replay *r)
{
	struct json *v = NULL;
	for (int i = 0; i < 10; i++)
		v = call(r, "POST", "/console/api/apps/<app_id:wf_echo>/api-keys", NULL,
			 i < 9 ? 201 : 400); /* the world made one */
	assert_true(str_eq(json_get_str(v, S("custom")), S("max_keys_exceeded")));
	v = call(r, "GET", "/console/api/apps/<app_id:wf_echo>/api-keys", NULL, 200);
	assert_int_equal(json_len(json_get(v, S("data"))), 10);
	json_each(json_get(v, S("data")), it)
		assert_true(str_has(json_get_str(it, S("token")), S("...")));
}

/* A turn from the editor shows up in no list of the users' conversations, but its messages do by
 * id; feedback sticks. */
static void own_logs(struct replay *r)
{
	struct json *v = call(r, "GET", "/console/api/apps/<app_id:chat_plain>", NULL, 200);
	struct json *q = json_obj(r->mem);
	json_set_str(r->mem, q, S("query"), S("hi"));
	json_set_str(r->mem, q, S("response_mode"), S("blocking"));
	json_set(r->mem, q, S("inputs"), json_obj(r->mem));
	json_set(r->mem, q, S("model_config"), json_get(v, S("model_config")));
	v = call(r, "POST", "/console/api/apps/<app_id:chat_plain>/chat-messages",
		 arena_cstr(r->mem, json_text(r->mem, q, JSON_COMPACT)), 200);
	assert_true(str_eq(json_get_str(v, S("answer")), S("You said: hi")));
	bind(r, S("<c_id>"), json_get_str(v, S("conversation_id")));
	bind(r, S("<m_id>"), json_get_str(v, S("message_id")));
	v = call(r, "GET",
		 "/console/api/apps/<app_id:chat_plain>/chat-messages?conversation_id=<c_id>", NULL, 200);
	assert_int_equal(json_len(json_get(v, S("data"))), 1);
	assert_true(str_eq(json_get_str(json_at(json_get(v, S("data")), 0), S("from_source")),
			   S("console")));
	call(r, "POST", "/console/api/apps/<app_id:chat_plain>/feedbacks",
	     "{\"message_id\":\"<m_id>\",\"rating\":\"like\"}", 200);
	v = call(r, "GET", "/console/api/apps/<app_id:chat_plain>/messages/<m_id>", NULL, 200);
	assert_int_equal(json_len(json_get(v, S("feedbacks"))), 1);
	call(r, "GET", "/console/api/apps/<app_id:chat>/messages/<m_id>", NULL, 404);
	call(r, "GET", "/console/api/apps/<app_id:chat_plain>/chat-conversations", NULL, 200);
	call(r, "GET", "/console/api/apps/<app_id:chat_plain>/chat-conversations/<c_id>", NULL, 200);
	call(r, "DELETE", "/console/api/apps/<app_id:chat_plain>/chat-conversations/<c_id>", NULL, 204);
}

static void replay(struct world *w, const char *file)
{
	static const struct route_table *const tables[] = { &console_routes };
	struct replay r = { .w = w, .mem = w->mem, .bound = map_make(w->mem), .file = file };
	struct router *router;
	struct http_server *server;
	int fd;
	assert_int_equal(router_open(tables, countof(tables), &w->s, &router), 0);
	assert_int_equal(listen_open(S("127.0.0.1:0"), &fd), 0);
	r.url = arena_printf(w->mem, "http://%.*s", STR(listen_name(w->mem, fd)));
	struct http_options o = { .handler = router_handle, .ctx = router, .on_error = router_error,
				  .body_limit = 32 << 20 };
	assert_int_equal(http_serve(&o, &fd, 1, &server), 0);
	sign_in(&r);
	const struct client_response *out = send(&r, S("GET"), S("/console/api/apps"), NULL, S(""), false);
	assert_int_equal(out->status, 401);
	if (!strcmp(file, "apps")) /* is looked for by its name */
		value_of(&r, S("<app_id:wf_loop>"));
	if (!strcmp(file, "workflow-runs"))
		debug_runs(&r);
	json_each(json_get(golden(&r, file), S("cases")), c)
		replay_case(&r, c);
	if (!strcmp(file, "model-credentials"))
		own_models(&r);
	if (!strcmp(file, "api-keys"))
		own_keys(&r);
	if (!strcmp(file, "account"))
		own_logs(&r);
	print_message("%s: %d cases, %d differences\n", file, r.cases, r.bad);
	http_server_drain(server, deadline_in_ms(1000));
	http_server_close(server);
	router_close(router);
	assert_true(r.cases > 3);
	assert_int_equal(r.bad, 0);
}

#define REPLAY(name, file)                                                                         \
	static void name##_body(struct world *w)                                                   \
	{                                                                                          \
		replay(w, file);                                                                   \
	}                                                                                          \
	static void name(void **unused)                                                            \
	{                                                                                          \
		(void)unused;                                                                      \
		with_world(name##_body);                                                           \
	}
REPLAY(account, "account")
REPLAY(workspaces, "workspaces")
REPLAY(features, "features")
REPLAY(api_keys, "api-keys")
REPLAY(apps, "apps")
REPLAY(apps_import, "apps-import")
REPLAY(drafts, "workflow-draft")
REPLAY(site_settings, "site-settings")
REPLAY(workflow_runs, "workflow-runs")
REPLAY(model_credentials, "model-credentials")

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(account),  cmocka_unit_test(workspaces),
		cmocka_unit_test(features), cmocka_unit_test(api_keys),
		cmocka_unit_test(apps),	    cmocka_unit_test(apps_import),
		cmocka_unit_test(drafts), cmocka_unit_test(site_settings),
		cmocka_unit_test(workflow_runs),
		cmocka_unit_test(model_credentials),
	};
	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
