/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list-operator: filters, picks, orders and cuts a list of texts, numbers, booleans or files
 * (workflow.md 7.17).
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/node.h"

#define FAILED "" /* this node's errors carry no class, as those of recorded servers */

struct work {
	struct node_run *run;
	enum var_type type;
	const struct json **items;
	size_t len;
};

/* --- attributes of files --- */

static const struct attribute {
	struct str key, member;
	enum { TEXT, CHOICE, NUMBER } kind;
} attributes[] = {
	{ S_INIT("name"), S_INIT("filename"), TEXT },
	{ S_INIT("extension"), S_INIT("extension"), TEXT },
	{ S_INIT("mime_type"), S_INIT("mime_type"), TEXT },
	{ S_INIT("url"), S_INIT("remote_url"), TEXT },
	{ S_INIT("related_id"), S_INIT("related_id"), TEXT },
	{ S_INIT("type"), S_INIT("type"), CHOICE },
	{ S_INIT("transfer_method"), S_INIT("transfer_method"), CHOICE },
	{ S_INIT("size"), S_INIT("size"), NUMBER },
};

static const struct attribute *attribute_find(struct str key)
{
	for (size_t i = 0; i < countof(attributes); i++)
		if (str_eq(attributes[i].key, key))
			return &attributes[i];
	return NULL;
}

/* --- tests of one value --- */

/* As the editor writes them; "not x" is the opposite of "x". */
enum test { CONTAINS, START, END, IS, IN, EMPTY, EQ, NE, LT, LE, GT, GE };
static const struct operator {
	struct str name;
	enum test test;
	bool negated, number; /* number: for numbers only, else for texts only */
} operators[] = {
	{ S_INIT("contains"), CONTAINS, false, false }, { S_INIT("not contains"), CONTAINS, true, false },
	{ S_INIT("start with"), START, false, false },	{ S_INIT("end with"), END, false, false },
	{ S_INIT("is"), IS, false, false },		{ S_INIT("is not"), IS, true, false },
	{ S_INIT("in"), IN, false, false },		{ S_INIT("not in"), IN, true, false },
	{ S_INIT("empty"), EMPTY, false, false },	{ S_INIT("not empty"), EMPTY, true, false },
	{ S_INIT("="), EQ, false, true },		{ S_INIT("\xe2\x89\xa0"), NE, false, true },
	{ S_INIT("<"), LT, false, true },		{ S_INIT(">"), GT, false, true },
	{ S_INIT("\xe2\x89\xa4"), LE, false, true },	{ S_INIT("\xe2\x89\xa5"), GE, false, true },
};

struct condition {
	const struct operator *op;
	struct str text;
	double number;
	bool boolean;
	const struct json *choices; /* of type and transfer_method, when they are a list */
};

static bool test_text(const struct condition *c, struct str v)
{
	bool holds = false;
	if (c->op->test == CONTAINS)
		holds = str_has(v, c->text);
	else if (c->op->test == START)
		holds = str_starts(v, c->text);
	else if (c->op->test == END)
		holds = str_ends(v, c->text);
	else if (c->op->test == IS)
		holds = str_eq(v, c->text);
	else if (c->op->test == IN)
		holds = str_has(c->text, v);
	else
		holds = !v.len;
	return holds != c->op->negated;
}

static bool test_number(const struct condition *c, double v)
{
	switch (c->op->test) {
	case EQ:
		return v == c->number;
	case NE:
		return v != c->number;
	case LT:
		return v < c->number;
	case LE:
		return v <= c->number;
	case GT:
		return v > c->number;
	default:
		return v >= c->number;
	}
}

static bool test_choice(const struct condition *c, struct str v)
{
	bool found = false;
	if (!c->choices)
		return test_text(c, v);
	json_each(c->choices, one) found |= str_eq(json_as_str(one, S("")), v);
	return found != c->op->negated;
}

/* --- conditions --- */

static status bad_operator(struct work *w, const struct json *row)
{
	return node_fail(w->run, FAILED, "Invalid condition: %.*s",
			 STR(json_get_str(row, S("comparison_operator"))));
}

static status bad_value(struct work *w, const struct json *value)
{
	return node_fail(
		w->run, FAILED, "Invalid filter value: %.*s",
		STR(json_text(w->run->mem, value ? value : json_null(w->run->mem), JSON_SPACED)));
}

static status number_value(struct work *w, struct condition *c)
{
	if (str_to_double(str_trim(c->text), &c->number) == 0)
		return 0;
	return node_fail(w->run, "WorkflowNodeError", "could not convert string to float: '%.*s'",
			 STR(c->text));
}

/* What kind of test the items get: numbers, texts, booleans, or one of a list. */
static status read_condition(struct work *w, const struct json *row, struct condition *c)
{
	const struct json *value = json_get(row, S("value"));
	struct str op = json_get_str(row, S("comparison_operator")),
		   key = json_get_str(row, S("key"));
	const struct attribute *a = w->type == VAR_ARRAY_FILE ? attribute_find(key) : NULL;
	*c = (struct condition){ 0 };
	for (size_t i = 0; i < countof(operators); i++)
		if (str_eq(operators[i].name, op))
			c->op = &operators[i];
	bool number = w->type == VAR_ARRAY_NUMBER || (a && a->kind == NUMBER);
	bool choice = a && a->kind == CHOICE && json_is(value, JSON_ARR);
	if (w->type == VAR_ARRAY_FILE && (!a || (!choice && !json_is(value, JSON_STR))))
		return node_fail(w->run, FAILED, "Invalid key: %.*s", STR(key));
	if (!c->op || c->op->number != number)
		return bad_operator(w, row);
	if (w->type == VAR_ARRAY_BOOLEAN) {
		if (c->op->test != IS)
			return bad_operator(w, row);
		c->boolean = json_as_bool(value, false);
		struct str text = json_as_str(value, S(""));
		return json_is(value, JSON_BOOL) ||
				       (text.len && str_to_bool(text, &c->boolean) == 0)
			       ? 0
			       : bad_value(w, value);
	}
	if (a && a->kind == CHOICE && c->op->test != IN)
		return bad_operator(w, row);
	if (choice) {
		c->choices = value;
		return 0;
	}
	if (!json_is(value, JSON_STR))
		return bad_value(w, value);
	c->text = template_text(w->run->mem, json_as_str(value, S("")), w->run->pool, VAR_TEXT);
	return number ? number_value(w, c) : 0;
}

static bool holds(const struct work *w, const struct condition *c, const struct attribute *a,
		  const struct json *item)
{
	if (w->type == VAR_ARRAY_BOOLEAN)
		return (json_as_bool(item, false) == c->boolean) != c->op->negated;
	if (w->type == VAR_ARRAY_NUMBER)
		return test_number(c, json_as_double(item, 0));
	if (w->type == VAR_ARRAY_STRING)
		return test_text(c, json_as_str(item, S("")));
	if (a->kind == NUMBER)
		return test_number(c, (double)json_get_int(item, a->member, -1));
	struct str v = json_get_str(item, a->member);
	return a->kind == CHOICE ? test_choice(c, v) : test_text(c, v);
}

static status filter(struct work *w)
{
	json_each(json_path(w->run->data, "filter_by.conditions"), row) {
		struct condition c;
		if (read_condition(w, row, &c))
			return -1;
		const struct attribute *a = attribute_find(json_get_str(row, S("key")));
		size_t n = 0;
		for (size_t i = 0; i < w->len; i++)
			if (holds(w, &c, a, w->items[i]))
				w->items[n++] = w->items[i];
		w->len = n;
	}
	return 0;
}

/* --- the other steps --- */

static status extract(struct work *w)
{
	const struct json *serial = json_path(w->run->data, "extract_by.serial");
	struct str text = json_is(serial, JSON_INT)
				  ? arena_printf(w->run->mem, "%lld", (long long)serial->integer)
				  : template_text(w->run->mem, json_as_str(serial, S("")),
						  w->run->pool, VAR_TEXT);
	int64_t n;
	if (str_to_i64(str_trim(text), &n))
		return node_fail(w->run, "WorkflowNodeError",
				 "invalid literal for int() with base 10: '%.*s'", STR(text));
	if (n < 1)
		return node_fail(w->run, FAILED, "Invalid serial index: must be >= 1, got %lld",
				 (long long)n);
	if ((uint64_t)n > w->len)
		return node_fail(w->run, FAILED, "Invalid serial index: must be <= %zu, got %lld",
				 w->len, (long long)n);
	w->items[0] = w->items[n - 1];
	w->len = 1;
	return 0;
}

struct sorted {
	const struct json *item;
	size_t place;
};
struct order {
	const struct attribute *attribute;
	bool descending;
};

static int compare_items(const struct order *o, const struct json *a, const struct json *b)
{
	if (o->attribute && o->attribute->kind == NUMBER) {
		int64_t x = json_get_int(a, o->attribute->member, -1),
			y = json_get_int(b, o->attribute->member, -1);
		return (x > y) - (x < y);
	}
	if (o->attribute)
		return str_cmp(json_get_str(a, o->attribute->member),
			       json_get_str(b, o->attribute->member));
	if (a->type == JSON_STR || b->type == JSON_STR)
		return str_cmp(json_as_str(a, S("")), json_as_str(b, S("")));
	double x = a->type == JSON_BOOL ? a->boolean : json_as_double(a, 0);
	double y = b->type == JSON_BOOL ? b->boolean : json_as_double(b, 0);
	return (x > y) - (x < y);
}

/* Equal ones keep their order in both directions. */
static int compare(const void *a, const void *b, void *order)
{
	const struct sorted *x = a, *y = b;
	const struct order *o = order;
	int c = compare_items(o, x->item, y->item);
	if (c)
		return o->descending ? -c : c;
	return (x->place > y->place) - (x->place < y->place);
}

static status order(struct work *w)
{
	const struct json *by = json_get(w->run->data, S("order_by"));
	struct str key = json_get_str(by, S("key"));
	struct order o = { .descending = str_eq(json_get_str(by, S("value")), S("desc")) };
	if (w->type == VAR_ARRAY_FILE && !(o.attribute = attribute_find(key)))
		return node_fail(w->run, FAILED, "Invalid order key: %.*s", STR(key));
	struct sorted *list = arena_array(w->run->mem, struct sorted, w->len);
	for (size_t i = 0; i < w->len; i++)
		list[i] = (struct sorted){ w->items[i], i };
	qsort_r(list, w->len, sizeof(*list), compare, &o);
	for (size_t i = 0; i < w->len; i++)
		w->items[i] = list[i].item;
	return 0;
}

/* A negative size cuts from the end. */
static status limit(struct work *w)
{
	int64_t size = json_get_int(json_get(w->run->data, S("limit")), S("size"), 0);
	if (size < 0)
		size = MAX((int64_t)w->len + size, 0);
	w->len = MIN(w->len, (size_t)size);
	return 0;
}

static const struct {
	struct str key;
	status (*step)(struct work *);
} steps[] = {
	{ S_INIT("filter_by"), filter },
	{ S_INIT("extract_by"), extract },
	{ S_INIT("order_by"), order },
	{ S_INIT("limit"), limit },
};

/* --- the node --- */

static void give_out(struct work *w)
{
	struct arena *mem = w->run->mem;
	struct json *result = json_arr(mem);
	for (size_t i = 0; i < w->len; i++)
		json_push(mem, result, w->items[i]);
	node_output(w->run, S("result"), result);
	node_output(w->run, S("first_record"), w->len ? w->items[0] : NULL);
	node_output(w->run, S("last_record"), w->len ? w->items[w->len - 1] : NULL);
}

static void show(struct node_run *run, const struct json *list)
{
	node_input(run, S("variable"), list);
	run->result->process = json_obj(run->mem);
	json_set(run->mem, run->result->process, S("variable"), list);
}

static bool is_empty(const struct json *v)
{
	return v->type == JSON_NULL ||
	       ((v->type == JSON_ARR || v->type == JSON_OBJ || v->type == JSON_STR) && !v->len);
}

status node_list_operator_check(struct arena *mem, struct graph_node *n)
{
	(void)mem;
	if (!json_is(json_get(n->data, S("variable")), JSON_ARR))
		return err_set(ERR_INVALID, "variable: is required");
	return 0;
}

status node_list_operator_exec(struct node_run *run)
{
	const struct json *selector = json_get(run->data, S("variable"));
	struct var v;
	if (!pool_get_json(run->pool, selector, &v))
		return node_fail(run, FAILED, "Variable not found for selector: %.*s",
				 STR(selector_python(run->mem, selector)));
	struct work w = { .run = run, .type = v.type };
	if (is_empty(&v.value)) {
		show(run, json_arr(run->mem));
		give_out(&w);
		return 0;
	}
	if (v.type != VAR_ARRAY_STRING && v.type != VAR_ARRAY_NUMBER &&
	    v.type != VAR_ARRAY_BOOLEAN && v.type != VAR_ARRAY_FILE)
		return node_fail(run, FAILED,
				 "Variable %.*s is %.*s: must be a list of texts, of numbers, of "
				 "booleans or of files",
				 STR(selector_python(run->mem, selector)),
				 STR(var_type_name(v.type)));
	show(run, &v.value);
	w.items = arena_array(run->mem, const struct json *, v.value.len);
	for (size_t i = 0; i < v.value.len; i++)
		w.items[w.len++] = &v.value.items[i];
	for (size_t i = 0; i < countof(steps); i++)
		if (json_get_bool(json_get(run->data, steps[i].key), S("enabled"), false) &&
		    steps[i].step(&w))
			return -1;
	give_out(&w);
	return 0;
}
