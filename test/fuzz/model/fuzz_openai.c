/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of any events, one a line: no crash, and pieces add up to the text. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "model/model_int.h"

static status count(void *arg, struct str piece)
{
	*(size_t *)arg += piece.len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct openai_reader r;
	struct str rest = str_of((const char *)data, size), error;
	size_t sum = 0;
	openai_reader_init(&r, mem.p, count, &sum);
	while (rest.at && rest.len)
		if (openai_reader_event(&r, mem.p, str_cut(&rest, '\n'), &error))
			break;
	if (!openai_reader_end(&r) && r.tool_calls)
		json_text(mem.p, r.tool_calls, JSON_COMPACT);
	ASSERT(sum == r.text->len);
	return 0;
}
