/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: one ordered value tree in an arena, read by yyjson, written in the forms that clients see.
 * Integers and floats are kept apart (1 and 1.0 differ, as in Python). Integers outside int64
 * become floats. Object members keep their order; a repeated name keeps the last value.
 * Strings are valid UTF-8 and may hold NUL bytes.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct buf;

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,
	JSON_FLOAT,
	JSON_STR,
	JSON_ARR,
	JSON_OBJ,
	JSON_RAW, /* text that is already JSON; only written, never parsed to */
};

struct json_member;
struct json {
	enum json_type type;
	uint32_t len, cap; /* bytes of text, items, or members */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *text;
		struct json *items;
		struct json_member *members;
	};
};
struct json_member {
	struct str name;
	struct json value;
};

enum { JSON_DEPTH_MAX = 128, JSON_SIZE_MAX = 64 << 20 };

/* ERR_INVALID with line and column, ERR_TOO_LARGE past the limits. Strict RFC 8259. */
status json_parse(struct arena *, struct str text, struct json **out) NODISCARD;

/* How json_write prints. */
enum json_form {
	JSON_COMPACT = 0,	/* {"a":1}, UTF-8 as it is */
	JSON_SPACED = 1 << 0,	/* ", " and ": " as Python's json.dumps */
	JSON_ASCII = 1 << 1,	/* \uXXXX for everything outside ASCII */
	JSON_SLASH = 1 << 2,	/* "/" as "\/" */
	JSON_INDENT2 = 1 << 3,	/* two blanks a level, empty containers as {} and [] */
	JSON_SORTED = 1 << 4,	/* members by name: for hashes */
};
/* Floats print as the shortest text that reads back the same, whole ones with ".0"; NaN and
 * infinities as null. */
void json_write(struct buf *, const struct json *, unsigned form);
struct str json_text(struct arena *, const struct json *, unsigned form);
/* Python's repr(): {'a': None, 'b': True, 'c': [1, 2.5]} (workflow.md 4.5). */
void json_write_python(struct buf *, const struct json *);
/* Python's repr() of a float: 1.0, 1e+16, 0.0001, 1e-05, nan, inf. */
void json_write_float(struct buf *, double);
void json_write_string(struct buf *, struct str, unsigned form);

/* --- building; all values live in mem, names and texts are borrowed, not copied --- */
struct json *json_null(struct arena *);
struct json *json_bool(struct arena *, bool);
struct json *json_int(struct arena *, int64_t);
struct json *json_float(struct arena *, double);
struct json *json_str(struct arena *, struct str);
struct json *json_arr(struct arena *);
struct json *json_obj(struct arena *);
struct json *json_obj_room(struct arena *, size_t members); /* grows past that as usual */
struct json *json_raw(struct arena *, struct str);
/* Sets or replaces a member, keeping its place; value is copied shallowly (NULL = null). Returns
 * the member's value, which stays valid until the next set on this object. */
struct json *json_set(struct arena *, struct json *obj, struct str name, const struct json *value);
struct json *json_set_str(struct arena *, struct json *obj, struct str name, struct str);
struct json *json_set_int(struct arena *, struct json *obj, struct str name, int64_t);
struct json *json_set_float(struct arena *, struct json *obj, struct str name, double);
struct json *json_set_bool(struct arena *, struct json *obj, struct str name, bool);
struct json *json_set_null(struct arena *, struct json *obj, struct str name);
/* A text, or null when at == NULL. */
struct json *json_set_str_or_null(struct arena *, struct json *obj, struct str name, struct str);
bool json_remove(struct json *obj, struct str name);
struct json *json_push(struct arena *, struct json *arr, const struct json *value);
struct json *json_push_str(struct arena *, struct json *arr, struct str);
/* Deep copy, texts included. */
struct json *json_copy(struct arena *, const struct json *);
/* The object with its members by name; values are shared. */
struct json *json_by_name(struct arena *, const struct json *obj);
bool json_equal(const struct json *, const struct json *); /* 1 == 1.0; member order ignored */

/* --- reading; NULL in gives NULL or the default out --- */
struct json *json_get(const struct json *obj, struct str name); /* NULL when absent */
struct json *json_at(const struct json *arr, size_t i);
/* json_path(v, "a.b.c"): members only. */
struct json *json_path(const struct json *, const char *dotted);
static inline bool json_is(const struct json *v, enum json_type t)
{
	return v && v->type == t;
}
struct str json_as_str(const struct json *, struct str fallback);   /* strings only */
int64_t json_as_int(const struct json *, int64_t fallback);	    /* int, whole float */
double json_as_double(const struct json *, double fallback);	    /* int, float */
bool json_as_bool(const struct json *, bool fallback);		    /* bool only */
struct str json_get_str(const struct json *obj, struct str name);   /* "" when absent or no text */
int64_t json_get_int(const struct json *obj, struct str name, int64_t fallback);
bool json_get_bool(const struct json *obj, struct str name, bool fallback);
static inline size_t json_len(const struct json *v)
{
	return v && v->type >= JSON_STR ? v->len : 0;
}
#define json_each(arr, it)                                                                         \
	for (struct json *it = json_is((arr), JSON_ARR) ? (arr)->items : NULL,                     \
			 *it##_end = it ? it + (arr)->len : NULL;                                  \
	     it < it##_end; it++)
#define json_each_member(obj, m)                                                                   \
	for (struct json_member *m = json_is((obj), JSON_OBJ) ? (obj)->members : NULL,             \
				*m##_end = m ? m + (obj)->len : NULL;                              \
	     m < m##_end; m++)

/* --- field tables: one row a member drives parsing, checks and printing --- */
enum field_type {
	FIELD_STR,   /* struct str */
	FIELD_BOOL,  /* bool */
	FIELD_I64,   /* int64_t */
	FIELD_F64,   /* double */
	FIELD_JSON,  /* struct json *: any value, NULL when absent */
	FIELD_OBJ,   /* struct json *, must be an object */
	FIELD_ARR,   /* struct json *, must be an array */
	FIELD_STRUCT /* nested struct by value, `sub` describes it */
};
struct json_field {
	const char *name;
	enum field_type type;
	size_t offset;
	bool required;
	double min, max; /* numbers: range; strings: code points; arrays: items. Both 0 = no check */
	const struct json_field *sub;
};
/* The table ends with a row of name NULL. Absent and null members leave *out as it is. A failure
 * is ERR_INVALID and names the path: "model.name: must be a string". */
status json_read_fields(const struct json *obj, const struct json_field *, void *out) NODISCARD;
struct json *json_from_fields(struct arena *, const struct json_field *, const void *in);
