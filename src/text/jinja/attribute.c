/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribute: a.name, a[key] and a[from:to:step]. What Python has and we do not is unsupported; what
 * neither has is undefined. Names with two underscores lead into the interpreter: never here.
 */
#include "text/jinja/jinja_int.h"

static struct value method_of(struct render *r, struct value self, const struct method_row *row)
{
	struct method *m = arena_new(r->mem, struct method);
	r->memory += sizeof(*m);
	m->self = self;
	m->row = row;
	return (struct value){ .type = V_METHOD, .method = m };
}

static status undefined_of(struct render *r, struct value object, struct value name, struct value *out)
{
	*out = val_undefined_of(r, object, name);
	return 0;
}

/* --- attributes that are no methods --- */

static status loop_attribute(struct render *r, struct loop_state *l, struct str name, struct value *out,
			     bool *found)
{
	int64_t length = 0;
	bool more, counts = str_eq(name, S("revindex")) || str_eq(name, S("revindex0")) ||
			    str_eq(name, S("length"));
	*found = true;
	if (counts && jinja_loop_length(r, l, &length))
		return -1;
	if (str_eq(name, S("index"))) {
		*out = val_int(l->index0 + 1);
	} else if (str_eq(name, S("index0"))) {
		*out = val_int(l->index0);
	} else if (str_eq(name, S("revindex"))) {
		*out = val_int(length - l->index0);
	} else if (str_eq(name, S("revindex0"))) {
		*out = val_int(length - l->index0 - 1);
	} else if (str_eq(name, S("length"))) {
		*out = val_int(length);
	} else if (str_eq(name, S("first"))) {
		*out = val_bool(l->index0 == 0);
	} else if (str_eq(name, S("depth"))) {
		*out = val_int(l->depth0 + 1);
	} else if (str_eq(name, S("depth0"))) {
		*out = val_int(l->depth0);
	} else if (str_eq(name, S("previtem"))) {
		*out = l->index0 == 0 ? val_undefined_hint(r, S("there is no previous item")) : l->before;
	} else if (str_eq(name, S("last")) || str_eq(name, S("nextitem"))) {
		if (jinja_loop_peek(r, l, &more))
			return -1;
		if (str_eq(name, S("last")))
			*out = val_bool(!more);
		else
			*out = more ? l->after : val_undefined_hint(r, S("there is no next item"));
	} else {
		*found = false;
	}
	return 0;
}

static status macro_attribute(struct render *r, const struct macro *m, struct str name, struct value *out,
			      bool *found)
{
	const struct frame *f = m->node->frame;
	*found = true;
	if (str_eq(name, S("name"))) {
		*out = m->anonymous ? val_none() : val_str(m->name);
	} else if (str_eq(name, S("catch_kwargs"))) {
		*out = val_bool(f->kwargs >= 0);
	} else if (str_eq(name, S("catch_varargs"))) {
		*out = val_bool(f->varargs >= 0);
	} else if (str_eq(name, S("caller"))) {
		*out = val_bool(f->caller != -1);
	} else if (str_eq(name, S("arguments"))) {
		*out = val_new_list(r, V_TUPLE);
		for (size_t i = 0; i < m->node->args.len; i++)
			if (val_push(r, out->list, val_str(m->node->args.at[i]->name)))
				return -1;
	} else {
		*found = false;
	}
	return 0;
}

static bool number_attribute(struct value v, struct str name, struct value *out)
{
	if (v.type == V_BOOL)
		v = val_int(v.boolean);
	if (str_eq(name, S("real")) || (v.type == V_INT && str_eq(name, S("numerator"))))
		*out = v;
	else if (str_eq(name, S("imag")))
		*out = v.type == V_INT ? val_int(0) : val_float(0);
	else if (v.type == V_INT && str_eq(name, S("denominator")))
		*out = val_int(1);
	else
		return false;
	return true;
}

static bool range_attribute(const struct range *g, struct str name, struct value *out)
{
	bool start = str_eq(name, S("start")), stop = str_eq(name, S("stop"));
	*out = val_int(start ? g->start : stop ? g->stop : g->step);
	return start || stop || str_eq(name, S("step"));
}

/* A value that is not a method, when the type has one of that name. */
static status own_attribute(struct render *r, struct value v, struct str name, struct value *out, bool *found)
{
	struct value *member;
	*found = false;
	switch (v.type) {
	case V_BOOL:
	case V_INT:
	case V_FLOAT:
		*found = number_attribute(v, name, out);
		return 0;
	case V_RANGE:
		*found = range_attribute(v.range, name, out);
		return 0;
	case V_TUPLE: /* a group has a name for each half */
		*found = v.safe && (str_eq(name, S("grouper")) || str_eq(name, S("list")));
		if (*found)
			*out = v.list->at[str_eq(name, S("list"))];
		return 0;
	case V_LOOP:
		return loop_attribute(r, v.loop, name, out, found);
	case V_MACRO:
		return macro_attribute(r, v.macro, name, out, found);
	case V_NAMESPACE:
		member = val_get_str(r, v.dict, name);
		*found = member != NULL;
		if (member)
			*out = *member;
		return 0;
	case V_CYCLER:
		*found = str_eq(name, S("current"));
		if (*found)
			*out = v.cycler->items->at[v.cycler->at];
		return 0;
	default:
		return 0;
	}
}

status val_python_attribute(struct render *r, struct value v, struct str name, struct value *out,
			    bool *found)
{
	if (str_starts(name, S("__")))
		return jinja_unsupported("the attribute '%.*s'", STR(name));
	if (v.type == V_UNDEFINED)
		return val_fail_undefined(r, v);
	if (v.type >= V_ITER && v.type != V_NAMESPACE && str_starts(name, S("_")))
		return jinja_unsupported("the attribute '%.*s'", STR(name));
	if (own_attribute(r, v, name, out, found))
		return -1;
	if (*found)
		return 0;
	const struct method_row *row = jinja_find_method(v, name);
	*found = row != NULL;
	if (row && !row->fn)
		return jinja_unsupported("the method '%.*s' of %s", STR(name), val_short_name(v));
	if (row)
		*out = method_of(r, v, row);
	else if (v.type >= V_ITER && v.type != V_NAMESPACE && v.type != V_LOOP && v.type != V_CYCLER)
		return jinja_unsupported("the attribute '%.*s' of %s", STR(name), val_short_name(v));
	return 0;
}

status val_attribute(struct render *r, struct value v, struct str name, struct value *out)
{
	bool found;
	if (val_python_attribute(r, v, name, out, &found))
		return -1;
	if (found)
		return 0;
	struct value *member = v.type == V_DICT ? val_get_str(r, v.dict, name) : NULL;
	if (!member)
		return undefined_of(r, v, val_str(name), out);
	*out = *member;
	return 0;
}

/* --- items --- */

static bool index_of(struct value key, int64_t len, int64_t *out)
{
	if (!val_is_int(key))
		return false;
	*out = val_integer(key);
	if (*out < 0)
		*out += len;
	return *out >= 0 && *out < len;
}

/* a[key] as Python has it; found = false for what raises. */
static status python_item(struct render *r, struct value v, struct value key, struct value *out, bool *found)
{
	int64_t n, i;
	struct value *member;
	*found = false;
	switch (v.type) {
	case V_UNDEFINED:
		return val_fail_undefined(r, v);
	case V_STR:
	case V_LIST:
	case V_TUPLE:
	case V_RANGE:
		if (!val_is_int(key))
			return 0;
		if (val_length(r, v, &n))
			return -1;
		*found = index_of(key, n, &i);
		if (!*found)
			return 0;
		if (v.type == V_RANGE) {
			*out = val_int(v.range->start + i * v.range->step);
		} else if (v.type == V_STR) {
			size_t at = text_offset(v.text, (size_t)i), end = at;
			utf8_next(v.text, &end);
			*out = val_str(str_sub(v.text, at, end - at));
			out->safe = v.safe;
		} else {
			*out = v.list->at[i];
		}
		return 0;
	case V_DICT:
		if (key.type == V_LIST || key.type == V_DICT)
			return 0;
		if (val_get(r, v.dict, key, &member))
			return -1;
		*found = member != NULL;
		if (member)
			*out = *member;
		return 0;
	case V_FUNCTION:
	case V_LOOP:
		return jinja_unsupported("an item of a %s", val_short_name(v));
	default:
		return 0;
	}
}

status val_item(struct render *r, struct value v, struct value key, struct value *out)
{
	bool found;
	if (python_item(r, v, key, out, &found))
		return -1;
	if (!found && key.type == V_STR && val_python_attribute(r, v, key.text, out, &found))
		return -1;
	return found ? 0 : undefined_of(r, v, key, out);
}

/* --- slices --- */

static status bound(struct render *r, struct value v, int64_t fallback, int64_t *out)
{
	*out = fallback;
	if (v.type == V_NONE)
		return 0;
	if (!val_is_int(v))
		return jinja_fail(r, "TypeError",
				  "slice indices must be integers or None or have an __index__ method");
	*out = val_integer(v);
	return 0;
}

static int64_t clamp(int64_t n, int64_t low, int64_t high)
{
	return n < low ? low : n > high ? high : n;
}

struct slice {
	int64_t start, step, count;
};

static status slice_of(struct render *r, const struct value bounds[3], int64_t len, struct slice *out)
{
	int64_t start, stop, step;
	if (bound(r, bounds[2], 1, &step))
		return -1;
	if (!step)
		return jinja_fail(r, "ValueError", "slice step cannot be zero");
	bool back = step < 0;
	if (bound(r, bounds[0], back ? INT64_MAX : 0, &start) ||
	    bound(r, bounds[1], back ? INT64_MIN : INT64_MAX, &stop))
		return -1;
	step = clamp(step, -INT64_MAX, INT64_MAX);
	start = start < 0 ? start < -len ? -1 : start + len : start;
	if (bounds[1].type != V_NONE && stop < 0)
		stop = stop < -len ? -1 : stop + len;
	start = back ? clamp(start, -1, len - 1) : clamp(start, 0, len);
	stop = back ? clamp(stop, -1, len - 1) : clamp(stop, 0, len);
	out->start = start;
	out->step = step;
	out->count = 0;
	if (!back && start < stop)
		out->count = (stop - start - 1) / step + 1;
	else if (back && stop < start)
		out->count = (start - stop - 1) / -step + 1;
	return 0;
}

static status slice_text(struct render *r, struct value v, const struct slice *s, struct value *out)
{
	struct buf b;
	if (s->step == 1) {
		size_t from = text_offset(v.text, (size_t)s->start);
		struct str rest = str_skip(v.text, from);
		*out = val_str(str_sub(rest, 0, text_offset(rest, (size_t)s->count)));
	} else {
		b = jinja_buf(r);
		/* Offsets of the characters, once. */
		size_t n = 0, count = utf8_count(v.text);
		uint32_t *at = arena_array(r->mem, uint32_t, count + 1);
		if (jinja_charge(r, (count + 1) * sizeof(*at)))
			return -1;
		for (size_t i = 0; i < v.text.len; utf8_next(v.text, &i))
			at[n++] = (uint32_t)i;
		at[n] = (uint32_t)v.text.len;
		for (int64_t k = 0, i = s->start; k < s->count; k++, i += s->step)
			buf_put(&b, str_sub(v.text, at[i], at[i + 1] - at[i]));
		if (jinja_done(r, &b, out))
			return -1;
	}
	out->safe = v.safe;
	return 0;
}

static status slice_list(struct render *r, struct value v, const struct slice *s, struct value *out)
{
	struct value list = val_new_list(r, v.type);
	for (int64_t k = 0, i = s->start; k < s->count; k++, i += s->step)
		if (val_push(r, list.list, v.list->at[i]))
			return -1;
	*out = list;
	return jinja_step(r, (size_t)s->count);
}

status val_slice(struct render *r, struct value v, const struct value bounds[3], struct value *out)
{
	struct slice s = { 0 };
	int64_t n;
	switch (v.type) {
	case V_UNDEFINED:
		return val_fail_undefined(r, v);
	case V_STR:
	case V_LIST:
	case V_TUPLE:
		if (val_length(r, v, &n) || slice_of(r, bounds, n, &s))
			return -1;
		return v.type == V_STR ? slice_text(r, v, &s, out) : slice_list(r, v, &s, out);
	case V_RANGE:
		return jinja_unsupported("a slice of a range");
	case V_DICT:
		return jinja_fail(r, "TypeError", "unhashable type: 'slice'");
	case V_FUNCTION:
		return jinja_unsupported("a slice of a function");
	default:
		return jinja_fail(r, "TypeError", "'%s' object is not subscriptable", val_short_name(v));
	}
}
