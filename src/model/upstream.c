/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream: one HTTP exchange with a model server, for all protocols: key, retries before anything
 * of the answer was used, time-outs, and the vendor's words when it refuses. Retried are failures
 * to connect, 429 and 5xx; what a caller's cancellation or deadline ended is never retried.
 */
#include "model/model_int.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "net/client.h"

static bool retryable_status(int http)
{
	return http == 429 || (http >= 500 && http != 501 && http != 505);
}

bool upstream_again(int tries, int http, int64_t retry_after_s)
{
	if (tries >= MODEL_TRIES_MAX || (http && !retryable_status(http)) || fiber_cancelled())
		return false;
	if (retry_after_s > MODEL_RETRY_AFTER_MAX_S)
		return false;
	int64_t wait = (int64_t)MODEL_BACKOFF_MS << (tries - 1);
	wait = MAX(wait, retry_after_s * 1000);
	deadline end = deadline_current();
	if (end != DEADLINE_NONE && rt_now() + wait * 1000000 >= end)
		return false;
	struct err saved;
	err_save(&saved);
	if (fiber_sleep_ms(wait))
		return false;
	(void)err_restore(&saved);
	return true;
}

static int64_t retry_after(const struct client_response *r)
{
	int64_t s;
	struct str v = str_trim(client_header(r, S("retry-after")));
	return v.len && !str_to_i64(v, &s) && s > 0 ? s : 0;
}

status upstream_broken(const struct target *t)
{
	enum err_code code = err_code();
	if (code == ERR_CANCELLED)
		return -1;
	if (code == ERR_TIMEOUT && deadline_current() <= rt_now())
		return -1;
	struct str where = t->unix_socket.len ? S("the bundled model role") : t->base_url;
	struct err saved;
	err_save(&saved);
	return err_public(ERR_INVALID, "invalid_param", 400, "The model server %.*s %s: %.400s",
			  (int)MIN(where.len, 200), where.at,
			  code == ERR_TIMEOUT ? "did not answer in time" : "cannot be reached",
			  saved.text);
}

/* The text inside the usual forms of error objects; else the start of the body. */
static struct str vendor_text(struct arena *mem, struct str body)
{
	struct json *v;
	body = str_trim(body);
	if (!json_parse(mem, body, &v)) {
		const struct json *first = json_is(v, JSON_ARR) ? json_at(v, 0) : v;
		const struct json *e = json_get(first, S("error"));
		struct str s = json_as_str(e, json_get_str(e, S("message")));
		if (!s.len)
			s = json_get_str(first, S("message"));
		if (!s.len)
			s = json_get_str(first, S("detail"));
		if (s.len)
			return s;
	}
	err_clear();
	if (!utf8_valid(body) || str_starts(body, S("<")))
		return S(""); /* a proxy's HTML page tells nobody anything */
	return body;
}

status upstream_refused(const struct target *t, int http, struct str body, struct arena *mem)
{
	struct str text = vendor_text(mem, body);
	text = str_sub(text, 0, utf8_prefix(text, 300));
	return err_public(ERR_INVALID, "invalid_param", 400,
			  "Model %.*s: the server answered %d%s%.*s", (int)MIN(t->name.len, 100),
			  t->name.at, http, text.len ? ": " : "", STR(text));
}

static status read_rest(struct arena *mem, struct client_stream *s, size_t max, struct str *out)
{
	struct buf b = buf_make(mem, max);
	while (true) {
		char *at = buf_reserve(&b, 4096);
		size_t n = 0;
		if (!at)
			break;
		if (client_stream_read(s, at, 4096, &n))
			return -1;
		if (!n)
			break;
		b.len += n;
	}
	*out = buf_str(&b);
	return 0;
}

struct part_reader {
	const struct str *parts;
	size_t count, part, at;
};

static status read_parts(void *arg, char *at, size_t cap, size_t *n)
{
	struct part_reader *r = arg;
	while (r->part < r->count && r->at == r->parts[r->part].len) {
		r->part++;
		r->at = 0;
	}
	struct str rest = r->part < r->count ? str_skip(r->parts[r->part], r->at) : S("");
	*n = MIN(rest.len, cap);
	memcpy(at, rest.at, *n);
	r->at += *n;
	return 0;
}

/* Anew for each try: the body is read from its beginning. */
static void set_parts(struct arena *mem, const struct upstream *u, struct client_request *r)
{
	struct part_reader *reader = arena_new(mem, struct part_reader);
	*reader = (struct part_reader){ .parts = u->parts, .count = u->part_count };
	r->method = HTTP_POST;
	r->body_read = read_parts;
	r->body_arg = reader;
	for (size_t i = 0; i < u->part_count; i++)
		r->body_length += (int64_t)u->parts[i].len;
}

static void request_make(struct arena *mem, const struct upstream *u, struct client_request *r)
{
	const struct target *t = u->target;
	struct http_header *h = arena_array(mem, struct http_header, 4);
	*r = (struct client_request){ .method = u->body.len ? HTTP_POST : HTTP_GET };
	r->url = arena_printf(mem, "%.*s%.*s", STR(t->base_url), STR(u->path));
	r->unix_socket = t->unix_socket;
	r->headers = h;
	h[r->header_count++] = (struct http_header){ S("Content-Type"),
						     u->parts ? u->type : S("application/json") };
	if (t->api_key.len) {
		struct str v = arena_printf(mem, "Bearer %.*s", STR(t->api_key));
		h[r->header_count++] = (struct http_header){ S("Authorization"), v };
	}
	r->body = u->body;
	r->body_length = (int64_t)u->body.len;
	if (u->parts)
		set_parts(mem, u, r);
	r->connect_ms = MODEL_CONNECT_MS;
	r->read_ms = MODEL_READ_MS;
}

status upstream_open(struct arena *mem, const struct upstream *u, struct client_stream **out)
{
	for (int tries = 1;; tries++) {
		struct client_request r;
		request_make(mem, u, &r);
		AUTO(client_stream) s = { NULL };
		if (client_stream_open(u->models->client, mem, &r, &s.p)) {
			enum err_code code = err_code();
			u->failure->http = 0;
			if (code == ERR_UPSTREAM && upstream_again(tries, 0, 0))
				continue;
			return upstream_broken(u->target);
		}
		const struct client_response *head = client_stream_head(s.p);
		if (head->status >= 200 && head->status < 300) {
			*out = take(s.p);
			return 0;
		}
		struct str body = S("");
		u->failure->http = head->status;
		if (read_rest(mem, s.p, MODEL_ERROR_BODY_MAX, &body) && err_code() == ERR_CANCELLED)
			return -1;
		(void)upstream_refused(u->target, head->status, body, mem);
		if (!retryable_status(head->status) ||
		    !upstream_again(tries, head->status, retry_after(head)))
			return -1;
	}
}

status upstream_json(struct arena *mem, const struct upstream *u, struct json **out)
{
	AUTO(client_stream) s = { NULL };
	struct str body;
	if (upstream_open(mem, u, &s.p))
		return -1;
	if (read_rest(mem, s.p, MODEL_ANSWER_MAX, &body))
		return upstream_broken(u->target);
	if (json_parse(mem, body, out))
		return err_public(ERR_INVALID, "invalid_param", 400,
				  "Model %.*s: the server's answer is no JSON", STR(u->target->name));
	return 0;
}
