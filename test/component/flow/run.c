/* SPDX-License-Identifier: Apache-2.0 */
/* Runs on a real database: events and their order, results, stop, reconnect, what is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "fixture.h"

#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define EDGE_ON(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
#define START(vars) "{\"id\":\"s\",\"type\":\"custom\",\"data\":{\"type\":\"start\",\"title\":\"S\",\"variables\":[" vars "]}}"
#define END(id, outs) "{\"id\":\"" id "\",\"data\":{\"type\":\"end\",\"title\":\"E\",\"outputs\":[" outs "]}}"
#define OUT(name, a, b) "{\"variable\":\"" name "\",\"value_selector\":[\"" a "\",\"" b "\"]}"
#define LLM(id, text, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"llm\",\"title\":\"L\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\",\"completion_params\":{}},\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}],\"context\":{\"enabled\":false}" more "}}"
#define ANSWER(id, text) "{\"id\":\"" id "\",\"data\":{\"type\":\"answer\",\"title\":\"A\",\"answer\":\"" text "\"}}"
#define NVAR "{\"variable\":\"n\",\"label\":\"n\",\"type\":\"number\",\"required\":true}"

static const char if_graph[] =
	"{\"nodes\":[" START(NVAR) ","
	"{\"id\":\"if\",\"data\":{\"type\":\"if-else\",\"title\":\"I\",\"cases\":[{\"case_id\":\"true\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":[\"s\",\"n\"],\"comparison_operator\":\">\",\"value\":\"5\"}]}]}},"
	END("big", OUT("r", "s", "n")) "," END("small", OUT("r", "s", "n")) "],\"edges\":["
	EDGE("s", "if") "," EDGE_ON("if", "true", "big") "," EDGE_ON("if", "false", "small") "]}";

static void expect(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		print_error("got:\n%.*s\nwant:\n%s\n", STR(got), want);
	assert_true(str_eq(got, str_c(want)));
}

static const char if_events[] = "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started if\n"
				"chunk [\"s\",\"n\"] '7'\nnode_finished if succeeded\nnode_started big\n"
				"node_finished big succeeded\nworkflow_finished succeeded\n";

static status branch_main(void *arg)
{
	struct fixture f = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	struct flow_graph *g = fixture_graph(&f, if_graph);
	struct str id = fixture_start(&f, g, "workflow", "{\"n\":7}", "{}");
	expect(fixture_events(&f, id, 0), if_events);
	struct flow_result *r;
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_int_equal(r->total_steps, 3);
	expect(json_text(f.mem, r->outputs, JSON_COMPACT), "{\"r\":7}");
	expect(r->answer, "7");
	/* Another process sees the same from the journal. */
	struct fixture other = { 0 };
	fixture_open(&other, f.dir, "two", 0);
	expect(fixture_events(&other, id, 0), if_events);
	expect(fixture_events(&other, id, 7), "node_finished big succeeded\nworkflow_finished succeeded\n");
	assert_int_equal(flow_run_wait(other.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	expect(json_text(f.mem, r->outputs, JSON_COMPACT), "{\"r\":7}");
	expect(r->answer, "7");
	fixture_close(&other);
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void branch(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, branch_main, NULL), 0);
}

/* --- text while it comes; what is done is stored before it is shown --- */

static const char llm_graph[] = "{\"nodes\":[" START("") "," LLM("m", "[[slow:60:6]]", "") ","
				ANSWER("a", "{{#m.text#}}!") "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "a") "]}";

static bool is_done_event(enum flow_event_type t)
{
	return t == FLOW_NODE_FINISHED || t == FLOW_WORKFLOW_FINISHED || t == FLOW_WORKFLOW_STARTED;
}

static bool stored_already(struct fixture *f, struct str id, int64_t seq)
{
	struct flow_feed *feed;
	struct flow_event e;
	bool end;
	assert_int_equal(flow_follow(f->flow, id, seq - 1, &feed), 0);
	status st = flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS));
	flow_feed_close(feed);
	return st == 0 && !end && e.seq == seq;
}

static status stream_main(void *arg)
{
	struct fixture f = { 0 }, other = { 0 };
	struct flow_feed *feed;
	int chunks = 0, live = 0;
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	other.no_model = true;
	fixture_open(&other, f.dir, "two", 0);
	f.pause_ms = 30;
	struct flow_graph *g = fixture_graph(&f, llm_graph);
	struct str id = fixture_start(&f, g, "advanced-chat", "{}", "{\"query\":\"q\"}");
	assert_int_equal(flow_follow(f.flow, id, 0, &feed), 0);
	for (bool end = false; !end;) {
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, f.mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (end)
			break;
		if (is_done_event(e.type))
			assert_true(stored_already(&other, id, e.seq));
		if (e.type == FLOW_CHUNK) {
			chunks++;
			live += flow_active(f.flow, S("app1")) == 1;
		}
	}
	flow_feed_close(feed);
	assert_int_equal(chunks, 8); /* six, the closing one, "!" */
	assert_true(live >= 6);
	assert_int_equal(f.calls, 1);
	/* The trace knows the three nodes. */
	struct json *nodes;
	assert_int_equal(flow_run_nodes(f.flow, f.mem, S("t1"), id, &nodes), 0);
	assert_int_equal(nodes->len, 3);
	assert_int_equal(json_get_int(json_at(nodes, 2), S("index"), 0), 3);
	assert_true(str_eq(json_get_str(json_at(nodes, 1), S("node_type")), S("llm")));
	/* Another workspace sees neither run nor trace. */
	struct flow_record *r;
	assert_int_equal(flow_run_nodes(f.flow, f.mem, S("t2"), id, &nodes), 0);
	assert_int_equal(nodes->len, 0);
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t2"), S(""), id, &r), -1);
	assert_int_equal(err_code(), ERR_NOT_FOUND);
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t1"), S("app1"), id, &r), 0);
	assert_int_equal(r->total_tokens, 12);
	assert_true(str_has(r->graph, S("\"llm\"")));
	fixture_close(&other);
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void stream(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, stream_main, NULL), 0);
}

/* --- stop, here and from another process --- */

static const char slow_graph[] = "{\"nodes\":[" START("") "," LLM("m", "[[slow:60:9]]", "") ","
				 ANSWER("a", "{{#m.text#}}") "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "a") "]}";

static void stop_one(struct fixture *f, struct fixture *from, const char *user, bool works)
{
	struct flow_graph *g = fixture_graph(f, slow_graph);
	f->hold = 3; /* the model is not through before we say so */
	struct str id = fixture_start(f, g, "advanced-chat", "{}", "{\"query\":\"q\"}");
	struct flow_record *r;
	struct flow_result *result;
	fixture_await(f, id, FLOW_CHUNK, "tok1");
	assert_int_equal(flow_run_get(f->flow, f->mem, S("t1"), S(""), id, &r), 0);
	assert_true(str_eq(r->status, S("running")));
	assert_int_equal(flow_stop(from->flow, S("app1"), r->info.task_id, str_c(user)), 0);
	if (!works)
		f->hold = 0;
	assert_int_equal(flow_run_wait(f->flow, f->mem, id, &result, deadline_in_ms(PATIENCE_MS)), 0);
	if (works) {
		expect(result->status, "stopped");
		expect(result->error, "Stopped by user.");
		assert_true(str_starts(result->answer, S("tok0 ")));
		assert_true(str_has(fixture_events(from, id, 0), S("workflow_finished stopped")));
	} else {
		expect(result->status, "succeeded");
	}
	flow_graph_unref(g);
}

static status stop_main(void *arg)
{
	struct fixture f = { 0 }, other = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	other.no_model = true;
	fixture_open(&other, f.dir, "two", 0);
	fixture_serve(&f);
	fixture_serve(&other);
	stop_one(&f, &f, "", true);
	stop_one(&f, &f, "u1", true);
	stop_one(&f, &other, "", true);
	stop_one(&f, &other, "somebody else", false);
	assert_int_equal(flow_stop(f.flow, S("app1"), S("no such task"), S("")), 0);
	fixture_close(&other);
	fixture_close(&f);
	return 0;
}

static void stop(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, stop_main, NULL), 0);
}

/* --- failures and strategies --- */

#define FAILING(id, more) LLM(id, "[[fail]]", more)
static const struct {
	const char *graph, *events, *outputs, *status;
	int steps, exceptions;
} failures[] = {
	{ "{\"nodes\":[" START("") "," FAILING("m", "") "," END("e", OUT("o", "m", "text")) "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "e") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started m\nnode_finished m failed\nworkflow_finished failed\n",
	  "{}", "failed", 2, 1 },
	{ "{\"nodes\":[" START("") "," FAILING("m", ",\"error_strategy\":\"default-value\",\"default_value\":[{\"key\":\"text\",\"type\":\"string\",\"value\":\"dflt\"}],\"retry_config\":{\"retry_enabled\":true,\"max_retries\":2,\"retry_interval\":1}") "," END("e", OUT("o", "m", "text")) "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "e") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started m\nnode_retry m retry\nnode_retry m retry\nnode_finished m exception\nnode_started e\nchunk [\"m\",\"text\"] 'dflt'\nnode_finished e succeeded\nworkflow_finished partial-succeeded\n",
	  "{\"o\":\"dflt\"}", "partial-succeeded", 5, 3 },
	{ "{\"nodes\":[" START("") "," FAILING("m", ",\"error_strategy\":\"fail-branch\"") "," END("good", OUT("o", "m", "text")) "," END("bad", OUT("t", "m", "error_type")) "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "good") "," EDGE_ON("m", "fail-branch", "bad") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started m\nchunk [\"m\",\"error_type\"] 'PluginInvokeError'\nnode_finished m exception\nnode_started bad\nnode_finished bad succeeded\nworkflow_finished partial-succeeded\n",
	  "{\"t\":\"PluginInvokeError\"}", "partial-succeeded", 3, 1 },
	/* The success handle of a fail-branch node is "source". */
	{ "{\"nodes\":[" START("") "," LLM("m", "hi", ",\"error_strategy\":\"fail-branch\"") "," END("good", OUT("o", "m", "text")) "," END("bad", OUT("t", "m", "error_type")) "],\"edges\":[" EDGE("s", "m") "," EDGE("m", "good") "," EDGE_ON("m", "fail-branch", "bad") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started m\nchunk [\"m\",\"text\"] 'You '\nchunk [\"m\",\"text\"] 'said: '\nchunk [\"m\",\"text\"] 'hi'\nchunk [\"m\",\"text\"] ''\nnode_finished m succeeded\nnode_started good\nnode_finished good succeeded\nworkflow_finished succeeded\n",
	  "{\"o\":\"You said: hi\"}", "succeeded", 3, 0 },
	{ "{\"nodes\":[" START("") ",{\"id\":\"h\",\"data\":{\"type\":\"knowledge-index\",\"title\":\"\"}}],\"edges\":[" EDGE("s", "h") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started h\nnode_finished h failed\nworkflow_finished failed\n",
	  "{}", "failed", 2, 1 },
	/* A cycle never runs; a run that leads nowhere succeeds. */
	{ "{\"nodes\":[" START("") "," END("e", OUT("o", "s", "n")) "," ANSWER("x", "x") "," ANSWER("y", "y") "],\"edges\":[" EDGE("s", "e") "," EDGE("x", "y") "," EDGE("y", "x") "," EDGE("s", "x") "]}",
	  "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"o\":null}", "succeeded", 2, 0 },
};

static status failures_main(void *arg)
{
	struct fixture f = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	for (size_t i = 0; i < countof(failures); i++) {
		struct flow_graph *g = fixture_graph(&f, failures[i].graph);
		struct str id = fixture_start(&f, g, "workflow", "{}", "{}");
		struct flow_result *r;
		print_message("case %zu\n", i);
		assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
		if (i != 5) /* streamed text of a cyclic answer is no part of this test */
			expect(fixture_events(&f, id, 0), failures[i].events);
		expect(json_text(f.mem, r->outputs, JSON_COMPACT), failures[i].outputs);
		expect(r->status, failures[i].status);
		assert_int_equal(r->total_steps, failures[i].steps);
		assert_int_equal(r->exceptions, failures[i].exceptions);
		flow_graph_unref(g);
	}
	fixture_close(&f);
	return 0;
}

static void failing(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, failures_main, NULL), 0);
}

/* --- hooks --- */

struct seen {
	int finished, saved, busy;
};

static status on_finished(void *ctx, struct arena *mem, const struct flow_info *info, const struct flow_result *r, struct db_batch *batch)
{
	struct seen *s = ctx;
	(void)mem;
	(void)info;
	(void)batch;
	s->finished++;
	if (s->busy-- > 0)
		return err_set(ERR_BUSY, "not yet");
	return str_eq(r->status, S("succeeded")) ? 0 : err_set(ERR_INTERNAL, "wrong end");
}

static status on_save(void *ctx, struct arena *mem, const struct flow_info *info, const struct json *changed)
{
	struct seen *s = ctx;
	(void)info;
	s->saved++;
	expect(json_text(mem, changed, JSON_COMPACT), "{\"n\":3}");
	return 0;
}

static const char save_graph[] =
	"{\"nodes\":[" START("") ",{\"id\":\"as\",\"data\":{\"type\":\"assigner\",\"title\":\"\",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"conversation\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":2}]}}],\"edges\":[" EDGE("s", "as") "]}";

static status hooks_main(void *arg)
{
	struct seen *seen = arg;
	struct fixture f = { .hooks = { .ctx = seen, .finished = on_finished, .save_variables = on_save } };
	struct json *conversation, *empty;
	struct str id;
	fixture_open(&f, S(""), "one", 0);
	struct flow_graph *g = fixture_graph(&f, save_graph);
	empty = json_obj(f.mem);
	assert_int_equal(json_parse(f.mem, S("[{\"id\":\"v\",\"name\":\"n\",\"value_type\":\"number\",\"value\":1}]"), &conversation), 0);
	struct flow_start start = { .info = { .tenant_id = S("t1"), .app_id = S("app1"), .app_mode = S("advanced-chat"), .user = S("u1"), .conversation_id = S("c1") },
				    .graph = g, .inputs = empty, .system = empty, .conversation = conversation };
	struct flow_result *r;
	assert_int_equal(flow_run_start(f.flow, f.mem, &start, &id), 0);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	expect(r->status, "succeeded");
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void hooks(void **state)
{
	struct seen seen = { .busy = 2 };
	(void)state;
	assert_int_equal(rt_run(NULL, hooks_main, &seen), 0);
	assert_int_equal(seen.finished, 3); /* repeated while it says busy */
	assert_int_equal(seen.saved, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(branch), cmocka_unit_test(stream), cmocka_unit_test(stop),
					    cmocka_unit_test(failing), cmocka_unit_test(hooks) };
	return cmocka_run_group_tests_name("flow_run", tests, NULL, NULL);
}
