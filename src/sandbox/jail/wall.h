/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wall: landlock, in plain C: the launcher closes a process in before it becomes an interpreter, and a
 * run with a scratch folder closes itself in. Descriptors and errno only; no memory.
 */
#pragma once

enum wall_kind { WALL_FOLDER, WALL_FILE, WALL_DEVICE, WALL_SCRATCH };
enum { WALL_ANY_PORT = -1 };

/* Version of the kernel's interface, 0 = none. */
int wall_abi(void);
/* A set of rules that allows no file, and TCP to `port` only (0 = none, or
 * WALL_ANY_PORT); -1 with errno. What the kernel
 * lacks is left out. */
int wall_open(int port);
/* Reading and running of what lies there, in a scratch folder and to a device writing too. A path that is not there is
 * no error. */
int wall_allow(int rules, const char *path, enum wall_kind);
/* From now on the rules hold for this process and its children. */
int wall_close_in(int rules);
