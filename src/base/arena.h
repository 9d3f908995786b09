/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory that lives as long as its scope (process, connection, request, run, step).
 * Allocation is a pointer bump; everything goes at once with arena_close. An arena belongs to one
 * fiber at a time. Real out-of-memory aborts. Under ASan every object is its own malloc, so that
 * an overrun is seen.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

/* first_block: bytes to reserve at once; 0 takes the default (4 KiB). */
struct arena *arena_open(size_t first_block);
/* Runs the cleanups in reverse order, then frees. NULL is fine. */
void arena_close(struct arena *);
/* Like close and open, but keeps the first block. */
void arena_reset(struct arena *);

/* Zeroed memory, aligned to 16. Never NULL; n = 0 gives a valid pointer. */
void *arena_alloc(struct arena *, size_t n);
/* The same without zeroing, aligned to 1 when n is odd sized text; for strings and buffers. */
char *arena_text(struct arena *, size_t n);
/* Grows the last allocation in place when it can, else copies. old may be NULL. */
void *arena_grow(struct arena *, void *old, size_t old_n, size_t new_n);

/* Copies; the copy is followed by a NUL byte that is not counted. */
struct str arena_str(struct arena *, struct str);
/* A C string for library edges. Bytes after an embedded NUL are invisible to the library. */
char *arena_cstr(struct arena *, struct str);
struct str arena_printf(struct arena *, const char *fmt, ...) PRINTF(2, 3);

/* Calls fn(arg) when the arena closes or resets: for what is not memory. */
void arena_defer(struct arena *, void (*fn)(void *), void *arg);
/* Bytes held, for limits and metrics. */
size_t arena_size(const struct arena *);

#define arena_new(mem, type) ((type *)arena_alloc((mem), sizeof(type)))
#define arena_array(mem, type, n) ((type *)arena_alloc((mem), size_mul(sizeof(type), (n))))

DEFINE_AUTO(arena, struct arena, arena_close)
