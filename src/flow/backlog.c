/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog: the events of a run in memory: for followers of this process until they are stored and
 * shown, and what elements of a parallel iteration keep back until they end. Called by the run's
 * own fibers only. Must not know the database.
 */
#include "base/err.h"
#include "flow/run.h"

/* Stored and shown events of more than KEEP_BYTES leave memory; containers wait for the database when
 * more than BACKLOG_BYTES are not stored. */
enum { KEEP_BYTES = 256 << 10, BACKLOG_BYTES = 512 << 10, BLOCK_BYTES = 32 << 10 };
enum { BLOCK_FIRST = 12, BLOCK_EVENTS = 64 };

/* --- blocks --- */

const struct run_event *journal_event(const struct flow_run *run, int64_t seq)
{
	const struct event_block *b = run->newest;
	if (seq < b->first)
		for (b = run->events; seq >= b->first + (int64_t)b->len;)
			b = b->next;
	return &b->at[seq - b->first];
}

static struct event_block *add_block(struct flow_run *run)
{
	struct arena *mem = run->events ? arena_open(0) : run->mem;
	struct event_block *b = arena_new(mem, struct event_block);
	b->mem = mem;
	b->first = run->last + 1;
	b->cap = run->events ? BLOCK_EVENTS : BLOCK_FIRST;
	b->at = arena_array(mem, struct run_event, b->cap);
	if (run->newest) {
		run->kept_bytes += run->newest->bytes;
		run->newest->next = b;
	} else {
		run->events = b;
	}
	run->newest = b;
	return b;
}

void journal_close(struct flow_run *run)
{
	for (struct event_block *b = run->events, *next; b; b = next) {
		next = b->next;
		if (b->mem != run->mem)
			arena_close(b->mem);
	}
}

/* Whoever follows from further back reads the database. */
void journal_drop_old(struct flow_run *run)
{
	struct event_block *b;
	while ((b = run->events) != run->newest && run->kept_bytes > KEEP_BYTES) {
		int64_t end = b->first + (int64_t)b->len - 1;
		if (end > run->committed || end > run->shown)
			return;
		run->kept_bytes -= b->bytes;
		run->base = end;
		run->events = b->next;
		if (b->mem != run->mem)
			arena_close(b->mem);
	}
}

static struct str keep(struct arena *mem, struct str s)
{
	return s.len ? arena_str(mem, s) : S("");
}

static struct run_event keep_event(struct arena *mem, const struct run_event *from)
{
	struct run_event e = *from;
	e.data = keep(mem, from->data);
	e.text = keep(mem, from->text);
	e.replay = keep(mem, from->replay);
	e.scope = keep(mem, from->scope);
	/* The selector is printed inside the data, unless it was read back. */
	if (from->selector.at >= from->data.at && from->selector.at < from->data.at + from->data.len)
		e.selector = str_sub(e.data, (size_t)(from->selector.at - from->data.at), from->selector.len);
	else
		e.selector = keep(mem, from->selector);
	return e;
}

size_t journal_bytes(const struct run_event *e)
{
	return sizeof(*e) + e->data.len + e->text.len + e->replay.len + e->scope.len;
}

void journal_show(struct flow_run *run, int64_t seq)
{
	if (seq <= run->shown)
		return;
	run->shown = seq;
	event_wake_all(&run->changed);
}

/* The dispatcher that commits may sleep without a time. */
static void wake_top(struct flow_run *run)
{
	if (!run->top)
		return;
	run->top->poked = true;
	event_wake_all(&run->top->wake);
}

static void note_text(struct flow_run *run, const struct run_event *e)
{
	if (e->type == FLOW_REPLACE)
		buf_clear(&run->answer);
	if (e->type != FLOW_REPLACE && e->type != FLOW_CHUNK)
		return;
	buf_put(&run->answer, e->text);
	if (run->past && e->type == FLOW_CHUNK)
		past_shown(run, e->scope, e->text.len);
}

/* Before the first commit, to followers who see nothing but texts. A text behind something that was
 * finished meanwhile waits like everything else. */
static void show_early(struct flow_run *run, enum flow_event_type type)
{
	if (type == FLOW_CHUNK)
		journal_show(run, run->last);
	else if (run->shown && event_needs_commit(type))
		run->texts_first = false;
}

void journal_append(struct flow_run *run, const struct run_event *e)
{
	struct event_block *b = run->newest;
	size_t bytes = journal_bytes(e);
	if (!b || b->len == b->cap || (b->len && b->bytes + bytes > BLOCK_BYTES))
		b = add_block(run);
	b->at[b->len++] = keep_event(b->mem, e);
	b->bytes += bytes;
	run->waiting_bytes += bytes;
	run->last++;
	note_text(run, e);
	if (event_needs_commit(e->type) || e->type == FLOW_RECORD)
		run->done_waits = true;
	if (!event_needs_commit(e->type) && run->stored && run->shown == run->last - 1)
		journal_show(run, run->last);
	else if (run->texts_first && !run->stored)
		show_early(run, e->type);
	if (!run->chunk_since) {
		run->chunk_since = rt_now();
		wake_top(run);
	}
}

void journal_take_back(struct flow_run *run)
{
	struct event_block *b = run->newest;
	ASSERT(b->len && run->last > run->committed && run->last > run->shown);
	ASSERT(b->at[b->len - 1].type == FLOW_WORKFLOW_PAUSED);
	size_t bytes = journal_bytes(&b->at[--b->len]);
	b->bytes -= bytes;
	run->waiting_bytes -= bytes;
	run->last--;
}

static status wait_committed(struct flow_run *run, int64_t seq, size_t backlog)
{
	while (!run->lost && (run->committed < seq || run->waiting_bytes > backlog)) {
		wake_top(run);
		if (event_wait(&run->changed, deadline_current()))
			return -1;
	}
	return run->lost ? err_set(ERR_CANCELLED, "the run is held elsewhere") : 0;
}

status journal_breathe(struct flow_run *run)
{
	return wait_committed(run, 0, BACKLOG_BYTES);
}

status journal_secure(struct engine *e)
{
	struct flow_run *run = e->run;
	size_t mine = e->held ? e->held->events.len : 0;
	if (e->held)
		e->held->need = mine;
	while (e->held && e->held->recorded < mine && !run->lost) {
		run->done_waits = true;
		wake_top(run);
		if (event_wait(&run->changed, deadline_current()))
			return -1;
	}
	run->done_waits = true;
	return wait_committed(run, run->last, SIZE_MAX);
}

/* --- what a parallel iteration keeps back --- */

struct held *held_open(struct engine *around)
{
	struct arena *mem = arena_open(0);
	struct held *h = arena_new(mem, struct held);
	h->mem = mem;
	h->run = around->run;
	h->outer = around->held;
	list_push(&h->run->held, &h->link);
	return h;
}

void held_close(struct held *h)
{
	if (!h)
		return;
	list_remove(&h->link);
	arena_close(h->mem);
}

static void hold(struct flow_run *run, struct held *h, const struct run_event *e)
{
	struct held_event he = { .event = keep_event(h->mem, e) };
	vec_push(h->mem, &h->events, he);
	if (!event_needs_commit(e->type))
		return;
	h->need = h->events.len;
	run->done_waits = true;
	if (!run->chunk_since) {
		run->chunk_since = rt_now();
		wake_top(run);
	}
}

void held_again(struct held *h, const struct run_event *e)
{
	struct held_event he = { keep_event(h->mem, e), true };
	vec_push(h->mem, &h->events, he);
}

void journal_emit(struct engine *e, const struct run_event *ev)
{
	struct run_event scoped = *ev;
	scoped.scope = e->scope;
	if (e->held && !e->held->through)
		hold(e->run, e->held, &scoped);
	else
		journal_append(e->run, &scoped);
}

void held_release(struct held *h)
{
	struct flow_run *run = h->run;
	struct held *around = h->outer && !h->outer->through ? h->outer : NULL;
	for (size_t i = 0; i < h->events.len; i++) {
		const struct held_event *he = &h->events.at[i];
		/* What is for the journal only and is there already needs no second line. */
		if (he->event.type == FLOW_RECORD && he->recorded)
			continue;
		if (!around)
			journal_append(run, &he->event);
		else if (he->recorded)
			held_again(around, &he->event);
		else
			hold(run, around, &he->event);
	}
	h->events.len = h->recorded = h->need = 0;
}

void held_let_through(struct held *h)
{
	while (h && !h->through) {
		struct held *outermost = h;
		while (outermost->outer && !outermost->outer->through)
			outermost = outermost->outer;
		held_release(outermost);
		outermost->through = true;
	}
}

/* A FLOW_RECORD with the event as a line in it. */
static struct run_event wrap(struct arena *mem, const struct run_event *e)
{
	struct buf line = buf_make(mem, 0);
	journal_line(&line, 0, e);
	return (struct run_event){ .type = FLOW_RECORD, .time_ms = e->time_ms,
				   .data = str_sub(buf_str(&line), 0, line.len - 1), .scope = e->scope };
}

void journal_record(struct engine *engine, const struct run_event *ev)
{
	AUTO(arena) mem = { arena_open(0) };
	struct run_event e = *ev;
	e.scope = engine->scope;
	struct run_event r = wrap(mem.p, &e);
	r.replay = S("{\"only\":true}");
	journal_emit(engine, &r);
	engine->run->done_waits = true;
	if (engine->held)
		engine->held->need = engine->held->events.len;
}

void journal_record_held(struct flow_run *run, struct arena *mem)
{
	list_each(&run->held, l) {
		struct held *h = container_of(l, struct held, link);
		for (; h->recorded < h->need; h->recorded++) {
			struct held_event *he = &h->events.at[h->recorded];
			struct run_event r = he->event;
			if (he->recorded)
				continue;
			if (r.type != FLOW_RECORD)
				r = wrap(mem, &he->event);
			journal_append(run, &r);
			he->recorded = true;
		}
	}
}
