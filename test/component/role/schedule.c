/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules with a clock that the test moves: once with several workers, once for all that was
 * missed, switched off and on, published anew. What publishing refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "../chat/world.h"
#include "app/app.h"
#include "app/trigger.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "flow/flow.h"
#include "role/schedule.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static int64_t moved;

static int64_t moved_clock(void)
{
	return clock_real_ms() + moved;
}

#define NODE(id, type, more) "{\"id\":\"" id "\",\"type\":\"custom\",\"data\":{\"type\":\"" type "\",\"title\":\"" id "\"" more "}}"
#define END NODE("e", "end", ",\"outputs\":[{\"variable\":\"t\",\"value_selector\":[\"sys\",\"timestamp\"]}]")
#define GRAPH(trigger) "{\"nodes\":[" trigger "," END "],\"edges\":[{\"source\":\"t\",\"target\":\"e\"}]}"
#define CRON(text) NODE("t", "trigger-schedule", ",\"mode\":\"cron\",\"cron_expression\":\"" text "\",\"timezone\":\"UTC\"")

static struct str make_app(struct world *w)
{
	struct app_new new = { .name = S("scheduled"), .mode = S("workflow"), .created_by = w->account_id };
	struct app *app;
	assert_int_equal(app_create(w->s.apps, w->mem, w->tenant_id, &new, &app), 0);
	return app->id;
}

static status publish(struct world *w, struct str app, const char *graph)
{
	struct workflow draft = { 0 }, *d;
	struct str hash = S("");
	assert_int_equal(json_parse(w->mem, str_c(graph), &draft.graph), 0);
	draft.features = json_obj(w->mem);
	if (workflow_draft(w->s.apps, w->mem, w->tenant_id, app, &d) == 0)
		hash = d->hash;
	if (workflow_save_draft(w->s.apps, w->mem, w->tenant_id, app, &draft, hash, w->account_id, &d))
		fail_msg("%.*s", STR(err_text()));
	return workflow_publish(w->s.apps, w->mem, w->tenant_id, app, S(""), S(""), w->account_id, &d);
}

static struct trigger only(struct world *w, struct str app)
{
	struct trigger *list;
	size_t n;
	assert_int_equal(trigger_list(w->s.apps, w->mem, w->tenant_id, app, &list, &n), 0);
	assert_int_equal(n, 1);
	return list[0];
}

static int64_t runs(struct world *w, struct str app, const char *state)
{
	struct flow_list l = { .app_id = app, .status = str_c(state) };
	struct flow_record *rows;
	size_t n;
	int64_t total;
	assert_int_equal(flow_run_list(w->s.flow, w->mem, w->tenant_id, &l, &rows, &n, &total), 0);
	return total;
}

static int64_t step(struct scheduler *x)
{
	int64_t fired;
	if (scheduler_step(x, &fired))
		fail_msg("%.*s", STR(err_text()));
	return fired;
}

static void move_to(int64_t ms)
{
	moved = ms - clock_real_ms();
}

/* --- one time, one run --- */

static void once(struct world *w)
{
	struct scheduler a = { .s = &w->s }, b = { .s = &w->s };
	struct str app = make_app(w), queue = S(FLOW_QUEUE);
	moved = 0;
	clock_override(moved_clock);
	assert_int_equal(publish(w, app, GRAPH(CRON("0 * * * *"))), 0);
	struct trigger t = only(w, app);
	assert_true(t.next_ms > clock_ms() && t.next_ms <= clock_ms() + HOUR && t.next_ms % HOUR == 0);
	assert_int_equal(step(&a), 0); /* not yet; a holds the lease */
	assert_int_equal(step(&b), 0);
	assert_non_null(a.lease);
	assert_null(b.lease);
	move_to(t.next_ms + 500);
	assert_int_equal(step(&b) + step(&a) + step(&b), 1);
	assert_int_equal(step(&a) + step(&b), 0);
	assert_int_equal(runs(w, app, "scheduled"), 1);
	assert_int_equal(only(w, app).next_ms, t.next_ms + HOUR);

	/* The run begins at the trigger node. */
	struct job *job;
	struct flow_result *r;
	assert_int_equal(queue_take(w->s.broker, w->mem, &queue, 1, 60000, &job), 0);
	assert_int_equal(flow_run_begin(w->s.flow, job->payload), 0);
	assert_int_equal(queue_done(w->s.broker, job), 0);
	assert_int_equal(flow_run_wait(w->s.flow, w->mem, job->payload, &r, deadline_in_ms(5000)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_int_equal(json_get_int(r->outputs, S("t"), 0), t.next_ms / 1000);

	/* The holder dies: another takes the lease when it is over. */
	move_to(t.next_ms + HOUR + 30000);
	assert_int_equal(step(&b), 1);
	assert_non_null(b.lease);
	assert_int_equal(step(&a), 0);
	assert_null(a.lease);
	assert_int_equal(runs(w, app, "scheduled"), 1);
	scheduler_close(&a);
	scheduler_close(&b);
	clock_override(NULL);
}

static void fires_once(void **state)
{
	(void)state;
	with_world(once);
}

/* --- two that both believe they hold the lease --- */

static status step_fiber(void *x)
{
	return scheduler_step(x, NULL);
}

static void race(struct world *w)
{
	struct scheduler x[4];
	struct str app = make_app(w);
	moved = 0;
	clock_override(moved_clock);
	assert_int_equal(publish(w, app, GRAPH(CRON("*/5 * * * *"))), 0);
	struct scheduler first = { .s = &w->s };
	assert_int_equal(step(&first), 0);
	for (int round = 0; round < 10; round++) {
		AUTO(group) g = { group_open(DEADLINE_NONE) };
		int64_t next = only(w, app).next_ms;
		move_to(next + 1000);
		for (size_t i = 0; i < countof(x); i++) {
			x[i] = (struct scheduler){ .s = &w->s, .lease = first.lease, .extend_ms = INT64_MAX };
			assert_int_equal(group_spawn(g.p, "step", step_fiber, &x[i]), 0);
		}
		if (group_wait(g.p))
			fail_msg("%.*s", STR(err_text()));
		assert_int_equal(runs(w, app, "scheduled"), round + 1);
		assert_int_equal(only(w, app).next_ms, next + 5 * MINUTE);
	}
	scheduler_close(&first);
	clock_override(NULL);
}

static void two_holders(void **state)
{
	(void)state;
	with_world(race);
}

/* --- after a time without workers --- */

static void missed(struct world *w)
{
	struct scheduler x = { .s = &w->s };
	struct str app = make_app(w);
	moved = 0;
	clock_override(moved_clock);
	assert_int_equal(publish(w, app, GRAPH(CRON("*/10 * * * *"))), 0);
	int64_t began = only(w, app).next_ms;
	move_to(began + 5 * HOUR + 3 * MINUTE);
	assert_int_equal(step(&x), 1); /* one for thirty times */
	assert_int_equal(step(&x), 0);
	assert_int_equal(only(w, app).next_ms, began + 5 * HOUR + 10 * MINUTE);
	/* Days of it: the latest is minutes old and fires. */
	move_to(began + 4 * (int64_t)DAY + 3 * MINUTE);
	assert_int_equal(step(&x), 1);
	assert_int_equal(only(w, app).next_ms, began + 4 * (int64_t)DAY + 10 * MINUTE);
	/* Once a month: the latest is three days old, more than the setting's one. */
	assert_int_equal(publish(w, app, GRAPH(CRON("0 0 1 * *"))), 0);
	int64_t first = only(w, app).next_ms;
	move_to(first + 3 * (int64_t)DAY);
	assert_int_equal(step(&x), 0);
	struct trigger t = only(w, app);
	assert_true(t.next_ms > clock_ms() && t.next_ms < clock_ms() + 32 * (int64_t)DAY);
	move_to(t.next_ms + 20 * (int64_t)HOUR);
	assert_int_equal(step(&x), 1);
	assert_int_equal(runs(w, app, "scheduled"), 3);
	scheduler_close(&x);
	clock_override(NULL);
}

static void catches_up(void **state)
{
	(void)state;
	with_world(missed);
}

/* --- switched, published anew, gone --- */

static void switched(struct world *w)
{
	struct scheduler x = { .s = &w->s };
	struct str app = make_app(w);
	struct trigger *t;
	moved = 0;
	clock_override(moved_clock);
	assert_int_equal(publish(w, app, GRAPH(CRON("0 * * * *"))), 0);
	struct trigger first = only(w, app);
	assert_int_equal(trigger_enable(w->s.apps, w->mem, w->tenant_id, app, first.id, false, &t), 0);
	assert_false(t->enabled);
	move_to(first.next_ms + 2 * HOUR + MINUTE);
	assert_int_equal(step(&x), 0);
	/* What was missed while it was off does not fire. */
	assert_int_equal(trigger_enable(w->s.apps, w->mem, w->tenant_id, app, first.id, true, &t), 0);
	assert_int_equal(t->next_ms, first.next_ms + 3 * HOUR);
	assert_int_equal(step(&x), 0);
	assert_int_equal(trigger_enable(w->s.apps, w->mem, S("other"), app, first.id, false, &t), -1);
	assert_int_equal(err_code(), ERR_NOT_FOUND);
	/* A new version with another time: the same row. */
	assert_int_equal(publish(w, app, GRAPH(CRON("30 * * * *"))), 0);
	assert_true(str_eq(only(w, app).id, first.id));
	assert_int_equal(only(w, app).next_ms % HOUR, 30 * MINUTE);
	/* A version without it, an app that is gone. */
	assert_int_equal(publish(w, app, "{\"nodes\":[" NODE("s", "start", "") "," END "],\"edges\":[{\"source\":\"s\",\"target\":\"e\"}]}"), 0);
	size_t n;
	assert_int_equal(trigger_list(w->s.apps, w->mem, w->tenant_id, app, &t, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(publish(w, app, GRAPH(CRON("30 * * * *"))), 0);
	int64_t next = only(w, app).next_ms;
	assert_int_equal(app_remove(w->s.apps, w->mem, w->tenant_id, app), 0);
	assert_int_equal(trigger_list(w->s.apps, w->mem, w->tenant_id, app, &t, &n), 0);
	assert_int_equal(n, 0);
	move_to(next + MINUTE);
	assert_int_equal(step(&x), 0);
	scheduler_close(&x);
	clock_override(NULL);
}

static void switches(void **state)
{
	(void)state;
	with_world(switched);
}

/* --- what publishing refuses --- */

#define HOOK(id) NODE(id, "trigger-webhook", "")
static const struct {
	const char *graph, *error;
} refused_graphs[] = {
	{ GRAPH(CRON("61 * * * *")), "node 't': cron: minute: '61' is not a value from 0 to 59, a list, a range or a step" },
	{ GRAPH(NODE("t", "trigger-schedule", ",\"mode\":\"cron\",\"cron_expression\":\"@daily\",\"timezone\":\"Mars/Base\"")), "node 't': timezone: 'Mars/Base' is not a time zone such as Europe/Paris" },
	{ GRAPH(NODE("t", "trigger-schedule", ",\"mode\":\"visual\",\"frequency\":\"weekly\"")), "node 't': visual_config.weekdays: choose at least one day" },
	{ "{\"nodes\":[" CRON("@daily") "," NODE("u", "trigger-schedule", ",\"mode\":\"cron\",\"cron_expression\":\"@daily\"") "],\"edges\":[]}", "A workflow can have one schedule trigger; this one has 2" },
	{ "{\"nodes\":[" HOOK("a") "," HOOK("b") "," HOOK("c") "," HOOK("d") "," HOOK("f") "," HOOK("g") "],\"edges\":[]}", "A workflow can have at most 5 webhook triggers; this one has 6" },
};

static void refuse(struct world *w)
{
	for (size_t i = 0; i < countof(refused_graphs); i++) {
		struct str app = make_app(w);
		print_message("case %zu: %s\n", i, refused_graphs[i].graph);
		assert_int_equal(publish(w, app, refused_graphs[i].graph), -1);
		assert_int_equal(err_code(), ERR_INVALID);
		struct str text = arena_str(w->mem, err_text());
		assert_string_equal(arena_cstr(w->mem, text), refused_graphs[i].error);
		struct app *a;
		assert_int_equal(app_get(w->s.apps, w->mem, w->tenant_id, app, &a), 0);
		assert_int_equal(a->workflow_id.len, 0);
	}
	struct str app = make_app(w);
	assert_int_equal(publish(w, app, "{\"nodes\":[" HOOK("a") "," HOOK("b") "," HOOK("c") "," HOOK("d") "," HOOK("f") "," CRON("@daily") "],\"edges\":[]}"), 0);
	struct trigger *list;
	size_t n;
	assert_int_equal(trigger_list(w->s.apps, w->mem, w->tenant_id, app, &list, &n), 0);
	assert_int_equal(n, 6);
}

static void refuses(void **state)
{
	(void)state;
	with_world(refuse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_once), cmocka_unit_test(two_holders), cmocka_unit_test(catches_up),
		cmocka_unit_test(switches), cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
