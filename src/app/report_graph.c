/* SPDX-License-Identifier: Apache-2.0 */
/* report_graph: edges to nowhere, handles that no node chooses, cycles, nodes that never run. */
#include "app/report_int.h"

#include "flow/graph.h"
#include "flow/node/node.h"

/* --- edges --- */

static struct str shown(const struct report_node *n)
{
	return n->title.len ? n->title : n->id;
}

static void read_edge(struct report *r, const struct json *from)
{
	const struct json *s = json_get(from, S("source")), *t = json_get(from, S("target"));
	const struct json *h = json_get(from, S("sourceHandle"));
	if (!json_is(s, JSON_STR) || !json_is(t, JSON_STR)) {
		report_add(r, REPORT_NOTE, "edge-ignored", NULL, S("workflow.graph.edges"),
			   "an edge without source or target is ignored");
		return;
	}
	struct str source = json_as_str(s, S("")), target = json_as_str(t, S(""));
	const struct report_node *sn = report_find(r, source), *tn = report_find(r, target);
	if (!sn || !tn) {
		report_add(r, REPORT_ERROR, "edge-to-nowhere", sn, S("workflow.graph.edges"),
			   "edge %.*s -> %.*s: there is no node %.*s; runs are refused",
			   STR(source), STR(target), STR(sn ? target : source));
		return;
	}
	struct report_edge e = {.source = (uint32_t)(sn - r->nodes),
				.target = (uint32_t)(tn - r->nodes),
				.handle =
					json_is(h, JSON_STR) ? json_as_str(h, S("")) : S("source")};
	vec_push(r->mem, &r->edges, e);
}

/* --- handles (workflow.md 2.2) --- */

static bool in_rows(const struct json *rows, struct str key, struct str id)
{
	json_each(rows, row)
		if (str_eq(json_get_str(row, key), id))
			return true;
	return false;
}

static bool chooses(const struct report_node *n, struct str handle)
{
	const struct json *d = n->data;
	bool fails = str_eq(json_get_str(d, S("error_strategy")), S("fail-branch"));
	if (fails && str_eq(handle, S("fail-branch")))
		return true;
	if (str_eq(n->type, S("if-else")))
		return str_eq(handle, S("false")) ||
		       in_rows(json_get(d, S("cases")), S("case_id"), handle) ||
		       (!json_get(d, S("cases")) && str_eq(handle, S("true")));
	if (str_eq(n->type, S("question-classifier")))
		return in_rows(json_get(d, S("classes")), S("id"), handle);
	if (str_eq(n->type, S("human-input")))
		return str_eq(handle, S("__timeout")) ||
		       (!json_len(json_get(d, S("user_actions"))) && str_eq(handle, S("source"))) ||
		       in_rows(json_get(d, S("user_actions")), S("id"), handle);
	return !fails || str_eq(handle, S("source"));
}

static void check_handles(struct report *r)
{
	for (size_t i = 0; i < r->edges.len; i++) {
		struct report_edge *e = &r->edges.at[i];
		const struct report_node *n = &r->nodes[e->source];
		if (!node_type_known(n->type) || chooses(n, e->handle))
			continue;
		e->dead = true;
		report_add(r, REPORT_WARNING, "dead-handle", n, S("workflow.graph.edges"),
			   "node '%.*s' never leaves by '%.*s': the edge to '%.*s' is never taken",
			   STR(shown(n)), STR(e->handle), STR(shown(&r->nodes[e->target])));
	}
}

/* --- paths --- */

/* Chains the edges of each node. */
static void link_edges(struct report *r)
{
	for (size_t i = 0; i < r->count; i++)
		r->nodes[i].first_edge = NO_NODE;
	for (uint32_t i = 0; i < r->edges.len; i++) {
		struct report_edge *e = &r->edges.at[i];
		r->nodes[e->target].entered = true;
		if (e->dead)
			continue;
		e->next = r->nodes[e->source].first_edge;
		r->nodes[e->source].first_edge = i;
	}
}

static void walk(const struct report *r, uint8_t *seen, uint32_t *stack, size_t depth)
{
	while (depth) {
		uint32_t at = stack[--depth];
		for (uint32_t i = r->nodes[at].first_edge; i != NO_NODE; i = r->edges.at[i].next) {
			uint32_t target = r->edges.at[i].target;
			if (seen[target])
				continue;
			seen[target] = 1;
			stack[depth++] = target;
		}
	}
}

bool report_reaches(struct report *r, const struct report_node *from, const struct report_node *to)
{
	struct report_node *n = &r->nodes[from - r->nodes];
	if (!n->reaches) {
		uint32_t *stack = arena_array(r->mem, uint32_t, r->count + 1);
		n->reaches = arena_alloc(r->mem, r->count);
		stack[0] = (uint32_t)(from - r->nodes);
		walk(r, n->reaches, stack, 1);
	}
	return n->reaches[to - r->nodes];
}

static void check_cycles(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct report_node *n = &r->nodes[i];
		if (report_reaches(r, n, n))
			report_add(
				r, REPORT_WARNING, "cycle", n, S("workflow.graph.edges"),
				"node '%.*s' lies in a cycle: it waits for itself and never runs",
				STR(shown(n)));
	}
}

/* --- what never runs --- */

/* The node that a container begins with, NO_NODE when there is none. */
static uint32_t inner_start(struct report *r, const struct report_node *n)
{
	const struct report_node *s = report_find(r, json_get_str(n->data, S("start_node_id")));
	return s ? (uint32_t)(s - r->nodes) : NO_NODE;
}

static bool is_container(const struct report_node *n)
{
	return str_eq(n->type, S("iteration")) || str_eq(n->type, S("loop"));
}

/* Starts of runs; a graph without one begins at its first node that no edge leads to. */
static size_t starts(const struct report *r, uint8_t *seen, uint32_t *stack)
{
	size_t n = 0;
	for (uint32_t i = 0; i < r->count; i++)
		if (node_type_kind(r->nodes[i].type) == NODE_ROOT && !r->nodes[i].entered)
			stack[n++] = i;
	for (uint32_t i = 0; !n && i < r->count; i++)
		if (!r->nodes[i].entered && r->nodes[i].container == NO_NODE)
			stack[n++] = i;
	for (size_t i = 0; i < n; i++)
		seen[stack[i]] = 1;
	return n;
}

static void check_containers(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct report_node *n = &r->nodes[i];
		if (!is_container(n) || inner_start(r, n) != NO_NODE)
			continue;
		struct str id = json_get_str(n->data, S("start_node_id"));
		report_add(r, REPORT_ERROR, "no-inner-start", n, S("start_node_id"),
			   id.len ? "node '%.*s': its first node '%.*s' does not exist"
				  : "node '%.*s': it does not say which node is its first%.*s",
			   STR(shown(n)), STR(id));
	}
}

static void check_started(struct report *r)
{
	uint8_t *seen = arena_alloc(r->mem, r->count + 1);
	uint32_t *stack = arena_array(r->mem, uint32_t, 2 * r->count + 2);
	size_t depth = starts(r, seen, stack);
	walk(r, seen, stack, depth);
	/* A container that runs, runs its inside; that may hold containers. */
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < r->count; i++) {
			uint32_t s = seen[i] && is_container(&r->nodes[i])
					     ? inner_start(r, &r->nodes[i])
					     : NO_NODE;
			if (s == NO_NODE || seen[s])
				continue;
			seen[s] = 1;
			stack[0] = s;
			walk(r, seen, stack, 1);
			more = true;
		}
	}
	for (size_t i = 0; i < r->count; i++) {
		r->nodes[i].started = seen[i];
		if (!seen[i])
			report_add(r, REPORT_NOTE, "never-runs", &r->nodes[i],
				   S("workflow.graph.edges"),
				   "node '%.*s' never runs: no path from the start leads to it",
				   STR(shown(&r->nodes[i])));
	}
}

void report_graph(struct report *r)
{
	json_each(json_path(r->file, "workflow.graph.edges"), e) read_edge(r, e);
	r->paths = r->count <= REPORT_NODES_MAX && r->edges.len <= REPORT_EDGES_MAX;
	if (r->edges.len <= REPORT_EDGES_MAX)
		check_handles(r);
	link_edges(r);
	check_containers(r);
	if (!r->count || !r->paths)
		return;
	check_cycles(r);
	check_started(r);
}
