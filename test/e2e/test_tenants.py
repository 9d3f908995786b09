# SPDX-License-Identifier: Apache-2.0
"""Two workspaces on one server: for each route of the console that takes an id, an id of the other
workspace is answered exactly like one that exists nowhere, and nothing of the other changes."""
import json
import os
import re
import sqlite3
import threading
import time
import uuid

import pytest
import requests
from golden import UNKNOWN_ID
from recorded import AppSet, app_file
from tatara import EMAIL, EMBEDDING, ROOT, Server
from test_console import sign_in

OTHER_EMAIL = "other@example.com"
EMPTY_GRAPH = {"graph": {"nodes": [], "edges": []}, "features": {}}
# What a route must get so that it comes as far as its ids. {name} is filled like the path.
BODIES = {
    "POST /apps/{id}/trigger-enable": {"trigger_id": "{trigger}", "enable_trigger": False},
    "POST /form/human_input/{form_token}": {"inputs": {}, "action": "source"},
    "PUT /apps/{id}": {"name": "stolen", "icon_type": "emoji", "icon": "x", "icon_background": "#FFFFFF"},
    "POST /apps/{id}/copy": {"name": "stolen"},
    "POST /apps/{id}/name": {"name": "stolen"},
    "POST /apps/{id}/icon": {"icon": "x", "icon_background": "#000000"},
    "POST /apps/{id}/site-enable": {"enable_site": False},
    "POST /apps/{id}/api-enable": {"enable_api": False},
    "POST /apps/{id}/site": {"title": "stolen"},
    "POST /apps/{id}/model-config": {"model": {"provider": "openai_api_compatible", "name": "mock", "mode": "chat"}},
    "POST /apps/{id}/workflows/draft": EMPTY_GRAPH,
    "POST /apps/{id}/workflows/publish": {},
    "PATCH /apps/{id}/workflows/{version}": {"marked_name": "stolen"},
    "POST /apps/{id}/workflows/draft/run": {"inputs": {"city": "x"}, "files": []},
    "POST /apps/{id}/workflows/draft/nodes/{node}/run": {"inputs": {"city": "x"}},
    "POST /apps/{id}/workflows/draft/trigger/run": {"node_id": "hook"},
    "POST /apps/{id}/workflows/draft/trigger/run-all": {"node_ids": ["hook"]},
    "PATCH /apps/{id}/workflows/draft/variables/{variable}": {"value": "stolen"},
    "POST /apps/{id}/advanced-chat/workflows/draft/run": {"inputs": {}, "query": "x", "files": []},
    "POST /apps/{id}/chat-messages": {"inputs": {}, "query": "x", "conversation_id": "{conversation}",
                                      "model_config": {}, "response_mode": "blocking"},
    "POST /apps/{id}/completion-messages": {"inputs": {}, "model_config": {}, "response_mode": "blocking"},
    "POST /apps/{id}/feedbacks": {"message_id": "{message}", "rating": "like"},
    "POST /apps/{id}/annotations": {"message_id": "{message}", "question": "stolen", "answer": "stolen"},
    "POST /apps/{id}/annotations/{annotation}": {"question": "stolen", "answer": "stolen"},
    "POST /apps/{id}/annotation-reply/{action}": dict(EMBEDDING, score_threshold=0.5),
    "POST /apps/{id}/annotation-settings/{setting}": {"score_threshold": 0.5},
    "PUT /workspaces/current/members/{member}/update-role": {"role": "admin"},
    "POST /workspaces/switch": {"tenant_id": "{tenant}"},
    "POST /apps/imports": {"mode": "yaml-content", "yaml_content": "{yaml}", "app_id": "{id}"},
}
QUERIES = {
    "GET /apps/{id}/workflows/triggers/webhook": "?node_id=hook",
    "GET /apps/{id}/chat-messages": "?conversation_id={conversation}",
    "GET /apps/{id}/text-to-audio/voices": "?language=en-US",
    "GET /apps/{id}/conversation-variables": "?conversation_id={conversation}",
}
# Routes whose parameter is no id of a workspace's record.
NO_ID = {"action", "type", "provider", "author", "plugin", "kind", "node"}
# Answers 404 to its owner as well: it is for agent apps, which no side has.
NOT_FOR_THESE = {"GET /apps/{id}/agent/logs"}
# Routes without an id in the path that take one in the body.
BODY_ONLY = ["POST /workspaces/switch", "POST /apps/imports"]


def app_text():
    with open(app_file("wf_echo"), encoding="utf-8") as f:
        return f.read()


def routes():
    """"METHOD /path" of each route of the console's table that takes an id."""
    with open(os.path.join(ROOT, "src/api/console/table.c"), encoding="utf-8") as f:
        text = f.read()
    out = []
    for method, prefix, tail in re.findall(r'\{ HTTP_(\w+),\s+(API|APP|WORK)\b\s*(?:"([^"]*)")?', text):
        path = {"API": "", "APP": "/apps/{id:uuid}", "WORK": "/workspaces/current"}[prefix] + tail
        path = re.sub(r"\{(\w+):uuid\}", r"{\1}", path)
        if set(re.findall(r"\{(\w+)\}", path)) - NO_ID:
            out.append("%s %s" % (method, path))
    return out + BODY_ONLY


def add_workspace(data):
    """A second workspace with an owner of its own, who has the first owner's password. There is no
    command for it: one installation has one workspace, unless records came from elsewhere."""
    db = sqlite3.connect(os.path.join(data, "tatara.db"), timeout=240)
    tenant, account, now = str(uuid.uuid4()), str(uuid.uuid4()), int(time.time() * 1000)
    db.execute("INSERT INTO tenants VALUES (?, 'Other', 'basic', 'normal', ?, ?)", (tenant, now, now))
    db.execute("INSERT INTO accounts SELECT ?, ?, 'other', password, avatar, interface_language, interface_theme, "
               "timezone, status, NULL, NULL, last_active_ms, initialized_ms, created_ms, updated_ms "
               "FROM accounts WHERE email = ?", (account, OTHER_EMAIL, EMAIL))
    db.execute("INSERT INTO tenant_members VALUES (?, ?, 'owner', 1, ?)", (tenant, account, now))
    db.commit()
    db.close()


class Side:
    """One workspace with one of everything."""

    def __init__(self, server, email):
        self.server, self.console = server, sign_in(server, email)
        self.apps = AppSet(server, self.console)

    def send(self, method, path, body=None):
        return self.console.request(method, self.server.url + "/console/api" + path, json=body, timeout=240)

    def get(self, path):
        r = self.send("GET", path)
        assert r.status_code == 200, r.text
        return r.json()

    def fill(self):
        """The ids that routes name, by the kind of app."""
        self.apps.post("/tatara/models", {"name": "mock", "base_url": "http://127.0.0.1:9912/v1",
                                          "api_key": "sk-mock", "default": True})
        self.apps.post("/tatara/models", {"name": "voice", "type": "tts", "base_url": "http://127.0.0.1:9912/v1"})
        self.graph, self.flow, self.chat = (self.apps.add(n) for n in ("wf_echo", "cf_convvar", "chat_plain"))
        self.completion = self.apps.add("completion")
        key = {"Authorization": "Bearer " + self.apps.key("wf_echo")}
        run, other = (requests.post(self.server.url + "/v1/workflows/run", headers=key, json={
            "inputs": {"city": "Secret City"}, "user": "u", "response_mode": "blocking"}).json() for _ in range(2))
        self.talks = {}
        for name, app in (("cf_convvar", self.flow), ("chat_plain", self.chat)):
            k = {"Authorization": "Bearer " + self.apps.key(name)}
            r = requests.post(self.server.url + "/v1/chat-messages", headers=k, json={
                "inputs": {}, "query": "secret words", "user": "u", "response_mode": "blocking"})
            assert r.status_code == 200, r.text
            self.talks[app] = r.json()
        k = {"Authorization": "Bearer " + self.apps.key("completion")}
        r = requests.post(self.server.url + "/v1/completion-messages", headers=k, json={
            "inputs": {"text": "secret words"}, "user": "u", "response_mode": "blocking"}).json()
        rows = self.get("/apps/%s/completion-conversations" % self.completion)["data"]
        self.talks[self.completion] = {"conversation_id": rows[0]["id"], "message_id": r["message_id"]}
        newer = app_text().replace("version: 0.5.0", "version: 9.0.0")  # asks before it imports
        pending = self.apps.post("/apps/imports", {"mode": "yaml-content", "yaml_content": newer})
        assert pending["status"] == "pending", pending
        r = self.apps.post("/workspaces/current/members/invite-email", {
            "emails": ["ed-%s@example.com" % self.graph[-6:]], "role": "normal", "language": "en-US"})
        assert r["result"] == "success"
        members = [m for m in self.get("/workspaces/current/members")["accounts"] if m["role"] == "normal"]
        models = [m for m in self.get("/tatara/models")["data"] if m["name"] == "mock"]
        versions = self.get("/apps/%s/workflows?page=1&limit=10" % self.graph)["items"]
        self.apps.add("wf_human_input")
        k = {"Authorization": "Bearer " + self.apps.key("wf_human_input")}
        waits = requests.post(self.server.url + "/v1/workflows/run", headers=k, json={
            "inputs": {}, "user": "u", "response_mode": "blocking"}).json()["data"]
        r = self.send("POST", "/apps/%s/workflows/draft/run" % self.graph, {"inputs": {"city": "Secret City"}})
        assert r.status_code == 200 and "workflow_finished" in r.text, r.text
        left = self.get("/apps/%s/workflows/draft/nodes/start/variables" % self.graph)["items"]
        self.hook()
        annotations = self.annotate()
        self.ids = {
            **annotations,
            "node": "start", "variable": left[0]["id"],
            "trigger": self.get("/apps/%s/triggers" % self.graph)["data"][0]["id"],
            "form_token": waits["reasons"][0]["form_token"],
            "run": run["workflow_run_id"], "other": other["workflow_run_id"], "task": run["task_id"], "version": versions[-1]["id"],
            "key": self.get("/apps/%s/api-keys" % self.graph)["data"][0]["id"], "import": pending["id"],
            "member": members[0]["id"], "model": models[0]["id"],
            "tenant": self.get("/workspaces")["workspaces"][0]["id"], "type": "code"}
        self.dataset_key = self.apps.post("/datasets/api-keys")["id"]
        return self

    def annotate(self):
        """Of the chat app: an annotation, replies with it, an import."""
        app = "/apps/%s/annotation" % self.chat
        self.apps.post("/tatara/models", {"name": "mock-embed", "base_url": "http://127.0.0.1:9912/v1",
                                          "api_key": "sk-mock", "type": "text-embedding"})
        made = self.apps.post(app + "s", {"question": "secret question", "answer": "secret answer"})
        job = self.apps.post(app + "-reply/enable", dict(EMBEDDING, score_threshold=0.99))["job_id"]
        r = self.console.post(self.server.url + "/console/api" + app + "s/batch-import",
                              files={"file": ("a.csv", "question,answer\nsecret,secret\n")})
        assert r.status_code == 200, r.text
        for tail in ("-reply/enable/status/" + job, "s/batch-import-status/" + r.json()["job_id"]):
            for _ in range(600):
                state = self.get(app + tail)
                if state["job_status"] not in ("waiting", "processing"):
                    break
                time.sleep(0.05)
            assert state["job_status"] == "completed", state
        return {"annotation": made["id"], "job": job, "import_job": r.json()["job_id"], "action": "enable",
                "setting": self.get(app + "-setting")["id"]}

    def hook(self):
        """The draft of the echo app gets a webhook; asking for it makes its row."""
        draft = self.get("/apps/%s/workflows/draft" % self.graph)
        graph = dict(draft["graph"], nodes=draft["graph"]["nodes"] + [
            {"id": "hook", "type": "custom", "data": {"type": "trigger-webhook", "title": "secret hook"}}])
        self.apps.post("/apps/%s/workflows/draft" % self.graph, {
            "graph": graph, "features": draft["features"], "hash": draft["hash"],
            "environment_variables": [], "conversation_variables": []})
        self.get("/apps/%s/workflows/triggers/webhook?node_id=hook" % self.graph)

    def named(self, route, app):
        """All ids as this side has them, for a route and one of its apps."""
        out = dict(self.ids, id=app)
        if "/datasets/" in route:
            out["key"] = self.dataset_key
        talk = self.talks.get(app) or self.talks[self.flow if "variables" in route else self.chat]
        return dict(out, conversation=talk["conversation_id"], message=talk["message_id"])

    def app_for(self, route):
        if "annotation" in route:
            return self.chat
        if "advanced-chat" in route or "conversation-variables" in route:
            return self.flow
        if "completion" in route:
            return self.completion
        if "workflow" in route or "/nodes/" in route or "trigger" in route or "import" in route or "export" in route or "copy" in route or "api-keys" in route:
            return self.graph
        return self.chat

    def everything(self):
        """What must stay as it is while others knock."""
        out = [self.get(p) for p in ("/apps?limit=100", "/workspaces", "/tatara/models", "/datasets/api-keys")]
        out.append([(m["id"], m["role"]) for m in self.get("/workspaces/current/members")["accounts"]])
        for app in (self.graph, self.flow, self.chat, self.completion):
            out += [self.get("/apps/" + app), self.get("/apps/%s/api-keys" % app)]
        for app in (self.graph, self.flow):
            out += [self.get("/apps/%s/workflows/%s" % (app, what)) for what in ("draft", "publish")]
            out.append(self.get("/apps/%s/workflows?page=1&limit=10" % app))
        out.append(self.get("/apps/%s/workflow-runs?triggered_from=app-run" % self.graph))
        out.append(self.get("/apps/%s/workflows/draft/nodes/start/variables" % self.graph))
        out += [self.get("/apps/%s/annotation%s" % (self.chat, tail)) for tail in ("s", "-setting")]
        out += [self.get("/apps/%s/chat-conversations" % app) for app in (self.flow, self.chat)]
        return json.loads(json.dumps(out))


@pytest.fixture(scope="module")
def sides(mock_model):
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1"}).start().setup()
    add_workspace(s.data)
    mine, theirs = Side(s, EMAIL).fill(), Side(s, OTHER_EMAIL).fill()
    for _ in range(2400):  # names of conversations are written behind the answer
        rows = mine.everything()[-2:]
        if all(c["name"] == "Mock title" for page in rows for c in page["data"]):
            break
        time.sleep(0.05)
    yield mine, theirs
    s.remove()


def put_in(value, names):
    if isinstance(value, dict):
        return {k: put_in(v, names) for k, v in value.items()}
    if not isinstance(value, str):
        return value
    if value == "{yaml}":
        return app_text()
    return re.sub(r"\{(\w+)\}", lambda m: names[m.group(1)], value)


def places(route):
    """The ids that a route takes in its path, query and body."""
    texts = [route, QUERIES.get(route, "")] + [v for v in BODIES.get(route, {}).values() if isinstance(v, str)]
    return set(re.findall(r"\{(\w+)\}", " ".join(texts))) - NO_ID - {"yaml"}


def ask(side, route, names):
    method, path = route.split(" ")
    body = put_in(BODIES[route], names) if route in BODIES else None
    return side.send(method, put_in(path + QUERIES.get(route, ""), names), body)


def neutral(text, names):
    """The answer without the ids that it was asked with, and without those made for it."""
    for v in sorted(set(names.values()) - {"code"}, key=len, reverse=True):
        text = text.replace(v, "ID")
    return re.sub(r'"id":"[0-9a-f-]{36}"', '"id":"NEW"', text)


@pytest.mark.parametrize("route", routes())
def test_ids_of_another_workspace_do_not_exist(sides, route):
    mine, theirs = sides
    stolen = mine.named(route, mine.app_for(route))
    before = mine.everything()
    nothing = dict({k: UNKNOWN_ID for k in stolen}, type="code")
    # The other's app, and the other's record inside an app of one's own.
    attempts = [(stolen, nothing)]
    if "{id}" in route and places(route) - {"id"}:
        own = theirs.app_for(route)
        attempts.append((dict(stolen, id=own), dict(nothing, id=own)))
    for names, unknown in attempts:
        r, want = ask(theirs, route, names), ask(theirs, route, unknown)
        assert r.status_code == want.status_code, (r.text, want.text)
        assert neutral(r.text, names) == neutral(want.text, unknown)
        assert "ecret" not in r.text.replace("s3cr3t", "")
    assert mine.everything() == before
    if "/apps/{id}" in route:
        assert ask(theirs, route, stolen).status_code == 404


def test_the_routes_work_for_their_owner(sides):
    """Or the test above would prove nothing."""
    mine, _ = sides
    seen = 0
    for route in routes():
        if route.startswith("GET ") and route not in NOT_FOR_THESE:
            names = mine.named(route, mine.app_for(route))
            r = ask(mine, route, names)
            assert r.status_code == 200, (route, r.text)
            seen += 1
    assert seen >= 20


def test_stop_reaches_only_own_runs(sides):
    mine, theirs = sides
    mine.apps.add("wf_slow")
    key = {"Authorization": "Bearer " + mine.apps.key("wf_slow")}
    r = requests.post(mine.server.url + "/v1/workflows/run", headers=key, stream=True, json={
        "inputs": {"q": "[[slow:100:10]]"}, "user": "u", "response_mode": "streaming"})
    lines = (json.loads(x[6:]) for x in r.iter_lines() if x.startswith(b"data: "))
    task = next(lines)["task_id"]
    answers = []
    t = threading.Thread(target=lambda: answers.append(theirs.send(
        "POST", "/apps/%s/workflow-runs/tasks/%s/stop" % (theirs.graph, task))))
    t.start()
    last = list(lines)[-1]
    t.join()
    assert answers[0].status_code == 200 and last["data"]["status"] == "succeeded"
