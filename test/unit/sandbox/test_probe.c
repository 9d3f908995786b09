/* SPDX-License-Identifier: Apache-2.0 */
/* Which tier a machine gives, and what SANDBOX_REQUIRE makes of it: machines that lack one thing after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/probe.h"
#include "sandbox/wire.h"

enum { ALL = (1 << PROBE_COUNT) - 1 };
#define NO(layer) (1 << PROBE_##layer)

static struct probe machine(bool root, unsigned lacks)
{
	struct probe p = { .root = root, .uid_base = 200000, .landlock_abi = 6 };
	for (int i = 0; i < PROBE_COUNT; i++)
		p.have[i] = !(lacks & 1u << i);
	return p;
}

static uint32_t bits_of(const char *names)
{
	uint32_t bits = 0;
	for (struct str rest = str_c(names); rest.len;) {
		struct str one = str_cut(&rest, ',');
		uint32_t bit = probe_require_bit(one);
		if (!bit)
			fail_msg("%.*s is no name", STR(one));
		bits |= bit;
	}
	return bits;
}

/* tier 0: refused, and the message has the words. */
static const struct row {
	bool root;
	unsigned lacks;
	int isolation;
	const char *require;
	int tier;
	const char *words;
} rows[] = {
	/* the default */
	{ true, 0, 0, "seccomp,fs,net", TIER_NAMESPACE, "" },
	{ false, NO(CHROOT) | NO(SETUID), 0, "seccomp,fs,net", TIER_NAMESPACE, "" },
	{ true, NO(NAMESPACES) | NO(MOUNT), 0, "seccomp,fs,net", TIER_CONTAINER, "" },
	{ false, NO(NAMESPACES) | NO(MOUNT) | NO(CHROOT) | NO(SETUID), 0, "seccomp,fs,net", TIER_MINIMAL, "" },
	{ true, NO(SECCOMP), 0, "", TIER_NONE, "seccomp" },
	{ true, NO(NAMESPACES) | NO(CHROOT) | NO(LANDLOCK), 0, "fs", TIER_NONE, "cannot hold user code" },
	/* one layer, there and not */
	{ true, 0, 0, "namespaces,mounts,uid,seccomp,notify,landlock,pidfd,proc", TIER_NAMESPACE, "" },
	{ true, NO(NAMESPACES), 0, "namespaces", TIER_NONE, "namespaces" },
	{ true, NO(MOUNT), 0, "mounts", TIER_NONE, "mounts" },
	{ true, NO(LANDLOCK), 0, "landlock", TIER_NONE, "the namespace tier of this machine has no landlock" },
	{ true, NO(LANDLOCK), 0, "fs", TIER_NAMESPACE, "" },
	{ true, NO(NOTIFY), 0, "notify", TIER_NONE, "notify" },
	{ true, NO(NOTIFY), 0, "net", TIER_NAMESPACE, "" },
	{ true, NO(PROC), 0, "proc", TIER_NONE, "proc" },
	{ true, NO(PROC), 0, "seccomp", TIER_NAMESPACE, "" },
	{ true, NO(LANDLOCK) | NO(PROC), 0, "landlock,proc,seccomp", TIER_NONE, "landlock, proc." },
	/* an ordinary user: the user namespace is a layer, a uid of one's own is not to be had */
	{ false, 0, 0, "userns", TIER_NAMESPACE, "" },
	{ false, NO(SETUID), 0, "uid", TIER_NONE, "uid" },
	{ false, 0, 0, "uid", TIER_NONE, "uid (is there, but no part of this tier)" },
	{ true, 0, 0, "userns", TIER_NONE, "userns (is there, but no part of this tier)" },
	/* another tier may have what the best one has not; a named one must have it */
	{ true, 0, 0, "chroot", TIER_CONTAINER, "" },
	{ true, 0, TIER_NAMESPACE, "chroot", TIER_NONE, "chroot (is there, but no part of this tier)" },
	{ true, 0, TIER_CONTAINER, "namespaces", TIER_NONE, "the container tier" },
	{ true, 0, TIER_MINIMAL, "uid", TIER_NONE, "the minimal tier" },
	{ true, 0, TIER_CONTAINER, "uid,chroot,notify", TIER_CONTAINER, "" },
	{ true, NO(CHROOT), TIER_CONTAINER, "", TIER_NONE, "container needs chroot" },
};

static void choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *r = &rows[i];
		struct probe p = machine(r->root, r->lacks);
		status bad = probe_choose(&p, (uint32_t)r->isolation, bits_of(r->require));
		struct str said = bad ? err_text() : S("");
		if (p.tier != r->tier || !!bad != (r->tier == TIER_NONE) ||
		    (*r->words && str_find(said, str_c(r->words)) == SIZE_MAX))
			fail_msg("row %zu (require %s, lacks %x): tier %s, said %.*s", i, r->require, r->lacks, tier_name(p.tier),
				 STR(said));
	}
}

/* No name twice, none without a bit of its own; all are offered. */
static void names(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 1024);
	uint32_t seen = 0;
	(void)state;
	probe_require_names(&b);
	size_t count = 0;
	for (struct str rest = buf_str(&b); rest.len; count++) {
		uint32_t bit = probe_require_bit(str_trim(str_cut(&rest, ',')));
		assert_true(bit && !(seen & bit));
		seen |= bit;
	}
	assert_int_equal(count, PROBE_COUNT + 2);
	assert_int_equal(probe_require_bit(S("root")), 0);
	assert_int_equal(probe_require_bit(S("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(choices), cmocka_unit_test(names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
