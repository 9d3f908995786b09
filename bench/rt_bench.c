/* SPDX-License-Identifier: Apache-2.0 */
/* rt_bench: what a switch, a spawn, a channel, a descriptor and a parked fiber cost. */
#include "base/err.h"
#include "rt/rt.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void print(const char *what, int64_t ns, int64_t n, const char *unit, double scale)
{
	printf("%-34s %10.1f %s\n", what, (double)ns / (double)n / scale, unit);
	fflush(stdout);
}

enum { YIELDS = 2000000 };

static status yield_many(void *arg)
{
	for (int i = 0; i < YIELDS; i++)
		if (fiber_yield())
			return -1;
	return 0;
}

static status bench_switch(void)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t began = rt_now();
	for (int i = 0; i < 4; i++)
		if (group_spawn(g.p, "yield", yield_many, NULL))
			return -1;
	if (group_wait(g.p))
		return -1;
	/* A yield is two bare switches: to the loop and to the next fiber. */
	print("yield, run queue included", rt_now() - began, 4L * YIELDS, "ns", 1);
	return 0;
}

static status nothing(void *arg)
{
	return 0;
}

static status bench_spawn(void)
{
	int64_t began = rt_now();
	for (int round = 0; round < 10000; round++) {
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		for (int i = 0; i < 10; i++)
			if (group_spawn(g.p, "nothing", nothing, NULL))
				return -1;
		if (group_wait(g.p))
			return -1;
	}
	print("spawn, run and join (warm stacks)", rt_now() - began, 100000, "ns", 1);
	return 0;
}

enum { ITEMS = 1000000 };

static status answer(void *arg)
{
	struct chan **c = arg;
	void *item;
	for (int i = 0; i < ITEMS; i++)
		if (chan_recv(c[0], &item, DEADLINE_NONE) || chan_send(c[1], item, DEADLINE_NONE))
			return -1;
	return 0;
}

static status bench_chan(void)
{
	AUTO(chan) to = { chan_open(1) };
	AUTO(chan) back = { chan_open(1) };
	struct chan *both[2] = { to.p, back.p };
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	void *item;
	if (group_spawn(g.p, "answer", answer, both))
		return -1;
	int64_t began = rt_now();
	for (int i = 0; i < ITEMS; i++)
		if (chan_send(to.p, NULL, DEADLINE_NONE) || chan_recv(back.p, &item, DEADLINE_NONE))
			return -1;
	print("channel, there and back", rt_now() - began, ITEMS, "ns", 1);
	return group_wait(g.p);
}

struct echo {
	int fd, how;
};

enum { ECHOES = 100000 };

static status pass(int fd, int how)
{
	char c;
	while (read(fd, &c, 1) != 1)
		if (errno != EAGAIN || fd_wait(fd, WAIT_READ | how, DEADLINE_NONE))
			return -1;
	return write(fd, &c, 1) == 1 ? 0 : -1;
}

static status echo(void *arg)
{
	struct echo *e = arg;
	for (int i = 0; i < ECHOES; i++)
		if (pass(e->fd, e->how))
			return -1;
	return 0;
}

static status bench_fd(const char *what, int how)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return err_errno("socketpair");
	struct echo a = { fds[0], how }, b = { fds[1], how };
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t began = rt_now();
	if (group_spawn(g.p, "a", echo, &a) || group_spawn(g.p, "b", echo, &b) ||
	    write(fds[0], "x", 1) != 1 || group_wait(g.p))
		return -1;
	print(what, rt_now() - began, 2 * ECHOES, "us", 1000);
	for (int i = 0; i < 2; i++) {
		fd_forget(fds[i]);
		close(fds[i]);
	}
	return 0;
}

static status job(void *arg)
{
	return 0;
}

static status bench_pool(void)
{
	int64_t began = rt_now();
	for (int i = 0; i < 20000; i++)
		if (pool_call(job, NULL))
			return -1;
	print("pool_call of an empty job", rt_now() - began, 20000, "us", 1000);
	return 0;
}

/* --- parked fibers --- */

enum { PARKED = 10000 };

static long status_kb(const char *name)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* As a streaming request that went 30 KiB deep (TLS, JSON) and now waits. */
static int deeper(int n)
{
	char work[900];
	memset(work, n, sizeof work);
	__asm__ volatile("" : : "r"(work) : "memory");
	return n ? deeper(n - 1) + work[7] : 0;
}

static status far_down_then_park(void *arg)
{
	if (deeper(33) < 0)
		return -1;
	return event_wait(arg, DEADLINE_NONE);
}

static status bench_parked(void)
{
	struct event never = { 0 };
	long before = status_kb("VmRSS"), tables = status_kb("VmPTE");
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t began = rt_now();
	for (int i = 0; i < PARKED; i++)
		if (group_spawn(g.p, "parked", far_down_then_park, &never))
			return -1;
	if (fiber_sleep_ms(200))
		return -1;
	print("first run of a new stack, 33 KiB", rt_now() - began - 200000000, PARKED, "us", 1000);
	printf("%-34s %10.1f KB\n", "parked fiber, not yet trimmed",
	       (double)(status_kb("VmRSS") - before) / PARKED);
	if (fiber_sleep_ms(2500))
		return -1;
	printf("%-34s %10.1f KB (+ %.2f KB page tables)\n", "parked fiber, after 2.5 s",
	       (double)(status_kb("VmRSS") - before) / PARKED,
	       (double)(status_kb("VmPTE") - tables) / PARKED);
	return 0;
}

static status bench(void *arg)
{
	return bench_switch() || bench_spawn() || bench_chan() ||
			       bench_fd("descriptor, level, one way", 0) ||
			       bench_fd("descriptor, edge, one way", WAIT_EDGE) || bench_pool() ||
			       bench_parked() ?
		       -1 :
		       0;
}

int main(void)
{
	if (rt_run(NULL, bench, NULL)) {
		fprintf(stderr, "%s\n", err_last()->text);
		return 1;
	}
	return 0;
}
