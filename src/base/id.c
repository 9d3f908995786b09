/* SPDX-License-Identifier: Apache-2.0 */
/* id: random identifiers. */
#include "base/id.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"

#include <sodium.h>

enum { UUID_LEN = 36 };

void id_random(void *out, size_t n)
{
	randombytes_buf(out, n);
}

static struct str uuid_text(struct arena *mem, const unsigned char raw[16])
{
	static const char digit[] = "0123456789abcdef";
	char *out = arena_text(mem, UUID_LEN + 1), *to = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digit[raw[i] >> 4];
		*to++ = digit[raw[i] & 15];
	}
	*to = 0;
	return str_of(out, UUID_LEN);
}

struct str id_uuid(struct arena *mem)
{
	unsigned char raw[16];
	id_random(raw, sizeof(raw));
	raw[6] = (unsigned char)(0x40 | (raw[6] & 0x0F));
	raw[8] = (unsigned char)(0x80 | (raw[8] & 0x3F));
	return uuid_text(mem, raw);
}

struct str id_uuid7(struct arena *mem)
{
	/* 12 bits count within a millisecond (RFC 9562 section 6.2, method 1), so that ids of one
	 * thread sort in the order they were made. */
	static __thread int64_t last;
	static __thread unsigned count;
	unsigned char raw[16];
	id_random(raw, sizeof(raw));
	int64_t now = clock_ms();
	if (now > last || now < last - 10000) {
		last = now;
		count = (raw[6] << 8 | raw[7]) & 0x7FF; /* half of the range is left to count */
	} else if (++count > 0xFFF) {
		last++;
		count = 0;
	}
	for (int i = 0; i < 6; i++)
		raw[i] = (unsigned char)(last >> (40 - 8 * i));
	raw[6] = (unsigned char)(0x70 | count >> 8);
	raw[7] = (unsigned char)count;
	raw[8] = (unsigned char)(0x80 | (raw[8] & 0x3F));
	return uuid_text(mem, raw);
}

struct str id_uuid_of(struct arena *mem, struct str name)
{
	unsigned char raw[SHA256_LEN];
	crypt_sha256(name, raw);
	raw[6] = (unsigned char)(0x80 | (raw[6] & 0x0F));
	raw[8] = (unsigned char)(0x80 | (raw[8] & 0x3F));
	return uuid_text(mem, raw);
}

bool id_is_uuid(struct str s)
{
	if (s.len != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		char c = s.at[i];
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return false;
		} else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			     (c >= 'A' && c <= 'F'))) {
			return false;
		}
	}
	return true;
}

struct str id_token(struct arena *mem, size_t n)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	char *out = arena_text(mem, n + 1);
	unsigned char some[64];
	size_t made = 0;
	while (made < n) {
		id_random(some, sizeof(some));
		/* Bytes past the last multiple of 62 would favour the first letters. */
		for (size_t i = 0; i < sizeof(some) && made < n; i++)
			if (some[i] < 248)
				out[made++] = letters[some[i] % 62];
	}
	out[n] = 0;
	return str_of(out, n);
}
