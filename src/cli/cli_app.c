/* SPDX-License-Identifier: Apache-2.0 */
/* cli_app: apps and app files. */
#include "cli/cli_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct json *app_json(struct cli *c, const struct app *a)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), a->id);
	json_set_str(c->mem, o, S("name"), a->name);
	json_set_str(c->mem, o, S("mode"), a->mode);
	json_set_bool(c->mem, o, S("published"), a->workflow_id.len || !app_mode_is_graph(a->mode));
	json_set_str(c->mem, o, S("site_code"), a->site_code);
	json_set_int(c->mem, o, S("created_at"), a->created_ms / 1000);
	return o;
}

static status app_show(struct cli *c, int argc, char **argv)
{
	struct app_list q = { .page = 1, .limit = 100 };
	struct str tenant;
	struct json *rows = json_arr(c->mem);
	int64_t total = 1;
	(void)argc;
	(void)argv;
	if (tenant_first(c->s->accounts, c->mem, &tenant))
		return -1;
	for (; (q.page - 1) * q.limit < total; q.page++) {
		struct app *list;
		size_t n;
		if (app_list(c->s->apps, c->mem, tenant, &q, &list, &n, &total))
			return -1;
		for (size_t i = 0; i < n; i++) {
			json_push(c->mem, rows, app_json(c, &list[i]));
			bool out = list[i].workflow_id.len || !app_mode_is_graph(list[i].mode);
			cli_print(c, "%.*s  %-14.*s %-10s %.*s\n", STR(list[i].id), STR(list[i].mode),
				  out ? "published" : "draft", STR(list[i].name));
		}
	}
	cli_print_json(c, rows);
	return 0;
}

static struct json *import_json(struct cli *c, const struct import_result *r)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), r->app_id);
	json_set_str(c->mem, o, S("mode"), r->app_mode);
	json_set_str(c->mem, o, S("status"), r->status);
	json_set_str(c->mem, o, S("version"), r->imported_dsl_version);
	json_set(c->mem, o, S("warnings"), r->warnings ? r->warnings : json_arr(c->mem));
	json_set(c->mem, o, S("report"), r->report ? r->report : json_arr(c->mem));
	return o;
}

/* A file of a newer format is asked back about in the console; here the command is the answer. */
static status import_text(struct cli *c, const struct import_request *r, struct import_result *out)
{
	if (app_import(c->s->apps, c->mem, r, out))
		return -1;
	if (str_eq(out->status, S("pending")) &&
	    app_import_confirm(c->s->apps, c->mem, r->tenant_id, r->account_id, out->id, out))
		return -1;
	if (str_eq(out->status, S("failed")))
		return err_set(ERR_INVALID, "the file cannot be imported: %.*s", STR(out->error));
	return 0;
}

static status app_in(struct cli *c, int argc, char **argv)
{
	static const char *const flags[] = { "--publish", NULL };
	struct str path = cli_positional(argc, argv, flags, 0);
	struct import_request r = { .name = cli_option(argc, argv, "--name", S("")),
				    .app_id = cli_option(argc, argv, "--into", S("")) };
	struct import_result result;
	struct account *owner;
	struct workflow *w;
	if (cli_need(path, "the file"))
		return -1;
	status st = str_eq(path, S("-")) ? cli_stdin(c, DSL_SIZE_MAX, &r.yaml)
					 : cli_read_file(c, path, DSL_SIZE_MAX, &r.yaml);
	if (st || tenant_first(c->s->accounts, c->mem, &r.tenant_id) ||
	    account_owner(c->s->accounts, c->mem, r.tenant_id, &owner))
		return -1;
	r.account_id = owner->id;
	if (import_text(c, &r, &result))
		return -1;
	bool publish = cli_flag(argc, argv, "--publish") && app_mode_is_graph(result.app_mode);
	if (publish && workflow_publish(c->s->apps, c->mem, r.tenant_id, result.app_id, S(""), S(""),
					owner->id, &w))
		return -1;
	struct json *o = import_json(c, &result);
	json_set_bool(c->mem, o, S("published"), publish || !app_mode_is_graph(result.app_mode));
	cli_print_json(c, o);
	cli_print(c, "%.*s  %.*s  %.*s\n", STR(result.app_id), STR(result.app_mode),
		  STR(result.status));
	json_each(result.warnings, it)
		cli_print(c, "warning: %.*s\n", STR(json_as_str(it, S(""))));
	if (!publish && app_mode_is_graph(result.app_mode))
		cli_print(c, "This is a draft. To call it: tatara app publish %.*s\n",
			  STR(result.app_id));
	return 0;
}

static status write_file(struct cli *c, struct str path, struct str text)
{
	const char *name = arena_cstr(c->mem, path);
	AUTO(fd) f = { open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };
	if (f.n < 0)
		return err_set(ERR_IO, "open %s: %s", name, strerror(errno));
	for (size_t done = 0; done < text.len;) {
		ssize_t n = write(f.n, text.at + done, text.len - done);
		if (n < 0)
			return err_set(ERR_IO, "write %s: %s", name, strerror(errno));
		done += (size_t)n;
	}
	return 0;
}

static status app_out(struct cli *c, int argc, char **argv)
{
	static const char *const flags[] = { "--secrets", NULL };
	struct str tenant, yaml, path = cli_option(argc, argv, "--output", S(""));
	struct app *app;
	if (tenant_first(c->s->accounts, c->mem, &tenant) ||
	    cli_find_app(c, tenant, cli_positional(argc, argv, flags, 0), &app) ||
	    app_export(c->s->apps, c->mem, tenant, app->id, cli_flag(argc, argv, "--secrets"), &yaml))
		return -1;
	if (path.len && write_file(c, path, yaml))
		return -1;
	struct json *o = app_json(c, app);
	json_set_str(c->mem, o, S("data"), yaml);
	cli_print_json(c, o);
	if (!path.len)
		cli_print(c, "%.*s", STR(yaml));
	return 0;
}

static status app_publish(struct cli *c, int argc, char **argv)
{
	struct str tenant, name = cli_option(argc, argv, "--name", S(""));
	struct account *owner;
	struct app *app;
	struct workflow *w;
	if (tenant_first(c->s->accounts, c->mem, &tenant) ||
	    account_owner(c->s->accounts, c->mem, tenant, &owner) ||
	    cli_find_app(c, tenant, cli_positional(argc, argv, NULL, 0), &app))
		return -1;
	if (!app_mode_is_graph(app->mode))
		return err_set(ERR_INVALID, "an app of mode %.*s needs no publishing", STR(app->mode));
	if (workflow_publish(c->s->apps, c->mem, tenant, app->id, name, S(""), owner->id, &w))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), app->id);
	json_set_str(c->mem, o, S("workflow_id"), w->id);
	json_set_str(c->mem, o, S("version"), w->version);
	cli_print_json(c, o);
	cli_print(c, "published %.*s as %.*s\n", STR(app->name), STR(w->version));
	return 0;
}

static status app_drop(struct cli *c, int argc, char **argv)
{
	struct str tenant;
	struct app *app;
	if (tenant_first(c->s->accounts, c->mem, &tenant) ||
	    cli_find_app(c, tenant, cli_positional(argc, argv, NULL, 0), &app) ||
	    app_remove(c->s->apps, c->mem, tenant, app->id) ||
	    key_remove_app(c->s->accounts, tenant, app->id))
		return -1;
	cli_print_json(c, app_json(c, app));
	cli_print(c, "removed %.*s and its keys\n", STR(app->name));
	return 0;
}

static void print_finding(struct cli *c, const struct json *f)
{
	struct str node = json_get_str(f, S("node_id")), field = json_get_str(f, S("field"));
	cli_print(c, "%-8.*s%.*s", STR(json_get_str(f, S("severity"))), STR(json_get_str(f, S("message"))));
	if (node.len || field.len)
		cli_print(c, "  [%.*s%s%.*s]", STR(node), node.len && field.len ? " " : "", STR(field));
	cli_print(c, "\n");
}

static status app_look(struct cli *c, int argc, char **argv)
{
	struct str path = cli_positional(argc, argv, NULL, 0), yaml;
	struct json *report, *o = json_obj(c->mem);
	size_t errors = 0;
	if (cli_need(path, "the file") || cli_read_file(c, path, DSL_SIZE_MAX, &yaml) ||
	    app_lint(c->mem, yaml, &report))
		return -1;
	json_each(report, f) {
		errors += str_eq(json_get_str(f, S("severity")), S("error"));
		print_finding(c, f);
	}
	json_set_str(c->mem, o, S("file"), path);
	json_set_bool(c->mem, o, S("ok"), !errors);
	json_set(c->mem, o, S("findings"), report);
	cli_print_json(c, o);
	if (errors)
		return err_set(ERR_INVALID, "%zu of %u findings are errors", errors, report->len);
	cli_print(c, report->len ? "" : "nothing found\n");
	return 0;
}

const struct cli_command cli_app_commands[] = {
	{ "app list", "", "apps of the workspace", NULL, app_show, CLI_SERVICES },
	{ "app import", "FILE [--name NAME] [--into ID] [--publish]", "make an app from an app file",
	  "FILE is - for standard input. --into overwrites the draft of a workflow or chatflow app.\n"
	  "A workflow or chatflow can be called when it is published: with --publish, or later.",
	  app_in, CLI_SERVICES },
	{ "app lint", "FILE", "tell what of an app file will not run here, and why",
	  "FILE is - for standard input. Nothing is imported, no server or data directory is needed.\n"
	  "Ends with 1 when something is an error: runs are refused or fail there.", app_look, CLI_NOTHING },
	{ "app export", "ID [--output FILE] [--secrets]", "write an app file",
	  "Secret variables are left empty without --secrets.", app_out, CLI_SERVICES },
	{ "app publish", "ID [--name NAME]", "publish the draft of a workflow or chatflow", NULL,
	  app_publish, CLI_SERVICES },
	{ "app remove", "ID", "remove an app and its keys", NULL, app_drop, CLI_SERVICES },
};
const size_t cli_app_commands_len = countof(cli_app_commands);
