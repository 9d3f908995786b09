/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_parse: the bytes of an HTTP/1.1 request as pure functions over a buffer. Knows nothing of
 * sockets, fibers or answers. Strict on purpose: whatever two servers could read in two ways is
 * refused, because a gateway in front of us might read it the other way (request smuggling).
 *
 * Results that are ints: 0 or positive words of their own enum, or an HTTP status >= 400.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"

struct arena;

/* How far a head has been looked at, so that a slow sender costs linear time. Zero to start. */
struct http_scan {
	size_t seen;	   /* bytes looked at */
	size_t line_start; /* of the line that is not complete yet */
	size_t lines;	   /* complete ones, the request line included */
	size_t head_len;   /* when found: bytes up to and with the empty line */
};
enum { HTTP_SCAN_MORE = 0, HTTP_SCAN_FOUND = 1 };
/* Looks for the end of the head. 400 for bare LF or a first byte no method starts with, 414 or 431
 * past `limit` bytes. */
int http_scan(struct http_scan *, const char *at, size_t len, size_t limit);

struct http_head {
	enum http_method method;
	struct str method_text, target;
	struct str path;      /* raw, "*" for OPTIONS * */
	struct str query;     /* raw, without "?" */
	struct str host;      /* authority of an absolute target, else the Host field */
	bool http10;
	bool keep_alive;      /* what the client wants, version default applied */
	bool expect_continue;
	int64_t body_length;  /* -1 = chunked */
	size_t header_count;
};
/* Parses a complete head of `lines` lines. `headers` has room for lines - 1 rows; all slices point
 * into `at`. Returns 0 or the HTTP status that refuses the request. */
int http_parse_head(const char *at, size_t len, struct http_header *headers, size_t headers_max,
		    struct http_head *out);
/* The same for a forward proxy: CONNECT is a method, `target` is left to the caller, path and query
 * stay empty, host is the Host field. */
int http_parse_proxy_head(const char *at, size_t len, struct http_header *headers,
			  size_t headers_max, struct http_head *out);

/* The head of an answer, as strict as that of a request. */
struct http_answer {
	int status;
	struct str reason;
	bool http10;
	bool keep_alive;     /* what the server wants, version default applied */
	int64_t body_length; /* -1 = chunked, -2 = until the connection ends; of an answer with a body */
	size_t header_count;
};
/* 0, or 400 for what is no answer. */
int http_parse_answer(const char *at, size_t len, struct http_header *headers, size_t headers_max,
		      struct http_answer *out);

/*
 * Decodes %XX and removes dot segments. A segment that holds %2F stays as it was sent, so that no
 * slash appears that the client did not write as one. False (answer 400) for %00 and broken
 * escapes. `out` may point into `raw` when nothing had to change.
 */
bool http_path_clean(struct arena *, struct str raw, struct str *out);

/* Body in chunks (RFC 9112 section 7.1). Zero to start. */
struct http_chunks {
	uint8_t state;
	uint8_t digits;
	uint16_t ext;	/* bytes of this chunk's extensions */
	uint64_t left;	/* of the chunk being read */
	size_t extra;	/* bytes of extensions and trailers so far */
};
enum { HTTP_CHUNKS_MORE = 0, HTTP_CHUNKS_DATA = 1, HTTP_CHUNKS_END = 2 };
enum { HTTP_CHUNKS_EXTRA_MAX = 8192, HTTP_CHUNKS_EXT_MAX = 256 };
/* Reads from the front of `at`: *used bytes are done with; with DATA, *data is the next piece of
 * body (counted in *used). MORE means all input is used up. 400 for bad framing. */
int http_chunks_next(struct http_chunks *, const char *at, size_t len, size_t *used,
		     struct str *data);

/* RFC 9110 token characters only, at least one. */
bool http_is_token(struct str);
/* Whether a comma separated list holds the token, without case. */
bool http_list_has(struct str list, struct str token);
