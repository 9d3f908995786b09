/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replay is a run like any other: its process is killed in the middle of it, at each of its steps
 * and at random moments, and another goes on. It must end as the run that it repeats had ended, and
 * nobody outside is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/id.h"
#include "fixture.h"
#include "flow/run.h"
#include "os/os.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define LLM(id, text, more) NODE(id, "llm", ",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}]" more)
/* Not asked outside: runs again in a replay, and takes its time. */
#define SLOW(id, more) NODE(id, "code", ",\"code_language\":\"python3\",\"code\":\"import time\\ndef main():\\n    time.sleep(0.15)\\n    return {'x': 'slept'}\",\"variables\":[],\"outputs\":{\"x\":{\"type\":\"string\"}}" more)
#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define IN_IT ",\"iteration_id\":\"it\""

/* [[count]]: an answer that is never the same twice. */
static const char graph_text[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," LLM("a", "[[count]] a", "") "," SLOW("c", "") ","
	NODE("it", "iteration", ",\"iterator_selector\":[\"s\",\"l\"],\"output_selector\":[\"x\",\"text\"],\"start_node_id\":\"its\",\"is_parallel\":true,\"parallel_nums\":2") ","
	"{\"id\":\"its\",\"data\":{\"type\":\"iteration-start\"}}," LLM("x", "[[count]] x {{#it.item#}}", IN_IT) "," SLOW("y", IN_IT) ","
	NODE("ia", "answer", ",\"answer\":\"<{{#it.item#}} {{#x.text#}}>\"" IN_IT) "," LLM("b", "[[count]] b {{#a.text#}}", "") ","
	NODE("z", "answer", ",\"answer\":\"{{#a.text#}} {{#it.output#}} {{#b.text#}} {{#c.x#}}\"") "],"
	"\"edges\":[" EDGE("s", "a") "," EDGE("a", "c") "," EDGE("c", "it") "," EDGE("its", "x") "," EDGE("x", "y") "," EDGE("y", "ia") "," EDGE("it", "b") "," EDGE("b", "z") "]}";

enum { LEASE_MS = 400, MODEL_CALLS = 6 };

static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	const char *source = getenv("AGAIN_TEST_RUN");
	struct str id;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fixture_open(&f, str_c(arg), "child", LEASE_MS);
	fixture_serve(&f);
	const char *from = getenv("AGAIN_TEST_FROM");
	struct flow_info who = { .tenant_id = S("t1"), .app_id = S("app1"), .from = str_c(from ? "replay-from" : "replay"), .created_by = S("u1") };
	struct flow_replay plan = { .run_id = source ? str_c(source) : S(""), .from = str_c(from ? from : ""), .live = from != NULL };
	if (source && flow_run_replay(f.flow, f.mem, &who, &plan, &id))
		abort();
	for (;;)
		if (fiber_sleep_ms(1000))
			abort();
}

/* It alone is told which run it is to begin. */
static struct proc *spawn_child(struct fixture *f)
{
	struct proc *child = fixture_child(f);
	unsetenv("AGAIN_TEST_RUN");
	return child;
}

/* The run of this kind that is not `known`, once it is there. Tests share a database. */
static struct str other_run(struct fixture *f, const char *from, const struct str *known, size_t n)
{
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		struct flow_list q = { .app_id = S("app1"), .from = str_c(from), .limit = 100 };
		struct flow_record *rows;
		size_t count;
		assert_int_equal(flow_run_list(f->flow, f->mem, S("t1"), &q, &rows, &count, NULL), 0);
		for (size_t r = 0; r < count; r++) {
			bool old = false;
			for (size_t k = 0; k < n; k++)
				old |= str_eq(rows[r].info.run_id, known[k]);
			if (!old)
				return rows[r].info.run_id;
		}
		assert_int_equal(fiber_sleep_ms(10), 0);
	}
	fail_msg("the replay never began");
	return S("");
}

static size_t count_of(struct str text, struct str what)
{
	size_t n = 0;
	for (size_t at; (at = str_find(text, what)) != SIZE_MAX; n++)
		text = str_skip(text, at + what.len);
	return n;
}

/* No node has ended twice, and all have. */
static void check_events(struct fixture *f, struct str id)
{
	static const struct {
		const char *event;
		size_t times;
	} counts[] = { { "node_finished s ", 1 }, { "node_finished a ", 1 }, { "node_finished c ", 1 }, { "node_finished x ", 4 },
		       { "node_finished y ", 4 }, { "node_finished ia ", 4 }, { "iteration_completed it", 1 }, { "node_finished b ", 1 },
		       { "node_finished z ", 1 }, { "workflow_started", 1 }, { "workflow_finished succeeded", 1 }, { "replace", 0 } };
	struct str events = fixture_events(f, id, 0);
	for (size_t i = 0; i < countof(counts); i++)
		if (count_of(events, str_c(counts[i].event)) != counts[i].times)
			fail_msg("%s comes %zu times", counts[i].event, count_of(events, str_c(counts[i].event)));
}

/* Where the first kill comes; then one more at a moment of its own. */
static const char *const places[] = { "\"node_id\":\"a\"", "\"node_id\":\"c\"", "\"node_id\":\"x\"", "\"node_id\":\"b\"" };
static const enum flow_event_type types[] = { FLOW_NODE_FINISHED, FLOW_NODE_STARTED, FLOW_NODE_FINISHED, FLOW_NODE_STARTED };

static status again_main(void *arg)
{
	struct fixture f = { 0 };
	struct str known[1 + countof(places)];
	(void)arg;
	fixture_open(&f, S(""), "parent", LEASE_MS);
	struct flow_graph *g = fixture_graph(&f, graph_text);
	known[0] = fixture_start(&f, g, "advanced-chat", "{\"l\":[\"p\",\"q\",\"r\",\"t\"]}", "{}");
	struct flow_result *source = fixture_wait(&f, known[0]);
	fixture_expect(source->status, "succeeded");
	assert_int_equal(f.calls, MODEL_CALLS);
	for (size_t i = 0; i < countof(places); i++) {
		setenv("AGAIN_TEST_RUN", arena_cstr(f.mem, known[0]), 1);
		struct proc *child = spawn_child(&f);
		known[i + 1] = other_run(&f, "replay", known, i + 1);
		fixture_await(&f, known[i + 1], types[i], places[i]);
		fixture_kill(child);
		child = spawn_child(&f);
		assert_int_equal(fiber_sleep_ms(LEASE_MS + 97 * (int64_t)i), 0);
		fixture_kill(child);
		child = spawn_child(&f);
		struct flow_result *r = fixture_wait(&f, known[i + 1]);
		if (r->error.len)
			print_error("%s: %.*s\n", places[i], STR(r->error));
		fixture_expect(r->status, "succeeded");
		/* The elements speak in the order in which they end. */
		assert_int_equal(r->answer.len, source->answer.len);
		size_t end = str_rfind_char(source->answer, '>');
		assert_true(str_ends(r->answer, str_skip(source->answer, end)));
		assert_int_equal(r->total_tokens, source->total_tokens);
		assert_int_equal(r->total_steps, source->total_steps);
		check_events(&f, known[i + 1]);
		assert_int_equal(f.calls, MODEL_CALLS);
		fixture_kill(child);
	}
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void killed_in_a_replay(void **state)
{
	(void)state;
	unsetenv("AGAIN_TEST_FROM");
	assert_int_equal(rt_run(NULL, again_main, NULL), 0);
}

/* From b on the model is asked: that plan outlives the process, and what was recorded before stays. */
static status from_main(void *arg)
{
	struct fixture f = { 0 };
	struct str known[1];
	(void)arg;
	fixture_open(&f, S(""), "parent", LEASE_MS);
	struct flow_graph *g = fixture_graph(&f, graph_text);
	known[0] = fixture_start(&f, g, "advanced-chat", "{\"l\":[\"p\"]}", "{}");
	fixture_expect(fixture_wait(&f, known[0])->status, "succeeded");
	assert_int_equal(f.calls, 3);
	setenv("AGAIN_TEST_RUN", arena_cstr(f.mem, known[0]), 1);
	setenv("AGAIN_TEST_FROM", "b", 1);
	struct proc *child = spawn_child(&f);
	unsetenv("AGAIN_TEST_FROM");
	struct str id = other_run(&f, "replay-from", known, 1);
	fixture_await(&f, id, FLOW_NODE_STARTED, "\"node_id\":\"c\"");
	fixture_kill(child);
	child = spawn_child(&f);
	struct flow_result *r = fixture_wait(&f, id);
	fixture_expect(r->status, "succeeded");
	assert_int_equal(f.calls, 4);
	assert_true(str_has(r->answer, S("call 2 of five words slept")));
	fixture_kill(child);
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void killed_before_the_fresh_part(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, from_main, NULL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed_in_a_replay), cmocka_unit_test(killed_before_the_fresh_part) };
	return cmocka_run_group_tests_name("flow_again", tests, NULL, NULL);
}
