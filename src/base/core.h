/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core: the handful of macros and types that every file uses. Includes nothing of ours.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 on success, -1 on failure; on failure the reason lies in the fiber's error record (err.h). */
typedef int status;

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * AUTO(type) x = open(...): runs type_cleanup(&x) on every way out of the block. A module that
 * offers it declares `void type_cleanup(struct type_auto *)` or uses DEFINE_AUTO below.
 */
#define AUTO(type) __attribute__((cleanup(auto_##type##_cleanup))) struct auto_##type

/*
 * Declares `struct auto_name { T *p; }` whose cleanup calls fn(p) when p is not NULL:
 *     DEFINE_AUTO(arena, struct arena, arena_close)
 *     AUTO(arena) a = { arena_open(0) };
 */
#define DEFINE_AUTO(name, T, fn)                                                                   \
	struct auto_##name {                                                                       \
		T *p;                                                                              \
	};                                                                                         \
	static inline void auto_##name##_cleanup(struct auto_##name *a)                            \
	{                                                                                          \
		if (a->p)                                                                          \
			fn(a->p);                                                                  \
	}

/* A file descriptor that closes itself: AUTO(fd) f = { open(...) }; f.n < 0 means none. */
struct auto_fd {
	int n;
};
void auto_fd_cleanup(struct auto_fd *);

/* Gives ownership away: return take(a.p) leaves NULL behind, so that the cleanup does nothing. */
#define take(var)                                                                                  \
	({                                                                                         \
		typeof(var) taken_ = (var);                                                        \
		(var) = NULL;                                                                      \
		taken_;                                                                            \
	})

/* A bug of ours: prints and aborts, in production too. For bad input use err_set. */
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *what, const char *file, int line);

/* Memory that outlives arenas; free() it. Aborts when there is none. */
void *mem_zero(size_t n);
void *mem_grow(void *old, size_t n);

/* Size sums for allocations; abort on overflow, which only a bug of ours can reach. */
size_t size_add(size_t a, size_t b);
size_t size_mul(size_t a, size_t b);
