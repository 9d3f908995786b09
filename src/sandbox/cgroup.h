/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: a leaf of a control group (v2) for each run, where an administrator has delegated one
 * (SANDBOX_CGROUP): what the kernel keeps for a program counts too, and the group ends as a whole.
 * Blocking, for the launcher. The limits of processes hold beside it.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/core.h"

enum { CGROUP_PATH_MAX = 1024, CGROUP_LEFT_MAX = 128 };
struct cgroup {
	char path[CGROUP_PATH_MAX]; /* "" = none */
	uint64_t memory;	    /* bytes of one run */
	uint32_t threads;
	uint64_t left[CGROUP_LEFT_MAX]; /* leaves that could not be removed yet */
	size_t left_count;
};
/* Checks that it can be used, hands its controllers on to the leaves, and removes what an earlier launcher left. */
status cgroup_open(struct cgroup *, const char *path, uint64_t memory, uint32_t threads) NODISCARD;
/* Makes the leaf of a run and puts the process in. A process that has ended meanwhile is no error. */
status cgroup_enter(struct cgroup *, uint64_t run, pid_t pid) NODISCARD;
/* Whether the kernel has ended the run for want of memory. */
bool cgroup_out_of_memory(const struct cgroup *, uint64_t run);
/* Ends what is in the leaf and removes it, now or in a later cgroup_sweep. */
void cgroup_leave(struct cgroup *, uint64_t run);
void cgroup_sweep(struct cgroup *);
