/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extractor: what parameter-extractor.c asks and how it reads answers (workflow.md 7.15), apart from
 * the node so that the rules are tested alone. Pure but for memory.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;

/* The function that the model is asked to call. */
#define EXTRACTOR_TOOL "extract_parameters"

/* JSON schema of the parameters: an object with properties and required. */
struct json *extractor_schema(struct arena *, const struct json *parameters);
/* The first value in the text that is, or can be repaired to, a JSON object; NULL = none. */
struct json *extractor_find_json(struct arena *, struct str text);
/* Why the values do not fit the parameters; at == NULL: they fit. */
struct str extractor_complaint(struct arena *, const struct json *parameters, const struct json *values);
/* Each parameter with a value of its type: converted where that is plain, else empty. */
struct json *extractor_normalise(struct arena *, const struct json *parameters, const struct json *values);
