/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harden: the steps that turn a process into a jailed run, in their order. Runs inside the jail,
 * in a process of one thread (Python) or just before user code (Node). Plain C, no memory.
 */
#pragma once
#include "sandbox/wire.h"

/* Descriptors of a run while it is being made; 0, 1 and 2 are its own. */
enum { RUN_FD_CODE = 3, RUN_FD_STATUS = 4 };

/* Limits of memory, processor time, files, threads. 0, or -1 with errno. */
int harden_limits(const struct order *);
/* Where the order asks for a scratch folder: one in memory on /tmp, seen by this process alone, and
 * landlock, which the others stand behind already. Needs the right to mount. */
int harden_scratch(const struct order *);
/* Gives up groups, uid and every capability; nothing can be gained again afterwards. */
int harden_identity(const struct order *);
/* Installs the filter for all threads, last of all, and says so on the socket `status` (with the
 * listener of refused calls when the order asks for one), which it closes. */
int harden_filter(const struct order *, int status);
/* Takes an identity and kills every process that has it (but itself). */
int harden_sweep(const struct order *);
