/* SPDX-License-Identifier: Apache-2.0 */
/*
 * think: what a model thinks, told apart from what it answers, while it streams. Pieces may be cut
 * anywhere. Pure.
 *
 *	think_filter	drops the block <think>...</think> in front of an answer, with the blank lines
 *			behind it (easy apps); any other text passes unchanged
 *	think_split	takes every block out of an answer and gives out both (llm nodes)
 */
#pragma once
#include "base/buf.h"
#include "base/core.h"
#include "base/str.h"

struct arena;

enum { THINK_TAG_MAX = 8 };
struct think_filter {
	enum { THINK_HEAD, THINK_INSIDE, THINK_BEHIND, THINK_PASS } state;
	char held[32]; /* what may still be the tag */
	size_t held_len;
};
/* What may be shown now; lives in mem or is a part of piece. */
struct str think_filter_feed(struct arena *mem, struct think_filter *, struct str piece);
/* Text that was held back and turned out to be no tag; points into the filter. */
struct str think_filter_end(struct think_filter *);

/* THINK_CLOSED: a block has ended; its text is empty. */
enum think_kind { THINK_ANSWER, THINK_THOUGHT, THINK_CLOSED };
typedef void (*think_part)(void *ctx, enum think_kind, struct str text);
/*
 * The answer without its blocks, runs of blank lines made one, blank space at both ends cut; the
 * thoughts trimmed, those of different blocks joined by a newline. A tag may have attributes and be
 * in capitals; a block that is never closed is a thought to the end. What has been given out in
 * pieces is, joined, what splitting the whole text gives.
 */
struct think_split {
	think_part sink;
	void *ctx;
	enum { SPLIT_ANSWER, SPLIT_THOUGHT } state;
	struct buf tag; /* what may be a tag */
	struct buf out; /* of this piece */
	struct buf space[2]; /* of answer and thought: shown only when something follows */
	bool begun[2];	     /* something of it is out */
	bool joint;	     /* between two thoughts */
};
struct think_split think_split_make(struct arena *, think_part, void *ctx);
void think_split_feed(struct think_split *, struct str piece);
void think_split_end(struct think_split *);
