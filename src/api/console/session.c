/* SPDX-License-Identifier: Apache-2.0 */
/* session: sign-in and out with cookies (platform.md 3.2), and accounts that were invited. */
#include "api/console/console.h"

#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/enc.h"
#include "base/json.h"

static bool both_https(struct call *c)
{
	return str_starts(config_str(c->s->config, CONFIG_CONSOLE_API_URL), S("https://")) &&
	       str_starts(config_str(c->s->config, CONFIG_CONSOLE_WEB_URL), S("https://"));
}

/* value empty = take the cookie away. */
static void cookie(struct call *c, const char *name, struct str value, int64_t age_s, bool script)
{
	struct str domain = config_str(c->s->config, CONFIG_COOKIE_DOMAIN);
	bool secure = both_https(c) || c->http->tls;
	char date[30];
	clock_http(date, value.len ? clock_ms() + age_s * 1000 : 0);
	struct str v = arena_printf(
		c->mem, "%s%s=%.*s; %s%.*s%sExpires=%s; ", both_https(c) && !domain.len ? "__Host-" : "",
		name, STR(value), domain.len ? "Domain=" : "", STR(domain), domain.len ? "; " : "", date);
	if (value.len)
		v = arena_printf(c->mem, "%.*sMax-Age=%lld; ", STR(v), (long long)age_s);
	http_add_header(c->http, S("Set-Cookie"),
			arena_printf(c->mem, "%.*s%s%sPath=/; SameSite=Lax", STR(v),
				     secure ? "Secure; " : "", script ? "" : "HttpOnly; "));
}

void session_cookies(struct call *c, const struct tokens *t, bool csrf_first)
{
	int64_t access = 60 * config_int(c->s->config, CONFIG_ACCESS_TOKEN_EXPIRE_MINUTES);
	int64_t refresh = 86400 * config_int(c->s->config, CONFIG_REFRESH_TOKEN_EXPIRE_DAYS);
	if (csrf_first)
		cookie(c, "csrf_token", t->csrf, access, true);
	cookie(c, "access_token", t->access, access, false);
	cookie(c, "refresh_token", t->refresh, refresh, false);
	if (!csrf_first)
		cookie(c, "csrf_token", t->csrf, access, true);
}

static status success(struct call *c)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("result"), S("success"));
	return reply_plain(c, 200, o);
}

/* Base64 of the text, strictly: what is no base64 was sent by an old client. */
static status decode_password(struct call *c, struct str given, struct str *out)
{
	if (given.len % 4 || !given.len || str_find_char(given, '-') != SIZE_MAX ||
	    str_find_char(given, '_') != SIZE_MAX || dec_base64(c->mem, given, out) ||
	    !utf8_valid(*out))
		return err_public(ERR_UNAUTHORIZED, "authentication_failed", 401,
				  "Invalid encrypted data");
	return 0;
}

status console_login(struct call *c)
{
	struct str email, given, password;
	struct account *who;
	struct tokens t;
	bool done;
	int64_t at;
	if (setup_done(c->s->accounts, &done, &at))
		return -1;
	if (!done)
		return err_public(ERR_UNAUTHORIZED, "not_setup", 401,
				  "Dify has not been initialized and installed yet. Please proceed with "
				  "the initialization and installation process first.");
	if (call_body(c) || need_text(c, S("email"), 1, 254, &email))
		return -1;
	if (!email_valid(email))
		return err_set(ERR_INVALID, "email: %.*s is not a valid email.", STR(email));
	if (need_text(c, S("password"), 0, 2000, &given) || decode_password(c, given, &password) ||
	    login(c->s->accounts, c->mem, email, password, c->http->peer, &who) ||
	    session_open(c->s->accounts, c->mem, who, &t))
		return -1;
	session_cookies(c, &t, false);
	return success(c);
}

static struct str named_cookie(struct call *c, const char *name)
{
	struct str v = http_cookie(c->http, arena_printf(c->mem, "__Host-%s", name));
	return v.len ? v : http_cookie(c->http, str_c(name));
}

status console_logout(struct call *c)
{
	if (session_close(c->s->accounts, c->mem, named_cookie(c, "refresh_token"), c->account->id))
		return -1;
	cookie(c, "access_token", S(""), 0, false);
	cookie(c, "refresh_token", S(""), 0, false);
	cookie(c, "csrf_token", S(""), 0, true);
	return success(c);
}

status console_refresh(struct call *c)
{
	struct tokens t;
	if (session_refresh(c->s->accounts, c->mem, named_cookie(c, "refresh_token"), &t)) {
		if (err_code() != ERR_UNAUTHORIZED)
			return -1;
		return reply_pair(c, 401, "result", "fail", "message",
				  arena_str(c->mem, err_text()));
	}
	session_cookies(c, &t, true);
	return success(c);
}

status console_activate_check(struct call *c)
{
	struct invite *i;
	struct json *o = json_obj(c->mem);
	bool valid = invite_get(c->s->accounts, c->mem, http_query(c->http, S("token")), &i) == 0;
	if (!valid && err_code() != ERR_NOT_FOUND)
		return -1;
	json_set_bool(c->mem, o, S("is_valid"), valid);
	if (valid) {
		struct json *d = json_set(c->mem, o, S("data"), json_obj(c->mem));
		json_set_str(c->mem, d, S("email"), i->email);
		json_set_str(c->mem, d, S("workspace_id"), i->tenant_id);
	}
	return reply_json(c, 200, o);
}

status console_activate(struct call *c)
{
	struct account_new in = { 0 };
	struct str token, zone = S(""), password = { 0 };
	struct account *who;
	struct tokens t;
	if (call_body(c) || need_text(c, S("token"), 1, 200, &token) ||
	    need_text(c, S("name"), 1, 30, &in.name) ||
	    take_text(c, S("interface_language"), 16, &in.language) ||
	    take_text(c, S("timezone"), 64, &zone) || take_text(c, S("password"), 256, &password))
		return -1;
	if (zone.len && !timezone_valid(zone))
		return err_set(ERR_INVALID, "%.*s is not a valid timezone.", STR(zone));
	if (!password.len)
		return err_set(ERR_INVALID, "password: Field required");
	in.password = password;
	if (invite_accept(c->s->accounts, c->mem, token, &in, zone, &who) ||
	    session_open(c->s->accounts, c->mem, who, &t))
		return -1;
	session_cookies(c, &t, false);
	return success(c);
}
