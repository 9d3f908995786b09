/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_read: events of libyaml to our tree, with a stack of open containers instead of recursion.
 *
 *     event -> put() -> top frame (item, name, or value) ... end event -> close_frame() -> put()
 *
 * Aliases copy the structure and share the texts; each copy counts against the number of nodes,
 * so that a few lines cannot unfold to gigabytes.
 */
#include "base/yaml.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "base/vec.h"
#include "base/yaml_int.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct frame {
	enum json_type type; /* JSON_ARR or JSON_OBJ */
	struct str anchor;   /* at NULL = none */
	bool has_name, merge;
	struct str name;
	VEC(struct json) items;
	VEC(struct json_member) members;
	VEC(struct json) merges; /* objects, in the order in which they apply */
};

struct reader {
	struct arena *mem;
	yaml_parser_t *parser;
	struct map anchors; /* struct json * by name */
	struct frame stack[YAML_DEPTH_MAX];
	int depth;
	size_t nodes;
	struct json *root;
};

static status fail_at(enum err_code code, yaml_mark_t at, const char *what)
{
	return err_set(code, "YAML line %zu column %zu: %s", at.line + 1, at.column + 1, what);
}

static status parser_error(const yaml_parser_t *p)
{
	yaml_mark_t at = p->problem_mark;
	if (p->error == YAML_READER_ERROR)
		return err_set(ERR_INVALID, "YAML byte %zu: %s", p->problem_offset,
			       p->problem ? p->problem : "broken text");
	if (p->error == YAML_MEMORY_ERROR)
		return err_set(ERR_TOO_LARGE, "YAML takes too much memory");
	return fail_at(ERR_INVALID, at, p->problem ? p->problem : "broken");
}

static status count_node(struct reader *r, yaml_mark_t at)
{
	if (++r->nodes > YAML_NODES_MAX)
		return fail_at(ERR_TOO_LARGE, at, "too many values");
	return 0;
}

/* --- objects: repeated names and merges --- */

enum { SMALL_OBJECT = 24 };

struct object {
	struct arena *mem;
	struct json_member *at;
	size_t len;
	struct map index; /* heap; used past SMALL_OBJECT */
	bool indexed;
};

static void object_put(struct object *o, const struct json_member *m)
{
	struct json_member *have = NULL;
	if (o->indexed)
		have = map_get(&o->index, m->name);
	else
		for (size_t i = 0; i < o->len && !have; i++)
			have = str_eq(o->at[i].name, m->name) ? &o->at[i] : NULL;
	if (have) {
		have->value = m->value;
		return;
	}
	o->at[o->len] = *m;
	if (o->indexed)
		map_set(&o->index, m->name, &o->at[o->len]);
	o->len++;
}

/* Merged members come first, then the object's own: later ones win but keep the first place. */
static struct json finish_object(struct reader *r, struct frame *f)
{
	size_t most = f->members.len;
	for (size_t i = 0; i < f->merges.len; i++)
		most += f->merges.at[i].len;
	struct object o = { .mem = r->mem,
			    .at = arena_array(r->mem, struct json_member, most),
			    .index = map_make(NULL),
			    .indexed = most > SMALL_OBJECT };
	for (size_t i = 0; i < f->merges.len; i++)
		json_each_member(&f->merges.at[i], m)
			object_put(&o, m);
	for (size_t i = 0; i < f->members.len; i++)
		object_put(&o, &f->members.at[i]);
	map_free(&o.index);
	return (struct json){ .type = JSON_OBJ,
			      .len = (uint32_t)o.len,
			      .cap = (uint32_t)most,
			      .members = o.at };
}

/* Copies containers, shares texts: a later json_set on one copy must not show in the other. */
static status copy_tree(struct reader *r, const struct json *from, struct json *to, int depth,
			yaml_mark_t at)
{
	if (count_node(r, at))
		return -1;
	if (depth > YAML_DEPTH_MAX)
		return fail_at(ERR_TOO_LARGE, at, "nested too deep");
	*to = *from;
	if (from->type == JSON_ARR) {
		to->items = arena_array(r->mem, struct json, from->len);
		to->cap = from->len;
		for (uint32_t i = 0; i < from->len; i++)
			if (copy_tree(r, &from->items[i], &to->items[i], depth + 1, at))
				return -1;
	} else if (from->type == JSON_OBJ) {
		to->members = arena_array(r->mem, struct json_member, from->len);
		to->cap = from->len;
		for (uint32_t i = 0; i < from->len; i++) {
			to->members[i].name = from->members[i].name;
			if (copy_tree(r, &from->members[i].value, &to->members[i].value, depth + 1,
				      at))
				return -1;
		}
	}
	return 0;
}

static status add_merge(struct reader *r, struct frame *f, const struct json *v, yaml_mark_t at)
{
	if (v->type == JSON_OBJ) {
		vec_push(r->mem, &f->merges, *v);
		return 0;
	}
	if (v->type != JSON_ARR)
		return fail_at(ERR_INVALID, at, "a merge needs a mapping or a list of mappings");
	/* Of several the first wins, so it is applied last. */
	for (uint32_t i = v->len; i-- > 0;) {
		if (v->items[i].type != JSON_OBJ)
			return fail_at(ERR_INVALID, at, "a merge needs mappings");
		vec_push(r->mem, &f->merges, v->items[i]);
	}
	return 0;
}

/* Names in our tree are texts: numbers, booleans and null become what json.dumps makes of them. */
static status name_of(struct reader *r, const struct json *v, yaml_mark_t at, struct str *out)
{
	if (v->type == JSON_ARR || v->type == JSON_OBJ)
		return fail_at(ERR_INVALID, at, "a list or mapping cannot be a name");
	*out = v->type == JSON_STR ? str_of(v->text, v->len) : json_text(r->mem, v, JSON_COMPACT);
	return 0;
}

static status put(struct reader *r, const struct json *v, bool merge, yaml_mark_t at)
{
	if (r->depth == 0) {
		r->root = arena_new(r->mem, struct json);
		*r->root = *v;
		return 0;
	}
	struct frame *f = &r->stack[r->depth - 1];
	if (f->type == JSON_ARR) {
		vec_push(r->mem, &f->items, *v);
		return 0;
	}
	if (!f->has_name) {
		f->merge = merge;
		f->has_name = true;
		return merge ? 0 : name_of(r, v, at, &f->name);
	}
	f->has_name = false;
	if (f->merge)
		return add_merge(r, f, v, at);
	struct json_member m = { f->name, *v };
	vec_push(r->mem, &f->members, m);
	return 0;
}

static void remember(struct reader *r, struct str anchor, const struct json *v)
{
	if (!anchor.at)
		return;
	struct json *kept = arena_new(r->mem, struct json);
	*kept = *v;
	map_set(&r->anchors, anchor, kept);
}

static struct str text_of(struct reader *r, const yaml_char_t *s)
{
	return s ? arena_str(r->mem, str_c((const char *)s)) : (struct str){ NULL, 0 };
}

static bool known_tag(const yaml_char_t *tag, const char *name)
{
	static const char base[] = "tag:yaml.org,2002:";
	const char *t = (const char *)tag;
	return strncmp(t, base, sizeof(base) - 1) == 0 && strcmp(t + sizeof(base) - 1, name) == 0;
}

/* "!" alone means no implicit type. *tagged: the tag settles the type of a container. */
static status check_container_tag(const yaml_char_t *tag, const char *want, yaml_mark_t at)
{
	if (tag && strcmp((const char *)tag, "!") != 0 && !known_tag(tag, want))
		return fail_at(ERR_INVALID, at, "this tag is not supported");
	return 0;
}

static status scalar_value(struct reader *r, const yaml_event_t *e, struct json *out, bool *merge)
{
	const yaml_char_t *tag = e->data.scalar.tag;
	struct str s = arena_str(r->mem, str_of((const char *)e->data.scalar.value,
						e->data.scalar.length));
	*merge = false;
	/* "!" alone asks for the implicit type, even of a quoted text. */
	if (tag ? strcmp((const char *)tag, "!") == 0 : e->data.scalar.plain_implicit) {
		*merge = yaml_resolve(s, out) == YAML_KIND_MERGE;
		return 0;
	}
	*out = (struct json){ .type = JSON_STR,
			      .len = (uint32_t)s.len,
			      .cap = (uint32_t)s.len,
			      .text = s.at };
	if (!tag || known_tag(tag, "str") || known_tag(tag, "timestamp"))
		return 0;
	static const char *const typed[] = { "int", "float", "bool", "null" };
	for (size_t i = 0; i < countof(typed); i++) {
		if (!known_tag(tag, typed[i]))
			continue;
		if (yaml_resolve_as(typed[i], s, out))
			return 0;
		return fail_at(ERR_INVALID, e->start_mark, "the value does not fit its tag");
	}
	*merge = known_tag(tag, "merge");
	return *merge ? 0 : fail_at(ERR_INVALID, e->start_mark, "this tag is not supported");
}

static status on_scalar(struct reader *r, const yaml_event_t *e)
{
	struct json v;
	bool merge;
	if (count_node(r, e->start_mark) || scalar_value(r, e, &v, &merge))
		return -1;
	remember(r, text_of(r, e->data.scalar.anchor), &v);
	return put(r, &v, merge, e->start_mark);
}

static status on_alias(struct reader *r, const yaml_event_t *e)
{
	struct json copy;
	const struct json *have = map_get(&r->anchors, str_c((const char *)e->data.alias.anchor));
	if (!have)
		return fail_at(ERR_INVALID, e->start_mark, "unknown alias");
	if (copy_tree(r, have, &copy, r->depth, e->start_mark))
		return -1;
	return put(r, &copy, false, e->start_mark);
}

static status open_frame(struct reader *r, enum json_type type, const yaml_char_t *anchor,
			 const yaml_event_t *e)
{
	if (count_node(r, e->start_mark))
		return -1;
	if (r->depth == YAML_DEPTH_MAX)
		return fail_at(ERR_TOO_LARGE, e->start_mark, "nested too deep");
	r->stack[r->depth++] = (struct frame){ .type = type, .anchor = text_of(r, anchor) };
	return 0;
}

static status close_frame(struct reader *r, const yaml_event_t *e)
{
	struct frame *f = &r->stack[--r->depth];
	struct json v;
	if (f->type == JSON_OBJ)
		v = finish_object(r, f);
	else
		v = (struct json){ .type = JSON_ARR,
				   .len = (uint32_t)f->items.len,
				   .cap = (uint32_t)f->items.cap,
				   .items = f->items.at };
	remember(r, f->anchor, &v);
	return put(r, &v, false, e->start_mark);
}

static status on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->root)
			return fail_at(ERR_INVALID, e->start_mark, "more than one document");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
		if (check_container_tag(e->data.sequence_start.tag, "seq", e->start_mark))
			return -1;
		return open_frame(r, JSON_ARR, e->data.sequence_start.anchor, e);
	case YAML_MAPPING_START_EVENT:
		if (check_container_tag(e->data.mapping_start.tag, "map", e->start_mark))
			return -1;
		return open_frame(r, JSON_OBJ, e->data.mapping_start.anchor, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_frame(r, e);
	default:
		return 0;
	}
}

static status read_events(struct reader *r)
{
	for (;;) {
		yaml_event_t e;
		if (!yaml_parser_parse(r->parser, &e))
			return parser_error(r->parser);
		bool end = e.type == YAML_STREAM_END_EVENT;
		status st = on_event(r, &e);
		yaml_event_delete(&e);
		if (st || end)
			return st;
	}
}

status yaml_parse(struct arena *mem, struct str text, struct json **out)
{
	if (text.len > YAML_SIZE_MAX)
		return err_set(ERR_TOO_LARGE, "YAML is larger than %d bytes", YAML_SIZE_MAX);
	yaml_parser_t parser;
	ASSERT(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.at ? text.at : ""),
				     text.len);
	/* About 15 KB: too much for a fiber's stack. */
	struct reader *r = arena_new(mem, struct reader);
	r->mem = mem;
	r->parser = &parser;
	r->anchors = map_make(mem);
	status st = read_events(r);
	yaml_parser_delete(&parser);
	if (st)
		return -1;
	*out = r->root ? r->root : json_null(mem);
	return 0;
}
