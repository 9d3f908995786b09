/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of a run where containers make them matter: steps, time, depth, memory, many nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/sanitize.h"
#include "fixture.h"
#include "flow/run.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define COPY(id, a, b, more) NODE(id, "variable-aggregator", ",\"output_type\":\"string\",\"variables\":[[\"" a "\",\"" b "\"]]" more)
#define ITERATION(more) \
	NODE("it", "iteration", ",\"iterator_selector\":[\"s\",\"l\"],\"output_selector\":[\"x\",\"output\"],\"start_node_id\":\"itstart\"" more) "," \
	"{\"id\":\"itstart\",\"parentId\":\"it\",\"data\":{\"type\":\"iteration-start\"}}"
#define OVER_LIST(more) \
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," ITERATION(more) "," COPY("x", "it", "item", ",\"iteration_id\":\"it\"") "," \
	NODE("e", "end", ",\"outputs\":[{\"variable\":\"out\",\"value_selector\":[\"it\",\"output\"]}]") "]," \
	"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e") "]}"
#define LOOP(count, nodes, edges) \
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," NODE("lp", "loop", ",\"loop_count\":" count ",\"break_conditions\":[],\"start_node_id\":\"lpstart\"") "," \
	"{\"id\":\"lpstart\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}}" nodes "],\"edges\":[" EDGE("s", "lp") edges "]}"

static struct str list_of(struct arena *mem, int n)
{
	struct buf b = buf_make(mem, 0);
	buf_puts(&b, "{\"l\":[");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s\"element number %d\"", i ? "," : "", i);
	buf_puts(&b, "]}");
	return buf_str(&b);
}

static struct flow_result *run(struct fixture *f, const char *graph, struct str inputs, struct str *id)
{
	struct flow_graph *g = fixture_graph(f, graph);
	struct flow_result *r;
	*id = fixture_start(f, g, "workflow", arena_cstr(f->mem, inputs), "{}");
	assert_int_equal(flow_run_wait(f->flow, f->mem, *id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	flow_graph_unref(g);
	return r;
}

/* --- steps, time --- */

static const struct {
	const char *name, *graph;
	int elements;
	int64_t steps_max, time_max_s;
	const char *error; /* begins with */
} cases[] = {
	{ "inner steps count", OVER_LIST(""), 600, 500, 1200, "Aborted: Maximum execution steps exceeded: 501 > 500" },
	{ "no error mode hides the limit", OVER_LIST(",\"error_handle_mode\":\"continue-on-error\""), 600, 500, 1200, "Aborted: Maximum execution steps exceeded: 501 > 500" },
	{ "in parallel too", OVER_LIST(",\"is_parallel\":true,\"error_handle_mode\":\"remove-abnormal-output\""), 600, 500, 1200, "Aborted: Maximum execution steps exceeded: 501 > 500" },
	{ "no strategy of the container hides it", OVER_LIST(",\"error_strategy\":\"default-value\",\"default_value\":[]"), 600, 500, 1200, "Aborted: Maximum execution steps exceeded: 501 > 500" },
	{ "a loop over nothing ends", LOOP("1000000000", "", ""), 0, 500, 1200, "Aborted: Maximum execution steps exceeded: 501 > 500" },
	{ "time", LOOP("1000000000", "", ""), 0, INT64_MAX, 1, "Aborted: Maximum execution time exceeded: " },
	{ "time while waiting inside", LOOP("9", "," NODE("m", "llm", ",\"loop_id\":\"lp\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"[[slow:60:9]]\"}]"), "," EDGE("lpstart", "m")), 0, 500, 1, "Aborted: Maximum execution time exceeded: " },
};

static status limits_main(void *arg)
{
	struct fixture f = { 0 };
	int *bad = arg;
	fixture_open(&f, S(""), "limits", 0);
	f.pause_ms = 400;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str id;
		f.flow->rounds_max = INT64_MAX;
		f.flow->steps_max = cases[i].steps_max;
		f.flow->time_max_s = cases[i].time_max_s;
		struct flow_result *r = run(&f, cases[i].graph, list_of(f.mem, cases[i].elements), &id);
		if (str_eq(r->status, S("failed")) && str_starts(r->error, str_c(cases[i].error)))
			continue;
		print_error("%s: %.*s %.*s\n", cases[i].name, STR(r->status), STR(r->error));
		++*bad;
	}
	fixture_close(&f);
	return 0;
}

static void steps_and_time(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, limits_main, &bad), 0);
	assert_int_equal(bad, 0);
}

/* --- side by side: what the file asks for, up to the server's limit --- */

static status parallel_main(void *arg)
{
	static const char graph[] =
		"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") ","
		NODE("it", "iteration", ",\"iterator_selector\":[\"s\",\"l\"],\"output_selector\":[\"m\",\"text\"],\"start_node_id\":\"itstart\",\"is_parallel\":true,\"parallel_nums\":1000") ","
		"{\"id\":\"itstart\",\"data\":{\"type\":\"iteration-start\",\"iteration_id\":\"it\"}},"
		NODE("m", "llm", ",\"iteration_id\":\"it\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"one\"}]") "],"
		"\"edges\":[" EDGE("s", "it") "," EDGE("itstart", "m") "]}";
	struct fixture f = { 0 };
	struct str id;
	(void)arg;
	fixture_open(&f, S(""), "parallel", 0);
	f.pause_ms = 5;
	f.gather = 3;
	f.flow->parallel_max = 3;
	struct flow_result *r = run(&f, graph, list_of(f.mem, 12), &id);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_int_equal(f.calls, 12);
	assert_int_equal(f.side_by_side, 3);
	fixture_close(&f);
	return 0;
}

static void side_by_side(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, parallel_main, NULL), 0);
}

/* --- 10,000 elements --- */

enum { ELEMENTS = 10000, BOUND_KB = 40 << 10 };

static long rss_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0, rss = 0;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &pages, &rss), 2);
	fclose(f);
	return rss * (sysconf(_SC_PAGESIZE) / 1024);
}

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct watch {
	long peak;
	bool over;
};

static status watch_main(void *arg)
{
	struct watch *w = arg;
	while (!w->over) {
		w->peak = MAX(w->peak, rss_kb());
		if (fiber_sleep_ms(5))
			return -1;
	}
	return 0;
}

/* A follower that is there from the beginning and reads all, however far it falls behind. */
static void read_all(struct fixture *f, struct str id, int *nexts, int *ends)
{
	struct flow_feed *feed;
	int64_t last = 0;
	assert_int_equal(flow_follow(f->flow, id, 0, &feed), 0);
	for (bool end = false; !end;) {
		AUTO(arena) mem = { arena_open(0) };
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, mem.p, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (end)
			break;
		assert_true(e.seq > last);
		last = e.seq;
		*nexts += e.type == FLOW_ITERATION_NEXT;
		*ends += e.type == FLOW_NODE_FINISHED && str_has(e.data, S("\"node_id\":\"x\""));
	}
	flow_feed_close(feed);
}

static status elements_main(void *arg)
{
	const char *graph = arg;
	struct fixture f = { 0 };
	struct watch watch = { 0 };
	struct flow_result *r;
	int nexts = 0, ends = 0;
	fixture_open(&f, S(""), "elements", 0);
	f.flow->steps_max = INT64_MAX;
	struct flow_graph *g = fixture_graph(&f, graph);
	char *inputs = arena_cstr(f.mem, list_of(f.mem, ELEMENTS));
	struct str warm;
	(void)run(&f, graph, list_of(f.mem, 200), &warm);
	long before = rss_kb();
	double cpu = cpu_s();
	int64_t started = rt_now();
	AUTO(group) group = { group_open(DEADLINE_NONE) };
	assert_int_equal(group_spawn(group.p, "watch", watch_main, &watch), 0);
	struct str id = fixture_start(&f, g, "workflow", inputs, "{}");
	read_all(&f, id, &nexts, &ends);
	watch.over = true;
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	print_message("%d elements: %.2f s, %.0f us CPU each, %ld KB more at most\n", ELEMENTS,
		      (double)(rt_now() - started) / 1e9, (cpu_s() - cpu) * 1e6 / ELEMENTS, watch.peak - before);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_int_equal(json_len(json_get(r->outputs, S("out"))), ELEMENTS);
	assert_int_equal(nexts, ELEMENTS);
	assert_int_equal(ends, ELEMENTS);
	if (!SANITIZE_ADDRESS)
		assert_true(watch.peak - before < BOUND_KB);
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void many_elements(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, elements_main, (void *)(uintptr_t)OVER_LIST("")), 0);
}

/* A loop keeps the line of each round for its metadata, and nothing else. */
static status rounds_main(void *arg)
{
	static const char graph[] =
		"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") ","
		NODE("lp", "loop", ",\"loop_count\":5000,\"break_conditions\":[],\"start_node_id\":\"lpstart\",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0}]") ","
		"{\"id\":\"lpstart\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}},"
		NODE("inc", "assigner", ",\"loop_id\":\"lp\",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]") ","
		NODE("e", "end", ",\"outputs\":[{\"variable\":\"out\",\"value_selector\":[\"lp\",\"n\"]}]") "],"
		"\"edges\":[" EDGE("s", "lp") "," EDGE("lpstart", "inc") "," EDGE("lp", "e") "]}";
	struct fixture f = { 0 };
	struct watch watch = { 0 };
	struct str id;
	(void)arg;
	fixture_open(&f, S(""), "rounds", 0);
	f.flow->steps_max = f.flow->rounds_max = INT64_MAX;
	long before = rss_kb();
	double cpu = cpu_s();
	AUTO(group) group = { group_open(DEADLINE_NONE) };
	assert_int_equal(group_spawn(group.p, "watch", watch_main, &watch), 0);
	struct flow_result *r = run(&f, graph, S("{}"), &id);
	watch.over = true;
	print_message("5000 rounds: %.0f us CPU each, %ld KB more at most\n", (cpu_s() - cpu) * 1e6 / 5000, watch.peak - before);
	assert_int_equal(json_get_int(r->outputs, S("out"), 0), 5000);
	if (!SANITIZE_ADDRESS)
		assert_true(watch.peak - before < BOUND_KB);
	fixture_close(&f);
	return 0;
}

static void many_rounds(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, rounds_main, NULL), 0);
}

/* A loop that ends by itself may ask for any count; one that does not ends with the limit's name. */
static status rounds_limit_main(void *arg)
{
#define LOOP_TO(condition) \
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[]") "," \
	NODE("lp", "loop", ",\"loop_count\":101,\"break_conditions\":[" condition "],\"start_node_id\":\"lpstart\",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0}]") "," \
	"{\"id\":\"lpstart\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}}," \
	NODE("inc", "assigner", ",\"loop_id\":\"lp\",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]") "]," \
	"\"edges\":[" EDGE("s", "lp") "," EDGE("lpstart", "inc") "]}"
	struct fixture f = { 0 };
	struct str id;
	(void)arg;
	fixture_open(&f, S(""), "rounds_limit", 0);
	struct flow_result *r = run(&f, LOOP_TO("{\"variable_selector\":[\"lp\",\"n\"],\"comparison_operator\":\"=\",\"value\":\"100\"}"), S("{}"), &id);
	assert_true(str_eq(r->status, S("succeeded")));
	struct flow_graph *g = fixture_graph(&f, LOOP_TO(""));
	id = fixture_start(&f, g, "workflow", "{}", "{}");
	fixture_expect(fixture_wait(&f, id)->error, "loop lp: stopped after 100 rounds, as many as LOOP_NODE_MAX_COUNT allows");
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void rounds_limit(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, rounds_limit_main, NULL), 0);
}

static void many_elements_in_parallel(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, elements_main, (void *)(uintptr_t)OVER_LIST(",\"is_parallel\":true")), 0);
}

/* --- 1,000 nodes in 8 branches --- */

enum { BRANCHES = 8, PER_BRANCH = 124 };

static char *wide_graph(struct arena *mem, int per_branch)
{
	struct buf n = buf_make(mem, 0), e = buf_make(mem, 0);
	buf_printf(&n, "%s", NODE("s", "start", ",\"variables\":[]"));
	buf_printf(&e, "%s", EDGE("s", "n0_0"));
	for (int b = 0; b < BRANCHES; b++)
		for (int i = 0; i < per_branch; i++) {
			buf_printf(&n, ",{\"id\":\"n%d_%d\",\"data\":{\"type\":\"variable-aggregator\",\"title\":\"\",\"output_type\":\"string\",\"variables\":[[\"%s\",\"%s\"]]}}",
				   b, i, i ? (char *)arena_cstr(mem, arena_printf(mem, "n%d_%d", b, i - 1)) : "s", i ? "output" : "q");
			if (b || i) {
				if (i)
					buf_printf(&e, ",{\"source\":\"n%d_%d\",\"target\":\"n%d_%d\"}", b, i - 1, b, i);
				else
					buf_printf(&e, ",{\"source\":\"s\",\"target\":\"n%d_0\"}", b);
			}
			if (i == per_branch - 1)
				buf_printf(&e, ",{\"source\":\"n%d_%d\",\"target\":\"e\"}", b, i);
		}
	buf_printf(&n, "," NODE("e", "end", ",\"outputs\":[{\"variable\":\"out\",\"value_selector\":[\"n7_%d\",\"output\"]}]"),
		   per_branch - 1);
	return arena_cstr(mem, arena_printf(mem, "{\"nodes\":[%.*s],\"edges\":[%.*s]}", STR(buf_str(&n)), STR(buf_str(&e))));
}

/* Processor time of one run of such a graph, the least of five. */
static double wide_cost(struct fixture *f, int per_branch)
{
	double best = 1e9;
	int nodes = BRANCHES * per_branch + 2;
	struct flow_graph *g = fixture_graph(f, wide_graph(f->mem, per_branch));
	assert_int_equal(g->node_count, nodes);
	for (int i = 0; i < 5; i++) {
		struct flow_result *r;
		double cpu = cpu_s();
		struct str id = fixture_start(f, g, "workflow", "{\"q\":\"v\"}", "{}");
		assert_int_equal(flow_run_wait(f->flow, f->mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
		best = MIN(best, cpu_s() - cpu);
		assert_true(str_eq(r->status, S("succeeded")));
		assert_int_equal(r->total_steps, nodes);
		assert_true(str_eq(json_get_str(r->outputs, S("out")), S("v")));
	}
	flow_graph_unref(g);
	print_message("%d nodes in %d branches: %.1f ms CPU\n", nodes, BRANCHES, best * 1e3);
	return best;
}

/* How fast a machine is, is no business of a test; but eight times the nodes must not cost sixty-four
 * times as much, which is what anything that looks at all nodes for each node would cost. */
static status wide_main(void *arg)
{
	struct fixture f = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "wide", 0);
	f.flow->steps_max = 2000;
	double few = wide_cost(&f, PER_BRANCH / 8), many = wide_cost(&f, PER_BRANCH);
	assert_true(many < few * 8 * 4);
	fixture_close(&f);
	return 0;
}

static void many_nodes(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, wide_main, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_and_time),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(many_elements),
		cmocka_unit_test(many_elements_in_parallel),
		cmocka_unit_test(many_rounds), cmocka_unit_test(rounds_limit),
		cmocka_unit_test(many_nodes),
	};
	return cmocka_run_group_tests_name("flow_limits", tests, NULL, NULL);
}
