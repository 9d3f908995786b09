/* SPDX-License-Identifier: Apache-2.0 */
/* What a person may choose, and the cache of some seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account/account.h"
#include "account/recent.h"
#include "base/arena.h"
#include "base/err.h"
#include "rt/rt.h"

static const struct {
	const char *email;
	bool valid;
} emails[] = {
	{ "a@b.co", true },	      { "first.last+tag@sub.example.com", true },
	{ "x", false },		      { "@b.co", false },
	{ "a@b", false },	      { "a@.co", false },
	{ "a@b..co", false },	      { "a@b.co.", false },
	{ "a b@c.de", false },	      { "a@b@c.de", false },
	{ "", false },
};

static void emails_need_a_host_with_a_dot(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(emails); i++) {
		print_message("case %zu: %s\n", i, emails[i].email);
		assert_int_equal(email_valid(str_c(emails[i].email)), emails[i].valid);
	}
}

static const struct {
	const char *password;
	status want;
} passwords[] = {
	{ "Golden-2026", 0 }, { "abcdefg1", 0 },   { "short1", -1 }, { "onlyletters", -1 },
	{ "12345678", -1 },   { "a1", -1 },	   { "", -1 },
};

static void passwords_need_letter_digit_and_length(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(passwords); i++) {
		print_message("case %zu: %s\n", i, passwords[i].password);
		assert_int_equal(password_rule(str_c(passwords[i].password)), passwords[i].want);
	}
}

static void roles_have_names(void **unused)
{
	(void)unused;
	enum role r;
	for (int i = ROLE_DATASET_OPERATOR; i <= ROLE_OWNER; i++) {
		assert_int_equal(role_parse(role_name((enum role)i), &r), 0);
		assert_int_equal(r, i);
	}
	assert_int_equal(role_parse(S("king"), &r), -1);
	assert_int_equal(role_parse(S(""), &r), -1);
	assert_true(language_valid(S("ja-JP")) && !language_valid(S("xx")));
}

static status zones(void *unused)
{
	(void)unused;
	bool good = timezone_valid(S("UTC")) && timezone_valid(S("Asia/Tokyo")) &&
		    timezone_valid(S("America/New_York"));
	bool bad = timezone_valid(S("Mars/X")) || timezone_valid(S("")) || timezone_valid(S("Asia/")) ||
		   timezone_valid(S("Asia/../../etc/passwd")) || timezone_valid(S("Asia/To kyo"));
	return good && !bad ? 0 : err_set(ERR_INTERNAL, "time zones");
}

static void timezones_are_of_known_regions(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(&(struct rt_options){ 0 }, zones, NULL), 0);
}

static int freed;
static void count_free(void *unused)
{
	(void)unused;
	freed++;
}

static void put(struct recent *r, struct arena *mem, const char *key, uint64_t epoch, int value)
{
	struct arena *own = arena_open(0);
	int *v = arena_new(own, int);
	*v = value;
	arena_defer(own, count_free, NULL);
	recent_put(r, mem, str_c(key), epoch, own, v);
}

static status cache(void *unused)
{
	(void)unused;
	struct recent *r = recent_open(64, 1000);
	struct arena *reader = arena_open(0), *other = arena_open(0);
	uint64_t epoch = recent_epoch(r);
	int bad = 0;
	freed = 0;
	put(r, other, "a", epoch, 1);
	const int *v = recent_get(r, reader, S("a"));
	bad += !v || *v != 1;
	recent_drop(r, S("a"));
	bad += recent_get(r, reader, S("a")) != NULL;
	arena_close(other);
	bad += freed != 0 || *v != 1; /* the reader still holds it */
	arena_reset(reader);
	bad += freed != 1;
	/* What was read before a drop is not kept. */
	put(r, reader, "b", epoch, 2);
	bad += recent_get(r, reader, S("b")) != NULL;
	put(r, reader, "c", recent_epoch(r), 3);
	bad += recent_get(r, reader, S("c")) == NULL;
	if (fiber_sleep_ms(1500))
		bad++;
	bad += recent_get(r, reader, S("c")) != NULL; /* too old */
	put(r, reader, "d", recent_epoch(r), 4);
	recent_close(r);
	bad += freed != 1; /* readers keep what they had */
	arena_close(reader);
	bad += freed != 4;
	return bad ? err_set(ERR_INTERNAL, "%d checks failed", bad) : 0;
}

static void recent_values_live_for_their_readers(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(&(struct rt_options){ .virtual_clock = true }, cache, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(emails_need_a_host_with_a_dot),
		cmocka_unit_test(passwords_need_letter_digit_and_length),
		cmocka_unit_test(roles_have_names),
		cmocka_unit_test(timezones_are_of_known_regions),
		cmocka_unit_test(recent_values_live_for_their_readers),
	};
	return cmocka_run_group_tests_name("account units", tests, NULL, NULL);
}
