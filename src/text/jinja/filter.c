/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: the table of filters, and those that are a few lines. Parameters have Python's names;
 * rows without a function are left to the real package.
 */
#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

#include <math.h>

static status filter_abs(struct render *r, struct value *v, struct value *out)
{
	if (v[0].type == V_FLOAT) {
		*out = val_float(fabs(v[0].number));
		return 0;
	}
	if (!val_is_int(v[0]))
		return jinja_fail(r, "TypeError", "bad operand type for abs(): '%s'", val_short_name(v[0]));
	int64_t n = val_integer(v[0]);
	if (n == INT64_MIN)
		return jinja_unsupported("integers beyond 64 bits");
	*out = val_int(n < 0 ? -n : n);
	return 0;
}

static status filter_attr(struct render *r, struct value *v, struct value *out)
{
	bool found;
	if (v[1].type != V_STR)
		return jinja_unsupported("an attribute that is named by no text");
	if (val_python_attribute(r, v[0], v[1].text, out, &found))
		return -1;
	if (!found)
		*out = val_undefined_of(r, v[0], v[1]);
	return 0;
}

static status soft_case(struct render *r, struct value v, int how, struct value *out)
{
	if (filter_soft(r, v, &v) || text_case(r, v.text, how, out))
		return -1;
	out->safe = v.safe;
	return 0;
}

static status filter_upper(struct render *r, struct value *v, struct value *out)
{
	return soft_case(r, v[0], TEXT_UPPER, out);
}

static status filter_lower(struct render *r, struct value *v, struct value *out)
{
	return soft_case(r, v[0], TEXT_LOWER, out);
}

static status filter_capitalize(struct render *r, struct value *v, struct value *out)
{
	return soft_case(r, v[0], TEXT_CAPITALIZE, out);
}

static status filter_length(struct render *r, struct value *v, struct value *out)
{
	int64_t n;
	if (val_length(r, v[0], &n))
		return -1;
	*out = val_int(n);
	return 0;
}

static status filter_default(struct render *r, struct value *v, struct value *out)
{
	bool use = v[0].type == V_UNDEFINED || (filter_flag(v[2], false) && !val_truth(v[0]));
	(void)r;
	*out = !use ? v[0] : val_given(v[1]) ? v[1] : val_str(S(""));
	return 0;
}

static status filter_escape(struct render *r, struct value *v, struct value *out)
{
	return text_escape(r, v[0], out);
}

static status filter_forceescape(struct render *r, struct value *v, struct value *out)
{
	struct value plain = v[0];
	plain.safe = plain.type != V_STR && plain.safe;
	return text_escape(r, plain, out);
}

static status filter_safe(struct render *r, struct value *v, struct value *out)
{
	struct str s;
	if (val_str_of(r, v[0], &s))
		return -1;
	*out = val_safe(s);
	return 0;
}

static status filter_string(struct render *r, struct value *v, struct value *out)
{
	return filter_soft(r, v[0], out);
}

/* --- numbers --- */

static status int_of_float(struct render *r, double n, struct value fallback, struct value *out)
{
	if (isinf(n))
		return jinja_fail(r, "OverflowError", "cannot convert float infinity to integer");
	if (isnan(n)) {
		*out = fallback;
		return 0;
	}
	if (!(fabs(n) < 0x1p63))
		return jinja_unsupported("integers beyond 64 bits");
	*out = val_int((int64_t)n);
	return 0;
}

static status filter_int(struct render *r, struct value *v, struct value *out)
{
	struct value fallback = val_given(v[1]) ? v[1] : val_int(0);
	int64_t base = 10;
	double n;
	bool ok;
	if (val_given(v[2])) {
		base = val_is_int(v[2]) ? val_integer(v[2]) : -1;
		if (base < 0 || base == 1 || base > 36)
			return jinja_unsupported("int() with such a base");
	}
	if (v[0].type == V_UNDEFINED)
		return val_fail_undefined(r, v[0]);
	if (v[0].type == V_FLOAT)
		return int_of_float(r, v[0].number, fallback, out);
	*out = val_is_int(v[0]) ? val_int(val_integer(v[0])) : fallback;
	if (v[0].type != V_STR)
		return 0;
	if (text_to_int(r, v[0].text, (int)base, out, &ok) || ok)
		return ok ? 0 : -1;
	if (text_to_float(v[0].text, &n))
		return int_of_float(r, n, fallback, out);
	*out = fallback;
	return 0;
}

static status filter_float(struct render *r, struct value *v, struct value *out)
{
	double n;
	if (v[0].type == V_UNDEFINED)
		return val_fail_undefined(r, v[0]);
	*out = val_given(v[1]) ? v[1] : val_float(0);
	if (val_is_number(v[0]))
		*out = val_float(val_double(v[0]));
	if (v[0].type != V_STR)
		return 0;
	if (!str_is_ascii(v[0].text))
		return jinja_unsupported("float() of a text that is not ASCII");
	if (text_to_float(v[0].text, &n))
		*out = val_float(n);
	return 0;
}

static status round_int(int64_t n, int64_t precision, struct value *out)
{
	int64_t unit = 1;
	if (precision < -18)
		return jinja_unsupported("round() to such a precision");
	while (precision++ < 0)
		unit *= 10;
	int64_t down = n - (n % unit + unit) % unit, rest = n - down;
	bool up = rest * 2 > unit || (rest * 2 == unit && (down / unit) % 2 != 0);
	*out = val_int(up ? down + unit : down);
	return 0;
}

static status round_float(struct render *r, double n, int64_t precision, struct value *out)
{
	double rounded;
	*out = val_float(n);
	if (!isfinite(n) || precision > 300 || n == 0)
		return 0;
	if (precision < 0)
		return jinja_unsupported("round() to such a precision");
	struct str text = arena_printf(r->mem, "%.*f", (int)precision, n);
	if (str_to_double(text, &rounded))
		return -1;
	*out = val_float(rounded);
	return 0;
}

static status filter_round(struct render *r, struct value *v, struct value *out)
{
	struct str method = S("common");
	int64_t precision = 0;
	if (val_given(v[1]) && !val_is_int(v[1]))
		return jinja_unsupported("round() to such a precision");
	if (val_given(v[1]))
		precision = val_integer(v[1]);
	if (val_given(v[2]) && v[2].type != V_STR)
		return jinja_unsupported("round() by a method that is no text");
	if (val_given(v[2]))
		method = v[2].text;
	bool common = str_eq(method, S("common")), ceiling = str_eq(method, S("ceil"));
	if (!common && !ceiling && !str_eq(method, S("floor")))
		return jinja_fail(r, TEMPLATE_ERROR("FilterArgumentError"),
				  "method must be common, ceil or floor");
	if (!val_is_number(v[0])) {
		if (v[0].type == V_UNDEFINED && !common)
			return val_fail_undefined(r, v[0]);
		if (!common)
			return jinja_unsupported("round() of a %s", val_short_name(v[0]));
		return jinja_fail(r, "TypeError", "type %s doesn't define __round__ method",
				  val_short_name(v[0]));
	}
	if (common)
		return v[0].type == V_FLOAT ? round_float(r, v[0].number, precision, out)
					    : round_int(val_integer(v[0]), precision, out);
	double unit = pow(10, (double)precision), n = val_double(v[0]) * unit;
	if (precision < 0 || precision > 15 || !(fabs(n) < 0x1p53))
		return jinja_unsupported("round() to such a precision");
	n = (ceiling ? ceil(n) : floor(n)) / unit;
	*out = val_float(n == 0 ? 0 : n);
	return 0;
}

static status filter_tojson(struct render *r, struct value *v, struct value *out)
{
	struct buf b = jinja_buf(r);
	int indent = -1;
	if (val_given(v[1]) && v[1].type != V_NONE) {
		if (!val_is_int(v[1]) || val_integer(v[1]) < 0 || val_integer(v[1]) > 100)
			return jinja_unsupported("tojson with such an indent");
		indent = (int)val_integer(v[1]);
	}
	if (val_write_json(r, &b, v[0], indent) || jinja_done(r, &b, out))
		return -1;
	out->safe = true;
	return 0;
}

const struct function jinja_filters[] = {
	{ "abs", "0", filter_abs, NULL },
	{ "attr", "obj name", filter_attr, NULL },
	{ "batch", "value linecount fill_with=", filter_batch, NULL },
	{ "capitalize", "s", filter_capitalize, NULL },
	{ "center", "value width=", filter_center, NULL },
	{ "count", "0", filter_length, NULL },
	{ "d", "value default_value= boolean=", filter_default, NULL },
	{ "default", "value default_value= boolean=", filter_default, NULL },
	{ "dictsort", "value case_sensitive= by= reverse=", filter_dictsort, NULL },
	{ "e", "0", filter_escape, NULL },
	{ "escape", "0", filter_escape, NULL },
	{ "filesizeformat", "value binary=", filter_filesizeformat, NULL },
	{ "first", "seq", filter_first, NULL },
	{ "float", "value default=", filter_float, NULL },
	{ "forceescape", "value", filter_forceescape, NULL },
	{ "format", NULL, NULL, filter_format },
	{ "groupby", "value attribute default= case_sensitive=", filter_groupby, NULL },
	{ "indent", "s width= first= blank=", filter_indent, NULL },
	{ "int", "value default= base=", filter_int, NULL },
	{ "items", "value", filter_items, NULL },
	{ "join", "value d= attribute=", filter_join, NULL },
	{ "last", "seq", filter_last, NULL },
	{ "length", "0", filter_length, NULL },
	{ "list", "value", filter_list, NULL },
	{ "lower", "s", filter_lower, NULL },
	{ "map", NULL, NULL, filter_map },
	{ "max", "value case_sensitive= attribute=", filter_max, NULL },
	{ "min", "value case_sensitive= attribute=", filter_min, NULL },
	{ "pprint", "value", filter_pprint, NULL },
	{ "random", NULL, NULL, NULL },
	{ "reject", NULL, NULL, filter_reject },
	{ "rejectattr", NULL, NULL, filter_rejectattr },
	{ "replace", "s old new count=", filter_replace, NULL },
	{ "reverse", "value", filter_reverse, NULL },
	{ "round", "value precision= method=", filter_round, NULL },
	{ "safe", "value", filter_safe, NULL },
	{ "select", NULL, NULL, filter_select },
	{ "selectattr", NULL, NULL, filter_selectattr },
	{ "slice", "value slices fill_with=", filter_slice, NULL },
	{ "sort", "value reverse= case_sensitive= attribute=", filter_sort, NULL },
	{ "string", "s", filter_string, NULL },
	{ "striptags", "value", filter_striptags, NULL },
	{ "sum", "iterable attribute= start=", filter_sum, NULL },
	{ "title", "s", filter_title, NULL },
	{ "tojson", "value indent=", filter_tojson, NULL },
	{ "trim", "value chars=", filter_trim, NULL },
	{ "truncate", "s length= killwords= end= leeway=", filter_truncate, NULL },
	{ "unique", "value case_sensitive= attribute=", filter_unique, NULL },
	{ "upper", "s", filter_upper, NULL },
	{ "urlencode", "value", filter_urlencode, NULL },
	{ "urlize", NULL, NULL, NULL },
	{ "wordcount", "s", filter_wordcount, NULL },
	{ "wordwrap", "s width= break_long_words= wrapstring= break_on_hyphens=", filter_wordwrap, NULL },
	{ "xmlattr", "d autospace=", filter_xmlattr, NULL },
	{ NULL, NULL, NULL, NULL },
};
