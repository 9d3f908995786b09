/* SPDX-License-Identifier: Apache-2.0 */
/*
 * past_text: text that clients had before a crash, in pieces by scope. What comes again and equals
 * it is swallowed; what differs replaces it, with the pieces of all other scopes in their places.
 */
#include "flow/past_int.h"

#include "base/arena.h"

static void add_piece(struct past *p, struct scope_past *s, size_t at, size_t len)
{
	struct piece piece = { s, at, len, 0 };
	if (!len)
		return;
	if (s)
		vec_push(p->mem, &s->pieces, (uint32_t)p->pieces.len);
	vec_push(p->mem, &p->pieces, piece);
}

static struct scope_past *owner(struct past *p, struct str scope)
{
	bool verbatim;
	struct str acting = past_acting_scope(p, scope, &verbatim);
	return verbatim ? NULL : past_scope_of(p, acting);
}

/* {"k": [[scope, bytes], ...]}: whose the parts of a replaced text are. */
static status replace_pieces(struct past *p, struct flow_run *run, const struct run_event *e)
{
	struct json *more = NULL;
	size_t at = 0;
	p->pieces.len = 0;
	map_each(&p->scopes, en) ((struct scope_past *)en->value)->pieces.len = 0;
	if (e->replay.len && json_parse(run->mem, e->replay, &more))
		return -1;
	json_each(json_get(more, S("k")), part) {
		size_t len = (size_t)json_as_int(json_at(part, 1), 0);
		add_piece(p, owner(p, json_as_str(json_at(part, 0), S(""))), at, len);
		at += len;
	}
	return 0;
}

status past_add_text(struct past *p, struct flow_run *run, const struct run_event *e)
{
	if (e->type == FLOW_REPLACE) {
		buf_clear(&run->answer);
		buf_put(&run->answer, e->text);
		return replace_pieces(p, run, e);
	}
	if (e->type == FLOW_CHUNK) {
		add_piece(p, owner(p, e->scope), run->answer.len, e->text.len);
		buf_put(&run->answer, e->text);
	}
	return 0;
}

void past_reasoning(struct execution *x, struct str piece, bool final)
{
	struct past_node *p = x->past;
	struct str rest = str_skip(buf_str(&p->reasoning), p->reasoning_again);
	size_t same = MIN(rest.len, piece.len);
	bool differs = !str_eq(str_sub(rest, 0, same), str_sub(piece, 0, same)) || (final && rest.len);
	if (differs) {
		struct str so_far = str_sub(buf_str(&p->reasoning), 0, p->reasoning_again);
		struct str text = arena_printf(x->mem, "\n%.*s%.*s", STR(so_far), STR(piece));
		x->past = NULL;
		event_reasoning(x, text, final);
		return;
	}
	p->reasoning_again += same;
	if (piece.len > same || (final && !p->reasoning_final))
		event_reasoning(x, str_skip(piece, same), final);
	p->reasoning_final = p->reasoning_final && !final;
}

void past_shown(struct flow_run *run, struct str path, size_t len)
{
	struct past *p = run->past;
	struct scope_past *s = past_scope_of(p, map_has(&p->scopes, path) ? path : arena_str(p->mem, path));
	struct piece *last = p->pieces.len ? vec_last(&p->pieces) : NULL;
	size_t at = run->answer.len - len;
	if (last && last->scope == s && last->used == last->len && last->at + last->len == at) {
		last->len += len;
		last->used += len;
		return;
	}
	struct piece piece = { s, at, len, len };
	vec_push(p->mem, &p->pieces, piece);
}

static struct str path_of(const struct past *p, const struct scope_past *s)
{
	map_each(&p->scopes, e)
		if (e->value == s)
			return e->key;
	return S("");
}

/* Other text came out than before: what this scope had still to say goes, the new text follows. */
static void replace_rest(struct engine *e, struct str text)
{
	struct flow_run *run = e->run;
	struct past *p = run->past;
	struct buf all = buf_make(NULL, 0);
	AUTO(arena) mem = { arena_open(0) };
	struct json *parts = json_arr(mem.p), *o = json_obj(mem.p);
	for (size_t i = 0; i < p->pieces.len; i++) {
		struct piece *piece = &p->pieces.at[i];
		struct json *part = json_arr(mem.p);
		size_t keep = piece->scope == e->past ? piece->used : piece->len;
		struct str kept = str_sub(buf_str(&run->answer), piece->at, keep);
		piece->at = all.len;
		piece->len = keep;
		buf_put(&all, kept);
		json_push_str(mem.p, part, piece->scope ? path_of(p, piece->scope) : S("-"));
		json_push(mem.p, part, json_int(mem.p, (int64_t)keep));
		json_push(mem.p, parts, part);
	}
	e->past->piece = e->past->pieces.len;
	struct piece last = { e->past, all.len, text.len, text.len };
	struct json *part = json_arr(mem.p);
	buf_put(&all, text);
	json_push_str(mem.p, part, e->scope);
	json_push(mem.p, part, json_int(mem.p, (int64_t)text.len));
	json_push(mem.p, parts, part);
	json_set(mem.p, o, S("k"), parts);
	vec_push(p->mem, &p->pieces, last);
	event_replace(run, buf_str(&all), json_text(mem.p, o, JSON_COMPACT));
	buf_free(&all);
}

void past_text(struct engine *e, const struct str *parts, size_t n, struct str text)
{
	struct scope_past *s = e->past;
	bool was_known = s->piece < s->pieces.len;
	while (text.len && s->piece < s->pieces.len) {
		struct piece *p = &e->run->past->pieces.at[s->pieces.at[s->piece]];
		struct str rest = str_sub(buf_str(&e->run->answer), p->at + p->used, p->len - p->used);
		size_t same = MIN(rest.len, text.len);
		if (!str_eq(str_sub(rest, 0, same), str_sub(text, 0, same))) {
			replace_rest(e, text);
			return;
		}
		p->used += same;
		text = str_skip(text, same);
		s->piece += p->used == p->len;
	}
	if (text.len || (!was_known && !e->replaying))
		event_chunk(e, parts, n, text);
}
