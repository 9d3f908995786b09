# SPDX-License-Identifier: Apache-2.0
"""The sandbox as a part of `serve`: code nodes run, get out through the proxy only, and a machine that cannot hold
a jail keeps everything else."""
import os

import pytest
import requests
import yaml

from patience import PATIENCE
from tatara import GOLDEN, Server


def run_app(server, key, inputs):
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key},
                      json={"inputs": inputs, "response_mode": "blocking", "user": "u"}, timeout=2 * PATIENCE)
    assert r.status_code == 200, r.text
    return r.json()["data"]


def import_changed(server, tmp_path, code):
    """The recorded app with other Python in its first node."""
    with open(GOLDEN + "/apps/wf_code.yml", encoding="utf-8") as f:
        app = yaml.safe_load(f)
    for node in app["workflow"]["graph"]["nodes"]:
        if node["id"] == "py":
            node["data"]["code"] = code
    path = tmp_path / "app.yml"
    path.write_text(yaml.safe_dump(app), encoding="utf-8")
    return server.import_app(str(path))[1]


@pytest.fixture(scope="module")
def place():
    s = Server().start().setup()
    yield s
    s.remove()


def test_code_nodes(place):
    data = run_app(place, place.import_app(GOLDEN + "/apps/wf_code.yml")[1], {"name": "Ann"})
    assert data["status"] == "succeeded", data
    assert data["outputs"] == {"s": "hi Ann", "n": 3, "f": 1.5, "o": {"k": [1, 2], "z": None, "b": True}, "a": ["p", "q"],
                               "b": True, "up": "HI ANN", "len": 6}


def test_only_the_proxy_and_no_private_address(place, tmp_path):
    key = import_changed(place, tmp_path, (
        "import requests, os\n"
        "def main(name):\n"
        "    codes = []\n"
        "    for url in ('http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1:%d/health', 'http://localhost/', 'http://10.0.0.1/'):\n"
        "        r = requests.get(url, timeout=5)\n"
        "        codes.append('%%d %%s' %% (r.status_code, r.headers.get('X-Proxy-Error')))\n"
        "    return {'s': ' '.join(sorted(os.environ)), 'n': 1, 'f': 1.5, 'o': {}, 'a': codes, 'b': True}\n" % place.port))
    data = run_app(place, key, {"name": "x"})
    assert data["status"] == "succeeded", data
    assert [a[:3] for a in data["outputs"]["a"]] == ["403"] * 4
    assert all("denied" in a for a in data["outputs"]["a"])
    assert "SECRET" not in data["outputs"]["s"] and "TATARA" not in data["outputs"]["s"]


def test_the_socket_asks_for_the_key(place):
    import http.client
    import socket

    class Local(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(place.data + "/run/sandbox.sock")
    for key in ("", "dify-sandbox"):
        c = Local("x")
        c.request("POST", "/v1/sandbox/run", b"{}", {"X-Api-Key": key, "Content-Type": "application/json"})
        r = c.getresponse()
        assert (r.status, r.read()) == (401, b"")


def test_a_killed_role_comes_back(place):
    key = place.import_app(GOLDEN + "/apps/wf_code.yml")[1]
    place.replace_role("sandbox")
    statuses = [run_app(place, key, {"name": "x"})["status"] for _ in range(8)]
    assert statuses[-1] == "succeeded"


LOOK = ("def main(name):\n    try:\n        import requests\n        kind = 'packages ' + str(requests.get('http://127.0.0.1/', timeout=20).status_code)\n"
        "    except Exception as e:\n        kind = type(e).__name__\n    return {'s': kind, 'n': 1, 'f': 1.5, 'o': {}, 'a': [], 'b': True}\n")


def test_profiles_of_apps(tmp_path):
    """The administrator's choice for an app reaches its programs: one app, all the others, a template in between."""
    s = Server({"CODE_EXECUTION_PROFILES": "*=pure"})
    try:
        s.start().setup()
        apps = [import_changed(s, tmp_path, LOOK) for _ in range(2)]
        assert [run_app(s, key, {"name": "x"})["outputs"]["s"] for key in apps] == ["ModuleNotFoundError"] * 2
        ids = [a["id"] for a in s.json("app", "list")]
        s.stop()
        s.env["CODE_EXECUTION_PROFILES"] = ",".join(i + "=network" for i in ids[:1]) + ",%s=data" % ids[1]
        s.start()
        assert sorted(run_app(s, key, {"name": "x"})["outputs"]["s"] for key in apps) == ["ConnectionError", "packages 403"]
    finally:
        s.remove()


def test_without_a_jail_the_rest_works(tmp_path):
    s = Server({"PYTHON_PATH": "/no/such/python3"})
    try:
        s.start().setup()
        assert requests.get(s.url + "/ready", timeout=PATIENCE).json()["status"] == "ready"
        data = run_app(s, s.import_app(GOLDEN + "/apps/wf_code.yml")[1], {"name": "x"})
        assert data["status"] == "failed" and "/no/such/python3" in data["error"], data
        why = requests.get(s.url + "/ready", timeout=PATIENCE).json()["roles"]["sandbox"]
        assert "/no/such/python3" in why
        assert "PYTHON_PATH" in s.run("doctor", check=False).stdout
    finally:
        s.remove()
    assert not os.path.exists(s.data)
