/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja: the template language of Jinja2 3.1 with its default settings, as the Python package
 * renders it: same text, same errors. Pure: no clock, no I/O, no waiting; may run on any thread.
 *
 * Failures carry what a user of the package would read:
 *   ERR_INVALID      "jinja2.exceptions.UndefinedError: 'x' is undefined (line 3)"
 *   ERR_UNSUPPORTED  the template does something that is not done here: render it with the real
 *                    package, never guess
 *   ERR_LIMIT        steps or depth are used up
 *   ERR_TOO_LARGE    template, output or memory is too large
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

/* What one rendering may use. */
struct jinja_limits {
	size_t source_max; /* bytes of the template */
	size_t output_max; /* bytes of the output, and of any text made on the way */
	size_t memory_max; /* bytes of all values made on the way */
	int64_t steps_max; /* expressions evaluated, items visited, 64 bytes of text moved */
	int64_t range_max; /* items of range() and of a repeated list */
	int depth_max;	   /* expressions, statements and macros inside each other, while rendering */
};
enum {
	JINJA_SOURCE_MAX = 1 << 20,
	JINJA_OUTPUT_MAX = 8 << 20,
	JINJA_MEMORY_MAX = 128 << 20,
	JINJA_STEPS_MAX = 20000000,
	JINJA_RANGE_MAX = 1000000,
	JINJA_DEPTH_MAX = 4000,
	/* Enough for what people write, and little enough for the loop: a millisecond or two. */
	JINJA_SMALL_SOURCE = 32 << 10,
	JINJA_SMALL_STEPS = 20000,
	JINJA_SMALL_DEPTH = 150,
	JINJA_SMALL_MEMORY = 2 << 20,
	/* Of blocks and brackets in the text. Python itself stops at 20 loops and 200 brackets. */
	JINJA_NESTING_MAX = 80,
};
/* For a thread of its own: needs 4 MiB of stack. */
extern const struct jinja_limits jinja_limits_whole;
/* For a fiber on the loop: gives up with ERR_LIMIT or ERR_TOO_LARGE, and then a thread may try. */
extern const struct jinja_limits jinja_limits_small;

/* The template lives in mem and is never changed by rendering: threads may share it. */
struct jinja_template;
status jinja_parse(struct arena *mem, struct str source, const struct jinja_limits *,
		   struct jinja_template **out) NODISCARD;
/* inputs: an object, not changed. Its texts must outlive *out, which lives in mem. */
status jinja_run(struct arena *mem, const struct jinja_template *, const struct json *inputs,
		 const struct jinja_limits *, struct str *out) NODISCARD;
/* Both at once. */
status jinja_render(struct arena *mem, struct str source, const struct json *inputs,
		    const struct jinja_limits *, struct str *out) NODISCARD;
