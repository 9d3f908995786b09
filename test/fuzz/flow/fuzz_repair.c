/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the text, a repaired value prints as JSON that reads back. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "flow/repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v, *again;
	struct str text = str_of((const char *)data, size);
	if (!utf8_valid(text) || json_repair(mem.p, text, &v))
		return 0;
	ASSERT(json_parse(mem.p, json_text(mem.p, v, JSON_COMPACT), &again) == 0);
	return 0;
}
