/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of app files: one short file for each finding, and all files that are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report_int.h"

#define HEAD "version: 0.5.0\napp: {name: x, mode: workflow}\nworkflow:\n  environment_variables: [{name: e, value_type: string, value: x}]\n  conversation_variables: [{name: c, value_type: string, value: x}]\n  graph:\n    nodes:\n"
#define N(id, data) "    - {id: " id ", data: {" data "}}\n"
#define START N("s", "type: start, variables: [{variable: v, type: text-input}]")
#define END N("e", "type: end, outputs: []")
#define TELL(text) N("a", "type: answer, answer: \"" text "\"")
#define CODE(more) N("c", "type: code, code_language: python3, code: '{{#no.no#}}', outputs: {r: {type: string}}" more)
#define EDGES "    edges:\n"
#define E(from, to) "    - {source: " from ", target: " to "}\n"
#define EH(from, handle, to) "    - {source: " from ", sourceHandle: " handle ", target: " to "}\n"

static const struct {
	const char *what, *yaml;
	const char *want; /* "severity code node" each, separated by "; " */
} files[] = {
	{ "good", HEAD START CODE("") END EDGES E("s", "c") E("c", "e"), "" },
	{ "no YAML", "a: [", "error file -" },
	{ "a list", "- 1", "error file -" },
	{ "no app", "version: 0.5.0", "error file -" },
	{ "version is a number", "version: 0.5\napp: {mode: workflow}", "error file -" },
	{ "no mode", "app: {name: x}", "error file -" },
	{ "odd mode", "app: {mode: channel}", "error file -" },
	{ "no workflow", "app: {mode: workflow}", "error file -" },
	{ "no config", "app: {mode: chat}", "error file -" },
	{ "newer", "version: 9.0.0\napp: {mode: chat}\nmodel_config: {a: 1}", "warning version -" },
	{ "older", "version: 0.1.0\napp: {mode: chat}\nmodel_config: {a: 1}", "note version -" },
	{ "no version", "app: {mode: chat}\nmodel_config: {a: 1}", "note version -" },
	{ "unknown type", HEAD START N("w", "type: warp, title: W") EDGES E("s", "w"), "error unknown-type w; note no-end -" },
	{ "plugin trigger", HEAD N("t", "type: trigger-plugin") END EDGES E("t", "e"), "warning not-runnable t" },
	{ "data source", HEAD N("t", "type: datasource") END EDGES E("t", "e"), "warning not-runnable t" },
	{ "bad data", HEAD START N("w", "type: code, code: x, outputs: {}") END EDGES E("s", "w") E("w", "e"), "error bad-data w" },
	{ "no data", HEAD START "    - {id: w}\n" END EDGES E("s", "w") E("w", "e"), "error no-data w" },
	{ "no id", HEAD START "    - {data: {type: end}}\n" END EDGES E("s", "e"), "error no-id -" },
	{ "same id", HEAD START END END EDGES E("s", "e"), "error same-id e" },
	{ "edge to nowhere", HEAD START END EDGES E("s", "e") E("s", "x"), "error edge-to-nowhere s" },
	{ "edge from nowhere", HEAD START END EDGES E("s", "e") E("x", "e"), "error edge-to-nowhere -" },
	{ "half an edge", HEAD START END EDGES E("s", "e") "    - {source: s}\n", "note edge-ignored -" },
	{ "handle of no case", HEAD START N("i", "type: if-else, cases: [{case_id: x, conditions: []}]") END EDGES E("s", "i") EH("i", "x", "e") EH("i", "y", "e"), "warning dead-handle i" },
	{ "old conditions", HEAD START N("i", "type: if-else, conditions: []") END EDGES E("s", "i") EH("i", "'true'", "e") EH("i", "'false'", "e"), "" },
	{ "success-branch", HEAD START CODE(", error_strategy: fail-branch") END EDGES E("s", "c") EH("c", "success-branch", "e"), "warning dead-handle c; note never-runs e" },
	{ "fail branch", HEAD START CODE(", error_strategy: fail-branch") END EDGES E("s", "c") EH("c", "source", "e") EH("c", "fail-branch", "e"), "" },
	{ "cycle", HEAD START CODE("") END EDGES E("s", "c") E("c", "c") E("c", "e"), "warning cycle c" },
	{ "never runs", HEAD START CODE("") END EDGES E("s", "e"), "note never-runs c" },
	{ "no root", HEAD CODE("") END EDGES E("c", "e"), "error graph -" },
	{ "empty graph", HEAD "    - {id: n, type: custom-note, data: {type: ''}}\n", "error graph -" },
	{ "start and trigger", HEAD START N("t", "type: trigger-webhook") END EDGES E("s", "e") E("t", "e"), "error graph -" },
	{ "schedule", HEAD N("t", "type: trigger-schedule, mode: cron, cron_expression: '61 * * * *'") END EDGES E("t", "e"), "error bad-schedule t" },
	{ "good schedule", HEAD N("t", "type: trigger-schedule, mode: cron, cron_expression: '@daily'") END EDGES E("t", "e"), "" },
	{ "form in a loop", HEAD START N("l", "type: loop, start_node_id: ls, loop_count: 2, break_conditions: []") N("ls", "type: loop-start, loop_id: l") N("h", "type: human-input, loop_id: l") END EDGES E("s", "l") E("ls", "h") E("l", "e"), "" },
	{ "form by mail", HEAD START N("h", "type: human-input, delivery_methods: [{type: email, enabled: true}]") END EDGES E("s", "h") E("h", "e"), "warning form-mail h" },
	{ "container without start", HEAD START N("it", "type: iteration, iterator_selector: [s, v], output_selector: [c, r]") CODE(", iteration_id: it") END EDGES E("s", "it") E("it", "e"), "error no-inner-start it; note never-runs c" },
	{ "provider", HEAD START N("l", "type: llm, prompt_template: [], context: {enabled: false}, model: {provider: no/such/vendor, name: m, mode: chat, completion_params: {}}") END EDGES E("s", "l") E("l", "e"), "warning unknown-provider l" },
	{ "no model", "app: {mode: chat}\nversion: 0.5.0\nmodel_config: {model: {provider: openai, name: ''}}", "warning no-model -" },
	{ "plugin tool", HEAD START N("t", "type: tool, tool_name: n, provider_id: p/q/r, provider_type: plugin, tool_parameters: {}") END EDGES E("s", "t") E("t", "e"), "warning plugin-tool t" },
	{ "built-in tool", HEAD START N("t", "type: tool, tool_name: current_time, provider_id: time, provider_type: builtin, tool_parameters: {}") END EDGES E("s", "t") E("t", "e"), "" },
	{ "no such built-in tool", HEAD START N("t", "type: tool, tool_name: moon_phase, provider_id: time, provider_type: builtin, tool_parameters: {}") END EDGES E("s", "t") E("t", "e"), "warning no-tool t" },
	{ "tools of an agent", HEAD START N("t", "type: agent, agent_strategy_name: function_calling, agent_parameters: {tools: {type: constant, value: [{type: builtin, provider_name: time, tool_name: weekday}, {type: builtin, provider_name: time, tool_name: nope}, {type: builtin, provider_name: time, tool_name: off, enabled: false}]}}") END EDGES E("s", "t") E("t", "e"), "warning no-tool t" },
	{ "no such tool of an agent app", "app: {mode: agent-chat}\nversion: 0.5.0\nmodel_config: {agent_mode: {tools: [{provider_id: maths, provider_type: builtin, tool_name: nope}]}}", "warning no-tool -" },
	{ "agent app", "app: {mode: agent-chat}\nversion: 0.5.0\nmodel_config: {agent_mode: {tools: [{provider_id: x, provider_type: plugin, tool_name: y}]}, dataset_configs: {datasets: {datasets: [1]}}}", "warning plugin-tool -; warning not-runnable -" },
	{ "environment", "version: 0.5.0\napp: {mode: workflow}\nworkflow:\n  environment_variables: [{name: x, value_type: array}]\n  graph: {nodes: [{id: s, data: {type: start}}, {id: e, data: {type: end}}], edges: [{source: s, target: e}]}", "error variable-type -" },
	{ "template", HEAD START N("t", "type: template-transform, variables: [], template: '{% if x %}'") END EDGES E("s", "t") E("t", "e"), "warning bad-template t" },
	{ "good template", HEAD START N("t", "type: template-transform, variables: [], template: '{{ x.__class__ }}{% include y %}'") END EDGES E("s", "t") E("t", "e"), "" },
	{ "prompt", HEAD START N("l", "type: llm, prompt_template: [{edition_type: jinja2, jinja2_text: '{{ a b }}', text: ''}, {edition_type: basic, text: '{{ a b }}'}], context: {enabled: false}, model: {provider: openai, name: m, mode: chat, completion_params: {}}") END EDGES E("s", "l") E("l", "e"), "warning bad-template l" },
	/* names */
	{ "names", HEAD START CODE("") TELL("{{#s.v#}} {{#c.r#}} {{#sys.query#}} {{#env.e#}} {{#conversation.c#}} {{#sys.nope#}} {{#env.x#}} {{#conversation.x#}} {{#gone.x#}} {{#c.x#}} {{#c.x#}} {{#c.error_type#}}") EDGES E("s", "c") E("c", "a"),
	  "warning dead-variable a; warning dead-variable a; warning dead-variable a; warning dead-variable a; warning dead-variable a; warning dead-variable a; note no-end -" },
	{ "not before", HEAD START TELL("{{#c.r#}}") CODE("") EDGES E("s", "a") E("a", "c"), "warning dead-variable a; note no-end -" },
	{ "must exist", HEAD START N("i", "type: if-else, cases: [{case_id: x, conditions: [{variable_selector: [gone, x], comparison_operator: empty}]}]") END EDGES E("s", "i") EH("i", "x", "e"), "error dead-variable i" },
	{ "switched off", HEAD START N("o", "type: list-operator, variable: [s, v], filter_by: {enabled: false, conditions: [{value: '{{#gone.x#}}'}]}") END EDGES E("s", "o") E("o", "e"), "" },
	{ "selectors", HEAD START N("e", "type: end, outputs: [{variable: x, value_selector: [s, v]}, {variable: y, value_selector: [s, sys.query]}, {variable: z, value_selector: [gone, z]}]") EDGES E("s", "e"), "warning dead-variable e" },
	{ "defaults and errors", HEAD START CODE(", error_strategy: default-value, default_value: [{key: d, type: string, value: x}]") TELL("{{#c.d#}}{{#c.error_message#}}") EDGES E("s", "c") E("c", "a"), "note no-end -" },
	{ "inside", HEAD START N("it", "type: iteration, start_node_id: st, iterator_selector: [s, v], output_selector: [c, r]") "    - {id: st, parentId: it, data: {type: iteration-start}}\n" CODE(", iteration_id: it") N("a", "type: answer, iteration_id: it, answer: '{{#it.item#}} {{#it.index#}} {{#s.v#}} {{#it.nope#}}'") END EDGES E("s", "it") E("it", "e") E("st", "c") E("c", "a"), "warning dead-variable a" },
	{ "groups", HEAD START N("g", "type: variable-aggregator, variables: [], advanced_settings: {group_enabled: true, groups: [{group_name: one, variables: [[s, v], [gone, x]]}]}") TELL("{{#g.one#}}{{#g.output#}}") EDGES E("s", "g") E("g", "a"), "warning dead-variable a; note no-end -" },
};

static struct str summary(struct arena *mem, const struct json *report)
{
	struct buf b = buf_make(mem, 0);
	json_each(report, f) {
		struct str node = json_get_str(f, S("node_id"));
		assert_true(json_get_str(f, S("message")).len > 10);
		buf_printf(&b, "%s%.*s %.*s %.*s", b.len ? "; " : "", STR(json_get_str(f, S("severity"))),
			   STR(json_get_str(f, S("code"))), STR(node.len ? node : S("-")));
	}
	return buf_str(&b);
}

static void findings(void **unused)
{
	int bad = 0;
	(void)unused;
	for (size_t i = 0; i < countof(files); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *report;
		assert_int_equal(app_lint(mem.p, str_c(files[i].yaml), &report), 0);
		struct str got = summary(mem.p, report);
		if (str_eq(got, str_c(files[i].want)))
			continue;
		bad++;
		print_error("%s\n  want: %s\n  got:  %.*s\n", files[i].what, files[i].want, STR(got));
		json_each(report, f) print_error("    %.*s\n", STR(json_get_str(f, S("message"))));
	}
	assert_int_equal(bad, 0);
}

/* A hostile file is answered with a short report, soon. */
static status large_fiber(void *unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 0);
	struct json *report;
	(void)unused;
	buf_puts(&b, HEAD START);
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "    - {id: n%d, data: {type: answer, answer: '{{#x%d.y#}} {{#n%d.y#}}'}}\n", i, i, i - 1);
	buf_puts(&b, EDGES);
	for (int i = 0; i < 6000; i++)
		buf_printf(&b, "    - {source: n%d, target: n%d}\n", i % 3000, (i * 7) % 3100);
	assert_int_equal(app_lint(mem.p, buf_str(&b), &report), 0);
	assert_int_equal(json_len(report), REPORT_FINDINGS_MAX);
	const struct json *last = json_at(report, REPORT_FINDINGS_MAX - 1);
	print_message("%.*s\n", STR(json_get_str(last, S("message"))));
	assert_true(str_eq(json_get_str(last, S("code")), S("more")));
	assert_true(str_starts(json_get_str(last, S("message")), S("and ")));
	return 0;
}

static void large_files(void **unused)
{
	(void)unused;
	assert_int_equal(rt_run(NULL, large_fiber, NULL), 0);
}

/* --- real files: nothing is told that is not so --- */

static struct str read_file(struct arena *mem, const char *path)
{
	FILE *f = fopen(path, "rb");
	static char chunk[4096];
	struct buf b = buf_make(mem, 0);
	for (size_t n; f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
		buf_put(&b, str_of(chunk, n));
	if (f)
		fclose(f);
	return buf_str(&b);
}

static int check_folder(const char *folder)
{
	const char *shared = getenv("TATARA_SHARED");
	static char path[512];
	int seen = 0;
	snprintf(path, sizeof(path), "%s/%s", shared ? shared : SHARED_DEFAULT, folder);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *report;
		if (!strstr(e->d_name, ".yml"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", shared ? shared : SHARED_DEFAULT, folder, e->d_name);
		assert_int_equal(app_lint(mem.p, read_file(mem.p, path), &report), 0);
		seen++;
		json_each(report, f) {
			struct str code = json_get_str(f, S("code"));
			bool fine = str_eq(code, S("version")) || str_eq(code, S("not-runnable")) ||
				    (str_eq(code, S("no-model")) && strstr(e->d_name, "basic_chatflow")) ||
				    /* recorded with an edge that no action has */
				    ((str_eq(code, S("dead-handle")) || str_eq(code, S("never-runs"))) &&
				     strstr(e->d_name, "human_input"));
			if (!fine)
				fail_msg("%s: %.*s", e->d_name, STR(json_get_str(f, S("message"))));
		}
	}
	if (d)
		closedir(d);
	return seen;
}

static void real_files(void **unused)
{
	(void)unused;
	int seen = check_folder("corpus") + check_folder("golden/apps");
	print_message("%d files\n", seen);
	assert_true(seen > 50 || !getenv("TATARA_SHARED"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(findings), cmocka_unit_test(large_files), cmocka_unit_test(real_files) };
	return cmocka_run_group_tests_name("app report", tests, NULL, NULL);
}
