/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map: entries in insertion order plus a table of slots (entry index + 1) that is probed linearly.
 * A removed entry stays where it is, with used == false, until the next rebuild; its slot goes on
 * pointing at it, so that probes pass over it.
 */
#include "base/map.h"
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 8 };

struct map map_make(struct arena *mem)
{
	return (struct map){ .mem = mem };
}

void map_free(struct map *m)
{
	if (!m->mem) {
		free(m->entries);
		free(m->slots);
	}
	*m = map_make(m->mem);
}

static void *grow(struct map *m, void *old, size_t old_n, size_t new_n)
{
	if (m->mem)
		return arena_grow(m->mem, old, old_n, new_n);
	void *p = realloc(old, new_n);
	ASSERT(p != NULL);
	return p;
}

struct map map_copy(struct arena *mem, const struct map *from)
{
	struct map m = map_make(mem);
	if (!from->cap)
		return m;
	m.len = from->len;
	m.count = from->count;
	m.cap = from->cap;
	m.slots_len = from->slots_len;
	m.entries = grow(&m, NULL, 0, size_mul(m.cap, sizeof(*m.entries)));
	m.slots = grow(&m, NULL, 0, size_mul(m.slots_len, sizeof(*m.slots)));
	memcpy(m.entries, from->entries, m.len * sizeof(*m.entries));
	memcpy(m.slots, from->slots, m.slots_len * sizeof(*m.slots));
	return m;
}

static size_t slot_of(const struct map *m, uint64_t hash)
{
	return (size_t)hash & (m->slots_len - 1);
}

static struct map_entry *find(const struct map *m, struct str key, uint64_t hash)
{
	if (!m->slots_len)
		return NULL;
	for (size_t i = slot_of(m, hash); m->slots[i]; i = (i + 1) & (m->slots_len - 1)) {
		struct map_entry *e = &m->entries[m->slots[i] - 1];
		if (e->used && e->hash == hash && str_eq(e->key, key))
			return e;
	}
	return NULL;
}

static void link_entry(struct map *m, size_t index)
{
	size_t i = slot_of(m, m->entries[index].hash);
	while (m->slots[i])
		i = (i + 1) & (m->slots_len - 1);
	m->slots[i] = (uint32_t)(index + 1);
}

/* Drops removed entries; grows when more than half of the room is live. */
static void rebuild(struct map *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->len; i++)
		if (m->entries[i].used)
			m->entries[kept++] = m->entries[i];
	m->len = kept;
	if (kept * 2 >= m->cap) {
		size_t cap = m->cap ? size_mul(m->cap, 2) : FIRST_CAP;
		ASSERT(cap < UINT32_MAX / 2);
		m->entries = grow(m, m->entries, m->cap * sizeof(*m->entries),
				  size_mul(cap, sizeof(*m->entries)));
		m->slots = grow(m, m->slots, m->slots_len * sizeof(*m->slots),
				cap * 2 * sizeof(*m->slots));
		m->cap = cap;
		m->slots_len = cap * 2;
	}
	memset(m->slots, 0, m->slots_len * sizeof(*m->slots));
	for (size_t i = 0; i < m->len; i++)
		link_entry(m, i);
}

void *map_get(const struct map *m, struct str key)
{
	if (!m->count)
		return NULL;
	struct map_entry *e = find(m, key, str_hash(key));
	return e ? e->value : NULL;
}

bool map_has(const struct map *m, struct str key)
{
	return m->count && find(m, key, str_hash(key));
}

void *map_set(struct map *m, struct str key, void *value)
{
	uint64_t hash = str_hash(key);
	struct map_entry *e = find(m, key, hash);
	if (e) {
		void *old = e->value;
		e->value = value;
		return old;
	}
	if (m->len == m->cap)
		rebuild(m);
	m->entries[m->len] = (struct map_entry){ key, value, hash, true };
	link_entry(m, m->len);
	m->len++;
	m->count++;
	return NULL;
}

void *map_remove(struct map *m, struct str key)
{
	if (!m->count)
		return NULL;
	struct map_entry *e = find(m, key, str_hash(key));
	if (!e)
		return NULL;
	void *old = e->value;
	e->used = false;
	e->value = NULL;
	m->count--;
	return old;
}
