/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warm: Node processes that each wait for one program, started ahead. Where Node can be forked there
 * are none (docs/decisions/0016-forking-node.md).
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "sandbox/launcher_int.h"

static void close_all(struct launcher *l, struct warm *w)
{
	launcher_close(&w->control);
	launcher_close(&w->out);
	launcher_close(&w->err);
	launcher_close(&w->pidfd);
	supply_end_space(l, &w->init);
	supply_give_uid(l, w->uid_index);
}

static status start(struct launcher *l, bool network, struct warm *w)
{
	struct order o;
	int control[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	*w = (struct warm){ .control = -1, .out = -1, .err = -1, .pidfd = -1, .network = network };
	if (!supply_take_uid(l, &w->uid_index))
		return err_set(ERR_BUSY, "no identity is free");
	supply_order(l, &o, ORDER_NODE | ORDER_FRESH | (network ? ORDER_NETWORK : 0), w->uid_index);
	int space = supply_take_space(l, &w->init);
	status r = -1;
	bool there = space >= 0 || l->jail.tier != TIER_NAMESPACE;
	if (there && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0 && supply_pipe(out) && supply_pipe(err))
		r = jail_start_node(&l->jail, &o, (int[]){ control[1], out[1], err[1] }, space, &w->pid);
	launcher_close(&control[1]);
	launcher_close(&out[1]);
	launcher_close(&err[1]);
	launcher_close(&space);
	w->control = control[0];
	w->out = out[0];
	w->err = err[0];
	if (!r)
		w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	if (!r && w->pidfd >= 0)
		return 0;
	close_all(l, w);
	return -1;
}

void warm_drop(struct launcher *l, size_t i)
{
	struct warm *w = &l->warm[i];
	syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close_all(l, w);
	l->warm[i] = l->warm[--l->warm_count];
}

status warm_take(struct launcher *l, bool network, struct warm *out)
{
	l->wanted[network] = true;
	for (size_t i = l->warm_count; i-- > 0;)
		if (l->warm[i].network == network) {
			*out = l->warm[i];
			l->warm[i] = l->warm[--l->warm_count];
			setpriority(PRIO_PROCESS, (id_t)out->pid, 0);
			return 0;
		}
	return start(l, network, out);
}

bool warm_refill(struct launcher *l)
{
	size_t have[2] = { 0, 0 };
	size_t want = MIN((size_t)l->settings.pool_node, (size_t)WARM_MAX / 2);
	if (zygotes_usable(l, ZYGOTE_NODE))
		while (l->warm_count) /* made while it was not */
			warm_drop(l, 0);
	if (!l->active || !l->plan.node || zygotes_usable(l, ZYGOTE_NODE) || launcher_now() < l->warm_after)
		return false;
	for (size_t i = 0; i < l->warm_count; i++)
		have[l->warm[i].network]++;
	for (int network = 0; network < 2; network++) {
		if (!l->wanted[network] || have[network] >= want || l->warm_count >= WARM_MAX)
			continue;
		if (start(l, network, &l->warm[l->warm_count]))
			return false;
		setpriority(PRIO_PROCESS, (id_t)l->warm[l->warm_count].pid, WARM_NICE);
		l->warm_count++;
		return have[network] + 1 < want;
	}
	return false;
}
