/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: the one gate for outgoing requests that a user's input can direct. Decides on the address
 * that is about to be connected to, so a name that resolves twice gains nothing. Refuses private,
 * loop-back, link-local, shared, multicast, reserved and metadata addresses, IPv4 hidden in IPv6
 * included, unless allowed.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct sockaddr;
struct arena;
struct guard;

/* "*" and names open every class but metadata, which only its exact address opens.
 * Lists hold "10.0.0.0/8", "host.example", ".suffix.example", "*", separated by commas or blanks. */
struct guard_options {
	struct str allow_addresses;	/* SSRF_PROXY_ALLOW_PRIVATE_IPS */
	struct str allow_domains;	/* SSRF_PROXY_ALLOW_PRIVATE_DOMAINS */
};
status guard_open(const struct guard_options *, struct guard **out) NODISCARD;
void guard_close(struct guard *);
enum guard_class {
	GUARD_PUBLIC, GUARD_LOOPBACK, GUARD_PRIVATE, GUARD_LINK_LOCAL, GUARD_METADATA, GUARD_SHARED,
	GUARD_MULTICAST, GUARD_RESERVED, GUARD_UNSPECIFIED
};
enum guard_class guard_classify(const struct sockaddr *);
const char *guard_class_name(enum guard_class);
/* ERR_DENIED with host, address class and the setting that would allow it. */
status guard_check(const struct guard *, struct str host, const struct sockaddr *, uint16_t port) NODISCARD;
