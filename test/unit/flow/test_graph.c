/* SPDX-License-Identifier: Apache-2.0 */
/* Graph checks and real app files. */
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
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"llm\",\"prompt_template\":[]}}]}", "node m: model: is required" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"error_strategy\":\"retreat\"}}]}",
	  "node m: error_strategy: unknown value 'retreat'" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code\":\"\",\"outputs\":{}}}]}", "node m: code_language: must be python3 or javascript" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code_language\":\"python3\",\"outputs\":{}}}]}", "node m: code: must be a text" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"code_language\":\"python3\",\"code\":\"\"}}]}", "node m: outputs: must be an object" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"m\",\"data\":{\"type\":\"code\",\"error_strategy\":\"default-value\",\"default_value\":[{\"key\":\"a\",\"type\":\"number\",\"value\":\"x\"}]}}]}",
	  "node m: default_value a: not a number" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"if-else\",\"cases\":[{\"conditions\":[{\"comparison_operator\":\"~\"}]}]}}]}",
	  "node i: comparison_operator: unknown operator '~'" },
	{ "{\"nodes\":[" S1 "," A("a") "," A("b") "],\"edges\":[{\"source\":\"a\",\"target\":\"b\"},{\"source\":\"b\",\"target\":\"a\"}]}", NULL }, /* cycles are not checked */
	{ "{\"nodes\":5}", "Graph must have at least one node" },
	{ "{\"nodes\":[5]}", "a node has no id" },
	{ "{\"nodes\":[{\"id\":\"a\"}]}", "node a: data: must be an object" },
	{ "{\"nodes\":[{\"id\":\"a\",\"data\":{}}]}", "node a: data.type: unknown node type ''" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"iteration\"}}]}", "node i: iterator_selector: must be a list of at least two names" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"iteration\",\"iterator_selector\":[\"s\"]}}]}", "node i: iterator_selector: must be a list of at least two names" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"iteration\",\"iterator_selector\":[\"s\",\"l\"]}}]}", "node i: output_selector: must be a list of names" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"i\",\"data\":{\"type\":\"iteration\",\"iterator_selector\":[\"s\",\"l\"],\"output_selector\":[],\"error_handle_mode\":\"hide\"}}]}", "node i: error_handle_mode: unknown value 'hide'" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"l\",\"data\":{\"type\":\"loop\"}}]}", "node l: loop_count: must be a number" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"l\",\"data\":{\"type\":\"loop\",\"loop_count\":\"many\"}}]}", "node l: loop_count: must be a number" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"l\",\"data\":{\"type\":\"loop\",\"loop_count\":1,\"break_conditions\":[{\"comparison_operator\":\"~\"}]}}]}", "node l: break_conditions: comparison_operator: unknown operator '~'" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"l\",\"data\":{\"type\":\"loop\",\"loop_count\":1,\"loop_variables\":[{}]}}]}", "node l: loop_variables: a variable has no label" },
	{ "{\"nodes\":[" S1 ",{\"id\":\"l\",\"data\":{\"type\":\"loop\",\"loop_count\":1,\"loop_variables\":[{\"label\":\"n\",\"var_type\":\"map\"}]}}]}", "node l: loop_variables: n: unknown type 'map'" },
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

/* --- handles --- */

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
		cmocka_unit_test(app_files_compile), cmocka_unit_test(branch_needs_a_handle),
	};
	return cmocka_run_group_tests_name("flow_graph", tests, NULL, NULL);
}
