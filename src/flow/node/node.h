/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: what a node type is and what it gets to run. One file here and one row in table.c make a
 * type; docs/first-node.md walks through it. A node reads its `data`, takes values from the pool,
 * fills `result` and returns 0, or fails with node_fail / err_set. It must not touch the journal,
 * the schedule or other nodes.
 */
#pragma once
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "flow/graph.h"
#include "flow/pool.h"

struct arena;
struct client;
struct engine;
struct execution;
struct flow;
struct flow_form;
struct flow_info;
struct model_usage;

/* What one execution leaves behind. Everything lives in node_run.mem or in graph and pool. */
struct node_result {
	struct json *inputs, *process, *outputs; /* objects; NULL = {} */
	struct json *metadata;			 /* execution_metadata, NULL = null */
	struct json *resources;			 /* citations, array or NULL */
	struct str handle;			 /* BRANCH nodes: the edge that is taken */
	struct str error, error_type;		 /* set on failure */
	struct str error_slug;
	int error_http;
	int64_t tokens;
	const struct model_usage *usage;	 /* of model calls, or NULL */
	struct str streamed; /* at != NULL: all text on [id, "text"], where outputs.text is another */
	struct json *writes; /* assigners, containers: array of [node, name, value, type], for recovery */
	struct json *merge;  /* loops: what their answers add to the run's outputs, or NULL */
	int64_t steps;	     /* containers: as their completed event shows it */
	/* human-input: the node waits for this form and runs again when it is settled. */
	const struct flow_form *form;
};

struct node_run {
	struct arena *mem;
	const struct graph_node *node;
	const struct json *data; /* node->data */
	struct pool *pool;
	struct flow *flow;
	const struct flow_info *info;
	const struct json *inputs; /* user inputs and sys.<name>: what the start node gives out */
	struct node_result *result;
	const struct flow_form *form; /* the one this node waited for, as it is now; NULL = none yet */
	const struct json *checkpoints; /* what this execution left before a crash, array or NULL */
	int64_t attempt;       /* from 0: how often it was retried */
	struct engine *engine; /* for the functions below */
	struct execution *execution;
};

typedef status (*node_exec)(struct node_run *);
/* Build-time check of the data (2.4 step 6): lenient, only what can never run. */
typedef status (*node_check)(struct arena *, struct graph_node *);

enum {
	NODE_INLINE = 1 << 0, /* never waits: runs in the dispatcher's own fiber */
	NODE_RETRY = 1 << 1,  /* retry_config applies */
	NODE_ONCE = 1 << 2,   /* must not run twice: a crash in it marks the run interrupted */
	NODE_STREAM = 1 << 3, /* emits text on [id, "text"] */
	NODE_SILENT = 1 << 4, /* emits no node events (start markers) */
	NODE_OUTSIDE = 1 << 6, /* asks models, tools, servers or people: a replay answers in their place */
	NODE_ENDS_LOOP = 1 << 5, /* the loop around it ends after this round */
};
struct node_type {
	struct str name;
	struct str version; /* empty: any */
	enum node_kind kind;
	unsigned flags;
	node_exec exec;
	node_check check; /* may be NULL */
	/* `extras` of node_started from the node's data; NULL = {}. */
	struct json *(*extras)(struct flow *, struct arena *, const struct json *data);
};
extern const struct node_type node_types[];
extern const size_t node_types_len;
/* The row for this version, else the newest of the name; NULL for an unknown name. */
const struct node_type *node_type_find(struct str name, struct str version);
/* Names that app files may hold but this build cannot run yet. */
bool node_type_known(struct str name);
enum node_kind node_type_kind(struct str name);
/* Of the two kinds of container. */
bool node_type_is_iteration(const struct graph_node *);

/* Fails with the class name that workflows may test as error_type. The text is cut at the error
 * record's length unless `long_text` of node_fail_text is used. */
status node_fail_at(struct node_run *, const char *file, int line, const char *type, const char *fmt,
		    ...) PRINTF(5, 6);
#define node_fail(run, type, ...) node_fail_at((run), __FILE__, __LINE__, (type), __VA_ARGS__)

/* Sets result->inputs/outputs members; the value is copied shallowly. */
void node_output(struct node_run *, struct str name, const struct json *value);
void node_input(struct node_run *, struct str name, const struct json *value);
/* One piece of text on [node, name]; `last` closes the stream (the piece may be empty). */
void node_emit(struct node_run *, struct str name, struct str piece, bool last);
/* A piece of what the model thinks; `final` ends a block of it. */
void node_reasoning(struct node_run *, struct str piece, bool final);

/* An agent_log event: {id, label, parent_id, error, status, data, metadata}; an id may come again. */
void node_log(struct node_run *, const struct json *entry);
/* An agent app's thought; `more` (an object or NULL) is kept with it and not shown. */
void node_thought(struct node_run *, const struct json *row, const struct json *more);
void node_message_file(struct node_run *, const struct json *file);
/* Keeps a state in the journal: the same execution finds it in `checkpoints` when it is run again after
 * a crash. Returns when it is stored, so that what comes next may cost something. */
status node_checkpoint(struct node_run *, const struct json *state) NODISCARD;

/* --- one function a type --- */
status node_start_exec(struct node_run *);
status node_start_check(struct arena *, struct graph_node *);
status node_marker_exec(struct node_run *);
status node_end_exec(struct node_run *);
status node_end_check(struct arena *, struct graph_node *);
status node_answer_exec(struct node_run *);
status node_answer_check(struct arena *, struct graph_node *);
status node_llm_exec(struct node_run *);
status node_llm_check(struct arena *, struct graph_node *);
status node_model_call_exec(struct node_run *);
status node_classifier_exec(struct node_run *);
status node_classifier_check(struct arena *, struct graph_node *);
status node_extractor_exec(struct node_run *);
status node_extractor_check(struct arena *, struct graph_node *);
status node_agent_exec(struct node_run *);
status node_agent_check(struct arena *, struct graph_node *);
/* Of model-call, when `mode` of its call is "agent". */
status node_agent_call_exec(struct node_run *, const struct json *call);
status node_knowledge_exec(struct node_run *);
status node_tool_exec(struct node_run *);
status node_tool_check(struct arena *, struct graph_node *);
struct json *node_tool_extras(struct flow *, struct arena *, const struct json *data);
status node_if_else_exec(struct node_run *);
status node_if_else_check(struct arena *, struct graph_node *);
status node_code_exec(struct node_run *);
status node_code_check(struct arena *, struct graph_node *);
status node_template_exec(struct node_run *);
status node_template_check(struct arena *, struct graph_node *);
status node_list_operator_exec(struct node_run *);
status node_list_operator_check(struct arena *, struct graph_node *);
status node_document_extractor_exec(struct node_run *);
status node_document_extractor_check(struct arena *, struct graph_node *);
status node_http_request_exec(struct node_run *);
status node_http_request_check(struct arena *, struct graph_node *);
status node_aggregator_exec(struct node_run *);
status node_aggregator_check(struct arena *, struct graph_node *);
status node_assigner_v1_exec(struct node_run *);
status node_assigner_v1_check(struct arena *, struct graph_node *);
status node_assigner_v2_exec(struct node_run *);
status node_assigner_v2_check(struct arena *, struct graph_node *);
status node_human_input_exec(struct node_run *);
status node_human_input_check(struct arena *, struct graph_node *);
status node_iteration_exec(struct node_run *);
status node_iteration_check(struct arena *, struct graph_node *);
status node_loop_exec(struct node_run *);
status node_loop_check(struct arena *, struct graph_node *);
status node_webhook_exec(struct node_run *);
status node_schedule_exec(struct node_run *);
