/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decimal: exact decimal numbers for money. A value is digits times ten to the power of exp, so
 * 0.10 and 0.1 differ in how they print, as in Python's decimal module, whose texts clients know
 * ("0", "0.0000150", "0E-7"). Knows nothing of models.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct decimal {
	__int128 digits;
	int exp; /* -28..0 */
};

/* Digits with an optional point and sign; at most 18 digits before and 18 behind the point. Also
 * reads an exponent ("0E-7", "1e-6"). ERR_INVALID else. */
status decimal_parse(struct str, struct decimal *out) NODISCARD;
struct decimal decimal_of(int64_t);
/* Products and sums that leave the range stay at the largest value instead of wrapping. */
struct decimal decimal_mul(struct decimal, struct decimal);
struct decimal decimal_add(struct decimal, struct decimal);
/* To `places` digits behind the point, half away from zero. */
struct decimal decimal_round(struct decimal, int places);
struct str decimal_text(struct arena *, struct decimal);
