/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: HTTP/1.1 server (RFC 9110, 9112) on fibers: one fiber a connection. The parser is strict
 * and refuses ambiguous framing (both Content-Length and Transfer-Encoding, bare CR or LF, bad
 * field names, obsolete folding). A handler reads the body when it wants to and answers once,
 * whole or as a stream. When the client leaves, the handler's group is cancelled: "leaves" is a
 * reset, a hang-up of both directions, or a failed write, not the end of its sending side alone.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct arena;
struct json;

enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER
};
struct str http_method_name(enum http_method);

struct http_header {
	struct str name, value; /* name as received; compare with str_eq_nocase */
};

/* One request and its answer. Lives in `mem`, which is reset when the exchange ends. */
struct http {
	struct arena *mem;
	enum http_method method;
	struct str method_text;
	struct str target;     /* as received */
	struct str path;       /* percent-decoded, no dot segments left, starts with "/" */
	struct str query;      /* raw, without "?" */
	const struct http_header *headers;
	size_t header_count;
	struct str peer;       /* address text of the client, "unix" for local sockets */
	struct str request_id; /* X-Request-Id when sane, else made */
	bool tls;
	int64_t body_length;   /* -1 = chunked, 0 = none */
	uint64_t body_limit;   /* bytes; starts as the server's, a route may change it */
	bool keep_on_disconnect; /* set by the handler: go on when the client leaves; writes then
				  * fail with ERR_CLOSED */

	/* filled by the answer functions, for the access log */
	int status;
	uint64_t bytes_out;
	struct http_conn *conn; /* private */
	void *user;		/* the layer above */
};

/* "" when absent; the first of several. */
struct str http_header(const struct http *, struct str name);
/* Value of a cookie, "" when absent. */
struct str http_cookie(const struct http *, struct str name);
/* Query parameter, decoded; "" with at == NULL when absent. */
struct str http_query(struct http *, struct str name);

/* --- request body --- */
/* Whole body; ERR_TOO_LARGE past body_limit (answered with 413 and close). */
status http_body(struct http *, struct str *out) NODISCARD;
/* Next piece, *n = 0 at the end. Sends "100 Continue" on the first call when asked for. */
status http_body_read(struct http *, char *at, size_t cap, size_t *n) NODISCARD;

/* --- answer --- */
/* Before the answer starts. Copies nothing: name and value must live until the answer is sent. */
void http_add_header(struct http *, struct str name, struct str value);
/* Whole answer with Content-Length. type empty = none. */
status http_reply(struct http *, int code, struct str type, struct str body) NODISCARD;
/* Streamed answer: chunked for HTTP/1.1, until close for 1.0. Then http_write until http_end.
 * http_write waits while the client does not read (bounded by the server's write time-out). */
status http_begin(struct http *, int code, struct str type) NODISCARD;
status http_write(struct http *, struct str) NODISCARD;
/* Sends what http_write buffered. http_write flushes by itself at 16 KiB. */
status http_flush(struct http *) NODISCARD;
status http_end(struct http *) NODISCARD;
bool http_started(const struct http *);
/* A file region with sendfile; length -1 = to the end. Sets Content-Length. */
status http_reply_fd(struct http *, int code, struct str type, int fd, int64_t offset, int64_t length) NODISCARD;

/* --- server-sent events (WHATWG HTML 9.2; platform.md 2.3) --- */
/* Starts text/event-stream; a fiber sends "event: ping\n\n" after every 10 s (ping_ms, 0 = that
 * default) without another write. */
status sse_begin(struct http *, int64_t ping_ms) NODISCARD;
/* "data: <text>\n\n", flushed. text must not hold line breaks (JSON never does). id may be empty. */
status sse_data(struct http *, struct str id, struct str text) NODISCARD;
status sse_end(struct http *) NODISCARD;

/* --- server --- */
typedef status (*http_handler)(struct http *, void *ctx);

struct http_options {
	http_handler handler; /* a failure with nothing sent is answered by `on_error` or plain JSON */
	status (*on_error)(struct http *, void *ctx);
	void *ctx;
	uint64_t body_limit;	     /* 0 = 16 MiB */
	size_t header_limit;	     /* 0 = 32 KiB, request line included; 431 past it */
	size_t header_count_max;     /* 0 = 100 */
	size_t connections_max;	     /* 0 = 20,000; further ones get 503 and close */
	int64_t header_timeout_ms;   /* 0 = 10,000: whole request head */
	int64_t body_timeout_ms;     /* 0 = 30,000 between two pieces of the body */
	int64_t idle_timeout_ms;     /* 0 = 65,000 between requests */
	int64_t write_timeout_ms;    /* 0 = 60,000 without any progress */
	bool access_log;
	bool trust_forwarded;	     /* peer from X-Forwarded-For (our gateway, listed proxies) */
};
struct http_server;
/* Listening sockets: "127.0.0.1:8080", "[::]:80", "unix:/path"; or an inherited fd "fd:3". */
status listen_open(struct str where, int *fd) NODISCARD;
/* The address text of a socket, "127.0.0.1:43211": for port 0. */
struct str listen_name(struct arena *, int fd);
/* Accepts in background fibers until http_server_drain. Several listening sockets are fine; they
 * are the server's from now on, and closed when it stops accepting. Ignores SIGPIPE. */
status http_serve(const struct http_options *, const int *fds, size_t n, struct http_server **out) NODISCARD;
/* Stops accepting, answers running requests with Connection: close, waits for them, at the
 * deadline cancels the rest. */
void http_server_drain(struct http_server *, deadline);
void http_server_close(struct http_server *);
struct http_stats {
	uint64_t requests, errors, refused, bytes_in, bytes_out;
	size_t connections, active;
};
void http_server_stats(const struct http_server *, struct http_stats *);

/* --- multipart/form-data (RFC 7578), streamed --- */
struct multipart;
struct part {
	struct str name, filename, type; /* filename.at == NULL: not a file */
	bool has_type;
};
status multipart_open(struct http *, struct multipart **out) NODISCARD;
/* *out = NULL after the last part. Skips what is left of the part before. */
status multipart_next(struct multipart *, struct part **out) NODISCARD;
status multipart_read(struct multipart *, char *at, size_t cap, size_t *n) NODISCARD;
/* The rest of a part, at most max bytes, else ERR_TOO_LARGE. */
status multipart_text(struct multipart *, size_t max, struct str *out) NODISCARD;
