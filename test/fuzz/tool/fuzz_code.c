/* SPDX-License-Identifier: Apache-2.0 */
/* What a program printed, as the result of its main. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "tool/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = str_of((const char *)data, size), marked;
	struct json *result;
	if (!utf8_valid(text)) /* comes out of JSON */
		return 0;
	if (code_marked(text, &marked) == 0)
		ASSERT(marked.len <= text.len);
	if (code_result(mem.p, text, &result) == 0)
		ASSERT(result->type == JSON_OBJ);
	struct code_answer failed = { .error = text };
	(void)code_failed(&failed);
	ASSERT(utf8_valid(err_text()));
	err_clear();
	return 0;
}
