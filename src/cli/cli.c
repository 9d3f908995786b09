/* SPDX-License-Identifier: Apache-2.0 */
/* cli: finds the command, reads the options that all share, opens what it needs, prints errors. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "os/os.h"
#include "role/role.h"

enum { WORDS_MAX = 2, USAGE_WIDTH = 44 };

const struct cli_command *const cli_tables[] = {
	cli_setup_commands, cli_user_commands,	cli_key_commands,
	cli_app_commands,   cli_run_commands,	cli_model_commands, cli_proxy_commands,
	cli_sandbox_commands, cli_system_commands,
};
#define TABLE_COUNT countof(cli_tables)
const size_t cli_tables_count = TABLE_COUNT;

static size_t table_len(size_t i)
{
	const size_t *const lens[TABLE_COUNT] = {
		&cli_setup_commands_len, &cli_user_commands_len,  &cli_key_commands_len,
		&cli_app_commands_len,	 &cli_run_commands_len,	  &cli_model_commands_len,
		&cli_proxy_commands_len, &cli_sandbox_commands_len, &cli_system_commands_len,
	};
	return *lens[i];
}

static const struct cli_command *find(struct str name)
{
	for (size_t t = 0; t < TABLE_COUNT; t++)
		for (size_t i = 0; i < table_len(t); i++)
			if (str_eq(str_c(cli_tables[t][i].name), name))
				return &cli_tables[t][i];
	return NULL;
}

/* "app import" before "app"; *words = how many of argv the name took. */
static const struct cli_command *find_words(struct arena *mem, int argc, char **argv, int *words)
{
	const struct cli_command *c = NULL;
	if (argc >= WORDS_MAX)
		c = find(arena_printf(mem, "%s %s", argv[0], argv[1]));
	*words = c ? WORDS_MAX : 1;
	return c ? c : find(str_c(argv[0]));
}

bool cli_knows(int argc, char **argv)
{
	AUTO(arena) mem = { arena_open(0) };
	return argc >= WORDS_MAX && find(arena_printf(mem.p, "%s %s", argv[0], argv[1]));
}

void cli_help(FILE *out, const char *group)
{
	for (size_t t = 0; t < TABLE_COUNT; t++) {
		for (size_t i = 0; i < table_len(t); i++) {
			const struct cli_command *c = &cli_tables[t][i];
			size_t n = group ? strlen(group) : 0;
			if (group && (strncmp(c->name, group, n) != 0 || (c->name[n] && c->name[n] != ' ')))
				continue;
			char usage[160];
			snprintf(usage, sizeof(usage), "%s %s", c->name, c->args);
			if (strlen(usage) > USAGE_WIDTH)
				fprintf(out, "  %s\n  %-*s %s\n", usage, USAGE_WIDTH, "", c->help);
			else
				fprintf(out, "  %-*s %s\n", USAGE_WIDTH, usage, c->help);
		}
	}
}

static bool known_group(const char *word)
{
	size_t n = strlen(word);
	for (size_t t = 0; t < TABLE_COUNT; t++)
		for (size_t i = 0; i < table_len(t); i++)
			if (!strncmp(cli_tables[t][i].name, word, n) && cli_tables[t][i].name[n] == ' ')
				return true;
	return false;
}

static void command_help(const struct cli_command *c)
{
	printf("usage: tatara %s %s\n\n%s\n", c->name, c->args, c->help);
	if (c->details)
		printf("\n%s\n", c->details);
	printf("\nEvery command takes --data DIR (default: $TATARA_DATA, else the user's data "
	       "directory),\n--env-file FILE and --json.\n");
}

/* --- options --- */

struct str cli_option(int argc, char **argv, const char *name, struct str fallback)
{
	for (int i = 0; i < argc; i++) {
		size_t n = strlen(name);
		if (!strcmp(argv[i], name) && i + 1 < argc)
			return str_c(argv[i + 1]);
		if (!strncmp(argv[i], name, n) && argv[i][n] == '=')
			return str_c(argv[i] + n + 1);
	}
	return fallback;
}

bool cli_flag(int argc, char **argv, const char *name)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

static bool in_list(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

struct str cli_positional(int argc, char **argv, const char *const *flags, size_t n)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2)) {
			if (!strchr(argv[i], '=') && !in_list(flags, argv[i]))
				i++;
			continue;
		}
		if (n-- == 0)
			return str_c(argv[i]);
	}
	return (struct str){ 0 };
}

/* --- output, input --- */

void cli_print(struct cli *c, const char *fmt, ...)
{
	if (c->json)
		return;
	va_list args;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fflush(stdout);
}

void cli_print_json(struct cli *c, const struct json *value)
{
	if (!c->json)
		return;
	struct str text = json_text(c->mem, value, JSON_COMPACT);
	printf("%.*s\n", STR(text));
	fflush(stdout);
}

static status read_all(struct cli *c, int fd, size_t max, const char *what, struct str *out)
{
	struct buf b = buf_make(c->mem, max + 1);
	for (;;) {
		char *at = buf_reserve(&b, MIN((size_t)65536, max + 1 - b.len));
		if (!at || b.len == max + 1)
			return err_set(ERR_TOO_LARGE, "%s is larger than %zu bytes", what, max);
		ssize_t n = read(fd, at, MIN((size_t)65536, max + 1 - b.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno("read %s", what);
		if (n == 0)
			break;
		b.len += (size_t)n;
	}
	*out = buf_str(&b);
	return 0;
}

status cli_stdin(struct cli *c, size_t max, struct str *out)
{
	if (read_all(c, STDIN_FILENO, max, "standard input", out))
		return -1;
	while (out->len && (out->at[out->len - 1] == '\n' || out->at[out->len - 1] == '\r'))
		out->len--;
	return 0;
}

status cli_read_file(struct cli *c, struct str path, size_t max, struct str *out)
{
	if (str_eq(path, S("-")))
		return read_all(c, STDIN_FILENO, max, "standard input", out);
	char *name = arena_cstr(c->mem, path);
	AUTO(fd) f = { open(name, O_RDONLY | O_CLOEXEC) };
	if (f.n < 0)
		return err_errno("open %s", name);
	return read_all(c, f.n, max, name, out);
}

/* --- running --- */

struct run {
	struct cli cli;
	const struct cli_command *command;
	int argc;
	char **argv;
	struct services services;
};

static status run_command(void *arg)
{
	struct run *r = arg;
	if (r->command->needs == CLI_SERVICES) {
		if (services_open(&r->services, r->cli.mem, r->cli.config, r->cli.data_dir,
				  S("command"), SERVICES_MIGRATE))
			return -1;
		r->cli.s = &r->services;
	}
	status s = r->command->run(&r->cli, r->argc, r->argv);
	struct err why;
	err_save(&why);
	if (r->cli.s)
		services_close(&r->services);
	return s ? err_restore(&why) : 0;
}

/* Removes an option that every command takes, with its value; at == NULL when it is not there. */
static struct str take_option(struct run *r, const char *name)
{
	for (int i = 0; i + 1 < r->argc; i++) {
		if (strcmp(r->argv[i], name) != 0)
			continue;
		struct str value = str_c(r->argv[i + 1]);
		memmove(&r->argv[i], &r->argv[i + 2], (size_t)(r->argc - i - 2) * sizeof(char *));
		r->argc -= 2;
		return value;
	}
	return (struct str){ 0 };
}

static bool take_flag(struct run *r, const char *name)
{
	for (int i = 0; i < r->argc; i++) {
		if (strcmp(r->argv[i], name) != 0)
			continue;
		memmove(&r->argv[i], &r->argv[i + 1], (size_t)(r->argc - i - 1) * sizeof(char *));
		r->argc--;
		return true;
	}
	return false;
}

static status prepare(struct run *r)
{
	struct str data = take_option(r, "--data"), env_file = take_option(r, "--env-file");
	r->cli.json = take_flag(r, "--json");
	if (r->command->needs == CLI_NOTHING)
		return 0;
	return data_dir_open(r->cli.mem, data, &r->cli.data_dir) ||
		       settings_load(r->cli.mem, r->cli.data_dir, env_file, &r->cli.config)
		       ? -1
		       : 0;
}

static int report(const struct cli_command *c)
{
	if (err_code() == ERR_BAD_REQUEST) {
		fprintf(stderr, "tatara %s: %.*s\nusage: tatara %s %s\n", c->name, STR(err_text()),
			c->name, c->args);
		return 2;
	}
	const struct err *e = err_last();
	fprintf(stderr, "tatara %s: %s", c->name, e->text);
	for (int i = 0; i < e->frames; i++)
		fprintf(stderr, " (%s)", e->frame[i].text);
	fprintf(stderr, "\n");
	return 1;
}

static int unknown(const char *word)
{
	if (known_group(word)) {
		fprintf(stderr, "usage:\n");
		cli_help(stderr, word);
	} else {
		fprintf(stderr, "tatara: no command '%s'; `tatara help` lists them\n", word);
	}
	return 2;
}

int cli_main(int argc, char **argv)
{
	AUTO(arena) mem = { arena_open(64 << 10) };
	struct run *r = arena_new(mem.p, struct run);
	int words;
	r->command = find_words(mem.p, argc, argv, &words);
	if (!r->command)
		return unknown(argv[0]);
	*r = (struct run){ .cli = { .mem = mem.p }, .command = r->command, .argc = argc - words,
			   .argv = argv + words };
	if (cli_flag(r->argc, r->argv, "--help") || cli_flag(r->argc, r->argv, "-h")) {
		command_help(r->command);
		return 0;
	}
	crypt_init();
	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_WARN, false, "command");
	if (prepare(r))
		return report(r->command);
	struct rt_options o = { .pool_threads = 2, .stall_ms = -1, .watcher = &os_watcher };
	return rt_run(&o, run_command, r) ? report(r->command) : 0;
}
