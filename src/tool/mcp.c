/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp: servers of the Model Context Protocol: their records, their tools, and calls. Addresses and
 * headers are sealed in the database and leave this folder only masked.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "net/url.h"
#include "sql_tool.h"
#include "store/db/db.h"
#include "tool/mcp_client.h"
#include "tool/tool_int.h"

enum { TIMEOUT_S = 30, CALL_TIMEOUT_S = 300, TIMEOUT_MAX_S = 3600, IDENTIFIER_MAX = 64, HEADERS_MAX = 20 };

/* --- records --- */

static void read_row(struct tools *t, struct arena *mem, const struct db_rows *r, size_t i, struct tool_mcp *out)
{
	struct str plain = S("");
	if (!t->o.seal_key || crypt_open(mem, t->o.seal_key, db_str_at(r, i, 4), &plain))
		err_clear(); /* sealed with another key: nothing of it is left */
	struct json *secret = tool_stored(mem, plain, JSON_OBJ);
	struct json *settings = tool_stored(mem, db_str_at(r, i, 5), JSON_OBJ);
	struct json *headers = json_get(secret, S("headers"));
	*out = (struct tool_mcp){
		.id = db_str_at(r, i, 0),
		.name = db_str_at(r, i, 1),
		.identifier = db_str_at(r, i, 2),
		.icon = tool_stored(mem, db_str_at(r, i, 3), JSON_OBJ),
		.url = json_get_str(secret, S("url")),
		.headers = json_is(headers, JSON_OBJ) ? headers : json_obj(mem),
		.timeout_s = json_get_int(settings, S("timeout"), 0),
		.call_timeout_s = json_get_int(settings, S("sse_read_timeout"), 0),
		.tools = tool_stored(mem, db_str_at(r, i, 6), JSON_ARR),
		.updated_ms = db_int_at(r, i, 7),
	};
}

status tool_mcp_get(struct tools *t, struct arena *mem, struct str tenant, struct str id, struct tool_mcp **out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_mcp_get, &rows, db_text(tenant), db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "there is no MCP server %.*s", STR(str_sub(id, 0, 60)));
	*out = arena_new(mem, struct tool_mcp);
	read_row(t, mem, rows, 0, *out);
	return 0;
}

status tool_mcp_remove(struct tools *t, struct arena *mem, struct str tenant, struct str id)
{
	return DB_WRITE(t->o.db, mem, &sql_tool_mcp_remove, DB_ANY, NULL, db_text(tenant), db_text(id));
}

static struct str masked(struct arena *mem, struct str s)
{
	if (s.len <= 8)
		return S("********************");
	return arena_printf(mem, "%.*s************%.*s", 2, s.at, 2, s.at + s.len - 2);
}

/* Paths and queries of addresses may hold keys. */
static struct str masked_url(struct arena *mem, struct str url)
{
	size_t host = str_find(url, S("://"));
	size_t end = host == SIZE_MAX ? 0 : host + 3;
	while (end < url.len && url.at[end] != '/' && url.at[end] != '?')
		end++;
	return arena_printf(mem, "%.*s/******", (int)end, url.at);
}

static status check_identifier(struct str s)
{
	bool good = s.len > 0 && s.len <= IDENTIFIER_MAX;
	for (size_t i = 0; good && i < s.len; i++)
		good = (s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') ||
		       s.at[i] == '-' || s.at[i] == '_';
	return good ? 0
		    : err_set(ERR_INVALID, "server_identifier: small letters, digits, - and _, at most %d",
			      IDENTIFIER_MAX);
}

static status check(const struct tool_mcp *m)
{
	if (!m->name.len)
		return err_set(ERR_INVALID, "name: is required");
	if (check_identifier(m->identifier))
		return -1;
	if (!str_starts(m->url, S("http://")) && !str_starts(m->url, S("https://")))
		return err_set(ERR_INVALID, "server_url: an address that begins with http:// or https:// is required");
	if (json_len(m->headers) > HEADERS_MAX)
		return err_set(ERR_INVALID, "headers: at most %d", HEADERS_MAX);
	json_each_member(m->headers, h) if (!h->name.len || !json_is(&h->value, JSON_STR))
		return err_set(ERR_INVALID, "headers: %.*s must be a text", STR(str_sub(h->name, 0, 60)));
	if (m->timeout_s < 0 || m->timeout_s > TIMEOUT_MAX_S || m->call_timeout_s < 0 ||
	    m->call_timeout_s > TIMEOUT_MAX_S)
		return err_set(ERR_INVALID, "configuration: time-outs are 1 to %d seconds", TIMEOUT_MAX_S);
	return 0;
}

/* What the form shows masked stays as it was, but is not sent to another address. */
static status keep_secrets(struct arena *mem, struct tool_mcp *now, const struct tool_mcp *old)
{
	if (!now->url.at || str_eq(now->url, masked_url(mem, old->url)))
		now->url = old->url;
	json_each_member(old->headers, h)
	{
		struct str before = json_as_str(&h->value, S(""));
		if (!str_eq(json_get_str(now->headers, h->name), masked(mem, before)))
			continue;
		if (!str_eq(now->url, old->url))
			return err_set(ERR_INVALID, "headers: enter %.*s again, the address has changed",
				       STR(h->name));
		json_set_str(mem, now->headers, h->name, before);
	}
	return 0;
}

static struct mcp_server server_of(struct tools *t, const struct tool_mcp *m)
{
	return (struct mcp_server){
		.client = t->o.client,
		.url = m->url,
		.headers = m->headers,
		.timeout_ms = (m->timeout_s ? m->timeout_s : TIMEOUT_S) * 1000,
		.call_timeout_ms = (m->call_timeout_s ? m->call_timeout_s : CALL_TIMEOUT_S) * 1000,
	};
}

static status ask_tools(struct tools *t, struct arena *mem, struct tool_mcp *m)
{
	AUTO(mcp_session) session = {NULL};
	struct mcp_server *server = arena_new(mem, struct mcp_server);
	*server = server_of(t, m);
	if (!server->client)
		return err_set(ERR_UNAVAILABLE, "this process makes no requests");
	return mcp_open(mem, server, &session.p) || mcp_tools(session.p, &m->tools) ? -1 : 0;
}

static status check_free(struct tools *t, struct arena *mem, struct str tenant, const struct tool_mcp *m)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_mcp_same, &rows, db_text(tenant), db_text(m->id), db_text(m->name),
		    db_text(m->identifier)))
		return -1;
	return rows->count ? err_set(ERR_INVALID, "MCP tool %.*s already exists", STR(m->name)) : 0;
}

static struct str sealed_of(struct tools *t, struct arena *mem, const struct tool_mcp *m)
{
	struct json *secret = json_obj(mem);
	json_set_str(mem, secret, S("url"), m->url);
	json_set(mem, secret, S("headers"), m->headers);
	return crypt_seal(mem, t->o.seal_key, json_text(mem, secret, JSON_COMPACT));
}

static struct str settings_of(struct arena *mem, const struct tool_mcp *m)
{
	struct json *o = json_obj(mem);
	json_set_int(mem, o, S("timeout"), m->timeout_s);
	json_set_int(mem, o, S("sse_read_timeout"), m->call_timeout_s);
	return json_text(mem, o, JSON_COMPACT);
}

status tool_mcp_save(struct tools *t, struct arena *mem, struct str tenant, struct str account, struct tool_mcp *m)
{
	struct tool_mcp *old = NULL;
	struct db_rows *rows;
	if (!t->o.seal_key)
		return err_set(ERR_INTERNAL, "no key to seal credentials");
	if (m->id.len && tool_mcp_get(t, mem, tenant, m->id, &old))
		return -1;
	if (old && keep_secrets(mem, m, old))
		return -1;
	if (check(m) || check_free(t, mem, tenant, m) || ask_tools(t, mem, m))
		return -1;
	struct str icon = json_text(mem, m->icon, JSON_COMPACT), tools = json_text(mem, m->tools, JSON_COMPACT);
	m->updated_ms = clock_ms();
	if (old)
		return DB_WRITE(t->o.db, mem, &sql_tool_mcp_update, 1, NULL, db_text(tenant), db_text(m->id),
				db_text(m->name), db_text(m->identifier), db_text(icon),
				db_text(sealed_of(t, mem, m)), db_text(settings_of(mem, m)), db_text(tools),
				db_int(m->updated_ms));
	m->id = id_uuid(mem);
	if (DB_WRITE(t->o.db, mem, &sql_tool_mcp_add, DB_ANY, &rows, db_text(m->id), db_text(tenant),
		     db_text(m->name), db_text(m->identifier), db_text(icon), db_text(sealed_of(t, mem, m)),
		     db_text(settings_of(mem, m)), db_text(tools), db_text(account), db_int(m->updated_ms)))
		return -1;
	return rows->changed ? 0 : err_set(ERR_INVALID, "MCP tool %.*s already exists", STR(m->name));
}

/* --- its tools as ours --- */

/* A schema's type; of several the first that is not null. */
static struct str type_of(const struct json *schema)
{
	const struct json *type = json_get(schema, S("type"));
	json_each(type, one) if (!str_eq(json_as_str(one, S("")), S("null"))) return json_as_str(one, S(""));
	if (json_is(type, JSON_STR))
		return json_as_str(type, S(""));
	json_each(json_get(schema, S("anyOf")), one)
		if (!str_eq(json_get_str(one, S("type")), S("null")) && json_get_str(one, S("type")).len)
			return json_get_str(one, S("type"));
	return S("");
}

static enum tool_type param_type(const struct json *schema)
{
	struct str type = type_of(schema);
	if (str_eq(type, S("string")))
		return json_len(json_get(schema, S("enum"))) ? TOOL_SELECT : TOOL_STRING;
	return type.len ? tool_type_parse(type) : TOOL_ANY;
}

static bool is_required(const struct json *schema, struct str name)
{
	json_each(json_get(schema, S("required")), r) if (str_eq(json_as_str(r, S("")), name)) return true;
	return false;
}

static struct tool *tool_of(struct arena *mem, const struct tool_mcp *m, const struct json *told)
{
	const struct json *schema = json_get(told, S("inputSchema"));
	const struct json *properties = json_get(schema, S("properties"));
	struct tool *t = arena_new(mem, struct tool);
	struct tool_param *params = arena_array(mem, struct tool_param, json_len(properties) + 1);
	struct str title = json_get_str(told, S("title"));
	*t = (struct tool){.provider_type = S("mcp"),
			   .provider_id = m->identifier,
			   .provider_name = m->name,
			   .name = json_get_str(told, S("name")),
			   .label = title.len ? title : json_get_str(told, S("name")),
			   .description = json_get_str(told, S("description")),
			   .params = params,
			   .kind = &tool_mcp,
			   .own = m};
	json_each_member(properties, p) params[t->param_count++] = (struct tool_param){
		.name = p->name,
		.label = p->name,
		.type = param_type(&p->value),
		.required = is_required(schema, p->name),
		.description = json_get_str(&p->value, S("description")),
		.options = param_type(&p->value) == TOOL_SELECT ? json_get(&p->value, S("enum")) : NULL,
		.schema = &p->value,
	};
	return t;
}

static status find(struct tools *t, struct arena *mem, const struct tool_scope *s, const struct tool_ref *ref,
		   struct tool **out)
{
	struct tool_mcp *m;
	if (tool_mcp_get(t, mem, s->tenant_id, ref->provider_id, &m))
		return -1;
	json_each(m->tools, told) if (str_eq(json_get_str(told, S("name")), ref->name))
	{
		*out = tool_of(mem, m, told);
		return 0;
	}
	return err_set(ERR_NOT_FOUND, "the MCP server %.*s has no tool %.*s; if it is new there, update the server's tools",
		       STR(m->name), STR(ref->name));
}

static struct json *masked_headers(struct arena *mem, const struct json *headers)
{
	struct json *o = json_obj(mem);
	json_each_member(headers, h) json_set_str(mem, o, h->name, masked(mem, json_as_str(&h->value, S(""))));
	return o;
}

struct json *tool_mcp_json(struct arena *mem, const struct tool_mcp *m, bool with_tools)
{
	struct json *o = tool_provider_json(mem, m->id, m->name, S("mcp"), m->name, S(""));
	struct json *settings = json_obj(mem), *tools = json_arr(mem), *none = json_arr(mem);
	json_set(mem, o, S("icon"), m->icon);
	if (with_tools)
		json_each(m->tools, told) json_push(mem, tools, tool_json(mem, tool_of(mem, m, told), none));
	json_set(mem, o, S("tools"), tools);
	json_set_str(mem, o, S("server_url"), masked_url(mem, m->url));
	json_set_str(mem, o, S("server_identifier"), m->identifier);
	json_set_int(mem, o, S("updated_at"), m->updated_ms / 1000);
	json_set_int(mem, settings, S("timeout"), m->timeout_s ? m->timeout_s : TIMEOUT_S);
	json_set_int(mem, settings, S("sse_read_timeout"), m->call_timeout_s ? m->call_timeout_s : CALL_TIMEOUT_S);
	json_set(mem, o, S("configuration"), settings);
	json_set(mem, o, S("masked_headers"), masked_headers(mem, m->headers));
	json_set_bool(mem, o, S("is_dynamic_registration"), false);
	json_set_null(mem, o, S("authentication"));
	return o;
}

static status list(struct tools *t, struct arena *mem, const struct tool_scope *s, bool with_tools, struct json *out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_mcp_list, &rows, db_text(s->tenant_id)))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct tool_mcp *m = arena_new(mem, struct tool_mcp);
		read_row(t, mem, rows, i, m);
		json_push(mem, out, tool_mcp_json(mem, m, with_tools));
	}
	return 0;
}

/* --- calls --- */

static status invoke(struct tools *t, struct arena *mem, const struct tool_scope *s, const struct tool *tool,
		     const struct json *args, struct tool_result *out)
{
	AUTO(mcp_session) session = {NULL};
	struct mcp_server server = server_of(t, tool->own);
	struct json *given = json_obj(mem), *result;
	(void)s;
	if (!server.client)
		return err_set(ERR_UNAVAILABLE, "this process makes no requests");
	/* What nobody set is not sent: a server may take null for a value. */
	json_each_member(args, m) if (m->value.type != JSON_NULL) json_set(mem, given, m->name, &m->value);
	if (mcp_open(mem, &server, &session.p) || mcp_call(session.p, tool->name, given, &result))
		return -1;
	return mcp_read_result(mem, result, out);
}

const struct tool_kind tool_mcp = {"mcp", find, invoke, list};
