/* SPDX-License-Identifier: Apache-2.0 */
/* time: the built-in tools that tell and convert times. Odd input is an answer, not a failure. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "os/zone.h"
#include "tool/time_text.h"
#include "tool/tool_int.h"

#define PLAIN "%Y-%m-%d %H:%M:%S"

static struct str text_arg(const struct builtin_call *c, const char *name)
{
	return json_get_str(c->args, str_c(name));
}

static status say(struct builtin_call *c, struct str text)
{
	tool_say(c->mem, c->result, text);
	return 0;
}

/* Only what really went wrong is a failure: a name that is no zone is told in the answer. */
static status find_zone(struct builtin_call *c, struct str name, struct zone **out)
{
	*out = NULL;
	if (zone_open(c->mem, name, out) == 0)
		return 0;
	return err_code() == ERR_NOT_FOUND ? 0 : -1;
}

static struct str zone_text(struct builtin_call *c, const struct zone *z, int64_t at,
			    struct str format)
{
	struct zone_offset o = zone_at(z, at);
	struct civil local = civil_of(at + o.seconds);
	struct time_zone_text t = {o.seconds, o.letters};
	return time_format(c->mem, format, &local, &t);
}

status builtin_current_time(struct builtin_call *c)
{
	struct str zone = text_arg(c, "timezone"), format = text_arg(c, "format");
	struct zone *z;
	if (find_zone(c, zone.len ? zone : S("UTC"), &z))
		return -1;
	if (!z)
		return say(c, arena_printf(c->mem, "Invalid timezone: %.*s", STR(zone)));
	return say(c, zone_text(c, z, clock_s(), format.len ? format : S(PLAIN)));
}

status builtin_timezone_conversion(struct builtin_call *c)
{
	struct str time = text_arg(c, "current_time");
	struct str from = text_arg(c, "current_timezone"), to = text_arg(c, "target_timezone");
	struct zone *a, *b;
	struct civil local;
	if (find_zone(c, from, &a) || find_zone(c, to, &b))
		return -1;
	if (!a || !b || time_parse(time, S(PLAIN), &local))
		return say(c, arena_printf(c->mem, "Invalid datetime and timezone: %.*s,%.*s,%.*s",
					   STR(time), STR(from), STR(to)));
	return say(c, zone_text(c, b, zone_from_local(a, civil_seconds(&local), NULL), S(PLAIN)));
}

static int field(const struct builtin_call *c, const char *name)
{
	double v = json_as_double(json_get(c->args, str_c(name)), 0);
	return v >= 0 && v <= 9999 ? (int)v : 0;
}

status builtin_weekday(struct builtin_call *c)
{
	struct civil day = {
		.year = field(c, "year"), .month = field(c, "month"), .day = field(c, "day")};
	if (!civil_valid(&day))
		return say(c, arena_printf(c->mem, "Invalid date: Year %d, Month %d, Day %d.",
					   (int)day.year, day.month, day.day));
	day = civil_of(civil_seconds(&day));
	return say(c, arena_printf(c->mem, "%s %d, %d is %s.", time_month_names[day.month - 1],
				   day.day, (int)day.year, time_day_names[day.weekday]));
}

status builtin_localtime_to_timestamp(struct builtin_call *c)
{
	struct str time = text_arg(c, "localtime"), zone = text_arg(c, "timezone");
	struct civil local;
	struct zone *z;
	if (find_zone(c, zone.len ? zone : S("UTC"), &z))
		return -1;
	if (!z)
		return say(c, arena_printf(c->mem, "Invalid timezone: %.*s", STR(zone)));
	if (time_parse(time, S(PLAIN), &local))
		return say(c, arena_printf(c->mem, "Invalid localtime: %.*s", STR(time)));
	int64_t at = zone_from_local(z, civil_seconds(&local), NULL);
	return say(c, arena_printf(c->mem, "%lld", (long long)at));
}

status builtin_timestamp_to_localtime(struct builtin_call *c)
{
	enum { SPAN = 253402300799 / 86400 }; /* days of the years 1970 to 9999 */
	double at = json_as_double(json_get(c->args, S("timestamp")), 0);
	struct str zone = text_arg(c, "timezone");
	struct zone *z;
	if (find_zone(c, zone.len ? zone : S("UTC"), &z))
		return -1;
	if (!z)
		return say(c, arena_printf(c->mem, "Invalid timezone: %.*s", STR(zone)));
	if (!(at >= -62135596800.0 && at < (double)SPAN * 86400))
		return say(c, S("Invalid timestamp"));
	return say(c, zone_text(c, z, (int64_t)at, S(PLAIN)));
}
