/* SPDX-License-Identifier: Apache-2.0 */
/* cron: see cron.h. */
#include "app/cron.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "os/zone.h"

/* --- one field --- */

static const struct str month_names[] = {
	S_INIT("jan"), S_INIT("feb"), S_INIT("mar"), S_INIT("apr"), S_INIT("may"), S_INIT("jun"),
	S_INIT("jul"), S_INIT("aug"), S_INIT("sep"), S_INIT("oct"), S_INIT("nov"), S_INIT("dec"),
};
static const struct str day_names[] = {
	S_INIT("sun"), S_INIT("mon"), S_INIT("tue"), S_INIT("wed"),
	S_INIT("thu"), S_INIT("fri"), S_INIT("sat"),
};

struct field {
	const char *name;
	int low, high;
	const struct str *names; /* of the values from `low` on */
	size_t name_count;
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
	[MINUTE] = { "minute", 0, 59, NULL, 0 },
	[HOUR] = { "hour", 0, 23, NULL, 0 },
	[DAY] = { "day of month", 1, 31, NULL, 0 },
	[MONTH] = { "month", 1, 12, month_names, countof(month_names) },
	/* 7 is Sunday too. */
	[WEEKDAY] = { "day of week", 0, 7, day_names, countof(day_names) },
};

static status wrong(const struct field *f, struct str text)
{
	return err_set(ERR_INVALID,
		       "cron: %s: '%.*s' is not a value from %d to %d, a list, a range or a step",
		       f->name, STR(str_sub(text, 0, 40)), f->low, f->high);
}

static status read_value(const struct field *f, struct str text, int *out)
{
	int64_t n;
	for (size_t i = 0; i < f->name_count; i++)
		if (str_eq_nocase(text, f->names[i])) {
			*out = f->low + (int)i;
			return 0;
		}
	bool digits = text.len > 0 && text.len <= 2;
	for (size_t i = 0; i < text.len; i++)
		digits &= text.at[i] >= '0' && text.at[i] <= '9';
	if (!digits || str_to_i64(text, &n) || n < f->low || n > f->high)
		return wrong(f, text);
	*out = (int)n;
	return 0;
}

/* "*", "a", "a-b", each with "/n". A range may go around the end: "fri-mon", "22-2". */
static status read_range(const struct field *f, struct str text, uint64_t *bits)
{
	struct str step_text = text, range = str_cut(&step_text, '/');
	int64_t step = 1;
	if (step_text.at &&
	    (!step_text.len || str_to_i64(step_text, &step) || step < 1 || step > 60))
		return wrong(f, text);
	int low = f->low, high = f == &fields[WEEKDAY] ? 6 : f->high;
	struct str to = range, from = str_cut(&to, '-');
	if (!str_eq(range, S("*")) && !str_eq(range, S("?"))) {
		if (read_value(f, from, &low) || (to.at && read_value(f, to, &high)))
			return -1;
		/* "5" alone is one value; "5/10" goes on to the end. */
		if (!to.at && !step_text.at)
			high = low;
	}
	int size = (f == &fields[WEEKDAY] ? 6 : f->high) - f->low + 1;
	int span = high >= low ? high - low : high - low + size;
	for (int i = 0; i <= span; i += (int)step) {
		int v = low + i > f->high ? low + i - size : low + i;
		if (f == &fields[WEEKDAY])
			v %= 7;
		*bits |= (uint64_t)1 << v;
	}
	return 0;
}

/* "L" of a month; "L5", "5L", "friL": the last such day of the week. */
static bool read_last(struct cron *c, size_t which, struct str text)
{
	int day;
	if (which == DAY && (str_eq_nocase(text, S("l")) || str_eq_nocase(text, S("last")))) {
		c->last_day = true;
		return true;
	}
	if (which != WEEKDAY || text.len < 2)
		return false;
	bool before = text.at[0] == 'L' || text.at[0] == 'l';
	char end = text.at[text.len - 1];
	if (!before && end != 'L' && end != 'l')
		return false;
	struct str rest = before ? str_skip(text, 1) : str_sub(text, 0, text.len - 1);
	if (read_value(&fields[WEEKDAY], rest, &day))
		return false;
	c->last_weekdays |= 1u << (day % 7);
	return true;
}

static status read_field(struct cron *c, size_t which, struct str text, uint64_t *bits)
{
	*bits = 0;
	for (struct str rest = text; rest.at;) {
		struct str one = str_cut(&rest, ',');
		if (!read_last(c, which, one) && read_range(&fields[which], one, bits))
			return -1;
	}
	return 0;
}

/* --- the whole --- */

static const struct {
	struct str word, text;
} words[] = {
	{ S_INIT("@yearly"), S_INIT("0 0 1 1 *") },  { S_INIT("@annually"), S_INIT("0 0 1 1 *") },
	{ S_INIT("@monthly"), S_INIT("0 0 1 * *") }, { S_INIT("@weekly"), S_INIT("0 0 * * 0") },
	{ S_INIT("@daily"), S_INIT("0 0 * * *") },   { S_INIT("@midnight"), S_INIT("0 0 * * *") },
	{ S_INIT("@hourly"), S_INIT("0 * * * *") },
};

static bool is_any(struct str field)
{
	return str_eq(field, S("*")) || str_eq(field, S("?"));
}

/* Fields are parted by any run of blanks. */
static size_t split(struct str text, struct str out[FIELDS])
{
	size_t n = 0;
	for (size_t i = 0; i < text.len;) {
		size_t from = i;
		while (i < text.len && text.at[i] != ' ' && text.at[i] != '\t')
			i++;
		if (i > from && n < FIELDS)
			out[n] = str_sub(text, from, i - from);
		n += i > from;
		while (i < text.len && (text.at[i] == ' ' || text.at[i] == '\t'))
			i++;
	}
	return n;
}

/* Some month must have one of the days, or "30 February" would be searched for at every tick. */
static bool can_fire(const struct cron *c)
{
	if (c->any_day || c->last_day || !c->any_weekday)
		return true;
	for (int m = 1; m <= 12; m++)
		for (int d = 1; d <= civil_month_days(2024, m); d++) /* a leap year */
			if (c->months >> m & 1 && c->days >> d & 1)
				return true;
	return false;
}

status cron_parse(struct str text, struct cron *out)
{
	struct cron c = { 0 };
	struct str part[FIELDS];
	uint64_t bits[FIELDS];
	text = str_trim(text);
	if (text.len > CRON_TEXT_MAX)
		return err_set(ERR_INVALID, "cron: more than %d characters", CRON_TEXT_MAX);
	for (size_t i = 0; i < countof(words); i++)
		if (str_eq_nocase(text, words[i].word))
			text = words[i].text;
	if (split(text, part) != FIELDS)
		return err_set(ERR_INVALID,
			       "cron: '%.*s' does not have the five fields minute, hour, day of "
			       "month, month, day of week",
			       STR(str_sub(text, 0, 60)));
	for (size_t i = 0; i < FIELDS; i++)
		if (read_field(&c, i, part[i], &bits[i]))
			return -1;
	c.minutes = bits[MINUTE];
	c.hours = (uint32_t)bits[HOUR];
	c.days = (uint32_t)bits[DAY];
	c.months = (uint32_t)bits[MONTH];
	c.weekdays = (uint32_t)bits[WEEKDAY];
	c.any_hour = c.hours == (1u << 24) - 1;
	c.any_day = is_any(part[DAY]);
	c.any_weekday = is_any(part[WEEKDAY]);
	if (!can_fire(&c))
		return err_set(ERR_INVALID, "cron: '%.*s' never comes: no such day in these months",
			       STR(str_sub(text, 0, 60)));
	*out = c;
	return 0;
}

/* --- the next time --- */

/* With both day fields given, either may hold, as cron has always had it. */
static bool day_fits(const struct cron *c, const struct civil *d)
{
	int length = civil_month_days(d->year, d->month), weekday = (d->weekday + 1) % 7;
	bool month_day = c->days >> d->day & 1 || (c->last_day && d->day == length);
	bool week_day = c->weekdays >> weekday & 1 ||
			(c->last_weekdays >> weekday & 1 && d->day + 7 > length);
	if (!(c->months >> d->month & 1))
		return false;
	if (c->any_day)
		return c->any_weekday || week_day;
	return c->any_weekday ? month_day : month_day || week_day;
}

static int64_t day_start(const struct civil *d)
{
	struct civil at = { .year = d->year, .month = d->month, .day = d->day };
	return civil_seconds(&at);
}

/* Times of one local day. Where clocks change they may come out of order: all are looked at. */
static int64_t next_of_day(const struct cron *c, const struct zone *z, int64_t day, int64_t after)
{
	bool changes = zone_at(z, zone_from_local(z, day, NULL)).seconds !=
		       zone_at(z, zone_from_local(z, day + 86399, NULL)).seconds;
	int64_t best = 0;
	for (int h = 0; h < 24; h++) {
		if (!(c->hours >> h & 1))
			continue;
		for (int m = 0; m < 60; m++) {
			if (!(c->minutes >> m & 1))
				continue;
			int64_t at = zone_from_local(z, day + h * 3600 + m * 60, NULL);
			if (at <= after || (best && at >= best))
				continue;
			best = at;
			if (!changes)
				return best;
		}
	}
	return best;
}

/* Real time: minute by minute through the hours of a day that fits. */
static int64_t next_minute(const struct cron *c, const struct zone *z, int64_t after, int64_t until)
{
	for (int64_t t = after - (after % 60 + 60) % 60 + 60; t <= until;) {
		struct civil d = civil_of(t + zone_at(z, t).seconds);
		if (!day_fits(c, &d)) {
			int64_t next = zone_from_local(z, day_start(&d) + 86400, NULL);
			t = next > t ? next : t + 3600;
			continue;
		}
		if (c->minutes >> d.minute & 1)
			return t;
		t += 60;
	}
	return 0;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after)
{
	int64_t until = after + (int64_t)CRON_YEARS_MAX * 366 * 86400;
	if (c->any_hour)
		return next_minute(c, z, after, until);
	struct civil d = civil_of(after + zone_at(z, after).seconds);
	for (int64_t day = day_start(&d); day <= until + 86400; day += 86400) {
		d = civil_of(day);
		int64_t at = day_fits(c, &d) ? next_of_day(c, z, day, after) : 0;
		if (at)
			return at;
	}
	return 0;
}

/* --- the node --- */

static status read_time(struct str text, int *hour, int *minute)
{
	/* "12:00 AM", also "14:30" */
	struct str rest = str_trim(text), h = str_cut(&rest, ':');
	struct str m = str_trim(str_sub(rest, 0, 2)), half = str_trim(str_skip(rest, 2));
	int64_t hh, mm;
	bool am = str_eq_nocase(half, S("am")), pm = str_eq_nocase(half, S("pm"));
	if (str_to_i64(h, &hh) || str_to_i64(m, &mm) || mm < 0 || mm > 59 || hh < 0 || hh > 23 ||
	    ((am || pm) && (hh < 1 || hh > 12)) || (!am && !pm && half.len))
		return err_set(ERR_INVALID,
			       "visual_config.time: '%.*s' is not a time such as 12:00 AM",
			       STR(str_sub(text, 0, 40)));
	*hour = (int)(am || pm ? hh % 12 + (pm ? 12 : 0) : hh);
	*minute = (int)mm;
	return 0;
}

static void put_list(struct arena *mem, struct buf *b, const struct json *list)
{
	json_each(list, v) {
		buf_put(b, b->len ? S(",") : S(""));
		if (v->type == JSON_STR)
			buf_put(b, json_as_str(v, S("")));
		else
			buf_put(b, json_text(mem, v, JSON_COMPACT));
	}
}

static status visual(struct arena *mem, const struct json *data, struct str *out)
{
	const struct json *v = json_get(data, S("visual_config"));
	struct str every = json_get_str(data, S("frequency")), time = json_get_str(v, S("time"));
	struct buf days = buf_make(mem, 0);
	int hour = 0, minute = 0;
	if (str_eq(every, S("hourly"))) {
		*out = arena_printf(mem, "%lld * * * *",
				    (long long)json_get_int(v, S("on_minute"), 0));
		return 0;
	}
	if (read_time(time.len ? time : S("12:00 AM"), &hour, &minute))
		return -1;
	if (str_eq(every, S("daily")) || !every.len) {
		*out = arena_printf(mem, "%d %d * * *", minute, hour);
		return 0;
	}
	bool weekly = str_eq(every, S("weekly"));
	if (!weekly && !str_eq(every, S("monthly")))
		return err_set(ERR_INVALID,
			       "frequency: '%.*s' is none of hourly, daily, weekly, monthly",
			       STR(str_sub(every, 0, 40)));
	put_list(mem, &days, json_get(v, weekly ? S("weekdays") : S("monthly_days")));
	if (!days.len)
		return err_set(ERR_INVALID, "visual_config.%s: choose at least one day",
			       weekly ? "weekdays" : "monthly_days");
	*out = weekly ? arena_printf(mem, "%d %d * * %.*s", minute, hour, STR(buf_str(&days)))
		      : arena_printf(mem, "%d %d %.*s * *", minute, hour, STR(buf_str(&days)));
	return 0;
}

status cron_of_node(struct arena *mem, const struct json *data, struct cron *out,
		    struct str *timezone)
{
	const struct json *config = json_get(data, S("config"));
	struct str text, zone;
	/* Some files hold the settings one level deeper. */
	if (json_is(config, JSON_OBJ) && !json_get(data, S("mode")) && json_get(config, S("mode")))
		data = config;
	zone = json_get_str(data, S("timezone"));
	if (str_eq(json_get_str(data, S("mode")), S("cron"))) {
		text = json_get_str(data, S("cron_expression"));
		if (!str_trim(text).len)
			return err_set(ERR_INVALID, "cron_expression: is empty");
	} else if (visual(mem, data, &text)) {
		return -1;
	}
	*timezone = zone.len ? zone : S("UTC");
	return cron_parse(text, out);
}
