/* SPDX-License-Identifier: Apache-2.0 */
/* json: parsing, forms, building, reading, field tables. */
#include "test.h"

#include "base/buf.h"
#include "base/json.h"

#include <math.h>

static void parse_and_print_each_form(void **unused)
{
	static const struct {
		const char *in;
		unsigned form;
		const char *want;
	} rows[] = {
		{ " { \"a\" : [ 1 , 2.0 ] } ", JSON_COMPACT, "{\"a\":[1,2.0]}" },
		{ "{\"a\":[1,2],\"b\":{}}", JSON_SPACED, "{\"a\": [1, 2], \"b\": {}}" },
		{ "{\"a\":[1],\"b\":{},\"c\":[]}", JSON_INDENT2,
		  "{\n  \"a\": [\n    1\n  ],\n  \"b\": {},\n  \"c\": []\n}" },
		{ "{\"b\":1,\"a\":{\"d\":1,\"c\":2}}", JSON_SORTED, "{\"a\":{\"c\":2,\"d\":1},\"b\":1}" },
		{ "\"\\u00e9\\ud83d\\ude00/\\u007f\"", JSON_ASCII,
		  "\"\\u00e9\\ud83d\\ude00/\\u007f\"" },
		{ "\"\\u00e9/\\u007f\"", JSON_COMPACT, "\"\xC3\xA9/\x7F\"" },
		{ "\"\\u00e9/\\u007f\"", JSON_ASCII | JSON_SLASH, "\"\\u00e9\\/\x7F\"" },
		{ "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u0000\\/\"", JSON_COMPACT,
		  "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u0000/\"" },
		{ "\"12345678\\n1234567890abcdef\\\"\"", JSON_COMPACT,
		  "\"12345678\\n1234567890abcdef\\\"\"" },
		{ "[null,true,false,-0,-0.0,1e2]", JSON_COMPACT, "[null,true,false,0,-0.0,100.0]" },
		{ "[9223372036854775807,-9223372036854775808,9223372036854775808]", JSON_COMPACT,
		  "[9223372036854775807,-9223372036854775808,9.223372036854776e+18]" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", JSON_COMPACT, "{\"a\":3,\"b\":2}" },
		{ "{\"\":1}", JSON_COMPACT, "{\"\":1}" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_int_equal(json_parse(mem.p, str_c(rows[i].in), &v), 0);
		assert_str(json_text(mem.p, v, rows[i].form), rows[i].want);
	}
}

static void parse_refuses_what_is_not_json(void **unused)
{
	static const struct {
		const char *in, *place;
	} rows[] = {
		{ "", "line 1 column 1" }, { "{", "line 1" }, { "[1,]", "line 1 column 3" },
		{ "{\n \"a\": x}", "line 2 column 7" }, { "[1] 2", "line 1 column 5" },
		{ "'a'", "line 1" }, { "NaN", "line 1" }, { "01", "line 1" }, { "\"\n\"", "line 1" },
		{ "\"\\ud800\"", "line 1" }, { "\"\xFF\"", "line 1" }, { "// c\n1", "line 1" },
		{ "+1", "line 1" }, { ".5", "line 1" }, { "tru", "line 1" }, { "\xEF\xBB\xBF""1", "line 1" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v = NULL;
		print_message("case %zu: %s\n", i, rows[i].in);
		assert_fails(json_parse(mem.p, str_c(rows[i].in), &v), ERR_INVALID);
		if (!str_has(err_text(), str_c(rows[i].place)))
			fail_msg("%s", err_last()->text);
		assert_null(v);
	}
}

static struct str nested(struct arena *mem, int depth)
{
	struct buf b = buf_make(mem, 0);
	for (int i = 0; i < depth; i++)
		buf_put(&b, i % 2 ? S("{\"a\":") : S("["));
	buf_puts(&b, "1");
	for (int i = depth; i-- > 0;)
		buf_put(&b, i % 2 ? S("}") : S("]"));
	return buf_str(&b);
}

static void parse_has_limits(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	assert_int_equal(json_parse(mem.p, nested(mem.p, JSON_DEPTH_MAX), &v), 0);
	assert_fails(json_parse(mem.p, nested(mem.p, JSON_DEPTH_MAX + 1), &v), ERR_TOO_LARGE);
	assert_fails(json_parse(mem.p, nested(mem.p, 100000), &v), ERR_TOO_LARGE);
	assert_fails(json_parse(mem.p, str_of("", (size_t)JSON_SIZE_MAX + 1), &v), ERR_TOO_LARGE);
}

static void big_objects_keep_order_and_last_value(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 0);
	struct json *v;
	buf_puts(&b, "{\"k0\":-1");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, ",\"k%d\":%d", i, i);
	buf_puts(&b, ",\"k7\":\"seven\"}");
	assert_int_equal(json_parse(mem.p, buf_str(&b), &v), 0);
	assert_int_equal(v->len, 5000);
	assert_int_equal(json_get_int(v, S("k0"), 9), 0);
	assert_str(json_get_str(v, S("k7")), "seven");
	assert_str(v->members[4999].name, "k4999");
}

static void floats_print_as_python_does(void **unused)
{
	static const struct {
		double in;
		const char *want;
	} rows[] = {
		{ 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { -1.5, "-1.5" }, { 0.1, "0.1" },
		{ 100, "100.0" }, { 1e15, "1000000000000000.0" }, { 1e16, "1e+16" },
		{ 9999999999999998, "9999999999999998.0" }, { 123456789012345680, "1.2345678901234568e+17" },
		{ 1e22, "1e+22" }, { 1e100, "1e+100" }, { 0.0001, "0.0001" }, { 0.00001, "1e-05" },
		{ 0.00012345, "0.00012345" }, { 1.5e-7, "1.5e-07" }, { 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" }, { 0x1p-44, "5.684341886080802e-14" },
		{ 1.0 / 3, "0.3333333333333333" }, { 2.5e15, "2500000000000000.0" },
		{ 4.35, "4.35" }, { 0.1 + 0.2, "0.30000000000000004" },
		{ INFINITY, "inf" }, { -INFINITY, "-inf" }, { NAN, "nan" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct buf b = buf_make(mem.p, 0);
		json_write_float(&b, rows[i].in);
		assert_str(buf_str(&b), rows[i].want);
		struct str text = json_text(mem.p, json_float(mem.p, rows[i].in), JSON_COMPACT);
		assert_str(text, isfinite(rows[i].in) ? rows[i].want : "null");
	}
	uint64_t bits = 88172645463325252;
	for (int i = 0; i < 100000; i++) {
		double v, back;
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		char space[64];
		struct buf b = { .at = space, .cap = sizeof(space), .max = sizeof(space) };
		json_write_float(&b, v);
		assert_int_equal(str_to_double(buf_str(&b), &back), 0);
		if (back != v)
			fail_msg("%.17g became %.*s", v, STR(buf_str(&b)));
	}
}

static void python_literals(void **unused)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "{\"a\":null,\"b\":true,\"c\":[1,2.5,false]}",
		  "{'a': None, 'b': True, 'c': [1, 2.5, False]}" },
		{ "\"it's\"", "\"it's\"" },
		{ "\"it's \\\"x\\\"\"", "'it\\'s \"x\"'" },
		{ "\"\\n\\r\\t\\\\\\u0000\\u001f\\u007f\"", "'\\n\\r\\t\\\\\\x00\\x1f\\x7f'" },
		{ "\"\\u00e9\\u3042\\ud83d\\ude00\"", "'\xC3\xA9\xE3\x81\x82\xF0\x9F\x98\x80'" },
		{ "\"\\u00a0\\u0085\\u2028\\ufeff\\u00ad\"", "'\\xa0\\x85\\u2028\\ufeff\\xad'" },
		{ "\"\\udb80\\udc00\"", "'\\U000f0000'" },
		{ "[]", "[]" }, { "{}", "{}" }, { "1e16", "1e+16" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v;
		struct buf b = buf_make(mem.p, 0);
		assert_int_equal(json_parse(mem.p, str_c(rows[i].in), &v), 0);
		json_write_python(&b, v);
		assert_str(buf_str(&b), rows[i].want);
	}
}

static void building_and_removing(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct arena *m = mem.p;
	struct json *o = json_obj(m), *list = json_arr(m);
	json_set_str(m, o, S("s"), S("x"));
	json_set_int(m, o, S("i"), -5);
	json_set_float(m, o, S("f"), 2);
	json_set_bool(m, o, S("b"), true);
	json_set_null(m, o, S("n"));
	json_set_str_or_null(m, o, S("sn"), str_of(NULL, 0));
	json_set_str_or_null(m, o, S("se"), S(""));
	for (int i = 0; i < 20; i++)
		json_push(m, list, json_int(m, i));
	json_push_str(m, list, S("end"));
	json_push(m, list, NULL);
	json_set(m, o, S("raw"), json_raw(m, S("{\"r\": 1}")));
	json_set(m, o, S("nul"), NULL);
	assert_str(json_text(m, o, 0), "{\"s\":\"x\",\"i\":-5,\"f\":2.0,\"b\":true,\"n\":null,\"sn\":null,"
				       "\"se\":\"\",\"raw\":{\"r\": 1},\"nul\":null}");
	assert_int_equal(json_len(list), 22);
	json_set_int(m, o, S("s"), 1);
	assert_true(json_remove(o, S("i")) && !json_remove(o, S("i")));
	assert_true(json_remove(o, S("nul")));
	assert_str(json_text(m, o, 0), "{\"s\":1,\"f\":2.0,\"b\":true,\"n\":null,\"sn\":null,\"se\":\"\","
				       "\"raw\":{\"r\": 1}}");
	struct json *in = json_set(m, o, S("in"), json_obj(m));
	json_set_int(m, in, S("deep"), 7);
	assert_int_equal(json_as_int(json_path(o, "in.deep"), 0), 7);
}

static void copies_are_deep(void **unused)
{
	struct arena *m = arena_open(0), *other = arena_open(0);
	char text[] = "{\"a\":[1,\"two\",{\"b\":null}]}";
	struct json *v;
	assert_int_equal(json_parse(m, str_c(text), &v), 0);
	struct json *copy = json_copy(other, v);
	json_set_int(m, v, S("a"), 0);
	arena_close(m);
	assert_str(json_text(other, copy, 0), text);
	json_push_str(other, json_get(copy, S("a")), S("more"));
	assert_int_equal(json_len(json_get(copy, S("a"))), 4);
	assert_null(json_copy(other, NULL));
	arena_close(other);
}

static void equality_is_pythons(void **unused)
{
	static const struct {
		const char *a, *b;
		bool want;
	} rows[] = {
		{ "1", "1.0", true }, { "1", "1.5", false }, { "1", "true", false },
		{ "null", "null", true }, { "null", "0", false }, { "\"a\"", "\"a\"", true },
		{ "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true },
		{ "{\"a\":1}", "{\"a\":1,\"b\":2}", false }, { "{\"a\":1}", "{\"b\":1}", false },
		{ "[1,2]", "[2,1]", false }, { "[1,[2]]", "[1.0,[2]]", true }, { "[]", "{}", false },
		{ "9007199254740993", "9007199254740992.0", false },
		{ "9223372036854775807", "9223372036854775807.0", false },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *a, *b;
		print_message("case %zu\n", i);
		assert_int_equal(json_parse(mem.p, str_c(rows[i].a), &a), 0);
		assert_int_equal(json_parse(mem.p, str_c(rows[i].b), &b), 0);
		assert_int_equal(json_equal(a, b), rows[i].want);
		assert_int_equal(json_equal(b, a), rows[i].want);
	}
	assert_true(json_equal(NULL, NULL));
	assert_false(json_equal(NULL, json_null(mem.p)));
}

static void reading_never_fails(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	assert_int_equal(json_parse(mem.p,
				    S("{\"s\":\"x\",\"i\":3,\"w\":4.0,\"f\":4.5,\"b\":true,\"l\":[1,2],"
				      "\"h\":1e300,\"o\":{\"p\":{\"q\":\"deep\"}},\"n\":null}"), &v), 0);
	assert_str(json_get_str(v, S("s")), "x");
	assert_str(json_get_str(v, S("i")), "");
	assert_str(json_get_str(NULL, S("i")), "");
	assert_int_equal(json_get_int(v, S("i"), 9), 3);
	assert_int_equal(json_get_int(v, S("w"), 9), 4);
	assert_int_equal(json_get_int(v, S("f"), 9), 9);
	assert_int_equal(json_get_int(v, S("h"), 9), 9);
	assert_true(json_as_double(json_get(v, S("i")), 0) == 3.0);
	assert_true(json_as_double(json_get(v, S("f")), 0) == 4.5);
	assert_true(json_as_double(json_get(v, S("s")), 7) == 7);
	assert_true(json_get_bool(v, S("b"), false) && json_get_bool(v, S("none"), true));
	assert_str(json_as_str(json_path(v, "o.p.q"), S("")), "deep");
	assert_null(json_path(v, "o.x.q"));
	assert_null(json_path(v, "s.x"));
	assert_null(json_at(json_get(v, S("l")), 2));
	assert_null(json_at(NULL, 0));
	assert_int_equal(json_len(NULL), 0);
	int sum = 0;
	json_each(json_get(v, S("l")), it)
		sum += (int)it->integer;
	json_each(json_get(v, S("s")), it)
		sum += 100;
	json_each(json_get(v, S("none")), it)
		sum += 100;
	size_t members = 0;
	json_each_member(v, m)
		members++;
	json_each_member(json_get(v, S("l")), m)
		members += 100;
	assert_int_equal(sum, 3);
	assert_int_equal(members, 9);
}

struct inner {
	struct str name;
	double temperature;
};
struct outer {
	struct str title;
	bool on;
	int64_t count;
	struct json *any, *object, *list;
	struct inner model;
};
static const struct json_field inner_fields[] = {
	{ "name", FIELD_STR, offsetof(struct inner, name), true, 1, 5, NULL },
	{ "temperature", FIELD_F64, offsetof(struct inner, temperature), false, -1, 2, NULL },
	{ NULL },
};
static const struct json_field outer_fields[] = {
	{ "title", FIELD_STR, offsetof(struct outer, title), false, 0, 0, NULL },
	{ "on", FIELD_BOOL, offsetof(struct outer, on), false, 0, 0, NULL },
	{ "count", FIELD_I64, offsetof(struct outer, count), true, 0, 10, NULL },
	{ "any", FIELD_JSON, offsetof(struct outer, any), false, 0, 0, NULL },
	{ "object", FIELD_OBJ, offsetof(struct outer, object), false, 0, 0, NULL },
	{ "list", FIELD_ARR, offsetof(struct outer, list), false, 0, 2, NULL },
	{ "model", FIELD_STRUCT, offsetof(struct outer, model), false, 0, 0, inner_fields },
	{ NULL },
};

static void field_tables_read_and_print(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v;
	struct outer out = { .title = S("kept"), .model.temperature = 0.5 };
	const char *text = "{\"title\":null,\"on\":true,\"count\":3,\"any\":[1],\"object\":{},"
			   "\"list\":[1,2],\"model\":{\"name\":\"\xE3\x81\x82\"},\"extra\":1}";
	assert_int_equal(json_parse(mem.p, str_c(text), &v), 0);
	assert_int_equal(json_read_fields(v, outer_fields, &out), 0);
	assert_str(out.title, "kept");
	assert_true(out.on);
	assert_int_equal(out.count, 3);
	assert_int_equal(json_len(out.list), 2);
	assert_str(out.model.name, "\xE3\x81\x82");
	assert_true(out.model.temperature == 0.5);
	assert_str(json_text(mem.p, json_from_fields(mem.p, outer_fields, &out), 0),
		   "{\"title\":\"kept\",\"on\":true,\"count\":3,\"any\":[1],\"object\":{},\"list\":[1,2],"
		   "\"model\":{\"name\":\"\xE3\x81\x82\",\"temperature\":0.5}}");
}

static void field_tables_name_what_is_wrong(void **unused)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "[]", "must be an object" },
		{ "{}", "count: is required" },
		{ "{\"count\":null}", "count: is required" },
		{ "{\"count\":\"3\"}", "count: must be a whole number" },
		{ "{\"count\":3.5}", "count: must be a whole number" },
		{ "{\"count\":11}", "count: must be between 0 and 10" },
		{ "{\"count\":1,\"on\":1}", "on: must be true or false" },
		{ "{\"count\":1,\"title\":1}", "title: must be a string" },
		{ "{\"count\":1,\"object\":[]}", "object: must be an object" },
		{ "{\"count\":1,\"list\":{}}", "list: must be an array" },
		{ "{\"count\":1,\"list\":[1,2,3]}", "list: number of items must be between 0 and 2" },
		{ "{\"count\":1,\"model\":1}", "model: must be an object" },
		{ "{\"count\":1,\"model\":{}}", "model.name: is required" },
		{ "{\"count\":1,\"model\":{\"name\":5}}", "model.name: must be a string" },
		{ "{\"count\":1,\"model\":{\"name\":\"\"}}",
		  "model.name: number of characters must be between 1 and 5" },
		{ "{\"count\":1,\"model\":{\"name\":\"a\",\"temperature\":2.5}}",
		  "model.temperature: must be between -1 and 2" },
		{ "{\"count\":1,\"model\":{\"name\":\"a\",\"temperature\":\"x\"}}",
		  "model.temperature: must be a number" },
	};
	AUTO(arena) mem = { arena_open(0) };
	for (size_t i = 0; i < countof(rows); i++) {
		struct json *v;
		struct outer out = { 0 };
		assert_int_equal(json_parse(mem.p, str_c(rows[i].in), &v), 0);
		assert_fails(json_read_fields(v, outer_fields, &out), ERR_INVALID);
		assert_str(err_text(), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_print_each_form),
		cmocka_unit_test(parse_refuses_what_is_not_json),
		cmocka_unit_test(parse_has_limits),
		cmocka_unit_test(big_objects_keep_order_and_last_value),
		cmocka_unit_test(floats_print_as_python_does),
		cmocka_unit_test(python_literals),
		cmocka_unit_test(building_and_removing),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(equality_is_pythons),
		cmocka_unit_test(reading_never_fails),
		cmocka_unit_test(field_tables_read_and_print),
		cmocka_unit_test(field_tables_name_what_is_wrong),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
