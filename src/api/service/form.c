/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: what a run asks people, by key (Service API), by address alone (the page /form/{token}) and
 * from the console. The token is the right to answer; asking for many of them is limited by
 * address.
 */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "store/broker/broker.h"

static status no_form(void)
{
	return err_set(ERR_NOT_FOUND, "Form not found");
}

static struct json *shape_form(struct arena *mem, const struct flow_form *f)
{
	struct json *o = json_obj(mem);
	json_set(mem, o, S("form_content"), json_get(f->definition, S("form_content")));
	json_set(mem, o, S("inputs"), json_get(f->definition, S("inputs")));
	json_set(mem, o, S("resolved_default_values"),
		 json_get(f->definition, S("resolved_default_values")));
	json_set(mem, o, S("user_actions"), json_get(f->definition, S("user_actions")));
	json_set_int(mem, o, S("expiration_time"), f->expires_ms / 1000);
	return o;
}

/* Which element or round of which container asks: several forms of one node may wait. */
static void add_place(struct arena *mem, struct json *o, const struct flow_form *f)
{
	const struct json *place = json_get(f->definition, S("place"));
	json_set(mem, o, S("place"), place ? place : json_arr(mem));
}

static bool by_page(const struct flow_form *f)
{
	return json_get_bool(f->definition, S("webapp"), true);
}

static status submit(struct call *c, const struct flow_form *f, struct str by)
{
	const struct json *inputs = json_get(c->body, S("inputs"));
	struct str action;
	if (!inputs)
		return err_set(ERR_INVALID, "inputs: Field required");
	if (inputs->type != JSON_OBJ)
		return err_set(ERR_INVALID, "inputs: Input should be a valid dictionary");
	if (body_text(c, S("action"), &action))
		return -1;
	if (!action.at)
		return err_set(ERR_INVALID, "action: Field required");
	if (flow_form_submit(c->s->flow, c->mem, f, action, inputs, by))
		return -1;
	return reply_json(c, 200, json_obj(c->mem));
}

/* --- Service API --- */

static status find_by_key(struct call *c, struct flow_form **f)
{
	if (flow_form_get(c->s->flow, c->mem, c->param[0], f))
		return -1;
	if (!str_eq((*f)->app_id, c->app->id) || !str_eq((*f)->tenant_id, c->app->tenant_id))
		return no_form();
	if (!by_page(*f))
		return err_set(ERR_BAD_REQUEST, "Form recipient type is invalid");
	return 0;
}

status service_form_get(struct call *c)
{
	struct flow_form *f;
	if (find_by_key(c, &f) || flow_form_check(f))
		return -1;
	return reply_json(c, 200, shape_form(c->mem, f));
}

status service_form_post(struct call *c)
{
	struct flow_form *f;
	if (need_body_user(c, true) || find_by_key(c, &f))
		return -1;
	return submit(c, f, c->end_user->id);
}

/* --- the page --- */

/* Tokens cannot be guessed; this keeps the guessing from costing anything. */
static status limit_rate(struct call *c, const char *what)
{
	int64_t most = config_int(c->s->config, CONFIG_WEB_FORM_SUBMIT_RATE_LIMIT_MAX_ATTEMPTS);
	int64_t window = config_int(c->s->config, CONFIG_WEB_FORM_SUBMIT_RATE_LIMIT_WINDOW_SECONDS);
	struct str name = arena_printf(c->mem, "form:%s:%.*s", what, STR(c->http->peer));
	int64_t n;
	if (most <= 0)
		return 0;
	if (counter_add(c->s->broker, name, 1, window * 1000, &n))
		return -1;
	if (n <= most)
		return 0;
	return err_public(ERR_BUSY, "web_form_rate_limit_exceeded", 429,
			  "Too many form requests. Please try again later.");
}

static status find_by_token(struct call *c, struct flow_form **f)
{
	if (flow_form_get(c->s->flow, c->mem, c->param[0], f))
		return -1;
	if (app_get(c->s->apps, c->mem, (*f)->tenant_id, (*f)->app_id, &c->app))
		return err_code() == ERR_NOT_FOUND ? no_form() : -1;
	return 0;
}

status site_form_get(struct call *c)
{
	struct flow_form *f;
	struct json *site, *o, *about = json_obj(c->mem);
	if (limit_rate(c, "get") || find_by_token(c, &f) || flow_form_check(f) ||
	    shape_site(c, false, &site))
		return -1;
	json_set_str(c->mem, about, S("app_id"), c->app->id);
	json_set_bool(c->mem, about, S("enable_site"), c->app->enable_site);
	json_set(c->mem, about, S("site"), site);
	o = shape_form(c->mem, f);
	json_set(c->mem, o, S("node_title"), json_get(f->definition, S("node_title")));
	add_place(c->mem, o, f);
	json_set(c->mem, o, S("site"), about);
	return reply_json(c, 200, o);
}

status site_form_post(struct call *c)
{
	struct flow_form *f;
	if (limit_rate(c, "post") || call_body(c) || find_by_token(c, &f))
		return -1;
	return submit(c, f, (struct str){ 0 });
}

/* A file for a field of the form: it belongs to a visitor of its own. */
status site_form_upload(struct call *c)
{
	struct flow_form *f;
	if (limit_rate(c, "upload") || find_by_token(c, &f) || flow_form_check(f) ||
	    end_user_get(c->s->accounts, c->mem, c->app->tenant_id, c->app->id, S("browser"),
			 arena_printf(c->mem, "form-%.*s", STR(f->id)), &c->end_user))
		return -1;
	return upload_file(c);
}

/* --- console --- */

status console_form_get(struct call *c)
{
	struct flow_form *f;
	if (flow_form_get(c->s->flow, c->mem, c->param[0], &f))
		return -1;
	if (!str_eq(f->tenant_id, c->account->tenant_id))
		return no_form();
	return flow_form_check(f) ? -1 : reply_json(c, 200, shape_form(c->mem, f));
}

status console_form_post(struct call *c)
{
	struct flow_form *f;
	if (call_body(c) || flow_form_get(c->s->flow, c->mem, c->param[0], &f))
		return -1;
	if (!str_eq(f->tenant_id, c->account->tenant_id))
		return no_form();
	return submit(c, f, c->account->id);
}

static struct json *shape_waiting(struct call *c, const struct flow_form *f)
{
	struct json *o = shape_form(c->mem, f);
	json_set_str(c->mem, o, S("form_id"), f->id);
	json_set_str(c->mem, o, S("form_token"), f->token);
	json_set_str(c->mem, o, S("workflow_run_id"), f->run_id);
	json_set_str(c->mem, o, S("node_id"), f->node_id);
	json_set(c->mem, o, S("node_title"), json_get(f->definition, S("node_title")));
	json_set_int(c->mem, o, S("created_at"), f->created_ms / 1000);
	add_place(c->mem, o, f);
	return o;
}

/* The forms of an app that wait, oldest first. */
status console_forms(struct call *c)
{
	struct flow_form *list;
	size_t n;
	if (app_get(c->s->apps, c->mem, c->account->tenant_id, c->param[0], &c->app) ||
	    flow_form_list(c->s->flow, c->mem, c->app->tenant_id, c->app->id, &list, &n))
		return -1;
	struct json *o = json_obj(c->mem), *data = json_arr(c->mem);
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, data, shape_waiting(c, &list[i]));
	json_set(c->mem, o, S("data"), data);
	return reply_json(c, 200, o);
}
