/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_reply: answers, whole or streamed, and what they share: the write buffer, chunks, time-outs.
 * The buffer lives only while something is in it.
 */
#include "net/http_int.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the write buffer --- */

static void free_out(struct http_conn *c)
{
	if (c->out)
		pool_give(&c->server->outs, c->out);
	c->out = NULL;
	c->out_at = c->out_len = 0;
	list_remove(&c->held_node);
}

static status lost(struct http_conn *c)
{
	c->gone = true;
	c->x.keep_alive = false;
	return -1;
}

/* Drops n sent bytes from the front of the vector. */
static void advance(struct iovec **v, size_t *count, size_t n)
{
	while (*count && n >= (*v)->iov_len) {
		n -= (*v)->iov_len;
		(*v)++;
		(*count)--;
	}
	if (*count) {
		(*v)->iov_base = (char *)(*v)->iov_base + n;
		(*v)->iov_len -= n;
	}
}

static status send_all(struct http_conn *c, struct iovec *v, size_t count)
{
	int64_t timeout = c->server->o.write_timeout_ms;
	while (count) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = count };
		ssize_t sent = sendmsg(c->fd, &m, MSG_NOSIGNAL);
		if (sent >= 0) {
			advance(&v, &count, (size_t)sent);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			err_set(ERR_CLOSED, "the client has closed the connection");
			return lost(c);
		}
		if (fd_wait(c->fd, WAIT_WRITE | WAIT_EDGE, deadline_in_ms(timeout))) {
			if (err_code() == ERR_TIMEOUT)
				err_set(ERR_TIMEOUT, "the client does not read its answer");
			return lost(c);
		}
	}
	return 0;
}

enum { SEND_PARTS_MAX = 4 };

status http_conn_send(struct http_conn *c, struct iovec *v, size_t n)
{
	struct iovec all[SEND_PARTS_MAX + 1];
	size_t count = 0;
	ASSERT(n <= SEND_PARTS_MAX);
	if (c->gone)
		return err_set(ERR_CLOSED, "the client has closed the connection");
	if (c->out_len > c->out_at)
		all[count++] = (struct iovec){ c->out + c->out_at, c->out_len - c->out_at };
	for (size_t i = 0; i < n; i++)
		if (v[i].iov_len)
			all[count++] = v[i];
	list_remove(&c->held_node);
	c->sending = true;
	status rc = send_all(c, all, count);
	c->sending = false;
	if (!rc)
		free_out(c);
	return rc;
}

status http_conn_flush(struct http_conn *c)
{
	return c->out_len > c->out_at ? http_conn_send(c, NULL, 0) : 0;
}

bool http_conn_try_flush(struct http_conn *c)
{
	if (c->sending || c->gone)
		return false;
	while (c->out_len > c->out_at) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			(void)!lost(c);
			if (c->state == CONN_HANDLER && !c->x.q->keep_on_disconnect)
				group_cancel(c->group);
		}
		if (n < 0)
			return false;
		c->out_at += (size_t)n;
	}
	free_out(c);
	return true;
}

/* Sends later, at the next wait of this fiber or by the next flush. */
static void hold(struct http_conn *c)
{
	struct http_server *s = c->server;
	if (!list_empty(&c->held_node))
		return;
	if (list_empty(&s->held))
		event_wake_one(&s->tick);
	list_push(&s->held, &c->held_node);
}

static status put(struct http_conn *c, struct str s)
{
	if (!s.len)
		return 0;
	if (!c->out)
		c->out = pool_block(&c->server->outs, OUT_CAP);
	if (s.len <= OUT_CAP - c->out_len) {
		memcpy(c->out + c->out_len, s.at, s.len);
		c->out_len += s.len;
		return 0;
	}
	struct iovec v = { (void *)(uintptr_t)s.at, s.len };
	return http_conn_send(c, &v, 1);
}

/* --- heads --- */

static const struct {
	int code;
	const char *reason;
} reasons[] = {
	{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
	{ 206, "Partial Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
	{ 303, "See Other" }, { 304, "Not Modified" }, { 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
	{ 428, "Precondition Required" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" }, { 499, "Client Closed Request" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
	{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" }, { 507, "Insufficient Storage" },
};

const char *http_reason(int code)
{
	for (size_t i = 0; i < countof(reasons); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "Unknown";
}

static struct str number(char space[20], uint64_t n)
{
	char *at = space + 20;
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	return str_of(at, (size_t)(space + 20 - at));
}

static struct str date_line(struct http_server *s)
{
	int64_t now = clock_s();
	if (now != s->date_second) {
		s->date_second = now;
		memcpy(s->date, "Date: ", 6);
		clock_http(s->date + 6, now * 1000);
		size_t n = strlen(s->date);
		memcpy(s->date + n, "\r\n", 2);
		s->date_len = n + 2;
	}
	return str_of(s->date, s->date_len);
}

/* A small builder so that a head is one or two copies, not twenty calls that may wait. */
struct head {
	char at[512];
	size_t len;
	struct http_conn *c;
	status rc;
};

static void add(struct head *h, struct str s)
{
	if (!s.len)
		return;
	if (s.len > sizeof h->at - h->len) {
		h->rc |= put(h->c, str_of(h->at, h->len));
		h->len = 0;
		if (s.len > sizeof h->at) {
			h->rc |= put(h->c, s);
			return;
		}
	}
	memcpy(h->at + h->len, s.at, s.len);
	h->len += s.len;
}

static void add_status(struct head *h, int code)
{
	char space[20];
	if (code == 200) {
		add(h, S("HTTP/1.1 200 OK\r\n"));
		return;
	}
	add(h, S("HTTP/1.1 "));
	add(h, number(space, (uint64_t)code));
	add(h, S(" "));
	add(h, str_c(http_reason(code)));
	add(h, S("\r\n"));
}

/* What is left unread of the body decides whether another request can follow. */
static bool can_keep(const struct http_conn *c)
{
	const struct exchange *x = &c->x;
	if (!x->keep_alive || c->server->draining || c->half)
		return false;
	return x->body_done || (!x->send_continue && x->body == BODY_LENGTH &&
				x->body_left <= DRAIN_BODY_MAX);
}

enum { LENGTH_STREAM = -1, LENGTH_NONE = -2 };

static status send_head(struct http *q, int code, struct str type, int64_t length)
{
	struct http_conn *c = q->conn;
	struct exchange *x = &c->x;
	struct head h = { .c = c };
	char space[20];
	ASSERT(!x->started && code >= 200 && code <= 599);
	x->started = true;
	q->status = code;
	x->no_body = q->method == HTTP_HEAD || code == 204 || code == 304;
	if (code == 204 || code == 304)
		length = LENGTH_NONE;
	x->keep_alive = can_keep(c) && !(x->http10 && length == LENGTH_STREAM);
	add_status(&h, code);
	add(&h, date_line(c->server));
	if (type.len) {
		add(&h, S("Content-Type: "));
		add(&h, type);
		add(&h, S("\r\n"));
	}
	if (length >= 0) {
		add(&h, S("Content-Length: "));
		add(&h, number(space, (uint64_t)length));
		add(&h, S("\r\n"));
	} else if (length == LENGTH_STREAM && !x->http10) {
		add(&h, S("Transfer-Encoding: chunked\r\n"));
	}
	for (size_t i = 0; i < x->added.len; i++) {
		add(&h, x->added.at[i].name);
		add(&h, S(": "));
		add(&h, x->added.at[i].value);
		add(&h, S("\r\n"));
	}
	if (!x->keep_alive)
		add(&h, S("Connection: close\r\n"));
	else if (x->http10)
		add(&h, S("Connection: keep-alive\r\n"));
	add(&h, S("\r\n"));
	h.rc |= put(c, str_of(h.at, h.len));
	return h.rc ? -1 : 0;
}

void http_add_header(struct http *q, struct str name, struct str value)
{
	ASSERT(http_is_token(name) && !q->conn->x.started);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char ch = (unsigned char)value.at[i];
		if ((ch >= 32 || ch == '\t') && ch != 127)
			continue;
		/* A line break here would let a value write headers of its own. */
		value = arena_str(q->mem, value);
		char *at = (char *)(uintptr_t)value.at;
		for (; i < value.len; i++)
			if (((unsigned char)at[i] < 32 && at[i] != '\t') || at[i] == 127)
				at[i] = ' ';
	}
	struct http_header row = { name, value };
	vec_push(q->mem, &q->conn->x.added, row);
}

/* --- whole answers --- */

static bool more_buffered(const struct http_conn *c)
{
	return c->in_end > c->in_at && c->x.keep_alive && c->x.body_done;
}

static status send_reply(struct http *q, int code, struct str type, struct str body)
{
	struct http_conn *c = q->conn;
	if (send_head(q, code, type, (int64_t)body.len))
		return -1;
	c->x.ended = true;
	if (c->x.no_body)
		body.len = 0;
	q->bytes_out += body.len;
	if (body.len > INLINE_BODY_MAX || body.len > OUT_CAP - c->out_len) {
		struct iovec v = { (void *)(uintptr_t)body.at, body.len };
		return http_conn_send(c, &v, 1);
	}
	if (put(c, body))
		return -1;
	/* The next pipelined request's answer may share a packet with this one. */
	if (more_buffered(c)) {
		hold(c);
		return 0;
	}
	return http_conn_flush(c);
}

status http_reply(struct http *q, int code, struct str type, struct str body)
{
	struct http_conn *c = q->conn;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = send_reply(q, code, type, body);
	lock_give(&c->writing);
	return rc;
}

status http_reply_error(struct http *q)
{
	const struct err *e = err_last();
	int code = err_http(e);
	if (code == 499)
		code = 503;
	struct json *body = json_obj(q->mem);
	json_set_str(q->mem, body, S("code"), err_slug(e));
	json_set_str(q->mem, body, S("message"), str_c(e->text));
	json_set_int(q->mem, body, S("status"), code);
	if (code >= 500)
		log_err(LOG_ERROR, "%.*s %.*s failed", STR(q->method_text), STR(q->path));
	return http_reply(q, code, S("application/json"), json_text(q->mem, body, JSON_COMPACT));
}

void http_conn_refuse(struct http_conn *c, int code)
{
	struct http q = { .mem = c->mem, .conn = c };
	char space[20];
	c->x = (struct exchange){ .q = &q, .body_done = true };
	c->linger = true;
	c->server->stats.errors++;
	struct buf b = buf_make(c->mem, 512);
	buf_puts(&b, "{\"code\":\"bad_request\",\"message\":\"");
	buf_put(&b, str_c(http_reason(code)));
	buf_puts(&b, "\",\"status\":");
	buf_put(&b, number(space, (uint64_t)code));
	buf_puts(&b, "}");
	if (!http_reply(&q, code, S("application/json"), buf_str(&b)))
		(void)!http_conn_flush(c);
	c->x.q = NULL;
}

/* A job on the thread pool: a cold file must not stop the loop. Owns duplicates of both ends. */
struct file_job {
	int to, from;
	off_t offset;
	size_t want, sent;
	bool full; /* the socket took no more */
};

static void file_job_free(void *arg)
{
	struct file_job *j = arg;
	close(j->to);
	close(j->from);
	free(j);
}

static status file_job_run(void *arg)
{
	struct file_job *j = arg;
	while (j->sent < j->want) {
		ssize_t n = sendfile(j->to, j->from, &j->offset, j->want - j->sent);
		if (n < 0 && errno == EINTR)
			continue;
		j->full = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
		if (j->full)
			return 0;
		if (n < 0)
			return err_set(ERR_CLOSED, "the client has closed the connection");
		if (!n)
			return err_set(ERR_IO, "the file is shorter than announced");
		j->sent += (size_t)n;
	}
	return 0;
}

enum { FILE_PIECE_MAX = 1 << 20 };

/* Sends one piece; *n bytes went out. Waits when the socket is full. */
static status send_file_piece(struct http_conn *c, int fd, int64_t offset, size_t want, size_t *n)
{
	struct file_job *j = calloc(1, sizeof *j);
	ASSERT(j);
	*j = (struct file_job){ .to = fcntl(c->fd, F_DUPFD_CLOEXEC, 3),
				.from = fcntl(fd, F_DUPFD_CLOEXEC, 3), .offset = offset,
				.want = want };
	if (j->to < 0 || j->from < 0) {
		err_errno("dup");
		file_job_free(j);
		return -1;
	}
	if (pool_run(file_job_run, j, file_job_free))
		return -1; /* the job is the pool's now */
	*n = j->sent;
	bool full = j->full;
	file_job_free(j);
	if (full)
		return fd_wait(c->fd, WAIT_WRITE, deadline_in_ms(c->server->o.write_timeout_ms));
	return 0;
}

static status send_file(struct http *q, int code, struct str type, int fd, int64_t offset,
			int64_t length)
{
	struct http_conn *c = q->conn;
	if (send_head(q, code, type, length) || http_conn_flush(c))
		return -1;
	c->x.ended = true;
	while (length > 0 && !c->x.no_body) {
		size_t n = 0;
		c->sending = true;
		status rc = send_file_piece(c, fd, offset, (size_t)MIN(length, FILE_PIECE_MAX), &n);
		c->sending = false;
		if (rc)
			return lost(c);
		offset += (int64_t)n;
		length -= (int64_t)n;
		q->bytes_out += n;
	}
	return 0;
}

status http_reply_fd(struct http *q, int code, struct str type, int fd, int64_t offset,
		     int64_t length)
{
	struct http_conn *c = q->conn;
	if (length < 0) {
		off_t end = lseek(fd, 0, SEEK_END);
		if (end < offset)
			return err_set(ERR_IO, "the file is shorter than its offset");
		length = end - offset;
	}
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = send_file(q, code, type, fd, offset, length);
	lock_give(&c->writing);
	return rc;
}

/* --- streamed answers --- */

enum { CHUNK_HEAD = 6, CHUNK_TAIL = 2, CHUNK_MIN = 64 };

/* Opens a chunk in the buffer; its size is written when it closes. */
static status open_chunk(struct http_conn *c)
{
	if (c->out && OUT_CAP - c->out_len < CHUNK_HEAD + CHUNK_TAIL + CHUNK_MIN &&
	    http_conn_flush(c))
		return -1;
	if (!c->out)
		c->out = pool_block(&c->server->outs, OUT_CAP);
	c->x.chunk_open = true;
	c->x.chunk_at = c->out_len;
	c->out_len += CHUNK_HEAD;
	return 0;
}

static size_t hex_line(char *to, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];
	size_t len = 0;
	do
		text[len++] = digits[n & 15];
	while (n >>= 4);
	for (size_t i = 0; i < len; i++)
		to[i] = text[len - 1 - i];
	memcpy(to + len, "\r\n", 2);
	return len + 2;
}

static void close_chunk(struct http_conn *c)
{
	if (!c->x.chunk_open)
		return;
	c->x.chunk_open = false;
	size_t data = c->x.chunk_at + CHUNK_HEAD, n = c->out_len - data;
	if (!n) { /* an empty chunk would end the body */
		c->out_len = c->x.chunk_at;
		return;
	}
	size_t head = hex_line(c->out + c->x.chunk_at, n);
	if (head < CHUNK_HEAD)
		memmove(c->out + c->x.chunk_at + head, c->out + data, n);
	c->out_len = c->x.chunk_at + head + n;
	memcpy(c->out + c->out_len, "\r\n", 2);
	c->out_len += 2;
}

static status flush_stream(struct http_conn *c)
{
	close_chunk(c);
	if (http_conn_flush(c))
		return -1;
	c->last_write = rt_now();
	return 0;
}

/* A large piece goes out as a chunk of its own, without a copy. */
static status write_large(struct http_conn *c, struct str s)
{
	char line[18];
	close_chunk(c);
	struct iovec v[] = { { line, hex_line(line, s.len) },
			     { (void *)(uintptr_t)s.at, s.len },
			     { (void *)(uintptr_t) "\r\n", 2 } };
	c->last_write = rt_now();
	return c->x.http10 ? http_conn_send(c, v + 1, 1) : http_conn_send(c, v, 3);
}

static status write_stream(struct http *q, struct str s)
{
	struct http_conn *c = q->conn;
	ASSERT(c->x.streaming && !c->x.ended);
	if (c->gone)
		return err_set(ERR_CLOSED, "the client has closed the connection");
	q->bytes_out += s.len;
	if (c->x.no_body || !s.len)
		return 0;
	if (s.len >= OUT_CAP / 2)
		return write_large(c, s);
	if (c->x.http10)
		return put(c, s);
	while (s.len) {
		if (!c->x.chunk_open && open_chunk(c))
			return -1;
		size_t n = MIN(s.len, OUT_CAP - CHUNK_TAIL - c->out_len);
		memcpy(c->out + c->out_len, s.at, n);
		c->out_len += n;
		s = str_skip(s, n);
		if (OUT_CAP - CHUNK_TAIL == c->out_len && flush_stream(c))
			return -1;
	}
	return 0;
}

status http_begin(struct http *q, int code, struct str type)
{
	struct http_conn *c = q->conn;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	c->x.streaming = true;
	status rc = send_head(q, code, type, LENGTH_STREAM);
	lock_give(&c->writing);
	return rc;
}

status http_write(struct http *q, struct str s)
{
	struct http_conn *c = q->conn;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = write_stream(q, s);
	lock_give(&c->writing);
	return rc;
}

status http_flush(struct http *q)
{
	struct http_conn *c = q->conn;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = flush_stream(c);
	lock_give(&c->writing);
	return rc;
}

status http_end(struct http *q)
{
	struct http_conn *c = q->conn;
	if (c->x.ended)
		return 0;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = 0;
	close_chunk(c);
	c->x.ended = true;
	c->x.sse = false;
	list_remove(&c->sse_node);
	if (!c->x.no_body && !c->x.http10)
		rc = put(c, S("0\r\n\r\n"));
	if (!rc)
		rc = http_conn_flush(c);
	lock_give(&c->writing);
	return rc;
}

bool http_started(const struct http *q)
{
	return q->conn->x.started;
}

/* --- server-sent events --- */

enum { PING_MS = 10000 };

status sse_begin(struct http *q, int64_t ping_ms)
{
	struct http_conn *c = q->conn;
	struct http_server *s = c->server;
	http_add_header(q, S("Cache-Control"), S("no-cache"));
	http_add_header(q, S("X-Accel-Buffering"), S("no"));
	if (http_begin(q, 200, S("text/event-stream; charset=utf-8")))
		return -1;
	hold(c); /* the first event may share the head's packet */
	c->ping_ns = (ping_ms ? ping_ms : PING_MS) * 1000000;
	c->last_write = rt_now();
	if (c->x.no_body)
		return 0;
	c->x.sse = true;
	list_push(&s->streams, &c->sse_node);
	if (c->last_write + c->ping_ns < s->ping_next) {
		s->ping_next = c->last_write + c->ping_ns;
		event_wake_one(&s->tick);
	}
	return 0;
}

static status write_event(struct http *q, struct str id, struct str text)
{
	if (id.len &&
	    (write_stream(q, S("id: ")) || write_stream(q, id) || write_stream(q, S("\n"))))
		return -1;
	if (write_stream(q, S("data: ")) || write_stream(q, text) || write_stream(q, S("\n\n")))
		return -1;
	return flush_stream(q->conn);
}

status sse_data(struct http *q, struct str id, struct str text)
{
	struct http_conn *c = q->conn;
	if (lock_take(&c->writing, DEADLINE_NONE))
		return -1;
	status rc = write_event(q, id, text);
	lock_give(&c->writing);
	return rc;
}

status sse_end(struct http *q)
{
	return http_end(q);
}

void http_conn_ping(struct http_conn *c)
{
	if (c->sending || c->writing.held || c->gone)
		return;
	close_chunk(c);
	int64_t limit = c->server->o.write_timeout_ms * 1000000;
	if (c->out_len > c->out_at && !http_conn_try_flush(c)) {
		/* The last ping is still here: a client that reads nothing for so long is gone. */
		if (!c->gone && rt_now() - c->last_write > limit + c->ping_ns) {
			(void)!lost(c);
			if (!c->x.q->keep_on_disconnect)
				group_cancel(c->group);
		}
		return;
	}
	if (!put(c, c->x.http10 ? S("event: ping\n\n") : S("d\r\nevent: ping\n\n\r\n"))) {
		c->last_write = rt_now();
		(void)http_conn_try_flush(c);
	}
}
