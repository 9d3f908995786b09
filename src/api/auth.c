/* SPDX-License-Identifier: Apache-2.0 */
/* auth: who calls. One function per kind of auth in the route tables; texts as recorded. */
#include "api/api_int.h"

#include "account/account.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"

/* The token of "Authorization: Bearer x", with the recorded texts for every other form. */
static status bearer(struct call *c, struct str *token)
{
	struct str h = str_trim(http_header(c->http, S("Authorization")));
	size_t blank = str_find_char(h, ' ');
	if (!h.len || blank == SIZE_MAX)
		return err_set(ERR_UNAUTHORIZED, "Authorization header must be provided and start "
						 "with 'Bearer'");
	if (!str_eq_nocase(str_sub(h, 0, blank), S("Bearer")))
		return err_set(ERR_UNAUTHORIZED, "Authorization scheme must be 'Bearer'");
	*token = str_trim(str_skip(h, blank));
	return 0;
}

static status auth_app_key(struct call *c)
{
	struct str token;
	if (bearer(c, &token) || key_check(c->s->accounts, c->mem, token, S("app"), &c->key))
		return -1;
	if (app_get(c->s->apps, c->mem, c->key->tenant_id, c->key->app_id, &c->app)) {
		if (err_code() == ERR_NOT_FOUND)
			return err_set(ERR_DENIED, "The app no longer exists.");
		return -1;
	}
	if (!c->app->enable_api)
		return err_set(ERR_DENIED, "The app's API service has been disabled.");
	fiber_log_context()->tenant_id = c->app->tenant_id;
	return 0;
}

static status auth_dataset_key(struct call *c)
{
	struct str token;
	if (bearer(c, &token))
		return -1;
	return key_check(c->s->accounts, c->mem, token, S("dataset"), &c->key);
}

/* The cookie's name carries a prefix when both console addresses are https (platform.md 3.2). */
static struct str session_cookie(struct call *c, struct str name)
{
	struct str v = http_cookie(c->http, arena_printf(c->mem, "__Host-%.*s", STR(name)));
	return v.len ? v : http_cookie(c->http, name);
}

static bool is_admin_key(struct call *c, struct str token)
{
	struct str key = config_str(c->s->config, CONFIG_ADMIN_API_KEY);
	return config_bool(c->s->config, CONFIG_ADMIN_API_KEY_ENABLE) && key.len &&
	       str_eq_secret(key, token);
}

static status auth_console(struct call *c, enum role least)
{
	struct str header = str_trim(http_header(c->http, S("Authorization")));
	struct str token = { 0 };
	if (str_starts(header, S("Bearer ")))
		token = str_trim(str_skip(header, 7));
	struct str workspace = http_header(c->http, S("X-WORKSPACE-ID"));
	bool admin = token.len && is_admin_key(c, token) && workspace.len;
	if (!token.len)
		token = session_cookie(c, S("access_token"));
	http_add_header(c->http, S("Vary"), S("Cookie"));
	if (!token.len)
		return err_set(ERR_UNAUTHORIZED, "Invalid Authorization token.");
	if (admin) {
		if (account_owner(c->s->accounts, c->mem, workspace, &c->account))
			return -1;
	} else if (session_check(c->s->accounts, c->mem, token, &c->account) ||
		   (!(c->route->flags & ROUTE_BEACON) &&
		    csrf_check(c->s->accounts, c->mem, http_header(c->http, S("X-CSRF-Token")),
			       session_cookie(c, S("csrf_token")), c->account->id))) {
		/* Without the header the cookies' SameSite=Lax keeps other sites out. */
		return -1;
	}
	fiber_log_context()->tenant_id = c->account->tenant_id;
	if (c->account->role < least)
		return err_set(ERR_DENIED, "You don't have the permission to access the requested "
					   "resource. It is either read-protected or not readable "
					   "by the server.");
	return 0;
}

static status auth_passport(struct call *c)
{
	struct str token = http_header(c->http, S("X-App-Passport"));
	struct str code = http_header(c->http, S("X-App-Code"));
	if (!token.len && code.len)
		token = http_cookie(c->http, arena_printf(c->mem, "passport-%.*s", STR(code)));
	if (!token.len)
		return err_set(ERR_UNAUTHORIZED, "App token is missing.");
	struct str app_id, app_code, end_user_id;
	if (passport_open(c->s->accounts, c->mem, token, &app_id, &app_code, &end_user_id))
		return -1;
	if (app_by_site_code(c->s->apps, c->mem, app_code, &c->app) || !str_eq(c->app->id, app_id))
		return err_set(ERR_NOT_FOUND, "The web app is not available.");
	if (!c->app->enable_site)
		return err_set(ERR_BAD_REQUEST, "Site is disabled.");
	return end_user_by_id(c->s->accounts, c->mem, c->app->tenant_id, c->app->id, end_user_id,
			      &c->end_user);
}

status call_authenticate(struct call *c)
{
	switch (c->route->auth) {
	case AUTH_NONE:
		return 0;
	case AUTH_APP_KEY:
		return auth_app_key(c);
	case AUTH_DATASET_KEY:
		return auth_dataset_key(c);
	case AUTH_CONSOLE:
		return auth_console(c, ROLE_NONE);
	case AUTH_EDITOR:
		return auth_console(c, ROLE_EDITOR);
	case AUTH_ADMIN:
		return auth_console(c, ROLE_ADMIN);
	case AUTH_PASSPORT:
		return auth_passport(c);
	}
	return err_set(ERR_INTERNAL, "route without a known kind of authentication");
}
