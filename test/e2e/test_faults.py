# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in real life: roles killed under load, half-written requests, a full disk, a jump of
the clock. Nothing may be lost, errors must be clear, and nobody has to repair anything."""
import json
import os
import random
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest
import requests
from patience import PATIENCE, quick, until
from tatara import BINARY, ROOT, Apps, Server, events


@pytest.fixture()
def fresh(mock_model):
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "TATARA_DRAIN_SECONDS": "5"}).start().setup()
    s.add_mock_model()
    yield s
    s.remove()


def echo(server, key, i, timeout=PATIENCE):
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key}, timeout=timeout,
                      json={"inputs": {"city": "c%d" % i}, "user": "u", "response_mode": "blocking"})
    return r


class Load(threading.Thread):
    """Runs workflows until told to stop; remembers the ids that were answered as succeeded."""

    def __init__(self, server, key):
        super().__init__(daemon=True)
        self.server, self.key, self.stopped = server, key, False
        self.done, self.failed = [], 0

    def run(self):
        i = 0
        while not self.stopped:
            i += 1
            try:
                r = echo(self.server, self.key, i)
                body = r.json()
                if r.status_code == 200 and body["data"]["status"] == "succeeded":
                    self.done.append(body["workflow_run_id"])
                else:
                    self.failed += 1
            except (requests.RequestException, ValueError, KeyError):
                self.failed += 1


@pytest.mark.parametrize("role", ["api", "worker", "web", "model", "gateway"])
def test_role_killed_under_load(fresh, role):
    """After kill -9 the role is back by itself, and every run that was answered is still there."""
    key = Apps(fresh).key("wf_echo")
    load = [Load(fresh, key) for _ in range(4)]
    for t in load:
        t.start()

    def count():
        return sum(len(t.done) for t in load)

    until(lambda: count() > 20, "runs before the kill")
    fresh.replace_role(role)
    before = count()
    until(lambda: count() > before + 20, "runs after the kill")
    for t in load:
        t.stopped = True
    for t in load:
        t.join(PATIENCE)
    assert fresh.roles()[role]["restarts"] == 1
    done = [i for t in load for i in t.done]
    for run in done[:: max(1, len(done) // 50)]:
        r = requests.get("%s/v1/workflows/run/%s" % (fresh.url, run), headers={"Authorization": "Bearer " + key})
        assert r.json()["status"] == "succeeded"


def test_stream_survives_the_death_of_its_process(fresh):
    """api dies in the middle of a streaming answer: another process goes on, the client that comes back
    gets the rest, and the answer is stored whole."""
    key = Apps(fresh).key("wf_slow")
    headers = {"Authorization": "Bearer " + key}
    r = requests.post(fresh.url + "/v1/workflows/run", headers=headers, stream=True,
                      json={"inputs": {"q": "[[slow:150:20]]"}, "user": "u", "response_mode": "streaming"})
    run, text = None, ""
    try:
        for line in r.iter_lines():
            if line.startswith(b"data: "):
                e = json.loads(line[6:])
                run = run or e.get("workflow_run_id")
                if e["event"] == "text_chunk":
                    text += e["data"]["text"]
                    if text.count("tok") == 4:
                        old = fresh.kill_role("api")
    except requests.RequestException:
        pass
    fresh.await_role("api", old)
    f = requests.get("%s/v1/workflow/%s/events" % (fresh.url, run), params={"user": "u"}, headers=headers, timeout=PATIENCE)
    stream = events(f)
    assert stream[-1]["event"] == "workflow_finished", stream[-1]
    assert stream[-1]["data"]["status"] == "succeeded"
    want = " ".join("tok%d" % i for i in range(20))
    assert want in json.dumps(stream[-1]["data"]["outputs"])
    again = requests.get("%s/v1/workflows/run/%s" % (fresh.url, run), headers=headers).json()
    assert again["status"] == "succeeded"


def test_supervisor_killed(fresh):
    """kill -9 of the supervisor takes its roles along, and the next start finds everything."""
    key = Apps(fresh).key("wf_echo")
    run = echo(fresh, key, 1).json()["workflow_run_id"]
    pids = [r["pid"] for r in fresh.roles().values()]
    fresh.process.kill()
    fresh.process.wait()
    until(lambda: not any(os.path.exists("/proc/%d" % p) for p in pids), "the end of all roles")
    fresh.start()
    r = requests.get("%s/v1/workflows/run/%s" % (fresh.url, run), headers={"Authorization": "Bearer " + key})
    assert r.json()["status"] == "succeeded"


def test_second_server_is_refused(fresh):
    r = subprocess.run([BINARY, "serve", "--data", fresh.data, "--listen", "127.0.0.1:0"], capture_output=True,
                       text=True, timeout=PATIENCE)
    assert r.returncode != 0
    assert "in use by another server" in r.stderr and str(fresh.process.pid) in r.stderr


def test_drain_finishes_what_runs(fresh):
    """SIGTERM: the answer that streams is finished before the end, and the exit code is 0."""
    key = Apps(fresh).key("wf_slow")
    r = requests.post(fresh.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + key}, stream=True,
                      json={"inputs": {"q": "[[slow:100:10]]"}, "user": "u", "response_mode": "streaming"})
    lines = r.iter_lines()
    next(lines)
    fresh.process.send_signal(signal.SIGTERM)
    rest = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
    assert rest[-1]["event"] == "workflow_finished" and rest[-1]["data"]["status"] == "succeeded"
    assert fresh.process.wait(PATIENCE) == 0


GARBAGE = [
    b"\x00\x01\x02\x03\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("index", range(len(GARBAGE)))
def test_garbage(server, index):
    """A 4xx or 5xx answer or a closed connection within seconds; never a crash."""
    before = {n: r["pid"] for n, r in server.roles().items()}
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as s:
        s.sendall(GARBAGE[index])
        s.shutdown(socket.SHUT_WR)
        try:
            answer = s.recv(65536)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5"), answer[:100]
    assert {n: r["pid"] for n, r in server.roles().items()} == before


def nonsense(seed):
    """Bytes at random, or a good request with a few of its bytes changed, cut or doubled."""
    r = random.Random(seed)
    if r.random() < 0.3:
        return r.randbytes(r.randint(1, 5000))
    body = b'{"inputs":{},"query":"x","user":"u","response_mode":"blocking"}'
    text = bytearray(b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d"
                     b"\r\nAuthorization: Bearer app-x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n" % len(body) + body)
    for _ in range(r.randint(1, 8)):
        at = r.randrange(len(text))
        how = r.random()
        if how < 0.6:
            text[at] = r.randrange(256)
        elif how < 0.8:
            del text[at:at + r.randint(1, 20)]
        else:
            text[at:at] = text[max(0, at - r.randint(1, 200)):at]
        if not text:
            break
    return bytes(text)


@pytest.mark.parametrize("role", ["gateway", "api", "worker", "web", "model", "serve"])
def test_random_garbage_on_every_role(server, role):
    """Three hundred broken requests to the role's own socket; it still answers, as the same process."""
    before = {n: r["pid"] for n, r in server.roles().items()}
    for seed in range(300):
        if role == "gateway":
            s = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        else:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect("%s/run/%s.sock" % (server.data, role))
        with s:
            try:
                s.sendall(nonsense(seed))
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
            except OSError as e:
                if e.errno != 107:  # ENOTCONN: it has closed already
                    raise
    assert {n: r["pid"] for n, r in server.roles().items()} == before
    server.wait_ready(5)


def test_file_over_the_limit(server, apps):
    """16 MB where 15 are allowed, 100 MB where the whole request may have less: 413, in the recorded form."""
    headers = {"Authorization": "Bearer " + apps.key("cf_file")}
    for megabytes in (16, 101):
        with tempfile.TemporaryFile() as f:
            f.truncate(megabytes << 20)
            try:
                r = requests.post(server.url + "/v1/files/upload", headers=headers, data={"user": "u"},
                                  files={"file": ("a.txt", f, "text/plain")}, timeout=PATIENCE)
            except requests.ConnectionError:
                assert megabytes > 100  # the server may close while the client still sends
                continue
        assert r.status_code == 413, r.text
        if megabytes == 16:
            assert r.json()["code"] == "file_too_large"
    assert echo(server, apps.key("wf_echo"), 1).status_code == 200


class Postgres:
    """A server of its own by tools/pg-run, which lives as long as a command that only waits."""

    def __init__(self):
        script = 'echo "$TATARA_TEST_PG"; echo "$TATARA_TEST_PG_CTL"; exec sleep 3600'
        self.process = subprocess.Popen([ROOT + "/tools/pg-run", "sh", "-c", script], text=True,
                                        stdout=subprocess.PIPE)
        self.where = dict(part.split("=") for part in self.process.stdout.readline().split())
        self.program = self.process.stdout.readline().strip()

    def control(self, word):
        subprocess.run([self.program, word], check=True, stdout=subprocess.DEVNULL)

    def env(self):
        return {"DB_TYPE": "postgresql", "DB_HOST": self.where["host"], "DB_PORT": self.where["port"],
                "DB_USERNAME": self.where["user"], "DB_DATABASE": self.where["dbname"], "DB_PASSWORD": "x"}

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


def test_postgres_stopped_and_started_under_load(mock_model):
    """The database server goes away for two seconds: runs under way wait for it, new ones get a clear
    error, no role ends, everything works again by itself, and every answered run is stored."""
    pg = Postgres()
    server = None
    try:
        server = Server(pg.env()).start().setup()
        key = Apps(server).key("wf_echo")
        before = {n: r["pid"] for n, r in server.roles().items()}
        load = [Load(server, key) for _ in range(4)]
        for t in load:
            t.start()
        until(lambda: sum(len(t.done) for t in load) > 20, "runs")
        pg.control("stop")
        time.sleep(2)
        during = echo(server, key, 0)
        assert during.status_code in (500, 503), during.text
        assert during.json()["message"]
        until(lambda: requests.get(server.url + "/ready", timeout=PATIENCE).status_code == 503, "not ready")
        count = sum(len(t.done) for t in load)
        pg.control("start")
        server.wait_ready()
        # Runs that were under way try again in growing steps.
        until(lambda: sum(len(t.done) for t in load) > count + 10, "runs after the start")
        for t in load:
            t.stopped = True
        for t in load:
            t.join(PATIENCE)
        assert {n: r["pid"] for n, r in server.roles().items()} == before
        done = [i for t in load for i in t.done]
        assert len(done) > count + 10
        for run in done[:: max(1, len(done) // 50)]:
            r = requests.get("%s/v1/workflows/run/%s" % (server.url, run), headers={"Authorization": "Bearer " + key})
            assert r.json()["status"] == "succeeded"
    finally:
        if server:
            server.remove()
        pg.end()


def test_slow_client_does_not_stop_others(server, apps):
    """Forty clients that send one byte a second; others are served at full speed."""
    slow = []
    for _ in range(40):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(b"POST /v1/workflows/run HTTP/1.1\r\nHost: x\r\nContent-Le")
        slow.append(s)
    assert {r.status_code for _ in range(5) for r in quick(lambda: echo(server, apps.key("wf_echo"), 1), 1)} == {200}
    for s in slow:
        s.close()


def test_large_upload_is_refused_with_its_limit(server, apps):
    """A body far over the limit: 413 with the recorded form, memory flat, the server alive."""
    headers = {"Authorization": "Bearer " + apps.key("cf_file"), "Content-Type": "multipart/form-data; boundary=x"}

    def body():
        yield b'--x\r\nContent-Disposition: form-data; name="user"\r\n\r\nu\r\n'
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
        for _ in range(200):
            yield b"a" * (1 << 20)
        yield b"\r\n--x--\r\n"

    try:
        r = requests.post(server.url + "/v1/files/upload", data=body(), headers=headers, timeout=PATIENCE)
        assert r.status_code == 413
    except requests.ConnectionError:
        pass  # the server may close while the client still sends
    pid = server.roles()["api"]["pid"]
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        peak = int(next(line for line in f if line.startswith("VmHWM")).split()[1])
    assert peak < 200 * 1024, "api used %d KiB at most" % peak
    assert echo(server, apps.key("wf_echo"), 1).status_code == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a small file system")
def test_full_disk(mock_model, tmp_path):
    """No room: a clear error, and everything works again when there is room."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(small)]).returncode:
        pytest.skip("cannot mount here")
    server = None
    try:
        server = Server(data=str(small)).start().setup()
        key = Apps(server).key("wf_echo")
        assert echo(server, key, 0).status_code == 200
        with open(small / "ballast", "wb") as f:
            try:
                while True:
                    f.write(b"x" * 65536)
            except OSError:
                pass
        statuses = {echo(server, key, i).status_code for i in range(3)}
        assert statuses <= {500, 503, 507}, statuses
        os.remove(small / "ballast")
        until(lambda: echo(server, key, 9).status_code == 200, "room again")
    finally:
        if server:
            server.stop()
        subprocess.run(["umount", "-l", str(small)])


def test_a_thousand_clients(server, apps):
    """A thousand connections at once, each with one request in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < 2000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(2000, hard) if hard >= 0 else 2000, hard))
    socks = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
    request = ("GET /v1/info HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % apps.key("chat_plain")).encode()
    for s in socks:
        s.settimeout(PATIENCE)
        s.sendall(request)
    assert sum(s.recv(4096).startswith(b"HTTP/1.1 200") for s in socks) == 1000
    for s in socks:
        s.close()
