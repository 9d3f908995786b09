/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an app file: looked over without harm, the report short and printable. */
#include "app/report_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *report;
	if (size > 64 << 10 || app_lint(mem.p, str_of((const char *)data, size), &report))
		return 0;
	ASSERT(report->len <= REPORT_FINDINGS_MAX);
	json_each(report, f) {
		struct str message = json_get_str(f, S("message"));
		ASSERT(message.len && utf8_valid(message));
	}
	ASSERT(utf8_valid(json_text(mem.p, report, JSON_COMPACT)));
	return 0;
}
