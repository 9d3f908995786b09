/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server: accepting, watching, pinging, reaping and draining. What happens on one connection
 * is http_conn's.
 *
 * When is a client gone? A reset, or both directions closed (EPOLLHUP, EPOLLERR), or a failed
 * write. An end of stream alone is not: a client may have sent all it has and still read (shutdown
 * of its writing side). Over TCP a closed socket looks the same until something is sent to it, so
 * an event stream whose client has ended its side gets one extra ping at once: a client that is
 * gone answers it with a reset. On unix sockets (behind our gateway) the hang-up is seen directly.
 */
#include "net/http_int.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char *pool_block(struct pool *p, size_t size)
{
	if (p->len)
		return p->at[--p->len];
	char *block = malloc(size);
	ASSERT(block);
	return block;
}

void pool_give(struct pool *p, char *block)
{
	if (p->len == POOL_MAX)
		free(block);
	else
		p->at[p->len++] = block;
}

/* --- connections come and go --- */

void http_conn_count_down(struct http_conn *c)
{
	struct http_server *s = c->server;
	list_remove(&c->node);
	list_remove(&c->sse_node);
	list_remove(&c->held_node);
	s->stats.connections--;
	list_push(&s->dead, &c->node);
	event_wake_one(&s->keep);
	if (!s->stats.connections)
		event_wake_all(&s->empty);
}

static void refuse(struct http_server *s, int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Retry-After: 1\r\nConnection: close\r\n\r\n";
	(void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
	close(fd);
	s->stats.refused++;
}

/* Drops a connection that has no fiber. */
static void drop(struct http_conn *c)
{
	c->server->stats.connections--;
	list_remove(&c->node);
	refuse(c->server, c->fd);
	free(c);
}

static void start_connection(struct http_server *s, struct http_conn *c)
{
	struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = c };
	if (epoll_ctl(s->watch_fd, EPOLL_CTL_ADD, c->fd, &ev)) {
		drop(c);
		return;
	}
	c->group = group_open(DEADLINE_NONE);
	if (!group_spawn(c->group, "http connection", http_conn_main, c)) {
		list_push(&s->conns, &c->node);
		return;
	}
	group_close(c->group);
	(void)epoll_ctl(s->watch_fd, EPOLL_CTL_DEL, c->fd, NULL);
	drop(c);
}

static void reap_all(struct http_server *s)
{
	struct list *n;
	while ((n = list_pop(&s->dead))) {
		struct http_conn *c = container_of(n, struct http_conn, node);
		group_close(c->group);
		free(c);
	}
}

/* Opens and closes the groups of connections: not the acceptors, or their end would end them. */
static status keep_main(void *arg)
{
	struct http_server *s = arg;
	for (;;) {
		struct list *n;
		while ((n = list_pop(&s->fresh)))
			start_connection(s, container_of(n, struct http_conn, node));
		reap_all(s);
		if (list_empty(&s->fresh) && event_wait(&s->keep, DEADLINE_NONE))
			return 0;
	}
}

static void peer_text(char out[PEER_MAX], const struct sockaddr_storage *a)
{
	const char *done = NULL;
	if (a->ss_family == AF_INET)
		done = inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, out, PEER_MAX);
	else if (a->ss_family == AF_INET6)
		done = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, out,
				 PEER_MAX);
	if (!done)
		memcpy(out, "unix", 5);
}

static void accepted(struct http_server *s, int fd, const struct sockaddr_storage *from)
{
	if (s->stats.connections >= s->o.connections_max) {
		refuse(s, fd);
		return;
	}
	struct http_conn *c = calloc(1, sizeof *c);
	ASSERT(c);
	c->server = s;
	c->fd = fd;
	peer_text(c->peer, from);
	list_init(&c->sse_node);
	list_init(&c->held_node);
	s->stats.connections++;
	list_push(&s->fresh, &c->node);
	event_wake_one(&s->keep);
}

struct acceptor {
	struct http_server *server;
	int fd;
};

enum { ACCEPT_BATCH = 64, ACCEPT_PAUSE_MS = 50 };

static status accept_main(void *arg)
{
	struct acceptor a = *(struct acceptor *)arg;
	free(arg);
	for (int n = 0;; n++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof from;
		int fd = accept4(a.fd, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		status rc = 0;
		if (fd >= 0)
			accepted(a.server, fd, &from);
		if (fd >= 0 && n % ACCEPT_BATCH == 0)
			rc = fiber_yield(); /* accepted ones get their turn */
		else if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			rc = fd_wait(a.fd, WAIT_READ | WAIT_EDGE, DEADLINE_NONE);
		else if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			rc = fiber_sleep_ms(ACCEPT_PAUSE_MS); /* out of descriptors or memory */
		if (rc)
			return 0;
	}
}

/* --- the watch: who has left? --- */

static void seen_hangup(struct http_conn *c, uint32_t what)
{
	if (what & (EPOLLHUP | EPOLLERR)) {
		c->gone = true;
		if (c->state == CONN_HANDLER && !c->x.q->keep_on_disconnect)
			group_cancel(c->group);
	} else if (what & EPOLLRDHUP) {
		c->half = true;
		if (c->x.sse)
			http_conn_ping(c);
	}
}

static status watch_main(void *arg)
{
	struct http_server *s = arg;
	struct epoll_event ev[32];
	for (;;) {
		int n = epoll_wait(s->watch_fd, ev, countof(ev), 0);
		for (int i = 0; i < n; i++)
			seen_hangup(ev[i].data.ptr, ev[i].events);
		if (n == countof(ev) ? fiber_yield() : fd_wait(s->watch_fd, WAIT_READ, DEADLINE_NONE))
			return 0;
	}
}

/* --- the tick: pings and held answers --- */

static int64_t ping_due(struct http_server *s)
{
	int64_t now = rt_now(), next = DEADLINE_NONE;
	list_each(&s->streams, it) {
		struct http_conn *c = container_of(it, struct http_conn, sse_node);
		if (c->last_write + c->ping_ns <= now)
			http_conn_ping(c);
		next = MIN(next, c->last_write + c->ping_ns);
	}
	return next;
}

/* Looks at the streams at most this often: a ping may be late by as much. */
enum { TICK_NS = 250 * 1000 * 1000 };

static status tick_main(void *arg)
{
	struct http_server *s = arg;
	for (;;) {
		struct list *n;
		while ((n = list_pop(&s->held)))
			(void)http_conn_try_flush(container_of(n, struct http_conn, held_node));
		int64_t now = rt_now();
		if (now >= s->ping_next)
			s->ping_next = MAX(ping_due(s), now + TICK_NS);
		if (event_wait(&s->tick, s->ping_next) && err_code() != ERR_TIMEOUT)
			return 0;
	}
}

/* --- start and stop --- */

static void defaults(struct http_options *o)
{
#define DEFAULT(field, value) o->field = o->field ? o->field : (value)
	DEFAULT(body_limit, 16 << 20);
	DEFAULT(header_limit, 32 << 10);
	DEFAULT(header_count_max, 100);
	DEFAULT(connections_max, 20000);
	DEFAULT(header_timeout_ms, 10000);
	DEFAULT(body_timeout_ms, 30000);
	DEFAULT(idle_timeout_ms, 65000);
	DEFAULT(write_timeout_ms, 60000);
#undef DEFAULT
}

static status start_fibers(struct http_server *s)
{
	if (group_spawn(s->group, "http watch", watch_main, s) ||
	    group_spawn(s->group, "http tick", tick_main, s) ||
	    group_spawn(s->group, "http keep", keep_main, s))
		return -1;
	for (size_t i = 0; i < s->listen_count; i++) {
		struct acceptor *a = malloc(sizeof *a);
		ASSERT(a);
		*a = (struct acceptor){ s, s->listen_fds[i] };
		if (group_spawn(s->acceptors, "http accept", accept_main, a)) {
			free(a);
			return -1;
		}
	}
	return 0;
}

status http_serve(const struct http_options *o, const int *fds, size_t n, struct http_server **out)
{
	ASSERT(o->handler);
	struct http_server *s = calloc(1, sizeof *s);
	ASSERT(s);
	s->o = *o;
	defaults(&s->o);
	list_init(&s->conns);
	list_init(&s->fresh);
	list_init(&s->dead);
	list_init(&s->streams);
	list_init(&s->held);
	s->ping_next = DEADLINE_NONE;
	unsigned char seed[4];
	id_random(seed, sizeof seed);
	snprintf(s->id_prefix, sizeof s->id_prefix, "%02x%02x%02x%02x", seed[0], seed[1], seed[2],
		 seed[3]);
	s->listen_fds = calloc(n + 1, sizeof *fds);
	ASSERT(s->listen_fds);
	memcpy(s->listen_fds, fds, n * sizeof *fds);
	s->listen_count = n;
	s->group = group_open(DEADLINE_NONE);
	s->acceptors = group_open(DEADLINE_NONE);
	s->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	/* sendfile has no flag against it, and a client that leaves must not end the process. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (s->watch_fd < 0) {
		err_errno("epoll_create1");
		http_server_close(s);
		return -1;
	}
	if (start_fibers(s)) {
		struct err why;
		err_save(&why);
		http_server_close(s);
		return err_restore(&why);
	}
	*out = s;
	return 0;
}

static void stop_accepting(struct http_server *s)
{
	s->draining = true;
	if (!s->acceptors)
		return;
	group_close(s->acceptors);
	s->acceptors = NULL;
	for (size_t i = 0; i < s->listen_count; i++) {
		fd_forget(s->listen_fds[i]);
		close(s->listen_fds[i]);
	}
}

static void cancel_all(struct http_server *s, bool idle_only)
{
	list_each(&s->conns, it) {
		struct http_conn *c = container_of(it, struct http_conn, node);
		if (!idle_only || c->state == CONN_IDLE)
			group_cancel(c->group);
	}
}

void http_server_drain(struct http_server *s, deadline until)
{
	stop_accepting(s);
	cancel_all(s, true);
	while (s->stats.connections && !event_wait(&s->empty, until))
		;
	cancel_all(s, false);
}

void http_server_close(struct http_server *s)
{
	if (!s)
		return;
	/* Called while everything is being cancelled, too: the joins must still happen. */
	struct shield sh = shield_begin(INT32_MAX);
	stop_accepting(s);
	cancel_all(s, false);
	struct list *n;
	while ((n = list_pop(&s->fresh)))
		drop(container_of(n, struct http_conn, node));
	while (s->stats.connections)
		if (event_wait(&s->empty, DEADLINE_NONE))
			break;
	reap_all(s);
	group_close(s->group);
	shield_end(sh);
	if (s->watch_fd >= 0)
		close(s->watch_fd);
	while (s->ins.len)
		free(s->ins.at[--s->ins.len]);
	while (s->outs.len)
		free(s->outs.at[--s->outs.len]);
	while (s->arenas.len)
		arena_close(s->arenas.at[--s->arenas.len]);
	free(s->listen_fds);
	free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
	*out = s->stats;
}
