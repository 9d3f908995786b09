/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres: the pool of connections and what is repeated on a fresh one.
 *
 * Repeated once: reads whose connection was lost; batches that the server rolled back because of
 * others (serialization, deadlock); batches whose connection was lost before their end was sent.
 * Never repeated: a batch whose COMMIT was sent and not answered. It fails with ERR_UNAVAILABLE
 * and the detail "outcome unknown".
 *
 * While the server is away, calls fail at once until the back-off (0.1 to 2 s) is over.
 */
#include "store/db/postgres.h"
#include <stdlib.h>
#include <string.h>
#include "store/db/postgres_int.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, GRACE_MS = 5000 };

struct pg {
	struct db db; /* first */
	char *conninfo;
	struct slots slots;
	struct list idle; /* the most recently used first */
	int64_t backoff_ms;
	int64_t retry_at; /* rt_now */
};

static struct pg *pg_of(struct db *db)
{
	return (struct pg *)db;
}

static struct str conninfo_of(const struct pg *p)
{
	return str_c(p->conninfo);
}

/* --- the pool --- */

static status connect_new(struct pg *p, struct pg_conn **out)
{
	if (rt_now() < p->retry_at)
		return err_set(ERR_UNAVAILABLE, "the database server cannot be reached");
	if (pg_connect(conninfo_of(p), p->db.timeout_ms, out)) {
		if (err_code() != ERR_UNAVAILABLE)
			return -1;
		p->backoff_ms = p->backoff_ms ? MIN(p->backoff_ms * 2, BACKOFF_MAX_MS) : BACKOFF_MIN_MS;
		p->retry_at = rt_now() + p->backoff_ms * 1000000;
		return -1;
	}
	p->backoff_ms = 0;
	p->retry_at = 0;
	return 0;
}

static status acquire(struct pg *p, struct pg_conn **out)
{
	p->db.stats.queue++;
	status rc = slots_take(&p->slots, deadline_current());
	p->db.stats.queue--;
	if (rc)
		return -1;
	for (struct list *n; (n = list_pop(&p->idle));) {
		struct pg_conn *c = container_of(n, struct pg_conn, link);
		if (pg_alive(c)) {
			*out = c;
			return 0;
		}
		p->db.stats.reconnects++;
		pg_close(c);
	}
	if (connect_new(p, out)) {
		slots_give(&p->slots);
		return -1;
	}
	return 0;
}

static void release(struct pg *p, struct pg_conn *c)
{
	if (c->broken) {
		p->db.stats.reconnects++;
		pg_close(c);
	} else {
		list_push_front(&p->idle, &c->link);
	}
	slots_give(&p->slots);
}

/* --- reads and batches --- */

static status pg_read(struct db *db, struct arena *mem, const struct db_item *it,
		      struct db_rows **out)
{
	struct pg *p = pg_of(db);
	for (int attempt = 0;; attempt++) {
		struct pg_conn *c;
		if (acquire(p, &c))
			return -1;
		c->unknown = false;
		status rc = pg_run_one(c, mem, it, out);
		bool again = rc && (c->stale || (c->broken && err_code() == ERR_UNAVAILABLE) ||
				    err_code() == ERR_BUSY);
		release(p, c);
		if (!rc || !again || attempt)
			return rc;
	}
}

static status pg_commit(struct db *db, struct db_batch *b)
{
	struct pg *p = pg_of(db);
	for (int attempt = 0;; attempt++) {
		struct pg_conn *c;
		if (acquire(p, &c))
			return -1;
		/* Once it is on its way the outcome is waited for, past the caller's deadline. */
		struct shield s = shield_begin(db->timeout_ms + GRACE_MS);
		status rc = pg_run_batch(c, b);
		shield_end(s);
		bool lost = c->broken && err_code() == ERR_UNAVAILABLE && !c->unknown;
		bool again = rc && (c->stale || lost || err_code() == ERR_BUSY);
		release(p, c);
		if (!rc) {
			db->stats.commits++;
			return 0;
		}
		if (!again || attempt)
			return -1;
	}
}

static status pg_prepare_one(struct db *db, const struct sql *sql)
{
	struct pg *p = pg_of(db);
	struct pg_conn *c;
	if (acquire(p, &c))
		return -1;
	status rc = pg_prepare(c, sql);
	release(p, c);
	return rc;
}

static status pg_script_text(struct db *db, struct str text)
{
	struct pg *p = pg_of(db);
	AUTO(arena) mem = { arena_open(0) };
	struct pg_conn *c;
	if (acquire(p, &c))
		return -1;
	c->unknown = false;
	status rc = pg_script(c, arena_cstr(mem.p, text));
	release(p, c);
	return rc;
}

/* --- migrations: on a connection of their own, under an advisory lock --- */

static status migrate_query(void *conn, struct arena *mem, const char *text, struct db_rows **rows)
{
	struct pg_conn *c = conn;
	const struct sql sql = { .postgres = text };
	const struct db_item it = { .sql = &sql, .expect = DB_ANY };
	return pg_run_one(c, mem, &it, rows);
}

static status migrate_script(void *conn, const char *text)
{
	return pg_script(conn, text);
}

DEFINE_AUTO(pg_conn, struct pg_conn, pg_close)

static status pg_migrate(struct db *db, bool plan, struct migrate_report *report)
{
	static const struct migrate_ops ops = { migrate_query, migrate_script, true };
	struct pg *p = pg_of(db);
	AUTO(pg_conn) c = { NULL };
	/* No statement timeout: an index on a large table takes its time. The lock is the
	 * session's and goes with it. */
	if (pg_connect(conninfo_of(p), 0, &c.p))
		return -1;
	if (!plan && pg_script(c.p, "SELECT pg_advisory_lock(hashtext('tatara schema_migrations'))"))
		return -1;
	return migrate_run(&ops, c.p, plan, report);
}

/* --- LISTEN --- */

struct db_listener {
	struct pg_conn *c;
};

status db_listen(struct db *db, const char *channel, struct db_listener **out)
{
	struct pg *p = pg_of(db);
	ASSERT(db_is_postgres(db));
	AUTO(pg_conn) c = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	if (pg_connect(conninfo_of(p), db->timeout_ms, &c.p) ||
	    pg_script(c.p, arena_printf(mem.p, "LISTEN %s", channel).at))
		return -1;
	struct db_listener *l = calloc(1, sizeof(*l));
	ASSERT(l);
	l->c = take(c.p);
	*out = l;
	return 0;
}

status db_listen_next(struct db_listener *l, struct arena *mem, struct str *payload, deadline until)
{
	for (;;) {
		PGnotify *n = PQnotifies(l->c->pq);
		if (n) {
			*payload = arena_str(mem, str_c(n->extra));
			PQfreemem(n);
			return 0;
		}
		if (fd_wait(l->c->fd, WAIT_READ, until))
			return -1;
		if (!PQconsumeInput(l->c->pq) || PQstatus(l->c->pq) != CONNECTION_OK)
			return pg_lost(l->c);
	}
}

void db_listen_close(struct db_listener *l)
{
	if (!l)
		return;
	pg_close(l->c);
	free(l);
}

/* --- opening and closing --- */

static void pg_shut(struct db *db)
{
	struct pg *p = pg_of(db);
	for (struct list *n; (n = list_pop(&p->idle));)
		pg_close(container_of(n, struct pg_conn, link));
	free(p->conninfo);
	free(p);
}

static const struct db_backend pg_backend = {
	.close = pg_shut,
	.read = pg_read,
	.commit = pg_commit,
	.prepare = pg_prepare_one,
	.script = pg_script_text,
	.migrate = pg_migrate,
};

bool db_is_postgres(const struct db *db)
{
	return db->backend == &pg_backend;
}

status postgres_open(const struct db_options *o, struct db **out)
{
	char *problem = NULL;
	struct pg *p = calloc(1, sizeof(*p));
	ASSERT(p);
	p->db.backend = &pg_backend;
	p->db.timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : DB_TIMEOUT_DEFAULT_MS;
	p->conninfo = strndup(o->postgres.at, o->postgres.len);
	ASSERT(p->conninfo);
	p->slots.left = (size_t)(o->connections > 0 ? MIN(o->connections, PG_POOL_MAX) : PG_POOL_DEFAULT);
	list_init(&p->idle);
	PQconninfoOption *options = PQconninfoParse(p->conninfo, &problem);
	if (!options) {
		pg_shut(&p->db);
		err_set(ERR_INVALID, "the database settings are not valid");
		err_detail("%s", problem ? problem : "no memory");
		PQfreemem(problem);
		return -1;
	}
	PQconninfoFree(options);
	*out = &p->db;
	return 0;
}
