/* SPDX-License-Identifier: Apache-2.0 */
/* table: the node types that can run, one row each; several versions of a name from old to new. */
#include "flow/node/node.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"

#define ROW(n, v, kind_, flags_, exec_, check_)                                                    \
	{                                                                                          \
		.name = S_INIT(n), .version = S_INIT(v), .kind = kind_, .flags = flags_,           \
		.exec = exec_, .check = check_                                                     \
	}
const struct node_type node_types[] = {
	ROW("start", "", NODE_ROOT, NODE_INLINE, node_start_exec, node_start_check),
	ROW("end", "", NODE_RESPONSE, NODE_INLINE, node_end_exec, node_end_check),
	ROW("answer", "", NODE_RESPONSE, NODE_INLINE, node_answer_exec, node_answer_check),
	ROW("llm", "", NODE_EXECUTABLE, NODE_RETRY | NODE_STREAM | NODE_OUTSIDE, node_llm_exec,
	    node_llm_check),
	ROW("model-call", "", NODE_EXECUTABLE, NODE_STREAM | NODE_OUTSIDE, node_model_call_exec, NULL),
	ROW("question-classifier", "", NODE_BRANCH, NODE_OUTSIDE, node_classifier_exec,
	    node_classifier_check),
	ROW("parameter-extractor", "", NODE_EXECUTABLE, NODE_OUTSIDE, node_extractor_exec,
	    node_extractor_check),
	ROW("knowledge-retrieval", "", NODE_EXECUTABLE, NODE_OUTSIDE, node_knowledge_exec, NULL),
	ROW("agent", "", NODE_EXECUTABLE, NODE_STREAM | NODE_OUTSIDE, node_agent_exec, node_agent_check),
	{ .name = S_INIT("tool"), .kind = NODE_EXECUTABLE, .flags = NODE_RETRY | NODE_STREAM | NODE_OUTSIDE,
	  .exec = node_tool_exec, .check = node_tool_check, .extras = node_tool_extras },
	ROW("if-else", "", NODE_BRANCH, NODE_INLINE, node_if_else_exec, node_if_else_check),
	ROW("code", "", NODE_EXECUTABLE, NODE_RETRY, node_code_exec, node_code_check),
	ROW("template-transform", "", NODE_EXECUTABLE, 0, node_template_exec, node_template_check),
	ROW("list-operator", "", NODE_EXECUTABLE, NODE_INLINE, node_list_operator_exec,
	    node_list_operator_check),
	ROW("document-extractor", "", NODE_EXECUTABLE, 0, node_document_extractor_exec,
	    node_document_extractor_check),
	ROW("http-request", "", NODE_EXECUTABLE, NODE_RETRY | NODE_OUTSIDE, node_http_request_exec,
	    node_http_request_check),
	ROW("variable-aggregator", "", NODE_EXECUTABLE, NODE_INLINE, node_aggregator_exec,
	    node_aggregator_check),
	ROW("variable-assigner", "", NODE_EXECUTABLE, NODE_INLINE, node_aggregator_exec,
	    node_aggregator_check),
	ROW("assigner", "1", NODE_EXECUTABLE, NODE_INLINE, node_assigner_v1_exec,
	    node_assigner_v1_check),
	ROW("assigner", "2", NODE_EXECUTABLE, NODE_INLINE, node_assigner_v2_exec,
	    node_assigner_v2_check),
	ROW("trigger-webhook", "", NODE_ROOT, NODE_INLINE, node_webhook_exec, NULL),
	ROW("trigger-schedule", "", NODE_ROOT, NODE_INLINE, node_schedule_exec, NULL),
	ROW("human-input", "", NODE_BRANCH, NODE_INLINE | NODE_OUTSIDE, node_human_input_exec, node_human_input_check),
	ROW("iteration-start", "", NODE_EXECUTABLE, NODE_INLINE | NODE_SILENT, node_marker_exec, NULL),
	ROW("loop-start", "", NODE_EXECUTABLE, NODE_INLINE | NODE_SILENT, node_marker_exec, NULL),
	ROW("loop-end", "", NODE_EXECUTABLE, NODE_INLINE | NODE_ENDS_LOOP, node_marker_exec, NULL),
	ROW("iteration", "", NODE_CONTAINER, 0, node_iteration_exec, node_iteration_check),
	ROW("loop", "", NODE_CONTAINER, 0, node_loop_exec, node_loop_check),
};
const size_t node_types_len = countof(node_types);

/* Importing these is fine; running one is a failure of the node that names its type. */
static const struct {
	struct str name;
	enum node_kind kind;
} other_types[] = {
	{ S_INIT("knowledge-index"), NODE_RESPONSE },
	{ S_INIT("datasource"), NODE_ROOT },
	{ S_INIT("trigger-plugin"), NODE_ROOT },
};

const struct node_type *node_type_find(struct str name, struct str version)
{
	const struct node_type *newest = NULL;
	for (size_t i = 0; i < node_types_len; i++) {
		if (!str_eq(node_types[i].name, name))
			continue;
		newest = &node_types[i];
		if (!newest->version.len || str_eq(newest->version, version))
			return newest;
	}
	return newest;
}

bool node_type_known(struct str name)
{
	for (size_t i = 0; i < countof(other_types); i++)
		if (str_eq(other_types[i].name, name))
			return true;
	return node_type_find(name, S("")) != NULL;
}

enum node_kind node_type_kind(struct str name)
{
	for (size_t i = 0; i < countof(other_types); i++)
		if (str_eq(other_types[i].name, name))
			return other_types[i].kind;
	const struct node_type *t = node_type_find(name, S(""));
	return t ? t->kind : NODE_EXECUTABLE;
}

bool node_type_is_iteration(const struct graph_node *n)
{
	return str_eq(n->type, S("iteration"));
}

status node_fail_at(struct node_run *run, const char *file, int line, const char *type,
		    const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *text = arena_text(run->mem, n < 0 ? 1 : (size_t)n + 1);
	text[0] = '\0';
	(void)vsnprintf(text, n < 0 ? 1 : (size_t)n + 1, fmt, again);
	va_end(again);
	run->result->error = str_c(text);
	run->result->error_type = str_c(type);
	return err_set_at(file, line, ERR_INVALID, "%s", text);
}

void node_output(struct node_run *run, struct str name, const struct json *value)
{
	if (!run->result->outputs)
		run->result->outputs = json_obj(run->mem);
	json_set(run->mem, run->result->outputs, name, value);
}

void node_input(struct node_run *run, struct str name, const struct json *value)
{
	if (!run->result->inputs)
		run->result->inputs = json_obj(run->mem);
	json_set(run->mem, run->result->inputs, name, value);
}

status node_marker_exec(struct node_run *run)
{
	(void)run;
	return 0;
}
