/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the expression, the next time lies after the given one, or there is none for years. */
#include "app/cron.h"
#include "base/arena.h"
#include "base/core.h"
#include "os/zone.h"

/* A zone with summer time, without reading a file: version 2 with nothing but its rule. */
#define Z4 "\0\0\0\0"
#define BLOCK "TZif2\0\0\0" Z4 Z4 Z4 Z4 Z4 Z4 Z4 "\0\0\0\1\0\0\0\4\0\0\16\20\0\0CET"
/* A block ends with the NUL of its letters; between two literals that has to be written. */
static const char berlin[] = BLOCK "\0" BLOCK "\0\nCET-1CEST,M3.5.0,M10.5.0/3\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t moments[] = { 0, 1774745999, 1792889999, 4107542400 };
	AUTO(arena) mem = { arena_open(0) };
	struct cron c;
	struct zone *z;
	if (cron_parse(str_of((const char *)data, size), &c))
		return 0;
	ASSERT(zone_parse(mem.p, str_of(berlin, sizeof(berlin) - 1), &z) == 0);
	for (size_t i = 0; i < countof(moments); i++) {
		int64_t at = cron_next(&c, z, moments[i]);
		ASSERT(at == 0 || (at > moments[i] && at % 60 == 0));
	}
	return 0;
}
