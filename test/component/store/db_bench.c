/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, reads and queue jobs a second; run by bench/run, or by hand: db_bench [sqlite|postgres] [full]. */
#include "store/broker/broker.h"
#include "store_test.h"

enum { FIBERS = 64, SECONDS = 3 };
static struct db_options options;
static bool use_postgres;

static const struct sql add_event = {
	"add_event", "INSERT INTO events (run, seq, body) VALUES (?1, ?2, ?3)",
	"INSERT INTO events (run, seq, body) VALUES ($1, $2, $3)", 3
};
static const struct sql get_event = { "get_event", "SELECT body FROM events WHERE run = ?1 AND seq = ?2",
				      "SELECT body FROM events WHERE run = $1 AND seq = $2", 2 };
struct load {
	struct db *db;
	int64_t number, until, done;
	bool reads;
};

static status load_fiber(void *arg)
{
	struct load *l = arg;
	AUTO(arena) mem = { arena_open(0) };
	for (; rt_now() < l->until; l->done++) {
		struct str run = arena_printf(mem.p, "run-%lld", (long long)l->number);
		struct db_rows *rows;
		if (l->reads)
			CHECK_OK(DB_READ(l->db, mem.p, &get_event, &rows, db_text(run), db_int(l->done % 100)));
		else
			CHECK_OK(DB_WRITE(l->db, mem.p, &add_event, DB_ANY, &rows, db_text(run),
					  db_int(l->done), db_text(S("{\"event\":\"node_finished\"}"))));
		arena_reset(mem.p);
	}
	return 0;
}

static status run_load(struct db *db, int fibers, bool reads, const char *what)
{
	static struct load loads[FIBERS];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t from = rt_now(), done = 0;
	for (int i = 0; i < fibers; i++) {
		loads[i] = (struct load){ db, i, from + SECONDS * 1000000000ll, 0, reads };
		CHECK_OK(group_spawn(g.p, "load", load_fiber, &loads[i]));
	}
	CHECK_OK(group_wait(g.p));
	for (int i = 0; i < fibers; i++)
		done += loads[i].done;
	double seconds = (double)(rt_now() - from) / 1e9;
	printf("%-28s %3d fibers %9.0f/s %8.1f us each\n", what, fibers, (double)done / seconds,
	       seconds * 1e6 * fibers / (double)done);
	return 0;
}

DEFINE_AUTO(broker, struct broker, broker_close)

/* --- the queue: one fiber pushes, others take and finish --- */

struct jobs {
	struct broker *broker;
	int64_t until, done;
};

static status take_fiber(void *arg)
{
	struct jobs *w = arg;
	struct str queue = S("bench");
	AUTO(arena) mem = { arena_open(0) };
	while (rt_now() < w->until) {
		struct job *j;
		deadline saved = deadline_push(deadline_in_ms(200));
		status st = queue_take(w->broker, mem.p, &queue, 1, 60000, &j);
		deadline_pop(saved);
		if (st)
			continue; /* none for a moment */
		CHECK_OK(queue_done(w->broker, j));
		w->done++;
		arena_reset(mem.p);
	}
	return 0;
}

static status push_fiber(void *arg)
{
	struct jobs *w = arg;
	AUTO(arena) mem = { arena_open(0) };
	for (; rt_now() < w->until; w->done++) {
		CHECK_OK(queue_push(w->broker, mem.p, S("bench"), S("{\"run\":\"x\"}"), NULL, NULL));
		arena_reset(mem.p);
	}
	return 0;
}

static status run_jobs(struct db *db, int takers)
{
	static struct jobs each[FIBERS];
	char run_dir[600];
	AUTO(broker) broker = { NULL };
	snprintf(run_dir, sizeof run_dir, "%s/run", dir);
	CHECK_OK(broker_open(&(struct broker_options){ .db = db, .run_dir = str_c(run_dir) }, &broker.p));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	int64_t from = rt_now(), done = 0;
	for (int i = 0; i < 2 * takers; i++) {
		each[i] = (struct jobs){ broker.p, from + SECONDS * 1000000000ll, 0 };
		CHECK_OK(group_spawn(g.p, "jobs", i < takers ? take_fiber : push_fiber, &each[i]));
	}
	CHECK_OK(group_wait(g.p));
	for (int i = 0; i < takers; i++)
		done += each[i].done;
	double seconds = (double)(rt_now() - from) / 1e9;
	printf("%-28s %3d fibers %9.0f/s %8.1f us each\n", "jobs taken and done", takers,
	       (double)done / seconds, seconds * 1e6 * takers / (double)MAX(done, 1));
	return 0;
}

static status main_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	CHECK_OK(test_db(dir, use_postgres, options, &db.p));
	CHECK_OK(db_script(db.p, S("DROP TABLE IF EXISTS events; CREATE TABLE events (run TEXT NOT NULL, seq "
				   "BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, seq))")));
	CHECK_OK(run_load(db.p, FIBERS, false, "batches of one insert"));
	struct db_stats st;
	db_stats_get(db.p, &st);
	printf("%.1f batches a commit\n", (double)st.batches / (double)MAX(st.commits, 1));
	CHECK_OK(db_script(db.p, S("DELETE FROM events WHERE run = 'run-0'")));
	CHECK_OK(run_load(db.p, 1, false, "batches of one insert"));
	CHECK_OK(run_load(db.p, 1, true, "reads of one row"));
	CHECK_OK(run_load(db.p, FIBERS, true, "reads of one row"));
	struct migrate_report report;
	CHECK_OK(db_migrate(db.p, false, &report));
	CHECK_OK(run_jobs(db.p, 1));
	CHECK_OK(run_jobs(db.p, 16));
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		use_postgres |= strcmp(argv[i], "postgres") == 0;
		options.sqlite_sync_full |= strcmp(argv[i], "full") == 0;
	}
	dir = dir_make();
	int rc = rt_run(&(struct rt_options){ 0 }, main_fiber, NULL) ? 1 : 0;
	dir_remove(dir);
	return rc;
}
