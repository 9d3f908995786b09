/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: one turn after the other: ready fibers, then epoll (file descriptors and the mailbox of
 * other threads), then timers. Everything here runs on the loop's thread, but for loop_post.
 */
#include "base/clock.h"
#include "rt/rt_int.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	TURN_MAX = 128, /* fibers resumed before the kernel is asked again */
	EVENTS_MAX = 128,
	TRIM_TURN = 64,
	FIBERS_MAX = 100000,
	POOL_THREADS = 4,
	STALL_MS = 50,
};
#define MAIL_TOKEN UINT64_MAX
static const int64_t TRIM_AFTER = 1000000000; /* ns of waiting */

_Thread_local struct loop *rt_loop;
_Thread_local struct loop *rt_clock;

/* --- time --- */

int64_t rt_now(void)
{
	struct loop *l = rt_clock;
	if (l && l->opt.virtual_clock)
		return atomic_load_explicit(&l->virtual_now, memory_order_relaxed);
	return clock_real_ns();
}

static int64_t wall_virtual(void)
{
	struct loop *l = rt_clock;
	return l ? l->wall_start + (rt_now() - l->virtual_start) / 1000000 : clock_real_ms();
}

static void virtual_advance(struct loop *l, int64_t to)
{
	if (to > l->virtual_now)
		atomic_store_explicit(&l->virtual_now, to, memory_order_relaxed);
}

/* --- ready fibers --- */

void ready_push(struct loop *l, struct fiber *f)
{
	if (l->ready_len == l->ready_cap) {
		size_t cap = l->ready_cap ? l->ready_cap * 2 : 256;
		struct fiber **ring = mem_zero(size_mul(cap, sizeof *ring));
		for (size_t i = 0; i < l->ready_len; i++)
			ring[i] = l->ready[(l->ready_at + i) & (l->ready_cap - 1)];
		free(l->ready);
		l->ready = ring;
		l->ready_cap = cap;
		l->ready_at = 0;
	}
	f->state = FIBER_READY;
	l->ready[(l->ready_at + l->ready_len++) & (l->ready_cap - 1)] = f;
}

static uint64_t random_next(struct loop *l)
{
	uint64_t x = l->random; /* xorshift64* */
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	l->random = x;
	return x * UINT64_C(2685821657736338717);
}

static struct fiber *ready_pop(struct loop *l)
{
	size_t mask = l->ready_cap - 1;
	if (l->random && l->ready_len > 1) {
		size_t other = (l->ready_at + (random_next(l) >> 11) % l->ready_len) & mask;
		struct fiber *f = l->ready[other];
		l->ready[other] = l->ready[l->ready_at];
		l->ready[l->ready_at] = f;
	}
	struct fiber *f = l->ready[l->ready_at];
	l->ready_at = (l->ready_at + 1) & mask;
	l->ready_len--;
	return f;
}

/* --- file descriptors --- */

static struct fd_slot *fd_slot(struct loop *l, int fd)
{
	if ((size_t)fd >= l->fds_cap) {
		size_t cap = MAX(l->fds_cap * 2, (size_t)64);
		while (cap <= (size_t)fd)
			cap *= 2;
		l->fds = mem_grow(l->fds, size_mul(cap, sizeof *l->fds));
		memset(l->fds + l->fds_cap, 0, (cap - l->fds_cap) * sizeof *l->fds);
		l->fds_cap = cap;
	}
	return &l->fds[fd];
}

static int fd_register(struct loop *l, int fd, const struct fd_slot *s, uint8_t mask)
{
	struct epoll_event e = {
		.events = EPOLLET | (mask & WAIT_READ ? EPOLLIN | EPOLLRDHUP : 0u) |
			  (mask & WAIT_WRITE ? EPOLLOUT : 0u),
		.data.u64 = (uint64_t)s->life << 32 | (uint32_t)fd,
	};
	int op = s->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (!epoll_ctl(l->epoll, op, fd, &e))
		return 0;
	/* The number was closed and reused without fd_forget, or a copy of it lives on. */
	if (errno == ENOENT || errno == EEXIST)
		return epoll_ctl(l->epoll, errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
	return -1;
}

/*
 * Registration is edge-triggered: an edge seen while nobody waits is kept in `ready`. Setting the
 * mask anew makes epoll tell the present state once more. That gives both kinds of wait:
 *   with WAIT_EDGE   the caller saw EAGAIN, so a kept edge or a coming one is all there is to know
 *   without          forget kept edges, ask for the present state
 * Returns 1 when there is nothing to wait for.
 */
static int fd_arm(struct loop *l, int fd, int what)
{
	struct fd_slot *s = &l->fds[fd];
	uint8_t dirs = what & (WAIT_READ | WAIT_WRITE), mask;
	if (what & WAIT_EDGE) {
		if ((s->armed & dirs) == dirs) {
			bool seen = s->ready & dirs;
			s->ready &= (uint8_t)~dirs;
			return seen;
		}
		mask = s->armed | dirs;
	} else {
		mask = dirs | (s->reader ? WAIT_READ : 0) | (s->writer ? WAIT_WRITE : 0);
	}
	if (fd_register(l, fd, s, mask)) {
		if (errno == EPERM || errno == EBADF)
			return 1; /* a plain file is always ready; for the other the I/O call fails */
		return err_errno("wait for descriptor");
	}
	s->armed = mask;
	s->ready = 0;
	return 0;
}

status fd_wait(int fd, int what, deadline until)
{
	struct fiber *f = fiber_self();
	struct loop *l = f->loop;
	ASSERT(fd >= 0);
	if (wait_begin(f))
		return -1;
	struct fd_slot *s = fd_slot(l, fd);
	ASSERT(!(what & WAIT_READ && s->reader) && !(what & WAIT_WRITE && s->writer));
	int done = fd_arm(l, fd, what);
	if (done)
		return done < 0 ? -1 : 0;
	if (what & WAIT_READ)
		s->reader = f;
	if (what & WAIT_WRITE)
		s->writer = f;
	f->wait_fd = fd;
	enum wake why = fiber_park(f, "fd", MIN(until, f->until), false);
	s = &l->fds[fd]; /* the table may have moved */
	if (s->reader == f)
		s->reader = NULL;
	if (s->writer == f)
		s->writer = NULL;
	if (why == WAKE_READY)
		s->ready &= (uint8_t)~what;
	return wake_status(why);
}

void fd_forget(int fd)
{
	struct loop *l = rt_loop;
	if (!l || fd < 0 || (size_t)fd >= l->fds_cap)
		return;
	struct fd_slot *s = &l->fds[fd];
	if (s->armed)
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
	s->armed = s->ready = 0;
	s->life++;
	if (s->reader)
		fiber_wake(s->reader, WAKE_CLOSED);
	if (s->writer)
		fiber_wake(s->writer, WAKE_CLOSED);
	s->reader = s->writer = NULL;
}

static void fd_event(struct loop *l, const struct epoll_event *e)
{
	uint32_t fd = (uint32_t)e->data.u64;
	if (fd >= l->fds_cap || l->fds[fd].life != (uint32_t)(e->data.u64 >> 32))
		return; /* forgotten in this very turn */
	struct fd_slot *s = &l->fds[fd];
	if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		s->ready |= WAIT_READ;
		if (s->reader)
			fiber_wake(s->reader, WAKE_READY);
	}
	if (e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
		s->ready |= WAIT_WRITE;
		if (s->writer)
			fiber_wake(s->writer, WAKE_READY);
	}
}

/* --- the mailbox --- */

void loop_post_node(struct loop *l, struct post *p)
{
	p->next = NULL;
	pthread_mutex_lock(&l->mail_lock);
	bool first = !l->mail;
	*l->mail_end = p;
	l->mail_end = &p->next;
	/* Under the lock: once it is given back, the loop may take the last letter and close. */
	if (first && write(l->mail_fd, &(uint64_t){ 1 }, 8) < 0)
		ASSERT(errno == EAGAIN);
	pthread_mutex_unlock(&l->mail_lock);
}

void loop_post(struct loop *l, void (*fn)(void *), void *arg)
{
	struct post *p = mem_zero(sizeof *p);
	*p = (struct post){ .fn = fn, .arg = arg, .heap = true };
	loop_post_node(l, p);
}

struct loop *loop_current(void)
{
	return rt_loop;
}

static void mail_read(struct loop *l)
{
	uint64_t n;
	if (read(l->mail_fd, &n, 8) < 0)
		ASSERT(errno == EAGAIN);
	pthread_mutex_lock(&l->mail_lock);
	struct post *p = l->mail;
	l->mail = NULL;
	l->mail_end = &l->mail;
	pthread_mutex_unlock(&l->mail_lock);
	err_use(NULL);
	log_use(NULL);
	while (p) {
		struct post one = *p, *done = p;
		p = p->next;
		if (one.heap)
			free(done);
		one.fn(one.arg);
	}
}

/* --- turning --- */

/* Gives back the stacks below fibers that have waited for long; returns when the next is due. */
static int64_t trim_parked(struct loop *l)
{
	for (int i = 0; i < TRIM_TURN && !list_empty(&l->parked); i++) {
		struct fiber *f = container_of(l->parked.next, struct fiber, parked);
		if (f->parked_at + TRIM_AFTER > l->now)
			return f->parked_at + TRIM_AFTER;
		fiber_trim(f);
		list_remove(&f->parked);
		fiber_trim_free(l);
	}
	return list_empty(&l->parked) ? INT64_MAX : l->now;
}

/* Real nanoseconds that epoll may wait, -1 for ever. */
static int64_t turn_wait(struct loop *l)
{
	if (l->ready_len)
		return 0;
	int64_t next = heap_due(&l->timers);
	if (l->opt.virtual_clock) {
		if (l->outside_jobs || next == INT64_MAX)
			return -1;
		return l->outside_procs ? MAX(next - l->now, 0) : 0;
	}
	l->now = clock_real_ns(); /* fibers may have run for long since this turn began */
	next = MIN(next, trim_parked(l));
	return next == INT64_MAX ? -1 : MAX(next - l->now, 0);
}

/*
 * A virtual clock stands still while fibers run and while pool jobs do (they end by themselves),
 * follows the real one while a child process runs, and else jumps to the next timer.
 */
static void clock_turn(struct loop *l, int events, int64_t slept)
{
	if (!l->opt.virtual_clock) {
		l->now = clock_real_ns();
		return;
	}
	if (l->outside_procs && !l->outside_jobs)
		virtual_advance(l, l->virtual_now + slept);
	else if (events == 0 && !l->ready_len && l->timers.len)
		virtual_advance(l, heap_due(&l->timers));
	l->now = l->virtual_now;
}

static void loop_poll(struct loop *l)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t wait = turn_wait(l);
	int ms = wait < 0 ? -1 : (int)MIN((wait + 999999) / 1000000, 3600 * 1000);
	int64_t began = l->outside_procs ? clock_real_ns() : 0;
	if (ms)
		atomic_store_explicit(&l->pulse.idle, true, memory_order_release);
	int n = epoll_wait(l->epoll, events, EVENTS_MAX, ms);
	if (ms) {
		atomic_store_explicit(&l->pulse.idle, false, memory_order_seq_cst);
		if (l->watch)
			l->opt.watcher->busy(l->watch);
	}
	ASSERT(n >= 0 || errno == EINTR);
	clock_turn(l, n, began ? clock_real_ns() - began : 0);
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 == MAIL_TOKEN)
			mail_read(l);
		else
			fd_event(l, &events[i]);
	while (heap_due(&l->timers) <= l->now)
		fiber_wake(container_of(l->timers.row[0].node, struct fiber, timer), WAKE_TIMEOUT);
}

static void loop_turn(struct loop *l)
{
	for (int i = 0; i < TURN_MAX && l->ready_len; i++)
		fiber_resume(l, ready_pop(l));
	if (l->fibers)
		loop_poll(l);
}

/* --- opening and closing --- */

static struct loop *loop_open(const struct rt_options *opt)
{
	struct loop *l = mem_zero(sizeof *l);
	if (opt)
		l->opt = *opt;
	l->opt.fibers_max = l->opt.fibers_max ? l->opt.fibers_max : FIBERS_MAX;
	l->opt.pool_threads = l->opt.pool_threads ? l->opt.pool_threads : POOL_THREADS;
	l->opt.stall_ms = l->opt.stall_ms ? l->opt.stall_ms : STALL_MS;
	l->random = l->opt.seed;
	list_init(&l->all);
	list_init(&l->parked);
	l->mail_end = &l->mail;
	pthread_mutex_init(&l->mail_lock, NULL);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = MAIL_TOKEN };
	if (l->epoll < 0 || l->mail_fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->mail_fd, &e)) {
		err_errno("open event loop");
		close(l->epoll);
		close(l->mail_fd);
		free(l);
		return NULL;
	}
	l->now = l->virtual_start = clock_real_ns();
	atomic_init(&l->virtual_now, l->now);
	l->wall_start = clock_real_ms();
	rt_loop = rt_clock = l;
	if (l->opt.virtual_clock)
		clock_override(wall_virtual);
	stacks_setup(l);
	sanitize_stack_current(&l->sane);
	if (l->opt.watcher)
		l->watch = l->opt.watcher->open(&l->pulse, l->opt.stall_ms);
	l->pool = pool_open(l, l->opt.pool_threads);
	l->root = group_make(l, NULL, DEADLINE_NONE);
	l->root->keep_going = true;
	return l;
}

static void loop_close(struct loop *l)
{
	pool_close(l->pool); /* waits for jobs that nobody waits for any more */
	mail_read(l);
	free(l->pool);
	if (l->watch)
		l->opt.watcher->close(l->watch);
	group_free(l->root);
	fiber_free_all(l);
	if (l->opt.virtual_clock)
		clock_override(NULL);
	close(l->epoll);
	close(l->mail_fd);
	pthread_mutex_destroy(&l->mail_lock);
	free(l->ready);
	heap_done(&l->timers);
	free(l->fds);
	rt_loop = rt_clock = NULL;
	free(l);
}

static status main_fiber(void *arg)
{
	struct loop *l = arg;
	status result = l->main_fn(l->main_arg);
	group_cancel(l->root);
	return result;
}

status rt_run(const struct rt_options *opt, fiber_fn main_fn, void *arg)
{
	ASSERT(!rt_loop);
	struct loop *l = loop_open(opt);
	if (!l)
		return -1;
	l->main_fn = main_fn;
	l->main_arg = arg;
	/* Apart from root, so that main may wait for the background fibers; below it, so that
	 * cancelling root ends main too. */
	struct group *g = group_make(l, l->root, DEADLINE_NONE);
	status result = spawn_into(g, NULL, "main", main_fiber, l);
	while (l->fibers)
		loop_turn(l);
	err_use(NULL);
	log_use(NULL);
	if (!result)
		result = group_result(g);
	group_free(g);
	loop_close(l);
	return result;
}

void *rt_watching(void)
{
	return rt_clock ? rt_clock->watch : NULL;
}

void loop_outside(int change)
{
	rt_loop->outside_procs += (size_t)change;
}

void rt_stats_get(struct rt_stats *out)
{
	struct loop *l = rt_loop;
	*out = (struct rt_stats){ 0 };
	if (l)
		*out = (struct rt_stats){ l->pulse.switches, l->spawned, l->pulse.stalls, l->fibers,
					  l->fibers_peak, l->timers.len, pool_queued(l->pool),
					  l->stack_bytes };
}
