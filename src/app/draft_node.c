/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft_node: what a single run starts with. The node's data says which variables it reads; each
 * comes from the request, else from what an earlier run of the draft has left, else from the
 * workflow itself.
 */
#include "app/app_int.h"
#include "app/draft.h"
#include "app/refs.h"
#include "base/map.h"
#include "base/vec.h"
#include "flow/pool.h"

/* --- what a node reads --- */

struct wants {
	struct arena *mem;
	struct map all, inside;  /* node ids of the workflow, of the small graph */
	struct map seen;         /* node and selector: each is asked for once */
	const struct json *node; /* that is looked at */
	VEC(struct draft_want) list;
};

static bool known(void *wants, struct str id)
{
	const struct wants *w = wants;
	return map_has(&w->all, id);
}

/* What the object around the selector is called: a row of `variables`, a parameter of a tool. */
static struct str label_of(const struct ref_place *at)
{
	static const struct str names[] = {S_INIT("variable"), S_INIT("label"), S_INIT("name"),
					   S_INIT("key")};
	const struct ref_place *up = at->up;
	for (size_t i = 0; up && i < countof(names); i++) {
		const struct json *v = json_get(up->value, names[i]);
		if (json_is(v, JSON_STR) && v->len)
			return json_as_str(v, S(""));
	}
	return up && up->key.len ? up->key : at->key;
}

/* Nodes that make do with what is there. An assigner makes the variable that it writes. */
static bool can_miss(struct str type)
{
	return str_eq(type, S("variable-aggregator")) || str_eq(type, S("variable-assigner")) ||
	       str_eq(type, S("assigner")) || str_eq(type, S("answer"));
}

static void found(void *ctx, const struct ref *ref)
{
	struct wants *w = ctx;
	struct str owner = json_get_str(w->node, S("id")), text = ref_text(w->mem, ref);
	struct str once = arena_printf(w->mem, "%.*s %.*s", STR(owner), STR(text));
	const struct json *data = json_get(w->node, S("data"));
	/* A container gives its own variables and those of its nodes. */
	if (map_has(&w->inside, ref->parts[0]) || map_has(&w->seen, once))
		return;
	map_set(&w->seen, once, w);
	struct str *parts = arena_array(w->mem, struct str, ref->n);
	for (size_t i = 0; i < ref->n; i++)
		parts[i] = ref->parts[i];
	struct draft_want want = {
		.node_id = owner,
		.title = json_get_str(data, S("title")),
		.parts = parts,
		.n = ref->n,
		.field = ref_field(w->mem, ref->place),
		.key = arena_printf(w->mem, "#%.*s#", STR(text)),
		.label = ref->in_text ? S("") : label_of(ref->place),
		.needed = !can_miss(json_get_str(data, S("type"))),
	};
	vec_push(w->mem, &w->list, want);
}

static void index_ids(struct map *ids, const struct json *graph)
{
	json_each(json_get(graph, S("nodes")), node)
		map_set(ids, json_get_str(node, S("id")), node);
}

status draft_wants(struct arena *mem, const struct json *whole, const struct json *single,
		   struct draft_want **out, size_t *n)
{
	struct wants w = {
		.mem = mem, .all = map_make(mem), .inside = map_make(mem), .seen = map_make(mem)};
	index_ids(&w.all, whole);
	index_ids(&w.inside, single);
	/* A node that lies in a container is tried without it: what the container gives is asked
	 * for. */
	json_each(json_get(single, S("nodes")), node)
	{
		const struct json *data = json_get(node, S("data"));
		struct refs find = {.mem = mem,
				    .type = json_get_str(data, S("type")),
				    .known = known,
				    .found = found,
				    .ctx = &w};
		w.node = node;
		/* Recorded: an end on its own shows nulls, whatever was given. */
		if (!str_eq(find.type, S("end")))
			refs_each(&find, data);
	}
	*out = w.list.at;
	*n = w.list.len;
	return 0;
}

/* --- where values come from --- */

struct values {
	struct apps *a;
	struct arena *mem;
	const struct draft_owner *owner;
	const struct draft_start *start;
	struct map nodes; /* id -> map of name -> struct draft_variable, as runs left them */
	struct map set;   /* "node\nname" -> struct json: the row in `rows` */
	struct json *rows;
};

static const struct json *input(const struct values *v, const struct draft_want *w, struct str key)
{
	const struct json *inputs = v->start->inputs;
	const struct json *full =
		json_get(inputs, arena_printf(v->mem, "%.*s.%.*s", STR(w->node_id), STR(key)));
	bool own = str_eq(w->node_id, v->start->node_id);
	/* Nodes inside of a container may use the same names for different things. */
	return full ? full : own || str_starts(key, S("#")) ? json_get(inputs, key) : NULL;
}

/* Names that editors give to some fields. */
static struct str nickname(const struct draft_want *w)
{
	if (str_ends(w->field, S("iterator_selector")))
		return S("input_selector");
	if (str_starts(w->field, S("query_")))
		return S("query");
	if (str_starts(w->field, S("context.")))
		return S("#context#");
	if (str_starts(w->field, S("vision.")))
		return S("#files#");
	return S("");
}

static const struct json *given(const struct values *v, const struct draft_want *w)
{
	struct str plain = str_sub(w->key, 1, w->key.len - 2), nick = nickname(w);
	const struct json *value = input(v, w, w->key);
	if (!value && w->label.len)
		value = input(v, w, w->label);
	if (!value && nick.len)
		value = input(v, w, nick);
	return value ? value : json_get(v->start->inputs, plain);
}

static status saved(struct values *v, struct str node, struct str name,
		    const struct draft_variable **out)
{
	struct map *names = map_get(&v->nodes, node);
	if (!names) {
		struct draft_variable *list;
		size_t n;
		if (draft_of_node(v->a, v->mem, v->owner, node, true, &list, &n))
			return -1;
		names = arena_new(v->mem, struct map);
		*names = map_make(v->mem);
		for (size_t i = 0; i < n; i++)
			map_set(names, list[i].name, &list[i]);
		map_set(&v->nodes, node, names);
	}
	*out = map_get(names, name);
	return 0;
}

static struct json *row_of(struct values *v, struct str node, struct str name)
{
	struct str id = arena_printf(v->mem, "%.*s\n%.*s", STR(node), STR(name));
	uintptr_t place = (uintptr_t)map_get(&v->set, id);
	return place ? &v->rows->items[place - 1] : NULL;
}

static void set(struct values *v, struct str node, struct str name, const struct json *value,
		struct str type)
{
	struct json *row = row_of(v, node, name), *made = json_arr(v->mem);
	json_push_str(v->mem, made, node);
	json_push_str(v->mem, made, name);
	json_push(v->mem, made, value);
	json_push_str(v->mem, made, type);
	if (row) {
		*row = *made;
		return;
	}
	json_push(v->mem, v->rows, made);
	map_set(&v->set, arena_printf(v->mem, "%.*s\n%.*s", STR(node), STR(name)),
		(void *)(uintptr_t)v->rows->len);
}

/* The value in the place of parts[2..] of a variable that is an object. */
static const struct json *deep(struct values *v, const struct json *base,
			       const struct draft_want *w, const struct json *value)
{
	struct json *top = json_is(base, JSON_OBJ) ? json_copy(v->mem, base) : json_obj(v->mem),
		    *at = top;
	for (size_t i = 2; i + 1 < w->n; i++) {
		struct json *next = json_get(at, w->parts[i]);
		at = json_is(next, JSON_OBJ) ? next
					     : json_set(v->mem, at, w->parts[i], json_obj(v->mem));
	}
	json_set(v->mem, at, w->parts[w->n - 1], value);
	return top;
}

static const struct json *declared(const struct json *list, struct str name)
{
	json_each(list, it) if (str_eq(json_get_str(it, S("name")), name)) return it;
	return NULL;
}

/* System variables that each run has. */
static bool of_every_run(struct str name)
{
	static const struct str names[] = {S_INIT("files"),           S_INIT("user_id"),
					   S_INIT("app_id"),          S_INIT("workflow_id"),
					   S_INIT("workflow_run_id"), S_INIT("timestamp")};
	for (size_t i = 0; i < countof(names); i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

static status missing(const struct draft_want *w)
{
	return err_set(ERR_INVALID,
		       "node '%.*s' (%.*s), %.*s: variable %.*s has no value: give it in inputs as "
		       "\"%.*s\", "
		       "or run first what makes it",
		       STR(str_sub(w->title, 0, 60)), STR(str_sub(w->node_id, 0, 60)),
		       STR(str_sub(w->field, 0, 100)), STR(str_sub(w->key, 1, w->key.len - 2)),
		       STR(w->key));
}

static status fill(struct values *v, const struct draft_want *w)
{
	const struct workflow *flow = v->start->workflow;
	const struct draft_variable *had = NULL;
	struct str node = w->parts[0], name = w->parts[1];
	const struct json *value = given(v, w), *row = row_of(v, node, name);
	bool conversation = str_eq(node, S(DRAFT_CONVERSATION));
	const struct json *own = str_eq(node, S(DRAFT_ENV)) ? flow->environment_variables
				 : conversation             ? flow->conversation_variables
							    : NULL;
	if (str_eq(node, S(DRAFT_ENV)))
		return declared(own, name) || !w->needed ? 0 : missing(w);
	if (!row && saved(v, node, name, &had))
		return -1;
	if (value && w->n > 2)
		value = deep(v, row ? json_at(row, 2) : had ? had->value : NULL, w, value);
	if (value) {
		set(v, node, name, value, S(""));
	} else if (had) {
		set(v, node, name, had->value, conversation ? had->value_type : S(""));
	} else if (!row && w->needed && !declared(own, name) &&
		   !(str_eq(node, S(DRAFT_SYS)) && of_every_run(name))) {
		return missing(w);
	}
	return 0;
}

status draft_variables(struct apps *a, struct arena *mem, const struct draft_owner *o,
		       const struct draft_start *s, struct json **out)
{
	struct values v = {.a = a,
			   .mem = mem,
			   .owner = o,
			   .start = s,
			   .nodes = map_make(mem),
			   .set = map_make(mem),
			   .rows = json_arr(mem)};
	struct draft_want *list;
	size_t n;
	if (draft_wants(mem, s->workflow->graph, s->single, &list, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (fill(&v, &list[i]))
			return -1;
	*out = v.rows;
	return 0;
}

/* --- for people --- */

static const struct json *member(const struct json *v, const struct draft_want *w)
{
	for (size_t i = 2; v && i < w->n; i++)
		v = json_get(v, w->parts[i]);
	return v;
}

status draft_known(struct apps *a, struct arena *mem, const struct draft_owner *o,
		   const struct draft_start *s, struct draft_want *list, size_t n)
{
	struct values v = { .a = a, .mem = mem, .owner = o, .start = s, .nodes = map_make(mem) };
	for (size_t i = 0; i < n; i++) {
		struct draft_want *w = &list[i];
		const struct draft_variable *had = NULL;
		struct str node = w->parts[0], name = w->parts[1];
		bool sys = str_eq(node, S(DRAFT_SYS)) && of_every_run(name);
		if (sys || str_eq(node, S(DRAFT_ENV))) {
			w->n = 0;
			continue;
		}
		if (saved(&v, node, name, &had))
			return -1;
		const struct json *first =
			str_eq(node, S(DRAFT_CONVERSATION))
				? declared(s->workflow->conversation_variables, name)
				: NULL;
		w->known = member(had ? had->value : json_get(first, S("value")), w);
	}
	return 0;
}
