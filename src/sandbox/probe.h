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
	PROBE_LANDLOCK, PROBE_PIDFD, PROBE_PROC, PROBE_COUNT
};
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
/* Fails with the reason when `isolation` (TIER_NONE = best) or a required layer cannot be had. */
status probe_choose(struct probe *, uint32_t isolation, uint32_t require) NODISCARD;
const char *tier_name(int tier);
/* One line for the log. */
void probe_line(const struct probe *, struct buf *);
/* The table, with what is missing and what that means. */
void probe_print(const struct probe *, FILE *);
