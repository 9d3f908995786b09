/* SPDX-License-Identifier: Apache-2.0 */
/* template-transform: a Jinja2 template over declared variables (workflow.md 7.9). */
#include "base/arena.h"
#include "base/config.h"
#include "flow/node/jinja.h"
#include "flow/run.h"

enum { OUTPUT_MAX = 400000 };

status node_template_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("template")), JSON_STR))
		return err_set(ERR_INVALID, "template: must be a text");
	const struct json *variables = json_get(n->data, S("variables"));
	if (variables && variables->type != JSON_ARR && variables->type != JSON_NULL)
		return err_set(ERR_INVALID, "variables: must be an array");
	return 0;
}

static int64_t output_max(const struct node_run *run)
{
	const struct config *c = run->flow ? run->flow->options.config : NULL;
	return c ? config_int(c, CONFIG_TEMPLATE_TRANSFORM_MAX_LENGTH) : OUTPUT_MAX;
}

/* A missing variable is None. */
static const struct json *read_inputs(struct node_run *run)
{
	struct json *inputs = run->result->inputs = json_obj(run->mem);
	json_each(json_get(run->data, S("variables")), row) {
		struct var v;
		bool found = pool_get_json(run->pool, json_get(row, S("value_selector")), &v);
		json_set(run->mem, inputs, json_get_str(row, S("variable")), found ? &v.value : NULL);
	}
	return inputs;
}

status node_template_exec(struct node_run *run)
{
	struct str out;
	int64_t most = output_max(run);
	if (node_jinja(run, json_get_str(run->data, S("template")), read_inputs(run), &out))
		return -1;
	if ((int64_t)utf8_count(out) > most)
		return node_fail(run, "TemplateRenderError", "Output length exceeds %lld characters",
				 (long long)most);
	node_output(run, S("output"), json_str(run->mem, out));
	return 0;
}
