/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: one exchange of the client. curl's callbacks run on the driver fiber, put what came
 * into the record and wake the fiber that owns it; they never wait.
 */
#include "net/client_int.h"
#include "net/guard.h"
#include "net/http_parse.h"
#include "net/url.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RESPONSE_MAX = 64 << 20,
	HEADER_BYTES_MAX = 256 << 10,
	HOP_BODY_MAX = 64 << 10,
};

/* --- callbacks of curl --- */

static void keep_error(struct client_stream *t)
{
	if (t->why)
		return;
	t->why = arena_new(t->mem, struct err);
	err_save(t->why);
}

static uint16_t port_of(const struct sockaddr *a)
{
	const void *p = a;
	return ntohs(a->sa_family == AF_INET ? ((const struct sockaddr_in *)p)->sin_port
					     : ((const struct sockaddr_in6 *)p)->sin6_port);
}

/* The last moment before a connection: the address is the one that connect() will get. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct client_stream *t = arg;
	struct guard *guard = t->req->guarded && !guarded_proxy(t).len ? t->guard : NULL;
	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (guard && !t->req->unix_socket.len &&
	    ((a->family != AF_INET && a->family != AF_INET6) ||
	     guard_check(guard, t->host, &a->addr, port_of(&a->addr)))) {
		t->denied = true;
		keep_error(t);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
}

static void start_head(struct client_stream *t, struct str line)
{
	size_t sp = str_find_char(line, ' ');
	int64_t code = 0;
	if (sp == SIZE_MAX || str_to_i64(str_sub(line, sp + 1, 3), &code))
		code = 0;
	t->head.status = (int)code;
	t->headers.len = 0;
	t->has_location = false;
}

static struct str lower(struct arena *mem, struct str s)
{
	char *at = arena_text(mem, s.len + 1);
	for (size_t i = 0; i < s.len; i++)
		at[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] | 32) : s.at[i];
	return str_of(at, s.len);
}

static void finish_head(struct client_stream *t)
{
	int code = t->head.status;
	bool interim = code >= 100 && code < 200;
	bool followed = code >= 300 && code < 400 && t->has_location && t->req->redirects_max > 0;
	t->hop = followed && t->req->guarded;
	if (interim || followed)
		return;
	t->head_done = true;
	event_wake_all(&t->changed);
}

static size_t on_header(char *at, size_t size, size_t n, void *arg)
{
	struct client_stream *t = arg;
	struct str line = str_trim(str_of(at, size * n));
	t->moved = rt_now();
	if (t->head_done) /* trailers */
		return size * n;
	if (str_starts(line, S("HTTP/"))) {
		start_head(t, line);
		return size * n;
	}
	if (!line.len) {
		finish_head(t);
		return size * n;
	}
	size_t colon = str_find_char(line, ':');
	if (colon == SIZE_MAX || !colon)
		return size * n;
	if (t->headers.len == HEADERS_MAX) {
		t->too_large = true;
		return 0;
	}
	struct http_header h = { lower(t->mem, str_trim(str_sub(line, 0, colon))),
				 arena_str(t->mem, str_trim(str_skip(line, colon + 1))) };
	t->has_location |= str_eq(h.name, S("location"));
	vec_push(t->mem, &t->headers, h);
	return size * n;
}

static size_t on_data(char *at, size_t size, size_t n, void *arg)
{
	struct client_stream *t = arg;
	size_t len = size * n;
	t->moved = rt_now();
	if (t->hop) { /* a longer body is not worth keeping the connection for */
		t->hop_bytes += len;
		return t->hop_bytes > HOP_BODY_MAX ? 0 : len;
	}
	t->head_done = true;
	if (!t->whole && t->body.len - t->body_at >= PAUSE_AT) {
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buf_put(&t->body, str_of(at, len));
	if (t->body.overflow) {
		t->too_large = true;
		return 0;
	}
	if (!t->whole)
		event_wake_all(&t->changed);
	return len;
}

static size_t on_upload(char *at, size_t size, size_t n, void *arg)
{
	struct client_stream *t = arg;
	size_t have = t->upload_len - t->upload_at;
	t->moved = rt_now();
	if (t->why)
		return CURL_READFUNC_ABORT;
	if (!have && t->upload_end)
		return 0;
	if (!have) {
		t->upload_wanted = true;
		t->paused = true;
		event_wake_all(&t->changed);
		return CURL_READFUNC_PAUSE;
	}
	size_t take_n = MIN(have, size * n);
	memcpy(at, t->upload + t->upload_at, take_n);
	t->upload_at += take_n;
	return take_n;
}

/* --- building the request --- */

#define SET(option, value) ok &= curl_easy_setopt(t->easy, (option), (value)) == CURLE_OK

static bool text_ok(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.at[i] < 32 && s.at[i] != '\t') || s.at[i] == 127)
			return false;
	return true;
}

static status add_line(struct client_stream *t, struct str line)
{
	struct curl_slist *l = curl_slist_append(t->lines, arena_cstr(t->mem, line));
	if (!l)
		return err_set(ERR_INTERNAL, "curl_slist_append failed");
	t->lines = l;
	return 0;
}

static bool has_header(const struct client_request *r, struct str name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (str_eq_nocase(r->headers[i].name, name))
			return true;
	return false;
}

static status set_headers(struct client_stream *t)
{
	const struct client_request *r = t->req;
	for (size_t i = 0; i < r->header_count; i++) {
		struct str name = r->headers[i].name, value = str_trim(r->headers[i].value);
		if (!http_is_token(name) || !text_ok(value))
			return err_set(ERR_INVALID, "header \"%.*s\" has a bad name or value",
				       STR(name));
		/* curl's way to say "present but empty" is a semicolon. */
		struct str line = value.len ? arena_printf(t->mem, "%.*s: %.*s", STR(name), STR(value))
					    : arena_printf(t->mem, "%.*s;", STR(name));
		if (add_line(t, line))
			return -1;
	}
	/* curl's own ideas: a form type for every POST, and a round trip before larger bodies. */
	if (!has_header(r, S("content-type")) && add_line(t, S("Content-Type:")))
		return -1;
	if (!has_header(r, S("expect")) && add_line(t, S("Expect:")))
		return -1;
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines);
	return 0;
}

static status set_method(struct client_stream *t)
{
	const struct client_request *r = t->req;
	struct str name = r->method_text.len ? r->method_text : http_method_name(r->method);
	bool ok = true;
	if (!http_is_token(name))
		return err_set(ERR_INVALID, "the request method is malformed");
	if (r->body_read) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_READFUNCTION, on_upload);
		SET(CURLOPT_READDATA, t);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_length);
	} else if (r->body.len || str_eq(name, S("POST")) || str_eq(name, S("PUT")) ||
		   str_eq(name, S("PATCH"))) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, r->body.len ? r->body.at : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
	} else if (str_eq(name, S("HEAD"))) {
		SET(CURLOPT_NOBODY, 1L);
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	bool natural = (str_eq(name, S("GET")) && !r->body.len && !r->body_read) ||
		       (str_eq(name, S("POST")) && !r->body_read) || str_eq(name, S("HEAD"));
	if (!natural)
		SET(CURLOPT_CUSTOMREQUEST, arena_cstr(t->mem, name));
	return ok ? 0 : err_set(ERR_INTERNAL, "the HTTP client refuses an option");
}

static status set_route(struct client_stream *t)
{
	const struct client_request *r = t->req;
	const struct client_options *o = &t->client->o;
	bool ok = true;
	struct url u;
	if (url_parse(r->url, &u))
		return -1;
	SET(CURLOPT_URL, arena_cstr(t->mem, r->url));
	if (r->guarded && !r->unix_socket.len && guarded_route(t))
		return -1;
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	/* Never from the environment: only what the settings say. */
	SET(CURLOPT_PROXY, arena_cstr(t->mem, guarded_proxy(t)));
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (r->unix_socket.len)
		SET(CURLOPT_UNIX_SOCKET_PATH, arena_cstr(t->mem, r->unix_socket));
	SET(CURLOPT_FOLLOWLOCATION, r->redirects_max > 0 && !r->guarded ? 1L : 0L);
	SET(CURLOPT_MAXREDIRS, (long)r->redirects_max);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_SSL_VERIFYPEER, r->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, r->insecure ? 0L : 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (o->ca_file.len)
		SET(CURLOPT_CAINFO, arena_cstr(t->mem, o->ca_file));
	return ok ? 0 : err_set(ERR_INTERNAL, "the HTTP client refuses an option");
}

static status set_rest(struct client_stream *t)
{
	const struct client_request *r = t->req;
	bool ok = true;
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_ERRORBUFFER, t->message);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* an abandoned name lookup must not be waited for */
	SET(CURLOPT_BUFFERSIZE, (long)(t->whole ? CURL_BUFFER : CURL_BUFFER_OPEN));
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
	if (r->guarded && t->client->o.limits.keep_none)
		SET(CURLOPT_FORBID_REUSE, 1L);
	else if (r->guarded && t->client->o.limits.kept_ms)
		SET(CURLOPT_MAXAGE_CONN, (long)((t->client->o.limits.kept_ms + 999) / 1000));
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, t);
	if (t->whole && !has_header(r, S("accept-encoding")))
		SET(CURLOPT_ACCEPT_ENCODING, "");
	return ok ? 0 : err_set(ERR_INTERNAL, "the HTTP client refuses an option");
}

/* --- results --- */

static status failure(struct client_stream *t)
{
	const char *text = t->message[0] ? t->message : curl_easy_strerror(t->code);
	long proxy_code = 0;
	if (t->why)
		return err_restore(t->why);
	if (t->too_large)
		return err_set(ERR_TOO_LARGE, "the answer is larger than allowed");
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_code);
	if (proxy_code == 403 || proxy_code == 401)
		return err_set(ERR_DENIED, "the proxy refuses requests to this address");
	switch (t->code) {
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(ERR_TIMEOUT, "connecting took too long");
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(ERR_INVALID, "the URL is not usable: %s", text);
	case CURLE_TOO_MANY_REDIRECTS:
		return err_set(ERR_UPSTREAM, "more than %d redirects", t->req->redirects_max);
	default:
		return err_set(ERR_UPSTREAM, "%s", text);
	}
}

static int64_t info_us(CURL *easy, CURLINFO what)
{
	curl_off_t v = 0;
	curl_easy_getinfo(easy, what, &v);
	return v;
}

static void fill_head(struct client_stream *t)
{
	char *url = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url);
	t->head.url = arena_str(t->mem, str_c(url));
	t->head.headers = t->headers.at;
	t->head.header_count = t->headers.len;
	t->head.connect_us = MAX(info_us(t->easy, CURLINFO_CONNECT_TIME_T),
				 info_us(t->easy, CURLINFO_APPCONNECT_TIME_T));
	t->head.first_byte_us = info_us(t->easy, CURLINFO_STARTTRANSFER_TIME_T);
	t->head.total_us = info_us(t->easy, CURLINFO_TOTAL_TIME_T);
}

static status start(struct client_stream *t)
{
	t->began = t->moved = rt_now();
	t->connected = false;
	t->sent = 0;
	if (set_route(t) || set_method(t) || set_rest(t) || set_headers(t))
		return -1;
	return client_begin(t);
}

static status open_transfer(struct client *c, struct arena *mem, const struct client_request *r,
			    bool whole, struct client_stream **out)
{
	struct client_stream *t = arena_new(mem, struct client_stream);
	if (c->dead)
		return err_set(ERR_CANCELLED, "the HTTP client is closing");
	*out = t;
	t->client = c;
	t->mem = mem;
	t->whole = whole;
	struct client_request *copy = arena_new(mem, struct client_request);
	*copy = *r;
	t->req = copy;
	uint64_t max = r->response_max ? r->response_max : RESPONSE_MAX;
	t->body = buf_make(NULL, whole ? max : 0);
	t->lent = buf_make(NULL, 0);
	t->until = r->total_ms ? deadline_in_ms(r->total_ms) : DEADLINE_NONE;
	list_init(&t->resume_node);
	list_push(&c->transfers, &t->node);
	if (patience_begin(t))
		return -1;
	t->easy = client_take_easy(c);
	if (!t->easy)
		return err_set(ERR_INTERNAL, "curl_easy_init failed");
	return start(t);
}

/* The same handle again for the place that a redirect names. */
static status follow(struct client_stream *t)
{
	if (t->code && t->hop_bytes <= HOP_BODY_MAX)
		return failure(t);
	if (t->hops++ >= t->req->redirects_max)
		return err_set(ERR_UPSTREAM, "more than %d redirects", t->req->redirects_max);
	client_end(t);
	if (guarded_hop(t))
		return -1;
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->lines);
	curl_slist_free_all(t->resolve);
	t->lines = t->resolve = NULL;
	t->hop = t->done = t->paused = false;
	t->code = CURLE_OK;
	t->hop_bytes = 0;
	t->message[0] = 0;
	return start(t);
}

/* Until the head of the last answer is there, or there will be none. */
static status await_head(struct client_stream *t)
{
	for (;;) {
		while (!t->head_done && !t->done)
			if (patience_wait(t))
				return -1;
		if (!t->hop)
			break;
		if (follow(t))
			return -1;
	}
	if (t->done && t->code)
		return failure(t);
	fill_head(t);
	return guarded_refused(t);
}

void client_stream_close(struct client_stream *t)
{
	if (!t)
		return;
	list_remove(&t->node);
	list_remove(&t->resume_node);
	client_end(t);
	/* After some failures (a redirect to another protocol) curl keeps a buffer that makes the
	 * handle refuse options for ever: only those that went well are used again. */
	if (t->easy && t->done && !t->code)
		client_give_easy(t->client, t->easy);
	else if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->lines);
	curl_slist_free_all(t->resolve);
	buf_free(&t->body);
	buf_free(&t->lent);
	patience_end(t);
	t->easy = NULL;
	t->lines = t->resolve = NULL;
}

status client_stream_open(struct client *c, struct arena *mem, const struct client_request *r,
			  struct client_stream **out)
{
	AUTO(client_stream) t = { NULL };
	if (open_transfer(c, mem, r, false, &t.p))
		return -1;
	if (await_head(t.p))
		return -1;
	*out = take(t.p);
	return 0;
}

const struct client_response *client_stream_head(const struct client_stream *t)
{
	return &t->head;
}

/* *have = bytes that can be taken now, 0 at the end. */
static status await_body(struct client_stream *t, size_t *have)
{
	while (t->body_at == t->body.len && !t->done)
		if (patience_wait(t))
			return -1;
	*have = t->body.len - t->body_at;
	return !*have && t->code ? failure(t) : 0;
}

status client_stream_piece(struct client_stream *t, struct str *piece)
{
	size_t have;
	buf_free(&t->lent);
	if (await_body(t, &have))
		return -1;
	*piece = str_skip(buf_str(&t->body), t->body_at);
	if (!have)
		return 0;
	/* The driver goes on in a new buffer. */
	t->lent = t->body;
	t->body = buf_make(NULL, 0);
	t->body_at = 0;
	if (t->paused && !t->upload_wanted)
		client_resume(t);
	return 0;
}

status client_stream_read(struct client_stream *t, char *at, size_t cap, size_t *n)
{
	size_t have;
	if (await_body(t, &have))
		return -1;
	*n = MIN(have, cap);
	if (!*n)
		return 0;
	memcpy(at, t->body.at + t->body_at, *n);
	t->body_at += *n;
	if (t->body_at == t->body.len) {
		buf_free(&t->body); /* a quiet stream holds no buffer */
		t->body = buf_make(NULL, 0);
		t->body_at = 0;
	} else if (t->body_at >= PAUSE_AT) {
		buf_consume(&t->body, t->body_at);
		t->body_at = 0;
	}
	if (t->paused && !t->upload_wanted && t->body.len - t->body_at < PAUSE_AT / 2)
		client_resume(t);
	return 0;
}

status client_fetch_once(struct client *c, struct arena *mem, const struct client_request *r,
			 struct client_response **out, bool *sent)
{
	AUTO(client_stream) t = { NULL };
	*sent = false;
	status s = open_transfer(c, mem, r, true, &t.p);
	if (!s)
		s = await_head(t.p);
	while (!s && !t.p->done)
		s = patience_wait(t.p);
	if (!s && t.p->code)
		s = failure(t.p);
	*sent = t.p && t.p->easy && info_us(t.p->easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
	if (s)
		return -1;
	fill_head(t.p); /* the times of the whole */
	t.p->head.body = arena_str(mem, buf_str(&t.p->body));
	struct client_response *answer = arena_new(mem, struct client_response);
	*answer = t.p->head;
	*out = answer;
	return 0;
}

struct str client_header(const struct client_response *r, struct str name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (str_eq(r->headers[i].name, name))
			return r->headers[i].value;
	return S("");
}
