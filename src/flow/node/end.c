/* SPDX-License-Identifier: Apache-2.0 */
/* end: picks the run's outputs (workflow.md 7.2), and what of them is streamed (6.1). */
#include "base/arena.h"
#include "base/vec.h"
#include "flow/node/node.h"

struct parts {
	VEC(struct template_part) v;
};

static void add_variable(struct arena *mem, struct parts *list, const struct json *selector)
{
	struct template_part p = { .variable = true };
	p.parts = arena_array(mem, struct str, SELECTOR_PARTS_MAX);
	p.count = selector_read(selector, p.parts);
	if (p.count < 2)
		return;
	if (list->v.len) {
		struct template_part newline = { .text = S("\n") };
		vec_push(mem, &list->v, newline);
	}
	vec_push(mem, &list->v, p);
}

status node_end_check(struct arena *mem, struct graph_node *n)
{
	const struct json *outputs = json_get(n->data, S("outputs"));
	struct parts list = { { 0 } };
	if (outputs && outputs->type != JSON_ARR && outputs->type != JSON_NULL)
		return err_set(ERR_INVALID, "outputs: must be an array");
	json_each(outputs, o) {
		if (!json_is(json_get(o, S("variable")), JSON_STR))
			return err_set(ERR_INVALID, "outputs: an item has no variable name");
		add_variable(mem, &list, json_get(o, S("value_selector")));
	}
	n->stream = (struct template){ list.v.at, list.v.len };
	return 0;
}

status node_end_exec(struct node_run *run)
{
	run->result->outputs = json_obj(run->mem);
	json_each(json_get(run->data, S("outputs")), o) {
		struct var v;
		bool found = pool_get_json(run->pool, json_get(o, S("value_selector")), &v);
		node_output(run, json_get_str(o, S("variable")), found ? &v.value : NULL);
	}
	run->result->inputs = run->result->outputs;
	return 0;
}
