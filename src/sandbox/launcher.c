/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher: see launcher.h.
 *
 *   front --run--> [identity, pipes, process space] --order--> zygote or warm Node --> run
 *   front <--started (ends of pipes)--                        status byte: jailed |
 *   front <--ended (exit, signal, reason)-- launcher <-- zygote's report, or waitpid
 *
 * A run ends when its process is gone; only then is its identity free again. This file has the loop,
 * the start and the end; the parts are zygotes.c, warm.c, runs.c and supply.c.
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

void launcher_tell(const void *report, size_t len, const int *fds, size_t count)
{
	/* The front reads all the time; when it is gone, so are we (its end of the pair closes). */
	if (message_send(FRONT_FD, report, len, fds, count) < 0 && errno != EAGAIN)
		exit(0);
}

/* Nobody has asked for long: the memory is worth more. */
static void go_idle(struct launcher *l)
{
	l->active = false;
	runs_drop_ahead(l, NULL);
	zygotes_retire_all(l);
	while (l->warm_count)
		warm_drop(l, 0);
	supply_drop_spaces(l);
}

static void watch(struct launcher *l)
{
	int64_t now = launcher_now();
	runs_watch(l, now);
	l->kept[ZYGOTE_PYTHON] = l->active;
	zygotes_watch(l, now);
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
	struct run *r = runs_find(l, q.id);
	if (q.kind == FRONT_RUN && !r && q.language < LANGUAGE_COUNT)
		runs_begin(l, &q);
	else if (q.kind == FRONT_KILL && r)
		runs_kill(r, END_KILLED);
	else if (q.kind == FRONT_RELOAD)
		zygotes_replace_python(l);
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
		if (r->fresh)
			add_watch(s, r->pidfd, FROM_RUN_END, i, r->id);
	}
}

static void on_run(struct launcher *l, const struct watched *w, short events)
{
	static const enum run_event event[] = { [FROM_RUN_END] = RUN_ENDED, [FROM_STATUS] = RUN_STATUS,
						[FROM_CALL] = RUN_CALL };
	struct run *r = &l->run[w->index];
	if (r->used && r->id == w->id) /* else ended by an event before this one */
		runs_event(l, r, event[w->source], (events & POLLIN) != 0);
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
			zygotes_report(l, &l->zygote[w->index]);
		else if (w->source == FROM_WARM && w->index < l->warm_count &&
			 (uint64_t)l->warm[w->index].pid == w->id) {
			warm_drop(l, w->index);
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
		more = runs_refill_ahead(l);
		more |= warm_refill(l);
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
		else if (!l->plan.node_forks)
			buf_printf(&b, "; every JavaScript program starts a Node process: %s", l->plan.why_no_fork);
	}
	memcpy(h.text, b.at, b.len);
	if (!failed)
		snprintf(h.site, sizeof(h.site), "%s", l->plan.site);
	bool listener = !failed && l->jail.listener >= 0;
	launcher_tell(&h, sizeof(h), &l->jail.listener, listener);
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
	const char *helpers = arena_printf(l->mem, "%s/helpers", s->work_dir).at;
	if (make_folders(l) || root_write_helpers(helpers) || root_plan_make(l->mem, s, helpers, &l->plan))
		return -1;
	probe_run(&l->probe, arena_printf(l->mem, "%s/place", s->work_dir).at, s->uid_base);
	l->probe.have[PROBE_FORK] = l->plan.node_forks;
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
	if (failed)
		return 1;
	serve(&l); /* it begins with a look at what is missing: the first zygote */
}
