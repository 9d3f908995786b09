/* SPDX-License-Identifier: Apache-2.0 */
/* clock: wall time and its texts. Proleptic Gregorian calendar, UTC, no leap seconds. */
#include "base/clock.h"
#include "base/arena.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic(int64_t (*)(void)) override;

int64_t clock_real_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_real_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_ms(void)
{
	int64_t (*fn)(void) = atomic_load_explicit(&override, memory_order_relaxed);
	return fn ? fn() : clock_real_ms();
}

void clock_override(int64_t (*fn)(void))
{
	atomic_store(&override, fn);
}

struct date {
	int64_t year;
	int month, day, hour, minute, second, milli, weekday; /* 0 = Sunday */
};

/* Days since 1970-01-01; years start in March here, so that the leap day is the last. */
static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct date date_of(int64_t ms)
{
	int64_t days = ms / 86400000, rest = ms % 86400000;
	if (rest < 0) {
		rest += 86400000;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);
	return (struct date){
		.year = yoe + era * 400 + (month <= 2),
		.month = month,
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = (int)(rest / 3600000),
		.minute = (int)(rest / 60000 % 60),
		.second = (int)(rest / 1000 % 60),
		.milli = (int)(rest % 1000),
		.weekday = (int)(((days + 4) % 7 + 7) % 7),
	};
}

struct str clock_iso(struct arena *mem, int64_t ms)
{
	struct date d = date_of(ms);
	return arena_printf(mem, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ", (long long)d.year,
			    d.month, d.day, d.hour, d.minute, d.second, d.milli);
}

void clock_http(char out[30], int64_t ms)
{
	static const char day[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char month[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct date d = date_of(ms);
	/* The moduli change no valid date; they tell the compiler the widths. */
	snprintf(out, 30, "%s, %02u %s %04u %02u:%02u:%02u GMT", day[d.weekday],
		 (unsigned)d.day % 100, month[d.month - 1], (unsigned)d.year % 10000,
		 (unsigned)d.hour % 100, (unsigned)d.minute % 100, (unsigned)d.second % 100);
}

/* Takes exactly n digits off the front. */
static bool take_digits(struct str *s, size_t n, int *out)
{
	int v = 0;
	if (s->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s->at[i];
		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*s = str_skip(*s, n);
	*out = v;
	return true;
}

static bool take_char(struct str *s, char c)
{
	if (!s->len || s->at[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool take_date(struct str *s, struct date *d)
{
	int year;
	if (!take_digits(s, 4, &year) || !take_char(s, '-') || !take_digits(s, 2, &d->month) ||
	    !take_char(s, '-') || !take_digits(s, 2, &d->day))
		return false;
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	d->year = year;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return d->month >= 1 && d->month <= 12 && d->day >= 1 &&
	       d->day <= lengths[d->month - 1] + (d->month == 2 && leap);
}

/* hh:mm[:ss[.fraction]] */
static bool take_time(struct str *s, struct date *d)
{
	if (!take_digits(s, 2, &d->hour) || !take_char(s, ':') || !take_digits(s, 2, &d->minute))
		return false;
	if (take_char(s, ':')) {
		if (!take_digits(s, 2, &d->second))
			return false;
		if (take_char(s, '.') || take_char(s, ',')) {
			int digit, scale = 100;
			if (!take_digits(s, 1, &digit))
				return false;
			do {
				d->milli += digit * scale;
				scale /= 10;
			} while (take_digits(s, 1, &digit));
		}
	}
	return d->hour < 24 && d->minute < 60 && d->second < 61;
}

/* Z, +hh:mm, +hhmm or +hh; nothing means UTC. Minutes east. */
static bool take_zone(struct str *s, int *minutes)
{
	*minutes = 0;
	if (take_char(s, 'Z') || take_char(s, 'z') || s->len == 0)
		return true;
	bool minus = s->at[0] == '-';
	int h, m = 0;
	if ((!minus && s->at[0] != '+') || (*s = str_skip(*s, 1), !take_digits(s, 2, &h)))
		return false;
	if ((take_char(s, ':') || s->len) && !take_digits(s, 2, &m))
		return false;
	*minutes = (h * 60 + m) * (minus ? -1 : 1);
	return h < 24 && m < 60;
}

status clock_parse_iso(struct str text, int64_t *ms)
{
	struct str s = str_trim(text);
	struct date d = { 0 };
	int zone = 0;
	bool ok = take_date(&s, &d);
	if (ok && (take_char(&s, 'T') || take_char(&s, 't') || take_char(&s, ' '))) {
		ok = take_time(&s, &d);
		if (ok)
			take_char(&s, ' ');
		ok = ok && take_zone(&s, &zone);
	}
	if (!ok || s.len)
		return err_set(ERR_INVALID, "'%.*s' is not a date like 2026-01-02T03:04:05Z",
			       STR(str_of(text.at, utf8_prefix(text, 40))));
	int64_t minutes = days_of(d.year, d.month, d.day) * 1440 + d.hour * 60 + d.minute - zone;
	*ms = (minutes * 60 + d.second) * 1000 + d.milli;
	return 0;
}
