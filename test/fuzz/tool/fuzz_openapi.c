/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the description, what was read from it can be printed, and each operation makes a request. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "tool/api_request.h"
#include "tool/openapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *operations, *again;
	struct str kind;
	if (openapi_read(mem.p, str_of((const char *)data, size), &operations, &kind))
		return 0;
	ASSERT(json_parse(mem.p, json_text(mem.p, operations, JSON_COMPACT), &again) == 0);
	json_each(operations, op) {
		struct api_request *r = arena_new(mem.p, struct api_request);
		struct json *args = json_obj(mem.p);
		json_each(json_get(op, S("parameters")), p)
			json_set(mem.p, args, json_get_str(p, S("name")), json_get(p, S("name")));
		if (api_request_make(mem.p, op, NULL, args, r) == 0)
			ASSERT(str_starts(r->url, S("http")));
	}
	return 0;
}
