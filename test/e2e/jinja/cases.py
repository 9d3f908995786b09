# SPDX-License-Identifier: Apache-2.0
"""Templates that both engines must render alike. The inputs of all are INPUTS; what is expected is what the
real package gives."""

INPUTS = {
    "name": "World", "n": 3, "f": 2.5, "neg": -7, "zero": 0, "big": 123456789, "yes": True, "no": False, "nothing": None,
    "text": "The quick brown fox jumps over the lazy dog", "html": "<b>\"x\" & 'y'</b>", "empty": "",
    "lines": "one\ntwo\n\n  three\r\nfour", "cjk": "\u65e5\u672c\u8a9e\u30c6\u30ad\u30b9\u30c8", "accents": "\u00c9cole \u00fcber stra\u00dfe",
    "emoji": "a\U0001f600b", "words": ["apple", "Banana", "cherry", "apple"], "nums": [3, 1, 2, 10, 2],
    "mixed": [1, "a", 2.5, None, True, [1, 2], {"k": "v"}], "none_list": [], "floats": [1.0, 2.25, 1e16, 1e-7, 0.1],
    "d": {"a": 1, "b": "two", "c": [1, 2, 3], "B": None}, "empty_d": {},
    "users": [{"name": "Ann", "age": 31, "tags": ["x", "y"], "city": {"name": "Rome"}},
              {"name": "bob", "age": 25, "tags": [], "city": {"name": "Oslo"}},
              {"name": "Cid", "age": 31, "tags": ["z"], "city": {"name": "rome"}}],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}],
    "items_key": {"items": 1, "keys": 2, "x-y": 3}, "file": {"filename": "a.txt", "size": 12, "type": "document"},
    "json_text": "{\"a\": 1}", "spaces": "  pad  ", "num_text": "42", "float_text": "3.75", "bad_num": "12x",
}

OUTPUT = r"""
plain text
Hello {{ name }}!
{{ name }}{{ n }}{{ f }}{{ neg }}{{ yes }}{{ no }}{{ nothing }}
{{ missing }}|{{ missing.x is defined if missing is defined else 'gone' }}
{{ mixed }}
{{ floats }} {{ 1e300 * 10 }} {{ 5e-324 }} {{ 1.5e10 }} {{ 123456789012345680.0 }} {{ 0.1 + 0.2 }}
{{ d }} {{ empty_d }} {{ none_list }} {{ () }} {{ (1,) }} {{ (1, 2) }}
{{ 'it\'s' }} {{ ["it's", 'say "hi"', 'both \' and "'] }}
{{ ['tab\t', 'nl\n', 'back\\slash', '\x00\x7f', '\u00e9', '\u65e5'] }}
{{ cjk }} {{ [cjk, accents, emoji] }}
{{ 1 }} {{ 1_000 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }} {{ 1.5 }} {{ 1e3 }} {{ 1_0.5_0 }} {{ 00 }}
{{ "a" "b" 'c' }} {{ "\u0041\x42\103" }} {{ "\q" }} {{ 'a\
b' }}
{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}
{{ {'a': 1, 2: 'b', none: true, 1.5: 0, (1, 2): 3} }}
{{ {1: 'a', 1.0: 'b', true: 'c'} }}
{{ 1, 2 }} {{ 1, }}
{{- name -}} x
x {{- ' y ' -}} z
a {%- if yes %} b {% endif -%} c
a {%+ if yes +%} b {% endif %}
{#- comment -#} after {# another
over lines #} end
{% raw %}{{ not }} {% rendered %}{% endraw %}
{%- raw -%} {{ x }} {%- endraw -%}
{{ '{{' }} {{ '%}' }} {{ "}}" }}
{{ {'a': {'b': 1}}}}
"""

OPERATORS = r"""
{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}
{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 // -2 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 0.0 // -1 }}
{{ -2 ** 2 }} {{ -n ** 2 }} {{ - -1 }} {{ +1 }} {{ -f }} {{ +yes }} {{ -yes }}
{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [0] * 3 }} {{ 'a' * -1 }} {{ (1, 2) * 2 }}
{{ yes + 1 }} {{ yes * 3 }} {{ yes + yes }} {{ 10 / 5 }} {{ 1 / 3 }} {{ 2 / 3 }} {{ 10 ** 15 }} {{ 1e16 + 1 }}
{{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] ~ missing }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ 'a' == 'a' }} {{ 'a' != 'b' }} {{ [1, 2] == [1, 2] }}
{{ 1 < 2 == true }} {{ (1 < 2) == true }} {{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ [1, 2] < [1, 3] }} {{ (1, 2) < (1,) }} {{ 1 <= 1.0 }}
{{ none == none }} {{ none == false }} {{ missing == missing2 }} {{ missing == none }} {{ d == d }} {{ {'a': 1} == {'a': 1.0} }}
{{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'a' in 'cat' }} {{ '' in '' }} {{ 'a' in d }} {{ 'z' in d }} {{ 1 in (1,) }} {{ 5 in range(3) }} {{ 2 in range(3) }}
{{ 1 in missing }} {{ not 1 in [1] }} {{ not not 1 }} {{ none in [none] }}
{{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 'x' }} {{ '' or none or [] }} {{ 1 or missing.x }} {{ not missing }} {{ not none }}
{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' }} {{ 'a' if no }}|{{ ('a' if no) is defined }} {{ 1 if no else 2 if no else 3 }}
{{ name if name is defined and name|length > 3 else 'short' }}
{{ 1 if 2 if 3 }}
{{ nums[0] }} {{ nums[-1] }} {{ nums[1:3] }} {{ nums[::-1] }} {{ nums[:2] }} {{ nums[2:] }} {{ nums[10] }} {{ nums[::2] }} {{ nums[-2:] }} {{ nums[5:1:-2] }}
{{ text[0] }} {{ text[-3:] }} {{ text[4:9] }} {{ text[::-1] }} {{ cjk[1] }} {{ cjk[::-1] }} {{ emoji[1:] }} {{ emoji[1] }} {{ text[100] }} {{ text[3:1] }}
{{ d.a }} {{ d['b'] }} {{ d.c[1] }} {{ d['zz'] }} {{ d.zz }} {{ d[1] }} {{ d.c.0 }} {{ nums.1 }} {{ d['a':] if no }}
{{ items_key.items }}
{{ items_key['items'] }} {{ items_key['keys'] }} {{ items_key['x-y'] }}
{{ users[0].city.name }} {{ users[1]['name'] }} {{ users[2].tags[0] }} {{ users[9].name if users[9] }}
{{ range(5)[2] }} {{ range(5)[-1] }} {{ range(5) }} {{ range(1, 10, 3) }} {{ range(3)|list }} {{ range(10, 0, -3)|list }} {{ range(0)|list }}
{{ (1, 2, 3)[1] }} {{ (1, 2, 3)[1:] }} {{ [1, [2, [3]]][1][1][0] }}
{{ 'abc'.upper() }} {{ 'abc'['upper']() }} {{ 'x'.join(['a', 'b']) }}
{{ nums[yes] }} {{ nums['0'] }} {{ text['a'] }} {{ nums[1.0] }}
{{ 5 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(3) }} {{ 5 is not odd }}
{{ missing is defined }} {{ name is defined }} {{ missing is undefined }} {{ none is none }} {{ 1 is none }}
{{ yes is boolean }} {{ 1 is boolean }} {{ yes is true }} {{ no is false }} {{ 1 is true }} {{ 1 is integer }} {{ yes is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ yes is number }} {{ '1' is number }}
{{ 'a' is string }} {{ 1 is string }} {{ d is mapping }} {{ [] is mapping }} {{ [] is sequence }} {{ 'a' is sequence }} {{ 1 is sequence }} {{ missing is sequence }} {{ d is iterable }} {{ 5 is iterable }} {{ missing is iterable }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBc' is lower }} {{ '123' is lower }} {{ 5 is sameas 5 }} {{ none is sameas none }} {{ yes is sameas true }} {{ 1 is sameas true }}
{{ 1 is eq 1 }} {{ 1 is equalto(1) }} {{ 1 is ne 2 }} {{ 2 is gt 1 }} {{ 2 is greaterthan 1 }} {{ 1 is lt 2 }} {{ 1 is lessthan 2 }} {{ 1 is ge 1 }} {{ 1 is le 0 }} {{ 1 is in [1] }} {{ 'a' is in 'abc' }}
{{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ 'nope' is test }} {{ range is callable }} {{ 1 is callable }} {{ 'a' is escaped }} {{ ('a'|e) is escaped }}
{{ 1 is odd and 2 is even }} {{ 1 is odd or missing.x }} {{ not 1 is even }} {{ 3 is odd == true }}
{{ name|length == 5 and n > 2 }} {{ n|string ~ 'x' }} {{ -5|abs }} {{ (-5)|abs }} {{ 2 ** 3|int }}
{{ 10 // 3 * 3 + 10 % 3 }} {{ 1 - 1 - 1 }} {{ 2 * 3 % 4 }} {{ 'x' ~ 'y' * 2 }} {{ 1 + 2 ~ 3 }}
{{ [1, 2] + [3] == [1, 2, 3] }} {{ 1 == 2 != 3 }} {{ 'b' in 'abc' == true }}
"""

STATEMENTS = r"""
{% if yes %}A{% endif %}{% if no %}B{% else %}C{% endif %}{% if no %}D{% elif n == 3 %}E{% else %}F{% endif %}
{% if none_list %}x{% elif empty %}y{% elif nothing %}z{% elif missing %}w{% else %}else{% endif %}
{% for x in nums %}{{ x }},{% endfor %}
{% for x in none_list %}{{ x }}{% else %}nothing{% endfor %}
{% for x in missing %}{{ x }}{% else %}no missing{% endfor %}
{% for k in d %}{{ k }}{% endfor %} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for c in 'abc' %}{{ c }}-{% endfor %}
{% for k, v in d|dictsort %}{{ k }}:{{ v }} {% endfor %}
{% for x in nums %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }} {% endfor %}
{% for x in nums %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}
{% for x in nums %}{{ loop.cycle('odd', 'even') }} {{ loop.changed(x) }} {{ loop.depth }} {{ loop.depth0 }};{% endfor %}
{% for x in nums %}{{ loop }}{% endfor %}
{% for x in nums if x > 1 %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %}
{% for x in nums if x > 100 %}{{ x }}{% else %}none{% endfor %}
{% for x in nums if x is odd %}{{ x }}{{ ',' if not loop.last }}{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }} {% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in range(3) %}{% for y in range(2) %}{{ x }}{{ y }}{{ loop.index }} {% endfor %}{{ loop.index }}|{% endfor %}
{% for x in range(3) %}{% set outer = loop %}{% for y in range(2) %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for i in tree recursive %}{{ i.v }}{% if i.kids %}({{ loop(i.kids) }}){% endif %}{{ loop.depth }} {% endfor %}
{% for x in [[1, [2]], [3]] recursive %}[{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{% endif %}]{% endfor %}
{% set x = 1 %}{% for i in nums %}{% set x = i %}{% endfor %}{{ x }}
{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}
{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}
{% for i in [1, 2] %}{% if i == 1 %}{% set y = 'set' %}{% endif %}{{ y }};{% endfor %}{{ y }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }} {% set t = 1, 2 %}{{ t }}
{% set name = name ~ '!' %}{{ name }}
{{ name }}{% set name = 'x' %}{{ name }}
{% if no %}{% set name = 'x' %}{% endif %}{{ name }}
{% if no %}{% set fresh = 'x' %}{% endif %}[{{ fresh }}]
{% set block %}in {{ name }}{% endset %}{{ block }}{{ block|length }}
{% set block | upper | replace('O', '0') %}in {{ name }}{% endset %}{{ block }}
{% set ns = namespace(count=0, found=false) %}{% for x in nums %}{% set ns.count = ns.count + x %}{% endfor %}{{ ns.count }}{{ ns.found }}{{ ns.zz }}{{ ns }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}
{% with a = 1, b = name %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}
{% with n = 10, m = n %}{{ n }} {{ m }}{% endwith %} {{ n }}
{% macro m(a, b='d', c=none) %}[{{ a }}|{{ b }}|{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m() }}{{ m(b=1, a=2) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m(*[1, 2], **{'k': 1}) }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 2) }}
{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1)|int }}{% endif %}{% endmacro %}{{ fact(10) }}
{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer() }}
{% macro box(title) %}<{{ title }}>{{ caller() }}</{{ title }}>{% endmacro %}{% call box('b') %}inside {{ name }}{% endcall %}
{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) each(nums) %}{{ i }}={{ x }} {% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro m() %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m() }}{{ m }}{{ m.catch_kwargs }}
{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}
{% macro m() %}{{ name }}{% endmacro %}{{ m() }}{% set name = 2 %}{{ m() }}
{% macro m(x) %}{% set x = x + 1 %}{{ x }}{% endmacro %}{{ m(1) }}{{ m(2) }}
{% filter upper %}shout {{ name }}{% endfilter %}{% filter replace('a', 'b')|upper %}banana{% endfilter %}
{% filter indent(2) %}a
b{% endfilter %}
{% print 1, 'a', n %}
{% set xs = [] %}{% for x in nums %}{% set _ = xs.append(x * 2) %}{% endfor %}{{ xs }}
{% set dd = {} %}{% set _ = dd.update({'a': 1}) %}{% set _ = dd.update(b=2) %}{{ dd }}{{ dd.pop('a') }}{{ dd }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
{% set j = joiner('; ') %}{% for x in nums %}{{ j() }}{{ x }}{% endfor %} {% set k = joiner() %}{{ k() }}a{{ k() }}b
{% autoescape false %}{{ html }}{% endautoescape %}
{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict(d, a=9) }} {{ dict() }}
{% for x in nums: %}{{ x }}{% endfor %}
{% for x in nums %}
  {{ x }}
{% endfor %}
{% for x in nums -%}
  {{ x }}
{%- endfor %}
{%- for x in nums %} {{ x }} {%- endfor -%}
{% for u in users %}- {{ u.name }} ({{ u.age }}): {{ u.tags | join(', ') or 'no tags' }}
{% endfor %}
{% for u in users|sort(attribute='name') %}{{ u.name }} {% endfor %}{% for u in users|sort(attribute='age,name', reverse=true) %}{{ u.name }} {% endfor %}
{% for age, list in users|groupby('age') %}{{ age }}:{% for u in list %}{{ u.name }},{% endfor %} {% endfor %}
{% for g in users|groupby('city.name') %}{{ g.grouper }}={{ g.list|length }} {% endfor %}{{ users|groupby('city.name', case_sensitive=true)|map('first')|list }}
{% for x in [1, 2, 3] %}{% if loop.first %}first{% elif loop.last %}last{% else %}mid{% endif %} {% endfor %}
{% for x in [3, 1, 2]|sort %}{{ x }}{% endfor %}{% for x in 'cab'|sort %}{{ x }}{% endfor %}
{% set r = namespace(found=false) %}{% for x in nums if not r.found %}{{ x }}{% if x == 2 %}{% set r.found = true %}{% endif %}{% endfor %}
{% for x in (1, 2) %}{% for y in (3, 4) if y != x %}{{ x }}{{ y }} {% endfor %}{% endfor %}
{% for x in nums|batch(2) %}{{ x }}{% endfor %} {% for x in nums|slice(3) %}{{ x }}{% endfor %} {{ nums|batch(3, 0)|list }} {{ nums|slice(2, 'f')|list }}
{% for x in [] %}{% set q = 1 %}{% else %}{% set q = 2 %}{{ q }}{% endfor %}{{ q }}
{% set x %}a{% set y %}b{% endset %}{{ y }}{% endset %}{{ x }}{{ y }}
{% macro a() %}{% for i in range(2) %}{{ b(i) }}{% endfor %}{% endmacro %}{% macro b(i) %}<{{ i }}>{% endmacro %}{{ a() }}
{% for loop_item in nums %}{{ loop.index }}{% endfor %}{{ loop is defined }}
{% for x in nums %}{% macro show() %}{{ x }};{% endmacro %}{{ show() }}{% endfor %}
{% for k, v in users[0].items() %}{{ k }}{{ v }}{% endfor %}
{% for n in [1] %}{{ n }}{% endfor %}{{ n }}
{% if (n > 1 and n < 5) or missing %}in{% endif %}{% if not (n == 3) %}x{% endif %}{% if 'a' in d and d.a == 1 %}y{% endif %}
{% if n is defined and n %}{{ n }}{% endif %}{% if users and users[0].tags %}{{ users[0].tags[0] }}{% endif %}
{% set parts = text.split(' ') %}{{ parts[1] }} {{ parts|length }} {{ parts[-1].upper() }}
{% set total = 0 %}{% for x in nums %}{% set total = total + x %}{% endfor %}{{ total }} {{ nums|sum }}
{% set s = 'x' %}{% macro q() %}{% set s = 'y' %}{{ s }}{% endmacro %}{{ q() }}{{ s }}
{% call (x) (users|map(attribute='name')|list).append(5) %}{% endcall %}
{%- set a = 1 -%}
{%- set b = 2 -%}
  {{ a + b }}
{% if 0.0 %}a{% endif %}{% if '0' %}b{% endif %}{% if [0] %}c{% endif %}{% if range(0) %}d{% endif %}{% if {} %}e{% endif %}
{% for x in range(2) %}{{ caller }}{% endfor %}
{% for i in range(3) %}{{ [i, loop.index]|sum }}{% endfor %}
{% for x in nums %}{{ loop.nextitem is defined }}{{ loop.previtem is defined }} {% endfor %}
{% for x in [1, 1, 2] %}{% if loop.changed(x) %}{{ x }}{% endif %}{% endfor %}
{% for x in nums|map('string') %}{{ loop.last }}{{ loop.length }}{{ x }} {% endfor %}
{% for x in nums|reverse %}{{ x }}{{ loop.revindex }} {% endfor %}
"""

FILTERS = r"""
{{ -5|abs }}{{ 2.5|abs }}{{ neg|abs }}{{ yes|abs }}
{{ d|attr('items') is callable }}{{ d|attr('a') is defined }}{{ users[0]|attr('name') }}
{{ 'hello WORLD'|capitalize }}|{{ ''|capitalize }}|{{ 5|capitalize }}|{{ accents|capitalize }}
[{{ 'ab'|center(7) }}][{{ 'abc'|center(6) }}][{{ 'abc'|center(2) }}][{{ 5|center(4) }}]
{{ nums|count }}{{ text|length }}{{ d|length }}{{ missing|length }}{{ cjk|length }}{{ emoji|length }}{{ range(7)|length }}
{{ missing|default('x') }}{{ nothing|default('x') }}{{ ''|default('x') }}{{ ''|default('x', true) }}{{ nothing|default('x', boolean=true) }}{{ missing|d }}{{ 0|d(5, true) }}
{{ d.zz.yy|default('deep') if d.zz is defined else 'shallow' }}{{ missing|default(none) }}
{{ {'b': 1, 'A': 2, 'c': 0}|dictsort }}{{ {'b': 1, 'A': 2, 'c': 0}|dictsort(true) }}{{ {'b': 1, 'A': 2, 'c': 0}|dictsort(by='value') }}{{ {'b': 1, 'a': 2}|dictsort(reverse=true) }}
{{ html|e }} {{ html|escape|e }} {{ html|forceescape }} {{ html|e|forceescape }} {{ [1]|e }} {{ 5|e }} {{ missing|e }} {{ html|safe }} {{ html|safe|e }} {{ none|e }}
{{ ['<'|e] }} {{ ('<'|e) ~ '<' }} {{ ('<'|e) + '<' }} {{ '<' + ('<'|e) }} {{ ('<'|e)|upper }} {{ ('a'|safe)|length }}
{{ 100|filesizeformat }} {{ 1|filesizeformat }} {{ 1000|filesizeformat }} {{ 123456789|filesizeformat }} {{ 123456789|filesizeformat(true) }} {{ 1024|filesizeformat(binary=true) }} {{ '2000'|filesizeformat }} {{ 0|filesizeformat }} {{ 1e25|filesizeformat }}
{{ nums|first }}{{ text|first }}{{ d|first }}{{ none_list|first }}{{ nums|last }}{{ text|last }}{{ d|last }}{{ none_list|last }}{{ missing|first }}{{ missing|last }}{{ d.items()|first }}
{{ '3.5'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ 3|float }} {{ none|float }} {{ ' 2 '|float }} {{ '1e3'|float }} {{ 'inf'|float }} {{ '-.5'|float }} {{ '5.'|float }} {{ '1_000'|float }} {{ '1__0'|float }} {{ ''|float }}
{{ '42'|int }} {{ '42.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.9|int }} {{ -3.9|int }} {{ '0x1f'|int(0, 16) }} {{ '11'|int(base=2) }} {{ none|int }} {{ true|int }} {{ ' 12 '|int }} {{ '1_000'|int }} {{ '-7'|int }} {{ '+7'|int }} {{ '1e3'|int }} {{ []|int }} {{ bad_num|int }}
{{ '%s is %d years'|format('Bob', 5) }} {{ '%(a)s-%(b)05.1f'|format(a=1, b=2.25) }} {{ '%5s|%-5s|%05d|%+d|%x|%X|%o|%e|%g|%%'|format('a', 'b', 42, 5, 255, 255, 8, 12345.678, 0.0001) }}
{{ '%r %s'|format('a', none) }} {{ '%.2f'|format(3) }} {{ '%c'|format(65) if no }} {{ '%i'|format(3.9) }} {{ '%s'|format([1, 'a']) }} {{ '%.3s|'|format('abcdef') }} {{ '%10.3f|'|format(3.14159) }} {{ '% d'|format(5) }}
{{ '%s' % 'a' }} {{ '%s-%s' % (1, 2) }} {{ '%d%%' % 50 }} {{ '%(x)s' % {'x': 1} }} {{ '%s' % missing }}
{{ lines|indent }}|{{ lines|indent(2, true) }}|{{ lines|indent(width=3, blank=true) }}|{{ 'a\nb'|indent('> ', true) }}|{{ ''|indent }}|{{ 'a\n'|indent }}
{{ words|join }} {{ words|join(', ') }} {{ nums|join('-') }} {{ users|join(', ', attribute='name') }} {{ mixed|join('|') }} {{ 'abc'|join('.') }} {{ missing|join }} {{ d|join }} {{ [none, missing]|join('x') }}
{{ 'abc'|list }} {{ d|list }} {{ (1, 2)|list }} {{ missing|list }} {{ range(3)|list }} {{ d.items()|list }} {{ d.keys()|list }} {{ d.values()|list }}
{{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ d|items|list }} {{ missing|items|list }}
{{ 'ABC'|lower }}{{ accents|lower }}{{ 5|lower }}{{ none|lower }}{{ 'abc'|upper }}{{ accents|upper }}{{ cjk|upper }}
{{ words|map('upper')|list }} {{ users|map(attribute='name')|list }} {{ users|map(attribute='city.name')|join(',') }} {{ users|map(attribute='zz', default='-')|list }} {{ words|map('replace', 'a', '4')|join(' ') }} {{ users|map(attribute='tags.0')|list }}
{{ nums|map('string')|map('length')|sum }} {{ [[1, 2], [3]]|map('sum')|list }} {{ words|map('truncate', 3, true, '')|list if no }} {{ none_list|map('upper')|list }} {{ missing|map('upper')|list }}
{{ nums|max }}{{ nums|min }}{{ words|max }}{{ words|min }}{{ users|max(attribute='age') }}{{ none_list|max }}{{ words|max(true) }}{{ (users|min(attribute='name')).name }}
{{ nums|reject('odd')|list }} {{ nums|select('odd')|list }} {{ nums|select('gt', 2)|list }} {{ mixed|select|list }} {{ mixed|reject|list }} {{ words|select('in', ['apple'])|list }} {{ nums|select('divisibleby', 2)|list }}
{{ users|selectattr('age', 'eq', 31)|map(attribute='name')|list }} {{ users|rejectattr('tags')|map(attribute='name')|list }} {{ users|selectattr('tags')|list|length }} {{ users|selectattr('city.name', 'equalto', 'Rome')|list|length }} {{ users|selectattr('zz', 'defined')|list }}
{{ 'banana'|replace('a', 'o') }} {{ 'banana'|replace('a', 'o', 2) }} {{ 'aaa'|replace('', '-') }} {{ 123|replace(2, 'x') }} {{ 'x'|replace('y', 'z') }} {{ 'aaa'|replace('aa', 'b') }} {{ 'abc'|replace('', '-', 2) }}
{{ 'abc'|reverse }} {{ nums|reverse|list }} {{ cjk|reverse }} {{ d|reverse|list }} {{ range(3)|reverse|list }} {{ nums|map('abs')|reverse }} {{ missing|reverse|list }}
{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 42.55|round(1) }} {{ 42.55|round(1, 'floor') }} {{ 42.51|round(1, 'ceil') }} {{ 42|round }} {{ 42.7|round|int }} {{ 42|round(1, 'ceil') }} {{ -2.5|round }} {{ 1234|round(-2) }} {{ 1250|round(-2) }} {{ 0.5|round }} {{ 1e20|round }} {{ yes|round }}
{{ nums|sort }} {{ nums|sort(true) }} {{ nums|sort(reverse=true) }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ d|sort }} {{ 'hello'|sort|join }} {{ users|sort(attribute='age')|map(attribute='name')|list }} {{ users|sort(attribute='city.name')|map(attribute='name')|list }}
{{ 5|string + 'x' }} {{ none|string }} {{ missing|string }} {{ [1]|string|length }}
{{ '<p>a <b>b</b>  c</p> <!-- x > y --> d'|striptags }} {{ 'a &lt; b &amp; c'|striptags }} {{ 5|striptags }}
{{ nums|sum }} {{ users|sum(attribute='age') }} {{ none_list|sum }} {{ nums|sum(start=100) }} {{ [1.5, 2]|sum }} {{ [[1], [2]]|sum(start=[]) }} {{ missing|sum }}
{{ 'hello world-foo (bar) x_y'|title }} {{ "it's"|title }} {{ 'ABC def'|title }} {{ accents|title }} {{ 5|title }}
[{{ spaces|trim }}] {{ 'xxaxx'|trim('x') }} {{ 5|trim }} [{{ '\u3000a\u00a0'|trim }}]
{{ text|truncate(20) }}|{{ text|truncate(20, true) }}|{{ text|truncate(20, false, '!') }}|{{ text|truncate(40) }}|{{ text|truncate(20, leeway=0) }}|{{ 'short'|truncate }}|{{ text|truncate(10, true, '', 0) }}|{{ cjk|truncate(5, true, '..', 0) }}|{{ missing|truncate }}
{{ words|unique|list }} {{ words|unique(true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }} {{ [1, 1.0, true, '1']|unique|list }} {{ 'AaBb'|unique|join }}
{{ 'a b&c/d?e=\u00e9'|urlencode }} {{ {'a b': 'c&d', 'x': 1}|urlencode }} {{ [('a', 1)]|urlencode }} {{ 5|urlencode }} {{ '-._~'|urlencode }}
{{ text|wordcount }} {{ 'a-b c_d \u65e5\u672c'|wordcount }} {{ ''|wordcount }}
{{ text|wordwrap(10) }}|{{ text|wordwrap(20, wrapstring='<br>') }}|{{ 'abcdefghijkl mn'|wordwrap(5) }}|{{ 'abcdefghijkl mn'|wordwrap(5, false) }}|{{ 'a  b   c'|wordwrap(3) }}|{{ lines|wordwrap(4) }}
<a{{ {'class': 'x', 'id': none, 'n': 5, 'q': '"'}|xmlattr }}> <a {{ {'a': 1}|xmlattr(false) }}> {{ {}|xmlattr }}
{{ d|tojson }} {{ mixed|tojson }} {{ html|tojson }} {{ d|tojson(2) }} {{ cjk|tojson }} {{ emoji|tojson }} {{ none|tojson }} {{ 1.0|tojson }} {{ {}|tojson(2) }} {{ []|tojson(indent=4) }} {{ [[], {}]|tojson(1) }} {{ 'a\nb\t"'|tojson }} {{ floats|tojson }} {{ {1: 2}|tojson }} {{ {true: 1}|tojson }} {{ (1, 2)|tojson }}
{{ [1, 'a']|pprint }} {{ 'x'|pprint }} {{ 1.5|pprint }} {{ none|pprint }}
{{ nums|batch(2)|list }} {{ words|batch(3, '-')|list }} {{ nums|slice(2)|list }} {{ nums|slice(10)|list }} {{ none_list|batch(2)|list }}
{{ text|upper|lower|title|replace(' ', '_')|truncate(12, true, '') }}
{{ nums|list|length }} {{ (nums|length) + 1 }} {{ nums|length + 1 }} {{ 'a,b'.split(',')|join(';') }}
{{ 5|default(1)|string|center(5)|replace(' ', '.') }}
{{ users|map(attribute='name')|map('lower')|sort|join(', ') }}
{{ {'a': 1}.items()|list|first|last }} {{ d|dictsort|map('first')|join }} {{ d|dictsort(by='key')|map(attribute=0)|list }}
{{ [3, 1]|sort|first }} {{ ['b', 'A']|sort|join }} {{ [(2, 'a'), (1, 'b')]|sort }} {{ [[2], [1, 5]]|sort }} {{ [1.5, 1, true]|sort }} {{ [none]|sort }}
{{ [1, 2, 3]|sum / [1, 2, 3]|length }} {{ ([1, 2, 3]|sum / 3)|round(2) }}
{{ users|groupby('age')|length }} {{ users|groupby('age')|first|first }} {{ users|groupby('zz', default='none')|map(attribute='grouper')|list }} {{ users|groupby('age') }}
"""

METHODS = r"""
{{ 'aBc'.upper() }}{{ 'aBc'.lower() }}{{ 'hello world'.title() }}{{ "it's ok".title() }}{{ 'hELLO'.capitalize() }}{{ 'aBc'.swapcase() }}{{ 'aBc'.casefold() }}
[{{ ' a '.strip() }}][{{ ' a '.lstrip() }}][{{ ' a '.rstrip() }}][{{ 'xxaxx'.strip('x') }}][{{ 'abcab'.strip('ab') }}][{{ 'a'.strip(none) }}]
{{ 'a,b,,c'.split(',') }}{{ 'a b  c '.split() }}{{ 'a b c'.split(' ', 1) }}{{ 'a b  c'.split(none, 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ ' a b c '.rsplit(none, 1) }}{{ ''.split(',') }}{{ ''.split() }}{{ 'a,b'.split(sep=',', maxsplit=1) }}{{ 'aXXb'.split('XX') }}
{{ lines.splitlines() }}{{ 'a\n'.splitlines() }}{{ 'a\nb'.splitlines(true) }}{{ ''.splitlines() }}{{ 'a\r\nb\x0cc'.splitlines() }}
{{ '-'.join(['a', 'b']) }}{{ ''.join([]) }}{{ ', '.join(words) }}{{ '-'.join('abc') }}{{ ','.join(d) }}
{{ 'banana'.replace('a', 'o') }}{{ 'banana'.replace('a', 'o', 1) }}{{ 'ab'.replace('', '-') }}
{{ 'hello'.startswith('he') }}{{ 'hello'.startswith(('x', 'h')) }}{{ 'hello'.endswith('lo') }}{{ 'hello'.startswith('l', 2) }}{{ 'hello'.endswith('l', 0, 4) }}{{ ''.startswith('') }}{{ 'a'.startswith('', 5) }}
{{ 'hello'.find('l') }}{{ 'hello'.find('z') }}{{ 'hello'.rfind('l') }}{{ 'hello'.index('e') }}{{ 'hello'.rindex('l') }}{{ 'hello'.find('l', 3) }}{{ 'hello'.find('l', -2) }}{{ cjk.find('\u8a9e') }}{{ 'abc'.find('') }}{{ 'hello'.count('l') }}{{ 'aaa'.count('aa') }}{{ 'abc'.count('') }}
[{{ 'ab'.center(6) }}][{{ 'ab'.center(7, '*') }}][{{ 'ab'.ljust(4) }}][{{ 'ab'.rjust(4, '.') }}][{{ '42'.zfill(5) }}][{{ '-42'.zfill(5) }}][{{ 'ab'.ljust(1) }}][{{ cjk.center(12, '_') }}]
{{ '123'.isdigit() }}{{ '12a'.isdigit() }}{{ 'abc'.isalpha() }}{{ 'ab1'.isalnum() }}{{ ' '.isspace() }}{{ 'abc'.islower() }}{{ 'ABC'.isupper() }}{{ 'Abc Def'.istitle() }}{{ '1'.isnumeric() }}{{ '1'.isdecimal() }}{{ 'a'.isascii() }}{{ ''.isdigit() }}{{ 'a_b'.isidentifier() }}{{ '\u00b2'.isdigit() }}{{ '\u00b2'.isdecimal() }}{{ '\u00bd'.isnumeric() }}{{ cjk.isalpha() }}
{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'abc'.partition('-') }}{{ 'abc'.rpartition('-') }}
{{ 'a\tb'.expandtabs(4) }}{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.txt'.removesuffix('.txt') }}{{ 'x'.removeprefix('y') }}
{{ '{} {}'.format('a', 1) }}{{ '{0}{1}{0}'.format('a', 'b') }}{{ '{x}-{y}'.format(x=1, y=2) }}{{ '{:.2f}'.format(3.14159) }}{{ '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') }}{{ '{:05d}'.format(42) }}{{ '{:,}'.format(1234567) }}{{ '{:,.2f}'.format(1234567.891) }}{{ '{:x}'.format(255) }}{{ '{:#x}'.format(255) }}{{ '{:%}'.format(0.25) }}{{ '{:.1%}'.format(0.256) }}{{ '{{}}'.format() }}{{ '{!r}'.format('a') }}{{ '{:*^9}'.format('mid') }}{{ '{:+d}'.format(5) }}{{ '{:e}'.format(12345.678) }}{{ '{:b}'.format(5) }}{{ '{:_}'.format(1234567) }}{{ '{:g}'.format(0.00001) }}{{ '{:10.3f}|'.format(2.5) }}{{ '{:<8}|'.format(5) }}{{ '{:.3}'.format('abcdef') }}{{ '{:012,.2f}'.format(1234.5) }}{{ '{}'.format(none) }}{{ '{:010}'.format(-5) }}
{{ nums.index(2) }}{{ nums.count(2) }}{{ (1, 2, 2).count(2) }}{{ (1, 2).index(2) }}
{% set l = [1, 2, 3] %}{{ l.append(4) }}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}{{ l.insert(0, 9) }}{{ l.insert(-1, 8) }}{{ l }}{{ l.extend([7, 7]) }}{{ l.remove(7) }}{{ l }}{{ l.reverse() }}{{ l }}{{ l.sort() }}{{ l }}{{ l.sort(reverse=true) }}{{ l }}{{ l.copy() }}{{ l.clear() }}{{ l }}
{{ d.get('a') }}{{ d.get('zz') }}{{ d.get('zz', 5) }}{{ d.keys()|list }}{{ d.values()|list }}{{ d.items()|list }}{{ 'a' in d.keys() }}{{ 1 in d.values() }}{{ ('a', 1) in d.items() }}{{ d.keys()|length }}
{% set e = {'x': 1} %}{{ e.setdefault('y', 2) }}{{ e.setdefault('x', 5) }}{{ e }}{{ e.pop('x') }}{{ e.pop('q', 'none') }}{{ e }}{{ e.popitem() }}{{ e.copy() }}{{ e.update([('k', 'v')]) }}{{ e }}{{ e.clear() }}{{ e }}
{{ 3.0.is_integer() }}{{ f.is_integer() }}{{ (5).bit_length() }}{{ n.real }}{{ n.imag }}{{ f.real }}
{{ 'abc'.upper is callable }}{{ name.nope is defined }}{{ d.nope is defined }}{{ nums.nope is defined }}{{ n.nope is defined }}
{{ accents.upper() }}{{ accents.lower() }}{{ accents.title() }}{{ accents.swapcase() }}{{ '\u01c6'.title() }}{{ '\u0131I'.lower() }}{{ '\ufb01'.upper() }}
{{ 'a b'.split(' ')[0].upper().lower().title() }}{{ ('a' ~ 'b').upper() }}{{ ['a', 'b'][0].upper() }}{{ {'k': 'v'}['k'].upper() }}{{ {'k': 'v'}.k.upper() }}
{{ text.split()|map('length')|list }}{{ text.split()|map('first')|join|upper }}{{ text.replace(' ', '').lower()|list|unique|sort|join }}
{{ range(3).start }}{{ range(3).stop }}{{ range(1, 5, 2).step }}
"""

ERRORS = r"""
{{ missing.x }}
{{ missing['x'] }}
{{ missing() }}
{{ missing.x.y }}
{{ d.zz.yy }}
{{ d.zz() }}
{{ users[0].nope.deeper }}
{{ users[5].name }}
{{ nothing.x.y }}
{{ name.foo.bar }}
{{ nums[10].x }}
{{ 5.x.y }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ missing * 2 }}
{{ -missing }}
{{ missing < 1 }}
{{ 1 < missing }}
{{ missing|int }}
{{ missing|float }}
{{ missing[1:] }}
{{ (none_list|first).x }}
{{ (none_list|max) + 1 }}
{{ ('a' if no).x }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + 'a' }}
{{ (1,) + [1] }}
{{ none + 1 }}
{{ 1 - 'a' }}
{{ 'a' * 'b' }}
{{ [1] * 1.5 }}
{{ {} + {} if no else 'a' - 'b' }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 1.0 // 0 }}
{{ 1.0 % 0 }}
{{ 0 ** -1 }}
{{ 1 < 'a' }}
{{ 'a' < 1 }}
{{ none > 1 }}
{{ [1] <= (1,) }}
{{ 1 in 5 }}
{{ 1 in 'abc' }}
{{ none in 'abc' }}
{{ 1 in none }}
{{ -'a' }}
{{ +none }}
{{ {[]: 1} }}
{{ {{}: 1} }}
{{ 'abc'() }}
{{ n() }}
{{ none() }}
{{ d() }}
{{ n[1:] }}
{{ d[1:] }}
{{ nums['a':] }}
{{ nums[::0] }}
{{ 'abc'.nope() }}
{{ d.nope() }}
{{ n.nope() }}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for x in yes %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a, b in [(1,)] %}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a, b in ['ab', 'c'] %}{{ a }}{% endfor %}
{% set a, b = 1 %}
{% set a, b = [1, 2, 3] %}
{% set d.x = 1 %}
{% set missing.x = 1 %}
{% for x in nums %}{{ loop(x) }}{% endfor %}
{% for x in nums %}{{ loop.cycle() }}{% endfor %}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{{ nums|nofilter }}
{{ 1 is notest }}
{% if no %}{{ nums|nofilter }}{% endif %}ok
{% if yes %}{{ nums|nofilter }}{% endif %}
{{ 1 is notest if no else 'ok' }}
{{ 1 is notest if yes else 'ok' }}
{{ nums|map('nofilter')|list }}
{{ nums|select('notest')|list }}
{{ nums|map()|list }}
{{ nums|map(attribute='x', foo=1)|list }}
{{ nums|selectattr()|list }}
{{ 5|length }}
{{ none|length }}
{{ nums|map('upper')|length }}
{{ 5|list }}
{{ 5|join }}
{{ none|join(',') }}
{{ 5|first }}
{{ 5|last }}
{{ nums|select('odd')|last }}
{{ 5|reverse }}
{{ 5|sort }}
{{ 'a'|abs }}
{{ none|abs }}
{{ 'a'|round }}
{{ 1|round(1, 'x') }}
{{ missing|round }}
{{ ['a', 'b']|sum }}
{{ nums|sum(start='') }}
{{ [1, 'a']|max }}
{{ missing|dictsort }}
{{ [1, 'a']|sort }}
{{ mixed|sort }}
{{ [3, 1, 'x', 2, none]|sort }}
{{ [3, 1, 'x', 2, none]|sort(reverse=true) }}
{{ users|sort(attribute='zz') }}
{{ {'a': 1, 2: 3}|dictsort }}
{{ {'a': 1, 2: 3}|tojson }}
{{ [none, none]|sort }}
{{ [2, 1, 'b', 'a', 3, 'c', 0]|sort }}
{{ ['b', 1]|sort }}
{{ users|groupby('zz') }}
{{ nums|dictsort }}
{{ d|dictsort(by='x') }}
{{ users|unique|list }}
{{ 5|indent }}
{{ missing|indent }}
{{ text|truncate(2) }}
{{ 5|truncate }}
{{ '%d'|format('a') }}
{{ '%s %s'|format('a') }}
{{ '%s'|format('a', 'b') }}
{{ '%(a)s'|format(b=1) }}
{{ '%(a)s'|format(1) }}
{{ '%s'|format(1, a=1) }}
{{ 'abc' % 1 }}
{{ '{} {}'.format(1) }}
{{ '{x}'.format(y=1) }}
{{ '{'.format() }}
{{ '}'.format() }}
{{ missing|xmlattr }}
{{ missing|tojson }}
{{ range|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ 5|items|list }}
{{ 'x'|filesizeformat }}
{{ none|filesizeformat }}
{{ range() if no else range('a') }}
{{ range(1, 2, 0) }}
{{ cycler() }}
{{ 'a'.split('') }}
{{ ','.join([1]) }}
{{ ','.join(5) }}
{{ 'a'.index('b') }}
{{ [].pop() }}
{{ [1].pop(5) }}
{{ [1].remove(2) }}
{{ [1].index(2) }}
{{ (1,).index(2) }}
{{ {}.pop('a') }}
{{ {}.popitem() }}
{% set dd = {'a': 1} %}{% for k in dd %}{% set _ = dd.update({'b': 2}) %}{% endfor %}
{{ (1e300 * 1e10)|int if no }}
{{ 5 is odd(1) if no else 'a' is odd }}
{{ 5 is divisibleby 0 }}
{{ 1 is in 5 }}
{{ 1 is gt 'a' }}
"""

SYNTAX = r"""
{{
{{ }}
{{ 1
{{ 1 + }}
{{ + }}
{{ (1 }}
{{ 1) }}
{{ [1, }}
{{ [1) }}
{{ {'a' 1} }}
{{ {'a': } }}
{{ a b }}
{{ 1 2 }}
{{ 'abc }}
{{ a.'b' }}
{{ a. }}
{{ a| }}
{{ a|1 }}
{{ a is }}
{{ a is 1 }}
{{ a is b is c }}
{{ ! }}
{{ a ? b : c }}
{{ a && b }}
{{ a = 1 }}
{{ a $ }}
{{ f(a=1, 2) }}
{{ f(**a, b) }}
{{ f(*a, *b) }}
{{ f(a b) }}
{{ 01 }}
{{ 1.2.3 }}
{{ x if }}
{{ not }}
{{ 1 if 2 else }}
{% %}
{% 1 %}
{% if %}x{% endif %}
{% if x %}
{% if x %}{% endfor %}
{% endif %}
{% else %}
{% for %}
{% for x %}{% endfor %}
{% for x in %}{% endfor %}
{% for 1 in x %}{% endfor %}
{% for x.y in z %}{% endfor %}
{% for x in y %}
{% for x in y %}{% if z %}{% endfor %}{% endif %}
{% for x in y %}{% set loop = 1 %}{% endfor %}
{% for loop in y %}{{ loop }}{% endfor %}
{% for x in y recursive if z %}{% endfor %}
{% set %}
{% set x %}
{% set x = %}
{% set 1 = 2 %}
{% set 'a' = 2 %}
{% set [a] = 2 %}
{% set a.b.c = 2 %}
{% set true = 1 %}
{% set x = 1 2 %}
{% macro %}{% endmacro %}
{% macro m %}{% endmacro %}
{% macro m( %}{% endmacro %}
{% macro m(1) %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro true() %}{% endmacro %}
{% macro m(caller) %}{{ caller() }}{% endmacro %}
{% macro m(a) %}
{% call %}{% endcall %}
{% call x %}{% endcall %}
{% call x() %}
{% filter %}{% endfilter %}
{% filter nofilter %}{% endfilter %}
{% filter upper %}
{% with a %}{% endwith %}
{% with a = 1 b = 2 %}{% endwith %}
{% break %}
{% continue %}
{% do x.append(1) %}
{% unknown %}
{% endblock %}
{% if a %}{% elif %}{% endif %}
{% if a %}{% else %}{% else %}{% endif %}
{% raw %}
{% raw %}x{% endif %}
{# open
text {{ x }
{% if x }}
{{ x %}
{{ '\' }}
line 1
line 2 {{ a b }}
{% if x %}

{% for y in z %}

{% endif %}
{{ [1, 2
{{ a['b' }}
{{ a[1:2:3:4] }}
{{ a[] if no }}
{% autoescape %}{% endautoescape %}
{% print %}ok{% print 1 2 %}
{{ "a" 'b' c }}
{% set x = 1 %}{% endset %}
"""


def split(block):
    """One template a line; a line that begins with neither of a template's marks goes on where it stands."""
    out = []
    for line in block.strip("\n").split("\n"):
        out.append(line)
    return out


GROUPS = {"output": OUTPUT, "operators": OPERATORS, "statements": STATEMENTS, "filters": FILTERS, "methods": METHODS,
          "errors": ERRORS, "syntax": SYNTAX}

# Templates of several lines, which the blocks above cannot hold.
LONG = [
    "a\nb\n", "a\n\n", "\n", "", "a\r\nb\rc\n", "{{ name }}\n", "{{ 'a\r\nb' }}", "{% if yes %}\n  x\n{% endif %}\n",
    "a  \n {%- if yes %}\n\tb\n{%- endif -%}\n  c", "{% for x in nums %}\n{{ x }}\n{% endfor %}\n\n",
    "{#\n comment\n#}\n{{ n }}", "{% raw %}\n {{ x }}\n{% endraw %}\n", "{%- raw %} a {% endraw -%}  \n b",
    "{{ lines }}", "x{{\n name\n}}y", "{% set x = [\n 1,\n 2,\n] %}{{ x }}", "{{ {\n'a': 1,\n} }}", "{{ f(\n) if no }}",
    "a\n{{ missing.x }}", "a\n\n{% if yes %}\n{{ 1 / 0 }}{% endif %}", "a\n{% if %}", "{{ 'a\nb' }}\n{{ a b }}", "{% raw %}\n\n", "a\n{#\n",
    "{% for u in users %}{{ loop.index }}. {{ u.name }}\n{% endfor %}total {{ users | length }}",
    "{% macro li(x) -%}\n  <li>{{ x }}</li>\n{%- endmacro %}\n<ul>\n{% for w in words %}{{ li(w) }}\n{% endfor %}</ul>\n",
    "{%- set ns = namespace(s='') -%}\n{%- for w in words -%}\n{%- set ns.s = ns.s ~ w[0] -%}\n{%- endfor -%}\n{{ ns.s }}\n",
    "Q: {{ text }}\n{% if d.c %}Context:\n{% for c in d.c %}* {{ c }}\n{% endfor %}{% else %}none{% endif %}A:",
    "\u65e5\u672c {{ cjk }} {% if yes %}\u306f\u3044{% endif %}", "{{ '\u65e5\u672c'|upper }}{{ '\\u65e5' }}{{ 'a\\\u00e9b' }}",
    "{% set \u5024 = 5 %}{{ \u5024 + 1 }}", "{{ \u5024 }}", "{{ a \u20ac }}",
    "{{ (" + "1 + " * 50 + "1) }}", "{{ " + "(" * 20 + "1" + ")" * 20 + " }}", "{{ " + "[" * 15 + "1" + "]" * 15 + " }}",
    "{% if yes %}" * 15 + "x" + "{% endif %}" * 15,
]


def all_cases():
    for group, block in GROUPS.items():
        for template in split(block):
            yield group, template
    for template in LONG:
        yield "long", template
