/* SPDX-License-Identifier: Apache-2.0 */
/* Variables, selectors, templates and renderings (workflow.md 4, worked example 11.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "flow/pool.h"

static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(text), &v), 0);
	return v;
}

static void fill(struct arena *mem, struct pool *p)
{
	static const struct {
		const char *node, *name, *value;
	} vars[] = {
		{ "c", "b", "true" }, { "c", "n", "1.0" }, { "c", "o", "{\"a\":1,\"\xc3\xa9\":[true,null]}" },
		{ "c", "l", "[\"a\",\"b\"]" }, { "c", "k", "[{\"k\":\"v\"}]" }, { "c", "z", "null" },
		{ "c", "e", "[]" }, { "c", "mix", "[1,2.5,\"x\",null,true]" }, { "c", "big", "1e16" },
		{ "c", "small", "0.00001" }, { "c", "int", "-7" }, { "c", "q", "[[\"it's\"]]" },
		{ "sys", "query", "\"hi\"" }, { "s", "sys.query", "\"dotted\"" },
		{ "f", "one", "{\"dify_model_identity\":\"__dify__file__\",\"type\":\"image\",\"filename\":\"p.png\",\"extension\":\".png\",\"url\":\"http://u/p.png\",\"size\":3}" },
		{ "f", "many", "[{\"dify_model_identity\":\"__dify__file__\",\"type\":\"document\",\"filename\":\"d.txt\",\"url\":\"u1\"},{\"dify_model_identity\":\"__dify__file__\",\"type\":\"image\",\"filename\":\"i.png\",\"url\":\"u2\"}]" },
	};
	pool_init(p, mem);
	for (size_t i = 0; i < countof(vars); i++)
		pool_set(p, str_c(vars[i].node), str_c(vars[i].name), parse(mem, vars[i].value), VAR_INFER);
	pool_set(p, S("env"), S("key"), json_str(mem, S("sk-1234567890")), VAR_SECRET);
	pool_set(p, S("env"), S("short"), json_str(mem, S("12345678")), VAR_SECRET);
}

static const struct {
	const char *text;
	enum var_form form;
	const char *want;
} templates[] = {
	{ "{{#c.b#}}|{{#c.n#}}|{{#c.o#}}|{{#c.l#}}|{{#c.k#}}|{{#c.z#}}|{{#c.o.a#}}", VAR_MARKDOWN,
	  "True|1.0|{\n  \"a\": 1,\n  \"\xc3\xa9\": [\n    true,\n    null\n  ]\n}|- a\n- b|- {'k': 'v'}||1" },
	{ "{{#c.b#}}|{{#c.n#}}|{{#c.o#}}|{{#c.l#}}|{{#c.k#}}|{{#c.z#}}|{{#c.o.a#}}", VAR_TEXT,
	  "True|1.0|{\"a\": 1, \"\xc3\xa9\": [true, null]}|[\"a\", \"b\"]|[{'k': 'v'}]||1" },
	{ "{{#s.nope#}}", VAR_TEXT, "s.nope" },
	{ "{{#s.sys.query#}}", VAR_TEXT, "s.sys.query" }, /* a name with a dot is for selectors only */
	{ "sys.query", VAR_TEXT, "hi" }, /* a literal that is a selector as a whole */
	{ "{{#c.int#}}sys.query", VAR_TEXT, "-7hi" },
	{ "x sys.query", VAR_TEXT, "x sys.query" },
	{ "{{# c.b #}} {{#c#}} {{c.b}} {{#c.b#}", VAR_TEXT, "{{# c.b #}} {{#c#}} {{c.b}} {{#c.b#}" },
	{ "{{#c-d.b#}}", VAR_TEXT, "{{#c-d.b#}}" },
	{ "{{#c.1b#}}", VAR_TEXT, "{{#c.1b#}}" },
	{ "{{{#c.b#}}}", VAR_TEXT, "{True}" },
	{ "{{#{{#c.b#}}", VAR_TEXT, "{{#True" },
	{ "{{#c.mix#}}", VAR_TEXT, "[1, 2.5, 'x', None, True]" },
	{ "{{#c.mix#}}", VAR_MARKDOWN, "- 1\n- 2.5\n- x\n- None\n- True" },
	{ "{{#c.e#}}|{{#c.big#}}|{{#c.small#}}|{{#c.int#}}", VAR_TEXT, "|1e+16|1e-05|-7" },
	{ "{{#c.q#}}", VAR_TEXT, "[[\"it's\"]]" },
	{ "{{#f.one#}}|{{#f.many#}}", VAR_TEXT, "|" },
	{ "{{#f.one#}}|{{#f.many#}}", VAR_MARKDOWN, "![p.png](http://u/p.png)|[d.txt](u1)\n![i.png](u2)" },
	{ "{{#f.one.name#}} {{#f.one.extension#}} {{#f.one.size#}} {{#f.one.filename#}}", VAR_TEXT,
	  "p.png .png 3 f.one.filename" },
	{ "{{#env.key#}}", VAR_TEXT, "sk-1234567890" },
	{ "{{#env.key#}} {{#env.short#}}", VAR_LOG, "sk-123************90 ********************" },
	{ "", VAR_TEXT, "" },
};

static void templates_render(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool p;
	(void)state;
	fill(mem.p, &p);
	for (size_t i = 0; i < countof(templates); i++) {
		struct str got = template_text(mem.p, str_c(templates[i].text), &p, templates[i].form);
		if (!str_eq(got, str_c(templates[i].want)))
			print_error("case %zu %s: got %.*s\n", i, templates[i].text, STR(got));
		assert_true(str_eq(got, str_c(templates[i].want)));
	}
}

static const struct {
	const char *selector, *want; /* NULL: not found */
	enum var_type type;
} selectors[] = {
	{ "[\"c\",\"o\",\"a\"]", "1", VAR_INTEGER },
	{ "[\"c\",\"o\",\"x\"]", NULL, VAR_NONE },
	{ "[\"c\",\"n\",\"x\"]", NULL, VAR_NONE },
	{ "[\"c\",\"l\",\"0\"]", NULL, VAR_NONE }, /* arrays have no index */
	{ "[\"c\",\"z\"]", "null", VAR_NONE },
	{ "[\"s\",\"sys.query\"]", "\"dotted\"", VAR_STRING },
	{ "[\"f\",\"one\",\"type\"]", "\"image\"", VAR_STRING },
	{ "[\"f\",\"one\",\"type\",\"x\"]", NULL, VAR_NONE },
	{ "[\"f\",\"one\",\"tenant_id\"]", NULL, VAR_NONE },
	{ "[\"c\"]", NULL, VAR_NONE },
	{ "[]", NULL, VAR_NONE },
	{ "[\"c\",1]", NULL, VAR_NONE },
	{ "\"c.b\"", NULL, VAR_NONE },
};

static void selectors_find(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool p;
	(void)state;
	fill(mem.p, &p);
	for (size_t i = 0; i < countof(selectors); i++) {
		struct var v;
		print_message("case %zu: %s\n", i, selectors[i].selector);
		bool found = pool_get_json(&p, parse(mem.p, selectors[i].selector), &v);
		assert_int_equal(found, selectors[i].want != NULL);
		if (!found)
			continue;
		assert_true(str_eq(json_text(mem.p, &v.value, JSON_COMPACT), str_c(selectors[i].want)));
		assert_int_equal(v.type, selectors[i].type);
	}
}

static const struct {
	const char *value;
	enum var_type type;
} inferred[] = {
	{ "null", VAR_NONE },	       { "true", VAR_BOOLEAN },		 { "1", VAR_INTEGER },
	{ "1.0", VAR_FLOAT },	       { "\"\"", VAR_STRING },		 { "{}", VAR_OBJECT },
	{ "[]", VAR_ARRAY_ANY },       { "[1,2.5]", VAR_ARRAY_NUMBER },	 { "[1,\"a\"]", VAR_ARRAY_ANY },
	{ "[null,null]", VAR_ARRAY_ANY }, { "[[],[1]]", VAR_ARRAY_ANY }, { "[{}]", VAR_ARRAY_OBJECT },
	{ "[\"a\"]", VAR_ARRAY_STRING }, { "[true]", VAR_ARRAY_BOOLEAN }, { "[true,1]", VAR_ARRAY_ANY },
};

static void types_are_inferred(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	(void)state;
	for (size_t i = 0; i < countof(inferred); i++) {
		print_message("case %zu: %s\n", i, inferred[i].value);
		assert_int_equal(var_infer(parse(mem.p, inferred[i].value)), inferred[i].type);
	}
	for (enum var_type t = VAR_NONE; t < VAR_TYPE_COUNT; t++)
		assert_int_equal(var_type_parse(var_type_name(t)), t);
	assert_int_equal(var_type_parse(S("Array[String]")), VAR_ARRAY_STRING);
	assert_int_equal(var_type_parse(S("nonsense")), VAR_INFER);
}

static bool only(void *ctx, struct str node)
{
	return str_eq(node, str_c(ctx));
}

static int64_t number_at(const struct pool *p, const char *node, const char *name)
{
	const struct var *v = pool_find(p, str_c(node), str_c(name));
	return v ? json_as_int(&v->value, -1) : -1;
}

static void set_number(struct pool *p, const char *node, const char *name, int64_t n)
{
	pool_set(p, str_c(node), str_c(name), json_int(p->mem, n), VAR_INFER);
}

/* Neither side sees what the other does after the snapshot; writing back takes what was written. */
static void snapshots(void **state)
{
	AUTO(arena) mem = { arena_open(0) };
	struct pool a, b, c;
	(void)state;
	pool_init(&a, mem.p);
	set_number(&a, "conversation", "x", 1);
	set_number(&a, "conversation", "y", 1);
	set_number(&a, "n", "v", 1);
	struct arena *inner = arena_open(0);
	pool_snapshot(&b, inner, &a);
	assert_ptr_equal(pool_find(&a, S("n"), S("v")), pool_find(&b, S("n"), S("v"))); /* shared */
	set_number(&a, "n", "v", 2);
	set_number(&a, "n", "late", 2);
	assert_int_equal(number_at(&b, "n", "v"), 1);
	assert_int_equal(number_at(&b, "n", "late"), -1);
	set_number(&b, "conversation", "x", 5);
	set_number(&b, "new", "z", 7);
	assert_int_equal(number_at(&a, "conversation", "x"), 1);
	/* A snapshot of the snapshot, and a write after it: still what b has written itself. */
	pool_snapshot(&c, inner, &b);
	set_number(&b, "conversation", "w", 6);
	assert_int_equal(number_at(&c, "conversation", "w"), -1);
	pool_remove_node(&c, S("conversation"));
	assert_int_equal(number_at(&b, "conversation", "x"), 5);
	set_number(&a, "conversation", "y", 9);
	pool_write_back(&a, &b, false, only, "conversation");
	assert_int_equal(number_at(&a, "conversation", "x"), 5);
	assert_int_equal(number_at(&a, "conversation", "w"), 6);
	assert_int_equal(number_at(&a, "conversation", "y"), 9); /* b did not write it */
	assert_int_equal(number_at(&a, "new", "z"), -1);
	pool_write_back(&a, &b, true, only, "conversation");
	assert_int_equal(number_at(&a, "conversation", "y"), 1); /* whole: as b has it */
	pool_write_back(&a, &b, false, only, "new");
	arena_close(inner);
	assert_int_equal(number_at(&a, "new", "z"), 7); /* copied: b is gone */
	assert_int_equal(number_at(&a, "conversation", "x"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(templates_render), cmocka_unit_test(selectors_find),
					    cmocka_unit_test(types_are_inferred), cmocka_unit_test(snapshots) };
	return cmocka_run_group_tests_name("flow_pool", tests, NULL, NULL);
}
