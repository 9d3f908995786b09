/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders of text forms, and encoders against them. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/enc.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str s = str_of((const char *)data, size), out;
	int64_t ms;
	double d;
	if (dec_base64(mem.p, s, &out) == 0)
		ASSERT(out.len <= size);
	if (dec_hex(mem.p, s, &out) == 0)
		ASSERT(str_eq_nocase(enc_hex(mem.p, out), s));
	ASSERT(dec_base64(mem.p, enc_base64(mem.p, s), &out) == 0 && str_eq(out, s));
	ASSERT(dec_base64(mem.p, enc_base64url(mem.p, s), &out) == 0 && str_eq(out, s));
	struct buf b = buf_make(mem.p, 0);
	enc_percent(&b, s, "/");
	ASSERT(str_eq(dec_percent(mem.p, buf_str(&b), true), s));
	ASSERT(dec_percent(mem.p, s, true).len <= size);
	buf_clear(&b);
	enc_html(&b, s);
	ASSERT(b.len >= size);
	if (clock_parse_iso(s, &ms) == 0)
		ASSERT(clock_iso(mem.p, ms).len >= 20);
	if (str_to_double(s, &d) == 0)
		ASSERT(size > 0);
	ASSERT(jwt_open(mem.p, S("key"), s, &out) == -1);
	return 0;
}
