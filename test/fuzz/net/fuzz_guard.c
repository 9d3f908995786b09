/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the guard. Whatever list is taken, metadata and loop-back by name stay refused. */
#include "base/core.h"
#include "base/err.h"
#include "net/dns_message.h"
#include "net/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guard_cache *cache;
	struct str in = { (const char *)data, size };
	struct guard_options o[] = { { .allow_addresses = in, .allow_domains = in },
				     { .only_domains = in },
				     { .deny_domains = in, .deny_addresses = in },
				     { .ports = in, .connect_ports = in } };
	if (!cache)
		ASSERT(!guard_cache_open(&(struct guard_cache_options){ 0 }, &cache));
	struct guard_cache *c;
	if (!guard_cache_open(&(struct guard_cache_options){ .servers = in }, &c))
		guard_cache_close(c);
	for (size_t i = 0; i < countof(o); i++) {
		AUTO(guard) g = { NULL };
		struct target t;
		static struct guard_decision d;
		static struct dns_reply r = { .count = 1 };
		o[i].cache = cache;
		if (guard_open(&o[i], &g.p))
			continue;
		ASSERT(!target_host(S("169.254.169.254"), 80, &t) && !guard_judge_name(g.p, &t, false, &d));
		ASSERT(!target_host(S("a.example.com"), 80, &t));
		if (!guard_judge_name(g.p, &t, false, &d))
			continue;
		ASSERT(net_addr_parse(S("fd00:ec2::254"), 1, &r.at[0]));
		ASSERT(!guard_judge_answer(g.p, &t, false, &r, &d) && d.code == GUARD_DENIED_METADATA);
		ASSERT(net_addr_parse(S("0.0.0.0"), 1, &r.at[0]));
		ASSERT(!guard_judge_answer(g.p, &t, false, &r, &d));
	}
	return 0;
}
