# SPDX-License-Identifier: Apache-2.0
"""A real server under test: `tatara serve` on a free port with a data directory of its own."""
import base64
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests
from patience import PATIENCE, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TATARA_BIN", os.path.join(ROOT, "build/tatara"))
SHARED = os.environ.get("TATARA_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
GOLDEN = os.path.join(SHARED, "golden")
CORPUS = os.path.join(SHARED, "corpus")
EMAIL, PASSWORD = "admin@example.com", "Golden-2026"


def free_port():
    """Below the ports that connections get by themselves, so that none of them takes it before its server does."""
    for _ in range(1000):
        with socket.socket() as s, contextlib.suppress(OSError):
            port = random.SystemRandom().randrange(10000, 20000)
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


class Server:
    """start() waits until every role is ready; stop() checks that it ended by itself."""

    def __init__(self, env=None, data=None):
        self.data = data or tempfile.mkdtemp(prefix="tatara-e2e-")
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.env = dict(os.environ, TATARA_LOG_FORMAT="json", **(env or {}))
        self.process, self.audio = None, False
        self.log = os.path.join(self.data, "server.log")

    def start(self, wait=PATIENCE):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.data, "--listen", "127.0.0.1:%d" % self.port],
            env=self.env, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        self.wait_ready(wait)
        return self

    def wait_ready(self, wait=PATIENCE):
        end = time.time() + wait
        while time.time() < end:
            if self.process.poll() is not None:
                raise RuntimeError("server ended: " + self.read_log()[-3000:])
            try:
                if requests.get(self.url + "/ready", timeout=10).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise RuntimeError("not ready: " + self.read_log()[-3000:])

    def read_log(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def roles(self):
        return requests.get(self.url + "/health", timeout=PATIENCE).json()["roles"]

    def kill_role(self, name, how=signal.SIGKILL):
        pid = self.roles()[name]["pid"]
        os.kill(pid, how)
        return pid

    def await_role(self, name, old):
        """Waits until the process `old` of the role is replaced and all are ready."""
        until(lambda: self.roles()[name]["pid"] not in (0, old), "a new " + name)
        self.wait_ready()

    def replace_role(self, name):
        self.await_role(name, self.kill_role(name))

    def stop(self, sig=signal.SIGTERM, wait=PATIENCE):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("did not end on signal %d" % sig)
        return self.process.returncode if self.process else 0

    def remove(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    # --- the command line ---

    def run(self, *args, stdin=None, check=True):
        r = subprocess.run([BINARY, *args, "--data", self.data], input=stdin, text=True,
                           capture_output=True, env=self.env, timeout=2 * PATIENCE)
        if check and r.returncode:
            raise RuntimeError("tatara %s: %s%s" % (" ".join(args), r.stdout, r.stderr))
        return r

    def json(self, *args, stdin=None):
        return json.loads(self.run(*args, "--json", stdin=stdin).stdout)

    def setup(self):
        self.run("setup", "--email", EMAIL, "--name", "admin", "--password-stdin", stdin=PASSWORD + "\n")
        return self

    def add_mock_model(self, name="mock", provider="openai_api_compatible", default=True,
                       tools=False, kind="llm"):
        args = ["model", "add", "--type", kind, "--provider", provider, "--name", name,
                "--base-url", "http://127.0.0.1:9912/v1", "--key-stdin"]
        self.run(*args, *(["--default"] if default else []), *(["--tools"] if tools else []), stdin="sk-mock\n")

    def add_model(self, kind, name, url, key="sk", settings=None, **more):
        """Through the console: the process that answers knows it at once, which one that is told by the
        command line may not do for two seconds. more: default, check."""
        s = requests.Session()
        r = s.post(self.url + "/console/api/login", json={
            "email": EMAIL, "password": base64.b64encode(PASSWORD.encode()).decode(), "remember_me": False})
        assert r.status_code == 200, r.text
        r = s.post(self.url + "/console/api/tatara/models", headers={"X-CSRF-Token": s.cookies["csrf_token"]}, json=dict(
            {"type": kind, "name": name, "base_url": url, "api_key": key, "settings": settings or {}}, **more))
        assert r.status_code < 300, r.text

    def add_audio_models(self):
        """The recorded models of speech, once: more than one file of tests asks for them."""
        if not self.audio:
            for kind, name in (("tts", "mock-tts"), ("speech2text", "mock-stt")):
                self.add_model(kind, name, "http://127.0.0.1:9912/v1", default=True, check=True)
        self.audio = True

    def import_app(self, path, publish=True):
        """(app id, key)"""
        app = self.json("app", "import", path)
        if publish and app["mode"] in ("workflow", "advanced-chat"):
            self.run("app", "publish", app["id"])
        return app["id"], self.json("key", "create", "--app", app["id"])["token"]


EMBEDDING = {"embedding_provider_name": "langgenius/openai_api_compatible/openai_api_compatible",
             "embedding_model_name": "mock-embed"}


class Annotations:
    """Annotations of one app through the Service API."""

    def __init__(self, server, key):
        self.url, self.headers = server.url + "/v1/apps", {"Authorization": "Bearer " + key}

    def call(self, method, tail, status=200, **more):
        r = requests.request(method, self.url + tail, headers=self.headers, timeout=60, **more)
        assert r.status_code == status, r.text
        return r.json() if r.content else None

    def add(self, question, answer):
        return self.call("POST", "/annotations", 201, json={"question": question, "answer": answer})["id"]

    def start(self, action="enable", threshold=0.8, **model):
        body = dict(EMBEDDING, score_threshold=threshold, **model)
        return self.call("POST", "/annotation-reply/" + action, json=body)["job_id"]

    def wait(self, action, job, wait=60):
        end = time.time() + wait
        while time.time() < end:
            state = self.call("GET", "/annotation-reply/%s/status/%s" % (action, job))
            if state["job_status"] in ("completed", "error"):
                return state
            time.sleep(0.05)
        raise AssertionError("the job does not end: %s" % state)

    def switch(self, action="enable", threshold=0.8, **model):
        state = self.wait(action, self.start(action, threshold, **model))
        assert state["job_status"] == "completed", state


class Apps:
    """Golden apps of one server, imported when first asked for."""

    def __init__(self, server):
        self.server = server
        self.known = {}

    def get(self, name, publish=True):
        key = name if publish else "unpublished " + name
        if key not in self.known:
            folder = CORPUS if os.path.exists(os.path.join(CORPUS, name + ".yml")) else GOLDEN + "/apps"
            self.known[key] = self.server.import_app(os.path.join(folder, name + ".yml"), publish)
        return self.known[key]

    def id(self, name, publish=True):
        return self.get(name, publish)[0]

    def key(self, name, publish=True):
        return self.get(name, publish)[1]


def events(response):
    """The events of a stream as dictionaries; pings as {"event": "ping"}."""
    out = []
    for block in response.content.decode().split("\n\n"):
        block = re.sub(r"^id: \d+\n", "", block)  # a replay numbers its events
        if block.startswith("data: "):
            out.append(json.loads(block[6:]))
        elif block.strip() == "event: ping":
            out.append({"event": "ping"})
        elif block.strip():
            raise AssertionError("no event: %r" % block[:200])
    return out
