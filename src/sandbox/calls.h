/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls: answers the system calls that a run may not make itself. Most are refused and their names
 * kept; socket and connect are done for the run, and lead to the front's relay whatever address was
 * asked for: no memory of the run is read. No port waits for such connections: each is accepted from a
 * listener that lives as long as the call. Never lets a call of the never-list go on.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/wire.h"

enum { CALLS_SOCKETS_MAX = 32, CALLS_FAST = 64, CALLS_PER_TICK = 32, CALLS_PER_TICK_MAX = 256 };

struct calls {
	int listener; /* -1 = none (yet) */
	pid_t pid;    /* for counting threads */
	uint32_t threads_max, refused, names, stalls;
	uint32_t answered; /* since the last tick */
	bool network;
	int connected; /* the other end of a connection just made; who called calls_answer takes it. -1 = none */
	char name[WIRE_REFUSED_MAX][WIRE_NAME_MAX];
	char killed_by[WIRE_NAME_MAX]; /* "" = not killed */
	/* Our copies of sockets that are not connected yet, by their number in the run. */
	struct {
		int theirs, ours;
	} socket[CALLS_SOCKETS_MAX];
};

void calls_init(struct calls *, uint32_t threads_max, bool network);
/* Takes one waiting call and answers it. False: the run must be killed (killed_by says why). */
bool calls_answer(struct calls *);
/* Between two ticks of the launcher a run gets CALLS_PER_TICK_MAX answers, and CALLS_PER_TICK after
 * CALLS_FAST refused calls, so that one which does nothing else costs the others nothing. */
bool calls_are_slow(const struct calls *);
void calls_tick(struct calls *);
void calls_close(struct calls *);
