/* SPDX-License-Identifier: Apache-2.0 */
/* decimal: see decimal.h. Pure functions; any thread. */
#include "model/decimal.h"

#include "base/arena.h"
#include "base/err.h"

enum { WHOLE_MAX = 18, PLACES_MAX = 18, EXP_MIN = -28 };
/* 10^38 - 1 does not fit with a sign bit to spare for sums; 10^37 does. */
static __int128 digits_max(void)
{
	__int128 v = 1;
	for (int i = 0; i < 37; i++)
		v *= 10;
	return v;
}

static __int128 clamp(__int128 v)
{
	__int128 max = digits_max();
	return v > max ? max : v < -max ? -max : v;
}

static status bad(struct str s)
{
	return err_set(ERR_INVALID, "\"%.*s\" is not a decimal number", (int)MIN(s.len, 40), s.at);
}

/* The exponent behind an E; at most two digits. */
static bool read_exponent(struct str s, int *out)
{
	bool minus = s.len && s.at[0] == '-';
	if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
		s = str_skip(s, 1);
	int v = 0;
	if (!s.len || s.len > 2)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		v = v * 10 + (s.at[i] - '0');
	}
	*out = minus ? -v : v;
	return true;
}

status decimal_parse(struct str s, struct decimal *out)
{
	struct decimal d = { 0 };
	size_t i = 0, whole = 0, places = 0;
	bool minus = s.len && s.at[0] == '-';
	if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
		i++;
	bool point = false;
	int shift = 0;
	for (; i < s.len; i++) {
		char c = s.at[i];
		if (c == '.' && !point) {
			point = true;
		} else if (c >= '0' && c <= '9') {
			d.digits = d.digits * 10 + (c - '0');
			*(point ? &places : &whole) += 1;
			if (whole > WHOLE_MAX || places > PLACES_MAX)
				return bad(s);
		} else if ((c == 'e' || c == 'E') && read_exponent(str_skip(s, i + 1), &shift)) {
			break;
		} else {
			return bad(s);
		}
	}
	if (!whole && !places)
		return bad(s);
	d.exp = shift - (int)places;
	for (; d.exp > 0; d.exp--)
		d.digits = clamp(d.digits * 10);
	if (d.exp < EXP_MIN)
		return bad(s);
	d.digits = minus ? -d.digits : d.digits;
	*out = d;
	return 0;
}

struct decimal decimal_of(int64_t n)
{
	return (struct decimal){ .digits = n };
}

/* Drops digits at the end, half away from zero, until exp is at least `exp`. */
static struct decimal coarsen(struct decimal d, int exp)
{
	while (d.exp < exp) {
		int last = (int)(d.digits % 10);
		d.digits /= 10;
		d.exp++;
		/* only the last dropped digit decides: earlier ones are below half of it */
		if (d.exp == exp && (last >= 5 || last <= -5))
			d.digits += last > 0 ? 1 : -1;
	}
	return d;
}

static struct decimal refine(struct decimal d, int exp)
{
	for (; d.exp > exp; d.exp--)
		d.digits = clamp(d.digits * 10);
	return d;
}

struct decimal decimal_mul(struct decimal a, struct decimal b)
{
	struct decimal d = { .exp = a.exp + b.exp };
	if (__builtin_mul_overflow(a.digits, b.digits, &d.digits)) {
		bool minus = (a.digits < 0) != (b.digits < 0);
		d.digits = minus ? -digits_max() : digits_max();
	}
	d.digits = clamp(d.digits);
	return coarsen(d, EXP_MIN);
}

struct decimal decimal_add(struct decimal a, struct decimal b)
{
	int exp = MIN(a.exp, b.exp);
	a = refine(a, exp);
	b = refine(b, exp);
	return (struct decimal){ .digits = clamp(a.digits + b.digits), .exp = exp };
}

struct decimal decimal_round(struct decimal d, int places)
{
	return d.exp < -places ? coarsen(d, -places) : refine(d, -places);
}

struct str decimal_text(struct arena *mem, struct decimal d)
{
	char digits[48];
	size_t n = 0;
	bool minus = d.digits < 0;
	unsigned __int128 v = minus ? -(unsigned __int128)d.digits : (unsigned __int128)d.digits;
	do {
		digits[sizeof digits - ++n] = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	const char *at = digits + sizeof digits - n;
	int len = (int)n, adjusted = d.exp + len - 1;
	const char *sign = minus ? "-" : "";
	if (d.exp == 0)
		return arena_printf(mem, "%s%.*s", sign, len, at);
	if (adjusted < -6 && len == 1)
		return arena_printf(mem, "%s%.*sE%d", sign, len, at, adjusted);
	if (adjusted < -6)
		return arena_printf(mem, "%s%c.%.*sE%d", sign, at[0], len - 1, at + 1, adjusted);
	if (len > -d.exp)
		return arena_printf(mem, "%s%.*s.%.*s", sign, len + d.exp, at, -d.exp, at + len + d.exp);
	return arena_printf(mem, "%s0.%.*s%.*s", sign, -d.exp - len, "0000000000000000000000000000", len,
			    at);
}
