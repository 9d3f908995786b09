/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_reply: what an http-request node makes of an answer: file or text, how large it may be, its
 * text, what the file is called (workflow.md 7.10). Pure; only the http-request node calls it.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct client_response;

bool http_reply_is_file(const struct client_response *);
/* The media type of a file answer: by its name, its Content-Type, the address. */
struct str http_reply_mime(const struct client_response *, struct str url);
/* Its name, or "". In mem. */
struct str http_reply_name(struct arena *, const struct client_response *);
/* Any charset as UTF-8. */
status http_reply_text(struct arena *, const struct client_response *, struct str *out) NODISCARD;
/* "512 bytes", "1.50 KB", "2.00 MB" */
struct str http_reply_size(struct arena *, uint64_t bytes);
