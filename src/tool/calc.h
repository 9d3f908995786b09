/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calc: arithmetic expressions: + - * / // % **, brackets, numbers, pi, e, and the usual functions.
 * Whole numbers stay whole as long as the operation allows it. Pure.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

enum { CALC_TEXT_MAX = 10000, CALC_DEPTH_MAX = 100 };

/* *out: the value as Python prints it. ERR_INVALID says what is wrong and where. */
status calc_text(struct arena *, struct str expression, struct str *out) NODISCARD;
