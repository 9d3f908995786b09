/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs, random orders of completion: the schedule against a slow model of the rules that
 * looks at everything again after each step (workflow.md 3.2, 3.3), and the coordinator against one
 * that knows all simple paths from the root (6.2, 6.3). TATARA_SEEDS sets how many graphs (3,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "flow/coordinator.h"
#include "flow/flow.h"
#include "flow/graph.h"
#include "flow/node/node.h"
#include "flow/schedule.h"

enum { NODES_MAX = 12, EDGES_MAX = 40, PATHS_MAX = 4000, LOG_MAX = 1 << 16 };

/* --- random graphs --- */

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

enum kind { KIND_PLAIN, KIND_MODEL, KIND_BRANCH, KIND_FAILING, KIND_WRITER, KIND_ANSWER, KIND_COUNT };

static void put_answer(struct buf *b, int id, int n)
{
	buf_printf(b, "\"type\":\"answer\",\"answer\":\"T%d", id);
	for (uint32_t parts = next_random(4); parts > 0; parts--) {
		uint32_t from = next_random((uint32_t)n + 1);
		if (from == 0)
			buf_puts(b, "{{#conversation.c#}}");
		else
			buf_printf(b, "{{#n%d.text#}}", (int)from - 1);
		if (next_random(2))
			buf_puts(b, "-");
	}
	buf_puts(b, "\"");
}

static void put_node(struct buf *b, int id, int n)
{
	enum kind kind = id == 0 ? KIND_PLAIN : next_random(KIND_COUNT);
	buf_printf(b, "%s{\"id\":\"n%d\",\"data\":{", id ? "," : "", id);
	if (id == 0)
		buf_puts(b, "\"type\":\"start\",\"variables\":[]");
	else if (kind == KIND_MODEL)
		buf_puts(b, "\"type\":\"llm\",\"model\":{},\"prompt_template\":[]");
	else if (kind == KIND_BRANCH)
		buf_puts(b, "\"type\":\"if-else\",\"cases\":[]");
	else if (kind == KIND_FAILING)
		buf_puts(b, "\"type\":\"datasource\",\"error_strategy\":\"fail-branch\"");
	else if (kind == KIND_WRITER)
		buf_puts(b, "\"type\":\"assigner\",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"conversation\",\"c\"],\"operation\":\"clear\"}]");
	else if (kind == KIND_ANSWER)
		put_answer(b, id, n);
	else
		buf_puts(b, "\"type\":\"variable-aggregator\",\"variables\":[]");
	buf_puts(b, "}}");
}

/* Mostly from earlier to later nodes; now and then back, which makes a cycle. */
static void put_edges(struct buf *b, int n)
{
	static const char *const handles[] = { "source", "true", "false", "fail-branch" };
	uint32_t edges = next_random((uint32_t)MIN(3 * n, EDGES_MAX)) + 1;
	for (uint32_t i = 0; i < edges; i++) {
		int from = (int)next_random((uint32_t)n), to = (int)next_random((uint32_t)n);
		if (from > to && next_random(20)) {
			int swap = from;
			from = to;
			to = swap;
		}
		if (to == 0 || from == to)
			to = from + 1 < n ? from + 1 : 1;
		buf_printf(b, "%s{\"source\":\"n%d\",\"target\":\"n%d\",\"sourceHandle\":\"%s\"}", i ? "," : "",
			   from, to, handles[next_random(countof(handles))]);
	}
}

static struct flow_graph *random_graph(struct arena *mem, struct buf *text)
{
	int n = 2 + (int)next_random(NODES_MAX - 1);
	struct json *v;
	struct flow_graph *g;
	buf_puts(text, "{\"nodes\":[");
	for (int i = 0; i < n; i++)
		put_node(text, i, n);
	buf_puts(text, "],\"edges\":[");
	put_edges(text, n);
	buf_puts(text, "]}");
	assert_int_equal(json_parse(mem, buf_str(text), &v), 0);
	if (graph_compile(S(""), v, &g)) {
		print_error("%.*s\n%.*s\n", STR(buf_str(text)), STR(err_text()));
		fail();
	}
	return g;
}

/* --- the model: states, nothing else --- */

struct model {
	const struct flow_graph *g;
	uint8_t nodes[NODES_MAX + 2], edges[EDGES_MAX + 2]; /* STATE_x */
	bool done[NODES_MAX + 2];
};

/* "none of its incoming edges is UNKNOWN and at least one is TAKEN" */
static bool model_ready(const struct model *m, uint32_t node)
{
	bool taken = false;
	for (size_t e = 0; e < m->g->edge_count; e++) {
		if (m->g->edges[e].target != node)
			continue;
		if (m->edges[e] == STATE_UNKNOWN)
			return false;
		taken |= m->edges[e] == STATE_TAKEN;
	}
	return taken;
}

/* "all SKIPPED: mark it SKIPPED, its outgoing edges SKIPPED", until nothing changes. */
static void model_settle(struct model *m)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t n = 0; n < m->g->node_count; n++) {
			size_t in = 0, skipped = 0;
			for (size_t e = 0; e < m->g->edge_count; e++)
				if (m->g->edges[e].target == n) {
					in++;
					skipped += m->edges[e] == STATE_SKIPPED;
				}
			if (m->nodes[n] != STATE_UNKNOWN || !in)
				continue;
			if (skipped == in) {
				m->nodes[n] = STATE_SKIPPED;
				for (size_t e = 0; e < m->g->edge_count; e++)
					if (m->g->edges[e].source == n)
						m->edges[e] = STATE_SKIPPED;
				changed = true;
			} else if (model_ready(m, n)) {
				m->nodes[n] = STATE_TAKEN;
				changed = true;
			}
		}
	}
}

static void model_done(struct model *m, uint32_t node, bool branch, struct str handle)
{
	m->done[node] = true;
	for (size_t e = 0; e < m->g->edge_count; e++)
		if (m->g->edges[e].source == node)
			m->edges[e] = !branch || str_eq(m->g->edges[e].handle, handle) ? STATE_TAKEN : STATE_SKIPPED;
	model_settle(m);
}

static bool same_states(const struct model *m, const struct schedule *s)
{
	return memcmp(m->nodes, s->nodes, m->g->node_count) == 0 && memcmp(m->edges, s->edges, m->g->edge_count) == 0;
}

/* --- the model of text: all simple paths, reduced to the edges that hold text back --- */

struct path {
	uint32_t edges[NODES_MAX];
	size_t len;
};
struct response {
	struct path *paths;
	size_t count;
	bool activated;
};
struct text_model {
	struct arena *mem;
	struct model *states;
	const struct pool *pool;
	struct response responses[NODES_MAX + 2];
	uint32_t sessions[NODES_MAX + 2];
	size_t session_count, session, segment;
	struct buf streams[NODES_MAX + 2]; /* "piece|piece|": what a model node has said */
	bool opened[NODES_MAX + 2], closed[NODES_MAX + 2];
	size_t given[NODES_MAX + 2];
	struct buf log;
};

/* Edges out of branches, answers, and assigners of what the template shows. */
static bool holds_back(const struct flow_graph *g, uint32_t edge, const struct graph_node *response)
{
	const struct graph_node *from = &g->nodes[g->edges[edge].source];
	if (str_eq(from->type, S("if-else")) || str_eq(from->type, S("datasource")) || str_eq(from->type, S("answer")))
		return true;
	return str_eq(from->type, S("assigner")) &&
	       str_has(json_get_str(response->data, S("answer")), S("{{#conversation.c#}}"));
}

static void walk(struct text_model *t, const struct graph_node *response, struct response *r, uint32_t at,
		 bool *on_way, struct path *way)
{
	const struct flow_graph *g = t->states->g;
	if (at == response->index) {
		struct path *p = &r->paths[r->count++];
		assert_in_range(r->count, 0, PATHS_MAX);
		p->len = 0;
		for (size_t i = 0; i < way->len; i++)
			if (holds_back(g, way->edges[i], response))
				p->edges[p->len++] = way->edges[i];
		return;
	}
	on_way[at] = true;
	for (size_t e = 0; e < g->edge_count; e++) {
		if (g->edges[e].source != at || on_way[g->edges[e].target])
			continue;
		way->edges[way->len++] = (uint32_t)e;
		walk(t, response, r, g->edges[e].target, on_way, way);
		way->len--;
	}
	on_way[at] = false;
}

static void log_chunk(struct text_model *t, const struct str *parts, size_t n, struct str text)
{
	buf_putc(&t->log, '[');
	for (size_t i = 0; i < n; i++)
		buf_printf(&t->log, "%s%.*s", i ? "." : "", STR(parts[i]));
	buf_printf(&t->log, "]%.*s;", STR(text));
}

/* One segment: false when it has to wait. */
static bool model_segment(struct text_model *t, const struct graph_node *n, const struct template_part *p)
{
	struct str own[2] = { n->id, S("answer") };
	if (!p->variable) {
		log_chunk(t, own, 2, p->text);
		return true;
	}
	const struct graph_node *from = graph_find(t->states->g, p->parts[0]);
	bool over = t->states->done[n->index];
	if (from && t->states->nodes[from->index] == STATE_SKIPPED)
		return true;
	if (from && t->opened[from->index]) {
		struct str rest = str_skip(buf_str(&t->streams[from->index]), t->given[from->index]);
		t->given[from->index] = t->streams[from->index].len;
		while (rest.len)
			log_chunk(t, p->parts, p->count, str_cut(&rest, '|'));
		return t->closed[from->index] || over;
	}
	struct var v;
	if (!pool_get(t->pool, p->parts, p->count, &v))
		return over;
	log_chunk(t, p->parts, p->count, var_text(t->mem, &v, VAR_MARKDOWN));
	return true;
}

static void model_flush(struct text_model *t)
{
	for (; t->session < t->session_count; t->session++, t->segment = 0) {
		const struct graph_node *n = &t->states->g->nodes[t->sessions[t->session]];
		for (; t->segment < n->stream.len; t->segment++)
			if (!model_segment(t, n, &n->stream.parts[t->segment]))
				return;
	}
}

/* The edge leaves every path; who has an empty one may speak, in the order of the file. */
static void model_edge(struct text_model *t, uint32_t edge)
{
	bool was_idle = t->session == t->session_count, added = false;
	for (size_t i = 0; i < t->states->g->node_count; i++) {
		struct response *r = &t->responses[i];
		bool open = false;
		for (size_t p = 0; p < r->count; p++) {
			struct path *path = &r->paths[p];
			for (size_t k = 0; k < path->len; k++)
				if (path->edges[k] == edge)
					path->edges[k--] = path->edges[--path->len];
			open |= path->len == 0;
		}
		if (!open || r->activated)
			continue;
		r->activated = added = true;
		t->sessions[t->session_count++] = (uint32_t)i;
	}
	if (added && was_idle)
		model_flush(t);
}

/* --- both side by side --- */

struct drive {
	struct arena *mem;
	struct flow_graph *g;
	struct pool pool;
	struct schedule schedule;
	struct coordinator coordinator;
	struct buf log;
	struct model model;
	struct text_model text;
	uint32_t running[NODES_MAX + 2];
	size_t count;
};

static void emit(void *ctx, uint32_t node, const struct str *selector, size_t parts, struct str text)
{
	struct drive *d = ctx;
	(void)node;
	buf_putc(&d->log, '[');
	for (size_t i = 0; i < parts; i++)
		buf_printf(&d->log, "%s%.*s", i ? "." : "", STR(selector[i]));
	buf_printf(&d->log, "]%.*s;", STR(text));
}

static void on_edge(void *ctx, uint32_t edge)
{
	struct drive *d = ctx;
	coordinator_edge(&d->coordinator, edge);
}

static void open_both(struct drive *d)
{
	d->model.g = d->g;
	d->model.nodes[d->g->root] = STATE_TAKEN;
	/* Other roots, and what only they lead to, are out of the run. */
	for (uint32_t i = 0; i < d->g->node_count; i++)
		if (i != d->g->root && !d->g->nodes[i].in.len && node_type_kind(d->g->nodes[i].type) == NODE_ROOT) {
			d->model.nodes[i] = STATE_SKIPPED;
			for (size_t e = 0; e < d->g->edge_count; e++)
				if (d->g->edges[e].source == i)
					d->model.edges[e] = STATE_SKIPPED;
		}
	model_settle(&d->model);
	pool_init(&d->pool, d->mem);
	pool_set(&d->pool, S("conversation"), S("c"), json_str(d->mem, S("C")), VAR_INFER);
	schedule_init(&d->schedule, d->mem, d->g, d->g->root);
	coordinator_init(&d->coordinator, d->mem, d->g, d->g->root, &d->schedule, &d->pool, emit, d);
	d->text.mem = d->mem;
	d->text.states = &d->model;
	d->text.pool = &d->pool;
	d->text.log = buf_make(d->mem, 0);
	d->log = buf_make(d->mem, 0);
	for (size_t i = 0; i < d->g->node_count; i++) {
		bool on_way[NODES_MAX + 2] = { false };
		struct path way = { .len = 0 };
		d->text.streams[i] = buf_make(d->mem, 0);
		if (d->g->nodes[i].row && d->g->nodes[i].row->kind == NODE_RESPONSE) {
			d->text.responses[i].paths = arena_array(d->mem, struct path, PATHS_MAX);
			walk(&d->text, &d->g->nodes[i], &d->text.responses[i], d->g->root, on_way, &way);
		}
	}
}

/* A running model says something. */
static void speak(struct drive *d, uint32_t node, bool last)
{
	const struct graph_node *n = &d->g->nodes[node];
	struct str parts[2] = { n->id, S("text") };
	struct str piece = last ? S("") : arena_printf(d->mem, "p%u", (unsigned)next_random(10));
	if (d->text.closed[node])
		return;
	d->text.opened[node] = true;
	d->text.closed[node] |= last;
	buf_printf(&d->text.streams[node], "%.*s|", STR(piece));
	coordinator_chunk(&d->coordinator, parts, 2, piece, last);
	model_flush(&d->text);
}

static void finish(struct drive *d, uint32_t node)
{
	static const struct str handles[] = { S_INIT("true"), S_INIT("false"), S_INIT("source"), S_INIT("fail-branch") };
	const struct graph_node *n = &d->g->nodes[node];
	bool branch = n->kind == NODE_BRANCH;
	struct str handle = handles[next_random(countof(handles))];
	bool exception = branch && str_eq(handle, S("fail-branch"));
	if (str_eq(n->type, S("llm")))
		speak(d, node, true);
	else if (next_random(3))
		pool_set(&d->pool, n->id, S("text"), json_str(d->mem, n->id), VAR_INFER);
	coordinator_done(&d->coordinator, node, !exception);
	d->model.done[node] = true;
	if (!exception)
		model_flush(&d->text);
	/* The rules say when edges are told, not only what they are: skips first, then one by one. */
	for (size_t e = 0; e < d->g->edge_count; e++)
		if (d->g->edges[e].source == node && branch && !str_eq(d->g->edges[e].handle, handle))
			d->model.edges[e] = STATE_SKIPPED;
	model_settle(&d->model);
	for (size_t e = 0; e < d->g->edge_count; e++)
		if (d->g->edges[e].source == node && (!branch || str_eq(d->g->edges[e].handle, handle))) {
			d->model.edges[e] = STATE_TAKEN;
			model_edge(&d->text, (uint32_t)e);
		}
	model_done(&d->model, node, branch, handle);
	assert_int_equal(schedule_done(&d->schedule, node, branch, handle, on_edge, d), 0);
}

static const char *compare(struct drive *d)
{
	if (!same_states(&d->model, &d->schedule))
		return "states";
	if (!str_eq(buf_str(&d->log), buf_str(&d->text.log)))
		return "text";
	for (uint32_t i = 0; i < d->g->node_count; i++) {
		bool queued = false;
		for (size_t k = 0; k < d->schedule.ready.len; k++)
			queued |= d->schedule.ready.at[k] == i;
		if (queued != (d->model.nodes[i] == STATE_TAKEN))
			return "queue";
	}
	return NULL;
}

static const char *run(struct drive *d)
{
	uint32_t node;
	const char *bad = NULL;
	open_both(d);
	for (int step = 0; step < 200 && !bad; step++) {
		while (d->count < 1 + next_random(4) && schedule_next(&d->schedule, &node))
			d->running[d->count++] = node;
		if (!d->count && !schedule_next(&d->schedule, &node))
			return compare(d);
		if (!d->count)
			d->running[d->count++] = node;
		size_t pick = next_random((uint32_t)d->count);
		node = d->running[pick];
		if (str_eq(d->g->nodes[node].type, S("llm")) && next_random(2)) {
			speak(d, node, false);
		} else {
			d->running[pick] = d->running[--d->count];
			finish(d, node);
		}
		bad = compare(d);
	}
	return bad;
}

static void random_graphs(void **state)
{
	const char *v = getenv("TATARA_SEEDS");
	int64_t seeds = 3000, texts = 0;
	(void)state;
	if (v)
		assert_int_equal(str_to_i64(str_c(v), &seeds), 0);
	for (int64_t seed = 0; seed < seeds; seed++) {
		AUTO(arena) mem = { arena_open(0) };
		struct buf text = buf_make(mem.p, 0);
		random_state = (uint64_t)seed * 0x9e3779b97f4a7c15u + 1;
		struct drive *d = arena_new(mem.p, struct drive);
		d->mem = mem.p;
		d->g = random_graph(mem.p, &text);
		const char *bad = run(d);
		texts += d->log.len > 0;
		if (bad)
			printf("seed %d: %s differ\n%.*s\ngot  %.*s\nwant %.*s\n", (int)seed, bad, STR(buf_str(&text)),
				    STR(buf_str(&d->log)), STR(buf_str(&d->text.log)));
		assert_null(bad);
		flow_graph_unref(d->g);
	}
	/* The graphs say something: a model that never speaks would agree with anything. */
	assert_true(texts > seeds / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_graphs) };
	return cmocka_run_group_tests_name("flow_schedule", tests, NULL, NULL);
}
