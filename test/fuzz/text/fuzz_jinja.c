/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a template: renders or fails, within its limits, always with a reason. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "text/jinja/jinja.h"

static const char inputs[] = "{\"a\":1,\"b\":\"text <b>\",\"c\":[1,2,\"x\",null,{\"k\":2.5}],\"d\":{\"k\":[],\"items\":3},"
			     "\"e\":\"\",\"f\":1.5,\"g\":null,\"h\":true,\"cjk\":\"\xE6\x97\xA5\xE6\x9C\xAC\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *in;
	struct str out;
	ASSERT(json_parse(mem.p, str_c(inputs), &in) == 0);
	err_clear();
	if (jinja_render(mem.p, str_of((const char *)data, size), in, &jinja_limits_small, &out) == 0) {
		ASSERT(out.len <= jinja_limits_small.output_max && utf8_valid(out));
		return 0;
	}
	ASSERT(err_code() == ERR_INVALID || err_code() == ERR_UNSUPPORTED || err_code() == ERR_LIMIT ||
	       err_code() == ERR_TOO_LARGE);
	ASSERT(err_text().len > 0);
	return 0;
}
