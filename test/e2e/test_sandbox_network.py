# SPDX-License-Identifier: Apache-2.0
"""Programs with network: every library reaches the proxy and nothing else, in every tier."""
import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from sandbox import Sandbox
from test_sandbox_attacks import MODES


class Proxy(http.server.ThreadingHTTPServer):
    """Answers requests in absolute form, tunnels CONNECT to a TLS server, writes down what it was asked."""
    daemon_threads = True

    def __init__(self, tls_port):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.tls_port = [], tls_port
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append("%s %s" % (self.command, self.path))
        body = ("proxied %s host=%s" % (self.path, self.headers["Host"])).encode()
        if not self.path.startswith("http://"):
            self.send_response(400)
            body = b"not for a proxy"
        elif "denied" in self.path:
            self.send_response(403)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_CONNECT(self):
        self.server.asked.append("CONNECT " + self.path)
        if not self.path.startswith("secure.test:"):
            self.send_error(403)
            return
        with socket.create_connection(("127.0.0.1", self.server.tls_port)) as up:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(self.connection, up)
        self.close_connection = True


def pump(a, b):
    def one(x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
            y.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    t = threading.Thread(target=one, args=(b, a), daemon=True)
    t.start()
    one(a, b)
    t.join(5)


class Secure(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        body = b"secret weather"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
                    "-subj", "/CN=secure.test", "-addext", "subjectAltName=DNS:secure.test"], cwd=folder, check=True, capture_output=True)
    tls = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Secure)
    tls.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    tls.socket = context.wrap_socket(tls.socket, server_side=True)
    threading.Thread(target=tls.serve_forever, daemon=True).start()
    p = Proxy(tls.server_address[1])
    yield p
    p.shutdown()
    tls.shutdown()


@pytest.fixture(scope="module", params=MODES)
def box(request, proxy):
    if os.geteuid():
        pytest.skip("starts the sandbox in ways that only root can choose")
    wrap, tier = MODES[request.param]
    s = Sandbox({"HTTP_PROXY": "http://127.0.0.1:%d" % proxy.server_address[1]}, wrap=wrap).start()
    s.tier = tier
    yield s
    s.stop()


@pytest.mark.parametrize("code", [
    "import urllib.request\nprint(urllib.request.urlopen('http://plain.test/a?b=1').read().decode())",
    "import requests\nprint(requests.get('http://plain.test/a?b=1').text)",
    "import httpx\nprint(httpx.get('http://plain.test/a?b=1').text)",
    "import httpx, asyncio\nasync def m():\n    async with httpx.AsyncClient() as c:\n        print((await c.get('http://plain.test/a?b=1')).text)\nasyncio.run(m())",
    "import http.client\nc = http.client.HTTPConnection('127.0.0.1', 3128)\nc.request('GET', 'http://plain.test/a?b=1', headers={'Host': 'plain.test'})\nprint(c.getresponse().read().decode())",
    "import requests\ns = requests.Session()\nfor i in range(50): r = requests.get('http://plain.test/a?b=1')\nprint(r.text)",
])
def test_python_http(box, proxy, code):
    proxy.asked.clear()
    assert box.out(code) == "proxied http://plain.test/a?b=1 host=plain.test\n"
    assert set(proxy.asked) == {"GET http://plain.test/a?b=1"}


@pytest.mark.parametrize("code", [
    "import requests, warnings\nwarnings.simplefilter('ignore')\nprint(requests.get('https://secure.test/x', verify=False).text)",
    "import httpx\nprint(httpx.get('https://secure.test/x', verify=False).text)",
    "import urllib.request, ssl\nprint(urllib.request.urlopen('https://secure.test/x', context=ssl._create_unverified_context()).read().decode())",
])
def test_python_https(box, proxy, code):
    proxy.asked.clear()
    assert box.out(code) == "secret weather\n"
    assert proxy.asked == ["CONNECT secure.test:443"]


def test_python_certificates_are_checked(box):
    assert "CERTIFICATE_VERIFY_FAILED" in box.run("import requests; requests.get('https://secure.test/x')")["stderr"]


@pytest.mark.parametrize("code", [
    "fetch('http://plain.test/a?b=1').then((r) => r.text()).then((t) => console.log(t))",
    "require('http').get('http://plain.test/a?b=1', (r) => r.setEncoding('utf8').on('data', (t) => console.log(t)))",
    "const r = require('http').request({ host: 'plain.test', path: '/a?b=1' }, (a) => a.setEncoding('utf8').on('data', (t) => console.log(t))); r.end()",
])
def test_node_http(box, proxy, code):
    proxy.asked.clear()
    assert box.out(code, "nodejs") == "proxied http://plain.test/a?b=1 host=plain.test\n"
    assert proxy.asked == ["GET http://plain.test/a?b=1"]


@pytest.mark.parametrize("code", [
    "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch('https://secure.test/x').then((r) => r.text()).then((t) => console.log(t))",
    "require('https').get('https://secure.test/x', { rejectUnauthorized: false }, (r) => r.setEncoding('utf8').on('data', (t) => console.log(t)))",
])
def test_node_https(box, proxy, code):
    proxy.asked.clear()
    assert box.out(code, "nodejs") == "secret weather\n"
    assert proxy.asked == ["CONNECT secure.test:443"]


def test_node_post(box, proxy):
    code = "fetch('http://plain.test/p', { method: 'POST', body: 'x'.repeat(100000) }).then((r) => r.text()).then((t) => console.log(t))"
    assert box.out(code, "nodejs") == "proxied http://plain.test/p host=plain.test\n"


def test_denied(box):
    assert box.out("import requests; print(requests.get('http://denied.test/').status_code)") == "403\n"
    assert "403" in box.run("import requests; requests.get('https://other.test/')")["stderr"]
    assert "403" in box.out("fetch('https://other.test/').catch((e) => console.log(String(e.cause)))", "nodejs")


# 13, 14: whatever address is dialled, it is the proxy that answers, and it was asked nothing
def test_every_address_is_the_proxy(box, proxy):
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.listen()
        own.settimeout(0.2)
        targets = [("169.254.169.254", 80), ("127.0.0.1", box.port), ("127.0.0.1", own.getsockname()[1]), ("10.0.0.1", 5432)]
        out = box.out("import socket\nfor a in %r:\n    s = socket.socket(); s.settimeout(2)\n    try:\n        s.connect(a); s.sendall(b'GET /latest HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n')\n"
                      "        print('said', s.recv(12))\n    except OSError as e: print('no', e.errno)\n" % (targets,))
        for line in out.splitlines():
            assert line.startswith("no") or line == "said b'HTTP/1.1 400'", out
        with pytest.raises(TimeoutError):
            own.accept()


def test_many_sockets(box):
    out = box.out("import socket\nn = 0\ntry:\n    keep = []\n    while True: keep.append(socket.socket()); n += 1\nexcept OSError as e: print(n <= 64, e.errno)")
    assert out == "True 24\n"
    box.healthy()


def test_threads_and_timeouts(box):
    code = ("import requests, concurrent.futures as c\n"
            "with c.ThreadPoolExecutor(8) as p: print({r for r in p.map(lambda i: requests.get('http://plain.test/a').status_code, range(24))})")
    assert box.out(code) == "{200}\n"


def test_without_network_there_is_none(box):
    d = box.run("import requests; requests.get('http://plain.test/')", network=False)
    assert d["exit_code"] == 255 and "refused with \"Operation not permitted\": socket" in d["stderr"]
    d = box.run("require('net').connect(3128, '127.0.0.1').on('error', (e) => console.log(e.code))", "nodejs", network=False)
    assert d["stdout"] == "EPERM\n"


def test_profiles(box):
    def ask(profile, code):
        return box.run(code, headers={"X-Sandbox-Profile": profile})
    assert "socket" in ask("pure", "import socket; socket.socket()")["stderr"]
    assert "ModuleNotFoundError" in ask("pure", "import jinja2")["stderr"]
    assert ask("pure", "import json, sqlite3; print(1)")["stdout"] == "1\n"
    assert ask("data", "import jinja2; print(1)")["stdout"] == "1\n"
    assert "PermissionError" in ask("data", "import socket; socket.socket()")["stderr"]
    assert ask("network", "import socket; socket.socket().close(); print(1)")["stdout"] == "1\n"
    assert box.post({"language": "python3", "code": "1"}, **{"X-Sandbox-Profile": "root"}).json()["code"] == -400
