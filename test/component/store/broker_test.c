/* SPDX-License-Identifier: Apache-2.0 */
/* Queues, messages, locks, counters: the same cases on both databases. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include "base/crypt.h"
#include "store/broker/broker.h"
#include "store_test.h"

static bool use_postgres;
static int64_t poll_ms; /* of the brokers that are opened next */
static const char *self;
extern char **environ;

static status open_both(bool fresh, struct db **db, struct broker **broker)
{
	struct migrate_report r;
	CHECK_OK(test_db(dir, use_postgres, (struct db_options){ 0 }, db));
	if (fresh && use_postgres)
		CHECK_OK(db_script(*db, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public")));
	CHECK_OK(db_migrate(*db, false, &r));
	char run[512];
	snprintf(run, sizeof(run), "%s/run", dir);
	struct broker_options o = { .db = *db, .run_dir = str_c(run), .poll_ms = poll_ms };
	CHECK_OK(broker_open(&o, broker));
	return 0;
}

DEFINE_AUTO(broker, struct broker, broker_close)

/* How long a test waits for what must come: only something broken takes so long. */
enum { PATIENCE_MS = 120000 };

/* The wall clock of this process, moved by the tests: leases and delays end when they say so. */
static int64_t moved_ms;

static int64_t moved_clock(void)
{
	return clock_real_ms() + moved_ms;
}

static status take_within(struct broker *b, struct arena *mem, struct str queue, int64_t ms,
			  int64_t lease_ms, struct job **out)
{
	deadline saved = deadline_push(deadline_in_ms(ms));
	status rc = queue_take(b, mem, &queue, 1, lease_ms, out);
	deadline_pop(saved);
	return rc;
}

static status queues_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_both(true, &db.p, &b.p));
	struct str q = S("mail"), id;
	struct job *j, *k;
	struct queue_stats st;
	CHECK_ERR(take_within(b.p, mem.p, q, 60, 1000, &j), ERR_TIMEOUT);
	/* priority, then age */
	CHECK_OK(queue_push(b.p, mem.p, q, S("one"), NULL, &id));
	CHECK_OK(fiber_sleep_ms(2));
	CHECK_OK(queue_push(b.p, mem.p, q, S("two"), NULL, NULL));
	CHECK_OK(queue_push(b.p, mem.p, q, S("urgent"), &(struct job_options){ .priority = 5 }, NULL));
	CHECK_OK(queue_stats_get(b.p, q, &st));
	CHECK(st.waiting == 3 && st.running == 0 && st.delayed == 0 && st.dead == 0);
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &j));
	CHECK(str_eq(j->payload, S("urgent")) && j->attempt == 1 && str_eq(j->queue, q));
	CHECK_OK(queue_done(b.p, j));
	CHECK_ERR(queue_done(b.p, j), ERR_STALE);
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &j));
	CHECK(str_eq(j->payload, S("one")) && str_eq(j->id, id));
	/* failing: back with a delay, and dead in the end */
	CHECK_OK(queue_fail(b.p, j, S("no route"), 600000));
	CHECK_OK(queue_stats_get(b.p, q, &st));
	CHECK(st.waiting == 1 && st.delayed == 1);
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &k));
	CHECK(str_eq(k->payload, S("two")));
	CHECK_OK(queue_done(b.p, k));
	moved_ms += 600000;
	for (int i = 2; i <= 3; i++) {
		CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &j));
		CHECK(j->attempt == i && str_eq(j->id, id));
		CHECK_OK(queue_fail(b.p, j, S("no route"), 0));
	}
	CHECK_OK(queue_stats_get(b.p, q, &st));
	CHECK(st.dead == 1 && st.waiting == 0);
	CHECK_ERR(take_within(b.p, mem.p, q, 60, 1000, &j), ERR_TIMEOUT);
	int64_t n;
	CHECK_OK(queue_revive(b.p, q, &n));
	CHECK(n == 1);
	/* an expired lease: taken again, the first holder is told */
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &j));
	CHECK(j->attempt == 1);
	CHECK_OK(queue_extend(b.p, j, 1200000));
	moved_ms += 600000; /* not yet */
	CHECK_ERR(take_within(b.p, mem.p, q, 60, 1000, &k), ERR_TIMEOUT);
	moved_ms += 600000;
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &k));
	CHECK(k->attempt == 2 && str_eq(k->id, j->id) && !str_eq(k->lease, j->lease));
	CHECK_ERR(queue_extend(b.p, j, 1000), ERR_STALE);
	CHECK_ERR(queue_fail(b.p, j, S("late"), 0), ERR_STALE);
	CHECK_OK(queue_done(b.p, k));
	/* a lease that runs out at the last attempt: dead */
	CHECK_OK(queue_push(b.p, mem.p, q, S("last"), &(struct job_options){ .attempts_max = 1 }, NULL));
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 600000, &j));
	moved_ms += 600000;
	for (int i = 0; i < PATIENCE_MS / 60 && st.dead < 1; i++) {
		CHECK_ERR(take_within(b.p, mem.p, q, 60, 1000, &k), ERR_TIMEOUT);
		CHECK_OK(queue_stats_get(b.p, q, &st));
	}
	CHECK(st.dead == 1);
	return 0;
}

static status keys_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_both(true, &db.p, &b.p));
	struct str q = S("index");
	struct job_options o = { .key = S_INIT("document 1") };
	struct queue_stats st;
	struct job *j;
	for (int i = 0; i < 3; i++)
		CHECK_OK(queue_push(b.p, mem.p, q, S("x"), &o, NULL));
	CHECK_OK(queue_stats_get(b.p, q, &st));
	CHECK(st.waiting == 1);
	CHECK_OK(take_within(b.p, mem.p, q, PATIENCE_MS, 60000, &j));
	/* the first runs: another may wait; the first fails back beside it */
	CHECK_OK(queue_push(b.p, mem.p, q, S("y"), &o, NULL));
	CHECK_OK(queue_fail(b.p, j, S("again"), 0));
	CHECK_OK(queue_stats_get(b.p, q, &st));
	CHECK(st.waiting == 2);
	/* in a batch: there exactly when the batch is */
	struct db_batch *batch = db_batch_open(mem.p);
	CHECK_OK(queue_add(b.p, mem.p, batch, S("other"), S("z"), NULL, NULL));
	static const struct sql nothing = { "nothing", "DELETE FROM jobs WHERE id = 'none'",
					    "DELETE FROM jobs WHERE id = 'none'", 0 };
	db_batch_add(batch, &nothing, NULL, 0, 1);
	CHECK_ERR(db_commit(db.p, batch), ERR_STALE);
	CHECK_OK(queue_stats_get(b.p, S("other"), &st));
	CHECK(st.waiting == 0);
	/* several queues, more than one look takes */
	struct str names[11];
	for (size_t i = 0; i < countof(names); i++)
		names[i] = arena_printf(mem.p, "q%zu", i);
	CHECK_OK(queue_push(b.p, mem.p, names[10], S("far"), NULL, NULL));
	CHECK_OK(queue_push(b.p, mem.p, names[3], S("near"), NULL, NULL));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(queue_take(b.p, mem.p, names, countof(names), 60000, &j));
		CHECK(str_eq(j->payload, i ? S("far") : S("near")));
	}
	CHECK_ERR(queue_push(b.p, mem.p, S(""), S("x"), NULL, NULL), ERR_INVALID);
	return 0;
}

static status late_push(void *arg)
{
	AUTO(arena) mem = { arena_open(0) };
	if (fiber_sleep_ms(700))
		return -1;
	return queue_push(arg, mem.p, S("wake"), S("up"), NULL, NULL);
}

/* Until what one says reaches the other: a LISTEN may be on its way. */
static status hear_each_other(struct broker *from, struct broker *to)
{
	AUTO(topic_sub) sub = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct str got;
	CHECK_OK(topic_subscribe(to, S("warm"), &sub.p));
	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		CHECK_OK(topic_publish(from, S("warm"), S("up")));
		if (!topic_next(sub.p, mem.p, &got, deadline_in_ms(100)))
			return 0;
		CHECK(err_code() == ERR_TIMEOUT);
		err_clear();
	}
	return err_set(ERR_TIMEOUT, "no message ever came");
}

/* A second broker stands for another process: it has its own socket or connection. */
static status messages_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(db) db2 = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(broker) b2 = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	poll_ms = 3600000;
	CHECK_OK(open_both(true, &db.p, &b.p));
	poll_ms = 0;
	CHECK_OK(open_both(false, &db2.p, &b2.p));
	AUTO(topic_sub) mine = { NULL };
	AUTO(topic_sub) other = { NULL };
	AUTO(topic_sub) deaf = { NULL };
	CHECK_OK(topic_subscribe(b.p, S("run/1"), &mine.p));
	CHECK_OK(topic_subscribe(b2.p, S("run/1"), &other.p));
	CHECK_OK(topic_subscribe(b2.p, S("run/2"), &deaf.p));
	struct str got;
	CHECK_OK(hear_each_other(b.p, b2.p));
	CHECK_OK(hear_each_other(b2.p, b.p));
	CHECK_OK(topic_publish(b.p, S("run/1"), S("a\nb")));
	CHECK_OK(topic_next(mine.p, mem.p, &got, deadline_in_ms(PATIENCE_MS)));
	CHECK(str_eq(got, S("a\nb")));
	CHECK_OK(topic_next(other.p, mem.p, &got, deadline_in_ms(PATIENCE_MS)));
	CHECK(str_eq(got, S("a\nb")));
	CHECK_ERR(topic_next(deaf.p, mem.p, &got, deadline_in_ms(100)), ERR_TIMEOUT);
	CHECK_ERR(topic_next(mine.p, mem.p, &got, deadline_in_ms(20)), ERR_TIMEOUT); /* no echo */
	/* a slow reader loses the oldest */
	for (int i = 0; i < 300; i++)
		CHECK_OK(topic_publish(b.p, S("run/1"), arena_printf(mem.p, "%d", i)));
	CHECK_OK(topic_next(mine.p, mem.p, &got, deadline_in_ms(PATIENCE_MS)));
	CHECK(str_eq(got, S("44")));
	char *big = arena_text(mem.p, 100000);
	memset(big, 'x', 100000);
	CHECK_ERR(topic_publish(b.p, S("run/1"), str_of(big, 100000)), ERR_TOO_LARGE);
	CHECK_ERR(topic_publish(b.p, S("a\nb"), S("")), ERR_INVALID);
	/* a push elsewhere wakes a taker, who would not look again for an hour */
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	CHECK_OK(group_spawn(g.p, "late push", late_push, b2.p));
	struct job *j;
	CHECK_OK(take_within(b.p, mem.p, S("wake"), PATIENCE_MS, 1000, &j));
	CHECK(str_eq(j->payload, S("up")));
	CHECK_OK(group_wait(g.p));
	return 0;
}

static status values_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_both(true, &db.p, &b.p));
	struct broker_lock *l, *m;
	CHECK_OK(broker_lock_take(b.p, mem.p, S("beat"), 60000, &l));
	CHECK_ERR(broker_lock_take(b.p, mem.p, S("beat"), 60000, &m), ERR_BUSY);
	CHECK_OK(broker_lock_extend(b.p, l, 60000));
	CHECK_OK(broker_lock_give(b.p, l));
	CHECK_ERR(broker_lock_extend(b.p, l, 60000), ERR_STALE);
	CHECK_OK(broker_lock_take(b.p, mem.p, S("beat"), 60000, &m));
	CHECK(m->fence > l->fence);
	CHECK_OK(broker_lock_give(b.p, l)); /* not ours any more: nothing happens */
	CHECK_ERR(broker_lock_take(b.p, mem.p, S("beat"), 10, &l), ERR_BUSY);
	moved_ms += 61000;
	CHECK_OK(broker_lock_take(b.p, mem.p, S("beat"), 60000, &l));
	CHECK(l->fence > m->fence);
	CHECK_ERR(broker_lock_extend(b.p, m, 60000), ERR_STALE);

	int64_t n;
	CHECK_OK(counter_get(b.p, S("c"), &n));
	CHECK(n == 0);
	CHECK_OK(counter_add(b.p, S("c"), 5, 60000, &n));
	CHECK_OK(counter_add(b.p, S("c"), -2, 60000, &n));
	CHECK(n == 3);
	CHECK_OK(counter_reset(b.p, S("c")));
	CHECK_OK(counter_add(b.p, S("c"), 1, 60000, &n));
	CHECK(n == 1);
	moved_ms += 60000;
	CHECK_OK(counter_get(b.p, S("c"), &n));
	CHECK(n == 0);
	CHECK_OK(counter_add(b.p, S("c"), 7, 0, &n)); /* for ever */
	CHECK(n == 7);

	struct str v;
	CHECK_OK(value_get(b.p, mem.p, S("v"), &v));
	CHECK(v.at == NULL);
	CHECK_OK(value_set(b.p, S("v"), S("a\0b"), 60000));
	CHECK_OK(value_set(b.p, S("v"), S("c\0d"), 60000));
	CHECK_OK(value_get(b.p, mem.p, S("v"), &v));
	CHECK(str_eq(v, S("c\0d")));
	CHECK_OK(value_set(b.p, S("empty"), S(""), 60000));
	CHECK_OK(value_get(b.p, mem.p, S("empty"), &v));
	CHECK(v.at != NULL && v.len == 0);
	CHECK_OK(value_remove(b.p, S("v")));
	CHECK_OK(value_get(b.p, mem.p, S("v"), &v));
	CHECK(v.at == NULL);
	/* rubbish goes with time */
	CHECK_OK(value_set(b.p, S("short"), S("x"), 60000));
	moved_ms += 60000;
	for (int i = 0; i < 600; i++)
		CHECK_OK(counter_add(b.p, S("many"), 1, 0, &n));
	CHECK(n == 600);
	static const struct sql left = { "left", "SELECT count(*) FROM broker_values WHERE name = 'short'",
					 "SELECT count(*) FROM broker_values WHERE name = 'short'", 0 };
	struct db_rows *rows;
	CHECK_OK(db_read(db.p, mem.p, &left, NULL, 0, &rows));
	CHECK(db_int_at(rows, 0, 0) == 0);
	return 0;
}

/* --- processes that are killed --- */

/* Enough work for many kills. */
#define KILL_JOBS (use_postgres ? 400 : 4000)
static struct db *the_db; /* of the child */

/* The child pushes jobs numbered by a counter in the same batch, and counts each job that it did
 * before it says so. */
static status child_worker(void *arg)
{
	struct broker *b = arg;
	for (;;) {
		AUTO(arena) mem = { arena_open(0) };
		struct job *j;
		CHECK_OK(take_within(b, mem.p, S("k"), PATIENCE_MS, 150, &j));
		int64_t n;
		CHECK_OK(counter_add(b, arena_printf(mem.p, "done %.*s", STR(j->payload)), 1, 0, &n));
		if (queue_done(b, j)) { /* a stall that outlived the lease */
			CHECK(err_code() == ERR_STALE);
			CHECK_OK(counter_add(b, S("late"), 1, 0, &n));
		}
	}
}

static status child_pusher(void *arg)
{
	struct broker *b = arg;
	for (;;) {
		AUTO(arena) mem = { arena_open(0) };
		int64_t n;
		CHECK_OK(counter_get(b, S("pushed"), &n));
		if (n >= KILL_JOBS)
			return 0;
		/* job n and "n + 1 are pushed" are one batch */
		struct db_batch *batch = db_batch_open(mem.p);
		CHECK_OK(queue_add(b, mem.p, batch, S("k"), arena_printf(mem.p, "%lld", (long long)n),
				   &(struct job_options){ .attempts_max = 1000 }, NULL));
		static const struct sql bump = {
			"bump", "INSERT INTO counters VALUES ('pushed', 1, 9000000000000000) ON CONFLICT (name) "
				"DO UPDATE SET value = counters.value + 1",
			"INSERT INTO counters VALUES ('pushed', 1, 9000000000000000) ON CONFLICT (name) "
			"DO UPDATE SET value = counters.value + 1", 0
		};
		db_batch_add(batch, &bump, NULL, 0, 1);
		CHECK_OK(db_commit(the_db, batch));
	}
}

static status child_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	CHECK_OK(open_both(false, &db.p, &b.p));
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	the_db = db.p;
	CHECK_OK(group_spawn(g.p, "push", child_pusher, b.p));
	for (int i = 0; i < 4; i++)
		CHECK_OK(group_spawn(g.p, "work", child_worker, b.p));
	return group_wait(g.p);
}

static pid_t start_child(void)
{
	char *argv[] = { (char *)self, (char *)(use_postgres ? "postgres" : "sqlite"), "child", dir, NULL };
	pid_t pid;
	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		return -1;
	return pid;
}

/* Until the child has come so far, or has done all there is: how fast it works does not matter. */
static status live(struct broker *b, int64_t until)
{
	int64_t pushed;
	struct queue_stats st;
	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		CHECK_OK(counter_get(b, S("pushed"), &pushed));
		CHECK_OK(queue_stats_get(b, S("k"), &st));
		if (pushed >= KILL_JOBS ? st.waiting + st.running + st.delayed == 0 : pushed >= until)
			return 0;
		CHECK_OK(fiber_sleep_ms(5));
	}
	return err_set(ERR_TIMEOUT, "the child does nothing");
}

static status kill_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_both(true, &db.p, &b.p));
	unsigned random = 12345;
	int kills = 0;
	int64_t pushed = 0, late;
	struct queue_stats st = { 0 };
	for (;; kills++) {
		pid_t pid = start_child();
		CHECK(pid > 0);
		random = random * 1103515245 + 12345;
		CHECK_OK(live(b.p, pushed + 1 + (random >> 16) % (KILL_JOBS / 8)));
		CHECK_OK(fiber_sleep_ms((random >> 8) % 20)); /* at any place of a job */
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, NULL, 0) == pid);
		CHECK_OK(counter_get(b.p, S("pushed"), &pushed));
		CHECK_OK(queue_stats_get(b.p, S("k"), &st));
		if (pushed >= KILL_JOBS && st.waiting + st.running + st.delayed == 0)
			break;
		CHECK(kills < 400);
	}
	CHECK_OK(counter_get(b.p, S("late"), &late));
	print_message("%lld jobs, %d kills, %lld late\n", (long long)pushed, kills + 1, (long long)late);
	CHECK(pushed == KILL_JOBS && st.dead == 0 && kills > 3);
	int64_t twice = 0;
	for (int i = 0; i < KILL_JOBS; i++) {
		int64_t n;
		CHECK_OK(counter_get(b.p, arena_printf(mem.p, "done %d", i), &n));
		CHECK(n >= 1); /* each ran; again only when its holder died between */
		twice += n - 1;
	}
	CHECK(twice <= (kills + 1) * 4 + late);
	return 0;
}

#define TEST(name)                                                                                 \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		run_fiber(name##_fiber, NULL);                                                     \
	}
TEST(queues)
TEST(keys)
TEST(messages)
TEST(values)

/* SQLite has no statistics here: a long queue must not be sorted for each job that is taken. */
static status plans_fiber(void *arg)
{
	static const char *const taking[] = { "broker/job_take", "broker/job_peek" };
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) b = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(open_both(true, &db.p, &b.p));
	size_t seen = 0;
	for (size_t i = 0; i < sql_all_len; i++)
		for (size_t t = 0; t < countof(taking); t++) {
			if (strcmp(sql_all[i]->name, taking[t]) != 0)
				continue;
			struct str text = arena_printf(mem.p, "EXPLAIN QUERY PLAN %s", sql_all[i]->sqlite);
			const struct sql explain = { .sqlite = text.at, .params = sql_all[i]->params };
			struct db_value none[9] = { 0 };
			struct db_rows *rows;
			CHECK_OK(db_read(db.p, mem.p, &explain, none, (size_t)explain.params, &rows));
			for (size_t r = 0; r < rows->count; r++)
				CHECK(!str_has(db_str_at(rows, r, 3), S("jobs_state")));
			seen += rows->count > 0;
		}
	CHECK(seen == countof(taking));
	return 0;
}

static void plans(void **state)
{
	(void)state;
	if (!use_postgres)
		run_fiber(plans_fiber, NULL);
}

static void killed(void **state)
{
	(void)state;
	run_fiber(kill_fiber, NULL);
}

int main(int argc, char **argv)
{
	self = argv[0];
	use_postgres = argc > 1 && strcmp(argv[1], "postgres") == 0;
	crypt_init();
	clock_override(moved_clock);
	if (argc > 3 && strcmp(argv[2], "child") == 0) {
		dir = argv[3];
		return rt_run(&(struct rt_options){ 0 }, child_fiber, NULL) ? 1 : 0;
	}
	if (use_postgres && !under_pg_run("TATARA_TEST_PG"))
		return 77;
	const struct CMUnitTest tests[] = { ROW(queues), ROW(keys), ROW(messages), ROW(values),
					    ROW(killed), ROW(plans) };
	return cmocka_run_group_tests_name(use_postgres ? "broker postgres" : "broker sqlite", tests, NULL,
					   NULL);
}
