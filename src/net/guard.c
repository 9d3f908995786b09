/* SPDX-License-Identifier: Apache-2.0 */
/* guard: see the header. The rules in their order are judge_name and judge_address. */
#include "base/arena.h"
#include "base/err.h"
#include "net/guard_int.h"
#include "rt/rt.h"
#include <stdio.h>
#include <string.h>

#define PORTS_DEFAULT "80,443,1025-65535"
#define CONNECT_PORTS_DEFAULT "443,1025-65535"
/* Databases, brokers, orchestration, remote desktops: what an attacker looks for inside. */
#define DENY_PORTS_DEFAULT                                                                         \
	"1433 1521 2049 2375 2376 2379 2380 3306 3389 4369 5432 5601 5672 5900-5999 5984 5985 "    \
	"5986 6000-6063 6379 6443 6660-6669 7000 7001 8500 8600 9042 9092 9200 9300 10250 10255 "  \
	"11211 15672 25565 27017-27019 50000 50070"

struct guard {
	struct arena *mem;
	struct guard_list allow, only, deny, own;
	struct guard_ports ports, connect_ports, deny_ports;
	bool allow_metadata, nat64, production, everything;
	struct guard_cache *cache;
	bool own_cache;
};

static const struct {
	const char *name;
	enum err_code error;
} codes[GUARD_CODE_COUNT] = {
	[GUARD_OK] = { "ok", ERR_NONE },
	[GUARD_BAD_TARGET] = { "bad_target", ERR_INVALID },
	[GUARD_AMBIGUOUS_IP] = { "ambiguous_ip", ERR_DENIED },
	[GUARD_DENIED_ADDRESS] = { "denied_address", ERR_DENIED },
	[GUARD_DENIED_NAME] = { "denied_name", ERR_DENIED },
	[GUARD_DENIED_PORT] = { "denied_port", ERR_DENIED },
	[GUARD_DENIED_POLICY] = { "denied_policy", ERR_DENIED },
	[GUARD_DENIED_METADATA] = { "denied_metadata", ERR_DENIED },
	[GUARD_DNS_FAILED] = { "dns_failed", ERR_UPSTREAM },
	[GUARD_DNS_TIMEOUT] = { "dns_timeout", ERR_TIMEOUT },
};

const char *guard_code_name(enum guard_code c)
{
	return codes[c].name;
}

/* --- open and close --- */

static status read_lists(struct guard *g, const struct guard_options *o)
{
	const struct {
		const char *setting;
		struct str text;
		struct guard_list *list;
	} rows[] = {
		{ "SSRF_PROXY_ALLOW_PRIVATE_IPS", o->allow_addresses, &g->allow },
		{ "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS", o->allow_domains, &g->allow },
		{ "SSRF_PROXY_ALLOW_DOMAINS", o->only_domains, &g->only },
		{ "SSRF_PROXY_DENY_DOMAINS", o->deny_domains, &g->deny },
		{ "SSRF_PROXY_DENY_IPS", o->deny_addresses, &g->deny },
		{ "names of own services", o->own_names, &g->own },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (guard_list_add(g->mem, rows[i].setting, rows[i].text, rows[i].list))
			return -1;
	return 0;
}

static status read_ports(struct guard *g, const struct guard_options *o)
{
	const struct {
		const char *setting;
		struct str text, fallback;
		struct guard_ports *ports;
	} rows[] = {
		{ "SSRF_PROXY_PORTS", o->ports, S_INIT(PORTS_DEFAULT), &g->ports },
		{ "SSRF_PROXY_CONNECT_PORTS", o->connect_ports, S_INIT(CONNECT_PORTS_DEFAULT),
		  &g->connect_ports },
		{ "SSRF_PROXY_DENY_PORTS", o->deny_ports, S_INIT(DENY_PORTS_DEFAULT), &g->deny_ports },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (guard_ports_read(rows[i].setting, rows[i].text.at ? rows[i].text : rows[i].fallback,
				     rows[i].ports))
			return -1;
	return 0;
}

status guard_open(const struct guard_options *o, struct guard **out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct guard *g = arena_new(mem.p, struct guard);
	g->mem = mem.p;
	g->allow_metadata = o->allow_metadata;
	g->nat64 = o->nat64;
	g->production = o->production;
	g->everything = o->everything;
	g->cache = o->cache;
	if (read_lists(g, o) || read_ports(g, o))
		return -1;
	if (!g->cache) {
		if (guard_cache_open(&(struct guard_cache_options){ 0 }, &g->cache))
			return -1;
		g->own_cache = true;
	}
	mem.p = NULL; /* the guard's now */
	*out = g;
	return 0;
}

void guard_close(struct guard *g)
{
	if (!g)
		return;
	if (g->own_cache)
		guard_cache_close(g->cache);
	arena_close(g->mem);
}

bool guard_has_only_domains(const struct guard *g)
{
	return !guard_list_empty(&g->only);
}

/* --- refusing --- */

static bool refuse(struct guard_decision *d, enum guard_code code, const char *rule)
{
	d->code = code;
	d->count = 0;
	snprintf(d->rule, sizeof d->rule, "%s", rule);
	return false;
}

static void remedy(struct guard_decision *d, const char *setting, struct str value)
{
	snprintf(d->remedy, sizeof d->remedy, "%s=%.*s", setting, (int)MIN(value.len, (size_t)256),
		 value.at);
}

static status denial(const struct target *t, const struct guard_decision *d)
{
	struct str host = target_name(t);
	bool address = d->code == GUARD_DENIED_ADDRESS || d->code == GUARD_DENIED_METADATA;
	if (d->code == GUARD_DNS_TIMEOUT)
		return err_set(ERR_TIMEOUT, "looking up %.*s took too long", STR(host));
	if (d->code == GUARD_DNS_FAILED)
		return err_set(ERR_UPSTREAM, "%.*s cannot be resolved", STR(host));
	err_set(codes[d->code].error, "requests to %.*s are refused (%s%s%s%s)%s%s%s", STR(host),
		codes[d->code].name, address ? ": it is a " : "",
		address ? guard_class_name(d->class) : "", address ? " address" : "",
		d->remedy[0] ? ". " : "", d->remedy, d->remedy[0] ? " can allow it" : "");
	char text[NET_ADDR_TEXT] = "";
	if (d->refused.any.sa_family)
		net_addr_text_port(&d->refused, text);
	err_detail("%s %s", d->rule, text);
	return -1;
}

status guard_refuse_target(enum target_fault fault, struct str text, struct guard_decision *out)
{
	*out = (struct guard_decision){ 0 };
	bool number = fault == TARGET_AMBIGUOUS;
	refuse(out, number ? GUARD_AMBIGUOUS_IP : GUARD_BAD_TARGET,
	       number ? "a number that some readers take for an address" : "no host and port");
	return err_set(codes[out->code].error,
		       number ? "requests to %.*s are refused (ambiguous_ip): write an IPv4 address as "
				"four decimal numbers" :
				"%.*s is no usable target (bad_target)",
		       (int)MIN(text.len, (size_t)256), text.at);
}

/* --- names --- */

/* Names that resolve inside only, by convention or by the software of clouds. */
static const struct {
	struct str name; /* with a dot in front: a suffix, which the bare word is too */
	bool production; /* refused there only */
} inner_names[] = {
	{ S_INIT(".localhost"), false },   { S_INIT(".local"), false },
	{ S_INIT(".localdomain"), false }, { S_INIT(".internal"), false },
	{ S_INIT(".intranet"), false },	   { S_INIT(".lan"), false },
	{ S_INIT(".home"), false },	   { S_INIT(".corp"), false },
	{ S_INIT(".arpa"), false },	   { S_INIT(".onion"), false },
	{ S_INIT(".private"), false },	   { S_INIT(".test"), true },
	{ S_INIT(".example"), true },	   { S_INIT(".invalid"), true },
};
static const struct str metadata_names[] = {
	S_INIT("metadata.google.internal"), S_INIT("metadata"), S_INIT("instance-data"),
	S_INIT("instance-data.ec2.internal"), S_INIT("metadata.tencentyun.com"),
	S_INIT("metadata.azure.internal"), S_INIT("metadata.goog"),
};

static bool is_metadata_name(struct str name)
{
	for (size_t i = 0; i < countof(metadata_names); i++)
		if (str_eq(name, metadata_names[i]))
			return true;
	return false;
}

/* The convention that a name falls under, or NULL. */
static const char *inner_name(const struct guard *g, struct str name)
{
	if (str_find_char(name, '.') == SIZE_MAX)
		return "a name of one label";
	for (size_t i = 0; i < countof(inner_names); i++)
		if (str_ends(name, inner_names[i].name) && (g->production || !inner_names[i].production))
			return inner_names[i].name.at;
	return guard_list_name(&g->own, name) ? "one of our own services" : NULL;
}

/* Rules about a name that the target or an alias on the way bears. */
static bool judge_label(const struct guard *g, struct str name, struct guard_decision *d)
{
	bool listed = guard_list_name(&g->allow, name);
	if (guard_list_name(&g->deny, name))
		return refuse(d, GUARD_DENIED_POLICY, "in SSRF_PROXY_DENY_DOMAINS");
	if (is_metadata_name(name) && !g->allow_metadata) {
		d->class = GUARD_METADATA;
		return refuse(d, GUARD_DENIED_METADATA, "a name of cloud metadata");
	}
	const char *inner = listed || is_metadata_name(name) || guard_list_name(&g->only, name) ?
				    NULL : inner_name(g, name);
	if (!inner)
		return true;
	remedy(d, "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS", name);
	return refuse(d, GUARD_DENIED_NAME, inner);
}

/* --- addresses --- */

struct subject {
	struct guard *g;
	const struct target *t;
	bool by_name; /* the target's name is in the allow list */
};

static bool refuse_address(const struct subject *s, enum guard_class class, const union net_addr *a,
			   struct guard_decision *d)
{
	char text[NET_ADDR_TEXT], rule[GUARD_TEXT_MAX];
	net_addr_text(a, text);
	d->class = class;
	d->refused = *a;
	snprintf(rule, sizeof rule, "%s is a %s address", text, guard_class_name(class));
	if (class == GUARD_METADATA) {
		remedy(d, "SSRF_PROXY_ALLOW_METADATA", S("true"));
		return refuse(d, GUARD_DENIED_METADATA, rule);
	}
	bool never = class == GUARD_MULTICAST || class == GUARD_UNSPECIFIED;
	/* What a name resolved to stays inside; where only the address opens it, the name of the
	 * setting must do. */
	if (class == GUARD_NAT64)
		remedy(d, "SSRF_PROXY_NAT64", S("true"));
	else if (s->t->literal && !never)
		remedy(d, "SSRF_PROXY_ALLOW_PRIVATE_IPS", target_name(s->t));
	else if (class == GUARD_LOOPBACK || class == GUARD_SELF)
		remedy(d, "SSRF_PROXY_ALLOW_PRIVATE_IPS", S("its address"));
	else if (!never)
		remedy(d, "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS", target_name(s->t));
	return refuse(d, GUARD_DENIED_ADDRESS, rule);
}

/* Behind a translator the IPv4 address is the place, for every rule. */
static enum guard_class translated(const struct guard *g, enum guard_class class, unsigned char a[16])
{
	static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };
	unsigned char inner[16];
	if (!g->nat64 || memcmp(a, nat64, sizeof nat64) || !guard_inner(a, inner))
		return class;
	memcpy(a, inner, 16);
	return guard_classify_bytes(a);
}

/* Metadata before everything; deny lists; then what the address is and who allows that. */
static bool judge_address(const struct subject *s, const union net_addr *addr,
			  struct guard_decision *d)
{
	struct guard *g = s->g;
	unsigned char a[16];
	if (!net_addr_bytes(&addr->any, a))
		return refuse_address(s, GUARD_RESERVED, addr, d);
	enum guard_class class = guard_classify_bytes(a);
	if (class == GUARD_METADATA && !g->allow_metadata)
		return refuse_address(s, class, addr, d);
	if (guard_list_inside(&g->deny, a)) {
		d->refused = *addr;
		return refuse(d, GUARD_DENIED_POLICY, "in SSRF_PROXY_DENY_IPS");
	}
	if (class == GUARD_METADATA)
		return true;
	if (class == GUARD_MULTICAST || class == GUARD_UNSPECIFIED)
		return refuse_address(s, class, addr, d);
	class = translated(g, class, a);
	if (class == GUARD_PUBLIC && guard_is_self(g->cache, a))
		class = GUARD_SELF;
	if (class == GUARD_PUBLIC || guard_list_address(&g->allow, a))
		return true;
	/* A name opens what lies elsewhere, never this machine itself. */
	bool here = class == GUARD_LOOPBACK || class == GUARD_SELF || guard_is_self(g->cache, a);
	if (s->by_name && !here)
		return true;
	return refuse_address(s, here && class != GUARD_LOOPBACK ? GUARD_SELF : class, addr, d);
}

/* --- ports --- */

static bool judge_port(const struct guard *g, const struct target *t, bool tls, bool listed,
		       struct guard_decision *d)
{
	char rule[GUARD_TEXT_MAX];
	const struct guard_ports *p = tls ? &g->connect_ports : &g->ports;
	bool base = guard_ports_has(p, t->port);
	if (base && (listed || !guard_ports_has(&g->deny_ports, t->port)))
		return true;
	snprintf(rule, sizeof rule, "port %u %s", (unsigned)t->port,
		 base ? "is in SSRF_PROXY_DENY_PORTS" : tls ? "is not in SSRF_PROXY_CONNECT_PORTS" :
							      "is not in SSRF_PROXY_PORTS");
	if (base)
		remedy(d, t->literal ? "SSRF_PROXY_ALLOW_PRIVATE_IPS" :
				       "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS", target_name(t));
	else
		snprintf(d->remedy, sizeof d->remedy, "%s with %u in it",
			 tls ? "SSRF_PROXY_CONNECT_PORTS" : "SSRF_PROXY_PORTS", (unsigned)t->port);
	return refuse(d, GUARD_DENIED_PORT, rule);
}

/* --- deciding --- */

static bool judge_literal(struct guard *g, const struct target *t, struct guard_decision *d)
{
	const struct subject s = { g, t, false };
	unsigned char a[16];
	bool ok = judge_address(&s, &t->address, d);
	if (!net_addr_bytes(&t->address.any, a) || d->code == GUARD_DENIED_METADATA)
		return ok;
	if (t->address.any.sa_family == AF_INET6 && guard_is_mapped(a)) {
		(void)refuse_address(&s, GUARD_RESERVED, &t->address, d);
		d->remedy[0] = 0;
		return refuse(d, GUARD_DENIED_ADDRESS, "IPv4 in IPv6 form: no honest client sends it");
	}
	if (ok && !guard_list_empty(&g->only) && !guard_list_address(&g->only, a)) {
		remedy(d, "SSRF_PROXY_ALLOW_DOMAINS", target_name(t));
		return refuse(d, GUARD_DENIED_POLICY, "not in SSRF_PROXY_ALLOW_DOMAINS");
	}
	return ok;
}

bool guard_judge_name(struct guard *g, const struct target *t, bool tls, struct guard_decision *d)
{
	unsigned char a[16];
	struct str name = target_name(t);
	*d = (struct guard_decision){ 0 };
	if (g->everything)
		return true;
	if (t->literal) {
		bool listed = net_addr_bytes(&t->address.any, a) && guard_list_address(&g->allow, a);
		return judge_literal(g, t, d) && judge_port(g, t, tls, listed, d);
	}
	if (!judge_label(g, name, d))
		return false;
	if (!guard_list_empty(&g->only) && !guard_list_name(&g->only, name)) {
		remedy(d, "SSRF_PROXY_ALLOW_DOMAINS", name);
		return refuse(d, GUARD_DENIED_POLICY, "not in SSRF_PROXY_ALLOW_DOMAINS");
	}
	/* Where addresses are listed, they may turn out to be allowed: then the port is too. */
	return judge_port(g, t, tls, guard_list_name(&g->allow, name) || g->allow.ranges.len > 0, d);
}

/* The port of a name whose addresses are all in the allow list. */
static bool judge_port_again(struct guard *g, const struct target *t, bool tls,
			     const struct dns_reply *r, struct guard_decision *d)
{
	unsigned char a[16];
	bool listed = guard_list_name(&g->allow, target_name(t));
	if (!listed) {
		listed = true;
		for (size_t i = 0; i < r->count; i++)
			listed = listed && net_addr_bytes(&r->at[i].any, a) &&
				 guard_list_address(&g->allow, a);
	}
	return judge_port(g, t, tls, listed, d);
}

bool guard_judge_answer(struct guard *g, const struct target *t, bool tls, const struct dns_reply *r,
			struct guard_decision *d)
{
	const struct subject s = { g, t, guard_list_name(&g->allow, target_name(t)) };
	for (size_t i = 0; i < r->aliases && !g->everything; i++) {
		struct str alias = str_c(r->alias[i]);
		bool denied = guard_list_name(&g->deny, alias);
		if ((denied || !s.by_name) && !judge_label(g, alias, d)) {
			d->remedy[0] = 0; /* an alias may be a name that lies inside */
			return false;
		}
	}
	for (size_t i = 0; i < r->count && !g->everything; i++)
		if (!judge_address(&s, &r->at[i], d))
			return false;
	if (!g->everything && r->count && !judge_port_again(g, t, tls, r, d))
		return false;
	d->count = 0;
	for (size_t i = 0; i < r->count && i < GUARD_ADDRESSES_MAX; i++) {
		d->at[d->count] = r->at[i];
		net_addr_set_port(&d->at[d->count++], t->port);
	}
	return true;
}

static status decide_name(struct guard *g, const struct target *t, bool tls, struct dns_reply *r,
			  struct guard_decision *d)
{
	struct str name = target_name(t);
	bool hosts = guard_list_name(&g->allow, name), cached;
	int64_t began = rt_now();
	status s = guard_resolve(g->cache, name, hosts, r, &cached);
	enum err_code why = s ? err_code() : ERR_NONE;
	if (why == ERR_CANCELLED)
		return -1;
	d->cached = cached;
	d->dns_us = (rt_now() - began) / 1000;
	/* Aliases first: one that leads inside is a refusal, whether or not it exists there. */
	if (!guard_judge_answer(g, t, tls, r, d))
		return denial(t, d);
	if (s) {
		refuse(d, why == ERR_TIMEOUT ? GUARD_DNS_TIMEOUT : GUARD_DNS_FAILED,
		       why == ERR_NOT_FOUND ? "no such name, or it has no address" :
					      "the name servers do not tell");
		return denial(t, d);
	}
	if (!cached)
		guard_cache_keep(g->cache, name, r);
	return 0;
}

status guard_decide(struct guard *g, const struct target *t, bool tls, struct guard_decision *d)
{
	if (!guard_judge_name(g, t, tls, d))
		return denial(t, d);
	if (t->literal) {
		d->at[0] = t->address;
		d->count = 1;
		return 0;
	}
	AUTO(arena) mem = { arena_open(0) };
	return decide_name(g, t, tls, arena_new(mem.p, struct dns_reply), d);
}

status guard_check(struct guard *g, struct str host, const struct sockaddr *sa, uint16_t port)
{
	struct target t;
	struct guard_decision d = { 0 };
	union net_addr a = { 0 };
	char bracketed[NET_ADDR_TEXT];
	if (str_find_char(host, ':') != SIZE_MAX && host.len < sizeof bracketed - 2)
		host = str_of(bracketed, (size_t)snprintf(bracketed, sizeof bracketed, "[%.*s]", STR(host)));
	enum target_fault fault = target_host(host, port ? port : 1, &t);
	if (fault)
		return guard_refuse_target(fault, host, &d);
	if (sa->sa_family == AF_INET)
		memcpy(&a.v4, sa, sizeof a.v4);
	else if (sa->sa_family == AF_INET6)
		memcpy(&a.v6, sa, sizeof a.v6);
	const struct subject s = { g, &t, guard_list_name(&g->allow, target_name(&t)) };
	if (g->everything || judge_address(&s, &a, &d))
		return 0;
	return denial(&t, &d);
}
