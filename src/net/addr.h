/* SPDX-License-Identifier: Apache-2.0 */
/* addr: an IPv4 or IPv6 address with its port, as text and as bytes. No name is resolved here. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include <netinet/in.h>
#include <sys/socket.h>

union net_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
enum { NET_ADDR_TEXT = 56 }; /* room for any text of one, NUL included */

/* Exactly four decimal numbers up to 255 without leading zeros: no reader takes it for another
 * address, as "010.0.0.1" or "127.1" would be. */
bool net_addr_v4(struct str, uint16_t port, union net_addr *out);
/* RFC 4291 text without brackets and zone. */
bool net_addr_v6(struct str, uint16_t port, union net_addr *out);
/* Either; brackets around IPv6 are taken off. */
bool net_addr_parse(struct str, uint16_t port, union net_addr *out);
/* "1.2.3.4:80", "[::1]:80"; without a port port_default is taken, unless that is 0. */
bool net_addr_parse_port(struct str, uint16_t port_default, union net_addr *out);

socklen_t net_addr_len(const union net_addr *);
uint16_t net_addr_port(const union net_addr *);
void net_addr_set_port(union net_addr *, uint16_t);
/* Same family, address and port. */
bool net_addr_equal(const union net_addr *, const union net_addr *);
/* 16 bytes, IPv4 in its mapped form; false for other families. */
bool net_addr_bytes(const struct sockaddr *, unsigned char out[16]);
/* Without and with the port ("[::1]:80"). Returns out. */
const char *net_addr_text(const union net_addr *, char out[NET_ADDR_TEXT]);
const char *net_addr_text_port(const union net_addr *, char out[NET_ADDR_TEXT]);

/* 1 to 5 digits, no sign, no leading zero, 1 to 65535. */
bool net_port_parse(struct str, uint16_t *out);
