/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the expression, a result is a number that reads back. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "tool/calc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	double d;
	if (calc_text(mem.p, str_of((const char *)data, size), &out))
		return 0;
	ASSERT(str_to_double(out, &d) == 0 || str_has(out, S("inf")));
	return 0;
}
