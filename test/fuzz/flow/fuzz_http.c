/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An http-request node's data, and an answer: {"data": {..}, "headers": {..}, "body": ".."}. What is
 * sent has one line for the address and for each header; what is shown is text without the secret.
 */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/node/http_build.h"
#include "flow/node/http_reply.h"
#include "flow/node/node.h"
#include "net/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static status content(struct node_run *run, struct arena *mem, const struct json *file, struct str *out)
{
	(void)run;
	(void)mem;
	*out = json_get_str(file, S("filename"));
	return 0;
}

static void fill(struct arena *mem, struct pool *p)
{
	struct json *file = json_obj(mem), *list = json_arr(mem);
	json_set_str(mem, file, S("dify_model_identity"), S("__dify__file__"));
	json_set_str(mem, file, S("filename"), S("a\"\r\nb.txt"));
	json_push(mem, list, file);
	pool_init(p, mem);
	pool_set(p, S("s"), S("q"), json_str(mem, S("a b&c\r\nd: e")), VAR_INFER);
	pool_set(p, S("s"), S("f"), file, VAR_INFER);
	pool_set(p, S("s"), S("l"), list, VAR_INFER);
	pool_set(p, S("env"), S("k"), json_str(mem, S("TOP SECRET/1")), VAR_SECRET);
}

static void check_plan(const struct http_plan *p)
{
	ASSERT(str_starts(p->url, S("http://")) || str_starts(p->url, S("https://")));
	ASSERT(utf8_valid(p->log) && !str_has(p->log, S("TOP SECRET/1")) && !str_has(p->log, S("TOP+SECRET%2F1")));
	for (size_t i = 0; i < p->header_count; i++)
		ASSERT(!memchr(p->headers[i].name.at, '\n', p->headers[i].name.len));
}

static void check_reply(struct arena *mem, const struct json *v)
{
	struct http_header headers[16];
	struct client_response r = { .status = 200, .headers = headers, .body = json_get_str(v, S("body")) };
	struct str text, name = S("");
	json_each_member(json_get(v, S("headers")), m)
		if (r.header_count < countof(headers))
			headers[r.header_count++] = (struct http_header){ m->name, json_as_str(&m->value, S("")) };
	name = http_reply_name(mem, &r);
	ASSERT(utf8_valid(name) && str_find_char(name, '/') == SIZE_MAX && str_find_char(name, '\n') == SIZE_MAX);
	(void)http_reply_is_file(&r);
	ASSERT(http_reply_mime(&r, S("http://x/y?z")).len);
	if (http_reply_text(mem, &r, &text) == 0)
		ASSERT(utf8_valid(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct pool pool;
	if (json_parse(mem.p, str_of((const char *)data, size), &v))
		return 0;
	fill(mem.p, &pool);
	const struct json *node_data = json_get(v, S("data"));
	struct node_result result = { 0 };
	struct graph_node node = { .id = S("n"), .data = node_data };
	struct node_run run = { .mem = mem.p, .node = &node, .data = node_data, .pool = &pool, .result = &result };
	struct http_build b = { .run = &run, .mem = mem.p, .content = content, .boundary = S("B"), .body_max = 1 << 20 };
	struct http_plan plan;
	if (json_is(node_data, JSON_OBJ) && http_build_check(node_data) == 0 && http_build(&b, &plan) == 0)
		check_plan(&plan);
	check_reply(mem.p, v);
	err_clear();
	return 0;
}
