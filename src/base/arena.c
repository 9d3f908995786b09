/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: the bump allocator. The arena itself lies at the start of its first block.
 *
 *     first -> [arena | objects ...]   <- next - [block | objects ...]   <- next - current
 *
 * Under ASan each object is a malloc of its own in a list, so that an overrun hits a red zone.
 * Must not know what it holds.
 */
#include "base/arena.h"
#include "base/sanitize.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_EACH SANITIZE_ADDRESS

enum { ALIGN = 16, BLOCK_DEFAULT = 4 << 10, BLOCK_STEP = 1 << 10, BLOCK_MAX = 1 << 20 };

struct block {
	struct block *prev; /* older one */
	size_t size;	    /* of the whole block */
};

struct cleanup {
	struct cleanup *prev;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block first; /* must stay in front: the arena is its own first block */
	struct block *current;
	struct cleanup *cleanups;
	char *at, *end; /* free part of the current block */
	size_t held;
};

static void *must_malloc(size_t n)
{
	void *p = malloc(n);
	if (!p) {
		fprintf(stderr, "out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

static char *align_up(char *p)
{
	return (char *)(((uintptr_t)p + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1));
}

static void take_first_block(struct arena *a)
{
	a->current = &a->first;
	a->at = (char *)a + sizeof(*a);
	a->end = (char *)a + a->first.size;
	a->held = a->first.size;
	a->cleanups = NULL;
}

struct arena *arena_open(size_t first_block)
{
	size_t size = first_block ? MAX(first_block, sizeof(struct arena)) : BLOCK_DEFAULT;
	if (ARENA_EACH)
		size = sizeof(struct arena);
	struct arena *a = must_malloc(size);
	a->first = (struct block){ NULL, size };
	take_first_block(a);
	return a;
}

static void release(struct arena *a)
{
	/* A cleanup may register another one, so take them off the list one by one. */
	while (a->cleanups) {
		struct cleanup *c = a->cleanups;
		a->cleanups = c->prev;
		c->fn(c->arg);
	}
	while (a->current != &a->first) {
		struct block *b = a->current;
		a->current = b->prev;
		free(b);
	}
}

void arena_close(struct arena *a)
{
	if (!a)
		return;
	release(a);
	free(a);
}

void arena_reset(struct arena *a)
{
	release(a);
	take_first_block(a);
}

static struct block *add_block(struct arena *a, size_t size)
{
	struct block *b = must_malloc(size);
	*b = (struct block){ a->current, size };
	a->current = b;
	a->held += size;
	return b;
}

/* An eighth of what it holds, in whole BLOCK_STEP: grows like a power, and yet what an open stream
 * holds for minutes is at most a ninth too much. */
static size_t next_size(const struct arena *a)
{
	size_t part = a->held / 8 / BLOCK_STEP * BLOCK_STEP;
	return MIN(MAX(part, (size_t)BLOCK_STEP), (size_t)BLOCK_MAX);
}

/* Slow path: the current block has no room. Big objects get a block of their own size. */
static char *take_more(struct arena *a, size_t n)
{
	size_t need = size_add(n, sizeof(struct block) + ALIGN);
	if (ARENA_EACH)
		return (char *)(add_block(a, size_add(n, sizeof(struct block))) + 1);
	size_t next = next_size(a);
	if (need > next / 4) {
		struct block *b = add_block(a, need);
		char *at = align_up((char *)(b + 1));
		/* Bump on in whichever of the two has more room left. */
		if ((size_t)(a->end - a->at) < (size_t)((char *)b + need - at) - n) {
			a->at = at + n;
			a->end = (char *)b + need;
		}
		return at;
	}
	struct block *b = add_block(a, next);
	char *at = align_up((char *)(b + 1));
	a->at = at + n;
	a->end = (char *)b + next;
	return at;
}

static char *take_bytes(struct arena *a, size_t n, bool aligned)
{
	if (ARENA_EACH)
		return take_more(a, n ? n : 1);
	char *at = aligned ? align_up(a->at) : a->at;
	if (at <= a->end && n <= (size_t)(a->end - at)) {
		a->at = at + n;
		return at;
	}
	return take_more(a, n);
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take_bytes(a, n, true);
	return memset(p, 0, n);
}

char *arena_text(struct arena *a, size_t n)
{
	return take_bytes(a, n, false);
}

void *arena_grow(struct arena *a, void *old, size_t old_n, size_t new_n)
{
	ASSERT(new_n >= old_n);
	char *was = old;
	if (!ARENA_EACH && was && was + old_n == a->at && new_n - old_n <= (size_t)(a->end - a->at)) {
		a->at += new_n - old_n;
		return old;
	}
	char *p = take_bytes(a, new_n, true);
	if (old_n)
		memcpy(p, old, old_n);
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	return (struct str){ arena_cstr(a, s), s.len };
}

char *arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_text(a, size_add(s.len, 1));
	if (s.len)
		memcpy(p, s.at, s.len);
	p[s.len] = 0;
	return p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	size_t room = (size_t)(a->end - a->at);
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(ARENA_EACH ? NULL : a->at, ARENA_EACH ? 0 : room, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	size_t len = (size_t)n;
	char *p;
	if (!ARENA_EACH && len < room) {
		p = a->at;
		a->at += len + 1;
		return (struct str){ p, len };
	}
	p = arena_text(a, len + 1);
	va_start(ap, fmt);
	vsnprintf(p, len + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, len };
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct cleanup *c = arena_new(a, struct cleanup);
	*c = (struct cleanup){ a->cleanups, fn, arg };
	a->cleanups = c;
}

size_t arena_size(const struct arena *a)
{
	return a->held;
}
