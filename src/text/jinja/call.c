/* SPDX-License-Identifier: Apache-2.0 */
/* call: calling values, arguments by position and name, the global functions. */
#include "text/jinja/jinja_int.h"

#include <string.h>

static const struct function *find(const struct function *rows, struct str name)
{
	for (; rows->name; rows++)
		if (str_eq(name, str_c(rows->name)))
			return rows;
	return NULL;
}

const struct function *jinja_find_filter(struct str name)
{
	return find(jinja_filters, name);
}

const struct function *jinja_find_test(struct str name)
{
	return find(jinja_tests, name);
}

const struct function *jinja_find_global(struct str name)
{
	return find(jinja_globals, name);
}

/* --- arguments --- */

/* The i-th of "value width= fill="; without the "=", which says that it may be absent. */
static bool param(const char *params, size_t index, struct str *name, bool *optional)
{
	struct str rest = str_c(params);
	for (size_t i = 0; rest.len; i++) {
		struct str one = str_cut(&rest, ' ');
		if (i != index)
			continue;
		*optional = str_ends(one, S("="));
		*name = *optional ? str_sub(one, 0, one.len - 1) : one;
		return true;
	}
	return false;
}

/* Python's messages for wrong arguments name its own functions: those are left to it. */
static status bad_arguments(const char *name)
{
	return jinja_unsupported("these arguments of '%s'", name);
}

status jinja_bind(struct render *r, const struct function *f, struct args *a, struct value *bound)
{
	struct str name;
	bool optional;
	size_t n = 0;
	(void)r;
	for (; param(f->params, n, &name, &optional); n++) {
		bool given = n < a->len;
		ASSERT(n < PARAMS_MAX);
		bound[n] = given ? a->at[n] : (struct value){ V_MISSING };
		for (size_t k = 0; k < a->named_len; k++) {
			if (!str_eq(a->named[k].name, name))
				continue;
			if (given)
				return bad_arguments(f->name);
			bound[n] = a->named[k].value;
			given = true;
		}
		if (!given && !optional)
			return bad_arguments(f->name);
	}
	if (a->len > n)
		return bad_arguments(f->name);
	for (size_t k = 0; k < a->named_len; k++) {
		bool known = false;
		for (size_t i = 0; param(f->params, i, &name, &optional); i++)
			known |= str_eq(a->named[k].name, name);
		if (!known)
			return bad_arguments(f->name);
	}
	return 0;
}

status jinja_call_function(struct render *r, const struct function *f, struct args *a, struct value *out)
{
	struct value bound[PARAMS_MAX];
	if (f->any)
		return f->any(r, a, out);
	if (!f->fn)
		return jinja_unsupported("'%s'", f->name);
	return jinja_bind(r, f, a, bound) || f->fn(r, bound, out) ? -1 : 0;
}

/* Named arguments of a method become positional ones where it has names. */
static status call_method(struct render *r, const struct method *m, struct args *a, struct value *out)
{
	const struct method_row *row = m->row;
	struct value all[PARAMS_MAX] = { { V_MISSING } };
	struct args flat = { .at = all };
	bool markup = m->self.type == V_STR && m->self.safe;
	if (markup && row->markup == MARKUP_NOT)
		return jinja_unsupported("the method '%s' of a Markup", row->name);
	if (row->max < 0)
		return row->fn(r, m->self, a, out);
	struct function as_function = { .name = row->name, .params = row->names ? row->names : "" };
	if (a->named_len) {
		if (!row->names || jinja_bind(r, &as_function, a, all))
			return row->names ? -1 : bad_arguments(row->name);
		flat.len = (size_t)row->max;
	} else {
		if (a->len > (size_t)row->max || a->len < (size_t)row->min)
			return bad_arguments(row->name);
		for (size_t i = 0; i < a->len; i++)
			all[i] = a->at[i];
		flat.len = a->len;
	}
	if (row->fn(r, m->self, &flat, out))
		return -1;
	out->safe |= markup && row->markup == MARKUP_STAYS;
	return 0;
}

static status call_joiner(struct joiner *j, struct args *a, struct value *out)
{
	if (a->len || a->named_len)
		return bad_arguments("joiner");
	*out = val_str(j->used ? j->separator : S(""));
	j->used = true;
	return 0;
}

status jinja_call(struct render *r, struct value callee, struct args *a, struct value *out)
{
	switch (callee.type) {
	case V_UNDEFINED:
		return val_fail_undefined(r, callee);
	case V_MACRO:
		return jinja_call_macro(r, callee.macro, a, out);
	case V_METHOD:
		return call_method(r, callee.method, a, out);
	case V_FUNCTION:
		return jinja_call_function(r, callee.function, a, out);
	case V_LOOP:
		if (a->len != 1 || a->named_len)
			return bad_arguments("loop");
		return jinja_recurse(r, callee, a->at[0], out);
	case V_JOINER:
		return call_joiner(callee.joiner, a, out);
	default:
		return jinja_fail(r, "TypeError", "'%s' object is not callable", val_short_name(callee));
	}
}

/* --- globals --- */

static status global_range(struct render *r, struct args *a, struct value *out)
{
	int64_t n[3] = { 0, 0, 1 }, length = 0;
	if (a->named_len || a->len < 1 || a->len > 3)
		return bad_arguments("range");
	for (size_t i = 0; i < a->len; i++) {
		if (!val_is_int(a->at[i]))
			return jinja_fail(r, "TypeError", "'%s' object cannot be interpreted as an integer",
					  val_short_name(a->at[i]));
		n[a->len == 1 ? 1 : i] = val_integer(a->at[i]);
	}
	if (!n[2])
		return jinja_fail(r, "ValueError", "range() arg 3 must not be zero");
	for (int i = 0; i < 3; i++)
		if (n[i] > INT64_MAX / 4 || n[i] < INT64_MIN / 4)
			return jinja_unsupported("a range of such numbers");
	if (n[2] > 0 && n[0] < n[1])
		length = (n[1] - n[0] - 1) / n[2] + 1;
	else if (n[2] < 0 && n[0] > n[1])
		length = (n[0] - n[1] - 1) / -n[2] + 1;
	if (length > r->limits->range_max)
		return err_set(ERR_TOO_LARGE, "range() of more than %lld items in a template",
			       (long long)r->limits->range_max);
	struct range *g = arena_new(r->mem, struct range);
	*g = (struct range){ n[0], n[1], n[2], length };
	*out = (struct value){ .type = V_RANGE, .range = g };
	return jinja_charge(r, sizeof(*g));
}

/* dict(mapping or pairs, **named) */
static status global_dict(struct render *r, struct args *a, struct value *out)
{
	struct value d = val_new_dict(r), item, pair;
	struct cursor c;
	bool got;
	if (a->len > 1)
		return bad_arguments("dict");
	if (a->len && a->at[0].type == V_DICT) {
		const struct dict *from = a->at[0].dict;
		if (jinja_step(r, (from->tail - from->head) / 16))
			return -1;
		for (size_t i = from->head; i < from->tail; i++) {
			const struct dict_entry *e = &from->at[i];
			if (e->live && val_set(r, d.dict, e->key, e->value))
				return -1;
		}
	} else if (a->len) {
		if (!val_iterable(a->at[0]))
			return bad_arguments("dict");
		if (val_iterate(r, a->at[0], &c))
			return -1;
		for (;;) {
			if (val_next(r, &c, &item, &got))
				return -1;
			if (!got)
				break;
			if (!val_iterable(item) || val_to_list(r, item, &pair) || pair.list->len != 2)
				return bad_arguments("dict");
			if (val_set(r, d.dict, pair.list->at[0], pair.list->at[1]))
				return -1;
		}
	}
	for (size_t i = 0; i < a->named_len; i++)
		if (val_set(r, d.dict, val_str(a->named[i].name), a->named[i].value))
			return -1;
	*out = d;
	return 0;
}

static status global_namespace(struct render *r, struct args *a, struct value *out)
{
	if (global_dict(r, a, out))
		return -1;
	out->type = V_NAMESPACE;
	return 0;
}

static status global_cycler(struct render *r, struct args *a, struct value *out)
{
	struct cycler *c = arena_new(r->mem, struct cycler);
	if (a->named_len)
		return bad_arguments("cycler");
	if (!a->len)
		return jinja_fail(r, "RuntimeError", "at least one item has to be provided");
	struct value items = val_new_list(r, V_LIST);
	for (size_t i = 0; i < a->len; i++)
		if (val_push(r, items.list, a->at[i]))
			return -1;
	c->items = items.list;
	*out = (struct value){ .type = V_CYCLER, .cycler = c };
	return 0;
}

static status global_joiner(struct render *r, struct value *v, struct value *out)
{
	struct joiner *j = arena_new(r->mem, struct joiner);
	if (val_given(v[0]) && v[0].type != V_STR)
		return jinja_unsupported("a joiner of something else than a text");
	j->separator = val_given(v[0]) ? v[0].text : S(", ");
	*out = (struct value){ .type = V_JOINER, .joiner = j };
	return jinja_charge(r, sizeof(*j));
}

const struct function jinja_globals[] = {
	{ "range", NULL, NULL, global_range },
	{ "dict", NULL, NULL, global_dict },
	{ "namespace", NULL, NULL, global_namespace },
	{ "cycler", NULL, NULL, global_cycler },
	{ "joiner", "sep=", global_joiner, NULL },
	{ "lipsum", NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
