/* SPDX-License-Identifier: Apache-2.0 */
/* call: reads what handlers need from a request, with the recorded error texts. */
#include "api/api_int.h"

#include "account/account.h"
#include "app/app.h"
#include "base/arena.h"

static bool is_json_type(struct str type)
{
	struct str rest = type;
	struct str media = str_trim(str_cut(&rest, ';'));
	return str_eq_nocase(media, S("application/json")) ||
	       (media.len > 5 && str_eq_nocase(str_skip(media, media.len - 5), S("+json")));
}

status call_body(struct call *c)
{
	if (c->body)
		return 0;
	if (!is_json_type(http_header(c->http, S("Content-Type"))))
		return err_set(ERR_UNSUPPORTED, "Did not attempt to load JSON data because the "
						"request Content-Type was not 'application/json'.");
	struct str text;
	if (http_body(c->http, &text))
		return -1;
	struct json *body;
	if (json_parse(c->mem, text, &body) || !json_is(body, JSON_OBJ))
		return err_set(ERR_BAD_REQUEST, "The browser (or proxy) sent a request that this "
						"server could not understand.");
	c->body = body;
	return 0;
}

status call_end_user(struct call *c, struct str user, bool required)
{
	if (c->end_user)
		return 0;
	if (!user.len && required)
		return err_set(ERR_INVALID, "Arg user must be provided.");
	return end_user_get(c->s->accounts, c->mem, c->app->tenant_id, c->app->id, S("service-api"),
			    user, &c->end_user);
}

status call_query_int(struct call *c, struct str name, int64_t fallback, int64_t min, int64_t max,
		      int64_t *out)
{
	struct str text = http_query(c->http, name);
	if (!text.at) {
		*out = fallback;
		return 0;
	}
	int64_t v;
	if (str_to_i64(text, &v))
		return err_set(ERR_INVALID, "%.*s must be an integer, got '%.*s'", STR(name),
			       STR(str_sub(text, 0, 40)));
	if (v < min || v > max)
		return err_set(ERR_INVALID, "%.*s must be between %lld and %lld, got %lld",
			       STR(name), (long long)min, (long long)max, (long long)v);
	*out = v;
	return 0;
}
