# SPDX-License-Identifier: Apache-2.0
"""Custom tools from OpenAPI descriptions, workflows as tools, what the console lists, what is refused."""
import collections
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import yaml
from tatara import Server
from test_agents import import_app, run
from test_console import sign_in

CONSOLE = "/console/api/workspaces/current"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


class Api(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    def log_message(self, *a):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.split("?")[0]
        self.server.asked[path] += 1
        if path == "/gate":
            self.server.gate.wait(120)
        kind, out = "application/json", json.dumps({
            "method": self.command, "path": self.path, "body": body, "key": self.headers.get("X-Key"),
            "cookie": self.headers.get("Cookie")}).encode()
        if path == "/picture":
            kind, out = "image/png", PNG
        if path == "/page":
            kind, out = "text/html; charset=iso-8859-1", b"<title>T</title><script>no()</script><h1>H\xe9</h1><p>a &amp; b</p>"
        if path == "/empty":
            out = b""
        self.send_response(int(path[8:]) if path.startswith("/status/") else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = do_DELETE = answer


class Address(str):
    """Of the server, which comes along."""

    def __new__(cls, text, server):
        self = super().__new__(cls, text)
        self.server = server
        return self


@pytest.fixture(scope="module")
def api():
    http = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    http.asked, http.gate = collections.Counter(), threading.Event()
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield Address("http://127.0.0.1:%d" % http.server_port, http)
    http.gate.set()
    http.shutdown()


@pytest.fixture(scope="module")
def own():
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "TATARA_DRAIN_SECONDS": "2"}).start().setup()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def console(own):
    return sign_in(own)


def post(own, console, tail, **body):
    return console.post(own.url + CONSOLE + tail, json=body)


def schema(api):
    return """
openapi: 3.0.0
info: {title: Echo, version: '1'}
servers: [{url: '%s'}]
paths:
  /items/{id}:
    post:
      operationId: putItem
      summary: Stores an item.
      parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: full, in: query, schema: {type: boolean}}
      - {name: sid, in: cookie, schema: {type: string}}
      requestBody:
        content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}, tags: {type: array, items: {type: string}}}}}}
  /status/418: {get: {operationId: teapot}}
  /picture: {get: {operationId: picture}}
  /empty: {get: {operationId: empty}}
""" % api


KEY = {"auth_type": "api_key_header", "api_key_header": "X-Key", "api_key_value": "secret-key-12345", "api_key_header_prefix": "custom"}


@pytest.fixture(scope="module")
def provider(own, console, api):
    r = post(own, console, "/tool-provider/api/add", provider="echo", schema_type="openapi", schema=schema(api),
             icon={"background": "#fff", "content": "E"}, credentials=KEY, privacy_policy="", custom_disclaimer="", labels=["x"])
    assert r.status_code == 200 and r.json() == {"result": "success"}, r.text
    listed = console.get(own.url + CONSOLE + "/tools/api").json()
    return next(p for p in listed if p["name"] == "echo")


def test_what_is_listed(own, console, provider):
    assert [t["name"] for t in provider["tools"]] == ["putItem", "teapot", "picture", "empty"]
    item = {p["name"]: p for p in provider["tools"][0]["parameters"]}
    assert item["id"]["required"] and item["id"]["type"] == "number" and item["tags"]["type"] == "array"
    builtin = console.get(own.url + CONSOLE + "/tools/builtin").json()
    assert {"time"} <= {p["name"] for p in builtin} and all(p["tools"] for p in builtin)
    everything = console.get(own.url + CONSOLE + "/tool-providers").json()
    assert {p["type"] for p in everything} >= {"builtin", "api"} and not any(p["tools"] for p in everything)
    icon = requests.get(own.url + CONSOLE + "/tool-provider/builtin/time/icon")
    assert icon.status_code == 200 and icon.headers["content-type"] == "image/svg+xml"


def test_keys_are_masked_and_kept(own, console, provider, api):
    one = console.get(own.url + CONSOLE + "/tool-provider/api/get", params={"provider": "echo"}).json()
    assert one["credentials"]["api_key_value"] == "secret************45" and one["schema"] == schema(api)
    r = post(own, console, "/tool-provider/api/update", original_provider="echo", provider="echo", schema=schema(api),
             icon=one["icon"], credentials=one["credentials"], labels=[])
    assert r.status_code == 200, r.text
    r = post(own, console, "/tool-provider/api/test/pre", provider_name="echo", tool_name="putItem", schema=schema(api),
             credentials=one["credentials"], parameters={"id": "5", "name": "n"})
    assert json.loads(r.json()["result"])["key"] == "secret-key-12345"


@pytest.mark.parametrize("tool,args,want", [
    ("putItem", {"id": "7", "full": "yes", "sid": "s", "name": "n", "tags": "[\"a\"]"}, "result"),
    ("putItem", {"id": "seven", "name": "n"}, "The tool parameter id must be a number"),
    ("putItem", {"id": 7}, "tool parameter name not found in tool config"),
    ("teapot", {}, "Request failed with status code 418"),
    ("gone", {}, "invalid tool name gone"),
    ("empty", {}, "result"),
])
def test_tries(own, console, api, tool, args, want):
    r = post(own, console, "/tool-provider/api/test/pre", tool_name=tool, schema=schema(api), credentials={"auth_type": "none"},
             parameters=args)
    assert r.status_code == 200, r.text
    if want != "result":
        assert r.json()["error"].startswith(want), r.text
    elif tool == "empty":
        assert r.json()["result"].startswith("Empty response from the tool")
    else:
        got = json.loads(r.json()["result"])
        assert got["method"] == "POST" and got["path"] == "/items/7?full=true" and got["cookie"] == "sid=s"
        assert json.loads(got["body"]) == {"name": "n", "tags": ["a"]}


def test_refusals(own, console, provider, api):
    for body, text in (({"provider": "echo", "schema": schema(api)}, "provider echo already exists"),
                       ({"provider": "p", "schema": "nonsense"}, "The schema is neither"),
                       ({"provider": "p", "schema": schema(api), "credentials": {"auth_type": "magic"}}, "unknown auth_type"),
                       ({"provider": "p"}, "schema"), ({"schema": schema(api)}, "provider")):
        r = post(own, console, "/tool-provider/api/add", **body)
        assert r.status_code == 400 and text in r.json()["message"], r.text
    r = post(own, console, "/tool-provider/api/delete", provider="nobody")
    assert r.status_code == 400
    assert requests.get(own.url + CONSOLE + "/tools/api").status_code == 401


def tool_app(tools, outputs):
    nodes = [{"id": "start", "data": {"type": "start", "title": "S", "variables": [
        {"variable": "q", "label": "q", "type": "text-input", "required": False}]}}]
    nodes += [{"id": t["id"], "data": dict({"type": "tool", "title": t["id"], "tool_configurations": {}, "tool_node_version": "2"}, **t["data"])}
              for t in tools]
    nodes.append({"id": "end", "data": {"type": "end", "title": "E", "outputs": [
        {"variable": name, "value_selector": selector} for name, selector in outputs.items()]}})
    edges = [{"id": str(i), "source": a["id"], "target": b["id"]} for i, (a, b) in enumerate(zip(nodes, nodes[1:]))]
    return {"app": {"name": "tools", "mode": "workflow"}, "kind": "app", "version": "0.5.0", "workflow": {
        "features": {}, "environment_variables": [], "conversation_variables": [], "graph": {"nodes": nodes, "edges": edges}}}


def api_data(provider, tool, parameters=None):
    return {"provider_id": provider["id"], "provider_type": "api", "provider_name": provider["name"], "tool_name": tool,
            "tool_parameters": parameters or {}}


def test_in_a_workflow(own, provider):
    parameters = {"id": {"type": "constant", "value": 3}, "name": {"type": "mixed", "value": "<{{#start.q#}}>"},
                  "tags": {"type": "variable", "value": ["start", "none"]}, "made_up": {"type": "constant", "value": 1}}
    key = import_app(own, tool_app([{"id": "t", "data": api_data(provider, "putItem", parameters)}],
                                   {"json": ["t", "json"], "text": ["t", "text"]}))
    stream = run(own, key)
    end = stream[-1]["data"]
    assert end["status"] == "succeeded", end
    got = end["outputs"]["json"][0]
    assert got["path"] == "/items/3" and json.loads(got["body"]) == {"name": "<which day?>"}
    assert got["key"] == "secret-key-12345" and json.loads(end["outputs"]["text"]) == got
    done = next(e["data"] for e in stream if e["event"] == "node_finished" and e["data"]["node_id"] == "t")
    assert done["inputs"] == {"id": "3", "name": "<which day?>", "made_up": None}
    assert done["execution_metadata"]["tool_info"]["provider_id"] == provider["id"]


@pytest.mark.parametrize("data,error,kind", [
    ({"provider_type": "builtin", "provider_id": "google", "tool_name": "search"}, "Failed to get tool runtime: there is no built-in provider google", "ToolNodeError"),
    ({"provider_type": "plugin", "provider_id": "a/b/c", "tool_name": "x"}, "Failed to get tool runtime: the tool x of plugin a/b/c", "ToolNodeError"),
    ({"provider_type": "mcp", "provider_id": "m", "tool_name": "x"}, "Failed to get tool runtime: there is no MCP server m", "ToolNodeError"),
    ({"provider_type": "api", "provider_id": "11111111-2222-4333-8444-555555555555", "tool_name": "x"}, "Failed to get tool runtime: there is no custom tool provider", "ToolNodeError"),
    ({"provider_type": "builtin", "provider_id": "time", "provider_name": "time", "tool_name": "weekday", "tool_parameters": {
        "year": {"type": "constant", "value": "soon"}, "month": {"type": "constant", "value": 1}, "day": {"type": "constant", "value": 1}}},
     "Failed to invoke tool time: The tool parameter year must be a number", "ToolInvokeError"),
    ({"provider_type": "builtin", "provider_id": "time", "provider_name": "time", "tool_name": "weekday", "tool_parameters": {
        "year": {"type": "variable", "value": ["start", "gone"]}}}, "Variable ['start', 'gone'] does not exist", "ToolParameterError"),
])
def test_failures_are_named(own, data, error, kind):
    app = tool_app([{"id": "t", "data": dict(data, error_strategy="fail-branch")}], {"e": ["t", "error_message"], "k": ["t", "error_type"]})
    edge = next(e for e in app["workflow"]["graph"]["edges"] if e["source"] == "t")
    edge["sourceHandle"] = "fail-branch"
    end = run(own, import_app(own, app))[-1]["data"]
    assert end["status"] == "partial-succeeded", end
    assert end["outputs"]["e"].startswith(error) and end["outputs"]["k"] == kind


def test_retries(own, provider):
    data = dict(api_data(provider, "teapot"), retry_config={"retry_enabled": True, "max_retries": 2, "retry_interval": 1})
    stream = run(own, import_app(own, tool_app([{"id": "t", "data": data}], {"x": ["t", "text"]})))
    assert [e["event"] for e in stream].count("node_retry") == 2
    assert "Failed to invoke tool echo: Request failed with status code 418" in stream[-1]["data"]["error"]


def builtin_data(provider, tool, **parameters):
    return {"provider_id": provider, "provider_type": "builtin", "provider_name": provider, "tool_name": tool,
            "tool_parameters": {k: {"type": "mixed", "value": v} for k, v in parameters.items()}}


def test_a_picture_becomes_a_file(own, provider):
    end = run(own, import_app(own, tool_app([{"id": "t", "data": api_data(provider, "picture")}], {"f": ["t", "files"]})))[-1]["data"]
    assert end["status"] == "succeeded", end
    file = end["outputs"]["f"][0]
    assert file["type"] == "image" and file["mime_type"] == "image/png" and file["transfer_method"] == "tool_file"
    url = file["url"] if file["url"].startswith("http") else own.url + file["url"]
    assert requests.get(own.url + url[url.index("/files/"):]).content == PNG


def test_web_pages_are_read(own, api):
    key = import_app(own, tool_app([{"id": "t", "data": builtin_data("webscraper", "webscraper", url=api + "/{{#start.q#}}")}],
                                   {"text": ["t", "text"]}))
    end = run(own, key, inputs={"q": "page"})[-1]["data"]
    assert end["status"] == "succeeded", end
    assert end["outputs"]["text"].split() == ["H\u00e9", "a", "&", "b"]
    end = run(own, key, inputs={"q": "status/404"})[-1]["data"]
    assert "Failed to invoke tool webscraper: The page answered with status 404" in end["error"]


def test_code_runs_in_the_sandbox(own):
    data = builtin_data("code", "simple_code", language="python3", code="print(6 * 7)")
    end = run(own, import_app(own, tool_app([{"id": "t", "data": data}], {"text": ["t", "text"]})))[-1]["data"]
    assert end["status"] == "succeeded" and end["outputs"]["text"].strip() == "42", end


# --- workflows as tools ---

def inner_app(failing=False):
    app = tool_app([], {"greeting": ["start", "q"], "text": ["start", "q"]})
    app["app"]["name"] = "inner"
    if failing:
        app = tool_app([{"id": "t", "data": {"provider_type": "mcp", "provider_id": "m", "tool_name": "x"}}], {"x": ["t", "text"]})
    return app


def add_workflow(own, console, app, name, **more):
    before = {a["id"] for a in console.get(own.url + "/console/api/apps?limit=100").json()["data"]}
    import_app(own, app)
    app_id = next(a["id"] for a in console.get(own.url + "/console/api/apps?limit=100").json()["data"] if a["id"] not in before)
    body = dict({"workflow_app_id": app_id, "name": name, "label": name.title(), "icon": {"content": "W", "background": "#fff"},
                 "description": "Greets.", "parameters": [{"name": "q", "description": "whom", "form": "llm"}], "labels": []}, **more)
    r = post(own, console, "/tool-provider/workflow/create", **body)
    return app_id, r


def workflow_data(tool_id, **parameters):
    return {"provider_id": tool_id, "provider_type": "workflow", "provider_name": "greet", "tool_name": "greet",
            "tool_parameters": parameters}


def test_a_workflow_is_a_tool(own, console):
    app_id, r = add_workflow(own, console, inner_app(), "greet")
    assert r.status_code == 200, r.text
    again = post(own, console, "/tool-provider/workflow/create", workflow_app_id=app_id, name="greet", label="x",
                 icon={}, description="", parameters=[])
    assert again.status_code == 400 and "already exists" in again.json()["message"]
    tool = console.get(own.url + CONSOLE + "/tool-provider/workflow/get", params={"workflow_app_id": app_id}).json()
    assert tool["synced"] and tool["tool"]["parameters"][0]["name"] == "q"
    key = import_app(own, tool_app([{"id": "t", "data": workflow_data(tool["workflow_tool_id"], q={"type": "mixed", "value": "Hi {{#start.q#}}"})}],
                                   {"g": ["t", "greeting"], "text": ["t", "text"], "json": ["t", "json"]}))
    end = run(own, key)[-1]["data"]
    assert end["status"] == "succeeded", end
    want = {"greeting": "Hi which day?", "text": "Hi which day?"}
    assert end["outputs"]["g"] == want["greeting"] and json.loads(end["outputs"]["text"]) == want
    assert end["outputs"]["json"] == [want]
    wrong = post(own, console, "/tool-provider/workflow/update", workflow_tool_id=tool["workflow_tool_id"], name="greet", label="G",
                 icon={}, description="", parameters=[{"name": "nope", "form": "llm"}])
    assert wrong.status_code == 400 and "nope is not an input" in wrong.json()["message"]
    assert post(own, console, "/tool-provider/workflow/delete", workflow_tool_id=tool["workflow_tool_id"]).status_code == 200
    end = run(own, key)[-1]["data"]
    assert end["status"] == "failed" and "there is no workflow tool" in end["error"]


def test_a_failing_workflow_is_a_tools_failure(own, console):
    _, r = add_workflow(own, console, inner_app(failing=True), "broken", parameters=[])
    assert r.status_code == 200, r.text
    tool = next(p for p in console.get(own.url + CONSOLE + "/tools/workflow").json() if p["name"] == "broken")
    end = run(own, import_app(own, tool_app([{"id": "t", "data": workflow_data(tool["id"])}], {"x": ["t", "text"]})))[-1]["data"]
    assert end["status"] == "failed" and "Failed to invoke tool greet: Failed to get tool runtime: there is no MCP server m" in end["error"]


def test_an_import_says_which_tools_are_missing(own, console, provider):
    """What the workspace has is fine; what it lacks is named with its node."""
    nodes = [{"id": "here", "data": api_data(provider, "putItem")},
             {"id": "gone", "data": workflow_data("00000000-0000-4000-8000-000000000000")},
             {"id": "lost", "data": dict(api_data(provider, "no_such_operation"))}]
    r = console.post(own.url + "/console/api/apps/imports", json={"mode": "yaml-content", "yaml_content": yaml.safe_dump(tool_app(nodes, {"x": ["here", "text"]}))})
    assert r.status_code == 200, r.text
    missing = {f["node_id"]: f["message"] for f in r.json()["report"] if f["code"] == "no-tool"}
    assert set(missing) == {"gone", "lost"}, missing
    assert all("add it to this workspace" in text for text in missing.values())


def test_depth_is_limited(own, console):
    """A workflow that calls itself."""
    app_id, r = add_workflow(own, console, inner_app(), "selfish", parameters=[])
    assert r.status_code == 200, r.text
    tool = console.get(own.url + CONSOLE + "/tool-provider/workflow/get", params={"workflow_app_id": app_id}).json()
    draft = console.get(own.url + "/console/api/apps/%s/workflows/draft" % app_id).json()
    graph = tool_app([{"id": "t", "data": workflow_data(tool["workflow_tool_id"])}], {"x": ["t", "text"]})["workflow"]["graph"]
    r = console.post(own.url + "/console/api/apps/%s/workflows/draft" % app_id, json={
        "graph": graph, "features": {}, "hash": draft["hash"], "environment_variables": [], "conversation_variables": []})
    assert r.status_code == 200, r.text
    assert console.post(own.url + "/console/api/apps/%s/workflows/publish" % app_id, json={}).status_code == 200
    key = console.post(own.url + "/console/api/apps/%s/api-keys" % app_id).json()["token"]
    end = run(own, key)[-1]["data"]
    assert end["status"] == "failed" and end["error"].endswith("Max workflow call depth 5 reached.")
    assert end["error"].count("Failed to invoke tool") == 6


def wait_until(what, seconds=120):
    end = time.time() + seconds
    while time.time() < end:
        try:
            got = what()
        except requests.RequestException:
            got = None
        if got:
            return got
        time.sleep(.1)
    pytest.fail("it never came")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_crash_starts_no_second_inner_run(own, console, api, how):
    """The process of both runs ends while the inner one waits for a server: both go on, once."""
    def get(id, path):
        return {"id": id, "data": {"type": "http-request", "title": id, "method": "get", "url": api + path, "headers": "", "params": "",
                                   "body": {"type": "none", "data": []}, "authorization": {"type": "no-auth"}}}
    inner = tool_app([], {"text": ["b", "status_code"]})
    graph = inner["workflow"]["graph"]
    graph["nodes"][1:1] = [get("a", "/first/%d" % how), get("b", "/gate")]
    graph["edges"] = [{"id": str(i), "source": a["id"], "target": b["id"]} for i, (a, b) in enumerate(zip(graph["nodes"], graph["nodes"][1:]))]
    app_id, r = add_workflow(own, console, inner, "gated%d" % how)
    assert r.status_code == 200, r.text
    tool = console.get(own.url + CONSOLE + "/tool-provider/workflow/get", params={"workflow_app_id": app_id}).json()
    key = import_app(own, tool_app([{"id": "t", "data": workflow_data(tool["workflow_tool_id"], q={"type": "mixed", "value": "x"})}],
                                   {"json": ["t", "json"]}))
    headers = {"Authorization": "Bearer " + key}
    server = api.server
    server.gate.clear()
    server.asked.clear()
    r = requests.post(own.url + "/v1/workflows/run", headers=headers, stream=True,
                      json={"inputs": {"q": "x"}, "response_mode": "streaming", "user": "u"})
    outer = next(json.loads(line[6:]) for line in r.iter_lines() if line.startswith(b"data: "))["workflow_run_id"]
    wait_until(lambda: server.asked["/gate"])
    own.kill_role("api", how)
    wait_until(lambda: server.asked["/gate"] == 2)  # the inner run has been taken over
    server.gate.set()
    end = wait_until(lambda: (lambda e: e if e.get("status") not in (None, "running") else None)(
        requests.get(own.url + "/v1/workflows/run/" + outer, headers=headers).json()))
    assert end["status"] == "succeeded", end
    assert json.loads(end["outputs"])["json"] == [{"text": 200}]
    logs = console.get(own.url + "/console/api/apps/%s/workflow-app-logs" % app_id).json()
    assert logs["total"] == 1, logs
    assert server.asked["/first/%d" % how] == 1


def test_the_gate_stands_before_apis(mock_model):
    """Without the setting that opens loop-back, an API there is refused by name."""
    s = Server().start().setup()
    try:
        c = sign_in(s)
        r = post(s, c, "/tool-provider/api/test/pre", tool_name="empty", schema=schema("http://127.0.0.1:9913"), credentials={}, parameters={})
        assert "127.0.0.1" in r.json()["error"] and "result" not in r.json()
        r = c.get(s.url + CONSOLE + "/tool-provider/api/remote", params={"url": "http://127.0.0.1:9913/json"})
        assert r.status_code == 400 and "127.0.0.1" in r.json()["message"]
    finally:
        s.remove()
