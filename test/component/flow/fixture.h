/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: a flow engine on a database of its own, with a model server in the same process that
 * echoes its prompt and counts its calls. Used by the component tests of flow.
 */
#pragma once
#include "base/arena.h"
#include "base/json.h"
#include "flow/flow.h"
#include "rt/rt.h"
#include "test/component/tool/sandbox_stub.h"

struct db;
struct map;
struct broker;
struct blob;
struct client;
struct models;
struct code_service;
struct http_server;
struct proc;

/* How long a test waits for what must come: only something broken takes so long. */
enum { PATIENCE_MS = 120000 };

struct fixture {
	struct arena *mem;
	struct str dir; /* of the database and the sockets; made anew unless given */
	struct db *db;
	struct broker *broker;
	struct blob *blob;
	struct client *client;
	struct models *models;
	struct sandbox_stub sandbox; /* runs code with python3 and node, without a jail */
	struct code_service *code;
	struct flow *flow;
	struct http_server *server;
	struct str address; /* of the model server */
	int calls;	    /* model calls that arrived */
	int open, side_by_side; /* of them now, and at most at once */
	struct map *asked;  /* prompt -> how often */
	int pause_ms;	    /* between two pieces of an answer */
	int hold;	    /* not 0: each answer stops behind so many pieces until it is 0 again */
	int gather;	    /* nobody is answered before so many have asked at once */
	struct flow_hooks hooks;   /* set before open, as drafts */
	struct flow_drafts drafts;
	bool no_model; /* set before open: the database names a server of another process */
	struct group *service;
};
/* dir empty: a new temporary directory. lease_ms 0 = 15 s. */
void fixture_open(struct fixture *, struct str dir, const char *name, int64_t lease_ms);
/* Starts flow_service in the background. */
void fixture_serve(struct fixture *);
void fixture_close(struct fixture *);

/* A graph from text: see each test. */
struct flow_graph *fixture_graph(struct fixture *, const char *json);
/* Starts a run; inputs and system are JSON texts. */
struct str fixture_start(struct fixture *, struct flow_graph *, const char *mode, const char *inputs,
			 const char *system);
/* All events of a run as lines: "node_started llm", "chunk llm.text 'abc'", "loop_next lp 1". */
struct str fixture_events(struct fixture *, struct str run_id, int64_t after);
/* Waits for an event of this type whose data, or text of a chunk, holds `text`. */
void fixture_await(struct fixture *, struct str run_id, enum flow_event_type, const char *text);
/* The run's end or its pause. */
struct flow_result *fixture_wait(struct fixture *, struct str run_id);
/* The form of a node, of the first element or round that has one; fails the test without one. */
struct flow_form *fixture_form(struct fixture *, struct str run_id, const char *node);
/* The forms of a run that wait, oldest first. */
size_t fixture_forms(struct fixture *, struct str run_id, struct flow_form **out);
status fixture_submit(struct fixture *, struct flow_form *, const char *action, const char *inputs);
void fixture_expect(struct str got, const char *want);
/* How often the model was asked this. */
int fixture_calls(const struct fixture *, struct str prompt);
/* This test program again, as `child DIR`: a process of its own on the same database. */
struct proc *fixture_child(struct fixture *);
/* SIGKILL, and waits for its end. */
void fixture_kill(struct proc *);
/* A number from the environment. */
int64_t fixture_setting(const char *name, int64_t fallback);
extern const char *const key_text; /* 32 bytes */
