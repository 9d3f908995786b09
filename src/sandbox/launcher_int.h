/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_int: what the files of the launcher share: its state, and what each does for the others. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/calls.h"
#include "sandbox/cgroup.h"
#include "sandbox/jail.h"
#include "sandbox/probe.h"
#include "sandbox/root.h"
#include "sandbox/wire.h"

struct arena;

enum {
	FRONT_FD = 3,
	RUNS_MAX = 128,
	WARM_MAX = 64,
	SPARE_MAX = 8,	 /* process spaces made ahead */
	INITS_MAX = 512, /* killed first processes that are not reaped yet */
	WATCH_MS = 25,
	GRACE_MS = 2000, /* a killed run that is still there after this is an error of ours */
	ZYGOTE_RUNS_MAX = 1000,
	ZYGOTE_AGE_MS = 600000,
	DEATHS_MAX = 3,
	DEATHS_WINDOW_MS = 10000,
	FILES_MAX = 64,
	WARM_NICE = 10,
	WARM_PAUSE_MS = 3000,
	IDLE_MS = 600000,
	AHEAD_MAX = 2,	 /* Python runs that are made ahead */
	AHEAD_PAUSE_MS = 1000,
	SPACE_PAUSE_MS = 1000,
};

/* Bit of the names of runs that no front has asked for yet. */
#define AHEAD_ID (UINT64_C(1) << 63)

enum { ZYGOTE_SLOTS = 3 * ZYGOTE_KINDS }; /* one of a kind, its successor, and those with runs left */
struct zygote {
	pid_t pid; /* 0 = none */
	int control;
	enum zygote_kind kind;
	bool ready, retired;
	uint32_t runs;
	int64_t born;
};

/* A Node process that waits for its only order. */
struct warm {
	pid_t pid;
	int control, out, err, pidfd;
	pid_t init;
	uint32_t uid_index;
	bool network;
};

struct run {
	uint64_t id, order_id; /* the front's name for it, and the one in its order */
	bool used, jailed, node;
	bool fresh;	 /* a process that we started and reap, not a zygote's child */
	bool ahead;	 /* forked and jailed before anybody asked: it waits for its code */
	uint32_t flags;
	int near[STARTED_FD_COUNT]; /* of one that waits: what the front will get */
	pid_t pid, init;
	int pidfd, status;
	struct zygote *zygote;
	uint32_t uid_index;
	int64_t deadline;
	int reason; /* END_EXIT = nothing of ours yet */
	int64_t peak_kb, cpu_us;
	struct calls calls;
};

struct launcher {
	struct arena *mem;
	struct launcher_settings settings;
	struct root_plan plan;
	struct probe probe;
	struct jail jail;
	struct cgroup cgroup;
	struct zygote zygote[ZYGOTE_SLOTS];
	struct warm warm[WARM_MAX];
	size_t warm_count;
	struct run run[RUNS_MAX];
	size_t running;
	struct {
		pid_t init;
		int fd;
	} spare[SPARE_MAX];
	size_t spare_count;
	pid_t dying[INITS_MAX];
	size_t dying_count;
	bool *uid_taken;
	uint32_t uid_next;
	int64_t death[ZYGOTE_KINDS][DEATHS_MAX]; /* when the last zygotes died */
	bool kept[ZYGOTE_KINDS];		 /* zygotes that are to be there */
	uint64_t orders;      /* numbers them */
	uint32_t ahead_flags; /* what the last Python program asked for: the next ones will too */
	bool ahead_wanted;
	int64_t ahead_after; /* none before: one has died while it waited */
	bool wanted[2]; /* warm Node without and with network: asked for once */
	int64_t watched;
	int64_t warm_after; /* no warm process before: one has died */
	int64_t space_after; /* no process space before: one could not be made */
	bool active;	    /* interpreters are kept */
	int64_t last_run;
};

void launcher_tell(const void *report, size_t len, const int *fds, size_t count);

/* --- zygotes.c --- */
/* NULL when there is none; it may be starting still. */
struct zygote *zygotes_find(struct launcher *, enum zygote_kind);
/* Starts one when there is none. From then on one is kept. */
status zygotes_get(struct launcher *, enum zygote_kind, struct zygote **out) NODISCARD;
/* False where runs of the kind cannot be forked, or its zygotes die at once. */
bool zygotes_usable(struct launcher *, enum zygote_kind);
/* After packages were installed: what a zygote has not seen when it began it does not see, so runs wait for a new one. */
void zygotes_replace_python(struct launcher *);
void zygotes_retire_all(struct launcher *);
/* Its socket is readable. */
void zygotes_report(struct launcher *, struct zygote *);
/* Ends it and its runs. */
void zygotes_died(struct launcher *, struct zygote *);
/* Replaces those that are old or missing. */
void zygotes_watch(struct launcher *, int64_t now);

/* --- warm.c --- */
/* A waiting process, or a new one. */
status warm_take(struct launcher *, bool network, struct warm *out) NODISCARD;
/* One start at a time, in quiet moments, behind the runs; true when another is wanted. */
bool warm_refill(struct launcher *);
void warm_drop(struct launcher *, size_t index);

/* --- runs.c --- */
void runs_begin(struct launcher *, const struct run_request *);
/* By the front's name; NULL when it has ended. */
struct run *runs_find(struct launcher *, uint64_t id);
void runs_kill(struct run *, int reason);
/* Those made ahead, of one zygote or all (NULL). They end as runs do, and nobody is told. */
void runs_drop_ahead(struct launcher *, const struct zygote *);
/* Makes one ahead; true when another is wanted. */
bool runs_refill_ahead(struct launcher *);
/* Limits of time and memory. */
void runs_watch(struct launcher *, int64_t now);
/* The zygote of these runs has died. */
void runs_fail(struct launcher *, const struct zygote *);
/* A zygote told of a run; takes *pidfd where it belongs to one. */
void runs_report(struct launcher *, const struct zygote_report *, int *pidfd);
enum run_event { RUN_STATUS, RUN_ENDED, RUN_CALL };
/* One of a run's descriptors is ready. */
void runs_event(struct launcher *, struct run *, enum run_event, bool readable);

/* --- supply.c --- */
int64_t launcher_now(void); /* milliseconds, monotonic */
void launcher_close(int *fd); /* and forgets it; -1 is fine */
/* An identity that no process has; false when none is free. */
bool supply_take_uid(struct launcher *, uint32_t *index);
void supply_give_uid(struct launcher *, uint32_t index);
/* The order for a run of this identity, with the limits of the settings. */
void supply_order(const struct launcher *, struct order *, uint32_t flags, uint32_t uid_index);
bool supply_pipe(int ends[2]);
/* A process space and its first process, -1 when there is none; one that was made ahead comes first. */
int supply_take_space(struct launcher *, pid_t *init);
/* Makes one space ahead when one is wanted. */
void supply_refill_spaces(struct launcher *);
/* Kills all in it; supply_reap_spaces takes what is left of it away. */
void supply_end_space(struct launcher *, pid_t *init);
void supply_reap_spaces(struct launcher *);
/* Those made ahead. */
void supply_drop_spaces(struct launcher *);
