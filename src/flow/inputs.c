/* SPDX-License-Identifier: Apache-2.0 */
/* inputs: checks what a caller sends against the declared variables (workflow.md 4.7). */
#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "flow/file.h"
#include "flow/flow.h"
#include "flow/pool.h"

struct field {
	struct flow *flow;
	struct arena *mem;
	struct str tenant_id, name, type;
	const struct json *row, *value;
	struct json *out;
};
typedef status (*field_fn)(struct field *);

static status refuse(struct field *f, const char *what)
{
	return err_set(ERR_INVALID, "%.*s in input form %s", STR(f->name), what);
}

static status on_text(struct field *f)
{
	int64_t max = json_get_int(f->row, S("max_length"), 0);
	if (f->value->type != JSON_STR)
		return err_set(ERR_INVALID, "(type '%.*s') %.*s in input form must be a string",
			       STR(f->type), STR(f->name));
	struct str s = json_as_str(f->value, S(""));
	if (max > 0 && utf8_count(s) > (size_t)max)
		return err_set(ERR_INVALID, "%.*s in input form must be less than %lld characters",
			       STR(f->name), (long long)max);
	/* Storage takes no NUL bytes. */
	struct buf b = buf_make(f->mem, 0);
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i])
			buf_putc(&b, s.at[i]);
	f->out = json_str(f->mem, buf_str(&b));
	return 0;
}

static status on_select(struct field *f)
{
	const struct json *options = json_get(f->row, S("options"));
	if (f->value->type != JSON_STR)
		return err_set(ERR_INVALID, "(type 'select') %.*s in input form must be a string",
			       STR(f->name));
	json_each(options, o)
		if (json_equal(o, f->value)) {
			f->out = json_copy(f->mem, f->value);
			return 0;
		}
	struct buf b = buf_make(f->mem, 0);
	struct json none = { .type = JSON_ARR };
	json_write_python(&b, options ? options : &none);
	return err_set(ERR_INVALID, "%.*s in input form must be one of the following: %.*s", STR(f->name),
		       STR(buf_str(&b)));
}

static status on_number(struct field *f)
{
	int64_t n;
	double d;
	if (f->value->type == JSON_INT || f->value->type == JSON_FLOAT) {
		f->out = json_copy(f->mem, f->value);
		return 0;
	}
	if (f->value->type != JSON_STR)
		return refuse(f, "must be a valid number");
	struct str s = str_trim(json_as_str(f->value, S("")));
	if (!s.len) {
		f->out = json_null(f->mem);
		return 0;
	}
	if (str_find_char(s, '.') == SIZE_MAX && str_to_i64(s, &n) == 0)
		f->out = json_int(f->mem, n);
	else if (str_find_char(s, '.') != SIZE_MAX && str_to_double(s, &d) == 0 && isfinite(d))
		f->out = json_float(f->mem, d);
	else
		return refuse(f, "must be a valid number");
	return 0;
}

static status on_checkbox(struct field *f)
{
	bool b;
	f->out = json_copy(f->mem, f->value);
	if (f->value->type == JSON_STR && str_to_bool(json_as_str(f->value, S("")), &b) == 0)
		f->out = json_bool(f->mem, b);
	if (f->value->type == JSON_INT && (f->value->integer == 0 || f->value->integer == 1))
		f->out = json_bool(f->mem, f->value->integer == 1);
	return 0;
}

static struct file_rules rules_of(const struct json *row)
{
	return (struct file_rules){ .types = json_get(row, S("allowed_file_types")),
				    .extensions = json_get(row, S("allowed_file_extensions")),
				    .methods = json_get(row, S("allowed_file_upload_methods")) };
}

static status on_file(struct field *f)
{
	struct file_rules rules = rules_of(f->row);
	struct json *one, *list;
	if (json_is(f->value, JSON_STR) && !f->value->len && !json_get_bool(f->row, S("required"), false)) {
		f->out = json_null(f->mem);
		return 0;
	}
	if (f->value->type != JSON_OBJ)
		return refuse(f, "must be a file");
	one = json_arr(f->mem);
	json_push(f->mem, one, f->value);
	if (files_from_input(f->flow, f->mem, f->tenant_id, one, &rules, &list))
		return -1;
	if (!list->len)
		return refuse(f, "must be a file");
	f->out = json_at(list, 0);
	return 0;
}

static status on_file_list(struct field *f)
{
	struct file_rules rules = rules_of(f->row);
	int64_t max = json_get_int(f->row, S("max_length"), 0);
	if (f->value->type != JSON_ARR)
		return refuse(f, "must be a list of files");
	json_each(f->value, item)
		if (item->type != JSON_OBJ)
			return refuse(f, "must be a list of files");
	if (max > 0 && (int64_t)f->value->len > max)
		return err_set(ERR_INVALID, "%.*s in input form must be less than %lld files", STR(f->name),
			       (long long)max);
	return files_from_input(f->flow, f->mem, f->tenant_id, f->value, &rules, &f->out);
}

static status on_object(struct field *f)
{
	if (f->value->type != JSON_OBJ)
		return refuse(f, "must be a dict");
	f->out = json_copy(f->mem, f->value);
	return 0;
}

static const struct {
	struct str type;
	field_fn fn;
} field_types[] = {
	{ S_INIT("text-input"), on_text },     { S_INIT("paragraph"), on_text },
	{ S_INIT("external_data_tool"), on_text },
	{ S_INIT("select"), on_select },       { S_INIT("number"), on_number },
	{ S_INIT("checkbox"), on_checkbox },   { S_INIT("file"), on_file },
	{ S_INIT("file-list"), on_file_list }, { S_INIT("json_object"), on_object },
};

static status check_field(struct field *f)
{
	if (!f->value || f->value->type == JSON_NULL) {
		if (json_get_bool(f->row, S("required"), false))
			return err_set(ERR_INVALID, "%.*s is required in input form", STR(f->name));
		const struct json *dflt = json_get(f->row, S("default"));
		if (!dflt || dflt->type == JSON_NULL || (dflt->type == JSON_STR && !dflt->len)) {
			f->out = json_null(f->mem);
			return 0;
		}
		f->value = dflt;
	}
	for (size_t i = 0; i < countof(field_types); i++)
		if (str_eq(field_types[i].type, f->type))
			return field_types[i].fn(f);
	f->out = json_copy(f->mem, f->value);
	return 0;
}

status flow_check_inputs(struct flow *flow, struct arena *mem, struct str tenant_id,
			 const struct json *variables, const struct json *given, struct json **out)
{
	struct json *result = json_obj(mem);
	json_each(variables, row) {
		struct field f = { .flow = flow, .mem = mem, .tenant_id = tenant_id, .row = row };
		f.name = json_get_str(row, S("variable"));
		f.type = json_get_str(row, S("type"));
		f.value = json_get(given, f.name);
		if (check_field(&f))
			return -1;
		json_set(mem, result, arena_str(mem, f.name), f.out);
	}
	*out = result;
	return 0;
}
