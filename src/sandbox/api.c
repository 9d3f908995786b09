/* SPDX-License-Identifier: Apache-2.0 */
/* api: the routes of the sandbox (sandbox-and-proxy.md 1.1 to 1.4), as their callers know them. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "net/http.h"
#include "net/url.h"
#include "sandbox/api_body.h"
#include "sandbox/front.h"

enum { CODE_BAD = -400, CODE_BUSY_IDENTITY = -429, CODE_FAULT = -500, CODE_FULL = -503 };

static status envelope(struct http *h, int http_status, int code, struct str message, const struct json *data)
{
	struct json *o = json_obj(h->mem);
	json_set_int(h->mem, o, S("code"), code);
	json_set_str(h->mem, o, S("message"), message);
	json_set(h->mem, o, S("data"), data);
	return http_reply(h, http_status, S("application/json; charset=utf-8"), json_text(h->mem, o, JSON_COMPACT));
}

/* --- run --- */

static status answer_failure(struct http *h)
{
	struct err e;
	err_save(&e);
	struct str text = arena_str(h->mem, str_c(e.text));
	switch (e.code) {
	case ERR_BUSY: return envelope(h, 503, CODE_FULL, S("Too many requests"), NULL);
	case ERR_LIMIT: return envelope(h, 200, CODE_BUSY_IDENTITY, text, NULL);
	case ERR_UNSUPPORTED: return envelope(h, 200, CODE_BAD, text, NULL);
	case ERR_CANCELLED:
	case ERR_CLOSED: return err_restore(&e);
	default: return envelope(h, 200, CODE_FAULT, text, NULL);
	}
}

static status profile_flags(struct http *h, struct sandbox *s, struct run_ask *ask)
{
	static const struct {
		const char *name;
		uint32_t add, remove;
	} profiles[] = { { "pure", ORDER_PURE, ORDER_NETWORK }, { "data", ORDER_DATA, ORDER_NETWORK }, { "network", 0, 0 } };
	struct str name = http_header(h, S("X-Sandbox-Profile"));
	if (!name.len)
		name = s->options.profile;
	if (!name.len)
		return 0;
	for (size_t i = 0; i < countof(profiles); i++)
		if (str_eq(name, str_c(profiles[i].name))) {
			ask->flags = (ask->flags | profiles[i].add) & ~profiles[i].remove;
			return 0;
		}
	return err_set(ERR_INVALID, "X-Sandbox-Profile: use pure, data or network");
}

static status run(struct http *h, struct sandbox *s)
{
	struct run_body q;
	struct run_result r;
	struct str body;
	bool json;
	if (http_body(h, &body))
		return -1;
	if (run_body_parse(h->mem, http_header(h, S("Content-Type")), body, &q, &json))
		return envelope(h, json ? 400 : 200, CODE_BAD, arena_str(h->mem, err_text()), NULL);
	struct run_ask ask = { .code = q.code };
	if (str_eq(q.language, S("nodejs")))
		ask.language = LANGUAGE_NODE;
	else if (!str_eq(q.language, S("python3")))
		return envelope(h, 200, CODE_BAD, S("unsupported language"), NULL);
	if (q.enable_network && !s->options.network)
		return envelope(h, 200, CODE_BAD,
				S("network is disabled, please enable it in the configuration"), NULL);
	ask.flags = q.enable_network ? ORDER_NETWORK : 0;
	if (profile_flags(h, s, &ask))
		return envelope(h, 200, CODE_BAD, arena_str(h->mem, err_text()), NULL);
	if (s->options.preload_enabled)
		ask.preload = q.preload;
	if (front_run(s, h->mem, &ask, &r))
		return answer_failure(h);
	struct json *data = json_obj(h->mem);
	json_set_str(h->mem, data, S("error"), r.error);
	json_set_str(h->mem, data, S("stdout"), r.out);
	json_set_str(h->mem, data, S("stderr"), r.err);
	json_set_int(h->mem, data, S("exit_code"), r.exit_code);
	return envelope(h, 200, 0, S("success"), data);
}

/* --- dependencies --- */

static status dependencies(struct http *h, struct sandbox *s)
{
	struct json *list;
	if (!str_eq(http_query(h, S("language")), S("python3")))
		return envelope(h, 200, CODE_BAD, S("unsupported language"), NULL);
	struct str own = packages_folder(s, h->mem);
	if (deps_list(h->mem, own, str_c(s->hello.site), str_c(s->options.launcher.rootfs), &list))
		return answer_failure(h);
	struct json *data = json_obj(h->mem);
	json_set(h->mem, data, S("dependencies"), list);
	if (s->options.launcher.packages)
		json_set(h->mem, data, S("update"), packages_report(s, h->mem));
	return envelope(h, 200, 0, S("success"), data);
}

/* Zygotes are made anew, so that what was installed meanwhile is imported from then on. */
static status refresh(struct http *h, struct sandbox *s)
{
	if (s->up && front_reload(s))
		return answer_failure(h);
	return dependencies(h, s);
}

static status update(struct http *h, struct sandbox *s)
{
	struct str body;
	if (http_body(h, &body))
		return -1;
	if (s->options.launcher.packages ? packages_update(s) : s->up && front_reload(s) ? -1 : 0)
		return answer_failure(h);
	return envelope(h, 200, 0, S("success"), json_obj(h->mem));
}

/* --- all routes --- */

static const struct {
	enum http_method method;
	const char *path;
	status (*fn)(struct http *, struct sandbox *);
} routes[] = {
	{ HTTP_POST, "/v1/sandbox/run", run },
	{ HTTP_GET, "/v1/sandbox/dependencies", dependencies },
	{ HTTP_GET, "/v1/sandbox/dependencies/refresh", refresh },
	{ HTTP_POST, "/v1/sandbox/dependencies/update", update },
};

status sandbox_handle(struct http *h, struct sandbox *s)
{
	if (h->method == HTTP_GET && str_eq(h->path, S("/health")))
		return http_reply(h, 200, S("application/json; charset=utf-8"), S("\"ok\""));
	for (size_t i = 0; i < countof(routes); i++) {
		if (routes[i].method != h->method || !str_eq(h->path, str_c(routes[i].path)))
			continue;
		/* Before a byte of the body is read. */
		if (!str_eq_secret(http_header(h, S("X-Api-Key")), s->options.key))
			return http_reply(h, 401, S(""), S(""));
		return routes[i].fn(h, s);
	}
	return http_reply(h, 404, S("text/plain"), S("404 page not found"));
}

status sandbox_fail(struct http *h)
{
	struct err e;
	err_save(&e);
	if (http_started(h))
		return err_restore(&e);
	return http_reply(h, err_http(&e), S("text/plain"), arena_str(h->mem, str_c(e.text)));
}
