/* SPDX-License-Identifier: Apache-2.0 */
/* eval: expressions. */
#include "text/jinja/jinja_int.h"

typedef status (*eval_fn)(struct render *, const struct node *, struct value *out);

static status eval_const(struct render *r, const struct node *n, struct value *out)
{
	(void)r;
	*out = n->constant;
	return 0;
}

static status eval_name(struct render *r, const struct node *n, struct value *out)
{
	*out = *jinja_slot(r, n->hops, n->slot);
	if (out->type == V_MISSING)
		*out = val_undefined(r, n->name);
	return 0;
}

static status eval_list(struct render *r, const struct node *n, struct value *out)
{
	struct value list = val_new_list(r, n->kind == N_LIST ? V_LIST : V_TUPLE), v;
	for (size_t i = 0; i < n->items.len; i++)
		if (jinja_eval(r, n->items.at[i], &v) || val_push(r, list.list, v))
			return -1;
	*out = list;
	return 0;
}

static status eval_dict(struct render *r, const struct node *n, struct value *out)
{
	struct value dict = val_new_dict(r), key, v;
	for (size_t i = 0; i < n->items.len; i++)
		if (jinja_eval(r, n->items.at[i], &key) || jinja_eval(r, n->other.at[i], &v) ||
		    val_set(r, dict.dict, key, v))
			return -1;
	*out = dict;
	return 0;
}

static status eval_attribute(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	return jinja_eval(r, n->a, &v) || val_attribute(r, v, n->name, out) ? -1 : 0;
}

static bool is_constant(const struct node *n, int depth)
{
	if (!n || depth > 20)
		return true;
	if (n->kind == N_NAME || n->kind == N_CALL)
		return false;
	/* What decides may be all that the compiler looks at. */
	if (n->kind == N_OR || n->kind == N_AND || n->kind == N_COND)
		return is_constant(n->a, depth + 1);
	for (size_t i = 0; i < n->items.len; i++)
		if (!is_constant(n->items.at[i], depth + 1))
			return false;
	return is_constant(n->a, depth + 1) && is_constant(n->b, depth + 1) && is_constant(n->c, depth + 1);
}

static status eval_slice(struct render *r, const struct node *n, struct value v, const struct value bounds[3],
			 struct value *out)
{
	if (val_slice(r, v, bounds, out) == 0)
		return 0;
	/* Of constants the compiler makes something undefined, at times. */
	return err_code() == ERR_INVALID && is_constant(n->a, 0)
		       ? jinja_unsupported("a slice of such a constant")
		       : -1;
}

static status eval_item(struct render *r, const struct node *n, struct value *out)
{
	struct value v, key, bounds[3];
	const struct node *parts[3] = { n->b->a, n->b->b, n->b->c };
	if (jinja_eval(r, n->a, &v))
		return -1;
	if (n->b->kind != N_SLICE)
		return jinja_eval(r, n->b, &key) || val_item(r, v, key, out) ? -1 : 0;
	for (int i = 0; i < 3; i++) {
		bounds[i] = val_none();
		if (parts[i] && jinja_eval(r, parts[i], &bounds[i]))
			return -1;
	}
	return eval_slice(r, n, v, bounds, out);
}

/* --- calls --- */

static status push_named(struct render *r, struct args *a, size_t *cap, struct str name, struct value v)
{
	for (size_t i = 0; i < a->named_len; i++)
		if (str_eq(a->named[i].name, name))
			return jinja_unsupported("an argument that is named twice");
	if (a->named_len == *cap) {
		size_t more = *cap * 2 + 4;
		if (jinja_charge(r, more * sizeof(struct named)))
			return -1;
		a->named = arena_grow(r->mem, a->named, *cap * sizeof(struct named), more * sizeof(struct named));
		*cap = more;
	}
	a->named[a->named_len++] = (struct named){ name, v };
	return 0;
}

static status star_args(struct render *r, const struct node *call, struct list *all)
{
	struct value v, list;
	if (jinja_eval(r, call->star, &v))
		return -1;
	if (!val_iterable(v))
		return jinja_unsupported("a call with * of a %s", val_short_name(v));
	if (val_to_list(r, v, &list))
		return -1;
	for (size_t i = 0; i < list.list->len; i++)
		if (val_push(r, all, list.list->at[i]))
			return -1;
	return 0;
}

static status star_named(struct render *r, const struct node *call, struct args *a, size_t *cap)
{
	struct value v;
	if (jinja_eval(r, call->star2, &v))
		return -1;
	if (v.type != V_DICT)
		return jinja_unsupported("a call with ** of a %s", val_short_name(v));
	for (size_t i = 0; i < v.dict->len; i++) {
		const struct dict_entry *e = &v.dict->at[i];
		if (e->live && e->key.type != V_STR)
			return jinja_unsupported("a call with names that are no texts");
		if (e->live && push_named(r, a, cap, e->key.text, e->value))
			return -1;
	}
	return 0;
}

status jinja_eval_args(struct render *r, const struct node *call, const struct value *caller,
		       struct args *out)
{
	struct args a = { 0 };
	struct list all = { 0 };
	size_t cap = 0;
	struct value v;
	for (size_t i = 0; i < call->args.len; i++) {
		const struct node *n = call->args.at[i];
		if (n->kind == N_KEYWORD
			    ? jinja_eval(r, n->a, &v) || push_named(r, &a, &cap, n->name, v)
			    : jinja_eval(r, n, &v) || val_push(r, &all, v))
			return -1;
	}
	if (caller && push_named(r, &a, &cap, S("caller"), *caller))
		return -1;
	if ((call->star && star_args(r, call, &all)) || (call->star2 && star_named(r, call, &a, &cap)))
		return -1;
	a.at = all.at;
	a.len = all.len;
	*out = a;
	return 0;
}

static status eval_call(struct render *r, const struct node *n, struct value *out)
{
	struct value callee;
	struct args a;
	return jinja_eval(r, n->a, &callee) || jinja_eval_args(r, n, NULL, &a) ||
			       jinja_call(r, callee, &a, out)
		       ? -1
		       : 0;
}

/* Filters and tests get the value in front of their arguments. */
static status call_on(struct render *r, const struct node *n, struct value v, struct value *out)
{
	struct args given, all;
	bool filter = n->kind == N_FILTER;
	if (jinja_eval_args(r, n, NULL, &given))
		return -1;
	if (!n->function && given.named_len)
		return jinja_unsupported("named arguments of an unknown %s", filter ? "filter" : "test");
	if (!n->function)
		return jinja_fail(r, TEMPLATE_ERROR("TemplateRuntimeError"), "No %s named '%.*s' found.",
				  filter ? "filter" : "test", STR(n->name));
	all = given;
	all.len = given.len + 1;
	if (jinja_charge(r, all.len * sizeof(struct value)))
		return -1;
	all.at = arena_array(r->mem, struct value, all.len);
	all.at[0] = v;
	for (size_t i = 0; i < given.len; i++)
		all.at[i + 1] = given.at[i];
	return jinja_call_function(r, n->function, &all, out);
}

static status eval_called(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	return jinja_eval(r, n->a, &v) || call_on(r, n, v, out) ? -1 : 0;
}

status jinja_eval_filter(struct render *r, const struct node *n, const struct value *text, struct value *out)
{
	struct value v = *text;
	if (jinja_deeper(r) || (n->a && jinja_eval_filter(r, n->a, text, &v)) || call_on(r, n, v, out))
		return -1;
	r->depth--;
	return 0;
}

/* --- operators --- */

static status eval_not(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	if (jinja_eval(r, n->a, &v))
		return -1;
	*out = val_bool(!val_truth(v));
	return 0;
}

static status eval_sign(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	bool minus = n->kind == N_NEG;
	if (jinja_eval(r, n->a, &v))
		return -1;
	if (v.type == V_UNDEFINED)
		return val_fail_undefined(r, v);
	if (v.type == V_FLOAT) {
		*out = val_float(minus ? -v.number : v.number);
		return 0;
	}
	if (!val_is_int(v))
		return jinja_fail(r, "TypeError", "bad operand type for unary %s: '%s'", minus ? "-" : "+",
				  val_short_name(v));
	int64_t i = val_integer(v);
	if (minus && __builtin_sub_overflow(0, i, &i))
		return jinja_unsupported("integers beyond 64 bits");
	*out = val_int(i);
	return 0;
}

static status eval_binary(struct render *r, const struct node *n, struct value *out)
{
	struct value a, b;
	return jinja_eval(r, n->a, &a) || jinja_eval(r, n->b, &b) || op_binary(r, n->op, a, b, out) ? -1 : 0;
}

static status eval_and_or(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	if (jinja_eval(r, n->a, &v))
		return -1;
	if (val_truth(v) == (n->kind == N_AND))
		return jinja_eval(r, n->b, out);
	*out = v;
	return 0;
}

static status eval_concat(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	if (jinja_eval(r, n->items.at[0], &v))
		return -1;
	struct growing g = jinja_resume(r, v.type == V_STR ? v.text : S(""));
	if (v.type != V_STR && val_print(r, &g.buf, v))
		return -1;
	for (size_t i = 1; i < n->items.len; i++)
		if (jinja_eval(r, n->items.at[i], &v) || val_print(r, &g.buf, v))
			return -1;
	return jinja_grown(r, &g, out);
}

static status eval_compare(struct render *r, const struct node *n, struct value *out)
{
	struct value a, b;
	bool yes = true;
	if (jinja_eval(r, n->a, &a))
		return -1;
	for (size_t i = 0; i < n->items.len && yes; i++) {
		if (jinja_eval(r, n->items.at[i]->a, &b) || op_compare(r, n->items.at[i]->op, a, b, &yes))
			return -1;
		a = b;
	}
	*out = val_bool(yes);
	return 0;
}

static status eval_cond(struct render *r, const struct node *n, struct value *out)
{
	struct value v;
	if (jinja_eval(r, n->a, &v))
		return -1;
	if (val_truth(v))
		return jinja_eval(r, n->b, out);
	if (n->c)
		return jinja_eval(r, n->c, out);
	*out = val_undefined_hint(r, arena_printf(r->mem,
						  "the inline if-expression on line %u evaluated to false and no "
						  "else section was defined.",
						  n->line));
	return 0;
}

status jinja_eval(struct render *r, const struct node *n, struct value *out)
{
	static const eval_fn kinds[] = {
		[N_CONST] = eval_const,	    [N_NAME] = eval_name,      [N_TUPLE] = eval_list,
		[N_LIST] = eval_list,	    [N_DICT] = eval_dict,      [N_ATTR] = eval_attribute,
		[N_ITEM] = eval_item,	    [N_CALL] = eval_call,      [N_FILTER] = eval_called,
		[N_TEST] = eval_called,	    [N_NOT] = eval_not,	       [N_NEG] = eval_sign,
		[N_POS] = eval_sign,	    [N_BINARY] = eval_binary,  [N_AND] = eval_and_or,
		[N_OR] = eval_and_or,	    [N_CONCAT] = eval_concat,  [N_COMPARE] = eval_compare,
		[N_COND] = eval_cond,
	};
	if (jinja_deeper(r) || jinja_step(r, 1) || kinds[n->kind](r, n, out))
		return -1;
	r->depth--;
	return 0;
}
