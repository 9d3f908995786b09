/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt: the messages that an easy app sends to its model (workflow.md 8.2 and 13). Pure: no I/O.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

struct prompt_in {
	const struct json *config;  /* model_config */
	const struct json *inputs;  /* checked; null prints as None */
	struct str query, context;  /* context at == NULL: no retrieval ran */
	const struct json *history; /* OpenAI form, oldest first, or NULL */
	const struct json *images;  /* content parts that go before the query, or NULL */
	bool chat_app;              /* else a completion app */
};
struct prompt_out {
	struct json *messages; /* OpenAI form; a completion model has one */
	struct json *stop;     /* array of texts that the frame needs, or NULL */
	bool completion;       /* a completion model: the text is the prompt */
};
status prompt_build(struct arena *, const struct prompt_in *, struct prompt_out *out) NODISCARD;

/* {{name}} filled from values; unknown names lose one pair of braces, <|...|> is removed. special:
 * values of #context#, #query#, #histories# by name without braces, or NULL. */
struct str prompt_fill(struct arena *, struct str text, const struct json *values,
		       const struct json *special);
/* As Python's str() prints a value. */
struct str prompt_value(struct arena *, const struct json *);
