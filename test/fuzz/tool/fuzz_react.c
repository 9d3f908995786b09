/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how the rest is cut: the same is shown and found as from one piece. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "tool/react.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct react whole, cut;
	struct str text = str_of((const char *)data, size);
	size_t step = size ? 1 + data[0] % 7 : 1;
	text = str_skip(text, 1);
	react_init(&whole, mem.p);
	(void)react_feed(&whole, text);
	(void)react_end(&whole);
	react_init(&cut, mem.p);
	for (struct str rest = text; rest.len; rest = str_skip(rest, step))
		(void)react_feed(&cut, str_sub(rest, 0, step));
	(void)react_end(&cut);
	ASSERT(str_eq(buf_str(&whole.thought), buf_str(&cut.thought)));
	ASSERT(whole.has_action == cut.has_action && str_eq(whole.action, cut.action));
	ASSERT(whole.thought.len <= text.len);
	return 0;
}
