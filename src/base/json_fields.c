/* SPDX-License-Identifier: Apache-2.0 */
/* json_fields: one row a member drives reading into a struct, the checks, and printing. */
#include "base/json.h"
#include "base/arena.h"
#include "base/err.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where we are, for messages; lies on the stack. */
struct place {
	const struct place *up;
	const char *name;
};

static void path_of(const struct place *p, char *out, size_t n)
{
	const struct place *chain[16];
	size_t len = 0, used = 0;
	for (; p && len < countof(chain); p = p->up)
		chain[len++] = p;
	out[0] = 0;
	while (len-- > 0 && used < n) {
		int w = snprintf(out + used, n - used, "%s%s", used ? "." : "", chain[len]->name);
		used += w > 0 ? (size_t)w : 0;
	}
}

static status fail(const struct place *p, const char *what)
{
	char path[256];
	path_of(p, path, sizeof(path));
	return err_set(ERR_INVALID, "%s%s%s", path, path[0] ? ": " : "", what);
}

static status fail_range(const struct place *p, const struct json_field *f, const char *what)
{
	char text[160];
	if (isinf(f->max))
		snprintf(text, sizeof(text), "%s at least %.15g", what, f->min);
	else if (isinf(f->min))
		snprintf(text, sizeof(text), "%s at most %.15g", what, f->max);
	else
		snprintf(text, sizeof(text), "%s between %.15g and %.15g", what, f->min, f->max);
	return fail(p, text);
}

/* Written so that NaN fails, too. */
static bool out_of_range(const struct json_field *f, double n)
{
	return (f->min != 0 || f->max != 0) && !(n >= f->min && n <= f->max);
}

static status read_fields(const struct json *, const struct json_field *, void *,
			  const struct place *);

static status read_number(const struct json *v, const struct json_field *f, void *at,
			  const struct place *here)
{
	if (f->type == FIELD_I64) {
		int64_t n = json_as_int(v, 0);
		if (n == 0 && json_as_int(v, 1) == 1)
			return fail(here, "must be a whole number");
		if (out_of_range(f, (double)n))
			return fail_range(here, f, "must be");
		memcpy(at, &n, sizeof(n));
		return 0;
	}
	if (!json_is(v, JSON_INT) && !json_is(v, JSON_FLOAT))
		return fail(here, "must be a number");
	double d = json_as_double(v, 0);
	if (out_of_range(f, d))
		return fail_range(here, f, "must be");
	memcpy(at, &d, sizeof(d));
	return 0;
}

static status read_string(const struct json *v, const struct json_field *f, void *at,
			  const struct place *here)
{
	if (!json_is(v, JSON_STR))
		return fail(here, "must be a string");
	struct str s = str_of(v->text, v->len);
	if (out_of_range(f, (double)utf8_count(s)))
		return fail_range(here, f, "number of characters must be");
	memcpy(at, &s, sizeof(s));
	return 0;
}

static status read_one(const struct json *v, const struct json_field *f, void *at,
		       const struct place *here)
{
	switch (f->type) {
	case FIELD_STR:
		return read_string(v, f, at, here);
	case FIELD_BOOL:
		if (!json_is(v, JSON_BOOL))
			return fail(here, "must be true or false");
		memcpy(at, &v->boolean, sizeof(bool));
		return 0;
	case FIELD_I64:
	case FIELD_F64:
		return read_number(v, f, at, here);
	case FIELD_OBJ:
		if (!json_is(v, JSON_OBJ))
			return fail(here, "must be an object");
		break;
	case FIELD_ARR:
		if (!json_is(v, JSON_ARR))
			return fail(here, "must be an array");
		if (out_of_range(f, (double)v->len))
			return fail_range(here, f, "number of items must be");
		break;
	case FIELD_JSON:
		break;
	case FIELD_STRUCT:
		return read_fields(v, f->sub, at, here);
	}
	memcpy(at, &v, sizeof(v));
	return 0;
}

/* Tables nest by hand only, so that this ends. */
static status read_fields(const struct json *obj, const struct json_field *f, void *out,
			  const struct place *up)
{
	if (!json_is(obj, JSON_OBJ))
		return fail(up, "must be an object");
	for (; f->name; f++) {
		const struct place here = { up, f->name };
		const struct json *v = json_get(obj, str_c(f->name));
		if (!v || v->type == JSON_NULL) {
			if (f->required)
				return fail(&here, "is required");
			continue;
		}
		if (read_one(v, f, (char *)out + f->offset, &here))
			return -1;
	}
	return 0;
}

status json_read_fields(const struct json *obj, const struct json_field *fields, void *out)
{
	return read_fields(obj, fields, out, NULL);
}

struct json *json_from_fields(struct arena *mem, const struct json_field *f, const void *in)
{
	struct json *obj = json_obj(mem);
	for (; f->name; f++) {
		const char *at = (const char *)in + f->offset;
		struct str name = str_c(f->name), s;
		int64_t n;
		double d;
		bool b;
		const struct json *v;
		switch (f->type) {
		case FIELD_STR:
			memcpy(&s, at, sizeof(s));
			json_set_str_or_null(mem, obj, name, s);
			break;
		case FIELD_BOOL:
			memcpy(&b, at, sizeof(b));
			json_set_bool(mem, obj, name, b);
			break;
		case FIELD_I64:
			memcpy(&n, at, sizeof(n));
			json_set_int(mem, obj, name, n);
			break;
		case FIELD_F64:
			memcpy(&d, at, sizeof(d));
			json_set_float(mem, obj, name, d);
			break;
		case FIELD_JSON:
		case FIELD_OBJ:
		case FIELD_ARR:
			memcpy(&v, at, sizeof(v));
			json_set(mem, obj, name, v);
			break;
		case FIELD_STRUCT:
			json_set(mem, obj, name, json_from_fields(mem, f->sub, at));
			break;
		}
	}
	return obj;
}
