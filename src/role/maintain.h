/* SPDX-License-Identifier: Apache-2.0 */
/* maintain: periodic upkeep of the database, by whichever worker holds the lease. */
#pragma once
#include "base/core.h"

/* A fiber body; arg is the process's struct services. Ends when cancelled. */
status maintain_loop(void *services) NODISCARD;
