/* SPDX-License-Identifier: Apache-2.0 */
/* run: statements of a template, loops, and what a rendering may use. */
#include "text/jinja/jinja_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

const struct jinja_limits jinja_limits_whole = {
	.source_max = JINJA_SOURCE_MAX,
	.output_max = JINJA_OUTPUT_MAX,
	.memory_max = JINJA_MEMORY_MAX,
	.steps_max = JINJA_STEPS_MAX,
	.range_max = JINJA_RANGE_MAX,
	.depth_max = JINJA_DEPTH_MAX,
};
const struct jinja_limits jinja_limits_small = {
	.source_max = JINJA_SMALL_SOURCE,
	.output_max = JINJA_SMALL_MEMORY,
	.memory_max = JINJA_SMALL_MEMORY,
	.steps_max = JINJA_SMALL_STEPS,
	.range_max = JINJA_SMALL_STEPS,
	.depth_max = JINJA_SMALL_DEPTH,
};

/* --- failures and limits --- */

status jinja_fail_at(const char *file, int at, struct render *r, const char *type, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX / 2];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!r->line)
		return err_set_at(file, at, ERR_INVALID, "%s: %s", type, text);
	return err_set_at(file, at, ERR_INVALID, "%s: %s (line %u)", type, text, r->line);
}

status jinja_syntax_at(const char *file, int at, uint32_t line, const char *type, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX / 2];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set_at(file, at, ERR_INVALID, "jinja2.exceptions.%s: %s (line %u)", type, text, line);
}

status jinja_step(struct render *r, size_t n)
{
	r->steps += (int64_t)n;
	if (r->steps > r->limits->steps_max)
		return err_set(ERR_LIMIT, "the template takes more than %lld steps",
			       (long long)r->limits->steps_max);
	return 0;
}

status jinja_charge(struct render *r, size_t bytes)
{
	r->memory += bytes;
	if (r->memory > r->limits->memory_max)
		return err_set(ERR_TOO_LARGE, "the values of the template take more than %zu bytes",
			       r->limits->memory_max);
	return jinja_step(r, bytes / 64);
}

static status text_too_long(const struct render *r)
{
	return err_set(ERR_TOO_LARGE, "a text of the template is longer than %zu bytes",
		       r->limits->output_max);
}

status jinja_text(struct render *r, size_t bytes, char **out)
{
	if (bytes > r->limits->output_max)
		return text_too_long(r);
	if (jinja_charge(r, bytes))
		return -1;
	*out = arena_text(r->mem, bytes);
	return 0;
}

struct buf jinja_buf(struct render *r)
{
	return buf_make(r->mem, r->limits->output_max);
}

status jinja_done(struct render *r, struct buf *b, struct value *out)
{
	if (b->overflow)
		return text_too_long(r);
	if (jinja_charge(r, b->cap))
		return -1;
	*out = val_str(b->len ? buf_str(b) : S(""));
	return 0;
}

struct growing jinja_resume(struct render *r, struct str first)
{
	struct growing g = r->last;
	r->last = (struct growing){ 0 };
	if (first.len && first.at == g.buf.at && first.len == g.buf.len)
		return g;
	g = (struct growing){ .buf = jinja_buf(r) };
	buf_put(&g.buf, first);
	return g;
}

status jinja_grown(struct render *r, struct growing *g, struct value *out)
{
	if (g->buf.overflow)
		return text_too_long(r);
	if (jinja_charge(r, g->buf.cap - g->charged))
		return -1;
	g->charged = g->buf.cap;
	r->last = *g;
	*out = val_str(g->buf.len ? buf_str(&g->buf) : S(""));
	return 0;
}

/* --- variables --- */

struct value *jinja_slot(struct render *r, int hops, int slot)
{
	struct activation *a = r->now;
	while (hops--)
		a = a->parent;
	return &a->slots[slot];
}

status jinja_activate(struct render *r, const struct unit *unit, struct activation *parent,
			      struct activation **out)
{
	size_t n = (size_t)unit->slots;
	if (jinja_charge(r, sizeof(struct activation) + n * sizeof(struct value)))
		return -1;
	struct activation *a = arena_new(r->mem, struct activation);
	a->slots = arena_array(r->mem, struct value, n ? n : 1); /* zero is V_MISSING */
	a->parent = parent;
	*out = a;
	return 0;
}

static struct value resolve(struct render *r, struct str name)
{
	struct value *v = val_get_str(r, r->context, name);
	if (v)
		return *v;
	const struct function *f = jinja_find_global(name);
	return f ? (struct value){ .type = V_FUNCTION, .function = f } : (struct value){ V_MISSING };
}

status jinja_enter(struct render *r, const struct frame *f)
{
	for (size_t i = 0; i < f->loads_len; i++) {
		const struct load_row *row = &f->loads[i];
		struct value *to = jinja_slot(r, 0, row->slot);
		if (row->how == LOAD_RESOLVE)
			*to = resolve(r, row->name);
		else if (row->how == LOAD_ALIAS)
			*to = *jinja_slot(r, row->hops, row->from);
		else if (row->how == LOAD_UNDEFINED)
			*to = (struct value){ V_MISSING };
	}
	return jinja_step(r, f->loads_len);
}

static void leave(struct render *r, const struct frame *f)
{
	for (size_t i = 0; i < f->loads_len; i++)
		*jinja_slot(r, 0, f->loads[i].slot) = (struct value){ V_MISSING };
}

static status unpack(struct render *r, const struct node *target, struct value v)
{
	struct cursor c;
	size_t want = target->items.len, n = 0;
	struct value items[16], one;
	bool got = true;
	if (want > countof(items))
		return jinja_unsupported("more than %zu names in one target", countof(items));
	if (!val_iterable(v))
		return jinja_fail(r, "TypeError", "cannot unpack non-iterable %s object", val_type_name(v));
	if (val_iterate(r, v, &c))
		return -1;
	for (; n <= want && got; n += got) {
		if (val_next(r, &c, &one, &got))
			return -1;
		if (got && n < want)
			items[n] = one;
	}
	if (n < want)
		return jinja_fail(r, "ValueError", "not enough values to unpack (expected %zu, got %zu)", want,
				  n);
	if (n > want)
		return jinja_fail(r, "ValueError", "too many values to unpack (expected %zu)", want);
	for (size_t i = 0; i < want; i++)
		if (jinja_assign(r, target->items.at[i], items[i]))
			return -1;
	return 0;
}

static status require_namespace(struct render *r, const struct node *target)
{
	if (jinja_slot(r, target->hops, target->slot)->type == V_NAMESPACE)
		return 0;
	return jinja_fail(r, TEMPLATE_ERROR("TemplateRuntimeError"),
			  "cannot assign attribute on non-namespace object");
}

status jinja_assign(struct render *r, const struct node *target, struct value v)
{
	switch (target->kind) {
	case N_NAME:
		*jinja_slot(r, target->hops, target->slot) = v;
		return 0;
	case N_NSREF:
		if (require_namespace(r, target))
			return -1;
		return val_set(r, jinja_slot(r, target->hops, target->slot)->dict, target->constant, v);
	default:
		if (jinja_deeper(r) || unpack(r, target, v))
			return -1;
		r->depth--;
		return 0;
	}
}

/* --- statements --- */

status jinja_catch(struct render *r, const struct nodes *body, struct value *out)
{
	struct buf b = jinja_buf(r), *outer = r->out;
	r->out = &b;
	if (jinja_exec(r, body))
		return -1;
	r->out = outer;
	return jinja_done(r, &b, out);
}

static status run_output(struct render *r, const struct node *n)
{
	struct value v;
	for (size_t i = 0; i < n->items.len; i++)
		if (jinja_eval(r, n->items.at[i], &v) || val_print(r, r->out, v))
			return -1;
	return 0;
}

static status run_if(struct render *r, const struct node *n)
{
	struct value v;
	if (jinja_eval(r, n->a, &v))
		return -1;
	if (val_truth(v))
		return jinja_exec(r, &n->body);
	for (size_t i = 0; i < n->items.len; i++) {
		r->line = n->items.at[i]->line;
		if (jinja_eval(r, n->items.at[i]->a, &v))
			return -1;
		if (val_truth(v))
			return jinja_exec(r, &n->items.at[i]->body);
	}
	return jinja_exec(r, &n->other);
}

/* --- loops --- */

status jinja_loop_test(struct render *r, const struct node *n, struct value item, bool *out)
{
	const struct frame *f = n->frame2;
	struct value v, *kept = arena_array(r->mem, struct value, f->loads_len + 1);
	if (jinja_charge(r, f->loads_len * sizeof(struct value)))
		return -1;
	for (size_t i = 0; i < f->loads_len; i++)
		kept[i] = *jinja_slot(r, 0, f->loads[i].slot);
	if (jinja_enter(r, f) || jinja_assign(r, n->a, item) || jinja_eval(r, n->b, &v))
		return -1;
	for (size_t i = 0; i < f->loads_len; i++)
		*jinja_slot(r, 0, f->loads[i].slot) = kept[i];
	*out = val_truth(v);
	return 0;
}

static status loop_open(struct render *r, const struct node *n, struct cursor *c, struct value *out)
{
	if (!n->loop)
		return 0;
	if (jinja_charge(r, sizeof(struct loop_state)))
		return -1;
	struct loop_state *l = arena_new(r->mem, struct loop_state);
	l->cursor = *c;
	l->node = n;
	l->index0 = l->length = -1;
	l->outer = r->now->parent;
	*out = (struct value){ .type = V_LOOP, .loop = l };
	return 0;
}

status jinja_loop_peek(struct render *r, struct loop_state *l, bool *got)
{
	if (!l->peeked) {
		if (val_next(r, &l->cursor, &l->after, &l->more))
			return -1;
		l->peeked = true;
	}
	*got = l->more;
	return 0;
}

/* What has no length, or is filtered, is fetched to its end first. */
status jinja_loop_length(struct render *r, struct loop_state *l, int64_t *out)
{
	struct value rest;
	bool got;
	if (l->length < 0 && !l->cursor.filter && l->cursor.of.type != V_ITER) {
		if (val_length(r, l->cursor.of, &l->length))
			return -1;
	} else if (l->length < 0) {
		rest = val_new_list(r, V_LIST);
		for (;;) {
			struct value item;
			if (val_next(r, &l->cursor, &item, &got))
				return -1;
			if (!got)
				break;
			if (val_push(r, rest.list, item))
				return -1;
		}
		l->length = (int64_t)rest.list->len + l->index0 + 1 + (l->peeked && l->more);
		l->cursor = (struct cursor){ .of = rest };
	}
	*out = l->length;
	return 0;
}

static status next_item(struct render *r, struct cursor *c, struct loop_state *l, struct value *item,
			bool *got)
{
	if (!l)
		return val_next(r, c, item, got);
	if (jinja_loop_peek(r, l, got))
		return -1;
	if (!*got)
		return 0;
	l->peeked = false;
	l->index0++;
	l->before = l->current;
	l->current = *item = l->after;
	return 0;
}

/* The loop in the unit that is open now. */
static status run_loop(struct render *r, const struct node *n, struct value items, int depth0)
{
	struct cursor c;
	struct value item, loop = { V_MISSING };
	bool got, any = false;
	if (val_iterate(r, items, &c))
		return -1;
	c.filter = n->b ? n : NULL;
	c.scope = r->now;
	if (loop_open(r, n, &c, &loop))
		return -1;
	struct loop_state *l = n->loop ? loop.loop : NULL;
	if (l)
		l->depth0 = depth0;
	for (;;) {
		if (next_item(r, &c, l, &item, &got))
			return -1;
		if (!got)
			break;
		any = true;
		if (jinja_assign(r, n->a, item))
			return -1;
		if (l)
			*jinja_slot(r, 0, n->frame->loop_slot) = loop;
		if (jinja_enter(r, n->frame) || jinja_exec(r, &n->body) || jinja_step(r, 1))
			return -1;
		r->line = n->line;
	}
	leave(r, n->frame);
	if (any || !n->other.len)
		return 0;
	if (jinja_enter(r, n->frame3) || jinja_exec(r, &n->other))
		return -1;
	leave(r, n->frame3);
	return 0;
}

/* The body of a recursive loop is a function: each call has its own variables. */
static status run_recursive(struct render *r, const struct node *n, struct activation *outer,
			    struct value items, int depth0)
{
	struct activation *before = r->now, *own;
	if (jinja_deeper(r) || jinja_activate(r, n->frame->unit, outer, &own))
		return -1;
	r->now = own;
	if (run_loop(r, n, items, depth0))
		return -1;
	r->now = before;
	r->depth--;
	return 0;
}

status jinja_recurse(struct render *r, struct value loop, struct value items, struct value *out)
{
	struct loop_state *l = loop.loop;
	struct buf b = jinja_buf(r), *outer = r->out;
	if (!l->node->flag)
		return jinja_fail(r, "TypeError",
				  "The loop must have the 'recursive' marker to be called recursively.");
	r->out = &b;
	if (run_recursive(r, l->node, l->outer, items, l->depth0 + 1))
		return -1;
	r->out = outer;
	return jinja_done(r, &b, out);
}

static status run_for(struct render *r, const struct node *n)
{
	struct value items;
	if (jinja_eval(r, n->c, &items))
		return -1;
	return n->flag ? run_recursive(r, n, r->now, items, 0) : run_loop(r, n, items, 0);
}

/* --- blocks --- */

/* What blocks give is joined as it is: Python wants texts there. */
static status put_text(struct render *r, struct value v)
{
	if (v.type != V_STR)
		return jinja_unsupported("a block that gives no text");
	buf_put(r->out, v.text);
	return 0;
}

static status run_call_block(struct render *r, const struct node *n)
{
	struct value caller = jinja_new_macro(r, n), callee, v;
	struct args args;
	if (jinja_eval(r, n->a->a, &callee) || jinja_eval_args(r, n->a, &caller, &args) ||
	    jinja_call(r, callee, &args, &v))
		return -1;
	return put_text(r, v);
}

static status run_set_block(struct render *r, const struct node *n)
{
	struct value v;
	if (jinja_enter(r, n->frame) || jinja_catch(r, &n->body, &v) ||
	    (n->b && jinja_eval_filter(r, n->b, &v, &v)) || jinja_assign(r, n->a, v))
		return -1;
	leave(r, n->frame);
	return 0;
}

static status run_filter_block(struct render *r, const struct node *n)
{
	struct value v;
	if (jinja_enter(r, n->frame) || jinja_catch(r, &n->body, &v) || jinja_eval_filter(r, n->a, &v, &v) ||
	    put_text(r, v))
		return -1;
	leave(r, n->frame);
	return 0;
}

static status run_with(struct render *r, const struct node *n)
{
	struct value v;
	if (n->frame && jinja_enter(r, n->frame))
		return -1;
	for (size_t i = 0; i < n->args.len; i++)
		if (jinja_eval(r, n->items.at[i], &v) || jinja_assign(r, n->args.at[i], v))
			return -1;
	if (jinja_exec(r, &n->body))
		return -1;
	leave(r, n->frame);
	return 0;
}

static status run_set(struct render *r, const struct node *n)
{
	struct value v;
	if (n->a->kind == N_NSREF && require_namespace(r, n->a)) /* before the value is looked at */
		return -1;
	return jinja_eval(r, n->b, &v) || jinja_assign(r, n->a, v) ? -1 : 0;
}

static status run_data(struct render *r, const struct node *n)
{
	buf_put(r->out, n->name);
	return jinja_step(r, n->name.len / 64);
}

static status run_macro(struct render *r, const struct node *n)
{
	*jinja_slot(r, n->hops, n->slot) = jinja_new_macro(r, n);
	return jinja_charge(r, sizeof(struct macro));
}

static status run_statement(struct render *r, const struct node *n)
{
	static status (*const statements[])(struct render *, const struct node *) = {
		[N_DATA] = run_data,
		[N_OUTPUT] = run_output,
		[N_IF] = run_if,
		[N_FOR] = run_for,
		[N_SET] = run_set,
		[N_SET_BLOCK] = run_set_block,
		[N_MACRO] = run_macro,
		[N_CALL_BLOCK] = run_call_block,
		[N_FILTER_BLOCK] = run_filter_block,
		[N_WITH] = run_with,
		[N_SCOPE] = run_with,
	};
	return statements[n->kind](r, n);
}

status jinja_exec(struct render *r, const struct nodes *body)
{
	if (jinja_deeper(r) || jinja_step(r, body->len))
		return -1;
	for (size_t i = 0; i < body->len; i++) {
		r->line = body->at[i]->line;
		if (run_statement(r, body->at[i]))
			return -1;
		if (r->out->overflow)
			return err_set(ERR_TOO_LARGE, "the output of the template is longer than %zu bytes",
				       r->limits->output_max);
	}
	r->depth--;
	return 0;
}

/* --- from outside --- */

status jinja_run(struct arena *mem, const struct jinja_template *t, const struct json *inputs,
		 const struct jinja_limits *limits, struct str *out)
{
	struct render r = { .mem = mem, .limits = limits, .inputs = inputs };
	struct buf b = buf_make(mem, limits->output_max);
	struct value context;
	r.out = &b;
	if (json_is(inputs, JSON_OBJ)) {
		context = val_from_json(&r, inputs);
		r.memory = 0; /* what is given does not count */
	} else {
		context = val_new_dict(&r);
	}
	r.context = context.dict;
	if (jinja_activate(&r, t->root->unit, NULL, &r.now) || jinja_enter(&r, t->root) ||
	    jinja_exec(&r, &t->body) || jinja_step(&r, 0))
		return -1;
	if (r.unsure)
		return jinja_unsupported("comparing values nested this deep");
	*out = b.len ? buf_str(&b) : S("");
	return 0;
}

status jinja_render(struct arena *mem, struct str source, const struct json *inputs,
		    const struct jinja_limits *limits, struct str *out)
{
	struct jinja_template *t;
	return jinja_parse(mem, source, limits, &t) || jinja_run(mem, t, inputs, limits, out) ? -1 : 0;
}
