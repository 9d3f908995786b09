/* SPDX-License-Identifier: Apache-2.0 */
/* knowledge-retrieval: when it asks, what it asks, and what it says when nobody can answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "flow/flow.h"
#include "flow/run.h"

static const struct {
	const char *data;
	bool can_search;
	const char *outputs; /* JSON, NULL: none */
	const char *error, *asked;
} cases[] = {
	{ "{\"dataset_ids\":[\"d1\"]}", false, NULL, NULL, NULL },
	{ "{\"query_variable_selector\":[\"sys\",\"query\"],\"dataset_ids\":[]}", false, "{\"result\":[]}", NULL, NULL },
	{ "{\"query_variable_selector\":[\"sys\",\"query\"]}", true, "{\"result\":[]}", NULL, NULL },
	{ "{\"query_variable_selector\":[\"sys\",\"query\"],\"dataset_ids\":[\"d1\",\"d2\"]}", false, NULL,
	  "This server has no knowledge bases yet, so node 'Look up' cannot search in 2 of them", NULL },
	{ "{\"query_variable_selector\":[\"n\",\"number\"],\"dataset_ids\":[\"d1\"]}", true, NULL,
	  "Query variable is not string type.", NULL },
	{ "{\"query_variable_selector\":[\"n\",\"gone\"],\"dataset_ids\":[\"d1\"]}", true, NULL,
	  "Query variable is not string type.", NULL },
	{ "{\"query_variable_selector\":[\"n\",\"empty\"],\"dataset_ids\":[\"d1\"]}", true, NULL, "Query is required.", NULL },
	{ "{\"query_variable_selector\":[\"sys\",\"query\"],\"dataset_ids\":[\"d1\"]}", true, "{\"result\":[{\"title\":\"t\"}]}",
	  NULL, "what is it? [\"d1\"] none" },
	{ "{\"query_variable_selector\":[\"sys\",\"query\"],\"dataset_ids\":[\"d1\"],\"metadata_filtering_mode\":\"manual\","
	  "\"metadata_filtering_conditions\":{\"conditions\":[{\"name\":\"a\",\"value\":\"{{#n.number#}}\"},{\"value\":5}]}}",
	  true, "{\"result\":[{\"title\":\"t\"}]}", NULL,
	  "what is it? [\"d1\"] {\"conditions\":[{\"name\":\"a\",\"value\":\"7\"},{\"value\":5}]}" },
};

static status search(void *ctx, struct arena *mem, const struct flow_info *info, const struct flow_search *s,
		     struct json **result)
{
	struct str *asked = ctx;
	struct json *row = json_obj(mem);
	(void)info;
	*asked = arena_printf(mem, "%.*s %.*s %.*s", STR(s->query),
			      STR(json_text(mem, s->dataset_ids, JSON_COMPACT)),
			      STR(s->filter ? json_text(mem, s->filter, JSON_COMPACT) : S("none")));
	json_set_str(mem, row, S("title"), S("t"));
	*result = json_arr(mem);
	json_push(mem, *result, row);
	return 0;
}

static void questions_are_asked(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		struct json *data;
		struct str asked = S("");
		struct flow f = { .options.knowledge = { &asked, cases[i].can_search ? search : NULL } };
		assert_int_equal(json_parse(mem.p, str_c(cases[i].data), &data), 0);
		pool_init(&p, mem.p);
		pool_set(&p, S("sys"), S("query"), json_str(mem.p, S("what is it?")), VAR_INFER);
		pool_set(&p, S("n"), S("number"), json_int(mem.p, 7), VAR_INFER);
		pool_set(&p, S("n"), S("empty"), json_str(mem.p, S("")), VAR_INFER);
		struct graph_node n = { .id = S("k"), .title = S("Look up"), .data = data };
		struct node_result r = { 0 };
		struct flow_info info = { .tenant_id = S("t") };
		struct node_run run = { .mem = mem.p, .node = &n, .data = data, .pool = &p, .result = &r,
					.flow = &f, .info = &info };
		status st = node_knowledge_exec(&run);
		struct str got = r.outputs ? json_text(mem.p, r.outputs, JSON_COMPACT) : S("");
		bool ok = st == (cases[i].error ? -1 : 0) && str_starts(r.error, str_c(cases[i].error)) &&
			  str_eq(asked, str_c(cases[i].asked)) && (st || str_eq(got, str_c(cases[i].outputs)));
		if (!ok)
			print_error("case %zu: %d %.*s %.*s asked '%.*s'\n", i, st, STR(got), STR(r.error), STR(asked));
		bad += !ok;
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(questions_are_asked) };
	return cmocka_run_group_tests_name("flow_knowledge", tests, NULL, NULL);
}
