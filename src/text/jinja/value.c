/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: making values, dicts, truth, equality, hashing and going over things, as Python does.
 * Lists and dicts are shared by reference and may change while they are gone over.
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "text/jinja/jinja_int.h"

enum { DICT_SMALL = 8, EQUAL_DEPTH_MAX = 100 };

/* --- making --- */

static struct value new_undefined(struct render *r, struct undefined u)
{
	struct undefined *p = arena_new(r->mem, struct undefined);
	r->memory += sizeof(*p);
	*p = u;
	return (struct value){ .type = V_UNDEFINED, .undefined = p };
}

struct value val_undefined(struct render *r, struct str name)
{
	return new_undefined(r, (struct undefined){ .name = val_str(name) });
}

struct value val_undefined_hint(struct render *r, struct str hint)
{
	return new_undefined(r, (struct undefined){ .hint = hint, .name = val_none() });
}

struct value val_undefined_of(struct render *r, struct value object, struct value name)
{
	return new_undefined(r, (struct undefined){ .object = object, .name = name, .has_object = true });
}

status val_fail_undefined(struct render *r, struct value v)
{
	const struct undefined *u = v.undefined;
	struct str name;
	if (u->hint.len)
		return jinja_fail(r, TEMPLATE_ERROR("UndefinedError"), "%.*s", STR(u->hint));
	if (val_repr_of(r, u->name, &name))
		return -1;
	if (!u->has_object)
		return jinja_fail(r, TEMPLATE_ERROR("UndefinedError"), "%.*s is undefined", STR(name));
	const char *type = val_type_name(u->object);
	bool none = u->object.type == V_NONE;
	if (u->name.type != V_STR)
		return jinja_fail(r, TEMPLATE_ERROR("UndefinedError"), "%s%s has no element %.*s",
				  none ? "None" : type, none ? "" : " object", STR(name));
	return jinja_fail(r, TEMPLATE_ERROR("UndefinedError"), "'%s%s' has no attribute %.*s",
			  none ? "None" : type, none ? "" : " object", STR(name));
}

struct value val_new_list(struct render *r, enum value_type type)
{
	struct list *l = arena_new(r->mem, struct list);
	r->memory += sizeof(*l);
	return (struct value){ .type = (uint8_t)type, .list = l };
}

status val_push(struct render *r, struct list *l, struct value v)
{
	if (l->len == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		if (jinja_charge(r, cap * sizeof(v)))
			return -1;
		l->at = arena_grow(r->mem, l->at, l->cap * sizeof(v), cap * sizeof(v));
		l->cap = cap;
	}
	l->at[l->len++] = v;
	return 0;
}

/* --- dicts --- */

struct value val_new_dict(struct render *r)
{
	struct dict *d = arena_new(r->mem, struct dict);
	r->memory += sizeof(*d);
	return (struct value){ .type = V_DICT, .dict = d };
}

static uint64_t hash_number(double n)
{
	uint64_t bits;
	n = n == 0 ? 0 : n; /* -0.0 */
	memcpy(&bits, &n, sizeof(bits));
	/* The low bits choose the place, and of small integers all the information is in the high ones. */
	bits = (bits ^ bits >> 32) * 0x9E3779B97F4A7C15U;
	return bits ^ bits >> 32;
}

static status hash_tuple(struct render *r, const struct list *l, uint64_t *out)
{
	uint64_t h = 0x345678, one;
	if (jinja_deeper(r) || jinja_step(r, l->len + 1))
		return -1;
	for (size_t i = 0; i < l->len; i++) {
		if (val_hash(r, l->at[i], &one))
			return -1;
		h = (h ^ one) * 0x100000001B3U;
	}
	r->depth--;
	*out = h;
	return 0;
}

status val_hash(struct render *r, struct value v, uint64_t *out)
{
	switch (v.type) {
	case V_NONE:
	case V_UNDEFINED: /* all of them are equal */
		*out = v.type;
		return 0;
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
		*out = hash_number(val_double(v));
		return 0;
	case V_STR:
		*out = str_hash(v.text);
		return jinja_step(r, v.text.len / 64);
	case V_TUPLE:
		return hash_tuple(r, v.list, out);
	case V_LIST:
	case V_DICT:
		return jinja_fail(r, "TypeError", "unhashable type: '%s'", val_type_name(v));
	default:
		return jinja_unsupported("a key of the type '%s'", val_type_name(v));
	}
}

static bool is_entry(struct render *r, const struct dict_entry *e, struct value key, uint64_t hash)
{
	r->steps++; /* keys that fall together on purpose cost what they take */
	return e->live && e->hash == hash && (val_same(e->key, key) || val_equal(r, e->key, key));
}

struct dict_entry *val_find(struct render *r, const struct dict *d, struct value key, uint64_t hash)
{
	if (!d->slots) {
		for (size_t i = 0; i < d->len; i++)
			if (is_entry(r, &d->at[i], key, hash))
				return &d->at[i];
		return NULL;
	}
	for (size_t i = hash & (d->slots_len - 1); d->slots[i]; i = (i + 1) & (d->slots_len - 1))
		if (is_entry(r, &d->at[d->slots[i] - 1], key, hash))
			return &d->at[d->slots[i] - 1];
	return NULL;
}

static void put_slot(struct dict *d, size_t entry)
{
	size_t i = d->at[entry].hash & (d->slots_len - 1);
	while (d->slots[i])
		i = (i + 1) & (d->slots_len - 1);
	d->slots[i] = (uint32_t)(entry + 1);
}

/* Slots for d->cap entries: a power of two, for the mask, and half empty, so that probing ends. */
static void dict_index(struct render *r, struct dict *d)
{
	d->slots_len = (size_t)DICT_SMALL * 2;
	while (d->slots_len < d->cap * 2)
		d->slots_len *= 2;
	d->slots = arena_array(r->mem, uint32_t, d->slots_len);
	for (size_t i = 0; i < d->len; i++)
		put_slot(d, i);
}

static status dict_grow(struct render *r, struct dict *d)
{
	size_t cap = d->cap ? d->cap * 2 : 4;
	if (jinja_charge(r, cap * sizeof(struct dict_entry) + cap * 4 * sizeof(uint32_t)))
		return -1;
	d->at = arena_grow(r->mem, d->at, d->cap * sizeof(struct dict_entry),
			   cap * sizeof(struct dict_entry));
	d->cap = cap;
	if (cap > DICT_SMALL)
		dict_index(r, d);
	return 0;
}

static status dict_add(struct render *r, struct dict *d, struct dict_entry e)
{
	if (d->len == d->cap && dict_grow(r, d))
		return -1;
	d->at[d->len] = e;
	d->at[d->len].live = true;
	if (d->slots)
		put_slot(d, d->len);
	d->tail = ++d->len;
	d->count++;
	return 0;
}

status val_set(struct render *r, struct dict *d, struct value key, struct value v)
{
	struct dict_entry e = { .key = key, .value = v };
	if (val_hash(r, key, &e.hash))
		return -1;
	struct dict_entry *old = val_find(r, d, key, e.hash);
	if (old) {
		old->value = v;
		return 0;
	}
	return dict_add(r, d, e);
}

status val_get(struct render *r, const struct dict *d, struct value key, struct value **out)
{
	uint64_t hash;
	if (val_hash(r, key, &hash))
		return -1;
	struct dict_entry *e = val_find(r, d, key, hash);
	*out = e ? &e->value : NULL;
	return 0;
}

struct value *val_get_str(struct render *r, const struct dict *d, struct str key)
{
	struct dict_entry *e = val_find(r, d, val_str(key), str_hash(key));
	return e ? &e->value : NULL;
}

/* The entry stays as a hole, so that the order and the slots of the others do not move. */
void val_remove(struct dict *d, const struct dict_entry *e)
{
	d->at[e - d->at].live = false;
	d->count--;
	while (d->head < d->tail && !d->at[d->head].live)
		d->head++;
	while (d->head < d->tail && !d->at[d->tail - 1].live)
		d->tail--;
}

/* --- inputs --- */

struct value val_from_json(struct render *r, const struct json *j)
{
	struct value v = val_none();
	switch (j->type) {
	case JSON_BOOL:
		return val_bool(j->boolean);
	case JSON_INT:
		return val_int(j->integer);
	case JSON_FLOAT:
		return val_float(j->number);
	case JSON_STR:
		return val_str(str_of(j->text, j->len));
	case JSON_ARR:
		v = val_new_list(r, V_LIST);
		v.list->at = arena_array(r->mem, struct value, j->len);
		v.list->len = v.list->cap = j->len;
		for (uint32_t i = 0; i < j->len; i++)
			v.list->at[i] = val_from_json(r, &j->items[i]);
		return v;
	case JSON_OBJ:
		v = val_new_dict(r);
		v.dict->at = arena_array(r->mem, struct dict_entry, j->len);
		v.dict->cap = v.dict->len = v.dict->tail = v.dict->count = j->len;
		for (uint32_t i = 0; i < j->len; i++)
			v.dict->at[i] = (struct dict_entry){
				.key = val_str(j->members[i].name),
				.value = val_from_json(r, &j->members[i].value),
				.hash = str_hash(j->members[i].name),
				.live = true,
			};
		if (j->len > DICT_SMALL)
			dict_index(r, v.dict);
		return v;
	default:
		return v;
	}
}

/* --- truth, equality --- */

bool val_truth(struct value v)
{
	switch (v.type) {
	case V_MISSING:
	case V_UNDEFINED:
	case V_NONE:
		return false;
	case V_BOOL:
		return v.boolean;
	case V_INT:
		return v.integer != 0;
	case V_FLOAT:
		return v.number != 0;
	case V_STR:
		return v.text.len > 0;
	case V_LIST:
	case V_TUPLE:
		return v.list->len > 0;
	case V_DICT:
	case V_VIEW:
		return v.dict->count > 0;
	case V_RANGE:
		return v.range->len > 0;
	default:
		return true;
	}
}

static bool number_equal(struct value a, struct value b)
{
	if (val_is_int(a) && val_is_int(b))
		return val_integer(a) == val_integer(b);
	double x = val_double(a), y = val_double(b);
	if (a.type == b.type || x != y)
		return x == y;
	/* An integer beyond 2^53 may have been rounded. */
	struct value f = a.type == V_FLOAT ? a : b, n = a.type == V_FLOAT ? b : a;
	return f.number >= -0x1p63 && f.number < 0x1p63 && (int64_t)f.number == val_integer(n);
}

static bool dict_equal(struct render *r, const struct dict *a, const struct dict *b)
{
	if (a->count != b->count || jinja_step(r, (a->tail - a->head) / 16))
		return false;
	for (size_t i = a->head; i < a->tail; i++) {
		if (!a->at[i].live)
			continue;
		const struct dict_entry *e = val_find(r, b, a->at[i].key, a->at[i].hash);
		if (!e || !(val_same(a->at[i].value, e->value) || val_equal(r, a->at[i].value, e->value)))
			return false;
	}
	return true;
}

static bool list_equal(struct render *r, const struct list *a, const struct list *b)
{
	if (a == b)
		return true;
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!val_same(a->at[i], b->at[i]) && !val_equal(r, a->at[i], b->at[i]))
			return false;
	return true;
}

static bool range_equal(const struct range *a, const struct range *b)
{
	if (a->len != b->len)
		return false;
	return !a->len || (a->start == b->start && (a->len == 1 || a->step == b->step));
}

static bool equal_inside(struct render *r, struct value a, struct value b)
{
	switch (a.type) {
	case V_UNDEFINED:
	case V_NONE:
		return true;
	case V_STR:
		r->steps += (int64_t)(MIN(a.text.len, b.text.len) / 64);
		return str_eq(a.text, b.text);
	case V_LIST:
	case V_TUPLE:
		return list_equal(r, a.list, b.list);
	case V_DICT:
		return a.dict == b.dict || dict_equal(r, a.dict, b.dict);
	case V_RANGE:
		return range_equal(a.range, b.range);
	default:
		return val_same(a, b);
	}
}

/* Lists that hold the same list many times make trees of any size: every pair that is looked at counts. */
bool val_equal(struct render *r, struct value a, struct value b)
{
	if (val_is_number(a) && val_is_number(b))
		return number_equal(a, b);
	if (a.type != b.type || jinja_step(r, 1))
		return false;
	if (r->comparing == EQUAL_DEPTH_MAX) {
		r->unsure = true;
		return false;
	}
	r->comparing++;
	bool equal = equal_inside(r, a, b);
	r->comparing--;
	return equal;
}

bool val_same(struct value a, struct value b)
{
	if (a.type != b.type)
		return false;
	switch (a.type) {
	case V_NONE:
		return true;
	case V_BOOL:
		return a.boolean == b.boolean;
	case V_INT:
		return a.integer == b.integer;
	case V_FLOAT:
		return a.number == b.number;
	case V_STR:
		return a.text.at == b.text.at && a.text.len == b.text.len;
	case V_METHOD:
		return a.method->row == b.method->row && val_same(a.method->self, b.method->self);
	default:
		return a.list == b.list && a.view == b.view;
	}
}

const char *val_type_name(struct value v)
{
	static const char *const names[] = {
		[V_MISSING] = "",
		[V_UNDEFINED] = "jinja2.runtime.Undefined",
		[V_NONE] = "NoneType",
		[V_BOOL] = "bool",
		[V_INT] = "int",
		[V_FLOAT] = "float",
		[V_STR] = "str",
		[V_LIST] = "list",
		[V_TUPLE] = "tuple",
		[V_DICT] = "dict",
		[V_RANGE] = "range",
		[V_LOOP] = "jinja2.runtime.LoopContext",
		[V_MACRO] = "jinja2.runtime.Macro",
		[V_NAMESPACE] = "jinja2.utils.Namespace",
		[V_CYCLER] = "jinja2.utils.Cycler",
		[V_JOINER] = "jinja2.utils.Joiner",
		[V_METHOD] = "builtin_function_or_method",
	};
	static const char *const views[] = { "dict_keys", "dict_values", "dict_items" };
	if (v.type == V_STR && v.safe)
		return "markupsafe.Markup";
	if (v.type == V_ITER)
		return v.iter->name;
	if (v.type == V_METHOD && v.method->self.type == V_STR && v.method->self.safe)
		return "method";
	if (v.type == V_FUNCTION) /* the other globals are classes */
		return v.function->fn || v.function->any ? "type" : "function";
	return v.type == V_VIEW ? views[v.view] : names[v.type];
}

/* The last part of the name, as Python's own messages have it. */
const char *val_short_name(struct value v)
{
	const char *name = val_type_name(v), *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

status val_length(struct render *r, struct value v, int64_t *out)
{
	switch (v.type) {
	case V_UNDEFINED:
		*out = 0;
		return 0;
	case V_STR:
		*out = (int64_t)utf8_count(v.text);
		return jinja_step(r, v.text.len / 64);
	case V_LIST:
	case V_TUPLE:
		*out = (int64_t)v.list->len;
		return 0;
	case V_DICT:
	case V_VIEW:
		*out = (int64_t)v.dict->count;
		return 0;
	case V_RANGE:
		*out = v.range->len;
		return 0;
	case V_LOOP:
		return jinja_loop_length(r, v.loop, out);
	default:
		return jinja_fail(r, "TypeError", "object of type '%s' has no len()", val_short_name(v));
	}
}

/* --- going over things --- */

bool val_iterable(struct value v)
{
	switch (v.type) {
	case V_UNDEFINED:
	case V_STR:
	case V_LIST:
	case V_TUPLE:
	case V_DICT:
	case V_VIEW:
	case V_RANGE:
	case V_ITER:
	case V_LOOP:
		return true;
	default:
		return false;
	}
}

struct value val_new_iter(struct render *r, struct list *l, const char *name)
{
	struct iter *it = arena_new(r->mem, struct iter);
	r->memory += sizeof(*it);
	it->list = l;
	it->name = name;
	return (struct value){ .type = V_ITER, .iter = it };
}

status val_iterate(struct render *r, struct value v, struct cursor *out)
{
	if (!val_iterable(v))
		return jinja_fail(r, "TypeError", "'%s' object is not iterable", val_short_name(v));
	if (v.type == V_LOOP)
		return jinja_unsupported("going over the loop object");
	*out = (struct cursor){ .of = v };
	if (v.type == V_DICT || v.type == V_VIEW)
		out->count = v.dict->count;
	return 0;
}

static status next_entry(struct render *r, struct cursor *c, struct value *out, bool *got)
{
	const struct dict *d = c->of.dict;
	if (d->count != c->count)
		return jinja_fail(r, "RuntimeError", "dictionary changed size during iteration");
	for (c->at = MAX(c->at, d->head); c->at < d->tail && !d->at[c->at].live; c->at++)
		if (jinja_step(r, 1))
			return -1;
	*got = c->at < d->tail;
	if (!*got)
		return 0;
	const struct dict_entry *e = &d->at[c->at++];
	*out = e->key;
	if (c->of.type == V_VIEW && c->of.view == VIEW_VALUES)
		*out = e->value;
	if (c->of.type != V_VIEW || c->of.view != VIEW_ITEMS)
		return 0;
	struct value pair = val_new_list(r, V_TUPLE);
	if (val_push(r, pair.list, e->key) || val_push(r, pair.list, e->value))
		return -1;
	*out = pair;
	return 0;
}

static status next_any(struct render *r, struct cursor *c, struct value *out, bool *got)
{
	struct value v = c->of;
	size_t from = c->at;
	*got = false;
	switch (v.type) {
	case V_STR:
		*got = c->at < v.text.len;
		if (*got) {
			utf8_next(v.text, &c->at);
			*out = val_str(str_sub(v.text, from, c->at - from));
		}
		return 0;
	case V_LIST:
	case V_TUPLE:
		*got = c->at < v.list->len;
		if (*got)
			*out = v.list->at[c->at++];
		return 0;
	case V_DICT:
	case V_VIEW:
		return next_entry(r, c, out, got);
	case V_RANGE:
		*got = (int64_t)c->at < v.range->len;
		if (*got)
			*out = val_int(v.range->start + (int64_t)c->at++ * v.range->step);
		return 0;
	case V_ITER:
		*got = v.iter->at < v.iter->list->len;
		if (*got)
			*out = v.iter->list->at[v.iter->at++];
		else if (v.iter->failure) {
			struct err *failure = v.iter->failure;
			v.iter->failure = NULL;
			return err_restore(failure);
		}
		return 0;
	default:
		return 0;
	}
}

status val_next(struct render *r, struct cursor *c, struct value *out, bool *got)
{
	bool yes = true;
	do {
		if (jinja_step(r, 1) || next_any(r, c, out, got))
			return -1;
		if (!*got || !c->filter)
			return 0;
		struct activation *before = r->now;
		r->now = c->scope;
		if (jinja_loop_test(r, c->filter, *out, &yes))
			return -1;
		r->now = before;
	} while (!yes);
	return 0;
}

status val_to_list(struct render *r, struct value v, struct value *out)
{
	struct cursor c;
	struct value list = val_new_list(r, V_LIST), item;
	bool got;
	if (val_iterate(r, v, &c))
		return -1;
	for (;;) {
		if (val_next(r, &c, &item, &got))
			return -1;
		if (!got)
			break;
		if (val_push(r, list.list, item))
			return -1;
	}
	*out = list;
	return 0;
}
