/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: the record of the last failure. Each thread has one of its own; rt points err_use at the
 * running fiber's. Nothing here allocates, logs or waits.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static __thread struct err own;
static __thread struct err *slot;

static const struct {
	const char *name;
	int http;
	struct str slug;
	bool retryable;
} kinds[ERR_COUNT] = {
	[ERR_NONE] = { "NONE", 200, S_INIT(""), false },
#define X(name, http, slug, retryable) [ERR_##name] = { #name, http, S_INIT(slug), retryable },
#include "base/err.def"
#undef X
};

struct err *err_last(void)
{
	return slot ? slot : &own;
}

void err_use(struct err *s)
{
	slot = s;
}

/* Formats into out of size n and cuts a too long text before a broken UTF-8 character. */
static void format(char *out, size_t n, const char *fmt, va_list ap)
{
	int len = vsnprintf(out, n, fmt, ap);
	if (len < 0)
		out[0] = 0;
	if (len < 0 || (size_t)len < n)
		return;
	size_t end = n - 1, start = end;
	while (start > 0 && end - start < 4 && ((unsigned char)out[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	start--;
	unsigned char lead = (unsigned char)out[start];
	size_t want = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	if (start + want > end)
		out[start] = 0;
}

/* Via a copy on the stack, since the arguments may refer to the record itself. */
static void begin(const char *file, int line, enum err_code code, const char *text)
{
	struct err *e = err_last();
	e->code = code;
	e->file = file;
	e->line = line;
	e->slug[0] = 0;
	e->http = 0;
	e->detail[0] = 0;
	e->frames = 0;
	memcpy(e->text, text, strlen(text) + 1);
}

status err_set_at(const char *file, int line, enum err_code code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	begin(file, line, code, text);
	return -1;
}

status err_public_at(const char *file, int line, enum err_code code, const char *slug, int http,
		     const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], name[ERR_SLUG_MAX];
	va_list ap;
	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "%s", slug ? slug : "");
	begin(file, line, code, text);
	struct err *e = err_last();
	memcpy(e->slug, name, sizeof(name));
	e->http = http;
	return -1;
}

status err_wrap_at(const char *file, int line, const char *fmt, ...)
{
	struct err *e = err_last();
	char text[sizeof(e->frame[0].text)];
	va_list ap;
	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (e->code == ERR_NONE)
		begin(file, line, ERR_INTERNAL, "failure without a reason");
	/* When all are taken the outermost one is replaced: where it began tells more. */
	int i = e->frames < ERR_FRAMES_MAX ? e->frames++ : ERR_FRAMES_MAX - 1;
	e->frame[i].file = file;
	e->frame[i].line = line;
	memcpy(e->frame[i].text, text, sizeof(text));
	return -1;
}

static enum err_code kind_of_errno(int n)
{
	static const struct {
		int n;
		enum err_code code;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND },	 { ENOTDIR, ERR_NOT_FOUND },
		{ EACCES, ERR_DENIED },		 { EPERM, ERR_DENIED },
		{ EROFS, ERR_DENIED },		 { EEXIST, ERR_CONFLICT },
		{ ENOTEMPTY, ERR_CONFLICT },	 { EADDRINUSE, ERR_CONFLICT },
		{ ENOSPC, ERR_FULL },		 { EDQUOT, ERR_FULL },
		{ EFBIG, ERR_TOO_LARGE },	 { EMSGSIZE, ERR_TOO_LARGE },
		{ EMFILE, ERR_UNAVAILABLE },	 { ENFILE, ERR_UNAVAILABLE },
		{ ENOMEM, ERR_UNAVAILABLE },	 { EAGAIN, ERR_BUSY },
		{ EBUSY, ERR_BUSY },		 { ETIMEDOUT, ERR_TIMEOUT },
		{ ECONNREFUSED, ERR_UNAVAILABLE }, { EHOSTUNREACH, ERR_UNAVAILABLE },
		{ ENETUNREACH, ERR_UNAVAILABLE }, { ENETDOWN, ERR_UNAVAILABLE },
		{ ECONNRESET, ERR_CLOSED },	 { ECONNABORTED, ERR_CLOSED },
		{ EPIPE, ERR_CLOSED },		 { ENOTCONN, ERR_CLOSED },
		{ ECANCELED, ERR_CANCELLED },	 { EOPNOTSUPP, ERR_UNSUPPORTED },
		{ ENOSYS, ERR_UNSUPPORTED },	 { EPROTO, ERR_PROTOCOL },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].n == n)
			return rows[i].code;
	return ERR_IO;
}

status err_errno_at(const char *file, int line, int saved, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX - 128];
	va_list ap;
	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	const char *reason = strerrordesc_np(saved);
	if (!reason)
		return err_set_at(file, line, ERR_IO, "%s: error %d", text, saved);
	return err_set_at(file, line, kind_of_errno(saved), "%s: %s", text, reason);
}

void err_detail(const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct err *e = err_last();
	size_t have = strlen(e->detail);
	if (have && have + 2 < sizeof(e->detail)) {
		memcpy(e->detail + have, "; ", 3);
		have += 2;
	}
	size_t room = sizeof(e->detail) - 1 - have;
	size_t n = strlen(text);
	if (n > room)
		n = room;
	while (n && n < strlen(text) && ((unsigned char)text[n] & 0xC0) == 0x80)
		n--;
	memcpy(e->detail + have, text, n);
	e->detail[have + n] = 0;
}

enum err_code err_code(void)
{
	return err_last()->code;
}

struct str err_text(void)
{
	return str_c(err_last()->text);
}

static size_t kind_index(const struct err *e)
{
	return (unsigned)e->code < ERR_COUNT ? (size_t)e->code : ERR_INTERNAL;
}

int err_http(const struct err *e)
{
	return e->http ? e->http : kinds[kind_index(e)].http;
}

struct str err_slug(const struct err *e)
{
	return e->slug[0] ? str_c(e->slug) : kinds[kind_index(e)].slug;
}

bool err_retryable(const struct err *e)
{
	return kinds[kind_index(e)].retryable;
}

const char *err_name(enum err_code code)
{
	return (unsigned)code < ERR_COUNT ? kinds[code].name : "UNKNOWN";
}

void err_clear(void)
{
	const struct err *e = err_last();
	if (e->code || e->text[0] || e->detail[0]) /* a record never written costs no memory */
		begin(NULL, 0, ERR_NONE, "");
}

void err_save(struct err *out)
{
	*out = *err_last();
}

status err_restore(const struct err *saved)
{
	*err_last() = *saved;
	return -1;
}
