/* SPDX-License-Identifier: Apache-2.0 */
/* if-else: the first case whose conditions hold (workflow.md 7.6). */
#include "base/arena.h"
#include "flow/condition.h"
#include "flow/node/node.h"

/* Files before 0.1.1 have one unnamed case at the top level. */
static const struct json *cases_of(struct arena *mem, const struct json *data)
{
	const struct json *cases = json_get(data, S("cases"));
	if (json_is(cases, JSON_ARR))
		return cases;
	struct json *list = json_arr(mem), *one = json_obj(mem);
	json_set_str(mem, one, S("case_id"), S("true"));
	struct str op = json_get_str(data, S("logical_operator"));
	json_set_str(mem, one, S("logical_operator"), op.len ? op : S("and"));
	json_set(mem, one, S("conditions"), json_get(data, S("conditions")));
	json_push(mem, list, one);
	return list;
}

status node_if_else_check(struct arena *mem, struct graph_node *n)
{
	json_each(cases_of(mem, n->data), c)
		json_each(json_get(c, S("conditions")), cond)
			if (condition_check(cond))
				return -1;
	return 0;
}

/* The condition as events show it, without the editor's own keys. */
static struct json *shown_case(struct arena *mem, const struct json *c)
{
	static const struct str keys[] = { S_INIT("variable_selector"), S_INIT("comparison_operator"),
					   S_INIT("value"), S_INIT("sub_variable_condition") };
	struct json *o = json_obj(mem), *list = json_arr(mem);
	struct str op = json_get_str(c, S("logical_operator"));
	json_set_str(mem, o, S("case_id"), json_get_str(c, S("case_id")));
	json_set_str(mem, o, S("logical_operator"), op.len ? op : S("and"));
	json_each(json_get(c, S("conditions")), cond) {
		struct json *row = json_obj(mem);
		for (size_t i = 0; i < countof(keys); i++)
			json_set(mem, row, keys[i], json_get(cond, keys[i]));
		json_push(mem, list, row);
	}
	json_set(mem, o, S("conditions"), list);
	return o;
}

static void choose(struct node_run *run, bool result, struct str id)
{
	node_output(run, S("result"), json_bool(run->mem, result));
	node_output(run, S("selected_case_id"), json_str(run->mem, id));
	run->result->handle = id;
}

status node_if_else_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct json *results = json_arr(mem);
	run->result->process = json_obj(mem);
	json_each(cases_of(mem, run->data), c) {
		struct condition_trace trace = { json_arr(mem), json_arr(mem) };
		bool all = !str_eq_nocase(json_get_str(c, S("logical_operator")), S("or")), holds;
		status st = condition_list(mem, run->pool, json_get(c, S("conditions")), all, &holds, &trace);
		node_input(run, S("conditions"), trace.shown);
		if (st)
			return node_fail(run, "", "%.*s", STR(err_text()));
		struct json *row = json_obj(mem);
		json_set(mem, row, S("group"), shown_case(mem, c));
		json_set(mem, row, S("results"), trace.results);
		json_set_bool(mem, row, S("final_result"), holds);
		json_push(mem, results, row);
		json_set(mem, run->result->process, S("condition_results"), results);
		if (holds) {
			choose(run, true, json_get_str(c, S("case_id")));
			return 0;
		}
	}
	choose(run, false, S("false"));
	return 0;
}
