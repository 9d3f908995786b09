/* SPDX-License-Identifier: Apache-2.0 */
/* runs: what ran, with the trace of its nodes. */
#include "api/console/console.h"
#include "api/stream.h"
#include "base/shorten.h"

#include "base/clock.h"
#include "base/config.h"
#include "flow/flow.h"

static const struct str run_states[] = { S_INIT("running"), S_INIT("succeeded"), S_INIT("failed"),
					 S_INIT("stopped"), S_INIT("partial-succeeded") };

static struct json *parsed(struct call *c, struct str text)
{
	struct json *v;
	if (!text.len || json_parse(c->mem, text, &v))
		return json_null(c->mem);
	return v;
}

static status read_filters(struct call *c, struct flow_list *q)
{
	q->app_id = c->app->id;
	q->status = http_query(c->http, S("status"));
	bool known = !q->status.len;
	for (size_t i = 0; i < countof(run_states); i++)
		known = known || str_eq(q->status, run_states[i]);
	return known ? 0
		     : err_set(ERR_INVALID, "status: Input should be 'running', 'succeeded', 'failed', "
					    "'stopped' or 'partial-succeeded'");
}

static status run_row(struct call *c, const struct flow_record *r, bool chat, struct json **out)
{
	struct json *o = json_obj(c->mem), *who;
	if (person_json(c, r->info.by_account ? r->info.created_by : S(""), &who))
		return -1;
	json_set_str(c->mem, o, S("id"), r->info.run_id);
	if (chat) {
		json_set_str(c->mem, o, S("conversation_id"), r->info.conversation_id);
		json_set_str(c->mem, o, S("message_id"), r->info.message_id);
	}
	json_set_str(c->mem, o, S("version"), r->version);
	json_set_str(c->mem, o, S("status"), r->status);
	json_set_float(c->mem, o, S("elapsed_time"), r->elapsed);
	json_set_int(c->mem, o, S("total_tokens"), r->total_tokens);
	json_set_int(c->mem, o, S("total_steps"), r->total_steps);
	json_set(c->mem, o, S("created_by_account"), who);
	put_time(c->mem, o, S("created_at"), r->created_ms);
	put_time(c->mem, o, S("finished_at"), r->finished_ms);
	json_set_int(c->mem, o, S("exceptions_count"), r->exceptions);
	json_set_null(c->mem, o, S("retry_index"));
	*out = o;
	return 0;
}

/* How long runs can be looked at: the page says it before somebody looks for one that is gone. */
static void add_retention(struct call *c, struct json *o)
{
	const struct config *config = c->s->config;
	struct json *keep = json_obj(c->mem);
	json_set_int(c->mem, keep, S("days"), config_int(config, CONFIG_TATARA_RUN_RETENTION_DAYS));
	json_set_int(c->mem, keep, S("runs_of_an_app"),
		     config_int(config, CONFIG_TATARA_RUN_RETENTION_COUNT));
	json_set(c->mem, o, S("retention"), keep);
}

status console_runs(struct call *c)
{
	struct flow_list q = { .page = 1 };
	struct flow_record *list;
	size_t n;
	int64_t total;
	struct str from = http_query(c->http, S("triggered_from"));
	if (need_graph_app(c) || read_filters(c, &q) ||
	    call_query_int(c, S("limit"), 20, 1, 100, &q.limit))
		return -1;
	if (from.len && !str_eq(from, S("debugging")) && !str_eq(from, S("app-run")))
		return err_set(ERR_INVALID,
			       "triggered_from: Input should be 'debugging' or 'app-run'");
	int64_t limit = q.limit++; /* one more tells whether there are more */
	q.from = from.len ? from : S("debugging");
	q.last_id = http_query(c->http, S("last_id"));
	if (flow_run_list(c->s->flow, c->mem, c->account->tenant_id, &q, &list, &n, &total))
		return -1;
	struct json *o = json_obj(c->mem), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n && (int64_t)i < limit; i++) {
		struct json *row;
		if (run_row(c, &list[i], str_has(c->http->path, S("/advanced-chat/")), &row))
			return -1;
		json_push(c->mem, rows, row);
	}
	json_set_int(c->mem, o, S("limit"), limit);
	json_set_bool(c->mem, o, S("has_more"), (int64_t)n > limit);
	json_set(c->mem, o, S("data"), rows);
	add_retention(c, o);
	return reply_json(c, 200, o);
}

status console_run_counts(struct call *c)
{
	static const struct str names[] = { S_INIT("running"), S_INIT("succeeded"), S_INIT("failed"),
					    S_INIT("stopped"), S_INIT("partial_succeeded") };
	struct flow_list q = { .page = 1, .limit = 1 };
	struct flow_record *list;
	size_t n;
	int64_t total;
	struct str from = http_query(c->http, S("triggered_from"));
	struct json *o = json_obj(c->mem);
	if (need_graph_app(c) || read_filters(c, &q))
		return -1;
	struct str only = q.status;
	q.from = from.len ? from : S("debugging");
	if (flow_run_list(c->s->flow, c->mem, c->account->tenant_id, &q, &list, &n, &total))
		return -1;
	json_set_int(c->mem, o, S("total"), total);
	for (size_t i = 0; i < countof(run_states); i++) {
		q.status = run_states[i];
		total = 0;
		if ((!only.len || str_eq(only, q.status)) &&
		    flow_run_list(c->s->flow, c->mem, c->account->tenant_id, &q, &list, &n, &total))
			return -1;
		json_set_int(c->mem, o, names[i], total);
	}
	return reply_json(c, 200, o);
}

/* An unknown run answers with nothing but nulls, as recorded. */
static status reply_no_run(struct call *c)
{
	static const struct str names[] = {
		S_INIT("id"), S_INIT("version"), S_INIT("graph"), S_INIT("inputs"), S_INIT("status"),
		S_INIT("outputs"), S_INIT("error"), S_INIT("elapsed_time"), S_INIT("total_tokens"),
		S_INIT("total_steps"), S_INIT("created_by_role"), S_INIT("created_by_account"),
		S_INIT("created_by_end_user"), S_INIT("created_at"), S_INIT("finished_at"),
		S_INIT("exceptions_count")
	};
	struct json *o = json_obj(c->mem);
	for (size_t i = 0; i < countof(names); i++)
		json_set_null(c->mem, o, names[i]);
	return reply_json(c, 200, o);
}

struct creator {
	struct str role;
	struct json *account, *end_user;
};

static status creator_of(struct call *c, const struct flow_info *i, struct creator *w)
{
	w->role = i->by_account ? S("account") : S("end_user");
	return person_json(c, i->by_account ? i->created_by : S(""), &w->account) ||
			       visitor_json(c, i->app_id, i->by_account ? S("") : i->created_by,
					    &w->end_user)
		       ? -1
		       : 0;
}

static void put_creator(struct call *c, struct json *o, const struct creator *w)
{
	json_set_str(c->mem, o, S("created_by_role"), w->role);
	json_set(c->mem, o, S("created_by_account"), w->account);
	json_set(c->mem, o, S("created_by_end_user"), w->end_user);
}

static status find_run(struct call *c, struct flow_record **r)
{
	*r = NULL;
	if (need_graph_app(c))
		return -1;
	if (flow_run_get(c->s->flow, c->mem, c->account->tenant_id, c->app->id, c->param[1], r))
		return err_code() == ERR_NOT_FOUND ? 0 : -1;
	return 0;
}

status console_run(struct call *c)
{
	struct flow_record *r;
	struct creator who;
	if (find_run(c, &r))
		return -1;
	if (!r)
		return reply_no_run(c);
	if (creator_of(c, &r->info, &who))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), r->info.run_id);
	json_set_str(c->mem, o, S("version"), r->version);
	json_set(c->mem, o, S("graph"), parsed(c, r->graph));
	json_set(c->mem, o, S("inputs"), parsed(c, r->inputs));
	json_set_str(c->mem, o, S("status"), r->status);
	json_set(c->mem, o, S("outputs"), parsed(c, r->outputs));
	put_text(c->mem, o, S("error"), r->error);
	json_set_float(c->mem, o, S("elapsed_time"), r->elapsed);
	json_set_int(c->mem, o, S("total_tokens"), r->total_tokens);
	json_set_int(c->mem, o, S("total_steps"), r->total_steps);
	put_creator(c, o, &who);
	put_time(c->mem, o, S("created_at"), r->created_ms);
	put_time(c->mem, o, S("finished_at"), r->finished_ms);
	json_set_int(c->mem, o, S("exceptions_count"), r->exceptions);
	return reply_json(c, 200, o);
}

/* The engine knows ids of people only; names come in here, in the recorded place of each member. */
static struct json *node_json(struct call *c, const struct json *node, const struct creator *who)
{
	struct json *o = json_obj(c->mem);
	json_each_member(node, m) {
		if (str_eq(m->name, S("finished_at")))
			put_creator(c, o, who);
		if (!str_starts(m->name, S("created_by")))
			json_set(c->mem, o, m->name, &m->value);
	}
	if (!json_get(o, S("created_by_role")))
		put_creator(c, o, who);
	return o;
}

status console_node_json(struct call *c, const struct flow_info *info, struct json *node, struct json **out)
{
	struct creator who;
	struct shorten_limits limits = shorten_limits_of(c->s->config);
	if (creator_of(c, info, &who))
		return -1;
	shorten_node(c->mem, node, &limits);
	*out = node_json(c, node, &who);
	return 0;
}

status console_run_nodes(struct call *c)
{
	struct flow_record *r;
	struct creator who;
	struct json *nodes, *o = json_obj(c->mem), *rows = json_arr(c->mem);
	if (find_run(c, &r))
		return -1;
	if (r) {
		if (creator_of(c, &r->info, &who) ||
		    flow_run_nodes(c->s->flow, c->mem, c->account->tenant_id, r->info.run_id, &nodes))
			return -1;
		struct shorten_limits limits = shorten_limits_of(c->s->config);
		json_each(nodes, it)
		{
			shorten_node(c->mem, it, &limits);
			json_push(c->mem, rows, node_json(c, it, &who));
		}
	}
	json_set(c->mem, o, S("data"), rows);
	return reply_json(c, 200, o);
}

/* --- logs of published runs --- */

/* {} for runs that no trigger has started; those of older versions have their kind only. */
static struct json *trigger_metadata(struct call *c, const struct flow_info *i)
{
	struct json *o = json_obj(c->mem);
	struct str from = json_get_str(i->extra, S("from"));
	const struct json *kept = json_get(i->extra, S("trigger"));
	if (json_is(kept, JSON_OBJ))
		return json_copy(c->mem, kept);
	if (str_eq(from, S("webhook")) || str_eq(from, S("schedule")))
		json_set_str(c->mem, o, S("type"), arena_printf(c->mem, "trigger-%.*s", STR(from)));
	return o;
}

static status log_row(struct call *c, const struct flow_record *r, bool detail, struct json **out)
{
	struct creator who;
	struct json *o = json_obj(c->mem), *run = json_obj(c->mem);
	if (creator_of(c, &r->info, &who))
		return -1;
	json_set_str(c->mem, run, S("id"), r->info.run_id);
	json_set_str(c->mem, run, S("version"), r->version);
	json_set_str(c->mem, run, S("status"), r->status);
	json_set_str(c->mem, run, S("triggered_from"), r->info.from);
	put_text(c->mem, run, S("error"), r->error);
	json_set_float(c->mem, run, S("elapsed_time"), r->elapsed);
	json_set_int(c->mem, run, S("total_tokens"), r->total_tokens);
	json_set_int(c->mem, run, S("total_steps"), r->total_steps);
	put_time(c->mem, run, S("created_at"), r->created_ms);
	put_time(c->mem, run, S("finished_at"), r->finished_ms);
	json_set_int(c->mem, run, S("exceptions_count"), r->exceptions);
	json_set_str(c->mem, o, S("id"), r->info.run_id);
	json_set(c->mem, o, S("workflow_run"), run);
	struct json *details = json_set_null(c->mem, o, S("details"));
	if (detail) {
		details = json_obj(c->mem);
		json_set(c->mem, details, S("trigger_metadata"), trigger_metadata(c, &r->info));
		json_set(c->mem, o, S("details"), details);
	}
	struct str from = json_get_str(r->info.extra, S("from"));
	json_set_str(c->mem, o, S("created_from"), from.len ? from : S("service-api"));
	put_creator(c, o, &who);
	put_time(c->mem, o, S("created_at"), r->created_ms);
	*out = o;
	return 0;
}

static status query_time(struct call *c, struct str name, int64_t *ms)
{
	struct str text = http_query(c->http, name);
	if (text.len && clock_parse_iso(text, ms))
		return err_set(ERR_INVALID, "%.*s: must be an ISO 8601 time", STR(name));
	return 0;
}

status console_app_logs(struct call *c)
{
	struct flow_list q = { .from = S("app-run") };
	struct flow_record *list;
	size_t n;
	int64_t total;
	bool detail = str_eq(http_query(c->http, S("detail")), S("true"));
	if (need_graph_app(c) || read_filters(c, &q) || need_page(c, 20, &q.page, &q.limit) ||
	    query_time(c, S("created_at__before"), &q.before_ms) ||
	    query_time(c, S("created_at__after"), &q.after_ms))
		return -1;
	q.keyword = http_query(c->http, S("keyword"));
	q.user_session = http_query(c->http, S("created_by_end_user_session_id"));
	q.account_email = http_query(c->http, S("created_by_account"));
	if (flow_run_list(c->s->flow, c->mem, c->account->tenant_id, &q, &list, &n, &total))
		return -1;
	struct json *o = page_json(c->mem, q.page, q.limit, total), *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		struct json *row;
		if (log_row(c, &list[i], detail, &row))
			return -1;
		json_push(c->mem, rows, row);
	}
	json_set(c->mem, o, S("data"), rows);
	add_retention(c, o);
	return reply_json(c, 200, o);
}

/* The events of a run again, then live: how a draft's run is followed after a pause. */
status console_run_events(struct call *c)
{
	struct flow_record *r;
	struct stream_from from;
	bool resumes;
	if (flow_run_get(c->s->flow, c->mem, c->account->tenant_id, S(""), c->param[0], &r))
		return -1;
	if (!app_mode_is_graph(r->info.app_mode))
		return err_set(ERR_NOT_FOUND, "Workflow run not found");
	if (stream_read_from(c, r->info.run_id, &from, &resumes))
		return -1;
	struct stream_run run = stream_of_run(&r->info, STREAM_FULL);
	return stream_resume(c, &run, &from);
}
