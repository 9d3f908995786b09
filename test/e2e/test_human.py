# SPDX-License-Identifier: Apache-2.0
"""Runs that wait: for people (human-input), for a worker (async), for a slow caller (Prefer)."""
import json
import os
import signal
import tempfile
import threading
import time

import pytest
import requests
import yaml
from patience import PATIENCE
from scripted_model import ScriptedModel
from tatara import EMAIL, Server
from test_console import sign_in

INPUTS = [
    {"type": "paragraph", "output_variable_name": "comment",
     "default": {"type": "variable", "selector": ["s", "draft"], "value": ""}},
    {"type": "select", "output_variable_name": "level",
     "option_source": {"type": "constant", "value": ["low", "high"], "selector": []}},
]
ACTIONS = [{"id": "approve", "title": "Approve", "button_style": "primary"},
           {"id": "reject", "title": "Reject", "button_style": "default"}]


def node(id, type, **data):
    return {"id": id, "type": "custom", "position": {"x": 0, "y": 0},
            "data": {"type": type, "title": id.upper(), **data}}


def edge(source, target, handle="source"):
    return {"id": source + target + handle, "source": source, "target": target, "sourceHandle": handle,
            "targetHandle": "target", "type": "custom"}


def app_file(nodes, edges, mode="workflow", **workflow):
    """Path of an app file with this graph."""
    file = {"app": {"name": "t", "mode": mode, "icon": "", "icon_background": "#FFEAD5", "description": ""},
            "kind": "app", "version": "0.5.0",
            "workflow": {"graph": {"nodes": nodes, "edges": edges}, "features": {},
                         "environment_variables": [], "conversation_variables": [], **workflow}}
    with tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False) as f:
        yaml.safe_dump(file, f)
    return f.name


def start(*variables):
    return node("s", "start", variables=[{"variable": v, "label": v, "type": "paragraph", "required": False,
                                          "max_length": 0} for v in variables])


def human(id="h", **data):
    return node(id, "human-input", delivery_methods=[{"id": "1", "type": "webapp", "enabled": True}],
                form_content="Check {{#s.draft#}}: {{#$output.comment#}}", inputs=INPUTS, user_actions=ACTIONS, **data)


def out(id, name, *selector):
    return node(id, "end", outputs=[{"variable": name, "value_selector": list(selector), "value_type": "string"}])


def form_app(**data):
    return app_file([start("draft"), human(**data), out("y", "r", "h", "__rendered_content"),
                     out("n", "no", "h", "__action_value"), out("t", "late", "h", "__action_id")],
                    [edge("s", "h"), edge("h", "y", "approve"), edge("h", "n", "reject"), edge("h", "t", "__timeout")])


def events_of(response):
    return [json.loads(line[6:]) for line in response.iter_lines() if line.startswith(b"data: ")]


class App:
    def __init__(self, server, path):
        self.server = server
        self.id, key = server.import_app(path)
        self.headers = {"Authorization": "Bearer " + key}

    def call(self, method, path, **more):
        headers = dict(self.headers, **more.pop("headers", {}))
        return requests.request(method, self.server.url + path, headers=headers, timeout=2 * PATIENCE, **more)

    def run(self, inputs=None, mode="streaming", **more):
        return self.call("POST", "/v1/workflows/run", stream=mode == "streaming",
                         json={"inputs": inputs or {}, "user": "u1", "response_mode": mode}, **more)

    def events(self, run, **params):
        headers = params.pop("headers", {})
        return self.call("GET", "/v1/workflow/%s/events" % run, params={"user": "u1", **params}, stream=True,
                         headers=headers)

    def form(self, token):
        return self.call("GET", "/v1/form/human_input/" + token)

    def submit(self, token, action="approve", **inputs):
        return self.call("POST", "/v1/form/human_input/" + token,
                         json={"inputs": inputs or {"comment": "fine", "level": "low"}, "action": action, "user": "u2"})

    def wait(self, run, status, seconds=PATIENCE):
        end = time.time() + seconds
        while time.time() < end:
            got = self.call("GET", "/v1/workflows/run/" + run).json()
            if got["status"] == status:
                return got
            time.sleep(0.05)
        raise AssertionError("%s, not %s" % (got, status))


@pytest.fixture(scope="module")
def own():
    s = Server({"WEB_FORM_SUBMIT_RATE_LIMIT_MAX_ATTEMPTS": "1000"}).start().setup()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def app(own):
    return App(own, form_app())


def pause(app, draft="Hello"):
    events = events_of(app.run({"draft": draft}))
    assert [e["event"] for e in events] == ["workflow_started", "node_started", "node_finished", "node_started",
                                            "human_input_required", "workflow_paused"]
    return events


def test_a_run_pauses_and_goes_on(app):
    events = pause(app)
    asked, paused = events[-2]["data"], events[-1]["data"]
    run = events[0]["workflow_run_id"]
    assert asked["node_id"] == "h" and asked["node_title"] == "H"
    assert asked["form_content"] == "Check Hello: {{#$output.comment#}}"
    assert asked["resolved_default_values"] == {"comment": "Hello"}
    assert asked["actions"] == ACTIONS and asked["display_in_ui"] is False
    assert 0 <= asked["expiration_time"] - time.time() - 3 * 86400 + 60 < 120
    assert paused["status"] == "paused" and paused["paused_nodes"] == ["h"] and paused["workflow_run_id"] == run
    assert paused["reasons"][0]["form_id"] == asked["form_id"] and paused["total_steps"] == 2
    assert app.call("GET", "/v1/workflows/run/" + run).json()["status"] == "paused"

    got = app.form(asked["form_token"])
    assert got.status_code == 200
    form = got.json()
    assert form["form_content"] == asked["form_content"] and form["user_actions"] == ACTIONS
    assert [i["output_variable_name"] for i in form["inputs"]] == ["comment", "level"]
    assert form["expiration_time"] == asked["expiration_time"]

    bad = app.submit(asked["form_token"], "approve", comment="x", level="other")
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_form_data")
    missing = app.call("POST", "/v1/form/human_input/" + asked["form_token"],
                       json={"inputs": {}, "action": "approve", "user": "u2"})
    assert (missing.status_code, missing.json()["message"]) == (400, "Missing required inputs: comment, level")

    follower = app.events(run, continue_on_pause="true")
    done = app.submit(asked["form_token"])
    assert (done.status_code, done.json()) == (200, {})
    after = events_of(follower)
    names = [e["event"] for e in after]
    assert names[:6] == [e["event"] for e in events]
    assert names[6:] == ["workflow_started", "human_input_form_filled", "text_chunk", "node_finished", "node_started",
                         "node_finished", "workflow_finished"]
    assert after[6]["data"]["reason"] == "resumption"
    assert after[7]["data"] == {"form_id": asked["form_id"], "node_id": "h", "node_title": "H", "rendered_content": "Check Hello: fine",
                                "action_id": "approve", "action_text": "Approve",
                                "submitted_data": {"comment": "fine", "level": "low"}}
    assert after[-1]["data"]["outputs"] == {"r": "Check Hello: fine"} and after[-1]["data"]["total_steps"] == 3

    again = app.submit(asked["form_token"], "reject")
    assert (again.status_code, again.json()["code"]) == (412, "human_input_form_submitted")
    assert app.form(asked["form_token"]).status_code == 412


def in_iteration(parallel):
    """Each line of a list is shown to a person."""
    inside = {"isInIteration": True, "iteration_id": "it"}
    lines = node("c", "code", code_language="python3", code="def main(t):\n    return {'l': t.split()}",
                 variables=[{"variable": "t", "value_selector": ["s", "draft"]}],
                 outputs={"l": {"type": "array[string]", "children": None}})
    nodes = [start("draft"), lines,
             node("it", "iteration", start_node_id="its", iterator_selector=["c", "l"], output_selector=["x", "output"],
                  is_parallel=parallel, parallel_nums=5),
             node("its", "iteration-start", **inside),
             node("h", "human-input", delivery_methods=[{"id": "1", "type": "webapp", "enabled": True}],
                  form_content="Is {{#it.item#}} good?", user_actions=ACTIONS, **inside,
                  inputs=[{"type": "paragraph", "output_variable_name": "comment", "default": {"type": "constant", "selector": [], "value": ""}}]),
             node("x", "template-transform", template="{{ i }}: {{ c }}", **inside,
                  variables=[{"variable": "i", "value_selector": ["it", "item"]}, {"variable": "c", "value_selector": ["h", "comment"]}]),
             out("e", "r", "it", "output")]
    edges = [edge("s", "c"), edge("c", "it"), edge("its", "h"), edge("h", "x", "approve"), edge("it", "e")]
    return app_file(nodes, edges)


def test_people_are_asked_in_an_iteration(own):
    """One after the other: each answer brings the next question; the stream can be followed through."""
    app = App(own, in_iteration(False))
    events = events_of(app.run({"draft": "tea ham"}))
    run = events[0]["workflow_run_id"]
    assert [e["event"] for e in events][-2:] == ["human_input_required", "workflow_paused"]
    asked = events[-2]["data"]
    assert (asked["form_content"], asked["iteration_id"], asked["iteration_index"]) == ("Is tea good?", "it", 0)
    follower = app.events(run, continue_on_pause="true")
    assert app.submit(asked["form_token"], comment="yes").status_code == 200
    app.wait(run, "paused")
    paused = [e for e in events_of(app.events(run)) if e["event"] == "workflow_paused"][-1]["data"]
    second = paused["reasons"][0]
    assert (second["form_content"], second["iteration_index"]) == ("Is ham good?", 1) and second["form_token"] != asked["form_token"]
    assert app.submit(second["form_token"], comment="no").status_code == 200
    after = events_of(follower)
    assert after[-1]["event"] == "workflow_finished" and after[-1]["data"]["outputs"] == {"r": ["tea: yes", "ham: no"]}
    filled = [e["data"] for e in after if e["event"] == "human_input_form_filled"]
    assert [(f["form_id"], f["iteration_index"]) for f in filled] == [(asked["form_id"], 0), (second["form_id"], 1)]
    assert app.submit(asked["form_token"], comment="x").status_code == 412


def test_several_elements_ask_at_once(own):
    """Side by side: each has its own form in the console and on its page; killed in between."""
    console = sign_in(own)
    app = App(own, in_iteration(True))
    events = events_of(app.run({"draft": "tea ham jam"}))
    run = events[0]["workflow_run_id"]
    reasons = events[-1]["data"]["reasons"]
    assert events[-1]["event"] == "workflow_paused" and events[-1]["data"]["paused_nodes"] == ["h"]
    assert sorted(r["iteration_index"] for r in reasons) == [0, 1, 2]
    rows = console.get("%s/console/api/apps/%s/human-input-forms" % (own.url, app.id)).json()["data"]
    assert sorted((r["place"][0]["title"], r["place"][0]["index"], r["form_content"]) for r in rows) == [
        ("IT", 0, "Is tea good?"), ("IT", 1, "Is ham good?"), ("IT", 2, "Is jam good?")]
    by_index = {r["iteration_index"]: r["form_token"] for r in reasons}
    page = requests.get(own.url + "/api/form/human_input/" + by_index[2]).json()
    assert page["form_content"] == "Is jam good?" and page["place"][0]["index"] == 2
    assert app.submit(by_index[2], comment="C").status_code == 200
    app.wait(run, "paused")
    own.kill_role("api")
    end = time.time() + 30
    while time.time() < end:
        try:
            if app.form(by_index[0]).status_code == 200:
                break
        except requests.RequestException:
            time.sleep(.1)
    assert requests.post(own.url + "/api/form/human_input/" + by_index[0],
                         json={"inputs": {"comment": "A"}, "action": "approve"}).status_code == 200
    app.wait(run, "paused")
    console = sign_in(own)
    assert console.post("%s/console/api/form/human_input/%s" % (own.url, by_index[1]),
                        json={"inputs": {"comment": "B"}, "action": "approve"}).status_code == 200
    got = app.wait(run, "succeeded", 60)
    assert json.loads(got["outputs"]) == {"r": ["tea: A", "ham: B", "jam: C"]}


def test_the_other_button(app):
    events = pause(app)
    assert app.submit(events[-2]["data"]["form_token"], "reject").status_code == 200
    assert json.loads(app.wait(events[0]["workflow_run_id"], "succeeded")["outputs"]) == {"no": "Reject"}


def test_blocking_says_paused(app):
    r = app.run({"draft": "d"}, mode="blocking")
    data = r.json()["data"]
    assert r.status_code == 200 and data["status"] == "paused" and data["finished_at"] is None
    assert data["paused_nodes"] == ["h"] and data["reasons"][0]["form_token"]


def test_two_answers_at_once_count_once(app):
    token = pause(app)[-2]["data"]["form_token"]
    codes = []
    threads = [threading.Thread(target=lambda a=a: codes.append(app.submit(token, a).status_code))
               for a in ["approve", "reject"] * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(codes) == [200] + [412] * 7


def test_forms_of_others(own, app):
    other = App(own, form_app())
    token = pause(app)[-2]["data"]["form_token"]
    for r in (other.form(token), other.submit(token), app.form("x" * 43)):
        assert (r.status_code, r.json()["code"], r.json()["message"]) == (404, "not_found", "Form not found")
    assert app.form(token).status_code == 200
    assert requests.get(own.url + "/v1/form/human_input/" + token).status_code == 401


def test_the_page_needs_only_the_token(own, app):
    events = pause(app)
    address = own.url + "/api/form/human_input/" + events[-2]["data"]["form_token"]
    page = requests.get(address).json()
    assert page["site"]["site"]["title"] and page["user_actions"] == ACTIONS and page["node_title"] == "H"
    assert requests.post(address, json={"inputs": {"comment": "c"}, "action": "approve"}).status_code == 400
    r = requests.post(address, json={"inputs": {"comment": "c", "level": "high"}, "action": "approve"})
    assert (r.status_code, r.json()) == (200, {})
    assert json.loads(app.wait(events[0]["workflow_run_id"], "succeeded")["outputs"]) == {"r": "Check Hello: c"}
    assert requests.get(address).json()["code"] == "human_input_form_submitted"
    assert requests.get(own.url + "/form/" + events[-2]["data"]["form_token"]).status_code == 200


def test_files_in_forms(own):
    fields = [{"type": "file", "output_variable_name": "doc", "allowed_file_types": ["document"],
               "allowed_file_extensions": [], "allowed_file_upload_methods": ["local_file"]}]
    n = node("h", "human-input", form_content="file?", inputs=fields, user_actions=ACTIONS)
    app = App(own, app_file([start(), n, out("y", "f", "h", "doc")], [edge("s", "h"), edge("h", "y", "approve")]))
    events = events_of(app.run())
    address = own.url + "/api/form/human_input/" + events[-2]["data"]["form_token"]
    up = requests.post(address + "/upload", files={"file": ("a.txt", b"hello", "text/plain")})
    assert up.status_code == 201, up.text
    file = {"type": "document", "transfer_method": "local_file", "upload_file_id": up.json()["id"]}
    wrong = requests.post(address, json={"inputs": {"doc": "text"}, "action": "approve"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_form_data")
    image = requests.post(address, json={"inputs": {"doc": dict(file, type="image")}, "action": "approve"})
    assert (image.status_code, image.json()["code"]) == (400, "invalid_form_data")
    assert requests.post(address, json={"inputs": {"doc": file}, "action": "approve"}).status_code == 200
    outputs = json.loads(app.wait(events[0]["workflow_run_id"], "succeeded")["outputs"])
    assert outputs["f"]["filename"] == "a.txt"
    assert requests.post(address + "/upload", files={"file": ("a.txt", b"x", "text/plain")}).status_code == 412


def test_mail_only_forms(own):
    """The Service API does not get their token; who has the address from the console may answer."""
    app = App(own, app_file([start("draft"), node("h", "human-input", form_content="x", inputs=[], user_actions=ACTIONS,
                                                  delivery_methods=[{"id": "1", "type": "email", "enabled": True}]),
                             out("y", "r", "h", "__action_id")], [edge("s", "h"), edge("h", "y", "approve")]))
    events = events_of(app.run())
    assert events[-2]["data"]["form_token"] is None
    console = sign_in(own, EMAIL)
    row, = console.get("%s/console/api/apps/%s/human-input-forms" % (own.url, app.id)).json()["data"]
    assert row["form_id"] == events[-2]["data"]["form_id"]
    r = app.form(row["form_token"])
    assert (r.status_code, r.json()["code"]) == (400, "bad_request")
    r = requests.post(own.url + "/api/form/human_input/" + row["form_token"], json={"inputs": {}, "action": "approve"})
    assert r.status_code == 200, r.text
    app.wait(events[0]["workflow_run_id"], "succeeded")


def test_console_answers(own, app):
    console = sign_in(own, EMAIL)
    events = pause(app)
    address = own.url + "/console/api/form/human_input/" + events[-2]["data"]["form_token"]
    assert console.get(address).json()["user_actions"] == ACTIONS
    follower = console.get("%s/console/api/workflow/%s/events" % (own.url, events[0]["workflow_run_id"]),
                           params={"continue_on_pause": "true"}, stream=True)
    r = console.post(address, json={"inputs": {"comment": "by console", "level": "low"}, "action": "approve"})
    assert r.status_code == 200, r.text
    assert events_of(follower)[-1]["data"]["outputs"] == {"r": "Check Hello: by console"}


def test_time_out(own):
    app = App(own, form_app(timeout=0.00003, timeout_unit="hour"))
    events = pause(app)
    token = events[-2]["data"]["form_token"]
    time.sleep(0.2)
    late = app.submit(token)
    assert (late.status_code, late.json()["code"]) == (412, "human_input_form_expired")
    # The worker's timer ends it.
    assert json.loads(app.wait(events[0]["workflow_run_id"], "succeeded")["outputs"]) == {"late": ""}
    names = [e["event"] for e in events_of(app.events(events[0]["workflow_run_id"], headers={"Last-Event-ID": "6"}))]
    assert names == ["workflow_started", "human_input_form_timeout", "text_chunk", "node_finished", "node_started",
                     "node_finished", "workflow_finished"]


def test_stop_while_paused(app):
    events = pause(app)
    r = app.call("POST", "/v1/workflows/tasks/%s/stop" % events[0]["task_id"], json={"user": "u1"})
    assert r.json() == {"result": "success"}
    app.wait(events[0]["workflow_run_id"], "stopped")
    assert app.submit(events[-2]["data"]["form_token"]).json()["code"] == "human_input_form_expired"


def test_chatflow(own):
    nodes = [start("draft"), human(), node("a", "answer", answer="Before. "),
             node("b", "answer", answer="You said {{#h.comment#}}.")]
    edges = [edge("s", "a"), edge("a", "h"), edge("h", "b", "approve")]
    app = App(own, app_file(nodes, edges, mode="advanced-chat"))
    r = app.call("POST", "/v1/chat-messages", stream=True,
                 json={"inputs": {"draft": "d"}, "query": "q", "user": "u1", "response_mode": "streaming"})
    events = events_of(r)
    assert [e["event"] for e in events][-2:] == ["human_input_required", "workflow_paused"]
    assert "message_end" not in [e["event"] for e in events]
    assert "".join(e.get("answer", "") for e in events) == "Before. "
    asked = next(e for e in events if e["event"] == "human_input_required")
    follower = app.events(asked["workflow_run_id"], continue_on_pause="true")
    assert app.submit(asked["data"]["form_token"]).status_code == 200
    after = events_of(follower)
    assert "".join(e.get("answer", "") for e in after if e["event"] == "message") == "Before. You said fine."
    assert [e["event"] for e in after][-2:] == ["workflow_finished", "message_end"]
    messages = app.call("GET", "/v1/messages", params={"user": "u1", "conversation_id": asked["conversation_id"]}).json()
    assert messages["data"][0]["answer"] == "Before. You said fine."


def test_the_state_in_place_of_the_history(own):
    nodes = [start("draft"), node("a", "answer", answer="Before {{#s.draft#}}. "), human(),
             node("b", "answer", answer="You said {{#h.comment#}}.")]
    app = App(own, app_file(nodes, [edge("s", "a"), edge("a", "h"), edge("h", "b", "approve")], mode="advanced-chat"))
    first = events_of(app.call("POST", "/v1/chat-messages", stream=True, json={
        "inputs": {"draft": "d"}, "query": "q", "user": "u1", "response_mode": "streaming"}))
    run = first[0]["workflow_run_id"]
    told = lambda **params: events_of(app.events(run, **params))  # noqa: E731
    brief, whole = told(include_state_snapshot="true"), told(include_state_snapshot="yes")
    assert [e["event"] for e in whole] == [e["event"] for e in first]
    # Which nodes ran and how they ended, what is waited for; neither texts nor what nodes gave.
    assert [e["event"] for e in brief] == [e["event"] for e in first if e["event"] != "message"]
    ended = [e["data"] for e in brief if e["event"] == "node_finished"]
    assert [d["node_id"] for d in ended] == ["s", "a"] and {d["status"] for d in ended} == {"succeeded"}
    assert all(d["inputs"] is None and d["outputs"] is None for d in ended)
    assert [e for e in whole if e["event"] == "node_finished"][0]["data"]["outputs"]["draft"] == "d"
    assert brief[-1]["data"]["reasons"] == first[-1]["data"]["reasons"]
    # What comes from now on is told in full.
    follower = app.events(run, include_state_snapshot="true", continue_on_pause="true")
    token = next(e for e in first if e["event"] == "human_input_required")["data"]["form_token"]
    assert app.submit(token).status_code == 200
    after = events_of(follower)
    assert "".join(e.get("answer", "") for e in after if e["event"] == "message") == "You said fine."
    last = [e["data"] for e in after if e["event"] == "node_finished"][-1]
    assert last["node_id"] == "b" and last["outputs"]["answer"]


def test_killed_processes(own):
    """The api that ran it dies while the run is paused, and again right after the answer."""
    app = App(own, form_app())
    events = pause(app)
    own.replace_role("api")
    token = events[-2]["data"]["form_token"]
    assert app.form(token).status_code == 200
    assert app.submit(token).status_code == 200
    own.replace_role("api")
    assert json.loads(app.wait(events[0]["workflow_run_id"], "succeeded")["outputs"]) == {"r": "Check Hello: fine"}


# --- events ---

def test_events_have_ids_and_are_not_buffered(app):
    events = pause(app)
    run = events[0]["workflow_run_id"]
    r = app.events(run, continue_on_pause="true")
    assert next(r.iter_lines()) == b"id: 1"  # and this stream has no end yet
    assert r.headers["X-Accel-Buffering"] == "no" and "no-cache" in r.headers["Cache-Control"]
    assert r.headers["Content-Type"] == "text/event-stream; charset=utf-8" and "Content-Encoding" not in r.headers
    r.close()
    ids = [line for line in app.events(run, headers={"Last-Event-ID": "4"}).iter_lines() if line.startswith(b"id: ")]
    assert ids == [b"id: 5", b"id: 6"]
    assert app.submit(events[-2]["data"]["form_token"]).status_code == 200
    app.wait(run, "succeeded")
    # A finished run: its end, or what the client has not seen yet.
    assert [e["event"] for e in events_of(app.events(run))] == ["workflow_finished"]
    rest = events_of(app.events(run, headers={"Last-Event-ID": "11"}))
    assert [e["event"] for e in rest] == ["node_finished", "workflow_finished"]
    assert app.call("GET", "/v1/workflow/%s/events" % run, params={"user": "somebody"}).status_code == 404


def test_a_waiting_follower_gets_pings(app):
    events = pause(app)
    began, raw = time.time(), b""
    r = app.events(events[0]["workflow_run_id"], continue_on_pause="true")
    for piece in r.iter_content(None):
        raw += piece
        if b"event: ping\n\n" in raw:
            break
    assert time.time() - began > 8
    r.close()


# --- a worker does it ---

def echo_app():
    return app_file([start("q"), out("e", "r", "s", "q")], [edge("s", "e")])


def test_async_runs_in_a_worker(own):
    app = App(own, echo_app())
    r = app.run({"q": "hi"}, mode="async")
    body = r.json()
    assert r.status_code == 202 and body["data"]["status"] == "scheduled"
    run = body["workflow_run_id"]
    assert r.headers["Location"] == body["run_url"] == "/v1/workflows/run/" + run
    assert json.loads(app.wait(run, "succeeded")["outputs"]) == {"r": "hi"}
    names = [e["event"] for e in events_of(app.events(run, headers={"Last-Event-ID": "0"}))]
    assert names[0] == "workflow_started" and names[-1] == "workflow_finished"


def test_async_waits_for_a_worker(mock_model):
    """Accepted is stored: without a worker the runs wait, with two they are shared, each done once."""
    s = Server({"TATARA_QUEUE_MAX": "30"}).start().setup()
    try:
        app = App(s, echo_app())
        pid = s.roles()["worker"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        runs = [app.run({"q": str(i)}, mode="async").json()["workflow_run_id"] for i in range(30)]
        full = app.run({"q": "x"}, mode="async")
        assert (full.status_code, full.json()["code"]) == (429, "too_many_requests")
        assert "30" in full.json()["message"]
        assert {app.call("GET", "/v1/workflows/run/" + r).json()["status"] for r in runs} == {"scheduled"}
        stream = app.events(runs[7])
        os.kill(pid, signal.SIGKILL)
        assert [e["event"] for e in events_of(stream)][-1] == "workflow_finished"
        for i, run in enumerate(runs):
            got = app.wait(run, "succeeded")
            assert json.loads(got["outputs"]) == {"r": str(i)} and got["total_steps"] == 2
    finally:
        s.remove()


def held_model(server):
    """A model that says the rest of each answer when told, and an app that asks it."""
    go = threading.Event()
    model = ScriptedModel(lambda q: [{"content": "one "}, go, {"content": "two"}])
    model.add_to(server, "held")
    data = {"provider": "openai_api_compatible", "name": "held", "mode": "chat", "completion_params": {}}
    return go, model, app_file([start("q"), node("m", "llm", model=data, context={"enabled": False},
                                                 prompt_template=[{"role": "user", "text": "x"}]),
                                out("e", "r", "m", "text")], [edge("s", "m"), edge("m", "e")])


def test_prefer_wait(own):
    go, model, path = held_model(own)
    app = App(own, path)
    began = time.time()
    r = app.run(mode="blocking", headers={"Prefer": "wait=1"})
    assert r.status_code == 202 and time.time() - began > 0.9
    assert r.json()["data"]["status"] == "running"
    go.set()
    app.wait(r.json()["workflow_run_id"], "succeeded")
    fast = app.run(mode="blocking", headers={"Prefer": "wait=%d" % PATIENCE})
    assert fast.status_code == 200 and fast.json()["data"]["status"] == "succeeded"
    model.close()


def test_prefer_wait_of_a_chatflow(own):
    go, model, path = held_model(own)
    data = {"provider": "openai_api_compatible", "name": "held", "mode": "chat", "completion_params": {}}
    app = App(own, app_file([start(), node("m", "llm", model=data, context={"enabled": False},
                                           prompt_template=[{"role": "user", "text": "x"}]),
                             node("a", "answer", answer="{{#m.text#}}")],
                            [edge("s", "m"), edge("m", "a")], mode="advanced-chat"))
    ask = lambda seconds: app.call("POST", "/v1/chat-messages", headers={"Prefer": "wait=%d" % seconds}, json={  # noqa: E731
        "inputs": {}, "query": "q", "user": "u1", "response_mode": "blocking"})
    r = ask(1)
    assert r.status_code == 202 and r.headers["Location"] == r.json()["run_url"]
    taken = r.json()
    assert taken["data"]["status"] == "running" and taken["message_id"] and taken["conversation_id"]
    go.set()
    app.wait(taken["workflow_run_id"], "succeeded")
    assert app.call("GET", taken["run_url"]).json()["status"] == "succeeded"
    rows = app.call("GET", "/v1/messages", params={"user": "u1", "conversation_id": taken["conversation_id"]}).json()["data"]
    assert [(m["id"], m["answer"]) for m in rows] == [(taken["message_id"], "one two")]
    fast = ask(PATIENCE)
    assert fast.status_code == 200 and fast.json()["answer"] == "one two"
    model.close()


def test_limits():
    s = Server({"APP_DEFAULT_ACTIVE_REQUESTS": "2", "TATARA_WORKSPACE_RUNS_MAX": "3",
                "WEB_FORM_SUBMIT_RATE_LIMIT_MAX_ATTEMPTS": "5"}).start().setup()
    go, model, slow = held_model(s)
    try:
        one, two = App(s, slow), App(s, slow)
        open_ones = [r.iter_lines() for r in (one.run(), one.run(), two.run())]
        for lines in open_ones:
            next(lines)
        third = one.run()
        assert third.status_code == 429 and one.id in third.json()["message"] and " is 2." in third.json()["message"]
        fourth = two.run()
        assert fourth.status_code == 429 and "for this workspace is 3." in fourth.json()["message"]
        # A queued run waits for its place.
        queued = one.run(mode="async").json()["workflow_run_id"]
        time.sleep(0.5)
        assert one.call("GET", "/v1/workflows/run/" + queued).json()["status"] == "scheduled"
        go.set()
        for lines in open_ones:
            assert b'"status":"succeeded"' in [line for line in lines if line][-1]
        one.wait(queued, "succeeded")
        # Guessing tokens is slow.
        codes = [requests.get(s.url + "/api/form/human_input/" + "x" * 43).status_code for _ in range(7)]
        assert codes == [404] * 5 + [429] * 2
    finally:
        s.remove()
