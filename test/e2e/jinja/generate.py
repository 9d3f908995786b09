# SPDX-License-Identifier: Apache-2.0
"""Random templates from a grammar: mostly sensible, sometimes wrong, always ending. The same seed gives the same."""
import random

NAMES = ["name", "n", "f", "neg", "yes", "nothing", "text", "html", "empty", "lines", "cjk", "accents", "words", "nums", "mixed",
         "none_list", "d", "users", "missing", "num_text", "x", "y", "z"]
STRINGS = ["a", "b", "", " ", "Hello World", "it's", "x,y,z", "42", "3.5", "\u65e5\u672c", "a b  c", "<b>&", "ABC", "%s-%d", "{}", "\\n", "0x1f"]
TEXT_FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "reverse", "string", "e", "wordcount", "first", "last", "list",
                "striptags", "urlencode", "tojson", "int", "float", "default('q')", "replace('a', 'o')", "center(9)", "truncate(5)",
                "truncate(8, true, '..', 0)", "indent(2)", "safe", "join('-')", "sort", "unique", "wordwrap(4)", "escape", "forceescape"]
LIST_FILTERS = ["length", "first", "last", "join(', ')", "sort", "sort(reverse=true)", "reverse", "list", "unique", "sum", "max", "min",
                "map('string')", "map('upper')", "select", "reject('none')", "select('string')", "batch(2)", "slice(2)", "tojson",
                "map(attribute='name')", "selectattr('age')", "groupby('age')", "default([])", "string", "select('odd')", "count",
                "map('length')", "sort(attribute='name')", "join('|', attribute='name')", "rejectattr('tags')", "map('default', 'w')"]
ANY_FILTERS = ["default('dd', true)", "string", "length", "e", "tojson", "abs", "round", "round(1)", "int", "float", "list", "d", "int(5)",
               "filesizeformat", "pprint", "xmlattr", "items", "dictsort", "attr('name')"]
METHODS = ["upper()", "lower()", "split()", "split(',')", "strip()", "replace('a', 'b')", "startswith('H')", "find('o')", "title()", "count('a')",
           "items()", "keys()", "values()", "get('a')", "get('zz', 1)", "index(2)", "join(words)", "zfill(6)", "center(8, '*')", "isdigit()",
           "splitlines()", "rsplit(' ', 1)", "partition('-')", "capitalize()", "format(1, x=2)", "copy()", "append(1)", "pop()", "endswith(('d', 'g'))",
           "update({'u': 1, 'v': 2, 'w': 3, 5: 4})", "update({n: 1, 2.5: f, (n, 1): 2})", "setdefault('s', [n])", "popitem()", "pop('a', 0)"]
TESTS = ["defined", "undefined", "none", "odd", "even", "string", "number", "mapping", "sequence", "iterable", "boolean", "integer", "float",
         "lower", "upper", "true", "false", "divisibleby 2", "eq 1", "in [1, 2, 'a']", "callable", "escaped", "gt 1", "not none", "not string"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.macros = []

    def pick(self, *options):
        return self.r.choice(options)

    def literal(self):
        kind = self.r.randrange(9)
        if kind < 3:
            return str(self.r.choice([0, 1, 2, 3, 5, 7, 10, 42, 100]))
        if kind == 3:
            return self.r.choice(["0.5", "1.0", "2.25", "3.14159", "1e3", "10.0"])
        if kind < 7:
            return "'%s'" % self.r.choice(STRINGS).replace("'", "\\'")
        return self.r.choice(["true", "false", "none", "True", "None"])

    def number(self, depth):
        return self.pick("n", "f", "neg", "2", "7", "0.5", "nums|length", "nums|sum", "num_text|int", "(n + 1)", "users[0].age", "nums[1]",
                         "10", "zero", "d.a", "nums|max", "(f|round(1))", "-3", "text|length") if depth > 3 or self.r.random() < 0.6 else \
            "(%s %s %s)" % (self.number(depth + 1), self.r.choice(["+", "-", "*", "/", "//", "%", "+", "*"]), self.number(depth + 1))

    def text(self, depth):
        return self.pick("name", "text", "html", "lines", "cjk", "accents", "words[0]", "users[1].name", "empty", "d.b", "spaces", "emoji",
                         "'%s'" % self.r.choice(STRINGS).replace("'", "\\'"), "(name ~ n)", "words|join", "(text|truncate(9))", "name.upper()")

    def list(self, depth):
        return self.pick("nums", "words", "users", "mixed", "none_list", "d.c", "floats", "[n, 2, 5]", "words[1:]", "range(4)", "text.split()",
                         "d.items()", "(nums + [4])", "users|map(attribute='name')", "d.keys()", "nums|select('odd')", "words|sort", "(1, 2, 2)")

    def expr(self, depth=0):
        if self.r.random() < 0.55:
            return self.sane(depth)
        return self.wild(depth)

    def sane(self, depth):
        kind = self.r.randrange(10)
        if kind < 2:
            return "%s|%s" % (self.text(depth), self.r.choice(TEXT_FILTERS))
        if kind < 5:
            return "%s|%s" % (self.list(depth), self.r.choice(LIST_FILTERS))
        if kind == 5:
            return self.number(depth)
        if kind == 6:
            return "%s.%s" % (self.text(depth), self.r.choice(METHODS[:10] + METHODS[15:22]))
        if kind == 7:
            return "%s %s %s" % (self.number(depth), self.r.choice(["<", ">", "==", "!=", "<=", ">="]), self.number(depth))
        if kind == 8:
            return "%s %s %s" % (self.text(depth), self.r.choice(["~", "in", "==", "<", "+", "not in", "and", "or"]), self.text(depth))
        return "%s is %s" % (self.pick(self.text(depth), self.list(depth), self.number(depth), "missing"), self.r.choice(TESTS[:3] + TESTS[5:17]))

    def wild(self, depth):
        kind = self.r.randrange(20) if depth < 4 else self.r.randrange(4)
        sub = lambda: self.expr(depth + 1)  # noqa: E731
        if kind < 2:
            return self.literal()
        if kind < 5:
            return self.r.choice(NAMES)
        if kind == 5:
            return "[%s]" % ", ".join(sub() for _ in range(self.r.randrange(4)))
        if kind == 6:
            return self.pick("(%s)" % sub(), "(%s, %s)" % (sub(), sub()), "{%s: %s}" % (self.literal(), sub()))
        if kind < 10:
            return "%s|%s" % (self.operand(depth), self.r.choice(self.pick(TEXT_FILTERS, LIST_FILTERS, ANY_FILTERS)))
        if kind == 10:
            return "%s.%s" % (self.operand(depth), self.r.choice(METHODS))
        if kind == 11:
            return "%s.%s" % (self.r.choice(["d", "users[0]", "users[1].city", "d.c", "name", "missing"]),
                              self.r.choice(["a", "b", "c", "name", "age", "zz", "tags"]))
        if kind == 12:
            return "%s[%s]" % (self.operand(depth), self.pick(sub(), "0", "-1", "1:", ":2", "::-1", "1:3", "'a'", "::2"))
        if kind < 17:
            return "%s %s %s" % (self.operand(depth), self.r.choice(BINARY), self.operand(depth))
        if kind == 17:
            return "%s is %s" % (self.operand(depth), self.r.choice(TESTS))
        if kind == 18:
            return "%s if %s else %s" % (self.operand(depth), self.operand(depth), self.operand(depth))
        return self.pick("not %s" % self.operand(depth), "-%s" % self.operand(depth), "range(%d)" % self.r.randrange(6),
                         "%s < %s < %s" % (self.operand(depth), self.operand(depth), self.operand(depth)))

    def operand(self, depth):
        e = self.expr(depth + 1)
        return e if self.r.random() < 0.7 else "(%s)" % e

    def sign(self):
        return self.r.choice(["", "", "", "", "-", "+"])

    def tag(self, text):
        return "{%%%s %s %s%%}" % (self.sign(), text, self.r.choice(["", "", "-"]))

    def data(self):
        return self.r.choice(["", " ", "\n", "text", " a \n b ", "  ", "- ", "\n\n  x", "\u3042"])

    def body(self, depth):
        return self.data() + "".join(self.statement(depth + 1) + self.data() for _ in range(self.r.randrange(1, 3)))

    def items(self):
        return self.pick("nums", "words", "users", "d", "d.items()", "range(3)", "[1, 2, 3]", "'abc'", "mixed", "none_list", "missing",
                         "(x, y)", "nums|sort", "users|map(attribute='name')", "text.split()", "words|unique", self.expr(2))

    def loop_part(self):
        return self.r.choice(["loop.index", "loop.first", "loop.last", "loop.length", "loop.revindex", "loop.cycle('a', 'b')", "loop.changed(x)",
                              "loop.previtem", "loop.nextitem", "loop.index0", "loop.depth", "loop.revindex0"])

    def statement(self, depth=0):
        kind = self.r.randrange(16) if depth < 3 else self.r.randrange(6)
        if kind < 5:
            return "{{%s %s %s}}" % (self.r.choice(["", "", "-"]), self.expr(), self.r.choice(["", "", "-"]))
        if kind == 5:
            return self.tag("set %s = %s" % (self.r.choice("xyz"), self.expr()))
        if kind < 8:
            out = self.tag("if %s" % self.expr(1)) + self.body(depth)
            if self.r.random() < 0.3:
                out += self.tag("elif %s" % self.expr(1)) + self.body(depth)
            if self.r.random() < 0.5:
                out += self.tag("else") + self.body(depth)
            return out + self.tag("endif")
        if kind < 11:
            target = self.pick("x", "x", "y", "x, y")
            test = " if %s" % self.expr(2) if self.r.random() < 0.25 else ""
            loop = "{{ %s }}" % self.loop_part() if self.r.random() < 0.6 else ""
            other = self.tag("else") + self.body(depth) if self.r.random() < 0.2 else ""
            return self.tag("for %s in %s%s" % (target, self.items(), test)) + loop + self.body(depth) + other + self.tag("endfor")
        if kind == 11:
            name = "m%d" % len(self.macros)
            self.macros.append(name)
            call = "{{ %s(%s) }}" % (name, self.pick("", "1", "1, 2", "y=3", "1, 2, 3", "x=%s" % self.expr(2)))
            return self.tag("macro %s(%s)" % (name, self.pick("", "x", "x, y=2", "x=1"))) + self.body(depth) + self.tag("endmacro") + call
        if kind == 12:
            return self.tag("set %s" % self.r.choice("xyz")) + self.body(depth) + self.tag("endset")
        if kind == 13:
            return self.tag("with %s = %s" % (self.r.choice("xyz"), self.expr(2))) + self.body(depth) + self.tag("endwith")
        if kind == 14:
            return self.tag("filter %s" % self.r.choice(["upper", "replace('a', 'b')", "trim", "indent", "length", "title"])) + self.body(depth) + \
                self.tag("endfilter")
        return self.pick("{# note #}", "{#- note -#}", self.tag("set ns = namespace(v=%s)" % self.expr(2)) + self.tag("set ns.v = ns.v + 1") + "{{ ns.v }}",
                         "{% raw %}{{ x }}{% endraw %}")

    def template(self):
        text = self.body(0)
        if self.r.random() < 0.05:  # broken: a piece is lost or doubled
            at = self.r.randrange(len(text) + 1)
            text = text[:at] + self.pick("", "}}", "{%", "'", " endif ", "|", "(") + text[at + self.r.randrange(3):]
        return text


FILTER_NAMES = ["abs", "attr", "batch", "capitalize", "center", "count", "default", "dictsort", "escape", "filesizeformat", "first", "float",
                "forceescape", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min",
                "pprint", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string",
                "striptags", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount", "wordwrap", "xmlattr"]
METHOD_NAMES = ["upper", "split", "rsplit", "strip", "lstrip", "replace", "startswith", "endswith", "find", "rfind", "count", "index", "join",
                "center", "ljust", "rjust", "zfill", "splitlines", "partition", "rpartition", "expandtabs", "format", "removeprefix", "title",
                "get", "pop", "keys", "values", "items", "update", "setdefault", "copy", "append", "extend", "insert", "remove", "sort",
                "reverse", "isdigit", "isalpha", "istitle", "isupper", "casefold", "swapcase", "capitalize"]
TEST_NAMES = ["odd", "even", "divisibleby", "defined", "none", "string", "number", "sameas", "in", "eq", "ne", "lt", "ge", "lower", "upper", "mapping",
              "sequence", "iterable", "callable", "boolean", "true", "integer", "float", "escaped", "filter", "test"]
VALUES = ["name", "n", "f", "neg", "zero", "yes", "nothing", "text", "html", "empty", "lines", "cjk", "accents", "emoji", "words", "nums", "mixed",
          "none_list", "floats", "d", "empty_d", "users", "missing", "num_text", "float_text", "bad_num", "spaces", "items_key", "(1, 2)", "range(4)",
          "[[1, 'b'], [0, 'a']]", "('<'|e)", "1e20", "0.1", "-0.0", "123456", "[true, 1, 0.5]", "{2: 'x', 1: 'y'}", "'%s %d'", "'{0} {x:>5}'",
          "'{:.2f}|{:5}'", "'a-b-c d_e'", "'\\t x\\n'", "[(1, 2), (0, 9)]", "d.items()", "words|map('upper')", "'0x1F'", "'1_0'", "'--5'", "' 7'"]
ARGUMENTS = ["0", "1", "2", "3", "-1", "10", "1.5", "true", "false", "none", "''", "' '", "'a'", "','", "'x'", "'name'", "'age'", "'upper'", "'odd'", "'Hello'",
             "[1, 2]", "{}", "{'a': 1}", "'value'", "'ceil'", "nums", "words", "missing", "('a', 'b')", "16", "'city.name'", "'0'", "'%05.1f'"]
KEYWORDS = ["default", "attribute", "width", "reverse", "case_sensitive", "first", "blank", "length", "killwords", "end", "precision", "method", "start",
            "indent", "by", "x", "d", "boolean", "base", "binary", "sep", "maxsplit", "keepends", "count", "fill_with"]


def call(r):
    """One filter, method or test with arguments that may or may not fit."""
    args = [r.choice(ARGUMENTS) for _ in range(r.choice([0, 0, 1, 1, 1, 2, 2, 3]))]
    if r.random() < 0.15:
        args.append("%s=%s" % (r.choice(KEYWORDS), r.choice(ARGUMENTS)))
    brackets = "(%s)" % ", ".join(args)
    kind = r.randrange(10)
    if kind < 6:
        text = "%s|%s%s" % (r.choice(VALUES), r.choice(FILTER_NAMES), brackets if args else "")
    elif kind < 9:
        text = "(%s).%s%s" % (r.choice(VALUES), r.choice(METHOD_NAMES), brackets)
    else:
        text = "(%s) is %s%s" % (r.choice(VALUES), r.choice(TEST_NAMES), brackets if args else "")
    return r.choice(["{{ %s }}", "{{ %s }}", "{{ (%s)|list }}", "{%% for x in %s %%}{{ x }};{%% endfor %%}", "{{ [%s] }}"]) % text


def calls(seed, count):
    r = random.Random("calls " + seed)
    return [call(r) for _ in range(count)]


class Scopes:
    """Few names set and read in all kinds of bodies inside each other: which variable does a name mean?"""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.macros = 0

    def name(self):
        return self.r.choice(["x", "y", "n", "name", "z"])

    def value(self):
        a, b = self.name(), self.r.randrange(9)
        return self.r.choice(["%d" % b, "%s" % a, "[%s]" % a, "'%d' ~ %s" % (b, a), "%s ~ %s" % (a, self.name()), "%s|default(%d)" % (a, b)])

    def show(self):
        return "{{ [%s] }}" % ", ".join(self.r.sample(["x", "y", "n", "name", "z"], 3))

    def body(self, depth):
        return "".join(self.statement(depth + 1) for _ in range(self.r.randrange(1, 4)))

    def signature(self):
        return self.r.choice(["", "x", "x, y=n", "x=y, y=2", "name", "n='d', z=n"])

    def statement(self, depth=0):
        kind = self.r.randrange(14) if depth < 4 else self.r.randrange(4)
        if kind < 2:
            return self.show()
        if kind < 4:
            return self.r.choice(["{%% set %s = %s %%}" % (self.name(), self.value()), # Not the same name twice: CPython 3.11 stores those in another order.
                                  "{%% set %s, %s = 1, %s %%}" % (*self.r.sample(["x", "y", "n", "name", "z"], 2), self.name())])
        if kind == 4:
            return "{%% set %s %%}%s{%% endset %%}" % (self.name(), self.body(depth))
        if kind < 7:
            other = "{% else %}" + self.body(depth) if self.r.random() < 0.5 else ""
            middle = "{%% elif %s %%}%s" % (self.name(), self.body(depth)) if self.r.random() < 0.3 else ""
            return "{%% if %s %%}%s%s%s{%% endif %%}" % (self.r.choice(["1", "0", "x", "y is defined", "loop is defined", "z"]), self.body(depth), middle, other)
        if kind < 9:
            test = " if %s" % self.r.choice(["x", "n", "1", "x != 2", "y is defined"]) if self.r.random() < 0.3 else ""
            other = "{% else %}" + self.body(depth) if self.r.random() < 0.3 else ""
            inside = self.r.choice(["", "{{ loop.index }}", "{{ loop.last }}{{ loop.length }}"])
            return "{%% for %s in [1, 2]%s %%}%s%s%s{%% endfor %%}" % (self.name(), test, inside, self.body(depth), other)
        if kind == 9:
            return "{%% with %s = %s, %s = %s %%}%s{%% endwith %%}" % (self.name(), self.value(), self.name(), self.value(), self.body(depth))
        if kind == 10:
            self.macros += 1
            name = "m%d" % self.macros
            call = "{{ %s(%s) }}" % (name, self.r.choice(["", "1", "x", "n, 2", "x=3", "y=x"]))
            return "{%% macro %s(%s) %%}%s{%% endmacro %%}%s%s" % (name, self.signature(), self.body(depth), self.statement(4), call)
        if kind == 11:
            self.macros += 1
            name = "m%d" % self.macros
            return "{%% macro %s(x) %%}(%s{{ caller(x) }}){%% endmacro %%}{%% call(%s) %s(n) %%}%s{%% endcall %%}" % (
                name, self.show(), self.name(), name, self.body(depth))
        if kind == 12:
            return "{%% filter upper %%}%s{%% endfilter %%}" % self.body(depth)
        return "{%% for %s in [1, [2, []]] recursive %%}%s{%% if %s is iterable and %s is not string %%}{{ loop(%s) }}{%% endif %%}{%% endfor %%}" % (
            ("x", self.body(depth)) + ("x",) * 3)


def scopes(seed, count):
    return [Scopes("%s/%d" % (seed, i)).body(0) for i in range(count)]


def templates(seed, count):
    for i in range(count):
        yield Generator("%s/%d" % (seed, i)).template()
