/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing: see the header. */
#include "role/outgoing.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "net/client.h"
#include "net/guard.h"
#include "rt/rt.h"

/* Where our own services are: names that no request of a user may lead to. */
static const enum config_key own_services[] = {
	CONFIG_DB_HOST,		      CONFIG_REDIS_HOST,	 CONFIG_EVENT_BUS_REDIS_URL,
	CONFIG_CELERY_BROKER_URL,     CONFIG_PGVECTOR_HOST,	 CONFIG_OPENSEARCH_HOST,
	CONFIG_CODE_EXECUTION_ENDPOINT, CONFIG_PLUGIN_DAEMON_URL, CONFIG_PLUGIN_DIFY_INNER_API_URL,
	CONFIG_SSRF_PROXY_ALL_URL,    CONFIG_SSRF_PROXY_HTTP_URL, CONFIG_SSRF_PROXY_HTTPS_URL,
	CONFIG_SSRF_SANDBOX_HOST,     CONFIG_SSRF_SANDBOX_PROXY_HOST, CONFIG_SANDBOX_HOST,
};

/* The name in "host", "host:port" or "scheme://user@host:port/path"; false when it bears none. */
static bool service_name(struct str text, struct target *out)
{
	size_t scheme = str_find(text, S("://"));
	if (scheme != SIZE_MAX)
		text = str_skip(text, scheme + 3);
	text = str_sub(text, 0, str_find_char(text, '/'));
	size_t user = str_rfind_char(text, '@');
	if (user != SIZE_MAX)
		text = str_skip(text, user + 1);
	return !target_authority(text, 1, out) && !out->literal;
}

static struct str own_names(struct arena *mem, const struct config *c)
{
	struct buf b = buf_make(mem, 8192);
	for (size_t i = 0; i < countof(own_services); i++) {
		struct target t;
		if (service_name(config_str(c, own_services[i]), &t)) {
			buf_put(&b, target_name(&t));
			buf_putc(&b, ' ');
		}
	}
	return buf_str(&b);
}

/* Compose files hand unset variables on as empty ones: those take the default. */
static struct str ports(const struct config *c, enum config_key key)
{
	struct str v = str_trim(config_str(c, key));
	if (!v.len)
		return (struct str){ 0 };
	return str_eq_nocase(v, S("none")) ? S("") : v;
}

/* The sandbox's own list, else the one for all. */
static struct str own_or(struct str own, struct str all)
{
	return str_trim(own).len ? own : all;
}

static struct str both(struct arena *mem, struct str a, struct str b)
{
	return arena_printf(mem, "%.*s %.*s", STR(a), STR(b));
}

static void sandbox_lists(struct arena *mem, const struct config *c, struct guard_options *o)
{
	o->allow_addresses = own_or(config_str(c, CONFIG_SSRF_PROXY_SANDBOX_ALLOW_PRIVATE_IPS),
				    o->allow_addresses);
	o->allow_domains = own_or(config_str(c, CONFIG_SSRF_PROXY_SANDBOX_ALLOW_PRIVATE_DOMAINS),
				  o->allow_domains);
	o->only_domains = own_or(config_str(c, CONFIG_SSRF_PROXY_SANDBOX_ALLOW_DOMAINS),
				 o->only_domains);
	o->deny_domains = both(mem, o->deny_domains,
			       config_str(c, CONFIG_SSRF_PROXY_SANDBOX_DENY_DOMAINS));
	o->deny_addresses = both(mem, o->deny_addresses,
				 config_str(c, CONFIG_SSRF_PROXY_SANDBOX_DENY_IPS));
}

status outgoing_guard(struct arena *mem, const struct config *c, enum outgoing_caller who,
		      struct guard_options *out)
{
	struct guard_options o = {
		.allow_addresses = config_str(c, CONFIG_SSRF_PROXY_ALLOW_PRIVATE_IPS),
		.allow_domains = config_str(c, CONFIG_SSRF_PROXY_ALLOW_PRIVATE_DOMAINS),
		.only_domains = config_str(c, CONFIG_SSRF_PROXY_ALLOW_DOMAINS),
		.deny_domains = config_str(c, CONFIG_SSRF_PROXY_DENY_DOMAINS),
		.deny_addresses = config_str(c, CONFIG_SSRF_PROXY_DENY_IPS),
		.ports = ports(c, CONFIG_SSRF_PROXY_PORTS),
		.connect_ports = ports(c, CONFIG_SSRF_PROXY_CONNECT_PORTS),
		.deny_ports = ports(c, CONFIG_SSRF_PROXY_DENY_PORTS),
		.own_names = own_names(mem, c),
		.allow_metadata = config_bool(c, CONFIG_SSRF_PROXY_ALLOW_METADATA),
		.nat64 = config_bool(c, CONFIG_SSRF_PROXY_NAT64),
		.production = str_eq_nocase(config_str(c, CONFIG_DEPLOY_ENV), S("PRODUCTION")),
		.everything = config_bool(c, CONFIG_SSRF_PROXY_DEV_MODE),
	};
	if (o.everything && o.production)
		return err_set(ERR_INVALID, "SSRF_PROXY_DEV_MODE=true allows every target: it needs "
					    "DEPLOY_ENV other than PRODUCTION");
	if (who == OUTGOING_SANDBOX)
		sandbox_lists(mem, c, &o);
	*out = o;
	return 0;
}

/* --- workspaces --- */

struct outgoing_workspaces {
	struct map guards; /* workspace id -> struct guard */
};

/* Which list a member of the setting fills; beside: it adds to the list for all. */
static const struct {
	struct str name;
	size_t at;
	bool beside;
} workspace_lists[] = {
	{ S_INIT("allow_private_ips"), offsetof(struct guard_options, allow_addresses), false },
	{ S_INIT("allow_private_domains"), offsetof(struct guard_options, allow_domains), false },
	{ S_INIT("allow_domains"), offsetof(struct guard_options, only_domains), false },
	{ S_INIT("deny_domains"), offsetof(struct guard_options, deny_domains), true },
	{ S_INIT("deny_ips"), offsetof(struct guard_options, deny_addresses), true },
};

static status set_list(struct arena *mem, struct guard_options *o, const struct json_member *m)
{
	for (size_t i = 0; i < countof(workspace_lists); i++) {
		if (!str_eq(m->name, workspace_lists[i].name))
			continue;
		if (m->value.type != JSON_STR)
			return err_set(ERR_INVALID, "%.*s: must be a text", STR(m->name));
		struct str *list = (struct str *)((char *)o + workspace_lists[i].at);
		struct str own = json_as_str(&m->value, S(""));
		*list = workspace_lists[i].beside ? both(mem, *list, own) : own;
		return 0;
	}
	return err_set(ERR_INVALID, "%.*s: not known; use allow_private_ips, allow_private_domains, "
				    "allow_domains, deny_domains or deny_ips", STR(m->name));
}

static status open_workspace(struct arena *mem, const struct guard_options *all, const struct json *lists,
			     struct guard **out)
{
	struct guard_options o = *all;
	if (!json_is(lists, JSON_OBJ))
		return err_set(ERR_INVALID, "must be an object of lists");
	json_each_member(lists, m)
		if (set_list(mem, &o, m))
			return -1;
	return guard_open(&o, out);
}

static void close_guard(void *guard)
{
	guard_close(guard);
}

status outgoing_workspaces(struct arena *mem, const struct config *c, struct guard_cache *cache,
			   struct outgoing_workspaces **out)
{
	struct str text = str_trim(config_str(c, CONFIG_SSRF_PROXY_WORKSPACES));
	struct guard_options all;
	struct json *named;
	*out = NULL;
	if (!text.len)
		return 0;
	if (json_parse(mem, text, &named))
		return err_wrap("SSRF_PROXY_WORKSPACES");
	if (!json_is(named, JSON_OBJ))
		return err_set(ERR_INVALID, "SSRF_PROXY_WORKSPACES: must be a JSON object, a member a workspace");
	if (outgoing_guard(mem, c, OUTGOING_ANY, &all))
		return -1;
	all.cache = cache;
	struct outgoing_workspaces *w = arena_new(mem, struct outgoing_workspaces);
	w->guards = map_make(mem);
	json_each_member(named, m) {
		struct guard *guard;
		if (open_workspace(mem, &all, &m->value, &guard))
			return err_wrap("SSRF_PROXY_WORKSPACES, workspace %.*s", STR(m->name));
		arena_defer(mem, close_guard, guard);
		map_set(&w->guards, m->name, guard);
	}
	*out = w;
	return 0;
}

struct guard *outgoing_workspace_guard(void *workspaces)
{
	const struct outgoing_workspaces *w = workspaces;
	const struct log_context *who = fiber_log_context();
	return who && who->tenant_id.len ? map_get(&w->guards, who->tenant_id) : NULL;
}

status outgoing_cache(const struct config *c, struct guard_cache **out)
{
	struct guard_cache_options o = {
		.servers = config_str(c, CONFIG_SSRF_PROXY_DNS),
		.timeout_ms = config_int(c, CONFIG_SSRF_PROXY_DNS_TIMEOUT) * 1000,
	};
	return guard_cache_open(&o, out);
}

void outgoing_proxy(const struct config *c, struct client_options *o)
{
	struct str all = config_str(c, CONFIG_SSRF_PROXY_ALL_URL);
	struct str plain = config_str(c, CONFIG_SSRF_PROXY_HTTP_URL);
	struct str tls = config_str(c, CONFIG_SSRF_PROXY_HTTPS_URL);
	if (all.len) {
		o->proxy = o->proxy_tls = all;
	} else if (plain.len && tls.len) {
		o->proxy = plain;
		o->proxy_tls = tls;
	}
}

static int64_t millis(const struct config *c, enum config_key seconds)
{
	double s = config_float(c, seconds);
	return s > 0 && s < 1e6 ? (int64_t)(s * 1000) : 0;
}

static size_t count(const struct config *c, enum config_key key)
{
	int64_t n = config_int(c, key);
	return n > 0 ? (size_t)n : 0;
}

void outgoing_limits(const struct config *c, struct client_limits *out)
{
	*out = (struct client_limits){
		.connect_ms = millis(c, CONFIG_SSRF_DEFAULT_CONNECT_TIME_OUT),
		.read_ms = millis(c, CONFIG_SSRF_DEFAULT_READ_TIME_OUT),
		.write_ms = millis(c, CONFIG_SSRF_DEFAULT_WRITE_TIME_OUT),
		.free_ms = millis(c, CONFIG_SSRF_DEFAULT_TIME_OUT),
		.retries = (int)MIN(count(c, CONFIG_SSRF_DEFAULT_MAX_RETRIES), (size_t)10),
		.connections = count(c, CONFIG_SSRF_POOL_MAX_CONNECTIONS),
		.kept = count(c, CONFIG_SSRF_POOL_MAX_KEEPALIVE_CONNECTIONS),
		.kept_ms = millis(c, CONFIG_SSRF_POOL_KEEPALIVE_EXPIRY),
	};
	out->keep_none = !out->kept || !out->kept_ms;
}
