/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher: a process of its own that makes the jail, keeps interpreters warm, starts, watches and
 * ends runs. It is started by exec with a built environment, so nothing of the service's memory can
 * get into a run. Speaks wire.h on descriptor 3. No fibers, no threads: one loop over poll.
 */
#pragma once
/* The whole life of the process; returns the exit code. */
int launcher_main(void);
