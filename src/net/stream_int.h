/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_int: the parsers of multipart bodies and event streams over any source of bytes, so that
 * tests and fuzzers can feed them without a socket.
 */
#pragma once
#include "net/client.h"
#include "net/http.h"

/* Next bytes, *n = 0 at the end. */
typedef status (*byte_source)(void *arg, char *at, size_t cap, size_t *n);
/* The same without a copy: valid until the next call; empty at the end. */
typedef status (*piece_source)(void *arg, struct str *piece);

enum { MULTIPART_PARTS_MAX = 1000, MULTIPART_HEAD_MAX = 8192, MULTIPART_FIELDS_MAX = 16 };

/* content_type is the value of the header field. */
status multipart_open_source(struct arena *, struct str content_type, byte_source, void *arg,
			     struct multipart **out) NODISCARD;
struct sse_reader *sse_reader_open_source(struct arena *, piece_source, void *arg, size_t event_max);
