/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knowledge-retrieval: asks the knowledge bases that the node names (workflow.md 7.5). Finding is
 * the business of flow_options.knowledge; here are the question, the filter and the shape.
 */
#include "base/arena.h"
#include "flow/flow.h"
#include "flow/node/node.h"
#include "flow/run.h"

static const struct json *selector_of(const struct node_run *run, const char *name)
{
	const struct json *s = json_get(run->data, str_c(name));
	return json_len(s) ? s : NULL;
}

/* Values of a manual filter are templates. */
static struct json *filter_of(struct node_run *run)
{
	const struct json *given = json_get(run->data, S("metadata_filtering_conditions"));
	if (!json_is(given, JSON_OBJ) ||
	    !str_eq(json_get_str(run->data, S("metadata_filtering_mode")), S("manual")))
		return NULL;
	struct json *o = json_copy(run->mem, given);
	json_each(json_get(o, S("conditions")), c)
	{
		struct json *v = json_get(c, S("value"));
		if (json_is(v, JSON_STR))
			json_set_str(run->mem, c, S("value"),
				     template_text(run->mem, json_as_str(v, S("")), run->pool,
						   VAR_TEXT));
	}
	return o;
}

static status read_query(struct node_run *run, struct str *query)
{
	const struct json *selector = selector_of(run, "query_variable_selector");
	struct var v;
	*query = S("");
	if (!selector)
		return 0;
	if (!pool_get_json(run->pool, selector, &v) || v.value.type != JSON_STR)
		return node_fail(run, "KnowledgeRetrievalNodeError",
				 "Query variable is not string type.");
	*query = json_as_str(&v.value, S(""));
	node_input(run, S("query"), &v.value);
	if (!query->len && !selector_of(run, "query_attachment_selector"))
		return node_fail(run, "KnowledgeRetrievalNodeError", "Query is required.");
	return 0;
}

static const struct json *attachments(struct node_run *run)
{
	const struct json *selector = selector_of(run, "query_attachment_selector");
	struct json *files = json_arr(run->mem);
	struct var v;
	if (!selector || !pool_get_json(run->pool, selector, &v))
		return NULL;
	if (v.type == VAR_FILE)
		json_push(run->mem, files, &v.value);
	else if (v.type == VAR_ARRAY_FILE)
		json_each(&v.value, f) json_push(run->mem, files, f);
	node_input(run, S("query_attachment"), files);
	return files;
}

status node_knowledge_exec(struct node_run *run)
{
	const struct flow_knowledge *k = &run->flow->options.knowledge;
	struct flow_search search = {.settings = run->data};
	struct json *result = json_arr(run->mem);
	if (!selector_of(run, "query_variable_selector") &&
	    !selector_of(run, "query_attachment_selector"))
		return 0;
	if (read_query(run, &search.query))
		return -1;
	search.files = attachments(run);
	search.dataset_ids = json_get(run->data, S("dataset_ids"));
	search.filter = filter_of(run);
	if (json_len(search.dataset_ids)) {
		if (!k->search)
			return node_fail(run, "KnowledgeRetrievalNodeError",
					 "This server has no knowledge bases yet, so node '%.*s' "
					 "cannot search in %d of "
					 "them. Remove them from the node to run without.",
					 STR(run->node->title), (int)json_len(search.dataset_ids));
		if (k->search(k->ctx, run->mem, run->info, &search, &result)) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			return node_fail(run, "KnowledgeRetrievalNodeError", "%.*s",
					 STR(err_text()));
		}
	}
	node_output(run, S("result"), result);
	return 0;
}
