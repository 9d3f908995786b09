/* SPDX-License-Identifier: Apache-2.0 */
/* cron: what is read, what is refused, when it fires, also where clocks change; the visual form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "app/cron.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "os/zone.h"

static struct zone *zone(struct arena *mem, const char *name)
{
	char path[256], *bytes = arena_text(mem, ZONE_FILE_MAX);
	struct zone *z;
	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(bytes, 1, ZONE_FILE_MAX, f);
	(void)fclose(f);
	assert_int_equal(zone_parse(mem, str_of(bytes, n), &z), 0);
	return z;
}

static int64_t seconds(const char *iso)
{
	int64_t ms;
	assert_int_equal(clock_parse_iso(str_c(iso), &ms), 0);
	return ms / 1000;
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"", " ", "*", "* * * *", "* * * * * *", "60 * * * *", "-1 * * * *", "* 24 * * *", "* * 0 * *",
		"* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 8", "a * * * *", "* * * foo *", "* * * * L",
		"1-", "1-2-3 * * * *", "*/0 * * * *", "*/x * * * *", "*/ * * * *", "1,,2 * * * *", ", * * * *",
		"1, * * * *", "* L * * *", "* * 5L * *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "@never", "@daily x",
		"5#2 * * * *", "* * * * 5#2", "0x1 * * * *", "+1 * * * *", "1.5 * * * *", "100 * * * *",
	};
	struct cron c;
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		print_message("case %zu: '%s'\n", i, cases[i]);
		assert_int_equal(cron_parse(str_c(cases[i]), &c), -1);
		assert_int_equal(err_code(), ERR_INVALID);
		assert_true(str_starts(err_text(), S("cron: ")));
	}
	char big[CRON_TEXT_MAX * 2];
	memset(big, '1', sizeof(big));
	assert_int_equal(cron_parse(str_of(big, sizeof(big)), &c), -1);
}

static const struct {
	const char *text, *zone, *after, *next[5]; /* as UTC; NULL: not looked at */
} times[] = {
	{ "*/20 * * * *", "UTC", "2026-01-01T00:00:00Z", { "2026-01-01T00:20:00Z", "2026-01-01T00:40:00Z", "2026-01-01T01:00:00Z" } },
	{ "* * * * *", "UTC", "2026-01-01T00:00:59Z", { "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z" } },
	{ "5/20 * * * *", "UTC", "2026-01-01T00:00:00Z", { "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z", "2026-01-01T00:45:00Z", "2026-01-01T01:05:00Z" } },
	{ "  30   8\t*  * MON-FRI ", "UTC", "2026-01-02T09:00:00Z", { "2026-01-05T08:30:00Z", "2026-01-06T08:30:00Z" } },
	{ "0 0 * * sat,SUN", "UTC", "2026-01-02T09:00:00Z", { "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z" } },
	{ "0 0 * * 7", "UTC", "2026-01-02T09:00:00Z", { "2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z" } },
	{ "0 0 * * fri-mon", "UTC", "2026-01-02T09:00:00Z", { "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-09T00:00:00Z" } },
	{ "0 22-1 * * *", "UTC", "2026-01-02T21:00:00Z", { "2026-01-02T22:00:00Z", "2026-01-02T23:00:00Z", "2026-01-03T00:00:00Z", "2026-01-03T01:00:00Z", "2026-01-03T22:00:00Z" } },
	{ "@daily", "UTC", "2026-01-02T09:00:00Z", { "2026-01-03T00:00:00Z" } },
	{ "@Yearly", "UTC", "2026-01-02T09:00:00Z", { "2027-01-01T00:00:00Z" } },
	{ "@hourly", "UTC", "2026-01-02T09:00:00Z", { "2026-01-02T10:00:00Z" } },
	{ "@weekly", "UTC", "2026-01-02T09:00:00Z", { "2026-01-04T00:00:00Z" } },
	{ "@monthly", "UTC", "2026-01-02T09:00:00Z", { "2026-02-01T00:00:00Z" } },
	{ "0 12 L * ?", "UTC", "2026-01-31T12:00:00Z", { "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z" } },
	{ "0 12 L feb *", "UTC", "2026-03-01T00:00:00Z", { "2027-02-28T12:00:00Z", "2028-02-29T12:00:00Z" } },
	{ "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", { "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z" } },
	{ "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", { "2104-02-29T00:00:00Z" } },
	{ "0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", { "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z" } },
	{ "0 9 * * 5L", "UTC", "2026-01-01T00:00:00Z", { "2026-01-30T09:00:00Z", "2026-02-27T09:00:00Z" } },
	{ "0 9 * * L5", "UTC", "2026-01-30T09:00:00Z", { "2026-02-27T09:00:00Z" } },
	/* Both day fields: either. */
	{ "0 0 13 * fri", "UTC", "2026-01-01T00:00:00Z", { "2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z" } },
	/* Zones. */
	{ "0 9 * * *", "Asia/Tokyo", "2026-01-01T00:00:00Z", { "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z" } },
	{ "30 8 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", { "2026-01-01T02:45:00Z" } },
	{ "0 0 1 1 *", "Pacific/Kiritimati", "2025-12-01T00:00:00Z", { "2025-12-31T10:00:00Z" } },
	/* Clocks go forward at 01:00 UTC on 29 March 2026: 02:30 does not exist, it fires at 03:30. */
	{ "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", { "2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z" } },
	/* 02:00 becomes 03:00, which is asked for too: once. */
	{ "0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", { "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z" } },
	/* 02:30 becomes 03:30: after 03:15 in real time. */
	{ "15,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", { "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:15:00Z" } },
	/* Clocks go back at 01:00 UTC on 25 October 2026: 02:30 comes twice, it fires the first time. */
	{ "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", { "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z" } },
	/* Every hour and every half hour follow real time through both. */
	{ "0 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", { "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z" } },
	{ "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", { "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z" } },
	{ "0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", { "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z" } },
	/* Midnight that does not exist (Cairo goes forward at 00:00), and half an hour (Lord Howe). */
	{ "0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", { "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z" } },
	{ "0 * 24 4 *", "Africa/Cairo", "2026-04-23T12:00:00Z", { "2026-04-23T22:00:00Z" } },
	{ "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", { "2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z" } },
	{ "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", { "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z" } },
};

static void fires(void **state)
{
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(times); i++) {
		struct cron c;
		print_message("case %zu: %s in %s\n", i, times[i].text, times[i].zone);
		assert_int_equal(cron_parse(str_c(times[i].text), &c), 0);
		struct zone *z = zone(mem.p, times[i].zone);
		int64_t at = seconds(times[i].after);
		for (size_t k = 0; k < 5 && times[i].next[k]; k++) {
			at = cron_next(&c, z, at);
			struct str got = clock_iso(mem.p, at * 1000);
			print_message("   %.*s\n", STR(got));
			assert_int_equal(at, seconds(times[i].next[k]));
		}
	}
}

/* --- against minute by minute --- */

static uint32_t seed = 1;

static unsigned random_below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* A field of random kind, and its values as bits, made independently of the parser. */
static uint64_t make_field(char *out, size_t size, unsigned low, unsigned high)
{
	uint64_t bits = 0;
	unsigned a = low + random_below(high - low + 1), b = low + random_below(high - low + 1), step;
	switch (random_below(4)) {
	case 0:
		(void)snprintf(out, size, "*");
		a = low, b = high, step = 1;
		break;
	case 1:
		(void)snprintf(out, size, "%u", a);
		b = a, step = 1;
		break;
	case 2:
		step = 1 + random_below(9);
		(void)snprintf(out, size, "*/%u", step);
		a = low, b = high;
		break;
	default:
		if (b < a) {
			unsigned t = a;
			a = b;
			b = t;
		}
		step = 1 + random_below(3);
		(void)snprintf(out, size, "%u-%u/%u", a, b, step);
	}
	for (; a <= b; a += step)
		bits |= (uint64_t)1 << a;
	return bits;
}

static bool naive(const uint64_t bits[5], bool any_day, bool any_weekday, int64_t t)
{
	struct civil d = civil_of(t);
	bool day = bits[2] >> d.day & 1, weekday = bits[4] >> (d.weekday + 1) % 7 & 1;
	bool fits = any_day || any_weekday ? day && weekday : day || weekday;
	return bits[0] >> d.minute & 1 && bits[1] >> d.hour & 1 && bits[3] >> d.month & 1 && fits;
}

static void as_minute_by_minute(void **state)
{
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	struct zone *utc = zone(mem.p, "UTC");
	for (int round = 0; round < 300; round++) {
		char f[5][16], text[96];
		uint64_t bits[5];
		static const unsigned low[] = { 0, 0, 1, 1, 0 }, high[] = { 59, 23, 28, 12, 6 };
		struct cron c;
		for (int i = 0; i < 5; i++)
			bits[i] = make_field(f[i], sizeof(f[i]), low[i], high[i]);
		(void)snprintf(text, sizeof(text), "%s %s %s %s %s", f[0], f[1], f[2], f[3], f[4]);
		bool any_day = !strcmp(f[2], "*"), any_weekday = !strcmp(f[4], "*");
		if (any_day)
			bits[2] = ~(uint64_t)0; /* days 29 to 31 as well */
		if (!strncmp(f[2], "*/", 2))
			for (unsigned d = 1, step = (unsigned)(f[2][2] - '0'); d <= 31; d += step)
				bits[2] |= (uint64_t)1 << d;
		assert_int_equal(cron_parse(str_c(text), &c), 0);
		int64_t at = 1767225600 + (int64_t)random_below(400) * 86400 + random_below(86400);
		int64_t got = cron_next(&c, utc, at), want = at - at % 60 + 60;
		while (want <= at + 60 * 86400 && !naive(bits, any_day, any_weekday, want))
			want += 60;
		if (want > at + 60 * 86400 ? got <= at + 60 * 86400 : got != want)
			fail_msg("%s after %lld: got %lld, want %lld", text, (long long)at, (long long)got, (long long)want);
	}
}

/* --- the node --- */

static const struct {
	const char *data, *zone, *next, *error;
} nodes[] = {
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"12:00 AM\"},\"timezone\":\"Asia/Tokyo\"}", "Asia/Tokyo", "2026-01-01T15:00:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"12:30 PM\"}}", "UTC", "2026-01-01T12:30:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"9:05 pm\"}}", "UTC", "2026-01-01T21:05:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"14:30\"}}", "UTC", "2026-01-01T14:30:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"hourly\",\"visual_config\":{\"on_minute\":17}}", "UTC", "2026-01-01T08:17:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"weekly\",\"visual_config\":{\"time\":\"8:00 AM\",\"weekdays\":[\"sun\",\"sat\"]}}", "UTC", "2026-01-03T08:00:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"monthly\",\"visual_config\":{\"time\":\"8:00 AM\",\"monthly_days\":[15,\"last\"]}}", "UTC", "2026-01-15T08:00:00Z", NULL },
	{ "{\"mode\":\"visual\",\"frequency\":\"monthly\",\"visual_config\":{\"time\":\"8:00 AM\",\"monthly_days\":[\"last\"]}}", "UTC", "2026-01-31T08:00:00Z", NULL },
	{ "{\"mode\":\"cron\",\"cron_expression\":\"@monthly\",\"timezone\":\"UTC\"}", "UTC", "2026-02-01T00:00:00Z", NULL },
	{ "{\"config\":{\"mode\":\"cron\",\"cron_expression\":\"0 9 * * *\",\"timezone\":\"Asia/Tokyo\"}}", "Asia/Tokyo", "2026-01-02T00:00:00Z", NULL },
	{ "{\"mode\":\"cron\",\"cron_expression\":\" \"}", NULL, NULL, "cron_expression: is empty" },
	{ "{\"mode\":\"visual\",\"frequency\":\"weekly\",\"visual_config\":{\"weekdays\":[]}}", NULL, NULL, "visual_config.weekdays: choose at least one day" },
	{ "{\"mode\":\"visual\",\"frequency\":\"monthly\"}", NULL, NULL, "visual_config.monthly_days: choose at least one day" },
	{ "{\"mode\":\"visual\",\"frequency\":\"often\"}", NULL, NULL, "frequency: 'often' is none of hourly, daily, weekly, monthly" },
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"13:00 PM\"}}", NULL, NULL, "visual_config.time: '13:00 PM' is not a time such as 12:00 AM" },
	{ "{\"mode\":\"visual\",\"frequency\":\"daily\",\"visual_config\":{\"time\":\"noon\"}}", NULL, NULL, "visual_config.time: 'noon' is not a time such as 12:00 AM" },
	{ "{\"mode\":\"visual\",\"frequency\":\"hourly\",\"visual_config\":{\"on_minute\":75}}", NULL, NULL, "cron: minute: '75' is not a value from 0 to 59, a list, a range or a step" },
};

static void node_settings(void **state)
{
	(void)state;
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(nodes); i++) {
		struct cron c;
		struct str name;
		struct json *data;
		print_message("case %zu: %s\n", i, nodes[i].data);
		assert_int_equal(json_parse(mem.p, str_c(nodes[i].data), &data), 0);
		if (nodes[i].error) {
			assert_int_equal(cron_of_node(mem.p, data, &c, &name), -1);
			assert_string_equal(arena_cstr(mem.p, err_text()), nodes[i].error);
			continue;
		}
		assert_int_equal(cron_of_node(mem.p, data, &c, &name), 0);
		assert_string_equal(arena_cstr(mem.p, name), nodes[i].zone);
		assert_int_equal(cron_next(&c, zone(mem.p, nodes[i].zone), seconds("2026-01-01T08:00:00Z")),
				 seconds(nodes[i].next));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused), cmocka_unit_test(fires), cmocka_unit_test(as_minute_by_minute),
		cmocka_unit_test(node_settings),
	};
	return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
