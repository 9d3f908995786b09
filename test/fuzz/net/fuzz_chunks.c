/* SPDX-License-Identifier: Apache-2.0 */
/* The chunked decoder gives the same bytes and verdict whole and byte by byte. */
#include "base/arena.h"
#include "base/buf.h"
#include "net/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int decode(struct str in, size_t step, struct buf *out)
{
	struct http_chunks k = { 0 };
	int got = HTTP_CHUNKS_MORE;
	while (in.len && (got == HTTP_CHUNKS_MORE || got == HTTP_CHUNKS_DATA)) {
		size_t used = 0;
		struct str piece = { 0 };
		got = http_chunks_next(&k, in.at, step < in.len ? step : in.len, &used, &piece);
		ASSERT(used <= in.len && (used || got >= HTTP_CHUNKS_END));
		if (got == HTTP_CHUNKS_DATA)
			buf_put(out, piece);
		in = str_skip(in, used);
	}
	return got == HTTP_CHUNKS_DATA ? HTTP_CHUNKS_MORE : got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf a = buf_make(mem.p, 0), b = buf_make(mem.p, 0);
	struct str in = { (const char *)data, size };
	ASSERT(decode(in, size + 1, &a) == decode(in, 1, &b));
	ASSERT(str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
