/* SPDX-License-Identifier: Apache-2.0 */
/* buf: the growing byte buffer. Doubles its room; must not know what the bytes mean. */
#include "base/buf.h"
#include "base/arena.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

struct buf buf_make(struct arena *mem, size_t max)
{
	return (struct buf){ .mem = mem, .max = max ? max : BUF_MAX_DEFAULT };
}

void buf_free(struct buf *b)
{
	if (!b->mem)
		free(b->at);
	*b = buf_make(b->mem, b->max);
}

static bool make_room(struct buf *b, size_t n)
{
	if (b->overflow || n > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	size_t need = b->len + n;
	if (need <= b->cap)
		return true;
	size_t cap = MAX(b->cap * 2, (size_t)FIRST_CAP);
	cap = MIN(MAX(cap, need), b->max); /* never past max: the fast paths test cap only */
	if (b->mem) {
		b->at = arena_grow(b->mem, b->at, b->cap, cap);
	} else {
		char *p = realloc(b->at, cap);
		ASSERT(p != NULL);
		b->at = p;
	}
	b->cap = cap;
	return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
	/* Even for n = 0 the caller gets a pointer it may keep. */
	if (!make_room(b, n ? n : 1))
		return NULL;
	return b->at + b->len;
}

void buf_put(struct buf *b, struct str s)
{
	if (s.len == 0)
		return;
	if (s.len > b->cap - b->len && !make_room(b, s.len))
		return;
	if (b->overflow)
		return;
	memcpy(b->at + b->len, s.at, s.len);
	b->len += s.len;
}

void buf_putc(struct buf *b, char c)
{
	if (b->len == b->cap && !make_room(b, 1))
		return;
	if (b->overflow)
		return;
	b->at[b->len++] = c;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(b->at ? b->at + b->len : NULL, b->at ? b->cap - b->len : 0, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	size_t len = (size_t)n;
	if (b->overflow)
		return;
	if (!b->at || len >= b->cap - b->len) {
		/* One byte more than counted: vsnprintf ends with a NUL. */
		if (len > b->max - b->len) {
			b->overflow = true;
			return;
		}
		b->max += 1;
		bool ok = make_room(b, len + 1);
		b->max -= 1;
		b->cap = MIN(b->cap, b->max);
		if (!ok)
			return;
		va_start(ap, fmt);
		vsnprintf(b->at + b->len, len + 1, fmt, ap);
		va_end(ap);
	}
	b->len += len;
}

void buf_int(struct buf *b, int64_t v)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do {
		digits[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		digits[--at] = '-';
	buf_put(b, str_of(digits + at, sizeof(digits) - at));
}

void buf_consume(struct buf *b, size_t n)
{
	ASSERT(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->at, b->at + n, b->len);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
}

status buf_done(const struct buf *b)
{
	if (b->overflow)
		return err_set(ERR_TOO_LARGE, "text is larger than %zu bytes", b->max);
	return 0;
}
