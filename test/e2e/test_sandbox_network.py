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
from test_sandbox_attacks import CONTAIN, MODES


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
        if "large.test" in self.path:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (3 << 20))
            self.close_connection = True
            return
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


# Kernels before 5.9: programs connect by themselves, inside a network of their own.
NETWORK_MODES = {**MODES, "root-without-broker": (CONTAIN + ["--without", "notify"], "namespace")}


@pytest.fixture(scope="module", params=NETWORK_MODES)
def box(request, proxy):
    if os.geteuid():
        pytest.skip("starts the sandbox in ways that only root can choose")
    wrap, tier = NETWORK_MODES[request.param]
    s = Sandbox({"HTTP_PROXY": "http://127.0.0.1:%d" % proxy.server_address[1], "WORKER_TIMEOUT": "60"}, wrap=wrap).start()
    s.tier, s.broker = tier, "without" not in request.param
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


ASK = "s.sendall(b'GET http://plain.test/a HTTP/1.0\\r\\nHost: plain.test\\r\\n\\r\\n'); print(s.recv(15))"


@pytest.mark.parametrize("double", ["t = s.dup()", "import os; t = socket.socket(fileno=os.dup(s.fileno()))", "import os; t = socket.socket(fileno=os.dup2(s.fileno(), 50))",
                                    "import fcntl; t = socket.socket(fileno=fcntl.fcntl(s, fcntl.F_DUPFD, 0))"])
def test_sockets_with_two_numbers(box, double):
    """One of them is connected, so both are; neither twice."""
    head = "import socket\ns = socket.socket()\n%s\nassert t.fileno() != s.fileno()\n" % double
    answer = "b'HTTP/1.1 200 OK'\n"
    assert box.out(head + "t.connect(('127.0.0.1', 3128))\n" + ASK) == answer
    assert box.out(head + "s.connect(('127.0.0.1', 3128))\ns.close()\ns = t\n" + ASK) == answer
    assert box.out(head + "s.close()\nt.connect(('127.0.0.1', 3128))\ns = t\n" + ASK) == answer
    assert box.out(head + "s.connect(('127.0.0.1', 3128))\ntry: t.connect(('127.0.0.1', 3128))\nexcept OSError as e: print(e.errno)") == "106\n"


def test_numbers_of_other_files(box):
    """What else is duplicated is none of the launcher's business."""
    out = box.out("import os, socket, fcntl\nr, w = os.pipe(); d = os.dup(w); os.dup2(r, 40); f = fcntl.fcntl(d, fcntl.F_DUPFD_CLOEXEC, 45)\n"
                  "os.write(f, b'x'); print(os.read(40, 1), f >= 45)\ns = socket.socket(); os.dup2(r, s.fileno())\ntry: s.connect(('127.0.0.1', 3128))\n"
                  "except OSError as e: print(e.errno in (88, 106))\ntry: os.dup(999)\nexcept OSError as e: print(e.errno)")
    assert out == "b'x' True\nTrue\n9\n"


def listening():
    with open("/proc/net/tcp", encoding="ascii") as f:
        return {int(line.split()[1].split(":")[1], 16) for line in f.readlines()[1:] if line.split()[3] == "0A"}


def test_no_port_leads_to_the_proxy(box, proxy):
    """Others on the machine do not get to it through the sandbox, not even while a program is connected."""
    before, seen = listening(), set()
    assert box.port in before
    t = threading.Thread(target=box.out, args=("import socket, time\ns = socket.create_connection(('127.0.0.1', 3128))\ntime.sleep(1)",))
    t.start()
    while t.is_alive():
        seen |= listening()
    t.join()
    assert seen <= before


# Of one program, all its connections together; and the next one starts anew.
@pytest.mark.parametrize("mode", ["root", "user", "container"])
def test_limits_of_a_run(proxy, mode):
    wrap = MODES[mode][0]
    s = Sandbox({"HTTP_PROXY": "http://127.0.0.1:%d" % proxy.server_address[1], "SANDBOX_MAX_CONNECTIONS": "3", "SANDBOX_MAX_UPLOAD_MB": "1",
                 "SANDBOX_MAX_DOWNLOAD_MB": "2"}, wrap=wrap).start()
    try:
        some = ("import socket\ndef ask():\n    s = socket.create_connection(('127.0.0.1', 3128))\n    s.sendall(b'GET http://plain.test/a HTTP/1.1\\r\\nHost: plain.test\\r\\n\\r\\n')\n"
                "    return s, s.recv(999)[9:12].decode()\n")
        for _ in range(2):
            assert s.out(some + "a = [ask() for _ in range(5)]\nprint([x[1] for x in a])") == "['200', '200', '200', '503', '503']\n"
        assert s.out(some + "import time\na = [ask() for _ in range(3)]\nfor x in a: x[0].close()\nwhile (b := ask())[1] != '200': time.sleep(0.05)\nprint(b[1])") == "200\n"
        up = "import requests\nfor i in range(4):\n    try: print(requests.post('http://plain.test/p', data=b'x' * 600000).status_code)\n    except OSError: print('cut')"
        for _ in range(2):
            assert s.out(up) == "200\ncut\n503\n503\n"
        d = s.out("import socket\ns = socket.create_connection(('127.0.0.1', 3128))\ns.sendall(b'GET http://large.test/ HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n')\nn = 0\n"
                  "try:\n    while x := s.recv(65536): n += len(x)\nexcept OSError: pass\nprint(n)")
        assert int(d) <= 2 << 20 and int(d) > 1 << 20
    finally:
        s.stop()


def test_connections_end_with_their_program(box, proxy):
    """The proxy sees the end at once, whatever its own answer waits for."""
    if not box.broker:
        pytest.skip("there it is the proxy that ends them")
    ended = threading.Event()

    def hang():
        with socket.socket() as own:
            own.bind(("127.0.0.1", 0))
            own.listen()
            hang.port = own.getsockname()[1]
            ready.set()
            own.settimeout(30)
            peer = own.accept()[0]
            peer.settimeout(30)
            peer.sendall(b"x")
            while peer.recv(4096):
                pass
            ended.set()
    ready = threading.Event()
    t = threading.Thread(target=hang)
    t.start()
    ready.wait()
    s = Sandbox({"HTTP_PROXY": "http://127.0.0.1:%d" % hang.port}, wrap=box.wrap).start()
    try:
        s.out("import socket, os\ns = socket.create_connection(('127.0.0.1', 3128))\ns.sendall(b'GET / HTTP/1.0\\r\\n')\ns.recv(1)\nos._exit(0)")
        assert ended.wait(20)
    finally:
        s.stop()
        t.join()


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
    assert d["exit_code"] == 255
    assert ("refused with \"Operation not permitted\": socket" in d["stderr"]) == box.broker
    d = box.run("require('net').connect(3128, '127.0.0.1').on('error', (e) => console.log(e.code))", "nodejs", network=False)
    assert d["stdout"] == "EPERM\n"


DATA_PYTHON = os.environ.get("TATARA_DATA_PYTHON", "/usr/bin/python3")  # one that has numpy and pandas
TABLE = ("import numpy as np, pandas as pd, threading\nd = pd.DataFrame({'a': np.arange(1000.0), 'b': ['x', 'y'] * 500})\n"
         "print(d.groupby('b').a.sum().to_dict(), np.linalg.inv(np.eye(200) + 1).shape, threading.active_count())")


@pytest.mark.parametrize("mode", MODES)
def test_data_profile(mode):
    """numpy and pandas are there before the program begins, within the memory that programs have by default."""
    if subprocess.run([DATA_PYTHON, "-c", "import numpy, pandas"], capture_output=True).returncode:
        pytest.skip("no numpy and pandas here")
    s = Sandbox({"PYTHON_PATH": DATA_PYTHON, "WORKER_TIMEOUT": "60"}, wrap=MODES[mode][0]).start()
    try:
        def ask(code):
            return s.run(code, headers={"X-Sandbox-Profile": "data"})
        assert ask("import sys; print('numpy' in sys.modules, 'pandas' in sys.modules)")["stdout"] == "True True\n"
        for _ in range(3):
            assert ask(TABLE)["stdout"] == "{'x': 249500.0, 'y': 250000.0} (200, 200) 1\n"
        assert "MemoryError" in ask("import numpy; numpy.ones(10 ** 10)")["stderr"]
        assert ask("import numpy; print(numpy.ones(100 << 17).nbytes >> 20)")["stdout"] == "100\n"
        assert len({ask("import numpy; print(numpy.random.rand(), numpy.random.default_rng().random())")["stdout"] for _ in range(4)}) == 4
        assert "PermissionError" in ask("import socket; socket.socket()")["stderr"]
        # The others may import them too, only later, and are not the larger for it.
        assert s.out("import sys; print('numpy' in sys.modules); import numpy") == "False\n"
    finally:
        s.stop()


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
