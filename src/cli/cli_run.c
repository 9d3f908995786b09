/* SPDX-License-Identifier: Apache-2.0 */
/* cli_run: what ran, running it again with recorded answers, and where two runs part. */
#include "cli/cli_int.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "flow/diff.h"
#include "flow/flow.h"
#include "rt/rt.h"

enum { LIST_DEFAULT = 20, LIST_MAX = 500, VALUE_SHOWN = 60 };

static struct json *run_json(struct cli *c, const struct flow_record *r)
{
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), r->info.run_id);
	json_set_str(c->mem, o, S("app_id"), r->info.app_id);
	json_set_str(c->mem, o, S("mode"), r->info.app_mode);
	json_set_str(c->mem, o, S("status"), r->status);
	json_set_str_or_null(c->mem, o, S("error"), r->error.len ? r->error : (struct str){ 0 });
	json_set_float(c->mem, o, S("elapsed_time"), r->elapsed);
	json_set_int(c->mem, o, S("total_steps"), r->total_steps);
	json_set_int(c->mem, o, S("total_tokens"), r->total_tokens);
	json_set_int(c->mem, o, S("created_at"), r->created_ms / 1000);
	return o;
}

static struct json *parsed(struct cli *c, struct str text)
{
	struct json *v;
	if (text.len && json_parse(c->mem, text, &v) == 0)
		return v;
	err_clear();
	return json_null(c->mem);
}

/* --- list --- */

static status run_list(struct cli *c, int argc, char **argv)
{
	struct str tenant, name = cli_option(argc, argv, "--app", S(""));
	struct str state = cli_option(argc, argv, "--status", S(""));
	struct flow_list q = { .page = 1, .status = state };
	struct flow_record *list;
	struct app *app;
	size_t n;
	int64_t total;
	if (cli_need(name, "--app ID") ||
	    str_to_i64(cli_option(argc, argv, "--limit", S("20")), &q.limit) || q.limit < 1 ||
	    q.limit > LIST_MAX)
		return err_set(ERR_BAD_REQUEST, "--app ID is needed; --limit is 1 to %d", LIST_MAX);
	if (tenant_first(c->s->accounts, c->mem, &tenant) || cli_find_app(c, tenant, name, &app))
		return -1;
	q.app_id = app->id;
	if (flow_run_list(c->s->flow, c->mem, tenant, &q, &list, &n, &total))
		return -1;
	struct json *rows = json_arr(c->mem);
	for (size_t i = 0; i < n; i++) {
		json_push(c->mem, rows, run_json(c, &list[i]));
		cli_print(c, "%.*s  %-18.*s %8.3f s %5lld steps  %.*s\n", STR(list[i].info.run_id),
			  STR(list[i].status), list[i].elapsed, (long long)list[i].total_steps,
			  STR(clock_iso(c->mem, list[i].created_ms)));
	}
	cli_print_json(c, rows);
	return 0;
}

/* --- show --- */

static status find_run(struct cli *c, struct str tenant, struct str id, struct flow_record **out)
{
	if (flow_run_get(c->s->flow, c->mem, tenant, S(""), id, out) == 0)
		return 0;
	return err_code() == ERR_NOT_FOUND
		       ? err_set(ERR_NOT_FOUND, "no run %.*s: `tatara run list --app ID` shows them", STR(id))
		       : -1;
}

static status run_show(struct cli *c, int argc, char **argv)
{
	struct str tenant, id = cli_positional(argc, argv, NULL, 0);
	struct flow_record *r;
	struct json *nodes;
	if (cli_need(id, "the run's id") || tenant_first(c->s->accounts, c->mem, &tenant) ||
	    find_run(c, tenant, id, &r) || flow_run_nodes(c->s->flow, c->mem, tenant, id, &nodes))
		return -1;
	struct json *o = run_json(c, r);
	json_set(c->mem, o, S("inputs"), parsed(c, r->inputs));
	json_set(c->mem, o, S("outputs"), parsed(c, r->outputs));
	json_set(c->mem, o, S("nodes"), nodes);
	cli_print_json(c, o);
	cli_print(c, "%.*s in %.3f s%s%.*s\n", STR(r->status), r->elapsed, r->error.len ? ": " : "",
		  STR(r->error));
	json_each(nodes, n)
	{
		struct str error = json_get_str(n, S("error"));
		cli_print(c, "  %-20.*s %-22.*s %-10.*s %.*s\n", STR(json_get_str(n, S("node_id"))),
			  STR(json_get_str(n, S("node_type"))), STR(json_get_str(n, S("status"))), STR(error));
	}
	cli_print(c, "outputs: %.*s\n", STR(r->outputs));
	return 0;
}

/* --- diff --- */

static struct str shown(struct cli *c, const struct json *v)
{
	struct str t = v ? json_text(c->mem, v, JSON_COMPACT) : S("nothing");
	if (t.len <= VALUE_SHOWN)
		return t;
	return arena_printf(c->mem, "%.*s...", STR(str_sub(t, 0, utf8_prefix(t, VALUE_SHOWN))));
}

static void print_diff(struct cli *c, const struct json *d)
{
	json_each(json_get(d, S("nodes")), n)
	{
		struct str only = json_get_str(n, S("only_in"));
		const struct json *round = json_get(n, S("round"));
		struct str at = json_is(round, JSON_INT)
					? arena_printf(c->mem, " (round %lld)", (long long)round->integer + 1)
					: S("");
		cli_print(c, "%.*s %.*s%.*s%s%.*s\n", STR(json_get_str(n, S("node_type"))),
			  STR(json_get_str(n, S("node_id"))), STR(at), only.len ? ": only in " : "", STR(only));
		json_each(json_get(n, S("places")), p)
			cli_print(c, "  %.*s\n    a  %.*s\n    b  %.*s\n", STR(json_get_str(p, S("path"))),
				  STR(shown(c, json_get(p, S("a")))), STR(shown(c, json_get(p, S("b")))));
		if (json_get_bool(n, S("more"), false))
			cli_print(c, "  ... and more\n");
	}
	if (json_get_bool(d, S("same"), false))
		cli_print(c, "the runs are the same\n");
}

static status diff_of(struct cli *c, struct str tenant, struct str a, struct str b, struct json **out)
{
	struct flow_record *one, *two;
	struct json *nodes_a, *nodes_b;
	if (find_run(c, tenant, a, &one) || find_run(c, tenant, b, &two) ||
	    flow_run_nodes(c->s->flow, c->mem, tenant, a, &nodes_a) ||
	    flow_run_nodes(c->s->flow, c->mem, tenant, b, &nodes_b))
		return -1;
	*out = diff_runs(c->mem, nodes_a, nodes_b);
	return 0;
}

static status run_diff(struct cli *c, int argc, char **argv)
{
	struct str tenant, a = cli_positional(argc, argv, NULL, 0), b = cli_positional(argc, argv, NULL, 1);
	struct json *d;
	if (cli_need(a, "two runs") || cli_need(b, "the second run") ||
	    tenant_first(c->s->accounts, c->mem, &tenant) || diff_of(c, tenant, a, b, &d))
		return -1;
	cli_print_json(c, d);
	print_diff(c, d);
	return 0;
}

/* --- replay --- */

static const char *const replay_flags[] = { "--live", NULL };

static status run_again(struct cli *c, int argc, char **argv)
{
	struct str tenant, again;
	struct flow_result *result;
	struct json *d;
	struct flow_replay plan = {
		.run_id = cli_positional(argc, argv, replay_flags, 0),
		.from = cli_option(argc, argv, "--from", S("")),
		.model = cli_option(argc, argv, "--with-model", S("")),
		.provider = cli_option(argc, argv, "--with-provider", S("")),
		.live = cli_flag(argc, argv, "--live"),
	};
	if (cli_need(plan.run_id, "the run's id") || tenant_first(c->s->accounts, c->mem, &tenant) ||
	    fiber_background("flow service", flow_service, c->s->flow))
		return -1;
	struct flow_info who = { .tenant_id = tenant, .from = S("debugging"), .created_by = S("command") };
	if (flow_run_replay(c->s->flow, c->mem, &who, &plan, &again))
		return err_code() == ERR_NOT_FOUND ? err_wrap("`tatara run list --app ID` shows the runs") : -1;
	if (flow_run_wait(c->s->flow, c->mem, again, &result, DEADLINE_NONE) ||
	    diff_of(c, tenant, plan.run_id, again, &d))
		return -1;
	struct json *o = json_obj(c->mem);
	json_set_str(c->mem, o, S("id"), again);
	json_set_str(c->mem, o, S("status"), result->status);
	json_set_str_or_null(c->mem, o, S("error"), result->error.len ? result->error : (struct str){ 0 });
	json_set(c->mem, o, S("outputs"), result->outputs);
	json_set(c->mem, o, S("diff"), d);
	cli_print_json(c, o);
	cli_print(c, "run %.*s: %.*s%s%.*s\n", STR(again), STR(result->status), result->error.len ? ": " : "",
		  STR(result->error));
	print_diff(c, d);
	return 0;
}

const struct cli_command cli_run_commands[] = {
	{ "run list", "--app ID [--status S] [--limit N]", "the newest runs of an app", NULL, run_list,
	  CLI_SERVICES },
	{ "run show", "RUN", "a run's steps and outputs", NULL, run_show, CLI_SERVICES },
	{ "run replay", "RUN [--from NODE] [--with-model NAME] [--with-provider P] [--live]",
	  "run again with the recorded answers of models, tools and HTTP",
	  "Nothing outside is asked and no conversation is changed, except:\n"
	  "  --from NODE        that node and what comes after it ask anew\n"
	  "  --with-model NAME  nodes that ask a model ask this one (--with-provider: of that provider)\n"
	  "  --live             what has no recorded answer is asked; else that node fails\n"
	  "Prints where the new run parts from the old one.", run_again, CLI_SERVICES },
	{ "run diff", "A B", "where two runs part", "Ids, times and latencies do not count.", run_diff,
	  CLI_SERVICES },
};
const size_t cli_run_commands_len = countof(cli_run_commands);
