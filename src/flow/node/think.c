/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/node/think.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* --- filter --- */

/* Before the answer: blanks, then the opening tag, or something else that passes. */
static void head(struct think_filter *f, char c, struct buf *out)
{
	static const char tag[] = "<think>";
	size_t blanks = 0;
	f->held[f->held_len++] = c;
	while (blanks < f->held_len && blank(f->held[blanks]))
		blanks++;
	size_t n = f->held_len - blanks;
	bool matches = n < sizeof(tag) && memcmp(f->held + blanks, tag, n) == 0;
	if (matches && n == sizeof(tag) - 1) {
		f->state = THINK_INSIDE;
		f->held_len = 0;
	} else if (!matches || f->held_len == sizeof(f->held)) {
		buf_put(out, str_of(f->held, f->held_len));
		f->state = THINK_PASS;
		f->held_len = 0;
	}
}

/* Inside the thoughts: the last bytes are kept to see the closing tag. */
static void inside(struct think_filter *f, char c)
{
	static const char tag[] = "</think>";
	if (f->held_len == sizeof(tag) - 1)
		memmove(f->held, f->held + 1, --f->held_len);
	f->held[f->held_len++] = c;
	if (f->held_len == sizeof(tag) - 1 && memcmp(f->held, tag, f->held_len) == 0) {
		f->state = THINK_BEHIND;
		f->held_len = 0;
	}
}

struct str think_filter_feed(struct arena *mem, struct think_filter *f, struct str piece)
{
	if (f->state == THINK_PASS)
		return piece;
	struct buf out = buf_make(mem, 0);
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.at[i];
		if (f->state == THINK_HEAD) {
			head(f, c, &out);
		} else if (f->state == THINK_INSIDE) {
			inside(f, c);
		} else if (f->state == THINK_PASS || !blank(c)) {
			f->state = THINK_PASS;
			buf_put(&out, str_skip(piece, i));
			break;
		}
	}
	return buf_str(&out);
}

struct str think_filter_end(struct think_filter *f)
{
	return f->state == THINK_HEAD ? str_of(f->held, f->held_len) : (struct str){ 0 };
}

/* --- split --- */

enum { TAG_BYTES_MAX = 512 };

struct think_split think_split_make(struct arena *mem, think_part sink, void *ctx)
{
	return (struct think_split){
		.sink = sink,
		.ctx = ctx,
		.tag = buf_make(mem, 0),
		.out = buf_make(mem, 0),
		.space = { buf_make(mem, 0), buf_make(mem, 0) },
	};
}

static void give_out(struct think_split *s)
{
	if (s->out.len)
		s->sink(s->ctx, s->state == SPLIT_THOUGHT ? THINK_THOUGHT : THINK_ANSWER, buf_str(&s->out));
	buf_clear(&s->out);
}

/* Space of the answer: from the first to the last line break it is one blank line. */
static void put_answer_space(struct think_split *s, struct str space)
{
	size_t first = str_find_char(space, '\n'), last = space.len;
	while (last && space.at[last - 1] != '\n')
		last--;
	if (last && last > first + 1) {
		buf_put(&s->out, str_sub(space, 0, first));
		buf_puts(&s->out, "\n\n");
		space = str_skip(space, last);
	}
	buf_put(&s->out, space);
}

static void put_char(struct think_split *s, char c)
{
	bool thought = s->state == SPLIT_THOUGHT;
	struct buf *space = &s->space[thought];
	if (blank(c)) {
		buf_putc(space, c);
		return;
	}
	if (thought && s->joint && s->begun[1])
		buf_putc(&s->out, '\n');
	else if (!thought && s->begun[0])
		put_answer_space(s, buf_str(space));
	else if (thought && !s->joint)
		buf_put(&s->out, buf_str(space));
	buf_clear(space);
	s->joint = s->joint && !thought;
	s->begun[thought] = true;
	buf_putc(&s->out, c);
}

static void open_block(struct think_split *s)
{
	give_out(s);
	s->state = SPLIT_THOUGHT;
	s->joint = true;
	buf_clear(&s->space[1]);
}

static void close_block(struct think_split *s)
{
	give_out(s);
	s->sink(s->ctx, THINK_CLOSED, S(""));
	s->state = SPLIT_ANSWER;
}

/* It was no tag. No '<' lies behind its first character, so no other tag begins in it. */
static void put_held(struct think_split *s)
{
	for (size_t i = 0; i < s->tag.len; i++)
		put_char(s, s->tag.at[i]);
	buf_clear(&s->tag);
}

/* In `tag` lies "<think" and more: attributes up to the '>'. */
static bool is_attribute(const struct think_split *s, char c)
{
	return c != '<' && s->tag.len < TAG_BYTES_MAX && (s->tag.len > S("<think").len || blank(c));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Nothing is held. */
static void put_first(struct think_split *s, char c)
{
	if (c == '<')
		buf_putc(&s->tag, c);
	else
		put_char(s, c);
}

static void put(struct think_split *s, char c)
{
	struct str tag = s->state == SPLIT_THOUGHT ? S("</think>") : S("<think");
	if (s->tag.len < tag.len && lower(c) == tag.at[s->tag.len]) {
		buf_putc(&s->tag, c);
		if (s->state != SPLIT_THOUGHT || s->tag.len < tag.len)
			return;
		buf_clear(&s->tag);
		close_block(s);
	} else if (s->state == SPLIT_ANSWER && s->tag.len >= tag.len && c == '>') {
		buf_clear(&s->tag);
		open_block(s);
	} else if (s->state == SPLIT_ANSWER && s->tag.len >= tag.len && is_attribute(s, c)) {
		buf_putc(&s->tag, c);
	} else {
		put_held(s);
		put_first(s, c);
	}
}

void think_split_feed(struct think_split *s, struct str piece)
{
	for (size_t i = 0; i < piece.len; i++)
		put(s, piece.at[i]);
	give_out(s);
}

void think_split_end(struct think_split *s)
{
	put_held(s);
	if (s->state == SPLIT_THOUGHT)
		close_block(s);
	give_out(s);
}
