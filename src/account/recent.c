/* SPDX-License-Identifier: Apache-2.0 */
#include "account/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rt/rt.h"

struct entry {
	struct str key;
	struct arena *own;
	const void *value;
	int64_t until;
	size_t readers; /* the slot counts as one */
};
struct recent {
	struct entry **slots;
	size_t mask;
	int64_t ttl_ns;
	uint64_t epoch;
};

struct recent *recent_open(size_t slots, int64_t ttl_ms)
{
	size_t n = 1;
	while (n < slots)
		n <<= 1;
	struct recent *r = calloc(1, sizeof(*r));
	ASSERT(r);
	r->slots = calloc(n, sizeof(struct entry *));
	ASSERT(r->slots);
	r->mask = n - 1;
	r->ttl_ns = ttl_ms * 1000000;
	return r;
}

static void let_go(void *p)
{
	struct entry *e = p;
	if (--e->readers == 0)
		arena_close(e->own); /* the entry lies in it */
}

static void hold(struct arena *mem, struct entry *e)
{
	e->readers++;
	arena_defer(mem, let_go, e);
}

static void empty_slot(struct recent *r, size_t i)
{
	struct entry *e = take(r->slots[i]);
	if (e)
		let_go(e);
}

void recent_close(struct recent *r)
{
	if (!r)
		return;
	for (size_t i = 0; i <= r->mask; i++)
		empty_slot(r, i);
	free(r->slots);
	free(r);
}

const void *recent_get(struct recent *r, struct arena *mem, struct str key)
{
	size_t i = str_hash(key) & r->mask;
	struct entry *e = r->slots[i];
	if (!e || !str_eq(e->key, key))
		return NULL;
	if (e->until < rt_now()) {
		empty_slot(r, i);
		return NULL;
	}
	hold(mem, e);
	return e->value;
}

uint64_t recent_epoch(const struct recent *r)
{
	return r->epoch;
}

void recent_put(struct recent *r, struct arena *mem, struct str key, uint64_t epoch,
		struct arena *own, const void *value)
{
	struct entry *e = arena_new(own, struct entry);
	e->key = arena_str(own, key);
	e->own = own;
	e->value = value;
	e->until = rt_now() + r->ttl_ns;
	hold(mem, e);
	if (epoch != r->epoch)
		return;
	size_t i = str_hash(key) & r->mask;
	empty_slot(r, i);
	e->readers++;
	r->slots[i] = e;
}

void recent_drop(struct recent *r, struct str key)
{
	r->epoch++;
	size_t i = str_hash(key) & r->mask;
	if (r->slots[i] && str_eq(r->slots[i]->key, key))
		empty_slot(r, i);
}

void recent_drop_if(struct recent *r, bool (*match)(const void *value, const void *arg),
		    const void *arg)
{
	r->epoch++;
	for (size_t i = 0; i <= r->mask; i++)
		if (r->slots[i] && (!match || match(r->slots[i]->value, arg)))
			empty_slot(r, i);
}
