/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair: reads JSON as language models write it: in fences, with text around it, single quotes,
 * bare words, comments, trailing commas, missing commas and missing closing brackets. Pure.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;
/* Strict JSON is read as it is. ERR_INVALID when there is nothing to build a value from. */
status json_repair(struct arena *, struct str text, struct json **out) NODISCARD;
