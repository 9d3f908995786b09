/* SPDX-License-Identifier: Apache-2.0 */
/* os_confine in a child: what must go on goes on, what must not fails. The filter is not there under
 * the sanitizers; the rest is. */
#include "test/unit/net/cmocka_all.h"
#include "base/sanitize.h"
#include "os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *thread_main(void *arg)
{
	*(int *)arg = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return NULL;
}

static bool refused(long r)
{
	return r < 0 && errno == EPERM;
}

/* The number of the first expectation that does not hold, 0 when all do. */
static int inside(void)
{
	pthread_t t;
	int fd = -1;
	char *const none[] = { NULL };
	if (os_confine())
		return 1;
	if (geteuid() == 0 || getegid() == 0)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 0)
		return 3;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
		return 4;
	if (pthread_create(&t, NULL, thread_main, &fd) || pthread_join(t, NULL) || fd < 0)
		return 5;
	if (SANITIZE_ADDRESS || SANITIZE_THREAD)
		return 0;
	if (!refused(open("/tmp/tatara-confine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)))
		return 6;
	if (!refused(execve("/bin/true", none, none)))
		return 7;
	if (!refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))
		return 8;
	if (!refused(fork()))
		return 9;
	if (!refused(syscall(SYS_ptrace, 0, 0, 0, 0)) || !refused(unlinkat(AT_FDCWD, "/tmp/nothing", 0)))
		return 10;
	if (!refused(syscall(SYS_io_uring_setup, 1, 0)) || !refused(syscall(SYS_openat2, 0, 0, 0, 0)))
		return 11;
	return 0;
}

static void confined_processes_only_talk(void **unused)
{
	(void)unused;
	int status_word = 0;
	pid_t child = fork();
	if (!child)
		_exit(inside());
	assert_int_equal(waitpid(child, &status_word, 0), child);
	assert_true(WIFEXITED(status_word));
	assert_int_equal(WEXITSTATUS(status_word), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(confined_processes_only_talk) };
	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
