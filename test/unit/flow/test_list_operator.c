/* SPDX-License-Identifier: Apache-2.0 */
/* list-operator: each test, each step, their order and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/node/node.h"

/* ' stands for ". */
static struct json *parse(struct arena *mem, const char *text)
{
	struct json *v;
	struct buf b = buf_make(mem, 0);
	for (; *text; text++)
		buf_putc(&b, *text == '\'' ? '"' : *text);
	if (json_parse(mem, buf_str(&b), &v))
		print_error("%.*s\n", STR(buf_str(&b)));
	assert_int_equal(json_parse(mem, buf_str(&b), &v), 0);
	return v;
}

#define FILE_(name, ext, size, type) "{'dify_model_identity':'__dify__file__','filename':'" name "','extension':'" ext "','mime_type':'m/" ext "','size':" size ",'type':'" type "','transfer_method':'local_file','remote_url':'http://x/" name "','related_id':'r" name "'}"
static const struct {
	const char *name, *value;
} variables[] = {
	{ "n", "[5,3,8,1,3]" },
	{ "f", "[1.5,2,-1]" },
	{ "t", "['pear','apple','fig','']" },
	{ "b", "[true,false,true]" },
	{ "o", "[{'a':1}]" },
	{ "m", "[1,'a']" },
	{ "e", "[]" },
	{ "z", "null" },
	{ "s", "'text'" },
	{ "files", "[" FILE_("b.pdf", ".pdf", "30", "document") "," FILE_("a.png", ".png", "10", "image") "," FILE_("c.txt", ".txt", "20", "document") "]" },
};

#define F(op, value) "'filter_by':{'enabled':true,'conditions':[{'key':'','comparison_operator':'" op "','value':" value "}]}"
#define FK(key, op, value) "'filter_by':{'enabled':true,'conditions':[{'key':'" key "','comparison_operator':'" op "','value':" value "}]}"
#define BY(key, value) "'order_by':{'enabled':true,'key':'" key "','value':'" value "'}"
#define NTH(n) "'extract_by':{'enabled':true,'serial':'" n "'}"
#define CUT(n) "'limit':{'enabled':true,'size':" n "}"

static const struct {
	const char *variable, *steps;
	const char *want; /* result as JSON, for files their names; or "!text" */
} cases[] = {
	{ "n", CUT("2"), "[5,3]" },
	{ "n", CUT("0"), "[]" },
	{ "n", CUT("-1"), "[5,3,8,1]" },
	{ "n", CUT("99"), "[5,3,8,1,3]" },
	{ "n", "'limit':{'enabled':false,'size':1}", "[5,3,8,1,3]" },
	{ "n", BY("", "asc"), "[1,3,3,5,8]" },
	{ "n", BY("", "desc"), "[8,5,3,3,1]" },
	{ "f", BY("", "asc"), "[-1,1.5,2]" },
	{ "t", BY("", "desc"), "['pear','fig','apple','']" },
	{ "n", NTH("2"), "[3]" },
	{ "n", NTH("{{#v.one#}}"), "[5]" },
	{ "n", NTH("6"), "!Invalid serial index: must be <= 5, got 6" },
	{ "n", NTH("0"), "!Invalid serial index: must be >= 1, got 0" },
	{ "n", NTH("x"), "!invalid literal for int() with base 10: 'x'" },
	{ "n", F(">", "'3'"), "[5,8]" },
	{ "n", F("\xe2\x89\xa5", "'3'"), "[5,3,8,3]" },
	{ "n", F("<", "'{{#v.one#}}.5'"), "[1]" },
	{ "n", F("\xe2\x89\xa4", "'1'"), "[1]" },
	{ "n", F("=", "'3.0'"), "[3,3]" },
	{ "n", F("\xe2\x89\xa0", "'3'"), "[5,8,1]" },
	{ "n", F("=", "'x'"), "!could not convert string to float: 'x'" },
	{ "n", F("=", "3"), "!Invalid filter value: 3" },
	{ "n", F("contains", "'3'"), "!Invalid condition: contains" },
	{ "t", F("contains", "'p'"), "['pear','apple']" },
	{ "t", F("not contains", "'p'"), "['fig','']" },
	{ "t", F("start with", "'a'"), "['apple']" },
	{ "t", F("end with", "'r'"), "['pear']" },
	{ "t", F("is", "'fig'"), "['fig']" },
	{ "t", F("is not", "'fig'"), "['pear','apple','']" },
	{ "t", F("in", "'figs and pears'"), "['pear','fig','']" },
	{ "t", F("not in", "'figs and pears'"), "['apple']" },
	{ "t", F("empty", "''"), "['']" },
	{ "t", F("not empty", "''"), "['pear','apple','fig']" },
	{ "t", F("=", "'fig'"), "!Invalid condition: =" },
	{ "b", F("is", "true"), "[true,true]" },
	{ "b", F("is not", "'true'"), "[false]" },
	{ "b", F("contains", "true"), "!Invalid condition: contains" },
	{ "b", F("is", "'maybe'"), "!Invalid filter value: \"maybe\"" },
	{ "files", FK("name", "start with", "'a'"), "['a.png']" },
	{ "files", FK("extension", "is", "'.pdf'"), "['b.pdf']" },
	{ "files", FK("mime_type", "contains", "'txt'"), "['c.txt']" },
	{ "files", FK("url", "end with", "'c.txt'"), "['c.txt']" },
	{ "files", FK("related_id", "is", "'rb.pdf'"), "['b.pdf']" },
	{ "files", FK("type", "in", "['image','audio']"), "['a.png']" },
	{ "files", FK("type", "not in", "['image','audio']"), "['b.pdf','c.txt']" },
	{ "files", FK("transfer_method", "in", "['local_file']"), "['b.pdf','a.png','c.txt']" },
	{ "files", FK("type", "is", "['image']"), "!Invalid condition: is" },
	{ "files", FK("size", ">", "'15'"), "['b.pdf','c.txt']" },
	{ "files", FK("size", ">", "15"), "!Invalid key: size" },
	{ "files", FK("weight", ">", "'15'"), "!Invalid key: weight" },
	{ "files", BY("name", "asc"), "['a.png','b.pdf','c.txt']" },
	{ "files", BY("size", "desc"), "['b.pdf','c.txt','a.png']" },
	{ "files", BY("type", "asc"), "['b.pdf','c.txt','a.png']" }, /* equal ones keep their order */
	{ "files", BY("weight", "asc"), "!Invalid order key: weight" },
	/* all steps, in the order filter, extract, order, limit */
	{ "n", "'limit':{'enabled':true,'size':2}," BY("", "desc") "," F(">", "'1'"), "[8,5]" },
	{ "n", CUT("1") "," NTH("2") "," F(">", "'3'"), "[8]" },
	{ "t", F("is", "'nothing'") "," NTH("1"), "!Invalid serial index: must be <= 0, got 1" },
	{ "e", NTH("5"), "[]" },
	{ "z", CUT("1"), "[]" },
	{ "s", CUT("1"), "!Variable ['v', 's'] is string: must be a list" },
	{ "o", CUT("1"), "!Variable ['v', 'o'] is array[object]: must be a list" },
	{ "m", CUT("1"), "!Variable ['v', 'm'] is array[any]: must be a list" },
	{ "gone", CUT("1"), "!Variable not found for selector: ['v', 'gone']" },
};

static struct json *names_of(struct arena *mem, const struct json *list)
{
	struct json *names = json_arr(mem);
	json_each(list, item)
		json_push(mem, names, json_get(item, S("filename")) ? json_get(item, S("filename")) : item);
	return names;
}

static void check_records(const struct node_result *r)
{
	const struct json *list = json_get(r->outputs, S("result"));
	const struct json *first = json_get(r->outputs, S("first_record")), *last = json_get(r->outputs, S("last_record"));
	assert_true(list->len ? json_equal(first, json_at(list, 0)) : first->type == JSON_NULL);
	assert_true(list->len ? json_equal(last, json_at(list, list->len - 1)) : last->type == JSON_NULL);
}

static void lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct pool p;
		pool_init(&p, mem.p);
		for (size_t k = 0; k < countof(variables); k++)
			pool_set(&p, S("v"), str_c(variables[k].name), parse(mem.p, variables[k].value), VAR_INFER);
		pool_set(&p, S("v"), S("one"), json_int(mem.p, 1), VAR_INFER);
		struct str data = arena_printf(mem.p, "{'variable':['v','%s'],%s}", cases[i].variable, cases[i].steps);
		struct graph_node n = { .id = S("x"), .data = parse(mem.p, arena_cstr(mem.p, data)) };
		struct node_result r = { 0 };
		struct node_run run = { .mem = mem.p, .node = &n, .data = n.data, .pool = &p, .result = &r };
		assert_int_equal(node_list_operator_check(mem.p, &n), 0);
		status st = node_list_operator_exec(&run);
		struct str got = st ? r.error : json_text(mem.p, names_of(mem.p, json_get(r.outputs, S("result"))), JSON_COMPACT);
		print_message("case %zu: %.*s -> %.*s\n", i, STR(data), STR(got));
		if (cases[i].want[0] == '!') {
			assert_int_equal(st, -1);
			assert_true(str_starts(got, str_c(cases[i].want + 1)));
			continue;
		}
		assert_int_equal(st, 0);
		assert_true(str_eq(got, json_text(mem.p, parse(mem.p, cases[i].want), JSON_COMPACT)));
		check_records(&r);
		assert_true(json_equal(json_get(r.inputs, S("variable")), json_get(r.process, S("variable"))));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lists) };
	return cmocka_run_group_tests_name("flow_list_operator", tests, NULL, NULL);
}
