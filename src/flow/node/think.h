/* SPDX-License-Identifier: Apache-2.0 */
/*
 * think: drops the block <think>...</think> in front of a streamed answer, with the blank lines
 * behind it. Pieces may be cut anywhere; a text that does not begin with the block passes
 * unchanged, and at once as soon as that is certain. Pure.
 */
#pragma once
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
