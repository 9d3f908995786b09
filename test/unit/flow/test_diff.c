/* SPDX-License-Identifier: Apache-2.0 */
/* Where two runs part: traces as short JSON, and what must be said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "flow/diff.h"

#define ROW(id, more) "{\"node_id\":\"" id "\",\"title\":\"T" id "\",\"status\":\"succeeded\"" more "}"
#define OUT(value) ",\"outputs\":{\"r\":" value "}"
#define ROUND(n) ",\"execution_metadata\":{\"iteration_id\":\"it\",\"iteration_index\":" #n "}"

/* want: "node[@round][ only in X] path=a|b path=a|b; ..." */
static const struct {
	const char *a, *b, *want;
} cases[] = {
	{ "[]", "[]", "" },
	{ "[" ROW("s", OUT("1")) "]", "[" ROW("s", OUT("1")) "]", "" },
	{ "[" ROW("s", OUT("1")) "]", "[" ROW("s", OUT("1.0")) "]", "" },
	{ "[" ROW("s", OUT("1")) "]", "[" ROW("s", OUT("2")) "]", "s outputs.r=1|2" },
	{ "[" ROW("s", OUT("[1,2]")) "]", "[" ROW("s", OUT("[1,3,4]")) "]", "s outputs.r[1]=2|3 outputs.r[2]=-|4" },
	{ "[" ROW("s", OUT("{\"x\":1}")) "]", "[" ROW("s", OUT("{\"y\":1}")) "]", "s outputs.r.x=1|- outputs.r.y=-|1" },
	/* ids, times and latencies say nothing */
	{ "[" ROW("s", ",\"id\":\"e1\",\"elapsed_time\":1,\"outputs\":{\"usage\":{\"latency\":1},\"sys.timestamp\":5}") "]",
	  "[" ROW("s", ",\"id\":\"e2\",\"elapsed_time\":2,\"outputs\":{\"usage\":{\"latency\":2},\"sys.timestamp\":6}") "]", "" },
	{ "[" ROW("s", "") "," ROW("x", "") "]", "[" ROW("s", "") "," ROW("y", "") "]", "x only in a; y only in b" },
	/* parallel elements end in any order and are paired all the same */
	{ "[" ROW("x", OUT("0") ROUND(0)) "," ROW("x", OUT("1") ROUND(1)) "]",
	  "[" ROW("x", OUT("1") ROUND(1)) "," ROW("x", OUT("0") ROUND(0)) "]", "" },
	{ "[" ROW("x", OUT("0") ROUND(0)) "," ROW("x", OUT("1") ROUND(1)) "]",
	  "[" ROW("x", OUT("7") ROUND(1)) "," ROW("x", OUT("0") ROUND(0)) "]", "x@1 outputs.r=1|7" },
	/* the same node twice without a round: by order */
	{ "[" ROW("x", OUT("0")) "," ROW("x", OUT("1")) "]", "[" ROW("x", OUT("0")) "]", "x only in a" },
	{ "[{\"node_id\":\"x\",\"status\":\"failed\",\"error\":\"no\"}]", "[" ROW("x", "") "]",
	  "x status=\"failed\"|\"succeeded\" error=\"no\"|-" },
};

static struct str value_text(struct arena *mem, const struct json *v)
{
	return json_is(v, JSON_NULL) || !v ? S("-") : json_text(mem, v, JSON_COMPACT);
}

static struct str told(struct arena *mem, const struct json *d)
{
	struct buf b = buf_make(mem, 0);
	json_each(json_get(d, S("nodes")), n)
	{
		const struct json *round = json_get(n, S("round"));
		if (b.len)
			buf_puts(&b, "; ");
		buf_put(&b, json_get_str(n, S("node_id")));
		if (json_is(round, JSON_INT))
			buf_printf(&b, "@%lld", (long long)json_as_int(round, 0));
		if (json_get_str(n, S("only_in")).len)
			buf_printf(&b, " only in %.*s", STR(json_get_str(n, S("only_in"))));
		json_each(json_get(n, S("places")), p)
			buf_printf(&b, " %.*s=%.*s|%.*s", STR(json_get_str(p, S("path"))),
				   STR(value_text(mem, json_get(p, S("a")))),
				   STR(value_text(mem, json_get(p, S("b")))));
	}
	return buf_str(&b);
}

static void runs_are_compared_execution_by_execution(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct json *a, *b;
		print_message("case %zu: %s\n", i, cases[i].a);
		assert_int_equal(json_parse(mem.p, str_c(cases[i].a), &a), 0);
		assert_int_equal(json_parse(mem.p, str_c(cases[i].b), &b), 0);
		struct json *d = diff_runs(mem.p, a, b);
		assert_string_equal(arena_cstr(mem.p, told(mem.p, d)), cases[i].want);
		assert_int_equal(json_get_bool(d, S("same"), false), cases[i].want[0] == 0);
		assert_int_equal(json_is(json_get(d, S("first")), JSON_OBJ), cases[i].want[0] != 0);
	}
}

static void many_differences_are_listed_to_a_limit(void **unused)
{
	(void)unused;
	AUTO(arena) mem = { arena_open(0) };
	struct json *rows[2];
	for (int side = 0; side < 2; side++) {
		struct json *list = json_arr(mem.p);
		rows[side] = json_arr(mem.p);
		for (int i = 0; i <= DIFF_PLACES_MAX; i++)
			json_push(mem.p, list, json_int(mem.p, side ? -i - 1 : i));
		struct json *row = json_push(mem.p, rows[side], json_obj(mem.p));
		json_set_str(mem.p, row, S("node_id"), S("x"));
		json_set(mem.p, row, S("outputs"), list);
	}
	const struct json *first = json_get(diff_runs(mem.p, rows[0], rows[1]), S("first"));
	assert_int_equal(json_len(json_get(first, S("places"))), DIFF_PLACES_MAX);
	assert_true(json_get_bool(first, S("more"), false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_compared_execution_by_execution),
		cmocka_unit_test(many_differences_are_listed_to_a_limit),
	};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
