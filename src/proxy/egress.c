/* SPDX-License-Identifier: Apache-2.0 */
/* egress: opens, drains and closes the proxy. */
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "net/http.h"
#include "proxy/egress_int.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 250, LOG_MAX = 256 << 10 };

/* --- settings --- */

static status read_users(struct egress *e, struct str list)
{
	while (list.len) {
		struct str item = str_trim(str_cut(&list, ','));
		size_t colon = str_find_char(item, ':');
		if (!item.len)
			continue;
		if (colon == SIZE_MAX || !colon || colon + 1 == item.len || colon >= EGRESS_CALLER_MAX)
			return err_set(ERR_INVALID, "SSRF_PROXY_AUTH: use user:password");
		struct egress_user u = { arena_str(e->mem, str_sub(item, 0, colon)),
					 arena_str(e->mem, item) };
		vec_push(e->mem, &e->users, u);
	}
	return 0;
}

/* "user:password" with what a URL cannot hold in percent form, as curl and Python take it. */
static status read_upstream_user(struct egress *e, struct str user)
{
	struct str plain = dec_percent(e->mem, user, false);
	for (size_t i = 0; i < plain.len; i++)
		if ((unsigned char)plain.at[i] < ' ' || plain.at[i] == 127)
			return err_set(ERR_INVALID, "SSRF_PROXY_UPSTREAM: a control character in the "
						    "user name or the password");
	e->upstream_auth = arena_printf(e->mem, "Basic %.*s", STR(enc_base64(e->mem, plain)));
	return 0;
}

/* The text is not repeated in messages: it may hold a password. */
static status read_upstream(struct egress *e, struct str text)
{
	text = str_trim(text);
	if (str_starts(text, S("https://")))
		return err_set(ERR_INVALID, "SSRF_PROXY_UPSTREAM: no TLS towards a parent; use http://");
	if (str_starts(text, S("http://")))
		text = str_skip(text, 7);
	if (str_ends(text, S("/")))
		text.len--;
	e->has_upstream = text.len > 0;
	size_t at = str_rfind_char(text, '@');
	if (at != SIZE_MAX && read_upstream_user(e, str_sub(text, 0, at)))
		return -1;
	text = at == SIZE_MAX ? text : str_skip(text, at + 1);
	if (e->has_upstream && target_authority(text, 0, &e->upstream))
		return err_set(ERR_INVALID,
			       "SSRF_PROXY_UPSTREAM: use HOST:PORT or http://USER:PASSWORD@HOST:PORT");
	return 0;
}

/* A name in Via that is nobody else's. */
static void make_id(struct egress *e)
{
	unsigned char bytes[EGRESS_ID / 2];
	id_random(bytes, sizeof bytes);
	struct str hex = enc_hex(e->mem, str_of((const char *)bytes, sizeof bytes));
	memcpy(e->id, hex.at, EGRESS_ID);
}

static status check_limits(const struct egress_limits *l)
{
	const int64_t least[] = { l->header_ms, l->body_ms, l->connect_ms, l->first_byte_ms,
				  l->idle_ms, l->tunnel_ms, l->total_ms };
	bool ok = l->connections && l->per_client && l->line >= 256 && l->header >= 256 &&
		  l->head >= l->line && l->head <= 1 << 20 && l->headers && l->headers <= 1000;
	for (size_t i = 0; i < countof(least); i++)
		ok = ok && least[i] > 0;
	return ok ? 0 : err_set(ERR_INVALID, "a limit of the proxy (SSRF_PROXY_MAX_..., ..._TIMEOUT) is "
					     "out of range");
}

/* --- the clock --- */

static status tick_main(void *arg)
{
	struct egress *e = arg;
	while (!fiber_sleep_ms(TICK_MS)) {
		egress_up_reap(e, false);
		egress_tunnels_reap(e);
		egress_log_flush(e);
	}
	return 0;
}

/* --- open and close --- */

static status open_parts(struct egress *e)
{
	const struct egress_options *o = &e->o;
	if (check_limits(&o->limits) ||
	    guard_list_add(e->mem, "SSRF_PROXY_CLIENTS", o->clients, &e->clients) ||
	    read_users(e, o->auth) || read_upstream(e, o->upstream))
		return -1;
	e->group = group_open(DEADLINE_NONE);
	e->clients_group = group_open(DEADLINE_NONE);
	return egress_tunnels_open(e) || group_spawn(e->group, "proxy tick", tick_main, e) ? -1 : 0;
}

status egress_open(const struct egress_options *o, struct egress **out)
{
	struct arena *mem = arena_open(0);
	struct egress *e = arena_new(mem, struct egress);
	e->mem = mem;
	e->o = *o;
	e->tunnel_fd = e->kick_fd = -1;
	make_id(e);
	list_init(&e->doors);
	list_init(&e->conns);
	list_init(&e->kept_order);
	list_init(&e->tunnels);
	e->peers = map_make(NULL);
	e->kept = map_make(NULL);
	e->log = buf_make(NULL, LOG_MAX);
	if (open_parts(e)) {
		struct err why;
		err_save(&why);
		egress_close(e);
		return err_restore(&why);
	}
	*out = e;
	return 0;
}

static status add_door(struct egress *e, struct egress_door *d)
{
	d->e = e;
	d->group = group_open(DEADLINE_NONE);
	list_push(&e->doors, &d->node);
	return egress_accept(d);
}

status egress_listen(struct egress *e, int fd, const char *caller, struct guard *guard)
{
	struct egress_door *d = arena_new(e->mem, struct egress_door);
	d->fd = fd;
	d->caller = caller;
	d->guard = guard;
	return add_door(e, d);
}

status egress_relay(struct egress *e, int fd, struct str host, uint16_t port)
{
	struct egress_door *d = arena_new(e->mem, struct egress_door);
	d->fd = fd;
	d->caller = "relay";
	if (target_host(host, port, &d->relay)) {
		close(fd);
		return err_set(ERR_INVALID, "SSRF_SANDBOX_PROXY_HOST: \"%.*s\" is no host", STR(host));
	}
	return add_door(e, d);
}

static void close_doors(struct egress *e)
{
	list_each(&e->doors, it) {
		struct egress_door *d = container_of(it, struct egress_door, node);
		if (d->group)
			group_close(take(d->group));
		egress_fd_close(&d->fd);
	}
}

void egress_drain(struct egress *e, deadline until)
{
	e->draining = true;
	close_doors(e);
	list_each(&e->conns, it) {
		struct egress_conn *c = container_of(it, struct egress_conn, node);
		if (c->idle)
			fd_forget(c->fd); /* wakes it: there will be no further request */
	}
	while (e->connections)
		if (event_wait(&e->empty, until))
			break;
	egress_log_flush(e);
}

void egress_close(struct egress *e)
{
	if (!e)
		return;
	e->draining = true;
	close_doors(e);
	if (e->clients_group) {
		group_cancel(e->clients_group);
		group_close(e->clients_group);
	}
	if (e->group) {
		group_cancel(e->group);
		group_close(e->group);
	}
	egress_tunnels_close(e);
	egress_up_reap(e, true);
	egress_log_flush(e);
	for (size_t i = 0; i < e->small_len; i++)
		free(e->small[i]);
	for (size_t i = 0; i < e->large_len; i++)
		free(e->large[i]);
	map_free(&e->peers);
	map_free(&e->kept);
	buf_free(&e->log);
	arena_close(e->mem);
}
