/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the file, a zone that was read answers for any moment. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "os/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t moments[] = { INT32_MIN, -1, 0, 1711846800, 4102444800, 253402300799 };
	AUTO(arena) mem = { arena_open(0) };
	struct zone *z;
	if (zone_parse(mem.p, str_of((const char *)data, size), &z))
		return 0;
	for (size_t i = 0; i < countof(moments); i++) {
		int64_t offset = zone_at(z, moments[i]).seconds;
		ASSERT(offset >= -2 * 86400 && offset <= 2 * 86400);
		(void)zone_from_local(z, moments[i], NULL);
	}
	return 0;
}
