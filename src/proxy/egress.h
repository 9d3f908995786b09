/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress: the forward proxy of the ssrf-proxy role: plain HTTP in absolute form and CONNECT. Each
 * request is judged by the guard of the door that it came in by, and goes to an address that was
 * judged. One per process; lives on one loop.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "rt/rt.h"

struct buf;
struct egress;
struct guard;
struct guard_cache;

struct egress_limits {
	size_t connections, per_client;
	size_t line, header, head, headers; /* bytes, bytes, bytes, count */
	uint64_t body, response;	    /* bytes; response 0 = no limit */
	int64_t header_ms, body_ms, connect_ms, first_byte_ms, idle_ms, tunnel_ms, total_ms;
};
struct egress_options {
	struct egress_limits limits;
	struct str clients;  /* networks that may connect over TCP; "" = all */
	struct str auth;     /* "user:password,user:password"; "" = none */
	struct str upstream; /* parent proxy "[http://[user:password@]]host:port"; "" = none */
	struct guard_cache *cache; /* resolves the parent and the sandbox; counted in the metrics */
	bool access_log;     /* a line a request, to the log */
};
/* ERR_INVALID names a setting that cannot be used. */
status egress_open(const struct egress_options *, struct egress **out) NODISCARD;

/* Takes a listening socket: requests that come in there are `caller`'s, judged by `guard`. caller
 * must be static; a signed-in user's name takes its place. */
status egress_listen(struct egress *, int fd, const char *caller, struct guard *guard) NODISCARD;
/* Takes a listening socket whose bytes go to one fixed place, whatever they say. */
status egress_relay(struct egress *, int fd, struct str host, uint16_t port) NODISCARD;

/* Stops accepting, closes idle clients, waits for requests and tunnels until the deadline. */
void egress_drain(struct egress *, deadline);
/* Ends what is left. NULL is fine. */
void egress_close(struct egress *);
/* Prometheus text. */
void egress_metrics(struct egress *, struct buf *);
