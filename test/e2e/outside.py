# SPDX-License-Identifier: Apache-2.0
"""A small internet for the proxy: two network namespaces with a cable between them, a name server that
answers as badly as it is told to, and origins on public-looking addresses that count what they get.

Namespaces belong to threads, so `with net.inside():` moves the test itself there and back; sockets
and processes made within stay there. Needs root.
"""
import contextlib
import ctypes
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

from patience import PATIENCE, until
from tatara import BINARY, free_port

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
INSIDE, OUTSIDE = "172.30.0.1", "172.30.0.2"
SITE, SITE2, SITE6 = "93.184.216.34", "93.184.216.35", "2606:2800:220:1::34"
SELF = "93.184.216.99"  # public, but an address of the machine that the proxy runs on
PRIVATE = "10.9.9.9"    # answers, so that a request that gets there is seen
METADATA = "169.254.169.254"
FILTERED = "93.184.216.77"  # drops packets


def sh(*words):
    subprocess.run(words, check=True, capture_output=True)


class Namespace:
    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        for _ in range(100 * PATIENCE):
            if self.process.poll() is not None:
                raise RuntimeError("unshare -n is refused: these tests need network namespaces")
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%d/ns/net" % self.process.pid) != own:
                    break
            time.sleep(0.01)
        self.fd = os.open("/proc/%d/ns/net" % self.process.pid, os.O_RDONLY)

    @contextlib.contextmanager
    def enter(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if LIBC.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            LIBC.setns(home, CLONE_NEWNET)
            os.close(home)

    def close(self):
        os.close(self.fd)
        self.process.kill()
        self.process.wait()


class Internet:
    def __init__(self):
        self.a, self.b = Namespace(), Namespace()
        with self.a.enter():
            sh("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
            sh("ip", "link", "set", "vb", "netns", str(self.b.process.pid))
            for words in ("link set lo up", "link set va up", "addr add %s/24 dev va" % INSIDE,
                          "addr add %s/32 dev lo" % SELF, "addr add fd77::1/64 dev va nodad",
                          "route add default via %s" % OUTSIDE, "-6 route add default via fd77::2"):
                sh("ip", *words.split())
        with self.b.enter():
            for words in ["link set lo up", "link set vb up", "addr add %s/24 dev vb" % OUTSIDE,
                          "addr add fd77::2/64 dev vb nodad", "addr add %s/128 dev lo nodad" % SITE6,
                          "route add blackhole %s/32" % FILTERED] + \
                         ["addr add %s/32 dev lo" % a for a in (SITE, SITE2, PRIVATE, METADATA)]:
                sh("ip", *words.split())

    def inside(self):
        return self.a.enter()

    def outside(self):
        return self.b.enter()

    def close(self):
        self.a.close()
        self.b.close()


# --- names ---

def wire_name(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"


class Names(threading.Thread):
    """zone: name -> list of records ("93.184.216.34", "2606::1", "@alias"), or a list of such lists:
    one for each time that its A is asked for, the last one for ever; "-" keeps silent."""

    def __init__(self, net, port=5353):
        super().__init__(daemon=True)
        self.zone, self.asked, self.lock, self.ttl, self.closed = {}, [], threading.Lock(), 0, False
        with net.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.start()

    def close(self):
        self.closed = True
        self.join()
        self.socket.close()

    def count(self, name, kind=1):
        return sum(1 for n, k in self.asked if n == name and k == kind)

    def answer(self, q):
        name, at = [], 12
        while q[at]:
            name.append(q[at + 1:at + 1 + q[at]].decode())
            at += 1 + q[at]
        name = ".".join(name)
        kind, = struct.unpack(">H", q[at + 1:at + 3])
        question = q[12:at + 5]
        with self.lock:
            self.asked.append((name, kind))
            turn = self.count(name) - 1
        records = self.zone.get(name)
        if records is None:
            return q[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + question
        if isinstance(records[0], list):
            records = records[max(0, min(turn, len(records) - 1))]
        if records == ["-"]:
            return None
        body, n = b"", 0
        for r in records:
            if r.startswith("@"):
                owner, _, to = r[1:].partition(">")
                data, t = wire_name(to or owner), 5
                owner = wire_name(owner) if to else b"\xc0\x0c"
            elif ":" in r:
                data, t, owner = socket.inet_pton(socket.AF_INET6, r), 28, b"\xc0\x0c"
            else:
                data, t, owner = socket.inet_aton(r), 1, b"\xc0\x0c"
            if t in (5, kind):
                body += owner + struct.pack(">HHIH", t, 1, self.ttl, len(data)) + data
                n += 1
        return q[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, n, 0, 0) + question + body

    def run(self):
        while not self.closed:
            try:
                q, peer = self.socket.recvfrom(4096)
            except socket.timeout:
                continue
            a = self.answer(q)
            if a:
                self.socket.sendto(a, peer)


# --- origins ---

def read_request(s, heard):
    """(head, body, whether it is whole) of one request, or None at the end. All bytes go into heard as well."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        heard.extend(piece)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    m = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if m:
        while len(body) < int(m.group(1)):
            piece = s.recv(65536)
            if not piece:
                return head, body, False
            body += piece
    elif re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        while not body.endswith(b"0\r\n\r\n"):
            piece = s.recv(65536)
            if not piece:
                return head, body, False
            body += piece
    return head, body, True


class Origin:
    """answers: path -> bytes, or a function of (socket, head, body); others get 200 with the address.
    tls: an SSLContext. seen: requests that came whole; cut: those that ended too soon, whenever that was."""

    def __init__(self, net, address, port=80, answers=None, tls=None):
        self.seen, self.cut, self.heard, self.connections = [], [], bytearray(), 0
        self.answers, self.address = answers or {}, address
        self.tls = tls
        with net.outside():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self.listener = socket.create_server((address, port), family=family, backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            self.connections += 1
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError):
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
        with s, contextlib.suppress(OSError):
            while True:
                got = read_request(s, self.heard)
                if got is None:
                    return
                *got, whole = got
                if not whole:
                    self.cut.append(got)
                    return
                self.seen.append(got)
                path = got[0].split(b" ")[1].decode("latin1").split("?")[0]
                answer = self.answers.get(path)
                if callable(answer):
                    if answer(s, *got) is False:
                        return
                    continue
                body = b"hello from " + self.address.encode()
                if got[0].startswith(b"HEAD "):
                    body = b""
                s.sendall(answer or b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                if re.search(rb"(?i)\r\nconnection: close", got[0]):
                    return

    def text(self):
        return b"\n".join(h + b"\r\n\r\n" + b for h, b in self.seen + self.cut)


class Steps:
    """An answer of PIECES pieces, of which each is sent when the one before it has arrived: the client says so with
    arrived(), or by asking for the answer `tell`. Who holds a piece back until the next one comes waits for ever."""

    PIECES = 5

    def __init__(self, piece=lambda i: b"data: %d\n\n" % i, end=b""):
        self.gate, self.piece, self.end = threading.Semaphore(0), piece, end

    def arrived(self):
        self.gate.release()

    def __call__(self, s, head, body):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(self.PIECES):
            piece = self.piece(i)
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            if not self.gate.acquire(timeout=PATIENCE):
                return False
        s.sendall((b"%x\r\n%s\r\n" % (len(self.end), self.end) if self.end else b"") + b"0\r\n\r\n")

    def tell(self, s, head, body):
        self.arrived()
        s.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def certificate(folder, name):
    """A CA of its own and a context of a server with this name; (path of the CA, context)."""
    script = ("set -e; cd $0; openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca "
              "-addext basicConstraints=critical,CA:TRUE; openssl req -newkey rsa:2048 -nodes -keyout s.key -out s.csr "
              "-subj /CN=$1; printf subjectAltName=DNS:$1 > ext; openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key "
              "-CAcreateserial -days 2 -out s.pem -extfile ext")
    sh("sh", "-c", script, folder, name)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(folder + "/s.pem", folder + "/s.key")
    return folder + "/ca.pem", ctx


# --- the proxy ---

class Proxy:
    def __init__(self, net, env=None, wait=PATIENCE):
        self.net, self.log = net, tempfile.NamedTemporaryFile(prefix="tatara-proxy-", suffix=".log")
        base = {"PATH": os.environ["PATH"], "SSRF_PROXY_DNS": "127.0.0.1:5353", "HOME": "/nonexistent",
                "SSRF_HTTP_PORT": str(self.free_port()), "TATARA_LOG_FORMAT": "json"}
        admin = self.free_port()
        self.env = dict(base, SSRF_PROXY_ADMIN="127.0.0.1:%d" % admin, **(env or {}))
        self.port, self.admin = int(self.env.get("HTTP_PORT", self.env["SSRF_HTTP_PORT"])), admin
        with net.inside():
            self.process = subprocess.Popen([BINARY, "ssrf-proxy"], env=self.env, stderr=self.log, cwd="/tmp")
        end = time.time() + wait
        while time.time() < end:
            with contextlib.suppress(OSError):
                self.connect().close()
                self.connect(port=self.admin).close()
                return
            if self.process.poll() is not None:
                raise RuntimeError(self.read_log())
            time.sleep(0.01)
        raise RuntimeError("the proxy does not listen: " + self.read_log())

    def free_port(self):
        with self.net.inside():
            return free_port()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def connect(self, timeout=PATIENCE, port=None, source=None):
        with self.net.inside():
            s = socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout,
                                         source_address=source)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return s

    def raw(self, data, timeout=PATIENCE):
        """Sends bytes, reads to the end (clients that want an answer sooner say Connection: close)."""
        with self.connect(timeout) as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
            out = b""
            try:
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        return out
                    out += piece
            except socket.timeout:
                return out + b"<open>"
            except OSError:
                return out

    def ask(self, target, method="GET", headers="", host=None):
        """One answer of one request, as (status, head, body)."""
        if host is None:
            host = re.sub(r"^[a-z]+://|/.*$", "", target) or "x"
        return split(self.raw(("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n" % (
            method, target, host, headers)).encode("latin1")))

    def metrics(self):
        with self.connect(port=self.admin) as s:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while piece := s.recv(65536):
                data += piece
        return {m[0].decode(): float(m[1]) for m in re.findall(rb"(?m)^([a-z_]\S*) (\S+)$", data)}

    def read_log(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def connections(self, n):
        """Waits until so many clients are connected."""
        until(lambda: self.metrics()["tatara_egress_connections"] == n, "%d connections" % n)

    def logged(self, text):
        """Waits until the text stands in the log."""
        until(lambda: text in self.read_log(), "%s in the log" % text)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the proxy did not end")
        return self.process.returncode


def split(data):
    if not data:
        return 0, "", b""
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.decode("latin1"), body


def mark(head):
    """The code of an answer that the proxy made, None for others."""
    m = re.search(r"(?im)^x-proxy-error: (\S+)", head)
    return m.group(1) if m else None
