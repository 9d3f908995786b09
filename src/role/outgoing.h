/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing: the settings of the guard and of the way out, read once for every role and command. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct client_limits;
struct client_options;
struct config;
struct guard;
struct guard_cache;
struct guard_options;

/* Whose requests: programs of the sandbox may have lists of their own. */
enum outgoing_caller { OUTGOING_ANY, OUTGOING_SANDBOX };
/* ERR_INVALID when SSRF_PROXY_DEV_MODE meets production. cache is not filled. */
status outgoing_guard(struct arena *, const struct config *, enum outgoing_caller, struct guard_options *out) NODISCARD;
status outgoing_cache(const struct config *, struct guard_cache **out) NODISCARD;
/*
 * Guards of single workspaces, from SSRF_PROXY_WORKSPACES: a workspace that is named there has lists of
 * its own (allow_private_ips, allow_private_domains, allow_domains in place of those for all; deny_domains,
 * deny_ips besides). ERR_INVALID names the workspace and the member. *out is NULL when none is named.
 */
struct outgoing_workspaces;
status outgoing_workspaces(struct arena *, const struct config *, struct guard_cache *, struct outgoing_workspaces **out) NODISCARD;
/* The guard of the workspace that the running fiber works for, or NULL: that for all. A client's guard_of. */
struct guard *outgoing_workspace_guard(void *workspaces);
/* The proxy for requests that users direct: SSRF_PROXY_ALL_URL, or both of ..HTTP_URL and
 * ..HTTPS_URL; else they go direct, past the guard of this process. */
void outgoing_proxy(const struct config *, struct client_options *);
/* SSRF_DEFAULT_... and SSRF_POOL_...: how long and how often requests that users direct are tried. */
void outgoing_limits(const struct config *, struct client_limits *out);
