/* SPDX-License-Identifier: Apache-2.0 */
/* api_body: the body of a run, as JSON or as a form. A pure function, for the fuzzer as well. */
#pragma once
#include "base/str.h"

struct arena;
struct run_body {
	struct str language, code, preload;
	bool enable_network;
};
/* *json tells (on failure too) which form it was: failures are answered differently. */
status run_body_parse(struct arena *, struct str content_type, struct str body, struct run_body *out, bool *json) NODISCARD;
