/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_address: what kind of address it is. Everything is compared as 16 bytes, IPv4 in its mapped
 * form. IPv6 is public only inside 2000::/3 and outside of the rows. Addresses that carry an IPv4
 * address inside (RFC 4291, 6052, 3056, 4380, 5214) are judged by that one too: a translator on the
 * way would send the packet there.
 */
#include "net/guard_int.h"
#include <string.h>

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

bool guard_in_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
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
	{ { 169, 254, 169, 254 }, 32, GUARD_METADATA }, /* most clouds */
	{ { 169, 254, 170, 2 }, 32, GUARD_METADATA },	/* ECS tasks */
	{ { 169, 254, 170, 23 }, 32, GUARD_METADATA },	/* EKS pods */
	{ { 169, 254, 42, 42 }, 32, GUARD_METADATA },	/* Scaleway */
	{ { 100, 100, 100, 200 }, 32, GUARD_METADATA }, /* Alibaba */
	{ { 192, 0, 0, 192 }, 32, GUARD_METADATA },	/* Oracle */
	{ { 168, 63, 129, 16 }, 32, GUARD_METADATA },	/* Azure's host */
	{ { 0, 0, 0, 0 }, 32, GUARD_UNSPECIFIED },	/* reaches loop-back on Linux */
	{ { 0, 0, 0, 0 }, 8, GUARD_RESERVED },
	{ { 10, 0, 0, 0 }, 8, GUARD_PRIVATE },
	{ { 100, 64, 0, 0 }, 10, GUARD_SHARED },
	{ { 127, 0, 0, 0 }, 8, GUARD_LOOPBACK },
	{ { 169, 254, 0, 0 }, 16, GUARD_LINK_LOCAL },
	{ { 172, 16, 0, 0 }, 12, GUARD_PRIVATE },
	{ { 192, 0, 0, 0 }, 24, GUARD_RESERVED },
	{ { 192, 0, 2, 0 }, 24, GUARD_RESERVED },
	{ { 192, 31, 196, 0 }, 24, GUARD_RESERVED },
	{ { 192, 52, 193, 0 }, 24, GUARD_RESERVED },
	{ { 192, 88, 99, 0 }, 24, GUARD_RESERVED },
	{ { 192, 168, 0, 0 }, 16, GUARD_PRIVATE },
	{ { 192, 175, 48, 0 }, 24, GUARD_RESERVED },
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
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128, GUARD_METADATA },
	{ { 0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23 }, 128, GUARD_METADATA },
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 }, 128, GUARD_METADATA },
	{ { [15] = 0 }, 128, GUARD_UNSPECIFIED },
	{ { [15] = 1 }, 128, GUARD_LOOPBACK },
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, GUARD_NAT64 },
	{ { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, GUARD_PRIVATE }, /* local NAT64 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, GUARD_RESERVED },
	{ { 0x20, 0x01, 0x00 }, 23, GUARD_RESERVED },
	{ { 0x20, 0x02 }, 16, GUARD_RESERVED },
	{ { 0x26, 0x20, 0x00, 0x4f, 0x80 }, 48, GUARD_RESERVED },
	{ { 0x3f, 0xff }, 20, GUARD_RESERVED },
	{ { 0xfc }, 7, GUARD_PRIVATE },
	{ { 0xfe, 0x80 }, 10, GUARD_LINK_LOCAL },
	{ { 0xfe, 0xc0 }, 10, GUARD_PRIVATE },
	{ { 0xff }, 8, GUARD_MULTICAST },
	{ { 0x20 }, 3, GUARD_PUBLIC },
};

static enum guard_class classify_v4(const unsigned char a[4])
{
	for (size_t i = 0; i < countof(v4_rows); i++)
		if (guard_in_prefix(a, v4_rows[i].at, v4_rows[i].bits))
			return v4_rows[i].class;
	return GUARD_PUBLIC;
}

bool guard_is_mapped(const unsigned char a[16])
{
	return !memcmp(a, mapped, 12);
}

/* The IPv4 address inside: offset into `a`, or -1. */
static int embedded_v4(const unsigned char a[16])
{
	static const unsigned char zero[12], nat64[12] = { 0, 0x64, 0xff, 0x9b };
	static const unsigned char local64[6] = { 0, 0x64, 0xff, 0x9b, 0, 1 };
	static const unsigned char siit[12] = { [8] = 0xff, [9] = 0xff };
	if (guard_is_mapped(a) || !memcmp(a, nat64, 12) || !memcmp(a, siit, 12) ||
	    !memcmp(a, local64, 6))
		return 12;
	if (!memcmp(a, zero, 12) && (a[12] || a[13] || a[14] || a[15] > 1))
		return 12; /* "IPv4-compatible" */
	if (a[0] == 0x20 && a[1] == 0x02)
		return 2; /* 6to4 */
	if ((a[8] & ~2) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe)
		return 12; /* ISATAP */
	return -1;
}

bool guard_inner(const unsigned char a[16], unsigned char out[16])
{
	int at = embedded_v4(a);
	if (at < 0)
		return false;
	unsigned char inner[4];
	memcpy(inner, a + at, 4);
	memcpy(out, mapped, 12);
	memcpy(out + 12, inner, 4);
	return true;
}

/* RFC 4380: the server in clear, the client inverted. */
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

/* A translator of one's own (RFC 8215) may use any of the prefix lengths of RFC 6052 2.2, each with
 * another place for the IPv4 address; byte 8 is left out. */
static bool translates_to_metadata(const unsigned char a[16])
{
	static const unsigned char local64[6] = { 0, 0x64, 0xff, 0x9b, 0, 1 };
	static const unsigned char places[][4] = { { 6, 7, 9, 10 }, { 7, 9, 10, 11 }, { 9, 10, 11, 12 },
						   { 12, 13, 14, 15 } };
	for (size_t i = 0; i < countof(places) && !memcmp(a, local64, sizeof local64); i++) {
		unsigned char v4[4];
		for (int k = 0; k < 4; k++)
			v4[k] = a[places[i][k]];
		if (classify_v4(v4) == GUARD_METADATA)
			return true;
	}
	return false;
}

enum guard_class guard_classify_bytes(const unsigned char a[16])
{
	static const unsigned char teredo[4] = { 0x20, 0x01, 0, 0 };
	unsigned char inner[16];
	if (translates_to_metadata(a))
		return GUARD_METADATA;
	if (guard_is_mapped(a))
		return classify_v4(a + 12);
	if (!memcmp(a, teredo, 4))
		return classify_teredo(a);
	enum guard_class own = GUARD_RESERVED;
	for (size_t i = 0; i < countof(v6_rows); i++) {
		if (guard_in_prefix(a, v6_rows[i].at, v6_rows[i].bits)) {
			own = v6_rows[i].class;
			break;
		}
	}
	if (own == GUARD_METADATA || !guard_inner(a, inner))
		return own;
	enum guard_class inside = classify_v4(inner + 12);
	return inside == GUARD_PUBLIC ? own : inside;
}

enum guard_class guard_classify(const struct sockaddr *sa)
{
	unsigned char a[16];
	if (!net_addr_bytes(sa, a))
		return GUARD_RESERVED;
	return guard_classify_bytes(a);
}

static const char *const class_names[] = {
	[GUARD_PUBLIC] = "public",	     [GUARD_LOOPBACK] = "loop-back",
	[GUARD_PRIVATE] = "private",	     [GUARD_LINK_LOCAL] = "link-local",
	[GUARD_METADATA] = "cloud metadata", [GUARD_SHARED] = "shared",
	[GUARD_MULTICAST] = "multicast",     [GUARD_RESERVED] = "reserved",
	[GUARD_UNSPECIFIED] = "unspecified", [GUARD_NAT64] = "translated",
	[GUARD_SELF] = "own",
};

const char *guard_class_name(enum guard_class c)
{
	return class_names[c];
}
