/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: the inside of a running graph, shared by the files of this folder only.
 *
 *   flow_run      one run: identity, journal, counters, followers; one dispatcher fiber
 *     engine      one pass over the graph: pool, schedule, coordinator (containers open more)
 *       execution one node body, in its own fiber unless the type is inline
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "flow/coordinator.h"
#include "flow/flow.h"
#include "flow/graph.h"
#include "flow/node/node.h"
#include "flow/pool.h"
#include "flow/schedule.h"
#include "model/model.h"
#include "rt/rt.h"

struct db_batch;
struct recovery;

/* --- one event as followers and the journal see it --- */
struct run_event {
	enum flow_event_type type;
	int64_t time_ms;
	struct str data;	    /* JSON text */
	struct str text, selector;  /* FLOW_CHUNK, FLOW_REPLACE */
	struct str replay;	    /* JSON text for recovery, empty = none */
};

struct flow_run {
	struct flow *flow;
	struct arena *mem;
	int refs; /* the engine, the flow's list of recent runs, feeds */
	struct list recent;
	struct flow_info info;
	struct flow_graph *graph;
	struct json *inputs; /* user inputs and sys.<name>, as the start node gives them out */
	struct str start_text; /* what recovery needs besides inputs: sealed environment, conversation */
	const struct json *environment, *conversation;
	struct db_batch *with;	/* of flow_start; NULL once it is stored */
	struct arena *with_mem; /* of its own: a run may go on for long */
	int64_t fence;

	/* events; seq of events.at[i] is base + i + 1 */
	VEC(struct run_event) events;
	int64_t base;
	int64_t committed, shown; /* seq */
	int64_t chunk_since;	  /* rt_now of the oldest event that waits for the journal, 0 = none */
	bool done_waits;	  /* an event that may only be shown after its commit waits */
	struct event changed;	  /* followers, and flow_run_start */
	struct buf scratch;	  /* heap: where event data is printed */
	bool watched;		  /* some other process follows */

	bool stored, over, lost, gone; /* row exists; finished and committed; fence lost; given back */
	bool stop;		       /* asked to stop */
	struct err failure;	       /* why the first store failed */
	bool store_failed;
	bool hook_failed; /* hooks.finished will not be asked again */

	/* counters and sums of the whole run */
	int64_t steps, starts, tokens, exceptions;
	int64_t started_ns, elapsed_before_ms;
	struct model_usage usage;
	bool has_usage;
	struct json *resources;
	struct buf answer; /* heap: all streamed text */
	struct flow_result result;

	/* forms (form.c): by node, as last read; those whose rows the next batch writes */
	struct map forms; /* struct flow_form */
	VEC(const struct flow_form *) forms_new;
	int64_t answers;	/* how many settled ones `forms` knows of */
	bool answered;		/* there may be more */
	bool pausing, paused;	/* the next batch lets the run go; it has */
	bool resumption;	/* it goes on after a pause */
	bool queued;		/* a row only, for a worker */
	struct str root;	/* node id of flow_start, empty = the graph's */

	/* recovery: text that clients have already and that is swallowed when it comes again */
	struct str known;
	size_t known_at;
	bool replaying;
	struct map resumed; /* node id -> struct resumed_node: started before the crash */

	struct recovery *recovery; /* NULL: a fresh run */
	struct engine *top;
};
struct resumed_node {
	struct str exec_id;
	int64_t attempt, started_ms;
	bool form_told; /* clients know that its form is settled */
};

struct execution {
	struct list link; /* in engine->finished once the body has returned, or in engine->waiting */
	struct engine *engine;
	const struct graph_node *node;
	struct arena *mem;
	bool own_mem;
	struct node_run run;
	struct node_result result;
	bool failed, form_told;
	struct str id;
	int64_t started_ms, started_ns, attempt;
};

struct engine {
	struct flow_run *run;
	struct engine *parent;
	const struct flow_graph *graph;
	struct arena *mem;
	struct pool *pool;
	struct schedule schedule;
	struct coordinator coordinator;
	struct group *group;   /* node fibers; opened with the first that needs one */
	struct list finished;  /* struct execution */
	struct list waiting;   /* struct execution: for people */
	struct event wake;
	bool poked;	       /* wake was called: no lost wake-up while the dispatcher commits */
	size_t executing;
	struct json *outputs;
	struct str iteration_id, loop_id;
	int64_t round;	       /* index of the element or round, for events of inner nodes */
	bool over;
	struct str error, error_type, error_slug; /* of the node that ended the engine */
	int error_http;
};

/* --- engine.c --- */
void engine_init(struct engine *, struct flow_run *, struct arena *, struct pool *, uint32_t root);
/* Runs to the end. Fails only when the run must go on elsewhere or nowhere (cancelled, fence lost). */
status engine_loop(struct engine *) NODISCARD;
void engine_close(struct engine *);
/* Replays a finished node without running it (recovery). */
status engine_replay(struct engine *, const struct graph_node *, struct node_result *, bool exception) NODISCARD;
/* A pass over a container's inner graph from `root` in the calling node's fiber; waits for its end.
 * Its failure is in sub->error. */
status engine_sub(struct node_run *, struct engine *sub, struct pool *, uint32_t root) NODISCARD;

/* --- event.c: event data as JSON text, key order as recorded --- */
void event_workflow_started(struct flow_run *);
void event_workflow_finished(struct flow_run *);
/* nodes, reasons: JSON arrays. */
void event_workflow_paused(struct flow_run *, const struct json *nodes, const struct json *reasons);
void event_form(struct flow_run *, enum flow_event_type, const struct json *data);
void event_node_started(struct execution *);
/* state: succeeded, failed, exception, retry. error empty = null. */
void event_node_finished(struct execution *, enum flow_event_type, struct str state, struct str error,
			 int64_t retry_index);
void event_chunk(struct flow_run *, const struct str *selector, size_t parts, struct str text);
void event_replace(struct flow_run *, struct str text);
/* File objects among the values: an array. */
struct json *event_files(struct arena *, const struct json *outputs);

/* --- journal.c --- */
/* data and the other texts must live as long as the run. */
void journal_append(struct flow_run *, struct run_event);
/* Must the dispatcher commit before it waits? *due: rt_now until when it may wait otherwise. */
bool journal_due(const struct flow_run *, deadline *due);
/* All that waits, in one batch with the run's row. final: with the end state of the row. */
status journal_commit(struct flow_run *, bool final) NODISCARD;
/* Only the row of a run that a worker will start, with what the batch holds already. */
status journal_store_queued(struct flow_run *, struct arena *, struct db_batch *) NODISCARD;
/* Reads stored events from after_seq + 1 on, at most about `max` rows. */
struct stored_event {
	int64_t seq;
	struct run_event event;
};
status journal_read(struct flow *, struct arena *, struct str run_id, int64_t after_seq,
		    struct stored_event **out, size_t *n) NODISCARD;
bool event_needs_commit(enum flow_event_type);
bool flow_event_parse(struct str name, enum flow_event_type *);

/* --- form.c --- */
/* Reads the run's forms and how many are settled. */
status forms_load(struct flow_run *) NODISCARD;
/* The same for a run that this process holds: `answers` first. ERR_STALE: it does not any more. */
status forms_reload(struct flow_run *) NODISCARD;
/* The node waits: a form that is new is told of and stored with the next batch. */
void form_wait(struct execution *);
/* Its form is settled: tells clients, once. */
void form_tell(struct execution *);
/* The forms that the run waits for, for the event of the pause. */
void form_reasons(const struct engine *, struct json **nodes, struct json **reasons);
void forms_store(struct flow_run *, struct arena *, struct db_batch *);
/* Hears that a run may have answers. */
void run_answered(struct flow_run *);

/* --- run.c --- */
struct flow_run *run_new(struct flow *);
void run_unref(struct flow_run *);
/* Fills pool variables sys, env, conversation; the dispatcher's main. */
void run_fill_pool(struct flow_run *, struct pool *);
status run_main(void *run);
/* Lists the run and starts its fiber; on failure the caller's reference is gone. */
status run_spawn(struct flow_run *) NODISCARD;
/* recover.c: replays the journal into a fresh engine. */
status run_prepare_resumed(struct flow_run *, struct engine *) NODISCARD;
struct flow_run *run_find(struct flow *, struct str run_id); /* of this process, or NULL; no reference */

/* --- flow.c --- */
struct flow {
	struct flow_options options;
	struct arena *mem;
	struct str owner; /* process name and a random part: who holds leases */
	struct group *runs;
	struct group *service;	   /* of flow_service while that runs */
	struct event service_over;
	struct map by_id, by_task; /* struct flow_run of this process */
	struct map graphs;	   /* key -> struct flow_graph */
	struct map stored_graphs;  /* hash -> itself: graphs known to be in the database */
	struct arena *stored_mem;  /* its keys */
	struct list recent;	   /* finished runs that are still in memory, oldest first */
	size_t recent_count, active;
	struct event room;	   /* a run has ended here */
	bool draining;
	int64_t lease_ms, steps_max, time_max_s;
};
