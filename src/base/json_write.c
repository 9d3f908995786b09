/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write: the tree as JSON text in the forms that clients see, and as Python literals.
 * The compact form is on the way of every answer: plain bytes are copied in runs.
 */
#include "base/json.h"
#include "base/arena.h"
#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "yyjson/yyjson.h"

enum { WRITE_DEPTH_MAX = 500 };

/* --- numbers --- */

struct decimal {
	char digits[24]; /* without leading and trailing zeros */
	int len;
	int point; /* value = 0.digits * 10^point */
};

/* The shortest digits that read back as v; v is finite and not zero, the sign is left out. */
static void shortest(double v, struct decimal *d)
{
	char pool[512];
	yyjson_alc alc;
	yyjson_alc_pool_init(&alc, pool, sizeof(pool));
	yyjson_val val = { 0 };
	val.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL;
	val.uni.f64 = fabs(v);
	size_t n = 0;
	const char *p = yyjson_val_write_opts(&val, 0, &alc, &n, NULL);
	ASSERT(p != NULL);
	int after = 0, exponent = 0;
	bool point = false;
	d->len = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.') {
			point = true;
		} else if (p[i] == 'e' || p[i] == 'E') {
			exponent = (int)strtol(p + i + 1, NULL, 10);
			break;
		} else {
			after += point;
			if (d->len || p[i] != '0') {
				ASSERT(d->len < (int)sizeof(d->digits));
				d->digits[d->len++] = p[i];
			}
		}
	}
	d->point = d->len - after + exponent;
	while (d->len > 1 && d->digits[d->len - 1] == '0')
		d->len--;
}

static void put_zeros(struct buf *b, int n)
{
	while (n-- > 0)
		buf_putc(b, '0');
}

static void put_decimal(struct buf *b, const struct decimal *d)
{
	if (d->point > 16 || d->point <= -4) {
		int e = d->point - 1;
		buf_putc(b, d->digits[0]);
		if (d->len > 1) {
			buf_putc(b, '.');
			buf_put(b, str_of(d->digits + 1, (size_t)d->len - 1));
		}
		buf_puts(b, "e");
		buf_putc(b, e < 0 ? '-' : '+');
		if (abs(e) < 10)
			buf_putc(b, '0');
		buf_int(b, abs(e));
	} else if (d->point <= 0) {
		buf_puts(b, "0.");
		put_zeros(b, -d->point);
		buf_put(b, str_of(d->digits, (size_t)d->len));
	} else if (d->point >= d->len) {
		buf_put(b, str_of(d->digits, (size_t)d->len));
		put_zeros(b, d->point - d->len);
		buf_puts(b, ".0");
	} else {
		buf_put(b, str_of(d->digits, (size_t)d->point));
		buf_putc(b, '.');
		buf_put(b, str_of(d->digits + d->point, (size_t)(d->len - d->point)));
	}
}

void json_write_float(struct buf *b, double v)
{
	if (isnan(v)) {
		buf_puts(b, "nan");
		return;
	}
	if (signbit(v))
		buf_putc(b, '-');
	if (isinf(v)) {
		buf_puts(b, "inf");
		return;
	}
	v = fabs(v);
	if (v < 1e15 && trunc(v) == v) {
		buf_int(b, (int64_t)v);
		buf_puts(b, ".0");
		return;
	}
	struct decimal d;
	shortest(v, &d);
	put_decimal(b, &d);
}

/* --- strings --- */

enum { ESCAPE = 1, HIGH = 2, SLASH = 4, DEL = 8 };
/* What each byte is; a form stops at the classes it must change. */
static const unsigned char class_of[256] = {
	[0 ... 31] = ESCAPE, ['"'] = ESCAPE, ['\\'] = ESCAPE,
	['/'] = SLASH,	     [127] = DEL,    [128 ... 255] = HIGH,
};
static const char hex[] = "0123456789abcdef";

static void put_u16(struct buf *b, unsigned u)
{
	char t[6] = { '\\', 'u', hex[u >> 12 & 15], hex[u >> 8 & 15], hex[u >> 4 & 15], hex[u & 15] };
	buf_put(b, str_of(t, sizeof(t)));
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char letter[128] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['\b'] = 'b',
		['\f'] = 'f', ['\n'] = 'n',  ['\r'] = 'r', ['\t'] = 't',
	};
	if (letter[c]) {
		char t[2] = { '\\', letter[c] };
		buf_put(b, str_of(t, 2));
	} else {
		put_u16(b, c);
	}
}

static void put_escaped_code(struct buf *b, uint32_t code)
{
	if (code < 0x10000) {
		put_u16(b, code);
		return;
	}
	code -= 0x10000;
	put_u16(b, 0xD800 + (code >> 10));
	put_u16(b, 0xDC00 + (code & 0x3FF));
}

/* Length of the run of bytes from i on that are copied as they are. */
static size_t plain_run(struct str s, size_t i, unsigned stop)
{
	const unsigned char *p = (const unsigned char *)s.at;
	size_t at = i;
	if (!(stop & SLASH)) {
		/* Eight at a time: no byte below 0x20, no quote, no backslash (nor a high one). */
		const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
		uint64_t w;
		for (; s.len - at >= 8; at += 8) {
			memcpy(&w, p + at, 8);
			uint64_t q = w ^ ones * '"', bs = w ^ ones * '\\', del = w ^ ones * 127;
			uint64_t bad = ((w - ones * 0x20) & ~w) | ((q - ones) & ~q) |
				       ((bs - ones) & ~bs);
			if (stop & HIGH)
				bad |= w | ((del - ones) & ~del);
			if (bad & highs)
				break;
		}
	}
	while (at < s.len && !(class_of[p[at]] & stop))
		at++;
	return at - i;
}

void json_write_string(struct buf *b, struct str s, unsigned form)
{
	unsigned stop = ESCAPE | (form & JSON_ASCII ? HIGH : 0) | (form & JSON_SLASH ? SLASH : 0);
	/* json.dumps escapes DEL, the writer that escapes slashes does not. */
	if ((form & JSON_ASCII) && !(form & JSON_SLASH))
		stop |= DEL;
	if (plain_run(s, 0, stop) == s.len) {
		char *to = buf_reserve(b, s.len + 2);
		if (!to)
			return;
		to[0] = '"';
		if (s.len)
			memcpy(to + 1, s.at, s.len);
		to[s.len + 1] = '"';
		b->len += s.len + 2;
		return;
	}
	buf_putc(b, '"');
	for (size_t i = 0; i < s.len;) {
		size_t n = plain_run(s, i, stop);
		buf_put(b, str_of(s.at + i, n));
		i += n;
		if (i == s.len)
			break;
		unsigned char c = (unsigned char)s.at[i];
		if (c >= 0x80) {
			put_escaped_code(b, utf8_next(s, &i));
		} else {
			put_escape(b, c);
			i++;
		}
	}
	buf_putc(b, '"');
}

/* --- values --- */

struct writer {
	struct buf *out;
	unsigned form;
};

static void write_value(const struct writer *w, const struct json *v, int depth);

static void new_line(const struct writer *w, int depth)
{
	static const char blanks[] = "                                ";
	if (!(w->form & JSON_INDENT2))
		return;
	buf_putc(w->out, '\n');
	for (size_t n = (size_t)depth * 2; n;) {
		size_t some = MIN(n, sizeof(blanks) - 1);
		buf_put(w->out, str_of(blanks, some));
		n -= some;
	}
}

static void put_comma(const struct writer *w)
{
	if ((w->form & JSON_SPACED) && !(w->form & JSON_INDENT2))
		buf_puts(w->out, ", ");
	else
		buf_putc(w->out, ',');
}

static void write_member(const struct writer *w, const struct json_member *m, int depth)
{
	json_write_string(w->out, m->name, w->form);
	if (w->form & (JSON_SPACED | JSON_INDENT2))
		buf_puts(w->out, ": ");
	else
		buf_putc(w->out, ':');
	write_value(w, &m->value, depth);
}

static int by_name(const void *a, const void *b)
{
	const struct json_member *const *x = a, *const *y = b;
	return str_cmp((*x)->name, (*y)->name);
}

static const struct json_member **sorted_members(const struct json *v)
{
	const struct json_member **list = malloc(size_mul(v->len, sizeof(*list)));
	ASSERT(list != NULL);
	for (uint32_t i = 0; i < v->len; i++)
		list[i] = &v->members[i];
	qsort(list, v->len, sizeof(*list), by_name);
	return list;
}

struct json *json_by_name(struct arena *mem, const struct json *obj)
{
	const struct json_member **sorted = sorted_members(obj);
	struct json *out = json_obj_room(mem, obj->len);
	for (uint32_t i = 0; i < obj->len; i++)
		json_set(mem, out, sorted[i]->name, &sorted[i]->value);
	free(sorted);
	return out;
}

static void write_object(const struct writer *w, const struct json *v, int depth)
{
	if (v->len == 0) {
		buf_puts(w->out, "{}");
		return;
	}
	const struct json_member **sorted = w->form & JSON_SORTED ? sorted_members(v) : NULL;
	buf_putc(w->out, '{');
	for (uint32_t i = 0; i < v->len; i++) {
		if (i)
			put_comma(w);
		new_line(w, depth + 1);
		write_member(w, sorted ? sorted[i] : &v->members[i], depth + 1);
	}
	new_line(w, depth);
	buf_putc(w->out, '}');
	free(sorted);
}

static void write_array(const struct writer *w, const struct json *v, int depth)
{
	if (v->len == 0) {
		buf_puts(w->out, "[]");
		return;
	}
	buf_putc(w->out, '[');
	for (uint32_t i = 0; i < v->len; i++) {
		if (i)
			put_comma(w);
		new_line(w, depth + 1);
		write_value(w, &v->items[i], depth + 1);
	}
	new_line(w, depth);
	buf_putc(w->out, ']');
}

static void write_value(const struct writer *w, const struct json *v, int depth)
{
	if (!v || depth > WRITE_DEPTH_MAX) {
		w->out->overflow |= v != NULL;
		buf_puts(w->out, "null");
		return;
	}
	switch (v->type) {
	case JSON_NULL:
		buf_puts(w->out, "null");
		break;
	case JSON_BOOL:
		buf_put(w->out, v->boolean ? S("true") : S("false"));
		break;
	case JSON_INT:
		buf_int(w->out, v->integer);
		break;
	case JSON_FLOAT:
		if (isfinite(v->number))
			json_write_float(w->out, v->number);
		else
			buf_puts(w->out, "null");
		break;
	case JSON_STR:
		json_write_string(w->out, str_of(v->text, v->len), w->form);
		break;
	case JSON_RAW:
		buf_put(w->out, str_of(v->text, v->len));
		break;
	case JSON_ARR:
		write_array(w, v, depth);
		break;
	case JSON_OBJ:
		write_object(w, v, depth);
		break;
	}
}

void json_write(struct buf *b, const struct json *v, unsigned form)
{
	const struct writer w = { b, form };
	write_value(&w, v, 0);
}

struct str json_text(struct arena *mem, const struct json *v, unsigned form)
{
	struct buf b = buf_make(mem, SIZE_MAX / 4);
	json_write(&b, v, form);
	return buf_str(&b);
}

/* --- Python literals --- */

static const uint32_t unprintable[][2] = {
#include "base/json_unprintable.def"
};

static bool is_printable(uint32_t code)
{
	size_t low = 0, high = countof(unprintable);
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (code > unprintable[mid][1])
			low = mid + 1;
		else
			high = mid;
	}
	return low == countof(unprintable) || code < unprintable[low][0];
}

static void put_python_code(struct buf *b, uint32_t code)
{
	if (code <= 0xFF)
		buf_printf(b, "\\x%02x", code);
	else if (code <= 0xFFFF)
		buf_printf(b, "\\u%04x", code);
	else
		buf_printf(b, "\\U%08x", code);
}

static void put_python_string(struct buf *b, struct str s)
{
	bool single = str_find_char(s, '\'') != SIZE_MAX;
	char quote = single && str_find_char(s, '"') == SIZE_MAX ? '"' : '\'';
	buf_putc(b, quote);
	for (size_t i = 0; i < s.len;) {
		size_t start = i;
		uint32_t code = utf8_next(s, &i);
		if (code == '\n')
			buf_puts(b, "\\n");
		else if (code == '\r')
			buf_puts(b, "\\r");
		else if (code == '\t')
			buf_puts(b, "\\t");
		else if (code == '\\' || code == (unsigned char)quote)
			buf_printf(b, "\\%c", (int)code);
		else if (code < 0x20 || (code >= 0x7F && !is_printable(code)))
			put_python_code(b, code);
		else
			buf_put(b, str_of(s.at + start, i - start));
	}
	buf_putc(b, quote);
}

static void write_python(struct buf *b, const struct json *v, int depth)
{
	if (!v || v->type == JSON_NULL || depth > WRITE_DEPTH_MAX) {
		b->overflow |= depth > WRITE_DEPTH_MAX;
		buf_puts(b, "None");
		return;
	}
	switch (v->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		buf_put(b, v->boolean ? S("True") : S("False"));
		break;
	case JSON_INT:
		buf_int(b, v->integer);
		break;
	case JSON_FLOAT:
		json_write_float(b, v->number);
		break;
	case JSON_STR:
		put_python_string(b, str_of(v->text, v->len));
		break;
	case JSON_RAW:
		buf_put(b, str_of(v->text, v->len));
		break;
	case JSON_ARR:
		buf_putc(b, '[');
		for (uint32_t i = 0; i < v->len; i++) {
			if (i)
				buf_puts(b, ", ");
			write_python(b, &v->items[i], depth + 1);
		}
		buf_putc(b, ']');
		break;
	case JSON_OBJ:
		buf_putc(b, '{');
		for (uint32_t i = 0; i < v->len; i++) {
			if (i)
				buf_puts(b, ", ");
			put_python_string(b, v->members[i].name);
			buf_puts(b, ": ");
			write_python(b, &v->members[i].value, depth + 1);
		}
		buf_putc(b, '}');
		break;
	}
}

void json_write_python(struct buf *b, const struct json *v)
{
	write_python(b, v, 0);
}
