/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing: the settings of the guard and of the way out, read once for every role and command. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct client_options;
struct config;
struct guard_cache;
struct guard_options;

/* Whose requests: programs of the sandbox may have lists of their own. */
enum outgoing_caller { OUTGOING_ANY, OUTGOING_SANDBOX };
/* ERR_INVALID when SSRF_PROXY_DEV_MODE meets production. cache is not filled. */
status outgoing_guard(struct arena *, const struct config *, enum outgoing_caller, struct guard_options *out) NODISCARD;
status outgoing_cache(const struct config *, struct guard_cache **out) NODISCARD;
/* The proxy for requests that users direct: SSRF_PROXY_ALL_URL, or both of ..HTTP_URL and
 * ..HTTPS_URL; else they go direct, past the guard of this process. */
void outgoing_proxy(const struct config *, struct client_options *);
