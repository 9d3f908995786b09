/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph: a workflow's nodes and edges, checked and compiled once, then shared by all its runs and
 * never changed (workflow.md section 2). Pure: knows node types by their table row only.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "flow/pool.h"

struct arena;
struct node_type;

enum node_kind { NODE_ROOT, NODE_RESPONSE, NODE_BRANCH, NODE_CONTAINER, NODE_EXECUTABLE };
enum error_strategy { STRATEGY_NONE, STRATEGY_FAIL_BRANCH, STRATEGY_DEFAULT_VALUE };

struct node_ids {
	uint32_t *at;
	size_t len;
};

struct graph_node {
	uint32_t index; /* place in the file without notes */
	struct str id, type, title, version;
	const struct json *data;
	const struct node_type *row; /* NULL: a type that this build cannot run */
	enum node_kind kind;	     /* fail-branch nodes are BRANCH */
	enum error_strategy strategy;
	const struct json *defaults; /* object of the default-value strategy */
	struct str iteration_id, loop_id;
	bool once; /* must not run twice: its type says so, or its data ("run_once") */
	struct {
		bool enabled;
		int64_t max, interval_ms;
	} retry;
	struct node_ids out, in; /* edges, in file order */
	/* RESPONSE nodes: what is streamed, as a list of texts and selectors (6.1). */
	struct template stream;
	/* Assigners: {node, name} pairs that they write. */
	struct str (*writes)[2];
	size_t write_count;
};

/* A graph that flow_graph_single made names its node in this member: that one is the root, whatever it is. */
#define GRAPH_SINGLE "single_node"

struct graph_edge {
	uint32_t source, target;
	struct str handle;
};

struct flow_graph {
	int refs;
	struct arena *mem;
	struct str key;
	struct str hash, text; /* SHA-256 in hex of the graph's JSON text, and the text */
	struct graph_node *nodes;
	size_t node_count;
	struct graph_edge *edges;
	size_t edge_count;
	struct map by_id; /* struct graph_node */
	struct node_ids responses;
	uint32_t root;
	const struct json *variables;
	bool once_only; /* some node must not run twice */
};

/* json is copied. ERR_INVALID names the node and field, or lists the failed checks. */
status graph_compile(struct str key, const struct json *graph, struct flow_graph **out) NODISCARD;
struct flow_graph *graph_ref(struct flow_graph *);
const struct graph_node *graph_find(const struct flow_graph *, struct str id);
/* Does the edge hold back streaming of this response node (6.2)? */
bool graph_edge_blocks(const struct flow_graph *, uint32_t edge, const struct graph_node *response);
