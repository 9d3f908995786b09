/* SPDX-License-Identifier: Apache-2.0 */
/* logs: runs of workflows after the fact: one run, the list, and its events again. */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"

enum { PAGE_DEFAULT = 20, LIMIT_MAX = 100, PAGE_NUMBER_MAX = 99999 };

/* Stored JSON text in the form that clients know from Python. */
static struct str spaced(struct arena *mem, struct str text)
{
	struct json *v;
	return json_parse(mem, text, &v) ? text : json_text(mem, v, JSON_SPACED);
}

/* *out = NULL: no such run of this app. */
static status find_run(struct call *c, struct flow_record **out)
{
	*out = NULL;
	if (!flow_run_get(c->s->flow, c->mem, c->app->tenant_id, c->app->id, c->param[0], out))
		return 0;
	return err_code() == ERR_NOT_FOUND ? 0 : -1;
}

static status no_run(void)
{
	return err_set(ERR_NOT_FOUND, "Workflow run not found.");
}

/* Runs of workflows and chatflows; what an easy app runs inside is nobody's business. */
static status need_graph_app(struct call *c)
{
	return str_eq(c->app->mode, S("advanced-chat")) ? 0 : need_workflow_app(c);
}

static void set_time(struct arena *mem, struct json *o, struct str name, int64_t ms)
{
	if (ms)
		json_set_int(mem, o, name, ms / 1000);
	else
		json_set_null(mem, o, name);
}

/* Clients of the recorded server know an unknown run by its nulls. */
static struct json *shape_no_run(struct arena *mem)
{
	static const struct str names[] = {
		S_INIT("id"),          S_INIT("workflow_id"),  S_INIT("status"),
		S_INIT("inputs"),      S_INIT("outputs"),      S_INIT("error"),
		S_INIT("total_steps"), S_INIT("total_tokens"), S_INIT("created_at"),
		S_INIT("finished_at"), S_INIT("elapsed_time")};
	struct json *o = json_obj(mem);
	for (size_t i = 0; i < countof(names); i++)
		json_set_null(mem, o, names[i]);
	return o;
}

static struct json *shape_run(struct arena *mem, const struct flow_record *r)
{
	struct json *o = json_obj(mem);
	bool empty =
		!r->outputs.len || str_eq(r->outputs, S("{}")) || str_eq(r->outputs, S("null"));
	json_set_str(mem, o, S("id"), r->info.run_id);
	json_set_str(mem, o, S("workflow_id"), r->info.workflow_id);
	json_set_str(mem, o, S("status"), r->status);
	json_set_str(mem, o, S("inputs"), spaced(mem, r->inputs));
	json_set_str_or_null(mem, o, S("outputs"),
			     empty ? (struct str){0} : spaced(mem, r->outputs));
	json_set_str_or_null(mem, o, S("error"), r->error.len ? r->error : (struct str){0});
	json_set_int(mem, o, S("total_steps"), r->total_steps);
	json_set_int(mem, o, S("total_tokens"), r->total_tokens);
	set_time(mem, o, S("created_at"), r->created_ms);
	set_time(mem, o, S("finished_at"), r->finished_ms);
	json_set_float(mem, o, S("elapsed_time"), r->elapsed);
	return o;
}

status service_run_get(struct call *c)
{
	struct flow_record *r;
	if (need_graph_app(c))
		return -1;
	if (!id_is_uuid(c->param[0]))
		return no_run();
	if (find_run(c, &r))
		return -1;
	return reply_json(c, 200, r ? shape_run(c->mem, r) : shape_no_run(c->mem));
}

static status query_time(struct call *c, struct str name, int64_t *out)
{
	struct str v = http_query(c->http, name);
	if (!v.len || !clock_parse_iso(v, out))
		return 0;
	return err_set(ERR_INVALID, "%.*s: Input should be a valid ISO 8601 time", STR(name));
}

static status read_filter(struct call *c, struct flow_list *f)
{
	struct str state = http_query(c->http, S("status"));
	if (state.at && !str_eq(state, S("succeeded")) && !str_eq(state, S("failed")) &&
	    !str_eq(state, S("stopped")))
		return err_set(ERR_INVALID,
			       "status: Input should be 'succeeded', 'failed' or 'stopped'");
	*f = (struct flow_list){.app_id = c->app->id,
				.status = state,
				.from = S("app-run"),
				.keyword = http_query(c->http, S("keyword")),
				.user_session =
					http_query(c->http, S("created_by_end_user_session_id")),
				.account_email = http_query(c->http, S("created_by_account"))};
	if (query_time(c, S("created_at__before"), &f->before_ms) ||
	    query_time(c, S("created_at__after"), &f->after_ms) ||
	    call_query_int(c, S("page"), 1, 1, PAGE_NUMBER_MAX, &f->page) ||
	    call_query_int(c, S("limit"), PAGE_DEFAULT, 1, LIMIT_MAX, &f->limit))
		return -1;
	struct account *a;
	if (f->account_email.len &&
	    (account_by_email(c->s->accounts, c->mem, f->account_email, &a) ||
	     account_of_tenant(c->s->accounts, c->mem, c->app->tenant_id, a->id, &a))) {
		if (err_code() != ERR_NOT_FOUND)
			return -1;
		return err_set(ERR_INVALID, "Account not found: %.*s",
			       STR(str_sub(f->account_email, 0, 200)));
	}
	return 0;
}

static struct json *shape_log_run(struct arena *mem, const struct flow_record *r)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("id"), r->info.run_id);
	json_set_str(mem, o, S("version"), r->version);
	json_set_str(mem, o, S("status"), r->status);
	json_set_str(mem, o, S("triggered_from"), r->info.from);
	json_set_str_or_null(mem, o, S("error"), r->error.len ? r->error : (struct str){0});
	json_set_float(mem, o, S("elapsed_time"), r->elapsed);
	json_set_int(mem, o, S("total_tokens"), r->total_tokens);
	json_set_int(mem, o, S("total_steps"), r->total_steps);
	set_time(mem, o, S("created_at"), r->created_ms);
	set_time(mem, o, S("finished_at"), r->finished_ms);
	json_set_int(mem, o, S("exceptions_count"), r->exceptions);
	return o;
}

static void set_creator(struct call *c, struct json *o, const struct flow_info *i)
{
	struct arena *mem = c->mem;
	struct json *who = json_obj(mem);
	struct str name, email;
	struct end_user *u;
	json_set_str(mem, who, S("id"), i->created_by);
	if (i->by_account) {
		if (account_name_of(c->s->accounts, mem, i->created_by, &name, &email))
			name = email = (struct str){0};
		json_set_str_or_null(mem, who, S("name"), name);
		json_set_str_or_null(mem, who, S("email"), email);
	} else {
		bool known = !end_user_by_id(c->s->accounts, mem, i->tenant_id, i->app_id,
					     i->created_by, &u);
		json_set_str(mem, who, S("type"), known ? u->type : S("service-api"));
		json_set_bool(mem, who, S("is_anonymous"), known && u->anonymous);
		json_set_str(mem, who, S("session_id"), i->user);
	}
	json_set_str(mem, o, S("created_by_role"), i->by_account ? S("account") : S("end_user"));
	json_set(mem, o, S("created_by_account"), i->by_account ? who : NULL);
	json_set(mem, o, S("created_by_end_user"), i->by_account ? NULL : who);
}

static struct json *shape_log(struct call *c, const struct flow_record *r)
{
	struct json *o = json_obj(c->mem);
	struct str from = json_get_str(r->info.extra, S("from"));
	json_set_str(c->mem, o, S("id"), r->info.run_id);
	json_set(c->mem, o, S("workflow_run"), shape_log_run(c->mem, r));
	json_set_null(c->mem, o, S("details"));
	json_set_str(c->mem, o, S("created_from"), from.len ? from : S("service-api"));
	set_creator(c, o, &r->info);
	json_set_int(c->mem, o, S("created_at"), r->created_ms / 1000);
	return o;
}

status service_run_logs(struct call *c)
{
	struct flow_list f;
	struct flow_record *rows = NULL;
	size_t n = 0;
	int64_t total = 0;
	if (read_filter(c, &f))
		return -1;
	/* Chats have their messages as log. */
	if (str_eq(c->app->mode, S("workflow")) &&
	    flow_run_list(c->s->flow, c->mem, c->app->tenant_id, &f, &rows, &n, &total))
		return -1;
	struct json *o = json_obj(c->mem), *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_log(c, &rows[i]));
	json_set_int(c->mem, o, S("page"), f.page);
	json_set_int(c->mem, o, S("limit"), f.limit);
	json_set_int(c->mem, o, S("total"), total);
	json_set_bool(c->mem, o, S("has_more"), total > f.page * f.limit);
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}

status service_run_events(struct call *c)
{
	struct flow_record *r;
	if (need_query_user(c, true) || need_graph_app(c))
		return -1;
	if (!id_is_uuid(c->param[0]))
		return no_run();
	if (find_run(c, &r))
		return -1;
	if (!r || r->info.by_account || !str_eq(r->info.created_by, c->end_user->id))
		return no_run();
	struct stream_run run = stream_of_run(&r->info, call_form(c));
	struct stream_from from;
	bool resumes;
	if (stream_read_from(c, r->info.run_id, &from, &resumes))
		return -1;
	/* Who lost the connection reads on from there, also when the run has ended meanwhile. */
	if (r->finished_ms && !resumes)
		return stream_finished(c, &run);
	return stream_resume(c, &run, &from);
}
