/* SPDX-License-Identifier: Apache-2.0 */
/* gateway: the public listener; sends each path to the role that serves it. */
#include "role/role.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/proxy.h"

/* Options of a gateway that runs alone: --api, --web ADDR. */
static struct str option(struct role_process *r, const char *name, struct str fallback)
{
	for (size_t i = 0; i + 1 < r->arg_count; i++)
		if (!strcmp(r->args[i], name))
			return str_c(r->args[i + 1]);
	return fallback;
}

static struct str socket_of(struct role_process *r, const char *role)
{
	return arena_printf(r->mem, "unix:%.*s/%s.sock", STR(r->run_dir), role);
}

static status gateway_open(struct role_process *r)
{
	struct str api = option(r, "--api", socket_of(r, "api"));
	struct str web = option(r, "--web", socket_of(r, "web"));
	struct str serve = socket_of(r, "serve");
	const struct proxy_route routes[] = {
		{ "/v1", api },	      { "/console/api", api }, { "/api", api },
		{ "/files", api },    { "/mcp", api },	       { "/triggers", api },
		{ "/health", serve }, { "/ready", serve },     { "/metrics", serve },
		{ "/", web },
	};
	struct proxy_options o = { .routes = routes, .route_count = countof(routes) };
	o.trust_forwarded = config_bool(r->config, CONFIG_RESPECT_XFORWARD_HEADERS_ENABLED);
	struct proxy *p;
	if (proxy_open(&o, &p))
		return -1;
	r->state = p;
	return 0;
}

static status gateway_handle(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	return proxy_handle(h, r->state);
}

static status gateway_fail(struct http *h, void *ctx)
{
	(void)ctx;
	struct err e;
	err_save(&e);
	if (http_started(h))
		return err_restore(&e);
	struct json *body = json_obj(h->mem);
	json_set_str(h->mem, body, S("code"), err_slug(&e));
	json_set_str(h->mem, body, S("message"), str_c(e.text));
	json_set_int(h->mem, body, S("status"), err_http(&e));
	return http_reply(h, err_http(&e), S("application/json"),
			  json_text(h->mem, body, JSON_COMPACT));
}

static void gateway_metrics(struct role_process *r, struct buf *b)
{
	struct proxy_stats s;
	proxy_stats_get(r->state, &s);
	buf_printf(b, "tatara_proxy_requests_total %llu\ntatara_proxy_failures_total %llu\n"
		      "tatara_proxy_retries_total %llu\n",
		   (unsigned long long)s.requests, (unsigned long long)s.failures,
		   (unsigned long long)s.retries);
}

static void gateway_close(struct role_process *r)
{
	proxy_close(r->state);
}

const struct role_type role_gateway = {
	.name = "gateway",
	.help = "the public listener; passes requests to the other roles",
	.replaces = "nginx",
	.listen = "127.0.0.1:8080",
	.open = gateway_open,
	.handle = gateway_handle,
	.fail = gateway_fail,
	.metrics = gateway_metrics,
	.close = gateway_close,
	/* Each role has its own limit for its own paths; this one only bounds all of them. */
	.body_limit = 1ull << 40,
};
