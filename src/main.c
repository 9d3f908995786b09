/* SPDX-License-Identifier: Apache-2.0 */
/* main: the table of roles and commands, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/welcome.h"
#include "role/role.h"
#include "role/serve.h"
#include "sandbox/install.h"
#include "sandbox/launcher.h"

static int help(void)
{
	printf("tatara %s - a platform for LLM applications in one program\n\n"
	       "usage: tatara COMMAND [ARGUMENTS]     tatara COMMAND --help\n\n"
	       "The platform:\n"
	       "  %-44s %s\n", TATARA_VERSION, "serve [--data DIR] [--listen ADDR:PORT]",
	       "start every role; see `tatara serve --help`");
	printf("\nRoles, each alone:\n");
	for (size_t i = 0; i < role_types_len; i++)
		printf("  %-44s %s\n", role_types[i]->name, role_types[i]->help);
	printf("\nCommands:\n");
	cli_help(stdout, NULL);
	return 0;
}

static int serve_help(void)
{
	printf("usage: tatara serve [--data DIR] [--listen ADDR:PORT] [--env-file FILE] [--welcome]\n\n"
	       "Starts every role as a process of its own behind one address and keeps them running.\n"
	       "  --data DIR          where everything is kept (default: $TATARA_DATA, else\n"
	       "                      /var/lib/tatara for root, ~/.local/share/tatara for others)\n"
	       "  --listen ADDR:PORT  public address (default: $TATARA_LISTEN, else 127.0.0.1:8080)\n"
	       "  --env-file FILE     settings (default: DATA/.env, else ./.env)\n"
	       "  --welcome           on the first start: create the first account, ask the starter\n"
	       "                      app a question, print how to sign in and call it\n");
	return 0;
}

static int role_help(const struct role_type *r)
{
	printf("usage: tatara %s [--listen ADDR:PORT|unix:PATH] [--data DIR] [--env-file FILE]\n\n%s.\n"
	       "Takes the place of: %s. Default address: %s.\n"
	       "Serves /health, /ready and /metrics; drains on SIGTERM.\n",
	       r->name, r->help, r->replaces, r->listen);
	return 0;
}

/* MODE=api|worker|beat is how containers of other stacks choose. */
static const char *mode_role(void)
{
	const char *mode = getenv("MODE");
	if (!mode)
		return NULL;
	return strcmp(mode, "beat") == 0 ? "worker" : mode;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : mode_role();
	if (!word || !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h"))
		return help();
	if (!strcmp(word, "--version"))
		word = argv[1] = (char[]){ "version" };
	bool wants_help = argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"));
	int rest = argc > 2 ? argc - 2 : 0;
	char **rest_argv = argv + (argc > 2 ? 2 : argc);
	/* A process of the sandbox role, not a command: it wants a socket of that role. */
	if (!strcmp(word, "sandbox-launcher"))
		return launcher_main();
	if (!strcmp(word, "sandbox-install"))
		return install_main(rest, rest_argv);
	if (!strcmp(word, "serve"))
		return wants_help ? serve_help() : welcome_serve(rest, rest_argv);
	const struct role_type *r = role_find(str_c(word));
	if (r && !cli_knows(argc - 1, argv + 1))
		return wants_help ? role_help(r) : role_run(r, rest, rest_argv);
	return cli_main(argc - 1, argv + 1);
}
