/* SPDX-License-Identifier: Apache-2.0 */
/* fault: deterministic failure in tests, on any thread. */
#pragma once
#include "base/core.h"

/* True for the n-th call with this name after fault_arm(name, n), once. */
bool fault_point(const char *name);
/* nth counts from 1; 0 disarms. name must be static. */
void fault_arm(const char *name, unsigned nth);
