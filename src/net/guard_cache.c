/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_cache: what names resolved to, for as long as their records say and at most a minute, one
 * look-up for all who want the same name at the same time, and
 * the addresses of this machine, read again when the kernel says that they have changed.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "net/guard_int.h"
#include "rt/rt.h"
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ENTRIES_MAX = 1024, /* of about 3 KiB */
	TTL_MAX_S = 60,
	NEGATIVE_S = 5,
	SELF_MAX = 256,
	SELF_AGE_S = 5, /* without a kernel that tells of changes */
};

struct entry {
	int64_t until; /* rt_now */
	bool missing;
	struct dns_reply reply;
	char name[TARGET_NAME_MAX + 1];
};

/* A look-up on its way: who wants the same name meanwhile waits for it. The fiber that began it
 * does the work. */
struct flight {
	size_t waiting;
	bool ended, again; /* again: the work was given up, for reasons of that fiber alone */
	struct err why;	   /* code ERR_NONE: the reply is good */
	struct dns_reply reply;
	struct event done;
	char name[TARGET_NAME_MAX + 1];
};

struct guard_cache {
	struct dns *dns;
	struct map names, flights;
	int64_t timeout_ms;
	size_t entries_max;
	uint64_t hits, misses;
	/* own addresses */
	int news; /* netlink, -1 = none */
	int64_t read_at;
	unsigned char (*self)[16];
	size_t self_len;
};

/* --- names --- */

static void drop(struct guard_cache *c, struct entry *e)
{
	map_remove(&c->names, str_c(e->name));
	free(e);
}

/* Room for one more: what has ended, else the one that ends first. */
static void make_room(struct guard_cache *c)
{
	int64_t now = rt_now();
	struct entry *first = NULL;
	VEC(struct entry *) ended = { 0 };
	AUTO(arena) mem = { arena_open(0) };
	map_each(&c->names, it) {
		struct entry *e = it->value;
		if (e->until <= now)
			vec_push(mem.p, &ended, e);
		if (!first || e->until < first->until)
			first = e;
	}
	for (size_t i = 0; i < ended.len; i++)
		drop(c, ended.at[i]);
	if (!ended.len && first)
		drop(c, first);
}

static void keep(struct guard_cache *c, struct str name, const struct dns_reply *reply, int64_t s)
{
	struct entry *e = map_get(&c->names, name);
	if (s <= 0) {
		if (e)
			drop(c, e);
		return;
	}
	if (!e) {
		if (c->names.count >= c->entries_max)
			make_room(c);
		e = mem_zero(sizeof *e);
		memcpy(e->name, name.at, MIN(name.len, (size_t)TARGET_NAME_MAX));
		map_set(&c->names, str_c(e->name), e);
	}
	e->until = rt_now() + s * 1000000000;
	e->missing = !reply;
	if (reply)
		e->reply = *reply;
}

void guard_cache_keep(struct guard_cache *c, struct str name, const struct dns_reply *r)
{
	keep(c, name, r, MIN(r->ttl, (uint32_t)TTL_MAX_S));
}

/* Asks the name servers, for this fiber and all that come meanwhile. */
static status lead(struct guard_cache *c, struct str name, struct dns_reply *out)
{
	struct flight *f = mem_zero(sizeof *f);
	/* Whoever follows may have more time than we have. */
	bool hurried = deadline_current() < rt_now() + c->timeout_ms * 1000000;
	memcpy(f->name, name.at, MIN(name.len, (size_t)TARGET_NAME_MAX));
	map_set(&c->flights, str_c(f->name), f);
	c->misses++;
	status s = dns_lookup(c->dns, name, out);
	struct err why = { 0 };
	if (s)
		err_save(&why);
	if (why.code == ERR_NOT_FOUND && !out->aliases)
		keep(c, name, NULL, NEGATIVE_S);
	map_remove(&c->flights, name);
	f->again = why.code == ERR_CANCELLED || (why.code == ERR_TIMEOUT && hurried);
	f->why = why;
	f->reply = *out;
	f->ended = true;
	event_wake_all(&f->done);
	if (!f->waiting)
		free(f);
	return s ? err_restore(&why) : 0;
}

/* *again: somebody has to begin anew. */
static status follow(struct flight *f, struct dns_reply *out, bool *again)
{
	status s = 0;
	f->waiting++;
	while (!f->ended && !s)
		s = event_wait(&f->done, DEADLINE_NONE);
	*again = !s && f->again;
	if (!s && !*again) {
		*out = f->reply;
		s = f->why.code ? err_restore(&f->why) : 0;
	}
	if (!--f->waiting && f->ended)
		free(f);
	return s;
}

status guard_resolve(struct guard_cache *c, struct str name, bool hosts, struct dns_reply *out,
		     bool *cached)
{
	*cached = false;
	*out = (struct dns_reply){ 0 };
	/* The administrator's own file, for names that the administrator has listed. */
	if (hosts && dns_hosts(c->dns, name, out))
		return 0;
	for (bool again = true; again;) {
		struct entry *e = map_get(&c->names, name);
		struct flight *f = map_get(&c->flights, name);
		if (e && e->until > rt_now()) {
			c->hits++;
			*cached = true;
			if (e->missing)
				return err_set(ERR_NOT_FOUND, "the name does not exist or has no address");
			*out = e->reply;
			return 0;
		}
		if (!f)
			return lead(c, name, out);
		c->hits++;
		status s = follow(f, out, &again);
		if (s || !again)
			return s;
	}
	return 0;
}

status guard_cache_resolve(struct guard_cache *c, struct str name, uint16_t port,
			   union net_addr *out, size_t *n)
{
	AUTO(arena) mem = { arena_open(0) };
	struct dns_reply *r = arena_new(mem.p, struct dns_reply);
	bool cached;
	if (guard_resolve(c, name, true, r, &cached))
		return -1;
	if (!cached)
		guard_cache_keep(c, name, r); /* whoever takes it from there judges it first */
	for (*n = 0; *n < r->count && *n < GUARD_ADDRESSES_MAX; (*n)++) {
		out[*n] = r->at[*n];
		net_addr_set_port(&out[*n], port);
	}
	return 0;
}

/* --- own addresses --- */

static void read_self(struct guard_cache *c)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all))
		return;
	c->self_len = 0;
	for (struct ifaddrs *i = all; i && c->self_len < SELF_MAX; i = i->ifa_next)
		if (i->ifa_addr && net_addr_bytes(i->ifa_addr, c->self[c->self_len]))
			c->self_len++;
	freeifaddrs(all);
	c->read_at = rt_now();
}

static void open_news(struct guard_cache *c)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK,
				 .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	c->news = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (c->news >= 0 && bind(c->news, (const struct sockaddr *)(const void *)&a, sizeof a)) {
		close(c->news);
		c->news = -1;
	}
}

/* Whether addresses may have changed since they were read; takes the notes away. */
static bool changed(struct guard_cache *c)
{
	char note[2048]; /* the rest of a longer one is of no interest */
	bool any = false;
	if (c->news < 0)
		return rt_now() - c->read_at > SELF_AGE_S * INT64_C(1000000000);
	for (;;) {
		ssize_t n = recv(c->news, note, sizeof note, 0);
		if (n < 0 && errno != ENOBUFS) /* that one means: notes were lost */
			return any;
		any = true;
	}
}

bool guard_is_self(struct guard_cache *c, const unsigned char a[16])
{
	if (changed(c))
		read_self(c);
	for (size_t i = 0; i < c->self_len; i++)
		if (!memcmp(c->self[i], a, 16))
			return true;
	return false;
}

/* --- open and close --- */

status guard_cache_open(const struct guard_cache_options *o, struct guard_cache **out)
{
	struct dns_options d = { .servers = o->servers, .timeout_ms = o->timeout_ms };
	struct dns *dns;
	if (dns_open(&d, &dns))
		return err_wrap("SSRF_PROXY_DNS");
	struct guard_cache *c = mem_zero(sizeof *c);
	c->dns = dns;
	c->names = map_make(NULL);
	c->flights = map_make(NULL);
	c->timeout_ms = dns_timeout_ms(dns);
	c->entries_max = o->entries_max ? o->entries_max : ENTRIES_MAX;
	c->self = mem_zero(sizeof(*c->self) * (SELF_MAX + 1));
	open_news(c);
	read_self(c);
	*out = c;
	return 0;
}

void guard_cache_close(struct guard_cache *c)
{
	if (!c)
		return;
	map_each(&c->names, it)
		free(it->value);
	map_free(&c->names);
	map_free(&c->flights); /* nobody waits any more */
	dns_close(c->dns);
	if (c->news >= 0)
		close(c->news);
	free(c->self);
	free(c);
}

void guard_cache_stats_get(const struct guard_cache *c, struct guard_cache_stats *out)
{
	struct dns_stats d;
	dns_stats_get(c->dns, &d);
	*out = (struct guard_cache_stats){ c->hits,	c->misses,  c->names.count, d.lookups,
					   d.questions, d.failures, d.timeouts };
}
