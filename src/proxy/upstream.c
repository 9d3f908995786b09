/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream: connections to servers. A new one goes to an address of the decision and to no other;
 * a kept one is used again only for the same address, port and name. The one file of the proxy that
 * calls connect().
 */
#include "base/err.h"
#include "net/dns_message.h"
#include "proxy/egress_int.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	KEPT_MAX = 512,
	KEPT_MS = 4000, /* many servers close after 5 s */
	NEXT_MS = 250, /* RFC 8305: before the next address is tried beside the first */
};

/* Kept connections of one place and name. */
struct place {
	struct list conns;
	size_t key_len;
	char key[];
};
struct kept {
	struct list in_place, in_order;
	struct place *place;
	int fd;
	int64_t since;
};

/* --- connecting --- */

/* The socket must lead where it was meant to: nobody between may have another idea. */
static bool leads_to(int fd, const union net_addr *want)
{
	union net_addr got = { 0 };
	socklen_t len = sizeof got;
	return !getpeername(fd, &got.any, &len) && net_addr_equal(&got, want);
}

static status connect_one(const union net_addr *a, deadline until, int *out)
{
	int one = 1, why = 0;
	socklen_t len = sizeof why;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (a->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	status s = 0;
	if (connect(fd, &a->any, net_addr_len(a))) {
		if (errno != EINPROGRESS)
			s = err_set(ERR_UPSTREAM, "the server cannot be reached");
		else
			s = fd_wait(fd, WAIT_WRITE, until);
		if (!s && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) || why))
			s = err_set(ERR_UPSTREAM, "the server cannot be reached");
	}
	if (!s && !leads_to(fd, a))
		s = err_set(ERR_UPSTREAM, "the connection leads elsewhere");
	if (s)
		egress_fd_close(&fd);
	else
		*out = fd;
	return s;
}

/* Several addresses at once (RFC 8305): each gets a head start before the next. */
struct race {
	const union net_addr *list;
	size_t n;
	int fd;
	size_t winner;
	deadline until;
	struct event failed;
	size_t failures;
};
struct runner {
	struct race *race;
	size_t index;
};

static status race_main(void *arg)
{
	struct runner *r = arg;
	struct race *race = r->race;
	int fd = -1;
	deadline start = rt_now() + (int64_t)r->index * NEXT_MS * 1000000;
	/* Earlier ones that have failed need no waiting for. */
	while (race->failures < r->index && rt_now() < start && race->fd < 0)
		if (event_wait(&race->failed, start) && err_code() != ERR_TIMEOUT)
			return 0;
	if (race->fd >= 0 || connect_one(&race->list[r->index], race->until, &fd)) {
		race->failures++;
		event_wake_all(&race->failed);
		return 0;
	}
	if (race->fd < 0) {
		race->fd = fd;
		race->winner = r->index;
	} else {
		egress_fd_close(&fd);
	}
	event_wake_all(&race->failed);
	return 0;
}

static status run_race(const union net_addr *list, size_t n, deadline until, int *fd, size_t *winner)
{
	struct race race = { .list = list, .n = n, .fd = -1, .until = until };
	struct runner runner[GUARD_ADDRESSES_MAX];
	status s = 0;
	AUTO(group) g = { group_open(until) };
	for (size_t i = 0; i < n && !s; i++) {
		runner[i] = (struct runner){ &race, i };
		s = group_spawn(g.p, "proxy connect", race_main, &runner[i]);
	}
	while (!s && race.fd < 0 && race.failures < n)
		s = event_wait(&race.failed, until);
	struct err why;
	err_save(&why);
	group_close(take(g.p)); /* the runners look at the race */
	*fd = race.fd;
	*winner = race.winner;
	if (race.fd >= 0)
		return 0;
	return s ? err_restore(&why) : err_set(ERR_UPSTREAM, "the server cannot be reached");
}

status egress_dial(const union net_addr *list, size_t n, int64_t ms, int *fd, union net_addr *out)
{
	size_t winner = 0;
	deadline until = deadline_in_ms(ms);
	n = MIN(n, (size_t)GUARD_ADDRESSES_MAX);
	if (!n)
		return err_set(ERR_UPSTREAM, "there is no address");
	if (n == 1 ? connect_one(list, until, fd) : run_race(list, n, until, fd, &winner))
		return -1;
	*out = list[winner];
	return 0;
}

status egress_dial_setting(struct egress *e, const struct target *t, int *fd)
{
	AUTO(arena) mem = { arena_open(0) };
	union net_addr used, *list = arena_array(mem.p, union net_addr, GUARD_ADDRESSES_MAX);
	size_t n = 0;
	if (t->literal) {
		list[n++] = t->address;
	} else if (guard_cache_resolve(e->o.cache, target_name(t), t->port, list, &n)) {
		return -1;
	}
	return egress_dial(list, n, e->o.limits.connect_ms, fd, &used);
}

/* --- keeping --- */

/* Family, port, address, name: all that must be the same. */
static struct str key_of(struct arena *mem, const union net_addr *a, const struct target *t)
{
	char *key = arena_text(mem, 18 + t->name_len);
	unsigned char bytes[16] = { 0 };
	uint16_t port = net_addr_port(a);
	(void)net_addr_bytes(&a->any, bytes);
	memcpy(key, &port, 2);
	memcpy(key + 2, bytes, 16);
	memcpy(key + 18, t->name, t->name_len);
	return str_of(key, 18 + t->name_len);
}

static void drop(struct egress *e, struct kept *k, bool shut)
{
	struct place *p = k->place;
	list_remove(&k->in_place);
	list_remove(&k->in_order);
	e->kept_count--;
	if (shut)
		egress_fd_close(&k->fd);
	if (list_empty(&p->conns)) {
		map_remove(&e->kept, str_of(p->key, p->key_len));
		free(p);
	}
	free(k);
}

/* It has nothing to say between two requests: bytes or an end mean that it is done. */
static bool still_good(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool take_kept(struct egress *e, struct str key, int *fd)
{
	struct place *p;
	while ((p = map_get(&e->kept, key))) {
		struct kept *k = container_of(p->conns.prev, struct kept, in_place);
		bool good = still_good(k->fd);
		*fd = k->fd;
		drop(e, k, !good);
		if (good)
			return true;
	}
	return false;
}

static void keep(struct egress *e, struct egress_up *up, struct str key)
{
	struct place *p = map_get(&e->kept, key);
	if (e->kept_count >= KEPT_MAX)
		drop(e, container_of(e->kept_order.next, struct kept, in_order), true);
	p = map_get(&e->kept, key);
	if (!p) {
		p = mem_grow(NULL, sizeof *p + key.len);
		list_init(&p->conns);
		p->key_len = key.len;
		memcpy(p->key, key.at, key.len);
		map_set(&e->kept, str_of(p->key, p->key_len), p);
	}
	struct kept *k = mem_zero(sizeof *k);
	*k = (struct kept){ .place = p, .fd = up->fd, .since = rt_now() };
	list_push(&p->conns, &k->in_place);
	list_push(&e->kept_order, &k->in_order);
	e->kept_count++;
	up->fd = -1;
}

void egress_up_reap(struct egress *e, bool all)
{
	list_each(&e->kept_order, it) {
		struct kept *k = container_of(it, struct kept, in_order);
		if (!all && rt_now() - k->since < KEPT_MS * INT64_C(1000000))
			break;
		drop(e, k, true);
	}
}

status egress_up_open(struct egress *e, const struct guard_decision *d, const struct target *t,
		      bool fresh, struct egress_row *row, struct egress_up *out)
{
	AUTO(arena) mem = { arena_open(0) };
	*out = (struct egress_up){ .fd = -1 };
	for (size_t i = 0; i < d->count && !fresh; i++) {
		if (!take_kept(e, key_of(mem.p, &d->at[i], t), &out->fd))
			continue;
		out->reused = true;
		out->address = d->at[i];
		e->stats.reused++;
		net_addr_text(&out->address, row->address);
		return 0;
	}
	int64_t began = rt_now();
	status s = e->has_upstream ?
			   egress_dial_setting(e, &e->upstream, &out->fd) :
			   egress_dial(d->at, d->count, e->o.limits.connect_ms, &out->fd, &out->address);
	row->connect_us = (rt_now() - began) / 1000;
	if (s)
		return -1;
	if (e->has_upstream)
		out->address = d->at[0];
	egress_measure(&e->stats.connect, row->connect_us);
	e->stats.opened++;
	net_addr_text(&out->address, row->address);
	return 0;
}

void egress_up_close(struct egress *e, struct egress_up *up, const struct target *t)
{
	bool clean = up->in.at == up->in.end;
	egress_in_free(e, &up->in);
	if (up->fd >= 0 && up->keep && clean && !e->draining) {
		AUTO(arena) mem = { arena_open(0) };
		keep(e, up, key_of(mem.p, &up->address, t));
	}
	egress_fd_close(&up->fd);
}
