/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iteration: the inner graph once for each element of a list (workflow.md 5.1), one after the other
 * or some at a time. Each element has its own view of the variables and its own memory, which goes
 * when the element ends; only its result and the conversation's variables come back.
 */
#include "base/arena.h"
#include "base/err.h"
#include "flow/run.h"

enum { PARALLEL_DEFAULT = 10 };
enum error_mode { MODE_TERMINATED, MODE_CONTINUE, MODE_REMOVE };

struct iteration {
	struct node_run *run;
	const struct json *items;
	enum error_mode mode;
	bool parallel;
	uint32_t root;
	struct json *results;	/* sequential: so far; parallel: one a place */
	struct json *durations; /* {"0": seconds} in order of completion */
	struct pass_total total;
	size_t next; /* parallel: the element that is taken next */
	size_t workers; /* parallel: fibers that take elements */
	bool failed; /* terminated by an element */
};

static const struct {
	struct str name;
	enum error_mode mode;
} modes[] = {
	{ S_INIT("terminated"), MODE_TERMINATED },
	{ S_INIT("continue-on-error"), MODE_CONTINUE },
	{ S_INIT("remove-abnormal-output"), MODE_REMOVE },
};

static bool find_mode(const struct json *data, enum error_mode *out)
{
	struct str name = json_get_str(data, S("error_handle_mode"));
	if (!name.len) {
		*out = MODE_TERMINATED;
		return true;
	}
	for (size_t i = 0; i < countof(modes); i++)
		if (str_eq(modes[i].name, name)) {
			*out = modes[i].mode;
			return true;
		}
	return false;
}

status node_iteration_check(struct arena *mem, struct graph_node *n)
{
	struct str parts[SELECTOR_PARTS_MAX];
	enum error_mode mode;
	(void)mem;
	if (selector_read(json_get(n->data, S("iterator_selector")), parts) < 2)
		return err_set(ERR_INVALID, "iterator_selector: must be a list of at least two names");
	if (!json_is(json_get(n->data, S("output_selector")), JSON_ARR))
		return err_set(ERR_INVALID, "output_selector: must be a list of names");
	if (!find_mode(n->data, &mode))
		return err_set(ERR_INVALID, "error_handle_mode: unknown value '%.*s'",
			       STR(json_get_str(n->data, S("error_handle_mode"))));
	return 0;
}

/* --- one element --- */

static bool is_conversation(void *ctx, struct str node)
{
	(void)ctx;
	return str_eq(node, S("conversation"));
}

static void keep_result(struct iteration *it, size_t index, const struct json *value)
{
	struct arena *mem = it->run->mem;
	if (it->parallel)
		it->results->items[index] = value ? *value : (struct json){ .type = JSON_NULL };
	else if (value)
		json_push(mem, it->results, value);
}

static void keep_duration(struct iteration *it, size_t index, const struct engine *sub, int64_t started)
{
	struct arena *mem = it->run->mem;
	double s = (double)(rt_now() - started) / 1e9 + (double)past_worked_ms(sub) / 1e3;
	json_set_float(mem, it->durations, arena_printf(mem, "%zu", index), s);
}

static void fail_with(struct iteration *it, const struct engine *sub)
{
	struct node_result *r = it->run->result;
	if (it->failed)
		return;
	it->failed = true;
	r->error = arena_str(it->run->mem, sub->error);
	r->error_type = S("");
	r->error_slug = arena_str(it->run->mem, sub->error_slug);
	r->error_http = sub->error_http;
	engine_wake_asking(it->run->engine->run);
}

/* What the element leaves behind, before its memory goes. */
static void collect(struct iteration *it, size_t index, const struct engine *sub, int64_t started)
{
	struct node_run *run = it->run;
	struct var v;
	bool failed = sub->error.len != 0;
	pass_add(run, &it->total, sub);
	if (failed && it->mode == MODE_TERMINATED) {
		fail_with(it, sub);
		return;
	}
	pool_write_back(run->pool, sub->pool, true, is_conversation, NULL);
	keep_duration(it, index, sub, started);
	if (failed)
		keep_result(it, index, it->mode == MODE_CONTINUE ? json_null(run->mem) : NULL);
	else if (pool_get_json(sub->pool, json_get(run->data, S("output_selector")), &v))
		keep_result(it, index, json_copy(run->mem, &v.value));
	else
		keep_result(it, index, json_null(run->mem));
}

static status element(struct iteration *it, size_t index, struct held *held)
{
	AUTO(arena) mem = { arena_open(0) };
	struct node_run *run = it->run;
	struct pool pool;
	struct engine sub;
	int64_t started = rt_now();
	pool_snapshot(&pool, mem.p, run->pool);
	pool_set(&pool, run->node->id, S("index"), json_int(mem.p, (int64_t)index), VAR_INFER);
	pool_set(&pool, run->node->id, S("item"), &it->items->items[index], VAR_INFER);
	struct pass pass = { .mem = mem.p, .pool = &pool, .root = it->root, .round = (int64_t)index,
			     .held = held, .moot = &it->failed };
	status st = pass_run(run, &sub, &pass);
	struct err why;
	if (st)
		err_save(&why);
	engine_close(&sub);
	if (st)
		return err_restore(&why);
	collect(it, index, &sub, started);
	return 0;
}

/* --- all of them --- */

static status run_sequential(struct iteration *it)
{
	for (size_t i = 0; i < it->items->len && !it->failed; i++) {
		pass_next(it->run, (int64_t)i);
		if (element(it, i, NULL) || pass_breathe(it->run))
			return -1;
	}
	return 0;
}

/* One of some fibers that take elements until none is left or one has failed for all. */
static status take_elements(struct iteration *it)
{
	while (it->next < it->items->len && !it->failed) {
		size_t index = it->next++;
		struct held *held = held_open(it->run->engine);
		status st = element(it, index, held);
		if (st == 0)
			held_release(held);
		held_close(held);
		if (st || pass_breathe(it->run))
			return -1;
	}
	return 0;
}

static status worker(void *p)
{
	struct iteration *it = p;
	status st = take_elements(it);
	/* The container's fiber rests while they work, and moves again with the last of them. */
	if (--it->workers)
		engine_rest(it->run->engine->run);
	return st;
}

static status run_parallel(struct iteration *it)
{
	int64_t wanted = json_get_int(it->run->data, S("parallel_nums"), PARALLEL_DEFAULT);
	size_t n = MIN((size_t)MAX(MIN(wanted, it->run->flow->parallel_max), 1), it->items->len);
	for (size_t i = 0; i < it->items->len; i++) {
		json_push(it->run->mem, it->results, NULL);
		pass_next(it->run, (int64_t)i);
		if (i % 256 == 255 && pass_breathe(it->run))
			return -1;
	}
	AUTO(group) workers = { group_open(DEADLINE_NONE) };
	for (size_t i = 0; i < n; i++) {
		it->run->engine->run->moving += it->workers > 0;
		it->workers++;
		if (group_spawn(workers.p, "flow-element", worker, it))
			return -1;
	}
	return group_wait(workers.p);
}

/* One level of lists becomes one list, when all results are lists (nulls apart). */
static struct json *flatten(struct arena *mem, struct json *results)
{
	struct json *flat = json_arr(mem);
	bool some = false;
	json_each(results, r) {
		if (r->type != JSON_ARR && r->type != JSON_NULL)
			return results;
		some |= r->type == JSON_ARR;
	}
	if (!some)
		return results;
	json_each(results, r)
		json_each(r, item) json_push(mem, flat, item);
	return flat;
}

static struct json *without_nulls(struct arena *mem, const struct json *list)
{
	struct json *out = json_arr(mem);
	json_each(list, item)
		if (item->type != JSON_NULL)
			json_push(mem, out, item);
	return out;
}

static void finish(struct iteration *it)
{
	struct node_run *run = it->run;
	struct json *out = it->results;
	if (it->parallel && it->mode == MODE_REMOVE)
		out = without_nulls(run->mem, out);
	if (!it->failed && json_get_bool(run->data, S("flatten_output"), true))
		out = flatten(run->mem, out);
	node_output(run, S("output"), out);
	pass_set_result(run, &it->total);
	json_set(run->mem, run->result->metadata, S("iteration_duration_map"), it->durations);
	run->result->steps = (int64_t)it->items->len;
	for (size_t i = 0; i < it->total.written.len; i++)
		if (is_conversation(NULL, it->total.written.at[i].node))
			pass_note_value(run, it->total.written.at[i].node, it->total.written.at[i].name);
}

static status find_items(struct iteration *it)
{
	struct node_run *run = it->run;
	const struct json *selector = json_get(run->data, S("iterator_selector"));
	/* After a crash: the list that it began with, whatever has happened to the variable since. */
	const struct json *before = json_get(pass_past_inputs(run), S("iterator_selector"));
	struct var v;
	if (json_is(before, JSON_ARR)) {
		it->items = before;
		return 0;
	}
	if (!pool_get_json(run->pool, selector, &v))
		return node_fail(run, "", "iterator variable %.*s not found", STR(selector_python(run->mem, selector)));
	if (v.value.type == JSON_NULL) {
		it->items = json_arr(run->mem);
		return 0;
	}
	if (v.value.type != JSON_ARR)
		return node_fail(run, "", "invalid iterator value: %.*s, please provide a list.",
				 STR(var_text(run->mem, &v, VAR_TEXT)));
	struct json *items = arena_new(run->mem, struct json);
	*items = v.value;
	it->items = items;
	return 0;
}

status node_iteration_exec(struct node_run *run)
{
	struct iteration it = { .run = run, .results = json_arr(run->mem), .durations = json_obj(run->mem),
				.parallel = json_get_bool(run->data, S("is_parallel"), false) };
	(void)find_mode(run->data, &it.mode); /* checked when the graph was built */
	if (find_items(&it))
		return -1;
	node_input(run, S("iterator_selector"), it.items);
	if (!it.items->len) {
		finish(&it);
		return 0;
	}
	if (pass_root(run, &it.root))
		return -1;
	pass_started(run, (int64_t)it.items->len);
	if (it.parallel ? run_parallel(&it) : run_sequential(&it))
		return -1;
	finish(&it);
	return it.failed ? err_set(ERR_INVALID, "%.*s", STR(run->result->error)) : 0;
}
