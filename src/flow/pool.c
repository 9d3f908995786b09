/* SPDX-License-Identifier: Apache-2.0 */
/* pool: the two-level map of variables, types and selectors. See pool.h. */
#include "flow/pool.h"
#include "base/arena.h"
#include "base/buf.h"

static const struct {
	enum var_type type;
	struct str name;
} type_names[] = {
	{ VAR_NONE, S_INIT("none") },
	{ VAR_STRING, S_INIT("string") },
	{ VAR_SECRET, S_INIT("secret") },
	{ VAR_INTEGER, S_INIT("integer") },
	{ VAR_FLOAT, S_INIT("float") },
	{ VAR_NUMBER, S_INIT("number") },
	{ VAR_BOOLEAN, S_INIT("boolean") },
	{ VAR_OBJECT, S_INIT("object") },
	{ VAR_FILE, S_INIT("file") },
	{ VAR_ARRAY_ANY, S_INIT("array[any]") },
	{ VAR_ARRAY_STRING, S_INIT("array[string]") },
	{ VAR_ARRAY_NUMBER, S_INIT("array[number]") },
	{ VAR_ARRAY_BOOLEAN, S_INIT("array[boolean]") },
	{ VAR_ARRAY_OBJECT, S_INIT("array[object]") },
	{ VAR_ARRAY_FILE, S_INIT("array[file]") },
};

struct str var_type_name(enum var_type t)
{
	for (size_t i = 0; i < countof(type_names); i++)
		if (type_names[i].type == t)
			return type_names[i].name;
	return S("none");
}

enum var_type var_type_parse(struct str name)
{
	for (size_t i = 0; i < countof(type_names); i++)
		if (str_eq_nocase(type_names[i].name, name))
			return type_names[i].type;
	return VAR_INFER;
}

bool var_is_file(const struct json *v)
{
	return json_is(v, JSON_OBJ) &&
	       str_eq(json_get_str(v, S("dify_model_identity")), S("__dify__file__"));
}

static enum var_type infer_array(const struct json *v)
{
	enum var_type all = VAR_INFER;
	json_each(v, item) {
		enum var_type t = var_infer(item);
		if (t == VAR_INTEGER || t == VAR_FLOAT)
			t = VAR_NUMBER;
		if (all == VAR_INFER)
			all = t;
		else if (all != t)
			return VAR_ARRAY_ANY;
	}
	switch (all) {
	case VAR_STRING:
		return VAR_ARRAY_STRING;
	case VAR_NUMBER:
		return VAR_ARRAY_NUMBER;
	case VAR_BOOLEAN:
		return VAR_ARRAY_BOOLEAN;
	case VAR_OBJECT:
		return VAR_ARRAY_OBJECT;
	case VAR_FILE:
		return VAR_ARRAY_FILE;
	default:
		return VAR_ARRAY_ANY;
	}
}

/* A list of nothing but lists is array[any] whatever the inner lists hold: no need to look. */
enum var_type var_infer(const struct json *v)
{
	if (!v)
		return VAR_NONE;
	switch (v->type) {
	case JSON_BOOL:
		return VAR_BOOLEAN;
	case JSON_INT:
		return VAR_INTEGER;
	case JSON_FLOAT:
		return VAR_FLOAT;
	case JSON_STR:
		return VAR_STRING;
	case JSON_OBJ:
		return var_is_file(v) ? VAR_FILE : VAR_OBJECT;
	case JSON_ARR:
		if (v->len && (v->items[0].type == JSON_ARR || v->items[0].type == JSON_NULL))
			return VAR_ARRAY_ANY;
		return infer_array(v);
	default:
		return VAR_NONE;
	}
}

void pool_init(struct pool *p, struct arena *mem)
{
	p->mem = mem;
	p->nodes = map_make(mem);
}

static struct pool_node *new_node(struct pool *p, struct str id)
{
	struct pool_node *n = arena_new(p->mem, struct pool_node);
	n->id = id;
	n->owner = p;
	map_set(&p->nodes, id, n);
	return n;
}

/* The node for writing: a shared one is replaced by a copy of its own. */
static struct pool_node *node_of(struct pool *p, struct str id)
{
	struct pool_node *n = map_get(&p->nodes, id);
	if (n && n->owner == p && !n->shared)
		return n;
	struct pool_node *own = new_node(p, id);
	own->names = n ? map_copy(p->mem, &n->names) : map_make(p->mem);
	own->origin = n && n->owner == p ? n->origin : n;
	return own;
}

void pool_set(struct pool *p, struct str node, struct str name, const struct json *value,
	      enum var_type type)
{
	struct pool_node *n = node_of(p, node);
	struct var *v = arena_new(p->mem, struct var);
	map_set(&n->names, name, v);
	v->value = value ? *value : (struct json){ .type = JSON_NULL };
	v->type = type == VAR_INFER || type == VAR_NUMBER ? var_infer(&v->value) : type;
}

struct var *pool_find(const struct pool *p, struct str node, struct str name)
{
	const struct pool_node *n = map_get(&p->nodes, node);
	return n ? map_get(&n->names, name) : NULL;
}

/* Attributes of a file that a selector may name; the right side is the key of the object. */
static const struct {
	struct str attribute, key;
} file_attributes[] = {
	{ S_INIT("type"), S_INIT("type") },
	{ S_INIT("size"), S_INIT("size") },
	{ S_INIT("name"), S_INIT("filename") },
	{ S_INIT("mime_type"), S_INIT("mime_type") },
	{ S_INIT("transfer_method"), S_INIT("transfer_method") },
	{ S_INIT("url"), S_INIT("url") },
	{ S_INIT("extension"), S_INIT("extension") },
	{ S_INIT("related_id"), S_INIT("related_id") },
};

static const struct json *file_attribute(const struct json *file, struct str name)
{
	for (size_t i = 0; i < countof(file_attributes); i++)
		if (str_eq(file_attributes[i].attribute, name))
			return json_get(file, file_attributes[i].key);
	return NULL;
}

bool pool_get(const struct pool *p, const struct str *parts, size_t n, struct var *out)
{
	if (n < 2)
		return false;
	const struct var *v = pool_find(p, parts[0], parts[1]);
	if (!v)
		return false;
	*out = *v;
	const struct json *at = &v->value;
	for (size_t i = 2; i < n; i++) {
		if (var_is_file(at)) {
			at = i == 2 && n == 3 ? file_attribute(at, parts[i]) : NULL;
		} else {
			at = json_is(at, JSON_OBJ) ? json_get(at, parts[i]) : NULL;
		}
		if (!at)
			return false;
		out->value = *at;
		out->type = var_infer(at);
	}
	return true;
}

size_t selector_read(const struct json *v, struct str parts[SELECTOR_PARTS_MAX])
{
	if (!json_is(v, JSON_ARR) || v->len > SELECTOR_PARTS_MAX)
		return 0;
	for (size_t i = 0; i < v->len; i++) {
		if (v->items[i].type != JSON_STR)
			return 0;
		parts[i] = json_as_str(&v->items[i], S(""));
	}
	return v->len;
}

bool pool_get_json(const struct pool *p, const struct json *selector, struct var *out)
{
	struct str parts[SELECTOR_PARTS_MAX];
	size_t n = selector_read(selector, parts);
	return pool_get(p, parts, n, out);
}

void pool_remove_node(struct pool *p, struct str node)
{
	(void)map_remove(&p->nodes, node);
}

void pool_snapshot(struct pool *to, struct arena *mem, struct pool *from)
{
	to->mem = mem;
	to->nodes = map_copy(mem, &from->nodes);
	map_each(&from->nodes, e) ((struct pool_node *)e->value)->shared = true;
}

static void write_back_node(struct pool *to, const struct pool_node *n, bool whole)
{
	const struct pool_node *now = map_get(&to->nodes, n->id), *before = whole ? now : n->origin;
	struct str id = now ? now->id : arena_str(to->mem, n->id);
	map_each(&n->names, e) {
		const struct var *v = e->value;
		if (!before || map_get(&before->names, e->key) != v)
			pool_set(to, id, arena_str(to->mem, e->key), json_copy(to->mem, &v->value), v->type);
	}
}

void pool_write_back(struct pool *to, const struct pool *snapshot, bool whole, pool_wants wants, void *ctx)
{
	map_each(&snapshot->nodes, e) {
		const struct pool_node *n = e->value;
		if (n->owner == snapshot && wants(ctx, n->id))
			write_back_node(to, n, whole);
	}
}

struct json *pool_node_json(const struct pool *p, struct arena *mem, struct str node)
{
	struct json *out = json_obj(mem);
	const struct pool_node *n = map_get(&p->nodes, node);
	if (!n)
		return out;
	map_each(&n->names, e) json_set(mem, out, e->key, &((const struct var *)e->value)->value);
	return out;
}

struct str selector_python(struct arena *mem, const struct json *selector)
{
	struct buf b = buf_make(mem, 0);
	if (selector)
		json_write_python(&b, selector);
	return buf_str(&b);
}
