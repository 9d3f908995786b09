/* SPDX-License-Identifier: Apache-2.0 */
/* again: runs with recorded answers, and where two runs part. */
#include "api/console/console.h"

#include "base/shorten.h"
#include "api/stream.h"
#include "flow/diff.h"
#include "flow/flow.h"

enum { NAME_MAX_LEN = 256 };

static status read_plan(struct call *c, struct flow_replay *plan)
{
	const struct json *live = json_get(c->body, S("live"));
	plan->run_id = c->param[1];
	if (live && !json_is(live, JSON_BOOL))
		return err_set(ERR_INVALID, "live: Input should be a valid boolean");
	plan->live = json_as_bool(live, false);
	return take_text(c, S("from"), NAME_MAX_LEN, &plan->from) ||
			       take_text(c, S("model"), NAME_MAX_LEN, &plan->model) ||
			       take_text(c, S("provider"), NAME_MAX_LEN, &plan->provider)
		       ? -1
		       : 0;
}

/* Streams the new run as a test run, whatever the app's mode: there is no message. */
status console_run_replay(struct call *c)
{
	struct flow_replay plan = { 0 };
	struct json *extra = json_obj(c->mem), *person;
	struct flow_record *r;
	struct str id;
	if (need_app(c) || call_body(c) || read_plan(c, &plan) || person_json(c, c->account->id, &person))
		return -1;
	json_set_str(c->mem, extra, S("from"), S("debugger"));
	json_set(c->mem, extra, S("created_by"), person);
	json_set_str(c->mem, extra, S("replay_of"), plan.run_id);
	struct flow_info who = {
		.tenant_id = c->app->tenant_id, .app_id = c->app->id, .from = S("debugging"),
		.created_by = c->account->id, .by_account = true, .extra = extra,
	};
	if (flow_run_replay(c->s->flow, c->mem, &who, &plan, &id) ||
	    flow_run_get(c->s->flow, c->mem, c->app->tenant_id, c->app->id, id, &r))
		return -1;
	struct stream_run run = stream_of_run(&r->info, STREAM_DEBUG);
	run.mode = S("workflow");
	return stream_reply(c, &run, true);
}

static status trace_of(struct call *c, struct str run_id, struct json **out)
{
	struct flow_record *r;
	return flow_run_get(c->s->flow, c->mem, c->app->tenant_id, c->app->id, run_id, &r) ||
			       flow_run_nodes(c->s->flow, c->mem, c->app->tenant_id, run_id, out)
		       ? -1
		       : 0;
}

status console_run_diff(struct call *c)
{
	struct json *a, *b;
	if (need_app(c))
		return -1;
	if (trace_of(c, c->param[1], &a) || trace_of(c, c->param[2], &b))
		return -1;
	struct shorten_limits limits = shorten_limits_of(c->s->config);
	bool cut = false;
	return reply_json(c, 200, shorten_value(c->mem, diff_runs(c->mem, a, b), &limits, &cut));
}
