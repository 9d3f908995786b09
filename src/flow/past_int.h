/* SPDX-License-Identifier: Apache-2.0 */
/* past_int: the inside of past.c and past_text.c, for them only. */
#pragma once
#include "flow/run.h"

struct past_event {
	struct run_event event;
	bool record;   /* was kept back, not shown */
	bool only;     /* never for clients */
	bool verbatim; /* of a container that has ended: only given out again, if at all */
};

/* A piece of text that clients have: place in run->answer. */
struct piece {
	struct scope_past *scope; /* NULL: nobody gives it out again */
	size_t at, len, used;
};

struct scope_past {
	VEC(struct past_event) events;
	VEC(uint32_t) pieces; /* places in past->pieces */
	size_t piece;	      /* the first one not used up */
	bool shown;	      /* events in it or below it were shown */
	int64_t first_ms, last_ms; /* of the events in it and below it */
	struct map nodes;     /* id -> struct past_node: started and not ended */
};

struct pause {
	int64_t from, to; /* ms; 0 = it ends now */
};

struct past {
	struct arena *mem;
	struct map scopes; /* path -> struct scope_past */
	struct map ended;  /* "<scope>/<node>" of containers that have ended */
	VEC(struct piece) pieces;
	struct str interrupted; /* id of a node that was running and must not run twice */
	VEC(struct pause) pauses; /* time in which the run waited for people does not count */
	int64_t loaded_ms;
};

/* The scope of this path; made when it is not there. */
struct scope_past *past_scope_of(struct past *, struct str path);
/* The scope whose engine has to do with an event of `path`: itself, or the one in which the
 * outermost container lies that has ended (then *verbatim). */
struct str past_acting_scope(const struct past *, struct str path, bool *verbatim);
/* A text event of the journal: what clients have. */
status past_add_text(struct past *, struct flow_run *, const struct run_event *) NODISCARD;
