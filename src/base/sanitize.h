/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sanitize: every word that AddressSanitizer, ThreadSanitizer and valgrind must hear, in one place.
 * Without the tool each call is nothing. SANITIZE_ADDRESS and SANITIZE_THREAD are 0 or 1.
 */
#pragma once
#include "base/core.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS 1
#endif
#endif
#ifndef SANITIZE_ADDRESS
#define SANITIZE_ADDRESS 0
#endif
#if defined(__SANITIZE_THREAD__)
#define SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZE_THREAD 1
#endif
#endif
#ifndef SANITIZE_THREAD
#define SANITIZE_THREAD 0
#endif

#if SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if SANITIZE_THREAD
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

/* What the tools know of one stack. asan: its frames put aside while another one runs. */
struct sanitize_stack {
	void *asan, *tsan;
	unsigned valgrind;
};

/* New memory [low, high) will be a stack. */
static inline void sanitize_stack_made(struct sanitize_stack *s, char *low, char *high)
{
	(void)s, (void)low, (void)high;
#if SANITIZE_THREAD
	s->tsan = __tsan_create_fiber(0);
#endif
#ifdef VALGRIND_STACK_REGISTER
	s->valgrind = (unsigned)VALGRIND_STACK_REGISTER(low, high);
#endif
}

/* Before its memory is unmapped. */
static inline void sanitize_stack_freed(struct sanitize_stack *s)
{
	(void)s;
#if SANITIZE_THREAD
	__tsan_destroy_fiber(s->tsan);
#endif
#ifdef VALGRIND_STACK_REGISTER
	VALGRIND_STACK_DEREGISTER(s->valgrind);
#endif
}

/* The frames that were in [low, high) are gone. */
static inline void sanitize_stack_empty(const char *low, const char *high)
{
	(void)low, (void)high;
#if SANITIZE_ADDRESS
	__asan_unpoison_memory_region(low, (size_t)(high - low));
#endif
}

/* The running thread's own stack, from which it will switch away. */
static inline void sanitize_stack_current(struct sanitize_stack *s)
{
	(void)s;
#if SANITIZE_THREAD
	s->tsan = __tsan_get_current_fiber();
#endif
}

/* Just before a switch; from is NULL when it will never be switched to again. */
static inline void sanitize_switch_begin(struct sanitize_stack *from, struct sanitize_stack *to,
					 const void *to_low, size_t to_size)
{
	(void)from, (void)to, (void)to_low, (void)to_size;
#if SANITIZE_ADDRESS
	__sanitizer_start_switch_fiber(from ? &from->asan : NULL, to_low, to_size);
#endif
#if SANITIZE_THREAD
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* Just after, on the new stack; says what the one was that it came from. */
static inline void sanitize_switch_end(struct sanitize_stack *now, const void **from_low,
				       size_t *from_size)
{
	(void)now, (void)from_low, (void)from_size;
#if SANITIZE_ADDRESS
	__sanitizer_finish_switch_fiber(now->asan, from_low, from_size);
#endif
}
