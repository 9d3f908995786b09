/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http-request nodes against a server that says what it got: addresses, headers, bodies, answers,
 * redirects, failures, and what people see of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "fixture.h"
#include "flow/file.h"
#include "flow/graph.h"
#include "flow/node/node.h"
#include "flow/node/tool.h"
#include "net/client.h"
#include "net/guard.h"
#include "net/http.h"

static int bad;

static void check(bool ok, const char *what, struct str got)
{
	if (ok)
		return;
	bad++;
	print_error("%s\n  got: %.*s\n", what, STR(got));
}

/* --- the server --- */

struct stage {
	struct fixture f;
	struct http_server *server, *other;
	struct str base, away; /* two origins */
	struct pool pool;
};

static status echo(struct http *h)
{
	static const struct str shown[] = { S_INIT("x-h"), S_INIT("authorization"), S_INIT("content-type"),
					    S_INIT("x-key"), S_INIT("cookie") };
	struct json *o = json_obj(h->mem);
	struct str body;
	if (http_body(h, &body))
		return -1;
	json_set_str(h->mem, o, S("method"), h->method_text);
	json_set_str(h->mem, o, S("target"), h->target);
	for (size_t i = 0; i < countof(shown); i++)
		if (http_header(h, shown[i]).len)
			json_set_str(h->mem, o, shown[i], http_header(h, shown[i]));
	json_set_str(h->mem, o, S("body"), utf8_valid(body) ? body : S("(bytes)"));
	return http_reply(h, 200, S("application/json"), json_text(h->mem, o, JSON_COMPACT));
}

struct answer {
	const char *path, *type, *disposition;
	struct str body;
	int status;
};
static const struct answer answers[] = {
	{ "/latin", "text/html; charset=iso-8859-1", NULL, S_INIT("caf\xe9"), 200 },
	{ "/sjis", "text/plain; charset=Shift_JIS", NULL, S_INIT("\x93\xfa\x96\x7b\x8c\xea"), 200 },
	{ "/bom", "text/plain", NULL, S_INIT("\xEF\xBB\xBFhi"), 200 },
	{ "/wrong", "text/plain; charset=utf-8", NULL, S_INIT("caf\xe9 au lait, d\xe9j\xe0 vu"), 200 },
	{ "/file.bin", "application/octet-stream", "attachment; filename=\"data.bin\"", S_INIT("\0\1\2\3"), 200 },
	{ "/named", "text/plain", "inline; filename=notes.csv", S_INIT("a,b"), 200 },
	{ "/pdf", "application/pdf", NULL, S_INIT("%PDF-1.4"), 200 },
	{ "/png", "image/png", NULL, S_INIT("\x89PNG"), 200 },
	{ "/js", "application/javascript", NULL, S_INIT("var x"), 200 },
	{ "/appjson", "application/vnd.x", NULL, S_INIT("{\"a\":1}"), 200 },
	{ "/octets", "application/octet-stream", NULL, S_INIT("\xff\xfe{"), 200 },
	{ "/csv", "text/csv", NULL, S_INIT("a,b"), 200 },
	{ "/none", "", NULL, S_INIT("plain"), 200 },
	{ "/404", "application/json", NULL, S_INIT("{\"error\":1}"), 404 },
	{ "/304", "", NULL, S_INIT(""), 304 },
};

static status handle(struct http *h, void *ctx)
{
	struct stage *s = ctx;
	int64_t n = 0;
	for (size_t i = 0; i < countof(answers); i++)
		if (str_eq(h->path, str_c(answers[i].path))) {
			if (answers[i].disposition)
				http_add_header(h, S("Content-Disposition"), str_c(answers[i].disposition));
			return http_reply(h, answers[i].status, str_c(answers[i].type), answers[i].body);
		}
	if (str_starts(h->path, S("/status/")) && !str_to_i64(str_skip(h->path, 8), &n))
		return http_reply(h, (int)n, S("text/plain"), S("x"));
	if (str_starts(h->path, S("/size/")) && !str_to_i64(str_skip(h->path, 6), &n)) {
		char *at = arena_text(h->mem, (size_t)n);
		memset(at, 'x', (size_t)n);
		bool file = str_eq(h->query, S("file"));
		return http_reply(h, 200, file ? S("image/png") : S("text/plain"), str_of(at, (size_t)n));
	}
	if (str_starts(h->path, S("/go/")) && !str_to_i64(str_sub(h->path, 4, 3), &n)) {
		http_add_header(h, S("Location"), S("../echo?to=1"));
		return http_reply(h, (int)n, S(""), S(""));
	}
	if (str_eq(h->path, S("/loop")) || str_eq(h->path, S("/away"))) {
		http_add_header(h, S("Location"), str_eq(h->path, S("/loop")) ? S("/loop") :
				arena_printf(h->mem, "%.*s/echo", STR(s->away)));
		return http_reply(h, 302, S(""), S(""));
	}
	if (str_eq(h->path, S("/sleep")))
		return fiber_sleep_ms(3000) ? -1 : http_reply(h, 200, S("text/plain"), S("late"));
	if (str_eq(h->path, S("/hold"))) /* reads nothing; ends when the client leaves */
		return fiber_sleep_ms(60000) ? -1 : http_reply(h, 200, S("text/plain"), S("late"));
	if (str_eq(h->path, S("/squid"))) {
		http_add_header(h, S("Via"), S("1.1 host (squid/6.1)"));
		return http_reply(h, 403, S("text/html"), S("denied"));
	}
	if (str_eq(h->path, S("/twice"))) {
		http_add_header(h, S("X-A"), S("1"));
		http_add_header(h, S("X-A"), S("caf\xe9"));
		return http_reply(h, 200, S("text/plain"), S(""));
	}
	return echo(h);
}

static struct http_server *listen_on(struct stage *s, struct str *base)
{
	struct http_options o = { .handler = handle, .ctx = s, .body_limit = 64 << 20 };
	struct http_server *server;
	int fd;
	assert_int_equal(listen_open(S("127.0.0.1:0"), &fd), 0);
	*base = arena_printf(s->f.mem, "http://%.*s", STR(listen_name(s->f.mem, fd)));
	assert_int_equal(http_serve(&o, &fd, 1, &server), 0);
	return server;
}

/* --- running one node --- */

static const struct flow_info info = { .tenant_id = S_INIT("t1"), .app_id = S_INIT("a1"), .created_by = S_INIT("eu1") };

/* Replaces $B by the server's address and ' by ". */
static struct str expand(struct stage *s, const char *text, struct str base)
{
	struct buf b = buf_make(s->f.mem, 0);
	for (const char *c = text; *c; c++) {
		if (c[0] == '$' && c[1] == 'B') {
			buf_put(&b, base);
			c++;
		} else {
			buf_putc(&b, *c == '\'' ? '"' : *c);
		}
	}
	return buf_str(&b);
}

static status run_node(struct stage *s, const char *data, struct node_result *r, struct graph_node *n)
{
	struct json *v;
	struct str text = expand(s, data, s->base);
	if (json_parse(s->f.mem, text, &v)) {
		print_error("not JSON: %.*s\n", STR(text));
		abort();
	}
	*r = (struct node_result){ 0 };
	n->id = S("h");
	n->data = v;
	struct node_run run = { .mem = s->f.mem, .node = n, .data = v, .pool = &s->pool, .flow = s->f.flow,
				.info = &info, .result = r };
	if (node_http_request_check(s->f.mem, n))
		return -1;
	return node_http_request_exec(&run);
}

/* --- what is sent --- */

#define BODY(type, items) ",'body':{'type':'" type "','data':" items "}"
#define TEXT(key, value) "{'key':'" key "','type':'text','value':'" value "'}"
#define KEY(type, key, header) ",'authorization':{'type':'api-key','config':{'type':'" type "','api_key':'" key "','header':'" header "'}}"

static const struct {
	const char *data;
	const char *want; /* what the server got; NULL: fails */
	const char *log;  /* end of the shown text, or "Class: message" */
} sent[] = {
	{ "{'method':'get','url':'$B/echo'}", "{'method':'GET','target':'/echo','body':''}", "GET /echo HTTP/1.1\r\nHost: $B\r\n\r\n" },
	{ "{'method':'GET','url':'$B'}", "{'method':'GET','target':'/','body':''}", "GET / HTTP/1.1\r\nHost: $B\r\n\r\n" },
	{ "{'method':'get','url':'$B/echo?a=1&b=x%20y#frag','params':'q: {{#s.q#}} \\nb:2\\n\\n:no\\nempty\\nq:again:x'}",
	  "{'method':'GET','target':'/echo?a=1&q=a+b%26c&b=2&empty=&q=again%3Ax','body':''}", "GET /echo?a=1&q=a+b%26c&b=2&empty=&q=again%3Ax HTTP/1.1\r\nHost: $B\r\n\r\n" },
	{ "{'method':'get','url':'$B/\xc3\xa4 b/{{#s.q#}}?z=\xc3\xa9'}", "{'method':'GET','target':'/%C3%A4%20b/a%20b&c?z=%C3%A9','body':''}", NULL },
	{ "{'method':'get','url':'$B/echo','headers':'X-H: one\\r\\nX-H:{{#s.lines#}}\\nnovalue\\n: x'}",
	  "{'method':'GET','target':'/echo','x-h':'l1','x-key':'injected','body':''}", NULL },
	{ "{'method':'post','url':'$B/echo'" BODY("json", "[" TEXT("", "{\\\"q\\\": {{#s.n#}}, z: \\\"\xc3\xa9{{#s.q#}}\\\",}") "]") "}",
	  "{'method':'POST','target':'/echo','content-type':'application/json','body':'{\\\"q\\\": 5, \\\"z\\\": \\\"\\\\u00e9a b&c\\\"}'}",
	  "Content-Type: application/json\r\nContent-Length: 28\r\n\r\n{\"q\": 5, \"z\": \"\\u00e9a b&c\"}" },
	{ "{'method':'post','url':'$B/echo'" BODY("json", "[" TEXT("", "") "]") "}", NULL, "RequestBodyError: Failed to parse JSON: " },
	{ "{'method':'post','url':'$B/echo'" BODY("json", "[]") "}", NULL, "RequestBodyError: json body type should have exactly one item" },
	{ "{'method':'post','url':'$B/echo'" BODY("raw-text", "[" TEXT("", "hi {{#s.q#}}") "]") "}", "{'method':'POST','target':'/echo','content-type':'text/plain','body':'hi a b&c'}", NULL },
	{ "{'method':'post','url':'$B/echo','headers':'content-type: text/x'" BODY("raw-text", "'old {{#s.q#}}'") "}", "{'method':'POST','target':'/echo','content-type':'text/x','body':'old a b&c'}", NULL },
	{ "{'method':'post','url':'$B/echo'" BODY("raw-text", "''") "}", NULL, "RequestBodyError: raw-text body type should have exactly one item" },
	{ "{'method':'post','url':'$B/echo'" BODY("none", "''") "}", "{'method':'POST','target':'/echo','body':''}", NULL },
	{ "{'method':'put','url':'$B/echo'" BODY("x-www-form-urlencoded", "[" TEXT("a", "1 2") "," TEXT("{{#s.n#}}", "{{#s.q#}}") "," TEXT("a", "3") "]") "}",
	  "{'method':'PUT','target':'/echo','content-type':'application/x-www-form-urlencoded','body':'a=3&5=a+b%26c'}", NULL },
	{ "{'method':'patch','url':'$B/echo'" BODY("raw-text", "[" TEXT("", "x") "]") "}", "{'method':'PATCH','target':'/echo','content-type':'text/plain','body':'x'}", NULL },
	{ "{'method':'delete','url':'$B/echo'}", "{'method':'DELETE','target':'/echo','body':''}", NULL },
	{ "{'method':'get','url':'$B/echo'" BODY("raw-text", "[" TEXT("", "x") "]") "}", "{'method':'GET','target':'/echo','content-type':'text/plain','body':'x'}", NULL },
	{ "{'method':'get','url':'$B/echo'" KEY("bearer", "{{#env.key#}}", "") "}", "{'method':'GET','target':'/echo','authorization':'Bearer top/secret','body':''}", "Authorization: *****************\r\n\r\n" },
	{ "{'method':'get','url':'$B/echo'" KEY("basic", "u:p", "") "}", "{'method':'GET','target':'/echo','authorization':'Basic dTpw','body':''}", "Authorization: **********\r\n\r\n" },
	{ "{'method':'get','url':'$B/echo'" KEY("basic", "dTpw", "") "}", "{'method':'GET','target':'/echo','authorization':'Basic dTpw','body':''}", NULL },
	{ "{'method':'get','url':'$B/echo','headers':'x-key: mine'" KEY("custom", "k", "X-Key") "}", "{'method':'GET','target':'/echo','x-key':'k','body':''}", "X-Key: *\r\n\r\n" },
	{ "{'method':'get','url':'$B/echo'" KEY("bearer", "{{#s.blank#}} ", "") "}", NULL, "AuthorizationConfigError: The API key of the authorization is empty" },
	/* secret variables are masked wherever they stand */
	{ "{'method':'get','url':'$B/echo','params':'t:{{#env.key#}}','headers':'X-H: {{#env.key#}}'}", "{'method':'GET','target':'/echo?t=top%2Fsecret','x-h':'top/secret','body':''}",
	  "GET /echo?t=******************** HTTP/1.1\r\nHost: $B\r\nX-H: ********************\r\n\r\n" },
	{ "{'method':'get','url':''}", NULL, "InvalidURLError: url is required" },
	{ "{'method':'get','url':'{{#s.blank#}}'}", NULL, "InvalidURLError: url is required" },
	{ "{'method':'get','url':'ftp://x'}", NULL, "InvalidURLError: url should start with http:// or https://" },
	{ "{'method':'get','url':'http://'}", NULL, "HttpRequestNodeError: the URL's host is empty" },
	{ "{'method':'options','url':'$B/echo'}", NULL, "InvalidHttpMethodError: Invalid http method OPTIONS" },
	{ "{'method':'get','url':'$B/echo','headers':'bad name: x'}", NULL, "HttpRequestNodeError: header \"bad name\"" },
	/* forms */
	{ "{'method':'post','url':'$B/echo'" BODY("binary", "[{'type':'file','file':['s','doc']}]") "}", "{'method':'POST','target':'/echo','body':'a file\\n'}", "Content-Length: 7\r\n\r\na file\n" },
	{ "{'method':'post','url':'$B/echo'" BODY("binary", "[{'type':'file','file':['s','docs']}]") "}", NULL, "FileFetchError: cannot fetch file with selector ['s', 'docs']" },
	{ "{'method':'post','url':'$B/echo'" BODY("binary", "[{'type':'file','file':['s','gone']}]") "}", NULL, "FileFetchError: cannot fetch file with selector ['s', 'gone']" },
	{ "{'method':'post','url':'$B/echo'" BODY("binary", "[{'type':'file','file':['s','lost']}]") "}", NULL, "FileFetchError: Error downloading file lost.txt: File not found" },
	{ "{'method':'post','url':'$B/echo'" BODY("binary", "[{'type':'file','file':['s','theirs']}]") "}", NULL, "FileFetchError: Error downloading file n.txt: the file is not of this workspace" },
};

static void sends(struct stage *s)
{
	struct str host = str_skip(s->base, 7);
	for (size_t i = 0; i < countof(sent); i++) {
		struct node_result r;
		struct graph_node n = { 0 };
		status st = run_node(s, sent[i].data, &r, &n);
		struct str log = json_get_str(r.process, S("request"));
		if (!sent[i].want) {
			struct str got = arena_printf(s->f.mem, "%.*s: %.*s", STR(r.error_type), STR(r.error));
			check(st && str_starts(got, str_c(sent[i].log)), sent[i].data, st ? got : S("success"));
			continue;
		}
		struct json *want, *got = NULL;
		assert_int_equal(json_parse(s->f.mem, expand(s, sent[i].want, s->base), &want), 0);
		struct str body = json_get_str(r.outputs, S("body"));
		check(!st && !json_parse(s->f.mem, body, &got) && json_equal(want, got), sent[i].data, st ? r.error : body);
		if (!sent[i].log)
			continue;
		struct buf shown = buf_make(s->f.mem, 0);
		struct str rest = str_c(sent[i].log);
		for (size_t at; (at = str_find(rest, S("$B"))) != SIZE_MAX; rest = str_skip(rest, at + 2)) {
			buf_put(&shown, str_sub(rest, 0, at));
			buf_put(&shown, host);
		}
		buf_put(&shown, rest);
		check(str_ends(log, buf_str(&shown)), sent[i].data, log);
	}
}

/* The body of a form: its boundary is random. */
static void forms(struct stage *s)
{
	struct node_result r;
	struct graph_node n = { 0 };
	struct json *got = NULL;
	const char *data = "{'method':'post','url':'$B/echo','headers':'Content-Type: mine'" BODY("form-data",
		"[" TEXT("a\\\"b", "{{#s.q#}}") ",{'key':'f','type':'file','file':['s','doc']},{'key':'l','type':'file','file':['s','docs']}]") "}";
	assert_int_equal(run_node(s, data, &r, &n), 0);
	assert_int_equal(json_parse(s->f.mem, json_get_str(r.outputs, S("body")), &got), 0);
	struct str type = json_get_str(got, S("content-type"));
	assert_true(str_starts(type, S("multipart/form-data; boundary=")));
	struct str b = str_skip(type, 30);
	struct str want = arena_printf(s->f.mem,
		"--%.*s\r\nContent-Disposition: form-data; name=\"a%%22b\"\r\n\r\na b&c\r\n"
		"--%.*s\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\nContent-Type: text/plain\r\n\r\na file\n\r\n"
		"--%.*s\r\nContent-Disposition: form-data; name=\"l\"; filename=\"n.txt\"\r\nContent-Type: text/plain\r\n\r\na file\n\r\n"
		"--%.*s\r\nContent-Disposition: form-data; name=\"l\"; filename=\"p.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n", STR(b), STR(b), STR(b), STR(b));
	struct str log = json_get_str(r.process, S("request"));
	check(str_has(log, want) && str_ends(log, arena_printf(s->f.mem, "<p.bin: 3 bytes>\r\n--%.*s--\r\n", STR(b))), "form shown", log);
	check(str_eq(json_get_str(got, S("body")), S("(bytes)")), "form sent", json_get_str(got, S("body")));
	/* No file: still a form with files. */
	assert_int_equal(run_node(s, "{'method':'post','url':'$B/echo'" BODY("form-data", "[" TEXT("a", "1") "]") "}", &r, &n), 0);
	assert_int_equal(json_parse(s->f.mem, json_get_str(r.outputs, S("body")), &got), 0);
	check(str_has(json_get_str(got, S("body")), S("name=\"__multipart_placeholder__\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--")),
	      "placeholder", json_get_str(got, S("body")));
}

/* --- what comes back --- */

static const struct {
	const char *path, *more; /* more node data */
	int status;		 /* 0: fails with body as "Class: text" */
	const char *body;
	const char *file; /* extension and MIME type of the file, NULL = none */
} back[] = {
	{ "/latin", "", 200, "caf\xc3\xa9", NULL },
	{ "/sjis", "", 200, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", NULL },
	{ "/bom", "", 200, "hi", NULL },
	{ "/wrong", "", 200, "caf\xc3\xa9 au lait, d\xc3\xa9j\xc3\xa0 vu", NULL },
	{ "/file.bin", "", 200, "", ".bin application/octet-stream" },
	{ "/named", "", 200, "", ".csv text/csv" },
	{ "/pdf", "", 200, "", ".pdf application/pdf" },
	{ "/png", "", 200, "", ".png image/png" },
	{ "/js", "", 200, "var x", NULL },
	{ "/appjson", "", 200, "{\"a\":1}", NULL },
	{ "/octets", "", 200, "", ".bin application/octet-stream" },
	{ "/csv", "", 200, "a,b", NULL },
	{ "/none", "", 200, "plain", NULL },
	{ "/404", "", 404, "{\"error\":1}", NULL },
	{ "/304", "", 304, "", NULL },
	{ "/404", ",'retry_config':{'retry_enabled':true}", 0, "HTTPResponseCodeError: Request failed with status code 404", NULL },
	{ "/404", ",'error_strategy':'fail-branch'", 0, "HTTPResponseCodeError: Request failed with status code 404", NULL },
	{ "/status/204", ",'error_strategy':'default-value'", 204, "", NULL },
	{ "/status/429", "", 0, "HttpRequestNodeError: Reached maximum retries (0) for URL $B/status/429", NULL },
	{ "/status/500", "", 0, "HttpRequestNodeError: Reached maximum retries (0) for URL $B/status/500", NULL },
	{ "/status/502", "", 0, "HttpRequestNodeError: Reached maximum retries (0) for URL $B/status/502", NULL },
	{ "/status/503", "", 0, "HttpRequestNodeError: Reached maximum retries (0) for URL $B/status/503", NULL },
	{ "/status/504", "", 0, "HttpRequestNodeError: Reached maximum retries (0) for URL $B/status/504", NULL },
	{ "/status/501", "", 501, "x", NULL },
	{ "/squid", "", 0, "HttpRequestNodeError: Access to '$B/squid' was blocked by SSRF protection", NULL },
	{ "/size/1048576", "", 200, NULL, NULL },
	{ "/size/1572864", "", 0, "ResponseSizeError: Text size is too large, max size is 1.00 MB, but current size is 1.50 MB.", NULL },
	{ "/size/1572864?file", "", 200, "", ".png image/png" },
	{ "/size/11534336?file", "", 0, "ResponseSizeError: File size is too large, max size is 10.00 MB, but current size is 11.00 MB.", NULL },
	{ "/size/22020096", "", 0, "ResponseSizeError: File size is too large, max size is 10.00 MB, but current size is more than 20.00 MB.", NULL },
	{ "/loop", "", 0, "HttpRequestNodeError: Exceeded maximum allowed redirects (20).", NULL },
};

static void comes_back(struct stage *s)
{
	for (size_t i = 0; i < countof(back); i++) {
		struct node_result r;
		struct str more = str_c(back[i].more);
		struct graph_node n = { .strategy = str_has(more, S("strategy")) ? STRATEGY_FAIL_BRANCH : STRATEGY_NONE,
					.retry = { .enabled = str_has(more, S("retry")) } };
		struct str data = arena_printf(s->f.mem, "{'method':'get','url':'$B%s'%s}", back[i].path, back[i].more);
		status st = run_node(s, arena_cstr(s->f.mem, data), &r, &n);
		if (!back[i].status) {
			struct str want = expand(s, back[i].body, s->base);
			struct str got = arena_printf(s->f.mem, "%.*s: %.*s", STR(r.error_type), STR(r.error));
			for (size_t k = 0; k < want.len; k++) /* expand made " of ' */
				if (want.at[k] == '"')
					((char *)(uintptr_t)want.at)[k] = '\'';
			check(st && str_starts(got, want), back[i].path, st ? got : S("success"));
			continue;
		}
		check(!st && json_get_int(r.outputs, S("status_code"), 0) == back[i].status, back[i].path, r.error);
		if (st)
			continue;
		struct str body = json_get_str(r.outputs, S("body"));
		check(!back[i].body || str_eq(body, str_c(back[i].body)), back[i].path, body);
		const struct json *file = json_at(json_get(r.outputs, S("files")), 0);
		struct str is = file ? arena_printf(s->f.mem, "%.*s %.*s", STR(json_get_str(file, S("extension"))),
						    STR(json_get_str(file, S("mime_type")))) : S("");
		check(str_eq(is, str_c(back[i].file)), back[i].path, is);
		if (!file)
			continue;
		struct str bytes;
		check(!file_content(s->f.flow, s->f.mem, file, 1 << 24, &bytes) && (int64_t)bytes.len == json_get_int(file, S("size"), -1), back[i].path, err_text());
		check(str_has(json_get_str(file, S("url")), S("/files/tools/")), back[i].path, json_get_str(file, S("url")));
	}
}

static void redirect_methods(struct stage *s)
{
	static const struct {
		const char *code, *method, *want;
	} rows[] = {
		{ "301", "post", "GET " },    { "302", "put", "GET " },	  { "303", "delete", "GET " },
		{ "301", "put", "PUT x" },    { "307", "post", "POST x" }, { "308", "patch", "PATCH x" },
		{ "302", "get", "GET x" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct node_result r;
		struct graph_node n = { 0 };
		struct json *got = NULL;
		struct str data = arena_printf(s->f.mem, "{'method':'%s','url':'$B/go/%s'" BODY("raw-text", "[" TEXT("", "x") "]") "}",
					       rows[i].method, rows[i].code);
		status st = run_node(s, arena_cstr(s->f.mem, data), &r, &n);
		check(!st && !json_parse(s->f.mem, json_get_str(r.outputs, S("body")), &got), rows[i].want, r.error);
		struct str is = arena_printf(s->f.mem, "%.*s %.*s", STR(json_get_str(got, S("method"))), STR(json_get_str(got, S("body"))));
		/* A redirected GET keeps what it had; others lose their body with their method. */
		bool get = str_eq(str_c(rows[i].method), S("get"));
		check(get ? str_starts(is, S("GET ")) : str_eq(is, str_c(rows[i].want)), rows[i].want, is);
		check(str_eq(json_get_str(got, S("target")), S("/echo?to=1")), "target", json_get_str(got, S("target")));
	}
	/* Credentials stay with the server they were meant for. */
	struct node_result r;
	struct graph_node n = { 0 };
	assert_int_equal(run_node(s, "{'method':'get','url':'$B/away','headers':'Cookie: c\\nX-H: 1'" KEY("custom", "k", "X-Key") "}", &r, &n), 0);
	struct str body = json_get_str(r.outputs, S("body"));
	check(str_has(body, S("\"x-h\":\"1\"")) && !str_has(body, S("x-key")) && !str_has(body, S("cookie")), "away", body);
	/* Several headers of a name are one value; odd bytes are Latin-1. */
	assert_int_equal(run_node(s, "{'method':'get','url':'$B/twice'}", &r, &n), 0);
	struct str h = json_get_str(json_get(r.outputs, S("headers")), S("x-a"));
	check(str_eq(h, S("1, caf\xc3\xa9")), "headers", h);
}

/* The engine anew, with the settings' defaults, one other ("NAME=value" or NULL) and a client. */
static void with_setting(struct stage *s, struct client *client, const char *setting)
{
	const char *const environment[] = { setting, NULL };
	struct config *c;
	assert_int_equal(config_load(s->f.mem, environment, S(""), &c), 0);
	flow_close(s->f.flow);
	struct flow_options fo = { .db = s->f.db, .broker = s->f.broker, .blob = s->f.blob, .client = client,
				   .models = s->f.models, .process_name = S("settings"), .config = c,
				   .secret = S("secret"), .seal_key = (const unsigned char *)key_text };
	assert_int_equal(flow_open(&fo, &s->f.flow), 0);
}

static void with_settings(struct stage *s, struct client *client)
{
	with_setting(s, client, NULL);
}

/* More than the kernels on both sides take. */
#define BIG4 "{{#s.big#}}{{#s.big#}}{{#s.big#}}{{#s.big#}}"
#define LARGE_BODY BODY("raw-text", "[" TEXT("", BIG4 BIG4 BIG4 BIG4) "]")

/* Limits have names; a run that is given up ends its request. */
static void limits(struct stage *s)
{
	static const struct {
		const char *setting, *data, *want;
	} rows[] = {
		{ "TATARA_HTTP_NODE_BODY_MB=1", "{'method':'post','url':'$B/echo'" BODY("raw-text", "[" TEXT("", "{{#s.big#}}") "]") "}", "RequestBodyError: The request body is larger than 1048576 bytes" },
		{ "HTTP_REQUEST_NODE_MAX_TEXT_SIZE=1024", "{'method':'get','url':'$B/size/1025'}", "ResponseSizeError: Text size is too large, max size is 0.00 MB, but current size is 1.00 KB." },
		{ "HTTP_REQUEST_NODE_MAX_BINARY_SIZE=1024", "{'method':'get','url':'$B/size/1025?file'}", "ResponseSizeError: File size is too large, max size is 0.00 MB, but current size is 1.00 KB." },
		{ "HTTP_REQUEST_MAX_READ_TIMEOUT=1", "{'method':'get','url':'$B/sleep'}", "HttpRequestNodeError: the server did not answer in time" },
		{ NULL, "{'method':'get','url':'$B/sleep','timeout':{'read':1}}", "HttpRequestNodeError: the server did not answer in time" },
		{ "HTTP_REQUEST_MAX_WRITE_TIMEOUT=1", "{'method':'post','url':'$B/hold'" LARGE_BODY "}", "HttpRequestNodeError: the server did not take the request in time" },
		{ NULL, "{'method':'post','url':'$B/hold','timeout':{'write':1}" LARGE_BODY "}", "HttpRequestNodeError: the server did not take the request in time" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct node_result r;
		struct graph_node n = { 0 };
		with_setting(s, s->f.client, rows[i].setting);
		status st = run_node(s, rows[i].data, &r, &n);
		struct str got = arena_printf(s->f.mem, "%.*s: %.*s", STR(r.error_type), STR(r.error));
		check(st && str_eq(got, str_c(rows[i].want)), rows[i].want, st ? got : S("success"));
	}
	with_settings(s, s->f.client);
	struct node_result r;
	struct graph_node n = { 0 };
	deadline before = deadline_push(deadline_in_ms(100));
	status st = run_node(s, "{'method':'get','url':'$B/sleep'}", &r, &n);
	deadline_pop(before);
	check(st, "ends with the run", S("success"));
}

static void refused(struct stage *s)
{
	struct node_result r;
	struct graph_node n = { 0 };
	struct guard *g;
	struct guard_options go = { 0 };
	struct client *own = s->f.client, *guarded;
	assert_int_equal(guard_open(&go, &g), 0);
	struct client_options co = { .guard = g };
	assert_int_equal(client_open(&co, &guarded), 0);
	with_settings(s, guarded);
	status st = run_node(s, "{'method':'get','url':'$B/echo'}", &r, &n);
	check(st && str_eq(r.error_type, S("HttpRequestNodeError")) && str_has(r.error, S("127.0.0.1")) &&
	      str_has(r.error, S("SSRF_PROXY_ALLOW_PRIVATE")), "refused", st ? r.error : S("success"));
	client_close(guarded);
	guard_close(g);
	s->f.client = own;
}

static void fill(struct stage *s)
{
	struct arena *mem = s->f.mem;
	struct file_new text = { .tenant_id = S("t1"), .app_id = S("a1"), .name = S("n.txt"), .mime_type = S("text/plain"), .bytes = S("a file\n"), .created_by = S("x") };
	struct file_new bytes = { .tenant_id = S("t1"), .app_id = S("a1"), .name = S("p.bin"), .bytes = S("\xff\x00\x01"), .created_by = S("x") };
	struct json *doc, *bin, *list = json_arr(mem);
	pool_init(&s->pool, mem);
	pool_set(&s->pool, S("s"), S("q"), json_str(mem, S("a b&c")), VAR_INFER);
	pool_set(&s->pool, S("s"), S("n"), json_int(mem, 5), VAR_INFER);
	pool_set(&s->pool, S("s"), S("blank"), json_str(mem, S("")), VAR_INFER);
	pool_set(&s->pool, S("s"), S("lines"), json_str(mem, S("l1\nX-Key: injected")), VAR_INFER);
	char *big = arena_text(mem, 3 << 19);
	memset(big, 'x', 3 << 19);
	pool_set(&s->pool, S("s"), S("big"), json_str(mem, str_of(big, 3 << 19)), VAR_INFER);
	pool_set(&s->pool, S("env"), S("key"), json_str(mem, S("top/secret")), VAR_SECRET);
	assert_int_equal(file_save(s->f.flow, mem, &text, &doc), 0);
	assert_int_equal(file_save(s->f.flow, mem, &bytes, &bin), 0);
	json_push(mem, list, doc);
	json_push(mem, list, bin);
	pool_set(&s->pool, S("s"), S("doc"), doc, VAR_INFER);
	pool_set(&s->pool, S("s"), S("docs"), list, VAR_INFER);
	struct json *theirs;
	text.tenant_id = S("t2");
	assert_int_equal(file_save(s->f.flow, mem, &text, &theirs), 0);
	pool_set(&s->pool, S("s"), S("theirs"), theirs, VAR_INFER);
	struct json *lost = json_copy(mem, doc);
	json_set_str(mem, lost, S("filename"), S("lost.txt"));
	json_set_str(mem, lost, S("related_id"), S("00000000-0000-4000-8000-000000000000"));
	pool_set(&s->pool, S("s"), S("lost"), lost, VAR_INFER);
	check(str_eq(json_get_str(bin, S("type")), S("custom")) && str_eq(json_get_str(doc, S("type")), S("document")), "types", S(""));
}

/* What tools give as bytes is stored as what nodes make; addresses stay addresses. */
static void tool_files(struct stage *s)
{
	struct node_result r = { 0 };
	struct graph_node n = { .id = S("t") };
	struct node_run run = { .mem = s->f.mem, .node = &n, .pool = &s->pool, .flow = s->f.flow, .info = &info, .result = &r };
	struct tool_file files[] = { { .bytes = S("\x89PNG"), .name = S("plot.png"), .mime_type = S("image/png") },
				     { .url = S("http://x/y.pdf"), .name = S("y.pdf"), .mime_type = S("application/pdf") } };
	struct tool_result result = { .files = files, .file_count = 2 };
	struct json *out;
	struct str bytes;
	assert_int_equal(node_tool_files(&run, &result, &out), 0);
	const struct json *stored = json_at(out, 0), *away = json_at(out, 1);
	check(str_eq(json_get_str(stored, S("transfer_method")), S("tool_file")) && str_eq(json_get_str(stored, S("type")), S("image")) &&
	      str_eq(json_get_str(stored, S("filename")), S("plot.png")), "stored", json_text(s->f.mem, stored, JSON_COMPACT));
	check(!file_content(s->f.flow, s->f.mem, stored, 100, &bytes) && str_eq(bytes, S("\x89PNG")), "content", err_text());
	check(str_eq(json_get_str(away, S("transfer_method")), S("remote_url")) && str_eq(json_get_str(away, S("url")), S("http://x/y.pdf")), "away",
	      json_text(s->f.mem, away, JSON_COMPACT));
}

static status http_main(void *arg)
{
	static struct stage s;
	(void)arg;
	fixture_open(&s.f, S(""), "http", 0);
	s.server = listen_on(&s, &s.base);
	s.other = listen_on(&s, &s.away);
	with_settings(&s, s.f.client);
	fill(&s);
	sends(&s);
	forms(&s);
	comes_back(&s);
	redirect_methods(&s);
	tool_files(&s);
	limits(&s);
	refused(&s);
	http_server_drain(s.server, deadline_in_ms(100));
	http_server_close(s.server);
	http_server_drain(s.other, deadline_in_ms(100));
	http_server_close(s.other);
	fixture_close(&s.f);
	return 0;
}

static void http(void **state)
{
	(void)state;
	assert_int_equal(rt_run(NULL, http_main, NULL), 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(http) };
	return cmocka_run_group_tests_name("flow_http", tests, NULL, NULL);
}
