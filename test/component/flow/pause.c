/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that wait for people: the pause, who goes on and where, answers that come at the wrong
 * moment, time-outs, killed processes, the memory of many paused runs. And runs that wait for a
 * worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/sanitize.h"
#include "fixture.h"
#include "flow/run.h"
#include "os/os.h"
#include "store/broker/broker.h"

#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define EDGE_ON(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
#define START "{\"id\":\"s\",\"data\":{\"type\":\"start\",\"title\":\"S\",\"variables\":[{\"variable\":\"name\",\"type\":\"text-input\"}]}}"
#define LLM(id, text) "{\"id\":\"" id "\",\"data\":{\"type\":\"llm\",\"title\":\"L\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\",\"completion_params\":{}},\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}],\"context\":{\"enabled\":false}}}"
#define ANSWER(id, text) "{\"id\":\"" id "\",\"data\":{\"type\":\"answer\",\"title\":\"A\",\"answer\":\"" text "\"}}"
#define ACTIONS "\"user_actions\":[{\"id\":\"ok\",\"title\":\"Approve\",\"button_style\":\"primary\"},{\"id\":\"no\",\"title\":\"Reject\",\"button_style\":\"default\"}]"
#define INPUTS "\"inputs\":[{\"type\":\"paragraph\",\"output_variable_name\":\"why\",\"default\":{\"type\":\"variable\",\"selector\":[\"s\",\"name\"]}},{\"type\":\"select\",\"output_variable_name\":\"level\",\"option_source\":{\"type\":\"constant\",\"value\":[\"low\",\"high\"]}}]"
#define HUMAN(id, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"human-input\",\"title\":\"Ask\",\"form_content\":\"Dear {{#s.name#}}: {{#$output.why#}} ({{#$outputs.level#}})\"," INPUTS "," ACTIONS more "}}"

static const char form_graph[] =
	"{\"nodes\":[" START "," HUMAN("h", "") "," ANSWER("y", "yes {{#h.why#}} {{#h.__action_value#}} {{#h.__rendered_content#}}") ","
	ANSWER("n", "no") "," ANSWER("t", "late") "],\"edges\":[" EDGE("s", "h") "," EDGE_ON("h", "ok", "y") ","
	EDGE_ON("h", "no", "n") "," EDGE_ON("h", "__timeout", "t") "]}";

enum { LEASE_MS = 800, LONG_LEASE_MS = 600000, SAFE_LEASE_MS = 8000 };

/* Until so many forms of the run are there. */
static void await_forms(struct fixture *f, struct str run_id, size_t want)
{
	struct flow_form *list;
	size_t n = 0;
	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		assert_int_equal(flow_form_of_run(f->flow, f->mem, S("t1"), run_id, &list, &n), 0);
		if (n == want)
			return;
		assert_int_equal(fiber_sleep_ms(10), 0);
	}
	fail_msg("%zu forms instead of %zu", n, want);
}

static const char good[] = "{\"why\":\"fine\",\"level\":\"high\",\"extra\":1}";

/* --- pause here, go on elsewhere --- */

static const char paused_events[] = "workflow_started\nnode_started s\nnode_finished s succeeded\nnode_started h\n"
				    "human_input_required h\nworkflow_paused paused\n";
static const char resumed_events[] =
	"workflow_started\nhuman_input_form_filled h\n"
	"chunk [\"y\",\"answer\"] 'yes '\nchunk [\"h\",\"why\"] 'fine'\nchunk [\"y\",\"answer\"] ' '\n"
	"chunk [\"h\",\"__action_value\"] 'Approve'\nchunk [\"y\",\"answer\"] ' '\n"
	"chunk [\"h\",\"__rendered_content\"] 'Dear Bob: fine (high)'\nnode_finished h succeeded\nnode_started y\n"
	"node_finished y succeeded\nworkflow_finished succeeded\n";

static void refuses(struct fixture *f, struct flow_form *form)
{
	static const struct {
		const char *action, *inputs, *text;
	} cases[] = {
		{ "ok", "{}", "Missing required inputs: why, level" },
		{ "ok", "{\"why\":null,\"level\":\"low\"}", "Missing required inputs: why" },
		{ "ok", "{\"why\":1,\"level\":\"low\"}", "Invalid value for input 'why': must be a string" },
		{ "ok", "{\"why\":\"\\u0000\",\"level\":\"low\"}", "Invalid value for input 'why': holds a NUL character" },
		{ "ok", "{\"why\":\"x\",\"level\":\"mid\"}", "Invalid value for input 'level': not one of its options" },
		{ "", "{\"why\":\"x\",\"level\":\"low\"}", "Invalid action: " },
		{ "maybe", "{\"why\":\"x\",\"level\":\"low\"}", "Invalid action: maybe" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		print_message("case %s %s\n", cases[i].action, cases[i].inputs);
		assert_int_equal(fixture_submit(f, form, cases[i].action, cases[i].inputs), -1);
		assert_int_equal(err_http(err_last()), 400);
		fixture_expect(err_slug(err_last()), "invalid_form_data");
		fixture_expect(err_text(), cases[i].text);
	}
	struct json *in = json_obj(f->mem);
	char *big = arena_text(f->mem, (200 << 10) + 1);
	memset(big, 'x', (200 << 10) + 1);
	json_set_str(f->mem, in, S("why"), str_of(big, (200 << 10) + 1));
	json_set_str(f->mem, in, S("level"), S("low"));
	assert_int_equal(flow_form_submit(f->flow, f->mem, form, S("ok"), in, S("")), -1);
	fixture_expect(err_text(), "Invalid value for input 'why': longer than 200 KiB");
}

static status elsewhere_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	struct flow_form *form;
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, form_graph);
	struct str id = fixture_start(&one, g, "advanced-chat", "{\"name\":\"Bob\"}", "{}");
	struct flow_result *r = fixture_wait(&one, id);
	fixture_expect(r->status, "paused");
	assert_int_equal(r->total_steps, 2);
	fixture_expect(fixture_events(&one, id, 0), paused_events);
	fixture_expect(fixture_events(&two, id, 0), paused_events);
	fixture_expect(fixture_wait(&two, id)->status, "paused");
	/* It has left memory. */
	assert_int_equal(one.flow->active, 0);
	assert_int_equal(one.flow->by_id.count, 0);

	form = fixture_form(&two, id, "h");
	assert_int_equal(form->token.len, 43);
	fixture_expect(json_get_str(form->definition, S("form_content")), "Dear Bob: {{#$output.why#}} ({{#$outputs.level#}})");
	fixture_expect(json_get_str(json_get(form->definition, S("resolved_default_values")), S("why")), "Bob");
	int64_t days = (form->expires_ms - form->created_ms) / 86400000;
	assert_int_equal(days, 3);
	refuses(&two, form);
	assert_int_equal(fixture_submit(&two, form, "ok", good), 0);
	r = fixture_wait(&two, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "yes fine Approve Dear Bob: fine (high)");
	assert_int_equal(r->total_steps, 3);
	fixture_expect(fixture_events(&one, id, 6), resumed_events);
	fixture_expect(fixture_events(&two, id, 6), resumed_events);
	/* Once is once, with the old view of the form and with a new one. */
	assert_int_equal(fixture_submit(&one, form, "no", good), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_submitted");
	assert_int_equal(err_http(err_last()), 412);
	assert_int_equal(flow_form_get(one.flow, one.mem, form->token, &form), 0);
	assert_int_equal(form->state, FORM_SUBMITTED);
	assert_null(json_get(form->data, S("extra")));
	assert_int_equal(fixture_submit(&one, form, "no", good), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_submitted");
	assert_int_equal(flow_form_get(one.flow, one.mem, S("nobody knows"), &form), -1);
	assert_int_equal(err_code(), ERR_NOT_FOUND);
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void goes_on_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, elsewhere_main, NULL), 0);
}

/* --- a feed that waits through the pause --- */

static status through_main(void *arg)
{
	struct fixture one = { 0 };
	struct flow_form *list;
	size_t n;
	struct flow_feed *feed;
	struct flow_event e;
	bool end = false;
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, form_graph);
	struct str id = fixture_start(&one, g, "workflow", "{\"name\":\"Bob\"}", "{}");
	assert_int_equal(flow_follow(one.flow, id, 0, &feed), 0);
	flow_feed_through_pauses(feed);
	do
		assert_int_equal(flow_feed_next(feed, one.mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
	while (e.type != FLOW_WORKFLOW_PAUSED);
	assert_int_equal(flow_feed_next(feed, one.mem, &e, &end, deadline_in_ms(100)), -1);
	assert_int_equal(err_code(), ERR_TIMEOUT);
	assert_int_equal(flow_form_list(one.flow, one.mem, S("t1"), S("app1"), &list, &n), 0);
	assert_true(n > 0);
	assert_int_equal(flow_form_list(one.flow, one.mem, S("t2"), S("app1"), &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(flow_form_of_run(one.flow, one.mem, S("t2"), id, &list, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fixture_submit(&one, fixture_form(&one, id, "h"), "no", good), 0);
	do
		assert_int_equal(flow_feed_next(feed, one.mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
	while (!end && e.type != FLOW_WORKFLOW_FINISHED);
	assert_false(end);
	assert_int_equal(flow_feed_next(feed, one.mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(end);
	flow_feed_close(feed);
	flow_graph_unref(g);
	fixture_close(&one);
	return 0;
}

static void feed_goes_through(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, through_main, NULL), 0);
}

/* --- other branches, several forms, answers before the pause --- */

static const char two_forms[] =
	"{\"nodes\":[" START "," HUMAN("a", "") "," HUMAN("b", "") "," LLM("m", "[[slow:60:4]]") ","
	ANSWER("x", "{{#a.why#}} {{#b.why#}} {{#m.text#}}") "],\"edges\":[" EDGE("s", "a") "," EDGE("s", "b") ","
	EDGE("s", "m") "," EDGE_ON("a", "ok", "x") "," EDGE_ON("b", "ok", "x") "," EDGE("m", "x") "]}";

static status several_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	fixture_serve(&one);
	one.pause_ms = 60;
	struct flow_graph *g = fixture_graph(&one, two_forms);
	struct str id = fixture_start(&one, g, "advanced-chat", "{\"name\":\"Bob\"}", "{}");
	/* The other branch ends before the run pauses. */
	fixture_expect(fixture_wait(&one, id)->status, "paused");
	struct str events = fixture_events(&one, id, 0);
	assert_true(str_has(events, S("node_finished m succeeded\nworkflow_paused paused")));
	assert_int_equal(fixture_submit(&two, fixture_form(&one, id, "b"), "ok", "{\"why\":\"B\",\"level\":\"low\"}"), 0);
	fixture_expect(fixture_wait(&two, id)->status, "paused");
	events = fixture_events(&one, id, 0);
	assert_true(str_has(events, S("human_input_form_filled b\nnode_finished b succeeded\nworkflow_paused paused")));
	assert_int_equal(fixture_submit(&one, fixture_form(&one, id, "a"), "ok", "{\"why\":\"A\",\"level\":\"low\"}"), 0);
	struct flow_result *r = fixture_wait(&one, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "A B tok0 tok1 tok2 tok3");
	assert_int_equal(r->total_steps, 5);
	assert_int_equal(one.calls, 1);

	/* Both answers come while the model still talks, one of them through another process. */
	one.hold = 1;
	id = fixture_start(&one, g, "advanced-chat", "{\"name\":\"Bob\"}", "{}");
	await_forms(&one, id, 2);
	assert_int_equal(fixture_submit(&two, fixture_form(&one, id, "a"), "ok", "{\"why\":\"A\",\"level\":\"low\"}"), 0);
	assert_int_equal(fixture_submit(&one, fixture_form(&one, id, "b"), "ok", "{\"why\":\"B\",\"level\":\"low\"}"), 0);
	fixture_await(&one, id, FLOW_NODE_FINISHED, "\"node_id\":\"a\"");
	one.hold = 0;
	r = fixture_wait(&one, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "A B tok0 tok1 tok2 tok3");
	events = fixture_events(&one, id, 0);
	assert_false(str_has(events, S("workflow_paused")));
	assert_true(str_find(events, S("node_finished a")) < str_find(events, S("node_finished m")));
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void several_forms(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, several_main, NULL), 0);
}

/*
 * The holder has not heard of an answer when it pauses (`one` runs no service and learns nothing):
 * the pause fails and the run goes on.
 */
static status race_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", 60000);
	fixture_open(&two, one.dir, "two", 60000);
	one.hold = 1;
	struct flow_graph *g = fixture_graph(&one, two_forms);
	struct str id = fixture_start(&one, g, "workflow", "{\"name\":\"Bob\"}", "{}");
	await_forms(&one, id, 2);
	assert_int_equal(fixture_submit(&two, fixture_form(&one, id, "a"), "ok", "{\"why\":\"A\",\"level\":\"low\"}"), 0);
	assert_int_equal(fixture_submit(&two, fixture_form(&one, id, "b"), "no", "{\"why\":\"B\",\"level\":\"low\"}"), 0);
	one.hold = 0;
	struct flow_result *r = fixture_wait(&one, id);
	fixture_expect(r->status, "succeeded");
	struct str events = fixture_events(&one, id, 0);
	assert_false(str_has(events, S("workflow_paused")));
	assert_false(str_has(events, S("GAP")));
	assert_true(str_find(events, S("node_finished m")) < str_find(events, S("node_finished a")));
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void answer_at_the_pause(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, race_main, NULL), 0);
}

/* --- time-out --- */

static const char late_graph[] =
	"{\"nodes\":[" START "," HUMAN("h", ",\"timeout\":0.00003,\"timeout_unit\":\"hour\"") "," ANSWER("y", "yes") ","
	ANSWER("t", "late: {{#h.__rendered_content#}}") "],\"edges\":[" EDGE("s", "h") "," EDGE_ON("h", "ok", "y") ","
	EDGE_ON("h", "__timeout", "t") "]}";

static status timeout_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	size_t n, other;
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, late_graph);
	struct str id = fixture_start(&one, g, "advanced-chat", "{\"name\":\"Bob\"}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "paused");
	struct flow_form *form = fixture_form(&one, id, "h");
	assert_int_equal(fiber_sleep_ms(150), 0);
	/* Before anybody has looked, too. */
	assert_int_equal(fixture_submit(&one, form, "ok", good), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_expired");
	assert_int_equal(flow_forms_expire(one.flow, &n), 0);
	assert_int_equal(flow_forms_expire(two.flow, &other), 0);
	assert_int_equal(n, 1);
	assert_int_equal(other, 0);
	struct flow_result *r = fixture_wait(&one, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "late: Dear Bob: {{#$output.why#}} ({{#$outputs.level#}})");
	fixture_expect(fixture_events(&one, id, 6),
	       "workflow_started\nhuman_input_form_timeout h\n"
	       "chunk [\"t\",\"answer\"] 'late: '\nchunk [\"h\",\"__rendered_content\"] 'Dear Bob: {{#$output.why#}} ({{#$outputs.level#}})'\n"
	       "node_finished h succeeded\nnode_started t\nnode_finished t succeeded\nworkflow_finished succeeded\n");
	assert_int_equal(fixture_submit(&one, form, "ok", good), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_expired");
	flow_graph_unref(g);
	/* No edge for it: the path ends. */
	g = fixture_graph(&one, "{\"nodes\":[" START "," HUMAN("h", ",\"timeout\":0.00003,\"timeout_unit\":\"hour\"") "," ANSWER("y", "yes")
				"],\"edges\":[" EDGE("s", "h") "," EDGE_ON("h", "ok", "y") "]}");
	id = fixture_start(&one, g, "workflow", "{}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "paused");
	assert_int_equal(fiber_sleep_ms(150), 0);
	assert_int_equal(flow_forms_expire(two.flow, &n), 0);
	r = fixture_wait(&two, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(json_text(one.mem, r->outputs, JSON_COMPACT), "{}");
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void time_out(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, timeout_main, NULL), 0);
}

/* --- stop; the end closes forms; old nodes without actions --- */

static status stop_main(void *arg)
{
	struct fixture one = { 0 };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, form_graph);
	struct str id = fixture_start(&one, g, "workflow", "{\"name\":\"Bob\"}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "paused");
	struct flow_form *form = fixture_form(&one, id, "h");
	struct flow_record *row;
	assert_int_equal(flow_run_get(one.flow, one.mem, S("t1"), S("app1"), id, &row), 0);
	fixture_expect(row->status, "paused");
	assert_int_equal(flow_stop(one.flow, S("app1"), row->info.task_id, S("somebody else")), 0);
	assert_int_equal(flow_run_get(one.flow, one.mem, S("t1"), S("app1"), id, &row), 0);
	fixture_expect(row->status, "paused");
	assert_int_equal(flow_stop(one.flow, S("app1"), row->info.task_id, S("")), 0);
	fixture_expect(fixture_wait(&one, id)->status, "stopped");
	assert_int_equal(fixture_submit(&one, form, "ok", good), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_expired");
	flow_graph_unref(g);

	g = fixture_graph(&one, "{\"nodes\":[" START ",{\"id\":\"h\",\"data\":{\"type\":\"human-input\",\"title\":\"H\",\"pause_reason\":\"please check\"}},"
				ANSWER("x", "ok") "],\"edges\":[" EDGE("s", "h") "," EDGE("h", "x") "]}");
	id = fixture_start(&one, g, "workflow", "{}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "paused");
	form = fixture_form(&one, id, "h");
	fixture_expect(json_get_str(form->definition, S("form_content")), "please check");
	assert_int_equal(fixture_submit(&one, form, "source", "{}"), 0);
	struct flow_result *r = fixture_wait(&one, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "ok");
	flow_graph_unref(g);
	fixture_close(&one);
	return 0;
}

static void stops(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, stop_main, NULL), 0);
}

/* --- many paused runs cost no memory --- */

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t size = 0, pages = 0;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &size, &pages), 2);
	(void)fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static status many_main(void *arg)
{
	struct fixture one = { 0 };
	const char *asked = getenv("TATARA_TEST_PAUSED");
	int rounds = asked ? atoi(asked) : 500; /* NOLINT(cert-err34-c) */
	size_t warm = 0;
	struct rt_stats s;
	(void)arg;
	fixture_open(&one, S(""), "one", 60000);
	struct flow_graph *g = fixture_graph(&one, form_graph);
	struct arena *kept = one.mem;
	for (int i = 0; i < rounds * 2; i++) {
		one.mem = arena_open(0);
		struct str id = fixture_start(&one, g, "workflow", "{\"name\":\"Bob\"}", "{}");
		assert_int_equal(one.flow->recent_count, 0);
		fixture_expect(fixture_wait(&one, id)->status, "paused");
		arena_close(one.mem);
		one.mem = kept;
		if (i == rounds)
			warm = resident();
	}
	while (one.flow->active)
		assert_int_equal(fiber_sleep_ms(5), 0);
	rt_stats_get(&s);
	double each = ((double)resident() - (double)warm) / rounds;
	print_message("%d paused runs: %.0f bytes of memory each, %zu fibers left\n", rounds * 2, each, s.fibers);
	assert_int_equal(one.flow->by_id.count, 0);
	assert_true(s.fibers < 20);
	/* Few runs only fill the database's page cache; with 5,000 and more that is full. Sanitizers
	 * keep what is freed. */
	if (!SANITIZE_ADDRESS && !SANITIZE_THREAD)
		assert_true(each < (rounds < 5000 ? 8192 : 1024));
	flow_graph_unref(g);
	fixture_close(&one);
	return 0;
}

static void many_paused(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, many_main, NULL), 0);
}

/* --- killed processes --- */

static const char kill_graph[] =
	"{\"nodes\":[" START "," LLM("a", "first") "," HUMAN("h", "") "," LLM("b", "[[slow:60:9]]") ","
	ANSWER("x", "{{#a.text#}}/{{#h.why#}}/{{#b.text#}}") "],\"edges\":[" EDGE("s", "a") "," EDGE("a", "h") ","
	EDGE_ON("h", "ok", "b") "," EDGE("b", "x") "]}";

/* Starts the run, or answers it; then stays until it is killed. */
static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	struct str id = str_c(getenv("FLOW_TEST_RUN")), got;
	fixture_open(&f, str_c(arg), "child", LONG_LEASE_MS);
	fixture_serve(&f);
	if (getenv("FLOW_TEST_ANSWER")) {
		if (fixture_submit(&f, fixture_form(&f, id, "h"), "ok", good))
			abort();
	} else {
		struct json *in;
		struct flow_graph *g = fixture_graph(&f, kill_graph);
		if (json_parse(f.mem, S("{\"name\":\"Bob\"}"), &in))
			abort();
		struct flow_start start = { .info = { .run_id = id, .tenant_id = S("t1"), .app_id = S("app1"),
						      .user = S("u1"), .app_mode = S("advanced-chat") },
					    .graph = g, .inputs = in, .system = json_obj(f.mem) };
		if (flow_run_start(f.flow, f.mem, &start, &got))
			abort();
	}
	for (;;)
		if (fiber_sleep_ms(1000))
			abort();
}

/* The parent's clock when the child's lease is over: nobody loses one to a stall of the machine. */
static int64_t after_the_lease(void)
{
	return clock_real_ms() + LONG_LEASE_MS + 1000;
}

static status killed_main(void *arg)
{
	struct fixture f = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "parent", SAFE_LEASE_MS);
	struct str id = id_uuid(f.mem);
	setenv("FLOW_TEST_RUN", arena_cstr(f.mem, id), 1);
	unsetenv("FLOW_TEST_ANSWER");
	struct proc *child = fixture_child(&f);
	fixture_await(&f, id, FLOW_WORKFLOW_PAUSED, "");
	fixture_kill(child); /* while it is paused */
	assert_int_equal(f.calls, 1);
	fixture_expect(fixture_wait(&f, id)->status, "paused");
	setenv("FLOW_TEST_ANSWER", "1", 1);
	f.hold = 4;
	child = fixture_child(&f);
	fixture_await(&f, id, FLOW_CHUNK, "tok2");
	fixture_kill(child); /* in the middle of what follows the answer */
	f.hold = 0;
	clock_override(after_the_lease);
	fixture_serve(&f);
	struct flow_result *r = fixture_wait(&f, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "You said: first/fine/tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8");
	assert_int_equal(f.calls, 3); /* a once, b twice */
	assert_int_equal(r->total_steps, 5);
	struct str events = fixture_events(&f, id, 0);
	assert_false(str_has(events, S("replace")));
	assert_false(str_has(events, S("GAP")));
	size_t at = str_find(events, S("human_input_form_filled"));
	assert_true(at != SIZE_MAX && !str_has(str_skip(events, at + 1), S("human_input_form_filled")));
	fixture_close(&f);
	clock_override(NULL);
	return 0;
}

static void killed(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, killed_main, NULL), 0);
}

/* --- runs for a worker --- */

static const char echo_graph[] = "{\"nodes\":[" START "," ANSWER("x", "hi {{#s.name#}}") "],\"edges\":[" EDGE("s", "x") "]}";

static struct str queue_run(struct fixture *f, struct flow_graph *g)
{
	struct json *in;
	struct str id;
	assert_int_equal(json_parse(f->mem, S("{\"name\":\"Bob\"}"), &in), 0);
	struct flow_start start = { .info = { .tenant_id = S("t1"), .app_id = S("app1"), .task_id = S("task1"),
					      .user = S("u1"), .app_mode = S("workflow") },
				    .graph = g, .inputs = in, .system = json_obj(f->mem), .queued = true };
	assert_int_equal(flow_run_start(f->flow, f->mem, &start, &id), 0);
	return id;
}

static status queued_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	struct flow_record *row;
	struct job *job;
	struct str queue = S(FLOW_QUEUE);
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, echo_graph);
	struct str id = queue_run(&one, g);
	assert_int_equal(flow_run_get(one.flow, one.mem, S("t1"), S("app1"), id, &row), 0);
	fixture_expect(row->status, "scheduled");
	assert_int_equal(one.flow->active, 0);
	assert_int_equal(queue_take(two.broker, two.mem, &queue, 1, 60000, &job), 0);
	fixture_expect(job->payload, arena_cstr(one.mem, id));
	assert_int_equal(flow_run_begin(two.flow, id), 0);
	assert_int_equal(flow_run_begin(one.flow, id), -1);
	assert_int_equal(err_code(), ERR_STALE);
	assert_int_equal(queue_done(two.broker, job), 0);
	/* Followed from the process that accepted it. */
	fixture_expect(fixture_events(&one, id, 0), "workflow_started\nnode_started s\nchunk [\"x\",\"answer\"] 'hi '\n"
					    "chunk [\"s\",\"name\"] 'Bob'\nnode_finished s succeeded\nnode_started x\n"
					    "node_finished x succeeded\nworkflow_finished succeeded\n");
	fixture_expect(fixture_wait(&one, id)->status, "succeeded");
	/* Stopped before anybody began it. */
	id = queue_run(&one, g);
	assert_int_equal(flow_stop(two.flow, S("app1"), S("task1"), S("")), 0);
	fixture_expect(fixture_wait(&one, id)->status, "stopped");
	assert_int_equal(flow_run_begin(two.flow, id), -1);
	assert_int_equal(err_code(), ERR_STALE);
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void queued(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, queued_main, NULL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_elsewhere), cmocka_unit_test(feed_goes_through),
		cmocka_unit_test(several_forms),     cmocka_unit_test(answer_at_the_pause),
		cmocka_unit_test(time_out),	     cmocka_unit_test(stops),
		cmocka_unit_test(many_paused),	     cmocka_unit_test(killed),
		cmocka_unit_test(queued),
	};
	return cmocka_run_group_tests_name("flow_pause", tests, NULL, NULL);
}
