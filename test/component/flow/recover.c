/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process is killed with SIGKILL in the middle of a run; this process takes the run over.
 * Finished model calls are not repeated, clients get no text twice, and two processes never both
 * write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "fixture.h"
#include "os/os.h"
#include "store/db/db.h"

static const char graph_text[] =
	"{\"nodes\":["
	"{\"id\":\"s\",\"data\":{\"type\":\"start\",\"title\":\"\",\"variables\":[]}},"
	"{\"id\":\"as\",\"data\":{\"type\":\"assigner\",\"title\":\"\",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"conversation\",\"n\"],\"input_type\":\"constant\",\"operation\":\"+=\",\"value\":1}]}},"
	"{\"id\":\"a\",\"data\":{\"type\":\"llm\",\"title\":\"\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"first {{#env.secret#}}\"}]}},"
	"{\"id\":\"b\",\"data\":{\"type\":\"llm\",\"title\":\"\",\"model\":{\"provider\":\"openai_api_compatible\",\"name\":\"mock\",\"mode\":\"chat\"},\"prompt_template\":[{\"role\":\"user\",\"text\":\"[[slow:60:9]]\"}]}},"
	"{\"id\":\"x\",\"data\":{\"type\":\"answer\",\"title\":\"\",\"answer\":\"{{#conversation.n#}}/{{#a.text#}} | {{#b.text#}}.\"}}],"
	"\"edges\":[{\"source\":\"s\",\"target\":\"as\"},{\"source\":\"as\",\"target\":\"a\"},{\"source\":\"a\",\"target\":\"b\"},{\"source\":\"b\",\"target\":\"x\"}]}";
static const char full_text[] = "2/You said: first s3cret | tok0 tok1 tok2 tok3 tok4 tok5 tok6 tok7 tok8.";

enum { LEASE_MS = 800, LONG_LEASE_MS = 600000, SAFE_LEASE_MS = 8000 };

/* --- the child --- */

static status child_main(void *arg)
{
	struct fixture f = { .no_model = true };
	struct json *env, *conv;
	struct str id;
	fixture_open(&f, str_c(arg), "child", LONG_LEASE_MS);
	fixture_serve(&f);
	struct flow_graph *g = fixture_graph(&f, graph_text);
	if (json_parse(f.mem, S("[{\"name\":\"secret\",\"value_type\":\"secret\",\"value\":\"s3cret\"}]"), &env) ||
	    json_parse(f.mem, S("[{\"id\":\"1\",\"name\":\"n\",\"value_type\":\"number\",\"value\":1}]"), &conv))
		abort();
	struct flow_start start = { .info = { .run_id = str_c(getenv("FLOW_TEST_RUN")),
					      .tenant_id = S("t1"), .app_id = S("app1"), .user = S("u1"),
					      .app_mode = S("advanced-chat"), .conversation_id = S("c1") },
				    .graph = g, .inputs = json_obj(f.mem), .system = json_obj(f.mem),
				    .environment = env, .conversation = conv };
	if (flow_run_start(f.flow, f.mem, &start, &id))
		abort();
	for (;;)
		if (fiber_sleep_ms(1000))
			abort();
}

/* --- the test --- */

static struct str text_of(struct fixture *f, struct str id, int *replaced)
{
	struct flow_feed *feed;
	struct str all = S("");
	*replaced = 0;
	assert_int_equal(flow_follow(f->flow, id, 0, &feed), 0);
	for (bool end = false; !end;) {
		struct flow_event e;
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		if (!end && e.type == FLOW_CHUNK)
			all = arena_printf(f->mem, "%.*s%.*s", STR(all), STR(e.text));
		if (!end && e.type == FLOW_REPLACE) {
			all = arena_str(f->mem, e.text);
			++*replaced;
		}
	}
	flow_feed_close(feed);
	return all;
}

/* Waits until the child has streamed some of b's text into the journal. */
static void wait_for_text(struct fixture *f, struct str id)
{
	struct flow_feed *feed;
	struct flow_event e;
	bool end = false, seen = false;
	while (flow_follow(f->flow, id, 0, &feed))
		assert_int_equal(fiber_sleep_ms(20), 0);
	while (!seen) {
		assert_int_equal(flow_feed_next(feed, f->mem, &e, &end, deadline_in_ms(PATIENCE_MS)), 0);
		assert_false(end);
		seen = e.type == FLOW_CHUNK && str_eq(e.text, S("tok2 "));
	}
	flow_feed_close(feed);
}

/* Our clock when the child's lease is over: nobody loses one to a stall of the machine. */
static int64_t after_the_lease(void)
{
	return clock_real_ms() + LONG_LEASE_MS + 1000;
}

static status parent_main(void *arg)
{
	struct fixture f = { 0 }, third = { .no_model = true };
	struct proc *child;
	struct flow_result *r;
	struct str id;
	int replaced;
	(void)arg;
	fixture_open(&f, S(""), "parent", SAFE_LEASE_MS);
	fixture_open(&third, f.dir, "third", SAFE_LEASE_MS);
	f.hold = 5;
	id = id_uuid(f.mem);
	setenv("FLOW_TEST_RUN", arena_cstr(f.mem, id), 1); /* the child inherits it */
	child = fixture_child(&f);
	wait_for_text(&f, id);
	assert_int_equal(f.calls, 2);
	fixture_kill(child);
	f.hold = 0;
	/* Two processes look for it at once: one gets it. */
	clock_override(after_the_lease);
	fixture_serve(&f);
	fixture_serve(&third);
	assert_int_equal(flow_run_wait(f.flow, f.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	struct str text = text_of(&f, id, &replaced);
	if (!str_eq(text, str_c(full_text)))
		print_error("got: %.*s\n", STR(text));
	assert_true(str_eq(text, str_c(full_text)));
	assert_true(str_eq(r->answer, str_c(full_text)));
	assert_int_equal(replaced, 0);
	assert_int_equal(f.calls, 3); /* a once; b twice: it was in the middle */
	assert_int_equal(r->total_steps, 5);
	assert_int_equal(r->total_tokens, 6 + 4 + 6 + 9);
	struct json *nodes;
	assert_int_equal(flow_run_nodes(f.flow, f.mem, S("t1"), id, &nodes), 0);
	assert_int_equal(nodes->len, 5);
	fixture_close(&third);
	fixture_close(&f);
	clock_override(NULL);
	return 0;
}

static void killed(void **state)
{
	(void)state;
	if (getenv("TATARA_TEST_PG"))
		print_message("on PostgreSQL\n");
	assert_int_equal(rt_run(NULL, parent_main, NULL), 0);
}

/* --- the loser of a fence stops silently; the model's other answer replaces the text --- */

static status fence_main(void *arg)
{
	struct fixture one = { 0 }, two = { .no_model = true };
	struct flow_result *r;
	struct str id;
	int replaced;
	(void)arg;
	fixture_open(&one, S(""), "one", LEASE_MS);
	fixture_open(&two, one.dir, "two", LEASE_MS);
	one.pause_ms = 150;
	struct flow_graph *g = fixture_graph(&one, graph_text);
	struct json *conv, *env;
	assert_int_equal(json_parse(one.mem, S("[{\"name\":\"n\",\"value_type\":\"number\",\"value\":1}]"), &conv), 0);
	assert_int_equal(json_parse(one.mem, S("[{\"name\":\"secret\",\"value_type\":\"secret\",\"value\":\"s3cret\"}]"), &env), 0);
	struct flow_start start = { .info = { .tenant_id = S("t1"), .app_id = S("app1"), .user = S("u1"),
					      .app_mode = S("advanced-chat"), .conversation_id = S("c1") },
				    .graph = g, .inputs = json_obj(one.mem), .system = json_obj(one.mem),
				    .conversation = conv, .environment = env };
	assert_int_equal(flow_run_start(one.flow, one.mem, &start, &id), 0);
	/* `one` runs no service, so its lease runs out although it is alive; `two` takes the run. */
	fixture_serve(&two);
	assert_int_equal(flow_run_wait(two.flow, two.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->status, S("succeeded")));
	assert_true(str_eq(r->answer, str_c(full_text)));
	assert_true(str_eq(text_of(&two, id, &replaced), str_c(full_text)));
	/* The loser's own view ends as well, from the journal. */
	assert_int_equal(flow_run_wait(one.flow, one.mem, id, &r, deadline_in_ms(PATIENCE_MS)), 0);
	assert_true(str_eq(r->answer, str_c(full_text)));
	fixture_close(&two);
	flow_graph_unref(g);
	fixture_close(&one);
	return 0;
}

static void fence(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, fence_main, NULL), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return rt_run(NULL, child_main, argv[2]) ? 1 : 0;
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed), cmocka_unit_test(fence) };
	return cmocka_run_group_tests_name("flow_recover", tests, NULL, NULL);
}
