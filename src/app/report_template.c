/* SPDX-License-Identifier: Apache-2.0 */
/* report_template: Jinja2 templates and prompts of an app file that cannot be read. */
#include "app/report_int.h"

#include "text/jinja/jinja.h"

static void check(struct report *r, const struct report_node *n, const char *field, const struct json *source)
{
	AUTO(arena) mem = { arena_open(0) };
	struct jinja_template *t;
	if (!json_is(source, JSON_STR) ||
	    jinja_parse(mem.p, json_as_str(source, S("")), &jinja_limits_small, &t) == 0)
		return;
	/* What our reader leaves to the sandbox may be fine there. */
	if (err_code() == ERR_INVALID)
		report_add(r, REPORT_WARNING, "bad-template", n, str_c(field), "node '%.*s': the node will fail: %.*s",
			   STR(n->title.len ? n->title : n->id), STR(arena_str(r->mem, err_text())));
	err_clear();
}

static void check_prompt(struct report *r, const struct report_node *n, const struct json *item)
{
	if (str_eq(json_get_str(item, S("edition_type")), S("jinja2")))
		check(r, n, "prompt_template.jinja2_text", json_get(item, S("jinja2_text")));
}

void report_templates(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct report_node *n = &r->nodes[i];
		const struct json *prompts = json_get(n->data, S("prompt_template"));
		if (str_eq(n->type, S("template-transform")))
			check(r, n, "template", json_get(n->data, S("template")));
		if (!str_eq(n->type, S("llm")))
			continue;
		check_prompt(r, n, prompts);
		json_each(prompts, item) check_prompt(r, n, item);
	}
}
