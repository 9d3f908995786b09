/* SPDX-License-Identifier: Apache-2.0 */
/* csv: see csv.h. A quote opens a quoted part only as the first character of a cell; what follows its
 * closing quote belongs to the cell. */
#include "text/csv.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

static bool at_end(const struct csv *c)
{
	return c->at >= c->text.len;
}

static bool at_break(const struct csv *c)
{
	return at_end(c) || c->text.at[c->at] == '\n' || c->text.at[c->at] == '\r';
}

/* Up to the closing quote; two are one. */
static void read_quoted(struct csv *c, struct buf *out)
{
	for (c->at++; !at_end(c); c->at++) {
		char ch = c->text.at[c->at];
		if (ch == '"') {
			c->at++;
			if (at_end(c) || c->text.at[c->at] != '"')
				return;
		}
		buf_putc(out, ch);
	}
}

static struct str read_plain(struct csv *c)
{
	size_t from = c->at;
	while (!at_break(c) && c->text.at[c->at] != ',')
		c->at++;
	return str_sub(c->text, from, c->at - from);
}

static struct str read_cell(struct arena *mem, struct csv *c)
{
	if (at_end(c) || c->text.at[c->at] != '"')
		return read_plain(c);
	struct buf b = buf_make(mem, 0);
	read_quoted(c, &b);
	buf_put(&b, read_plain(c));
	return b.len ? buf_str(&b) : S("");
}

static void skip_break(struct csv *c)
{
	if (at_end(c))
		return;
	bool two = c->text.at[c->at] == '\r' && c->at + 1 < c->text.len &&
		   c->text.at[c->at + 1] == '\n';
	c->at += two ? 2 : 1;
}

bool csv_row(struct arena *mem, struct csv *c, struct str **cells, size_t *n)
{
	VEC(struct str) row = { 0 };
	if (at_end(c))
		return false;
	for (bool more = !at_break(c); more;) {
		vec_push(mem, &row, read_cell(mem, c));
		more = !at_end(c) && c->text.at[c->at] == ',';
		c->at += more;
	}
	skip_break(c);
	*cells = row.at;
	*n = row.len;
	return true;
}
