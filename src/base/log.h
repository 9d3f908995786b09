/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line an event, JSON (files, containers) or readable text (terminal). Request, run and
 * tenant ids come from the running fiber's context. Never blocks for long: writes to stderr.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_context {
	struct str request_id, run_id, tenant_id;
};

void log_setup(enum log_level min, bool json, const char *role);
/* Another place than stderr, for tests and commands; call after log_setup. Not closed here. */
void log_fd(int fd);
bool log_enabled(enum log_level);
void log_line(enum log_level, const char *fmt, ...) PRINTF(2, 3);
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
/* Logs the fiber's error record with code, site, detail and chain, once. */
void log_err(enum log_level, const char *fmt, ...) PRINTF(2, 3);
/* Whole lines that the caller has made, as they are; dropped, and counted, when nobody reads. */
void log_raw(struct str lines);
/* rt points this at the running fiber's context at every switch. */
void log_use(struct log_context *);
