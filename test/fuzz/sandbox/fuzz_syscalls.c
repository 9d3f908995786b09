/* SPDX-License-Identifier: Apache-2.0 */
/* ALLOWED_SYSCALLS: whatever is in the list, what may never be allowed does not get through. */
#include "base/err.h"
#include "sandbox/jail/filter.h"
#include "sandbox/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sock_filter program[FILTER_MAX];
	uint16_t extra[WIRE_EXTRA_MAX];
	uint32_t len = 0;
	if (sandbox_parse_syscalls(str_of((const char *)data, size), extra, &len)) {
		ASSERT(err_text().len);
		return 0;
	}
	ASSERT(len <= WIRE_EXTRA_MAX);
	for (uint32_t i = 0; i < len; i++) {
		const struct filter_row *r = filter_find(extra[i]);
		ASSERT(extra[i] < FILTER_NUMBER_MAX && (!r || r->rule != RULE_KILL));
	}
	struct filter_options o = { .extra = extra, .extra_len = len, .pid = 1 };
	ASSERT(filter_build(&o, program, FILTER_MAX) > 0);
	return 0;
}
