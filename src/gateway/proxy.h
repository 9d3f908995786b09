/* SPDX-License-Identifier: Apache-2.0 */
/* proxy: passes requests to upstreams by path prefix. One per process; any fiber may call it. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"

struct proxy;
struct proxy_route {
	const char *prefix; /* "/v1": matches "/v1" and "/v1/..."; "/" matches all */
	struct str upstream; /* "unix:/path", "127.0.0.1:5001" */
};
struct proxy_options {
	const struct proxy_route *routes;
	size_t route_count;
	int64_t read_ms;      /* longest silence of an upstream, 0 = 3,600 s (NGINX_PROXY_READ_TIMEOUT) */
	bool trust_forwarded; /* a balancer before us: its X-Forwarded-* is passed on, ours appended */
};
status proxy_open(const struct proxy_options *, struct proxy **out) NODISCARD;
void proxy_close(struct proxy *);
/* An http_handler; ctx is the proxy. Fails with ERR_UNAVAILABLE or ERR_UPSTREAM. */
status proxy_handle(struct http *, void *proxy) NODISCARD;
struct proxy_stats {
	uint64_t requests, failures, retries;
};
void proxy_stats_get(const struct proxy *, struct proxy_stats *);
