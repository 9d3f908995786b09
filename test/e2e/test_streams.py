# SPDX-License-Identifier: Apache-2.0
"""The recorded streams and blocking answers, replayed event by event against the server."""
import glob
import json
import os
import re
import threading
import time

import pytest
import requests
import yaml
from golden import Replay, settle_thoughts
from patience import PATIENCE
from tatara import GOLDEN, Annotations, events

NODES = {"code", "http-request", "list-operator", "document-extractor", "start", "end", "answer",
         "llm", "if-else", "variable-aggregator", "variable-assigner",
         "assigner", "question-classifier", "parameter-extractor", "tool", "iteration", "iteration-start", "loop",
         "loop-start", "loop-end", "template-transform"}

# Streams whose parts come later; each must name the part, so that none is forgotten.
LATER = {
    "chat_knowledge": "knowledge",
}

# The prompts of these nodes are our own: other texts, other counts of what the model was sent.
OWN_PROMPT = [r".*prompt_tokens", r".*total_tokens", r".*process_data\.prompts"]

# A text that holds the usage of a model as JSON, times included.
USAGE_TEXT = [r"\[\]\.data\.text"]

# Wanted differences (docs/compatibility.md): stream or "*" -> paths that are not compared.
IGNORE = {
    # Our own wording of the instruction that asks for JSON: other token counts.
    "workflow_structured": [r".*prompt_tokens", r".*total_tokens", r".*process_data\.prompts.*"],
    "workflow_classifier": OWN_PROMPT, "workflow_classifier_bad": OWN_PROMPT, "chatflow_classifier": OWN_PROMPT,
    "agent_react": OWN_PROMPT,
    "agent_function_calling": [r"\[\]\.answer"],  # the time of the recording, cut into words
    "workflow_extractor_prompt": OWN_PROMPT + USAGE_TEXT,
    "workflow_extractor_function": OWN_PROMPT + USAGE_TEXT + [r".*function\.description"],
    # What is said about a reply without values is ours, too.
    "workflow_extractor_bad": OWN_PROMPT + USAGE_TEXT + [r".*\.__reason", r".*\.why"],
    # The template shows the whole usage, times included.
    # The recorded server sends the last answer of the history twice; we send it once.
    "chat_second_turn": [r".*prompt_tokens", r".*total_tokens"],
    "chatflow_llm_second_turn": [r".*prompt_tokens", r".*total_tokens", r".*process_data\.prompts"],
    "workflow_llm": [r"\[\]\.data\.text", r"\[\]\.data\.outputs\.u", r"\[\]\.data\.inputs\.u"],
}
# Two models side by side: the recorded server ran them one after the other.
PARALLEL = {"chatflow_two_llm"}
# Failures of a model: the recorded text is a Python traceback; ours says what the vendor said.
VENDOR_TEXT = [r"\[\]\.message", r"\[\]\.data\.error", r"\[\]\.data\.outputs\.error_message"]


def read_recorded(file):
    with open(os.path.join(GOLDEN, "streams", file), encoding="utf-8") as f:
        # Names of files that nodes make are random; tracebacks name the files of another sandbox.
        text = re.sub(r"\b[0-9a-f]{32}\.bin", "<tmp_name>.bin", f.read())
        return re.sub(r"(Traceback .most recent call last.:)(?:(?!Traceback).)*?(ValueError: )",
                      r"\1<tmp_name>\2", text)


def load(name):
    return json.loads(read_recorded(name + ".json"))


def node_types(app):
    with open(os.path.join(GOLDEN, app), encoding="utf-8") as f:
        graph = yaml.safe_load(f).get("workflow", {}).get("graph", {})
    return {n["data"]["type"] for n in graph.get("nodes", [])} - {""}


def names():
    return sorted(os.path.basename(p)[:-5] for p in glob.glob(GOLDEN + "/streams/*.json"))


def is_later(name):
    return any(name.startswith(p) for p in LATER) or not node_types(load(name)["app"]) <= NODES


NOW = [n for n in names() if not is_later(n)]


def recorded_events(name):
    out = []
    for block in read_recorded(name + ".sse").split("\n\n"):
        if block.startswith("data: "):
            out.append(json.loads(block[6:]))
        elif block.strip() == "event: ping":
            out.append({"event": "ping"})
    return out


def merge_text(stream):
    """Neighbouring text events as one: how a model's text is cut is the model server's doing."""
    out = []
    for e in stream:
        last = out[-1] if out else None
        if last and e["event"] == last["event"] == "message" and \
                e.get("from_variable_selector") == last.get("from_variable_selector"):
            last["answer"] += e["answer"]
        elif last and e["event"] == last["event"] == "agent_message":
            last["answer"] += e["answer"]
        elif last and e["event"] == last["event"] == "text_chunk" and \
                e["data"]["from_variable_selector"] == last["data"]["from_variable_selector"]:
            last["data"]["text"] += e["data"]["text"]
        elif e["event"] != "ping":
            out.append(json.loads(json.dumps(e)))
    return out


def upload(server, key, name):
    file = ("p.png", open_png(), "image/png")
    if name == "workflow_file_local":
        file = ("note.txt", b"Local text file.\nSecond line.\n", "text/plain")
    r = requests.post(server.url + "/v1/files/upload", headers={"Authorization": "Bearer " + key},
                      data={"user": "u1"}, files={"file": file})
    assert r.status_code == 201, r.text
    return r.json()["id"]


def open_png():
    return requests.get("http://127.0.0.1:9913/pixel.png").content


def first_turn(server, key, name, replay):
    """Second turns need a conversation with the recorded first one before them."""
    before = load(name.replace("_second_turn", "")) if name.startswith("chatflow_convvar") else None
    body = dict(before["request"]["body"]) if before else {"inputs": {}, "user": "u1", "query": "first turn"}
    body["response_mode"] = "blocking"
    r = requests.post(server.url + "/v1/chat-messages", json=body, headers={"Authorization": "Bearer " + key})
    assert r.status_code == 200, r.text
    replay.bound["<conversation_id#1>"] = r.json()["conversation_id"]


def annotated(server, key):
    """The recorded annotation, and replies with it; once for all that use the app."""
    a = Annotations(server, key)
    if not a.call("GET", "/annotations")["total"]:
        a.add("What is the capital of Norway?", "Oslo (from annotation).")
        a.switch()


def prepare(server, apps, name):
    spec = load(name)
    app = os.path.basename(spec["app"])[:-4]
    replay = Replay({"<app_id:%s>" % app: apps.id(app)})
    key = apps.key(app)
    text = json.dumps(spec["request"])
    if name == "chat_annotation":
        annotated(server, key)
    if "second_turn" in name:
        first_turn(server, key, name, replay)
    if "<related_id#1>" in text:
        replay.bound["<related_id#1>"] = replay.bound["<answer#1>"] = upload(server, key, name)
    return spec, key, replay


def ignored(name):
    paths = list(IGNORE.get(name, []))
    if "error" in name or "fail_branch" in name:
        paths += VENDOR_TEXT
    return paths


@pytest.mark.parametrize("name", [n for n in NOW if not n.endswith(("_stop", "_ping", "_other_user"))])
def test_stream(server, apps, name):
    spec, key, replay = prepare(server, apps, name)
    r = requests.post(server.url + spec["request"]["path"], json=replay.fill(spec["request"]["body"]),
                      headers={"Authorization": "Bearer " + key})
    assert r.status_code == spec["response"]["status"], r.text
    for header in ("content-type", "x-version", "x-env"):
        if header in spec["response"]["headers"]:
            assert r.headers.get(header) == spec["response"]["headers"][header]
    want, got = merge_text(recorded_events(name)), merge_text(events(r))
    if name.startswith("agent_"):
        want, got = settle_thoughts(want), settle_thoughts(got)
        if name == "agent_react":
            assert got[-2]["event"] == "agent_thought"
            del got[-2]
    for e in want:
        # A message with a file: the recorded server misnames its text events.
        if name == "chat_vision_remote" and e["event"] == "message_file":
            e["event"] = "message"
    if name in PARALLEL:
        key = lambda e: (e["event"], str(e.get("data", {}).get("node_id")), str(e.get("from_variable_selector")))  # noqa: E731
        want, got = sorted(want, key=key), sorted(got, key=key)
    want, got = merge_text(want), merge_text(got)
    assert [e["event"] for e in got] == [e["event"] for e in want]
    problems = replay.compare(want, got, "", ignored(name))
    assert not problems, "\n".join(problems[:20])


@pytest.mark.parametrize("name", [n for n in NOW if "blocking" in load(n)
                                  and not n.endswith(("_stop", "_ping", "_other_user"))])
def test_blocking(server, apps, name):
    spec, key, replay = prepare(server, apps, name)
    want = spec["blocking"]
    r = requests.post(server.url + spec["request"]["path"], json=replay.fill(want["request_body"]),
                      headers={"Authorization": "Bearer " + key})
    assert r.status_code == want["status"], r.text
    assert r.headers["content-type"] == want["content-type"]
    paths = [r"body\.message", r"body\.data\.error"] if "error" in name else []
    if name in ("workflow_structured", "chat_second_turn", "chatflow_llm_second_turn"):
        paths.append(r".*(total|prompt)_tokens")
    paths += [p for p in IGNORE.get(name, []) if p in OWN_PROMPT or p.endswith("why")]
    problems = replay.compare(want["body"], r.json(), "body", paths)
    assert not problems, "\n".join(problems[:20])


TEXTS = ("message", "text_chunk", "agent_message")


def stop_path(mode_path, task):
    if mode_path.endswith("workflows/run"):
        return "/v1/workflows/tasks/%s/stop" % task
    return "%s/%s/stop" % (mode_path, task)


@pytest.mark.parametrize("name", [n for n in NOW if n.endswith("_stop")])
def test_stop(server, apps, name):
    """Stopped in mid-stream: ends soon, with the recorded kinds of events at the end."""
    spec, key, _ = prepare(server, apps, name)
    headers = {"Authorization": "Bearer " + key}
    # Far more than the recorded thirty pieces, so that no stall of the machine lets it come to its end.
    body = json.loads(json.dumps(spec["request"]["body"]).replace("[[slow:300:30]]", "[[slow:300:1000]]"))
    assert "1000" in json.dumps(body)
    r = requests.post(server.url + spec["request"]["path"], json=body, headers=headers, stream=True)
    seen, stopped = [], None
    for line in r.iter_lines():
        if not line.startswith(b"data: "):
            continue
        e = json.loads(line[6:])
        seen.append(e)
        texts = [x for x in seen if x["event"] in TEXTS]
        if len(texts) == 2 and stopped is None:
            answer = requests.post(server.url + stop_path(spec["request"]["path"], e["task_id"]),
                                   json={"user": "u1"}, headers=headers)
            assert answer.status_code == 200 and answer.json() == {"result": "success"}
            stopped = True
    assert stopped
    want = recorded_events(name)
    assert seen[-1]["event"] == want[-1]["event"]
    assert len([x for x in seen if x["event"] in TEXTS]) < 500
    finished = [e for e in seen if e["event"] == "workflow_finished"]
    if finished:
        assert finished[0]["data"]["status"] == "stopped"


def test_stop_of_another_user_does_nothing(server, apps):
    spec, key, _ = prepare(server, apps, "chat_stop_other_user")
    headers = {"Authorization": "Bearer " + key}
    r = requests.post(server.url + spec["request"]["path"], json=spec["request"]["body"], headers=headers, stream=True)
    text, asked = "", False
    for line in r.iter_lines():
        if line.startswith(b"data: "):
            e = json.loads(line[6:])
            text += e.get("answer", "")
            if not asked:
                asked = True
                a = requests.post(stop_url(server, e), json={"user": "somebody else"}, headers=headers)
                assert a.json() == {"result": "success"}
    assert text == " ".join("tok%d" % i for i in range(8))


def stop_url(server, event):
    return "%s/v1/chat-messages/%s/stop" % (server.url, event["task_id"])


@pytest.mark.parametrize("name", [n for n in NOW if n.endswith("_ping")])
def test_ping(server, apps, name):
    """A silent model: "event: ping" without a data line after ten seconds."""
    spec, key, replay = prepare(server, apps, name)
    started, first = time.time(), None
    r = requests.post(server.url + spec["request"]["path"], json=replay.fill(spec["request"]["body"]),
                      headers={"Authorization": "Bearer " + key}, stream=True)
    raw = b""
    for piece in r.iter_content(None):
        raw += piece
        if first is None and b"event: ping\n\n" in raw:
            first = time.time() - started
    assert first is not None and first > 9
    assert b"event: ping\ndata" not in raw


def test_parts_that_come_later_are_named():
    """Every recorded stream is either replayed here or uses a part that is named as missing."""
    known = {"code", "http-request", "question-classifier", "parameter-extractor", "tool", "iteration", "loop",
             "list-operator", "document-extractor", "tool", "human-input", "template-transform",
             "knowledge-retrieval", "iteration-start", "loop-start", "loop-end", "agent"}
    for name in set(names()) - set(NOW):
        types = node_types(load(name)["app"])
        assert any(name.startswith(p) for p in LATER) or types & known, name
    assert len(NOW) >= 25


def test_two_followers_see_the_same(server, apps):
    """A stream read again through /workflow/{run_id}/events, while it runs, ends the same way."""
    key = apps.key("wf_slow")
    headers = {"Authorization": "Bearer " + key}
    r = requests.post(server.url + "/v1/workflows/run", headers=headers, stream=True,
                      json={"inputs": {"q": "[[slow:100:10]]"}, "user": "u1", "response_mode": "streaming"})
    lines = (json.loads(line[6:]) for line in r.iter_lines() if line.startswith(b"data: "))
    run = next(lines)["workflow_run_id"]
    other = []

    def follow():
        f = requests.get("%s/v1/workflow/%s/events" % (server.url, run), params={"user": "u1"}, headers=headers)
        assert f.status_code == 200, f.text
        other.extend(events(f))

    t = threading.Thread(target=follow)
    t.start()
    mine = list(lines)
    t.join(PATIENCE)
    assert other and other[-1]["event"] == "workflow_finished"
    assert other[-1]["data"]["outputs"] == mine[-1]["data"]["outputs"]
