/* SPDX-License-Identifier: Apache-2.0 */
/* An event stream reads the same in large and in small pieces. */
#include "base/arena.h"
#include "base/buf.h"
#include "net/stream_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
	struct str in;
	size_t step;
};

static status feed_piece(void *arg, struct str *piece)
{
	struct feed *f = arg;
	*piece = str_sub(f->in, 0, f->step);
	f->in = str_skip(f->in, piece->len);
	return 0;
}

static status read_all(struct arena *mem, struct feed f, struct buf *out)
{
	struct sse_reader *r = sse_reader_open_source(mem, feed_piece, &f, 1000);
	for (;;) {
		struct sse_event e;
		bool end = false;
		if (sse_reader_next(r, &e, &end))
			return -1;
		if (end)
			return 0;
		ASSERT(e.data.len && e.data.len <= 1000);
		buf_put(out, e.event);
		buf_putc(out, '|');
		buf_put(out, e.id);
		buf_putc(out, '|');
		buf_put(out, e.data);
		buf_putc(out, ';');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf a = buf_make(mem.p, 0), b = buf_make(mem.p, 0);
	struct str in = { (const char *)data, size };
	status one = read_all(mem.p, (struct feed){ in, 1 << 20 }, &a);
	status two = read_all(mem.p, (struct feed){ in, 1 }, &b);
	ASSERT(one == two && str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
