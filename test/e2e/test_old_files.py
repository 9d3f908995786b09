# SPDX-License-Identifier: Apache-2.0
"""Old spellings and old versions of app files: they import and run as they always did (workflow.md 12.16)."""
import json

import yaml
from graphs import STUB, Graph, app_file, code, end, http, run, start

MODEL = {"provider": "openai_api_compatible", "name": "mock", "mode": "chat", "completion_params": {}}


def test_variable_assigner_is_the_aggregator(server):
    old = {"id": "a", "type": "variable-assigner", "output_type": "string", "variables": [["gone", "x"], ["start", "v"]]}
    g = run(server, [start("v"), old, end(o="a.output")], ["start a", "a end"], {"v": "x"})
    assert g.done["outputs"] == {"o": "x"}


def test_the_older_instructions_of_a_classifier_are_ignored(server):
    node = {"id": "q", "type": "question-classifier", "query_variable_selector": ["start", "v"], "model": MODEL,
            "classes": [{"id": "1", "name": "weather"}, {"id": "2", "name": "sports"}],
            "instructions": "NEVER-SENT", "vision": {"enabled": False}}
    g = run(server, [start("v"), node, end("one", c="q.class_name"), end("two", c="q.class_name")],
            ["start q", "q 1 one", "q 2 two"], {"v": "weather today"})
    assert g.done["outputs"] == {"c": "weather"}, g.done["error"]
    assert "NEVER-SENT" not in json.dumps(g.events)


def test_bodies_that_are_a_text(server):
    node = http("h", STUB + "/echo", "post", body={"type": "json", "data": '{"q": "{{#start.v#}}"}'})
    g = run(server, [start("v"), node, end(b="h.body")], ["start h", "h end"], {"v": "x"})
    assert json.loads(json.loads(g.done["outputs"]["b"])["body"]) == {"q": "x"}
    node = http("h", STUB + "/echo", "post", body={"type": "none", "data": ""})
    g = run(server, [start("v"), node, end(b="h.body")], ["start h", "h end"], {"v": "x"})
    assert json.loads(g.done["outputs"]["b"])["body"] == ""


def test_old_names_of_timeouts_are_ignored(server):
    node = http("h", STUB + "/json", timeout={"max_connect_timeout": 0, "max_read_timeout": 0, "max_write_timeout": 0})
    g = run(server, [start(), node, end(s="h.status_code")], ["start h", "h end"])
    assert g.done["outputs"] == {"s": 200}


def test_bare_tool_parameters(server):
    node = {"id": "t", "type": "tool", "provider_id": "time", "provider_type": "builtin", "provider_name": "time",
            "tool_name": "weekday", "tool_label": "w", "tool_configurations": {},
            "tool_parameters": {"year": "2024", "month": "2", "day": "{{#start.v#}}"}}
    g = run(server, [start("v"), node, end(t="t.text")], ["start t", "t end"], {"v": "29"})
    assert g.done["status"] == "succeeded" and "Thursday" in g.done["outputs"]["t"], g.done


def if_else(**more):
    return dict({"id": "i", "type": "if-else"}, **more)


def test_conditions_without_cases(server):
    old = if_else(logical_operator="and", conditions=[
        {"variable_selector": ["start", "v"], "comparison_operator": "is", "value": "x", "id": "1"}])
    edges = ["start i", "i true yes", "i false no"]
    nodes = [start("v"), old, end("yes", y="start.v"), end("no", n="start.v")]
    assert run(server, nodes, edges, {"v": "x"}).done["outputs"] == {"y": "x"}
    assert run(server, nodes, edges, {"v": "z"}).done["outputs"] == {"n": "z"}


def test_conditions_beside_cases_are_ignored(server):
    both = if_else(logical_operator="and", conditions=[
        {"variable_selector": ["gone", "x"], "comparison_operator": "is", "value": "x"}], cases=[
        {"case_id": "true", "logical_operator": "and", "conditions": [
            {"variable_selector": ["start", "v"], "comparison_operator": "is", "value": "x"}]}])
    g = run(server, [start("v"), both, end("yes", y="start.v")], ["start i", "i true yes"], {"v": "x"})
    assert g.done["outputs"] == {"y": "x"}, g.done["error"]


def test_iteration_without_a_start_node(server):
    """0.1.0 files: start_node_id names the inner node itself."""
    inner = dict(code("x", "def main(i):\n    return {'r': i * 10}", {"r": "number"}), iteration_id="it",
                 isIterationStart=True, variables=[{"variable": "i", "value_selector": ["it", "item"]}])
    g = run(server, [start(), code("src", "def main():\n    return {'l': [1, 2]}", {"l": "array[number]"}),
                     {"id": "it", "type": "iteration", "start_node_id": "x", "startNodeType": "code",
                      "iterator_selector": ["src", "l"], "output_selector": ["x", "r"]}, inner, end(l="it.output")],
            ["start src", "src it", "it end"])
    assert g.done["outputs"] == {"l": [10, 20]}, g.done["error"]


def test_code_with_dependencies_and_extra_keys(server):
    node = code("c", "def main():\n    return {'r': 'x'}", {"r": "string"}, dependencies=[{"name": "numpy"}],
                desc="d", selected=True, my_own={"k": 1})
    g = run(server, [start(), node, end(r="c.r")], ["start c", "c end"])
    assert g.done["outputs"] == {"r": "x"}


def test_files_without_a_version(server):
    text = json.loads(app_file([start("v"), end(v="start.v")], ["start end"]))
    del text["version"]
    del text["kind"]
    g = Graph(server, yaml.safe_dump(text))
    assert g.run({"v": "x"})["outputs"] == {"v": "x"}


def test_the_raw_answer_of_an_export(server):
    """{"data": "<YAML>"}, with characters beyond the first plane."""
    inner = yaml.safe_dump(json.loads(app_file([start("v"), dict(end(v="start.v"), title="\U0001f525")], ["start end"])),
                           allow_unicode=True)
    g = Graph(server, json.dumps({"data": inner}))
    assert g.run({"v": "x"})["outputs"] == {"v": "x"}
    assert g.of("node_started", "end")[0]["title"] == "\U0001f525"
