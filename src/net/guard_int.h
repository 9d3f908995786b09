/* SPDX-License-Identifier: Apache-2.0 */
/* guard_int: what the files of the guard share. Nobody outside them includes it. */
#pragma once
#include "net/dns.h"
#include "net/guard.h"
#include "net/guard_list.h"

/* guard_address.c */
bool guard_in_prefix(const unsigned char *a, const unsigned char *b, unsigned bits);
bool guard_is_mapped(const unsigned char a[16]);
/* The IPv4 address inside, in its mapped form. */
bool guard_inner(const unsigned char a[16], unsigned char out[16]);
enum guard_class guard_classify_bytes(const unsigned char a[16]);

/* guard_list.c, beside guard_list.h */
struct guard_ports {
	uint8_t bit[65536 / 8];
};
status guard_ports_read(const char *setting, struct str text, struct guard_ports *) NODISCARD;
static inline bool guard_ports_has(const struct guard_ports *p, uint16_t port)
{
	return p->bit[port / 8] >> (port % 8) & 1;
}

/* guard_cache.c */
/* From the cache or the resolver; the reply is valid until the next call. */
status guard_resolve(struct guard_cache *, struct str name, bool hosts, struct dns_reply *out, bool *cached) NODISCARD;
/* Keeps an answer that was judged and passed. */
void guard_cache_keep(struct guard_cache *, struct str name, const struct dns_reply *);
/* One of this machine's own addresses. */
bool guard_is_self(struct guard_cache *, const unsigned char a[16]);
