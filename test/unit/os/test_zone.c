/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones and the calendar against what Python's zoneinfo says of the same tzdata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "os/zone.h"
#include "rt/rt.h"

static const struct {
	const char *zone;
	int64_t at, offset;
	const char *letters;
} moments[] = {
	{ "UTC", 0LL, 0, "UTC" },
	{ "UTC", -2208988799LL, 0, "UTC" },
	{ "UTC", 1325376000LL, 0, "UTC" },
	{ "UTC", 1709251199LL, 0, "UTC" },
	{ "UTC", 1711846799LL, 0, "UTC" },
	{ "UTC", 1711846800LL, 0, "UTC" },
	{ "UTC", 1729990799LL, 0, "UTC" },
	{ "UTC", 1729990800LL, 0, "UTC" },
	{ "UTC", 1735689600LL, 0, "UTC" },
	{ "UTC", 2553854400LL, 0, "UTC" },
	{ "UTC", 2561104800LL, 0, "UTC" },
	{ "UTC", 4102444800LL, 0, "UTC" },
	{ "UTC", 5000000000LL, 0, "UTC" },
	{ "Asia/Tokyo", 0LL, 32400, "JST" },
	{ "Asia/Tokyo", -2208988799LL, 32400, "JST" },
	{ "Asia/Tokyo", 1325376000LL, 32400, "JST" },
	{ "Asia/Tokyo", 1709251199LL, 32400, "JST" },
	{ "Asia/Tokyo", 1711846799LL, 32400, "JST" },
	{ "Asia/Tokyo", 1711846800LL, 32400, "JST" },
	{ "Asia/Tokyo", 1729990799LL, 32400, "JST" },
	{ "Asia/Tokyo", 1729990800LL, 32400, "JST" },
	{ "Asia/Tokyo", 1735689600LL, 32400, "JST" },
	{ "Asia/Tokyo", 2553854400LL, 32400, "JST" },
	{ "Asia/Tokyo", 2561104800LL, 32400, "JST" },
	{ "Asia/Tokyo", 4102444800LL, 32400, "JST" },
	{ "Asia/Tokyo", 5000000000LL, 32400, "JST" },
	{ "Europe/Oslo", 0LL, 3600, "CET" },
	{ "Europe/Oslo", -2208988799LL, 3600, "CET" },
	{ "Europe/Oslo", 1325376000LL, 3600, "CET" },
	{ "Europe/Oslo", 1709251199LL, 3600, "CET" },
	{ "Europe/Oslo", 1711846799LL, 3600, "CET" },
	{ "Europe/Oslo", 1711846800LL, 7200, "CEST" },
	{ "Europe/Oslo", 1729990799LL, 7200, "CEST" },
	{ "Europe/Oslo", 1729990800LL, 3600, "CET" },
	{ "Europe/Oslo", 1735689600LL, 3600, "CET" },
	{ "Europe/Oslo", 2553854400LL, 3600, "CET" },
	{ "Europe/Oslo", 2561104800LL, 3600, "CET" },
	{ "Europe/Oslo", 4102444800LL, 3600, "CET" },
	{ "Europe/Oslo", 5000000000LL, 7200, "CEST" },
	{ "America/New_York", 0LL, -18000, "EST" },
	{ "America/New_York", -2208988799LL, -18000, "EST" },
	{ "America/New_York", 1325376000LL, -18000, "EST" },
	{ "America/New_York", 1709251199LL, -18000, "EST" },
	{ "America/New_York", 1711846799LL, -14400, "EDT" },
	{ "America/New_York", 1711846800LL, -14400, "EDT" },
	{ "America/New_York", 1729990799LL, -14400, "EDT" },
	{ "America/New_York", 1729990800LL, -14400, "EDT" },
	{ "America/New_York", 1735689600LL, -18000, "EST" },
	{ "America/New_York", 2553854400LL, -18000, "EST" },
	{ "America/New_York", 2561104800LL, -18000, "EST" },
	{ "America/New_York", 4102444800LL, -18000, "EST" },
	{ "America/New_York", 5000000000LL, -14400, "EDT" },
	{ "Asia/Kolkata", 0LL, 19800, "IST" },
	{ "Asia/Kolkata", -2208988799LL, 19270, "MMT" },
	{ "Asia/Kolkata", 1325376000LL, 19800, "IST" },
	{ "Asia/Kolkata", 1709251199LL, 19800, "IST" },
	{ "Asia/Kolkata", 1711846799LL, 19800, "IST" },
	{ "Asia/Kolkata", 1711846800LL, 19800, "IST" },
	{ "Asia/Kolkata", 1729990799LL, 19800, "IST" },
	{ "Asia/Kolkata", 1729990800LL, 19800, "IST" },
	{ "Asia/Kolkata", 1735689600LL, 19800, "IST" },
	{ "Asia/Kolkata", 2553854400LL, 19800, "IST" },
	{ "Asia/Kolkata", 2561104800LL, 19800, "IST" },
	{ "Asia/Kolkata", 4102444800LL, 19800, "IST" },
	{ "Asia/Kolkata", 5000000000LL, 19800, "IST" },
	{ "Australia/Lord_Howe", 0LL, 36000, "AEST" },
	{ "Australia/Lord_Howe", -2208988799LL, 36000, "AEST" },
	{ "Australia/Lord_Howe", 1325376000LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1709251199LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1711846799LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1711846800LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1729990799LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1729990800LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 1735689600LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 2553854400LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 2561104800LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 4102444800LL, 39600, "+11" },
	{ "Australia/Lord_Howe", 5000000000LL, 37800, "+1030" },
	{ "America/Sao_Paulo", 0LL, -10800, "-03" },
	{ "America/Sao_Paulo", -2208988799LL, -11188, "LMT" },
	{ "America/Sao_Paulo", 1325376000LL, -7200, "-02" },
	{ "America/Sao_Paulo", 1709251199LL, -10800, "-03" },
	{ "America/Sao_Paulo", 1711846799LL, -10800, "-03" },
	{ "America/Sao_Paulo", 1711846800LL, -10800, "-03" },
	{ "America/Sao_Paulo", 1729990799LL, -10800, "-03" },
	{ "America/Sao_Paulo", 1729990800LL, -10800, "-03" },
	{ "America/Sao_Paulo", 1735689600LL, -10800, "-03" },
	{ "America/Sao_Paulo", 2553854400LL, -10800, "-03" },
	{ "America/Sao_Paulo", 2561104800LL, -10800, "-03" },
	{ "America/Sao_Paulo", 4102444800LL, -10800, "-03" },
	{ "America/Sao_Paulo", 5000000000LL, -10800, "-03" },
	{ "Africa/Casablanca", 0LL, 0, "+00" },
	{ "Africa/Casablanca", -2208988799LL, -1820, "LMT" },
	{ "Africa/Casablanca", 1325376000LL, 0, "+00" },
	{ "Africa/Casablanca", 1709251199LL, 3600, "+01" },
	{ "Africa/Casablanca", 1711846799LL, 0, "+00" },
	{ "Africa/Casablanca", 1711846800LL, 0, "+00" },
	{ "Africa/Casablanca", 1729990799LL, 3600, "+01" },
	{ "Africa/Casablanca", 1729990800LL, 3600, "+01" },
	{ "Africa/Casablanca", 1735689600LL, 3600, "+01" },
	{ "Africa/Casablanca", 2553854400LL, 3600, "+01" },
	{ "Africa/Casablanca", 2561104800LL, 3600, "+01" },
	{ "Africa/Casablanca", 4102444800LL, 3600, "+01" },
	{ "Africa/Casablanca", 5000000000LL, 3600, "+01" },
	{ "Europe/Dublin", 0LL, 3600, "IST" },
	{ "Europe/Dublin", -2208988799LL, -1521, "DMT" },
	{ "Europe/Dublin", 1325376000LL, 0, "GMT" },
	{ "Europe/Dublin", 1709251199LL, 0, "GMT" },
	{ "Europe/Dublin", 1711846799LL, 0, "GMT" },
	{ "Europe/Dublin", 1711846800LL, 3600, "IST" },
	{ "Europe/Dublin", 1729990799LL, 3600, "IST" },
	{ "Europe/Dublin", 1729990800LL, 0, "GMT" },
	{ "Europe/Dublin", 1735689600LL, 0, "GMT" },
	{ "Europe/Dublin", 2553854400LL, 0, "GMT" },
	{ "Europe/Dublin", 2561104800LL, 0, "GMT" },
	{ "Europe/Dublin", 4102444800LL, 0, "GMT" },
	{ "Europe/Dublin", 5000000000LL, 3600, "IST" },
	{ "Pacific/Apia", 0LL, -39600, "-11" },
	{ "Pacific/Apia", -2208988799LL, -41216, "LMT" },
	{ "Pacific/Apia", 1325376000LL, 50400, "+14" },
	{ "Pacific/Apia", 1709251199LL, 46800, "+13" },
	{ "Pacific/Apia", 1711846799LL, 46800, "+13" },
	{ "Pacific/Apia", 1711846800LL, 46800, "+13" },
	{ "Pacific/Apia", 1729990799LL, 46800, "+13" },
	{ "Pacific/Apia", 1729990800LL, 46800, "+13" },
	{ "Pacific/Apia", 1735689600LL, 46800, "+13" },
	{ "Pacific/Apia", 2553854400LL, 46800, "+13" },
	{ "Pacific/Apia", 2561104800LL, 46800, "+13" },
	{ "Pacific/Apia", 4102444800LL, 46800, "+13" },
	{ "Pacific/Apia", 5000000000LL, 46800, "+13" },
	{ "Antarctica/Troll", 0LL, 0, "-00" },
	{ "Antarctica/Troll", -2208988799LL, 0, "-00" },
	{ "Antarctica/Troll", 1325376000LL, 0, "+00" },
	{ "Antarctica/Troll", 1709251199LL, 0, "+00" },
	{ "Antarctica/Troll", 1711846799LL, 0, "+00" },
	{ "Antarctica/Troll", 1711846800LL, 7200, "+02" },
	{ "Antarctica/Troll", 1729990799LL, 7200, "+02" },
	{ "Antarctica/Troll", 1729990800LL, 0, "+00" },
	{ "Antarctica/Troll", 1735689600LL, 0, "+00" },
	{ "Antarctica/Troll", 2553854400LL, 0, "+00" },
	{ "Antarctica/Troll", 2561104800LL, 0, "+00" },
	{ "Antarctica/Troll", 4102444800LL, 0, "+00" },
	{ "Antarctica/Troll", 5000000000LL, 7200, "+02" },
	{ "America/St_Johns", 0LL, -12600, "NST" },
	{ "America/St_Johns", -2208988799LL, -12652, "NST" },
	{ "America/St_Johns", 1325376000LL, -12600, "NST" },
	{ "America/St_Johns", 1709251199LL, -12600, "NST" },
	{ "America/St_Johns", 1711846799LL, -9000, "NDT" },
	{ "America/St_Johns", 1711846800LL, -9000, "NDT" },
	{ "America/St_Johns", 1729990799LL, -9000, "NDT" },
	{ "America/St_Johns", 1729990800LL, -9000, "NDT" },
	{ "America/St_Johns", 1735689600LL, -12600, "NST" },
	{ "America/St_Johns", 2553854400LL, -12600, "NST" },
	{ "America/St_Johns", 2561104800LL, -12600, "NST" },
	{ "America/St_Johns", 4102444800LL, -12600, "NST" },
	{ "America/St_Johns", 5000000000LL, -9000, "NDT" },
};

static const struct {
	const char *zone;
	int64_t local, at;
	bool exists;
} locals[] = {
	{ "Europe/Oslo", 1711850399LL, 1711846799LL, true }, /* 2024-03-31 01:59:59 */
	{ "Europe/Oslo", 1711852200LL, 1711848600LL, false }, /* 2024-03-31 02:30:00 */
	{ "Europe/Oslo", 1711854000LL, 1711846800LL, true }, /* 2024-03-31 03:00:00 */
	{ "Europe/Oslo", 1729996200LL, 1729989000LL, true }, /* 2024-10-27 02:30:00 */
	{ "Europe/Oslo", 1729994399LL, 1729987199LL, true }, /* 2024-10-27 01:59:59 */
	{ "Europe/Oslo", 1729998000LL, 1729994400LL, true }, /* 2024-10-27 03:00:00 */
	{ "America/New_York", 2372898600LL, 2372916600LL, false }, /* 2045-03-12 02:30:00 */
	{ "America/New_York", 2393458200LL, 2393472600LL, true }, /* 2045-11-05 01:30:00 */
	{ "Australia/Lord_Howe", 1728180900LL, 1728143100LL, false }, /* 2024-10-06 02:15:00 */
	{ "Pacific/Apia", 1325246400LL, 1325282400LL, false }, /* 2011-12-30 12:00:00 */
	{ "Asia/Tokyo", 1704067200LL, 1704034800LL, true }, /* 2024-01-01 00:00:00 */
};

static status zones_main(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	int *bad = arg;
	struct zone *z = NULL;
	for (size_t i = 0; i < countof(moments); i++) {
		if (zone_open(mem.p, str_c(moments[i].zone), &z))
			return -1;
		struct zone_offset o = zone_at(z, moments[i].at);
		if (o.seconds == moments[i].offset && str_eq(o.letters, str_c(moments[i].letters)))
			continue;
		print_error("%s at %lld: %lld %.*s\n", moments[i].zone, (long long)moments[i].at,
			    (long long)o.seconds, STR(o.letters));
		++*bad;
	}
	for (size_t i = 0; i < countof(locals); i++) {
		bool exists;
		if (zone_open(mem.p, str_c(locals[i].zone), &z))
			return -1;
		int64_t at = zone_from_local(z, locals[i].local, &exists);
		if (at == locals[i].at && exists == locals[i].exists)
			continue;
		print_error("%s local %lld: %lld %d\n", locals[i].zone, (long long)locals[i].local,
			    (long long)at, exists);
		++*bad;
	}
	return 0;
}

static void zones_agree(void **state)
{
	int bad = 0;
	(void)state;
	assert_int_equal(rt_run(NULL, zones_main, &bad), 0);
	assert_int_equal(bad, 0);
}

static status names_main(void *arg)
{
	static const char *const names[] = { "", "Nowhere/City", "../../etc/passwd", "/etc/passwd", "Europe",
					     "Europe//Oslo", "tzdata.zi", "A B", "zone.tab" };
	AUTO(arena) mem = { arena_open(0) };
	struct zone *z;
	(void)arg;
	for (size_t i = 0; i < countof(names); i++)
		if (zone_open(mem.p, str_c(names[i]), &z) == 0) {
			print_error("'%s' was taken for a zone\n", names[i]);
			return err_set(ERR_INTERNAL, "a bad name");
		}
	return 0;
}

static void bad_names_are_refused(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, names_main, NULL), 0);
}

static void calendar_round_trips(void **state)
{
	(void)state;
	for (int64_t day = -719162; day < 2932896; day += 13) { /* years 1 to 9999 */
		struct civil c = civil_of(day * 86400 + 3661);
		assert_true(civil_valid(&c));
		assert_int_equal(civil_seconds(&c), day * 86400 + 3661);
		assert_int_equal(c.weekday, (int)(((day + 3) % 7 + 7) % 7));
	}
	struct civil bad = { .year = 2023, .month = 2, .day = 29 };
	assert_false(civil_valid(&bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(zones_agree), cmocka_unit_test(bad_names_are_refused),
					    cmocka_unit_test(calendar_round_trips) };
	return cmocka_run_group_tests_name("os_zone", tests, NULL, NULL);
}
