/* SPDX-License-Identifier: Apache-2.0 */
/* cli_proxy: explains what the guard says about a request, with everything that users are not told. */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "net/guard.h"
#include "net/url.h"
#include "role/outgoing.h"

/* "http://host/x", "https://host/x", or "host:port" as CONNECT has it. */
static status read_place(struct cli *c, struct str text, struct target *t, bool *tls,
			 struct guard_decision *d)
{
	struct url u;
	struct str host;
	enum target_fault fault;
	*tls = true;
	if (!str_has(text, S("://"))) {
		fault = target_authority(text, 443, t);
		return fault ? guard_refuse_target(fault, text, d) : 0;
	}
	if (url_parse(text, &u))
		return guard_refuse_target(TARGET_BAD, text, d);
	*tls = u.tls;
	host = str_find_char(u.host, ':') != SIZE_MAX ? arena_printf(c->mem, "[%.*s]", STR(u.host)) :
							u.host;
	fault = u.user.len ? TARGET_BAD : target_host(host, u.port, t);
	return fault ? guard_refuse_target(fault, text, d) : 0;
}

static void show(struct cli *c, const struct target *t, const struct guard_decision *d)
{
	char text[NET_ADDR_TEXT];
	struct json *o = json_obj(c->mem);
	bool ok = d->code == GUARD_OK;
	json_set_bool(c->mem, o, S("allowed"), ok);
	json_set_str(c->mem, o, S("code"), str_c(guard_code_name(d->code)));
	json_set_str(c->mem, o, S("host"), arena_str(c->mem, target_name(t)));
	json_set_int(c->mem, o, S("port"), t->port);
	json_set_str(c->mem, o, S("rule"), str_c(d->rule));
	json_set_str(c->mem, o, S("would_allow"), str_c(d->remedy));
	struct json *list = json_set(c->mem, o, S("addresses"), json_arr(c->mem));
	for (size_t i = 0; i < d->count; i++)
		json_push_str(c->mem, list, arena_str(c->mem, str_c(net_addr_text(&d->at[i], text))));
	if (d->refused.any.sa_family)
		json_set_str(c->mem, o, S("refused_address"),
			     arena_str(c->mem, str_c(net_addr_text(&d->refused, text))));
	json_set_float(c->mem, o, S("dns_ms"), (double)d->dns_us / 1000);
	cli_print_json(c, o);
	cli_print(c, "%-10s %s (%s)\n", "verdict", ok ? "allowed" : "refused", guard_code_name(d->code));
	if (t->name_len)
		cli_print(c, "%-10s %s, port %u\n", "target", t->name, (unsigned)t->port);
	if (d->rule[0])
		cli_print(c, "%-10s %s\n", "rule", d->rule);
	for (size_t i = 0; i < d->count; i++)
		cli_print(c, "%-10s %s\n", i ? "" : "addresses", net_addr_text(&d->at[i], text));
	if (d->remedy[0])
		cli_print(c, "%-10s %s\n", "allowed by", d->remedy);
	if (!t->literal && d->dns_us)
		cli_print(c, "%-10s %.1f ms\n", "look-up", (double)d->dns_us / 1000);
}

static status judge(struct cli *c, struct str text, enum outgoing_caller who)
{
	struct guard_options o;
	struct guard_cache *cache;
	struct target *t = arena_new(c->mem, struct target);
	struct guard_decision *d = arena_new(c->mem, struct guard_decision);
	bool tls;
	if (outgoing_guard(c->mem, c->config, who, &o) || outgoing_cache(c->config, &cache))
		return -1;
	arena_defer(c->mem, (void (*)(void *))guard_cache_close, cache);
	o.cache = cache;
	AUTO(guard) g = { NULL };
	if (guard_open(&o, &g.p))
		return -1;
	status s = read_place(c, text, t, &tls, d);
	if (!s)
		s = guard_decide(g.p, t, tls, d);
	if (s && d->code == GUARD_OK) /* neither judged nor refused: cancelled */
		return -1;
	show(c, t, d);
	return s;
}

static status proxy_test(struct cli *c, int argc, char **argv)
{
	static const char *const flags[] = { "--sandbox", NULL };
	struct str url = cli_positional(argc, argv, flags, 0);
	if (!url.len)
		return err_set(ERR_BAD_REQUEST, "which URL?");
	return judge(c, url, cli_flag(argc, argv, "--sandbox") ? OUTGOING_SANDBOX : OUTGOING_ANY);
}

const struct cli_command cli_proxy_commands[] = {
	{ "ssrf-proxy test", "URL|HOST:PORT [--sandbox]", "say whether a request may go out, and why",
	  "Resolves the name and judges every address by the settings of this machine, as the\n"
	  "ssrf-proxy role and the other roles do, and connects to nothing. Shows what callers are\n"
	  "not told: the addresses, the rule that matched, and the setting that would allow it.\n"
	  "--sandbox takes the lists of programs in the sandbox. Exit code 1 when refused.",
	  proxy_test, CLI_SETTINGS },
};
const size_t cli_proxy_commands_len = countof(cli_proxy_commands);
