/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People are asked inside of iterations and loops: each element and round has a form of its own, an
 * answer moves the one that asked, everything else goes on or stays where it is. And the same while
 * the process is killed again and again: TATARA_ASK_SEEDS sets how often (3), TATARA_ASK_SEED the
 * first.
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

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "fixture.h"
#include "flow/run.h"
#include "os/os.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define LLM(id, text, more) NODE(id, "llm", ",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}]" more)
#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define EDGE_ON(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
#define ITERATION(id, from, out, more) \
	NODE(id, "iteration", ",\"iterator_selector\":" from ",\"output_selector\":" out ",\"start_node_id\":\"" id "start\"" more) "," \
	"{\"id\":\"" id "start\",\"data\":{\"type\":\"iteration-start\"}}"
#define LOOP(id, count, more) \
	NODE(id, "loop", ",\"loop_count\":" count ",\"break_conditions\":[],\"start_node_id\":\"" id "start\"" more) "," \
	"{\"id\":\"" id "start\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"" id "\"}}"
#define HUMAN(content, in, more) \
	NODE("h", "human-input", ",\"form_content\":\"" content "\",\"inputs\":[{\"type\":\"paragraph\",\"output_variable_name\":\"why\"}]," \
	"\"user_actions\":[{\"id\":\"ok\",\"title\":\"OK\"},{\"id\":\"no\",\"title\":\"No\"}]" in more)
#define TEXT(id, template, in) \
	NODE(id, "template-transform", ",\"template\":\"" template "\",\"variables\":[{\"variable\":\"i\",\"value_selector\":[\"it\",\"item\"]},{\"variable\":\"w\",\"value_selector\":[\"h\",\"why\"]}]" in)
/* Asks; the three ways on meet in g. */
#define QUESTION(in, more) \
	HUMAN("{{#it.item#}}?", in, more) "," TEXT("x", "{{ i }}={{ w }}", in) "," TEXT("n", "{{ i }} refused", in) "," TEXT("t", "{{ i }} late", in) "," \
	NODE("g", "variable-aggregator", ",\"output_type\":\"string\",\"variables\":[[\"x\",\"output\"],[\"n\",\"output\"],[\"t\",\"output\"]]" in)
#define WAYS \
	EDGE_ON("h", "ok", "x") "," EDGE_ON("h", "no", "n") "," EDGE_ON("h", "__timeout", "t") "," EDGE("x", "g") "," EDGE("n", "g") "," EDGE("t", "g")
#define END(selector) NODE("e", "end", ",\"outputs\":[{\"variable\":\"o\",\"value_selector\":" selector "}]")
#define START NODE("s", "start", ",\"variables\":[]")
#define IN_IT ",\"iteration_id\":\"it\""

enum { LEASE_MS = 800 };

/* --- which form --- */

/* "0/2": the third element of what lies in the first one. */
static struct str place(struct fixture *f, const struct flow_form *form)
{
	struct buf b = buf_make(f->mem, 0);
	json_each(json_get(form->definition, S("place")), at)
		buf_printf(&b, "%s%d", b.len ? "/" : "", (int)json_get_int(at, S("index"), -1));
	return buf_str(&b);
}

static struct flow_form *find(struct fixture *f, struct str id, const char *where)
{
	struct flow_form *list;
	size_t n = fixture_forms(f, id, &list);
	for (size_t i = 0; i < n; i++)
		if (str_eq(place(f, &list[i]), str_c(where)))
			return &list[i];
	fail_msg("nobody asks at %s", where);
	return NULL;
}

static void answer(struct fixture *f, struct str id, const char *where, const char *action, const char *why)
{
	char inputs[64];
	(void)snprintf(inputs, sizeof(inputs), "{\"why\":\"%s\"}", why);
	if (fixture_submit(f, find(f, id, where), action, inputs))
		fail_msg("%s: %.*s", where, STR(err_text()));
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The places that ask, in their own order. */
static struct str asking(struct fixture *f, struct str id)
{
	struct flow_form *list;
	size_t n = fixture_forms(f, id, &list);
	struct str *places = arena_array(f->mem, struct str, n + 1);
	struct buf b = buf_make(f->mem, 0);
	for (size_t i = 0; i < n; i++)
		places[i] = place(f, &list[i]);
	qsort(places, n, sizeof(*places), by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%.*s", i ? " " : "", STR(places[i]));
	return buf_str(&b);
}

static size_t count_of(struct str text, const char *what)
{
	size_t n = 0, len = strlen(what);
	for (size_t at; (at = str_find(text, str_c(what))) != SIZE_MAX; n++)
		text = str_skip(text, at + len);
	return n;
}

static void outputs(struct fixture *f, struct str id, const char *want)
{
	struct flow_result *r = fixture_wait(f, id);
	if (r->error.len)
		print_error("%.*s\n", STR(r->error));
	fixture_expect(json_text(f->mem, r->outputs, JSON_COMPACT), want);
}

static void paused(struct fixture *f, struct str id)
{
	fixture_expect(fixture_wait(f, id)->status, "paused");
	while (f->flow->active) /* its fiber is about to end */
		assert_int_equal(fiber_sleep_ms(1), 0);
	assert_null(map_get(&f->flow->by_id, id));
}

/* --- one element after the other, each answer in another process --- */

static const char sequential[] =
	"{\"nodes\":[" START "," ITERATION("it", "[\"s\",\"l\"]", "[\"g\",\"output\"]", "") "," QUESTION(IN_IT, "") "," END("[\"it\",\"output\"]") "],"
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "h") "," WAYS "," EDGE("it", "e") "]}";

static const char first_events[] =
	"workflow_started\nnode_started s\nnode_finished s succeeded\niteration_started it\niteration_next it 0\n"
	"node_started h\nhuman_input_required h\nworkflow_paused paused\n";
static const char second_events[] =
	"workflow_started\nhuman_input_form_filled h\nnode_finished h succeeded\nnode_started x\n"
	"node_finished x succeeded\nnode_started g\nnode_finished g succeeded\niteration_next it 1\nnode_started h\n"
	"human_input_required h\nworkflow_paused paused\n";
static const char last_events[] =
	"workflow_started\nhuman_input_form_filled h\nnode_finished h succeeded\nnode_started n\n"
	"node_finished n succeeded\nnode_started g\nnode_finished g succeeded\niteration_completed it succeeded {\"output\":[\"a=A\",\"b refused\"]}\n"
	"chunk [\"it\",\"output\"] '- a=A\n- b refused'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n";

/* What clients are told names the form and the element. */
static void check_data(struct fixture *f, struct str id)
{
	struct flow_form *form = find(f, id, "1");
	struct flow_result *r = fixture_wait(f, id);
	const struct json *reason = json_at(json_get(r->pause, S("reasons")), 0);
	assert_int_equal(json_len(json_get(r->pause, S("reasons"))), 1);
	fixture_expect(json_text(f->mem, json_get(r->pause, S("paused_nodes")), JSON_COMPACT), "[\"h\"]");
	assert_true(str_eq(json_get_str(reason, S("form_id")), form->id));
	assert_true(str_eq(json_get_str(reason, S("form_token")), form->token));
	fixture_expect(json_get_str(reason, S("form_content")), "b?");
	fixture_expect(json_get_str(reason, S("iteration_id")), "it");
	assert_int_equal(json_get_int(reason, S("iteration_index"), -1), 1);
	fixture_expect(json_text(f->mem, json_get(form->definition, S("place")), JSON_COMPACT),
		       "[{\"node_id\":\"it\",\"node_type\":\"iteration\",\"title\":\"it\",\"index\":1}]");
}

static status sequential_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, sequential);
	struct str id = fixture_start(&one, g, "workflow", "{\"l\":[\"a\",\"b\"]}", "{}");
	paused(&one, id);
	fixture_expect(fixture_events(&one, id, 0), first_events);
	fixture_expect(asking(&one, id), "0");
	answer(&two, id, "0", "ok", "A");
	paused(&two, id);
	fixture_expect(fixture_events(&one, id, 8), second_events);
	fixture_expect(asking(&one, id), "1");
	check_data(&one, id);
	answer(&one, id, "1", "no", "B");
	outputs(&two, id, "{\"o\":[\"a=A\",\"b refused\"]}");
	fixture_expect(fixture_events(&two, id, 19), last_events);
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void one_after_the_other(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, sequential_main, NULL), 0);
}

/* --- side by side: some ask, some do not --- */

#define PARALLEL ",\"is_parallel\":true,\"parallel_nums\":4"
static const char parallel[] =
	"{\"nodes\":[" START "," ITERATION("it", "[\"s\",\"l\"]", "[\"j\",\"output\"]", PARALLEL) ","
	NODE("i", "if-else", ",\"cases\":[{\"case_id\":\"q\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":[\"it\",\"item\"],\"comparison_operator\":\"contains\",\"value\":\"q\"}]}]" IN_IT) ","
	QUESTION(IN_IT, "") "," LLM("m", "[[slow:60:5]] {{#it.item#}}", IN_IT) ","
	NODE("j", "variable-aggregator", ",\"output_type\":\"string\",\"variables\":[[\"g\",\"output\"],[\"m\",\"text\"]]" IN_IT) "," END("[\"it\",\"output\"]") "],"
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "i") "," EDGE_ON("i", "q", "h") "," EDGE_ON("i", "false", "m") "," WAYS "," EDGE("g", "j") "," EDGE("m", "j") "," EDGE("it", "e") "]}";
#define SLOW "tok0 tok1 tok2 tok3 tok4"

/* Seconds of a container and of one of its elements, as the completed event has them. */
static void elapsed(struct fixture *f, struct str id, double *whole, double *element)
{
	struct flow_feed *feed;
	struct json *d = NULL;
	assert_int_equal(flow_follow(f->flow, id, 0, &feed), 0);
	for (bool end = false; !end;) {
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (!end && e.type == FLOW_ITERATION_COMPLETED)
			assert_int_equal(json_parse(f->mem, arena_str(f->mem, e.data), &d), 0);
	}
	flow_feed_close(feed);
	*whole = json_as_double(json_get(d, S("elapsed_time")), -1);
	*element = json_as_double(json_path(d, "execution_metadata.iteration_duration_map.1"), -1);
}

static status parallel_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	fixture_serve(&one);
	one.pause_ms = 20;
	struct flow_graph *g = fixture_graph(&one, parallel);
	struct str id = fixture_start(&one, g, "workflow", "{\"l\":[\"q1\",\"b\",\"q2\",\"d\",\"q3\",\"f\"]}", "{}");
	paused(&one, id);
	/* What does not ask has ended, and is not asked again. */
	fixture_expect(asking(&one, id), "0 2 4");
	assert_int_equal(one.calls, 3);
	struct str events = fixture_events(&one, id, 0);
	assert_int_equal(count_of(events, "node_finished m succeeded"), 3);
	assert_int_equal(count_of(events, "human_input_required h"), 3);
	assert_true(str_ends(events, S("workflow_paused paused\n")));
	assert_int_equal(json_len(json_get(fixture_wait(&one, id)->pause, S("reasons"))), 3);
	answer(&two, id, "4", "ok", "C");
	paused(&two, id);
	fixture_expect(asking(&one, id), "0 2");
	answer(&one, id, "0", "no", "");
	paused(&one, id);
	assert_int_equal(fiber_sleep_ms(400), 0);
	answer(&two, id, "2", "ok", "B");
	outputs(&two, id, "{\"o\":[\"q1 refused\",\"" SLOW "\",\"q2=B\",\"" SLOW "\",\"q3=C\",\"" SLOW "\"]}");
	assert_int_equal(one.calls, 3);
	events = fixture_events(&one, id, 0);
	assert_int_equal(count_of(events, "node_finished j succeeded"), 6);
	assert_int_equal(count_of(events, "node_started i"), 6);
	assert_int_equal(count_of(events, "human_input_form_filled h"), 3);
	assert_int_equal(count_of(events, "iteration_next it"), 6);
	assert_int_equal(count_of(events, "workflow_paused"), 3);
	/* What was done before the pauses counts, the pauses do not. */
	double whole, element, run = fixture_wait(&two, id)->elapsed;
	elapsed(&one, id, &whole, &element);
	assert_true(element >= 0.1 && whole >= element - 0.01 && whole <= run + 0.01);

	/* Answers while others still work: there is no pause at all. */
	one.pause_ms = 300;
	id = fixture_start(&one, g, "workflow", "{\"l\":[\"q1\",\"b\",\"q2\"]}", "{}");
	while (!str_eq(asking(&one, id), S("0 2")))
		assert_int_equal(fiber_sleep_ms(5), 0);
	answer(&one, id, "2", "ok", "B");
	answer(&one, id, "0", "ok", "A");
	outputs(&one, id, "{\"o\":[\"q1=A\",\"" SLOW "\",\"q2=B\"]}");
	events = fixture_events(&two, id, 0);
	assert_false(str_has(events, S("workflow_paused")));
	assert_true(str_find(events, S("node_finished h")) < str_find(events, S("node_finished m")));
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void side_by_side(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, parallel_main, NULL), 0);
}

/* --- a loop: its variables, a form that nobody answers --- */

#define IN_LP ",\"loop_id\":\"lp\""
/* The second round asks with a time that is over at once. */
static const char loop[] =
	"{\"nodes\":[" START "," LOOP("lp", "3", ",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0},{\"label\":\"all\",\"var_type\":\"array[string]\",\"value_type\":\"constant\",\"value\":\"[]\"}]") ","
	NODE("i", "if-else", ",\"cases\":[{\"case_id\":\"second\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":[\"lp\",\"n\"],\"comparison_operator\":\"=\",\"value\":\"1\"}]}]" IN_LP) ","
	HUMAN("{{#lp.all#}}", IN_LP, "") "," NODE("k", "human-input", ",\"form_content\":\"quick\",\"inputs\":[],\"user_actions\":[{\"id\":\"ok\",\"title\":\"OK\"}],\"timeout\":0.00003,\"timeout_unit\":\"hour\"" IN_LP) ","
	NODE("x", "template-transform", ",\"template\":\"{{ w }}\",\"variables\":[{\"variable\":\"w\",\"value_selector\":[\"h\",\"why\"]}]" IN_LP) ","
	NODE("t", "template-transform", ",\"template\":\"late\",\"variables\":[]" IN_LP) ","
	NODE("g", "variable-aggregator", ",\"output_type\":\"string\",\"variables\":[[\"x\",\"output\"],[\"t\",\"output\"]]" IN_LP) ","
	NODE("add", "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"lp\",\"all\"],\"input_type\":\"variable\",\"operation\":\"append\",\"value\":[\"g\",\"output\"]},{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]" IN_LP) ","
	END("[\"lp\",\"all\"]") "],"
	"\"edges\":[" EDGE("s", "lp") "," EDGE("lpstart", "i") "," EDGE_ON("i", "second", "k") "," EDGE_ON("i", "false", "h") "," EDGE_ON("h", "ok", "x") "," EDGE_ON("k", "__timeout", "t") "," EDGE("x", "g") "," EDGE("t", "g") "," EDGE("g", "add") "," EDGE("lp", "e") "]}";

static void expire(struct fixture *f)
{
	size_t n = 0;
	while (!n) {
		assert_int_equal(flow_forms_expire(f->flow, &n), 0);
		assert_int_equal(fiber_sleep_ms(20), 0);
	}
	assert_int_equal(n, 1);
}

static status loop_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, loop);
	struct str id = fixture_start(&one, g, "workflow", "{}", "{}");
	paused(&one, id);
	answer(&one, id, "0", "ok", "first");
	paused(&one, id);
	fixture_expect(asking(&one, id), "1");
	assert_int_equal(json_get_int(json_at(json_get(fixture_wait(&one, id)->pause, S("reasons")), 0), S("loop_index"), -1), 1);
	expire(&two);
	paused(&two, id);
	fixture_expect(json_get_str(find(&two, id, "2")->definition, S("form_content")), "- first\n- late");
	answer(&one, id, "2", "ok", "third");
	outputs(&two, id, "{\"o\":[\"first\",\"late\",\"third\"]}");
	struct str events = fixture_events(&one, id, 0);
	assert_int_equal(count_of(events, "human_input_form_timeout k"), 1);
	assert_int_equal(count_of(events, "human_input_form_filled h"), 2);
	assert_int_equal(count_of(events, "loop_next lp"), 3);
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void in_a_loop(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, loop_main, NULL), 0);
}

/* --- side by side within side by side, with text on the way --- */

#define IN_IN ",\"iteration_id\":\"in\""
static const char nested[] =
	"{\"nodes\":[" START "," ITERATION("it", "[\"s\",\"l\"]", "[\"in\",\"output\"]", PARALLEL) ","
	ITERATION("in", "[\"it\",\"item\"]", "[\"x\",\"output\"]", PARALLEL IN_IT) ","
	HUMAN("{{#in.item#}}?", IN_IN, "") ","
	NODE("x", "template-transform", ",\"template\":\"{{ i }}={{ w }}\",\"variables\":[{\"variable\":\"i\",\"value_selector\":[\"in\",\"item\"]},{\"variable\":\"w\",\"value_selector\":[\"h\",\"why\"]}]" IN_IN) ","
	NODE("a", "answer", ",\"answer\":\"<{{#x.output#}}>\"" IN_IN) "," NODE("b", "answer", ",\"answer\":\"end {{#it.output#}}\"") "],"
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "in") "," EDGE("instart", "h") "," EDGE_ON("h", "ok", "x") "," EDGE("x", "a") "," EDGE("it", "b") "]}";

static status nested_main(void *arg)
{
	static const char *const order[] = { "1/1", "0/0", "2/0", "1/0", "0/1" };
	struct fixture one = { 0 }, two = { .no_model = true };
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, nested);
	struct str id = fixture_start(&one, g, "advanced-chat", "{\"l\":[[\"a\",\"b\"],[\"c\",\"d\"],[\"e\"]]}", "{}");
	paused(&one, id);
	fixture_expect(asking(&one, id), "0/0 0/1 1/0 1/1 2/0");
	for (size_t i = 0; i < countof(order); i++) {
		struct fixture *f = i % 2 ? &one : &two;
		paused(f, id);
		answer(f, id, order[i], "ok", "y");
	}
	struct flow_result *r = fixture_wait(&two, id);
	fixture_expect(r->status, "succeeded");
	fixture_expect(r->answer, "<d=y><a=y><e=y><c=y><b=y>end - a=y\n- b=y\n- c=y\n- d=y\n- e=y");
	struct str events = fixture_events(&one, id, 0);
	assert_false(str_has(events, S("replace")));
	assert_int_equal(count_of(events, "node_started h"), 5);
	assert_int_equal(count_of(events, "node_finished a succeeded"), 5);
	assert_int_equal(count_of(events, "iteration_completed in succeeded"), 3);
	assert_int_equal(count_of(events, "iteration_next in"), 5);
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void nested_elements(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, nested_main, NULL), 0);
}

/* --- questions that nobody needs to answer any more --- */

#define FAILING(more) \
	"{\"nodes\":[" START "," ITERATION("it", "[\"s\",\"l\"]", "[\"g\",\"output\"]", PARALLEL more) "," \
	NODE("i", "if-else", ",\"cases\":[{\"case_id\":\"q\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":[\"it\",\"item\"],\"comparison_operator\":\"contains\",\"value\":\"q\"}]}]" IN_IT) "," \
	QUESTION(IN_IT, "") "," LLM("m", "[[fail]]", IN_IT) "," END("[\"s\",\"l\"]") "]," \
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "i") "," EDGE_ON("i", "q", "h") "," EDGE_ON("i", "false", "m") "," WAYS "," EDGE_ON("it", "fail-branch", "e") "]}"

static status moot_main(void *arg)
{
	struct fixture one = { 0 };
	struct flow_form *form;
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	struct flow_graph *g = fixture_graph(&one, FAILING(""));
	struct str id = fixture_start(&one, g, "workflow", "{\"l\":[\"q1\",\"q2\",\"b\"]}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "failed");
	fixture_expect(asking(&one, id), "");
	flow_graph_unref(g);
	/* Where the run goes on, a person who comes late hears it too. */
	g = fixture_graph(&one, FAILING(",\"error_strategy\":\"fail-branch\""));
	id = fixture_start(&one, g, "workflow", "{\"l\":[\"q1\",\"q2\",\"b\"]}", "{}");
	fixture_expect(fixture_wait(&one, id)->status, "partial-succeeded");
	form = fixture_form(&one, id, "h");
	assert_int_equal(form->state, FORM_CLOSED);
	assert_int_equal(fixture_submit(&one, form, "ok", "{\"why\":\"x\"}"), -1);
	fixture_expect(err_slug(err_last()), "human_input_form_expired");
	struct str events = fixture_events(&one, id, 0);
	assert_int_equal(count_of(events, "node_finished h failed"), 2);
	assert_false(str_has(events, S("workflow_paused")));
	flow_graph_unref(g);
	/* The other modes wait: the element that failed is only one of them. */
	g = fixture_graph(&one, FAILING(",\"error_handle_mode\":\"continue-on-error\""));
	id = fixture_start(&one, g, "workflow", "{\"l\":[\"q1\",\"b\"]}", "{}");
	paused(&one, id);
	answer(&one, id, "0", "ok", "A");
	fixture_expect(fixture_wait(&one, id)->status, "succeeded");
	assert_true(str_has(fixture_events(&one, id, 0), S("iteration_completed it succeeded {\"output\":[\"q1=A\",null]}")));
	flow_graph_unref(g);
	/* Stopped while it waits. */
	g = fixture_graph(&one, sequential);
	id = fixture_start(&one, g, "workflow", "{\"l\":[\"a\"]}", "{}");
	paused(&one, id);
	struct flow_record *row;
	assert_int_equal(flow_run_get(one.flow, one.mem, S("t1"), S("app1"), id, &row), 0);
	assert_int_equal(flow_stop(one.flow, S("app1"), row->info.task_id, S("")), 0);
	fixture_expect(fixture_wait(&one, id)->status, "stopped");
	fixture_expect(asking(&one, id), "");
	flow_graph_unref(g);
	fixture_close(&one);
	return 0;
}

static void moot(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, moot_main, NULL), 0);
}

/* --- killed processes --- */

/* {{#sys.workflow_run_id#}} makes each prompt the run's own. */
#define RUN_ID "{{#sys.workflow_run_id#}}"
static const char killed_graph[] =
	"{\"nodes\":[" START "," ITERATION("it", "[\"s\",\"l\"]", "[\"q\",\"text\"]", PARALLEL) ","
	LLM("p", "p {{#it.item#}} " RUN_ID, IN_IT) "," HUMAN("{{#it.item#}}?", IN_IT, "") "," LLM("q", "q {{#it.item#}} {{#h.why#}} " RUN_ID, IN_IT) ","
	NODE("a", "answer", ",\"answer\":\"<{{#it.item#}}>\"" IN_IT) ","
	LOOP("lp", "2", ",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0}]") ","
	NODE("inc", "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]" IN_LP) ","
	NODE("k", "human-input", ",\"form_content\":\"round {{#lp.n#}}\",\"inputs\":[],\"user_actions\":[{\"id\":\"ok\",\"title\":\"OK\"}]" IN_LP) ","
	NODE("b", "answer", ",\"answer\":\"[{{#lp.n#}}]\"" IN_LP) "," LLM("side", "side " RUN_ID, "") "," NODE("z", "answer", ",\"answer\":\"end {{#it.output#}}.\"") "],"
	"\"edges\":[" EDGE("s", "it") "," EDGE("s", "side") "," EDGE("itstart", "p") "," EDGE("p", "h") "," EDGE_ON("h", "ok", "q") "," EDGE("q", "a") "," EDGE("it", "lp") "," EDGE("side", "lp") ","
	EDGE("lpstart", "inc") "," EDGE("inc", "k") "," EDGE_ON("k", "ok", "b") "," EDGE("lp", "z") "]}";

enum { RUNS = 4, KILL_LEASE_MS = 400, LIFE_MAX_MS = 700, KILLS_MAX = 6 };

/* An app of its own: on a shared database other tests have left forms that nobody answers. */
#define KILLED_APP "ask-killed"

/* Somebody who answers all that waits, one after the other. */
static void answer_one(struct fixture *f)
{
	struct flow_form *list;
	size_t n;
	if (flow_form_list(f->flow, f->mem, S("t1"), S(KILLED_APP), &list, &n))
		abort();
	if (!n)
		return;
	/* Not always the oldest. */
	const struct flow_form *form = &list[(size_t)(uint8_t)list[0].id.at[0] % n];
	struct json *in = json_obj(f->mem);
	json_set_str(f->mem, in, S("why"), json_get_str(form->definition, S("form_content")));
	if (flow_form_submit(f->flow, f->mem, form, S("ok"), in, S("u1")) && err_http(err_last()) != 412)
		abort();
}

static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	struct str ids = str_c(getenv("ASK_TEST_RUNS")), out;
	struct json *in;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
	fixture_open(&f, str_c(arg), "child", KILL_LEASE_MS);
	fixture_serve(&f);
	struct flow_graph *g = fixture_graph(&f, killed_graph);
	if (json_parse(f.mem, S("{\"l\":[\"a\",\"b\",\"c\"]}"), &in))
		abort();
	while (ids.len) {
		struct flow_start start = { .info = { .run_id = arena_str(f.mem, str_cut(&ids, ',')), .tenant_id = S("t1"),
						      .app_id = S(KILLED_APP), .user = S("u1"), .app_mode = S("advanced-chat") },
					    .graph = g, .inputs = in, .system = json_obj(f.mem) };
		if (flow_run_start(f.flow, f.mem, &start, &out) || fiber_sleep_ms(12))
			abort();
	}
	for (;;) {
		if (fiber_sleep_ms(25))
			abort();
		answer_one(&f);
	}
}

static void wait_end(struct fixture *f, struct str id, struct flow_result **r)
{
	for (int i = 0;; i++) {
		*r = fixture_wait(f, id);
		if (!str_eq((*r)->status, S("paused")))
			return;
		assert_true(i < 4000);
		assert_int_equal(fiber_sleep_ms(20), 0);
	}
}

static void check_run(struct fixture *f, struct str id)
{
	static const char *const once[] = { "node_started s\n", "node_finished side", "iteration_started it", "iteration_completed it",
					    "loop_started lp", "loop_completed lp", "node_finished z", "workflow_finished" };
	static const struct {
		const char *event;
		size_t times;
	} counts[] = { { "node_started p", 3 }, { "node_finished p", 3 }, { "node_started h", 3 }, { "node_finished h", 3 },
		       { "node_finished q", 3 }, { "node_finished a", 3 }, { "human_input_form_filled", 5 }, { "human_input_required", 5 },
		       { "node_finished k", 2 }, { "node_finished b", 2 }, { "node_finished inc", 2 }, { "iteration_next it", 3 } };
	struct flow_result *r;
	wait_end(f, id, &r);
	if (r->error.len)
		print_error("run %.*s: %.*s\n", STR(id), STR(r->error));
	fixture_expect(r->status, "succeeded");
	struct str end = arena_printf(f->mem, "[1][2]end - You said: q a a? %.*s\n- You said: q b b? %.*s\n- You said: q c c? %.*s.",
				      STR(id), STR(id), STR(id));
	if (!str_ends(r->answer, end) || r->answer.len != end.len + 9)
		print_error("answer %.*s\n", STR(r->answer));
	assert_true(str_ends(r->answer, end) && r->answer.len == end.len + 9);
	struct str events = fixture_events(f, id, 0);
	for (size_t i = 0; i < countof(once); i++)
		if (count_of(events, once[i]) != 1)
			fail_msg("%s comes %zu times in\n%.*s", once[i], count_of(events, once[i]), STR(events));
	for (size_t i = 0; i < countof(counts); i++)
		if (count_of(events, counts[i].event) != counts[i].times)
			fail_msg("%s comes %zu times in\n%.*s", counts[i].event, count_of(events, counts[i].event), STR(events));
	assert_int_equal(count_of(events, "workflow_paused") + 1, count_of(events, "workflow_started"));
	assert_false(str_has(events, S("OUT OF ORDER")));
	assert_int_equal(r->total_steps, 5);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static status seed_main(void *arg)
{
	struct fixture f = { 0 };
	uint64_t state = (uint64_t)(uintptr_t)arg * 7919 + 1;
	struct str ids[RUNS];
	struct buf list = buf_make(NULL, 0);
	struct flow_feed *feed;
	fixture_open(&f, S(""), "parent", KILL_LEASE_MS);
	f.pause_ms = 8;
	for (size_t i = 0; i < RUNS; i++) {
		ids[i] = id_uuid(f.mem);
		buf_printf(&list, "%s%.*s", i ? "," : "", STR(ids[i]));
	}
	setenv("ASK_TEST_RUNS", arena_cstr(f.mem, buf_str(&list)), 1);
	struct proc *child = fixture_child(&f);
	while (flow_follow(f.flow, ids[RUNS - 1], 0, &feed))
		assert_int_equal(fiber_sleep_ms(10), 0);
	flow_feed_close(feed);
	setenv("ASK_TEST_RUNS", "", 1);
	uint32_t kills = 2 + next_random(&state) % (KILLS_MAX - 1);
	for (uint32_t i = 0; i < kills; i++) {
		assert_int_equal(fiber_sleep_ms((i ? KILL_LEASE_MS : 0) + next_random(&state) % LIFE_MAX_MS), 0);
		fixture_kill(child);
		child = fixture_child(&f);
	}
	for (size_t i = 0; i < RUNS; i++)
		check_run(&f, ids[i]);
	print_message("seed %d: %d kills, %d model calls for %d nodes\n", (int)(uintptr_t)arg, (int)kills, f.calls, RUNS * 7);
	fixture_kill(child);
	buf_free(&list);
	fixture_close(&f);
	return 0;
}

static void killed_again_and_again(void **state)
{
	int64_t first = fixture_setting("TATARA_ASK_SEED", 1), n = fixture_setting("TATARA_ASK_SEEDS", 3);
	(void)state;
	for (int64_t seed = first; seed < first + n; seed++)
		assert_int_equal(rt_run(NULL, seed_main, (void *)(uintptr_t)seed), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other), cmocka_unit_test(side_by_side), cmocka_unit_test(in_a_loop),
		cmocka_unit_test(nested_elements),     cmocka_unit_test(moot),	       cmocka_unit_test(killed_again_and_again),
	};
	return cmocka_run_group_tests_name("flow_ask", tests, NULL, NULL);
}
