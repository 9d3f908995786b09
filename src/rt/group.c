/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: structured concurrency. A group is the scope that its members end in: who opened it joins
 * it. Groups form a tree along which deadlines and cancellation go down; failures go up only
 * through group_wait.
 */
#include "rt/rt_int.h"
#include <stdlib.h>

struct group *group_make(struct loop *l, struct group *parent, deadline until)
{
	struct group *g = mem_zero(sizeof *g);
	g->loop = l;
	g->parent = parent;
	g->until = until;
	list_init(&g->sibling);
	list_init(&g->children);
	list_init(&g->members);
	if (parent) {
		list_push(&parent->children, &g->sibling);
		g->cancelled = parent->cancelled;
	}
	return g;
}

struct group *group_open(deadline until)
{
	struct fiber *f = fiber_self();
	/* What is opened inside a shield has the shield's time and no other end. */
	return group_make(f->loop, f->shielded ? NULL : f->group, MIN(until, f->until));
}

struct group *group_root(void)
{
	ASSERT(rt_loop);
	return rt_loop->root;
}

size_t group_running(const struct group *g)
{
	return g->running;
}

status spawn_into(struct group *g, struct fiber *from, const char *name, fiber_fn fn, void *arg)
{
	struct loop *l = g->loop;
	if (l->fibers >= l->opt.fibers_max)
		return err_set(ERR_BUSY, "too many tasks at once (%zu)", l->fibers);
	struct fiber *f = fiber_make(l, name, fn, arg);
	if (!f)
		return err_set(ERR_BUSY, "no memory for another task (%zu run)", l->fibers);
	f->group = g;
	f->until = g->until;
	if (from) {
		f->log = from->log;
		f->local = from->local;
	}
	list_push(&g->members, &f->member);
	g->running++;
	return 0;
}

status group_spawn(struct group *g, const char *name, fiber_fn fn, void *arg)
{
	return spawn_into(g, fiber_self(), name, fn, arg);
}

status fiber_background(const char *name, fiber_fn fn, void *arg)
{
	return spawn_into(group_root(), NULL, name, fn, arg);
}

static void cancel_members(struct group *g)
{
	g->cancelled = true;
	list_each(&g->members, it) {
		struct fiber *f = container_of(it, struct fiber, member);
		if (!f->masked && !f->shielded)
			fiber_wake(f, WAKE_CANCEL);
	}
}

/* The group after g in the tree below top, parents first; NULL at the end. */
static struct group *group_next(struct group *g, const struct group *top)
{
	if (!list_empty(&g->children))
		return container_of(g->children.next, struct group, sibling);
	for (; g != top; g = g->parent)
		if (g->sibling.next != &g->parent->children)
			return container_of(g->sibling.next, struct group, sibling);
	return NULL;
}

void group_cancel(struct group *g)
{
	if (g->cancelled)
		return;
	for (struct group *it = g; it; it = group_next(it, g))
		cancel_members(it);
}

/* Keeps the running fiber's error record as the group's, if it is the first. */
static void group_fail(struct group *g)
{
	if (g->failed)
		return;
	if (err_code() == ERR_NONE)
		err_set(ERR_INTERNAL, "a task failed and did not say why");
	g->failed = true;
	g->err = mem_zero(sizeof *g->err);
	err_save(g->err);
}

void group_member_ended(struct fiber *f, status result)
{
	struct group *g = f->group;
	list_remove(&f->member);
	g->running--;
	g->ended++;
	if (result) {
		group_fail(g);
		if (!g->keep_going)
			group_cancel(g);
	}
	event_wake_all(&g->changed);
}

status group_result(const struct group *g)
{
	return g->failed ? err_restore(g->err) : 0;
}

static void join_masked(struct group *g)
{
	while (g->running)
		event_wait_masked(&g->changed);
}

status group_wait(struct group *g)
{
	ASSERT(fiber_self()->group != g);
	while (g->running && !event_wait(&g->changed, DEADLINE_NONE))
		;
	if (g->running) { /* our own time is over: theirs is too */
		group_fail(g);
		group_cancel(g);
		join_masked(g);
	}
	g->ended = 0;
	return group_result(g);
}

status group_wait_any(struct group *g, size_t *left)
{
	ASSERT(fiber_self()->group != g);
	while (g->running && !g->ended)
		if (event_wait(&g->changed, DEADLINE_NONE)) {
			*left = g->running;
			return -1;
		}
	if (g->ended)
		g->ended--;
	*left = g->running;
	return group_result(g);
}

void group_free(struct group *g)
{
	/* Groups that members left open stay usable for those who hold them. */
	list_each(&g->children, it) {
		container_of(it, struct group, sibling)->parent = NULL;
		list_remove(it);
	}
	list_remove(&g->sibling);
	free(g->err);
	free(g);
}

void group_close(struct group *g)
{
	if (!g)
		return;
	ASSERT(fiber_self()->group != g && g != g->loop->root);
	if (g->running) {
		group_cancel(g);
		join_masked(g);
	}
	group_free(g);
}
