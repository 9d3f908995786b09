# SPDX-License-Identifier: Apache-2.0
"""Tools of servers of the Model Context Protocol: the official SDK's server, and one by hand for what that
one does not do. In the console, in workflows, in agents."""
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from conftest import wait_port
from graphs import Graph, app_file, end, start
from scripted_model import ScriptedModel
from tatara import Server, events, free_port
from test_console import sign_in
from test_tenants import OTHER_EMAIL, add_workspace

TOOL = "/console/api/workspaces/current/tool-provider/mcp"
LIST = "/console/api/workspaces/current/tools/mcp"


@pytest.fixture(scope="module")
def own():
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1"}).start().setup()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def console(own):
    return sign_in(own)


@pytest.fixture(scope="module", params=["json", "events"])
def official(request, own, console):
    """The SDK's server, added to the workspace under its way of answering."""
    port = free_port()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mcp_server.py")
    process = subprocess.Popen([sys.executable, script, str(port), request.param])
    try:
        wait_port(port, 60)
        url = "http://127.0.0.1:%d/mcp" % port
        r = call(own, console, "POST", server_url=url, name="SDK " + request.param, server_identifier=request.param,
                 icon="x", icon_type="emoji", icon_background="#FFFFFF", headers={"X-Token": "token-1234567890"})
        assert r.status_code == 200, r.text
        yield dict(r.json(), url=url)
    finally:
        process.terminate()
        process.wait()


def call(server, who, method, tail="", **body):
    return who.request(method, server.url + TOOL + tail, json=body or None, timeout=60)


def node(server, tool, parameters=None, **more):
    values = {k: {"type": "constant", "value": v} for k, v in (parameters or {}).items()}
    return dict({"id": "t", "type": "tool", "provider_type": "mcp", "provider_id": server, "provider_name": server,
                 "tool_name": tool, "tool_parameters": values, "tool_configurations": {}}, **more)


def run(server, t, **outputs):
    g = Graph(server, app_file([start("q"), t, end(**(outputs or {"text": "t.text", "json": "t.json", "files": "t.files"}))],
                               ["start t", "t end"]))
    g.done = g.run({"q": "hello"})
    return g


def test_what_is_listed(own, console, official):
    names = ["add", "echo", "as_json", "weather", "picture", "resources", "broken", "chatty", "header"]
    assert [t["name"] for t in official["tools"]] == names
    listed = [p for p in console.get(own.url + LIST).json() if p["id"] == official["id"]][0]
    assert [t["name"] for t in listed["tools"]] == names
    assert listed["type"] == "mcp" and listed["server_identifier"] in ("json", "events")
    add = {p["name"]: p for p in listed["tools"][0]["parameters"]}
    assert add["a"]["required"] and add["a"]["type"] == "number" and not add["b"]["required"]
    echo = {p["name"]: p["type"] for p in listed["tools"][1]["parameters"]}
    assert echo == {"text": "string", "upper": "boolean"}
    assert listed["tools"][0]["description"]["en_US"] == "Adds two numbers."
    one = call(own, console, "GET", "/tools/" + official["id"]).json()
    assert one["configuration"] == {"timeout": 30, "sse_read_timeout": 300}
    everything = console.get(own.url + "/console/api/workspaces/current/tool-providers").json()
    assert "mcp" in {p["type"] for p in everything}


def test_secrets_are_masked_and_kept(own, console, official):
    text = console.get(own.url + LIST).text
    assert "token-1234567890" not in text and official["url"] not in text.replace("\\/", "/")
    assert official["masked_headers"] == {"X-Token": "to************90"}
    with open(os.path.join(own.data, "tatara.db"), "rb") as f:
        assert b"token-1234567890" not in f.read()
    same = {"provider_id": official["id"], "name": official["name"], "server_identifier": official["server_identifier"],
            "server_url": official["server_url"], "headers": official["masked_headers"], "icon": "y"}
    r = call(own, console, "PUT", configuration={"timeout": 20, "sse_read_timeout": 100}, **same)
    assert r.status_code == 200, r.text
    assert r.json()["configuration"] == {"timeout": 20, "sse_read_timeout": 100}
    assert run(own, node(official["server_identifier"], "header")).done["outputs"]["text"] == "token-1234567890"
    # A kept header never goes to another address.
    r = call(own, console, "PUT", **dict(same, server_url=official["url"] + "/elsewhere"))
    assert r.status_code == 400 and "X-Token" in r.json()["message"]


@pytest.mark.parametrize("tool,args,text,values", [
    ("add", {"a": 2, "b": 3}, "5", [{"result": 5}]), ("add", {"a": 2}, "7", [{"result": 7}]),
    ("echo", {"text": "hi"}, "hi", []), ("echo", {"text": "hi", "upper": True}, "HI", []),
    ("as_json", {}, '{"city": "Oslo", "n": [1, 2]}', [{"city": "Oslo", "n": [1, 2]}]), ("chatty", {}, "done", [])])
def test_in_a_workflow(own, official, tool, args, text, values):
    g = run(own, node(official["server_identifier"], tool, args))
    assert g.done["status"] == "succeeded", g.done["error"]
    assert g.done["outputs"]["text"] == text and g.done["outputs"]["files"] == []
    assert [v for v in g.done["outputs"]["json"] if v != {"data": []}] == values


def test_structured_content_is_named(own, official):
    g = run(own, node(official["server_identifier"], "weather", {"city": "Oslo"}), city="t.city", d="t.degrees")
    assert g.done["outputs"] == {"city": "Oslo", "d": 7}


def test_by_id_and_with_variables(own, official):
    t = node(official["id"], "echo")
    t["tool_parameters"] = {"text": {"type": "mixed", "value": "<{{#start.q#}}>"}}
    assert run(own, t).done["outputs"]["text"] == "<hello>"


def test_pictures_and_resources_become_files(own, official):
    g = run(own, node(official["server_identifier"], "picture"))
    (file,) = g.done["outputs"]["files"]
    assert (file["type"], file["mime_type"]) == ("image", "image/png")
    got = requests.get(own.url + file["url"] if file["url"].startswith("/") else file["url"])
    assert got.content.startswith(b"\x89PNG")
    g = run(own, node(official["server_identifier"], "resources"))
    assert g.done["outputs"]["text"].startswith("read me")
    (file,) = g.done["outputs"]["files"]
    assert file["filename"] == "b.bin" and file["size"] == 3


def test_failures_of_tools(own, official):
    ident = official["server_identifier"]
    g = run(own, node(ident, "broken"))
    assert g.done["status"] == "failed"
    assert g.done["error"].startswith("Failed to invoke tool %s: " % ident) and "this never works" in g.done["error"]
    g = run(own, node(ident, "echo"))
    assert "text not found" in g.done["error"]
    g = run(own, node(ident, "made_up"))
    assert "has no tool made_up" in g.done["error"]
    g = run(own, dict(node(ident, "broken"), error_strategy="default-value",
                      default_value=[{"key": "text", "type": "string", "value": "instead"}]), text="t.text")
    assert (g.done["status"], g.done["outputs"]) == ("partial-succeeded", {"text": "instead"})


def test_in_an_agent(own, official):
    def reply(q):
        if any(m["role"] == "tool" for m in q["messages"]):
            return [{"content": "It is " + q["messages"][-1]["content"]}]
        (f,) = q["tools"]
        return [{"tool_calls": [{"index": 0, "id": "c1", "function": {
            "name": f["function"]["name"], "arguments": '{"a": 40, "b": 2}'}}]}]

    model = ScriptedModel(reply)
    try:
        model.add_to(own, "agent model")
        config = {"model": {"provider": "openai_api_compatible", "name": "agent model", "mode": "chat", "completion_params": {}},
                  "prompt_type": "simple", "pre_prompt": "", "user_input_form": [],
                  "agent_mode": {"enabled": True, "strategy": "function_call", "max_iteration": 3, "tools": [
                      {"provider_type": "mcp", "provider_id": official["server_identifier"], "provider_name": "x",
                       "tool_name": "add", "tool_label": "add", "tool_parameters": {}, "enabled": True}]}}
        key = Graph(own, json.dumps({"version": "0.5.0", "kind": "app", "app": {"name": "t", "mode": "agent-chat"},
                                     "model_config": config})).key
        r = requests.post(own.url + "/v1/chat-messages", headers={"Authorization": "Bearer " + key}, timeout=60,
                          json={"inputs": {}, "user": "u", "query": "sum", "response_mode": "streaming"})
        stream = events(r)
        assert "It is 42" in "".join(e.get("answer", "") for e in stream)
        schema = model.requests[0]["tools"][0]["function"]["parameters"]
        assert schema["required"] == ["a"] and schema["properties"]["a"]["type"] == "integer"
    finally:
        model.close()


@pytest.fixture(scope="module")
def other(own):
    add_workspace(own.data)
    return sign_in(own, OTHER_EMAIL)


def test_other_workspaces_see_nothing(own, console, official, other):
    assert other.get(own.url + LIST).json() == []
    for method, tail, body in (("GET", "/tools/" + official["id"], {}), ("GET", "/update/" + official["id"], {}),
                               ("DELETE", "", {"provider_id": official["id"]}), ("POST", "/auth", {"provider_id": official["id"]}),
                               ("PUT", "", {"provider_id": official["id"], "name": "stolen", "server_identifier": "s",
                                            "server_url": official["url"]})):
        assert call(own, other, method, tail, **body).status_code == 404, (method, tail)
    assert call(own, console, "GET", "/tools/" + official["id"]).status_code == 200


# --- a server by hand ---

class Hand:
    """answer(request) -> (status, content type, body); keeps the requests with their headers."""

    def __init__(self):
        self.seen, self.deleted = [], []
        self.answer = lambda q: None
        hand = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *a):
                pass

            def send(self, status, kind, body, **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for k, v in headers.items():
                    self.send_header(k.replace("_", "-"), v)
                self.end_headers()
                self.wfile.write(body)

            def do_DELETE(self):
                hand.deleted.append(self.headers["Mcp-Session-Id"])
                self.send(200, "text/plain", b"")

            def do_POST(self):
                q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hand.seen.append((q, dict(self.headers)))
                given = hand.answer(q)
                if given:
                    return self.send(*given)
                if "id" not in q or "method" not in q:
                    return self.send(202, "text/plain", b"")
                result = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "h", "version": "1"}},
                          "tools/list": {"tools": [{"name": "one", "inputSchema": {"type": "object"}}]},
                          "tools/call": {"content": [{"type": "text", "text": "called"}]}}[q["method"]]
                extra = {"Mcp_Session_Id": "session-7"} if q["method"] == "initialize" else {}
                self.send(200, "application/json", json.dumps({"jsonrpc": "2.0", "id": q["id"], "result": result}).encode(), **extra)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d/some/mcp?key=hidden" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture()
def hand():
    h = Hand()
    yield h
    h.http.shutdown()


def add(own, console, hand, ident, **more):
    return call(own, console, "POST", **dict({"server_url": hand.url, "name": ident, "server_identifier": ident, "icon": "x"}, **more))


def result(q, value):
    return 200, "application/json", json.dumps({"jsonrpc": "2.0", "id": q["id"], "result": value}).encode()


def test_the_wire(own, console, hand):
    """Greeting, session, protocol version, pages, questions of the server, the end of the session."""
    def answer(q):
        if q.get("method") == "tools/list":
            page = int(q["params"].get("cursor", "0"))
            tools = [{"name": "tool%d" % page, "description": "d", "inputSchema": {"type": "object", "properties": {
                "x": {"type": ["null", "integer"], "description": "an x"}, "kind": {"type": "string", "enum": ["a", "b"]}}}}]
            return result(q, {"tools": tools, **({"nextCursor": str(page + 1)} if page < 2 else {})})
        if q.get("method") == "tools/call":
            ours = {"jsonrpc": "2.0", "id": q["id"], "result": {"content": [{"type": "text", "text": "called"}]}}
            parts = [{"jsonrpc": "2.0", "method": "notifications/progress", "params": {}},
                     {"jsonrpc": "2.0", "id": "s1", "method": "ping"}, {"jsonrpc": "2.0", "id": "s2", "method": "roots/list"},
                     {"jsonrpc": "2.0", "id": 999, "result": {}}, ours]
            return 200, "text/event-stream", b"".join(b"event: message\ndata: " + json.dumps(p).encode() + b"\n\n" for p in parts)
        return None

    hand.answer = answer
    r = add(own, console, hand, "wire", headers={"X-Key": "secret-key"})
    assert r.status_code == 200, r.text
    assert [t["name"] for t in r.json()["tools"]] == ["tool0", "tool1", "tool2"]
    params = {p["name"]: p for p in r.json()["tools"][0]["parameters"]}
    assert params["x"]["type"] == "number" and params["kind"]["type"] == "select"
    assert r.json()["server_url"] == hand.url.split("/some")[0] + "/******"
    hand.seen.clear()
    assert run(own, node("wire", "tool1", {"x": 3})).done["outputs"]["text"] == "called"
    told = [(q.get("method"), h) for q, h in hand.seen]
    assert [m for m, _ in told] == ["initialize", "notifications/initialized", "tools/call", None, None]
    first, rest = hand.seen[0], hand.seen[1:]
    assert first[0]["params"]["protocolVersion"] == "2025-06-18" and "Mcp-Session-Id" not in first[1]
    for _, h in rest:
        h = {k.lower(): v for k, v in h.items()}
        assert h["mcp-session-id"] == "session-7" and h["mcp-protocol-version"] == "2025-06-18"
        assert h["x-key"] == "secret-key" and "text/event-stream" in h["accept"] and "application/json" in h["accept"]
    assert hand.seen[2][0]["params"] == {"name": "tool1", "arguments": {"x": 3}}
    answers = {q["id"]: q for q, _ in hand.seen if "method" not in q}
    assert answers["s1"]["result"] == {} and answers["s2"]["error"]["code"] == -32601
    assert hand.deleted[-1] == "session-7"


@pytest.mark.parametrize("answer,says", [
    (lambda q: (401, "text/plain", b"who?"), "OAuth"), (lambda q: (404, "text/plain", b""), "no streamable HTTP endpoint"),
    (lambda q: (500, "text/plain", b"very broken"), "answers 500: very broken"),
    (lambda q: (200, "application/json", b"<html>"), "no JSON-RPC message"),
    (lambda q: (200, "application/json", b'{"jsonrpc":"2.0","id":77,"result":{}}'), "for another request"),
    (lambda q: (200, "application/json", json.dumps({"jsonrpc": "2.0", "id": q["id"], "error": {
        "code": -32000, "message": "no more"}}).encode()), "no more (-32000)"),
    (lambda q: result(q, {"protocolVersion": "1999-01-01"}), "speaks protocol '1999-01-01'"),
    (lambda q: (200, "text/event-stream", b": nothing\n\n"), "ended before it was complete"),
])
def test_servers_that_cannot_be_used(own, console, hand, answer, says):
    hand.answer = answer
    r = add(own, console, hand, "unusable")
    assert r.status_code == 400 and says in r.json()["message"], r.text
    assert "unusable" not in [p["name"] for p in console.get(own.url + LIST).json()]


def test_time_is_limited(own, console, hand):
    free = threading.Event()
    r = add(own, console, hand, "slow", configuration={"timeout": 60, "sse_read_timeout": 1})
    assert r.status_code == 200, r.text
    hand.answer = lambda q: free.wait(60) and None if q.get("method") == "tools/call" else None
    try:
        g = run(own, node("slow", "one"))
        assert g.done["status"] == "failed" and not free.is_set()
    finally:
        free.set()


@pytest.mark.parametrize("change,says", [
    ({"server_url": "ftp://x/y"}, "server_url"), ({"server_identifier": "Not So"}, "server_identifier"),
    ({"name": ""}, "name"), ({"headers": [1]}, "headers"), ({"headers": {"a": 1}}, "headers"),
    ({"configuration": {"timeout": -1}}, "time-outs"), ({"configuration": {"timeout": "x"}}, "timeout"),
    ({"server_url": "http://127.0.0.1:%d/mcp" % free_port()}, "MCP server http://127.0.0.1"),
    ({"server_url": "http://127.0.0.1:1/mcp"}, "refused")])
def test_refusals(own, console, hand, change, says):
    r = add(own, console, hand, "refused", **change)
    assert r.status_code == 400 and says in r.json()["message"], r.text


def test_names_are_taken_once(own, console, hand):
    first = add(own, console, hand, "once")
    assert first.status_code == 200
    assert "already exists" in add(own, console, hand, "once").json()["message"]
    assert call(own, console, "DELETE", provider_id=first.json()["id"]).status_code == 200
    assert call(own, console, "GET", "/tools/" + first.json()["id"]).status_code == 404
    again = add(own, console, hand, "once")
    assert again.status_code == 200
    assert call(own, console, "POST", "/auth", provider_id=again.json()["id"]).json() == {"result": "success"}
    hand.answer = lambda q: result(q, {"tools": []}) if q.get("method") == "tools/list" else None
    assert call(own, console, "GET", "/update/" + again.json()["id"]).json()["tools"] == []


def test_the_gate_stands_before_servers(hand):
    s = Server().start().setup()
    try:
        r = add(s, sign_in(s), hand, "gated")
        assert r.status_code == 400 and not hand.seen, r.text
    finally:
        s.remove()
