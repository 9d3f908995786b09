/* SPDX-License-Identifier: Apache-2.0 */
/* The portable switch of stacks, for machines without one of the .S files. About 50 times slower:
 * each swapcontext saves the signal mask by a system call. */
#ifndef RT_UCONTEXT
#define RT_UCONTEXT
#endif
#include "rt/switch.h"
#include <stdint.h>
#include <stdlib.h>

/* What swapcontext and its caller may still write below the frame seen here. */
enum { SLACK = 2048 };

/* makecontext passes only ints, so both pointers travel in halves. */
static void context_start(unsigned fn_hi, unsigned fn_lo, unsigned arg_hi, unsigned arg_lo)
{
	void (*fn)(void *) = (void (*)(void *))(uintptr_t)((uint64_t)fn_hi << 32 | fn_lo);
	fn((void *)(uintptr_t)((uint64_t)arg_hi << 32 | arg_lo));
	abort();
}

void context_make(struct context *c, void *low, void *high, void (*fn)(void *), void *arg)
{
	uint64_t f = (uintptr_t)fn, a = (uintptr_t)arg;
	if (getcontext(&c->u))
		abort();
	c->u.uc_stack.ss_sp = low;
	c->u.uc_stack.ss_size = (size_t)((char *)high - (char *)low);
	c->u.uc_link = NULL;
	makecontext(&c->u, (void (*)(void))context_start, 4, (unsigned)(f >> 32), (unsigned)f,
		    (unsigned)(a >> 32), (unsigned)a);
	c->sp = (char *)high - SLACK;
}

void context_switch(struct context *from, struct context *to)
{
	from->sp = (char *)__builtin_frame_address(0) - SLACK;
	swapcontext(&from->u, &to->u);
}
