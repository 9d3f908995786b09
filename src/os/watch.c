/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch: a thread that sees a loop stalled, and the signal handlers that name the fiber. The
 * thread looks every half of stall_ms whether the loop has switched fibers; while the loop waits
 * in epoll it sleeps as well. A stall is shown by SIGURG to the loop's thread: its handler walks
 * the frame pointers, and this thread logs what it found.
 */
#include "base/clock.h"
#include "base/log.h"
#include "os/os.h"
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { FRAMES_MAX = 32, ALT_STACK = 64 << 10, ANSWER_MS = 100, NAME_MAX_ = 64 };

struct watch {
	struct rt_pulse *pulse;
	bool running; /* the thread */
	pthread_t thread, target;
	sem_t tick;	/* posted to wake the thread from its sleep */
	sem_t answered; /* posted by the signal handler */
	_Atomic bool parked, closing;
	int64_t period; /* ns */
	struct sigaction old_look, old_segv, old_bus;
	stack_t old_alt;
	void *alt_stack;
	/* filled by the handler */
	char fiber[NAME_MAX_];
	void *frame[FRAMES_MAX];
	_Atomic int frames; /* written last, read first: what lies before is then there */
};

/* --- the handlers: only async-signal-safe calls --- */

static void text_put(char *out, size_t cap, const char *in)
{
	size_t i = 0;
	for (; in && in[i] && i + 1 < cap; i++)
		out[i] = in[i];
	out[i] = 0;
}

static void context_registers(const ucontext_t *u, uintptr_t *pc, uintptr_t *fp)
{
#if defined(__x86_64__)
	*pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	*fp = (uintptr_t)u->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
	*pc = (uintptr_t)u->uc_mcontext.pc;
	*fp = (uintptr_t)u->uc_mcontext.regs[29];
#else
	*pc = *fp = 0;
	(void)u;
#endif
}

/* Only addresses inside the fiber's own stack are read, so a foreign frame ends the walk. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static int
frames_walk(const struct fiber_look *f, const ucontext_t *u, void **out)
{
	uintptr_t pc, fp;
	context_registers(u, &pc, &fp);
	int n = 0;
	out[n++] = (void *)pc;
	uintptr_t low = (uintptr_t)f->low, high = (uintptr_t)f->high - 2 * sizeof(uintptr_t);
	while (n < FRAMES_MAX && fp >= low && fp <= high && fp % sizeof(uintptr_t) == 0) {
		const uintptr_t *frame = (const uintptr_t *)fp;
		if (!frame[1])
			break;
		out[n++] = (void *)frame[1];
		if (frame[0] <= fp)
			break;
		fp = frame[0];
	}
	return n;
}

static void on_look(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	int saved = errno;
	struct watch *w = rt_watching();
	if (w) {
		struct fiber_look f;
		bool any = fiber_look(&f);
		text_put(w->fiber, sizeof w->fiber, any ? f.name : "(the loop)");
		int n = any ? frames_walk(&f, context, w->frame) : 0;
		atomic_store(&w->frames, n);
		sem_post(&w->answered);
	}
	errno = saved;
}

static void say(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));
	(void)n;
}

/* Names the fiber, then lets the former handler (a sanitizer's, or the core dump) do its work. */
static void on_crash(int sig, siginfo_t *info, void *context)
{
	(void)context;
	struct fiber_look f;
	if (fiber_look(&f)) {
		const char *at = info->si_addr;
		say(at >= f.guard && at < f.low ? "stack overflow in fiber '" : "crash in fiber '");
		say(f.name);
		say("'\n");
	}
	struct watch *w = rt_watching(); /* pool threads crash as well */
	if (w)
		sigaction(sig, sig == SIGSEGV ? &w->old_segv : &w->old_bus, NULL);
	else
		signal(sig, SIG_DFL);
	if (info->si_code <= 0) /* sent by kill: it will not come again by itself */
		raise(sig);
}

static void crash_setup(struct watch *w)
{
	w->alt_stack = mem_zero(ALT_STACK);
	stack_t alt = { .ss_sp = w->alt_stack, .ss_size = ALT_STACK };
	sigaltstack(&alt, &w->old_alt);
	struct sigaction a = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigemptyset(&a.sa_mask);
	sigaction(SIGSEGV, &a, &w->old_segv);
	sigaction(SIGBUS, &a, &w->old_bus);
}

static void crash_restore(struct watch *w)
{
	sigaction(SIGSEGV, &w->old_segv, NULL);
	sigaction(SIGBUS, &w->old_bus, NULL);
	sigaltstack(&w->old_alt, NULL);
	free(w->alt_stack);
}

/* --- the thread --- */

/* False when closing or the time is over. */
static bool sem_until(sem_t *s, int64_t ns)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += t.tv_nsec;
	t.tv_sec += ns / 1000000000;
	t.tv_nsec = ns % 1000000000;
	int rc;
	while ((rc = sem_clockwait(s, CLOCK_MONOTONIC, &t)) && errno == EINTR)
		;
	return rc == 0;
}

static void report(struct watch *w, int64_t ns)
{
	while (!sem_trywait(&w->answered)) /* too late for an earlier question */
		;
	bool answered = !pthread_kill(w->target, SIGURG) &&
			sem_until(&w->answered, ANSWER_MS * INT64_C(1000000));
	atomic_fetch_add(&w->pulse->stalls, 1);
	if (!answered) {
		log_warn("loop stalled for more than %d ms; it does not answer",
			 (int)(ns / 1000000));
		return;
	}
	int frames = atomic_load(&w->frames);
	char **names = backtrace_symbols(w->frame, frames);
	char text[2048];
	size_t len = 0;
	text[0] = 0;
	for (int i = 0; names && i < frames && len < sizeof text; i++) {
		const char *slash = strrchr(names[i], '/');
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " < " : "",
					slash ? slash + 1 : names[i]);
	}
	free(names);
	log_warn("loop stalled for more than %d ms in fiber '%s': %s", (int)(ns / 1000000),
		 w->fiber, text);
}

/* Sleeps for as long as the loop does. */
static void park(struct watch *w)
{
	atomic_store(&w->parked, true);
	if (atomic_load(&w->pulse->idle) && !w->closing)
		while (sem_wait(&w->tick) && errno == EINTR)
			;
	atomic_store(&w->parked, false);
}

static void *watch_thread(void *arg)
{
	struct watch *w = arg;
	struct rt_pulse *l = w->pulse;
	uint64_t seen = l->switches;
	int64_t since = clock_real_ns();
	bool told = false;
	while (!w->closing) {
		sem_until(&w->tick, w->period / 2);
		int64_t now = clock_real_ns();
		if (l->idle)
			park(w);
		else if (l->switches == seen && now - since > w->period && !told) {
			report(w, now - since);
			told = true;
			continue;
		} else if (l->switches == seen) {
			continue;
		}
		seen = l->switches;
		since = clock_real_ns();
		told = false;
	}
	return NULL;
}

static void watch_busy(void *arg)
{
	struct watch *w = arg;
	if (atomic_load(&w->parked) && atomic_exchange(&w->parked, false))
		sem_post(&w->tick);
}

static void thread_start(struct watch *w)
{
	struct sigaction a = { .sa_sigaction = on_look,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	sigemptyset(&a.sa_mask);
	sigaction(SIGURG, &a, &w->old_look);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* Failing is no reason to stop: no watchdog is better than no service. */
	w->running = !pthread_create(&w->thread, NULL, watch_thread, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!w->running)
		sigaction(SIGURG, &w->old_look, NULL);
}

static void *watch_open(struct rt_pulse *pulse, int stall_ms)
{
	struct watch *w = mem_zero(sizeof *w);
	w->pulse = pulse;
	w->period = stall_ms * INT64_C(1000000);
	w->target = pthread_self();
	sem_init(&w->tick, 0, 0);
	sem_init(&w->answered, 0, 0);
	crash_setup(w);
	if (stall_ms > 0)
		thread_start(w);
	return w;
}

static void watch_close(void *arg)
{
	struct watch *w = arg;
	if (w->running) {
		w->closing = true;
		sem_post(&w->tick);
		pthread_join(w->thread, NULL);
		sigaction(SIGURG, &w->old_look, NULL);
	}
	crash_restore(w);
	sem_destroy(&w->tick);
	sem_destroy(&w->answered);
	free(w);
}

const struct rt_watcher os_watcher = { watch_open, watch_busy, watch_close };
