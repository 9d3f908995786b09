/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must print to text that parses to the same. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v, *again;
	if (yaml_parse(mem.p, str_of((const char *)data, size), &v)) {
		ASSERT(err_code() == ERR_INVALID || err_code() == ERR_TOO_LARGE);
		return 0;
	}
	struct str before = json_text(mem.p, v, JSON_COMPACT);
	struct str text = yaml_text(mem.p, v);
	if (text.len > YAML_SIZE_MAX)
		return 0;
	ASSERT(yaml_parse(mem.p, text, &again) == 0);
	/* By text, since NaN is not equal to itself. */
	ASSERT(str_eq(before, json_text(mem.p, again, JSON_COMPACT)));
	return 0;
}
