/* SPDX-License-Identifier: Apache-2.0 */
/* dns_message: see the header. RFC 1035 sections 4.1 and 4.1.4, RFC 3596. */
#include "net/dns_message.h"
#include "net/target.h"
#include <string.h>

enum {
	HEADER = 12,
	TYPE_CNAME = 5,
	CLASS_IN = 1,
	FLAG_ANSWER = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION = 0x0100,
	RCODE_NO_NAME = 3,
	RECORDS_MAX = 256,
	JUMPS_MAX = 32,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

size_t dns_query_write(uint8_t out[DNS_QUERY_MAX], uint16_t id, struct str name, enum dns_type type)
{
	size_t at = HEADER;
	if (!name.len || name.len > DNS_NAME_MAX)
		return 0;
	memset(out, 0, HEADER);
	put16(out, id);
	put16(out + 2, FLAG_RECURSION);
	put16(out + 4, 1);
	while (name.len) {
		struct str label = str_cut(&name, '.');
		if (!label.len || label.len > 63)
			return 0;
		out[at++] = (uint8_t)label.len;
		memcpy(out + at, label.at, label.len);
		at += label.len;
	}
	out[at++] = 0;
	put16(out + at, type);
	put16(out + at + 2, CLASS_IN);
	return at + 4;
}

/* --- reading --- */

struct reader {
	const uint8_t *at;
	size_t len, pos;
};

/* A name at r->pos as lower case text; "" is the root. False when it is broken or too long.
 * Bytes that no host name holds become '?', so that such a name equals no other. */
static bool read_name(struct reader *r, char out[DNS_NAME_MAX + 1], size_t *out_len)
{
	size_t pos = r->pos, n = 0;
	bool jumped = false;
	for (int jumps = 0; jumps < JUMPS_MAX;) {
		if (pos >= r->len)
			return false;
		uint8_t c = r->at[pos];
		if ((c & 0xc0) == 0xc0) {
			if (pos + 1 >= r->len)
				return false;
			size_t to = (size_t)(c & 0x3f) << 8 | r->at[pos + 1];
			if (!jumped)
				r->pos = pos + 2;
			jumped = true;
			jumps++;
			if (to >= pos)
				return false; /* only backwards: no loops */
			pos = to;
			continue;
		}
		if (c & 0xc0 || pos + 1 + c > r->len || n + c + (n > 0) > DNS_NAME_MAX)
			return false;
		if (!c) {
			if (!jumped)
				r->pos = pos + 1;
			out[n] = 0;
			*out_len = n;
			return true;
		}
		if (n)
			out[n++] = '.';
		for (size_t i = 0; i < c; i++) {
			char ch = (char)r->at[pos + 1 + i];
			bool upper = ch >= 'A' && ch <= 'Z';
			bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
				     ch == '-' || ch == '_';
			out[n++] = upper ? (char)(ch | 32) : plain ? ch : '?';
		}
		pos += 1 + (size_t)c;
	}
	return false;
}

struct record {
	char owner[DNS_NAME_MAX + 1];
	size_t owner_len;
	unsigned type, class;
	uint32_t ttl;
	size_t data, data_len;
};

static bool read_record(struct reader *r, struct record *out)
{
	if (!read_name(r, out->owner, &out->owner_len) || r->len - r->pos < 10)
		return false;
	const uint8_t *p = r->at + r->pos;
	out->type = get16(p);
	out->class = get16(p + 2);
	out->ttl = (uint32_t)get16(p + 4) << 16 | get16(p + 6);
	if (out->ttl > INT32_MAX) /* RFC 2181 section 8 */
		out->ttl = 0;
	out->data_len = get16(p + 8);
	out->data = r->pos + 10;
	if (r->len - out->data < out->data_len)
		return false;
	r->pos = out->data + out->data_len;
	return true;
}

static bool keep_address(struct dns_reply *out, const struct reader *r, const struct record *rec)
{
	union net_addr *a = &out->at[out->count];
	if (out->count == DNS_ADDRESSES_MAX)
		return false;
	*a = (union net_addr){ 0 };
	if (rec->type == DNS_A && rec->data_len == 4) {
		a->any.sa_family = AF_INET;
		memcpy(&a->v4.sin_addr, r->at + rec->data, 4);
	} else if (rec->type == DNS_AAAA && rec->data_len == 16) {
		a->any.sa_family = AF_INET6;
		memcpy(&a->v6.sin6_addr, r->at + rec->data, 16);
	} else {
		return false;
	}
	out->count++;
	return true;
}

static void keep_ttl(struct dns_reply *out, uint32_t ttl)
{
	if (out->count + out->aliases <= 1 || ttl < out->ttl)
		out->ttl = ttl;
}

/* What the answer section says of one name: its addresses, or its alias in *next. */
static bool collect(struct reader r, size_t records, struct str name, enum dns_type type,
		    struct dns_reply *out, bool *alias)
{
	*alias = false;
	for (size_t i = 0; i < records; i++) {
		struct record rec;
		if (!read_record(&r, &rec))
			return false;
		if (rec.class != CLASS_IN || !str_eq(str_of(rec.owner, rec.owner_len), name))
			continue;
		if (rec.type == (unsigned)type) {
			if (!keep_address(out, &r, &rec))
				return false;
			keep_ttl(out, rec.ttl);
		} else if (rec.type == TYPE_CNAME && !*alias) {
			struct reader d = { r.at, rec.data + rec.data_len, rec.data };
			size_t len;
			if (out->aliases == DNS_CHAIN_MAX ||
			    !read_name(&d, out->alias[out->aliases], &len) || !len)
				return false;
			out->aliases++;
			keep_ttl(out, rec.ttl);
			*alias = true;
		}
	}
	return true;
}

/* Header and question; r->pos is behind them. */
static enum dns_outcome read_head(struct reader *r, uint16_t id, struct str name, enum dns_type type)
{
	char asked[DNS_NAME_MAX + 1];
	size_t len;
	if (r->len < HEADER || get16(r->at) != id)
		return DNS_OTHER;
	unsigned flags = get16(r->at + 2);
	if (!(flags & FLAG_ANSWER) || flags & FLAG_OPCODE || get16(r->at + 4) != 1)
		return DNS_OTHER;
	r->pos = HEADER;
	if (!read_name(r, asked, &len) || r->len - r->pos < 4 ||
	    !str_eq(str_of(asked, len), name) || get16(r->at + r->pos) != (unsigned)type ||
	    get16(r->at + r->pos + 2) != CLASS_IN)
		return DNS_OTHER;
	r->pos += 4;
	if ((flags & 15) == RCODE_NO_NAME)
		return DNS_NO_NAME;
	if (flags & 15)
		return DNS_FAILED;
	return flags & FLAG_TRUNCATED ? DNS_TRUNCATED : DNS_OK;
}

enum dns_outcome dns_reply_read(const uint8_t *at, size_t len, uint16_t id, struct str name,
				enum dns_type type, struct dns_reply *out)
{
	struct reader r = { at, len, 0 };
	enum dns_outcome head = read_head(&r, id, name, type);
	*out = (struct dns_reply){ 0 };
	if (head != DNS_OK && head != DNS_NO_NAME)
		return head;
	size_t records = get16(at + 6);
	if (records > RECORDS_MAX)
		return DNS_FAILED;
	bool alias = true;
	struct str now = name;
	while (alias) {
		if (!collect(r, records, now, type, out, &alias))
			return DNS_FAILED;
		if (alias && out->count)
			return DNS_FAILED; /* RFC 2181 10.1: an alias has no other records */
		if (alias)
			now = str_c(out->alias[out->aliases - 1]);
	}
	return head;
}
