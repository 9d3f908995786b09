/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: a growing byte buffer with a maximum, in an arena or on the heap. Writing past the maximum
 * sets `overflow` and drops the rest: check once at the end with buf_done. Callers that know their
 * size is bounded may read buf_str at once.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

struct buf {
	struct arena *mem; /* NULL: heap, end with buf_free */
	char *at;
	size_t len, cap, max;
	bool overflow;
};

enum { BUF_MAX_DEFAULT = 64 << 20 };

/* mem NULL = heap; max 0 = BUF_MAX_DEFAULT. */
struct buf buf_make(struct arena *mem, size_t max);
void buf_free(struct buf *); /* heap only; resets to empty */
void buf_put(struct buf *, struct str);
void buf_putc(struct buf *, char);
void buf_printf(struct buf *, const char *fmt, ...) PRINTF(2, 3);
void buf_int(struct buf *, int64_t);
/* Room for n more bytes, or NULL (overflow set). Commit with buf->len += used. */
char *buf_reserve(struct buf *, size_t n);
/* Drops the first n bytes. */
void buf_consume(struct buf *, size_t n);
void buf_clear(struct buf *);
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->at, b->len };
}
/* ERR_TOO_LARGE when something was dropped. */
status buf_done(const struct buf *) NODISCARD;

#define buf_puts(b, lit) buf_put((b), S(lit))
