/* SPDX-License-Identifier: Apache-2.0 */
/* caller: who calls, which app, and the checks that many operations share; texts as recorded. */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"

bool from_site(const struct call *c)
{
	return c->route->auth == AUTH_PASSPORT;
}

struct chat_scope call_scope(const struct call *c)
{
	return (struct chat_scope){
		.tenant_id = c->app->tenant_id,
		.app_id = c->app->id,
		.user = {.id = c->end_user->id, .session = c->end_user->session_id}
        };
}

enum stream_form call_form(const struct call *c)
{
	return from_site(c) ? STREAM_SIMPLE : STREAM_FULL;
}

struct str call_from(const struct call *c)
{
	return from_site(c) ? S("web-app") : S("service-api");
}

struct str scalar_text(struct call *c, const struct json *v)
{
	if (json_is(v, JSON_STR))
		return json_as_str(v, S(""));
	if (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT))
		return json_text(c->mem, v, JSON_COMPACT);
	return (struct str){0};
}

status need_body_user(struct call *c, bool required)
{
	if (call_body(c))
		return -1;
	return from_site(c)
		       ? 0
		       : call_end_user(c, scalar_text(c, json_get(c->body, S("user"))), required);
}

status need_query_user(struct call *c, bool required)
{
	return from_site(c) ? 0 : call_end_user(c, http_query(c->http, S("user")), required);
}

status need_chat_app(struct call *c)
{
	struct str m = c->app->mode;
	if (str_eq(m, S("chat")) || str_eq(m, S("agent-chat")) || str_eq(m, S("advanced-chat")))
		return 0;
	return err_public(ERR_INVALID, "not_chat_app", 400,
			  "Please check if your app mode matches the right API route.");
}

status need_workflow_app(struct call *c)
{
	if (str_eq(c->app->mode, S("workflow")))
		return 0;
	return err_public(ERR_INVALID, "not_workflow_app", 400,
			  "Please check if your %sapp mode matches the right API route.",
			  from_site(c) ? "Workflow " : "");
}

status need_completion_app(struct call *c)
{
	if (str_eq(c->app->mode, S("completion")))
		return 0;
	if (from_site(c))
		return err_public(
			ERR_INVALID, "not_completion_app", 400,
			"Please check if your Completion app mode matches the right API route.");
	return err_public(ERR_INVALID, "app_unavailable", 400,
			  "App unavailable, please check your app configurations.");
}

status query_uuid(struct call *c, struct str name, bool required, struct str *out)
{
	struct str v = http_query(c->http, name);
	if (!v.len && required)
		return err_set(ERR_INVALID, "%.*s: Field required", STR(name));
	if (v.len && !id_is_uuid(v))
		return err_set(ERR_INVALID, "%.*s must be a valid UUID", STR(name));
	*out = v;
	return 0;
}

status body_text(struct call *c, struct str name, struct str *out)
{
	const struct json *v = json_get(c->body, name);
	if (v && v->type != JSON_NULL && v->type != JSON_STR)
		return err_set(ERR_INVALID, "%.*s: Input should be a valid string", STR(name));
	*out = json_is(v, JSON_STR) ? json_as_str(v, S("")) : (struct str){0};
	return 0;
}
