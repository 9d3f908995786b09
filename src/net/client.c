/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: libcurl's multi interface on the loop. curl tells which sockets and which time it waits
 * for; one driver fiber waits for them in an epoll set of the client's own and calls curl, so that
 * callbacks run on its stack and never on a parked request's. Exchanges are transfer.c's.
 */
#include "net/client_int.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CONNECTIONS_PER_HOST = 64, CONNECTIONS_KEPT = 128, CONNECTIONS_KEPT_MORE = 16 };

/* epoll's 64 bits: lane and socket. */
static uint64_t event_key(uint32_t lane, int fd)
{
	return (uint64_t)lane << 32 | (uint32_t)fd;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	const struct lane *l = arg;
	struct client *c = l->client;
	struct epoll_event e = { .data.u64 = event_key(l->index, fd) };
	(void)easy;
	(void)known;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		e.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		e.events |= EPOLLOUT;
	if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &e) && errno == ENOENT &&
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e))
		return -1;
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct lane *l = arg;
	l->timer_at = ms < 0 ? DEADLINE_NONE : rt_now() + (int64_t)ms * 1000000;
	(void)multi;
	client_kick(l->client);
	return 0;
}

void client_kick(struct client *c)
{
	uint64_t one = 1;
	if (!c->parked)
		return;
	c->parked = false;
	(void)!write(c->kick_fd, &one, sizeof one);
}

void client_resume(struct client_stream *t)
{
	if (!list_empty(&t->resume_node) || t->done)
		return;
	list_push(&t->client->resumed, &t->resume_node);
	client_kick(t->client);
}

CURL *client_take_easy(struct client *c)
{
	return c->spare_len ? c->spare[--c->spare_len] : curl_easy_init();
}

void client_give_easy(struct client *c, CURL *easy)
{
	curl_easy_reset(easy);
	if (c->spare_len < SPARE_MAX)
		c->spare[c->spare_len++] = easy;
	else
		curl_easy_cleanup(easy);
}

/* --- the driver --- */

static void run_timers(struct client *c)
{
	int running;
	int64_t now = rt_now();
	for (uint32_t i = 0; i < c->lane_count; i++) {
		struct lane *l = c->lanes[i];
		if (l->timer_at > now)
			continue;
		l->timer_at = DEADLINE_NONE;
		curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

static int64_t next_timer(const struct client *c)
{
	int64_t next = DEADLINE_NONE;
	for (uint32_t i = 0; i < c->lane_count; i++)
		next = MIN(next, c->lanes[i]->timer_at);
	return next;
}

static void run_resumed(struct client *c)
{
	struct list *n;
	while ((n = list_pop(&c->resumed))) {
		struct client_stream *t = container_of(n, struct client_stream, resume_node);
		t->paused = false;
		curl_easy_pause(t->easy, CURLPAUSE_CONT);
	}
}

static int run_sockets(struct client *c)
{
	struct epoll_event ev[32];
	int running, n = epoll_wait(c->epoll_fd, ev, countof(ev), 0);
	for (int i = 0; i < n; i++) {
		uint32_t lane = (uint32_t)(ev[i].data.u64 >> 32);
		int fd = (int)(uint32_t)ev[i].data.u64;
		uint64_t scrap;
		if (lane == LANES_MAX) {
			(void)!read(c->kick_fd, &scrap, sizeof scrap);
			continue;
		}
		int what = (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
		curl_multi_socket_action(c->lanes[lane]->multi, fd, what, &running);
	}
	return n;
}

static void collect_done(struct client *c)
{
	for (uint32_t i = 0; i < c->lane_count; i++) {
		CURLMsg *m;
		int left;
		while ((m = curl_multi_info_read(c->lanes[i]->multi, &left))) {
			struct client_stream *t = NULL;
			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
			t->code = m->data.result;
			t->done = true;
			list_remove(&t->resume_node);
			event_wake_all(&t->changed);
		}
	}
}

static status drive_main(void *arg)
{
	struct client *c = arg;
	for (;;) {
		status rc = 0;
		run_timers(c);
		run_resumed(c);
		int n = run_sockets(c);
		collect_done(c);
		int64_t until = next_timer(c);
		if (n > 0 || !list_empty(&c->resumed) || until <= rt_now()) {
			rc = fiber_yield();
		} else {
			c->parked = true;
			rc = fd_wait(c->epoll_fd, WAIT_READ | WAIT_EDGE, until);
			c->parked = false;
			rc = rc && err_code() != ERR_TIMEOUT;
		}
		if (rc)
			break;
	}
	c->dead = true;
	list_each(&c->transfers, it)
		event_wake_all(&container_of(it, struct client_stream, node)->changed);
	event_wake_all(&c->guarded_free);
	return 0;
}

/* --- lanes --- */

static struct lane *open_lane(struct client *c, int pool)
{
	CURLM *m = c->lane_count < LANES_MAX ? curl_multi_init() : NULL;
	if (!m)
		return NULL;
	struct lane *l = arena_new(c->mem, struct lane);
	*l = (struct lane){ c, m, pool, c->lane_count, 0, DEADLINE_NONE };
	c->lanes[c->lane_count++] = l;
	curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(m, CURLMOPT_TIMERDATA, l);
	curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	/* Lanes that came with a rush keep little of it. */
	long kept = l->index < POOL_COUNT ? (long)CONNECTIONS_KEPT : (long)CONNECTIONS_KEPT_MORE;
	if (pool == POOL_GUARDED && c->o.limits.kept)
		kept = MIN(kept, (long)c->o.limits.kept);
	curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, kept);
	curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->o.connections_per_host);
	return l;
}

/* The first with room, so that connections are used again; a new one; else the emptiest. Within the
 * limit of connections to a host one lane is enough, and counts them. */
static struct lane *find_lane(struct client *c, int pool)
{
	bool may_grow = c->o.connections_per_host > LANE_TRANSFERS;
	struct lane *best = NULL;
	for (uint32_t i = 0; i < c->lane_count; i++) {
		struct lane *l = c->lanes[i];
		if (l->pool != pool)
			continue;
		if (l->running < LANE_TRANSFERS || !may_grow)
			return l;
		if (!best || l->running < best->running)
			best = l;
	}
	struct lane *fresh = open_lane(c, pool);
	return fresh ? fresh : best;
}

status client_begin(struct client_stream *t)
{
	struct lane *l = find_lane(t->client, t->req->guarded ? POOL_GUARDED : POOL_DIRECT);
	if (!l || curl_multi_add_handle(l->multi, t->easy))
		return err_set(ERR_INTERNAL, "the HTTP client cannot start a transfer");
	l->running++;
	t->lane = l;
	return 0;
}

void client_end(struct client_stream *t)
{
	struct lane *l = take(t->lane);
	if (!l)
		return;
	curl_multi_remove_handle(l->multi, t->easy);
	l->running--;
}

/* --- open and close --- */

static status open_parts(struct client *c)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(ERR_INTERNAL, "curl_global_init failed");
	/* curl must not change signal handlers in a process of threads; a closed peer is no reason to
	 * end. */
	(void)signal(SIGPIPE, SIG_IGN);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event e = { .events = EPOLLIN,
				 .data.u64 = event_key(LANES_MAX, c->kick_fd) };
	if (c->epoll_fd < 0 || c->kick_fd < 0 ||
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->kick_fd, &e))
		return err_errno("open the client's event set");
	c->group = group_open(DEADLINE_NONE);
	return group_spawn(c->group, "http client", drive_main, c);
}

status client_open(const struct client_options *o, struct client **out)
{
	struct arena *mem = arena_open(0);
	struct client *c = arena_new(mem, struct client);
	c->mem = mem;
	c->o = *o;
	c->o.ca_file = arena_str(mem, o->ca_file);
	c->o.proxy = arena_str(mem, o->proxy);
	c->o.proxy_tls = arena_str(mem, o->proxy_tls.len ? o->proxy_tls : o->proxy);
	if (!c->o.connections_per_host)
		c->o.connections_per_host = CONNECTIONS_PER_HOST;
	c->epoll_fd = c->kick_fd = -1;
	list_init(&c->transfers);
	list_init(&c->resumed);
	if (open_parts(c)) {
		struct err why;
		err_save(&why);
		client_close(c);
		return err_restore(&why);
	}
	*out = c;
	return 0;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	struct shield sh = shield_begin(INT32_MAX);
	group_close(c->group);
	shield_end(sh);
	ASSERT(list_empty(&c->transfers)); /* streams end before their client */
	while (c->spare_len)
		curl_easy_cleanup(c->spare[--c->spare_len]);
	for (uint32_t i = 0; i < c->lane_count; i++)
		curl_multi_cleanup(c->lanes[i]->multi);
	if (c->epoll_fd >= 0) {
		fd_forget(c->epoll_fd);
		close(c->epoll_fd);
	}
	if (c->kick_fd >= 0)
		close(c->kick_fd);
	curl_global_cleanup();
	arena_close(c->mem);
}
