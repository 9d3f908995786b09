/* SPDX-License-Identifier: Apache-2.0 */
/* openapi: see openapi.h. */
#include "tool/openapi.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/yaml.h"

enum { REFS_MAX = 16, NAME_MAX = 60 };

struct reader {
	struct arena *mem;
	const struct json *doc;
	bool swagger;
	struct str server; /* of the document, without a slash at the end */
	struct json *out;
};

/* --- references --- */

/* "#/components/schemas/Pet", with ~1 and ~0 as in JSON pointers. */
static const struct json *pointer(struct arena *mem, const struct json *doc, struct str ref)
{
	if (!str_starts(ref, S("#/")))
		return NULL;
	ref = str_skip(ref, 2);
	while (doc && ref.at) {
		struct str part = str_cut(&ref, '/');
		struct buf name = buf_make(mem, 0);
		for (size_t i = 0; i < part.len; i++) {
			bool escape = part.at[i] == '~' && i + 1 < part.len;
			buf_putc(&name, !escape ? part.at[i] : part.at[++i] == '1' ? '/' : '~');
		}
		doc = json_get(doc, buf_str(&name));
	}
	return doc;
}

static const struct json *follow(const struct reader *r, const struct json *v)
{
	for (int i = 0; i < REFS_MAX; i++) {
		struct str ref = json_get_str(v, S("$ref"));
		if (!ref.len)
			return v;
		v = pointer(r->mem, r->doc, ref);
	}
	return NULL;
}

/* The schema with its references put in place, as far as a few levels: models need no more. */
static struct json *schema_whole(const struct reader *r, const struct json *v, int depth)
{
	enum { DEPTH = 5 };
	v = follow(r, v);
	if (!v)
		return json_obj(r->mem);
	if (depth == DEPTH || (v->type != JSON_OBJ && v->type != JSON_ARR))
		return v->type == JSON_OBJ || v->type == JSON_ARR ? json_obj(r->mem)
								  : json_copy(r->mem, v);
	struct json *o = v->type == JSON_OBJ ? json_obj(r->mem) : json_arr(r->mem);
	json_each_member(v, m)
		json_set(r->mem, o, m->name,
			 schema_whole(r, &m->value, depth + (m->value.type == JSON_OBJ)));
	json_each(v, item) json_push(r->mem, o, schema_whole(r, item, depth + 1));
	return o;
}

/* --- parameters --- */

static const char *type_of(const struct json *schema)
{
	static const struct {
		const char *name, *type;
	} types[] = {
		{"integer", "number" },
                {"number",  "number" },
                {"boolean", "boolean"},
		{"array",   "array"  },
                {"object",  "object" },
                {"file",    "file"   }
        };
	const struct json *t = json_get(schema, S("type"));
	struct str name = json_as_str(t, S(""));
	json_each(t, one) /* OpenAPI 3.1: ["string", "null"] */
		if (!name.len && !str_eq(json_as_str(one, S("")), S("null"))) name =
			json_as_str(one, S(""));
	if (str_eq(name, S("string")) && str_eq(json_get_str(schema, S("format")), S("binary")))
		return "file";
	for (size_t i = 0; i < countof(types); i++)
		if (str_eq(name, str_c(types[i].name)))
			return types[i].type;
	if (!name.len && json_get(schema, S("properties")))
		return "object";
	return "string";
}

static struct str first_text(const struct json *a, const struct json *b, struct str name)
{
	struct str s = json_get_str(a, name);
	return s.len ? s : json_get_str(b, name);
}

static void add_parameter(const struct reader *r, struct json *list, struct str name, struct str in,
			  const struct json *given, const struct json *schema, bool required)
{
	if (!name.len || json_len(list) == OPENAPI_PARAMETERS_MAX)
		return;
	struct json *p = json_obj(r->mem), *options = json_arr(r->mem);
	const struct json *dflt = json_get(schema, S("default"));
	const char *type = type_of(schema);
	json_set_str(r->mem, p, S("name"), name);
	json_set_str(r->mem, p, S("in"), in);
	json_each(json_get(schema, S("enum")), v) if (v->type == JSON_STR)
		json_push(r->mem, options, v);
	if (options->len) {
		type = "select";
		json_set(r->mem, p, S("options"), options);
	}
	json_set_str(r->mem, p, S("type"), str_c(type));
	json_set_bool(r->mem, p, S("required"), required);
	json_set_str(r->mem, p, S("description"), first_text(given, schema, S("description")));
	if (dflt && dflt->type != JSON_NULL)
		json_set(r->mem, p, S("default"), dflt);
	json_set(r->mem, p, S("schema"), schema_whole(r, schema, 0));
	json_push(r->mem, list, p);
}

static bool has_parameter(const struct json *list, struct str name)
{
	json_each(list, p) if (str_eq(json_get_str(p, S("name")), name)) return true;
	return false;
}

static bool is_required(const struct json *schema, struct str name)
{
	json_each(json_get(schema, S("required")),
		  v) if (str_eq(json_as_str(v, S("")), name)) return true;
	return false;
}

static void add_body(const struct reader *r, struct json *list, const struct json *schema)
{
	schema = follow(r, schema);
	json_each(json_get(schema, S("allOf")), part)
	{
		const struct json *one = follow(r, part);
		json_each_member(json_get(one, S("properties")),
				 m) if (!has_parameter(list, m->name))
			add_parameter(r, list, m->name, S("body"), NULL, follow(r, &m->value),
				      is_required(one, m->name));
	}
	json_each_member(json_get(schema, S("properties")), m) if (!has_parameter(list, m->name))
		add_parameter(r, list, m->name, S("body"), NULL, follow(r, &m->value),
			      is_required(schema, m->name));
}

static void add_listed(const struct reader *r, struct json *op, struct json *list,
		       const struct json *given)
{
	json_each(given, item)
	{
		const struct json *p = follow(r, item);
		struct str in = json_get_str(p, S("in")), name = json_get_str(p, S("name"));
		bool required = json_get_bool(p, S("required"), false) || str_eq(in, S("path"));
		const struct json *schema = json_get(p, S("schema"));
		if (!p || has_parameter(list, name))
			continue;
		if (str_eq(in, S("body"))) { /* Swagger 2 */
			json_set_str(r->mem, op, S("body"), S("json"));
			add_body(r, list, schema);
		} else if (str_eq(in, S("formData"))) {
			bool file = str_eq(json_get_str(p, S("type")), S("file"));
			if (file || !str_eq(json_get_str(op, S("body")), S("multipart")))
				json_set_str(r->mem, op, S("body"),
					     file ? S("multipart") : S("form"));
			add_parameter(r, list, name, S("body"), p, p, required);
		} else if (str_eq(in, S("path")) || str_eq(in, S("query")) ||
			   str_eq(in, S("header")) || str_eq(in, S("cookie"))) {
			add_parameter(r, list, name, in, p, schema ? follow(r, schema) : p,
				      required);
		}
	}
}

static void add_request_body(const struct reader *r, struct json *op, struct json *list,
			     const struct json *body)
{
	static const struct {
		struct str type, body;
	} kinds[] = {
		{S_INIT("application/json"),                  S_INIT("json")     },
		{S_INIT("application/x-www-form-urlencoded"), S_INIT("form")     },
		{S_INIT("multipart/form-data"),               S_INIT("multipart")}
        };
	const struct json *content = json_get(follow(r, body), S("content"));
	for (size_t i = 0; i < countof(kinds); i++)
		json_each_member(content, m) if (str_starts(m->name, kinds[i].type) &&
						 !json_get_str(op, S("body")).len)
		{
			json_set_str(r->mem, op, S("body"), kinds[i].body);
			add_body(r, list, json_get(&m->value, S("schema")));
		}
}

/* --- operations --- */

/* The operation's own id, or its path and method, in the letters that functions may have. */
static struct str operation_name(const struct reader *r, const struct json *op, struct str path,
				 struct str method)
{
	struct str id = json_get_str(op, S("operationId"));
	if (!id.len)
		id = arena_printf(r->mem, "%.*s_%.*s", STR(path), STR(method));
	struct buf b = buf_make(r->mem, 0);
	for (size_t i = 0; i < id.len && b.len < NAME_MAX; i++) {
		char c = id.at[i];
		bool ok = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
			  c == '_' || c == '-';
		if (ok)
			buf_putc(&b, c);
		else if (b.len && b.at[b.len - 1] != '_')
			buf_putc(&b, '_');
	}
	struct str name = b.len ? buf_str(&b) : S("operation");
	for (int i = 2; has_parameter(r->out, name); i++)
		name = arena_printf(r->mem, "%.*s_%d", STR(buf_str(&b)), i);
	return name;
}

static void add_operation(struct reader *r, struct str path, const struct json *item,
			  const struct json_member *m)
{
	struct json *op = json_obj(r->mem), *list = json_arr(r->mem);
	const struct json *given = &m->value;
	struct str about = first_text(given, item, S("description"));
	struct str summary = first_text(given, item, S("summary"));
	json_set_str(r->mem, op, S("name"), operation_name(r, given, path, m->name));
	json_set_str(r->mem, op, S("description"), about.len ? about : summary);
	json_set_str(r->mem, op, S("method"), m->name);
	json_set_str(r->mem, op, S("url"),
		     arena_printf(r->mem, "%.*s%s%.*s", STR(r->server),
				  str_starts(path, S("/")) ? "" : "/", STR(path)));
	json_set_str(r->mem, op, S("body"), S(""));
	add_listed(r, op, list, json_get(given, S("parameters")));
	add_listed(r, op, list, json_get(item, S("parameters")));
	add_request_body(r, op, list, json_get(given, S("requestBody")));
	json_set(r->mem, op, S("parameters"), list);
	json_push(r->mem, r->out, op);
}

static bool is_method(struct str s)
{
	static const struct str methods[] = {S_INIT("get"),    S_INIT("post"), S_INIT("put"),
					     S_INIT("delete"), S_INIT("head"), S_INIT("options"),
					     S_INIT("patch"),  S_INIT("trace")};
	for (size_t i = 0; i < countof(methods); i++)
		if (str_eq(s, methods[i]))
			return true;
	return false;
}

/* --- servers --- */

/* {name} in an address, by the defaults of its variables. */
static struct str fill_server(const struct reader *r, const struct json *server)
{
	struct str url = json_get_str(server, S("url"));
	struct buf b = buf_make(r->mem, 0);
	while (url.len) {
		size_t open = str_find_char(url, '{'), close = str_find_char(url, '}');
		if (open == SIZE_MAX || close == SIZE_MAX || close < open)
			break;
		struct str name = str_sub(url, open + 1, close - open - 1);
		buf_put(&b, str_sub(url, 0, open));
		buf_put(&b, json_get_str(json_get(json_get(server, S("variables")), name),
					 S("default")));
		url = str_skip(url, close + 1);
	}
	buf_put(&b, url);
	return buf_str(&b);
}

static struct str swagger_server(const struct reader *r)
{
	struct str host = json_get_str(r->doc, S("host")),
		   base = json_get_str(r->doc, S("basePath"));
	struct str scheme = S("https");
	const struct json *schemes = json_get(r->doc, S("schemes"));
	bool tls = !json_len(schemes);
	json_each(schemes, s) tls |= str_eq(json_as_str(s, S("")), S("https"));
	if (!tls)
		scheme = S("http");
	return host.len ? arena_printf(r->mem, "%.*s://%.*s%.*s", STR(scheme), STR(host), STR(base))
			: S("");
}

static status find_server(struct reader *r)
{
	r->server = r->swagger ? swagger_server(r)
			       : fill_server(r, json_at(json_get(r->doc, S("servers")), 0));
	while (str_ends(r->server, S("/")))
		r->server.len--;
	if (!r->server.len)
		return err_set(ERR_INVALID,
			       "The schema names no server: add an absolute address under %s.",
			       r->swagger ? "host" : "servers");
	if (!str_starts(r->server, S("http://")) && !str_starts(r->server, S("https://")))
		return err_set(
			ERR_INVALID,
			"The server address '%.*s' of the schema is not absolute: it must begin "
			"with http:// or https://.",
			STR(str_sub(r->server, 0, 200)));
	return 0;
}

static status read_document(struct reader *r, struct str text)
{
	struct json *doc;
	text = str_trim(text);
	if (text.len > OPENAPI_TEXT_MAX)
		return err_set(ERR_TOO_LARGE, "The schema is larger than %d MiB.",
			       OPENAPI_TEXT_MAX >> 20);
	if (!text.len || !utf8_valid(text))
		return err_set(ERR_INVALID, "The schema is empty or no text.");
	if (text.at[0] == '{' ? json_parse(r->mem, text, &doc) : yaml_parse(r->mem, text, &doc))
		return err_set(err_code(), "The schema cannot be read: %.*s", STR(err_text()));
	r->doc = doc;
	struct str version = json_get_str(doc, S("openapi"));
	r->swagger = json_get(doc, S("swagger")) != NULL;
	if (!json_is(doc, JSON_OBJ) || (!r->swagger && !str_starts(version, S("3"))))
		return err_set(
			ERR_INVALID,
			"The schema is neither OpenAPI 3 nor Swagger 2: it needs a member openapi "
			"or swagger.");
	if (!json_len(json_get(doc, S("paths"))))
		return err_set(ERR_INVALID, "The schema has no paths.");
	return 0;
}

status openapi_read(struct arena *mem, struct str text, struct json **operations, struct str *kind)
{
	struct reader r = {.mem = mem, .out = json_arr(mem)};
	if (read_document(&r, text) || find_server(&r))
		return -1;
	json_each_member(json_get(r.doc, S("paths")), p)
	{
		const struct json *item = follow(&r, &p->value);
		json_each_member(item, m) if (is_method(m->name) && m->value.type == JSON_OBJ &&
					      r.out->len < OPENAPI_OPERATIONS_MAX)
			add_operation(&r, p->name, item, m);
	}
	if (!r.out->len)
		return err_set(ERR_INVALID, "The schema has no operations.");
	*operations = r.out;
	*kind = r.swagger ? S("swagger") : S("openapi");
	return 0;
}
