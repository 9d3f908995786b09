/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: a slice of bytes by value. Not NUL-terminated, owns nothing, text is UTF-8 unless a
 * function says otherwise. An empty slice may have at == NULL.
 */
#pragma once
#include "base/core.h"

struct str {
	const char *at;
	size_t len;
};

/* S("literal"), also in static tables via S_INIT. The "" refuses what is no literal. */
#define S(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define S_INIT(lit) { "" lit, sizeof(lit) - 1 }
/* printf("%.*s", STR(s)) */
#define STR(s) (int)(s).len, (s).at

/* From a C string; NULL gives the empty slice. */
struct str str_c(const char *);
static inline struct str str_of(const char *at, size_t len)
{
	return (struct str){ at, len };
}

bool str_eq(struct str, struct str);
/* ASCII letters compare without case. */
bool str_eq_nocase(struct str, struct str);
int str_cmp(struct str, struct str); /* memcmp order, shorter first */
bool str_starts(struct str, struct str prefix);
bool str_ends(struct str, struct str suffix);
/* Byte offset of the first match, or SIZE_MAX. */
size_t str_find(struct str, struct str needle);
size_t str_find_char(struct str, char);
size_t str_rfind_char(struct str, char);
bool str_has(struct str, struct str needle);
/* From offset, at most len bytes; out of range is cut, never an error. */
struct str str_sub(struct str, size_t offset, size_t len);
struct str str_skip(struct str, size_t n);
/* Removes ASCII white space at both ends. */
struct str str_trim(struct str);
/*
 * Cuts at the first sep: *rest becomes what follows it, the return value what precedes it.
 * Without sep the whole is returned and *rest becomes empty with at == NULL.
 */
struct str str_cut(struct str *rest, char sep);
/* One line of a text with \n, \r\n or \r, without its end; false when there is none left. */
bool str_next_line(struct str *rest, struct str *line);

/* Locale-free; the whole slice must be a number, else ERR_INVALID. */
status str_to_i64(struct str, int64_t *out) NODISCARD;
status str_to_u64(struct str, uint64_t *out) NODISCARD;
status str_to_double(struct str, double *out) NODISCARD;
/* true/1/yes/on and false/0/no/off, without case. */
status str_to_bool(struct str, bool *out) NODISCARD;

/* Same length and bytes, in time that depends on the length only. */
bool str_eq_secret(struct str, struct str);
uint64_t str_hash(struct str); /* seeded per process (SipHash); for hash tables only */

bool utf8_valid(struct str);
/* Number of code points of valid UTF-8. */
size_t utf8_count(struct str);
/* Byte length of the first n code points (whole string when it has fewer). */
size_t utf8_prefix(struct str, size_t n);
/* Decodes one code point at *i and advances; 0xFFFD for a broken byte. */
uint32_t utf8_next(struct str, size_t *i);
/* Writes 1..4 bytes. */
size_t utf8_put(char out[4], uint32_t code);
