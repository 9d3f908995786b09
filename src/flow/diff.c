/* SPDX-License-Identifier: Apache-2.0 */
/* diff: pairs executions, then walks both values of a pair together. */
#include "flow/diff.h"

#include "base/arena.h"
#include "base/map.h"

struct walk {
	struct arena *mem;
	struct json *places;
	bool more;
};

/* Members that two runs of the same thing never share. */
static bool differs_by_nature(struct str name)
{
	static const struct str names[] = {
		S_INIT("latency"), S_INIT("time_to_first_token"), S_INIT("time_to_generate"),
		S_INIT("sys.workflow_run_id"), S_INIT("sys.timestamp"), S_INIT("sys.conversation_id"),
		S_INIT("loop_duration_map"), S_INIT("iteration_duration_map"),
	};
	for (size_t i = 0; i < countof(names); i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

static void note(struct walk *w, struct str path, const struct json *a, const struct json *b)
{
	if (w->places->len >= DIFF_PLACES_MAX) {
		w->more = true;
		return;
	}
	struct json *o = json_push(w->mem, w->places, json_obj(w->mem));
	json_set_str(w->mem, o, S("path"), path);
	json_set(w->mem, o, S("a"), a);
	json_set(w->mem, o, S("b"), b);
}

static void compare(struct walk *w, struct str path, const struct json *a, const struct json *b, int depth);

static void compare_objects(struct walk *w, struct str path, const struct json *a, const struct json *b,
			    int depth)
{
	json_each_member(a, m)
	{
		if (!differs_by_nature(m->name))
			compare(w, arena_printf(w->mem, "%.*s.%.*s", STR(path), STR(m->name)), &m->value,
				json_get(b, m->name), depth + 1);
	}
	json_each_member(b, m)
	{
		if (!differs_by_nature(m->name) && !json_get(a, m->name))
			note(w, arena_printf(w->mem, "%.*s.%.*s", STR(path), STR(m->name)), NULL, &m->value);
	}
}

static void compare_arrays(struct walk *w, struct str path, const struct json *a, const struct json *b,
			   int depth)
{
	for (size_t i = 0; i < MAX(a->len, b->len); i++)
		compare(w, arena_printf(w->mem, "%.*s[%zu]", STR(path), i), i < a->len ? &a->items[i] : NULL,
			i < b->len ? &b->items[i] : NULL, depth + 1);
}

static void compare(struct walk *w, struct str path, const struct json *a, const struct json *b, int depth)
{
	if (a && b && a->type == b->type && depth < JSON_DEPTH_MAX) {
		if (a->type == JSON_OBJ) {
			compare_objects(w, path, a, b, depth);
			return;
		}
		if (a->type == JSON_ARR) {
			compare_arrays(w, path, a, b, depth);
			return;
		}
	}
	if (!a || !b ? a != b : !json_equal(a, b))
		note(w, path, a, b);
}

/* Which execution this is: its node and the elements and rounds around it, then its number among
 * those; `seen` counts. A trace has no more of the rounds than the innermost, so order decides the rest. */
static struct str key_of(struct arena *mem, struct map *seen, const struct json *row)
{
	const struct json *meta = json_get(row, S("execution_metadata"));
	struct str place = arena_printf(
		mem, "%.*s/%.*s:%lld/%.*s:%lld/%.*s", STR(json_get_str(row, S("node_id"))),
		STR(json_get_str(meta, S("iteration_id"))),
		(long long)json_get_int(meta, S("iteration_index"), -1),
		STR(json_get_str(meta, S("loop_id"))), (long long)json_get_int(meta, S("loop_index"), -1),
		STR(str_eq(json_get_str(row, S("status")), S("retry")) ? S("retry") : S("")));
	uintptr_t n = (uintptr_t)map_get(seen, place) + 1;
	map_set(seen, place, (void *)n);
	return arena_printf(mem, "%.*s#%zu", STR(place), (size_t)n);
}

static struct json *node_row(struct arena *mem, const struct json *row, struct str only_in)
{
	const struct json *meta = json_get(row, S("execution_metadata"));
	const struct json *round = json_get(meta, S("iteration_index"));
	struct json *o = json_obj(mem);
	json_set(mem, o, S("node_id"), json_get(row, S("node_id")));
	json_set(mem, o, S("title"), json_get(row, S("title")));
	json_set(mem, o, S("node_type"), json_get(row, S("node_type")));
	json_set(mem, o, S("round"), round ? round : json_get(meta, S("loop_index")));
	json_set_str_or_null(mem, o, S("only_in"), only_in);
	json_set(mem, o, S("places"), json_arr(mem));
	json_set_bool(mem, o, S("more"), false);
	return o;
}

static void compare_rows(struct arena *mem, struct json *nodes, const struct json *a, const struct json *b)
{
	static const struct str parts[] = { S_INIT("status"), S_INIT("error"), S_INIT("inputs"),
					    S_INIT("process_data"), S_INIT("outputs") };
	struct walk w = { .mem = mem, .places = json_arr(mem) };
	for (size_t i = 0; i < countof(parts); i++)
		compare(&w, parts[i], json_get(a, parts[i]), json_get(b, parts[i]), 0);
	if (!w.places->len)
		return;
	struct json *o = node_row(mem, a, (struct str){ 0 });
	json_set(mem, o, S("places"), w.places);
	json_set_bool(mem, o, S("more"), w.more);
	json_push(mem, nodes, o);
}

struct json *diff_runs(struct arena *mem, const struct json *a, const struct json *b)
{
	struct map in_b = map_make(mem), seen_a = map_make(mem), seen_b = map_make(mem);
	struct json *nodes = json_arr(mem), *o = json_obj(mem);
	json_each(b, row) map_set(&in_b, key_of(mem, &seen_b, row), row);
	json_each(a, row)
	{
		struct json *other = map_remove(&in_b, key_of(mem, &seen_a, row));
		if (other)
			compare_rows(mem, nodes, row, other);
		else
			json_push(mem, nodes, node_row(mem, row, S("a")));
	}
	seen_b = map_make(mem);
	json_each(b, row)
	{
		if (map_get(&in_b, key_of(mem, &seen_b, row)))
			json_push(mem, nodes, node_row(mem, row, S("b")));
	}
	json_set_bool(mem, o, S("same"), nodes->len == 0);
	json_set(mem, o, S("first"), nodes->len ? &nodes->items[0] : NULL);
	json_set(mem, o, S("nodes"), nodes);
	return o;
}
