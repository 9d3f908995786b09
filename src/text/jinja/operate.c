/* SPDX-License-Identifier: Apache-2.0 */
/* operate: operators, order and sorting, with Python's rules and messages. Integers have 64 bits. */
#include <math.h>
#include <string.h>

#include "text/jinja/jinja_int.h"

static const char *const symbols[] = {
	[OP_ADD] = "+",	 [OP_SUB] = "-", [OP_MUL] = "*",  [OP_DIV] = "/", [OP_FLOORDIV] = "//",
	[OP_MOD] = "%",	 [OP_POW] = "** or pow()",	  [OP_LT] = "<",  [OP_LE] = "<=",
	[OP_GT] = ">",	 [OP_GE] = ">=",
};

static status too_big(void)
{
	return jinja_unsupported("integers beyond 64 bits");
}

static status bad_operands(struct render *r, enum op op, struct value a, struct value b)
{
	return jinja_fail(r, "TypeError", "unsupported operand type(s) for %s: '%s' and '%s'", symbols[op],
			  val_short_name(a), val_short_name(b));
}

/* --- numbers --- */

static status by_zero(struct render *r, enum op op, bool floats)
{
	const char *what = op == OP_DIV	       ? floats ? "float division by zero" : "division by zero"
			   : op == OP_FLOORDIV ? floats ? "float floor division by zero"
							: "integer division or modulo by zero"
					       : floats ? "float modulo" : "integer modulo by zero";
	return jinja_fail(r, "ZeroDivisionError", "%s", what);
}

static status int_power(int64_t base, int64_t exponent, struct value *out)
{
	int64_t n = 1;
	bool over = false;
	while (exponent) {
		if (exponent & 1)
			over |= __builtin_mul_overflow(n, base, &n);
		exponent >>= 1;
		if (exponent && __builtin_mul_overflow(base, base, &base)) {
			/* 1, 0 and -1 never get here. */
			return too_big();
		}
	}
	if (over)
		return too_big();
	*out = val_int(n);
	return 0;
}

static status float_power(struct render *r, double a, double b, struct value *out)
{
	if (a == 0 && b < 0)
		return jinja_fail(r, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
	if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b))
		return jinja_unsupported("complex numbers");
	double n = pow(a, b);
	if (isinf(n) && isfinite(a) && isfinite(b))
		return jinja_fail(r, "OverflowError", "(34, 'Numerical result out of range')");
	*out = val_float(n);
	return 0;
}

static bool exact(int64_t n)
{
	return n >= -(INT64_C(1) << 53) && n <= (INT64_C(1) << 53);
}

static status int_op(struct render *r, enum op op, int64_t a, int64_t b, struct value *out)
{
	int64_t n = 0;
	bool over = false;
	switch (op) {
	case OP_ADD:
		over = __builtin_add_overflow(a, b, &n);
		break;
	case OP_SUB:
		over = __builtin_sub_overflow(a, b, &n);
		break;
	case OP_MUL:
		over = __builtin_mul_overflow(a, b, &n);
		break;
	case OP_DIV:
		if (!b)
			return by_zero(r, op, false);
		if (!exact(a) || !exact(b))
			return jinja_unsupported("division of integers beyond 53 bits");
		*out = val_float((double)a / (double)b);
		return 0;
	case OP_FLOORDIV:
	case OP_MOD:
		if (!b)
			return by_zero(r, op, false);
		if (b == -1) { /* INT64_MIN / -1 traps */
			over = op == OP_FLOORDIV && __builtin_sub_overflow(0, a, &n);
			break;
		}
		n = a / b;
		if (a % b && (a < 0) != (b < 0))
			n--;
		n = op == OP_FLOORDIV ? n : a - n * b;
		break;
	default:
		if (b >= 0)
			return int_power(a, b, out);
		return float_power(r, (double)a, (double)b, out);
	}
	if (over)
		return too_big();
	*out = val_int(n);
	return 0;
}

/* As CPython divides floats: the sign of the remainder is that of the divisor. */
static double float_divide(double a, double b, double *remainder)
{
	double mod = fmod(a, b), div = (a - mod) / b;
	if (mod != 0) {
		if ((b < 0) != (mod < 0)) {
			mod += b;
			div -= 1;
		}
	} else {
		mod = copysign(0, b);
	}
	*remainder = mod;
	if (div == 0)
		return copysign(0, a / b);
	double whole = floor(div);
	return div - whole > 0.5 ? whole + 1 : whole;
}

static status float_op(struct render *r, enum op op, double a, double b, struct value *out)
{
	double n, remainder;
	if (b == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
		return by_zero(r, op, true);
	switch (op) {
	case OP_ADD:
		n = a + b;
		break;
	case OP_SUB:
		n = a - b;
		break;
	case OP_MUL:
		n = a * b;
		break;
	case OP_DIV:
		n = a / b;
		break;
	case OP_FLOORDIV:
		n = float_divide(a, b, &remainder);
		break;
	case OP_MOD:
		(void)float_divide(a, b, &n);
		break;
	default:
		return float_power(r, a, b, out);
	}
	*out = val_float(n);
	return 0;
}

/* --- sequences --- */

static status add_texts(struct render *r, struct value a, struct value b, struct value *out)
{
	bool safe = a.safe || b.safe;
	if (safe && ((!a.safe && text_escape(r, a, &a)) || (!b.safe && text_escape(r, b, &b))))
		return -1;
	struct growing g = jinja_resume(r, a.text);
	buf_put(&g.buf, b.text);
	if (jinja_step(r, b.text.len / 64) || jinja_grown(r, &g, out))
		return -1;
	out->safe = safe;
	return 0;
}

static status add_lists(struct render *r, struct value a, struct value b, struct value *out)
{
	struct value v = val_new_list(r, a.type);
	for (size_t i = 0; i < a.list->len; i++)
		if (val_push(r, v.list, a.list->at[i]))
			return -1;
	for (size_t i = 0; i < b.list->len; i++)
		if (val_push(r, v.list, b.list->at[i]))
			return -1;
	*out = v;
	return 0;
}

static bool is_sequence(struct value v)
{
	return v.type == V_STR || v.type == V_LIST || v.type == V_TUPLE;
}

static status add_sequences(struct render *r, struct value a, struct value b, struct value *out)
{
	if (a.type == b.type && is_sequence(a))
		return a.type == V_STR ? add_texts(r, a, b, out) : add_lists(r, a, b, out);
	if (is_sequence(a))
		return jinja_fail(r, "TypeError", "can only concatenate %s (not \"%s\") to %s",
				  val_short_name(a), val_short_name(b), val_short_name(a));
	return bad_operands(r, OP_ADD, a, b);
}

static status repeat(struct render *r, struct value s, int64_t n, struct value *out)
{
	n = n < 0 ? 0 : n;
	if (s.type == V_STR) {
		char *text;
		size_t bytes;
		if (__builtin_mul_overflow(s.text.len, (size_t)n, &bytes))
			bytes = SIZE_MAX;
		if (jinja_text(r, bytes, &text))
			return -1;
		for (size_t at = 0; at < bytes; at += s.text.len)
			memcpy(text + at, s.text.at, s.text.len);
		*out = val_str(str_of(text, bytes));
		out->safe = s.safe;
		return 0;
	}
	struct value v = val_new_list(r, s.type);
	if (s.list->len && n > r->limits->range_max / (int64_t)s.list->len)
		return err_set(ERR_TOO_LARGE, "a list of the template has more than %lld items",
			       (long long)r->limits->range_max);
	size_t len = s.list->len; /* fixed: the list may be its own source */
	for (int64_t k = 0; k < n; k++)
		for (size_t i = 0; i < len; i++)
			if (val_push(r, v.list, s.list->at[i]))
				return -1;
	*out = v;
	return 0;
}

static status multiply(struct render *r, struct value a, struct value b, struct value *out)
{
	struct value s = is_sequence(a) ? a : b, n = is_sequence(a) ? b : a;
	if (!is_sequence(s))
		return bad_operands(r, OP_MUL, a, b);
	if (!val_is_int(n))
		return jinja_fail(r, "TypeError", "can't multiply sequence by non-int of type '%s'",
				  val_short_name(n));
	return repeat(r, s, val_integer(n), out);
}

static bool is_markup(struct value v)
{
	return v.type == V_STR && v.safe;
}

static status markup_op(struct render *r, enum op op, struct value a, struct value b, struct value *out)
{
	if (op == OP_ADD && a.type == V_STR && b.type == V_STR)
		return add_texts(r, a, b, out);
	if (op == OP_MUL && (val_is_int(a) || val_is_int(b)))
		return multiply(r, a, b, out);
	return jinja_unsupported("an operator on a Markup");
}

status op_binary(struct render *r, enum op op, struct value a, struct value b, struct value *out)
{
	if (a.type == V_UNDEFINED)
		return val_fail_undefined(r, a);
	if (op == OP_MOD && a.type == V_STR) {
		if (a.safe)
			return jinja_unsupported("formatting with a Markup");
		return jinja_format_percent(r, a.text, b, out);
	}
	if (b.type == V_UNDEFINED && a.type != V_VIEW)
		return val_fail_undefined(r, b);
	if (is_markup(a) || is_markup(b))
		return markup_op(r, op, a, b, out);
	if (val_is_int(a) && val_is_int(b))
		return int_op(r, op, val_integer(a), val_integer(b), out);
	if (val_is_number(a) && val_is_number(b))
		return float_op(r, op, val_double(a), val_double(b), out);
	if (a.type == V_VIEW || b.type == V_VIEW || (a.type == V_DICT && b.type == V_DICT))
		return jinja_unsupported("operators on dicts and their views");
	if (op == OP_ADD)
		return add_sequences(r, a, b, out);
	return op == OP_MUL ? multiply(r, a, b, out) : bad_operands(r, op, a, b);
}

/* --- order --- */

static status order_lists(struct render *r, const struct list *a, const struct list *b, const char *symbol,
			  int *out)
{
	for (size_t i = 0; i < a->len && i < b->len; i++) {
		if (jinja_step(r, 1))
			return -1;
		if (val_same(a->at[i], b->at[i]) || val_equal(r, a->at[i], b->at[i]))
			continue;
		if (jinja_deeper(r) || op_order(r, a->at[i], b->at[i], symbol, out))
			return -1;
		r->depth--;
		return 0;
	}
	*out = a->len < b->len ? -1 : a->len > b->len;
	return 0;
}

/* Two NaN are in no order: 2 says that every comparison is false. */
enum { NO_ORDER = 2 };

status op_order(struct render *r, struct value a, struct value b, const char *symbol, int *out)
{
	int order;
	if (val_is_number(a) && val_is_number(b)) {
		/* Holds every 64-bit integer and every double. */
		long double x = a.type == V_FLOAT ? (long double)a.number : (long double)val_integer(a);
		long double y = b.type == V_FLOAT ? (long double)b.number : (long double)val_integer(b);
		*out = x < y ? -1 : x > y ? 1 : x == y ? 0 : NO_ORDER;
		return 0;
	}
	if (a.type == V_UNDEFINED)
		return val_fail_undefined(r, a);
	if (b.type == V_UNDEFINED)
		return val_fail_undefined(r, b);
	if (a.type == V_STR && b.type == V_STR) {
		order = str_cmp(a.text, b.text);
		*out = order < 0 ? -1 : order > 0;
		return jinja_step(r, MIN(a.text.len, b.text.len) / 64);
	}
	if (a.type == b.type && (a.type == V_LIST || a.type == V_TUPLE))
		return order_lists(r, a.list, b.list, symbol, out);
	if (a.type == V_VIEW || b.type == V_VIEW)
		return jinja_unsupported("comparing views of dicts");
	return jinja_fail(r, "TypeError", "'%s' not supported between instances of '%s' and '%s'", symbol,
			  val_short_name(a), val_short_name(b));
}

status op_contains(struct render *r, struct value item, struct value in, bool *out)
{
	struct value *found, one;
	struct cursor c;
	bool got;
	*out = false;
	if (in.type == V_STR) {
		if (item.type != V_STR)
			return jinja_fail(r, "TypeError",
					  "'in <string>' requires string as left operand, not %s",
					  val_short_name(item));
		*out = str_has(in.text, item.text);
		return jinja_step(r, in.text.len / 64);
	}
	if (in.type == V_DICT) {
		if (val_get(r, in.dict, item, &found))
			return -1;
		*out = found != NULL;
		return 0;
	}
	if (!val_iterable(in))
		return jinja_fail(r, "TypeError", "argument of type '%s' is not iterable", val_short_name(in));
	if (val_iterate(r, in, &c))
		return -1;
	while (!*out) {
		if (val_next(r, &c, &one, &got))
			return -1;
		if (!got)
			return 0;
		*out = val_same(one, item) || val_equal(r, one, item);
	}
	return 0;
}

status op_compare(struct render *r, enum op op, struct value a, struct value b, bool *out)
{
	int order;
	switch (op) {
	case OP_EQ:
	case OP_NE:
		*out = val_equal(r, a, b) == (op == OP_EQ);
		return jinja_step(r, 1);
	case OP_IN:
	case OP_NOT_IN:
		if (op_contains(r, a, b, out))
			return -1;
		*out = *out == (op == OP_IN);
		return 0;
	default:
		if (op_order(r, a, b, symbols[op], &order))
			return -1;
		*out = order != NO_ORDER && (op == OP_LT   ? order < 0
					     : op == OP_LE ? order <= 0
					     : op == OP_GT ? order > 0
							   : order >= 0);
		return 0;
	}
}

/* --- sorting --- */

struct sort {
	struct render *r;
	struct value *items, *keys, *spare_items, *spare_keys;
	unsigned how;
};

/* Python's `a < b` of keys. As items of lists they are asked whether they are equal first. */
static status key_order(struct render *r, struct value a, struct value b, unsigned how, int *out)
{
	*out = 0;
	if (how & SORT_IN_LISTS && (val_same(a, b) || val_equal(r, a, b)))
		return jinja_step(r, 1);
	return jinja_step(r, 1) || op_order(r, a, b, "<", out) ? -1 : 0;
}

/* Takes the right one first only when it must: equal ones keep their order. */
static status right_first(struct sort *s, struct value left, struct value right, bool *out)
{
	int order;
	if (key_order(s->r, right, left, s->how, &order))
		return -1;
	*out = order != NO_ORDER && (s->how & SORT_REVERSE ? order > 0 : order < 0);
	return 0;
}

static status merge(struct sort *s, size_t from, size_t middle, size_t to)
{
	size_t left = from, right = middle, at = from;
	while (left < middle || right < to) {
		bool take_right = left == middle;
		if (left < middle && right < to && right_first(s, s->keys[left], s->keys[right], &take_right))
			return -1;
		size_t i = take_right ? right++ : left++;
		s->spare_items[at] = s->items[i];
		s->spare_keys[at++] = s->keys[i];
	}
	memcpy(s->items + from, s->spare_items + from, (to - from) * sizeof(struct value));
	memcpy(s->keys + from, s->spare_keys + from, (to - from) * sizeof(struct value));
	return 0;
}

static status less(struct render *r, struct value a, struct value b, unsigned how, bool *out)
{
	int order;
	if (key_order(r, a, b, how, &order))
		return -1;
	*out = order == -1;
	return 0;
}

/* The comparisons of CPython's sort of up to PYTHON_RUN values: the run at the start, then each of the
 * others into its place by halves. Ends at the first two that have no order. */
enum { PYTHON_RUN = 63 };
static status python_sorts(struct render *r, struct value *at, size_t n, unsigned how)
{
	size_t run = 2;
	bool down, yes;
	if (less(r, at[1], at[0], how, &down))
		return -1;
	for (; run < n; run++) {
		if (less(r, at[run], at[run - 1], how, &yes))
			return -1;
		if (yes != down)
			break;
	}
	for (size_t i = 0; down && i < run / 2; i++) {
		struct value v = at[i];
		at[i] = at[run - 1 - i];
		at[run - 1 - i] = v;
	}
	for (; run < n; run++) {
		struct value pivot = at[run];
		size_t low = 0, high = run;
		while (low < high) {
			size_t mid = low + (high - low) / 2;
			if (less(r, pivot, at[mid], how, &yes))
				return -1;
			low = yes ? low : mid + 1;
			high = yes ? mid : high;
		}
		memmove(&at[low + 1], &at[low], (run - low) * sizeof(*at));
		at[low] = pivot;
	}
	return 0;
}

/* Which two values the failure names depends on how Python sorts. */
static status no_order(struct render *r, const struct value *keys, size_t n, unsigned how)
{
	if (err_code() != ERR_INVALID)
		return -1;
	if (n > PYTHON_RUN)
		return jinja_unsupported("sorting values that have no order");
	struct value at[PYTHON_RUN];
	for (size_t i = 0; i < n; i++)
		at[i] = keys[how & SORT_REVERSE ? n - 1 - i : i];
	return python_sorts(r, at, n, how) ? -1 : jinja_unsupported("sorting values that have no order");
}

status op_sort(struct render *r, struct list *l, struct value *keys, unsigned how)
{
	size_t n = l->len;
	if (n < 2)
		return 0;
	if (jinja_charge(r, n * 5 * sizeof(struct value)))
		return -1;
	struct sort s = { .r = r,
			  .items = l->at,
			  .keys = arena_array(r->mem, struct value, n),
			  .spare_items = arena_array(r->mem, struct value, n),
			  .spare_keys = arena_array(r->mem, struct value, n),
			  .how = how };
	struct value *given = arena_array(r->mem, struct value, n);
	memcpy(given, l->at, n * sizeof(struct value));
	memcpy(s.keys, keys ? keys : given, n * sizeof(struct value));
	for (size_t width = 1; width < n; width *= 2)
		for (size_t from = 0; from + width < n; from += 2 * width)
			if (merge(&s, from, from + width, MIN(from + 2 * width, n)))
				return no_order(r, keys ? keys : given, n, how);
	return 0;
}
