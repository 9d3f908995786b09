/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrmap: pointers by pointer, open addressing, nothing is removed. Each connection has one for
 * what it has prepared. Used by one thread at a time.
 */
#include "store/db/db_int.h"
#include <stdlib.h>

static size_t slot_of(const struct ptr_map *m, const void *key)
{
	size_t at = ((uintptr_t)key >> 4) * 0x9E3779B97F4A7C15ull >> 20 & (m->cap - 1);
	while (m->slots[at].key && m->slots[at].key != key)
		at = (at + 1) & (m->cap - 1);
	return at;
}

void *ptr_get(const struct ptr_map *m, const void *key)
{
	return m->cap ? m->slots[slot_of(m, key)].value : NULL;
}

void ptr_set(struct ptr_map *m, const void *key, void *value)
{
	if (m->count * 2 >= m->cap) {
		struct ptr_map bigger = { .cap = m->cap ? m->cap * 2 : 64, .count = m->count };
		bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
		ASSERT(bigger.slots);
		for (size_t i = 0; i < m->cap; i++)
			if (m->slots[i].key)
				bigger.slots[slot_of(&bigger, m->slots[i].key)] = m->slots[i];
		free(m->slots);
		*m = bigger;
	}
	size_t at = slot_of(m, key);
	if (!m->slots[at].key)
		m->count++;
	m->slots[at] = (struct ptr_entry){ key, value };
}

void ptr_free(struct ptr_map *m)
{
	free(m->slots);
	*m = (struct ptr_map){ 0 };
}
