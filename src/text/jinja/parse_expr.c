/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse_expr: expressions as a tree. The fields of struct node by kind:
 *   N_CONST constant; N_NAME name, use; N_TUPLE, N_LIST items; N_DICT items (keys), other (values)
 *   N_ATTR a, name; N_ITEM a, b; N_SLICE a, b, c (bounds, NULL = none), only as `b` of N_ITEM
 *   N_CALL a, args (N_KEYWORD last), star, star2; N_FILTER and N_TEST the same with name
 *   N_NOT, N_NEG, N_POS a; N_BINARY op, a, b; N_AND, N_OR a, b; N_CONCAT items
 *   N_COMPARE a, items (N_OPERAND: op, a); N_COND a (test), b (then), c (else or NULL)
 */
#include "text/jinja/parse_int.h"

static status parse_call_args(struct parser *p, struct node *n);

/* --- operators by binding, weakest first --- */

enum level { L_OR = 1, L_AND, L_NOT, L_COMPARE, L_SUM, L_CONCAT, L_PRODUCT, L_POWER };

static const struct {
	enum token_type token;
	const char *name; /* for T_NAME */
	enum level level;
	enum op op;
} binary[] = {
	{ T_NAME, "or", L_OR, 0 },
	{ T_NAME, "and", L_AND, 0 },
	{ T_NAME, "in", L_COMPARE, OP_IN },
	{ T_EQ, NULL, L_COMPARE, OP_EQ },
	{ T_NE, NULL, L_COMPARE, OP_NE },
	{ T_LT, NULL, L_COMPARE, OP_LT },
	{ T_LE, NULL, L_COMPARE, OP_LE },
	{ T_GT, NULL, L_COMPARE, OP_GT },
	{ T_GE, NULL, L_COMPARE, OP_GE },
	{ T_ADD, NULL, L_SUM, OP_ADD },
	{ T_SUB, NULL, L_SUM, OP_SUB },
	{ T_TILDE, NULL, L_CONCAT, 0 },
	{ T_MUL, NULL, L_PRODUCT, OP_MUL },
	{ T_DIV, NULL, L_PRODUCT, OP_DIV },
	{ T_FLOORDIV, NULL, L_PRODUCT, OP_FLOORDIV },
	{ T_MOD, NULL, L_PRODUCT, OP_MOD },
	{ T_POW, NULL, L_POWER, OP_POW },
};

/* The operator here; level 0: none. `not in` is two tokens. */
static status operator_here(struct parser *p, enum level *level, enum op *op, int *tokens)
{
	struct token *next;
	*level = 0;
	*op = OP_ADD;
	*tokens = 1;
	for (size_t i = 0; i < countof(binary); i++)
		if (parse_is(p, binary[i].token) && (!binary[i].name || parse_is_name(p, binary[i].name))) {
			*level = binary[i].level;
			*op = binary[i].op;
			return 0;
		}
	if (!parse_is_name(p, "not"))
		return 0;
	if (parse_look(p, &next))
		return -1;
	if (next->type == T_NAME && str_eq(next->text, S("in"))) {
		*level = L_COMPARE;
		*op = OP_NOT_IN;
		*tokens = 2;
	}
	return 0;
}

static status parse_unary(struct parser *p, bool filters, struct node **out);

static status parse_binary(struct parser *p, enum level least, struct node **out);

/* One operator and what stands right of it, joined to what stands left. */
static status join(struct parser *p, enum level level, enum op op, struct node **left)
{
	struct node *right, *n;
	if (parse_binary(p, level + 1, &right))
		return -1;
	if (level == L_COMPARE) {
		struct node *operand = parse_node(p, N_OPERAND, right->line);
		operand->op = op;
		operand->a = right;
		if ((*left)->kind != N_COMPARE || (*left)->flag) {
			n = parse_node(p, N_COMPARE, (*left)->line);
			n->a = *left;
			*left = n;
		}
		vec_push(p->mem, &(*left)->items, operand);
		return 0;
	}
	if (level == L_CONCAT) {
		if ((*left)->kind != N_CONCAT || (*left)->flag) {
			n = parse_node(p, N_CONCAT, (*left)->line);
			vec_push(p->mem, &n->items, *left);
			*left = n;
		}
		vec_push(p->mem, &(*left)->items, right);
		return 0;
	}
	n = parse_node(p, level == L_OR ? N_OR : level == L_AND ? N_AND : N_BINARY, (*left)->line);
	n->op = op;
	n->a = *left;
	n->b = right;
	*left = n;
	return 0;
}

static status parse_binary(struct parser *p, enum level least, struct node **out)
{
	struct node *n;
	enum level level;
	enum op op;
	int tokens;
	if (parse_deeper(p))
		return -1;
	if (least <= L_NOT && parse_is_name(p, "not")) {
		n = parse_node(p, N_NOT, p->now->line);
		if (parse_next(p) || parse_binary(p, L_NOT, &n->a))
			return -1;
	} else if (parse_unary(p, true, &n)) {
		return -1;
	}
	for (;;) {
		if (operator_here(p, &level, &op, &tokens))
			return -1;
		if (!level || level < least)
			break;
		if (parse_next(p) || (tokens == 2 && parse_next(p)) || join(p, level, op, &n))
			return -1;
	}
	/* Done with: what stands in brackets must not grow into a chain outside of them. */
	if (n->kind == N_COMPARE || n->kind == N_CONCAT)
		n->flag = true;
	p->depth--;
	*out = n;
	return 0;
}

status parse_expression(struct parser *p, bool cond, struct node **out)
{
	struct node *n;
	bool more, other;
	if (parse_binary(p, L_OR, &n))
		return -1;
	while (cond) {
		struct node *c = parse_node(p, N_COND, n->line);
		if (parse_skip_name(p, "if", &more))
			return -1;
		if (!more)
			break;
		c->b = n;
		if (parse_binary(p, L_OR, &c->a) || parse_skip_name(p, "else", &other))
			return -1;
		if (other) {
			if (parse_deeper(p) || parse_expression(p, true, &c->c))
				return -1;
			p->depth--;
		}
		n = c;
	}
	*out = n;
	return 0;
}

/* --- literals --- */

/* The package means "in" and "recursive" to end the tuples of a loop too, but its check never holds. */
static bool tuple_ends(const struct parser *p)
{
	return parse_is(p, T_VARIABLE_END) || parse_is(p, T_BLOCK_END) || parse_is(p, T_RPAREN);
}

status parse_tuple(struct parser *p, unsigned how, struct node **out)
{
	struct node *n = parse_node(p, N_TUPLE, p->now->line), *item;
	bool is_tuple = false;
	for (;;) {
		if (n->items.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (tuple_ends(p))
			break;
		if (how & TUPLE_SIMPLE ? parse_primary(p, &item)
				       : parse_expression(p, !(how & TUPLE_NO_COND), &item))
			return -1;
		vec_push(p->mem, &n->items, item);
		if (!parse_is(p, T_COMMA))
			break;
		is_tuple = true;
		n->line = p->now->line;
	}
	if (!is_tuple && n->items.len) {
		*out = n->items.at[0];
		return 0;
	}
	if (!is_tuple && !(how & TUPLE_PARENTHESES))
		return jinja_syntax(p->now->line, "TemplateSyntaxError", "Expected an expression, got '%.*s'",
				    STR(jinja_token_name(p->mem, p->now)));
	*out = n;
	return 0;
}

static status parse_list(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_LIST, p->now->line), *item;
	if (parse_next(p))
		return -1;
	while (!parse_is(p, T_RBRACKET)) {
		if (n->items.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (parse_is(p, T_RBRACKET))
			break;
		if (parse_expression(p, true, &item))
			return -1;
		vec_push(p->mem, &n->items, item);
	}
	*out = n;
	return parse_next(p);
}

static status parse_dict(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_DICT, p->now->line), *key, *value;
	if (parse_next(p))
		return -1;
	while (!parse_is(p, T_RBRACE)) {
		if (n->items.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (parse_is(p, T_RBRACE))
			break;
		if (parse_expression(p, true, &key) || parse_expect(p, T_COLON, NULL) ||
		    parse_expression(p, true, &value))
			return -1;
		vec_push(p->mem, &n->items, key);
		vec_push(p->mem, &n->other, value);
	}
	*out = n;
	return parse_next(p);
}

static status parse_name(struct parser *p, struct node **out)
{
	static const struct {
		const char *name;
		uint8_t type;
		bool yes;
	} constants[] = { { "true", V_BOOL, true },   { "True", V_BOOL, true }, { "false", V_BOOL, false },
			  { "False", V_BOOL, false }, { "none", V_NONE, false }, { "None", V_NONE, false } };
	struct node *n = parse_node(p, N_NAME, p->now->line);
	n->name = p->now->text;
	n->use = NAME_LOAD;
	for (size_t i = 0; i < countof(constants); i++)
		if (str_eq(n->name, str_c(constants[i].name))) {
			n->kind = N_CONST;
			n->constant.type = constants[i].type;
			n->constant.boolean = constants[i].yes;
		}
	*out = n;
	return parse_next(p);
}

/* Texts that follow each other are one. */
static status parse_text(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_CONST, p->now->line);
	struct str text = p->now->text;
	if (parse_next(p))
		return -1;
	while (parse_is(p, T_STRING)) {
		text = arena_printf(p->mem, "%.*s%.*s", STR(text), STR(p->now->text));
		if (parse_next(p))
			return -1;
	}
	n->constant = val_str(text.at ? text : S(""));
	*out = n;
	return 0;
}

status parse_primary(struct parser *p, struct node **out)
{
	status st;
	if (parse_deeper(p))
		return -1;
	switch (p->now->type) {
	case T_NAME:
		st = parse_name(p, out);
		break;
	case T_STRING:
		st = parse_text(p, out);
		break;
	case T_INTEGER:
	case T_FLOAT:
		*out = parse_node(p, N_CONST, p->now->line);
		(*out)->constant = p->now->number;
		st = parse_next(p);
		break;
	case T_LPAREN:
		st = parse_next(p) || parse_tuple(p, TUPLE_PARENTHESES, out) ||
				     parse_expect(p, T_RPAREN, NULL)
			     ? -1
			     : 0;
		break;
	case T_LBRACKET:
		st = parse_list(p, out);
		break;
	case T_LBRACE:
		st = parse_dict(p, out);
		break;
	default:
		return jinja_syntax(p->now->line, "TemplateSyntaxError", "unexpected '%.*s'",
				    STR(jinja_token_name(p->mem, p->now)));
	}
	p->depth--;
	return st;
}

/* --- what follows a value --- */

static bool bound_ends(const struct parser *p)
{
	return parse_is(p, T_RBRACKET) || parse_is(p, T_COMMA);
}

/* An index or a slice. */
static status parse_subscribed(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_SLICE, p->now->line);
	if (!parse_is(p, T_COLON)) {
		if (parse_expression(p, true, &n->a))
			return -1;
		if (!parse_is(p, T_COLON)) {
			*out = n->a;
			return 0;
		}
	}
	if (parse_next(p))
		return -1;
	if (!parse_is(p, T_COLON) && !bound_ends(p) && parse_expression(p, true, &n->b))
		return -1;
	if (parse_is(p, T_COLON) &&
	    (parse_next(p) || (!bound_ends(p) && parse_expression(p, true, &n->c))))
		return -1;
	*out = n;
	return 0;
}

static status parse_subscript(struct parser *p, struct node **node)
{
	struct node *n = parse_node(p, N_ITEM, p->now->line), *arg, *all;
	bool dot = parse_is(p, T_DOT);
	n->a = *node;
	*node = n;
	if (parse_next(p))
		return -1;
	if (dot) {
		struct token *t = p->now;
		if (parse_next(p))
			return -1;
		n->kind = t->type == T_NAME ? N_ATTR : N_ITEM;
		n->name = t->text;
		if (t->type == T_NAME)
			return 0;
		if (t->type != T_INTEGER)
			return jinja_syntax(t->line, "TemplateSyntaxError", "expected name or number");
		n->b = parse_node(p, N_CONST, t->line);
		n->b->constant = t->number;
		return 0;
	}
	all = parse_node(p, N_TUPLE, n->line);
	while (!parse_is(p, T_RBRACKET)) {
		if ((all->items.len && parse_expect(p, T_COMMA, NULL)) || parse_subscribed(p, &arg))
			return -1;
		vec_push(p->mem, &all->items, arg);
	}
	n->b = all->items.len == 1 ? all->items.at[0] : all;
	for (size_t i = 0; n->b == all && i < all->items.len; i++)
		if (all->items.at[i]->kind == N_SLICE)
			return jinja_unsupported("several slices in one index");
	return parse_next(p);
}

static status parse_call(struct parser *p, struct node **node)
{
	struct node *n = parse_node(p, N_CALL, p->now->line);
	n->a = *node;
	*node = n;
	return parse_call_args(p, n);
}

static status parse_postfix(struct parser *p, struct node **node)
{
	for (;;) {
		if (parse_is(p, T_DOT) || parse_is(p, T_LBRACKET)) {
			if (parse_subscript(p, node))
				return -1;
		} else if (parse_is(p, T_LPAREN)) {
			if (parse_call(p, node))
				return -1;
		} else {
			return 0;
		}
	}
}

static status bad_call(uint32_t line)
{
	return jinja_syntax(line, "TemplateSyntaxError", "invalid syntax for function call expression");
}

/* One argument: positional, named, or one of the stars. */
static status parse_arg(struct parser *p, struct node *n, uint32_t line, bool *named)
{
	struct token *next;
	struct node *value;
	if (parse_is(p, T_MUL)) {
		if (n->star || n->star2)
			return bad_call(line);
		return parse_next(p) || parse_expression(p, true, &n->star) ? -1 : 0;
	}
	if (parse_is(p, T_POW)) {
		if (n->star2)
			return bad_call(line);
		return parse_next(p) || parse_expression(p, true, &n->star2) ? -1 : 0;
	}
	if (parse_is(p, T_NAME)) {
		if (parse_look(p, &next))
			return -1;
		if (next->type == T_ASSIGN) {
			struct node *k = parse_node(p, N_KEYWORD, p->now->line);
			if (n->star2)
				return bad_call(line);
			k->name = p->now->text;
			*named = true;
			if (parse_next(p) || parse_next(p) || parse_expression(p, true, &k->a))
				return -1;
			vec_push(p->mem, &n->args, k);
			return 0;
		}
	}
	if (n->star || n->star2 || *named)
		return bad_call(line);
	if (parse_expression(p, true, &value))
		return -1;
	vec_push(p->mem, &n->args, value);
	return 0;
}

static status parse_call_args(struct parser *p, struct node *n)
{
	uint32_t line = p->now->line;
	bool comma = false, named = false;
	if (parse_expect(p, T_LPAREN, NULL))
		return -1;
	while (!parse_is(p, T_RPAREN)) {
		if (comma && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (comma && parse_is(p, T_RPAREN))
			break;
		if (parse_arg(p, n, line, &named))
			return -1;
		comma = true;
	}
	return parse_next(p);
}

/* name(.name)* */
static status parse_dotted(struct parser *p, struct str *out)
{
	struct token *t = NULL;
	if (parse_expect(p, T_NAME, &t))
		return -1;
	*out = t->text;
	while (parse_is(p, T_DOT)) {
		if (parse_next(p) || parse_expect(p, T_NAME, &t))
			return -1;
		*out = arena_printf(p->mem, "%.*s.%.*s", STR(*out), STR(t->text));
	}
	return 0;
}

status parse_filters(struct parser *p, struct node *node, bool named, struct node **out)
{
	while (named || parse_is(p, T_PIPE)) {
		if (!named && parse_next(p))
			return -1;
		struct node *n = parse_node(p, N_FILTER, p->now->line);
		named = false;
		n->a = node;
		if (parse_dotted(p, &n->name) || (parse_is(p, T_LPAREN) && parse_call_args(p, n)))
			return -1;
		node = n;
	}
	*out = node;
	return 0;
}

/* A test may have one argument without brackets. */
static bool bare_argument(const struct parser *p)
{
	switch (p->now->type) {
	case T_STRING:
	case T_INTEGER:
	case T_FLOAT:
	case T_LBRACKET:
	case T_LBRACE:
		return true;
	case T_NAME:
		return !parse_is_name(p, "else") && !parse_is_name(p, "or") && !parse_is_name(p, "and");
	default:
		return false;
	}
}

static status parse_test(struct parser *p, struct node **node)
{
	struct node *n = parse_node(p, N_TEST, p->now->line), *arg;
	bool negated;
	n->a = *node;
	if (parse_next(p) || parse_skip_name(p, "not", &negated) || parse_dotted(p, &n->name))
		return -1;
	if (parse_is(p, T_LPAREN)) {
		if (parse_call_args(p, n))
			return -1;
	} else if (bare_argument(p)) {
		if (parse_is_name(p, "is"))
			return jinja_syntax(p->now->line, "TemplateSyntaxError",
					    "You cannot chain multiple tests with is");
		if (parse_primary(p, &arg) || parse_postfix(p, &arg))
			return -1;
		vec_push(p->mem, &n->args, arg);
	}
	*node = n;
	if (negated) {
		*node = parse_node(p, N_NOT, n->line);
		(*node)->a = n;
	}
	return 0;
}

static status parse_filter_expr(struct parser *p, struct node **node)
{
	for (;;) {
		if (parse_is(p, T_PIPE)) {
			if (parse_filters(p, *node, false, node))
				return -1;
		} else if (parse_is_name(p, "is")) {
			if (parse_test(p, node))
				return -1;
		} else if (parse_is(p, T_LPAREN)) {
			if (parse_call(p, node))
				return -1;
		} else {
			return 0;
		}
	}
}

static status parse_unary(struct parser *p, bool filters, struct node **out)
{
	struct node *n;
	if (parse_is(p, T_SUB) || parse_is(p, T_ADD)) {
		n = parse_node(p, parse_is(p, T_SUB) ? N_NEG : N_POS, p->now->line);
		if (parse_deeper(p) || parse_next(p) || parse_unary(p, false, &n->a))
			return -1;
		p->depth--;
	} else if (parse_primary(p, &n)) {
		return -1;
	}
	if (parse_postfix(p, &n) || (filters && parse_filter_expr(p, &n)))
		return -1;
	*out = n;
	return 0;
}
