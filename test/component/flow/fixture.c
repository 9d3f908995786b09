/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/map.h"
#include "model/model.h"
#include "net/client.h"
#include "net/http.h"
#include "os/os.h"
#include "store/blob/blob.h"
#include "store/broker/broker.h"
#include "store/db/db.h"
#include "tool/code.h"

const char *const key_text = "0123456789abcdef0123456789abcdef";

static void must(status st, const char *what)
{
	if (st == 0)
		return;
	fprintf(stderr, "%s: %.*s (%s)\n", what, STR(err_text()), err_last()->detail);
	abort();
}

/* --- the model server --- */

static struct str last_user_text(const struct json *messages)
{
	struct str text = S("");
	json_each(messages, m) {
		const struct json *c = json_get(m, S("content"));
		if (!str_eq(json_get_str(m, S("role")), S("user")))
			continue;
		text = json_as_str(c, S(""));
		json_each(c, part)
			if (json_get(part, S("text")))
				text = json_get_str(part, S("text"));
	}
	return text;
}

static status send_piece(struct http *h, struct str text, const char *finish, int total)
{
	struct json *o = json_obj(h->mem), *choice = json_obj(h->mem), *delta = json_obj(h->mem);
	struct json *list = json_arr(h->mem);
	if (!finish)
		json_set_str(h->mem, delta, S("content"), text);
	json_set_int(h->mem, choice, S("index"), 0);
	json_set(h->mem, choice, S("delta"), delta);
	json_set_str_or_null(h->mem, choice, S("finish_reason"), str_c(finish));
	json_push(h->mem, list, choice);
	json_set(h->mem, o, S("choices"), list);
	if (finish) {
		struct json *u = json_obj(h->mem);
		json_set_int(h->mem, u, S("prompt_tokens"), 6);
		json_set_int(h->mem, u, S("completion_tokens"), total);
		json_set_int(h->mem, u, S("total_tokens"), 6 + total);
		json_set(h->mem, o, S("usage"), u);
	}
	return sse_data(h, S(""), json_text(h->mem, o, JSON_COMPACT));
}

/* Pieces are words with the blanks behind them, as the recorded server cuts them. */
static status answer(struct fixture *f, struct http *h, struct str text)
{
	int n = 0;
	while (text.len) {
		size_t i = 0;
		while (i < text.len && text.at[i] != ' ')
			i++;
		while (i < text.len && text.at[i] == ' ')
			i++;
		if (send_piece(h, str_sub(text, 0, i), NULL, 0))
			return -1;
		text = str_skip(text, i);
		n++;
		if (f->pause_ms && fiber_sleep_ms(f->pause_ms))
			return -1;
		while (f->hold && n >= f->hold)
			if (fiber_sleep_ms(2))
				return -1;
	}
	return send_piece(h, S(""), "stop", n) || sse_data(h, S(""), S("[DONE]")) || sse_end(h) ? -1 : 0;
}

int fixture_calls(const struct fixture *f, struct str prompt)
{
	return (int)(uintptr_t)map_get(f->asked, prompt);
}

static status answer_model(struct http *h, void *ctx)
{
	struct fixture *f = ctx;
	struct str body, text;
	struct json *q;
	if (http_body(h, &body) || json_parse(h->mem, body, &q))
		return -1;
	f->calls++;
	text = last_user_text(json_get(q, S("messages")));
	struct str asked = arena_str(f->mem, text);
	uintptr_t times = (uintptr_t)map_get(f->asked, asked) + 1;
	map_set(f->asked, asked, (void *)times);
	/* Not the kind of failure that the client of models tries again by itself. */
	if (str_starts(text, S("[[flaky]]")) && times <= 2)
		return http_reply(h, 400, S("application/json"), S("{\"error\":{\"message\":\"not now\"}}"));
	if (str_starts(text, S("[[count]]")) && sse_begin(h, 0) == 0) /* never the same twice */
		return answer(f, h, arena_printf(h->mem, "call %d of five words", (int)times));
	if (str_starts(text, S("[[fail]]")))
		return http_reply(h, 500, S("application/json"),
				  S("{\"error\":{\"message\":\"mock failure\",\"type\":\"server_error\"}}"));
	if (sse_begin(h, 0))
		return -1;
	if (str_starts(text, S("[[slow")) && str_find_char(text, ']') != SIZE_MAX) {
		struct buf b = buf_make(h->mem, 0);
		int64_t n = 6;
		(void)!str_to_i64(str_sub(text, 10, 1), &n); /* [[slow:60:6]] */
		for (int64_t i = 0; i < n; i++)
			buf_printf(&b, "%stok%d", i ? " " : "", (int)i);
		return answer(f, h, buf_str(&b));
	}
	bool json = json_get(q, S("response_format")) || str_has(body, S("JSON schema"));
	if (json)
		return answer(f, h, S("{\"name\": \"Ann\", \"age\": 30}"));
	return answer(f, h, arena_printf(h->mem, "You said: %.*s", STR(text)));
}

static status model_handler(struct http *h, void *ctx)
{
	struct fixture *f = ctx;
	f->open++;
	f->side_by_side = MAX(f->side_by_side, f->open);
	status st = 0;
	while (!st && f->side_by_side < f->gather)
		st = fiber_sleep_ms(2);
	st = st ? st : answer_model(h, ctx);
	f->open--;
	return st;
}

static void open_model(struct fixture *f)
{
	struct http_options o = { .handler = model_handler, .ctx = f };
	struct model_set set = { .tenant_id = S("t1"), .type = MODEL_LLM, .api_key = S("sk"),
				 .provider = S("langgenius/openai_api_compatible/openai_api_compatible"),
				 .name = S("mock") };
	struct str id;
	int fd;
	must(listen_open(S("127.0.0.1:0"), &fd), "listen");
	f->address = listen_name(f->mem, fd);
	must(http_serve(&o, &fd, 1, &f->server), "serve");
	set.base_url = arena_printf(f->mem, "http://%.*s/v1", STR(f->address));
	struct json *settings = json_obj(f->mem);
	json_set_bool(f->mem, settings, S("vision"), true);
	set.settings = settings;
	must(models_set(f->models, f->mem, &set, &id), "model");
}

/* --- the engine --- */

static struct str temp_dir(struct arena *mem)
{
	char *path = arena_cstr(mem, S("/tmp/tatara-flow-XXXXXX"));
	if (!mkdtemp(path))
		abort();
	return str_c(path);
}

void fixture_open(struct fixture *f, struct str dir, const char *name, int64_t lease_ms)
{
	*f = (struct fixture){ .mem = arena_open(0), .hooks = f->hooks, .drafts = f->drafts,
			       .no_model = f->no_model };
	crypt_init();
	f->asked = arena_new(f->mem, struct map);
	*f->asked = map_make(f->mem);
	f->dir = dir.len ? arena_str(f->mem, dir) : temp_dir(f->mem);
	struct migrate_report report;
	const char *pg = getenv("TATARA_TEST_PG");
	struct db_options db = { .sqlite_path = arena_printf(f->mem, "%.*s/test.db", STR(f->dir)) };
	if (pg)
		db.postgres = str_c(pg);
	must(db_open(&db, &f->db), "db");
	must(db_migrate(f->db, false, &report), "migrate");
	struct broker_options broker = { .db = f->db, .run_dir = f->dir };
	must(broker_open(&broker, &f->broker), "broker");
	must(blob_open_dir(f->dir, &f->blob), "blob");
	struct client_options client = { 0 };
	must(client_open(&client, &f->client), "client");
	sandbox_stub_open(&f->sandbox, f->mem);
	struct code_options code = { .client = f->client, .key = S("k"),
				     .endpoint = arena_printf(f->mem, "http://%.*s", STR(f->sandbox.address)) };
	must(code_open(&code, &f->code), "code");
	struct models_options models = { .db = f->db, .client = f->client,
					 .seal_key = (const unsigned char *)key_text };
	must(models_open(&models, &f->models), "models");
	if (!f->no_model)
		open_model(f);
	struct flow_options flow = { .db = f->db, .broker = f->broker, .blob = f->blob,
				     .models = f->models, .client = f->client, .code = f->code, .lease_ms = lease_ms,
				     .seal_key = (const unsigned char *)key_text,
				     .process_name = str_c(name), .hooks = f->hooks, .drafts = f->drafts };
	must(flow_open(&flow, &f->flow), "flow");
}

void fixture_serve(struct fixture *f)
{
	f->service = group_open(DEADLINE_NONE);
	must(group_spawn(f->service, "flow-service", flow_service, f->flow), "service");
}

void fixture_close(struct fixture *f)
{
	group_close(f->service);
	flow_close(f->flow);
	if (f->server) {
		http_server_drain(f->server, deadline_in_ms(100));
		http_server_close(f->server);
	}
	sandbox_stub_close(&f->sandbox);
	code_close(f->code);
	models_close(f->models);
	client_close(f->client);
	blob_close(f->blob);
	broker_close(f->broker);
	db_close(f->db);
	arena_close(f->mem);
}

struct flow_graph *fixture_graph(struct fixture *f, const char *json)
{
	struct flow_graph *g;
	struct json *v;
	must(json_parse(f->mem, str_c(json), &v), "graph text");
	must(flow_graph_load(f->flow, S(""), v, &g), "graph");
	return g;
}

struct str fixture_start(struct fixture *f, struct flow_graph *g, const char *mode, const char *inputs,
			 const char *system)
{
	struct json *in, *sys;
	struct str id;
	must(json_parse(f->mem, str_c(inputs), &in), "inputs");
	must(json_parse(f->mem, str_c(system), &sys), "system");
	struct flow_start start = {
		.info = { .tenant_id = S("t1"), .app_id = S("app1"), .workflow_id = S("wf1"),
			  .app_mode = str_c(mode), .from = S("app-run"), .created_by = S("eu1"),
			  .user = S("u1") },
		.graph = g, .inputs = in, .system = sys,
	};
	must(flow_run_start(f->flow, f->mem, &start, &id), "start");
	return id;
}

static void line(struct buf *b, struct arena *mem, const struct flow_event *e)
{
	struct json *d;
	must(json_parse(mem, e->data, &d), "event data");
	if (e->type == FLOW_CHUNK || e->type == FLOW_REPLACE) {
		buf_printf(b, "%s %.*s '%.*s'", e->type == FLOW_CHUNK ? "chunk" : "replace",
			   STR(e->selector), STR(e->text));
	} else {
		struct str id = json_get_str(d, S("node_id")), state = json_get_str(d, S("status"));
		buf_printf(b, "%.*s%s%.*s%s%.*s", STR(flow_event_name(e->type)), id.len ? " " : "", STR(id),
			   state.len ? " " : "", STR(state));
		if (e->type == FLOW_ITERATION_NEXT || e->type == FLOW_LOOP_NEXT)
			buf_printf(b, " %d", (int)json_get_int(d, S("index"), -1));
		if (e->type == FLOW_ITERATION_COMPLETED || e->type == FLOW_LOOP_COMPLETED) {
			buf_putc(b, ' ');
			json_write(b, json_get(d, S("outputs")), JSON_COMPACT);
		}
	}
	buf_putc(b, '\n');
}

struct str fixture_events(struct fixture *f, struct str run_id, int64_t after)
{
	struct flow_feed *feed;
	struct buf b = buf_make(f->mem, 0);
	must(flow_follow(f->flow, run_id, after, &feed), "follow");
	for (bool end = false; !end;) {
		struct flow_event e;
		must(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), "next");
		if (!end) {
			if (e.seq <= after)
				buf_printf(&b, "OUT OF ORDER at %d\n", (int)e.seq);
			after = e.seq;
			line(&b, f->mem, &e);
		}
	}
	flow_feed_close(feed);
	return buf_str(&b);
}

void fixture_await(struct fixture *f, struct str run_id, enum flow_event_type type, const char *text)
{
	struct flow_feed *feed;
	struct flow_event e = { 0 };
	bool end = false;
	while (flow_follow(f->flow, run_id, 0, &feed)) /* it may not have been started yet */
		must(fiber_sleep_ms(10), "sleep");
	flow_feed_through_pauses(feed);
	do
		must(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), "next");
	while (!end && (e.type != type || !(str_has(e.data, str_c(text)) || str_has(e.text, str_c(text)))));
	must(end ? err_set(ERR_NOT_FOUND, "the run ended before %s %s", flow_event_name(type).at, text) : 0, "await");
	flow_feed_close(feed);
}

void fixture_expect(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		print_error("got:\n%.*s\nwant:\n%s\n", STR(got), want);
	assert_true(str_eq(got, str_c(want)));
}

struct flow_result *fixture_wait(struct fixture *f, struct str id)
{
	struct flow_result *r;
	if (flow_run_wait(f->flow, f->mem, id, &r, deadline_in_ms(PATIENCE_MS)))
		fail_msg("%.*s", STR(err_text()));
	return r;
}

struct flow_form *fixture_form(struct fixture *f, struct str run_id, const char *node)
{
	struct flow_form *list;
	size_t n;
	assert_int_equal(flow_form_of_run(f->flow, f->mem, S("t1"), run_id, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].node_id, str_c(node)))
			return &list[i];
	fail_msg("no form of %s", node);
	return NULL;
}

size_t fixture_forms(struct fixture *f, struct str run_id, struct flow_form **out)
{
	struct flow_form *list;
	size_t n, waiting = 0;
	assert_int_equal(flow_form_of_run(f->flow, f->mem, S("t1"), run_id, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (list[i].state == FORM_WAITING)
			list[waiting++] = list[i];
	*out = list;
	return waiting;
}

status fixture_submit(struct fixture *f, struct flow_form *form, const char *action, const char *inputs)
{
	struct json *in;
	assert_int_equal(json_parse(f->mem, str_c(inputs), &in), 0);
	return flow_form_submit(f->flow, f->mem, form, str_c(action), in, S("u1"));
}

/* --- other processes --- */

struct proc *fixture_child(struct fixture *f)
{
	char self[512] = { 0 };
	struct proc *child;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	const char *argv[] = { self, "child", arena_cstr(f->mem, f->dir), NULL };
	struct proc_options o = { .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = 2 };
	assert_int_equal(proc_spawn(&o, &child), 0);
	return child;
}

void fixture_kill(struct proc *child)
{
	int code;
	proc_kill(child, SIGKILL);
	assert_int_equal(proc_wait(child, deadline_in_ms(PATIENCE_MS), &code), 0);
	proc_close(child);
}

int64_t fixture_setting(const char *name, int64_t fallback)
{
	const char *v = getenv(name);
	int64_t n = fallback;
	return v && str_to_i64(str_c(v), &n) == 0 ? n : fallback;
}
