/* SPDX-License-Identifier: Apache-2.0 */
/* recover: goes on with runs whose process died. See recover.c. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct flow;
/* Takes over what has expired, at most a few runs a call, and starts them in the background. */
status recover_expired(struct flow *) NODISCARD;
/* Takes over one run whose lease is over, now. ERR_STALE: another process has it, or it has ended. */
status recover_run(struct flow *, struct str run_id) NODISCARD;
