/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: a model that calls tools until it has an answer, by function calls or by the ReAct text
 * protocol (workflow.md 8.3). Used by the agent node and by agent apps; both hear of each moment
 * through hooks and keep what is needed to go on after a crash.
 *
 *	ask the model --> no call: answer
 *	     ^      '--> calls: run each tool --.
 *	     '----------------------------------'
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"
#include "model/model.h"
#include "tool/tool.h"

struct arena;

enum {
	AGENT_STEPS_MAX = 99,
	AGENT_TOOLS_MAX = 64,
	AGENT_OBSERVATION_MAX = 256 << 10, /* bytes of one answer of a tool that a model is shown */
};

struct agent_tool {
	struct str name;	   /* as the model calls it */
	const struct tool *tool;   /* NULL: not at hand, `missing` says why */
	struct str missing;
	const struct json *fixed;  /* values that the author set, an object or NULL */
	const struct json *function; /* made by agent_tool_add */
};
struct agent_tools {
	struct agent_tool *at;
	size_t len;
};
/* Adds a tool, found or not; description "" = the tool's own. Names are made unique. ERR_TOO_LARGE past
 * AGENT_TOOLS_MAX. */
status agent_tool_add(struct tools *, struct arena *, struct agent_tools *, const struct tool_scope *,
		      const struct tool_ref *, const struct json *fixed, struct str description) NODISCARD;

struct agent_call {
	struct str id, name;
	struct str raw;		/* arguments as the model wrote them */
	const struct json *args; /* parsed, an object; NULL when that failed */
	const struct json *given; /* what the tool got: the author's values included */
	const struct agent_tool *tool; /* NULL: the model made the name up */
	bool done, failed;
	struct str observation;
	double seconds;
	struct tool_file *files;
	size_t file_count;
};
struct agent_step {
	struct str id;	  /* a UUID, the same after a crash */
	int64_t position; /* from 1 */
	bool asked;	  /* the model has answered */
	struct str raw;	  /* its whole text */
	struct str thought; /* without the protocol around it */
	struct str answer;  /* of the last step */
	bool final;
	struct agent_call *calls;
	size_t call_count;
	struct model_usage usage;
	int64_t created_ms;
};

enum agent_moment {
	AGENT_SPEAKS, /* the model begins to answer */
	AGENT_ASKED,  /* it has answered; calls are known and not run */
	AGENT_CALLED, /* one more call of the step is done */
	AGENT_DONE,   /* the step is over */
};
struct agent_hooks {
	void *ctx;
	/* Text for people, as it comes; an empty piece closes what was said before calls. */
	status (*text)(void *ctx, struct str piece);
	/* resumed: this was told before a crash, too. */
	status (*moment)(void *ctx, enum agent_moment, const struct agent_step *, bool resumed);
};

struct agent {
	struct models *models;
	struct tools *tools;
	struct tool_scope scope;
	struct str provider, model;
	const struct json *parameters; /* completion_params */
	const struct json *history;    /* messages before the question, without system; array or NULL */
	struct str instruction;	       /* system text, may be empty */
	const struct json *question;   /* content of the user's message: a text or parts */
	struct agent_tools list;
	bool react;
	int64_t steps_max; /* rounds with tools; one more without them */
	struct agent_hooks hooks;
	struct str seed;	   /* of this execution, the same after a crash: ids of steps come from it */
	const struct json *resume; /* states of agent_step_state, oldest first; or NULL */
};
struct agent_result {
	struct str text;  /* what was said: texts of all steps by function calls, the answer by ReAct */
	struct model_usage usage; /* of all steps */
	bool has_usage;
	struct agent_step *steps;
	size_t step_count;
};
/* Failures are the model's (as models_chat), ERR_INVALID when the steps are used up, ERR_CANCELLED.
 * Failures of tools are told to the model and fail nothing. *out is filled on failure, too. */
status agent_run(struct agent *, struct arena *, struct agent_result *out) NODISCARD;

/* All that is needed to go on behind a moment of this step. */
struct json *agent_step_state(struct arena *, const struct agent_step *);
/* {name: arguments} and {name: observation} of the calls, as clients see them. */
struct json *agent_inputs_json(struct arena *, const struct agent_step *, bool given);
struct json *agent_outputs_json(struct arena *, const struct agent_step *);
