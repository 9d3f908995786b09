/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: the variables of a run (workflow.md section 4): typed values under two names, their
 * selectors, their renderings as text, markdown and log, and the templates that name them.
 * Pure: knows neither graph nor run. Values are trees in arenas that outlive the pool.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"

struct arena;
struct buf;

enum var_type {
	VAR_INFER, /* for pool_set: look at the value */
	VAR_NONE,
	VAR_STRING,
	VAR_SECRET,
	VAR_INTEGER,
	VAR_FLOAT,
	VAR_NUMBER, /* declared only: integer or float, by the value */
	VAR_BOOLEAN,
	VAR_OBJECT,
	VAR_FILE,
	VAR_ARRAY_ANY,
	VAR_ARRAY_STRING,
	VAR_ARRAY_NUMBER,
	VAR_ARRAY_BOOLEAN,
	VAR_ARRAY_OBJECT,
	VAR_ARRAY_FILE,
	VAR_TYPE_COUNT
};
struct str var_type_name(enum var_type);
/* VAR_INFER for an unknown name. Without case. */
enum var_type var_type_parse(struct str);
enum var_type var_infer(const struct json *);
static inline bool var_is_array(enum var_type t)
{
	return t >= VAR_ARRAY_ANY && t <= VAR_ARRAY_FILE;
}
/* A file object: an object whose dify_model_identity says so. */
bool var_is_file(const struct json *);

struct var {
	enum var_type type;
	struct json value;
};

struct pool {
	struct arena *mem;
	struct map nodes; /* id -> struct pool_node */
};
/* Nodes may be shared by several pools, and variables by several nodes: neither changes then. */
struct pool_node {
	struct str id;
	struct map names; /* name -> struct var, which is replaced and never written */
	const struct pool *owner;
	bool shared;
	const struct pool_node *origin; /* what it was before this pool wrote to it */
};
void pool_init(struct pool *, struct arena *);
/* value is copied shallowly; NULL = null. VAR_INFER and VAR_NUMBER take the type from the value. */
void pool_set(struct pool *, struct str node, struct str name, const struct json *value, enum var_type);
/* The stored variable itself, or NULL: for assigners, which keep the declared type. */
struct var *pool_find(const struct pool *, struct str node, struct str name);
/* Two or more parts; further ones walk into objects or name one attribute of a file. */
bool pool_get(const struct pool *, const struct str *parts, size_t n, struct var *out);
/* selector: an array of strings; false also when it is none. */
bool pool_get_json(const struct pool *, const struct json *selector, struct var *out);
void pool_remove_node(struct pool *, struct str node);
/* What `from` holds now; later changes of either are not seen by the other. Costs a pointer a node:
 * values are shared until they are written. `from` must outlive `to`. */
void pool_snapshot(struct pool *to, struct arena *mem, struct pool *from);
/* Copies what a snapshot has written back into the pool that it was taken from. `wants`: which nodes.
 * whole: everything that differs now, not only what the snapshot wrote. */
typedef bool (*pool_wants)(void *ctx, struct str node);
void pool_write_back(struct pool *to, const struct pool *snapshot, bool whole, pool_wants, void *ctx);
/* All variables of one node as an object, in the order they were set. */
struct json *pool_node_json(const struct pool *, struct arena *, struct str node);

enum { SELECTOR_PARTS_MAX = 12 };
/* Reads an array of strings; the number of parts, 0 when it is no selector. */
size_t selector_read(const struct json *, struct str parts[SELECTOR_PARTS_MAX]);

/* ['a', 'b'], as messages show selectors. */
struct str selector_python(struct arena *, const struct json *selector);

/* --- renderings (4.5) --- */
enum var_form { VAR_TEXT, VAR_MARKDOWN, VAR_LOG };
void var_render(struct buf *, const struct var *, enum var_form);
struct str var_text(struct arena *, const struct var *, enum var_form);

/* --- templates (4.4) --- */
struct template_part {
	bool variable;
	struct str text;   /* literal text, or the selector as written: "id.name" */
	struct str *parts; /* selector of a variable, or of a literal that could be one */
	size_t count;
};
struct template {
	struct template_part *parts;
	size_t len;
};
void template_parse(struct arena *, struct str text, struct template *);
void template_render(struct buf *, const struct template *, const struct pool *, enum var_form);
/* Parse and render at once. */
struct str template_text(struct arena *, struct str text, const struct pool *, enum var_form);
