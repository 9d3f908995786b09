/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of day is set forward and back while things run: waits and time limits do not notice,
 * sessions end by their date only, and a lease or lock that was lost is refused to its old holder.
 */
#include <time.h>

#include "../account/records_test.h"
#include "account/account.h"

DEFINE_AUTO(accounts, struct accounts, accounts_close)

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static int64_t step_ms;

static int64_t stepped(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000 + step_ms;
}

static status step_in_a_moment(void *arg)
{
	if (fiber_sleep_ms(20))
		return -1;
	step_ms = *(const int64_t *)arg;
	return 0;
}

/* How long a wait really takes when the clock is set in its middle. */
static status sleep_over(int64_t step, int64_t *took)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	step_ms = 0;
	CHECK_OK(group_spawn(g.p, "step", step_in_a_moment, &step));
	int64_t began = rt_now();
	CHECK_OK(fiber_sleep_ms(60));
	*took = (rt_now() - began) / 1000000;
	CHECK(step_ms == step);
	return group_wait(g.p);
}

static status waits_fiber(void *arg)
{
	static const int64_t steps[] = { DAY, -DAY, HOUR, -HOUR };
	(void)arg;
	for (size_t i = 0; i < countof(steps); i++) {
		int64_t took = 0;
		CHECK_OK(sleep_over(steps[i], &took));
		CHECK(took >= 60 && took < HOUR / 2);
		deadline until = deadline_in_ms(MINUTE);
		step_ms = -steps[i];
		CHECK(until > rt_now() && until - rt_now() <= MINUTE * (int64_t)1000000);
	}
	return 0;
}

static status sessions_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) broker = { NULL };
	AUTO(accounts) people = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct account *a;
	struct tokens t, again;
	step_ms = 0;
	CHECK_OK(records_open(&db.p, &broker.p));
	struct accounts_options o = { .db = db.p, .broker = broker.p, .secret = S("a secret of the tests") };
	CHECK_OK(accounts_open(&o, &people.p));
	CHECK_OK(setup_create(people.p, mem.p, S("admin@example.com"), S("admin"), S("Golden-2026"),
			      S("ja-JP"), S("127.0.0.1"), &a));
	CHECK_OK(session_open(people.p, mem.p, a, &t));
	static const int64_t harmless[] = { 30 * MINUTE, -HOUR, -30 * (int64_t)DAY, 0 };
	for (size_t i = 0; i < countof(harmless); i++) {
		step_ms = harmless[i];
		CHECK_OK(session_check(people.p, mem.p, t.access, &a));
	}
	step_ms = 2 * HOUR; /* beyond the 60 minutes of an access token */
	CHECK_ERR(session_check(people.p, mem.p, t.access, &a), ERR_UNAUTHORIZED);
	CHECK_OK(session_refresh(people.p, mem.p, t.refresh, &again));
	CHECK_OK(session_check(people.p, mem.p, again.access, &a));
	step_ms = 31 * (int64_t)DAY + 3 * HOUR;
	CHECK_ERR(session_refresh(people.p, mem.p, again.refresh, &t), ERR_UNAUTHORIZED);
	step_ms = 0; /* the step was a mistake: nothing was thrown away because of it */
	CHECK_OK(session_refresh(people.p, mem.p, again.refresh, &t));
	return 0;
}

static status locks_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) broker = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct broker_lock *first, *second;
	step_ms = 0;
	CHECK_OK(records_open(&db.p, &broker.p));
	CHECK_OK(broker_lock_take(broker.p, mem.p, S("maintenance"), 5 * MINUTE, &first));
	static const int64_t kept[] = { 4 * MINUTE, -HOUR, 0 };
	for (size_t i = 0; i < countof(kept); i++) {
		step_ms = kept[i];
		CHECK_ERR(broker_lock_take(broker.p, mem.p, S("maintenance"), MINUTE, &second), ERR_BUSY);
	}
	CHECK_OK(broker_lock_extend(broker.p, first, 5 * MINUTE));
	step_ms = HOUR;
	CHECK_OK(broker_lock_take(broker.p, mem.p, S("maintenance"), 5 * MINUTE, &second));
	CHECK_ERR(broker_lock_extend(broker.p, first, 5 * MINUTE), ERR_STALE);
	CHECK_OK(broker_lock_extend(broker.p, second, 5 * MINUTE));
	return 0;
}

static status jobs_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) broker = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	const struct str queue = S("q");
	const struct job_options o = { .attempts_max = 3 };
	struct str id;
	struct job *first, *second;
	step_ms = 0;
	CHECK_OK(records_open(&db.p, &broker.p));
	CHECK_OK(queue_push(broker.p, mem.p, queue, S("{}"), &o, &id));
	CHECK_OK(queue_take(broker.p, mem.p, &queue, 1, MINUTE, &first));
	step_ms = HOUR;
	CHECK_OK(queue_take(broker.p, mem.p, &queue, 1, MINUTE, &second));
	CHECK(str_eq(first->id, second->id));
	CHECK_ERR(queue_done(broker.p, first), ERR_STALE);
	CHECK_OK(queue_done(broker.p, second));
	return 0;
}

static void waits(void **state)
{
	(void)state;
	run_fiber(waits_fiber);
}

static void sessions(void **state)
{
	(void)state;
	run_fiber(sessions_fiber);
}

static void locks(void **state)
{
	(void)state;
	run_fiber(locks_fiber);
}

static void jobs(void **state)
{
	(void)state;
	run_fiber(jobs_fiber);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits),
		cmocka_unit_test(sessions),
		cmocka_unit_test(locks),
		cmocka_unit_test(jobs),
	};
	test_arguments(argc, argv);
	clock_override(stepped);
	return cmocka_run_group_tests_name("clock steps", tests, NULL, NULL);
}
