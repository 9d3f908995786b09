/* SPDX-License-Identifier: Apache-2.0 */
/* the watchdog: stalls and overflows carry the fiber's name; its handlers go away with the loop. */
#include "os/os.h"
#include "test/unit/rt/rt_test.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int64_t MS = 1000000;

/* --- overflow --- */

static int deep(int n)
{
	volatile char pad[512];
	memset((char *)(uintptr_t)pad, n, sizeof pad);
	return n <= 0 ? 0 : deep(n - 1) + pad[0];
}

static status overflow(void *arg)
{
	return deep(1 << 20) == 42;
}

static status overflow_main(void *arg)
{
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK(!group_spawn(g.p, "bottomless", overflow, NULL));
	return group_wait(g.p);
}

static void overflow_hits_the_guard(void **unused)
{
	(void)unused;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		rt_run(&(struct rt_options){ .watcher = &os_watcher }, overflow_main, NULL);
		_exit(0);
	}
	close(fds[1]);
	static char text[65536];
	size_t len = 0;
	for (ssize_t n; (n = read(fds[0], text + len, sizeof text - 1 - len)) > 0;)
		len += (size_t)n;
	text[len] = 0;
	close(fds[0]);
	int how;
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) != 0);
	if (!strstr(text, "stack overflow in fiber 'bottomless'"))
		print_message("the child said: %s\n", text);
	assert_true(strstr(text, "stack overflow in fiber 'bottomless'") != NULL);
}

/* --- watchdog --- */

static status stall(void *arg)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = t.tv_sec * 1000 + t.tv_nsec / MS + 60000; /* at the latest */
	struct rt_stats s;
	do {
		clock_gettime(CLOCK_MONOTONIC, &t);
		rt_stats_get(&s);
	} while (s.stalls == 0 && t.tv_sec * 1000 + t.tv_nsec / MS < end);
	*(uint64_t *)arg = s.stalls;
	/* And it sleeps and wakes with the loop. */
	for (int i = 0; i < 5; i++)
		CHECK(!fiber_sleep_ms(5));
	return 0;
}

static void stall_is_seen(void **unused)
{
	(void)unused;
	uint64_t stalls = 0;
	int fds[2];
	static char text[4096];
	assert_int_equal(pipe(fds), 0);
	int saved = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	struct rt_options opt = { .stall_ms = 10, .watcher = &os_watcher };
	int rc = rt_run(&opt, stall, &stalls);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	assert_int_equal(rc, 0);
	assert_true(stalls > 0);
	ssize_t n = read(fds[0], text, sizeof text - 1);
	close(fds[0]);
	assert_true(n > 0);
	text[n] = 0;
	print_message("%s", text);
	assert_true(strstr(text, "in fiber 'main'") != NULL);
}

static status see_handlers(void *arg)
{
	struct sigaction a;
	CHECK(!sigaction(SIGSEGV, NULL, &a));
	*(bool *)arg = a.sa_flags & SA_ONSTACK && a.sa_sigaction != NULL;
	CHECK(rt_watching() != NULL);
	return 0;
}

static void handlers_come_and_go(void **unused)
{
	(void)unused;
	static const int watched[] = { SIGSEGV, SIGBUS, SIGURG };
	for (int turn = 0; turn < 4; turn++) {
		struct sigaction before[countof(watched)], after;
		bool there = false;
		for (size_t i = 0; i < countof(watched); i++)
			assert_int_equal(sigaction(watched[i], NULL, &before[i]), 0);
		struct rt_options opt = { .stall_ms = turn % 2 ? -1 : 50, .watcher = &os_watcher };
		assert_int_equal(rt_run(&opt, see_handlers, &there), 0);
		assert_true(there);
		assert_null(rt_watching());
		for (size_t i = 0; i < countof(watched); i++) {
			assert_int_equal(sigaction(watched[i], NULL, &after), 0);
			assert_true(after.sa_sigaction == before[i].sa_sigaction);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overflow_hits_the_guard),
		cmocka_unit_test(stall_is_seen),
		cmocka_unit_test(handlers_come_and_go),
	};
	return cmocka_run_group_tests_name("os_watch", tests, NULL, NULL);
}
