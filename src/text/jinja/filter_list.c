/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_list: filters over lists and dicts. Those that are generators in Python are computed at
 * once here, and a failure on the way is kept for the reader who gets that far.
 */
#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

#include <string.h>

/* --- attributes by path --- */

static status step_into(struct render *r, struct value *item, struct str part)
{
	bool digits = part.len > 0 && part.len < 18;
	struct value key = val_str(part);
	for (size_t i = 0; i < part.len; i++)
		digits = digits && part.at[i] >= '0' && part.at[i] <= '9';
	if (digits) {
		int64_t n;
		if (str_to_i64(part, &n))
			return -1;
		key = val_int(n);
	}
	return val_item(r, *item, key, item);
}

/* "a.b.0" or a number; nothing for V_MISSING and None. */
status filter_attribute_of(struct render *r, struct value item, struct value attribute, struct value fallback,
			   struct value *out)
{
	bool with = val_given(fallback) && fallback.type != V_NONE;
	if (attribute.type == V_STR) {
		struct str rest = attribute.text;
		do {
			if (step_into(r, &item, str_cut(&rest, '.')))
				return -1;
			if (with && item.type == V_UNDEFINED)
				item = fallback;
		} while (rest.at);
	} else if (val_given(attribute) && attribute.type != V_NONE) {
		if (val_item(r, item, attribute, &item))
			return -1;
		if (with && item.type == V_UNDEFINED)
			item = fallback;
	}
	*out = item;
	return 0;
}

static status ignore_case(struct render *r, bool case_sensitive, struct value *v)
{
	if (case_sensitive || v->type != V_STR)
		return 0;
	bool safe = v->safe;
	if (text_case(r, v->text, TEXT_LOWER, v))
		return -1;
	v->safe = safe; /* error texts tell a Markup from a str */
	return 0;
}

/* What sort, min, max, unique and groupby compare. */
static status key_of(struct render *r, struct value item, struct value attribute, bool case_sensitive,
		     struct value *out)
{
	struct value none = { V_MISSING };
	return filter_attribute_of(r, item, attribute, none, out) || ignore_case(r, case_sensitive, out) ? -1
													 : 0;
}

/* --- lists --- */

status filter_list(struct render *r, struct value *v, struct value *out)
{
	return val_to_list(r, v[0], out);
}

status filter_first(struct render *r, struct value *v, struct value *out)
{
	struct cursor c;
	bool got;
	if (val_iterate(r, v[0], &c) || val_next(r, &c, out, &got))
		return -1;
	if (!got)
		*out = val_undefined_hint(r, S("No first item, sequence was empty."));
	return 0;
}

static status not_reversible(struct render *r, struct value v)
{
	return jinja_fail(r, "TypeError", "'%s' object is not reversible", val_short_name(v));
}

status filter_last(struct render *r, struct value *v, struct value *out)
{
	struct value list;
	if (v[0].type == V_LOOP || v[0].type == V_NAMESPACE)
		return jinja_unsupported("last of a %s", val_short_name(v[0]));
	if (!val_iterable(v[0]) || v[0].type == V_ITER)
		return not_reversible(r, v[0]);
	if (val_to_list(r, v[0], &list))
		return -1;
	*out = list.list->len ? list.list->at[list.list->len - 1]
			      : val_undefined_hint(r, S("No last item, sequence was empty."));
	return 0;
}

static void turn(struct list *l)
{
	for (size_t i = 0; i < l->len / 2; i++) {
		struct value v = l->at[i];
		l->at[i] = l->at[l->len - 1 - i];
		l->at[l->len - 1 - i] = v;
	}
}

static const char *reverse_name(struct value v)
{
	switch (v.type) {
	case V_LIST:
		return "list_reverseiterator";
	case V_RANGE:
		return "range_iterator";
	case V_DICT:
		return "dict_reversekeyiterator";
	case V_VIEW:
		return v.view == VIEW_KEYS     ? "dict_reversekeyiterator"
		       : v.view == VIEW_VALUES ? "dict_reversevalueiterator"
					       : "dict_reverseitemiterator";
	default:
		return "reversed";
	}
}

/* What the package makes of any TypeError, even one from inside the items. */
static status cannot_turn(struct render *r)
{
	return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"), "argument must be iterable");
}

status filter_reverse(struct render *r, struct value *v, struct value *out)
{
	struct value list;
	if (v[0].type == V_LOOP)
		return jinja_unsupported("reverse of a loop");
	if (!val_iterable(v[0]))
		return cannot_turn(r);
	if (val_to_list(r, v[0], &list)) {
		bool type_error = err_code() == ERR_INVALID && str_starts(err_text(), S("TypeError: "));
		return type_error ? cannot_turn(r) : -1;
	}
	turn(list.list);
	if (v[0].type == V_STR) {
		struct buf b = jinja_buf(r);
		for (size_t i = 0; i < list.list->len; i++)
			buf_put(&b, list.list->at[i].text);
		if (jinja_done(r, &b, out))
			return -1;
		out->safe = v[0].safe;
		return 0;
	}
	*out = v[0].type == V_ITER ? list : val_new_iter(r, list.list, reverse_name(v[0]));
	return 0;
}

status filter_join(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	struct str separator = S("");
	struct cursor c;
	struct value item, none = { V_MISSING };
	bool got;
	if (val_given(v[1]) && val_str_of(r, v[1], &separator))
		return -1;
	if (val_iterate(r, v[0], &c))
		return -1;
	for (size_t i = 0;; i++) {
		if (val_next(r, &c, &item, &got))
			return -1;
		if (!got)
			return jinja_done(r, &b, out);
		if (i)
			buf_put(&b, separator);
		if (filter_attribute_of(r, item, v[2], none, &item) || val_print(r, &b, item))
			return -1;
	}
}

status filter_sum(struct render *r, struct value *v, struct value *out)
{
	struct value sum = val_given(v[2]) ? v[2] : val_int(0), item, none = { V_MISSING };
	struct cursor c;
	bool got;
	if (val_iterate(r, v[0], &c))
		return -1;
	if (sum.type == V_STR)
		return jinja_fail(r, "TypeError", "sum() can't sum strings [use ''.join(seq) instead]");
	for (;;) {
		if (val_next(r, &c, &item, &got))
			return -1;
		if (!got)
			break;
		if (filter_attribute_of(r, item, v[1], none, &item) || op_binary(r, OP_ADD, sum, item, &sum))
			return -1;
	}
	*out = sum;
	return 0;
}

static status extreme(struct render *r, struct value *v, bool largest, struct value *out)
{
	struct cursor c;
	struct value item, key, best_key;
	bool got, any = false, case_sensitive = filter_flag(v[1], false);
	int order;
	if (val_iterate(r, v[0], &c))
		return -1;
	for (;; any = true) {
		if (val_next(r, &c, &item, &got))
			return -1;
		if (!got)
			break;
		if (key_of(r, item, v[2], case_sensitive, &key))
			return -1;
		if (any && op_order(r, key, best_key, largest ? ">" : "<", &order))
			return -1;
		if (!any || (largest ? order == 1 : order < 0)) {
			best_key = key;
			*out = item;
		}
	}
	if (!any)
		*out = val_undefined_hint(r, S("No aggregated item, sequence was empty."));
	return 0;
}

status filter_min(struct render *r, struct value *v, struct value *out)
{
	return extreme(r, v, false, out);
}

status filter_max(struct render *r, struct value *v, struct value *out)
{
	return extreme(r, v, true, out);
}

/* --- sorting --- */

/* "a,b": one key made of several. */
static status sort_key(struct render *r, struct value item, struct value attribute, bool case_sensitive,
		       struct value *out)
{
	if (attribute.type != V_STR || str_find_char(attribute.text, ',') == SIZE_MAX)
		return key_of(r, item, attribute, case_sensitive, out);
	struct value key = val_new_list(r, V_LIST), part;
	struct str rest = attribute.text;
	do {
		if (key_of(r, item, val_str(str_cut(&rest, ',')), case_sensitive, &part) ||
		    val_push(r, key.list, part))
			return -1;
	} while (rest.at);
	*out = key;
	return 0;
}

/* Python wants a number there, not just something true. */
static status reverse_flag(struct render *r, struct value v, unsigned *how)
{
	*how = val_given(v) && val_truth(v) ? SORT_REVERSE : 0;
	if (!val_given(v) || val_is_int(v))
		return 0;
	return jinja_fail(r, "TypeError", "'%s' object cannot be interpreted as an integer", val_short_name(v));
}

status filter_sort(struct render *r, struct value *v, struct value *out)
{
	struct value list, keys = val_new_list(r, V_LIST), key;
	bool case_sensitive = filter_flag(v[2], false);
	unsigned how;
	if (val_to_list(r, v[0], &list) || reverse_flag(r, v[1], &how))
		return -1;
	for (size_t i = 0; i < list.list->len; i++)
		if (sort_key(r, list.list->at[i], v[3], case_sensitive, &key) || val_push(r, keys.list, key))
			return -1;
	*out = list;
	return op_sort(r, list.list, keys.list->at, SORT_IN_LISTS | how);
}

status filter_dictsort(struct render *r, struct value *v, struct value *out)
{
	bool case_sensitive = filter_flag(v[1], false), by_value = false;
	unsigned how;
	struct value list, keys = val_new_list(r, V_LIST), key;
	if (val_given(v[2])) {
		by_value = v[2].type == V_STR && str_eq(v[2].text, S("value"));
		if (!by_value && (v[2].type != V_STR || !str_eq(v[2].text, S("key"))))
			return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
					  "You can only sort by either \"key\" or \"value\"");
	}
	if (v[0].type == V_UNDEFINED)
		return val_fail_undefined(r, v[0]);
	if (v[0].type != V_DICT) {
		if (v[0].type >= V_VIEW)
			return jinja_unsupported("dictsort of a %s", val_short_name(v[0]));
		return jinja_fail(r, "AttributeError", "'%s' object has no attribute 'items'",
				  val_short_name(v[0]));
	}
	struct value items = { .type = V_VIEW, .view = VIEW_ITEMS, .dict = v[0].dict };
	if (val_to_list(r, items, &list) || reverse_flag(r, v[3], &how))
		return -1;
	for (size_t i = 0; i < list.list->len; i++) {
		key = list.list->at[i].list->at[by_value];
		if (ignore_case(r, case_sensitive, &key) || val_push(r, keys.list, key))
			return -1;
	}
	*out = list;
	return op_sort(r, list.list, keys.list->at, how);
}

static status new_group(struct render *r, struct value key, struct value *group)
{
	struct value items = val_new_list(r, V_LIST);
	*group = val_new_list(r, V_TUPLE);
	group->safe = true;
	return val_push(r, group->list, key) || val_push(r, group->list, items) ? -1 : 0;
}

status filter_groupby(struct render *r, struct value *v, struct value *out)
{
	bool case_sensitive = filter_flag(v[3], false);
	struct value list, keys = val_new_list(r, V_LIST), groups = val_new_list(r, V_LIST), key, group, name;
	if (val_to_list(r, v[0], &list))
		return -1;
	for (size_t i = 0; i < list.list->len; i++)
		if (filter_attribute_of(r, list.list->at[i], v[1], v[2], &key) ||
		    ignore_case(r, case_sensitive, &key) || val_push(r, keys.list, key))
			return -1;
	/* The keys go along as items of pairs would: sort them by themselves, stably. */
	struct list sorted_keys = { 0 };
	for (size_t i = 0; i < keys.list->len; i++)
		if (val_push(r, &sorted_keys, keys.list->at[i]))
			return -1;
	if (op_sort(r, list.list, keys.list->at, 0) || op_sort(r, &sorted_keys, NULL, 0))
		return -1;
	for (size_t i = 0; i < list.list->len; i++) {
		struct value item = list.list->at[i];
		if (!i || !val_equal(r, sorted_keys.at[i], sorted_keys.at[i - 1])) {
			name = sorted_keys.at[i];
			if ((!case_sensitive && filter_attribute_of(r, item, v[1], v[2], &name)) ||
			    new_group(r, name, &group) || val_push(r, groups.list, group))
				return -1;
		}
		if (val_push(r, group.list->at[1].list, item))
			return -1;
	}
	*out = groups;
	return 0;
}

/* --- generators --- */

/* Where a generator stood when it failed: evaluation leaves its counters behind. */
struct mark {
	struct activation *now;
	struct buf *out;
	int depth;
	uint32_t line;
};

static struct mark mark_of(const struct render *r)
{
	return (struct mark){ r->now, r->out, r->depth, r->line };
}

/* Keeps a template's own failure for the reader; the others end the rendering. */
static status keep_failure(struct render *r, struct mark m, struct iter *it)
{
	if (err_code() != ERR_INVALID)
		return -1;
	it->failure = arena_new(r->mem, struct err);
	err_save(it->failure);
	r->now = m.now;
	r->out = m.out;
	r->depth = m.depth;
	r->line = m.line;
	return jinja_charge(r, sizeof(struct err));
}

static struct value generator(struct render *r)
{
	return val_new_iter(r, val_new_list(r, V_LIST).list, "generator");
}

status filter_unique(struct render *r, struct value *v, struct value *out)
{
	struct value it = generator(r), seen = val_new_dict(r), list, key, *old;
	struct mark m = mark_of(r);
	*out = it;
	if (val_to_list(r, v[0], &list))
		return keep_failure(r, m, it.iter);
	for (size_t i = 0; i < list.list->len; i++) {
		if (key_of(r, list.list->at[i], v[2], filter_flag(v[1], false), &key) ||
		    val_get(r, seen.dict, key, &old))
			return keep_failure(r, m, it.iter);
		if (!old && (val_set(r, seen.dict, key, val_none()) ||
			     val_push(r, it.iter->list, list.list->at[i])))
			return -1;
	}
	return 0;
}

status filter_items(struct render *r, struct value *v, struct value *out)
{
	struct value it = generator(r), view = { .type = V_VIEW, .view = VIEW_ITEMS, .dict = v[0].dict }, list;
	struct mark m = mark_of(r);
	*out = it;
	if (v[0].type == V_UNDEFINED)
		return 0;
	if (v[0].type != V_DICT) {
		jinja_fail(r, "TypeError", "Can only get item pairs from a mapping.");
		return keep_failure(r, m, it.iter);
	}
	if (val_to_list(r, view, &list))
		return -1;
	it.iter->list = list.list;
	return 0;
}

/* A list of items start..end of another. */
static status part_of(struct render *r, const struct list *from, int64_t start, int64_t end,
		      struct value *out)
{
	struct value part = val_new_list(r, V_LIST);
	for (int64_t i = start; i < end && i < (int64_t)from->len; i++)
		if (val_push(r, part.list, from->at[i]))
			return -1;
	*out = part;
	return 0;
}

static bool fills(struct value v)
{
	return val_given(v) && v.type != V_NONE;
}

status filter_slice(struct render *r, struct value *v, struct value *out)
{
	struct value it = generator(r), list, part;
	struct mark m = mark_of(r);
	*out = it;
	if (!val_is_int(v[1]))
		return jinja_unsupported("slice by something else than a number");
	if (val_to_list(r, v[0], &list))
		return keep_failure(r, m, it.iter);
	int64_t slices = val_integer(v[1]), n = (int64_t)list.list->len, offset = 0;
	if (!slices) {
		jinja_fail(r, "ZeroDivisionError", "integer division or modulo by zero");
		return keep_failure(r, m, it.iter);
	}
	if (slices < 0)
		return 0;
	for (int64_t i = 0, each = n / slices, extra = n % slices; i < slices; i++) {
		int64_t start = offset + i * each;
		offset += i < extra;
		if (part_of(r, list.list, start, offset + (i + 1) * each, &part) ||
		    (i >= extra && fills(v[2]) && val_push(r, part.list, v[2])) ||
		    val_push(r, it.iter->list, part) || jinja_step(r, 1))
			return -1;
	}
	return 0;
}

status filter_batch(struct render *r, struct value *v, struct value *out)
{
	struct value it = generator(r), list, part;
	struct mark m = mark_of(r);
	*out = it;
	if (!val_is_int(v[1]) || val_integer(v[1]) < 1)
		return jinja_unsupported("batch by something else than a positive number");
	if (val_to_list(r, v[0], &list))
		return keep_failure(r, m, it.iter);
	int64_t n = (int64_t)list.list->len, each = val_integer(v[1]);
	for (int64_t i = 0; i < n; i += each) {
		if (part_of(r, list.list, i, i + MIN(each, n - i), &part) ||
		    val_push(r, it.iter->list, part))
			return -1;
		while (fills(v[2]) && (int64_t)part.list->len < each)
			if (val_push(r, part.list, v[2]))
				return -1;
	}
	return 0;
}

/* --- map and select --- */

/* A filter or test by the name that a template gives as a value. */
static status by_name(struct render *r, bool filter, struct value name, const struct function **out)
{
	const char *kind = filter ? "filter" : "test";
	struct str shown;
	*out = NULL;
	if (name.type == V_STR)
		*out = filter ? jinja_find_filter(name.text) : jinja_find_test(name.text);
	if (*out)
		return 0;
	if (name.type != V_STR && name.type != V_UNDEFINED)
		return jinja_unsupported("a %s that is named by no text", kind);
	if (val_repr_of(r, name, &shown))
		return -1;
	if (name.type == V_STR)
		return jinja_fail(r, TEMPLATE_ERROR("TemplateRuntimeError"), "No %s named %.*s.", kind,
				  STR(shown));
	return jinja_unsupported("a %s that is named by an undefined variable", kind);
}

static status call_named(struct render *r, const struct function *f, struct value item,
			 const struct args *rest, struct value *out)
{
	struct args all = *rest;
	all.len = rest->len + 1;
	if (jinja_charge(r, all.len * sizeof(struct value)))
		return -1;
	all.at = arena_array(r->mem, struct value, all.len);
	all.at[0] = item;
	for (size_t i = 0; i < rest->len; i++)
		all.at[i + 1] = rest->at[i];
	return jinja_call_function(r, f, &all, out);
}

static struct value named_value(const struct args *a, struct str name)
{
	for (size_t i = 0; i < a->named_len; i++)
		if (str_eq(a->named[i].name, name))
			return a->named[i].value;
	return (struct value){ V_MISSING };
}

static status map_items(struct render *r, struct args *a, struct iter *it)
{
	struct value list, v, attribute = named_value(a, S("attribute")), fallback = named_value(a, S("default"));
	struct args rest = { a->at + 2, a->len - MIN(a->len, 2), a->named, a->named_len };
	const struct function *f = NULL;
	bool path = a->len == 1 && val_given(attribute);
	for (size_t i = 0; path && i < a->named_len; i++)
		if (!str_eq(a->named[i].name, S("attribute")) && !str_eq(a->named[i].name, S("default")))
			return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
					  "Unexpected keyword argument '%.*s'", STR(a->named[i].name));
	if (!path && a->len < 2)
		return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
				  "map requires a filter argument");
	if (val_to_list(r, a->at[0], &list))
		return -1;
	if (!path && list.list->len && by_name(r, true, a->at[1], &f))
		return -1;
	for (size_t i = 0; i < list.list->len; i++)
		if ((path ? filter_attribute_of(r, list.list->at[i], attribute, fallback, &v)
			  : call_named(r, f, list.list->at[i], &rest, &v)) ||
		    val_push(r, it->list, v))
			return -1;
	return 0;
}

status filter_map(struct render *r, struct args *a, struct value *out)
{
	struct mark m = mark_of(r);
	*out = generator(r);
	if (!val_truth(a->at[0]))
		return 0;
	return map_items(r, a, out->iter) ? keep_failure(r, m, out->iter) : 0;
}

static status select_items(struct render *r, struct args *a, bool want, bool attribute, struct iter *it)
{
	struct value list, v, none = { V_MISSING };
	const struct function *f = NULL;
	size_t skip = attribute ? 2 : 1;
	if (a->len < skip)
		return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
				  "Missing parameter for attribute name");
	bool tested = a->len > skip;
	struct args rest = { a->at + skip + 1, tested ? a->len - skip - 1 : 0, a->named, a->named_len };
	if (val_to_list(r, a->at[0], &list))
		return -1;
	for (size_t i = 0; i < list.list->len; i++) {
		v = list.list->at[i];
		if (attribute && filter_attribute_of(r, v, a->at[1], none, &v))
			return -1;
		if (tested && !f && by_name(r, false, a->at[skip], &f))
			return -1;
		if (tested && call_named(r, f, v, &rest, &v))
			return -1;
		if (val_truth(v) == want && val_push(r, it->list, list.list->at[i]))
			return -1;
	}
	return 0;
}

static status select_any(struct render *r, struct args *a, bool want, bool attribute, struct value *out)
{
	struct mark m = mark_of(r);
	*out = generator(r);
	if (!val_truth(a->at[0]))
		return 0;
	return select_items(r, a, want, attribute, out->iter) ? keep_failure(r, m, out->iter) : 0;
}

status filter_select(struct render *r, struct args *a, struct value *out)
{
	return select_any(r, a, true, false, out);
}

status filter_reject(struct render *r, struct args *a, struct value *out)
{
	return select_any(r, a, false, false, out);
}

status filter_selectattr(struct render *r, struct args *a, struct value *out)
{
	return select_any(r, a, true, true, out);
}

status filter_rejectattr(struct render *r, struct args *a, struct value *out)
{
	return select_any(r, a, false, true, out);
}
