# SPDX-License-Identifier: Apache-2.0
"""The sandbox role alone, in the ways in which it may be started, and programs to run in it."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import requests

from patience import PATIENCE, quick
from tatara import BINARY, free_port

KEY = "a-key-of-the-tests-7c1e"
# In the container tier a uid's processes end with its program: those of another test run on this machine are not ours.
UID_BASE = str(200000 + os.getpid() % 2000 * 1000)
CLEAN = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


class Sandbox:
    """start() waits until the jail is made. `wrap` is put in front of the command line."""

    def __init__(self, env=None, wrap=(), args=(), key=KEY):
        self.data = tempfile.mkdtemp(prefix="tatara-sandbox-")
        os.chmod(self.data, 0o777)
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.key = key
        self.env = {k: v for k, v in os.environ.items() if k in CLEAN}
        self.env.update({"API_KEY": key, "TATARA_LOG_FORMAT": "json", "SANDBOX_PORT": str(self.port),
                         "SANDBOX_UID_BASE": UID_BASE, "SANDBOX_BIND": "127.0.0.1", "DB_PASSWORD": "secret-of-the-database", **(env or {})})
        self.wrap, self.args = list(wrap), list(args)
        self.log = self.data + ".log"
        self.process = None
        self.http = requests.Session()
        self.http.trust_env = False

    def start(self, wait=PATIENCE, ready=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.wrap + [BINARY, "sandbox", "--data", self.data + "/d", *self.args],
                                            env=self.env, stdout=log, stderr=log, cwd="/")
        end = time.time() + wait
        while time.time() < end:
            if self.process.poll() is not None:
                raise RuntimeError("sandbox ended: " + self.read_log())
            try:
                r = self.http.get(self.url + "/ready", timeout=10)
                if r.status_code == 200 or (not ready and "starting" not in r.text):
                    return self
            except requests.RequestException:
                pass
            time.sleep(0.03)
        raise RuntimeError("not ready: " + self.read_log())

    def read_log(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        shutil.rmtree(self.data, ignore_errors=True)
        if os.path.exists(self.log):
            os.remove(self.log)

    def post(self, body, path="/v1/sandbox/run", **headers):
        return self.http.post(self.url + path, data=body if isinstance(body, (bytes, str)) else json.dumps(body),
                              headers={"X-Api-Key": self.key, "Content-Type": "application/json", **headers}, timeout=2 * PATIENCE)

    def run(self, code, language="python3", network=True, **more):
        """`data` of the answer; the envelope must be the good one."""
        headers = more.pop("headers", {})
        r = self.post({"language": language, "code": code, "enable_network": network, "preload": "", **more}, **headers)
        assert r.status_code == 200, r.text
        answer = r.json()
        assert answer["code"] == 0 and answer["message"] == "success", answer
        return answer["data"]

    def out(self, code, language="python3", **more):
        """stdout of a program that must end well."""
        data = self.run(code, language, **more)
        assert data["exit_code"] == 0 and data["error"] == "", data
        return data["stdout"]

    def metric(self, name):
        for line in self.http.get(self.url + "/metrics", timeout=PATIENCE).text.splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError("no metric " + name)

    def healthy(self):
        """The next ordinary runs work, and within a second."""
        assert set(quick(lambda: self.out("print(40 + 2)"), 1)) == {"42\n"}
        assert self.http.get(self.url + "/health", timeout=PATIENCE).text == '"ok"'


def python_wrapper(code, inputs):
    """What the api of that stack sends around a code node's Python."""
    packed = base64.b64encode(json.dumps(inputs).encode()).decode()
    return (code + "\nimport json\nfrom base64 import b64decode\n"
            "inputs_obj = json.loads(b64decode('%s').decode('utf-8'))\n"
            "output_obj = main(**inputs_obj)\noutput_json = json.dumps(output_obj, indent=4)\n"
            "result = f'''<<RESULT>>{output_json}<<RESULT>>'''\nprint(result)\n" % packed)


def javascript_wrapper(code, inputs):
    packed = base64.b64encode(json.dumps(inputs).encode()).decode()
    return (code + "\nvar inputs_obj = JSON.parse(Buffer.from('%s', 'base64').toString('utf-8'))\n"
            "var output_obj = main(inputs_obj)\nvar output_json = JSON.stringify(output_obj)\n"
            "var result = `<<RESULT>>${output_json}<<RESULT>>`\nconsole.log(result)\n" % packed)


def jinja_wrapper(template, inputs):
    packed, text = (base64.b64encode(x).decode() for x in (json.dumps(inputs).encode(), template.encode()))
    return ("import jinja2, json\nfrom base64 import b64decode\n"
            "def main(**inputs):\n    return jinja2.Template(b64decode('%s').decode('utf-8')).render(**inputs)\n"
            "inputs = json.loads(b64decode('%s').decode('utf-8'))\noutput = main(**inputs)\n"
            "result = f'''<<RESULT>>{output}<<RESULT>>'''\nprint(result)\n" % (text, packed))


def between(text):
    mark = "<<RESULT>>"
    return text[text.index(mark) + len(mark):text.rindex(mark)]
