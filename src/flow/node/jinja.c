/* SPDX-License-Identifier: Apache-2.0 */
/* jinja: see jinja.h. */
#include "flow/node/jinja.h"

#include <stdlib.h>

#include "base/arena.h"
#include "flow/run.h"
#include "rt/rt.h"
#include "text/jinja/jinja.h"
#include "tool/code.h"

static status failed(struct node_run *run)
{
	if (err_code() == ERR_CANCELLED)
		return -1;
	return node_fail(run, "CodeExecutionError", "%.*s", STR(err_text()));
}

/* --- on a thread --- */

struct job {
	struct arena *mem;
	struct str source;
	const struct json *inputs;
	struct str out;
};

static void job_free(void *arg)
{
	struct job *j = arg;
	arena_close(j->mem);
	free(j);
}

static status job_run(void *arg)
{
	struct job *j = arg;
	return jinja_render(j->mem, j->source, j->inputs, &jinja_limits_whole, &j->out);
}

static status on_thread(struct node_run *run, struct str source, const struct json *inputs, struct str *out)
{
	struct job *j = mem_zero(sizeof(*j));
	j->mem = arena_open(0);
	j->source = arena_str(j->mem, source);
	j->inputs = json_copy(j->mem, inputs);
	if (pool_run(job_run, j, job_free))
		return -1;
	*out = arena_str(run->mem, j->out);
	job_free(j);
	return 0;
}

/* --- in the sandbox --- */

static status in_sandbox(struct node_run *run, struct str source, const struct json *inputs, struct str *out)
{
	struct code_service *sandbox = run->flow ? run->flow->options.code : NULL;
	struct code_answer *answer;
	if (!sandbox)
		return node_fail(run, "CodeExecutionError",
				 "The template needs the sandbox for %.*s, and this server has none "
				 "(CODE_EXECUTION_ENDPOINT)",
				 STR(err_text()));
	if (code_run(sandbox, run->mem, CODE_JINJA2, code_jinja_program(run->mem, source, inputs),
		     run->info->app_id, &answer))
		return failed(run);
	if (answer->error.len)
		return node_fail(run, "CodeExecutionError", "%.*s", STR(answer->error));
	return code_marked(answer->stdout_text, out) ? failed(run) : 0;
}

/* What ends early for want of room may have it on a thread: rendering changes nothing outside. */
static bool wants_more(void)
{
	return err_code() == ERR_LIMIT || err_code() == ERR_TOO_LARGE;
}

status node_jinja(struct node_run *run, struct str source, const struct json *inputs, struct str *out)
{
	AUTO(arena) mem = { arena_open(16 << 10) };
	struct str text;
	if (jinja_render(mem.p, source, inputs, &jinja_limits_small, &text) == 0) {
		*out = arena_str(run->mem, text);
		return 0;
	}
	if (wants_more() && on_thread(run, source, inputs, out) == 0)
		return 0;
	return err_code() == ERR_UNSUPPORTED ? in_sandbox(run, source, inputs, out) : failed(run);
}
