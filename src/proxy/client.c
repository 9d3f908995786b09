/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: one connection of a client: wait, read a head, judge, hand it to forward.c or tunnel.c,
 * again. Reads and writes of both sides are here too.
 */
#include "base/enc.h"
#include "base/err.h"
#include "proxy/egress_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINGER_MS = 2000,
	LINGER_BYTES = 1 << 20,
	WATCH_MS = 1000, /* how often a waiting request looks whether its client is still there */
};

/* --- bytes --- */

char *egress_block(struct egress *e, bool large)
{
	size_t *len = large ? &e->large_len : &e->small_len;
	char **spare = large ? e->large : e->small;
	return *len ? spare[--*len] : mem_grow(NULL, large ? EGRESS_BLOCK : EGRESS_IN);
}

void egress_block_give(struct egress *e, char *block, bool large)
{
	size_t *len = large ? &e->large_len : &e->small_len;
	char **spare = large ? e->large : e->small;
	if (!block)
		return;
	if (*len < EGRESS_SPARE)
		spare[(*len)++] = block;
	else
		free(block);
}

void egress_in_free(struct egress *e, struct egress_in *in)
{
	if (in->cap == EGRESS_IN || in->cap == EGRESS_BLOCK)
		egress_block_give(e, in->block, in->cap == EGRESS_BLOCK);
	else
		free(in->block);
	*in = (struct egress_in){ 0 };
}

void egress_in_room(struct egress *e, struct egress_in *in, size_t max)
{
	if (!in->block)
		*in = (struct egress_in){ .block = egress_block(e, false), .cap = EGRESS_IN };
	size_t have = in->end - in->at;
	if (in->at) {
		memmove(in->block, in->block + in->at, have);
		in->at = 0;
		in->end = have;
	}
	if (have < in->cap || in->cap >= max)
		return;
	struct egress_in bigger = { .end = have, .cap = MAX(max, (size_t)EGRESS_BLOCK) };
	bigger.block = bigger.cap == EGRESS_BLOCK ? egress_block(e, true) : mem_grow(NULL, bigger.cap);
	memcpy(bigger.block, in->block, have);
	egress_in_free(e, in);
	*in = bigger;
}

/* A client that has closed, or half closed, its side while it waits has lost interest. */
static bool left(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static status wait_input(int fd, deadline until, int watch)
{
	for (;;) {
		deadline step = watch < 0 ? until : MIN(until, rt_now() + WATCH_MS * INT64_C(1000000));
		if (!fd_wait(fd, WAIT_READ | WAIT_EDGE, step))
			return 0;
		if (err_code() != ERR_TIMEOUT || rt_now() >= until)
			return -1;
		if (left(watch))
			return err_set(ERR_CANCELLED, "the client has left");
	}
}

status egress_fill(struct egress *e, int fd, struct egress_in *in, size_t max, deadline until,
		   int watch, size_t *n)
{
	for (;;) {
		egress_in_room(e, in, max);
		ssize_t got = recv(fd, in->block + in->end, in->cap - in->end, 0);
		if (got >= 0) {
			in->end += (size_t)got;
			*n = (size_t)got;
			return 0;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_set(ERR_CLOSED, "the connection is broken");
		if (in->at == in->end)
			egress_in_free(e, in); /* who waits holds nothing */
		if (wait_input(fd, until, watch))
			return -1;
	}
}

status egress_send(int fd, struct iovec *v, size_t n, int64_t ms)
{
	while (n) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
		ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			if (fd_wait(fd, WAIT_WRITE | WAIT_EDGE, deadline_in_ms(ms)))
				return -1;
			continue;
		}
		if (sent < 0)
			return err_set(ERR_CLOSED, "the connection is broken");
		for (; n && (size_t)sent >= v->iov_len; v++, n--)
			sent -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + sent;
			v->iov_len -= (size_t)sent;
		}
	}
	return 0;
}

status egress_send_str(int fd, struct str s, int64_t ms)
{
	struct iovec v = { (char *)(uintptr_t)s.at, s.len };
	return egress_send(fd, &v, 1, ms);
}

void egress_fd_close(int *fd)
{
	if (*fd < 0)
		return;
	fd_forget(*fd);
	close(*fd);
	*fd = -1;
}

/* --- a head --- */

/* Limits inside the head, as far as it has come: 0 or the status that refuses. */
static int check_sizes(const struct egress *e, const struct http_scan *s, size_t have)
{
	size_t open = s->head_len ? 0 : have - s->line_start;
	if (!s->lines)
		return open > e->o.limits.line ? 414 : 0;
	if (s->lines > e->o.limits.headers + 1 || open > e->o.limits.header)
		return 431;
	return 0;
}

/* 0 with a whole head in the buffer, a status that refuses, or -1 when the connection is over. */
static int read_head(struct egress_conn *c, struct http_scan *s)
{
	struct egress *e = c->e;
	deadline until = deadline_in_ms(e->o.limits.header_ms);
	for (;;) {
		size_t have = c->in.end - c->in.at, n;
		/* RFC 9112 2.2: an empty line before a request is not one. */
		while (have >= 2 && !s->seen && !memcmp(c->in.block + c->in.at, "\r\n", 2)) {
			c->in.at += 2;
			have -= 2;
		}
		if (have && !(have == 1 && c->in.block[c->in.at] == '\r')) {
			int found = http_scan(s, c->in.block + c->in.at, have, e->o.limits.head);
			int bad = found >= 400 ? found : check_sizes(e, s, have);
			if (bad)
				return bad;
			if (found == HTTP_SCAN_FOUND)
				return 0;
		}
		if (egress_fill(e, c->fd, &c->in, e->o.limits.head, until, -1, &n))
			return err_code() == ERR_TIMEOUT && have ? 408 : -1;
		if (!n)
			return -1;
	}
}

static void keep_text(char *out, size_t cap, struct str s)
{
	snprintf(out, cap, "%.*s", (int)MIN(s.len, cap - 1), s.at);
}

/* traceparent's middle part (W3C Trace Context), else X-Request-Id. */
static void keep_trace(struct egress_conn *c, const struct egress_request *q)
{
	struct str t = egress_field(q, S("traceparent")), id = egress_field(q, S("X-Request-Id"));
	if (t.len >= 36 && t.at[2] == '-')
		id = str_sub(t, 3, 32);
	keep_text(c->row.trace, sizeof c->row.trace, id);
}

static unsigned take_head(struct egress_conn *c, const struct http_scan *s, struct egress_request *q)
{
	char *text = arena_text(c->mem, s->head_len);
	memcpy(text, c->in.block + c->in.at, s->head_len);
	c->in.at += s->head_len;
	if (c->in.at == c->in.end)
		egress_in_free(c->e, &c->in);
	unsigned code = egress_head_read(c->e, c->mem, str_of(text, s->head_len), s->lines, q);
	if (code)
		return code;
	keep_text(c->row.method, sizeof c->row.method, q->h.method_text);
	keep_trace(c, q);
	return GUARD_OK;
}

/* --- who and where --- */

static bool signed_in(struct egress_conn *c, const struct egress_request *q)
{
	struct egress *e = c->e;
	struct str value = egress_field(q, S("Proxy-Authorization")), pair;
	bool ok = false;
	if (!str_eq_nocase(str_sub(value, 0, 6), S("Basic ")) ||
	    dec_base64(c->mem, str_trim(str_skip(value, 6)), &pair))
		return false;
	for (size_t i = 0; i < e->users.len; i++) {
		if (!str_eq_secret(e->users.at[i].pair, pair))
			continue;
		keep_text(c->row.caller, sizeof c->row.caller, e->users.at[i].name);
		ok = true;
	}
	return ok;
}

/* The answer is sent, or the connection cannot go on; q->keep tells. */
static status serve_request(struct egress_conn *c, struct egress_request *q)
{
	bool connect = str_eq(q->h.method_text, S("CONNECT"));
	unsigned code = c->e->users.len && !signed_in(c, q) ? (unsigned)EGRESS_AUTH :
							      egress_head_judge(c->e, q);
	bool body = q->h.body_length != 0;
	if (q->target.name_len) {
		keep_text(c->row.host, sizeof c->row.host, target_name(&q->target));
		c->row.port = q->target.port;
	}
	/* What follows a CONNECT may be meant for the tunnel: it is not read as a request. */
	bool keep = !body && !connect;
	if (code)
		return egress_refuse(c, q, code, keep && code != EGRESS_BAD_REQUEST);
	status s = guard_decide(c->door->guard, &q->target, connect, &q->decision);
	if (s && err_code() == ERR_CANCELLED)
		return -1;
	c->row.dns_us = q->decision.dns_us;
	c->row.cached = q->decision.cached;
	if (!q->target.literal && q->decision.dns_us)
		egress_measure(&c->e->stats.dns, q->decision.dns_us);
	if (s)
		return egress_refuse(c, q, q->decision.code, keep);
	return connect ? egress_connect(c, q) : egress_forward(c, q);
}

/* --- the connection --- */

static void begin_row(struct egress_conn *c)
{
	c->row = (struct egress_row){ .began = rt_now() };
	if (c->peer)
		net_addr_text(&c->address, c->row.client);
	else
		keep_text(c->row.client, sizeof c->row.client, S("unix"));
	keep_text(c->row.caller, sizeof c->row.caller, str_c(c->door->caller));
}

/* Holds nothing while it waits. */
static bool wait_request(struct egress_conn *c)
{
	struct egress *e = c->e;
	size_t n;
	if (c->in.at < c->in.end)
		return true;
	if (e->draining)
		return false;
	c->idle = true;
	deadline until = MIN(deadline_in_ms(e->o.limits.idle_ms),
			     c->born + e->o.limits.total_ms * 1000000);
	status s = egress_fill(e, c->fd, &c->in, e->o.limits.head, until, -1, &n);
	c->idle = false;
	return !s && n;
}

static bool serve_one(struct egress_conn *c)
{
	struct egress *e = c->e;
	struct http_scan scan = { 0 };
	if (!wait_request(c))
		return false;
	begin_row(c);
	arena_reset(c->mem);
	struct egress_request *q = arena_new(c->mem, struct egress_request);
	int bad = read_head(c, &scan);
	if (bad < 0)
		return false;
	unsigned code = bad ? egress_head_code(bad) : take_head(c, &scan, q);
	status s;
	if (code) {
		e->stats.smuggling += code == EGRESS_BAD_REQUEST;
		q->keep = false;
		s = egress_refuse(c, q, code, false);
	} else {
		deadline before = deadline_push(c->born + e->o.limits.total_ms * 1000000);
		s = serve_request(c, q);
		deadline_pop(before);
	}
	if (c->fd < 0) /* a tunnel now, which writes the line at its end */
		return false;
	egress_row_end(e, &c->row);
	return !s && q->keep;
}

/* Closing with unread input would reset the connection and could take the answer with it. */
static void linger(struct egress_conn *c)
{
	deadline until = deadline_in_ms(LINGER_MS);
	size_t n = 1, total = 0;
	if (shutdown(c->fd, SHUT_WR))
		return;
	while (n && total < LINGER_BYTES && !c->e->draining) {
		c->in.at = c->in.end = 0;
		if (egress_fill(c->e, c->fd, &c->in, EGRESS_IN, until, -1, &n))
			return;
		total += n;
	}
}

void egress_count_down(struct egress *e, struct egress_peer *p)
{
	e->connections--;
	if (p && !--p->count) {
		map_remove(&e->peers, str_c(p->text));
		free(p);
	}
	if (!e->connections)
		event_wake_all(&e->empty);
}

static status conn_main(void *arg)
{
	struct egress_conn *c = arg;
	struct egress *e = c->e;
	c->mem = arena_open(0);
	while (serve_one(c))
		;
	list_remove(&c->node);
	if (c->fd >= 0) {
		/* What was not read yet would turn the end into a reset. */
		if (c->row.status >= 400 || c->in.at < c->in.end)
			linger(c);
		egress_fd_close(&c->fd);
		egress_count_down(e, c->peer);
	}
	egress_in_free(e, &c->in);
	arena_close(c->mem);
	free(c);
	return 0; /* a failure would cancel the others */
}

/* --- accepting --- */

static struct egress_peer *peer_of(struct egress *e, const union net_addr *a)
{
	char text[NET_ADDR_TEXT];
	struct egress_peer *p = map_get(&e->peers, str_c(net_addr_text(a, text)));
	if (p)
		return p;
	p = mem_zero(sizeof *p);
	memcpy(p->text, text, sizeof text);
	map_set(&e->peers, str_c(p->text), p);
	return p;
}

static bool is_client(const struct egress *e, const union net_addr *a)
{
	unsigned char bytes[16];
	return guard_list_empty(&e->clients) ||
	       (net_addr_bytes(&a->any, bytes) && guard_list_address(&e->clients, bytes));
}

static void refuse_busy(struct egress *e, int fd)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nX-Proxy-Error: busy\r\nVia: 1.1 ssrf-proxy (squid)\r\n"
		"Content-Type: application/json\r\nContent-Length: 81\r\nCache-Control: no-store\r\n"
		"Connection: close\r\n\r\n{\"error\":{\"code\":\"busy\",\"message\":\"The proxy has too many "
		"connections. Later.\"}}\n";
	e->stats.busy++;
	e->stats.codes[EGRESS_BUSY]++;
	(void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void take_relay(struct egress_door *d, int fd, struct egress_peer *p)
{
	struct egress *e = d->e;
	int server = -1;
	struct egress_row row = { .began = rt_now(), .port = d->relay.port };
	keep_text(row.caller, sizeof row.caller, str_c(d->caller));
	keep_text(row.method, sizeof row.method, S("RELAY"));
	keep_text(row.host, sizeof row.host, target_name(&d->relay));
	if (egress_dial_setting(e, &d->relay, &server) ||
	    egress_tunnel_add(e, fd, server, S(""), &row, p)) {
		row.code = EGRESS_CONNECT_FAILED;
		egress_row_end(e, &row);
		egress_fd_close(&fd);
		egress_fd_close(&server);
		egress_count_down(e, p);
	}
}

struct relay_arg {
	struct egress_door *door;
	int fd;
	struct egress_peer *peer;
};

static status relay_main(void *arg)
{
	struct relay_arg a = *(struct relay_arg *)arg;
	free(arg);
	take_relay(a.door, a.fd, a.peer);
	return 0;
}

static void start_client(struct egress_door *d, int fd, const union net_addr *a, bool tcp)
{
	struct egress *e = d->e;
	struct egress_peer *p = tcp ? peer_of(e, a) : NULL;
	if (e->connections >= e->o.limits.connections || (p && p->count >= e->o.limits.per_client)) {
		if (p && !p->count) {
			map_remove(&e->peers, str_c(p->text));
			free(p);
		}
		refuse_busy(e, fd);
		return;
	}
	e->connections++;
	if (p)
		p->count++;
	e->stats.accepted++;
	status s;
	if (!d->guard) {
		struct relay_arg *r = mem_zero(sizeof *r);
		*r = (struct relay_arg){ d, fd, p };
		s = group_spawn(e->clients_group, "proxy relay", relay_main, r);
		if (s)
			free(r);
	} else {
		struct egress_conn *c = mem_zero(sizeof *c);
		*c = (struct egress_conn){ .e = e, .door = d, .fd = fd, .address = *a, .peer = p,
					   .born = rt_now() };
		list_push(&e->conns, &c->node);
		s = group_spawn(e->clients_group, "proxy client", conn_main, c);
		if (s) {
			list_remove(&c->node);
			free(c);
		}
	}
	if (s) {
		refuse_busy(e, fd);
		egress_count_down(e, p);
	}
}

static status accept_main(void *arg)
{
	struct egress_door *d = arg;
	for (;;) {
		union {
			union net_addr ip;
			struct sockaddr any;
			struct sockaddr_storage space;
		} a = { 0 };
		socklen_t len = sizeof a;
		int fd = accept4(d->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) {
			if (fd_wait(d->fd, WAIT_READ, DEADLINE_NONE))
				return 0;
			continue;
		}
		if (fd < 0) { /* out of descriptors: some will come back */
			if (fiber_sleep_ms(20))
				return 0;
			continue;
		}
		bool tcp = a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6;
		if (tcp && !is_client(d->e, &a.ip)) {
			d->e->stats.strangers++;
			close(fd);
			continue;
		}
		start_client(d, fd, &a.ip, tcp);
	}
}

status egress_accept(struct egress_door *d)
{
	return group_spawn(d->group, "proxy accept", accept_main, d);
}
