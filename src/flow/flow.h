/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow: runs of graphs. A run executes in its own fiber and belongs to the server, not to the HTTP
 * connection that started it. Each event is appended to the run's journal before it is shown as
 * done; followers read the journal (live in this process, else from the database), so any process
 * can show, stop and resume any run. See workflow.md sections 2 to 7 and 9.
 *
 * Easy apps (chat, completion) run here too, as a graph of start, model-call and answer which the
 * chat folder makes: one mechanism for journal, stop and recovery.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct blob;
struct broker;
struct client;
struct code_service;
struct config;
struct db;
struct db_batch;
struct json;
struct models;
struct flow;
struct flow_run;
struct tools;

/* What identifies a run to the layers above; kept in the run's record. */
struct flow_info {
	struct str run_id, task_id, tenant_id, app_id, workflow_id;
	struct str app_mode;	     /* workflow, advanced-chat, chat, completion */
	struct str from;	     /* "app-run", "debugging" */
	struct str created_by;	     /* end user id or account id */
	bool by_account;
	struct str user;	     /* the caller's `user` text, or the account's id */
	struct str conversation_id, message_id; /* empty for workflow apps */
	const struct json *extra;    /* the caller's own data, an object; comes back in the hooks */
	int64_t created_ms;
};

struct flow_result {
	struct str status;	     /* succeeded partial-succeeded failed stopped paused */
	struct str error;	     /* "" = none */
	struct str error_slug;	     /* public code for easy apps' failures */
	int error_http;
	const struct json *outputs;
	struct str answer;	     /* all text that was streamed */
	const struct json *files;    /* array */
	const struct json *usage;    /* sum over model calls, or NULL */
	const struct json *resources; /* retriever resources, array */
	const struct json *pause;    /* of a paused run: {paused_nodes, reasons}, else NULL */
	const struct json *thoughts; /* of an agent, array: rows of FLOW_AGENT_THOUGHT and more members */
	double elapsed;		     /* seconds */
	int64_t total_tokens, total_steps, exceptions, finished_ms;
};

/* What the engine asks of the layers above; role/ fills it. Any may be NULL. */
struct flow_hooks {
	void *ctx;
	/* Memory: earlier messages of the conversation in OpenAI form, oldest first, at most max. */
	status (*history)(void *ctx, struct arena *, const struct flow_info *, size_t max, struct json **out);
	/* Conversation variables changed: {name: value}; durable when it returns. */
	status (*save_variables)(void *ctx, struct arena *, const struct flow_info *, const struct json *changed);
	/* In the run's fiber: adds to the batch that ends the run what must be stored with it (the chat
	 * message). Called again when the batch is repeated, here or after a crash, so its statements
	 * must be idempotent and expect DB_ANY. When it fails for good the run ends without it. */
	status (*finished)(void *ctx, struct arena *, const struct flow_info *, const struct flow_result *,
			   struct db_batch *);
};

/* What knowledge-retrieval nodes ask; role/ fills it. */
struct flow_search {
	struct str query;
	const struct json *files;	/* of the question, array or NULL */
	const struct json *dataset_ids; /* array of texts; unknown ones are to be skipped */
	const struct json *filter;	/* metadata_filtering_conditions, templates rendered; NULL = none */
	const struct json *settings;	/* the node's data: retrieval_mode, multiple_retrieval_config, ... */
};
struct flow_knowledge {
	void *ctx;
	/* *result: array in the form of workflow.md 7.5, best first. NULL: there are no knowledge bases. */
	status (*search)(void *ctx, struct arena *, const struct flow_info *, const struct flow_search *,
			 struct json **result);
};

/* Where runs of drafts leave their values for the editor; role/ fills it. */
struct flow_drafts {
	void *ctx;
	/* In the run's fiber, with the batch that ends or pauses the run: nodes that have ended, in order,
	 * {node_id, node_type, execution_id, failed, outputs, written}; written: conversation variables by
	 * name. Called again when the batch is repeated: statements must be idempotent and expect DB_ANY. */
	status (*save)(void *ctx, struct arena *, const struct flow_info *, const struct json *nodes,
		       struct db_batch *);
};

struct flow_options {
	struct db *db;
	struct broker *broker;
	struct blob *blob;
	struct models *models;
	struct client *client;
	struct tools *tools; /* NULL: tool and agent nodes fail and say so */
	struct code_service *code; /* NULL: nodes that need it fail and say so */
	const struct config *config;
	const unsigned char *seal_key;
	struct str secret; /* signs links to files; lives as long as the flow */
	struct str process_name; /* who holds leases: "api-1234" */
	struct flow_hooks hooks;
	struct flow_knowledge knowledge;
	struct flow_drafts drafts; /* save NULL: nothing is kept */
	int64_t lease_ms;	     /* how long a run of a dead process waits for another; 0 = 15 s */
};
status flow_open(const struct flow_options *, struct flow **out) NODISCARD;
/* Takes over runs whose process died, and answers stop messages; runs until cancelled. */
status flow_service(void *flow) NODISCARD;
/* Running runs get until the deadline, then their leases are given back for others. */
void flow_drain(struct flow *, deadline);
void flow_close(struct flow *);

/* --- graphs --- */
/* Checks and compiles (workflow.md 2.4); immutable, shared, cached by key when key is not empty
 * (workflow id + hash). ERR_INVALID names node and field. */
struct flow_graph;
status flow_graph_load(struct flow *, struct str key, const struct json *graph, struct flow_graph **out) NODISCARD;
void flow_graph_unref(struct flow_graph *);
/* The part of a graph that is one node, with what lies in it; as JSON, for flow_graph_load. A run of it is
 * a single run: info.from is FLOW_SINGLE_STEP, what the node reads comes in `variables`.
 * ERR_NOT_FOUND for an unknown node. */
#define FLOW_SINGLE_STEP "single-step"
status flow_graph_single(struct arena *, const struct json *graph, struct str node_id, struct json **out) NODISCARD;
/* The start node's `variables`, an array; empty for graphs without one. */
const struct json *flow_graph_variables(const struct flow_graph *);

/* --- inputs (workflow.md 4.7) --- */
/* Checks `given` against variable rows {variable,label,type,required,...}; ERR_INVALID
 * invalid_param with the documented texts. Undeclared ones are dropped. */
status flow_check_inputs(struct flow *, struct arena *, struct str tenant_id, const struct json *variables, const struct json *given, struct json **out) NODISCARD;

/* --- runs --- */
struct flow_start {
	struct flow_info info;		/* run_id, task_id made when empty */
	struct flow_graph *graph;	/* a reference is taken */
	const struct db_batch *with;	/* stored with the run's row, or nothing of both; copied; may be NULL */
	const struct json *inputs;	/* checked */
	const struct json *system;	/* {"query": ..., "files": [...], ...} without the "sys." prefix */
	const struct json *environment;	/* array of {name, value_type, value}, secrets in plain */
	const struct json *conversation; /* array of {id, name, value_type, value} with current values */
	const struct json *variables;	/* more of the pool at the start: array of [node, name, value, type] */
	struct str root;		/* node to start from; empty = the graph's own */
	bool queued;			/* only stored: a worker starts it (flow_run_begin) */
	const struct json *call;	/* what a model-call node sends; kept for recovery, shown to nobody */
	bool texts_first;		/* clients see nothing but texts: these need not wait for the first commit */
};
/* Stores the run and starts it in the background, or, when `queued`, puts it into the queue
 * FLOW_QUEUE in the same transaction. *run_id in mem. */
#define FLOW_QUEUE "workflow"
status flow_run_start(struct flow *, struct arena *, const struct flow_start *, struct str *run_id) NODISCARD;
/* Whose queued run it is; ERR_STALE: it was begun or stopped before. */
status flow_run_owner(struct flow *, struct arena *, struct str run_id, struct str *tenant_id, struct str *app_id) NODISCARD;
/* Starts a queued run in this process. ERR_STALE: it was begun or stopped before. */
status flow_run_begin(struct flow *, struct str run_id) NODISCARD;

/* A run again, with the recorded answers of models, tools, HTTP and people. */
struct flow_replay {
	struct str run_id;
	struct str from;	    /* node id: it and what comes after it ask anew; empty = none */
	struct str model, provider; /* nodes that ask a model ask this one; empty = recorded answers */
	bool live;		    /* what has no recorded answer is asked; else that node fails */
};
/* Starts it in the background; nothing of a conversation is changed by it. who: tenant, app (empty =
 * any), created_by, by_account, from. ERR_NOT_FOUND for an unknown run or one whose journal is gone. */
status flow_run_replay(struct flow *, struct arena *, const struct flow_info *who, const struct flow_replay *, struct str *run_id) NODISCARD;

enum flow_event_type {
	FLOW_WORKFLOW_STARTED, FLOW_WORKFLOW_FINISHED, FLOW_WORKFLOW_PAUSED,
	FLOW_NODE_STARTED, FLOW_NODE_FINISHED, FLOW_NODE_RETRY,
	FLOW_ITERATION_STARTED, FLOW_ITERATION_NEXT, FLOW_ITERATION_COMPLETED,
	FLOW_LOOP_STARTED, FLOW_LOOP_NEXT, FLOW_LOOP_COMPLETED,
	FLOW_CHUNK,	/* text: message or text_chunk */
	FLOW_REPLACE,	/* text replaces all text so far (a resumed model call answered otherwise) */
	FLOW_REASONING, /* a piece of what a model thinks: {reasoning, node_id, is_final} */
	FLOW_AGENT_LOG,
	FLOW_AGENT_THOUGHT, /* agent apps: a row of what the agent thinks and does; the same id is sent again */
	FLOW_MESSAGE_FILE,  /* agent apps: a file that a tool made */
	FLOW_CHECKPOINT,    /* what a node needs to go on after a crash; feeds leave it out */
	FLOW_FORM_REQUIRED, FLOW_FORM_FILLED, FLOW_FORM_TIMEOUT, /* human-input */
	FLOW_RECORD,	/* of the journal only, for recovery; feeds leave it out */
	FLOW_EVENT_COUNT
};
struct str flow_event_name(enum flow_event_type); /* "node_started"; FLOW_CHUNK: "text_chunk" */
struct flow_event {
	int64_t seq;		/* from 1, growing; numbers of FLOW_RECORD are left out */
	enum flow_event_type type;
	struct str data;	/* JSON text of the event's `data` object in the full Service API form */
	struct str text;	/* FLOW_CHUNK, FLOW_REPLACE */
	struct str selector;	/* FLOW_CHUNK: JSON text of from_variable_selector */
	int64_t time_ms;
};
/* Follows a run from after_seq + 1 on, in whatever process it runs. */
struct flow_feed;
status flow_follow(struct flow *, struct str run_id, int64_t after_seq, struct flow_feed **out) NODISCARD;
/* A feed ends where the run stands paused; this one waits for it to go on. */
void flow_feed_through_pauses(struct flow_feed *);
/* *end = true after the last event. data lives in mem. */
status flow_feed_next(struct flow_feed *, struct arena *, struct flow_event *out, bool *end, deadline) NODISCARD;
void flow_feed_close(struct flow_feed *);
DEFINE_AUTO(flow_feed, struct flow_feed, flow_feed_close)

/* What is stored of a run. inputs/outputs are JSON texts. */
struct flow_record {
	struct flow_info info;
	struct str status, error, inputs, outputs, graph, version;
	double elapsed;
	int64_t total_tokens, total_steps, exceptions, created_ms, finished_ms; /* finished 0 = not yet */
};
/* ERR_NOT_FOUND also for another tenant's or app's run (app_id empty = any of the tenant). */
status flow_run_get(struct flow *, struct arena *, struct str tenant_id, struct str app_id, struct str run_id, struct flow_record **out) NODISCARD;
/* The number of the last event that a follower could see by now. */
status flow_run_last_event(struct flow *, struct arena *, struct str run_id, int64_t *seq) NODISCARD;
/* Waits for the end, or until the run is paused, and returns the result (for blocking calls). */
status flow_run_wait(struct flow *, struct arena *, struct str run_id, struct flow_result **out, deadline) NODISCARD;
/* Any process's run; unknown ids succeed. user not empty: only that user's runs stop. */
status flow_stop(struct flow *, struct str app_id, struct str task_id, struct str user) NODISCARD;

/* Node executions of a run for the trace, array of objects in the console API's form. */
status flow_run_nodes(struct flow *, struct arena *, struct str tenant_id, struct str run_id, struct json **out) NODISCARD;
/* One of them; ERR_NOT_FOUND when the run or the execution is gone. */
status flow_run_node(struct flow *, struct arena *, struct str tenant_id, struct str run_id, struct str execution_id, struct json **out) NODISCARD;
struct flow_list {
	struct str app_id, status, keyword, from, user_session, account_email;
	int64_t before_ms, after_ms, page, limit; /* page from 1 */
	struct str last_id;
};
status flow_run_list(struct flow *, struct arena *, struct str tenant_id, const struct flow_list *, struct flow_record **out, size_t *n, int64_t *total) NODISCARD;
/* Runs active now, for the concurrency limits of an app and of a workspace. */
int64_t flow_active(struct flow *, struct str app_id);
int64_t flow_active_tenant(struct flow *, struct str tenant_id);
/* Runs of an app that wait for a worker, counted up to `most`. */
int64_t flow_waiting(struct flow *, struct str app_id, int64_t most);
/* Waits until this process runs fewer than `most`. */
status flow_wait_room(struct flow *, size_t most, deadline) NODISCARD;

/* Deletes finished runs that are older than `days`, and of each app all but the newest `per_app`
 * (0 = no such limit), in bounded batches; then graphs that no run has referred to for a day. */
status flow_purge(struct flow *, int64_t days, int64_t per_app, int64_t *removed) NODISCARD;

/* --- forms: what a run asks people (human-input nodes) --- */
enum form_state { FORM_WAITING, FORM_SUBMITTED, FORM_EXPIRED, FORM_CLOSED };
struct flow_form {
	struct str id, token, tenant_id, app_id, run_id, node_id;
	struct str scope; /* which element or round asks, empty outside of containers */
	enum form_state state;
	/* {node_title, form_content, content, inputs, user_actions, resolved_default_values, webapp};
	 * inside of containers also place: [{node_id, node_type, title, index}, ...], the outermost first */
	const struct json *definition;
	struct str action;	 /* of the answer */
	const struct json *data; /* checked values by output_variable_name */
	int64_t created_ms, expires_ms, answered_ms;
};
/* ERR_NOT_FOUND for an unknown token. */
status flow_form_get(struct flow *, struct arena *, struct str token, struct flow_form **out) NODISCARD;
/* The forms of an app that wait, oldest first. */
status flow_form_list(struct flow *, struct arena *, struct str tenant_id, struct str app_id, struct flow_form **out, size_t *n) NODISCARD;
/* All forms of a run, settled ones too. */
status flow_form_of_run(struct flow *, struct arena *, struct str tenant_id, struct str run_id, struct flow_form **out, size_t *n) NODISCARD;
/* 412 human_input_form_submitted or human_input_form_expired when it cannot be answered any more. */
status flow_form_check(const struct flow_form *) NODISCARD;
/* Answers the form once and for all and lets the run go on, here. 400 invalid_form_data names what
 * is missing or wrong; a second answer fails as flow_form_check does. by: who, for the record. */
status flow_form_submit(struct flow *, struct arena *, const struct flow_form *, struct str action, const struct json *inputs, struct str by) NODISCARD;
/* Ends forms whose time is over and lets their runs go on. *n = how many. */
status flow_forms_expire(struct flow *, size_t *n) NODISCARD;
