/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: string to pointer, open addressing, insertion order kept for iteration. Keys are borrowed:
 * they must live as long as the map (usually in the same arena). mem NULL = heap (map_free).
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct map_entry {
	struct str key;
	void *value;
	uint64_t hash;
	bool used;
};
struct map {
	struct arena *mem;
	struct map_entry *entries; /* in insertion order, removed ones have used == false */
	size_t len, count, cap;	   /* entries written, live, allocated */
	uint32_t *slots;	   /* index + 1 into entries, 0 = free */
	size_t slots_len;
};

struct map map_make(struct arena *mem);
void map_free(struct map *);
/* Same keys and values, not copied themselves. */
struct map map_copy(struct arena *mem, const struct map *from);
/* NULL when absent. */
void *map_get(const struct map *, struct str key);
bool map_has(const struct map *, struct str key);
/* Replaces; returns the old value or NULL. */
void *map_set(struct map *, struct str key, void *value);
void *map_remove(struct map *, struct str key);

#define map_each(m, e) \
	for (struct map_entry *e = (m)->entries; e && e < (m)->entries + (m)->len; e++) \
		if (e->used)
