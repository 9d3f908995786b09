/* SPDX-License-Identifier: Apache-2.0 */
#include "role/maintain.h"

#include "app/draft.h"
#include "app/trigger.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "flow/flow.h"
#include "role/role.h"
#include "store/broker/broker.h"

enum {
	MAINTAIN_EVERY_MS = 10 * 60 * 1000,
	MAINTAIN_LEASE_MS = 15 * 60 * 1000,
	MAINTAIN_FIRST_MS = 5000, /* not in the way of a start */
};
#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define FIRES_KEPT_MS (90 * DAY_MS)

static status purge_runs(struct services *s)
{
	int64_t days = config_int(s->config, CONFIG_TATARA_RUN_RETENTION_DAYS), removed;
	int64_t count = config_int(s->config, CONFIG_TATARA_RUN_RETENTION_COUNT);
	if (flow_purge(s->flow, days, count, &removed))
		return -1;
	if (removed)
		log_info("deleted %lld runs (kept: %lld days, %lld an app)", (long long)removed,
			 (long long)days, (long long)count);
	return 0;
}

static status forget_drafts(struct services *s)
{
	int64_t days = config_int(s->config, CONFIG_TATARA_DRAFT_VARIABLES_DAYS), n;
	return days > 0 ? draft_forget(s->apps, clock_ms() - days * DAY_MS, &n) : 0;
}

static status maintain_once(struct services *s)
{
	AUTO(arena) mem = { arena_open(0) };
	struct broker_lock *lock;
	if (broker_lock_take(s->broker, mem.p, S("maintenance"), MAINTAIN_LEASE_MS, &lock))
		return err_code() == ERR_BUSY ? 0 : -1;
	/* Longer than any schedule may be late. */
	status r = purge_runs(s) || trigger_forget(s->apps, clock_ms() - FIRES_KEPT_MS) || forget_drafts(s) ? -1 : 0;
	struct err why;
	err_save(&why);
	if (broker_lock_give(s->broker, lock) && !r)
		return -1;
	return r ? err_restore(&why) : 0;
}

status maintain_loop(void *services)
{
	struct services *s = services;
	if (fiber_sleep_ms(MAINTAIN_FIRST_MS))
		return -1;
	for (;;) {
		/* A failure (database away) is not the end: the next round tries again. */
		if (maintain_once(s)) {
			if (err_code() == ERR_CANCELLED)
				return -1;
			log_err(LOG_WARN, "maintenance");
		}
		if (fiber_sleep_ms(MAINTAIN_EVERY_MS))
			return -1;
	}
}
