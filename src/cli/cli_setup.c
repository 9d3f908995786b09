/* SPDX-License-Identifier: Apache-2.0 */
/* cli_setup: the first administrator without a browser; helpers of the other commands. */
#include "cli/cli_int.h"

#include "app/app.h"
#include "app/starter.h"
#include "base/id.h"

status cli_need(struct str text, const char *what)
{
	return text.len ? 0 : err_set(ERR_BAD_REQUEST, "%s is missing", what);
}

status cli_secret(struct cli *c, int argc, char **argv, const char *flag, struct str *out)
{
	if (!cli_flag(argc, argv, flag))
		return err_set(ERR_BAD_REQUEST, "%s is missing: give the secret on standard input, so "
						"that no other program can see it",
			       flag);
	return cli_stdin(c, 4096, out);
}

status cli_find_app(struct cli *c, struct str tenant, struct str text, struct app **out)
{
	struct app_list q = { .name = text, .page = 1, .limit = 100 };
	struct app *list, *hit = NULL;
	size_t n;
	int64_t total;
	if (cli_need(text, "the app's id"))
		return -1;
	if (id_is_uuid(text)) {
		if (app_get(c->s->apps, c->mem, tenant, text, out))
			return err_code() == ERR_NOT_FOUND
				       ? err_set(ERR_NOT_FOUND,
						 "no app %.*s: `tatara app list` shows them",
						 STR(text))
				       : -1;
		return 0;
	}
	if (app_list(c->s->apps, c->mem, tenant, &q, &list, &n, &total))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(list[i].name, text))
			continue;
		if (hit)
			return err_set(ERR_CONFLICT, "more than one app is called '%.*s': use its id",
				       STR(text));
		hit = &list[i];
	}
	if (!hit)
		return err_set(ERR_NOT_FOUND, "no app '%.*s': `tatara app list` shows them", STR(text));
	*out = hit;
	return 0;
}

static status run_setup(struct cli *c, int argc, char **argv)
{
	struct str email = cli_option(argc, argv, "--email", S(""));
	struct str name = cli_option(argc, argv, "--name", S(""));
	struct str language = cli_option(argc, argv, "--language", S("en-US")), password;
	struct account *made;
	if (cli_need(email, "--email ADDRESS") || cli_need(name, "--name NAME") ||
	    cli_secret(c, argc, argv, "--password-stdin", &password))
		return -1;
	if (!language_valid(language))
		return err_set(ERR_BAD_REQUEST, "--language %.*s is not known; use en-US or ja-JP",
			       STR(language));
	if (setup_create(c->s->accounts, c->mem, email, name, password, language, S("127.0.0.1"),
			 &made))
		return -1;
	struct app *starter;
	if (starter_create(c->s->apps, c->mem, made->tenant_id, made->id, &starter))
		return err_wrap("the account is made, the starter app is not");
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), made->id);
	json_set_str(c->mem, o, S("email"), made->email);
	json_set_str(c->mem, o, S("name"), made->name);
	json_set_str(c->mem, o, S("workspace_id"), made->tenant_id);
	cli_print_json(c, o);
	cli_print(c, "%.*s is the owner of \"%.*s\". Sign in with this address.\n", STR(made->email),
		  STR(made->tenant_name));
	return 0;
}

const struct cli_command cli_setup_commands[] = {
	{ "setup", "--email ADDRESS --name NAME --password-stdin", "make the first account",
	  "The password (8 characters or more, with a letter and a digit) is read from standard input:\n"
	  "    printf %s \"$PASSWORD\" | tatara setup --email me@example.com --name Me "
	  "--password-stdin\n"
	  "--language en-US (default) or ja-JP chooses the language of the console.",
	  run_setup, CLI_SERVICES },
};
const size_t cli_setup_commands_len = countof(cli_setup_commands);
