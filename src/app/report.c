/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: looks an app file over and tells what of it will not run here, and why. Types of nodes
 * and their data are this file's; edges and names lie beside it.
 */
#include "app/report_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/cron.h"
#include "flow/flow.h"
#include "flow/graph.h"
#include "flow/node/node.h"
#include "model/model.h"

enum { TEXT_MAX = 1000 };

void report_add(struct report *r, enum severity severity, const char *code,
		const struct report_node *node, struct str field, const char *fmt, ...)
{
	static const char *const names[] = { "note", "warning", "error" };
	char text[TEXT_MAX];
	va_list ap;
	if (r->out->len >= REPORT_FINDINGS_MAX) {
		r->more++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct str message = str_c(text);
	while (!utf8_valid(message)) /* cut inside a character */
		message.len--;
	struct json *o = json_obj(r->mem);
	json_set_str(r->mem, o, S("severity"), str_c(names[severity]));
	json_set_str(r->mem, o, S("code"), str_c(code));
	json_set_str_or_null(r->mem, o, S("node_id"), node ? node->id : (struct str){ 0 });
	json_set_str_or_null(r->mem, o, S("field"), field.len ? field : (struct str){ 0 });
	json_set_str(r->mem, o, S("message"), arena_str(r->mem, message));
	json_push(r->mem, r->out, o);
}

const struct report_node *report_find(const struct report *r, struct str id)
{
	return map_get(&r->by_id, id);
}

/* --- nodes --- */

static struct str text_of(struct arena *mem, const struct json *v)
{
	if (json_is(v, JSON_INT))
		return arena_printf(mem, "%lld", (long long)v->integer);
	return json_as_str(v, S(""));
}

static void read_nodes(struct report *r, const struct json *list)
{
	r->nodes = arena_array(r->mem, struct report_node, json_len(list));
	json_each(list, from) {
		struct report_node *n = &r->nodes[r->count];
		if (str_eq(json_get_str(from, S("type")), S("custom-note")))
			continue;
		n->id = text_of(r->mem, json_get(from, S("id")));
		n->data = json_get(from, S("data"));
		n->type = json_get_str(n->data, S("type"));
		n->title = json_get_str(n->data, S("title"));
		n->container = NO_NODE;
		if (!n->id.len) {
			report_add(r, REPORT_ERROR, "no-id", NULL, S("id"), "a node has no id");
		} else if (map_has(&r->by_id, n->id)) {
			report_add(r, REPORT_ERROR, "same-id", n, S("id"),
				   "node '%.*s': the id is used twice", STR(n->id));
		} else {
			map_set(&r->by_id, n->id, n);
			r->count++;
		}
	}
}

/* Old files name no container in the nodes: then those that its start leads to are inside. */
static void read_containers(struct report *r, const struct json *list)
{
	json_each(list, from) {
		struct report_node *n =
			map_get(&r->by_id, text_of(r->mem, json_get(from, S("id"))));
		if (!n)
			continue;
		struct str id = json_get_str(n->data, S("iteration_id"));
		if (!id.len)
			id = json_get_str(n->data, S("loop_id"));
		if (!id.len && str_ends(n->type, S("-start")))
			id = json_get_str(from, S("parentId"));
		const struct report_node *c = id.len ? report_find(r, id) : NULL;
		n->container = c && c != n ? (uint32_t)(c - r->nodes) : NO_NODE;
	}
}

/* --- types and data --- */

/* Why, where there is more to say than that the engine has no such node. */
static const struct {
	struct str type;
	const char *why;
} reasons[] = {
	{ S_INIT("knowledge-retrieval"), "there are no knowledge bases in this version" },
	{ S_INIT("knowledge-index"), "there are no knowledge bases in this version" },
	{ S_INIT("datasource"), "there are no knowledge bases in this version" },
	{ S_INIT("trigger-plugin"), "triggers of plugins are not available" },
};

/* The engine's own table decides, so that the warning is gone when the node comes. */
static const char *why_not(struct str type)
{
	for (size_t i = 0; i < countof(reasons); i++)
		if (str_eq(type, reasons[i].type))
			return reasons[i].why;
	return "nodes of this type cannot run in this version";
}

static struct str where(struct report *r, const struct report_node *n)
{
	return arena_printf(r->mem, "node '%.*s'", STR(n->title.len ? n->title : n->id));
}

static void check_model(struct report *r, const struct json *owner, const struct report_node *n)
{
	const struct json *model = json_get(owner, S("model"));
	struct str p = json_get_str(model, S("provider")), name = json_get_str(model, S("name"));
	struct str at = n ? where(r, n) : S("model");
	if (p.len && !provider_resolve(p).at)
		report_add(
			r, REPORT_WARNING, "unknown-provider", n, S("model.provider"),
			"%.*s: the model provider '%.*s' is not known here; choose another model",
			STR(at), STR(p));
	else if (json_is(model, JSON_OBJ) && !name.len)
		report_add(r, REPORT_WARNING, "no-model", n, S("model.name"),
			   "%.*s: no model is chosen; the default model is asked, if there is one",
			   STR(at));
}

static void check_tool(struct report *r, const struct json *tool, const struct report_node *n)
{
	static const struct str here[] = { S_INIT("builtin"), S_INIT("api"), S_INIT("workflow"),
					   S_INIT("mcp") };
	struct str type = json_get_str(tool, S("provider_type")),
		   name = json_get_str(tool, S("tool_name"));
	for (size_t i = 0; i < countof(here); i++)
		if (str_eq(type, here[i]))
			return;
	report_add(r, REPORT_WARNING, "plugin-tool", n, S("provider_type"),
		   "%.*s%stool '%.*s': tools of plugins are not available", STR(n ? where(r, n) : S("")),
		   n ? ": " : "", STR(name));
}

/* What stands before the first colon names the field, as in "outputs.x.type: must be ...". */
static struct str field_of(struct str text)
{
	size_t colon = str_find_char(text, ':');
	if (colon == SIZE_MAX || !colon)
		return S("");
	struct str field = str_sub(text, 0, colon);
	return str_find_char(field, ' ') == SIZE_MAX ? field : S("");
}

static void check_data(struct report *r, const struct report_node *n, const struct node_type *row)
{
	struct graph_node g = {.id = n->id,
			       .type = n->type,
			       .title = n->title,
			       .data = n->data,
			       .row = row,
			       .version = text_of(r->mem, json_get(n->data, S("version")))};
	if (!row->check || row->check(r->mem, &g) == 0)
		return;
	struct str text = arena_str(r->mem, err_text());
	err_clear();
	report_add(r, REPORT_ERROR, "bad-data", n, field_of(text), "%.*s: %.*s", STR(where(r, n)),
		   STR(text));
}

/* There is no mail yet. */
static void check_human(struct report *r, const struct report_node *n)
{
	json_each(json_get(n->data, S("delivery_methods")), m)
		if (str_eq(json_get_str(m, S("type")), S("email")) && json_get_bool(m, S("enabled"), true))
			report_add(r, REPORT_WARNING, "form-mail", n, S("delivery_methods"),
				   "%.*s: forms are not sent by e-mail in this version; they are "
				   "answered on their page or in the console", STR(where(r, n)));
}

static void check_schedule(struct report *r, const struct report_node *n)
{
	struct cron cron;
	struct str timezone;
	if (cron_of_node(r->mem, n->data, &cron, &timezone) == 0)
		return;
	struct str text = arena_str(r->mem, err_text());
	err_clear();
	report_add(r, REPORT_ERROR, "bad-schedule", n, field_of(text), "%.*s: %.*s",
		   STR(where(r, n)), STR(text));
}

static void check_node(struct report *r, const struct report_node *n)
{
	if (!json_is(n->data, JSON_OBJ)) {
		report_add(r, REPORT_ERROR, "no-data", n, S("data"), "%.*s: data must be an object",
			   STR(where(r, n)));
		return;
	}
	struct str version = text_of(r->mem, json_get(n->data, S("version")));
	const struct node_type *row = node_type_find(n->type, version.len ? version : S("1"));
	if (!node_type_known(n->type))
		report_add(r, REPORT_ERROR, "unknown-type", n, S("data.type"),
			   "%.*s: '%.*s' is no node type that is known; runs are refused",
			   STR(where(r, n)), STR(n->type));
	else if (!row)
		report_add(r, REPORT_WARNING, "not-runnable", n, S("data.type"), "%.*s (%.*s): %s",
			   STR(where(r, n)), STR(n->type), why_not(n->type));
	else
		check_data(r, n, row);
	check_model(r, n->data, n);
	if (str_eq(n->type, S("tool")))
		check_tool(r, n->data, n);
	if (str_eq(n->type, S("human-input")))
		check_human(r, n);
	if (str_eq(n->type, S("trigger-schedule")))
		check_schedule(r, n);
}

static bool has_type(const struct report *r, const char *type)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq(r->nodes[i].type, str_c(type)))
			return true;
	return false;
}

/* What the graph as a whole lacks, told by the engine itself when nothing was found before. */
static void check_whole(struct report *r, const struct json *graph, struct str mode)
{
	struct flow_graph *g;
	bool errors = false;
	json_each(r->out, f) errors |= str_eq(json_get_str(f, S("severity")), S("error"));
	if (!errors && graph_compile(S(""), graph, &g)) {
		report_add(r, REPORT_ERROR, "graph", NULL, S("workflow.graph"),
			   "runs are refused: %.*s", STR(err_text()));
		err_clear();
	} else if (!errors) {
		flow_graph_unref(g);
	}
	if (str_eq(mode, S("advanced-chat")) && r->count && !has_type(r, "answer"))
		report_add(r, REPORT_NOTE, "no-answer", NULL, S("workflow.graph.nodes"),
			   "no answer node: nothing will be said");
	if (str_eq(mode, S("workflow")) && r->count && !has_type(r, "end"))
		report_add(r, REPORT_NOTE, "no-end", NULL, S("workflow.graph.nodes"),
			   "no end node: runs have no outputs");
}

static void check_environment(struct report *r, const struct json *list)
{
	json_each(list, v) {
		struct str type = json_get_str(v, S("value_type")),
			   name = json_get_str(v, S("name"));
		if (!str_eq(type, S("string")) && !str_eq(type, S("number")) &&
		    !str_eq(type, S("secret")))
			report_add(r, REPORT_ERROR, "variable-type", NULL,
				   S("workflow.environment_variables"),
				   "environment variable '%.*s' has type '%.*s': must be string, "
				   "number or secret",
				   STR(name), STR(type));
	}
}

static void check_workflow(struct report *r, struct str mode)
{
	const struct json *block = json_get(r->file, S("workflow")),
			  *graph = json_get(block, S("graph"));
	const struct json *nodes = json_get(graph, S("nodes"));
	if (!json_is(block, JSON_OBJ))
		return;
	read_nodes(r, nodes);
	read_containers(r, nodes);
	for (size_t i = 0; i < r->count; i++)
		check_node(r, &r->nodes[i]);
	report_graph(r);
	report_names(r);
	report_templates(r);
	check_environment(r, json_get(block, S("environment_variables")));
	if (json_is(graph, JSON_OBJ))
		check_whole(r, graph, mode);
}

static void check_easy(struct report *r)
{
	const struct json *config = json_get(r->file, S("model_config"));
	if (!json_is(config, JSON_OBJ))
		return;
	check_model(r, config, NULL);
	json_each(json_path(config, "agent_mode.tools"), tool)
		if (json_get(tool, S("provider_id")))
			check_tool(r, tool, NULL);
	if (json_len(json_path(config, "dataset_configs.datasets.datasets")))
		report_add(r, REPORT_WARNING, "not-runnable", NULL,
			   S("model_config.dataset_configs"),
			   "knowledge: there are no knowledge bases in this version");
}

struct json *dsl_report(struct arena *mem, const struct json *file)
{
	struct report r = {.mem = mem, .out = json_arr(mem), .file = file, .by_id = map_make(mem)};
	struct str mode = json_get_str(json_get(file, S("app")), S("mode"));
	check_workflow(&r, mode);
	check_easy(&r);
	report_tools(&r);
	if (r.more) {
		size_t more = r.more;
		r.out->len--; /* its last place says how many there are */
		report_add(&r, REPORT_WARNING, "more", NULL, S(""), "and %zu more findings",
			   more + 1);
	}
	return r.out;
}

struct json *dsl_warnings(struct arena *mem, const struct json *report)
{
	struct json *out = json_arr(mem);
	json_each(report, f)
		if (!str_eq(json_get_str(f, S("severity")), S("note")))
			json_push(mem, out, json_get(f, S("message")));
	return out;
}

/* --- the file itself --- */

static void check_version(struct report *r, struct str version, enum dsl_verdict verdict)
{
	if (verdict == DSL_ASK)
		report_add(r, REPORT_WARNING, "version", NULL, S("version"),
			   "the file has version %.*s; this server knows up to %s and asks before "
			   "it imports it",
			   STR(version), DSL_VERSION_NEWEST);
	else if (verdict == DSL_WARN)
		report_add(r, REPORT_NOTE, "version", NULL, S("version"),
			   "the file has the old version %.*s; it is imported with a warning",
			   STR(version));
}

status app_lint(struct arena *mem, struct str yaml, struct json **report)
{
	struct report r = { .mem = mem, .out = json_arr(mem) };
	struct dsl_file f;
	if (dsl_read(mem, yaml, &f)) {
		if (err_code() != ERR_INVALID && err_code() != ERR_TOO_LARGE)
			return -1;
		report_add(&r, REPORT_ERROR, "file", NULL, S(""),
			   "the file cannot be imported: %.*s", STR(err_text()));
		err_clear();
		*report = r.out;
		return 0;
	}
	check_version(&r, f.version, f.verdict);
	json_each(dsl_report(mem, f.file), finding) json_push(mem, r.out, finding);
	*report = r.out;
	return 0;
}
