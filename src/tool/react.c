/* SPDX-License-Identifier: Apache-2.0 */
/*
 * react: one character at a time through three states.
 *
 *	TEXT --"```"--> FENCE --"```"--> TEXT      what was inside is an action, or text after all
 *	TEXT ---"{"---> JSON ---"}"----> TEXT      balanced outside of strings; the same
 */
#include "tool/react.h"

#include "base/arena.h"
#include "base/err.h"

void react_init(struct react *r, struct arena *mem)
{
	*r = (struct react){.mem = mem, .line_start = true};
	r->held = buf_make(mem, 0);
	r->shown = buf_make(mem, 0);
	r->thought = buf_make(mem, 0);
}

/* What a model goes on to say after its action is made up: only its line ends pass. */
static void show(struct react *r, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (r->has_action && s.at[i] != '\n')
			continue;
		buf_putc(&r->shown, s.at[i]);
		buf_putc(&r->thought, s.at[i]);
	}
}

static void show_held(struct react *r)
{
	show(r, buf_str(&r->held));
	buf_clear(&r->held);
}

/* --- actions --- */

static bool has_nocase(struct str s, struct str what)
{
	for (size_t i = 0; i + what.len <= s.len; i++)
		if (str_eq_nocase(str_sub(s, i, what.len), what))
			return true;
	return false;
}

/* Takes the text for an action when it is one. */
static bool take_action(struct react *r, struct str text)
{
	struct json *v, *input = NULL;
	struct str name = {0};
	if (r->has_action || str_find_char(text, '{') == SIZE_MAX ||
	    json_parse(r->mem, str_trim(text), &v)) {
		err_clear();
		return false;
	}
	if (json_is(v, JSON_ARR))
		v = json_at(v, 0);
	json_each_member(v, m)
	{
		if (has_nocase(m->name, S("input")))
			input = &m->value;
		else if (m->value.type == JSON_STR)
			name = json_as_str(&m->value, S(""));
	}
	if (!name.at || !input)
		return false;
	r->has_action = true;
	r->action = arena_str(r->mem, str_trim(name));
	r->input = json_copy(r->mem, input);
	return true;
}

/* A fence may begin with the name of a language. */
static struct str without_language(struct str s)
{
	size_t i = 0;
	s = str_trim(s);
	while (i < s.len && (s.at[i] | 32) >= 'a' && (s.at[i] | 32) <= 'z')
		i++;
	return str_skip(s, i);
}

static void close_fence(struct react *r, bool closed)
{
	struct str inside = buf_str(&r->held);
	if (closed)
		inside = str_sub(inside, 0, inside.len - 3);
	if (!take_action(r, without_language(inside))) {
		show(r, S("```"));
		show(r, buf_str(&r->held));
	}
	buf_clear(&r->held);
	r->state = REACT_TEXT;
	r->line_start = false;
}

static void close_json(struct react *r)
{
	if (!take_action(r, buf_str(&r->held)))
		show(r, buf_str(&r->held));
	buf_clear(&r->held);
	r->state = REACT_TEXT;
	r->line_start = false;
}

/* --- characters --- */

static void in_json(struct react *r, char c)
{
	buf_putc(&r->held, c);
	if (r->quoted) {
		if (r->escaped)
			r->escaped = false;
		else if (c == '\\')
			r->escaped = true;
		else if (c == '"')
			r->quoted = false;
	} else if (c == '"') {
		r->quoted = true;
	} else if (c == '{') {
		r->depth++;
	} else if (c == '}' && --r->depth == 0) {
		close_json(r);
		return;
	}
	if (r->held.len > REACT_HELD_MAX) {
		show_held(r);
		r->state = REACT_TEXT;
	}
}

static void in_fence(struct react *r, char c)
{
	buf_putc(&r->held, c);
	r->ticks = c == '`' ? r->ticks + 1 : 0;
	if (r->ticks == 3) {
		r->ticks = 0;
		close_fence(r, true);
	} else if (r->held.len > REACT_HELD_MAX) {
		show(r, S("```"));
		show_held(r);
		r->state = REACT_TEXT;
	}
}

/* Whether the held text and c begin a label; *whole: and end it. */
static bool label_goes_on(const struct react *r, char c, bool *whole)
{
	static const struct str labels[] = {S_INIT("thought:"), S_INIT("action:")};
	for (size_t i = 0; i < countof(labels); i++) {
		size_t n = r->held.len;
		if (n < labels[i].len &&
		    str_eq_nocase(str_sub(labels[i], 0, n), buf_str(&r->held)) &&
		    str_eq_nocase(str_sub(labels[i], n, 1), str_of(&c, 1))) {
			*whole = n + 1 == labels[i].len;
			return true;
		}
	}
	return false;
}

static void in_text(struct react *r, char c)
{
	bool whole = false;
	if (c == '`' && (!r->held.len || r->ticks)) {
		buf_putc(&r->held, c);
		if (++r->ticks == 3) {
			buf_clear(&r->held);
			r->ticks = 0;
			r->state = REACT_FENCE;
		}
		return;
	}
	if (r->ticks) {
		r->ticks = 0;
		r->line_start = false;
		show_held(r);
	}
	if ((r->line_start || r->held.len) && label_goes_on(r, c, &whole)) {
		buf_putc(&r->held, c);
		r->line_start = false;
		if (whole)
			buf_clear(&r->held);
		return;
	}
	if (r->held.len) {
		show_held(r);
		in_text(r, c); /* once: nothing is held now */
		return;
	}
	if (c == '{' && !r->has_action) {
		r->state = REACT_JSON;
		r->depth = 0;
		r->quoted = r->escaped = false;
		in_json(r, c);
		return;
	}
	show(r, str_of(&c, 1));
	r->line_start = c == '\n' || (r->line_start && (c == ' ' || c == '\t'));
}

static struct str fetch(struct react *r)
{
	struct str s = arena_str(r->mem, buf_str(&r->shown));
	buf_clear(&r->shown);
	return s;
}

struct str react_feed(struct react *r, struct str piece)
{
	for (size_t i = 0; i < piece.len; i++) {
		if (r->state == REACT_FENCE)
			in_fence(r, piece.at[i]);
		else if (r->state == REACT_JSON)
			in_json(r, piece.at[i]);
		else
			in_text(r, piece.at[i]);
	}
	return fetch(r);
}

struct str react_end(struct react *r)
{
	if (r->state == REACT_FENCE)
		close_fence(r, false);
	else if (r->state == REACT_JSON)
		close_json(r);
	else
		show_held(r);
	r->ticks = 0;
	return fetch(r);
}

bool react_is_final(const struct react *r)
{
	return !r->has_action ||
	       (has_nocase(r->action, S("final")) && has_nocase(r->action, S("answer")));
}
