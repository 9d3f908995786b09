# SPDX-License-Identifier: Apache-2.0
"""The recorded requests of the web app's API, replayed in order; every case is one test."""
import glob
import os
import time

import pytest
import requests
from recorded import AppSet, Recorded, all_cases, load, report
from tatara import GOLDEN
from test_console import sign_in

FILES = ["passport", "site", "parameters", "meta", "chat-messages", "completion-messages", "workflows-run",
         "conversations", "messages", "saved-messages", "files"]

AGENT, REMOTE = "mode agent-chat", "remote files"
# (file, case) -> the status we give instead, or None when the case is not replayed; why.
OTHER = {
    ("passport", "permission"): (200, "public apps are open to all; the recorded server fails"),
    ("conversations", "delete again"): (404, "an unknown conversation is not found"),
    ("files", "remote-files info"): (404, REMOTE),
    ("files", "remote-files upload"): (404, REMOTE),
    ("files", "remote-files upload: 404"): (404, REMOTE),
}
# Wanted differences inside an answer (docs/compatibility.md).
IGNORE = {
    ("chat-messages", "model error (SSE)"): [r"\[\]\.message"],
    ("chat-messages", "agent (SSE)"): [r"\[\]\.answer"],  # the time, cut into words
    ("files", "upload"): [r"body\.reference"],
    ("passport", "CORS preflight"): ["header content-type"],
}


class Site(Recorded):
    folder, other, ignore = "site", OTHER, IGNORE

    def __init__(self, server):
        super().__init__()
        self.server, self.console = server, sign_in(server)

    def start(self, file):
        self.apps, self.codes, self.passports = AppSet(self.server, self.console), {}, {}

    def fixed(self, file):
        tenant = self.console.get(self.server.url + "/console/api/workspaces").json()["workspaces"][0]["id"]
        return {"<tenant_id>": tenant}

    def code(self, name):
        if name not in self.codes:
            self.codes[name] = self.apps.code(name)
        return self.codes[name]

    def passport(self, name):
        """One visitor an app and file."""
        if name not in self.passports:
            r = requests.get(self.server.url + "/api/passport", headers={"X-App-Code": self.code(name)})
            assert r.status_code == 200, r.text
            self.passports[name] = r.json()["access_token"]
        return self.passports[name]

    def bind(self, file, case, replay):
        super().bind(file, case, replay)
        for part in (case["request"]["path"], case["request"]["headers"].get("X-App-Code", "")):
            for name in [p.split(">")[0] for p in part.split("<site_code:")[1:]]:
                replay.bound["<site_code:%s>" % name] = self.code(name)

    def send(self, file, case, replay):
        q, name = case["request"], case["case"]
        headers = {k: v for k, v in q["headers"].items() if v != "multipart/form-data"}
        app = headers.get("X-App-Code", "<site_code:chat>").split(":")[-1].rstrip(">")
        headers, cookies = replay.fill(headers), {}
        if name == "passport of another app":
            app = "completion"
        if headers.get("X-App-Passport") == "<jwt>":
            headers["X-App-Passport"] = self.passport(app)
        if headers.get("Authorization") == "Bearer <jwt>":
            headers["Authorization"] = "Bearer " + self.passport(app)
        if headers.get("Authorization") == "Bearer <app_key>":
            headers["Authorization"] = "Bearer " + self.apps.key(app)
        if name.startswith("cookie passport"):
            cookies = {"passport-" + self.code(app): self.passport(app)}
        off = name.startswith("site switched off")
        if off:
            self.passport(app) if app not in self.passports else None
            self.switch(app, False)
        try:
            return requests.request(q["method"], self.server.url + replay.fill(q["path"]), headers=headers,
                                    cookies=cookies, timeout=240, allow_redirects=False, **self.body(case, replay))
        finally:
            if off:
                self.switch(app, True)

    def switch(self, app, on):
        self.apps.post("/apps/%s/site-enable" % self.apps.id(app), {"enable_site": on})

    def call(self, app, method, tail, **body):
        r = requests.request(method, self.server.url + "/api" + tail, json=body or None,
                             headers={"X-App-Passport": self.passport(app)})
        assert r.status_code == 200, r.text
        return r.json()

    def chat(self, app, query, inputs=None):
        return self.call(app, "POST", "/chat-messages", inputs=inputs or {}, query=query, response_mode="blocking")

    # --- what was there before a file ---

    def before_files(self, replay):
        self.server.add_audio_models()

    def before_site(self, replay):
        self.apps.post("/apps/%s/site" % self.apps.id("chat"), {
            "title": "Golden chat", "description": "d", "copyright": "c", "privacy_policy": "",
            "custom_disclaimer": "x", "chat_color_theme": "#112233"})

    def before_conversations(self, replay):
        for query in ("three", "two", "one"):
            self.chat("chat_plain", query)
            time.sleep(0.002)  # one after another in the list, which is sorted by milliseconds
        # The pages ask for names by themselves: nobody else writes them.
        rows = self.call("chat_plain", "GET", "/conversations?limit=3")["data"]
        for c, name in reversed(list(zip(rows, ("one", "two", "three")))):
            time.sleep(0.002)
            self.call("chat_plain", "POST", "/conversations/%s/name" % c["id"], name=name)

    def before_messages(self, replay):
        replay.bound["<conversation_id#1>"] = self.chat("chat", "one", {"city": "Oslo"})["conversation_id"]

    def before_saved_messages(self, replay):
        r = self.call("completion", "POST", "/completion-messages", inputs={"text": "hi"}, response_mode="blocking")
        replay.bound["<message_id#1>"] = r["message_id"]


@pytest.fixture(scope="module")
def site(server):
    return Site(server)


@pytest.mark.parametrize("file,index", all_cases("site", FILES), ids=str)
def test_case(site, file, index):
    report(site, file, index)


def test_every_file_is_replayed():
    assert {os.path.basename(p)[:-5] for p in glob.glob(GOLDEN + "/site/*.json")} == set(FILES)
    for file, case in OTHER:
        assert case in [c["case"] for c in load("site", file)], (file, case)
