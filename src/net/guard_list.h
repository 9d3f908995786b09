/* SPDX-License-Identifier: Apache-2.0 */
/* guard_list: names, addresses and networks from a setting, and whether something is among them. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "base/vec.h"

struct arena;

struct guard_range {
	unsigned char at[16];
	unsigned bits;
};
struct guard_list {
	VEC(struct guard_range) ranges;
	VEC(struct str) names; /* lower case */
};
/* Adds the items of a text, "10.0.0.0/8, name .suffix". ERR_INVALID names the setting and the item. */
status guard_list_add(struct arena *, const char *setting, struct str text, struct guard_list *) NODISCARD;
/* name in lower case, without a dot at its end. */
bool guard_list_name(const struct guard_list *, struct str name);
/* 16 bytes (net_addr_bytes), taken as they are: for lists that allow. Anybody may choose the last
 * half of an IPv6 address, and so what IPv4 address stands in it. */
bool guard_list_address(const struct guard_list *, const unsigned char a[16]);
/* The same, and by the IPv4 address inside: for lists that deny. */
bool guard_list_inside(const struct guard_list *, const unsigned char a[16]);
static inline bool guard_list_empty(const struct guard_list *l)
{
	return !l->ranges.len && !l->names.len;
}
