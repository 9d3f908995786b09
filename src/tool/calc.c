/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calc: recursive descent with a depth:
 *
 *	sum     = product { (+|-) product }
 *	product = sign { (*|/|//|%) sign }
 *	sign    = (+|-) sign | power
 *	power   = atom [ ** sign ]
 *	atom    = number | name | name ( sum {, sum} ) | ( sum )
 */
#include "tool/calc.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct value {
	bool whole;
	int64_t i;
	double d; /* also of whole numbers */
};

struct calc {
	struct str s;
	size_t i;
	int depth;
	struct value v; /* of what was read last */
};

static struct value whole(int64_t i)
{
	return (struct value){true, i, (double)i};
}

static struct value real(double d)
{
	return (struct value){false, 0, d};
}

static status wrong(const struct calc *c, const char *what)
{
	return err_set(ERR_INVALID, "The expression is wrong at character %d: %s", (int)c->i + 1,
		       what);
}

static void skip(struct calc *c)
{
	while (c->i < c->s.len &&
	       (c->s.at[c->i] == ' ' || (c->s.at[c->i] >= '\t' && c->s.at[c->i] <= '\r')))
		c->i++;
}

static bool accept(struct calc *c, const char *text)
{
	skip(c);
	if (!str_starts(str_skip(c->s, c->i), str_c(text)))
		return false;
	c->i += str_c(text).len;
	return true;
}

static char next(struct calc *c)
{
	skip(c);
	return c->i < c->s.len ? c->s.at[c->i] : '\0';
}

/* --- operations --- */

static status checked(struct calc *c, struct value v)
{
	if (isnan(v.d))
		return wrong(c, "the result is no number");
	c->v = v;
	return 0;
}

static status add(struct calc *c, struct value a, struct value b, bool minus)
{
	int64_t r;
	bool over =
		minus ? __builtin_sub_overflow(a.i, b.i, &r) : __builtin_add_overflow(a.i, b.i, &r);
	if (a.whole && b.whole && !over)
		return checked(c, whole(r));
	return checked(c, real(minus ? a.d - b.d : a.d + b.d));
}

static status multiply(struct calc *c, struct value a, struct value b)
{
	int64_t r;
	if (a.whole && b.whole && !__builtin_mul_overflow(a.i, b.i, &r))
		return checked(c, whole(r));
	return checked(c, real(a.d * b.d));
}

/* /, // and % as Python does them: the quotient is rounded down, the rest has the divisor's sign.
 */
static status divide(struct calc *c, struct value a, struct value b, char op)
{
	if (b.d == 0)
		return wrong(c, "division by zero");
	if (op == '/')
		return checked(c, real(a.d / b.d));
	if (a.whole && b.whole && b.i != -1) {
		int64_t rest = a.i % b.i, quotient = a.i / b.i;
		if (rest && (rest < 0) != (b.i < 0)) {
			rest += b.i;
			quotient--;
		}
		return checked(c, whole(op == '%' ? rest : quotient));
	}
	double quotient = floor(a.d / b.d);
	double result = op == '%' ? a.d - quotient * b.d : quotient;
	bool fits = a.whole && b.whole && fabs(result) < 9e18;
	return checked(c, fits ? whole((int64_t)result) : real(result));
}

static status raise(struct calc *c, struct value a, struct value b)
{
	int64_t r = 1, base = a.i;
	if (!a.whole || !b.whole || b.i < 0)
		return checked(c, real(pow(a.d, b.d)));
	for (int64_t n = b.i; n > 0; n >>= 1) {
		if (n & 1 && __builtin_mul_overflow(r, base, &r))
			return checked(c, real(pow(a.d, b.d)));
		if (n > 1 && __builtin_mul_overflow(base, base, &base))
			return checked(c, real(pow(a.d, b.d)));
	}
	return checked(c, whole(r));
}

/* --- functions --- */

static double log_of(double x)
{
	return log(x);
}

static const struct {
	const char *name;
	double (*fn)(double);
} functions[] = {
	{"sqrt",   sqrt  },
        {"exp",    exp   },
        {"log",    log_of},
        {"ln",     log_of},
        {"log10",  log10 },
	{"log2",   log2  },
        {"log1p",  log1p },
        {"expm1",  expm1 },
        {"sin",    sin   },
        {"cos",    cos   },
	{"tan",    tan   },
        {"arcsin", asin  },
        {"arccos", acos  },
        {"arctan", atan  },
        {"asin",   asin  },
	{"acos",   acos  },
        {"atan",   atan  },
        {"sinh",   sinh  },
        {"cosh",   cosh  },
        {"tanh",   tanh  },
};
/* These keep whole numbers whole. */
static const struct {
	const char *name;
	double (*fn)(double);
} roundings[] = {
	{"abs",   fabs     },
        {"floor", floor    },
        {"ceil",  ceil     },
        {"round", nearbyint},
        {"trunc", trunc    }
};

static status sum(struct calc *c);

static status apply_one(struct calc *c, struct str name, struct value a)
{
	for (size_t i = 0; i < countof(functions); i++)
		if (str_eq(name, str_c(functions[i].name)))
			return checked(c, real(functions[i].fn(a.d)));
	for (size_t i = 0; i < countof(roundings); i++) {
		if (!str_eq(name, str_c(roundings[i].name)))
			continue;
		if (a.whole && (a.i >= 0 || i > 0))
			return checked(c, a);
		double r = roundings[i].fn(a.d);
		bool fits = (a.whole || i > 0) && fabs(r) < 9e18;
		return checked(c, fits ? whole((int64_t)r) : real(r));
	}
	return wrong(c, "there is no such function");
}

static status apply_many(struct calc *c, struct str name, const struct value *v, size_t n)
{
	struct value best = v[0];
	bool min = str_eq(name, S("min"));
	if (n == 2 && str_eq(name, S("pow")))
		return raise(c, v[0], v[1]);
	if (n == 2 && (str_eq(name, S("atan2")) || str_eq(name, S("arctan2"))))
		return checked(c, real(atan2(v[0].d, v[1].d)));
	if (min || str_eq(name, S("max"))) {
		for (size_t i = 1; i < n; i++)
			if (min ? v[i].d < best.d : v[i].d > best.d)
				best = v[i];
		return checked(c, best);
	}
	return n == 1 ? apply_one(c, name, v[0]) : wrong(c, "the function takes one value");
}

static status call(struct calc *c, struct str name)
{
	enum { ARGS_MAX = 16 };
	struct value args[ARGS_MAX];
	size_t n = 0;
	do {
		if (n == ARGS_MAX)
			return wrong(c, "too many values");
		if (sum(c))
			return -1;
		args[n++] = c->v;
	} while (accept(c, ","));
	if (!accept(c, ")"))
		return wrong(c, "a closing bracket is missing");
	return apply_many(c, name, args, n);
}

/* --- the grammar --- */

static bool is_letter(char ch)
{
	return ((ch | 32) >= 'a' && (ch | 32) <= 'z') || ch == '_';
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static status number(struct calc *c)
{
	size_t from = c->i;
	int64_t i;
	double d;
	while (c->i < c->s.len && (is_digit(c->s.at[c->i]) || c->s.at[c->i] == '.'))
		c->i++;
	if (c->i < c->s.len && (c->s.at[c->i] | 32) == 'e') {
		size_t k = c->i + 1;
		if (k < c->s.len && (c->s.at[k] == '+' || c->s.at[k] == '-'))
			k++;
		if (k < c->s.len && is_digit(c->s.at[k])) {
			while (k < c->s.len && is_digit(c->s.at[k]))
				k++;
			c->i = k;
		}
	}
	struct str text = str_sub(c->s, from, c->i - from);
	if (str_to_i64(text, &i) == 0)
		return checked(c, whole(i));
	if (str_to_double(text, &d) == 0)
		return checked(c, real(d));
	c->i = from;
	return wrong(c, "no number");
}

static status named(struct calc *c)
{
	size_t from = c->i;
	while (c->i < c->s.len && (is_letter(c->s.at[c->i]) || is_digit(c->s.at[c->i])))
		c->i++;
	struct str name = str_sub(c->s, from, c->i - from);
	if (accept(c, "("))
		return call(c, name);
	if (str_eq_nocase(name, S("pi")))
		return checked(c, real(M_PI));
	if (str_eq_nocase(name, S("e")))
		return checked(c, real(M_E));
	c->i = from;
	return wrong(c, "an unknown name");
}

static status atom(struct calc *c)
{
	char ch = next(c);
	if (is_digit(ch) || ch == '.')
		return number(c);
	if (is_letter(ch))
		return named(c);
	if (!accept(c, "("))
		return wrong(c, ch ? "an unexpected sign" : "something is missing");
	if (sum(c))
		return -1;
	return accept(c, ")") ? 0 : wrong(c, "a closing bracket is missing");
}

static status sign(struct calc *c)
{
	bool minus = false, any = false;
	for (char ch; (ch = next(c)) == '-' || ch == '+'; c->i++, any = true)
		minus ^= ch == '-';
	if (atom(c))
		return -1;
	if (accept(c, "**") || accept(c, "^")) {
		struct value base = c->v;
		if (++c->depth > CALC_DEPTH_MAX)
			return wrong(c, "nested too deeply");
		if (sign(c) || raise(c, base, c->v))
			return -1;
		c->depth--;
	}
	return any && minus ? multiply(c, whole(-1), c->v) : 0;
}

static status product(struct calc *c)
{
	if (sign(c))
		return -1;
	for (;;) {
		struct value left = c->v;
		bool floor_div = accept(c, "//");
		char op = floor_div ? 'f' : next(c);
		if (!floor_div && op != '*' && op != '/' && op != '%')
			return 0;
		if (!floor_div)
			c->i++;
		if (sign(c))
			return -1;
		if (op == '*' ? multiply(c, left, c->v) : divide(c, left, c->v, op))
			return -1;
	}
}

static status sum(struct calc *c)
{
	if (++c->depth > CALC_DEPTH_MAX)
		return wrong(c, "nested too deeply");
	if (product(c))
		return -1;
	for (char op; (op = next(c)) == '+' || op == '-';) {
		struct value left = c->v;
		c->i++;
		if (product(c) || add(c, left, c->v, op == '-'))
			return -1;
	}
	c->depth--;
	return 0;
}

status calc_text(struct arena *mem, struct str expression, struct str *out)
{
	struct calc c = {.s = expression};
	struct buf b = buf_make(mem, 0);
	if (expression.len > CALC_TEXT_MAX)
		return err_set(ERR_TOO_LARGE, "The expression is longer than %d characters",
			       CALC_TEXT_MAX);
	if (sum(&c))
		return -1;
	if (next(&c))
		return wrong(&c, "the expression ended before");
	if (c.v.whole)
		buf_int(&b, c.v.i);
	else
		json_write_float(&b, c.v.d);
	*out = buf_str(&b);
	return 0;
}
