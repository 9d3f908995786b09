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
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(5000)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_int_equal(r->total_steps, 3);
	expect(json_text(f.mem, r->outputs, JSON_COMPACT), "{\"r\":7}");
	expect(r->answer, "7");
	/* Another process sees the same from the journal. */
	struct fixture other = { 0 };
	fixture_open(&other, f.dir, "two", 0);
	expect(fixture_events(&other, id, 0), if_events);
	expect(fixture_events(&other, id, 7), "node_finished big succeeded\nworkflow_finished succeeded\n");
	assert_int_equal(flow_run_wait(other.flow, f.mem, id, &r, deadline_in_ms(5000)), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(branch) };
	return cmocka_run_group_tests_name("flow_run", tests, NULL, NULL);
}
