/* SPDX-License-Identifier: Apache-2.0 */
/* Graph checks, real app files, and the schedule against a slow model on random graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/yaml.h"
#include "flow/flow.h"
#include "flow/graph.h"
#include "flow/schedule.h"

#define S1 "{\"id\":\"s\",\"data\":{\"type\":\"start\"}}"
#define A(id) "{\"id\":\"" id "\",\"data\":{\"type\":\"answer\",\"answer\":\"\"}}"
static const struct {
	const char *graph, *error; /* NULL: compiles */
} graphs[] = {
	{ "{\"nodes\":[" S1 "],\"edges\":[]}", NULL },
	{ "{\"nodes\":[" S1 "]}", NULL },
	{ "{\"nodes\":[],\"edges\":[]}", "Graph must have at least one node" },
	{ "{\"nodes\":[{\"id\":\"n\",\"type\":\"custom-note\",\"data\":{\"type\":\"\"}}]}", "Graph must have at least one node" },
	{ "[]", "graph: must be an object" },
	{ "{\"nodes\":[" S1 "],\"edges\":[{\"source\":\"s\",\"target\":\"x\"}]}",
	  "[MISSING_NODE] Edge s -> x references unknown node x" },
	{ "{\"nodes\":[" S1 "],\"edges\":[{\"source\":\"s\"}]}", NULL }, /* no target: ignored */
	{ "{\"nodes\":[" A("a") "]}", "[INVALID_ROOT] Node a of type answer cannot be the root" },
	{ "{\"nodes\":[" A("a") "," A("b") "],\"edges\":[{\"source\":\"a\",\"target\":\"b\"},{\"source\":\"b\",\"target\":\"a\"}]}",
	  "Unable to determine root node ID" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"t\",\"data\":{\"type\":\"trigger-webhook\"}}]}",
	  "[TRIGGER_START_NODE_CONFLICT] A workflow cannot have both a start node and trigger nodes" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"x\",\"data\":{\"type\":\"warp\"}}]}", "node x: data.type: unknown node type 'warp'" },
	{ "{\"nodes\":[" S1 "," S1 "]}", "node s: id is used twice" },
	{ "{\"nodes\":[" S1 ",{\"data\":{\"type\":\"end\"}}]}", "a node has no id" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"llm\",\"prompt_template\":[]}}]}", "model: is required" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"error_strategy\":\"retreat\"}}]}",
	  "node m: error_strategy: unknown value 'retreat'" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code\":\"\",\"outputs\":{}}}]}", "code_language: must be python3 or javascript" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code_language\":\"python3\",\"outputs\":{}}}]}", "code: must be a text" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code_language\":\"python3\",\"code\":\"\"}}]}", "outputs: must be an object" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"error_strategy\":\"default-value\",\"default_value\":[{\"key\":\"a\",\"type\":\"number\",\"value\":\"x\"}]}}]}",
	  "node m: default_value a: not a number" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"if-else\",\"cases\":[{\"conditions\":[{\"comparison_operator\":\"~\"}]}]}}]}",
	  "comparison_operator: unknown operator '~'" },
	{ "{\"nodes\":[" S1 "," A("a") "," A("b") "],\"edges\":[{\"source\":\"a\",\"target\":\"b\"},{\"source\":\"b\",\"target\":\"a\"}]}", NULL }, /* cycles are not checked */
};

static void bad_graphs_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(graphs); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *v;
		struct flow_graph *g = NULL;
		assert_int_equal(json_parse(mem.p, str_c(graphs[i].graph), &v), 0);
		status st = graph_compile(S(""), v, &g);
		print_message("case %zu: %.*s\n", i, STR(st ? err_text() : S("good")));
		assert_int_equal(st, graphs[i].error ? -1 : 0);
		if (st)
			assert_true(str_eq(err_text(), str_c(graphs[i].error)));
		flow_graph_unref(g);
	}
}

static void defaults_are_cast(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct flow_graph *g;
	(void)state;
	assert_int_equal(json_parse(mem.p, S("{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code_language\":\"python3\",\"code\":\"\",\"outputs\":{},\"error_strategy\":\"default-value\",\"default_value\":[{\"key\":\"a\",\"type\":\"number\",\"value\":\"5\"},{\"key\":\"o\",\"type\":\"object\",\"value\":\"{\\\"k\\\":1}\"},{\"key\":\"s\",\"type\":\"string\",\"value\":\"5\"}]}}]}"), &v), 0);
	assert_int_equal(graph_compile(S(""), v, &g), 0);
	assert_true(str_eq(json_text(mem.p, graph_find(g, S("m"))->defaults, JSON_COMPACT), S("{\"a\":5.0,\"o\":{\"k\":1},\"s\":\"5\"}")));
	flow_graph_unref(g);
}

/* --- app files written elsewhere --- */

static int compile_files(const char *folder)
{
	const char *shared = getenv("TATARA_SHARED");
	static char path[1024], chunk[65536];
	snprintf(path, sizeof(path), "%s/%s", shared ? shared : SHARED_DEFAULT, folder);
	DIR *dir = opendir(path);
	int n = 0;
	if (!dir)
		return shared ? -1 : 0;
	for (struct dirent *e; (e = readdir(dir));) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *y;
		struct flow_graph *g;
		if (!str_ends(str_c(e->d_name), S(".yml")))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", shared ? shared : SHARED_DEFAULT, folder, e->d_name);
		FILE *f = fopen(path, "rb");
		struct buf b = buf_make(mem.p, 0);
		for (size_t got; (got = fread(chunk, 1, sizeof(chunk), f)) > 0;)
			buf_put(&b, str_of(chunk, got));
		fclose(f);
		assert_int_equal(yaml_parse(mem.p, buf_str(&b), &y), 0);
		if (!json_path(y, "workflow.graph"))
			continue;
		if (graph_compile(S(""), json_path(y, "workflow.graph"), &g)) {
			print_error("%s: %.*s\n", e->d_name, STR(err_text()));
			assert_true(false);
		}
		flow_graph_unref(g);
		n++;
	}
	closedir(dir);
	return n;
}

static void app_files_compile(void **state)
{
	(void)state;
	int n = compile_files("corpus"), m = compile_files("golden/apps");
	print_message("%d app files of the corpus, %d recorded ones\n", n, m);
	assert_true(n >= 0 && m >= 0);
	assert_true(!getenv("TATARA_SHARED") || (n > 5 && m > 30));
}

/* --- random graphs --- */

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

enum { N_MAX = 14, E_MAX = 40 };
struct model {
	size_t n, e;
	int source[E_MAX], target[E_MAX], handle[E_MAX];
	int node[N_MAX], edge[E_MAX], chosen[N_MAX];
	bool branch[N_MAX], done[N_MAX];
};

/* The rules as sentences, applied until nothing changes. */
static void settle(struct model *m)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t v = 1; v < m->n; v++) {
			bool unknown = false, taken = false, any = false;
			for (size_t i = 0; i < m->e; i++) {
				if (m->target[i] != (int)v)
					continue;
				any = true;
				unknown |= m->edge[i] == STATE_UNKNOWN;
				taken |= m->edge[i] == STATE_TAKEN;
			}
			if (!any || unknown || m->node[v] != STATE_UNKNOWN)
				continue;
			m->node[v] = taken ? STATE_TAKEN : STATE_SKIPPED;
			changed = true;
			for (size_t i = 0; !taken && i < m->e; i++)
				if (m->source[i] == (int)v)
					m->edge[i] = STATE_SKIPPED;
		}
	}
}

static void finish(struct model *m, uint32_t v)
{
	m->done[v] = true;
	for (size_t i = 0; i < m->e; i++)
		if (m->source[i] == (int)v)
			m->edge[i] = m->branch[v] && m->handle[i] != m->chosen[v] ? STATE_SKIPPED : STATE_TAKEN;
	settle(m);
}

/* A random graph, mostly forward edges, sometimes a cycle, as text. */
static struct flow_graph *random_graph(struct arena *mem, struct model *m, uint64_t *seed)
{
	struct buf b = buf_make(mem, 0);
	struct json *v;
	struct flow_graph *g;
	*m = (struct model){ .n = 2 + next_random(seed) % (N_MAX - 2) };
	buf_puts(&b, "{\"nodes\":[{\"id\":\"n0\",\"data\":{\"type\":\"start\"}}");
	for (size_t i = 1; i < m->n; i++) {
		m->branch[i] = next_random(seed) % 3 == 0;
		buf_printf(&b, ",{\"id\":\"n%zu\",\"data\":{\"type\":\"%s\"}}", i, m->branch[i] ? "if-else" : "variable-aggregator");
	}
	buf_puts(&b, "],\"edges\":[");
	size_t want = m->n - 1 + next_random(seed) % (E_MAX - N_MAX);
	for (size_t i = 0; i < want; i++) {
		int t = 1 + (int)(next_random(seed) % (m->n - 1));
		int s = next_random(seed) % 25 == 0 ? (int)(next_random(seed) % m->n) : (int)(next_random(seed) % (uint32_t)t);
		int h = (int)(next_random(seed) % 3);
		m->source[m->e] = s;
		m->target[m->e] = t;
		m->handle[m->e++] = h;
		buf_printf(&b, "%s{\"source\":\"n%d\",\"target\":\"n%d\",\"sourceHandle\":\"h%d\"}", i ? "," : "", s, t, h);
	}
	buf_puts(&b, "]}");
	for (size_t i = 0; i < m->n; i++)
		m->chosen[i] = (int)(next_random(seed) % 3);
	assert_int_equal(json_parse(mem, buf_str(&b), &v), 0);
	assert_int_equal(graph_compile(S(""), v, &g), 0);
	return g;
}

static void same_states(const struct model *m, const struct schedule *s, uint64_t round)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->node[i] != s->nodes[i])
			print_error("round %llu node %zu: model %d schedule %d\n", (unsigned long long)round, i, m->node[i], s->nodes[i]);
	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(m->node[i], s->nodes[i]);
	for (size_t i = 0; i < m->e; i++)
		assert_int_equal(m->edge[i], s->edges[i]);
}

static void schedule_equals_the_model(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 4000; round++) {
		AUTO(arena) mem = { arena_open(0) };
		uint64_t seed = round * 7919 + 1;
		struct model m;
		struct flow_graph *g = random_graph(mem.p, &m, &seed);
		struct schedule s;
		uint32_t running[N_MAX], v;
		size_t count = 0, ran = 0;
		schedule_init(&s, mem.p, g, 0);
		m.node[0] = STATE_TAKEN;
		for (;;) {
			while (schedule_next(&s, &v)) {
				assert_int_equal(m.node[v], STATE_TAKEN);
				assert_false(m.done[v]);
				running[count++] = v;
			}
			if (!count)
				break;
			/* any of the running ones ends next */
			size_t pick = next_random(&seed) % count;
			v = running[pick];
			running[pick] = running[--count];
			char handle[8];
			snprintf(handle, sizeof(handle), "h%d", m.chosen[v]);
			finish(&m, v);
			ran++;
			assert_int_equal(schedule_done(&s, v, m.branch[v], str_c(handle), NULL, NULL), 0);
			same_states(&m, &s, round);
		}
		/* everything the model says was taken has run, once */
		size_t taken = 0;
		for (size_t i = 0; i < m.n; i++)
			taken += m.node[i] == STATE_TAKEN;
		assert_int_equal(ran, taken);
		flow_graph_unref(g);
	}
}

static void branch_needs_a_handle(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct flow_graph *g;
	struct schedule s;
	uint32_t n;
	(void)state;
	assert_int_equal(json_parse(mem.p, S("{\"nodes\":[" S1 "]}"), &v), 0);
	assert_int_equal(graph_compile(S(""), v, &g), 0);
	schedule_init(&s, mem.p, g, 0);
	assert_true(schedule_next(&s, &n));
	assert_int_equal(schedule_done(&s, n, true, S(""), NULL, NULL), -1);
	assert_int_equal(schedule_done(&s, n, true, S("no edge carries it"), NULL, NULL), 0);
	assert_false(schedule_next(&s, &n));
	flow_graph_unref(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_graphs_are_named), cmocka_unit_test(defaults_are_cast),
		cmocka_unit_test(app_files_compile), cmocka_unit_test(schedule_equals_the_model),
		cmocka_unit_test(branch_needs_a_handle),
	};
	return cmocka_run_group_tests_name("flow_graph", tests, NULL, NULL);
}
