/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: which variable a name means. Jinja2 compiles a template to Python functions and decides
 * that before the first line runs: each body (template, loop, macro, ...) is a frame with its own
 * names; a name that a frame only reads is the outer one; a name that it also sets begins as the
 * outer value and stays inside. Branches of an `if` share their frame, and what only some of them
 * set begins as the outer value. Two passes over each frame: collect() learns what its names are
 * for, place() writes the places into the nodes and looks up filters and tests.
 */
#include "base/map.h"
#include "text/jinja/jinja_int.h"

enum { TREE_DEPTH_MAX = 300 };

struct ref {
	struct unit *unit;
	int slot;
	const struct symbols *row_in; /* whose load of the name is its `row`-th */
	size_t row;
};
struct load_of {
	struct load_row row;
	struct ref *ref;
};
struct symbols {
	struct symbols *parent;
	const struct symbols *base; /* a branch has only what it adds to these */
	struct frame *frame;
	struct map refs, stores; /* name -> struct ref */
	struct map *slots;	 /* of the frame, shared by its branches: one place a name */
	VEC(struct load_of) loads;
	bool soft; /* inside of an `if`: unknown filters fail only when they are reached */
};
struct scope {
	struct arena *mem;
	struct symbols *now;
	int depth;
};

typedef status (*child_fn)(struct node *, void *arg);

static status each_list(const struct nodes *list, child_fn fn, void *arg)
{
	for (size_t i = 0; i < list->len; i++)
		if (fn(list->at[i], arg))
			return -1;
	return 0;
}

/* The order in which Jinja2 looks at the parts of a node. */
static status each_child(struct node *n, child_fn fn, void *arg)
{
	if ((n->a && fn(n->a, arg)) || each_list(&n->args, fn, arg) || each_list(&n->items, fn, arg) ||
	    (n->c && fn(n->c, arg)) || each_list(&n->body, fn, arg) || each_list(&n->other, fn, arg) ||
	    (n->b && fn(n->b, arg)) || (n->star && fn(n->star, arg)) || (n->star2 && fn(n->star2, arg)))
		return -1;
	return 0;
}

static status deeper(struct scope *s)
{
	if (++s->depth > TREE_DEPTH_MAX)
		return jinja_unsupported("an expression of more than %d operators in a row", TREE_DEPTH_MAX);
	return 0;
}

/* --- names of a frame --- */

static struct symbols *symbols_open(struct scope *s, bool own_unit)
{
	struct symbols *y = arena_new(s->mem, struct symbols);
	struct unit *unit = s->now ? s->now->frame->unit : NULL;
	y->parent = s->now;
	y->frame = arena_new(s->mem, struct frame);
	y->frame->caller = y->frame->kwargs = y->frame->varargs = y->frame->loop_slot = -1;
	if (own_unit) {
		struct unit *inner = arena_new(s->mem, struct unit);
		inner->parent = unit;
		inner->depth = unit ? unit->depth + 1 : 0;
		unit = inner;
	}
	y->frame->unit = unit;
	y->refs = map_make(s->mem);
	y->stores = map_make(s->mem);
	y->slots = arena_new(s->mem, struct map);
	*y->slots = map_make(s->mem);
	return y;
}

/* In the frame itself, and in the branches that lead here. */
static struct ref *own_ref(const struct symbols *y, struct str name)
{
	struct ref *r = NULL;
	for (; y && !r; y = y->base)
		r = map_get(&y->refs, name);
	return r;
}

static bool stored(const struct symbols *y, struct str name)
{
	while (y && !map_has(&y->stores, name))
		y = y->base;
	return y != NULL;
}

static struct ref *find_ref(const struct symbols *y, struct str name)
{
	struct ref *r = NULL;
	for (; y && !r; y = y->parent)
		r = own_ref(y, name);
	return r;
}

static void set_load(struct scope *s, struct symbols *y, struct ref *ref, struct load_row row)
{
	row.slot = ref->slot;
	if (ref->row_in == y) {
		y->loads.at[ref->row].row = row;
		return;
	}
	ref->row_in = y;
	ref->row = y->loads.len;
	vec_push(s->mem, &y->loads, ((struct load_of){ row, ref }));
}

static struct ref *define(struct scope *s, struct symbols *y, struct str name, struct load_row row)
{
	struct ref *r = map_get(y->slots, name);
	if (!r) {
		r = arena_new(s->mem, struct ref);
		r->unit = y->frame->unit;
		r->slot = y->frame->unit->slots++;
		map_set(y->slots, name, r);
	}
	map_set(&y->refs, name, r);
	set_load(s, y, r, row);
	return r;
}

static struct load_row alias_of(const struct symbols *y, const struct ref *outer)
{
	return (struct load_row){ .how = LOAD_ALIAS,
				  .hops = y->frame->unit->depth - outer->unit->depth,
				  .from = outer->slot };
}

static void store(struct scope *s, struct symbols *y, struct str name)
{
	map_set(&y->stores, name, y);
	if (own_ref(y, name))
		return;
	struct ref *outer = y->parent ? find_ref(y->parent, name) : NULL;
	define(s, y, name, outer ? alias_of(y, outer) : (struct load_row){ .how = LOAD_UNDEFINED });
}

static struct ref *declare(struct scope *s, struct symbols *y, struct str name)
{
	map_set(&y->stores, name, y);
	return define(s, y, name, (struct load_row){ .how = LOAD_PARAM });
}

static void load(struct scope *s, struct symbols *y, struct str name)
{
	if (!find_ref(y, name))
		define(s, y, name, (struct load_row){ .how = LOAD_RESOLVE, .name = name });
}

static struct symbols *branch_open(struct scope *s, const struct symbols *from)
{
	struct symbols *y = arena_new(s->mem, struct symbols);
	y->parent = from->parent;
	y->base = from;
	y->frame = from->frame;
	y->slots = from->slots;
	y->soft = from->soft;
	y->refs = map_make(s->mem);
	y->stores = map_make(s->mem);
	return y;
}

enum { BRANCHES = 3 };

/* What not every branch sets begins as the outer value. */
static void branches_close(struct scope *s, struct symbols *y, struct symbols *branch[BRANCHES])
{
	struct map partly = map_make(s->mem);
	for (size_t i = 0; i < BRANCHES; i++)
		map_each(&branch[i]->stores, e)
			if (!stored(y, e->key))
				map_set(&partly, e->key, branch[i]);
	map_each(&partly, p) {
		size_t count = 0;
		for (size_t i = 0; i < BRANCHES; i++)
			count += map_has(&branch[i]->stores, p->key);
		if (count == BRANCHES)
			map_remove(&partly, p->key);
	}
	for (size_t i = 0; i < BRANCHES; i++) {
		map_each(&branch[i]->refs, e) map_set(&y->refs, e->key, e->value);
		map_each(&branch[i]->stores, e) map_set(&y->stores, e->key, e->value);
		for (size_t k = 0; k < branch[i]->loads.len; k++)
			set_load(s, y, branch[i]->loads.at[k].ref, branch[i]->loads.at[k].row);
	}
	map_each(&partly, p) {
		struct ref *outer = y->parent ? find_ref(y->parent, p->key) : NULL;
		struct load_row row = { .how = LOAD_RESOLVE, .name = p->key };
		if (outer)
			row = alias_of(y, outer);
		set_load(s, y, own_ref(y, p->key), row);
	}
}

/* --- collect: what the names of a frame are for --- */

static status collect(struct node *n, void *arg);

static status collect_if(struct scope *s, struct node *n)
{
	struct symbols *y = s->now, *branch[BRANCHES];
	const struct nodes *bodies[BRANCHES] = { &n->body, &n->items, &n->other };
	if (collect(n->a, s))
		return -1;
	for (size_t i = 0; i < BRANCHES; i++) {
		s->now = branch[i] = branch_open(s, y);
		if (each_list(bodies[i], collect, s))
			return -1;
	}
	s->now = y;
	branches_close(s, y, branch);
	return 0;
}

static status collect_inside(struct scope *s, struct node *n)
{
	switch (n->kind) {
	case N_NAME:
		if (n->use == NAME_PARAM)
			declare(s, s->now, n->name);
		else if (n->use == NAME_STORE)
			store(s, s->now, n->name);
		else
			load(s, s->now, n->name);
		return 0;
	case N_NSREF:
		load(s, s->now, n->name);
		return 0;
	case N_IF:
		return collect_if(s, n);
	case N_FOR:
		return collect(n->c, s);
	case N_SET:
		return collect(n->b, s) || collect(n->a, s) ? -1 : 0;
	case N_SET_BLOCK:
	case N_CALL_BLOCK:
	case N_FILTER_BLOCK:
		return collect(n->a, s);
	case N_MACRO:
		store(s, s->now, n->name);
		return 0;
	case N_WITH:
		return each_list(&n->items, collect, s);
	case N_SCOPE:
		return 0;
	default:
		return each_child(n, collect, s);
	}
}

static status collect(struct node *n, void *arg)
{
	struct scope *s = arg;
	if (deeper(s) || collect_inside(s, n))
		return -1;
	s->depth--;
	return 0;
}

/* A loop's target: its names belong to the loop. */
static void collect_target(struct scope *s, const struct node *n, int depth)
{
	if (n->kind == N_NAME)
		declare(s, s->now, n->name);
	for (size_t i = 0; n->kind == N_TUPLE && i < n->items.len && depth < TREE_DEPTH_MAX; i++)
		collect_target(s, n->items.at[i], depth + 1);
}

/* --- looking for names in a subtree --- */

struct search {
	struct str name;
	bool done, found;
	bool stores; /* look for `{% set name %}` instead */
	uint32_t line;
	int depth;
};

static status search_in(struct node *n, void *arg)
{
	struct search *q = arg;
	if (q->done || q->depth > TREE_DEPTH_MAX * 2)
		return 0;
	if (n->kind == N_NAME && str_eq(n->name, q->name)) {
		if (!q->stores || n->use == NAME_STORE) {
			q->done = true;
			q->found = q->stores || n->use == NAME_LOAD;
			q->line = n->line;
		}
		return 0;
	}
	q->depth++;
	status st = each_child(n, search_in, q);
	q->depth--;
	return st;
}

/* Is the name read before anything in there sets it? */
static bool reads(const struct nodes *body, struct str name)
{
	struct search q = { .name = name };
	return each_list(body, search_in, &q) == 0 && q.found;
}

/* --- place: where each name is --- */

static status place(struct node *n, void *arg);

static status place_list(struct scope *s, const struct nodes *list)
{
	return each_list(list, place, s);
}

static void frame_close(struct scope *s, struct symbols *y)
{
	y->frame->loads = arena_array(s->mem, struct load_row, y->loads.len);
	y->frame->loads_len = y->loads.len;
	for (size_t i = 0; i < y->loads.len; i++)
		y->frame->loads[i] = y->loads.at[i].row;
	s->now = y->parent;
}

static status assertion(uint32_t line, const char *what, struct str name)
{
	return jinja_syntax(line, "TemplateAssertionError", "No %s named '%.*s'.", what, STR(name));
}

/* The frame of the name is above the frame that is being placed: hops counts the units between. */
static status place_name(struct scope *s, struct node *n)
{
	struct ref *r = find_ref(s->now, n->name);
	if (!r)
		return jinja_unsupported("the variable '%.*s' in the filter of a set block", STR(n->name));
	n->hops = s->now->frame->unit->depth - r->unit->depth;
	n->slot = r->slot;
	return 0;
}

static status place_called(struct scope *s, struct node *n)
{
	bool filter = n->kind == N_FILTER;
	n->function = filter ? jinja_find_filter(n->name) : jinja_find_test(n->name);
	if (!n->function && !s->now->soft)
		return assertion(n->line, filter ? "filter" : "test", n->name);
	return each_child(n, place, s);
}

/* Conditions make what is in them soft. */
static status place_soft(struct scope *s, struct node *n)
{
	bool soft = s->now->soft;
	s->now->soft = true;
	if (place(n->a, s) || place_list(s, &n->body) || place_list(s, &n->items) ||
	    place_list(s, &n->other) || (n->b && place(n->b, s)) || (n->c && place(n->c, s)))
		return -1;
	s->now->soft = soft;
	return 0;
}

/* A constant that decides is all that is left of the whole: what is right of it is not looked at. */
static status place_and_or(struct scope *s, struct node *n)
{
	bool decided = n->a->kind == N_CONST && val_truth(n->a->constant) == (n->kind == N_OR);
	bool soft = s->now->soft;
	if (place(n->a, s))
		return -1;
	s->now->soft |= decided;
	if (place(n->b, s))
		return -1;
	s->now->soft = soft;
	return 0;
}

/* The condition sees the loop's target in the places of the body: jinja_loop_test keeps what the
 * body has there, because loop.last asks for the next item in the middle of it. */
static status place_condition(struct scope *s, struct node *n, const struct symbols *body)
{
	struct symbols *test = symbols_open(s, false);
	test->frame->unit = body->frame->unit;
	test->slots = body->slots;
	s->now = test;
	collect_target(s, n->a, 0);
	if (collect(n->b, s) || place(n->b, s))
		return -1;
	n->frame2 = test->frame;
	frame_close(s, test);
	return 0;
}

static status place_else(struct scope *s, struct node *n, const struct symbols *body)
{
	struct symbols *other = symbols_open(s, false);
	other->frame->unit = body->frame->unit;
	s->now = other;
	if (each_list(&n->other, collect, s) || place_list(s, &n->other))
		return -1;
	n->frame3 = other->frame;
	frame_close(s, other);
	return 0;
}

static status place_for(struct scope *s, struct node *n)
{
	struct search q = { .name = S("loop"), .stores = true };
	struct symbols *body = symbols_open(s, n->flag), *outer = s->now;
	n->loop = n->flag || reads(&n->body, S("loop"));
	n->frame = body->frame;
	s->now = body;
	if (n->loop)
		body->frame->loop_slot = declare(s, body, S("loop"))->slot;
	collect_target(s, n->a, 0);
	if (each_list(&n->body, collect, s) || search_in(n, &q))
		return -1;
	s->now = outer;
	if (n->b && place_condition(s, n, body))
		return -1;
	if (q.found)
		return jinja_syntax(q.line, "TemplateAssertionError",
				    "Can't assign to special loop variable in for-loop target");
	if (!n->flag && place(n->c, s))
		return -1;
	s->now = body;
	if (place(n->a, s) || place_list(s, &n->body))
		return -1;
	frame_close(s, body);
	if (n->other.len && place_else(s, n, body))
		return -1;
	return n->flag ? place(n->c, s) : 0;
}

/* The places that a macro's call fills besides its arguments. */
static status special_params(struct scope *s, struct node *n, struct symbols *y)
{
	bool own_kwargs = false, own_varargs = false;
	size_t explicit_caller = SIZE_MAX;
	for (size_t i = 0; i < n->args.len; i++) {
		struct str name = n->args.at[i]->name;
		if (str_eq(name, S("caller")))
			explicit_caller = i;
		own_kwargs |= str_eq(name, S("kwargs"));
		own_varargs |= str_eq(name, S("varargs"));
	}
	if (reads(&n->body, S("caller"))) {
		y->frame->caller = -2; /* an argument of that name */
		if (explicit_caller == SIZE_MAX)
			y->frame->caller = declare(s, y, S("caller"))->slot;
		else if (n->args.len - explicit_caller > n->items.len)
			return jinja_syntax(n->line, "TemplateAssertionError",
					    "When defining macros or call blocks the special \"caller\" argument "
					    "must be omitted or be given a default.");
	}
	if (!own_kwargs && reads(&n->body, S("kwargs")))
		y->frame->kwargs = declare(s, y, S("kwargs"))->slot;
	if (!own_varargs && reads(&n->body, S("varargs")))
		y->frame->varargs = declare(s, y, S("varargs"))->slot;
	return 0;
}

static status place_macro(struct scope *s, struct node *n)
{
	struct symbols *y = symbols_open(s, true);
	n->frame = y->frame;
	s->now = y;
	if (each_list(&n->args, collect, s) || each_list(&n->items, collect, s) ||
	    each_list(&n->body, collect, s) || special_params(s, n, y))
		return -1;
	y->frame->params = arena_array(s->mem, int, n->args.len + 1);
	for (size_t i = 0; i < n->args.len; i++) {
		if (place(n->args.at[i], s))
			return -1;
		y->frame->params[i] = n->args.at[i]->slot;
	}
	if (place_list(s, &n->items) || place_list(s, &n->body))
		return -1;
	frame_close(s, y);
	if (n->kind == N_CALL_BLOCK)
		return place(n->a, s);
	return place_name(s, n);
}

static status place_with(struct scope *s, struct node *n)
{
	struct symbols *y;
	if (place_list(s, &n->items))
		return -1;
	s->now = y = symbols_open(s, false);
	n->frame = y->frame;
	if (each_list(&n->args, collect, s) || each_list(&n->body, collect, s) || place_list(s, &n->args) ||
	    place_list(s, &n->body))
		return -1;
	frame_close(s, y);
	return 0;
}

/* Blocks whose text is caught, and plain scopes. */
static status place_block(struct scope *s, struct node *n)
{
	struct symbols *y, *outer = s->now;
	s->now = y = symbols_open(s, false);
	n->frame = y->frame;
	if (each_list(&n->body, collect, s) ||
	    (n->kind == N_FILTER_BLOCK && n->a && collect(n->a, s)) || place_list(s, &n->body))
		return -1;
	if (n->kind == N_SET_BLOCK) {
		s->now = outer;
		if (place(n->a, s))
			return -1;
		s->now = y;
		if (n->b && place(n->b, s))
			return -1;
	} else if (n->a && place(n->a, s)) {
		return -1;
	}
	frame_close(s, y);
	return 0;
}

static status place_inside(struct scope *s, struct node *n)
{
	switch (n->kind) {
	case N_NAME:
	case N_NSREF:
		return place_name(s, n);
	case N_FILTER:
	case N_TEST:
		return place_called(s, n);
	case N_IF:
	case N_COND:
		return place_soft(s, n);
	case N_OR:
	case N_AND:
		return place_and_or(s, n);
	case N_FOR:
		return place_for(s, n);
	case N_MACRO:
	case N_CALL_BLOCK:
		return place_macro(s, n);
	case N_WITH:
		return place_with(s, n);
	case N_SET_BLOCK:
	case N_FILTER_BLOCK:
	case N_SCOPE:
		return place_block(s, n);
	default:
		return each_child(n, place, s);
	}
}

static status place(struct node *n, void *arg)
{
	struct scope *s = arg;
	if (deeper(s) || place_inside(s, n))
		return -1;
	s->depth--;
	return 0;
}

status jinja_scope(struct arena *mem, struct jinja_template *t)
{
	struct scope s = { .mem = mem };
	struct symbols *root = s.now = symbols_open(&s, true);
	if (reads(&t->body, S("self")))
		return jinja_unsupported("the variable 'self'");
	t->root = root->frame;
	if (each_list(&t->body, collect, &s) || place_list(&s, &t->body))
		return -1;
	frame_close(&s, root);
	return 0;
}
