/* SPDX-License-Identifier: Apache-2.0 */
/* "<format>\n<text>": what was read is a valid date and prints. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "os/zone.h"
#include "tool/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = str_of((const char *)data, size), format = str_cut(&text, '\n');
	struct civil c, now = civil_of(1707138249);
	(void)time_format(mem.p, format, &now, NULL);
	if (time_parse(text, format, &c) == 0)
		ASSERT(civil_valid(&c));
	return 0;
}
