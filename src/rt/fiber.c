/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber: stacks, the switch, park and wake, and what a fiber carries (deadline, shield, log
 * context). Runs on the loop's thread only. Knows nothing of epoll.
 */
#include "rt/rt_int.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum {
	STACK_DEFAULT = 256 << 10,
	STACK_ASAN = 1 << 20,
	GUARD = 16 << 10,  /* more than a page: foreign code may not probe its frames */
	HOT_MAX = 32,	   /* free stacks kept with their pages */
	COLD_MAX = 1024,   /* free stacks kept at all, a page each */
	RED_ZONE = 128,	   /* below sp a leaf may keep data */
	FIBER_ROOM = (sizeof(struct fiber) + 63) / 64 * 64,
};

/* --- stacks --- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void *stack_map(struct loop *l)
{
	void *p = mmap(NULL, l->mapping, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* Neighbours merge into one mapping; a huge page there would hold eight whole stacks. */
	(void)madvise(p, l->mapping, MADV_NOHUGEPAGE);
	if (l->guard_by_madvise ? madvise(p, l->guard, MADV_GUARD_INSTALL) :
				  mprotect(p, l->guard, PROT_NONE)) {
		munmap(p, l->mapping);
		return NULL;
	}
	return p;
}

/*
 * A guard by madvise splits no mapping, so that 100,000 stacks fit under vm.max_map_count; but old
 * kernels refuse it and emulators only pretend. The proof: the kernel cannot read from it. (Where
 * it can, adding the 0 that it reads to the eventfd is harmless.)
 */
void stacks_setup(struct loop *l)
{
	size_t want = l->opt.stack_size ? l->opt.stack_size : STACK_DEFAULT;
	if (SANITIZE_ADDRESS)
		want = MAX(want, (size_t)STACK_ASAN);
	l->page = (size_t)sysconf(_SC_PAGESIZE);
	l->guard = round_up(GUARD, l->page);
	l->err_room = round_up(sizeof(struct err), l->page);
	l->mapping = l->guard + l->err_room + round_up(want + FIBER_ROOM, l->page);
	l->guard_by_madvise = true;
	void *p = stack_map(l);
	l->guard_by_madvise = p && write(l->mail_fd, p, 8) < 0 && errno == EFAULT;
	if (p)
		munmap(p, l->mapping);
}

static void stack_push(struct free_stacks *s, struct fiber *f)
{
	f->next = s->first;
	s->first = f;
	s->len++;
}

static struct fiber *stack_pop(struct free_stacks *s)
{
	struct fiber *f = s->first;
	if (f) {
		s->first = f->next;
		s->len--;
	}
	return f;
}

static struct fiber *stack_take(struct loop *l)
{
	struct fiber *f = stack_pop(l->hot.first ? &l->hot : &l->cold);
	if (f) {
		sanitize_stack_empty(f->stack, (char *)f);
		return f;
	}
	char *p = stack_map(l);
	if (!p)
		return NULL;
	f = (struct fiber *)(void *)(p + l->mapping - l->err_room - FIBER_ROOM);
	f->err = (struct err *)(void *)(p + l->mapping - l->err_room);
	f->stack = p + l->guard;
	l->stack_bytes += l->mapping;
	sanitize_stack_made(&f->sane, f->stack, (char *)f);
	return f;
}

static void drop_pages(struct loop *l, char *from, char *to)
{
	to = (char *)((uintptr_t)to & ~(uintptr_t)(l->page - 1));
	if (to > from)
		(void)madvise(from, (size_t)(to - from), MADV_DONTNEED);
}

static void stack_unmap(struct loop *l, struct fiber *f)
{
	sanitize_stack_freed(&f->sane);
	munmap(f->stack - l->guard, l->mapping);
	l->stack_bytes -= l->mapping;
}

static void stack_put_cold(struct loop *l, struct fiber *f)
{
	if (l->cold.len >= COLD_MAX) {
		stack_unmap(l, f);
		return;
	}
	sanitize_stack_empty(f->stack, (char *)f);
	drop_pages(l, f->stack, (char *)f - l->page);
	drop_pages(l, (char *)f->err, (char *)f->err + l->err_room);
	stack_push(&l->cold, f);
}

static void stack_put(struct loop *l, struct fiber *f)
{
	if (l->hot.len >= HOT_MAX)
		stack_put_cold(l, f);
	else
		stack_push(&l->hot, f);
}

/* Called when the loop has been quiet: the pages of the hot stacks go too. */
void fiber_trim_free(struct loop *l)
{
	for (struct fiber *f; (f = stack_pop(&l->hot));)
		stack_put_cold(l, f);
}

/* Gives back what lies below the live part of a waiting fiber, and a record without a failure. */
void fiber_trim(struct fiber *f)
{
	drop_pages(f->loop, f->stack, (char *)f->ctx.sp - RED_ZONE);
	drop_pages(f->loop, (char *)f->err, (char *)f->err + (f->err->code ? 0 : f->loop->err_room));
}

void fiber_free_all(struct loop *l)
{
	fiber_trim_free(l);
	for (struct fiber *f; (f = stack_pop(&l->cold));)
		stack_unmap(l, f);
}

/* --- run, park, wake --- */

static void leave(struct fiber *f)
{
	struct loop *l = f->loop;
	sanitize_switch_begin(f->state == FIBER_DEAD ? NULL : &f->sane, &l->sane, l->stack_bottom,
			      l->stack_size);
	context_switch(&f->ctx, &l->ctx);
	sanitize_switch_end(&f->sane, &l->stack_bottom, &l->stack_size);
}

static void fiber_start(void *p)
{
	struct fiber *f = p;
	sanitize_switch_end(&f->sane, &f->loop->stack_bottom, &f->loop->stack_size);
	group_member_ended(f, f->fn(f->arg));
	f->state = FIBER_DEAD;
	leave(f);
	ASSERT(f->state != FIBER_DEAD); /* nobody resumes the dead */
}

struct fiber *fiber_make(struct loop *l, const char *name, fiber_fn fn, void *arg)
{
	struct fiber *f = stack_take(l);
	if (!f)
		return NULL;
	memset((char *)f + offsetof(struct fiber, ctx), 0, sizeof *f - offsetof(struct fiber, ctx));
	f->loop = l;
	f->name = name;
	f->fn = fn;
	f->arg = arg;
	f->id = ++l->ids;
	f->until = DEADLINE_NONE;
	if (f->err->code) /* a record that was never written has no memory yet */
		memset(f->err, 0, sizeof *f->err);
	list_push(&l->all, &f->all);
	context_make(&f->ctx, f->stack, f, fiber_start, f);
	l->spawned++;
	l->fibers++;
	l->fibers_peak = MAX(l->fibers_peak, l->fibers);
	ready_push(l, f);
	return f;
}

void fiber_resume(struct loop *l, struct fiber *f)
{
	f->state = FIBER_RUNNING;
	l->running = f;
	uint64_t switches = atomic_load_explicit(&l->pulse.switches, memory_order_relaxed);
	atomic_store_explicit(&l->pulse.switches, switches + 1, memory_order_relaxed);
	err_use(f->err);
	log_use(&f->log);
	sanitize_switch_begin(&l->sane, &f->sane, f->stack, (size_t)((char *)f - f->stack));
	context_switch(&l->ctx, &f->ctx);
	sanitize_switch_end(&l->sane, &(const void *){ NULL }, &(size_t){ 0 });
	l->running = NULL;
	if (f->state == FIBER_DEAD) {
		err_use(NULL);
		log_use(NULL);
		list_remove(&f->all);
		l->fibers--;
		stack_put(l, f);
	}
}

enum wake fiber_park(struct fiber *f, const char *what, deadline until, bool masked)
{
	struct loop *l = f->loop;
	f->state = FIBER_WAITING;
	f->masked = masked;
	f->wait = what;
	f->parked_at = l->now;
	list_push(&l->parked, &f->parked);
	if (until != DEADLINE_NONE)
		heap_add(&l->timers, &f->timer, until);
	leave(f);
	return f->wake;
}

bool fiber_wake(struct fiber *f, enum wake why)
{
	if (f->state != FIBER_WAITING)
		return false;
	if (f->timer.place)
		heap_remove(&f->loop->timers, &f->timer);
	if (f->event)
		event_leave(f);
	list_remove(&f->parked);
	f->wake = (uint8_t)why;
	ready_push(f->loop, f);
	return true;
}

status wake_status(enum wake why)
{
	if (why == WAKE_TIMEOUT)
		return err_set(ERR_TIMEOUT, "timed out");
	if (why == WAKE_CANCEL)
		return err_set(ERR_CANCELLED, "cancelled");
	if (why == WAKE_CLOSED)
		return err_set(ERR_CLOSED, "closed while waiting");
	return 0;
}

struct fiber *fiber_self(void)
{
	ASSERT(rt_loop && rt_loop->running);
	return rt_loop->running;
}

bool fiber_look(struct fiber_look *out)
{
	const struct fiber *f = rt_loop ? rt_loop->running : NULL;
	if (f)
		*out = (struct fiber_look){ f->name, f->stack - f->loop->guard, f->stack,
					    (const char *)f };
	return f != NULL;
}

bool fiber_cancelled(void)
{
	struct fiber *f = rt_loop ? rt_loop->running : NULL;
	return f && f->group->cancelled && !f->shielded;
}

status wait_begin(struct fiber *f)
{
	return f->group->cancelled && !f->shielded ? wake_status(WAKE_CANCEL) : 0;
}

status fiber_yield(void)
{
	struct fiber *f = fiber_self();
	if (wait_begin(f) || (f->until <= f->loop->now && wake_status(WAKE_TIMEOUT)))
		return -1;
	ready_push(f->loop, f);
	leave(f);
	return 0;
}

static int64_t after_ms(int64_t ms)
{
	return rt_now() + MIN(MAX(ms, 0), INT64_MAX / 4000000) * 1000000;
}

status fiber_sleep_ms(int64_t ms)
{
	struct fiber *f = fiber_self();
	if (wait_begin(f))
		return -1;
	int64_t end = after_ms(ms);
	bool whole = end <= f->until;
	enum wake why = fiber_park(f, "sleep", MIN(end, f->until), false);
	return whole && why == WAKE_TIMEOUT ? 0 : wake_status(why);
}

/* --- what a fiber carries --- */

deadline deadline_current(void)
{
	return rt_loop && rt_loop->running ? rt_loop->running->until : DEADLINE_NONE;
}

deadline deadline_in_ms(int64_t ms)
{
	int64_t at = after_ms(ms);
	return MIN(at, deadline_current());
}

deadline deadline_push(deadline until)
{
	struct fiber *f = fiber_self();
	deadline saved = f->until;
	f->until = MIN(saved, until);
	return saved;
}

void deadline_pop(deadline saved)
{
	fiber_self()->until = saved;
}

struct shield shield_begin(int64_t ms)
{
	struct fiber *f = fiber_self();
	struct shield s = { f->until, f->shielded };
	int64_t end = after_ms(ms);
	f->until = f->shielded ? MIN(end, f->until) : end;
	f->shielded = true;
	return s;
}

void shield_end(struct shield s)
{
	struct fiber *f = fiber_self();
	f->until = s.saved;
	f->shielded = s.was;
}

struct log_context *fiber_log_context(void)
{
	return rt_loop && rt_loop->running ? &rt_loop->running->log : NULL;
}

void *fiber_local(void)
{
	return rt_loop && rt_loop->running ? rt_loop->running->local : NULL;
}

void fiber_set_local(void *p)
{
	fiber_self()->local = p;
}
