# SPDX-License-Identifier: Apache-2.0
"""What many, slow or large clients may cost: memory that does not grow, and texts that wait for no disk."""
import json
import os
import sqlite3
import time

import pytest
import requests
from tatara import Apps, Server


@pytest.fixture(scope="module")
def fresh(mock_model):
    s = Server({"ENABLE_REQUEST_LOGGING": "false", "LOG_LEVEL": "WARNING"}).start().setup()
    s.add_mock_model()
    yield s
    s.remove()


@pytest.fixture(scope="module")
def chat(fresh):
    key = Apps(fresh).key("chat_plain")
    body = {"query": "[[say:hello there]]", "inputs": {}, "user": "load", "response_mode": "streaming", "auto_generate_name": False}
    post = requests.post(fresh.url + "/v1/chat-messages", json=body, headers={"Authorization": "Bearer " + key}, timeout=20)
    assert b"message_end" in post.content, post.content
    return key, body


def test_first_text_waits_for_no_disk(fresh, chat):
    """While the database cannot be written, the text of a chat is shown all the same; its end waits."""
    key, body = chat
    lock = sqlite3.connect(os.path.join(fresh.data, "tatara.db"), isolation_level=None, timeout=20)
    lock.execute("BEGIN IMMEDIATE")
    seen = []
    with requests.post(fresh.url + "/v1/chat-messages", json=body, headers={"Authorization": "Bearer " + key}, stream=True,
                       timeout=20) as r:
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
    stored = requests.get(fresh.url + "/v1/messages", headers={"Authorization": "Bearer " + key}, timeout=20,
                          params={"user": "load", "conversation_id": event["conversation_id"]}).json()
    assert [m["id"] for m in stored["data"]] == [message_id]
