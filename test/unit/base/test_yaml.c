/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: scalars and documents against what Python's safe loader gave, and a round trip of every
 * app file at hand (TATARA_SHARED).
 */
#include "test.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/yaml.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static void scalars_follow_yaml_1_1(void **unused)
{
	static const char *const rows[][2] = {
		{ "yes", "true" }, { "No", "false" }, { "ON", "true" }, { "off", "false" }, { "TRUE", "true" },
		{ "y", "\"y\"" }, { "n", "\"n\"" }, { "tRue", "\"tRue\"" }, { "~", "null" }, { "Null", "null" },
		{ "nULL", "\"nULL\"" }, { "", "null" }, { "0", "0" }, { "-0", "0" }, { "+7", "7" },
		{ "010", "8" }, { "08", "\"08\"" }, { "0o17", "\"0o17\"" }, { "0x1F", "31" },
		{ "-0x10", "-16" }, { "0xg", "\"0xg\"" }, { "0b101", "5" }, { "0b2", "\"0b2\"" },
		{ "1_000", "1000" }, { "_1", "\"_1\"" }, { "1__0_", "10" }, { "0_7", "7" }, { "0_", "0" },
		{ "1:30", "90" }, { "190:20:30", "685230" }, { "-1:30", "-90" }, { "1:60", "\"1:60\"" },
		{ "01:30", "\"01:30\"" }, { "1:30.5", "90.5" }, { "99:59:59.999", "359999.999" },
		{ "1.", "1.0" }, { ".5", "0.5" }, { "-.5", "\"-.5\"" }, { "._5", "\"._5\"" }, { ".5_", "0.5" },
		{ "1.5e3", "\"1.5e3\"" }, { "1.5e+3", "1500.0" }, { "1e3", "\"1e3\"" },
		{ "1e+3", "\"1e+3\"" }, { "1.e+3", "1000.0" }, { "1_0.5_0", "10.5" }, { "1.2.3", "\"1.2.3\"" },
		{ ".", "\".\"" }, { ".inf", "null" }, { "-.INF", "null" }, { ".nan", "null" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "9223372036854775808", "9.223372036854776e+18" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "123456789012345678901234567890", "1.2345678901234568e+29" },
		{ "2026-01-02", "\"2026-01-02\"" }, { "=", "\"=\"" }, { "1,000", "\"1,000\"" },
		{ "'1'", "\"1\"" }, { "\"true\"", "\"true\"" }, { "'it''s'", "\"it's\"" },
		{ "\"\\u263a\\x41\\0\"", "\"\xE2\x98\xBA""A\\u0000\"" }, { "!!str 12", "\"12\"" },
		{ "!!int '12'", "12" }, { "!!float 1", "1.0" }, { "!!null x", "null" },
		{ "!!bool 'Yes'", "true" }, { "! 12", "12" }, { "a#b", "\"a#b\"" }, { "a #b", "\"a\"" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v;
		print_message("case %zu: %s\n", i, rows[i][0]);
		struct str text = arena_printf(mem.p, "k: %s\n", rows[i][0]);
		assert_int_equal(yaml_parse(mem.p, text, &v), 0);
		assert_str(json_text(mem.p, json_get(v, S("k")), 0), rows[i][1]);
	}
}

static void documents(void **unused)
{
	static const char *const rows[][2] = {
		{ "", "null" }, { "---\n", "null" }, { "# c\n", "null" }, { "\xEF\xBB\xBF""a: 1", "{\"a\":1}" },
		{ "a: 1\nb: 2\na: 3\n", "{\"a\":3,\"b\":2}" },
		{ "1: a\ntrue: b\n~: c\n1.5: d\n", "{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\",\"1.5\":\"d\"}" },
		{ "- |\n  a\n   b\n\n- >-\n  a\n  b\n", "[\"a\\n b\\n\",\"a b\"]" },
		{ "[a, b: c, {d}]", "[\"a\",{\"b\":\"c\"},{\"d\":null}]" },
		{ "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1,\"d\":2}}" },
		{ "a: &x {b: 1, z: 9}\nq: &y {b: 2, c: 3}\nc:\n  e: 0\n  <<: [*x, *y]\n  z: 2\n",
		  "{\"a\":{\"b\":1,\"z\":9},\"q\":{\"b\":2,\"c\":3},\"c\":{\"b\":1,\"c\":3,\"z\":2,\"e\":0}}" },
		{ "a: &t text\nb: *t\n*t : 1\n", "{\"a\":\"text\",\"b\":\"text\",\"text\":1}" },
		{ "'<<': 1\n", "{\"<<\":1}" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v;
		print_message("case %zu: %s\n", i, rows[i][0]);
		assert_int_equal(yaml_parse(mem.p, str_c(rows[i][0]), &v), 0);
		assert_str(json_text(mem.p, v, 0), rows[i][1]);
	}
}

static void broken_documents(void **unused)
{
	static const struct {
		const char *in, *say;
	} rows[] = {
		{ "a: b: c", "line 1 column 5" }, { "a:\n\t- b", "line 2" }, { "*x", "unknown alias" },
		{ "- {<<: 3}", "merge" }, { "a\n---\nb", "more than one document" }, { "? [a]\n: b", "name" },
		{ "!!python/object:os.system {}", "tag" }, { "k: !foo 1", "tag" }, { "!!set {a}", "tag" },
		{ "&a [*a]", "unknown alias" }, { "k: !!int x", "fit" }, { "\"\\q\"", "line 1" },
		{ "a: \x01", "YAML" }, { "\xFF\xC0", "YAML" }, { "[a", "line" }, { "'a", "line" },
		{ "<<: [1]\n", "merge" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v = NULL;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_fails(yaml_parse(mem.p, str_c(rows[i].in), &v), ERR_INVALID);
		if (!str_has(err_text(), str_c(rows[i].say)))
			fail_msg("%s", err_last()->text);
		assert_null(v);
	}
}

static void limits(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct buf b = buf_make(mem.p, 0);
	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_putc(&b, '[');
	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_putc(&b, ']');
	assert_int_equal(yaml_parse(mem.p, buf_str(&b), &v), 0);
	struct str deeper = arena_printf(mem.p, "[%.*s]", STR(buf_str(&b)));
	assert_fails(yaml_parse(mem.p, deeper, &v), ERR_TOO_LARGE);
	/* Ten to the ninth, a line each. */
	buf_clear(&b);
	buf_puts(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 10; i++)
		buf_printf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
			   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_fails(yaml_parse(mem.p, buf_str(&b), &v), ERR_TOO_LARGE);
	/* Merges unfold, too. */
	buf_clear(&b);
	buf_puts(&b, "m0: &m0 {k: 1}\n");
	for (int i = 1; i < 200; i++)
		buf_printf(&b, "m%d: &m%d {a: *m%d, b: *m%d}\n", i, i, i - 1, i - 1);
	assert_fails(yaml_parse(mem.p, buf_str(&b), &v), ERR_TOO_LARGE);
	assert_fails(yaml_parse(mem.p, str_of("", YAML_SIZE_MAX + 1), &v), ERR_TOO_LARGE);
}

static void aliases_do_not_share_containers(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	assert_int_equal(yaml_parse(mem.p, S("a: &x {l: [1]}\nb: *x\n"), &v), 0);
	json_push_str(mem.p, json_path(v, "b.l"), S("more"));
	json_path(v, "b.l")->items[0].integer = 5;
	assert_str(json_text(mem.p, v, 0), "{\"a\":{\"l\":[1]},\"b\":{\"l\":[5,\"more\"]}}");
}

static void writing(void **unused)
{
	static const char *const rows[][2] = {
		{ "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":[]}", "a:\n  b:\n  - 1\n  - c: 2\nd: []\n" },
		{ "{\"t\":\"one\\ntwo\\n\"}", "t: |\n  one\n  two\n" },
		{ "{\"t\":\"one\\ntwo\"}", "t: |-\n  one\n  two\n" },
		{ "{\"t\":\"one\\n\\n\"}", "t: \"one\\n\\n\"\n" },
		{ "{\"t\":\"x \\ny\"}", "t: \"x \\ny\"\n" },
		{ "[\"true\",\"1\",\"\",\"~\",\"1.5\",\"2026-01-02\",\"<<\",\"=\",\"1e3\",\"0x_\"]",
		  "- 'true'\n- '1'\n- ''\n- '~'\n- '1.5'\n- '2026-01-02'\n- '<<'\n- '='\n- '1e3'\n- '0x_'\n" },
		{ "[null,true,1.0,1e16,0.00001,\"it's\",\"a: b\",\"- a\",\"#\"]",
		  "- null\n- true\n- 1.0\n- 1.0e+16\n- 1.0e-05\n- it's\n- 'a: b'\n- '- a'\n- '#'\n" },
		{ "[\"\xE3\x81\x82\",\"\xF0\x9F\x98\x80\"]", "- \xE3\x81\x82\n- \xF0\x9F\x98\x80\n" },
		{ "{}", "{}\n" }, { "[[1,[2,[]]],[{\"a\":[{}]}]]", "- - 1\n  - - 2\n    - []\n- - a:\n    - {}\n" },
		{ "[\"a\\nb\",[\"c\\n\\n d\\n\"]]", "- |-\n  a\n  b\n- - |\n    c\n\n     d\n" },
		{ "\"a\\nb\"", "|-\n  a\n  b\n" }, { "[\"---\",\"...\",\"-a\",\"-\",\"a:\",\"a:b\",\"a#\"]",
		  "- '---'\n- '...'\n- -a\n- '-'\n- 'a:'\n- a:b\n- a#\n" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v, *back;
		assert_int_equal(json_parse(mem.p, str_c(rows[i][0]), &v), 0);
		struct str text = yaml_text(mem.p, v);
		assert_str(text, rows[i][1]);
		assert_int_equal(yaml_parse(mem.p, text, &back), 0);
		assert_true(json_equal(v, back));
	}
	/* A name of more than 1024 characters needs the long form. */
	struct json *o = json_obj(mem.p), *back;
	struct str name = str_of(memset(arena_text(mem.p, 3000), 'n', 3000), 3000);
	json_set_str(mem.p, o, name, S("a\nb"));
	json_set(mem.p, json_set(mem.p, o, str_sub(name, 0, 2999), json_obj(mem.p)), S("k"),
		 json_arr(mem.p));
	assert_int_equal(yaml_parse(mem.p, yaml_text(mem.p, o), &back), 0);
	assert_true(json_equal(o, back));
	struct str long_line = str_of(memset(arena_text(mem.p, 500), 'w', 500), 500);
	struct json *list = json_arr(mem.p);
	json_push_str(mem.p, list, long_line);
	json_push(mem.p, list, json_raw(mem.p, S("{\"raw\":1}")));
	json_push_str(mem.p, list, S("broken \xFF"));
	assert_str(yaml_text(mem.p, list),
		   arena_printf(mem.p, "- %.*s\n- raw: 1\n- broken \xEF\xBF\xBD\n", STR(long_line)).at);
}

static void random_texts_survive(void **unused)
{
	static const char *const pieces[] = {
		"a", "b", " ", "\n", "\t", ":", "#", "-", "?", "{", "}", "[", "]", ",", "&", "*", "!", "|",
		">", "'", "\"", "%", "@", "`", "\\", "=", "~", ".", "0", "1", "9", "_", "e", "+", "\r",
		"\x01", "\x7F", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\xC3\xA9", "\xF0\x9F\x98\x80",
	};
	uint64_t bits = 88172645463325252;
	for (int round = 0; round < 400; round++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *o = json_obj(mem.p), *back;
		for (int i = 0; i < 50; i++) {
			struct buf b = buf_make(mem.p, 0);
			for (int k = (int)(bits % 13); k > 0; k--) {
				bits ^= bits << 13;
				bits ^= bits >> 7;
				bits ^= bits << 17;
				buf_put(&b, str_c(pieces[bits % countof(pieces)]));
			}
			bits += 12345;
			json_set_str(mem.p, o, buf_str(&b), buf_str(&b));
		}
		struct str text = yaml_text(mem.p, o);
		if (yaml_parse(mem.p, text, &back))
			fail_msg("%s in\n%.*s", err_last()->text, STR(text));
		if (!json_equal(o, back))
			fail_msg("changed:\n%.*s", STR(text));
	}
}

static struct str read_file(struct arena *mem, const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size_t n = (size_t)ftell(f);
	rewind(f);
	char *text = arena_text(mem, n + 1);
	assert_int_equal(fread(text, 1, n, f), n);
	fclose(f);
	return str_of(text, n);
}

static void app_files_survive(void **unused)
{
	const char *shared = getenv("TATARA_SHARED");
	char pattern[1000];
	glob_t found = { 0 };
	if (!shared || !*shared)
		shared = "../shared";
	snprintf(pattern, sizeof(pattern), "%s/corpus/*.yml", shared);
	int a = glob(pattern, 0, NULL, &found);
	snprintf(pattern, sizeof(pattern), "%s/golden/apps/*.yml", shared);
	int b = glob(pattern, a ? 0 : GLOB_APPEND, NULL, &found);
	if (a && b) {
		print_message("no app files under %s\n", shared);
		skip();
	}
	assert_true(found.gl_pathc > 20);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *v, *back;
		struct str text = read_file(mem.p, found.gl_pathv[i]);
		print_message("%s\n", found.gl_pathv[i]);
		assert_int_equal(yaml_parse(mem.p, text, &v), 0);
		assert_int_equal(v->type, JSON_OBJ);
		assert_int_equal(yaml_parse(mem.p, yaml_text(mem.p, v), &back), 0);
		assert_true(str_eq(json_text(mem.p, back, 0), json_text(mem.p, v, 0)));
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_follow_yaml_1_1),
		cmocka_unit_test(documents),
		cmocka_unit_test(broken_documents),
		cmocka_unit_test(limits),
		cmocka_unit_test(aliases_do_not_share_containers),
		cmocka_unit_test(writing),
		cmocka_unit_test(random_texts_survive),
		cmocka_unit_test(app_files_survive),
	};
	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
