/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_build: an http-request node's data as a request: address, headers, body, and the text of it
 * that people see, without secrets (workflow.md 7.10). Reads the pool; sends nothing. Files come
 * through `content`. Only the http-request node calls it.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"

struct arena;
struct json;
struct node_run;

struct http_plan {
	struct str method, url; /* upper case; with parameters, encoded */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
	struct str log;	      /* in mem of http_build */
	struct str auth_name; /* header that holds the key, "" = none */
};
struct http_build {
	struct node_run *run;
	struct arena *mem; /* of what the request needs; the log and failures are in run->mem */
	/* The bytes of a file object; may wait. */
	status (*content)(struct node_run *, struct arena *, const struct json *file, struct str *out);
	struct str boundary; /* of forms with files */
	size_t body_max;
};
/* Fails with node_fail and the class that workflows test: InvalidURLError, InvalidHttpMethodError,
 * AuthorizationConfigError, RequestBodyError, FileFetchError, ResponseSizeError. */
status http_build(struct http_build *, struct http_plan *out) NODISCARD;
/* The text with stars in place of values of secret variables. */
struct str http_build_shown(struct http_build *, struct str text);
/* ERR_INVALID naming the field: what can never run. */
status http_build_check(const struct json *data) NODISCARD;
