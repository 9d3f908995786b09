/* SPDX-License-Identifier: Apache-2.0 */
/*
 * react: reads a model's answer in the ReAct text protocol while it streams: what is thought aloud
 * passes, the labels "Thought:" and "Action:" at line starts do not, and the action, a JSON object
 * {"action", "action_input"} in a code fence or bare, is taken out. Pure.
 */
#pragma once
#include "base/buf.h"
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;

enum { REACT_HELD_MAX = 1 << 20 }; /* bytes of one action; more is text */

struct react {
	struct arena *mem;
	enum { REACT_TEXT, REACT_FENCE, REACT_JSON } state;
	struct buf held;  /* what may become a label, a fence or an action */
	struct buf shown; /* text that passed and was not fetched yet */
	struct buf thought; /* all text that passed */
	int ticks, depth;
	bool quoted, escaped, line_start;
	/* The first action of the answer. */
	bool has_action;
	struct str action;
	struct json *input;
};
void react_init(struct react *, struct arena *);
/* Takes the next piece and returns what may be shown now; it lives until the next call. */
struct str react_feed(struct react *, struct str piece);
/* The rest, when nothing more comes. */
struct str react_end(struct react *);
/* "Final Answer" in any spelling. */
bool react_is_final(const struct react *);
