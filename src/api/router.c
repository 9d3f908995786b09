/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router: finds the route of a request, runs the checks that its row names, calls the handler and
 * answers its failure. Static paths are one hash look-up; paths with parameters are compared
 * segment by segment among the routes with the same number of segments.
 */
#include "api/api_int.h"

#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/id.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"

enum { SEGMENTS_MAX = 12 };

struct path_route {
	const struct route *route;
	struct str segment[SEGMENTS_MAX]; /* "{name}" for a parameter */
	bool param[SEGMENTS_MAX], uuid[SEGMENTS_MAX];
};

/* All routes with one path. */
struct static_path {
	const struct route *by_method[HTTP_OTHER + 1];
};

struct router {
	struct arena *mem;
	struct services *services;
	struct map statics;
	VEC(struct path_route) by_count[SEGMENTS_MAX + 1];
};

static size_t split(struct str path, struct str out[SEGMENTS_MAX])
{
	size_t n = 0;
	struct str rest = str_skip(path, 1);
	while (rest.at && n < SEGMENTS_MAX)
		out[n++] = str_cut(&rest, '/');
	return rest.at ? SIZE_MAX : n;
}

static void add_static(struct router *r, const struct route *route)
{
	struct str path = str_c(route->path);
	struct static_path *p = map_get(&r->statics, path);
	if (!p) {
		p = arena_new(r->mem, struct static_path);
		map_set(&r->statics, path, p);
	}
	ASSERT(!p->by_method[route->method]);
	p->by_method[route->method] = route;
}

static void add_route(struct router *r, const struct route *route)
{
	if (!strchr(route->path, '{')) {
		add_static(r, route);
		return;
	}
	struct path_route p = { .route = route };
	size_t n = split(str_c(route->path), p.segment);
	ASSERT(n <= SEGMENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		p.param[i] = str_starts(p.segment[i], S("{"));
		p.uuid[i] = p.param[i] && str_ends(p.segment[i], S(":uuid}"));
	}
	vec_push(r->mem, &r->by_count[n], p);
}

status router_open(const struct route_table *const *tables, size_t n, struct services *s,
		   struct router **out)
{
	struct arena *mem = arena_open(64 << 10);
	struct router *r = arena_new(mem, struct router);
	r->mem = mem;
	r->services = s;
	r->statics = map_make(mem);
	for (size_t t = 0; t < n; t++)
		for (size_t i = 0; i < tables[t]->len; i++)
			add_route(r, &tables[t]->routes[i]);
	*out = r;
	return 0;
}

void router_close(struct router *r)
{
	if (r)
		arena_close(r->mem);
}

static bool path_matches(const struct path_route *p, const struct str *segment, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p->uuid[i] ? !id_is_uuid(segment[i])
			       : p->param[i] ? segment[i].len == 0
					     : !str_eq(p->segment[i], segment[i]))
			return false;
	}
	return true;
}

/* What a look-up found: the route, and the methods the path has, for 405 and preflight. */
struct found {
	const struct route *route;
	unsigned methods;
};

static void find_static(struct router *r, struct call *c, enum http_method want, struct found *f)
{
	const struct static_path *p = map_get(&r->statics, c->http->path);
	for (int m = 0; p && m <= HTTP_OTHER; m++)
		if (p->by_method[m])
			f->methods |= 1u << m;
	if (p)
		f->route = p->by_method[want];
}

static void find_param(struct router *r, struct call *c, enum http_method want, struct found *f)
{
	struct str segment[SEGMENTS_MAX];
	size_t n = split(c->http->path, segment);
	if (n > SEGMENTS_MAX)
		return;
	for (size_t i = 0; i < r->by_count[n].len && !f->route; i++) {
		const struct path_route *p = &r->by_count[n].at[i];
		if (!path_matches(p, segment, n))
			continue;
		f->methods |= 1u << p->route->method;
		if (p->route->method != want)
			continue;
		f->route = p->route;
		for (size_t k = 0, used = 0; k < n && used < countof(c->param); k++)
			if (p->param[k])
				c->param[used++] = segment[k];
	}
}

static struct found find_route(struct router *r, struct call *c)
{
	struct found f = { 0 };
	/* A HEAD is a GET whose body the server leaves out. */
	enum http_method want = c->http->method == HTTP_HEAD ? HTTP_GET : c->http->method;
	find_static(r, c, want, &f);
	if (!f.route)
		find_param(r, c, want, &f);
	return f;
}

static struct str methods_text(struct arena *mem, unsigned methods)
{
	struct str s = S("OPTIONS");
	for (int m = 0; m < HTTP_OPTIONS; m++)
		if (methods & (1u << m))
			s = arena_printf(mem, "%.*s, %.*s", STR(s), STR(http_method_name(m)));
	return s;
}

/* The Service API is open to any origin; console and web app take the configured ones. */
static bool origin_allowed(struct call *c, struct str origin)
{
	if (str_starts(c->http->path, S("/v1/")))
		return true;
	bool console = str_starts(c->http->path, S("/console/"));
	struct str list = config_str(c->s->config, console ? CONFIG_CONSOLE_CORS_ALLOW_ORIGINS
							   : CONFIG_WEB_API_CORS_ALLOW_ORIGINS);
	if (console && !list.len) {
		list = config_str(c->s->config, CONFIG_CONSOLE_WEB_URL);
		while (str_ends(list, S("/")))
			list = str_sub(list, 0, list.len - 1);
	}
	/* "*" together with credentials would let any page act for a signed-in user. */
	while (list.at) {
		struct str one = str_trim(str_cut(&list, ','));
		if (str_eq(one, origin) || (!console && str_eq(one, S("*"))))
			return true;
	}
	return false;
}

static void add_headers(struct call *c)
{
	struct http *h = c->http;
	http_add_header(h, S("X-Version"), S(API_COMPATIBLE_VERSION));
	struct str env = config_str(c->s->config, CONFIG_DEPLOY_ENV);
	http_add_header(h, S("X-Env"), env.len ? env : S("PRODUCTION"));
	http_add_header(h, S("Access-Control-Expose-Headers"), S("X-Version, X-Env, X-Trace-Id"));
	struct str origin = http_header(h, S("Origin"));
	if (!origin.len || !origin_allowed(c, origin))
		return;
	http_add_header(h, S("Access-Control-Allow-Origin"), origin);
	http_add_header(h, S("Vary"), S("Origin"));
	if (!str_starts(h->path, S("/v1/")))
		http_add_header(h, S("Access-Control-Allow-Credentials"), S("true"));
}

static status answer_preflight(struct call *c, unsigned methods)
{
	struct http *h = c->http;
	http_add_header(h, S("Allow"), methods_text(c->mem, methods));
	struct str asked = http_header(h, S("Access-Control-Request-Headers"));
	if (http_header(h, S("Origin")).len && asked.len) {
		http_add_header(h, S("Access-Control-Allow-Headers"), asked);
		http_add_header(h, S("Access-Control-Allow-Methods"),
				S("DELETE, GET, OPTIONS, PATCH, POST, PUT"));
	}
	return http_reply(h, 200, S("text/html; charset=utf-8"), S(""));
}

static status run_route(struct call *c)
{
	if (c->route->body_limit)
		c->http->body_limit = c->route->body_limit;
	deadline saved = deadline_current();
	if (c->route->deadline_ms)
		saved = deadline_push(deadline_in_ms(c->route->deadline_ms));
	status failed = call_authenticate(c) || c->route->handler(c);
	if (c->route->deadline_ms)
		deadline_pop(saved);
	return failed ? -1 : 0;
}

status router_handle(struct http *h, void *router)
{
	struct router *r = router;
	struct call *c = arena_new(h->mem, struct call);
	*c = (struct call){ .http = h, .mem = h->mem, .s = r->services };
	h->user = c;
	add_headers(c);
	struct found f = find_route(r, c);
	c->route = f.route;
	if (f.route)
		return run_route(c) ? router_error(h, router) : 0;
	if (f.methods && h->method == HTTP_OPTIONS)
		return answer_preflight(c, f.methods);
	if (f.methods) {
		http_add_header(h, S("Allow"), methods_text(c->mem, f.methods));
		(void)err_set(ERR_METHOD, "The method is not allowed for the requested URL.");
	} else {
		(void)err_set(ERR_NOT_FOUND, "The requested URL was not found on the server. If you "
					     "entered the URL manually please check your spelling "
					     "and try again.");
	}
	return router_error(h, router);
}

static void log_failure(const struct http *h, const struct err *e, int code)
{
	if (code >= 500 && e->code != ERR_CANCELLED)
		log_err(LOG_ERROR, "%.*s %.*s failed", STR(h->method_text), STR(h->path));
}

status router_error(struct http *h, void *router)
{
	(void)router;
	struct err e;
	err_save(&e);
	int code = err_http(&e);
	log_failure(h, &e, code);
	/* A stream that has begun cannot change its status: the connection ends. */
	if (http_started(h))
		return err_restore(&e);
	struct call *c = h->user;
	struct json *body = json_obj(h->mem);
	json_set_str(h->mem, body, S("code"), err_slug(&e));
	json_set_str(h->mem, body, S("message"), err_text_of(&e));
	json_set_int(h->mem, body, S("status"), code);
	if (code == 401)
		http_add_header(h, S("WWW-Authenticate"), S("Bearer realm=\"api\""));
	return reply_json(c, code, body);
}
