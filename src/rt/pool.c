/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: blocking work on threads, started when first needed. A task has two owners, the fiber that
 * waits and the thread that runs it. The thread's last word about a task is a letter to the loop,
 * so that the loop alone decides who was the later one. Threads never call rt.
 */
#include "rt/rt_int.h"
#include <signal.h>
#include <stdlib.h>

enum { POOL_THREADS_MAX = 64 };

struct task {
	struct list queue;
	struct post post;
	struct pool *pool;
	status (*fn)(void *);
	void *job;
	void (*free_job)(void *);
	bool begun; /* by a thread; under the pool's lock */
	bool abandoned, finished; /* loop only */
	struct event done;
	status result;
	struct err *err; /* when result is not 0 */
};

struct pool {
	struct loop *loop;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list queue;
	size_t queued, idle;
	int threads, threads_max;
	bool closing;
	pthread_t thread[POOL_THREADS_MAX];
};

struct pool *pool_open(struct loop *l, int threads)
{
	struct pool *p = mem_zero(sizeof *p);
	p->loop = l;
	p->threads_max = MIN(threads, POOL_THREADS_MAX);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	list_init(&p->queue);
	return p;
}

static void task_free(struct task *t, bool job_too)
{
	if (job_too && t->free_job)
		t->free_job(t->job);
	free(t->err);
	free(t);
}

/* On the loop: the thread is done with the task. */
static void task_landed(void *arg)
{
	struct task *t = arg;
	t->pool->loop->outside_jobs--;
	if (t->abandoned) {
		task_free(t, true);
		return;
	}
	t->finished = true;
	event_wake_all(&t->done);
}

static void task_work(struct task *t)
{
	err_clear();
	t->result = t->fn(t->job);
	if (t->result) {
		if (err_code() == ERR_NONE)
			err_set(ERR_INTERNAL, "a job failed and did not say why");
		t->err = mem_zero(sizeof *t->err);
		err_save(t->err);
	}
}

static void *pool_thread(void *arg)
{
	struct pool *p = arg;
	rt_clock = p->loop;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct list *first = list_pop(&p->queue);
		if (!first) {
			if (p->closing)
				break;
			p->idle++;
			pthread_cond_wait(&p->work, &p->lock);
			p->idle--;
			continue;
		}
		struct task *t = container_of(first, struct task, queue);
		p->queued--;
		t->begun = true;
		pthread_mutex_unlock(&p->lock);
		task_work(t);
		loop_post_node(p->loop, &t->post);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Under the lock. Threads take no signals: those belong to the loop's thread. */
static bool pool_grow(struct pool *p)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool ok = !pthread_create(&p->thread[p->threads], NULL, pool_thread, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->threads += ok;
	return ok;
}

static bool pool_submit(struct pool *p, struct task *t)
{
	pthread_mutex_lock(&p->lock);
	bool ok = true;
	if (p->queued >= p->idle && p->threads < p->threads_max)
		ok = pool_grow(p) || p->threads > 0;
	if (ok) {
		list_push(&p->queue, &t->queue);
		p->queued++;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

/* The fiber's wait ended early. True when no thread has begun: then the task is ours alone. */
static bool task_abandon(struct pool *p, struct task *t)
{
	pthread_mutex_lock(&p->lock);
	bool ours = !t->begun;
	if (ours) {
		list_remove(&t->queue);
		p->queued--;
	}
	pthread_mutex_unlock(&p->lock);
	if (ours)
		p->loop->outside_jobs--;
	return ours;
}

static struct task *task_start(status (*fn)(void *), void *job, void (*free_job)(void *))
{
	struct fiber *f = fiber_self();
	struct pool *p = f->loop->pool;
	if (wait_begin(f) || (f->until <= rt_now() && wake_status(WAKE_TIMEOUT)))
		return NULL;
	struct task *t = mem_zero(sizeof *t);
	*t = (struct task){ .pool = p, .fn = fn, .job = job, .free_job = free_job,
			    .post = { .fn = task_landed, .arg = t } };
	if (!pool_submit(p, t)) {
		free(t);
		err_set(ERR_BUSY, "no thread could be started");
		return NULL;
	}
	p->loop->outside_jobs++;
	return t;
}

static status task_end(struct task *t, bool keep_job)
{
	status result = t->result;
	if (result)
		err_restore(t->err);
	task_free(t, result && !keep_job);
	return result ? -1 : 0;
}

status pool_run(status (*fn)(void *job), void *job, void (*free_job)(void *))
{
	struct task *t = task_start(fn, job, free_job);
	if (!t) {
		if (free_job)
			free_job(job);
		return -1;
	}
	while (!t->finished && !event_wait(&t->done, DEADLINE_NONE))
		;
	if (t->finished)
		return task_end(t, false);
	if (task_abandon(t->pool, t))
		task_free(t, true);
	else
		t->abandoned = true; /* task_landed frees */
	return -1;
}

status pool_call(status (*fn)(void *job), void *job)
{
	struct task *t = task_start(fn, job, NULL);
	if (!t)
		return -1;
	while (!t->finished)
		event_wait_masked(&t->done);
	return task_end(t, true);
}

size_t pool_queued(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	size_t n = p->queued;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void pool_close(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	/* The caller reads their last letters and then frees. */
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->work);
}
