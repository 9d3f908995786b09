/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_names: variables that an app file names and that nothing gives: selectors and templates in
 * the data of nodes, held against what nodes give out.
 */
#include "app/refs.h"
#include "app/report_int.h"

enum { DEPTH_MAX = 40 };

/* --- what a node gives out --- */

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }
static const struct {
	struct str type;
	const char *const *names;
	const char *rows, *key; /* more names: data.<rows>[].<key>, or the members of data.<rows> */
} outputs[] = {
	{ S_INIT("llm"), LIST("text", "reasoning_content", "usage", "finish_reason", "structured_output", "files"), NULL, NULL },
	{ S_INIT("code"), NULL, "outputs", NULL },
	{ S_INIT("http-request"), LIST("status_code", "body", "headers", "files"), NULL, NULL },
	{ S_INIT("template-transform"), LIST("output"), NULL, NULL },
	{ S_INIT("list-operator"), LIST("result", "first_record", "last_record"), NULL, NULL },
	{ S_INIT("document-extractor"), LIST("text"), NULL, NULL },
	{ S_INIT("question-classifier"), LIST("class_name", "class_id", "usage"), NULL, NULL },
	{ S_INIT("parameter-extractor"), LIST("__is_success", "__reason", "__usage"), "parameters", "name" },
	{ S_INIT("knowledge-retrieval"), LIST("result"), NULL, NULL },
	{ S_INIT("if-else"), LIST("result", "selected_case_id"), NULL, NULL },
	{ S_INIT("iteration"), LIST("output", "item", "index"), NULL, NULL },
	{ S_INIT("loop"), LIST("loop_round"), "loop_variables", "label" },
	{ S_INIT("start"), NULL, "variables", "variable" },
};

static bool in_list(const char *const *list, struct str name)
{
	for (; list && *list; list++)
		if (str_eq(str_c(*list), name))
			return true;
	return false;
}

static bool in_rows(const struct json *rows, const char *key, struct str name)
{
	if (!key)
		return json_get(rows, name) != NULL;
	json_each(rows, row)
		if (str_eq(json_get_str(row, str_c(key)), name))
			return true;
	return false;
}

/* Groups are the outputs of an aggregator that has them. */
static bool aggregator_gives(const struct json *data, struct str name)
{
	const struct json *advanced = json_get(data, S("advanced_settings"));
	if (!json_get_bool(advanced, S("group_enabled"), false))
		return str_eq(name, S("output"));
	return in_rows(json_get(advanced, S("groups")), "group_name", name);
}

static bool gives(const struct report_node *n, struct str name)
{
	struct str strategy = json_get_str(n->data, S("error_strategy"));
	if (strategy.len && (str_eq(name, S("error_message")) || str_eq(name, S("error_type"))))
		return true;
	if (str_eq(strategy, S("default-value")) &&
	    in_rows(json_get(n->data, S("default_value")), "key", name))
		return true;
	if (str_starts(n->type, S("variable-a")))
		return aggregator_gives(n->data, name);
	if (str_eq(n->type, S("start")) && str_starts(name, S("sys.")))
		return true;
	for (size_t i = 0; i < countof(outputs); i++) {
		if (!str_eq(outputs[i].type, n->type))
			continue;
		const struct json *rows =
			outputs[i].rows ? json_get(n->data, str_c(outputs[i].rows)) : NULL;
		return in_list(outputs[i].names, name) || in_rows(rows, outputs[i].key, name);
	}
	return true; /* tools, agents, forms, triggers: whatever they say */
}

/* --- one reference --- */

struct look {
	struct report *r;
	const struct report_node *n;
	struct map seen; /* of this node: each is told once */
};

/* Here a variable that is not found fails the node; elsewhere it is null or stays as written. */
static bool must_exist(const struct report_node *n)
{
	static const struct str types[] = { S_INIT("llm"), S_INIT("if-else"), S_INIT("assigner"),
					    S_INIT("iteration"), S_INIT("loop"), S_INIT("list-operator"),
					    S_INIT("document-extractor"), S_INIT("question-classifier"),
					    S_INIT("parameter-extractor") };
	for (size_t i = 0; i < countof(types); i++)
		if (str_eq(types[i], n->type))
			return true;
	return false;
}

static void dead(struct look *l, enum severity severity, struct str ref, const char *why,
		 struct str what)
{
	struct str title = l->n->title.len ? l->n->title : l->n->id;
	report_add(l->r, severity, "dead-variable", l->n, S("data"), "node '%.*s': %.*s: %s%.*s",
		   STR(title), STR(ref), why, STR(what));
}

static bool declared(const struct report *r, const char *list, struct str name)
{
	json_each(json_get(json_get(r->file, S("workflow")), str_c(list)), v)
		if (str_eq(json_get_str(v, S("name")), name))
			return true;
	return false;
}

static bool is_system(struct str name)
{
	return in_list(LIST("query", "files", "conversation_id", "dialogue_count", "user_id",
			    "app_id", "workflow_id", "workflow_run_id", "timestamp", "document_id",
			    "original_document_id", "dataset_id", "batch", "datasource_type",
			    "datasource_info", "invoke_from"),
		       name);
}

/* Does something that runs before `n` set it? What a container sees, its nodes see. */
static bool comes_before(struct report *r, const struct report_node *from,
			 const struct report_node *n)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (from == n || report_reaches(r, from, n))
			return true;
		if (n->container == NO_NODE)
			break;
		n = &r->nodes[n->container];
	}
	return from->container != NO_NODE && &r->nodes[from->container] != from &&
	       (&r->nodes[from->container] == n ||
		report_reaches(r, &r->nodes[from->container], n));
}

static void check_reference(struct look *l, const struct str *parts, size_t n, struct str ref)
{
	struct report *r = l->r;
	enum severity worst = must_exist(l->n) ? REPORT_ERROR : REPORT_WARNING;
	if (n < 2 || map_has(&l->seen, ref) || r->references++ >= REPORT_REFERENCES_MAX)
		return;
	map_set(&l->seen, ref, l);
	if (str_eq(parts[0], S("sys"))) {
		if (!is_system(parts[1]))
			dead(l, worst, ref, "there is no system variable ", parts[1]);
		return;
	}
	if (str_eq(parts[0], S("env")) || str_eq(parts[0], S("conversation"))) {
		bool env = str_eq(parts[0], S("env"));
		if (!declared(r, env ? "environment_variables" : "conversation_variables",
			      parts[1]))
			dead(l, worst, ref,
			     env ? "there is no environment variable "
				 : "there is no conversation variable ",
			     parts[1]);
		return;
	}
	if (str_eq(parts[0], S("rag")))
		return;
	const struct report_node *from = report_find(r, parts[0]);
	if (!from)
		dead(l, worst, ref, "there is no node ", parts[0]);
	else if (json_is(from->data, JSON_OBJ) && !gives(from, parts[1]))
		dead(l, worst, ref, "that node has no output ", parts[1]);
	else if (r->paths && !comes_before(r, from, l->n))
		dead(l, REPORT_WARNING, ref, "that node does not run before this one", S(""));
}

/* --- all of a file --- */

static bool known_node(void *look, struct str id)
{
	const struct look *l = look;
	return report_find(l->r, id) != NULL;
}

static void found(void *look, const struct ref *ref)
{
	struct look *l = look;
	if (l->r->references < REPORT_REFERENCES_MAX)
		check_reference(l, ref->parts, ref->n, ref_text(l->r->mem, ref));
}

void report_names(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct look l = { r, &r->nodes[i], map_make(r->mem) };
		struct refs find = { .mem = r->mem, .type = l.n->type, .known = known_node, .found = found,
				     .ctx = &l };
		refs_each(&find, l.n->data);
	}
}
