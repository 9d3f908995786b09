/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: how a text is cut. However it is, answer and thoughts are those of the whole text. */
#include "base/arena.h"
#include "base/core.h"
#include "flow/node/think.h"

struct parts {
	struct buf answer, thoughts;
};

static void take_part(void *ctx, enum think_kind kind, struct str text)
{
	struct parts *p = ctx;
	buf_put(kind == THINK_ANSWER ? &p->answer : &p->thoughts, text);
}

static struct parts split(struct arena *mem, struct str text, size_t size)
{
	struct parts p = { buf_make(mem, 0), buf_make(mem, 0) };
	struct think_split s = think_split_make(mem, take_part, &p);
	for (size_t at = 0; at < text.len; at += size)
		think_split_feed(&s, str_sub(text, at, size));
	think_split_end(&s);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	if (!size)
		return 0;
	struct str text = str_of((const char *)data + 1, size - 1);
	struct parts whole = split(mem.p, text, size), cut = split(mem.p, text, data[0] % 16u + 1);
	ASSERT(str_eq(buf_str(&whole.answer), buf_str(&cut.answer)));
	ASSERT(str_eq(buf_str(&whole.thoughts), buf_str(&cut.thoughts)));
	ASSERT(whole.answer.len + whole.thoughts.len <= text.len);
	return 0;
}
