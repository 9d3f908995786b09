/* SPDX-License-Identifier: Apache-2.0 */
/* event, lock, slots, chan: order, hand-over, ends. */
#include "rt_test.h"

static const int64_t MS = 1000000;

static struct event bell;
static int rung;

static status listen_once(void *arg)
{
	status rc = event_wait(&bell, deadline_in_ms(*(int *)arg));
	rung += rc == 0;
	return 0;
}

RT_TEST(event_wakes_one_or_all)
{
	int ms = 100;
	rung = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 5; i++)
		CHECK(!group_spawn(g.p, "listen", listen_once, &ms));
	event_wake_one(&bell); /* nobody is there yet: no memory of it */
	CHECK(!fiber_sleep_ms(1));
	CHECK(rung == 0);
	event_wake_one(&bell);
	CHECK(!fiber_sleep_ms(1));
	CHECK(rung == 1);
	event_wake_all(&bell);
	event_wake_all(&bell);
	CHECK(!group_wait(g.p));
	CHECK(rung == 5);
	CHECK(!bell.head && !bell.tail);
	return 0;
}

RT_TEST(event_times_out)
{
	int ms = 10;
	rung = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 3; i++)
		CHECK(!group_spawn(g.p, "listen", listen_once, &ms));
	CHECK(!group_wait(g.p));
	CHECK(rung == 0 && !bell.head);
	return 0;
}

/* --- lock --- */

struct shared {
	struct lock lock;
	int inside, total, most;
};

static status critical(void *arg)
{
	struct shared *s = arg;
	for (int i = 0; i < 20; i++) {
		CHECK(!lock_take(&s->lock, DEADLINE_NONE));
		s->inside++;
		s->most = MAX(s->most, s->inside);
		CHECK(!fiber_yield());
		s->total++;
		s->inside--;
		lock_give(&s->lock);
	}
	return 0;
}

RT_TEST(lock_lets_one_in)
{
	struct shared s = { 0 };
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 10; i++)
		CHECK(!group_spawn(g.p, "critical", critical, &s));
	CHECK(!group_wait(g.p));
	CHECK(s.total == 200 && s.most == 1 && s.inside == 0);
	CHECK(!s.lock.held);
	return 0;
}

static status take_and_see(void *arg)
{
	struct shared *s = arg;
	status rc = lock_take(&s->lock, rt_now() + 10 * MS);
	s->inside += rc == 0;
	return 0;
}

/* The giver runs at the very time of the taker's deadline, and another cancels it after. */
RT_TEST(what_was_handed_over_is_kept)
{
	struct shared s = { .lock = { .held = true } };
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "taker", take_and_see, &s));
	CHECK(!fiber_sleep_ms(1));
	lock_give(&s.lock);
	group_cancel(g.p);
	CHECK(!group_wait(g.p));
	CHECK(s.inside == 1);
	CHECK(s.lock.held);
	lock_give(&s.lock);
	CHECK(!s.lock.held);
	return 0;
}

/* --- slots --- */

struct limited {
	struct slots slots;
	int inside, most, order[40], done;
};
struct visitor {
	struct limited *at;
	int number;
};

static status visit(void *arg)
{
	struct visitor *v = arg;
	struct limited *l = v->at;
	CHECK(!slots_take(&l->slots, DEADLINE_NONE));
	l->order[l->done++] = v->number;
	l->inside++;
	l->most = MAX(l->most, l->inside);
	CHECK(!fiber_sleep_ms(10));
	l->inside--;
	slots_give(&l->slots);
	return 0;
}

static status slots_main(void *arg)
{
	struct limited l = { .slots = { .left = 3 } };
	struct visitor v[40];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 40; i++) {
		v[i] = (struct visitor){ &l, i };
		CHECK(!group_spawn(g.p, "visit", visit, &v[i]));
	}
	CHECK(!group_wait(g.p));
	CHECK(l.done == 40 && l.most == 3 && l.slots.left == 3);
	for (int i = 0; arg && i < 40; i++)
		CHECK(l.order[i] == i);
	return 0;
}

static void slots_are_a_limit_and_fair(void **unused)
{
	(void)unused;
	run_with(slots_main, "in order", 0);
	run_with(slots_main, NULL, 5);
}

/* --- chan --- */

struct pipe_test {
	struct chan *c;
	int sent, received, producers;
};

static status produce(void *arg)
{
	struct pipe_test *p = arg;
	for (int i = 1; i <= 100; i++)
		CHECK(!chan_send(p->c, (void *)(intptr_t)++p->sent, DEADLINE_NONE));
	if (--p->producers == 0)
		chan_end(p->c);
	return 0;
}

static status consume(void *arg)
{
	struct pipe_test *p = arg;
	void *item;
	while (!chan_recv(p->c, &item, DEADLINE_NONE)) {
		p->received++;
		CHECK(chan_len(p->c) <= 4);
	}
	CHECK(err_code() == ERR_CLOSED);
	return 0;
}

RT_TEST(chan_between_many)
{
	AUTO(chan) c = { chan_open(4) };
	struct pipe_test p = { c.p, 0, 0, 5 };
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 3; i++)
		CHECK(!group_spawn(g.p, "consume", consume, &p));
	for (int i = 0; i < 5; i++)
		CHECK(!group_spawn(g.p, "produce", produce, &p));
	CHECK(!group_wait(g.p));
	CHECK(p.sent == 500 && p.received == 500);
	return 0;
}

RT_TEST(chan_keeps_order_and_drains)
{
	AUTO(chan) c = { chan_open(3) };
	int n[4];
	void *item;
	for (int i = 0; i < 3; i++)
		CHECK(chan_try_send(c.p, &n[i]));
	CHECK(!chan_try_send(c.p, &n[3]));
	CHECK(chan_send(c.p, &n[3], deadline_in_ms(5)) == -1 && err_code() == ERR_TIMEOUT);
	CHECK(!chan_recv(c.p, &item, DEADLINE_NONE) && item == &n[0]);
	CHECK(!chan_send(c.p, &n[3], DEADLINE_NONE));
	chan_end(c.p);
	CHECK(!chan_try_send(c.p, &n[0]));
	CHECK(chan_send(c.p, &n[0], DEADLINE_NONE) == -1 && err_code() == ERR_CLOSED);
	for (int i = 1; i < 4; i++)
		CHECK(!chan_recv(c.p, &item, DEADLINE_NONE) && item == &n[i]);
	CHECK(chan_recv(c.p, &item, DEADLINE_NONE) == -1 && err_code() == ERR_CLOSED);
	chan_close(NULL);
	return 0;
}

static status end_it(void *arg)
{
	chan_end(arg);
	return 0;
}

RT_TEST(chan_end_wakes_a_sender)
{
	AUTO(chan) c = { chan_open(0) };
	CHECK(chan_try_send(c.p, NULL));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "end", end_it, c.p));
	CHECK(chan_send(c.p, NULL, DEADLINE_NONE) == -1 && err_code() == ERR_CLOSED);
	return group_wait(g.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_wakes_one_or_all),
		cmocka_unit_test(event_times_out),
		cmocka_unit_test(lock_lets_one_in),
		cmocka_unit_test(what_was_handed_over_is_kept),
		cmocka_unit_test(slots_are_a_limit_and_fair),
		cmocka_unit_test(chan_between_many),
		cmocka_unit_test(chan_keeps_order_and_drains),
		cmocka_unit_test(chan_end_wakes_a_sender),
	};
	return cmocka_run_group_tests_name("rt_sync", tests, NULL, NULL);
}
