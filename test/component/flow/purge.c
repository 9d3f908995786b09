/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what goes by age and by count, in several batches, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "fixture.h"
#include "flow/graph.h"
#include "store/db/db.h"

static const char echo[] = "{\"nodes\":[{\"id\":\"s\",\"data\":{\"type\":\"start\"}},{\"id\":\"x\",\"data\":{\"type\":\"answer\",\"answer\":\"hi\"}}],\"edges\":[{\"source\":\"s\",\"target\":\"x\"}]}";
static const char ask[] = "{\"nodes\":[{\"id\":\"s\",\"data\":{\"type\":\"start\"}},{\"id\":\"h\",\"data\":{\"type\":\"human-input\",\"title\":\"H\",\"timeout\":90}}],\"edges\":[{\"source\":\"s\",\"target\":\"h\"}]}";

enum { DAY = 24 * 3600 * 1000, OLD = 450, NEW = 12, KEEP = 5 };

static int64_t moved;

static int64_t moved_clock(void)
{
	return clock_real_ms() + moved;
}

/* Of this test alone: component tests share a database. */
struct numbers {
	int64_t runs, rows, forms;
};

static int64_t count(struct fixture *f, const char *text, struct str app)
{
	/* A statement made here is prepared anew each time. */
	struct sql sql = { .sqlite = text, .postgres = text, .params = 1 };
	struct db_rows *rows;
	struct db_value v = db_text(app);
	assert_int_equal(db_read(f->db, f->mem, &sql, &v, 1, &rows), 0);
	return db_int_at(rows, 0, 0);
}

static struct numbers numbers(struct fixture *f, struct str app)
{
	return (struct numbers){
		.runs = count(f, "SELECT count(*) FROM flow_runs WHERE app_id = $1", app),
		.rows = count(f, "SELECT count(*) FROM flow_journal WHERE run_id IN (SELECT id FROM flow_runs WHERE app_id = $1)", app),
		.forms = count(f, "SELECT count(*) FROM flow_forms WHERE app_id = $1", app),
	};
}

static struct str run_once(struct fixture *f, struct flow_graph *g, struct str app, const char *state)
{
	struct flow_start start = { .info = { .tenant_id = S("t9"), .app_id = app, .app_mode = S("workflow") },
				    .graph = g, .inputs = json_obj(f->mem), .system = json_obj(f->mem) };
	struct flow_result *r;
	struct str id;
	assert_int_equal(flow_run_start(f->flow, f->mem, &start, &id), 0);
	assert_int_equal(flow_run_wait(f->flow, f->mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, str_c(state)));
	return id;
}

static status purge_main(void *arg)
{
	struct fixture f = { 0 };
	struct flow_record *row;
	struct flow_form *forms;
	int64_t removed;
	size_t n;
	(void)arg;
	fixture_open(&f, S(""), "one", 0);
	struct flow_graph *g = fixture_graph(&f, echo), *h = fixture_graph(&f, ask), *lonely;
	struct json *text;
	/* With a key, so that the process remembers that it has stored it; of this test alone. */
	struct str own = arena_printf(f.mem, "{\"nodes\":[{\"id\":\"s\",\"data\":{\"type\":\"start\",\"title\":\"%.*s\"}}],\"edges\":[]}",
				      STR(id_uuid(f.mem)));
	assert_int_equal(json_parse(f.mem, own, &text), 0);
	assert_int_equal(flow_graph_load(f.flow, S("lonely"), text, &lonely), 0);
	struct str app = id_uuid(f.mem), busy = id_uuid(f.mem), last = S("");
	clock_override(moved_clock);
	moved = -40 * (int64_t)DAY;
	for (int i = 0; i < OLD; i++)
		run_once(&f, i % 2 ? lonely : g, app, "succeeded");
	struct str paused = run_once(&f, h, app, "paused"), stopped = run_once(&f, h, app, "paused");
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t9"), app, stopped, &row), 0);
	assert_int_equal(flow_stop(f.flow, app, row->info.task_id, S("")), 0);
	struct flow_result *r;
	assert_int_equal(flow_run_wait(f.flow, f.mem, stopped, &r, deadline_in_ms(PATIENCE_MS)), 0);
	moved = 0;
	for (int i = 0; i < NEW; i++) {
		moved = -NEW * 1000 + i * 1000;
		last = run_once(&f, g, busy, "succeeded");
	}
	moved = 0;
	struct str gone = lonely->hash, used = g->hash;
	const char *graphs = "SELECT count(*) FROM flow_graphs WHERE hash = $1";
	assert_int_equal(count(&f, graphs, gone), 1);

	/* 0 keeps all. */
	assert_int_equal(flow_purge(f.flow, 0, 0, &removed), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(numbers(&f, app).runs, OLD + 2);
	/* By age: in three batches, with journals and forms; who waits for people stays. */
	assert_int_equal(flow_purge(f.flow, 30, 0, &removed), 0);
	assert_true(removed >= OLD + 1);
	/* The graph of old runs only goes with them, not the one that newer runs have too. */
	assert_int_equal(count(&f, graphs, gone), 0);
	assert_int_equal(count(&f, graphs, used), 1);
	struct numbers left = numbers(&f, app);
	assert_int_equal(left.runs, 1);
	assert_int_equal(left.forms, 1);
	assert_true(left.rows > 0);
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t9"), app, paused, &row), 0);
	assert_int_equal(flow_form_of_run(f.flow, f.mem, S("t9"), stopped, &forms, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(numbers(&f, busy).runs, NEW);
	/* By count: the newest stay. */
	assert_int_equal(flow_purge(f.flow, 30, KEEP, &removed), 0);
	assert_true(removed >= NEW - KEEP);
	left = numbers(&f, busy);
	assert_int_equal(left.runs, KEEP);
	assert_true(left.rows >= KEEP);
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t9"), busy, last, &row), 0);
	assert_int_equal(flow_purge(f.flow, 30, KEEP, &removed), 0);
	assert_int_equal(numbers(&f, busy).runs, KEEP);
	assert_int_equal(numbers(&f, app).runs, 1);
	/* A process that had stored the graph stores it again with the next run of it. */
	struct str again = run_once(&f, lonely, app, "succeeded");
	assert_int_equal(flow_run_get(f.flow, f.mem, S("t9"), app, again, &row), 0);
	assert_true(row->graph.len > 0);
	clock_override(NULL);
	flow_graph_unref(g);
	flow_graph_unref(lonely);
	flow_graph_unref(h);
	fixture_close(&f);
	return 0;
}

static void purge(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, purge_main, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(purge) };
	return cmocka_run_group_tests_name("flow_purge", tests, NULL, NULL);
}
