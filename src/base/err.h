/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: failure as a value. A function that can fail returns `status`; the record of the last
 * failure lies in the running fiber (or in the thread, outside a loop) and costs no malloc.
 *   return err_set(ERR_NOT_FOUND, "app %.*s", STR(id));
 *   if (app_load(...)) return err_wrap("publish app");
 * The text is safe to show to users. What they must not see goes into err_detail.
 * Libraries never log; the handler that ends an error logs it once.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

/* X(name, HTTP status, slug, retryable) in err.def is the one table of kinds. */
enum err_code {
	ERR_NONE = 0,
#define X(name, http, slug, retryable) ERR_##name,
#include "base/err.def"
#undef X
	ERR_COUNT
};

enum { ERR_TEXT_MAX = 1024, ERR_FRAMES_MAX = 4, ERR_SLUG_MAX = 64 };

struct err {
	enum err_code code;
	const char *file;
	int line;
	/* Public code other than the table's slug (API documents name many); "" = the table's. */
	char slug[ERR_SLUG_MAX];
	int http; /* 0 = the table's */
	char text[ERR_TEXT_MAX];   /* for the user */
	char detail[ERR_TEXT_MAX]; /* for the log */
	int frames;
	struct {
		const char *file;
		int line;
		char text[160];
	} frame[ERR_FRAMES_MAX];
};

/* All return -1. Arguments may refer to the current record. */
status err_set_at(const char *file, int line, enum err_code, const char *fmt, ...) PRINTF(4, 5);
status err_wrap_at(const char *file, int line, const char *fmt, ...) PRINTF(3, 4);
/* As err_set with an own public slug and HTTP status (0 = the table's). */
status err_public_at(const char *file, int line, enum err_code, const char *slug, int http,
		     const char *fmt, ...) PRINTF(6, 7);
#define err_set(code, ...) err_set_at(__FILE__, __LINE__, (code), __VA_ARGS__)
#define err_wrap(...) err_wrap_at(__FILE__, __LINE__, __VA_ARGS__)
#define err_public(code, slug, http, ...) \
	err_public_at(__FILE__, __LINE__, (code), (slug), (http), __VA_ARGS__)
/* From errno: picks the kind (ENOENT, ENOSPC, EMFILE, ETIMEDOUT, ...) and adds strerror. */
status err_errno_at(const char *file, int line, int saved, const char *fmt, ...) PRINTF(4, 5);
#define err_errno(...) err_errno_at(__FILE__, __LINE__, errno, __VA_ARGS__)
/* Adds private detail to the current record. */
void err_detail(const char *fmt, ...) PRINTF(1, 2);

/* The record of the last failure; valid until the next failure of this fiber. */
struct err *err_last(void);
enum err_code err_code(void);
struct str err_text(void);
int err_http(const struct err *);
struct str err_slug(const struct err *);
bool err_retryable(const struct err *);
const char *err_name(enum err_code);
void err_clear(void);
/* Keeps a failure across other calls: struct err saved; err_save(&saved); ...; err_restore(&saved) */
void err_save(struct err *out);
status err_restore(const struct err *);

/* rt points this at the running fiber's record at every switch; NULL means the thread's own. */
void err_use(struct err *slot);
