/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher: see launcher.h.
 *
 *   front --run--> [identity, pipes, process space] --order--> zygote or warm Node --> run
 *   front <--started (ends of pipes)--                        status byte: jailed |
 *   front <--ended (exit, signal, reason)-- launcher <-- zygote's report, or waitpid
 *
 * A run ends when its process is gone; only then is its identity free again. Two Python runs are made
 * ahead: jailed already, they wait for their code (take_ahead, refill_ahead).
 */
#include "sandbox/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/jail/harden.h"
#include "sandbox/launcher_int.h"
#include "sandbox/message.h"

/* --- reports to the front --- */

static void tell_front(const void *report, size_t len, const int *fds, size_t count)
{
	/* The front reads all the time; when it is gone, so are we (its end of the pair closes). */
	if (message_send(FRONT_FD, report, len, fds, count) < 0 && errno != EAGAIN)
		exit(0);
}

static void refuse(uint64_t id, int why)
{
	struct launcher_report r = { .magic = WIRE_MAGIC, .event = LAUNCHER_REFUSED, .id = id, .code = why };
	tell_front(&r, sizeof(r), NULL, 0);
}

/* --- zygotes --- */

/* One that is ready, else one that is starting (orders wait in its socket), else NULL. */
static struct zygote *find_zygote(struct launcher *l, bool data)
{
	struct zygote *found = NULL;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *z = &l->zygote[i];
		if (z->pid && !z->retired && z->data == data && (!found || z->ready))
			found = z;
	}
	return found;
}

/* Three deaths in ten seconds: wait, do not spin. */
static bool dies_too_often(const struct launcher *l)
{
	return l->death[0] && launcher_now() - l->death[0] < DEATHS_WINDOW_MS;
}

static status start_zygote(struct launcher *l, bool data)
{
	int ends[2];
	struct zygote *z = NULL;
	for (size_t i = 0; i < ZYGOTE_SLOTS && !z; i++)
		if (!l->zygote[i].pid)
			z = &l->zygote[i];
	if (!z || dies_too_often(l))
		return err_set(ERR_UNAVAILABLE, "zygotes end at once");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno("socketpair");
	*z = (struct zygote){ .control = ends[0], .data = data, .born = launcher_now() };
	status r = jail_start_zygote(&l->jail, ends[1], data, &z->pid);
	close(ends[1]);
	if (r) {
		close(ends[0]);
		z->pid = 0;
		return -1;
	}
	l->zygote_starts++;
	return 0;
}

/* Takes no new orders; ends by itself when its last run has. */
static void retire(struct zygote *z)
{
	z->retired = true;
	shutdown(z->control, SHUT_WR);
}

/* Starts a successor; the old one goes on until that is ready, so that no run waits for it. */
static void renew_zygote(struct launcher *l, bool data)
{
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (l->zygote[i].pid && !l->zygote[i].ready && l->zygote[i].data == data)
			return; /* one is on its way */
	(void)start_zygote(l, data);
}

static void drop_ahead(struct launcher *l, const struct zygote *z);

static void zygote_ready(struct launcher *l, struct zygote *z)
{
	z->ready = true;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *other = &l->zygote[i];
		if (other != z && other->pid && other->ready && !other->retired && other->data == z->data) {
			drop_ahead(l, other);
			retire(other);
		}
	}
}

/* What was installed since a zygote began is not seen by it, so runs wait for its successor. */
static void replace_zygotes(struct launcher *l)
{
	bool old[ZYGOTE_SLOTS];
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		old[i] = l->zygote[i].pid && !l->zygote[i].retired;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (old[i] && !start_zygote(l, l->zygote[i].data)) {
			drop_ahead(l, &l->zygote[i]);
			retire(&l->zygote[i]);
		}
}

static void finish_run(struct launcher *l, struct run *r, int wait_status);

static void zygote_died(struct launcher *l, struct zygote *z)
{
	if (!z->retired) {
		memmove(l->death, l->death + 1, sizeof(l->death) - sizeof(l->death[0]));
		l->death[DEATHS_MAX - 1] = launcher_now();
	}
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used && l->run[i].zygote == z) {
			l->run[i].reason = END_BROKEN;
			finish_run(l, &l->run[i], 0);
		}
	launcher_close(&z->control);
	kill(z->pid, SIGKILL);
	while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
		;
	z->pid = 0;
}

/* --- warm Node processes --- */

static void fill_order(const struct launcher *l, struct order *o, uint32_t flags, uint32_t uid_index)
{
	const struct launcher_settings *s = &l->settings;
	*o = (struct order){ .magic = WIRE_MAGIC,
			     .flags = flags | jail_order_flags(&l->jail),
			     .memory = (uint64_t)s->memory_mb << 20,
			     .uid = l->jail.uid_base + uid_index,
			     .gid = l->jail.uid_base + uid_index,
			     .cpu_seconds = s->cpu_seconds,
			     .threads = s->threads,
			     .files = FILES_MAX,
			     .scratch_mb = s->scratch_mb,
			     .extra_len = s->extra_len };
	memcpy(o->extra, s->extra, sizeof(o->extra));
}

static bool make_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) == 0;
}

static status start_warm(struct launcher *l, bool network, struct warm *w)
{
	struct order o;
	int control[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	*w = (struct warm){ .control = -1, .out = -1, .err = -1, .pidfd = -1, .network = network };
	if (!supply_take_uid(l, &w->uid_index))
		return err_set(ERR_BUSY, "no identity is free");
	fill_order(l, &o, ORDER_NODE | (network ? ORDER_NETWORK : 0), w->uid_index);
	int space = supply_take_space(l, &w->init);
	status r = -1;
	bool there = space >= 0 || l->jail.tier != TIER_NAMESPACE;
	if (there && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0 && make_pipe(out) && make_pipe(err))
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
	launcher_close(&w->control);
	launcher_close(&w->out);
	launcher_close(&w->err);
	supply_end_space(l, &w->init);
	supply_give_uid(l, w->uid_index);
	return -1;
}

static void drop_warm(struct launcher *l, size_t i)
{
	struct warm *w = &l->warm[i];
	syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	launcher_close(&w->control);
	launcher_close(&w->out);
	launcher_close(&w->err);
	launcher_close(&w->pidfd);
	supply_end_space(l, &w->init);
	supply_give_uid(l, w->uid_index);
	l->warm[i] = l->warm[--l->warm_count];
}

/* One start at a time, in quiet moments, behind the runs. */
static bool refill_warm(struct launcher *l)
{
	size_t have[2] = { 0, 0 };
	size_t want = MIN((size_t)l->settings.pool_node, (size_t)WARM_MAX / 2);
	if (!l->active || !l->plan.node || launcher_now() < l->warm_after)
		return false;
	for (size_t i = 0; i < l->warm_count; i++)
		have[l->warm[i].network]++;
	for (int network = 0; network < 2; network++) {
		if (!l->wanted[network] || have[network] >= want || l->warm_count >= WARM_MAX)
			continue;
		if (start_warm(l, network, &l->warm[l->warm_count]))
			return false;
		setpriority(PRIO_PROCESS, (id_t)l->warm[l->warm_count].pid, WARM_NICE);
		l->warm_count++;
		return have[network] + 1 < want;
	}
	return false;
}

/* --- runs --- */

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

static void kill_run(struct run *r, int reason)
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
	out.refused = r->calls.refused;
	out.refused_len = r->calls.names;
	memcpy(out.refused_name, r->calls.name, sizeof(out.refused_name));
	memcpy(out.killed_by, r->calls.killed_by, sizeof(out.killed_by));
	if (out.reason == END_SIGNAL && out.code == SIGKILL && cgroup_out_of_memory(&l->cgroup, r->order_id))
		out.reason = END_MEMORY;
	calls_close(&r->calls);
	if (!ahead)
		tell_front(&out, sizeof(out), NULL, 0);
	else if (out.reason != END_KILLED)
		l->ahead_after = launcher_now() + AHEAD_PAUSE_MS;
	release(l, r);
}

/* Gives the order away; whatever happens, the far ends are closed here afterwards. */
static status start_python(struct launcher *l, struct run *r, const struct run_request *q, const int far[4])
{
	struct order o;
	struct zygote *z = find_zygote(l, (q->flags & ORDER_DATA) != 0);
	if (!z && start_zygote(l, (q->flags & ORDER_DATA) != 0))
		return -1;
	if (!z)
		z = find_zygote(l, (q->flags & ORDER_DATA) != 0);
	fill_order(l, &o, q->flags, r->uid_index);
	o.id = r->order_id;
	int fds[ORDER_FD_COUNT] = { far[0], far[1], far[2], far[3] };
	size_t count = 4;
	int space = supply_take_space(l, &r->init);
	if (space < 0 && l->jail.tier == TIER_NAMESPACE)
		return err_set(ERR_UNAVAILABLE, "no process namespace"); /* never without */
	if (space >= 0) {
		fds[count++] = space;
		/* Without a broker the zygote lives where the proxy is; others are sent to where nothing is. */
		if (!(q->flags & ORDER_NETWORK) && !l->jail.broker)
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

static status start_node(struct launcher *l, struct run *r, const struct run_request *q, int code, int status_end,
			 int near[3])
{
	bool network = (q->flags & ORDER_NETWORK) != 0;
	struct order o;
	struct warm w = { .pid = 0 };
	l->wanted[network] = true;
	for (size_t i = l->warm_count; i-- > 0 && !w.pid;)
		if (l->warm[i].network == network) {
			w = l->warm[i];
			l->warm[i] = l->warm[--l->warm_count];
			setpriority(PRIO_PROCESS, (id_t)w.pid, 0);
		}
	if (!w.pid && start_warm(l, network, &w))
		return -1;
	fill_order(l, &o, q->flags | ORDER_NODE, w.uid_index);
	o.id = q->id;
	int sent = message_send(w.control, &o, sizeof(o), (int[]){ code, code, code, status_end }, 4);
	launcher_close(&w.control);
	r->pid = w.pid;
	r->calls.pid = w.pid;
	r->init = w.init;
	r->pidfd = w.pidfd;
	supply_give_uid(l, r->uid_index);
	r->uid_index = w.uid_index;
	near[STARTED_FD_OUT] = w.out;
	near[STARTED_FD_ERR] = w.err;
	if (cgroup_enter(&l->cgroup, r->order_id, r->pid))
		return -1;
	return sent < 0 ? err_errno("send an order") : 0;
}

static void abandon(struct launcher *l, struct run *r, int why)
{
	uint64_t id = r->id;
	if (r->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
	if (r->pid > 0 && r->node)
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
static bool launch(struct launcher *l, struct run *r, const struct run_request *q)
{
	int code[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, say[2] = { -1, -1 };
	bool ok = make_pipe(code) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, say) == 0;
	if (!r->node)
		ok = ok && make_pipe(out) && make_pipe(err);
	r->near[STARTED_FD_CODE] = code[1];
	r->near[STARTED_FD_OUT] = out[0];
	r->near[STARTED_FD_ERR] = err[0];
	r->status = say[0];
	if (ok)
		ok = !(r->node ? start_node(l, r, q, code[0], say[1], r->near)
			       : start_python(l, r, q, (int[]){ code[0], out[1], err[1], say[1] }));
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

/* Of one zygote, or all (NULL). They end as runs do, and nobody is told. */
static void drop_ahead(struct launcher *l, const struct zygote *z)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (is_ahead(&l->run[i]) && (!z || l->run[i].zygote == z))
			kill_run(&l->run[i], END_KILLED);
}

/* One that fits becomes the run that is asked for; NULL when there is none. */
static struct run *take_ahead(struct launcher *l, const struct run_request *q)
{
	uint32_t flags = q->flags & ~(uint32_t)ORDER_PRELOAD; /* the code says it by itself */
	struct run *found = NULL;
	if (l->ahead_flags != flags)
		drop_ahead(l, NULL); /* the next ones will be asked for like this one */
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

/* One at a time; true when another is wanted. */
static bool refill_ahead(struct launcher *l)
{
	struct zygote *z = find_zygote(l, (l->ahead_flags & ORDER_DATA) != 0);
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
	if (r && launch(l, r, &q))
		return have + 1 < want;
	if (r)
		release(l, r);
	l->ahead_after = launcher_now() + AHEAD_PAUSE_MS;
	return false;
}

static void begin_run(struct launcher *l, const struct run_request *q)
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
	if (!ready && !launch(l, r, q)) {
		abandon(l, r, REFUSAL_BROKEN);
		return;
	}
	struct launcher_report started = { .magic = WIRE_MAGIC, .event = LAUNCHER_STARTED, .id = q->id };
	tell_front(&started, sizeof(started), r->near, STARTED_FD_COUNT);
	for (int i = 0; i < STARTED_FD_COUNT; i++)
		launcher_close(&r->near[i]);
}

/* By the number in its order, as zygotes know it. */
static struct run *find_order(struct launcher *l, uint64_t id)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used && !l->run[i].node && l->run[i].order_id == id)
			return &l->run[i];
	return NULL;
}

static struct run *find_run(struct launcher *l, uint64_t id)
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
		kill_run(r, END_TIMEOUT);
	/* A zygote that does not even say that it started the run is no zygote any more. */
	if (now >= r->deadline + GRACE_MS && r->zygote) {
		zygote_died(l, r->zygote);
		return;
	}
	if (r->pid <= 0)
		return;
	int64_t kb = resident_kb(r->pid);
	r->peak_kb = MAX(r->peak_kb, kb);
	if (kb > (int64_t)l->settings.memory_mb * 1024)
		kill_run(r, END_MEMORY);
	calls_tick(&r->calls);
}

/* Nobody has asked for long: the memory is worth more. */
static void go_idle(struct launcher *l)
{
	l->active = false;
	drop_ahead(l, NULL);
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (l->zygote[i].pid && !l->zygote[i].retired)
			retire(&l->zygote[i]);
	while (l->warm_count)
		drop_warm(l, 0);
	while (l->spare_count) {
		l->spare_count--;
		launcher_close(&l->spare[l->spare_count].fd);
		supply_end_space(l, &l->spare[l->spare_count].init);
	}
}

static void watch(struct launcher *l)
{
	int64_t now = launcher_now();
	for (size_t i = 0; i < RUNS_MAX; i++)
		if (l->run[i].used)
			watch_run(l, &l->run[i], now);
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *z = &l->zygote[i];
		bool old = z->runs >= ZYGOTE_RUNS_MAX || (z->runs && now - z->born > ZYGOTE_AGE_MS);
		if (z->pid && z->ready && !z->retired && old)
			renew_zygote(l, z->data);
	}
	if (l->active && !find_zygote(l, false))
		(void)start_zygote(l, false);
	if (l->settings.lazy && l->active && !l->running && now - l->last_run > IDLE_MS)
		go_idle(l);
	cgroup_sweep(&l->cgroup);
	l->watched = now;
}

/* --- events --- */

static void on_front(struct launcher *l)
{
	struct run_request q;
	size_t none = 0;
	ssize_t n = message_receive(FRONT_FD, &q, sizeof(q), NULL, &none);
	if (n <= 0)
		exit(0); /* the kernel ends our children: they asked for it */
	if (n != sizeof(q) || q.magic != WIRE_MAGIC)
		return;
	struct run *r = find_run(l, q.id);
	if (q.kind == FRONT_RUN && !r && q.language < LANGUAGE_COUNT)
		begin_run(l, &q);
	else if (q.kind == FRONT_KILL && r)
		kill_run(r, END_KILLED);
	else if (q.kind == FRONT_RELOAD)
		replace_zygotes(l);
}

static void on_zygote(struct launcher *l, struct zygote *z)
{
	struct zygote_report a;
	int pidfd = -1;
	size_t count = 1;
	ssize_t n = message_receive(z->control, &a, sizeof(a), &pidfd, &count);
	if (n != sizeof(a) || a.magic != WIRE_MAGIC) {
		zygote_died(l, z);
		return;
	}
	struct run *r = find_order(l, a.id);
	if (a.event == ZYGOTE_READY)
		zygote_ready(l, z);
	if (a.event == ZYGOTE_STARTED && r && count) {
		r->pid = a.pid;
		r->calls.pid = a.pid;
		r->pidfd = pidfd;
		pidfd = -1;
		if (cgroup_enter(&l->cgroup, r->order_id, r->pid))
			kill_run(r, END_BROKEN);
		if (r->reason) /* was to be killed before it was there */
			kill_run(r, r->reason);
	}
	if (a.event == ZYGOTE_ENDED && r) {
		r->cpu_us = a.cpu_us;
		r->peak_kb = MAX(r->peak_kb, a.peak_kb);
		finish_run(l, r, a.wait_status);
	}
	if (a.event == ZYGOTE_FAILED && r) {
		r->reason = END_BROKEN;
		finish_run(l, r, 0);
	}
	launcher_close(&pidfd);
}

static void on_node_end(struct launcher *l, struct run *r)
{
	int how = 0;
	struct rusage use = { 0 };
	if (wait4(r->pid, &how, WNOHANG, &use) == 0)
		return;
	r->cpu_us = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
	r->peak_kb = MAX(r->peak_kb, use.ru_maxrss);
	finish_run(l, r, how);
}

/* What a ready descriptor belongs to. */
enum source { FROM_FRONT, FROM_ZYGOTE, FROM_WARM, FROM_RUN_END, FROM_STATUS, FROM_CALL };
struct watched {
	enum source source;
	size_t index;
	uint64_t id;
};
enum { POLL_MAX = 1 + ZYGOTE_SLOTS + WARM_MAX + 3 * RUNS_MAX };
struct poll_set {
	struct pollfd fd[POLL_MAX];
	struct watched what[POLL_MAX];
	nfds_t count;
};

static void add_watch(struct poll_set *s, int fd, enum source source, size_t index, uint64_t id)
{
	if (fd < 0)
		return;
	s->fd[s->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	s->what[s->count++] = (struct watched){ source, index, id };
}

static void collect(const struct launcher *l, struct poll_set *s)
{
	s->count = 0;
	add_watch(s, FRONT_FD, FROM_FRONT, 0, 0);
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (l->zygote[i].pid)
			add_watch(s, l->zygote[i].control, FROM_ZYGOTE, i, (uint64_t)l->zygote[i].pid);
	for (size_t i = 0; i < l->warm_count; i++)
		add_watch(s, l->warm[i].pidfd, FROM_WARM, i, (uint64_t)l->warm[i].pid);
	for (size_t i = 0; i < RUNS_MAX; i++) {
		const struct run *r = &l->run[i];
		if (!r->used)
			continue;
		add_watch(s, r->status, FROM_STATUS, i, r->id);
		if (!calls_are_slow(&r->calls))
			add_watch(s, r->calls.listener, FROM_CALL, i, r->id);
		if (r->node)
			add_watch(s, r->pidfd, FROM_RUN_END, i, r->id);
	}
}

/* The other end of a connection that was made for the run. */
static void hand_over(struct run *r)
{
	struct launcher_report a = { .magic = WIRE_MAGIC, .event = LAUNCHER_CONNECTED, .id = r->id };
	if (r->calls.connected >= 0)
		tell_front(&a, sizeof(a), &r->calls.connected, 1);
	launcher_close(&r->calls.connected);
}

static void on_run(struct launcher *l, const struct watched *w, short events)
{
	struct run *r = &l->run[w->index];
	if (!r->used || r->id != w->id)
		return; /* ended by an event before this one */
	if (w->source == FROM_STATUS)
		read_status(r);
	else if (w->source == FROM_RUN_END)
		on_node_end(l, r);
	else if (!(events & POLLIN))
		launcher_close(&r->calls.listener); /* nobody is left to ask */
	else if (!calls_answer(&r->calls))
		kill_run(r, END_FORBIDDEN);
	hand_over(r);
}

static void dispatch(struct launcher *l, const struct poll_set *s)
{
	for (nfds_t i = 0; i < s->count; i++) {
		const struct watched *w = &s->what[i];
		if (!s->fd[i].revents)
			continue;
		if (w->source == FROM_FRONT)
			on_front(l);
		else if (w->source == FROM_ZYGOTE && (uint64_t)l->zygote[w->index].pid == w->id)
			on_zygote(l, &l->zygote[w->index]);
		else if (w->source == FROM_WARM && w->index < l->warm_count &&
			 (uint64_t)l->warm[w->index].pid == w->id) {
			drop_warm(l, w->index);
			l->warm_after = launcher_now() + WARM_PAUSE_MS;
		}
		else if (w->source > FROM_WARM)
			on_run(l, w, s->fd[i].revents);
	}
}

static _Noreturn void serve(struct launcher *l)
{
	static struct poll_set set;
	bool more = true;
	for (;;) {
		collect(l, &set);
		bool work = more || (l->active && !l->running && l->jail.tier == TIER_NAMESPACE && launcher_now() >= l->space_after &&
				     l->spare_count < MIN((size_t)l->settings.workers, (size_t)SPARE_MAX));
		int wait = work ? 0 : l->dying_count ? 1 : l->running ? WATCH_MS : 1000;
		if (poll(set.fd, set.count, wait) < 0 && errno != EINTR)
			exit(1);
		dispatch(l, &set);
		if (launcher_now() - l->watched >= WATCH_MS)
			watch(l);
		supply_reap_spaces(l);
		/* What the next runs will need is made while none is waiting for us. */
		if (!l->running || !l->spare_count)
			supply_refill_spaces(l);
		more = refill_ahead(l);
		more |= refill_warm(l);
	}
}

/* --- start --- */

static void hello(struct launcher *l, bool failed)
{
	struct launcher_hello h = { .magic = WIRE_MAGIC, .event = LAUNCHER_HELLO, .failed = failed,
				    .tier = (uint32_t)l->probe.tier, .has_node = l->plan.node != NULL };
	struct buf b = buf_make(l->mem, sizeof(h.text) - 1);
	if (failed) {
		buf_printf(&b, "%.*s", STR(err_text()));
	} else {
		probe_line(&l->probe, &b);
		snprintf(h.python_version, sizeof(h.python_version), "%s", l->plan.python_version);
		snprintf(h.node_version, sizeof(h.node_version), "%s", l->plan.node ? l->plan.node_version : "");
		if (!l->plan.node)
			buf_printf(&b, "; %s", l->plan.why_no_node);
	}
	memcpy(h.text, b.at, b.len);
	if (!failed)
		snprintf(h.site, sizeof(h.site), "%s", l->plan.site);
	bool listener = !failed && l->jail.listener >= 0;
	tell_front(&h, sizeof(h), &l->jail.listener, listener);
	if (listener)
		launcher_close(&l->jail.listener);
}

static status make_folders(const struct launcher *l)
{
	static const char *const names[] = { "", "/place", "/helpers", "/packages" };
	for (size_t i = 0; i < countof(names); i++) {
		const char *path = arena_printf(l->mem, "%s%s", l->settings.work_dir, names[i]).at;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return err_errno("make %s", path);
	}
	return 0;
}

static status prepare(struct launcher *l)
{
	struct launcher_settings *s = &l->settings;
	size_t none = 0;
	if (message_receive(FRONT_FD, s, sizeof(*s), NULL, &none) != sizeof(*s) || s->magic != WIRE_MAGIC ||
	    s->extra_len > WIRE_EXTRA_MAX || !s->uid_count)
		return err_set(ERR_INVALID, "the sandbox's settings did not arrive");
	if (make_folders(l) || root_plan_make(l->mem, s, &l->plan))
		return -1;
	probe_run(&l->probe, arena_printf(l->mem, "%s/place", s->work_dir).at, s->uid_base);
	if (probe_choose(&l->probe, s->isolation, s->require) || jail_open(&l->jail, s, &l->plan, &l->probe))
		return -1;
	if (cgroup_open(&l->cgroup, s->cgroup, (uint64_t)(s->memory_mb + s->scratch_mb) << 20, s->threads))
		return -1;
	l->uid_taken = arena_array(l->mem, bool, s->uid_count);
	l->active = !s->lazy;
	return 0;
}

int launcher_main(void)
{
	static struct launcher l;
	l.mem = arena_open(64 << 10);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022); /* folders of the jail are for other users to walk through */
	bool failed = prepare(&l);
	/* After the maps of a user namespace are written: they need the right to look at ourselves. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	hello(&l, failed);
	if (failed || (l.active && start_zygote(&l, false)))
		return 1;
	serve(&l);
}
