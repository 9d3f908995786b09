/* SPDX-License-Identifier: Apache-2.0 */
/* What a node reads: the small graph around it and the variables that its data names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/app_int.h"
#include "app/draft.h"
#include "flow/flow.h"

/* One node "n" of a workflow whose other nodes are a, b and the containers it ("i" lies in it, "j" in
 * a loop "lo" in it). wants: "field key label" a line, "?" behind what may be missing. */
static const struct {
	const char *node, *data, *wants;
} cases[] = {
	{ "n", "\"type\":\"code\",\"code\":\"{{#a.x#}}\",\"variables\":[{\"variable\":\"v\",\"value_selector\":[\"a\",\"x\"]}]",
	  "variables[0].value_selector #a.x# v\n" },
	{ "n", "\"type\":\"llm\",\"title\":\"{{#a.x#}}\",\"prompt_template\":[{\"text\":\"{{#a.x#}} {{#sys.query#}} {{#a.x#}}\"}]",
	  "prompt_template[0].text #a.x# \nprompt_template[0].text #sys.query# \n" },
	{ "n", "\"type\":\"llm\",\"context\":{\"enabled\":false,\"variable_selector\":[\"a\",\"x\"]}", "" },
	{ "n", "\"type\":\"llm\",\"context\":{\"enabled\":true,\"variable_selector\":[\"a\",\"x\"]}",
	  "context.variable_selector #a.x# context\n" },
	{ "n", "\"type\":\"tool\",\"tool_parameters\":{\"p\":{\"type\":\"variable\",\"value\":[\"a\",\"x\"]},"
	       "\"q\":{\"type\":\"constant\",\"value\":[\"red\",\"green\"]}}",
	  "tool_parameters.p.value #a.x# p\n" },
	{ "n", "\"type\":\"if-else\",\"cases\":[{\"conditions\":[{\"variable_selector\":[\"a\",\"o\",\"k\"],\"value\":\"{{#env.E#}}\"}]}]",
	  "cases[0].conditions[0].variable_selector #a.o.k# variable_selector\ncases[0].conditions[0].value #env.E# \n" },
	{ "n", "\"type\":\"variable-aggregator\",\"variables\":[[\"a\",\"x\"],[\"b\",\"y\"]]",
	  "variables[0] #a.x# variables ?\nvariables[1] #b.y# variables ?\n" },
	{ "n", "\"type\":\"end\",\"outputs\":[{\"variable\":\"o\",\"value_selector\":[\"a\",\"x\"]}]", "" },
	{ "n", "\"type\":\"start\",\"variables\":[{\"variable\":\"x\",\"options\":[\"red\",\"green\"]}]", "" },
	/* Of a container what lies outside; its own variables and those of its nodes come by themselves. */
	{ "it", "", "iterator_selector #a.l# iterator_selector\nvariables[1].value_selector #b.y# q\nvariables[0].value_selector #b.z# z\n" },
	{ "lo", "", "break_conditions[0].value #it.index# \nvariables[0].value_selector #b.z# z\n" },
	/* A node inside, alone: what the container would give is asked for. */
	{ "i", "", "variables[0].value_selector #it.item# p\nvariables[1].value_selector #b.y# q\n" },
};

static struct json *workflow(struct arena *mem, const char *data)
{
	struct json *g;
	struct str text = arena_printf(
		mem,
		"{\"nodes\":[{\"id\":\"a\",\"data\":{\"type\":\"code\"}},{\"id\":\"b\",\"data\":{\"type\":\"code\"}},"
		"{\"id\":\"note\",\"type\":\"custom-note\",\"data\":{\"text\":\"{{#a.x#}}\"}},"
		"{\"id\":\"n\",\"data\":{%s}},"
		"{\"id\":\"it\",\"data\":{\"type\":\"iteration\",\"iterator_selector\":[\"a\",\"l\"],\"output_selector\":[\"i\",\"r\"]}},"
		"{\"id\":\"itstart\",\"parentId\":\"it\",\"data\":{\"type\":\"iteration-start\"}},"
		"{\"id\":\"i\",\"data\":{\"type\":\"code\",\"iteration_id\":\"it\",\"variables\":[{\"variable\":\"p\",\"value_selector\":[\"it\",\"item\"]},"
		"{\"variable\":\"q\",\"value_selector\":[\"b\",\"y\"]}]}},"
		"{\"id\":\"lo\",\"data\":{\"type\":\"loop\",\"iteration_id\":\"it\",\"break_conditions\":[{\"variable_selector\":[\"lo\",\"n\"],\"value\":\"{{#it.index#}}\"}]}},"
		"{\"id\":\"j\",\"data\":{\"type\":\"code\",\"loop_id\":\"lo\",\"variables\":[{\"variable\":\"z\",\"value_selector\":[\"b\",\"z\"]}]}}],"
		"\"edges\":[{\"source\":\"a\",\"target\":\"n\"},{\"source\":\"n\",\"target\":\"it\"},{\"source\":\"itstart\",\"target\":\"i\"},"
		"{\"source\":\"i\",\"target\":\"lo\"}]}",
		data[0] ? data : "\"type\":\"code\"");
	assert_int_equal(json_parse(mem, text, &g), 0);
	return g;
}

static void what_a_node_reads(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *graph = workflow(mem.p, cases[i].data), *single;
		struct draft_want *list;
		size_t n;
		struct buf got = buf_make(mem.p, 0);
		assert_int_equal(flow_graph_single(mem.p, graph, str_c(cases[i].node), &single), 0);
		assert_int_equal(draft_wants(mem.p, graph, single, &list, &n), 0);
		for (size_t k = 0; k < n; k++)
			buf_printf(&got, "%.*s %.*s %.*s%s\n", STR(list[k].field), STR(list[k].key),
				   STR(list[k].label), list[k].needed ? "" : " ?");
		if (!str_eq(buf_str(&got), str_c(cases[i].wants)))
			print_error("case %zu: %s %s\nwant:\n%sgot:\n%.*s", i, cases[i].node, cases[i].data,
				    cases[i].wants, STR(buf_str(&got)));
		assert_true(str_eq(buf_str(&got), str_c(cases[i].wants)));
	}
}

static const struct {
	const char *node, *nodes;
	size_t edges;
} parts[] = {
	{ "a", "a ", 0 },
	{ "it", "it itstart i lo j ", 2 },
	{ "lo", "lo j ", 0 },
	{ "i", "i ", 0 },
};

static void the_part_around_a_node(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *graph = workflow(mem.p, ""), *single;
	for (size_t i = 0; i < countof(parts); i++) {
		struct buf got = buf_make(mem.p, 0);
		print_message("case %zu: %s\n", i, parts[i].node);
		assert_int_equal(flow_graph_single(mem.p, graph, str_c(parts[i].node), &single), 0);
		json_each(json_get(single, S("nodes")), n) buf_printf(&got, "%.*s ", STR(json_get_str(n, S("id"))));
		assert_string_equal(arena_cstr(mem.p, buf_str(&got)), parts[i].nodes);
		assert_int_equal(json_len(json_get(single, S("edges"))), parts[i].edges);
	}
	static const char *const nobody[] = { "", "x", "note" };
	for (size_t i = 0; i < countof(nobody); i++)
		assert_true(flow_graph_single(mem.p, graph, str_c(nobody[i]), &single) == -1 && err_code() == ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_a_node_reads),
					    cmocka_unit_test(the_part_around_a_node) };
	return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
