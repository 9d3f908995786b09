/* SPDX-License-Identifier: Apache-2.0 */
/* descriptors, timers, clocks and the mailbox. */
#include "base/clock.h"
#include "base/log.h"
#include "rt_test.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const int64_t MS = 1000000;

struct pair {
	int a, b;
	int rounds;
};

static void pair_make(struct pair *p)
{
	int fds[2];
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
	*p = (struct pair){ fds[0], fds[1], 0 };
}

static void pair_close(struct pair *p)
{
	fd_forget(p->a);
	fd_forget(p->b);
	close(p->a);
	close(p->b);
}

static status read_byte(int fd, int how, char *out)
{
	for (;;) {
		ssize_t n = read(fd, out, 1);
		if (n == 1)
			return 0;
		CHECK(n < 0 && errno == EAGAIN);
		if (fd_wait(fd, WAIT_READ | how, DEADLINE_NONE))
			return -1;
	}
}

static status echo_edge(void *arg)
{
	struct pair *p = arg;
	char c;
	for (int i = 0; i < 200; i++) {
		CHECK(!read_byte(p->b, WAIT_EDGE, &c));
		CHECK(write(p->b, &c, 1) == 1);
	}
	return 0;
}

RT_TEST(ping_pong)
{
	struct pair p;
	pair_make(&p);
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "echo", echo_edge, &p));
	for (int i = 0; i < 200; i++) {
		char c = (char)i, back;
		CHECK(write(p.a, &c, 1) == 1);
		CHECK(!read_byte(p.a, i % 2 ? WAIT_EDGE : 0, &back));
		CHECK(back == c);
	}
	CHECK(!group_wait(g.p));
	pair_close(&p);
	return 0;
}

/* A foreign library may read less than there is and wait again without an EAGAIN. */
RT_TEST(level_wait_sees_what_is_left)
{
	struct pair p;
	char c;
	pair_make(&p);
	CHECK(write(p.a, "abc", 3) == 3);
	for (int i = 0; i < 3; i++) {
		CHECK(!fd_wait(p.b, WAIT_READ, deadline_in_ms(100)));
		CHECK(read(p.b, &c, 1) == 1);
		CHECK(c == "abc"[i]);
	}
	/* No edge that was used up already makes it return early. */
	CHECK(fd_wait(p.b, WAIT_READ, deadline_in_ms(100)) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	CHECK(!fd_wait(p.b, WAIT_WRITE, deadline_in_ms(100)));
	CHECK(!fd_wait(p.b, WAIT_READ | WAIT_WRITE, deadline_in_ms(100)));
	pair_close(&p);
	return 0;
}

/* An edge that comes while nobody waits, or at the end of a wait, is remembered. */
RT_TEST(edges_are_kept)
{
	struct pair p;
	char c;
	pair_make(&p);
	CHECK(fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(10)) == -1);
	CHECK(write(p.a, "x", 1) == 1);
	CHECK(!fiber_sleep_ms(10)); /* the loop sees it meanwhile */
	CHECK(!fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(10)));
	CHECK(read(p.b, &c, 1) == 1 && read(p.b, &c, 1) < 0);
	/* Used up: it does not spin. */
	CHECK(fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(10)) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	/* A change of directions keeps what was there. */
	CHECK(write(p.a, "y", 1) == 1);
	CHECK(!fiber_sleep_ms(10));
	CHECK(!fd_wait(p.b, WAIT_WRITE, deadline_in_ms(10)));
	CHECK(!fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(10)));
	pair_close(&p);
	return 0;
}

RT_TEST(hang_up_wakes)
{
	struct pair p;
	char c;
	pair_make(&p);
	CHECK(fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(1)) == -1);
	fd_forget(p.a);
	close(p.a);
	CHECK(!fd_wait(p.b, WAIT_READ | WAIT_EDGE, deadline_in_ms(10)));
	CHECK(read(p.b, &c, 1) == 0);
	CHECK(!fd_wait(p.b, WAIT_READ, deadline_in_ms(10)));
	p.a = dup(p.b);
	pair_close(&p);
	return 0;
}

static status forget_it(void *arg)
{
	fd_forget(*(int *)arg);
	return 0;
}

RT_TEST(forgetting_wakes_with_closed)
{
	struct pair p;
	pair_make(&p);
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "forget", forget_it, &p.b));
	CHECK(fd_wait(p.b, WAIT_READ, DEADLINE_NONE) == -1);
	CHECK(err_code() == ERR_CLOSED);
	CHECK(!group_wait(g.p));
	pair_close(&p);
	return 0;
}

/* Closed without fd_forget, and the number comes back as another socket. */
RT_TEST(reused_number)
{
	struct pair p, q;
	pair_make(&p);
	CHECK(fd_wait(p.b, WAIT_READ, deadline_in_ms(1)) == -1);
	close(p.a);
	close(p.b);
	pair_make(&q);
	CHECK(q.b == p.b);
	CHECK(fd_wait(q.b, WAIT_READ, deadline_in_ms(1)) == -1 && err_code() == ERR_TIMEOUT);
	CHECK(write(q.a, "x", 1) == 1);
	CHECK(!fd_wait(q.b, WAIT_READ, deadline_in_ms(10)));
	pair_close(&q);
	return 0;
}

RT_TEST(plain_files_are_always_ready)
{
	AUTO(fd) f = { open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
	CHECK(f.n >= 0);
	CHECK(!fd_wait(f.n, WAIT_READ, deadline_in_ms(1)));
	fd_forget(f.n);
	return 0;
}

static status read_until_eof(void *arg)
{
	struct pair *p = arg;
	char buf[2500];
	for (;;) {
		ssize_t n = read(p->b, buf, sizeof buf);
		if (n == 0)
			return 0;
		if (n > 0)
			p->rounds += (int)n;
		else if (fd_wait(p->b, WAIT_READ | WAIT_EDGE, DEADLINE_NONE))
			return -1;
	}
}

/* Both directions of one fd by two fibers, with full buffers. */
RT_TEST(a_flood_arrives_whole)
{
	struct pair p;
	static char block[70000];
	pair_make(&p);
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "reader", read_until_eof, &p));
	size_t sent = 0;
	while (sent < 3000000) {
		ssize_t n = write(p.a, block, MIN(sizeof block, 3000000 - sent));
		if (n > 0)
			sent += (size_t)n;
		else
			CHECK(!fd_wait(p.a, WAIT_WRITE | WAIT_EDGE, deadline_in_ms(1000)));
	}
	CHECK(!shutdown(p.a, SHUT_WR));
	CHECK(!group_wait(g.p));
	CHECK(p.rounds == 3000000);
	pair_close(&p);
	return 0;
}

/* --- timers --- */

struct alarm_row {
	int ms;
	int *last;
};

static status ring(void *arg)
{
	struct alarm_row *a = arg;
	CHECK(!fiber_sleep_ms(a->ms));
	CHECK(*a->last <= a->ms);
	*a->last = a->ms;
	return 0;
}

RT_TEST(timers_fire_in_order)
{
	static struct alarm_row row[500];
	int last = 0;
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 500; i++) {
		row[i] = (struct alarm_row){ i * 7919 % 1009, &last };
		CHECK(!group_spawn(g.p, "ring", ring, &row[i]));
	}
	CHECK(!group_wait(g.p));
	struct rt_stats s;
	rt_stats_get(&s);
	CHECK(s.timers == 0);
	return 0;
}

static status cut_short(void *arg)
{
	CHECK(fiber_sleep_ms(*(int *)arg) == -1);
	return 0;
}

/* Timers taken out of the middle leave a heap. */
RT_TEST(timers_can_be_taken_out)
{
	static int ms[300];
	static struct alarm_row row[100];
	int last = 0;
	AUTO(group) go = { group_open(DEADLINE_NONE) };
	AUTO(group) stay = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 300; i++) {
		ms[i] = 50 + i * 7919 % 1009;
		CHECK(!group_spawn(go.p, "cut", cut_short, &ms[i]));
		row[i / 3] = (struct alarm_row){ 40 + i * 31 % 997, &last };
		if (i % 3 == 2)
			CHECK(!group_spawn(stay.p, "ring", ring, &row[i / 3]));
	}
	CHECK(!fiber_sleep_ms(20));
	group_cancel(go.p);
	CHECK(!group_wait(go.p));
	CHECK(!group_wait(stay.p));
	return 0;
}

RT_TEST(virtual_clock_jumps)
{
	int64_t began = rt_now(), wall = clock_ms();
	struct timespec t0, t1;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	CHECK(!fiber_sleep_ms(86400000));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	CHECK(rt_now() - began == 86400000 * MS);
	CHECK(clock_ms() - wall == 86400000);
	CHECK(t1.tv_sec - t0.tv_sec < 60);
	return 0;
}

static status real_sleep(void *arg)
{
	int64_t began = rt_now();
	CHECK(!fiber_sleep_ms(5));
	CHECK(rt_now() - began >= 5 * MS);
	CHECK(fiber_sleep_ms(0) == 0);
	CHECK(fiber_sleep_ms(-7) == 0);
	deadline saved = deadline_push(deadline_in_ms(3));
	CHECK(fiber_sleep_ms(100000) == -1 && err_code() == ERR_TIMEOUT);
	while (!fiber_yield())
		;
	CHECK(err_code() == ERR_TIMEOUT);
	deadline_pop(saved);
	return 0;
}

static void real_clock_waits(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(NULL, real_sleep, NULL), 0);
	assert_true(clock_ms() > INT64_C(1700000000000));
}

/* --- mailbox --- */

enum { POSTERS = 4, LETTERS = 2000 };
static struct event arrived;
static int letters;

static void letter(void *arg)
{
	if (++letters == POSTERS * LETTERS)
		event_wake_all(&arrived);
}

static void *poster(void *loop)
{
	for (int i = 0; i < LETTERS; i++)
		loop_post(loop, letter, NULL);
	return NULL;
}

static status receive(void *arg)
{
	pthread_t t[POSTERS];
	letters = 0;
	for (int i = 0; i < POSTERS; i++)
		CHECK(!pthread_create(&t[i], NULL, poster, loop_current()));
	while (letters < POSTERS * LETTERS)
		CHECK(!event_wait(&arrived, DEADLINE_NONE));
	for (int i = 0; i < POSTERS; i++)
		pthread_join(t[i], NULL);
	return 0;
}

static void letters_from_other_threads(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(NULL, receive, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping_pong),
		cmocka_unit_test(level_wait_sees_what_is_left),
		cmocka_unit_test(edges_are_kept),
		cmocka_unit_test(hang_up_wakes),
		cmocka_unit_test(forgetting_wakes_with_closed),
		cmocka_unit_test(reused_number),
		cmocka_unit_test(plain_files_are_always_ready),
		cmocka_unit_test(a_flood_arrives_whole),
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(timers_can_be_taken_out),
		cmocka_unit_test(virtual_clock_jumps),
		cmocka_unit_test(real_clock_waits),
		cmocka_unit_test(letters_from_other_threads),
	};
	return cmocka_run_group_tests_name("rt_loop", tests, NULL, NULL);
}
