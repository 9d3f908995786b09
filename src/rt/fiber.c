/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber: stacks, the switch with all its annotations, park and wake, and what a fiber carries
 * (deadline, shield, log context). Runs on the loop's thread only. Knows nothing of epoll.
 */
#include "rt/rt_int.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define RT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RT_TSAN 1
#endif
#endif
#ifdef RT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef RT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum {
	STACK_DEFAULT = 256 << 10,
	STACK_ASAN = 1 << 20,
	GUARD = 16 << 10,  /* more than a page: foreign code may not probe its frames */
	HOT_MAX = 32,	   /* free stacks kept with their pages */
	COLD_MAX = 4096,   /* free stacks kept at all */
	RED_ZONE = 128,	   /* below sp a leaf may keep data */
};

/* --- annotations: every word a tool must hear about stacks is in this part --- */

static void note_made(struct fiber *f)
{
#ifdef RT_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
#ifdef VALGRIND_STACK_REGISTER
	f->valgrind = (unsigned)VALGRIND_STACK_REGISTER(f->stack, f);
#endif
	(void)f;
}

static void note_reused(struct fiber *f)
{
#ifdef RT_ASAN
	__asan_unpoison_memory_region(f->stack, (size_t)((char *)f - f->stack));
#endif
	(void)f;
}

static void note_freed(struct fiber *f)
{
#ifdef RT_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
#ifdef VALGRIND_STACK_REGISTER
	VALGRIND_STACK_DEREGISTER(f->valgrind);
#endif
	(void)f;
}

static void note_leave_loop(struct loop *l, struct fiber *to)
{
#ifdef RT_ASAN
	__sanitizer_start_switch_fiber(&l->asan, to->stack, (size_t)((char *)to - to->stack));
#endif
#ifdef RT_TSAN
	if (!l->tsan)
		l->tsan = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	(void)l, (void)to;
}

static void note_back_in_loop(struct loop *l)
{
#ifdef RT_ASAN
	__sanitizer_finish_switch_fiber(l->asan, NULL, NULL);
#endif
	(void)l;
}

static void note_leave_fiber(struct fiber *f)
{
#ifdef RT_ASAN
	__sanitizer_start_switch_fiber(f->state == FIBER_DEAD ? NULL : &f->asan,
				       f->loop->stack_bottom, f->loop->stack_size);
#endif
#ifdef RT_TSAN
	__tsan_switch_to_fiber(f->loop->tsan, 0);
#endif
	(void)f;
}

static void note_in_fiber(struct fiber *f)
{
#ifdef RT_ASAN
	__sanitizer_finish_switch_fiber(f->asan, &f->loop->stack_bottom, &f->loop->stack_size);
#endif
	(void)f;
}

/* --- stacks --- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static size_t fiber_room(void)
{
	return round_up(sizeof(struct fiber), 64);
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
	size_t want = l->opt.stack_size;
#ifdef RT_ASAN
	want = want ? MAX(want, (size_t)STACK_ASAN) : STACK_ASAN;
#endif
	l->page = (size_t)sysconf(_SC_PAGESIZE);
	l->guard = round_up(GUARD, l->page);
	l->mapping = l->guard + round_up((want ? want : STACK_DEFAULT) + fiber_room(), l->page);
	l->guard_by_madvise = true;
	void *p = stack_map(l);
	l->guard_by_madvise = p && write(l->mail_fd, p, 8) < 0 && errno == EFAULT;
	if (p)
		munmap(p, l->mapping);
}

bool fiber_in_guard(const struct fiber *f, const void *at)
{
	return (const char *)at < f->stack && (const char *)at >= f->stack - f->loop->guard;
}

static struct fiber *stack_take(struct loop *l)
{
	struct fiber **from = l->free_hot ? &l->free_hot : &l->free_cold;
	struct fiber *f = *from;
	if (f) {
		*from = f->next;
		*(from == &l->free_hot ? &l->free_hot_len : &l->free_cold_len) -= 1;
		note_reused(f);
		return f;
	}
	char *p = stack_map(l);
	if (!p)
		return NULL;
	f = (struct fiber *)(void *)(p + l->mapping - fiber_room());
	f->stack = p + l->guard;
	l->stack_bytes += l->mapping;
	note_made(f);
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
	note_freed(f);
	munmap(f->stack - l->guard, l->mapping);
	l->stack_bytes -= l->mapping;
}

static void stack_put_cold(struct loop *l, struct fiber *f)
{
	if (l->free_cold_len >= COLD_MAX) {
		stack_unmap(l, f);
		return;
	}
	note_reused(f);
	drop_pages(l, f->stack, (char *)f - l->page);
	f->next = l->free_cold;
	l->free_cold = f;
	l->free_cold_len++;
}

static void stack_put(struct loop *l, struct fiber *f)
{
	if (l->free_hot_len >= HOT_MAX) {
		stack_put_cold(l, f);
		return;
	}
	f->next = l->free_hot;
	l->free_hot = f;
	l->free_hot_len++;
}

/* Called when the loop has been quiet: the pages of the hot stacks go too. */
void fiber_trim_free(struct loop *l)
{
	for (struct fiber *f; (f = l->free_hot);) {
		l->free_hot = f->next;
		l->free_hot_len--;
		stack_put_cold(l, f);
	}
}

/* Gives back what lies below the live part of a waiting fiber. */
void fiber_trim(struct fiber *f)
{
	drop_pages(f->loop, f->stack, (char *)f->ctx.sp - RED_ZONE);
	f->trimmed = true;
}

void fiber_free_all(struct loop *l)
{
	fiber_trim_free(l);
	for (struct fiber *f; (f = l->free_cold);) {
		l->free_cold = f->next;
		stack_unmap(l, f);
	}
	l->free_cold_len = 0;
}

/* --- run, park, wake --- */

static void leave(struct fiber *f)
{
	note_leave_fiber(f);
	context_switch(&f->ctx, &f->loop->ctx);
	note_in_fiber(f);
}

static void fiber_start(void *p)
{
	struct fiber *f = p;
	note_in_fiber(f);
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
	char *stack = f->stack;
	void *tsan = f->tsan;
	unsigned valgrind = f->valgrind;
	memset((char *)f + offsetof(struct fiber, ctx), 0, sizeof *f - offsetof(struct fiber, ctx));
	f->stack = stack;
	f->tsan = tsan;
	f->valgrind = valgrind;
	f->loop = l;
	f->name = name;
	f->fn = fn;
	f->arg = arg;
	f->id = ++l->ids;
	f->until = DEADLINE_NONE;
	/* err_clear writes the thread's or spawner's record; this one belongs to a fiber to come. */
	memset(&f->err, 0, offsetof(struct err, text));
	f->err.text[0] = f->err.detail[0] = 0;
	f->err.frames = 0;
	list_init(&f->member);
	list_init(&f->parked);
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
	atomic_store_explicit(&l->switches,
			      atomic_load_explicit(&l->switches, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	err_use(&f->err);
	log_use(&f->log);
	note_leave_loop(l, f);
	context_switch(&l->ctx, &f->ctx);
	note_back_in_loop(l);
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
	f->trimmed = false;
	f->parked_at = l->now;
	list_push(&l->parked, &f->parked);
	if (until != DEADLINE_NONE)
		timer_add(l, f, until);
	leave(f);
	f->wait = NULL;
	return f->wake;
}

bool fiber_wake(struct fiber *f, enum wake why)
{
	if (f->state != FIBER_WAITING)
		return false;
	if (f->timer)
		timer_remove(f->loop, f);
	if (f->event)
		event_leave(f);
	list_remove(&f->parked);
	f->wake = (uint8_t)why;
	ready_push(f->loop, f);
	return true;
}

status wake_status(enum wake why)
{
	switch (why) {
	case WAKE_READY:
		return 0;
	case WAKE_TIMEOUT:
		return err_set(ERR_TIMEOUT, "timed out");
	case WAKE_CANCEL:
		return err_set(ERR_CANCELLED, "cancelled");
	case WAKE_CLOSED:
		return err_set(ERR_CLOSED, "closed while waiting");
	}
	return 0;
}

struct fiber *fiber_self(void)
{
	ASSERT(rt_loop && rt_loop->running);
	return rt_loop->running;
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
	if (wait_begin(f))
		return -1;
	if (f->until <= f->loop->now)
		return wake_status(WAKE_TIMEOUT);
	ready_push(f->loop, f);
	leave(f);
	return 0;
}

status fiber_sleep_ms(int64_t ms)
{
	struct fiber *f = fiber_self();
	if (wait_begin(f))
		return -1;
	int64_t end = rt_now() + MIN(MAX(ms, 0), INT64_MAX / 4000000) * 1000000;
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
	int64_t at = rt_now() + MIN(MAX(ms, 0), INT64_MAX / 4000000) * 1000000;
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
	int64_t end = rt_now() + MIN(MAX(ms, 0), INT64_MAX / 4000000) * 1000000;
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
