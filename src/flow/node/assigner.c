/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assigner: writes variables (workflow.md 7.12), both versions. It is the one node type that writes
 * into the pool while it runs; `writes` tells the engine what to persist and to replay.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "flow/node/node.h"

/* --- what the graph wants to know --- */

static void add_write(struct arena *mem, struct graph_node *n, const struct json *selector)
{
	struct str parts[SELECTOR_PARTS_MAX];
	if (selector_read(selector, parts) < 2)
		return;
	n->writes[n->write_count][0] = parts[0];
	n->writes[n->write_count++][1] = parts[1];
	(void)mem;
}

status node_assigner_v1_check(struct arena *mem, struct graph_node *n)
{
	n->writes = arena_alloc(mem, sizeof(n->writes[0]));
	add_write(mem, n, json_get(n->data, S("assigned_variable_selector")));
	struct str mode = json_get_str(n->data, S("write_mode"));
	if (!str_eq(mode, S("over-write")) && !str_eq(mode, S("append")) && !str_eq(mode, S("clear")))
		return err_set(ERR_INVALID, "write_mode: unknown value '%.*s'", STR(mode));
	return 0;
}

/* --- common --- */

static struct json zero_of(enum var_type t)
{
	struct json v = { .type = JSON_NULL };
	if (var_is_array(t))
		v.type = JSON_ARR;
	else if (t == VAR_OBJECT)
		v.type = JSON_OBJ;
	else if (t == VAR_STRING || t == VAR_SECRET)
		v = (struct json){ .type = JSON_STR, .text = "" };
	else if (t == VAR_INTEGER)
		v.type = JSON_INT;
	else if (t == VAR_FLOAT)
		v.type = JSON_FLOAT;
	else if (t == VAR_BOOLEAN)
		v.type = JSON_BOOL;
	return v;
}

static bool is_number(enum var_type t)
{
	return t == VAR_INTEGER || t == VAR_FLOAT || t == VAR_NUMBER;
}

/* May a value of this kind be an element of such an array? */
static bool element_fits(enum var_type array, const struct json *v)
{
	enum var_type t = var_infer(v);
	switch (array) {
	case VAR_ARRAY_STRING:
		return t == VAR_STRING;
	case VAR_ARRAY_NUMBER:
		return is_number(t);
	case VAR_ARRAY_BOOLEAN:
		return t == VAR_BOOLEAN;
	case VAR_ARRAY_OBJECT:
		return t == VAR_OBJECT;
	case VAR_ARRAY_FILE:
		return t == VAR_FILE;
	default:
		return true;
	}
}

/* An array keeps its declared type when the new elements fit; so does a typed scalar. */
static bool value_fits(enum var_type target, const struct json *v)
{
	enum var_type t = var_infer(v);
	if (var_is_array(target)) {
		if (v->type != JSON_ARR)
			return false;
		json_each(v, item)
			if (!element_fits(target, item))
				return false;
		return true;
	}
	if (is_number(target))
		return is_number(t);
	if (target == VAR_STRING || target == VAR_SECRET)
		return t == VAR_STRING;
	return target == VAR_NONE || target == t;
}

/* Stores into the pool and notes the write for the journal. */
static void store(struct node_run *run, const struct str *parts, enum var_type declared,
		  const struct json *value)
{
	bool keeps = var_is_array(declared) || declared == VAR_SECRET;
	enum var_type t = keeps ? declared : var_infer(value);
	pool_set(run->pool, parts[0], parts[1], value, t);
	if (!run->result->writes)
		run->result->writes = json_arr(run->mem);
	struct json *w = json_arr(run->mem);
	json_push_str(run->mem, w, parts[0]);
	json_push_str(run->mem, w, parts[1]);
	json_push(run->mem, w, value);
	json_push_str(run->mem, w, var_type_name(t));
	json_push(run->mem, run->result->writes, w);
}

static struct json *updated(struct node_run *run, const struct str *parts)
{
	const struct var *v = pool_find(run->pool, parts[0], parts[1]);
	struct json *o = json_obj(run->mem), *selector = json_arr(run->mem);
	json_push_str(run->mem, selector, parts[0]);
	json_push_str(run->mem, selector, parts[1]);
	json_set_str(run->mem, o, S("name"), parts[1]);
	json_set(run->mem, o, S("selector"), selector);
	json_set_str(run->mem, o, S("value_type"), var_type_name(v->type));
	json_set(run->mem, o, S("new_value"), &v->value);
	return o;
}

static struct json *array_plus(struct arena *mem, const struct json *array, const struct json *more, bool spread)
{
	struct json *out = json_arr(mem);
	json_each(array, item) json_push(mem, out, item);
	if (spread)
		json_each(more, item) json_push(mem, out, item);
	else
		json_push(mem, out, more);
	return out;
}

/* --- version 1 --- */

status node_assigner_v1_exec(struct node_run *run)
{
	struct str parts[SELECTOR_PARTS_MAX], mode = json_get_str(run->data, S("write_mode"));
	size_t n = selector_read(json_get(run->data, S("assigned_variable_selector")), parts);
	struct var *target = n >= 2 ? pool_find(run->pool, parts[0], parts[1]) : NULL;
	struct var in = { 0 };
	if (!target)
		return node_fail(run, "VariableOperatorNodeError", "assigned variable not found");
	enum var_type type = target->type;
	if (str_eq(mode, S("clear"))) {
		in.value = zero_of(type);
	} else if (!pool_get_json(run->pool, json_get(run->data, S("input_variable_selector")), &in)) {
		return node_fail(run, "VariableOperatorNodeError", "input value not found");
	}
	const struct json *value = &in.value;
	if (str_eq(mode, S("append"))) {
		if (!var_is_array(type) || !element_fits(type, value))
			return node_fail(run, "VariableOperatorNodeError", "Invalid input value type");
		value = array_plus(run->mem, &target->value, value, false);
	}
	node_input(run, S("value"), &in.value);
	store(run, parts, type, json_copy(run->mem, value));
	run->result->process = json_obj(run->mem);
	struct json *list = json_arr(run->mem);
	json_push(run->mem, list, updated(run, parts));
	json_set(run->mem, run->result->process, S("__updated_variables"), list);
	return 0;
}

/* --- version 2 --- */

enum input { INPUT_NONE, INPUT_CONSTANT, INPUT_VARIABLE };
enum { ON_STRING = 1, ON_NUMBER = 2, ON_OBJECT = 4, ON_BOOLEAN = 8, ON_ARRAY = 16, ON_FILE = 32 };

struct item {
	struct node_run *run;
	struct var *target;
	const struct json *value; /* constant, or the source variable's */
	struct str name;	  /* operation */
};
typedef status (*operation_fn)(struct item *, struct json **out);

static status bad_value(struct item *it)
{
	return node_fail(it->run, "VariableOperatorNodeError", "Invalid input value %.*s",
			 STR(selector_python(it->run->mem, it->value)));
}

static status do_overwrite(struct item *it, struct json **out)
{
	if (!value_fits(it->target->type, it->value))
		return bad_value(it);
	*out = json_copy(it->run->mem, it->value);
	return 0;
}

static status do_clear(struct item *it, struct json **out)
{
	*out = arena_new(it->run->mem, struct json);
	**out = zero_of(it->target->type);
	return 0;
}

static status do_set(struct item *it, struct json **out)
{
	struct json *v = it->value ? json_copy(it->run->mem, it->value) : json_null(it->run->mem);
	if (it->target->type == VAR_OBJECT && v->type == JSON_STR &&
	    json_parse(it->run->mem, json_as_str(v, S("")), &v))
		return bad_value(it);
	if (!value_fits(it->target->type, v))
		return bad_value(it);
	*out = v;
	return 0;
}

static status do_arithmetic(struct item *it, struct json **out)
{
	const struct json *a = &it->target->value, *b = it->value;
	if (!b || (b->type != JSON_INT && b->type != JSON_FLOAT))
		return bad_value(it);
	double x = json_as_double(a, 0), y = json_as_double(b, 0);
	char op = it->name.at[0];
	bool whole = a->type == JSON_INT && b->type == JSON_INT && op != '/';
	int64_t n = 0;
	if (op == '/' && y == 0)
		return bad_value(it);
	if (whole) {
		bool over = op == '+' ? __builtin_add_overflow(a->integer, b->integer, &n) :
			    op == '-' ? __builtin_sub_overflow(a->integer, b->integer, &n) :
					__builtin_mul_overflow(a->integer, b->integer, &n);
		whole = !over;
	}
	double d = op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
	*out = whole ? json_int(it->run->mem, n) : json_float(it->run->mem, d);
	return 0;
}

static status do_append(struct item *it, struct json **out)
{
	if (!element_fits(it->target->type, it->value))
		return bad_value(it);
	*out = json_copy(it->run->mem, array_plus(it->run->mem, &it->target->value, it->value, false));
	return 0;
}

static status do_extend(struct item *it, struct json **out)
{
	if (it->value->type != JSON_ARR || !value_fits(it->target->type, it->value))
		return bad_value(it);
	*out = json_copy(it->run->mem, array_plus(it->run->mem, &it->target->value, it->value, true));
	return 0;
}

static status remove_one(struct item *it, struct json **out, bool first)
{
	const struct json *a = &it->target->value;
	struct json *list = json_arr(it->run->mem);
	size_t i = 0, skip = first || !a->len ? 0 : a->len - 1;
	json_each(a, el)
		if (i++ != skip)
			json_push(it->run->mem, list, el);
	*out = list;
	return 0;
}

static status do_remove_first(struct item *it, struct json **out)
{
	return remove_one(it, out, true);
}

static status do_remove_last(struct item *it, struct json **out)
{
	return remove_one(it, out, false);
}

static const struct operation {
	struct str name;
	unsigned targets;
	bool constant, variable; /* accepted input; neither: takes none */
	operation_fn fn;
} operations[] = {
	{ S_INIT("over-write"), ~0u, true, true, do_overwrite },
	{ S_INIT("clear"), ~0u, false, false, do_clear },
	{ S_INIT("set"), ON_STRING | ON_NUMBER | ON_OBJECT | ON_BOOLEAN, true, false, do_set },
	{ S_INIT("+="), ON_NUMBER, true, false, do_arithmetic },
	{ S_INIT("-="), ON_NUMBER, true, false, do_arithmetic },
	{ S_INIT("*="), ON_NUMBER, true, false, do_arithmetic },
	{ S_INIT("/="), ON_NUMBER, true, false, do_arithmetic },
	{ S_INIT("append"), ON_ARRAY, false, true, do_append },
	{ S_INIT("extend"), ON_ARRAY, false, true, do_extend },
	{ S_INIT("remove-first"), ON_ARRAY, false, false, do_remove_first },
	{ S_INIT("remove-last"), ON_ARRAY, false, false, do_remove_last },
};

static const struct operation *operation_find(struct str name)
{
	for (size_t i = 0; i < countof(operations); i++)
		if (str_eq(operations[i].name, name))
			return &operations[i];
	return NULL;
}

static unsigned target_bit(enum var_type t)
{
	return var_is_array(t)			       ? ON_ARRAY :
	       is_number(t)			       ? ON_NUMBER :
	       t == VAR_STRING || t == VAR_SECRET      ? ON_STRING :
	       t == VAR_OBJECT			       ? ON_OBJECT :
	       t == VAR_BOOLEAN			       ? ON_BOOLEAN :
							 ON_FILE;
}

status node_assigner_v2_check(struct arena *mem, struct graph_node *n)
{
	const struct json *items = json_get(n->data, S("items"));
	if (items && items->type != JSON_ARR && items->type != JSON_NULL)
		return err_set(ERR_INVALID, "items: must be an array");
	n->writes = arena_alloc(mem, size_mul(sizeof(n->writes[0]), json_len(items) + 1));
	json_each(items, item) {
		struct str op = json_get_str(item, S("operation"));
		if (!operation_find(op))
			return err_set(ERR_INVALID, "items: unknown operation '%.*s'", STR(op));
		add_write(mem, n, json_get(item, S("variable_selector")));
	}
	return 0;
}

/* One item: *written false when it was skipped. */
static status run_item(struct node_run *run, const struct json *row, struct str *parts, bool *written)
{
	const struct operation *op = operation_find(json_get_str(row, S("operation")));
	const struct json *selector = json_get(row, S("variable_selector"));
	bool constant = str_eq(json_get_str(row, S("input_type")), S("constant"));
	struct item it = { .run = run, .name = op->name, .value = json_get(row, S("value")) };
	struct var source;
	struct json *out;
	*written = false;
	if (selector_read(selector, parts) >= 2)
		it.target = pool_find(run->pool, parts[0], parts[1]);
	if (!it.target)
		return node_fail(run, "VariableNotFoundError", "Variable %.*s not found",
				 STR(selector_python(run->mem, selector)));
	if (!(op->targets & target_bit(it.target->type)))
		return node_fail(run, "OperationNotSupportedError",
				 "Operation %.*s is not supported for type %.*s", STR(op->name),
				 STR(var_type_name(it.target->type)));
	bool takes = op->constant || op->variable;
	if ((takes && (constant ? !op->constant : !op->variable)) ||
	    (constant && var_is_array(it.target->type)))
		return node_fail(run, "InputTypeNotSupportedError",
				 "Input type %s is not supported for operation %.*s",
				 constant ? "constant" : "variable", STR(op->name));
	if (takes && !constant) {
		if (!pool_get_json(run->pool, it.value, &source))
			return node_fail(run, "VariableNotFoundError", "Variable %.*s not found",
					 STR(selector_python(run->mem, it.value)));
		if (source.value.type == JSON_NULL)
			return 0;
		it.value = &source.value;
	}
	if (takes && !it.value)
		return bad_value(&it);
	if (op->fn(&it, &out))
		return -1;
	store(run, parts, it.target->type, out);
	*written = true;
	return 0;
}

/* The node's settings as clients see them, editor keys left out. */
static void show_inputs(struct node_run *run)
{
	static const struct str keys[] = { S_INIT("variable_selector"), S_INIT("input_type"),
					   S_INIT("operation"), S_INIT("value") };
	struct arena *mem = run->mem;
	const struct graph_node *n = run->node;
	struct json *retry = json_obj(mem), *items = json_arr(mem);
	json_set_int(mem, retry, S("max_retries"), n->retry.max);
	json_set_int(mem, retry, S("retry_interval"), n->retry.interval_ms);
	json_set_bool(mem, retry, S("retry_enabled"), n->retry.enabled);
	json_each(json_get(run->data, S("items")), row) {
		struct json *o = json_obj(mem);
		for (size_t i = 0; i < countof(keys); i++)
			json_set(mem, o, keys[i], json_get(row, keys[i]));
		json_push(mem, items, o);
	}
	node_input(run, S("title"), json_str(mem, n->title));
	node_input(run, S("desc"), json_str(mem, json_get_str(n->data, S("desc"))));
	node_input(run, S("version"), json_str(mem, n->version));
	node_input(run, S("error_strategy"), json_get(n->data, S("error_strategy")));
	node_input(run, S("default_value"), json_get(n->data, S("default_value")));
	node_input(run, S("retry_config"), retry);
	node_input(run, S("items"), items);
}

status node_assigner_v2_exec(struct node_run *run)
{
	struct arena *mem = run->mem;
	struct json *list = json_arr(mem);
	struct json *done = json_obj(mem); /* "node.name": each variable is listed once, at its end value */
	status st = 0;
	show_inputs(run);
	json_each(json_get(run->data, S("items")), row) {
		struct str parts[SELECTOR_PARTS_MAX];
		bool written;
		if (st)
			break;
		st = run_item(run, row, parts, &written);
		if (st == 0 && written) {
			struct json *pair = json_arr(mem);
			json_push_str(mem, pair, parts[0]);
			json_push_str(mem, pair, parts[1]);
			json_set(mem, done, arena_printf(mem, "%.*s.%.*s", STR(parts[0]), STR(parts[1])), pair);
		}
	}
	run->result->process = json_obj(mem);
	json_each_member(done, m) {
		struct str parts[2] = { json_as_str(json_at(&m->value, 0), S("")),
					json_as_str(json_at(&m->value, 1), S("")) };
		const struct var *v = pool_find(run->pool, parts[0], parts[1]);
		json_set(mem, run->result->process, parts[1], &v->value);
		json_push(mem, list, updated(run, parts));
	}
	json_set(mem, run->result->process, S("__updated_variables"), list);
	return st;
}
