/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing: see the header. */
#include "role/outgoing.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "net/client.h"
#include "net/guard.h"

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
