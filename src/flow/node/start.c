/* SPDX-License-Identifier: Apache-2.0 */
/* start: gives out the user's inputs and the system variables (workflow.md 7.1). */
#include "base/arena.h"
#include "flow/node/node.h"
#include "flow/schema.h"

status node_start_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	const struct json *v = json_get(n->data, S("variables"));
	if (v && v->type != JSON_ARR && v->type != JSON_NULL)
		return err_set(ERR_INVALID, "variables: must be an array");
	json_each(v, row)
		if (!json_is(json_get(row, S("variable")), JSON_STR))
			return err_set(ERR_INVALID, "variables: an item has no variable name");
	return 0;
}

/* The schema may be an object or, in older files, its JSON text. */
static status check_object(struct node_run *run, const struct json *row, struct str name)
{
	const struct json *schema = json_get(row, S("json_schema")), *value = json_get(run->inputs, name);
	struct json *parsed;
	struct str why;
	if (json_is(schema, JSON_STR)) {
		if (!json_as_str(schema, S("")).len)
			return 0;
		if (json_parse(run->mem, json_as_str(schema, S("")), &parsed))
			return node_fail(run, "WorkflowNodeError", "Invalid JSON schema of '%.*s'", STR(name));
		schema = parsed;
	}
	if (!json_is(schema, JSON_OBJ) || !json_is(value, JSON_OBJ))
		return 0;
	if (!schema_check(run->mem, schema, value, &why))
		return node_fail(run, "WorkflowNodeError",
				 "JSON object for '%.*s' does not match schema: %.*s", STR(name), STR(why));
	return 0;
}

status node_start_exec(struct node_run *run)
{
	json_each(json_get(run->data, S("variables")), row)
		if (str_eq(json_get_str(row, S("type")), S("json_object")) &&
		    check_object(run, row, json_get_str(row, S("variable"))))
			return -1;
	/* What goes in comes out: one object for both. */
	run->result->outputs = json_obj_room(run->mem, json_len(run->inputs));
	json_each_member(run->inputs, m) node_output(run, m->name, &m->value);
	run->result->inputs = run->result->outputs;
	return 0;
}
