/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of runs: what is taken has both texts; what is refused says why. First line: the media type. */
#include "base/arena.h"
#include "base/err.h"
#include "sandbox/api_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct str type = str_cut(&in, '\n');
	AUTO(arena) mem = { arena_open(0) };
	struct run_body q;
	bool json;
	if (run_body_parse(mem.p, type, in, &q, &json))
		ASSERT(err_text().len);
	else
		ASSERT(q.language.len && q.code.len);
	return 0;
}
