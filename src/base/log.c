/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line an event on stderr. The settings are written once at start; the context is the
 * running fiber's. A reader that does not read (a full pipe) costs lines, never the loop: such
 * lines are dropped and counted, and the next line that goes through tells how many.
 */
#include "base/log.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 10, TEXT_MAX = 2048 };

static struct {
	enum log_level min;
	bool json, colour, may_block;
	int fd;
	const char *role;
	_Atomic unsigned dropped;
} settings = { .min = LOG_INFO, .fd = STDERR_FILENO, .role = "" };

static __thread struct log_context *context;

static const struct {
	struct str name;
	const char *colour;
} levels[] = {
	[LOG_DEBUG] = { S_INIT("debug"), "\033[2m" },
	[LOG_INFO] = { S_INIT("info"), "\033[32m" },
	[LOG_WARN] = { S_INIT("warn"), "\033[33m" },
	[LOG_ERROR] = { S_INIT("error"), "\033[31m" },
};

void log_fd(int fd)
{
	struct stat st;
	settings.fd = fd;
	settings.colour = !settings.json && isatty(fd);
	settings.may_block = fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

void log_setup(enum log_level min, bool json, const char *role)
{
	settings.min = min;
	settings.json = json;
	settings.role = role ? role : "";
	log_fd(settings.fd);
}

bool log_enabled(enum log_level level)
{
	return level >= settings.min;
}

void log_use(struct log_context *c)
{
	context = c;
}

/* The descriptor is shared with other processes, so that it cannot be made non-blocking. */
static bool has_room(size_t n)
{
	struct pollfd p = { .fd = settings.fd, .events = POLLOUT };
	if (!settings.may_block)
		return true;
	if (poll(&p, 1, 0) != 1)
		return false;
	if (n <= PIPE_BUF)
		return true;
	/* A writable pipe promises PIPE_BUF bytes only; a socket does not know F_GETPIPE_SZ. */
	int pending = 0, size = fcntl(settings.fd, F_GETPIPE_SZ);
	return size <= 0 || (ioctl(settings.fd, FIONREAD, &pending) == 0 &&
			     (size_t)pending + n + n / 2 <= (size_t)size);
}

static void send_line(struct buf *line)
{
	if (!has_room(line->len)) {
		atomic_fetch_add(&settings.dropped, 1);
		return;
	}
	/* One write a line, so that lines of several processes do not mix. */
	ssize_t n;
	do {
		n = write(settings.fd, line->at, line->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		atomic_fetch_add(&settings.dropped, 1);
}

void log_raw(struct str lines)
{
	struct buf b = { .at = (char *)(uintptr_t)lines.at, .len = lines.len };
	send_line(&b);
}

/* Valid UTF-8 whatever came in; b receives it. */
static struct str clean(struct buf *b, struct str s)
{
	size_t start = b->len;
	if (utf8_valid(s))
		return s;
	for (size_t i = 0; i < s.len;) {
		char out[4];
		size_t n = utf8_put(out, utf8_next(s, &i));
		buf_put(b, str_of(out, n));
	}
	return str_of(b->at + start, b->len - start);
}

static void json_field(struct buf *b, const char *name, struct str value)
{
	struct buf tmp = buf_make(NULL, LINE_MAX_BYTES);
	buf_printf(b, ",\"%s\":", name);
	json_write_string(b, clean(&tmp, value), JSON_COMPACT);
	buf_free(&tmp);
}

static void json_error(struct buf *b, const struct err *e)
{
	buf_printf(b, ",\"err\":{\"code\":\"%s\",\"site\":\"%s:%d\"", err_name(e->code),
		   e->file ? e->file : "", e->line);
	json_field(b, "text", str_c(e->text));
	if (e->detail[0])
		json_field(b, "detail", str_c(e->detail));
	if (e->frames) {
		buf_puts(b, ",\"chain\":[");
		for (int i = 0; i < e->frames; i++) {
			struct buf tmp = buf_make(NULL, LINE_MAX_BYTES);
			char frame[256];
			snprintf(frame, sizeof(frame), "%s:%d: %s", e->frame[i].file,
				 e->frame[i].line, e->frame[i].text);
			if (i)
				buf_putc(b, ',');
			json_write_string(b, clean(&tmp, str_c(frame)), JSON_COMPACT);
			buf_free(&tmp);
		}
		buf_putc(b, ']');
	}
	buf_putc(b, '}');
}

struct event {
	enum log_level level;
	struct str msg;
	const struct err *err; /* or NULL */
	unsigned dropped;
};

static void write_json(struct buf *b, const struct event *e, struct str ts)
{
	buf_printf(b, "{\"ts\":\"%.*s\",\"level\":\"%.*s\"", STR(ts), STR(levels[e->level].name));
	json_field(b, "role", str_c(settings.role));
	buf_printf(b, ",\"pid\":%d", (int)getpid());
	json_field(b, "msg", e->msg);
	if (context && context->request_id.len)
		json_field(b, "request_id", context->request_id);
	if (context && context->run_id.len)
		json_field(b, "run_id", context->run_id);
	if (context && context->tenant_id.len)
		json_field(b, "tenant_id", context->tenant_id);
	if (e->err)
		json_error(b, e->err);
	if (e->dropped)
		buf_printf(b, ",\"dropped\":%u", e->dropped);
	buf_puts(b, "}\n");
}

/* Control characters would forge lines or drive the terminal. */
static void put_text(struct buf *b, struct str s)
{
	struct buf tmp = buf_make(NULL, LINE_MAX_BYTES);
	s = clean(&tmp, s);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\t')
			buf_putc(b, '\t');
		else if (c < 0x20 || c == 0x7F)
			buf_printf(b, "\\x%02x", c);
		else
			buf_putc(b, (char)c);
	}
	buf_free(&tmp);
}

static void text_id(struct buf *b, const char *name, struct str value)
{
	if (!value.len)
		return;
	buf_printf(b, " %s=", name);
	put_text(b, value);
}

static void write_text(struct buf *b, const struct event *e, struct str ts)
{
	bool colour = settings.colour;
	buf_put(b, ts);
	buf_printf(b, " %s%-5.*s%s %s[%d] ", colour ? levels[e->level].colour : "",
		   STR(levels[e->level].name), colour ? "\033[0m" : "", settings.role,
		   (int)getpid());
	put_text(b, e->msg);
	if (e->err) {
		buf_puts(b, ": ");
		put_text(b, str_c(e->err->text));
		buf_printf(b, " [%s %s:%d]", err_name(e->err->code),
			   e->err->file ? e->err->file : "", e->err->line);
		if (e->err->detail[0]) {
			buf_puts(b, " detail: ");
			put_text(b, str_c(e->err->detail));
		}
		for (int i = 0; i < e->err->frames; i++) {
			buf_puts(b, " < ");
			put_text(b, str_c(e->err->frame[i].text));
		}
	}
	if (context) {
		text_id(b, "request_id", context->request_id);
		text_id(b, "run_id", context->run_id);
		text_id(b, "tenant_id", context->tenant_id);
	}
	if (e->dropped)
		buf_printf(b, " (%u lines before this were dropped)", e->dropped);
	buf_putc(b, '\n');
}

static void emit(enum log_level level, const struct err *err, const char *fmt, va_list ap)
{
	int saved = errno;
	char text[TEXT_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	AUTO(arena) mem = { arena_open(0) };
	struct buf line = buf_make(mem.p, LINE_MAX_BYTES);
	struct event e = { level, str_of(text, n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1)), err,
			   atomic_exchange(&settings.dropped, 0) };
	struct str ts = clock_iso(mem.p, clock_ms());
	if (settings.json)
		write_json(&line, &e, ts);
	else
		write_text(&line, &e, ts);
	if (line.overflow && line.len)
		line.at[line.len - 1] = '\n';
	send_line(&line);
	if (e.dropped && atomic_load(&settings.dropped))
		atomic_fetch_add(&settings.dropped, e.dropped);
	errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (!log_enabled(level))
		return;
	va_list ap;
	va_start(ap, fmt);
	emit(level, NULL, fmt, ap);
	va_end(ap);
}

void log_err(enum log_level level, const char *fmt, ...)
{
	if (!log_enabled(level))
		return;
	va_list ap;
	va_start(ap, fmt);
	emit(level, err_last(), fmt, ap);
	va_end(ap);
}
