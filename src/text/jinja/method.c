/* SPDX-License-Identifier: Apache-2.0 */
/* method: the methods of lists, dicts, numbers, loops and cyclers. */
#include "text/jinja/jinja_int.h"

#include <math.h>
#include <string.h>

/* --- list --- */

static status list_append(struct render *r, struct value self, struct args *a, struct value *out)
{
	*out = val_none();
	return val_push(r, self.list, a->at[0]);
}

static status list_extend(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct value all;
	if (!val_iterable(a->at[0]))
		return jinja_fail(r, "TypeError", "'%s' object is not iterable", val_short_name(a->at[0]));
	if (val_to_list(r, a->at[0], &all))
		return -1;
	for (size_t i = 0; i < all.list->len; i++)
		if (val_push(r, self.list, all.list->at[i]))
			return -1;
	*out = val_none();
	return 0;
}

static status list_insert(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct list *l = self.list;
	int64_t at, n = (int64_t)l->len;
	if (!val_is_int(a->at[0]) || !method_int(a, 0, 0, &at))
		return method_refuse("insert");
	at = at < 0 ? MAX(at + n, 0) : MIN(at, n);
	if (val_push(r, l, a->at[1]) || jinja_step(r, (size_t)(n - at) / 16))
		return -1;
	memmove(&l->at[at + 1], &l->at[at], (size_t)(n - at) * sizeof(*l->at));
	l->at[at] = a->at[1];
	*out = val_none();
	return 0;
}

static void take_at(struct list *l, size_t at)
{
	memmove(&l->at[at], &l->at[at + 1], (l->len - at - 1) * sizeof(*l->at));
	l->len--;
}

static status list_pop(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct list *l = self.list;
	int64_t at, n = (int64_t)l->len;
	if ((a->len && !val_is_int(a->at[0])) || !method_int(a, 0, -1, &at))
		return method_refuse("pop");
	if (!n)
		return jinja_fail(r, "IndexError", "pop from empty list");
	at = at < 0 ? at + n : at;
	if (at < 0 || at >= n)
		return jinja_fail(r, "IndexError", "pop index out of range");
	*out = l->at[at];
	take_at(l, (size_t)at);
	return jinja_step(r, (size_t)(n - at) / 16);
}

static bool same(struct render *r, struct value a, struct value b)
{
	return val_same(a, b) || val_equal(r, a, b);
}

static status list_remove(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct list *l = self.list;
	for (size_t i = 0; i < l->len; i++) {
		if (jinja_step(r, 1))
			return -1;
		if (!same(r, l->at[i], a->at[0]))
			continue;
		take_at(l, i);
		*out = val_none();
		return 0;
	}
	return jinja_fail(r, "ValueError", "list.remove(x): x not in list");
}

static status list_index(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct str shown;
	for (size_t i = 0; i < self.list->len; i++) {
		if (jinja_step(r, 1))
			return -1;
		if (!same(r, self.list->at[i], a->at[0]))
			continue;
		*out = val_int((int64_t)i);
		return 0;
	}
	if (self.type == V_TUPLE)
		return jinja_fail(r, "ValueError", "tuple.index(x): x not in tuple");
	if (val_repr_of(r, a->at[0], &shown))
		return -1;
	return jinja_fail(r, "ValueError", "%.*s is not in list", STR(shown));
}

static status list_count(struct render *r, struct value self, struct args *a, struct value *out)
{
	int64_t n = 0;
	for (size_t i = 0; i < self.list->len; i++)
		n += same(r, self.list->at[i], a->at[0]);
	*out = val_int(n);
	return jinja_step(r, self.list->len);
}

static status list_reverse(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct list *l = self.list;
	(void)a;
	for (size_t i = 0; i < l->len / 2; i++) {
		struct value v = l->at[i];
		l->at[i] = l->at[l->len - 1 - i];
		l->at[l->len - 1 - i] = v;
	}
	*out = val_none();
	return jinja_step(r, l->len);
}

static status list_sort(struct render *r, struct value self, struct args *a, struct value *out)
{
	bool reverse = false;
	if (a->len)
		return method_refuse("sort");
	for (size_t i = 0; i < a->named_len; i++) {
		if (!str_eq(a->named[i].name, S("reverse")) || !val_is_int(a->named[i].value))
			return method_refuse("sort");
		reverse = val_truth(a->named[i].value);
	}
	*out = val_none();
	return op_sort(r, self.list, NULL, reverse ? SORT_REVERSE : 0);
}

static status list_copy(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	return val_to_list(r, self, out);
}

static status list_clear(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	self.list->len = 0;
	*out = val_none();
	return jinja_step(r, 1);
}

const struct method_row jinja_list_methods[] = {
	{ .name = "append", list_append, 1, 1 },
	{ .name = "extend", list_extend, 1, 1 },
	{ .name = "insert", list_insert, 2, 2 },
	{ .name = "pop", list_pop, 0, 1 },
	{ .name = "remove", list_remove, 1, 1 },
	{ .name = "index", list_index, 1, 1 },
	{ .name = "count", list_count, 1, 1 },
	{ .name = "reverse", list_reverse, 0, 0 },
	{ .name = "sort", list_sort, 0, -1 },
	{ .name = "copy", list_copy, 0, 0 },
	{ .name = "clear", list_clear, 0, 0 },
	{ .name = NULL },
};
const struct method_row jinja_tuple_methods[] = {
	{ .name = "index", list_index, 1, 1 },
	{ .name = "count", list_count, 1, 1 },
	{ .name = NULL },
};

/* --- dict --- */

static struct value view_of(struct dict *d, uint8_t view)
{
	return (struct value){ .type = V_VIEW, .view = view, .dict = d };
}

static status dict_keys(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = view_of(self.dict, VIEW_KEYS);
	return jinja_step(r, 1);
}

static status dict_values(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = view_of(self.dict, VIEW_VALUES);
	return jinja_step(r, 1);
}

static status dict_items(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = view_of(self.dict, VIEW_ITEMS);
	return jinja_step(r, 1);
}

static status dict_get(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct value *v;
	if (val_get(r, self.dict, a->at[0], &v))
		return -1;
	*out = v ? *v : a->len > 1 ? a->at[1] : val_none();
	return 0;
}

static status dict_setdefault(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct value *v;
	if (val_get(r, self.dict, a->at[0], &v))
		return -1;
	*out = v ? *v : a->len > 1 ? a->at[1] : val_none();
	return v ? 0 : val_set(r, self.dict, a->at[0], *out);
}

static status dict_pop(struct render *r, struct value self, struct args *a, struct value *out)
{
	uint64_t hash = 0;
	struct str shown;
	if (self.dict->count && val_hash(r, a->at[0], &hash))
		return -1;
	struct dict_entry *e = val_find(r, self.dict, a->at[0], hash);
	if (e) {
		*out = e->value;
		val_remove(self.dict, e);
		return 0;
	}
	if (a->len > 1) {
		*out = a->at[1];
		return 0;
	}
	return val_repr_of(r, a->at[0], &shown) ? -1 : jinja_fail(r, "KeyError", "%.*s", STR(shown));
}

static status dict_popitem(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	if (!self.dict->count)
		return jinja_fail(r, "KeyError", "'popitem(): dictionary is empty'");
	struct dict_entry *e = &self.dict->at[self.dict->tail - 1];
	struct value pair = val_new_list(r, V_TUPLE);
	if (val_push(r, pair.list, e->key) || val_push(r, pair.list, e->value))
		return -1;
	val_remove(self.dict, e);
	*out = pair;
	return 0;
}

static status dict_update(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct value all;
	if (jinja_find_global(S("dict"))->any(r, a, &all))
		return -1;
	for (size_t i = 0; i < all.dict->len; i++)
		if (val_set(r, self.dict, all.dict->at[i].key, all.dict->at[i].value))
			return -1;
	*out = val_none();
	return 0;
}

static status dict_copy(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct args one = { .at = &self, .len = 1 };
	(void)a;
	return jinja_find_global(S("dict"))->any(r, &one, out);
}

static status dict_clear(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*self.dict = (struct dict){ 0 };
	*out = val_none();
	return jinja_step(r, 1);
}

const struct method_row jinja_dict_methods[] = {
	{ .name = "keys", dict_keys, 0, 0 },
	{ .name = "values", dict_values, 0, 0 },
	{ .name = "items", dict_items, 0, 0 },
	{ .name = "get", dict_get, 1, 2 },
	{ .name = "setdefault", dict_setdefault, 1, 2 },
	{ .name = "pop", dict_pop, 1, 2 },
	{ .name = "popitem", dict_popitem, 0, 0 },
	{ .name = "update", dict_update, 0, -1 },
	{ .name = "copy", dict_copy, 0, 0 },
	{ .name = "clear", dict_clear, 0, 0 },
	{ .name = "fromkeys" },
	{ .name = NULL },
};
const struct method_row jinja_view_methods[] = {
	{ .name = "mapping" },
	{ .name = "isdisjoint" },
	{ .name = NULL },
};

/* --- numbers and ranges --- */

static status float_is_integer(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	*out = val_bool(isfinite(self.number) && trunc(self.number) == self.number);
	return jinja_step(r, 1);
}

static status int_bit_length(struct render *r, struct value self, struct args *a, struct value *out)
{
	int64_t n = val_integer(self), bits = 0;
	(void)a;
	for (uint64_t m = n < 0 ? 0 - (uint64_t)n : (uint64_t)n; m; m >>= 1)
		bits++;
	*out = val_int(bits);
	return jinja_step(r, 1);
}

const struct method_row jinja_int_methods[] = {
	{ .name = "bit_length", int_bit_length, 0, 0 },
	{ .name = "as_integer_ratio" },
	{ .name = "bit_count" },
	{ .name = "conjugate" },
	{ .name = "from_bytes" },
	{ .name = "to_bytes" },
	{ .name = NULL },
};
const struct method_row jinja_float_methods[] = {
	{ .name = "is_integer", float_is_integer, 0, 0 },
	{ .name = "as_integer_ratio" },
	{ .name = "conjugate" },
	{ .name = "fromhex" },
	{ .name = "hex" },
	{ .name = NULL },
};
const struct method_row jinja_range_methods[] = {
	{ .name = "index" },
	{ .name = "count" },
	{ .name = NULL },
};

/* --- loop and cycler --- */

static status loop_cycle(struct render *r, struct value self, struct args *a, struct value *out)
{
	if (a->named_len)
		return method_refuse("cycle");
	if (!a->len)
		return jinja_fail(r, "TypeError", "no items for cycling given");
	*out = a->at[(size_t)self.loop->index0 % a->len];
	return 0;
}

static status loop_changed(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct loop_state *l = self.loop;
	struct value now = val_new_list(r, V_TUPLE), before = { .type = V_TUPLE, .list = l->changed };
	if (a->named_len)
		return method_refuse("changed");
	for (size_t i = 0; i < a->len; i++)
		if (val_push(r, now.list, a->at[i]))
			return -1;
	*out = val_bool(!l->changed || !val_equal(r, before, now));
	if (out->boolean)
		l->changed = now.list;
	return 0;
}

const struct method_row jinja_loop_methods[] = {
	{ .name = "cycle", loop_cycle, 0, -1 },
	{ .name = "changed", loop_changed, 0, -1 },
	{ .name = NULL },
};

static status cycler_next(struct render *r, struct value self, struct args *a, struct value *out)
{
	struct cycler *c = self.cycler;
	(void)a;
	*out = c->items->at[c->at];
	c->at = (c->at + 1) % c->items->len;
	return jinja_step(r, 1);
}

static status cycler_reset(struct render *r, struct value self, struct args *a, struct value *out)
{
	(void)a;
	self.cycler->at = 0;
	*out = val_none();
	return jinja_step(r, 1);
}

const struct method_row jinja_cycler_methods[] = {
	{ .name = "next", cycler_next, 0, 0 },
	{ .name = "reset", cycler_reset, 0, 0 },
	{ .name = "items" },
	{ .name = "pos" },
	{ .name = NULL },
};

const struct method_row *jinja_find_method(struct value v, struct str name)
{
	static const struct method_row *const types[] = {
		[V_BOOL] = jinja_int_methods,	 [V_INT] = jinja_int_methods,
		[V_FLOAT] = jinja_float_methods, [V_STR] = jinja_str_methods,
		[V_LIST] = jinja_list_methods,	 [V_TUPLE] = jinja_tuple_methods,
		[V_DICT] = jinja_dict_methods,	 [V_VIEW] = jinja_view_methods,
		[V_RANGE] = jinja_range_methods, [V_LOOP] = jinja_loop_methods,
		[V_CYCLER] = jinja_cycler_methods,
	};
	const struct method_row *row = v.type < countof(types) ? types[v.type] : NULL;
	for (; row && row->name; row++)
		if (str_eq(name, str_c(row->name)))
			return row;
	return NULL;
}
