/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward: plain HTTP. Request and answer are parsed and written anew in our own framing, so that
 * client and server never read the same bytes in two ways. Pieces of a body go on at once.
 *
 *   open -> send head -> body to the server -> head of the answer -> body to the client -> keep both
 *             ^                |  early answer     |
 *             +-- once more, on a new connection --+  when a kept one was dead and nothing was sent
 */
#include "base/err.h"
#include "proxy/egress_int.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { PIECES = 64, SIZE_LINE = 20, CLIENT_LEFT = 499 };

/* What came of one try. */
enum outcome {
	DONE,	    /* the answer is with the client, or the client is gone */
	AGAIN,	    /* a kept connection was dead: nothing is lost */
	FAILED,	    /* code says why, and nothing was answered yet */
	BROKEN,	    /* the answer stopped in the middle: end the connection */
};

struct exchange {
	struct egress_conn *c;
	struct egress *e;
	struct egress_request *q;
	struct egress_up up;
	struct egress_answer a;
	unsigned code;
	bool early; /* the server answered before it had the whole body */
};

/* --- the request's body --- */

/* Sends, but looks for an answer when the server takes no more: it may have refused already. */
static enum outcome send_up(struct exchange *x, struct iovec *v, size_t n)
{
	while (n) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
		char byte;
		ssize_t sent = sendmsg(x->up.fd, &m, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			if (recv(x->up.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
				x->early = true;
				return DONE;
			}
			if (fd_wait(x->up.fd, WAIT_READ | WAIT_WRITE,
				    deadline_in_ms(x->e->o.limits.body_ms))) {
				x->code = EGRESS_UPSTREAM_TIMEOUT;
				return FAILED;
			}
			continue;
		}
		if (sent < 0) { /* closed: an answer may lie there all the same */
			x->early = true;
			return DONE;
		}
		for (; n && (size_t)sent >= v->iov_len; v++, n--)
			sent -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + sent;
			v->iov_len -= (size_t)sent;
		}
	}
	return DONE;
}

static enum outcome send_piece(struct exchange *x, struct str piece)
{
	char size[SIZE_LINE];
	bool chunked = x->q->h.body_length < 0;
	size_t n = chunked ? (size_t)snprintf(size, sizeof size, "%zx\r\n", piece.len) : 0;
	struct iovec v[] = { { size, n }, { (char *)(uintptr_t)piece.at, piece.len },
			     { (char *)(uintptr_t)"\r\n", chunked ? 2 : 0 } };
	x->c->row.in += piece.len;
	return send_up(x, v, countof(v));
}

/* The next piece of the client's body in *piece, empty at its end; FAILED with a code. */
static enum outcome next_piece(struct exchange *x, struct http_chunks *k, uint64_t *left,
			       struct str *piece)
{
	struct egress_in *in = &x->c->in;
	bool chunked = x->q->h.body_length < 0;
	*piece = S("");
	for (;;) {
		size_t have = in->end - in->at, used, n;
		if (!chunked && !*left)
			return DONE;
		if (have && !chunked) {
			*piece = str_of(in->block + in->at, MIN(have, *left));
			in->at += piece->len;
			*left -= piece->len;
			return DONE;
		}
		int r = have || chunked ? http_chunks_next(k, in->block + in->at, have, &used, piece) :
					  HTTP_CHUNKS_MORE;
		if (have || chunked)
			in->at += used;
		if (r >= 400) {
			x->e->stats.smuggling++;
			x->code = EGRESS_BAD_REQUEST;
			return FAILED;
		}
		if (r == HTTP_CHUNKS_END)
			return DONE;
		if (r == HTTP_CHUNKS_DATA) {
			if (piece->len)
				return DONE;
			continue;
		}
		if (egress_fill(x->e, x->c->fd, in, EGRESS_BLOCK, deadline_in_ms(x->e->o.limits.body_ms),
				-1, &n) || !n) {
			x->code = EGRESS_REQUEST_TIMEOUT;
			return FAILED;
		}
	}
}

static enum outcome send_body(struct exchange *x)
{
	struct egress_request *q = x->q;
	struct http_chunks k = { 0 };
	uint64_t left = q->h.body_length > 0 ? (uint64_t)q->h.body_length : 0, total = 0;
	if (!q->h.body_length)
		return DONE;
	if (q->h.expect_continue && x->c->in.at == x->c->in.end &&
	    egress_send_str(x->c->fd, S("HTTP/1.1 100 Continue\r\n\r\n"), x->e->o.limits.body_ms))
		return BROKEN;
	q->body_touched = true;
	q->keep = false; /* until the body is through */
	for (;;) {
		struct str piece;
		enum outcome o = next_piece(x, &k, &left, &piece);
		if (o != DONE)
			return o;
		if (!piece.len)
			break;
		total += piece.len;
		if (total > x->e->o.limits.body) {
			x->code = EGRESS_BODY_TOO_LARGE;
			return FAILED;
		}
		o = send_piece(x, piece);
		if (o != DONE || x->early)
			return o;
	}
	if (x->c->in.at == x->c->in.end)
		egress_in_free(x->e, &x->c->in);
	struct iovec end = { (char *)(uintptr_t)"0\r\n\r\n", 5 };
	return q->h.body_length < 0 ? send_up(x, &end, 1) : DONE;
}

/* --- the answer's head --- */

static enum outcome failed(struct exchange *x, unsigned code)
{
	x->code = code;
	return FAILED;
}

static enum outcome read_failed(struct exchange *x, bool nothing)
{
	enum err_code why = err_code();
	if (why == ERR_CANCELLED)
		return BROKEN;
	if (why == ERR_TIMEOUT)
		return failed(x, EGRESS_UPSTREAM_TIMEOUT);
	if (why == ERR_CLOSED && !nothing)
		return failed(x, EGRESS_PROTOCOL);
	return x->up.reused && nothing && !x->q->body_touched ? AGAIN : failed(x, EGRESS_PROTOCOL);
}

/* One whole head into x->a; the bytes are copied out of the buffer. */
static enum outcome read_one_head(struct exchange *x, deadline until)
{
	struct egress_in *in = &x->up.in;
	struct http_scan s = { 0 };
	for (;;) {
		size_t have = in->end - in->at, n;
		int found = have ? http_scan(&s, in->block + in->at, have, x->e->o.limits.head) :
				   HTTP_SCAN_MORE;
		if (found >= 400 || s.lines > x->e->o.limits.headers + 1)
			return failed(x, EGRESS_PROTOCOL);
		if (found == HTTP_SCAN_FOUND)
			break;
		if (egress_fill(x->e, x->up.fd, in, x->e->o.limits.head, until, x->c->fd, &n))
			return read_failed(x, !have);
		if (!n) {
			err_set(ERR_UPSTREAM, "the server ended the connection");
			return read_failed(x, !have);
		}
	}
	char *text = arena_text(x->c->mem, s.head_len);
	memcpy(text, in->block + in->at, s.head_len);
	in->at += s.head_len;
	x->a.fields = arena_array(x->c->mem, struct http_header, s.lines + 1);
	return http_parse_answer(text, s.head_len, x->a.fields, s.lines, &x->a.h) ?
		       failed(x, EGRESS_PROTOCOL) : DONE;
}

static enum outcome read_answer(struct exchange *x)
{
	deadline until = deadline_in_ms(x->e->o.limits.first_byte_ms);
	for (int interim = 0; interim < 8; interim++) {
		enum outcome o = read_one_head(x, until);
		if (o != DONE || x->a.h.status >= 200)
			return o;
		if (x->a.h.status == 101) /* nobody has asked for another protocol */
			break;
	}
	return failed(x, EGRESS_PROTOCOL);
}

/* --- the answer to the client --- */

/* How the body ends: what the server says, and what the client is told. */
struct framing {
	int64_t length; /* 0 = none, -1 = chunked, -2 = until the end */
	bool chunked;	/* towards the client */
	uint64_t left;
	struct http_chunks k;
	bool ended;
};

static struct framing framing_of(const struct exchange *x)
{
	struct framing f = { .length = egress_answer_body(x->q, &x->a.h) };
	f.left = f.length > 0 ? (uint64_t)f.length : 0;
	f.ended = f.length == 0;
	f.chunked = f.length < 0 && !x->q->h.http10;
	return f;
}

/* Takes what is buffered of the body as pieces of it; false when its framing is broken. */
static bool take_pieces(struct exchange *x, struct framing *f, struct iovec *v, size_t *count,
			size_t *bytes)
{
	struct egress_in *in = &x->up.in;
	while (in->at < in->end && !f->ended && *count < PIECES) {
		struct str piece = str_of(in->block + in->at, in->end - in->at);
		size_t used = piece.len;
		if (f->length == -1) {
			int r = http_chunks_next(&f->k, piece.at, piece.len, &used, &piece);
			if (r >= 400)
				return false;
			if (r != HTTP_CHUNKS_DATA)
				piece.len = 0;
			f->ended = r == HTTP_CHUNKS_END;
		} else if (f->length >= 0) {
			piece.len = used = MIN(piece.len, f->left);
			f->left -= used;
			f->ended = !f->left;
		}
		in->at += used;
		if (piece.len) {
			v[(*count)++] = (struct iovec){ (char *)(uintptr_t)piece.at, piece.len };
			*bytes += piece.len;
		}
	}
	return true;
}

/* Sends the head, when there is one, with the pieces that have come, in one call. */
static enum outcome send_pieces(struct exchange *x, struct framing *f, struct str *head)
{
	struct iovec v[PIECES + 4];
	size_t n = 0, bytes = 0, count = 0;
	char size[SIZE_LINE];
	/* Two rows stay free in front: head and chunk size. */
	bool whole = take_pieces(x, f, v + 2, &count, &bytes);
	if (x->e->o.limits.response && x->c->row.out + bytes > x->e->o.limits.response)
		whole = false;
	struct iovec *first = v + 2;
	if (bytes && f->chunked) {
		n = (size_t)snprintf(size, sizeof size, "%zx\r\n", bytes);
		*--first = (struct iovec){ size, n };
		v[2 + count++] = (struct iovec){ (char *)(uintptr_t)"\r\n", 2 };
	}
	if (f->ended && f->chunked && whole)
		v[2 + count++] = (struct iovec){ (char *)(uintptr_t)"0\r\n\r\n", 5 };
	if (head->len)
		*--first = (struct iovec){ (char *)(uintptr_t)head->at, head->len };
	*head = S("");
	x->c->row.out += bytes;
	x->q->answered = true;
	if (egress_send(x->c->fd, first, (size_t)(v + 2 + count - first), x->e->o.limits.body_ms))
		return BROKEN;
	return whole ? DONE : BROKEN;
}

static bool is_scheme_of_connections(struct str value)
{
	return str_eq_nocase(str_sub(value, 0, 4), S("NTLM")) ||
	       str_eq_nocase(str_sub(value, 0, 9), S("Negotiate"));
}

/* These sign in the connection, not the request: the next client on it would be somebody else. */
static bool connection_is_signed_in(const struct exchange *x)
{
	for (size_t i = 0; i < x->q->h.header_count; i++)
		if (str_eq_nocase(x->q->fields[i].name, S("Authorization")) &&
		    is_scheme_of_connections(x->q->fields[i].value))
			return true;
	for (size_t i = 0; i < x->a.h.header_count; i++)
		if (str_eq_nocase(x->a.fields[i].name, S("WWW-Authenticate")) &&
		    is_scheme_of_connections(x->a.fields[i].value))
			return true;
	return false;
}

static enum outcome send_answer(struct exchange *x)
{
	struct framing f = framing_of(x);
	x->a.chunked = f.chunked;
	if (f.length < 0 && !f.chunked)
		x->q->keep = false; /* the end of the connection is the end of the body */
	struct str head = egress_answer_head(x->e, x->c->mem, x->q, &x->a);
	x->c->row.status = x->a.h.status;
	bool first = true, full = x->up.in.end == EGRESS_IN;
	while (first || !f.ended) {
		size_t n;
		first = false;
		if (send_pieces(x, &f, &head) != DONE)
			return BROKEN;
		if (f.ended || x->up.in.at < x->up.in.end)
			continue;
		if (full) { /* a fast server: larger reads from here on */
			egress_in_free(x->e, &x->up.in);
			x->up.in = (struct egress_in){ .block = egress_block(x->e, true),
						       .cap = EGRESS_BLOCK };
		}
		if (egress_fill(x->e, x->up.fd, &x->up.in, EGRESS_BLOCK,
				deadline_in_ms(x->e->o.limits.first_byte_ms), x->c->fd, &n))
			return BROKEN;
		full = n == EGRESS_IN;
		if (n)
			continue;
		if (f.length != -2)
			return BROKEN;
		f.ended = true;
		if (send_pieces(x, &f, &head) != DONE)
			return BROKEN;
	}
	x->up.keep = x->a.h.keep_alive && f.length != -2 && !x->early && !connection_is_signed_in(x);
	return DONE;
}

/* --- all of it --- */

static enum outcome try_once(struct exchange *x, bool fresh)
{
	struct egress_request *q = x->q;
	if (egress_up_open(x->e, &q->decision, &q->target, fresh, &x->c->row, &x->up)) {
		if (err_code() == ERR_CANCELLED)
			return BROKEN;
		return failed(x, err_code() == ERR_TIMEOUT ? EGRESS_CONNECT_TIMEOUT : EGRESS_CONNECT_FAILED);
	}
	struct str head = egress_request_head(x->e, x->c->mem, q);
	struct iovec v = { (char *)(uintptr_t)head.at, head.len };
	bool keep = q->keep;
	enum outcome o = send_up(x, &v, 1);
	if (o == DONE && !x->early)
		o = send_body(x);
	if (o != DONE)
		return o;
	if (!x->early)
		q->keep = keep;
	o = read_answer(x);
	/* The client has not been asked by us, and must not answer another proxy. */
	if (o == DONE && x->e->has_upstream && x->a.h.status == 407)
		return failed(x, EGRESS_PARENT);
	return o == DONE ? send_answer(x) : o;
}

/* What a dead connection has swallowed must be sent again: what cannot be gets a new connection. */
static bool may_repeat(const struct egress_request *q)
{
	return !q->h.body_length && q->h.method != HTTP_POST && q->h.method != HTTP_PATCH;
}

status egress_forward(struct egress_conn *c, struct egress_request *q)
{
	struct exchange x = { .c = c, .e = c->e, .q = q, .up = { .fd = -1 } };
	c->e->stats.host_mismatch += !egress_host_agrees(q);
	enum outcome o = try_once(&x, !may_repeat(q));
	if (o == AGAIN) {
		egress_up_close(x.e, &x.up, &q->target);
		x.early = false;
		o = try_once(&x, true);
	}
	x.up.keep = x.up.keep && o == DONE;
	egress_up_close(x.e, &x.up, &q->target);
	if (o == FAILED && !q->answered)
		return egress_refuse(c, q, x.code, !q->h.body_length);
	if (o != DONE) {
		q->keep = false;
		if (!c->row.status)
			c->row.status = CLIENT_LEFT;
		return -1;
	}
	return 0;
}
