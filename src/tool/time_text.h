/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_text: times as texts by the well-known formats ("%Y-%m-%d %H:%M:%S"), without locale: names
 * of days and months are English. Pure.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct civil;

struct time_zone_text {
	int64_t offset_s;   /* %z */
	struct str letters; /* %Z, empty for a time without zone */
};
extern const char *const time_day_names[7];    /* Monday first */
extern const char *const time_month_names[12];
/* Unknown directives stay as they are. zone may be NULL. */
struct str time_format(struct arena *, struct str format, const struct civil *,
		       const struct time_zone_text *zone);
/* ERR_INVALID when the text does not fit. Fields that the format lacks: 1900-01-01 00:00:00. */
status time_parse(struct str text, struct str format, struct civil *out) NODISCARD;
