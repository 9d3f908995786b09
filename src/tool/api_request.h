/* SPDX-License-Identifier: Apache-2.0 */
/* api_request: one call of an imported operation as an HTTP request. Pure. */
#pragma once
#include "base/core.h"
#include "base/str.h"
#include "net/http.h"

struct arena;
struct json;

enum { API_HEADERS_MAX = 64 };
struct api_request {
	struct str method, url, body;
	struct http_header headers[API_HEADERS_MAX];
	size_t header_count;
};
/* args: cast, null where nothing was given. ERR_INVALID names the parameter that cannot be sent. */
status api_request_make(struct arena *, const struct json *operation, const struct json *credentials,
			const struct json *args, struct api_request *out) NODISCARD;
