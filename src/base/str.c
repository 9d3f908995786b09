/* SPDX-License-Identifier: Apache-2.0 */
/* str: slices, numbers in text, UTF-8. Knows no arena and no locale. */
#include "base/str.h"
#include "base/err.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct str str_c(const char *s)
{
	return s ? (struct str){ s, strlen(s) } : (struct str){ NULL, 0 };
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.at[i]) != lower(b.at[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);
	int d = n ? memcmp(a.at, b.at, n) : 0;
	return d ? d : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_of(s.at, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

size_t str_find(struct str s, struct str needle)
{
	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return SIZE_MAX;
	const char *p = memmem(s.at, s.len, needle.at, needle.len);
	return p ? (size_t)(p - s.at) : SIZE_MAX;
}

size_t str_find_char(struct str s, char c)
{
	const char *p = s.len ? memchr(s.at, c, s.len) : NULL;
	return p ? (size_t)(p - s.at) : SIZE_MAX;
}

size_t str_rfind_char(struct str s, char c)
{
	const char *p = s.len ? memrchr(s.at, c, s.len) : NULL;
	return p ? (size_t)(p - s.at) : SIZE_MAX;
}

bool str_has(struct str s, struct str needle)
{
	return str_find(s, needle) != SIZE_MAX;
}

struct str str_sub(struct str s, size_t offset, size_t len)
{
	s = str_skip(s, offset);
	s.len = MIN(s.len, len);
	return s;
}

struct str str_skip(struct str s, size_t n)
{
	n = MIN(n, s.len);
	return (struct str){ n ? s.at + n : s.at, s.len - n };
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.at[0]))
		s = str_skip(s, 1);
	while (s.len && is_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool str_next_line(struct str *rest, struct str *line)
{
	size_t n = 0;
	if (!rest->len)
		return false;
	while (n < rest->len && rest->at[n] != '\n' && rest->at[n] != '\r')
		n++;
	*line = str_sub(*rest, 0, n);
	n += n + 1 < rest->len && rest->at[n] == '\r' && rest->at[n + 1] == '\n';
	*rest = str_skip(*rest, n + 1);
	return true;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str all = *rest;
	size_t i = str_find_char(all, sep);
	if (i == SIZE_MAX) {
		*rest = (struct str){ NULL, 0 };
		return all;
	}
	*rest = str_skip(all, i + 1);
	return str_of(all.at, i);
}

static struct str shown(struct str s)
{
	/* Enough to recognise it in a message. */
	return str_of(s.at, utf8_prefix(s, 40));
}

/* Unsigned decimal digits only; false on overflow, too. */
static bool digits(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned d = (unsigned char)s.at[i] - (unsigned)'0';
		if (d > 9 || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*out = v;
	return true;
}

status str_to_u64(struct str s, uint64_t *out)
{
	uint64_t v;
	if (!digits(s, &v))
		return err_set(ERR_INVALID, "'%.*s' is not a whole number", STR(shown(s)));
	*out = v;
	return 0;
}

status str_to_i64(struct str s, int64_t *out)
{
	bool minus = s.len && s.at[0] == '-';
	bool sign = minus || (s.len && s.at[0] == '+');
	uint64_t v, limit = (uint64_t)INT64_MAX + (minus ? 1 : 0);
	if (!digits(sign ? str_skip(s, 1) : s, &v) || v > limit)
		return err_set(ERR_INVALID, "'%.*s' is not a whole number", STR(shown(s)));
	*out = (int64_t)(minus ? 0 - v : v);
	return 0;
}

static size_t count_digits(struct str s)
{
	size_t n = 0;
	while (n < s.len && s.at[n] >= '0' && s.at[n] <= '9')
		n++;
	return n;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit on one side of the point. */
static bool is_decimal(struct str s)
{
	if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
		s = str_skip(s, 1);
	size_t whole = count_digits(s), part = 0;
	s = str_skip(s, whole);
	if (s.len && s.at[0] == '.') {
		part = count_digits(str_skip(s, 1));
		s = str_skip(s, 1 + part);
	}
	if (whole + part == 0)
		return false;
	if (s.len && (s.at[0] == 'e' || s.at[0] == 'E')) {
		s = str_skip(s, 1);
		if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
			s = str_skip(s, 1);
		size_t n = count_digits(s);
		return n > 0 && n == s.len;
	}
	return s.len == 0;
}

/* strtod follows the process's locale, which a library may change under us. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	ASSERT(c_locale != (locale_t)0);
}

status str_to_double(struct str s, double *out)
{
	char small[64], *text = small;
	if (!is_decimal(s))
		return err_set(ERR_INVALID, "'%.*s' is not a number", STR(shown(s)));
	if (s.len >= sizeof(small)) {
		text = malloc(s.len + 1);
		ASSERT(text != NULL);
	}
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	pthread_once(&c_locale_once, make_c_locale);
	*out = strtod_l(text, NULL, c_locale);
	if (text != small)
		free(text);
	return 0;
}

status str_to_bool(struct str s, bool *out)
{
	static const struct {
		struct str name;
		bool value;
	} rows[] = {
		{ S_INIT("true"), true },   { S_INIT("1"), true },  { S_INIT("yes"), true },
		{ S_INIT("on"), true },	    { S_INIT("false"), false }, { S_INIT("0"), false },
		{ S_INIT("no"), false },    { S_INIT("off"), false },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		if (str_eq_nocase(s, rows[i].name)) {
			*out = rows[i].value;
			return 0;
		}
	}
	return err_set(ERR_INVALID, "'%.*s' is neither true nor false", STR(shown(s)));
}

bool str_eq_secret(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	/* volatile: the loop must not end early nor become memcmp. */
	volatile unsigned char diff = 0;
	for (size_t i = 0; i < a.len; i++)
		diff = (unsigned char)(diff | (a.at[i] ^ b.at[i]));
	return diff == 0;
}

/* --- SipHash-1-3 --- */

static uint64_t hash_seed[2];
static pthread_once_t hash_seed_once = PTHREAD_ONCE_INIT;

static void make_hash_seed(void)
{
	ASSERT(getrandom(hash_seed, sizeof(hash_seed), 0) == (ssize_t)sizeof(hash_seed));
}

static inline uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t str_hash(struct str s)
{
	pthread_once(&hash_seed_once, make_hash_seed);
	uint64_t k0 = hash_seed[0], k1 = hash_seed[1], word;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
			  k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	size_t i = 0;
	for (; s.len - i >= 8; i += 8) {
		memcpy(&word, s.at + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)s.len << 56;
	for (size_t j = 0; j < s.len - i; j++)
		word |= (uint64_t)(unsigned char)s.at[i + j] << (8 * j);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF) --- */

/* Length of the valid character at s[i], or 0. */
static size_t char_len(struct str s, size_t i)
{
	const unsigned char *p = (const unsigned char *)s.at + i;
	size_t left = s.len - i;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	size_t n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (left < n)
		return 0;
	for (size_t k = 1; k < n; k++)
		if ((p[k] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return n;
}

bool utf8_valid(struct str s)
{
	size_t i = 0;
	while (i < s.len) {
		uint64_t word;
		while (s.len - i >= 8) {
			memcpy(&word, s.at + i, 8);
			if (word & 0x8080808080808080)
				break;
			i += 8;
		}
		if (i == s.len)
			break;
		size_t n = char_len(s, i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_count(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
	return n;
}

size_t utf8_prefix(struct str s, size_t n)
{
	size_t i = 0;
	for (; i < s.len; i++) {
		if (((unsigned char)s.at[i] & 0xC0) == 0x80)
			continue;
		if (n-- == 0)
			break;
	}
	return i;
}

uint32_t utf8_next(struct str s, size_t *i)
{
	size_t n = char_len(s, *i);
	const unsigned char *p = (const unsigned char *)s.at + *i;
	*i += n ? n : 1;
	switch (n) {
	case 1:
		return p[0];
	case 2:
		return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
	case 3:
		return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 |
		       (p[2] & 0x3F);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
		       (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
	default:
		return 0xFFFD;
	}
}

size_t utf8_put(char out[4], uint32_t code)
{
	if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		code = 0xFFFD;
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}
