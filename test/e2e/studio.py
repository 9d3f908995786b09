# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a server of chat, speech and transcription models, with the real wire protocol of
OpenAI: streamed chat completions, MP3 files in pieces, recordings as multipart forms."""
import email.parser
import email.policy
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def mp3(text):
    """A real MP3: a title that names the text, then three silent frames (MPEG-1 layer III, 128 kbit/s)."""
    title = b"\x03" + text.encode()
    frame = b"TIT2" + struct.pack(">I", len(title)) + b"\x00\x00" + title
    n = len(frame)
    size = bytes((n >> s) & 0x7F for s in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + size + frame + (b"\xff\xfb\x90\x64" + b"\x00" * 413) * 3


class Studio:
    """reply(request) -> texts of the answer; speak(text) is asked before each piece of speech: an
    exception number (500) refuses it. What came is kept."""

    def __init__(self, reply, speak=lambda text: None):
        self.reply, self.speak = reply, speak
        self.spoken, self.recordings = [], []
        studio = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *a):
                pass

            def send(self, status, kind, body):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def refuse(self, status):
                self.send(status, "application/json", json.dumps({"error": {"message": "out of breath"}}).encode())

            def chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Authorization"] == "Bearer sk-studio"
                try:
                    {"/v1/audio/speech": self.speech, "/v1/audio/transcriptions": self.transcription,
                     "/v1/chat/completions": self.chat}[self.path](body)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def speech(self, body):
                q = json.loads(body)
                assert q["response_format"] == "mp3" and self.headers["Content-Type"] == "application/json"
                studio.spoken.append(q)
                refused = studio.speak(q["input"])
                if refused:
                    return self.refuse(refused)
                sound = mp3(q["input"])
                self.send_response(200)
                self.send_header("Content-Type", "audio/mpeg")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for i in range(0, len(sound), 500):
                    self.chunk(sound[i:i + 500])
                self.chunk(b"")

            def transcription(self, body):
                head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
                form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
                parts = {p.get_param("name", header="content-disposition"): p for p in form.iter_parts()}
                file = parts.pop("file")
                studio.recordings.append({
                    "fields": {k: p.get_payload(decode=True).decode().strip() for k, p in parts.items()},
                    "name": file.get_filename(), "type": file.get_content_type(),
                    "bytes": file.get_payload(decode=True)})
                self.send(200, "application/json", json.dumps({"text": "what was said"}).encode())

            def chat(self, body):
                q = json.loads(body)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for text in studio.reply(q):
                    self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
                self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
                self.chunk(b"data: [DONE]\n\n")
                self.chunk(b"")

            def event(self, o):
                self.chunk(b"data: " + json.dumps(o).encode() + b"\n\n")

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d/v1" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def add_to(self, server, kind, name, *more):
        server.run("model", "add", "--type", kind, "--name", name, "--base-url", self.url, "--key-stdin", "--default",
                   *more, stdin="sk-studio\n")

    def close(self):
        self.http.shutdown()
