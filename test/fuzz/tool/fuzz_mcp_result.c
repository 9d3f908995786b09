/* SPDX-License-Identifier: Apache-2.0 */
/* What an MCP server answers: files lie in the answer, a failure has words. */
#include "base/arena.h"
#include "base/core.h"
#include "base/err.h"
#include "base/json.h"
#include "tool/tool_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	if (json_parse(mem.p, str_of((const char *)data, size), &v))
		return 0;
	struct tool_result r = { .json = json_arr(mem.p), .variables = json_obj(mem.p) };
	if (mcp_read_result(mem.p, v, &r))
		ASSERT(err_text().len);
	size_t bytes = 0;
	for (size_t i = 0; i < r.file_count; i++) {
		ASSERT(r.files[i].mime_type.len);
		bytes += r.files[i].bytes.len;
	}
	ASSERT(bytes <= size);
	err_clear();
	return 0;
}
