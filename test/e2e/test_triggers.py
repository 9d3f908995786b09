# SPDX-License-Identifier: Apache-2.0
"""Webhooks and schedules: addresses, what is taken and refused, who runs it, what survives."""
import json
import os
import signal
import sqlite3
import threading
import time

import pytest
import requests
from patience import PATIENCE, until
from tatara import EMAIL, PASSWORD, Server
from test_console import sign_in
from test_human import App, app_file, edge, events_of, node, out, start


def hook(id="w", **data):
    return node(id, "trigger-webhook", **{"method": "post", "content_type": "application/json", "headers": [],
                                          "params": [], "body": [], "status_code": 200, "response_body": "", **data})


def answer(*pairs):
    return node("e", "end", outputs=[{"variable": n, "value_selector": ["w", n], "value_type": "string"} for n in pairs])


class Hooks(App):
    """A workflow that begins with a webhook, and the console's view of it."""

    def __init__(self, server, console, *outputs, nodes=None, edges=None, **data):
        super().__init__(server, app_file(nodes or [hook(**data), answer(*outputs)], edges or [edge("w", "e")]))
        self.console = console

    def ask(self, method, tail, **more):
        return self.console.request(method, self.server.url + "/console/api/apps/" + self.id + tail, timeout=PATIENCE, **more)

    def address(self, node="w", debug=False):
        r = self.ask("GET", "/workflows/triggers/webhook", params={"node_id": node})
        assert r.status_code == 200, r.text
        url = r.json()["webhook_debug_url" if debug else "webhook_url"]
        return self.server.url + "/triggers/" + url.split("/triggers/")[1]

    def runs(self, **params):
        return self.ask("GET", "/workflow-runs", params={"triggered_from": "app-run", **params}).json()["data"]

    def outputs(self, seconds=PATIENCE):
        """Of the newest run, when it has ended."""
        end = time.time() + seconds
        while time.time() < end:
            rows = self.runs()
            if rows and rows[0]["status"] == "succeeded":
                run = self.ask("GET", "/workflow-runs/" + rows[0]["id"]).json()
                return run["outputs"] if isinstance(run["outputs"], dict) else json.loads(run["outputs"])
            time.sleep(0.05)
        raise AssertionError(self.runs())


@pytest.fixture(scope="module")
def own():
    s = Server({"WEBHOOK_REQUEST_BODY_MAX_SIZE": "100000"}).start().setup()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def console(own):
    return sign_in(own, EMAIL)


ROWS = [{"name": "name", "type": "string", "required": True}, {"name": "n", "type": "number", "required": False},
        {"name": "on", "type": "boolean", "required": False}, {"name": "o", "type": "object", "required": False},
        {"name": "l", "type": "array[string]", "required": False}]


def test_json(own, console):
    app = Hooks(own, console, "name", "n", "on", "o", "l", "X_Key", "page", "_webhook_raw", body=ROWS,
                headers=[{"name": "X-Key", "required": True}],
                params=[{"name": "page", "type": "number", "required": True}], status_code=202,
                response_body='{"taken": true}')
    url = app.address()
    assert len(url.rsplit("/", 1)[1]) == 24
    body = {"name": "Bob", "n": 1.5, "on": True, "o": {"a": [1]}, "l": ["x"], "more": 1}
    r = requests.post(url + "?page=3&x=y", json=body, headers={"x-key": "k1"})
    assert (r.status_code, r.json()) == (202, {"taken": True})
    got = app.outputs()
    raw = got.pop("_webhook_raw")
    assert got == {"name": "Bob", "n": 1.5, "on": True, "o": {"a": [1]}, "l": ["x"], "X_Key": "k1", "page": 3}
    assert raw["body"] == body and raw["query_params"] == {"page": 3, "x": "y"} and raw["method"] == "POST"
    run = app.runs()[0]
    assert run["status"] == "succeeded"
    trace = app.ask("GET", "/workflow-runs/%s/node-executions" % run["id"]).json()["data"]
    assert [n["node_type"] for n in trace] == ["trigger-webhook", "end"]
    log = app.ask("GET", "/workflow-app-logs", params={"detail": "true"}).json()["data"][0]
    assert log["details"]["trigger_metadata"] == {"type": "trigger-webhook", "node_id": "w", "title": "W", "provider": None}
    assert list(trace[0]["inputs"])[:4] == ["webhook_data", "webhook_headers", "webhook_query_params", "webhook_body"]


REFUSED = [
    ("PUT", "?page=1", {"name": "x"}, {"X-Key": "k"}, "HTTP method mismatch. Expected POST, got PUT"),
    ("POST", "?page=1", {"name": "x"}, {"X-Key": "k", "Content-Type": "text/plain"},
     "Content-type mismatch. Expected application/json, got text/plain"),
    ("POST", "?page=1", {"name": "x"}, {}, "Required header missing: X-Key"),
    ("POST", "", {"name": "x"}, {"X-Key": "k"}, "Required parameter missing: page"),
    ("POST", "?page=one", {"name": "x"}, {"X-Key": "k"},
     "Parameter 'page' validation failed: Cannot convert 'one' to number"),
    ("POST", "?page=1", {}, {"X-Key": "k"}, "Required body parameter missing: name"),
    ("POST", "?page=1", {"name": 5}, {"X-Key": "k"}, "Parameter 'name' validation failed: Expected string, got int"),
    ("POST", "?page=1", {"name": "x", "n": "5"}, {"X-Key": "k"},
     "Parameter 'n' validation failed: Expected number, got str"),
    ("POST", "?page=1", {"name": "x", "on": 1}, {"X-Key": "k"},
     "Parameter 'on' validation failed: Expected boolean, got int"),
    ("POST", "?page=1", {"name": "x", "o": []}, {"X-Key": "k"},
     "Parameter 'o' validation failed: Expected object, got list"),
    ("POST", "?page=1", {"name": "x", "l": [1]}, {"X-Key": "k"},
     "Parameter 'l' validation failed: Expected array of strings, got list"),
]


def test_refused(own, console):
    app = Hooks(own, console, "name", body=ROWS, headers=[{"name": "X_Key", "required": True}],
                params=[{"name": "page", "type": "number", "required": True}])
    url = app.address()
    for method, query, body, headers, text in REFUSED:
        r = requests.request(method, url + query, data=json.dumps(body),
                             headers={"Content-Type": "application/json", **headers})
        want = text.replace("X-Key", "X_Key")
        assert (r.status_code, r.json()) == (400, {"error": "Bad Request", "message": want}), text
    broken = requests.post(url + "?page=1", data="{", headers={"X-Key": "k", "Content-Type": "application/json"})
    assert broken.status_code == 400 and broken.json()["message"].startswith("Invalid JSON body: ")
    big = requests.post(url + "?page=1", json={"name": "x" * 100001}, headers={"X-Key": "k"})
    assert big.status_code == 413
    chunked = requests.post(url + "?page=1", data=(b"x" * 60000 for _ in range(3)),
                            headers={"X-Key": "k", "Content-Type": "application/json"})
    assert chunked.status_code == 413
    assert requests.post(own.url + "/triggers/webhook/" + "x" * 24).status_code == 404
    assert app.runs() == []


def test_other_bodies(own, console):
    form = Hooks(own, console, "name", "n", "on", body=ROWS[:3], content_type="application/x-www-form-urlencoded")
    r = requests.post(form.address(), data={"name": "a b&c", "n": "7.0", "on": "yes"})
    assert (r.status_code, r.json()) == (200, {"status": "success", "message": "Webhook processed successfully"})
    assert form.outputs() == {"name": "a b&c", "n": 7, "on": True}
    bad = requests.post(form.address(), data={"name": "a", "on": "maybe"})
    assert bad.json()["message"] == "Parameter 'on' validation failed: Cannot convert 'maybe' to boolean"

    text = Hooks(own, console, "all", body=[{"name": "all", "type": "string", "required": True}],
                 content_type="text/plain", response_body="thanks")
    r = requests.post(text.address(), data="h\u00e9llo".encode(), headers={"Content-Type": "text/plain; charset=utf-8"})
    assert r.json() == {"message": "thanks"}
    assert text.outputs() == {"all": "h\u00e9llo"}
    r = requests.post(text.address(), data="", headers={"Content-Type": "text/plain"})
    assert r.json()["message"] == "Required body content missing for text/plain request"

    raw = Hooks(own, console, "file", body=[{"name": "file", "type": "file", "required": True}],
                content_type="application/octet-stream")
    requests.post(raw.address(), data=b"\0\1\2", headers={"Content-Type": "application/octet-stream"})
    file = raw.outputs()["file"]
    assert file["size"] == 3 and file["dify_model_identity"] == "__dify__file__"

    multi = Hooks(own, console, "name", "doc", content_type="multipart/form-data",
                  body=[{"name": "name", "type": "string", "required": True},
                        {"name": "doc", "type": "file", "required": False}])
    r = requests.post(multi.address(), data={"name": "Ann"}, files={"doc": ("a.txt", b"hello", "text/plain")})
    assert r.status_code == 200, r.text
    got = multi.outputs()
    assert got["name"] == "Ann" and got["doc"]["filename"] == "a.txt" and got["doc"]["size"] == 5


def test_get(own, console):
    app = Hooks(own, console, "q", "gone", method="get", params=[{"name": "q", "type": "string", "required": False},
                                                                  {"name": "gone", "type": "string", "required": False}])
    assert requests.get(app.address() + "?q=a%20b+c&q=second").status_code == 200
    assert app.outputs() == {"q": "a b c", "gone": None}
    assert requests.head(app.address()).status_code == 400


def test_switched_off(own, console):
    app = Hooks(own, console, "x", body=[])
    url = app.address()
    row, = app.ask("GET", "/triggers").json()["data"]
    assert (row["trigger_type"], row["node_id"], row["status"]) == ("trigger-webhook", "w", "enabled")
    r = app.ask("POST", "/trigger-enable", json={"trigger_id": row["id"], "enable_trigger": False})
    assert r.json()["status"] == "disabled"
    off = requests.post(url, json={})
    assert off.status_code == 404 and "disabled" in off.json()["message"]
    app.ask("POST", "/trigger-enable", json={"trigger_id": row["id"], "enable_trigger": True})
    assert requests.post(url, json={}).status_code == 200
    # Published again: the address stays.
    own.run("app", "publish", app.id)
    assert app.address() == url and requests.post(url, json={}).status_code == 200


def test_several_triggers(own, console):
    """Each begins at its own node; the others and what only they lead to are skipped."""
    nodes = [hook("w"), hook("v", method="put"),
             node("a", "variable-aggregator", variables=[["w", "_webhook_raw"], ["v", "_webhook_raw"]], output_type="object"),
             node("e", "end", outputs=[{"variable": "m", "value_selector": ["a", "output", "method"]}]),
             node("only_v", "end", outputs=[{"variable": "v", "value_selector": ["v", "_webhook_raw", "method"]}])]
    edges = [edge("w", "a"), edge("v", "a"), edge("a", "e"), edge("v", "only_v")]
    app = Hooks(own, console, nodes=nodes, edges=edges)
    assert requests.post(app.address("w"), json={}).status_code == 200
    assert app.outputs() == {"m": "POST"}
    assert requests.put(app.address("v"), json={}).status_code == 200
    until(lambda: len([r for r in app.runs() if r["status"] == "succeeded"]) == 2, "two runs")
    assert app.outputs() == {"m": "PUT", "v": "PUT"}


def test_start_and_trigger_conflict(own, console):
    app = Hooks(own, console, nodes=[start("q"), hook(), out("e", "r", "s", "q")], edges=[edge("s", "e"), edge("w", "e")])
    r = requests.post(app.address(), json={})
    assert r.status_code == 500 and "TRIGGER_START_NODE_CONFLICT" in r.json()["message"]
    run = app.run({"q": "x"}, mode="blocking")
    assert run.status_code == 400 and "TRIGGER_START_NODE_CONFLICT" in run.json()["message"]


@pytest.mark.parametrize("type", ["trigger-plugin", "datasource"])
def test_what_only_imports(own, type):
    data = {"plugin_id": "a/b", "provider_id": "a/b/c", "provider_name": "c", "event_name": "e", "subscription_id": "",
            "provider_type": "online_document"}
    path = app_file([node("w", type, **data), node("e", "end", outputs=[])], [edge("w", "e")])
    report = own.json("app", "import", path)
    assert any(type in w for w in report["warnings"]), report
    own.run("app", "publish", report["id"])
    exported = own.run("app", "export", report["id"]).stdout
    assert "event_name: e" in exported and "provider_id: a/b/c" in exported
    key = own.json("key", "create", "--app", report["id"])["token"]
    r = requests.post(own.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key},
                      json={"inputs": {}, "user": "u", "response_mode": "blocking"})
    assert r.json()["data"]["status"] == "failed" and type in r.json()["data"]["error"]


def test_debug_runs_the_draft(own, console):
    path = app_file([hook(body=[{"name": "name", "type": "string", "required": True}]), answer("name")], [edge("w", "e")])
    id = own.json("app", "import", path)["id"]
    app = Hooks.__new__(Hooks)
    app.server, app.console, app.id = own, console, id
    assert requests.post(app.address(), json={"name": "x"}).status_code == 404  # not published
    assert requests.post(app.address(debug=True), json={}).status_code == 400
    assert requests.post(app.address(debug=True), json={"name": "x"}).status_code == 200
    until(lambda: [r["status"] for r in app.runs(triggered_from="debugging")] == ["succeeded"], "a run that ended")


def draft_only(own, console, nodes, edges):
    app = Hooks.__new__(Hooks)
    app.server, app.console = own, console
    app.id = own.json("app", "import", app_file(nodes, edges))["id"]
    return app


WAITING = {"status": "waiting", "retry_in": 2000}


def test_an_editor_that_listens_gets_the_call(own, console):
    body = [{"name": "name", "type": "string", "required": True}]
    app = draft_only(own, console, [hook(body=body), hook("v"), answer("name")], [edge("w", "e"), edge("v", "e")])
    url = app.address(debug=True)
    listen = lambda tail, **more: app.ask("POST", "/workflows/draft/" + tail, json=more)  # noqa: E731
    assert listen("trigger/run", node_id="w").json() == WAITING
    assert requests.post(url, json={"name": "Ada"}).status_code == 200
    got = events_of(listen("trigger/run", node_id="w"))
    assert [e["event"] for e in got][0] == "workflow_started" and got[-1]["data"]["outputs"] == {"name": "Ada"}
    assert got[-1]["data"]["created_by"]["email"] == EMAIL
    assert len(app.runs(triggered_from="debugging")) == 1, "one call, one run"
    assert listen("trigger/run", node_id="w").json() == WAITING, "each call is given once"
    # What came is left for the steps behind.
    left = app.ask("GET", "/workflows/draft/nodes/w/variables").json()["items"]
    assert {v["name"]: v["value"] for v in left}["name"] == "Ada"
    # Several at once: the one that is called.
    assert listen("trigger/run-all", node_ids=["v", "w"]).json() == WAITING
    requests.post(url, json={"name": "Bob"})
    assert events_of(listen("trigger/run-all", node_ids=["v", "w"]))[-1]["data"]["outputs"] == {"name": "Bob"}
    # The node alone.
    assert listen("nodes/w/trigger/run").json() == WAITING
    requests.post(url, json={"name": "Eve"})
    row = listen("nodes/w/trigger/run").json()
    assert (row["status"], row["node_type"], row["outputs"]["name"]) == ("succeeded", "trigger-webhook", "Eve")
    assert app.ask("GET", "/workflows/draft/nodes/w/last-run").json() == row
    # Nobody listens any more: the draft runs at once, as ever.
    before = len(app.runs(triggered_from="debugging"))
    requests.post(url, json={"name": "Zoe"})
    until(lambda: len(app.runs(triggered_from="debugging")) == before + 1, "a run")


def test_a_schedule_is_tried(own, console):
    every = node("w", "trigger-schedule", mode="cron", cron_expression="* * * * *", timezone="UTC")
    app = draft_only(own, console, [every, node("e", "end", outputs=[])], [edge("w", "e")])
    assert app.ask("POST", "/workflows/draft/trigger/run", json={"node_id": "w"}).json() == WAITING
    row = app.ask("POST", "/workflows/draft/nodes/w/trigger/run").json()  # alone it need not be waited for
    assert row["status"] == "succeeded" and "sys.timestamp" in row["outputs"]


@pytest.mark.parametrize("tail,body,status,word", [
    ("trigger/run", {}, 400, "node_id"),
    ("trigger/run", {"node_id": "nobody"}, 404, "nobody"),
    ("trigger/run", {"node_id": "e"}, 400, "listened"),
    ("trigger/run-all", {"node_ids": []}, 400, "node_ids"),
    ("trigger/run-all", {"node_ids": [7]}, 404, "no node"),
    ("nodes/e/trigger/run", {}, 400, "listened"),
    ("nodes/nobody/trigger/run", {}, 404, "nobody"),
])
def test_listening_refused(own, console, tail, body, status, word):
    app = draft_only(own, console, [hook(), answer("name")], [edge("w", "e")])
    r = app.ask("POST", "/workflows/draft/" + tail, json=body)
    assert r.status_code == status and word in r.json()["message"], r.text


def test_accepted_is_stored(own, console):
    """The worker is away, the api dies: what was answered with 200 runs, once."""
    app = Hooks(own, console, "n", body=[{"name": "n", "type": "number", "required": True}])
    url = app.address()
    worker = own.roles()["worker"]["pid"]
    os.kill(worker, signal.SIGSTOP)
    taken = []

    def send(first):
        for i in range(10):
            try:
                if requests.post(url, json={"n": first + i}, timeout=PATIENCE).status_code == 200:
                    taken.append(first + i)
            except requests.RequestException:
                pass

    threads = [threading.Thread(target=send, args=(k * 10,)) for k in range(4)]
    for t in threads:
        t.start()
    until(lambda: taken, "an accepted call", every=0.001)
    old = own.kill_role("api")
    for t in threads:
        t.join()
    os.kill(worker, signal.SIGKILL)
    own.await_role("api", old)
    own.await_role("worker", worker)
    assert taken
    end, done = time.time() + PATIENCE, []
    while time.time() < end and len(done) < len(taken):
        rows = app.runs(limit=100)
        done = [r for r in rows if r["status"] == "succeeded"]
        time.sleep(0.2)
    got = []
    for r in app.runs(limit=100):
        o = app.ask("GET", "/workflow-runs/" + r["id"]).json()["outputs"]
        got.append((o if isinstance(o, dict) else json.loads(o))["n"])
    # A call whose answer was lost may have been stored as well; none ran twice.
    assert set(taken) <= set(got) and len(got) == len(set(got))


def test_schedule(own, console):
    data = {"mode": "cron", "cron_expression": "0 0 1 1 *", "timezone": "Asia/Tokyo"}
    app = Hooks(own, console, nodes=[node("w", "trigger-schedule", **data), out("e", "t", "sys", "timestamp")],
                edges=[edge("w", "e")])
    row, = app.ask("GET", "/triggers").json()["data"]
    at = time.gmtime(row["next_run_at"])
    assert (at.tm_mon, at.tm_mday, at.tm_hour, at.tm_min) == (12, 31, 15, 0)
    # Its time has come: the worker sees it within a second or two.
    with sqlite3.connect(os.path.join(own.data, "tatara.db"), timeout=PATIENCE) as db:
        db.execute("UPDATE triggers SET next_at = ? WHERE app_id = ?", (int(time.time() * 1000) - 1000, app.id))
    assert abs(app.outputs()["t"] - time.time()) < PATIENCE
    assert len(app.runs()) == 1
    assert app.ask("GET", "/triggers").json()["data"][0]["next_run_at"] == row["next_run_at"]


def test_through_the_gateway_without_a_key(own):
    assert requests.get(own.url + "/triggers/plugin/x").status_code == 404
    assert requests.options(own.url + "/triggers/webhook/" + "x" * 24).status_code == 404
