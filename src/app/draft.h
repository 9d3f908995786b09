/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft: what runs of a draft leave for the editor: values of variables by person, and which
 * execution of each node was last. Full runs and single runs leave the same; a single run reads
 * them. Large values are kept whole and shown cut (WORKFLOW_VARIABLE_TRUNCATION_*).
 */
#pragma once
#include "app/app.h"

struct db_batch;
struct flow_info;

#define DRAFT_SYS "sys"
#define DRAFT_CONVERSATION "conversation"
#define DRAFT_ENV "env"
/* Of a node that ran and gave nothing: a name that no output has, not visible. */
#define DRAFT_NOTHING "__dummy__"

/* Whose values: each statement names all three. */
struct draft_owner {
	struct str tenant_id, app_id, account_id;
};
struct draft_variable {
	struct str id, node_id, name, description, value_type;
	const struct json *value; /* as it is shown, or whole; NULL in lists */
	int64_t whole_bytes;	  /* > 0: the value is cut for display */
	int64_t length;		  /* items of a whole that is cut, -1 = it has none */
	bool visible, editable, edited;
	struct str run_id, execution_id; /* which execution gave it, or empty */
	int64_t saved_ms;
};

/* flow_drafts.save; ctx is the apps. */
status draft_save(void *apps, struct arena *, const struct flow_info *, const struct json *nodes, struct db_batch *) NODISCARD;

/* A page, newest first, without values. */
status draft_list(struct apps *, struct arena *, const struct draft_owner *, int64_t page, int64_t limit, struct draft_variable **out, size_t *n, int64_t *total) NODISCARD;
/* Of a node, or DRAFT_SYS, DRAFT_CONVERSATION. whole: values as nodes gave them, not as they are shown. */
status draft_of_node(struct apps *, struct arena *, const struct draft_owner *, struct str node_id, bool whole, struct draft_variable **out, size_t *n) NODISCARD;
/* ERR_NOT_FOUND also for another person's. */
status draft_get(struct apps *, struct arena *, const struct draft_owner *, struct str id, struct draft_variable **out) NODISCARD;
/* All of a value that is shown cut, as a text file or JSON; for who has a signed link to it. */
status draft_whole(struct apps *, struct arena *, struct str id, struct str *name, struct str *text) NODISCARD;
/* name, value NULL/empty: stay. edited false: the value is what its run gave. ERR_INVALID for a value of
 * another type, ERR_CONFLICT for a name that is taken. *v is what it is now. */
status draft_set(struct apps *, struct arena *, const struct draft_owner *, struct draft_variable *v, struct str name, const struct json *value, bool edited) NODISCARD;
/* id empty: those of the node; both empty: all. */
status draft_remove(struct apps *, struct arena *, const struct draft_owner *, struct str id, struct str node_id) NODISCARD;
/* Conversation variables of the workflow that have no value yet get their first one. */
status draft_fill_conversation(struct apps *, struct arena *, const struct draft_owner *, const struct workflow *) NODISCARD;
/* ERR_NOT_FOUND: no run of the draft has come to this node. */
status draft_last_run(struct apps *, struct arena *, struct str tenant_id, struct str app_id, struct str node_id, struct str *run_id, struct str *execution_id) NODISCARD;
/* Forgets what was saved before, in batches. *n: values that went. */
status draft_forget(struct apps *, int64_t before_ms, int64_t *n) NODISCARD;

/* --- a single run (draft_node.c) --- */
/* One variable that a node reads. */
struct draft_want {
	struct str node_id, title; /* who reads it: the node or one inside of it */
	struct str field;	   /* where in its data: "variables[0].value_selector" */
	struct str key;		   /* how inputs name it: "#start.city#" */
	struct str label;	   /* what the node calls it, or empty */
	const struct str *parts;   /* the selector */
	size_t n;
	bool needed; /* the node cannot do without */
	const struct json *known; /* after draft_known: its value without any inputs, or NULL */
};
/* What the node, and what lies in it, reads from outside. single: of flow_graph_single. */
status draft_wants(struct arena *, const struct json *graph, const struct json *single, struct draft_want **out, size_t *n) NODISCARD;
/* The variables that a single run starts with, [node, name, value, type]: from inputs, else from what runs
 * have left; those of the workflow itself (environment, conversation) are given to the run anyway.
 * ERR_INVALID names node, field and variable of what is missing. */
struct draft_start {
	const struct workflow *workflow;
	const struct json *single; /* of flow_graph_single */
	struct str node_id;
	const struct json *inputs; /* object */
};
status draft_variables(struct apps *, struct arena *, const struct draft_owner *, const struct draft_start *, struct json **out) NODISCARD;
/* Fills `known`, for a page that asks people. Those that each run has by itself (environment, sys.app_id, ...)
 * have n = 0 afterwards. */
status draft_known(struct apps *, struct arena *, const struct draft_owner *, const struct draft_start *, struct draft_want *list, size_t n) NODISCARD;
