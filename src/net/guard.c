/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: see the header. Everything is compared as 16 bytes, IPv4 in its mapped form. Addresses
 * that carry an IPv4 address inside (RFC 4291, 6052, 3056, 4380, 5214) are judged by that one: a
 * translator on the way would send the packet there.
 */
#include "net/guard.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct range {
	unsigned char at[16];
	unsigned bits;
};

struct guard {
	struct arena *mem;
	VEC(struct range) ranges;
	VEC(struct str) names;
	bool everything;
};

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool in_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return !memcmp(a, b, whole) && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

/* IANA's special purpose registries; the first match decides, so single addresses come first. */
static const struct {
	unsigned char at[4];
	unsigned bits;
	enum guard_class class;
} v4_rows[] = {
	{ { 169, 254, 169, 254 }, 32, GUARD_METADATA },
	{ { 169, 254, 170, 2 }, 32, GUARD_METADATA },	  /* ECS tasks */
	{ { 169, 254, 170, 23 }, 32, GUARD_METADATA },	  /* EKS pods */
	{ { 100, 100, 100, 200 }, 32, GUARD_METADATA },
	{ { 192, 0, 0, 192 }, 32, GUARD_METADATA },
	{ { 168, 63, 129, 16 }, 32, GUARD_METADATA },
	{ { 0, 0, 0, 0 }, 32, GUARD_UNSPECIFIED },
	{ { 0, 0, 0, 0 }, 8, GUARD_RESERVED },
	{ { 10, 0, 0, 0 }, 8, GUARD_PRIVATE },
	{ { 100, 64, 0, 0 }, 10, GUARD_SHARED },
	{ { 127, 0, 0, 0 }, 8, GUARD_LOOPBACK },
	{ { 169, 254, 0, 0 }, 16, GUARD_LINK_LOCAL },
	{ { 172, 16, 0, 0 }, 12, GUARD_PRIVATE },
	{ { 192, 0, 0, 0 }, 24, GUARD_RESERVED },
	{ { 192, 0, 2, 0 }, 24, GUARD_RESERVED },
	{ { 192, 88, 99, 0 }, 24, GUARD_RESERVED },
	{ { 192, 168, 0, 0 }, 16, GUARD_PRIVATE },
	{ { 198, 18, 0, 0 }, 15, GUARD_RESERVED },
	{ { 198, 51, 100, 0 }, 24, GUARD_RESERVED },
	{ { 203, 0, 113, 0 }, 24, GUARD_RESERVED },
	{ { 224, 0, 0, 0 }, 4, GUARD_MULTICAST },
	{ { 240, 0, 0, 0 }, 4, GUARD_RESERVED },
};

static const struct {
	unsigned char at[16];
	unsigned bits;
	enum guard_class class;
} v6_rows[] = {
	{ { [15] = 0 }, 128, GUARD_UNSPECIFIED },
	{ { [15] = 1 }, 128, GUARD_LOOPBACK },
	{ { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, GUARD_PRIVATE }, /* local NAT64 */
	{ { 0x01 }, 8, GUARD_RESERVED },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, GUARD_RESERVED },
	{ { 0x20, 0x01, 0x00 }, 23, GUARD_RESERVED },
	{ { 0x3f, 0xff }, 20, GUARD_RESERVED },
	{ { 0x5f }, 16, GUARD_RESERVED },
	{ { 0xfc }, 7, GUARD_PRIVATE },
	{ { 0xfe, 0x80 }, 10, GUARD_LINK_LOCAL },
	{ { 0xfe, 0xc0 }, 10, GUARD_PRIVATE },
	{ { 0xff }, 8, GUARD_MULTICAST },
	{ { 0x20 }, 3, GUARD_PUBLIC },
};

static enum guard_class classify_v4(const unsigned char a[4])
{
	for (size_t i = 0; i < countof(v4_rows); i++)
		if (in_prefix(a, v4_rows[i].at, v4_rows[i].bits))
			return v4_rows[i].class;
	return GUARD_PUBLIC;
}

/* The IPv4 address inside: offset into `a`, or -1. */
static int embedded_v4(const unsigned char a[16])
{
	static const unsigned char zero[12], nat64[12] = { 0, 0x64, 0xff, 0x9b };
	static const unsigned char siit[12] = { [8] = 0xff, [9] = 0xff };
	if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12) || !memcmp(a, siit, 12))
		return 12;
	if (!memcmp(a, zero, 12) && (a[12] || a[13] || a[14] || a[15] > 1))
		return 12; /* "IPv4-compatible" */
	if (a[0] == 0x20 && a[1] == 0x02)
		return 2; /* 6to4 */
	if ((a[8] & ~2) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe)
		return 12; /* ISATAP */
	return -1;
}

static enum guard_class classify_teredo(const unsigned char a[16])
{
	unsigned char client[4];
	for (int i = 0; i < 4; i++)
		client[i] = a[12 + i] ^ 0xff;
	enum guard_class c = classify_v4(client);
	if (c == GUARD_PUBLIC)
		c = classify_v4(a + 4);
	return c == GUARD_PUBLIC ? GUARD_RESERVED : c;
}

static enum guard_class classify_v6(const unsigned char a[16])
{
	static const unsigned char metadata[][16] = {
		{ 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 },
		{ 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 },
		{ 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 },
	};
	static const unsigned char teredo[4] = { 0x20, 0x01, 0, 0 };
	for (size_t i = 0; i < countof(metadata); i++)
		if (!memcmp(a, metadata[i], 16))
			return GUARD_METADATA;
	if (!memcmp(a, teredo, 4))
		return classify_teredo(a);
	enum guard_class own = GUARD_RESERVED;
	for (size_t i = 0; i < countof(v6_rows); i++)
		if (in_prefix(a, v6_rows[i].at, v6_rows[i].bits)) {
			own = v6_rows[i].class;
			break;
		}
	int at = embedded_v4(a);
	enum guard_class inner = at < 0 ? GUARD_PUBLIC : classify_v4(a + at);
	if (inner != GUARD_PUBLIC)
		return inner;
	/* A mapped or translated public address is that public address. */
	return at == 12 && !a[0] ? GUARD_PUBLIC : own;
}

/* 16 bytes of an address; false for other families. */
static bool address_bytes(const struct sockaddr *sa, unsigned char out[16])
{
	if (sa->sa_family == AF_INET) {
		memcpy(out, mapped, 12);
		memcpy(out + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

enum guard_class guard_classify(const struct sockaddr *sa)
{
	unsigned char a[16];
	if (!address_bytes(sa, a))
		return GUARD_RESERVED;
	return classify_v6(a);
}

static const char *const class_names[] = {
	[GUARD_PUBLIC] = "public",	     [GUARD_LOOPBACK] = "loop-back",
	[GUARD_PRIVATE] = "private",	     [GUARD_LINK_LOCAL] = "link-local",
	[GUARD_METADATA] = "cloud metadata", [GUARD_SHARED] = "shared",
	[GUARD_MULTICAST] = "multicast",     [GUARD_RESERVED] = "reserved",
	[GUARD_UNSPECIFIED] = "unspecified",
};

const char *guard_class_name(enum guard_class c)
{
	return class_names[c];
}

/* --- what is allowed --- */

/* False when the item is no address at all. */
static bool parse_address(struct str s, unsigned char out[16], unsigned *width)
{
	char text[INET6_ADDRSTRLEN];
	if (s.len > 1 && s.at[0] == '[' && s.at[s.len - 1] == ']')
		s = str_sub(s, 1, s.len - 2);
	if (!s.len || s.len >= sizeof text)
		return false;
	memcpy(text, s.at, s.len);
	text[s.len] = 0;
	*width = 128;
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	*width = 32;
	memcpy(out, mapped, 12);
	return inet_pton(AF_INET, text, out + 12) == 1;
}

static status add_item(struct guard *g, struct str item)
{
	struct range r;
	unsigned width;
	int64_t bits;
	if (str_eq(item, S("*"))) {
		g->everything = true;
		return 0;
	}
	size_t slash = str_find_char(item, '/');
	struct str address = str_sub(item, 0, MIN(slash, item.len));
	if (!parse_address(address, r.at, &width)) {
		if (slash != SIZE_MAX)
			return err_set(ERR_INVALID, "\"%.*s\" is no address range", STR(item));
		vec_push(g->mem, &g->names, arena_str(g->mem, item));
		return 0;
	}
	bits = width;
	if (slash != SIZE_MAX && (str_to_i64(str_skip(item, slash + 1), &bits) || bits < 0 ||
				  bits > (int64_t)width))
		return err_set(ERR_INVALID, "\"%.*s\" is no address range", STR(item));
	r.bits = (unsigned)bits + 128 - width;
	vec_push(g->mem, &g->ranges, r);
	return 0;
}

static status add_list(struct guard *g, struct str list)
{
	size_t from = 0;
	for (size_t i = 0; i <= list.len; i++) {
		bool end = i == list.len || list.at[i] == ',' || list.at[i] == ' ' ||
			   list.at[i] == '\t' || list.at[i] == '\n' || list.at[i] == '\r';
		if (!end)
			continue;
		if (i > from && add_item(g, str_sub(list, from, i - from)))
			return -1;
		from = i + 1;
	}
	return 0;
}

status guard_open(const struct guard_options *o, struct guard **out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct guard *g = arena_new(mem.p, struct guard);
	g->mem = mem.p;
	if (add_list(g, o->allow_addresses) || add_list(g, o->allow_domains))
		return -1;
	mem.p = NULL; /* the guard's now */
	*out = g;
	return 0;
}

void guard_close(struct guard *g)
{
	if (g)
		arena_close(g->mem);
}

static bool name_allowed(const struct guard *g, struct str host)
{
	if (str_ends(host, S(".")))
		host.len--;
	for (size_t i = 0; i < g->names.len; i++) {
		struct str n = g->names.at[i];
		if (n.at[0] == '*')
			n = str_skip(n, 1); /* "*.example" as ".example" */
		if (str_eq_nocase(n, host))
			return true;
		if (n.len > 1 && n.at[0] == '.' && host.len >= n.len - 1 &&
		    (str_eq_nocase(str_skip(n, 1), host) ||
		     (host.len > n.len && str_eq_nocase(n, str_skip(host, host.len - n.len)))))
			return true;
	}
	return false;
}

static bool range_allowed(const struct guard *g, const unsigned char a[16], bool exact)
{
	for (size_t i = 0; i < g->ranges.len; i++) {
		const struct range *r = &g->ranges.at[i];
		if (exact ? r->bits == 128 && !memcmp(a, r->at, 16) : in_prefix(a, r->at, r->bits))
			return true;
	}
	return false;
}

static bool address_allowed(const struct guard *g, const unsigned char a[16], bool exact)
{
	if (range_allowed(g, a, exact))
		return true;
	int at = embedded_v4(a);
	if (at < 0)
		return false;
	unsigned char inner[16];
	memcpy(inner, mapped, 12);
	memcpy(inner + 12, a + at, 4);
	return range_allowed(g, inner, exact);
}

status guard_check(const struct guard *g, struct str host, const struct sockaddr *sa, uint16_t port)
{
	unsigned char a[16];
	char text[INET6_ADDRSTRLEN] = "?";
	enum guard_class c = guard_classify(sa);
	if (c == GUARD_PUBLIC)
		return 0;
	if (address_bytes(sa, a)) {
		/* Credentials of the machine lie there: only its exact address in the list opens it. */
		if (c == GUARD_METADATA ? address_allowed(g, a, true) :
		    g->everything || name_allowed(g, host) || address_allowed(g, a, false))
			return 0;
		inet_ntop(AF_INET6, a, text, sizeof text);
	}
	err_set(ERR_DENIED,
		"requests to %.*s are refused: it is a %s address. SSRF_PROXY_ALLOW_PRIVATE_IPS%s can "
		"allow it",
		STR(host), class_names[c],
		c == GUARD_METADATA ? "" : " or SSRF_PROXY_ALLOW_PRIVATE_DOMAINS");
	err_detail("address %s, port %u", text, (unsigned)port);
	return -1;
}
