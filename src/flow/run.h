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
struct past;
struct replay;
struct scope_past;

/* --- one event as followers and the journal see it --- */
struct run_event {
	enum flow_event_type type;
	int64_t time_ms;
	struct str data;	    /* JSON text */
	struct str text, selector;  /* FLOW_CHUNK, FLOW_REPLACE */
	struct str replay;	    /* JSON text for recovery, empty = none */
	struct str scope;	    /* of the engine that it comes from, see struct engine */
};

/* Events in memory, oldest first; old blocks go when all in them is stored and shown. The first one
 * lies in the run's memory, later ones own theirs. */
struct event_block {
	struct event_block *next;
	struct arena *mem;
	int64_t first; /* seq of at[0] */
	size_t len, cap, bytes;
	struct run_event *at;
};

/* Events of an element of a parallel iteration, kept back until it ends. What must survive a crash
 * meanwhile goes into the journal as FLOW_RECORD, which nobody is shown. */
struct held_event {
	struct run_event event;
	bool recorded; /* the journal has it */
};
struct held {
	struct list link; /* in run->held */
	struct flow_run *run;
	struct held *outer; /* of the element around, or NULL */
	bool through;	    /* somebody is asked in it: all is shown at once from now on */
	struct arena *mem;
	VEC(struct held_event) events;
	size_t recorded; /* all before are recorded */
	size_t need;	 /* all before must be */
};

/* Sums over the nodes of an engine and of all engines below it. */
struct sums {
	int64_t tokens;
	struct model_usage usage;
	bool has_usage;
	struct json *resources; /* array or NULL */
};

struct flow_run {
	struct flow *flow;
	struct arena *mem;
	int refs; /* the engine, the flow's list of recent runs, feeds */
	struct list recent;
	struct flow_info info;
	struct flow_graph *graph;
	struct json *inputs; /* user inputs and sys.<name>, as the start node gives them out */
	const struct json *environment, *conversation, *call, *variables;
	struct json *ended; /* of a draft: what its nodes left so far, array or NULL (single.c) */
	/* Of the first batch only, and gone once it is stored: a run may go on for long. */
	struct arena *first_mem;
	struct str start_text; /* what recovery needs besides inputs: sealed environment, ... */
	struct db_batch *with; /* of flow_start */
	bool texts_first;      /* and nothing was finished since the first of them */
	int64_t fence;

	/* events with seq base + 1 to last */
	struct event_block *events, *newest;
	int64_t base, last;
	size_t kept_bytes;	  /* of all blocks but the newest */
	size_t waiting_bytes;	  /* of what is not committed */
	struct list held;	  /* struct held */
	int64_t committed, shown; /* seq */
	int64_t chunk_since;	  /* rt_now of the oldest event that waits for the journal, 0 = none */
	bool done_waits;	  /* an event that may only be shown after its commit waits */
	struct event changed;	  /* followers, and flow_run_start */
	struct buf scratch, more; /* heap: where event data and what recovery needs are printed */
	bool watched;		  /* some other process follows */

	bool stored, over, lost, gone; /* row exists; finished and committed; fence lost; given back */
	bool stop;		       /* asked to stop */
	struct str aborted;	       /* a limit was reached: its text */
	struct err *failure;	       /* why the first store failed */
	bool store_failed;
	bool hook_failed; /* hooks.finished will not be asked again */

	/* counters and sums of the whole run */
	int64_t steps, starts, exceptions;
	int64_t started_ns, elapsed_before_ms, breath_ns;
	struct json *thoughts; /* of an agent: the latest row of each, array or NULL */
	struct buf answer; /* heap: all streamed text */
	struct flow_result result;

	/* forms (form.c): by scope and node, as last read; those whose rows the next batch writes or
	 * closes */
	struct map forms; /* struct flow_form */
	VEC(struct flow_form *) forms_new;
	VEC(struct str) forms_moot; /* ids */
	struct list asking;	/* engines with nodes that wait for people */
	int64_t moving;		/* fibers of nodes and elements that do not wait for people */
	int64_t answers;	/* how many settled ones `forms` knows of */
	int64_t reloads;	/* how often `forms` was read again */
	bool answered;		/* there may be more */
	bool pausing, paused;	/* the next batch lets the run go; it has */
	bool resumption;	/* it goes on after a pause */
	bool queued;		/* a row only, for a worker */
	struct str root;	/* node id of flow_start, empty = the graph's */

	struct replay *replay; /* whose answers are given again, or NULL */
	struct past *past; /* what the journal says of a run that goes on; NULL: a fresh run */
	struct engine *top;
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
	int64_t worked_ms; /* in processes before this one */
	struct past_node *past; /* it had started before a crash, or NULL */
	bool announced;		/* containers: their started event is out */
};

/* Variables that assigners have written, each once. */
struct written {
	struct str node, name;
};
struct write_list {
	struct written *at;
	size_t len, cap;
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
	struct list asking;    /* in run->asking while `waiting` is not empty */
	int64_t reloads;       /* of the forms that were looked at last */
	const bool *moot;      /* set: the container has failed and needs no more answers */
	struct event wake;
	bool poked;	       /* wake was called: no lost wake-up while the dispatcher commits */
	bool asleep;	       /* an inner dispatcher that waits: not counted in run->moving */
	size_t executing;
	struct json *outputs;
	const struct graph_node *container; /* NULL at the top */
	struct str iteration_id, loop_id;   /* the nearest of each kind, for events of inner nodes */
	int64_t round;			    /* index of the element or round */
	size_t depth;
	struct str scope; /* "<place of the container>:<round>/...", empty at the top */
	struct held *held;
	struct scope_past *past; /* what happened here before a crash, or NULL */
	bool replaying;		 /* and is being applied now */
	struct sums sums;
	struct write_list written;
	bool loop_ends; /* a loop-end node has succeeded */
	bool ran;	/* nodes have run here, not only been replayed */
	bool over;
	struct str error, error_type, error_slug; /* of the node that ended the engine */
	int error_http;
};

/* --- engine.c --- */
void engine_init(struct engine *, struct flow_run *, struct arena *, struct pool *, uint32_t root);
/* Runs to the end. Fails only when the run must go on elsewhere or nowhere (cancelled, fence lost). */
status engine_loop(struct engine *) NODISCARD;
void engine_close(struct engine *);
/* What a node's end means for variables, text and schedule, without any event. */
status engine_apply(struct engine *, const struct graph_node *, struct node_result *, bool exception) NODISCARD;
/* Replays a finished node without running it (recovery). */
status engine_replay(struct engine *, const struct graph_node *, struct node_result *, bool exception) NODISCARD;
void engine_end_with(struct engine *, const struct node_result *);
/* The outputs that a default-value or fail-branch strategy puts in place of the failed ones. */
void engine_use_strategy(const struct graph_node *, struct node_result *, struct arena *);
void engine_check_limits(struct engine *);
/* A fiber of the run ends, or waits for what others do: see run->moving. */
void engine_rest(struct flow_run *);
/* Nodes below this container that wait for people look whether that still makes sense. */
void engine_wake_asking(struct flow_run *);
/* Texts and citations are copied into mem. */
void engine_add_result(struct arena *mem, struct sums *, const struct node_result *);
void engine_note_write(struct arena *mem, struct write_list *, struct written);
/* Run outputs: "answer" is joined, others are replaced. */
void engine_merge_outputs(struct arena *mem, struct json *into, const struct json *outputs);

/* --- pass.c: a container's passes over its inner graph --- */
/*
 * One element or round, in the calling node's fiber (or one below it); waits for its end. mem and
 * pool are the pass's own; held NULL: events are shown as they come. Fails only with ERR_CANCELLED;
 * a failure of an inner node is in sub->error. The caller ends sub with engine_close in any case.
 */
struct pass {
	struct arena *mem;
	struct pool *pool;
	uint32_t root;
	int64_t round;
	struct held *held;
	const bool *moot; /* see struct engine, or NULL */
};
status pass_run(struct node_run *, struct engine *sub, const struct pass *) NODISCARD;
/* Lets others run and the journal catch up; called between two passes. */
status pass_breathe(struct node_run *) NODISCARD;
/* The node of the inner graph to begin with; fails as documented. */
status pass_root(struct node_run *, uint32_t *root) NODISCARD;
/* Is this node inside the container, at any depth? */
bool pass_inside(const struct flow_graph *, const struct graph_node *container, const struct graph_node *);
/* The container's own events. What clients had before a crash is not shown again. */
void pass_started(struct node_run *, int64_t length);
void pass_next(struct node_run *, int64_t index);
/* The inputs with which the container began before a crash, or NULL. */
const struct json *pass_past_inputs(const struct node_run *);
/* What all passes used and wrote, in the container's memory. */
struct pass_total {
	struct sums sums;
	struct write_list written;
};
void pass_add(struct node_run *, struct pass_total *, const struct engine *sub);
/* Tokens, usage, citations and the metadata that shows them. */
void pass_set_result(struct node_run *, const struct pass_total *);
/* Notes a variable's value for recovery. */
void pass_note_value(struct node_run *, struct str node, struct str name);

/* --- event.c: event data as JSON text, key order as recorded --- */
void event_workflow_started(struct flow_run *);
void event_workflow_finished(struct flow_run *);
/* nodes, reasons: JSON arrays. */
void event_workflow_paused(struct flow_run *, const struct json *nodes, const struct json *reasons);
void event_form(struct engine *, enum flow_event_type, const struct json *data);
/* Seconds since the node began, in whatever processes, without the time in which the run was paused. */
double event_elapsed(const struct execution *);
void event_node_started(struct execution *);
/* state: succeeded, failed, exception, retry. error empty = null. */
void event_node_finished(struct execution *, enum flow_event_type, struct str state, struct str error,
			 int64_t retry_index);
void event_container_started(struct execution *, int64_t length);
void event_container_next(struct execution *, int64_t index);
/* state: succeeded, failed, exception. Kept for recovery only when it was never announced. */
void event_container_completed(struct execution *, struct str state);
void event_chunk(struct engine *, const struct str *selector, size_t parts, struct str text);
void event_reasoning(struct execution *, struct str piece, bool final);
void event_agent_log(struct execution *, const struct json *entry);
/* row is what clients see, more is kept besides (NULL = nothing). */
void event_thought(struct execution *, const struct json *row, const struct json *more);
void event_message_file(struct execution *, const struct json *file);
void event_checkpoint(struct execution *, const struct json *state);
/* All text that clients have becomes this; replay: whose it is. */
void event_replace(struct flow_run *, struct str text, struct str replay);
/* File objects among the values: an array. */
struct json *event_files(struct arena *, const struct json *outputs);

/* --- backlog.c: events in memory --- */
/* The texts are copied. */
void journal_append(struct flow_run *, const struct run_event *);
/* Takes back the last event, which was neither stored nor shown. */
void journal_take_back(struct flow_run *);
/* The same for what happens in an engine: shown, or kept back with its element. */
void journal_emit(struct engine *, const struct run_event *);
/* An event that nobody is shown and that recovery needs. */
void journal_record(struct engine *, const struct run_event *);
/* around: the engine of the parallel iteration. */
struct held *held_open(struct engine *around);
/* An event that the journal has already. */
void held_again(struct held *, const struct run_event *);
/* Shows what was kept back, as one block; to the element around it when that is kept back too. */
void held_release(struct held *);
/* The same for all elements around, and what comes later is shown at once: a person is asked. */
void held_let_through(struct held *); /* NULL is fine */
void held_close(struct held *); /* drops the rest; NULL is fine */
void journal_close(struct flow_run *); /* frees what is not in the run's memory */
/* seq lies in base + 1 to last. */
const struct run_event *journal_event(const struct flow_run *, int64_t seq);
/* Up to seq they may be shown. */
void journal_show(struct flow_run *, int64_t seq);
/* Gives memory back; followers that are further behind read the database. */
void journal_drop_old(struct flow_run *);
size_t journal_bytes(const struct run_event *);
/* What must not be lost of what is kept back becomes FLOW_RECORDs. mem: until they are stored. */
void journal_record_held(struct flow_run *, struct arena *mem);
/* Waits while too much is not stored yet. Not for the dispatcher at the top, who stores it. */
status journal_breathe(struct flow_run *) NODISCARD;
/* Waits until all that the engine has emitted is stored. Not for the dispatcher at the top. */
status journal_secure(struct engine *) NODISCARD;

/* --- journal.c --- */
/* The event as the journal's line. */
void journal_line(struct buf *, int64_t seq, const struct run_event *);
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
/* The event inside a FLOW_RECORD. */
status journal_open_record(struct arena *, const struct run_event *record, struct run_event *out) NODISCARD;
bool event_needs_commit(enum flow_event_type);
bool flow_event_parse(struct str name, enum flow_event_type *);

/* --- form.c --- */
/* Reads the run's forms and how many are settled. */
status forms_load(struct flow_run *) NODISCARD;
/* The same for a run that this process holds: `answers` first. ERR_STALE: it does not any more. */
status forms_reload(struct flow_run *) NODISCARD;
/* The form of a node in a scope as last read, or NULL. */
const struct flow_form *form_find(const struct flow_run *, struct str scope, struct str node_id);
/* The node waits: a form that is new is told of and stored with the next batch. */
void form_wait(struct execution *);
/* It does not wait any more. */
void form_leave(struct execution *);
/* Its form is settled: tells clients, once. */
void form_tell(struct execution *);
/* Nobody needs an answer any more: the next batch closes the form. */
void form_moot(struct execution *);
/* The same for all that wait in this engine and below. */
void forms_moot_below(struct engine *);
/* The forms that the run waits for, for the event of the pause. */
void form_reasons(const struct flow_run *, struct json **nodes, struct json **reasons);
/* Adds what of forms_new and forms_moot is not stored yet; forms_stored says that it is. */
struct forms_count {
	size_t made, moot;
};
struct forms_count forms_store(struct flow_run *, struct arena *, struct db_batch *);
void forms_stored(struct flow_run *, struct forms_count);
/* Hears that a run may have answers. */
void run_answered(struct flow_run *);

/* --- single.c --- */
/* Do people try a workflow with this run, so that its values are kept for the editor? */
bool run_is_draft(const struct flow_run *);
/* A node at the top has ended; r lives as long as the run. */
void run_note_ended(struct flow_run *, const struct graph_node *, struct str execution_id, const struct node_result *, bool failed);
/* What has ended so far, with the batch that ends or pauses the run. */
status drafts_store(struct flow_run *, struct arena *, struct db_batch *) NODISCARD;

/* --- run.c --- */
struct flow_run *run_new(struct flow *);
void run_unref(struct flow_run *);
/* Keeps the row, with the members of `more`, in place of an older one of its id. */
void run_keep_thought(struct flow_run *, const struct json *row, const struct json *more);
/* Fills pool variables sys, env, conversation; the dispatcher's main. */
void run_fill_pool(struct flow_run *, struct pool *);
status run_main(void *run);
/* Lists the run and starts its fiber; on failure the caller's reference is gone. */
status run_spawn(struct flow_run *) NODISCARD;
/* For runs that are not made by flow_run_start: whose they are, and their start as it is stored. */
void run_set_caller(struct flow_run *, const struct flow_info *who);
/* Starts the run and waits until its row is stored; takes the caller's reference. */
status run_start_stored(struct flow_run *, struct arena *, struct str *run_id) NODISCARD;
/* What was kept for recovery besides the inputs (environment, conversation, root, replay). */
status run_read_start(struct flow_run *, struct str text) NODISCARD;
struct flow_run *run_find(struct flow *, struct str run_id); /* of this process, or NULL; no reference */

/* --- past.c: what the journal says of a run that goes on --- */
struct scope_past;
struct past_node {
	struct str exec_id;
	int64_t attempt, started_ms;
	bool form_told; /* clients know that its form is settled */
	struct json *checkpoints; /* what it left for now, array or NULL */
	struct buf reasoning;	  /* of its attempt: what clients have */
	size_t reasoning_again;	  /* and what of it has come again */
	bool reasoning_final;
	/* containers */
	int64_t worked_ms;	   /* since its start, without pauses */
	const struct json *inputs; /* of the started event; NULL = it was not shown */
	int64_t next;		   /* highest index announced, -1 = none */
};
/* Files the events by scope; keeps the slices. */
status past_load(struct flow_run *, const struct stored_event *, size_t n) NODISCARD;
struct scope_past *past_scope(const struct flow_run *, struct str scope);
/* What was kept back before the crash was never shown: the replay gives it out again. */
bool past_reshow(const struct engine *);
/* Applies what has happened in this engine. */
status past_replay(struct engine *) NODISCARD;
/* A node that had started and not ended; NULL = it had not. Gives it out once. */
/* Usage as model_usage_json wrote it; NULL for anything else. */
struct model_usage *past_usage(struct arena *, const struct json *);
struct past_node *past_take_node(struct engine *, const struct graph_node *);
/* How long the pass of this engine, without pauses, had taken in processes before this one (ms). */
int64_t past_worked_ms(const struct engine *);
/* Reasoning of a node that runs again: what clients have already is not shown again, what differs
 * follows it in a new line. */
void past_reasoning(struct execution *, struct str piece, bool final);
/* Text of an engine with a past: what clients have already is not shown again. */
void past_text(struct engine *, const struct str *parts, size_t n, struct str text);
/* Text of a scope has been shown: a second crash may need to know whose it is. */
void past_shown(struct flow_run *, struct str scope, size_t len);

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
	struct map stored_graphs;  /* hash -> int64_t, ms: when it was last written to the database */
	struct arena *stored_mem;  /* its keys and values */
	struct list recent;	   /* finished runs that are still in memory, oldest first */
	size_t recent_count, active;
	struct event room;	   /* a run has ended here */
	bool draining;
	int64_t lease_ms, steps_max, time_max_s, parallel_max, depth_max, rounds_max;
};
