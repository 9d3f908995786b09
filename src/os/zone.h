/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone: time zones from the system's tzdata (RFC 8536 files), and the proleptic Gregorian calendar.
 * Uses none of the C library's global time zone state, so that any number of zones are at hand at
 * once. zone_parse and the calendar are pure; zone_open reads a file on the pool.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct zone;

enum { ZONE_FILE_MAX = 256 << 10, ZONE_NAME_MAX = 64 };

/* "Europe/Oslo", "UTC". ERR_NOT_FOUND for a name that is none. */
status zone_open(struct arena *, struct str name, struct zone **out) NODISCARD;
/* The bytes of a file. ERR_INVALID when they are no time zone. */
status zone_parse(struct arena *, struct str bytes, struct zone **out) NODISCARD;

struct zone_offset {
	int64_t seconds;   /* east of UTC */
	bool summer;	   /* daylight saving time */
	struct str letters; /* "CET"; lives as long as the zone */
};
/* What holds at a moment (Unix seconds). */
struct zone_offset zone_at(const struct zone *, int64_t unix_s);
/*
 * The moment that the clocks there show as local_s (seconds of the calendar, as civil_seconds counts
 * them). A time that comes twice is the first one; one that is skipped is read with the offset that
 * held before. *exists (may be NULL): false for a skipped time.
 */
int64_t zone_from_local(const struct zone *, int64_t local_s, bool *exists);

/* --- the calendar --- */
struct civil {
	int64_t year;
	int month, day, hour, minute, second; /* month and day from 1 */
	int weekday;			      /* 0 = Monday */
	int yearday;			      /* 1 = January 1 */
};
/* Seconds since 1970-01-01 00:00 of a calendar without zones, and back. */
int64_t civil_seconds(const struct civil *);
struct civil civil_of(int64_t seconds);
int civil_month_days(int64_t year, int month);
/* Ranges of all fields but weekday and yearday; years 1 to 9999. */
bool civil_valid(const struct civil *);
