/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values: locks, counters and small values with a time to live, each one statement. What is
 * expired is as good as absent at once; the rows go with every 512th write.
 */
#include "base/id.h"
#include "store/broker/broker_int.h"

enum { LOCK_TOKEN_LEN = 22, DAY_MS = 86400000 };

/* --- locks --- */

status broker_lock_take(struct broker *b, struct arena *mem, struct str name, int64_t ttl_ms,
			struct broker_lock **out)
{
	struct str token = id_token(mem, LOCK_TOKEN_LEN);
	struct db_rows *rows;
	if (DB_WRITE(b->db, mem, &sql_broker_lock_take, DB_ANY, &rows, db_text(name), db_text(token),
		     db_int(clock_ms()), db_int(end_of_life(ttl_ms))))
		return -1;
	if (!rows->count)
		return err_set(ERR_BUSY, "%.*s is being worked on by another process", STR(name));
	struct broker_lock *lock = arena_new(mem, struct broker_lock);
	*lock = (struct broker_lock){ arena_str(mem, name), token, db_int_at(rows, 0, 0) };
	*out = lock;
	return 0;
}

status broker_lock_extend(struct broker *b, const struct broker_lock *l, int64_t ttl_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_lock_extend, 1, NULL, db_text(l->name),
			db_text(l->token), db_int(end_of_life(ttl_ms)), db_int(clock_ms()));
}

status broker_lock_give(struct broker *b, const struct broker_lock *l)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_lock_give, DB_ANY, NULL, db_text(l->name),
			db_text(l->token));
}

/* --- counters and values --- */

/* Every now and then a write takes the rubbish along. */
static void sweep_sometimes(struct broker *b, struct db_batch *batch)
{
	if (++b->writes % SWEEP_EVERY)
		return;
	int64_t now = clock_ms();
	DB_ADD(batch, &sql_broker_sweep_values, DB_ANY, db_int(now));
	DB_ADD(batch, &sql_broker_sweep_counters, DB_ANY, db_int(now));
	/* A lock's fence starts at the clock, so that a day later it still only grows. */
	DB_ADD(batch, &sql_broker_sweep_locks, DB_ANY, db_int(now - DAY_MS));
}

status counter_add(struct broker *b, struct str name, int64_t delta, int64_t ttl_ms, int64_t *out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_batch *batch = db_batch_open(mem.p);
	DB_ADD(batch, &sql_broker_counter_add, DB_ANY, db_text(name), db_int(delta),
	       db_int(end_of_life(ttl_ms)), db_int(clock_ms()));
	sweep_sometimes(b, batch);
	if (db_commit(b->db, batch))
		return -1;
	*out = db_int_at(db_batch_rows(batch, 0), 0, 0);
	return 0;
}

status counter_get(struct broker *b, struct str name, int64_t *out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_rows *rows;
	if (DB_READ(b->db, mem.p, &sql_broker_counter_get, &rows, db_text(name), db_int(clock_ms())))
		return -1;
	*out = db_int_at(rows, 0, 0);
	return 0;
}

status counter_reset(struct broker *b, struct str name)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_counter_reset, DB_ANY, NULL, db_text(name));
}

status value_set(struct broker *b, struct str name, struct str value, int64_t ttl_ms)
{
	AUTO(arena) mem = { arena_open(0) };
	struct db_batch *batch = db_batch_open(mem.p);
	DB_ADD(batch, &sql_broker_value_set, DB_ANY, db_text(name), db_blob(value),
	       db_int(end_of_life(ttl_ms)));
	sweep_sometimes(b, batch);
	return db_commit(b->db, batch);
}

status value_get(struct broker *b, struct arena *mem, struct str name, struct str *out)
{
	struct db_rows *rows;
	if (DB_READ(b->db, mem, &sql_broker_value_get, &rows, db_text(name), db_int(clock_ms())))
		return -1;
	*out = rows->count ? db_str_at(rows, 0, 0) : (struct str){ 0 };
	return 0;
}

status value_remove(struct broker *b, struct str name)
{
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_value_remove, DB_ANY, NULL, db_text(name));
}
