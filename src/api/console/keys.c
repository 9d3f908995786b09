/* SPDX-License-Identifier: Apache-2.0 */
/* keys: API keys of apps and of the knowledge API. The whole token is in the answer to POST only. */
#include "api/console/console.h"

static struct json *key_json(struct call *c, const struct api_key *k, struct str token)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), k->id);
	json_set_str(c->mem, o, S("type"), k->type);
	json_set_str(c->mem, o, S("token"), token);
	put_time(c->mem, o, S("last_used_at"), k->last_used_ms);
	put_time(c->mem, o, S("created_at"), k->created_ms);
	return o;
}

static status list(struct call *c, struct str app_id, struct str type)
{
	struct api_key *keys;
	size_t n;
	if (key_list(c->s->accounts, c->mem, c->account->tenant_id, app_id, type, &keys, &n))
		return -1;
	struct json *o = json_obj(c->mem), *rows = json_set(c->mem, o, S("data"), json_arr(c->mem));
	for (size_t i = 0; i < n; i++)
		json_push(c->mem, rows, key_json(c, &keys[i], keys[i].hint));
	return reply_json(c, 200, o);
}

static status create(struct call *c, struct str app_id, struct str type, int code)
{
	struct api_key *k;
	struct str token;
	if (key_create(c->s->accounts, c->mem, c->account->tenant_id, app_id, type, &k, &token))
		return err_code() == ERR_LIMIT ? reply_pair(c, 400, "custom", "max_keys_exceeded",
							    "message",
							    arena_str(c->mem, err_text()))
					       : -1;
	return reply_json(c, code, key_json(c, k, token));
}

/* A key of another app or type is not found either. */
static status remove_key(struct call *c, struct str app_id, struct str type, struct str id)
{
	struct api_key *keys;
	size_t n;
	if (key_list(c->s->accounts, c->mem, c->account->tenant_id, app_id, type, &keys, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (str_eq(keys[i].id, id))
			return key_remove(c->s->accounts, c->account->tenant_id, id)
				       ? -1
				       : reply_empty(c, 204);
	return reply_pair(c, 404, NULL, NULL, "message", S("API key not found"));
}

static status app_or_message(struct call *c, bool *answered)
{
	*answered = false;
	if (need_app(c) == 0)
		return 0;
	if (err_code() != ERR_NOT_FOUND)
		return -1;
	*answered = true;
	return reply_pair(c, 404, NULL, NULL, "message", S("App not found."));
}

status console_keys(struct call *c)
{
	bool answered;
	if (app_or_message(c, &answered))
		return -1;
	return answered ? 0 : list(c, c->app->id, S("app"));
}

status console_key_create(struct call *c)
{
	bool answered;
	if (app_or_message(c, &answered))
		return -1;
	return answered ? 0 : create(c, c->app->id, S("app"), 201);
}

status console_key_remove(struct call *c)
{
	bool answered;
	if (app_or_message(c, &answered))
		return -1;
	return answered ? 0 : remove_key(c, c->app->id, S("app"), c->param[1]);
}

status console_dataset_keys(struct call *c)
{
	return list(c, S(""), S("dataset"));
}

status console_dataset_key_create(struct call *c)
{
	return create(c, S(""), S("dataset"), 200);
}

status console_dataset_key_remove(struct call *c)
{
	return remove_key(c, S(""), S("dataset"), c->param[0]);
}

status console_dataset_base(struct call *c)
{
	return reply_pair(c, 200, NULL, NULL, "api_base_url",
			  arena_printf(c->mem, "%.*s/v1", STR(service_url(c))));
}
