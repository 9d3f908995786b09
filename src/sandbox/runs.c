/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs: what becomes of a request: identity, pipes, an order to a zygote or a warm process, limits, and
 * the end that the front is told. Python runs that are made ahead are here too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "sandbox/launcher_int.h"
#include "sandbox/message.h"

static void refuse(uint64_t id, int why)
{
	struct launcher_report r = { .magic = WIRE_MAGIC, .event = LAUNCHER_REFUSED, .id = id, .code = why };
	launcher_tell(&r, sizeof(r), NULL, 0);
}

static struct run *new_run(struct launcher *l, const struct run_request *q)
{
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &l->run[i];
		if (r->used)
			continue;
		*r = (struct run){ .used = true, .id = q->id, .order_id = ++l->orders, .pidfd = -1,
				   .status = -1, .node = q->language == LANGUAGE_NODE, .flags = q->flags,
				   .near = { -1, -1, -1 }, .deadline = launcher_now() + q->wall_ms };
		calls_init(&r->calls, l->settings.threads, q->flags & ORDER_NETWORK && l->jail.broker);
		l->running++;
		return r;
	}
	return NULL;
}

void runs_kill(struct run *r, int reason)
{
	if (!r->reason)
		r->reason = reason;
	if (r->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
	if (r->init > 0)
		kill(r->init, SIGKILL);
}

/* The byte that says "jailed", and the listener that comes with it. */
static void read_status(struct run *r)
{
	char byte;
	int listener = -1;
	size_t count = 1;
	if (r->status < 0)
		return;
	ssize_t n = message_receive(r->status, &byte, 1, &listener, &count);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 1) {
		r->jailed = true;
		r->calls.listener = count ? listener : -1;
	}
	launcher_close(&r->status);
}

static void explain(const struct run *r, int wait_status, struct launcher_report *out)
{
	out->reason = r->reason;
	if (r->reason)
		return;
	if (!r->jailed) {
		out->reason = END_BROKEN;
	} else if (WIFEXITED(wait_status)) {
		out->reason = END_EXIT;
		out->code = WEXITSTATUS(wait_status);
	} else {
		int sig = WTERMSIG(wait_status);
		out->reason = sig == SIGSYS ? END_FORBIDDEN : sig == SIGXCPU ? END_TIMEOUT : END_SIGNAL;
		out->code = sig;
	}
}

/* Everything that the run had; its place is free again. */
static void release(struct launcher *l, struct run *r)
{
	launcher_close(&r->pidfd);
	launcher_close(&r->status);
	for (int i = 0; i < STARTED_FD_COUNT; i++)
		launcher_close(&r->near[i]);
	supply_end_space(l, &r->init);
	cgroup_leave(&l->cgroup, r->order_id);
	supply_give_uid(l, r->uid_index);
	r->used = false;
	l->running -= !r->ahead;
}

static void finish_run(struct launcher *l, struct run *r, int wait_status)
{
	struct launcher_report out = { .magic = WIRE_MAGIC, .event = LAUNCHER_ENDED, .id = r->id,
				       .cpu_us = r->cpu_us, .peak_kb = r->peak_kb };
	bool ahead = r->ahead;
	read_status(r);
	explain(r, wait_status, &out);
	/* A heap that is full ends Node by abort: the figure says so, not the text it printed. */
	if (r->node && out.reason == END_SIGNAL && r->peak_kb > (int64_t)l->settings.memory_mb * 1024 / 5 &&
	    (out.code == SIGABRT || out.code == SIGTRAP || out.code == SIGILL))
		out.reason = END_MEMORY;
	if (out.reason == END_SIGNAL && out.code == SIGKILL && cgroup_out_of_memory(&l->cgroup, r->order_id))
		out.reason = END_MEMORY;
	out.refused = r->calls.refused;
	out.refused_len = r->calls.names;
	memcpy(out.refused_name, r->calls.name, sizeof(out.refused_name));
	memcpy(out.killed_by, r->calls.killed_by, sizeof(out.killed_by));
	calls_close(&r->calls);
	if (!ahead)
		launcher_tell(&out, sizeof(out), NULL, 0);
	else if (out.reason != END_KILLED)
		l->ahead_after = launcher_now() + AHEAD_PAUSE_MS;
	release(l, r);
}

static enum zygote_kind kind_of(const struct run *r)
{
	return r->node ? ZYGOTE_NODE : r->flags & ORDER_DATA ? ZYGOTE_DATA : ZYGOTE_PYTHON;
}

/* To a zygote, which forks; whatever happens, the far ends are closed by the caller afterwards. */
static status start_forked(struct launcher *l, struct run *r, const int far[4])
{
	struct order o;
	struct zygote *z;
	if (zygotes_get(l, kind_of(r), &z))
		return -1;
	supply_order(l, &o, r->flags | (r->node ? ORDER_NODE : 0), r->uid_index);
	o.id = r->order_id;
	int fds[ORDER_FD_COUNT] = { far[0], far[1], far[2], far[3] };
	size_t count = 4;
	int space = supply_take_space(l, &r->init);
	if (space < 0 && l->jail.tier == TIER_NAMESPACE)
		return err_set(ERR_UNAVAILABLE, "no process namespace"); /* never without */
	if (space >= 0) {
		fds[count++] = space;
		/* Without a broker the zygote lives where the proxy is; others are sent to where nothing is. */
		if (!(r->flags & ORDER_NETWORK) && !l->jail.broker)
			fds[count++] = l->jail.empty_net;
	}
	int sent = message_send(z->control, &o, sizeof(o), fds, count);
	launcher_close(&space);
	if (sent < 0)
		return err_errno("send an order");
	r->zygote = z;
	z->runs++;
	return 0;
}

/* To a Node process of its own, which brings its identity and the pipes of its output. */
static status start_fresh(struct launcher *l, struct run *r, int code, int status_end)
{
	struct order o;
	struct warm w;
	if (warm_take(l, (r->flags & ORDER_NETWORK) != 0, &w))
		return -1;
	supply_order(l, &o, r->flags | ORDER_NODE | ORDER_FRESH, w.uid_index);
	o.id = r->order_id;
	int sent = message_send(w.control, &o, sizeof(o), (int[]){ code, code, code, status_end }, 4);
	launcher_close(&w.control);
	r->pid = w.pid;
	r->calls.pid = w.pid;
	r->init = w.init;
	r->pidfd = w.pidfd;
	supply_give_uid(l, r->uid_index);
	r->uid_index = w.uid_index;
	r->near[STARTED_FD_OUT] = w.out;
	r->near[STARTED_FD_ERR] = w.err;
	if (cgroup_enter(&l->cgroup, r->order_id, r->pid))
		return -1;
	return sent < 0 ? err_errno("send an order") : 0;
}

static void abandon(struct launcher *l, struct run *r, int why)
{
	uint64_t id = r->id;
	if (r->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
	if (r->pid > 0 && r->fresh)
		waitpid(r->pid, NULL, 0);
	release(l, r);
	refuse(id, why);
}

/* Place and identity; NULL when there is none. */
static struct run *open_run(struct launcher *l, const struct run_request *q)
{
	uint32_t uid_index;
	if (!supply_take_uid(l, &uid_index))
		return NULL;
	struct run *r = new_run(l, q);
	if (r)
		r->uid_index = uid_index;
	else
		supply_give_uid(l, uid_index);
	return r;
}

/* Makes the descriptors and gives the order away; r->near holds what the front will get. */
static bool launch(struct launcher *l, struct run *r)
{
	int code[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, say[2] = { -1, -1 };
	bool ok = supply_pipe(code) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, say) == 0;
	r->fresh = r->node && !zygotes_usable(l, ZYGOTE_NODE);
	if (!r->fresh)
		ok = ok && supply_pipe(out) && supply_pipe(err);
	r->near[STARTED_FD_CODE] = code[1];
	r->near[STARTED_FD_OUT] = out[0];
	r->near[STARTED_FD_ERR] = err[0];
	r->status = say[0];
	if (ok)
		ok = !(r->fresh ? start_fresh(l, r, code[0], say[1])
				: start_forked(l, r, (int[]){ code[0], out[1], err[1], say[1] }));
	launcher_close(&code[0]);
	launcher_close(&out[1]);
	launcher_close(&err[1]);
	launcher_close(&say[1]);
	return ok;
}

/* --- Python runs made ahead: forked and jailed, they wait for their code --- */

static bool is_ahead(const struct run *r)
{
	return r->used && r->ahead && !r->reason;
}

void runs_drop_ahead(struct launcher *l, const struct zygote *z)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (is_ahead(&l->run[i]) && (!z || l->run[i].zygote == z))
			runs_kill(&l->run[i], END_KILLED);
}

/* One that fits becomes the run that is asked for; NULL when there is none. */
static struct run *take_ahead(struct launcher *l, const struct run_request *q)
{
	uint32_t flags = q->flags & ~(uint32_t)ORDER_PRELOAD; /* the code says it by itself */
	struct run *found = NULL;
	if (l->ahead_flags != flags)
		runs_drop_ahead(l, NULL); /* the next ones will be asked for like this one */
	l->ahead_flags = flags;
	l->ahead_wanted = true;
	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *r = &l->run[i];
		if (is_ahead(r) && r->flags == flags && (!found || r->jailed))
			found = r;
	}
	if (!found)
		return NULL;
	found->ahead = false;
	found->id = q->id;
	found->deadline = launcher_now() + q->wall_ms;
	l->running++;
	return found;
}

bool runs_refill_ahead(struct launcher *l)
{
	const struct zygote *z = zygotes_find(l, l->ahead_flags & ORDER_DATA ? ZYGOTE_DATA : ZYGOTE_PYTHON);
	size_t have = 0, want = MIN((size_t)l->settings.workers, (size_t)AHEAD_MAX);
	if (!l->active || !l->ahead_wanted || !z || !z->ready || launcher_now() < l->ahead_after)
		return false;
	for (size_t i = 0; i < RUNS_MAX; i++)
		have += l->run[i].used && l->run[i].ahead;
	/* A zygote that forks cannot tell that a run has ended: not beside one unless none is left. */
	if (have >= want || (l->running && have))
		return false;
	struct run_request q = { .magic = WIRE_MAGIC, .kind = FRONT_RUN, .language = LANGUAGE_PYTHON,
				 .flags = l->ahead_flags };
	struct run *r = open_run(l, &q);
	if (r) {
		r->id = r->order_id | AHEAD_ID;
		r->ahead = true;
		r->deadline = INT64_MAX / 2; /* its time begins with its code */
		l->running--;
	}
	if (r && launch(l, r))
		return have + 1 < want;
	if (r)
		release(l, r);
	l->ahead_after = launcher_now() + AHEAD_PAUSE_MS;
	return false;
}

void runs_begin(struct launcher *l, const struct run_request *q)
{
	bool node = q->language == LANGUAGE_NODE;
	l->active = true;
	l->last_run = launcher_now();
	if (node && !l->plan.node) {
		refuse(q->id, REFUSAL_LANGUAGE);
		return;
	}
	struct run *r = node ? NULL : take_ahead(l, q);
	bool ready = r != NULL;
	if (!r)
		r = open_run(l, q);
	if (!r) {
		refuse(q->id, REFUSAL_NO_IDENTITY);
		return;
	}
	if (!ready && !launch(l, r)) {
		abandon(l, r, REFUSAL_BROKEN);
		return;
	}
	struct launcher_report started = { .magic = WIRE_MAGIC, .event = LAUNCHER_STARTED, .id = q->id };
	launcher_tell(&started, sizeof(started), r->near, STARTED_FD_COUNT);
	for (int i = 0; i < STARTED_FD_COUNT; i++)
		launcher_close(&r->near[i]);
}

/* By the number in its order, as zygotes know it. */
static struct run *find_order(struct launcher *l, uint64_t id)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used && !l->run[i].fresh && l->run[i].order_id == id)
			return &l->run[i];
	return NULL;
}

struct run *runs_find(struct launcher *l, uint64_t id)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used && l->run[i].id == id)
			return &l->run[i];
	return NULL;
}

/* --- watching --- */

static int64_t resident_kb(pid_t pid)
{
	char path[64], text[128];
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	launcher_close(&fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	char *at = strchr(text, ' ');
	return at ? strtol(at, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void watch_run(struct launcher *l, struct run *r, int64_t now)
{
	if (now >= r->deadline)
		runs_kill(r, END_TIMEOUT);
	/* A zygote that does not even say that it started the run is no zygote any more. */
	if (now >= r->deadline + GRACE_MS && r->zygote) {
		zygotes_died(l, r->zygote);
		return;
	}
	if (r->pid <= 0)
		return;
	int64_t kb = resident_kb(r->pid);
	r->peak_kb = MAX(r->peak_kb, kb);
	if (kb > (int64_t)l->settings.memory_mb * 1024)
		runs_kill(r, END_MEMORY);
	calls_tick(&r->calls);
}

void runs_watch(struct launcher *l, int64_t now)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used)
			watch_run(l, &l->run[i], now);
}

/* --- what zygotes and processes tell --- */

void runs_fail(struct launcher *l, const struct zygote *z)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used && l->run[i].zygote == z) {
			l->run[i].reason = END_BROKEN;
			finish_run(l, &l->run[i], 0);
		}
}

void runs_report(struct launcher *l, const struct zygote_report *a, int *pidfd)
{
	struct run *r = find_order(l, a->id);
	if (!r)
		return;
	if (a->event == ZYGOTE_STARTED && *pidfd >= 0) {
		r->pid = a->pid;
		r->calls.pid = a->pid;
		r->pidfd = *pidfd;
		*pidfd = -1;
		if (cgroup_enter(&l->cgroup, r->order_id, r->pid))
			runs_kill(r, END_BROKEN);
		if (r->reason) /* was to be killed before it was there */
			runs_kill(r, r->reason);
	}
	if (a->event == ZYGOTE_ENDED) {
		r->cpu_us = a->cpu_us;
		r->peak_kb = MAX(r->peak_kb, a->peak_kb);
		finish_run(l, r, a->wait_status);
	}
	if (a->event == ZYGOTE_FAILED) {
		r->reason = END_BROKEN;
		finish_run(l, r, 0);
	}
}

static void on_end(struct launcher *l, struct run *r)
{
	int how = 0;
	struct rusage use = { 0 };
	if (wait4(r->pid, &how, WNOHANG, &use) == 0)
		return;
	r->cpu_us = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
	r->peak_kb = MAX(r->peak_kb, use.ru_maxrss);
	finish_run(l, r, how);
}

/* The other end of a connection that was made for the run. */
static void hand_over(struct run *r)
{
	struct launcher_report a = { .magic = WIRE_MAGIC, .event = LAUNCHER_CONNECTED, .id = r->id };
	if (r->calls.connected >= 0)
		launcher_tell(&a, sizeof(a), &r->calls.connected, 1);
	launcher_close(&r->calls.connected);
}

void runs_event(struct launcher *l, struct run *r, enum run_event event, bool readable)
{
	if (event == RUN_STATUS)
		read_status(r);
	else if (event == RUN_ENDED)
		on_end(l, r);
	else if (!readable)
		launcher_close(&r->calls.listener); /* nobody is left to ask */
	else if (!calls_answer(&r->calls))
		runs_kill(r, END_FORBIDDEN);
	hand_over(r);
}
