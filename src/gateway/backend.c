/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "rt/rt.h"

struct idle {
	int fd;
	int64_t since; /* rt_now */
};

struct backend {
	struct str address;
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in v4;
	} to;
	socklen_t to_len;
	struct idle idle[BACKEND_IDLE_MAX];
	size_t idle_count;
	struct arena *mem;
};

static status parse_unix(struct backend *u, struct str path)
{
	if (path.len >= sizeof(u->to.local.sun_path))
		return err_set(ERR_INVALID, "socket path is longer than %zu bytes: %.*s",
			       sizeof(u->to.local.sun_path) - 1, STR(path));
	u->to.local.sun_family = AF_UNIX;
	memcpy(u->to.local.sun_path, path.at, path.len);
	u->to_len = sizeof(u->to.local);
	return 0;
}

static status parse_address(struct backend *u, struct str address)
{
	if (str_starts(address, S("unix:")))
		return parse_unix(u, str_skip(address, 5));
	size_t colon = str_rfind_char(address, ':');
	uint64_t port;
	if (colon == SIZE_MAX || str_to_u64(str_skip(address, colon + 1), &port) || port > 65535)
		return err_set(ERR_INVALID, "'%.*s' is no address: use ADDRESS:PORT or unix:PATH",
			       STR(address));
	u->to.v4.sin_family = AF_INET;
	u->to.v4.sin_port = htons((uint16_t)port);
	u->to_len = sizeof(u->to.v4);
	if (inet_pton(AF_INET, arena_cstr(u->mem, str_sub(address, 0, colon)), &u->to.v4.sin_addr) != 1)
		return err_set(ERR_INVALID, "'%.*s': the host must be an IPv4 address", STR(address));
	return 0;
}

status backend_open(struct str address, struct backend **out)
{
	struct arena *mem = arena_open(0);
	struct backend *u = arena_new(mem, struct backend);
	u->mem = mem;
	u->address = arena_str(mem, address);
	if (parse_address(u, u->address)) {
		arena_close(mem);
		return -1;
	}
	*out = u;
	return 0;
}

static void close_fd(int fd)
{
	fd_forget(fd);
	close(fd);
}

void backend_close(struct backend *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->idle_count; i++)
		close_fd(u->idle[i].fd);
	arena_close(u->mem);
}

struct str backend_address(const struct backend *u)
{
	return u->address;
}

/* A kept connection has nothing to say between two exchanges: data or an end means it is done. */
static bool still_good(const struct idle *i)
{
	char byte;
	if (rt_now() - i->since > (int64_t)BACKEND_IDLE_MS * 1000000)
		return false;
	return recv(i->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int take_idle(struct backend *u)
{
	while (u->idle_count) {
		struct idle *i = &u->idle[--u->idle_count];
		if (still_good(i))
			return i->fd;
		close_fd(i->fd);
	}
	return -1;
}

static status connect_wait(struct backend *u, int fd)
{
	deadline until = deadline_in_ms(BACKEND_CONNECT_MS);
	while (connect(fd, &u->to.any, u->to_len) < 0) {
		/* A full backlog on a unix socket is EAGAIN and tells nobody when to try again. */
		if (errno == EAGAIN && rt_now() < until) {
			if (fiber_sleep_ms(2))
				return -1;
			continue;
		}
		if (errno == EISCONN)
			return 0;
		if (errno != EINPROGRESS)
			return err_errno("connect to %.*s", STR(u->address));
		if (fd_wait(fd, WAIT_WRITE, until))
			return -1;
		int why = 0;
		socklen_t len = sizeof(why);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0 || why) {
			errno = why;
			return err_errno("connect to %.*s", STR(u->address));
		}
		return 0;
	}
	return 0;
}

static status connect_new(struct backend *u, int *out)
{
	int fd = socket(u->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno("socket");
	int on = 1;
	if (u->to.any.sa_family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect_wait(u, fd)) {
		close_fd(fd);
		return -1;
	}
	*out = fd;
	return 0;
}

status backend_begin(struct backend *u, struct arena *mem, bool fresh, struct backend_call *c)
{
	*c = (struct backend_call){ .up = u, .mem = mem, .fd = -1 };
	if (!fresh)
		c->fd = take_idle(u);
	c->reused = c->fd >= 0;
	if (c->fd < 0 && connect_new(u, &c->fd)) {
		if (err_code() == ERR_CANCELLED || err_code() == ERR_TIMEOUT)
			return -1;
		return err_set(ERR_UNAVAILABLE, "The service behind this address does not answer "
						"at the moment. Try again.");
	}
	c->in = arena_text(mem, BACKEND_HEAD_MAX);
	return 0;
}

status backend_send(struct backend_call *c, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(c->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (n >= 0) {
			bytes = str_skip(bytes, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_set(ERR_UPSTREAM, "The service ended the connection.");
		if (fd_wait(c->fd, WAIT_WRITE, deadline_in_ms(c->read_ms)))
			return -1;
	}
	return 0;
}

bool backend_answers(const struct backend_call *c)
{
	char probe;
	return recv(c->fd, &probe, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* More bytes behind c->end; *got = 0 when the other side has ended. */
static status fill(struct backend_call *c, size_t *got)
{
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->end, BACKEND_HEAD_MAX - c->end, 0);
		if (n >= 0) {
			c->end += (size_t)n;
			*got = (size_t)n;
			return 0;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_set(ERR_UPSTREAM, "The service ended the connection.");
		if (fd_wait(c->fd, WAIT_READ, deadline_in_ms(c->read_ms)))
			return -1;
	}
}

static status bad_answer(const char *why)
{
	return err_set(ERR_PROTOCOL, "The service gave an answer that is no HTTP (%s).", why);
}

static status parse_line(struct backend_call *c, struct str line)
{
	size_t colon = str_find_char(line, ':');
	if (colon == SIZE_MAX || c->header_count == BACKEND_HEADERS_MAX)
		return bad_answer("header");
	c->headers[c->header_count++] = (struct http_header){
		.name = str_sub(line, 0, colon),
		.value = str_trim(str_skip(line, colon + 1)),
	};
	return 0;
}

static status parse_head(struct backend_call *c, struct str head)
{
	int64_t code;
	struct str line = str_cut(&head, '\n');
	if (!str_starts(line, S("HTTP/1.")) || str_to_i64(str_sub(line, 9, 3), &code))
		return bad_answer("status line");
	c->status = (int)code;
	c->header_count = 0;
	c->keep_alive = str_starts(line, S("HTTP/1.1"));
	while (head.len) {
		line = str_trim(str_cut(&head, '\n'));
		if (line.len && parse_line(c, line))
			return -1;
	}
	return 0;
}

struct str backend_header(const struct backend_call *c, struct str name)
{
	for (size_t i = 0; i < c->header_count; i++)
		if (str_eq_nocase(c->headers[i].name, name))
			return c->headers[i].value;
	return (struct str){ 0 };
}

static status body_framing(struct backend_call *c, enum http_method method)
{
	struct str length = backend_header(c, S("Content-Length"));
	if (http_list_has(backend_header(c, S("Connection")), S("close")))
		c->keep_alive = false;
	c->length = -2;
	if (method == HTTP_HEAD || c->status == 204 || c->status == 304)
		c->length = 0;
	else if (http_list_has(backend_header(c, S("Transfer-Encoding")), S("chunked")))
		c->length = -1;
	else if (length.len && (str_to_i64(length, &c->length) || c->length < 0))
		return bad_answer("Content-Length");
	c->ended = c->length == 0;
	return 0;
}

status backend_head(struct backend_call *c, enum http_method method)
{
	do {
		size_t stop;
		while ((stop = str_find(str_of(c->in + c->at, c->end - c->at), S("\r\n\r\n"))) ==
		       SIZE_MAX) {
			size_t got;
			if (c->end == BACKEND_HEAD_MAX)
				return bad_answer("head too large");
			if (fill(c, &got))
				return -1;
			if (!got)
				return err_set(ERR_UPSTREAM, "The service ended the connection "
							     "before it answered.");
		}
		/* The lines are copied: the buffer will hold the body. */
		struct str head = arena_str(c->mem, str_of(c->in + c->at, stop + 2));
		c->at += stop + 4;
		if (parse_head(c, head))
			return -1;
	} while (c->status < 200);
	return body_framing(c, method);
}

static status more(struct backend_call *c)
{
	size_t got;
	c->at = c->end = 0;
	if (fill(c, &got))
		return -1;
	if (!got && c->length == -2)
		c->ended = true;
	else if (!got)
		return err_set(ERR_UPSTREAM, "The service ended the connection in mid-answer.");
	return 0;
}

static status chunk(struct backend_call *c, struct str *piece)
{
	size_t used;
	int r = http_chunks_next(&c->chunks, c->in + c->at, c->end - c->at, &used, piece);
	c->at += used;
	if (r >= 400)
		return bad_answer("chunks");
	if (r != HTTP_CHUNKS_DATA)
		*piece = (struct str){ 0 };
	if (r == HTTP_CHUNKS_END)
		c->ended = true;
	return 0;
}

status backend_body(struct backend_call *c, struct str *piece)
{
	*piece = (struct str){ 0 };
	while (!c->ended && !piece->len) {
		if (c->at == c->end && more(c))
			return -1;
		if (c->length == -1) {
			if (chunk(c, piece))
				return -1;
			continue;
		}
		*piece = str_of(c->in + c->at, c->end - c->at);
		if (c->length >= 0)
			*piece = str_sub(*piece, 0, (size_t)MIN(c->length, (int64_t)piece->len));
		c->at += piece->len;
		if (c->length >= 0)
			c->length -= (int64_t)piece->len;
		c->ended = c->ended || c->length == 0;
	}
	return 0;
}

void backend_end(struct backend_call *c)
{
	struct backend *u = c->up;
	if (c->fd < 0)
		return;
	if (c->ended && c->keep_alive && !c->cut && c->length != -2 && c->at == c->end &&
	    u->idle_count < BACKEND_IDLE_MAX)
		u->idle[u->idle_count++] = (struct idle){ c->fd, rt_now() };
	else
		close_fd(c->fd);
	c->fd = -1;
}
