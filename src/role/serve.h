/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: the supervisor. Opens the database once (migrations), opens every listening socket and
 * keeps it, starts each role as a process of its own, starts a dead one again with back-off, passes
 * the end on, and answers for all of them on run/serve.sock: /health, /ready, /metrics.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct role_process;

/* Called in the supervisor's loop once all roles are ready, `url` is the public address. */
typedef status (*serve_started)(struct role_process *, struct str url);
/* started may be NULL. Returns the exit code. */
int serve_run(int argc, char **argv, serve_started started);
