/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs with everything that a run can hold (an iteration in parallel, a loop with an iteration in
 * it, retries, answers on the way) while their process is killed with SIGKILL again and again at
 * random moments. Each must end as if nothing had happened: the same outputs, each text once, no
 * node that had ended called again. TATARA_CRASH_SEEDS sets how many seeds (4), TATARA_CRASH_SEED
 * the first one.
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
#define ITERATION(id, from, out, parallel, more) \
	NODE(id, "iteration", ",\"iterator_selector\":" from ",\"output_selector\":[\"" out "\",\"text\"],\"start_node_id\":\"" id "start\",\"is_parallel\":" parallel ",\"parallel_nums\":3" more) "," \
	"{\"id\":\"" id "start\",\"parentId\":\"" id "\",\"data\":{\"type\":\"iteration-start\"}}"

/* {{#sys.workflow_run_id#}} makes each prompt the run's own. */
#define RUN "{{#sys.workflow_run_id#}}"
static const char graph_text[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") ","
	ITERATION("it", "[\"s\",\"l\"]", "x", "true", "") ","
	LLM("x", "x {{#it.item#}} " RUN, ",\"iteration_id\":\"it\"") ","
	LLM("y", "y {{#x.text#}}", ",\"iteration_id\":\"it\"") ","
	NODE("ia", "answer", ",\"answer\":\"<{{#it.item#}}>\",\"iteration_id\":\"it\"") ","
	LLM("side", "side " RUN, "") ","
	LLM("flaky", "[[flaky]] " RUN, ",\"retry_config\":{\"retry_enabled\":true,\"max_retries\":9,\"retry_interval\":5}") ","
	"{\"id\":\"lp\",\"data\":{\"type\":\"loop\",\"title\":\"lp\",\"loop_count\":3,\"break_conditions\":[],\"start_node_id\":\"lpstart\",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0},{\"label\":\"all\",\"var_type\":\"array[string]\",\"value_type\":\"constant\",\"value\":\"[]\"}]}},"
	"{\"id\":\"lpstart\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}},"
	NODE("inc", "assigner", ",\"version\":\"2\",\"loop_id\":\"lp\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1},{\"variable_selector\":[\"conversation\",\"c\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":10}]") ","
	LLM("r", "r {{#lp.n#}} " RUN, ",\"loop_id\":\"lp\"") ","
	ITERATION("in", "[\"s\",\"l2\"]", "z", "false", ",\"loop_id\":\"lp\"") ","
	LLM("z", "z {{#lp.n#}} {{#in.item#}} " RUN, ",\"iteration_id\":\"in\"") ","
	NODE("add", "assigner", ",\"version\":\"2\",\"loop_id\":\"lp\",\"items\":[{\"variable_selector\":[\"lp\",\"all\"],\"input_type\":\"variable\",\"operation\":\"extend\",\"value\":[\"in\",\"output\"]}]") ","
	NODE("la", "answer", ",\"answer\":\"[{{#lp.n#}} {{#r.text#}}]\",\"loop_id\":\"lp\"") ","
	NODE("z1", "answer", ",\"answer\":\"all {{#it.output#}} {{#lp.all#}} {{#conversation.c#}} {{#flaky.text#}} {{#side.text#}}.\"") "],"
	"\"edges\":[" EDGE("s", "it") "," EDGE("s", "side") "," EDGE("s", "flaky") "," EDGE("itstart", "x") "," EDGE("x", "y") "," EDGE("y", "ia") "," EDGE("it", "lp") ","
	EDGE("lpstart", "inc") "," EDGE("inc", "r") "," EDGE("r", "in") "," EDGE("instart", "z") "," EDGE("in", "add") "," EDGE("add", "la") ","
	EDGE("lp", "z1") "," EDGE("side", "lp") "," EDGE("flaky", "lp") "]}";

enum { LEASE_MS = 400, RUNS = 6, PAUSE_MS = 8, LIFE_MAX_MS = 600, KILLS_MAX = 4 };

/* --- the child: starts the runs that are not there yet, then only serves --- */

static void start_run(struct fixture *f, struct flow_graph *g, struct str id)
{
	struct json *in, *conv;
	struct str out;
	if (json_parse(f->mem, S("{\"l\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"l2\":[\"u\",\"v\"]}"), &in) ||
	    json_parse(f->mem, S("[{\"id\":\"1\",\"name\":\"c\",\"value_type\":\"number\",\"value\":1}]"), &conv))
		abort();
	struct flow_start start = { .info = { .run_id = id, .tenant_id = S("t1"), .app_id = S("app1"), .user = S("u1"),
					      .app_mode = S("advanced-chat"), .conversation_id = S("c1") },
				    .graph = g, .inputs = in, .system = json_obj(f->mem), .conversation = conv };
	if (flow_run_start(f->flow, f->mem, &start, &out))
		abort();
}

static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	struct str ids = str_c(getenv("CRASH_TEST_RUNS"));
	fixture_open(&f, str_c(arg), "child", LEASE_MS);
	fixture_serve(&f);
	const char *other = getenv("CRASH_TEST_GRAPH");
	struct flow_graph *g = fixture_graph(&f, other ? other : graph_text);
	while (ids.len) {
		start_run(&f, g, arena_str(f.mem, str_cut(&ids, ',')));
		if (fiber_sleep_ms(12)) /* each at another place when the signal comes */
			abort();
	}
	for (;;)
		if (fiber_sleep_ms(1000))
			abort();
}

/* --- what the journal says --- */

struct ends {
	struct map finished; /* "<scope> <node>" -> how often */
	struct map prompts;  /* prompt of an ended model node -> itself */
};

static void note_end(struct fixture *f, struct ends *ends, const struct run_event *e)
{
	struct json *d;
	assert_int_equal(json_parse(f->mem, e->data, &d), 0);
	struct str key = arena_printf(f->mem, "%.*s %.*s", STR(e->scope), STR(json_get_str(d, S("node_id"))));
	map_set(&ends->finished, key, (void *)((uintptr_t)map_get(&ends->finished, key) + 1));
	struct str prompt = json_get_str(json_at(json_path(d, "process_data.prompts"), 0), S("text"));
	if (prompt.len && str_eq(json_get_str(d, S("status")), S("succeeded")))
		map_set(&ends->prompts, prompt, f);
}

/* shown: only what clients see, else records as well. */
static struct ends read_ends(struct fixture *f, struct str id, bool shown)
{
	struct ends ends = { map_make(f->mem), map_make(f->mem) };
	for (int64_t after = 0;;) {
		struct stored_event *events;
		size_t n;
		assert_int_equal(journal_read(f->flow, f->mem, id, after, &events, &n), 0);
		for (size_t i = 0; i < n; i++) {
			struct run_event e = events[i].event;
			if (e.type == FLOW_RECORD && !shown) {
				struct str scope = e.scope;
				assert_int_equal(journal_open_record(f->mem, &events[i].event, &e), 0);
				e.scope = scope;
			}
			if (e.type == FLOW_NODE_FINISHED)
				note_end(f, &ends, &e);
		}
		if (!n)
			return ends;
		after = events[n - 1].seq;
	}
}

/* What had ended at a kill must not be asked again: the counts are compared at the end. */
struct promise {
	struct str prompt;
	int calls;
};
struct promises {
	struct promise *at;
	size_t len, cap;
};

static void note_promises(struct fixture *f, struct str *ids, struct promises *list)
{
	for (size_t i = 0; i < RUNS; i++) {
		struct ends ends = read_ends(f, ids[i], false);
		map_each(&ends.prompts, e) {
			struct promise p = { e->key, fixture_calls(f, e->key) };
			vec_push(f->mem, list, p);
		}
	}
}

/* --- the test --- */

static struct str feed_text(struct fixture *f, struct str id)
{
	struct flow_feed *feed;
	struct buf b = buf_make(f->mem, 0);
	assert_int_equal(flow_follow(f->flow, id, 0, &feed), 0);
	for (bool end = false; !end;) {
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (!end && e.type == FLOW_REPLACE)
			buf_clear(&b);
		if (!end && (e.type == FLOW_CHUNK || e.type == FLOW_REPLACE))
			buf_put(&b, e.text);
	}
	flow_feed_close(feed);
	return buf_str(&b);
}

static struct str said(struct fixture *f, const char *what, struct str id)
{
	return arena_printf(f->mem, "You said: %s %.*s", what, STR(id));
}

static struct str expected_end(struct fixture *f, struct str id)
{
	struct buf b = buf_make(f->mem, 0);
	buf_puts(&b, "all ");
	for (char c = 'a'; c <= 'e'; c++) {
		char what[] = { 'x', ' ', c, 0 };
		buf_printf(&b, "%s- %.*s", c == 'a' ? "" : "\n", STR(said(f, what, id)));
	}
	for (char n = '1'; n <= '3'; n++)
		for (char c = 'u'; c <= 'v'; c++) {
			char what[] = { 'z', ' ', n, ' ', c, 0 };
			buf_printf(&b, "%s- %.*s", n == '1' && c == 'u' ? " " : "\n", STR(said(f, what, id)));
		}
	buf_printf(&b, " 31 You said: [[flaky]] %.*s %.*s.", STR(id), STR(said(f, "side", id)));
	return buf_str(&b);
}

static size_t count_of(struct str text, struct str what)
{
	size_t n = 0;
	for (size_t at; (at = str_find(text, what)) != SIZE_MAX; n++)
		text = str_skip(text, at + what.len);
	return n;
}

static void check_text(struct fixture *f, struct str id, struct str text)
{
	struct str end = expected_end(f, id);
	bool good = str_ends(text, end);
	for (char c = 'a'; c <= 'e'; c++)
		good &= count_of(text, arena_printf(f->mem, "<%c>", c)) == 1;
	struct buf rounds = buf_make(f->mem, 0);
	for (char n = '1'; n <= '3'; n++) {
		char what[] = { 'r', ' ', n, 0 };
		buf_printf(&rounds, "[%c %.*s]", n, STR(said(f, what, id)));
	}
	good &= str_has(text, buf_str(&rounds)) && text.len == end.len + rounds.len + 15;
	if (!good)
		print_error("text of %.*s:\n%.*s\nmust end with\n%.*s\n", STR(id), STR(text), STR(end));
	assert_true(good);
}

static void check_run(struct fixture *f, struct str id)
{
	struct flow_result *r;
	assert_int_equal(flow_run_wait(f->flow, f->mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	if (r->error.len)
		print_error("run %.*s: %.*s\n", STR(id), STR(r->error));
	assert_true(str_eq(r->status, S("partial-succeeded")) || str_eq(r->status, S("succeeded")));
	struct str text = feed_text(f, id);
	check_text(f, id, text);
	assert_true(str_eq(text, r->answer));
	/* start, it, side, flaky (and its retries), lp, z1 */
	assert_in_range(r->total_steps, 6, 8);
	struct ends ends = read_ends(f, id, true);
	map_each(&ends.finished, e) {
		if ((uintptr_t)e->value != 1)
			print_error("run %.*s: %.*s ended %d times\n", STR(id), STR(e->key), (int)(uintptr_t)e->value);
		assert_int_equal((uintptr_t)e->value, 1);
	}
	/* s side flaky z1, 5 * (x y ia), 3 * (inc r add la), 6 * z */
	assert_int_equal(ends.finished.count, 4 + 15 + 12 + 6);
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
	struct promises promises = { 0 };
	struct buf list = buf_make(NULL, 0);
	fixture_open(&f, S(""), "parent", LEASE_MS);
	f.pause_ms = PAUSE_MS;
	for (size_t i = 0; i < RUNS; i++) {
		ids[i] = id_uuid(f.mem);
		buf_printf(&list, "%s%.*s", i ? "," : "", STR(ids[i]));
	}
	setenv("CRASH_TEST_RUNS", arena_cstr(f.mem, buf_str(&list)), 1);
	struct proc *child = fixture_child(&f);
	/* All runs must be there before the first kill: a start that never was is no crash of a run. */
	struct flow_feed *feed;
	while (flow_follow(f.flow, ids[RUNS - 1], 0, &feed))
		assert_int_equal(fiber_sleep_ms(10), 0);
	flow_feed_close(feed);
	setenv("CRASH_TEST_RUNS", "", 1);
	uint32_t kills = 1 + next_random(&state) % KILLS_MAX;
	for (uint32_t i = 0; i < kills; i++) {
		assert_int_equal(fiber_sleep_ms((i ? LEASE_MS : 0) + next_random(&state) % LIFE_MAX_MS), 0);
		fixture_kill(child);
		size_t before = promises.len;
		note_promises(&f, ids, &promises);
		print_message("  kill %d: %d calls so far, %zu ended\n", (int)i + 1, f.calls, promises.len - before);
		child = fixture_child(&f);
	}
	for (size_t i = 0; i < RUNS; i++)
		check_run(&f, ids[i]);
	for (size_t i = 0; i < promises.len; i++) {
		const struct promise *p = &promises.at[i];
		if (fixture_calls(&f, p->prompt) != p->calls)
			print_error("asked again: %.*s\n", STR(p->prompt));
		assert_int_equal(fixture_calls(&f, p->prompt), p->calls);
	}
	print_message("seed %d: %d kills, %d model calls, %zu ended before a kill\n", (int)(uintptr_t)arg, (int)kills, f.calls, promises.len);
	fixture_kill(child);
	buf_free(&list);
	fixture_close(&f);
	return 0;
}

/* --- a node that must not run twice --- */

#define ONCE_IN(parallel) \
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," ITERATION("it", "[\"s\",\"l\"]", "x", parallel, "") "," LLM("x", "once {{#it.item#}} " RUN, ",\"iteration_id\":\"it\",\"run_once\":true") "]," \
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "x") "]}"
static const char *const once_graphs[] = { ONCE_IN("true"), ONCE_IN("false") };

static status once_main(void *arg)
{
	struct fixture f = { 0 };
	struct flow_result *r;
	fixture_open(&f, S(""), "parent", LEASE_MS);
	f.hold = 1;
	struct str id = id_uuid(f.mem), prompt = arena_printf(f.mem, "once a %.*s", STR(id));
	setenv("CRASH_TEST_RUNS", arena_cstr(f.mem, id), 1);
	setenv("CRASH_TEST_GRAPH", arg, 1);
	struct proc *child = fixture_child(&f);
	while (!fixture_calls(&f, prompt))
		assert_int_equal(fiber_sleep_ms(1), 0);
	fixture_kill(child);
	f.hold = 0;
	setenv("CRASH_TEST_RUNS", "", 1);
	child = fixture_child(&f);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("failed")));
	assert_true(str_starts(r->error, S("interrupted: node x was running")));
	assert_int_equal(fixture_calls(&f, prompt), 1);
	fixture_kill(child);
	unsetenv("CRASH_TEST_GRAPH");
	fixture_close(&f);
	return 0;
}

static void interrupted(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(once_graphs); i++)
		assert_int_equal(rt_run(NULL, once_main, (void *)(uintptr_t)once_graphs[i]), 0);
}

/* --- a model that says something else the second time, in the second round of a loop --- */

static const char changing_graph[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") ","
	"{\"id\":\"lp\",\"data\":{\"type\":\"loop\",\"title\":\"lp\",\"loop_count\":2,\"break_conditions\":[],\"start_node_id\":\"lpstart\",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0}]}},"
	"{\"id\":\"lpstart\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}},"
	NODE("inc", "assigner", ",\"version\":\"2\",\"loop_id\":\"lp\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]") ","
	LLM("r", "[[count]] {{#lp.n#}} " RUN, ",\"loop_id\":\"lp\"") ","
	NODE("la", "answer", ",\"answer\":\"[{{#lp.n#}} {{#r.text#}}]\",\"loop_id\":\"lp\"") "],"
	"\"edges\":[" EDGE("s", "lp") "," EDGE("lpstart", "inc") "," EDGE("inc", "r") "," EDGE("r", "la") "]}";

/* Until clients have this text. */
static void wait_for_text(struct fixture *f, struct str id, struct str want)
{
	struct flow_feed *feed;
	struct buf b = buf_make(f->mem, 0);
	while (flow_follow(f->flow, id, 0, &feed))
		assert_int_equal(fiber_sleep_ms(10), 0);
	for (bool end = false; !str_has(buf_str(&b), want);) {
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		assert_false(end);
		if (e.type == FLOW_CHUNK)
			buf_put(&b, e.text);
	}
	flow_feed_close(feed);
}

static status changing_main(void *arg)
{
	struct fixture f = { 0 };
	struct flow_result *r;
	(void)arg;
	fixture_open(&f, S(""), "parent", LEASE_MS);
	f.pause_ms = 100;
	struct str id = id_uuid(f.mem);
	setenv("CRASH_TEST_RUNS", arena_cstr(f.mem, id), 1);
	setenv("CRASH_TEST_GRAPH", changing_graph, 1);
	struct proc *child = fixture_child(&f);
	wait_for_text(&f, id, S("[2 call 1 of "));
	fixture_kill(child);
	setenv("CRASH_TEST_RUNS", "", 1);
	child = fixture_child(&f);
	/* And once more: what had been replaced is known as well. */
	wait_for_text(&f, id, S("five "));
	assert_int_equal(fiber_sleep_ms(2 * LEASE_MS), 0);
	fixture_kill(child);
	child = fixture_child(&f);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	struct str text = feed_text(&f, id);
	bool good = str_starts(text, S("[1 call 1 of five words][2 call ")) && str_ends(text, S(" of five words]")) &&
		    !str_has(text, S("[2 call 1")) && count_of(text, S("call")) == 2;
	if (!good)
		print_error("got %.*s\n", STR(text));
	assert_true(good);
	assert_true(str_eq(text, r->answer));
	fixture_kill(child);
	unsetenv("CRASH_TEST_GRAPH");
	fixture_close(&f);
	return 0;
}

static void other_text(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, changing_main, NULL), 0);
}

static void killed_again_and_again(void **state)
{
	int64_t first = fixture_setting("TATARA_CRASH_SEED", 1), n = fixture_setting("TATARA_CRASH_SEEDS", 4);
	(void)state;
	for (int64_t seed = first; seed < first + n; seed++)
		assert_int_equal(rt_run(NULL, seed_main, (void *)(uintptr_t)seed), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed_again_and_again), cmocka_unit_test(interrupted),
					    cmocka_unit_test(other_text) };
	return cmocka_run_group_tests_name("flow_crash", tests, NULL, NULL);
}
