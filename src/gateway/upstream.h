/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream: connections to one server behind the gateway, kept for reuse. HTTP/1.1 on a plain
 * socket; libcurl would cost more per request than the whole answer of a role on the same machine.
 */
#pragma once
#include "base/buf.h"
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"
#include "net/http_parse.h"

struct arena;
struct upstream;

enum {
	UPSTREAM_IDLE_MAX = 256,	 /* connections kept */
	UPSTREAM_IDLE_MS = 30000,	 /* shorter than the roles' own idle time-out */
	UPSTREAM_HEAD_MAX = 32 << 10,
	UPSTREAM_HEADERS_MAX = 100,
	UPSTREAM_CONNECT_MS = 10000,
};

/* address: "unix:/path" or "127.0.0.1:5001" (no names: the roles are on known addresses). */
status upstream_open(struct str address, struct upstream **out) NODISCARD;
void upstream_close(struct upstream *);
struct str upstream_address(const struct upstream *);

/* One exchange on one connection. */
struct upstream_call {
	struct upstream *up;
	struct arena *mem;
	int fd;
	bool reused;	    /* may be dead already: the first failure is worth another try */
	char *in;	    /* read buffer, UPSTREAM_HEAD_MAX */
	size_t at, end;
	int64_t read_ms;    /* longest silence */
	/* of the answer */
	int status;
	struct http_header headers[UPSTREAM_HEADERS_MAX];
	size_t header_count;
	int64_t length;	    /* body: bytes, -1 = chunked, -2 = until close */
	bool keep_alive;
	struct http_chunks chunks;
	bool ended;
};
/* A kept connection when fresh is false and there is one, else a new one. */
status upstream_begin(struct upstream *, struct arena *, bool fresh, struct upstream_call *) NODISCARD;
status upstream_send(struct upstream_call *, struct str bytes) NODISCARD;
/* Reads the head of the answer; interim 1xx answers are skipped. method decides about a body. */
status upstream_head(struct upstream_call *, enum http_method) NODISCARD;
struct str upstream_header(const struct upstream_call *, struct str name);
/* Next piece of the body, valid until the next call; empty at the end. */
status upstream_body(struct upstream_call *, struct str *piece) NODISCARD;
/* Keeps the connection when the answer was read whole and both sides agree, else closes it. */
void upstream_end(struct upstream_call *);
