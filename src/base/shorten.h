/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shorten: values as people look at them in a debugger or on a page (workflow.md 9.3). What programs
 * get through the Service API is never shortened.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"

struct config;

struct shorten_limits {
	int64_t string_chars; /* code points of one text */
	int64_t array_items;
	int64_t total_bytes;  /* of one value as JSON text, about */
};
struct shorten_limits shorten_limits_of(const struct config *);

/* v itself when it fits; else a copy in the arena (what fits is shared with v) and *cut = true. Texts
 * end in "..." where they were cut; items, members and texts past the total are left out. */
const struct json *shorten_value(struct arena *, const struct json *v, const struct shorten_limits *, bool *cut);
/* inputs, process_data and outputs of a node's or container's data, with their "<name>_truncated". */
void shorten_node(struct arena *, struct json *data, const struct shorten_limits *);
/* Whether JSON text of this length can hold anything to shorten: spares parsing the usual events. */
bool shorten_may(const struct shorten_limits *, size_t text_len);
