/* SPDX-License-Identifier: Apache-2.0 */
/* schedule: fires the schedules of published workflows. See schedule.c. */
#pragma once
#include "base/core.h"

struct broker_lock;
struct services;

struct scheduler {
	struct services *s;
	struct arena *mem; /* of the lease */
	struct broker_lock *lease;
	int64_t extend_ms; /* when the lease is extended next */
};
/* One look: takes or keeps the lease and fires what is due; without the lease it does nothing.
 * *fired (may be NULL) = runs started. Call it about every second. */
status scheduler_step(struct scheduler *, int64_t *fired) NODISCARD;
/* Gives the lease back, so that another worker goes on at once. */
void scheduler_close(struct scheduler *);
