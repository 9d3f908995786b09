/* SPDX-License-Identifier: Apache-2.0 */
/* info: what an app tells of itself and of its users. */
#include "account/account.h"
#include "api/service/service.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

status service_info(struct call *c)
{
	struct str name = {0}, email;
	if (c->app->created_by.len &&
	    account_name_of(c->s->accounts, c->mem, c->app->created_by, &name, &email))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("name"), c->app->name);
	json_set_str(c->mem, o, S("description"), c->app->description);
	json_set(c->mem, o, S("tags"), json_arr(c->mem));
	json_set_str(c->mem, o, S("mode"), c->app->mode);
	json_set_str_or_null(c->mem, o, S("author_name"), name.len ? name : (struct str){0});
	return reply_json(c, 200, o);
}

status service_parameters(struct call *c)
{
	struct json *o;
	return shape_parameters(c, &o) ? -1 : reply_json(c, 200, o);
}

status service_meta(struct call *c)
{
	return reply_json(c, 200, shape_meta(c));
}

status service_site(struct call *c)
{
	struct json *o;
	if (!shape_site(c, false, &o))
		return reply_json(c, 200, o);
	return err_code() == ERR_NOT_FOUND ? err_set(ERR_DENIED, "The app has no site.") : -1;
}

status service_end_user(struct call *c)
{
	struct end_user *u;
	if (end_user_by_id(c->s->accounts, c->mem, c->app->tenant_id, c->app->id, c->param[0],
			   &u)) {
		if (err_code() != ERR_NOT_FOUND && err_code() != ERR_UNAUTHORIZED)
			return -1;
		return err_public(ERR_NOT_FOUND, "end_user_not_found", 404, "End user not found.");
	}
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), u->id);
	json_set_str(c->mem, o, S("tenant_id"), u->tenant_id);
	json_set_str(c->mem, o, S("app_id"), u->app_id);
	json_set_str(c->mem, o, S("type"), u->type);
	json_set_str_or_null(c->mem, o, S("external_user_id"),
			     u->external_user_id.len ? u->external_user_id : (struct str){0});
	json_set_str_or_null(c->mem, o, S("name"), u->name.len ? u->name : (struct str){0});
	json_set_bool(c->mem, o, S("is_anonymous"), u->anonymous);
	json_set_str(c->mem, o, S("session_id"), u->session_id);
	json_set_str(c->mem, o, S("created_at"), clock_iso(c->mem, u->created_ms));
	json_set_str(c->mem, o, S("updated_at"), clock_iso(c->mem, u->updated_ms));
	return reply_json(c, 200, o);
}
