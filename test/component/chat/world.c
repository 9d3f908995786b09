/* SPDX-License-Identifier: Apache-2.0 */
/* world: see world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "account/account.h"
#include "app/app.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "chat/chat.h"
#include "model/model.h"
#include "net/client.h"
#include "net/guard.h"
#include "store/blob/blob.h"
#include "store/broker/broker.h"
#include "store/db/db.h"
#include "world.h"

static void ok(status failed, const char *what)
{
	if (failed)
		print_message("%s: %.*s (%s)\n", what, STR(err_text()), err_last()->detail);
	assert_int_equal(failed, 0);
}
#define OK(call) ok((call), #call)

/* --- the model --- */

static struct str message_text(const struct json *m)
{
	const struct json *content = json_get(m, S("content"));
	struct str text = json_as_str(content, S(""));
	json_each(content, part)
		if (json_get(part, S("text")))
			text = json_get_str(part, S("text"));
	return text;
}

/* Words with the blanks behind them, as the recorded model counted. */
static size_t next_word(struct str t, size_t from)
{
	size_t i = from;
	while (i < t.len && t.at[i] != ' ' && t.at[i] != '\n')
		i++;
	while (i < t.len && (t.at[i] == ' ' || t.at[i] == '\n'))
		i++;
	return i;
}

static int count_words(struct str t)
{
	int n = 0;
	for (size_t i = 0; i < t.len; i = next_word(t, i))
		n++;
	return n;
}

struct model_call {
	struct http *h;
	struct str answer;
	int prompt_words;
	bool slow;
};

/* What the recorded model would say; the HTTP status of a failure. */
static int decide(struct world *w, struct model_call *c, struct str body)
{
	struct json *q;
	struct str last = S(""), all = S("");
	OK(json_parse(c->h->mem, body, &q));
	json_each(json_get(q, S("messages")), m) {
		last = message_text(m);
		all = arena_printf(c->h->mem, "%.*s\n%.*s", STR(all), STR(last));
		c->prompt_words += count_words(last);
	}
	if (str_has(all, S("concise chat title"))) {
		c->answer = S("{\"Your Output\": \"Mock title\"}");
	} else if (str_has(all, S("three most likely questions"))) {
		c->answer = S("[\"First question?\", \"Second question?\", \"Third question?\"]");
	} else if (str_has(last, S("[[fail:500]]"))) {
		return 500;
	} else if (str_has(last, S("[[slow]]"))) {
		c->slow = true;
		c->answer = S("t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18 "
			      "t19 t20 t21 t22 t23 t24 t25 t26 t27 t28 t29");
	} else if (str_has(last, S("[[word]]"))) {
		c->answer = S("hello this is a forbidden word");
	} else {
		c->answer = arena_printf(c->h->mem, "You said: %.*s", STR(last));
	}
	w->model_tokens = c->prompt_words;
	return 200;
}

static status send_chunk(struct model_call *c, struct str piece, bool last, int words)
{
	struct buf b = buf_make(c->h->mem, 0);
	buf_puts(&b, "data: "
		     "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":"
		     "0,\"delta\":{\"content\":");
	json_write_string(&b, piece, JSON_COMPACT);
	buf_printf(&b, "},\"finish_reason\":%s}]", last ? "\"stop\"" : "null");
	if (last)
		buf_printf(&b,
			   ",\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_"
			   "tokens\":%d}",
			   c->prompt_words, words, c->prompt_words + words);
	buf_puts(&b, "}\n\n");
	return http_write(c->h, buf_str(&b)) || http_flush(c->h) ? -1 : 0;
}

enum { EMBED_DIMS = 48 };

/* A bag of words: each adds to three places of its own. */
static void write_vector(struct buf *b, struct str text)
{
	int v[EMBED_DIMS] = {1};
	for (size_t i = 0, n; i < text.len; i = n) {
		unsigned hash = 5381;
		n = next_word(text, i);
		for (size_t k = i; k < n; k++)
			if (text.at[k] != ' ')
				hash = hash * 33 + (unsigned char)text.at[k];
		v[hash % EMBED_DIMS] += 4;
		v[hash / EMBED_DIMS % EMBED_DIMS] += 3;
		v[hash / EMBED_DIMS / EMBED_DIMS % EMBED_DIMS] += 2;
	}
	for (int i = 0; i < EMBED_DIMS; i++)
		buf_printf(b, "%s%d", i ? "," : "", v[i]);
}

static status embed_handler(struct http *h, struct world *w)
{
	struct str body;
	struct json *q;
	struct buf b = buf_make(h->mem, 0);
	int i = 0;
	if (http_body(h, &body))
		return -1;
	OK(json_parse(h->mem, body, &q));
	bool refuse = w->embed_down;
	json_each(json_get(q, S("input")), text)
		refuse = refuse || str_has(json_as_str(text, S("")), S("[[refuse]]"));
	if (refuse)
		return http_reply(h, 400, S("application/json"),
				  S("{\"error\":{\"message\":\"too long for me\"}}"));
	buf_puts(&b, "{\"data\":[");
	json_each(json_get(q, S("input")), text) {
		buf_printf(&b, "%s{\"index\":%d,\"embedding\":[", i ? "," : "", i);
		write_vector(&b, json_as_str(text, S("")));
		buf_puts(&b, "]}");
		w->embed_texts++;
		i++;
	}
	buf_puts(&b, "]}");
	return http_reply(h, 200, S("application/json"), buf_str(&b));
}

static status model_handler(struct http *h, void *ctx)
{
	struct world *w = ctx;
	if (str_ends(h->path, S("/embeddings")))
		return embed_handler(h, w);
	struct model_call c = {.h = h};
	struct str body;
	if (http_body(h, &body))
		return -1;
	int code = decide(w, &c, body);
	w->model_calls++;
	if (code != 200)
		return http_reply(
			h, code, S("application/json"),
			S("{\"error\":{\"message\":\"mock failure\",\"type\":\"server_error\"}}"));
	if (http_begin(h, 200, S("text/event-stream")))
		return -1;
	for (size_t i = 0, n; i < c.answer.len; i = n) {
		n = next_word(c.answer, i);
		if (send_chunk(&c, str_sub(c.answer, i, n - i), false, 0) ||
		    (c.slow && fiber_sleep_ms(20)))
			return -1;
		while (w->hold && c.slow && i > c.answer.len / 2)
			if (fiber_sleep_ms(5))
				return -1;
	}
	if (send_chunk(&c, S(""), true, count_words(c.answer)) ||
	    http_write(h, S("data: [DONE]\n\n")))
		return -1;
	return http_end(h);
}

/* --- the server --- */

static struct str serve(struct world *w, http_handler handler, void *ctx,
			status (*on_error)(struct http *, void *), struct http_server **out)
{
	int fd;
	OK(listen_open(S("127.0.0.1:0"), &fd));
	struct http_options o = {.handler = handler, .ctx = ctx, .on_error = on_error};
	OK(http_serve(&o, &fd, 1, out));
	return arena_printf(w->mem, "http://%.*s", STR(listen_name(w->mem, fd)));
}

static void add_embedding(struct world *w, struct str name)
{
	struct model_set m = {.tenant_id = w->tenant_id,
			      .provider = S("openai_api_compatible"),
			      .name = name,
			      .type = MODEL_EMBEDDING,
			      .base_url = arena_printf(w->mem, "%.*s/v1", STR(w->model_url)),
			      .api_key = S("k")};
	struct str id;
	OK(models_set(w->s.models, w->mem, &m, &id));
}

static void add_model(struct world *w)
{
	struct json *settings = json_obj(w->mem);
	json_set_str(w->mem, settings, S("vision_support"), S("support"));
	struct model_set m = {.tenant_id = w->tenant_id,
			      .provider = S("openai_api_compatible"),
			      .name = S("mock"),
			      .type = MODEL_LLM,
			      .base_url = arena_printf(w->mem, "%.*s/v1", STR(w->model_url)),
			      .api_key = S("k"),
			      .settings = settings};
	struct str id;
	OK(models_set(w->s.models, w->mem, &m, &id));
	OK(models_default_set(w->s.models, w->tenant_id, MODEL_LLM, m.provider, m.name));
}

struct opened {
	struct world w;
	void (*body)(struct world *);
	struct str dir;
	struct guard *guard;
};

/* A schema of its own in the PostgreSQL server that tests are given; empty without one. */
static struct str new_schema(struct world *w)
{
	const char *pg = getenv("TATARA_TEST_PG");
	struct db_options o = {.postgres = str_c(pg)};
	struct db *db;
	if (!pg || !*pg)
		return (struct str){0};
	struct str name = arena_printf(w->mem, "world_%.*s", STR(str_sub(id_uuid(w->mem), 0, 8)));
	OK(db_open(&o, &db));
	OK(db_script(db, arena_printf(w->mem, "CREATE SCHEMA %.*s", STR(name))));
	db_close(db);
	return arena_printf(w->mem, "%s options='-c search_path=%.*s'", pg, STR(name));
}

static void open_stores(struct opened *o)
{
	struct world *w = &o->w;
	struct db_options db = {.sqlite_path = arena_printf(w->mem, "%.*s/t.db", STR(o->dir)),
				.postgres = new_schema(w)};
	struct migrate_report report;
	OK(db_open(&db, &w->s.db));
	OK(db_migrate(w->s.db, false, &report));
	struct broker_options br = {.db = w->s.db,
				    .run_dir = arena_printf(w->mem, "%.*s/run", STR(o->dir))};
	OK(broker_open(&br, &w->s.broker));
	OK(blob_open_dir(arena_printf(w->mem, "%.*s/files", STR(o->dir)), &w->s.blob));
}

static void open_services(struct opened *o)
{
	struct world *w = &o->w;
	struct config *config;
	const char *const env[] = {"SECRET_KEY=test", "FILES_URL=http://files.example", NULL};
	OK(config_load(w->mem, env, (struct str){0}, &config));
	w->s.config = config;
	w->s.secret = S("test");
	open_stores(o);
	struct guard_options g = {.allow_addresses = S("127.0.0.1")};
	OK(guard_open(&g, &o->guard));
	struct client_options c = {.guard = o->guard};
	OK(client_open(&c, &w->s.client));
	struct accounts_options a = {w->s.db, w->s.broker, config, w->s.secret};
	OK(accounts_open(&a, &w->s.accounts));
	struct apps_options ap = {.db = w->s.db, .config = config, .seal_key = w->s.seal_key};
	OK(apps_open(&ap, &w->s.apps));
	struct models_options m = {
		.db = w->s.db, .client = w->s.client, .config = config, .seal_key = w->s.seal_key};
	OK(models_open(&m, &w->s.models));
	struct chats_options ch = {w->s.db, w->s.broker, w->s.models, config, w->s.accounts};
	OK(chats_open(&ch, &w->s.chats));
	struct flow_options f = {.db = w->s.db,
				 .broker = w->s.broker,
				 .blob = w->s.blob,
				 .models = w->s.models,
				 .client = w->s.client,
				 .config = config,
				 .seal_key = w->s.seal_key,
				 .process_name = S("test"),
				 .hooks = chat_hooks(w->s.chats)};
	OK(flow_open(&f, &w->s.flow));
	chats_attach(w->s.chats, w->s.flow);
}

static void setup(struct world *w)
{
	struct account *a;
	OK(setup_create(w->s.accounts, w->mem, S("a@example.com"), S("admin"), S("password1"),
			S("en-US"), S("127.0.0.1"), &a));
	OK(tenant_first(w->s.accounts, w->mem, &w->tenant_id));
	w->account_id = a->id;
	add_model(w);
	add_embedding(w, S("embed"));
	add_embedding(w, S("embed-2"));
}

static status run_world(void *arg)
{
	struct opened *o = arg;
	struct world *w = &o->w;
	struct http_server *model, *server;
	struct router *router;
	static const struct route_table *const tables[] = {&service_routes, &site_routes,
							   &file_routes};
	open_services(o);
	w->model_url = serve(w, model_handler, w, NULL, &model);
	setup(w);
	OK(router_open(tables, countof(tables), &w->s, &router));
	w->url = serve(w, router_handle, router, router_error, &server);
	o->body(w);
	http_server_drain(server, deadline_in_ms(1000));
	flow_drain(w->s.flow, deadline_in_ms(2000));
	http_server_drain(model, deadline_in_ms(1000));
	http_server_close(server);
	http_server_close(model);
	router_close(router);
	flow_close(w->s.flow);
	chats_close(w->s.chats);
	models_close(w->s.models);
	apps_close(w->s.apps);
	accounts_close(w->s.accounts);
	client_close(w->s.client);
	guard_close(o->guard);
	blob_close(w->s.blob);
	broker_close(w->s.broker);
	db_close(w->s.db);
	return 0;
}

void with_world(void (*body)(struct world *))
{
	char dir[] = "/tmp/tatara-chat-XXXXXX";
	assert_non_null(mkdtemp(dir));
	AUTO(arena) mem = {arena_open(0)};
	struct opened o = {.w = {.mem = mem.p}, .body = body, .dir = str_c(dir)};
	crypt_init();
	log_setup(LOG_ERROR, false, "test");
	OK(rt_run(&(struct rt_options){.stall_ms = -1}, run_world, &o));
	char command[64];
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* --- apps --- */

static struct str golden_app(struct world *w, const char *name)
{
	const char *dir = getenv("TATARA_SHARED"), *source = getenv("TATARA_SOURCE");
	struct str path = dir ? arena_printf(w->mem, "%s/golden/apps/%s.yml", dir, name)
			      : arena_printf(w->mem, "%s/../shared/golden/apps/%s.yml",
					     source ? source : ".", name);
	FILE *f = fopen(arena_cstr(w->mem, path), "rb");
	if (!f)
		print_message("%.*s is not there\n", STR(path));
	assert_non_null(f);
	struct buf b = buf_make(w->mem, 0);
	char piece[1024];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_put(&b, str_of(piece, n));
	fclose(f);
	return buf_str(&b);
}

struct world_app world_app(struct world *w, const char *name)
{
	struct import_request q = {.yaml = golden_app(w, name),
				   .tenant_id = w->tenant_id,
				   .account_id = w->account_id};
	struct import_result r;
	struct app *app;
	struct site *site;
	struct api_key *key;
	struct world_app out;
	OK(app_import(w->s.apps, w->mem, &q, &r));
	if (!str_starts(r.status, S("completed")))
		print_message("import of %s: %.*s %.*s\n", name, STR(r.status), STR(r.error));
	assert_true(str_starts(r.status, S("completed")));
	if (str_eq(r.app_mode, S("workflow")) || str_eq(r.app_mode, S("advanced-chat"))) {
		struct workflow *wf;
		OK(workflow_publish(w->s.apps, w->mem, w->tenant_id, r.app_id, S(""), S(""),
				    w->account_id, &wf));
	}
	OK(app_get(w->s.apps, w->mem, w->tenant_id, r.app_id, &app));
	OK(key_create(w->s.accounts, w->mem, w->tenant_id, app->id, S("app"), &key, &out.key));
	OK(site_get(w->s.apps, w->mem, app->id, &site));
	out.id = app->id;
	out.site_code = site->code;
	return out;
}

/* --- requests --- */

static struct world_reply fetch(struct world *w, const char *method, struct http_header *headers,
				size_t n, struct str path, struct str body)
{
	struct client_request q = {.method_text = str_c(method),
				   .url = arena_printf(w->mem, "%.*s%.*s", STR(w->url), STR(path)),
				   .headers = headers,
				   .header_count = n,
				   .body = body,
				   .total_ms = 30000};
	struct client_response *r;
	OK(client_fetch(w->s.client, w->mem, &q, &r));
	struct world_reply out = {.status = r->status, .body = r->body, .head = r};
	if (json_parse(w->mem, r->body, &out.json))
		out.json = NULL;
	return out;
}

struct world_reply world_call(struct world *w, const char *method, struct str key, struct str path,
			      const char *body)
{
	struct http_header h[2];
	size_t n = 0;
	if (key.len)
		h[n++] = (struct http_header){S("Authorization"),
					      arena_printf(w->mem, "Bearer %.*s", STR(key))};
	if (body)
		h[n++] = (struct http_header){S("Content-Type"), S("application/json")};
	return fetch(w, method, h, n, path, str_c(body));
}

struct world_reply world_site(struct world *w, const char *method, struct str passport,
			      struct str path, const char *body)
{
	struct http_header h[2] = {
		{S("X-App-Passport"), passport             },
                {S("Content-Type"),   S("application/json")}
        };
	return fetch(w, method, h, body ? 2 : 1, path, str_c(body));
}

struct world_reply world_upload(struct world *w, struct str key, const char *name, const char *type,
				struct str bytes)
{
	struct http_header h[2] = {
		{S("Authorization"), arena_printf(w->mem, "Bearer %.*s", STR(key))},
		{S("Content-Type"),         S("multipart/form-data; boundary=xYx")                           }
        };
	struct buf b = buf_make(w->mem, 0);
	buf_printf(&b,
		   "--xYx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n",
		   name);
	if (type)
		buf_printf(&b, "Content-Type: %s\r\n", type);
	buf_puts(&b, "\r\n");
	buf_put(&b, bytes);
	buf_puts(&b, "\r\n--xYx\r\nContent-Disposition: form-data; "
		     "name=\"user\"\r\n\r\nu1\r\n--xYx--\r\n");
	return fetch(w, "POST", h, 2, S("/v1/files/upload"), buf_str(&b));
}

struct str world_text(const struct world_reply *r, const char *dotted)
{
	return json_as_str(json_path(r->json, dotted), S(""));
}
