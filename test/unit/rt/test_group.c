/* SPDX-License-Identifier: Apache-2.0 */
/* groups: join, first failure, cancellation and deadlines at every kind of wait, shields. */
#include "rt_test.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const int64_t MS = 1000000;

static status fail_after(void *arg)
{
	CHECK(!fiber_sleep_ms(*(int *)arg));
	return err_set(ERR_CONFLICT, "failed after %d", *(int *)arg);
}

static status until_cancelled(void *arg)
{
	CHECK(fiber_sleep_ms(1000000) == -1);
	if (arg)
		*(int *)arg += err_code() == ERR_CANCELLED ? 1 : 100;
	return -1;
}

RT_TEST(first_failure_cancels_the_others)
{
	int cancelled = 0, early = 10, late = 20;
	int64_t began = rt_now();
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "long", until_cancelled, &cancelled));
	CHECK(!group_spawn(g.p, "early", fail_after, &early));
	CHECK(!group_spawn(g.p, "long", until_cancelled, &cancelled));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_CONFLICT);
	CHECK(!strcmp(err_last()->text, "failed after 10"));
	CHECK(cancelled == 2);
	CHECK(rt_now() - began == 10 * MS);
	(void)late;
	return 0;
}

static status silent_failure(void *arg)
{
	return -1;
}

RT_TEST(failure_without_reason_gets_one)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "silent", silent_failure, NULL));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_INTERNAL);
	return 0;
}

static status sleep_for(void *arg)
{
	return fiber_sleep_ms(*(int *)arg);
}

RT_TEST(wait_any_tells_of_each_once)
{
	int ms[3] = { 10, 20, 30 };
	size_t left = 99;
	int64_t began = rt_now();
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 3; i++)
		CHECK(!group_spawn(g.p, "sleep", sleep_for, &ms[i]));
	for (size_t i = 0; i < 3; i++) {
		CHECK(!group_wait_any(g.p, &left));
		CHECK(left == 2 - i);
		CHECK(rt_now() - began == (int64_t)(i + 1) * 10 * MS);
	}
	CHECK(!group_wait_any(g.p, &left) && left == 0);
	return 0;
}

RT_TEST(wait_any_returns_the_failure)
{
	int ms = 5, cancelled = 0;
	size_t left;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "fail", fail_after, &ms));
	CHECK(!group_spawn(g.p, "long", until_cancelled, &cancelled));
	CHECK(group_wait_any(g.p, &left) == -1);
	CHECK(err_code() == ERR_CONFLICT);
	CHECK(group_wait(g.p) == -1);
	CHECK(cancelled == 1);
	return 0;
}

RT_TEST(close_cancels_and_joins)
{
	int cancelled = 0;
	struct group *g = group_open(DEADLINE_NONE);
	for (int i = 0; i < 3; i++)
		CHECK(!group_spawn(g, "long", until_cancelled, &cancelled));
	CHECK(!fiber_yield());
	group_close(g);
	CHECK(cancelled == 3);
	group_close(NULL);
	return 0;
}

/* --- the tree --- */

static status nested(void *arg)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "leaf", until_cancelled, arg));
	CHECK(!group_spawn(g.p, "leaf", until_cancelled, arg));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_CANCELLED);
	return -1;
}

RT_TEST(cancel_reaches_grandchildren)
{
	int cancelled = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 3; i++)
		CHECK(!group_spawn(g.p, "nested", nested, &cancelled));
	CHECK(!fiber_sleep_ms(1));
	group_cancel(g.p);
	group_cancel(g.p);
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_CANCELLED);
	CHECK(cancelled == 6);
	/* A member that comes late sees the mark as well. */
	CHECK(!group_spawn(g.p, "late", until_cancelled, &cancelled));
	CHECK(group_wait(g.p) == -1);
	CHECK(cancelled == 7);
	return 0;
}

static status inherits(void *arg)
{
	deadline want = *(deadline *)arg;
	CHECK(deadline_current() == want);
	CHECK(deadline_in_ms(1000000) == want);
	CHECK(deadline_in_ms(1) == rt_now() + MS);
	AUTO(group) g = { group_open(want + 5 * MS) };
	CHECK(!group_spawn(g.p, "leaf", until_cancelled, NULL));
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	CHECK(rt_now() == want);
	return 0;
}

RT_TEST(deadlines_go_down_the_tree)
{
	deadline at = rt_now() + 50 * MS;
	AUTO(group) g = { group_open(at) };
	CHECK(!group_spawn(g.p, "inherits", inherits, &at));
	CHECK(!group_wait(g.p));
	CHECK(rt_now() == at);
	return 0;
}

RT_TEST(own_deadline_ends_a_join)
{
	int cancelled = 0;
	int64_t began = rt_now();
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "long", until_cancelled, &cancelled));
	deadline saved = deadline_push(deadline_in_ms(30));
	deadline inner = deadline_push(deadline_in_ms(90)); /* only ever shorter */
	CHECK(group_wait(g.p) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	deadline_pop(inner);
	deadline_pop(saved);
	CHECK(deadline_current() == DEADLINE_NONE);
	CHECK(rt_now() - began == 30 * MS);
	CHECK(cancelled == 1);
	CHECK(group_running(g.p) == 0);
	return 0;
}

/* --- shields --- */

static status rolls_back(void *arg)
{
	int *step = arg;
	CHECK(fiber_sleep_ms(1000) == -1 && err_code() == ERR_CANCELLED);
	CHECK(fiber_cancelled());
	struct shield s = shield_begin(20);
	CHECK(!fiber_cancelled());
	CHECK(!fiber_sleep_ms(10));
	{
		/* Work opened inside is out of reach as well. */
		int ms = 5;
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		CHECK(!group_spawn(g.p, "inside", sleep_for, &ms));
		CHECK(!group_wait(g.p));
	}
	struct shield inner = shield_begin(1000); /* not longer than the outer one */
	CHECK(fiber_sleep_ms(500) == -1 && err_code() == ERR_TIMEOUT);
	shield_end(inner);
	shield_end(s);
	CHECK(fiber_cancelled());
	CHECK(fiber_sleep_ms(1) == -1 && err_code() == ERR_CANCELLED);
	*step = 1;
	return 0;
}

RT_TEST(shield_holds_cancellation_off)
{
	int done = 0;
	int64_t began = rt_now();
	AUTO(group) g = { group_open(deadline_in_ms(5000)) };
	CHECK(!group_spawn(g.p, "rolls back", rolls_back, &done));
	CHECK(!fiber_sleep_ms(1));
	group_cancel(g.p);
	CHECK(!group_wait(g.p));
	CHECK(done == 1);
	CHECK(rt_now() - began == 21 * MS);
	return 0;
}

static status shielded_sleep(void *arg)
{
	struct shield s = shield_begin(100);
	CHECK(!fiber_sleep_ms(50));
	shield_end(s);
	CHECK(fiber_yield() == -1 && err_code() == ERR_CANCELLED);
	return 0;
}

RT_TEST(cancel_does_not_wake_a_shielded_wait)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "shielded", shielded_sleep, NULL));
	CHECK(!fiber_sleep_ms(10));
	group_cancel(g.p);
	CHECK(!group_wait(g.p));
	return 0;
}

/* --- every kind of wait --- */

struct waits {
	struct event event;
	struct lock lock;
	struct slots slots;
	struct chan *full, *empty;
	int fds[2];
};

/* Each job blocks until its own number is let go, so that one that was dropped leaves nothing. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	intptr_t last, let_go;
} jobs = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 };

static status job_block(void *number)
{
	pthread_mutex_lock(&jobs.lock);
	while (jobs.let_go < (intptr_t)number)
		pthread_cond_wait(&jobs.change, &jobs.lock);
	pthread_mutex_unlock(&jobs.lock);
	return 0;
}

static void jobs_let_go(void)
{
	pthread_mutex_lock(&jobs.lock);
	jobs.let_go = jobs.last;
	pthread_cond_broadcast(&jobs.change);
	pthread_mutex_unlock(&jobs.lock);
}

static status wait_sleep(struct waits *w)
{
	return fiber_sleep_ms(1000000);
}
static status wait_yield(struct waits *w)
{
	for (;;) {
		if (fiber_yield())
			return -1;
		/* Yielding alone never lets a virtual clock move. */
		struct shield s = shield_begin(10);
		CHECK(!fiber_sleep_ms(1));
		shield_end(s);
	}
}
static status wait_event(struct waits *w)
{
	return event_wait(&w->event, DEADLINE_NONE);
}
static status wait_lock(struct waits *w)
{
	return lock_take(&w->lock, DEADLINE_NONE);
}
static status wait_slots(struct waits *w)
{
	return slots_take(&w->slots, DEADLINE_NONE);
}
static status wait_send(struct waits *w)
{
	return chan_send(w->full, w, DEADLINE_NONE);
}
static status wait_recv(struct waits *w)
{
	void *item;
	return chan_recv(w->empty, &item, DEADLINE_NONE);
}
static status wait_fd(struct waits *w)
{
	return fd_wait(w->fds[0], WAIT_READ, DEADLINE_NONE);
}
static status wait_fd_edge(struct waits *w)
{
	return fd_wait(w->fds[0], WAIT_READ | WAIT_EDGE, DEADLINE_NONE);
}
static status wait_join(struct waits *w)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "long", until_cancelled, NULL));
	return group_wait(g.p);
}
static status wait_join_any(struct waits *w)
{
	size_t left;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "long", until_cancelled, NULL));
	return group_wait_any(g.p, &left);
}
static status wait_pool(struct waits *w)
{
	return pool_run(job_block, (void *)++jobs.last, NULL);
}

static const struct wait_case {
	const char *name;
	status (*wait)(struct waits *);
	bool real; /* time outside cannot jump */
} wait_cases[] = {
	{ "sleep", wait_sleep },   { "yield", wait_yield },	{ "event", wait_event },
	{ "lock", wait_lock },	   { "slots", wait_slots },	{ "chan_send", wait_send },
	{ "chan_recv", wait_recv },{ "fd", wait_fd },		{ "fd edge", wait_fd_edge },
	{ "join", wait_join },	   { "join any", wait_join_any }, { "pool", wait_pool, true },
};

struct waiter {
	const struct wait_case *row;
	struct waits *w;
	enum err_code want;
	int done;
};

static status waiter(void *arg)
{
	struct waiter *x = arg;
	CHECK(x->row->wait(x->w) == -1);
	if (err_code() != x->want)
		fprintf(stderr, "%s: %s\n", x->row->name, err_last()->text);
	CHECK(err_code() == x->want);
	x->done++;
	return 0;
}

static void waits_make(struct waits *w)
{
	*w = (struct waits){ .lock = { .held = true } };
	w->full = chan_open(1);
	w->empty = chan_open(1);
	CHECK(chan_try_send(w->full, w));
	CHECK(!pipe2(w->fds, O_NONBLOCK | O_CLOEXEC));
}

static void waits_drop(struct waits *w)
{
	CHECK(!w->event.head && !w->lock.free.head && !w->slots.free.head);
	chan_close(w->full);
	chan_close(w->empty);
	fd_forget(w->fds[0]);
	close(w->fds[0]);
	close(w->fds[1]);
}

/* how: cancelled while waiting, cancelled before, deadline while waiting, deadline past before. */
enum how { CANCEL_IN, CANCEL_BEFORE, TIME_IN, TIME_BEFORE, HOW_COUNT };

static void wait_one(const struct wait_case *row, enum how how)
{
	struct waits w;
	waits_make(&w);
	bool by_time = how == TIME_IN || how == TIME_BEFORE;
	struct waiter x = { row, &w, by_time ? ERR_TIMEOUT : ERR_CANCELLED, 0 };
	deadline until = how == TIME_IN ? rt_now() + 20 * MS : how == TIME_BEFORE ? rt_now() - MS :
										     DEADLINE_NONE;
	AUTO(group) g = { group_open(until) };
	if (how == CANCEL_BEFORE)
		group_cancel(g.p);
	CHECK(!group_spawn(g.p, row->name, waiter, &x));
	if (how == CANCEL_IN) {
		for (int i = 0; i < 3; i++)
			CHECK(!fiber_yield());
		CHECK(group_running(g.p) == 1);
		group_cancel(g.p);
	}
	CHECK(!group_wait(g.p));
	CHECK(x.done == 1);
	jobs_let_go();
	waits_drop(&w);
}

static status every_wait(void *arg)
{
	for (size_t i = 0; i < countof(wait_cases); i++)
		for (enum how how = 0; how < HOW_COUNT; how++)
			if (!(arg && wait_cases[i].wait == wait_pool))
				wait_one(&wait_cases[i], how);
	return 0;
}

static void every_wait_ends_early(void **unused)
{
	(void)unused;
	struct rt_options opt = { .stall_ms = -1 };
	assert_int_equal(rt_run(&opt, every_wait, NULL), 0);
	/* Under a virtual clock time stands still while a job runs: no deadline passes then. */
	opt.virtual_clock = true;
	assert_int_equal(rt_run(&opt, every_wait, &opt), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_failure_cancels_the_others),
		cmocka_unit_test(failure_without_reason_gets_one),
		cmocka_unit_test(wait_any_tells_of_each_once),
		cmocka_unit_test(wait_any_returns_the_failure),
		cmocka_unit_test(close_cancels_and_joins),
		cmocka_unit_test(cancel_reaches_grandchildren),
		cmocka_unit_test(deadlines_go_down_the_tree),
		cmocka_unit_test(own_deadline_ends_a_join),
		cmocka_unit_test(shield_holds_cancellation_off),
		cmocka_unit_test(cancel_does_not_wake_a_shielded_wait),
		cmocka_unit_test(every_wait_ends_early),
	};
	return cmocka_run_group_tests_name("rt_group", tests, NULL, NULL);
}
