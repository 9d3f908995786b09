/* SPDX-License-Identifier: Apache-2.0 */
/* heap: what is due first. A binary heap of intrusive nodes; nodes that are due at the same time
 * come out in the order of their adding. */
#pragma once
#include "base/core.h"

struct heap_node {
	size_t place; /* 0 = in no heap; zeroed memory is a valid node */
};
/* Times lie beside the pointers, so that sorting does not touch what the nodes are part of. */
struct heap_row {
	int64_t at;
	uint64_t order;
	struct heap_node *node;
};
struct heap {
	struct heap_row *row; /* row[0] is the first; look, do not write */
	size_t len, cap;
	uint64_t order;
};

/* The node must be in no heap. */
void heap_add(struct heap *, struct heap_node *, int64_t at);
/* The node must be in this heap. */
void heap_remove(struct heap *, struct heap_node *);
/* When the first is due, INT64_MAX when the heap is empty. */
static inline int64_t heap_due(const struct heap *h)
{
	return h->len ? h->row[0].at : INT64_MAX;
}
/* Frees the rows; the nodes are their owners'. */
void heap_done(struct heap *);
