/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: connections of runs, byte for byte to the proxy. It reads nothing of them; what may be
 * reached is the proxy's decision. Bytes and connections are bounded, for a run as a whole where the
 * launcher makes its connections (it says whose each is), else for each connection.
 */
#include "sandbox/front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "net/url.h"

enum {
	CONNECTIONS_MAX = 512, /* of all runs, where it is not known whose they are */
	IDLE_MS = 60000,
	CONNECT_MS = 10000,
	REFUSE_MS = 2000,
	PIECE = 3072,
};

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_storage space;
};
struct relay {
	struct arena *mem;
	int fd;
	struct str proxy;
	struct relay_account limits;
	struct group *group;
	size_t open;
	bool closed;
};
struct pair {
	struct relay *relay; /* NULL: the launcher brought it */
	struct str proxy;
	struct relay_account *account, own;
	int client, server;
};
struct flow {
	int from, to;
	size_t *left;
};

/* --- the proxy's address --- */

struct look_up {
	char host[256];
	uint16_t port;
	union address to;
	socklen_t len;
};

static status look_up(void *arg)
{
	struct look_up *q = arg;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
	char port[8];
	snprintf(port, sizeof(port), "%u", q->port);
	if (getaddrinfo(q->host, port, &hints, &found) || !found)
		return err_set(ERR_UPSTREAM, "the proxy's name %s is not known", q->host);
	memcpy(&q->to, found->ai_addr, found->ai_addrlen);
	q->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static status find_proxy(struct arena *mem, struct str proxy, union address *to, socklen_t *len)
{
	if (str_starts(proxy, S("unix:"))) {
		struct str path = str_skip(proxy, 5);
		if (path.len >= sizeof(to->local.sun_path))
			return err_set(ERR_INVALID, "the path of the proxy's socket is too long");
		to->local = (struct sockaddr_un){ .sun_family = AF_UNIX };
		memcpy(to->local.sun_path, path.at, path.len);
		*len = sizeof(to->local);
		return 0;
	}
	struct url u;
	if (!proxy.len || url_parse(proxy, &u) || u.host.len >= sizeof(((struct look_up *)0)->host))
		return err_set(ERR_UPSTREAM, "no proxy is set: programs reach no network");
	struct look_up *q = mem_zero(sizeof(*q));
	memcpy(q->host, u.host.at, u.host.len);
	q->port = u.port;
	if (pool_run(look_up, q, free))
		return -1;
	*to = q->to;
	*len = q->len;
	free(q);
	return 0;
}

static status dial(struct arena *mem, struct str proxy, int *out)
{
	union address to;
	socklen_t len;
	if (find_proxy(mem, proxy, &to, &len))
		return -1;
	int why = 0;
	socklen_t size = sizeof(why);
	AUTO(fd) s = { socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (s.n < 0)
		return err_errno("socket");
	if (connect(s.n, &to.any, len) < 0) {
		if (errno != EINPROGRESS)
			return err_errno("connect to the proxy");
		if (fd_wait(s.n, WAIT_WRITE, deadline_in_ms(CONNECT_MS))) {
			fd_forget(s.n);
			return -1;
		}
		(void)getsockopt(s.n, SOL_SOCKET, SO_ERROR, &why, &size);
		errno = why;
		if (why) {
			fd_forget(s.n);
			return err_errno("connect to the proxy");
		}
	}
	*out = s.n;
	s.n = -1;
	return 0;
}

/* --- bytes --- */

static status write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			if (fd_wait(fd, WAIT_WRITE | WAIT_EDGE, deadline_in_ms(IDLE_MS)))
				return -1;
			continue;
		}
		if (n <= 0)
			return err_errno("relay");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static status copy(void *arg)
{
	struct flow *f = arg;
	char piece[PIECE];
	while (*f->left) {
		ssize_t n = recv(f->from, piece, MIN(sizeof(piece), *f->left), 0);
		if (n < 0 && errno == EAGAIN) {
			if (fd_wait(f->from, WAIT_READ | WAIT_EDGE, deadline_in_ms(IDLE_MS)))
				return -1;
			continue;
		}
		if (n < 0)
			return err_errno("relay");
		if (n == 0) {
			shutdown(f->to, SHUT_WR);
			return 0;
		}
		*f->left -= MIN((size_t)n, *f->left); /* before the wait: other connections count too */
		if (write_all(f->to, piece, (size_t)n))
			return -1;
	}
	return err_set(ERR_TOO_LARGE, "the connections of a program carried too much");
}

static void close_pair(struct pair *p)
{
	fd_forget(p->client);
	close(p->client);
	if (p->server >= 0) {
		fd_forget(p->server);
		close(p->server);
	}
	p->account->open--;
	if (p->relay)
		p->relay->open--;
	free(p);
}

/* An answer that every client understands, after its first words: a connection that only closes
 * looks to some libraries like one to try again for ever. */
static void say_no(int fd, const char *status_line, const char *why)
{
	char piece[PIECE], answer[512];
	deadline until = deadline_in_ms(REFUSE_MS);
	int len = snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			   "Connection: close\r\n\r\n%s", status_line, strlen(why), why);
	if (fd_wait(fd, WAIT_READ, until) || recv(fd, piece, sizeof(piece), 0) <= 0 || write_all(fd, answer, (size_t)len))
		return;
	shutdown(fd, SHUT_WR);
	/* Read to the end: closing over unread bytes would take the answer back. */
	while (!fd_wait(fd, WAIT_READ, until) && recv(fd, piece, sizeof(piece), 0) > 0)
		;
}

static status serve_pair(void *arg)
{
	struct pair *p = arg;
	struct relay_account *a = p->account;
	AUTO(arena) mem = { arena_open(0) };
	if (a->open > a->connections) {
		say_no(p->client, "503 Service Unavailable", "this program has too many connections open");
	} else if (!a->up || !a->down) {
		say_no(p->client, "503 Service Unavailable", "this program has sent or received too much");
	} else if (dial(mem.p, p->proxy, &p->server)) {
		log_err(LOG_WARN, "a program's connection");
		say_no(p->client, "502 Bad Gateway", "the proxy of this sandbox is not there");
	} else {
		struct flow up = { p->client, p->server, &a->up }, down = { p->server, p->client, &a->down };
		struct group *g = group_open(DEADLINE_NONE);
		if (group_spawn(g, "relay up", copy, &up) || group_spawn(g, "relay down", copy, &down) || group_wait(g))
			log_debug("relay: %.*s", STR(err_text()));
		group_close(g);
	}
	close_pair(p);
	return 0;
}

void relay_take(struct group *g, struct str proxy, struct relay_account *account, int fd)
{
	struct pair *p = mem_zero(sizeof(*p));
	*p = (struct pair){ .proxy = proxy, .account = account, .client = fd, .server = -1 };
	account->open++;
	if (group_spawn(g, "relay", serve_pair, p))
		close_pair(p);
}

static status accept_loop(void *arg)
{
	struct relay *r = arg;
	while (!r->closed) {
		int fd = accept4(r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) {
			if (fd_wait(r->fd, WAIT_READ, DEADLINE_NONE))
				return -1;
			continue;
		}
		if (fd < 0) {
			if (fiber_sleep_ms(10))
				return -1;
			continue;
		}
		struct pair *p = mem_zero(sizeof(*p));
		*p = (struct pair){ r, r->proxy, &p->own, r->limits, fd, -1 };
		p->own.open = 1;
		if (r->open++ >= CONNECTIONS_MAX || group_spawn(r->group, "relay", serve_pair, p))
			close_pair(p);
	}
	return 0;
}

status relay_open(struct str proxy, const struct relay_account *limits, int fd, struct relay **out)
{
	struct arena *mem = arena_open(0);
	struct relay *r = arena_new(mem, struct relay);
	*r = (struct relay){ .mem = mem, .fd = fd, .proxy = arena_str(mem, proxy), .limits = *limits };
	r->group = group_open(DEADLINE_NONE);
	if (group_spawn(r->group, "relay accept", accept_loop, r)) {
		relay_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void relay_close(struct relay *r)
{
	if (!r)
		return;
	r->closed = true;
	group_close(r->group);
	fd_forget(r->fd);
	close(r->fd);
	arena_close(r->mem);
}
