/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of APIs to operations, and operations with arguments to requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "tool/api_request.h"
#include "tool/openapi.h"

/* Printed as "name method url body: parameter/in/type[!][=default] ...", one operation a line. */
#define V3 "openapi: 3.0.0\nservers: [{url: 'https://a.example/v1/'}]\n"
static const struct {
	const char *text, *want; /* want NULL: */
	const char *error;
} schemas[] = {
	{ V3 "paths:\n  /pets/{id}:\n    get:\n      operationId: getPet\n      summary: One pet.\n      parameters:\n"
	     "      - {name: id, in: path, schema: {type: integer}}\n      - {name: full, in: query, schema: {type: boolean, default: true}}\n",
	  "getPet get https://a.example/v1/pets/{id} : id/path/number! full/query/boolean=true\n", NULL },
	{ V3 "paths:\n  /pets:\n    parameters: [{$ref: '#/components/parameters/Key'}]\n    post:\n      requestBody: {content: "
	     "{application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}\n"
	     "components:\n  parameters:\n    Key: {name: X-Key, in: header, required: true, schema: {type: string}}\n  schemas:\n"
	     "    Pet: {type: object, required: [name], properties: {name: {type: string}, kind: {type: string, enum: [cat, dog]}, "
	     "tags: {type: array, items: {type: string}}}}\n",
	  "pets_post post https://a.example/v1/pets json: X-Key/header/string! name/body/string! kind/body/select tags/body/array\n", NULL },
	{ "{\"swagger\":\"2.0\",\"host\":\"b.example\",\"basePath\":\"/api\",\"schemes\":[\"http\"],\"paths\":{\"/up\":{\"post\":{"
	  "\"operationId\":\"up\",\"parameters\":[{\"name\":\"n\",\"in\":\"formData\",\"type\":\"string\",\"required\":true},"
	  "{\"name\":\"c\",\"in\":\"cookie\",\"type\":\"string\"}]},\"put\":{\"operationId\":\"up\",\"parameters\":["
	  "{\"in\":\"body\",\"name\":\"b\",\"schema\":{\"$ref\":\"#/definitions/B\"}}]}}},"
	  "\"definitions\":{\"B\":{\"properties\":{\"x\":{\"type\":\"number\"}}}}}",
	  "up post http://b.example/api/up form: n/body/string! c/cookie/string\n"
	  "up_2 put http://b.example/api/up json: x/body/number\n", NULL },
	{ "openapi: 3.1.0\nservers: [{url: 'https://{r}.example', variables: {r: {default: eu}}}]\npaths: {/x: {get: {description: d, "
	  "parameters: [{name: q, in: query, schema: {type: [string, 'null']}}]}}}\n",
	  "x_get get https://eu.example/x : q/query/string\n", NULL },
	{ V3 "paths: {/loop: {post: {operationId: loop, requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/N'}}}}}}}\n"
	     "components: {schemas: {N: {properties: {next: {$ref: '#/components/schemas/N'}}}, A: {$ref: '#/components/schemas/A'}}}\n",
	  "loop post https://a.example/v1/loop json: next/body/object\n", NULL },
	{ "", NULL, "The schema is empty" }, { "just text", NULL, "The schema is neither OpenAPI 3 nor Swagger 2" },
	{ "{broken", NULL, "The schema cannot be read: JSON line 1" }, { "openapi: 3.0.0\npaths: {/a: {get: {}}}\n", NULL, "The schema names no server" },
	{ "openapi: 3.0.0\nservers: [{url: /v1}]\npaths: {/a: {get: {}}}\n", NULL, "The server address '/v1' of the schema is not absolute" },
	{ V3 "paths: {}\n", NULL, "The schema has no paths." }, { V3 "paths: {/a: {x-get: {}}}\n", NULL, "The schema has no operations." },
};

static struct str printed(struct arena *mem, const struct json *operations)
{
	struct buf b = buf_make(mem, 0);
	json_each(operations, op) {
		buf_printf(&b, "%.*s %.*s %.*s %.*s:", STR(json_get_str(op, S("name"))),
			   STR(json_get_str(op, S("method"))), STR(json_get_str(op, S("url"))),
			   STR(json_get_str(op, S("body"))));
		json_each(json_get(op, S("parameters")), p) {
			buf_printf(&b, " %.*s/%.*s/%.*s%s", STR(json_get_str(p, S("name"))),
				   STR(json_get_str(p, S("in"))), STR(json_get_str(p, S("type"))),
				   json_get_bool(p, S("required"), false) ? "!" : "");
			if (json_get(p, S("default")))
				buf_printf(&b, "=%.*s", STR(json_text(mem, json_get(p, S("default")), JSON_COMPACT)));
		}
		buf_putc(&b, '\n');
	}
	return buf_str(&b);
}

static void schemas_are_read(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(schemas); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *operations;
		struct str kind;
		bool failed = openapi_read(mem.p, str_c(schemas[i].text), &operations, &kind) != 0;
		struct str got = failed ? err_text() : printed(mem.p, operations);
		bool ok = failed ? schemas[i].error && str_has(got, str_c(schemas[i].error)) :
				   schemas[i].want && str_eq(got, str_c(schemas[i].want));
		if (!ok)
			print_error("case %zu: %.*s\n", i, STR(got));
		bad += !ok;
	}
	assert_int_equal(bad, 0);
}

#define P(name, in, type) "{\"name\":\"" name "\",\"in\":\"" in "\",\"type\":\"" type "\"}"
#define OP(method, body, parameters) "{\"method\":\"" method "\",\"url\":\"https://a.example/x/{id}\",\"body\":\"" body "\",\"parameters\":[" parameters "]}"
static const struct {
	const char *operation, *credentials, *args;
	const char *want; /* "METHOD url|Header: value|...|body", NULL: an error with this in */
	const char *error;
} calls[] = {
	{ OP("get", "", P("id", "path", "string") "," P("q", "query", "string")), "{}", "{\"id\":\"a/b?c\",\"q\":\"d&e f\"}",
	  "GET https://a.example/x/a%2Fb%3Fc?q=d%26e%20f|", NULL },
	{ OP("get", "", P("id", "path", "number") "," P("l", "query", "array") "," P("n", "query", "string")), "{}",
	  "{\"id\":5,\"l\":[1,\"b\"],\"n\":null}", "GET https://a.example/x/5?l=1&l=b|", NULL },
	{ OP("post", "json", P("a", "body", "number") "," P("b", "body", "object")), "{}", "{\"a\":1.5,\"b\":{\"k\":null}}",
	  "POST https://a.example/x/{id}|Content-Type: application/json|{\"a\":1.5,\"b\":{\"k\":null}}", NULL },
	{ OP("post", "json", ""), "{}", "{}", "POST https://a.example/x/{id}|Content-Type: application/json|{}", NULL },
	{ OP("put", "form", P("a", "body", "string") "," P("b", "body", "boolean")), "{}", "{\"a\":\"x=y\",\"b\":true}",
	  "PUT https://a.example/x/{id}|Content-Type: application/x-www-form-urlencoded|a=x%3Dy&b=true", NULL },
	{ OP("get", "", P("H", "header", "string") "," P("c", "cookie", "string")), "{}", "{\"H\":\"v\",\"c\":\"w\"}",
	  "GET https://a.example/x/{id}|H: v|Cookie: c=w|", NULL },
	{ OP("get", "", P("H", "header", "string")), "{}", "{\"H\":\"v\\r\\nX: y\"}", NULL, "The header H" },
	{ OP("get", "", ""), "{\"auth_type\":\"api_key_header\",\"api_key_value\":\"k\",\"api_key_header_prefix\":\"bearer\"}", "{}",
	  "GET https://a.example/x/{id}|Authorization: Bearer k|", NULL },
	{ OP("get", "", ""), "{\"auth_type\":\"api_key\",\"api_key_value\":\"k\",\"api_key_header\":\"X-Key\",\"api_key_header_prefix\":\"custom\"}",
	  "{}", "GET https://a.example/x/{id}|X-Key: k|", NULL },
	{ OP("get", "", P("q", "query", "string")), "{\"auth_type\":\"api_key_query\",\"api_key_value\":\"k&\",\"api_key_query_param\":\"token\"}",
	  "{\"q\":\"1\"}", "GET https://a.example/x/{id}?token=k%26&q=1|", NULL },
	{ OP("post", "multipart", P("f", "body", "file")), "{}", "{\"f\":{}}", NULL, "The parameter f is a file" },
};

static struct str request_text(struct arena *mem, const struct api_request *r)
{
	struct buf b = buf_make(mem, 0);
	buf_printf(&b, "%.*s %.*s|", STR(r->method), STR(r->url));
	for (size_t i = 0; i < r->header_count; i++)
		buf_printf(&b, "%.*s: %.*s|", STR(r->headers[i].name), STR(r->headers[i].value));
	buf_put(&b, r->body);
	return buf_str(&b);
}

static void requests_are_made(void **state)
{
	int bad = 0;
	(void)state;
	for (size_t i = 0; i < countof(calls); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *op, *credentials, *args;
		struct api_request *r = arena_new(mem.p, struct api_request);
		assert_int_equal(json_parse(mem.p, str_c(calls[i].operation), &op), 0);
		assert_int_equal(json_parse(mem.p, str_c(calls[i].credentials), &credentials), 0);
		assert_int_equal(json_parse(mem.p, str_c(calls[i].args), &args), 0);
		bool failed = api_request_make(mem.p, op, credentials, args, r) != 0;
		struct str got = failed ? err_text() : request_text(mem.p, r);
		bool ok = failed ? calls[i].error && str_starts(got, str_c(calls[i].error)) :
				   calls[i].want && str_eq(got, str_c(calls[i].want));
		if (!ok)
			print_error("case %zu: %.*s\n", i, STR(got));
		bad += !ok;
	}
	assert_int_equal(bad, 0);
}

static void forms_have_parts(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *op, *args;
	struct api_request *r = arena_new(mem.p, struct api_request);
	(void)state;
	assert_int_equal(json_parse(mem.p, S(OP("post", "multipart", P("a", "body", "string"))), &op), 0);
	assert_int_equal(json_parse(mem.p, S("{\"a\":\"x\"}"), &args), 0);
	assert_int_equal(api_request_make(mem.p, op, NULL, args, r), 0);
	struct str boundary = str_skip(r->headers[0].value, sizeof("multipart/form-data; boundary=") - 1);
	struct str want = arena_printf(mem.p, "--%.*s\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--%.*s--\r\n",
				       STR(boundary), STR(boundary));
	assert_true(boundary.len == 24 && str_eq(r->body, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(schemas_are_read), cmocka_unit_test(requests_are_made),
					    cmocka_unit_test(forms_have_parts) };
	return cmocka_run_group_tests_name("tool_openapi", tests, NULL, NULL);
}
