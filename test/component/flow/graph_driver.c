/* SPDX-License-Identifier: Apache-2.0 */
/* For random_graphs.py: {"graph": ..., "inputs": ...} a line in, what a run of it gave as JSON out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "fixture.h"
#include "flow/run.h"

static bool is_end(enum flow_event_type t)
{
	return t == FLOW_NODE_FINISHED || t == FLOW_ITERATION_COMPLETED || t == FLOW_LOOP_COMPLETED;
}

/* ["node status", ...] in order. */
static struct json *ends_of(struct fixture *f, struct arena *mem, struct str id)
{
	struct flow_feed *feed;
	struct json *list = json_arr(mem);
	if (flow_follow(f->flow, id, 0, &feed))
		abort();
	for (bool end = false; !end;) {
		struct flow_event e;
		struct json *d;
		if (flow_feed_next(feed, mem, &e, &end, deadline_in_ms(PATIENCE_MS)))
			abort();
		if (end || !is_end(e.type))
			continue;
		if (json_parse(mem, e.data, &d))
			abort();
		json_push_str(mem, list, arena_printf(mem, "%.*s %.*s", STR(json_get_str(d, S("node_id"))),
						      STR(json_get_str(d, S("status")))));
	}
	flow_feed_close(feed);
	return list;
}

/* Nodes with an even number are answered by "yes", the others by "no". */
static void answer(struct fixture *f, struct arena *mem, const struct flow_form *form)
{
	const struct json *place = json_get(form->definition, S("place"));
	struct json *in = json_obj(mem);
	struct str index = S("");
	if (json_len(place))
		index = arena_printf(mem, "%d", (int)json_get_int(json_at(place, json_len(place) - 1), S("index"), -1));
	json_set_str(mem, in, S("said"), arena_printf(mem, "%.*s at %.*s", STR(form->node_id), STR(index)));
	bool odd = (form->node_id.at[form->node_id.len - 1] - '0') % 2;
	/* Whoever failed beside it may have withdrawn the question. */
	if (flow_form_submit(f->flow, mem, form, odd ? S("no") : S("yes"), in, S("u1")) && err_http(err_last()) != 412)
		abort();
}

/* To the end of the run, through all its questions; gives how many there were. */
static size_t finish(struct fixture *f, struct arena *mem, struct str id, struct flow_result **r)
{
	for (;;) {
		struct flow_form *forms;
		size_t n;
		if (flow_run_wait(f->flow, mem, id, r, deadline_in_ms(PATIENCE_MS)) ||
		    flow_form_of_run(f->flow, mem, S("t1"), id, &forms, &n))
			abort();
		if (!str_eq((*r)->status, S("paused")))
			return n;
		for (size_t i = 0; i < n; i++)
			if (forms[i].state == FORM_WAITING)
				answer(f, mem, &forms[i]);
	}
}

static void one(struct fixture *f, struct str line)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v, *out = json_obj(mem.p);
	struct flow_graph *g;
	struct flow_result *r;
	struct str id;
	if (json_parse(mem.p, line, &v) || flow_graph_load(f->flow, S(""), json_get(v, S("graph")), &g)) {
		printf("{\"refused\":\"%.*s\"}\n", STR(err_text()));
		return;
	}
	struct flow_start start = {
		.info = { .tenant_id = S("t1"), .app_id = S("app1"), .workflow_id = S("wf1"), .app_mode = S("workflow"),
			  .from = S("app-run"), .created_by = S("eu1"), .user = S("u1") },
		.graph = g, .inputs = json_get(v, S("inputs")), .system = json_obj(mem.p),
	};
	if (flow_run_start(f->flow, mem.p, &start, &id))
		abort();
	json_set_int(mem.p, out, S("questions"), (int64_t)finish(f, mem.p, id, &r));
	json_set_str(mem.p, out, S("status"), r->status);
	json_set_str(mem.p, out, S("error"), r->error);
	json_set(mem.p, out, S("outputs"), r->outputs);
	json_set_int(mem.p, out, S("steps"), r->total_steps);
	json_set_int(mem.p, out, S("exceptions"), r->exceptions);
	json_set(mem.p, out, S("ends"), ends_of(f, mem.p, id));
	printf("%.*s\n", STR(json_text(mem.p, out, JSON_COMPACT)));
	flow_graph_unref(g);
}

static status driver_main(void *arg)
{
	struct fixture f = { 0 };
	char *line = NULL;
	size_t cap = 0;
	(void)arg;
	fixture_open(&f, S(""), "driver", 0);
	f.flow->steps_max = 100000;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
		one(&f, str_of(line, (size_t)n));
	free(line);
	fixture_close(&f);
	return 0;
}

int main(void)
{
	return rt_run(NULL, driver_main, NULL) ? 1 : 0;
}
