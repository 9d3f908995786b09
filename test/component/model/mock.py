# SPDX-License-Identifier: Apache-2.0
"""The recorded model server on a free port, and beside it one that behaves oddly.

    mock.py PATH_OF_mock_model.py

Prints two ports in one line. GET /seen on either tells what came in last and how many streams were
left early. The odd server chooses by the first part of the path.
"""
import importlib.util
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

spec = importlib.util.spec_from_file_location("mock_model", sys.argv[1])
mock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mock)

seen = {"broken": 0, "requests": 0, "last": {}, "key": "", "counts": {}}
arrived = threading.Semaphore(0)


class Watched:
    """Counts a client that left before the end."""

    def __init__(self, raw):
        self.raw, self.left = raw, False

    def write(self, data):
        try:
            return self.raw.write(data)
        except (BrokenPipeError, ConnectionResetError):
            if not self.left:
                seen["broken"] += 1
            self.left = True
            raise

    def __getattr__(self, name):
        return getattr(self.raw, name)


class Recorded(mock.M):
    def setup(self):
        super().setup()
        self.wfile = Watched(self.wfile)

    def do_GET(self):
        if self.path == "/seen":
            return self.j(seen)
        return super().do_GET()

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(n)
        seen["requests"] += 1
        seen["last"] = json.loads(body)
        seen["key"] = self.headers.get("Authorization") or ""

        class Again:
            def read(self, _n):
                return body

        real, self.rfile = self.rfile, Again()
        try:
            super().do_POST()
        finally:
            self.rfile = real


def chunk(delta, **more):
    return {"choices": [{"index": 0, "delta": delta, **more}]}


class Odd(mock.M):
    def do_GET(self):
        if self.path == "/next":
            arrived.release()
        self.j({"object": "list", "data": [{"id": "alpha"}, {"id": "beta"}]})

    def events(self, *list_):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for e in list_:
            text = e if isinstance(e, str) else json.dumps(e)
            self.wfile.write(("data: " + text + "\n\n").encode())
            self.wfile.flush()

    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        kind = self.path.split("/")[1]
        n = seen["counts"][kind] = seen["counts"].get(kind, 0) + 1
        stop = chunk({}, finish_reason="stop")
        if kind == "think":
            return self.events(chunk({"reasoning_content": "hm"}), chunk({"content": "yes"}), stop, "[DONE]")
        if kind == "strict":
            if "stream_options" in q:
                return self.j({"error": {"message": "unknown field stream_options"}}, 400)
            return self.events(chunk({"content": "no usage here"}), stop, "[DONE]")
        if kind == "whole":
            return self.j({"choices": [{"message": {"content": "all at once"}, "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}})
        if kind == "late":
            return self.events(chunk({"content": "half"}), {"error": {"message": "overloaded"}})
        if kind == "busy":
            if n < 3:
                return self.j({"error": {"message": "slow down"}}, 429)
            return self.events(chunk({"content": "third time"}), stop)
        if kind == "html":
            b = b"<html>gateway</html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(b)))
            self.end_headers()
            return self.wfile.write(b)
        if kind == "denied":
            return self.j({"error": {"message": "bad key"}}, 401)
        if kind == "absent":
            return self.j({"detail": "model not found"}, 404)
        if kind == "plain":
            return self.events({"choices": [{"text": "Once " + q["prompt"]}]},
                               {"choices": [{"text": ".", "finish_reason": "stop"}]}, "[DONE]")
        if kind == "stepwise":  # a piece goes out when the one before it has arrived, as GET /next tells
            self.events()
            for i in range(20):
                self.wfile.write(("data: %s\n\n" % json.dumps(chunk({"content": "%d " % i}))).encode())
                self.wfile.flush()
                if not arrived.acquire(timeout=60):
                    return None
            return self.wfile.write(b"data: [DONE]\n\n")
        self.j({"error": {"message": "no such oddity"}}, 404)


servers = [ThreadingHTTPServer(("127.0.0.1", 0), h) for h in (Recorded, Odd)]
for s in servers:
    s.daemon_threads = True
    threading.Thread(target=s.serve_forever, daemon=True).start()
print(*(s.server_address[1] for s in servers), flush=True)
sys.stdin.read()  # until the test goes away
