# SPDX-License-Identifier: Apache-2.0
"""HTTP nodes and the gate for outgoing requests, with its defaults: what is refused, and what is said then."""
import json
import os
import sqlite3
import subprocess

import pytest
from graphs import end, fail_branch, http, run, start
from tatara import BINARY, Server


@pytest.fixture(scope="module")
def closed(mock_model):
    s = Server({}).start().setup()
    yield s
    s.remove()


@pytest.mark.parametrize("url,says", [
    ("http://127.0.0.1:9913/json", ["127.0.0.1", "loop-back", "SSRF_PROXY_ALLOW_PRIVATE_IPS"]),
    ("http://[::ffff:127.0.0.1]:9913/json", ["::ffff:127.0.0.1", "refused"]),
    ("http://2130706433:9913/json", ["refused"]),
    ("http://localhost:9913/json", ["localhost", "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS"]),
    ("http://10.1.2.3/", ["10.1.2.3", "private"]),
    ("http://169.254.169.254/latest/meta-data", ["metadata"]),
    ("http://user:password@127.0.0.1:9913/json", ["127.0.0.1"]),
])
def test_refusals_say_why(closed, url, says):
    g = run(closed, [start(), fail_branch(http("h", url)), end(m="h.error_message", t="h.error_type")],
            ["start h", "h fail-branch end"])
    assert g.done["outputs"]["t"] == "HttpRequestNodeError"
    for word in says:
        assert word in g.done["outputs"]["m"], g.done["outputs"]["m"]
    shown = str(g.events)
    assert "password" not in shown.replace(url, ""), "the credentials of an address are shown nowhere"


# --- lists of single workspaces ---

def with_lists(lists):
    """A server whose first workspace has these lists."""
    s = Server({})
    s.setup()
    with sqlite3.connect(s.data + "/tatara.db") as db:
        tenant = db.execute("SELECT id FROM tenants").fetchone()[0]
    s.env["SSRF_PROXY_WORKSPACES"] = json.dumps(lists(tenant))
    return s.start()


def asked(server, url):
    g = run(server, [start(), fail_branch(http("h", url)), end(m="h.error_message", c="h.status_code")],
            ["start h", "h fail-branch end", "h source end"])
    return g.done["outputs"]


@pytest.mark.parametrize("whose,answer", [(lambda own: own, 200), (lambda own: "another", None)])
def test_a_workspace_has_lists_of_its_own(mock_model, whose, answer):
    s = with_lists(lambda own: {whose(own): {"allow_private_ips": "127.0.0.1"}})
    try:
        out = asked(s, "http://127.0.0.1:9913/json")
        assert out["c"] == answer, out
        assert asked(s, "http://10.1.2.3/")["c"] is None
        # metadata stays closed whatever a list says
        assert "metadata" in asked(s, "http://169.254.169.254/")["m"]
    finally:
        s.remove()


def test_what_a_workspace_is_denied_besides(mock_model):
    s = with_lists(lambda own: {own: {"allow_private_ips": "127.0.0.1", "deny_ips": "127.0.0.1"}})
    try:
        assert asked(s, "http://127.0.0.1:9913/json")["c"] is None
    finally:
        s.remove()


@pytest.mark.parametrize("text,says", [
    ("{", "SSRF_PROXY_WORKSPACES"), ("[]", "JSON object"), ('{"w": []}', "workspace w"),
    ('{"w": {"allow_ips": "1.2.3.4"}}', "allow_ips"), ('{"w": {"deny_ips": "1.2.3.4/0"}}', "1.2.3.4/0"),
    ('{"w": {"deny_ips": 4}}', "deny_ips"),
])
def test_broken_lists_stop_the_start(text, says, tmp_path):
    r = subprocess.run([BINARY, "api", "--data", str(tmp_path), "--listen", "127.0.0.1:0"], capture_output=True,
                       text=True, timeout=240, env=dict(os.environ, SSRF_PROXY_WORKSPACES=text))
    assert r.returncode == 1 and says in r.stdout + r.stderr, r.stdout + r.stderr
