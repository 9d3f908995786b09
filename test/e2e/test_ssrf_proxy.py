# SPDX-License-Identifier: Apache-2.0
"""The ssrf-proxy role over the wire: every row of its bypass table, with its own name server and real
listeners behind a cable. Numbers in comments are the rows of the table."""
import contextlib
import json
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest
import requests

from outside import (FILTERED, INSIDE, METADATA, PRIVATE, SELF, SITE, SITE2, SITE6, Internet, Names, Origin, Proxy,
                     Steps, mark, split)
from patience import PATIENCE, quick, until
from tatara import BINARY, Server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def two_lengths(s, head, body):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")


def endless(s, head, body):
    with contextlib.suppress(OSError):
        s.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            s.sendall(b"X-Long: " + b"a" * 60000 + b"\r\n")
    return False


def silent(s, head, body):
    """Says nothing until the other side is gone."""
    s.settimeout(2 * PATIENCE)
    with contextlib.suppress(OSError):
        s.recv(1)
    return False


def cut(s, head, body):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    return False


def until_close(s, head, body):
    s.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
    return False


def early(s, head, body):
    s.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
    return False


def once(s, head, body):
    """A kept connection that takes a second request, and dies without an answer."""
    if s.fileno() in ONCE:
        return False
    ONCE.add(s.fileno())
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return True


ONCE = set()
EVENTS = Steps()
ANSWERS = {
    "/once": once,
    "/redirect": b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n",
    "/two-lengths": two_lengths,
    "/crlf": b"HTTP/1.1 200 OK\r\nX-A: b\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
    "/cr": b"HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
    "/endless": endless,
    "/both": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "/coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "/space": b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
    "/no-http": b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    "/switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "/squid": b"HTTP/1.1 403 Forbidden\r\nVia: 1.1 squid\r\nServer: squid\r\nX-Proxy-Error: denied_name\r\nContent-Length: 4\r\n\r\nmine",
    "/events": EVENTS,
    "/silent": silent,
    "/cut": cut,
    "/until-close": until_close,
    "/continue": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/big": b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"b" * 3000000,
    "/hop": b"HTTP/1.1 200 OK\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok",
    "/early": early,
    "/ntlm": b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
}


class World:
    def __init__(self):
        self.net = Internet()
        self.names = Names(self.net)
        z = self.names.zone
        z.update({
            "site.example.com": [SITE], "two.example.com": [SITE2], "six.example.com": [SITE6],
            "both.example.com": [SITE, SITE6], "many.example.com": ["93.184.216.78", SITE],
            "loop.example.com": ["127.0.0.1"], "mixed.example.com": [SITE, PRIVATE],
            "mixed6.example.com": [SITE, "fd00::1"], "private.example.com": [PRIVATE],
            "rebind.example.com": [[SITE], [PRIVATE]], "to-localhost.example.com": ["@localhost"],
            "to-inside.example.com": ["@db.corp.internal", SITE], "localhost": ["127.0.0.1"],
            "cname-loop.example.com": ["@cname-loop.example.com"], "chain.example.com": ["@site.example.com", SITE],
            "a.loop.example.com": ["@b.loop.example.com"], "b.loop.example.com": ["@a.loop.example.com"],
            "mapped.example.com": ["::ffff:10.0.0.1"], "metadata.example.com": [METADATA],
            "metadata.google.internal": [METADATA], "paper-parser": [METADATA], "parser": [PRIVATE],
            "silent.example.com": ["-"], "self.example.com": [SELF], "filtered.example.com": [FILTERED],
            "crowd.example.com": ["93.184.1.%d" % i for i in range(1, 60)],
            "127.0.0.1.nip.example.com": ["127.0.0.1"],
        })
        self.site = Origin(self.net, SITE, answers=ANSWERS)
        self.two = Origin(self.net, SITE2, answers=ANSWERS)
        self.six = Origin(self.net, SITE6)
        self.private = Origin(self.net, PRIVATE)
        self.metadata = Origin(self.net, METADATA)
        self.others = [Origin(self.net, SITE, port) for port in (8080, 8443)]
        self.proxy = Proxy(self.net)

    def close(self):
        self.proxy.close()
        self.net.close()


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.close()


@contextlib.contextmanager
def another(world, **env):
    p = Proxy(world.net, env)
    try:
        yield p
    finally:
        assert p.close() == 0


# --- it works at all ---

def test_allowed(world):
    p = world.proxy
    for url in ("http://site.example.com/", "http://site.example.com", "http://SITE.example.com./x?y=1",
                "http://%s/" % SITE, "http://[%s]/" % SITE6, "http://six.example.com/", "http://chain.example.com/",
                "http://site.example.com:8080/", "http://both.example.com/", "http://many.example.com/"):
        code, head, body = p.ask(url)
        assert code == 200 and body.startswith(b"hello from ") and mark(head) is None, (url, head)
        assert "\r\nVia: 1.1 ssrf-proxy" in head and "squid" not in head
    assert split(p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n"
                       b"GET /t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))[0] == 200


REFUSED = [  # 1
    ("http://127.0.0.1/", 403, "denied_address"), ("http://10.0.0.1/", 403, "denied_address"),
    ("http://192.168.0.1:8080/", 403, "denied_address"), ("http://172.31.255.255/", 403, "denied_address"),
    # 2
    *[("http://%s/" % h, 400, "ambiguous_ip") for h in ("2130706433", "0x7f000001", "017700000001", "0x7f.1", "127.1",
                                                        "0", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "1.2.3.4.5",
                                                        "256.1.1.1")],
    # 3
    ("http://0127.0.0.1/", 400, "ambiguous_ip"), ("http://127.000.000.001/", 400, "ambiguous_ip"),
    # 4
    ("http://0.0.0.0/", 403, "denied_address"), ("http://[::]/", 403, "denied_address"),
    # 5
    *[("http://[%s]/" % a, 403, "denied_address") for a in ("::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1",
                                                            "::127.0.0.1")],
    # 6
    ("http://[64:ff9b::7f00:1]/", 403, "denied_address"), ("http://[64:ff9b:1::a9fe:a9fe]/", 403, "denied_metadata"),
    ("http://[2002:7f00:1::]/", 403, "denied_address"), ("http://[2001:0:808:808::80ff:fffe]/", 403, "denied_address"),
    ("http://[2606:4700::5efe:10.0.0.1]/", 403, "denied_address"), ("http://[::ffff:0:127.0.0.1]/", 403, "denied_address"),
    # 7
    ("http://[fe80::1%25eth0]/", 400, "bad_target"), ("http://[fe80::1%eth0]/", 400, "bad_target"),
    # 8
    *[("http://%s/" % a, 403, "denied_metadata") for a in ("169.254.169.254", "169.254.170.2", "100.100.100.200",
                                                           "168.63.129.16", "[fd00:ec2::254]", "metadata.google.internal")],
    ("http://metadata.example.com/", 403, "denied_metadata"),
    # 9
    *[("http://%s/" % n, 403, "denied_name") for n in ("localhost", "LOCALHOST", "localhost.", "foo.localhost", "redis",
                                                       "db_postgres", "a.internal", "x.local", "a.test")],
    # 10
    ("http://127.0.0.1./", 400, "ambiguous_ip"), ("http://example.com../", 400, "bad_target"),
    ("http://.example.com/", 400, "bad_target"),
    # 11
    ("http://example.com@127.0.0.1/", 400, "bad_target"), ("http://127.0.0.1@example.com/", 400, "bad_target"),
    ("http://a:b@c/", 400, "bad_target"),
    # 12
    ("http://127.0.0.1\\@example.com/", 400, "bad_target"), ("http://example.com%00.127.0.0.1/", 400, "bad_target"),
    ("http://%31%32%37.0.0.1/", 400, "bad_target"),
    # 14
    ("http://[example.com]/", 400, "bad_target"), ("http://[127.0.0.1]/", 400, "bad_target"),
    # 15
    ("http://127.0.0.1.nip.example.com/", 403, "denied_address"), ("http://private.example.com/", 403, "denied_address"),
    # 16
    ("http://mixed.example.com/", 403, "denied_address"), ("http://mixed6.example.com/", 403, "denied_address"),
    # 18
    ("http://to-localhost.example.com/", 403, "denied_name"), ("http://to-inside.example.com/", 403, "denied_name"),
    ("http://cname-loop.example.com/", 502, "dns_failed"), ("http://a.loop.example.com/", 502, "dns_failed"),
    # 19
    ("http://mapped.example.com/", 403, "denied_address"),
    # 31
    ("http://self.example.com/", 403, "denied_address"), ("http://%s/" % SELF, 403, "denied_address"),
    ("http://%s/" % INSIDE, 403, "denied_address"),
    # 32
    *[(u, 400, "bad_target") for u in ("ftp://site.example.com/", "gopher://site.example.com/", "file:///etc/passwd",
                                       "https://site.example.com/", "cache_object://site.example.com/", "/", "/metrics",
                                       "/health")],
    # more
    ("http://site.example.com:6379/", 403, "denied_port"), ("http://site.example.com:22/", 403, "denied_port"),
    ("http://nothing.example.com/", 502, "dns_failed"), ("http://crowd.example.com/", 502, "dns_failed"),
]


@pytest.mark.parametrize("url,status,code", REFUSED, ids=[r[0] for r in REFUSED])
def test_refused(world, url, status, code):
    inside = world.private.connections + world.metadata.connections
    got, head, body = world.proxy.ask(url, host="x")
    assert (got, mark(head)) == (status, code), (head, body)
    assert "\r\nVia: 1.1 ssrf-proxy (squid)" in head and "\r\nCache-Control: no-store" in head
    answer = json.loads(body)["error"]
    assert answer["code"] == code and answer["message"]
    for a in re.findall(r"\d+\.\d+\.\d+\.\d+", body.decode()):
        assert a in url or "[" in url, "the answer tells an address: %s" % body
    assert world.private.connections + world.metadata.connections == inside


def raw_target(p, target, method="GET", more=b""):
    return split(p.raw(method.encode() + b" " + target + b" HTTP/1.1\r\nHost: x\r\n" + more + b"Connection: close\r\n\r\n"))


def test_fragments_and_other_scripts(world):  # 12, 13
    p = world.proxy
    for target in (b"http://example.com#@127.0.0.1/", b"http://site.example.com/#x",
                   "http://１２７.0.0.1/".encode(), "http://ⓔxample.com/".encode(), "http://127。0.0.1/".encode(),
                   "http://bücher.example.com/".encode(), b"http://site\xff.example.com/", b"http://site.example.com\t/"):
        code, head, _ = raw_target(p, target)
        assert code == 400 and mark(head) in ("bad_target", "bad_request"), (target, head)


def test_rebinding(world):  # 17
    n, p = world.names, world.proxy
    before, dialled = n.count("rebind.example.com"), world.private.connections
    assert p.ask("http://rebind.example.com/")[0] == 200
    assert n.count("rebind.example.com") == before + 1 and n.count("rebind.example.com", 28) == 1
    code, head, _ = p.ask("http://rebind.example.com/")
    assert (code, mark(head)) == (403, "denied_address")
    # On one connection too: each request is judged by itself.
    n.zone["again.example.com"] = [[SITE], [PRIVATE]]
    data = p.raw(b"GET http://again.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n"
                 b"GET http://again.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"403"]
    assert world.private.connections == dialled


def test_cache_holds_what_was_checked(world):
    n = world.names
    n.zone["cached.example.com"] = [[SITE], [PRIVATE]]
    n.ttl = 30
    try:
        for _ in range(3):
            assert world.proxy.ask("http://cached.example.com/")[0] == 200
        assert n.count("cached.example.com") == 1
    finally:
        n.ttl = 0


def test_redirects_come_back(world):  # 20
    code, head, _ = world.proxy.ask("http://site.example.com/redirect")
    assert code == 302 and "Location: http://169.254.169.254/latest/meta-data/" in head and mark(head) is None
    assert mark(world.proxy.ask("http://169.254.169.254/latest/meta-data/")[1]) == "denied_metadata"


CONNECTS = [  # 21, 22, 23
    ("127.0.0.1:443", 403, "denied_address"), ("[::1]:443", 403, "denied_address"), ("localhost:443", 403, "denied_name"),
    ("private.example.com:443", 403, "denied_address"), ("metadata.example.com:443", 403, "denied_metadata"),
    *[("site.example.com:%d" % p, 403, "denied_port") for p in (22, 25, 6379, 3306, 80)],
    *[(t, 400, "bad_target") for t in ("site.example.com", "site.example.com:0", "site.example.com:65536",
                                       "site.example.com:+443", "site.example.com:0443", "http://x/", "u@site.example.com:443")],
    ("127.1:443", 400, "ambiguous_ip"),
]


@pytest.mark.parametrize("target,status,code", CONNECTS, ids=[c[0] for c in CONNECTS])
def test_connect_refused(world, target, status, code):
    got, head, _ = raw_target(world.proxy, target.encode(), "CONNECT")
    assert (got, mark(head)) == (status, code)


def test_host_field(world):  # 24, 25, 26
    p, s = world.proxy, world.site
    s.seen.clear()
    mismatches = p.metrics()["tatara_egress_host_mismatch_total"]
    assert p.ask("http://site.example.com/h", host="169.254.169.254")[0] == 200
    assert b"\r\nHost: site.example.com\r\n" in s.text() and b"169.254" not in s.text()
    assert p.metrics()["tatara_egress_host_mismatch_total"] == mismatches + 1
    assert mark(p.ask("http://10.0.0.1/", host="site.example.com")[1]) == "denied_address"
    assert raw_target(p, b"http://site.example.com/", more=b"Host: site.example.com\r\n")[0] == 400
    assert p.ask("http://site.example.com/", host="site.example.com/x")[0] == 400
    assert split(p.raw(b"GET http://site.example.com/ HTTP/1.1\r\n\r\n"))[0] == 400
    assert split(p.raw(b"GET http://site.example.com/ HTTP/1.0\r\n\r\n"))[0] == 200


SMUGGLED = b"GET http://site.example.com/SMUGGLED HTTP/1.1\r\nHost: site.example.com\r\n\r\n"
FRAMINGS = {  # 27
    "both": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "same length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "length list": b"Content-Length: 0, 0\r\n\r\n",
    "xchunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "gzip": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "plus": b"Content-Length: +5\r\n\r\nabcde",
    "blank in length": b"Content-Length: 1 0\r\n\r\n",
    "bare LF": b"X: 1\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare CR": b"X: 1\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "blank before colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "NUL": b"X: a\0b\r\n\r\n",
    "bad name": b"X(y): 1\r\n\r\n",
    "chunk size": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "long chunk size": b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 16 + b"\r\n\r\n",
    "chunk LF": b"Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    "chunk extension": b"Transfer-Encoding: chunked\r\n\r\n0;" + b"a" * 300 + b"\r\n\r\n",
    "bad trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nX y: 1\r\n\r\n",
}


@pytest.mark.parametrize("how", FRAMINGS)
def test_smuggling(world, how):
    world.site.seen.clear()
    data = world.proxy.raw(b"POST http://site.example.com/first HTTP/1.1\r\nHost: site.example.com\r\n" + FRAMINGS[how] + SMUGGLED, 5)
    assert split(data)[0] == 400 and len(re.findall(rb"HTTP/1.1 \d{3} ", data)) == 1 and not data.endswith(b"<open>"), data
    assert b"SMUGGLED" not in world.site.text()
    assert not any(h.startswith(b"GET") for h, _ in world.site.seen)


def test_versions(world):
    p = world.proxy
    assert split(p.raw(b"GET http://site.example.com/\r\n\r\n"))[0] == 400
    assert split(p.raw(b"GET http://site.example.com/ HTTP/2.0\r\nHost: x\r\n\r\n"))[0] == 400
    assert split(p.raw(b"POST http://site.example.com/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))[0] == 400
    code, head, _ = split(p.raw(b"POST http://site.example.com/ HTTP/1.0\r\n\r\n"))
    assert (code, mark(head)) == (411, "length_required")


GOOD = [SMUGGLED, b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST http://site.example.com/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
        b"POST http://[%s]:80/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello" % SITE6.encode(),
        b"GET http://10.0.0.1/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 3]
BYTES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"[", b"]", b"%", b"@", b"#", b"\xff", b"9" * 30, b"A" * 9000, b",", b"http://", b"\t"]


def test_garbage(world):
    """Requests with pieces taken out, doubled and put in: an answer or an end, never a crash, and nothing is left over.
    TATARA_GARBAGE=20000: so many, beside a build with sanitizers."""
    rng = random.Random(int(os.environ.get("TATARA_SEED", "7")))
    with another(world, SSRF_PROXY_HEADER_TIMEOUT="1", SSRF_PROXY_BODY_TIMEOUT="1", SSRF_PROXY_IDLE_TIMEOUT="1",
                 SSRF_PROXY_TUNNEL_TIMEOUT="1") as p:
        for i in range(int(os.environ.get("TATARA_GARBAGE", "300"))):
            data = bytearray(rng.choice(GOOD))
            for _ in range(rng.randint(1, 4)):
                at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
                end = min(end, at + 40)
                data[at:end] = rng.choice([b"", bytes(data[at:end]) * 2, rng.choice(BYTES), rng.randbytes(8)])
            with p.connect() as s, contextlib.suppress(OSError):
                s.sendall(data)
                if i % 4:  # the others leave at once
                    s.shutdown(socket.SHUT_WR)
                    while got := s.recv(65536):
                        assert not got.startswith(b"HTTP/1.1 5") or b"X-Proxy-Error: " in got or b"Via: 1.1 ssrf-proxy" in got
        assert p.process.poll() is None and p.ask("http://site.example.com/")[0] == 200
        end = time.time() + PATIENCE
        while p.metrics()["tatara_egress_connections"] and time.time() < end:
            time.sleep(0.05)
        assert p.metrics()["tatara_egress_connections"] == 0


def test_denied_body_is_no_request(world):  # 28
    world.site.seen.clear()
    data = world.proxy.raw(b"POST http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (
        len(SMUGGLED), SMUGGLED))
    assert len(re.findall(rb"HTTP/1.1 \d{3} ", data)) == 1 and data.startswith(b"HTTP/1.1 403") and not data.endswith(b"<open>")
    assert b"SMUGGLED" not in world.site.text()


@pytest.mark.parametrize("target", ["127.0.0.1:443", "site.example.com:22", "nothing.example.com:443", "127.1:443"])
def test_what_follows_a_refused_connect_is_no_request(world, target):
    """It was meant for the tunnel, and may be somebody else's words."""
    world.site.seen.clear()
    data = world.proxy.raw(b"CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n%s" % (target.encode(), SMUGGLED))
    assert len(re.findall(rb"HTTP/1.1 \d{3} ", data)) == 1 and not data.endswith(b"<open>"), data
    assert b"SMUGGLED" not in world.site.text()


def test_pipelined(world):  # 29
    data = world.proxy.raw(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n"
                           b"GET http://10.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n"
                           b"GET http://two.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"403", b"200"]


def test_hop_by_hop(world):  # 30
    p, s = world.proxy, world.site
    s.seen.clear()
    before = p.metrics()["tatara_egress_metadata_headers_total"]
    code, head, _ = p.ask("http://site.example.com/hop", headers=(
        "Connection: host, authorization, cookie, x-gone, content-length\r\nAuthorization: Bearer a\r\nCookie: c=d\r\n"
        "X-Gone: 1\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nTE: trailers\r\n"
        "Trailer: X\r\nUpgrade: websocket\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n"
        "X-aws-ec2-metadata-token: t\r\nX-AWS-EC2-Metadata-Token-TTL-Seconds: 60\r\nMetadata-Flavor: Google\r\n"
        "Metadata: true\r\nX-Kept: yes\r\nVia: 1.0 before\r\n"))
    sent = s.text().decode().lower()
    assert code == 200 and "host: site.example.com\r\n" in sent
    for kept in ("authorization: bearer a", "cookie: c=d", "x-kept: yes", "via: 1.0 before\r\nvia: 1.1 ssrf-proxy"):
        assert "\r\n" + kept + "\r\n" in sent + "\r\n", (kept, sent)
    for gone in ("x-gone", "keep-alive", "proxy-", "\nte:", "trailer", "upgrade", "forwarded", "x-real-ip", "metadata",
                 "connection:"):
        assert gone not in sent, (gone, sent)
    assert "X-Kept: 1" in head and "X-Mine" not in head and "Keep-Alive" not in head
    assert p.metrics()["tatara_egress_metadata_headers_total"] == before + 4


def test_own_address(world):  # 31
    p = world.proxy
    for url in ("http://127.0.0.1:%d/" % p.port, "http://%s:%d/metrics" % (SELF, p.admin), "http://[fd77::1]/"):
        assert mark(p.ask(url)[1]) == "denied_address", url
    assert p.ask("*", "OPTIONS")[0] == 400


def test_methods(world):  # 33
    p = world.proxy
    code, head, _ = p.ask("http://site.example.com/", "TRACE")
    assert (code, mark(head)) == (405, "method_not_allowed")
    assert p.ask("http://site.example.com/", "PROPFIND")[0] == 405
    assert split(p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"))[0] == 400
    assert split(p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))[0] == 400
    assert split(p.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))[0] == 400
    world.site.seen.clear()
    for m in ("GET", "HEAD", "DELETE", "OPTIONS"):
        assert p.ask("http://site.example.com/m", m)[0] == 200
    for m in ("POST", "PUT", "PATCH"):
        code, _, _ = split(p.raw(("%s http://site.example.com/m HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                                  "Connection: close\r\n\r\nabc" % m).encode()))
        assert code == 200
    assert [h.split(b" ")[0].decode() for h, _ in world.site.seen if b" /m " in h] == ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH"]
    code, head, _ = p.ask("http://site.example.com/", headers="Via: 1.1 ssrf-proxy\r\n")
    assert (code, mark(head)) == (508, "loop_detected")
    assert p.ask("http://site.example.com/", headers="Expect: 200-maybe\r\n")[0] == 417


def test_slow_and_large(world):  # 34
    with another(world, SSRF_PROXY_HEADER_TIMEOUT="1", SSRF_PROXY_BODY_TIMEOUT="1", SSRF_PROXY_MAX_BODY="100000") as p:
        with p.connect() as s:
            s.sendall(b"GET http://site.example.com/ HTTP/1.1\r\n")
            while not select.select([s], [], [], 0.05)[0]:  # a byte now and then does not help
                s.sendall(b"X")
            assert b" 408 " in s.recv(65536)
        data = p.raw(b"POST http://site.example.com/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert split(data)[0] == 408 and mark(split(data)[1]) == "request_timeout"
        head = b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\n"
        memory = resident(p)
        for _ in range(20):
            assert split(p.raw(head + b"X: " + b"a" * (1 << 20)))[0] == 431
            assert split(p.raw(head + b"X: y\r\n" * 10000 + b"\r\n"))[0] == 431
        assert split(p.raw(head + b"X: " + b"a" * 17000 + b"\r\n\r\n"))[0] == 431
        assert split(p.raw(head + b"X: y\r\n" * 101 + b"\r\n"))[0] == 431
        assert split(p.raw(head + b"X: y\r\n" * 99 + b"Connection: close\r\n\r\n"))[0] == 431
        assert split(p.raw(head + b"X: y\r\n" * 97 + b"Connection: close\r\n\r\n"))[0] == 200
        assert split(p.raw(b"GET http://site.example.com/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 414
        assert resident(p) - memory < 4 << 20
        big = b"POST http://site.example.com/ HTTP/1.1\r\nHost: x\r\n"
        assert split(p.raw(big + b"Content-Length: 100001\r\n\r\n"))[0] == 413
        code, head, _ = split(p.raw(big + b"Transfer-Encoding: chunked\r\n\r\n" + b"c350\r\n" + b"a" * 50000 + b"\r\n"
                                    + b"ffff\r\n" + b"a" * 65535 + b"\r\n0\r\n\r\n"))
        assert (code, mark(head)) == (413, "body_too_large")


def resident(p):
    with open("/proc/%d/statm" % p.process.pid, encoding="ascii") as f:
        return int(f.read().split()[1]) * 4096


def test_answers_that_are_none(world):  # 35
    for path in ("two-lengths", "crlf", "cr", "endless", "both", "coding", "space", "no-http", "switch"):
        code, head, body = world.proxy.ask("http://site.example.com/" + path)
        assert (code, mark(head)) == (502, "upstream_protocol"), (path, head)
        assert b"evil" not in body and "evil" not in head
    # Half of an answer cannot be taken back, but the client sees that it is one.
    data = world.proxy.raw(b"GET http://site.example.com/cut HTTP/1.1\r\nHost: x\r\n\r\n")
    assert data.endswith(b"\r\n\r\nhalf") and b"Content-Length: 100" in data
    assert world.proxy.ask("http://site.example.com/continue")[2] == b"ok"


def test_other_peoples_marks(world):  # 36
    code, head, body = world.proxy.ask("http://site.example.com/squid")
    assert code == 403 and body == b"mine" and "Via: 1.1 squid" in head and mark(head) is None
    assert "(squid)" not in head


def test_allowed_addresses(world):  # 37
    with another(world, SSRF_PROXY_ALLOW_PRIVATE_IPS=PRIVATE) as p:
        assert p.ask("http://%s/" % PRIVATE)[2] == b"hello from 10.9.9.9"
        assert p.ask("http://private.example.com/")[0] == 200
        assert mark(p.ask("http://10.9.9.10/")[1]) == "denied_address"
        assert mark(p.ask("http://169.254.169.254/")[1]) == "denied_metadata"
        assert mark(p.ask("http://mixed6.example.com/")[1]) == "denied_address"


def test_allowed_names(world):  # 38, 8
    with another(world, SSRF_PROXY_ALLOW_PRIVATE_DOMAINS="paper-parser parser loop.example.com",
                 SSRF_PROXY_ALLOW_PRIVATE_IPS="0.0.0.0/1,128.0.0.0/1") as p:
        assert mark(p.ask("http://paper-parser/")[1]) == "denied_metadata"
        assert p.ask("http://parser/")[2] == b"hello from 10.9.9.9"
        for a in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "[fd00:ec2::254]",
                  "metadata.google.internal", "metadata.example.com"):
            assert mark(p.ask("http://%s/" % a)[1]) == "denied_metadata", a
        assert mark(p.ask("http://other/")[1]) == "denied_name"
    with another(world, SSRF_PROXY_ALLOW_METADATA="true") as p:
        assert p.ask("http://169.254.169.254/")[2] == b"hello from 169.254.169.254"
        assert mark(p.ask("http://10.9.9.9/")[1]) == "denied_address"


def test_strangers(world):  # 39
    with another(world, SSRF_PROXY_CLIENTS="10.0.0.0/8,127.0.0.2") as p:
        assert p.raw(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        with p.connect(source=("127.0.0.2", 0)) as s:
            s.sendall(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert s.recv(65536).startswith(b"HTTP/1.1 200")
        assert p.metrics()["tatara_egress_strangers_total"] >= 1
    with another(world, SSRF_PROXY_CLIENTS="") as p:  # unset in a compose file: not "everybody"
        assert p.ask("http://site.example.com/")[0] == 200
        with p.connect(source=(SELF, 0)) as s:
            s.sendall(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(65536) == b""


def test_no_port_scan(world):  # 40
    with another(world, SSRF_PROXY_CONNECT_TIMEOUT="1") as p:
        closed = p.ask("http://site.example.com:8181/")
        dropped = p.ask("http://filtered.example.com/")
        assert mark(closed[1]) == "connect_failed" and mark(dropped[1]) in ("connect_timeout", "connect_failed")
        denied = {}
        for url in ("http://10.9.9.9/", "http://10.9.9.9:8181/", "http://10.9.9.10/"):
            for code, head, body in quick(lambda: p.ask(url), 0.5):  # nobody waits for a connection there
                denied[url] = re.sub(rb"10\.9\.9\.\d+", b"X", body), code
        assert len(set(denied.values())) == 1
        for answer in (closed, dropped):
            assert not re.search(rb"\d+\.\d+\.\d+\.\d+", answer[2])


# --- what else the proxy promises ---

def test_lists(world):
    with another(world, SSRF_PROXY_ALLOW_DOMAINS=".example.com", SSRF_PROXY_DENY_DOMAINS="two.example.com",
                 SSRF_PROXY_DENY_IPS="2606:2800::/32") as p:
        assert p.ask("http://site.example.com/")[0] == 200
        assert mark(p.ask("http://two.example.com/")[1]) == "denied_policy"
        assert mark(p.ask("http://six.example.com/")[1]) == "denied_policy"
        assert mark(p.ask("http://example.org/")[1]) == "denied_policy"
        assert mark(p.ask("http://%s/" % SITE)[1]) == "denied_policy"
        assert mark(p.ask("http://private.example.com/")[1]) == "denied_address"


def hello(name):
    """A TLS ClientHello with this server name, as OpenSSL writes it."""
    import ssl
    c, out = ssl.create_default_context(), ssl.MemoryBIO()
    o = c.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        o.do_handshake()
    return out.read()


def test_hello_must_name_the_server(world):
    def tunnel(p, first):
        """"closed", or "open" when the bytes have got to the other end."""
        origin = world.others[1]
        origin.heard.clear()
        with p.connect() as s:
            s.sendall(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
            for i in range(0, len(first), 200):
                s.sendall(first[i:i + 200])
            until(lambda: len(origin.heard) >= len(first) or select.select([s], [], [], 0)[0], "an end of the tunnel")
            return "open" if bytes(origin.heard) == first else "closed"
    with another(world, SSRF_PROXY_ALLOW_DOMAINS="site.example.com") as p:
        assert tunnel(p, hello("site.example.com")) == "open"
        assert tunnel(p, hello("SITE.example.com")) == "open"
        assert tunnel(p, hello("two.example.com")) == "closed"
        assert tunnel(p, b"GET / HTTP/1.1\r\n\r\n") == "closed"
        assert p.metrics()["tatara_egress_hello_refused_total"] == 2


def test_sign_in(world):
    with another(world, SSRF_PROXY_AUTH="api:one,sandbox:two") as p:
        code, head, _ = p.ask("http://site.example.com/")
        assert code == 407 and 'Proxy-Authenticate: Basic realm="ssrf-proxy"' in head
        for bad in ("Basic YXBpOnR3bw==", "Basic !!", "Bearer one", "Basic YXBp"):
            assert p.ask("http://site.example.com/", headers="Proxy-Authorization: %s\r\n" % bad)[0] == 407
        world.site.seen.clear()
        assert p.ask("http://site.example.com/", headers="Proxy-Authorization: Basic c2FuZGJveDp0d28=\r\n")[0] == 200
        assert b"roxy-" not in world.site.text()
        p.logged('"caller":"sandbox"')
        assert "two" not in p.read_log().replace("two.example", "")


def test_parent_proxy(world):
    with another(world) as parent:
        with another(world, SSRF_PROXY_UPSTREAM="127.0.0.1:%d" % parent.port) as p:
            # The parent is of our kind: what it gets bears our own name in Via, not the one of all.
            world.site.seen.clear()
            code, head, _ = p.ask("http://site.example.com/")
            assert code == 200 and re.search(rb"\r\nVia: 1.1 [0-9a-f]{16}\r\nVia: 1.1 ssrf-proxy\r\n", world.site.text())
            data = p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n"
                         b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"hello from " + SITE.encode() in data
            assert mark(p.ask("http://private.example.com/")[1]) == "denied_address"
            parent.logged('"method":"CONNECT","host":"%s"' % SITE)


def test_parent_proxy_that_is_ourselves(world):
    """A mistake of the administrator: one round, then an answer, for both kinds of request."""
    port = world.proxy.free_port()
    with another(world, SSRF_HTTP_PORT=str(port), SSRF_PROXY_UPSTREAM="127.0.0.1:%d" % port) as p:
        assert p.ask("http://site.example.com/")[0] == 508
        data = p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (split(data)[0], mark(split(data)[1])) == (502, "parent_refused")
        assert p.metrics()["tatara_egress_requests_total{verdict=\"failed\",code=\"loop_detected\"}"] == 2


SQUID = """http_port 127.0.0.1:3199
auth_param basic program %(helper)s %(dir)s/users
auth_param basic realm parent
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
access_log stdio:%(dir)s/access.log
cache_log %(dir)s/cache.log
pid_filename %(dir)s/squid.pid
coredump_dir %(dir)s
shutdown_lifetime 1 seconds
visible_hostname parent
"""


@contextlib.contextmanager
def squid(world):
    """The real one, which wants a user name and a password."""
    helper = "/usr/lib/squid/basic_ncsa_auth"
    if not os.path.exists(helper):
        pytest.skip("no squid on this machine")
    with tempfile.TemporaryDirectory(prefix="tatara-squid-") as d:
        os.chmod(d, 0o777)
        hashed = subprocess.run(["openssl", "passwd", "-apr1", PARENT_PASSWORD], capture_output=True, text=True, check=True)
        for name, text in (("users", "tatara:" + hashed.stdout), ("squid.conf", SQUID % {"helper": helper, "dir": d})):
            with open(os.path.join(d, name), "w", encoding="ascii") as f:
                f.write(text)
        with world.net.inside():
            p = subprocess.Popen(["squid", "-N", "-n", "parent%d" % os.getpid(), "-f", d + "/squid.conf"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.time() + 60
            while True:
                with contextlib.suppress(OSError), world.net.inside():
                    socket.create_connection(("127.0.0.1", 3199), 5).close()
                    break
                assert p.poll() is None and time.time() < end, "squid does not start"
                time.sleep(0.05)
            yield d
        finally:
            p.terminate()
            p.wait(60)


PARENT_PASSWORD = "p@ss:word/1"  # what a URL must write with percent signs
ASK_IN_TUNNEL = (b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n"
                 b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def test_parent_proxy_that_wants_a_password(world):
    with squid(world) as d:
        good = "http://tatara:p%40ss%3Aword%2F1@127.0.0.1:3199"
        with another(world, SSRF_PROXY_UPSTREAM=good) as p:
            code, _, body = p.ask("http://site.example.com/")
            assert (code, body) == (200, b"hello from " + SITE.encode())
            assert b"hello from " + SITE.encode() in p.raw(ASK_IN_TUNNEL)
            assert mark(p.ask("http://private.example.com/")[1]) == "denied_address"
            time.sleep(0.5)
            assert "p@ss" not in p.read_log() and "p%40ss" not in p.read_log()
        with open(d + "/access.log", encoding="ascii") as f:
            log = f.read()
        # By the address that was checked, as the user that the setting names; what is refused never gets there.
        assert "GET http://%s/ tatara" % SITE in log and "CONNECT %s:8443 tatara" % SITE in log and PRIVATE not in log
        for bad in ("http://tatara:wrong@127.0.0.1:3199", "127.0.0.1:3199"):
            with another(world, SSRF_PROXY_UPSTREAM=bad) as p:
                for data in (p.raw(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                             p.raw(ASK_IN_TUNNEL)):
                    code, head, body = split(data)
                    assert (code, mark(head)) == (502, "parent_refused") and b"SSRF_PROXY_UPSTREAM" in body, data
                    assert "Proxy-Authenticate" not in head  # the client has not been asked


def test_limits_of_connections(world):
    with another(world, SSRF_PROXY_MAX_PER_CLIENT="3", SSRF_PROXY_MAX_CONNECTIONS="5") as p:
        p.connections(0)  # the look whether it listens
        held = [p.connect() for _ in range(3)]
        p.connections(3)
        code, head, body = split(p.raw(b""))
        assert (code, mark(head)) == (503, "busy") and json.loads(body)["error"]["code"] == "busy"
        more = [p.connect(source=("127.0.0.3", 0)) for _ in range(2)]
        p.connections(5)
        with p.connect(source=("127.0.0.4", 0)) as s:
            assert s.recv(1000).startswith(b"HTTP/1.1 503")
        for s in held + more:
            s.close()
        p.connections(0)
        assert p.ask("http://site.example.com/")[0] == 200


def test_timeouts(world):
    with another(world, SSRF_PROXY_FIRST_BYTE_TIMEOUT="1", SSRF_PROXY_DNS_TIMEOUT="1", SSRF_PROXY_TUNNEL_TIMEOUT="1",
                 SSRF_PROXY_IDLE_TIMEOUT="1") as p:
        code, head, _ = p.ask("http://site.example.com/silent")
        assert (code, mark(head)) == (504, "upstream_timeout")
        code, head, _ = p.ask("http://silent.example.com/")
        assert (code, mark(head)) == (504, "dns_timeout")
        start = time.time()
        data = p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert split(data)[0] == 200 and not data.endswith(b"<open>") and time.time() - start > 0.8
        assert p.raw(b"") == b""  # an idle client is closed
    with another(world, SSRF_PROXY_TOTAL_TIMEOUT="2") as p:
        with p.connect() as s:
            s.sendall(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
            start = time.time()
            with contextlib.suppress(OSError):
                while time.time() - start < PATIENCE:
                    s.sendall(b"G")
                    s.settimeout(0.2)
                    try:
                        if not s.recv(100):
                            break
                    except socket.timeout:
                        pass
            assert 1.5 < time.time() - start < PATIENCE


def test_name_server_that_stops(world):
    """What is in the cache lives on; the rest fails at once and says so; nothing needs a restart afterwards."""
    port = world.proxy.free_port()
    names = Names(world.net, port)
    names.zone.update({"a.example.com": [SITE], "b.example.com": [SITE]})
    with another(world, SSRF_PROXY_DNS="127.0.0.1:%d" % port) as p:
        names.ttl = 60
        assert p.ask("http://a.example.com/")[0] == 200
        names.close()
        assert p.ask("http://a.example.com/")[0] == 200
        for _ in range(3):
            code, head, body = p.ask("http://b.example.com/")
            assert (code, mark(head)) == (502, "dns_failed") and "cannot be resolved" in json.loads(body)["error"]["message"]
        data = p.raw(b"CONNECT b.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (split(data)[0], mark(split(data)[1])) == (502, "dns_failed")
        again = Names(world.net, port)
        again.zone.update(names.zone)
        assert p.ask("http://b.example.com/")[0] == 200  # no failure was kept
        assert again.count("b.example.com") >= 1
        again.close()


def test_silence_of_all_kinds_at_once(world):
    """A thousand silent tunnels, and clients, servers and name servers that do not go on: ordinary requests pass
    meanwhile, what waits ends with an answer that says why, the tunnels stay."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 8192 else max(soft, 8192), hard))
    waits = {
        "head": (b"GET http://site.example.com/ HTTP/1.1\r\nX", 408, "request_timeout"),
        "body": (b"POST http://site.example.com/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 408, "request_timeout"),
        "server": (b"GET http://site.example.com/silent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 504, "upstream_timeout"),
        "address": (b"GET http://filtered.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (502, 504), ("connect_timeout", "connect_failed")),
        "names": (b"CONNECT silent.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 504, "dns_timeout"),
    }
    got = {}
    with world.net.outside():
        listener = socket.create_server((SITE, 8282), backlog=2048)
    with listener, another(world, SSRF_PROXY_MAX_PER_CLIENT="3000", SSRF_PROXY_HEADER_TIMEOUT="6", SSRF_PROXY_BODY_TIMEOUT="6",
                           SSRF_PROXY_FIRST_BYTE_TIMEOUT="6", SSRF_PROXY_CONNECT_TIMEOUT="6", SSRF_PROXY_DNS_TIMEOUT="6") as p:
        with world.net.inside():
            tunnels = [socket.create_connection(("127.0.0.1", p.port), 60) for _ in range(1000)]
        for s in tunnels:
            s.sendall(b"CONNECT site.example.com:8282 HTTP/1.1\r\nHost: x\r\n\r\n")
        for s in tunnels:
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
        assert p.metrics()["tatara_egress_tunnels"] == 1000

        def wait(name):
            got[name] = p.raw(waits[name][0], 60)
        threads = [threading.Thread(target=wait, args=(name,)) for name in waits]
        for t in threads:
            t.start()
        passed = 0
        while any(t.is_alive() for t in threads):
            assert p.ask("http://site.example.com/")[0] == 200
            passed += not got  # while all of them wait
            time.sleep(0.02)
        assert passed > 0
        for name, (_, status, code) in waits.items():
            answer = split(got[name])
            assert answer[0] in (status if isinstance(status, tuple) else (status,)), (name, got[name])
            assert mark(answer[1]) in (code if isinstance(code, tuple) else (code,)), (name, got[name])
            assert json.loads(answer[2])["error"]["message"]
        # The tunnels are still tunnels.
        assert p.metrics()["tatara_egress_tunnels"] == 1000
        tunnels[-1].sendall(b"ping")
        servers = []
        while len(servers) < 1000:
            servers.append(listener.accept()[0])
        poll = select.poll()
        for s in servers:
            poll.register(s, select.POLLIN)
        (fd, _), = poll.poll(60000)
        server = next(s for s in servers if s.fileno() == fd)
        assert server.recv(100) == b"ping"
        server.sendall(b"pong")
        assert tunnels[-1].recv(100) == b"pong"
        for s in tunnels + servers:
            s.close()
        assert tunnels_end(p)


def test_bodies(world):
    p, s = world.proxy, world.site
    assert len(p.ask("http://site.example.com/big")[2]) == 3000000
    assert p.ask("http://site.example.com/until-close")[2].replace(b"\r\n", b"|") == b"d|until the end|0||"
    assert split(p.raw(b"GET http://site.example.com/until-close HTTP/1.0\r\n\r\n"))[2] == b"until the end"
    s.seen.clear()
    body = os.urandom(200000)
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(body[i:i + 7000]), body[i:i + 7000]) for i in range(0, len(body), 7000))
    assert split(p.raw(b"POST http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: 1\r\n\r\n"))[0] == 200
    got = s.seen[0][1]
    assert b"ext=1" not in s.seen[0][0] + got[:100] and b"X-Trailer" not in got and len(got) > len(body)
    with p.connect() as c:  # Expect: 100-continue is ours to answer
        c.sendall(b"POST http://site.example.com/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert c.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        c.sendall(b"abc")
        assert c.recv(1000).startswith(b"HTTP/1.1 200")
    data = p.raw(b"POST http://site.example.com/early HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab")
    assert split(data)[0] == 413 and mark(split(data)[1]) is None


def test_connections_are_kept_by_name(world):
    p, s = world.proxy, world.site
    before = s.connections
    two = (b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n"
           b"GET http://chain.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n"
           b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    with another(world) as q:
        assert q.raw(two).count(b"hello from") == 3
        assert s.connections == before + 2
        assert q.metrics()["tatara_egress_upstream_reused_total"] == 1
        # Schemes that sign in a connection: nobody else gets it.
        before = s.connections
        for _ in range(2):
            assert q.ask("http://site.example.com/", headers="Authorization: NTLM TlRMTVNTUAAB\r\n")[0] == 200
            assert q.ask("http://site.example.com/ntlm")[0] == 401
        assert s.connections >= before + 3
        # A kept connection that the server has closed is not noticed by the client.
        for _ in range(3):
            assert q.ask("http://site.example.com/until-close")[0] == 200
    assert p.ask("http://site.example.com/")[0] == 200


def test_what_cannot_be_sent_twice_gets_a_new_connection(world):
    """Servers close kept connections when they like. A GET is sent again; a POST must not be, so it is never sent on
    one that may be dead."""
    with another(world) as p:
        for method, more in (("GET", ""), ("POST", "Content-Length: 3\r\n"), ("POST", "Content-Length: 0\r\n"),
                             ("PATCH", ""), ("PUT", "Content-Length: 3\r\n")):
            ONCE.clear()
            opened = p.metrics()["tatara_egress_upstream_opened_total"]
            body = b"abc" if "3" in more else b""
            for _ in range(2):
                code, _, got = split(p.raw(("%s http://site.example.com/once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n"
                                            % (method, more)).encode() + body))
                assert (code, got) == (200, b"ok"), (method, more)
                ONCE.difference_update(fd for fd in list(ONCE) if method != "GET")
            assert p.metrics()["tatara_egress_upstream_opened_total"] == opened + 2, (method, more)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def tunnels_end(p):
    end = time.time() + 60
    while p.metrics()["tatara_egress_tunnels"] and time.time() < end:
        time.sleep(0.05)
    return p.metrics()["tatara_egress_tunnels"] == 0


def test_ends_of_tunnels(world):
    with another(world) as p:
        def tunnel():
            s = p.connect()
            s.sendall(b"CONNECT site.example.com:8181 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(1000).startswith(b"HTTP/1.1 200")
            return s
        with world.net.outside():
            listener = socket.create_server((SITE, 8181))
        with listener:
            # What the server said before it closed on an upload arrives.
            c = tunnel()
            server, _ = listener.accept()
            server.settimeout(30)
            c.sendall(b"x" * 1000)
            assert server.recv(10)
            server.sendall(b"no more")
            server.close()  # with unread input: a reset
            got = b""
            with contextlib.suppress(OSError):
                while True:
                    c.sendall(b"x" * 1000)
                    piece = c.recv(1000)
                    if not piece:
                        break
                    got += piece
            assert got == b"no more"
            c.close()
            assert tunnels_end(p)
            # Half closed, and the other way goes on.
            c = tunnel()
            server, _ = listener.accept()
            c.sendall(b"question")
            c.shutdown(socket.SHUT_WR)
            assert server.recv(100) == b"question" and server.recv(100) == b""
            server.sendall(b"answer")
            server.close()
            assert c.recv(100) == b"answer" and c.recv(100) == b""
            c.close()
            assert tunnels_end(p)
            # Half closed and then gone: nothing is read from there any more, the tunnel ends all the same.
            for leave in (reset, lambda s: s.close()):
                c = tunnel()
                server, _ = listener.accept()
                c.shutdown(socket.SHUT_WR)
                assert server.recv(100) == b""
                leave(c)
                with contextlib.suppress(OSError):
                    for _ in range(50):  # a close shows when somebody sends
                        if leave is not reset:
                            server.sendall(b"still here")
                        time.sleep(0.01)
                if leave is not reset:
                    server.close()
                assert tunnels_end(p)
                server.close()
            # The server gone while the client is silent.
            c = tunnel()
            server, _ = listener.accept()
            reset(server)
            assert tunnels_end(p)
            c.close()


def test_client_that_leaves(world):
    with another(world) as p:
        for _ in range(3):
            world.site.seen.clear()
            s = p.connect()
            s.sendall(b"GET http://site.example.com/silent HTTP/1.1\r\nHost: x\r\n\r\n")
            until(lambda: world.site.seen, "the request")
            s.close()
        p.connections(0)


def test_events_pass_at_once(world):
    with world.proxy.connect() as s:
        s.sendall(b"GET http://site.example.com/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        n, data = 0, b""
        while piece := s.recv(65536):
            data += piece
            for _ in range(data.count(b"data: ") - n):
                EVENTS.arrived()
                n += 1
    assert n == EVENTS.PIECES and data.endswith(b"0\r\n\r\n")


def test_relay_to_the_sandbox(world):
    port = world.proxy.free_port()
    with another(world, REVERSE_PROXY_PORT=str(port), SANDBOX_HOST=SITE2, SANDBOX_PORT="80", COREDUMP_DIR="/x") as p:
        with p.connect(port=port) as s:
            s.sendall(b"GET http://10.9.9.9/ HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n")
            assert b"hello from " + SITE2.encode() in s.recv(1000)  # wherever the bytes point


def test_old_names_of_settings(world):
    port = str(world.proxy.free_port())
    with another(world, HTTP_PORT=port, COREDUMP_DIR="/var/spool/squid") as p:
        assert p.port == int(port) and p.ask("http://site.example.com/")[0] == 200


def test_admin_is_elsewhere(world):
    p = world.proxy
    with p.connect(port=p.admin) as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b'"role":"ssrf-proxy"' in s.recv(1000)
    with p.connect(port=p.admin) as s:
        s.sendall(b"GET http://site.example.com/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 404")


def test_log_lines(world):
    with another(world) as p:
        p.ask("http://site.example.com/secret-path?token=abc", headers="traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n")
        p.ask("http://private.example.com/")
        until(lambda: p.read_log().count('"log":"access"') == 2, "two lines of access")
        lines = [json.loads(x) for x in p.read_log().splitlines() if '"log":"access"' in x]
    ok, no = sorted(lines, key=lambda x: x["verdict"])
    assert ok["verdict"] == "allowed" and ok["address"] == SITE and ok["status"] == 200 and ok["bytes_out"] > 0
    assert ok["trace"] == "0af7651916cd43dd8448eb211c80319c" and ok["caller"] == "client" and ok["client"] == "127.0.0.1"
    assert no["verdict"] == "denied" and no["code"] == "denied_address" and no["address"] == "" and no["status"] == 403
    assert "token" not in json.dumps(lines) and "secret-path" not in json.dumps(lines)
    assert {"time", "method", "host", "port", "dns_ms", "connect_ms", "total_ms", "bytes_in"} <= set(ok)


@pytest.mark.parametrize("env", [{"SSRF_PROXY_ALLOW_PRIVATE_IPS": "10.0.0.0/0"}, {"SSRF_PROXY_DENY_IPS": "10.0.0"},
                                 {"SSRF_PROXY_ALLOW_PRIVATE_IPS": "*"}, {"SSRF_PROXY_PORTS": "0-80"},
                                 {"SSRF_PROXY_CLIENTS": "10.0.0.0/40"}, {"SSRF_PROXY_AUTH": "user"},
                                 {"SSRF_PROXY_DNS": "one.one"}, {"SSRF_PROXY_UPSTREAM": "parent"},
                                 {"SSRF_PROXY_UPSTREAM": "http://u:p@parent"}, {"SSRF_PROXY_UPSTREAM": "https://parent:3128"},
                                 {"SSRF_PROXY_UPSTREAM": "http://u:a%0d%0aX@parent:3128"},
                                 {"SSRF_PROXY_DEV_MODE": "true"}, {"SSRF_PROXY_MAX_HEADERS": "0"}],
                         ids=lambda e: " ".join("%s=%s" % x for x in e.items()))
def test_bad_settings_stop_the_start(world, env):
    with world.net.inside():
        r = subprocess.run([BINARY, "ssrf-proxy", "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=PATIENCE,
                           env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SSRF_PROXY_ADMIN": "127.0.0.1:0", **env},
                           cwd="/tmp")
    assert r.returncode == 1 and next(iter(env)) in r.stderr.replace("SSRF_PROXY_MAX_...", "SSRF_PROXY_MAX_HEADERS"), r.stderr


def test_development_mode(world):
    with another(world, SSRF_PROXY_DEV_MODE="true", DEPLOY_ENV="DEVELOPMENT") as p:
        assert p.ask("http://%s/" % PRIVATE)[0] == 200
        assert mark(p.ask("http://127.1/")[1]) == "ambiguous_ip"
        assert "every target is allowed" in p.read_log()


def test_explanations(world):
    def explain(*args, **env):
        with world.net.inside():
            r = subprocess.run([BINARY, "ssrf-proxy", "test", *args, "--json"], capture_output=True, text=True, timeout=PATIENCE,
                               env={"PATH": os.environ["PATH"], "HOME": "/tmp", "TATARA_DATA": "/tmp/tatara-explain",
                                    "SSRF_PROXY_DNS": "127.0.0.1:5353", **env})
        return r.returncode, json.loads(r.stdout)
    code, e = explain("http://site.example.com/x")
    assert code == 0 and e["allowed"] and e["addresses"] == [SITE]
    code, e = explain("https://private.example.com/")
    assert code == 1 and e["code"] == "denied_address" and e["refused_address"] == PRIVATE
    assert e["would_allow"] == "SSRF_PROXY_ALLOW_PRIVATE_DOMAINS=private.example.com" and "private" in e["rule"]
    assert explain("site.example.com:6379")[1]["code"] == "denied_port"
    assert explain("http://127.1/")[1]["code"] == "ambiguous_ip"
    lists = {"SSRF_PROXY_SANDBOX_ALLOW_DOMAINS": "two.example.com", "SSRF_PROXY_SANDBOX_DENY_IPS": SITE}
    assert explain("http://site.example.com/", **lists)[1]["allowed"]
    assert explain("http://site.example.com/", "--sandbox", **lists)[1]["code"] == "denied_policy"
    assert explain("http://two.example.com/", "--sandbox", **lists)[1]["allowed"]


def test_many_at_once(world):
    """Tunnels and requests side by side; nothing is mixed up, nothing is left over."""
    with another(world) as p:
        wrong = []

        def client(i):
            for k in range(20):
                name, want = (("site", SITE), ("two", SITE2))[(i + k) % 2]
                if i % 3:
                    got = p.ask("http://%s.example.com/" % name)[2]
                else:
                    got = p.raw(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n"
                                b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    want = SITE
                if want.encode() not in got:
                    wrong.append((i, k, got))
        threads = [threading.Thread(target=client, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not wrong, wrong[:3]
        p.connections(0)
        assert p.metrics()["tatara_egress_tunnels"] == 0


def test_end(world):
    """On SIGTERM: no new clients, idle ones are closed at once, what runs is finished, silent tunnels are left."""
    p = Proxy(world.net)
    idle, busy, tunnel = p.connect(), p.connect(), p.connect()
    tunnel.sendall(b"CONNECT site.example.com:8443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert tunnel.recv(1000).startswith(b"HTTP/1.1 200")
    busy.sendall(b"GET http://site.example.com/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert busy.recv(1000).startswith(b"HTTP/1.1 200")
    start = time.time()
    p.process.send_signal(signal.SIGTERM)
    assert idle.recv(100) == b""  # and the busy one still gets what its server says only now
    data = b""
    for _ in range(EVENTS.PIECES):
        EVENTS.arrived()
    while piece := busy.recv(65536):
        data += piece
    assert data.endswith(b"0\r\n\r\n")
    with pytest.raises(OSError):
        p.connect()
    assert p.process.wait(PATIENCE) == 0 and time.time() - start > 3


def test_rights_are_given_away(world):
    with open("/proc/%d/status" % world.proxy.process.pid, encoding="ascii") as f:
        state = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    assert set(state["Uid"].split()) == {"65534"} and set(state["Gid"].split()) == {"65534"}
    assert state["NoNewPrivs"] == "1" and int(state["CapEff"], 16) == 0 and not state["Groups"].strip()
    if "asan" not in BINARY:
        assert state["Seccomp"] == "2"


# --- under serve ---

class UnixProxy:
    """raw() of Proxy, on the socket that `serve` keeps for the sandbox."""

    def __init__(self, server):
        self.path = os.path.join(server.data, "run/ssrf-proxy.sock")

    def ask(self, target, host="x"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.path)
            s.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (target, host)).encode())
            data = b""
            while piece := s.recv(65536):
                data += piece
        return split(data)


def test_under_serve(world):
    with world.net.inside():
        s = Server({"SSRF_PROXY_DNS": "127.0.0.1:5353", "SSRF_PROXY_SANDBOX_DENY_DOMAINS": "two.example.com"}).start()
        try:
            p = UnixProxy(s)
            assert p.ask("http://site.example.com/")[2] == b"hello from " + SITE.encode()
            assert mark(p.ask("http://two.example.com/")[1]) == "denied_policy"  # the sandbox's own list
            assert mark(p.ask("http://private.example.com/")[1]) == "denied_address"
            assert mark(p.ask("http://127.0.0.1:%d/" % s.port)[1]) == "denied_address"
            roles = s.roles()
            assert roles["ssrf-proxy"]["state"] == "up"
            s.kill_role("ssrf-proxy")
            until(lambda: s.roles()["ssrf-proxy"]["restarts"], "a new proxy")
            assert p.ask("http://site.example.com/")[0] == 200  # the supervisor kept the socket
            text = requests.get(s.url + "/metrics", timeout=PATIENCE).text
            assert "tatara_egress_requests_total" in text
            until(lambda: '"caller":"sandbox"' in s.read_log(), "the line of the log")
        finally:
            s.remove()


PROGRAM = """
import json, urllib.request, urllib.error
def get(url):
    try:
        return urllib.request.urlopen(url, timeout=10).read().decode()
    except urllib.error.HTTPError as e:
        return e.headers.get("X-Proxy-Error") or str(e.code)
    except Exception as e:
        return "error " + str(e)
print(json.dumps([get(u) for u in %r]))
"""


def test_programs_of_the_sandbox_go_this_way(world):
    urls = ["http://site.example.com/", "http://private.example.com/", "http://169.254.169.254/", "http://redis/",
            "http://127.0.0.1:1/"]
    with world.net.inside():
        s = Server({"SSRF_PROXY_DNS": "127.0.0.1:5353", "CODE_EXECUTION_API_KEY": "k", "SANDBOX_API_KEY": "k"}).start()
        try:
            body = json.dumps({"language": "python3", "code": PROGRAM % (urls,), "preload": "",
                               "enable_network": True}).encode()
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(PATIENCE)
                c.connect(os.path.join(s.data, "run/sandbox.sock"))
                c.sendall(b"POST /v1/sandbox/run HTTP/1.1\r\nHost: x\r\nX-Api-Key: k\r\nContent-Type: application/json\r\n"
                          b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                data = b""
                while piece := c.recv(65536):
                    data += piece
            answer = json.loads(split(data)[2])
            assert answer["code"] == 0, answer
            assert json.loads(answer["data"]["stdout"]) == [
                "hello from " + SITE, "denied_address", "denied_metadata", "denied_name", "denied_address"], answer
        finally:
            s.remove()
    assert world.private.connections == 0 or b"python-urllib" not in world.private.text().lower()
