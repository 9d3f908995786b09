/* SPDX-License-Identifier: Apache-2.0 */
/* cli_key: API keys of apps and of the knowledge API. */
#include "cli/cli_int.h"

static struct json *key_json(struct cli *c, const struct api_key *k)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), k->id);
	json_set_str(c->mem, o, S("type"), k->type);
	json_set_str(c->mem, o, S("app_id"), k->app_id);
	json_set_str(c->mem, o, S("hint"), k->hint);
	json_set_int(c->mem, o, S("created_at"), k->created_ms / 1000);
	json_set_int(c->mem, o, S("last_used_at"), k->last_used_ms / 1000);
	return o;
}

/* Whose keys: --app ID, or --dataset. */
static status key_owner(struct cli *c, int argc, char **argv, struct str *tenant, struct str *app_id,
			struct str *type)
{
	struct app *app;
	bool dataset = cli_flag(argc, argv, "--dataset");
	struct str id = cli_option(argc, argv, "--app", S(""));
	if ((!dataset && cli_need(id, "--app ID (or --dataset)")) ||
	    tenant_first(c->s->accounts, c->mem, tenant))
		return -1;
	*type = S("dataset");
	*app_id = S("");
	if (dataset)
		return 0;
	if (cli_find_app(c, *tenant, id, &app))
		return -1;
	*type = S("app");
	*app_id = app->id;
	return 0;
}

static status key_make(struct cli *c, int argc, char **argv)
{
	struct str tenant, app, type, token;
	struct api_key *k;
	if (key_owner(c, argc, argv, &tenant, &app, &type) ||
	    key_create(c->s->accounts, c->mem, tenant, app, type, &k, &token))
		return -1;
	struct json *o = key_json(c, k);
	json_set_str(c->mem, o, S("token"), token);
	cli_print_json(c, o);
	cli_print(c, "%.*s\n\nKeep it: it is shown only once.\n", STR(token));
	return 0;
}

static status key_show(struct cli *c, int argc, char **argv)
{
	struct str tenant, app, type;
	struct api_key *list;
	size_t n;
	if (key_owner(c, argc, argv, &tenant, &app, &type) ||
	    key_list(c->s->accounts, c->mem, tenant, app, type, &list, &n))
		return -1;
	struct json *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		json_push(c->mem, rows, key_json(c, &list[i]));
		cli_print(c, "%.*s  %.*s\n", STR(list[i].id), STR(list[i].hint));
	}
	cli_print_json(c, rows);
	return 0;
}

static status key_drop(struct cli *c, int argc, char **argv)
{
	struct str tenant, id = cli_positional(argc, argv, NULL, 0);
	if (cli_need(id, "the key's id") || tenant_first(c->s->accounts, c->mem, &tenant))
		return -1;
	if (key_remove(c->s->accounts, tenant, id))
		return err_code() == ERR_NOT_FOUND
			       ? err_set(ERR_NOT_FOUND,
					 "no key %.*s: `tatara key list --app ID` shows them", STR(id))
			       : -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("removed"), id);
	cli_print_json(c, o);
	cli_print(c, "removed; a running server refuses it within 5 seconds\n");
	return 0;
}

const struct cli_command cli_key_commands[] = {
	{ "key create", "--app ID | --dataset", "make an API key and show it once",
	  "ID is the app's id, or its name when only one app has it.", key_make, CLI_SERVICES },
	{ "key list", "--app ID | --dataset", "keys of an app, without their secret part", NULL,
	  key_show, CLI_SERVICES },
	{ "key remove", "ID", "remove an API key", NULL, key_drop, CLI_SERVICES },
};
const size_t cli_key_commands_len = countof(cli_key_commands);
