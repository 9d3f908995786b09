/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssrf_proxy: the way out for requests that users direct. Alone: clients on SSRF_HTTP_PORT, health
 * and metrics on SSRF_PROXY_ADMIN. Under `serve`: programs of the sandbox on run/ssrf-proxy.sock,
 * health and metrics on run/ssrf-proxy-admin.sock.
 */
#include "role/role.h"

#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "net/guard.h"
#include "os/os.h"
#include "proxy/egress.h"
#include "role/outgoing.h"

enum { WARN_MS = 60000 };

struct ssrf_proxy {
	struct guard_cache *cache;
	struct guard *any, *sandbox;
	struct egress *egress;
};

/* --- settings --- */

static void read_limits(const struct config *c, struct egress_limits *l)
{
	const struct {
		int64_t *to;
		enum config_key seconds;
	} times[] = {
		{ &l->header_ms, CONFIG_SSRF_PROXY_HEADER_TIMEOUT },
		{ &l->body_ms, CONFIG_SSRF_PROXY_BODY_TIMEOUT },
		{ &l->connect_ms, CONFIG_SSRF_PROXY_CONNECT_TIMEOUT },
		{ &l->first_byte_ms, CONFIG_SSRF_PROXY_FIRST_BYTE_TIMEOUT },
		{ &l->idle_ms, CONFIG_SSRF_PROXY_IDLE_TIMEOUT },
		{ &l->tunnel_ms, CONFIG_SSRF_PROXY_TUNNEL_TIMEOUT },
		{ &l->total_ms, CONFIG_SSRF_PROXY_TOTAL_TIMEOUT },
	};
	for (size_t i = 0; i < countof(times); i++)
		*times[i].to = config_int(c, times[i].seconds) * 1000;
	l->connections = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_CONNECTIONS);
	l->per_client = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_PER_CLIENT);
	l->line = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_LINE);
	l->header = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_HEADER);
	l->head = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_HEAD);
	l->headers = (size_t)config_int(c, CONFIG_SSRF_PROXY_MAX_HEADERS);
	l->body = (uint64_t)config_int(c, CONFIG_SSRF_PROXY_MAX_BODY);
	l->response = (uint64_t)config_int(c, CONFIG_SSRF_PROXY_MAX_RESPONSE);
}

static status open_guards(struct role_process *r, struct ssrf_proxy *p)
{
	struct guard_options any, sandbox;
	if (outgoing_guard(r->mem, r->config, OUTGOING_ANY, &any) ||
	    outgoing_guard(r->mem, r->config, OUTGOING_SANDBOX, &sandbox) ||
	    outgoing_cache(r->config, &p->cache))
		return -1;
	any.cache = sandbox.cache = p->cache;
	return guard_open(&any, &p->any) || guard_open(&sandbox, &p->sandbox) ? -1 : 0;
}

/* --- doors --- */

static status open_door(struct ssrf_proxy *p, struct str where, bool sandbox)
{
	int fd;
	if (listen_open(where, &fd))
		return err_wrap("listen on %.*s", STR(where));
	log_info("clients on %.*s", STR(where));
	return egress_listen(p->egress, fd, sandbox ? "sandbox" : "client",
			     sandbox ? p->sandbox : p->any);
}

/* "0.0.0.0:3128"; HTTP_PORT is what the setting is called inside the container that is replaced. */
static struct str default_door(struct role_process *r)
{
	struct str bind = config_str(r->config, CONFIG_SSRF_PROXY_BIND);
	int64_t port = config_int(r->config, CONFIG_HTTP_PORT);
	if (!port)
		port = config_int(r->config, CONFIG_SSRF_HTTP_PORT);
	bool v6 = str_find_char(bind, ':') != SIZE_MAX && bind.at[0] != '[';
	return arena_printf(r->mem, v6 ? "[%.*s]:%lld" : "%.*s:%lld", STR(bind), (long long)port);
}

static status open_relay(struct role_process *r, struct ssrf_proxy *p)
{
	const struct config *c = r->config;
	int64_t port = config_int(c, CONFIG_SSRF_SANDBOX_PROXY_PORT);
	struct str host = config_str(c, CONFIG_SSRF_SANDBOX_PROXY_HOST);
	int fd;
	if (!port)
		port = config_int(c, CONFIG_REVERSE_PROXY_PORT);
	if (!host.len)
		host = config_str(c, CONFIG_SANDBOX_HOST);
	if (!port || !host.len)
		return 0;
	struct str where = arena_printf(r->mem, "%.*s:%lld", STR(config_str(c, CONFIG_SSRF_PROXY_BIND)),
					(long long)port);
	if (listen_open(where, &fd))
		return err_wrap("listen on %.*s", STR(where));
	log_info("%.*s leads to the sandbox at %.*s", STR(where), STR(host));
	return egress_relay(p->egress, fd, host, (uint16_t)config_int(c, CONFIG_SANDBOX_PORT));
}

/* Alone, --listen names doors of the proxy; the role's own server is the administrator's. */
static status open_alone(struct role_process *r, struct ssrf_proxy *p)
{
	bool given = r->listen_count > 0 && strcmp(r->listen[0].at, r->type->listen) != 0;
	if (!given && open_door(p, default_door(r), false))
		return -1;
	for (size_t i = 0; given && i < r->listen_count; i++)
		if (open_door(p, r->listen[i], false))
			return -1;
	r->listen[0] = config_str(r->config, CONFIG_SSRF_PROXY_ADMIN);
	r->listen_count = 1;
	return open_relay(r, p);
}

static status open_supervised(struct role_process *r, struct ssrf_proxy *p)
{
	for (size_t i = 0; i + 1 < r->arg_count; i++)
		if (!strcmp(r->args[i], "--front"))
			return open_door(p, str_c(r->args[i + 1]), true);
	return err_set(ERR_INVALID, "--front is missing");
}

static status warn_main(void *arg)
{
	(void)arg;
	do
		log_warn("SSRF_PROXY_DEV_MODE is on: every target is allowed");
	while (!fiber_sleep_ms(WARN_MS));
	return 0;
}

/* An empty list would let everybody in, and compose files hand unset variables on as empty ones. */
static struct str clients(const struct config *c)
{
	struct str set = str_trim(config_str(c, CONFIG_SSRF_PROXY_CLIENTS));
	return set.len ? set : str_c(config_rows[CONFIG_SSRF_PROXY_CLIENTS].dflt);
}

static status proxy_open_all(struct role_process *r, struct ssrf_proxy *p)
{
	struct egress_options o = {
		.clients = clients(r->config),
		.auth = r->supervised ? S("") : config_str(r->config, CONFIG_SSRF_PROXY_AUTH),
		.upstream = config_str(r->config, CONFIG_SSRF_PROXY_UPSTREAM),
		.access_log = config_bool(r->config, CONFIG_SSRF_PROXY_ACCESS_LOG),
	};
	read_limits(r->config, &o.limits);
	if (open_guards(r, p))
		return -1;
	o.cache = p->cache;
	if (egress_open(&o, &p->egress))
		return -1;
	if (config_bool(r->config, CONFIG_SSRF_PROXY_DEV_MODE) &&
	    fiber_background("proxy warning", warn_main, NULL))
		return -1;
	return r->supervised ? open_supervised(r, p) : open_alone(r, p);
}

static status proxy_open(struct role_process *r)
{
	struct ssrf_proxy *p = arena_new(r->mem, struct ssrf_proxy);
	r->state = p;
	return proxy_open_all(r, p);
}

/* From here on it only talks. A kernel without seccomp is no reason to leave people without a way
 * out: the rest holds. */
static status proxy_started(struct role_process *r)
{
	(void)r;
	if (os_confine())
		log_err(LOG_WARN, "not confined");
	return 0;
}

static void proxy_metrics(struct role_process *r, struct buf *b)
{
	struct ssrf_proxy *p = r->state;
	egress_metrics(p->egress, b);
}

static void proxy_drain(struct role_process *r, deadline until)
{
	struct ssrf_proxy *p = r->state;
	int64_t ms = config_int(r->config, CONFIG_SSRF_PROXY_DRAIN_TIMEOUT) * 1000;
	egress_drain(p->egress, r->supervised ? until : deadline_in_ms(ms));
}

static void proxy_close(struct role_process *r)
{
	struct ssrf_proxy *p = r->state;
	if (!p)
		return;
	egress_close(p->egress);
	guard_close(p->any);
	guard_close(p->sandbox);
	guard_cache_close(p->cache);
}

const struct role_type role_ssrf_proxy = {
	.name = "ssrf-proxy",
	.help = "the way out for requests that users direct",
	.replaces = "ssrf_proxy (squid)",
	.listen = "0.0.0.0:3128",
	.socket = "ssrf-proxy-admin",
	.front = "ssrf-proxy",
	.stateless = true,
	.open = proxy_open,
	.started = proxy_started,
	.metrics = proxy_metrics,
	.drain = proxy_drain,
	.close = proxy_close,
	.body_limit = 64 << 10,
};
