/* SPDX-License-Identifier: Apache-2.0 */
/* zone: see zone.h. The footer of a file (a POSIX TZ rule) says what holds after its last change.
 */
#include "os/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "rt/rt.h"

enum { DAY = 86400, TYPES_MAX = 256 };

/* --- calendar (days from civil, by Howard Hinnant's well-known sums) --- */

static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t civil_seconds(const struct civil *c)
{
	return days_of(c->year, c->month, c->day) * DAY + c->hour * 3600 + c->minute * 60 +
	       c->second;
}

struct civil civil_of(int64_t s)
{
	int64_t days = s / DAY - (s % DAY < 0), rest = s - days * DAY;
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	struct civil c = {.year = yoe + era * 400};
	c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year += c.month <= 2;
	c.hour = (int)(rest / 3600);
	c.minute = (int)(rest / 60 % 60);
	c.second = (int)(rest % 60);
	c.weekday = (int)(((days + 3) % 7 + 7) % 7);
	c.yearday = (int)(days - days_of(c.year, 1, 1) + 1);
	return c;
}

int civil_month_days(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

bool civil_valid(const struct civil *c)
{
	return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= civil_month_days(c->year, c->month) && c->hour >= 0 && c->hour <= 23 &&
	       c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59;
}

/* --- a zone --- */

/* "M10.5.0/3": the week-th weekday of a month; or a day of the year. */
struct change {
	enum { BY_WEEKDAY, BY_DAY, BY_DAY_NO_LEAP } kind;
	int month, week, day; /* weekday 0 = Sunday */
	int64_t time;         /* seconds of the local day, may be negative or more than a day */
};

struct zone {
	size_t count;
	int64_t *times;      /* when offsets change */
	unsigned char *type; /* of each change */
	struct zone_offset types[TYPES_MAX];
	size_t type_count;
	/* After the last change, or always. */
	bool has_rule, rule_summer;
	struct zone_offset standard, summer;
	struct change begins, ends;
};

/* Seconds of the local calendar at which the change comes in a year. */
static int64_t change_local(const struct change *c, int64_t year)
{
	if (c->kind != BY_WEEKDAY) {
		bool skip = c->kind == BY_DAY_NO_LEAP && civil_month_days(year, 2) == 29 &&
			    c->day >= 60;
		int64_t day = c->kind == BY_DAY_NO_LEAP ? c->day - 1 + skip : c->day;
		return (days_of(year, 1, 1) + day) * DAY + c->time;
	}
	int64_t first = days_of(year, c->month, 1);
	int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 0 = Sunday */
	int day = 1 + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
	if (day > civil_month_days(year, c->month))
		day -= 7;
	return (first + day - 1) * DAY + c->time;
}

static struct zone_offset by_rule(const struct zone *z, int64_t t)
{
	if (!z->rule_summer)
		return z->standard;
	int64_t year = civil_of(t + z->standard.seconds).year;
	int64_t from = change_local(&z->begins, year) - z->standard.seconds;
	int64_t to = change_local(&z->ends, year) - z->summer.seconds;
	bool summer = from < to ? t >= from && t < to : t >= from || t < to;
	return summer ? z->summer : z->standard;
}

struct zone_offset zone_at(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->count;
	if (z->has_rule && (!z->count || t >= z->times[z->count - 1]))
		return by_rule(z, t);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (z->times[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	return z->types[low ? z->type[low - 1] : 0];
}

int64_t zone_from_local(const struct zone *z, int64_t local, bool *exists)
{
	/* What holds a day before and a day after: at most one change lies between. */
	int64_t before = zone_at(z, local - DAY).seconds, after = zone_at(z, local + DAY).seconds;
	bool first = zone_at(z, local - before).seconds == before;
	bool second = zone_at(z, local - after).seconds == after;
	if (exists)
		*exists = first || second;
	return first || !second ? local - before : local - after;
}

/* --- reading files --- */

struct reader {
	const unsigned char *at;
	size_t len, i;
	bool bad;
};

static int64_t number(struct reader *r, size_t bytes)
{
	uint64_t v = 0;
	if (r->len - r->i < bytes) {
		r->bad = true;
		r->i = r->len;
		return 0;
	}
	for (size_t k = 0; k < bytes; k++)
		v = v << 8 | r->at[r->i + k];
	/* The highest bit is the sign. */
	if (bytes < 8 && bytes > 1 && r->at[r->i] & 0x80)
		v |= ~0ULL << (bytes * 8);
	r->i += bytes;
	return (int64_t)v;
}

static void skip(struct reader *r, size_t n)
{
	if (r->len - r->i < n)
		r->bad = true;
	r->i += MIN(n, r->len - r->i);
}

struct counts {
	size_t isut, isstd, leap, times, types, letters;
	char version;
};

static bool read_header(struct reader *r, struct counts *c)
{
	if (r->len - r->i < 44 || memcmp(r->at + r->i, "TZif", 4) != 0)
		return false;
	c->version = (char)r->at[r->i + 4];
	skip(r, 20);
	size_t *fields[] = {&c->isut, &c->isstd, &c->leap, &c->times, &c->types, &c->letters};
	for (size_t k = 0; k < countof(fields); k++) {
		int64_t v = number(r, 4);
		if (v < 0 || v > ZONE_FILE_MAX)
			return false;
		*fields[k] = (size_t)v;
	}
	return !r->bad;
}

static size_t body_len(const struct counts *c, size_t time_bytes)
{
	return c->times * time_bytes + c->times + c->types * 6 + c->letters +
	       c->leap * (time_bytes + 4) + c->isstd + c->isut;
}

static struct str letters_at(struct str all, size_t i)
{
	struct str rest = str_skip(all, i);
	size_t end = str_find_char(rest, '\0');
	return str_sub(rest, 0, end == SIZE_MAX ? rest.len : end);
}

static bool read_body(struct arena *mem, struct reader *r, const struct counts *c, size_t bytes,
		      struct zone *z)
{
	if (!c->types || c->types > TYPES_MAX || r->len - r->i < body_len(c, bytes))
		return false;
	z->count = c->times;
	z->times = arena_array(mem, int64_t, c->times);
	z->type = arena_alloc(mem, c->times);
	for (size_t i = 0; i < c->times; i++)
		z->times[i] = number(r, bytes);
	for (size_t i = 0; i < c->times; i++)
		z->type[i] = (unsigned char)number(r, 1);
	struct str letters =
		arena_str(mem, str_of((const char *)r->at + r->i + c->types * 6, c->letters));
	z->type_count = c->types;
	for (size_t i = 0; i < c->types; i++) {
		z->types[i].seconds = number(r, 4);
		z->types[i].summer = number(r, 1) != 0;
		z->types[i].letters = letters_at(letters, (size_t)number(r, 1));
		if (z->types[i].seconds < -2 * DAY || z->types[i].seconds > 2 * DAY)
			return false;
	}
	for (size_t i = 0; i < c->times; i++)
		if (z->type[i] >= c->types || (i && z->times[i] <= z->times[i - 1]))
			return false;
	skip(r, c->letters + c->leap * (bytes + 4) + c->isstd + c->isut);
	return !r->bad;
}

/* --- the rule of the footer: "CET-1CEST,M3.5.0,M10.5.0/3" --- */

static bool digit(struct str s)
{
	return s.len && s.at[0] >= '0' && s.at[0] <= '9';
}

static int take_int(struct str *s)
{
	int v = 0;
	while (digit(*s) && v < 100000) {
		v = v * 10 + (s->at[0] - '0');
		*s = str_skip(*s, 1);
	}
	return v;
}

static bool take_char(struct str *s, char c)
{
	if (!s->len || s->at[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static struct str take_letters(struct str *s)
{
	size_t n = 0;
	if (take_char(s, '<')) {
		while (n < s->len && s->at[n] != '>')
			n++;
		struct str name = str_sub(*s, 0, n);
		*s = str_skip(*s, MIN(n + 1, s->len));
		return name;
	}
	while (n < s->len && ((s->at[n] | 32) >= 'a' && (s->at[n] | 32) <= 'z'))
		n++;
	struct str name = str_sub(*s, 0, n);
	*s = str_skip(*s, n);
	return name;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int64_t take_time(struct str *s)
{
	bool minus = take_char(s, '-');
	if (!minus)
		(void)take_char(s, '+');
	int64_t v = (int64_t)take_int(s) * 3600;
	if (take_char(s, ':'))
		v += (int64_t)take_int(s) * 60;
	if (take_char(s, ':'))
		v += take_int(s);
	return minus ? -v : v;
}

static bool take_change(struct str *s, struct change *c)
{
	*c = (struct change){.time = 2 * 3600};
	if (!take_char(s, ','))
		return false;
	if (take_char(s, 'M')) {
		c->month = take_int(s);
		bool ok = take_char(s, '.');
		c->week = take_int(s);
		ok = take_char(s, '.') && ok;
		c->day = take_int(s);
		if (!ok || c->month < 1 || c->month > 12 || c->week < 1 || c->week > 5 ||
		    c->day > 6)
			return false;
	} else {
		c->kind = take_char(s, 'J') ? BY_DAY_NO_LEAP : BY_DAY;
		c->day = take_int(s);
		if (c->day > 365)
			return false;
	}
	if (take_char(s, '/'))
		c->time = take_time(s);
	return c->time > -8 * DAY && c->time < 8 * DAY;
}

static bool read_rule(struct arena *mem, struct str s, struct zone *z)
{
	s = arena_str(mem, s);
	z->standard.letters = take_letters(&s);
	if (!z->standard.letters.len ||
	    !(digit(s) || (s.len && (s.at[0] == '-' || s.at[0] == '+'))))
		return false;
	z->standard.seconds = -take_time(&s);
	z->has_rule = true;
	if (!s.len)
		return true;
	z->summer.letters = take_letters(&s);
	z->summer.summer = true;
	z->summer.seconds = z->standard.seconds + 3600;
	if (s.len && s.at[0] != ',')
		z->summer.seconds = -take_time(&s);
	z->rule_summer = take_change(&s, &z->begins) && take_change(&s, &z->ends);
	z->has_rule = z->rule_summer;
	return z->has_rule && z->standard.seconds > -2 * DAY && z->standard.seconds < 2 * DAY &&
	       z->summer.seconds > -2 * DAY && z->summer.seconds < 2 * DAY;
}

status zone_parse(struct arena *mem, struct str bytes, struct zone **out)
{
	struct reader r = {(const unsigned char *)bytes.at, bytes.len, 0, false};
	struct counts c = {0};
	struct zone *z = arena_new(mem, struct zone);
	size_t time_bytes = 4;
	if (bytes.len > ZONE_FILE_MAX || !read_header(&r, &c))
		return err_set(ERR_INVALID, "no time zone file");
	if (c.version >= '2') {
		/* The same again with times of eight bytes. */
		skip(&r, body_len(&c, 4));
		time_bytes = 8;
		if (r.bad || !read_header(&r, &c))
			return err_set(ERR_INVALID, "the time zone file is cut off");
	}
	if (!read_body(mem, &r, &c, time_bytes, z))
		return err_set(ERR_INVALID, "the time zone file is broken");
	struct str rest = str_skip(bytes, r.i);
	if (time_bytes == 8 && take_char(&rest, '\n')) {
		size_t end = str_find_char(rest, '\n');
		if (end != SIZE_MAX && end && !read_rule(mem, str_sub(rest, 0, end), z))
			return err_set(ERR_INVALID, "the time zone file has a broken rule");
	}
	*out = z;
	return 0;
}

/* --- the system's files --- */

struct load {
	char path[sizeof("/usr/share/zoneinfo/") + ZONE_NAME_MAX];
	char *bytes; /* heap */
	size_t len;
};

static status load_file(void *p)
{
	struct load *l = p;
	AUTO(fd) f = {open(l->path, O_RDONLY | O_CLOEXEC)};
	if (f.n < 0)
		return err_errno("time zone");
	l->bytes = mem_grow(NULL, ZONE_FILE_MAX);
	for (ssize_t n; l->len < ZONE_FILE_MAX; l->len += (size_t)n) {
		n = read(f.n, l->bytes + l->len, ZONE_FILE_MAX - l->len);
		if (n < 0)
			return err_errno("time zone");
		if (n == 0)
			break;
	}
	return 0;
}

static bool valid_name(struct str s)
{
	if (!s.len || s.len > ZONE_NAME_MAX || s.at[0] == '/' || str_has(s, S("..")) ||
	    str_has(s, S("//")))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && c != '/' &&
		    c != '_' && c != '-' && c != '+')
			return false;
	}
	return true;
}

status zone_open(struct arena *mem, struct str name, struct zone **out)
{
	struct load l = {.len = 0};
	static const char folder[] = "/usr/share/zoneinfo/";
	name = str_trim(name);
	if (!valid_name(name))
		return err_set(ERR_NOT_FOUND, "There is no time zone '%.*s'",
			       (int)MIN(name.len, 64), name.at);
	memcpy(l.path, folder, sizeof(folder) - 1);
	memcpy(l.path + sizeof(folder) - 1, name.at, name.len);
	status st = pool_call(load_file, &l);
	if (st == 0)
		st = zone_parse(mem, str_of(l.bytes, l.len), out);
	else if (err_code() != ERR_CANCELLED)
		st = err_set(ERR_NOT_FOUND, "There is no time zone '%.*s'", STR(name));
	free(l.bytes);
	return st;
}
