/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: one exchange is: pick upstream, send head, copy body, read head, copy body. A request that
 * has no body yet sent is tried once more on a new connection when a kept one turns out dead.
 */
#include "gateway/proxy.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "gateway/backend.h"
#include "rt/rt.h"

enum { ROUTES_MAX = 32, PIECE = 16 << 10, WHOLE_MAX = 64 << 10, READ_MS_DEFAULT = 3600 * 1000 };

struct proxy {
	struct arena *mem;
	struct {
		struct str prefix;
		struct backend *up;
	} route[ROUTES_MAX];
	size_t route_count;
	int64_t read_ms;
	bool trust_forwarded;
	struct proxy_stats stats;
};

/* Two prefixes of one role share its connections. */
static status find_upstream(struct proxy *p, struct str address, struct backend **out)
{
	for (size_t i = 0; i < p->route_count; i++) {
		if (str_eq(backend_address(p->route[i].up), address)) {
			*out = p->route[i].up;
			return 0;
		}
	}
	return backend_open(address, out);
}

status proxy_open(const struct proxy_options *o, struct proxy **out)
{
	struct arena *mem = arena_open(0);
	struct proxy *p = arena_new(mem, struct proxy);
	p->mem = mem;
	p->read_ms = o->read_ms ? o->read_ms : READ_MS_DEFAULT;
	p->trust_forwarded = o->trust_forwarded;
	ASSERT(o->route_count <= ROUTES_MAX);
	for (size_t i = 0; i < o->route_count; i++) {
		struct backend *up;
		if (find_upstream(p, o->routes[i].upstream, &up)) {
			proxy_close(p);
			return -1;
		}
		p->route[i].prefix = str_c(o->routes[i].prefix);
		p->route[i].up = up;
		p->route_count++;
	}
	*out = p;
	return 0;
}

void proxy_close(struct proxy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->route_count; i++) {
		struct backend *up = p->route[i].up;
		for (size_t k = i; k < p->route_count; k++)
			if (p->route[k].up == up)
				p->route[k].up = NULL;
		backend_close(up);
	}
	arena_close(p->mem);
}

void proxy_stats_get(const struct proxy *p, struct proxy_stats *out)
{
	*out = p->stats;
}

static bool prefix_matches(struct str prefix, struct str path)
{
	if (prefix.len == 1)
		return true;
	return str_starts(path, prefix) && (path.len == prefix.len || path.at[prefix.len] == '/');
}

static struct backend *pick(struct proxy *p, struct str path)
{
	struct backend *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < p->route_count; i++) {
		struct str prefix = p->route[i].prefix;
		if (prefix.len > longest && prefix_matches(prefix, path)) {
			longest = prefix.len;
			best = p->route[i].up;
		}
	}
	return best;
}

/* Fields that belong to one connection (RFC 9110 section 7.6.1) or that we set ourselves. */
static bool dropped(const struct http *h, struct str name, bool trust_forwarded)
{
	static const char *const hop[] = { "Connection", "Keep-Alive", "Proxy-Connection",
					   "Proxy-Authenticate", "Proxy-Authorization", "TE",
					   "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
					   "Content-Length", "X-Request-Id", "X-Forwarded-For" };
	static const char *const forwarded[] = { "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP",
						 "Forwarded" };
	for (size_t i = 0; i < countof(hop); i++)
		if (str_eq_nocase(name, str_c(hop[i])))
			return true;
	for (size_t i = 0; i < countof(forwarded) && !trust_forwarded; i++)
		if (str_eq_nocase(name, str_c(forwarded[i])))
			return true;
	return http_list_has(http_header(h, S("Connection")), name);
}

static void put_field(struct buf *b, struct str name, struct str value)
{
	buf_put(b, name);
	buf_puts(b, ": ");
	buf_put(b, value);
	buf_puts(b, "\r\n");
}

static struct str request_head(const struct proxy *p, const struct http *h)
{
	struct buf b = buf_make(h->mem, BACKEND_HEAD_MAX * 2);
	buf_put(&b, h->method_text);
	buf_putc(&b, ' ');
	buf_put(&b, h->target);
	buf_puts(&b, " HTTP/1.1\r\n");
	for (size_t i = 0; i < h->header_count; i++)
		if (!dropped(h, h->headers[i].name, p->trust_forwarded))
			put_field(&b, h->headers[i].name, h->headers[i].value);
	/* One field with our own view last: that is the entry that the role behind trusts. */
	struct str before = p->trust_forwarded ? http_header(h, S("X-Forwarded-For")) : (struct str){ 0 };
	put_field(&b, S("X-Forwarded-For"),
		  before.len ? arena_printf(h->mem, "%.*s, %.*s", STR(before), STR(h->peer)) : h->peer);
	if (!p->trust_forwarded || !http_header(h, S("X-Forwarded-Proto")).len)
		put_field(&b, S("X-Forwarded-Proto"), h->tls ? S("https") : S("http"));
	put_field(&b, S("X-Request-Id"), h->request_id);
	if (h->body_length > 0) {
		buf_puts(&b, "Content-Length: ");
		buf_int(&b, h->body_length);
		buf_puts(&b, "\r\n");
	} else if (h->body_length < 0) {
		buf_puts(&b, "Transfer-Encoding: chunked\r\n");
	} else if (h->method == HTTP_POST || h->method == HTTP_PUT || h->method == HTTP_PATCH) {
		buf_puts(&b, "Content-Length: 0\r\n");
	}
	buf_puts(&b, "\r\n");
	return buf_str(&b);
}

static status send_piece(struct http *h, struct backend_call *c, struct str piece)
{
	if (h->body_length >= 0)
		return backend_send(c, piece);
	struct str size = arena_printf(h->mem, "%zx\r\n", piece.len);
	return backend_send(c, size) || backend_send(c, piece) || backend_send(c, S("\r\n")) ? -1
												: 0;
}

/* An upstream that answers before it has all (413), or stops reading, gets no more: go and see. */
static status send_body(struct http *h, struct backend_call *c)
{
	if (h->body_length == 0)
		return 0;
	char *piece = arena_text(h->mem, PIECE);
	for (;;) {
		size_t n;
		if (http_body_read(h, piece, PIECE, &n))
			return -1;
		if (n && backend_answers(c)) {
			c->cut = true;
			return 0;
		}
		if (!n)
			return h->body_length < 0 ? backend_send(c, S("0\r\n\r\n")) : 0;
		if (send_piece(h, c, str_of(piece, n))) {
			c->cut = true;
			return err_code() == ERR_UPSTREAM ? 0 : -1;
		}
	}
}

static bool answer_field_dropped(struct str name)
{
	static const char *const hop[] = { "Connection", "Keep-Alive", "Transfer-Encoding", "Trailer",
					   "Upgrade", "Content-Length", "Content-Type", "Date" };
	for (size_t i = 0; i < countof(hop); i++)
		if (str_eq_nocase(name, str_c(hop[i])))
			return true;
	return false;
}

static status copy_whole(struct http *h, struct backend_call *c, struct str type)
{
	struct buf body = buf_make(h->mem, WHOLE_MAX);
	for (struct str piece;;) {
		if (backend_body(c, &piece))
			return -1;
		if (!piece.len)
			break;
		buf_put(&body, piece);
	}
	return http_reply(h, c->status, type, buf_str(&body));
}

/* Each piece goes on at once: an event that waits in a buffer is a late token. */
static status copy_stream(struct http *h, struct backend_call *c, struct str type)
{
	if (http_begin(h, c->status, type) || http_flush(h))
		return -1;
	for (struct str piece;;) {
		if (backend_body(c, &piece))
			return -1;
		if (!piece.len)
			return http_end(h);
		if (http_write(h, piece) || http_flush(h))
			return -1;
	}
}

static status copy_answer(struct http *h, struct backend_call *c)
{
	for (size_t i = 0; i < c->header_count; i++)
		if (!answer_field_dropped(c->headers[i].name))
			http_add_header(h, c->headers[i].name, c->headers[i].value);
	struct str type = backend_header(c, S("Content-Type"));
	if (c->length >= 0 && c->length <= WHOLE_MAX)
		return copy_whole(h, c, type);
	return copy_stream(h, c, type);
}

static status exchange(struct proxy *p, struct backend *up, struct http *h, struct str head,
		       bool fresh, struct backend_call *c)
{
	if (backend_begin(up, h->mem, fresh, c))
		return -1;
	c->read_ms = p->read_ms;
	if (backend_send(c, head) || send_body(h, c) || backend_head(c, h->method))
		return -1;
	return copy_answer(h, c);
}

status proxy_handle(struct http *h, void *proxy)
{
	struct proxy *p = proxy;
	struct backend *up = pick(p, h->path);
	if (!up)
		return err_set(ERR_NOT_FOUND, "Nothing is served at this address.");
	struct str head = request_head(p, h);
	struct backend_call *c = arena_new(h->mem, struct backend_call);
	p->stats.requests++;
	status s = exchange(p, up, h, head, false, c);
	if (s && err_code() == ERR_UPSTREAM && c->reused && !c->status && h->body_length == 0) {
		backend_end(c);
		p->stats.retries++;
		s = exchange(p, up, h, head, true, c);
	}
	if (s) {
		p->stats.failures++;
		c->keep_alive = false;
		c->ended = false;
	}
	backend_end(c);
	return s;
}
