/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns: a stub resolver on fibers. Asks the machine's recursive servers (RFC 1034 5.3.1) for A and
 * AAAA at once, over UDP and, when an answer does not fit, TCP. No search list: a name means the
 * same everywhere. Own code because the whole answer must be judged: getaddrinfo hides aliases and
 * lives, reads files, and cannot be cancelled. Keeps nothing; the guard caches what it has judged.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/dns_message.h"
#include "rt/rt.h"

struct dns;
struct dns_options {
	struct str servers;  /* "1.1.1.1, [::1]:5353"; empty = /etc/resolv.conf, read again on change */
	struct str hosts;    /* path, empty = /etc/hosts */
	int64_t timeout_ms;  /* of a whole look-up, 0 = 5,000 */
};
status dns_open(const struct dns_options *, struct dns **out) NODISCARD;
void dns_close(struct dns *);
DEFINE_AUTO(dns, struct dns, dns_close)

/*
 * Both families of one name, each asked once. `name` is lower case without a dot at its end. Fails
 * with ERR_NOT_FOUND (no such name, or it has no address), ERR_UPSTREAM (no server could tell) or
 * ERR_TIMEOUT. The aliases in *out are filled in any case: they may be the reason to refuse.
 */
status dns_lookup(struct dns *, struct str name, struct dns_reply *out) NODISCARD;
/* From the hosts file alone; false when it does not name it. */
bool dns_hosts(struct dns *, struct str name, struct dns_reply *out);

/* The most that a look-up takes. */
int64_t dns_timeout_ms(const struct dns *);

struct dns_stats {
	uint64_t lookups, questions, failures, timeouts;
};
void dns_stats_get(const struct dns *, struct dns_stats *);
