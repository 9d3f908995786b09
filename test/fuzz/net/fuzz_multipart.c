/* SPDX-License-Identifier: Apache-2.0 */
/* A multipart body reads the same in large and in small pieces. */
#include "base/arena.h"
#include "base/buf.h"
#include "net/stream_int.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
	struct str in;
	size_t step;
};

static status feed_read(void *arg, char *at, size_t cap, size_t *n)
{
	struct feed *f = arg;
	*n = MIN(MIN(cap, f->step), f->in.len);
	if (*n)
		memcpy(at, f->in.at, *n);
	f->in = str_skip(f->in, *n);
	return 0;
}

static status read_all(struct arena *mem, struct feed f, struct buf *out)
{
	struct multipart *m;
	if (multipart_open_source(mem, S("multipart/form-data; boundary=B"), feed_read, &f, &m))
		return -1;
	for (;;) {
		struct part *p;
		struct str text;
		if (multipart_next(m, &p))
			return -1;
		if (!p)
			return 0;
		ASSERT(utf8_valid(p->name) || p->name.at);
		buf_put(out, p->name);
		buf_putc(out, '|');
		buf_put(out, p->filename);
		buf_putc(out, '|');
		if (multipart_text(m, 1 << 20, &text))
			return -1;
		buf_put(out, text);
		buf_putc(out, ';');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf a = buf_make(mem.p, 0), b = buf_make(mem.p, 0);
	struct str in = { (const char *)data, size };
	status one = read_all(mem.p, (struct feed){ in, 1 << 20 }, &a);
	status two = read_all(mem.p, (struct feed){ in, 3 }, &b);
	ASSERT(one == two && str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
