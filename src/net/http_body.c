/* SPDX-License-Identifier: Apache-2.0 */
/* http_body: the bytes of a request's body, framing removed, limits kept. */
#include "net/http_int.h"
#include "base/err.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* After this the framing is lost: the connection cannot carry another request. */
static status broken(struct http_conn *c)
{
	c->x.keep_alive = false;
	c->linger = true;
	return -1;
}

static status too_large(struct http *q)
{
	err_set(ERR_TOO_LARGE, "the request body is larger than %llu bytes",
		(unsigned long long)q->body_limit);
	return broken(q->conn);
}

static status wait_failed(struct http_conn *c)
{
	if (err_code() == ERR_TIMEOUT)
		err_public(ERR_TIMEOUT, "request_timeout", 408,
			   "the request body did not arrive in time");
	return broken(c);
}

static status ended_early(struct http_conn *c)
{
	c->gone |= c->half;
	err_set(ERR_CLOSED, "the client ended within the request body");
	return broken(c);
}

static status ask_for_body(struct http_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	c->x.send_continue = false;
	if (c->x.started || c->in)
		return 0; /* too late to ask, or it is coming already */
	struct iovec v = { (void *)(uintptr_t)text, sizeof text - 1 };
	return http_conn_send(c, &v, 1);
}

/* Straight from the socket into the reader's memory. */
static status receive(struct http_conn *c, char *at, size_t cap, size_t *n)
{
	deadline until = deadline_in_ms(c->server->o.body_timeout_ms);
	for (;;) {
		ssize_t got = recv(c->fd, at, cap, 0);
		if (got > 0) {
			*n = (size_t)got;
			return 0;
		}
		if (!got || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return ended_early(c);
		if (errno == EINTR)
			continue;
		if (http_conn_flush(c) || fd_wait(c->fd, WAIT_READ | WAIT_EDGE, until))
			return wait_failed(c);
	}
}

static status read_length(struct http_conn *c, char *at, size_t cap, size_t *n)
{
	size_t want = MIN(cap, c->x.body_left);
	size_t have = c->in_end - c->in_at;
	if (have) {
		*n = MIN(want, have);
		memcpy(at, c->in + c->in_at, *n);
		c->in_at += *n;
		http_conn_drop_input(c);
	} else if (receive(c, at, want, n)) {
		return -1;
	}
	c->x.body_left -= *n;
	c->x.body_done = !c->x.body_left;
	return 0;
}

static status read_chunked(struct http_conn *c, char *at, size_t cap, size_t *n)
{
	for (;;) {
		size_t have = c->in_end - c->in_at, used = 0;
		if (!have) {
			if (http_conn_fill(c, c->server->o.body_timeout_ms, &have))
				return wait_failed(c);
			if (!have)
				return ended_early(c);
		}
		struct str data;
		int got = http_chunks_next(&c->x.chunks, c->in + c->in_at, MIN(have, cap), &used,
					   &data);
		c->in_at += used;
		if (got == HTTP_CHUNKS_DATA) {
			memcpy(at, data.at, data.len);
			*n = data.len;
			return 0;
		}
		if (got == HTTP_CHUNKS_END) {
			http_conn_drop_input(c);
			c->x.body_done = true;
			*n = 0;
			return 0;
		}
		if (got != HTTP_CHUNKS_MORE) {
			err_public(ERR_BAD_REQUEST, "", got, "the chunked request body is malformed");
			return broken(c);
		}
	}
}

/* As http_body_read, without the limit. */
static status read_some(struct http_conn *c, char *at, size_t cap, size_t *n)
{
	if (c->x.body_done || !cap) {
		*n = 0;
		return 0;
	}
	if (c->x.send_continue && ask_for_body(c))
		return broken(c);
	if (c->x.body == BODY_LENGTH ? read_length(c, at, cap, n) : read_chunked(c, at, cap, n))
		return -1;
	c->x.body_got += *n;
	c->server->stats.bytes_in += *n;
	return 0;
}

status http_body_read(struct http *q, char *at, size_t cap, size_t *n)
{
	struct exchange *x = &q->conn->x;
	if (x->body == BODY_LENGTH && x->body_got + x->body_left > q->body_limit)
		return too_large(q);
	if (read_some(q->conn, at, cap, n))
		return -1;
	if (x->body_got > q->body_limit)
		return too_large(q);
	return 0;
}

status http_body(struct http *q, struct str *out)
{
	struct exchange *x = &q->conn->x;
	if (x->body == BODY_LENGTH && x->body_left > q->body_limit)
		return too_large(q);
	size_t cap = x->body == BODY_LENGTH ? x->body_left : 4096;
	char *at = arena_text(q->mem, cap + 1);
	size_t len = 0;
	while (!x->body_done) {
		size_t n;
		if (len == cap) {
			at = arena_grow(q->mem, at, cap + 1, size_mul(cap, 2) + 1);
			cap *= 2;
		}
		if (http_body_read(q, at + len, cap - len, &n))
			return -1;
		len += n;
	}
	at[len] = 0; /* for parsers that like a guard behind the text */
	*out = str_of(at, len);
	return 0;
}

bool http_body_skip(struct http_conn *c)
{
	struct exchange *x = &c->x;
	char scrap[512];
	size_t skipped = 0, n = 0;
	/* A client that still waits for "100 Continue" may send the body or not. */
	if (x->send_continue || x->body_left > DRAIN_BODY_MAX)
		return false;
	while (!x->body_done) {
		if (skipped > DRAIN_BODY_MAX || read_some(c, scrap, sizeof scrap, &n))
			return false;
		skipped += n;
	}
	return true;
}
