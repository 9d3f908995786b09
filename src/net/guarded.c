/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guarded: the part of an exchange that belongs to requests which a user's input directs. curl gets
 * a URL in the form that was judged and the addresses that were checked; it resolves no name and
 * follows no redirect of its own accord here.
 */
#include "base/enc.h"
#include "net/client_int.h"
#include "net/url.h"
#include <string.h>

struct str guarded_proxy(const struct client_stream *t)
{
	struct url u;
	if (!t->req->guarded || t->req->unix_socket.len || url_parse(t->req->url, &u))
		return S("");
	return u.tls ? t->client->o.proxy_tls : t->client->o.proxy;
}

static status read_target(struct client_stream *t, struct url *u, struct target *out)
{
	struct guard_decision *d = arena_new(t->mem, struct guard_decision);
	if (url_parse(t->req->url, u))
		return -1;
	bool v6 = str_find_char(u->host, ':') != SIZE_MAX;
	struct str host = v6 ? arena_printf(t->mem, "[%.*s]", STR(u->host)) : u->host;
	enum target_fault fault = target_host(host, u->port, out);
	return fault ? guard_refuse_target(fault, u->host, d) : 0;
}

static status add_resolved(struct client_stream *t, const struct target *to,
			   const struct guard_decision *d)
{
	struct buf b = buf_make(t->mem, 8192);
	char text[NET_ADDR_TEXT];
	/* "+": leaves curl's cache after a while; every request brings its own anyway. */
	buf_printf(&b, "+%s:%u:", to->name, (unsigned)to->port);
	for (size_t i = 0; i < d->count; i++) {
		bool v6 = d->at[i].any.sa_family == AF_INET6;
		buf_printf(&b, "%s%s%s%s", i ? "," : "", v6 ? "[" : "",
			   net_addr_text(&d->at[i], text), v6 ? "]" : "");
	}
	t->resolve = curl_slist_append(NULL, arena_cstr(t->mem, buf_str(&b)));
	if (buf_done(&b) || !t->resolve ||
	    curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve) != CURLE_OK)
		return err_set(ERR_INTERNAL, "the HTTP client refuses the checked addresses");
	return 0;
}

/* user:password@ goes to curl apart, so that its URL parser has no say about the host. */
static bool set_user(struct client_stream *t, struct str user)
{
	struct str password = user, name = str_cut(&password, ':');
	if (!user.len)
		return true;
	name = dec_percent(t->mem, name, false);
	password = dec_percent(t->mem, password, false);
	return curl_easy_setopt(t->easy, CURLOPT_USERNAME, arena_cstr(t->mem, name)) == CURLE_OK &&
	       curl_easy_setopt(t->easy, CURLOPT_PASSWORD, arena_cstr(t->mem, password)) == CURLE_OK;
}

/* In the fiber that asks: the driver's fiber works for everybody. */
static struct guard *choose_guard(struct client_stream *t)
{
	const struct client_options *o = &t->client->o;
	struct guard *own = o->guard_of ? o->guard_of(o->guard_ctx) : NULL;
	if (!t->guard)
		t->guard = own ? own : o->guard;
	return t->guard;
}

status guarded_route(struct client_stream *t)
{
	struct url u;
	struct target to;
	struct guard *guard = guarded_proxy(t).len ? NULL : choose_guard(t);
	struct guard_decision *d = arena_new(t->mem, struct guard_decision);
	if (read_target(t, &u, &to))
		return -1;
	deadline before = deadline_push(MIN(t->until, deadline_in_ms(t->req->connect_ms)));
	status s = guard ? guard_decide(guard, &to, u.tls, d) : 0;
	deadline_pop(before);
	if (s)
		return -1;
	t->host = arena_str(t->mem, target_name(&to));
	bool v6 = to.literal && to.address.any.sa_family == AF_INET6;
	bool usual = u.port == (u.tls ? 443 : 80);
	struct str port = usual ? S("") : arena_printf(t->mem, ":%u", (unsigned)u.port);
	struct str url = arena_printf(t->mem, "%s://%s%s%s%.*s%s%.*s", u.tls ? "https" : "http",
				      v6 ? "[" : "", to.name, v6 ? "]" : "", STR(port),
				      u.path.at[0] == '/' ? "" : "/", STR(u.path));
	if (curl_easy_setopt(t->easy, CURLOPT_URL, url.at) != CURLE_OK || !set_user(t, u.user))
		return err_set(ERR_INTERNAL, "the HTTP client refuses an option");
	return guard && !to.literal ? add_resolved(t, &to, d) : 0;
}

/* --- redirects --- */

static bool same_origin(struct str a, struct str b)
{
	struct url x, y;
	return !url_parse(a, &x) && !url_parse(b, &y) && x.tls == y.tls && x.port == y.port &&
	       str_eq_nocase(x.host, y.host);
}

static void drop_headers(struct client_stream *t, const char *const *names, size_t count)
{
	struct http_header *kept = arena_array(t->mem, struct http_header, t->req->header_count + 1);
	size_t n = 0;
	for (size_t i = 0; i < t->req->header_count; i++) {
		bool drop = false;
		for (size_t k = 0; k < count; k++)
			drop |= str_eq_nocase(t->req->headers[i].name, str_c(names[k]));
		if (!drop)
			kept[n++] = t->req->headers[i];
	}
	t->req->headers = kept;
	t->req->header_count = n;
}

/* RFC 9110 section 15.4: what follows becomes a GET, but for 307 and 308. */
static status redirect_method(struct client_stream *t)
{
	static const char *const body_fields[] = { "Content-Type", "Content-Length",
						   "Content-Encoding", "Transfer-Encoding", "Expect" };
	struct client_request *r = t->req;
	int code = t->head.status;
	struct str name = r->method_text.len ? r->method_text : http_method_name(r->method);
	bool post = str_eq(name, S("POST"));
	if ((code == 303 && !str_eq(name, S("HEAD"))) || ((code == 301 || code == 302) && post)) {
		r->method = HTTP_GET;
		r->method_text = r->body = S("");
		r->body_read = NULL;
		drop_headers(t, body_fields, countof(body_fields));
		return 0;
	}
	if (r->body_read)
		return err_set(ERR_UPSTREAM, "the server redirects a request whose body cannot be "
					     "sent again");
	return 0;
}

status guarded_hop(struct client_stream *t)
{
	/* What was meant for one place is not shown to another. */
	static const char *const secret[] = { "Authorization", "Cookie", "Proxy-Authorization", "Host" };
	/* A whole URL as it came: curl would write "127.1" as what it takes it for. */
	struct str next = client_header(&(struct client_response){ .headers = t->headers.at,
								   .header_count = t->headers.len },
					S("location"));
	struct url whole;
	if (url_parse(next, &whole)) {
		char *to = NULL;
		curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
		if (!to)
			return err_set(ERR_UPSTREAM, "the server redirects to no usable address");
		next = arena_str(t->mem, str_c(to));
	}
	if (!same_origin(t->req->url, next)) {
		struct url u;
		drop_headers(t, secret, countof(secret));
		if (url_parse(next, &u))
			return err_wrap("redirect");
	}
	t->req->url = next;
	return redirect_method(t);
}

status guarded_refused(const struct client_stream *t)
{
	static const char *const marks[] = { "server", "via" };
	if (!guarded_proxy(t).len || (t->head.status != 401 && t->head.status != 403))
		return 0;
	for (size_t i = 0; i < countof(marks); i++) {
		struct str v = client_header(&t->head, str_c(marks[i]));
		if (str_has(v, S("squid")))
			return err_set(ERR_DENIED,
				       "The request to %.*s was blocked by SSRF protection: the proxy "
				       "refuses private, internal and unlisted addresses.",
				       STR(t->req->url));
	}
	return 0;
}
