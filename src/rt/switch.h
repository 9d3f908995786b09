/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch: the bare change of stacks. Knows nothing of fibers. Floating-point control words and the
 * signal mask are not part of a context. One of switch_*.S or switch_ucontext.c implements it.
 */
#pragma once
#include <stddef.h>
#ifdef RT_UCONTEXT
#include <ucontext.h>
#endif

struct context {
	void *sp; /* the live part of the stack is at and above it; first: the assembly needs it */
#ifdef RT_UCONTEXT
	ucontext_t u;
#endif
};

/* The first switch to it calls fn(arg) on the stack [low, high); fn must not return. */
void context_make(struct context *, void *low, void *high, void (*fn)(void *), void *arg);
void context_switch(struct context *from, struct context *to);
