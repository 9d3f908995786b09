/* SPDX-License-Identifier: Apache-2.0 */
/* shape: small readers and writers that many handlers of the console API use. */
#include "api/console/console.h"

#include "base/config.h"

status need_app(struct call *c)
{
	return app_get(c->s->apps, c->mem, c->account->tenant_id, c->param[0], &c->app);
}

status need_graph_app(struct call *c)
{
	if (need_app(c))
		return -1;
	if (!app_mode_is_graph(c->app->mode))
		return err_public(ERR_NOT_FOUND, "app_not_found", 404,
				  "App mode is not in the supported list: {'advanced-chat', "
				  "'workflow'}.");
	return 0;
}

status take_text(struct call *c, struct str name, size_t max, struct str *out)
{
	const struct json *v = json_get(c->body, name);
	if (!v || v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_STR)
		return err_set(ERR_INVALID, "%.*s: Input should be a valid string", STR(name));
	struct str text = json_as_str(v, S(""));
	if (utf8_count(text) > max)
		return err_set(ERR_INVALID, "%.*s: String should have at most %zu characters",
			       STR(name), max);
	*out = text;
	return 0;
}

status need_text(struct call *c, struct str name, size_t min, size_t max, struct str *out)
{
	struct str text = { 0 };
	if (take_text(c, name, max, &text))
		return -1;
	if (!text.at)
		return err_set(ERR_INVALID, "%.*s: Field required", STR(name));
	if (utf8_count(text) < min)
		return err_set(ERR_INVALID, "%.*s: String should have at least %zu characters",
			       STR(name), min);
	*out = text;
	return 0;
}

status take_bool(struct call *c, struct str name, bool *out)
{
	const struct json *v = json_get(c->body, name);
	if (!v || v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_BOOL)
		return err_set(ERR_INVALID, "%.*s: Input should be a valid boolean", STR(name));
	*out = v->boolean;
	return 0;
}

status body_any_type(struct call *c)
{
	struct str text;
	struct json *body;
	if (http_body(c->http, &text))
		return -1;
	if (json_parse(c->mem, text, &body) || !json_is(body, JSON_OBJ))
		return err_set(ERR_BAD_REQUEST, "The browser (or proxy) sent a request that this "
						"server could not understand.");
	c->body = body;
	return 0;
}

status need_page(struct call *c, int64_t limit_default, int64_t *page, int64_t *limit)
{
	return call_query_int(c, S("page"), 1, 1, 99999, page) ||
			       call_query_int(c, S("limit"), limit_default, 1, 100, limit)
		       ? -1
		       : 0;
}

void put_time(struct arena *mem, struct json *o, struct str name, int64_t ms)
{
	if (ms > 0)
		json_set_int(mem, o, name, ms / 1000);
	else
		json_set_null(mem, o, name);
}

void put_text(struct arena *mem, struct json *o, struct str name, struct str text)
{
	if (text.len)
		json_set_str(mem, o, name, text);
	else
		json_set_null(mem, o, name);
}

status person_json(struct call *c, struct str id, struct json **out)
{
	struct str name = { 0 }, email = { 0 };
	*out = json_null(c->mem);
	if (!id.len)
		return 0;
	if (str_eq(id, c->account->id)) {
		name = c->account->name;
		email = c->account->email;
	} else if (account_name_of(c->s->accounts, c->mem, id, &name, &email)) {
		return -1;
	}
	if (!email.len)
		return 0;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), id);
	json_set_str(c->mem, o, S("name"), name);
	json_set_str(c->mem, o, S("email"), email);
	*out = o;
	return 0;
}

status visitor_json(struct call *c, struct str app_id, struct str id, struct json **out)
{
	struct end_user *u;
	*out = json_null(c->mem);
	if (!id.len)
		return 0;
	if (end_user_by_id(c->s->accounts, c->mem, c->account->tenant_id, app_id, id, &u))
		return err_code() == ERR_NOT_FOUND ? 0 : -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), u->id);
	json_set_str(c->mem, o, S("type"), u->type);
	json_set_bool(c->mem, o, S("is_anonymous"), u->anonymous);
	json_set_str(c->mem, o, S("session_id"), u->session_id);
	*out = o;
	return 0;
}

struct json *page_json(struct arena *mem, int64_t page, int64_t limit, int64_t total)
{
	struct json *o = json_obj(mem);
	json_set_int(mem, o, S("page"), page);
	json_set_int(mem, o, S("limit"), limit);
	json_set_int(mem, o, S("total"), total);
	json_set_bool(mem, o, S("has_more"), page * limit < total);
	return o;
}

static struct str without_slash(struct str url)
{
	while (url.len && url.at[url.len - 1] == '/')
		url.len--;
	return url;
}

/* What the browser used, when no setting says otherwise. */
static struct str own_url(struct call *c, enum config_key key)
{
	struct str set = c->s->config ? config_str(c->s->config, key) : S("");
	if (set.len)
		return without_slash(set);
	if (c->s->public_url.len)
		return without_slash(c->s->public_url);
	struct str proto = http_header(c->http, S("X-Forwarded-Proto"));
	struct str host = http_header(c->http, S("Host"));
	bool tls = c->http->tls || str_eq(proto, S("https"));
	return arena_printf(c->mem, "%s://%.*s", tls ? "https" : "http",
			    STR(host.len ? host : S("localhost")));
}

struct str api_url(struct call *c)
{
	return own_url(c, CONFIG_CONSOLE_API_URL);
}

struct str web_url(struct call *c)
{
	return own_url(c, CONFIG_CONSOLE_WEB_URL);
}

struct str service_url(struct call *c)
{
	return own_url(c, CONFIG_SERVICE_API_URL);
}

status reply_pair(struct call *c, int code, const char *a, const char *value_a, const char *b,
		  struct str value_b)
{
	struct json *o = json_obj(c->mem);
	if (a)
		json_set_str(c->mem, o, str_c(a), str_c(value_a));
	json_set_str(c->mem, o, str_c(b), value_b);
	return reply_json(c, code, o);
}
