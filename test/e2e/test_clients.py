# SPDX-License-Identifier: Apache-2.0
"""The official client libraries against the server."""
import json
import os
import subprocess

from dify_client import ChatClient, CompletionClient
from dify_client.client import DifyClient

HERE = os.path.dirname(os.path.abspath(__file__))


def base(client, server):
    client.base_url = server.url + "/v1"
    return client


def test_python_chat(server, apps):
    client = base(ChatClient(apps.key("chat_plain")), server)
    r = client.create_chat_message(inputs={}, query="Hello", user="sdk", response_mode="blocking")
    assert r.json()["answer"] == "You said: Hello"
    conversation = r.json()["conversation_id"]
    stream = client.create_chat_message(inputs={}, query="Again", user="sdk", response_mode="streaming",
                                        conversation_id=conversation)
    text = ""
    for line in stream.iter_lines(decode_unicode=True):
        if line.startswith("data: "):
            text += json.loads(line[6:]).get("answer", "")
    assert text == "You said: Again"
    messages = client.get_conversation_messages("sdk", conversation).json()["data"]
    assert [m["query"] for m in messages] == ["Hello", "Again"]
    assert client.get_conversations("sdk").json()["data"][0]["id"] == conversation
    assert client.message_feedback(messages[0]["id"], "like", "sdk").json() == {"result": "success"}
    assert client.rename_conversation(conversation, "Renamed", "sdk").json()["name"] == "Renamed"


def test_python_completion(server, apps):
    client = base(CompletionClient(apps.key("completion")), server)
    r = client.create_completion_message({"text": "hello"}, "blocking", "sdk")
    assert r.json()["answer"]


def test_python_file(server, apps):
    client = base(DifyClient(apps.key("cf_file")), server)
    r = client.file_upload("sdk", {"file": ("a.txt", b"hello", "text/plain")})
    assert r.status_code == 201 and r.json()["size"] == 5
    assert client.get_application_parameters("sdk").status_code == 200


def test_node(server, apps):
    env = dict(os.environ, BASE=server.url + "/v1", CHAT_KEY=apps.key("chat_plain"),
               WORKFLOW_KEY=apps.key("wf_echo"))
    r = subprocess.run(["node", os.path.join(HERE, "node/client.mjs")], env=env, capture_output=True, text=True,
                       timeout=240)
    assert r.returncode == 0, r.stdout + r.stderr
