/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron: when a schedule fires (workflow.md 7.21). Five fields (minute, hour, day of month, month,
 * day of week) with lists, ranges, steps, names and "L", or a word such as @daily. Pure: the zone
 * and the time come from outside.
 *
 * Where clocks change: a time that does not exist that day fires as much later as the clocks go
 * forward (02:30 becomes 03:30); a time that comes twice fires the first time only. A schedule
 * without a fixed hour ("every hour", "every 15 minutes") follows real time: it fires in both.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;
struct zone;

enum { CRON_TEXT_MAX = 200, CRON_YEARS_MAX = 12 };

struct cron {
	uint64_t minutes;  /* bit 0..59 */
	uint32_t hours;	   /* bit 0..23 */
	uint32_t days;	   /* bit 1..31 */
	uint32_t months;   /* bit 1..12 */
	uint32_t weekdays; /* bit 0..6, 0 = Sunday */
	uint32_t last_weekdays; /* "5L", "L5": the last Friday of the month */
	bool last_day;		/* L */
	bool any_day, any_weekday, any_hour; /* the field is * or ? */
};
/* ERR_INVALID names the field and what is wrong with it; also for one that can never fire. */
status cron_parse(struct str text, struct cron *out) NODISCARD;
/* The first moment after after_s (Unix seconds) at which it fires; 0 = not within CRON_YEARS_MAX. */
int64_t cron_next(const struct cron *, const struct zone *, int64_t after_s);

/* The settings of a trigger-schedule node: its expression, or the visual form as one. *timezone is
 * "UTC" when none is given. ERR_INVALID names the setting. */
status cron_of_node(struct arena *, const struct json *data, struct cron *out, struct str *timezone) NODISCARD;
