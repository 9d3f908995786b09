/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: the one gate for outgoing requests that a user's input can direct; the ssrf-proxy role and
 * the HTTP client of every other role use it.
 *
 *   target (target.h) --> deny lists, names, ports --> resolve once --> every address --> connect
 *                          guard_decide does all this and hands out the list that may be
 *                          connected to; nobody resolves the name again
 *
 * Refuses private, loop-back, link-local, shared, multicast, reserved, metadata and the machine's
 * own addresses, IPv4 hidden in IPv6 included, unless allowed. Metadata addresses lie before every
 * allow list: only allow_metadata opens them.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/addr.h"
#include "net/target.h"

struct arena;
struct dns;
struct guard;
struct guard_cache;

/* Lists hold addresses, "10.0.0.0/8", "host.example", ".suffix.example" (with the name itself),
 * separated by commas or blanks. Ports: "80,443,1025-65535". */
struct guard_options {
	struct str allow_addresses; /* SSRF_PROXY_ALLOW_PRIVATE_IPS: lifts the private ban */
	struct str allow_domains;   /* SSRF_PROXY_ALLOW_PRIVATE_DOMAINS: for what they resolve to */
	struct str only_domains;    /* SSRF_PROXY_ALLOW_DOMAINS: nothing else may be reached */
	struct str deny_domains, deny_addresses; /* always win */
	struct str ports, connect_ports, deny_ports; /* at == NULL: the defaults */
	struct str own_names;	    /* of our own services: refused as "localhost" is */
	bool allow_metadata, nat64;
	bool production;	    /* refuses the names that exist in tests only */
	bool everything;	    /* development: only what is no target at all is refused */
	struct guard_cache *cache;  /* NULL: one of its own */
};
status guard_open(const struct guard_options *, struct guard **out) NODISCARD;
void guard_close(struct guard *);
DEFINE_AUTO(guard, struct guard, guard_close)

/* The resolver, what it said, and the machine's own addresses; several guards may share one. */
struct guard_cache_options {
	struct str servers;  /* SSRF_PROXY_DNS */
	int64_t timeout_ms;  /* 0 = 5,000 */
	size_t entries_max;  /* 0 = 1,024 */
};
status guard_cache_open(const struct guard_cache_options *, struct guard_cache **out) NODISCARD;
void guard_cache_close(struct guard_cache *);
/* What a setting names, unjudged, with the port; hosts file included. At most GUARD_ADDRESSES_MAX. */
status guard_cache_resolve(struct guard_cache *, struct str name, uint16_t port, union net_addr *out, size_t *n) NODISCARD;
struct guard_cache_stats {
	uint64_t hits, misses;
	size_t entries;
	uint64_t lookups, questions, failures, timeouts;
};
void guard_cache_stats_get(const struct guard_cache *, struct guard_cache_stats *);

enum guard_class {
	GUARD_PUBLIC, GUARD_LOOPBACK, GUARD_PRIVATE, GUARD_LINK_LOCAL, GUARD_METADATA, GUARD_SHARED,
	GUARD_MULTICAST, GUARD_RESERVED, GUARD_UNSPECIFIED, GUARD_NAT64, GUARD_SELF
};
/* By the address alone; GUARD_SELF is guard_decide's to find. */
enum guard_class guard_classify(const struct sockaddr *);
const char *guard_class_name(enum guard_class);

enum guard_code {
	GUARD_OK, GUARD_BAD_TARGET, GUARD_AMBIGUOUS_IP, GUARD_DENIED_ADDRESS, GUARD_DENIED_NAME,
	GUARD_DENIED_PORT, GUARD_DENIED_POLICY, GUARD_DENIED_METADATA, GUARD_DNS_FAILED,
	GUARD_DNS_TIMEOUT, GUARD_CODE_COUNT
};
const char *guard_code_name(enum guard_code); /* "denied_address" */

enum { GUARD_ADDRESSES_MAX = 32, GUARD_TEXT_MAX = 320 };

/* Everything there is to know about one decision. What users may read is `code` and `remedy`;
 * `rule` and the addresses are the administrator's: they tell what lies inside the network. */
struct guard_decision {
	enum guard_code code;
	enum guard_class class; /* of the address that was refused */
	union net_addr at[GUARD_ADDRESSES_MAX]; /* with the port; may be connected to when GUARD_OK */
	size_t count;
	union net_addr refused; /* the address that was, when one was */
	char rule[GUARD_TEXT_MAX];
	char remedy[GUARD_TEXT_MAX]; /* the setting that would allow it; "" = none would */
	bool cached;
	int64_t dns_us;
};

/*
 * Judges one request to `t`; tls: the port must be one of connect_ports. Waits for the resolver.
 * Fails with ERR_DENIED, ERR_UPSTREAM or ERR_TIMEOUT and a text for the user; *out is filled in
 * any case but ERR_CANCELLED.
 */
status guard_decide(struct guard *, const struct target *, bool tls, struct guard_decision *out) NODISCARD;
/* The part before the look-up: false when refused. Needs no loop. */
bool guard_judge_name(struct guard *, const struct target *, bool tls, struct guard_decision *out);
/* The part after it, for what the name resolved to, aliases included. Needs no loop. */
struct dns_reply;
bool guard_judge_answer(struct guard *, const struct target *, bool tls, const struct dns_reply *, struct guard_decision *out);
/* A target that cannot be one: fills *out and the error record. */
status guard_refuse_target(enum target_fault, struct str text, struct guard_decision *out) NODISCARD;

/* The last look, at the address that connect() is about to get. host as in the URL, without
 * brackets. ERR_DENIED with host, address class and the setting that would allow it. */
status guard_check(struct guard *, struct str host, const struct sockaddr *, uint16_t port) NODISCARD;
bool guard_has_only_domains(const struct guard *);
