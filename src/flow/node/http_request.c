/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http-request: a call to somebody's server, through the gate for outgoing requests (workflow.md
 * 7.10). What is sent is http_build's, what comes back http_reply's; here it is sent, redirected,
 * limited and stored.
 */
#include "base/arena.h"
#include "base/config.h"
#include "base/id.h"
#include "flow/file.h"
#include "flow/node/http_build.h"
#include "flow/node/http_reply.h"
#include "flow/node/node.h"
#include "flow/run.h"
#include "net/client.h"
#include "net/url.h"
#include "text/charset.h"

enum { REDIRECTS_MAX = 20, MS = 1000 };

#define FAILED "HttpRequestNodeError"

status node_http_request_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	return http_build_check(n->data);
}

static int64_t setting(const struct node_run *run, enum config_key key, int64_t fallback)
{
	const struct config *c = run->flow->options.config;
	return c ? config_int(c, key) : fallback;
}

static status content(struct node_run *run, struct arena *mem, const struct json *file,
		      struct str *out)
{
	if (file_check_tenant(file, run->info->tenant_id))
		return -1;
	return file_content(run->flow, mem, file,
			    (uint64_t)setting(run, CONFIG_TATARA_HTTP_NODE_BODY_MB, 128) << 20,
			    out);
}

/* Seconds of the node, else the setting's. */
static int64_t timeout_ms(const struct node_run *run, struct str name, enum config_key key,
			  int64_t fallback)
{
	double s = json_as_double(json_get(json_get(run->data, S("timeout")), name), 0);
	return s > 0 && s < 1e6 ? (int64_t)(s * MS) : setting(run, key, fallback) * MS;
}

/* --- sending, with redirects as browsers and Python follow them --- */

struct exchange {
	struct node_run *run;
	struct arena *mem;
	struct http_build *build;
	struct client_request request;
	struct http_header *headers; /* a copy that redirects may shorten */
	size_t header_count;
	struct client_response *response;
	uint64_t file_max, text_max;
};

static bool redirects(const struct client_response *r)
{
	return (r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 ||
		r->status == 308) && client_header(r, S("location")).len;
}

static void drop_headers(struct exchange *x, const struct str *names, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < x->header_count; i++) {
		bool drop = false;
		for (size_t k = 0; k < count; k++)
			drop |= str_eq_nocase(x->headers[i].name, names[k]);
		if (!drop)
			x->headers[n++] = x->headers[i];
	}
	x->header_count = n;
}

static bool same_origin(struct str a, struct str b)
{
	struct url u, v;
	if (url_parse(a, &u) || url_parse(b, &v))
		return false;
	return u.tls == v.tls && u.port == v.port && str_eq_nocase(u.host, v.host);
}

/* Another server gets no credentials; another method no body. */
static void follow(struct exchange *x, struct str auth_name)
{
	const struct str secrets[] = { S("authorization"), S("cookie"), auth_name };
	static const struct str of_body[] = { S_INIT("content-type"), S_INIT("content-length"),
					      S_INIT("transfer-encoding") };
	struct client_request *q = &x->request;
	int code = x->response->status;
	struct str to = url_join(x->mem, q->url, client_header(x->response, S("location")));
	bool head = str_eq(q->method_text, S("HEAD"));
	if ((code == 303 && !head) || (code == 302 && !head) ||
	    (code == 301 && str_eq(q->method_text, S("POST")))) {
		q->method_text = S("GET");
		q->body = S("");
		drop_headers(x, of_body, countof(of_body));
	}
	if (!same_origin(q->url, to))
		drop_headers(x, secrets, auth_name.len ? 3 : 2);
	q->url = to;
}

static status send_failed(struct exchange *x)
{
	struct err why;
	err_save(&why);
	if (why.code == ERR_CANCELLED)
		return err_restore(&why);
	if (why.code == ERR_TOO_LARGE)
		return node_fail(
			x->run, "ResponseSizeError",
			"File size is too large, max size is %.2f MB, but current size is more "
			"than %s.",
			(double)x->file_max / (1 << 20),
			arena_cstr(x->mem, http_reply_size(x->mem, x->request.response_max)));
	return node_fail(x->run, FAILED, "%.*s",
			 STR(http_build_shown(x->build, str_c(why.text))));
}

static status exchange(struct exchange *x, struct str auth_name)
{
	struct client *client = x->run->flow->options.client;
	for (int i = 0; i <= REDIRECTS_MAX; i++) {
		x->request.headers = x->headers;
		x->request.header_count = x->header_count;
		if (client_fetch(client, x->mem, &x->request, &x->response))
			return send_failed(x);
		if (!redirects(x->response))
			return 0;
		follow(x, auth_name);
	}
	return node_fail(x->run, FAILED, "Exceeded maximum allowed redirects (%d).", REDIRECTS_MAX);
}

/* --- the answer --- */

/* Servers that are overloaded or broken have not answered; a proxy that refuses neither. */
static status check_status(struct exchange *x, struct str url)
{
	static const int broken[] = { 429, 500, 502, 503, 504 };
	const struct client_response *r = x->response;
	for (size_t i = 0; i < countof(broken); i++)
		if (r->status == broken[i])
			return node_fail(x->run, FAILED, "Reached maximum retries (0) for URL %.*s",
					 STR(http_build_shown(x->build, url)));
	bool squid = str_has(client_header(r, S("server")), S("squid")) ||
		     str_has(client_header(r, S("via")), S("squid"));
	if (squid && (r->status == 401 || r->status == 403))
		return node_fail(x->run, FAILED,
				 "Access to '%.*s' was blocked by SSRF protection: the proxy "
				 "of SSRF_PROXY_HTTP_URL refuses this address",
				 STR(http_build_shown(x->build, url)));
	return 0;
}

static status check_size(struct exchange *x, bool file)
{
	uint64_t max = file ? x->file_max : x->text_max, size = x->response->body.len;
	if (size <= max)
		return 0;
	return node_fail(x->run, "ResponseSizeError",
			 "%s size is too large, max size is %.2f MB, but current size is %.*s.",
			 file ? "File" : "Text", (double)max / (1 << 20),
			 STR(http_reply_size(x->mem, size)));
}

static struct json *headers_of(struct exchange *x)
{
	struct arena *mem = x->run->mem;
	struct json *o = json_obj(mem);
	for (size_t i = 0; i < x->response->header_count; i++) {
		const struct http_header *h = &x->response->headers[i];
		const struct json *have = json_get(o, h->name);
		struct str value = h->value;
		if (have)
			value = arena_printf(mem, "%.*s, %.*s", STR(json_as_str(have, S(""))),
					     STR(value));
		/* Bytes of old servers that are no UTF-8 are Latin-1, as RFC 9110 once said. */
		struct str text = value;
		if (!utf8_valid(value) && charset_decode(mem, value, S("latin1"), 0, &text))
			text = S("");
		json_set_str(mem, o, arena_str(mem, h->name), arena_str(mem, text));
	}
	return o;
}

static status store_file(struct exchange *x, struct str url, struct json *files)
{
	const struct flow_info *info = x->run->info;
	struct file_new n = {
		.tenant_id = info->tenant_id,
		.app_id = info->app_id,
		.created_by = info->created_by,
		.by_account = info->by_account,
		.bytes = x->response->body,
		.mime_type = arena_str(x->run->mem, http_reply_mime(x->response, url)),
	};
	struct json *file;
	if (file_save(x->run->flow, x->run->mem, &n, &file))
		return -1;
	json_push(x->run->mem, files, file);
	return 0;
}

static status give_out(struct exchange *x, struct str url)
{
	struct node_run *run = x->run;
	struct str text = S("");
	struct json *files = json_arr(run->mem);
	bool file = http_reply_is_file(x->response);
	if (check_size(x, file))
		return -1;
	bool strict = run->node->strategy != STRATEGY_NONE || run->node->retry.enabled;
	if (strict && x->response->status / 100 != 2)
		return node_fail(run, "HTTPResponseCodeError", "Request failed with status code %d",
				 x->response->status);
	if (file ? store_file(x, url, files) : http_reply_text(run->mem, x->response, &text))
		return -1;
	node_output(run, S("status_code"), json_int(run->mem, x->response->status));
	node_output(run, S("body"), json_str(run->mem, text));
	node_output(run, S("headers"), headers_of(x));
	node_output(run, S("files"), files);
	return 0;
}

static void plan_exchange(struct exchange *x, const struct http_plan *plan)
{
	const struct node_run *run = x->run;
	const struct config *c = run->flow->options.config;
	bool verify = !c || config_bool(c, CONFIG_HTTP_REQUEST_NODE_SSL_VERIFY);
	x->file_max = (uint64_t)setting(run, CONFIG_HTTP_REQUEST_NODE_MAX_BINARY_SIZE, 10 << 20);
	x->text_max = (uint64_t)setting(run, CONFIG_HTTP_REQUEST_NODE_MAX_TEXT_SIZE, 1 << 20);
	x->request = (struct client_request){
		.method_text = plan->method,
		.url = plan->url,
		.body = plan->body,
		.guarded = true,
		.insecure = !json_get_bool(run->data, S("ssl_verify"), verify),
		.connect_ms =
			timeout_ms(run, S("connect"), CONFIG_HTTP_REQUEST_MAX_CONNECT_TIMEOUT, 10),
		.read_ms = timeout_ms(run, S("read"), CONFIG_HTTP_REQUEST_MAX_READ_TIMEOUT, 600),
		.write_ms =
			timeout_ms(run, S("write"), CONFIG_HTTP_REQUEST_MAX_WRITE_TIMEOUT, 600),
		/* Twice what may be kept: messages name the size of answers that are a little too
		   large. */
		.response_max = 2 * MAX(x->file_max, x->text_max),
	};
	/* The client says what it can decode and decodes it. */
	static const struct str ours[] = { S_INIT("accept-encoding"), S_INIT("content-length"),
					   S_INIT("transfer-encoding") };
	x->headers = arena_array(x->mem, struct http_header, plan->header_count);
	for (size_t i = 0; i < plan->header_count; i++)
		x->headers[i] = plan->headers[i];
	x->header_count = plan->header_count;
	drop_headers(x, ours, countof(ours));
}

status node_http_request_exec(struct node_run *run)
{
	AUTO(arena) mem = { arena_open(0) }; /* request and answer go when the node is done */
	struct http_build b = {
		.run = run,
		.mem = mem.p,
		.content = content,
		.boundary =
			arena_printf(mem.p, "----TataraFormBoundary%.*s", STR(id_token(mem.p, 16))),
		.body_max = (size_t)setting(run, CONFIG_TATARA_HTTP_NODE_BODY_MB, 128) << 20,
	};
	struct http_plan plan;
	if (http_build(&b, &plan))
		return -1;
	run->result->process = json_obj(run->mem);
	json_set_str(run->mem, run->result->process, S("request"), plan.log);
	struct exchange x = { .run = run, .mem = mem.p, .build = &b };
	plan_exchange(&x, &plan);
	if (exchange(&x, plan.auth_name) || check_status(&x, plan.url))
		return -1;
	return give_out(&x, plan.url);
}
