/* SPDX-License-Identifier: Apache-2.0 */
/* time_text: see time_text.h. */
#include "tool/time_text.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "os/zone.h"

enum { TEXT_MAX = 4096 };

const char *const time_day_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
				       "Friday", "Saturday", "Sunday"};
const char *const time_month_names[12] = {"January",   "February", "March",    "April",
					  "May",       "June",     "July",     "August",
					  "September", "October",  "November", "December"};

static void two(struct buf *b, int64_t v)
{
	buf_printf(b, "%02lld", (long long)v);
}

static void put_offset(struct buf *b, const struct time_zone_text *z)
{
	if (!z || !z->letters.len)
		return;
	long long s = llabs(z->offset_s);
	buf_printf(b, "%c%02lld%02lld", z->offset_s < 0 ? '-' : '+', s / 3600, s / 60 % 60);
}

/* Number of the week, the first of which begins with the first `start` (0 = Monday) of the year. */
static int week(const struct civil *c, int start)
{
	int weekday = (c->weekday - start + 7) % 7;
	return (c->yearday + 6 - weekday) / 7;
}

static bool put_date(struct buf *b, char d, const struct civil *c)
{
	switch (d) {
	case 'Y':
		buf_printf(b, "%lld", (long long)c->year);
		return true;
	case 'y':
		two(b, c->year % 100);
		return true;
	case 'm':
		two(b, c->month);
		return true;
	case 'd':
		two(b, c->day);
		return true;
	case 'j':
		buf_printf(b, "%03d", c->yearday);
		return true;
	case 'A':
		buf_put(b, str_c(time_day_names[c->weekday]));
		return true;
	case 'a':
		buf_put(b, str_sub(str_c(time_day_names[c->weekday]), 0, 3));
		return true;
	case 'B':
		buf_put(b, str_c(time_month_names[c->month - 1]));
		return true;
	case 'b':
		buf_put(b, str_sub(str_c(time_month_names[c->month - 1]), 0, 3));
		return true;
	case 'w':
		buf_int(b, (c->weekday + 1) % 7);
		return true;
	case 'u':
		buf_int(b, c->weekday + 1);
		return true;
	case 'U':
		two(b, week(c, 6));
		return true;
	case 'W':
		two(b, week(c, 0));
		return true;
	default:
		return false;
	}
}

static bool put_time(struct buf *b, char d, const struct civil *c, const struct time_zone_text *z)
{
	switch (d) {
	case 'H':
		two(b, c->hour);
		return true;
	case 'I':
		two(b, (c->hour + 11) % 12 + 1);
		return true;
	case 'M':
		two(b, c->minute);
		return true;
	case 'S':
		two(b, c->second);
		return true;
	case 'f':
		buf_puts(b, "000000");
		return true;
	case 'p':
		buf_put(b, c->hour < 12 ? S("AM") : S("PM"));
		return true;
	case 'z':
		put_offset(b, z);
		return true;
	case 'Z':
		buf_put(b, z ? z->letters : S(""));
		return true;
	case '%':
		buf_putc(b, '%');
		return true;
	default:
		return false;
	}
}

/* Directives that stand for others. */
static struct str expansion(char d)
{
	switch (d) {
	case 'c':
		return S("%a %b %d %H:%M:%S %Y");
	case 'x':
	case 'D':
		return S("%m/%d/%y");
	case 'X':
	case 'T':
		return S("%H:%M:%S");
	case 'F':
		return S("%Y-%m-%d");
	case 'R':
		return S("%H:%M");
	default:
		return S("");
	}
}

static void put_format(struct buf *b, struct str format, const struct civil *c,
		       const struct time_zone_text *z, int depth)
{
	for (size_t i = 0; i < format.len; i++) {
		if (format.at[i] != '%' || i + 1 == format.len) {
			buf_putc(b, format.at[i]);
			continue;
		}
		char d = format.at[++i];
		struct str more = depth ? S("") : expansion(d);
		if (more.len)
			put_format(b, more, c, z, depth + 1);
		else if (!put_date(b, d, c) && !put_time(b, d, c, z))
			buf_put(b, str_sub(format, i - 1, 2));
	}
}

struct str time_format(struct arena *mem, struct str format, const struct civil *c,
		       const struct time_zone_text *z)
{
	struct buf b = buf_make(mem, TEXT_MAX);
	put_format(&b, format, c, z, 0);
	return buf_str(&b);
}

/* --- reading --- */

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool read_number(struct str *s, size_t digits, int64_t *out)
{
	size_t n = 0;
	int64_t v = 0;
	while (n < digits && n < s->len && s->at[n] >= '0' && s->at[n] <= '9')
		v = v * 10 + (s->at[n++] - '0');
	*s = str_skip(*s, n);
	*out = v;
	return n > 0;
}

/* The longest name that begins the text: index from 0, or -1. */
static int read_name(struct str *s, const char *const *names, int count, bool whole)
{
	for (int i = 0; i < count; i++) {
		struct str name = whole ? str_c(names[i]) : str_sub(str_c(names[i]), 0, 3);
		if (s->len < name.len || !str_eq_nocase(str_sub(*s, 0, name.len), name))
			continue;
		*s = str_skip(*s, name.len);
		return i;
	}
	return -1;
}

struct parse {
	struct civil c;
	int afternoon; /* -1 = not said */
};

static bool read_field(struct str *s, char d, struct parse *p)
{
	int64_t v = 0;
	int name;
	bool ok = true;
	switch (d) {
	case 'A':
	case 'a':
		return read_name(s, time_day_names, 7, d == 'A') >= 0;
	case 'B':
	case 'b':
		name = read_name(s, time_month_names, 12, d == 'B');
		p->c.month = name + 1;
		return name >= 0;
	case 'p':
		ok = s->len >= 2 && (str_eq_nocase(str_sub(*s, 0, 2), S("am")) ||
				     str_eq_nocase(str_sub(*s, 0, 2), S("pm")));
		p->afternoon = ok && (s->at[0] | 32) == 'p';
		*s = str_skip(*s, 2);
		return ok;
	case 'f':
		return read_number(s, 6, &v);
	case 'Y':
		ok = read_number(s, 4, &v);
		p->c.year = v;
		return ok;
	case 'y':
		ok = read_number(s, 2, &v);
		p->c.year = v + (v < 69 ? 2000 : 1900);
		return ok;
	case '%':
		ok = s->len && s->at[0] == '%';
		*s = str_skip(*s, 1);
		return ok;
	default:
		break;
	}
	int *field = d == 'm'               ? &p->c.month
		     : d == 'd'             ? &p->c.day
		     : d == 'H' || d == 'I' ? &p->c.hour
		     : d == 'M'             ? &p->c.minute
		     : d == 'S'             ? &p->c.second
					    : NULL;
	if (!field || !read_number(s, 2, &v))
		return false;
	*field = (int)v;
	return true;
}

static bool read_format(struct str *s, struct str format, struct parse *p, int depth)
{
	for (size_t i = 0; i < format.len; i++) {
		char c = format.at[i];
		if (blank(c)) {
			while (s->len && blank(s->at[0]))
				*s = str_skip(*s, 1);
		} else if (c == '%' && i + 1 < format.len) {
			char d = format.at[++i];
			struct str more = depth ? S("") : expansion(d);
			if (!(more.len ? read_format(s, more, p, depth + 1) : read_field(s, d, p)))
				return false;
		} else if (!s->len || s->at[0] != c) {
			return false;
		} else {
			*s = str_skip(*s, 1);
		}
	}
	return true;
}

status time_parse(struct str text, struct str format, struct civil *out)
{
	struct parse p = {
		.c = {.year = 1900, .month = 1, .day = 1},
                  .afternoon = -1
        };
	struct str rest = str_trim(text);
	bool ok = read_format(&rest, format, &p, 0) && !rest.len;
	if (ok && p.afternoon >= 0) {
		ok = p.c.hour >= 1 && p.c.hour <= 12;
		p.c.hour = p.c.hour % 12 + (p.afternoon ? 12 : 0);
	}
	if (!ok || !civil_valid(&p.c))
		return err_set(ERR_INVALID, "The time '%.*s' does not fit the format '%.*s'",
			       (int)MIN(text.len, 60), text.at, (int)MIN(format.len, 60),
			       format.at);
	*out = p.c;
	return 0;
}
