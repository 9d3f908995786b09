/* SPDX-License-Identifier: Apache-2.0 */
/* request: reads and checks what is sent to a webhook. Texts of errors are part of the interface.
 */
#include <math.h>

#include "api/trigger/trigger.h"
#include "app/app.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/vec.h"
#include "flow/file.h"

enum { PAIRS_MAX = 1000 };

struct reader {
	struct call *c;
	const struct json *node;
	struct str content_type; /* of the call, without parameters, lower case */
	struct json *headers, *query, *body, *files;
	VEC(struct file_new) kept; /* of multipart, by place in `names` */
	VEC(struct str) names;
};

static struct str lower(struct arena *mem, struct str t)
{
	char *p = arena_text(mem, t.len);
	for (size_t i = 0; i < t.len; i++)
		p[i] = t.at[i] >= 'A' && t.at[i] <= 'Z' ? (char)(t.at[i] + 32) : t.at[i];
	return str_of(p, t.len);
}

static struct str upper(struct arena *mem, struct str t)
{
	char *p = arena_text(mem, t.len);
	for (size_t i = 0; i < t.len; i++)
		p[i] = t.at[i] >= 'a' && t.at[i] <= 'z' ? (char)(t.at[i] - 32) : t.at[i];
	return str_of(p, t.len);
}

/* --- values --- */

static const char *python_name(const struct json *v)
{
	switch (v->type) {
	case JSON_BOOL:
		return "bool";
	case JSON_INT:
		return "int";
	case JSON_FLOAT:
		return "float";
	case JSON_STR:
		return "str";
	case JSON_ARR:
		return "list";
	case JSON_OBJ:
		return "dict";
	default:
		return "NoneType";
	}
}

static status refuse(struct str name, struct str why)
{
	return err_set(ERR_INVALID, "Parameter '%.*s' validation failed: %.*s",
		       STR(str_sub(name, 0, 100)), STR(str_sub(why, 0, 200)));
}

status webhook_convert(struct arena *mem, struct str name, struct str text, struct str type,
		       struct json **out)
{
	double d;
	bool b;
	if (!type.len || str_eq(type, S("string"))) {
		*out = json_str(mem, text);
		return 0;
	}
	if (str_eq(type, S("number"))) {
		if (str_to_double(str_trim(text), &d) || !isfinite(d))
			return refuse(name, arena_printf(mem, "Cannot convert '%.*s' to number",
							 STR(text)));
		bool whole = d >= -9007199254740992.0 && d <= 9007199254740992.0 &&
			     (double)(int64_t)d == d;
		*out = whole ? json_int(mem, (int64_t)d) : json_float(mem, d);
		return 0;
	}
	if (str_eq(type, S("boolean"))) {
		if (str_eq_nocase(text, S("on")) || str_eq_nocase(text, S("off")) ||
		    str_to_bool(text, &b))
			return refuse(name, arena_printf(mem, "Cannot convert '%.*s' to boolean",
							 STR(text)));
		*out = json_bool(mem, b);
		return 0;
	}
	return refuse(name,
		      arena_printf(mem, "Unsupported type '%.*s' for form data parameter '%.*s'",
				   STR(type), STR(name)));
}

static bool fits(const struct json *v, struct str type)
{
	if (str_eq(type, S("string")))
		return v->type == JSON_STR;
	if (str_eq(type, S("number")))
		return v->type == JSON_INT || v->type == JSON_FLOAT;
	if (str_eq(type, S("boolean")))
		return v->type == JSON_BOOL;
	if (str_eq(type, S("object")))
		return v->type == JSON_OBJ;
	return true; /* an unknown type checks nothing */
}

status webhook_check(struct arena *mem, struct str name, const struct json *value, struct str type)
{
	struct str item = S("");
	bool ok = true;
	if (str_starts(type, S("array"))) {
		size_t open = str_find_char(type, '[');
		item = open == SIZE_MAX ? S("any") : str_sub(type, open + 1, type.len - open - 2);
		ok = value->type == JSON_ARR;
		json_each(value, v)
			ok &= fits(v, item);
	} else {
		ok = fits(value, type);
	}
	if (ok)
		return 0;
	struct str label = item.len && !str_eq(item, S("any"))
				   ? arena_printf(mem, "array of %.*ss", STR(item))
				   : type;
	return refuse(name,
		      arena_printf(mem, "Expected %.*s, got %s", STR(label), python_name(value)));
}

/* --- reading --- */

struct json *webhook_pairs(struct arena *mem, struct str text)
{
	struct json *o = json_obj(mem);
	while (text.len && o->len < PAIRS_MAX) {
		struct str value = str_cut(&text, '&'), name = str_cut(&value, '=');
		name = dec_percent(mem, name, true);
		value = value.at ? dec_percent(mem, value, true) : S("");
		if (!utf8_valid(name) || !utf8_valid(value) || !name.len || json_get(o, name))
			continue;
		json_set_str(mem, o, name, value);
	}
	return o;
}

static void read_headers(struct reader *r)
{
	struct http *h = r->c->http;
	r->headers = json_obj(r->c->mem);
	for (size_t i = 0; i < h->header_count; i++)
		if (utf8_valid(h->headers[i].value) && !json_get(r->headers, h->headers[i].name))
			json_set_str(r->c->mem, r->headers, h->headers[i].name,
				     h->headers[i].value);
}

static status check_metadata(struct reader *r)
{
	struct arena *mem = r->c->mem;
	struct str method = json_get_str(r->node, S("method")),
		   type = json_get_str(r->node, S("content_type"));
	struct str want = upper(mem, method.len ? method : S("get"));
	if (!str_eq(want, r->c->http->method_text))
		return err_set(ERR_INVALID, "HTTP method mismatch. Expected %.*s, got %.*s",
			       STR(want), STR(r->c->http->method_text));
	struct str given = http_header(r->c->http, S("Content-Type"));
	given = given.len ? given : S("application/json");
	r->content_type = lower(mem, str_trim(str_cut(&given, ';')));
	want = lower(mem, type.len ? type : S("application/json"));
	if (!str_eq(want, r->content_type))
		return err_set(ERR_INVALID, "Content-type mismatch. Expected %.*s, got %.*s",
			       STR(want), STR(r->content_type));
	return 0;
}

static status read_parts(struct reader *r)
{
	struct arena *mem = r->c->mem;
	struct multipart *form;
	size_t most = (size_t)r->c->http->body_limit;
	if (multipart_open(r->c->http, &form))
		return -1;
	for (struct part *p;;) {
		struct str text;
		if (multipart_next(form, &p))
			return -1;
		if (!p)
			return 0;
		struct str name = arena_str(mem, p->name),
			   file = p->filename.at ? arena_str(mem, p->filename) : S("");
		struct str type =
			p->has_type ? arena_str(mem, p->type) : S("application/octet-stream");
		bool is_file = p->filename.at != NULL;
		if (multipart_text(form, most, &text))
			return -1;
		if (is_file && file.len) {
			struct file_new f = { .name = file, .mime_type = type, .bytes = text };
			vec_push(mem, &r->kept, f);
			vec_push(mem, &r->names, name);
		} else if (!is_file && utf8_valid(text) && !json_get(r->body, name)) {
			json_set_str(mem, r->body, name, text);
		}
	}
}

static status read_body(struct reader *r)
{
	struct arena *mem = r->c->mem;
	struct str body;
	r->body = json_obj(mem);
	r->files = json_obj(mem);
	if (str_eq(r->content_type, S("multipart/form-data")))
		return read_parts(r);
	if (http_body(r->c->http, &body))
		return -1;
	if (str_eq(r->content_type, S("application/x-www-form-urlencoded"))) {
		r->body = webhook_pairs(mem, body);
		return 0;
	}
	if (str_eq(r->content_type, S("application/json"))) {
		if (str_trim(body).len && json_parse(mem, body, &r->body))
			return err_set(ERR_INVALID, "Invalid JSON body: %.*s", STR(err_text()));
		return 0;
	}
	if (str_eq(r->content_type, S("application/octet-stream"))) {
		json_set_null(mem, r->body, S("raw"));
		if (body.len) {
			struct file_new f = { .name = S(""),
					      .mime_type = r->content_type,
					      .bytes = body };
			vec_push(mem, &r->kept, f);
			vec_push(mem, &r->names, S(""));
		}
		return 0;
	}
	if (!utf8_valid(body))
		return err_set(ERR_INVALID, "Body is not valid UTF-8 text");
	json_set_str(mem, r->body, S("raw"), body);
	return 0;
}

/* --- checking --- */

static bool has_header(struct reader *r, struct str name)
{
	json_each_member(r->headers, m) {
		bool same = m->name.len == name.len;
		for (size_t i = 0; same && i < name.len; i++) {
			char x = m->name.at[i] == '-' ? '_' : m->name.at[i],
			     y = name.at[i] == '-' ? '_' : name.at[i];
			same = str_eq_nocase(str_of(&x, 1), str_of(&y, 1));
		}
		if (same)
			return true;
	}
	return false;
}

static status check_headers(struct reader *r)
{
	json_each(json_get(r->node, S("headers")), row) {
		struct str name = json_get_str(row, S("name"));
		if (json_get_bool(row, S("required"), false) && !has_header(r, name))
			return err_set(ERR_INVALID, "Required header missing: %.*s", STR(name));
	}
	return 0;
}

/* Texts of a query or a form become what the rows declare. */
static status convert_rows(struct reader *r, const struct json *rows, struct json *values,
			   const char *missing)
{
	json_each(rows, row) {
		struct str name = json_get_str(row, S("name")), type = json_get_str(row, S("type"));
		const struct json *v = json_get(values, name);
		struct json *out;
		if (str_eq(type, S("file")))
			continue;
		if (!v && json_get_bool(row, S("required"), false))
			return err_set(ERR_INVALID, "%s missing: %.*s", missing, STR(name));
		if (!v)
			continue;
		if (webhook_convert(r->c->mem, name, json_as_str(v, S("")), type, &out))
			return -1;
		json_set(r->c->mem, values, name, out);
	}
	return 0;
}

static status check_rows(struct reader *r, const struct json *rows)
{
	json_each(rows, row) {
		struct str name = json_get_str(row, S("name"));
		const struct json *v = json_get(r->body, name);
		if (!v && json_get_bool(row, S("required"), false))
			return err_set(ERR_INVALID, "Required body parameter missing: %.*s",
				       STR(name));
		if (v && webhook_check(r->c->mem, name, v, json_get_str(row, S("type"))))
			return -1;
	}
	return 0;
}

static status check_body(struct reader *r)
{
	const struct json *rows = json_get(r->node, S("body"));
	if (str_eq(r->content_type, S("application/json")))
		return check_rows(r, rows);
	if (str_eq(r->content_type, S("multipart/form-data")) ||
	    str_eq(r->content_type, S("application/x-www-form-urlencoded")))
		return convert_rows(r, rows, r->body, "Required body parameter");
	bool there = r->kept.len || json_get_str(r->body, S("raw")).len;
	json_each(rows, row)
		if (json_get_bool(row, S("required"), false) && !there)
			return err_set(ERR_INVALID,
				       "Required body content missing for %.*s request",
				       STR(r->content_type));
	return 0;
}

static status keep_files(struct reader *r)
{
	struct arena *mem = r->c->mem;
	for (size_t i = 0; i < r->kept.len; i++) {
		struct file_new *f = &r->kept.at[i];
		struct json *file;
		f->tenant_id = r->c->app->tenant_id;
		f->app_id = r->c->app->id;
		f->created_by = r->c->app->created_by;
		f->by_account = true;
		if (file_save(r->c->s->flow, mem, f, &file))
			return -1;
		if (r->names.at[i].len)
			json_set(mem, r->files, r->names.at[i], file);
		else
			json_set(mem, r->body, S("raw"), file);
	}
	return 0;
}

status webhook_read(struct call *c, const struct json *node, struct json **out)
{
	struct reader r = { .c = c, .node = node };
	struct arena *mem = c->mem;
	c->http->body_limit =
		(uint64_t)config_int(c->s->config, CONFIG_WEBHOOK_REQUEST_BODY_MAX_SIZE);
	if (c->http->body_length > 0 && (uint64_t)c->http->body_length > c->http->body_limit)
		return err_set(ERR_TOO_LARGE,
			       "Webhook request too large: %lld bytes exceeds maximum allowed "
			       "size of %llu bytes",
			       (long long)c->http->body_length,
			       (unsigned long long)c->http->body_limit);
	read_headers(&r);
	r.query = webhook_pairs(mem, c->http->query);
	if (check_metadata(&r) || read_body(&r) || check_headers(&r) ||
	    convert_rows(&r, json_get(node, S("params")), r.query, "Required parameter") ||
	    check_body(&r) || keep_files(&r))
		return -1;
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("method"), c->http->method_text);
	json_set(mem, o, S("headers"), r.headers);
	json_set(mem, o, S("query_params"), r.query);
	json_set(mem, o, S("body"), r.body);
	json_set(mem, o, S("files"), r.files);
	*out = o;
	return 0;
}

struct json *webhook_answer(struct arena *mem, const struct json *node)
{
	struct str text = str_trim(json_get_str(node, S("response_body")));
	struct json *v = json_obj(mem), *parsed;
	if (!text.len) {
		json_set_str(mem, v, S("status"), S("success"));
		json_set_str(mem, v, S("message"), S("Webhook processed successfully"));
		return v;
	}
	if ((text.at[0] == '{' || text.at[0] == '[') && json_parse(mem, text, &parsed) == 0)
		return parsed;
	json_set_str(mem, v, S("message"), json_get_str(node, S("response_body")));
	return v;
}
