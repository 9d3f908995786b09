# SPDX-License-Identifier: Apache-2.0
"""Programs that people use, through the ssrf-proxy: plain, TLS, refused, redirected, and streams of a model whose
pieces must come at once."""
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

import httpx
import openai
import pytest
import requests

from outside import PRIVATE, SITE, Internet, Names, Origin, Proxy, Steps, certificate
from patience import PATIENCE
from tatara import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
HERE = os.path.dirname(os.path.abspath(__file__))


def completion(i):
    """A piece of a model's answer."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"content": str(i)}, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


EVENTS, MODEL = Steps(), Steps(completion, b"data: [DONE]\n\n")
ORDER = [str(i) for i in range(Steps.PIECES)]
PAGE = b"<html><body><p id=x>page</p><script>document.getElementById('x').textContent += ' drawn'</script></body></html>"
ANSWERS = {
    "/events": EVENTS, "/arrived": EVENTS.tell, "/v1/chat/completions": MODEL,
    "/page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE),
    "/inside": b"HTTP/1.1 302 Found\r\nLocation: http://10.9.9.9/\r\nContent-Length: 0\r\n\r\n",
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
}


class World:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tatara-clients-")
        self.net = Internet()
        self.names = Names(self.net)
        self.names.zone["site.example.com"] = [SITE]
        self.ca, tls = certificate(self.folder, "site.example.com")
        self.plain = Origin(self.net, SITE, answers=ANSWERS)
        self.secure = Origin(self.net, SITE, 443, answers=ANSWERS, tls=tls)
        self.other = Origin(self.net, SITE, 8080, answers=ANSWERS)
        self.private = Origin(self.net, PRIVATE)
        self.proxy = Proxy(self.net)

    def run(self, *words, env=None):
        with self.net.inside():
            r = subprocess.run(words, capture_output=True, text=True, timeout=2 * PATIENCE,
                               env=dict(os.environ, HOME=self.folder, **(env or {})))
        return r.stdout

    def close(self):
        self.proxy.close()
        self.net.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.close()


@pytest.fixture(autouse=True)
def nothing_gets_inside(world):
    yield
    assert world.private.connections == 0


def pieces(stream):
    """The numbers of the events, while the server is told of each."""
    got = []
    for piece in stream:
        for m in re.findall(rb"data: (\d+)\n\n", piece):
            got.append(m.decode())
            EVENTS.arrived()
    return got


def test_curl(world):
    curl = ["curl", "-s", "--max-time", str(PATIENCE), "-x", world.proxy.url, "--cacert", world.ca]
    for scheme in ("http", "https"):
        assert world.run(*curl, scheme + "://site.example.com/").startswith("hello from")
        assert world.run(*curl, "-L", scheme + "://site.example.com/moved").startswith("hello from")
        assert world.run(*curl, "-d", "a=b", scheme + "://site.example.com/").startswith("hello from")
    assert world.run(*curl, "-p", "https://site.example.com/").startswith("hello from")
    assert "denied_address" in world.run(*curl, "-L", "http://site.example.com/inside")
    assert "denied_address" in world.run(*curl, "http://10.9.9.9/")
    assert world.run(*curl, "-w", "%{http_connect}", "https://10.9.9.9/") == "403"
    assert "ambiguous_ip" in world.run("sh", "-c", "http_proxy=%s wget -qO- --content-on-error http://127.1/ || "
                                       "curl -s -x %s --request-target http://127.1/ http://site.example.com/" % (
                                           world.proxy.url, world.proxy.url))


def test_requests(world):
    both = {"http": world.proxy.url, "https": world.proxy.url}
    with world.net.inside(), requests.Session() as s:
        s.proxies, s.verify, s.trust_env = both, world.ca, False
        for scheme in ("http", "https"):
            for _ in range(3):
                assert s.get(scheme + "://site.example.com/", timeout=PATIENCE).text.startswith("hello from")
            assert s.post(scheme + "://site.example.com/", data=b"x" * 300000, timeout=PATIENCE).status_code == 200
            assert s.post(scheme + "://site.example.com/", data=iter([b"a", b"b"]), timeout=PATIENCE).status_code == 200
            assert s.get(scheme + "://site.example.com/moved", timeout=PATIENCE).status_code == 200
            with s.get(scheme + "://site.example.com/events", stream=True, timeout=PATIENCE) as r:
                assert pieces(r.iter_content(None)) == ORDER
        r = s.get("http://site.example.com/inside", timeout=PATIENCE)
        assert r.status_code == 403 and r.json()["error"]["code"] == "denied_address" and "squid" in r.headers["Via"]
        with pytest.raises(requests.exceptions.ProxyError):
            s.get("https://10.9.9.9/", timeout=PATIENCE)


def test_httpx(world):
    with world.net.inside(), httpx.Client(proxy=world.proxy.url, verify=ssl.create_default_context(cafile=world.ca), trust_env=False, timeout=PATIENCE) as c:
        for scheme in ("http", "https"):
            assert c.get(scheme + "://site.example.com/").text.startswith("hello from")
            with c.stream("GET", scheme + "://site.example.com/events") as r:
                assert pieces(r.iter_raw()) == ORDER
        r = c.get("http://redis/")
        assert r.status_code == 403 and r.headers["X-Proxy-Error"] == "denied_name"
        with pytest.raises(httpx.ProxyError):
            c.get("https://localhost/")


def test_urllib(world):
    context = ssl.create_default_context(cafile=world.ca)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": world.proxy.url, "https": world.proxy.url}),
                                         urllib.request.HTTPSHandler(context=context))
    with world.net.inside():
        for scheme in ("http", "https"):
            with opener.open(scheme + "://site.example.com/", timeout=PATIENCE) as r:
                assert r.read().startswith(b"hello from")
        with pytest.raises(urllib.error.HTTPError) as e:
            opener.open("http://169.254.169.254/latest/meta-data/", timeout=PATIENCE)
        assert json.loads(e.value.read())["error"]["code"] == "denied_metadata"


def test_openai_stream(world):
    for scheme in ("http", "https"):
        with world.net.inside():
            http = httpx.Client(proxy=world.proxy.url, verify=ssl.create_default_context(cafile=world.ca), trust_env=False, timeout=PATIENCE)
            client = openai.OpenAI(base_url=scheme + "://site.example.com/v1", api_key="k", http_client=http)
            got = []
            for c in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True):
                got.append(c.choices[0].delta.content)
                MODEL.arrived()
            http.close()
        assert got == ORDER


def test_node_fetch(world):
    modules = os.path.join(HERE, "node")
    if not os.path.isdir(modules + "/node_modules/undici"):
        pytest.skip("undici is not installed: run tools/setup")
    node = os.path.join(ROOT, ".cache/node/bin/node")
    node = node if os.path.exists(node) else "node"

    def fetch(url, tell=""):
        return json.loads(world.run(node, HERE + "/proxy_client.mjs", modules, world.proxy.url, url, world.ca, tell))
    # undici asks for a tunnel for plain HTTP too; port 80 is none that tunnels may lead to.
    for base in ("http://site.example.com:8080", "https://site.example.com"):
        assert fetch(base + "/")["text"].startswith("hello from")
        assert fetch(base + "/events", base + "/arrived")["pieces"] == ORDER
    assert "error" in fetch("http://site.example.com/")
    assert "error" in fetch("http://10.9.9.9/") and "error" in fetch("https://169.254.169.254/")


def test_chromium(world):
    def dump(url):
        return world.run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--ignore-certificate-errors", "--user-data-dir=" + world.folder + "/chromium",
                         "--proxy-server=" + world.proxy.url, "--timeout=15000", "--dump-dom", url)
    assert "page drawn" in dump("http://site.example.com/page")
    assert "page drawn" in dump("https://site.example.com/page")
    assert "denied_address" in dump("http://10.9.9.9/")
    assert "denied_address" in dump("http://site.example.com/inside")
    assert "ERR_TUNNEL_CONNECTION_FAILED" in dump("https://10.9.9.9/") or world.private.connections == 0


def test_replaces_the_way_out_of_another_api(world):
    """What the api of the other stack looks for: 403 and squid in Via for our refusals only."""
    world.plain.answers["/403"] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with world.net.inside(), contextlib.closing(httpx.Client(proxy=world.proxy.url, trust_env=False)) as c:
        def blocked(r):
            return r.status_code in (401, 403) and ("squid" in r.headers.get("server", "").lower() or
                                                    "squid" in r.headers.get("via", "").lower())
        assert blocked(c.get("http://10.9.9.9/")) and blocked(c.get("http://redis/"))
        assert not blocked(c.get("http://site.example.com/403")) and not blocked(c.get("http://site.example.com/"))
