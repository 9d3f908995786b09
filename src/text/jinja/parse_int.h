/* SPDX-License-Identifier: Apache-2.0 */
/* parse_int: between parse.c (statements) and parse_expr.c (expressions). */
#pragma once
#include "text/jinja/jinja_int.h"

/* The tags that may end a body, as one entry of the stack. */
struct ends {
	const char *names[3];
	size_t len;
};
struct parser {
	struct arena *mem;
	struct lexed lexed;
	size_t at;
	struct token *now;
	int depth;
	VEC(struct str) tags; /* open statements */
	VEC(struct ends) ends;
};

status parse_next(struct parser *) NODISCARD;
/* The token after this one. */
status parse_look(struct parser *, struct token **out) NODISCARD;
bool parse_is(const struct parser *, enum token_type);
bool parse_is_name(const struct parser *, const char *);
/* Steps over the name and says so, when it is here. */
status parse_skip_name(struct parser *, const char *, bool *skipped) NODISCARD;
status parse_expect(struct parser *, enum token_type, struct token **out) NODISCARD;
status parse_expect_name(struct parser *, const char *) NODISCARD;
struct node *parse_node(struct parser *, enum node_kind, uint32_t line);
/* ERR_UNSUPPORTED past JINJA_NESTING_MAX; take back with depth--. */
status parse_deeper(struct parser *) NODISCARD;

/* --- parse_expr.c --- */
enum { TUPLE_SIMPLE = 1, TUPLE_NO_COND = 2, TUPLE_PARENTHESES = 4 };
status parse_tuple(struct parser *, unsigned how, struct node **out) NODISCARD;
status parse_expression(struct parser *, bool cond, struct node **out) NODISCARD;
status parse_primary(struct parser *, struct node **out) NODISCARD;
/* Filters behind `node`; named: begins with a name instead of "|". */
status parse_filters(struct parser *, struct node *node, bool named, struct node **out) NODISCARD;
