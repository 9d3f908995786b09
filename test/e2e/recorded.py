# SPDX-License-Identifier: Apache-2.0
"""Replays files of recorded cases in order, each file once; what the console and the web app share.

A subclass says how a request is signed and what was there before a file (before_<file>).
"""
import json
import os
import re

import requests
from golden import Replay, settle_thoughts
from tatara import CORPUS, GOLDEN

# Texts of the recorded validators and of Python errors: code and status are what counts.
FREE_TEXT = re.compile(r"validation error for|invalid literal|You have requested this URI|PluginInvokeError"
                       r"|Traceback|Internal Server Error|HTTPConnectionPool")
HEADERS = ("content-type", "www-authenticate", "content-disposition", "access-control-allow-origin",
           "access-control-allow-credentials", "x-version", "x-env")
# An answer without a body has no type, whatever the recorded server says of it.
EMPTY = (204, 304)


def load(folder, name):
    with open(os.path.join(GOLDEN, folder, name + ".json"), encoding="utf-8") as f:
        return json.load(f)["cases"]


def all_cases(folder, files):
    return [(f, i) for f in files for i in range(len(load(folder, f)))]


def app_file(name):
    at = os.path.join(CORPUS, name + ".yml")
    return at if os.path.exists(at) else os.path.join(GOLDEN, "apps", name + ".yml")


def stream_events(text):
    """The events of a stream, neighbouring texts of one source joined: how a model's text is cut is
    the model server's doing. Pings are left out: they depend on time."""
    out = []
    # How long a model took may also stand in a text that a node writes of its usage.
    text = re.sub(r'(\\"(?:latency|time_to_\w+)\\": )[0-9.e-]+', r"\g<1>0", text)
    for block in text.split("\n\n"):
        if not block.startswith("data: "):
            assert block.strip() in ("", "event: ping"), block[:200]
            continue
        e = json.loads(block[6:])
        last = out[-1] if out else {}
        same = last.get("event") == e["event"]
        if same and e["event"] == "message" and last.get("from_variable_selector") == e.get("from_variable_selector"):
            last["answer"] += e["answer"]
        elif same and e["event"] == "text_chunk" and \
                last["data"]["from_variable_selector"] == e["data"]["from_variable_selector"]:
            last["data"]["text"] += e["data"]["text"]
        else:
            out.append(e)
    return out


def compare_wire(wire, raw, got):
    """The way of writing: blanks, escapes of "/" and of other than ASCII, newline at the end."""
    if not wire.startswith("json"):
        return []
    apart = (",", ":") if wire.startswith("json compact") else (", ", ": ")
    want = json.dumps(got, separators=apart, ensure_ascii="utf8" not in wire)
    if '"/" written' in wire:
        want = want.replace("/", "\\/")
    elif "\\/" in raw and '"/"' not in wire:  # the recorded answer has no "/" in it
        raw = raw.replace("\\/", "/")
    want += "\n" if "newline at end" in wire else ""
    if want == raw:
        return []
    at = next((i for i, (a, b) in enumerate(zip(want, raw)) if a != b), min(len(want), len(raw)))
    return ["wire (%s): want ..%r, got ..%r" % (wire, want[max(at - 30, 0):at + 30], raw[max(at - 30, 0):at + 30])]


class AppSet:
    """Recorded apps of one file of cases, imported when first asked for, through the console."""

    def __init__(self, server, console):
        self.server, self.console, self.known = server, console, {}

    def url(self, tail):
        return self.server.url + "/console/api" + tail

    def post(self, tail, body=None):
        r = self.console.post(self.url(tail), json=body or {})
        assert r.status_code < 300, "%s: %s" % (tail, r.text)
        return r.json()

    def add(self, name, publish=True, as_name=None):
        with open(app_file(name), encoding="utf-8") as f:
            text = f.read()
        app = self.post("/apps/imports", {"mode": "yaml-content", "yaml_content": text, "name": as_name or name})
        if publish and app["app_mode"] in ("workflow", "advanced-chat"):
            self.post("/apps/%s/workflows/publish" % app["app_id"])
        self.known[as_name or name] = app["app_id"]
        return app["app_id"]

    def id(self, name):
        return self.known.get(name) or self.add(name)

    def detail(self, name):
        return self.console.get(self.url("/apps/" + self.id(name))).json()

    def code(self, name):
        return self.detail(name)["site"]["code"]

    def key(self, name):
        return self.post("/apps/%s/api-keys" % self.id(name))["token"]


class Recorded:
    """other: (file, case) -> (status that we give instead, or None when it is not replayed, why).
    ignore: (file, case or "*") -> paths that are not compared."""

    folder, other, ignore = "", {}, {}

    def __init__(self):
        self.results = {}

    def run(self, file):
        if file not in self.results:
            self.start(file)
            replay = Replay(self.fixed(file))
            getattr(self, "before_" + file.replace("-", "_"), lambda r: None)(replay)
            self.results[file] = [self.one(file, case, replay) for case in load(self.folder, file)]
        return self.results[file]

    def start(self, file):
        pass

    def fixed(self, file):
        return {}

    def one(self, file, case, replay):
        other = self.other.get((file, case["case"]))
        if other and other[0] is None:
            return None
        self.bind(file, case, replay)
        r = self.send(file, case, replay)
        getattr(self, "after_" + file.replace("-", "_"), lambda *a: None)(case, r, replay)
        if other:
            return [] if r.status_code == other[0] else [
                "want status %d (%s), got %d: %s" % (other + (r.status_code, r.text[:300]))]
        return self.compare(file, case, r, replay)

    def bind(self, file, case, replay):
        """Ids of recorded apps are known by name in all files."""
        for name in set(re.findall(r"<app_id:([^>]+)>", json.dumps(case))):
            place = "<app_id:%s>" % name
            if place not in replay.bound and os.path.exists(app_file(name)):
                replay.bound[place] = self.apps.id(name)

    def body(self, case, replay):
        q = case["request"]
        if "body" in q:
            return {"data": json.dumps(replay.fill(q["body"])).encode()}
        if "body_raw" in q:
            return {"data": replay.fill(q["body_raw"]).encode()}
        if "form" in q:
            return {"files": {k: (v["filename"], self.file_bytes(v), v["content_type"])
                              for k, v in q["form"].items()}}
        return {}

    def file_bytes(self, part):
        if part["bytes"] == 69:
            return requests.get("http://127.0.0.1:9913/pixel.png").content
        return b"x" * part["bytes"]

    def paths_to_ignore(self, file, case):
        out = []
        for key in (("*", "*"), (file, "*"), (file, case["case"])):
            out += self.ignore.get(key, [])
        return out

    def compare(self, file, case, r, replay):
        want = case["response"]
        if r.status_code != want["status"]:
            return ["want status %d, got %d: %s" % (want["status"], r.status_code, r.text[:500])]
        ignore = self.paths_to_ignore(file, case)
        out = self.compare_headers(want, r, ignore)
        if "sse" in want:
            got = settle_thoughts(stream_events(r.content.decode()))
            recorded = settle_thoughts(stream_events(want["sse"]))
            names = [[e["event"] for e in s] for s in (recorded, got)]
            if names[0] != names[1]:
                return out + ["events: want %s, got %s" % tuple(names)]
            return out + replay.compare(recorded, got, "", ignore)
        if "body" in want:
            if FREE_TEXT.search(json.dumps(want["body"])):
                ignore = ignore + [r"body\.message"]
            try:
                got = r.json()
            except ValueError:
                return out + ["no JSON: %r" % r.text[:300]]
            if "wire" not in ignore:
                out += compare_wire(want.get("wire", ""), r.content.decode(), got)
            recorded = self.narrow(file, case, json.loads(json.dumps(want["body"])))
            return out + replay.compare(recorded, self.narrow(file, case, got), "body", ignore)
        if want.get("body_raw") == "" and r.content:
            out.append("want no body, got %r" % r.text[:200])
        return out

    def narrow(self, file, case, got):
        """The part of an answer, recorded or ours, that is compared."""
        return got

    def compare_headers(self, want, r, ignore):
        out = []
        for name in HEADERS:
            v = want.get("headers", {}).get(name)
            if v is None or "header " + name in ignore or (name == "content-type" and r.status_code in EMPTY):
                continue
            if name.startswith("access-control") and "Origin" not in r.request.headers:
                continue
            if r.headers.get(name) != v:
                out.append("header %s: want %r, got %r" % (name, v, r.headers.get(name)))
        return out + self.compare_cookies(want, r)

    def compare_cookies(self, want, r):
        cookies = want.get("headers", {}).get("set-cookie", [])
        cookies = [cookies] if isinstance(cookies, str) else cookies
        # The recorded server opens an empty session on a few paths; nothing reads it.
        cookies = [c for c in cookies if not c.startswith("session=")]
        got = r.raw.headers.getlist("set-cookie")
        if len(got) != len(cookies):
            return ["cookies: want %s, got %s" % (cookies, got)]
        out = []
        for w, g in zip(cookies, got):
            pattern = re.sub(r"<[a-z_]+>", "[^;]+", re.escape(w).replace(r"\<", "<").replace(r"\>", ">"))
            if not re.fullmatch(pattern, g):
                out.append("cookie: want %r, got %r" % (w, g))
        return out


def report(recorded, file, index):
    case = load(recorded.folder, file)[index]
    problems = recorded.run(file)[index]
    if problems:
        raise AssertionError("%s / %s\n%s" % (file, case["case"], "\n".join(problems[:12])))
