/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Iterations and loops on a real database: the order of their events, what comes out, what is
 * visible where, and every way to fail (workflow.md section 5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fixture.h"

#define EDGE(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define EDGE_ON(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define START NODE("s", "start", ",\"variables\":[]")
#define SEL(a, b) "[\"" a "\",\"" b "\"]"
#define END(outs) NODE("e", "end", ",\"outputs\":[" outs "]")
#define OUT(name, a, b) "{\"variable\":\"" name "\",\"value_selector\":" SEL(a, b) "}"
#define ITERATION(id, from, out_a, out_b, more) \
	NODE(id, "iteration", ",\"iterator_selector\":" from ",\"output_selector\":" SEL(out_a, out_b) ",\"start_node_id\":\"" id "start\"" more) "," \
	"{\"id\":\"" id "start\",\"parentId\":\"" id "\",\"data\":{\"type\":\"iteration-start\"}}"
#define LOOP(id, count, variables, conditions, more) \
	NODE(id, "loop", ",\"loop_count\":" count ",\"loop_variables\":[" variables "],\"break_conditions\":[" conditions "],\"logical_operator\":\"and\",\"start_node_id\":\"" id "start\"" more) "," \
	"{\"id\":\"" id "start\",\"parentId\":\"" id "\",\"data\":{\"type\":\"loop-start\",\"loop_id\":\"" id "\"}}"
#define IN_IT ",\"iteration_id\":\"it\""
#define IN_LP ",\"loop_id\":\"lp\""
#define COPY(id, selector, more) NODE(id, "variable-aggregator", ",\"output_type\":\"string\",\"variables\":[" selector "]" more)
/* Fails for numbers: "is" compares texts only. */
#define TEXT_ONLY(id, selector, more) NODE(id, "if-else", ",\"cases\":[{\"case_id\":\"true\",\"logical_operator\":\"and\",\"conditions\":[{\"variable_selector\":" selector ",\"comparison_operator\":\"is\",\"value\":\"q\"}]}]" more)
#define WHEN(selector, op, value) "{\"variable_selector\":" selector ",\"comparison_operator\":\"" op "\",\"value\":\"" value "\"}"
#define SET(id, a, b, op, value, more) NODE(id, "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":" SEL(a, b) ",\"input_type\":\"constant\",\"operation\":\"" op "\",\"value\":" value "}]" more)
#define APPEND(id, a, b, from, more) NODE(id, "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":" SEL(a, b) ",\"input_type\":\"variable\",\"operation\":\"append\",\"value\":" from "}]" more)
#define NUMBER_VAR(label, value) "{\"id\":\"v\",\"label\":\"" label "\",\"var_type\":\"number\",\"value_type\":\"constant\",\"value\":" value "}"
#define LLM(id, text, more) NODE(id, "llm", ",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"" text "\"}]" more)
#define G(nodes, edges) "{\"nodes\":[" nodes "],\"edges\":[" edges "]}"
#define HEAD "workflow_started\nnode_started s\nnode_finished s succeeded\n"
#define X_DONE "node_started x\nnode_finished x succeeded\n"

/* Three elements, the second of which fails in x, then y is reached by good ones only. */
#define FAILING(mode, more) \
	G(START "," ITERATION("it", SEL("s", "l"), "y", "output", mode more) "," TEXT_ONLY("x", SEL("it", "item"), IN_IT) "," COPY("y", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")), \
	  EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE_ON("x", "false", "y") "," EDGE("it", "e"))
#define XY "node_started x\nnode_finished x succeeded\nnode_started y\nnode_finished y succeeded\n"
#define PARALLEL ",\"is_parallel\":true,\"parallel_nums\":2"

static const struct {
	const char *name, *graph, *inputs, *events, *outputs; /* outputs: or the error */
} cases[] = {
	{ "one after the other",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output") "," OUT("gone", "x", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[1,\"b\"]}",
	  HEAD "iteration_started it\niteration_next it 0\n" X_DONE "iteration_next it 1\n" X_DONE
	  "iteration_completed it succeeded {\"output\":[1,\"b\"]}\nchunk [\"it\",\"output\"] '- 1\n- b'\nchunk [\"e\",\"answer\"] '\n'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"out\":[1,\"b\"],\"gone\":null}" },
	{ "no element, no event",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[]}",
	  HEAD "chunk [\"it\",\"output\"] ''\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n", "{\"out\":[]}" },
	{ "nothing instead of a list",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":null}", NULL, "{\"out\":[]}" },
	{ "no list", FAILING("", ""), "{\"l\":\"abc\"}", HEAD "workflow_finished failed\n", "invalid iterator value: abc, please provide a list." },
	{ "no variable", FAILING("", ""), "{}", NULL, "iterator variable ['s', 'l'] not found" },
	{ "terminated", FAILING("", ""), "{\"l\":[\"a\",2,\"c\"]}",
	  HEAD "iteration_started it\niteration_next it 0\n" XY "iteration_next it 1\nnode_started x\nnode_finished x failed\niteration_completed it failed {\"output\":[\"a\"]}\nworkflow_finished failed\n",
	  "string or boolean" },
	{ "continue-on-error", FAILING(",\"error_handle_mode\":\"continue-on-error\"", ""), "{\"l\":[\"a\",2,\"c\"]}",
	  HEAD "iteration_started it\niteration_next it 0\n" XY "iteration_next it 1\nnode_started x\nnode_finished x failed\niteration_next it 2\n" XY "iteration_completed it succeeded {\"output\":[\"a\",null,\"c\"]}\nchunk [\"it\",\"output\"] '- a\n- None\n- c'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"out\":[\"a\",null,\"c\"]}" },
	{ "remove-abnormal-output", FAILING(",\"error_handle_mode\":\"remove-abnormal-output\"", ""), "{\"l\":[\"a\",2,\"c\"]}", NULL, "{\"out\":[\"a\",\"c\"]}" },
	{ "remove-abnormal-output in parallel", FAILING(",\"error_handle_mode\":\"remove-abnormal-output\"", PARALLEL), "{\"l\":[\"a\",2,\"c\"]}", NULL, "{\"out\":[\"a\",\"c\"]}" },
	{ "continue-on-error in parallel", FAILING(",\"error_handle_mode\":\"continue-on-error\"", PARALLEL), "{\"l\":[1,\"b\",3]}", NULL, "{\"out\":[null,\"b\",null]}" },
	{ "terminated in parallel", FAILING("", PARALLEL), "{\"l\":[\"a\",2,\"c\"]}",
	  HEAD "iteration_started it\niteration_next it 0\niteration_next it 1\niteration_next it 2\n" XY "node_started x\nnode_finished x failed\niteration_completed it failed {\"output\":[\"a\",null,null]}\nworkflow_finished failed\n", "string or boolean" },
	{ "fail branch of an iteration",
	  G(START "," ITERATION("it", SEL("s", "l"), "y", "output", ",\"error_strategy\":\"fail-branch\"") "," TEXT_ONLY("x", SEL("it", "item"), IN_IT) "," COPY("y", SEL("it", "item"), IN_IT) "," END(OUT("type", "it", "error_type") "," OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE_ON("x", "false", "y") "," EDGE_ON("it", "fail-branch", "e")),
	  "{\"l\":[2]}", HEAD "iteration_started it\niteration_next it 0\nnode_started x\nnode_finished x failed\niteration_completed it failed {\"output\":[]}\nchunk [\"it\",\"error_type\"] ''\nchunk [\"e\",\"answer\"] '\n'\nnode_started e\nnode_finished e succeeded\nworkflow_finished partial-succeeded\n",
	  "{\"type\":\"\",\"out\":null}" },
	{ "default value of an iteration", FAILING(",\"error_strategy\":\"default-value\",\"default_value\":[{\"key\":\"output\",\"type\":\"array[string]\",\"value\":[\"d\"]}]", ""), "{\"l\":[2]}", NULL, "{\"out\":[\"d\"]}" },
	{ "lists become one list", FAILING("", ""), "{\"l\":[[1],[],[2,[3]]]}", NULL, "string or boolean" },
	{ "flatten",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[[1],[],[2,[3]]]}", NULL, "{\"out\":[1,2,[3]]}" },
	{ "do not flatten",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", ",\"flatten_output\":false") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[[1],[2]]}", NULL, "{\"out\":[[1],[2]]}" },
	{ "a list in a mixed list stays",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[[1],2]}", NULL, "{\"out\":[[1],2]}" },
	{ "a result that is not there is null",
	  G(START "," ITERATION("it", SEL("s", "l"), "nobody", "output", "") "," COPY("x", SEL("it", "item"), IN_IT) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("it", "e")),
	  "{\"l\":[1]}", NULL, "{\"out\":[null]}" },
	{ "no start node", G(START "," NODE("it", "iteration", ",\"iterator_selector\":" SEL("s", "l") ",\"output_selector\":" SEL("x", "output")) "," END(""), EDGE("s", "it") "," EDGE("it", "e")),
	  "{\"l\":[1]}", HEAD "workflow_finished failed\n", "field start_node_id in iteration it not found" },
	{ "old files: the start node is a plain one",
	  G(START "," NODE("it", "iteration", ",\"iterator_selector\":" SEL("s", "l") ",\"output_selector\":" SEL("x", "output") ",\"start_node_id\":\"x\"") "," COPY("x", SEL("it", "index"), IN_IT ",\"isIterationStart\":true") "," END(OUT("out", "it", "output")), EDGE("s", "it") "," EDGE("it", "e")),
	  "{\"l\":[7,7]}", HEAD "iteration_started it\niteration_next it 0\n" X_DONE "iteration_next it 1\n" X_DONE "iteration_completed it succeeded {\"output\":[0,1]}\nchunk [\"it\",\"output\"] '- 0\n- 1'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n", "{\"out\":[0,1]}" },
	{ "old files: only a mark names it",
	  G(START "," NODE("it", "iteration", ",\"iterator_selector\":" SEL("s", "l") ",\"output_selector\":" SEL("x", "output")) "," COPY("x", SEL("it", "index"), IN_IT ",\"isIterationStart\":true") "," END(OUT("out", "it", "output")), EDGE("s", "it") "," EDGE("it", "e")),
	  "{\"l\":[7,7]}", NULL, "{\"out\":[0,1]}" },
	{ "in itself", G(START "," NODE("it", "iteration", ",\"iterator_selector\":" SEL("s", "l") ",\"output_selector\":" SEL("x", "output") ",\"start_node_id\":\"it\"") "," END(""), EDGE("s", "it")),
	  "{\"l\":[1]}", NULL, "iteration it: containers may lie in each other at most 10 deep" },
	{ "an iteration in an iteration",
	  G(START "," ITERATION("it", SEL("s", "l"), "in", "output", ",\"flatten_output\":false") "," ITERATION("in", SEL("it", "item"), "x", "output", IN_IT) "," COPY("x", SEL("in", "item"), ",\"iteration_id\":\"in\"") "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "in") "," EDGE("instart", "x") "," EDGE("it", "e")),
	  "{\"l\":[[1,2],[],[3]]}",
	  HEAD "iteration_started it\niteration_next it 0\niteration_started in\niteration_next in 0\n" X_DONE "iteration_next in 1\n" X_DONE "iteration_completed in succeeded {\"output\":[1,2]}\niteration_next it 1\niteration_next it 2\niteration_started in\niteration_next in 0\n" X_DONE "iteration_completed in succeeded {\"output\":[3]}\n"
	  "iteration_completed it succeeded {\"output\":[[1,2],[],[3]]}\nchunk [\"it\",\"output\"] '- [1, 2]\n- []\n- [3]'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n", "{\"out\":[[1,2],[],[3]]}" },
	{ "conversation variables come back from each element, other writes do not",
	  G(START "," ITERATION("it", SEL("s", "l"), "x", "output", "") "," SET("a", "conversation", "n", "+=", "1", IN_IT) "," COPY("x", SEL("conversation", "n"), IN_IT) "," SET("b", "it", "index", "+=", "5", IN_IT) "," END(OUT("out", "it", "output") "," OUT("n", "conversation", "n") "," OUT("i", "it", "index")),
	    EDGE("s", "it") "," EDGE("itstart", "a") "," EDGE("a", "x") "," EDGE("x", "b") "," EDGE("it", "e")),
	  "{\"l\":[1,1,1]}", NULL, "{\"out\":[2,3,4],\"n\":4,\"i\":null}" },
	{ "a loop until its condition holds",
	  G(START "," LOOP("lp", "10", NUMBER_VAR("n", "\"1\""), WHEN(SEL("lp", "n"), "\xe2\x89\xa5", "5"), "") "," SET("x", "lp", "n", "+=", "2", IN_LP) "," END(OUT("n", "lp", "n") "," OUT("round", "lp", "loop_round")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{}",
	  HEAD "loop_started lp\n" X_DONE "loop_next lp 1\n" X_DONE "loop_completed lp succeeded {\"n\":5,\"loop_round\":2}\nchunk [\"lp\",\"n\"] '5'\nchunk [\"e\",\"answer\"] '\n'\nchunk [\"lp\",\"loop_round\"] '2'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"n\":5,\"round\":2}" },
	{ "a loop that is over before it begins",
	  G(START "," LOOP("lp", "10", NUMBER_VAR("n", "9"), WHEN(SEL("lp", "n"), "\xe2\x89\xa5", "5"), "") "," SET("x", "lp", "n", "+=", "2", IN_LP) "," END(OUT("n", "lp", "n") "," OUT("round", "lp", "loop_round")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{}",
	  NULL, "{\"n\":9,\"round\":null}" },
	{ "a loop to its count announces one round too many",
	  G(START "," LOOP("lp", "2", NUMBER_VAR("n", "1"), "", "") "," SET("x", "lp", "n", "*=", "3", IN_LP) "," END(OUT("n", "lp", "n")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{}",
	  HEAD "loop_started lp\n" X_DONE "loop_next lp 1\n" X_DONE "loop_next lp 2\nloop_completed lp succeeded {\"n\":9,\"loop_round\":2}\nchunk [\"lp\",\"n\"] '9'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"n\":9}" },
	{ "a loop-end node",
	  G(START "," LOOP("lp", "9", NUMBER_VAR("n", "1"), "", "") "," SET("x", "lp", "n", "+=", "1", IN_LP) "," NODE("i", "if-else", IN_LP ",\"cases\":[{\"case_id\":\"true\",\"conditions\":[" WHEN(SEL("lp", "n"), "=", "3") "]}]") "," NODE("le", "loop-end", IN_LP) "," END(OUT("n", "lp", "n") "," OUT("r", "lp", "loop_round")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("x", "i") "," EDGE_ON("i", "true", "le") "," EDGE("lp", "e")), "{}",
	  HEAD "loop_started lp\n" X_DONE "node_started i\nnode_finished i succeeded\nloop_next lp 1\n" X_DONE "node_started i\nnode_finished i succeeded\nnode_started le\nnode_finished le succeeded\nloop_completed lp succeeded {\"n\":3,\"loop_round\":2}\nchunk [\"lp\",\"n\"] '3'\nchunk [\"e\",\"answer\"] '\n'\nchunk [\"lp\",\"loop_round\"] '2'\nnode_started e\nnode_finished e succeeded\nworkflow_finished succeeded\n",
	  "{\"n\":3,\"r\":2}" },
	{ "inner values of the last round stay, those of earlier rounds do not",
	  G(START "," LOOP("lp", "2", NUMBER_VAR("n", "0"), "", "") "," SET("x", "lp", "n", "+=", "1", IN_LP) "," NODE("i", "if-else", IN_LP ",\"cases\":[{\"case_id\":\"true\",\"conditions\":[" WHEN(SEL("lp", "n"), "=", "1") "]}]") "," COPY("first", SEL("lp", "n"), IN_LP) "," COPY("last", SEL("lp", "n"), IN_LP) "," END(OUT("first", "first", "output") "," OUT("last", "last", "output")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("x", "i") "," EDGE_ON("i", "true", "first") "," EDGE_ON("i", "false", "last") "," EDGE("lp", "e")), "{}",
	  NULL, "{\"first\":null,\"last\":2}" },
	{ "a failure in a loop",
	  G(START "," LOOP("lp", "3", NUMBER_VAR("n", "1"), "", "") "," TEXT_ONLY("x", SEL("lp", "n"), IN_LP) "," END(""), EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{}",
	  HEAD "loop_started lp\nnode_started x\nnode_finished x failed\nloop_completed lp failed {}\nworkflow_finished failed\n", "string or boolean" },
	{ "a condition that cannot be judged",
	  G(START "," LOOP("lp", "3", "", WHEN(SEL("nobody", "n"), "=", "1"), "") "," COPY("x", SEL("s", "l"), IN_LP) "," END(""), EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{\"l\":1}",
	  HEAD "loop_started lp\n" X_DONE "loop_completed lp failed {}\nworkflow_finished failed\n", "['nobody', 'n'] not found" },
	{ "loop variables of every kind",
	  G(START "," LOOP("lp", "1", "{\"label\":\"a\",\"var_type\":\"array[number]\",\"value_type\":\"constant\",\"value\":\"[1,2]\"},{\"label\":\"b\",\"var_type\":\"array[string]\",\"value_type\":\"constant\",\"value\":[\"x\"]},{\"label\":\"c\",\"var_type\":\"array[object]\",\"value_type\":\"constant\",\"value\":\"\"},"
			   "{\"label\":\"d\",\"var_type\":\"object\",\"value_type\":\"constant\",\"value\":\"{\\\"k\\\":1}\"},{\"label\":\"e\",\"var_type\":\"boolean\",\"value_type\":\"constant\",\"value\":true},{\"label\":\"f\",\"var_type\":\"string\",\"value_type\":\"variable\",\"value\":" SEL("s", "l") "},{\"label\":\"g\",\"var_type\":\"array[boolean]\",\"value_type\":\"constant\",\"value\":[true]}", "", "") "," COPY("x", SEL("s", "l"), IN_LP) "," END(OUT("a", "lp", "a") "," OUT("b", "lp", "b") "," OUT("c", "lp", "c") "," OUT("d", "lp", "d") "," OUT("e", "lp", "e") "," OUT("f", "lp", "f") "," OUT("g", "lp", "g")),
	    EDGE("s", "lp") "," EDGE("lpstart", "x") "," EDGE("lp", "e")), "{\"l\":\"t\"}",
	  NULL, "{\"a\":[1,2],\"b\":[\"x\"],\"c\":[],\"d\":{\"k\":1},\"e\":true,\"f\":\"t\",\"g\":[true]}" },
	{ "a loop variable of a wrong kind", G(START "," LOOP("lp", "1", NUMBER_VAR("n", "\"one\""), "", "") "," END(""), EDGE("s", "lp")), "{}", NULL, "Invalid value for loop variable n" },
	{ "a loop variable from nowhere", G(START "," LOOP("lp", "1", "{\"label\":\"v\",\"var_type\":\"string\",\"value_type\":\"variable\",\"value\":" SEL("s", "none") "}", "", "") "," END(""), EDGE("s", "lp")), "{}", NULL, "Invalid value for loop variable v" },
	{ "a loop without start node", G(START "," NODE("lp", "loop", ",\"loop_count\":1,\"break_conditions\":[]") "," END(""), EDGE("s", "lp")), "{}", NULL, "field start_node_id in loop lp not found" },
	{ "a loop in an iteration and back",
	  G(START "," ITERATION("it", SEL("s", "l"), "lp", "n", "") "," LOOP("lp", "3", "{\"label\":\"n\",\"var_type\":\"number\",\"value_type\":\"variable\",\"value\":" SEL("it", "item") "}", "", IN_IT) "," SET("x", "lp", "n", "+=", "10", IN_LP) "," END(OUT("out", "it", "output")),
	    EDGE("s", "it") "," EDGE("itstart", "lp") "," EDGE("lpstart", "x") "," EDGE("it", "e")), "{\"l\":[1,2]}", NULL, "{\"out\":[31,32]}" },
	{ "an iteration in a loop, its results collected in a loop variable",
	  G(START "," LOOP("lp", "2", "{\"label\":\"all\",\"var_type\":\"array[object]\",\"value_type\":\"constant\",\"value\":\"[]\"}", "", "") "," ITERATION("it", SEL("s", "l"), "x", "output", IN_LP) "," COPY("x", SEL("it", "item"), IN_IT) "," NODE("k", "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":" SEL("lp", "all") ",\"input_type\":\"variable\",\"operation\":\"extend\",\"value\":" SEL("it", "output") "}]" IN_LP) "," END(OUT("all", "lp", "all")),
	    EDGE("s", "lp") "," EDGE("lpstart", "it") "," EDGE("itstart", "x") "," EDGE("it", "k") "," EDGE("lp", "e")), "{\"l\":[{\"a\":1},{\"a\":2}]}", NULL, "{\"all\":[{\"a\":1},{\"a\":2},{\"a\":1},{\"a\":2}]}" },
};

static struct str start(struct fixture *f, struct flow_graph *g, const char *mode, const char *inputs)
{
	struct json *in, *conv;
	struct str id;
	assert_int_equal(json_parse(f->mem, str_c(inputs), &in), 0);
	assert_int_equal(json_parse(f->mem, S("[{\"name\":\"n\",\"value_type\":\"number\",\"value\":1}]"), &conv), 0);
	struct flow_start start = {
		.info = { .tenant_id = S("t1"), .app_id = S("app1"), .workflow_id = S("wf1"), .app_mode = str_c(mode),
			  .from = S("app-run"), .created_by = S("eu1"), .user = S("u1") },
		.graph = g, .inputs = in, .system = json_obj(f->mem), .conversation = conv,
	};
	assert_int_equal(flow_run_start(f->flow, f->mem, &start, &id), 0);
	return id;
}

static int one(struct fixture *f, size_t i)
{
	struct flow_graph *g = fixture_graph(f, cases[i].graph);
	struct str id = start(f, g, "workflow", cases[i].inputs), events = fixture_events(f, id, 0);
	struct flow_result *r;
	int bad = 0;
	assert_int_equal(flow_run_wait(f->flow, f->mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	if (cases[i].events && !str_eq(events, str_c(cases[i].events))) {
		print_error("%s: got\n%.*swant\n%s\n", cases[i].name, STR(events), cases[i].events);
		bad = 1;
	}
	struct str got = r->error.len ? r->error : json_text(f->mem, r->outputs, JSON_COMPACT);
	bool right = r->error.len ? str_has(got, str_c(cases[i].outputs)) : str_eq(got, str_c(cases[i].outputs));
	if (!right) {
		print_error("%s: got %.*s want %s\n", cases[i].name, STR(got), cases[i].outputs);
		bad = 1;
	}
	flow_graph_unref(g);
	return bad;
}

static status cases_main(void *arg)
{
	struct fixture f = { 0 };
	int *bad = arg;
	fixture_open(&f, S(""), "containers", 0);
	for (size_t i = 0; i < countof(cases); i++)
		*bad += one(&f, i);
	fixture_close(&f);
	return 0;
}

static void events_and_outputs(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, cases_main, &bad), 0);
	assert_int_equal(bad, 0);
}

/* --- some at a time: blocks in order of completion, text included --- */

static const char parallel_graph[] =
	G(START "," ITERATION("it", SEL("s", "l"), "x", "text", ",\"is_parallel\":true,\"parallel_nums\":2") "," LLM("x", "{{#it.item#}}", IN_IT) "," NODE("a", "answer", ",\"answer\":\"<{{#x.text#}}>\"" IN_IT) "," NODE("z", "answer", ",\"answer\":\"{{#it.output#}}\""),
	  EDGE("s", "it") "," EDGE("itstart", "x") "," EDGE("x", "a") "," EDGE("it", "z"));

#define BLOCK(first, text, rest) first "chunk [\"x\",\"text\"] '" text "'\n" rest

static status parallel_main(void *arg)
{
	struct fixture f = { 0 };
	struct flow_result *r;
	(void)arg;
	fixture_open(&f, S(""), "parallel", 0);
	f.pause_ms = 60;
	struct flow_graph *g = fixture_graph(&f, parallel_graph);
	/* Nine pieces, then one, then two: the second element ends first, then the third, then the first. */
	struct str id = start(&f, g, "advanced-chat", "{\"l\":[\"[[slow:60:9]]\",\"[[slow:60:1]]\",\"[[slow:60:2]]\"]}");
	struct str events = fixture_events(&f, id, 0);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	struct str want = S("<tok0><tok0 tok1><tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8>"
			    "- tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8\n- tok0\n- tok0 tok1");
	if (!str_eq(r->answer, want))
		print_error("got %.*s\nevents\n%.*s\n", STR(r->answer), STR(events));
	assert_true(str_eq(r->answer, want));
	assert_int_equal(r->total_tokens, 3 * 6 + 9 + 1 + 2);
	assert_int_equal(r->total_steps, 3); /* start, iteration, answer: inner nodes do not count */
	/* All elements are announced, then the first block begins with the text before its node. */
	assert_true(str_has(events, S("iteration_next it 0\niteration_next it 1\niteration_next it 2\nchunk [\"a\",\"answer\"] '<'\nnode_started x\n"
				      "chunk [\"x\",\"text\"] 'tok0'\nchunk [\"x\",\"text\"] ''\nchunk [\"a\",\"answer\"] '>'\n"
				      "node_finished x succeeded\nnode_started a\nnode_finished a succeeded\n")));
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void parallel(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, parallel_main, NULL), 0);
}

/* --- the trace: containers are rows too, also those that clients never see --- */

static const struct {
	const char *inputs;
	size_t rows;
	const char *state;
} traces[] = {
	{ "{\"l\":[\"a\",\"b\"]}", 7, "succeeded" },
	{ "{\"l\":[]}", 3, "succeeded" },
	{ "{\"l\":[\"a\",2]}", 6, "exception" },
	{ "{\"l\":\"no list\"}", 3, "exception" },
};

static status trace_main(void *arg)
{
	struct fixture f = { 0 };
	(void)arg;
	fixture_open(&f, S(""), "trace", 0);
	struct flow_graph *g = fixture_graph(&f, FAILING(",\"error_strategy\":\"default-value\",\"default_value\":[]", ""));
	for (size_t i = 0; i < countof(traces); i++) {
		struct str id = start(&f, g, "workflow", traces[i].inputs);
		struct flow_result *r;
		struct json *rows;
		size_t found = 0;
		assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
		assert_int_equal(flow_run_nodes(f.flow, f.mem, S("t1"), id, &rows), 0);
		json_each(rows, row) {
			if (!str_eq(json_get_str(row, S("node_id")), S("it")))
				continue;
			found++;
			assert_true(str_eq(json_get_str(row, S("status")), str_c(traces[i].state)));
			assert_int_equal(json_get_str(row, S("id")).len, 36); /* an execution's, not the node's */
		}
		if (rows->len != traces[i].rows || found != 1)
			print_error("%s: %d rows, %zu of the iteration\n", traces[i].inputs, (int)rows->len, found);
		assert_int_equal(rows->len, traces[i].rows);
		assert_int_equal(found, 1);
	}
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

static void trace(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, trace_main, NULL), 0);
}

/* --- stopped and given back in the middle --- */

#define SLOW_IN(more) \
	G(START "," ITERATION("it", SEL("s", "l"), "lp", "n", more) "," LOOP("lp", "3", NUMBER_VAR("n", "0"), "", IN_IT) "," SET("x", "lp", "n", "+=", "1", IN_LP) "," LLM("m", "[[slow:60:9]]", IN_LP) "," END(OUT("out", "it", "output")), \
	  EDGE("s", "it") "," EDGE("itstart", "lp") "," EDGE("lpstart", "x") "," EDGE("x", "m") "," EDGE("it", "e"))
static const char *const slow_graphs[] = { SLOW_IN(""), SLOW_IN(",\"is_parallel\":true") };

static status stop_main(void *arg)
{
	struct fixture f = { 0 };
	struct flow_record *record;
	struct flow_result *r;
	fixture_open(&f, S(""), "stop", 0);
	f.hold = 1; /* the model is never through */
	struct flow_graph *g = fixture_graph(&f, arg);
	struct str id = start(&f, g, "workflow", "{\"l\":[1,2]}");
	while (!f.calls)
		assert_int_equal(fiber_sleep_ms(5), 0);
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t1"), S(""), id, &record), 0);
	assert_int_equal(flow_stop(f.flow, S("app1"), record->info.task_id, S("u1")), 0);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("stopped")));
	assert_false(str_has(fixture_events(&f, id, 0), S("failed")));
	flow_graph_unref(g);
	fixture_close(&f);
	return 0;
}

/* A process that ends gives the run back at once; nothing looks like a failure, and it goes on. */
static status drain_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	struct flow_result *r;
	fixture_open(&one, S(""), "one", 4000);
	fixture_open(&two, one.dir, "two", 4000);
	one.pause_ms = 10;
	struct flow_graph *g = fixture_graph(&one, arg);
	struct str id = start(&one, g, "workflow", "{\"l\":[1,2]}");
	while (one.calls < 3)
		assert_int_equal(fiber_sleep_ms(5), 0);
	flow_drain(one.flow, deadline_in_ms(5));
	fixture_serve(&two);
	assert_int_equal(flow_run_wait(two.flow, two.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_true(str_eq(json_text(two.mem, r->outputs, JSON_COMPACT), S("{\"out\":[3,3]}")));
	assert_false(str_has(fixture_events(&two, id, 0), S("failed")));
	assert_in_range(one.calls, 6, 8); /* two at most were in the middle */
	flow_graph_unref(g);
	fixture_close(&two);
	fixture_close(&one);
	return 0;
}

static void stopped(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(slow_graphs); i++)
		assert_int_equal(rt_run(NULL, stop_main, (void *)(uintptr_t)slow_graphs[i]), 0);
}

static void given_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(slow_graphs); i++)
		assert_int_equal(rt_run(NULL, drain_main, (void *)(uintptr_t)slow_graphs[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(events_and_outputs), cmocka_unit_test(parallel), cmocka_unit_test(trace),
					    cmocka_unit_test(stopped), cmocka_unit_test(given_back) };
	return cmocka_run_group_tests_name("flow_containers", tests, NULL, NULL);
}
