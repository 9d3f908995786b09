# SPDX-License-Identifier: Apache-2.0
"""HTTP nodes and the gate for outgoing requests, with its defaults: what is refused, and what is said then."""
import pytest
from graphs import end, fail_branch, http, run, start
from tatara import Server


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
