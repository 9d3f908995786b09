/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: which layers of the jail this machine gives, each tried in a child of its own. Blocking,
 * for the launcher's start and for `tatara sandbox --probe`.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct buf;

enum probe_layer {
	PROBE_USERNS, PROBE_NAMESPACES, PROBE_MOUNT, PROBE_CHROOT, PROBE_SETUID, PROBE_SECCOMP, PROBE_NOTIFY,
	PROBE_LANDLOCK, PROBE_PIDFD, PROBE_PROC,
	PROBE_FORK, /* not tried by probe_run: root_plan_make tells */
	PROBE_COUNT
};
/* What SANDBOX_REQUIRE may name: a layer by its bit, or that files, or the network, are held back by any. */
enum { REQUIRE_FS = 1 << 30, REQUIRE_NET = 1 << 29 };
struct probe {
	bool root;
	bool filtered; /* a filter of the container's stands before ours */
	bool have[PROBE_COUNT];
	int landlock_abi;
	uint32_t uid_base; /* the first identity that may be taken */
	int tier;	   /* the best that can be had, TIER_NONE */
};
/* place: a folder that a file system may be mounted on. isolation: TIER_NONE = best. */
void probe_run(struct probe *, const char *place, uint32_t uid_base);
/* Takes the best tier that has all that is required. Fails with the reason when `isolation` (TIER_NONE = best) cannot
 * be had, or a required layer is not there or not a part of the tier. */
status probe_choose(struct probe *, uint32_t isolation, uint32_t require) NODISCARD;
const char *tier_name(int tier);
/* The bit of a name in SANDBOX_REQUIRE, 0 when there is no such; probe_require_names lists them for a message. */
uint32_t probe_require_bit(struct str name);
void probe_require_names(struct buf *);
/* One line for the log. */
void probe_line(const struct probe *, struct buf *);
/* The table, with what is missing and what that means. */
void probe_print(const struct probe *, FILE *);
