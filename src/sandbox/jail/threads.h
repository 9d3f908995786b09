/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads: the helper threads of a Node that is forked (docs/decisions/0016-forking-node.md). A child has
 * only the thread that forks, so the others must hold nothing then, and what they do must go on without
 * them. Works only in a process that has this library in front of libc (LD_PRELOAD).
 */
#pragma once
#include <stdbool.h>

/* In the zygote: waits until every helper thread sleeps in libc, for good from then on. False when one
 * does something else, when there are too many, or none (this library is not in front of libc). */
bool threads_park(void);
/* In a child, first of all: from now on it stands for itself. */
void threads_forked(void);
/* The exit code of a child that Node ends itself, by waiting for threads that it does not have. */
void threads_note_exit(int code);
