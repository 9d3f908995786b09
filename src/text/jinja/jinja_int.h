/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja_int: what the files of this folder share. lex.c cuts the source into tokens, parse.c and
 * parse_expr.c make the tree, scope.c gives every name its place, run.c executes statements,
 * eval.c expressions; value.c, print.c, operate.c, attribute.c know values as Python does; the
 * methods, filters and tests are tables.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "text/jinja/jinja.h"

struct frame;
struct node;
struct render;

/* --- values --- */

enum value_type {
	V_MISSING, /* a variable that has none yet; never seen by expressions */
	V_UNDEFINED,
	V_NONE,
	V_BOOL,
	V_INT,
	V_FLOAT,
	V_STR,
	V_LIST,
	V_TUPLE,
	V_DICT,
	V_VIEW, /* keys, values or items of a dict */
	V_RANGE,
	V_ITER, /* what a generator filter gives: read once */
	V_LOOP,
	V_MACRO,
	V_NAMESPACE,
	V_CYCLER,
	V_JOINER,
	V_METHOD,   /* of a value */
	V_FUNCTION, /* a global one */
};
enum { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };

struct value {
	uint8_t type;
	bool safe;    /* V_STR: a Markup. V_TUPLE: a group of groupby */
	uint8_t view; /* V_VIEW */
	union {
		bool boolean;
		int64_t integer;
		double number;
		struct str text;
		struct undefined *undefined;
		struct list *list; /* lists and tuples */
		struct dict *dict; /* dicts, views and namespaces */
		struct range *range;
		struct iter *iter;
		struct loop_state *loop;
		struct macro *macro;
		struct cycler *cycler;
		struct joiner *joiner;
		struct method *method;
		const struct function *function;
	};
};

struct list {
	struct value *at;
	size_t len, cap;
};
struct dict_entry {
	struct value key, value;
	uint64_t hash;
	bool live;
};
struct dict {
	struct dict_entry *at; /* in the order of insertion */
	size_t len, cap, count;
	size_t head, tail; /* what is live lies in here: both ends are found at once */
	uint32_t *slots; /* index + 1 into `at`; only past DICT_SMALL entries */
	size_t slots_len;
};
struct range {
	int64_t start, stop, step, len;
};
struct undefined {
	struct str hint;
	struct value object, name;
	bool has_object;
};
/* What was computed so far and, when computing failed, the failure that comes after it. */
struct iter {
	struct list *list;
	size_t at;
	struct err *failure;
	const char *name; /* of the Python type */
};
struct cycler {
	struct list *items;
	size_t at;
};
struct joiner {
	struct str separator;
	bool used;
};
struct args {
	struct value *at;
	size_t len;
	struct named *named;
	size_t named_len;
};
struct named {
	struct str name;
	struct value value;
};
typedef status (*method_fn)(struct render *, struct value self, struct args *, struct value *out);
struct method_row {
	const char *name;
	method_fn fn; /* NULL: exists in Python, not done here */
	int min, max; /* arguments; -1 = any number */
	const char *names; /* of those that may be named, by blanks; NULL = none */
	int markup;	   /* how it works on a Markup */
};
enum { MARKUP_NOT, MARKUP_STAYS, MARKUP_PLAIN };
struct method {
	struct value self;
	const struct method_row *row;
};

/* Called with values in the order of `params`; absent ones are V_MISSING. */
typedef status (*call_fn)(struct render *, struct value *v, struct value *out);
/* Called with what was given. */
typedef status (*free_fn)(struct render *, struct args *, struct value *out);
struct function {
	const char *name;
	const char *params; /* "value width=" : names by blanks, "=" after those that may be absent */
	call_fn fn;
	free_fn any; /* instead of fn and params */
};

/* --- the tree --- */

enum node_kind {
	N_DATA, N_OUTPUT, N_IF, N_FOR, N_SET, N_SET_BLOCK, N_MACRO, N_CALL_BLOCK, N_FILTER_BLOCK,
	N_WITH, N_SCOPE,
	/* expressions */
	N_CONST, N_NAME, N_NSREF, N_TUPLE, N_LIST, N_DICT, N_ATTR, N_ITEM, N_SLICE, N_CALL, N_FILTER,
	N_TEST, N_NOT, N_NEG, N_POS, N_BINARY, N_AND, N_OR, N_CONCAT, N_COMPARE, N_COND,
	N_KEYWORD, N_OPERAND,
};
/* How a name is used. */
enum { NAME_LOAD, NAME_STORE, NAME_PARAM };

enum op {
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD, OP_POW,
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN,
};

struct nodes {
	VEC(struct node *);
};
struct node {
	enum node_kind kind;
	enum op op;
	uint8_t use;  /* N_NAME */
	bool flag;    /* N_FOR: recursive */
	bool loop;    /* N_FOR: the body needs the loop object */
	uint32_t line;
	struct str name;
	struct value constant;
	struct node *a, *b, *c; /* by kind, see parse.c and parse_expr.c */
	struct nodes items, body, other;
	struct nodes args;
	struct node *star, *star2; /* *args and **kwargs of a call */
	struct frame *frame, *frame2, *frame3;
	int hops, slot; /* N_NAME, N_NSREF and N_MACRO */
	const struct function *function; /* N_FILTER, N_TEST; NULL: fails when reached */
};

/* --- scopes --- */

enum load { LOAD_PARAM, LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED };
struct load_row {
	enum load how;
	int slot;
	struct str name;   /* LOAD_RESOLVE */
	int hops, from;	   /* LOAD_ALIAS */
};
/* What becomes a function of its own: the template, a macro, the body of a recursive loop. */
struct unit {
	struct unit *parent;
	int depth, slots;
};
struct frame {
	struct unit *unit;
	struct load_row *loads;
	size_t loads_len;
	/* Macros: places of the arguments, and of what is passed behind them (-1: not used). */
	int *params;
	int caller, kwargs, varargs;
	int loop_slot;
};

struct jinja_template {
	struct nodes body;
	struct frame *root;
};

/* --- tokens --- */

enum token_type {
	T_EOF, T_DATA, T_VARIABLE_BEGIN, T_VARIABLE_END, T_BLOCK_BEGIN, T_BLOCK_END, T_NAME, T_STRING,
	T_INTEGER, T_FLOAT, T_ADD, T_SUB, T_DIV, T_FLOORDIV, T_MUL, T_MOD, T_POW, T_TILDE, T_LBRACKET,
	T_RBRACKET, T_LPAREN, T_RPAREN, T_LBRACE, T_RBRACE, T_EQ, T_NE, T_GT, T_GE, T_LT, T_LE,
	T_ASSIGN, T_DOT, T_COLON, T_PIPE, T_COMMA, T_SEMICOLON,
};
struct token {
	enum token_type type;
	uint32_t line;
	struct str text;     /* names, data, decoded strings */
	struct value number; /* integers and floats */
};
struct tokens {
	VEC(struct token);
};
/* All tokens up to the first error, which comes when the parser gets there. */
struct lexed {
	struct tokens tokens;
	bool failed;
	struct err failure;
};
void jinja_lex(struct arena *, struct str source, struct lexed *out);
/* As error texts name a token. */
struct str jinja_token_name(struct arena *, const struct token *);
const char *jinja_token_type_name(enum token_type);

/* scope.c: gives names their places and checks that filters and tests exist. */
status jinja_scope(struct arena *, struct jinja_template *) NODISCARD;

/* --- rendering --- */

/* The variables of one call of a unit. */
struct activation {
	struct activation *parent;
	struct value *slots;
};
struct macro {
	const struct node *node;
	struct activation *outer;
	struct str name;
	bool anonymous;
};
/* A text that is being joined; `charged` bytes of its room are accounted for. */
struct growing {
	struct buf buf;
	size_t charged;
};
struct render {
	struct arena *mem;
	const struct jinja_limits *limits;
	const struct json *inputs;
	struct dict *context; /* inputs as values */
	int64_t steps;
	size_t memory;
	int depth;
	int comparing; /* values inside each other, in val_equal */
	bool unsure;   /* a comparison gave up */
	uint32_t line;
	struct activation *now;
	struct buf *out;
	struct growing last; /* see jinja_resume */
};

/* --- failures; all return -1 --- */
status jinja_fail_at(const char *file, int at, struct render *, const char *type, const char *fmt, ...)
	PRINTF(5, 6);
#define jinja_fail(r, type, ...) jinja_fail_at(__FILE__, __LINE__, (r), (type), __VA_ARGS__)
status jinja_syntax_at(const char *file, int at, uint32_t line, const char *type, const char *fmt, ...)
	PRINTF(5, 6);
#define jinja_syntax(line, type, ...) jinja_syntax_at(__FILE__, __LINE__, (line), (type), __VA_ARGS__)
#define TEMPLATE_ERROR(name) "jinja2.exceptions." name
#define jinja_unsupported(...) err_set(ERR_UNSUPPORTED, __VA_ARGS__)
/* Takes n steps; ERR_LIMIT when there are no more. */
status jinja_step(struct render *, size_t n) NODISCARD;
/* Accounts for memory and the time to fill it. */
status jinja_charge(struct render *, size_t bytes) NODISCARD;
status jinja_text(struct render *, size_t bytes, char **out) NODISCARD;
/* A buffer for a text that is made on the way; end with jinja_done. */
struct buf jinja_buf(struct render *);
status jinja_done(struct render *, struct buf *, struct value *out) NODISCARD;
/* A text that begins with `first`; end with jinja_grown. One that is made longer again and again, as by
 * `s ~ x` in a loop, is not copied each time: what follows the last result is still free. */
struct growing jinja_resume(struct render *, struct str first);
status jinja_grown(struct render *, struct growing *, struct value *out) NODISCARD;

/* --- value.c --- */
static inline struct value val_none(void)
{
	return (struct value){ .type = V_NONE };
}
static inline struct value val_bool(bool b)
{
	return (struct value){ .type = V_BOOL, .boolean = b };
}
static inline struct value val_int(int64_t n)
{
	return (struct value){ .type = V_INT, .integer = n };
}
static inline struct value val_float(double n)
{
	return (struct value){ .type = V_FLOAT, .number = n };
}
static inline struct value val_str(struct str s)
{
	return (struct value){ .type = V_STR, .text = s };
}
static inline struct value val_safe(struct str s)
{
	return (struct value){ .type = V_STR, .safe = true, .text = s };
}
static inline bool val_is_number(struct value v)
{
	return v.type == V_BOOL || v.type == V_INT || v.type == V_FLOAT;
}
static inline bool val_is_int(struct value v)
{
	return v.type == V_BOOL || v.type == V_INT;
}
static inline int64_t val_integer(struct value v)
{
	return v.type == V_BOOL ? v.boolean : v.integer;
}
static inline double val_double(struct value v)
{
	return v.type == V_FLOAT ? v.number : (double)val_integer(v);
}
static inline bool val_given(struct value v)
{
	return v.type != V_MISSING;
}
struct value val_undefined(struct render *, struct str name);
struct value val_undefined_hint(struct render *, struct str hint);
struct value val_undefined_of(struct render *, struct value object, struct value name);
status val_fail_undefined(struct render *, struct value);
struct value val_new_list(struct render *, enum value_type);
status val_push(struct render *, struct list *, struct value) NODISCARD;
struct value val_new_dict(struct render *);
/* TypeError for what cannot be a key. */
status val_set(struct render *, struct dict *, struct value key, struct value v) NODISCARD;
status val_get(struct render *, const struct dict *, struct value key, struct value **out) NODISCARD;
struct value *val_get_str(struct render *, const struct dict *, struct str key);
void val_remove(struct dict *, const struct dict_entry *);
struct dict_entry *val_find(struct render *, const struct dict *, struct value key, uint64_t hash);
status val_hash(struct render *, struct value, uint64_t *out) NODISCARD;
struct value val_from_json(struct render *, const struct json *);
bool val_truth(struct value);
/* Python's == of the values. Takes steps; when there are no more, or the values are nested too deep to
 * be told apart here, the answer means nothing and the rendering ends with a failure. */
bool val_equal(struct render *, struct value, struct value);
bool val_same(struct value, struct value); /* `is` */
/* The name of the Python type, with and without its module. */
const char *val_type_name(struct value);
const char *val_short_name(struct value);
/* len(): TypeError for what has none. */
status val_length(struct render *, struct value, int64_t *out) NODISCARD;

/* Goes over anything that Python goes over. */
struct cursor {
	struct value of;
	size_t at;
	size_t count; /* dicts: must stay */
	/* A loop's condition (N_FOR with `b`), asked in `scope` when the next item is wanted. */
	const struct node *filter;
	struct activation *scope;
};
status val_iterate(struct render *, struct value, struct cursor *out) NODISCARD;
status val_next(struct render *, struct cursor *, struct value *out, bool *got) NODISCARD;
bool val_iterable(struct value);
struct value val_new_iter(struct render *, struct list *, const char *name);
status val_to_list(struct render *, struct value, struct value *out) NODISCARD;

/* --- print.c --- */
status val_print(struct render *, struct buf *, struct value) NODISCARD; /* str() */
status val_repr(struct render *, struct buf *, struct value) NODISCARD;
status val_str_of(struct render *, struct value, struct str *out) NODISCARD;
status val_repr_of(struct render *, struct value, struct str *out) NODISCARD;
/* json.dumps(sort_keys=True) and the escapes of the filter tojson; indent < 0: on one line. */
status val_write_json(struct render *, struct buf *, struct value, int indent) NODISCARD;

/* --- operate.c --- */
status op_binary(struct render *, enum op, struct value, struct value, struct value *out) NODISCARD;
status op_compare(struct render *, enum op, struct value, struct value, bool *out) NODISCARD;
/* <0, 0, >0; TypeError names `symbol`. */
status op_order(struct render *, struct value, struct value, const char *symbol, int *out) NODISCARD;
status op_contains(struct render *, struct value item, struct value in, bool *out) NODISCARD;
/* Stable; keys has one key an item, NULL = the items themselves. */
enum { SORT_REVERSE = 1, SORT_IN_LISTS = 2 }; /* the second: keys are single items of lists */
status op_sort(struct render *, struct list *, struct value *keys, unsigned how) NODISCARD;

/* --- attribute.c --- */
status val_attribute(struct render *, struct value, struct str name, struct value *out) NODISCARD;
/* Without looking into dicts; found = false where Python has no such attribute. */
status val_python_attribute(struct render *, struct value, struct str name, struct value *out,
			    bool *found) NODISCARD;
status val_item(struct render *, struct value, struct value key, struct value *out) NODISCARD;
status val_slice(struct render *, struct value, const struct value bounds[3], struct value *out) NODISCARD;

/* --- methods --- */
/* The i-th argument; false when it is no such thing. An absent integer is the fallback. */
bool method_str(const struct args *, size_t i, struct str *out);
bool method_int(const struct args *, size_t i, int64_t fallback, int64_t *out);
status method_refuse(const char *name);
extern const struct method_row jinja_str_methods[], jinja_list_methods[], jinja_tuple_methods[],
	jinja_dict_methods[], jinja_int_methods[], jinja_float_methods[], jinja_loop_methods[],
	jinja_cycler_methods[], jinja_range_methods[], jinja_view_methods[];
/* NULL when the type has no such method. The row's fn is NULL when it is not done here. */
const struct method_row *jinja_find_method(struct value, struct str name);
/* format.c: text % values, text.format(...) and format specifications. */
status jinja_format_percent(struct render *, struct str format, struct value values, struct value *out) NODISCARD;
status jinja_format_braces(struct render *, struct str format, struct args *, struct value *out) NODISCARD;
/* text.c: what methods and filters share. */
status text_escape(struct render *, struct value, struct value *out) NODISCARD; /* HTML */
status text_case(struct render *, struct str, int how, struct value *out) NODISCARD;
enum { TEXT_UPPER, TEXT_LOWER, TEXT_CAPITALIZE, TEXT_TITLE, TEXT_SWAP };
/* Byte offset of the n-th code point, at most the length. */
size_t text_offset(struct str, size_t n);
struct str text_strip(struct str, struct str chars, bool left, bool right); /* chars.at NULL: white space */
struct replacement {
	struct str what, by;
	int64_t count; /* negative: all */
};
status text_replace(struct render *, struct str s, struct replacement, struct value *out) NODISCARD;
status text_lines(struct render *, struct str, bool keep_ends, struct value *out) NODISCARD;
/* Python's int(text, base) and float(text): false when it is none. */
status text_to_int(struct render *, struct str, int base, struct value *out, bool *ok) NODISCARD;
bool text_to_float(struct str, double *out);
struct padding {
	int64_t width;
	uint32_t fill;
	enum { PAD_LEFT, PAD_RIGHT, PAD_CENTER } where; /* what is added goes there */
};
status text_pad(struct render *, struct str s, struct padding, struct value *out) NODISCARD;

/* filter_list.c and filter_text.c, one row each in filter.c. */
status filter_attribute_of(struct render *, struct value item, struct value attribute, struct value fallback,
			   struct value *out) NODISCARD;
#define FILTER(name) status filter_##name(struct render *, struct value *v, struct value *out)
FILTER(batch);
FILTER(dictsort);
FILTER(first);
FILTER(groupby);
FILTER(items);
FILTER(join);
FILTER(last);
FILTER(list);
FILTER(max);
FILTER(min);
FILTER(reverse);
FILTER(slice);
FILTER(sort);
FILTER(sum);
FILTER(unique);
FILTER(center);
FILTER(filesizeformat);
FILTER(indent);
FILTER(pprint);
FILTER(replace);
FILTER(striptags);
FILTER(title);
FILTER(trim);
FILTER(truncate);
FILTER(urlencode);
FILTER(wordcount);
FILTER(wordwrap);
FILTER(xmlattr);
status filter_map(struct render *, struct args *, struct value *out);
status filter_select(struct render *, struct args *, struct value *out);
status filter_reject(struct render *, struct args *, struct value *out);
status filter_selectattr(struct render *, struct args *, struct value *out);
status filter_rejectattr(struct render *, struct args *, struct value *out);
status filter_format(struct render *, struct args *, struct value *out);
/* soft_str(): a Markup stays one. */
status filter_soft(struct render *, struct value, struct value *out) NODISCARD;
/* A flag that may be absent. */
static inline bool filter_flag(struct value v, bool fallback)
{
	return val_given(v) ? val_truth(v) : fallback;
}

/* --- call.c --- */
status jinja_call(struct render *, struct value callee, struct args *, struct value *out) NODISCARD;
status jinja_bind(struct render *, const struct function *, struct args *, struct value *bound) NODISCARD;
enum { PARAMS_MAX = 8 };
status jinja_call_function(struct render *, const struct function *, struct args *,
			   struct value *out) NODISCARD;
extern const struct function jinja_filters[], jinja_tests[], jinja_globals[];
const struct function *jinja_find_filter(struct str);
const struct function *jinja_find_test(struct str);
const struct function *jinja_find_global(struct str);

/* --- run.c and eval.c --- */
struct loop_state {
	struct cursor cursor;
	const struct node *node;
	struct activation *outer; /* of the recursive loop's function */
	int64_t index0;
	int depth0;
	bool peeked, more; /* `after` was fetched; there was one */
	struct value before, current, after;
	struct list *changed; /* what loop.changed() saw last */
	int64_t length;	      /* -1: not asked yet */
};
status jinja_loop_length(struct render *, struct loop_state *, int64_t *out) NODISCARD;
/* Fetches the next item when that was not done yet. */
status jinja_loop_peek(struct render *, struct loop_state *, bool *got) NODISCARD;
status jinja_eval_args(struct render *, const struct node *call, const struct value *caller,
		       struct args *out) NODISCARD;
/* Filters of a block: the innermost takes `text`. */
status jinja_eval_filter(struct render *, const struct node *, const struct value *text,
			 struct value *out) NODISCARD;
status jinja_exec(struct render *, const struct nodes *) NODISCARD;
status jinja_eval(struct render *, const struct node *, struct value *out) NODISCARD;
status jinja_assign(struct render *, const struct node *target, struct value) NODISCARD;
status jinja_call_macro(struct render *, struct macro *, struct args *, struct value *out) NODISCARD;
status jinja_enter(struct render *, const struct frame *) NODISCARD;
/* Variables for one call of a unit; `parent` is where the unit was made. */
status jinja_activate(struct render *, const struct unit *, struct activation *parent,
		      struct activation **out) NODISCARD;
/* Runs a body whose text is caught. */
status jinja_catch(struct render *, const struct nodes *, struct value *out) NODISCARD;
struct value jinja_new_macro(struct render *, const struct node *);
status jinja_recurse(struct render *, struct value loop, struct value items, struct value *out) NODISCARD;
/* The condition of a loop for one item. */
status jinja_loop_test(struct render *, const struct node *, struct value item, bool *out) NODISCARD;
struct value *jinja_slot(struct render *, int hops, int slot);
static inline status jinja_deeper(struct render *r)
{
	if (++r->depth > r->limits->depth_max)
		return err_set(ERR_LIMIT, "RecursionError: maximum recursion depth exceeded");
	return 0;
}
