/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/node/http_build.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/vec.h"
#include "flow/node/node.h"
#include "flow/repair.h"

enum { FILE_SHOWN_MAX = 10 << 10, LOG_MAX = 1 << 20, MASK_STARS = 20 };

struct pair {
	struct str key, value;
};
typedef VEC(struct pair) pairs;
typedef VEC(struct http_header) headers;

static struct str render(struct http_build *b, struct str text)
{
	return template_text(b->mem, text, b->run->pool, VAR_TEXT);
}

/* --- lines of "key: value" --- */

static struct pair split_line(struct str line)
{
	struct str value = line, key = str_trim(str_cut(&value, ':'));
	return (struct pair){ key, value.at ? str_trim(value) : S("") };
}

/* Later duplicates win, at the place of the first. */
static void set_header(struct http_build *b, headers *list, struct pair p)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq(list->at[i].name, p.key)) {
			list->at[i].value = p.value;
			return;
		}
	struct http_header h = { p.key, p.value };
	vec_push(b->mem, list, h);
}

static void drop_header(headers *list, struct str name)
{
	size_t n = 0;
	for (size_t i = 0; i < list->len; i++)
		if (!str_eq_nocase(list->at[i].name, name))
			list->at[n++] = list->at[i];
	list->len = n;
}

static bool has_header(const headers *list, struct str name)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq_nocase(list->at[i].name, name))
			return true;
	return false;
}

/* The whole text is rendered first, so a variable may hold several lines. */
static void read_headers(struct http_build *b, headers *list)
{
	struct str text = render(b, json_get_str(b->run->data, S("headers"))), line;
	while (str_next_line(&text, &line))
		if (str_trim(line).len && split_line(line).key.len)
			set_header(b, list, split_line(line));
}

/* --- address --- */

/* As browsers and Python do: what no address may hold becomes %XX, escapes that are there stay. */
static void put_address(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c <= ' ' || c >= 127 || strchr("\"<>\\^`{|}", c))
			buf_printf(out, "%%%02X", c);
		else
			buf_putc(out, (char)c);
	}
}

static void put_query(struct buf *out, struct str s)
{
	struct buf part = buf_make(out->mem, 0);
	enc_percent(&part, s, " ");
	for (size_t i = 0; i < part.len; i++)
		buf_putc(out, part.at[i] == ' ' ? '+' : part.at[i]);
}

static void put_pair(struct buf *out, const struct pair *p, bool first)
{
	if (!first)
		buf_putc(out, '&');
	put_query(out, p->key);
	buf_putc(out, '=');
	put_query(out, p->value);
}

static bool named(const pairs *list, struct str key)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq(list->at[i].key, key))
			return true;
	return false;
}

/* Lines are split first and rendered then: a value may hold line ends and colons. */
static void read_params(struct http_build *b, pairs *list)
{
	struct str text = json_get_str(b->run->data, S("params")), line;
	while (str_next_line(&text, &line)) {
		struct pair p = split_line(line);
		if (!p.key.len)
			continue;
		p = (struct pair){ render(b, p.key), render(b, p.value) };
		vec_push(b->mem, list, p);
	}
}

/* Parameters of the address whose names the list has give way. */
static struct str merge_query(struct http_build *b, struct str query, const pairs *params)
{
	struct buf out = buf_make(b->mem, 0);
	while (query.len) {
		struct str pair = str_cut(&query, '&'), key = pair;
		key = dec_percent(b->mem, str_cut(&key, '='), true);
		if (!pair.len || named(params, key))
			continue;
		if (out.len)
			buf_putc(&out, '&');
		put_address(&out, pair);
	}
	for (size_t i = 0; i < params->len; i++)
		put_pair(&out, &params->at[i], !out.len);
	return buf_str(&out);
}

static status build_url(struct http_build *b, struct http_plan *plan)
{
	struct str url = str_trim(render(b, json_get_str(b->run->data, S("url"))));
	pairs params = { 0 };
	if (!url.len)
		return node_fail(b->run, "InvalidURLError", "url is required");
	if (!str_starts(url, S("http://")) && !str_starts(url, S("https://")))
		return node_fail(b->run, "InvalidURLError",
				 "url should start with http:// or https://");
	read_params(b, &params);
	url = str_sub(url, 0, MIN(str_find_char(url, '#'), url.len));
	struct str query = url, base = str_cut(&query, '?');
	size_t host = str_find(base, S("://")) + 3, path = host;
	while (path < base.len && base.at[path] != '/')
		path++;
	struct buf out = buf_make(b->mem, 0);
	buf_put(&out, str_sub(base, 0, path));
	put_address(&out, path < base.len ? str_skip(base, path) : S("/"));
	query = merge_query(b, query, &params);
	if (query.len)
		buf_putc(&out, '?');
	buf_put(&out, query);
	plan->url = buf_str(&out);
	return 0;
}

/* --- authorisation --- */

static status build_auth(struct http_build *b, headers *list, struct http_plan *plan)
{
	const struct json *auth = json_get(b->run->data, S("authorization"));
	const struct json *config = json_get(auth, S("config"));
	struct str type = json_get_str(config, S("type")), name = json_get_str(config, S("header"));
	plan->auth_name = S("");
	if (!str_eq(json_get_str(auth, S("type")), S("api-key")))
		return 0;
	struct str key = render(b, json_get_str(config, S("api_key"))), value = key;
	if (!str_trim(key).len)
		return node_fail(b->run, "AuthorizationConfigError",
				 "The API key of the authorization is empty");
	if (!name.len)
		name = S("Authorization");
	if (str_eq(type, S("bearer")))
		value = arena_printf(b->mem, "Bearer %.*s", STR(key));
	else if (str_eq(type, S("basic")))
		value = arena_printf(
			b->mem, "Basic %.*s",
			STR(str_find_char(key, ':') == SIZE_MAX ? key : enc_base64(b->mem, key)));
	struct pair p = { name, value };
	drop_header(list, name);
	set_header(b, list, p);
	plan->auth_name = name;
	return 0;
}

/* --- bodies --- */

struct body {
	struct buf bytes; /* what is sent */
	struct buf shown; /* what people see, when it differs */
	bool differs;
	struct str content_type; /* the default one, "" = none */
	bool own_type;		 /* replaces the user's */
};

/* Of old files the body is one text. */
static const struct json *body_items(struct http_build *b, const struct json *body)
{
	const struct json *data = json_get(body, S("data"));
	if (!json_is(data, JSON_STR))
		return json_is(data, JSON_ARR) ? data : json_arr(b->mem);
	struct json *list = json_arr(b->mem), *one = json_obj(b->mem);
	if (!data->len)
		return list;
	json_set_str(b->mem, one, S("key"), S(""));
	json_set_str(b->mem, one, S("type"), S("text"));
	json_set(b->mem, one, S("value"), data);
	json_push(b->mem, list, one);
	return list;
}

static bool is_file_item(const struct json *item)
{
	return str_eq(json_get_str(item, S("type")), S("file"));
}

static status one_item(struct http_build *b, const struct json *items, const char *type)
{
	if (json_len(items) == 1)
		return 0;
	return node_fail(b->run, "RequestBodyError", "%s body type should have exactly one item",
			 type);
}

static status raw_body(struct http_build *b, const struct json *items, struct body *out)
{
	if (one_item(b, items, "raw-text"))
		return -1;
	buf_put(&out->bytes, render(b, json_get_str(json_at(items, 0), S("value"))));
	out->content_type = S("text/plain");
	return 0;
}

static status json_body(struct http_build *b, const struct json *items, struct body *out)
{
	struct json *v;
	if (one_item(b, items, "json"))
		return -1;
	struct str text = render(b, json_get_str(json_at(items, 0), S("value")));
	if (json_repair(b->mem, text, &v))
		return node_fail(b->run, "RequestBodyError", "Failed to parse JSON: %.*s",
				 STR(text));
	json_write(&out->bytes, v, JSON_SPACED | JSON_ASCII);
	out->content_type = S("application/json");
	return 0;
}

/* Later values of a name win, at the place of the first. */
static pairs text_pairs(struct http_build *b, const struct json *items)
{
	pairs list = { 0 };
	json_each(items, item) {
		struct pair p = { render(b, json_get_str(item, S("key"))), { 0 } };
		if (is_file_item(item))
			continue;
		p.value = render(b, json_get_str(item, S("value")));
		bool found = false;
		for (size_t i = 0; i < list.len; i++)
			if (str_eq(list.at[i].key, p.key)) {
				list.at[i].value = p.value;
				found = true;
			}
		if (!found)
			vec_push(b->mem, &list, p);
	}
	return list;
}

static status urlencoded_body(struct http_build *b, const struct json *items, struct body *out)
{
	pairs list = text_pairs(b, items);
	for (size_t i = 0; i < list.len; i++)
		put_pair(&out->bytes, &list.at[i], !i);
	out->content_type = S("application/x-www-form-urlencoded");
	return 0;
}

static status fetch_file(struct http_build *b, const struct json *file, struct str *bytes)
{
	if (b->content(b->run, b->mem, file, bytes) == 0)
		return 0;
	if (err_code() == ERR_CANCELLED)
		return -1;
	return node_fail(b->run, "FileFetchError", "Error downloading file %.*s: %.*s",
			 STR(json_get_str(file, S("filename"))), STR(err_text()));
}

/* A file's place in what people see. */
static void show_file(struct body *out, const struct json *file, struct str bytes)
{
	if (bytes.len <= FILE_SHOWN_MAX && utf8_valid(bytes) &&
	    !memchr(bytes.at ? bytes.at : "", 0, bytes.len))
		buf_put(&out->shown, bytes);
	else
		buf_printf(&out->shown, "<%.*s: %zu bytes>", STR(json_get_str(file, S("filename"))),
			   bytes.len);
}

static status binary_body(struct http_build *b, const struct json *items, struct body *out)
{
	struct var v;
	struct str bytes;
	if (one_item(b, items, "binary"))
		return -1;
	const struct json *selector = json_get(json_at(items, 0), S("file"));
	if (!pool_get_json(b->run->pool, selector, &v) || !var_is_file(&v.value))
		return node_fail(b->run, "FileFetchError", "cannot fetch file with selector %.*s",
				 STR(selector_python(b->run->mem, selector)));
	if (fetch_file(b, &v.value, &bytes))
		return -1;
	buf_put(&out->bytes, bytes);
	show_file(out, &v.value, bytes);
	out->differs = true;
	return 0;
}

/* --- forms with files (RFC 7578) --- */

static void both(struct body *out, struct str s)
{
	buf_put(&out->bytes, s);
	buf_put(&out->shown, s);
}

/* As browsers write names of fields and files. */
static void both_quoted(struct body *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		both(out, c == '"'    ? S("%22")
			  : c == '\r' ? S("%0D")
			  : c == '\n' ? S("%0A")
				      : str_of(&c, 1));
	}
}

static void part_head(struct http_build *b, struct body *out, struct str name, struct str filename,
		      struct str mime)
{
	both(out, S("--"));
	both(out, b->boundary);
	both(out, S("\r\nContent-Disposition: form-data; name=\""));
	both_quoted(out, name);
	both(out, S("\""));
	if (filename.len) {
		both(out, S("; filename=\""));
		both_quoted(out, filename);
		both(out, S("\""));
	}
	if (mime.len) {
		both(out, S("\r\nContent-Type: "));
		both_quoted(out, mime);
	}
	both(out, S("\r\n\r\n"));
}

static status put_file(struct http_build *b, struct body *out, struct str name,
		       const struct json *file)
{
	struct str bytes, mime = json_get_str(file, S("mime_type"));
	if (fetch_file(b, file, &bytes))
		return -1;
	part_head(b, out, name, json_get_str(file, S("filename")),
		  mime.len ? mime : S("application/octet-stream"));
	buf_put(&out->bytes, bytes);
	show_file(out, file, bytes);
	both(out, S("\r\n"));
	return 0;
}

static status form_files(struct http_build *b, const struct json *items, struct body *out,
			 size_t *n)
{
	json_each(items, item) {
		struct var v;
		if (!is_file_item(item) ||
		    !pool_get_json(b->run->pool, json_get(item, S("file")), &v))
			continue;
		struct str name = render(b, json_get_str(item, S("key")));
		if (var_is_file(&v.value)) {
			(*n)++;
			if (put_file(b, out, name, &v.value))
				return -1;
		}
		json_each(&v.value, file) {
			if (!var_is_file(file))
				continue;
			(*n)++;
			if (put_file(b, out, name, file))
				return -1;
		}
	}
	return 0;
}

static status form_body(struct http_build *b, const struct json *items, struct body *out)
{
	pairs list = text_pairs(b, items);
	size_t files = 0;
	out->differs = out->own_type = true;
	out->content_type =
		arena_printf(b->mem, "multipart/form-data; boundary=%.*s", STR(b->boundary));
	for (size_t i = 0; i < list.len; i++) {
		part_head(b, out, list.at[i].key, S(""), S(""));
		both(out, list.at[i].value);
		both(out, S("\r\n"));
	}
	if (form_files(b, items, out, &files))
		return -1;
	/* Servers that expect a form with files get one. */
	if (!files) {
		part_head(b, out, S("__multipart_placeholder__"), S(""),
			  S("application/octet-stream"));
		both(out, S("\r\n"));
	}
	both(out, S("--"));
	both(out, b->boundary);
	both(out, S("--\r\n"));
	return 0;
}

static const struct {
	struct str type;
	status (*build)(struct http_build *, const struct json *items, struct body *);
} bodies[] = {
	{ S_INIT("none"), NULL },
	{ S_INIT("form-data"), form_body },
	{ S_INIT("x-www-form-urlencoded"), urlencoded_body },
	{ S_INIT("raw-text"), raw_body },
	{ S_INIT("json"), json_body },
	{ S_INIT("binary"), binary_body },
};

static int body_of(struct str type)
{
	for (size_t i = 0; i < countof(bodies); i++)
		if (str_eq(bodies[i].type, type))
			return (int)i;
	return -1;
}

static status build_body(struct http_build *b, struct body *out)
{
	const struct json *body = json_get(b->run->data, S("body"));
	int kind = body_of(json_get_str(body, S("type")));
	out->bytes = buf_make(b->mem, b->body_max);
	out->shown = buf_make(b->mem, b->body_max);
	out->content_type = S("");
	if (kind < 0 || !bodies[kind].build)
		return 0;
	if (bodies[kind].build(b, body_items(b, body), out))
		return -1;
	if (out->bytes.overflow)
		return node_fail(b->run, "RequestBodyError",
				 "The request body is larger than %zu bytes", b->body_max);
	return 0;
}

/* --- what people see --- */

static void put_stars(struct buf *out, size_t n)
{
	while (n--)
		buf_putc(out, '*');
}

static struct str replaced(struct arena *mem, struct str text, struct str secret)
{
	struct buf out = buf_make(mem, LOG_MAX * 2);
	for (size_t at; (at = str_find(text, secret)) != SIZE_MAX;
	     text = str_skip(text, at + secret.len)) {
		buf_put(&out, str_sub(text, 0, at));
		put_stars(&out, MASK_STARS);
	}
	buf_put(&out, text);
	return buf_str(&out);
}

struct str http_build_shown(struct http_build *b, struct str text)
{
	const struct pool_node *env = map_get(&b->run->pool->nodes, S("env"));
	if (!env)
		return text;
	map_each(&env->names, e) {
		const struct var *v = e->value;
		struct str secret = json_as_str(&v->value, S(""));
		if (v->type != VAR_SECRET || !secret.len)
			continue;
		/* As it is, as a query has it, as JSON has it. */
		struct buf query = buf_make(b->mem, 0), path = buf_make(b->mem, 0),
			   json = buf_make(b->mem, 0);
		put_query(&query, secret);
		put_address(&path, secret);
		json_write_string(&json, secret, JSON_ASCII);
		struct str forms[] = { secret, buf_str(&query), buf_str(&path),
				       str_sub(buf_str(&json), 1, json.len - 2) };
		for (size_t i = 0; i < countof(forms); i++)
			if (str_has(text, forms[i]))
				text = replaced(b->mem, text, forms[i]);
	}
	return text;
}

static struct str host_of(struct str url)
{
	struct str rest = str_skip(url, str_find(url, S("://")) + 3);
	struct str host = str_sub(rest, 0, MIN(str_find_char(rest, '/'), rest.len));
	size_t at = str_rfind_char(host, '@');
	return at == SIZE_MAX ? host : str_skip(host, at + 1);
}

static struct str log_text(struct http_build *b, const struct http_plan *plan,
			   const struct body *body)
{
	struct buf out = buf_make(b->mem, LOG_MAX);
	struct str rest = str_skip(plan->url, str_find(plan->url, S("://")) + 3);
	struct str path = str_skip(rest, MIN(str_find_char(rest, '/'), rest.len));
	buf_printf(&out, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", STR(plan->method), STR(path),
		   STR(host_of(plan->url)));
	for (size_t i = 0; i < plan->header_count; i++) {
		const struct http_header *h = &plan->headers[i];
		buf_printf(&out, "%.*s: ", STR(h->name));
		if (plan->auth_name.len && str_eq_nocase(h->name, plan->auth_name))
			put_stars(&out, utf8_count(h->value));
		else
			buf_put(&out, h->value);
		buf_puts(&out, "\r\n");
	}
	if (plan->body.len)
		buf_printf(&out, "Content-Length: %zu\r\n", plan->body.len);
	buf_puts(&out, "\r\n");
	struct str shown = buf_str(body->differs ? &body->shown : &body->bytes);
	size_t room = LOG_MAX - out.len;
	buf_put(&out, shown.len <= room ? shown : S("<long body>"));
	return arena_str(b->run->mem, http_build_shown(b, buf_str(&out)));
}

/* --- all --- */

static const struct {
	struct str name;
	bool works;
} methods[] = {
	{ S_INIT("GET"), true },    { S_INIT("POST"), true },	{ S_INIT("PUT"), true },
	{ S_INIT("PATCH"), true },  { S_INIT("DELETE"), true }, { S_INIT("HEAD"), true },
	{ S_INIT("OPTIONS"), false },
};

static int method_of(const struct json *data)
{
	for (size_t i = 0; i < countof(methods); i++)
		if (str_eq_nocase(methods[i].name, json_get_str(data, S("method"))))
			return (int)i;
	return -1;
}

status http_build(struct http_build *b, struct http_plan *plan)
{
	headers list = { 0 };
	struct body body = { 0 };
	*plan = (struct http_plan){ 0 };
	int method = method_of(b->run->data);
	if (method < 0 || !methods[method].works)
		return node_fail(b->run, "InvalidHttpMethodError", "Invalid http method %.*s",
				 STR(method < 0 ? json_get_str(b->run->data, S("method"))
						: methods[method].name));
	plan->method = methods[method].name;
	if (build_url(b, plan))
		return -1;
	read_headers(b, &list);
	if (build_auth(b, &list, plan) || build_body(b, &body))
		return -1;
	if (body.own_type)
		drop_header(&list, S("content-type"));
	if (body.content_type.len && !has_header(&list, S("content-type"))) {
		struct pair p = { S("Content-Type"), body.content_type };
		set_header(b, &list, p);
	}
	plan->headers = list.at;
	plan->header_count = list.len;
	plan->body = buf_str(&body.bytes);
	plan->log = log_text(b, plan, &body);
	return 0;
}

status http_build_check(const struct json *data)
{
	const struct json *auth = json_get(data, S("authorization")),
			  *body = json_get(data, S("body"));
	struct str kind = json_get_str(auth, S("type")),
		   type = json_get_str(json_get(auth, S("config")), S("type"));
	if (method_of(data) < 0)
		return err_set(ERR_INVALID,
			       "method: must be get, post, put, patch, delete, head or options");
	if (!json_is(json_get(data, S("url")), JSON_STR))
		return err_set(ERR_INVALID, "url: must be a text");
	if (kind.len && !str_eq(kind, S("no-auth")) && !str_eq(kind, S("api-key")))
		return err_set(ERR_INVALID, "authorization.type: must be no-auth or api-key");
	if (str_eq(kind, S("api-key")) && !str_eq(type, S("basic")) && !str_eq(type, S("bearer")) &&
	    !str_eq(type, S("custom")))
		return err_set(ERR_INVALID,
			       "authorization.config.type: must be basic, bearer or custom");
	if (json_is(body, JSON_OBJ) && body_of(json_get_str(body, S("type"))) < 0)
		return err_set(ERR_INVALID,
			       "body.type: must be none, form-data, x-www-form-urlencoded, "
			       "raw-text, json or binary");
	return 0;
}
