/* SPDX-License-Identifier: Apache-2.0 */
/* heap: see heap.h. Knows nothing of time; `at` is any number. */
#include "base/heap.h"
#include <stdlib.h>

static bool before(const struct heap_row *a, const struct heap_row *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct heap *h, size_t i, struct heap_row r)
{
	h->row[i] = r;
	r.node->place = i + 1;
}

static void move_up(struct heap *h, size_t i, struct heap_row r)
{
	for (size_t up; i && before(&r, &h->row[up = (i - 1) / 2]); i = up)
		put(h, i, h->row[up]);
	put(h, i, r);
}

static void move_down(struct heap *h, size_t i, struct heap_row r)
{
	for (size_t kid; (kid = 2 * i + 1) < h->len; i = kid) {
		if (kid + 1 < h->len && before(&h->row[kid + 1], &h->row[kid]))
			kid++;
		if (!before(&h->row[kid], &r))
			break;
		put(h, i, h->row[kid]);
	}
	put(h, i, r);
}

void heap_add(struct heap *h, struct heap_node *n, int64_t at)
{
	ASSERT(!n->place);
	if (h->len == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->row = mem_grow(h->row, size_mul(h->cap, sizeof *h->row));
	}
	move_up(h, h->len++, (struct heap_row){ at, h->order++, n });
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	size_t i = n->place - 1;
	ASSERT(i < h->len && h->row[i].node == n);
	struct heap_row last = h->row[--h->len];
	n->place = 0;
	if (i == h->len)
		return;
	if (i && before(&last, &h->row[(i - 1) / 2]))
		move_up(h, i, last);
	else
		move_down(h, i, last);
}

void heap_done(struct heap *h)
{
	free(h->row);
	*h = (struct heap){ 0 };
}
