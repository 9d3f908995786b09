/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads: see threads.h. Functions of libc that Node calls, each doing a little less or more:
 *
 *                        before the fork           in a child
 *   pthread_create       notes the thread          (libc's own)
 *   pthread_cond_wait    counts who sleeps, and    (libc's own)
 *   epoll_pwait          once parked they sleep
 *   sem_wait             for ever
 *   pthread_cond_signal  (libc's own)              a task for the worker thread: starts one
 *   pthread_cond_broadcast  (libc's own)           "no more tasks": Node is ending, and the process ends
 *   madvise              does not keep V8's heap from children
 *
 * Node starts three threads: a worker for V8's tasks, one that hands it tasks later, and one that
 * waits for the inspector's signal. With the options that a zygote gets V8 has tasks for WebAssembly only.
 */
#include "sandbox/jail/threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/jail/zygote.h"

enum { THREADS_MAX = 8, PARK_TRIES = 2000, PARK_PAUSE_US = 1000, FRAME_MAX = 4096 };

PUBLIC int madvise(void *at, size_t len, int advice);
PUBLIC int pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
PUBLIC int pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *);
PUBLIC int pthread_cond_signal(pthread_cond_t *);
PUBLIC int pthread_cond_broadcast(pthread_cond_t *);
PUBLIC int epoll_pwait(int, struct epoll_event *, int, int, const sigset_t *);
PUBLIC int sem_wait(sem_t *);

/* What Node gives its worker thread: the queue, and three things on the stack of the thread that starts it,
 * which waits there until the worker runs. They are long gone when a child needs a worker of its own. */
struct worker_start {
	void *queue;
	pthread_mutex_t *mutex;
	pthread_cond_t *ready;
	int *pending;
	int rest[4];
};

static struct {
	pthread_t main;
	int count;
	struct helper {
		pthread_t thread;
		void *(*fn)(void *);
		struct worker_start start;
		bool worker; /* its argument is a worker_start */
		pthread_cond_t *waits; /* where it sleeps, with what lock */
		pthread_mutex_t *lock;
		atomic_bool sleeps; /* and nobody has signalled yet */
	} helper[THREADS_MAX];
	atomic_int asleep;
	atomic_bool parked;
	bool forked, revived;
	int exit_code; /* 1: nothing was noted, which is no good end */
	/* for a worker of the child's own */
	pthread_mutex_t mutex;
	pthread_cond_t ready;
	int pending;
} own = { .exit_code = 1, .mutex = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER };

/* libc's own function; of the condition variables the new ones, which a plain look-up does not always find. */
static void *next(const char *name)
{
	void *at = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
	return at ? at : dlsym(RTLD_NEXT, name);
}

static bool is_helper(void)
{
	return !own.forked && own.count && !pthread_equal(pthread_self(), own.main);
}

static bool is_on_stack(const void *at, const void *frame)
{
	return (uintptr_t)at - (uintptr_t)frame < FRAME_MAX;
}

/* The place of a thread that is about to start; NULL when there is none left, and threads_park says no then. */
static pthread_t *note_thread(void *(*fn)(void *), const void *argument, const void *frame)
{
	struct worker_start start = { .queue = NULL };
	if (!own.count)
		own.main = pthread_self();
	int i = own.count++;
	if (i >= THREADS_MAX)
		return NULL;
	if (argument)
		memcpy(&start, argument, sizeof(start)); /* now: the thread may free it */
	own.helper[i].fn = fn;
	own.helper[i].start = start;
	own.helper[i].worker = is_on_stack(start.mutex, frame) && is_on_stack(start.ready, frame) &&
			       is_on_stack(start.pending, frame);
	return &own.helper[i].thread;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*fn)(void *), void *argument)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	pthread_t *at = NULL;
	if (!real)
		*(void **)&real = next("pthread_create");
	if (!own.forked && !own.parked)
		at = note_thread(fn, argument, __builtin_frame_address(0));
	/* libc stores the name before the thread runs: it finds its place at once. */
	int r = real(at ? at : out, attributes, fn, argument);
	if (r == 0 && at)
		*out = *at;
	return r;
}

/* --- sleeping --- */

static void sleep_for_ever(void)
{
	atomic_fetch_add(&own.asleep, 1);
	for (;;)
		pause();
}

/* A helper thread goes to sleep, and has been woken. */
static void falls_asleep(void)
{
	atomic_fetch_add(&own.asleep, 1);
}

static void wakes_up(void)
{
	atomic_fetch_sub(&own.asleep, 1);
	if (own.parked)
		sleep_for_ever();
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	static int (*real)(int, struct epoll_event *, int, int, const sigset_t *);
	bool helper = is_helper();
	if (!real)
		*(void **)&real = next("epoll_pwait");
	if (helper)
		falls_asleep();
	int n = real(fd, events, max, timeout, mask);
	if (helper)
		wakes_up();
	return n;
}

int sem_wait(sem_t *s)
{
	static int (*real)(sem_t *);
	bool helper = is_helper();
	if (!real)
		*(void **)&real = next("sem_wait");
	if (helper)
		falls_asleep();
	int r = real(s);
	if (helper)
		wakes_up();
	return r;
}

/* The place of this thread; NULL when it has none. */
static struct helper *find_self(void)
{
	for (int i = 0; i < own.count && i < THREADS_MAX; i++)
		if (pthread_equal(own.helper[i].thread, pthread_self()))
			return &own.helper[i];
	return NULL;
}

/* Awake from the moment of the signal, not only when the thread gets to run: it has a task. */
static void rouse(struct helper *h)
{
	if (atomic_exchange(&h->sleeps, false))
		atomic_fetch_sub(&own.asleep, 1);
}

/* Once parked it is left with a signal only: else it would be left with the lock for nothing. */
int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	static int (*real)(pthread_cond_t *, pthread_mutex_t *);
	struct helper *self = is_helper() ? find_self() : NULL;
	int r;
	if (!real)
		*(void **)&real = next("pthread_cond_wait");
	if (!self)
		return real(c, m);
	self->waits = c;
	self->lock = m;
	self->sleeps = true;
	falls_asleep();
	do
		r = real(c, m);
	while (own.parked && self->sleeps);
	rouse(self);
	self->waits = NULL;
	self->lock = NULL;
	return r;
}

bool threads_park(void)
{
	own.parked = true;
	for (int n = 0; own.count && own.count <= THREADS_MAX && n < PARK_TRIES; n++) {
		if (atomic_load(&own.asleep) != own.count) {
			usleep(PARK_PAUSE_US);
			continue;
		}
		/* One that waits has given its lock back when we get it. */
		for (int i = 0; i < own.count; i++)
			if (own.helper[i].lock && (pthread_mutex_lock(own.helper[i].lock) ||
						   pthread_mutex_unlock(own.helper[i].lock)))
				return false;
		return true;
	}
	return false;
}

/* --- a child --- */

void threads_forked(void)
{
	own.forked = true;
}

void threads_note_exit(int code)
{
	own.exit_code = code;
}

/* The worker again, with what it needs of its starter in a place that stays. Its condition variable is made
 * anew: the one who slept there in the zygote would be woken in its stead. */
static void revive(const struct helper *h)
{
	pthread_t thread;
	pthread_condattr_t monotonic; /* as libuv makes them */
	if (pthread_condattr_init(&monotonic) || pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
	    pthread_cond_init(h->waits, &monotonic))
		_exit(EXIT_BROKEN);
	struct worker_start *start = malloc(sizeof(*start)); /* the thread frees it when it ends */
	if (!start)
		_exit(EXIT_BROKEN);
	*start = h->start;
	start->mutex = &own.mutex;
	start->ready = &own.ready;
	start->pending = &own.pending;
	own.pending = 1;
	(void)pthread_create(&thread, NULL, h->fn, start); /* without: the run ends at its time limit */
}

/* The helper thread that sleeps there; NULL = none. */
static struct helper *find_sleeper(const pthread_cond_t *c)
{
	for (int i = 0; i < own.count && i < THREADS_MAX; i++)
		if (own.helper[i].waits == c)
			return &own.helper[i];
	return NULL;
}

/* A task was put where a worker of the zygote waited, with the lock held, which the new one asks for first. */
int pthread_cond_signal(pthread_cond_t *c)
{
	static int (*real)(pthread_cond_t *);
	struct helper *h = find_sleeper(c);
	if (!real)
		*(void **)&real = next("pthread_cond_signal");
	if (h && !own.forked) {
		rouse(h);
	} else if (h && h->worker && !own.revived) {
		own.revived = true;
		revive(h);
	}
	return real(c);
}

/* Node takes its platform apart, and would wait for threads that a child does not have: this is the end.
 * boot.js has noted the exit code; output is written by then. */
int pthread_cond_broadcast(pthread_cond_t *c)
{
	static int (*real)(pthread_cond_t *);
	struct helper *h = find_sleeper(c);
	if (!real)
		*(void **)&real = next("pthread_cond_broadcast");
	if (h && own.forked && h->worker)
		_exit(own.exit_code);
	if (h && !own.forked)
		rouse(h);
	return real(c);
}

/* V8 keeps its heap from children (MADV_DONTFORK): a child of ours is to have it. */
int madvise(void *at, size_t len, int advice)
{
	return advice == MADV_DONTFORK ? 0 : (int)syscall(SYS_madvise, at, len, advice);
}
