/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt: fibers over epoll. One loop per thread (one per process here); fibers never move between
 * threads, so code between two waits runs alone and needs no locks. Code reads top to bottom and
 * waits by calling. Every wait ends at the group's deadline with ERR_TIMEOUT or, when the group
 * was cancelled, with ERR_CANCELLED: such a call may have done nothing.
 */
#pragma once
#include "base/core.h"
#include "base/fault.h"
#include "base/str.h"

struct arena;
struct fiber;
struct group;
struct loop;
struct log_context;

/* Nanoseconds on the monotonic clock (virtual in tests). */
typedef int64_t deadline;
#define DEADLINE_NONE INT64_MAX
int64_t rt_now(void);
/* From now, but never later than the running group's own deadline. */
deadline deadline_in_ms(int64_t ms);
/* The running fiber's deadline (its group's, or a shorter one set by deadline_push). */
deadline deadline_current(void);

typedef status (*fiber_fn)(void *arg);

struct rt_options {
	size_t stack_size;    /* 0 = 256 KiB (1 MiB under ASan), guard page extra */
	size_t fibers_max;    /* 0 = 100,000; a spawn past it fails with ERR_BUSY */
	int pool_threads;     /* 0 = 4 */
	bool virtual_clock;   /* tests: time jumps to the next timer when nothing is ready */
	uint64_t seed;	      /* != 0: ready fibers run in a seeded random order (tests) */
	int stall_ms;	      /* for the watcher, 0 = 50; -1 off */
	const struct rt_watcher *watcher; /* NULL = none; programs take os_watcher */
};
/* Opens the loop of this thread, runs main_fn in its first fiber until it and all it spawned in
 * its group are done, closes the loop. Returns what main_fn returned. */
status rt_run(const struct rt_options *, fiber_fn main_fn, void *arg);

/* --- fibers and groups (structured concurrency) --- */
/* A child of the running fiber's group; its deadline is the earlier of both. */
struct group *group_open(deadline);
/* name is for logs and the debugger, must be static. Fails with ERR_BUSY at fibers_max. */
status group_spawn(struct group *, const char *name, fiber_fn fn, void *arg) NODISCARD;
/* Joins all; the first failure cancels the others and is returned with its error record. */
status group_wait(struct group *) NODISCARD;
/* Sets the flag and wakes the members' waits; does not join. Safe to call twice. */
void group_cancel(struct group *);
/* As group_wait for at most one: returns when any member has ended that no earlier call told of, or
 * at once when none runs; *left (set on failure too) = still running. */
status group_wait_any(struct group *, size_t *left) NODISCARD;
size_t group_running(const struct group *);
/* Cancels, joins, frees. NULL is fine. */
void group_close(struct group *);
DEFINE_AUTO(group, struct group, group_close)

/* A fiber that outlives its spawner, joined by rt_run only: background services. It inherits
 * neither deadline, log context nor local, and its failure does not cancel its siblings. */
status fiber_background(const char *name, fiber_fn fn, void *arg) NODISCARD;
struct group *group_root(void);
status fiber_yield(void) NODISCARD;
status fiber_sleep_ms(int64_t ms) NODISCARD;
bool fiber_cancelled(void);
/* Until the matching end, waits of this fiber ignore cancellation and end after `ms` instead:
 * for roll-back and final writes. May nest. */
struct shield {
	deadline saved;
	bool was;
};
struct shield shield_begin(int64_t ms);
void shield_end(struct shield);
/* Shortens this fiber's deadline; restore with deadline_pop. */
deadline deadline_push(deadline);
void deadline_pop(deadline saved);
/* What the log prints with each line of this fiber; children inherit the values. */
struct log_context *fiber_log_context(void);
/* One pointer a fiber for its request or run; children inherit it. */
void *fiber_local(void);
void fiber_set_local(void *);

/* --- waiting for things --- */
enum {
	WAIT_READ = 1,
	WAIT_WRITE = 2,
	/* Promise of the caller: its last I/O on fd in this direction said EAGAIN. Saves a system
	 * call a wait; may return although nothing is ready, so try the I/O again. Without it the
	 * state of fd is looked at anew, which is what foreign libraries (libpq, curl) need. */
	WAIT_EDGE = 4,
};
/* Until fd is ready or in error (then returns 0 as well: the I/O call will tell). With both
 * directions: until either. One fiber waits per fd and direction. fd must be non-blocking. Call
 * fd_forget before close(); a fiber that still waits then gets ERR_CLOSED. */
status fd_wait(int fd, int what, deadline) NODISCARD;
void fd_forget(int fd);

/* A wake-up point. Any number of fibers wait; no lost wake-ups inside one loop since code between
 * waits runs alone: `while (!cond) if (event_wait(&e, dl)) return -1;` */
struct event {
	struct fiber *head, *tail;
};
status event_wait(struct event *, deadline) NODISCARD;
void event_wake_one(struct event *);
void event_wake_all(struct event *);

/* Mutual exclusion over waits. */
struct lock {
	struct event free;
	bool held;
};
status lock_take(struct lock *, deadline) NODISCARD;
void lock_give(struct lock *);

/* Counting limit with FIFO order: concurrency caps. */
struct slots {
	struct event free;
	size_t left;
};
status slots_take(struct slots *, deadline) NODISCARD;
void slots_give(struct slots *);

/* Bounded channel of pointers between fibers of one loop. */
struct chan;
struct chan *chan_open(size_t capacity);
status chan_send(struct chan *, void *item, deadline) NODISCARD; /* ERR_CLOSED after chan_end */
bool chan_try_send(struct chan *, void *item);
/* ERR_CLOSED when ended and empty. */
status chan_recv(struct chan *, void **item, deadline) NODISCARD;
size_t chan_len(const struct chan *);
void chan_end(struct chan *);	/* no more sends; receivers drain */
void chan_close(struct chan *); /* frees; NULL is fine; nobody may wait on it */
DEFINE_AUTO(chan, struct chan, chan_close)

/* --- other threads --- */
/*
 * Runs fn(job) on a pool thread while this fiber waits; fn must not call rt. Who owns job after:
 *   0   the caller, as before: reads its results and frees it itself.
 *   -1  rt: fn failed (its error record is carried here), or the wait ended early and fn still
 *       runs, or it never ran. free_job (may be NULL) was or will be called, exactly once, by the
 *       later of both, on any thread. The caller must not touch job any more.
 * So job must own its memory: neither the caller's stack nor its arena.
 */
status pool_run(status (*fn)(void *job), void *job, void (*free_job)(void *)) NODISCARD;
/* The same for work known to be short: once started it is always waited for, past deadline and
 * cancellation, so job may live on the caller's stack or arena and stays the caller's. */
status pool_call(status (*fn)(void *job), void *job) NODISCARD;
/* Wakes the loop from another thread: fn(arg) runs on the loop between fibers; must not wait. */
void loop_post(struct loop *, void (*fn)(void *), void *arg);
struct loop *loop_current(void);

/* --- looking inside --- */
struct rt_stats {
	uint64_t switches, spawned, stalls;
	size_t fibers, fibers_peak, timers, pool_queued, stack_bytes;
};
void rt_stats_get(struct rt_stats *);

/* --- for src/os: who watches a loop, and what runs outside it --- */
/* The running fiber. Safe in a signal handler. */
struct fiber_look {
	const char *name, *guard, *low, *high; /* stack: [low, high), guard page: [guard, low) */
};
bool fiber_look(struct fiber_look *);
struct rt_pulse {
	_Atomic uint64_t switches, stalls; /* rt counts the first, the watcher the other */
	_Atomic bool idle;		   /* waits in epoll */
};
struct rt_watcher {
	void *(*open)(struct rt_pulse *, int stall_ms); /* on the loop's thread */
	void (*busy)(void *);				/* idle ended */
	void (*close)(void *);
};
/* What open returned, on the loop's thread and its pool's; else NULL. Safe in a signal handler. */
void *rt_watching(void);
/* More or less child processes run: a virtual clock follows the real one while there are any. */
void loop_outside(int change);
