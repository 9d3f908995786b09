/* SPDX-License-Identifier: Apache-2.0 */
/* guard_list: lists of names, addresses and ports from their texts. A broken one stops the start:
 * a rule that is silently dropped is a hole. */
#include "base/err.h"
#include "net/guard_int.h"
#include <string.h>

enum { BITS_MIN = 1, MAPPED_BITS = 96 };

static bool separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next item; empty at the end. */
static struct str next_item(struct str *rest)
{
	size_t from = 0, to;
	while (from < rest->len && separator(rest->at[from]))
		from++;
	for (to = from; to < rest->len && !separator(rest->at[to]);)
		to++;
	struct str item = str_sub(*rest, from, to - from);
	*rest = str_skip(*rest, to);
	return item;
}

static status add_range(struct arena *mem, const char *setting, struct str item, struct guard_list *l)
{
	struct guard_range r;
	size_t slash = str_find_char(item, '/');
	union net_addr a;
	if (!net_addr_parse(str_sub(item, 0, MIN(slash, item.len)), 1, &a) ||
	    !net_addr_bytes(&a.any, r.at))
		return err_set(ERR_INVALID, "%s: \"%.*s\" is no address or range", setting, STR(item));
	bool v4 = a.any.sa_family == AF_INET;
	int64_t width = v4 ? 32 : 128, bits = width;
	if (slash != SIZE_MAX && (str_to_i64(str_skip(item, slash + 1), &bits) || bits > width ||
				  bits < BITS_MIN))
		return err_set(ERR_INVALID, "%s: \"%.*s\" is no address range; use /1 to /%d", setting,
			       STR(item), (int)width);
	r.bits = (unsigned)(bits + 128 - width);
	vec_push(mem, &l->ranges, r);
	return 0;
}

/* "name", ".suffix", "*.suffix" */
static status add_name(struct arena *mem, const char *setting, struct str item, struct guard_list *l)
{
	struct str name = str_starts(item, S("*.")) ? str_skip(item, 1) : item;
	bool suffix = name.at[0] == '.';
	struct target t;
	if (target_host(suffix ? str_skip(name, 1) : name, 1, &t) || t.literal)
		return err_set(ERR_INVALID, "%s: \"%.*s\" is no name, .suffix, address or range", setting,
			       STR(item));
	vec_push(mem, &l->names, arena_printf(mem, "%s%s", suffix ? "." : "", t.name));
	return 0;
}

status guard_list_add(struct arena *mem, const char *setting, struct str text, struct guard_list *l)
{
	for (struct str item = next_item(&text); item.len; item = next_item(&text)) {
		union net_addr a;
		size_t slash = str_find_char(item, '/');
		bool address = slash != SIZE_MAX || net_addr_parse(item, 1, &a);
		if (address ? add_range(mem, setting, item, l) : add_name(mem, setting, item, l))
			return -1;
	}
	return 0;
}

bool guard_list_name(const struct guard_list *l, struct str name)
{
	for (size_t i = 0; i < l->names.len; i++) {
		struct str n = l->names.at[i];
		if (n.at[0] != '.' ? str_eq(n, name) :
				     str_eq(str_skip(n, 1), name) || str_ends(name, n))
			return true;
	}
	return false;
}

static bool in_ranges(const struct guard_list *l, const unsigned char a[16])
{
	/* IPv4 lies inside IPv6 here: "::/8" is not meant to hold all of it. */
	unsigned least = guard_is_mapped(a) ? MAPPED_BITS : 0;
	for (size_t i = 0; i < l->ranges.len; i++)
		if (l->ranges.at[i].bits >= least &&
		    guard_in_prefix(a, l->ranges.at[i].at, l->ranges.at[i].bits))
			return true;
	return false;
}

bool guard_list_address(const struct guard_list *l, const unsigned char a[16])
{
	return l->ranges.len && in_ranges(l, a);
}

bool guard_list_inside(const struct guard_list *l, const unsigned char a[16])
{
	unsigned char inner[16];
	return guard_list_address(l, a) ||
	       (l->ranges.len && guard_inner(a, inner) && in_ranges(l, inner));
}

status guard_ports_read(const char *setting, struct str text, struct guard_ports *out)
{
	memset(out, 0, sizeof *out);
	for (struct str item = next_item(&text); item.len; item = next_item(&text)) {
		struct str rest = item, low = str_cut(&rest, '-');
		uint16_t from, to;
		if (!net_port_parse(low, &from) ||
		    !(rest.at ? net_port_parse(rest, &to) : (to = from) > 0) || to < from)
			return err_set(ERR_INVALID, "%s: \"%.*s\" is no port or range of ports", setting,
				       STR(item));
		for (unsigned p = from; p <= to; p++)
			out->bit[p / 8] |= (uint8_t)(1u << (p % 8));
	}
	return 0;
}
