/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rt_int: what the files of rt share. Nobody else includes it.
 *
 * A fiber's life:
 *
 *    spawn --> READY --resume--> RUNNING --park--> WAITING
 *                ^                  |  |              |
 *                |                  |  +-fn returns-> DEAD (stack recycled by the loop)
 *                +----yield---------+                 |
 *                +----------------fiber_wake----------+
 *
 * READY: in loop.ready, exactly once. RUNNING: loop.running. WAITING: in loop.parked, and in what
 * it waits for: at most one timer (its deadline), at most one event, or the slots of one fd. The
 * first fiber_wake wins: it takes the fiber out of timer and event at once and says why (enum
 * wake); later ones find it READY and do nothing. So what was handed to a fiber by waking it
 * (a lock, a slot, a note) is never taken back by a timeout that comes before it runs.
 *
 * Cancelling marks a group and the groups opened below it, and wakes their WAITING members with
 * WAKE_CANCEL, except those inside a shield or in a join ("masked"). Who is not waiting sees the
 * mark when it begins its next wait.
 */
#pragma once
#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/sanitize.h"
#include "rt/rt.h"
#include "rt/switch.h"
#include <pthread.h>
#include <stdatomic.h>

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_DEAD };
enum wake { WAKE_READY, WAKE_TIMEOUT, WAKE_CANCEL, WAKE_CLOSED };

/* Lies at the top of its own stack, so that a fiber with few frames costs one page. */
struct fiber {
	struct err *err; /* behind the fiber in a page of its own: none while nothing has failed */
	char *stack; /* lowest usable byte; the guard is below */
	struct sanitize_stack sane;
	struct context ctx; /* from here on zeroed for each new fiber; the former are the stack's */
	struct loop *loop;
	struct group *group;
	const char *name;
	fiber_fn fn;
	void *arg;
	uint8_t state, wake;
	bool shielded; /* between shield_begin and shield_end */
	bool masked;   /* this wait does not end by cancellation */
	deadline until;
	struct heap_node timer;
	struct event *event;
	struct fiber *prev, *next; /* in event, or in the list of free stacks */
	struct list member, all, parked;
	int64_t parked_at;
	const char *wait; /* for the debugger */
	int wait_fd;
	struct log_context log;
	void *local;
	uint64_t id;
};

struct group {
	struct loop *loop;
	struct group *parent; /* NULL: root, or opened inside a shield: then no cancel comes down */
	struct list sibling, children, members;
	size_t running;
	size_t ended; /* and not yet told by group_wait_any */
	deadline until;
	bool cancelled, failed;
	bool keep_going; /* a failure cancels nobody: background services */
	struct err *err; /* the first failure */
	struct event changed;
};

struct fd_slot {
	struct fiber *reader, *writer;
	uint32_t life;	/* tells events of an earlier owner of this number */
	uint8_t armed;	/* directions epoll tells of; 0 = not registered */
	uint8_t ready;	/* edges seen and not yet used */
};

struct post {
	struct post *next;
	void (*fn)(void *);
	void *arg;
	bool heap; /* freed by the loop before fn runs */
};

struct pool;

struct loop {
	struct context ctx; /* of rt_run, while a fiber runs */
	struct fiber *running;
	struct rt_options opt;
	struct list all, parked;
	struct fiber **ready; /* ring */
	size_t ready_cap, ready_at, ready_len;
	struct heap timers;
	uint64_t ids, random;
	int64_t now; /* as of this turn */
	_Atomic int64_t virtual_now;
	int64_t virtual_start, wall_start; /* ns, ms */
	struct group *root;
	int epoll, mail_fd;
	struct fd_slot *fds;
	size_t fds_cap;
	size_t fibers, fibers_peak, spawned, stack_bytes;
	size_t outside_jobs, outside_procs; /* what a virtual clock must wait for */
	size_t page, guard, err_room, mapping; /* bytes a stack, all included */
	bool guard_by_madvise;
	struct free_stacks {
		struct fiber *first;
		size_t len;
	} hot, cold; /* with pages, without */
	pthread_mutex_t mail_lock;
	struct post *mail, **mail_end;
	struct pool *pool;
	struct rt_pulse pulse;
	void *watch; /* what opt.watcher made */
	/* for sanitizers only: the stack of rt_run */
	struct sanitize_stack sane;
	const void *stack_bottom;
	size_t stack_size;
	fiber_fn main_fn;
	void *main_arg;
};

/* The loop of this thread, NULL outside; clock: the same, and the owner's on its pool threads. */
extern _Thread_local struct loop *rt_loop __attribute__((visibility("hidden")));
extern _Thread_local struct loop *rt_clock __attribute__((visibility("hidden")));

/* The running fiber; asserts that there is one: waiting outside a fiber is a bug. */
struct fiber *fiber_self(void);

/* fiber.c */
struct fiber *fiber_make(struct loop *, const char *name, fiber_fn, void *arg);
void fiber_resume(struct loop *, struct fiber *);
/* Waits for fiber_wake or the time; masked: cancellation does not end it. */
enum wake fiber_park(struct fiber *, const char *what, deadline, bool masked);
bool fiber_wake(struct fiber *, enum wake);
/* 0, or the error record for why a wait ended early. */
status wake_status(enum wake);
/* Fails when this fiber's group was cancelled (and no shield is up). */
status wait_begin(struct fiber *) NODISCARD;
void fiber_trim(struct fiber *);
void fiber_trim_free(struct loop *);
void fiber_free_all(struct loop *);
void stacks_setup(struct loop *);

/* group.c */
struct group *group_make(struct loop *, struct group *parent, deadline);
status spawn_into(struct group *, struct fiber *from, const char *name, fiber_fn, void *arg) NODISCARD;
status group_result(const struct group *) NODISCARD;
void group_member_ended(struct fiber *, status);
void group_free(struct group *);

/* loop.c */
void ready_push(struct loop *, struct fiber *);
/* As loop_post, but the caller keeps the node. */
void loop_post_node(struct loop *, struct post *);

/* sync.c: the caller hands something over when it returns true. */
bool event_hand(struct event *);
void event_leave(struct fiber *);
/* Neither deadline nor cancellation ends it. */
void event_wait_masked(struct event *);

/* pool.c */
struct pool *pool_open(struct loop *, int threads);
void pool_close(struct pool *); /* joins; tasks still point at it: free it after the mail */
size_t pool_queued(struct pool *);
