/* SPDX-License-Identifier: Apache-2.0 */
/* clock: wall time as milliseconds since 1970 UTC, and its texts; the machine's monotonic clock. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

int64_t clock_real_ms(void); /* now, whatever a test pretends */
/* Nanoseconds, monotonic. Request code asks rt_now(), which a test can move. */
int64_t clock_real_ns(void);
int64_t clock_ms(void); /* now; rt replaces it under a virtual clock */
void clock_override(int64_t (*fn)(void)); /* tests and rt only; NULL restores */
static inline int64_t clock_s(void)
{
	return clock_ms() / 1000;
}
/* 2026-01-02T03:04:05.678Z */
struct str clock_iso(struct arena *, int64_t ms);
/* Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 section 5.6.7); out holds 30 bytes with NUL. */
void clock_http(char out[30], int64_t ms);
/* Accepts YYYY-MM-DD, with optional T or blank, time, fraction, Z or +hh:mm. */
status clock_parse_iso(struct str, int64_t *ms) NODISCARD;
