/* SPDX-License-Identifier: Apache-2.0 */
/* child processes and signals. */
#include "os/os.h"
#include "test/unit/rt/rt_test.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int64_t MS = 1000000;

static const struct {
	const char *script;
	int code;
} exits[] = {
	{ "exit 0", 0 }, { "exit 7", 7 }, { "exit 255", 255 }, { "kill -TERM $$", 128 + SIGTERM },
};

static status shell(const char *script, struct proc_options o, struct proc **out)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	o.argv = argv;
	return proc_spawn(&o, out);
}

static const struct proc_options quiet = { .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };

RT_TEST(exit_codes)
{
	for (size_t i = 0; i < countof(exits); i++) {
		AUTO(proc) p = { 0 };
		int code = -1;
		CHECK(!shell(exits[i].script, quiet, &p.p));
		CHECK(proc_pid(p.p) > 1);
		CHECK(!proc_wait(p.p, DEADLINE_NONE, &code));
		CHECK(code == exits[i].code);
		CHECK(!proc_wait(p.p, DEADLINE_NONE, &code)); /* again */
		proc_kill(p.p, SIGTERM);		     /* too late, harmless */
	}
	return 0;
}

RT_TEST(a_missing_program_is_said)
{
	const char *const argv[] = { "no-such-program-here", NULL };
	struct proc_options o = quiet;
	struct proc *p = NULL;
	o.argv = argv;
	if (getenv("TATARA_EMULATED")) { /* no news of a failed exec but its exit code */
		int code;
		CHECK(!proc_spawn(&o, &p) && !proc_wait(p, DEADLINE_NONE, &code) && code == 127);
		proc_close(p);
		return 0;
	}
	CHECK(proc_spawn(&o, &p) == -1);
	CHECK(err_code() == ERR_NOT_FOUND);
	CHECK(strstr(err_last()->text, "no-such-program-here"));
	CHECK(!p);
	proc_close(NULL);
	return 0;
}

static size_t drain(int fd, char *out, size_t cap)
{
	size_t len = 0;
	while (len < cap - 1) {
		ssize_t n = read(fd, out + len, cap - 1 - len);
		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else
			CHECK(errno == EAGAIN && !fd_wait(fd, WAIT_READ, DEADLINE_NONE));
	}
	out[len] = 0;
	return len;
}

/* What the script prints, with fd 3 and 4 as given. */
static void output_of(const char *script, struct proc_options o, char *out, size_t cap)
{
	int fds[2], code;
	CHECK(!pipe2(fds, O_CLOEXEC));
	CHECK(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	AUTO(proc) p = { 0 };
	o.stdout_fd = fds[1];
	CHECK(!shell(script, o, &p.p));
	close(fds[1]);
	drain(fds[0], out, cap);
	fd_forget(fds[0]);
	close(fds[0]);
	CHECK(!proc_wait(p.p, DEADLINE_NONE, &code));
	CHECK(code == 0);
}

RT_TEST(directory_and_environment)
{
	char text[256];
	const char *const env[] = { "COLOUR=blue", NULL };
	struct proc_options o = quiet;
	o.cwd = "/usr";
	o.envp = env;
	output_of("pwd; echo $COLOUR; echo $HOME; read x || echo eof", o, text, sizeof text);
	CHECK(!strcmp(text, "/usr\nblue\n\neof\n"));
	return 0;
}

/* Sources that lie on other targets' numbers, crosswise. */
RT_TEST(descriptors_are_passed_in_order)
{
	char text[256];
	int a[2], b[2];
	CHECK(!pipe2(a, O_CLOEXEC) && !pipe2(b, O_CLOEXEC));
	CHECK(write(a[1], "A\n", 2) == 2 && write(b[1], "B\n", 2) == 2);
	int high_a = fcntl(a[0], F_DUPFD_CLOEXEC, 20), high_b = fcntl(b[0], F_DUPFD_CLOEXEC, 20);
	for (int turn = 0; turn < 2; turn++) {
		int keep[2] = { turn ? high_b : high_a, turn ? a[0] : b[0] };
		struct proc_options o = quiet;
		o.keep_fds = keep;
		o.keep_count = 2;
		output_of("read x <&3; read y <&4; echo $x$y; ls /proc/self/fd | wc -l", o, text,
			  sizeof text);
		/* 0 to 4 and the one that ls opens: nothing else came along. */
		CHECK(!strcmp(text, turn ? "B2A2\n6\n" : "AB\n6\n"));
		CHECK(write(a[1], "A2\n", 3) == 3 && write(b[1], "B2\n", 3) == 3);
	}
	close(high_a);
	close(high_b);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	return 0;
}

static status kills(void *arg)
{
	AUTO(proc) p = { 0 };
	int code = -1;
	CHECK(!shell("sleep 30", quiet, &p.p));
	int64_t began = rt_now();
	CHECK(proc_wait(p.p, deadline_in_ms(30), &code) == -1);
	CHECK(err_code() == ERR_TIMEOUT);
	CHECK(rt_now() - began >= 30 * MS);
	proc_kill(p.p, SIGKILL);
	CHECK(!proc_wait(p.p, DEADLINE_NONE, &code));
	CHECK(code == 128 + SIGKILL);
	return 0;
}

static void wait_times_out_and_kill_ends(void **unused)
{
	(void)unused;
	run_with(kills, NULL, 0); /* a virtual clock follows the real one while a child runs */
	struct rt_options opt = { .stall_ms = -1 };
	assert_int_equal(rt_run(&opt, kills, NULL), 0);
}

RT_TEST(close_kills_the_whole_session)
{
	char text[64];
	int fds[2];
	CHECK(!pipe2(fds, O_CLOEXEC));
	CHECK(!fcntl(fds[0], F_SETFL, O_NONBLOCK));
	struct proc_options o = quiet;
	struct proc *p;
	o.stdout_fd = fds[1];
	o.new_session = true;
	CHECK(!shell("sleep 30 & echo up; wait", o, &p));
	close(fds[1]);
	CHECK(!fd_wait(fds[0], WAIT_READ, DEADLINE_NONE));
	CHECK(read(fds[0], text, 3) == 3);
	proc_close(p);
	/* The grandchild held the other end too: its end shows that it is gone. */
	CHECK(drain(fds[0], text, sizeof text) == 0);
	fd_forget(fds[0]);
	close(fds[0]);
	return 0;
}

RT_TEST(signals_are_waited_for)
{
	int sig = 0;
	CHECK(signal_wait(&sig, deadline_in_ms(10)) == -1 && err_code() == ERR_TIMEOUT);
	kill(getpid(), SIGUSR1);
	CHECK(!signal_wait(&sig, DEADLINE_NONE) && sig == SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK(!fiber_sleep_ms(5));
	CHECK(!signal_wait(&sig, DEADLINE_NONE) && sig == SIGUSR2);
	CHECK(signal_wait(&sig, deadline_in_ms(10)) == -1 && err_code() == ERR_TIMEOUT);
	/* A child starts with an empty mask all the same. */
	char text[64];
	output_of("grep SigBlk /proc/self/status", quiet, text, sizeof text);
	CHECK(strstr(text, "0000000000000000"));
	return 0;
}

/* --- every wait ends by deadline and by cancellation --- */

static status wait_signal(void)
{
	int sig;
	return signal_wait(&sig, DEADLINE_NONE);
}

static status wait_proc(void)
{
	AUTO(proc) p = { 0 };
	int code;
	CHECK(!shell("sleep 30", quiet, &p.p));
	return proc_wait(p.p, DEADLINE_NONE, &code);
}

struct waiter {
	status (*wait)(void);
	enum err_code want;
};

static status waiter(void *arg)
{
	struct waiter *x = arg;
	CHECK(x->wait() == -1 && err_code() == x->want);
	return 0;
}

/* How the wait ends: cancelled in it, cancelled before, deadline in it, deadline past before. */
enum how { CANCEL_IN, CANCEL_BEFORE, TIME_IN, TIME_BEFORE, HOW_COUNT };

static void wait_one(status (*wait)(void), enum how how)
{
	struct waiter x = { wait, how >= TIME_IN ? ERR_TIMEOUT : ERR_CANCELLED };
	int64_t late = how == TIME_IN ? 20 * MS : -MS;
	AUTO(group) g = { group_open(how >= TIME_IN ? rt_now() + late : DEADLINE_NONE) };
	if (how == CANCEL_BEFORE)
		group_cancel(g.p);
	CHECK(!group_spawn(g.p, "waiter", waiter, &x));
	if (how == CANCEL_IN) {
		for (int i = 0; i < 3; i++)
			CHECK(!fiber_yield());
		CHECK(group_running(g.p) == 1);
		group_cancel(g.p);
	}
	CHECK(!group_wait(g.p));
}

static status every_wait(void *arg)
{
	for (enum how how = 0; how < HOW_COUNT; how++) {
		wait_one(wait_signal, how);
		wait_one(wait_proc, how);
	}
	return 0;
}

static void every_wait_ends_early(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(&(struct rt_options){ 0 }, every_wait, NULL), 0);
	run_with(every_wait, NULL, 0);
}

int main(void)
{
	signals_hold((const int[]){ SIGUSR1, SIGUSR2 }, 2);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(a_missing_program_is_said),
		cmocka_unit_test(directory_and_environment),
		cmocka_unit_test(descriptors_are_passed_in_order),
		cmocka_unit_test(wait_times_out_and_kill_ends),
		cmocka_unit_test(close_kills_the_whole_session),
		cmocka_unit_test(signals_are_waited_for),
		cmocka_unit_test(every_wait_ends_early),
	};
	return cmocka_run_group_tests_name("os_proc", tests, NULL, NULL);
}
