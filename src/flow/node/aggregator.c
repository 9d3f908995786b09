/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregator: the first of several variables that has a value (workflow.md 7.11). Its older name is
 * variable-assigner.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/node.h"

static bool grouped(const struct json *data)
{
	return json_get_bool(json_get(data, S("advanced_settings")), S("group_enabled"), false);
}

status node_aggregator_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	const struct json *v = json_get(n->data, S("variables"));
	if (!grouped(n->data) && v && v->type != JSON_ARR && v->type != JSON_NULL)
		return err_set(ERR_INVALID, "variables: must be an array of selectors");
	return 0;
}

/* Finds the first; shows it among the inputs under its name without the node's id. */
static bool first_of(struct node_run *run, const struct json *selectors, struct var *out)
{
	json_each(selectors, selector) {
		if (!pool_get_json(run->pool, selector, out))
			continue;
		struct buf name = buf_make(run->mem, 0);
		for (size_t i = 1; i < selector->len; i++) {
			if (i > 1)
				buf_putc(&name, '.');
			buf_put(&name, json_as_str(&selector->items[i], S("")));
		}
		node_input(run, buf_str(&name), &out->value);
		return true;
	}
	return false;
}

status node_aggregator_exec(struct node_run *run)
{
	struct var v;
	run->result->outputs = json_obj(run->mem);
	if (!grouped(run->data)) {
		if (first_of(run, json_get(run->data, S("variables")), &v))
			node_output(run, S("output"), &v.value);
		return 0;
	}
	json_each(json_path(run->data, "advanced_settings.groups"), group) {
		if (!first_of(run, json_get(group, S("variables")), &v))
			continue;
		struct json *o = json_obj(run->mem);
		json_set(run->mem, o, S("output"), &v.value);
		node_output(run, json_get_str(group, S("group_name")), o);
	}
	return 0;
}
