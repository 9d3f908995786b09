/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: HTTP requests to other servers, on libcurl's multi interface driven by the loop. Reuses
 * connections, verifies TLS by default, streams both ways, ends at the fiber's deadline, and aborts
 * the transfer when the fiber is cancelled.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"

struct guard;
struct client;

/* For guarded requests; 0 = no limit but the usual ones. */
struct client_limits {
	int64_t connect_ms, read_ms, write_ms; /* of those that say nothing themselves */
	int64_t free_ms;    /* they wait so long for a connection that is free */
	int retries;	    /* of client_fetch_again */
	size_t connections; /* at a time */
	size_t kept;	    /* idle connections */
	int64_t kept_ms;
	bool keep_none;
};
struct client_options {
	struct str ca_file;	/* PEM, empty = the system's */
	struct str proxy, proxy_tls; /* http://host:port for guarded requests, empty = direct */
	struct guard *guard;	/* decides about requests with guarded = true that go direct */
	/* Another one for the fiber that asks, or NULL: guard. Asked once a request. */
	struct guard *(*guard_of)(void *ctx);
	void *guard_ctx;
	struct client_limits limits;
	/* 0 = 64. Past 256 there may be that many in each of several lanes (client_int.h). */
	size_t connections_per_host;
};
status client_open(const struct client_options *, struct client **out) NODISCARD;
void client_close(struct client *);
DEFINE_AUTO(client, struct client, client_close)

struct client_request {
	enum http_method method;
	struct str method_text;	 /* instead of method, when not empty */
	struct str url;
	struct str unix_socket;	 /* path: connect there instead */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
	/* Streamed body: called until *n = 0; body_length -1 = chunked. */
	status (*body_read)(void *arg, char *at, size_t cap, size_t *n);
	void *body_arg;
	int64_t body_length;
	bool guarded;		/* user input directs it: guard and proxy apply */
	bool insecure;		/* no TLS verification: only where a user's setting says so */
	int redirects_max;	/* 0 = none are followed; each is guarded again */
	/* 0 = the client's limits, else 10 s, 600 s without data, as read_ms, the fiber's deadline.
	 * write_ms: how long the server may take nothing of the body. */
	int64_t connect_ms, read_ms, write_ms, total_ms;
	uint64_t response_max;	/* bytes of body for client_fetch, 0 = 64 MiB */
};
struct client_response {
	int status;
	struct http_header *headers; /* names in lower case */
	size_t header_count;
	struct str body;	     /* client_fetch only */
	struct str url;		     /* after redirects */
	int64_t connect_us, first_byte_us, total_us;
};
struct str client_header(const struct client_response *, struct str lower_name);

/* Whole exchange. A non-2xx status is not a failure. Failures: ERR_DENIED (guard), ERR_UPSTREAM
 * (connect, TLS, reset: retryable), ERR_TIMEOUT, ERR_CANCELLED, ERR_TOO_LARGE. */
status client_fetch(struct client *, struct arena *, const struct client_request *, struct client_response **out) NODISCARD;

/* The same, and again after what may pass (no answer; 429, 500, 502, 503, 504), up to the client's retries
 * with 0.5, 1, 2, ... seconds between. A POST or PATCH goes again only when the server cannot have acted on it:
 * it was not sent, or answered with 429 or 503. ERR_UPSTREAM "Reached maximum retries (3) for URL ...". */
status client_fetch_again(struct client *, struct arena *, const struct client_request *, struct client_response **out) NODISCARD;

/* Streamed answer: open returns when the head has come; read returns pieces, *n = 0 at the end.
 * Not reading pauses the transfer (back-pressure). Close aborts what is left. */
struct client_stream;
status client_stream_open(struct client *, struct arena *, const struct client_request *, struct client_stream **out) NODISCARD;
const struct client_response *client_stream_head(const struct client_stream *);
status client_stream_read(struct client_stream *, char *at, size_t cap, size_t *n) NODISCARD;
/* All that has come, without a copy: *piece is the stream's until the next call, empty at the end. */
status client_stream_piece(struct client_stream *, struct str *piece) NODISCARD;
void client_stream_close(struct client_stream *);
DEFINE_AUTO(client_stream, struct client_stream, client_stream_close)

/* Parses server-sent events out of a stream: *data = the joined data lines; NULL at the end. */
struct sse_reader;
struct sse_reader *sse_reader_open(struct arena *, struct client_stream *, size_t event_max);
struct sse_event {
	struct str event, data, id;
};
status sse_reader_next(struct sse_reader *, struct sse_event *out, bool *end) NODISCARD;
