/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api: imported APIs: their records, their operations as tools, and calls through the outgoing
 * gate. Credentials are sealed in the database and never leave this folder but masked.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/id.h"
#include "net/client.h"
#include "sql_tool.h"
#include "store/db/db.h"
#include "tool/api_request.h"
#include "tool/openapi.h"
#include "tool/tool_int.h"

/* --- records --- */

static struct json *unseal(struct tools *t, struct arena *mem, struct str sealed)
{
	struct str plain;
	if (!t->o.seal_key || crypt_open(mem, t->o.seal_key, sealed, &plain)) {
		err_clear();
		return json_obj(mem);
	}
	return tool_stored(mem, plain, JSON_OBJ);
}

static void read_row(struct tools *t, struct arena *mem, const struct db_rows *r, size_t i,
		     struct tool_api *out)
{
	*out = (struct tool_api){
		.id = db_str_at(r, i, 0),
		.name = db_str_at(r, i, 1),
		.icon = tool_stored(mem, db_str_at(r, i, 2), JSON_OBJ),
		.description = db_str_at(r, i, 3),
		.kind = db_str_at(r, i, 4),
		.schema = db_str_at(r, i, 5),
		.operations = tool_stored(mem, db_str_at(r, i, 6), JSON_ARR),
		.credentials = unseal(t, mem, db_str_at(r, i, 7)),
		.privacy_policy = db_str_at(r, i, 8),
		.disclaimer = db_str_at(r, i, 9),
		.labels = tool_stored(mem, db_str_at(r, i, 10), JSON_ARR),
	};
}

status tool_api_get(struct tools *t, struct arena *mem, struct str tenant, struct str id,
		    struct tool_api **out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_api_get, &rows, db_text(tenant), db_text(id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "there is no custom tool provider %.*s",
			       STR(str_sub(id, 0, 60)));
	*out = arena_new(mem, struct tool_api);
	read_row(t, mem, rows, 0, *out);
	return 0;
}

status tool_api_remove(struct tools *t, struct arena *mem, struct str tenant, struct str id)
{
	return DB_WRITE(t->o.db, mem, &sql_tool_api_remove, DB_ANY, NULL, db_text(tenant),
			db_text(id));
}

static struct str masked(struct arena *mem, struct str s)
{
	if (s.len <= 8)
		return S("********************");
	return arena_printf(mem, "%.*s************%.*s", (int)MIN(s.len, 6), s.at, 2,
			    s.at + s.len - 2);
}

struct json *tool_api_mask(struct arena *mem, const struct json *c)
{
	struct json *o = json_is(c, JSON_OBJ) ? json_copy(mem, c) : json_obj(mem);
	struct str value = json_get_str(c, S("api_key_value"));
	if (value.len)
		json_set_str(mem, o, S("api_key_value"), masked(mem, value));
	return o;
}

static status check_credentials(const struct json *c)
{
	static const struct str types[] = {S_INIT(""), S_INIT("none"), S_INIT("api_key"),
					   S_INIT("api_key_header"), S_INIT("api_key_query")};
	struct str type = json_get_str(c, S("auth_type"));
	for (size_t i = 0; i < countof(types); i++)
		if (str_eq(type, types[i]))
			return i < 2 || json_get_str(c, S("api_key_value")).len
				       ? 0
				       : err_set(ERR_INVALID,
						 "credentials: api_key_value is required");
	return err_set(ERR_INVALID, "credentials: unknown auth_type '%.*s'",
		       STR(str_sub(type, 0, 40)));
}

static void keep_secret(struct arena *mem, struct json *now, const struct json *old)
{
	struct str before = json_get_str(old, S("api_key_value"));
	if (before.len && str_eq(json_get_str(now, S("api_key_value")), masked(mem, before)))
		json_set_str(mem, now, S("api_key_value"), before);
}

static status taken(struct str name)
{
	return err_set(ERR_INVALID, "provider %.*s already exists", STR(name));
}

status tool_api_save(struct tools *t, struct arena *mem, struct str tenant, struct str account,
		     struct tool_api *a, struct str *id)
{
	struct tool_api *old = NULL, *same = NULL;
	struct db_rows *rows;
	if (!a->name.len)
		return err_set(ERR_INVALID, "provider: a name is required");
	if (!t->o.seal_key)
		return err_set(ERR_INTERNAL, "no key to seal credentials");
	if (openapi_read(mem, a->schema, &a->operations, &a->kind) ||
	    check_credentials(a->credentials))
		return -1;
	if (a->id.len && tool_api_get(t, mem, tenant, a->id, &old))
		return -1;
	if (tool_api_get(t, mem, tenant, a->name, &same) && err_code() != ERR_NOT_FOUND)
		return -1;
	if (same && (!old || !str_eq(same->id, old->id)))
		return taken(a->name);
	if (old)
		keep_secret(mem, a->credentials, old->credentials);
	struct str sealed =
		crypt_seal(mem, t->o.seal_key, json_text(mem, a->credentials, JSON_COMPACT));
	struct str icon = json_text(mem, a->icon, JSON_COMPACT),
		   labels = json_text(mem, a->labels, JSON_COMPACT);
	struct str operations = json_text(mem, a->operations, JSON_COMPACT);
	*id = old ? old->id : id_uuid(mem);
	if (old)
		return DB_WRITE(t->o.db, mem, &sql_tool_api_update, 1, NULL, db_text(tenant),
				db_text(*id), db_text(a->name), db_text(icon),
				db_text(a->description), db_text(a->kind), db_text(a->schema),
				db_text(operations), db_text(sealed), db_text(a->privacy_policy),
				db_text(a->disclaimer), db_text(labels), db_int(clock_ms()));
	if (DB_WRITE(t->o.db, mem, &sql_tool_api_add, DB_ANY, &rows, db_text(*id), db_text(tenant),
		     db_text(a->name), db_text(icon), db_text(a->description), db_text(a->kind),
		     db_text(a->schema), db_text(operations), db_text(sealed),
		     db_text(a->privacy_policy), db_text(a->disclaimer), db_text(labels),
		     db_text(account), db_int(clock_ms())))
		return -1;
	return rows->changed ? 0 : taken(a->name);
}

/* --- operations as tools --- */

struct api_tool {
	const struct tool_api *api;
	const struct json *operation;
};

static struct tool *tool_of(struct arena *mem, const struct tool_api *a, const struct json *op)
{
	const struct json *list = json_get(op, S("parameters"));
	struct tool *t = arena_new(mem, struct tool);
	struct api_tool *own = arena_new(mem, struct api_tool);
	struct tool_param *params = arena_array(mem, struct tool_param, json_len(list) + 1);
	*own = (struct api_tool){a, op};
	*t = (struct tool){.provider_type = S("api"),
			   .provider_id = a->id,
			   .provider_name = a->name,
			   .name = json_get_str(op, S("name")),
			   .label = json_get_str(op, S("name")),
			   .description = json_get_str(op, S("description")),
			   .params = params,
			   .kind = &tool_api,
			   .own = own};
	json_each(list, p) params[t->param_count++] = (struct tool_param){
		.name = json_get_str(p, S("name")),
		.label = json_get_str(p, S("name")),
		.type = tool_type_parse(json_get_str(p, S("type"))),
		.required = json_get_bool(p, S("required"), false),
		.description = json_get_str(p, S("description")),
		.fallback = json_get(p, S("default")),
		.options = json_get(p, S("options")),
		.schema = json_get(p, S("schema")),
	};
	return t;
}

static const struct json *operation_of(const struct tool_api *a, struct str name)
{
	json_each(a->operations, op) if (str_eq(json_get_str(op, S("name")), name)) return op;
	return NULL;
}

static status find(struct tools *t, struct arena *mem, const struct tool_scope *s,
		   const struct tool_ref *ref, struct tool **out)
{
	struct tool_api *a;
	if (tool_api_get(t, mem, s->tenant_id, ref->provider_id, &a))
		return -1;
	const struct json *op = operation_of(a, ref->name);
	if (!op)
		return err_set(ERR_NOT_FOUND, "the custom tool provider %.*s has no tool %.*s",
			       STR(a->name), STR(ref->name));
	*out = tool_of(mem, a, op);
	return 0;
}

struct json *tool_api_tools(struct tools *t, struct arena *mem, const struct tool_api *a)
{
	struct json *list = json_arr(mem);
	(void)t;
	json_each(a->operations, op)
		json_push(mem, list, tool_json(mem, tool_of(mem, a, op), a->labels));
	return list;
}

static status list(struct tools *t, struct arena *mem, const struct tool_scope *s, bool with_tools,
		   struct json *out)
{
	struct db_rows *rows;
	if (DB_READ(t->o.db, mem, &sql_tool_api_list, &rows, db_text(s->tenant_id)))
		return -1;
	for (size_t i = 0; i < rows->count; i++) {
		struct tool_api *a = arena_new(mem, struct tool_api);
		read_row(t, mem, rows, i, a);
		struct json *o =
			tool_provider_json(mem, a->id, a->name, S("api"), a->name, a->description);
		json_set(mem, o, S("icon"), a->icon);
		json_set(mem, o, S("team_credentials"), tool_api_mask(mem, a->credentials));
		if (with_tools)
			json_set(mem, o, S("tools"), tool_api_tools(t, mem, a));
		json_set(mem, o, S("labels"), a->labels);
		json_push(mem, out, o);
	}
	return 0;
}

/* --- calls --- */

static int64_t seconds(struct tools *t, enum config_key key, int64_t fallback)
{
	int64_t s = t->o.config ? config_int(t->o.config, key) : 0;
	return (s > 0 ? s : fallback) * 1000;
}

static status fetch(struct tools *t, struct arena *mem, const struct api_request *q,
		    struct client_response **out)
{
	struct client_request r = {
		.method = HTTP_OTHER,
		.method_text = q->method,
		.url = q->url,
		.headers = q->headers,
		.header_count = q->header_count,
		.body = q->body,
		.body_length = (int64_t)q->body.len,
		.guarded = true,
		.redirects_max = 5,
		.response_max = TOOL_FETCH_MAX,
		.connect_ms = seconds(t, CONFIG_API_TOOL_DEFAULT_CONNECT_TIMEOUT, 10),
		.read_ms = seconds(t, CONFIG_API_TOOL_DEFAULT_READ_TIMEOUT, 60),
		.write_ms = seconds(t, CONFIG_API_TOOL_DEFAULT_READ_TIMEOUT, 60),
	};
	return client_fetch_again(t->o.client, mem, &r, out);
}

static void say_file(struct arena *mem, struct tool_result *r, struct str type, struct str bytes)
{
	struct str ext = str_skip(type, str_find_char(type, '/') + 1);
	r->files = arena_new(mem, struct tool_file);
	r->files[0] = (struct tool_file){.bytes = bytes,
					 .mime_type = type,
					 .name = arena_printf(mem, "image.%.*s", STR(ext))};
	r->file_count = 1;
}

static status read_reply(struct arena *mem, const struct client_response *reply,
			 struct tool_result *out)
{
	struct json *v;
	struct str type = client_header(reply, S("content-type")), body = reply->body;
	type = str_trim(str_sub(type, 0, str_find_char(type, ';')));
	if (reply->status >= 400)
		return err_set(ERR_INVALID, "Request failed with status code %d and %.*s",
			       reply->status,
			       STR(utf8_valid(body) ? str_sub(body, 0, utf8_prefix(body, 500))
						    : S("no text")));
	if (!body.len) {
		tool_say(mem, out,
			 S("Empty response from the tool, please check your parameters and try "
			   "again."));
		return 0;
	}
	if (str_starts(type, S("image/"))) {
		say_file(mem, out, type, body);
		return 0;
	}
	if (!utf8_valid(body))
		return err_set(ERR_INVALID, "The answer is neither text nor a picture (%.*s)",
			       STR(type));
	if (json_parse(mem, body, &v) == 0) {
		tool_say_json(mem, out, v);
		body = json_text(mem, v, JSON_SPACED);
	} else {
		err_clear();
	}
	tool_say(mem, out, body);
	return 0;
}

static status invoke(struct tools *t, struct arena *mem, const struct tool_scope *s,
		     const struct tool *tool, const struct json *args, struct tool_result *out)
{
	const struct api_tool *own = tool->own;
	struct api_request *q = arena_new(mem, struct api_request);
	struct client_response *reply;
	(void)s;
	if (!t->o.client)
		return err_set(ERR_UNAVAILABLE, "this process makes no requests");
	if (api_request_make(mem, own->operation, own->api->credentials, args, q) ||
	    fetch(t, mem, q, &reply))
		return -1;
	return read_reply(mem, reply, out);
}

status tool_api_try(struct tools *t, struct arena *mem, const struct tool_scope *s,
		    const struct tool_api *a, struct str operation, const struct json *args,
		    struct str *text)
{
	struct tool_result result;
	const struct json *op = operation_of(a, operation);
	if (!op)
		return err_set(ERR_INVALID, "invalid tool name %.*s",
			       STR(str_sub(operation, 0, 60)));
	if (check_credentials(a->credentials) ||
	    tool_invoke(t, mem, s, tool_of(mem, a, op), args, &result))
		return -1;
	*text = tool_result_text(mem, &result);
	return 0;
}

const struct tool_kind tool_api = {"api", find, invoke, list};
