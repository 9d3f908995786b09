# SPDX-License-Identifier: Apache-2.0
"""Jinja2 in running apps: template nodes on the loop, on a thread and in the sandbox; prompts of llm nodes."""
import json
import time

import pytest
from test_human import App, app_file, edge, events_of, node, out, start

VARIABLES = [{"variable": "items", "value_selector": ["s", "items"]}, {"variable": "gone", "value_selector": ["s", "gone"]}]


def template_app(template, **more):
    return app_file([start("items"), node("t", "template-transform", template=template, variables=VARIABLES, **more),
                     out("e", "r", "t", "output")], [edge("s", "t"), edge("t", "e")])


def result(server, template, items="a,b"):
    return App(server, template_app(template)).run({"items": items}, mode="blocking").json()["data"]


@pytest.mark.parametrize("template,want", [
    ("{% for x in items.split(',') %}{{ loop.index }}. {{ x | upper }}\n{% endfor %}{{ gone }}", "1. A\n2. B\nNone"),
    # More than the loop's budget: on a thread.
    ("{% for x in range(60000) %}{% if loop.last %}{{ x }}{% endif %}{% endfor %}", "59999"),
    # What the renderer leaves to the real package.
    ("{{ items.__class__.__name__ }} {{ 2 ** 70 }}", "str 1180591620717411303424"),
    ("{% block a %}in {{ items }}{% endblock %}", "in a,b"),
])
def test_template(server, template, want):
    data = result(server, template)
    assert (data["status"], data["outputs"]) == ("succeeded", {"r": want}), data


@pytest.mark.parametrize("template,error", [
    ("{{ items.x.y }}", "jinja2.exceptions.UndefinedError: 'str object' has no attribute 'x'"),
    ("{% if %}", "jinja2.exceptions.TemplateSyntaxError: Expected an expression, got 'end of statement block'"),
    ("{{ items.__class__.zz.y }}", "UndefinedError"),  # of the sandbox
    ("{{ 'x' * 400001 }}", "Output length exceeds 400000 characters"),
    ("{% for x in range(1000000) %}{% for y in range(1000000) %}{% endfor %}{% endfor %}", "takes more than 20000000 steps"),
])
def test_failures(server, template, error):
    started = time.time()
    data = result(server, template)
    assert data["status"] == "failed" and error in data["error"], data
    assert time.time() - started < 100


def test_the_loop_goes_on_while_a_thread_renders(server):
    """A template of seconds does not hold up another run of the same process."""
    slow = App(server, template_app("{% for x in range(1000000) %}{% for y in range(12) %}{% endfor %}{% endfor %}"))
    quick = App(server, template_app("{{ items }}"))
    quick.run({"items": "1"}, mode="blocking")
    for _ in range(10):  # this process may stand still for as long as the slow one takes, but not each time
        stream = slow.run({"items": ""})
        lines = (json.loads(x[6:]) for x in stream.iter_lines() if x.startswith(b"data: "))
        first = next(lines)
        assert first["event"] == "workflow_started"
        assert quick.run({"items": "2"}, mode="blocking").json()["data"]["outputs"] == {"r": "2"}
        overtaken = slow.call("GET", "/v1/workflows/run/" + first["workflow_run_id"]).json()["status"] == "running"
        assert list(lines)[-1]["event"] == "workflow_finished"
        if overtaken:
            return
    raise AssertionError("the quick run never ended before the slow one")


def test_characters_are_counted(server):
    assert result(server, "{{ '\u65e5' * 400000 }}")["outputs"] == {"r": "\u65e5" * 400000}


def llm_app(prompt, mode="chat", variables=VARIABLES[:1], **more):
    model = {"provider": "openai_api_compatible", "name": "mock", "mode": mode, "completion_params": {}}
    return app_file([start("items"), node("l", "llm", model=model, prompt_template=prompt, context={"enabled": False},
                                          prompt_config={"jinja2_variables": variables}, **more),
                     out("e", "r", "l", "text")], [edge("s", "l"), edge("l", "e")])


def jinja(text, role="user"):
    return {"role": role, "text": "", "edition_type": "jinja2", "jinja2_text": text, "id": role}


def prompts(server, path, items="a,b"):
    """(prompts that the model got, error)"""
    for e in events_of(App(server, path).run({"items": items})):
        if e["event"] == "node_finished" and e["data"]["node_type"] == "llm":
            return [(p["role"], p["text"]) for p in e["data"]["process_data"].get("prompts", [])], e["data"]["error"]
    raise AssertionError("the node did not run")


def test_jinja_prompts(server):
    got, error = prompts(server, llm_app([
        jinja("{% for x in items.split(',') %}<{{ x }}>{% endfor %}", "system"), jinja("{{ '' }}"),
        {"role": "user", "text": "basic {{#s.items#}} {{ items }}", "edition_type": "basic", "id": "b"},
        jinja("{{ s }}{{ items|length }} {{ 2 ** 70 }}", "assistant")]))
    assert error is None
    assert got == [("system", "<a><b>"), ("user", "basic a,b {{ items }}"), ("assistant", "3 1180591620717411303424")]


def test_jinja_completion_prompt(server):
    got, error = prompts(server, llm_app(dict(jinja("Q {{ items|upper }}"), role=None), mode="completion"))
    assert (error, got) == (None, [("user", "Q A,B")])


def test_jinja_prompt_failures(server):
    got, error = prompts(server, llm_app([jinja("{{ items.x.y }}")]))
    assert error.startswith("jinja2.exceptions.UndefinedError: 'str object' has no attribute 'x'")
    missing = [{"variable": "z", "value_selector": ["s", "nope"]}]
    path = llm_app([jinja("x")], variables=missing)
    assert prompts(server, path)[1] == "Variable #s.nope# not found"
