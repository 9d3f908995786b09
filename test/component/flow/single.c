/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs of drafts leave for the editor, and one node on its own: the hook sees what has ended,
 * in the batch that ends or pauses the run, also when another process ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "fixture.h"
#include "os/os.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"\"" more "}}"
#define LLM(id, text) \
	NODE(id, "llm", \
	     ",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"}," \
	     "\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}]")
#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"

static const char graph_text[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," LLM("a", "first") ","
	LLM("b", "[[slow:60:9]] {{#a.text#}}") ","
	NODE("w", "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"conversation\",\"n\"],"
	     "\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]") ","
	NODE("e", "end", ",\"outputs\":[{\"variable\":\"r\",\"value_selector\":[\"a\",\"text\"]}]") "],"
	"\"edges\":[" EDGE("s", "a") "," EDGE("a", "b") "," EDGE("b", "w") "," EDGE("w", "e") "]}";
static const char form_text[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," LLM("a", "first") ","
	NODE("h", "human-input", ",\"form_content\":\"?\",\"inputs\":[],\"user_actions\":[{\"id\":\"ok\",\"title\":\"ok\"}]") ","
	NODE("e", "end", ",\"outputs\":[]") "],"
	"\"edges\":[" EDGE("s", "a") "," EDGE("a", "h") ",{\"source\":\"h\",\"target\":\"e\",\"sourceHandle\":\"ok\"}]}";
static const char fail_text[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," LLM("a", "[[fail]]") "],\"edges\":[" EDGE("s", "a") "]}";

enum { LEASE_MS = 800 };

/* --- the hook --- */

/* What was handed over last, as text, and how often a hand-over began. */
struct left {
	struct arena *mem;
	struct str text, run, single;
	int times;
	bool refuse;
};

static status save(void *ctx, struct arena *mem, const struct flow_info *info, const struct json *nodes,
		   struct db_batch *batch)
{
	struct left *l = ctx;
	struct buf b = buf_make(l->mem, 0);
	(void)mem;
	(void)batch;
	l->times++;
	if (l->refuse)
		return err_set(ERR_INVALID, "no");
	buf_printf(&b, "%.*s:", STR(info->from));
	json_each(nodes, n)
	{
		buf_printf(&b, " %.*s", STR(json_get_str(n, S("node_id"))));
		if (!json_get_str(n, S("execution_id")).len || json_get_bool(n, S("failed"), false))
			buf_putc(&b, '!');
		if (json_len(json_get(n, S("written"))))
			json_write(&b, json_get(n, S("written")), JSON_COMPACT);
		struct str text = json_get_str(json_get(n, S("outputs")), S("text"));
		if (text.len)
			buf_printf(&b, "='%.*s'", STR(text));
	}
	l->text = buf_str(&b);
	*(str_eq(info->from, S(FLOW_SINGLE_STEP)) ? &l->single : &l->run) = l->text;
	return 0;
}

static void world(struct fixture *f, struct left *l, struct str dir, const char *name)
{
	f->drafts = (struct flow_drafts){ .ctx = l, .save = save };
	fixture_open(f, dir, name, LEASE_MS);
	l->mem = f->mem;
	l->text = S("");
}

struct start {
	const char *graph, *node; /* node: alone */
	const char *from;
	bool by_account;
	const char *variables;
	struct str id;
};

static struct str begin(struct fixture *f, const struct start *s)
{
	struct json *graph, *conv, *vars = NULL;
	struct flow_graph *g;
	struct str id;
	assert_int_equal(json_parse(f->mem, str_c(s->graph), &graph), 0);
	if (s->node)
		assert_int_equal(flow_graph_single(f->mem, graph, str_c(s->node), &graph), 0);
	assert_int_equal(flow_graph_load(f->flow, S(""), graph, &g), 0);
	assert_int_equal(json_parse(f->mem, S("[{\"id\":\"1\",\"name\":\"n\",\"value_type\":\"number\",\"value\":1}]"), &conv), 0);
	if (s->variables)
		assert_int_equal(json_parse(f->mem, str_c(s->variables), &vars), 0);
	struct flow_start start = { .info = { .run_id = s->id, .tenant_id = S("t1"), .app_id = S("app1"),
					      .user = S("u1"), .app_mode = S("advanced-chat"), .from = str_c(s->from),
					      .created_by = S("acc1"), .by_account = s->by_account },
				    .graph = g, .root = s->node ? str_c(s->node) : S(""), .inputs = json_obj(f->mem),
				    .system = json_obj(f->mem), .conversation = conv, .variables = vars };
	assert_int_equal(flow_run_start(f->flow, f->mem, &start, &id), 0);
	flow_graph_unref(g);
	return id;
}

/* --- which runs leave what --- */

#define A_TEXT "You said: first"
#define B_TEXT "tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8"
static const struct {
	struct start start;
	const char *status, *left;
} cases[] = {
	{ { graph_text, NULL, "debugging", true, NULL, S_INIT("") }, "succeeded",
	  "debugging: s a='" A_TEXT "' b='" B_TEXT "' w{\"n\":2} e" },
	{ { graph_text, NULL, "app-run", true, NULL, S_INIT("") }, "succeeded", "" },
	{ { graph_text, NULL, "debugging", false, NULL, S_INIT("") }, "succeeded", "" }, /* a webhook tried out */
	{ { fail_text, NULL, "debugging", true, NULL, S_INIT("") }, "failed", "debugging: s a!" },
	{ { form_text, NULL, "debugging", true, NULL, S_INIT("") }, "paused", "debugging: s a='" A_TEXT "'" },
	{ { graph_text, "a", FLOW_SINGLE_STEP, true, NULL, S_INIT("") }, "succeeded", "single-step: a='" A_TEXT "'" },
	{ { graph_text, "w", FLOW_SINGLE_STEP, true, "[[\"conversation\",\"n\",5,\"number\"]]", S_INIT("") }, "succeeded",
	  "single-step: w{\"n\":6}" },
	{ { graph_text, "e", FLOW_SINGLE_STEP, true, NULL, S_INIT("") }, "succeeded", "single-step: e" },
};

static status cases_main(void *arg)
{
	struct fixture f = { 0 };
	struct left l = { 0 };
	struct flow_result *r;
	(void)arg;
	world(&f, &l, S(""), "one");
	fixture_serve(&f);
	for (size_t i = 0; i < countof(cases); i++) {
		l.text = S("");
		struct str id = begin(&f, &cases[i].start);
		assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(20000)), 0);
		if (!str_eq(l.text, str_c(cases[i].left)) || !str_eq(r->status, str_c(cases[i].status)))
			print_error("case %zu: %.*s, left %.*s\nwant %s, left %s\n", i, STR(r->status), STR(l.text),
				    cases[i].status, cases[i].left);
		assert_true(str_eq(r->status, str_c(cases[i].status)));
		assert_true(str_eq(l.text, str_c(cases[i].left)));
	}
	/* A hook that cannot does not keep the run from ending. */
	l.refuse = true;
	int before = l.times;
	struct str id = begin(&f, &cases[0].start);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(20000)), 0);
	assert_true(str_eq(r->status, S("succeeded")) && l.times == before + 1);
	/* The execution is in the journal like any other. */
	struct json *nodes, *node;
	assert_int_equal(flow_run_nodes(f.flow, f.mem, S("t1"), id, &nodes), 0);
	struct str execution = json_get_str(json_at(nodes, 1), S("id"));
	assert_int_equal(flow_run_node(f.flow, f.mem, S("t1"), id, execution, &node), 0);
	assert_true(str_eq(json_get_str(node, S("node_id")), S("a")));
	assert_true(flow_run_node(f.flow, f.mem, S("t2"), id, execution, &node) == -1 && err_code() == ERR_NOT_FOUND);
	fixture_close(&f);
	return 0;
}

static void what_runs_leave(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, cases_main, NULL), 0);
}

/* --- a process that dies --- */

static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	struct left l = { 0 };
	world(&f, &l, str_c(arg), "child");
	fixture_serve(&f);
	begin(&f, &(struct start){ graph_text, NULL, "debugging", true, NULL, str_c(getenv("SINGLE_TEST_RUN")) });
	begin(&f, &(struct start){ graph_text, "b", FLOW_SINGLE_STEP, true, "[[\"a\",\"text\",\"given\",\"\"]]",
				   str_c(getenv("SINGLE_TEST_NODE")) });
	for (;;)
		if (fiber_sleep_ms(1000))
			abort();
}

/* Until some of the run's text is in the journal. */
static void wait_for_text(struct fixture *f, struct str id)
{
	struct flow_feed *feed;
	struct flow_event e;
	bool end = false, seen = false;
	while (flow_follow(f->flow, id, 0, &feed))
		assert_int_equal(fiber_sleep_ms(20), 0);
	while (!seen) {
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(20000)), 0);
		assert_false(end);
		seen = e.type == FLOW_NODE_STARTED && str_has(e.data, S("\"node_id\":\"b\""));
	}
	flow_feed_close(feed);
}

static status parent_main(void *arg)
{
	struct fixture f = { 0 };
	struct left l = { 0 };
	struct proc *child;
	struct flow_result *r;
	(void)arg;
	world(&f, &l, S(""), "parent");
	f.pause_ms = 120;
	struct str run = id_uuid(f.mem), node = id_uuid(f.mem);
	setenv("SINGLE_TEST_RUN", arena_cstr(f.mem, run), 1);
	setenv("SINGLE_TEST_NODE", arena_cstr(f.mem, node), 1);
	child = fixture_child(&f);
	wait_for_text(&f, run);
	wait_for_text(&f, node);
	fixture_kill(child);
	f.pause_ms = 0;
	fixture_serve(&f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(flow_run_wait(f.flow, f.mem, i ? node : run, &r, deadline_in_ms(20000)), 0);
		assert_true(str_eq(r->status, S("succeeded")));
	}
	/* What had ended before counts as much as what ended here. */
	assert_int_equal(l.times, 2);
	assert_true(str_eq(l.run, S("debugging: s a='" A_TEXT "' b='" B_TEXT "' w{\"n\":2} e")));
	assert_true(str_eq(l.single, S("single-step: b='" B_TEXT "'")));
	assert_int_equal(fixture_calls(&f, S("first")), 1);
	assert_true(fixture_calls(&f, S("[[slow:60:9]] given")) == 2); /* the variables came along */
	fixture_close(&f);
	return 0;
}

static void another_process_ends_it(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, parent_main, NULL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_runs_leave),
					    cmocka_unit_test(another_process_ends_it) };
	return cmocka_run_group_tests_name("flow_single", tests, NULL, NULL);
}
