/* SPDX-License-Identifier: Apache-2.0 */
/* list: intrusive, circular, doubly linked. A node that is in no list points at itself. */
#pragma once
#include "base/core.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert_before(struct list *at, struct list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}
/* Adds at the end. */
static inline void list_push(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}
static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}
/* Fine for a node that is in no list (after list_init). */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
/* Takes the first node, or NULL. */
static inline struct list *list_pop(struct list *head)
{
	struct list *n = head->next;
	if (n == head)
		return NULL;
	list_remove(n);
	return n;
}
#define list_each(head, it) \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)
