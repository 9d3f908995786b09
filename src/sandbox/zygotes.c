/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zygotes: interpreters that are ready and forked for every run, one of each kind that programs have
 * asked for. One that is old gets a successor first; one that dies takes its runs with it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "sandbox/launcher_int.h"
#include "sandbox/message.h"

/* One that is ready, else one that is starting (orders wait in its socket), else NULL. */
struct zygote *zygotes_find(struct launcher *l, enum zygote_kind kind)
{
	struct zygote *found = NULL;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *z = &l->zygote[i];
		if (z->pid && !z->retired && z->kind == kind && (!found || z->ready))
			found = z;
	}
	return found;
}

/* Three deaths in ten seconds: wait, do not spin. */
static bool dies_too_often(const struct launcher *l, enum zygote_kind kind)
{
	return l->death[kind][0] && launcher_now() - l->death[kind][0] < DEATHS_WINDOW_MS;
}

bool zygotes_usable(struct launcher *l, enum zygote_kind kind)
{
	if (kind == ZYGOTE_NODE && !l->plan.node_forks)
		return false;
	return zygotes_find(l, kind) || !dies_too_often(l, kind);
}

static status start_zygote(struct launcher *l, enum zygote_kind kind)
{
	int ends[2];
	struct zygote *z = NULL;
	for (size_t i = 0; i < ZYGOTE_SLOTS && !z; i++)
		if (!l->zygote[i].pid)
			z = &l->zygote[i];
	if (!z || dies_too_often(l, kind))
		return err_set(ERR_UNAVAILABLE, "zygotes end at once");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno("socketpair");
	*z = (struct zygote){ .control = ends[0], .kind = kind, .born = launcher_now() };
	status r = jail_start_zygote(&l->jail, ends[1], kind, &z->pid);
	close(ends[1]);
	if (r) {
		close(ends[0]);
		z->pid = 0;
		return -1;
	}
	return 0;
}

status zygotes_get(struct launcher *l, enum zygote_kind kind, struct zygote **out)
{
	l->kept[kind] = true;
	if (!zygotes_find(l, kind) && start_zygote(l, kind))
		return -1;
	*out = zygotes_find(l, kind);
	return 0;
}

/* Takes no new orders; ends by itself when its last run has. */
static void retire(struct zygote *z)
{
	z->retired = true;
	shutdown(z->control, SHUT_WR);
}

void zygotes_retire_all(struct launcher *l)
{
	memset(l->kept, 0, sizeof(l->kept));
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (l->zygote[i].pid && !l->zygote[i].retired)
			retire(&l->zygote[i]);
}

/* Starts a successor; the old one goes on until that is ready, so that no run waits for it. */
static void renew(struct launcher *l, enum zygote_kind kind)
{
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (l->zygote[i].pid && !l->zygote[i].ready && l->zygote[i].kind == kind)
			return; /* one is on its way */
	(void)start_zygote(l, kind);
}

void zygotes_replace_python(struct launcher *l)
{
	bool old[ZYGOTE_SLOTS];
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		old[i] = l->zygote[i].pid && !l->zygote[i].retired && l->zygote[i].kind != ZYGOTE_NODE;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++)
		if (old[i] && !start_zygote(l, l->zygote[i].kind)) {
			runs_drop_ahead(l, &l->zygote[i]);
			retire(&l->zygote[i]);
		}
}

static void is_ready(struct launcher *l, struct zygote *z)
{
	z->ready = true;
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *other = &l->zygote[i];
		if (other != z && other->pid && other->ready && !other->retired && other->kind == z->kind) {
			runs_drop_ahead(l, other);
			retire(other);
		}
	}
}

void zygotes_died(struct launcher *l, struct zygote *z)
{
	int64_t *death = l->death[z->kind];
	if (!z->retired) {
		memmove(death, death + 1, sizeof(*death) * (DEATHS_MAX - 1));
		death[DEATHS_MAX - 1] = launcher_now();
	}
	runs_fail(l, z);
	launcher_close(&z->control);
	kill(z->pid, SIGKILL);
	while (waitpid(z->pid, NULL, 0) < 0 && errno == EINTR)
		;
	z->pid = 0;
}

void zygotes_report(struct launcher *l, struct zygote *z)
{
	struct zygote_report a;
	int pidfd = -1;
	size_t count = 1;
	ssize_t n = message_receive(z->control, &a, sizeof(a), &pidfd, &count);
	if (n != sizeof(a) || a.magic != WIRE_MAGIC) {
		zygotes_died(l, z);
		return;
	}
	if (a.event == ZYGOTE_READY)
		is_ready(l, z);
	else
		runs_report(l, &a, &pidfd);
	launcher_close(&pidfd);
}

void zygotes_watch(struct launcher *l, int64_t now)
{
	for (size_t i = 0; i < ZYGOTE_SLOTS; i++) {
		struct zygote *z = &l->zygote[i];
		bool old = z->runs >= ZYGOTE_RUNS_MAX || (z->runs && now - z->born > ZYGOTE_AGE_MS);
		if (z->pid && z->ready && !z->retired && old)
			renew(l, z->kind);
	}
	for (enum zygote_kind kind = 0; kind < ZYGOTE_KINDS; kind++)
		if (l->kept[kind] && !zygotes_find(l, kind))
			(void)start_zygote(l, kind);
}
