/* SPDX-License-Identifier: Apache-2.0 */
/* answer: a text for the chat, with the files that it names (workflow.md 7.3). */
#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/node.h"

status node_answer_check(struct arena *mem, struct graph_node *n)
{
	const struct json *answer = json_get(n->data, S("answer"));
	if (answer && answer->type != JSON_STR && answer->type != JSON_NULL)
		return err_set(ERR_INVALID, "answer: must be a string");
	template_parse(mem, json_as_str(answer, S("")), &n->stream);
	return 0;
}

status node_answer_exec(struct node_run *run)
{
	const struct template *t = &run->node->stream;
	struct json *files = json_arr(run->mem);
	struct buf b = buf_make(run->mem, 0);
	template_render(&b, t, run->pool, VAR_MARKDOWN);
	for (size_t i = 0; i < t->len; i++) {
		struct var v;
		if (!t->parts[i].count || !pool_get(run->pool, t->parts[i].parts, t->parts[i].count, &v))
			continue;
		if (v.type == VAR_FILE)
			json_push(run->mem, files, &v.value);
		if (v.type == VAR_ARRAY_FILE)
			json_each(&v.value, f) json_push(run->mem, files, f);
	}
	node_output(run, S("answer"), json_str(run->mem, buf_str(&b)));
	node_output(run, S("files"), files);
	return 0;
}
