/* SPDX-License-Identifier: Apache-2.0 */
/* unicode: see unicode.h. Runs are searched by halves; ASCII never gets there. */
#include "text/jinja/unicode.h"

#include "base/buf.h"

struct run {
	uint32_t first, last;
	uint8_t kind, step;
};
struct case_run {
	uint32_t first, last;
	uint8_t kind, step;
	int32_t distance;
};
struct special {
	uint8_t kind;
	uint32_t code, to[3];
};

#define CASE(kind, first, last, step, distance)
#define SPECIAL(kind, code, a, b, c)
#define RANGE(kind, first, last, step) { first, last, UNICODE_##kind, step },
static const struct run runs[] = {
#include "text/jinja/unicode.def"
};
#undef RANGE
#undef CASE
#define RANGE(kind, first, last, step)
#define CASE(kind, first, last, step, distance) { first, last, UNICODE_TO_##kind, step, distance },
static const struct case_run cases[] = {
#include "text/jinja/unicode.def"
};
#undef CASE
#undef SPECIAL
#define CASE(kind, first, last, step, distance)
#define SPECIAL(kind, code, a, b, c) { UNICODE_TO_##kind, code, { a, b, c } },
static const struct special specials[] = {
#include "text/jinja/unicode.def"
};

/* ASCII, one bit a kind. */
static unsigned ascii_kinds(uint32_t c)
{
	unsigned digit = 1U << UNICODE_DECIMAL | 1U << UNICODE_DIGIT | 1U << UNICODE_NUMERIC;
	if (c >= '0' && c <= '9')
		return digit | 1U << UNICODE_NAME;
	if (c >= 'a' && c <= 'z')
		return 1U << UNICODE_ALPHA | 1U << UNICODE_LOWER | 1U << UNICODE_NAME;
	if (c >= 'A' && c <= 'Z')
		return 1U << UNICODE_ALPHA | 1U << UNICODE_UPPER | 1U << UNICODE_NAME;
	if (c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f))
		return 1U << UNICODE_SPACE;
	return c == '_' ? 1U << UNICODE_NAME : 0;
}

/* The tables are sorted by kind as the enums are, then by code; of the runs that begin at or before
 * a code point only the last can hold it. */
bool unicode_is(enum unicode_kind kind, uint32_t c)
{
	if (c < 0x80)
		return ascii_kinds(c) >> kind & 1;
	size_t low = 0, high = countof(runs);
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (runs[mid].kind < kind || (runs[mid].kind == kind && runs[mid].first <= c))
			low = mid + 1;
		else
			high = mid;
	}
	const struct run *r = low ? &runs[low - 1] : NULL;
	return r && r->kind == kind && c <= r->last && (c - r->first) % r->step == 0;
}

bool unicode_is_alnum(uint32_t c)
{
	return unicode_is(UNICODE_ALPHA, c) || unicode_is(UNICODE_NUMERIC, c) ||
	       unicode_is(UNICODE_DIGIT, c);
}

bool unicode_is_cased(uint32_t c)
{
	return unicode_is(UNICODE_LOWER, c) || unicode_is(UNICODE_UPPER, c) ||
	       unicode_is(UNICODE_TITLE, c);
}

static void put(struct buf *b, uint32_t c)
{
	char bytes[4];
	buf_put(b, str_of(bytes, utf8_put(bytes, c)));
}

void unicode_put_case(struct buf *b, enum unicode_case kind, uint32_t c)
{
	if (c < 0x80) {
		if (kind == UNICODE_TO_LOWER)
			buf_putc(b, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
		else
			buf_putc(b, (char)(c >= 'a' && c <= 'z' ? c - 32 : c));
		return;
	}
	for (size_t i = 0; i < countof(specials); i++)
		if (specials[i].kind == kind && specials[i].code == c) {
			for (size_t k = 0; k < 3 && specials[i].to[k]; k++)
				put(b, specials[i].to[k]);
			return;
		}
	size_t low = 0, high = countof(cases);
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (cases[mid].kind < kind || (cases[mid].kind == kind && cases[mid].first <= c))
			low = mid + 1;
		else
			high = mid;
	}
	const struct case_run *r = low ? &cases[low - 1] : NULL;
	if (r && r->kind == kind && c <= r->last && (c - r->first) % r->step == 0)
		c = (uint32_t)((int64_t)c + r->distance);
	put(b, c);
}

bool str_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

struct str unicode_trim_left(struct str s)
{
	for (size_t i = 0; i < s.len;) {
		size_t at = i;
		if (!unicode_is(UNICODE_SPACE, utf8_next(s, &i)))
			return str_skip(s, at);
	}
	return str_sub(s, s.len, 0);
}

uint32_t unicode_before(struct str s, size_t *end)
{
	size_t at = *end - 1;
	while (at && ((unsigned char)s.at[at] & 0xC0) == 0x80)
		at--;
	*end = at;
	return utf8_next(s, &at);
}

struct str unicode_trim_right(struct str s)
{
	size_t end = s.len;
	while (end) {
		size_t at = end;
		if (!unicode_is(UNICODE_SPACE, unicode_before(s, &at)))
			break;
		end = at;
	}
	return str_sub(s, 0, end);
}
