/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: JSON Schema draft 7, the part that inputs use: type, enum, const, properties, required,
 * additionalProperties, items, bounds, lengths, uniqueItems, allOf, anyOf, oneOf, not, if. References
 * and patterns are not looked at: a value is never refused for them.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;
/* False when the value does not match; *why says what and where, in the words clients know. */
bool schema_check(struct arena *, const struct json *schema, const struct json *value, struct str *why);
