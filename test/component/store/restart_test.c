/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL that goes away and comes back: nothing is applied twice, nothing that was
 * acknowledged is lost, and the errors say what is known. */
#include "base/crypt.h"
#include "os/os.h"
#include "store/broker/broker.h"
#include "store_test.h"

DEFINE_AUTO(broker, struct broker, broker_close)

/* How long a test waits for what must come: only something broken takes so long. */
enum { PATIENCE_MS = 120000 };

static const struct sql add_row = { "add_row", "", "INSERT INTO log (id) VALUES ($1)", 1 };
static const struct sql bump = { "bump", "", "UPDATE total SET n = n + 1", 0 };
static const struct sql count = { "count", "", "SELECT (SELECT count(*) FROM log), (SELECT n FROM total)", 0 };
static const struct sql has = { "has", "", "SELECT 1 FROM log WHERE id = $1", 1 };

struct writer {
	struct db *db;
	int number;
	bool *stop;
	int64_t done, refused, unknown;
};

static status writer_fiber(void *arg)
{
	struct writer *w = arg;
	for (int i = 0; !*w->stop; i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str id = arena_printf(mem.p, "%d-%d", w->number, i);
		struct db_batch *b = db_batch_open(mem.p);
		DB_ADD(b, &add_row, w->number % 2 ? 1 : DB_ANY, db_text(id));
		db_batch_add(b, &bump, NULL, 0, DB_ANY);
		if (!db_commit(w->db, b)) {
			w->done++;
		} else if (str_has(str_c(err_last()->detail), S("outcome unknown"))) {
			w->unknown++;
		} else {
			CHECK(err_code() == ERR_UNAVAILABLE);
			w->refused++;
			CHECK_OK(fiber_sleep_ms(5));
		}
	}
	return 0;
}

static status control(const char *what)
{
	const char *argv[] = { getenv("TATARA_TEST_PG_CTL"), what, NULL };
	struct proc_options o = { .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };
	AUTO(proc) p = { NULL };
	int code;
	CHECK_OK(proc_spawn(&o, &p.p));
	CHECK_OK(proc_wait(p.p, deadline_in_ms(60000), &code));
	CHECK(code == 0);
	return 0;
}

/* Until each writer has done one more, or has been refused once more. */
static status go_on(struct writer writers[8], bool refused)
{
	int64_t before[8];
	for (int i = 0; i < 8; i++)
		before[i] = refused ? writers[i].refused : writers[i].done;
	for (int i = 0; i < 8; i++)
		for (int n = 0; (refused ? writers[i].refused : writers[i].done) == before[i]; n++) {
			CHECK(n < PATIENCE_MS / 10);
			CHECK_OK(fiber_sleep_ms(10));
		}
	return 0;
}

static status restart_fiber(void *arg)
{
	(void)arg;
	AUTO(db) db = { NULL };
	AUTO(broker) broker = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	CHECK_OK(test_db(dir, true, (struct db_options){ .connections = 4 }, &db.p));
	CHECK_OK(db_script(db.p, S("DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
				   "CREATE TABLE log (id TEXT PRIMARY KEY);"
				   "CREATE TABLE total (n BIGINT); INSERT INTO total VALUES (0)")));
	CHECK_OK(broker_open(&(struct broker_options){ .db = db.p }, &broker.p));
	bool stop = false;
	struct writer writers[8];
	AUTO(group) g = { group_open(DEADLINE_NONE) };
	for (int i = 0; i < 8; i++) {
		writers[i] = (struct writer){ .db = db.p, .number = i, .stop = &stop };
		CHECK_OK(group_spawn(g.p, "writer", writer_fiber, &writers[i]));
	}
	for (int i = 0; i < 3; i++) {
		CHECK_OK(go_on(writers, false));
		CHECK_OK(control(i == 1 ? "stop" : "restart"));
		if (i == 1) {
			CHECK_OK(go_on(writers, true));
			CHECK_ERR(db_ping(db.p), ERR_UNAVAILABLE);
			CHECK_OK(control("start"));
		}
	}
	CHECK_OK(go_on(writers, false));
	CHECK_OK(db_ping(db.p));
	stop = true;
	CHECK_OK(group_wait(g.p));
	int64_t done = 0, unknown = 0, refused = 0;
	for (int i = 0; i < 8; i++) {
		done += writers[i].done;
		unknown += writers[i].unknown;
		refused += writers[i].refused;
	}
	struct db_rows *rows;
	CHECK_OK(db_read(db.p, mem.p, &count, NULL, 0, &rows));
	int64_t in = db_int_at(rows, 0, 0);
	struct db_stats st;
	db_stats_get(db.p, &st);
	print_message("%lld done, %lld refused, %lld unknown, %lld in the table, %llu reconnects\n",
		      (long long)done, (long long)refused, (long long)unknown, (long long)in,
		      (unsigned long long)st.reconnects);
	CHECK(in == db_int_at(rows, 0, 1)); /* never half a batch, never twice */
	CHECK(in >= done && in <= done + unknown);
	CHECK(done > 0 && refused > 0 && st.reconnects > 0);
	CHECK_OK(DB_READ(db.p, mem.p, &has, &rows, db_text(S("0-0"))));
	CHECK(rows->count == 1);
	/* LISTEN is back as well */
	AUTO(db) db2 = { NULL };
	AUTO(broker) other = { NULL };
	CHECK_OK(test_db(dir, true, (struct db_options){ 0 }, &db2.p));
	CHECK_OK(broker_open(&(struct broker_options){ .db = db2.p }, &other.p));
	AUTO(topic_sub) sub = { NULL };
	struct str got;
	CHECK_OK(topic_subscribe(broker.p, S("t"), &sub.p));
	status heard = -1;
	for (int i = 0; i < PATIENCE_MS / 100 && heard; i++) {
		CHECK_OK(topic_publish(other.p, S("t"), S("hello")));
		heard = topic_next(sub.p, mem.p, &got, deadline_in_ms(100));
	}
	CHECK(!heard);
	CHECK(str_eq(got, S("hello")));
	return 0;
}

static status away_fiber(void *arg)
{
	(void)arg;
	static const char *const nowhere[] = {
		"host=127.0.0.1 port=1 dbname=x user=x",
		"host=/nonexistent dbname=x user=x",
		"host=name.invalid dbname=x user=x",
	};
	for (size_t i = 0; i < countof(nowhere); i++) {
		AUTO(db) db = { NULL };
		CHECK_OK(db_open(&(struct db_options){ .postgres = str_c(nowhere[i]) }, &db.p));
		int64_t from = rt_now();
		CHECK_ERR(db_ping(db.p), ERR_UNAVAILABLE);
		CHECK_ERR(db_ping(db.p), ERR_UNAVAILABLE); /* in the back-off: at once */
		print_message("%s: %s (%lld ms)\n", nowhere[i], err_last()->text,
			      (long long)(rt_now() - from) / 1000000);
	}
	AUTO(db) db = { NULL };
	CHECK_ERR(db_open(&(struct db_options){ .postgres = S_INIT("nonsense=1") }, &db.p), ERR_INVALID);
	/* a unix socket and a name that needs resolving */
	CHECK_OK(db_open(&(struct db_options){ .postgres = str_c(getenv("TATARA_TEST_PG_SOCKET")) }, &db.p));
	CHECK_OK(db_ping(db.p));
	AUTO(db) named = { NULL };
	AUTO(arena) mem = { arena_open(0) };
	struct str info = arena_printf(mem.p, "%s host=localhost", getenv("TATARA_TEST_PG"));
	CHECK_OK(db_open(&(struct db_options){ .postgres = info }, &named.p));
	CHECK_OK(db_ping(named.p));
	return 0;
}

static void away(void **state)
{
	(void)state;
	run_fiber(away_fiber, NULL);
}
static void restarts(void **state)
{
	(void)state;
	run_fiber(restart_fiber, NULL);
}
int main(void)
{
	crypt_init();
	if (!under_pg_run("TATARA_TEST_PG_CTL"))
		return 77;
	const struct CMUnitTest tests[] = { ROW(away), ROW(restarts) };
	return cmocka_run_group_tests_name("postgres restart", tests, NULL, NULL);
}
