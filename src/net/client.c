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

enum { KICK = -1, CONNECTIONS_PER_HOST = 64, CONNECTIONS_KEPT = 128 };

/* epoll's 64 bits: pool and socket. */
static uint64_t event_key(int pool, int fd)
{
	return (uint64_t)(uint32_t)pool << 32 | (uint32_t)fd;
}

struct curl_arg {
	struct client *client;
	int pool;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	const struct curl_arg *a = arg;
	struct client *c = a->client;
	struct epoll_event e = { .data.u64 = event_key(a->pool, fd) };
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
	const struct curl_arg *a = arg;
	a->client->timer_at[a->pool] =
		ms < 0 ? DEADLINE_NONE : rt_now() + (int64_t)ms * 1000000;
	(void)multi;
	client_kick(a->client);
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
	for (int p = 0; p < POOL_COUNT; p++) {
		if (c->timer_at[p] > rt_now())
			continue;
		c->timer_at[p] = DEADLINE_NONE;
		curl_multi_socket_action(c->multi[p], CURL_SOCKET_TIMEOUT, 0, &running);
	}
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
		int pool = (int)(ev[i].data.u64 >> 32), fd = (int)(uint32_t)ev[i].data.u64;
		uint64_t scrap;
		if (pool == POOL_COUNT) {
			(void)!read(c->kick_fd, &scrap, sizeof scrap);
			continue;
		}
		int what = (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
		curl_multi_socket_action(c->multi[pool], fd, what, &running);
	}
	return n;
}

static void collect_done(struct client *c)
{
	for (int p = 0; p < POOL_COUNT; p++) {
		CURLMsg *m;
		int left;
		while ((m = curl_multi_info_read(c->multi[p], &left))) {
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
		int64_t until = MIN(c->timer_at[POOL_DIRECT], c->timer_at[POOL_GUARDED]);
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
	return 0;
}

/* --- open and close --- */

static status open_multi(struct client *c, int pool)
{
	CURLM *m = curl_multi_init();
	if (!m)
		return err_set(ERR_INTERNAL, "curl_multi_init failed");
	struct curl_arg *a = arena_new(c->mem, struct curl_arg);
	*a = (struct curl_arg){ c, pool };
	c->multi[pool] = m;
	c->timer_at[pool] = DEADLINE_NONE;
	curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m, CURLMOPT_SOCKETDATA, a);
	curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(m, CURLMOPT_TIMERDATA, a);
	curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->o.connections_per_host);
	return 0;
}

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
				 .data.u64 = event_key(POOL_COUNT, c->kick_fd) };
	if (c->epoll_fd < 0 || c->kick_fd < 0 ||
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->kick_fd, &e))
		return err_errno("open the client's event set");
	for (int p = 0; p < POOL_COUNT; p++)
		if (open_multi(c, p))
			return -1;
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
	for (int p = 0; p < POOL_COUNT; p++)
		curl_multi_cleanup(c->multi[p]);
	if (c->epoll_fd >= 0) {
		fd_forget(c->epoll_fd);
		close(c->epoll_fd);
	}
	if (c->kick_fd >= 0)
		close(c->kick_fd);
	curl_global_cleanup();
	arena_close(c->mem);
}
