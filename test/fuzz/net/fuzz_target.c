/* SPDX-License-Identifier: Apache-2.0 */
/* Targets of requests: whatever is taken has one meaning, and reads the same a second time. */
#include "base/core.h"
#include "net/guard.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct target *t)
{
	struct target again;
	char text[TARGET_NAME_MAX + 3];
	bool v6 = t->literal && t->address.any.sa_family == AF_INET6;
	ASSERT(t->port && t->name_len && t->name_len <= TARGET_NAME_MAX && !t->name[t->name_len]);
	for (size_t i = 0; i < t->name_len; i++)
		ASSERT(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:", t->name[i]));
	ASSERT(t->literal || (!strchr(t->name, ':') && !target_looks_numeric(target_name(t))));
	size_t n = 0;
	if (v6)
		text[n++] = '[';
	memcpy(text + n, t->name, t->name_len);
	n += t->name_len;
	if (v6)
		text[n++] = ']';
	ASSERT(!target_host(str_of(text, n), t->port, &again));
	ASSERT(again.literal == t->literal && !strcmp(again.name, t->name));
	ASSERT(!t->literal || net_addr_equal(&again.address, &t->address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, path;
	struct target t;
	union net_addr a;
	if (!target_authority(in, 0, &t))
		check(&t);
	if (!target_absolute(in, &t, &path)) {
		check(&t);
		ASSERT(path.len && !memchr(path.at, ' ', path.len) && !memchr(path.at, '\n', path.len));
	}
	if (net_addr_parse_port(in, 0, &a)) {
		char text[NET_ADDR_TEXT];
		union net_addr b;
		ASSERT(net_addr_parse_port(str_c(net_addr_text_port(&a, text)), 0, &b));
		ASSERT(net_addr_equal(&a, &b));
	}
	return 0;
}
