/* SPDX-License-Identifier: Apache-2.0 */
/* cli_sandbox: what `sandbox --probe` and `doctor` share. */
#pragma once
#include "base/core.h"

struct cli;
struct probe;
/* Fills *p; fails with what to do when no program can run here. */
status cli_sandbox_probe(struct cli *, struct probe *p) NODISCARD;
