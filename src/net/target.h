/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target: where a request goes, read once. The same record is judged by the guard and connected
 * to, so no second reader can take the text for another place. Strict: whatever resolvers, URL
 * libraries and browsers read in different ways is refused before any look-up.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/addr.h"

enum { TARGET_NAME_MAX = 253 };

enum target_fault {
	TARGET_OK,
	TARGET_BAD,	  /* no host or port that can be meant */
	TARGET_AMBIGUOUS, /* a number that some readers take for an IPv4 address */
};

struct target {
	char name[TARGET_NAME_MAX + 1]; /* lower case, no dot at the end; literals in canonical form */
	size_t name_len;
	uint16_t port;
	bool literal;
	union net_addr address; /* of a literal, with the port */
};
static inline struct str target_name(const struct target *t)
{
	return str_of(t->name, t->name_len);
}

/* "example.com", "1.2.3.4", "[::1]"; the port is the caller's. */
enum target_fault target_host(struct str host, uint16_t port, struct target *out);
/* host:port; port_default 0 = it must be there. No userinfo, no path. */
enum target_fault target_authority(struct str, uint16_t port_default, struct target *out);
/* http:// in absolute form, as proxies get it; *path is "/..." or "?...", never empty. */
enum target_fault target_absolute(struct str url, struct target *out, struct str *path);
/* The last label is a number or starts with 0x: resolvers may read such a name as an address. */
bool target_looks_numeric(struct str host);
