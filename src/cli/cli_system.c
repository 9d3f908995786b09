/* SPDX-License-Identifier: Apache-2.0 */
/* cli_system: config, doctor, migrate, version. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "account/account.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/cli_sandbox.h"
#include "model/model.h"
#include "net/client.h"
#include "role/role.h"
#include "sandbox/probe.h"
#include "rt/rt.h"
#include "store/blob/blob.h"
#include "store/broker/broker.h"
#include "store/db/db.h"

enum { DISK_WARN_MB = 500 };

/* --- version --- */

static status cmd_version(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct json *v = json_obj(c->mem);
	json_set_str(c->mem, v, S("version"), S(TATARA_VERSION));
	json_set_str(c->mem, v, S("compatible_with"), S("1.12.1"));
	json_set_int(c->mem, v, S("schema"), (int64_t)migrations_len);
	cli_print(c, "tatara %s (serves the APIs of 1.12.1, schema %zu)\n", TATARA_VERSION,
		  migrations_len);
	cli_print_json(c, v);
	return 0;
}

/* --- config --- */

static struct str shown_value(const struct config *c, enum config_key k)
{
	struct str v = config_str(c, k);
	return config_rows[k].secret && v.len ? S("********") : v;
}

static void print_unknowns(struct cli *c, struct json *out)
{
	const struct config_unknown *u;
	size_t n = config_unknowns(c->config, &u);
	struct json *list = json_set(c->mem, out, S("unknown"), json_arr(c->mem));
	for (size_t i = 0; i < n; i++) {
		struct json *row = json_push(c->mem, list, json_obj(c->mem));
		json_set_str(c->mem, row, S("name"), u[i].name);
		json_set_str_or_null(c->mem, row, S("nearest"), str_c(u[i].nearest));
		json_set_str_or_null(c->mem, row, S("replaced_by"), str_c(u[i].removed));
		if (u[i].removed)
			cli_print(c, "warning: %.*s is no longer used: %s\n", STR(u[i].name), u[i].removed);
		else if (u[i].nearest)
			cli_print(c, "unknown: %.*s; did you mean %s?\n", STR(u[i].name), u[i].nearest);
		else
			cli_print(c, "unknown: %.*s\n", STR(u[i].name));
	}
}

static bool row_wanted(enum config_key k, struct str word, bool changed, const struct config *c)
{
	if (changed && !config_is_set(c, k))
		return false;
	return !word.len || str_has(str_c(config_rows[k].name), word) ||
	       str_eq_nocase(str_c(config_rows[k].group), word);
}

static status cmd_config(struct cli *c, int argc, char **argv)
{
	static const char *const flags[] = { "--set", NULL };
	struct str word = cli_positional(argc, argv, flags, 0);
	bool changed = cli_flag(argc, argv, "--set");
	struct json *out = json_obj(c->mem);
	struct json *rows = json_set(c->mem, out, S("settings"), json_arr(c->mem));
	size_t shown = 0;
	for (int k = 0; k < CONFIG_COUNT; k++) {
		const struct config_row *r = &config_rows[k];
		if (!row_wanted((enum config_key)k, word, changed, c->config))
			continue;
		shown++;
		struct str v = shown_value(c->config, (enum config_key)k);
		const char *source = config_source(c->config, (enum config_key)k);
		cli_print(c, "%s=%.*s\n    %s; %s\n", r->name, STR(v), source, r->help);
		struct json *row = json_push(c->mem, rows, json_obj(c->mem));
		json_set_str(c->mem, row, S("name"), str_c(r->name));
		json_set_str(c->mem, row, S("value"), v);
		json_set_str(c->mem, row, S("source"), str_c(source));
		json_set_str(c->mem, row, S("default"), str_c(r->dflt));
		json_set_str(c->mem, row, S("group"), str_c(r->group));
		json_set_str(c->mem, row, S("help"), str_c(r->help));
	}
	print_unknowns(c, out);
	cli_print_json(c, out);
	if (!shown && word.len)
		return err_set(ERR_NOT_FOUND, "no setting has '%.*s' in its name", STR(word));
	return 0;
}

/* --- migrate --- */

static status cmd_migrate(struct cli *c, int argc, char **argv)
{
	struct db_options o;
	struct db *db;
	struct migrate_report r;
	bool plan = cli_flag(argc, argv, "--plan");
	if (database_settings(c->mem, c->config, c->data_dir, &o) || db_open(&o, &db))
		return -1;
	status s = db_migrate(db, plan, &r);
	struct err why;
	err_save(&why);
	db_close(db);
	if (s)
		return err_restore(&why);
	cli_print(c, "schema %d, %s %d\n", r.from, plan ? "would go to" : "now",
		  plan ? r.from + r.pending : r.to);
	for (size_t i = 0; plan && i < migrations_len; i++)
		if (migrations[i].number > r.from)
			cli_print(c, "\n-- %04d %s\n%s\n", migrations[i].number, migrations[i].name,
				  migrations[i].text);
	struct json *v = json_obj(c->mem);
	json_set_int(c->mem, v, S("from"), r.from);
	json_set_int(c->mem, v, S("to"), r.to);
	json_set_int(c->mem, v, S("pending"), r.pending);
	cli_print_json(c, v);
	return 0;
}

/* --- doctor --- */

struct doctor {
	struct cli *c;
	struct json *rows;
	int failed, warned;
};

enum verdict { GOOD, WARN, BAD };

static void say(struct doctor *d, enum verdict v, const char *what, struct str found)
{
	static const char *const marks[] = { "ok  ", "note", "FAIL" };
	static const char *const names[] = { "ok", "note", "fail" };
	d->failed += v == BAD;
	d->warned += v == WARN;
	cli_print(d->c, "%s  %-12s %.*s\n", marks[v], what, STR(found));
	struct json *row = json_push(d->c->mem, d->rows, json_obj(d->c->mem));
	json_set_str(d->c->mem, row, S("check"), str_c(what));
	json_set_str(d->c->mem, row, S("result"), str_c(names[v]));
	json_set_str(d->c->mem, row, S("text"), arena_str(d->c->mem, found));
}

static void say_failure(struct doctor *d, const char *what)
{
	say(d, BAD, what, err_text());
}

static void check_disk(struct doctor *d)
{
	struct statvfs v;
	char *dir = arena_cstr(d->c->mem, d->c->data_dir);
	if (statvfs(dir, &v) < 0) {
		(void)err_set(ERR_IO, "cannot look at %s", dir);
		say_failure(d, "disk");
		return;
	}
	uint64_t mb = (uint64_t)v.f_bavail * v.f_frsize >> 20;
	say(d, mb < DISK_WARN_MB ? WARN : GOOD, "disk",
	    arena_printf(d->c->mem, "%llu MB free in %s%s", (unsigned long long)mb, dir,
			 mb < DISK_WARN_MB ? ": free some, uploads and runs need it" : ""));
}

static void check_settings(struct doctor *d)
{
	const struct config_unknown *u;
	size_t n = config_unknowns(d->c->config, &u);
	for (size_t i = 0; i < n; i++)
		say(d, WARN, "settings",
		    u[i].nearest
			    ? arena_printf(d->c->mem, "%.*s is unknown; did you mean %s?", STR(u[i].name),
					   u[i].nearest)
			    : arena_printf(d->c->mem, "%.*s is unknown%s%s", STR(u[i].name),
					   u[i].removed ? "; now: " : "", u[i].removed ? u[i].removed : ""));
	if (!n)
		say(d, GOOD, "settings", S("every name is known"));
}

static struct db *check_database(struct doctor *d)
{
	struct db_options o;
	struct db *db;
	struct migrate_report r;
	if (database_settings(d->c->mem, d->c->config, d->c->data_dir, &o) || db_open(&o, &db)) {
		say_failure(d, "database");
		return NULL;
	}
	if (db_ping(db) || db_migrate(db, true, &r)) {
		say_failure(d, "database");
		db_close(db);
		return NULL;
	}
	const char *kind = db_is_postgres(db) ? "PostgreSQL" : "embedded";
	if (r.pending) {
		say(d, WARN, "database",
		    arena_printf(d->c->mem, "%s, schema %d, %d migrations pending: run `tatara migrate`",
				 kind, r.from, r.pending));
		return db;
	}
	if (db_prepare_all(db)) {
		say_failure(d, "database");
		return db;
	}
	say(d, GOOD, "database", arena_printf(d->c->mem, "%s, schema %d, every statement prepares",
					      kind, r.from));
	return db;
}

static void check_files(struct doctor *d)
{
	struct str path = config_str(d->c->config, CONFIG_STORAGE_LOCAL_PATH);
	struct blob *b;
	if (!config_is_set(d->c->config, CONFIG_STORAGE_LOCAL_PATH) || !path.len)
		path = arena_printf(d->c->mem, "%.*s/files", STR(d->c->data_dir));
	if (blob_open_dir(path, &b)) {
		say_failure(d, "files");
		return;
	}
	if (blob_check(b))
		say_failure(d, "files");
	else
		say(d, GOOD, "files", arena_printf(d->c->mem, "%.*s can be written", STR(path)));
	blob_close(b);
}

static void check_server(struct doctor *d)
{
	AUTO(client) client = { 0 };
	struct client_options o = { 0 };
	struct str body, socket = arena_printf(d->c->mem, "%.*s/run/serve.sock", STR(d->c->data_dir));
	int code;
	if (access(arena_cstr(d->c->mem, socket), F_OK) < 0 || client_open(&o, &client.p) ||
	    fetch_local(client.p, d->c->mem, socket, S("/ready"), &code, &body)) {
		say(d, WARN, "server", S("not running here; start it with `tatara serve`"));
		return;
	}
	say(d, code == 200 ? GOOD : BAD, "server", body);
}

static void check_sandbox(struct doctor *d)
{
	struct probe p;
	if (cli_sandbox_probe(d->c, &p))
		say(d, WARN, "sandbox", err_text()); /* all but code nodes and templates works without */
	else
		say(d, GOOD, "sandbox", arena_printf(d->c->mem, "programs run in the %s tier", tier_name(p.tier)));
}

static void check_models(struct doctor *d)
{
	struct services s;
	struct model_record *list;
	size_t n = 0;
	if (services_open(&s, d->c->mem, d->c->config, d->c->data_dir, S("doctor"), 0)) {
		say_failure(d, "models");
		return;
	}
	struct str first;
	if (tenant_first(s.accounts, d->c->mem, &first)) {
		say(d, WARN, "account", S("no one has signed up: open the pages or run `tatara setup`"));
	} else if (models_list(s.models, d->c->mem, first, &list, &n)) {
		say_failure(d, "models");
	} else {
		for (size_t i = 0; i < n; i++) {
			struct model_set set = { .tenant_id = first, .provider = list[i].provider,
						 .name = list[i].name, .base_url = list[i].base_url,
						 .type = list[i].type, .settings = list[i].settings };
			struct str name = arena_printf(d->c->mem, "%.*s/%.*s", STR(list[i].provider),
						       STR(list[i].name));
			if (models_check(s.models, d->c->mem, &set))
				say(d, BAD, "model", arena_printf(d->c->mem, "%.*s: %.*s", STR(name),
								  STR(err_text())));
			else
				say(d, GOOD, "model", arena_printf(d->c->mem, "%.*s answers", STR(name)));
		}
	}
	services_close(&s);
}

static status cmd_doctor(struct cli *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct json *out = json_obj(c->mem);
	struct doctor d = { .c = c, .rows = json_set(c->mem, out, S("checks"), json_arr(c->mem)) };
	check_settings(&d);
	check_disk(&d);
	struct db *db = check_database(&d);
	if (db)
		db_close(db);
	check_files(&d);
	check_server(&d);
	check_sandbox(&d);
	if (db)
		check_models(&d);
	json_set_int(c->mem, out, S("failed"), d.failed);
	cli_print_json(c, out);
	if (d.failed)
		return err_set(ERR_UNAVAILABLE, "%d of the checks failed; each line above says what "
						"to do", d.failed);
	cli_print(c, "\nall well\n");
	return 0;
}

const struct cli_command cli_system_commands[] = {
	{ "config", "[WORD] [--set]", "settings: value, source, meaning", 
	  "WORD shows the settings with it in their name, or of that group; --set only those that are "
	  "set.", cmd_config, CLI_SETTINGS },
	{ "doctor", "", "check everything the platform needs and say what to do", NULL, cmd_doctor,
	  CLI_SETTINGS },
	{ "migrate", "[--plan]", "bring the database to this version; --plan prints the SQL only",
	  NULL, cmd_migrate, CLI_SETTINGS },
	{ "version", "", "version of the program and of the schema", NULL, cmd_version, CLI_NOTHING },
};
const size_t cli_system_commands_len = countof(cli_system_commands);
