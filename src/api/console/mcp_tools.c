/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_tools: servers of the Model Context Protocol as tools: add, change, ask again, remove. */
#include "api/console/console.h"

#include "tool/tool.h"

enum { NAME_MAX_CHARS = 40, IDENTIFIER_MAX_CHARS = 64, URL_MAX_CHARS = 2000 };

static status read_seconds(struct call *c, const char *name, int64_t *out)
{
	const struct json *v = json_get(json_get(c->body, S("configuration")), str_c(name));
	*out = 0;
	if (!v || v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_INT && v->type != JSON_FLOAT)
		return err_set(ERR_INVALID, "configuration.%s: Input should be a valid number", name);
	*out = (int64_t)json_as_double(v, 0);
	return 0;
}

/* The icon as the editor gives it: a letter or an emoji with its colour. */
static struct json *icon_of(struct call *c)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("content"), json_get_str(c->body, S("icon")));
	json_set_str(c->mem, o, S("background"), json_get_str(c->body, S("icon_background")));
	return o;
}

static status read_server(struct call *c, struct tool_mcp *m)
{
	const struct json *headers = json_get(c->body, S("headers"));
	if (take_text(c, S("server_url"), URL_MAX_CHARS, &m->url) ||
	    need_text(c, S("name"), 1, NAME_MAX_CHARS, &m->name) ||
	    need_text(c, S("server_identifier"), 1, IDENTIFIER_MAX_CHARS, &m->identifier) ||
	    read_seconds(c, "timeout", &m->timeout_s) || read_seconds(c, "sse_read_timeout", &m->call_timeout_s))
		return -1;
	if (headers && headers->type != JSON_OBJ && headers->type != JSON_NULL)
		return err_set(ERR_INVALID, "headers: Input should be a valid dictionary");
	m->headers = json_is(headers, JSON_OBJ) ? json_copy(c->mem, headers) : json_obj(c->mem);
	m->icon = icon_of(c);
	return 0;
}

static status save(struct call *c, struct tool_mcp *m)
{
	if (tool_mcp_save(c->s->tools, c->mem, c->account->tenant_id, c->account->id, m)) {
		/* What is wrong with somebody else's server is the caller's affair, not ours. */
		bool theirs = err_code() == ERR_UPSTREAM || err_code() == ERR_TIMEOUT || err_code() == ERR_DENIED;
		return theirs ? err_set(ERR_INVALID, "%.*s", STR(arena_str(c->mem, err_text()))) : -1;
	}
	return reply_json(c, 200, tool_mcp_json(c->mem, m, true));
}

status console_mcp_add(struct call *c)
{
	struct tool_mcp m = { 0 };
	return call_body(c) || read_server(c, &m) ? -1 : save(c, &m);
}

static status find(struct call *c, struct str id, struct tool_mcp **out)
{
	if (tool_mcp_get(c->s->tools, c->mem, c->account->tenant_id, id, out) == 0)
		return 0;
	return err_code() == ERR_NOT_FOUND ? err_set(ERR_NOT_FOUND, "MCP tool not found") : -1;
}

static status find_named(struct call *c, struct tool_mcp **out)
{
	struct str id;
	return call_body(c) || need_text(c, S("provider_id"), 1, 64, &id) || find(c, id, out) ? -1 : 0;
}

status console_mcp_update(struct call *c)
{
	struct tool_mcp *old, m = { 0 };
	if (find_named(c, &old) || read_server(c, &m))
		return -1;
	m.id = old->id;
	return save(c, &m);
}

status console_mcp_remove(struct call *c)
{
	struct tool_mcp *m;
	if (find_named(c, &m) || tool_mcp_remove(c->s->tools, c->mem, c->account->tenant_id, m->id))
		return -1;
	return reply_ok(c);
}

/* Asks the server again; a server that wants a sign-in says so here. */
status console_mcp_auth(struct call *c)
{
	struct tool_mcp *m;
	if (find_named(c, &m))
		return -1;
	if (tool_mcp_save(c->s->tools, c->mem, c->account->tenant_id, c->account->id, m))
		return err_code() == ERR_CANCELLED ? -1 : err_set(ERR_INVALID, "%.*s", STR(arena_str(c->mem, err_text())));
	return reply_ok(c);
}

status console_mcp_get(struct call *c)
{
	struct tool_mcp *m;
	return find(c, c->param[0], &m) ? -1 : reply_json(c, 200, tool_mcp_json(c->mem, m, true));
}

status console_mcp_refresh(struct call *c)
{
	struct tool_mcp *m;
	return find(c, c->param[0], &m) ? -1 : save(c, m);
}
