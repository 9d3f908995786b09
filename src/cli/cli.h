/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: commands that are not roles. A command is a row; help, the list of commands and docs come
 * from the table (table.c). Commands open the database themselves, so they work with the server
 * running or stopped. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

#include <stdio.h>

struct arena;
struct buf;
struct config;
struct json;
struct services;

struct cli {
	struct arena *mem;
	struct services *s;    /* open when the row says needs_services */
	struct config *config; /* NULL for commands with needs_nothing */
	struct str data_dir;
	bool json;	       /* --json: one JSON value on standard output, nothing else */
};
/* argv without program and command name, and without the options that all commands share
 * (--data, --env-file, --json). Wrong usage: ERR_BAD_REQUEST. */
typedef status (*cli_fn)(struct cli *, int argc, char **argv);

enum cli_needs { CLI_NOTHING, CLI_SETTINGS, CLI_SERVICES };
struct cli_command {
	const char *name;    /* "app import" */
	const char *args;    /* "FILE [--name NAME]" */
	const char *help;    /* one line */
	const char *details; /* more lines for --help, or NULL */
	cli_fn run;
	enum cli_needs needs;
};
extern const struct cli_command *const cli_tables[];
extern const size_t cli_tables_count;

/* Tables of the files here. */
extern const struct cli_command cli_setup_commands[], cli_user_commands[], cli_key_commands[],
	cli_app_commands[], cli_run_commands[], cli_model_commands[], cli_proxy_commands[], cli_sandbox_commands[],
	cli_system_commands[];
extern const size_t cli_setup_commands_len, cli_user_commands_len, cli_key_commands_len,
	cli_app_commands_len, cli_run_commands_len, cli_model_commands_len, cli_proxy_commands_len, cli_sandbox_commands_len,
	cli_system_commands_len;

/* Finds the command of argv (one or two words), opens what it needs, runs it; returns the exit code. */
int cli_main(int argc, char **argv);
/* Whether argv starts with a command of two words: "model add" is one, "model" alone is a role. */
bool cli_knows(int argc, char **argv);
/* Lists the commands whose first word is group; NULL = all. */
void cli_help(FILE *out, const char *group);

/* --- for commands --- */
/* Value of "--name VALUE" in argv, or fallback. */
struct str cli_option(int argc, char **argv, const char *name, struct str fallback);
bool cli_flag(int argc, char **argv, const char *name);
/* n-th argument that is neither an option nor an option's value; flags lists the options without
 * value, ended by NULL. at == NULL when there are fewer. */
struct str cli_positional(int argc, char **argv, const char *const *flags, size_t n);
/* Standard output: text lines, or the JSON value with --json. */
void cli_print(struct cli *, const char *fmt, ...) PRINTF(2, 3);
void cli_print_json(struct cli *, const struct json *);
/* All of standard input, at most max bytes, without the last line break. */
status cli_stdin(struct cli *, size_t max, struct str *out) NODISCARD;
status cli_read_file(struct cli *, struct str path, size_t max, struct str *out) NODISCARD;
