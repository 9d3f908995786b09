/* SPDX-License-Identifier: Apache-2.0 */
/* agent_run: see agent_run.h. */
#include "flow/node/agent_run.h"

#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/node/llm.h"
#include "flow/node/tool.h"
#include "flow/run.h"

static status text_hook(void *ctx, struct str piece)
{
	struct agent_run *a = ctx;
	if (llm_quiet(a->run, piece))
		return -1;
	buf_put(a->said, piece);
	node_emit(a->run, S("text"), piece, false);
	return 0;
}

static status take_files(struct agent_run *a, const struct agent_step *s)
{
	for (size_t i = 0; i < s->call_count; i++) {
		struct tool_result r = {.files = s->calls[i].files,
					.file_count = s->calls[i].file_count};
		struct json *files;
		if (node_tool_files(a->run, &r, &files))
			return -1;
		json_each(files, f) json_push(a->run->mem, a->files, f);
	}
	return 0;
}

/* A state is stored before anything that costs is done behind it. */
static status moment_hook(void *ctx, enum agent_moment m, const struct agent_step *s, bool resumed)
{
	struct agent_run *a = ctx;
	if (llm_quiet(a->run, S("")))
		return -1;
	if (!resumed && (m == AGENT_ASKED || m == AGENT_CALLED) &&
	    node_checkpoint(a->run, agent_step_state(a->run->mem, s)))
		return -1;
	if (m == AGENT_DONE && take_files(a, s))
		return -1;
	if (m == AGENT_DONE && s->final)
		node_emit(a->run, S("text"), S(""), true);
	a->show(a, m, s, resumed);
	return 0;
}

/* Usage and stream to the result, after a failure as far as it went. */
static void finish(struct agent_run *a)
{
	if (a->result.has_usage) {
		/* A sum says nothing about one answer's first token. */
		a->result.usage.first_token = -1;
		llm_usage(a->run, &a->result.usage);
	}
	a->run->result->streamed = buf_str(a->said);
	if (!a->run->result->streamed.at)
		a->run->result->streamed = S("");
}

status agent_run_model(struct agent_run *a, struct model_features *f)
{
	struct node_run *run = a->run;
	if (models_features(run->flow->options.models, run->mem, run->info->tenant_id,
			    a->agent.provider, a->agent.model, f))
		return llm_failed(run);
	if (f->quotes_only)
		return node_fail(run, "AgentNodeError",
				 "The bundled quote model only cites what it is given, so it cannot be an "
				 "agent. Choose a language model.");
	a->agent.react = a->agent.react || !f->tools;
	return 0;
}

status agent_run_start(struct agent_run *a)
{
	struct node_run *run = a->run;
	a->said = arena_new(run->mem, struct buf);
	*a->said = buf_make(run->mem, 0);
	a->files = json_arr(run->mem);
	a->agent.models = run->flow->options.models;
	a->agent.tools = run->flow->options.tools;
	a->agent.scope = node_tool_scope(run);
	a->agent.seed = run->execution->id;
	a->agent.resume = run->checkpoints;
	a->agent.hooks = (struct agent_hooks){a, text_hook, moment_hook};
	status st = agent_run(&a->agent, run->mem, &a->result);
	finish(a);
	return st ? llm_failed(run) : 0;
}
