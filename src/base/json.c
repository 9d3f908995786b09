/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: parsing with yyjson into our tree, building, reading, comparing. Writing is in
 * json_write.c, field tables are in json_fields.c.
 */
#include "base/json.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

#include <math.h>
#include <string.h>

#include "yyjson/yyjson.h"

/* --- parsing --- */

static status parse_error(struct str text, const yyjson_read_err *e)
{
	size_t line = 1, column = 1, end = MIN(e->pos, text.len);
	for (size_t i = 0; i < end; i++) {
		column++;
		if (text.at[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(ERR_INVALID, "JSON line %zu column %zu: %s", line, column,
		       e->msg ? e->msg : "broken");
}

/* A repeated name keeps its first place and its last value. n is len or the number so far. */
static struct json_member *member_by_name(struct json_member *members, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		struct str have = members[i].name;
		if (have.len == name.len && memcmp(have.at, name.at, name.len) == 0)
			return &members[i];
	}
	return NULL;
}

enum { SMALL_OBJECT = 24 };

static status convert(struct arena *mem, yyjson_val *from, struct json *to, int depth);

static status convert_object(struct arena *mem, yyjson_val *from, struct json *to, int depth)
{
	size_t n = yyjson_obj_size(from);
	struct json_member *members = arena_array(mem, struct json_member, n);
	struct map seen = map_make(NULL); /* on the heap: big objects only */
	size_t len = 0;
	status st = 0;
	yyjson_obj_iter it = yyjson_obj_iter_with(from);
	for (yyjson_val *key; st == 0 && (key = yyjson_obj_iter_next(&it));) {
		struct str name = str_of(yyjson_get_str(key), yyjson_get_len(key));
		struct json_member *m = NULL;
		if (n <= SMALL_OBJECT)
			m = member_by_name(members, len, name);
		else
			m = map_get(&seen, name);
		if (!m) {
			m = &members[len++];
			m->name = name;
			if (n > SMALL_OBJECT)
				map_set(&seen, name, m);
		}
		st = convert(mem, yyjson_obj_iter_get_val(key), &m->value, depth);
	}
	map_free(&seen);
	to->type = JSON_OBJ;
	to->members = members;
	to->len = (uint32_t)len;
	to->cap = (uint32_t)n;
	return st;
}

static status convert_array(struct arena *mem, yyjson_val *from, struct json *to, int depth)
{
	size_t n = yyjson_arr_size(from), i = 0;
	to->type = JSON_ARR;
	to->items = arena_array(mem, struct json, n);
	to->len = to->cap = (uint32_t)n;
	yyjson_arr_iter it = yyjson_arr_iter_with(from);
	for (yyjson_val *v; (v = yyjson_arr_iter_next(&it));)
		if (convert(mem, v, &to->items[i++], depth))
			return -1;
	return 0;
}

static void convert_number(yyjson_val *from, struct json *to)
{
	to->type = JSON_INT;
	if (yyjson_is_sint(from)) {
		to->integer = yyjson_get_sint(from);
	} else if (yyjson_is_uint(from) && yyjson_get_uint(from) <= INT64_MAX) {
		to->integer = (int64_t)yyjson_get_uint(from);
	} else {
		to->type = JSON_FLOAT;
		to->number = yyjson_get_num(from);
	}
}

static status convert(struct arena *mem, yyjson_val *from, struct json *to, int depth)
{
	*to = (struct json){ JSON_NULL };
	switch (yyjson_get_type(from)) {
	case YYJSON_TYPE_BOOL:
		to->type = JSON_BOOL;
		to->boolean = yyjson_get_bool(from);
		return 0;
	case YYJSON_TYPE_NUM:
		convert_number(from, to);
		return 0;
	case YYJSON_TYPE_STR:
		to->type = JSON_STR;
		to->text = yyjson_get_str(from);
		to->len = to->cap = (uint32_t)yyjson_get_len(from);
		return 0;
	case YYJSON_TYPE_ARR:
	case YYJSON_TYPE_OBJ:
		if (depth >= JSON_DEPTH_MAX)
			return err_set(ERR_TOO_LARGE, "JSON is nested more than %d levels deep",
				       JSON_DEPTH_MAX);
		return yyjson_is_arr(from) ? convert_array(mem, from, to, depth + 1)
					   : convert_object(mem, from, to, depth + 1);
	default:
		return 0;
	}
}

status json_parse(struct arena *mem, struct str text, struct json **out)
{
	if (text.len > JSON_SIZE_MAX)
		return err_set(ERR_TOO_LARGE, "JSON is larger than %d bytes", JSON_SIZE_MAX);
	/* Texts are unescaped in this copy and the tree points into it. */
	char *copy = arena_text(mem, text.len + YYJSON_PADDING_SIZE);
	if (text.len)
		memcpy(copy, text.at, text.len);
	memset(copy + text.len, 0, YYJSON_PADDING_SIZE);
	yyjson_read_err e = { 0 };
	yyjson_doc *doc = yyjson_read_opts(copy, text.len, YYJSON_READ_INSITU, NULL, &e);
	if (!doc)
		return parse_error(text, &e);
	struct json *root = arena_new(mem, struct json);
	status st = convert(mem, yyjson_doc_get_root(doc), root, 0);
	yyjson_doc_free(doc);
	if (st)
		return -1;
	*out = root;
	return 0;
}

/* --- building --- */

static struct json *make(struct arena *mem, struct json v)
{
	struct json *p = (struct json *)arena_alloc(mem, sizeof(*p));
	*p = v;
	return p;
}

static struct json text_value(enum json_type type, struct str s)
{
	ASSERT(s.len <= UINT32_MAX);
	return (struct json){ .type = type,
			      .len = (uint32_t)s.len,
			      .cap = (uint32_t)s.len,
			      .text = s.at ? s.at : "" };
}

struct json *json_null(struct arena *mem)
{
	return make(mem, (struct json){ JSON_NULL });
}

struct json *json_bool(struct arena *mem, bool v)
{
	return make(mem, (struct json){ .type = JSON_BOOL, .boolean = v });
}

struct json *json_int(struct arena *mem, int64_t v)
{
	return make(mem, (struct json){ .type = JSON_INT, .integer = v });
}

struct json *json_float(struct arena *mem, double v)
{
	return make(mem, (struct json){ .type = JSON_FLOAT, .number = v });
}

struct json *json_str(struct arena *mem, struct str s)
{
	return make(mem, text_value(JSON_STR, s));
}

struct json *json_arr(struct arena *mem)
{
	return make(mem, (struct json){ JSON_ARR });
}

struct json *json_obj(struct arena *mem)
{
	return make(mem, (struct json){ JSON_OBJ });
}

struct json *json_obj_room(struct arena *mem, size_t members)
{
	struct json *v = json_obj(mem);
	ASSERT(members < UINT32_MAX / 2);
	if (members)
		v->members = arena_array(mem, struct json_member, members);
	v->cap = (uint32_t)members;
	return v;
}

struct json *json_raw(struct arena *mem, struct str s)
{
	return make(mem, text_value(JSON_RAW, s));
}

static void *more(struct arena *mem, void *old, struct json *v, size_t each)
{
	ASSERT(v->cap < UINT32_MAX / 2);
	uint32_t cap = v->cap ? v->cap * 2 : 4;
	void *p = arena_grow(mem, old, v->cap * each, cap * each);
	v->cap = cap;
	return p;
}

struct json *json_set(struct arena *mem, struct json *obj, struct str name,
		      const struct json *value)
{
	ASSERT(obj->type == JSON_OBJ);
	struct json v = value ? *value : (struct json){ JSON_NULL };
	if (!name.at)
		name = S("");
	struct json_member *m = member_by_name(obj->members, obj->len, name);
	if (!m) {
		if (obj->len == obj->cap)
			obj->members = more(mem, obj->members, obj, sizeof(*obj->members));
		m = &obj->members[obj->len++];
		m->name = name;
	}
	m->value = v;
	return &m->value;
}

struct json *json_set_str(struct arena *mem, struct json *obj, struct str name, struct str s)
{
	struct json v = text_value(JSON_STR, s);
	return json_set(mem, obj, name, &v);
}

struct json *json_set_int(struct arena *mem, struct json *obj, struct str name, int64_t n)
{
	struct json v = { .type = JSON_INT, .integer = n };
	return json_set(mem, obj, name, &v);
}

struct json *json_set_float(struct arena *mem, struct json *obj, struct str name, double n)
{
	struct json v = { .type = JSON_FLOAT, .number = n };
	return json_set(mem, obj, name, &v);
}

struct json *json_set_bool(struct arena *mem, struct json *obj, struct str name, bool b)
{
	struct json v = { .type = JSON_BOOL, .boolean = b };
	return json_set(mem, obj, name, &v);
}

struct json *json_set_null(struct arena *mem, struct json *obj, struct str name)
{
	return json_set(mem, obj, name, NULL);
}

struct json *json_set_str_or_null(struct arena *mem, struct json *obj, struct str name,
				  struct str s)
{
	return s.at ? json_set_str(mem, obj, name, s) : json_set(mem, obj, name, NULL);
}

bool json_remove(struct json *obj, struct str name)
{
	if (!json_is(obj, JSON_OBJ))
		return false;
	struct json_member *m = member_by_name(obj->members, obj->len, name);
	if (!m)
		return false;
	size_t after = (size_t)(obj->members + obj->len - (m + 1));
	memmove(m, m + 1, after * sizeof(*m));
	obj->len--;
	return true;
}

struct json *json_push(struct arena *mem, struct json *arr, const struct json *value)
{
	ASSERT(arr->type == JSON_ARR);
	struct json v = value ? *value : (struct json){ JSON_NULL };
	if (arr->len == arr->cap)
		arr->items = more(mem, arr->items, arr, sizeof(*arr->items));
	arr->items[arr->len] = v;
	return &arr->items[arr->len++];
}

struct json *json_push_str(struct arena *mem, struct json *arr, struct str s)
{
	struct json v = text_value(JSON_STR, s);
	return json_push(mem, arr, &v);
}

/* Trees that we build ourselves may be deeper than what json_parse lets in, but not endless. */
enum { TREE_DEPTH_MAX = 1000 };

static void copy_into(struct arena *mem, const struct json *from, struct json *to, int depth)
{
	ASSERT(depth < TREE_DEPTH_MAX);
	*to = *from;
	switch (from->type) {
	case JSON_STR:
	case JSON_RAW:
		to->text = arena_cstr(mem, str_of(from->text, from->len));
		to->cap = to->len;
		break;
	case JSON_ARR:
		to->items = arena_array(mem, struct json, from->len);
		to->cap = to->len;
		for (uint32_t i = 0; i < from->len; i++)
			copy_into(mem, &from->items[i], &to->items[i], depth + 1);
		break;
	case JSON_OBJ:
		to->members = arena_array(mem, struct json_member, from->len);
		to->cap = to->len;
		for (uint32_t i = 0; i < from->len; i++) {
			to->members[i].name = arena_str(mem, from->members[i].name);
			copy_into(mem, &from->members[i].value, &to->members[i].value, depth + 1);
		}
		break;
	default:
		break;
	}
}

struct json *json_copy(struct arena *mem, const struct json *v)
{
	if (!v)
		return NULL;
	struct json *p = arena_new(mem, struct json);
	copy_into(mem, v, p, 0);
	return p;
}

/* --- comparing --- */

static bool equal(const struct json *a, const struct json *b, int depth);

static bool objects_equal(const struct json *a, const struct json *b, int depth)
{
	if (a->len != b->len)
		return false;
	for (uint32_t i = 0; i < a->len; i++) {
		const struct json_member *m = &a->members[i];
		/* Mostly both have the same order. */
		const struct json *other = str_eq(b->members[i].name, m->name)
						   ? &b->members[i].value
						   : json_get(b, m->name);
		if (!other || !equal(&m->value, other, depth))
			return false;
	}
	return true;
}

static bool int_is_float(int64_t i, double f)
{
	/* The comparison of the rounded value is not enough past 2^53. */
	return f >= -0x1p63 && f < 0x1p63 && (double)i == f && (int64_t)f == i;
}

static bool equal(const struct json *a, const struct json *b, int depth)
{
	ASSERT(depth < TREE_DEPTH_MAX);
	if (a->type == JSON_INT && b->type == JSON_FLOAT)
		return int_is_float(a->integer, b->number);
	if (a->type == JSON_FLOAT && b->type == JSON_INT)
		return int_is_float(b->integer, a->number);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->boolean == b->boolean;
	case JSON_INT:
		return a->integer == b->integer;
	case JSON_FLOAT:
		return a->number == b->number;
	case JSON_STR:
	case JSON_RAW:
		return str_eq(str_of(a->text, a->len), str_of(b->text, b->len));
	case JSON_ARR:
		if (a->len != b->len)
			return false;
		for (uint32_t i = 0; i < a->len; i++)
			if (!equal(&a->items[i], &b->items[i], depth + 1))
				return false;
		return true;
	case JSON_OBJ:
		return objects_equal(a, b, depth + 1);
	}
	return false;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (!a || !b)
		return a == b;
	return equal(a, b, 0);
}

/* --- reading --- */

struct json *json_get(const struct json *obj, struct str name)
{
	if (!json_is(obj, JSON_OBJ))
		return NULL;
	struct json_member *m = member_by_name(obj->members, obj->len, name);
	return m ? &m->value : NULL;
}

struct json *json_at(const struct json *arr, size_t i)
{
	return json_is(arr, JSON_ARR) && i < arr->len ? &arr->items[i] : NULL;
}

struct json *json_path(const struct json *v, const char *dotted)
{
	struct str rest = str_c(dotted);
	struct json *at = NULL;
	while (rest.at) {
		at = json_get(v, str_cut(&rest, '.'));
		v = at;
	}
	return at;
}

struct str json_as_str(const struct json *v, struct str fallback)
{
	return json_is(v, JSON_STR) ? str_of(v->text, v->len) : fallback;
}

int64_t json_as_int(const struct json *v, int64_t fallback)
{
	if (json_is(v, JSON_INT))
		return v->integer;
	if (json_is(v, JSON_FLOAT) && v->number >= -0x1p63 && v->number < 0x1p63 &&
	    trunc(v->number) == v->number)
		return (int64_t)v->number;
	return fallback;
}

double json_as_double(const struct json *v, double fallback)
{
	if (json_is(v, JSON_INT))
		return (double)v->integer;
	return json_is(v, JSON_FLOAT) ? v->number : fallback;
}

bool json_as_bool(const struct json *v, bool fallback)
{
	return json_is(v, JSON_BOOL) ? v->boolean : fallback;
}

struct str json_get_str(const struct json *obj, struct str name)
{
	return json_as_str(json_get(obj, name), S(""));
}

int64_t json_get_int(const struct json *obj, struct str name, int64_t fallback)
{
	return json_as_int(json_get(obj, name), fallback);
}

bool json_get_bool(const struct json *obj, struct str name, bool fallback)
{
	return json_as_bool(json_get(obj, name), fallback);
}
