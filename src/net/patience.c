/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience: how long an exchange waits, for a free connection, for the server to take the request
 * and to answer, and how often a whole exchange is tried again. Runs in the fiber that asks.
 */
#include "net/client_int.h"
#include <curl/curl.h>

enum {
	READ_MS = 600000,
	LOOK_MS = 1000, /* curl tells nobody of bytes that were sent: so often they are counted */
	AGAIN_MS = 500,
};

/* --- a free connection --- */

static int64_t or_else(int64_t own, int64_t limit, int64_t usual)
{
	return own ? own : limit ? limit : usual;
}

status patience_begin(struct client_stream *t)
{
	struct client *c = t->client;
	struct client_request *r = t->req;
	static const struct client_limits none;
	const struct client_limits *l = r->guarded ? &c->o.limits : &none;
	bool silent = !r->connect_ms && !r->read_ms;
	r->connect_ms = or_else(r->connect_ms, l->connect_ms, CONNECT_MS);
	r->read_ms = or_else(r->read_ms, l->read_ms, READ_MS);
	r->write_ms = or_else(r->write_ms, l->write_ms, r->read_ms);
	if (!l->connections)
		return 0;
	deadline until = silent && l->free_ms ? MIN(t->until, deadline_in_ms(l->free_ms)) : t->until;
	while (c->guarded_open >= l->connections) {
		if (c->dead)
			return err_set(ERR_CANCELLED, "the HTTP client is closing");
		if (!event_wait(&c->guarded_free, until))
			continue;
		if (c->guarded_open < l->connections)
			event_wake_one(&c->guarded_free); /* that was meant for somebody who stays */
		return err_code() == ERR_TIMEOUT ?
			       err_set(ERR_TIMEOUT, "no connection was free in time "
						    "(SSRF_POOL_MAX_CONNECTIONS=%zu)", l->connections) :
			       -1;
	}
	c->guarded_open++;
	t->has_place = true;
	return 0;
}

void patience_end(struct client_stream *t)
{
	if (!t->has_place)
		return;
	t->has_place = false;
	t->client->guarded_open--;
	event_wake_one(&t->client->guarded_free);
}

/* --- news --- */

/* Fills the upload buffer when curl asks for more; runs in the owner's fiber. */
static status pump(struct client_stream *t)
{
	size_t n = 0;
	if (!t->upload_wanted || t->done)
		return 0;
	t->upload_wanted = false;
	if (!t->upload)
		t->upload = arena_text(t->mem, UPLOAD_CAP);
	if (t->req->body_read(t->req->body_arg, t->upload, UPLOAD_CAP, &n))
		return -1;
	t->moved = rt_now(); /* who was waited for was not the server */
	t->upload_at = 0;
	t->upload_len = n;
	t->upload_end = !n;
	client_resume(t);
	return 0;
}

/* Whether the server still has to take some of the request. */
static bool sending(const struct client_stream *t)
{
	if (t->req->body_read)
		return !t->upload_end || t->upload_at < t->upload_len;
	return t->sent < t->req->body.len;
}

/* Notes what curl has done without telling. */
static void look(struct client_stream *t)
{
	curl_off_t us = 0, sent = 0;
	if (!t->connected && !curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &us) && us > 0) {
		t->connected = true;
		t->moved = MAX(t->moved, t->began + us * 1000);
	}
	if (t->connected && !t->req->body_read && t->sent < t->req->body.len &&
	    !curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent) && (uint64_t)sent > t->sent) {
		t->sent = (uint64_t)sent;
		t->moved = rt_now();
	}
}

/* When patience ends. Until there is a connection that is curl's to decide; the sum is for
 * transfers that wait in its queue. */
static deadline quiet_until(const struct client_stream *t)
{
	const struct client_request *r = t->req;
	int64_t ms = !t->connected ? r->connect_ms + r->read_ms :
		     sending(t)	   ? r->write_ms :
				     r->read_ms;
	return (t->connected ? t->moved : t->began) + ms * 1000000;
}

static status give_up(const struct client_stream *t)
{
	if (t->connected && sending(t) && rt_now() < t->until)
		return err_set(ERR_TIMEOUT, "the server did not take the request in time");
	return err_set(ERR_TIMEOUT, "the server did not answer in time");
}

status patience_wait(struct client_stream *t)
{
	if (pump(t))
		return -1;
	if (t->client->dead)
		return err_set(ERR_CANCELLED, "the HTTP client is closing");
	look(t);
	deadline until = MIN(t->until, quiet_until(t));
	int64_t step = MIN((int64_t)LOOK_MS, MIN(t->req->read_ms, t->req->write_ms));
	if (!t->connected || sending(t))
		until = MIN(until, rt_now() + step * 1000000);
	if (!event_wait(&t->changed, until))
		return 0;
	if (err_code() != ERR_TIMEOUT)
		return -1;
	/* In fetches the driver does not wake us for each piece: look whether there were any. */
	look(t);
	int64_t now = rt_now();
	if (now < t->until && now < quiet_until(t) && now < deadline_current())
		return 0;
	return give_up(t);
}

/* --- again --- */

status client_fetch(struct client *c, struct arena *mem, const struct client_request *r,
		    struct client_response **out)
{
	bool sent;
	return client_fetch_once(c, mem, r, out, &sent);
}

static bool acts(const struct client_request *r)
{
	struct str name = r->method_text.len ? r->method_text : http_method_name(r->method);
	return str_eq(name, S("POST")) || str_eq(name, S("PATCH"));
}

/* What may go better the next time, and does no harm twice. */
static bool may_pass(const struct client_request *r, status s, const struct client_response *a, bool sent)
{
	static const int broken[] = { 429, 503, 500, 502, 504 };
	size_t known = acts(r) ? 2 : countof(broken);
	if (s)
		return err_retryable(err_last()) && !(sent && acts(r));
	for (size_t i = 0; i < known; i++)
		if (a->status == broken[i])
			return true;
	return false;
}

status client_fetch_again(struct client *c, struct arena *mem, const struct client_request *r,
			  struct client_response **out)
{
	int retries = r->body_read ? 0 : c->o.limits.retries;
	for (int i = 0;; i++) {
		bool sent;
		status s = client_fetch_once(c, mem, r, out, &sent);
		if (!retries || !may_pass(r, s, s ? NULL : *out, sent))
			return s;
		if (i < retries && !fiber_sleep_ms((int64_t)AGAIN_MS << MIN(i, 10)))
			continue;
		if (i < retries)
			return -1;
		struct err why = { 0 };
		if (s)
			err_save(&why);
		err_set(ERR_UPSTREAM, "Reached maximum retries (%d) for URL %.*s", retries, STR(r->url));
		if (s)
			err_detail("%s", why.text);
		else
			err_detail("status %d", (*out)->status);
		return -1;
	}
}
