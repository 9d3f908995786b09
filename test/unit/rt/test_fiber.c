/* SPDX-License-Identifier: Apache-2.0 */
/* fibers: stacks, life, what they carry. */
#include "base/log.h"
#include "rt_test.h"
#include <stdalign.h>
#include <unistd.h>

/* A stack that is 8 bytes off kills the first aligned vector store of any library. */
static status store_aligned(void *arg)
{
	typedef float four __attribute__((vector_size(16)));
	alignas(16) volatile four v = { 1, 2, 3, 4 };
	CHECK((uintptr_t)&v % 16 == 0);
	v = v + v;
	char text[64];
	snprintf(text, sizeof text, "%.1f", (double)v[3]);
	CHECK(!strcmp(text, "8.0"));
	*(int *)arg += 1;
	return 0;
}

RT_TEST(aligned_store_in_a_new_fiber)
{
	int done = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 10; i++)
		CHECK(!group_spawn(g.p, "store", store_aligned, &done));
	CHECK(!group_wait(g.p));
	CHECK(done == 10);
	return 0;
}

static status count(void *arg)
{
	*(int *)arg += 1;
	return 0;
}

static status spawn_many(void *arg)
{
	int done = 0;
	for (int round = 0; round < 1000; round++) {
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		for (int i = 0; i < 100; i++)
			CHECK(!group_spawn(g.p, "count", count, &done));
		CHECK(!group_wait(g.p));
	}
	CHECK(done == 100000);
	struct rt_stats s;
	rt_stats_get(&s);
	CHECK(s.spawned == 100001);
	CHECK(s.fibers == 1);
	CHECK(s.fibers_peak == 101);
	return 0;
}

static void hundred_thousand_spawns(void **unused)
{
	(void)unused;
	run_with(spawn_many, NULL, 0);
}

static status sleeper(void *arg)
{
	return fiber_sleep_ms(60000);
}

static status at_once(void *arg)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t began = rt_now();
	for (int i = 0; i < 2000; i++)
		CHECK(!group_spawn(g.p, "sleeper", sleeper, NULL));
	CHECK(group_running(g.p) == 2000);
	CHECK(!group_wait(g.p));
	CHECK(rt_now() - began == INT64_C(60000) * 1000000);
	return 0;
}

static void many_fibers_at_once(void **unused)
{
	(void)unused;
	run_with(at_once, NULL, 0);
	run_with(at_once, NULL, 3);
}

static status spawn_past_limit(void *arg)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 4; i++)
		CHECK(!group_spawn(g.p, "sleeper", sleeper, NULL));
	CHECK(group_spawn(g.p, "sleeper", sleeper, NULL) == -1);
	CHECK(err_code() == ERR_BUSY);
	CHECK(!group_wait(g.p));
	CHECK(!group_spawn(g.p, "sleeper", sleeper, NULL));
	return 0;
}

static void limit_on_fibers(void **unused)
{
	(void)unused;
	struct rt_options opt = { .virtual_clock = true, .fibers_max = 5 };
	assert_int_equal(rt_run(&opt, spawn_past_limit, NULL), 0);
}

/* --- what a fiber carries --- */

static status see_inherited(void *arg)
{
	CHECK(fiber_local() == arg);
	CHECK(str_eq(fiber_log_context()->request_id, S("r1")));
	fiber_set_local(NULL);
	fiber_log_context()->request_id = S("r2");
	return 0;
}

static status see_nothing(void *arg)
{
	CHECK(fiber_local() == NULL);
	CHECK(fiber_log_context()->request_id.len == 0);
	CHECK(deadline_current() == DEADLINE_NONE);
	*(int *)arg = 1;
	return 0;
}

RT_TEST(children_inherit_local_and_log_context)
{
	static int here, background;
	fiber_set_local(&here);
	fiber_log_context()->request_id = S("r1");
	AUTO(group) g = { group_open(deadline_in_ms(100)) };
	CHECK(!group_spawn(g.p, "child", see_inherited, &here));
	CHECK(!group_wait(g.p));
	CHECK(fiber_local() == &here);
	CHECK(str_eq(fiber_log_context()->request_id, S("r1")));
	background = 0;
	CHECK(!fiber_background("background", see_nothing, &background));
	CHECK(!group_wait(group_root()));
	CHECK(background == 1);
	return 0;
}

static status keep_own_error(void *arg)
{
	int n = *(int *)arg;
	err_set(ERR_STALE, "error %d", n);
	for (int i = 0; i < 5; i++)
		CHECK(!fiber_yield());
	char want[32];
	snprintf(want, sizeof want, "error %d", n);
	CHECK(!strcmp(err_last()->text, want));
	return 0;
}

RT_TEST(each_fiber_has_its_own_error)
{
	int n[8];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 8; i++) {
		n[i] = i;
		CHECK(!group_spawn(g.p, "error", keep_own_error, &n[i]));
	}
	CHECK(!group_wait(g.p));
	CHECK(err_code() == ERR_NONE);
	return 0;
}

static status fail_main(void *arg)
{
	return err_set(ERR_CONFLICT, "from main");
}

static void main_error_reaches_the_caller(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(NULL, fail_main, NULL), -1);
	assert_int_equal(err_code(), ERR_CONFLICT);
	assert_string_equal(err_last()->text, "from main");
	err_clear();
}

/* --- order --- */

struct order {
	char text[17];
	size_t len;
};
struct letter {
	struct order *to;
	char c;
};

static status append(void *arg)
{
	struct letter *l = arg;
	l->to->text[l->to->len++] = l->c;
	return 0;
}

static status write_order(void *arg)
{
	struct order *o = arg;
	struct letter l[16];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 16; i++) {
		l[i] = (struct letter){ o, (char)('a' + i) };
		CHECK(!group_spawn(g.p, "letter", append, &l[i]));
	}
	return group_wait(g.p);
}

static void seed_decides_the_order(void **unused)
{
	(void)unused;
	struct order fifo = { 0 }, one = { 0 }, again = { 0 }, two = { 0 };
	run_with(write_order, &fifo, 0);
	run_with(write_order, &one, 11);
	run_with(write_order, &again, 11);
	run_with(write_order, &two, 12);
	assert_string_equal(fifo.text, "abcdefghijklmnop");
	assert_string_equal(one.text, again.text);
	assert_true(strcmp(one.text, fifo.text) != 0);
	assert_true(strcmp(one.text, two.text) != 0);
}

/* --- background fibers --- */

static status service(void *arg)
{
	while (!fiber_sleep_ms(1000))
		*(int *)arg += 1;
	CHECK(err_code() == ERR_CANCELLED);
	*(int *)arg += 1000;
	return -1;
}

static status with_service(void *arg)
{
	CHECK(!fiber_background("service", service, arg));
	CHECK(!fiber_background("fails", fail_main, NULL));
	return fiber_sleep_ms(2500);
}

static void background_ends_with_main(void **unused)
{
	(void)unused;
	int ticks = 0;
	run_with(with_service, &ticks, 0);
	assert_int_equal(ticks, 1002);
}

static status stop_by_root(void *arg)
{
	group_cancel(group_root());
	return 0;
}

static status sleeps_for_ever(void *arg)
{
	CHECK(!fiber_background("stop", stop_by_root, NULL));
	CHECK(fiber_sleep_ms(1000) == -1);
	CHECK(err_code() == ERR_CANCELLED);
	return 0;
}

static void cancelling_root_ends_main(void **unused)
{
	(void)unused;
	run_with(sleeps_for_ever, NULL, 0);
}

static void nothing_outside_a_loop(void **unused)
{
	(void)unused;
	struct rt_stats s;
	rt_stats_get(&s);
	assert_int_equal(s.fibers, 0);
	assert_true(loop_current() == NULL);
	assert_false(fiber_cancelled());
	assert_true(deadline_current() == DEADLINE_NONE);
	assert_true(rt_now() > 0);
}

static void fault_fires_once_at_the_nth(void **unused)
{
	(void)unused;
	assert_false(fault_point("a"));
	fault_arm("a", 3);
	fault_arm("b", 1);
	assert_false(fault_point("a"));
	assert_true(fault_point("b"));
	assert_false(fault_point("b"));
	assert_false(fault_point("a"));
	assert_true(fault_point("a"));
	assert_false(fault_point("a"));
	fault_arm("a", 1);
	fault_arm("a", 0);
	assert_false(fault_point("a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_store_in_a_new_fiber),
		cmocka_unit_test(hundred_thousand_spawns),
		cmocka_unit_test(many_fibers_at_once),
		cmocka_unit_test(limit_on_fibers),
		cmocka_unit_test(children_inherit_local_and_log_context),
		cmocka_unit_test(each_fiber_has_its_own_error),
		cmocka_unit_test(main_error_reaches_the_caller),
		cmocka_unit_test(seed_decides_the_order),
		cmocka_unit_test(background_ends_with_main),
		cmocka_unit_test(cancelling_root_ends_main),
		cmocka_unit_test(nothing_outside_a_loop),
		cmocka_unit_test(fault_fires_once_at_the_nth),
	};
	return cmocka_run_group_tests_name("rt_fiber", tests, NULL, NULL);
}
