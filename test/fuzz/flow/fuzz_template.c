/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a template add up to its text, and it renders against a small pool. */
#include "base/arena.h"
#include "base/core.h"
#include "base/json.h"
#include "flow/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str text = str_of((const char *)data, size);
	struct template t;
	struct pool pool;
	size_t sum = 0;
	template_parse(mem.p, text, &t);
	for (size_t i = 0; i < t.len; i++)
		sum += t.parts[i].text.len + (t.parts[i].variable ? 6 : 0);
	ASSERT(sum == size);
	pool_init(&pool, mem.p);
	pool_set(&pool, S("a"), S("b"), json_str(mem.p, text), VAR_STRING);
	for (enum var_form form = VAR_TEXT; form <= VAR_LOG; form++)
		(void)template_text(mem.p, text, &pool, form);
	return 0;
}
