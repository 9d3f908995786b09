/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule: which node may run next (workflow.md 3.1 to 3.3). A pure state machine over one graph:
 * no I/O, no events, no variables. A node runs when none of its incoming edges is unknown and one
 * is taken; skips propagate.
 */
#pragma once
#include "base/core.h"
#include "base/vec.h"
#include "flow/graph.h"

enum { STATE_UNKNOWN, STATE_TAKEN, STATE_SKIPPED };

struct schedule {
	const struct flow_graph *graph;
	struct arena *mem;
	uint8_t *nodes, *edges; /* STATE_x */
	VEC(uint32_t) ready;	/* FIFO from `head` */
	size_t head;
	VEC(uint32_t) stack; /* skip propagation without recursion */
};
typedef void (*schedule_edge)(void *ctx, uint32_t edge);

/* root is queued; other ROOT nodes are skipped with what only they lead to. */
void schedule_init(struct schedule *, struct arena *, const struct flow_graph *, uint32_t root);
/* The next node to run. */
bool schedule_next(struct schedule *, uint32_t *node);
/* Takes a certain node out of the queue (a replay); false when it is not ready. */
bool schedule_take(struct schedule *, uint32_t node);
/* A node has succeeded. branch: only edges with this handle are taken (an empty handle is
 * ERR_INVALID), the others are skipped; else all are taken. Calls `taken` per taken edge, in
 * order, before the targets are queued. */
status schedule_done(struct schedule *, uint32_t node, bool branch, struct str handle, schedule_edge taken,
		     void *ctx) NODISCARD;
