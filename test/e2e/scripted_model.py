# SPDX-License-Identifier: Apache-2.0
"""A model server of the tests' own: a function of the request decides what is answered."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from patience import PATIENCE


class ScriptedModel:
    """reply(request) -> a list of deltas (dictionaries, numbers of seconds to wait, or events of
    threading to wait for). Keeps all requests."""

    def __init__(self, reply):
        self.requests, self.reply = [], reply
        model = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *a):
                pass

            def do_POST(self):
                q = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.requests.append(q)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    for delta in model.reply(q):
                        if isinstance(delta, (int, float)):
                            time.sleep(delta)
                        elif isinstance(delta, threading.Event):
                            if not delta.wait(PATIENCE):
                                return
                        else:
                            self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                    self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                                "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
                    self.wfile.write(b"data: [DONE]\n\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def event(self, o):
                self.wfile.write(b"data: " + json.dumps(o).encode() + b"\n\n")
                self.wfile.flush()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d/v1" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def add_to(self, server, name, tools=True):
        server.add_model("llm", name, self.url, settings={"tools": True} if tools else {})

    def close(self):
        self.http.shutdown()
