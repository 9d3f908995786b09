/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi: descriptions of HTTP interfaces (OpenAPI 3, Swagger 2; JSON or YAML) to a list of
 * operations that can be called as tools. Pure. References inside the document are followed, others
 * are not; what cannot be understood is left out, what makes every call impossible is refused.
 *
 * An operation: {name, description, method, url, body ("", "json", "form", "multipart"), parameters}; a
 * parameter: {name, in (path query header cookie body), type, required, description, default, options,
 * schema}. Types are those of tool.h.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

enum { OPENAPI_TEXT_MAX = 4 << 20, OPENAPI_OPERATIONS_MAX = 512, OPENAPI_PARAMETERS_MAX = 128 };

/* ERR_INVALID says what is wrong with the text. *kind: "openapi" or "swagger". */
status openapi_read(struct arena *, struct str text, struct json **operations, struct str *kind) NODISCARD;
