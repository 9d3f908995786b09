/* SPDX-License-Identifier: Apache-2.0 */
/* signal: signals as something to wait for (signalfd). The set belongs to the thread and not to
 * its loop, because it is held back before that is there. */
#include "base/err.h"
#include "os/os.h"
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static _Thread_local struct {
	bool any;
	int fd; /* -1 when it could not be had */
	struct lock lock;
} held;

void signals_hold(const int *signals, size_t n)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	held.fd = signalfd(held.any ? held.fd : -1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	held.any = true;
}

static status signal_take(int *sig, deadline until)
{
	for (;;) {
		struct signalfd_siginfo info;
		ssize_t n = read(held.fd, &info, sizeof info);
		if (n == (ssize_t)sizeof info) {
			*sig = (int)info.ssi_signo;
			return 0;
		}
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return err_errno("read signals");
		if (fd_wait(held.fd, WAIT_READ | WAIT_EDGE, until))
			return -1;
	}
}

status signal_wait(int *sig, deadline until)
{
	ASSERT(held.any);
	if (lock_take(&held.lock, until))
		return -1;
	status result = signal_take(sig, until);
	lock_give(&held.lock);
	return result;
}
