# SPDX-License-Identifier: Apache-2.0
"""Nobody gets in: two workspaces with people of every role, each trying what is not theirs. The
routes are read from the tables in src/api, so a new one is tried too or must be named here."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import sqlite3
import stat
import threading
import time
import uuid

import pytest
import requests
import yaml
from patience import PATIENCE, quick
from recorded import AppSet, app_file
from tatara import EMAIL, EMBEDDING, PASSWORD, ROOT, Server
from test_console import sign_in

SECRETS = {"model key": "sk-very-secret-model-key-4711", "password": "Plain-Password-99"}
INPUTS = {"text": "a", "x": "a", "query": "a", "city": "Oslo", "q": "[[sleep:1]] a"}


def routes(table):
    """(method, path, auth) of one table.c, its macros filled in."""
    with open(os.path.join(ROOT, "src/api", table, "table.c"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = {"API": "/console/api", "APP": "/console/api/apps/{id:uuid}",
             "WORK": "/console/api/workspaces/current", "TOOL": "/console/api/workspaces/current/tool-provider", "": ""}
    found = []
    for macro, method, base, path, auth in re.findall(
            r'(\{|PROVIDER\()\s*HTTP_(\w+),\s*(\w*)\s*(?:"([^"]*)")?\s*,\s*(\w+)\s*,', text):
        if macro == "{" and method == "method":
            continue
        auth = {"KEY": "AUTH_APP_KEY", "PASS": "AUTH_PASSPORT"}.get(auth, auth)
        if macro == "PROVIDER(":
            for provider in ("/{provider}", "/{author}/{plugin}/{provider}"):
                found.append((method, names["WORK"] + "/model-providers" + provider + path, auth))
        else:
            found.append((method, names[base] + path, auth))
    assert len(found) >= text.count("HTTP_") - text.count("HTTP_OTHER"), "a row was not understood"
    return found


CONSOLE, SERVICE, SITE, FILES = (routes(t) for t in ("console", "service", "site", "files"))
ANYONE = {"POST /console/api/" + p for p in ("setup", "init", "login", "refresh-token", "activate")} | {
    "GET /console/api/" + p for p in ("setup", "init", "ping", "version", "system-features", "activate/check",
                                      # a picture of the program itself, as <img> asks for it
                                      "workspaces/current/tool-provider/builtin/{provider}/icon")}
# What a member without the right to edit may change: the own account, and marks on messages.
MEMBER_WRITES = {"POST /console/api/" + p for p in (
    "logout", "account/name", "account/interface-language", "account/interface-theme", "account/timezone",
    "account/password", "workspaces/current", "workspaces/switch", "apps/{id:uuid}/feedbacks",
    "apps/{id:uuid}/audio-to-text", "apps/{id:uuid}/text-to-audio",  # these change nothing
    "form/human_input/{form_token}",  # whoever has the form's token may answer
    "apps/{id:uuid}/chat-messages/{task}/stop", "apps/{id:uuid}/completion-messages/{task}/stop")}


class World:
    """Workspace a with an admin, an editor and a normal member; workspace b with its owner."""

    def __init__(self, server):
        self.server = server
        self.owner = sign_in(server)
        self.people = {"owner": self.owner}
        for role in ("admin", "editor", "normal"):
            self.people[role] = self.join("an-" + role + "@example.com", role)
        self.b = self.join("other@example.com", "normal")
        self.found_workspace("other@example.com")
        self.ids_a, self.ids_b = self.fill(self.owner, "u1"), self.fill(self.b, "u1")

    def call(self, who, method, path, **more):
        return who.request(method, self.server.url + path, timeout=240, **more)

    def join(self, email, role, password=PASSWORD):
        r = self.call(self.owner, "POST", "/console/api/workspaces/current/members/invite-email",
                      json={"emails": [email], "role": role, "language": "en-US"})
        url = r.json()["invitation_results"][0]["url"]
        self.token = re.search(r"token=([^&]+)", url).group(1)
        r = requests.post(self.server.url + "/console/api/activate",
                          json={"token": self.token, "name": role, "password": password,
                                "interface_language": "en-US", "timezone": "UTC", "email": email})
        assert r.status_code == 200, r.text
        return sign_in(self.server, email, password)

    def found_workspace(self, email):
        """There is no call that makes a second workspace, so the test writes it."""
        db = sqlite3.connect(self.server.data + "/tatara.db", timeout=240)
        tenant, now = str(uuid.uuid4()), int(time.time() * 1000)
        with db:
            db.execute("INSERT INTO tenants VALUES (?, 'other', 'basic', 'normal', ?, ?)", (tenant, now, now))
            db.execute("UPDATE tenant_members SET tenant_id = ?, role = 'owner' WHERE account_id = "
                       "(SELECT id FROM accounts WHERE email = ?)", (tenant, email))
        db.close()

    def fill(self, who, user):
        """One of everything; ids by the names of the routes' parameters."""
        get = lambda path: self.call(who, "GET", "/console/api" + path).json()  # noqa: E731
        r = self.call(who, "POST", "/console/api/tatara/models", json={
            "provider": "openai_api_compatible", "name": "mock", "model": "mock", "type": "llm", "model_type": "llm",
            "base_url": "http://127.0.0.1:9912/v1", "key": "sk-mock", "api_key": "sk-mock", "default": True,
            "credentials": {"base_url": "http://127.0.0.1:9912/v1", "endpoint_url": "http://127.0.0.1:9912/v1",
                            "api_key": "sk-mock"}})
        assert r.status_code < 300, r.text
        apps, ids = AppSet(self.server, who), {}
        for name in ("chat_plain", "wf_echo", "cf_plain", "wf_slow"):
            app = ids[name] = {"id": apps.id(name), "code": apps.code(name)}
            r = self.call(who, "POST", "/console/api/apps/%s/api-keys" % app["id"])
            app["token"], app["key"] = r.json()["token"], r.json()["id"]
            app["headers"] = {"Authorization": "Bearer " + app["token"]}
            app["passport"] = requests.get(self.server.url + "/api/passport",
                                           headers={"X-App-Code": app["code"]}).json()["access_token"]
        post = lambda app, path, body: requests.post(  # noqa: E731
            self.server.url + path, json={"user": user, "response_mode": "blocking", **body},
            headers=ids[app]["headers"], timeout=240)
        for app in ("chat_plain", "cf_plain"):
            r = post(app, "/v1/chat-messages", {"query": "hello", "inputs": INPUTS})
            assert r.status_code == 200, r.text
            ids[app].update(conversation=r.json()["conversation_id"], message=r.json()["message_id"])
        own = "/console/api/apps/%s/annotation" % ids["chat_plain"]["id"]
        r = self.call(who, "POST", own + "s", json={"question": "secret question", "answer": "secret answer"})
        assert r.status_code == 200, r.text
        ids["chat_plain"]["annotation"] = r.json()["id"]
        r = self.call(who, "POST", own + "-reply/disable", json=dict(EMBEDDING, score_threshold=0.5))
        ids["chat_plain"]["job"] = r.json()["job_id"]
        r = post("wf_echo", "/v1/workflows/run", {"inputs": INPUTS})
        assert r.status_code == 200, r.text
        ids["wf_echo"]["run"] = r.json()["workflow_run_id"]
        draft = "/apps/%s/workflows/draft/" % ids["wf_echo"]["id"]
        r = self.call(who, "POST", "/console/api" + draft + "run", json={"inputs": INPUTS, "files": []})
        assert r.status_code == 200 and "workflow_finished" in r.text, r.text
        ids["wf_echo"]["variable"] = get(draft + "nodes/start/variables")["items"][0]["id"]
        ids["wf_echo"]["version"] = get("/apps/%s/workflows/publish" % ids["wf_echo"]["id"])["id"]
        r = requests.post(self.server.url + "/v1/files/upload", headers=ids["chat_plain"]["headers"],
                          data={"user": user}, files={"file": ("secret.png", PNG, "image/png")})
        assert r.status_code == 201, r.text
        ids["file"], ids["user"] = r.json()["id"], r.json()["created_by"]
        r = self.call(who, "POST", "/console/api/datasets/api-keys")
        ids["dataset key"] = r.json()["id"]
        ids["member"] = get("/account/profile")["id"]
        ids["tenant"] = [w["id"] for w in get("/workspaces")["workspaces"] if w["current"]][0]
        return ids

    def snapshot(self, who, ids):
        """What the owner sees of the workspace, without what time changes."""
        paths = ["/apps?limit=100", "/workspaces/current/members", "/workspaces/current/model-providers",
                 "/workspaces/current/default-model?model_type=llm", "/datasets/api-keys", "/workspaces"]
        for name in ("chat_plain", "wf_echo", "cf_plain", "wf_slow"):
            app = "/apps/" + ids[name]["id"]
            paths += [app, app + "/api-keys", app + "/export?include_secret=true"]
            if "conversation" in ids[name]:
                paths += [app + "/chat-conversations?limit=50", app + "/annotations", app + "/annotation-setting",
                          app + "/chat-messages?conversation_id=" + ids[name]["conversation"]]
            if name != "chat_plain":
                paths += [app + "/workflows/" + t for t in ("draft", "publish", "draft/variables",
                                                            "draft/nodes/start/variables")]
                paths.append(app + "/workflows?limit=50")
        out = {}
        for p in paths:
            r = self.call(who, "GET", "/console/api" + p)
            assert r.status_code == 200, p + r.text
            out[p] = re.sub(r'"last_(active|used|login)_at": ?\w+', "", r.text)
        return out


PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
                       "gg==")


@pytest.fixture(scope="module")
def place(mock_model):
    s = Server({"LOG_LEVEL": "DEBUG", "SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.2",
                "CONSOLE_CORS_ALLOW_ORIGINS": "https://console.example", "WEB_API_CORS_ALLOW_ORIGINS": "*"})
    s.env["FILES_URL"] = s.env["CONSOLE_API_URL"] = s.env["SERVICE_API_URL"] = s.url
    s.start().setup()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def world(place):
    return World(place)


# --- workspaces and roles ---

def fill_path(path, app, ids):
    values = {"id": app["id"], "app": app["id"], "key": app.get("key"), "version": app.get("version"),
              "run": app.get("run"), "conversation": app.get("conversation"), "message": app.get("message"),
              "member": ids["member"], "import": str(uuid.uuid4()), "type": "llm", "task": str(uuid.uuid4()),
              "model": "mock", "provider": "openai_api_compatible", "author": "langgenius",
              "plugin": "openai_api_compatible", "conversation_id": app.get("conversation"),
              "message_id": app.get("message"), "variable_id": str(uuid.uuid4()), "file_id": ids["file"],
              "end_user_id": ids["user"], "workflow_run_id": app.get("run"), "workflow_id": app.get("version"),
              "task_id": str(uuid.uuid4()), "other": app.get("run"), "form_token": "no-such-token",
              "file_name": "x.png", "kind": "api", "mcp": str(uuid.uuid4()), "node": "start", "variable": app.get("variable"),
              "annotation": app.get("annotation"), "annotation_id": app.get("annotation"), "action": "enable",
              "job": app.get("job"), "job_id": app.get("job"), "import_job": app.get("job"), "setting": app.get("setting")}
    if "/datasets/api-keys" in path:
        values["key"] = ids["dataset key"]
    return re.sub(r"\{(\w+)(?::uuid)?\}", lambda m: str(values[m.group(1)] or uuid.uuid4()), path)


BODY = {"name": "taken", "icon": "x", "enable_site": False, "enable_api": False, "graph": {"nodes": [], "edges": []},
        "features": {}, "inputs": {}, "query": "x", "message_id": None, "rating": "like", "role": "admin",
        "model_config": {}, "title": "taken", "marked_name": "taken", "hash": "", "response_mode": "blocking",
        "environment_variables": [], "conversation_variables": [], "user": "u1", "value": "x",
        "question": "taken", "answer": "taken", **dict(EMBEDDING, score_threshold=0.5)}


def test_every_console_route_with_ids_of_another_workspace(world):
    before = world.snapshot(world.owner, world.ids_a)
    bad, tried = [], 0
    for method, path, auth in CONSOLE:
        if "{" not in path or any(w in path for w in ("model-providers", "/models/", "/tools/{kind}", "/tool-provider/builtin/")):
            continue  # those name models and built-in tools by words, which each workspace has of its own
        for name in ("chat_plain", "wf_echo"):
            a, b = world.ids_a[name], world.ids_b[name]
            full = fill_path(path, a, world.ids_a)
            mixed = full.replace(a["id"], b["id"])
            body = dict(BODY, message_id=a.get("message"))
            for target in dict.fromkeys([full, mixed]):
                own = target != full and not re.search(r"\{(key|version|run|conversation|message|variable|annotation|job)\W", path)
                if own:
                    continue
                more = {"json": body} if method != "GET" else {"params": {"conversation_id": a.get("conversation", str(uuid.uuid4()))}}
                r = world.call(world.b, method, target, **more)
                tried += 1
                # Of a run that is not there the recorded server says so with nulls.
                if r.status_code == 200 and "/workflow-runs/{run" in path:
                    found = r.json()
                    if not (found.get("id") or found.get("data")):
                        continue
                if "{job" in path and r.status_code == 400 and "The job does not exist." in r.text:
                    continue
                if r.status_code not in (404, 403) and "{import}" not in path:
                    bad.append("%s %s: %d %s" % (method, target, r.status_code, r.text[:100]))
    assert not bad, "\n".join(bad)
    assert tried > 120
    assert world.snapshot(world.owner, world.ids_a) == before


def test_console_bodies_and_queries_with_ids_of_another_workspace(world):
    before = world.snapshot(world.owner, world.ids_a)
    a, b = world.ids_a["chat_plain"], world.ids_b["chat_plain"]
    app = "/console/api/apps/" + b["id"]
    got = world.call(world.b, "POST", app + "/feedbacks", json={"message_id": a["message"], "rating": "like"})
    assert got.status_code == 404
    for path in ("/chat-messages?conversation_id=", "/conversation-variables?conversation_id="):
        r = world.call(world.b, "GET", app + path + a["conversation"])
        assert r.status_code in (400, 404) or r.json()["data"] == [], r.text
    r = world.call(world.b, "POST", app + "/chat-messages", json={
        "query": "x", "inputs": {}, "conversation_id": a["conversation"], "model_config": {}})
    assert r.status_code == 404, r.text
    r = world.call(world.b, "POST", "/console/api/workspaces/switch", json={"tenant_id": world.ids_a["tenant"]})
    assert r.status_code == 400
    r = world.call(world.b, "POST", "/console/api/apps/imports", json={
        "mode": "yaml-content", "app_id": world.ids_a["wf_echo"]["id"],
        "yaml_content": world.call(world.b, "GET", "/console/api/apps/%s/export" % world.ids_b["wf_echo"]["id"])
        .json()["data"]})
    assert r.status_code >= 400 and r.status_code < 500, r.text
    r = world.call(world.b, "DELETE", "/console/api/tatara/models/mock")
    assert world.snapshot(world.owner, world.ids_a) == before
    world.b.get(world.server.url + "/console/api/workspaces", headers={"X-WORKSPACE-ID": world.ids_a["tenant"]})
    shown = world.call(world.b, "GET", "/console/api/apps?limit=100").text
    assert not [n for n in ("chat_plain", "wf_echo") if world.ids_a[n]["id"] in shown]


def test_every_console_route_by_role(world):
    """Before anything else of the request is looked at: no session 401, too low a role 403."""
    bad = []
    for method, path, auth in CONSOLE:
        name = method + " " + path
        full = fill_path(path, world.ids_a["wf_echo"], world.ids_a)
        if auth == "AUTH_NONE":
            if name not in ANYONE:
                bad.append(name + " is open to anyone and not listed")
            continue
        if requests.request(method, world.server.url + full, json={}).status_code != 401:
            bad.append(name + " without a session")
        cookies = world.owner.cookies.get_dict()
        if not (path.endswith("workflows/draft") and method == "POST"):  # the editor's beacon has no header
            if requests.request(method, world.server.url + full, json={}, cookies=cookies).status_code != 401:
                bad.append(name + " without the CSRF header")
        low = {"AUTH_EDITOR": ["normal"], "AUTH_ADMIN": ["normal", "editor"]}.get(auth, [])
        for role in low:
            r = world.call(world.people[role], method, full, json={})
            if r.status_code != 403:
                bad.append("%s as %s: %d" % (name, role, r.status_code))
        if auth == "AUTH_CONSOLE" and method != "GET" and name not in MEMBER_WRITES:
            bad.append(name + " lets any member write and is not listed")
        if auth not in ("AUTH_CONSOLE", "AUTH_EDITOR", "AUTH_ADMIN"):
            bad.append(name + " has auth " + auth)
    assert not bad, "\n".join(bad)


def test_pending_import_of_another_workspace(world):
    text = world.call(world.owner, "GET", "/console/api/apps/%s/export" % world.ids_a["wf_echo"]["id"]).json()["data"]
    r = world.call(world.owner, "POST", "/console/api/apps/imports", json={
        "mode": "yaml-content", "yaml_content": re.sub(r"(?m)^version: .*$", "version: 99.0.0", text)})
    assert r.status_code == 202, r.text
    path = "/console/api/apps/imports/%s/confirm" % r.json()["id"]
    got = world.call(world.b, "POST", path, json={})
    assert got.status_code >= 400 and not got.json().get("app_id"), got.text
    assert world.call(world.owner, "POST", path, json={}).json()["app_id"]


def test_admin_cannot_become_owner(world):
    admin = world.people["admin"]
    me = world.call(admin, "GET", "/console/api/account/profile").json()["id"]
    work = "/console/api/workspaces/current/members/"
    assert world.call(admin, "PUT", work + me + "/update-role", json={"role": "owner"}).status_code == 403
    owner = world.ids_a["member"]
    assert world.call(admin, "PUT", work + owner + "/update-role", json={"role": "normal"}).status_code in (400, 403)
    assert world.call(admin, "DELETE", work + owner).status_code in (400, 403)


def test_every_service_route_with_ids_of_others(world):
    before = world.snapshot(world.owner, world.ids_a)
    bad, tried = [], 0
    for method, path, auth in SERVICE:
        full = fill_path(path, {"id": ""}, world.ids_a)
        if auth == "AUTH_NONE":
            bad.append(path + " is open to anyone")
        for headers in ({}, {"Authorization": "Bearer app-wrong"}, {"Authorization": "Basic x"}):
            if requests.request(method, world.server.url + full, headers=headers, json={}).status_code != 401:
                bad.append("%s %s without a key" % (method, path))
        if "{" not in path or "task_id" in path or path.endswith("/{action}"):
            continue  # no id of a record
        for name in ("chat_plain", "wf_echo"):
            full = fill_path(path, world.ids_a[name], world.ids_a)
            r = requests.request(method, world.server.url + full, params={"user": "u1"} if method == "GET" else None,
                                 json=dict(BODY) if method != "GET" else None,
                                 headers=world.ids_b[name]["headers"])
            tried += 1
            empty = path.endswith("workflows/run/{workflow_run_id}") and r.status_code == 200 and not r.json()["id"]
            if r.status_code not in (400, 403, 404) and not empty:
                bad.append("%s %s: %d %s" % (method, full, r.status_code, r.text[:100]))
    assert not bad, "\n".join(bad)
    assert tried > 18
    assert world.snapshot(world.owner, world.ids_a) == before


def test_service_conversations_of_another_end_user(world):
    a = world.ids_a["chat_plain"]
    url, h = world.server.url + "/v1", a["headers"]
    calls = [("GET", "/messages?user=u2&conversation_id=" + a["conversation"], None),
             ("DELETE", "/conversations/" + a["conversation"], {"user": "u2"}),
             ("POST", "/conversations/%s/name" % a["conversation"], {"user": "u2", "name": "taken"}),
             ("GET", "/conversations/%s/variables?user=u2" % a["conversation"], None),
             ("POST", "/messages/%s/feedbacks" % a["message"], {"user": "u2", "rating": "like"}),
             ("POST", "/chat-messages", {"user": "u2", "query": "x", "inputs": {},
                                         "conversation_id": a["conversation"]})]
    for method, path, body in calls:
        r = requests.request(method, url + path, json=body, headers=h)
        assert r.status_code in (400, 404), "%s %s: %d %s" % (method, path, r.status_code, r.text)
    shown = requests.get(url + "/conversations?user=u2", headers=h).json()["data"]
    assert a["conversation"] not in [c["id"] for c in shown]


def test_every_site_route(world):
    bad = []
    open_routes = {"/api/passport", "/api/webapp/access-mode", "/api/webapp/permission", "/api/system-features",
                   "/api/login/status",
                   # the token in the path is what opens a form
                   "/api/form/human_input/{form_token}", "/api/form/human_input/{form_token}/upload"}
    for method, path, auth in SITE:
        if auth == "AUTH_NONE":
            if path not in open_routes:
                bad.append(path + " is open to anyone and not listed")
            continue
        for name in ("chat_plain", "wf_echo"):
            a, b = world.ids_a[name], world.ids_b[name]
            full = fill_path(path, a, world.ids_a)
            base = world.server.url + full
            code = {"X-App-Code": a["code"]}
            if requests.request(method, base, headers=code, json={}).status_code != 401:
                bad.append(path + " without a passport")
            if "{" not in path or "task_id" in path:
                continue
            stranger = requests.get(world.server.url + "/api/passport", headers=code).json()["access_token"]
            for app, passport in ((a, stranger), (b, b["passport"])):
                r = requests.request(method, base, json=dict(BODY) if method != "GET" else None,
                                     params={"response_mode": "blocking"} if method == "GET" else None,
                                     headers={"X-App-Code": app["code"], "X-App-Passport": passport})
                if r.status_code not in (400, 403, 404):
                    bad.append("%s %s: %d %s" % (method, full, r.status_code, r.text[:100]))
    assert not bad, "\n".join(bad)


def test_log_filter_names_no_people_of_other_workspaces(world):
    for email, code in (("other@example.com", 400), ("nobody@example.com", 400), (EMAIL, 200)):
        r = requests.get(world.server.url + "/v1/workflows/logs", params={"created_by_account": email},
                         headers=world.ids_a["wf_echo"]["headers"])
        assert r.status_code == code, r.text


def test_files_of_the_console_stay_in_their_workspace(world):
    """What a person uploads for a test run: with the CSRF header only, and for this workspace only."""
    url = world.server.url + "/console/api/files/upload"
    form = {"files": {"file": ("ore.png", PNG, "image/png")}, "timeout": 60}
    r = requests.post(url, cookies=world.owner.cookies.get_dict(), **form)
    assert r.status_code == 401, "without the CSRF header nothing is taken"
    assert requests.post(url, **form).status_code == 401
    token = world.owner.headers["X-CSRF-Token"]
    r = requests.post(url, cookies=world.owner.cookies.get_dict(), headers={"X-CSRF-Token": token}, **form)
    assert r.status_code == 201 and r.json()["name"] == "ore.png", r.text
    mapping = {"type": "image", "transfer_method": "local_file", "upload_file_id": r.json()["id"]}
    for who, code in ((world.owner, 200), (world.b, 400)):
        apps = AppSet(world.server, who)
        r = requests.post(world.server.url + "/v1/chat-messages", json={
            "user": "u1", "query": "x", "inputs": {}, "files": [mapping], "response_mode": "blocking"},
            headers={"Authorization": "Bearer " + apps.key("chat_vision")}, timeout=240)
        assert r.status_code == code, r.text


def test_files_of_another_workspace(world):
    """By id, and as a file object that names the other workspace itself."""
    apps, file = AppSet(world.server, world.b), world.ids_a["file"]
    heads = {n: {"Authorization": "Bearer " + apps.key(n)} for n in ("chat_vision", "cf_file", "wf_file")}
    local = {"type": "image", "transfer_method": "local_file"}
    own = dict(local, upload_file_id=world.ids_b["file"])
    r = requests.post(world.server.url + "/v1/chat-messages", headers=heads["chat_vision"], json={
        "user": "u1", "query": "x", "inputs": {}, "files": [own], "response_mode": "blocking"})
    assert r.status_code == 200, r.text
    forged = {"dify_model_identity": "__dify__file__", "tenant_id": world.ids_a["tenant"], "type": "image",
              "transfer_method": "local_file", "related_id": file, "filename": "x.png", "extension": ".png",
              "mime_type": "image/png", "size": 1}
    for mapping in (dict(local, upload_file_id=file), forged, dict(forged, tenant_id=world.ids_b["tenant"])):
        for app in ("chat_vision", "cf_file"):
            r = requests.post(world.server.url + "/v1/chat-messages", headers=heads[app], json={
                "user": "u1", "query": "x", "inputs": {}, "files": [mapping], "response_mode": "blocking"})
            assert r.status_code == 400, app + r.text
        for value in (mapping, [mapping]):
            r = requests.post(world.server.url + "/v1/workflows/run", headers=heads["wf_file"], json={
                "user": "u1", "inputs": {"f": value, "doc": value, "file": value}, "response_mode": "blocking"})
            assert r.status_code == 400, r.text
    for method, path, auth in FILES:
        full = world.server.url + fill_path(path, {"id": ""}, world.ids_a)
        assert requests.get(full).status_code == 404
        assert requests.get(full, params={"timestamp": int(time.time()), "nonce": "a", "sign": "AAAA"}).status_code == 404


def test_visitor_cannot_stop_the_run_of_another(world):
    app = world.ids_a["wf_slow"]
    url = world.server.url + "/api"
    head = {"X-App-Code": app["code"], "X-App-Passport": app["passport"]}
    r = requests.post(url + "/workflows/run", headers=head, stream=True, timeout=240,
                      json={"inputs": INPUTS, "response_mode": "streaming"})
    lines = r.iter_lines()
    first = json.loads(next(x for x in lines if x.startswith(b"data: "))[6:])
    other = requests.get(url + "/passport", headers={"X-App-Code": app["code"]}).json()["access_token"]
    requests.post(url + "/workflows/tasks/%s/stop" % first["task_id"], json={},
                  headers=dict(head, **{"X-App-Passport": other}))
    requests.post(world.server.url + "/v1/workflows/tasks/%s/stop" % first["task_id"], json={"user": "u1"},
                  headers=world.ids_b["wf_slow"]["headers"])
    last = [json.loads(x[6:]) for x in lines if x.startswith(b"data: ")][-1]
    assert last["event"] == "workflow_finished" and last["data"]["status"] == "succeeded", last


# --- sessions ---

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_tokens_that_are_not_ours(world):
    url = world.server.url + "/console/api/account/profile"
    head, claims, sign = world.owner.cookies["access_token"].split(".")
    csrf = world.owner.cookies["csrf_token"]
    none = b64(b'{"alg":"none","typ":"JWT"}')
    plain = json.loads(base64.urlsafe_b64decode(claims + "=="))
    old = b64(json.dumps(dict(plain, exp=1)).encode())

    def signed(key, h, c):
        return "%s.%s.%s" % (h, c, b64(hmac.new(key, (h + "." + c).encode(), hashlib.sha256).digest()))

    with open(world.server.data + "/secret", "rb") as f:
        key = f.read().strip()
    tokens = {"none": none + "." + claims + ".", "none, old signature": none + "." + claims + "." + sign,
              "no signature": head + "." + claims + ".", "cut": head + "." + claims, "empty": "..",
              "wrong key": signed(b"wrong", head, claims), "empty key": signed(b"", head, claims),
              "expired": signed(key, head, old), "none, right key": signed(key, none, claims),
              "csrf as access": csrf, "passport": world.ids_a["chat_plain"]["passport"]}
    for what, token in tokens.items():
        r = requests.get(url, cookies={"access_token": token, "csrf_token": csrf}, headers={"X-CSRF-Token": csrf})
        assert r.status_code == 401, what
        r = requests.get(url, headers={"Authorization": "Bearer " + token, "X-CSRF-Token": csrf},
                         cookies={"csrf_token": csrf})
        assert r.status_code == 401, what
    other = world.b.cookies["csrf_token"]
    r = requests.get(url, headers={"X-CSRF-Token": other},
                     cookies={"access_token": world.owner.cookies["access_token"], "csrf_token": other})
    assert r.status_code == 401
    good = requests.get(url, cookies=world.owner.cookies.get_dict(), headers={"X-CSRF-Token": csrf})
    assert good.status_code == 200


def test_passport_of_another_app(world):
    a, c = world.ids_a["chat_plain"], world.ids_a["cf_plain"]
    site = world.server.url + "/api/site"
    for passport in (world.owner.cookies["access_token"], "x.y.z", a["passport"][:-3] + "abc"):
        assert requests.get(site, headers={"X-App-Code": a["code"], "X-App-Passport": passport}).status_code == 401
    r = requests.get(site, headers={"X-App-Code": c["code"], "X-App-Passport": a["passport"]})
    assert r.status_code in (401, 404) or r.json()["app_id"] == a["id"]


def test_cookies(world):
    r = requests.post(world.server.url + "/console/api/login", json={
        "email": EMAIL, "password": base64.b64encode(PASSWORD.encode()).decode()})
    flags = {c.split("=")[0]: c for c in r.raw.headers.getlist("set-cookie")}
    for name in ("access_token", "refresh_token"):
        assert "HttpOnly" in flags[name] and "SameSite=Lax" in flags[name]
    assert "SameSite=Lax" in flags["csrf_token"]


def test_cookies_over_https(mock_model):
    s = Server({"CONSOLE_API_URL": "https://console.example", "CONSOLE_WEB_URL": "https://console.example"})
    try:
        s.start().setup()
        r = requests.post(s.url + "/console/api/login", json={
            "email": EMAIL, "password": base64.b64encode(PASSWORD.encode()).decode()})
        cookies = r.raw.headers.getlist("set-cookie")
        assert len(cookies) == 3
        for c in cookies:
            assert c.startswith("__Host-") and "Secure" in c and "Domain" not in c and "Path=/" in c
    finally:
        s.remove()


def test_refresh_tokens(world):
    url = world.server.url + "/console/api"
    s = world.join("leaver@example.com", "normal")
    old = s.cookies["refresh_token"]
    r = requests.post(url + "/refresh-token", cookies={"refresh_token": old})
    assert r.status_code == 200
    fresh = r.cookies["refresh_token"]
    assert requests.post(url + "/refresh-token", cookies={"refresh_token": old}).status_code == 401
    s = sign_in(world.server, "leaver@example.com")
    new = "Another-Word-1"
    r = s.post(url + "/account/password", json={"password": "wrong", "new_password": new, "repeat_new_password": new})
    assert r.status_code == 400
    stale = s.cookies["refresh_token"]
    r = s.post(url + "/account/password", json={"password": PASSWORD, "new_password": new, "repeat_new_password": new})
    assert r.status_code == 200, r.text
    for token in (fresh, stale):
        assert requests.post(url + "/refresh-token", cookies={"refresh_token": token}).status_code == 401
    s = sign_in(world.server, "leaver@example.com", new)
    token = s.cookies["refresh_token"]
    s.post(url + "/logout")
    assert requests.post(url + "/refresh-token", cookies={"refresh_token": token}).status_code == 401


def test_removed_member_is_out(world):
    s = world.join("gone@example.com", "editor")
    me = world.call(s, "GET", "/console/api/account/profile").json()["id"]
    r = world.call(world.owner, "DELETE", "/console/api/workspaces/current/members/" + me)
    assert r.status_code == 200
    assert world.call(s, "GET", "/console/api/apps").status_code == 401
    assert world.call(s, "POST", "/console/api/refresh-token").status_code == 401


def test_invitation_opens_nothing_else(world):
    """Two workspaces wait for one person: the second one's administrator gets no way into the first."""
    invite = {"emails": ["wanted@example.com"], "role": "editor", "language": "en-US"}
    path = "/console/api/workspaces/current/members/invite-email"
    first = world.call(world.owner, "POST", path, json=invite).json()["invitation_results"][0]["url"]
    second = world.call(world.b, "POST", path, json=invite).json()["invitation_results"][0]
    assert "token=" in first and "token=" not in second["url"], second
    token = first.split("token=")[1]
    body = {"token": token, "name": "wanted", "password": PASSWORD, "interface_language": "en-US", "timezone": "UTC"}
    url = world.server.url + "/console/api/activate"
    assert requests.post(url, json=body).status_code == 200
    assert requests.post(url, json=dict(body, password="Taken-Over-1")).status_code == 404
    sign_in(world.server, "wanted@example.com")


def test_login_is_locked(world):
    world.join("locked@example.com", "normal")
    url = world.server.url + "/console/api/login"
    wrong = {"email": "locked@example.com", "password": base64.b64encode(b"Wrong-Word-1").decode()}
    codes = [requests.post(url, json=wrong).status_code for _ in range(7)]
    assert codes[0] == 401 and codes[-1] == 429, codes
    right = dict(wrong, password=base64.b64encode(PASSWORD.encode()).decode())
    assert requests.post(url, json=right).status_code == 429
    assert requests.post(url, json=dict(right, email="LOCKED@example.com ".strip())).status_code == 429
    codes = []
    many = [threading.Thread(target=lambda: codes.append(requests.post(url, json=dict(
        wrong, email="nobody2@example.com")).status_code)) for _ in range(30)]
    for t in many:
        t.start()
    for t in many:
        t.join()
    assert codes.count(401) <= 6 and codes.count(429) >= 24, codes
    unknown = requests.post(url, json=dict(wrong, email="nobody@example.com"))
    assert unknown.status_code == 401 and unknown.json()["code"] == "authentication_failed"


# --- what is put in ---

NASTY = ["<script>alert(1)</script>.png", "a\";x=\"b.png", "\u202egnp.exe", "'; DROP TABLE accounts;--.png"]


def test_file_names_and_types(world):
    key, url = world.ids_a["chat_plain"]["headers"], world.server.url
    for name in NASTY:
        r = requests.post(url + "/v1/files/upload", headers=key, data={"user": "u1"},
                          files={"file": (name, PNG, "image/png")})
        assert r.status_code in (201, 400), r.text
        if r.status_code == 400:
            continue
        got = requests.get(r.json()["source_url"] + "&as_attachment=true")
        shown = got.headers["Content-Disposition"]
        assert got.content == PNG and re.fullmatch(r"attachment; filename\*=UTF-8''[\w.~%-]+", shown), shown
    for kind, name in (("text/html", "a.html"), ("Text/HTML; charset=utf-8", "a.txt"), ("image/svg+xml", "a.svg"),
                       ("IMAGE/SVG+XML", "a.png"), ("application/xhtml+xml", "x"), ("text/plain", "a.HTML")):
        r = requests.post(url + "/v1/files/upload", headers=key, data={"user": "u1"},
                          files={"file": (name, b"<script>alert(1)</script>", kind)})
        assert r.status_code == 201, r.text
        got = requests.get(r.json()["source_url"])
        assert got.headers["Content-Type"].startswith("application/octet-stream"), kind
        assert got.headers["Content-Disposition"].startswith("attachment")
        assert got.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in got.headers["Content-Security-Policy"]
    for name in ("../../etc/passwd", "..\\x", "a\r\nSet-Cookie: a=b\r\n.png", "a\0b.png", "a\nb.png"):
        body = ("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: image/png"
                "\r\n\r\nx\r\n--B--\r\n" % name).encode()
        r = requests.post(url + "/v1/files/upload", data=body,
                          headers=dict(key, **{"Content-Type": "multipart/form-data; boundary=B"}))
        assert r.status_code == 400 and "Set-Cookie" not in r.headers, name


def test_paths_leave_nothing(world):
    host, port = "127.0.0.1", world.server.port
    for path in ("/../../etc/passwd", "/assets/../../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/files/../secret",
                 "/files/%2e%2e%2fsecret/file-preview", "/..%2f..%2fsecret", "//etc/passwd", "/v1/files/../../x/preview",
                 "/assets/..\\..\\secret", "/%00", "/assets/%00"):
        with socket.create_connection((host, port), timeout=240) as s:
            s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path).encode())
            got = b"".join(iter(lambda: s.recv(65536), b""))
        assert b"root:" not in got, path
        code = int(got.split()[1])
        assert code in (400, 401, 404) or (code == 200 and b"<!doctype html" in got.lower()), (path, got[:200])


def test_text_stays_text(world):
    """Quotes and markup in names and searches come back as they were, as JSON."""
    for name in ("<img src=x onerror=alert(1)>", "x'); DROP TABLE apps;--", "a\\\"b\u2028", "%s%n%x", "\u0000" "x"):
        r = world.call(world.owner, "POST", "/console/api/apps", json={"name": name, "mode": "chat", "icon_type": "emoji",
                                                                       "icon": "x", "icon_background": "#fff"})
        assert r.status_code in (200, 201, 400), r.text
        if r.status_code < 300:
            app = r.json()["id"]
            assert r.headers["Content-Type"].startswith("application/json") and r.json()["name"] == name
            got = world.call(world.owner, "GET", "/console/api/apps", params={"name": name[:20], "limit": 50})
            assert got.status_code == 200 and app in got.text
            world.call(world.owner, "DELETE", "/console/api/apps/" + app)
    for text in ("' OR 1=1 --", "%", "_", "\\", "\" OR \"\"=\""):
        for path, field in (("/console/api/apps", "name"), ("/console/api/apps/%s/chat-conversations"
                                                            % world.ids_a["chat_plain"]["id"], "keyword")):
            r = world.call(world.owner, "GET", path, params={field: text})
            assert r.status_code == 200, (path, text, r.text[:200])
            if field == "name":
                assert all(text in app["name"] for app in r.json()["data"]), (text, r.text[:200])
            elif text not in "%_":  # in logs these two match any text
                assert r.json()["data"] == [], (text, r.text[:200])


def test_no_sql_is_glued():
    """Statements are files; no C source builds one from what a request brings."""
    word = re.compile(r"(printf|buf_put\w*)\s*\([^;]*\"[^\"]*\b(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|"
                      r"ORDER BY|WHERE)\b", re.S)
    bad = []
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in names:
            if not name.endswith(".c"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                for statement in f.read().split(";\n"):
                    if word.search(statement) and "schema_migrations" not in statement:
                        bad.append(name + ": " + statement.strip()[:120])
    assert not bad, "\n".join(bad)


# --- what goes out ---

class Trap:
    """Listens, counts who comes, and sends them where it was told."""

    def __init__(self, address="127.0.0.1", to=None):
        trap = self
        self.hits = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                trap.hits += 1
                self.send_response(302 if to else 200)
                if to:
                    self.send_header("Location", to)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = type("Listener", (http.server.ThreadingHTTPServer,), {"address_family": family})
        self.http = kind((address, 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def test_the_gate(world):
    trap, six = Trap(), Trap("::1")
    p = trap.port
    inside = ["http://127.0.0.1:%d/" % p, "http://localhost:%d/" % p, "http://LOCALHOST.:%d/" % p,
              "http://2130706433:%d/" % p, "http://0177.0.0.1:%d/" % p, "http://0x7f.1:%d/" % p, "http://127.1:%d/" % p,
              "http://0:%d/" % p, "http://0.0.0.0:%d/" % p, "http://[::1]:%d/" % six.port,
              "http://[::ffff:127.0.0.1]:%d/" % p, "http://[::ffff:7f00:1]:%d/" % p, "http://[::127.0.0.1]:%d/" % p,
              "http://[64:ff9b::7f00:1]:%d/" % p, "http://a@127.0.0.1:%d/" % p, "http://127.0.0.1:%d#@example.com/" % p,
              "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://[fe80::1]/",
              "http://100.100.100.200/", "http://%s:%d/" % (socket.gethostname(), p),
              "file:///etc/passwd", "gopher://127.0.0.1:%d/x" % p, "ftp://127.0.0.1:%d/x" % p, "dict://127.0.0.1:%d/" % p]
    hops = [Trap("127.0.0.2", to) for to in ("http://127.0.0.1:%d/x" % p, "http://[::1]:%d/x" % six.port,
                                             "http://2130706433:%d/" % p, "file:///etc/passwd",
                                             "http://169.254.169.254/")]
    for url in inside + ["http://127.0.0.2:%d/x.yml" % h.port for h in hops]:
        r = world.call(world.owner, "POST", "/console/api/apps/imports", json={"mode": "yaml-url", "yaml_url": url})
        assert r.status_code == 400 and "root:" not in r.text, (url, r.text)
    key = {"Authorization": "Bearer " + AppSet(world.server, world.owner).key("chat_vision")}
    for url in inside[:10] + ["http://127.0.0.2:%d/x.png" % h.port for h in hops[:2]]:
        requests.post(world.server.url + "/v1/chat-messages", headers=key, timeout=240, json={
            "user": "u1", "query": "x", "inputs": {}, "response_mode": "blocking",
            "files": [{"type": "image", "transfer_method": "remote_url", "url": url}]})
    assert trap.hits == 0 and six.hits == 0
    assert all(h.hits for h in hops), "the allowed first address was asked"


# --- secrets ---

def test_secrets_are_nowhere(world):
    s, key = world.server, world.ids_a["chat_plain"]
    email = "private@example.com"
    person = world.join(email, "normal", SECRETS["password"])
    r = requests.post(s.url + "/console/api/login", json={"email": email, "password": SECRETS["password"]})
    s.run("model", "add", "--type", "llm", "--provider", "openai_api_compatible", "--name", "sealed",
          "--base-url", "http://127.0.0.1:9912/v1", "--key-stdin", stdin=SECRETS["model key"] + "\n")
    provider = "/console/api/workspaces/current/model-providers/openai_api_compatible"
    shown = [world.call(world.owner, "GET", p).text for p in (
        "/console/api/tatara/models", "/console/api/workspaces/current/model-providers",
        provider + "/models/credentials?model=sealed&model_type=llm", provider + "/models")]
    requests.get(s.url + "/v1/info", headers={"Authorization": "Bearer " + key["token"] + "x"})
    with open(s.data + "/secret", "rb") as f:
        secret = f.read().strip()
    assert len(secret) >= 32
    words = dict(SECRETS, key=key["token"], refresh=person.cookies["refresh_token"],
                 access=person.cookies["access_token"], invitation=world.token,
                 passport=key["passport"], secret=secret.decode())
    log = s.read_log()
    assert "listening on" in log and "api" in log
    config = s.run("config", check=False).stdout
    disk = b""
    for name in os.listdir(s.data):
        if name.startswith("tatara.db"):
            with open(os.path.join(s.data, name), "rb") as f:
                disk += f.read()
    assert b"an-admin@example.com" in disk
    for what, word in words.items():
        assert word not in log, what + " is in the log"
        assert word not in config, what + " is shown by config"
        assert word.encode() not in disk, what + " is in the database"
        assert not [t for t in shown if word in t], what + " is shown in the console"
    keys = world.call(world.owner, "GET", "/console/api/apps/%s/api-keys" % key["id"]).text
    assert key["token"] not in keys


def test_secret_variables_are_nowhere(world):
    """Of a published workflow that ran: not in its drafts, versions, exports, journal or log."""
    word, get = "hidden-value-4711", lambda p: world.call(world.owner, "GET", p).text  # noqa: E731
    with open(app_file("wf_echo"), encoding="utf-8") as f:
        file = yaml.safe_load(f)
    file["workflow"]["environment_variables"] = [{
        "id": str(uuid.uuid4()), "name": "token", "value": word, "value_type": "secret", "description": "",
        "selector": ["env", "token"]}]
    text = yaml.safe_dump(file)
    r = world.call(world.owner, "POST", "/console/api/apps/imports", json={"mode": "yaml-content", "yaml_content": text})
    app = "/console/api/apps/" + r.json()["app_id"]
    assert world.call(world.owner, "POST", app + "/workflows/publish", json={}).status_code == 200
    r = world.call(world.owner, "POST", app + "/workflows/draft/run", json={"inputs": INPUTS})
    assert r.status_code == 200 and "succeeded" in r.text and word not in r.text
    tails = ["/workflows/draft", "/workflows/publish", "/workflows/draft/environment-variables", "/export", "/workflows"]
    assert not [t for t in tails if word in get(app + t)]
    assert "token" in get(app + tails[0])
    for name in os.listdir(world.server.data):
        if name.startswith("tatara.db") or name == "server.log":
            with open(os.path.join(world.server.data, name), "rb") as f:
                assert word.encode() not in f.read(), name


def test_files_of_the_data_directory(world):
    data = world.server.data
    assert stat.S_IMODE(os.stat(data).st_mode) == 0o700
    for folder, folders, names in os.walk(data):
        # The root of the jails is read by users without a name; the folder around it keeps others out.
        if folder == data and "sandbox" in folders:
            folders.remove("sandbox")
        for name in names:
            path = os.path.join(folder, name)
            if name == "server.log":  # the test's own
                continue
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            assert not mode & 0o077, "%s has %o" % (path, mode)
        for name in folders:
            assert not stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) & 0o077, name


# --- limits ---

def hostile(world):
    """(what, call) of requests that want more than they are given."""
    url, key = world.server.url, world.ids_a["chat_plain"]["headers"]
    js = dict(key, **{"Content-Type": "application/json"})

    def post(body):
        return lambda: requests.post(url + "/v1/chat-messages", data=body, headers=js, timeout=240)

    def parts():
        body = b"".join(b'--B\r\nContent-Disposition: form-data; name="a%d"\r\n\r\nx\r\n' % i for i in range(20000))
        return requests.post(url + "/v1/files/upload", data=body + b"--B--\r\n", timeout=240,
                             headers=dict(key, **{"Content-Type": "multipart/form-data; boundary=B"}))

    return {
        "deep list": post(b"[" * 200000), "deep object": post(b'{"a":' * 50000 + b"1" + b"}" * 50000),
        "deep inputs": post(b'{"user":"u","query":"x","inputs":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}"),
        "same keys": post(b'{"user":"u",' + b",".join(b'"k":1' for _ in range(100000)) + b"}"),
        "many keys": post(b'{"user":"u",' + b",".join(b'"k%d":1' % i for i in range(100000)) + b"}"),
        "long number": post(b'{"user":"u","query":"x","inputs":{},"n":' + b"9" * 500000 + b"}"),
        "bad text": post(b'{"user":"\xff\xfe","query":"\\ud800"}'), "nothing": post(b""),
        "query": lambda: requests.get(url + "/v1/conversations?user=" + "x" * 200000, headers=key, timeout=240),
        "many fields": lambda: requests.get(url + "/v1/info", timeout=240,
                                            headers=dict(key, **{"x-%d" % i: "y" for i in range(2000)})),
        "many parts": parts,
    }


def test_limits(world):
    for what, call in hostile(world).items():
        begin = time.time()
        r = call()
        assert 400 <= r.status_code < 500, (what, r.status_code, r.text[:200])
        assert time.time() - begin < 60, what
    assert requests.get(world.server.url + "/ready").status_code == 200


def test_yaml_bombs(world):
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        "a%d: &a%d [%s]\n" % (i, i, ",".join(["*a%d" % (i - 1)] * 10)) for i in range(1, 12))
    for text in (laughs, "[" * 100000, "a: " * 50000, "a: &a [*a]\n", "!!python/object/apply:os.system ['id']\n",
                 "x: " + "y" * (10 << 20), "- " * 200000, "? " * 100000, "\x00\x01", "---\n" * 100000):
        begin = time.time()
        r = world.call(world.owner, "POST", "/console/api/apps/imports", json={"mode": "yaml-content", "yaml_content": text})
        assert 400 <= r.status_code < 500, (text[:30], r.status_code, r.text[:200])
        assert time.time() - begin < 60, text[:30]
    assert requests.get(world.server.url + "/ready").status_code == 200


def memory(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return int(re.search(r"Pss_Anon:\s+(\d+)", f.read()).group(1))


def test_memory_after_a_thousand_hostile_requests(world):
    pid = world.server.roles()["api"]["pid"]
    calls = list(hostile(world).values())
    for i in range(60):
        calls[i % len(calls)]()
    before = memory(pid)
    for i in range(1000):
        calls[i % len(calls)]()
    assert world.server.roles()["api"]["pid"] == pid
    assert memory(pid) - before < 8 << 10, "api grew from %d to %d KiB" % (before, memory(pid))


def test_slow_clients_hold_nobody_up(world):
    socks = []
    for i in range(300):
        s = socket.create_connection(("127.0.0.1", world.server.port), timeout=240)
        s.sendall(b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + b"X-A: b\r\n" * (i % 5))
        socks.append(s)
    try:
        answers = quick(lambda: requests.get(world.server.url + "/v1/info", headers=world.ids_a["chat_plain"]["headers"],
                                             timeout=PATIENCE).status_code, 2)
        assert set(answers) == {200}
    finally:
        for s in socks:
            s.close()


# --- headers ---

def test_headers_of_pages(world):
    for path, framed in (("/", False), ("/apps", False), ("/signin", False), ("/chat/abc", True), ("/chatbot/abc", True)):
        r = requests.get(world.server.url + path)
        policy = r.headers["Content-Security-Policy"]
        assert r.status_code == 200 and r.headers["X-Content-Type-Options"] == "nosniff"
        assert ("frame-ancestors 'none'" in policy) != framed, path
        assert "script-src" not in policy and "default-src 'self'" in policy and "object-src 'none'" in policy
        assert "unsafe-eval" not in policy and not re.search(r"<script(?![^>]*\bsrc=)", r.text), path


def test_cors(world):
    def allowed(path, origin, method="GET"):
        r = requests.request(method, world.server.url + path, headers={
            "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-csrf-token"})
        return r.headers.get("Access-Control-Allow-Origin"), r.headers.get("Access-Control-Allow-Credentials")

    for method in ("GET", "OPTIONS"):
        console = "/console/api/account/profile"
        assert allowed(console, "https://console.example", method) == ("https://console.example", "true")
        for origin in ("https://evil.example", "null", "https://console.example.evil.example", "http://console.example",
                       "https://console.example:444"):
            assert allowed(console, origin, method) == (None, None), origin
        assert allowed("/v1/info", "https://any.example", method) == ("https://any.example", None)


def test_header_injection(world):
    for path in ("/v1/info?x=%0d%0aSet-Cookie:%20a=b", "/%0d%0aSet-Cookie:%20a=b", "/chat/%0d%0aX-Evil:1"):
        r = requests.get(world.server.url + path, headers={"Origin": "https://x.example", "X-Request-Id": "a"})
        assert "Set-Cookie" not in r.headers and "X-Evil" not in r.headers


def test_backup_of_the_database_opens_nothing(world, mock_model):
    """The database in a new directory, where another secret is made: the model key stays closed."""
    s = Server()
    try:
        source = sqlite3.connect(world.server.data + "/tatara.db")
        target = sqlite3.connect(s.data + "/tatara.db")
        source.backup(target)
        source.close()
        target.close()
        s.start()
        url, head = s.url + "/v1/chat-messages", world.ids_a["chat_plain"]["headers"]
        r = requests.post(url, headers=head, timeout=240, json={"user": "u1", "query": "x", "inputs": {},
                                                               "response_mode": "blocking"})
        assert r.status_code >= 400, r.text
        r = requests.get(s.url + "/console/api/account/profile", cookies=world.owner.cookies.get_dict(),
                         headers={"X-CSRF-Token": world.owner.cookies["csrf_token"]})
        assert r.status_code == 401
    finally:
        s.remove()
