/* SPDX-License-Identifier: Apache-2.0 */
/* Files of strangers: the first byte picks the kind, the rest is the file. What comes out is UTF-8. */
#include "base/arena.h"
#include "base/err.h"
#include "text/charset.h"
#include "text/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "txt", "json", "yaml", "csv", "vtt", "properties", "eml", "pdf", "?" };
	if (!size)
		return 0;
	AUTO(arena) mem = { arena_open(0) };
	struct str bytes = str_of((const char *)data + 1, size - 1), out;
	struct document d = { .bytes = bytes, .extension = str_c(kinds[data[0] % countof(kinds)]),
			      .mime_type = S("text/plain; charset=shift_jis"), .text_max = 1 << 20 };
	if (document_text(mem.p, &d, &out) == 0)
		ASSERT(utf8_valid(out) && out.len <= d.text_max);
	struct str untagged = document_untag(mem.p, bytes);
	ASSERT(untagged.len <= 3 * bytes.len);
	err_clear();
	return 0;
}
