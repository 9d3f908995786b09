# SPDX-License-Identifier: Apache-2.0
"""Python packages that an administrator lists: installed from an index of our own, seen by programs, replaced and
removed as a whole, and not at all unless it is allowed."""
import base64
import hashlib
import http.server
import io
import os
import threading
import time
import zipfile

import pytest

from sandbox import Sandbox
from test_sandbox_attacks import MODES


def wheel(name, version, files, requires=()):
    """A built package, made on the spot."""
    info = "%s-%s.dist-info/" % (name, version)
    meta = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s" % (name, version, "".join("Requires-Dist: %s\n" % r for r in requires))
    files = {**files, info + "METADATA": meta, info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (path, digest, len(text.encode()))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
    return "%s-%s-py3-none-any.whl" % (name, version), out.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """The simple interface of a package index."""
    files, asked, gate = {}, [], threading.Event()

    def log_message(self, *args):
        pass

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        self.asked.append(self.path)
        if "slow" in self.path:
            self.gate.wait(60)
        body, status = b"", 404
        if parts[0] == "simple" and len(parts) == 2:
            names = [n for n in self.files if n.split("-")[0].replace("_", "-") == parts[1]]
            body = "".join('<a href="/files/%s">%s</a><br>' % (n, n) for n in names).encode()
            status = 200 if names else 404
        elif parts[0] == "files":
            body, status = self.files[parts[1]], 200
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


SDIST = "raise SystemExit(open('/tmp/was-run', 'w').write('x'))\n"


@pytest.fixture(scope="module")
def index():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rows = [wheel("tiny_words", "1.0", {"tiny_words/__init__.py": "from tiny_base import up\ndef hi(): return up('hi 1')\n"}, ["tiny-base>=1"]),
            wheel("tiny_words", "2.0", {"tiny_words/__init__.py": "def hi(): return 'hi 2'\n"}),
            wheel("tiny_base", "1.5", {"tiny_base.py": "def up(s): return s.upper()\n"}),
            wheel("jinja2", "99.0", {"jinja2/__init__.py": "__version__ = '99.0'\nclass Template:\n    def __init__(self, t): pass\n    def render(self, **k): return ''\n"}),
            wheel("slow_words", "1.0", {"slow_words.py": ""}), ("only_source-1.0.tar.gz", b"")]
    Index.files = dict(rows)
    yield "http://127.0.0.1:%d/simple" % server.server_address[1]
    server.shutdown()


class Place:
    """A sandbox with a list of packages."""

    def __init__(self, index, mode="root", text="", **env):
        self.box = Sandbox({"SANDBOX_ALLOW_PIP": "true", "PIP_MIRROR_URL": index, **env}, wrap=MODES[mode][0])
        self.list = self.box.data + "/list.txt"
        self.box.env["SANDBOX_REQUIREMENTS"] = self.list
        self.write(text)

    def write(self, text):
        with open(self.list, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.list, 0o644)

    def update(self):
        return self.box.post({"language": "python3"}, "/v1/sandbox/dependencies/update").json()

    def listed(self):
        data = self.box.http.get(self.box.url + "/v1/sandbox/dependencies", params={"language": "python3"}, headers={"X-Api-Key": self.box.key}).json()["data"]
        return {d["name"]: d["version"] for d in data["dependencies"]}, data.get("update")

    def settle(self):
        end = time.time() + 60
        while time.time() < end and self.listed()[1]["state"] not in ("done", "failed"):
            time.sleep(0.1)
        return self.listed()[1]


HI = "import tiny_words; print(tiny_words.hi())"


@pytest.mark.parametrize("mode", list(MODES)[1:])
def test_in_each_way_to_run(index, mode):
    if os.geteuid():
        pytest.skip("starts the sandbox in ways that only root can choose")
    p = Place(index, mode, "tiny-words==1.0\n")
    p.box.start()
    try:
        assert p.settle() == {"state": "done", "message": ""}
        assert p.box.out(HI) == "HI 1\n" and p.listed()[0]["tiny_words"] == "1.0"
        assert "PermissionError" in p.box.run("import tiny_words; open(tiny_words.__file__, 'w')")["stderr"]
        p.write("")
        assert p.update()["code"] == 0 and "ModuleNotFoundError" in p.box.run(HI)["stderr"]
    finally:
        p.box.stop()


def test_install_replace_remove(index):
    p = Place(index, text="# ours\ntiny-words==1.0\n")
    p.box.start()
    try:
        assert p.settle() == {"state": "done", "message": ""}
        assert p.box.out(HI) == "HI 1\n"
        assert p.listed()[0].items() >= {"tiny_words": "1.0", "tiny_base": "1.5"}.items()
        # Another version: what the old one needed is gone with it.
        p.write("tiny-words==2.0\n")
        assert p.update() == {"code": 0, "message": "success", "data": {}}
        assert p.box.out(HI) == "hi 2\n"
        assert p.listed()[0]["tiny_words"] == "2.0" and "tiny_base" not in p.listed()[0]
        # A failure says what is wrong, and leaves all as it was.
        p.write("tiny-words==2.0\nno-such-thing\n")
        answer = p.update()
        assert answer["code"] == -500 and "no-such-thing" in answer["message"] and p.box.data not in answer["message"], answer
        assert p.listed()[1]["state"] == "failed" and "no-such-thing" in p.listed()[1]["message"]
        assert p.box.out(HI) == "hi 2\n"
        # Programs see it in no profile that has none, and cannot change it.
        assert "ModuleNotFoundError" in p.box.run(HI, headers={"X-Sandbox-Profile": "pure"})["stderr"]
        assert "PermissionError" in p.box.run("import tiny_words; open(tiny_words.__file__, 'w')")["stderr"]
        # Nothing is left of it when it is asked for no more.
        p.write("")
        assert p.update()["code"] == 0
        assert "ModuleNotFoundError" in p.box.run(HI)["stderr"]
        assert "tiny_words" not in p.listed()[0]
    finally:
        p.box.stop()


def test_packages_of_the_machine_come_second(index):
    p = Place(index, text="jinja2==99.0\n")
    p.box.start()
    try:
        assert p.settle()["state"] == "done"
        assert p.box.out("import jinja2; print(jinja2.__version__)") == "99.0\n"
        assert p.listed()[0]["jinja2"] == "99.0"
    finally:
        p.box.stop()


def test_not_installed_again(index):
    """The next start finds what is there, and asks nobody."""
    p = Place(index, text="tiny-words==2.0\n")
    p.box.start()
    try:
        assert p.settle()["state"] == "done"
        p.box.process.terminate()
        p.box.process.wait(30)
        asked = len(Index.asked)
        p.box.start()
        end = time.time() + 10
        while time.time() < end and p.box.post({"language": "python3", "code": HI}).json()["data"]["stdout"] != "hi 2\n":
            time.sleep(0.1)
        assert p.box.out(HI) == "hi 2\n" and len(Index.asked) == asked
    finally:
        p.box.stop()


def test_no_source_is_run(index):
    p = Place(index, text="only-source\n")
    p.box.start()
    try:
        update = p.settle()
        assert update["state"] == "failed" and "only-source" in update["message"]
        assert "/files/only_source-1.0.tar.gz" not in Index.asked
        p.box.healthy()
    finally:
        p.box.stop()


def test_programs_run_meanwhile(index):
    """One update at a time; who asks meanwhile waits for one that has read the file since."""
    p = Place(index, text="tiny-words==1.0\n")
    p.box.start()
    try:
        assert p.settle()["state"] == "done"
        Index.gate.clear()
        p.write("slow-words\n")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(p.update()["code"])) for _ in range(2)]
        for t in threads:
            t.start()
        end = time.time() + 30
        while p.listed()[1]["state"] != "running" and time.time() < end:
            time.sleep(0.05)
        assert p.listed()[1]["state"] == "running" and p.box.out(HI) == "HI 1\n"
        Index.gate.set()
        for t in threads:
            t.join()
        assert answers == [0, 0] and p.box.out("import slow_words; print(1)") == "1\n"
    finally:
        Index.gate.set()
        p.box.stop()


def test_off_by_default(index):
    p = Place(index, text="tiny-words==2.0\n")
    del p.box.env["SANDBOX_ALLOW_PIP"]
    p.box.start()
    try:
        asked = len(Index.asked)
        assert p.update()["code"] == 0
        assert p.listed()[1] is None and "tiny_words" not in p.listed()[0]
        assert "ModuleNotFoundError" in p.box.run(HI)["stderr"] and len(Index.asked) == asked
        assert "no effect without SANDBOX_ALLOW_PIP" in p.box.read_log()
    finally:
        p.box.stop()


def test_pip_is_confined(index, tmp_path):
    """An interpreter in its place looks around: files of the service, writing elsewhere, rights of root, the environment."""
    fake = tmp_path / "bin" / "python3"
    fake.parent.mkdir()
    os.chmod(tmp_path, 0o755)
    secret = tmp_path.parent / "secret"
    secret.write_text("a secret")
    code = ("import os, sys\nr = []\nfor f in (lambda: open(%r).read(), lambda: open('/etc/shadow').read(), lambda: os.listdir('/root'), lambda: open('/var/tmp/x', 'w'),\n"
            "          lambda: open(sys.argv[-3], 'a'), lambda: os.chown('/usr', 1, 1), lambda: os.listdir('/proc')):\n"
            "    try: f(); r.append('done')\n    except OSError as e: r.append(type(e).__name__)\n"
            "r.append(sorted(os.environ))\nprint(r)\nsys.exit(3)\n" % str(secret))
    probe = tmp_path / "probe.py"
    probe.write_text(code)
    fake.write_text("#!/bin/sh\ncase \"$*\" in *pip*) exec /usr/bin/python3 -I %s \"$@\";; *) exec /usr/bin/python3 \"$@\";; esac\n" % probe)
    fake.chmod(0o755)
    p = Place(index, text="tiny-words==2.0\n", PYTHON_PATH=str(fake))
    p.box.start()
    try:
        update = p.settle()
        assert update["state"] == "failed"
        assert update["message"] == ("pip: ['PermissionError', 'PermissionError', 'PermissionError', 'PermissionError', 'PermissionError', 'PermissionError', 'PermissionError', "
                                     "['HOME', 'LC_ALL', 'PATH', 'PWD', 'TMPDIR']]")
    finally:
        p.box.stop()


@pytest.mark.parametrize("env,word", [({"PYTHON_DEPS_UPDATE_INTERVAL": "soon"}, "PYTHON_DEPS_UPDATE_INTERVAL"), ({"PYTHON_DEPS_UPDATE_INTERVAL": "5d"}, "5d"),
                                      ({"SANDBOX_ALLOW_PIP": "x"}, "SANDBOX_ALLOW_PIP"), ({"SANDBOX_ALLOW_PIP": "true", "SANDBOX_ROOTFS": "/x"}, "SANDBOX_ROOTFS")])
def test_bad_settings(env, word):
    s = Sandbox(env)
    with pytest.raises(RuntimeError, match=word):
        s.start()
    s.stop()


def test_again_by_the_interval(index):
    p = Place(index, text="tiny-words==1.0\n", PYTHON_DEPS_UPDATE_INTERVAL="1s")
    p.box.start()
    try:
        assert p.settle()["state"] == "done"
        p.write("tiny-words==2.0\n")
        end = time.time() + 60
        while p.box.post({"language": "python3", "code": HI}).json()["data"]["stdout"] != "hi 2\n" and time.time() < end:
            time.sleep(0.3)
        assert p.box.out(HI) == "hi 2\n"
        kept = [n for n in os.listdir(p.box.data + "/d/sandbox/packages") if n.startswith("v")]
        assert 1 <= len(kept) <= 3
    finally:
        p.box.stop()

