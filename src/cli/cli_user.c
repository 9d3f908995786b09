/* SPDX-License-Identifier: Apache-2.0 */
/* cli_user: the members of the workspace. */
#include "cli/cli_int.h"

static struct json *user_json(struct cli *c, const struct account *a)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("email"), a->email);
	json_set_str(c->mem, o, S("name"), a->name);
	json_set_str(c->mem, o, S("role"), role_name(a->role));
	json_set_str(c->mem, o, S("status"), a->status);
	json_set_int(c->mem, o, S("last_login_at"), a->last_login_ms / 1000);
	return o;
}

static status user_list(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct account *list;
	size_t n;
	(void)argc;
	(void)argv;
	if (tenant_first(c->s->accounts, c->mem, &tenant) ||
	    account_list(c->s->accounts, c->mem, tenant, &list, &n))
		return -1;
	struct json *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		json_push(c->mem, rows, user_json(c, &list[i]));
		cli_print(c, "%-32.*s %-16.*s %-8.*s %.*s\n", STR(list[i].email),
			  STR(role_name(list[i].role)), STR(list[i].status), STR(list[i].name));
	}
	cli_print_json(c, rows);
	return 0;
}

static status user_add(struct cli *c, int argc, char **argv)
{
	struct account_new in = { .email = cli_option(argc, argv, "--email", S("")),
				  .name = cli_option(argc, argv, "--name", S("")),
				  .language = cli_option(argc, argv, "--language", S("en-US")) };
	struct str tenant, role = cli_option(argc, argv, "--role", S("editor"));
	struct account *made;
	if (cli_need(in.email, "--email ADDRESS") || role_parse(role, &in.role) ||
	    cli_secret(c, argc, argv, "--password-stdin", &in.password) ||
	    password_rule(in.password) || tenant_first(c->s->accounts, c->mem, &tenant))
		return -1;
	if (in.role == ROLE_OWNER)
		return err_set(ERR_BAD_REQUEST, "there is one owner: add the person as admin, then "
						"`tatara user role ADDRESS owner`");
	if (account_create(c->s->accounts, c->mem, tenant, &in, &made))
		return -1;
	cli_print_json(c, user_json(c, made));
	cli_print(c, "%.*s is a member now, as %.*s.\n", STR(made->email),
		  STR(role_name(made->role)));
	return 0;
}

/* A member by address. */
static status find_user(struct cli *c, struct str email, struct str *tenant, struct account **out)
{
	struct account *who;
	if (cli_need(email, "the e-mail address") || tenant_first(c->s->accounts, c->mem, tenant) ||
	    account_by_email(c->s->accounts, c->mem, email, &who) ||
	    account_of_tenant(c->s->accounts, c->mem, *tenant, who->id, out))
		return err_code() == ERR_NOT_FOUND && email.len
			       ? err_set(ERR_NOT_FOUND,
					 "no member %.*s: `tatara user list` shows them", STR(email))
			       : -1;
	return 0;
}

static status user_password(struct cli *c, int argc, char **argv)
{
	static const char *const flags[] = { "--password-stdin", NULL };
	struct str tenant, password;
	struct account *who;
	if (find_user(c, cli_positional(argc, argv, flags, 0), &tenant, &who) ||
	    cli_secret(c, argc, argv, "--password-stdin", &password) ||
	    account_set_password(c->s->accounts, c->mem, who->id, password))
		return -1;
	cli_print_json(c, user_json(c, who));
	cli_print(c, "%.*s has the new password; all sessions of the account have ended.\n",
		  STR(who->email));
	return 0;
}

static status user_role(struct cli *c, int argc, char **argv)
{
	struct str tenant, text = cli_positional(argc, argv, NULL, 1);
	struct account *who;
	enum role role;
	if (find_user(c, cli_positional(argc, argv, NULL, 0), &tenant, &who) ||
	    cli_need(text, "the role") || role_parse(text, &role) ||
	    account_set_role(c->s->accounts, tenant, who->id, role) ||
	    account_of_tenant(c->s->accounts, c->mem, tenant, who->id, &who))
		return -1;
	cli_print_json(c, user_json(c, who));
	cli_print(c, "%.*s is %.*s now.\n", STR(who->email), STR(role_name(who->role)));
	return 0;
}

static status user_remove(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct account *who;
	if (find_user(c, cli_positional(argc, argv, NULL, 0), &tenant, &who) ||
	    account_remove(c->s->accounts, tenant, who->id))
		return -1;
	cli_print_json(c, user_json(c, who));
	cli_print(c, "%.*s is no member any more.\n", STR(who->email));
	return 0;
}

const struct cli_command cli_user_commands[] = {
	{ "user list", "", "members of the workspace", NULL, user_list, CLI_SERVICES },
	{ "user add", "--email ADDRESS [--name NAME] [--role ROLE] --password-stdin", "add a member",
	  "ROLE is admin, editor (default), normal or dataset_operator.", user_add, CLI_SERVICES },
	{ "user password", "ADDRESS --password-stdin", "give a member a new password", NULL,
	  user_password, CLI_SERVICES },
	{ "user role", "ADDRESS ROLE", "change a member's role",
	  "Making somebody the owner turns the present owner into an admin.", user_role,
	  CLI_SERVICES },
	{ "user remove", "ADDRESS", "take a member out of the workspace", NULL, user_remove,
	  CLI_SERVICES },
};
const size_t cli_user_commands_len = countof(cli_user_commands);
