/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/mcp_client.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/client.h"

enum { HEADERS_MAX = 32, ERROR_TEXT_MAX = 300, CLOSE_MS = 2000, SERVER_MESSAGES_MAX = 10000 };

struct mcp_session {
	struct arena *mem;
	const struct mcp_server *server;
	struct str id;	     /* as the server named the session, "" = it does not */
	struct str protocol; /* "" before the greeting */
	int64_t last_id;
	bool open;
};

/* --- one message to the server --- */

static void add_header(struct client_request *r, struct http_header *list, struct str name, struct str value)
{
	if (r->header_count < HEADERS_MAX)
		list[r->header_count++] = (struct http_header){name, value};
}

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7F)
			return false;
	return true;
}

static void add_headers(struct mcp_session *s, struct client_request *r)
{
	struct http_header *h = arena_array(s->mem, struct http_header, HEADERS_MAX);
	r->headers = h;
	add_header(r, h, S("Content-Type"), S("application/json"));
	add_header(r, h, S("Accept"), S("application/json, text/event-stream"));
	if (s->id.len)
		add_header(r, h, S("Mcp-Session-Id"), s->id);
	if (s->protocol.len)
		add_header(r, h, S("MCP-Protocol-Version"), s->protocol);
	json_each_member(s->server->headers, m)
	{
		struct str value = json_as_str(&m->value, S(""));
		if (m->name.len && plain(m->name) && plain(value))
			add_header(r, h, m->name, value);
	}
}

/* Without its query, which may hold a key. */
static struct str shown_url(const struct mcp_session *s)
{
	struct str url = s->server->url;
	return str_sub(url, 0, MIN(str_find_char(url, '?'), 200u));
}

static status failed(const struct mcp_session *s)
{
	struct err why;
	if (err_code() == ERR_CANCELLED || err_code() == ERR_DENIED)
		return -1;
	err_save(&why);
	return err_set(why.code, "MCP server %.*s: %s", STR(shown_url(s)), why.text);
}

static struct str error_text(struct arena *mem, struct client_stream *in)
{
	struct buf b = buf_make(mem, 0);
	for (struct str piece;;) {
		if (client_stream_piece(in, &piece) || !piece.len)
			break;
		buf_put(&b, piece);
		if (b.len > ERROR_TEXT_MAX)
			break;
	}
	err_clear();
	struct str text = str_trim(buf_str(&b));
	return utf8_valid(text) ? str_sub(text, 0, utf8_prefix(text, ERROR_TEXT_MAX)) : S("");
}

static status refused(struct mcp_session *s, int http, struct client_stream *in)
{
	struct str url = shown_url(s), text = error_text(s->mem, in);
	if (http == 401)
		return err_set(ERR_INVALID,
			       "MCP server %.*s asks for a sign-in (401). Sign-in by OAuth is not available: "
			       "give a token as a header, such as Authorization",
			       STR(url));
	if ((http == 404 || http == 405) && !s->protocol.len)
		return err_set(ERR_INVALID,
			       "MCP server %.*s answers %d: there is no streamable HTTP endpoint at this "
			       "address. Its path often ends with /mcp; servers that only have the older "
			       "SSE transport cannot be used",
			       STR(url), http);
	return err_set(ERR_UPSTREAM, "MCP server %.*s answers %d%s%.*s", STR(url), http, text.len ? ": " : "",
		       STR(text));
}

static status post(struct mcp_session *s, const struct json *message, int64_t read_ms,
		   struct client_stream **out)
{
	struct client_request r = {
		.method = HTTP_POST,
		.url = s->server->url,
		.body = json_text(s->mem, message, JSON_COMPACT),
		.guarded = true,
		.redirects_max = 3,
		.connect_ms = s->server->timeout_ms,
		.read_ms = read_ms,
	};
	AUTO(client_stream) in = {NULL};
	r.body_length = (int64_t)r.body.len;
	add_headers(s, &r);
	if (client_stream_open(s->server->client, s->mem, &r, &in.p))
		return failed(s);
	int http = client_stream_head(in.p)->status;
	if (http < 200 || http > 299)
		return refused(s, http, in.p);
	*out = take(in.p);
	return 0;
}

static status tell(struct mcp_session *s, const struct json *message)
{
	AUTO(client_stream) in = {NULL};
	return post(s, message, s->server->timeout_ms, &in.p);
}

static struct json *message_of(struct arena *mem)
{
	struct json *o = json_obj(mem);
	json_set_str(mem, o, S("jsonrpc"), S("2.0"));
	return o;
}

/* --- its answer --- */

static status bad_answer(const struct mcp_session *s, const char *what)
{
	return err_set(ERR_UPSTREAM, "MCP server %.*s: the answer %s", STR(shown_url(s)), what);
}

/* A question of the server in the middle of its answer: we can only be alive. */
static status answer_server(struct mcp_session *s, const struct json *m)
{
	struct arena *mem = s->mem;
	struct json *o = message_of(mem), *error = json_obj(mem);
	if (!json_get(m, S("id")))
		return 0; /* progress, log lines */
	json_set(mem, o, S("id"), json_get(m, S("id")));
	if (str_eq(json_get_str(m, S("method")), S("ping"))) {
		json_set(mem, o, S("result"), json_obj(mem));
		return tell(s, o);
	}
	json_set_int(mem, error, S("code"), -32601);
	json_set_str(mem, error, S("message"), S("Method not found"));
	json_set(mem, o, S("error"), error);
	return tell(s, o);
}

/* 1 = this message answers the request, 0 = another one does. */
static int take_message(struct mcp_session *s, struct str text, int64_t id, struct json **out)
{
	struct json *m;
	if (json_parse(s->mem, text, &m) || !json_is(m, JSON_OBJ))
		return bad_answer(s, "is no JSON-RPC message");
	if (json_get(m, S("method")))
		return answer_server(s, m);
	if (json_get_int(m, S("id"), -1) != id)
		return 0;
	const struct json *error = json_get(m, S("error"));
	if (error && error->type != JSON_NULL)
		return err_set(ERR_INVALID, "MCP server: %.*s (%lld)",
			       STR(str_sub(json_get_str(error, S("message")), 0, 1000)),
			       (long long)json_get_int(error, S("code"), 0));
	*out = json_get(m, S("result"));
	return json_is(*out, JSON_OBJ) ? 1 : bad_answer(s, "has no result");
}

static status read_events(struct mcp_session *s, struct client_stream *in, int64_t id, struct json **out)
{
	struct sse_reader *events = sse_reader_open(s->mem, in, MCP_MESSAGE_MAX);
	for (int i = 0; i < SERVER_MESSAGES_MAX; i++) {
		struct sse_event e;
		bool end;
		if (sse_reader_next(events, &e, &end))
			return failed(s);
		if (end)
			return bad_answer(s, "ended before it was complete");
		if (!e.data.len || (e.event.len && !str_eq(e.event, S("message"))))
			continue;
		int r = take_message(s, e.data, id, out);
		if (r)
			return r < 0 ? -1 : 0;
	}
	return bad_answer(s, "has too many messages");
}

static status read_json(struct mcp_session *s, struct client_stream *in, int64_t id, struct json **out)
{
	struct buf b = buf_make(s->mem, MCP_MESSAGE_MAX);
	for (struct str piece;;) {
		if (client_stream_piece(in, &piece))
			return failed(s);
		if (!piece.len)
			break;
		buf_put(&b, piece);
		if (buf_done(&b))
			return bad_answer(s, "is too large");
	}
	int r = take_message(s, buf_str(&b), id, out);
	return r > 0 ? 0 : r < 0 ? -1 : bad_answer(s, "is for another request");
}

static status ask(struct mcp_session *s, struct str method, struct json *params, int64_t read_ms,
		  struct json **out)
{
	AUTO(client_stream) in = {NULL};
	struct json *m = message_of(s->mem);
	int64_t id = ++s->last_id;
	json_set_int(s->mem, m, S("id"), id);
	json_set_str(s->mem, m, S("method"), method);
	json_set(s->mem, m, S("params"), params);
	if (post(s, m, read_ms, &in.p))
		return -1;
	const struct client_response *head = client_stream_head(in.p);
	struct str session = client_header(head, S("mcp-session-id"));
	if (!s->protocol.len && session.len && plain(session))
		s->id = arena_str(s->mem, session);
	bool events = str_starts(client_header(head, S("content-type")), S("text/event-stream"));
	return events ? read_events(s, in.p, id, out) : read_json(s, in.p, id, out);
}

/* --- what sessions do --- */

status mcp_open(struct arena *mem, const struct mcp_server *server, struct mcp_session **out)
{
	static const struct str known[] = {S_INIT("2025-06-18"), S_INIT("2025-03-26"), S_INIT("2024-11-05")};
	struct mcp_session *s = arena_new(mem, struct mcp_session);
	struct json *params = json_obj(mem), *info = json_obj(mem), *hello, *done = message_of(mem);
	*s = (struct mcp_session){.mem = mem, .server = server};
	json_set_str(mem, info, S("name"), S("Tatara"));
	json_set_str(mem, info, S("version"), S("1"));
	json_set_str(mem, params, S("protocolVersion"), S(MCP_PROTOCOL));
	json_set(mem, params, S("capabilities"), json_obj(mem));
	json_set(mem, params, S("clientInfo"), info);
	if (ask(s, S("initialize"), params, server->timeout_ms, &hello))
		return -1;
	struct str version = json_get_str(hello, S("protocolVersion"));
	for (size_t i = 0; i < countof(known) && !s->protocol.len; i++)
		if (str_eq(version, known[i]))
			s->protocol = known[i];
	if (!s->protocol.len)
		return err_set(ERR_UPSTREAM, "MCP server %.*s speaks protocol '%.*s', which is not known here",
			       STR(shown_url(s)), STR(str_sub(version, 0, 40)));
	s->open = true;
	json_set_str(mem, done, S("method"), S("notifications/initialized"));
	if (tell(s, done))
		return -1;
	*out = s;
	return 0;
}

status mcp_tools(struct mcp_session *s, struct json **out)
{
	struct arena *mem = s->mem;
	struct json *all = json_arr(mem), *page;
	struct str cursor = S("");
	for (int i = 0; i < MCP_PAGES_MAX; i++) {
		struct json *params = json_obj(mem);
		if (cursor.len)
			json_set_str(mem, params, S("cursor"), cursor);
		if (ask(s, S("tools/list"), params, s->server->timeout_ms, &page))
			return -1;
		json_each(json_get(page, S("tools")), t)
		{
			if (json_len(all) == MCP_TOOLS_MAX)
				return err_set(ERR_TOO_LARGE, "MCP server %.*s has more than %d tools",
					       STR(shown_url(s)), MCP_TOOLS_MAX);
			if (json_get_str(t, S("name")).len)
				json_push(mem, all, t);
		}
		cursor = json_get_str(page, S("nextCursor"));
		if (!cursor.len) {
			*out = all;
			return 0;
		}
	}
	return bad_answer(s, "has too many pages of tools");
}

status mcp_call(struct mcp_session *s, struct str tool, const struct json *args, struct json **out)
{
	struct json *params = json_obj(s->mem);
	json_set_str(s->mem, params, S("name"), tool);
	json_set(s->mem, params, S("arguments"), args);
	return ask(s, S("tools/call"), params, s->server->call_timeout_ms, out);
}

void mcp_close(struct mcp_session *s)
{
	if (!s || !s->open || !s->id.len)
		return;
	struct err why;
	err_save(&why);
	struct shield shield = shield_begin(CLOSE_MS);
	struct client_request r = {.method = HTTP_DELETE, .url = s->server->url, .guarded = true,
				   .connect_ms = CLOSE_MS, .read_ms = CLOSE_MS};
	struct client_response *reply;
	add_headers(s, &r);
	(void)!client_fetch(s->server->client, s->mem, &r, &reply);
	shield_end(shield);
	err_clear();
	if (why.code)
		(void)err_restore(&why);
	s->open = false;
}
