/* SPDX-License-Identifier: Apache-2.0 */
/* signal: signals as something to wait for (signalfd). The set belongs to the thread, because it
 * is held back before its loop is there. */
#include "rt/rt_int.h"
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

static _Thread_local struct {
	sigset_t set;
	bool any;
} held;

void signals_hold(const int *signals, size_t n)
{
	sigemptyset(&held.set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&held.set, signals[i]);
	held.any = n > 0;
	pthread_sigmask(SIG_BLOCK, &held.set, NULL);
}

static status signal_take(struct loop *l, int *sig, deadline until)
{
	if (l->signal_fd < 0) {
		ASSERT(held.any);
		l->signal_fd = signalfd(-1, &held.set, SFD_NONBLOCK | SFD_CLOEXEC);
		if (l->signal_fd < 0)
			return err_errno("signalfd");
	}
	for (;;) {
		struct signalfd_siginfo info;
		ssize_t n = read(l->signal_fd, &info, sizeof info);
		if (n == (ssize_t)sizeof info) {
			*sig = (int)info.ssi_signo;
			return 0;
		}
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return err_errno("read signals");
		if (fd_wait(l->signal_fd, WAIT_READ | WAIT_EDGE, until))
			return -1;
	}
}

status signal_wait(int *sig, deadline until)
{
	struct loop *l = fiber_self()->loop;
	if (lock_take(&l->signal_lock, until))
		return -1;
	status result = signal_take(l, sig, until);
	lock_give(&l->signal_lock);
	return result;
}

void signal_close(struct loop *l)
{
	if (l->signal_fd >= 0)
		close(l->signal_fd);
}
