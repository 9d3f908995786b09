/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync: waiting for other fibers of the same loop: event, lock, slots, chan. Lock and slots are
 * handed over to the longest waiter, so that nobody overtakes it; who was woken owns it, even when
 * its deadline passes before it runs.
 */
#include "rt/rt_int.h"
#include <stdlib.h>

static void event_join(struct event *e, struct fiber *f)
{
	f->event = e;
	f->next = NULL;
	f->prev = e->tail;
	*(e->tail ? &e->tail->next : &e->head) = f;
	e->tail = f;
}

void event_leave(struct fiber *f)
{
	struct event *e = f->event;
	*(f->prev ? &f->prev->next : &e->head) = f->next;
	*(f->next ? &f->next->prev : &e->tail) = f->prev;
	f->event = NULL;
}

static status wait_for(struct event *e, const char *what, deadline until)
{
	struct fiber *f = fiber_self();
	if (wait_begin(f))
		return -1;
	event_join(e, f);
	return wake_status(fiber_park(f, what, MIN(until, f->until), false));
}

status event_wait(struct event *e, deadline until)
{
	return wait_for(e, "event", until);
}

void event_wait_masked(struct event *e)
{
	struct fiber *f = fiber_self();
	event_join(e, f);
	fiber_park(f, "join", DEADLINE_NONE, true);
}

bool event_hand(struct event *e)
{
	return e->head && fiber_wake(e->head, WAKE_READY);
}

void event_wake_one(struct event *e)
{
	event_hand(e);
}

void event_wake_all(struct event *e)
{
	while (event_hand(e))
		;
}

status lock_take(struct lock *l, deadline until)
{
	if (l->held)
		return wait_for(&l->free, "lock", until);
	if (wait_begin(fiber_self()))
		return -1;
	l->held = true;
	return 0;
}

void lock_give(struct lock *l)
{
	ASSERT(l->held);
	l->held = event_hand(&l->free);
}

status slots_take(struct slots *s, deadline until)
{
	if (!s->left)
		return wait_for(&s->free, "slots", until);
	if (wait_begin(fiber_self()))
		return -1;
	s->left--;
	return 0;
}

void slots_give(struct slots *s)
{
	if (!event_hand(&s->free))
		s->left++;
}

struct chan {
	size_t cap, at, len; /* ring */
	bool ended;
	struct event not_empty, not_full;
	void *items[];
};

struct chan *chan_open(size_t capacity)
{
	size_t cap = MAX(capacity, 1);
	struct chan *c = mem_zero(size_add(sizeof *c, size_mul(cap, sizeof(void *))));
	c->cap = cap;
	return c;
}

bool chan_try_send(struct chan *c, void *item)
{
	if (c->ended || c->len == c->cap)
		return false;
	c->items[(c->at + c->len++) % c->cap] = item;
	event_hand(&c->not_empty);
	return true;
}

status chan_send(struct chan *c, void *item, deadline until)
{
	if (wait_begin(fiber_self()))
		return -1;
	while (!c->ended && c->len == c->cap)
		if (wait_for(&c->not_full, "chan_send", until))
			return -1;
	if (!chan_try_send(c, item))
		return err_set(ERR_CLOSED, "channel ended");
	return 0;
}

status chan_recv(struct chan *c, void **item, deadline until)
{
	if (wait_begin(fiber_self()))
		return -1;
	while (!c->len) {
		if (c->ended)
			return err_set(ERR_CLOSED, "channel ended");
		if (wait_for(&c->not_empty, "chan_recv", until))
			return -1;
	}
	*item = c->items[c->at];
	c->at = (c->at + 1) % c->cap;
	c->len--;
	event_hand(&c->not_full);
	return 0;
}

size_t chan_len(const struct chan *c)
{
	return c->len;
}

void chan_end(struct chan *c)
{
	c->ended = true;
	event_wake_all(&c->not_empty);
	event_wake_all(&c->not_full);
}

void chan_close(struct chan *c)
{
	if (!c)
		return;
	ASSERT(!c->not_empty.head && !c->not_full.head);
	free(c);
}
