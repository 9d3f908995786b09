/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: YAML 1.1 (safe subset: no tags that build objects) to the json tree (by libyaml) and back.
 * Reads yes/no/on/off as booleans, 0x10, 010, 0b1 and 1_000 as integers, 1e3 and 0o17 as Python's
 * loader does (texts), ~ as null, anchors and merge keys with a cap on expansion; dates stay texts.
 * Writes block style as Python's yaml.dump(sort_keys=False, allow_unicode=True) reads back.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

enum { YAML_DEPTH_MAX = 100, YAML_SIZE_MAX = 10 << 20, YAML_NODES_MAX = 1000000 };

/* ERR_INVALID with line and column; ERR_TOO_LARGE past a limit (aliases count each time). */
status yaml_parse(struct arena *, struct str text, struct json **out) NODISCARD;
struct str yaml_text(struct arena *, const struct json *);
