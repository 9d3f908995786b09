/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and query strings: slices stay inside, hosts hold nothing that ends a host elsewhere. */
#include "base/arena.h"
#include "net/url.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct first {
	struct str name, value;
	bool set;
};

static void keep_first(void *arg, struct str name, struct str value)
{
	struct first *f = arg;
	if (!f->set)
		*f = (struct first){ name, value, true };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	AUTO(arena) mem = { arena_open(0) };
	struct url u;
	if (!url_parse(in, &u)) {
		ASSERT(u.host.at >= in.at && u.host.at + u.host.len <= in.at + size);
		ASSERT(u.host.len && u.port && u.path.len);
		for (size_t i = 0; i < u.host.len; i++)
			ASSERT(!strchr("/?#@\\ ", u.host.at[i]));
	}
	struct first f = { 0 };
	query_each(mem.p, in, keep_first, &f);
	if (f.set) {
		struct str value = { 0 };
		ASSERT(query_get(mem.p, in, f.name, &value) && str_eq(value, f.value));
	}
	return 0;
}
