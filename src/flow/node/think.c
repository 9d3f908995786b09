/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/node/think.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

static bool blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

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
