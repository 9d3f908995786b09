/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_scalar: which plain scalars are numbers, booleans and null. The rules are those of YAML 1.1
 * as Python's safe loader applies them: a float needs a point, an exponent needs a sign.
 */
#include "base/yaml_int.h"

#include <math.h>
#include <string.h>

static bool one_of(struct str s, const char *words)
{
	struct str rest = str_c(words);
	while (rest.at)
		if (str_eq(str_cut(&rest, '|'), s))
			return true;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t run_of(struct str s, const char *chars)
{
	size_t n = 0;
	while (n < s.len && s.at[n] && strchr(chars, s.at[n]))
		n++;
	return n;
}

static bool resolve_bool(struct str s, struct json *out)
{
	bool yes = one_of(s, "yes|Yes|YES|true|True|TRUE|on|On|ON");
	if (!yes && !one_of(s, "no|No|NO|false|False|FALSE|off|Off|OFF"))
		return false;
	*out = (struct json){ .type = JSON_BOOL, .boolean = yes };
	return true;
}

static bool resolve_null(struct str s, struct json *out)
{
	if (s.len && !one_of(s, "~|null|Null|NULL"))
		return false;
	*out = (struct json){ .type = JSON_NULL };
	return true;
}

/* Integers past int64 become floats, as everywhere in our tree. */
struct sum {
	uint64_t whole;
	double rough;
	bool big;
};

static void add_digit(struct sum *n, unsigned base, unsigned digit)
{
	n->rough = n->rough * base + digit;
	n->big |= __builtin_mul_overflow(n->whole, (uint64_t)base, &n->whole) ||
		  __builtin_add_overflow(n->whole, (uint64_t)digit, &n->whole);
}

static struct json signed_value(const struct sum *n, bool minus)
{
	uint64_t limit = (uint64_t)INT64_MAX + minus;
	if (n->big || n->whole > limit)
		return (struct json){ .type = JSON_FLOAT, .number = minus ? -n->rough : n->rough };
	return (struct json){ .type = JSON_INT,
			      .integer = (int64_t)(minus ? 0 - n->whole : n->whole) };
}

/* Digits of one base with underscores between; needs at least one digit. */
static bool based_int(struct str s, unsigned base, const char *chars, struct sum *n)
{
	bool any = false;
	if (!s.len || run_of(s, chars) != s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (c == '_')
			continue;
		any = true;
		add_digit(n, base, (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10));
	}
	return any;
}

/* After the first number: (:[0-5]?[0-9])+ up to the end of what is given. */
static bool sixties(struct str s, struct sum *n)
{
	if (!s.len)
		return false;
	while (s.len) {
		size_t digits;
		if (s.at[0] != ':')
			return false;
		s = str_skip(s, 1);
		digits = run_of(s, "0123456789");
		if (digits < 1 || digits > 2 || (digits == 2 && s.at[0] > '5'))
			return false;
		unsigned part = (unsigned)(s.at[0] - '0');
		if (digits == 2)
			part = part * 10 + (unsigned)(s.at[1] - '0');
		add_digit(n, 60, part);
		s = str_skip(s, digits);
	}
	return true;
}

static struct str without_sign(struct str s, bool *minus)
{
	*minus = s.len && s.at[0] == '-';
	return *minus || (s.len && s.at[0] == '+') ? str_skip(s, 1) : s;
}

/* The text without underscores goes to the ordinary reader. */
static bool plain_float(struct str s, struct json *out)
{
	char digits[400];
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '_')
			continue;
		if (n == sizeof(digits))
			return false;
		digits[n++] = s.at[i];
	}
	double v;
	if (str_to_double(str_of(digits, n), &v))
		return false;
	*out = (struct json){ .type = JSON_FLOAT, .number = v };
	return true;
}

static bool resolve_int(struct str text, struct json *out)
{
	bool minus, ok;
	struct str s = without_sign(text, &minus);
	struct sum n = { 0 };
	if (!s.len || !is_digit(s.at[0]))
		return false;
	if (str_starts(s, S("0b"))) {
		ok = based_int(str_skip(s, 2), 2, "01_", &n);
	} else if (str_starts(s, S("0x"))) {
		ok = based_int(str_skip(s, 2), 16, "0123456789abcdefABCDEF_", &n);
	} else if (s.at[0] == '0') {
		ok = based_int(s, 8, "01234567_", &n);
	} else {
		size_t head = run_of(s, "0123456789_");
		ok = based_int(str_sub(s, 0, head), 10, "0123456789_", &n) &&
		     (head == s.len || sixties(str_skip(s, head), &n));
	}
	if (!ok)
		return false;
	*out = signed_value(&n, minus);
	/* Adding up digits is not exact past 2^53; the ordinary reader is. */
	if (out->type == JSON_FLOAT && s.at[0] != '0' && !str_has(s, S(":")))
		return plain_float(text, out);
	return true;
}

/* [0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*, added up from the right as Python's loader does. */
static bool sixties_float(struct str s, bool minus, struct json *out)
{
	size_t point = str_find_char(s, '.'), head = run_of(s, "0123456789_");
	size_t last = str_rfind_char(s, ':');
	struct sum n = { 0 };
	struct json part;
	if (point == SIZE_MAX || last > point || head > last ||
	    run_of(str_skip(s, point + 1), "0123456789_") != s.len - point - 1 ||
	    !based_int(str_sub(s, 0, head), 10, "0123456789_", &n) ||
	    !sixties(str_sub(s, head, point - head), &n) ||
	    !plain_float(str_skip(s, last + 1), &part))
		return false;
	double v = part.number, base = 60;
	for (struct str rest = str_sub(s, 0, last); rest.at; base *= 60) {
		size_t colon = str_rfind_char(rest, ':');
		struct str word = colon == SIZE_MAX ? rest : str_skip(rest, colon + 1);
		if (!plain_float(word, &part))
			return false;
		v += part.number * base;
		rest = colon == SIZE_MAX ? (struct str){ NULL, 0 } : str_sub(rest, 0, colon);
	}
	*out = (struct json){ .type = JSON_FLOAT, .number = minus ? -v : v };
	return true;
}

static bool resolve_float(struct str text, struct json *out)
{
	bool minus;
	struct str s = without_sign(text, &minus);
	if (one_of(s, ".inf|.Inf|.INF")) {
		*out = (struct json){ .type = JSON_FLOAT, .number = minus ? -INFINITY : INFINITY };
		return true;
	}
	if (one_of(text, ".nan|.NaN|.NAN")) {
		*out = (struct json){ .type = JSON_FLOAT, .number = NAN };
		return true;
	}
	if (str_has(s, S(":")))
		return s.len && is_digit(s.at[0]) && sixties_float(s, minus, out);
	size_t whole = run_of(s, "0123456789_");
	struct str part = str_skip(s, whole);
	if (!part.len || part.at[0] != '.')
		return false;
	size_t digits = run_of(str_skip(part, 1), "0123456789_");
	struct str power = str_skip(part, 1 + digits);
	if (whole == 0 ? (s.at != text.at || !digits || part.at[1] == '_') : s.at[0] == '_')
		return false;
	if (power.len) {
		if ((power.at[0] | 0x20) != 'e' || power.len < 3 ||
		    (power.at[1] != '+' && power.at[1] != '-') ||
		    run_of(str_skip(power, 2), "0123456789") != power.len - 2)
			return false;
	}
	return plain_float(text, out);
}

/* Dates; a loose test is enough, since they stay texts and only want quotes. */
static bool looks_like_date(struct str s)
{
	return s.len >= 8 && is_digit(s.at[0]) && is_digit(s.at[1]) && is_digit(s.at[2]) &&
	       is_digit(s.at[3]) && s.at[4] == '-';
}

enum yaml_kind yaml_resolve(struct str s, struct json *out)
{
	char first = s.len ? s.at[0] : 0;
	*out = (struct json){ .type = JSON_STR,
			      .len = (uint32_t)s.len,
			      .cap = (uint32_t)s.len,
			      .text = s.at ? s.at : "" };
	if (str_eq(s, S("<<")))
		return YAML_KIND_MERGE;
	if (resolve_null(s, out))
		return YAML_KIND_OTHER;
	if (is_digit(first) || first == '-' || first == '+' || first == '.') {
		if (resolve_float(s, out) || resolve_int(s, out) || looks_like_date(s))
			return YAML_KIND_OTHER;
		return YAML_KIND_STR;
	}
	if (s.len <= 5 && resolve_bool(s, out))
		return YAML_KIND_OTHER;
	return str_eq(s, S("=")) ? YAML_KIND_OTHER : YAML_KIND_STR;
}

bool yaml_resolve_as(const char *tag, struct str s, struct json *out)
{
	if (strcmp(tag, "bool") == 0) {
		if (str_eq_nocase(s, S("yes")) || str_eq_nocase(s, S("true")) ||
		    str_eq_nocase(s, S("on")))
			*out = (struct json){ .type = JSON_BOOL, .boolean = true };
		else if (str_eq_nocase(s, S("no")) || str_eq_nocase(s, S("false")) ||
			 str_eq_nocase(s, S("off")))
			*out = (struct json){ .type = JSON_BOOL, .boolean = false };
		else
			return false;
		return true;
	}
	if (strcmp(tag, "null") == 0) {
		*out = (struct json){ .type = JSON_NULL };
		return true;
	}
	if (strcmp(tag, "int") == 0)
		return resolve_int(s, out);
	if (resolve_float(s, out) || plain_float(s, out))
		return true;
	return false;
}
