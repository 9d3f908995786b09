/* SPDX-License-Identifier: Apache-2.0 */
/* The first line names a type, the rest is a query or a form: texts in, values of that type out. */
#include "api/trigger/trigger.h"
#include "base/arena.h"
#include "base/core.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str rest = str_of((const char *)data, size), type = str_cut(&rest, '\n');
	struct json *pairs = webhook_pairs(mem.p, rest), *out;
	json_each_member(pairs, m) {
		ASSERT(m->value.type == JSON_STR && utf8_valid(m->name));
		if (webhook_convert(mem.p, m->name, json_as_str(&m->value, S("")), type, &out) == 0 &&
		    str_eq(type, S("number")))
			ASSERT(out->type == JSON_INT || out->type == JSON_FLOAT);
		(void)!webhook_check(mem.p, m->name, &m->value, type);
	}
	return 0;
}
