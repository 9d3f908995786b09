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

enum { READ_SIZE = 4096, NAME_MAX_BYTES = 1024 };

struct sse_reader {
	byte_source read;
	void *arg;
	size_t event_max;
	struct buf line, data, event, id;
	bool has_data, after_cr, started, ended;
	size_t at, end;
	char in[READ_SIZE];
};

struct sse_reader *sse_reader_open_source(struct arena *mem, byte_source read, void *arg,
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

static status read_stream(void *arg, char *at, size_t cap, size_t *n)
{
	return client_stream_read(arg, at, cap, n);
}

struct sse_reader *sse_reader_open(struct arena *mem, struct client_stream *s, size_t event_max)
{
	return sse_reader_open_source(mem, read_stream, s, event_max);
}

/* One line into r->line; *got = false at the end of the stream. */
static status read_line(struct sse_reader *r, bool *got)
{
	buf_clear(&r->line);
	for (;;) {
		if (r->at == r->end) {
			r->at = r->end = 0;
			if (r->ended || r->read(r->arg, r->in, sizeof r->in, &r->end)) {
				*got = false;
				return r->ended ? 0 : -1;
			}
			r->ended = !r->end;
			if (r->ended) {
				*got = r->line.len > 0;
				return 0;
			}
		}
		if (r->after_cr && r->in[r->at] == '\n')
			r->at++;
		r->after_cr = false;
		size_t from = r->at;
		while (r->at < r->end && r->in[r->at] != '\n' && r->in[r->at] != '\r')
			r->at++;
		buf_put(&r->line, str_of(r->in + from, r->at - from));
		if (buf_done(&r->line))
			return err_set(ERR_TOO_LARGE, "an event is larger than %zu bytes", r->event_max);
		if (r->at < r->end) {
			r->after_cr = r->in[r->at++] == '\r';
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
		if (read_line(r, &got))
			return -1;
		struct str line = got ? buf_str(&r->line) : S("");
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
