/* SPDX-License-Identifier: Apache-2.0 */
/* pool: results, errors, and who frees an abandoned job. */
#include "rt_test.h"
#include <semaphore.h>
#include <stdatomic.h>

static _Atomic int freed;

struct job {
	int in, out;
	sem_t *gate;
	_Atomic int *began;
};

static struct job *job_make(int in)
{
	struct job *j = calloc(1, sizeof *j);
	j->in = in;
	return j;
}

static void job_free(void *p)
{
	freed++;
	free(p);
}

static status square(void *p)
{
	struct job *j = p;
	if (j->gate) {
		*j->began += 1;
		while (sem_wait(j->gate))
			;
	}
	if (j->in < 0)
		return err_set(ERR_INVALID, "%d is negative", j->in);
	j->out = j->in * j->in;
	return 0;
}

static status one_square(void *arg)
{
	struct job *j = job_make(*(int *)arg);
	CHECK(!pool_run(square, j, job_free));
	CHECK(j->out == j->in * j->in);
	free(j); /* ours after success */
	return 0;
}

RT_TEST(many_jobs)
{
	static int in[200];
	freed = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 200; i++) {
		in[i] = i;
		CHECK(!group_spawn(g.p, "square", one_square, &in[i]));
	}
	CHECK(!group_wait(g.p));
	CHECK(freed == 0);
	return 0;
}

RT_TEST(a_job_s_error_is_carried)
{
	freed = 0;
	CHECK(pool_run(square, job_make(-3), job_free) == -1);
	CHECK(err_code() == ERR_INVALID);
	CHECK(!strcmp(err_last()->text, "-3 is negative"));
	CHECK(freed == 1);
	struct job j = { .in = -4 };
	CHECK(pool_call(square, &j) == -1);
	CHECK(!strcmp(err_last()->text, "-4 is negative"));
	j.in = 5;
	CHECK(!pool_call(square, &j) && j.out == 25);
	return 0;
}

struct abandon {
	sem_t gate;
	_Atomic int began;
};

static status wait_for_job(void *arg)
{
	struct abandon *a = arg;
	struct job *j = job_make(7);
	j->gate = &a->gate;
	j->began = &a->began;
	CHECK(pool_run(square, j, job_free) == -1);
	return -1;
}

/* The fiber gives up while the job runs: the job's memory lives until the thread is done. */
static status abandon_running(void *arg)
{
	struct abandon *a = arg;
	AUTO(group) g = { group_open(deadline_in_ms(20)) };
	CHECK(!group_spawn(g.p, "waits", wait_for_job, a));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	CHECK(a->began == 0 || freed == 0);
	sem_post(&a->gate);
	return 0; /* rt_run joins the threads */
}

static void abandoned_job_is_freed_once(void **unused)
{
	(void)unused;
	for (int i = 0; i < 5; i++) {
		struct abandon a = { .began = 0 };
		sem_init(&a.gate, 0, 0);
		freed = 0;
		struct rt_options opt = { .stall_ms = -1 };
		assert_int_equal(rt_run(&opt, abandon_running, &a), 0);
		assert_int_equal(freed, 1);
		sem_destroy(&a.gate);
	}
}

/* One thread is busy, so the others are still queued: they never run. */
static status abandon_queued(void *arg)
{
	struct abandon *a = arg;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 5; i++)
		CHECK(!group_spawn(g.p, "waits", wait_for_job, a));
	while (a->began == 0)
		CHECK(!fiber_sleep_ms(1));
	struct rt_stats s;
	rt_stats_get(&s);
	CHECK(s.pool_queued == 4);
	group_cancel(g.p);
	CHECK(group_wait(g.p) == -1 && err_code() == ERR_CANCELLED);
	CHECK(freed == 4);
	rt_stats_get(&s);
	CHECK(s.pool_queued == 0);
	CHECK(a->began == 1);
	sem_post(&a->gate);
	return 0;
}

static void queued_jobs_are_dropped(void **unused)
{
	(void)unused;
	struct abandon a = { .began = 0 };
	sem_init(&a.gate, 0, 0);
	freed = 0;
	struct rt_options opt = { .pool_threads = 1, .stall_ms = -1 };
	assert_int_equal(rt_run(&opt, abandon_queued, &a), 0);
	assert_int_equal(freed, 5);
	assert_int_equal(a.began, 1);
	sem_destroy(&a.gate);
}

RT_TEST(a_job_that_cannot_start_is_freed)
{
	freed = 0;
	deadline saved = deadline_push(rt_now() - 1);
	CHECK(pool_run(square, job_make(1), job_free) == -1 && err_code() == ERR_TIMEOUT);
	deadline_pop(saved);
	CHECK(freed == 1);
	return 0;
}

static status call_past_cancel(void *arg)
{
	struct abandon *a = arg;
	struct job j = { .in = 9, .gate = &a->gate, .began = &a->began };
	CHECK(!pool_call(square, &j));
	CHECK(j.out == 81);
	CHECK(fiber_cancelled());
	return 0;
}

static status cancel_a_call(void *arg)
{
	struct abandon *a = arg;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "calls", call_past_cancel, a));
	while (a->began == 0)
		CHECK(!fiber_sleep_ms(1));
	group_cancel(g.p);
	CHECK(!fiber_sleep_ms(1));
	CHECK(group_running(g.p) == 1);
	sem_post(&a->gate);
	return group_wait(g.p);
}

static void pool_call_is_never_abandoned(void **unused)
{
	(void)unused;
	struct abandon a = { .began = 0 };
	sem_init(&a.gate, 0, 0);
	struct rt_options opt = { .stall_ms = -1 };
	assert_int_equal(rt_run(&opt, cancel_a_call, &a), 0);
	sem_destroy(&a.gate);
}

/* A virtual clock stands still while a job runs. */
static status slow_but_sure(void *p)
{
	int64_t began = rt_now();
	for (volatile int i = 0; i < 1000000; i++)
		;
	*(int64_t *)p = rt_now() - began;
	return 0;
}

RT_TEST(virtual_time_waits_for_jobs)
{
	int64_t took = -1, began = rt_now();
	CHECK(!pool_call(slow_but_sure, &took));
	CHECK(took == 0);
	CHECK(rt_now() == began);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_jobs),
		cmocka_unit_test(a_job_s_error_is_carried),
		cmocka_unit_test(abandoned_job_is_freed_once),
		cmocka_unit_test(queued_jobs_are_dropped),
		cmocka_unit_test(a_job_that_cannot_start_is_freed),
		cmocka_unit_test(pool_call_is_never_abandoned),
		cmocka_unit_test(virtual_time_waits_for_jobs),
	};
	return cmocka_run_group_tests_name("rt_pool", tests, NULL, NULL);
}
