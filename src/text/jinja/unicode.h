/* SPDX-License-Identifier: Apache-2.0 */
/* unicode: what Python's str methods know of code points (unicode.def). */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct buf;

enum unicode_kind {
	UNICODE_ALPHA,
	UNICODE_DECIMAL,
	UNICODE_DIGIT,
	UNICODE_NUMERIC,
	UNICODE_SPACE,
	UNICODE_LOWER,
	UNICODE_UPPER,
	UNICODE_TITLE,
	UNICODE_NAME, /* may stand inside an identifier */
};
bool unicode_is(enum unicode_kind, uint32_t code);
bool unicode_is_alnum(uint32_t code);
bool unicode_is_cased(uint32_t code);
enum unicode_case { UNICODE_TO_UPPER, UNICODE_TO_LOWER, UNICODE_TO_TITLE };
/* Writes the mapped code points: one to three. */
void unicode_put_case(struct buf *, enum unicode_case, uint32_t code);
bool str_is_ascii(struct str);
/* Removes white space as Python's strip() does. */
struct str unicode_trim_left(struct str);
struct str unicode_trim_right(struct str);
/* The code point before offset *end of valid UTF-8; moves *end to its start. */
uint32_t unicode_before(struct str, size_t *end);
