/* SPDX-License-Identifier: Apache-2.0 */
/* cli_model: model servers and which model is the default. */
#include "cli/cli_int.h"

#include "model/model.h"

static struct json *model_json(struct cli *c, const struct model_record *r, bool chosen)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), r->id);
	json_set_str(c->mem, o, S("provider"), r->provider);
	json_set_str(c->mem, o, S("name"), r->name);
	json_set_str(c->mem, o, S("type"), model_type_name(r->type));
	json_set_str(c->mem, o, S("base_url"), r->base_url);
	json_set_str(c->mem, o, S("key_hint"), r->key_hint);
	json_set_bool(c->mem, o, S("enabled"), r->enabled);
	json_set_bool(c->mem, o, S("bundled"), r->bundled);
	json_set_bool(c->mem, o, S("default"), chosen);
	json_set(c->mem, o, S("settings"), r->settings);
	return o;
}

static status is_default(struct cli *c, struct str tenant, const struct model_record *r, bool *out)
{
	struct str provider = { 0 }, name = { 0 };
	if (models_default_get(c->s->models, c->mem, tenant, r->type, &provider, &name))
		return -1;
	*out = str_eq(provider, r->provider) && str_eq(name, r->name);
	return 0;
}

static status model_show(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct model_record *list;
	size_t n;
	struct json *rows = json_arr(c->mem);
	(void)argc;
	(void)argv;
	if (tenant_first(c->s->accounts, c->mem, &tenant) ||
	    models_list(c->s->models, c->mem, tenant, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool chosen;
		if (is_default(c, tenant, &list[i], &chosen))
			return -1;
		json_push(c->mem, rows, model_json(c, &list[i], chosen));
		cli_print(c, "%-38.*s %-14.*s %-22.*s %.*s%s\n", STR(list[i].id),
			  STR(model_type_name(list[i].type)), STR(list[i].provider), STR(list[i].name),
			  chosen ? "  (default)" : "");
	}
	cli_print_json(c, rows);
	return 0;
}

/* A record by id, or by its name when only one has it. */
static status find_model(struct cli *c, struct str text, struct str *tenant,
			 struct model_record **out)
{
	struct model_record *list, *hit = NULL;
	size_t n;
	if (cli_need(text, "the model's id or name") ||
	    tenant_first(c->s->accounts, c->mem, tenant) ||
	    models_list(c->s->models, c->mem, *tenant, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(list[i].id, text) && !str_eq(list[i].name, text))
			continue;
		if (hit)
			return err_set(ERR_CONFLICT, "more than one model is called '%.*s': use its id",
				       STR(text));
		hit = &list[i];
	}
	if (!hit)
		return err_set(ERR_NOT_FOUND, "no model '%.*s': `tatara model list` shows them",
			       STR(text));
	*out = hit;
	return 0;
}

static status read_settings(struct cli *c, int argc, char **argv, struct model_set *s)
{
	struct str text = cli_option(argc, argv, "--settings", S(""));
	struct str context = cli_option(argc, argv, "--context-size", S(""));
	struct json *v = json_obj(c->mem);
	int64_t size;
	if (text.len && (json_parse(c->mem, text, &v) || !json_is(v, JSON_OBJ)))
		return err_set(ERR_BAD_REQUEST, "--settings must be a JSON object");
	if (context.len && str_to_i64(context, &size))
		return err_set(ERR_BAD_REQUEST, "--context-size must be a number");
	if (context.len)
		json_set_int(c->mem, v, S("context_size"), size);
	if (cli_flag(argc, argv, "--vision"))
		json_set_bool(c->mem, v, S("vision"), true);
	if (cli_flag(argc, argv, "--tools"))
		json_set_bool(c->mem, v, S("tools"), true);
	s->settings = v;
	return 0;
}

static status read_model(struct cli *c, int argc, char **argv, struct model_set *s)
{
	s->provider = cli_option(argc, argv, "--provider", S("openai_api_compatible"));
	s->name = cli_option(argc, argv, "--name", S(""));
	s->base_url = cli_option(argc, argv, "--base-url", S(""));
	struct str type = cli_option(argc, argv, "--type", S("llm"));
	if (cli_need(s->name, "--name NAME"))
		return -1;
	if (model_type_parse(type, &s->type))
		return err_set(ERR_BAD_REQUEST, "--type must be " MODEL_TYPE_NAMES);
	s->api_key = S("");
	if (cli_flag(argc, argv, "--key-stdin") && cli_stdin(c, 4096, &s->api_key))
		return -1;
	s->api_key = str_trim(s->api_key);
	return read_settings(c, argc, argv, s) || tenant_first(c->s->accounts, c->mem, &s->tenant_id)
		       ? -1
		       : 0;
}

static status model_add(struct cli *c, int argc, char **argv)
{
	struct model_set s = { 0 };
	struct str id;
	if (read_model(c, argc, argv, &s) ||
	    (cli_flag(argc, argv, "--check") && models_check(c->s->models, c->mem, &s)) ||
	    models_set(c->s->models, c->mem, &s, &id))
		return -1;
	bool dflt = cli_flag(argc, argv, "--default");
	if (dflt && models_default_set(c->s->models, s.tenant_id, s.type, provider_resolve(s.provider),
				       s.name))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), id);
	json_set_str(c->mem, o, S("name"), s.name);
	json_set_str(c->mem, o, S("type"), model_type_name(s.type));
	json_set_bool(c->mem, o, S("default"), dflt);
	cli_print_json(c, o);
	cli_print(c, "%.*s is stored%s. Try it: tatara model check %.*s\n", STR(s.name),
		  dflt ? " and is the default" : "", STR(s.name));
	return 0;
}

static status model_drop(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct model_record *r;
	if (find_model(c, cli_positional(argc, argv, NULL, 0), &tenant, &r) ||
	    models_remove(c->s->models, tenant, r->id))
		return -1;
	cli_print_json(c, model_json(c, r, false));
	cli_print(c, "removed %.*s\n", STR(r->name));
	return 0;
}

static status model_try(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct model_record *r;
	if (find_model(c, cli_positional(argc, argv, NULL, 0), &tenant, &r))
		return -1;
	struct model_set s = { .tenant_id = tenant, .provider = r->provider, .name = r->name,
			       .base_url = r->base_url, .type = r->type, .settings = r->settings };
	if (r->bundled)
		return err_set(ERR_INVALID, "a bundled model needs no check");
	if (models_check(c->s->models, c->mem, &s))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("result"), S("success"));
	cli_print_json(c, o);
	cli_print(c, "%.*s answers\n", STR(r->name));
	return 0;
}

static status model_choose(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct model_record *r;
	if (find_model(c, cli_positional(argc, argv, NULL, 0), &tenant, &r) ||
	    models_default_set(c->s->models, tenant, r->type, r->provider, r->name))
		return -1;
	cli_print_json(c, model_json(c, r, true));
	cli_print(c, "%.*s is the default %.*s now\n", STR(r->name), STR(model_type_name(r->type)));
	return 0;
}

const struct cli_command cli_model_commands[] = {
	{ "model list", "", "models of the workspace", NULL, model_show, CLI_SERVICES },
	{ "model add",
	  "--name NAME --base-url URL [--provider P] [--type T] [--key-stdin] [--default]",
	  "add or replace a model",
	  "--type " MODEL_TYPE_NAMES " (llm when it is not\ngiven). --provider openai_api_compatible "
	  "(default), ollama, openai, ... --check tries it first.\n--context-size N, --vision, --tools and "
	  "--settings JSON say what it can do. The key is read from standard input with --key-stdin.",
	  model_add, CLI_SERVICES },
	{ "model remove", "ID", "remove a model", NULL, model_drop, CLI_SERVICES },
	{ "model check", "ID", "one small real call", NULL, model_try, CLI_SERVICES },
	{ "model default", "ID", "make a model the default of its type", NULL, model_choose,
	  CLI_SERVICES },
};
const size_t cli_model_commands_len = countof(cli_model_commands);
