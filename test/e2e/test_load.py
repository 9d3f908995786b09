# SPDX-License-Identifier: Apache-2.0
"""What many, slow or large clients may cost: memory that does not grow, and texts that wait for no disk."""
import json
import os
import select
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
import requests
from patience import PATIENCE, quick
from tatara import ROOT, Apps, Server, free_port


@pytest.fixture(scope="module")
def fresh():
    """With the model server of the benchmarks: it can hold hundreds of answers open."""
    port = free_port()
    model = subprocess.Popen([sys.executable, os.path.join(ROOT, "bench/model_server.py"), str(port)])
    s = Server({"ENABLE_REQUEST_LOGGING": "false", "LOG_LEVEL": "WARNING"}).start().setup()
    s.run("model", "add", "--type", "llm", "--provider", "openai_api_compatible", "--name", "mock", "--base-url",
          "http://127.0.0.1:%d/v1" % port, "--key-stdin", "--default", stdin="k\n")
    s.model = "http://127.0.0.1:%d" % port
    yield s
    s.remove()
    model.terminate()


@pytest.fixture(scope="module")
def chat(fresh):
    key = Apps(fresh).key("chat_plain")
    body = {"query": "hello", "inputs": {}, "user": "load", "response_mode": "streaming", "auto_generate_name": False}
    post = requests.post(fresh.url + "/v1/chat-messages", json=body, headers={"Authorization": "Bearer " + key}, timeout=PATIENCE)
    assert b"message_end" in post.content, post.content
    return key, body


def test_first_text_waits_for_no_disk(fresh, chat):
    """While the database cannot be written, the text of a chat is shown all the same; its end waits."""
    key, body = chat
    lock = sqlite3.connect(os.path.join(fresh.data, "tatara.db"), isolation_level=None, timeout=PATIENCE)
    lock.execute("BEGIN IMMEDIATE")
    seen = []
    with requests.post(fresh.url + "/v1/chat-messages", json=body, headers={"Authorization": "Bearer " + key}, stream=True,
                       timeout=PATIENCE) as r:
        for line in r.iter_lines():
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line[6:])
            seen.append(event["event"])
            if event["event"] == "message" and lock:
                time.sleep(0.3)  # nothing may follow that says "done"
                lock.execute("ROLLBACK")
                lock.close()
                lock = None
            if event["event"] == "message_end":
                message_id = event["message_id"]
    assert lock is None and seen[0] == "message" and seen[-1] == "message_end", seen
    stored = requests.get(fresh.url + "/v1/messages", headers={"Authorization": "Bearer " + key}, timeout=PATIENCE,
                          params={"user": "load", "conversation_id": event["conversation_id"]}).json()
    assert [m["id"] for m in stored["data"]] == [message_id]


# --- memory ---

def role_memory(server, *roles):
    """Bytes that belong to these processes alone."""
    known, total = server.roles(), 0
    for role in roles:
        with open("/proc/%d/smaps_rollup" % known[role]["pid"], encoding="ascii") as f:
            total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith(("Private_Dirty:", "Private_Clean:")))
    return total


class Streams:
    """Raw connections on which a slow answer has begun."""

    def __init__(self, server, key):
        self.server, self.key, self.open = server, key, []

    def add(self, n, query):
        body = json.dumps({"query": query, "inputs": {}, "user": "load", "response_mode": "streaming", "auto_generate_name": False})
        request = ("POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\n\r\n%s" % (self.key, len(body), body)).encode()
        fresh = []
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE)
            s.sendall(request)
            fresh.append((s, bytearray()))
        for s, seen in fresh:
            while b"word0" not in seen:
                piece = s.recv(4096)
                assert piece, bytes(seen)
                seen += piece
        self.open += fresh

    def finish(self):
        """How many ended as they should."""
        ended = 0
        for s, seen in self.open:
            while b"message_end" not in seen:
                piece = s.recv(4096)
                if not piece:
                    break
                seen += piece
            ended += b"message_end" in seen
            s.close()
        return ended


def test_memory_of_a_slow_stream(fresh, chat):
    """An open stream may cost 48 KB in api; 64 here, for the pages that few streams share badly."""
    streams = Streams(fresh, chat[0])
    streams.add(100, "tokens=2 until=told")  # what the first ones make, all share
    before = [role_memory(fresh, role) for role in ("api", "gateway")]
    streams.add(300, "tokens=2 until=told")
    for _ in range(PATIENCE):  # stacks below waiting fibers are given back after a second
        time.sleep(1)
        each = [(role_memory(fresh, role) - b) / 300 / 1024 for role, b in zip(("api", "gateway"), before)]
        if each[0] < 64 and each[1] < 32:
            break
    requests.get(fresh.model + "/tell")
    assert streams.finish() == 400
    assert each[0] < 64 and each[1] < 32, "KB a stream in api and gateway: %s" % each


def test_a_gigabyte_is_refused(fresh, chat):
    """An upload that says it has 1 GB, and one that does not say and never ends: refused early, memory flat."""
    before = role_memory(fresh, "api", "gateway")
    for framing in ("Content-Length: %d\r\n" % (1 << 30), "Transfer-Encoding: chunked\r\n"):
        s = socket.create_connection(("127.0.0.1", fresh.port), timeout=PATIENCE)
        s.sendall(("POST /v1/files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: multipart/form-data; boundary=B\r\n%s\r\n" % (chat[0], framing)).encode())
        head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
        piece, sent, answer = b"x" * (1 << 20), 0, b""
        chunked = "chunked" in framing
        try:
            s.sendall(b"%x\r\n%s\r\n" % (len(head), head) if chunked else head)
            while sent < 1 << 30 and not select.select([s], [], [], 0)[0]:
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                sent += len(piece)
        except (ConnectionError, BrokenPipeError):
            pass
        try:
            answer = s.recv(65536)
        except ConnectionError:
            pass
        s.close()
        assert sent < 300 << 20, "%d MB were taken" % (sent >> 20)
        assert answer.startswith(b"HTTP/1.1 413"), answer[:300]
    assert role_memory(fresh, "api", "gateway") - before < 64 << 20


def test_a_client_that_reads_slowly(fresh, chat):
    """It gets a byte now and then; the others are served meanwhile, and what it does not take stays small."""
    slow = [socket.create_connection(("127.0.0.1", fresh.port), timeout=PATIENCE) for _ in range(20)]
    before = role_memory(fresh, "api", "gateway")
    for s in slow:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /console/api/spec/schema-definitions HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    for _ in range(10):
        for s in slow:
            s.recv(1)
        quick(lambda: requests.get(fresh.url + "/v1/info", headers={"Authorization": "Bearer " + chat[0]},
                                   timeout=PATIENCE).raise_for_status(), 2)
        time.sleep(0.05)
    assert role_memory(fresh, "api", "gateway") - before < 16 << 20
    for s in slow:
        s.close()
