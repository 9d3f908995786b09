/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator without any engine: a script drives schedule, pool and coordinator in the order
 * in which a dispatcher would, and the emitted chunks are compared with the worked examples
 * (workflow.md 11.1, 11.2, 11.6) and with the consequences listed in 6.3.
 *
 * Script words: "+id" node done, "+id:handle" a branch, "+id name=value" with an output,
 * "~id text" a piece of id's stream, "~id ." its end, "!id" done with an exception.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "flow/coordinator.h"
#include "flow/flow.h"

#define NODE(id, type, more) "{\"id\":\"" id "\",\"data\":{\"type\":\"" type "\"" more "}}"
#define START NODE("s", "start", "")
#define LLM(id) NODE(id, "llm", ",\"model\":{},\"prompt_template\":[]")
#define CODE(id) NODE(id, "code", ",\"code_language\":\"python3\",\"code\":\"\",\"outputs\":{}")
#define ANSWER(id, text) NODE(id, "answer", ",\"answer\":\"" text "\"")
#define OUT(n, a, b) "{\"variable\":\"" n "\",\"value_selector\":[\"" a "\",\"" b "\"]}"
#define E(s, t) "{\"source\":\"" s "\",\"target\":\"" t "\"}"
#define H(s, h, t) "{\"source\":\"" s "\",\"sourceHandle\":\"" h "\",\"target\":\"" t "\"}"
#define G(nodes, edges) "{\"nodes\":[" nodes "],\"edges\":[" edges "]}"

static const struct {
	const char *name, *graph, *script, *want;
} cases[] = {
	{ "11.1 echo", G(START "," NODE("e", "end", ",\"outputs\":[" OUT("out", "s", "city") "]"), E("s", "e")),
	  "+s city=Oslo|+e", "[s.city]Oslo<s" "+s+e" },
	{ "11.2 join", G(START "," NODE("if", "if-else", ",\"cases\":[]") "," CODE("c1") "," CODE("c2") "," ANSWER("a", "1:{{#c1.r#}} 2:{{#c2.r#}} end"),
			 E("s", "if") "," H("if", "true", "c1") "," H("if", "false", "c2") "," E("c1", "a") "," E("c2", "a")),
	  "+s|+if:true|+c1 r=ok|+a", "+s[a.answer]1:<a+if[c1.r]ok<c1[a.answer] 2:<a[a.answer] end<a+c1+a" },
	{ "11.6 two answers", G(START "," LLM("llm") "," ANSWER("a1", "one ") "," ANSWER("a2", "two {{#llm.text#}}!"), E("s", "llm") "," E("llm", "a1") "," E("a1", "a2")),
	  "+s|~llm x|~llm y|~llm .|+llm text=xy|+a1|+a2",
	  "[a1.answer]one <a1+s+llm[a2.answer]two <a2[llm.text]x<llm[llm.text]y<llm[llm.text]<llm[a2.answer]!<a2+a1+a2" },
	{ "two models: the first of the template is live, the other in one burst",
	  G(START "," LLM("a") "," LLM("b") "," ANSWER("x", "{{#a.text#}}-{{#b.text#}}"), E("s", "a") "," E("s", "b") "," E("a", "x") "," E("b", "x")),
	  "+s|~b 1|~a 2|~b 3|~b .|~a .|+b text=13|+a text=2|+x",
	  "+s[a.text]2<a[a.text]<a[x.answer]-<x[b.text]1<b[b.text]3<b[b.text]<b+b+a+x" },
	{ "answers on parallel branches never mix",
	  G(START "," LLM("a") "," LLM("b") "," ANSWER("x", "A{{#a.text#}}") "," ANSWER("y", "B{{#b.text#}}"), E("s", "a") "," E("s", "b") "," E("a", "x") "," E("b", "y")),
	  "+s|~b 1|~b .|+b text=1|+y|~a 2|~a .|+a text=2|+x",
	  "[x.answer]A<x+s+b+y[a.text]2<a[a.text]<a[y.answer]B<y[b.text]1<b[b.text]<b+a+x" },
	{ "a late branch replays what came before",
	  G(START "," LLM("m") "," NODE("if", "if-else", ",\"cases\":[]") "," ANSWER("x", "{{#m.text#}}") "," ANSWER("y", "no"), E("s", "m") "," E("m", "if") "," H("if", "true", "x") "," H("if", "false", "y")),
	  "+s|~m 1|~m .|+m text=1|+if:true|+x", "+s+m[m.text]1<m[m.text]<m+if+x" },
	{ "skipped variables leave their separators",
	  G(START "," NODE("if", "if-else", ",\"cases\":[]") "," CODE("a") "," CODE("b") "," CODE("c") "," NODE("e", "end", ",\"outputs\":[" OUT("a", "a", "r") "," OUT("b", "b", "r") "," OUT("c", "c", "r") "]"),
	    E("s", "if") "," H("if", "1", "a") "," H("if", "2", "b") "," H("if", "3", "c") "," E("a", "e") "," E("b", "e") "," E("c", "e")),
	  "+s|+if:2|+b r=v|+e", "+s[e.answer]\n<e+if[b.r]v<b[e.answer]\n<e+b+e" },
	{ "an exception does not flush", G(START "," CODE("c") "," ANSWER("x", "{{#c.r#}}"), E("s", "c") "," E("c", "x")),
	  "+s|!c r=d|+x", "+s!c[c.r]d<c+x" },
	{ "a variable that never comes does not silence the next session",
	  G(START "," CODE("c") "," ANSWER("x", "1{{#c.gone#}}2") "," ANSWER("y", "3"), E("s", "c") "," E("c", "x") "," E("x", "y")),
	  "+s|+c r=d|+x|+y", "[x.answer]1<x+s+c[x.answer]2<x[y.answer]3<y+x+y" },
	{ "an assigner holds back what it writes",
	  G(START "," NODE("as", "assigner", ",\"version\":\"2\",\"items\":[{\"variable_selector\":[\"conversation\",\"n\"],\"operation\":\"clear\"}]") "," ANSWER("x", "{{#conversation.n#}}") , E("s", "as") "," E("as", "x")),
	  "+s|+as|+x", "+s[conversation.n]new<x+as+x" },
	{ "an empty text is an empty chunk", G(START "," CODE("c") "," ANSWER("x", "{{#c.r#}}"), E("s", "c") "," E("c", "x")),
	  "+s|+c r=|+x", "+s[c.r]<c+c+x" },
};

struct drive {
	struct arena *mem;
	struct flow_graph *g;
	struct pool pool;
	struct schedule schedule;
	struct coordinator c;
	struct buf log;
};

static void emit(void *ctx, uint32_t node, const struct str *selector, size_t parts, struct str text)
{
	struct drive *d = ctx;
	buf_putc(&d->log, '[');
	for (size_t i = 0; i < parts; i++)
		buf_printf(&d->log, "%s%.*s", i ? "." : "", STR(selector[i]));
	buf_printf(&d->log, "]%.*s<%.*s", STR(text), STR(d->g->nodes[node].id));
}

static void on_edge(void *ctx, uint32_t edge)
{
	struct drive *d = ctx;
	coordinator_edge(&d->c, edge);
}

static void step(struct drive *d, struct str word)
{
	char kind = word.at[0];
	struct str rest = str_skip(word, 1), head = str_cut(&rest, ' ');
	struct str handle = head, id = str_cut(&handle, ':');
	const struct graph_node *n = graph_find(d->g, id);
	assert_non_null(n);
	if (kind == '~') {
		struct str parts[2] = { id, S("text") };
		bool last = str_eq(rest, S("."));
		coordinator_chunk(&d->c, parts, 2, last ? S("") : rest, last);
		return;
	}
	struct str value = rest, name = str_cut(&value, '=');
	if (name.len)
		pool_set(&d->pool, id, name, json_str(d->mem, value.at ? value : S("")), VAR_INFER);
	assert_true(schedule_take(&d->schedule, n->index));
	coordinator_done(&d->c, n->index, kind == '+');
	assert_int_equal(schedule_done(&d->schedule, n->index, n->kind == NODE_BRANCH, handle, on_edge, d), 0);
	buf_printf(&d->log, "%c%.*s", kind, STR(id));
}

static void examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct drive d = { .mem = mem.p, .log = buf_make(mem.p, 0) };
		struct json *v;
		struct str script = str_c(cases[i].script);
		print_message("%s\n", cases[i].name);
		assert_int_equal(json_parse(mem.p, str_c(cases[i].graph), &v), 0);
		assert_int_equal(graph_compile(S(""), v, &d.g), 0);
		pool_init(&d.pool, mem.p);
		pool_set(&d.pool, S("conversation"), S("n"), json_str(mem.p, S("new")), VAR_INFER);
		schedule_init(&d.schedule, mem.p, d.g, d.g->root);
		coordinator_init(&d.c, mem.p, d.g, d.g->root, &d.schedule, &d.pool, emit, &d);
		while (script.len)
			step(&d, str_cut(&script, '|'));
		if (!str_eq(buf_str(&d.log), str_c(cases[i].want)))
			print_error("got  %.*s\nwant %s\n", STR(buf_str(&d.log)), cases[i].want);
		assert_true(str_eq(buf_str(&d.log), str_c(cases[i].want)));
		flow_graph_unref(d.g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(examples) };
	return cmocka_run_group_tests_name("flow_coordinator", tests, NULL, NULL);
}
