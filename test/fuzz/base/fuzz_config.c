/* SPDX-License-Identifier: Apache-2.0 */
/* Any .env text is either read or refused. */
#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	const struct config_unknown *u;
	struct config *c;
	if (config_load(mem.p, NULL, str_of((const char *)data, size), &c))
		ASSERT(err_code() == ERR_INVALID);
	else
		ASSERT(config_unknowns(c, &u) <= size);
	return 0;
}
