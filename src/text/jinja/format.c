/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format: `text % values` and text.format(). Both end in a spec, which put() writes. What is rare
 * or fails with one of Python's many messages goes to the real package.
 */
#include <math.h>
#include <string.h>

#include "text/jinja/jinja_int.h"

struct spec {
	uint32_t fill;
	char align; /* < > = ^, 0 = by type */
	char sign;  /* + - blank */
	bool alternate, zero;
	char group; /* , or _ */
	int64_t width, precision; /* -1 = none */
	char type; /* 0 = none */
};
enum { FORMAT_WIDTH_MAX = 100000, FORMAT_PRECISION_MAX = 100 };

static status refuse(void)
{
	return jinja_unsupported("this format");
}

static bool number_in(struct str s, size_t *at, int64_t *out)
{
	int64_t n = 0;
	size_t from = *at;
	for (; *at < s.len && s.at[*at] >= '0' && s.at[*at] <= '9' && n <= FORMAT_WIDTH_MAX; (*at)++)
		n = n * 10 + (s.at[*at] - '0');
	if (*at > from)
		*out = n;
	return n <= FORMAT_WIDTH_MAX;
}

/* --- writing --- */

/* sign, prefix and digits, padded to the width. */
static void put_padded(struct buf *b, const struct spec *s, struct str sign, struct str body)
{
	char align = s->align ? s->align : '>', bytes[4];
	int64_t pad = s->width - (int64_t)(utf8_count(sign) + utf8_count(body));
	struct str fill = str_of(bytes, utf8_put(bytes, s->fill ? s->fill : ' '));
	int64_t left = pad <= 0 ? 0 : align == '^' ? pad / 2 : align == '<' ? 0 : pad;
	if (align == '=')
		buf_put(b, sign);
	for (int64_t i = 0; i < left; i++)
		buf_put(b, fill);
	if (align != '=')
		buf_put(b, sign);
	buf_put(b, body);
	for (int64_t i = left; i < pad; i++)
		buf_put(b, fill);
}

/* Thousands of the digits before the point or exponent; zeros fill up to the width when asked. */
static struct str grouped(struct arena *mem, struct str body, const struct spec *s, int64_t width, int every)
{
	size_t whole = 0;
	while (whole < body.len && ((body.at[whole] >= '0' && body.at[whole] <= '9') ||
				    (every == 4 && strchr("abcdefABCDEF", body.at[whole]))))
		whole++;
	struct str digits = str_sub(body, 0, whole), rest = str_skip(body, whole);
	struct buf b = buf_make(mem, 0);
	bool fill = s->align == '=' && s->fill == '0';
	int64_t n = (int64_t)digits.len;
	/* As many zeros in front as fit, with separators between. */
	int64_t total = n;
	while (fill && total + (total - 1) / every + (int64_t)rest.len < width)
		total++;
	for (int64_t i = 0; i < total; i++) {
		int64_t left = total - i;
		if (i && left % every == 0)
			buf_putc(&b, s->group);
		buf_putc(&b, left > n ? '0' : digits.at[n - left]);
	}
	buf_put(&b, rest);
	return buf_str(&b);
}

static struct str sign_of(const struct spec *s, bool minus)
{
	return minus ? S("-") : s->sign == '+' ? S("+") : s->sign == ' ' ? S(" ") : S("");
}

struct number {
	bool minus;
	struct str prefix, body;
	int every; /* digits of a group */
};

static status put_number(struct render *r, struct buf *b, struct spec s, struct number n)
{
	if (s.zero && !s.align) {
		s.align = '=';
		s.fill = '0';
	}
	struct str sign = arena_printf(r->mem, "%.*s%.*s", STR(sign_of(&s, n.minus)), STR(n.prefix));
	if (s.group)
		n.body = grouped(r->mem, n.body, &s, s.width - (int64_t)sign.len, n.every);
	put_padded(b, &s, sign, n.body);
	return 0;
}

static status put_float(struct render *r, struct buf *b, struct spec s, double n)
{
	char type = s.type ? s.type : 'r', c_format[8] = "%.*f";
	bool percent = type == '%', minus = signbit(n) && !isnan(n);
	struct str body;
	if (s.precision > FORMAT_PRECISION_MAX)
		return refuse();
	n = fabs(n);
	if (type == 'r') { /* no type: as str() */
		if (s.precision >= 0)
			return refuse();
		struct buf text = buf_make(r->mem, 0);
		struct value v = val_float(n);
		if (val_print(r, &text, v))
			return -1;
		body = buf_str(&text);
	} else if (isnan(n) || isinf(n)) {
		bool upper = type == 'F' || type == 'E' || type == 'G';
		if (percent)
			return refuse();
		body = isnan(n) ? upper ? S("NAN") : S("nan") : upper ? S("INF") : S("inf");
	} else {
		c_format[3] = percent || type == 'F' ? 'f' : type;
		if (s.alternate)
			return refuse();
		body = arena_printf(r->mem, c_format, (int)(s.precision < 0 ? 6 : s.precision),
				    percent ? n * 100 : n);
		if (percent)
			body = arena_printf(r->mem, "%.*s%%", STR(body));
	}
	return put_number(r, b, s, (struct number){ minus, S(""), body, 3 });
}

static struct str digits_of(struct arena *mem, uint64_t n, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *at = arena_text(mem, 64), *end = at + 64, *p = end;
	do {
		*--p = set[n % base];
		n /= base;
	} while (n);
	return str_of(p, (size_t)(end - p));
}

static status put_int(struct render *r, struct buf *b, struct spec s, int64_t n)
{
	char type = s.type ? s.type : 'd';
	uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	if (strchr("eEfFgG%", type))
		return put_float(r, b, s, (double)n);
	if (s.precision >= 0 || !strchr("dboxX", type))
		return refuse();
	unsigned base = type == 'd' ? 10 : type == 'b' ? 2 : type == 'o' ? 8 : 16;
	struct str prefix = !s.alternate || type == 'd' ? S("") : type == 'b' ? S("0b") : type == 'o' ? S("0o")
			    : type == 'x'		 ? S("0x")
							 : S("0X");
	struct str body = digits_of(r->mem, size, base, type == 'X');
	return put_number(r, b, s, (struct number){ n < 0, prefix, body, type == 'd' ? 3 : 4 });
}

static status put_text(struct buf *b, struct spec s, struct str text)
{
	if ((s.type && s.type != 's') || s.sign || s.group || s.alternate || s.align == '=')
		return refuse();
	if (s.precision >= 0)
		text = str_sub(text, 0, text_offset(text, (size_t)s.precision));
	if (!s.align)
		s.align = '<';
	if (s.zero && !s.fill)
		s.fill = '0';
	put_padded(b, &s, S(""), text);
	return 0;
}

/* --- format(value, spec) --- */

static status parse_spec(struct str t, struct spec *out)
{
	struct spec s = { .width = 0, .precision = -1 };
	size_t i = 0, second = 0;
	if (t.len)
		utf8_next(t, &second);
	if (t.len && second < t.len && strchr("<>=^", t.at[second])) {
		s.fill = utf8_next(t, &i);
		s.align = t.at[i++];
	} else if (t.len && strchr("<>=^", t.at[0])) {
		s.align = t.at[i++];
	}
	if (i < t.len && strchr("+- ", t.at[i]))
		s.sign = t.at[i++];
	if (i < t.len && t.at[i] == '#')
		s.alternate = t.at[i++];
	if (i < t.len && t.at[i] == '0')
		s.zero = t.at[i++];
	if (!number_in(t, &i, &s.width))
		return refuse();
	if (i < t.len && (t.at[i] == ',' || t.at[i] == '_'))
		s.group = t.at[i++];
	if (i < t.len && t.at[i] == '.') {
		i++;
		if (!number_in(t, &i, &s.precision) || s.precision < 0)
			return refuse();
	}
	if (i < t.len)
		s.type = t.at[i++];
	if (i < t.len || (s.type && !strchr("bdeEfFgGosxX%", s.type)))
		return refuse();
	*out = s;
	return 0;
}

static status put_value(struct render *r, struct buf *b, struct str spec_text, struct value v)
{
	struct spec s;
	if (!spec_text.len)
		return val_print(r, b, v);
	if (parse_spec(spec_text, &s))
		return -1;
	if (v.type == V_STR)
		return put_text(b, s, v.text);
	if (v.type == V_FLOAT && (!s.type || strchr("eEfFgG%", s.type)))
		return put_float(r, b, s, v.number);
	if (v.type == V_INT || (v.type == V_BOOL && s.type))
		return put_int(r, b, s, val_integer(v));
	return refuse();
}

/* --- text.format() --- */

struct braces {
	struct render *r;
	struct args *args;
	struct buf b;
	int64_t next; /* automatic number; -1 once numbers are given */
};

static status first_field(struct braces *f, struct str name, struct value *out)
{
	int64_t n = 0;
	size_t at = 0;
	bool number = name.len > 0 && number_in(name, &at, &n) && at == name.len;
	if (!name.len) {
		if (f->next < 0)
			return refuse();
		n = f->next++;
	} else if (number) {
		if (f->next > 0)
			return refuse();
		f->next = -1;
	}
	if (!name.len || number) {
		if (n >= (int64_t)f->args->len)
			return jinja_fail(f->r, "IndexError",
					  "Replacement index %lld out of range for positional args tuple",
					  (long long)n);
		*out = f->args->at[n];
		return 0;
	}
	for (size_t i = 0; i < f->args->named_len; i++)
		if (str_eq(f->args->named[i].name, name)) {
			*out = f->args->named[i].value;
			return 0;
		}
	return jinja_fail(f->r, "KeyError", "'%.*s'", STR(name));
}

static status put_field(struct braces *f, struct str field)
{
	struct value v;
	struct str spec = S(""), name = field, text;
	char conversion = 0;
	size_t colon = str_find_char(field, ':'), bang;
	if (colon != SIZE_MAX) {
		name = str_sub(field, 0, colon);
		spec = str_skip(field, colon + 1);
	}
	bang = str_find_char(name, '!');
	if (bang != SIZE_MAX) {
		if (name.len != bang + 2)
			return refuse();
		conversion = name.at[bang + 1];
		name = str_sub(name, 0, bang);
	}
	if (str_find_char(name, '.') != SIZE_MAX || str_find_char(name, '[') != SIZE_MAX)
		return refuse();
	if (first_field(f, name, &v))
		return -1;
	if (conversion == 'r' || conversion == 's') {
		if (conversion == 'r' ? val_repr_of(f->r, v, &text) : val_str_of(f->r, v, &text))
			return -1;
		v = val_str(text);
	} else if (conversion) {
		return refuse();
	}
	return put_value(f->r, &f->b, spec, v);
}

status jinja_format_braces(struct render *r, struct str s, struct args *args, struct value *out)
{
	struct braces f = { .r = r, .args = args, .b = jinja_buf(r) };
	for (size_t i = 0; i < s.len;) {
		char c = s.at[i], next = i + 1 < s.len ? s.at[i + 1] : 0;
		if ((c == '{' || c == '}') && next == c) {
			buf_putc(&f.b, c);
			i += 2;
		} else if (c == '}') {
			return jinja_fail(r, "ValueError", "Single '}' encountered in format string");
		} else if (c == '{') {
			struct str rest = str_skip(s, i + 1);
			size_t end = str_find_char(rest, '}'), inner = str_find_char(rest, '{');
			if (!rest.len)
				return jinja_fail(r, "ValueError", "Single '{' encountered in format string");
			if (end == SIZE_MAX)
				return inner == SIZE_MAX
					       ? jinja_fail(r, "ValueError", "expected '}' before end of string")
					       : refuse();
			if (inner < end)
				return refuse();
			if (put_field(&f, str_sub(rest, 0, end)))
				return -1;
			i += end + 2;
		} else {
			buf_putc(&f.b, c);
			i++;
		}
	}
	return jinja_done(r, &f.b, out);
}

/* --- text % values --- */

struct percent {
	struct render *r;
	struct value values;
	size_t at;
	struct buf b;
	bool by_name;
};

static status next_value(struct percent *f, struct value *out)
{
	bool tuple = f->values.type == V_TUPLE;
	if (tuple ? f->at >= f->values.list->len : f->at >= 1)
		return jinja_fail(f->r, "TypeError", "not enough arguments for format string");
	*out = tuple ? f->values.list->at[f->at] : f->values;
	f->at++;
	return 0;
}

static status named_value(struct percent *f, struct str name, struct value *out)
{
	struct value *v;
	if (f->values.type != V_DICT)
		return jinja_fail(f->r, "TypeError", "format requires a mapping");
	f->by_name = true;
	v = val_get_str(f->r, f->values.dict, name);
	if (!v)
		return jinja_fail(f->r, "KeyError", "'%.*s'", STR(name));
	*out = *v;
	return 0;
}

static status put_percent(struct percent *f, struct spec s, struct value v)
{
	struct render *r = f->r;
	struct str text;
	char type = s.type;
	if (type == 's' || type == 'r') {
		if (type == 'r' ? val_repr_of(r, v, &text) : val_str_of(r, v, &text))
			return -1;
		s.type = 0;
		s.sign = 0;
		s.zero = s.alternate = false;
		s.align = s.align ? s.align : '>';
		return put_text(&f->b, s, text);
	}
	if (!val_is_number(v)) {
		if (strchr("diu", type) && v.type != V_UNDEFINED)
			return jinja_fail(r, "TypeError", "%%%c format: a real number is required, not %s", type,
					  val_short_name(v));
		if (strchr("eEfFgG", type) && v.type != V_UNDEFINED)
			return jinja_fail(r, "TypeError", "must be real number, not %s", val_short_name(v));
		return refuse();
	}
	if (strchr("eEfFgG", type))
		return put_float(r, &f->b, s, val_double(v));
	if (v.type == V_FLOAT) {
		if (!strchr("diu", type) || !(fabs(v.number) < 0x1p63))
			return refuse();
		v = val_int((int64_t)v.number);
	}
	if (strchr("iu", type))
		s.type = 'd';
	return put_int(r, &f->b, s, val_integer(v));
}

/* After the percent sign, up to the type. */
static status percent_field(struct percent *f, struct str s, size_t *at)
{
	struct spec spec = { .precision = -1 };
	struct str name = str_of(NULL, 0);
	struct value v;
	size_t i = *at, end;
	if (i < s.len && s.at[i] == '(') {
		end = str_find_char(str_skip(s, i), ')');
		if (end == SIZE_MAX)
			return jinja_fail(f->r, "ValueError", "incomplete format key");
		name = str_sub(s, i + 1, end - 1);
		i += end + 1;
	}
	for (; i < s.len && strchr("-+ #0", s.at[i]); i++) {
		if (s.at[i] == '-')
			spec.align = '<';
		else if (s.at[i] == '0')
			spec.zero = true;
		else if (s.at[i] == '#')
			spec.alternate = true;
		else if (spec.sign != '+')
			spec.sign = s.at[i];
	}
	if (!number_in(s, &i, &spec.width))
		return refuse();
	if (i < s.len && s.at[i] == '.') {
		i++;
		spec.precision = 0;
		if (!number_in(s, &i, &spec.precision))
			return refuse();
	}
	if (i >= s.len)
		return jinja_fail(f->r, "ValueError", "incomplete format");
	spec.type = s.at[i++];
	*at = i;
	if (spec.type == '%') {
		buf_putc(&f->b, '%');
		return 0;
	}
	if (!strchr("srdiuxXoeEfFgG", spec.type) || (spec.alternate && spec.type == 'o'))
		return refuse();
	if (name.at ? named_value(f, name, &v) : next_value(f, &v))
		return -1;
	return put_percent(f, spec, v);
}

status jinja_format_percent(struct render *r, struct str s, struct value values, struct value *out)
{
	struct percent f = { .r = r, .values = values, .b = jinja_buf(r) };
	for (size_t i = 0; i < s.len;) {
		if (s.at[i] != '%') {
			buf_putc(&f.b, s.at[i++]);
			continue;
		}
		i++;
		if (percent_field(&f, s, &i))
			return -1;
	}
	bool left = values.type == V_TUPLE ? f.at < values.list->len
					   : values.type != V_DICT && values.type != V_LIST && f.at < 1;
	if (left)
		return values.type == V_UNDEFINED || values.type == V_VIEW || values.type >= V_ITER
			       ? refuse()
			       : jinja_fail(r, "TypeError", "not all arguments converted during string formatting");
	return jinja_done(r, &f.b, out);
}
