/* SPDX-License-Identifier: Apache-2.0 */
/* macro: macros and the bodies of call blocks: what they are given, and calling them. */
#include "text/jinja/jinja_int.h"

struct value jinja_new_macro(struct render *r, const struct node *n)
{
	struct macro *m = arena_new(r->mem, struct macro);
	m->node = n;
	m->outer = r->now;
	m->name = n->name;
	m->anonymous = n->kind == N_CALL_BLOCK;
	return (struct value){ .type = V_MACRO, .macro = m };
}

static struct value *named_take(struct args *a, struct str name)
{
	for (size_t i = 0; i < a->named_len; i++)
		if (a->named[i].name.at && str_eq(a->named[i].name, name)) {
			a->named[i].name.at = NULL; /* taken */
			return &a->named[i].value;
		}
	return NULL;
}

static status macro_kwargs(struct render *r, struct macro *m, struct args *a, struct value *slot)
{
	struct value d = val_new_dict(r);
	for (size_t i = 0; i < a->named_len; i++) {
		if (!a->named[i].name.at)
			continue;
		if (slot && val_set(r, d.dict, val_str(a->named[i].name), a->named[i].value))
			return -1;
		if (!slot && named_take(a, S("caller")))
			return jinja_fail(r, "TypeError",
					  "macro '%.*s' was invoked with two values for the special caller "
					  "argument. This is most likely a bug.",
					  STR(m->name));
		if (!slot)
			return jinja_fail(r, "TypeError", "macro '%.*s' takes no keyword argument '%.*s'",
					  STR(m->name), STR(a->named[i].name));
	}
	if (slot)
		*slot = d;
	return 0;
}

static status macro_varargs(struct render *r, struct macro *m, struct args *a, struct value *slot)
{
	size_t n = m->node->args.len;
	if (slot) {
		*slot = val_new_list(r, V_TUPLE);
		for (size_t i = n; i < a->len; i++)
			if (val_push(r, slot->list, a->at[i]))
				return -1;
	} else if (a->len > n) {
		return jinja_fail(r, "TypeError", "macro %s%.*s%s takes not more than %zu argument(s)",
				  m->anonymous ? "" : "'", STR(m->anonymous ? S("None") : m->name),
				  m->anonymous ? "" : "'", n);
	}
	return 0;
}

/* Fills the places of the arguments in the new activation. */
static status macro_bind(struct render *r, struct macro *m, struct args *a, struct value *slots)
{
	const struct node *n = m->node;
	const struct frame *f = n->frame;
	bool found_caller = false, explicit_caller = false;
	for (size_t i = 0; i < n->args.len; i++) {
		struct str name = n->args.at[i]->name;
		bool is_caller = str_eq(name, S("caller"));
		explicit_caller |= is_caller;
		if (i < a->len) {
			slots[f->params[i]] = a->at[i];
			continue;
		}
		found_caller |= is_caller;
		struct value *v = named_take(a, name);
		if (v)
			slots[f->params[i]] = *v;
	}
	if (a->len >= n->args.len)
		found_caller = explicit_caller;
	if (f->caller >= 0 && !found_caller) {
		struct value *v = named_take(a, S("caller"));
		if (!v || v->type == V_NONE) {
			slots[f->caller] = val_undefined_hint(r, S("No caller defined"));
			slots[f->caller].undefined->name = val_str(S("caller"));
		} else {
			slots[f->caller] = *v;
		}
	}
	return macro_kwargs(r, m, a, f->kwargs >= 0 ? &slots[f->kwargs] : NULL) ||
			       macro_varargs(r, m, a, f->varargs >= 0 ? &slots[f->varargs] : NULL)
		       ? -1
		       : 0;
}

static status macro_defaults(struct render *r, const struct node *n)
{
	for (size_t i = 0; i < n->args.len; i++) {
		struct value *slot = jinja_slot(r, 0, n->frame->params[i]), v;
		size_t without = n->args.len - n->items.len;
		if (slot->type != V_MISSING)
			continue;
		if (i >= without) {
			if (jinja_eval(r, n->items.at[i - without], &v))
				return -1;
			*slot = v;
			continue;
		}
		*slot = val_undefined_hint(r, arena_printf(r->mem, "parameter '%.*s' was not provided",
							   STR(n->args.at[i]->name)));
		slot->undefined->name = val_str(n->args.at[i]->name);
	}
	return 0;
}

status jinja_call_macro(struct render *r, struct macro *m, struct args *a, struct value *out)
{
	struct activation *before = r->now, *own;
	uint32_t line = r->line;
	if (jinja_deeper(r) || jinja_activate(r, m->node->frame->unit, m->outer, &own) ||
	    macro_bind(r, m, a, own->slots))
		return -1;
	r->now = own;
	if (jinja_enter(r, m->node->frame) || macro_defaults(r, m->node) || jinja_catch(r, &m->node->body, out))
		return -1;
	r->now = before;
	r->line = line;
	r->depth--;
	return 0;
}
