/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes split into sentences that lie inside the text, in order. */
#include "base/arena.h"
#include "text/sentence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct sentence *s;
	size_t n = sentence_split(mem.p, str_of((const char *)data, size), &s), end = 0;
	for (size_t i = 0; i < n; i++) {
		ASSERT(s[i].offset >= end && s[i].text.len && s[i].text.len <= SENTENCE_LEN_MAX);
		end = s[i].offset + s[i].text.len;
		ASSERT(end <= size);
	}
	return 0;
}
