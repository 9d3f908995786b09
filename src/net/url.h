/* SPDX-License-Identifier: Apache-2.0 */
/* url: http and https addresses, RFC 3986, strict. Slices point into the given text. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct url {
	bool tls;
	struct str host; /* without brackets for IPv6 literals */
	uint16_t port;	 /* 80 or 443 when absent */
	struct str path; /* with query, at least "/"; starts with "?" when the URL has no path */
	struct str user; /* user:password part, usually empty */
};
status url_parse(struct str, struct url *out) NODISCARD;
/* Where a Location header leads, seen from the absolute `base`. "." and ".." stay: clients resolve
 * them. No check: parse the result. */
struct str url_join(struct arena *, struct str base, struct str reference);
/* Value of a query parameter, decoded; false when absent. First one wins. */
bool query_get(struct arena *, struct str query, struct str name, struct str *out);
/* Calls fn for each pair, decoded, in order. Also for x-www-form-urlencoded bodies. */
void query_each(struct arena *, struct str query, void (*fn)(void *arg, struct str name, struct str value), void *arg);
