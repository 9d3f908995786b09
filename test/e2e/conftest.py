# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the recorded model server and one server for the whole run; tests that break things
start their own."""
import os
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from patience import PATIENCE  # noqa: E402
from tatara import GOLDEN, Apps, Server  # noqa: E402


def wait_port(port, wait=PATIENCE):
    end = time.time() + wait
    while time.time() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("nothing listens on %d" % port)


@pytest.fixture(scope="session")
def mock_model():
    process = subprocess.Popen([sys.executable, os.path.join(GOLDEN, "mock_model.py")])
    wait_port(9912)
    wait_port(9913)
    yield "http://127.0.0.1:9912/v1"
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def server(mock_model):
    # The recorded apps fetch files from the stub on loop-back, which the gate refuses by default.
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1"})
    s.env["FILES_URL"] = s.env["CONSOLE_API_URL"] = s.env["SERVICE_API_URL"] = s.url
    s.start().setup()
    s.add_mock_model(tools=True)
    s.add_mock_model("mock-plain", default=False)
    s.add_mock_model("mock-embed", default=False, kind="text-embedding")
    yield s
    s.remove()


@pytest.fixture(scope="session")
def apps(server):
    return Apps(server)
