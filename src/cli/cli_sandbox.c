/* SPDX-License-Identifier: Apache-2.0 */
/* cli_sandbox: which jail this machine gives, and what is missing for a better one. */
#include "cli/cli_sandbox.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "sandbox/probe.h"
#include "sandbox/root.h"
#include "sandbox/sandbox.h"

/* With files of its own: a sandbox may be at work in the same data directory. */
static bool node_forks(struct cli *c, const struct launcher_settings *s, const char *place)
{
	struct root_plan plan;
	const char *helpers = arena_printf(c->mem, "%s/probe", place).at;
	(void)mkdir(helpers, 0755);
	return !root_write_helpers(helpers) && !root_plan_make(c->mem, s, helpers, &plan) && plan.node_forks;
}

status cli_sandbox_probe(struct cli *c, struct probe *p)
{
	struct sandbox_options *o = arena_new(c->mem, struct sandbox_options);
	if (sandbox_settings(c->mem, c->config, o))
		return -1;
	const char *place = arena_printf(c->mem, "%.*s/sandbox", STR(c->data_dir)).at;
	(void)mkdir(place, 0755);
	probe_run(p, place, o->launcher.uid_base);
	p->have[PROBE_FORK] = node_forks(c, &o->launcher, place);
	if (access(o->launcher.python_path, X_OK) < 0)
		return err_set(ERR_UNAVAILABLE, "%s is not there: install python3 or set PYTHON_PATH", o->launcher.python_path);
	return probe_choose(p, o->launcher.isolation, o->launcher.require);
}

static status run_probe(struct cli *c, int argc, char **argv)
{
	struct probe p = { .tier = 0 };
	struct buf b = buf_make(c->mem, 4096);
	(void)argc;
	(void)argv;
	status r = cli_sandbox_probe(c, &p);
	if (!c->json) {
		probe_print(&p, stdout);
		return r;
	}
	probe_line(&p, &b);
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("tier"), str_c(tier_name(p.tier)));
	json_set_str(c->mem, o, S("layers"), buf_str(&b));
	json_set_str(c->mem, o, S("problem"), r ? arena_str(c->mem, err_text()) : S(""));
	cli_print_json(c, o);
	return r;
}

const struct cli_command cli_sandbox_commands[] = {
	{ "sandbox --probe", "", "show which layers of the jail this machine gives, and what is missing",
	  "Tries each layer in a process that is thrown away, prints a table, and which of the tiers namespace,\n"
	  "container and minimal is used. Fails when none is possible: then no programs run here.",
	  run_probe, CLI_SETTINGS },
};
const size_t cli_sandbox_commands_len = countof(cli_sandbox_commands);
