/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must print to text that parses to the same, in every form. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned forms[] = { JSON_COMPACT, JSON_SPACED | JSON_ASCII,
					  JSON_ASCII | JSON_SLASH, JSON_INDENT2 | JSON_SORTED };
	AUTO(arena) mem = { arena_open(0) };
	struct json *v, *again;
	if (json_parse(mem.p, str_of((const char *)data, size), &v)) {
		ASSERT(err_code() == ERR_INVALID || err_code() == ERR_TOO_LARGE);
		return 0;
	}
	for (size_t i = 0; i < countof(forms); i++) {
		struct str text = json_text(mem.p, v, forms[i]);
		ASSERT(utf8_valid(text));
		ASSERT(json_parse(mem.p, text, &again) == 0);
		ASSERT(json_equal(v, again));
	}
	struct buf b = buf_make(mem.p, 0);
	json_write_python(&b, v);
	ASSERT(json_equal(v, json_copy(mem.p, v)));
	return 0;
}
