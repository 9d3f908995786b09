/* SPDX-License-Identifier: Apache-2.0 */
/* supply: what every run is given: an identity, a process space of its own, its order. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/core.h"
#include "sandbox/jail/harden.h"
#include "sandbox/launcher_int.h"

int64_t launcher_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void launcher_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- identities --- */

bool supply_take_uid(struct launcher *l, uint32_t *index)
{
	for (uint32_t i = 0; i < l->settings.uid_count; i++) {
		uint32_t at = (l->uid_next + i) % l->settings.uid_count;
		if (l->uid_taken[at])
			continue;
		l->uid_taken[at] = true;
		l->uid_next = at + 1; /* the longest unused comes first */
		*index = at;
		return true;
	}
	return false;
}

/* Where runs have no process namespace: nothing of this identity may be left alive. */
static void sweep_uid(const struct launcher *l, uint32_t uid)
{
	int how;
	if (!l->jail.own_ids || l->jail.tier == TIER_NAMESPACE)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		struct order o = { .flags = ORDER_SETID, .uid = uid, .gid = uid };
		if (harden_sweep(&o) < 0)
			_exit(1);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
}

void supply_give_uid(struct launcher *l, uint32_t index)
{
	sweep_uid(l, l->jail.uid_base + index);
	l->uid_taken[index] = false;
}

/* --- orders --- */

void supply_order(const struct launcher *l, struct order *o, uint32_t flags, uint32_t uid_index)
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

bool supply_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) == 0;
}

/* --- process spaces --- */

int supply_take_space(struct launcher *l, pid_t *init)
{
	if (l->spare_count) {
		*init = l->spare[--l->spare_count].init;
		return l->spare[l->spare_count].fd;
	}
	return jail_process_space(&l->jail, init);
}

void supply_refill_spaces(struct launcher *l)
{
	size_t want = MIN((size_t)l->settings.workers, (size_t)SPARE_MAX);
	if (l->jail.tier == TIER_NAMESPACE && l->active && l->spare_count < want && launcher_now() >= l->space_after) {
		int fd = jail_process_space(&l->jail, &l->spare[l->spare_count].init);
		l->spare[l->spare_count].fd = fd;
		if (fd >= 0)
			l->spare_count++;
		else
			l->space_after = launcher_now() + SPACE_PAUSE_MS;
	}
}

/* Killing the first process of a space kills all in it; it is reaped when it has gone. */
void supply_end_space(struct launcher *l, pid_t *init)
{
	if (*init <= 0)
		return;
	kill(*init, SIGKILL);
	if (l->dying_count < INITS_MAX)
		l->dying[l->dying_count++] = *init;
	*init = 0;
}

void supply_reap_spaces(struct launcher *l)
{
	for (size_t i = l->dying_count; i-- > 0;)
		if (waitpid(l->dying[i], NULL, WNOHANG) != 0)
			l->dying[i] = l->dying[--l->dying_count];
}

void supply_drop_spaces(struct launcher *l)
{
	while (l->spare_count) {
		l->spare_count--;
		launcher_close(&l->spare[l->spare_count].fd);
		supply_end_space(l, &l->spare[l->spare_count].init);
	}
}
