/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend: connections to one server behind the gateway, kept for reuse. HTTP/1.1 on a plain
 * socket; libcurl would cost more per request than the whole answer of a role on the same machine.
 */
#pragma once
#include "base/buf.h"
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"
#include "net/http_parse.h"

struct arena;
struct backend;

enum {
	BACKEND_IDLE_MAX = 256,	 /* connections kept */
	BACKEND_IDLE_MS = 30000,	 /* shorter than the roles' own idle time-out */
	BACKEND_HEAD_MAX = 32 << 10,
	BACKEND_HEADERS_MAX = 100,
	BACKEND_CONNECT_MS = 10000,
};

/* address: "unix:/path" or "127.0.0.1:5001" (no names: the roles are on known addresses). */
status backend_open(struct str address, struct backend **out) NODISCARD;
void backend_close(struct backend *);
struct str backend_address(const struct backend *);

/* One exchange on one connection. */
struct backend_call {
	struct backend *up;
	struct arena *mem;
	int fd;
	bool reused;	    /* may be dead already: the first failure is worth another try */
	char *in;	    /* read buffer, BACKEND_HEAD_MAX */
	size_t at, end;
	int64_t read_ms;    /* longest silence */
	/* of the answer */
	int status;
	struct http_header headers[BACKEND_HEADERS_MAX];
	size_t header_count;
	int64_t length;	    /* body: bytes, -1 = chunked, -2 = until close */
	bool keep_alive;
	struct http_chunks chunks;
	bool ended;
	bool cut; /* not all of the request was sent: the connection is of no more use */
};
/* A kept connection when fresh is false and there is one, else a new one. */
status backend_begin(struct backend *, struct arena *, bool fresh, struct backend_call *) NODISCARD;
status backend_send(struct backend_call *, struct str bytes) NODISCARD;
/* Has it sent something, or ended, while we still send? Does not wait. */
bool backend_answers(const struct backend_call *);
/* Reads the head of the answer; interim 1xx answers are skipped. method decides about a body. */
status backend_head(struct backend_call *, enum http_method) NODISCARD;
struct str backend_header(const struct backend_call *, struct str name);
/* Next piece of the body, valid until the next call; empty at the end. */
status backend_body(struct backend_call *, struct str *piece) NODISCARD;
/* Keeps the connection when the answer was read whole and both sides agree, else closes it. */
void backend_end(struct backend_call *);
