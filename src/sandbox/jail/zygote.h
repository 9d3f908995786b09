/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zygote: the loop of an interpreter that is forked for every run, whatever interpreter it is. Inside
 * the jail, in the interpreter's own thread; sees no user code: it reads structs and passes descriptors.
 */
#pragma once
#include <stdbool.h>

#include "sandbox/jail/harden.h"

#define PUBLIC __attribute__((visibility("default")))
#define WEAK __attribute__((weak))

enum { CHILDREN_MAX = 128, EXIT_BROKEN = 125 };
/* Descriptors of a run end here; from here on everything is the zygote's. */
enum { OWN_FDS_END = RUN_FD_STATUS + 1 };

/* What one interpreter needs around a fork. */
struct zygote_hooks {
	void (*before)(void), (*parent)(void); /* in the zygote */
	/* In the child, first of all: no descriptor from OWN_FDS_END on may still be the zygote's. */
	int (*drop_fds)(void);
	void (*child)(void); /* in the child, jailed by then */
	bool keep_handlers;  /* the handlers of signals are the interpreter's: nobody else set any */
};

/* Until the launcher closes its end and the last child has ended: then the process ends. Returns in
 * every child, with its order. */
void zygote_serve(int control, struct order *out, const struct zygote_hooks *);
/* Gives back what only the start needed: free memory, and pages of program text, which are read again
 * from the files' cache when something runs them. */
void zygote_trim(void);
/* The one order of a process that was started for it; fills `fds`, -1 where nothing came. Bytes, 0 at
 * the end, -1 when it is none of ours. */
long zygote_receive(int control, struct order *out, int fds[ORDER_FD_COUNT]);
void zygote_close(int fds[ORDER_FD_COUNT]);
