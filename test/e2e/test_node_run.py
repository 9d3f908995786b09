# SPDX-License-Identifier: Apache-2.0
"""One node of a draft on its own, and the values that runs of drafts leave for it: the routes that the
console's editor drives."""
import json
import os
import sqlite3
import tempfile

import pytest
import requests
from graphs import app_file, code, default_value, end, fail_branch, http, retry, start
from tatara import Server, events
from test_console import sign_in

DOUBLE = code("double", "def main(x) -> dict:\n    return {'r': x * 2, 'box': {'in': [x]}}\n",
              {"r": "number", "box": "object"}, variables=[{"variable": "x", "value_selector": ["first", "n"]}])
FIRST = code("first", "def main(a) -> dict:\n    return {'n': int(a) + 1}\n", {"n": "number"},
             variables=[{"variable": "a", "value_selector": ["start", "a"]}])
CHAIN = ([start("a"), FIRST, DOUBLE, end(out="double.r")], ["start first", "first double", "double end"])


class Draft:
    """The draft of one app, as an editor sees it."""

    def __init__(self, server, nodes, edges, mode="workflow", session=None, **workflow):
        with tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False) as f:
            f.write(app_file(nodes, edges, mode, **workflow))
        self.server, self.console = server, session or sign_in(server)
        self.id = server.json("app", "import", f.name)["id"]
        os.unlink(f.name)
        self.mode = mode

    def as_person(self, session):
        other = object.__new__(Draft)
        other.__dict__.update(self.__dict__, console=session)
        return other

    def call(self, method, tail, body=None, status=200, **more):
        r = self.console.request(method, "%s/console/api/apps/%s/%s" % (self.server.url, self.id, tail),
                                 json=body, timeout=240, **more)
        assert r.status_code == status, "%s %s: %d %s" % (method, tail, r.status_code, r.text)
        return r

    def run(self, inputs, **more):
        """All of it; the events."""
        way = "advanced-chat/" if self.mode == "advanced-chat" else ""
        r = self.call("POST", way + "workflows/draft/run", dict({"inputs": inputs, "files": []}, **more))
        return events(r)

    def node(self, node, inputs=None, status=200, **more):
        body = dict({"inputs": inputs or {}}, **more)
        return self.call("POST", "workflows/draft/nodes/%s/run" % node, body, status).json()

    def container(self, kind, node, inputs, status=200):
        way = "advanced-chat/" if self.mode == "advanced-chat" else ""
        r = self.call("POST", way + "workflows/draft/%s/nodes/%s/run" % (kind, node), {"inputs": inputs}, status)
        return events(r) if status == 200 else r.json()

    def last(self, node, status=200):
        return self.call("GET", "workflows/draft/nodes/%s/last-run" % node, status=status).json()

    def values(self, node):
        rows = self.call("GET", "workflows/draft/nodes/%s/variables" % node).json()["items"]
        return {v["name"]: v for v in rows}

    def plain(self, node):
        return {k: v["value"] for k, v in self.values(node).items()}

    def names(self, **query):
        page = self.call("GET", "workflows/draft/variables", params=query).json()
        return [".".join(v["selector"]) for v in page["items"]], page["total"]


@pytest.fixture(scope="module")
def chain(server):
    return Draft(server, *CHAIN)


def test_a_node_takes_what_is_given_and_else_what_runs_have_left(server):
    d = Draft(server, *CHAIN)
    for inputs in ({}, {"y": 3}, {"#first.m#": 3}, {"#start.a#": 3}):
        r = d.node("double", inputs, status=400)
        assert r["code"] == "invalid_param"
        for word in ("'double'", "variables[0].value_selector", "first.n", '"#first.n#"'):
            assert word in r["message"], r["message"]
    # By the node's own name for it, by the selector, with the node's id before it.
    for key in ("x", "#first.n#", "double.x", "double.#first.n#", "first.n"):
        r = d.node("double", {key: 5})
        assert (r["status"], r["inputs"], r["outputs"]["r"]) == ("succeeded", {"x": 5}, 10), key
    assert d.names()[0] == ["double.r", "double.box"], "what is given is not what a node has left"
    d.run({"a": "20"})
    r = d.node("double")
    assert r["inputs"] == {"x": 21} and r["outputs"] == {"box": {"in": [21]}, "r": 42}
    assert d.node("double", {"x": 1})["outputs"]["r"] == 2, "what is given wins"
    r = d.node("first", {}, status=200)
    assert r["inputs"] == {"a": "20"}, "inputs of the form are left by the start node"


def test_a_single_run_is_no_run_of_the_app(server, chain):
    before = chain.call("GET", "workflow-runs?limit=100").json()["data"]
    chain.node("double", {"x": 5})
    assert chain.call("GET", "workflow-runs?limit=100").json()["data"] == before
    assert chain.call("GET", "workflow-app-logs?page=1&limit=10").json()["total"] == 0


def test_lists_of_runs_say_how_long_runs_are_kept(server, chain):
    for tail in ("workflow-runs?limit=1", "workflow-app-logs?page=1&limit=1"):
        assert chain.call("GET", tail).json()["retention"] == {"days": 30, "runs_of_an_app": 50000}, tail


def test_runs_of_the_draft_leave_the_values_of_all_nodes(server):
    d = Draft(server, *CHAIN)
    assert d.names() == ([], 0)
    d.run({"a": "1"})
    names, total = d.names(page=1, limit=100)
    system = ["sys." + n for n in ("workflow_run_id", "workflow_id", "user_id", "timestamp", "files", "app_id")]
    # The latest node first, and names backwards: as recorded.
    assert names == ["end.out", "double.r", "double.box", "first.n"] + system + ["start.a"]
    assert total == len(names)
    assert d.names(page=2, limit=4) == (names[4:8], total)
    assert d.plain("double") == {"r": 4, "box": {"in": [2]}}
    assert {n: v["value_type"] for n, v in d.values("double").items()} == {"r": "number", "box": "object"}
    # A published run leaves nothing here.
    d.call("POST", "workflows/publish", {})
    key = d.call("POST", "api-keys", status=201).json()["token"]
    requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key},
                  json={"inputs": {"a": "50"}, "user": "u", "response_mode": "blocking"})
    assert d.plain("first") == {"n": 2}


def test_a_run_that_fails_leaves_what_came_before(server):
    bad = code("bad", "def main() -> dict:\n    raise ValueError('boom')\n", {"r": "string"})
    d = Draft(server, [start("a"), FIRST, bad, end(out="first.n")], ["start first", "first bad", "bad end"])
    assert d.run({"a": "1"})[-1]["data"]["status"] == "failed"
    assert d.plain("first") == {"n": 2} and d.plain("bad") == {}
    assert d.last("first")["status"] == "succeeded"
    last = d.last("bad")
    assert last["status"] == "failed" and "boom" in last["error"]
    d.last("end", 404)
    # On its own it fails the same way, and that is an answer.
    r = d.node("bad")
    assert (r["status"], r["node_id"], r["id"]) == ("failed", "bad", d.last("bad")["id"])
    assert "boom" in r["error"] and r["id"] != last["id"]


def test_strategies_and_retries_hold_for_a_single_run(server):
    url = "http://127.0.0.1:9913/status/500"
    tries = retry(default_value(http("h", url), ("body", "string", "instead")), 2)
    d = Draft(server, [start(), tries, fail_branch(code("f", "def main():\n    return 1\n", {"r": "string"})), end(out="h.body")],
              ["start h", "h f", "f success-branch end"])
    r = d.node("h")
    assert r["status"] == "exception" and r["outputs"]["body"] == "instead"
    assert r["outputs"]["error_type"] and d.plain("h")["body"] == "instead"
    run = d.values("h")["body"]
    r = d.node("f")
    assert r["status"] == "exception" and r["execution_metadata"]["error_strategy"] == "fail-branch"
    assert "error_message" in d.plain("f") and run["edited"] is False


def test_last_run_is_the_last_of_either_kind(server):
    d = Draft(server, *CHAIN)
    d.last("first", 404)
    d.run({"a": "1"})
    full = d.last("first")
    assert full["outputs"] == {"n": 2} and full["created_by_account"]["name"] == "admin"
    one = d.node("first", {"a": "7"})
    assert d.last("first") == one and one["outputs"] == {"n": 8}
    d.run({"a": "3"})
    assert d.last("first")["outputs"] == {"n": 4}


def test_values_are_changed_and_come_back(server):
    d = Draft(server, *CHAIN)
    d.run({"a": "1"})
    v = d.values("first")["n"]
    at = "workflows/draft/variables/" + v["id"]
    assert d.call("GET", at).json() == v and v["edited"] is False
    for value in ("9", [9], {"a": 9}, True):
        r = d.call("PATCH", at, {"value": value}, 400).json()
        assert "first.n" not in r["message"] and "number" in r["message"] and "n" in r["message"]
    got = d.call("PATCH", at, {"value": 9}).json()
    assert got["value"] == 9 and got["edited"] is True
    assert d.node("double")["outputs"]["r"] == 18
    got = d.call("PUT", at + "/reset").json()
    assert got["value"] == 2 and got["edited"] is False and got["id"] == v["id"]
    assert d.call("PATCH", at, {"name": "m"}).json()["selector"] == ["first", "m"]
    d.node("double", {}, 400)
    d.call("PATCH", at, {"name": "n"})
    # Of those of the system only what people write themselves.
    system = {s["name"]: s for s in d.call("GET", "workflows/draft/system-variables").json()["items"]}
    for method, tail in (("PATCH", ""), ("PUT", "/reset")):
        d.call(method, "workflows/draft/variables/%s%s" % (system["app_id"]["id"], tail), {"value": "x"}, 400)
    d.call("DELETE", at, status=204)
    d.call("GET", at, status=404)
    assert d.plain("first") == {}
    d.call("DELETE", "workflows/draft/nodes/double/variables", status=204)
    assert not [n for n in d.names(limit=100)[0] if n.startswith("double.")]
    d.call("DELETE", "workflows/draft/variables", status=204)
    assert d.names() == ([], 0)
    for node in ("sys", "conversation"):
        assert "node_id" in d.call("GET", "workflows/draft/nodes/%s/variables" % node, status=400).json()["message"]
    d.call("GET", "workflows/draft/variables?limit=101", status=400)


def test_everybody_has_values_of_their_own(server):
    owner = sign_in(server)
    r = owner.post(server.url + "/console/api/workspaces/current/members/invite-email", json={
        "emails": ["node-run@example.com"], "role": "editor", "language": "en-US"})
    token = r.json()["invitation_results"][0]["url"].split("token=")[1].split("&")[0]
    r = requests.post(server.url + "/console/api/activate", json={
        "token": token, "name": "ed", "password": "Plain-Password-9", "interface_language": "en-US",
        "timezone": "UTC", "email": "node-run@example.com"})
    assert r.status_code == 200, r.text
    a = Draft(server, *CHAIN, session=owner)
    b = a.as_person(sign_in(server, "node-run@example.com", "Plain-Password-9"))
    a.run({"a": "1"})
    assert b.names() == ([], 0)
    b.node("double", {}, 400)
    v = a.values("first")["n"]
    for method, tail, body in (("GET", "", None), ("PATCH", "", {"value": 3}), ("DELETE", "", None), ("PUT", "/reset", None)):
        b.call(method, "workflows/draft/variables/" + v["id"] + tail, body, 404)
    b.run({"a": "5"})
    b.call("DELETE", "workflows/draft/variables", status=204)
    assert a.plain("first") == {"n": 2}
    # Which run was the last is a fact about the node.
    assert a.last("first")["outputs"] == {"n": 6} and a.last("first")["created_by_account"]["name"] == "ed"


def test_members_of_objects_are_found_and_set(server):
    deep = code("deep", "def main(v) -> dict:\n    return {'r': v}\n", {"r": "array[number]"},
                variables=[{"variable": "v", "value_selector": ["double", "box", "in"]}])
    d = Draft(server, CHAIN[0] + [deep], CHAIN[1] + ["double deep"])
    d.run({"a": "1"})
    assert d.node("deep")["outputs"] == {"r": [2]}
    assert d.node("deep", {"v": [7]})["outputs"] == {"r": [7]}
    assert d.plain("double")["box"] == {"in": [2]}, "what is given is not kept"


def test_a_large_value_is_shown_cut_and_used_whole(server):
    text = "def main() -> dict:\n    return {'t': 'x' * 150000, 'l': list(range(20))}\n"
    big = code("big", text, {"t": "string", "l": "array[number]"})
    size = code("size", "def main(t) -> dict:\n    return {'n': len(t)}\n", {"n": "number"},
                variables=[{"variable": "t", "value_selector": ["big", "t"]}])
    small = Server(dict(WORKFLOW_VARIABLE_TRUNCATION_STRING_LENGTH="1000",
                        WORKFLOW_VARIABLE_TRUNCATION_ARRAY_LENGTH="5", CODE_MAX_STRING_LENGTH="400000",
                        TATARA_DRAFT_VARIABLES_MAX="9"))
    small.env["FILES_URL"] = small.env["CONSOLE_API_URL"] = small.url
    small.start().setup()
    try:
        d = Draft(small, [start(), big, size, end(n="size.n")], ["start big", "big size", "size end"])
        d.run({})
        assert len(d.names()[0]) == 9, "only the newest stay"
        rows = d.values("big")
        t, lst = rows["t"], rows["l"]
        assert t["is_truncated"] and len(t["value"]) == 1000 and lst["value"] == [0, 1, 2, 3, 4]
        assert t["full_content"]["size_bytes"] == 150000 and t["full_content"]["length"] is None
        assert lst["full_content"]["length"] == 20 and lst["full_content"]["value_type"] == "array[number]"
        r = requests.get(t["full_content"]["download_url"])
        assert r.text == "x" * 150000 and "big-t.txt" in r.headers["Content-Disposition"]
        r = requests.get(lst["full_content"]["download_url"])
        assert r.json() == list(range(20)) and "big-l.json" in r.headers["Content-Disposition"]
        wrong = t["full_content"]["download_url"].replace("sign=", "sign=x")
        assert requests.get(wrong).status_code == 404
        assert [v["is_truncated"] for v in d.call("GET", "workflows/draft/variables").json()["items"]
                if v["name"] == "t"] == [True]
        assert d.node("size")["outputs"] == {"n": 150000}
        d.call("PATCH", "workflows/draft/variables/" + t["id"], {"value": "short"}, 400)
        # With the app they go.
        r = d.console.delete("%s/console/api/apps/%s" % (small.url, d.id))
        assert r.status_code == 204, r.text
        db = sqlite3.connect(small.data + "/tatara.db")
        assert [db.execute("SELECT COUNT(*) FROM " + t).fetchone()[0] for t in ("draft_variables", "draft_nodes")] == [0, 0]
    finally:
        small.remove()


ITEM = code("item", "def main(v, add) -> dict:\n    return {'r': v + add}\n", {"r": "number"}, iteration_id="it",
            isInIteration=True, variables=[{"variable": "v", "value_selector": ["it", "item"]},
                                           {"variable": "add", "value_selector": ["first", "n"]}])
IT = {"id": "it", "type": "iteration", "iterator_selector": ["list", "l"], "output_selector": ["item", "r"],
      "output_type": "array[number]", "start_node_id": "itstart"}
LOOP = {"id": "lo", "type": "loop", "loop_count": 10, "start_node_id": "lostart", "logical_operator": "and",
        "break_conditions": [{"variable_selector": ["lo", "n"], "comparison_operator": ">", "value": "{{#start.a#}}",
                              "varType": "number"}],
        "loop_variables": [{"label": "n", "var_type": "number", "value_type": "variable", "value": ["first", "n"]}]}
GROW = {"id": "grow", "type": "assigner", "version": "2", "loop_id": "lo", "isInLoop": True, "items": [
    {"variable_selector": ["lo", "n"], "operation": "+=", "input_type": "constant", "value": 2}]}
CONTAINERS = ([start("a"), FIRST, code("list", "def main() -> dict:\n    return {'l': [1, 2]}\n", {"l": "array[number]"}),
               IT, {"id": "itstart", "type": "iteration-start", "iteration_id": "it"}, ITEM, LOOP,
               {"id": "lostart", "type": "loop-start", "loop_id": "lo"}, GROW, end(o="it.output")],
              ["start first", "first list", "list it", "itstart item", "it lo", "lostart grow", "lo end"])


@pytest.mark.parametrize("mode", ["workflow", "advanced-chat"])
def test_containers_run_with_what_lies_in_them(server, mode):
    nodes = [n if n["id"] != "end" or mode == "workflow" else {"id": "end", "type": "answer", "answer": "{{#it.output#}}"}
             for n in CONTAINERS[0]]
    d = Draft(server, nodes, CONTAINERS[1], mode)
    r = d.container("iteration", "it", {"it.input_selector": [1, 2]}, 400)
    assert "'item'" in r["message"] and "first.n" in r["message"], "the node inside says what it lacks"
    got = d.container("iteration", "it", {"it.input_selector": [1, 2], "#first.n#": 10})
    names = [e["event"] for e in got]
    assert names[:2] == ["workflow_started", "iteration_started"] and names[-2:] == ["iteration_completed", "workflow_finished"]
    assert got[-2]["data"]["outputs"] == {"output": [11, 12]} and got[-1]["data"]["total_steps"] == 1
    assert d.plain("it") == {"output": [11, 12]} and d.plain("item") == {}, "nodes inside leave nothing"
    assert d.last("it")["outputs"] == {"output": [11, 12]}
    # With a start value of 2 in steps of 2 past 5.
    got = d.container("loop", "lo", {"#first.n#": 2, "#start.a#": "5"})
    assert [e["event"] for e in got][1] == "loop_started" and got[-2]["event"] == "loop_completed"
    assert got[-2]["data"]["outputs"]["n"] == 6 and set(d.plain("lo")) == {"n"}
    assert d.node("item", {"v": 1, "add": 2})["outputs"] == {"r": 3}, "a node inside, without its container"
    # Wrong ways in.
    other = "workflows/draft" if mode == "advanced-chat" else "advanced-chat/workflows/draft"
    d.call("POST", other + "/iteration/nodes/it/run", {"inputs": {}}, 404)
    assert "iteration/nodes/it/run" in d.node("it", {}, 400)["message"]
    assert "type iteration" in d.container("loop", "it", {}, 400)["message"]
    assert "on its own" in d.node("itstart", {}, 400)["message"]
    d.container("iteration", "nobody", {}, 404)


CHAT = [{"id": "start", "type": "start", "variables": []},
        {"id": "llm", "type": "llm", "model": {"provider": "openai_api_compatible", "name": "mock", "mode": "chat",
                                               "completion_params": {}},
         "prompt_template": [{"role": "user", "text": "{{#sys.query#}} for {{#conversation.name#}} in {{#env.PLACE#}}"}],
         "context": {"enabled": False, "variable_selector": []}, "vision": {"enabled": False}},
        {"id": "note", "type": "assigner", "version": "2", "items": [
            {"variable_selector": ["conversation", "name"], "operation": "over-write", "input_type": "variable",
             "value": ["sys", "query"]}]},
        {"id": "answer", "type": "answer", "answer": "{{#llm.text#}}"}]
NAME = {"id": "7b0a6c4e-2a9b-4f35-9d5c-1f2a3b4c5d6e", "name": "name", "value_type": "string", "value": "nobody",
        "description": "who", "selector": ["conversation", "name"]}
PLACE = {"id": "7b0a6c4e-2a9b-4f35-9d5c-1f2a3b4c5d6f", "name": "PLACE", "value_type": "string", "value": "Oslo",
         "description": "", "selector": ["env", "PLACE"]}


def test_a_chatflow_and_its_variables(server):
    d = Draft(server, CHAT, ["start llm", "llm note", "note answer"], "advanced-chat",
              conversation_variables=[NAME], environment_variables=[PLACE])
    get = lambda what: {v["name"]: v for v in d.call("GET", "workflows/draft/%s-variables" % what).json()["items"]}  # noqa: E731
    v = get("conversation")["name"]
    assert (v["value"], v["type"], v["description"], v["selector"]) == ("nobody", "conversation", "who", ["conversation", "name"])
    assert "sys.query" in d.node("llm", {}, 400)["message"]
    r = d.node("llm", {"#sys.query#": "hello"})
    assert r["status"] == "succeeded" and r["outputs"]["text"] and "finish_reason" in r["outputs"]
    assert "hello for nobody in Oslo" in json.dumps(r["process_data"])
    assert "finish_reason" not in d.values("llm"), "of no use to anybody else"
    # An assigner leaves the variable that it wrote, and a sign that it ran.
    assert d.node("note", {"#sys.query#": "Ada"})["status"] == "succeeded"
    assert get("conversation")["name"]["value"] == "Ada"
    sign = d.values("note")["__dummy__"]
    assert (sign["visible"], sign["value_type"], sign["value"]) == (False, "none", None)
    assert "hi for Ada" in json.dumps(d.node("llm", {"#sys.query#": "hi"})["process_data"])
    got = d.call("PUT", "workflows/draft/variables/%s/reset" % v["id"]).json()
    assert got["value"] == "nobody"
    # A turn of the draft leaves the question, which may be written anew.
    d.run({}, query="Grace", conversation_id="")
    q = get("system")["query"]
    assert q["value"] == "Grace" and get("conversation")["name"]["value"] == "Grace"
    d.call("PATCH", "workflows/draft/variables/" + q["id"], {"value": "again"})
    assert "again for Grace" in json.dumps(d.node("llm")["process_data"])
    assert d.node("answer", {"#llm.text#": "given"})["outputs"]["answer"] == "given"
    start_run = d.node("start", {}, query="from a form")
    assert start_run["outputs"]["sys.query"] == "from a form" and get("system")["query"]["value"] == "from a form"


def test_the_rest_of_the_draft_may_be_broken(server):
    nodes = CHAIN[0] + [code("stray", "def main():\n    return {}\n", {}), {"id": "odd", "type": "llm"}]
    d = Draft(server, nodes, CHAIN[1] + ["double odd"])
    assert d.node("double", {"x": 2})["outputs"]["r"] == 4
    assert d.node("odd", {}, 400)["code"] == "invalid_param"


@pytest.mark.parametrize("node,body,status,word", [
    ("nobody", {"inputs": {}}, 404, "nobody"),
    ("start", {"inputs": {}}, 400, "a is required"),
    ("double", {"inputs": [1]}, 400, "inputs"),
    ("double", {"inputs": {"x": 1}, "files": 3}, 400, "files"),
    ("double", {"inputs": {"x": {"type": "image", "transfer_method": "local_file", "upload_file_id":
                                 "11111111-2222-4333-8444-555555555555"}}}, 400, "upload file"),
], ids=lambda v: str(v)[:20])
def test_bad_requests(server, node, body, status, word):
    required = {"id": "start", "type": "start", "variables": [
        {"variable": "a", "label": "a", "type": "text-input", "required": True}]}
    d = Draft(server, [required] + CHAIN[0][1:], CHAIN[1])
    r = d.call("POST", "workflows/draft/nodes/%s/run" % node, body, status).json()
    assert word in r["message"] and len(d.names()[0]) == 0


def test_what_a_node_reads_is_told(server, chain):
    d = Draft(server, *CHAIN)
    ask = lambda node: d.console.get("%s/console/api/tatara/apps/%s/nodes/%s/inputs" % (server.url, d.id, node)).json()  # noqa: E731
    row = {"key": "#first.n#", "node_id": "double", "field": "variables[0].value_selector", "label": "x",
           "selector": ["first", "n"], "required": True, "known": False, "value": None, "value_truncated": False}
    assert ask("double") == {"data": [row]}
    d.node("first", {"a": "4"})
    assert ask("double") == {"data": [dict(row, known=True, value=5)]}
    assert ask("nobody")["code"] == "not_found"
