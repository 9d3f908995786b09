/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: what a call used and what that costs: token counts (estimated when the server tells
 * none), prices as exact decimals, and the object that clients see (platform.md 2.3).
 */
#include "model/model_int.h"

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/decimal.h"

/* Money is shown with this many places, as clients of the replaced server know it. */
enum { PRICE_PLACES = 7 };

static struct str or_zero(struct str s)
{
	return s.len ? s : S("0");
}

static void set_seconds(struct arena *mem, struct json *o, struct str name, double s)
{
	if (s < 0)
		json_set_null(mem, o, name);
	else
		json_set_float(mem, o, name, round(s * 1000) / 1000);
}

struct json *model_usage_json(struct arena *mem, const struct model_usage *u)
{
	struct json *o = json_obj(mem);
	struct str unit = or_zero(u->price_unit);
	json_set_int(mem, o, S("prompt_tokens"), u->prompt_tokens);
	json_set_str(mem, o, S("prompt_unit_price"), or_zero(u->prompt_unit_price));
	json_set_str(mem, o, S("prompt_price_unit"), unit);
	json_set_str(mem, o, S("prompt_price"), or_zero(u->prompt_price));
	json_set_int(mem, o, S("completion_tokens"), u->completion_tokens);
	json_set_str(mem, o, S("completion_unit_price"), or_zero(u->completion_unit_price));
	json_set_str(mem, o, S("completion_price_unit"), unit);
	json_set_str(mem, o, S("completion_price"), or_zero(u->completion_price));
	json_set_int(mem, o, S("total_tokens"), u->total_tokens);
	json_set_str(mem, o, S("total_price"), or_zero(u->total_price));
	json_set_str(mem, o, S("currency"), u->currency.len ? u->currency : S("USD"));
	set_seconds(mem, o, S("latency"), MAX(u->latency, 0));
	set_seconds(mem, o, S("time_to_first_token"), u->first_token);
	set_seconds(mem, o, S("time_to_generate"), u->first_token < 0 ? -1 : u->generate);
	return o;
}

void model_usage_read(const struct json *u, struct model_usage *out)
{
	out->prompt_tokens = json_get_int(u, S("prompt_tokens"), 0);
	out->completion_tokens = json_get_int(u, S("completion_tokens"), 0);
	out->total_tokens = json_get_int(u, S("total_tokens"), 0);
	out->prompt_unit_price = json_get_str(u, S("prompt_unit_price"));
	out->completion_unit_price = json_get_str(u, S("completion_unit_price"));
	out->price_unit = json_get_str(u, S("prompt_price_unit"));
	out->prompt_price = json_get_str(u, S("prompt_price"));
	out->completion_price = json_get_str(u, S("completion_price"));
	out->total_price = json_get_str(u, S("total_price"));
	out->currency = json_get_str(u, S("currency"));
	out->latency = json_as_double(json_get(u, S("latency")), 0);
	out->first_token = json_as_double(json_get(u, S("time_to_first_token")), -1);
	out->generate = json_as_double(json_get(u, S("time_to_generate")), 0);
}

static struct str sum_text(struct arena *mem, struct str a, struct str b)
{
	struct decimal x, y;
	if (decimal_parse(or_zero(a), &x) || decimal_parse(or_zero(b), &y))
		return or_zero(b);
	return decimal_text(mem, decimal_add(x, y));
}

void model_usage_add(struct arena *mem, struct model_usage *sum, const struct model_usage *u)
{
	bool first = !sum->total_tokens && !sum->prompt_price.len;
	sum->prompt_tokens += u->prompt_tokens;
	sum->completion_tokens += u->completion_tokens;
	sum->total_tokens += u->total_tokens;
	sum->latency += u->latency;
	sum->first_token = u->first_token;
	sum->generate = u->generate;
	sum->prompt_unit_price = u->prompt_unit_price;
	sum->completion_unit_price = u->completion_unit_price;
	sum->price_unit = u->price_unit;
	sum->currency = u->currency;
	sum->estimated |= u->estimated;
	if (first) {
		sum->prompt_price = u->prompt_price;
		sum->completion_price = u->completion_price;
		sum->total_price = u->total_price;
		return;
	}
	sum->prompt_price = sum_text(mem, sum->prompt_price, u->prompt_price);
	sum->completion_price = sum_text(mem, sum->completion_price, u->completion_price);
	sum->total_price = sum_text(mem, sum->total_price, u->total_price);
}

/* A setting that is a number, as text or as JSON number; "" when absent or no number. */
static struct str decimal_setting(struct arena *mem, const struct json *pricing, struct str name)
{
	struct json *v = json_get(pricing, name);
	struct str text = json_as_str(v, S(""));
	if (json_is(v, JSON_INT) || json_is(v, JSON_FLOAT))
		text = json_text(mem, v, JSON_COMPACT);
	struct decimal d;
	return text.len && !decimal_parse(text, &d) ? text : S("");
}

static struct decimal cost(int64_t tokens, struct str unit_price, struct str unit)
{
	struct decimal price = { 0 }, per = { 0 };
	if (decimal_parse(unit_price, &price) || decimal_parse(unit, &per))
		return (struct decimal){ 0 };
	return decimal_round(decimal_mul(decimal_mul(decimal_of(tokens), price), per), PRICE_PLACES);
}

void usage_price(struct arena *mem, struct model_usage *u, const struct json *settings)
{
	const struct json *p = json_get(settings, S("pricing"));
	u->total_tokens = u->total_tokens ? u->total_tokens : u->prompt_tokens + u->completion_tokens;
	u->currency = json_get_str(p, S("currency"));
	if (!u->currency.len)
		u->currency = S("USD");
	struct str in = decimal_setting(mem, p, S("input")), out = decimal_setting(mem, p, S("output"));
	u->prompt_unit_price = u->completion_unit_price = u->price_unit = S("0");
	u->prompt_price = u->completion_price = u->total_price = S("0");
	if (!in.len && !out.len)
		return;
	struct str unit = decimal_setting(mem, p, S("unit"));
	u->price_unit = unit.len ? unit : S("0.000001");
	u->prompt_unit_price = or_zero(in);
	u->completion_unit_price = or_zero(out);
	struct decimal a = cost(u->prompt_tokens, u->prompt_unit_price, u->price_unit);
	struct decimal b = cost(u->completion_tokens, u->completion_unit_price, u->price_unit);
	u->prompt_price = decimal_text(mem, a);
	u->completion_price = decimal_text(mem, b);
	u->total_price = decimal_text(mem, decimal_add(a, b));
}

/*
 * Four ASCII bytes or one other code point a token: within about a quarter of what the common
 * tokenizers count for English and Japanese. Used only when a server reports nothing.
 */
int64_t usage_estimate(struct str text)
{
	int64_t ascii = 0, other = 0;
	for (size_t i = 0; i < text.len;) {
		if ((unsigned char)text.at[i] < 0x80)
			ascii++, i++;
		else
			other += utf8_next(text, &i) != 0;
	}
	return (ascii + 3) / 4 + other;
}

int64_t usage_estimate_messages(const struct json *messages)
{
	int64_t n = 0;
	json_each(messages, m)
	{
		const struct json *content = json_get(m, S("content"));
		n += usage_estimate(json_as_str(content, S("")));
		json_each(content, part)
			n += usage_estimate(json_get_str(part, S("text")));
		/* role and separators cost about this much in every chat template */
		n += 4;
	}
	return n;
}
