/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator: in which order the text of answer and end nodes reaches the client while nodes still
 * run (workflow.md section 6). A pure state machine: it is told of taken edges, pieces of streams
 * and finished nodes, reads the pool, and calls `emit` with what may be shown now.
 */
#pragma once
#include "base/core.h"
#include "base/vec.h"
#include "flow/graph.h"
#include "flow/pool.h"
#include "flow/schedule.h"

/* node: who produced the text; selector: the parts shown to the client. */
typedef void (*coordinator_emit)(void *ctx, uint32_t node, const struct str *selector, size_t parts,
				 struct str text);

struct coordinator_stream {
	struct str *parts;
	size_t count;
	VEC(struct str) pieces;
	size_t read;
	bool closed;
};

struct coordinator {
	const struct flow_graph *graph;
	const struct schedule *schedule;
	const struct pool *pool;
	struct arena *mem;
	uint32_t root;
	coordinator_emit emit;
	void *ctx;

	bool started;	    /* some edge was taken */
	uint8_t *activated; /* by place in graph->responses */
	uint8_t *done;	    /* by node: it has succeeded */
	uint8_t *seen;	    /* scratch of the search, by node */
	uint32_t *stack;
	VEC(uint32_t) sessions; /* nodes; the first from `head` is active */
	size_t head, segment;	/* segment: where the active one goes on */
	VEC(struct coordinator_stream *) streams;
};

void coordinator_init(struct coordinator *, struct arena *, const struct flow_graph *, uint32_t root,
		      const struct schedule *, const struct pool *, coordinator_emit, void *ctx);
/* The schedule already holds the edge as taken. */
void coordinator_edge(struct coordinator *, uint32_t edge);
/* piece is copied into mem when it has to wait. last closes the stream. */
void coordinator_chunk(struct coordinator *, const struct str *parts, size_t count, struct str piece,
		       bool last);
/* Its outputs are in the pool. flush false: a node that ended with an exception. */
void coordinator_done(struct coordinator *, uint32_t node, bool flush);
