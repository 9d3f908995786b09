/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: CONNECT. A client's fiber judges, connects and answers; then both sockets go into one
 * epoll set that a single fiber serves, and the client's fiber ends. An idle tunnel costs its record
 * and two descriptors, no stack. Bytes are copied through one block; only what the other side does
 * not take at once is kept.
 *
 *   side 0 = client, side 1 = server; half[i] carries bytes from side i to side !i
 */
#include "base/err.h"
#include "proxy/egress_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 128,
	ROUNDS = 8,	/* blocks of one direction before others have their turn */
	COPY = 32 << 10, /* more leaves the cache before it is sent: 64 KiB and up cost more */
	SEND_MS = 10000,
	PARENT_HEAD = 4096,
	DRAIN_IDLE_MS = 5000, /* at the end, who is silent for so long is not waited for */
};

struct half {
	char *rest; /* read, and not yet taken by the other side */
	size_t at, len;
	bool ended;  /* nothing more comes */
	bool closed; /* and the other side was told */
};
struct tunnel {
	struct list node, idle, hot; /* by birth, by last byte, not finished with its turn */
	struct egress *e;
	struct egress_peer *peer;
	int fd[2];
	struct half half[2];
	int64_t born, moved;
	struct egress_row row;
	bool logged;
};

/* epoll's pointer carries the side in its lowest bit. */
static void *tag(struct tunnel *t, int side)
{
	return (char *)t + side;
}

static void end_tunnel(struct tunnel *t)
{
	struct egress *e = t->e;
	list_remove(&t->node);
	list_remove(&t->idle);
	list_remove(&t->hot);
	for (int i = 0; i < 2; i++) {
		close(t->fd[i]); /* leaves the epoll set by that */
		free(t->half[i].rest);
	}
	e->tunnel_count--;
	if (t->logged)
		egress_row_end(e, &t->row);
	egress_count_down(e, t->peer);
	free(t);
}

static void drop_rest(struct half *h)
{
	free(h->rest);
	h->rest = NULL;
	h->at = h->len = 0;
}

/* Nobody takes these bytes any more. What the other half carries may still arrive: a server that
 * refuses an upload says why and closes. */
static void cut(struct half *h)
{
	drop_rest(h);
	h->ended = h->closed = true;
}

enum moved { IDLE, MORE };

/* Gives what is kept to the other side. */
static enum moved flush(struct tunnel *t, int from)
{
	struct half *h = &t->half[from];
	while (h->at < h->len) {
		ssize_t n = send(t->fd[!from], h->rest + h->at, h->len - h->at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			cut(h);
		if (n < 0)
			return IDLE;
		h->at += (size_t)n;
	}
	drop_rest(h);
	return MORE;
}

static void keep_rest(struct half *h, const char *at, size_t n)
{
	h->rest = mem_grow(NULL, n);
	memcpy(h->rest, at, n);
	h->at = 0;
	h->len = n;
}

static void count(struct tunnel *t, int from, size_t n)
{
	*(from ? &t->row.out : &t->row.in) += n;
	t->moved = rt_now();
}

/* The end of a side, or its reset: then it takes nothing either. */
static void side_ended(struct tunnel *t, int from, bool reset)
{
	t->half[from].ended = true;
	if (reset)
		cut(&t->half[!from]);
}

/* What came is given on; false when the other side takes no more for now, or for ever. */
static bool pass_on(struct tunnel *t, int from, const char *at, size_t n)
{
	struct half *h = &t->half[from];
	while (n) {
		ssize_t sent = send(t->fd[!from], at, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			keep_rest(h, at, n);
		else if (sent < 0)
			cut(h);
		if (sent < 0)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* Moves bytes from one side until there are none, or the other side takes no more. */
static enum moved pump(struct tunnel *t, int from)
{
	struct half *h = &t->half[from];
	char *copy = t->e->copy;
	enum moved m = h->rest ? flush(t, from) : MORE;
	if (m != MORE)
		return m;
	for (int round = 0; round < ROUNDS && !h->ended; round++) {
		ssize_t n = recv(t->fd[from], copy, COPY, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return IDLE;
		if (n <= 0) {
			side_ended(t, from, n < 0);
			break;
		}
		count(t, from, (size_t)n);
		if (!pass_on(t, from, copy, (size_t)n))
			return IDLE;
	}
	if (h->ended && !h->closed) {
		h->closed = true;
		shutdown(t->fd[!from], SHUT_WR); /* the other direction may go on */
	}
	return h->ended ? IDLE : MORE;
}

/* Whoever has half closed is not read any more, so its reset shows nowhere else. */
static bool was_reset(int fd)
{
	int why = 0;
	socklen_t len = sizeof why;
	return !getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) && why;
}

/* False when the tunnel is no more. */
static bool turn(struct tunnel *t)
{
	int64_t before = t->moved;
	bool more = false;
	for (int i = 0; i < 2; i++)
		more |= pump(t, i) == MORE;
	for (int i = 0; i < 2; i++)
		if (t->half[i].ended && !t->half[!i].ended && was_reset(t->fd[i]))
			cut(&t->half[!i]);
	if (t->half[0].closed && t->half[1].closed) {
		end_tunnel(t);
		return false;
	}
	list_remove(&t->hot);
	if (more)
		list_push(&t->e->tunnels_hot, &t->hot);
	if (t->moved != before) {
		list_remove(&t->idle);
		list_push(&t->e->tunnels_idle, &t->idle);
	}
	return true;
}

/* --- the fiber --- */

static size_t run_events(struct egress *e)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(e->tunnel_fd, ev, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		uintptr_t p = (uintptr_t)ev[i].data.ptr & ~(uintptr_t)1;
		if (!p) {
			uint64_t scrap;
			(void)!read(e->kick_fd, &scrap, sizeof scrap);
			continue;
		}
		/* Later events of this batch may name a tunnel that ended: they look at nothing. */
		struct tunnel *t = (struct tunnel *)p;
		bool gone = !turn(t);
		for (int k = i + 1; gone && k < n; k++)
			if (((uintptr_t)ev[k].data.ptr & ~(uintptr_t)1) == p)
				ev[k].data.ptr = NULL;
	}
	return n > 0 ? (size_t)n : 0;
}

static void run_hot(struct egress *e)
{
	struct list now;
	list_init(&now);
	for (struct list *n; (n = list_pop(&e->tunnels_hot));)
		list_push(&now, n);
	for (struct list *n; (n = list_pop(&now));)
		(void)turn(container_of(n, struct tunnel, hot));
}

static status tunnels_main(void *arg)
{
	struct egress *e = arg;
	for (;;) {
		run_hot(e);
		size_t n = run_events(e);
		status s = n || !list_empty(&e->tunnels_hot) ?
				   fiber_yield() : fd_wait(e->tunnel_fd, WAIT_READ | WAIT_EDGE, DEADLINE_NONE);
		if (s)
			return 0;
	}
}

void egress_tunnels_reap(struct egress *e)
{
	int64_t ms = e->draining ? MIN(e->o.limits.tunnel_ms, (int64_t)DRAIN_IDLE_MS) :
				   e->o.limits.tunnel_ms;
	int64_t idle = ms * 1000000, total = e->o.limits.total_ms * 1000000;
	list_each(&e->tunnels_idle, it) {
		struct tunnel *t = container_of(it, struct tunnel, idle);
		if (rt_now() - t->moved < idle)
			break;
		end_tunnel(t);
	}
	list_each(&e->tunnels, it) {
		struct tunnel *t = container_of(it, struct tunnel, node);
		if (rt_now() - t->born < total)
			break;
		end_tunnel(t);
	}
}

status egress_tunnels_open(struct egress *e)
{
	struct epoll_event none = { .events = EPOLLIN };
	list_init(&e->tunnels);
	list_init(&e->tunnels_idle);
	list_init(&e->tunnels_hot);
	e->copy = arena_text(e->mem, COPY);
	e->tunnel_fd = epoll_create1(EPOLL_CLOEXEC);
	e->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->tunnel_fd < 0 || e->kick_fd < 0 ||
	    epoll_ctl(e->tunnel_fd, EPOLL_CTL_ADD, e->kick_fd, &none))
		return err_errno("open the tunnels' event set");
	return group_spawn(e->group, "proxy tunnels", tunnels_main, e);
}

void egress_tunnels_close(struct egress *e)
{
	list_each(&e->tunnels, it)
		end_tunnel(container_of(it, struct tunnel, node));
	egress_fd_close(&e->tunnel_fd);
	egress_fd_close(&e->kick_fd);
}

status egress_tunnel_add(struct egress *e, int client, int server, struct str first,
			 const struct egress_row *row, struct egress_peer *peer)
{
	struct tunnel *t = mem_zero(sizeof *t);
	*t = (struct tunnel){ .e = e, .peer = peer, .fd = { client, server }, .row = *row,
			      .born = rt_now(), .moved = rt_now(), .logged = true };
	if (first.len)
		keep_rest(&t->half[0], first.at, first.len);
	t->row.in += first.len;
	for (int i = 0; i < 2; i++) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
					  .data.ptr = tag(t, i) };
		fd_forget(t->fd[i]); /* the loop's set lets go of it */
		if (epoll_ctl(e->tunnel_fd, EPOLL_CTL_ADD, t->fd[i], &ev)) {
			err_errno("watch a tunnel");
			if (i)
				(void)epoll_ctl(e->tunnel_fd, EPOLL_CTL_DEL, t->fd[0], NULL);
			free(t->half[0].rest);
			free(t);
			return -1;
		}
	}
	list_push(&e->tunnels, &t->node);
	list_push(&e->tunnels_idle, &t->idle);
	list_init(&t->hot);
	e->tunnel_count++;
	e->stats.tunnels_total++;
	(void)turn(t); /* what has come already */
	uint64_t one = 1;
	if (!list_empty(&e->tunnels_hot))
		(void)!write(e->kick_fd, &one, sizeof one);
	return 0;
}

/* --- CONNECT --- */

/* With a list of allowed names the bytes must be TLS for the name that was judged: else a tunnel
 * to an allowed host on shared hardware leads to any host there. */
static status check_hello(struct egress_conn *c, struct egress_request *q)
{
	deadline until = deadline_in_ms(c->e->o.limits.header_ms);
	struct str name;
	size_t n;
	for (;;) {
		enum egress_hello h = egress_hello_name((const uint8_t *)c->in.block + c->in.at,
							c->in.end - c->in.at, &name);
		struct target t;
		if (h == HELLO_FOUND && !target_host(name, q->target.port, &t) &&
		    str_eq(target_name(&t), target_name(&q->target)))
			return 0;
		if (h == HELLO_NONE && q->target.literal) /* names no server: RFC 6066 3 */
			return 0;
		if (h != HELLO_MORE || c->in.end - c->in.at >= c->e->o.limits.head)
			return err_set(ERR_DENIED, "the tunnel begins with no hello for this server");
		if (egress_fill(c->e, c->fd, &c->in, c->e->o.limits.head, until, -1, &n))
			return -1;
		if (!n)
			return err_set(ERR_CLOSED, "the client has closed the tunnel");
	}
}

/* A parent proxy is asked for the address that was checked. */
static status connect_parent(struct egress_conn *c, struct egress_request *q, int fd)
{
	char text[NET_ADDR_TEXT];
	net_addr_text_port(&q->decision.at[0], text);
	struct buf ask = buf_make(c->mem, PARENT_HEAD);
	buf_printf(&ask, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", text, text);
	egress_put_parent(c->e, &ask);
	buf_puts(&ask, "\r\n");
	deadline until = deadline_in_ms(c->e->o.limits.connect_ms);
	char *head = arena_text(c->mem, PARENT_HEAD);
	size_t len = 0;
	if (egress_send_str(fd, buf_str(&ask), c->e->o.limits.connect_ms))
		return -1;
	/* Byte by byte from the socket's queue: what follows the head is the tunnel's. */
	while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4)) {
		ssize_t n = len < PARENT_HEAD ? recv(fd, head + len, 1, 0) : 0;
		if (n > 0)
			len++;
		else if (!n || errno != EAGAIN)
			return err_set(ERR_UPSTREAM, "the parent proxy does not answer");
		else if (fd_wait(fd, WAIT_READ, until))
			return -1;
	}
	if (!str_starts(str_of(head, len), S("HTTP/1.")) || memcmp(head + 8, " 200", 4))
		return err_set(ERR_DENIED, "the parent proxy refuses");
	return 0;
}

static status establish(struct egress_conn *c, struct egress_request *q, struct egress_up *up)
{
	if (egress_up_open(c->e, &q->decision, &q->target, true, &c->row, up))
		return -1;
	return c->e->has_upstream ? connect_parent(c, q, up->fd) : 0;
}

status egress_connect(struct egress_conn *c, struct egress_request *q)
{
	struct egress_up up = { .fd = -1 };
	q->keep = false;
	if (establish(c, q, &up)) {
		enum err_code why = err_code();
		egress_fd_close(&up.fd);
		if (why == ERR_CANCELLED)
			return -1;
		return egress_refuse(c, q, why == ERR_TIMEOUT ? EGRESS_CONNECT_TIMEOUT :
					   why == ERR_DENIED  ? EGRESS_PARENT :
								EGRESS_CONNECT_FAILED, false);
	}
	c->row.status = 200;
	q->answered = true;
	status s = egress_send_str(c->fd, S("HTTP/1.1 200 Connection established\r\n\r\n"), SEND_MS);
	if (!s && guard_has_only_domains(c->door->guard)) {
		s = check_hello(c, q);
		if (s && err_code() == ERR_DENIED) {
			c->e->stats.hello_refused++;
			c->row.code = GUARD_DENIED_POLICY;
		}
	}
	if (!s) {
		struct str first = str_of(c->in.block + c->in.at, c->in.end - c->in.at);
		s = egress_tunnel_add(c->e, c->fd, up.fd, first, &c->row, c->peer);
	}
	if (s) {
		egress_fd_close(&up.fd);
		return -1;
	}
	c->fd = -1; /* the tunnel's now */
	return 0;
}
