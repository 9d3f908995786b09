# SPDX-License-Identifier: Apache-2.0
"""The recorded requests of the console API, replayed in order; every case is one test. Then: two
workspaces that must not see each other."""
import base64
import json
import re

import pytest
import requests
import yaml
from recorded import AppSet, Recorded, all_cases, app_file, load, report
from tatara import EMAIL, GOLDEN, PASSWORD, Annotations, Server

# Files of the first set-up, of people and of models run on a server of their own, in this order.
FRESH = ["setup", "features", "workspaces", "model-credentials", "model-providers", "login", "account"]
SHARED = ["apps", "apps-import", "api-keys", "site-settings", "workflow-draft", "workflow-draft-run",
          "workflow-runs", "chat-debug", "logs"]
# Files whose whole part comes later.
LATER_FILES = {"datasets": "knowledge", "explore": "template apps", "plugin-install": "plugins",
               "statistics": "statistics"}

AGENT, KNOWLEDGE, MCP, TRACE = "mode agent-chat", "knowledge", "MCP", "tracing"
WEB = "http://console.example.com"
PROVIDER = "langgenius/openai_api_compatible/openai_api_compatible"
JSON_404 = "unknown paths are JSON"

# (file, case) -> the status we give instead, or None when the case is not replayed; why, or which
# part comes later.
OTHER = {
    ("features", "unknown path"): (404, JSON_404),
    ("features", "spec/schema-definitions"): (404, "schemas of tools"),
    ("account", "integrates"): (404, "sign-in with other services"),
    ("account", "education"): (404, JSON_404),
    ("workspaces", "permission"): (404, JSON_404),
    ("apps", "get bad uuid"): (404, JSON_404),
    ("apps", "trace"): (404, TRACE),
    ("apps", "trace: enable without provider"): (404, TRACE),
    ("apps", "trace-config, none"): (404, TRACE),
    ("apps", "convert-to-workflow"): (404, "turning a chat app into a chatflow"),
    ("site-settings", "server (MCP), none"): (404, MCP),
    ("site-settings", "server create"): (404, MCP),
    ("site-settings", "server"): (404, MCP),
    ("workflow-draft", "config"): (404, JSON_404),
    ("workflow-draft-run", "node run: unknown"): (404, "it is the caller's error"),
    ("workflow-runs", "node executions with an exception"): (None, "code nodes"),
    ("workflow-runs", "node executions of an iteration"): (None, "iterations"),
    ("logs", "suggested-questions"): (200, "the console may ask for any message of the app"),
}

# Wanted differences inside an answer (docs/compatibility.md).
SITE_CODE = [r"body\.site\.(access_token|code)", r"body\.(access_token|code)"]  # chosen at random
PROVIDER_WORDS = [r".*\.icon_small", r".*\.label", r".*\.description", r".*\.supported_model_types", r".*\.help"]
IGNORE = {
    # Lists of runs say how long runs are kept.
    ("workflow-runs", "*"): [r"body\.retention"],
    ("logs", "agent/logs"): [r".*\.time_cost"],
    ("setup", "health"): [r"body\.roles", r"body\.version", "header x-version", "header x-env", "wire"],
    ("apps", "*"): SITE_CODE + [r"body\.total"],
    ("site-settings", "*"): SITE_CODE,
    # Credentials are shown as they were given, key masked; nothing is added or renamed.
    ("model-credentials", "get credentials of a model"): [r"body\.credentials"],
    ("model-credentials", "parameter rules"): [r".*\.help"],
    ("model-credentials", "models of the provider"): PROVIDER_WORDS + [r".*\.max_chunks"],
    ("model-credentials", "get default llm"): PROVIDER_WORDS,
    ("model-providers", "*"): PROVIDER_WORDS + [r".*\.model_credential_schema"],
    # The llm block's texts are our own words; exported files name no plugins, for there are none.
    ("workflow-draft", "default block configs"): [r".*\.completion_model\.prompt\.text"],
    ("apps-import", "export chat"): [r"body\.data\.dependencies"],
    ("apps-import", "export agent_fc"): [r"body\.data\.dependencies"],
    ("apps-import", "export cf_convvar"): [r"body\.data\.workflow\.conversation_variables\[\]\.value_type"],
    # The reader's and the client's own words.
    ("apps-import", "not YAML"): [r"body\.error"],
    ("apps-import", "yaml-url 404"): [r"body\.error"],
    # Usage is kept for messages of all modes.
    ("logs", "*"): [r".*\.metadata\.usage"],
    # There is no knowledge API yet that could use the key.
    ("api-keys", "dataset keys"): [r".*\.last_used_at"],
    # The recorded server stores these with sorted names.
    ("workflow-draft-run", "chatflow draft run (SSE)"): [r"\[\]\.data\.process_data", r".*\.usage"],
}


def in_order(value):
    if isinstance(value, dict):
        return {k: in_order(value[k]) for k in sorted(value)}
    return [in_order(v) for v in value] if isinstance(value, list) else value


def sign_in(server, email=EMAIL, password=PASSWORD):
    """A signed-in session of the console."""
    s = requests.Session()
    r = s.post(server.url + "/console/api/login",
               json={"email": email, "password": base64.b64encode(password.encode()).decode(), "remember_me": True})
    assert r.status_code == 200, r.text
    s.headers["X-CSRF-Token"] = s.cookies["csrf_token"]
    return s


class Console(Recorded):
    folder, other, ignore = "console", OTHER, IGNORE

    def __init__(self, server):
        super().__init__()
        self.server, self.session, self.apps = server, None, None
        self.jar, self.old, self.hash = {}, {}, None

    def start(self, file):
        if file != "setup":
            self.session = self.session or sign_in(self.server)
            self.apps = AppSet(self.server, self.session)

    def fixed(self, file):
        if not self.session:
            return {}
        get = lambda tail: self.session.get(self.server.url + "/console/api" + tail).json()  # noqa: E731
        return {"<account_id>": get("/account/profile")["id"], "<tenant_id>": get("/workspaces")["workspaces"][0]["id"]}

    def tokens(self):
        return self.session.cookies.get_dict()

    def signed(self, case):
        """Headers and cookies as the recorder sent them; it did not write down the cookies."""
        q, tokens = case["request"], self.tokens() if self.session else {}
        headers = {k: v for k, v in q.get("headers", {}).items() if v != "multipart/form-data"}
        name, cookies = case["case"], {}
        if headers.get("X-CSRF-Token") == "<jwt>":
            headers["X-CSRF-Token"], cookies = tokens["csrf_token"], tokens
        if name in ("call without CSRF header", "call with a wrong CSRF token", "sync without CSRF"):
            cookies = tokens
        if headers.get("Authorization") == "Bearer <jwt>":
            headers["Authorization"] = "Bearer " + tokens["access_token"]
            cookies = {"csrf_token": tokens["csrf_token"]} if "CSRF cookie" in name else {}
        return headers, cookies

    def send(self, file, case, replay):
        if file == "login":
            return self.send_login(case, replay)
        headers, cookies = self.signed(case)
        if case["case"] == "create no 11":
            while len(self.session.get(self.apps.url("/apps/%s/api-keys" % self.apps.id("chat_moderation"))).json()["data"]) < 10:
                self.apps.key("chat_moderation")
        return self.call(case, replay, headers, cookies)

    def narrow(self, file, case, got):
        name = case["case"]
        if file == "model-providers" and name.startswith("list") and "data" in got:
            got["data"] = [p for p in got["data"] if p["provider"] == PROVIDER]  # we have more
        if file == "workflow-draft" and name == "default block configs":
            got = [b for b in got if not isinstance(b, dict) or b["type"] in ("http-request", "llm")][:2]
        if file == "apps-import" and name.startswith("export") and "data" in got:
            got["data"] = in_order(yaml.safe_load(got["data"]))  # members stay in the order they came in
        return got

    def call(self, case, replay, headers, cookies):
        q = case["request"]
        return requests.request(q["method"], self.server.url + replay.fill(q["path"]), headers=headers,
                                cookies=cookies, timeout=240, allow_redirects=False, **self.body(case, replay))

    # --- login: tokens change on the way ---

    def send_login(self, case, replay):
        name = case["case"]
        saved, self.tokens = self.tokens, lambda: self.jar
        try:
            headers, cookies = self.signed(case)
        finally:
            self.tokens = saved
        if name == "bad token":
            cookies = {"csrf_token": self.jar["csrf_token"]}
        if name == "refresh-token":
            self.old, cookies = dict(self.jar), {"refresh_token": self.jar["refresh_token"]}
        if name == "refresh-token, old one":
            cookies = {"refresh_token": self.old["refresh_token"]}
        if name == "lock-out of an existing account no 4":  # nos. 2 and 3 were not written down
            for _ in range(2):
                assert self.call(case, replay, headers, cookies).status_code == 401
        if name == "after logout":
            headers, cookies = {"X-CSRF-Token": "x"}, {}
        r = self.call(case, replay, headers, cookies)
        if name in ("login", "refresh-token"):
            self.jar = r.cookies.get_dict()
        return r

    # --- what was there before a file ---

    def fresh_key(self, name):
        return {"Authorization": "Bearer " + self.apps.key(name)}

    def chat(self, key, user, query, **more):
        r = requests.post(self.server.url + "/v1/chat-messages", headers=key, json=dict(
            {"inputs": {}, "user": user, "query": query, "response_mode": "blocking"}, **more))
        assert r.status_code == 200, r.text
        return r.json()

    def wait_titles(self, name):
        """Names of conversations are written behind the answer."""
        for _ in range(200):
            rows = self.session.get(self.apps.url("/apps/%s/chat-conversations?limit=100" % self.apps.id(name))).json()
            if all(c["name"] == "Mock title" for c in rows["data"]):
                return
        raise AssertionError("no titles")

    def before_apps(self, replay):
        for name in ("wf_loop", "agent_react", "agent_fc", "chat_knowledge", "cf_knowledge"):
            replay.bound["<app_id:%s>" % name] = self.apps.add(name)

    def before_api_keys(self, replay):
        key = self.apps.key("chat_moderation")
        requests.get(self.server.url + "/v1/info", headers={"Authorization": "Bearer " + key})
        key = self.session.post(self.apps.url("/datasets/api-keys")).json()["token"]
        requests.get(self.server.url + "/v1/datasets", headers={"Authorization": "Bearer " + key})

    def before_workflow_draft(self, replay):
        replay.bound["<app_id:draft test>"] = self.apps.add("wf_echo", False, "draft test")
        r = self.apps.post("/apps", {"name": "none", "mode": "workflow", "icon_type": "emoji", "icon": "x",
                                     "icon_background": "#FFFFFF"})
        replay.bound["<id#1>"] = r["id"]

    def before_workflow_draft_run(self, replay):
        replay.bound["<app_id:draft test>"] = app = self.apps.add("wf_echo", False, "draft test")
        # As workflow-draft.json had left it: without variables of the environment.
        draft = self.session.get(self.apps.url("/apps/%s/workflows/draft" % app)).json()
        self.apps.post("/apps/%s/workflows/draft" % app, {
            "graph": draft["graph"], "features": draft["features"], "hash": draft["hash"],
            "environment_variables": [], "conversation_variables": []})

    def body(self, case, replay):
        if case["case"] == "set default models":  # the types that can be added
            case["request"]["body"]["model_settings"] = case["request"]["body"]["model_settings"][:3]
        out = super().body(case, replay)
        text = out.get("data", b"").decode()
        if '"hash"' in text and "workflows/draft" in case["request"]["path"]:
            body = json.loads(text)
            body["hash"] = "0" * 64 if "stale" in case["case"] else self.hash
            out["data"] = json.dumps(body).encode()
        return out

    def after_workflow_draft(self, case, r, replay):
        if r.status_code == 200 and "hash" in r.json() and "workflows/draft" in case["request"]["path"]:
            self.hash = r.json()["hash"]

    def draft_run(self, name, tail, body):
        r = self.session.post(self.apps.url("/apps/%s/%s" % (self.apps.id(name), tail)), json=body)
        assert r.status_code == 200, r.text

    def before_workflow_runs(self, replay):
        key = self.fresh_key("wf_ifelse")
        for i in range(6):
            r = requests.post(self.server.url + "/v1/workflows/run", headers=key, json={
                "inputs": {"n": 1}, "user": "u1", "response_mode": "blocking"})
            assert r.status_code == 200, r.text
        self.draft_run("wf_ifelse", "workflows/draft/run", {"inputs": {"n": 7}, "files": []})
        self.draft_run("cf_llm", "advanced-chat/workflows/draft/run", {
            "inputs": {}, "query": "hi", "files": [], "conversation_id": ""})

    def set_variables(self, conversation):
        """The values that another file of recordings had left."""
        key = self.fresh_key("cf_convvar")
        at = "%s/v1/conversations/%s/variables" % (self.server.url, conversation)
        ids = {v["name"]: v["id"] for v in requests.get(at, params={"user": "u7"}, headers=key).json()["data"]}
        for name, value in (("count", 5), ("log", ["x", "y"]), ("obj", {"a": [1, None, True]}), ("flag", False)):
            r = requests.put("%s/%s" % (at, ids[name]), headers=key, json={"user": "u7", "value": value})
            assert r.status_code == 200, r.text

    def annotated(self):
        """Two annotations of the same question, the older one has answered twice."""
        key = self.fresh_key("chat_annotation")
        a = Annotations(self.server, key["Authorization"][7:])
        a.add("What is the capital of Norway?", "Oslo (from annotation).")
        a.switch()
        for _ in range(2):
            self.chat(key, "u1", "What is the capital of Norway?")
        a.add("What is the capital of Norway?", "Oslo (from annotation).")

    def before_logs(self, replay):
        self.annotated()
        r = requests.post(self.server.url + "/v1/chat-messages", headers=self.fresh_key("agent_fc"), json={
            "inputs": {}, "user": "u1", "query": "hello", "response_mode": "streaming"})
        end = json.loads(r.text.strip().split("\n\n")[-1][6:])
        replay.bound["<id#1>"], replay.bound["<id#2>"] = end["conversation_id"], end["message_id"]
        key = self.fresh_key("chat")
        for i in range(5):
            self.chat(key, "u1", "hello")
        for i in range(2):
            a = self.chat(key, "u8", "first")
            self.chat(key, "u8", "second", conversation_id=a["conversation_id"])
            requests.post("%s/v1/messages/%s/feedbacks" % (self.server.url, a["message_id"]), headers=key,
                          json={"rating": "like", "user": "u8"})
        self.chat(key, "u1", "hello")
        self.wait_titles("chat")
        key = self.fresh_key("completion")
        for i in range(9):
            requests.post(self.server.url + "/v1/completion-messages", headers=key, json={
                "inputs": {"text": "hello"}, "query": "q", "user": "u1", "response_mode": "blocking"})
        key = self.fresh_key("cf_llm")
        for i in range(9):
            self.chat(key, "u8", "flow")
        self.wait_titles("cf_llm")
        replay.bound["<id#3>"] = self.chat(self.fresh_key("cf_convvar"), "u7", "one")["conversation_id"]
        self.set_variables(replay.bound["<id#3>"])


@pytest.fixture(scope="module")
def fresh(mock_model):
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "CONSOLE_WEB_URL": WEB}).start()
    yield Console(s)
    s.remove()


@pytest.fixture(scope="module")
def shared(server):
    return Console(server)


def case_id(v):
    return str(v)


@pytest.mark.parametrize("file,index", all_cases("console", FRESH), ids=case_id)
def test_fresh_server(fresh, file, index):
    for before in FRESH[:FRESH.index(file)]:
        fresh.run(before)
    report(fresh, file, index)


@pytest.mark.parametrize("file,index", all_cases("console", SHARED), ids=case_id)
def test_case(shared, file, index):
    report(shared, file, index)


@pytest.mark.parametrize("method,path", [("GET", "/setup"), ("GET", "/apps"), ("POST", "/login"),
                                         ("OPTIONS", "/apps")])
def test_only_the_console_page_may_ask_from_elsewhere(fresh, method, path):
    """The recorded headers for the address of the pages; none for other addresses."""
    recorded = load("console", "setup")[0]["response"]["headers"]
    url = fresh.server.url + "/console/api" + path
    more = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-csrf-token"}
    more = more if method == "OPTIONS" else {}
    r = requests.request(method, url, headers=dict(more, Origin=WEB))
    assert r.headers["access-control-allow-origin"] == WEB
    assert r.headers["access-control-allow-credentials"] == recorded["access-control-allow-credentials"]
    if method == "OPTIONS":
        assert "x-csrf-token" in r.headers["access-control-allow-headers"].lower()
    else:
        exposed = [set(h["access-control-expose-headers"].split(", ")) for h in (r.headers, recorded)]
        assert exposed[0] == exposed[1]
    r = requests.request(method, url, headers=dict(more, Origin="http://elsewhere.example.com"))
    assert "access-control-allow-origin" not in r.headers


def test_only_saving_a_draft_needs_no_csrf_header(shared):
    shared.start("apps")
    app, cookies = shared.apps.id("wf_echo"), shared.session.cookies.get_dict()
    for method, tail in (("POST", "workflows/draft/run"), ("GET", "workflows/draft"), ("POST", "workflows/publish")):
        r = requests.request(method, shared.apps.url("/apps/%s/%s" % (app, tail)), cookies=cookies, json={})
        assert r.status_code == 401 and r.json()["message"] == "CSRF token is missing or invalid.", tail
    r = requests.post(shared.apps.url("/apps/%s/workflows/draft" % app), json={})
    assert r.status_code == 401, "without a session there is no saving either"


def test_every_file_is_replayed_or_named():
    import glob
    import os
    files = {os.path.basename(p)[:-5] for p in glob.glob(GOLDEN + "/console/*.json")}
    assert files == set(FRESH) | set(SHARED) | set(LATER_FILES)
    for file, case in OTHER:
        assert case in [c["case"] for c in load("console", file)], (file, case)
