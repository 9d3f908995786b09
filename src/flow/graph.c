/* SPDX-License-Identifier: Apache-2.0 */
/* graph: compile and check (workflow.md 2.1 to 2.4). See graph.h. */
#include "flow/graph.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/vec.h"
#include "flow/flow.h"
#include "flow/node/node.h"

enum { NODES_MAX = 5000, EDGES_MAX = 20000 };

struct build {
	struct arena *mem;
	struct flow_graph *g;
	struct buf problems; /* "[CODE] text; [CODE] text" */
};

static void problem(struct build *b, const char *code, struct str text)
{
	buf_printf(&b->problems, "%s[%s] %.*s", b->problems.len ? "; " : "", code, STR(text));
}

/* Ids and versions are texts, but hand-written files hold bare numbers as well. */
static struct str text_of(struct arena *mem, const struct json *v)
{
	if (json_is(v, JSON_INT))
		return arena_printf(mem, "%lld", (long long)v->integer);
	return json_as_str(v, S(""));
}

/* --- error strategy (3.4) --- */

static status default_value(struct build *b, struct graph_node *n, const struct json *row,
			    struct json *out)
{
	struct str key = json_get_str(row, S("key")), type = json_get_str(row, S("type"));
	const struct json *given = json_get(row, S("value"));
	struct json *value = given ? json_copy(b->mem, given) : json_null(b->mem);
	bool text = str_eq(type, S("string"));
	if (!key.len)
		return err_set(ERR_INVALID, "node %.*s: default_value: a row has no key", STR(n->id));
	if (str_eq(type, S("number")) && value->type == JSON_STR) {
		double d;
		if (str_to_double(str_trim(json_as_str(value, S(""))), &d))
			return err_set(ERR_INVALID, "node %.*s: default_value %.*s: not a number",
				       STR(n->id), STR(key));
		value = json_float(b->mem, d);
	} else if (!text && value->type == JSON_STR) {
		if (json_parse(b->mem, json_as_str(value, S("")), &value))
			return err_set(ERR_INVALID, "node %.*s: default_value %.*s: not JSON",
				       STR(n->id), STR(key));
	}
	bool fits = text ? value->type == JSON_STR :
		    str_eq(type, S("number")) ? value->type == JSON_INT || value->type == JSON_FLOAT :
		    str_eq(type, S("object")) ? value->type == JSON_OBJ :
		    str_starts(type, S("array")) ? value->type == JSON_ARR : true;
	if (!fits)
		return err_set(ERR_INVALID, "node %.*s: default_value %.*s: value must be of type %.*s",
			       STR(n->id), STR(key), STR(type));
	json_set(b->mem, out, key, value);
	return 0;
}

static status read_strategy(struct build *b, struct graph_node *n)
{
	struct str s = json_get_str(n->data, S("error_strategy"));
	if (str_eq(s, S("fail-branch"))) {
		n->strategy = STRATEGY_FAIL_BRANCH;
		n->kind = NODE_BRANCH;
	} else if (str_eq(s, S("default-value"))) {
		n->strategy = STRATEGY_DEFAULT_VALUE;
	} else if (s.len && !str_eq(s, S("none"))) {
		return err_set(ERR_INVALID, "node %.*s: error_strategy: unknown value '%.*s'",
			       STR(n->id), STR(s));
	}
	struct json *defaults = json_obj(b->mem);
	if (n->strategy == STRATEGY_DEFAULT_VALUE)
		json_each(json_get(n->data, S("default_value")), row)
			if (default_value(b, n, row, defaults))
				return -1;
	n->defaults = defaults;
	const struct json *retry = json_get(n->data, S("retry_config"));
	n->retry.enabled = json_get_bool(retry, S("retry_enabled"), false);
	n->retry.max = json_get_int(retry, S("max_retries"), 0);
	n->retry.interval_ms = MAX(json_get_int(retry, S("retry_interval"), 0), 0);
	return 0;
}

/* --- nodes --- */

static status read_node(struct build *b, const struct json *from, struct graph_node *n)
{
	n->id = text_of(b->mem, json_get(from, S("id")));
	n->data = json_get(from, S("data"));
	if (!n->id.len)
		return err_set(ERR_INVALID, "a node has no id");
	if (!json_is(n->data, JSON_OBJ))
		return err_set(ERR_INVALID, "node %.*s: data: must be an object", STR(n->id));
	n->type = json_get_str(n->data, S("type"));
	n->title = json_get_str(n->data, S("title"));
	n->version = text_of(b->mem, json_get(n->data, S("version")));
	if (!n->version.len)
		n->version = S("1");
	if (!node_type_known(n->type))
		return err_set(ERR_INVALID, "node %.*s: data.type: unknown node type '%.*s'",
			       STR(n->id), STR(n->type));
	n->row = node_type_find(n->type, n->version);
	n->kind = n->row ? n->row->kind : node_type_kind(n->type);
	/* Who never waits has ended before anything can happen to it. */
	n->once = n->row && !(n->row->flags & NODE_INLINE) && n->kind != NODE_CONTAINER &&
		  (n->row->flags & NODE_ONCE || json_get_bool(n->data, S("run_once"), false));
	n->iteration_id = json_get_str(n->data, S("iteration_id"));
	n->loop_id = json_get_str(n->data, S("loop_id"));
	struct str parent = json_get_str(from, S("parentId"));
	if (parent.len && !n->iteration_id.len && str_eq(n->type, S("iteration-start")))
		n->iteration_id = parent;
	if (parent.len && !n->loop_id.len && str_eq(n->type, S("loop-start")))
		n->loop_id = parent;
	if (read_strategy(b, n))
		return -1;
	if (n->row && n->row->check && n->row->check(b->mem, n))
		return err_set(err_code(), "node %.*s: %.*s", STR(n->id), STR(err_text()));
	return 0;
}

static bool is_note(const struct json *node)
{
	return str_eq(json_get_str(node, S("type")), S("custom-note"));
}

static status read_nodes(struct build *b, const struct json *list)
{
	struct flow_graph *g = b->g;
	size_t max = json_len(list), responses = 0;
	if (max > NODES_MAX)
		return err_set(ERR_TOO_LARGE, "graph: more than %d nodes", NODES_MAX);
	g->nodes = arena_array(b->mem, struct graph_node, max);
	json_each(list, from) {
		if (is_note(from))
			continue;
		struct graph_node *n = &g->nodes[g->node_count];
		n->index = (uint32_t)g->node_count;
		if (read_node(b, from, n))
			return -1;
		if (map_set(&g->by_id, n->id, n))
			return err_set(ERR_INVALID, "node %.*s: id is used twice", STR(n->id));
		g->node_count++;
		responses += n->row && n->row->kind == NODE_RESPONSE;
		g->once_only |= n->once;
	}
	if (!g->node_count)
		return err_set(ERR_INVALID, "Graph must have at least one node");
	g->responses.at = arena_array(b->mem, uint32_t, responses);
	for (size_t i = 0; i < g->node_count; i++)
		if (g->nodes[i].row && g->nodes[i].row->kind == NODE_RESPONSE)
			g->responses.at[g->responses.len++] = (uint32_t)i;
	return 0;
}

/* --- edges --- */

static status read_edges(struct build *b, const struct json *list)
{
	struct flow_graph *g = b->g;
	size_t max = json_len(list);
	if (max > EDGES_MAX)
		return err_set(ERR_TOO_LARGE, "graph: more than %d edges", EDGES_MAX);
	g->edges = arena_array(b->mem, struct graph_edge, max);
	json_each(list, from) {
		const struct json *s = json_get(from, S("source")), *t = json_get(from, S("target"));
		if (!json_is(s, JSON_STR) || !json_is(t, JSON_STR))
			continue;
		struct str source = json_as_str(s, S("")), target = json_as_str(t, S(""));
		const struct graph_node *sn = graph_find(g, source), *tn = graph_find(g, target);
		if (!sn || !tn) {
			struct str which = sn ? target : source;
			problem(b, "MISSING_NODE",
				arena_printf(b->mem, "Edge %.*s -> %.*s references unknown node %.*s",
					     STR(source), STR(target), STR(which)));
			continue;
		}
		struct graph_edge *e = &g->edges[g->edge_count++];
		*e = (struct graph_edge){ sn->index, tn->index, S("source") };
		const struct json *h = json_get(from, S("sourceHandle"));
		if (json_is(h, JSON_STR))
			e->handle = json_as_str(h, S(""));
	}
	return 0;
}

static void link_edges(struct build *b)
{
	struct flow_graph *g = b->g;
	for (size_t i = 0; i < g->edge_count; i++) {
		g->nodes[g->edges[i].source].out.len++;
		g->nodes[g->edges[i].target].in.len++;
	}
	for (size_t i = 0; i < g->node_count; i++) {
		struct graph_node *n = &g->nodes[i];
		n->out.at = arena_array(b->mem, uint32_t, n->out.len);
		n->in.at = arena_array(b->mem, uint32_t, n->in.len);
		n->out.len = n->in.len = 0;
	}
	for (size_t i = 0; i < g->edge_count; i++) {
		struct graph_node *s = &g->nodes[g->edges[i].source];
		struct graph_node *t = &g->nodes[g->edges[i].target];
		s->out.at[s->out.len++] = (uint32_t)i;
		t->in.at[t->in.len++] = (uint32_t)i;
	}
}

/* --- root and checks (2.4) --- */

static bool is_root_type(const struct graph_node *n)
{
	return node_type_kind(n->type) == NODE_ROOT;
}

static bool is_trigger(const struct graph_node *n)
{
	return str_starts(n->type, S("trigger-"));
}

static status find_root(struct flow_graph *g)
{
	const struct graph_node *first = NULL;
	for (size_t i = 0; i < g->node_count; i++) {
		const struct graph_node *n = &g->nodes[i];
		if (n->in.len)
			continue;
		if (is_root_type(n)) {
			g->root = n->index;
			return 0;
		}
		if (!first)
			first = n;
	}
	if (!first)
		return err_set(ERR_INVALID, "Unable to determine root node ID");
	g->root = first->index;
	return 0;
}

static void check_root(struct build *b)
{
	const struct flow_graph *g = b->g;
	const struct graph_node *root = &g->nodes[g->root];
	if (!is_root_type(root) && !str_eq(root->type, S("iteration-start")) &&
	    !str_eq(root->type, S("loop-start")))
		problem(b, "INVALID_ROOT",
			arena_printf(b->mem, "Node %.*s of type %.*s cannot be the root",
				     STR(root->id), STR(root->type)));
	bool start = false, trigger = false;
	for (size_t i = 0; i < g->node_count; i++) {
		start |= str_eq(g->nodes[i].type, S("start"));
		trigger |= is_trigger(&g->nodes[i]);
	}
	if (start && trigger)
		problem(b, "TRIGGER_START_NODE_CONFLICT",
			S("A workflow cannot have both a start node and trigger nodes"));
}

static void find_variables(struct build *b)
{
	struct flow_graph *g = b->g;
	g->variables = json_arr(b->mem);
	for (size_t i = 0; i < g->node_count; i++) {
		const struct json *v = json_get(g->nodes[i].data, S("variables"));
		if (str_eq(g->nodes[i].type, S("start")) && json_is(v, JSON_ARR)) {
			g->variables = v;
			return;
		}
	}
}

static status compile(struct build *b, const struct json *graph)
{
	if (!json_is(graph, JSON_OBJ))
		return err_set(ERR_INVALID, "graph: must be an object");
	if (read_nodes(b, json_get(graph, S("nodes"))) || read_edges(b, json_get(graph, S("edges"))))
		return -1;
	link_edges(b);
	struct str single = json_get_str(graph, S(GRAPH_SINGLE));
	const struct graph_node *only = single.len ? graph_find(b->g, single) : NULL;
	if (only)
		b->g->root = only->index;
	else if (find_root(b->g))
		return -1;
	else
		check_root(b);
	if (b->problems.len)
		return err_set(ERR_INVALID, "%.*s", STR(buf_str(&b->problems)));
	find_variables(b);
	return 0;
}

status graph_compile(struct str key, const struct json *graph, struct flow_graph **out)
{
	struct arena *mem = arena_open(0);
	struct flow_graph *g = arena_new(mem, struct flow_graph);
	g->mem = mem;
	g->refs = 1;
	g->key = arena_str(mem, key);
	g->by_id = map_make(mem);
	struct build b = { .mem = mem, .g = g, .problems = buf_make(mem, 64 << 10) };
	if (compile(&b, graph ? json_copy(mem, graph) : NULL)) {
		arena_close(mem);
		return -1;
	}
	g->text = json_text(mem, graph, JSON_COMPACT);
	g->hash = crypt_sha256_hex(mem, g->text);
	*out = g;
	return 0;
}

struct flow_graph *graph_ref(struct flow_graph *g)
{
	g->refs++;
	return g;
}

void flow_graph_unref(struct flow_graph *g)
{
	if (g && --g->refs == 0)
		arena_close(g->mem);
}

const struct json *flow_graph_variables(const struct flow_graph *g)
{
	return g->variables;
}

const struct graph_node *graph_find(const struct flow_graph *g, struct str id)
{
	return map_get(&g->by_id, id);
}

bool graph_edge_blocks(const struct flow_graph *g, uint32_t edge, const struct graph_node *response)
{
	const struct graph_node *from = &g->nodes[g->edges[edge].source];
	if (from->kind == NODE_BRANCH || from->kind == NODE_CONTAINER || from->kind == NODE_RESPONSE)
		return true;
	for (size_t w = 0; w < from->write_count; w++)
		for (size_t i = 0; i < response->stream.len; i++) {
			const struct template_part *p = &response->stream.parts[i];
			if (p->variable && p->count >= 2 && str_eq(p->parts[0], from->writes[w][0]) &&
			    str_eq(p->parts[1], from->writes[w][1]))
				return true;
		}
	return false;
}
