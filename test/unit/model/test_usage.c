/* SPDX-License-Identifier: Apache-2.0 */
/* Exact prices, the usage object as recorded, token estimates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/decimal.h"
#include "model/model_int.h"

static void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR(got), want);
}

/* What str(Decimal(x)) prints in Python. */
static const struct {
	const char *in, *out; /* out NULL: no number */
} texts[] = {
	{ "0", "0" }, { "1.50", "1.50" }, { "-2.5", "-2.5" }, { "0.0000150", "0.0000150" },
	{ "0.0000000", "0E-7" }, { "0.0000001", "1E-7" }, { "0.0000010", "0.0000010" },
	{ "0.00000015", "1.5E-7" }, { "0E-7", "0E-7" }, { "1e-6", "0.000001" }, { "12e2", "1200" },
	{ ".5", "0.5" }, { "123456789012345678.5", "123456789012345678.5" },
	{ "", NULL }, { ".", NULL }, { "1.2.3", NULL }, { "1e", NULL }, { "1e999", NULL }, { "x", NULL },
	{ "1234567890123456789", NULL }, { "1e-99", NULL }, { " 1", NULL },
};

static void decimals_print_as_python_does(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	for (size_t i = 0; i < countof(texts); i++) {
		struct decimal d;
		print_message("case %zu: %s\n", i, texts[i].in);
		assert_int_equal(decimal_parse(str_c(texts[i].in), &d), texts[i].out ? 0 : -1);
		if (texts[i].out)
			assert_str(decimal_text(mem, d), texts[i].out);
	}
	arena_close(mem);
}

static const struct {
	const char *a, *b, *sum, *product, *rounded; /* product to 2 places */
} sums[] = {
	{ "0.1", "0.2", "0.3", "0.02", "0.02" },
	{ "1.005", "1", "2.005", "1.005", "1.01" },
	{ "-1.005", "1", "-0.005", "-1.005", "-1.01" },
	{ "0", "0E-7", "0E-7", "0E-7", "0.00" },
	{ "999999999999999999", "999999999999999999", "1999999999999999998",
	  "999999999999999998000000000000000001", "999999999999999998000000000000000001.0" },
};

static void decimals_are_exact(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	for (size_t i = 0; i < countof(sums); i++) {
		struct decimal a, b;
		print_message("case %zu: %s, %s\n", i, sums[i].a, sums[i].b);
		assert_int_equal(decimal_parse(str_c(sums[i].a), &a), 0);
		assert_int_equal(decimal_parse(str_c(sums[i].b), &b), 0);
		assert_str(decimal_text(mem, decimal_add(a, b)), sums[i].sum);
		assert_str(decimal_text(mem, decimal_mul(a, b)), sums[i].product);
		if (i + 1 < countof(sums))
			assert_str(decimal_text(mem, decimal_round(decimal_mul(a, b), 2)),
				   sums[i].rounded);
	}
	/* past the range the value stays at the largest, with its sign */
	struct decimal big = { .digits = (__int128)1 << 120 };
	struct decimal top = decimal_mul(big, (struct decimal){ .digits = -((__int128)1 << 120) });
	assert_true(top.digits < 0);
	arena_close(mem);
}

static void usage_object_is_as_recorded(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct model_usage u = { .prompt_tokens = 8, .completion_tokens = 4, .latency = 0.12345,
				 .first_token = -1 };
	usage_price(mem, &u, NULL);
	assert_str(json_text(mem, model_usage_json(mem, &u), JSON_COMPACT),
		   "{\"prompt_tokens\":8,\"prompt_unit_price\":\"0\",\"prompt_price_unit\":\"0\","
		   "\"prompt_price\":\"0\",\"completion_tokens\":4,\"completion_unit_price\":\"0\","
		   "\"completion_price_unit\":\"0\",\"completion_price\":\"0\",\"total_tokens\":12,"
		   "\"total_price\":\"0\",\"currency\":\"USD\",\"latency\":0.123,"
		   "\"time_to_first_token\":null,\"time_to_generate\":null}");
	u.first_token = 0.5;
	u.generate = 1.25;
	struct json *o = model_usage_json(mem, &u);
	assert_str(json_text(mem, json_get(o, S("time_to_generate")), 0), "1.25");
	arena_close(mem);
}

static void prices_follow_the_settings(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct json *settings;
	assert_int_equal(json_parse(mem, S("{\"pricing\":{\"input\":\"0.15\",\"output\":0.6,\"unit\":"
					   "\"0.000001\",\"currency\":\"EUR\"}}"), &settings), 0);
	struct model_usage u = { .prompt_tokens = 1234, .completion_tokens = 567 }, sum = { 0 };
	usage_price(mem, &u, settings);
	assert_str(u.prompt_price, "0.0001851");
	assert_str(u.completion_price, "0.0003402");
	assert_str(u.total_price, "0.0005253");
	assert_str(u.completion_unit_price, "0.6");
	assert_str(u.currency, "EUR");
	model_usage_add(mem, &sum, &u);
	model_usage_add(mem, &sum, &u);
	assert_str(sum.total_price, "0.0010506");
	assert_int_equal(sum.total_tokens, 2 * (1234 + 567));
	arena_close(mem);
}

static void estimates_count_scripts_apart(void **unused)
{
	(void)unused;
	assert_int_equal(usage_estimate(S("")), 0);
	assert_int_equal(usage_estimate(S("hello world")), 3);
	assert_int_equal(usage_estimate(S("\u3053\u3093\u306b\u3061\u306f")), 5);
	assert_int_equal(usage_estimate(S("\xff\xfe")), 2); /* broken bytes end too */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_print_as_python_does),
		cmocka_unit_test(decimals_are_exact),
		cmocka_unit_test(usage_object_is_as_recorded),
		cmocka_unit_test(prices_follow_the_settings),
		cmocka_unit_test(estimates_count_scripts_apart),
	};
	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
