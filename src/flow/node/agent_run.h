/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_run: how the agent node and agent apps run tool/agent.c inside a node: text to the stream,
 * states to the journal, failures by their names.
 */
#pragma once
#include "flow/node/node.h"
#include "tool/agent.h"

struct agent_run {
	struct node_run *run;
	struct agent agent;
	struct agent_result result;
	struct buf *said;     /* all text that went out */
	struct json *files;   /* file objects of tools */
	/* What the owner shows at a moment; resumed: before a crash it was shown already. */
	void (*show)(struct agent_run *, enum agent_moment, const struct agent_step *, bool resumed);
};
/* Looks at the agent's model: one that cannot call functions works by ReAct, one that follows no
 * instructions is refused. */
status agent_run_model(struct agent_run *, struct model_features *) NODISCARD;
/* Runs the agent to its end; `show` and the agent's own settings are set by then. Usage and streamed
 * text are in the node's result afterwards, on failure as far as it went. */
status agent_run_start(struct agent_run *) NODISCARD;
