/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex: the source of a template as tokens. Text up to the next tag, then the inside of the tag; a
 * tag's end counts only where all brackets are closed. White space control happens here. An error
 * is kept and raised when the parser gets there, because an earlier one may come first.
 */
#include "text/jinja/jinja_int.h"
#include "text/jinja/unicode.h"

#include <string.h>

struct lexer {
	struct arena *mem;
	struct str s; /* line breaks are \n, the last one is gone */
	size_t at;
	uint32_t line;
	struct lexed *out;
	char closers[256]; /* open brackets, innermost last */
	size_t open;
};

static const struct {
	enum token_type type;
	const char *text;
} operators[] = {
	{ T_FLOORDIV, "//" }, { T_POW, "**" },	{ T_EQ, "==" },	     { T_NE, "!=" },	  { T_GE, ">=" },
	{ T_LE, "<=" },	      { T_ADD, "+" },	{ T_SUB, "-" },	     { T_DIV, "/" },	  { T_MUL, "*" },
	{ T_MOD, "%" },	      { T_TILDE, "~" }, { T_LBRACKET, "[" }, { T_RBRACKET, "]" }, { T_LPAREN, "(" },
	{ T_RPAREN, ")" },    { T_LBRACE, "{" }, { T_RBRACE, "}" },  { T_GT, ">" },	  { T_LT, "<" },
	{ T_ASSIGN, "=" },    { T_DOT, "." },	{ T_COLON, ":" },    { T_PIPE, "|" },	  { T_COMMA, "," },
	{ T_SEMICOLON, ";" },
};

const char *jinja_token_type_name(enum token_type type)
{
	static const char *const names[] = {
		[T_EOF] = "end of template",
		[T_DATA] = "template data / text",
		[T_VARIABLE_BEGIN] = "begin of print statement",
		[T_VARIABLE_END] = "end of print statement",
		[T_BLOCK_BEGIN] = "begin of statement block",
		[T_BLOCK_END] = "end of statement block",
		[T_NAME] = "name",
		[T_STRING] = "string",
		[T_INTEGER] = "integer",
		[T_FLOAT] = "float",
	};
	for (size_t i = 0; i < countof(operators); i++)
		if (operators[i].type == type)
			return operators[i].text;
	return names[type];
}

struct str jinja_token_name(struct arena *mem, const struct token *t)
{
	return t->type == T_NAME ? arena_str(mem, t->text) : str_c(jinja_token_type_name(t->type));
}

/* --- helpers --- */

static bool at_text(const struct lexer *x, size_t at, const char *what)
{
	size_t n = strlen(what);
	return at + n <= x->s.len && memcmp(x->s.at + at, what, n) == 0;
}

static size_t skip_space(const struct lexer *x, size_t at)
{
	while (at < x->s.len) {
		size_t next = at;
		if (!unicode_is(UNICODE_SPACE, utf8_next(x->s, &next)))
			break;
		at = next;
	}
	return at;
}

static void count_lines(struct lexer *x, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		x->line += x->s.at[i] == '\n';
}

static struct token *add(struct lexer *x, enum token_type type, struct str text)
{
	struct token t = { .type = type, .line = x->line, .text = text };
	vec_push(x->mem, &x->out->tokens, t);
	return vec_last(&x->out->tokens);
}

static status keep_failure(struct lexer *x)
{
	x->out->failed = true;
	err_save(&x->out->failure);
	return -1;
}

/* --- strings --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xhh, \uhhhh, \Uhhhhhhhh */
static status hex_escape(struct str s, size_t *at, int digits, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < digits; i++) {
		int d = *at < s.len ? hex_digit(s.at[*at]) : -1;
		if (d < 0)
			return jinja_unsupported("a broken escape in a text of the template");
		*code = *code << 4 | (uint32_t)d;
		(*at)++;
	}
	return 0;
}

static void put_code(struct buf *b, uint32_t code)
{
	char bytes[4];
	buf_put(b, str_of(bytes, utf8_put(bytes, code)));
}

static status escape(struct buf *b, struct str s, size_t *at)
{
	static const char plain[] = "abfnrtv\\'\"", means[] = "\a\b\f\n\r\t\v\\'\"";
	char c = s.at[*at];
	const char *known = c ? strchr(plain, c) : NULL;
	uint32_t code = 0;
	if ((unsigned char)c >= 0x80) { /* Python writes it as an escape first, and then escapes the escape */
		code = utf8_next(s, at);
		buf_printf(b, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
		return 0;
	}
	(*at)++;
	if (c == '\n')
		return 0;
	if (known) {
		buf_putc(b, means[known - plain]);
		return 0;
	}
	if (c >= '0' && c <= '7') {
		code = (uint32_t)(c - '0');
		for (int i = 0; i < 2 && *at < s.len && s.at[*at] >= '0' && s.at[*at] <= '7'; i++)
			code = code * 8 + (uint32_t)(s.at[(*at)++] - '0');
	} else if (c == 'x' || c == 'u' || c == 'U') {
		if (hex_escape(s, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, &code))
			return -1;
		if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
			return jinja_unsupported("half a surrogate pair in a text of the template");
	} else if (c == 'N') {
		return jinja_unsupported("\\N{...} in a text of the template");
	} else {
		buf_putc(b, '\\');
		code = (unsigned char)c;
	}
	put_code(b, code);
	return 0;
}

static status decode(struct lexer *x, struct str raw, struct str *out)
{
	if (str_find_char(raw, '\\') == SIZE_MAX) {
		*out = raw;
		return 0;
	}
	struct buf b = buf_make(x->mem, 0);
	for (size_t i = 0; i < raw.len;) {
		if (raw.at[i] != '\\') {
			buf_putc(&b, raw.at[i++]);
			continue;
		}
		i++;
		if (escape(&b, raw, &i))
			return -1;
	}
	*out = buf_str(&b);
	return 0;
}

/* The length of a quoted text with its quotes, 0 when it does not end. */
static size_t quoted(const struct lexer *x)
{
	char quote = x->s.at[x->at];
	for (size_t i = x->at + 1; i < x->s.len; i++) {
		if (x->s.at[i] == quote)
			return i + 1 - x->at;
		if (x->s.at[i] == '\\')
			i++;
	}
	return 0;
}

/* --- numbers --- */

static bool is_digit(struct str s, size_t at, int base)
{
	int d = at < s.len ? hex_digit(s.at[at]) : -1;
	return d >= 0 && d < base;
}

/* Digits that may have one "_" between them; 0 when there are none. */
static size_t digits(struct str s, size_t at, int base)
{
	size_t start = at;
	if (!is_digit(s, at, base))
		return 0;
	while (is_digit(s, at, base) ||
	       (at < s.len && s.at[at] == '_' && is_digit(s, at + 1, base)))
		at++;
	return at - start;
}

/* The end of a float that begins here, or 0. */
static size_t float_end(const struct lexer *x)
{
	struct str s = x->s;
	size_t at = x->at, n = digits(s, at, 10), fraction = 0, exponent = 0;
	if (!n || (at && s.at[at - 1] == '.'))
		return 0;
	at += n;
	if (at < s.len && s.at[at] == '.' && (n = digits(s, at + 1, 10)) != 0) {
		fraction = n + 1;
		at += fraction;
	}
	if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
		size_t sign = at + 1 < s.len && (s.at[at + 1] == '+' || s.at[at + 1] == '-');
		n = digits(s, at + 1 + sign, 10);
		exponent = n ? 1 + sign + n : 0;
	}
	return fraction || exponent ? at + exponent : 0;
}

static struct str without_underscores(struct arena *mem, struct str s)
{
	struct buf b = buf_make(mem, 0);
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != '_')
			buf_putc(&b, s.at[i]);
	return buf_str(&b);
}

static status number(struct lexer *x, size_t end, bool is_float, int base)
{
	struct str text = without_underscores(x->mem, str_sub(x->s, x->at, end - x->at));
	struct token *t = add(x, is_float ? T_FLOAT : T_INTEGER, text);
	x->at = end;
	if (is_float) {
		t->number.type = V_FLOAT;
		return str_to_double(text, &t->number.number);
	}
	int64_t n = 0;
	for (size_t i = base == 10 ? 0 : 2; i < text.len; i++)
		if (__builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, hex_digit(text.at[i]), &n))
			return jinja_unsupported("an integer beyond 64 bits");
	t->number = val_int(n);
	return 0;
}

static status integer(struct lexer *x)
{
	struct str s = x->s;
	size_t at = x->at, n;
	char kind = at + 1 < s.len ? (char)(s.at[at + 1] | 0x20) : 0;
	int base = kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 10;
	if (s.at[at] == '0' && base != 10) {
		size_t skip = at + 2 < s.len && s.at[at + 2] == '_';
		n = digits(s, at + 2 + skip, base);
		if (n)
			return number(x, at + 2 + skip + n, false, base);
	}
	if (s.at[at] == '0') {
		while (at < s.len && (s.at[at] == '0' || (s.at[at] == '_' && at + 1 < s.len && s.at[at + 1] == '0')))
			at++;
		return number(x, at, false, 10);
	}
	return number(x, at + digits(s, at, 10), false, 10);
}

/* --- the inside of a tag --- */

static bool name_char(const struct lexer *x, size_t *at)
{
	size_t next = *at;
	if (next >= x->s.len || !unicode_is(UNICODE_NAME, utf8_next(x->s, &next)))
		return false;
	*at = next;
	return true;
}

static status bracket(struct lexer *x, char c)
{
	if (c == '(' || c == '[' || c == '{') {
		if (x->open == sizeof(x->closers))
			return jinja_unsupported("brackets more than %zu deep", sizeof(x->closers));
		x->closers[x->open++] = c == '(' ? ')' : c == '[' ? ']' : '}';
	} else if (c == ')' || c == ']' || c == '}') {
		if (!x->open)
			return jinja_syntax(x->line, "TemplateSyntaxError", "unexpected '%c'", c);
		char want = x->closers[--x->open];
		if (want != c)
			return jinja_syntax(x->line, "TemplateSyntaxError", "unexpected '%c', expected '%c'", c,
					    want);
	}
	return 0;
}

static status operator_token(struct lexer *x)
{
	for (size_t i = 0; i < countof(operators); i++) {
		if (!at_text(x, x->at, operators[i].text))
			continue;
		if (bracket(x, operators[i].text[0]))
			return -1;
		add(x, operators[i].type, str_c(operators[i].text));
		x->at += strlen(operators[i].text);
		return 0;
	}
	size_t next = x->at;
	uint32_t code = utf8_next(x->s, &next);
	if (code >= 0x80 || code < 0x20 || code == 0x7f)
		return jinja_unsupported("a character in a tag that no Python name has");
	const char *quote = code == '\'' ? "\"" : "'";
	return jinja_syntax(x->line, "TemplateSyntaxError", "unexpected char %s%s%c%s at %zu", quote,
			    code == '\\' ? "\\" : "", (char)code, quote, utf8_count(str_sub(x->s, 0, x->at)));
}

static status string_token(struct lexer *x, size_t n)
{
	struct str text;
	if (decode(x, str_sub(x->s, x->at + 1, n - 2), &text))
		return -1;
	add(x, T_STRING, text);
	count_lines(x, x->at, x->at + n);
	x->at += n;
	return 0;
}

/* One token inside a tag; white space gives none. */
static status tag_token(struct lexer *x)
{
	size_t end = skip_space(x, x->at);
	if (end > x->at) {
		count_lines(x, x->at, end);
		x->at = end;
		return 0;
	}
	char c = x->s.at[x->at];
	if ((end = float_end(x)) != 0)
		return number(x, end, true, 10);
	if (c >= '0' && c <= '9')
		return integer(x);
	end = x->at;
	while (name_char(x, &end))
		;
	if (end > x->at) {
		size_t first = x->at;
		uint32_t code = utf8_next(x->s, &first);
		if (code >= 0x80 && !unicode_is(UNICODE_ALPHA, code))
			return jinja_unsupported("a name that begins with no letter");
		add(x, T_NAME, str_sub(x->s, x->at, end - x->at));
		x->at = end;
		return 0;
	}
	size_t n = c == '\'' || c == '"' ? quoted(x) : 0;
	return n ? string_token(x, n) : operator_token(x);
}

/* Where the tag's end reaches to when it is here, else 0. A minus eats the white space behind it. */
static size_t tag_end(const struct lexer *x, const char *end, bool plus)
{
	if (at_text(x, x->at, end))
		return x->at + 2;
	if (x->at < x->s.len && x->s.at[x->at] == '-' && at_text(x, x->at + 1, end))
		return skip_space(x, x->at + 3);
	if (plus && x->at < x->s.len && x->s.at[x->at] == '+' && at_text(x, x->at + 1, end))
		return x->at + 3;
	return 0;
}

static status tag(struct lexer *x, bool variable)
{
	const char *end = variable ? "}}" : "%}";
	x->open = 0;
	while (x->at < x->s.len) {
		size_t to = x->open ? 0 : tag_end(x, end, !variable);
		if (to) {
			add(x, variable ? T_VARIABLE_END : T_BLOCK_END, S(""));
			count_lines(x, x->at, to);
			x->at = to;
			return 0;
		}
		if (tag_token(x))
			return keep_failure(x);
	}
	return 0;
}

/* --- the text between tags --- */

/* Text up to a tag; its end loses white space when the tag begins with a minus. */
static void data(struct lexer *x, size_t end, bool strip)
{
	struct str text = str_sub(x->s, x->at, end - x->at);
	if (strip)
		text = unicode_trim_right(text);
	if (text.len)
		add(x, T_DATA, text);
	count_lines(x, x->at, end);
	x->at = end;
}

static size_t sign_at(const struct lexer *x, size_t at)
{
	return at < x->s.len && (x->s.at[at] == '-' || x->s.at[at] == '+');
}

static status comment(struct lexer *x)
{
	for (size_t i = x->at; i + 2 <= x->s.len; i++) {
		bool minus = x->s.at[i] == '-' && at_text(x, i + 1, "#}");
		bool plus = x->s.at[i] == '+' && at_text(x, i + 1, "#}");
		if (!minus && !plus && !at_text(x, i, "#}"))
			continue;
		size_t end = minus ? skip_space(x, i + 3) : plus ? i + 3 : i + 2;
		count_lines(x, x->at, end);
		x->at = end;
		return 0;
	}
	/* Nothing behind the mark is the end of the text, not a failure. */
	if (x->at == x->s.len)
		return 0;
	jinja_syntax(x->line, "TemplateSyntaxError", "Missing end of comment tag");
	return keep_failure(x);
}

/* `{% raw %}`: where its text begins, 0 when this is something else. */
static size_t raw_begin(const struct lexer *x, size_t at)
{
	at = skip_space(x, at + 2 + sign_at(x, at + 2));
	if (!at_text(x, at, "raw"))
		return 0;
	at = skip_space(x, at + 3);
	if (at_text(x, at, "-%}"))
		return skip_space(x, at + 3);
	return at_text(x, at, "%}") ? at + 2 : 0;
}

static size_t raw_end(const struct lexer *x, size_t at)
{
	at = skip_space(x, at + 2 + sign_at(x, at + 2));
	if (!at_text(x, at, "endraw"))
		return 0;
	struct lexer probe = *x;
	probe.at = skip_space(x, at + 6);
	return tag_end(&probe, "%}", true);
}

static status raw(struct lexer *x)
{
	for (size_t i = x->at; i + 2 <= x->s.len; i++) {
		size_t end = at_text(x, i, "{%") ? raw_end(x, i) : 0;
		if (!end)
			continue;
		data(x, i, x->s.at[i + 2] == '-');
		count_lines(x, x->at, end);
		x->at = end;
		return 0;
	}
	if (x->at == x->s.len)
		return 0;
	jinja_syntax(x->line, "TemplateSyntaxError", "Missing end of raw directive");
	return keep_failure(x);
}

/* Text and the tag behind it. */
static status piece(struct lexer *x)
{
	size_t i = x->at;
	while (i + 1 < x->s.len &&
	       (x->s.at[i] != '{' || (x->s.at[i + 1] != '{' && x->s.at[i + 1] != '%' && x->s.at[i + 1] != '#')))
		i++;
	if (i + 1 >= x->s.len) {
		data(x, x->s.len, false);
		return 0;
	}
	char kind = x->s.at[i + 1];
	size_t sign = sign_at(x, i + 2), inside = kind == '%' ? raw_begin(x, i) : 0;
	data(x, i, sign && x->s.at[i + 2] == '-');
	if (inside) {
		count_lines(x, x->at, inside);
		x->at = inside;
		return raw(x);
	}
	x->at += 2 + sign;
	if (kind == '#')
		return comment(x);
	add(x, kind == '{' ? T_VARIABLE_BEGIN : T_BLOCK_BEGIN, S(""));
	return tag(x, kind == '{');
}

static struct str normalize(struct arena *mem, struct str s)
{
	if (str_find_char(s, '\r') != SIZE_MAX) {
		char *to = arena_text(mem, s.len);
		size_t n = 0;
		for (size_t i = 0; i < s.len; i++) {
			bool cr = s.at[i] == '\r';
			to[n++] = cr ? '\n' : s.at[i];
			if (cr && i + 1 < s.len && s.at[i + 1] == '\n')
				i++;
		}
		s = str_of(to, n);
	}
	return s.len && s.at[s.len - 1] == '\n' ? str_sub(s, 0, s.len - 1) : s;
}

void jinja_lex(struct arena *mem, struct str source, struct lexed *out)
{
	struct lexer x = { .mem = mem, .s = normalize(mem, source), .line = 1, .out = out };
	*out = (struct lexed){ 0 };
	while (x.at < x.s.len && piece(&x) == 0)
		;
	x.line = out->tokens.len ? vec_last(&out->tokens)->line : 1;
	add(&x, T_EOF, S(""));
}
