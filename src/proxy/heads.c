/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heads: the head of a request, read and judged as far as that needs nobody else, and heads written
 * anew for the server and for the client. Pure functions over text.
 */
#include "base/err.h"
#include "proxy/egress_int.h"
#include <string.h>

#define VIA "1.1 ssrf-proxy"

/* --- reading --- */

unsigned egress_head_code(int http_status)
{
	switch (http_status) {
	case 408:
		return EGRESS_REQUEST_TIMEOUT;
	case 414:
		return EGRESS_LINE_TOO_LONG;
	case 431:
		return EGRESS_HEAD_TOO_LARGE;
	case 417:
		return EGRESS_EXPECTATION;
	default: /* 501 and 505 too: codings and versions that we do not speak are not passed */
		return EGRESS_BAD_REQUEST;
	}
}

/* Lengths of the lines of a whole head. */
static int check_lines(const struct egress *e, struct str head)
{
	bool first = true;
	while (head.len) {
		struct str line = str_cut(&head, '\n');
		if (line.len > (first ? e->o.limits.line : e->o.limits.header))
			return first ? 414 : 431;
		first = false;
	}
	return 0;
}

struct str egress_field(const struct egress_request *q, struct str name)
{
	for (size_t i = 0; i < q->h.header_count; i++)
		if (str_eq_nocase(q->fields[i].name, name))
			return q->fields[i].value;
	return S("");
}

unsigned egress_head_read(const struct egress *e, struct arena *mem, struct str text, size_t lines,
			  struct egress_request *q)
{
	int bad = check_lines(e, text);
	if (bad)
		return egress_head_code(bad);
	q->fields = arena_array(mem, struct http_header, lines + 1);
	bad = http_parse_proxy_head(text.at, text.len, q->fields, e->o.limits.headers, &q->h);
	if (bad)
		return egress_head_code(bad);
	/* RFC 9112 appendix C.2.2: old clients say it so. */
	struct str old = egress_field(q, S("Proxy-Connection"));
	q->keep = q->h.http10 ? q->h.keep_alive || http_list_has(old, S("keep-alive")) :
				q->h.keep_alive && !http_list_has(old, S("close"));
	return GUARD_OK;
}

/* By the name that all of our kind bear, and by our own: what goes to a parent bears only that one,
 * because the parent may be of our kind too. */
static bool passed_here(const struct egress *e, const struct egress_request *q)
{
	for (size_t i = 0; i < q->h.header_count; i++)
		if (str_eq_nocase(q->fields[i].name, S("Via")) &&
		    (str_has(q->fields[i].value, S("ssrf-proxy")) ||
		     str_has(q->fields[i].value, str_c(e->id))))
			return true;
	return false;
}

unsigned egress_head_judge(const struct egress *e, struct egress_request *q)
{
	bool connect = str_eq(q->h.method_text, S("CONNECT"));
	enum target_fault fault;
	if (passed_here(e, q))
		return EGRESS_LOOP;
	if (!connect && q->h.method == HTTP_OTHER)
		return EGRESS_METHOD;
	if (connect && q->h.body_length)
		return EGRESS_BAD_REQUEST;
	fault = connect ? target_authority(q->h.target, 0, &q->target) :
			  target_absolute(q->h.target, &q->target, &q->path);
	if (fault)
		return fault == TARGET_AMBIGUOUS ? GUARD_AMBIGUOUS_IP : GUARD_BAD_TARGET;
	if (q->h.body_length > 0 && (uint64_t)q->h.body_length > e->o.limits.body)
		return EGRESS_BODY_TOO_LARGE;
	if (q->h.http10 && (q->h.method == HTTP_POST || q->h.method == HTTP_PUT) &&
	    !egress_field(q, S("Content-Length")).len)
		return EGRESS_LENGTH_REQUIRED;
	return GUARD_OK;
}

/* --- for the server --- */

static bool is_one_of(struct str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(name, str_c(list[i])))
			return true;
	return false;
}

/* RFC 9110 7.6.1, what we set ourselves, and what tells a server who asks. */
static bool dropped(const struct egress_request *q, struct str name)
{
	static const char *const never[] = { "Connection", "Keep-Alive", "Proxy-Connection",
					     "Proxy-Authenticate", "Proxy-Authorization", "TE",
					     "Trailer", "Transfer-Encoding", "Upgrade", "Host",
					     "Content-Length", "Expect", "X-Forwarded-For", "X-Real-IP",
					     "Forwarded", "HTTP2-Settings" };
	/* A client cannot have these taken out by naming them in Connection. */
	static const char *const fixed[] = { "Host", "Content-Length", "Authorization", "Cookie",
					     "Content-Type", "Content-Encoding", "Range",
					     "Cache-Control", "Accept-Encoding", "Via" };
	if (is_one_of(name, never, countof(never)))
		return true;
	if (is_one_of(name, fixed, countof(fixed)))
		return false;
	for (size_t i = 0; i < q->h.header_count; i++)
		if (str_eq_nocase(q->fields[i].name, S("Connection")) &&
		    http_list_has(q->fields[i].value, name))
			return true;
	return false;
}

/* Headers without which metadata services of clouds do not answer. */
static bool opens_metadata(struct str name, struct str value)
{
	return str_eq_nocase(str_sub(name, 0, 24), S("X-aws-ec2-metadata-token")) ||
	       str_eq_nocase(name, S("Metadata-Flavor")) ||
	       str_eq_nocase(name, S("X-Google-Metadata-Request")) ||
	       (str_eq_nocase(name, S("Metadata")) && str_eq_nocase(value, S("true")));
}

static void put_field(struct buf *b, struct str name, struct str value)
{
	buf_put(b, name);
	buf_puts(b, ": ");
	buf_put(b, value);
	buf_puts(b, "\r\n");
}

static void put_host(struct buf *b, const struct target *t)
{
	bool v6 = t->literal && t->address.any.sa_family == AF_INET6;
	buf_printf(b, v6 ? "[%s]" : "%s", t->name);
	if (t->port != 80)
		buf_printf(b, ":%u", (unsigned)t->port);
}

static void put_request_line(const struct egress *e, const struct egress_request *q, struct buf *b)
{
	char text[NET_ADDR_TEXT];
	buf_put(b, q->h.method_text);
	buf_putc(b, ' ');
	if (e->has_upstream) /* the parent gets the address that was checked, never the name */
		buf_printf(b, "http://%s", net_addr_text_port(&q->decision.at[0], text));
	if (q->path.at[0] != '/')
		buf_putc(b, '/');
	buf_put(b, q->path);
	buf_puts(b, " HTTP/1.1\r\nHost: ");
	put_host(b, &q->target);
	buf_puts(b, "\r\n");
}

void egress_put_parent(const struct egress *e, struct buf *b)
{
	buf_printf(b, "Via: 1.1 %s\r\n", e->id);
	if (e->upstream_auth.len)
		put_field(b, S("Proxy-Authorization"), e->upstream_auth);
}

static void put_framing(const struct egress_request *q, struct buf *b)
{
	if (q->h.body_length > 0)
		buf_printf(b, "Content-Length: %lld\r\n", (long long)q->h.body_length);
	else if (q->h.body_length < 0)
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	else if (q->h.method == HTTP_POST || q->h.method == HTTP_PUT || q->h.method == HTTP_PATCH)
		buf_puts(b, "Content-Length: 0\r\n");
}

bool egress_host_agrees(const struct egress_request *q)
{
	struct target t;
	return !q->h.host.len || (!target_authority(q->h.host, 80, &t) && t.port == q->target.port &&
				  str_eq(target_name(&t), target_name(&q->target)));
}

struct str egress_request_head(struct egress *e, struct arena *mem, const struct egress_request *q)
{
	struct buf b = buf_make(mem, 2 * e->o.limits.head + 4096);
	put_request_line(e, q, &b);
	for (size_t i = 0; i < q->h.header_count; i++) {
		struct http_header f = q->fields[i];
		if (opens_metadata(f.name, f.value))
			e->stats.metadata_headers++;
		else if (!dropped(q, f.name))
			put_field(&b, f.name, f.value);
	}
	if (e->has_upstream)
		egress_put_parent(e, &b);
	else
		buf_puts(&b, "Via: " VIA "\r\n");
	put_framing(q, &b);
	buf_puts(&b, "\r\n");
	return buf_str(&b);
}

/* --- for the client --- */

static bool answer_dropped(const struct http_answer *a, const struct http_header *fields, struct str name)
{
	static const char *const never[] = { "Connection", "Keep-Alive", "Proxy-Connection",
					     "Proxy-Authenticate", "Proxy-Authentication-Info",
					     "Transfer-Encoding", "Content-Length", "Trailer",
					     "Upgrade", "X-Proxy-Error" };
	if (is_one_of(name, never, countof(never)))
		return true;
	for (size_t i = 0; i < a->header_count; i++)
		if (str_eq_nocase(fields[i].name, S("Connection")) &&
		    http_list_has(fields[i].value, name))
			return true;
	return false;
}

int64_t egress_answer_body(const struct egress_request *q, const struct http_answer *a)
{
	bool none = q->h.method == HTTP_HEAD || a->status == 204 || a->status == 304;
	return none ? 0 : a->body_length;
}

struct str egress_answer_head(const struct egress *e, struct arena *mem, const struct egress_request *q,
			      const struct egress_answer *a)
{
	struct buf b = buf_make(mem, 2 * e->o.limits.head + 4096);
	buf_printf(&b, "HTTP/1.1 %d %.*s\r\n", a->h.status, STR(a->h.reason));
	for (size_t i = 0; i < a->h.header_count; i++)
		if (!answer_dropped(&a->h, a->fields, a->fields[i].name))
			put_field(&b, a->fields[i].name, a->fields[i].value);
	buf_puts(&b, "Via: " VIA "\r\n");
	/* Of HEAD and 304 the length is that of the body which is not sent. */
	if (a->h.body_length >= 0 && a->h.status != 204)
		buf_printf(&b, "Content-Length: %lld\r\n", (long long)a->h.body_length);
	else if (a->chunked)
		buf_puts(&b, "Transfer-Encoding: chunked\r\n");
	if (!q->keep)
		buf_puts(&b, "Connection: close\r\n");
	else if (q->h.http10)
		buf_puts(&b, "Connection: keep-alive\r\n");
	buf_puts(&b, "\r\n");
	return buf_str(&b);
}
