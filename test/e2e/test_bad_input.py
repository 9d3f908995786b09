# SPDX-License-Identifier: Apache-2.0
"""Files and graphs that are broken or hostile: a clear text that names node and field, or a run that
ends; soon, and with the server still there."""
import base64
import json
import time

import pytest
import requests
import yaml
from tatara import EMAIL, PASSWORD, events


@pytest.fixture(scope="module")
def console(server):
    s = requests.Session()
    r = s.post(server.url + "/console/api/login", json={
        "email": EMAIL, "password": base64.b64encode(PASSWORD.encode()).decode()})
    assert r.status_code == 200, r.text
    s.headers["X-CSRF-Token"] = s.cookies["csrf_token"]
    return s


def node(id, type, **data):
    return {"id": id, "type": "custom", "data": dict({"type": type, "title": id}, **data)}


def edge(source, target, handle="source"):
    return {"source": source, "target": target, "sourceHandle": handle, "targetHandle": "target"}


def app_file(nodes, edges, mode="workflow"):
    return yaml.safe_dump({"app": {"name": "bad", "mode": mode}, "kind": "app", "version": "0.5.0",
                           "workflow": {"graph": {"nodes": nodes, "edges": edges}, "features": {}}})


START = node("s", "start", variables=[{"variable": "l", "type": "json_object", "required": False}])
END = node("e", "end", outputs=[{"variable": "o", "value_selector": ["nobody", "x"]}])
LOOP = dict(loop_count=2, break_conditions=[], loop_variables=[], start_node_id="lps")
LPS = {"id": "lps", "type": "custom-loop-start", "parentId": "lp", "data": {"type": "loop-start", "loop_id": "lp"}}

# graph, what the error must name; None: the run ends well
GRAPHS = {
    "cycle": ([START, node("a", "variable-aggregator", variables=[]), node("b", "variable-aggregator", variables=[]), END],
              [edge("s", "e"), edge("a", "b"), edge("b", "a")], None),
    "cycle_on_the_way": ([START, node("a", "variable-aggregator", variables=[]), node("b", "variable-aggregator", variables=[]), END],
                         [edge("s", "a"), edge("a", "b"), edge("b", "a"), edge("b", "e")], None),
    "cycle_in_a_loop": ([START, node("lp", "loop", **LOOP), LPS, node("a", "variable-aggregator", variables=[], loop_id="lp"),
                         node("b", "variable-aggregator", variables=[], loop_id="lp"), END],
                        [edge("s", "lp"), edge("lps", "a"), edge("a", "b"), edge("b", "a"), edge("lp", "e")], None),
    "loop_into_the_outside": ([START, node("lp", "loop", **dict(LOOP, start_node_id="s")), END],
                              [edge("s", "lp"), edge("lp", "e")], ["lp", "10 deep"]),
    "edge_to_nowhere": ([START, END], [edge("s", "e"), edge("s", "ghost")], ["MISSING_NODE", "s -> ghost"]),
    "no_root": ([END], [], ["INVALID_ROOT", "e"]),
    "unknown_type": ([START, node("w", "warp-drive"), END], [edge("s", "w"), edge("w", "e")], ["w", "data.type", "warp-drive"]),
    "no_data": ([START, {"id": "x", "type": "custom"}], [], ["x", "data"]),
    "iteration_of_nothing": ([START, node("it", "iteration", iterator_selector=["nobody", "l"], output_selector=["x", "y"], start_node_id="q"), END],
                             [edge("s", "it"), edge("it", "e")], ["['nobody', 'l'] not found"]),
    "iteration_without_list": ([START, node("it", "iteration", output_selector=["x", "y"]), END], [edge("s", "it")], ["it", "iterator_selector"]),
    "condition_on_nothing": ([START, node("i", "if-else", cases=[{"case_id": "true", "logical_operator": "and", "conditions": [
        {"variable_selector": ["nobody", "x"], "comparison_operator": "is", "value": "1"}]}]), END],
        [edge("s", "i"), edge("i", "e", "true")], ["['nobody', 'x'] not found"]),
    "operator": ([START, node("i", "if-else", cases=[{"case_id": "true", "logical_operator": "and", "conditions": [
        {"variable_selector": ["s", "l"], "comparison_operator": "~", "value": "1"}]}]), END], [edge("s", "i")], ["i", "comparison_operator"]),
    "loop_count": ([START, node("lp", "loop", **dict(LOOP, loop_count="many")), LPS], [edge("s", "lp")], ["lp", "loop_count"]),
    "end_of_nothing": ([START, END], [edge("s", "e")], None),
}


def run(server, text, tmp_path):
    """The error of importing, publishing or running, or None."""
    path = tmp_path / "bad.yml"
    path.write_text(text)
    r = server.run("app", "import", str(path), "--json", check=False)
    if r.returncode:
        return r.stdout + r.stderr
    app = json.loads(r.stdout)["id"]
    r = server.run("app", "publish", app, check=False)
    if r.returncode:
        return r.stdout + r.stderr
    key = server.json("key", "create", "--app", app)["token"]
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key}, timeout=240,
                      json={"inputs": {}, "user": "u", "response_mode": "streaming"})
    if r.status_code != 200:
        return r.text
    last = events(r)[-1]
    return last["message"] if last["event"] == "error" else last["data"]["error"]


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_graph(server, tmp_path, name):
    nodes, edges, names = GRAPHS[name]
    started = time.time()
    error = run(server, app_file(nodes, edges), tmp_path)
    assert time.time() - started < 60
    if names is None:
        assert not error, error
    else:
        assert error, "no error"
        for text in names:
            assert text in error, error


def nested(n):
    return "[" * n + "]" * n


FILES = {
    "bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join("%s: &%s [%s]\n" % (c, c, ",".join(["*" + p] * 9))
                                                     for p, c in zip("abcdefghijk", "bcdefghijkl")),
    "deep_flow": "app: {name: x, mode: workflow, deep: %s}\n" % nested(100000),
    "deep_block": "".join("%sk:\n" % (" " * i) for i in range(3000)),
    "deep_json": json.dumps({"data": "app: 1"})[:-1] + ', "x": ' + nested(50000) + "}",
    "too_large": "app: {name: x, mode: workflow}\nnote: " + "x" * (10 << 20) + "\n",
    "almost_too_large": "app: {name: x, mode: workflow}\nkind: app\nlist:\n" + "- {a: 1, b: [2, 3]}\n" * 450000,
    "no_mapping": "- 1\n- 2\n",
    "binary": "app: \x00\x01\n",
    "alias_of_itself": "a: &a [*a]\n",
    "no_mode": "app: {name: x}\n",
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_file(server, console, name):
    """Refused with a text, in seconds; the process that refused it answers the next request."""
    before = server.roles()["api"]["pid"]
    started = time.time()
    r = console.post(server.url + "/console/api/apps/imports", timeout=240,
                     json={"mode": "yaml-content", "yaml_content": FILES[name]})
    assert time.time() - started < 60
    assert 400 <= r.status_code < 500, r.text
    answer = r.json()
    assert len(answer.get("error") or answer.get("message")) > 10, answer
    assert server.roles()["api"]["pid"] == before


def test_more_nodes_than_a_graph_may_have(server, tmp_path):
    """Imported as a draft, with the reason why it will not run."""
    path = tmp_path / "many.yml"
    path.write_text(app_file([START] + [node("n%d" % i, "answer", answer="") for i in range(5001)], []))
    r = server.run("app", "import", str(path))
    assert "more than 5000 nodes" in r.stdout + r.stderr
