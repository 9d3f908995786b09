/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt: what llm sends to a model (workflow.md 7.4 steps 1 to 7), whole and in parts for the other
 * nodes that ask a model.
 */
#pragma once
#include "flow/node/node.h"
#include "model/model.h"

struct prompt {
	struct json *messages; /* OpenAI form */
	struct json *shown;    /* as process_data shows them: {role, text, files} */
	bool completion;
	const struct model_features *features;
};
status node_prompt_build(struct node_run *, struct prompt *) NODISCARD;
/* --- parts --- */
/* Appends {role, content}. */
void prompt_push(struct node_run *, struct prompt *, struct str role, const struct json *content);
/* Earlier turns by the node's `memory` setting, within the model's context; empty without it. */
status prompt_history(struct node_run *, const struct prompt *, struct json **out) NODISCARD;
/* The same as lines "Human: ..", "Assistant: .." with the prefixes of memory.role_prefix. */
struct str prompt_history_text(struct node_run *, const struct json *history);
/* What the `vision` setting names, as parts for a message and as file objects; both arrays. */
status prompt_vision(struct node_run *, const struct prompt *, struct json **parts, struct json **files) NODISCARD;
/* Fills p->shown from p->messages. */
void prompt_show(struct node_run *, struct prompt *);
/* Text with all think blocks taken out; their contents joined by newline in *thoughts. */
struct str prompt_split_thoughts(struct arena *, struct str text, struct str *thoughts);
/* Adds the instruction to answer in this JSON schema, for models without native support. */
void prompt_add_schema(struct arena *, struct prompt *, const struct json *schema);
