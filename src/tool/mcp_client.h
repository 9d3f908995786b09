/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp_client: sessions with servers of the Model Context Protocol over streamable HTTP (revision
 * 2025-06-18): JSON-RPC messages by POST, answered as JSON or as a stream of events. Requests pass the
 * outgoing guard. Sign-in by OAuth is not spoken: a server that asks for it is told of by name.
 */
#pragma once
#include "base/core.h"
#include "base/json.h"
#include "base/str.h"

struct arena;
struct client;

#define MCP_PROTOCOL "2025-06-18"
enum {
	MCP_MESSAGE_MAX = 10 << 20, /* bytes of one message */
	MCP_PAGES_MAX = 50,	    /* of a list of tools */
	MCP_TOOLS_MAX = 500,
};

struct mcp_server {
	struct client *client;
	struct str url;
	const struct json *headers; /* {name: text}, or NULL */
	int64_t timeout_ms;	    /* to connect, to greet and to list */
	int64_t call_timeout_ms;    /* without a word while a tool works */
};
struct mcp_session;
/* Greets the server; the session lives in mem. ERR_UPSTREAM and ERR_DENIED name the server. */
status mcp_open(struct arena *mem, const struct mcp_server *, struct mcp_session **out) NODISCARD;
/* All tools, an array of {name, title?, description?, inputSchema, outputSchema?}. */
status mcp_tools(struct mcp_session *, struct json **out) NODISCARD;
/* The result object: {content, structuredContent?, isError?}. */
status mcp_call(struct mcp_session *, struct str tool, const struct json *args, struct json **out) NODISCARD;
/* Tells the server that the session is over; what it answers does not matter. */
void mcp_close(struct mcp_session *);
DEFINE_AUTO(mcp_session, struct mcp_session, mcp_close)
