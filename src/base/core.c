/* SPDX-License-Identifier: Apache-2.0 */
/* core: what the macros of core.h need at run time. Knows nothing of ours. */
#include "base/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void auto_fd_cleanup(struct auto_fd *f)
{
	if (f->n >= 0)
		close(f->n);
	f->n = -1;
}

void assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

void *mem_zero(size_t n)
{
	void *p = calloc(1, n);
	ASSERT(p != NULL);
	return p;
}

void *mem_grow(void *old, size_t n)
{
	void *p = realloc(old, n);
	ASSERT(p != NULL);
	return p;
}

size_t size_add(size_t a, size_t b)
{
	size_t sum;
	ASSERT(!__builtin_add_overflow(a, b, &sum));
	return sum;
}

size_t size_mul(size_t a, size_t b)
{
	size_t product;
	ASSERT(!__builtin_mul_overflow(a, b, &product));
	return product;
}
