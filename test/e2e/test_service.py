# SPDX-License-Identifier: Apache-2.0
"""The recorded requests of the Service API, replayed in order; every case is one test."""
import base64
import json
import os
import re
import tempfile
import time

import pytest
import requests
from golden import Replay
from tatara import EMAIL, GOLDEN, PASSWORD, Annotations, Apps

# Which app a case talks to. "*" is the file's own; a key that starts a case's name wins.
APPS = {
    "app-info": {"*": "chat"}, "app-meta": {"*": "chat"}, "app-parameters": {"*": "chat"}, "app-site": {"*": "chat"},
    "chat-messages": {"*": "chat_plain", "input ": "chat", "wrong mode: completion": "completion", "wrong mode: workflow": "wf_echo",
                      "chatflow blocking": "cf_plain", "chatflow blocking, run fails": "cf_error",
                      "chatflow with workflow_id": "cf_plain", "unpublished": "unpublished cf_plain",
                      "agent-chat": "agent_fc", "file: ": "chat_vision", "file: app takes no files": "chat_plain",
                      "unconfigured model": "absent"},
    "chat-messages-stop": {"*": "chat_plain", "wrong mode": "wf_echo"},
    "completion-messages": {"*": "completion", "wrong mode": "chat_plain", "stop: wrong mode": "chat_plain"},
    "workflows-run": {"*": "wf_echo", "run fails": "wf_error", "missing required": "wf_echo", "input: ": "wf_inputs",
                      "file input: ": "wf_file", "wrong mode: chat": "chat_plain", "wrong mode: chatflow": "cf_plain",
                      "unpublished": "unpublished wf_echo", "by id: of another": "wf_inputs",
                      "by id: wrong mode": "chat_plain", "stop: wrong mode": "chat_plain"},
    "workflow-runs": {"*": "wf_echo", "failed run": "wf_error", "run of another app": "wf_inputs",
                      "wrong mode": "chat_plain", "logs: failed": "wf_error", "logs: chat app": "chat_plain"},
    "messages": {"*": "chat", "wrong mode": "wf_echo", "agent": "agent_fc", "message with a file": "chat_vision",
                 "chatflow message": "cf_llm"},
    "messages-suggested": {"*": "chat", "disabled": "chat_plain", "wrong mode": "wf_echo", "chatflow": "cf_llm"},
    "conversations": {"*": "chat_plain", "wrong mode": "wf_echo", "delete: wrong mode": "wf_echo"},
    "conversation-variables": {"*": "cf_convvar", "wrong mode": "wf_echo", "plain chat app": "chat_plain"},
    "feedbacks": {"*": "chat_plain"},
    "files": {"*": "cf_file", "preview: key of another app": "chat_plain"},
    "audio": {"*": "chat", "audio-to-text: disabled": "chat_plain", "text-to-audio: disabled": "chat_plain"},
    "model-errors": {"*": "chat_plain", "model not configured": "absent", "provider not installed": "absent"},
    "annotations": {"*": "chat_annotation"},
    "root": {"*": "chat"},
}

# Cases whose part comes later or whose recorded answer is a fault that we do not repeat:
# (file, case) -> the status we give instead, or None when the case is not replayed; why.
OTHER = {
    ("*", "JSON array body"): (400, "a body that is no object is the caller's error"),
    ("root", "index"): (404, "unknown paths are JSON"),
    ("root", "index without slash"): (404, "unknown paths are JSON"),
    ("root", "unknown path"): (404, "unknown paths are JSON"),
    ("root", "trailing slash"): (404, "unknown paths are JSON"),
    ("root", "bad uuid in path"): (404, "unknown paths are JSON"),
    ("conversations", "delete: other user"): (404, "nobody deletes another's conversation"),
    ("conversations", "delete"): (204, "the recorded server had deleted it one case earlier"),
    ("conversations", "delete again"): (404, "an unknown conversation is not found"),
    ("conversations", "delete: bad uuid"): (404, "unknown paths are JSON"),
    ("conversation-variables", "by name"): (200, "the recorded server fails with 500"),
    ("workflow-runs", "bad uuid"): (404, "an id that cannot exist is not found"),
    ("model-errors", "provider not installed, blocking"): (400, "the provider is built in, only without credentials"),
    ("model-errors", "provider not installed, streaming"): (400, "the provider is built in, only without credentials"),
    ("workflows-run", "run fails"): (None, "code node"),
    ("workflow-runs", "failed run"): (None, "code node"),
    ("workflow-runs", "logs: failed"): (None, "code node"),
    ("files", "preview: bad uuid"): (404, "unknown paths are JSON"),
    ("annotations", "update: bad uuid"): (404, "unknown paths are JSON"),
    ("audio", "audio-to-text: no file"): (400, "no_audio_uploaded, as documented"),
    ("audio", "audio-to-text: wrong content type"): (400, "no_audio_uploaded, as documented"),
}
# Wanted differences of single members (docs/compatibility.md).
WANTED = {
    "conversation-variables": [r"body(\.data\[\])?\.value"],  # JSON text instead of Python's
    "files": [r"body\.reference", r"body\.message"],  # the newer contract's key; a literal "{message}"
}
# Texts of the recorded validators and of Python errors: code and status are what counts.
FREE_TEXT = re.compile(r"validation errors? for|invalid literal|You have requested this URI|PluginInvokeError"
                       r"|Traceback|Internal Server Error|not supported value type")


def load(name):
    with open(os.path.join(GOLDEN, "service-api", name + ".json"), encoding="utf-8") as f:
        return json.load(f)["cases"]


def cases():
    return [(f, i) for f in APPS for i in range(len(load(f)))]


def multipart(form):
    """The recorded form as bytes; a file is described by its name, type and size."""
    out = b""
    for name, value in form.items():
        out += b"--xx\r\nContent-Disposition: form-data; name=\"%s\"" % name.encode()
        if isinstance(value, dict):
            out += b"; filename=\"%s\"" % value["filename"].encode()
            if value["content_type"]:
                out += b"\r\nContent-Type: " + value["content_type"].encode()
            png = requests.get("http://127.0.0.1:9913/pixel.png").content
            data = png if value["bytes"] == len(png) else b"x" * value["bytes"]
        else:
            data = str(value).encode()
        out += b"\r\n\r\n" + data + b"\r\n"
    return out + b"--xx--\r\n", "multipart/form-data; boundary=xx"


class Session:
    """Replays whole files, each once, and keeps what each case found."""

    def __init__(self, server, apps):
        self.server, self.apps, self.results = server, apps, {}

    def headers(self, key):
        return {"Authorization": "Bearer " + key}

    def chat(self, app, user, query, **more):
        r = requests.post(self.server.url + "/v1/chat-messages", headers=self.headers(self.apps.key(app)),
                          json=dict({"inputs": {}, "user": user, "query": query, "response_mode": "blocking"}, **more))
        assert r.status_code == 200, r.text
        return r.json()

    def app_of(self, file, case):
        if case["case"].startswith("app "):
            return case["case"][4:]
        if case["case"].startswith("unpublished"):
            return "unpublished " + ("cf_plain" if "chatflow" in case["case"] or file == "chat-messages" else "wf_echo")
        table = APPS[file]
        best = max((k for k in table if k != "*" and case["case"].startswith(k)), key=len, default="*")
        return table[best]

    def key(self, name):
        if name == "absent":
            return self.absent_model()
        if name.startswith("unpublished "):
            return self.apps.key(name[12:], publish=False)
        return self.apps.key(name)

    def absent_model(self):
        """A chat app whose model nobody has set up."""
        with open(GOLDEN + "/apps/chat_plain.yml", encoding="utf-8") as f:
            text = f.read()
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
            f.write(re.sub(r"name: mock\b", "name: absent-model", text))
            f.flush()
            return self.server.import_app(f.name)[1]

    def request(self, file, case, replay):
        q = case["request"]
        headers = {k: v for k, v in q.get("headers", {}).items()}
        if headers.get("Authorization") == "Bearer <app_key>":
            key = "app-unknownunknownunknownunknow" if case["case"] == "unknown key" else self.key(self.app_of(file, case))
            headers["Authorization"] = "Bearer " + key
        elif headers.get("Authorization", "").startswith("Bearer <dataset"):
            headers["Authorization"] = "Bearer dataset-unknownunknownunknownunknow"
        body = None
        if "form" in q:
            body, headers["Content-Type"] = multipart(q["form"])
        elif "body" in q:
            body = json.dumps(replay.fill(q["body"])).encode()
        elif "body_raw" in q:
            body = replay.fill(q["body_raw"]).encode()
        url = self.server.url + replay.fill(q["path"])
        return requests.request(q["method"], url, data=body, headers=headers, timeout=240, allow_redirects=False)

    def run(self, file):
        if file in self.results:
            return self.results[file]
        replay = Replay()
        # Apps of its own for each file: the lists of one must not hold what another made.
        self.apps = Apps(self.server)
        getattr(self, "before_" + file.replace("-", "_"), lambda r: None)(replay)
        out = []
        for case in load(file):
            out.append(self.one(file, case, replay))
        self.results[file] = out
        return out

    def one(self, file, case, replay):
        if file == "files" and case["case"] == "preview":
            # The recorder had sent the file with a message before.
            self.chat("cf_file", "u1", "see", files=[{"type": "image", "transfer_method": "local_file",
                                                      "upload_file_id": replay.bound["<file_id#1>"]}])
        other = OTHER.get((file, case["case"])) or OTHER.get(("*", case["case"]))
        if other and other[0] is None:
            return None
        # Ids of golden apps are known by name in all files.
        for name in set(re.findall(r"<app_id:([^>]+)>", json.dumps(case))):
            if not name.startswith(("unpublished", "<")) and os.path.exists(GOLDEN + "/apps/%s.yml" % name):
                replay.bound["<app_id:%s>" % name] = self.apps.id(name)
        if case["case"] == "reply status later":
            self.annotations().wait("enable", replay.bound["<job_id#1>"])
        r = self.request(file, case, replay)
        if other:
            return [] if r.status_code == other[0] else ["want status %d (%s), got %d: %s" % (other + (r.status_code, r.text[:300]))]
        return self.compare(file, case, r, replay)

    def compare(self, file, case, r, replay):
        want = case["response"]
        out = []
        if r.status_code != want["status"]:
            return ["want status %d, got %d: %s" % (want["status"], r.status_code, r.text[:500])]
        for h, v in want.get("headers", {}).items():
            if h == "content-type" and r.status_code == 204:
                continue  # an answer without a body has no type, whatever the recorded server says of it
            if h in ("content-type", "www-authenticate", "content-disposition", "cache-control"):
                if r.headers.get(h) != v:
                    out.append("header %s: want %r, got %r" % (h, v, r.headers.get(h)))
        if "body" in want:
            ignore = [r"body\.message"] if FREE_TEXT.search(str(want["body"])) else []
            if case["case"].startswith("unpublished"):
                ignore += [r"body\.name", r"body\.title"]  # the recorder had renamed them
            ignore += WANTED.get(file, [])
            if case["case"] == "second message":
                ignore.append(r".*(prompt|total)_tokens")  # the last answer is sent once, not twice
            try:
                got = r.json()
            except ValueError:
                return out + ["no JSON: %r" % r.text[:300]]
            if case["case"] == "reply status at once":
                ignore.append(r"body\.job_status")  # the recorded worker was slower
            if file == "annotations" and "data" in got:
                # Within one second the recorded order is by ids, which are random.
                ids = [replay.bound.get(e["id"]) for e in want["body"]["data"]]
                got["data"].sort(key=lambda e: ids.index(e["id"]) if e["id"] in ids else len(ids))
            out += replay.compare(want["body"], got, "body", ignore)
        size = re.fullmatch(r"<(\d+) bytes>", want.get("body_raw", ""))
        if size and len(r.content) != int(size.group(1)):
            out.append("body: want %s, got %r" % (want["body_raw"], r.content[:200]))
        return out

    # --- the state that the recorder had made before a file ---

    def before_chat_messages(self, replay):
        replay.bound["<conversation_id#3>"] = self.chat("chat_plain", "u1", "hello")["conversation_id"]

    def annotations(self):
        return Annotations(self.server, self.apps.key("chat_annotation"))

    def before_annotations(self, replay):
        a = self.annotations()
        replay.bound["<annotation_id#3>"] = a.add("What is the capital of Norway?", "Oslo (from annotation).")
        a.switch()
        self.chat("chat_annotation", "u1", "What is the capital of Norway?")

    def before_messages(self, replay):
        a = self.chat("chat", "u8", "first")
        self.chat("chat", "u8", "second", conversation_id=a["conversation_id"])
        requests.post("%s/v1/messages/%s/feedbacks" % (self.server.url, a["message_id"]),
                      headers=self.headers(self.apps.key("chat")), json={"rating": "like", "user": "u8"})
        replay.bound["<conversation_id#1>"] = a["conversation_id"]
        b = self.chat("chat_vision", "u8", "with file", files=[
            {"type": "image", "transfer_method": "remote_url", "url": "http://127.0.0.1:9913/pixel.png"}])
        replay.bound["<conversation_id#3>"] = b["conversation_id"]
        replay.bound["<conversation_id#4>"] = self.chat("cf_llm", "u8", "flow")["conversation_id"]
        r = requests.post(self.server.url + "/v1/chat-messages", headers=self.headers(self.apps.key("agent_fc")),
                          json={"inputs": {}, "user": "u8", "query": "hello", "response_mode": "streaming"})
        replay.bound["<conversation_id#2>"] = json.loads(r.text.split("\n")[0][6:])["conversation_id"]

    def before_audio(self, replay):
        self.server.add_audio_models()
        replay.bound["<message_id#1>"] = self.chat("chat", "u1", "Hello")["message_id"]

    def before_conversations(self, replay):
        made = [self.chat("chat_plain", "u9", "number %d" % i)["conversation_id"] for i in range(5)]
        key = self.headers(self.apps.key("chat_plain"))
        for _ in range(2400):
            data = requests.get(self.server.url + "/v1/conversations?user=u9", headers=key).json()["data"]
            if all(c["name"] == "Mock title" for c in data):
                break
            time.sleep(0.05)
        for i, c in enumerate(reversed(made)):
            replay.bound["<conversation_id#%d>" % (i + 1)] = c

    def before_conversation_variables(self, replay):
        replay.bound["<id#1>"] = self.chat("cf_convvar", "u7", "one")["conversation_id"]
        replay.bound["<id#2>"] = self.chat("chat_plain", "u1", "x")["conversation_id"]

    def before_feedbacks(self, replay):
        a = self.chat("chat_plain", "u1", "rate me")
        replay.bound["<id#1>"] = a["message_id"]
        replay.bound["<conversation_id#1>"] = a["conversation_id"]

    def before_messages_suggested(self, replay):
        replay.bound["<id#1>"] = self.chat("chat", "u1", "hello")["message_id"]
        replay.bound["<id#2>"] = self.chat("chat_plain", "u1", "hello")["message_id"]
        replay.bound["<id#3>"] = self.chat("cf_llm", "u1", "hello")["message_id"]

    def before_workflow_runs(self, replay):
        for i in range(12):
            r = requests.post(self.server.url + "/v1/workflows/run", headers=self.headers(self.apps.key("wf_echo")),
                              json={"inputs": {"city": "Oslo"}, "user": "u1", "response_mode": "blocking"})
            replay.bound["<log_id#1>"] = r.json()["workflow_run_id"]
        replay.bound["<iso8601Z>"] = "2020-01-01T00:00:00Z"

    def before_workflows_run(self, replay):
        draft = self.console_draft("wf_echo")
        replay.bound["<id#1>"] = draft

    def console_draft(self, app):
        """The id of the app's draft, as the console shows it."""
        c = console(self.server)
        return c.get("%s/console/api/apps/%s/workflows/draft" % (self.server.url, self.apps.id(app))).json()["id"]


def console(server):
    """A signed-in session of the console API."""
    s = requests.Session()
    r = s.post(server.url + "/console/api/login",
               json={"email": EMAIL, "password": base64.b64encode(PASSWORD.encode()).decode(), "remember_me": True})
    assert r.status_code == 200, r.text
    s.headers["X-CSRF-Token"] = s.cookies["csrf_token"]
    return s


@pytest.fixture(scope="module")
def session(server):
    # Its own apps: other tests must not add to the lists that are compared here.
    return Session(server, Apps(server))


@pytest.mark.parametrize("file,index", cases(), ids=lambda v: str(v) if isinstance(v, int) else v)
def test_case(session, file, index):
    case = load(file)[index]
    problems = session.run(file)[index]
    if problems is None:
        return
    assert not problems, "%s / %s\n%s" % (file, case["case"], "\n".join(problems[:12]))
