/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VEC(type): a growing array in an arena.
 *     struct { VEC(struct node) } or  VEC(int) ids = { 0 };
 *     vec_push(mem, &ids, 5);  for (size_t i = 0; i < ids.len; i++) use(ids.at[i]);
 */
#pragma once
#include "base/arena.h"

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *at;                                                                          \
		size_t len, cap;                                                                   \
	}

#define vec_push(mem, v, value)                                                                    \
	do {                                                                                       \
		if ((v)->len == (v)->cap) {                                                        \
			size_t cap_ = (v)->cap ? (v)->cap * 2 : 8;                                 \
			(v)->at = arena_grow((mem), (v)->at, (v)->cap * sizeof(*(v)->at),          \
					     size_mul(cap_, sizeof(*(v)->at)));                    \
			(v)->cap = cap_;                                                           \
		}                                                                                  \
		(v)->at[(v)->len++] = (value);                                                     \
	} while (0)

#define vec_last(v) (&(v)->at[(v)->len - 1])

#define vec_drop_first(v, n)                                                                       \
	do {                                                                                       \
		size_t n_ = (n);                                                                   \
		(v)->len -= n_;                                                                    \
		for (size_t i_ = 0; n_ && i_ < (v)->len; i_++)                                     \
			(v)->at[i_] = (v)->at[i_ + n_];                                            \
	} while (0)
