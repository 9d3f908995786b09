/* SPDX-License-Identifier: Apache-2.0 */
#include "role/maintain.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "role/role.h"
#include "sql_role.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum {
	MAINTAIN_EVERY_MS = 10 * 60 * 1000,
	MAINTAIN_LEASE_MS = 15 * 60 * 1000,
	MAINTAIN_FIRST_MS = 5000, /* not in the way of a start */
	PURGE_BATCH = 200,	  /* runs deleted at once: the writer stays free for others */
	DAY_MS = 24 * 3600 * 1000,
};

/* Deletes finished runs older than TATARA_RUN_RETENTION_DAYS (0 = keep all), batch by batch. */
static status purge_runs(struct services *s, struct arena *mem)
{
	int64_t days = config_int(s->config, CONFIG_TATARA_RUN_RETENTION_DAYS);
	if (days <= 0)
		return 0;
	int64_t before = clock_ms() - days * DAY_MS, total = 0;
	for (;;) {
		struct db_batch *b = db_batch_open(mem);
		DB_ADD(b, &sql_role_purge_journal, DB_ANY, db_int(before), db_int(PURGE_BATCH));
		size_t runs = DB_ADD(b, &sql_role_purge_runs, DB_ANY, db_int(before), db_int(PURGE_BATCH));
		if (db_commit(s->db, b))
			return -1;
		int64_t n = db_batch_rows(b, runs)->changed;
		total += n;
		if (n < PURGE_BATCH)
			break;
	}
	if (total)
		log_info("deleted %lld runs older than %lld days", (long long)total, (long long)days);
	return 0;
}

static status maintain_once(struct services *s)
{
	AUTO(arena) mem = { arena_open(0) };
	struct broker_lock *lock;
	if (broker_lock_take(s->broker, mem.p, S("maintenance"), MAINTAIN_LEASE_MS, &lock))
		return err_code() == ERR_BUSY ? 0 : -1;
	status r = purge_runs(s, mem.p);
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
		if (maintain_once(s))
			log_err(LOG_WARN, "maintenance");
		if (fiber_sleep_ms(MAINTAIN_EVERY_MS))
			return -1;
	}
}
