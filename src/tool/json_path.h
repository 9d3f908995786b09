/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_path: places in a JSON value: $.a.b, ['a b'], [0], [-1], [*], .*, ..name. Pure. The value must not
 * change its shape between finding and using what was found.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct json;

enum { JSON_PATH_STEPS_MAX = 64, JSON_PATH_FOUND_MAX = 10000 };

struct json_place {
	struct json *parent; /* NULL: the root */
	struct json *value;
	struct str name;     /* in an object */
	size_t index;	     /* in an array */
};
/* Places in document order. ERR_INVALID for a broken path, ERR_TOO_LARGE past the limits. */
status json_path_find(struct arena *, struct json *root, struct str path, struct json_place **out,
		      size_t *n) NODISCARD;
/* Makes the objects on a path of names only that are missing; false for other paths. */
bool json_path_create(struct arena *, struct json *root, struct str path, const struct json *value);
