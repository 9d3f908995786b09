/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coordinator: sessions, streams and flushing. See coordinator.h.
 *
 *   taken edge --> activation --> [ active session | waiting ... ]
 *   stream piece ----------------> flush: text, pieces, values -> emit; stops at what is not there
 *   node success ----------------> flush
 */
#include "flow/coordinator.h"

#include "base/arena.h"
#include "base/buf.h"

void coordinator_init(struct coordinator *c, struct arena *mem, const struct flow_graph *g, uint32_t root,
		      const struct schedule *schedule, const struct pool *pool, coordinator_emit emit,
		      void *ctx)
{
	*c = (struct coordinator){ .graph = g, .schedule = schedule, .pool = pool, .mem = mem,
				   .root = root, .emit = emit, .ctx = ctx };
	c->activated = arena_alloc(mem, g->responses.len);
	c->done = arena_alloc(mem, g->node_count);
	c->seen = arena_alloc(mem, g->node_count);
	c->stack = arena_array(mem, uint32_t, g->node_count);
}

static bool part_is(const struct coordinator_stream *s, const struct str *parts, size_t count)
{
	if (s->count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!str_eq(s->parts[i], parts[i]))
			return false;
	return true;
}

static struct coordinator_stream *stream_of(const struct coordinator *c, const struct str *parts,
					    size_t count)
{
	for (size_t i = 0; i < c->streams.len; i++)
		if (part_is(c->streams.at[i], parts, count))
			return c->streams.at[i];
	return NULL;
}

/* Does any template name this selector? Streams that none does need no memory. */
static bool wanted(const struct coordinator *c, const struct str *parts, size_t count)
{
	struct coordinator_stream probe = { .parts = (struct str *)(uintptr_t)parts, .count = count };
	for (size_t r = 0; r < c->graph->responses.len; r++) {
		const struct template *t = &c->graph->nodes[c->graph->responses.at[r]].stream;
		for (size_t i = 0; i < t->len; i++)
			if (t->parts[i].variable && part_is(&probe, t->parts[i].parts, t->parts[i].count))
				return true;
	}
	return false;
}

/* Emits what a stream has; true when it is closed and the session may go on. */
static bool flush_stream(struct coordinator *c, struct coordinator_stream *s, uint32_t node)
{
	while (s->read < s->pieces.len) {
		struct str piece = s->pieces.at[s->read++];
		c->emit(c->ctx, node, s->parts, s->count, piece);
	}
	return s->closed;
}

/* True when the segment is finished with. `over`: the response node itself has succeeded, so what
 * is missing now will never come. */
static bool flush_variable(struct coordinator *c, const struct template_part *p, uint32_t response,
			   bool over)
{
	const struct graph_node *from = graph_find(c->graph, p->parts[0]);
	if (from && c->schedule->nodes[from->index] == STATE_SKIPPED)
		return true;
	struct coordinator_stream *s = stream_of(c, p->parts, p->count);
	if (s)
		return flush_stream(c, s, from ? from->index : response) || over;
	struct var v;
	if (!pool_get(c->pool, p->parts, p->count, &v))
		return over;
	c->emit(c->ctx, from ? from->index : response, p->parts, p->count,
		var_text(c->mem, &v, VAR_MARKDOWN));
	return true;
}

/* Goes on with the active session, then with those that wait, as far as possible. */
static void flush(struct coordinator *c)
{
	while (c->head < c->sessions.len) {
		uint32_t response = c->sessions.at[c->head];
		const struct graph_node *n = &c->graph->nodes[response];
		struct str own[2] = { n->id, S("answer") };
		for (; c->segment < n->stream.len; c->segment++) {
			const struct template_part *p = &n->stream.parts[c->segment];
			if (!p->variable)
				c->emit(c->ctx, response, own, 2, p->text);
			else if (!flush_variable(c, p, response, c->done[response]))
				return;
		}
		c->head++;
		c->segment = 0;
	}
}

/* Is the response node reachable over edges that do not hold it back or are taken? */
static bool certain(struct coordinator *c, const struct graph_node *response)
{
	size_t top = 0;
	for (size_t i = 0; i < c->graph->node_count; i++)
		c->seen[i] = 0;
	c->seen[c->root] = 1;
	c->stack[top++] = c->root;
	while (top) {
		const struct graph_node *n = &c->graph->nodes[c->stack[--top]];
		if (n == response)
			return true;
		for (size_t i = 0; i < n->out.len; i++) {
			uint32_t e = n->out.at[i], target = c->graph->edges[e].target;
			if (c->seen[target] || (c->schedule->edges[e] != STATE_TAKEN &&
						graph_edge_blocks(c->graph, e, response)))
				continue;
			c->seen[target] = 1;
			c->stack[top++] = target;
		}
	}
	return false;
}

void coordinator_edge(struct coordinator *c, uint32_t edge)
{
	bool was_empty = c->head == c->sessions.len, first = !c->started, added = false;
	c->started = true;
	for (size_t r = 0; r < c->graph->responses.len; r++) {
		const struct graph_node *n = &c->graph->nodes[c->graph->responses.at[r]];
		if (c->activated[r] || (!first && !graph_edge_blocks(c->graph, edge, n)))
			continue;
		if (!certain(c, n))
			continue;
		c->activated[r] = 1;
		added = true;
		vec_push(c->mem, &c->sessions, n->index);
	}
	if (added && was_empty)
		flush(c);
}

void coordinator_chunk(struct coordinator *c, const struct str *parts, size_t count, struct str piece,
		       bool last)
{
	struct coordinator_stream *s = stream_of(c, parts, count);
	if (!s) {
		if (!wanted(c, parts, count)) {
			flush(c); /* what an exception has left waiting goes with any piece */
			return;
		}
		s = arena_new(c->mem, struct coordinator_stream);
		s->parts = arena_array(c->mem, struct str, count);
		for (size_t i = 0; i < count; i++)
			s->parts[i] = arena_str(c->mem, parts[i]);
		s->count = count;
		vec_push(c->mem, &c->streams, s);
	}
	vec_push(c->mem, &s->pieces, arena_str(c->mem, piece));
	s->closed |= last;
	flush(c);
}

void coordinator_done(struct coordinator *c, uint32_t node, bool flush_now)
{
	c->done[node] = 1;
	/* A stream that its node left open, as after a failure in the middle, ends here. */
	for (size_t i = 0; i < c->streams.len; i++)
		if (str_eq(c->streams.at[i]->parts[0], c->graph->nodes[node].id))
			c->streams.at[i]->closed = true;
	if (flush_now)
		flush(c);
}
