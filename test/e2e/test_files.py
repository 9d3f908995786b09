# SPDX-License-Identifier: Apache-2.0
"""Files in runs: what nodes make, links to it, files as inputs of later runs."""
import re

import pytest
import requests
from tatara import events


def run_http(server, apps):
    r = requests.post(server.url + "/v1/workflows/run", headers={"Authorization": "Bearer " + apps.key("wf_http")},
                      json={"inputs": {"q": "x"}, "user": "u1", "response_mode": "streaming"})
    done = [e for e in events(r) if e["event"] == "workflow_finished"][0]["data"]
    assert done["status"] == "succeeded", done["error"]
    return done["files"][0]


@pytest.fixture(scope="module")
def made(server, apps):
    return run_http(server, apps)


def test_link_of_a_file_that_a_node_made(made):
    r = requests.get(made["url"])
    assert r.status_code == 200
    assert r.content == requests.get("http://127.0.0.1:9913/file.bin").content and len(r.content) == made["size"]
    assert r.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("change", [
    lambda u: u.replace("sign=", "sign=A"), lambda u: re.sub(r"nonce=.", "nonce=x", u),
    lambda u: re.sub(r"timestamp=\d", "timestamp=9", u), lambda u: u.split("?")[0],
    lambda u: re.sub(r"tools/[^.]*", "tools/11111111-2222-4333-8444-555555555555", u),
    lambda u: re.sub(r"tools/[^.]*", "tools/..%2f..%2fsecret", u)])
def test_changed_links_are_refused(made, change):
    assert change(made["url"]) != made["url"]
    assert requests.get(change(made["url"])).status_code == 404


def test_links_are_signed_with_the_kept_secret(server, made):
    """No SECRET_KEY in the environment: an empty key must not sign anything."""
    import base64
    import hashlib
    import hmac
    assert "SECRET_KEY" not in server.env
    ident, query = re.search(r"tools/([^.]*)\.[^?]*\?(.*)", made["url"]).groups()
    part = dict(p.split("=", 1) for p in query.split("&"))
    text = "file-preview|%s|%s|%s" % (ident, part["timestamp"], part["nonce"])
    forged = base64.urlsafe_b64encode(hmac.new(b"", text.encode(), hashlib.sha256).digest()).decode()
    assert forged != part["sign"]
    assert requests.get(made["url"].replace(part["sign"], forged)).status_code == 404


def test_made_file_as_an_input(server, apps, made):
    """A tool file goes into a later run by its id; ids of nothing do not."""
    headers = {"Authorization": "Bearer " + apps.key("cf_file")}
    body = {"inputs": {}, "query": "see", "user": "u1", "response_mode": "blocking",
            "files": [{"type": "custom", "transfer_method": "tool_file", "tool_file_id": made["related_id"]}]}
    r = requests.post(server.url + "/v1/chat-messages", json=body, headers=headers)
    assert r.status_code == 400 and "File validation failed" in r.json()["message"], r.text  # .PNG only
    body["files"][0]["tool_file_id"] = "11111111-2222-4333-8444-555555555555"
    r = requests.post(server.url + "/v1/chat-messages", json=body, headers=headers)
    assert r.status_code == 400 and "not found" in r.json()["message"], r.text
