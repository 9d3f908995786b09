/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: the most bytes of a piece. The pieces are the text, and none is cut inside a character. */
#include "base/core.h"
#include "base/str.h"
#include "model/speech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct str text = str_of((const char *)data + 1, size - 1);
	size_t most = 8 + data[0];
	bool valid = utf8_valid(text);
	while (text.len) {
		size_t n = speech_cut(text, most, true);
		ASSERT(n && n <= most && n <= text.len);
		ASSERT(!valid || utf8_valid(str_sub(text, 0, n)));
		text = str_skip(text, n);
	}
	return 0;
}
