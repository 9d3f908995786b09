/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_int: what the reader and the writer share. */
#pragma once
#include "base/json.h"

enum yaml_kind { YAML_KIND_STR, YAML_KIND_MERGE, YAML_KIND_OTHER };

/*
 * What a plain scalar means to Python's safe loader. Sets *out for everything but dates, merge
 * keys and texts. YAML_KIND_OTHER with out->type JSON_STR: a date or "=", which read as text here.
 */
enum yaml_kind yaml_resolve(struct str plain, struct json *out);
/* The same for one explicit tag: "int", "float", "bool", "null". False when it does not fit. */
bool yaml_resolve_as(const char *tag, struct str text, struct json *out);
