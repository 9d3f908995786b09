/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The template language: fixed cases that need no Python, and each limit. test/e2e/test_jinja.py
 * compares hundreds of templates and any number of random ones with the real package.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "text/jinja/jinja.h"

static const char inputs_text[] =
	"{\"name\":\"Ann\",\"n\":3,\"f\":2.5,\"xs\":[3,1,2],\"d\":{\"a\":1,\"b\":\"two\"},\"none\":null,"
	"\"us\":[{\"n\":\"b\",\"k\":1},{\"n\":\"A\",\"k\":2}],\"cjk\":\"\xE6\x97\xA5\xE6\x9C\xAC\"}";

static const struct {
	const char *source, *want;
} cases[] = {
	{ "", "" },
	{ "plain\n", "plain" },
	{ "a\r\nb\rc\n\n", "a\nb\nc\n" },
	{ "Hello {{ name }}!", "Hello Ann!" },
	{ "[{{ missing }}]{{ none }}{{ true }}{{ 1.0 }}", "[]NoneTrue1.0" },
	{ "{{ [1, 'a', none, {'k': (1,)}] }}", "[1, 'a', None, {'k': (1,)}]" },
	{ "{{ 7 // -2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ 7 / 2 }}", "-4 2 64 3.5" },
	{ "{{ 1 < 2 < 3 }} {{ 'a' in 'cat' }} {{ 0 or 'x' }} {{ 'y' if n > 5 }}", "True True x " },
	{ "{{ xs[-1] }}{{ xs[::-1] }}{{ cjk[1] }}{{ name[1:] }}", "2[2, 1, 3]\xE6\x9C\xACnn" },
	{ "{{ d.a }}{{ d['b'] }}{{ d.items()|list }}", "1two[('a', 1), ('b', 'two')]" },
	{ "{% for x in xs %}{{ loop.index }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
	  "1:3, 2:1, 3:2" },
	{ "{% for x in xs if x > 1 %}{{ x }}/{{ loop.length }} {% else %}none{% endfor %}", "3/2 2/2 " },
	{ "{% for x in [] %}{% else %}empty{% endfor %}", "empty" },
	{ "{% for x in [[1, [2]], 3] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}"
	  "{% endif %}{% endfor %}",
	  "(1(2))3" },
	{ "{% set t = 0 %}{% for x in xs %}{% set t = t + x %}{% endfor %}{{ t }}", "0" },
	{ "{% set s = namespace(t=0) %}{% for x in xs %}{% set s.t = s.t + x %}{% endfor %}{{ s.t }}", "6" },
	{ "{% if n == 3 %}a{% elif n %}b{% else %}c{% endif %}", "a" },
	{ "{% macro m(a, b='d') %}[{{ a }}{{ b }}{{ varargs }}]{% endmacro %}{{ m(1) }}{{ m(1, 2, 3) }}",
	  "[1d()][12(3,)]" },
	{ "{% macro box() %}<{{ caller(1) }}>{% endmacro %}{% call(x) box() %}in{{ x }}{% endcall %}", "<in1>" },
	{ "{% set b %}x{{ n }}{% endset %}{{ b|upper }}{% filter upper %}y{% endfilter %}", "X3Y" },
	{ "{% with a = 1 %}{{ a }}{% endwith %}{{ a }}", "1" },
	{ "a {%- if true -%} b {%- endif %} c", "ab c" },
	{ "{% raw %}{{ x }}{% endraw %}{# no #}", "{{ x }}" },
	{ "{{ xs|sort|join('-') }} {{ us|map(attribute='n')|list }} {{ us|sum('k') }}", "1-2-3 ['b', 'A'] 3" },
	{ "{{ us|sort(attribute='n')|map(attribute='n')|join }}", "Ab" },
	{ "{{ us|selectattr('k', 'gt', 1)|first }}", "{'n': 'A', 'k': 2}" },
	{ "{{ '<a>'|e }}{{ '<a>'|e|e }}{{ d|tojson }}", "&lt;a&gt;&lt;a&gt;{\"a\": 1, \"b\": \"two\"}" },
	{ "{{ 2.675|round(2) }} {{ 2.5|round }} {{ '42.9'|int }} {{ 'x'|int(7) }}", "2.67 2.0 42 7" },
	{ "{{ 'a b'.title() }} {{ 'a,b'.split(',') }} {{ '%05.1f|%s'|format(2.25, 'x') }} {{ '{:>4}'.format(5) }}",
	  "A B ['a', 'b'] 002.2|x    5" },
	{ "{{ missing|default('q') }}{{ ''|default('q', true) }}{{ 'stra\xC3\x9F""e'|upper }}", "qqSTRASSE" },
	{ "{% for i in range(9) %}{% set _ = d.update({i: i * i}) %}{% endfor %}{{ d.popitem() }}{{ d.pop('a') }}"
	  "{{ d|first }}{{ d|length }}{{ d[7] }}{{ d == d.copy() }}",
	  "(8, 64)1b949True" },
	{ "{% set s = namespace(x='a', y='') %}{% for i in xs %}{% set s.y = s.x ~ '-' %}{% set s.x = s.x ~ i %}"
	  "{{ s.y + '.' }}{% endfor %}{{ s.x }}",
	  "a-.a3-.a31-.a312" },
	{ "{% if n %}{% set a = 1 %}{% if d %}{% set b = a %}{% else %}{% set c = 2 %}{% endif %}{% else %}"
	  "{% set b = 3 %}{% endif %}{{ a }}{{ b }}{{ c }}{% if b %}{% set a = 5 %}{% endif %}{{ a }}",
	  "115" },
	{ "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ range(3)|list }}", "121[0, 1, 2]" },
};

static const struct {
	const char *source, *want;
} failures[] = {
	{ "{{ missing.x }}", "jinja2.exceptions.UndefinedError: 'missing' is undefined (line 1)" },
	{ "\n{{ d.zz.y }}",
	  "jinja2.exceptions.UndefinedError: 'dict object' has no attribute 'zz' (line 2)" },
	{ "{{ 1 + 'a' }}", "TypeError: unsupported operand type(s) for +: 'int' and 'str' (line 1)" },
	{ "{{ 1 / 0 }}", "ZeroDivisionError: division by zero (line 1)" },
	{ "{{ 1 | nope }}", "jinja2.exceptions.TemplateAssertionError: No filter named 'nope'. (line 1)" },
	{ "\n\n{% if x %}",
	  "jinja2.exceptions.TemplateSyntaxError: Unexpected end of template. Jinja was looking for the "
	  "following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is "
	  "'if'. (line 3)" },
	{ "{{ a b }}",
	  "jinja2.exceptions.TemplateSyntaxError: expected token 'end of print statement', got 'b' (line 1)" },
	{ "{% for a, in [[1]] %}{% endfor %}",
	  "jinja2.exceptions.TemplateSyntaxError: expected token 'in', got '[' (line 1)" },
	{ "{% set nope.v = nope + 1 %}",
	  "jinja2.exceptions.TemplateRuntimeError: cannot assign attribute on non-namespace object (line 1)" },
	{ "{{ [name]|select('odd')|reverse }}",
	  "jinja2.exceptions.FilterArgumentError: argument must be iterable (line 1)" },
	{ "{% break %}", "jinja2.exceptions.TemplateSyntaxError: Encountered unknown tag 'break'. (line 1)" },
	{ "{% for a, b in [1] %}{% endfor %}", "TypeError: cannot unpack non-iterable int object (line 1)" },
};

static const char *const unsupported[] = {
	"{{ ''.__class__ }}",
	"{% include 'x' %}",
	"{% extends 'x' %}",
	"{% import 'x' as y %}",
	"{% block a %}{% endblock %}",
	"{% autoescape true %}{% endautoescape %}",
	"{{ xs|map('string') }}",
	"{{ name.upper }}",
	"{{ 9223372036854775807 + 1 }}",
	"{{ 99999999999999999999 }}",
	"{{ lipsum() }}",
	"{{ xs|random }}",
	"{{ self }}",
	"{{ d.items() - nope }}",
	"{{ '\\ud800' }}",
	"{{ d|attr('__class__') }}",
	"{{ 'http://x.example'|urlize }}",
};

static struct json *inputs(struct arena *mem)
{
	struct json *v;
	assert_int_equal(json_parse(mem, str_c(inputs_text), &v), 0);
	return v;
}

static void assert_text(struct str have, const char *want)
{
	if (!str_eq(have, str_c(want)))
		fail_msg("want <%s>\nhave <%.*s>", want, STR(have));
}

static void renders(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(cases); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out;
		print_message("case %zu: %s\n", i, cases[i].source);
		if (jinja_render(mem.p, str_c(cases[i].source), inputs(mem.p), &jinja_limits_small, &out))
			fail_msg("%.*s", STR(err_text()));
		assert_text(out, cases[i].want);
	}
}

static void fails_as_python_does(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(failures); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out;
		print_message("case %zu: %s\n", i, failures[i].source);
		assert_int_equal(
			jinja_render(mem.p, str_c(failures[i].source), inputs(mem.p), &jinja_limits_small, &out),
			-1);
		assert_int_equal(err_code(), ERR_INVALID);
		assert_text(err_text(), failures[i].want);
	}
}

static void never_guesses(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(unsupported); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out;
		print_message("case %zu: %s\n", i, unsupported[i]);
		assert_int_equal(
			jinja_render(mem.p, str_c(unsupported[i]), inputs(mem.p), &jinja_limits_small, &out), -1);
		assert_int_equal(err_code(), ERR_UNSUPPORTED);
	}
}

static struct str repeated(struct arena *mem, const char *piece, size_t n)
{
	struct buf b = buf_make(mem, 0);
	while (n--)
		buf_put(&b, str_c(piece));
	return buf_str(&b);
}

/* Each limit ends the rendering, whatever a template does to get past it. */
/* Values whose parts are shared: little memory, 2^60 leaves; and one in another 200 times. */
#define TREE(name, open, close)                                                                             \
	"{% set " name " = namespace(v=1) %}{% for i in range(60) %}{% set " name ".v = " open name ".v, " name \
	".v" close " %}{% endfor %}"
#define NEST(name)                                                                                          \
	"{% set " name " = namespace(v=1) %}{% for i in range(200) %}{% set " name ".v = [" name ".v] %}{% endfor %}"

static void limits_hold(void **unused)
{
	static const struct {
		const char *source;
		enum err_code code;
	} rows[] = {
		{ "{% for a in range(1000000) %}{% for b in range(1000000) %}{% endfor %}{% endfor %}", ERR_LIMIT },
		{ "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ERR_LIMIT },
		{ "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}", ERR_LIMIT },
		{ "{{ range(1000001) }}", ERR_TOO_LARGE },
		{ "{{ [0] * 1000001 }}", ERR_TOO_LARGE },
		{ "{{ 'ab' * 99999999999 }}", ERR_TOO_LARGE },
		{ "{{ 'x'.center(99999999999) }}", ERR_TOO_LARGE },
		{ "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		  ERR_TOO_LARGE },
		{ "{% set ns = namespace(s=[0]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		  ERR_TOO_LARGE },
		{ "{% for i in range(1000000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}", ERR_TOO_LARGE },
		{ TREE("a", "[", "]") TREE("b", "[", "]") "{{ a.v == b.v }}", ERR_LIMIT },
		{ TREE("a", "[", "]") TREE("b", "[", "]") "{{ a.v < b.v }}", ERR_LIMIT },
		{ TREE("a", "[", "]") TREE("b", "[", "]") "{{ a.v in [b.v] }}", ERR_LIMIT },
		{ TREE("a", "(", ")") "{{ {a.v: 1}|length }}", ERR_LIMIT },
		{ TREE("a", "[", "]") "{{ a.v }}", ERR_LIMIT },
		{ NEST("a") NEST("b") "{{ a.v == b.v }}", ERR_UNSUPPORTED },
	};
	(void)unused;
	for (size_t i = 0; i < countof(rows); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out;
		print_message("case %zu: %s\n", i, rows[i].source);
		assert_int_equal(jinja_render(mem.p, str_c(rows[i].source), NULL, &jinja_limits_whole, &out), -1);
		assert_int_equal(err_code(), rows[i].code);
		assert_true(arena_size(mem.p) < (size_t)JINJA_MEMORY_MAX * 4);
	}
}

static void deep_sources_are_left_to_others(void **unused)
{
	static const char *const pieces[] = { "(", "[", "{% if 1 %}", "{{ 1 if ", "{{ -", "{{ not ", "{{ a" };
	(void)unused;
	for (size_t i = 0; i < countof(pieces); i++) {
		AUTO(arena) mem = { arena_open(0) };
		struct str out, source = repeated(mem.p, pieces[i], 20000);
		struct str brackets = arena_printf(mem.p, "{{ %.*s", STR(source));
		print_message("case %zu: %s\n", i, pieces[i]);
		assert_int_equal(jinja_render(mem.p, brackets, NULL, &jinja_limits_whole, &out), -1);
	}
	AUTO(arena) mem = { arena_open(0) };
	struct str out, sum = arena_printf(mem.p, "{{ 1%.*s }}", STR(repeated(mem.p, " + 1", 20000)));
	assert_int_equal(jinja_render(mem.p, sum, NULL, &jinja_limits_whole, &out), -1);
	assert_int_equal(err_code(), ERR_UNSUPPORTED);
	struct str items = arena_printf(mem.p, "{{ a%.*s }}", STR(repeated(mem.p, ".b", 20000)));
	assert_int_equal(jinja_render(mem.p, items, NULL, &jinja_limits_whole, &out), -1);
	assert_int_equal(err_code(), ERR_UNSUPPORTED);
}

/* What a template costs to read grows with its length, not with the square of it. */
static void many_names_and_branches(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct buf b = buf_make(mem.p, 0);
	struct str out;
	(void)unused;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "{%% set a%d=%d %%}{%% if a%d %%}{%% set b=a%d %%}{%% endif %%}", i, i, i, i);
	buf_puts(&b, "{{ a9999 }}{{ b }}");
	assert_int_equal(jinja_render(mem.p, buf_str(&b), NULL, &jinja_limits_whole, &out), 0);
	assert_text(out, "99999999");
	print_message("%zu bytes\n", arena_size(mem.p));
	assert_true(arena_size(mem.p) < (size_t)256 << 20);
}

static void source_has_a_limit(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct str out, source = repeated(mem.p, "x", JINJA_SOURCE_MAX);
	(void)unused;
	assert_int_equal(jinja_render(mem.p, source, NULL, &jinja_limits_whole, &out), 0);
	assert_int_equal(out.len, JINJA_SOURCE_MAX);
	source = repeated(mem.p, "x", JINJA_SOURCE_MAX + 1);
	assert_int_equal(jinja_render(mem.p, source, NULL, &jinja_limits_whole, &out), -1);
	assert_int_equal(err_code(), ERR_TOO_LARGE);
}

/* A fiber's budget ends early, and the same template goes on elsewhere. */
static void small_limits_end_first(void **unused)
{
	static const char source[] = "{% for i in range(15000) %}{% endfor %}done";
	AUTO(arena) mem = { arena_open(0) };
	struct str out;
	(void)unused;
	assert_int_equal(jinja_render(mem.p, str_c(source), NULL, &jinja_limits_small, &out), -1);
	assert_int_equal(err_code(), ERR_LIMIT);
	assert_int_equal(jinja_render(mem.p, str_c(source), NULL, &jinja_limits_whole, &out), 0);
	assert_text(out, "done");
}

/* One template, many renderings: none changes what the next one sees. */
static void templates_are_shared(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	struct jinja_template *t;
	struct str out, source = S("{% set _ = xs.append(9) %}{% set l = [] %}{% set _ = l.append(1) %}{{ xs }}{{ l }}");
	struct json *in = inputs(mem.p);
	(void)unused;
	assert_int_equal(jinja_parse(mem.p, source, &jinja_limits_small, &t), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(jinja_run(mem.p, t, in, &jinja_limits_small, &out), 0);
		assert_text(out, "[3, 1, 2, 9][1]");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders),
		cmocka_unit_test(fails_as_python_does),
		cmocka_unit_test(never_guesses),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(deep_sources_are_left_to_others),
		cmocka_unit_test(many_names_and_branches),
		cmocka_unit_test(source_has_a_limit),
		cmocka_unit_test(small_limits_end_first),
		cmocka_unit_test(templates_are_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
