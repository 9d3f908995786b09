/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code_output: what a code node's result must look like (workflow.md 7.8): declared names and types,
 * limits of sizes. Pure; only the code node calls it.
 */
#pragma once
#include "base/core.h"

struct json;
struct node_run;

struct code_limits {
	int64_t number_max, number_min, depth, precision, string_length;
	int64_t string_array, object_array, number_array;
};
/*
 * Builds *out in the order of `outputs` ({name: {type, children}}). Fails through node_fail with the
 * class OutputValidationError, DepthLimitError or CodeNodeError.
 */
status code_output_check(struct node_run *, const struct code_limits *, const struct json *outputs,
			 const struct json *result, struct json **out) NODISCARD;
/* ERR_INVALID with the reason why `outputs` can never be met: an unknown type, a row that is no object. */
status code_output_declared(const struct json *outputs) NODISCARD;
