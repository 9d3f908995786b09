# SPDX-License-Identifier: Apache-2.0
"""What models think, apart from what they answer: llm nodes with `reasoning_format`, from <think> tags
and from servers that send their thoughts in a field of their own."""
import json
import threading
import time

import pytest
import requests
from graphs import Graph, app_file, end, start
from scripted_model import ScriptedModel
from tatara import Server, events

KILLED = threading.Event()
TAGS = ["<thi", "nk>\nI po", "nder", ".\n</th", "ink>\n\nThe answer", " is 42."]
SAYS = {
    "tags": [{"content": t} for t in TAGS],
    "field": [{"reasoning_content": "I po"}, {"reasoning_content": "nder."}, {"content": "The answer"},
              {"content": " is 42."}],
    "other field": [{"reasoning": "I ponder."}, {"content": "The answer is 42."}],
    "twice": [{"content": "<think>one</think>a<think>two</think>b"}],
    "none": [{"content": "The answer is 42."}],
    "empty": [{"content": "<think>\n\n</think>\n\nThe answer is 42."}],
    "cut off": [{"content": "so<think>and"}],
    # Stops behind the eighth piece until the process that asked has been killed.
    "slow": [{"reasoning_content": "think%d " % i} for i in range(8)] + [KILLED] +
            [{"reasoning_content": "think%d " % i} for i in range(8, 20)] + [{"content": "done"}],
}


@pytest.fixture(scope="module")
def model():
    m = ScriptedModel(lambda q: SAYS[q["messages"][-1]["content"]])
    yield m
    m.close()


@pytest.fixture(scope="module")
def thinking(server, model):
    model.add_to(server, "thinker")
    return server


def llm(fmt=None, says="{{#start.q#}}", **more):
    node = {"id": "m", "type": "llm", "context": {"enabled": False}, "prompt_template": [{"role": "user", "text": says}],
            "model": {"provider": "openai_api_compatible", "name": "thinker", "mode": "chat", "completion_params": {}}}
    return dict(node, **({"reasoning_format": fmt} if fmt else {}), **more)


EDGES = ["start m", "m end"]


def workflow(server, fmt, q):
    g = Graph(server, app_file([start("q"), llm(fmt), end(text="m.text", thoughts="m.reasoning_content")], EDGES))
    g.done = g.run({"q": q})
    return g


def streamed(g):
    return "".join(d["text"] for d in g.of("text_chunk") if d["from_variable_selector"] == ["m", "text"])


@pytest.mark.parametrize("q,text,thoughts,finals", [
    ("tags", "The answer is 42.", "I ponder.", 1), ("field", "The answer is 42.", "I ponder.", 1),
    ("other field", "The answer is 42.", "I ponder.", 1), ("twice", "ab", "one\ntwo", 2),
    ("none", "The answer is 42.", "", 0), ("empty", "The answer is 42.", "", 0), ("cut off", "so", "and", 1)])
def test_separated(thinking, q, text, thoughts, finals):
    g = workflow(thinking, "separated", q)
    assert g.done["outputs"] == {"text": text, "thoughts": thoughts}
    assert streamed(g) == text
    chunks = [e for e in g.events if e["event"] == "reasoning_chunk"]
    assert "".join(e["data"]["reasoning"] for e in chunks) == thoughts
    assert [e["data"]["reasoning"] for e in chunks if e["data"]["is_final"]] == [""] * finals
    for e in chunks:
        assert set(e) == {"event", "workflow_run_id", "task_id", "data"}
        assert e["workflow_run_id"] == g.done["id"]
        assert set(e["data"]) == {"message_id", "reasoning", "node_id", "is_final"}
        assert e["data"]["node_id"] == "m" and e["data"]["message_id"] is None
    if chunks and q != "twice" and text == "The answer is 42.":
        names = [e["event"] for e in g.events]
        last = max(i for i, n in enumerate(names) if n == "reasoning_chunk")
        assert chunks[-1]["data"]["is_final"]
        assert last < names.index("text_chunk", names.index("node_started", 3)), names


@pytest.mark.parametrize("fmt", [None, "tagged"])
def test_tagged_leaves_the_answer_as_it_is(thinking, fmt):
    for q, raw in (("tags", "".join(TAGS)), ("field", "<think>\nI ponder.\n</think>The answer is 42.")):
        g = workflow(thinking, fmt, q)
        assert g.done["outputs"] == {"text": raw, "thoughts": ""}
        assert streamed(g) == raw
        assert not g.of("reasoning_chunk")


def test_chatflow_keeps_the_answer_only(thinking):
    g = Graph(thinking, app_file([start(), llm("separated", "{{#sys.query#}}"), {"id": "a", "type": "answer",
                                  "answer": "{{#m.text#}}"}], ["start m", "m a"], mode="advanced-chat"))
    g.run({}, query="field")
    chunks = [e for e in g.events if e["event"] == "reasoning_chunk"]
    message = [e for e in g.events if e["event"] == "message"]
    assert "".join(e["data"]["reasoning"] for e in chunks) == "I ponder."
    assert "".join(e["answer"] for e in message) == "The answer is 42."
    for e in chunks:
        assert set(e) >= {"event", "conversation_id", "message_id", "created_at", "task_id", "data"}
        assert e["data"]["message_id"] == e["message_id"] == message[0]["message_id"]
        assert e["conversation_id"] == message[0]["conversation_id"]
    r = requests.get(thinking.url + "/v1/messages", headers={"Authorization": "Bearer " + g.key},
                     params={"user": "u", "conversation_id": message[0]["conversation_id"]})
    assert r.json()["data"][0]["answer"] == "The answer is 42."


def test_elements_of_a_parallel_iteration_keep_their_blocks(thinking):
    inner = {"isInIteration": True, "iteration_id": "it"}
    nodes = [start("q"), {"id": "list", "type": "code", "code_language": "python3", "variables": [],
                          "code": "def main():\n    return {'l': ['tags', 'field', 'none']}",
                          "outputs": {"l": {"type": "array[string]", "children": None}}},
             {"id": "it", "type": "iteration", "iterator_selector": ["list", "l"], "output_selector": ["m", "reasoning_content"],
              "output_type": "array[string]", "start_node_id": "its", "is_parallel": True, "parallel_nums": 3,
              "error_handle_mode": "terminated"},
             {"id": "its", "type": "iteration-start", **inner}, llm("separated", "{{#it.item#}}", **inner),
             end(out="it.output")]
    g = Graph(thinking, app_file(nodes, ["start list", "list it", "it end", "its m"]))
    done = g.run({"q": ""})
    assert done["outputs"] == {"out": ["I ponder.", "I ponder.", ""]}
    assert "".join(d["reasoning"] for d in g.of("reasoning_chunk")) == "I ponder." * 2
    # Thoughts of an element stand between the start and the end of its node.
    names = [e["event"] for e in g.events if e["event"] in ("node_started", "node_finished", "reasoning_chunk")
             and e["data"]["node_id"] == "m"]
    open_nodes = 0
    for n in names:
        open_nodes += {"node_started": 1, "node_finished": -1}.get(n, 0)
        assert open_nodes == 1 or n == "node_finished"


def test_easy_apps_drop_thoughts(thinking):
    config = {"model": {"provider": "openai_api_compatible", "name": "thinker", "mode": "chat",
                        "completion_params": {}}, "prompt_type": "simple", "pre_prompt": "",
              "user_input_form": []}
    app = json.dumps({"version": "0.5.0", "kind": "app", "app": {"name": "t", "mode": "chat"}, "model_config": config})
    key = Graph(thinking, app).key
    r = requests.post(thinking.url + "/v1/chat-messages", headers={"Authorization": "Bearer " + key},
                      json={"inputs": {}, "user": "u", "query": "field", "response_mode": "streaming"})
    stream = events(r)
    assert {e["event"] for e in stream} == {"message", "message_end"}
    assert "".join(e.get("answer", "") for e in stream) == "The answer is 42."


def test_thoughts_survive_the_death_of_their_process(model):
    """api dies while the model thinks; who follows the run reads every thought once."""
    s = Server({"SSRF_PROXY_ALLOW_PRIVATE_IPS": "127.0.0.1", "TATARA_DRAIN_SECONDS": "5"}).start().setup()
    try:
        model.add_to(s, "thinker")
        g = Graph(s, app_file([start("q"), llm("separated"), end(text="m.text", thoughts="m.reasoning_content")], EDGES))
        headers = {"Authorization": "Bearer " + g.key}
        r = requests.post(s.url + "/v1/workflows/run", headers=headers, stream=True,
                          json={"inputs": {"q": "slow"}, "user": "u", "response_mode": "streaming"})
        run, seen = None, 0
        try:
            for line in r.iter_lines():
                e = json.loads(line[6:]) if line.startswith(b"data: ") else {"event": None}
                run = run or e.get("workflow_run_id")
                seen += e["event"] == "reasoning_chunk"
                if seen == 5:
                    time.sleep(0.2)  # what was shown is stored soon after
                    break
        except requests.RequestException:
            pass
        s.replace_role("api")
        KILLED.set()
        f = requests.get("%s/v1/workflow/%s/events" % (s.url, run), params={"user": "u"}, headers=headers,
                         stream=True, timeout=120)
        stream = events(f)
        want = " ".join("think%d" % i for i in range(20))
        assert stream[-1]["data"]["outputs"] == {"text": "done", "thoughts": want}
        thoughts = [e["data"] for e in stream if e["event"] == "reasoning_chunk"]
        assert "".join(t["reasoning"] for t in thoughts) == want
        assert [t["is_final"] for t in thoughts].count(True) == 1
        assert model.requests[-1] == model.requests[-2], "the model was asked again"
    finally:
        s.remove()
