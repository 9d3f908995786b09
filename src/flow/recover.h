/* SPDX-License-Identifier: Apache-2.0 */
/* recover: goes on with runs whose process died. See recover.c. */
#pragma once
#include "base/core.h"

struct flow;
/* Takes over what has expired, at most a few runs a call, and starts them in the background. */
status recover_expired(struct flow *) NODISCARD;
