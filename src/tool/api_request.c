/* SPDX-License-Identifier: Apache-2.0 */
/* api_request: see api_request.h. Where a parameter goes stands in the operation. */
#include "tool/api_request.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"

struct maker {
	struct arena *mem;
	struct api_request *r;
	struct str path; /* of the address, filled so far */
	struct buf query, cookies, form;
	struct json *body;
	struct str boundary; /* multipart, else empty */
};

/* A value where only text fits. */
static struct str text_of(struct arena *mem, const struct json *v)
{
	if (v->type == JSON_STR)
		return json_as_str(v, S(""));
	return json_text(mem, v, JSON_COMPACT);
}

static bool header_safe(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 && s.at[i] != '\t')
			return false;
	return true;
}

static status add_header(struct maker *m, struct str name, struct str value)
{
	if (!name.len || !header_safe(value) || !header_safe(name) ||
	    str_find_char(name, ':') != SIZE_MAX)
		return err_set(ERR_INVALID, "The header %.*s cannot hold this value",
			       STR(str_sub(name, 0, 60)));
	if (m->r->header_count == API_HEADERS_MAX)
		return err_set(ERR_TOO_LARGE, "The call has more than %d headers", API_HEADERS_MAX);
	m->r->headers[m->r->header_count++] = (struct http_header){name, value};
	return 0;
}

static void add_pair(struct buf *b, struct str name, struct str value)
{
	if (b->len)
		buf_putc(b, '&');
	enc_percent(b, name, "");
	buf_putc(b, '=');
	enc_percent(b, value, "");
}

/* Lists repeat the name, as OpenAPI's default style does. */
static void add_pairs(struct arena *mem, struct buf *b, struct str name, const struct json *v)
{
	if (v->type != JSON_ARR) {
		add_pair(b, name, text_of(mem, v));
		return;
	}
	json_each(v, item) add_pair(b, name, text_of(mem, item));
}

static void put_path(struct maker *m, struct str name, struct str value)
{
	struct str what = arena_printf(m->mem, "{%.*s}", STR(name));
	size_t at = str_find(m->path, what);
	if (at == SIZE_MAX)
		return;
	struct buf b = buf_make(m->mem, 0);
	buf_put(&b, str_sub(m->path, 0, at));
	enc_percent(&b, value, "");
	buf_put(&b, str_skip(m->path, at + what.len));
	m->path = buf_str(&b);
}

static status put_part(struct maker *m, const struct json *p, struct str name, const struct json *v)
{
	if (str_eq(json_get_str(p, S("type")), S("file")))
		return err_set(
			ERR_INVALID,
			"The parameter %.*s is a file, which this server cannot send to an API "
			"yet",
			STR(name));
	if (!m->boundary.len) {
		add_pairs(m->mem, &m->form, name, v);
		return 0;
	}
	if (!header_safe(name) || str_find_char(name, '"') != SIZE_MAX)
		return err_set(ERR_INVALID,
			       "The name of the parameter %.*s cannot be sent in a form",
			       STR(name));
	buf_printf(&m->form,
		   "--%.*s\r\nContent-Disposition: form-data; name=\"%.*s\"\r\n\r\n%.*s\r\n",
		   STR(m->boundary), STR(name), STR(text_of(m->mem, v)));
	return 0;
}

static status put_body(struct maker *m, const struct json *op, const struct json *p,
		       struct str name, const struct json *v)
{
	if (!str_eq(json_get_str(op, S("body")), S("json")))
		return put_part(m, p, name, v);
	json_set(m->mem, m->body, name, v);
	return 0;
}

static status put(struct maker *m, const struct json *op, const struct json *p,
		  const struct json *v)
{
	struct str in = json_get_str(p, S("in")), name = json_get_str(p, S("name"));
	if (str_eq(in, S("path")))
		put_path(m, name, text_of(m->mem, v));
	else if (str_eq(in, S("query")))
		add_pairs(m->mem, &m->query, name, v);
	else if (str_eq(in, S("header")))
		return add_header(m, name, text_of(m->mem, v));
	else if (str_eq(in, S("cookie")))
		buf_printf(&m->cookies, "%s%.*s=%.*s", m->cookies.len ? "; " : "", STR(name),
			   STR(text_of(m->mem, v)));
	else
		return put_body(m, op, p, name, v);
	return 0;
}

/* {auth_type: none, api_key_header (or api_key), api_key_query}. */
static status authorize(struct maker *m, const struct json *c)
{
	struct str type = json_get_str(c, S("auth_type")),
		   value = json_get_str(c, S("api_key_value"));
	struct str prefix = json_get_str(c, S("api_key_header_prefix"));
	struct str header = json_get_str(c, S("api_key_header"));
	if (str_eq(type, S("api_key_query"))) {
		struct str name = json_get_str(c, S("api_key_query_param"));
		add_pair(&m->query, name.len ? name : S("key"), value);
		return 0;
	}
	if (!str_eq(type, S("api_key_header")) && !str_eq(type, S("api_key")))
		return 0;
	if (str_eq(prefix, S("bearer")))
		value = arena_printf(m->mem, "Bearer %.*s", STR(value));
	else if (str_eq(prefix, S("basic")))
		value = arena_printf(m->mem, "Basic %.*s", STR(value));
	return add_header(m, header.len ? header : S("Authorization"), value);
}

static status finish(struct maker *m, const struct json *op)
{
	struct str kind = json_get_str(op, S("body"));
	struct str type = S("");
	if (str_eq(kind, S("json"))) {
		m->r->body = json_text(m->mem, m->body, JSON_COMPACT);
		type = S("application/json");
	} else if (m->boundary.len) {
		buf_printf(&m->form, "--%.*s--\r\n", STR(m->boundary));
		m->r->body = buf_str(&m->form);
		type = arena_printf(m->mem, "multipart/form-data; boundary=%.*s", STR(m->boundary));
	} else if (str_eq(kind, S("form"))) {
		m->r->body = buf_str(&m->form);
		type = S("application/x-www-form-urlencoded");
	}
	if (type.len && add_header(m, S("Content-Type"), type))
		return -1;
	if (m->cookies.len && add_header(m, S("Cookie"), buf_str(&m->cookies)))
		return -1;
	bool has = str_find_char(m->path, '?') != SIZE_MAX;
	m->r->url = m->query.len ? arena_printf(m->mem, "%.*s%s%.*s", STR(m->path), has ? "&" : "?",
						STR(buf_str(&m->query)))
				 : m->path;
	return buf_done(&m->form);
}

status api_request_make(struct arena *mem, const struct json *op, const struct json *credentials,
			const struct json *args, struct api_request *out)
{
	struct maker m = {
		.mem = mem, .r = out, .path = json_get_str(op, S("url")), .body = json_obj(mem)};
	struct str method = json_get_str(op, S("method"));
	char *upper = arena_text(mem, method.len);
	for (size_t i = 0; i < method.len; i++)
		upper[i] = (char)(method.at[i] >= 'a' && method.at[i] <= 'z' ? method.at[i] - 32
									     : method.at[i]);
	*out = (struct api_request){.method = str_of(upper, method.len)};
	m.query = buf_make(mem, 0);
	m.cookies = buf_make(mem, 0);
	m.form = buf_make(mem, 0);
	if (str_eq(json_get_str(op, S("body")), S("multipart")))
		m.boundary = id_token(mem, 24);
	if (authorize(&m, credentials))
		return -1;
	json_each(json_get(op, S("parameters")), p)
	{
		const struct json *v = json_get(args, json_get_str(p, S("name")));
		if (v && v->type != JSON_NULL && put(&m, op, p, v))
			return -1;
	}
	return finish(&m, op);
}
