/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recent: a bounded cache of values that live some seconds and are shared by those who read them.
 * Belongs to one loop. A value lies in an arena of its own, is read-only, and stays alive for each
 * reader until the reader's arena closes, also when it was dropped meanwhile. Knows nothing of what
 * it holds.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct recent;

/* slots is rounded up to a power of two; a new value replaces what lies in its slot. */
struct recent *recent_open(size_t slots, int64_t ttl_ms);
void recent_close(struct recent *); /* NULL is fine; readers keep their values */
/* NULL when absent or too old. The value lives as long as mem. */
const void *recent_get(struct recent *, struct arena *mem, struct str key);
/* Changes with every drop: take it before reading the source, give it to recent_put. */
uint64_t recent_epoch(const struct recent *);
/*
 * Takes ownership of `own`, which holds value; the value lives for the caller as long as mem.
 * Not kept when something was dropped since `epoch`, for it may be older than that change.
 */
void recent_put(struct recent *, struct arena *mem, struct str key, uint64_t epoch,
		struct arena *own, const void *value);
void recent_drop(struct recent *, struct str key);
/* Drops all values for which match says so; match NULL = all. */
void recent_drop_if(struct recent *, bool (*match)(const void *value, const void *arg),
		    const void *arg);
