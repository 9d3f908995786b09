/* SPDX-License-Identifier: Apache-2.0 */
/* condition: the comparisons of if-else and loop (workflow.md 7.6), one row an operator. Pure. */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"
#include "flow/pool.h"

struct arena;

struct condition_trace {
	struct json *shown;   /* {actual_value, expected_value, comparison_operator} per condition */
	struct json *results; /* booleans */
};
/* Build-time check: is the operator one that exists? */
status condition_check(const struct json *condition) NODISCARD;
/* all: `and`, else `or`; stops at the first that decides. An empty list holds for `and`. Fails
 * with the documented texts, also when a variable is not there. */
status condition_list(struct arena *, const struct pool *, const struct json *conditions, bool all,
		      bool *holds, struct condition_trace *) NODISCARD;
/* One comparison of a value. expected may be NULL. */
status condition_compare(struct arena *, struct str op, const struct var *value,
			 const struct json *expected, bool *holds) NODISCARD;
