/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: statements of a template as a tree. The fields of struct node that a statement uses:
 *   N_DATA name; N_OUTPUT items; N_IF a (test), body, items (elif), other (else)
 *   N_FOR a (target), b (condition), c (what), body, other (else), flag (recursive)
 *   N_SET a (target), b; N_SET_BLOCK a, b (filters or NULL), body
 *   N_MACRO name, args, items (defaults), body; N_CALL_BLOCK the same and a (the call)
 *   N_FILTER_BLOCK a, body; N_WITH args (targets), items (values), body; N_SCOPE body
 * The innermost filter of a block's filters has no `a`: it takes the block's text.
 */
#include "text/jinja/parse_int.h"

#include <string.h>

typedef status (*statement_fn)(struct parser *, struct node **out);

/* --- tokens --- */

static status at_token(struct parser *p)
{
	p->now = &p->lexed.tokens.at[p->at];
	if (p->now->type == T_EOF && p->lexed.failed)
		return err_restore(&p->lexed.failure);
	return 0;
}

status parse_next(struct parser *p)
{
	if (p->now->type != T_EOF)
		p->at++;
	return at_token(p);
}

status parse_look(struct parser *p, struct token **out)
{
	size_t next = p->now->type == T_EOF ? p->at : p->at + 1;
	*out = &p->lexed.tokens.at[next];
	return (*out)->type == T_EOF && p->lexed.failed ? err_restore(&p->lexed.failure) : 0;
}

bool parse_is(const struct parser *p, enum token_type type)
{
	return p->now->type == type;
}

bool parse_is_name(const struct parser *p, const char *name)
{
	return p->now->type == T_NAME && str_eq(p->now->text, str_c(name));
}

status parse_skip_name(struct parser *p, const char *name, bool *skipped)
{
	*skipped = parse_is_name(p, name);
	return *skipped ? parse_next(p) : 0;
}

static status expected(struct parser *p, const char *what)
{
	if (parse_is(p, T_EOF))
		return jinja_syntax(p->now->line, "TemplateSyntaxError",
				    "unexpected end of template, expected '%s'.", what);
	return jinja_syntax(p->now->line, "TemplateSyntaxError", "expected token '%s', got '%.*s'", what,
			    STR(jinja_token_name(p->mem, p->now)));
}

status parse_expect(struct parser *p, enum token_type type, struct token **out)
{
	if (!parse_is(p, type))
		return expected(p, jinja_token_type_name(type));
	if (out)
		*out = p->now;
	return parse_next(p);
}

status parse_expect_name(struct parser *p, const char *name)
{
	return parse_is_name(p, name) ? parse_next(p) : expected(p, name);
}

struct node *parse_node(struct parser *p, enum node_kind kind, uint32_t line)
{
	struct node *n = arena_new(p->mem, struct node);
	n->kind = kind;
	n->line = line;
	return n;
}

status parse_deeper(struct parser *p)
{
	if (++p->depth > JINJA_NESTING_MAX)
		return jinja_unsupported("a template nested more than %d levels deep", JINJA_NESTING_MAX);
	return 0;
}

/* --- failures that name tags --- */

static bool is_expected(const struct parser *p, struct str name)
{
	for (size_t i = 0; i < p->ends.len; i++)
		for (size_t k = 0; k < p->ends.at[i].len; k++)
			if (str_eq(name, str_c(p->ends.at[i].names[k])))
				return true;
	return false;
}

/* name.at == NULL: the template ended. */
static status unknown_tag(struct parser *p, struct str name, uint32_t line)
{
	struct buf b = buf_make(p->mem, 0);
	if (name.at)
		buf_printf(&b, "Encountered unknown tag '%.*s'.", STR(name));
	else
		buf_puts(&b, "Unexpected end of template.");
	if (p->ends.len) {
		const struct ends *e = vec_last(&p->ends);
		bool nesting = name.at && is_expected(p, name);
		buf_puts(&b, " ");
		if (nesting)
			buf_puts(&b, "You probably made a nesting mistake. Jinja is expecting this tag, but "
				     "currently looking for ");
		else
			buf_puts(&b, "Jinja was looking for the following tags: ");
		for (size_t i = 0; i < e->len; i++)
			buf_printf(&b, "%s'%s'", i ? " or " : "", e->names[i]);
		buf_putc(&b, '.');
	}
	if (p->tags.len)
		buf_printf(&b, " The innermost block that needs to be closed is '%.*s'.",
			   STR(*vec_last(&p->tags)));
	return jinja_syntax(line, "TemplateSyntaxError", "%.*s", STR(buf_str(&b)));
}

/* --- bodies --- */

static status statement(struct parser *p, struct nodes *into);

static bool at_end(const struct parser *p, const struct ends *e)
{
	for (size_t i = 0; e && i < e->len; i++)
		if (parse_is_name(p, e->names[i]))
			return true;
	return false;
}

static status output(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_OUTPUT, p->now->line), *value;
	if (parse_next(p) || parse_tuple(p, 0, &value) || parse_expect(p, T_VARIABLE_END, NULL))
		return -1;
	vec_push(p->mem, &n->items, value);
	*out = n;
	return 0;
}

/* Up to one of the ends (whose name is then the current token) or the end of the template. */
static status body_until(struct parser *p, const struct ends *e, struct nodes *into)
{
	while (!parse_is(p, T_EOF)) {
		struct node *n;
		if (parse_is(p, T_DATA)) {
			n = parse_node(p, N_DATA, p->now->line);
			n->name = p->now->text;
			vec_push(p->mem, into, n);
			if (parse_next(p))
				return -1;
		} else if (parse_is(p, T_VARIABLE_BEGIN)) {
			if (output(p, &n))
				return -1;
			vec_push(p->mem, into, n);
		} else {
			ASSERT(parse_is(p, T_BLOCK_BEGIN));
			if (parse_next(p))
				return -1;
			if (at_end(p, e))
				return 0;
			if (statement(p, into) || parse_expect(p, T_BLOCK_END, NULL))
				return -1;
		}
	}
	return 0;
}

/* The rest of a tag, the body, and the name that ended it; drop steps over that name. */
static status body(struct parser *p, struct ends e, bool drop, struct nodes *into)
{
	if (parse_is(p, T_COLON) && parse_next(p))
		return -1;
	if (parse_expect(p, T_BLOCK_END, NULL) || parse_deeper(p))
		return -1;
	vec_push(p->mem, &p->ends, e);
	if (body_until(p, &e, into))
		return -1;
	p->depth--;
	if (parse_is(p, T_EOF))
		return unknown_tag(p, str_of(NULL, 0), p->now->line);
	p->ends.len--;
	return drop ? parse_next(p) : 0;
}

#define ENDS(...)                                                                                  \
	((struct ends){ { __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) })

/* --- targets --- */

static bool can_assign(const struct node *n, int depth)
{
	if (n->kind == N_NAME)
		return true;
	if (n->kind != N_TUPLE || depth > JINJA_NESTING_MAX)
		return false;
	for (size_t i = 0; i < n->items.len; i++)
		if (!can_assign(n->items.at[i], depth + 1))
			return false;
	return true;
}

static void set_use(struct node *n, uint8_t use, int depth)
{
	if (n->kind == N_NAME)
		n->use = use;
	for (size_t i = 0; n->kind == N_TUPLE && i < n->items.len && depth < JINJA_NESTING_MAX; i++)
		set_use(n->items.at[i], use, depth + 1);
}

static status assign_name(struct parser *p, struct node **out)
{
	static const char *const constants[] = { "true", "false", "none", "True", "False", "None" };
	struct token *t = NULL;
	if (parse_expect(p, T_NAME, &t))
		return -1;
	for (size_t i = 0; i < countof(constants); i++)
		if (str_eq(t->text, str_c(constants[i])))
			return jinja_syntax(t->line, "TemplateSyntaxError", "can't assign to 'name'");
	*out = parse_node(p, N_NAME, t->line);
	(*out)->name = t->text;
	(*out)->use = NAME_STORE;
	return 0;
}

static status assign_target(struct parser *p, bool space, struct node **out)
{
	static const char *const kinds[] = { [N_CONST] = "const", [N_TUPLE] = "tuple", [N_LIST] = "list",
					     [N_DICT] = "dict" };
	struct token *next = NULL, *name = NULL, *attr = NULL;
	if (space) {
		if (parse_look(p, &next))
			return -1;
		if (next->type == T_DOT) {
			if (parse_expect(p, T_NAME, &name) || parse_next(p) || parse_expect(p, T_NAME, &attr))
				return -1;
			struct node *n = parse_node(p, N_NSREF, name->line);
			n->name = name->text;
			n->constant = val_str(attr->text);
			*out = n;
			return 0;
		}
	}
	if (parse_tuple(p, TUPLE_SIMPLE, out))
		return -1;
	set_use(*out, NAME_STORE, 0);
	if (!can_assign(*out, 0))
		return jinja_syntax((*out)->line, "TemplateSyntaxError", "can't assign to '%s'",
				    kinds[(*out)->kind]);
	return 0;
}

/* --- statements --- */

static status parse_set(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_SET, p->now->line);
	if (parse_next(p) || assign_target(p, true, &n->a))
		return -1;
	*out = n;
	if (parse_is(p, T_ASSIGN))
		return parse_next(p) || parse_tuple(p, 0, &n->b) ? -1 : 0;
	n->kind = N_SET_BLOCK;
	return parse_filters(p, NULL, false, &n->b) || body(p, ENDS("endset"), true, &n->body) ? -1 : 0;
}

static status parse_for(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_FOR, p->now->line);
	bool condition;
	if (parse_next(p) || assign_target(p, false, &n->a) || parse_expect_name(p, "in") ||
	    parse_tuple(p, TUPLE_NO_COND, &n->c) || parse_skip_name(p, "if", &condition) ||
	    (condition && parse_expression(p, true, &n->b)) || parse_skip_name(p, "recursive", &n->flag) ||
	    body(p, ENDS("endfor", "else"), false, &n->body))
		return -1;
	bool other = parse_is_name(p, "else");
	*out = n;
	if (parse_next(p))
		return -1;
	return other ? body(p, ENDS("endfor"), true, &n->other) : 0;
}

static status parse_if(struct parser *p, struct node **out)
{
	struct node *first = parse_node(p, N_IF, p->now->line), *n = first;
	if (parse_next(p))
		return -1;
	for (;;) {
		if (parse_tuple(p, TUPLE_NO_COND, &n->a) ||
		    body(p, ENDS("elif", "else", "endif"), false, &n->body))
			return -1;
		bool again = parse_is_name(p, "elif"), other = parse_is_name(p, "else");
		if (parse_next(p))
			return -1;
		if (other && body(p, ENDS("endif"), true, &first->other))
			return -1;
		if (!again)
			break;
		n = parse_node(p, N_IF, p->now->line);
		vec_push(p->mem, &first->items, n);
	}
	*out = first;
	return 0;
}

static status parse_with(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_WITH, p->now->line), *target, *value;
	if (parse_next(p))
		return -1;
	while (!parse_is(p, T_BLOCK_END)) {
		if (n->args.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (assign_target(p, false, &target))
			return -1;
		set_use(target, NAME_PARAM, 0);
		if (parse_expect(p, T_ASSIGN, NULL) || parse_expression(p, true, &value))
			return -1;
		vec_push(p->mem, &n->args, target);
		vec_push(p->mem, &n->items, value);
	}
	*out = n;
	return body(p, ENDS("endwith"), true, &n->body);
}

static status parse_autoescape(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_SCOPE, p->now->line), *value;
	if (parse_next(p) || parse_expression(p, true, &value))
		return -1;
	if (value->kind != N_CONST || val_truth(value->constant))
		return jinja_unsupported("autoescape");
	*out = n;
	return body(p, ENDS("endautoescape"), true, &n->body);
}

static status parse_signature(struct parser *p, struct node *n)
{
	struct node *arg, *value;
	if (parse_expect(p, T_LPAREN, NULL))
		return -1;
	while (!parse_is(p, T_RPAREN)) {
		if (n->args.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (assign_name(p, &arg))
			return -1;
		arg->use = NAME_PARAM;
		if (parse_is(p, T_ASSIGN)) {
			if (parse_next(p) || parse_expression(p, true, &value))
				return -1;
			vec_push(p->mem, &n->items, value);
		} else if (n->items.len) {
			return jinja_syntax(p->now->line, "TemplateSyntaxError",
					    "non-default argument follows default argument");
		}
		vec_push(p->mem, &n->args, arg);
	}
	return parse_next(p);
}

static status parse_macro(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_MACRO, p->now->line), *name;
	if (parse_next(p) || assign_name(p, &name) || parse_signature(p, n))
		return -1;
	n->name = name->name;
	*out = n;
	return body(p, ENDS("endmacro"), true, &n->body);
}

static status parse_call_block(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_CALL_BLOCK, p->now->line);
	if (parse_next(p) || (parse_is(p, T_LPAREN) && parse_signature(p, n)) ||
	    parse_expression(p, true, &n->a))
		return -1;
	if (n->a->kind != N_CALL)
		return jinja_syntax(n->line, "TemplateSyntaxError", "expected call");
	*out = n;
	return body(p, ENDS("endcall"), true, &n->body);
}

static status parse_filter_block(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_FILTER_BLOCK, p->now->line);
	*out = n;
	return parse_next(p) || parse_filters(p, NULL, true, &n->a) ||
			       body(p, ENDS("endfilter"), true, &n->body)
		       ? -1
		       : 0;
}

static status parse_print(struct parser *p, struct node **out)
{
	struct node *n = parse_node(p, N_OUTPUT, p->now->line), *value;
	if (parse_next(p))
		return -1;
	while (!parse_is(p, T_BLOCK_END)) {
		if (n->items.len && parse_expect(p, T_COMMA, NULL))
			return -1;
		if (parse_expression(p, true, &value))
			return -1;
		vec_push(p->mem, &n->items, value);
	}
	*out = n;
	return 0;
}

/* They need a loader or a chain of templates, which a text alone has not. */
static status parse_elsewhere(struct parser *p, struct node **out)
{
	(void)out;
	return jinja_unsupported("the tag '%.*s'", STR(p->now->text));
}

static const struct {
	const char *name;
	statement_fn fn;
} statements[] = {
	{ "if", parse_if },
	{ "for", parse_for },
	{ "set", parse_set },
	{ "macro", parse_macro },
	{ "call", parse_call_block },
	{ "filter", parse_filter_block },
	{ "with", parse_with },
	{ "autoescape", parse_autoescape },
	{ "print", parse_print },
	{ "block", parse_elsewhere },
	{ "extends", parse_elsewhere },
	{ "include", parse_elsewhere },
	{ "import", parse_elsewhere },
	{ "from", parse_elsewhere },
};

static status statement(struct parser *p, struct nodes *into)
{
	struct token *t = p->now;
	struct node *n;
	if (t->type != T_NAME)
		return jinja_syntax(t->line, "TemplateSyntaxError", "tag name expected");
	for (size_t i = 0; i < countof(statements); i++) {
		if (!str_eq(t->text, str_c(statements[i].name)))
			continue;
		vec_push(p->mem, &p->tags, t->text);
		if (statements[i].fn(p, &n))
			return -1;
		p->tags.len--;
		vec_push(p->mem, into, n);
		return 0;
	}
	return unknown_tag(p, t->text, t->line);
}

status jinja_parse(struct arena *mem, struct str source, const struct jinja_limits *limits,
		   struct jinja_template **out)
{
	struct parser p = { .mem = mem };
	struct jinja_template *t = arena_new(mem, struct jinja_template);
	if (source.len > limits->source_max)
		return err_set(ERR_TOO_LARGE, "the template is larger than %zu bytes", limits->source_max);
	if (!utf8_valid(source))
		return err_set(ERR_INVALID, "the template is not valid UTF-8");
	jinja_lex(mem, source, &p.lexed);
	if (at_token(&p) || body_until(&p, NULL, &t->body) || jinja_scope(mem, t))
		return -1;
	*out = t;
	return 0;
}
