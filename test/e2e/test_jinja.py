# SPDX-License-Identifier: Apache-2.0
"""Templates rendered by the program's own engine and by the real Jinja2 (jinja/oracle.py): the same text, or the
same failure, or a plain "not here", which must stay rare.

    JINJA_CASES=20000 JINJA_SEED=x pytest test/e2e/test_jinja.py     more random templates, other ones
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "jinja"))
import cases  # noqa: E402
import generate  # noqa: E402

BUILD = os.environ.get("TATARA_BUILD", os.path.join(ROOT, "build"))
OURS = [os.path.join(BUILD, "test/unit/text/jinja_render")]
REAL = ["/usr/bin/python3", os.path.join(HERE, "jinja/oracle.py")]
# What the templates of cases.py may leave to the real package, and why.
LEFT = {"items_key.items }}": "an address is printed", ".append(5) %}": "Python's own message", "\u20ac": "a character's name"}


def run(command, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
    answers = [json.loads(x) for x in done.stdout.split("\n") if x]
    assert done.returncode == 0 and len(answers) == len(lines), \
        "%s: ends with %d at %r\n%s" % (command[0], done.returncode, lines[len(answers)]["template"], done.stderr[-2000:])
    return answers


def same(ours, real):
    if "output" in ours:
        return ours["output"] == real.get("output")
    if ours.get("limit", "").startswith("RecursionError"):
        return real.get("error", "").startswith("RecursionError")
    failure = re.fullmatch(r"(.*?)(?: \(line (\d+)\))?", ours.get("error", ""), re.S)
    if not failure or failure.group(1) != real.get("error"):
        return False
    return "line" not in real or str(real["line"]) == failure.group(2)


def compare(templates):
    """Fails at the first difference; returns (template, ours, real) of those that are left to the package."""
    lines = [{"template": t, "inputs": cases.INPUTS} for t in templates]
    left = []
    for line, ours, real in zip(lines, run(OURS, lines), run(REAL, lines)):
        if "unsupported" in ours:
            left.append((line["template"], ours, real))
            continue
        assert same(ours, real), "template %r\nours %r\nreal %r" % (line["template"], ours, real)
    return left


def test_the_table_of_templates():
    templates = [t for _, t in cases.all_cases()]
    assert len(templates) > 500
    for template, ours, _ in compare(templates):
        assert any(mark in template for mark in LEFT), (template, ours)


def test_random_templates():
    count = int(os.environ.get("JINJA_CASES", "1200"))
    templates = list(generate.templates(os.environ.get("JINJA_SEED", "tatara"), count))
    left = compare(templates)
    # What prints an address is not the same twice in the real one either.
    left = [x for x in left if not x[1]["unsupported"].startswith("printing a ")]
    assert len(left) < count * 0.05, [x[1] for x in left[:20]]


def test_random_scopes():
    """Which variable a name means, in bodies inside each other."""
    count = int(os.environ.get("JINJA_CASES", "400"))
    left = compare(generate.scopes(os.environ.get("JINJA_SEED", "tatara"), count))
    assert len(left) < count * 0.02, [x[1] for x in left[:20]]


def test_random_calls():
    """Each filter, method and test with arguments that may or may not fit."""
    count = int(os.environ.get("JINJA_CASES", "1200"))
    left = compare(generate.calls(os.environ.get("JINJA_SEED", "tatara"), count))
    # Failures whose message is Python's own are left to it; what it renders is rendered here.
    left = [x for x in left if "output" in x[2] and " at 0x" not in x[2]["output"]]
    assert len(left) < count * 0.03, [x[:2] for x in left[:20]]


def test_characters():
    """Case and kind of characters: all of the lower planes' beginning, then samples."""
    questions = ["isalpha", "isalnum", "isdigit", "isdecimal", "isnumeric", "isspace", "islower", "isupper", "istitle"]
    kinds = "{% for c in t %}" + "".join("{{ c.%s()|int }}" % q for q in questions) + "{% endfor %}"
    change = "{{ t.upper() }}|{{ t.lower() }}|{{ t.swapcase() }}|{% for c in t %}{{ c.title() }}{% endfor %}|{{ t|title }}|{{ [t] }}"
    codes = [c for c in [*range(0x3000), *range(0x3000, 0x20000, 13)] if not 0xD800 <= c < 0xE000 and c != 0x3A3]
    lines = []
    for at in range(0, len(codes), 1500):
        text = "".join(map(chr, codes[at:at + 1500]))
        lines += [{"template": t, "inputs": {"t": text}} for t in (kinds, change)]
    for line, ours, real in zip(lines, run(OURS, lines), run(REAL, lines)):
        assert same(ours, real), (line["template"], hex(ord(line["inputs"]["t"][0])), str(ours)[:300])


def test_differences_are_seen():
    """The comparison itself: a wrong text, a wrong failure and a wrong line do not pass."""
    assert same({"output": "a"}, {"output": "a"}) and not same({"output": "a"}, {"output": "b"})
    assert not same({"output": ""}, {"error": "x"}) and not same({"limit": "x"}, {"error": "x"})
    assert same({"error": "x (line 1)"}, {"error": "x"}) and not same({"error": "y (line 1)"}, {"error": "x"})
    assert not same({"error": "x (line 1)"}, {"error": "x", "line": 2})
