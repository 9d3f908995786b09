/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs as nobody would draw them: parts of good ones are dropped, doubled, swapped or replaced by
 * values of other kinds, then the graph runs. Each must be refused with a text, or end: never a
 * crash, never a run that hangs. TATARA_SEEDS sets how many (400).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fixture.h"
#include "flow/run.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define EDGE(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
static const char seed_graph[] =
	"{\"nodes\":[" NODE("s", "start", ",\"variables\":[{\"variable\":\"l\",\"type\":\"json_object\"}]") ","
	NODE("it", "iteration", ",\"iterator_selector\":[\"s\",\"l\"],\"output_selector\":[\"x\",\"output\"],\"start_node_id\":\"its\",\"is_parallel\":true,\"parallel_nums\":2,\"error_handle_mode\":\"continue-on-error\"") ","
	"{\"id\":\"its\",\"parentId\":\"it\",\"data\":{\"type\":\"iteration-start\"}},"
	NODE("x", "variable-aggregator", ",\"iteration_id\":\"it\",\"output_type\":\"string\",\"variables\":[[\"it\",\"item\"]]") ","
	NODE("ia", "answer", ",\"iteration_id\":\"it\",\"answer\":\"<{{#x.output#}}>\"") ","
	NODE("lp", "loop", ",\"loop_count\":3,\"logical_operator\":\"and\",\"break_conditions\":[{\"variable_selector\":[\"lp\",\"n\"],\"comparison_operator\":\">\",\"value\":\"2\"}],\"start_node_id\":\"lps\",\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":0}]") ","
	"{\"id\":\"lps\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"lp\"}},"
	NODE("inc", "assigner", ",\"version\":\"2\",\"loop_id\":\"lp\",\"items\":[{\"variable_selector\":[\"lp\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]") ","
	NODE("le", "loop-end", ",\"loop_id\":\"lp\"") ","
	NODE("if", "if-else", ",\"error_strategy\":\"fail-branch\",\"cases\":[{\"case_id\":\"true\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":[\"lp\",\"n\"],\"comparison_operator\":\">\",\"value\":\"1\"}]}]") ","
	NODE("a1", "answer", ",\"answer\":\"{{#it.output#}} {{#lp.n#}}\"") ","
	NODE("e", "end", ",\"outputs\":[{\"variable\":\"o\",\"value_selector\":[\"it\",\"output\"]}]") "],"
	"\"edges\":[" EDGE("s", "source", "it") "," EDGE("its", "source", "x") "," EDGE("x", "source", "ia") "," EDGE("it", "source", "lp") "," EDGE("lps", "source", "inc") "," EDGE("inc", "source", "le") ","
	EDGE("lp", "source", "if") "," EDGE("if", "true", "a1") "," EDGE("if", "false", "e") "," EDGE("if", "fail-branch", "e") "," EDGE("a1", "source", "e") "]}";

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

static const char *const odd[] = {
	"null", "true", "0", "-1", "1.5", "99999999999", "\"\"", "\"s\"", "\"it\"", "\"lp\"", "\"its\"", "\"source\"", "\"iteration\"", "\"loop\"", "\"answer\"",
	"[]", "[[]]", "[\"s\"]", "[\"it\",\"item\"]", "[\"nobody\",\"x\"]", "{}", "{\"type\":\"loop\"}", "\"{{#it.item#}}\"", "[null,1,\"x\",{}]",
};

/* All values of the tree, so that one can be picked. */
struct places {
	struct json **at;
	struct json **parents;
	size_t len, cap, parents_cap, parents_len;
};

static void find(struct arena *mem, struct json *v, struct json *parent, struct places *p)
{
	vec_push(mem, p, v);
	struct {
		struct json **at;
		size_t len, cap;
	} parents = { p->parents, p->parents_len, p->parents_cap };
	vec_push(mem, &parents, parent);
	p->parents = parents.at;
	p->parents_len = parents.len;
	p->parents_cap = parents.cap;
	json_each(v, item) find(mem, item, v, p);
	json_each_member(v, m) find(mem, &m->value, v, p);
}

static struct json *odd_value(struct arena *mem)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(odd[next_random(countof(odd))]), &v), 0);
	return v;
}

static void drop(struct json *parent, struct json *v)
{
	if (parent->type == JSON_ARR) {
		size_t i = (size_t)(v - parent->items);
		memmove(v, v + 1, (parent->len - i - 1) * sizeof(*v));
		parent->len--;
		return;
	}
	json_each_member(parent, m)
		if (&m->value == v) {
			json_remove(parent, m->name);
			return;
		}
}

static void mutate(struct arena *mem, struct json *graph)
{
	struct places p = { 0 };
	find(mem, graph, NULL, &p);
	size_t i = 1 + next_random((uint32_t)p.len - 1), k = 1 + next_random((uint32_t)p.len - 1);
	struct json *v = p.at[i], *parent = p.parents[i];
	switch (next_random(5)) {
	case 0:
		drop(parent, v);
		break;
	case 1: /* another part of the graph in its place */
		*v = *json_copy(mem, p.at[k]);
		break;
	case 2:
		if (parent->type == JSON_ARR)
			json_push(mem, parent, json_copy(mem, v));
		break;
	default:
		*v = *odd_value(mem);
	}
}

static int run_one(struct fixture *f, struct arena *mem, uint64_t seed, int counts[3])
{
	struct json *v, *in, *sys;
	struct flow_graph *g;
	struct flow_result *r;
	struct str id;
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	assert_int_equal(json_parse(mem, str_c(seed_graph), &v), 0);
	for (uint32_t n = 1 + next_random(4); n > 0; n--)
		mutate(mem, v);
	if (flow_graph_load(f->flow, S(""), v, &g)) {
		assert_true(err_text().len > 5);
		counts[0]++;
		return 0;
	}
	assert_int_equal(json_parse(mem, S("{\"l\":[1,\"b\",null]}"), &in), 0);
	sys = json_obj(mem);
	struct flow_start start = {
		.info = { .tenant_id = S("t1"), .app_id = S("app1"), .workflow_id = S("wf1"), .app_mode = S("advanced-chat"),
			  .from = S("app-run"), .created_by = S("eu1"), .user = S("u1") },
		.graph = g, .inputs = in, .system = sys,
	};
	assert_int_equal(flow_run_start(f->flow, mem, &start, &id), 0);
	status st = flow_run_wait(f->flow, mem, id, &r, deadline_in_ms(PATIENCE_MS));
	if (st)
		printf("seed %d hangs: %.*s\n", (int)seed, STR(json_text(mem, v, JSON_COMPACT)));
	else
		counts[str_eq(r->status, S("failed")) ? 1 : 2]++;
	if (st == 0 && str_eq(r->status, S("failed")) && r->error.len < 4)
		printf("seed %d: the error says nothing: '%.*s'\n", (int)seed, STR(r->error));
	bool good = st == 0 && (!str_eq(r->status, S("failed")) || r->error.len >= 4);
	flow_graph_unref(g);
	return good ? 0 : 1;
}

static status mutate_main(void *arg)
{
	struct fixture f = { 0 };
	int counts[3] = { 0 }, *bad = arg;
	const char *v = getenv("TATARA_SEEDS");
	int64_t seeds = 400;
	if (v)
		assert_int_equal(str_to_i64(str_c(v), &seeds), 0);
	fixture_open(&f, S(""), "mutate", 0);
	f.flow->steps_max = 200;
	for (int64_t seed = 0; seed < seeds && *bad < 3; seed++) {
		AUTO(arena) mem = { arena_open(0) };
		*bad += run_one(&f, mem.p, (uint64_t)seed, counts);
	}
	print_message("%d refused, %d failed, %d ended well\n", counts[0], counts[1], counts[2]);
	/* All three happen, or the mutations are of no use. */
	assert_true(counts[0] && counts[1] && counts[2]);
	fixture_close(&f);
	return 0;
}

static void graphs_nobody_would_draw(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, mutate_main, &bad), 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(graphs_nobody_would_draw) };
	return cmocka_run_group_tests_name("flow_mutate", tests, NULL, NULL);
}
