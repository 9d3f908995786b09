/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sse_reader: event streams as WHATWG HTML 9.2.6 reads them: lines end with CRLF, LF or CR, data
 * lines are joined by LF, events without data are dropped. One difference: what stands complete at
 * the end of the stream is given out although no blank line follows, because model servers leave
 * it out after their last event.
 */
#include "net/stream_int.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include <string.h>

enum { NAME_MAX_BYTES = 1024 };

struct sse_reader {
	piece_source read;
	void *arg;
	size_t event_max;
	struct buf line, data, event, id;
	bool has_data, after_cr, started, ended;
	struct str in; /* of the source, not read yet: a quiet stream holds no buffer here */
};

struct sse_reader *sse_reader_open_source(struct arena *mem, piece_source read, void *arg,
					  size_t event_max)
{
	struct sse_reader *r = arena_new(mem, struct sse_reader);
	r->read = read;
	r->arg = arg;
	r->event_max = event_max ? event_max : 16 << 20;
	r->line = buf_make(mem, r->event_max);
	r->data = buf_make(mem, r->event_max);
	r->event = buf_make(mem, NAME_MAX_BYTES);
	r->id = buf_make(mem, NAME_MAX_BYTES);
	return r;
}

static status read_stream(void *arg, struct str *piece)
{
	return client_stream_piece(arg, piece);
}

struct sse_reader *sse_reader_open(struct arena *mem, struct client_stream *s, size_t event_max)
{
	return sse_reader_open_source(mem, read_stream, s, event_max);
}

/* *out lies in the piece when all of it does, else in r->line; *got = false at the end of the stream. */
static status read_line(struct sse_reader *r, struct str *out, bool *got)
{
	buf_clear(&r->line);
	for (;;) {
		if (!r->in.len) {
			if (r->ended || r->read(r->arg, &r->in)) {
				*got = false;
				return r->ended ? 0 : -1;
			}
			r->ended = !r->in.len;
			if (r->ended) {
				*got = r->line.len > 0;
				*out = buf_str(&r->line);
				return 0;
			}
		}
		if (r->after_cr && r->in.at[0] == '\n')
			r->in = str_skip(r->in, 1);
		r->after_cr = false;
		size_t n = 0;
		while (n < r->in.len && r->in.at[n] != '\n' && r->in.at[n] != '\r')
			n++;
		bool whole = n < r->in.len, kept = r->line.len || !whole;
		*out = str_sub(r->in, 0, n);
		if (kept)
			buf_put(&r->line, *out);
		if (kept ? buf_done(&r->line) : n > r->event_max)
			return err_set(ERR_TOO_LARGE, "an event is larger than %zu bytes", r->event_max);
		r->in = str_skip(r->in, n);
		if (whole) {
			r->after_cr = r->in.at[0] == '\r';
			r->in = str_skip(r->in, 1);
			if (kept)
				*out = buf_str(&r->line);
			*got = true;
			return 0;
		}
	}
}

static status take_field(struct sse_reader *r, struct str line)
{
	size_t colon = str_find_char(line, ':');
	struct str name = str_sub(line, 0, MIN(colon, line.len));
	struct str value = colon == SIZE_MAX ? S("") : str_skip(line, colon + 1);
	if (str_starts(value, S(" ")))
		value = str_skip(value, 1);
	if (str_eq(name, S("data"))) {
		if (r->has_data)
			buf_putc(&r->data, '\n');
		r->has_data = true;
		buf_put(&r->data, value);
		if (buf_done(&r->data))
			return err_set(ERR_TOO_LARGE, "an event is larger than %zu bytes", r->event_max);
	} else if (str_eq(name, S("event"))) {
		buf_clear(&r->event);
		buf_put(&r->event, value);
		if (buf_done(&r->event))
			return err_set(ERR_TOO_LARGE, "the name of an event is too long");
	} else if (str_eq(name, S("id")) && (!value.len || !memchr(value.at, 0, value.len))) {
		buf_clear(&r->id); /* stays for the events that follow */
		buf_put(&r->id, value);
		if (buf_done(&r->id))
			return err_set(ERR_TOO_LARGE, "the id of an event is too long");
	}
	return 0;
}

status sse_reader_next(struct sse_reader *r, struct sse_event *out, bool *end)
{
	buf_clear(&r->data);
	buf_clear(&r->event);
	r->has_data = false;
	for (;;) {
		bool got = false;
		struct str line = S("");
		if (read_line(r, &line, &got))
			return -1;
		if (!got)
			line = S("");
		if (!r->started && got) {
			r->started = true;
			if (str_starts(line, S("\xef\xbb\xbf")))
				line = str_skip(line, 3);
		}
		if (line.len) {
			if (take_field(r, line))
				return -1;
			continue;
		}
		if (r->data.len) {
			*out = (struct sse_event){ buf_str(&r->event), buf_str(&r->data),
						   buf_str(&r->id) };
			*end = false;
			return 0;
		}
		buf_clear(&r->event);
		buf_clear(&r->data);
		r->has_data = false;
		if (!got) {
			*out = (struct sse_event){ 0 };
			*end = true;
			return 0;
		}
	}
}
