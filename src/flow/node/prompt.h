/* SPDX-License-Identifier: Apache-2.0 */
/* prompt: what llm sends to a model (workflow.md 7.4 steps 1 to 7). Used by llm.c only. */
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
/* Text with all think blocks taken out; their contents joined by newline in *thoughts. */
struct str prompt_split_thoughts(struct arena *, struct str text, struct str *thoughts);
/* Adds the instruction to answer in this JSON schema, for models without native support. */
void prompt_add_schema(struct arena *, struct prompt *, const struct json *schema);
