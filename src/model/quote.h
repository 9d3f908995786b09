/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote: the bundled answering model. It writes nothing of its own: it finds the sentences of the
 * given context that fit the question, cites them with their place, and says so when none does.
 * Knows the engine and sentences; knows nothing of HTTP.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "model/model.h"

struct arena;
struct engine;
struct json;

enum {
	QUOTE_CONTEXT_MAX = 2 << 20, /* bytes of context that are looked at */
	QUOTE_SENTENCES_MAX = 6000,  /* sentences that are compared; fewer than the engine remembers */
	QUOTE_BLOCKS_MAX = 3,	     /* places that are cited */
	QUOTE_BLOCK_SENTENCES = 3,   /* sentences of one place */
};

/* What a chat request asks, and of which text. */
struct quote_task {
	struct str question, context;
};
/* The context is what stands in <context> tags, else all system messages, else what precedes the
 * last paragraph of the user's message. */
struct quote_task quote_task_of(struct arena *, const struct json *messages);

struct quote_place {
	size_t first;	/* index of the section's first cited sentence */
	size_t at[QUOTE_BLOCK_SENTENCES]; /* cited sentences, in the text's order */
	size_t n;
	float score;
};
struct sentence;
struct quote_result {
	struct sentence *sentences;
	struct quote_place places[QUOTE_BLOCKS_MAX];
	size_t n;	   /* 0 = nothing fits */
	float best, mean;  /* cosines, for calibration */
};
status quote_find(struct engine *, struct arena *, const struct quote_task *, struct quote_result *out) NODISCARD;
/* Finds and writes the answer as Markdown, piece by piece. */
status quote_answer(struct engine *, struct arena *, const struct quote_task *, model_sink, void *arg) NODISCARD;
