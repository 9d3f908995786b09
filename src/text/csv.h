/* SPDX-License-Identifier: Apache-2.0 */
/* csv: rows of comma-separated text, cut as Python's csv module cuts them. Pure; time and memory are
 * proportional to the input. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

struct csv {
	struct str text;
	size_t at;
};
/* The next row; its cells lie in the arena (*n = 0: an empty line). false: no more rows. */
bool csv_row(struct arena *, struct csv *, struct str **cells, size_t *n);
