/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn: the life of one connection: wait, read a head, call the handler, again. While nothing
 * happens it holds no buffer and no arena, only its record and its stack.
 */
#include "net/http_int.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "net/url.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BLANK_LINES_MAX = 4, /* before a request line, RFC 9112 2.2 */
	LINGER_MS = 5000,
	REQUEST_ID_MAX = 64,
	REQUEST_MEM = 2 << 10,
};

/* --- buffers --- */

static void take_input(struct http_conn *c)
{
	if (c->in)
		return;
	c->in = pool_block(&c->server->ins, IN_CAP);
	c->in_cap = IN_CAP;
	c->in_at = c->in_end = 0;
}

static void free_input(struct http_conn *c)
{
	if (c->in && c->in_cap == IN_CAP)
		pool_give(&c->server->ins, c->in);
	else
		free(c->in);
	c->in = NULL;
	c->in_at = c->in_end = 0;
}

void http_conn_drop_input(struct http_conn *c)
{
	if (c->in_at == c->in_end)
		free_input(c);
}

/* Makes room behind what is buffered. */
static void make_room(struct http_conn *c)
{
	take_input(c);
	size_t have = c->in_end - c->in_at;
	if (c->in_at) {
		memmove(c->in, c->in + c->in_at, have);
		c->in_at = 0;
		c->in_end = have;
	}
	if (have < c->in_cap || c->in_cap >= c->server->o.header_limit)
		return;
	char *bigger = malloc(c->server->o.header_limit);
	ASSERT(bigger);
	memcpy(bigger, c->in, have);
	free_input(c);
	c->in = bigger;
	c->in_cap = c->server->o.header_limit;
	c->in_end = have;
}

/* One read without waiting; *again when there is nothing yet. */
static status receive(struct http_conn *c, size_t *n, bool *again)
{
	*again = false;
	ssize_t got;
	do
		got = recv(c->fd, c->in + c->in_end, c->in_cap - c->in_end, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		*again = true;
		return 0;
	}
	if (got < 0)
		return err_set(ERR_CLOSED, "the client has closed the connection");
	c->in_end += (size_t)got;
	*n = (size_t)got;
	return 0;
}

static status fill_until(struct http_conn *c, deadline until, size_t *n)
{
	make_room(c);
	for (;;) {
		bool again;
		if (receive(c, n, &again))
			return -1;
		if (!again)
			return 0;
		if (http_conn_flush(c) || fd_wait(c->fd, WAIT_READ | WAIT_EDGE, until))
			return -1;
	}
}

status http_conn_fill(struct http_conn *c, int64_t timeout_ms, size_t *n)
{
	return fill_until(c, deadline_in_ms(timeout_ms), n);
}

static void take_arena(struct http_conn *c)
{
	struct pool *p = &c->server->arenas;
	if (!c->mem)
		c->mem = p->len ? p->at[--p->len] : arena_open(REQUEST_MEM);
}

static void free_arena(struct http_conn *c)
{
	struct pool *p = &c->server->arenas;
	if (!c->mem)
		return;
	if (p->len == POOL_MAX) {
		arena_close(c->mem);
	} else {
		arena_reset(c->mem);
		p->at[p->len++] = c->mem;
	}
	c->mem = NULL;
}

/* --- reading a head --- */

static void skip_blank_lines(struct http_conn *c)
{
	for (int i = 0; i < BLANK_LINES_MAX; i++) {
		if (c->in_end - c->in_at < 2 || memcmp(c->in + c->in_at, "\r\n", 2))
			return;
		c->in_at += 2;
	}
}

/* HTTP_SCAN_FOUND, a status that refuses, or -1 when the connection is over. */
static int read_head(struct http_conn *c, struct http_scan *scan)
{
	deadline until = deadline_in_ms(c->server->o.header_timeout_ms);
	for (;;) {
		size_t have = c->in_end - c->in_at, n;
		if (have && !scan->seen)
			skip_blank_lines(c);
		have = c->in_end - c->in_at;
		/* Half a blank line is not yet the start of a request. */
		if (have && !(have == 1 && !scan->seen && c->in[c->in_at] == '\r')) {
			int found = http_scan(scan, c->in + c->in_at, have,
					      c->server->o.header_limit);
			if (found != HTTP_SCAN_MORE)
				return found;
		}
		if (fill_until(c, until, &n))
			return err_code() == ERR_TIMEOUT && have ? 408 : -1;
		if (!n)
			return -1;
	}
}

/* --- building the request --- */

static bool id_is_sane(struct str s)
{
	if (!s.len || s.len > REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char ch = s.at[i];
		bool alnum = (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z');
		if (!alnum && ch != '-' && ch != '_' && ch != '.')
			return false;
	}
	return true;
}

static struct str make_id(struct http_conn *c)
{
	static const char digits[] = "0123456789abcdef";
	char *id = arena_text(c->mem, 20);
	uint64_t n = c->server->id_next++;
	memcpy(id, c->server->id_prefix, 8);
	for (int i = 19; i >= 8; i--, n >>= 4)
		id[i] = digits[n & 15];
	return str_of(id, 20);
}

/* The address that our gateway saw is the last one of the list; earlier ones the client wrote. */
static void read_forwarded(struct http *q)
{
	struct str list = http_header(q, S("X-Forwarded-For"));
	size_t comma = str_rfind_char(list, ',');
	struct str last = str_trim(comma == SIZE_MAX ? list : str_skip(list, comma + 1));
	unsigned char space[16];
	char text[INET6_ADDRSTRLEN];
	if (last.len && last.len < sizeof text) {
		memcpy(text, last.at, last.len);
		text[last.len] = 0;
		if (inet_pton(AF_INET, text, space) == 1 || inet_pton(AF_INET6, text, space) == 1)
			q->peer = last;
	}
	q->tls = str_eq_nocase(http_header(q, S("X-Forwarded-Proto")), S("https"));
}

static void set_body(struct exchange *x, const struct http_head *h)
{
	x->body = h->body_length < 0 ? BODY_CHUNKED : h->body_length ? BODY_LENGTH : BODY_NONE;
	x->body_left = h->body_length > 0 ? (uint64_t)h->body_length : 0;
	x->body_done = x->body == BODY_NONE;
	x->send_continue = h->expect_continue;
}

/* Moves the head into the arena and parses it there. 0 or the status that refuses. */
static int build_request(struct http_conn *c, const struct http_scan *scan, struct http **out)
{
	char *text = arena_text(c->mem, scan->head_len);
	memcpy(text, c->in + c->in_at, scan->head_len);
	c->in_at += scan->head_len;
	http_conn_drop_input(c);
	size_t room = MIN(scan->lines, c->server->o.header_count_max + 1);
	struct http_header *fields = arena_array(c->mem, struct http_header, room);
	struct http_head h;
	int bad = http_parse_head(text, scan->head_len, fields, room - 1, &h);
	if (bad)
		return bad;
	struct http *q = arena_new(c->mem, struct http);
	q->mem = c->mem;
	q->method = h.method;
	q->method_text = h.method_text;
	q->target = h.target;
	if (!http_path_clean(c->mem, h.path, &q->path))
		return 400;
	q->query = h.query;
	q->headers = fields;
	q->header_count = h.header_count;
	q->peer = str_c(c->peer);
	q->body_length = h.body_length;
	q->body_limit = c->server->o.body_limit;
	q->conn = c;
	struct str id = http_header(q, S("X-Request-Id"));
	q->request_id = id_is_sane(id) ? id : make_id(c);
	if (c->server->o.trust_forwarded)
		read_forwarded(q);
	c->x.q = q;
	c->x.http10 = h.http10;
	c->x.keep_alive = h.keep_alive;
	set_body(&c->x, &h);
	*out = q;
	return 0;
}

/* --- the exchange --- */

static void access_line(const struct http *q, int64_t began)
{
	int64_t us = (rt_now() - began) / 1000;
	struct str path = q->target;
	size_t mark = str_find_char(path, '?'); /* queries may hold secrets */
	path = str_sub(path, 0, MIN(mark, 512));
	log_info("%.*s %.*s %d %llu bytes %lld.%03lld ms %.*s", STR(q->method_text), STR(path),
		 q->status, (unsigned long long)q->bytes_out, (long long)(us / 1000),
		 (long long)(us % 1000), STR(q->peer));
}

/* Sees to it that there is one whole answer, or that the connection ends. */
static bool finish_answer(struct http_conn *c, struct http *q, status rc)
{
	const struct http_options *o = &c->server->o;
	struct exchange *x = &c->x;
	if (!rc && !x->started)
		rc = err_set(ERR_INTERNAL, "the request was not answered");
	if (rc && !x->started) {
		enum err_code code = err_code();
		if (c->gone || code == ERR_CANCELLED || (code == ERR_CLOSED && c->half)) {
			q->status = 499;
			return false;
		}
		rc = o->on_error ? o->on_error(q, o->ctx) : -1;
		if (rc && !x->started)
			rc = http_reply_error(q);
	}
	if (!rc && x->streaming && !x->ended)
		rc = http_end(q);
	return !rc;
}

static bool run_handler(struct http_conn *c, struct http *q)
{
	struct http_server *s = c->server;
	struct log_context *log = fiber_log_context();
	struct log_context before = *log;
	int64_t began = s->o.access_log ? rt_now() : 0;
	log->request_id = q->request_id;
	c->state = CONN_HANDLER;
	s->stats.active++;
	s->stats.requests++;
	err_clear();
	bool whole = finish_answer(c, q, s->o.handler(q, s->o.ctx));
	s->stats.active--;
	c->state = CONN_HEAD;
	c->x.sse = false;
	list_remove(&c->sse_node);
	s->stats.errors += q->status >= 500;
	s->stats.bytes_out += q->bytes_out;
	if (s->o.access_log)
		access_line(q, began);
	bool keep = whole && c->x.keep_alive && !c->gone;
	if (!c->x.body_done && !c->gone) {
		keep = keep && http_body_skip(c);
		c->linger |= !keep;
	}
	*log = before;
	fiber_set_local(NULL);
	return keep;
}

/* Waits for the first byte of a request, holding nothing. */
static bool wait_request(struct http_conn *c)
{
	struct http_server *s = c->server;
	char probe;
	c->state = CONN_IDLE;
	if (http_conn_flush(c))
		return false;
	free_arena(c);
	ssize_t n = recv(c->fd, &probe, 1, MSG_PEEK);
	if (n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		return n > 0;
	return !s->draining && !fd_wait(c->fd, WAIT_READ | WAIT_EDGE,
					deadline_in_ms(s->o.idle_timeout_ms));
}

static bool serve_one(struct http_conn *c)
{
	if (!c->in && !wait_request(c))
		return false;
	c->state = CONN_HEAD;
	c->x = (struct exchange){ 0 };
	struct http_scan scan = { 0 };
	int found = read_head(c, &scan);
	if (found < 0)
		return false;
	take_arena(c);
	arena_reset(c->mem);
	struct http *q = NULL;
	int bad = found == HTTP_SCAN_FOUND ? build_request(c, &scan, &q) : found;
	if (bad) {
		http_conn_refuse(c, bad);
		return false;
	}
	return run_handler(c, q);
}

/* Closing with unread input would reset the connection and could take the answer with it. */
static void linger(struct http_conn *c)
{
	size_t n = 1;
	deadline until = deadline_in_ms(LINGER_MS);
	if (shutdown(c->fd, SHUT_WR))
		return;
	while (n && !c->server->draining) {
		c->in_at = c->in_end = 0;
		if (fill_until(c, until, &n))
			return;
	}
}

status http_conn_main(void *arg)
{
	struct http_conn *c = arg;
	struct http_server *s = c->server;
	while (serve_one(c))
		;
	c->state = CONN_ENDING;
	if (!c->gone) {
		(void)!http_conn_flush(c);
		if (c->linger && !c->gone)
			linger(c);
	}
	(void)epoll_ctl(s->watch_fd, EPOLL_CTL_DEL, c->fd, NULL);
	fd_forget(c->fd);
	close(c->fd);
	free_input(c);
	if (c->out)
		pool_give(&s->outs, c->out);
	c->out = NULL;
	free_arena(c);
	http_conn_count_down(c);
	return 0;
}

/* --- what handlers ask --- */

struct str http_header(const struct http *q, struct str name)
{
	for (size_t i = 0; i < q->header_count; i++)
		if (q->headers[i].name.len == name.len && str_eq_nocase(q->headers[i].name, name))
			return q->headers[i].value;
	return S("");
}

struct str http_cookie(const struct http *q, struct str name)
{
	for (size_t i = 0; i < q->header_count; i++) {
		if (!str_eq_nocase(q->headers[i].name, S("cookie")))
			continue;
		struct str rest = q->headers[i].value;
		while (rest.len) {
			struct str value = str_trim(str_cut(&rest, ';'));
			size_t eq = str_find_char(value, '=');
			if (eq == SIZE_MAX || !str_eq(str_trim(str_sub(value, 0, eq)), name))
				continue;
			value = str_trim(str_skip(value, eq + 1));
			if (value.len > 1 && value.at[0] == '"' && value.at[value.len - 1] == '"')
				value = str_sub(value, 1, value.len - 2);
			return value;
		}
	}
	return S("");
}

struct str http_query(struct http *q, struct str name)
{
	struct str value;
	if (query_get(q->mem, q->query, name, &value))
		return value;
	return str_of(NULL, 0);
}
