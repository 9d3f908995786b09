/* SPDX-License-Identifier: Apache-2.0 */
/* schedule: edge and node states, readiness, skip propagation. See schedule.h. */
#include "flow/schedule.h"

#include "base/arena.h"
#include "base/err.h"
#include "flow/node/node.h"

/* Queues the target when it has become ready, skips it when every way to it is skipped. */
static void decide(struct schedule *s, uint32_t target)
{
	const struct graph_node *n = &s->graph->nodes[target];
	bool taken = false;
	if (s->nodes[target] != STATE_UNKNOWN)
		return;
	for (size_t i = 0; i < n->in.len; i++) {
		uint8_t state = s->edges[n->in.at[i]];
		if (state == STATE_UNKNOWN)
			return;
		taken |= state == STATE_TAKEN;
	}
	if (taken) {
		s->nodes[target] = STATE_TAKEN;
		vec_push(s->mem, &s->ready, target);
	} else {
		s->nodes[target] = STATE_SKIPPED;
		vec_push(s->mem, &s->stack, target);
	}
}

/* Marks one edge skipped and follows what that decides, depth first in edge order. */
static void skip_edge(struct schedule *s, uint32_t edge)
{
	size_t base = s->stack.len;
	s->edges[edge] = STATE_SKIPPED;
	decide(s, s->graph->edges[edge].target);
	while (s->stack.len > base) {
		const struct graph_node *n = &s->graph->nodes[s->stack.at[--s->stack.len]];
		for (size_t i = 0; i < n->out.len; i++)
			s->edges[n->out.at[i]] = STATE_SKIPPED;
		for (size_t i = n->out.len; i-- > 0;)
			decide(s, s->graph->edges[n->out.at[i]].target);
	}
}

void schedule_init(struct schedule *s, struct arena *mem, const struct flow_graph *g, uint32_t root)
{
	*s = (struct schedule){ .graph = g, .mem = mem };
	s->nodes = arena_alloc(mem, g->node_count);
	s->edges = arena_alloc(mem, g->edge_count);
	/* Inside a container nothing outside is decided: its variables are there to be read. */
	bool outermost = node_type_kind(g->nodes[root].type) == NODE_ROOT;
	for (size_t i = 0; outermost && i < g->node_count; i++) {
		const struct graph_node *n = &g->nodes[i];
		if (i == root || n->in.len || node_type_kind(n->type) != NODE_ROOT)
			continue;
		s->nodes[i] = STATE_SKIPPED;
		for (size_t k = 0; k < n->out.len; k++)
			skip_edge(s, n->out.at[k]);
	}
	s->nodes[root] = STATE_TAKEN;
	vec_push(mem, &s->ready, root);
}

bool schedule_next(struct schedule *s, uint32_t *node)
{
	if (s->head == s->ready.len)
		return false;
	*node = s->ready.at[s->head++];
	return true;
}

bool schedule_take(struct schedule *s, uint32_t node)
{
	for (size_t i = s->head; i < s->ready.len; i++) {
		if (s->ready.at[i] != node)
			continue;
		for (; i > s->head; i--)
			s->ready.at[i] = s->ready.at[i - 1];
		s->head++;
		return true;
	}
	return false;
}

status schedule_done(struct schedule *s, uint32_t node, bool branch, struct str handle, schedule_edge taken,
		     void *ctx)
{
	const struct graph_node *n = &s->graph->nodes[node];
	if (branch && !handle.len)
		return err_set(ERR_INVALID, "node %.*s chose no branch", STR(n->id));
	if (branch)
		for (size_t i = 0; i < n->out.len; i++)
			if (!str_eq(s->graph->edges[n->out.at[i]].handle, handle))
				skip_edge(s, n->out.at[i]);
	for (size_t i = 0; i < n->out.len; i++) {
		uint32_t e = n->out.at[i];
		if (branch && !str_eq(s->graph->edges[e].handle, handle))
			continue;
		s->edges[e] = STATE_TAKEN;
		if (taken)
			taken(ctx, e);
	}
	for (size_t i = 0; i < n->out.len; i++)
		if (s->edges[n->out.at[i]] == STATE_TAKEN)
			decide(s, s->graph->edges[n->out.at[i]].target);
	return 0;
}
