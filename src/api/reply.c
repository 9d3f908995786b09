/* SPDX-License-Identifier: Apache-2.0 */
/* reply: the three wire forms of answers (golden/README, "wire"). */
#include "api/api_int.h"

#include "base/arena.h"
#include "base/buf.h"

static status reply_form(struct call *c, int code, const struct json *body, unsigned form,
			 struct str type, bool newline)
{
	struct buf b = buf_make(c->mem, 0);
	json_write(&b, body, form);
	if (newline)
		buf_putc(&b, '\n');
	if (buf_done(&b))
		return -1;
	return http_reply(c->http, code, type, buf_str(&b));
}

status reply_json(struct call *c, int code, const struct json *body)
{
	return reply_form(c, code, body, JSON_ASCII | JSON_SLASH, S("application/json"), true);
}

status reply_run(struct call *c, int code, const struct json *body)
{
	return reply_form(c, code, body, JSON_ASCII | JSON_SPACED,
			  S("application/json; charset=utf-8"), false);
}

status reply_plain(struct call *c, int code, const struct json *body)
{
	return reply_form(c, code, body, JSON_COMPACT, S("application/json"), false);
}

status reply_ok(struct call *c)
{
	struct json *body = json_obj(c->mem);
	json_set_str(c->mem, body, S("result"), S("success"));
	return reply_json(c, 200, body);
}

status reply_empty(struct call *c, int code)
{
	return http_reply(c->http, code, (struct str){ 0 }, S(""));
}
