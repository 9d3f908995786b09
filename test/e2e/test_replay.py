# SPDX-License-Identifier: Apache-2.0
"""`tatara run replay` and `tatara run diff`: nothing outside is asked twice, and where runs part."""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import yaml
from tatara import EMAIL, PASSWORD, Server, events


class Outside:
    """A web server and a model server that count: every answer is another one."""

    def __init__(self):
        self.web = self.model = 0
        self.models = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def reply(self, kind, body):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                outside.web += 1
                self.reply("application/json", json.dumps({"n": outside.web}).encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outside.model += 1
                outside.models.append(body["model"])
                text = "answer %d" % outside.model
                usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
                chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"],
                         "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
                end = dict(chunk, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=usage)
                self.reply("text/event-stream", b"".join(
                    b"data: " + json.dumps(c).encode() + b"\n\n" for c in (chunk, end)) + b"data: [DONE]\n\n")

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def counts(self):
        return self.web, self.model


def http_node(id, url, **more):
    return {"id": id, "type": "custom", "data": dict({
        "type": "http-request", "title": id, "method": "get", "url": url, "headers": "", "params": "",
        "authorization": {"type": "no-auth", "config": None}, "body": {"type": "none", "data": []}}, **more)}


def app_file(url, mode="workflow"):
    llm = {"type": "llm", "title": "llm", "model": {"provider": "openai_api_compatible", "name": "one", "mode": "chat",
           "completion_params": {}}, "prompt_template": [{"role": "user", "text": "{{#fetch.body#}}"}],
           "context": {"enabled": False, "variable_selector": []}, "vision": {"enabled": False}}
    nodes = [
        {"id": "start", "type": "custom", "data": {"type": "start", "title": "start", "variables": [
            {"variable": "items", "label": "items", "type": "paragraph", "required": False}]}},
        http_node("fetch", url + "/a"),
        {"id": "llm", "type": "custom", "data": llm},
        {"id": "ask", "type": "custom", "data": {"type": "if-else", "title": "ask", "cases": [
            {"case_id": "true", "logical_operator": "and", "conditions": [
                {"variable_selector": ["llm", "text"], "comparison_operator": "contains", "value": "answer"}]}]}},
        http_node("late", url + "/b?{{#llm.text#}}"),
    ]
    edges = [("start", "fetch", "source"), ("fetch", "llm", "source"), ("llm", "ask", "source"), ("ask", "late", "true")]
    if mode == "workflow":
        nodes.append({"id": "end", "type": "custom", "data": {"type": "end", "title": "end", "outputs": [
            {"variable": "text", "value_selector": ["llm", "text"]}, {"variable": "late", "value_selector": ["late", "body"]}]}})
        edges.append(("late", "end", "source"))
    else:
        nodes += [{"id": "set", "type": "custom", "data": {"type": "assigner", "version": "2", "title": "set", "items": [
                      {"variable_selector": ["conversation", "count"], "operation": "+=", "input_type": "constant", "value": 1}]}},
                  {"id": "end", "type": "custom", "data": {"type": "answer", "title": "end",
                                                            "answer": "{{#llm.text#}} {{#late.body#}}"}}]
        edges += [("late", "set", "source"), ("set", "end", "source")]
    return yaml.safe_dump({
        "version": "0.5.0", "kind": "app", "app": {"name": mode, "mode": mode, "icon": "", "description": ""},
        "workflow": {"features": {}, "environment_variables": [], "conversation_variables": [
            {"id": "v1", "name": "count", "value_type": "number", "value": 0, "selector": ["conversation", "count"]}],
            "graph": {"nodes": nodes, "edges": [
                {"id": a + b, "source": a, "target": b, "sourceHandle": h, "targetHandle": "target"} for a, b, h in edges]}}})


class World:
    def __init__(self, tmp):
        self.out = Outside()
        self.server = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "SSRF_PROXY_PORTS": "1-65535"}).start().setup()
        for name in ("one", "two"):
            self.server.run("model", "add", "--type", "llm", "--provider", "openai_api_compatible", "--name", name,
                            "--base-url", self.out.url + "/v1", *(["--default"] if name == "one" else []))
        self.keys, self.ids = {}, {}
        for mode in ("workflow", "advanced-chat"):
            path = tmp / (mode + ".yml")
            path.write_text(app_file(self.out.url, mode))
            self.ids[mode], self.keys[mode] = self.server.import_app(str(path))

    def post(self, mode, path, body):
        r = requests.post(self.server.url + path, headers={"Authorization": "Bearer " + self.keys[mode]},
                          json=dict({"inputs": {}, "user": "u", "response_mode": "blocking"}, **body), timeout=240)
        assert r.status_code == 200, r.text
        return r.json()

    def run(self):
        r = self.post("workflow", "/v1/workflows/run", {})
        assert r["data"]["status"] == "succeeded", r
        return r["workflow_run_id"], r["data"]["outputs"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("replay"))
    yield w
    w.server.remove()


def test_a_replay_asks_nobody_and_gives_the_same(world):
    run, outputs = world.run()
    before = world.out.counts()
    again = world.server.json("run", "replay", run)
    assert world.out.counts() == before, "something outside was asked"
    assert again["status"] == "succeeded" and again["outputs"] == outputs
    assert again["id"] != run and again["diff"]["same"], again["diff"]
    # a replay can be replayed, and it is a run like others
    assert world.server.json("run", "replay", again["id"])["diff"]["same"]
    shown = world.server.json("run", "show", again["id"])
    assert [n["node_id"] for n in shown["nodes"]] == ["start", "fetch", "llm", "ask", "late", "end"]
    assert again["id"] in [r["id"] for r in world.server.json("run", "list", "--app", world.ids["workflow"])]


def test_from_a_node_on_everything_is_asked_anew(world):
    run, outputs = world.run()
    web, model = world.out.counts()
    again = world.server.json("run", "replay", run, "--from", "late")
    assert world.out.counts() == (web + 1, model)
    assert again["outputs"]["text"] == outputs["text"] and again["outputs"]["late"] != outputs["late"]
    assert again["diff"]["first"]["node_id"] == "late"
    assert world.server.json("run", "diff", run, again["id"]) == again["diff"]
    again = world.server.json("run", "replay", run, "--from", "llm")
    assert world.out.counts() == (web + 2, model + 1)
    assert again["diff"]["first"]["node_id"] == "llm"


def test_another_model_answers_and_the_rest_is_recorded(world):
    run, outputs = world.run()
    web, model = world.out.counts()
    again = world.server.json("run", "replay", run, "--with-model", "two")
    assert world.out.counts() == (web, model + 1) and world.out.models[-1] == "two"
    assert again["status"] == "succeeded" and again["outputs"]["text"] == "answer %d" % (model + 1)
    assert again["outputs"]["late"] == outputs["late"]


def test_where_two_runs_part_is_said_in_words(world):
    (a, _), (b, _) = world.run(), world.run()
    text = world.server.run("run", "diff", a, b).stdout
    assert text.startswith("http-request fetch\n") and "outputs.body" in text
    assert "the runs are the same" in world.server.run("run", "diff", a, a).stdout


def test_a_conversation_is_not_touched(world):
    first = world.post("advanced-chat", "/v1/chat-messages", {"query": "hi"})
    conversation = first["conversation_id"]
    head = {"Authorization": "Bearer " + world.keys["advanced-chat"]}

    def state():
        get = lambda path: requests.get(world.server.url + path, headers=head, params={  # noqa: E731
            "user": "u", "conversation_id": conversation}, timeout=240).json()
        return (get("/v1/messages")["data"], get("/v1/conversations/%s/variables" % conversation)["data"])

    before, counts = state(), world.out.counts()
    run = world.server.json("run", "list", "--app", world.ids["advanced-chat"])[0]["id"]
    again = world.server.json("run", "replay", run)
    assert again["status"] == "succeeded" and again["outputs"]["answer"] == first["answer"]
    assert again["diff"]["same"], again["diff"]
    assert state() == before and world.out.counts() == counts


def test_what_cannot_be_replayed_is_said(world):
    run, _ = world.run()
    bad = world.server.run("run", "replay", "11111111-2222-4333-8444-555555555555", check=False)
    assert bad.returncode == 1 and "run list" in bad.stderr
    bad = world.server.run("run", "replay", run, "--from", "nowhere", check=False)
    assert bad.returncode == 1 and "nowhere" in bad.stderr



def console(world):
    s = requests.Session()
    password = base64.b64encode(PASSWORD.encode()).decode()
    r = s.post(world.server.url + "/console/api/login", json={"email": EMAIL, "password": password})
    assert r.status_code == 200, r.text
    s.headers["X-CSRF-Token"] = next(v for k, v in s.cookies.items() if k.endswith("csrf_token"))
    return s


def test_the_console_replays_and_compares(world):
    run, outputs = world.run()
    s, counts = console(world), world.out.counts()
    base = world.server.url + "/console/api/apps/" + world.ids["workflow"] + "/workflow-runs/"
    got = events(s.post(base + run + "/replay", json={}, timeout=240))
    assert [e["event"] for e in got][-1] == "workflow_finished"
    assert got[-1]["data"]["outputs"] == outputs and world.out.counts() == counts
    again = got[-1]["workflow_run_id"]
    assert s.get(base + run + "/diff/" + again).json()["same"]
    got = events(s.post(base + run + "/replay", json={"from": "late"}, timeout=240))
    d = s.get(base + run + "/diff/" + got[-1]["workflow_run_id"]).json()
    assert not d["same"] and d["first"]["node_id"] == "late"
    assert s.post(base + run + "/replay", json={"from": "nowhere"}).status_code == 400
    assert s.post(base + run + "/replay", json={"live": "yes"}).status_code == 400
    # of another app of the same workspace
    other = world.server.url + "/console/api/apps/" + world.ids["advanced-chat"] + "/workflow-runs/"
    assert s.post(other + run + "/replay", json={}).status_code == 404
    assert s.get(other + run + "/diff/" + again).status_code == 404


def test_without_the_server(world):
    run, outputs = world.run()
    counts = world.out.counts()
    world.server.stop()
    try:
        again = world.server.json("run", "replay", run)
        assert again["outputs"] == outputs and again["diff"]["same"]
        assert world.out.counts() == counts
    finally:
        world.server.start()
